// Writes `src/api/schema.d.ts`, the types of the API, from the OpenAPI document that the server's tests keep.
// The file is made with every build and check, and is not committed: it cannot differ from the document.
import { readFile, stat, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const document = new URL("../../crates/server/tests/openapi.json", import.meta.url);
const types = new URL("../src/api/schema.d.ts", import.meta.url);

const made = await stat(types).catch(() => null);
if (!made || made.mtimeMs < (await stat(document)).mtimeMs) {
  const ast = await openapiTS(JSON.parse(await readFile(document, "utf8")));
  await writeFile(types, `// Made by scripts/generate-schema.mjs; do not edit.\n${astToString(ast)}`);
}
