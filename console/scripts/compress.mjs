// Puts a gzip and a Brotli form beside each text of the bundle, so that the server only chooses. Fonts are compressed
// already. Prints what the first view takes, and fails when it is more than its bound.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Bytes of gzipped JavaScript of the first view. */
const FIRST_VIEW_BYTES_MAX = 250_000;
const dist = new URL("../dist/", import.meta.url).pathname;

const sizes = new Map();
for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !/\.(js|css|html|svg|json|txt)$/.test(entry.name)) continue;
  const bytes = await readFile(path);
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  await writeFile(`${path}.gz`, gzip);
  await writeFile(`${path}.br`, brotli);
  sizes.set(path.slice(dist.length), { bytes: bytes.length, gzip: gzip.length, brotli: brotli.length });
}

const index = await readFile(join(dist, "index.html"), "utf8");
const first = [...index.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1]);
const total = first.reduce((sum, name) => sum + (sizes.get(name)?.gzip ?? 0), 0);
for (const [name, size] of sizes) console.log(`${name}  ${size.bytes} B, gzip ${size.gzip} B, br ${size.brotli} B`);
console.log(`first view: ${total} B of gzipped JavaScript, at most ${FIRST_VIEW_BYTES_MAX}`);
if (total > FIRST_VIEW_BYTES_MAX) process.exit(1);
