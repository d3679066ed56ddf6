// How long an organization's records are kept, as the API says it. Apart from the pages: the log shows it of an event, the
// settings change it.
import { queryOptions } from "@tanstack/react-query";

import { api, body, type Schemas } from "./client";

export type Retention = Schemas["Retention"];
export type RetentionPlan = Schemas["RetentionPlan"];

export function retentionQuery(org: string) {
  return queryOptions({
    queryKey: ["retention", org],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/retention", { params: { path: { org } }, signal })),
    staleTime: 60_000,
  });
}

/** The legal holds; the log names those of an event, the settings place and release them. */
export function holdsQuery(org: string) {
  return queryOptions({
    queryKey: ["legal-holds", org],
    queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/legal-holds", { params: { path: { org } }, signal }))).legal_holds,
  });
}
