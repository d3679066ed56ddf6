// Buttons. What one does is its text, a verb; an icon alone needs a name. One that cannot be pressed now keeps the focus that it
// has: the browser would take it from a disabled one, and with it the place of whoever works by keyboard.
import type { ComponentPropsWithRef, MouseEvent } from "react";
import { Link, type LinkProps } from "react-router";

import { Icon, type IconName } from "./Icon";

export type ButtonKind = "plain" | "primary" | "danger" | "quiet";

function classes(kind: ButtonKind, large: boolean, icon: boolean, more?: string): string {
  const own = ["button"];
  if (kind !== "plain") own.push(`button-${kind}`);
  if (large) own.push("button-large");
  if (icon) own.push("button-icon");
  if (more) own.push(more);
  return own.join(" ");
}

type Pressed = Pick<ComponentPropsWithRef<"button">, "disabled" | "onClick">;

function pressed({ disabled, onClick }: Pressed) {
  if (!disabled) return { onClick };
  // Enter in a field presses its form's button, too.
  return { "aria-disabled": true, onClick: (event: MouseEvent) => event.preventDefault() };
}

type ButtonProps = ComponentPropsWithRef<"button"> & { kind?: ButtonKind; large?: boolean };

export function Button({ kind = "plain", large = false, className, type = "button", disabled, onClick, ...rest }: ButtonProps) {
  return <button type={type} className={classes(kind, large, false, className)} {...rest} {...pressed({ disabled, onClick })} />;
}

type IconButtonProps = ComponentPropsWithRef<"button"> & { icon: IconName; name: string; kind?: ButtonKind };

export function IconButton({ icon, name, kind = "plain", className, type = "button", disabled, onClick, ...rest }: IconButtonProps) {
  return (
    <button type={type} aria-label={name} title={name} className={classes(kind, false, true, className)} {...rest} {...pressed({ disabled, onClick })}>
      <Icon name={icon} />
    </button>
  );
}

/** A link that looks like a button: it leads somewhere, and changes nothing. */
export function ButtonLink({ kind = "plain", className, ...rest }: LinkProps & { kind?: ButtonKind }) {
  return <Link className={classes(kind, false, false, className)} {...rest} />;
}
