// The criteria as chips, and a menu for each field with what there is to choose, counted.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";

import { Text } from "../text/Text";
import { plain } from "../text/unseen";
import { Chip } from "../ui/Chip";
import { ContextItem, ContextMenu } from "../ui/Menu";
import { isNowhere } from "../ui/focus";
import { Popover } from "../ui/Popover";
import { Failed, Loading } from "../ui/states";
import { useCopy } from "../ui/copying";
import type { Query } from "./criteria";
import { OUTCOME_WORDS, OUTCOMES } from "./event";
import { facetsQuery, useCatalog } from "./queries";
import type { Catalog } from "./sentence";
import { chosen, FIELD_TITLES, print, shownValue, type FacetField, type Term } from "./terms";

/** Fields with a menu of their own, in this order. */
const OFFERED: FacetField[] = ["outcome", "actor", "action", "project", "component", "environment", "resource", "source", "ip"];
/** Those that are offered before somebody asks for more. */
const OFFERED_FIRST = 6;
const VALUES_MAX = 200;
/** How long a change of the criteria may take until it is drawn, and still move the focus. */
const WANTED_MILLIS = 1_000;

type Props = {
  org: string;
  terms: Term[];
  /** The criteria of a field's menu: all but those that it changes, so that there is something to add. */
  queryWithout: (field: string, negated: boolean) => Query;
  asked: number;
  onTerms: (terms: Term[]) => void;
  onToggle: (field: string, value: string, negated: boolean) => void;
  /** Takes the focus when there is no chip left to have it. */
  onEmptied: () => void;
};

/** The chip that is to have the focus; `undefined` where there is none left, `null` where the focus is given back anyway. */
type Pick = (chips: HTMLElement[]) => HTMLElement | null | undefined;

/**
 * Gives the focus to a chip when what had it is gone with a change of the criteria: which one, is said before the change. Who has
 * gone elsewhere meanwhile stays there.
 */
function useChipFocus(changes: unknown[], onEmptied: () => void) {
  const bar = useRef<HTMLDivElement>(null);
  const wanted = useRef<{ pick: Pick; until: number } | null>(null);
  useEffect(() => {
    if (!wanted.current || performance.now() > wanted.current.until) return;
    // A menu that closes has the focus for a moment still, and what was chosen in it may be drawn after that.
    const chip = isNowhere() ? wanted.current.pick([...(bar.current?.querySelectorAll<HTMLElement>(".chip-place") ?? [])]) : null;
    if (chip === null) return;
    wanted.current = null;
    if (chip) chip.querySelector("button")?.focus();
    else onEmptied();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only a change of the chips moves the focus
  }, changes);
  return { bar, next: (pick: Pick) => (wanted.current = { pick, until: performance.now() + WANTED_MILLIS }) };
}

export function FilterBar(props: Props) {
  const { terms, onTerms, onEmptied } = props;
  const copy = useCopy();
  const catalog = useCatalog();
  const [more, setMore] = useState(false);
  // An open menu stays while values are chosen in it, though its field is a chip by then.
  const [open, setOpen] = useState<FacetField | null>(null);
  const rest = OFFERED.filter((field) => field === open || !terms.some((term) => term.field === field));
  const offered = more ? rest : rest.filter((field) => OFFERED.indexOf(field) < OFFERED_FIRST);
  const { bar, next } = useChipFocus([terms, open], onEmptied);
  const remove = (at: number) => {
    next((chips) => chips[Math.min(at, chips.length - 1)]);
    onTerms(terms.toSpliced(at, 1));
  };
  const opens = (field: FacetField, opened: boolean) => {
    // Its button has become a chip by the time that it is closed, if something was chosen.
    next((chips) => chips.find((chip) => chip.dataset.field === field) ?? null);
    setOpen(opened ? field : null);
  };
  const choicesOf = (term: Term) => {
    const field = OFFERED.find((one) => one === term.field);
    if (!field) return undefined;
    const { negated } = term;
    const title = FIELD_TITLES[field] ?? field;
    // With its last value the chip goes, and its menu with it.
    const toggle: Props["onToggle"] = (...value) => {
      next((chips) => chips[Math.min(terms.indexOf(term), chips.length - 1)]);
      props.onToggle(...value);
    };
    return (button: ReactNode) => (
      <Popover trigger={button} label={negated ? `${title}: keep out` : `${title}: choose`} plain>
        <Choices field={field} negated={negated} org={props.org} query={props.queryWithout(field, negated)} asked={props.asked} terms={terms} onToggle={toggle} title={title} />
      </Popover>
    );
  };
  return (
    <div ref={bar} className="chips" role="group" aria-label="Criteria">
      {terms.map((term, at) => {
        const title = FIELD_TITLES[term.field] ?? term.field;
        const values = term.values.map((value) => valueLabel(term.field, value, catalog.title(value)));
        const toggled = terms.with(at, { ...term, negated: !term.negated });
        const chip = (
          <span className="chip-place" data-field={term.negated ? `-${term.field}` : term.field}>
            <Chip
              field={term.negated ? `${title} not` : title}
              value={<Text>{values.join(", ")}</Text>}
              negated={term.negated}
              onRemove={() => remove(at)}
              opening={choicesOf(term)}
              removeName={`Remove ${title} ${plain(values.join(", ").slice(0, 80))}`}
              buttonProps={{
                title: "Right click: keep out, copy. Keys: n keeps out, c copies, Delete removes",
                onKeyDown: (event) => {
                  if (event.key === "Delete" || event.key === "Backspace") remove(at);
                  else if (event.key === "n") onTerms(toggled);
                  else if (event.key === "c" && !event.ctrlKey && !event.metaKey) copy(print(term), "Phrase");
                  else return;
                  event.preventDefault();
                  event.stopPropagation();
                },
              }}
            />
          </span>
        );
        return (
          <ContextMenu
            key={`${at} ${term.field}`}
            items={
              <>
                <ContextItem onSelect={() => onTerms(toggled)} hint="n">{term.negated ? "Only these" : "Without these"}</ContextItem>
                <ContextItem onSelect={() => copy(print(term), "Phrase")} hint="c">Copy as phrase</ContextItem>
                <ContextItem onSelect={() => remove(at)} hint="Delete">Remove</ContextItem>
              </>
            }
          >
            {chip}
          </ContextMenu>
        );
      })}
      {offered.map((field) => (
        <FieldMenu key={field} field={field} open={field === open} onOpenChange={(opened) => opens(field, opened)} {...props} />
      ))}
      {!more && rest.some((field) => OFFERED.indexOf(field) >= OFFERED_FIRST) && (
        <span className="chip chip-add">
          <button type="button" onClick={() => setMore(true)}>More</button>
        </span>
      )}
      {terms.length > 1 && (
        <button type="button" className="link-button chips-clear" onClick={() => {
          next(() => undefined);
          onTerms([]);
        }}>
          Clear all
        </button>
      )}
    </div>
  );
}

export function valueLabel(field: string, value: string, actionTitle: string): string {
  if (field === "outcome") return (OUTCOME_WORDS as Record<string, string>)[value] ?? value;
  if (field === "action") return actionTitle;
  return shownValue(value);
}

type FieldMenuProps = Props & { field: FacetField; open: boolean; onOpenChange: (open: boolean) => void };

function FieldMenu({ field, open, onOpenChange, org, terms, queryWithout, asked, onToggle }: FieldMenuProps) {
  const title = FIELD_TITLES[field] ?? field;
  const trigger = (
    <button type="button">
      <span aria-hidden="true">+</span> {title}
    </button>
  );
  return (
    <span className="chip chip-add">
      <Popover trigger={trigger} open={open} onOpenChange={onOpenChange} label={`${title}: choose`} plain>
        <Choices field={field} negated={false} org={org} query={queryWithout(field, false)} asked={asked} terms={terms} onToggle={onToggle} title={title} />
      </Popover>
    </span>
  );
}

type ChoicesProps = Omit<Props, "queryWithout" | "onTerms" | "onEmptied"> & { field: FacetField; negated: boolean; query: Query; title: string };

function Choices({ field, negated, org, query, asked, terms, onToggle, title }: ChoicesProps) {
  const [search, setSearch] = useState("");
  const catalog = useCatalog();
  const { data, error, isPending, refetch } = useQuery(facetsQuery(org, query, [field], VALUES_MAX, asked));
  // A menu that was opened before its values were there had nothing to give the focus to.
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (document.activeElement?.contains(menu.current) && !isNowhere()) menu.current?.querySelector("input")?.focus();
  }, [isPending]);
  if (isPending) return <div className="choices"><Loading rows={4} /></div>;
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  const counted = data.facets[field] ?? [];
  const all = field === "outcome" ? OUTCOMES.map((value) => ({ value, name: undefined, count: counted.find((one) => one.value === value)?.count ?? 0 })) : counted;
  const names = uniqueNames(all);
  const wanted = search.trim().toLowerCase();
  const found = all.filter((one) => `${one.value}\n${one.name ?? ""}\n${field === "action" ? catalog.title(one.value) : ""}`.toLowerCase().includes(wanted));
  const groups = field === "action" ? byFamily(found, catalog) : [{ title: "", values: found }];
  return (
    <div ref={menu} className="choices">
      {all.length > 8 && (
        <input className="input" aria-label={`Search ${title.toLowerCase()}`} placeholder="Search" value={search} onChange={(event) => setSearch(event.target.value)} />
      )}
      <div className="choices-list">
        {groups.map((group) => (
          <div key={group.title} role="group" aria-label={group.title || title}>
            {group.title && <div className="menu-label">{group.title}</div>}
            {group.values.map((one) => {
              const value = field === "actor" || field === "project" || field === "component" || field === "environment" ? (names.get(one.value) ?? one.value) : one.value;
              const label = field === "action" ? catalog.title(one.value) : field === "outcome" ? valueLabel(field, one.value, "") : (one.name ?? one.value);
              return (
                <label key={one.value} className="menu-item choice">
                  <input type="checkbox" checked={chosen(terms, field, negated).includes(value)} onChange={() => onToggle(field, value, negated)} />
                  <span className="choice-label"><Text>{label}</Text></span>
                  <span className="menu-hint">{one.count.toLocaleString("en")}</span>
                </label>
              );
            })}
          </div>
        ))}
        {found.length === 0 && <p className="menu-label">{all.length === 0 ? "No event of this time has one." : "None is called that."}</p>}
      </div>
    </div>
  );
}

/** Names that stand for one value alone: these can be asked for by name. */
export function uniqueNames(values: { value: string; name?: string | undefined }[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of values) if (name) counts.set(name.toLowerCase(), (counts.get(name.toLowerCase()) ?? 0) + 1);
  return new Map(values.flatMap(({ value, name }) => (name && counts.get(name.toLowerCase()) === 1 ? [[value, name] as const] : [])));
}

/** Actions under the titles that the catalog gives what they act on; one that it does not know under the first word of its name. */
function byFamily<T extends { value: string }>(values: T[], catalog: Catalog): { title: string; values: T[] }[] {
  const groups = new Map<string, T[]>();
  const titleOf = (value: string) => {
    const family = catalog.get(value)?.family;
    return catalog.families.find((one) => one.family === family)?.title ?? titled(value.split(".")[0] ?? "");
  };
  for (const one of values) {
    const title = titleOf(one.value);
    groups.set(title, [...(groups.get(title) ?? []), one]);
  }
  return [...groups].map(([title, own]) => ({ title, values: own }));
}

function titled(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
