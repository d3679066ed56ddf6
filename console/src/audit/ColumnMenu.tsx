// Which columns the list has, and in which order.
import { useEffect, useRef } from "react";

import { Button, IconButton } from "../ui/Button";
import { Checkbox } from "../ui/Field";
import { Popover } from "../ui/Popover";
import { COLUMNS, columnOf, FIXED, type ColumnId, type useColumns } from "./columns";

export function ColumnMenu({ columns }: { columns: ReturnType<typeof useColumns> }) {
  const { chosen, toggle, move, reset } = columns;
  const others = COLUMNS.filter((column) => !chosen.includes(column.id));
  const menu = useRef<HTMLDivElement>(null);
  const toggled = useRef<string | null>(null);
  // A column that is chosen or left out stands elsewhere in the menu, and has the focus there.
  useEffect(() => {
    menu.current?.querySelector<HTMLElement>(`[data-column="${toggled.current}"] input`)?.focus();
    toggled.current = null;
  }, [chosen]);
  const choose = (id: ColumnId, shown: boolean) => {
    toggled.current = id;
    toggle(id, shown);
  };
  return (
    <Popover trigger={<IconButton icon="columns" name="Columns" />} label="Columns" align="end">
      <div ref={menu} className="column-menu">
        <h3>Columns</h3>
        {chosen.map((id, at) => (
          <div key={id} className="column-row" data-column={id}>
            <Checkbox checked disabled={FIXED.includes(id)} onChange={() => choose(id, false)}>{columnOf(id)?.title}</Checkbox>
            <div className="grow" />
            <IconButton icon="up" name={`${columnOf(id)?.title ?? id} earlier`} kind="quiet" disabled={at === 0} onClick={() => move(id, -1)} />
            <IconButton icon="down" name={`${columnOf(id)?.title ?? id} later`} kind="quiet" disabled={at === chosen.length - 1} onClick={() => move(id, 1)} />
          </div>
        ))}
        {others.map((column) => (
          <div key={column.id} className="column-row" data-column={column.id}>
            <Checkbox checked={false} onChange={() => choose(column.id, true)}>{column.title}</Checkbox>
          </div>
        ))}
        <p className="field-hint">In a narrow window columns give way before sentences are cut.</p>
        <Button onClick={reset}>Reset columns</Button>
      </div>
    </Popover>
  );
}
