// A moment in a list: short, with the whole of it and its zone on pointing at it.
import { remembered } from "../app/remembered";
import { full, short, zoneShort, type Zone } from "./zone";

function zone(): Zone {
  return remembered("zone") === "local" ? "local" : "utc";
}

/** The year is said where it is not the one in which the console was opened. */
const OPENED_MILLIS = Date.now();

export function When({ time, none = "–" }: { time: string | null | undefined; none?: string }) {
  if (!time) return <span className="muted">{none}</span>;
  const own = zone();
  const millis = Date.parse(time);
  return (
    <time dateTime={time} title={`${full(time, own)} ${zoneShort(own, millis)}`}>
      {short(millis - (millis % 60_000), own, OPENED_MILLIS)} {zoneShort(own, millis)}
    </time>
  );
}
