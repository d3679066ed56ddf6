// The columns of the list: which there are, in which order, how wide; chosen by the person and remembered.
import { useCallback, useState } from "react";

import { remember, remembered } from "../app/remembered";
import { actorLabel, actorValue, isErased, targetOf, type AuditEvent, type Target } from "./event";
import { typedTarget } from "./terms";

export type ColumnId = "time" | "actor" | "action" | "target" | "project" | "component" | "environment" | "source" | "request" | "outcome" | "ip";

export type Column = {
  id: ColumnId;
  title: string;
  /** Width in pixels; the column without one takes what is left. */
  width?: number;
  /** The field of the phrase that its cells are values of. */
  field?: string;
  /** The value of a cell for a criterion; none for an empty cell. */
  value?: (event: AuditEvent) => string | undefined;
  /** What its value is called where there is room to say it, if not as it is. */
  called?: (event: AuditEvent) => string | undefined;
  /** The text of a cell. */
  text?: (event: AuditEvent) => string | undefined;
  /** Whether what an empty cell would hold was erased. */
  erased?: (event: AuditEvent) => boolean;
};

/** What an event's target is called; nothing of which nothing is left. */
function textOf(target: Target | undefined): string | undefined {
  return target?.name || target?.id || undefined;
}

/** The columns of a type of target. */
function named(type: string): Pick<Column, "field" | "value" | "text" | "erased"> {
  const text = (event: AuditEvent) => textOf(targetOf(event, type));
  return { field: type, value: text, text, erased: (event) => targetOf(event, type) !== undefined };
}

/** The cell of one of an event's targets. */
export function targetColumn(at: number): Column {
  return {
    id: "target", title: "Target", width: 150, field: "target",
    value: (event) => {
      const target = event.targets[at];
      return target?.id ? typedTarget(target.type, target.id) : undefined;
    },
    called: (event) => {
      const target = event.targets[at];
      return target && `${target.type} ${textOf(target) ?? ""}`;
    },
    text: (event) => textOf(event.targets[at]),
    erased: (event) => isErased(event, "identity"),
  };
}

export const COLUMNS: Column[] = [
  { id: "time", title: "Time", width: 118 },
  {
    id: "actor", title: "Actor", width: 158, field: "actor",
    value: (event) => actorValue(event.actor),
    text: (event) => (actorValue(event.actor) === undefined && isErased(event, "identity") ? undefined : actorLabel(event.actor)),
    erased: (event) => isErased(event, "identity"),
  },
  { id: "action", title: "Action", field: "action", value: (event) => event.action },
  targetColumn(0),
  { id: "project", title: "Project", width: 110, ...named("project") },
  { id: "component", title: "Component", width: 130, ...named("component") },
  { id: "environment", title: "Environment", width: 110, ...named("environment") },
  { id: "source", title: "Source", width: 100, field: "source", value: (event) => event.source, text: (event) => event.source },
  {
    id: "request", title: "Request", width: 130, field: "request_id",
    value: (event) => event.context?.request_id ?? undefined,
    text: (event) => event.context?.request_id ?? undefined,
    erased: (event) => isErased(event, "identity"),
  },
  { id: "outcome", title: "Outcome", width: 104, field: "outcome", value: (event) => event.outcome },
  {
    id: "ip", title: "IP address", width: 128, field: "ip",
    value: (event) => event.context?.ip ?? undefined,
    text: (event) => event.context?.ip ?? undefined,
    erased: (event) => isErased(event, "personal"),
  },
];

const DEFAULT: ColumnId[] = ["time", "actor", "action", "target", "project", "outcome", "ip"];
/** Always there: without them a row says nothing. */
export const FIXED: ColumnId[] = ["time", "action"];
/** Pixels that the sentence is to have: below this, columns that are circumstances give way to it. */
const ACTION_WIDTH_WANTED = 370;
/** Below this the last ones do, too. */
const ACTION_WIDTH_MIN = 190;
/** In which order columns give way; the ones that are not named go first, then the target, which most sentences name, too. */
const GIVE_WAY: ColumnId[] = ["target", "project", "ip", "outcome", "actor"];
const LAST: ColumnId[] = ["outcome", "actor"];

export function columnOf(id: ColumnId): Column | undefined {
  return COLUMNS.find((column) => column.id === id);
}

function readChosen(): ColumnId[] {
  const known = (remembered("columns") ?? "").split(",").filter((id): id is ColumnId => COLUMNS.some((column) => column.id === id));
  const chosen = [...new Set(known)];
  return FIXED.every((id) => chosen.includes(id)) ? chosen : DEFAULT;
}

/** The chosen columns, and ways to change them. */
export function useColumns() {
  const [chosen, setChosen] = useState(readChosen);
  const choose = useCallback((columns: ColumnId[]) => {
    setChosen(columns);
    remember("columns", columns.join(",") === DEFAULT.join(",") ? null : columns.join(","));
  }, []);
  const toggle = useCallback(
    (id: ColumnId, shown: boolean) => {
      if (!shown) choose(chosen.filter((one) => one !== id));
      else {
        // Where it stands among all columns, after the last chosen one that stands before it.
        const all = COLUMNS.map((column) => column.id);
        const before = chosen.filter((one) => all.indexOf(one) < all.indexOf(id)).at(-1);
        choose(chosen.toSpliced(before ? chosen.indexOf(before) + 1 : 0, 0, id));
      }
    },
    [chosen, choose],
  );
  const move = useCallback(
    (id: ColumnId, by: -1 | 1) => {
      const at = chosen.indexOf(id);
      const to = at + by;
      if (at < 0 || to < 0 || to >= chosen.length) return;
      const without = chosen.toSpliced(at, 1);
      choose(without.toSpliced(to, 0, id));
    },
    [chosen, choose],
  );
  return { chosen, toggle, move, reset: useCallback(() => choose(DEFAULT), [choose]) };
}

/** Those of the chosen columns that fit beside a sentence: others give way before words are cut. */
export function fitting(chosen: ColumnId[], width: number): Column[] {
  let columns = chosen.map(columnOf).filter((column) => column !== undefined);
  const order = [...columns.map((column) => column.id).filter((id) => !FIXED.includes(id) && !GIVE_WAY.includes(id)).reverse(), ...GIVE_WAY];
  for (const id of order) {
    const taken = columns.reduce((sum, column) => sum + (column.width ?? 0), 0);
    if (width - taken >= (LAST.includes(id) ? ACTION_WIDTH_MIN : ACTION_WIDTH_WANTED)) break;
    columns = columns.filter((column) => column.id !== id);
  }
  return columns;
}

/** Below this width of the list, columns that can be narrower are. */
const TIGHT_WIDTH = 760;
const TIGHT: Partial<Record<ColumnId, number>> = { actor: 128, outcome: 80 };
/** What an outcome with a mark beside it takes. */
const MARKED_OUTCOME_WIDTH = 122;

/** The tracks of the grid that a row is. */
export function tracks(columns: Column[], width: number, marked: boolean): string {
  const own = (column: Column) => (marked && column.id === "outcome" ? MARKED_OUTCOME_WIDTH : width < TIGHT_WIDTH ? TIGHT[column.id] : undefined) ?? column.width;
  return columns.map((column) => (column.width ? `${own(column) ?? column.width}px` : "minmax(0, 1fr)")).join(" ");
}
