// From a log's tiles (c2sp.org/tlog-tiles) to the hashes that a consistency proof needs. The tiles are not believed: whether
// they prove anything is seen by where they lead.
import { HASH_BYTES, type Bytes } from "./bytes";
import { Unreadable } from "./note";
import { completeRoot, consistencyParts, folded, type Subtree } from "./tree";

const TILE_HASHES = 256;
const TILE_LEVELS = 8;

export type TileSource = (path: string) => Promise<Bytes>;

/** What a tile is called: `<level>/<number>[.p/<width>]`. */
export function tilePath(level: number, number: number, width: number): string {
  const digits = String(number).padStart(Math.ceil(String(number).length / 3) * 3, "0");
  const groups = digits.match(/.{3}/g) ?? [];
  const named = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
  return width === TILE_HASHES ? `${level}/${named}` : `${level}/${named}.p/${width}`;
}

/** The proof that the log of `newer` entries begins with that of `older`, put together from tiles. */
export async function consistencyProof(older: number, newer: number, source: TileSource): Promise<Bytes[]> {
  const tiles = new Map<string, Promise<Bytes>>();
  const tile = (path: string) => {
    const found = tiles.get(path) ?? source(path);
    tiles.set(path, found);
    return found;
  };
  const hash = async ({ level, index }: Subtree) => {
    const tileLevel = Math.floor(level / TILE_LEVELS);
    const count = 2 ** (level % TILE_LEVELS);
    const first = index * count;
    const number = Math.floor(first / TILE_HASHES);
    const there = Math.floor(newer / 2 ** (TILE_LEVELS * tileLevel));
    const width = Math.min(TILE_HASHES, there - number * TILE_HASHES);
    const bytes = await tile(tilePath(tileLevel, number, width));
    if (bytes.length !== width * HASH_BYTES) throw new Unreadable("a tile of the log has another length than its name says");
    const from = (first % TILE_HASHES) * HASH_BYTES;
    return completeRoot(Array.from({ length: count }, (_, at) => bytes.slice(from + at * HASH_BYTES, from + (at + 1) * HASH_BYTES)));
  };
  return Promise.all(consistencyParts(older, newer).map(async (part) => folded(await Promise.all(part.map(hash)))));
}
