// The catalog's templates: `{actor}`, `{target}`, `{component}`, `{metadata.KEY}`, `{changes}`, `{reason}` stand for values
// of an event, `[…]` is left out as a whole when a value in it is missing, doubled braces and brackets stand for themselves.
// The same rules as the server's; a value is never read as a template. Pure.
import { type Actor, type AuditEvent, targetLabel, type Target } from "./event";

type Part = { text: string } | { value: string };
type Run = { circumstance: boolean; parts: Part[] };

/** A piece of a run with what it was made from, so that it can be a link. */
export type Filled = { text: string; target?: Target; metadata?: string };

const CHANGES_NAMED_MAX = 3;
const cache = new Map<string, Run[]>();

/** Reads a template. The server has checked it; of what it would refuse, the text is shown as it is. */
export function parse(source: string): Run[] {
  const known = cache.get(source);
  if (known) return known;
  const runs: Run[] = [];
  let circumstance = false;
  const parts = (): Part[] => {
    let last = runs.at(-1);
    if (!last || last.circumstance !== circumstance) {
      last = { circumstance, parts: [] };
      runs.push(last);
    }
    return last.parts;
  };
  const addText = (text: string) => {
    if (!text) return;
    const own = parts();
    const last = own.at(-1);
    if (last && "text" in last) last.text += text;
    else own.push({ text });
  };
  for (let at = 0; at < source.length; ) {
    const mark = source.slice(at).search(/[{}[\]]/);
    if (mark < 0) {
      addText(source.slice(at));
      break;
    }
    addText(source.slice(at, at + mark));
    at += mark;
    const character = source[at] ?? "";
    if (source[at + 1] === character) {
      addText(character);
      at += 2;
      continue;
    }
    at += 1;
    if (character === "[") {
      circumstance = true;
      runs.push({ circumstance, parts: [] });
    } else if (character === "]") {
      circumstance = false;
    } else if (character === "{") {
      const end = source.indexOf("}", at);
      if (end < 0) break;
      parts().push({ value: source.slice(at, end) });
      at = end + 1;
    }
  }
  cache.set(source, runs);
  return runs;
}

export function actorText(actor: Actor | null | undefined, depth = 0): string | undefined {
  if (!actor) return undefined;
  const own = actor.name || actor.email || actor.id || actor.type || undefined;
  const other = depth < 4 ? actorText(actor.on_behalf_of, depth + 1) : undefined;
  return own && other ? `${own} on behalf of ${other}` : (own ?? other);
}

function changesText(event: AuditEvent): string | undefined {
  const paths = (event.changes ?? []).map((change) => change.path);
  if (paths.length === 0) return undefined;
  if (paths.length <= CHANGES_NAMED_MAX) return paths.join(", ");
  const named = paths.slice(0, CHANGES_NAMED_MAX - 1);
  return `${named.join(", ")} and ${paths.length - named.length} more`;
}

function fill(name: string, event: AuditEvent, resource: string): Filled | undefined {
  const of = (target: Target | undefined): Filled | undefined => target && { text: targetLabel(target), target };
  if (name.startsWith("metadata.")) {
    const key = name.slice("metadata.".length);
    const value = event.metadata?.[key];
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? { text: String(value), metadata: key }
      : undefined;
  }
  const text = (value: string | undefined): Filled | undefined => (value === undefined ? undefined : { text: value });
  switch (name) {
    case "actor":
      return text(actorText(event.actor));
    case "target":
      return of(event.targets[0]);
    case "changes":
      return text(changesText(event));
    case "reason":
      return text(event.reason);
    default: {
      const typed = event.targets.find((target) => target.type === name);
      return of(typed ?? (name === resource ? event.targets[0] : undefined));
    }
  }
}

function standIn(name: string): string {
  if (name.startsWith("metadata.")) return `unknown ${name.slice("metadata.".length).replace(/[_.]/g, " ")}`;
  const known: Record<string, string> = { actor: "someone", target: "something", changes: "no changes", reason: "no reason given" };
  return known[name] ?? "(unnamed)";
}

/** The runs of a template with an event's values; circumstances that lack one are left out. */
export function render(source: string, event: AuditEvent, resource: string): { circumstance: boolean; parts: Filled[] }[] {
  const rendered: { circumstance: boolean; parts: Filled[] }[] = [];
  for (const run of parse(source)) {
    const found = run.parts.map((part) => ("text" in part ? part : fill(part.value, event, resource)));
    if (run.circumstance && found.includes(undefined)) continue;
    const parts = found.map((part, at): Filled => part ?? { text: standIn((run.parts[at] as { value: string }).value) });
    rendered.push({ circumstance: run.circumstance, parts });
  }
  return rendered;
}
