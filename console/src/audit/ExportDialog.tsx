// Taking out exactly what the filter finds: counted first, then made by the service, which goes on when the page is left.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { asProblem } from "../api/problem";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { ExportProgress } from "../exports/ExportProgress";
import { contentOf, exportsQuery, isUnderWay, type KeptExport } from "../exports/queries";
import { bounds, interval, rangeLabel, rfc3339, type Range } from "../time/range";
import type { Zone } from "../time/zone";
import { Button, ButtonLink } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { Checkbox } from "../ui/Field";
import { Failed } from "../ui/states";
import type { Query } from "./criteria";
import { histogramQuery } from "./queries";
import { counted } from "./words";

type Format = KeptExport["format"];

const FORMATS: { value: Format; title: string; about: string }[] = [
  { value: "csv", title: "CSV", about: "For spreadsheets. Cells that one would run as a formula begin with an apostrophe." },
  { value: "ndjson", title: "NDJSON", about: "Every event whole, one JSON object per line." },
  { value: "proof", title: "With proof", about: "An archive that somebody else verifies without this service: each event, and that the log has it unchanged." },
];

export function ExportDialog({ org, query, range, zone, now, onClose }: { org: string; query: Query; range: Range; zone: Zone; now: number; onClose: () => void }) {
  const client = useQueryClient();
  const [id, setId] = useState<string | null>(null);
  // From one fixed moment to another, so that the file holds what was counted.
  const [span] = useState(() => bounds(range, Date.now()));
  const fixed: Query = { ...query, from: rfc3339(span.from), to: rfc3339(span.to) };
  const make = useMutation({
    mutationFn: (chosen: { format: Format; complete?: boolean }) =>
      body(api.POST("/v1/orgs/{org}/exports", { params: { path: { org } }, body: { ...fixed, ...chosen } })),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ["exports", org] });
      setId(made.id);
    },
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Export events"
      description={<>{rangeLabel(range, zone, now)}{fixed.q && <>, <code>{fixed.q}</code></>}. Oldest first. The export is itself recorded.</>}
    >
      {id === null ? (
        <Choice
          org={org}
          fixed={fixed}
          range={range}
          now={now}
          error={make.error ? asProblem(make.error).detail : null}
          making={make.isPending}
          onMake={(format, complete) => make.mutate({ format, ...(complete ? { complete } : {}) })}
          onClose={onClose}
        />
      ) : (
        <Made org={org} id={id} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Choice({ org, fixed, range, now, error, making, onMake, onClose }: {
  org: string;
  fixed: Query;
  range: Range;
  now: number;
  error: string | null;
  making: boolean;
  onMake: (format: Format, complete: boolean) => void;
  onClose: () => void;
}) {
  const organization = useOrganization();
  const [format, setFormat] = useState<Format>("csv");
  const [complete, setComplete] = useState(false);
  const counts = useQuery(histogramQuery(org, fixed, interval(range, now).text, 0));
  const count = counts.data?.buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  const proves = may(organization, "audit_logs_verify") && organization.scope?.level === "organization";
  return (
    <>
      {counts.error ? (
        <Failed error={counts.error} retry={() => void counts.refetch()} />
      ) : (
        <>
          <p className="export-count" role="status">{count === undefined ? "Counting…" : counted(count, "event")}</p>
          <fieldset className="export-formats">
            <legend className="visually-hidden">Format</legend>
            {FORMATS.filter((one) => one.value !== "proof" || proves).map((one) => (
              <label key={one.value} className="export-format">
                <input type="radio" name="format" value={one.value} checked={format === one.value} onChange={() => setFormat(one.value)} />
                <span>
                  <b>{one.title}</b>
                  <span className="muted"> {one.about}</span>
                </span>
              </label>
            ))}
          </fieldset>
          {format === "proof" && (
            <div className="export-complete">
              <Checkbox checked={complete} onChange={(event) => setComplete(event.target.checked)}>
                Prove that nothing is left out, too. Of every other event it then tells what the filter reads.
              </Checkbox>
            </div>
          )}
        </>
      )}
      {error && <p className="field-error" role="alert">{error}</p>}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" disabled={!count || making} onClick={() => onMake(format, format === "proof" && complete)}>
          {count === 0 ? "Nothing to export" : count === undefined ? "Export" : `Export ${counted(count, "event")}`}
        </Button>
      </DialogActions>
    </>
  );
}

/** The export that was asked for: how far it is, then its file. */
function Made({ org, id, onClose }: { org: string; id: string; onClose: () => void }) {
  const { data } = useQuery(exportsQuery(org));
  const one = data?.find((each) => each.id === id);
  return (
    <>
      <div className="export-made" role="status">
        {!one ? (
          <p>The export is not there any more.</p>
        ) : isUnderWay(one) ? (
          <>
            <ExportProgress one={one} />
            <p className="muted">It goes on when you close this or leave the page, and is listed under Exports.</p>
          </>
        ) : one.state === "failed" ? (
          <p className="export-failed">It was not made: {one.detail}</p>
        ) : (
          <p><b>{one.file}</b> is ready: {counted(one.events ?? 0, "event")}. It is kept for 7 days under Exports.</p>
        )}
      </div>
      <DialogActions>
        <ButtonLink to={`/orgs/${org}/exports`}>Exports</ButtonLink>
        <Button onClick={onClose} autoFocus>Close</Button>
        {one?.downloadable && <a className="button button-primary" href={contentOf(org, one)} download={one.file}>Download</a>}
      </DialogActions>
    </>
  );
}
