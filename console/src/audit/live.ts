// The live tail: events as they are recorded, from the place where the page's first answer ended, so that none is missed
// and none comes twice. It stops when nobody looks.
import { useEffect, useRef, useState } from "react";

import type { AuditEvent } from "./event";

/** Events that are held while nobody looks at them; of more, the newest. */
const HELD_MAX = 2_000;
/** Arrivals within this time are shown together. */
const GATHERED_MILLIS = 120;

export type LiveState = "off" | "connecting" | "live" | "broken";

/** Follows the log while `following`; gives what has arrived, newest first. */
export function useLive(org: string, q: string | undefined, after: number | undefined, following: boolean): { arrived: AuditEvent[]; state: LiveState; dropped: number } {
  const key = `${org}\n${q ?? ""}\n${after ?? ""}`;
  const [held, setHeld] = useState<{ key: string; arrived: AuditEvent[]; dropped: number }>({ key, arrived: [], dropped: 0 });
  const [state, setState] = useState<LiveState>("off");
  const last = useRef({ key, seq: after ?? -1 });
  useEffect(() => {
    if (last.current.key !== key) last.current = { key, seq: after ?? -1 };
    if (!following || after === undefined) return undefined;
    const query = new URLSearchParams({ after: String(last.current.seq) });
    if (q) query.set("q", q);
    const source = new EventSource(`/v1/orgs/${encodeURIComponent(org)}/events/tail?${query}`);
    let gathered: AuditEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      const fresh = gathered.reverse();
      gathered = [];
      setHeld((before) => {
        const known = before.key === key ? before : { arrived: [], dropped: 0 };
        const all = [...fresh, ...known.arrived];
        return { key, arrived: all.slice(0, HELD_MAX), dropped: known.dropped + Math.max(0, all.length - HELD_MAX) };
      });
    };
    source.addEventListener("open", () => setState("live"));
    source.addEventListener("error", () => setState(source.readyState === EventSource.CLOSED ? "broken" : "connecting"));
    source.addEventListener("event", (message: MessageEvent<string>) => {
      const event = JSON.parse(message.data) as AuditEvent;
      last.current.seq = event.seq;
      gathered.push(event);
      timer ??= setTimeout(show, GATHERED_MILLIS);
    });
    return () => {
      source.close();
      if (timer) {
        clearTimeout(timer);
        show();
      }
      setState("off");
    };
  }, [key, org, q, after, following]);
  return held.key === key ? { ...held, state: following && state === "off" ? "connecting" : state } : { arrived: [], dropped: 0, state };
}
