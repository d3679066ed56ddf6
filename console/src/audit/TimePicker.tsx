// The time that is looked at: presets, or from one moment to another, typed or from a calendar, in the zone of the page.
import { useState, type SyntheticEvent } from "react";

import { Calendar } from "../time/Calendar";
import { bounds, PRESETS, rangeLabel, rfc3339, type Range } from "../time/range";
import { dayOf, isoDay, readTyped, typedOf, UNREADABLE, type Day } from "../time/typed";
import { zoneName, zoneShort, type Zone } from "../time/zone";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Menu, MenuChoice } from "../ui/Menu";
import { Popover } from "../ui/Popover";

export function TimePicker({ range, zone, now, onChange }: { range: Range; zone: Zone; now: number; onChange: (range: Range) => void }) {
  const [open, setOpen] = useState(false);
  const choose = (chosen: Range) => {
    setOpen(false);
    onChange(chosen);
  };
  const trigger = (
    <Button className="time-button">
      <span className="visually-hidden">Time: </span>
      {rangeLabel(range, zone, now)} <span className="caret" aria-hidden="true">▾</span>
    </Button>
  );
  return (
    <Popover trigger={trigger} open={open} onOpenChange={setOpen} label="Time" align="end">
      <div className="time-panel">
        <div className="time-presets" role="group" aria-label="Presets">
          {PRESETS.map((preset) => (
            <button
              key={preset.from}
              type="button"
              className="time-preset"
              aria-pressed={range.to === undefined && range.from === preset.from}
              onClick={() => choose({ from: preset.from })}
            >
              {preset.label}
            </button>
          ))}
        </div>
        <AbsoluteForm range={range} zone={zone} now={now} onChange={choose} />
      </div>
    </Popover>
  );
}

/** From when to when: by days of the calendar, or typed. What the page shows stands there at first. */
function AbsoluteForm({ range, zone, now, onChange }: { range: Range; zone: Zone; now: number; onChange: (range: Range) => void }) {
  const span = bounds(range, now);
  // Where it moves with the clock, the minute is enough.
  const [from, setFrom] = useState(() => typedOf(/^-/.test(range.from) ? Math.floor(span.from / 60_000) * 60_000 : span.from, zone));
  const [to, setTo] = useState(() => (range.to === undefined ? "" : typedOf(span.to, zone)));
  const [errors, setErrors] = useState<{ from?: string; to?: string }>({});
  const begins = readTyped(from, zone, now, false);
  const ends = to.trim() === "" ? now : readTyped(to, zone, now, true);
  const today = dayOf(now, zone);
  const choose = (first: Day, last: Day) => {
    setErrors({});
    setFrom(`${isoDay(first)} 00:00`);
    setTo(last === today ? "" : `${isoDay(last)} 24:00`);
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (begins === null || ends === null) {
      setErrors({ ...(begins === null ? { from: UNREADABLE } : {}), ...(ends === null ? { to: UNREADABLE } : {}) });
    } else if (ends <= begins) {
      setErrors({ to: "The end must be after the beginning." });
    } else {
      const back = from.trim().startsWith("-") ? from.trim() : rfc3339(begins);
      onChange(/^(now)?$/.test(to.trim()) ? { from: back } : { from: back, to: rfc3339(ends) });
    }
  };
  return (
    <form className="time-absolute" onSubmit={submit} noValidate>
      <Calendar
        first={begins === null ? null : dayOf(begins, zone)}
        // An end at midnight is that of the day before.
        last={ends === null ? null : dayOf(ends - 1, zone)}
        today={today}
        onChange={choose}
      />
      <div className="time-typed">
        <TextField label="From" spellCheck={false} autoComplete="off" value={from} error={errors.from} onChange={(event) => setFrom(event.target.value)} />
        <TextField label="To" spellCheck={false} autoComplete="off" placeholder="now" value={to} error={errors.to} onChange={(event) => setTo(event.target.value)} />
        <p className="field-hint">Times are in {zoneName(zone, now)}. Without an end, up to now.</p>
        <Button type="submit" kind="primary">Show this time</Button>
      </div>
    </form>
  );
}

export function ZoneMenu({ zone, now, onChange }: { zone: Zone; now: number; onChange: (zone: Zone) => void }) {
  const trigger = (
    <Button>
      <span className="visually-hidden">Zone: </span>
      {zoneShort(zone, now)} <span className="caret" aria-hidden="true">▾</span>
    </Button>
  );
  return (
    <Menu trigger={trigger} align="end" label="Zone of all times">
      <MenuChoice
        value={zone}
        onChange={onChange}
        choices={[
          { value: "utc", label: "UTC" },
          { value: "local", label: "This browser’s zone", hint: zoneName("local", now) },
        ]}
      />
    </Menu>
  );
}
