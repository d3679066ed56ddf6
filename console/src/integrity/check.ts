// Checks the log as a whole: the signature under its checkpoint, and that it begins with what this browser saw of it before.
// Whoever asks twice sees a log that was rolled back or rewritten in between.
import { api, body } from "../api/client";
import { logCheckpoint, logHandovers, logKey, logTile, type LogStanding, type Witness } from "../api/log";
import { keep, knownOf, standing, type Known, type Standing } from "../proof/known";
import { NoEd25519, readCheckpoint, readKey, signedBy, Unreadable, type Checkpoint, type VerifierKey } from "../proof/note";

export type Cosigned = { witness: Witness; by: "checked" | "not-on-this" | "forged" | "unchecked"; timeSeconds: number | undefined };

export type Checked = {
  /** When this was asked. */
  at: string;
  /** The checkpoint and the key as they came. */
  note: string;
  keyLine: string;
  checkpoint: Checkpoint | undefined;
  key: VerifierKey | undefined;
  signature: "ok" | "forged" | "other-key" | "other-log" | "unchecked" | { unreadable: string };
  /** What the browser knew before, and how the log stands to it. */
  known: Known | null;
  standing: Standing | { is: "unreadable"; why: string } | { is: "not-reached" };
  told: LogStanding;
  cosigned: Cosigned[];
};

async function signatureOf(checkpoint: Checkpoint, key: VerifierKey): Promise<Checked["signature"]> {
  if (checkpoint.origin !== key.name) return "other-log";
  try {
    const { by } = await signedBy(checkpoint.note, key);
    return by === "key" ? "ok" : by === "forged" ? "forged" : "other-key";
  } catch (error) {
    if (error instanceof NoEd25519) return "unchecked";
    throw error;
  }
}

async function cosignedBy(checkpoint: Checkpoint, witness: Witness): Promise<Cosigned> {
  try {
    const signed = await signedBy(checkpoint.note, await readKey(witness.key));
    if (signed.by === "key") return { witness, by: "checked", timeSeconds: signed.timeSeconds };
    return { witness, by: signed.by === "forged" ? "forged" : "not-on-this", timeSeconds: undefined };
  } catch (error) {
    if (error instanceof NoEd25519 || error instanceof Unreadable) return { witness, by: "unchecked", timeSeconds: undefined };
    throw error;
  }
}

/** Asks the service and checks what it answers; keeps what holds for the next time. */
export async function checkLog(org: string, tiles = (path: string) => logTile(org, path)): Promise<Checked> {
  const known = knownOf(org);
  const [note, keyLine, told] = await Promise.all([logCheckpoint(org), logKey(org), body(api.GET("/v1/orgs/{org}/log", { params: { path: { org } } }))]);
  const now = new Date();
  const base = { at: now.toISOString(), note, keyLine: keyLine.trim(), known, told };
  let checkpoint: Checkpoint;
  let key: VerifierKey;
  try {
    checkpoint = readCheckpoint(note);
    key = await readKey(keyLine);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ...base, checkpoint: undefined, key: undefined, signature: { unreadable: error.message }, standing: { is: "not-reached" }, cosigned: [] };
  }
  const signature = await signatureOf(checkpoint, key);
  const cosigned = await Promise.all(told.witnesses.map((witness) => cosignedBy(checkpoint, witness)));
  if (signature !== "ok" && signature !== "unchecked") return { ...base, checkpoint, key, signature, standing: { is: "not-reached" }, cosigned };
  const found = await standing(known, key, checkpoint, tiles, () => logHandovers(org)).catch((error: unknown): Checked["standing"] => {
    if (error instanceof Unreadable) return { is: "unreadable", why: error.message };
    throw error;
  });
  const holds = found.is === "new" || found.is === "same" || found.is === "grown";
  if (signature === "ok" && holds) keep(org, key.text, note, now);
  return { ...base, checkpoint, key, signature, standing: found, cosigned };
}

