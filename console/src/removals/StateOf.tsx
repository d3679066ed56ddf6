// How far an erasure or a redaction has come.
import { goesOn, type Removal } from "./queries";
import { STATE_WORDS } from "./words";

export function StateOf({ removal }: { removal: Removal }) {
  const { done, total } = removal.progress;
  const word = STATE_WORDS[removal.state];
  if (goesOn(removal)) {
    return (
      <span className="removal-progress">
        <progress max={Math.max(1, total)} value={done} aria-label={word} />
        <span>{word}: {done.toLocaleString("en")} of {total.toLocaleString("en")}</span>
      </span>
    );
  }
  return removal.state === "pending" ? <span className="badge badge-warning">{word}</span> : <span className="badge">{word}</span>;
}
