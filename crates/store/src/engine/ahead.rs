//! Reading ahead at the start: what is asked for first is the newest page of an organization, and with an empty page cache
//! each piece of it would be waited for, one after the other. Bounded; changes nothing but what is in memory.

use std::sync::{Arc, Weak};

use actarium_core::row::Micros;

use super::loading::living;
use super::log::Log;
use super::shared::Shared;
use super::snapshot::TailBatch;
use crate::backend::ManifestEntry;
use crate::segment::Tier;
use crate::storage::StoredFile;

/// Who asks without a period is answered from the past day.
const PERIOD: Micros = 24 * 60 * 60 * 1_000_000;
/// Most segments that are read ahead.
const SEGMENTS_MAX: usize = 1_024;
/// Most segments of one log.
const SEGMENTS_OF_LOG_MAX: usize = 8;
/// Bytes at the end of a segment that hold its footer, or the most of it.
const FOOTER_BYTES: u64 = 64 * 1024;

/// Most unsealed rows that are made columns of; some 20 MB.
const COLUMN_ROWS_MAX: usize = 32_768;

/// What is to be read ahead of a file, by offset and length.
pub(crate) type Ahead = (StoredFile, Vec<(u64, u64)>);

/// The newest rows and the footers of the segments that reach into the past day, and of the newest one of each log in any
/// case.
pub(crate) fn wanted(shared: &Shared) -> Vec<Ahead> {
    let since = shared.clock.now().saturating_sub(PERIOD);
    let mut wanted: Vec<ManifestEntry> = shared.all_logs().iter().flat_map(|log| newest_of(log, since)).collect();
    wanted.sort_by_key(|entry| std::cmp::Reverse(entry.summary.occurred.1));
    wanted.truncate(SEGMENTS_MAX);
    let parts = |entry: ManifestEntry| {
        let footer_bytes = FOOTER_BYTES.min(entry.summary.bytes);
        let footer = (entry.summary.bytes - footer_bytes, footer_bytes);
        (shared.files.locate(&entry.path), entry.summary.newest.into_iter().chain([footer]).collect())
    };
    wanted.into_iter().map(parts).collect()
}

/// Has the kernel read them beside what goes on.
pub(crate) fn begin(wanted: Vec<Ahead>) {
    beside(move || wanted.iter().for_each(|(file, parts)| file.read_ahead(parts)));
}

/// Makes columns of the unsealed rows that are in memory, which the first query would wait for: of the logs that were written to
/// last, first.
pub(crate) fn make_columns(shared: &Shared) {
    let mut logs = shared.all_logs();
    logs.sort_by_key(|log| std::cmp::Reverse(log.state.lock().head.recorded_at));
    let (mut batches, mut rows): (Vec<Weak<TailBatch>>, _) = (Vec::new(), 0);
    for batch in logs.iter().flat_map(|log| log.state.lock().tail.batches()) {
        if rows + batch.rows.rows.len() <= COLUMN_ROWS_MAX {
            rows += batch.rows.rows.len();
            batches.push(Arc::downgrade(&batch));
        }
    }
    if !batches.is_empty() {
        beside(move || {
            for batch in batches.iter().filter_map(Weak::upgrade) {
                batch.columns();
            }
        });
    }
}

/// Nobody waits for it, and where it cannot be done there is only more to wait for later. It holds on to nothing of the engine,
/// which may have ended before.
fn beside(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name("ahead".to_owned()).spawn(work) {
        tracing::debug!(%error, "nothing is read ahead");
    }
}

fn newest_of(log: &Log, since: Micros) -> Vec<ManifestEntry> {
    let state = log.state.lock();
    let mut entries: Vec<&ManifestEntry> =
        living(&state.manifest).filter(|entry| entry.summary.tier == Tier::Hot).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.summary.occurred.1));
    let newest = entries.iter().enumerate().take(SEGMENTS_OF_LOG_MAX);
    newest
        .filter(|(at, entry)| *at == 0 || entry.summary.occurred.1 >= since)
        .map(|(_, entry)| (*entry).clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::{DAY, Harness, SECOND, START, push_at};
    use actarium_core::row::EncodedRows;

    /// Records one event that happened so long before the start, and seals it.
    fn seal_one(harness: &Harness, organization: crate::OrganizationId, before: Micros) {
        let mut rows = EncodedRows::new();
        push_at(&mut rows, "deployed", None, Some(START - before));
        harness.append(organization, rows).unwrap();
        assert_eq!(harness.engine().seal_now(Some(organization)).segments, 1);
    }

    #[test]
    fn the_past_day_is_read_ahead_and_the_newest_of_what_is_older() {
        let harness = Harness::with(|options| options.seal.target_rows = 1);
        let (busy, quiet, empty) = (harness.create("busy"), harness.create("quiet"), harness.create("empty"));
        for before in [40 * DAY, 3 * SECOND, 2 * SECOND] {
            seal_one(&harness, busy, before);
        }
        for before in [90 * DAY, 80 * DAY] {
            seal_one(&harness, quiet, before);
        }
        let found = wanted(&harness.engine().shared);
        let of = |organization: crate::OrganizationId| {
            let folder = organization.to_string();
            found.iter().filter(|(file, _)| file.shown().to_string_lossy().contains(&folder)).count()
        };
        assert_eq!((of(busy), of(quiet), of(empty)), (2, 1, 0));
        for (file, parts) in &found {
            let bytes = std::fs::metadata(file.shown()).unwrap().len();
            assert_eq!(parts.len(), 2, "newest rows and footer");
            assert!(
                parts.iter().all(|(offset, length)| *length > 0 && offset + length <= bytes),
                "{parts:?} of {bytes}"
            );
        }
    }
}
