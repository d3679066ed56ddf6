// What roles are made of: permissions in areas, the same for every organization.
import { queryOptions } from "@tanstack/react-query";

import { api, body } from "./client";

/** The areas of permissions; the same for every organization. */
export const permissionsQuery = queryOptions({
  queryKey: ["permissions"],
  queryFn: async () => (await body(api.GET("/v1/permissions"))).areas,
  staleTime: Infinity,
});
