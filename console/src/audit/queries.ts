// What the audit log page asks of the API. Every question is one of the public API's; the answers are kept for as long as
// somebody looks at them.
import { infiniteQueryOptions, queryOptions, useQuery } from "@tanstack/react-query";

import { api, body } from "../api/client";
import type { Query } from "./criteria";
import type { AuditEvent } from "./event";
import { Catalog, type Family } from "./sentence";
import type { FacetField } from "./terms";

/** Events of the first page: what a screen shows and some more, so that it is there at once. */
const FIRST_PAGE_EVENTS = 100;
/** Events of each page behind it. */
const NEXT_PAGE_EVENTS = 1_000;

export const catalogQuery = queryOptions({
  queryKey: ["catalog"],
  queryFn: async () => new Catalog((await body(api.GET("/v1/catalog"))).families as unknown as Family[]),
  staleTime: Infinity,
  structuralSharing: false,
});

const NO_CATALOG = new Catalog([]);

/** The catalog; before it is there, events are told by their actions' names. */
export function useCatalog(): Catalog {
  return useQuery(catalogQuery).data ?? NO_CATALOG;
}


/** The events that are found, page by page. `asked` tells one asking from the next of the same. */
export function eventsQuery(org: string, query: Query, order: "desc" | "asc", asked: number) {
  return infiniteQueryOptions({
    queryKey: ["events", org, query, order, asked],
    queryFn: ({ pageParam, signal }) =>
      body(
        api.GET("/v1/orgs/{org}/events", {
          params: {
            path: { org },
            query: {
              ...query,
              order,
              limit: pageParam ? NEXT_PAGE_EVENTS : FIRST_PAGE_EVENTS,
              ...(pageParam ? { cursor: pageParam } : {}),
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Comparing a hundred thousand events with themselves would take longer than drawing them.
    structuralSharing: false,
    staleTime: Infinity,
    gcTime: 60_000,
  });
}

/** Counts over time. Asked for in the very words of the search, so that they belong to its record and make none of their own. */
export function histogramQuery(org: string, query: Query, interval: string, asked: number) {
  return queryOptions({
    queryKey: ["histogram", org, query, interval, asked],
    queryFn: async ({ signal }) => {
      const histogram = await body(api.GET("/v1/orgs/{org}/events/histogram", { params: { path: { org }, query: { ...query, interval } }, signal }));
      return { ...histogram, buckets: upToNow(histogram.buckets, Date.now()) };
    },
    staleTime: 30_000,
  });
}

/** Without an end, buckets reach as far ahead as a sender's clock may be; those that hold nothing are of no use. */
function upToNow<T extends { start: string; total: number }>(buckets: T[], now: number): T[] {
  const last = buckets.findLastIndex((bucket) => bucket.total > 0 || Date.parse(bucket.start) <= now);
  return buckets.slice(0, last + 1);
}

export function facetsQuery(org: string, query: Query, fields: FacetField[], limit: number, asked: number) {
  return queryOptions({
    queryKey: ["facets", org, query, fields, limit, asked],
    queryFn: ({ signal }) =>
      body(api.GET("/v1/orgs/{org}/events/facets", { params: { path: { org }, query: { ...query, field: fields, limit } }, signal })),
    staleTime: 30_000,
  });
}

export function eventQuery(org: string, id: string) {
  return queryOptions({
    queryKey: ["event", org, id],
    // The other form that it has, a proof, is another question.
    queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/events/{id}", { params: { path: { org, id } }, signal }))) as AuditEvent,
    staleTime: Infinity,
  });
}
