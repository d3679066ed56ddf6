// Times as people read them, in UTC or in the browser's zone, always with the zone at hand. Pure but for the browser's zone.

export type Zone = "utc" | "local";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LONG_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const two = (number: number) => String(number).padStart(2, "0");

/** A moment's fields in a zone. */
export function fields(millis: number, zone: Zone) {
  const date = new Date(millis);
  return zone === "utc"
    ? {
        year: date.getUTCFullYear(), month: date.getUTCMonth(), day: date.getUTCDate(), weekday: date.getUTCDay(),
        hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds(), millisecond: date.getUTCMilliseconds(),
      }
    : {
        year: date.getFullYear(), month: date.getMonth(), day: date.getDate(), weekday: date.getDay(),
        hour: date.getHours(), minute: date.getMinutes(), second: date.getSeconds(), millisecond: date.getMilliseconds(),
      };
}

/** `08:41:07.318` */
export function clock(text: string, zone: Zone): string {
  if (zone === "utc") return text.slice(11, 23).replace("Z", "");
  const at = fields(Date.parse(text), zone);
  return `${two(at.hour)}:${two(at.minute)}:${two(at.second)}.${String(at.millisecond).padStart(3, "0")}`;
}

/** What two moments of one day have in common, and others have not. */
export function dayKey(text: string, zone: Zone): string {
  if (zone === "utc") return text.slice(0, 10);
  const at = fields(Date.parse(text), zone);
  return `${at.year}-${two(at.month + 1)}-${two(at.day)}`;
}

/** `Sunday 22 November`, with the year where it is not this one. */
export function longDay(text: string, zone: Zone, now: number): string {
  const at = fields(Date.parse(text), zone);
  const year = at.year === fields(now, zone).year ? "" : ` ${at.year}`;
  return `${LONG_DAYS[at.weekday] ?? ""} ${at.day} ${LONG_MONTHS[at.month] ?? ""}${year}`;
}

/** `23 Nov` */
export function shortDay(text: string, zone: Zone): string {
  const at = fields(Date.parse(text), zone);
  return `${at.day} ${MONTHS[at.month] ?? ""}`;
}

/** `23 Nov 2026`, in UTC: what is kept by whole days is kept by those of UTC. */
export function utcDay(millis: number): string {
  const at = fields(millis, "utc");
  return `${at.day} ${MONTHS[at.month] ?? ""} ${at.year}`;
}

/** `Mon 23 Nov 2026, 08:41:07.318`, to the microsecond if there is more than the millisecond says. */
export function full(text: string, zone: Zone): string {
  const at = fields(Date.parse(text), zone);
  const micros = /\.\d{3}(\d{3})Z$/.exec(text)?.[1] ?? "";
  const finer = micros && micros !== "000" ? micros : "";
  return `${DAYS[at.weekday] ?? ""} ${at.day} ${MONTHS[at.month] ?? ""} ${at.year}, ${clock(text, zone)}${finer}`;
}

/** `23 Nov 2026, 08:41`, with seconds where they matter. */
export function short(millis: number, zone: Zone, now: number): string {
  const at = fields(millis, zone);
  const year = at.year === fields(now, zone).year ? "" : ` ${at.year}`;
  const seconds = at.second === 0 ? "" : `:${two(at.second)}`;
  return `${at.day} ${MONTHS[at.month] ?? ""}${year}, ${two(at.hour)}:${two(at.minute)}${seconds}`;
}

/** A mark on the axis of a histogram: as much as a span of this length needs. */
export function tick(millis: number, zone: Zone, spanMillis: number, withDay: boolean): string {
  const at = fields(millis, zone);
  const time = spanMillis < 10 * 60_000 ? `${two(at.hour)}:${two(at.minute)}:${two(at.second)}` : `${two(at.hour)}:${two(at.minute)}`;
  const day = `${DAYS[at.weekday] ?? ""} ${at.day}`;
  if (spanMillis <= 2 * 86_400_000) return withDay ? `${day}, ${time}` : time;
  if (spanMillis <= 8 * 86_400_000) return `${day} ${MONTHS[at.month] ?? ""}`;
  if (spanMillis <= 330 * 86_400_000) return `${at.day} ${MONTHS[at.month] ?? ""}`;
  return `${MONTHS[at.month] ?? ""} ${at.year}`;
}

/** What the zone is called: `UTC`, or the browser's with its offset at a moment. */
export function zoneName(zone: Zone, millis: number): string {
  if (zone === "utc") return "UTC";
  const minutes = -new Date(millis).getTimezoneOffset();
  const size = Math.abs(minutes);
  const offset = `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${size % 60 ? `:${two(size % 60)}` : ""}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name && name !== "UTC" ? `${name.replaceAll("_", " ")} (${offset})` : offset;
}

/** Short, beside a time. */
export function zoneShort(zone: Zone, millis: number): string {
  if (zone === "utc") return "UTC";
  const minutes = -new Date(millis).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${size % 60 ? `:${two(size % 60)}` : ""}`;
}

/** `4 minutes ago`. */
export function ago(millis: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - millis) / 1000));
  const units: [number, string][] = [[86_400, "day"], [3_600, "hour"], [60, "minute"]];
  for (const [size, name] of units) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return seconds < 5 ? "just now" : `${seconds} seconds ago`;
}
