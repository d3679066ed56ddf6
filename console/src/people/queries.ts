// What the pages of users, groups and roles ask of the API, and what is asked anew after a change.
import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body, type Schemas } from "../api/client";

export type User = Schemas["User"];
export type GroupMember = Schemas["GroupMember"];
export type Group = Schemas["Group"];
export type Role = Schemas["Role"];
export type Assignment = Schemas["Assignment"];
export type Named = { id: string; name: string };

const PAGE_ROWS = 100;

type Asked = { limit: number; search?: string; cursor?: string };

/** A list that is asked for in pages. */
function paged<P extends { next_cursor: string | null }>(queryKey: string[], search: string, ask: (query: Asked, signal: AbortSignal) => Promise<P>) {
  return infiniteQueryOptions({
    queryKey: [...queryKey, search],
    queryFn: ({ pageParam, signal }) =>
      ask({ limit: PAGE_ROWS, ...(search ? { search } : {}), ...(pageParam ? { cursor: pageParam } : {}) }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function usersQuery(org: string, search: string) {
  return paged(["people", org, "users"], search, (query, signal) => body(api.GET("/v1/orgs/{org}/users", { params: { path: { org }, query }, signal })));
}

export function userQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["people", org, "user", id],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/users/{id}", { params: { path: { org, id } }, signal })),
  });
}

export function userPermissionsQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["people", org, "user", id, "permissions"],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/users/{id}/permissions", { params: { path: { org, id } }, signal })),
  });
}

export function userSessionsQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["people", org, "user", id, "sessions"],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/users/{id}/sessions", { params: { path: { org, id } }, signal })),
  });
}

export function userTokensQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["people", org, "user", id, "tokens"],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/users/{id}/tokens", { params: { path: { org, id } }, signal })),
  });
}

export function groupsQuery(org: string, search: string) {
  return paged(["people", org, "groups"], search, (query, signal) => body(api.GET("/v1/orgs/{org}/groups", { params: { path: { org }, query }, signal })));
}

export function groupQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["people", org, "group", id],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/groups/{id}", { params: { path: { org, id } }, signal })),
  });
}

export function membersQuery(org: string, id: string, search: string) {
  return paged(["people", org, "group", id, "members"], search, (query, signal) =>
    body(api.GET("/v1/orgs/{org}/groups/{id}/members", { params: { path: { org, id }, query }, signal })),
  );
}

export function rolesQuery(org: string, search: string) {
  return paged(["people", org, "roles"], search, (query, signal) => body(api.GET("/v1/orgs/{org}/roles", { params: { path: { org }, query }, signal })));
}

export function roleQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["people", org, "role", id],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/roles/{id}", { params: { path: { org, id } }, signal })),
  });
}

/** After a change: everything about people is asked anew, and what the person themselves may do. */
export function useRenew(org: string): () => void {
  const client = useQueryClient();
  return useCallback(() => {
    void client.invalidateQueries({ queryKey: ["people", org] });
    void client.invalidateQueries({ queryKey: ["session"] });
  }, [client, org]);
}
