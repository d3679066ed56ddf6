// The list: as many rows in the page as a screen shows, out of as many events as there are. Pages are asked for before
// somebody gets to their end; what arrives live never moves what is being read.
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useImperativeHandle, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode, type Ref } from "react";

import { Text } from "../text/Text";
import { plain } from "../text/unseen";
import { clock, full, longDay, zoneShort, type Zone } from "../time/zone";
import { Icon } from "../ui/Icon";
import type { Column, ColumnId } from "./columns";
import { columnOf, fitting, targetColumn, tracks } from "./columns";
import { Erased } from "./Erased";
import { actorLabel, actorValue, marksOf, OUTCOME_WORDS, type AuditEvent } from "./event";
import type { Items } from "./items";
import type { Catalog } from "./sentence";
import { Part, RowSentence } from "./Sentence";

const ROW_HEIGHT = 30;
const NARROW_ROW_HEIGHT = 50;
const DAY_HEIGHT = 25;
/** Below this width rows have two lines. */
const NARROW_WIDTH = 560;
/** Rows before the end at which the next page is asked for. */
const AHEAD_ROWS = 300;

export type ListHandle = { toTop: () => void; show: (index: number) => void; isAtTop: () => boolean; focus: () => void; rowBox: (index: number) => DOMRect | null };

export type CellAt = { event: AuditEvent; column: Column | null; x: number; y: number };

type ListProps = {
  items: Items;
  chosen: ColumnId[];
  catalog: Catalog;
  zone: Zone;
  order: "desc" | "asc";
  now: number;
  /** The event of the open drawer. */
  open: string | null;
  /** Index of the marked event. */
  marked: number;
  end: ReactNode;
  hasMore: boolean;
  handle: Ref<ListHandle>;
  onMark: (index: number) => void;
  onOpen: (event: AuditEvent) => void;
  onMore: () => void;
  onSort: () => void;
  onCell: (at: CellAt) => void;
  onFilter: (field: string, value: string, negated: boolean) => void;
  onScrolled: (atTop: boolean) => void;
};

export function EventList(props: ListProps) {
  const { items, chosen, catalog, zone, order, now, open, marked, end, hasMore, handle, onMark, onOpen, onMore, onSort, onCell, onFilter, onScrolled } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  const narrow = width > 0 && width < NARROW_WIDTH;
  const columns = fitting(chosen, width || 1_000);
  const rowHeight = narrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT;

  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoized by a compiler
  const virtual = useVirtualizer({
    count: items.items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (items.items[index]?.kind === "day" ? DAY_HEIGHT : rowHeight),
    overscan: 12,
    paddingStart: narrow ? 0 : 28,
    scrollPaddingStart: narrow ? DAY_HEIGHT : 30 + DAY_HEIGHT,
    scrollPaddingEnd: 8,
  });
  // Lines that are added are measured by themselves.
  const { lines } = items;
  useEffect(() => virtual.measure(), [rowHeight, lines, virtual]);

  const shown = virtual.getVirtualItems();
  const lastShown = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastShown >= items.items.length - AHEAD_ROWS) onMore();
  }, [hasMore, lastShown, items, onMore]);

  useImperativeHandle(handle, () => ({
    toTop: () => scroller.current?.scrollTo({ top: 0 }),
    show: (index) => {
      const line = items.lines[index];
      if (line !== undefined) virtual.scrollToIndex(line);
    },
    focus: () => scroller.current?.focus(),
    isAtTop: () => (scroller.current?.scrollTop ?? 0) < ROW_HEIGHT,
    rowBox: (index) => scroller.current?.querySelector(`[data-index="${index}"]`)?.getBoundingClientRect() ?? null,
  }));

  const atTop = useRef(true);
  const onScroll = () => {
    const now = (scroller.current?.scrollTop ?? 0) < ROW_HEIGHT;
    if (now !== atTop.current) {
      atTop.current = now;
      onScrolled(now);
    }
  };

  const eventAt = useCallback((target: EventTarget | null): { event: AuditEvent; index: number; column: Column | null } | null => {
    const element = target as HTMLElement | null;
    const row = element?.closest<HTMLElement>("[data-index]");
    const index = Number(row?.dataset.index ?? -1);
    const event = items.events[index];
    if (!event) return null;
    const id = element?.closest<HTMLElement>("[data-column]")?.dataset.column;
    return { event, index, column: columns.find((column) => column.id === id) ?? null };
  }, [items, columns]);

  const onClick = (click: MouseEvent) => {
    const at = eventAt(click.target);
    // Somebody who marks a text wants the text.
    if (!at || (window.getSelection()?.toString() ?? "") !== "") return;
    onMark(at.index);
    const part = (click.target as HTMLElement).closest<HTMLElement>("[data-part]");
    if (part) openPart(part, at.event);
    else onOpen(at.event);
  };
  const openPart = (part: HTMLElement, event: AuditEvent) => {
    const [of, number] = (part.dataset.part ?? "").split(":");
    const column = of === "target" ? targetColumn(Number(number)) : columnOf("actor");
    const box = part.getBoundingClientRect();
    scroller.current?.focus({ preventScroll: true });
    onCell({ event, column: column ?? null, x: box.left, y: box.bottom });
  };
  const onContextMenu = (click: MouseEvent) => {
    const at = eventAt(click.target);
    if (!at) return;
    click.preventDefault();
    onMark(at.index);
    onCell({ event: at.event, column: at.column, x: click.clientX, y: click.clientY });
  };
  const onKeyDown = (key: KeyboardEvent) => {
    const last = items.events.length - 1;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 600) / rowHeight) - 2);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[key.key];
    if (step === undefined || last < 0 || key.ctrlKey || key.metaKey || key.altKey) return;
    key.preventDefault();
    const to = Math.min(Math.max(step === Infinity ? last : step === -Infinity ? 0 : marked + step, 0), last);
    onMark(to);
    const line = items.lines[to];
    if (line !== undefined) virtual.scrollToIndex(line);
  };

  return (
    <div
      ref={scroller}
      className={narrow ? "list list-narrow" : "list"}
      role="grid"
      aria-label="Events"
      aria-rowcount={hasMore ? -1 : items.events.length + 1}
      aria-activedescendant={items.events[marked] ? `event-${marked}` : undefined}
      tabIndex={0}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onContextMenu={onContextMenu}
    >
      <div className="list-inner" role="presentation" style={{ height: virtual.getTotalSize(), ["--tracks" as string]: tracks(columns, width || 1_000, items.marked) }}>
        <div className="list-head" role="row" aria-rowindex={1}>
          {columns.map((column) =>
            column.id === "time" ? (
              <div key={column.id} role="columnheader" aria-sort={order === "desc" ? "descending" : "ascending"}>
                <button type="button" className="list-sort" onClick={onSort} title={order === "desc" ? "Newest first; show oldest first" : "Oldest first; show newest first"}>
                  Time <Icon name={order === "desc" ? "down" : "up"} />
                </button>
                <span className="list-zone">{zoneShort(zone, now)}</span>
              </div>
            ) : (
              <div key={column.id} role="columnheader">{column.title}</div>
            ),
          )}
        </div>
        {shown.map((line) => {
          const item = items.items[line.index];
          if (!item) return null;
          if (item.kind === "day") {
            return (
              <div key={line.key} className="list-day" role="row" style={{ transform: `translateY(${line.start}px)` }}>
                <div role="gridcell" aria-colspan={columns.length}>{longDay(item.of.occurred_at, zone, now)}</div>
              </div>
            );
          }
          return (
            <Row
              key={line.key}
              event={item.event}
              index={item.index}
              top={line.start}
              columns={columns}
              narrow={narrow}
              catalog={catalog}
              zone={zone}
              marked={item.index === marked}
              open={item.event.id === open}
              onFilter={onFilter}
            />
          );
        })}
      </div>
      {end}
    </div>
  );
}

type RowProps = {
  event: AuditEvent;
  index: number;
  top: number;
  columns: Column[];
  narrow: boolean;
  catalog: Catalog;
  zone: Zone;
  marked: boolean;
  open: boolean;
  onFilter: (field: string, value: string, negated: boolean) => void;
};

const Row = memo(
  function Row({ event, index, top, columns, narrow, catalog, zone, marked, open, onFilter }: RowProps) {
    // Only the row under the pointer has the buttons of its cells: in all of them they would be most of what a scrolled page draws.
    const [hovered, setHovered] = useState(false);
    const classes = ["row", marked && "row-marked", open && "row-open"].filter(Boolean).join(" ");
    return (
      <div id={`event-${index}`} className={classes} role="row" aria-rowindex={index + 2} aria-selected={open} data-index={index} style={{ transform: `translateY(${top}px)` }} onPointerEnter={() => setHovered(true)} onPointerLeave={() => setHovered(false)}>
        {narrow ? (
          <NarrowCells event={event} catalog={catalog} zone={zone} />
        ) : (
          columns.map((column) => (
            <div key={column.id} role="gridcell" data-column={column.id} className={`cell cell-${column.id}`}>
              <Cell event={event} column={column} catalog={catalog} zone={zone} />
              {hovered && <CellActions event={event} column={column} onFilter={onFilter} />}
            </div>
          ))
        )}
      </div>
    );
  },
  (before, after) =>
    before.event === after.event && before.top === after.top && before.marked === after.marked && before.open === after.open &&
    before.zone === after.zone && before.catalog === after.catalog && before.narrow === after.narrow && before.index === after.index &&
    before.onFilter === after.onFilter && before.columns.length === after.columns.length && before.columns.every((column, at) => column === after.columns[at]),
);

function Cell({ event, column, catalog, zone }: { event: AuditEvent; column: Column; catalog: Catalog; zone: Zone }) {
  switch (column.id) {
    case "time":
      return <time dateTime={event.occurred_at} title={`${full(event.occurred_at, zone)} ${zoneShort(zone, Date.parse(event.occurred_at))}`}>{clock(event.occurred_at, zone)}</time>;
    case "action":
      return <RowSentence pieces={catalog.row(event)} linked={event} />;
    case "outcome":
      return <><OutcomeWord event={event} /><RowMarks event={event} /></>;
    default: {
      const text = column.text?.(event);
      const part = column.id === "actor" ? "actor" : column.id === "target" ? "target:0" : null;
      if (text && part && column.value?.(event)) return <Part of={part}>{text}</Part>;
      if (text) return <Text>{text}</Text>;
      return column.erased?.(event) ? <Erased /> : null;
    }
  }
}

export function OutcomeWord({ event }: { event: AuditEvent }) {
  return <span className={`outcome outcome-${event.outcome}`}>{OUTCOME_WORDS[event.outcome]}</span>;
}

function RowMarks({ event }: { event: AuditEvent }) {
  return marksOf(event).map(({ word, title }) => <span key={word} className="row-mark" title={title}> · {word}</span>);
}

/** Shown while the pointer is over the cell; the keyboard has the menu of the row. */
function CellActions({ event, column, onFilter }: { event: AuditEvent; column: Column; onFilter: (field: string, value: string, negated: boolean) => void }) {
  const { field } = column;
  const value = column.value?.(event);
  if (!field || !value) return null;
  const of = plain(value.replace("\u0000", " ").slice(0, 60));
  const act = (negated: boolean) => (click: MouseEvent) => {
    click.stopPropagation();
    onFilter(field, value, negated);
  };
  return (
    <span className="cell-actions">
      <button type="button" tabIndex={-1} title={`Only ${of}`} aria-label={`Only ${of}`} onClick={act(false)}><Icon name="plus" /></button>
      <button type="button" tabIndex={-1} title={`Without ${of}`} aria-label={`Without ${of}`} onClick={act(true)}><Icon name="exclude" /></button>
    </span>
  );
}

function NarrowCells({ event, catalog, zone }: { event: AuditEvent; catalog: Catalog; zone: Zone }) {
  return (
    <div role="gridcell" className="cell-narrow">
      <div className="cell-narrow-sentence"><RowSentence pieces={catalog.row(event)} /></div>
      <div className="cell-narrow-rest">
        <time dateTime={event.occurred_at}>{clock(event.occurred_at, zone)}</time>
        <span className="cell-narrow-actor">{actorValue(event.actor) === undefined && event.erased ? <Erased /> : <Text>{actorLabel(event.actor)}</Text>}</span>
        <span><OutcomeWord event={event} /><RowMarks event={event} /></span>
      </div>
    </div>
  );
}
