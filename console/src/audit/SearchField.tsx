// The search field: the phrase language with its parts told apart, names and values offered while typing, and an error
// marked where it is. What the phrase means is decided by the server alone.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useImperativeHandle, useRef, useState, type KeyboardEvent, type Ref } from "react";
import { flushSync } from "react-dom";

import { ApiProblem } from "../api/problem";
import { Icon } from "../ui/Icon";
import { atCursor, coloured, facetOf, offeredFields, offeredValues, taking, type Offer } from "./completion";
import type { Query } from "./criteria";
import { OUTCOMES } from "./event";
import { facetsQuery, useCatalog } from "./queries";

const OFFERS_MAX = 9;
const VALUES_MAX = 200;

/** `rest` gives it the focus without anything being offered: nobody has begun to write. */
export type SearchHandle = { focus: () => void; rest: () => void };

type Props = {
  org: string;
  /** What is searched for now. */
  value: string;
  /** What the page shows, and the same without what was typed. */
  query: Query;
  within: Query;
  asked: number;
  /** What the server said of the phrase, and where the typed part begins in what it was sent. */
  error: ApiProblem | null;
  typedAt: number;
  handle: Ref<SearchHandle>;
  /** Takes the focus when somebody leaves the field by Escape; says whether it did. */
  onLeave: () => boolean;
  onSearch: (text: string) => void;
};

export function SearchField({ org, value, query, within, asked, error, typedAt, handle, onLeave, onSearch }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const [text, setText] = useState(value);
  const [cursor, setCursor] = useState(value.length);
  const [focused, setFocused] = useState(false);
  const [dismissed, setDismissed] = useState(false);
  const [marked, setMarked] = useState(-1);
  // What the address says counts, until somebody types.
  const [known, setKnown] = useState(value);
  if (known !== value) {
    setKnown(value);
    setText(value);
  }
  useImperativeHandle(handle, () => ({
    focus: () => {
      input.current?.focus();
      input.current?.select();
    },
    rest: () => {
      input.current?.focus();
      setDismissed(true);
    },
  }));

  const at = focused && !dismissed ? atCursor(text, cursor) : null;
  const facet = at ? facetOf(at.field) : null;
  const catalog = useCatalog();
  // While somebody adds to what is shown, values are counted in that: the counts belong to a search that was made.
  const others = at ? `${text.slice(0, at.start)}${text.slice(at.end)}`.trim() : "";
  const counts = useQuery({ ...facetsQuery(org, others === value.trim() ? query : within, facet ? [facet] : [], VALUES_MAX, asked), enabled: facet !== null && facet !== "outcome" });
  const offers = offered();
  const open = offers.length > 0;

  function offered(): Offer[] {
    if (!at) return [];
    if (at.field === null) return offeredFields(at.typed).slice(0, OFFERS_MAX);
    if (facet === "outcome") return offeredValues(OUTCOMES.map((outcome) => ({ value: outcome, hint: "" })), at.typed);
    if (facet === null) return [];
    const found = (counts.data?.facets[facet] ?? []).map((one) => ({ value: one.value, name: facet === "action" ? undefined : one.name, hint: one.count.toLocaleString("en") }));
    if (facet === "action") {
      const known = new Set(found.map((one) => one.value));
      const prefixes = [...new Set(found.map((one) => `${one.value.split(".")[0] ?? ""}.*`))].map((value) => ({ value, name: undefined, hint: "all of them" }));
      const others = catalog.families.flatMap((family) => family.actions).filter((action) => !known.has(action.action)).map((action) => ({ value: action.action, name: undefined, hint: "0" }));
      return offeredValues([...(at.typed ? prefixes : []), ...found, ...others], at.typed).slice(0, OFFERS_MAX);
    }
    return offeredValues(found, at.typed).slice(0, OFFERS_MAX);
  }

  const take = (offer: Offer) => {
    if (!at) return;
    const taken = taking(text, at, offer);
    // At once: a frame later whoever types on has typed at another place.
    flushSync(() => {
      setText(taken.text);
      setCursor(taken.cursor);
      setMarked(-1);
      setDismissed(false);
    });
    input.current?.setSelectionRange(taken.cursor, taken.cursor);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setMarked((before) => (before + step + (offers.length + 1) + 1) % (offers.length + 1) - 1);
      return;
    }
    const offer = offers[marked];
    if (open && ((event.key === "Enter" && offer) || (event.key === "Tab" && !event.shiftKey))) {
      event.preventDefault();
      take(offer ?? (offers[0] as Offer));
    } else if (event.key === "Enter") {
      setDismissed(true);
      onSearch(text);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (open) setDismissed(true);
      else if (!onLeave()) input.current?.blur();
    }
  };
  const follow = () => {
    setCursor(input.current?.selectionStart ?? 0);
    if (mirror.current && input.current) mirror.current.scrollLeft = input.current.scrollLeft;
  };
  useEffect(() => {
    if (mirror.current && input.current) mirror.current.scrollLeft = input.current.scrollLeft;
  });

  const wrong = error && text === value ? placeOf(error, text, typedAt) : null;
  return (
    <div className="search" role="search">
      <div className={error ? "search-box search-box-wrong" : "search-box"}>
        <Icon name="search" />
        <div className="search-text">
          <div ref={mirror} className="search-mirror" aria-hidden="true">
            <Coloured text={text} wrong={wrong} />
          </div>
          <input
            ref={input}
            className="search-input"
            role="combobox"
            aria-label="Search phrase"
            aria-expanded={open}
            aria-controls={`${id}-offers`}
            aria-autocomplete="list"
            aria-activedescendant={open && marked >= 0 ? `${id}-${marked}` : undefined}
            aria-invalid={error ? true : undefined}
            aria-describedby={error ? `${id}-error` : undefined}
            placeholder={'Search: actor:ada action:component.* -outcome:success "release candidate"'}
            spellCheck={false}
            autoCapitalize="none"
            autoComplete="off"
            enterKeyHint="search"
            maxLength={4096}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setCursor(event.target.selectionStart ?? 0);
              setMarked(-1);
              setDismissed(false);
            }}
            onKeyDown={onKeyDown}
            onSelect={follow}
            onScroll={follow}
            onFocus={() => {
              setFocused(true);
              setDismissed(false);
            }}
            onBlur={() => {
              setFocused(false);
              if (text.trim() !== value.trim()) onSearch(text);
            }}
          />
        </div>
        {text && (
          <button
            type="button"
            className="search-clear"
            aria-label="Clear the search"
            onClick={() => {
              setText("");
              onSearch("");
              input.current?.focus();
            }}
          >
            ×
          </button>
        )}
        {!text && <kbd aria-hidden="true">/</kbd>}
      </div>
      <div id={`${id}-offers`} role="listbox" aria-label="Offers" className="search-offers menu" hidden={!open}>
        {offers.map((offer, index) => (
          <div
            key={offer.text}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === marked}
            className="menu-item"
            data-highlighted={index === marked ? "" : undefined}
            onPointerDown={(event) => {
              event.preventDefault();
              take(offer);
            }}
            onPointerMove={() => setMarked(index)}
          >
            <code>{offer.text}</code>
            <span className="menu-hint">{offer.hint}</span>
          </div>
        ))}
      </div>
      {error && (
        <p id={`${id}-error`} className="search-error" role="alert">
          {error.detail.charAt(0).toUpperCase() + error.detail.slice(1)}.
        </p>
      )}
    </div>
  );
}

/** Where the typed text is wrong, in UTF-16 units; the server counts bytes of what it was sent. */
export function placeOf(error: ApiProblem, text: string, typedAt: number): { from: number; to: number } {
  const bytes = new TextEncoder().encode(text);
  const decode = (end: number) => new TextDecoder().decode(bytes.slice(0, Math.max(0, end))).length;
  const offset = (error.position?.offset ?? 0) - typedAt;
  const from = Math.min(decode(offset), text.length);
  const to = Math.min(decode(offset + Math.max(1, error.position?.length ?? 1)), text.length);
  return { from, to: Math.max(to, from) };
}

function Coloured({ text, wrong }: { text: string; wrong: { from: number; to: number } | null }) {
  const pieces = coloured(text).map((run, index) => {
    const { from } = run;
    const inside = wrong && from < wrong.to && from + run.text.length > wrong.from;
    if (!inside) return <span key={index} className={`phrase-${run.kind}`}>{run.text}</span>;
    const cuts = [Math.max(0, wrong.from - from), Math.min(run.text.length, wrong.to - from)] as const;
    return (
      <span key={index} className={`phrase-${run.kind}`}>
        {run.text.slice(0, cuts[0])}
        <mark className="phrase-wrong">{run.text.slice(cuts[0], cuts[1])}</mark>
        {run.text.slice(cuts[1])}
      </span>
    );
  });
  return (
    <>
      {pieces}
      {wrong && wrong.from >= text.length && <mark className="phrase-wrong">{"\u00a0"}</mark>}
    </>
  );
}
