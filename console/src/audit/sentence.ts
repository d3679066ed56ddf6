// Events as sentences, from the catalog: the verb strong, the thing plain, the circumstance grey. Every event gets one,
// whatever it lacks and whether or not the catalog knows its action. Pure.
import { targetLabel, type Actor, type AuditEvent, type Outcome, type Target } from "./event";
import { actorText, render } from "./template";

export type Verb = { base: string; past: string; gerund: string };
export type CatalogAction = {
  action: string;
  family: string;
  title: string;
  operation: string;
  resource: string;
  reserved: boolean;
  verb?: Verb;
  phrase: string;
  sentences?: Partial<Record<Outcome, string>>;
  metadata: { key: string; description: string; personal: boolean }[];
};
export type Family = { family: string; title: string; summary: string; actions: CatalogAction[] };

export type Role = "actor" | "verb" | "thing" | "circumstance";
export type Piece = { role: Role; text: string; target?: Target; metadata?: string; actor?: Actor };

/** The catalog, with each action by its name. */
export class Catalog {
  readonly families: Family[];
  private readonly actions = new Map<string, CatalogAction>();

  constructor(families: Family[]) {
    this.families = families;
    for (const family of families) for (const action of family.actions) this.actions.set(action.action, action);
  }

  get(action: string): CatalogAction | undefined {
    return this.actions.get(action);
  }

  /** What an action is called in lists: its title, or its name. */
  title(action: string): string {
    return this.actions.get(action)?.title ?? action;
  }

  /** Beside a column for the actor: "promote", " orders-api", " to production". */
  row(event: AuditEvent): Piece[] {
    const action = this.actions.get(event.action);
    if (action?.verb) return [{ role: "verb", text: action.verb.base }, ...rest(action.phrase, event, action.resource)];
    if (action) return [{ role: "verb", text: action.title }];
    return [{ role: "verb", text: event.action }, ...onTarget(event)];
  }

  /** As a whole sentence, without a full stop. */
  sentence(event: AuditEvent): Piece[] {
    const action = this.actions.get(event.action);
    if (!action) return unknown(event);
    const own = action.sentences?.[event.outcome];
    if (own) return filled(own, event, action.resource);
    if (action.verb) {
      const pieces: Piece[] = [subject(event), { role: "verb", text: ` ${conjugated(action.verb, event.outcome)}` }];
      return [...pieces, ...rest(action.phrase, event, action.resource), ...note(event.outcome)];
    }
    const success = action.sentences?.success;
    if (!success) return unknown(event);
    const ends: Record<Outcome, string> = { success: "", failure: " (failed)", denied: " (denied)", unknown: " (outcome unknown)" };
    return [...filled(success, event, action.resource), { role: "circumstance", text: ends[event.outcome] }];
  }
}

export function textOf(pieces: Piece[]): string {
  return pieces.map((piece) => piece.text).join("");
}

function subject(event: AuditEvent): Piece {
  return { role: "actor", text: actorText(event.actor) ?? "someone", actor: event.actor };
}

function conjugated(verb: Verb, outcome: Outcome): string {
  switch (outcome) {
    case "success":
      return verb.past;
    case "failure":
      return `failed to ${verb.base}`;
    case "denied":
      return `was denied ${verb.gerund}`;
    case "unknown":
      return `tried to ${verb.base}`;
  }
}

function note(outcome: Outcome): Piece[] {
  return outcome === "unknown" ? [{ role: "circumstance", text: " (outcome unknown)" }] : [];
}

function pieces(template: string, event: AuditEvent, resource: string): Piece[] {
  return render(template, event, resource).flatMap((run) =>
    run.parts.map((part): Piece => ({ role: run.circumstance ? "circumstance" : "thing", ...part })),
  );
}

function rest(phrase: string, event: AuditEvent, resource: string): Piece[] {
  const found = pieces(phrase, event, resource).filter((piece) => piece.text !== "");
  const first = found[0];
  return first && !first.text.startsWith(" ") ? [{ role: first.role, text: " " }, ...found] : found;
}

function filled(template: string, event: AuditEvent, resource: string): Piece[] {
  return pieces(template, event, resource);
}

function onTarget(event: AuditEvent): Piece[] {
  const target = event.targets[0];
  return target
    ? [
        { role: "circumstance", text: " on " },
        { role: "circumstance", text: targetLabel(target), target },
      ]
    : [];
}

function unknown(event: AuditEvent): Piece[] {
  const perform = { base: "perform", past: "performed", gerund: "performing" };
  return [
    subject(event),
    { role: "verb", text: ` ${conjugated(perform, event.outcome)}` },
    { role: "thing", text: ` ${event.action}` },
    ...onTarget(event),
    ...note(event.outcome),
  ];
}
