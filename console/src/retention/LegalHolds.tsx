// Legal holds: what is kept whatever the retention says. Placed with a reason, released with a reason.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { asProblem } from "../api/problem";
import { holdsQuery } from "../api/retention";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { remembered } from "../app/remembered";
import { actorLabel, type Actor } from "../audit/event";
import { counted } from "../audit/words";
import { AuditOf } from "../people/links";
import { LongText, Text } from "../text/Text";
import { MomentField } from "../time/MomentField";
import { rfc3339 } from "../time/range";
import { readTyped, UNREADABLE } from "../time/typed";
import { When } from "../time/When";
import { zoneShort, type Zone } from "../time/zone";
import { Button, ButtonLink } from "../ui/Button";
import { TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { phraseOf, type LegalHold } from "./words";

/** Before the first record of any log. */
const BEGINNING = "2000-01-01T00:00:00Z";

export function LegalHolds() {
  const organization = useOrganization();
  const org = organization.slug;
  const client = useQueryClient();
  const holds = useQuery(holdsQuery(org));
  const [placing, setPlacing] = useState(false);
  const [releasing, setReleasing] = useState<LegalHold | null>(null);
  const manages = may(organization, "legal_holds_manage");
  const renew = () => void client.invalidateQueries({ queryKey: holdsQuery(org).queryKey });
  return (
    <section className="page-section" aria-labelledby="holds-title">
      <div className="section-head">
        <h2 id="holds-title">Legal holds</h2>
        {manages && <Button onClick={() => setPlacing(true)}>Place a hold</Button>}
      </div>
      <p className="muted">What a hold matches is neither purged nor erased until the hold is released, whatever the retention says.</p>
      {holds.isPending ? (
        <Loading rows={2} />
      ) : !holds.data ? (
        <Failed error={holds.error} retry={() => void holds.refetch()} />
      ) : holds.data.length === 0 ? (
        <p>No record is held.</p>
      ) : (
        <Table
          label="Legal holds"
          rows={holds.data}
          keyOf={(hold) => hold.id}
          columns={[
            {
              title: "Reason",
              cell: (hold) => (
                <span className="two-lines">
                  <b><LongText>{hold.reason}</LongText></b>
                  <span>by <Text>{actorLabel(hold.placed_by as unknown as Actor)}</Text>, <When time={hold.placed_at} /></span>
                </span>
              ),
            },
            { title: "Holds", cell: (hold) => <Held hold={hold} /> },
            {
              title: "", narrow: true,
              cell: (hold) => (
                <span className="table-actions">
                  <EventsOf hold={hold} />
                  <AuditOf phrase={`target:legal_hold:${hold.id}`} />
                  {manages && <Button kind="danger" onClick={() => setReleasing(hold)} aria-label={`Release the hold: ${hold.reason}`}>Release</Button>}
                </span>
              ),
            },
          ]}
        />
      )}
      {placing && (
        <PlaceHold
          onClose={() => setPlacing(false)}
          onDone={renew}
        />
      )}
      {releasing && (
        <ReleaseHold
          hold={releasing}
          onClose={() => setReleasing(null)}
          onDone={renew}
        />
      )}
    </section>
  );
}

/** What a hold asks for, in words and as a phrase. */
function Held({ hold }: { hold: Pick<LegalHold, "q" | "actor" | "target" | "from" | "to"> }) {
  const phrase = phraseOf(hold);
  return (
    <span className="two-lines">
      {phrase ? <code><Text>{phrase}</Text></code> : <b>every record</b>}
      <span>
        {hold.from && hold.to ? <>from <When time={hold.from} /> to <When time={hold.to} /></> : hold.from ? <>from <When time={hold.from} /> on</> : hold.to ? <>before <When time={hold.to} /></> : "of any time"}
      </span>
    </span>
  );
}

/** The log, asked for what the hold asks for. */
function EventsOf({ hold }: { hold: LegalHold }) {
  const organization = useOrganization();
  if (!may(organization, "audit_logs_view")) return null;
  const search = new URLSearchParams({ from: hold.from ?? BEGINNING });
  const phrase = phraseOf(hold);
  if (phrase) search.set("q", phrase);
  if (hold.to) search.set("to", hold.to);
  return <ButtonLink to={`/orgs/${organization.slug}/audit-logs?${search}`}>Events</ButtonLink>;
}

type Criteria = { q: string; actor: string; target: string; from: string; to: string };

/** What of the form is sent: what is empty is no criterion. */
function sent(criteria: Criteria, begins: number | null, ends: number | null) {
  const at = (millis: number | null) => (millis === null ? undefined : rfc3339(millis));
  const all = { q: criteria.q.trim(), actor: criteria.actor.trim(), target: criteria.target.trim(), from: at(begins), to: at(ends) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value)) as Partial<Criteria>;
}

function PlaceHold({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [zone] = useState<Zone>(() => (remembered("zone") === "local" ? "local" : "utc"));
  const [now] = useState(Date.now);
  const zoneText = zoneShort(zone, now);
  const [reason, setReason] = useState("");
  const [criteria, setCriteria] = useState<Criteria>({ q: "", actor: "", target: "", from: "", to: "" });
  const set = (field: keyof Criteria) => (value: string) => setCriteria((before) => ({ ...before, [field]: value }));
  const put = (field: keyof Criteria) => (event: { target: { value: string } }) => set(field)(event.target.value);
  const read = (text: string, isEnd: boolean) => (text.trim() ? readTyped(text, zone, now, isEnd) : null);
  const [begins, ends] = [read(criteria.from, false), read(criteria.to, true)];
  const unread = (text: string, millis: number | null) => (text.trim() && millis === null ? UNREADABLE : undefined);
  const [wrongFrom, wrongTo] = [unread(criteria.from, begins), unread(criteria.to, ends)];
  const isReadable = !wrongFrom && !wrongTo;
  const wanted = sent(criteria, begins, ends);
  return (
    <FormDialog
      title="Place a legal hold"
      about="It holds what matches everything given here, from now on. Placing it is recorded, with its reason."
      verb="Place hold"
      wide
      ready={isReadable}
      run={() => body(api.POST("/v1/orgs/{org}/legal-holds", { params: { path: { org } }, body: { reason: reason.trim(), ...wanted } }))}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="Reason" required maxLength={500} autoFocus value={reason} error={errorOf("/reason")} hint="Why, and for whom: “Refund inquiry, case 2026-114”" onChange={(event) => setReason(event.target.value)} />
          <div className="days-fields">
            <TextField label="Actor" maxLength={1000} value={criteria.actor} error={errorOf("/actor")} hint="Id, e-mail address or name" onChange={put("actor")} />
            <TextField label="Target" maxLength={1000} value={criteria.target} error={errorOf("/target")} hint="Id, name or type:id" onChange={put("target")} />
            <MomentField label={`From (${zoneText})`} choosing="Choose the first day" zone={zone} value={criteria.from} unread={wrongFrom} error={errorOf("/from")} hint="When it happened" onChange={set("from")} />
            <MomentField label={`To (${zoneText})`} choosing="Choose the last day" zone={zone} isEnd value={criteria.to} unread={wrongTo} error={errorOf("/to")} hint="Empty: also what is still to come" onChange={set("to")} />
          </div>
          <TextArea label="Search phrase" rows={2} maxLength={1000} spellCheck={false} value={criteria.q} error={errorOf("/q")} hint="As in the audit log: action:component.* project:payments" onChange={put("q")} />
          {isReadable && <Preview key={JSON.stringify(wanted)} wanted={wanted} />}
        </>
      )}
    </FormDialog>
  );
}

/** How many records a hold would match; counted when somebody asks, because a count is a search, which is recorded. */
function Preview({ wanted }: { wanted: Partial<Criteria> }) {
  const organization = useOrganization();
  const org = organization.slug;
  const count = useMutation({
    mutationFn: async () => {
      const answer = await body(
        api.GET("/v1/orgs/{org}/events/facets", {
          params: { path: { org }, query: { from: wanted.from ?? BEGINNING, ...(wanted.to ? { to: wanted.to } : {}), ...(phraseOf(wanted) ? { q: phraseOf(wanted) } : {}), field: ["outcome"], limit: 10 } },
        }),
      );
      return (answer.facets.outcome ?? []).reduce((sum, one) => sum + one.count, 0);
    },
  });
  const everything = Object.keys(wanted).length === 0;
  return (
    <div className="effect" role="status">
      {everything && <p><b>Without any criterion it holds every record of {organization.name}</b>, those to come included.</p>}
      {count.error && <p className="field-error">{asProblem(count.error).detail}</p>}
      {may(organization, "audit_logs_view") && (
        count.data === undefined ? (
          <Button disabled={count.isPending} onClick={() => count.mutate()}>{count.isPending ? "Counting…" : "Count what it would hold"}</Button>
        ) : (
          <p>{counted(count.data, "event")} {count.data === 1 ? "matches" : "match"} now.</p>
        )
      )}
    </div>
  );
}

function ReleaseHold({ hold, onDone, onClose }: { hold: LegalHold; onDone: () => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [reason, setReason] = useState("");
  return (
    <FormDialog
      title="Release the hold?"
      verb="Release"
      grave
      run={() => body(api.DELETE("/v1/orgs/{org}/legal-holds/{id}", { params: { path: { org, id: hold.id }, query: { reason: reason.trim() } } }))}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <div className="dialog-body">
            <p>“<Text>{hold.reason}</Text>”</p>
            <Held hold={hold} />
            <p>What it held and no other hold holds is purged with the next run, within the hour, if its time is over. That cannot be taken back.</p>
          </div>
          <TextField label="Why it is released" required maxLength={500} autoFocus value={reason} error={errorOf("/reason")} onChange={(event) => setReason(event.target.value)} />
        </>
      )}
    </FormDialog>
  );
}
