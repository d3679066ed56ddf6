// How many events there are over time, by outcome. Drag over it to zoom; with the keyboard: arrows choose a bar, with Shift
// several, Enter zooms. What failed and what was denied is told by colour, the rest is grey.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";

import type { Schemas } from "../api/client";
import { bounds, interval, rfc3339, type Range } from "../time/range";
import { dayKey, short, tick, type Zone } from "../time/zone";
import type { Query } from "./criteria";
import { histogramQuery } from "./queries";
import { counted } from "./words";

const HEIGHT = 56;
const TICKS = 5;
/** Pixels of a bar that has something, so that one event among a million is seen. */
const BAR_HEIGHT_MIN = 2;

type Bucket = Schemas["Histogram"]["buckets"][number];

function heights(bucket: Bucket, most: number): { plain: number; denied: number; failed: number } {
  if (bucket.total === 0) return { plain: 0, denied: 0, failed: 0 };
  const failed = bucket.counts.failure ?? 0;
  const denied = bucket.counts.denied ?? 0;
  const whole = Math.max(BAR_HEIGHT_MIN, (bucket.total / most) * HEIGHT);
  // Seen, but never more than a quarter of a low bar: an ordinary day must not look like nothing but failures.
  const least = Math.min(BAR_HEIGHT_MIN, whole / 4);
  const part = (count: number) => (count === 0 ? 0 : Math.max(least, (count / bucket.total) * whole));
  const plain = bucket.total - failed - denied;
  return { failed: part(failed), denied: part(denied), plain: plain === 0 ? 0 : Math.max(0, whole - part(failed) - part(denied)) };
}

function toldOf(bucket: Bucket): string {
  const parts = [counted(bucket.total, "event")];
  if (bucket.counts.failure) parts.push(`${bucket.counts.failure.toLocaleString("en")} failed`);
  if (bucket.counts.denied) parts.push(`${bucket.counts.denied.toLocaleString("en")} denied`);
  return parts.join(", ");
}

export function Histogram({ org, query, range, zone, asked, now, found, nothing, onZoom }: {
  org: string;
  query: Query;
  range: Range;
  zone: Zone;
  asked: number;
  now: number;
  /** Whether the search has been answered: its counts are part of it, and are asked for behind it. */
  found: boolean;
  /** Whether nothing was found: the counts would show the record of the search alone. */
  nothing: boolean;
  onZoom: (range: Range) => void;
}) {
  const step = interval(range, now);
  const { data, error } = useQuery({ ...histogramQuery(org, query, step.text, asked), enabled: found, placeholderData: (before) => before });
  const span = bounds(range, now);
  const buckets = nothing ? (data?.buckets ?? []).map(({ start }): Bucket => ({ start, total: 0, counts: {} })) : (data?.buckets ?? []);
  const most = Math.max(1, ...buckets.map((bucket) => bucket.total));
  const area = useRef<HTMLDivElement>(null);
  // The chosen bars, by index: from where the choice began to where it is.
  const [choice, setChoice] = useState<{ from: number; to: number } | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const dragging = useRef(false);

  const indexAt = (event: PointerEvent): number => {
    const box = area.current?.getBoundingClientRect();
    if (!box || buckets.length === 0) return 0;
    return Math.min(buckets.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * buckets.length)));
  };
  const zoom = (one: { from: number; to: number }) => {
    const first = buckets[Math.min(one.from, one.to)];
    const last = buckets[Math.max(one.from, one.to)];
    if (!first || !last) return;
    const from = Math.max(Date.parse(first.start), span.from);
    const to = Date.parse(last.start) + step.millis;
    onZoom({ from: rfc3339(from), to: to >= now ? undefined : rfc3339(to) });
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    dragging.current = true;
    area.current?.setPointerCapture(event.pointerId);
    const at = indexAt(event);
    setChoice({ from: at, to: at });
  };
  const onPointerMove = (event: PointerEvent) => {
    const at = indexAt(event);
    setHovered(at);
    if (dragging.current) setChoice((before) => before && { ...before, to: at });
  };
  const onPointerUp = () => {
    if (!dragging.current) return;
    dragging.current = false;
    // A press without a drag chooses one bar, and zooms to it when it has something.
    if (choice && (choice.from !== choice.to || (buckets[choice.from]?.total ?? 0) > 0)) zoom(choice);
    setChoice(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const last = buckets.length - 1;
      const before = choice ?? { from: step > 0 ? -1 : last + 1, to: step > 0 ? -1 : last + 1 };
      const to = Math.min(Math.max(before.to + step, 0), last);
      setChoice(event.shiftKey && choice ? { ...before, to } : { from: to, to });
    } else if (event.key === "Enter" && choice) {
      event.preventDefault();
      zoom(choice);
      setChoice(null);
    } else if (event.key === "Escape" && choice) {
      event.stopPropagation();
      setChoice(null);
    }
  };

  const ticks = useMemo(() => {
    const moments = Array.from({ length: TICKS }, (_, index) => span.from + ((span.to - span.from) * index) / (TICKS - 1));
    const day = (millis: number) => dayKey(rfc3339(millis), zone);
    return moments.map((at, index) => {
      const before = moments[index - 1];
      return tick(at, zone, span.to - span.from, before === undefined || day(before) !== day(at));
    });
  }, [span.from, span.to, zone]);

  const told = choice ? Math.min(choice.from, choice.to) : hovered;
  const toldTo = choice ? Math.max(choice.from, choice.to) : hovered;
  const shown = told === null || toldTo === null ? null : buckets.slice(told, toldTo + 1);
  const summed = shown?.reduce<Bucket>((sum, bucket) => ({
    start: sum.start,
    total: sum.total + bucket.total,
    counts: { failure: (sum.counts.failure ?? 0) + (bucket.counts.failure ?? 0), denied: (sum.counts.denied ?? 0) + (bucket.counts.denied ?? 0) },
  }), { start: shown[0]?.start ?? "", total: 0, counts: {} });
  const label = shown?.[0] && summed
    ? `${short(Date.parse(shown[0].start), zone, now)} – ${short(Date.parse(shown[shown.length - 1]?.start ?? "") + step.millis, zone, now)}: ${toldOf(summed)}`
    : null;

  return (
    <div className="histogram">
      <div
        ref={area}
        className="histogram-bars"
        role="slider"
        tabIndex={0}
        aria-label="Events over time; arrows choose, Enter zooms"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, buckets.length - 1)}
        aria-valuenow={choice?.to ?? 0}
        aria-valuetext={label ?? (error ? "The counts could not be loaded" : toldOf(total(buckets)))}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={() => {
          dragging.current = false;
          setChoice(null);
        }}
        onPointerLeave={() => setHovered(null)}
        onKeyDown={onKeyDown}
        onBlur={() => setChoice(null)}
      >
        {buckets.map((bucket, index) => {
          const height = heights(bucket, most);
          const inside = choice && index >= Math.min(choice.from, choice.to) && index <= Math.max(choice.from, choice.to);
          return (
            <div key={bucket.start} className={inside ? "bar bar-chosen" : index === hovered ? "bar bar-hovered" : "bar"}>
              {height.failed > 0 && <i className="bar-failed" style={{ height: height.failed }} />}
              {height.denied > 0 && <i className="bar-denied" style={{ height: height.denied }} />}
              {height.plain > 0 && <i style={{ height: height.plain }} />}
            </div>
          );
        })}
      </div>
      {label && (
        <div className="histogram-told" aria-hidden="true" style={{ left: `${(((told ?? 0) + (toldTo ?? 0) + 1) / 2 / Math.max(1, buckets.length)) * 100}%` }}>
          <span>{label}</span>
        </div>
      )}
      <div className="histogram-axis" aria-hidden="true">
        {ticks.map((text, index) => (
          <span key={index}>{text}</span>
        ))}
      </div>
    </div>
  );
}

function total(buckets: Bucket[]): Bucket {
  const sum = (pick: (bucket: Bucket) => number) => buckets.reduce((all, bucket) => all + pick(bucket), 0);
  return { start: "", total: sum((one) => one.total), counts: { failure: sum((one) => one.counts.failure ?? 0), denied: sum((one) => one.counts.denied ?? 0) } };
}
