// What a look at the log has found that would be removed, and what stays in spite of it.
import type { Found } from "./queries";
import { foundLines } from "./words";

export function FoundCounts({ found }: { found: Found }) {
  const lines = foundLines(found);
  if (lines.length === 0) return <p>Nothing in the log would be removed.</p>;
  return (
    <>
      <dl className="found">
        {lines.map((line) => (
          <div key={line.text} className={line.grave ? "found-grave" : undefined}>
            <dt>{line.count.toLocaleString("en")}</dt>
            <dd>{line.text}</dd>
          </div>
        ))}
      </dl>
      {found.more && <p>There is more than can be removed at once: ask again when this is done.</p>}
    </>
  );
}
