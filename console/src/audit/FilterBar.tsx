// The criteria as chips, and a menu for each field with what there is to choose, counted.
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { Text } from "../text/Text";
import { plain } from "../text/unseen";
import { Chip } from "../ui/Chip";
import { ContextItem, ContextMenu } from "../ui/Menu";
import { Popover } from "../ui/Popover";
import { Failed, Loading } from "../ui/states";
import { useCopy } from "../ui/copying";
import type { Query } from "./criteria";
import { OUTCOME_WORDS, OUTCOMES } from "./event";
import { facetsQuery, useCatalog } from "./queries";
import { chosen, FIELD_TITLES, print, shownValue, type FacetField, type Term } from "./terms";

/** Fields with a menu of their own, in this order. */
const OFFERED: FacetField[] = ["outcome", "actor", "action", "project", "component", "environment", "resource", "source", "ip"];
/** Those that are offered before somebody asks for more. */
const OFFERED_FIRST = 6;
const VALUES_MAX = 200;

type Props = {
  org: string;
  terms: Term[];
  /** The criteria of a field's menu: all but those of the field itself, so that there is something to add. */
  queryWithout: (field: string) => Query;
  asked: number;
  onTerms: (terms: Term[]) => void;
  onToggle: (field: string, value: string, negated: boolean) => void;
};

export function FilterBar(props: Props) {
  const { terms, onTerms } = props;
  const copy = useCopy();
  const catalog = useCatalog();
  const [more, setMore] = useState(false);
  // An open menu stays while values are chosen in it, though its field is a chip by then.
  const [open, setOpen] = useState<FacetField | null>(null);
  const rest = OFFERED.filter((field) => field === open || !terms.some((term) => term.field === field));
  const offered = more ? rest : rest.filter((field) => OFFERED.indexOf(field) < OFFERED_FIRST);
  const without = (at: number) => terms.toSpliced(at, 1);
  const choicesOf = (term: Term) => {
    const field = OFFERED.find((one) => one === term.field);
    if (!field || term.negated) return undefined;
    const title = FIELD_TITLES[field] ?? field;
    return (button: ReactNode) => (
      <Popover trigger={button} label={`${title}: choose`} plain>
        <Choices field={field} org={props.org} query={props.queryWithout(field)} asked={props.asked} terms={terms} onToggle={props.onToggle} title={title} />
      </Popover>
    );
  };
  return (
    <div className="chips" role="group" aria-label="Criteria">
      {terms.map((term, at) => {
        const title = FIELD_TITLES[term.field] ?? term.field;
        const values = term.values.map((value) => valueLabel(term.field, value, catalog.title(value)));
        const toggled = terms.with(at, { ...term, negated: !term.negated });
        const chip = (
          <span className="chip-place">
            <Chip
              field={term.negated ? `${title} not` : title}
              value={<Text>{values.join(", ")}</Text>}
              negated={term.negated}
              onRemove={() => onTerms(without(at))}
              opening={choicesOf(term)}
              removeName={`Remove ${title} ${plain(values.join(", ").slice(0, 80))}`}
              buttonProps={{
                title: "Right click: keep out, copy. Keys: n keeps out, c copies, Delete removes",
                onKeyDown: (event) => {
                  if (event.key === "Delete" || event.key === "Backspace") onTerms(without(at));
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
                <ContextItem onSelect={() => onTerms(without(at))} hint="Delete">Remove</ContextItem>
              </>
            }
          >
            {chip}
          </ContextMenu>
        );
      })}
      {offered.map((field) => (
        <FieldMenu key={field} field={field} open={field === open} onOpenChange={(opens) => setOpen(opens ? field : null)} {...props} />
      ))}
      {!more && rest.some((field) => OFFERED.indexOf(field) >= OFFERED_FIRST) && (
        <span className="chip chip-add">
          <button type="button" onClick={() => setMore(true)}>More</button>
        </span>
      )}
      {terms.length > 1 && (
        <button type="button" className="link-button chips-clear" onClick={() => onTerms([])}>
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
        <Choices field={field} org={org} query={queryWithout(field)} asked={asked} terms={terms} onToggle={onToggle} title={title} />
      </Popover>
    </span>
  );
}

type ChoicesProps = Pick<Props, "org" | "asked" | "terms" | "onToggle"> & { field: FacetField; query: Query; title: string };

function Choices({ field, org, query, asked, terms, onToggle, title }: ChoicesProps) {
  const [search, setSearch] = useState("");
  const catalog = useCatalog();
  const { data, error, isPending, refetch } = useQuery(facetsQuery(org, query, [field], VALUES_MAX, asked));
  if (isPending) return <div className="choices"><Loading rows={4} /></div>;
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  const counted = data.facets[field] ?? [];
  const all = field === "outcome" ? OUTCOMES.map((value) => ({ value, name: undefined, count: counted.find((one) => one.value === value)?.count ?? 0 })) : counted;
  const names = uniqueNames(all);
  const wanted = search.trim().toLowerCase();
  const found = all.filter((one) => `${one.value}\n${one.name ?? ""}\n${field === "action" ? catalog.title(one.value) : ""}`.toLowerCase().includes(wanted));
  const groups = field === "action" ? byResource(found, (value) => value.split(".")[0] ?? "") : [{ title: "", values: found }];
  return (
    <div className="choices">
      {all.length > 8 && (
        <input className="input" aria-label={`Search ${title.toLowerCase()}`} placeholder="Search" value={search} onChange={(event) => setSearch(event.target.value)} />
      )}
      <div className="choices-list">
        {groups.map((group) => (
          <div key={group.title} role="group" aria-label={group.title || title}>
            {group.title && <div className="menu-label">{group.title.replaceAll("_", " ")}</div>}
            {group.values.map((one) => {
              const value = field === "actor" || field === "project" || field === "component" || field === "environment" ? (names.get(one.value) ?? one.value) : one.value;
              const label = field === "action" ? catalog.title(one.value) : field === "outcome" ? valueLabel(field, one.value, "") : (one.name ?? one.value);
              return (
                <label key={one.value} className="menu-item choice">
                  <input type="checkbox" checked={chosen(terms, field).includes(value)} onChange={() => onToggle(field, value, false)} />
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

function byResource<T extends { value: string }>(values: T[], resource: (value: string) => string): { title: string; values: T[] }[] {
  const groups = new Map<string, T[]>();
  for (const one of values) groups.set(resource(one.value), [...(groups.get(resource(one.value)) ?? []), one]);
  return [...groups].map(([title, own]) => ({ title, values: own }));
}
