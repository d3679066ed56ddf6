// How far an export has come, in words. Pure.
import type { KeptExport } from "./queries";

export const FORMATS: Record<KeptExport["format"], string> = { csv: "CSV", ndjson: "NDJSON", proof: "With proof" };

/** From 0 to 1; `null` while it is not known how much there is to do. */
export function share(one: KeptExport): number | null {
  const { progress } = one;
  if (!progress?.total) return null;
  return Math.min(progress.done / progress.total, 1);
}

export function timeLeft(seconds: number): string {
  if (seconds < 60) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} minute${minutes === 1 ? "" : "s"} left`;
  const hours = Math.round(minutes / 60);
  return `about ${hours} hour${hours === 1 ? "" : "s"} left`;
}

/** What is said beside the bar: how much of how much, and how long still. */
export function told(one: KeptExport): string {
  if (one.state === "waiting" || !one.progress) return "Waits for its turn";
  const { done, total, seconds_left: left } = one.progress;
  const number = (count: number) => count.toLocaleString("en");
  const much = total === null ? `${number(done)} events` : `${number(done)} of ${number(total)} events`;
  return left === null ? much : `${much}, ${timeLeft(left)}`;
}
