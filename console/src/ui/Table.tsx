// A plain table of a page: headings, rows, and what stands there when there are none. Long lists are asked for in pages.
import type { ReactNode } from "react";

import { Button } from "./Button";

export type TableColumn<T> = {
  title: string;
  /** A narrow column keeps to what it holds; the others share what is left. */
  narrow?: boolean;
  /** Goes first when there is little room. */
  optional?: boolean;
  cell: (row: T) => ReactNode;
};

export function Table<T>({ label, columns, rows, keyOf, more, even = false }: {
  label: string;
  /** Whether its columns share the width evenly, whatever they hold. */
  even?: boolean;
  columns: TableColumn<T>[];
  rows: T[];
  keyOf: (row: T) => string;
  more?: { there: boolean; loading: boolean; load: () => void };
}) {
  const kind = (column: TableColumn<T>) => [column.narrow && "narrow", column.optional && "optional"].filter(Boolean).join(" ") || undefined;
  return (
    <div className="table-scroll" role="region" aria-label={label} tabIndex={0}>
      <table className={even ? "table table-even" : "table"}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" className={kind(column)}>
                {column.title || <span className="visually-hidden">What can be done</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.title} className={kind(column)}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more?.there && (
        <div className="table-more">
          <Button onClick={more.load} disabled={more.loading}>{more.loading ? "Loading…" : "Load more"}</Button>
        </div>
      )}
    </div>
  );
}
