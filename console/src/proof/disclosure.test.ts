// The same vectors as every other implementation of the format: docs/format-vectors.json.
import vectorsText from "../../../docs/format-vectors.json?raw";
import { describe, expect, it } from "vitest";

import type { AuditEvent } from "../audit/event";
import { fromHex, toHex, utf8, type Bytes } from "./bytes";
import { compare } from "./compare";
import { canonical, commitOf, entryOf, eventOf, idOf, partHash, PART_NAMES, readDisclosure, timeText } from "./disclosure";
import { completeRoot, leafHash, nodeHash } from "./tree";

type Vector = {
  commit: string; entry: string; id: string; leaf: string; root: string; seq: number; source: string;
  part_hashes: Record<string, string>; parts: Record<string, string>; salts: Record<string, string>;
  recorded_at: string; recorded_at_micros: number; sent: Record<string, unknown>;
};
const vectors = JSON.parse(vectorsText) as { events: Vector[]; opaque_id: string };
const organization = bytes(vectors.opaque_id);

function bytes(hex: string): Bytes {
  const read = fromHex(hex);
  if (!read) throw new Error(`not hexadecimal: ${hex}`);
  return read;
}

function disclosed(vector: Vector, parts: unknown[] = PART_NAMES.map((name) => ({ salt: vector.salts[name], text: vector.parts[name] }))): Bytes {
  return utf8(JSON.stringify({ seq: vector.seq, recorded_at: vector.recorded_at_micros, commit: vector.commit, parts }));
}

/** The event of the vectors that has everything, as the API shows it. */
const WHOLE = {
  id: "019b7cdc-be00-7000-8000-000000612a84", seq: 1, organization: "acme", recorded_at: "2026-01-02T04:00:00.000000Z", occurred_at: "2026-01-02T03:04:05.000006Z",
  action: "component.promote", outcome: "denied", reason: 'not "allowed"',
  actor: {
    type: "agent", id: "agt_1", name: "Deploy Bot", email: "bot@example.com", issuer: "https://id.example.com", session_id: "ses_1", groups: ["ci", "bots"],
    metadata: { a: "first", z: 1 }, on_behalf_of: { type: "user", id: "usr_1", name: "Ada", session_id: "ses_2" },
  },
  targets: [{ type: "component", id: "cmp_1", name: "orders", metadata: { tier: 1 } }, { type: "project", id: "prj_1" }],
  context: { ip: "2001:db8::7", user_agent: "cli/1.0", request_id: "req_1", trace_id: "trc_1", surface: "cli", http: { method: "POST", path: "/promote", status: 403 } },
  changes: [{ path: "/spec/replicas", before: null, after: { a: 1e-7, b: [1, 2.5] } }],
  message: "Line one\nline two 🦀", metadata: { build: 17, commit: "abc", dry_run: false }, external_id: "ext_1", source: "api",
} as unknown as AuditEvent;

describe("an event by its texts", () => {
  it.each(vectors.events)("gives the hashes of the vectors: event $seq", async (vector) => {
    const event = readDisclosure(disclosed(vector));
    const hashes = await Promise.all(event.parts.map(partHash));
    expect(hashes.map(toHex)).toEqual(PART_NAMES.map((name) => vector.part_hashes[name]));
    expect(toHex(await commitOf(hashes))).toBe(vector.commit);
    const entry = entryOf(event.recordedAtMicros, event.commit);
    expect(toHex(entry)).toBe(vector.entry);
    expect(toHex(await leafHash(entry))).toBe(vector.leaf);
    expect(await idOf(organization, vector.seq, vector.recorded_at_micros)).toBe(vector.id);
    expect(timeText(vector.recorded_at_micros)).toBe(vector.recorded_at);
    const read = await eventOf(event, organization);
    expect(read).toMatchObject({ id: vector.id, seq: vector.seq, action: vector.sent.action, recorded_at: vector.recorded_at, source: vector.source });
  });

  it("gives the roots of the vectors", async () => {
    const leaves = vectors.events.map((vector) => bytes(vector.leaf));
    expect(toHex(await completeRoot(leaves.slice(0, 1)))).toBe(vectors.events[0]?.root);
    expect(toHex(await completeRoot(leaves.slice(0, 4)))).toBe(vectors.events[3]?.root);
    expect(toHex(await nodeHash(await completeRoot(leaves.slice(0, 4)), leaves[4] ?? new Uint8Array()))).toBe(vectors.events[4]?.root);
  });

  it("says everything that the API shows of it", async () => {
    const vector = vectors.events[1] as Vector;
    const proven = await eventOf(readDisclosure(disclosed(vector)), organization);
    expect(compare({ ...WHOLE, id: vector.id, recorded_at: vector.recorded_at }, proven)).toMatchObject({ differences: [] });
  });

  it("tells every change of what is shown", async () => {
    const vector = vectors.events[1] as Vector;
    const proven = await eventOf(readDisclosure(disclosed(vector)), organization);
    const changed = (change: (event: Record<string, never>) => void) => {
      const event = structuredClone({ ...WHOLE, id: vector.id, recorded_at: vector.recorded_at }) as unknown as Record<string, never>;
      change(event);
      return compare(event as unknown as AuditEvent, proven).differences;
    };
    type Loose = Record<string, Record<string, Record<string, unknown>>>;
    const of = (change: (event: Loose) => void) => changed(change);
    expect(of((event) => Object.assign(event, { outcome: "success" }))).toEqual([{ field: "outcome", shown: '"success"', proven: '"denied"' }]);
    expect(of((event) => Object.assign(event.actor ?? {}, { name: "Another" }))).toHaveLength(1);
    expect(of((event) => delete event.reason)).toEqual([{ field: "reason", shown: undefined, proven: '"not \\"allowed\\""' }]);
    expect(of((event) => Object.assign(event, { extra: 1 }))).toEqual([{ field: "extra", shown: "1", proven: undefined }]);
    expect(of((event) => delete event.targets?.[1])).not.toEqual([]);
    expect(of((event) => Object.assign(event.actor?.on_behalf_of ?? {}, { id: "usr_2" }))).toEqual([{ field: "actor.on_behalf_of.id", shown: '"usr_2"', proven: '"usr_1"' }]);
    expect(of((event) => Object.assign(event.metadata ?? {}, JSON.parse('{"__proto__":{"x":1}}') as object))).toEqual([]);
    expect(of((event) => Object.defineProperty(event.metadata, "__proto__", { value: 1, enumerable: true }))).toEqual([{ field: "metadata.__proto__", shown: "1", proven: undefined }]);
  });
});

describe("texts that are not canonical", () => {
  const vector = vectors.events[1] as Vector;
  const withText = (name: string, change: (text: string) => string) =>
    eventOf(readDisclosure(disclosed(vector, PART_NAMES.map((one) => ({ salt: vector.salts[one], text: one === name ? change(vector.parts[one] ?? "") : vector.parts[one] })))), organization);
  it("are refused", async () => {
    await expect(withText("detail", (text) => text.replace('"a":1e-7', '"a":0.0000001'))).rejects.toThrow("detail");
    await expect(withText("fact", (text) => text.replace("{", "{ "))).rejects.toThrow("fact");
    await expect(withText("identity", (text) => text.replace('"id":"cmp_1"', '"id":"cmp_1","more":1'))).rejects.toThrow("identity");
    await expect(withText("personal", (text) => text.replace('"name":"orders"', '"name":"orders","name":"orders"'))).rejects.toThrow("personal");
    await expect(withText("fact", (text) => text.replace('"v":1', '"v":2'))).rejects.toThrow("version");
    await expect(withText("personal", () => "[]")).rejects.toThrow("personal");
  });
  it("may be absent where a part was removed or is not shown", async () => {
    const parts = PART_NAMES.map((name) => (name === "personal" ? { erased: vector.part_hashes[name] } : name === "detail" ? { hash: vector.part_hashes[name] } : { salt: vector.salts[name], text: vector.parts[name] }));
    const event = readDisclosure(disclosed(vector, parts));
    expect(toHex(await commitOf(await Promise.all(event.parts.map(partHash))))).toBe(vector.commit);
    const proven = await eventOf(event, organization);
    expect(proven.actor).toEqual({ type: "agent", id: "agt_1", issuer: "https://id.example.com", session_id: "ses_1", on_behalf_of: { type: "user", id: "usr_1", session_id: "ses_2" } });
    expect(compare({ ...WHOLE, id: vector.id, recorded_at: vector.recorded_at }, proven).differences.map((one) => one.field)).toContain("actor.name");
  });
});

describe("canonical JSON", () => {
  it("sorts keys by their UTF-8 bytes", () => expect(canonical({ "🦀": 1, "～": 2, z: 3, 10: 4, 9: 5 })).toBe('{"10":4,"9":5,"z":3,"～":2,"🦀":1}'));
});
