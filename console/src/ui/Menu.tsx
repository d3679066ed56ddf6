// Menus that open from a button, and from a place by right click. Not modal: Radix would insert a style element for that,
// which the content security policy forbids.
import { ContextMenu as RadixContext, DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";

import { unlessElsewhere } from "./focus";

type ItemProps = { children: ReactNode; onSelect?: () => void; disabled?: boolean; danger?: boolean; hint?: ReactNode };

function itemClass(danger?: boolean): string {
  return danger ? "menu-item menu-item-danger" : "menu-item";
}

export function Menu({ trigger, children, align = "start", label }: {
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
  label?: string;
}) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu" align={align} sideOffset={4} collisionPadding={8} aria-label={label} onCloseAutoFocus={unlessElsewhere}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function MenuItem({ children, onSelect, disabled, danger, hint }: ItemProps) {
  return (
    <Radix.Item className={itemClass(danger)} onSelect={onSelect} disabled={disabled}>
      {children}
      {hint && <span className="menu-hint">{hint}</span>}
    </Radix.Item>
  );
}

/** An item that is a link or another element of its own. */
export function MenuLink({ children }: { children: ReactNode }) {
  return (
    <Radix.Item className="menu-item" asChild>
      {children}
    </Radix.Item>
  );
}

export function MenuCheck({ children, checked, onChange }: { children: ReactNode; checked: boolean; onChange: (checked: boolean) => void }) {
  return (
    <Radix.CheckboxItem className="menu-item" checked={checked} onCheckedChange={onChange} onSelect={(event) => event.preventDefault()}>
      <span className="menu-check">{checked && "✓"}</span>
      {children}
    </Radix.CheckboxItem>
  );
}

export function MenuChoice<T extends string>({ value, onChange, choices }: {
  value: T;
  onChange: (value: T) => void;
  choices: { value: T; label: ReactNode; hint?: ReactNode }[];
}) {
  return (
    <Radix.RadioGroup value={value} onValueChange={(chosen) => onChange(chosen as T)}>
      {choices.map((choice) => (
        <Radix.RadioItem key={choice.value} value={choice.value} className="menu-item">
          <span className="menu-check">{choice.value === value && "✓"}</span>
          {choice.label}
          {choice.hint && <span className="menu-hint">{choice.hint}</span>}
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Radix.Label className="menu-label">{children}</Radix.Label>;
}

export function MenuSeparator() {
  return <Radix.Separator className="menu-separator" />;
}

export function ContextMenu({ children, items }: { children: ReactNode; items: ReactNode }) {
  return (
    <RadixContext.Root modal={false}>
      <RadixContext.Trigger asChild>{children}</RadixContext.Trigger>
      <RadixContext.Portal>
        <RadixContext.Content className="menu" collisionPadding={8} onCloseAutoFocus={unlessElsewhere}>
          {items}
        </RadixContext.Content>
      </RadixContext.Portal>
    </RadixContext.Root>
  );
}

export function ContextItem({ children, onSelect, hint }: ItemProps) {
  return (
    <RadixContext.Item className="menu-item" onSelect={onSelect}>
      {children}
      {hint && <span className="menu-hint">{hint}</span>}
    </RadixContext.Item>
  );
}
