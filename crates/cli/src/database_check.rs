//! What logs say that the database of a data folder must have beside them: the organizations that the operator's log saw created,
//! and the legal holds that were placed and not released. Rows of a database can be deleted without any key.

use std::collections::BTreeMap;

use actarium_core::log_records::{HoldRecord, hold_record, listed_organization};
use actarium_core::row::RowView;
use actarium_store::{Engine, Organization, ReadError};
use actarium_verify::Report;

/// The organization in whose log the service and its operator are recorded.
pub const OPERATOR_SLUG: &str = "actarium";
/// Kind of the entries that legal holds are in the database.
const HOLD_KIND: &str = "legal_hold";

/// What the events of a log say of the database, as far as they are left.
#[derive(Debug, Default)]
pub struct Recorded {
    /// By slug, the event that an organization's creation is on record with.
    organizations: BTreeMap<String, u64>,
    /// By id, the event that said last what became of a legal hold, and whether it was placed.
    holds: BTreeMap<String, (u64, bool)>,
}

impl Recorded {
    /// Takes the next event.
    pub fn note(&mut self, seq: u64, row: &RowView<'_>) {
        if let Some(slug) = listed_organization(row) {
            self.organizations.insert(slug, seq);
        }
        let said = match hold_record(row) {
            Some(HoldRecord::Placed(id)) => (id, true),
            Some(HoldRecord::Released(id)) => (id, false),
            None => return,
        };
        self.holds.insert(said.0, (seq, said.1));
    }

    /// Compares with what the database has. Holds whose records were purged meanwhile are not compared.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn compare(&self, engine: &Engine, organization: &Organization, report: &mut Report) -> Result<(), ReadError> {
        let kept = engine.directory_entries(HOLD_KIND, Some(organization.id))?;
        for (id, (seq, is_placed)) in &self.holds {
            let is_there = kept.iter().any(|entry| entry.id == *id);
            let place = format!("legal hold {id}");
            match (is_placed, is_there) {
                (true, false) => report.find(
                    place,
                    format!("event {seq} placed it, no record releases it, and the database does not have it: it was taken away"),
                ),
                (false, true) => {
                    report.find(place, format!("event {seq} released it, and the database has it still or again"));
                }
                _ => {}
            }
        }
        // Others' logs may say so too, by events that were given to them.
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
}
