//! An approved removal as it stands in the log and in the directory: records that list exactly which parts of which events
//! go, and the same as plans that the work follows, in one commit. What the records say is what verifiers hold missing parts
//! against ([`actarium_core::erasure`]).

use std::ops::Range;

use actarium_core::erasure::{ErasableParts, ranges_to_text};
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
        .with("approved_by", approved_by["id"].clone())
        .with_whole("ranges", ranges);
    if let Some(pseudonym) = &removal.pseudonym {
        record = record.with("pseudonym", pseudonym.as_str());
    }
    record.reason = Some(removal.reason.clone());
    record
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
}
