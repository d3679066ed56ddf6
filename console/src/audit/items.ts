// The lines of the list: events, and a quiet line where a day begins. Pure.
import { dayKey, type Zone } from "../time/zone";
import { marksOf, type AuditEvent } from "./event";

export type Item = { kind: "event"; event: AuditEvent; index: number } | { kind: "day"; day: string; of: AuditEvent };

/** Lines of events in their order. */
export class Items {
  readonly items: Item[];
  readonly events: AuditEvent[];
  /** The line of each event. It is the same array for as long as lines are only added. */
  readonly lines: number[];
  /** Whether one of them has a mark beside its outcome, which needs room. */
  marked: boolean;
  private day: string;

  constructor(private readonly zone: Zone, before?: Items) {
    this.items = before?.items ?? [];
    this.events = before?.events ?? [];
    this.lines = before?.lines ?? [];
    this.marked = before?.marked ?? false;
    this.day = before?.day ?? "";
  }

  add(events: readonly AuditEvent[]): void {
    for (const event of events) {
      const day = dayKey(event.occurred_at, this.zone);
      if (day !== this.day) {
        this.day = day;
        this.items.push({ kind: "day", day, of: event });
      }
      this.marked ||= marksOf(event).length > 0;
      this.lines.push(this.items.length);
      this.items.push({ kind: "event", event, index: this.events.length });
      this.events.push(event);
    }
  }
}

type Page = readonly AuditEvent[];
/** What was made of pages, by the first of them. */
const made = new WeakMap<Page, { zone: Zone; pages: readonly Page[]; items: Items }>();

/** The lines of pages of events. Made on from where the last making ended, since pages only ever follow: making a hundred
 * thousand anew with each page would take longer than a frame. */
export function itemsOf(pages: readonly Page[], zone: Zone): Items {
  const first = pages[0];
  if (!first) return new Items(zone);
  const known = made.get(first);
  const goesOn = known && known.zone === zone && known.pages.length <= pages.length && known.pages.every((page, at) => page === pages[at]);
  if (goesOn && known.pages.length === pages.length) return known.items;
  const items = new Items(zone, goesOn ? known.items : undefined);
  for (const page of pages.slice(goesOn ? known.pages.length : 0)) items.add(page);
  made.set(first, { zone, pages, items });
  return items;
}
