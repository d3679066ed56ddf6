//! Events by which a log tells of itself: whose it is, and what it purges. Whoever shows a log is measured by these; what else
//! became of it is told in `erasure` and `continuation`.

use crate::event::OWN_SOURCE;
use crate::row::{Column, Micros, RowView};
use crate::{stored, time};

/// What the organization of a log is called, if an event is the one that created it: the first of the log. The name that people
/// give it may change, this one never does.
pub fn created_organization(seq: u64, row: &RowView<'_>) -> Option<String> {
    if seq == 0 { listed_organization(row) } else { None }
}

/// What an organization is called that an event of the operator's log says was created.
pub fn listed_organization(row: &RowView<'_>) -> Option<String> {
    is_own(row, "organization.create").then(|| target_id(row, "organization")).flatten()
}

/// Under which key the detail of a record of a legal hold has the hold's id once more: an erasure of who placed or released it
/// takes the ids of the targets.
pub const HOLD_ID_KEY: &str = "hold";

/// What an event says of a legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldRecord {
    /// The hold with this id was placed,
    Placed(String),
    /// or released; which one is not known, if an erasure or redaction has taken its id.
    Released(Option<String>),
}

/// What an event says of a legal hold; nothing, if it says nothing, or that one was placed and not which.
pub fn hold_record(row: &RowView<'_>) -> Option<HoldRecord> {
    let in_detail = || stored::whole_texts(row.get(Column::Metadata)?).remove(HOLD_ID_KEY);
    let id = || target_id(row, "legal_hold").or_else(in_detail);
    if is_own(row, "legal_hold.place") {
        id().map(HoldRecord::Placed)
    } else {
        is_own(row, "legal_hold.release").then(|| HoldRecord::Released(id()))
    }
}

/// Whether the service itself says that it has done this.
fn is_own(row: &RowView<'_>, action: &str) -> bool {
    row.get(Column::Action) == Some(action)
        && row.get(Column::Source) == Some(OWN_SOURCE)
        && row.get(Column::Outcome) == Some("success")
}

/// The id of the first target of this kind, if it is left.
fn target_id(row: &RowView<'_>, kind: &str) -> Option<String> {
    let target = stored::targets(row.get(Column::Targets)?).find(|target| target.kind == kind)?;
    Some(target.id.into_owned()).filter(|id| !id.is_empty())
}

/// What the record of a purge tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeRecord {
    /// The time before which everything may have been purged.
    pub before: Micros,
    /// How many events: were there from before that time when it began, or were purged when it has ended.
    pub records: Option<u64>,
    /// Whether it tells that the purge begins; another record tells how it ended.
    pub begins: bool,
}

/// What an event tells of a purge; nothing, if it is no record of one or its detail is not shown. A purge is on record before
/// anything goes, so what is gone and reached by none is withheld.
///
/// # Errors
/// What cannot be read of it.
pub fn purge_record(row: &RowView<'_>) -> Result<Option<PurgeRecord>, String> {
    let outcome = row.get(Column::Outcome);
    let is_purge = row.get(Column::Action) == Some("record.purge")
        && row.get(Column::Source) == Some(OWN_SOURCE)
        // One that has begun is on record before its outcome is known.
        && matches!(outcome, Some("success" | "unknown"));
    let Some(metadata) = row.get(Column::Metadata).filter(|_| is_purge) else { return Ok(None) };
    let mut texts = stored::whole_texts(metadata);
    let before = texts.remove("before").unwrap_or_default();
    let before = time::parse(&before).map_err(|error| format!("its `before` is no time: {error}"))?;
    let records = texts.remove("records").and_then(|records| records.parse().ok());
    Ok(Some(PurgeRecord { before, records, begins: outcome == Some("unknown") }))
}

/// The time before which everything may have been purged, by an event: see [`purge_record`].
///
/// # Errors
/// What cannot be read of it.
pub fn purged_before(row: &RowView<'_>) -> Result<Option<Micros>, String> {
    Ok(purge_record(row)?.map(|purge| purge.before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Canonicalizer;
    use crate::erasure::{ErasableParts, erase};
    use crate::salt::EpochKey;

    #[test]
    fn an_organization_is_called_so_by_the_first_event_of_its_log() {
        let mut row = RowView::EMPTY;
        for (column, text) in [
            (Column::Action, "organization.create"),
            (Column::Source, OWN_SOURCE),
            (Column::Outcome, "success"),
            (Column::Targets, r#"[{"type":"organization","id":"acme"}]"#),
        ] {
            row.texts[column as usize] = Some(text);
        }
        assert_eq!(created_organization(0, &row).as_deref(), Some("acme"));
        assert_eq!(created_organization(1, &row), None, "any event behind it is of somebody else");
        row.texts[Column::Source as usize] = Some("api");
        assert_eq!(created_organization(0, &row), None);
    }

    #[test]
    fn holds_are_told_by_own_records_of_what_was_done() {
        let told = |action, source, outcome| {
            let mut row = RowView::EMPTY;
            for (column, text) in [
                (Column::Action, action),
                (Column::Source, source),
                (Column::Outcome, outcome),
                (Column::Targets, r#"[{"type":"legal_hold","id":"hold_1"}]"#),
            ] {
                row.texts[column as usize] = Some(text);
            }
            hold_record(&row)
        };
        let id = || "hold_1".to_owned();
        assert_eq!(told("legal_hold.place", OWN_SOURCE, "success"), Some(HoldRecord::Placed(id())));
        assert_eq!(told("legal_hold.release", OWN_SOURCE, "success"), Some(HoldRecord::Released(Some(id()))));
        assert_eq!(told("legal_hold.place", OWN_SOURCE, "denied"), None);
        assert_eq!(told("legal_hold.release", OWN_SOURCE, "denied"), None);
        assert_eq!(told("legal_hold.place", "api", "success"), None);
        assert_eq!(told("organization.create", OWN_SOURCE, "success"), None);
    }

    #[test]
    fn what_an_erasure_leaves_of_a_hold_is_told() {
        let told = |action, metadata, parts| {
            let mut row = RowView { occurred_at: Some(7), ..RowView::EMPTY };
            for (column, text) in [
                (Column::Action, action),
                (Column::Source, OWN_SOURCE),
                (Column::Outcome, "success"),
                (Column::Actor, r#"{"type":"user","id":"u-1","name":"Ada"}"#),
                (Column::Targets, r#"[{"type":"legal_hold","id":"hold_1"}]"#),
            ] {
                row.texts[column as usize] = Some(text);
            }
            row.texts[Column::Metadata as usize] = metadata;
            let hashes = Canonicalizer::new().part_hashes(&row, 9, &EpochKey([5; 32]).salts(3)).unwrap();
            hold_record(&erase(&row, 9, &hashes, parts).unwrap().row(0))
        };
        let (place, release) = ("legal_hold.place", "legal_hold.release");
        let identity = ErasableParts { identity: true, ..ErasableParts::NONE };
        let both = ErasableParts { identity: true, detail: true, ..ErasableParts::NONE };
        let in_detail = Some(r#"{"hold":"hold_1"}"#);
        let id = || "hold_1".to_owned();
        assert_eq!(told(release, in_detail, identity), Some(HoldRecord::Released(Some(id()))));
        assert_eq!(told(place, in_detail, identity), Some(HoldRecord::Placed(id())));
        for (metadata, parts) in [(None, identity), (in_detail, both)] {
            assert_eq!(told(release, metadata, parts), Some(HoldRecord::Released(None)));
            assert_eq!(told(place, metadata, parts), None, "nothing tells which the database must have");
        }
    }

    #[test]
    fn only_own_records_of_purges_say_what_was_purged() {
        let read = |action, source, outcome, metadata| {
            let mut row = RowView::EMPTY;
            for (column, text) in [
                (Column::Action, action),
                (Column::Source, source),
                (Column::Outcome, outcome),
                (Column::Metadata, metadata),
            ] {
                row.texts[column as usize] = Some(text);
            }
            purged_before(&row)
        };
        let before = r#"{"before":"2026-01-02T03:04:05.000000Z"}"#;
        let at = time::parse("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(read("record.purge", OWN_SOURCE, "success", before), Ok(Some(at)));
        assert_eq!(read("record.purge", OWN_SOURCE, "unknown", before), Ok(Some(at)));
        assert_eq!(read("record.purge", OWN_SOURCE, "failure", before), Ok(None));
        assert_eq!(read("record.purge", "api", "success", before), Ok(None));
        assert_eq!(read("record.erase", OWN_SOURCE, "success", before), Ok(None));
        assert!(read("record.purge", OWN_SOURCE, "success", r#"{"before":"soon"}"#).is_err());
    }
}
