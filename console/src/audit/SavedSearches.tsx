// Searches that are kept under a name: one's own, and those that the organization shares. Picked, saved, changed and deleted here.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { may, useSession } from "../api/session";
import { useOrganization } from "../app/organization";
import { Text } from "../text/Text";
import { rangeLabel, rangeOf, type Range } from "../time/range";
import type { Zone } from "../time/zone";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Checkbox, TextField } from "../ui/Field";
import { unlessElsewhere } from "../ui/focus";
import { FormDialog } from "../ui/Form";
import { Popover } from "../ui/Popover";
import { Failed, Loading } from "../ui/states";
import { useTell } from "../ui/Toast";
import type { Query } from "./criteria";

export type SavedSearch = Schemas["SavedSearch"];

function savedSearchesQuery(org: string) {
  return queryOptions({
    queryKey: ["saved-searches", org],
    queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/saved-searches", { params: { path: { org } }, signal }))).saved_searches,
  });
}

type Asked = { query: Query; range: Range };
type Doing = { what: "save" } | { what: "change" | "delete"; search: SavedSearch };

export function SavedSearches({ query, range, zone, now, open, onOpenChange, onPick }: Asked & {
  zone: Zone;
  now: number;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onPick: (search: { q: string; range: Range }) => void;
}) {
  const { slug: org } = useOrganization();
  const client = useQueryClient();
  const tell = useTell();
  const [doing, setDoing] = useState<Doing | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  // From the panel the focus goes into the dialog, and from there back to the button.
  const goesOn = useRef(false);
  const begin = (next: Doing) => {
    goesOn.current = true;
    onOpenChange(false);
    setDoing(next);
  };
  const ended = useRef(false);
  const end = () => {
    ended.current = true;
    setDoing(null);
  };
  // Once the dialog is gone: while it is there, it keeps the focus in.
  useEffect(() => {
    if (doing === null && ended.current) button.current?.focus();
    ended.current = false;
  }, [doing]);
  const done = (told: string) => {
    void client.invalidateQueries({ queryKey: ["saved-searches", org] });
    end();
    tell(told);
  };
  return (
    <>
      <Popover
        trigger={<IconButton ref={button} icon="bookmark" name="Saved searches (s)" />}
        open={open}
        onOpenChange={onOpenChange}
        label="Saved searches"
        align="end"
        plain
        onCloseAutoFocus={(event) => {
          if (goesOn.current) event.preventDefault();
          else unlessElsewhere(event);
          goesOn.current = false;
        }}
      >
        <List
          query={query}
          range={range}
          zone={zone}
          now={now}
          onBegin={begin}
          onPick={(search) => {
            onOpenChange(false);
            onPick({ q: search.q ?? "", range: rangeOf(search.from, search.to) });
          }}
        />
      </Popover>
      {doing?.what === "delete" ? (
        <Confirm
          title={`Delete the saved search ${doing.search.name}?`}
          verb="Delete saved search"
          run={() => body(api.DELETE("/v1/orgs/{org}/saved-searches/{id}", { params: { path: { org, id: doing.search.id } } }))}
          onDone={() => done(`${doing.search.name} is deleted`)}
          onClose={end}
        >
          <p>{doing.search.visibility === "organization" ? "It is gone for everybody in the organization." : "It is only yours."} The events that it finds stay.</p>
        </Confirm>
      ) : doing && (
        <Keep
          {...(doing.what === "change" ? { before: doing.search } : {})}
          query={query}
          range={range}
          zone={zone}
          now={now}
          onDone={(kept) => done(`${kept.name} is saved`)}
          onClose={end}
        />
      )}
    </>
  );
}

function List({ query, range, zone, now, onBegin, onPick }: Asked & {
  zone: Zone;
  now: number;
  onBegin: (doing: Doing) => void;
  onPick: (search: SavedSearch) => void;
}) {
  const organization = useOrganization();
  const { user } = useSession();
  const { data, error, isPending, refetch } = useQuery(savedSearchesQuery(organization.slug));
  const shares = may(organization, "saved_searches_share");
  const groups = [
    { title: "Yours", searches: data?.filter((search) => search.visibility === "personal") ?? [] },
    { title: `Of ${organization.name}`, searches: data?.filter((search) => search.visibility === "organization") ?? [] },
  ].filter((group) => group.searches.length > 0);
  const isShown = (search: SavedSearch) => {
    const saved = rangeOf(search.from, search.to);
    return (search.q ?? "") === (query.q ?? "") && saved.from === range.from && saved.to === range.to;
  };
  return (
    <div className="saved">
      {isPending ? (
        <Loading rows={2} label="Loading saved searches" />
      ) : !data ? (
        <Failed error={error} retry={() => void refetch()} />
      ) : (
        <div className="saved-list">
          {groups.length === 0 && <p className="menu-label">No search is saved yet.</p>}
          {groups.map((group) => (
            <div key={group.title} role="group" aria-label={group.title}>
              <div className="menu-label"><Text>{group.title}</Text></div>
              <ul>
                {group.searches.map((search) => (
                  <li key={search.id} className="saved-row">
                    <button type="button" className="menu-item saved-pick" aria-current={isShown(search) ? "true" : undefined} onClick={() => onPick(search)}>
                      <span className="saved-name"><Text>{search.name}</Text></span>
                      <span className="saved-about">
                        {rangeLabel(rangeOf(search.from, search.to), zone, now)}
                        {search.q && <> · <code><Text>{search.q}</Text></code></>}
                        {search.visibility === "organization" && search.owner && search.owner.id !== user.id && <> · <Text>{search.owner.name}</Text></>}
                      </span>
                    </button>
                    {(shares || search.visibility === "personal") && (
                      <>
                        <IconButton icon="edit" name={`Change ${search.name}`} kind="quiet" onClick={() => onBegin({ what: "change", search })} />
                        <IconButton icon="close" name={`Delete ${search.name}`} kind="quiet" onClick={() => onBegin({ what: "delete", search })} />
                      </>
                    )}
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </div>
      )}
      <div className="saved-end">
        <Button onClick={() => onBegin({ what: "save" })}>Save this search…</Button>
      </div>
    </div>
  );
}

/** Saves what the page shows, or changes what was saved. */
function Keep({ before, query, range, zone, now, onDone, onClose }: Asked & {
  before?: SavedSearch;
  zone: Zone;
  now: number;
  onDone: (kept: SavedSearch) => void;
  onClose: () => void;
}) {
  const organization = useOrganization();
  const { user } = useSession();
  const org = organization.slug;
  const [name, setName] = useState(before?.name ?? "");
  const [shared, setShared] = useState(before?.visibility === "organization");
  const [anew, setAnew] = useState(false);
  const shares = may(organization, "saved_searches_share");
  // Somebody else's that is shared can be deleted, and not be made one's own.
  const fixed = before?.visibility === "organization" && before.owner?.id !== user.id;
  const visibility = shared ? ("organization" as const) : ("personal" as const);
  const asked = { q: query.q ?? "", from: range.from, to: range.to ?? "" };
  const run = () =>
    before
      ? body(api.PATCH("/v1/orgs/{org}/saved-searches/{id}", { params: { path: { org, id: before.id } }, body: { name, visibility, ...(anew ? asked : {}) } }))
      : body(api.POST("/v1/orgs/{org}/saved-searches", { params: { path: { org } }, body: { name, visibility, ...asked } }));
  const shown = <>{rangeLabel(range, zone, now)}{query.q && <>, <code><Text>{query.q}</Text></code></>}</>;
  return (
    <FormDialog title={before ? "Change saved search" : "Save search"} about={before ? undefined : <>{shown}.</>} verb="Save" run={run} onDone={onDone} onClose={onClose}>
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />
          {before && <Checkbox checked={anew} onChange={(event) => setAnew(event.target.checked)}>Put in its place what the page shows: {shown}</Checkbox>}
          {shares ? (
            <Checkbox checked={shared} disabled={fixed} onChange={(event) => setShared(event.target.checked)}>
              For everybody in {organization.name} who reads the log; each sees what they may see
            </Checkbox>
          ) : (
            <p className="field-hint">Only you see it.</p>
          )}
          {[errorOf("/q"), errorOf("/from"), errorOf("/to")].map((error) => error && <p key={error} className="field-error" role="alert">{error}</p>)}
        </>
      )}
    </FormDialog>
  );
}
