// What the API makes of a choice of retention, told before it is made; and until when a record is where. The API decides: this
// only says beforehand what it will do. Pure.
import type { Retention } from "../api/retention";

export type Days = { hot_days: number; archive_days: number };

export const DAY_MILLIS = 86_400_000;
/** Days until what was shortened takes effect. */
export const SHORTENED_AFTER_DAYS = 30;
export const RETENTION_DAYS_MAX = 36_500;

export function total(days: Days): number {
  return days.hot_days + days.archive_days;
}

export function same(one: Days, other: Days): boolean {
  return one.hot_days === other.hot_days && one.archive_days === other.archive_days;
}

/** What holds in the end if nothing else is chosen. */
export function asked(retention: Retention): Days {
  return retention.pending ?? retention;
}

/** What holds at once after a choice, and what from which moment on. */
export function choose(before: Retention, wanted: Days, now: number): { days: Days; pending: { days: Days; at: number } | null } {
  const hot_days = Math.max(wanted.hot_days, before.hot_days);
  const days = { hot_days, archive_days: Math.max(0, Math.max(total(wanted), total(before)) - hot_days) };
  if (same(days, wanted)) return { days, pending: null };
  const again = before.pending && same(before.pending, wanted);
  return { days, pending: { days: wanted, at: again ? Date.parse(before.pending?.effective_at ?? "") : now + SHORTENED_AFTER_DAYS * DAY_MILLIS } };
}

/** Why the API will refuse a choice, by field. */
export function refused(before: Retention, wanted: Days): Partial<Record<keyof Days, string>> {
  const found: Partial<Record<keyof Days, string>> = {};
  for (const field of ["hot_days", "archive_days"] as const) {
    const least = before.minimum[field];
    const days = wanted[field];
    if (!Number.isInteger(days) || days < least || days > RETENTION_DAYS_MAX) found[field] = `${least} to ${RETENTION_DAYS_MAX.toLocaleString("en")} days, by the operator’s bounds`;
  }
  if (found.hot_days || found.archive_days || !before.locked) return found;
  if (wanted.hot_days < before.hot_days) return { hot_days: `Locked: ${before.hot_days} days or more` };
  if (total(wanted) < total(before)) return { archive_days: `Locked: with these days at hand ${total(before) - wanted.hot_days} or more` };
  return {};
}

function dayOf(millis: number): number {
  return Math.floor(millis / DAY_MILLIS) * DAY_MILLIS;
}

/** What was recorded before this is older than so many days at a moment: a record is kept for all of its days, in UTC. */
export function olderThan(days: number, at: number): number {
  return dayOf(at) - days * DAY_MILLIS;
}

/** From when on a record is in the archive, and from when on it is purged. */
export function ends(recordedAt: number, retention: Retention): { archive: number; purge: number } {
  const after = (days: number) => dayOf(recordedAt) + (days + 1) * DAY_MILLIS;
  const { pending } = retention;
  const end = (daysOf: (days: Days) => number) => {
    const now = after(daysOf(retention));
    if (!pending) return now;
    const effective = Date.parse(pending.effective_at);
    return now <= effective ? now : Math.min(now, Math.max(after(daysOf(pending)), effective));
  };
  return { archive: end((days) => days.hot_days), purge: end(total) };
}
