// A month of days from which a range is chosen, its first day and then its last, or a single day. Every day is reached by the arrow keys, months
// by Page Up and Page Down. It knows days, and neither times nor zones.
import { useEffect, useRef, useState, type KeyboardEvent } from "react";

import { IconButton } from "../ui/Button";
import { dayName, dayNumber, firstOfMonth, monthName, monthsLater, weekday, weeksOf, type Day } from "./typed";
import "./calendar.css";

const HEADINGS: [string, string][] = [["Mo", "Monday"], ["Tu", "Tuesday"], ["We", "Wednesday"], ["Th", "Thursday"], ["Fr", "Friday"], ["Sa", "Saturday"], ["Su", "Sunday"]];

/** Where a key leads from a day. */
function led(key: string, day: Day): Day | null {
  switch (key) {
    case "ArrowLeft": return day - 1;
    case "ArrowRight": return day + 1;
    case "ArrowUp": return day - 7;
    case "ArrowDown": return day + 7;
    case "Home": return day - weekday(day);
    case "End": return day - weekday(day) + 6;
    case "PageUp": return monthsLater(day, -1);
    case "PageDown": return monthsLater(day, 1);
    default: return null;
  }
}

export function Calendar({ first, last, today, earliest = -Infinity, latest = today, single = false, onChange }: {
  /** The chosen range; `null` for none. */
  first: Day | null;
  last: Day | null;
  today: Day;
  /** Days before and after them cannot be chosen. */
  earliest?: Day;
  latest?: Day;
  /** Whether one day is chosen, and not a range. */
  single?: boolean;
  onChange: (first: Day, last: Day) => void;
}) {
  const within = (day: Day) => Math.max(Math.min(day, latest), earliest);
  const [at, setAt] = useState(() => within(last ?? first ?? today));
  /** The first day, while the last one is to be chosen. */
  const [begun, setBegun] = useState<Day | null>(null);
  const [pointed, setPointed] = useState<Day | null>(null);
  const grid = useRef<HTMLTableElement>(null);
  const moved = useRef(false);
  useEffect(() => {
    if (moved.current) grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    moved.current = false;
  }, [at]);
  const choose = (day: Day) => {
    if (day < earliest || day > latest) return;
    setAt(day);
    setBegun(begun === null && !single ? day : null);
    onChange(Math.min(begun ?? day, day), Math.max(begun ?? day, day));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = led(event.key, at);
    if (to === null) return;
    event.preventDefault();
    moved.current = true;
    setAt(within(to));
  };
  const other = begun === null ? null : (pointed ?? at);
  const from = begun === null || other === null ? first : Math.min(begun, other);
  const to = begun === null || other === null ? last : Math.min(Math.max(begun, other), latest);
  return (
    <div className="calendar">
      <div className="calendar-head">
        <IconButton icon="left" name="Month before" kind="quiet" disabled={firstOfMonth(at) === firstOfMonth(earliest)} onClick={() => setAt(within(monthsLater(at, -1)))} />
        <b aria-live="polite">{monthName(at)}</b>
        <IconButton icon="right" name="Month after" kind="quiet" disabled={firstOfMonth(at) === firstOfMonth(latest)} onClick={() => setAt(within(monthsLater(at, 1)))} />
      </div>
      <table role="grid" aria-label={monthName(at)} ref={grid} onKeyDown={onKeyDown} onPointerLeave={() => setPointed(null)}>
        <thead>
          <tr>{HEADINGS.map(([short, long]) => <th key={short} scope="col" abbr={long}>{short}</th>)}</tr>
        </thead>
        <tbody>
          {weeksOf(at).map((week) => (
            <tr key={week[0]}>
              {week.map((day) => (
                <DayCell
                  key={day} day={day} inMonth={firstOfMonth(day) === firstOfMonth(at)} isToday={day === today} disabled={day < earliest || day > latest} focusable={day === at}
                  place={placeOf(day, from, to)} onChoose={choose} onPoint={setPointed}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {!single && <p className="field-hint" aria-live="polite">{begun === null ? "Choose the first day, then the last." : "Now the last day, or that one alone."}</p>}
    </div>
  );
}

type Place = "out" | "within" | "first" | "last" | "only";

function placeOf(day: Day, from: Day | null, to: Day | null): Place {
  if (from === null || to === null || day < from || day > to) return "out";
  if (from === to) return "only";
  return day === from ? "first" : day === to ? "last" : "within";
}

function DayCell({ day, inMonth, isToday, disabled, focusable, place, onChoose, onPoint }: {
  day: Day;
  inMonth: boolean;
  isToday: boolean;
  disabled: boolean;
  focusable: boolean;
  place: Place;
  onChoose: (day: Day) => void;
  onPoint: (day: Day) => void;
}) {
  return (
    <td role="gridcell" aria-selected={place !== "out"} className={`day day-${place}${inMonth ? "" : " day-beside"}`}>
      <button
        type="button" tabIndex={focusable ? 0 : -1} aria-label={dayName(day)} aria-disabled={disabled} aria-current={isToday ? "date" : undefined}
        onClick={() => onChoose(day)} onPointerEnter={() => onPoint(day)}
      >
        {dayNumber(day)}
      </button>
    </td>
  );
}
