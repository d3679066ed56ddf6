// What the audit log page shows, as its address says it: every bit of it, so that a copied address shows the same.
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

import { remember, remembered } from "../app/remembered";
import { DEFAULT_RANGE, readRange, type Range } from "../time/range";
import type { Zone } from "../time/zone";
import { phrase, print, read, type Term } from "./terms";

export type Tab = "event" | "around" | "json";

export type Criteria = {
  range: Range;
  /** What of the address' time could not be read. */
  unread?: string | undefined;
  /** What was typed into the search field. */
  typed: string;
  /** The chips. */
  terms: Term[];
  order: "desc" | "asc";
  zone: Zone;
  live: boolean;
  /** The panel of counts. */
  counts: boolean;
  /** The event that is open. */
  event: string | null;
  tab: Tab;
};

const TABS: Tab[] = ["event", "around", "json"];

export function criteriaOf(search: URLSearchParams, zone: Zone): Criteria {
  const tz = search.get("tz");
  const tab = search.get("tab") as Tab | null;
  return {
    ...readRange(search.get("from"), search.get("to")),
    typed: search.get("q") ?? "",
    terms: search.getAll("f").map(read).filter((term) => term !== null),
    order: search.get("order") === "asc" ? "asc" : "desc",
    zone: tz === "utc" || tz === "local" ? tz : zone,
    live: search.get("live") === "1",
    counts: search.get("counts") === "1",
    event: search.get("event"),
    tab: tab && TABS.includes(tab) ? tab : "event",
  };
}

/** The address of criteria; what is as it is without saying is not said. */
export function addressOf(criteria: Criteria): URLSearchParams {
  const search = new URLSearchParams();
  const put = (key: string, value: string | undefined | null | false) => {
    if (value) search.set(key, value);
  };
  put("q", criteria.typed.trim());
  for (const term of criteria.terms) search.append("f", print(term));
  put("from", criteria.range.from !== DEFAULT_RANGE.from || criteria.range.to !== undefined ? criteria.range.from : null);
  put("to", criteria.range.to);
  put("order", criteria.order === "asc" && "asc");
  // Said always: whoever is sent an address sees the times that its sender saw.
  put("tz", criteria.zone);
  put("live", criteria.live && "1");
  put("counts", criteria.counts && "1");
  put("event", criteria.event);
  put("tab", criteria.event && criteria.tab !== "event" && criteria.tab);
  return search;
}

function rememberedZone(): Zone {
  return remembered("zone") === "local" ? "local" : "utc";
}

export type Change = (change: Partial<Criteria>, how?: { replace?: boolean }) => void;

/** The criteria of the address, and a way to change them. A change is a step of the browser's history, unless it says no. */
export function useCriteria(): [Criteria, Change] {
  const [search, setSearch] = useSearchParams();
  const criteria = useMemo(() => criteriaOf(search, rememberedZone()), [search]);
  const change = useCallback<Change>(
    (changed, how) => {
      if (changed.zone) remember("zone", changed.zone);
      setSearch((before) => addressOf({ ...criteriaOf(before, rememberedZone()), ...changed }), { replace: how?.replace ?? false, preventScrollReset: true });
    },
    [setSearch],
  );
  return [criteria, change];
}

/** What the API is asked for: time and phrase. */
export type Query = { from: string; to?: string; q?: string };

export function queryOf(criteria: Pick<Criteria, "range" | "typed" | "terms">): Query {
  const { text } = phrase(criteria.typed, criteria.terms);
  return {
    from: criteria.range.from,
    ...(criteria.range.to === undefined ? {} : { to: criteria.range.to }),
    ...(text ? { q: text } : {}),
  };
}
