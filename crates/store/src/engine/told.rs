//! What a log tells of itself, compared with what the database says of it: whose it is, in which generation, and what was purged.
//! The database is written without any key, and the events are not.

use actarium_core::log_records::{created_organization, purged_before};
use actarium_core::row::{Micros, RowView};
use actarium_core::time;

use super::generation;
use super::log::Log;
use super::seal::SealError;
use super::shared::Shared;
use crate::backend::ManifestEntry;
use crate::segment::Tier;

/// What events told that were read just now.
#[derive(Default)]
pub(crate) struct Told {
    purged_before: Option<Micros>,
}

impl Told {
    /// Takes an event.
    ///
    /// # Errors
    /// If it does not fit what the database says of the log.
    pub fn take(&mut self, log: &Log, seq: u64, row: &RowView<'_>) -> Result<(), SealError> {
        generation::check_event(log, seq, row).map_err(SealError::NotProved)?;
        let slug = &log.organization.slug;
        if let Some(created) = created_organization(seq, row).filter(|created| created != slug) {
            let detail =
                format!("event {seq} created the organization as `{created}`, and the database calls it `{slug}`");
            return Err(SealError::NotProved(detail));
        }
        let before = purged_before(row).map_err(|detail| SealError::NotProved(format!("event {seq}: {detail}")))?;
        self.purged_before = self.purged_before.max(before);
        Ok(())
    }

    /// Keeps what they told, once they are proved to be of the log.
    pub fn keep(self, log: &Log) {
        let mut known = log.purged_before.lock();
        *known = known.max(self.purged_before);
    }
}

/// Whether a purge on record reaches all that only times and commits are left of. Everything else of the log has been read
/// before; what was recorded meanwhile is looked for if it seems not to be so.
pub(crate) fn prove_purges(shared: &Shared, log: &Log) -> Result<(), SealError> {
    let purged: Vec<ManifestEntry> = {
        let state = log.state.lock();
        state.manifest.iter().filter(|entry| entry.summary.tier == Tier::Purged).cloned().collect()
    };
    let unreached = |before: Option<Micros>| {
        purged.iter().find(|entry| before.is_none_or(|before| entry.summary.recorded.1 >= before))
    };
    let known = *log.purged_before.lock();
    if unreached(known).is_none() {
        return Ok(());
    }
    let known = known.max(newest_purge(shared, log)?);
    let Some(entry) = unreached(known) else { return Ok(()) };
    let reach = match known {
        Some(before) => format!("the purges on record reach to {}", time::to_text(before)),
        None => "the log has no record of a purge".to_owned(),
    };
    let (first, last) = (entry.summary.first_seq, entry.end_seq() - 1);
    Err(SealError::Segment(format!(
        "the events {first} to {last}, recorded up to {}, are passed off as purged ({}): {reach}",
        time::to_text(entry.summary.recorded.1),
        entry.path
    )))
}

/// How far the purges reach that are on record now.
fn newest_purge(shared: &Shared, log: &Log) -> Result<Option<Micros>, SealError> {
    let snapshot = shared.snapshot(log)?;
    let mut newest = None;
    let mut look = |row: &RowView<'_>| newest = newest.max(purged_before(row).ok().flatten());
    for segment in snapshot.segments.iter() {
        segment.for_each_row(segment.summary().first_seq..segment.end_seq(), &mut |_, _, row| look(&row))?;
    }
    snapshot.tail.iter().for_each(|batch| batch.rows.iter().for_each(|(_, _, row)| look(&row)));
    Ok(newest)
}
