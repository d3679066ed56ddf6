// Signed notes, checkpoints and verifier keys (c2sp.org: signed-note, tlog-checkpoint, tlog-cosignature). Reads and verifies;
// whether a key is to be trusted is for others to say.
import { fromBase64, fromHex, HASH_BYTES, sha256, toHex, utf8, type Bytes } from "./bytes";

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const LOG_KEY = 0x01;
const WITNESS_KEY = 0x04;

/** What cannot be read, with what is wrong with it. */
export class Unreadable extends Error {}

/** The browser knows SHA-256 but not Ed25519. */
export class NoEd25519 extends Error {}

export type VerifierKey = { name: string; id: string; kind: number; bytes: Bytes; text: string };

export type Signature = { name: string; id: string; payload: Bytes };

export type Note = { text: string; signatures: Signature[] };

export type Checkpoint = { origin: string; size: number; root: Bytes; note: Note };

/** A key in one line: `name+id+base64`. The base64 may hold a `+`. */
export async function readKey(line: string): Promise<VerifierKey> {
  const text = line.trim();
  const [, name = "", id = "", base64 = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const all = fromBase64(base64);
  const kind = all?.[0];
  if (!all || kind === undefined || all.length !== KEY_BYTES + 1) throw new Unreadable("the log's key is not name+id+base64");
  const hash = await sha256(utf8(`${name}\n`), all);
  if (toHex(hash.slice(0, 4)) !== id) throw new Unreadable("the log's key does not have the id that it says");
  return { name, id, kind, bytes: all.slice(1), text };
}

export function readNote(text: string): Note {
  const end = text.lastIndexOf("\n\n");
  if (end < 0 || !text.endsWith("\n")) throw new Unreadable("the checkpoint is no signed note");
  const signatures = text.slice(end + 2, -1).split("\n").map((line) => {
    const [, name = "", base64 = ""] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = fromBase64(base64);
    if (!bytes || bytes.length <= 4) throw new Unreadable("a signature of the checkpoint cannot be read");
    return { name, id: toHex(bytes.slice(0, 4)), payload: bytes.slice(4) };
  });
  return { text: text.slice(0, end + 1), signatures };
}

/** Size and root, as a log signs them. */
export function readCheckpoint(text: string): Checkpoint {
  const note = readNote(text);
  const [origin = "", size = "", root = ""] = note.text.split("\n");
  const bytes = fromBase64(root);
  if (!origin) throw new Unreadable("the checkpoint names no log");
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size)) throw new Unreadable("the checkpoint has no size");
  if (bytes?.length !== HASH_BYTES) throw new Unreadable("the checkpoint has no root of 32 bytes");
  return { origin, size: Number(size), root: bytes, note };
}

async function ed25519(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  let imported: CryptoKey;
  try {
    imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw new NoEd25519();
    return false;
  }
  return crypto.subtle.verify("Ed25519", imported, signature, message);
}

/** What a key says of a note: that it signed it, that its signature is over something else, or nothing. */
export type Signed = { by: "key"; timeSeconds: number | undefined } | { by: "forged" } | { by: "others"; ids: string[] };

/**
 * Whether a key has signed a note.
 * @throws {NoEd25519} where the browser cannot check it.
 */
export async function signedBy(note: Note, key: VerifierKey): Promise<Signed> {
  const line = note.signatures.find((one) => one.name === key.name && one.id === key.id);
  if (!line) return { by: "others", ids: note.signatures.map((one) => one.id) };
  if (key.kind === LOG_KEY) {
    if (line.payload.length !== SIGNATURE_BYTES) return { by: "forged" };
    return (await ed25519(key.bytes, line.payload, utf8(note.text))) ? { by: "key", timeSeconds: undefined } : { by: "forged" };
  }
  if (key.kind !== WITNESS_KEY || line.payload.length !== 8 + SIGNATURE_BYTES) return { by: "forged" };
  const timeSeconds = Number(new DataView(line.payload.buffer).getBigUint64(0));
  const message = utf8(`cosignature/v1\ntime ${timeSeconds}\n${note.text}`);
  return (await ed25519(key.bytes, line.payload.slice(8), message)) ? { by: "key", timeSeconds } : { by: "forged" };
}

/** The organization's opaque id, with which a log's origin ends. */
export function organizationOf(origin: string): Bytes | null {
  const bytes = fromHex(origin.slice(origin.lastIndexOf("/") + 1));
  return bytes?.length === 16 ? bytes : null;
}

/** A log's name without the opaque id of its organization. */
export function logName(origin: string): string {
  return origin.slice(0, Math.max(origin.lastIndexOf("/"), 0)) || origin;
}

/** The proof of one entry (c2sp.org/tlog-proof). */
export type EntryProof = { extra: Bytes; index: number; hashes: Bytes[]; checkpoint: Checkpoint };

export function readProof(text: string): EntryProof {
  const end = text.indexOf("\n\n");
  const [title, extra, index, ...hashes] = text.slice(0, Math.max(end, 0)).split("\n");
  if (title !== "c2sp.org/tlog-proof@v1") throw new Unreadable("it is not a proof: its first line is not c2sp.org/tlog-proof@v1");
  const bytes = fromBase64(/^extra (\S+)$/.exec(extra ?? "")?.[1] ?? "");
  if (!bytes?.length) throw new Unreadable("the proof does not show the event");
  const [, place = ""] = /^index (0|[1-9][0-9]{0,15})$/.exec(index ?? "") ?? [];
  if (!place) throw new Unreadable("the proof names no position");
  const beside = hashes.map((hash) => fromBase64(hash));
  if (!beside.every((hash) => hash?.length === HASH_BYTES)) throw new Unreadable("a hash of the proof is not 32 bytes in base64");
  return { extra: bytes, index: Number(place), hashes: beside as Bytes[], checkpoint: readCheckpoint(text.slice(end + 2)) };
}

