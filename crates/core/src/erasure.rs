//! Removing parts of an event, and how it is written down which parts of which events were removed.
//!
//! An event whose parts are removed keeps the hashes of those parts, so that its commit and every proof stay as they were.
//! Nothing here destroys a salt or decides what is to be removed.

use std::ops::Range;

use crate::canonical::{Canonicalizer, PART_NAMES, PartsDamaged, from_parts};
use crate::event::OWN_SOURCE;
use crate::hash::Hash;
use crate::row::{Column, EncodedRows, Micros, RowView};
use crate::salt::PARTS;
use crate::stored;

/// Parts of an event that can be erased: all but the fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErasableParts {
    /// Ids of actor and targets, `external_id`, session, request and trace ids.
    pub identity: bool,
    /// Names, e-mail addresses, IP address, user agent, groups.
    pub personal: bool,
    /// Message, reason, changes, http, surface, metadata.
    pub detail: bool,
}

impl ErasableParts {
    /// Nothing.
    pub const NONE: Self = Self { identity: false, personal: false, detail: false };
    /// Who somebody is, and nothing else.
    pub const PERSONAL: Self = Self { personal: true, ..Self::NONE };
    /// What was said about it, and nothing else.
    pub const DETAIL: Self = Self { detail: true, ..Self::NONE };

    /// Whether a part, by its number, is among them.
    pub const fn has(self, part: usize) -> bool {
        match part {
            1 => self.identity,
            2 => self.personal,
            3 => self.detail,
            _ => false,
        }
    }

    /// Whether it is no part at all.
    pub const fn is_empty(self) -> bool {
        !(self.identity || self.personal || self.detail)
    }

    /// The parts of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            identity: self.identity || other.identity,
            personal: self.personal || other.personal,
            detail: self.detail || other.detail,
        }
    }

    /// These parts but for others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self {
            identity: self.identity && !others.identity,
            personal: self.personal && !others.personal,
            detail: self.detail && !others.detail,
        }
    }

    /// The parts that a row has lost.
    pub fn erased_of(row: &RowView<'_>) -> Self {
        let [_, identity, personal, detail] = row.erased.map(|hash| hash.is_some());
        Self { identity, personal, detail }
    }

    /// Whether all of these are among `others`.
    pub fn is_within(self, others: Self) -> bool {
        self.union(others) == others
    }

    /// The names of the parts.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0..PARTS).filter(move |part| self.has(*part)).map(|part| PART_NAMES[part])
    }

    /// The names with commas between them, as a record of an erasure has them.
    pub fn to_text(self) -> String {
        self.names().collect::<Vec<_>>().join(",")
    }

    /// Reads what [`ErasableParts::to_text`] makes.
    ///
    /// # Errors
    /// As [`ErasableParts::add`]; no part at all is none either.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let mut parts = Self::NONE;
        text.split(',').try_for_each(|name| parts.add(name))?;
        Ok(parts)
    }

    /// Adds the part of this name.
    ///
    /// # Errors
    /// What would be right, if there is no such part or it is never erased.
    pub fn add(&mut self, name: &str) -> Result<(), String> {
        match name {
            "identity" => self.identity = true,
            "personal" => self.personal = true,
            "detail" => self.detail = true,
            "fact" => return Err("the fact is never erased; it can be identity, personal or detail".to_owned()),
            _ => return Err(format!("there is no part {name:?}; it can be identity, personal or detail")),
        }
        Ok(())
    }
}

/// The row without some of its parts. What was erased before stays so. `hashes` are those of all of the row's parts.
///
/// # Errors
/// If the row is not canonical.
pub fn erase(
    row: &RowView<'_>,
    recorded_at: Micros,
    hashes: &[Hash; PARTS],
    parts: ErasableParts,
) -> Result<EncodedRows, PartsDamaged> {
    let gone = parts.union(ErasableParts::erased_of(row));
    let texts = Canonicalizer::new()
        .parts(row, recorded_at)
        .map_err(|error| PartsDamaged { part: PART_NAMES[0], problem: error.to_string() })?;
    let [fact, identity, personal, detail] = &texts.texts;
    let kept = |part: usize, text| (!gone.has(part)).then_some(text);
    let rows = from_parts(fact, kept(1, &**identity), kept(2, &**personal), kept(3, &**detail))?;
    let mut left = RowView { occurred_at: row.occurred_at, ..rows.row(0) };
    // Who sent it is of use only together with `external_id`.
    left.texts[Column::Sender as usize] = row.get(Column::Sender).filter(|_| !gone.identity);
    for (part, hash) in hashes.iter().enumerate() {
        left.erased[part] = gone.has(part).then_some(row.erased[part].unwrap_or(hash));
    }
    let mut erased = EncodedRows::new();
    erased.push(&left);
    Ok(erased)
}

/// Sequence numbers, ascending, as ranges.
pub fn ranges_of(seqs: impl IntoIterator<Item = u64>) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for seq in seqs {
        match ranges.last_mut() {
            Some(last) if last.end == seq => last.end = seq + 1,
            _ => ranges.push(seq..seq + 1),
        }
    }
    ranges
}

/// Ranges as a record of an erasure has them: `3-7,9`, both ends included.
pub fn ranges_to_text(ranges: &[Range<u64>]) -> String {
    let text = |range: &Range<u64>| match range.end - range.start {
        1 => range.start.to_string(),
        _ => format!("{}-{}", range.start, range.end - 1),
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

/// Reads what [`ranges_to_text`] makes; `None` for anything else.
pub fn ranges_from_text(text: &str) -> Option<Vec<Range<u64>>> {
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && last < u64::MAX).then(|| first..last + 1)
    };
    text.split(',').filter(|text| !text.is_empty()).map(range).collect()
}

/// The parts that are gone from the events of a log, held against what the records of erasures and redactions list. A part
/// that is gone and that none of them lists is an integrity failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By part, ascending.
    gone: [Vec<Range<u64>>; PARTS],
    there: [Vec<Range<u64>>; PARTS],
    /// By part, as the records have them.
    listed: [Vec<Range<u64>>; PARTS],
}

impl Ledger {
    /// Takes the next event of the log, with the parts of it that are gone. Events come in the order of the log.
    ///
    /// # Errors
    /// What is wrong with it, if it is the record of an erasure or redaction and cannot be one.
    pub fn note(&mut self, seq: u64, row: &RowView<'_>, gone: ErasableParts) -> Result<(), String> {
        for part in 1..PARTS {
            let of_part = if gone.has(part) { &mut self.gone[part] } else { &mut self.there[part] };
            match of_part.last_mut() {
                Some(last) if last.end == seq => last.end = seq + 1,
                _ => of_part.push(seq..seq + 1),
            }
        }
        if is_record_of_removal(row) { self.note_record(seq, row, gone) } else { Ok(()) }
    }

    fn note_record(&mut self, seq: u64, row: &RowView<'_>, gone: ErasableParts) -> Result<(), String> {
        if gone.detail {
            return Err("it says what was erased from the log, and its detail is gone: that is never erased".to_owned());
        }
        // Not shown, which is for the reader to judge.
        let Some(metadata) = row.get(Column::Metadata) else { return Ok(()) };
        let texts = stored::whole_texts(metadata);
        let text = |key: &str| texts.get(key).map(String::as_str).unwrap_or_default();
        let parts =
            ErasableParts::from_text(text("parts")).map_err(|error| format!("its parts cannot be read: {error}"))?;
        let ranges = ranges_from_text(text("ranges")).filter(|ranges| !ranges.is_empty());
        let ranges = ranges.ok_or("its ranges of erased events cannot be read")?;
        if let Some(late) = ranges.iter().find(|range| range.end > seq) {
            let last = late.end - 1;
            return Err(format!("it lists event {last}, which did not come before it: its ranges are others"));
        }
        for part in (0..PARTS).filter(|part| parts.has(*part)) {
            self.listed[part].extend(ranges.iter().cloned());
        }
        Ok(())
    }

    /// Ranges of events from which a part, by its number, is gone though no record lists it.
    pub fn unlisted(&self) -> Vec<(usize, Range<u64>)> {
        let of_part = |part: usize| without(&self.gone[part], joined(&self.listed[part])).into_iter();
        (0..PARTS).flat_map(|part| of_part(part).map(move |range| (part, range))).collect()
    }

    /// How many parts a record lists and are still there: a legal hold keeps them, or the erasure was not finished.
    pub fn listed_and_there(&self) -> u64 {
        let of_part = |part: usize| {
            let there: u64 = self.there[part].iter().map(|range| range.end - range.start).sum();
            let unlisted = without(&self.there[part], joined(&self.listed[part]));
            there - unlisted.iter().map(|range| range.end - range.start).sum::<u64>()
        };
        (0..PARTS).map(of_part).sum()
    }
}

/// Whether an event tells what became of the log itself: what was erased, redacted or purged, and after which restore it goes
/// on. A verifier judges by it what else is there, so its detail is never removed.
pub fn is_evidence(row: &RowView<'_>) -> bool {
    matches!(row.get(Column::Action), Some("record.erase" | "record.redact" | "record.purge" | "audit_log.continue"))
        && row.get(Column::Source) == Some(OWN_SOURCE)
}

/// Whether an event is the record of an erasure or redaction that was approved.
fn is_record_of_removal(row: &RowView<'_>) -> bool {
    matches!(row.get(Column::Action), Some("record.erase" | "record.redact"))
        && row.get(Column::Source) == Some(OWN_SOURCE)
        && row.get(Column::Outcome) == Some("success")
}

/// Ranges in any order as ascending ones that do not touch.
fn joined(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// What of some ascending ranges is not in others, which are [`joined`].
fn without(ranges: &[Range<u64>], others: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut left = Vec::new();
    for range in ranges {
        let mut start = range.start;
        let first = others.partition_point(|other| other.end <= start);
        for other in others[first..].iter().take_while(|other| other.start < range.end) {
            if other.start > start {
                left.push(start..other.start);
            }
            start = start.max(other.end);
        }
        if start < range.end {
            left.push(start..range.end);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::commit;
    use crate::salt::EpochKey;

    const SALTS: EpochKey = EpochKey([5; 32]);

    fn row() -> RowView<'static> {
        let mut row = RowView { occurred_at: Some(7), ..RowView::EMPTY };
        let texts = [
            (Column::Action, "component.deploy"),
            (Column::Outcome, "success"),
            (Column::Source, "api"),
            (Column::Sender, "key:1"),
            (
                Column::Actor,
                r#"{"type":"agent","id":"bot","name":"Bot","metadata":{"a":1},"on_behalf_of":{"type":"user","id":"ada","email":"ada@example.com"}}"#,
            ),
            (Column::SessionId, "ses"),
            (Column::Targets, r#"[{"type":"component","id":"c","name":"orders"},{"type":"project","id":"p"}]"#),
            (Column::Ip, "10.0.0.1"),
            (Column::Message, "Ada deployed"),
            (Column::ExternalId, "x-1"),
        ];
        for (column, text) in texts {
            row.texts[column as usize] = Some(text);
        }
        row
    }

    fn hashes(row: &RowView<'_>) -> [Hash; PARTS] {
        Canonicalizer::new().part_hashes(row, 9, &SALTS.salts(3)).unwrap()
    }

    fn every_choice() -> impl Iterator<Item = ErasableParts> {
        (0..8u8).map(|bits| ErasableParts { identity: bits & 1 != 0, personal: bits & 2 != 0, detail: bits & 4 != 0 })
    }

    #[test]
    fn the_commit_stays_and_nothing_of_the_part_does() {
        let (row, of_part) =
            (row(), [["ada\"", "x-1", "ses"], ["@example", "orders", "10.0"], ["deployed", "\"a\"", "a\":1"]]);
        let before = hashes(&row);
        for parts in every_choice() {
            let rows = erase(&row, 9, &before, parts).unwrap();
            let again = EncodedRows::from_bytes(rows.as_bytes().to_vec()).unwrap();
            let left = again.row(0);
            assert_eq!(ErasableParts::erased_of(&left), parts);
            assert_eq!(commit(&hashes(&left)), commit(&before), "{parts:?}");
            assert_eq!(left.get(Column::Sender).is_some(), !parts.identity);
            let text = left.texts.iter().flatten().copied().collect::<Vec<_>>().join("\n");
            for (part, words) in of_part.iter().enumerate() {
                for word in words {
                    assert_eq!(text.contains(word), !parts.has(part + 1), "{word} {parts:?} {text}");
                }
            }
            // One part after the other, and again, comes to the same.
            let step = erase(&row, 9, &before, ErasableParts { detail: false, ..parts }).unwrap();
            let twice = erase(&step.row(0), 9, &hashes(&step.row(0)), parts).unwrap();
            assert_eq!(twice, rows);
        }
    }

    #[test]
    fn ranges_read_back() {
        let ranges = ranges_of([0, 3, 4, 5, 9, 11, 12]);
        assert_eq!(ranges_to_text(&ranges), "0,3-5,9,11-12");
        assert_eq!(ranges_from_text("0,3-5,9,11-12"), Some(ranges));
        for bad in ["a", "5-3", "1-", "-1", "1,,x", "18446744073709551615"] {
            assert_eq!(ranges_from_text(bad), None, "{bad}");
        }
    }

    fn noted(ledger: &mut Ledger, seq: u64, gone: ErasableParts, metadata: Option<&str>) -> Result<(), String> {
        let mut row = row();
        if let Some(metadata) = metadata {
            row.texts[Column::Action as usize] = Some("record.erase");
            row.texts[Column::Source as usize] = Some(OWN_SOURCE);
            row.texts[Column::Metadata as usize] = Some(metadata);
        }
        ledger.note(seq, &row, gone)
    }

    #[test]
    fn what_is_gone_is_held_against_what_is_listed() {
        let mut ledger = Ledger::default();
        for seq in 0..20 {
            let gone = if (3..9).contains(&seq) { ErasableParts::PERSONAL } else { ErasableParts::NONE };
            noted(&mut ledger, seq, gone, None).unwrap();
        }
        assert_eq!(ledger.unlisted(), [(2, 3..9)]);
        noted(&mut ledger, 20, ErasableParts::NONE, Some(r#"{"parts":"personal","ranges":"4-5,","ranges.2":"8,12"}"#))
            .unwrap();
        assert_eq!(ledger.unlisted(), [(2, 3..4), (2, 6..8)]);
        assert_eq!(ledger.listed_and_there(), 1);
        noted(&mut ledger, 21, ErasableParts::NONE, Some(r#"{"parts":"detail","ranges":"3-8"}"#)).unwrap();
        assert_eq!(ledger.unlisted(), [(2, 3..4), (2, 6..8)], "of another part");
        noted(&mut ledger, 22, ErasableParts::NONE, Some(r#"{"parts":"identity,personal","ranges":"0-7"}"#)).unwrap();
        assert_eq!(ledger.unlisted(), []);
        for (gone, metadata, problem) in [
            (ErasableParts::NONE, r#"{"parts":"personal","ranges":"3-30"}"#, "lists event 30"),
            (ErasableParts::NONE, r#"{"parts":"fact","ranges":"3"}"#, "its parts"),
            (ErasableParts::NONE, r#"{"parts":"personal"}"#, "its ranges"),
            (ErasableParts::DETAIL, r#"{"parts":"personal","ranges":"3"}"#, "never erased"),
        ] {
            let refused = noted(&mut ledger.clone(), 23, gone, Some(metadata)).unwrap_err();
            assert!(refused.contains(problem), "{refused}");
        }
    }

    #[test]
    fn parts_have_names() {
        let mut parts = ErasableParts::NONE;
        parts.add("detail").unwrap();
        parts.add("personal").unwrap();
        assert_eq!(parts.to_text(), "personal,detail");
        assert!(parts.add("fact").unwrap_err().contains("never"));
        assert!(parts.add("name").unwrap_err().contains("no part"));
    }
}
