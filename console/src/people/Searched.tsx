// A list with a search above it: rows as they come, or why there are none.
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useState, type ReactNode } from "react";

import { Empty, Failed, Loading } from "../ui/states";
import { Table, type TableColumn } from "../ui/Table";

/** How long typing must pause before it is asked for. */
const PAUSE_MILLIS = 200;

/** What is typed, once typing pauses. */
export function usePaused(text: string): string {
  const [paused, setPaused] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(text.trim()), PAUSE_MILLIS);
    return () => clearTimeout(timer);
  }, [text]);
  return useDeferredValue(paused);
}

export function SearchInput({ label, value, onChange }: { label: string; value: string; onChange: (text: string) => void }) {
  return <input className="input list-search" type="search" aria-label={label} placeholder={label} value={value} onChange={(event) => onChange(event.target.value)} />;
}

type Rows<P> = UseInfiniteQueryResult<InfiniteData<P>>;

export function Searched<P, T>({ label, query, rowsOf, columns, keyOf, search, none }: {
  label: string;
  query: Rows<P>;
  rowsOf: (page: P) => T[];
  columns: TableColumn<T>[];
  keyOf: (row: T) => string;
  search: string;
  none: ReactNode;
}) {
  if (query.isPending) return <Loading rows={5} />;
  if (query.error && !query.data) return <Failed error={query.error} retry={() => void query.refetch()} />;
  const rows = query.data.pages.flatMap(rowsOf);
  if (rows.length === 0) return search ? <Empty title="Nothing is called that">No name or address here contains “{search}”.</Empty> : <>{none}</>;
  return (
    <Table
      label={label}
      columns={columns}
      rows={rows}
      keyOf={keyOf}
      more={{ there: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
    />
  );
}

