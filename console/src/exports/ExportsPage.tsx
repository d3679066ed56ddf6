// The exports that the service has made or is making: what is in each, how far it is, until when it is kept.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import { asProblem } from "../api/problem";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { remembered } from "../app/remembered";
import { bytes } from "../retention/words";
import { Text } from "../text/Text";
import { rangeLabel } from "../time/range";
import { When } from "../time/When";
import { zoneShort, type Zone } from "../time/zone";
import { Button, ButtonLink } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { PageHead } from "../ui/PageHead";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import { ExportProgress } from "./ExportProgress";
import { contentOf, deleteExport, exportsQuery, isUnderWay, type KeptExport } from "./queries";
import { FORMATS } from "./words";
import "../styles/pages.css";
import "./exports.css";

const OPENED_MILLIS = Date.now();

export function Component() {
  const organization = useOrganization();
  const org = organization.slug;
  const client = useQueryClient();
  const tell = useTell();
  const exports = useQuery(exportsQuery(org));
  const [deleting, setDeleting] = useState<KeptExport | null>(null);
  const renew = () => void client.invalidateQueries({ queryKey: ["exports", org] });
  const cancel = (one: KeptExport) => {
    deleteExport(org, one.id).then(
      () => tell(`${one.file} is cancelled`),
      (error: unknown) => tell(asProblem(error).detail, true),
    ).finally(renew);
  };
  return (
    <main className="page" id="main">
      <PageHead
        title="Exports"
        about="What was taken out of the audit log here. An export is kept for 7 days; asking for one, downloading and deleting it are recorded."
      />
      {exports.isPending ? (
        <Loading rows={4} />
      ) : !exports.data ? (
        <Failed error={exports.error} retry={() => void exports.refetch()} />
      ) : exports.data.length === 0 ? (
        <Empty
          title="No exports"
          actions={may(organization, "audit_logs_view") && <ButtonLink to={`/orgs/${org}/audit-logs`}>Audit logs</ButtonLink>}
        >
          Find what you need on the page Audit logs, and press Export there.
        </Empty>
      ) : (
        <Table
          label="Exports"
          rows={exports.data}
          keyOf={(one) => one.id}
          columns={[
            { title: "Events", cell: (one) => <What one={one} /> },
            { title: "State", cell: (one) => <State one={one} /> },
            { title: "Size", narrow: true, optional: true, cell: (one) => (one.bytes === null ? <span className="muted">–</span> : bytes(one.bytes)) },
            { title: "Asked for", narrow: true, optional: true, cell: (one) => <AskedFor one={one} /> },
            { title: "Kept until", narrow: true, optional: true, cell: (one) => <When time={one.expires_at} /> },
            {
              title: "", narrow: true,
              cell: (one) => (
                <span className="table-actions">
                  {one.downloadable && <a className="button" href={contentOf(org, one)} download={one.file} aria-label={`Download ${one.file}`}>Download</a>}
                  {isUnderWay(one) ? (
                    <Button onClick={() => cancel(one)} aria-label={`Cancel ${one.file}`}>Cancel</Button>
                  ) : (
                    <Button kind="danger" onClick={() => setDeleting(one)} aria-label={`Delete ${one.file}`}>Delete</Button>
                  )}
                </span>
              ),
            },
          ]}
        />
      )}
      {deleting && (
        <Confirm
          title={`Delete ${deleting.file}?`}
          verb="Delete export"
          run={() => deleteExport(org, deleting.id)}
          onDone={() => {
            renew();
            tell(`${deleting.file} is deleted`);
          }}
          onClose={() => setDeleting(null)}
        >
          <p>Its file is gone for everybody. The events stay in the log.</p>
        </Confirm>
      )}
    </main>
  );
}

/** What was asked for, as a link to the same search. Where no end was asked for, it ends with the log as it stood then. */
function What({ one }: { one: KeptExport }) {
  const { slug } = useOrganization();
  const zone: Zone = remembered("zone") === "local" ? "local" : "utc";
  const range = one.from && { from: one.from, to: one.to ?? one.created_at };
  const search = new URLSearchParams({ ...(one.q ? { q: one.q } : {}), ...(range || { from: "-730d" }), tz: zone });
  return (
    <span className="export-what">
      <Link to={`/orgs/${slug}/audit-logs?${search}`}>{one.q ? <code><Text>{one.q}</Text></code> : "Every event"}</Link>
      <span className="muted">
        {FORMATS[one.format]}{one.complete && ", complete"} · {range ? `${rangeLabel(range, zone, OPENED_MILLIS)} ${zoneShort(zone, OPENED_MILLIS)}` : "all of the log"}
      </span>
    </span>
  );
}

function AskedFor({ one }: { one: KeptExport }) {
  return (
    <span className="two-lines">
      {one.owner ? <Text>{one.owner.name}</Text> : <span className="muted">–</span>}
      <span><When time={one.created_at} /></span>
    </span>
  );
}

function State({ one }: { one: KeptExport }) {
  if (isUnderWay(one)) return <ExportProgress one={one} />;
  if (one.state === "failed") return <span className="export-failed">Failed: <Text>{one.detail ?? "it was not made"}</Text></span>;
  const events = one.events === null ? "Ready" : `Ready, ${one.events.toLocaleString("en")} event${one.events === 1 ? "" : "s"}`;
  return one.downloadable ? <span className="export-ready">{events}</span> : <span className="muted">{events}; you see less of the log now than when it was made</span>;
}
