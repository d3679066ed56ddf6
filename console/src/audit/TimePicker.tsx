// The time that is looked at: presets, or from one moment to another, typed or from the browser's calendar, in the zone
// of the page.
import { useState, type SyntheticEvent } from "react";

import { bounds, PRESETS, rangeLabel, rfc3339, type Range } from "../time/range";
import { fromInput, toInput, zoneName, type Zone } from "../time/zone";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Menu, MenuChoice } from "../ui/Menu";
import { Popover } from "../ui/Popover";
import { zoneShort } from "../time/zone";

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

function AbsoluteForm({ range, zone, now, onChange }: { range: Range; zone: Zone; now: number; onChange: (range: Range) => void }) {
  const span = bounds(range, now);
  const [from, setFrom] = useState(() => toInput(span.from, zone));
  const [to, setTo] = useState(() => (range.to === undefined ? "" : toInput(span.to, zone)));
  const [error, setError] = useState<string>();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const begins = fromInput(from, zone);
    const ends = to ? fromInput(to, zone) : null;
    if (begins === null) setError("Give a day and a time, such as 23/11/2026, 08:00.");
    else if (ends !== null && ends <= begins) setError("The end must be after the beginning.");
    else onChange({ from: rfc3339(begins), to: ends === null ? undefined : rfc3339(ends) });
  };
  return (
    <form className="time-absolute" onSubmit={submit}>
      <TextField label="From" type="datetime-local" step={1} value={from} error={error} onChange={(event) => setFrom(event.target.value)} />
      <TextField label="To" hint="Empty: up to now" type="datetime-local" step={1} value={to} onChange={(event) => setTo(event.target.value)} />
      <p className="field-hint">Times are in {zoneName(zone, now)}.</p>
      <Button type="submit" kind="primary">Show this time</Button>
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
