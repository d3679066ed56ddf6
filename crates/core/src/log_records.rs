//! Events by which a log tells of itself: whose it is, and what it purges. Whoever shows a log is measured by these; what else
//! became of it is told in `erasure` and `continuation`.

use crate::event::OWN_SOURCE;
use crate::row::{Column, Micros, RowView};
use crate::{stored, time};

/// What the organization of a log is called, if an event is the one that created it: the first of the log. The name that people
/// give it may change, this one never does.
pub fn created_organization(seq: u64, row: &RowView<'_>) -> Option<String> {
    if seq == 0 { own_target(row, "organization.create", "organization") } else { None }
}

/// What an organization is called that an event of the operator's log says was created.
pub fn listed_organization(row: &RowView<'_>) -> Option<String> {
    own_target(row, "organization.create", "organization")
}

/// What an event says of a legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldRecord {
    /// The hold with this id was placed,
    Placed(String),
    /// or released.
    Released(String),
}

/// What an event says of a legal hold; nothing, if it says nothing or not of which.
pub fn hold_record(row: &RowView<'_>) -> Option<HoldRecord> {
    let placed = own_target(row, "legal_hold.place", "legal_hold").map(HoldRecord::Placed);
    placed.or_else(|| own_target(row, "legal_hold.release", "legal_hold").map(HoldRecord::Released))
}

/// The id of the target of this kind of what the service itself says that it has done.
fn own_target(row: &RowView<'_>, action: &str, kind: &str) -> Option<String> {
    let is_done = row.get(Column::Action) == Some(action)
        && row.get(Column::Source) == Some(OWN_SOURCE)
        && row.get(Column::Outcome) == Some("success");
    let targets = row.get(Column::Targets).filter(|_| is_done)?;
    let target = stored::targets(targets).find(|target| target.kind == kind)?;
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
        assert_eq!(told("legal_hold.release", OWN_SOURCE, "success"), Some(HoldRecord::Released(id())));
        assert_eq!(told("legal_hold.place", OWN_SOURCE, "denied"), None);
        assert_eq!(told("legal_hold.place", "api", "success"), None);
        assert_eq!(told("organization.create", OWN_SOURCE, "success"), None);
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
