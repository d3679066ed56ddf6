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

/** A range of the address; what cannot be read is the past 24 hours. */
export function rangeOf(from: string | null, to: string | null): Range {
  if (!from || moment(from, 0) === null) return DEFAULT_RANGE;
  return to && moment(to, 0) !== null ? { from, to } : { from };
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
