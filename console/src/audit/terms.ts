// Criteria as terms of the search phrase: `outcome:denied,failure`, `-project:payments`. A chip is one term; what somebody
// types stays a text, which only the server reads. Pure.

/** The fields that values can be counted of, as the API names them. */
export type FacetField =
  | "outcome" | "actor" | "action" | "project" | "component" | "environment" | "resource" | "source" | "ip" | "surface"
  | "actor_type" | "target_type" | "target";

export type Term = { field: string; values: string[]; negated: boolean };

/** What a field is called on the page. */
export const FIELD_TITLES: Record<string, string> = {
  outcome: "Outcome",
  actor: "User",
  actor_type: "Kind of actor",
  action: "Action",
  target: "Target",
  project: "Project",
  component: "Component",
  environment: "Environment",
  resource: "Resource type",
  source: "Source",
  surface: "Surface",
  ip: "IP address",
  request_id: "Request",
  trace_id: "Trace",
  session_id: "Session",
  external_id: "External id",
  id: "Event",
  seq: "Position",
};

/** All fields of the phrase, for completion: with what each finds. */
export const FIELDS: { name: string; finds: string }[] = [
  { name: "actor", finds: "who did it: id, e-mail address or name" },
  { name: "action", finds: "what was done; component.* for all below" },
  { name: "outcome", finds: "success, failure, denied or unknown" },
  { name: "target", finds: "what it was done to: id, name or type:id" },
  { name: "project", finds: "a project" },
  { name: "component", finds: "a component" },
  { name: "environment", finds: "an environment" },
  { name: "resource", finds: "the type of what was acted on" },
  { name: "ip", finds: "an address or network: 10.0.0.0/8" },
  { name: "source", finds: "which way the event came" },
  { name: "surface", finds: "what the actor used" },
  { name: "actor_type", finds: "user, service_account, api_key, agent, …" },
  { name: "request_id", finds: "all of one request" },
  { name: "session_id", finds: "all of one session" },
  { name: "trace_id", finds: "all of one trace" },
  { name: "external_id", finds: "the sender's own id" },
  { name: "metadata.", finds: "a key of the metadata: metadata.build:17" },
  { name: "seq", finds: "the position in the log" },
  { name: "id", finds: "one event" },
];

/** A value as the phrase needs it: quoted where it would be read as something else. */
export function quoted(value: string): string {
  return /^[^\s"(),*\\]+$/.test(value) && !/^(AND|OR|NOT)$/.test(value) && !value.startsWith("-") ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

function printedValue(field: string, value: string): string {
  // An action's star is a pattern; anywhere else it is itself.
  if (field === "action") return value;
  const colon = value.indexOf("\u0000");
  if (field === "target" && colon > 0) return `${value.slice(0, colon)}:${quotedWhole(value.slice(colon + 1))}`;
  return quoted(value);
}

function quotedWhole(value: string): string {
  return /^[A-Za-z0-9_.@/-]+$/.test(value) && !value.startsWith("-") ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** A target of a type, as a value of the field `target`. */
export function typedTarget(type: string, id: string): string {
  return `${type}\u0000${id}`;
}

export function print(term: Term): string {
  return `${term.negated ? "-" : ""}${term.field}:${term.values.map((value) => printedValue(term.field, value)).join(",")}`;
}

/** Reads a term that `print` wrote; `null` for what is none, such as an address that somebody wrote by hand. */
export function read(text: string): Term | null {
  const match = /^(-?)([a-z_]+|metadata\.[A-Za-z0-9_.-]{1,64}):(.+)$/su.exec(text);
  if (!match?.[2] || !match[3]) return null;
  const field = match[2];
  const values: string[] = [];
  let rest = match[3];
  while (rest) {
    const typed = field === "target" ? /^([A-Za-z][A-Za-z0-9_.:/-]*):"((?:[^"\\]|\\.)*)"/su.exec(rest) : null;
    const whole = /^"((?:[^"\\]|\\.)*)"/su.exec(rest);
    const bare = /^[^\s"(),]+/u.exec(rest);
    const unescaped = (value: string) => value.replace(/\\(["\\])/g, "$1");
    if (typed) {
      values.push(typedTarget(typed[1] ?? "", unescaped(typed[2] ?? "")));
      rest = rest.slice(typed[0].length);
    } else if (whole) {
      values.push(unescaped(whole[1] ?? ""));
      rest = rest.slice(whole[0].length);
    } else if (bare) {
      const colon = field === "target" ? bare[0].lastIndexOf(":") : -1;
      values.push(colon > 0 ? typedTarget(bare[0].slice(0, colon), bare[0].slice(colon + 1)) : bare[0]);
      rest = rest.slice(bare[0].length);
    } else {
      return null;
    }
    if (rest.startsWith(",")) rest = rest.slice(1);
    else if (rest) return null;
  }
  return { field, values, negated: match[1] === "-" };
}

/** A value for people. */
export function shownValue(value: string): string {
  return value.replace("\u0000", " ");
}

/** Criteria with a value more: joined to what is asked of the same field already. */
export function adding(terms: Term[], field: string, value: string, negated: boolean): Term[] {
  const without = removing(terms, field, value);
  const at = without.findIndex((term) => term.field === field && term.negated === negated);
  const found = without[at];
  if (!found) return [...without, { field, values: [value], negated }];
  return without.with(at, { ...found, values: [...found.values, value] });
}

/** Criteria without a value, whichever way it was asked for. */
export function removing(terms: Term[], field: string, value: string): Term[] {
  return terms
    .map((term) => (term.field === field ? { ...term, values: term.values.filter((one) => one !== value) } : term))
    .filter((term) => term.values.length > 0);
}

/** The values of a field that are asked for, or kept out. */
export function chosen(terms: Term[], field: string, negated = false): string[] {
  return terms.filter((term) => term.field === field && term.negated === negated).flatMap((term) => term.values);
}

/** A phrase taken apart again: what a chip can say is one, the rest is as if it had been typed. */
export function unphrase(text: string): { typed: string; terms: Term[] } {
  const whole = { typed: text.trim(), terms: [] };
  // What belongs together by words or parentheses stays together.
  const unquoted = text.replace(/"(?:[^"\\]|\\.)*"/gsu, "");
  if (/[()"]|(^|\s)(AND|OR|NOT)(\s|$)/.test(unquoted)) return whole;
  const tokens = text.match(/(?:"(?:[^"\\]|\\.)*"|[^\s"])+/gsu) ?? [];
  const typed: string[] = [];
  const terms: Term[] = [];
  for (const token of tokens) {
    const term = read(token);
    const known = term && (FIELD_TITLES[term.field] !== undefined || term.field.startsWith("metadata."));
    if (term && known && print(term) === token) terms.push(term);
    else typed.push(token);
  }
  return { typed: typed.join(" "), terms };
}

/** Whether a phrase has a word or a quoted text without a field, which is looked for in everything that an event says. */
export function hasWords(text: string): boolean {
  const fielded = /-?[a-z_]+(?:\.[A-Za-z0-9_.-]+)?:(?:"(?:[^"\\]|\\.)*"|[^\s"()])+/gsu;
  return text.replace(fielded, " ").split(/[\s()]+/).some((word) => word !== "" && !/^-?(AND|OR|NOT)$|^-$/.test(word));
}

/** One phrase of what was typed and the chips. Where both are there, what was typed stands in parentheses if it has an OR. */
export function phrase(typed: string, terms: Term[]): { text: string; typedAt: number } {
  const own = typed.trim();
  const printed = terms.map(print).join(" ");
  if (!own) return { text: printed, typedAt: 0 };
  if (!printed) return { text: own, typedAt: 0 };
  return /(^|[\s()])OR([\s()]|$)/.test(own) ? { text: `(${own}) ${printed}`, typedAt: 1 } : { text: `${own} ${printed}`, typedAt: 0 };
}
