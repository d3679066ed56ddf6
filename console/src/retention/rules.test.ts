import { describe, expect, it } from "vitest";

import type { Retention } from "../api/retention";
import { choose, DAY_MILLIS, ends, olderThan, refused } from "./rules";

const NOW = Date.parse("2026-11-23T09:00:00Z");
const IN_THIRTY_DAYS = NOW + 30 * DAY_MILLIS;
const days = (hot_days: number, archive_days: number) => ({ hot_days, archive_days });
const policy = (hot: number, archive: number, more: Partial<Retention> = {}): Retention => ({
  ...days(hot, archive), locked: false, pending: null, minimum: days(30, 0), running: null, ...more,
});
const pending = (hot: number, archive: number, at = IN_THIRTY_DAYS) => ({ ...days(hot, archive), effective_at: new Date(at).toISOString() });

// The same cases as the service's own.
describe("a choice", () => {
  it("that is longer holds at once, one that is shorter after thirty days", () => {
    expect(choose(policy(365, 365), days(400, 400), NOW)).toEqual({ days: days(400, 400), pending: null });
    expect(choose(policy(365, 365), days(100, 50), NOW)).toEqual({ days: days(365, 365), pending: { days: days(100, 50), at: IN_THIRTY_DAYS } });
  });
  it("that is the same again does not begin its thirty days anew", () => {
    const before = policy(365, 365, { pending: pending(100, 50) });
    expect(choose(before, days(100, 50), NOW + 5 * DAY_MILLIS).pending?.at).toBe(IN_THIRTY_DAYS);
    expect(choose(before, days(100, 60), NOW + 5 * DAY_MILLIS).pending?.at).toBe(IN_THIRTY_DAYS + 5 * DAY_MILLIS);
    expect(choose(before, days(365, 365), NOW).pending).toBeNull();
  });
  it("may be longer in one way and shorter in the other", () => {
    expect(choose(policy(365, 365), days(400, 0), NOW)).toEqual({ days: days(400, 330), pending: { days: days(400, 0), at: IN_THIRTY_DAYS } });
    expect(choose(policy(365, 365), days(800, 0), NOW)).toEqual({ days: days(800, 0), pending: null });
  });
  it("is refused outside of the bounds, and shorter where it is locked", () => {
    expect(Object.keys(refused(policy(365, 365), days(29, 0)))).toEqual(["hot_days"]);
    expect(Object.keys(refused(policy(365, 365), days(30, 36_501)))).toEqual(["archive_days"]);
    expect(Object.keys(refused(policy(365, 365), days(Number.NaN, 0)))).toEqual(["hot_days"]);
    const locked = policy(365, 365, { locked: true });
    expect(refused(locked, days(364, 400)).hot_days).toContain("365");
    expect(refused(locked, days(400, 329)).archive_days).toContain("330");
    expect(refused(locked, days(400, 330))).toEqual({});
  });
});

describe("a record", () => {
  it("is kept for all of its days, in whole days of UTC", () => {
    const recorded = Date.parse("2026-01-01T23:59:59Z");
    const { archive, purge } = ends(recorded, policy(30, 10));
    expect(new Date(archive).toISOString()).toBe("2026-02-01T00:00:00.000Z");
    expect(new Date(purge).toISOString()).toBe("2026-02-11T00:00:00.000Z");
    expect(recorded < olderThan(30, archive)).toBe(true);
    expect(recorded < olderThan(30, archive - 1)).toBe(false);
  });
  it("goes sooner by what was shortened, but not before that takes effect", () => {
    const retention = policy(365, 365, { pending: pending(30, 0) });
    const old = ends(NOW - 100 * DAY_MILLIS, retention);
    expect(old).toEqual({ archive: IN_THIRTY_DAYS, purge: IN_THIRTY_DAYS });
    const young = ends(NOW, retention);
    expect(young.purge).toBe(Date.parse("2026-12-24T00:00:00Z"));
    const over = ends(NOW - 360 * DAY_MILLIS, retention);
    expect(new Date(over.archive).toISOString()).toBe("2026-11-29T00:00:00.000Z");
  });
});
