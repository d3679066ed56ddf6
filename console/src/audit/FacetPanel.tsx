// What there is most of, by field, in what is found: each value a criterion.
import { useQuery } from "@tanstack/react-query";

import { Text } from "../text/Text";
import { plain } from "../text/unseen";
import { Icon } from "../ui/Icon";
import { IconButton } from "../ui/Button";
import { Failed, Loading } from "../ui/states";
import type { Query } from "./criteria";
import { uniqueNames, valueLabel } from "./FilterBar";
import { facetsQuery, useCatalog } from "./queries";
import { chosen, FIELD_TITLES, type FacetField, type Term } from "./terms";

const FIELDS: FacetField[] = ["outcome", "actor", "action", "project", "component", "environment", "resource", "source", "ip"];
const VALUES_MAX = 6;

export function FacetPanel({ org, query, found, nothing, asked, terms, onToggle, onClose }: {
  org: string;
  query: Query;
  found: boolean;
  nothing: boolean;
  asked: number;
  terms: Term[];
  onToggle: (field: string, value: string, negated: boolean) => void;
  onClose: () => void;
}) {
  const catalog = useCatalog();
  const { data, error, refetch } = useQuery({ ...facetsQuery(org, query, FIELDS, VALUES_MAX, asked), enabled: found && !nothing, placeholderData: (before) => before });
  return (
    <section className="facets" aria-label="Counts">
      <div className="facets-head">
        <h2>Most frequent</h2>
        <IconButton icon="close" name="Close the counts" kind="quiet" onClick={onClose} />
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && !nothing && <Loading />}
      {nothing && <p className="muted facets-none">There is nothing to count.</p>}
      {data && !nothing && FIELDS.map((field) => {
        const values = data.facets[field] ?? [];
        if (values.length === 0) return null;
        const most = Math.max(...values.map((one) => one.count));
        const names = uniqueNames(values);
        return (
          <div key={field} role="group" aria-label={FIELD_TITLES[field]}>
            <h3>{FIELD_TITLES[field]}</h3>
            <ul>
              {values.map((one) => {
                const value = field === "action" || field === "outcome" ? one.value : (names.get(one.value) ?? one.value);
                const label = valueLabel(field, field === "action" || field === "outcome" ? one.value : (one.name ?? one.value), catalog.title(one.value));
                const on = chosen(terms, field).includes(value);
                const tone = field === "outcome" && (one.value === "failure" || one.value === "denied") ? ` facet-${one.value}` : "";
                return (
                  <li key={one.value} className={`facet${tone}`}>
                    <button type="button" className="facet-value" aria-pressed={on} onClick={() => onToggle(field, value, false)}>
                      <span className="facet-bar" style={{ width: `${(one.count / most) * 100}%` }} />
                      <span className="facet-label"><Text>{label}</Text></span>
                      <span className="facet-count">{one.count.toLocaleString("en")}</span>
                    </button>
                    <button type="button" className="facet-out" aria-label={`Without ${plain(label.slice(0, 60))}`} title="Without it" onClick={() => onToggle(field, value, true)}>
                      <Icon name="exclude" />
                    </button>
                  </li>
                );
              })}
            </ul>
          </div>
        );
      })}
    </section>
  );
}
