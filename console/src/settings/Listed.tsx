// A list within a section of a page: loaded, empty, failed, or a table of what there is.
import type { UseQueryResult } from "@tanstack/react-query";

import { Failed } from "../ui/states";
import { Table, type TableColumn } from "../ui/Table";

export function Listed<T extends { id: string }>({ label, query, none, columns }: {
  label: string;
  query: UseQueryResult<T[]>;
  /** What is said where there is nothing. */
  none: string;
  columns: TableColumn<T>[];
}) {
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (query.data && query.data.length > 0) return <Table label={label} rows={query.data} keyOf={(one) => one.id} columns={columns} />;
  return <p className="muted">{query.isPending ? "Loading…" : none}</p>;
}
