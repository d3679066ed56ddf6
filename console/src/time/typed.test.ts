import { describe, expect, it } from "vitest";

import { dayName, dayOf, isoDay, monthsLater, readTyped, typedOf, weeksOf } from "./typed";

const NOW = Date.parse("2026-11-23T09:00:00Z");
const read = (text: string, isEnd = false) => {
  const millis = readTyped(text, "utc", NOW, isEnd);
  return millis === null ? null : new Date(millis).toISOString();
};

describe("typed times", () => {
  it("are read as people write them", () => {
    expect(read("2026-11-23 08:00")).toBe("2026-11-23T08:00:00.000Z");
    expect(read(" 2026-1-5, 8:05:07.5 ")).toBe("2026-01-05T08:05:07.500Z");
    expect(read("2026-01-05T08:00:00")).toBe("2026-01-05T08:00:00.000Z");
    expect(read("2026-01-05T08:00:00+02:00")).toBe("2026-01-05T06:00:00.000Z");
    expect(read("now")).toBe("2026-11-23T09:00:00.000Z");
    expect(read("-7d")).toBe("2026-11-16T09:00:00.000Z");
  });
  it("of a day alone take in the whole of it", () => {
    expect(read("2026-02-28")).toBe("2026-02-28T00:00:00.000Z");
    expect(read("2026-02-28", true)).toBe("2026-03-01T00:00:00.000Z");
    expect(read("2026-02-28 24:00")).toBe("2026-03-01T00:00:00.000Z");
  });
  it("that there are not are none", () => {
    for (const bad of ["", "yesterday", "23/11/2026", "2026-02-30", "2026-13-01", "2026-11-23 25:00", "2026-11-23 24:01", "2026-11-23 08:60", "08:00"]) {
      expect(read(bad), bad).toBeNull();
    }
  });
  it("are written so that they are read the same", () => {
    for (const text of ["2026-11-23T08:00:00.000Z", "2026-11-23T08:41:07.000Z", "2026-11-23T08:41:07.018Z"]) {
      expect(read(typedOf(Date.parse(text), "utc"))).toBe(text);
    }
    expect(typedOf(Date.parse("2026-11-23T08:00:00Z"), "utc")).toBe("2026-11-23 08:00");
    const local = Date.parse("2026-07-05T08:41:07Z");
    expect(readTyped(typedOf(local, "local"), "local", NOW, false)).toBe(local);
  });
});

describe("a calendar", () => {
  const day = dayOf(NOW, "utc");
  it("has the weeks of its month from Monday on", () => {
    const weeks = weeksOf(day);
    expect(weeks.map((week) => isoDay(week[0] ?? 0))).toEqual(["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"]);
    expect(weeks.every((week) => week.length === 7)).toBe(true);
    expect(dayName(day)).toBe("Monday 23 November 2026");
  });
  it("goes by months, to their last day where they are shorter", () => {
    const march = dayOf(Date.parse("2026-03-31T00:00:00Z"), "utc");
    expect(isoDay(monthsLater(march, -1))).toBe("2026-02-28");
    expect(isoDay(monthsLater(march, 10))).toBe("2027-01-31");
  });
});
