// What this browser knows of a log: the key and the largest checkpoint that it has verified. With them it sees a log that was
// rolled back, rewritten, or put in place of another, which no single answer of the service could show.
import { remember, remembered } from "../app/remembered";
import { same } from "./bytes";
import { leadsTo } from "./handover";
import { readCheckpoint, readKey, type Checkpoint, type VerifierKey } from "./note";
import { consistencyProof, type TileSource } from "./tiles";
import { rootsOfConsistency } from "./tree";

export type Known = {
  /** The verifier key in one line. */
  key: string;
  /** The checkpoint with its signatures. */
  checkpoint: string;
  /** When the browser saw this checkpoint, and when it first saw the log; RFC 3339. */
  seen: string;
  first: string;
};

const keptAs = (org: string) => `log.${org}`;

/** What was kept of an organization's log; nothing is kept of it that cannot be read. */
export function knownOf(org: string): Known | null {
  try {
    const value = JSON.parse(remembered(keptAs(org)) ?? "null") as Partial<Known> | null;
    if (!value?.key || !value.checkpoint || !value.seen || !value.first) return null;
    readCheckpoint(value.checkpoint);
    return { key: value.key, checkpoint: value.checkpoint, seen: value.seen, first: value.first };
  } catch {
    return null;
  }
}

export function forget(org: string): void {
  remember(keptAs(org), null);
}

/** Keeps what was verified, unless more of the same log is known already. */
export function keep(org: string, key: string, checkpoint: string, now: Date): void {
  const before = knownOf(org);
  if (before && readCheckpoint(before.checkpoint).size > readCheckpoint(checkpoint).size) return;
  const seen = now.toISOString();
  remember(keptAs(org), JSON.stringify({ key, checkpoint, seen, first: before?.first ?? seen } satisfies Known));
}

/** How a log stands to what is known of it. */
export type Standing =
  /** Nothing was known. */
  | { is: "new" }
  /** It begins with the log that is known. */
  | { is: "grown"; from: number; hashes: number }
  | { is: "same" }
  /** It is smaller, and what is known begins with it: an older state, or the end was cut off. */
  | { is: "smaller"; from: number }
  /** One does not begin with the other. */
  | { is: "rewritten"; from: number }
  | { is: "other-key"; knownKey: string }
  | { is: "other-log"; knownOrigin: string };

/** The changes of the log's key, as signed notes; asked for only where the key is not the one that is known. */
export type Handovers = () => Promise<string[]>;

/** Compares a verified checkpoint with what is known, by a proof that this browser makes from tiles of the log and checks. */
export async function standing(known: Known | null, key: VerifierKey, now: Checkpoint, tiles: TileSource, handovers: Handovers): Promise<Standing> {
  if (!known) return { is: "new" };
  const before = readCheckpoint(known.checkpoint);
  if (before.origin !== now.origin) return { is: "other-log", knownOrigin: before.origin };
  if (known.key !== key.text && !(await leadsTo(await readKey(known.key), key, await handovers()))) return { is: "other-key", knownKey: known.key };
  const { size: from } = before;
  if (from === now.size) return same(before.root, now.root) ? { is: "same" } : { is: "rewritten", from };
  const [older, newer] = from < now.size ? [before, now] : [now, before];
  // Every log begins with the empty one.
  if (older.size === 0) return older === before ? { is: "grown", from, hashes: 0 } : { is: "smaller", from };
  // What is missing of a log that was cut off can be asked for no more.
  if (older === now) return { is: "smaller", from };
  const proof = await consistencyProof(older.size, newer.size, tiles);
  const roots = await rootsOfConsistency(older.size, newer.size, older.root, proof);
  if (!roots || !same(roots.older, older.root) || !same(roots.newer, newer.root)) return { is: "rewritten", from };
  return { is: "grown", from, hashes: proof.length };
}

