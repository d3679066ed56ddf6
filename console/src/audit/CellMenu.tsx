// What can be done with a cell or a row: filter for it, without it, from it on, copy it. Opened by right click, or by `f`.
import { DropdownMenu as Radix } from "radix-ui";
import { useState } from "react";

import { Text } from "../text/Text";
import { useCopy } from "../ui/copying";
import { isNowhere } from "../ui/focus";
import { MenuItem, MenuLabel, MenuSeparator } from "../ui/Menu";
import { COLUMNS, targetColumn } from "./columns";
import type { AuditEvent } from "./event";
import type { CellAt } from "./EventList";
import { FIELD_TITLES, shownValue } from "./terms";

/** Targets that the menu of a row names: what a row can link to, and no more than a menu can hold. */
const TARGETS_MAX = 4;

/** What the menu of a whole row is about: what its cells and the parts of its sentence are. */
function columnsOf(event: AuditEvent) {
  const others = event.targets.slice(1, TARGETS_MAX).flatMap((target, index) => (target.type === "project" ? [] : [targetColumn(index + 1)]));
  return [...COLUMNS.filter((one) => one.field && ["actor", "action", "project", "outcome", "ip", "target"].includes(one.id)), ...others];
}

export function CellMenu({ at, onClose, onLeft, onFilter, onRange, onOpen, permalink }: {
  at: CellAt;
  onClose: () => void;
  /** Takes the focus where nothing on the page had it before. */
  onLeft: () => void;
  onFilter: (field: string, value: string, negated: boolean) => void;
  onRange: (range: { from?: string; to?: string }) => void;
  onOpen: () => void;
  permalink: string;
}) {
  const copy = useCopy();
  const [before] = useState(() => document.activeElement);
  // The place that the menu opens from is none for the focus.
  const giveBack = (event: Event) => {
    event.preventDefault();
    if (!isNowhere()) return;
    if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
    else onLeft();
  };
  const { event, column } = at;
  const found = (column?.field ? [column] : columnsOf(event)).flatMap((one) => {
    const value = one.value?.(event);
    return one.field && value ? [{ field: one.field, value, called: one.called?.(event) ?? shownValue(value) }] : [];
  });
  return (
    <Radix.Root open modal={false} onOpenChange={(open) => !open && onClose()}>
      <Radix.Trigger asChild>
        <span className="menu-place" style={{ left: at.x, top: at.y }} tabIndex={-1} aria-hidden="true" />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu" align="start" collisionPadding={8} aria-label="What to do with this event" onCloseAutoFocus={giveBack}>
          {found.map(({ field, value, called }) => (
            <div key={`${field} ${value}`} role="group" aria-label={FIELD_TITLES[field] ?? field} className={column ? undefined : "menu-field"}>
              <MenuLabel>
                {FIELD_TITLES[field] ?? field} <b><Text>{called.slice(0, 80)}</Text></b>
              </MenuLabel>
              <MenuItem onSelect={() => onFilter(field, value, false)}>Only this</MenuItem>
              <MenuItem onSelect={() => onFilter(field, value, true)}>Without this</MenuItem>
              {column && <MenuItem onSelect={() => copy(shownValue(value), "Value")}>Copy the value</MenuItem>}
            </div>
          ))}
          {(column?.id === "time" || !column) && (
            <>
              {!column && <MenuSeparator />}
              <MenuItem onSelect={() => onRange({ from: event.occurred_at })}>From this time on</MenuItem>
              <MenuItem onSelect={() => onRange({ to: event.occurred_at })}>Up to this time</MenuItem>
            </>
          )}
          <MenuSeparator />
          <MenuItem onSelect={onOpen}>Open</MenuItem>
          <MenuItem onSelect={() => copy(permalink, "Link")}>Copy link to the event</MenuItem>
          <MenuItem onSelect={() => copy(JSON.stringify(event, null, 2), "JSON")}>Copy as JSON</MenuItem>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
