// A whole log made here: its key, its tree, its proofs; and everything that can be wrong about them.
import vectorsText from "../../../docs/format-vectors.json?raw";
import { beforeAll, describe, expect, it } from "vitest";

import { fromBase64, fromHex, joined, sha256, toBase64, toHex, utf8, type Bytes } from "./bytes";
import { eventOf, PART_NAMES, readDisclosure } from "./disclosure";
import type { Known } from "./known";
import { readCheckpoint, readKey, signedBy } from "./note";
import { nodeHash } from "./tree";
import { verifyEvent, type Asked } from "./verify";

const vectors = JSON.parse(vectorsText) as {
  opaque_id: string;
  events: { seq: number; commit: string; leaf: string; root: string; recorded_at_micros: number; parts: Record<string, string>; salts: Record<string, string> }[];
};
const ORIGIN = `log.example/${vectors.opaque_id}`;
const leaves = vectors.events.map((event) => fromHex(event.leaf) as Bytes);

async function makeKey(name = ORIGIN) {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]));
  const bytes = joined(Uint8Array.of(1), new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const id = toHex((await sha256(utf8(`${name}\n`), bytes)).slice(0, 4));
  const sign = async (text: string) => {
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, utf8(text)));
    return `${text}\n— ${name} ${toBase64(joined(fromHex(id) as Bytes, signature))}\n`;
  };
  return { text: `${name}+${id}+${toBase64(bytes)}`, sign };
}

const checkpointText = (size: number, root: string) => `${ORIGIN}\n${size}\n${toBase64(fromHex(root) as Bytes)}\n`;

let key: Awaited<ReturnType<typeof makeKey>>;
let other: Awaited<ReturnType<typeof makeKey>>;
let good: Asked;
const extraOf = (change: (event: Record<string, unknown>) => void = () => undefined) => {
  const vector = vectors.events[1];
  const event = { seq: 1, recorded_at: vector?.recorded_at_micros, commit: vector?.commit, parts: PART_NAMES.map((name) => ({ salt: vector?.salts[name], text: vector?.parts[name] })) };
  change(event);
  return utf8(JSON.stringify(event));
};

async function proofText(extra: Bytes, { sign = key.sign, size = 5, root = vectors.events[4]?.root ?? "", index = 1 } = {}) {
  const right = await nodeHash(leaves[2] as Bytes, leaves[3] as Bytes);
  const hashes = [leaves[0], right, leaves[4]].map((hash) => toBase64(hash as Bytes));
  return `c2sp.org/tlog-proof@v1\nextra ${toBase64(extra)}\nindex ${index}\n${hashes.join("\n")}\n\n${await sign(checkpointText(size, root))}`;
}

async function known(size: number, of = key): Promise<Known> {
  return { key: of.text, checkpoint: await of.sign(checkpointText(size, vectors.events[size - 1]?.root ?? "")), seen: "2026-01-02T00:00:00Z", first: "2026-01-01T00:00:00Z" };
}

beforeAll(async () => {
  [key, other] = [await makeKey(), await makeKey()];
  const proven = await eventOf(readDisclosure(extraOf()), fromHex(vectors.opaque_id) as Bytes);
  good = {
    shown: { ...proven, organization: "acme" },
    proof: await proofText(extraOf()),
    key: `${key.text}\n`,
    known: null,
    tiles: (path) => (path === "0/000.p/5" ? Promise.resolve(joined(...leaves)) : Promise.reject(new Error(`no tile ${path}`))),
    handovers: () => Promise.resolve([]),
  };
});

const failed = async (change: Partial<Asked>) => {
  const verdict = await verifyEvent({ ...good, ...change });
  const step = verdict.failedAt === undefined ? undefined : verdict.steps[verdict.failedAt - 1];
  return step && { title: step.title, state: step.state, found: step.found };
};

describe("verifying an event", () => {
  it("holds, and says what was compared", async () => {
    const verdict = await verifyEvent(good);
    expect(verdict.steps.map((step) => step.state)).toEqual(["ok", "ok", "ok", "ok", "ok", "ok"]);
    expect(verdict.failedAt).toBeUndefined();
    expect(verdict.place).toMatchObject({ index: 1, size: 5, key: ORIGIN });
    expect(verdict.steps[3]?.compared.at(-1)).toEqual({ what: "root", value: toBase64(fromHex(vectors.events[4]?.root ?? "") as Bytes) });
  });
  it("does not speak of who sent the event, which is no part of it", async () => {
    expect(await failed({ shown: { ...good.shown, sender: "key:k1" } })).toBeUndefined();
  });
  it("holds beside what the browser knew", async () => {
    for (const size of [1, 2, 3, 4, 5]) expect(await failed({ known: await known(size) }), `known ${size}`).toBeUndefined();
  });
  it("fails for a field that is shown and was not recorded", async () => {
    expect(await failed({ shown: { ...good.shown, outcome: "success" } })).toMatchObject({ title: "The fields shown are those of the recorded texts", found: "1 value shown is not what was recorded." });
  });
  it("fails for a text that was changed on both sides", async () => {
    const extra = extraOf((event) => {
      const parts = event.parts as { text: string }[];
      (parts[0] as { text: string }).text = (parts[0] as { text: string }).text.replace("denied", "success");
    });
    expect(await failed({ proof: await proofText(extra), shown: { ...good.shown, outcome: "success" } })).toMatchObject({ title: "The texts and their salts give the event’s commit" });
  });
  it("fails for another time", async () => {
    const extra = extraOf((event) => (event.recorded_at = Number(event.recorded_at) + 1));
    const proven = await eventOf(readDisclosure(extra), fromHex(vectors.opaque_id) as Bytes);
    expect(await failed({ proof: await proofText(extra), shown: { ...proven, organization: "acme" } })).toMatchObject({ title: "The entry is in the log’s tree" });
  });
  it("fails for another place, another size and another root", async () => {
    const place = { title: "The entry is in the log’s tree", state: "failed" };
    expect(await failed({ proof: await proofText(extraOf(), { index: 0 }) })).toMatchObject(place);
    expect(await failed({ proof: await proofText(extraOf(), { size: 9 }) })).toMatchObject(place);
    expect(await failed({ proof: await proofText(extraOf(), { root: vectors.events[3]?.root ?? "" }) })).toMatchObject(place);
  });
  it("fails for a checkpoint that was changed, or that another key has signed", async () => {
    const title = "The checkpoint is signed by the log’s key";
    const signature = good.proof.split("\n— ")[1] ?? "";
    const forged = (await proofText(extraOf(), { sign: other.sign })).replace(/\n— .*\n$/, `\n— ${signature}`).replace("\n5\n", "\n6\n");
    expect((await verifyEvent({ ...good, proof: forged })).steps[4]).toMatchObject({ title, state: "failed", found: "The signature is not over this checkpoint: the checkpoint or the signature was changed." });
    expect(await failed({ proof: await proofText(extraOf(), { sign: other.sign }) })).toMatchObject({ title, state: "failed" });
    expect(await failed({ key: other.text })).toMatchObject({ title, state: "failed" });
    expect(await failed({ key: (await makeKey("log.example/other")).text })).toMatchObject({ title, found: "The checkpoint is that of another log than the key’s." });
  });
  it("fails for a log that is signed anew by another key, if the browser knew the first", async () => {
    expect(await failed({ key: other.text, proof: await proofText(extraOf(), { sign: other.sign }) })).toBeUndefined();
    expect(await failed({ key: other.text, proof: await proofText(extraOf(), { sign: other.sign }), known: await known(3) })).toMatchObject({ found: "The log signs with another key than the one that this browser knows." });
  });
  it("follows a key that was handed over, if both keys signed that", async () => {
    const [before, after] = [await makeKey("log.example"), await makeKey("log.example")];
    const named = async (made: typeof before) => {
      const bytes = fromBase64(made.text.split("+").slice(2).join("+")) as Bytes;
      const id = toHex((await sha256(utf8(`${ORIGIN}\n`), bytes)).slice(0, 4));
      return { text: `${ORIGIN}+${id}+${toBase64(bytes)}`, sign: async (text: string) => (await made.sign(text)).replace(/— log.example (\S+)/, (_, line: string) => `— ${ORIGIN} ${toBase64(joined(fromHex(id) as Bytes, (fromBase64(line) as Bytes).slice(4)))}`) };
    };
    const [old, present] = [await named(before), await named(after)];
    const text = `actarium/key-handover/v1\n${before.text}\n${after.text}\n2026-01-02T00:00:00.000000Z\n`;
    const line = async (made: typeof before) => (await made.sign(text)).slice(text.length + 1);
    const [byBefore, byAfter] = [await line(before), await line(after)];
    const asked = { key: present.text, proof: await proofText(extraOf(), { sign: present.sign }), known: await known(3, old) };
    const verdict = await verifyEvent({ ...good, ...asked, handovers: () => Promise.resolve([`${text}\n${byBefore}${byAfter}`]) });
    expect(verdict.failedAt).toBeUndefined();
    expect(verdict.steps[5]?.found).toBe("The log of 5 entries begins with the 3 that it saw before, by a key that the one before was handed over to.");
    for (const signatures of [byBefore, byAfter]) {
      expect(await failed({ ...asked, handovers: () => Promise.resolve([`${text}\n${signatures}`]) })).toMatchObject({ found: "A change of the log’s key is not signed by both keys." });
    }
    expect(await failed({ ...asked, known: await known(3), handovers: () => Promise.resolve([`${text}\n${byBefore}${byAfter}`]) })).toMatchObject({ found: "The log signs with another key than the one that this browser knows." });
  });
  it("fails for a log with another past or with less of it", async () => {
    const rewritten: Known = { ...(await known(3)), checkpoint: await key.sign(checkpointText(3, vectors.events[3]?.root ?? "")) };
    expect(await failed({ known: rewritten })).toMatchObject({ found: "The log does not begin with the 3 entries that this browser saw before. Its past was rewritten." });
    const longer: Known = { ...(await known(3)), checkpoint: await key.sign(checkpointText(8, vectors.events[3]?.root ?? "")) };
    expect(await failed({ known: longer })).toMatchObject({ found: "The checkpoint has 5 entries; this browser has seen one of 8. The log was rolled back." });
  });
  it("fails for what is no proof", async () => {
    for (const proof of ["", "c2sp.org/tlog-proof@v1\n\n", good.proof.replace("extra ", "extra !"), good.proof.slice(0, -20)]) {
      const verdict = await verifyEvent({ ...good, proof });
      expect(verdict.failedAt, proof).toBe(1);
    }
  });
});

describe("witnesses", () => {
  it("sign with their time", async () => {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]));
    const bytes = joined(Uint8Array.of(4), new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
    const id = (await sha256(utf8("witness.example\n"), bytes)).slice(0, 4);
    const note = await key.sign(checkpointText(5, vectors.events[4]?.root ?? ""));
    const time = joined(new Uint8Array(4), Uint8Array.of(0x69, 0x57, 0x0c, 0x80));
    const { text } = readCheckpoint(note).note;
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, utf8(`cosignature/v1\ntime 1767312512\n${text}`)));
    const both = `${note}— witness.example ${toBase64(joined(id, time, signature))}\n`;
    const witness = await readKey(`witness.example+${toHex(id)}+${toBase64(bytes)}`);
    expect(await signedBy(readCheckpoint(both).note, witness)).toEqual({ by: "key", timeSeconds: 0x69570c80 });
    expect(await signedBy(readCheckpoint(both.replace("\n5\n", "\n6\n")).note, witness)).toEqual({ by: "forged" });
    expect((await signedBy(readCheckpoint(note).note, witness)).by).toBe("others");
  });
});
