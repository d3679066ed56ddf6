// Tabs of a page or a drawer.
import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

export function Tabs<T extends string>({ value, onChange, tabs, label, children }: {
  value: T;
  onChange: (value: T) => void;
  tabs: { value: T; label: ReactNode }[];
  label: string;
  /** The panel of the chosen tab. */
  children: ReactNode;
}) {
  return (
    <Radix.Root value={value} onValueChange={(chosen) => onChange(chosen as T)}>
      <Radix.List className="tabs" aria-label={label}>
        {tabs.map((tab) => (
          <Radix.Trigger key={tab.value} value={tab.value} className="tab">
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.value} value={tab.value} className="tab-panel">
          {tab.value === value && children}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
