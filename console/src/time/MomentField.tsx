// A day or a moment that is typed, or taken from the calendar beside it. The calendar is the console's own everywhere, so that days
// look alike and are reached by the same keys in every browser.
import { useState, type ReactNode } from "react";

import { IconButton } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Popover } from "../ui/Popover";
import { Calendar } from "./Calendar";
import { dayOf, isoDay, readTyped } from "./typed";
import type { Zone } from "./zone";

export function MomentField({ label, hint, error, unread, choosing, value, zone, isEnd = false, wholeDays = false, fromToday = false, onChange }: {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  /** What is wrong with what is typed: told once somebody has gone on from it or sends it, and not while they write. */
  unread?: string | undefined;
  /** What the calendar's button is called. */
  choosing: string;
  /** As it is typed. */
  value: string;
  zone: Zone;
  /** Whether a day is meant with its last moment. */
  isEnd?: boolean;
  /** Whether days are asked for, without a time. */
  wholeDays?: boolean;
  /** Whether days that are over cannot be chosen. */
  fromToday?: boolean;
  onChange: (typed: string) => void;
}) {
  const [open, setOpen] = useState(false);
  const [left, setLeft] = useState(false);
  const [now] = useState(Date.now);
  const moment = value.trim() ? readTyped(value, zone, now, isEnd) : null;
  const today = dayOf(now, zone);
  // An end at midnight is that of the day before.
  const chosen = moment === null ? null : dayOf(isEnd ? moment - 1 : moment, zone);
  const calendar = (
    <Popover trigger={<IconButton icon="calendar" name={choosing} />} open={open} onOpenChange={setOpen} label={choosing} align="end">
      <Calendar
        first={chosen} last={chosen} today={today} earliest={fromToday ? today : -Infinity} latest={Infinity} single
        onChange={(day) => {
          setOpen(false);
          onChange(wholeDays ? isoDay(day) : `${isoDay(day)} ${isEnd ? "24:00" : "00:00"}`);
        }}
      />
    </Popover>
  );
  return (
    <TextField
      label={label} hint={hint} error={(left ? unread : undefined) ?? error} spellCheck={false} autoComplete="off" placeholder={wholeDays ? "2026-11-23" : "2026-11-23 08:00"}
      value={value} beside={calendar} onBlur={() => setLeft(true)}
      onKeyDown={(event) => event.key === "Enter" && setLeft(true)}
      onChange={(event) => {
        setLeft(false);
        onChange(event.target.value);
      }}
    />
  );
}
