//! Events by which a log tells of itself: whose it is, and what it purges. Whoever shows a log is measured by these; what else
//! became of it is told in `erasure` and `continuation`.

use crate::event::OWN_SOURCE;
use crate::row::{Column, Micros, RowView};
use crate::{stored, time};

/// What the organization of a log is called, if an event is the one that created it: the first of the log. The name that people
/// give it may change, this one never does.
pub fn created_organization(seq: u64, row: &RowView<'_>) -> Option<String> {
    let is_creation = seq == 0
        && row.get(Column::Action) == Some("organization.create")
        && row.get(Column::Source) == Some(OWN_SOURCE)
        && row.get(Column::Outcome) == Some("success");
    let targets = row.get(Column::Targets).filter(|_| is_creation)?;
    let target = stored::targets(targets).find(|target| target.kind == "organization")?;
    Some(target.id.into_owned()).filter(|id| !id.is_empty())
}

/// The time before which everything may have been purged, if an event is the record of a purge; nothing, if it is none or
/// its detail is not shown. A purge is on record before anything goes, so what is gone and reached by none is withheld.
///
/// # Errors
/// What cannot be read of it.
pub fn purged_before(row: &RowView<'_>) -> Result<Option<Micros>, String> {
    let is_purge = row.get(Column::Action) == Some("record.purge")
        && row.get(Column::Source) == Some(OWN_SOURCE)
        // One that has begun is on record before its outcome is known.
        && matches!(row.get(Column::Outcome), Some("success" | "unknown"));
    let Some(metadata) = row.get(Column::Metadata).filter(|_| is_purge) else { return Ok(None) };
    let before = stored::whole_texts(metadata).remove("before").unwrap_or_default();
    time::parse(&before).map(Some).map_err(|error| format!("its `before` is no time: {error}"))
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
