// The log's own files, which are no JSON: checkpoint, key and tiles (c2sp.org/tlog-tiles). Apart from the client, because a tile's
// address has slashes of its own.
import type { Schemas } from "./client";
import { problemOf } from "./problem";

async function file(org: string, path: string): Promise<Response> {
  const answer = await fetch(`/v1/orgs/${encodeURIComponent(org)}/log/${path}`, { credentials: "same-origin", cache: path.startsWith("tile/") ? "default" : "no-store" });
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

/** The signed checkpoint, as text. */
export async function logCheckpoint(org: string): Promise<string> {
  return (await file(org, "checkpoint")).text();
}

/** The key that the log says is its own. */
export async function logKey(org: string): Promise<string> {
  return (await file(org, "key")).text();
}

/** The changes of the key, as signed notes, the first one first. */
export async function logHandovers(org: string): Promise<string[]> {
  const { handovers } = (await (await file(org, "handovers")).json()) as Schemas["LogHandovers"];
  return handovers;
}

/** A tile, by its path behind `tile/`. */
export async function logTile(org: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await file(org, `tile/${path}`)).arrayBuffer());
}

/** How the log stands, as the service tells it. */
export type LogStanding = Schemas["LogStanding"];
export type Witness = LogStanding["witnesses"][number];
