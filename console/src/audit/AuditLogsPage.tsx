// Who did what: the search, the time and the counts above, the events below, one of them beside. The address holds all of it.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";

import { asProblem } from "../api/problem";
import { retentionQuery } from "../api/retention";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { olderThan } from "../retention/rules";
import { Text } from "../text/Text";
import { bounds, interval, isLive, rangeLabel, type Range } from "../time/range";
import { ago } from "../time/zone";
import { Button, IconButton } from "../ui/Button";
import { useCopy } from "../ui/copying";
import { Icon } from "../ui/Icon";
import { Empty, Failed, Loading } from "../ui/states";
import { CellMenu } from "./CellMenu";
import { ColumnMenu } from "./ColumnMenu";
import { useColumns } from "./columns";
import { addressOf, queryOf, useCriteria, type Criteria } from "./criteria";
import type { AuditEvent } from "./event";
import { EventDrawer } from "./EventDrawer";
import { EventList, type CellAt, type ListHandle } from "./EventList";
import { ExportDialog } from "./ExportDialog";
import { FacetPanel } from "./FacetPanel";
import { FilterBar } from "./FilterBar";
import { Histogram } from "./Histogram";
import { Items, itemsOf } from "./items";
import { usePageKeys } from "./keys";
import { useLive } from "./live";
import { eventsQuery, histogramQuery, useCatalog } from "./queries";
import { SavedSearches } from "./SavedSearches";
import { SearchField, type SearchHandle } from "./SearchField";
import { Shortcuts } from "./Shortcuts";
import { adding, chosen as chosenValues, hasWords, phrase, removing, unphrase, type Term } from "./terms";
import { TimePicker, ZoneMenu } from "./TimePicker";
import { counted } from "./words";
import "./audit.css";
import "./event.css";

/** How often counts are renewed while the log is followed. */
const COUNTS_EVERY_MILLIS = 10_000;

export function AuditLogsPage() {
  const organization = useOrganization();
  const org = organization.slug;
  const [criteria, change] = useCriteria();
  const { range, typed, terms, order, zone } = criteria;
  // The same asked once more is another question: its answer is of another moment.
  const [asking, setAsking] = useState(() => ({ number: 0, at: Date.now() }));
  const query = useMemo(() => queryOf({ range, typed, terms }), [range, typed, terms]);
  const whole = phrase(typed, terms);
  const now = asking.at;
  const ask = useCallback(() => setAsking((before) => ({ number: before.number + 1, at: Date.now() })), []);
  const key = JSON.stringify([query, order]);
  const [askedFor, setAskedFor] = useState(key);
  if (askedFor !== key) {
    setAskedFor(key);
    setAsking((before) => ({ ...before, at: Date.now() }));
  }

  const events = useInfiniteQuery(eventsQuery(org, query, order, asking.number));
  const { data, error, isPending, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = events;
  const canFollow = isLive(range) && order === "desc";
  const following = criteria.live && canFollow;
  const size = data?.pages[0]?.as_of.size;
  const live = useLive(org, query.q, size === undefined ? undefined : size - 1, following);

  // What has arrived is shown at once at the top of the list, and kept back while somebody reads further down.
  const [shownArrivals, setShownArrivals] = useState(0);
  const list = useRef<ListHandle>(null);
  const [atTop, setAtTop] = useState(true);
  const reading = !atTop || criteria.event !== null;
  const arrivedTotal = live.arrived.length;
  const arrivals = reading ? Math.min(shownArrivals, arrivedTotal) : arrivedTotal;
  if (arrivals !== shownArrivals) setShownArrivals(arrivals);
  const waiting = arrivedTotal - arrivals;

  const pages = data?.pages;
  const found = useMemo(() => itemsOf((pages ?? []).map((page) => page.events), zone), [pages, zone]);
  const items = useMemo(() => {
    if (arrivals === 0 || order === "asc") return found;
    const joined = new Items(zone);
    joined.add(live.arrived.slice(arrivedTotal - arrivals));
    joined.add(found.events);
    return joined;
  }, [found, live.arrived, arrivals, arrivedTotal, zone, order]);

  const [markedId, setMarkedId] = useState<string | null>(null);
  const at = markedId ?? criteria.event;
  const marked = useMemo(() => (at ? items.events.findIndex((event) => event.id === at) : -1), [items, at]);
  const [cell, setCell] = useState<CellAt | null>(null);
  const [dialog, setDialog] = useState<"export" | "keys" | "saved" | null>(null);
  const columns = useColumns();
  const catalog = useCatalog();
  const copy = useCopy();
  const navigate = useNavigate();
  const location = useLocation();
  const search = useRef<SearchHandle>(null);

  const problem = error ? asProblem(error) : null;
  const phraseProblem = problem?.kind === "invalid-phrase" ? problem : null;
  const onSearch = useCallback((text: string) => {
    if (text.trim() === criteria.typed) ask();
    else change({ typed: text.trim() });
  }, [criteria.typed, change, ask]);
  const onFilter = useCallback((field: string, value: string, negated = false) => change({ terms: adding(criteria.terms, field, value, negated) }), [criteria.terms, change]);
  const onToggle = useCallback((field: string, value: string, negated: boolean) => {
    const there = chosenValues(criteria.terms, field, negated).includes(value);
    change({ terms: there ? removing(criteria.terms, field, value) : adding(criteria.terms, field, value, negated) });
  }, [criteria.terms, change]);
  const onOpen = useCallback((event: AuditEvent) => change({ event: event.id }, { replace: criteria.event !== null }), [change, criteria.event]);
  const onClose = useCallback(() => {
    if (document.activeElement?.closest(".drawer-event")) list.current?.focus();
    change({ event: null, tab: "event" });
  }, [change]);
  const onMore = useCallback(() => {
    if (!isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  const onZoom = useCallback((zoomed: Range) => {
    void navigate(`?${addressOf({ ...criteria, range: zoomed, live: false })}`, { state: { unzoom: true } });
  }, [navigate, criteria]);
  const onMark = useCallback((index: number) => setMarkedId(items.events[index]?.id ?? null), [items]);
  const step = (by: -1 | 1) => {
    const to = Math.min(Math.max(marked + by, 0), items.events.length - 1);
    const event = items.events[to];
    if (!event) return;
    setMarkedId(event.id);
    list.current?.show(to);
    if (criteria.event) change({ event: event.id }, { replace: true });
  };
  const setLive = (on: boolean) => {
    if (on) ask();
    setShownArrivals(0);
    change({ live: on }, { replace: true });
    if (on) list.current?.toTop();
  };
  usePageKeys({
    j: () => step(1),
    k: () => step(-1),
    Enter: () => {
      const event = items.events[marked];
      if (event) onOpen(event);
    },
    Escape: () => criteria.event && onClose(),
    f: () => {
      const event = items.events[Math.max(marked, 0)];
      const box = list.current?.rowBox(Math.max(marked, 0));
      if (event && box) setCell({ event, column: null, x: box.left + 140, y: box.bottom });
    },
    "/": () => search.current?.focus(),
    "?": () => setDialog("keys"),
    s: () => setDialog("saved"),
    l: () => canFollow && setLive(!criteria.live),
    c: () => change({ counts: !criteria.counts }, { replace: true }),
  });
  // The event of an address is brought into sight when its page is there.
  const openIndex = criteria.event && markedId === null ? marked : -1;
  useEffect(() => {
    if (openIndex > 0) list.current?.show(openIndex);
  }, [openIndex]);

  const permalink = (id: string) => `${window.location.origin}/orgs/${org}/audit-logs?${addressOf({ ...BLANK, zone, event: id })}`;
  // A whole page is counted by itself: counts that come after it find the record of the search, too.
  const exact = data && !hasNextPage ? items.events.length : undefined;
  const nothing = exact === 0;
  const inArchive = useReachesArchive(org, range, now, data?.pages[0]?.archive);
  const ownSearches = useMemo(() => offersOwn(typed, terms, data?.pages[0]?.events ?? []), [typed, terms, data]);
  const unzoom = (location.state as { unzoom?: boolean } | null)?.unzoom === true;

  return (
    <main className={`audit${criteria.event ? " audit-open" : ""}${criteria.counts ? " audit-counts" : ""}`} id="main">
      <div className="audit-top">
        <h1 tabIndex={-1}>Audit logs</h1>
        <Count org={org} query={query} range={range} asked={asking.number} now={now} following={following} arrived={arrivals} found={data !== undefined} exact={exact} hidden={phraseProblem !== null} />
        <div className="grow" />
        <Button
          className="audit-live"
          aria-pressed={following}
          disabled={!canFollow}
          title={canFollow ? "Show events as they are recorded (l)" : "A live tail needs a time up to now, newest first"}
          onClick={() => setLive(!criteria.live)}
        >
          {following ? <Icon name="pause" /> : <span className="live-dot" />}
          {following ? (live.state === "live" ? "Pause" : live.state === "broken" ? "Cut off" : "Connecting…") : "Live"}
        </Button>
        <Button aria-label="Share" onClick={() => copy(window.location.href, "Link to this view")}><Icon name="link" /> <span className="audit-wide-only">Share</span></Button>
        {may(organization, "audit_logs_export") && (
          <Button aria-label="Export" onClick={() => setDialog("export")}><Icon name="download" /> <span className="audit-wide-only">Export</span></Button>
        )}
      </div>
      <div className="audit-query">
        <div className="audit-bar">
          <SearchField
            org={org}
            value={typed}
            query={query}
            within={queryOf({ range, typed: "", terms })}
            asked={asking.number}
            error={phraseProblem}
            typedAt={whole.typedAt}
            handle={search}
            onLeave={() => {
              list.current?.focus();
              return list.current !== null;
            }}
            onSearch={onSearch}
          />
          {unzoom && (
            <Button onClick={() => void navigate(-1)} title="Back to the time before"><Icon name="back" /> Unzoom</Button>
          )}
          <TimePicker range={range} zone={zone} now={now} onChange={(chosen) => {
            setAsking((before) => ({ ...before, at: Date.now() }));
            change({ range: chosen });
          }} />
          <ZoneMenu zone={zone} now={now} onChange={(chosen) => change({ zone: chosen }, { replace: true })} />
          <IconButton icon="panel" name={criteria.counts ? "Hide the counts by field (c)" : "Show the counts by field (c)"} aria-pressed={criteria.counts} onClick={() => change({ counts: !criteria.counts }, { replace: true })} />
          <SavedSearches
            query={query}
            range={range}
            zone={zone}
            now={now}
            open={dialog === "saved"}
            onOpenChange={(open) => setDialog(open ? "saved" : null)}
            onPick={(saved) => {
              ask();
              change({ ...unphrase(saved.q), range: saved.range, live: false, event: null });
            }}
          />
          <ColumnMenu columns={columns} />
        </div>
        <FilterBar
          org={org}
          terms={terms}
          asked={asking.number}
          queryWithout={(field, negated) => queryOf({ range, typed, terms: terms.filter((term) => term.field !== field || term.negated !== negated) })}
          onTerms={(changed) => change({ terms: changed })}
          onToggle={onToggle}
          onEmptied={() => search.current?.rest()}
        />
        {!phraseProblem && <Histogram org={org} query={query} range={range} zone={zone} asked={asking.number} now={now} found={data !== undefined} nothing={nothing} onZoom={onZoom} />}
        {criteria.unread && (
          <p className="audit-note audit-unread" role="status">
            The time of this link could not be read (<code><Text>{criteria.unread.slice(0, 80)}</Text></code>): {criteria.unread.startsWith("to=") ? "it is shown up to now" : "the past 24 hours are shown"}.
          </p>
        )}
        {inArchive && <p className="audit-note" role="status">This range reaches into the archive; it may take longer.</p>}
        {ownSearches && (
          <p className="audit-note">
            Searches of the log are events too, and the words of some of them fit.{" "}
            <button type="button" className="link-button" onClick={() => {
              search.current?.rest();
              onFilter("action", "audit_log.search", true);
            }}>Leave searches out</button>
          </p>
        )}
      </div>
      {criteria.counts && (
        <FacetPanel org={org} query={query} found={data !== undefined} nothing={nothing} asked={asking.number} terms={terms} onToggle={onToggle} onClose={() => change({ counts: false }, { replace: true })} />
      )}
      <section className="audit-list" aria-label="Events found" aria-busy={isPending}>
        {waiting > 0 && (
          <Button kind="primary" className="audit-new" onClick={() => {
            setShownArrivals(arrivedTotal);
            list.current?.toTop();
          }}>
            <Icon name="up" /> {counted(waiting, "new event")}
          </Button>
        )}
        {problem && !data ? (
          phraseProblem ? (
            <Empty title="The search phrase cannot be read">Nothing is shown until it can: the place is marked in the search field.</Empty>
          ) : (
            <Failed error={error} retry={() => void events.refetch()} />
          )
        ) : isPending ? (
          <div className="list-loading"><Loading rows={14} label="Looking for events" /></div>
        ) : items.events.length === 0 ? (
          <NothingFound criteria={criteria} now={now} onWiden={() => change({ range: { from: "-30d" } })} onClear={() => change({ terms: [], typed: "" })} />
        ) : (
          <EventList
            items={items}
            chosen={columns.chosen}
            catalog={catalog}
            zone={zone}
            order={order}
            now={now}
            open={criteria.event}
            marked={marked}
            hasMore={hasNextPage}
            handle={list}
            end={
              <ListEnd
                loading={isFetchingNextPage}
                error={isFetchNextPageError ? error : null}
                retry={() => void fetchNextPage()}
                hasMore={hasNextPage}
                count={items.events.length}
                label={rangeLabel(range, zone, now)}
              />
            }
            onMark={onMark}
            onOpen={onOpen}
            onMore={onMore}
            onSort={() => change({ order: order === "desc" ? "asc" : "desc" })}
            onCell={setCell}
            onFilter={onFilter}
            onScrolled={setAtTop}
          />
        )}
      </section>
      {criteria.event && (
        <EventDrawer
          org={org}
          id={criteria.event}
          known={items.events[items.events.findIndex((event) => event.id === criteria.event)]}
          tab={criteria.tab}
          zone={zone}
          permalink={permalink(criteria.event)}
          onTab={(tab) => change({ tab }, { replace: true })}
          onClose={onClose}
          onOpen={(id) => {
            setMarkedId(null);
            change({ event: id, tab: "event" });
          }}
          onFilter={(field, value) => onFilter(field, value)}
          onStep={step}
        />
      )}
      {cell && (
        <CellMenu
          at={cell}
          onClose={() => setCell(null)}
          onLeft={() => list.current?.focus()}
          onFilter={onFilter}
          onRange={(bound) => {
            const to = bound.to ?? range.to;
            change({ range: { from: bound.from ?? range.from, to: to === undefined ? undefined : to }, live: false });
          }}
          onOpen={() => onOpen(cell.event)}
          permalink={permalink(cell.event.id)}
        />
      )}
      {dialog === "export" && <ExportDialog org={org} query={query} range={range} zone={zone} now={now} onClose={() => setDialog(null)} />}
      {dialog === "keys" && <Shortcuts onClose={() => setDialog(null)} />}
    </main>
  );
}

/** Whether words of a search were found in records of searches, and nothing says yet which actions are wanted. */
function offersOwn(typed: string, terms: Term[], found: AuditEvent[]): boolean {
  const actions = /(^|[\s(-])action:/.test(typed) || terms.some((term) => term.field === "action");
  return !actions && hasWords(typed) && found.some((event) => event.action === "audit_log.search");
}

const BLANK: Criteria = { range: { from: "-24h" }, typed: "", terms: [], order: "desc", zone: "utc", live: false, counts: false, event: null, tab: "event" };

/** Whether the time reaches into the archive: as the answer says; before there is one, as the retention says, if it may be seen. */
function useReachesArchive(org: string, range: Range, now: number, answered: boolean | undefined): boolean {
  const organization = useOrganization();
  const { data } = useQuery({ ...retentionQuery(org), enabled: may(organization, "retention_view") });
  return answered ?? (data !== undefined && bounds(range, now).from < olderThan(data.hot_days, now));
}

/** How many events there are in all, and as of when. */
function Count({ org, query, range, asked, now, following, arrived, found, exact, hidden }: {
  org: string;
  query: ReturnType<typeof queryOf>;
  range: Range;
  asked: number;
  now: number;
  following: boolean;
  arrived: number;
  found: boolean;
  /** How many, where all of them are in the list. */
  exact: number | undefined;
  hidden: boolean;
}) {
  const { data } = useQuery({
    ...histogramQuery(org, query, interval(range, now).text, asked),
    enabled: found,
    placeholderData: (before) => before,
    refetchInterval: following && arrived > 0 ? COUNTS_EVERY_MILLIS : false,
  });
  const total = exact ?? data?.buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  return (
    <span className="audit-count" role="status">
      {total === undefined || hidden ? "" : counted(total, "event")}
    </span>
  );
}

function ListEnd({ loading, error, retry, hasMore, count, label }: { loading: boolean; error: unknown; retry: () => void; hasMore: boolean; count: number; label: string }) {
  if (error) {
    const problem = asProblem(error);
    return (
      <div className="list-end" role="alert">
        <span>Older events could not be loaded: {problem.detail || problem.title}.</span> <Button onClick={retry}>Try again</Button>
      </div>
    );
  }
  if (hasMore || loading) return <div className="list-end"><span className="spinner" /> Loading more…</div>;
  return <div className="list-end">{counted(count, "event")}: that is all of “{label.toLowerCase().startsWith("past") ? label.charAt(0).toLowerCase() + label.slice(1) : label}”.</div>;
}

function NothingFound({ criteria, now, onWiden, onClear }: { criteria: Criteria; now: number; onWiden: () => void; onClear: () => void }) {
  const narrowed = criteria.terms.length > 0 || criteria.typed !== "";
  const span = bounds(criteria.range, now);
  const short = now - span.from < 29 * 86_400_000;
  return (
    <Empty
      title={narrowed ? "No event fits all of this" : "Nothing happened in this time"}
      actions={
        <>
          {short && <Button onClick={onWiden}>Look at the past 30 days</Button>}
          {narrowed && <Button onClick={onClear}>Drop all criteria</Button>}
        </>
      }
    >
      {narrowed
        ? "Different criteria narrow: an event has to fit each of them. Take one away, or look at a longer time."
        : `No event was recorded between ${ago(span.from, now)} and ${span.to >= now - 1_000 ? "now" : ago(span.to, now)}. Look at a longer time.`}
    </Empty>
  );
}

