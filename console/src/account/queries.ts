// What the page of the person's own account asks of the API.
import { queryOptions } from "@tanstack/react-query";

import { api, body } from "../api/client";

export const ownSessionsQuery = queryOptions({
  queryKey: ["account", "sessions"],
  queryFn: async ({ signal }) => (await body(api.GET("/v1/sessions", { signal }))).sessions,
});

export const tokensQuery = queryOptions({
  queryKey: ["account", "tokens"],
  queryFn: async ({ signal }) => (await body(api.GET("/v1/tokens", { signal }))).tokens,
});
