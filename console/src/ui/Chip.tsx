// A criterion as a chip: opened by its text, taken away by its cross.
import type { ComponentPropsWithRef, ReactNode } from "react";

export function Chip({ field, value, negated = false, onRemove, removeName, buttonProps, opening }: {
  field: ReactNode;
  value: ReactNode;
  negated?: boolean;
  onRemove: () => void;
  removeName: string;
  buttonProps?: ComponentPropsWithRef<"button">;
  /** Puts the button into what opens from it. */
  opening?: (button: ReactNode) => ReactNode;
}) {
  const button = (
    <button type="button" {...buttonProps}>
      <span className="chip-field">{field}</span>
      <b className="chip-value">{value}</b>
    </button>
  );
  return (
    <span className={negated ? "chip chip-negated" : "chip"}>
      {opening ? opening(button) : button}
      <button type="button" aria-label={removeName} title={removeName} onClick={onRemove}>
        ×
      </button>
    </span>
  );
}
