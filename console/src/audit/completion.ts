// What the search field offers at the cursor: names of fields, then values of the field. Pure.
import { FIELDS, quoted, type FacetField } from "./terms";

/** The word at the cursor: where it begins, whether it is kept out, the field that it names, and what was typed of it. */
export type AtCursor = { start: number; end: number; negated: boolean; field: string | null; typed: string; valueStart: number };

const FACETS: FacetField[] = ["actor", "action", "project", "component", "environment", "resource", "source", "ip", "surface", "actor_type", "outcome", "target"];

/** Whether the values of a field can be counted, and so offered. */
export function facetOf(field: string | null): FacetField | null {
  return FACETS.find((one) => one === field) ?? null;
}

/** Reads the word that the cursor is in or behind; `null` within a quoted text, where there is nothing to offer. */
export function atCursor(text: string, cursor: number): AtCursor | null {
  const before = text.slice(0, cursor);
  if ((before.replace(/\\./g, "").match(/"/g)?.length ?? 0) % 2 === 1) return null;
  const start = Math.max(before.lastIndexOf(" "), before.lastIndexOf("("), before.lastIndexOf("\t")) + 1;
  const word = before.slice(start);
  const negated = word.startsWith("-");
  const own = negated ? word.slice(1) : word;
  const colon = own.indexOf(":");
  if (colon < 0) return { start, end: cursor, negated, field: null, typed: own, valueStart: start + (negated ? 1 : 0) };
  const list = own.slice(colon + 1);
  const typed = list.slice(list.lastIndexOf(",") + 1);
  return { start, end: cursor, negated, field: own.slice(0, colon), typed, valueStart: cursor - typed.length };
}

export type Offer = { text: string; insert: string; hint: string; goesOn: boolean };

/** Fields that begin as what was typed; nothing for nothing. */
export function offeredFields(typed: string): Offer[] {
  const wanted = typed.toLowerCase();
  return FIELDS.filter((field) => field.name.startsWith(wanted) && wanted !== "")
    .map((field) => {
      const ends = field.name.endsWith(".") ? "" : ":";
      return { text: `${field.name}${ends}`, insert: `${field.name}${ends}`, hint: field.finds, goesOn: true };
    });
}

/** Values that hold what was typed; those that begin with it first. */
export function offeredValues(values: { value: string; name?: string | undefined; hint: string }[], typed: string): Offer[] {
  const wanted = typed.toLowerCase();
  const found = values.filter(({ value, name }) => `${value}\n${name ?? ""}`.toLowerCase().includes(wanted));
  const begins = (text: string | undefined) => text?.toLowerCase().startsWith(wanted) ?? false;
  const sorted = [...found.filter((one) => begins(one.value) || begins(one.name)), ...found.filter((one) => !begins(one.value) && !begins(one.name))];
  return sorted.map(({ value, name, hint }) => ({ text: name ?? value, insert: value.endsWith(".*") ? value : quoted(name ?? value), hint, goesOn: false }));
}

/** The text with an offer taken at the cursor, and where the cursor is then. */
export function taking(text: string, at: AtCursor, offer: Offer): { text: string; cursor: number } {
  const end = offer.goesOn ? "" : " ";
  const rest = text.slice(at.end);
  const before = `${text.slice(0, at.valueStart)}${offer.insert}${rest.startsWith(" ") ? "" : end}`;
  return { text: before + rest, cursor: before.length + (rest.startsWith(" ") && end ? 1 : 0) };
}

/** A run of a phrase, and where it begins. */
export type Coloured = { text: string; kind: "field" | "value" | "not" | "operator" | "quoted" | "plain"; from: number };

/** The runs of a phrase by what they are, for showing it as it is read; never for deciding what it means. */
export function coloured(text: string): Coloured[] {
  const runs: Coloured[] = [];
  const push = (run: Omit<Coloured, "from">) => {
    const last = runs.at(-1);
    runs.push({ ...run, from: last ? last.from + last.text.length : 0 });
  };
  const pattern = /("(?:[^"\\]|\\.)*"?)|(^|[\s(])(-)(?=\S)|(\b(?:AND|OR|NOT)\b)|([A-Za-z_]+(?:\.[A-Za-z0-9_.-]+)?:)([^\s"()]*)/g;
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) push({ text: text.slice(from, match.index), kind: "plain" });
    if (match[1] !== undefined) push({ text: match[1], kind: "quoted" });
    else if (match[3] !== undefined) {
      if (match[2]) push({ text: match[2], kind: "plain" });
      push({ text: "-", kind: "not" });
    } else if (match[4] !== undefined) push({ text: match[4], kind: "operator" });
    else if (match[5] !== undefined) {
      push({ text: match[5], kind: "field" });
      if (match[6]) push({ text: match[6], kind: "value" });
    }
    from = match.index + match[0].length;
  }
  if (from < text.length) push({ text: text.slice(from), kind: "plain" });
  return runs;
}
