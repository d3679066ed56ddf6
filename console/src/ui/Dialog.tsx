// Dialogs and drawers over a page. Focus goes in, stays in, and returns to where it was.
//
// The scrim is our own element: Radix's overlay would insert a style element, which the content security policy forbids.
import { Dialog as Radix } from "radix-ui";
import { useState, type ReactNode } from "react";

import { IconButton } from "./Button";
import { isNowhere, unlessElsewhere } from "./focus";

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
  wide?: boolean;
};

export function Dialog({ open, ...rest }: DialogProps) {
  return open ? <OpenDialog {...rest} /> : null;
}

function OpenDialog({ onOpenChange, title, description, children, wide = false }: Omit<DialogProps, "open">) {
  // Radix would take a field that has the focus from its first moment for where the focus had been before.
  const [before] = useState(() => document.activeElement);
  const giveBack = (event: Event) => {
    event.preventDefault();
    if (isNowhere() && before instanceof HTMLElement && before.isConnected) before.focus();
  };
  return (
    <Radix.Root open onOpenChange={onOpenChange}>
      <Radix.Portal>
        <div className="scrim" />
        <Radix.Content className={wide ? "dialog dialog-wide" : "dialog"} onCloseAutoFocus={giveBack} {...(description ? {} : { "aria-describedby": undefined })}>
          <Radix.Title className="dialog-title">{title}</Radix.Title>
          {description && <Radix.Description className="dialog-description">{description}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="dialog-actions">{children}</div>;
}

export function Drawer({ open, onOpenChange, title, children }: Omit<DialogProps, "description" | "wide">) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <div className="scrim" />
        <Radix.Content className="drawer" aria-describedby={undefined} onCloseAutoFocus={unlessElsewhere}>
          <div className="page-head">
            <Radix.Title className="dialog-title grow">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton icon="close" name="Close" kind="quiet" />
            </Radix.Close>
          </div>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
