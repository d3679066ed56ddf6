//! What has to be done now and then: bounding the write-ahead log, removing what was dropped, forgetting old
//! idempotency keys, collecting files that nobody lists. Nothing here can lose an event.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::files::SegmentFiles;
use super::log::Log;
use super::shared::Shared;
use super::stats::Counters;
use crate::backend::ManifestEntry;
use crate::segment::{self, Segment, Tier};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(200);
/// Bytes of dropped batches removed at once, so that commits wait only for a moment.
const COLLECT_BYTES: u64 = 1 << 20;
/// Steps of removal between two looks.
const COLLECT_STEPS: usize = 24;
/// Time without writes and seals after which thorough work may be done.
const IDLE: Duration = Duration::from_secs(2);
/// How often old keys are forgotten and orphans are collected.
const HOURLY: Duration = Duration::from_secs(3_600);
/// Idempotency records forgotten in one transaction.
const PRUNE_RECORDS: usize = 1_000;

/// Works until the engine stops.
pub(crate) fn run(shared: &Arc<Shared>) {
    let mut last_hourly = shared.clock.elapsed();
    let mut seen = activity(shared);
    let mut quiet_since = shared.clock.elapsed();
    let mut is_tidy = false;
    while !shared.stopping() {
        shared.pause(EVERY);
        let is_clean = collect(shared);
        remove_retired(shared);
        let now = shared.clock.elapsed();
        let present = activity(shared);
        if present != seen {
            (seen, quiet_since, is_tidy) = (present, now, false);
        }
        // Thorough work once per quiet time, and not while there is still something to remove.
        let thorough = !is_tidy && is_clean && now.saturating_sub(quiet_since) >= IDLE;
        match shared.backend.tidy(thorough) {
            Ok(()) => is_tidy |= thorough,
            Err(error) => tracing::warn!(%error, "upkeep of the journal failed; it is tried again"),
        }
        if now.saturating_sub(last_hourly) >= HOURLY {
            last_hourly = now;
            prune(shared);
            collect_orphans(shared);
        }
    }
}

/// Changes whenever something was written, sealed or merged.
fn activity(shared: &Shared) -> [u64; 4] {
    let counters = &shared.counters;
    let counts = [&counters.commits, &counters.seals, &counters.merges, &counters.commit_failures];
    counts.map(|count| count.load(Ordering::Relaxed))
}

/// Removes what was dropped from the journal, in small steps. Whether nothing is left to remove.
fn collect(shared: &Shared) -> bool {
    for _ in 0..COLLECT_STEPS {
        match shared.backend.collect(COLLECT_BYTES) {
            Ok(true) if !shared.stopping() => {}
            Ok(more) => return !more,
            Err(error) => {
                tracing::warn!(%error, "removing sealed batches from the journal failed; it is tried again");
                return false;
            }
        }
    }
    false
}

/// Removes the files of merged segments that no snapshot looks at any more.
pub(crate) fn remove_retired(shared: &Shared) {
    let mut retired = shared.retired.lock();
    retired.retain(|retired| {
        if Arc::strong_count(&retired.segment) > 1 {
            return true;
        }
        match shared.files_of(retired.tier).remove(&retired.path) {
            Ok(()) => false,
            Err(error) => {
                tracing::warn!(%error, "a merged segment could not be removed; it is tried again");
                true
            }
        }
    });
}

fn prune(shared: &Shared) {
    let before = shared.clock.now().saturating_sub(shared.idempotency_window.as_micros() as i64);
    loop {
        match shared.backend.prune_idempotency(before, PRUNE_RECORDS) {
            Ok(PRUNE_RECORDS) if !shared.stopping() => continue,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "old idempotency keys could not be forgotten; it is tried again");
                return;
            }
        }
    }
}

/// Removes files in the segment folder that no manifest lists. A file that is being written is not listed yet, so
/// what was there before the manifests were read is judged, while no log is being sealed.
///
/// Whether none is left: a place that cannot be reached may have some.
pub(crate) fn collect_orphans(shared: &Shared) -> bool {
    let done = [Tier::Hot, Tier::Archive].map(|tier| collect_orphans_of(shared, tier));
    done.into_iter().all(|is_clean| is_clean)
}

/// The same when the engine is opened, for which nobody waits until a place that was just found to be away answers.
pub(crate) fn collect_orphans_at_start(shared: &Shared) {
    collect_orphans_of(shared, Tier::Hot);
    if shared.archive.stats().is_none_or(|stats| stats.last_failure.is_none()) {
        collect_orphans_of(shared, Tier::Archive);
    }
}

fn collect_orphans_of(shared: &Shared, tier: Tier) -> bool {
    let files = shared.files_of(tier);
    let found = match files.list() {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "the files of segments could not be listed");
            return false;
        }
    };
    let mut is_clean = true;
    for log in shared.all_logs() {
        let folder = format!("{}/", log.organization.id);
        let candidates: Vec<_> = found.iter().filter(|file| file.path.starts_with(&folder)).collect();
        if candidates.is_empty() {
            continue;
        }
        let _no_seal_meanwhile = log.sealing.lock();
        let manifest = match shared.backend.manifest(log.organization.id) {
            Ok(manifest) => manifest,
            Err(error) => {
                tracing::warn!(%error, "a manifest could not be read");
                is_clean = false;
                continue;
            }
        };
        let mut known: HashSet<String> = shared.retired.lock().iter().map(|retired| retired.path.clone()).collect();
        known.extend(manifest.iter().map(|entry| entry.path.clone()));
        let unknown: Vec<_> = candidates.into_iter().filter(|file| !known.contains(&file.path)).collect();
        if let Some(file) = unknown.first()
            && let Some(missing) = missing(shared, &manifest)
        {
            is_clean = false;
            tracing::warn!(
                path = %file.path,
                %missing,
                "a file that no manifest lists stays: a segment that is listed is missing, and this may be what is left of its events"
            );
            continue;
        }
        for file in unknown {
            let Some(is_beyond) = reaches_beyond_head(shared, files, &log, &file.path) else {
                is_clean = false;
                continue;
            };
            if is_beyond {
                log.set_damaged(&format!(
                    "segment {} holds events beyond the head: the database is older than its segments, as after a \
                     restore from an older backup",
                    file.path
                ));
                continue;
            }
            match files.remove(&file.path) {
                Ok(()) => {
                    tracing::info!(path = %file.path, "removed a file that no manifest lists");
                    Counters::add(&shared.counters.orphans_removed, 1);
                }
                Err(error) => {
                    is_clean = false;
                    tracing::warn!(%error, "a file that no manifest lists could not be removed");
                }
            }
        }
    }
    is_clean
}

/// Segments of a log that nobody lists and that hold events beyond its head: what a database leaves that is older than they are.
pub(crate) fn beyond_head(shared: &Shared, log: &Log) -> Result<Vec<String>, String> {
    // Asked for here, as what cannot be read counts as beyond below, where it is about removing files.
    shared.backend.organization(log.organization.id).map_err(|error| error.to_string())?;
    let manifest = shared.backend.manifest(log.organization.id).map_err(|error| error.to_string())?;
    let listed: HashSet<&str> = manifest.iter().map(|entry| entry.path.as_str()).collect();
    let folder = format!("{}/", log.organization.id);
    let mut beyond = Vec::new();
    for tier in [Tier::Hot, Tier::Archive] {
        let files = shared.files_of(tier);
        let found = files.list().map_err(|error| error.to_string())?;
        let unlisted = found.into_iter().map(|file| file.path);
        let unlisted = unlisted.filter(|path| path.starts_with(&folder) && !listed.contains(path.as_str()));
        for path in unlisted {
            match reaches_beyond_head(shared, files, log, &path) {
                Some(true) => beyond.push(path),
                Some(false) => {}
                None => return Err(format!("{path} cannot be read at present")),
            }
        }
    }
    Ok(beyond)
}

/// The first segment of a manifest that is not where it should be, as after the database alone was put back from a backup or a
/// file was renamed. Of what lies in a bucket that is not asked.
fn missing(shared: &Shared, manifest: &[ManifestEntry]) -> Option<String> {
    let is_missing = |entry: &&ManifestEntry| {
        let file = shared.files_of(entry.summary.tier).locate(&entry.path);
        Segment::open(&file, &entry.summary, &shared.cache).is_err()
    };
    manifest.iter().find(is_missing).map(|entry| entry.path.clone())
}

/// Whether a file that no manifest lists may hold events that nothing else holds. What a seal leaves behind when it is cut
/// short does not: its rows are in the journal still, below the head. Nothing, if that cannot be told at present.
fn reaches_beyond_head(shared: &Shared, files: &SegmentFiles, log: &Log, path: &str) -> Option<bool> {
    let head = match shared.backend.organization(log.organization.id) {
        Ok(overview) => overview.map_or(0, |overview| overview.head.size),
        Err(_) => return Some(true),
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(first_seq) = name.split('-').next().and_then(|digits| digits.parse::<u64>().ok()) else {
        return Some(false);
    };
    // A file that cannot be read was cut short before it was synced, unless even its beginning is beyond the head.
    let file = files.locate(path);
    let rows = segment::count_rows(&file).unwrap_or(0);
    if file.not_reached().is_some() {
        return None;
    }
    Some(first_seq > head || first_seq.saturating_add(rows) > head)
}
