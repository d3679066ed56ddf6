// How far an export has come that is being made: a bar, and what it means.
import type { KeptExport } from "./queries";
import { share, told } from "./words";
import "./exports.css";

export function ExportProgress({ one }: { one: KeptExport }) {
  // Nothing is done while it waits; while it is made without it being known how much there is, the bar says just that.
  const done = one.state === "waiting" ? 0 : share(one);
  return (
    <span className="export-progress">
      <progress aria-label={`Export ${one.file}`} max={1} {...(done === null ? {} : { value: done })} />
      <span className="muted">{told(one)}</span>
    </span>
  );
}
