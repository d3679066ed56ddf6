// Verifies one event in the browser: from the fields that are shown to the signature under the log's checkpoint, and from there to
// what this browser knew of the log before. Each step says what was compared with what. Must not believe any answer of the
// service: all of them are compared with each other or with what was kept.
import type { AuditEvent } from "../audit/event";
import { counted } from "../audit/words";
import type { State } from "../ui/Mark";
import { same, toBase64, toHex } from "./bytes";
import { compare } from "./compare";
import { commitOf, entryOf, eventOf, partHash, PART_NAMES, readDisclosure, timeText, type Disclosure } from "./disclosure";
import { standing, type Handovers, type Known, type Standing } from "./known";
import { NoEd25519, organizationOf, readKey, readProof, signedBy, Unreadable, type EntryProof, type VerifierKey } from "./note";
import type { TileSource } from "./tiles";
import { leafHash, rootOfInclusion } from "./tree";

export type Compared = { what: string; value: string };

export type Step = {
  /** What it answers. */
  about: "shown" | "included" | "signed" | "known";
  title: string;
  state: State;
  /** In a sentence, what was found. */
  found: string;
  compared: Compared[];
};

export type Verdict = {
  steps: Step[];
  /** The number of the first step that did not hold, from 1 on. */
  failedAt: number | undefined;
  place: { index: number; size: number; key: string; keyId: string; recordedAt: string } | undefined;
  /** The proof and the key as they came, to be kept. */
  proof: string;
};

export type Asked = {
  shown: AuditEvent;
  /** The answer of `…/events/{id}?proof=true`. */
  proof: string;
  /** The answer of `…/log/key`. */
  key: string;
  known: Known | null;
  tiles: TileSource;
  handovers: Handovers;
};

/** Verifies. What cannot be read is a step that failed; only what the tiles' source throws comes through. */
export async function verifyEvent(asked: Asked): Promise<Verdict> {
  const steps: Step[] = [];
  let proof: EntryProof;
  let event: Disclosure;
  let key: VerifierKey;
  try {
    proof = readProof(asked.proof);
    event = readDisclosure(proof.extra);
    key = await readKey(asked.key);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const step: Step = { about: "shown", title: "Read the proof", state: "failed", found: sentence(error.message), compared: [] };
    return { steps: [step], failedAt: 1, place: undefined, proof: asked.proof };
  }
  steps.push(await shownAsRecorded(asked.shown, proof, event));
  steps.push(await textsGiveCommit(event));
  const { step, leaf } = await commitGivesLeaf(event);
  steps.push(step);
  steps.push(await leafLeadsToRoot(proof, event, leaf));
  const signed = await checkpointIsSigned(proof, key);
  steps.push(signed);
  const failed = steps.some((one) => one.state === "failed");
  // What is not signed, or contradicts itself, says nothing about the log that is known.
  steps.push(failed ? notReached() : knownStep(await standingOf(asked, key, proof), asked.known, key, proof));
  const failedAt = steps.findIndex((one) => one.state !== "ok");
  return {
    steps,
    failedAt: failedAt < 0 ? undefined : failedAt + 1,
    place: { index: proof.index, size: proof.checkpoint.size, key: key.name, keyId: key.id, recordedAt: timeText(event.recordedAtMicros) },
    proof: asked.proof,
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function hashes(what: string, computed: string, claimed: string): Compared[] {
  return computed === claimed ? [{ what, value: computed }] : [{ what: `${what}, computed`, value: computed }, { what: `${what}, claimed`, value: claimed }];
}

async function shownAsRecorded(shown: AuditEvent, proof: EntryProof, event: Disclosure): Promise<Step> {
  const base = { about: "shown" as const, title: "The fields shown are those of the recorded texts" };
  const organization = organizationOf(proof.checkpoint.origin);
  if (!organization) return { ...base, state: "failed", found: "The checkpoint does not name the log of an organization.", compared: [{ what: "Origin", value: proof.checkpoint.origin }] };
  try {
    const { compared, differences } = compare(shown, await eventOf(event, organization));
    if (differences.length === 0) return { ...base, state: "ok", found: `All ${counted(compared, "value")} that the event has here stand in its recorded texts, and no others do.`, compared: texts(event) };
    const rows = differences.flatMap(({ field, shown: here, proven }) => [
      { what: `${field}, shown`, value: here ?? "nothing" },
      { what: `${field}, recorded`, value: proven ?? "nothing" },
    ]);
    return { ...base, state: "failed", found: `${counted(differences.length, "value")} shown ${differences.length === 1 ? "is" : "are"} not what was recorded.`, compared: rows };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ...base, state: "failed", found: sentence(error.message), compared: texts(event) };
  }
}

function texts(event: Disclosure): Compared[] {
  return event.parts.map((part, at) => ({
    what: PART_NAMES[at] ?? "",
    value: "text" in part ? part.text : "withheld" in part ? "not shown, only its hash" : "erased, only its hash is left",
  }));
}

async function textsGiveCommit(event: Disclosure): Promise<Step> {
  const parts = await Promise.all(event.parts.map(partHash));
  const commit = await commitOf(parts);
  const holds = same(commit, event.commit);
  return {
    about: "shown",
    title: "The texts and their salts give the event’s commit",
    state: holds ? "ok" : "failed",
    found: holds ? "The hashes of its four texts, hashed together, are the commit." : "The texts do not give the commit: a text or a salt was changed.",
    compared: [...parts.map((hash, at) => ({ what: `${PART_NAMES[at] ?? ""} hash`, value: toHex(hash) })), ...hashes("commit", toHex(commit), toHex(event.commit))],
  };
}

async function commitGivesLeaf(event: Disclosure): Promise<{ step: Step; leaf: Awaited<ReturnType<typeof leafHash>> }> {
  const entry = entryOf(event.recordedAtMicros, event.commit);
  const leaf = await leafHash(entry);
  return {
    leaf,
    step: {
      about: "shown",
      title: "Commit and time give the log’s entry",
      state: "ok",
      found: `Recorded at ${timeText(event.recordedAtMicros)}.`,
      compared: [{ what: "entry", value: toHex(entry) }, { what: "leaf", value: toHex(leaf) }],
    },
  };
}

async function leafLeadsToRoot(proof: EntryProof, event: Disclosure, leaf: Awaited<ReturnType<typeof leafHash>>): Promise<Step> {
  const { size, root } = proof.checkpoint;
  const base = { about: "included" as const, title: "The entry is in the log’s tree" };
  if (proof.index !== event.seq) {
    return { ...base, state: "failed", found: "The proof is of another position than the event’s.", compared: [{ what: "position proven", value: String(proof.index) }, { what: "position of the event", value: String(event.seq) }] };
  }
  const reached = await rootOfInclusion(leaf, proof.index, size, proof.hashes);
  const rows = [{ what: "position", value: `${proof.index} of ${size}` }];
  if (!reached) return { ...base, state: "failed", found: "The proof has another number of hashes than this position needs.", compared: [...rows, { what: "hashes", value: String(proof.hashes.length) }] };
  const holds = same(reached, root);
  return {
    ...base,
    state: holds ? "ok" : "failed",
    found: holds ? `${counted(proof.hashes.length, "hash").replace(/hashs$/, "hashes")} lead from it to the root of the checkpoint.` : "The hashes lead to another root than the checkpoint’s: this event is not in that log, or the proof was changed.",
    compared: [...rows, ...hashes("root", toBase64(reached), toBase64(root))],
  };
}

async function checkpointIsSigned(proof: EntryProof, key: VerifierKey): Promise<Step> {
  const { checkpoint } = proof;
  const base = { about: "signed" as const, title: "The checkpoint is signed by the log’s key" };
  const rows = [{ what: "checkpoint", value: checkpoint.note.text.trimEnd() }, { what: "key", value: key.text }];
  if (checkpoint.origin !== key.name) return { ...base, state: "failed", found: "The checkpoint is that of another log than the key’s.", compared: rows };
  try {
    const signed = await signedBy(checkpoint.note, key);
    if (signed.by === "key") return { ...base, state: "ok", found: `The Ed25519 signature of key ${key.id} is over exactly this checkpoint.`, compared: rows };
    return {
      ...base,
      state: "failed",
      found: signed.by === "forged" ? "The signature is not over this checkpoint: the checkpoint or the signature was changed." : `It is signed by another key (${signed.ids.join(", ")}) than the log’s (${key.id}).`,
      compared: rows,
    };
  } catch (error) {
    if (!(error instanceof NoEd25519)) throw error;
    return { ...base, state: "unchecked", found: "This browser cannot check Ed25519 signatures. Firefox 129, Safari 17 and Chrome 137 or later can.", compared: rows };
  }
}

async function standingOf({ known, tiles, handovers }: Asked, key: VerifierKey, { checkpoint }: EntryProof): Promise<Standing | { is: "unreadable"; why: string }> {
  try {
    return await standing(known, key, checkpoint, tiles, handovers);
  } catch (error) {
    if (error instanceof Unreadable) return { is: "unreadable", why: error.message };
    throw error;
  }
}

function notReached(): Step {
  return { about: "known", title: "It is the log that this browser knows", state: "unchecked", found: "Not looked at, because a step before it failed.", compared: [] };
}

function knownStep(found: Awaited<ReturnType<typeof standingOf>>, known: Known | null, key: VerifierKey, { checkpoint }: EntryProof): Step {
  const base = { about: "known" as const, title: "It is the log that this browser knows" };
  const size = checkpoint.size.toLocaleString("en");
  const failed = (text: string, compared: Compared[] = []): Step => ({ ...base, state: "failed", found: text, compared });
  const before = known ? [{ what: "known checkpoint", value: known.checkpoint.slice(0, known.checkpoint.indexOf("\n\n")) }, { what: "this checkpoint", value: checkpoint.note.text.trimEnd() }] : [];
  const by = known && known.key !== key.text ? "by a key that the one before was handed over to" : "by the same key";
  switch (found.is) {
    case "new":
      return { ...base, state: "ok", found: "This browser had not seen the log before. It keeps the key and the checkpoint, and compares from now on.", compared: [{ what: "key", value: key.text }] };
    case "same":
      return { ...base, state: "ok", found: `The same checkpoint as it saw before, of ${size} entries, ${by}.`, compared: before };
    case "grown":
      return { ...base, state: "ok", found: `The log of ${size} entries begins with the ${found.from.toLocaleString("en")} that it saw before, ${by}.`, compared: before };
    case "smaller":
      return failed(`The checkpoint has ${size} entries; this browser has seen one of ${found.from.toLocaleString("en")}. The log was rolled back.`, before);
    case "rewritten":
      return failed(`The log does not begin with the ${found.from.toLocaleString("en")} entries that this browser saw before. Its past was rewritten.`, before);
    case "other-key":
      return failed("The log signs with another key than the one that this browser knows.", [{ what: "known key", value: found.knownKey }, { what: "key now", value: key.text }]);
    case "other-log":
      return failed("It is another log than the one that this browser knows.", [{ what: "known log", value: found.knownOrigin }, { what: "log now", value: checkpoint.origin }]);
    case "unreadable":
      return failed(sentence(found.why), before);
  }
}
