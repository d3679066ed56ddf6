// What can be done with a cell or a row: filter for it, without it, from it on, copy it. Opened by right click, or by `f`.
import { DropdownMenu as Radix } from "radix-ui";

import { Text } from "../text/Text";
import { useCopy } from "../ui/copying";
import { MenuItem, MenuLabel, MenuSeparator } from "../ui/Menu";
import { COLUMNS } from "./columns";
import type { CellAt } from "./EventList";
import { FIELD_TITLES, shownValue } from "./terms";

export function CellMenu({ at, onClose, onFilter, onRange, onOpen, permalink }: {
  at: CellAt;
  onClose: () => void;
  onFilter: (field: string, value: string, negated: boolean) => void;
  onRange: (range: { from?: string; to?: string }) => void;
  onOpen: () => void;
  permalink: string;
}) {
  const copy = useCopy();
  const { event, column } = at;
  const own = column?.field ? [column] : COLUMNS.filter((one) => one.field && ["actor", "action", "project", "outcome", "ip", "target"].includes(one.id));
  const found = own.flatMap((one) => {
    const value = one.value?.(event);
    return one.field && value ? [{ field: one.field, value }] : [];
  });
  return (
    <Radix.Root open modal={false} onOpenChange={(open) => !open && onClose()}>
      <Radix.Trigger asChild>
        <span className="menu-place" style={{ left: at.x, top: at.y }} tabIndex={-1} aria-hidden="true" />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu" align="start" collisionPadding={8} aria-label="What to do with this event">
          {found.map(({ field, value }) => (
            <div key={field} role="group" aria-label={FIELD_TITLES[field] ?? field} className={column ? undefined : "menu-field"}>
              <MenuLabel>
                {FIELD_TITLES[field] ?? field} <b><Text>{shownValue(value).slice(0, 80)}</Text></b>
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
