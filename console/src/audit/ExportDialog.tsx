// Taking out exactly what the filter finds: counted first, then as a file that the browser writes while it comes.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { Failed } from "../ui/states";
import { bounds, interval, rangeLabel, rfc3339, type Range } from "../time/range";
import type { Zone } from "../time/zone";
import type { Query } from "./criteria";
import { histogramQuery } from "./queries";
import { counted } from "./words";

type Format = "csv" | "ndjson";

const FORMATS: { value: Format; title: string; about: string }[] = [
  { value: "csv", title: "CSV", about: "For spreadsheets. Cells that one would run as a formula begin with an apostrophe." },
  { value: "ndjson", title: "NDJSON", about: "Every event whole, one JSON object per line." },
];

export function ExportDialog({ org, query, range, zone, now, onClose }: { org: string; query: Query; range: Range; zone: Zone; now: number; onClose: () => void }) {
  const [format, setFormat] = useState<Format>("csv");
  // From one fixed moment to another, so that the file holds what was counted.
  const [span] = useState(() => bounds(range, Date.now()));
  const fixed: Query = { ...query, from: rfc3339(span.from), to: rfc3339(span.to) };
  const { data, error, refetch } = useQuery(histogramQuery(org, fixed, interval(range, now).text, 0));
  const count = data?.buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  const search = new URLSearchParams({ format, from: fixed.from, to: fixed.to ?? "", ...(fixed.q ? { q: fixed.q } : {}) });
  const name = `${org}-audit-log-${rfc3339(span.from).slice(0, 10)}-to-${rfc3339(span.to).slice(0, 10)}.${format}`;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Export events"
      description={<>{rangeLabel(range, zone, now)}{fixed.q && <>, <code>{fixed.q}</code></>}. Oldest first. The export is itself recorded.</>}
    >
      {error ? (
        <Failed error={error} retry={() => void refetch()} />
      ) : (
        <>
          <p className="export-count" role="status">{count === undefined ? "Counting…" : counted(count, "event")}</p>
          <fieldset className="export-formats">
            <legend className="visually-hidden">Format</legend>
            {FORMATS.map((one) => (
              <label key={one.value} className="export-format">
                <input type="radio" name="format" value={one.value} checked={format === one.value} onChange={() => setFormat(one.value)} />
                <span>
                  <b>{one.title}</b>
                  <span className="muted"> {one.about}</span>
                </span>
              </label>
            ))}
          </fieldset>
        </>
      )}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        {count ? (
          <a className="button button-primary" href={`/v1/orgs/${org}/export?${search}`} download={name} onClick={() => setTimeout(onClose, 0)}>
            Export {counted(count, "event")}
          </a>
        ) : (
          <Button kind="primary" disabled>{count === 0 ? "Nothing to export" : "Export"}</Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
