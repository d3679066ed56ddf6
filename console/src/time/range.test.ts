import { describe, expect, it } from "vitest";

import { bounds, interval, moment, PRESETS, rangeLabel, rangeOf, readRange } from "./range";
import { clock, dayKey, full, tick, zoneName } from "./zone";

const NOW = Date.parse("2026-11-23T09:00:00Z");

describe("ranges", () => {
  it("are read from an address, and what cannot be read is the past day", () => {
    expect(rangeOf(null, null)).toEqual({ from: "-24h" });
    expect(rangeOf("-7d", null)).toEqual({ from: "-7d" });
    expect(rangeOf("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z").to).toBe("2026-11-02T00:00:00Z");
    for (const bad of ["yesterday", "-0h", "-7y2", "<script>", "12"]) expect(rangeOf(bad, null)).toEqual({ from: "-24h" });
  });
  it("are read in the ways that people and other tools write them", () => {
    expect(rangeOf("-2y", null)).toEqual({ from: "-730d" });
    expect(rangeOf("-3mo", null)).toEqual({ from: "-90d" });
    expect(rangeOf("now-6h", "now")).toEqual({ from: "-6h", to: "now" });
    expect(rangeOf("2026-11-01", "1796083200000")).toEqual({ from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z" });
  });
  it("say what of them could not be read", () => {
    expect(readRange("-2y", null).unread).toBeUndefined();
    expect(readRange(null, null).unread).toBeUndefined();
    expect(readRange("yesterday", null)).toEqual({ range: { from: "-24h" }, unread: "from=yesterday" });
    expect(readRange("", null).unread).toBe("from=");
    expect(readRange("-7d", "soon")).toEqual({ range: { from: "-7d" }, unread: "to=soon" });
    for (const bad of ["-99y", "2026-13-01", "-1x", "now", "now+1h"]) expect(readRange(bad, null).unread, bad).toBe(bad === "now" ? undefined : `from=${bad}`);
  });
  it("have bounds", () => {
    expect(moment("-24h", NOW)).toBe(NOW - 86_400_000);
    expect(bounds({ from: "-1h" }, NOW)).toEqual({ from: NOW - 3_600_000, to: NOW });
  });
  it("have between 20 and 100 bars", () => {
    for (const preset of PRESETS) {
      const { from, to } = bounds(preset, NOW);
      const bars = (to - from) / interval(preset, NOW).millis;
      expect(bars, preset.label).toBeGreaterThanOrEqual(20);
      expect(bars, preset.label).toBeLessThanOrEqual(100);
    }
  });
  it("are told in words", () => {
    expect(rangeLabel({ from: "-24h" }, "utc", NOW)).toBe("Past 24 hours");
    expect(rangeLabel({ from: "2026-11-22T08:00:00Z", to: "2026-11-22T09:30:15Z" }, "utc", NOW)).toBe("22 Nov, 08:00 – 22 Nov, 09:30:15");
    expect(rangeLabel({ from: "2025-11-22T08:00:00Z" }, "utc", NOW)).toBe("22 Nov 2025, 08:00 – now");
  });
});

describe("times", () => {
  it("are told in UTC", () => {
    const text = "2026-11-23T08:41:07.318999Z";
    expect(clock(text, "utc")).toBe("08:41:07.318");
    expect(dayKey(text, "utc")).toBe("2026-11-23");
    expect(full(text, "utc")).toBe("Mon 23 Nov 2026, 08:41:07.318999");
    expect(full("2026-11-23T08:41:07.318000Z", "utc")).toBe("Mon 23 Nov 2026, 08:41:07.318");
    expect(zoneName("utc", NOW)).toBe("UTC");
    expect(tick(NOW, "utc", 86_400_000, true)).toBe("Mon 23, 09:00");
  });
});
