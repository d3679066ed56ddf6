import { describe, expect, it } from "vitest";

import { same, utf8, type Bytes } from "./bytes";
import { consistencyProof, tilePath } from "./tiles";
import { cover, emptyRoot, leafHash, nodeHash, rootOfInclusion, rootsOfConsistency } from "./tree";

/** RFC 6962, section 2.1, word for word. */
async function treeHash(leaves: Bytes[]): Promise<Bytes> {
  if (leaves.length === 0) return emptyRoot();
  if (leaves.length === 1) return leaves[0] as Bytes;
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return nodeHash(await treeHash(leaves.slice(0, split)), await treeHash(leaves.slice(split)));
}

/** RFC 6962, section 2.1.1. */
async function path(index: number, leaves: Bytes[]): Promise<Bytes[]> {
  if (leaves.length <= 1) return [];
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return index < split
    ? [...(await path(index, leaves.slice(0, split))), await treeHash(leaves.slice(split))]
    : [...(await path(index - split, leaves.slice(split))), await treeHash(leaves.slice(0, split))];
}

async function someLeaves(count: number): Promise<Bytes[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => leafHash(utf8(`entry ${index}`))));
}

/** A log that serves its tiles. */
function served(leaves: Bytes[]) {
  const asked: string[] = [];
  return {
    asked,
    source: async (name: string) => {
      asked.push(name);
      const [, level = "", number = "", width = "256"] = /^(\d)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(name) ?? [];
      const size = 256 ** Number(level);
      const first = Number(number.replaceAll("x", "").replaceAll("/", "")) * 256;
      const hashes = await Promise.all(Array.from({ length: Number(width) }, (_, at) => treeHash(leaves.slice((first + at) * size, (first + at + 1) * size))));
      return Uint8Array.from(hashes.flatMap((hash) => [...hash]));
    },
  };
}

describe("inclusion", () => {
  it("leads to the root from every place of every small tree, and only from there", async () => {
    const all = await someLeaves(20);
    for (let size = 1; size <= all.length; size++) {
      const leaves = all.slice(0, size);
      const root = await treeHash(leaves);
      for (let index = 0; index < size; index++) {
        const proof = await path(index, leaves);
        const leaf = all[index] as Bytes;
        expect(await rootOfInclusion(leaf, index, size, proof)).toEqual(root);
        expect(await rootOfInclusion(leaf, index, size, [...proof, root])).toBeNull();
        if (proof.length > 0) expect(await rootOfInclusion(leaf, index, size, proof.slice(1))).toBeNull();
        const elsewhere = await rootOfInclusion(leaf, (index + 1) % size, size, proof);
        if (size > 1) expect(elsewhere !== null && same(elsewhere, root)).toBe(false);
        expect(await rootOfInclusion(leaf, size, size, proof)).toBeNull();
      }
    }
  });
});

describe("consistency from tiles", () => {
  it("holds between all sizes of a growing log", async () => {
    const all = await someLeaves(24);
    for (let newer = 2; newer <= all.length; newer++) {
      const root = await treeHash(all.slice(0, newer));
      for (let older = 1; older < newer; older++) {
        const olderRoot = await treeHash(all.slice(0, older));
        const proof = await consistencyProof(older, newer, served(all.slice(0, newer)).source);
        expect(await rootsOfConsistency(older, newer, olderRoot, proof), `${older} in ${newer}`).toEqual({ older: olderRoot, newer: root });
      }
    }
  });
  it("crosses tiles and their levels", async () => {
    const all = await someLeaves(1_400);
    for (const [older, newer] of [[1, 1_400], [255, 1_400], [256, 257], [300, 513], [1_000, 1_400], [1_024, 1_400], [1_279, 1_281]] as const) {
      const olderRoot = await treeHash(all.slice(0, older));
      const { source, asked } = served(all.slice(0, newer));
      const proof = await consistencyProof(older, newer, source);
      expect(await rootsOfConsistency(older, newer, olderRoot, proof), `${older} in ${newer}`).toEqual({ older: olderRoot, newer: await treeHash(all.slice(0, newer)) });
      expect(asked.length).toBe(new Set(asked).size);
    }
  }, 60_000);
  it("does not hold for a log with another past", async () => {
    const before = await someLeaves(300);
    const after = [...before, ...(await someLeaves(40))];
    after[17] = await leafHash(utf8("another"));
    const olderRoot = await treeHash(before);
    const proof = await consistencyProof(300, 340, served(after).source);
    const roots = await rootsOfConsistency(300, 340, olderRoot, proof);
    expect(roots && same(roots.older, olderRoot)).toBe(false);
  });
  it("says nothing about an empty log", async () => expect(await rootsOfConsistency(0, 5, await emptyRoot(), [])).toBeNull());
});

describe("tiles", () => {
  it("are named as c2sp.org/tlog-tiles says", () => {
    expect(tilePath(0, 1_234_067, 256)).toBe("0/x001/x234/067");
    expect(tilePath(1, 0, 17)).toBe("1/000.p/17");
    expect(tilePath(0, 273, 112)).toBe("0/273.p/112");
  });
  it("cover a range with the fewest subtrees", () => {
    expect(cover(0, 7)).toEqual([{ level: 2, index: 0 }, { level: 1, index: 2 }, { level: 0, index: 6 }]);
    expect(cover(6, 16)).toEqual([{ level: 1, index: 3 }, { level: 3, index: 1 }]);
  });
});
