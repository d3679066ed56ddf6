// Buttons. What one does is its text, a verb; an icon alone needs a name.
import type { ComponentPropsWithRef } from "react";
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

type ButtonProps = ComponentPropsWithRef<"button"> & { kind?: ButtonKind; large?: boolean };

export function Button({ kind = "plain", large = false, className, type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={classes(kind, large, false, className)} {...rest} />;
}

type IconButtonProps = ComponentPropsWithRef<"button"> & { icon: IconName; name: string; kind?: ButtonKind };

export function IconButton({ icon, name, kind = "plain", className, type = "button", ...rest }: IconButtonProps) {
  return (
    <button type={type} aria-label={name} title={name} className={classes(kind, false, true, className)} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

/** A link that looks like a button: it leads somewhere, and changes nothing. */
export function ButtonLink({ kind = "plain", className, ...rest }: LinkProps & { kind?: ButtonKind }) {
  return <Link className={classes(kind, false, false, className)} {...rest} />;
}
