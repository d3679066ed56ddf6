// One erasure or redaction: what it removes, why, who asked, and the second person's yes or no.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { may, useSession } from "../api/session";
import { useOrganization } from "../app/organization";
import type { Actor } from "../audit/event";
import { AuditOf, NamesIn } from "../people/links";
import { userQuery } from "../people/queries";
import { LongText, Text } from "../text/Text";
import { When } from "../time/When";
import { Button, ButtonLink } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { NotYet } from "../ui/NotYet";
import { PageHead } from "../ui/PageHead";
import { FoundCounts } from "./FoundCounts";
import { goesOn, GOING_ON_MILLIS, kindOf, removalQuery, useKeep, type Kind, type Removal } from "./queries";
import { StateOf } from "./StateOf";
import { Who } from "./Who";
import { aboutOf, PART_WORDS, PARTS } from "./words";

/** Approvers whose names are asked for; of more, their number is told. */
const NAMED_MAX = 12;

export function RemovalPage({ id }: { id: string }) {
  const organization = useOrganization();
  const org = organization.slug;
  const kind = kindOf(id);
  const removal = useQuery({ ...removalQuery(org, id), refetchInterval: ({ state }) => (goesOn(state.data) ? GOING_ON_MILLIS : false) });
  const keep = useKeep(org);
  const { user } = useSession();
  const [dialog, setDialog] = useState<"approve" | "reject" | null>(null);
  const back = { to: `/orgs/${org}/erasures`, label: "Erasures & redactions" };
  if (!removal.data) return <NotYet query={removal} title={kind === "erasure" ? "Erasure" : "Redaction"} back={back} />;
  const { data } = removal;
  const close = () => setDialog(null);
  const done = (kept: Removal) => {
    keep(kept);
    close();
  };
  const decides = data.state === "pending" && may(organization, "removals_approve");
  const approves = decides && (data.approvers ?? []).includes(user.id);
  return (
    <main className="page" id="main">
      <PageHead
        back={back}
        title={<>{kind === "erasure" ? "Erase" : "Redact"} <Text>{aboutOf(kind, data)}</Text></>}
        about={<LongText>{data.reason}</LongText>}
        actions={
          <>
            <AuditOf phrase={`target:removal:${id}`} />
            {decides && <Button onClick={() => setDialog("reject")}>Reject</Button>}
            {approves && <Button kind="danger" onClick={() => setDialog("approve")}>Approve</Button>}
          </>
        }
      />
      <Facts kind={kind} removal={data} />
      {data.state === "pending" && <Approvers kind={kind} removal={data} self={approves} />}
      <section className="page-section" aria-labelledby="found-title">
        <h2 id="found-title">{data.state === "pending" ? "What it would remove" : data.state === "rejected" ? "What it would have removed" : "What it removes"}</h2>
        <FoundCounts found={data.found} />
        {data.state !== "pending" && data.kept_by_holds > 0 && <p className="effect-grave">{data.kept_by_holds.toLocaleString("en")} are kept by legal holds. Ask again when these are released.</p>}
      </section>
      {kind === "redaction" && <Redacted removal={data} />}
      <ToReview ids={data.to_review} />
      {dialog === "approve" && (
        <Confirm
          title={kind === "erasure" ? "Approve the erasure?" : "Approve the redaction?"}
          verb="Approve and remove"
          run={async () => done(await decide(org, kind, id))}
          onClose={close}
        >
          <p>The log is looked through again, what goes is recorded, then it is removed from {data.found.events.toLocaleString("en")} events. <b>That cannot be taken back.</b></p>
          <p>Reason: “<Text>{data.reason}</Text>”</p>
        </Confirm>
      )}
      {dialog === "reject" && <Reject kind={kind} removal={data} onDone={done} onClose={close} />}
    </main>
  );
}

function decide(org: string, kind: Kind, id: string): Promise<Removal> {
  const params = { path: { org, id } };
  return body(kind === "erasure" ? api.POST("/v1/orgs/{org}/erasures/{id}/approve", { params }) : api.POST("/v1/orgs/{org}/redactions/{id}/approve", { params }));
}

function Facts({ kind, removal }: { kind: Kind; removal: Removal }) {
  const decidedBy = removal.decided_by as unknown as Actor | null;
  return (
    <dl className="facts">
      <dt>State</dt><dd><StateOf removal={removal} /></dd>
      {kind === "erasure" && removal.subject && <><dt>Person</dt><dd><code><Text>{removal.subject}</Text></code></dd></>}
      {removal.pseudonym && <><dt>Pseudonym</dt><dd><code>{removal.pseudonym}</code><div className="muted">Stands for the person in the records; it tells nobody who it was.</div></dd></>}
      <dt>Parts</dt>
      <dd>{PARTS.filter((part) => removal.parts.includes(part)).map((part) => <div key={part}>{PART_WORDS[part].title} <span className="muted">{PART_WORDS[part].holds}</span></div>)}</dd>
      <dt>Asked for</dt><dd><When time={removal.asked_at} /> by <Who actor={removal.asked_by as unknown as Actor} /></dd>
      {removal.decided_at && (
        <>
          <dt>{removal.state === "rejected" ? "Rejected" : "Approved"}</dt>
          <dd><When time={removal.decided_at} />{decidedBy && <> by <Who actor={decidedBy} /></>}</dd>
        </>
      )}
      {removal.decision_reason && <><dt>Because</dt><dd><LongText>{removal.decision_reason}</LongText></dd></>}
      {removal.finished_at && <><dt>Finished</dt><dd><When time={removal.finished_at} /></dd></>}
      <dt>Id</dt><dd><code>{removal.id}</code></dd>
    </dl>
  );
}

/** Who can say yes, and why not everybody. */
function Approvers({ kind, removal, self }: { kind: Kind; removal: Removal; self: boolean }) {
  const organization = useOrganization();
  const ids = removal.approvers ?? [];
  const named = may(organization, "users_view") && ids.length <= NAMED_MAX ? ids : [];
  const users = useQueries({ queries: named.map((id) => ({ ...userQuery(organization.slug, id), staleTime: 60_000 })) });
  const names = users.flatMap(({ data }) => (data ? [data] : []));
  const command = `actarium ${kind} approve --org ${organization.slug} ${removal.id}`;
  return (
    <section className="page-section" aria-labelledby="approvers-title">
      <h2 id="approvers-title">Who can approve it</h2>
      {ids.length === 0 ? (
        <p>Nobody of {organization.name}: whoever holds the permission asked for it, is the person, or is tied to who asked. The operator can: <code>{command}</code></p>
      ) : names.length > 0 ? (
        <NamesIn path="users" names={names} none="" />
      ) : (
        <p>{ids.length === 1 ? "1 user" : `${ids.length} users`}.</p>
      )}
      <p className="muted">
        {self
          ? "You can, unless some of these are records of your own acts."
          : "Not who asked, nor the person it is about, nor anybody whose account or rights came from who asked within the past 30 days; and nobody where records of their own acts are among these. The operator always can."}
      </p>
    </section>
  );
}

function Redacted({ removal }: { removal: Removal }) {
  const events = removal.events ?? [];
  const masked = [...(removal.mask_keys ?? []), ...(removal.pointers ?? [])];
  return (
    <section className="page-section" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <EventLinks ids={events} />
      {removal.remainder === false ? <p>Nothing of their detail is recorded again.</p> : <p>What is left without secrets is recorded again{masked.length > 0 && <>; masked besides what the rules find: <code><Text>{masked.join(", ")}</Text></code></>}.</p>}
    </section>
  );
}

/** Recorded searches that may name the person: somebody has to look. */
function ToReview({ ids }: { ids: string[] }) {
  if (ids.length === 0) return null;
  return (
    <section className="page-section" aria-labelledby="review-title">
      <h2 id="review-title">Searches to look at</h2>
      <p className="muted">What was searched for in these may name the person, and may be something else. They stay; redact those that do name them.</p>
      <EventLinks ids={ids} />
    </section>
  );
}

function EventLinks({ ids }: { ids: string[] }) {
  const organization = useOrganization();
  return (
    <ul className="removal-events">
      {ids.map((id) => (
        <li key={id}>
          {may(organization, "audit_logs_view") ? <ButtonLink kind="quiet" className="mono" to={`/orgs/${organization.slug}/audit-logs?event=${id}`}>{id}</ButtonLink> : <code>{id}</code>}
        </li>
      ))}
    </ul>
  );
}

function Reject({ kind, removal, onDone, onClose }: { kind: Kind; removal: Removal; onDone: (removal: Removal) => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [reason, setReason] = useState("");
  const run = () => {
    const asked = { params: { path: { org, id: removal.id } }, body: { reason: reason.trim() } };
    return body(kind === "erasure" ? api.POST("/v1/orgs/{org}/erasures/{id}/reject", asked) : api.POST("/v1/orgs/{org}/redactions/{id}/reject", asked));
  };
  return (
    <FormDialog title={kind === "erasure" ? "Reject the erasure?" : "Reject the redaction?"} about="Nothing is removed. Both the asking and the no stay in the log." verb="Reject" run={run} onDone={onDone} onClose={onClose}>
      {(errorOf) => <TextField label="Why" required maxLength={500} autoFocus value={reason} error={errorOf("/reason")} onChange={(event) => setReason(event.target.value)} />}
    </FormDialog>
  );
}
