// An event as its proof shows it: four canonical texts with their salts (docs/EVIDENCE.md), what the log's entry must be by
// them, and the event that they say. Texts that are not exactly canonical are refused, not interpreted (docs/FORMAT.md, 4).
import type { AuditEvent } from "../audit/event";
import { bigEndian64, fromHex, HASH_BYTES, joined, sha256, utf8, type Bytes } from "./bytes";
import { Unreadable } from "./note";

export const PART_NAMES = ["fact", "identity", "personal", "detail"] as const;
const [FACT, IDENTITY, PERSONAL, DETAIL] = [0, 1, 2, 3] as const;
const COMMIT_DOMAIN = utf8("actarium/commit/v1\n");
const ENTRY_KIND = Uint8Array.of(1);
const ON_BEHALF_OF_DEPTH_MAX = 4;

export type Part = { salt: Bytes; text: string } | { withheld: Bytes } | { erased: Bytes };

export type Disclosure = { seq: number; recordedAtMicros: number; commit: Bytes; parts: Part[] };

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of an object's own field: `__proto__` is a key like any other. */
function own(object: JsonObject | undefined, key: string): Json | undefined {
  return object && Object.hasOwn(object, key) ? object[key] : undefined;
}

function hex(value: unknown, bytes: number): Bytes {
  const read = typeof value === "string" ? fromHex(value) : null;
  if (read?.length !== bytes) throw new Unreadable(`a value of the proof is not ${bytes * 2} hexadecimal digits`);
  return read;
}

function readPart(part: unknown): Part {
  if (!isObject(part)) throw new Unreadable("a part of the event is no object");
  const fields = Object.keys(part).sort().join(" ");
  if (fields === "salt text" && typeof part.text === "string") return { salt: hex(part.salt, 16), text: part.text };
  if (fields === "hash") return { withheld: hex(part.hash, HASH_BYTES) };
  if (fields === "erased") return { erased: hex(part.erased, HASH_BYTES) };
  throw new Unreadable("a part of the event has neither salt and text, nor a hash");
}

export function readDisclosure(bytes: Bytes): Disclosure {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Unreadable("what the proof shows of the event is not JSON");
  }
  if (!isObject(value) || Object.keys(value).sort().join(" ") !== "commit parts recorded_at seq") throw new Unreadable("the proof shows no event");
  const { seq, recorded_at: recordedAtMicros, commit, parts } = value;
  const isCount = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0;
  if (!isCount(seq) || !isCount(recordedAtMicros)) throw new Unreadable("the proof has no position or time of the event");
  if (!Array.isArray(parts) || parts.length !== PART_NAMES.length) throw new Unreadable("the proof does not show the four parts of an event");
  return { seq, recordedAtMicros, commit: hex(commit, HASH_BYTES), parts: parts.map(readPart) };
}

export function partHash(part: Part): Promise<Bytes> {
  if ("text" in part) return sha256(part.salt, utf8(part.text));
  return Promise.resolve("withheld" in part ? part.withheld : part.erased);
}

export function commitOf(hashes: Bytes[]): Promise<Bytes> {
  return sha256(COMMIT_DOMAIN, ...hashes);
}

export function entryOf(recordedAtMicros: number, commit: Bytes): Bytes {
  return joined(ENTRY_KIND, bigEndian64(recordedAtMicros), commit);
}

/** `2026-01-02T03:04:05.000006Z` */
export function timeText(micros: number): string {
  const text = new Date(Math.floor(micros / 1_000)).toISOString();
  return `${text.slice(0, -1)}${String(micros % 1_000).padStart(3, "0")}Z`;
}

/** The event's id (docs/FORMAT.md, 7). */
export async function idOf(organization: Bytes, seq: number, recordedAtMicros: number): Promise<string> {
  const millis = BigInt(Math.floor(recordedAtMicros / 1_000));
  const hash = await sha256(organization, bigEndian64(seq));
  const [a = 0, b = 0, c = 0] = hash;
  const mark = BigInt((a << 14) | (b << 6) | (c >> 2));
  const high = (millis << 16n) | 0x7000n | BigInt(recordedAtMicros % 1_000);
  const low = (0b10n << 62n) | (BigInt(seq) << 22n) | mark;
  const digits = high.toString(16).padStart(16, "0") + low.toString(16).padStart(16, "0");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** What the texts say of an event: all that the API shows but the organization's name. */
export type ProvenEvent = Omit<AuditEvent, "organization">;

/**
 * The event that the parts say. Fields of a part that is not shown are absent.
 * @throws {Unreadable} if a text is not exactly what the format has.
 */
export async function eventOf(disclosure: Disclosure, organization: Bytes): Promise<ProvenEvent> {
  const texts = disclosure.parts.map((part) => ("text" in part ? part.text : undefined));
  const roots = texts.map((text, part) => (text === undefined ? undefined : readText(text, part)));
  if (own(roots[FACT], "v") !== 1) throw new Unreadable("the fact of the event is not of version 1");
  const merged = merge(roots);
  // Spelling, order and unknown fields are all seen at once: what was read must be spelled like this again.
  spelled(merged).forEach((again, part) => {
    if (texts[part] !== undefined && texts[part] !== again) throw new Unreadable(`the ${PART_NAMES[part] ?? ""} of the event is spelled in another way than the format has`);
  });
  const context = { ...present({ ip: merged.ip, user_agent: merged.user_agent, request_id: merged.request_id, trace_id: merged.trace_id, surface: merged.surface, http: merged.http }) };
  const erased = PART_NAMES.filter((_, part) => "erased" in (disclosure.parts[part] ?? {}));
  const event = present({
    id: await idOf(organization, disclosure.seq, disclosure.recordedAtMicros),
    seq: disclosure.seq,
    recorded_at: timeText(disclosure.recordedAtMicros),
    occurred_at: merged.occurred_at, action: merged.action, outcome: merged.outcome, reason: merged.reason,
    actor: merged.actor, targets: merged.targets,
    context: Object.keys(context).length > 0 ? context : undefined,
    changes: merged.changes, message: merged.message, metadata: merged.metadata, external_id: merged.external_id, source: merged.source,
    erased: erased.length > 0 ? erased : undefined,
  });
  return event as unknown as ProvenEvent;
}

function readText(text: string, part: number): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new Unreadable(`the ${PART_NAMES[part] ?? ""} of the event is not a JSON object`);
}

/** Without the fields that are not there. */
function present(fields: Record<string, Json | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((field): field is [string, Json] => field[1] !== undefined));
}

type Places = (JsonObject | undefined)[];

function within(places: Places, key: string): Places {
  return places.map((place) => {
    const value = own(place, key);
    return isObject(value) ? value : undefined;
  });
}

function merge(roots: Places): Record<string, Json | undefined> {
  const from = (part: number, ...keys: string[]) => keys.map((key) => [key, own(roots[part], key)] as const);
  return Object.fromEntries([
    ...from(FACT, "action", "outcome", "occurred_at", "source"),
    ["actor", actorOf(within(roots, "actor"), 0)],
    ["targets", targetsOf(roots)],
    ...from(IDENTITY, "external_id", "request_id", "trace_id"),
    ...from(PERSONAL, "ip", "user_agent"),
    ...from(DETAIL, "reason", "message", "surface", "http", "changes", "metadata"),
  ]);
}

function actorOf(places: Places, depth: number): JsonObject {
  if (depth > ON_BEHALF_OF_DEPTH_MAX) throw new Unreadable("the actor acts on behalf of too many");
  const nested = own(places[FACT], "on_behalf_of") !== undefined;
  return present({
    type: own(places[FACT], "type"), id: own(places[IDENTITY], "id"), name: own(places[PERSONAL], "name"), email: own(places[PERSONAL], "email"),
    issuer: own(places[IDENTITY], "issuer"), session_id: own(places[IDENTITY], "session_id"), groups: own(places[PERSONAL], "groups"),
    metadata: own(places[DETAIL], "metadata"),
    on_behalf_of: nested ? actorOf(within(places, "on_behalf_of"), depth + 1) : undefined,
  });
}

function targetsOf(roots: Places): JsonObject[] {
  const lists = roots.map((root) => own(root, "targets"));
  const facts = lists[FACT];
  if (!Array.isArray(facts)) throw new Unreadable("the fact of the event has no targets");
  return facts.map((_, at) => {
    const places = lists.map((list) => {
      const target = Array.isArray(list) ? list[at] : undefined;
      return isObject(target) ? target : undefined;
    });
    return present({ type: own(places[FACT], "type"), id: own(places[IDENTITY], "id"), name: own(places[PERSONAL], "name"), metadata: own(places[DETAIL], "metadata") });
  });
}

/** The four texts of an event. */
function spelled(event: Record<string, Json | undefined>): string[] {
  const actor = event.actor as JsonObject;
  const targets = event.targets as JsonObject[];
  const actors = (keys: string[]): string => {
    const one = (value: JsonObject): string => {
      const behind = own(value, "on_behalf_of");
      return fields(keys.map((key) => [key, own(value, key)] as const), isObject(behind) ? `"on_behalf_of":${one(behind)}` : undefined);
    };
    return one(actor);
  };
  const each = (keys: string[]) => `[${targets.map((target) => fields(keys.map((key) => [key, own(target, key)] as const))).join(",")}]`;
  const given = (keys: string[]) => keys.map((key) => [key, event[key]] as const);
  const whole = (before: string, keys: string[]) => fields(given(keys), undefined, before);
  return [
    `{"v":1,${given(["action", "outcome", "occurred_at", "source"]).map(([key, value]) => `"${key}":${canonical(value ?? null)}`).join(",")},"actor":${actors(["type"])},"targets":${each(["type"])}}`,
    whole(`"actor":${actors(["id", "issuer", "session_id"])},"targets":${each(["id"])}`, ["external_id", "request_id", "trace_id"]),
    whole(`"actor":${actors(["name", "email", "groups"])},"targets":${each(["name"])}`, ["ip", "user_agent"]),
    whole(`"actor":${actors(["metadata"])},"targets":${each(["metadata"])}`, ["reason", "message", "surface", "http", "changes", "metadata"]),
  ];
}

/** An object of fields in the order that the format gives them; `http` and changes have an order of their own too. */
function fields(given: readonly (readonly [string, Json | undefined])[], after?: string, before?: string): string {
  const written = given.filter((field): field is [string, Json] => field[1] !== undefined).map(([key, value]) => `"${key}":${ordered(key, value)}`);
  return `{${[...(before ? [before] : []), ...written, ...(after ? [after] : [])].join(",")}}`;
}

function ordered(key: string, value: Json): string {
  if (key === "http" && isObject(value)) return inOrder(value, ["method", "path", "status"]);
  if (key === "changes" && Array.isArray(value)) return `[${value.map((change) => (isObject(change) ? inOrder(change, ["path", "before", "after"]) : canonical(change))).join(",")}]`;
  return canonical(value);
}

function inOrder(value: JsonObject, keys: string[]): string {
  return `{${keys.filter((key) => Object.hasOwn(value, key)).map((key) => `"${key}":${canonical(value[key] ?? null)}`).join(",")}}`;
}

/** Canonical JSON (docs/FORMAT.md, 2): numbers and strings as ECMAScript spells them, keys by their UTF-8 bytes. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort(byCodePoints);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
}

/** The order of the UTF-8 bytes, which is that of the code points and not of JavaScript's characters. */
function byCodePoints(one: string, other: string): number {
  const [left, right] = [Array.from(one), Array.from(other)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

