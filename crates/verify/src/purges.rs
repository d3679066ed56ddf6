//! How many events a log's records of purges leave: what a legal hold keeps lies before the time of a purge as well, so that time
//! alone does not tell it from what was purged.
//!
//! A purge puts on record before it begins how many events there are from before its time, and at its end how many it
//! purged. The rest must be there. Records of purges are purged themselves: what a begun purge leaves is known only while every
//! later record of a purge is in sight, so it is forgotten where a purged event lies behind it. Of the newest one nothing
//! does: it is recorded after its own time, and whatever is gone from behind it is reached by no purge on record.

use std::collections::BTreeMap;

use actarium_core::log_records::PurgeRecord;
use actarium_core::row::Micros;
use actarium_core::time;

use crate::report::Report;

/// Microseconds of a day in UTC, with whose beginning the time of each purge falls together.
const DAY: Micros = 86_400 * time::SECOND;

/// A purge that began.
#[derive(Clone, Debug)]
struct Begun {
    seq: u64,
    before: Micros,
    /// Events from before that time that were there.
    present_before: u64,
    /// How many are on record as purged since.
    purged: u64,
    /// How many more purges that began later and of whose end there is no record may have purged.
    open: u64,
}

/// The records of purges, with how many events are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Purges {
    begun: Vec<Begun>,
    /// By day, how many events are there that were recorded on it.
    present_by_day: BTreeMap<i64, u64>,
}

impl Purges {
    /// Takes an event that is there.
    pub fn note_present(&mut self, recorded_at: Micros) {
        *self.present_by_day.entry(recorded_at.div_euclid(DAY)).or_default() += 1;
    }

    /// Forgets the purges that began so far: records of later ones are gone, and what those took from before their times with them.
    pub fn forget_begun(&mut self) {
        self.begun.clear();
    }

    /// Takes the record of a purge. They come in the order of the log.
    pub fn note(&mut self, seq: u64, record: &PurgeRecord) {
        match (record.begins, record.records) {
            (true, records) => {
                let may_go = records.unwrap_or(u64::MAX);
                self.begun.iter_mut().for_each(|begun| begun.open = begun.open.saturating_add(may_go));
                let begun = Begun { seq, before: record.before, present_before: may_go, purged: 0, open: may_go };
                self.begun.extend(records.filter(|_| record.before % DAY == 0).map(|_| begun));
            }
            (false, Some(records)) => self.begun.iter_mut().for_each(|begun| {
                (begun.purged, begun.open) = (begun.purged.saturating_add(records), 0);
            }),
            // What it leaves of those that began before it is not known.
            (false, None) => self.forget_begun(),
        }
    }

    /// Compares what is there with what the records leave. `is_decided` says whether all records that bear on it were in sight,
    /// and `unseen` how many events of the log come before those that were.
    pub fn judge(&self, is_decided: bool, unseen: u64, report: &mut Report) {
        let lacks = |begun: &Begun| {
            let left = begun.present_before.saturating_sub(begun.purged);
            left.saturating_sub(self.before(begun.before))
        };
        let worst = self.begun.iter().max_by_key(|begun| lacks(begun).saturating_sub(begun.open));
        let Some(worst) = worst.filter(|_| is_decided) else {
            report.undecided.push(
                "whether as many events were purged as the purges on record say shows in the whole log, with the record of a \
                 purge that began"
                    .to_owned(),
            );
            return;
        };
        let may_be_gone = worst.open.saturating_add(unseen);
        if lacks(worst) > may_be_gone {
            let (seq, present, purged) = (worst.seq, worst.present_before, worst.purged);
            report.find(
                format!("events recorded before {}", time::to_text(worst.before)),
                format!(
                    "passed off as purged: of {present} that were there when the purge began that event {seq} tells of, {purged} are on \
                     record as purged since, and {} are left: at least {} withheld",
                    self.before(worst.before),
                    lacks(worst) - may_be_gone
                ),
            );
        } else if let Some(begun) = self.begun.iter().find(|begun| lacks(begun) > 0) {
            report.undecided.push(format!(
                "{} more events are gone than records of purges since event {} say: whether they were purged shows in the whole log \
                 from its event 0 on, once the end of the last purge is on record",
                lacks(begun),
                begun.seq
            ));
        }
    }

    /// How many events are there that were recorded before a day.
    fn before(&self, time: Micros) -> u64 {
        self.present_by_day.range(..time.div_euclid(DAY)).map(|(_, events)| events).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with 10 events from before a day, of which so many are there and so many not in sight, and what records of purges say: whether one begins,
    /// and how many.
    fn judged(there: u64, unseen: u64, records: &[(bool, u64)]) -> Report {
        let mut purges = Purges::default();
        (0..there).for_each(|_| purges.note_present(DAY - 1));
        (0..20).for_each(|_| purges.note_present(DAY));
        for (seq, (begins, records)) in (30..).zip(records) {
            purges.note(seq, &PurgeRecord { before: DAY, records: Some(*records), begins: *begins });
        }
        let mut report = Report::default();
        purges.judge(true, unseen, &mut report);
        report
    }

    #[test]
    fn what_purges_on_record_leave_is_there() {
        let (begins, ended) = (|records| (true, records), |records| (false, records));
        for (there, records) in [
            (4, &[begins(10), ended(6)][..]),
            (2, &[begins(10), ended(6), begins(4), ended(2)]),
            // The records of the first purge are purged themselves.
            (2, &[begins(4), ended(2)]),
            (2, &[ended(6), begins(4), ended(2)]),
            // One that was broken off went on, and its end counts for both.
            (2, &[begins(10), begins(7), ended(8)]),
            (0, &[begins(10), ended(10)]),
            // One by a legal hold kept all, and has no end.
            (4, &[begins(10), ended(6), begins(4)]),
        ] {
            let report = judged(there, 0, records);
            assert!(report.is_sound() && report.undecided.is_empty(), "{there} {records:?}: {report}");
            if there > 0 && records.last().is_some_and(|(begins, _)| !begins) {
                let report = judged(there - 1, 0, records);
                assert!(report.to_string().contains("at least 1 withheld"), "{there} {records:?}: {report}");
            }
        }
    }

    #[test]
    fn what_goes_before_its_purge_is_on_record_as_ended_is_undecided() {
        let going_on = judged(1, 0, &[(true, 10), (false, 6), (true, 4)]);
        assert!(going_on.is_sound() && going_on.undecided.len() == 1, "{going_on}");
        let in_part = judged(3, 1, &[(true, 10), (false, 6)]);
        assert!(in_part.is_sound() && in_part.undecided.len() == 1, "{in_part}");
        assert!(judged(4, 1, &[(true, 10), (false, 6)]).undecided.is_empty());
        assert!(!judged(2, 1, &[(true, 10), (false, 6)]).is_sound());
        for records in [&[][..], &[(false, 10)]] {
            let unknown = judged(0, 0, records);
            assert!(unknown.is_sound() && unknown.undecided.len() == 1, "{unknown}");
        }
    }
}
