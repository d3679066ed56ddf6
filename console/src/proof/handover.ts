// Changes of a log's key: notes that the key before and the key after both signed. By them, who knows the one comes to the other.
import { same } from "./bytes";
import { NoEd25519, readKey, readNote, signedBy, Unreadable, type Note, type VerifierKey } from "./note";

const TITLE = "actarium/key-handover/v1";

async function hasSigned(note: Note, key: VerifierKey): Promise<boolean> {
  try {
    return (await signedBy(note, key)).by === "key";
  } catch (error) {
    if (!(error instanceof NoEd25519)) throw error;
    throw new Unreadable("the log’s key was changed, and this browser cannot check the signatures under the change");
  }
}

/** The keys before and after, if both signed the note. */
async function readHandover(text: string): Promise<{ before: VerifierKey; after: VerifierKey }> {
  const note = readNote(text);
  const [title, before = "", after = "", , ...rest] = note.text.split("\n");
  if (title !== TITLE || rest.length !== 1) throw new Unreadable("a change of the log’s key cannot be read");
  const keys = { before: await readKey(before), after: await readKey(after) };
  if (keys.before.name !== keys.after.name) throw new Unreadable("a change of the log’s key is between two logs");
  for (const key of [keys.before, keys.after]) {
    if (!(await hasSigned(note, key))) throw new Unreadable("a change of the log’s key is not signed by both keys");
  }
  return keys;
}

/**
 * Whether the changes lead from a key that is known to another one of the same log.
 * @throws {Unreadable} for a change that is none, or that the browser cannot check.
 */
export async function leadsTo(known: VerifierKey, wanted: VerifierKey, notes: string[]): Promise<boolean> {
  let at: VerifierKey["bytes"] = known.bytes;
  for (const note of notes) {
    const { before, after } = await readHandover(note);
    // A service's key stands for the logs of all its organizations, whose names go on behind its own.
    if (!known.name.startsWith(`${before.name}/`)) throw new Unreadable("a change of the log’s key is another log’s");
    if (same(before.bytes, at)) at = after.bytes;
  }
  return !same(at, known.bytes) && same(at, wanted.bytes) && known.name === wanted.name;
}
