// Who is signed in and what they may do where. Must not decide what may be done: the API does; this only says what is
// worth showing.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body, setCsrfToken, type Schemas } from "./client";
import { ApiProblem } from "./problem";

export type Session = Schemas["OwnSession"];
export type OwnOrganization = Session["organizations"][number];
export type Permission = Exclude<Schemas["NewRole"]["permissions"][number], Uppercase<string>>;

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<Session | null> => {
    try {
      const session = await body(api.GET("/v1/session"));
      setCsrfToken(session.csrf_token);
      return session;
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null;
      throw error;
    }
  },
  // Permissions change while somebody looks: what is shown follows when they come back to the page.
  staleTime: 30_000,
  refetchOnWindowFocus: true,
});

/** The session; only for what is shown to who is signed in. */
export function useSession(): Session {
  const { data } = useQuery(sessionQuery);
  if (!data) throw new Error("there is no session");
  return data;
}

/** The organization of a slug, if it is one of the person's. */
export function organizationOf(session: Session, slug: string | undefined): OwnOrganization | undefined {
  return session.organizations.find((organization) => organization.slug === slug);
}

export function may(organization: OwnOrganization, permission: Permission): boolean {
  return organization.permissions.includes(permission);
}

/** Ends the session, and forgets everything that was shown in it. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return useCallback(async () => {
    await api.DELETE("/v1/session");
    setCsrfToken(null);
    client.clear();
    client.setQueryData(sessionQuery.queryKey, null);
  }, [client]);
}
