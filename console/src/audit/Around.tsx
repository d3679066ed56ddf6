// What happened around an event: in the same request, by the same actor within five minutes, to the same target.
import { useQuery } from "@tanstack/react-query";

import { api, body } from "../api/client";
import { rfc3339 } from "../time/range";
import { clock, dayKey, full, shortDay, type Zone } from "../time/zone";
import { Failed, Loading } from "../ui/states";
import { OutcomeWord } from "./EventList";
import type { AuditEvent } from "./event";
import { useCatalog } from "./queries";
import { RowSentence } from "./Sentence";
import { print, typedTarget } from "./terms";
import { Text } from "../text/Text";

const AROUND_MILLIS = 5 * 60_000;
/** As far back as the log is looked at for the same request or target. */
const FAR_MILLIS = 30 * 86_400_000;
const SHOWN_MAX = 12;

type Props = { org: string; event: AuditEvent; zone: Zone; onOpen: (id: string) => void };

export function Around({ org, event, zone, onOpen }: Props) {
  const at = Date.parse(event.occurred_at);
  const request = event.context?.request_id;
  const target = event.targets[0];
  const phrase = (field: string, value: string) => print({ field, values: [value], negated: false });
  return (
    <div className="around">
      {request && (
        <Section title="The same request" {...{ org, event, zone, onOpen }} q={phrase("request_id", request)} from={at - FAR_MILLIS} to={at + FAR_MILLIS} />
      )}
      {event.actor.id && <Section title="The same actor, five minutes before and after" {...{ org, event, zone, onOpen }} q={phrase("actor", event.actor.id)} from={at - AROUND_MILLIS} to={at + AROUND_MILLIS} />}
      {target?.id && (
        <Section title={`The same ${target.type}, within 30 days`} {...{ org, event, zone, onOpen }} q={phrase("target", typedTarget(target.type, target.id))} from={at - FAR_MILLIS} to={at + FAR_MILLIS} />
      )}
    </div>
  );
}

function Section({ title, org, event, zone, onOpen, q, from, to }: Props & { title: string; q: string; from: number; to: number }) {
  const catalog = useCatalog();
  const query = { from: rfc3339(from), to: rfc3339(to), q, limit: SHOWN_MAX + 1 };
  const { data, error, refetch } = useQuery({
    queryKey: ["around", org, query],
    queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/events", { params: { path: { org }, query }, signal })),
    staleTime: 60_000,
  });
  const others = data?.events.filter((one) => one.id !== event.id).slice(0, SHOWN_MAX);
  return (
    <section>
      <h3><Text>{title}</Text></h3>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={2} />}
      {others?.length === 0 && <p className="muted">Nothing else.</p>}
      {others && others.length > 0 && (
        <ul>
          {others.map((one) => (
            <li key={one.id}>
              <button type="button" className="around-row" onClick={() => onOpen(one.id)} title={full(one.occurred_at, zone)}>
                <time dateTime={one.occurred_at}>
                  {dayKey(one.occurred_at, zone) === dayKey(event.occurred_at, zone) ? clock(one.occurred_at, zone).slice(0, 8) : shortDay(one.occurred_at, zone)}
                </time>
                <span className="around-sentence"><RowSentence pieces={catalog.row(one)} /></span>
                {one.outcome !== "success" && <OutcomeWord event={one} />}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
