// A small panel that belongs to a button.
import { Popover as Radix } from "radix-ui";
import type { ReactNode } from "react";

import { unlessElsewhere } from "./focus";

export function Popover({ trigger, children, open, onOpenChange, align = "start", label, plain = false, onCloseAutoFocus }: {
  trigger: ReactNode;
  children: ReactNode;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  align?: "start" | "end";
  label: string;
  /** Without padding of its own. */
  plain?: boolean;
  onCloseAutoFocus?: (event: Event) => void;
}) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className={plain ? "menu" : "popover"} align={align} sideOffset={4} collisionPadding={8} aria-label={label} onCloseAutoFocus={onCloseAutoFocus ?? unlessElsewhere}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
