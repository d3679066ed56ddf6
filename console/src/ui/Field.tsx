// Fields of forms: a label, what is typed, what is wrong with it.
import { useId, type ComponentPropsWithRef, type ReactNode } from "react";

type FieldProps = { label: ReactNode; hint?: ReactNode; error?: string | undefined };

type InputProps = Omit<ComponentPropsWithRef<"input">, "id"> & FieldProps & { large?: boolean; beside?: ReactNode };

export function TextField({ label, hint, error, large = false, beside, className, ...rest }: InputProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const input = (
    <input
      id={id}
      className={["input", large && "input-large", className].filter(Boolean).join(" ")}
      aria-invalid={error ? true : undefined}
      aria-describedby={described || undefined}
      {...rest}
    />
  );
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {beside ? <span className="input-beside">{input}{beside}</span> : input}
      {hint && <span id={`${id}-hint`} className="field-hint">{hint}</span>}
      {error && <span id={`${id}-error`} className="field-error" role="alert">{error}</span>}
    </div>
  );
}

type AreaProps = Omit<ComponentPropsWithRef<"textarea">, "id"> & FieldProps;

export function TextArea({ label, hint, error, ...rest }: AreaProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} className="input" aria-invalid={error ? true : undefined} aria-describedby={described || undefined} {...rest} />
      {hint && <span id={`${id}-hint`} className="field-hint">{hint}</span>}
      {error && <span id={`${id}-error`} className="field-error" role="alert">{error}</span>}
    </div>
  );
}

/** One of a few: the browser's own, which every keyboard and screen reader knows. */
export function Select<T extends string>({ value, onChange, choices, name, label }: {
  value: T;
  onChange: (value: T) => void;
  choices: { value: T; label: string }[];
  name?: string;
  label: string;
}) {
  return (
    <span className="select">
      <select name={name} aria-label={label} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>{choice.label}</option>
        ))}
      </select>
    </span>
  );
}

export function Checkbox({ children, ...rest }: ComponentPropsWithRef<"input"> & { children: ReactNode }) {
  return (
    <label className="checkbox">
      <input type="checkbox" {...rest} />
      <span>{children}</span>
    </label>
  );
}
