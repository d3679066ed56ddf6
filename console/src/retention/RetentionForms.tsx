// The dialogs that change the retention. Each says what it will do, and on which day, before it is done.
import { useState, type ReactNode } from "react";

import { api, body } from "../api/client";
import type { Retention } from "../api/retention";
import { useOrganization } from "../app/organization";
import { utcDay } from "../time/zone";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { asked, choose, olderThan, refused, same, SHORTENED_AFTER_DAYS, total, type Days } from "./rules";
import { daysText } from "./words";

type Props = { retention: Retention; onDone: (kept: Retention) => void; onClose: () => void };

function usePut(): (days: Days, locked: boolean) => Promise<Retention> {
  const { slug: org } = useOrganization();
  return (days, locked) =>
    body(api.PUT("/v1/orgs/{org}/retention", { params: { path: { org } }, body: { hot_days: days.hot_days, archive_days: days.archive_days, locked } }));
}

function read(text: string): number {
  return /^\d{1,6}$/.test(text.trim()) ? Number(text) : Number.NaN;
}

export function ChangeRetention({ retention, onDone, onClose }: Props) {
  const put = usePut();
  const before = asked(retention);
  const [hot, setHot] = useState(String(before.hot_days));
  const [archive, setArchive] = useState(String(before.archive_days));
  const wanted = { hot_days: read(hot), archive_days: read(archive) };
  const wrong = refused(retention, wanted);
  const good = !wrong.hot_days && !wrong.archive_days;
  const ready = good && !same(wanted, before);
  const [opened] = useState(Date.now);
  const said = effect(retention, wanted, opened);
  return (
    <FormDialog
      title="Change the retention"
      verb="Change"
      ready={ready}
      grave={good && said.some((one) => one.grave)}
      run={() => put(wanted, retention.locked)}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <div className="days-fields">
            <TextField
              label="Days at hand" inputMode="numeric" required autoFocus value={hot} hint={`${daysText(retention.minimum.hot_days)} or more`} error={wrong.hot_days ?? errorOf("/hot_days")}
              onChange={(event) => setHot(event.target.value)}
            />
            <TextField
              label="Days in the archive, after that" inputMode="numeric" required value={archive} hint={`${daysText(retention.minimum.archive_days)} or more`} error={wrong.archive_days ?? errorOf("/archive_days")}
              onChange={(event) => setArchive(event.target.value)}
            />
          </div>
          <div className="effect" role="status" aria-label="What will happen">
            {good ? (
              <ul>{said.map((one, index) => <li key={index} className={one.grave ? "effect-grave" : undefined}>{one.said}</li>)}</ul>
            ) : (
              <p className="muted">What will happen is said here.</p>
            )}
          </div>
        </>
      )}
    </FormDialog>
  );
}

type Said = { said: ReactNode; grave?: boolean };

/** What a choice will do, line by line. */
function effect(retention: Retention, wanted: Days, now: number): Said[] {
  if (same(wanted, asked(retention))) return [{ said: "Nothing changes." }];
  const { days, pending } = choose(retention, wanted, now);
  const lines: Said[] = [];
  if (retention.pending) lines.push({ said: `What was to change on ${utcDay(Date.parse(retention.pending.effective_at))} is taken back.` });
  if (!same(days, retention)) {
    lines.push({ said: <><b>At once:</b> {parts(days)}. What is purged already does not come back.</> });
  } else if (!pending) {
    lines.push({ said: <><b>It stays:</b> {parts(days)}.</> });
  }
  if (!pending) return lines;
  const day = utcDay(pending.at);
  lines.push({ said: <><b>On {day}</b>, {daysText(SHORTENED_AFTER_DAYS)} from now: {parts(wanted)}. Until then it can be taken back here.</> });
  if (total(wanted) < total(days)) {
    lines.push({
      grave: true,
      said: <>From that day on everything recorded before {utcDay(olderThan(total(wanted), pending.at))} is purged and cannot be brought back, but for what legal holds keep.</>,
    });
  } else {
    lines.push({ said: `From that day on what was recorded before ${utcDay(olderThan(wanted.hot_days, pending.at))} moves to the archive.` });
  }
  return lines;
}

function parts(days: Days): string {
  return `${daysText(days.hot_days)} at hand, ${daysText(days.archive_days)} in the archive, ${daysText(total(days))} in all`;
}

export function TakeBack({ retention, onDone, onClose }: Props) {
  const put = usePut();
  return (
    <FormDialog
      title="Take the shortening back?"
      about={`Records go on being kept for ${parts(retention)}.`}
      verb="Take it back" run={() => put({ hot_days: retention.hot_days, archive_days: retention.archive_days }, retention.locked)} onDone={onDone} onClose={onClose}
    >
      {() => null}
    </FormDialog>
  );
}

export function LockRetention({ retention, onDone, onClose }: Props) {
  const { slug } = useOrganization();
  const put = usePut();
  const [typed, setTyped] = useState("");
  return (
    <FormDialog
      title="Lock the retention for good?"
      verb="Lock for good"
      grave
      ready={typed.trim() === slug}
      run={() => put({ hot_days: retention.hot_days, archive_days: retention.archive_days }, true)}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <div className="dialog-body">
            <p>From now on records are kept for at least {parts(retention)}. That can be lengthened. <b>Nobody can ever shorten or unlock it</b>, the operator of the service included.</p>
            {retention.pending && <p className="effect-grave">The shortening that waits for {utcDay(Date.parse(retention.pending.effective_at))} is taken back with it.</p>}
          </div>
          <TextField
            label={<>To confirm, type <code>{slug}</code></>} autoFocus autoComplete="off" spellCheck={false} required value={typed} error={errorOf("/locked")}
            onChange={(event) => setTyped(event.target.value)}
          />
        </>
      )}
    </FormDialog>
  );
}
