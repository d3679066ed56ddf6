// Days, sizes and criteria in words. Pure.
import type { Schemas } from "../api/client";
import { print } from "../audit/terms";

export type LegalHold = Schemas["LegalHold"];

export function daysText(days: number): string {
  return days === 1 ? "1 day" : `${days.toLocaleString("en")} days`;
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

export function bytes(count: number): string {
  const step = count < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1_000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step] ?? ""}`;
}

/** What a hold asks for besides its time, as a phrase of the search. */
export function phraseOf(hold: Pick<LegalHold, "q" | "actor" | "target">): string {
  const terms = (["actor", "target"] as const).flatMap((field) => {
    const value = hold[field];
    return value ? [term(field, value)] : [];
  });
  const own = hold.q?.trim() ?? "";
  const text = own && terms.length > 0 && /(^|[\s()])OR([\s()]|$)/.test(own) ? `(${own})` : own;
  return [text, ...terms].filter(Boolean).join(" ");
}

function term(field: "actor" | "target", value: string): string {
  // A target may be `type:id`, which the phrase tells apart by its colon.
  const typed = field === "target" ? /^([A-Za-z][A-Za-z0-9_.-]*):(.+)$/su.exec(value) : null;
  return print({ field, values: [typed ? `${typed[1]}\u0000${typed[2]}` : value], negated: false });
}
