//! What a log tells of itself, by events that it records in its own name: what was erased, what was purged, and after which
//! restore it goes on. Whatever is missing from a log, or follows on a restore, is judged by these.
//!
//! What must not happen here: taking something for purged, erased or restored because whoever shows the log says so.

use std::collections::BTreeMap;
use std::ops::Range;

use actarium_core::canonical::PART_NAMES;
use actarium_core::continuation::{CONTINUE_ACTION, Continuation, is_continuation};
use actarium_core::erasure::{ErasableParts, Ledger, is_evidence};
use actarium_core::log_records::{created_organization, purge_record};
use actarium_core::row::{Column, Micros, RowView};
use actarium_core::time;
use actarium_core::tlog::{Checkpoint, KeyKind, VerifierKey};

use crate::positions::{Positions, events};
use crate::purges::Purges;
use crate::report::Report;
use crate::trust::{Trust, generation_of, origin_of_generation};

/// Events in a row of which only times and commits are left.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Purged {
    seqs: Range<u64>,
    last_recorded_at: Micros,
}

/// What of a log was in sight.
pub(crate) struct InSight<'l> {
    /// The log's name, with the number of its generation.
    pub origin: &'l str,
    /// Its events.
    pub size: u64,
    /// Those that were looked at.
    pub range: Range<u64>,
    /// Whether each of them was, with what it tells of the log.
    pub is_whole: bool,
    /// Keys that sign for the log, or did.
    pub keys: &'l [VerifierKey],
}

/// The records of a log about itself, as far as they were in sight.
#[derive(Clone, Debug, Default)]
pub struct Records {
    ledger: Ledger,
    /// The events that opened generations, with their sequence numbers.
    continuations: Vec<(u64, Continuation)>,
    purged: Vec<Purged>,
    /// Before which time everything may have been purged, by the record that reaches furthest.
    purged_before: Option<Micros>,
    /// How many events the records of purges leave.
    purges: Purges,
    /// Sequence numbers of records that tell nothing, as their detail is not shown.
    silent: Vec<u64>,
    /// The event that created the organization, and what it calls it.
    created: Option<(u64, String)>,
}

impl Records {
    /// Takes the next event of the log, by its place and time, with the parts of it that are gone. Events come in the order of the log.
    ///
    /// # Errors
    /// What is wrong with it, if it is such a record and cannot be one.
    pub fn note(
        &mut self,
        (seq, recorded_at): (u64, Micros),
        row: &RowView<'_>,
        gone: ErasableParts,
    ) -> Result<(), String> {
        self.purges.note_present(recorded_at);
        self.ledger.note(seq, row, gone)?;
        if self.created.is_none() {
            self.created = created_organization(seq, row).map(|slug| (seq, slug));
        }
        if !is_evidence(row) {
            return Ok(());
        }
        if gone.detail {
            return Err(
                "it tells what became of the log itself, and its detail is gone: that is never erased".to_owned()
            );
        }
        if row.get(Column::Metadata).is_none() {
            self.silent.push(seq);
            return Ok(());
        }
        if let Some(purge) = purge_record(row)? {
            self.purged_before = self.purged_before.max(Some(purge.before));
            self.purges.note(seq, &purge);
        }
        if is_continuation(row) {
            self.continuations.extend(Continuation::of(row)?.map(|opened| (seq, opened)));
        }
        Ok(())
    }

    /// Takes an event of which only time and commit are left.
    pub fn purged(&mut self, seq: u64, recorded_at: Micros) {
        self.purged_range(seq..seq + 1, recorded_at);
    }

    /// Takes a row of events of which only times and commits are left; no other one was recorded later.
    pub fn purged_range(&mut self, seqs: Range<u64>, last_recorded_at: Micros) {
        // Later purges reached behind those that are in sight so far; the records of those may be gone as well.
        self.purges.forget_begun();
        match self.purged.last_mut() {
            Some(last) if last.seqs.end == seqs.start => {
                last.seqs.end = seqs.end;
                last.last_recorded_at = last.last_recorded_at.max(last_recorded_at);
            }
            _ => self.purged.push(Purged { seqs, last_recorded_at }),
        }
    }

    /// Why a checkpoint signed what the log has no more: it is of a generation that a later one has left behind.
    pub(crate) fn lost(&self, signed: &Checkpoint) -> Option<String> {
        let generation = generation_of(&signed.origin).1;
        let (seq, next) = self.continuations.iter().find(|(_, next)| next.generation > generation)?;
        (signed.size > *seq).then(|| {
            let opened = next.generation;
            format!(
                "the log goes on from {seq} events as generation {opened}, by its event {seq}: what it signed is lost"
            )
        })
    }

    /// Compares what the organization is called by whoever shows its log with what the log calls it. `place` is where it is
    /// called so.
    pub(crate) fn judge_name(&self, slug: &str, place: &str, report: &mut Report) {
        match &self.created {
            Some((seq, created)) if created == slug => {
                report.statements.push(format!("event {seq} calls the organization `{slug}`, as {place} does"));
            }
            Some((seq, created)) => report.find(
                place,
                format!("it calls the organization `{slug}`, and event {seq} created it as `{created}`"),
            ),
            None => report.notes.push(format!(
                "that the organization is called `{slug}` is the word of {place} alone: the event that created it is not in sight"
            )),
        }
    }

    /// Puts into the report what is gone from the log without a record of it, and a generation that none opened. `purged_is`
    /// says what it means that an event was purged.
    pub(crate) fn judge(&self, log: &InSight<'_>, trust: &Trust, purged_is: &str, report: &mut Report) {
        // Every record that could bear on what is in sight lies behind it: only at the log's end there is no further one.
        let is_decided = log.is_whole && log.range.end == log.size && self.silent.is_empty();
        self.judge_purged(is_decided, purged_is, report);
        if !self.purged.is_empty() {
            self.purges.judge(is_decided, log.range.start, report);
        }
        self.judge_erased(is_decided, report);
        self.judge_generations(log, is_decided, trust, report);
    }

    fn judge_purged(&self, is_decided: bool, purged_is: &str, report: &mut Report) {
        for Purged { seqs, last_recorded_at } in &self.purged {
            let which = events_were(seqs);
            if self.purged_before.is_some_and(|before| *last_recorded_at < before) {
                report.undecided.push(format!("{which} purged: {purged_is}"));
            } else if is_decided {
                let reach = match self.purged_before {
                    Some(before) => format!("the purges on record reach to {}", time::to_text(before)),
                    None => "the log has no record of a purge".to_owned(),
                };
                report.find(
                    events(seqs),
                    format!(
                        "passed off as purged: recorded up to {}, and {reach}: withheld",
                        time::to_text(*last_recorded_at)
                    ),
                );
            } else {
                report.undecided.push(format!(
                    "{which} purged, as it is said: {purged_is}; whether a purge on record says so shows in a whole range up to the \
                     log's end"
                ));
            }
        }
    }

    fn judge_erased(&self, is_decided: bool, report: &mut Report) {
        let unlisted = self.ledger.unlisted();
        if !is_decided {
            let parts: u64 = unlisted.iter().map(|(_, range)| range.end - range.start).sum();
            if parts > 0 {
                report.undecided.push(format!(
                    "{parts} erased parts: whether an erasure on record lists them shows in a whole range up to the log's end"
                ));
            }
            return;
        }
        // The record of an erasure lies behind what it lists, and goes when its own time has come.
        let last_purged = self.purged.last().map_or(0, |purged| purged.seqs.end - 1);
        let mut may_be_listed: BTreeMap<usize, Positions> = BTreeMap::new();
        for (part, range) in unlisted {
            let open = range.start..range.end.min(last_purged).max(range.start);
            may_be_listed.entry(part).or_default().add_range(open.clone());
            let wrong = open.end..range.end;
            if !wrong.is_empty() {
                let whose = if wrong.end - wrong.start == 1 { "its" } else { "their" };
                let part = PART_NAMES[part];
                report.find(events(&wrong), format!("{whose} {part} part is gone, and no erasure on record says so"));
            }
        }
        for (part, open) in may_be_listed {
            let part = PART_NAMES[part];
            let told = open
                .lines()
                .map(|events| format!("the {part} part of {events} is gone: what lists it may have been purged since"));
            report.undecided.extend(told);
        }
        let there = self.ledger.listed_and_there();
        if there > 0 {
            report.undecided.push(format!(
                "{there} parts that an erasure on record lists are there: a legal hold keeps them, or it was not finished"
            ));
        }
    }

    fn judge_generations(&self, log: &InSight<'_>, is_decided: bool, trust: &Trust, report: &mut Report) {
        let (base, generation) = generation_of(log.origin);
        let mut opened = 1;
        for (seq, continuation) in &self.continuations {
            let place = format!("event {seq}");
            let number = continuation.generation;
            let previous = origin_of_generation(base, number - 1);
            let keys = log.keys.iter().filter_map(|key| VerifierKey::new(&previous, KeyKind::Log, *key.public()).ok());
            if let Err(wrong) = continuation.check(number, *seq, &keys.collect::<Vec<_>>()) {
                report.find(&place, format!("it opens generation {number} of the log: {wrong}"));
            } else if number <= opened {
                report.find(&place, format!("it opens generation {number} of the log, which was open already"));
            } else if number > generation {
                report.find(
                    "checkpoint",
                    format!("it is of generation {generation} of the log, and {place} opened generation {number}"),
                );
            } else {
                report.statements.push(told(*seq, continuation, base));
            }
            opened = opened.max(number);
        }
        // Every generation but the first needs its event.
        for number in 2..=generation.min(2 + self.continuations.len() as u64) {
            if self.continuations.iter().any(|(_, continuation)| continuation.generation == number) {
                continue;
            }
            if is_decided && log.range.start == 0 && self.purged.is_empty() {
                report.find(
                    "log",
                    format!(
                        "its checkpoint is of generation {generation}, and no event `{CONTINUE_ACTION}` opened generation {number}: it was \
                         rolled back without a record"
                    ),
                );
                break;
            }
            unseen_generation(log.origin, trust, report);
            break;
        }
    }
}

/// What it means for the log that a generation of it was opened.
fn told(seq: u64, opened: &Continuation, base: &str) -> String {
    format!(
        "generation {} of the log {base} was opened by event {seq} after a restore: what the generation before signed beyond, \
         up to {} events as far as is known, is lost",
        opened.generation, opened.previous_size
    )
}

/// Says that a log is not in its first generation, and that what opened it is not in sight. Whoever knows of that generation
/// from elsewhere needs nothing else; to whoever knows of an earlier one, nothing vouches for this one.
pub fn unseen_generation(origin: &str, trust: &Trust, report: &mut Report) {
    let (base, generation) = generation_of(origin);
    let is_known = trust.key.as_ref().is_some_and(|key| key.name() == origin)
        || trust.anchors.iter().any(|anchor| anchor.checkpoint.origin == origin);
    if generation == 1 || is_known {
        return;
    }
    report.undecided.push(format!(
        "this is generation {generation} of the log {base}, which goes on after a restore: whether an event `{CONTINUE_ACTION}` opened it \
         shows in the whole log; a key or a checkpoint of {origin} from a source of your own vouches for it too"
    ));
    report.withdraw(origin);
}

fn events_were(seqs: &Range<u64>) -> String {
    format!("{} {}", events(seqs), if seqs.end - seqs.start == 1 { "was" } else { "were" })
}

#[cfg(test)]
mod tests {
    use actarium_core::event::OWN_SOURCE;
    use actarium_core::time;
    use ed25519_dalek::{Signer, SigningKey};
    use serde_json::{Value, json};

    use super::*;

    const BASE: &str = "log.example/0123456789abcdef0123456789abcdef";
    const NOW: Micros = 1_767_326_400_000_000;
    const DAY: Micros = 86_400_000_000;

    fn key(seed: u8, origin: &str) -> VerifierKey {
        let public = SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
        VerifierKey::new(origin, KeyKind::Log, public).unwrap()
    }

    fn note(seed: u8, origin: &str, size: u64) -> String {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: [3; 32] };
        checkpoint.sign(&key(seed, origin), &|message| secret.sign(message).to_bytes()).unwrap().to_string()
    }

    fn take(records: &mut Records, seq: u64, action: &str, metadata: &Value, gone: ErasableParts) {
        let metadata = metadata.to_string();
        let mut row = RowView::EMPTY;
        let texts = [
            (Column::Action, action),
            (Column::Source, OWN_SOURCE),
            (Column::Outcome, "success"),
            (Column::Metadata, &metadata),
        ];
        texts.into_iter().for_each(|(column, text)| row.texts[column as usize] = Some(text));
        records.note((seq, NOW), &row, gone).unwrap();
    }

    fn opens(seq: u64, generation: u64, checkpoint: &str) -> Value {
        json!({
            "generation": generation, "previous_origin": origin_of_generation(BASE, generation - 1),
            "previous_size": 400, "restored_size": seq, "checkpoint": checkpoint,
        })
    }

    fn judged(records: &Records, origin: &str, range: Range<u64>, size: u64) -> Report {
        let mut report = Report::default();
        report.anchor(origin, size, "a key".to_owned());
        report.shows(origin, range.start, range.end);
        let keys = [key(1, origin)];
        let log = InSight { origin, size, range, is_whole: true, keys: &keys };
        records.judge(&log, &Trust::default(), "gone", &mut report);
        report
    }

    fn found(report: &Report) -> String {
        report.findings.iter().map(|finding| format!("{}: {}", finding.place, finding.problem)).collect()
    }

    #[test]
    fn a_generation_needs_the_event_that_opened_it() {
        let second = origin_of_generation(BASE, 2);
        let none = Records::default();
        assert!(
            found(&judged(&none, &second, 0..500, 500)).contains("no event `audit_log.continue` opened generation 2")
        );
        // Where it may lie out of sight, nothing is said, and a key of the generation before vouches for nothing.
        let partly = judged(&none, &second, 300..500, 500);
        assert!(partly.is_sound() && !partly.is_anchored() && partly.undecided.len() == 1, "{partly}");
        let mut opened = Records::default();
        take(&mut opened, 300, CONTINUE_ACTION, &opens(300, 2, &note(1, BASE, 400)), ErasableParts::NONE);
        let report = judged(&opened, &second, 0..500, 500);
        assert!(report.is_sound() && report.is_anchored(), "{report}");
        assert!(report.statements[0].contains("generation 2"), "{report}");
        assert!(
            found(&judged(&opened, BASE, 0..500, 500)).contains("it is of generation 1"),
            "the number was taken back"
        );
        let third = origin_of_generation(BASE, 3);
        assert!(found(&judged(&opened, &third, 0..500, 500)).contains("opened generation 3"));
        for (seq, event, wrong) in [
            (301, opens(300, 2, &note(1, BASE, 400)), "restored to 300 events, and is event 301"),
            (300, opens(300, 2, &note(2, BASE, 400)), "the checkpoint in it: it is signed by"),
            (300, opens(300, 2, &note(1, BASE, 401)), "of 401 events of log.example/"),
            (300, opens(300, 2, &note(1, &second, 400)), "the checkpoint in it: "),
            (300, opens(300, 2, "x"), "the checkpoint in it: "),
        ] {
            let mut records = Records::default();
            take(&mut records, seq, CONTINUE_ACTION, &event, ErasableParts::NONE);
            let found = found(&judged(&records, &second, 0..500, 500));
            assert!(found.starts_with(&format!("event {seq}: ")) && found.contains(wrong), "{found}");
        }
        // What the generation before signed behind the restore is lost, and not rewritten.
        let kept = |size| Checkpoint { origin: BASE.to_owned(), size, root: [0; 32] };
        assert_eq!((opened.lost(&kept(300)), opened.lost(&kept(301)).is_some()), (None, true));
        assert_eq!(opened.lost(&Checkpoint { origin: second, ..kept(301) }), None);
    }

    #[test]
    fn only_what_a_purge_on_record_reaches_is_purged() {
        let mut records = Records::default();
        records.purged(0, NOW);
        records.purged(1, NOW + 1);
        let wrong = judged(&records, BASE, 0..10, 10);
        assert!(found(&wrong).starts_with("events 0 to 1: passed off as purged"), "{wrong}");
        assert!(judged(&records, BASE, 0..10, 20).undecided[0].contains("whether a purge on record says so"));
        take(&mut records, 8, "record.purge", &json!({"before": time::to_text(NOW + 1)}), ErasableParts::NONE);
        assert!(found(&judged(&records, BASE, 0..10, 10)).contains("the purges on record reach to 2026"));
        take(&mut records, 9, "record.purge", &json!({"before": time::to_text(NOW + 2)}), ErasableParts::NONE);
        let report = judged(&records, BASE, 0..10, 10);
        assert!(report.is_sound() && report.undecided[0] == "events 0 to 1 were purged: gone", "{report}");
        assert!(report.undecided[1].starts_with("whether as many events were purged"), "{report}");
    }

    #[test]
    fn what_a_purge_left_is_not_passed_off_as_purged() {
        let next_day = time::to_text((NOW / 86_400_000_000 + 1) * 86_400_000_000);
        let judged = |purged: u64| {
            let mut records = Records::default();
            records.purged_range(0..purged, NOW);
            (purged..8).for_each(|seq| take(&mut records, seq, "component.deploy", &json!({}), ErasableParts::NONE));
            for (seq, outcome, count) in [(8, "unknown", 8), (9, "success", 3)] {
                let metadata = json!({"before": next_day, "records": count}).to_string();
                let mut row = RowView::EMPTY;
                let texts = [
                    (Column::Action, "record.purge"),
                    (Column::Source, OWN_SOURCE),
                    (Column::Outcome, outcome),
                    (Column::Metadata, &metadata),
                ];
                texts.into_iter().for_each(|(column, text)| row.texts[column as usize] = Some(text));
                records.note((seq, NOW + 800 * 86_400_000_000), &row, ErasableParts::NONE).unwrap();
            }
            self::judged(&records, BASE, 0..10, 10)
        };
        let report = judged(3);
        assert!(report.is_sound() && report.undecided == ["events 0 to 2 were purged: gone"], "{report}");
        assert!(found(&judged(5)).contains("at least 2 withheld"), "{}", judged(5));
    }

    /// Takes the record of a purge that begins or has ended, on a day and of all from before that day.
    fn take_purge(records: &mut Records, seq: u64, day: i64, begins: bool, count: u64) {
        let day = (NOW / DAY + day) * DAY;
        let metadata = json!({"before": time::to_text(day), "records": count}).to_string();
        let mut row = RowView::EMPTY;
        for (column, text) in [
            (Column::Action, "record.purge"),
            (Column::Source, OWN_SOURCE),
            (Column::Outcome, if begins { "unknown" } else { "success" }),
            (Column::Metadata, &metadata),
        ] {
            row.texts[column as usize] = Some(text);
        }
        records.note((seq, day + 1), &row, ErasableParts::NONE).unwrap();
    }

    #[test]
    fn a_purge_whose_later_ones_were_purged_from_the_log_accuses_nobody() {
        // On day 10, 6 of 10 go; a hold keeps 4, and another one the records of this purge, or the first of them. On day 51
        // the 4 go, and on day 92 the records of day 51.
        let judged = |end_is_kept: bool, last: &[(bool, u64)], purged_to: u64| {
            let mut records = Records::default();
            records.purged_range(0..10, NOW);
            take_purge(&mut records, 10, 10, true, 10);
            match end_is_kept {
                true => take_purge(&mut records, 11, 10, false, 6),
                false => records.purged(11, NOW + 10 * DAY),
            }
            (12..purged_to).for_each(|seq| records.purged(seq, NOW + 51 * DAY));
            for seq in purged_to..16 {
                records.note((seq, NOW + 51 * DAY), &RowView::EMPTY, ErasableParts::NONE).unwrap();
            }
            last.iter().zip(16..).for_each(|((begins, count), seq)| take_purge(&mut records, seq, 92, *begins, *count));
            self::judged(&records, BASE, 0..18, 18)
        };
        let (begins, ended) = (|records| (true, records), |records| (false, records));
        let gone = |report: &Report| report.undecided.iter().filter(|text| !text.ends_with(": gone")).count();
        let kept = judged(true, &[begins(6), ended(2)], 14);
        assert!(kept.is_sound() && gone(&kept) == 0, "{kept}");
        let cut = judged(false, &[begins(6), ended(3)], 14);
        assert!(cut.is_sound() && gone(&cut) == 0, "{cut}");
        // The newest purge is known whole, so that what is passed off as purged is found.
        let withheld = judged(true, &[begins(6), ended(2)], 15);
        assert!(found(&withheld).contains("event 16 tells of, 2 are on record as purged since"), "{withheld}");
        assert!(found(&withheld).contains("at least 1 withheld"), "{withheld}");
        // A purge that is not known by how it began says nothing of how many are left.
        let ended_only = judged(true, &[ended(2)], 14);
        assert!(ended_only.is_sound() && gone(&ended_only) == 1, "{ended_only}");
    }

    #[test]
    fn what_is_gone_from_behind_the_newest_purge_is_withheld() {
        let mut records = Records::default();
        records.purged_range(0..10, NOW);
        take_purge(&mut records, 10, 10, true, 10);
        take_purge(&mut records, 11, 10, false, 10);
        assert!(self::judged(&records, BASE, 0..12, 12).is_sound());
        records.purged(12, NOW + 11 * DAY);
        let report = self::judged(&records, BASE, 0..13, 13);
        assert!(found(&report).starts_with("event 12: passed off as purged"), "{report}");
    }

    #[test]
    fn what_tells_of_the_log_itself_keeps_its_detail() {
        for (action, outcome) in [
            ("record.purge", "success"),
            ("record.purge", "unknown"),
            (CONTINUE_ACTION, "success"),
            ("record.erase", "denied"),
        ] {
            let mut row = RowView::EMPTY;
            let texts = [(Column::Action, action), (Column::Source, OWN_SOURCE), (Column::Outcome, outcome)];
            texts.into_iter().for_each(|(column, text)| row.texts[column as usize] = Some(text));
            let gone = ErasableParts { detail: true, ..ErasableParts::NONE };
            let wrong = Records::default().note((8, NOW), &row, gone).unwrap_err();
            assert!(wrong.contains("never erased"), "{action} {outcome}: {wrong}");
        }
    }

    #[test]
    fn the_record_of_an_erasure_may_have_been_purged_since() {
        let erased = |purged: bool| {
            let mut records = Records::default();
            take(&mut records, 9, "component.deploy", &json!({}), ErasableParts::PERSONAL);
            if purged {
                records.purged_range(10..300, NOW);
            }
            take(&mut records, 300, "component.deploy", &json!({}), ErasableParts::PERSONAL);
            take(&mut records, 301, "record.purge", &json!({"before": time::to_text(NOW + 1)}), ErasableParts::NONE);
            judged(&records, BASE, 0..302, 302)
        };
        let report = erased(true);
        assert_eq!(found(&report), "event 300: its personal part is gone, and no erasure on record says so");
        assert!(
            report.undecided.iter().any(|text| text.starts_with("the personal part of event 9 is gone")),
            "{report}"
        );
        assert!(found(&erased(false)).starts_with("event 9: its personal part is gone"));
    }

    #[test]
    fn an_organization_is_called_what_its_creation_calls_it() {
        let mut records = Records::default();
        let told = |records: &Records| {
            let mut report = Report::default();
            records.judge_name("acme", "manifest.json", &mut report);
            (found(&report), report.notes.len(), report.statements.len())
        };
        assert_eq!(told(&records), (String::new(), 1, 0));
        let mut row = RowView::EMPTY;
        let targets = r#"[{"type":"organization","id":"globex"}]"#;
        for (column, text) in [
            (Column::Action, "organization.create"),
            (Column::Source, OWN_SOURCE),
            (Column::Outcome, "success"),
            (Column::Targets, targets),
        ] {
            row.texts[column as usize] = Some(text);
        }
        records.note((0, NOW), &row, ErasableParts::NONE).unwrap();
        assert_eq!(
            told(&records).0,
            "manifest.json: it calls the organization `acme`, and event 0 created it as `globex`"
        );
        let mut report = Report::default();
        records.judge_name("globex", "manifest.json", &mut report);
        assert!(report.is_sound() && report.statements.len() == 1, "{report}");
    }
}
