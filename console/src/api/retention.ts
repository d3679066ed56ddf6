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
