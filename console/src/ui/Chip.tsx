// A criterion as a chip: opened by its text, taken away by its cross.
import type { ComponentPropsWithRef, ReactNode } from "react";

export function Chip({ field, value, negated = false, onRemove, removeName, buttonProps, children }: {
  field: ReactNode;
  value: ReactNode;
  negated?: boolean;
  onRemove: () => void;
  removeName: string;
  buttonProps?: ComponentPropsWithRef<"button">;
  children?: ReactNode;
}) {
  return (
    <span className={negated ? "chip chip-negated" : "chip"}>
      <button type="button" {...buttonProps}>
        <span className="chip-field">{field}</span>
        <b className="chip-value">{value}</b>
      </button>
      {children}
      <button type="button" aria-label={removeName} title={removeName} onClick={onRemove}>
        ×
      </button>
    </span>
  );
}
