// A plain table of a page: headings and rows. Long lists are asked for in pages. In a narrow window each row is a small card: its
// cells below each other, each with its heading. The roles are written out because a browser takes away those of a table that is
// shown as anything else.
import type { ReactNode } from "react";

import { Button } from "./Button";

export type TableColumn<T> = {
  title: string;
  /** A narrow column keeps to what it holds; the others share what is left. */
  narrow?: boolean;
  /** Goes first when there is little room for columns. */
  optional?: boolean;
  /** Is shown in wide windows alone: worth a column, but no line of a card. */
  wide?: boolean;
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
  const kind = (column: TableColumn<T>) => [column.narrow && "narrow", column.optional && "optional", column.wide && "wide"].filter(Boolean).join(" ") || undefined;
  return (
    <div className="table-scroll" role="region" aria-label={label} tabIndex={0}>
      <table role="table" className={even ? "table table-even" : "table table-cards"}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.title} role="columnheader" scope="col" className={kind(column)}>
                {column.title || <span className="visually-hidden">What can be done</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row">
              {columns.map((column) => (
                <td key={column.title} role="cell" className={kind(column)} data-title={column.title || undefined}>{column.cell(row)}</td>
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
