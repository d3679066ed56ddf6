// How long the log is kept: what holds now, what of it is to change, where the records are, and what legal holds keep longer.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { api, body } from "../api/client";
import { retentionQuery, type Retention, type RetentionPlan } from "../api/retention";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { counted } from "../audit/words";
import { AuditOf } from "../people/links";
import { Text } from "../text/Text";
import { utcDay } from "../time/zone";
import { Button } from "../ui/Button";
import { PageHead } from "../ui/PageHead";
import { Failed, Loading } from "../ui/states";
import { LegalHolds } from "./LegalHolds";
import { ChangeRetention, LockRetention, TakeBack } from "./RetentionForms";
import { total } from "./rules";
import { bytes, daysText } from "./words";
import "../styles/pages.css";
import "./retention.css";

/** How often the page looks again while records are being moved. */
const RUNNING_EVERY_MILLIS = 2_000;

function planQuery(org: string) {
  return queryOptions({
    queryKey: ["retention", org, "plan"],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/retention/plan", { params: { path: { org } }, signal })),
    staleTime: 15_000,
  });
}

export function Component() {
  const organization = useOrganization();
  return (
    <main className="page" id="main">
      <PageHead title="Retention & holds" about={<>How long the audit log of <Text>{organization.name}</Text> is kept, and what is kept longer.</>} />
      {may(organization, "retention_view") && <RetentionSection />}
      {may(organization, "legal_holds_view") && <LegalHolds />}
    </main>
  );
}

type Asking = "change" | "lock" | "take back" | null;

function RetentionSection() {
  const organization = useOrganization();
  const org = organization.slug;
  const client = useQueryClient();
  const retention = useQuery({ ...retentionQuery(org), refetchInterval: ({ state }) => (state.data?.running ? RUNNING_EVERY_MILLIS : false) });
  const running = Boolean(retention.data?.running);
  // How many records there are is for who sees all of the log.
  const seesAll = may(organization, "audit_logs_view") && organization.scope?.level === "organization";
  const plan = useQuery({ ...planQuery(org), enabled: seesAll, refetchInterval: running ? RUNNING_EVERY_MILLIS : false });
  const [asking, setAsking] = useState<Asking>(null);
  const updates = may(organization, "retention_update");
  const close = () => setAsking(null);
  const done = (kept: Retention) => {
    client.setQueryData(retentionQuery(org).queryKey, kept);
    void client.invalidateQueries({ queryKey: planQuery(org).queryKey });
    close();
  };
  const { data } = retention;
  return (
    <section aria-labelledby="retention-title">
      <div className="section-head">
        <h2 id="retention-title">Retention</h2>
        <div className="page-actions">
          <AuditOf phrase="action:record.archive,record.purge" label="Past runs" />
          <AuditOf phrase={`target:retention_policy:${org}`} />
          {data && updates && <Button onClick={() => setAsking("change")}>Change</Button>}
          {data && updates && !data.locked && <Button onClick={() => setAsking("lock")}>Lock</Button>}
        </div>
      </div>
      {retention.isPending ? (
        <Loading rows={4} />
      ) : !data ? (
        <Failed error={retention.error} retry={() => void retention.refetch()} />
      ) : (
        <>
          {data.pending && <Pending retention={data} takeBack={updates ? () => setAsking("take back") : undefined} />}
          {data.running && <Running running={data.running} />}
          <Stages retention={data} plan={plan.data} />
          <Due retention={data} plan={plan.data} failed={plan.error !== null} />
        </>
      )}
      {data && asking === "change" && <ChangeRetention retention={data} onDone={done} onClose={close} />}
      {data && asking === "lock" && <LockRetention retention={data} onDone={done} onClose={close} />}
      {data && asking === "take back" && <TakeBack retention={data} onDone={done} onClose={close} />}
    </section>
  );
}

function Pending({ retention, takeBack }: { retention: Retention; takeBack: (() => void) | undefined }) {
  const { pending } = retention;
  if (!pending) return null;
  return (
    <div className="notice" role="note">
      <p>
        <b>From {utcDay(Date.parse(pending.effective_at))} on</b> records are kept for {daysText(total(pending))} in all: {daysText(pending.hot_days)} at hand, {daysText(pending.archive_days)} in
        the archive. Until then what is below holds.
      </p>
      {takeBack && <Button onClick={takeBack}>Take it back</Button>}
    </div>
  );
}

function Running({ running }: { running: NonNullable<Retention["running"]> }) {
  return (
    <div className="notice" role="status">
      <p>
        <span className="spinner" aria-hidden="true" /> It is being carried out now: {counted(running.archived, "event")} archived, {running.purged.toLocaleString("en")} purged
        {running.held > 0 && <>, {running.held.toLocaleString("en")} kept by legal holds</>} so far.
      </p>
    </div>
  );
}

/** The three stages of a record, one after the other. */
function Stages({ retention, plan }: { retention: Retention; plan: RetentionPlan | undefined }) {
  const { hot_days, archive_days, minimum } = retention;
  return (
    <ol className="stages">
      <Stage title="At hand" days={daysText(hot_days)} least={minimum.hot_days} share={plan?.hot} about="Searched at once." />
      <Stage title="Archive" days={archive_days === 0 ? "skipped" : `${daysText(archive_days)} more`} least={minimum.archive_days} share={plan?.archived} about="Searched too, and slower." />
      <Stage title="Purged" days={`after ${daysText(total(retention))}`} share={plan?.purged} about="Texts are gone; times and proofs stay." />
    </ol>
  );
}

function Stage({ title, days, least, share, about }: { title: string; days: string; least?: number; share: RetentionPlan["hot"] | undefined; about: string }) {
  return (
    <li className="stage">
      <h3>{title}</h3>
      <p className="stage-days">{days}</p>
      <p>{share ? <>{counted(share.events, "event")}{share.bytes > 0 && <span className="muted"> · {bytes(share.bytes)}</span>}</> : " "}</p>
      <p className="muted">{about}{least !== undefined && least > 0 && ` The operator’s least: ${daysText(least)}.`}</p>
    </li>
  );
}

function Due({ retention, plan, failed }: { retention: Retention; plan: RetentionPlan | undefined; failed: boolean }) {
  const lines: ReactNode[] = [];
  if (plan) {
    lines.push(<>Counted from when a record was recorded, in whole days of UTC. At hand is what came since {utcDay(Date.parse(plan.archive_before))}; what came before {utcDay(Date.parse(plan.purge_before))} is purged.</>);
    const { to_archive, to_purge } = plan;
    if (to_archive.events + to_purge.events > 0) {
      lines.push(<>Due with the next run, within the hour: {counted(to_archive.events, "event")} into the archive, {to_purge.events.toLocaleString("en")} to be purged, but for what legal holds keep.</>);
    }
  }
  if (failed) lines.push(<>Where the records are could not be read.</>);
  lines.push(
    retention.locked
      ? <><b>Locked.</b> It can be lengthened, and never shortened or unlocked, by nobody.</>
      : <>Not locked: it can be lengthened at once, and shortened with 30 days’ notice.</>,
  );
  return <div className="stages-about">{lines.map((line, index) => <p key={index}>{line}</p>)}</div>;
}
