//! An approved removal as it stands in the log and in the directory: records that list exactly which parts of which events
//! go, and the same as plans that the work follows, in one commit. What the records say is what verifiers hold missing parts
//! against ([`actarium_core::erasure`]).

use std::ops::Range;

use actarium_core::erasure::{ErasableParts, ranges_to_text};
use actarium_core::limits::METADATA_TEXT_CHARS_MAX;
use actarium_store::OrganizationId;
use serde_json::{Value, json};

use super::Found;
use crate::directory::removal::{Removal, RemovalKind, RemovalPlan};
use crate::directory::{Edit, Kept};
use crate::limits;
use crate::problem::Problem;
use crate::recorder::OwnRecord;

/// The records of the log as a target.
const RECORDS: &str = "records";

/// Adds the records and the plans of a removal to the commit that approves it.
///
/// # Errors
/// 500 for a fault of this program.
pub fn put_on_record(
    edit: &mut Edit,
    organization: OrganizationId,
    removal: &Kept<Removal>,
    found: &Found,
    approved_by: &Value,
) -> Result<(), Problem> {
    let mut number = 0;
    for (parts, ranges) in found.groups() {
        for piece in pieces(&ranges) {
            let plan = RemovalPlan { parts: parts.to_text(), ranges: ranges_to_text(piece) };
            edit.put(Some(organization), &format!("{}/{number:05}", removal.id), None, &plan)?;
            edit.record(organization, record(removal, parts, piece, &plan.ranges, approved_by));
            number += 1;
        }
    }
    Ok(())
}

fn record(
    removal: &Kept<Removal>,
    parts: ErasableParts,
    piece: &[Range<u64>],
    ranges: &str,
    approved_by: &Value,
) -> OwnRecord {
    let action = match removal.kind {
        RemovalKind::Erasure => "record.erase",
        RemovalKind::Redaction => "record.redact",
    };
    let records: u64 = piece.iter().map(|range| range.end - range.start).sum();
    let mut record = OwnRecord::new(action, removal.asked_by.clone(), json!({"type": "record", "id": RECORDS}))
        .on(json!({"type": "removal", "id": removal.id}))
        .with("records", records)
        .with("parts", parts.to_text())
        .with("approved_by", approved_by["id"].clone());
    for (number, text) in (1..).zip(texts(ranges)) {
        let key = if number == 1 { "ranges".to_owned() } else { format!("ranges.{number}") };
        record = record.with(&key, text);
    }
    if let Some(pseudonym) = &removal.pseudonym {
        record = record.with("pseudonym", pseudonym.as_str());
    }
    record.reason = Some(removal.reason.clone());
    record
}

/// A text of ranges in texts that each fit into one value. Each ends behind a comma, so that no range is cut, and all of them
/// one behind the other are the text again.
fn texts(ranges: &str) -> Vec<&str> {
    let (mut texts, mut rest) = (Vec::new(), ranges);
    while rest.len() > METADATA_TEXT_CHARS_MAX {
        let comma = rest.as_bytes()[..METADATA_TEXT_CHARS_MAX].iter().rposition(|byte| *byte == b',');
        let (text, more) = rest.split_at(comma.map_or(METADATA_TEXT_CHARS_MAX, |comma| comma + 1));
        texts.push(text);
        rest = more;
    }
    texts.push(rest);
    texts
}

/// Ranges in runs that each fit into one record.
fn pieces(ranges: &[Range<u64>]) -> Vec<&[Range<u64>]> {
    let (mut pieces, mut start, mut chars) = (Vec::new(), 0, 0);
    for (at, range) in ranges.iter().enumerate() {
        let more = ranges_to_text(std::slice::from_ref(range)).len() + 1;
        if chars + more > limits::REMOVAL_RECORD_RANGES_CHARS_MAX {
            pieces.push(&ranges[start..at]);
            (start, chars) = (at, 0);
        }
        chars += more;
    }
    if start < ranges.len() {
        pieces.push(&ranges[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use actarium_core::erasure::ranges_from_text;

    use super::*;

    #[test]
    fn ranges_go_on_in_further_records() {
        let ranges: Vec<_> = (0..5_000u64).map(|n| n * 1_000..n * 1_000 + 2).collect();
        let pieces = pieces(&ranges);
        assert!(pieces.len() > 3);
        let texts: Vec<_> = pieces.iter().map(|piece| ranges_to_text(piece)).collect();
        assert!(texts.iter().all(|text| text.len() <= limits::REMOVAL_RECORD_RANGES_CHARS_MAX));
        assert_eq!(pieces.concat(), ranges);
    }

    #[test]
    fn ranges_go_on_in_further_values_and_none_is_cut() {
        let ranges: Vec<_> = (0..900u64).map(|n| n * 1_007..n * 1_007 + 1 + n % 2).collect();
        let text = ranges_to_text(&ranges);
        let texts = texts(&text);
        assert!(texts.len() > 3 && texts.iter().all(|text| text.len() <= METADATA_TEXT_CHARS_MAX));
        assert_eq!(texts.concat(), text);
        let read: Vec<_> = texts.iter().flat_map(|text| ranges_from_text(text).unwrap()).collect();
        assert_eq!(read, ranges, "each value can be read by itself");
        let record = texts.iter().zip(1..).fold(serde_json::Map::new(), |mut record, (text, number)| {
            let key = if number == 1 { "ranges".to_owned() } else { format!("ranges.{number}") };
            record.insert(key, json!(text));
            record
        });
        let whole = actarium_core::stored::whole_texts(&Value::Object(record).to_string());
        assert_eq!(ranges_from_text(&whole["ranges"]), Some(ranges), "and all of them together, as readers do");
    }
}
