// Erasures and redactions in words. Pure.
import { counted } from "../audit/words";
import type { Found, Kind, Part, Removal } from "./queries";

export const PARTS: Part[] = ["personal", "identity", "detail"];

/** What a part is called, and what stands in it. */
export const PART_WORDS: Record<Part, { title: string; holds: string }> = {
  personal: { title: "Personal", holds: "names, e-mail addresses, groups, IP address and browser" },
  identity: { title: "Identity", holds: "ids of actor and targets, session, request and trace" },
  detail: { title: "Detail", holds: "message, reason, changes and all metadata" },
};

export function partsText(parts: Part[]): string {
  return PARTS.filter((part) => parts.includes(part)).map((part) => PART_WORDS[part].title.toLowerCase()).join(", ");
}

export const STATE_WORDS: Record<Removal["state"], string> = {
  pending: "Waits for approval",
  approved: "Approved",
  wiping: "Being removed",
  done: "Done",
  rejected: "Rejected",
};

/** Whom or what it is about; who was erased is known by a pseudonym alone. */
export function aboutOf(kind: Kind, removal: Removal): string {
  if (kind === "redaction") return counted(removal.events?.length ?? removal.found.events, "event");
  return removal.subject ?? (removal.pseudonym ? `pseudonym ${removal.pseudonym.slice(0, 12)}…` : "a person");
}

/** The subject as the API takes it: an id alone is a user's. */
export function subjectOf(typed: string): string {
  const text = typed.trim();
  return text === "" || text.includes(":") ? text : `user:${text}`;
}

/** The ids of events in a text: each on its own, or in the link to it. */
export function eventIdsOf(text: string): string[] {
  const ids = text.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/giu) ?? [];
  return [...new Set(ids.map((id) => id.toLowerCase()))];
}

/** What is one to a line or between commas. */
export function listOf(text: string): string[] {
  return [...new Set(text.split(/[\n,]/).map((one) => one.trim()).filter(Boolean))];
}

export type Line = { count: number; text: string; grave?: boolean };

/** What a look at the log has found, line by line; what there is none of is left out. */
export function foundLines(found: Found): Line[] {
  const places = [
    [found.journal + found.hot, "at hand"],
    [found.archive, "in the archive"],
  ] as const;
  const where = places.filter(([count]) => count > 0).map(([count, place]) => `${count.toLocaleString("en")} ${place}`).join(", ");
  const lines: Line[] = PARTS.map((part) => ({ count: found[part], text: `lose ${PART_WORDS[part].holds}` }));
  lines.push(
    { count: found.naming_records, text: "records of searches and exports name the person, and lose their detail" },
    { count: found.kept_own, text: "records of what others did to the person keep who did it, and what" },
    { count: found.saved_searches, text: "saved searches name the person, and are deleted" },
    { count: found.searches_to_review, text: "recorded searches may name the person, and stay: look at them" },
    { count: found.held, text: "are kept as they are by legal holds: ask again when these are released", grave: true },
    { count: found.already, text: "had lost it before" },
  );
  const shown = lines.filter((line) => line.count > 0);
  return found.events === 0 ? shown : [{ count: found.events, text: `events lose something${where && `: ${where}`}` }, ...shown];
}
