// The log's tree (RFC 6962, section 2.1): where a leaf leads to, whether a tree begins with another, and which hashes say so.
// Pure but for the hash. Sizes are numbers below 2^53, far more events than a log can hold.
import { joined, sha256, utf8, type Bytes } from "./bytes";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(entry: Bytes): Promise<Bytes> {
  return sha256(LEAF, entry);
}

export function nodeHash(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(NODE, left, right);
}

export function emptyRoot(): Promise<Bytes> {
  return sha256(utf8(""));
}

/**
 * The root to which a leaf and the hashes beside its way lead (RFC 9162, section 2.1.3.2); `null` if there are more or fewer
 * hashes than the place asks for.
 */
export async function rootOfInclusion(leaf: Bytes, index: number, size: number, beside: Bytes[]): Promise<Bytes | null> {
  if (index >= size) return null;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const other of beside) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      hash = await nodeHash(other, hash);
      // A right edge goes up without a sibling until it is a right child.
      while (at % 2 === 0 && at !== 0) {
        at /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, other);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

/** The roots of the older and of the newer tree to which a consistency proof leads (RFC 9162, section 2.1.4.2). */
export async function rootsOfConsistency(older: number, newer: number, olderRoot: Bytes, proof: Bytes[]): Promise<{ older: Bytes; newer: Bytes } | null> {
  // A proof from size 0 would hold for every tree.
  if (older < 1 || older >= newer) return null;
  const path = [...proof];
  if (isPowerOfTwo(older)) path.unshift(olderRoot);
  const first = path.shift();
  if (!first) return null;
  let at = older - 1;
  let last = newer - 1;
  while (at % 2 === 1) {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  let [left, right] = [first, first];
  for (const other of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      left = await nodeHash(other, left);
      right = await nodeHash(other, right);
      while (at % 2 === 0 && at !== 0) {
        at /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      right = await nodeHash(right, other);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? { older: left, newer: right } : null;
}

function isPowerOfTwo(number: number): boolean {
  return Number.isInteger(Math.log2(number));
}

/** A complete subtree: the entries from `index · 2^level` on, `2^level` of them. */
export type Subtree = { level: number; index: number };

/** The fewest complete subtrees that together are the entries from `start` to before `end`, from left to right. */
export function cover(start: number, end: number): Subtree[] {
  const found: Subtree[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    found.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return found;
}

/** The subtrees whose hashes, each list folded into one, are the proof that the newer tree begins with the older. */
export function consistencyParts(older: number, newer: number): Subtree[][] {
  const parts: Subtree[][] = [];
  let [start, end] = [0, newer];
  while (end > older) {
    const middle = start + 2 ** Math.floor(Math.log2(end - start - 1 || 1));
    if (older <= middle) {
      parts.push(cover(middle, end));
      end = middle;
    } else {
      parts.push(cover(start, middle));
      start = middle;
    }
  }
  // Who checks the proof has the older root already, where it is the hash of one subtree at the very left.
  if (start > 0) parts.push(cover(start, end));
  return parts.reverse();
}

/** The hash over complete subtrees of falling size, from left to right. */
export async function folded(hashes: Bytes[]): Promise<Bytes> {
  let right = hashes.at(-1) ?? (await emptyRoot());
  for (const left of hashes.slice(0, -1).reverse()) right = await nodeHash(left, right);
  return right;
}

/** The hash of a complete subtree from those of its lowest level, which are a power of two in number. */
export async function completeRoot(hashes: Bytes[]): Promise<Bytes> {
  let level = hashes;
  while (level.length > 1) {
    level = await Promise.all(Array.from({ length: level.length / 2 }, (_, at) => nodeHash(level[2 * at] ?? joined(), level[2 * at + 1] ?? joined())));
  }
  return level[0] ?? emptyRoot();
}

