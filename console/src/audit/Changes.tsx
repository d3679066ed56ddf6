// What changed: each place with its value before and after.
import { LongText, Text } from "../text/Text";
import type { AuditEvent } from "./event";

type Value = NonNullable<AuditEvent["changes"]>[number]["before"];

function shown(value: Value): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

export function Changes({ changes }: { changes: NonNullable<AuditEvent["changes"]> }) {
  return (
    <div className="diff">
      {changes.map((change, index) => (
        <div key={index} role="group" aria-label={`Change of ${change.path || "the whole"}`}>
          <div className="diff-path"><Text>{change.path || "/"}</Text></div>
          {change.before !== undefined && change.before !== null && (
            <div className="diff-before"><span className="visually-hidden">before: </span><LongText>{shown(change.before)}</LongText></div>
          )}
          {change.after !== undefined && change.after !== null && (
            <div className="diff-after"><span className="visually-hidden">after: </span><LongText>{shown(change.after)}</LongText></div>
          )}
          {(change.before ?? null) === null && (change.after ?? null) === null && <div className="diff-none">changed; the values were not recorded</div>}
        </div>
      ))}
    </div>
  );
}
