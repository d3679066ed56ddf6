// An event as it is shown against the event that is proven, field by field. Pure.
import type { AuditEvent } from "../audit/event";
import type { ProvenEvent } from "./disclosure";

export type Difference = { field: string; shown: string | undefined; proven: string | undefined };

/** What the API shows beside an event and is no part of it, so that no proof speaks of it. */
const BESIDE_PROOF = new Set(["organization", "sender", "held_by"]);

function told(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** The fields that differ, and how many were compared. */
export function compare(shown: AuditEvent, proven: ProvenEvent): { compared: number; differences: Difference[] } {
  const differences: Difference[] = [];
  let compared = 0;
  const walk = (field: string, one: unknown, other: unknown) => {
    if (Array.isArray(one) && Array.isArray(other)) {
      for (let at = 0; at < Math.max(one.length, other.length); at++) walk(`${field}[${at}]`, one[at], other[at]);
    } else if (isObject(one) && isObject(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
        if (field === "" && BESIDE_PROOF.has(key)) continue;
        walk(field ? `${field}.${key}` : key, Object.hasOwn(one, key) ? one[key] : undefined, Object.hasOwn(other, key) ? other[key] : undefined);
      }
    } else {
      compared++;
      if (!Object.is(one, other)) differences.push({ field, shown: told(one), proven: told(other) });
    }
  };
  walk("", shown, proven);
  return { compared, differences };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
