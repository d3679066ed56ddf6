import { describe, expect, it } from "vitest";

import type { AuditEvent } from "./event";
import { itemsOf } from "./items";

const at = (occurred_at: string) => ({ id: occurred_at, occurred_at }) as AuditEvent;
const FIRST = [at("2026-11-23T09:00:00Z"), at("2026-11-23T08:00:00Z")];
const SECOND = [at("2026-11-23T07:00:00Z"), at("2026-11-22T23:00:00Z")];
const told = (items: ReturnType<typeof itemsOf>) => items.items.map((item) => (item.kind === "day" ? item.day : item.index));

describe("lines", () => {
  it("go on where the last page ended, and are the same as if made at once", () => {
    const first = itemsOf([FIRST], "utc");
    expect(told(first)).toEqual(["2026-11-23", 0, 1]);
    const both = itemsOf([FIRST, SECOND], "utc");
    expect(told(both)).toEqual(["2026-11-23", 0, 1, 2, "2026-11-22", 3]);
    expect(told(both)).toEqual(told(itemsOf([[...FIRST, ...SECOND]], "utc")));
    expect(both.lines).toEqual([1, 2, 3, 5]);
    expect(both).not.toBe(first);
    expect(both.lines).toBe(first.lines);
    expect(itemsOf([FIRST, SECOND], "utc")).toBe(both);
  });
  it("are made anew for another zone, another second page, and fewer pages", () => {
    const both = itemsOf([FIRST, SECOND], "utc");
    expect(itemsOf([FIRST, SECOND], "local").lines).not.toBe(both.lines);
    const other = itemsOf([FIRST, [at("2026-11-23T06:00:00Z")]], "local");
    expect(told(other).filter((one) => typeof one === "number")).toEqual([0, 1, 2]);
    const fewer = itemsOf([FIRST], "local");
    expect(fewer.events.length).toBe(2);
    expect(told(itemsOf([], "utc"))).toEqual([]);
  });
});
