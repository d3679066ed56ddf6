// The typed client of the API. It sends the session's CSRF token with each change, and makes every answer that is not a
// good one a thrown `ApiProblem`. Must not know pages or queries.
import createClient, { type Middleware } from "openapi-fetch";

import { problemOf } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

let csrfToken: string | null = null;
let onSessionOver: () => void = () => undefined;
let onForbidden: () => void = () => undefined;

/** Gives the client the CSRF token of the session. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Says what to do when the API answers that there is no session any more. */
export function whenSessionIsOver(then: () => void): void {
  onSessionOver = then;
}

/** Says what to do when the API answers that something may not be done: the person may have lost the right to it. */
export function whenForbidden(then: () => void): void {
  onForbidden = then;
}

const middleware: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrfToken) request.headers.set("x-csrf-token", csrfToken);
    return request;
  },
  async onResponse({ response, schemaPath }) {
    if (response.ok) return undefined;
    const problem = await problemOf(response);
    if (problem.kind === "unauthenticated" && schemaPath !== "/v1/session") onSessionOver();
    if (problem.kind === "forbidden" && schemaPath !== "/v1/session") onForbidden();
    throw problem;
  },
};

export const api = createClient<paths>({
  baseUrl: "",
  credentials: "same-origin",
  // Whoever answered last is asked: what a person may do and what the log holds change at any moment.
  cache: "no-store",
});
api.use(middleware);

/** A client of the operator, whose token it sends with each request and never keeps; no session has a part in it. */
export function operatorClient(token: string) {
  const own = createClient<paths>({ baseUrl: "", credentials: "omit", cache: "no-store", headers: { authorization: `Bearer ${token}` } });
  own.use({ onResponse: async ({ response }) => {
    if (response.ok) return undefined;
    throw await problemOf(response);
  } });
  return own;
}

/** The body of an answer. Errors were thrown before. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}
