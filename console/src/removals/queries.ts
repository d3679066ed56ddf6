// What the pages of erasures and redactions ask of the API.
import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body, type Schemas } from "../api/client";

export type Removal = Schemas["Removal"];
export type Found = Schemas["RemovalCounts"];
export type Part = Removal["parts"][number];
export type Kind = "erasure" | "redaction";
export type KindOfRemoval = { kind: Kind; removal: Removal };

/** How often the page looks again while something is being removed. */
export const GOING_ON_MILLIS = 1_000;

/** Which of the two an id belongs to. */
export function kindOf(id: string): Kind {
  return id.startsWith("redaction") ? "redaction" : "erasure";
}

/** Whether it was approved and is not done yet. */
export function goesOn(removal: Removal | undefined): boolean {
  return removal?.state === "approved" || removal?.state === "wiping";
}

/** Erasures and redactions together, the newest first. */
export function removalsQuery(org: string) {
  return queryOptions({
    queryKey: ["removals", org],
    queryFn: async ({ signal }) => {
      const params = { path: { org } };
      const [{ erasures }, { redactions }] = await Promise.all([
        body(api.GET("/v1/orgs/{org}/erasures", { params, signal })),
        body(api.GET("/v1/orgs/{org}/redactions", { params, signal })),
      ]);
      const all: KindOfRemoval[] = [...erasures.map((removal) => ({ kind: "erasure" as const, removal })), ...redactions.map((removal) => ({ kind: "redaction" as const, removal }))];
      return all.sort((one, other) => (one.removal.asked_at < other.removal.asked_at ? 1 : -1));
    },
  });
}

export function removalQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["removals", org, id],
    queryFn: ({ signal }) => {
      const params = { path: { org, id } };
      return body(kindOf(id) === "erasure" ? api.GET("/v1/orgs/{org}/erasures/{id}", { params, signal }) : api.GET("/v1/orgs/{org}/redactions/{id}", { params, signal }));
    },
  });
}

/** Keeps what an answer says of one, and asks for the list anew. */
export function useKeep(org: string): (removal: Removal) => void {
  const client = useQueryClient();
  return useCallback((removal) => {
    void client.invalidateQueries({ queryKey: removalsQuery(org).queryKey, exact: true });
    client.setQueryData(removalQuery(org, removal.id).queryKey, removal);
  }, [client, org]);
}
