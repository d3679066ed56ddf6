// The lines of the list: events, and a quiet line where a day begins. Pure.
import { dayKey, type Zone } from "../time/zone";
import type { AuditEvent } from "./event";

export type Item = { kind: "event"; event: AuditEvent; index: number } | { kind: "day"; day: string; of: AuditEvent };

/** Lines of events in their order. Made on from where the last making ended, since pages only ever follow. */
export class Items {
  readonly items: Item[] = [];
  readonly events: AuditEvent[] = [];
  /** The line of each event. */
  readonly lines: number[] = [];
  private day = "";

  constructor(private readonly zone: Zone) {}

  add(events: readonly AuditEvent[]): void {
    for (const event of events) {
      const day = dayKey(event.occurred_at, this.zone);
      if (day !== this.day) {
        this.day = day;
        this.items.push({ kind: "day", day, of: event });
      }
      this.lines.push(this.items.length);
      this.items.push({ kind: "event", event, index: this.events.length });
      this.events.push(event);
    }
  }
}

/** The lines of pages of events. */
export function itemsOf(pages: readonly (readonly AuditEvent[])[], zone: Zone): Items {
  const items = new Items(zone);
  for (const page of pages) items.add(page);
  return items;
}
