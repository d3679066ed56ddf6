// Choosing what a role permits: whole areas, or single permissions inside of them.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { Checkbox } from "../ui/Field";
import { Failed, Loading } from "../ui/states";
import type { Schemas } from "../api/client";
import { permissionsQuery } from "../api/permissions";

export type Chosen = Schemas["NewRole"]["permissions"];
type Area = Schemas["Permissions"]["areas"][number];

/** A box that is neither on nor off while some of what it stands for is chosen. */
function AreaBox({ checked, some, label, onChange }: { checked: boolean; some: boolean; label: string; onChange: (on: boolean) => void }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = some && !checked;
  }, [some, checked]);
  return <input ref={box} type="checkbox" aria-label={label} checked={checked} onChange={(event) => onChange(event.target.checked)} />;
}

export function PermissionPicker({ chosen, onChange }: { chosen: Chosen; onChange: (chosen: Chosen) => void }) {
  const areas = useQuery(permissionsQuery);
  if (areas.isPending) return <Loading rows={4} />;
  if (!areas.data) return <Failed error={areas.error} retry={() => void areas.refetch()} />;
  return (
    <div className="areas">
      {areas.data.map((area) => (
        <AreaChoice key={area.name} area={area} chosen={chosen} onChange={onChange} />
      ))}
    </div>
  );
}

function AreaChoice({ area, chosen, onChange }: { area: Area; chosen: Chosen; onChange: (chosen: Chosen) => void }) {
  const whole = chosen.includes(area.name);
  const names = area.permissions.map((permission) => permission.name);
  const single = names.filter((name) => chosen.includes(name));
  const others = chosen.filter((one) => one !== area.name && !names.some((name) => name === one));
  const toggle = (name: (typeof names)[number], on: boolean) => {
    const had = whole ? names : single;
    onChange([...others, ...(on ? [...had, name] : had.filter((one) => one !== name))]);
  };
  return (
    <div className="area">
      <AreaBox label={`${area.name}: all of it`} checked={whole} some={single.length > 0} onChange={(on) => onChange(on ? [...others, area.name] : others)} />
      <details>
        <summary>
          <span className="area-name">{area.name}</span>
          <span className="area-title">{area.title}</span>
          <span className="area-count">{whole ? "all" : single.length > 0 ? `${single.length} of ${names.length}` : ""} ▾</span>
        </summary>
        <div className="area-list">
          {area.permissions.map((permission) => (
            <Checkbox key={permission.name} checked={whole || single.includes(permission.name)} onChange={(event) => toggle(permission.name, event.target.checked)}>
              {permission.title}
            </Checkbox>
          ))}
        </div>
      </details>
    </div>
  );
}
