// Exports that the service makes in the background: listed, and watched while one is being made. Must not know pages.
import { queryOptions } from "@tanstack/react-query";

import { api, body, type Schemas } from "../api/client";

export type KeptExport = Schemas["KeptExport"];

/** How often it is looked how far they have come, while one is being made. */
const LOOK_MILLIS = 1_000;

export function isUnderWay(one: KeptExport): boolean {
  return one.state === "waiting" || one.state === "running";
}

export function exportsQuery(org: string) {
  return queryOptions({
    queryKey: ["exports", org],
    queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/exports", { params: { path: { org } }, signal }))).exports,
    refetchInterval: ({ state }) => (state.data?.some(isUnderWay) ? LOOK_MILLIS : false),
  });
}

export function deleteExport(org: string, id: string): Promise<unknown> {
  return body(api.DELETE("/v1/orgs/{org}/exports/{id}", { params: { path: { org, id } } }));
}

/** Where the file of an export is. */
export function contentOf(org: string, one: KeptExport): string {
  return `/v1/orgs/${org}/exports/${one.id}/content`;
}
