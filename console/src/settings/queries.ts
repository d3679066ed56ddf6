// What the pages of the settings ask of the API about signing in, and what is asked anew after a change.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "../api/client";
import { permissionsQuery } from "../api/permissions";
import { may, type OwnOrganization } from "../api/session";

export type Provider = Schemas["IdentityProvider"];
export type ScimToken = Schemas["ScimToken"];

export const queries = {
  settings: (org: string) =>
    queryOptions({ queryKey: ["sign-in", org, "settings"], queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/sign-in", { params: { path: { org } }, signal })) }),
  providers: (org: string) =>
    queryOptions({
      queryKey: ["sign-in", org, "providers"],
      queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/identity-providers", { params: { path: { org } }, signal }))).identity_providers,
    }),
  tokens: (org: string) =>
    queryOptions({
      queryKey: ["sign-in", org, "tokens"],
      queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/scim-tokens", { params: { path: { org } }, signal }))).tokens,
    }),
};

export function useRenewed(org: string): () => void {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: ["sign-in", org] });
}

/** Whether somebody may change how people sign in. Who signs in may be anybody, so it takes every permission there is. */
export function useManages(organization: OwnOrganization): boolean {
  const areas = useQuery(permissionsQuery).data ?? [];
  const holds = areas.flatMap((area) => area.permissions).every(({ name }) => may(organization, name));
  return may(organization, "sign_in_manage") && holds && organization.scope?.level === "organization";
}
