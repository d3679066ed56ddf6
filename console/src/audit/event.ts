// What the console reads off an event. Pure.
import type { Schemas } from "../api/client";

/** A part of an event that can be erased. */
export type ErasedPart = "identity" | "personal" | "detail";
/** Parts of an event may have been erased: what stood in them is missing, ids too. */
export type AuditEvent = Omit<Schemas["Event"], "actor" | "targets" | "erased"> & { actor: Actor; targets: Target[]; erased?: ErasedPart[] };
export type Actor = Omit<Schemas["Event"]["actor"], "id" | "on_behalf_of"> & { id?: string; on_behalf_of?: Actor | null };
export type Target = Omit<Schemas["Event"]["targets"][number], "id"> & { id?: string };
export type Outcome = AuditEvent["outcome"];

export const OUTCOMES: Outcome[] = ["success", "failure", "denied", "unknown"];

/** How an outcome is called beside a sentence. */
export const OUTCOME_WORDS: Record<Outcome, string> = {
  success: "success",
  failure: "failed",
  denied: "denied",
  unknown: "unknown",
};

/** Who, in a word: name, address, id, or at least what kind. */
export function actorLabel(actor: Actor): string {
  return actor.name || actor.email || actor.id || actor.type;
}

/** What finds the events of an actor; none for one of whom nothing is left. */
export function actorValue(actor: Actor): string | undefined {
  return actor.email || actor.name || actor.id || undefined;
}

/** What is told of the event beside what happened: that parts of it are gone, that a legal hold keeps it. */
export function marksOf(event: AuditEvent): { word: string; title: string }[] {
  const marks = [];
  if (event.erased && event.erased.length > 0) marks.push({ word: "erased", title: "Parts of the event were erased" });
  if (event.held_by && event.held_by.length > 0) marks.push({ word: "held", title: "A legal hold keeps it: it is neither purged nor erased" });
  return marks;
}

/** Whether a part of the event was erased. */
export function isErased(event: AuditEvent, part: ErasedPart): boolean {
  return event.erased?.includes(part) ?? false;
}

export function targetLabel(target: Target): string {
  return target.name || target.id || "erased";
}

export function targetOf(event: AuditEvent, type: string): Target | undefined {
  return event.targets.find((target) => target.type === type);
}

/** The actor and those on whose behalf it acted, from the one who did it. */
export function chain(actor: Actor): Actor[] {
  const found: Actor[] = [];
  for (let one: Actor | null | undefined = actor; one && found.length < 5; one = one.on_behalf_of) found.push(one);
  return found;
}
