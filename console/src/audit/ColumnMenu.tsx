// Which columns the list has, and in which order.
import { Button, IconButton } from "../ui/Button";
import { Checkbox } from "../ui/Field";
import { Popover } from "../ui/Popover";
import { COLUMNS, columnOf, FIXED, type useColumns } from "./columns";

export function ColumnMenu({ columns }: { columns: ReturnType<typeof useColumns> }) {
  const { chosen, toggle, move, reset } = columns;
  const others = COLUMNS.filter((column) => !chosen.includes(column.id));
  return (
    <Popover trigger={<IconButton icon="columns" name="Columns" />} label="Columns" align="end">
      <div className="column-menu">
        <h3>Columns</h3>
        {chosen.map((id, at) => (
          <div key={id} className="column-row">
            <Checkbox checked disabled={FIXED.includes(id)} onChange={() => toggle(id, false)}>{columnOf(id)?.title}</Checkbox>
            <div className="grow" />
            <IconButton icon="up" name={`${columnOf(id)?.title ?? id} earlier`} kind="quiet" disabled={at === 0} onClick={() => move(id, -1)} />
            <IconButton icon="down" name={`${columnOf(id)?.title ?? id} later`} kind="quiet" disabled={at === chosen.length - 1} onClick={() => move(id, 1)} />
          </div>
        ))}
        {others.map((column) => (
          <div key={column.id} className="column-row">
            <Checkbox checked={false} onChange={() => toggle(column.id, true)}>{column.title}</Checkbox>
          </div>
        ))}
        <p className="field-hint">In a narrow window columns give way before sentences are cut.</p>
        <Button onClick={reset}>Reset columns</Button>
      </div>
    </Popover>
  );
}
