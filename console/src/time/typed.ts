// Days of a calendar, and times as people type them, in the zone that the page shows. Pure but for the browser's zone.
import { moment } from "./range";
import { fields, type Zone } from "./zone";

const DAY_MILLIS = 86_400_000;
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const two = (number: number) => String(number).padStart(2, "0");

/** A day of the calendar, whatever the zone: how many lie between it and 1 January 1970. */
export type Day = number;

export function dayOf(millis: number, zone: Zone): Day {
  const { year, month, day } = fields(millis, zone);
  return Date.UTC(year, month, day) / DAY_MILLIS;
}

const at = (day: Day) => fields(day * DAY_MILLIS, "utc");

/** `23` */
export function dayNumber(day: Day): number {
  return at(day).day;
}

/** `2026-11-23` */
export function isoDay(day: Day): string {
  const { year, month, day: number } = at(day);
  return `${year}-${two(month + 1)}-${two(number)}`;
}

/** `Monday 23 November 2026` */
export function dayName(day: Day): string {
  const { year, month, day: number } = at(day);
  return `${WEEKDAYS[weekday(day)] ?? ""} ${number} ${MONTHS[month] ?? ""} ${year}`;
}

/** `November 2026` */
export function monthName(day: Day): string {
  const { year, month } = at(day);
  return `${MONTHS[month] ?? ""} ${year}`;
}

/** From 0, Monday, to 6. */
export function weekday(day: Day): number {
  return (at(day).weekday + 6) % 7;
}

export function firstOfMonth(day: Day): Day {
  return day - dayNumber(day) + 1;
}

/** The same day so many months later, or the last of that month where it has none. */
export function monthsLater(day: Day, months: number): Day {
  const { year, month, day: number } = at(day);
  const last = Date.UTC(year, month + months + 1, 0) / DAY_MILLIS;
  return Math.min(Date.UTC(year, month + months, number) / DAY_MILLIS, last);
}

/** The weeks that a month is shown in: from the Monday before its first day to the Sunday after its last. */
export function weeksOf(day: Day): Day[][] {
  const first = firstOfMonth(day);
  const last = monthsLater(first, 1) - 1;
  const weeks: Day[][] = [];
  for (let monday = first - weekday(first); monday <= last; monday += 7) weeks.push(Array.from({ length: 7 }, (_, index) => monday + index));
  return weeks;
}

/** `2026-11-23 08:00`, as fine as the moment is. */
export function typedOf(millis: number, zone: Zone): string {
  const { hour, minute, second, millisecond } = fields(millis, zone);
  const seconds = second === 0 && millisecond === 0 ? "" : `:${two(second)}`;
  const finer = millisecond === 0 ? "" : `.${String(millisecond).padStart(3, "0")}`;
  return `${isoDay(dayOf(millis, zone))} ${two(hour)}:${two(minute)}${seconds}${finer}`;
}

const TYPED = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T,]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?)?$/;

/** What to say of what `readTyped` does not read. */
export const UNREADABLE = "Give a day, or a day and a time, such as 2026-11-23 08:00.";

/** The moment that is typed: a day, a day and a time, RFC 3339, `-7d` or `now`. A day alone begins with it, or as an end goes
 * on to its last moment. `null` for what is none, such as 30 February. */
export function readTyped(text: string, zone: Zone, now: number, isEnd: boolean): number | null {
  const typed = text.trim();
  const found = TYPED.exec(typed);
  if (!found) return /^(now|-.*|.*(Z|[+-]\d\d:\d\d))$/.test(typed) ? moment(typed, now) : null;
  const number = (index: number) => Number(found[index] ?? 0);
  const [year, month, day] = [number(1), number(2) - 1, number(3)];
  const whole = found[4] === undefined;
  const hour = whole && isEnd ? 24 : number(4);
  const [minute, second, milli] = [number(5), number(6), Number((found[7] ?? "").padEnd(3, "0"))];
  const date = new Date(Date.UTC(year, month, day));
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return null;
  if (minute > 59 || second > 59 || hour > 24 || (hour === 24 && minute + second + milli > 0)) return null;
  return zone === "utc" ? Date.UTC(year, month, day, hour, minute, second, milli) : new Date(year, month, day, hour, minute, second, milli).getTime();
}
