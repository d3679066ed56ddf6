// The time that a search is about: the past so long, or from one moment to another. Pure.
import { short, type Zone } from "./zone";

/** `from` and `to` as the API and the address take them: RFC 3339, or `-24h`; without `to`, up to now. */
export type Range = { from: string; to?: string | undefined };

export const PRESETS: { from: string; label: string; key: string }[] = [
  { from: "-15m", label: "Past 15 minutes", key: "15 min" },
  { from: "-1h", label: "Past hour", key: "1 h" },
  { from: "-24h", label: "Past 24 hours", key: "24 h" },
  { from: "-7d", label: "Past 7 days", key: "7 d" },
  { from: "-30d", label: "Past 30 days", key: "30 d" },
  { from: "-90d", label: "Past 90 days", key: "90 d" },
  { from: "-365d", label: "Past year", key: "1 y" },
  { from: "-730d", label: "Past 2 years", key: "2 y" },
];
export const DEFAULT_RANGE: Range = { from: "-24h" };

const UNIT_MILLIS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The moment that a bound stands for; `null` for what is none. */
export function moment(bound: string, now: number): number | null {
  if (bound === "now") return now;
  const relative = /^-([1-9][0-9]{0,3})([smhdw])$/.exec(bound);
  if (relative) return now - Number(relative[1]) * (UNIT_MILLIS[relative[2] ?? ""] ?? 0);
  if (!/^\d{4}-\d\d-\d\dT/.test(bound)) return null;
  const millis = Date.parse(bound);
  return Number.isNaN(millis) ? null : millis;
}

const DAYS_OF: Record<string, number> = { y: 365, M: 30, mo: 30 };

/**
 * A bound of an address, as the API takes it: besides what it takes itself, years and months (`-2y`, `-3mo`), what other tools
 * write before theirs (`now-6h`), a day (`2026-11-01`, from its beginning in UTC) and milliseconds. `null` for what is none of it.
 */
export function boundOf(text: string): string | null {
  const bound = text.trim().replace(/^now(?=-)/, "");
  if (moment(bound, 0) !== null) return bound;
  const long = /^-([1-9][0-9]{0,2})(y|mo|M)$/.exec(bound);
  const days = long ? Number(long[1]) * (DAYS_OF[long[2] ?? ""] ?? 0) : 0;
  if (days > 0 && days <= 9_999) return `-${days}d`;
  const day = /^\d{4}-\d\d-\d\d$/.test(bound) ? Date.parse(`${bound}T00:00:00Z`) : /^\d{13}$/.test(bound) ? Number(bound) : NaN;
  return Number.isNaN(day) ? null : rfc3339(day);
}

/** A range of an address, and what of it could not be read: without its beginning it is the past 24 hours, without its end up to now. */
export function readRange(from: string | null, to: string | null): { range: Range; unread?: string } {
  const begins = from === null ? DEFAULT_RANGE.from : boundOf(from);
  if (begins === null) return { range: DEFAULT_RANGE, unread: `from=${from}` };
  if (!to) return { range: { from: begins } };
  const ends = boundOf(to);
  return ends === null ? { range: { from: begins }, unread: `to=${to}` } : { range: { from: begins, to: ends } };
}

export function rangeOf(from: string | null, to: string | null): Range {
  return readRange(from, to).range;
}

/** From when to when, in milliseconds. */
export function bounds(range: Range, now: number): { from: number; to: number } {
  const to = moment(range.to ?? "now", now) ?? now;
  return { from: Math.min(moment(range.from, now) ?? to - 86_400_000, to), to };
}

export function isLive(range: Range): boolean {
  return range.to === undefined || range.to === "now";
}

export function rangeLabel(range: Range, zone: Zone, now: number): string {
  if (range.to === undefined) {
    const preset = PRESETS.find((one) => one.from === range.from);
    if (preset) return preset.label;
  }
  const { from, to } = bounds(range, now);
  return `${short(from, zone, now)} – ${range.to === undefined ? "now" : short(to, zone, now)}`;
}

const STEPS: [number, string][] = [
  [1_000, "1s"], [5_000, "5s"], [15_000, "15s"], [30_000, "30s"], [60_000, "1m"], [300_000, "5m"], [600_000, "10m"], [1_800_000, "30m"],
  [3_600_000, "1h"], [10_800_000, "3h"], [43_200_000, "12h"], [86_400_000, "1d"], [604_800_000, "1w"], [1_209_600_000, "2w"], [2_419_200_000, "4w"],
];
const BARS_MAX = 100;

/** How wide the bars of a histogram are, so that there are enough of them and not too many. */
export function interval(range: Range, now: number): { text: string; millis: number } {
  const { from, to } = bounds(range, now);
  const step = STEPS.find(([millis]) => (to - from) / millis <= BARS_MAX) ?? STEPS[STEPS.length - 1] ?? [86_400_000, "1d"];
  return { text: step[1], millis: step[0] };
}

/** A moment as the API takes it. */
export function rfc3339(millis: number): string {
  return new Date(millis).toISOString();
}
