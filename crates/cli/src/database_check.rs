//! What `verify DIR` compares a folder's database with: its logs say which organizations and legal holds must be there, and rows
//! are deleted without any key. (`record` is the command that records events.)
//!
//! What must not happen here: saying that a row was taken away where the record that explains it may just be gone.

use std::collections::BTreeMap;

use actarium_core::log_records::{HoldRecord, hold_record, listed_organization};
use actarium_core::row::RowView;
use actarium_server::app::OPERATOR_SLUG;
use actarium_server::directory::document::Document as _;
use actarium_server::directory::governance::LegalHold;
use actarium_store::{Engine, Organization, ReadError};
use actarium_verify::Report;

/// What the events of a log say of the database, as far as they are left.
#[derive(Debug, Default)]
pub struct DatabaseCheck {
    /// By slug, the event that an organization's creation is on record with.
    organizations: BTreeMap<String, u64>,
    /// By id, the event that said last what became of a legal hold, and whether it was placed.
    holds: BTreeMap<String, (u64, bool)>,
    /// The last event that released a hold and says no more which.
    released_unnamed: Option<u64>,
}

impl DatabaseCheck {
    /// Takes the next event of the log.
    pub fn note(&mut self, seq: u64, row: &RowView<'_>) {
        if let Some(slug) = listed_organization(row) {
            self.organizations.insert(slug, seq);
        }
        match hold_record(row) {
            Some(HoldRecord::Placed(id)) => drop(self.holds.insert(id, (seq, true))),
            Some(HoldRecord::Released(Some(id))) => drop(self.holds.insert(id, (seq, false))),
            Some(HoldRecord::Released(None)) => self.released_unnamed = Some(seq),
            None => {}
        }
    }

    /// Takes that events were purged that come next in the log: what released a hold placed before them may be among them.
    pub fn note_purged(&mut self) {
        self.holds.retain(|_, (_, is_placed)| !*is_placed);
    }

    /// Compares with what the database has.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn compare(&self, engine: &Engine, organization: &Organization, report: &mut Report) -> Result<(), ReadError> {
        let kept = engine.directory_entries(LegalHold::KIND, Some(organization.id))?;
        self.judge_holds(|id| kept.iter().any(|entry| entry.id == id), report);
        // The operator's log alone says it of others: any other log has the creation of its own organization.
        if organization.slug == OPERATOR_SLUG {
            for (slug, seq) in &self.organizations {
                if engine.organization(slug).is_none() {
                    report.find(
                        format!("organization {slug}"),
                        format!("event {seq} of the operator's log created it, and the database does not have it: its log was taken away"),
                    );
                }
            }
        }
        Ok(())
    }

    fn judge_holds(&self, is_there: impl Fn(&str) -> bool, report: &mut Report) {
        for (id, (seq, is_placed)) in &self.holds {
            let place = format!("legal hold {id}");
            match (is_placed, is_there(id), self.released_unnamed.filter(|released| released > seq)) {
                (true, false, None) => report.find(
                    place,
                    format!("event {seq} placed it, no record releases it, and the database does not have it: it was taken away"),
                ),
                (true, false, Some(released)) => report.undecided.push(format!(
                    "whether the {place}, which event {seq} placed and the database does not have, was released: event {released} \
                     released one, and which is erased"
                )),
                (false, true, _) => {
                    report.find(place, format!("event {seq} released it, and the database has it still or again"));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actarium_core::event::OWN_SOURCE;
    use actarium_core::row::Column;

    use super::*;

    fn take(check: &mut DatabaseCheck, seq: u64, action: &str, id: &str) {
        let targets = format!(r#"[{{"type":"legal_hold","id":"{id}"}}]"#);
        let mut row = RowView::EMPTY;
        for (column, text) in [
            (Column::Action, action),
            (Column::Source, OWN_SOURCE),
            (Column::Outcome, "success"),
            (Column::Targets, &targets),
        ] {
            row.texts[column as usize] = Some(text);
        }
        check.note(seq, &row);
    }

    fn judged(check: &DatabaseCheck, there: &[&str]) -> Report {
        let mut report = Report::default();
        check.judge_holds(|id| there.contains(&id), &mut report);
        report
    }

    #[test]
    fn a_hold_whose_release_may_have_been_purged_is_not_missed() {
        let mut check = DatabaseCheck::default();
        take(&mut check, 3, "legal_hold.place", "hold_1");
        take(&mut check, 4, "legal_hold.place", "hold_2");
        take(&mut check, 5, "legal_hold.release", "hold_2");
        assert!(judged(&check, &[]).findings[0].problem.starts_with("event 3 placed it"), "nothing is purged so far");
        check.note_purged();
        take(&mut check, 300, "legal_hold.place", "hold_3");
        let report = judged(&check, &["hold_3"]);
        assert!(report.is_sound() && report.undecided.is_empty(), "{report}");
        // What a purge cannot explain is found as before.
        let report = judged(&check, &["hold_2"]);
        let places: Vec<_> = report.findings.iter().map(|finding| &*finding.place).collect();
        assert_eq!(places, ["legal hold hold_2", "legal hold hold_3"], "{report}");
    }

    #[test]
    fn a_hold_whose_release_says_no_more_of_which_is_undecided() {
        let mut check = DatabaseCheck::default();
        take(&mut check, 3, "legal_hold.place", "hold_1");
        take(&mut check, 4, "legal_hold.release", "");
        assert!(judged(&check, &["hold_1"]).undecided.is_empty());
        let report = judged(&check, &[]);
        assert!(report.is_sound() && report.undecided.len() == 1, "{report}");
        assert!(report.undecided[0].contains("legal hold hold_1, which event 3 placed"), "{report}");
        assert!(report.undecided[0].contains("event 4 released one"), "{report}");
        // One that was placed since was not released by it.
        take(&mut check, 5, "legal_hold.place", "hold_2");
        let report = judged(&check, &[]);
        assert!(report.findings.len() == 1 && report.findings[0].place == "legal hold hold_2", "{report}");
    }
}
