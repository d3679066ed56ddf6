// The cache of what the API answered, and when it asks again. Must not know pages.
import { QueryClient } from "@tanstack/react-query";

import { ApiProblem } from "./problem";

const RETRIES_MAX = 2;

/** Whether asking once more can help: the server said so, or could not be reached. */
function isWorthRetrying(failures: number, error: unknown): boolean {
  if (failures >= RETRIES_MAX) return false;
  return error instanceof ApiProblem ? error.kind === "overloaded" || error.kind === "unavailable" : error instanceof TypeError;
}

function retryDelayMillis(failures: number, error: unknown): number {
  const asked = error instanceof ApiProblem ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return Math.min(Math.max(asked, 400 * 2 ** failures), 5_000);
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { staleTime: 15_000, retry: isWorthRetrying, retryDelay: retryDelayMillis, refetchOnWindowFocus: false },
      mutations: { retry: false },
    },
  });
}
