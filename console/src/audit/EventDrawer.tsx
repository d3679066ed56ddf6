// One event, whole: what happened in a sentence, who, what, from where, what changed; its proof; what happened
// around it; its JSON.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { Link } from "react-router";

import { holdsQuery, retentionQuery } from "../api/retention";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { ends } from "../retention/rules";
import { LongText, Text } from "../text/Text";
import { full, utcDay, zoneShort, type Zone } from "../time/zone";
import { Button, ButtonLink, IconButton } from "../ui/Button";
import { useCopy } from "../ui/copying";
import { Icon } from "../ui/Icon";
import { Failed, Loading } from "../ui/states";
import { Tabs } from "../ui/Tabs";
import { Around } from "./Around";
import { Changes } from "./Changes";
import type { Tab } from "./criteria";
import { Erased } from "./Erased";
import { actorLabel, actorValue, chain, isErased, OUTCOME_WORDS, targetLabel, type Actor, type AuditEvent } from "./event";
import { ProofSection } from "./ProofSection";
import { eventQuery, useCatalog } from "./queries";
import { LinkedSentence } from "./Sentence";
import { typedTarget } from "./terms";

export type DrawerProps = {
  org: string;
  id: string;
  /** The event, where the list has it. */
  known: AuditEvent | undefined;
  tab: Tab;
  zone: Zone;
  permalink: string;
  onTab: (tab: Tab) => void;
  onClose: () => void;
  onOpen: (id: string) => void;
  onFilter: (field: string, value: string) => void;
  onStep: (by: -1 | 1) => void;
};

export function EventDrawer(props: DrawerProps) {
  const { org, id, known, tab, permalink, onTab, onClose, onStep } = props;
  const { data, error, refetch } = useQuery({ ...eventQuery(org, id), enabled: known === undefined });
  const event = known ?? data;
  const copy = useCopy();
  const organization = useOrganization();
  const mayRedact = may(organization, "records_redact") && organization.scope?.level === "organization";
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    place.current?.scrollTo({ top: 0 });
  }, [id]);
  return (
    <aside ref={place} className="drawer-event" aria-label="Event">
      <div className="drawer-tools">
        <IconButton icon="up" name="Event above (k)" kind="quiet" onClick={() => onStep(-1)} />
        <IconButton icon="down" name="Event below (j)" kind="quiet" onClick={() => onStep(1)} />
        <div className="grow" />
        {mayRedact && <ButtonLink kind="quiet" to={`/orgs/${org}/erasures?redact=${id}`} title="Ask for a secret in it to be removed">Redact…</ButtonLink>}
        <IconButton icon="link" name="Copy link to the event" kind="quiet" onClick={() => copy(permalink, "Link")} />
        <IconButton icon="close" name="Close (Escape)" kind="quiet" onClick={onClose} />
      </div>
      {error && !event && <Failed error={error} retry={() => void refetch()} title={error.message.includes("no such event") ? "There is no such event" : undefined} />}
      {!event && !error && <Loading />}
      {event && (
        <Tabs
          label="Views of the event"
          value={tab}
          onChange={onTab}
          tabs={[
            { value: "event", label: "Event" },
            { value: "around", label: "Around it" },
            { value: "json", label: "JSON" },
          ]}
        >
          {tab === "event" && <Facts {...props} event={event} />}
          {tab === "around" && <Around {...props} event={event} />}
          {tab === "json" && <Json event={event} />}
        </Tabs>
      )}
    </aside>
  );
}

function Facts({ event, zone, onFilter }: DrawerProps & { event: AuditEvent }) {
  const organization = useOrganization();
  const catalog = useCatalog();
  const known = catalog.get(event.action);
  const { context } = event;
  return (
    <div className="event-facts">
      <h2><LinkedSentence pieces={catalog.sentence(event)} onFilter={onFilter} /></h2>
      {event.reason && <p className={`event-reason event-reason-${event.outcome}`}><LongText>{event.reason}</LongText></p>}
      {event.message && <p className="event-message"><LongText>{event.message}</LongText></p>}
      {event.erased && event.erased.length > 0 && (
        <p className="event-erased"><span className="badge">Erased</span> {event.erased.map((part) => ERASED_WORDS[part] ?? part).join("; ")}. The rest of it, and its proof, stay.</p>
      )}
      <dl className="facts">
        <dt>Time</dt>
        <dd>
          {full(event.occurred_at, zone)} {zoneShort(zone, Date.parse(event.occurred_at))}
          {Math.abs(Date.parse(event.recorded_at) - Date.parse(event.occurred_at)) > 60_000 && (
            <div className="muted">recorded {full(event.recorded_at, zone)} {zoneShort(zone, Date.parse(event.recorded_at))}</div>
          )}
        </dd>
        <dt>Outcome</dt>
        <dd><span className={`outcome outcome-${event.outcome}`}>{OUTCOME_WORDS[event.outcome]}</span></dd>
        <dt>Actor</dt>
        <dd>
          {chain(event.actor).map((actor, depth) => (
            <div key={depth}>
              {depth > 0 && <span className="muted">on behalf of </span>}
              <ActorLink actor={actor} onFilter={onFilter} />
              <span className="muted"> · {actor.type.replaceAll("_", " ")}</span>
              {actor.id && actor.id !== actorLabel(actor) && <> · <code><Text>{actor.id}</Text></code></>}
              {actor.email && actor.email !== actorLabel(actor) && <div className="muted"><Text>{actor.email}</Text></div>}
              {actor.groups && actor.groups.length > 0 && <div className="muted">in <Text>{actor.groups.join(", ")}</Text></div>}
            </div>
          ))}
        </dd>
        <dt>Action</dt>
        <dd>
          <FilterLink onClick={() => onFilter("action", event.action)}><code><Text>{event.action}</Text></code></FilterLink>
          {known && <span className="muted"> · {known.title}</span>}
        </dd>
        <dt>{event.targets.length === 1 ? "Target" : "Targets"}</dt>
        <dd>
          {event.targets.map((target, index) => (
            <div key={index}>
              <span className="muted"><Text>{target.type}</Text> </span>
              {target.id ? <TargetLink type={target.type} id={target.id} label={targetLabel(target)} onFilter={onFilter} /> : target.name ? <><Text>{target.name}</Text> <Erased title="Its id was erased" /></> : <Erased />}
              {target.id && target.id !== targetLabel(target) && <> <code className="muted"><Text>{target.id}</Text></code></>}
            </div>
          ))}
        </dd>
        {(context?.ip || context?.user_agent || context?.surface || isErased(event, "personal")) && (
          <>
            <dt>From</dt>
            <dd>
              {isErased(event, "personal") && <Erased title="IP address and browser, if there were any, were erased" />}
              {context?.ip && <FilterLink onClick={() => onFilter("ip", context.ip ?? "")}><code>{context.ip}</code></FilterLink>}
              {context?.surface && <span className="muted">{context.ip || isErased(event, "personal") ? " · " : ""}<Text>{context.surface}</Text></span>}
              {context?.user_agent && <div className="muted"><LongText>{context.user_agent}</LongText></div>}
            </dd>
          </>
        )}
        {context?.http && (
          <>
            <dt>HTTP</dt>
            <dd><code><Text>{[context.http.method, context.http.path, context.http.status].filter((part) => part !== undefined && part !== null).join(" ")}</Text></code></dd>
          </>
        )}
        <Id title="Request" field="request_id" value={context?.request_id} onFilter={onFilter} />
        <Id title="Trace" field="trace_id" value={context?.trace_id} onFilter={onFilter} />
        <Id title="Session" field="session_id" value={event.actor.session_id} onFilter={onFilter} />
        <Id title="External id" field="external_id" value={event.external_id} onFilter={onFilter} />
        <dt>Source</dt>
        <dd><Text>{event.source}</Text></dd>
        {event.sender && (
          <>
            <dt>Sent by</dt>
            <dd><code><Text>{event.sender}</Text></code></dd>
          </>
        )}
        <dt>Position</dt>
        <dd>{event.seq.toLocaleString("en")} · <code>{event.id}</code></dd>
        {may(organization, "retention_view") && <Kept org={organization.slug} recordedAt={event.recorded_at} />}
        {event.held_by && event.held_by.length > 0 && <Held org={organization.slug} ids={event.held_by} />}
      </dl>
      {event.changes && event.changes.length > 0 && (
        <>
          <h3>{event.changes.length === 1 ? "Change" : "Changes"}</h3>
          <Changes changes={event.changes} />
        </>
      )}
      {event.metadata && Object.keys(event.metadata).length > 0 && (
        <>
          <h3>Metadata</h3>
          <dl className="facts facts-metadata">
            {Object.entries(event.metadata).map(([key, value]) => (
              <MetadataRow key={key} name={key} value={String(value)} about={known?.metadata.find((one) => one.key === key)?.description} onFilter={onFilter} />
            ))}
          </dl>
        </>
      )}
      {may(organization, "audit_logs_verify") && <ProofSection key={event.id} org={organization.slug} event={event} />}
    </div>
  );
}

function ActorLink({ actor, onFilter }: { actor: Actor; onFilter: DrawerProps["onFilter"] }) {
  const value = actorValue(actor);
  return value === undefined ? <Erased /> : <FilterLink onClick={() => onFilter("actor", value)}><Text>{actorLabel(actor)}</Text></FilterLink>;
}

function TargetLink({ type, id, label, onFilter }: { type: string; id: string; label: string; onFilter: DrawerProps["onFilter"] }) {
  return <FilterLink onClick={() => onFilter("target", typedTarget(type, id))}><b><Text>{label}</Text></b></FilterLink>;
}

/** Where the record is by the retention, and until when; for who may see the retention. */
function Kept({ org, recordedAt }: { org: string; recordedAt: string }) {
  const { data } = useQuery(retentionQuery(org));
  const [now] = useState(Date.now);
  if (!data) return null;
  const { archive, purge } = ends(Date.parse(recordedAt), data);
  const [inArchive, over] = [utcDay(archive), utcDay(purge)];
  return (
    <>
      <dt>Kept</dt>
      <dd>
        {now >= purge
          ? <><span className="badge">Past its time</span> since {over}: it goes with the next run, or a legal hold keeps it or one of its neighbours.</>
          : now >= archive
            ? <><span className="badge">Archive</span> since {inArchive}, until {over}</>
            : archive === purge ? <>at hand until {over}</> : <>at hand until {inArchive}, then in the archive until {over}</>}
      </dd>
    </>
  );
}

/** Which legal holds keep the event; only who may see them is told. */
function Held({ org, ids }: { org: string; ids: string[] }) {
  const { data } = useQuery(holdsQuery(org));
  return (
    <>
      <dt>Held</dt>
      <dd>
        <span className="badge">Held</span> by {ids.length === 1 ? "a legal hold" : `${ids.length} legal holds`}: neither purged nor erased until {ids.length === 1 ? "it is" : "they are"} released.
        {ids.map((id) => {
          const reason = data?.find((hold) => hold.id === id)?.reason;
          return <div key={id}><Link className="muted" to={`/orgs/${org}/retention`}>{reason ? <>“<Text>{reason}</Text>”</> : id}</Link></div>;
        })}
      </dd>
    </>
  );
}

/** What stood in a part of an event. */
const ERASED_WORDS: Record<string, string> = {
  identity: "ids of actor and targets, request, session and trace",
  personal: "names, e-mail addresses, groups, IP address and browser",
  detail: "reason, message, changes and metadata",
};

function MetadataRow({ name, value, about, onFilter }: { name: string; value: string; about: string | undefined; onFilter: DrawerProps["onFilter"] }) {
  return (
    <>
      <dt title={about}><Text>{name}</Text></dt>
      <dd>{value.length > 200 ? <LongText>{value}</LongText> : <FilterLink onClick={() => onFilter(`metadata.${name}`, value)}><Text>{value}</Text></FilterLink>}</dd>
    </>
  );
}

function Id({ title, field, value, onFilter }: { title: string; field: string; value: string | null | undefined; onFilter: DrawerProps["onFilter"] }) {
  if (!value) return null;
  return (
    <>
      <dt>{title}</dt>
      <dd><FilterLink onClick={() => onFilter(field, value)}><code><Text>{value}</Text></code></FilterLink></dd>
    </>
  );
}

function FilterLink({ children, onClick }: { children: ReactNode; onClick: () => void }) {
  return (
    <button type="button" className="fact-link" title="Show only events with this" onClick={onClick}>
      {children}
    </button>
  );
}

function Json({ event }: { event: AuditEvent }) {
  const copy = useCopy();
  const text = JSON.stringify(event, null, 2);
  return (
    <div className="event-json">
      <div className="event-json-tools">
        <Button onClick={() => copy(text, "JSON")}><Icon name="copy" /> Copy</Button>
      </div>
      <pre tabIndex={0} aria-label="JSON of the event"><LongText>{text}</LongText></pre>
    </div>
  );
}
