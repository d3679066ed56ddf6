//! Reading segments again and proving them, and then what is beside them: what has changed on disk since it was written is found
//! before somebody asks for it. One segment at a time, as fast as the caller asks; nothing is ever repaired here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::row::{Column, Micros, RowView};
use actarium_core::tree::Frontier;

use super::Engine;
use super::leaves::TreeBuilder;
use super::log::Log;
use super::proving;
use super::seal::{SealError, Sealing};
use super::shared::Shared;
use super::told::{self, Told};
use crate::backend::ManifestEntry;
use crate::organization::OrganizationId;
use crate::segment::{IndexCheck, MICROS_PER_DAY, NewestRows, Segment, SegmentError, Tier, outcome_index, read_purged};

/// A segment that was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// Sequence number after its last event.
    pub end_seq: u64,
    /// Bytes of its file.
    pub bytes: u64,
}

impl Engine {
    /// Reads the first segment from a sequence number on again and proves it; nothing, if there is no further one. What is
    /// not as it was written makes the log take no more writes. Blocks.
    ///
    /// # Errors
    /// What is wrong with which segment, or why it could not be read.
    pub fn scrub(&self, organization: OrganizationId, from_seq: u64) -> Result<Option<Scrubbed>, String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        next(&self.shared, &log, from_seq)
    }

    /// Proves what is kept of a log beside its segments: the rows of the journal and the stored tiles. What is not as it was
    /// written makes the log take no more writes. How many bytes of the journal were read. Blocks.
    ///
    /// # Errors
    /// What is wrong, or why it could not be read.
    pub fn scrub_rest(&self, organization: OrganizationId) -> Result<u64, String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        rest(&self.shared, &log)
    }

    /// Makes a log take no more writes: somebody has found that what it holds contradicts itself.
    pub fn stop_damaged(&self, organization: OrganizationId, detail: &str) {
        if let Some(log) = self.shared.log(organization) {
            log.set_damaged(detail);
        }
    }

    /// How long nothing has been written, sealed or merged. Does not block.
    pub fn quiet_for(&self) -> Duration {
        let [written, sealed] = [&self.shared.last_write_millis, &self.shared.last_seal_millis];
        self.shared.since(written).min(self.shared.since(sealed))
    }

    /// When the newest event of all logs was recorded. Does not block.
    pub fn last_recorded_at(&self) -> Option<Micros> {
        let logs = self.shared.all_logs();
        logs.iter().map(|log| log.state.lock().head).filter(|head| head.size > 0).map(|head| head.recorded_at).max()
    }

    /// The organizations, by slug, whose logs take no writes because something contradicts itself, with what it is.
    pub fn damaged(&self) -> Vec<(String, String)> {
        damaged(&self.shared)
    }
}

/// Reads the first segment from a sequence number on and compares every leaf with the roots in the manifest.
pub(crate) fn next(shared: &Arc<Shared>, log: &Log, from_seq: u64) -> Result<Option<Scrubbed>, String> {
    let entry = log.state.lock().manifest.iter().find(|entry| entry.summary.first_seq >= from_seq).cloned();
    let Some(entry) = entry else { return Ok(None) };
    match prove(shared, log, &entry) {
        Ok(()) => {}
        // Merged, moved or purged while it was read: what came in its place was proved when it was made.
        Err(_) if !log.state.lock().manifest.contains(&entry) => {}
        Err(error @ (SealError::Backend(_) | SealError::Stopping | SealError::NotReached(_))) => {
            return Err(error.to_string());
        }
        Err(error) => {
            let detail = match &error {
                // These name the file themselves.
                SealError::Segment(detail) => detail.clone(),
                _ => format!("segment {}: {error}", entry.path),
            };
            log.set_damaged(&detail);
            return Err(detail);
        }
    }
    Ok(Some(Scrubbed { end_seq: entry.end_seq(), bytes: entry.summary.bytes }))
}

/// Proves what is kept of a log beside its segments: the rows of the journal, and the stored tiles. How many bytes of the journal.
pub(crate) fn rest(shared: &Arc<Shared>, log: &Log) -> Result<u64, String> {
    let proved = proving::compare_upper_tiles(shared, log).and_then(|()| proving::prove_journal(shared, log, |_| {}));
    // What the purges on record reach is known once everything was read.
    let proved = proved.and_then(|bytes| told::prove_purges(shared, log).map(|()| bytes));
    proved.map_err(|error| {
        let detail = error.to_string();
        if proving::is_damage(&error) {
            log.set_damaged(&detail);
        }
        detail
    })
}

fn prove(shared: &Arc<Shared>, log: &Log, entry: &ManifestEntry) -> Result<(), SealError> {
    let (first_seq, end_seq) = (entry.summary.first_seq, entry.end_seq());
    let path = shared.files_of(entry.summary.tier).locate(&entry.path);
    let kept = Frontier::from_bytes(&entry.frontier).map_err(|error| SealError::NotProved(error.to_string()))?;
    if kept.size() != end_seq || kept.root() != entry.root {
        return Err(SealError::NotProved("its frontier in the manifest does not give its root".to_owned()));
    }
    let mut sealing = Sealing::new(shared.clone());
    if entry.summary.tier == Tier::Purged {
        let mut tree = TreeBuilder::new(sealing.start_of(log, first_seq)?);
        let mut recorded = NO_TIMES;
        for event in read_purged(&path, &entry.summary, first_seq..end_seq)? {
            recorded = widened(recorded, event.recorded_at);
            tree.push_commit(event.recorded_at, &event.commit);
        }
        same_root(&mut tree, entry)?;
        if recorded != entry.summary.recorded {
            return Err(SealError::NotProved("the manifest has other times of its events".to_owned()));
        }
        return same_tiles(shared, log, &mut tree, end_seq).map(|_| ());
    }
    let segment = Segment::open(&path, &entry.summary, &shared.cache)?;
    let mut tree = TreeBuilder::new(sealing.start_of(log, first_seq)?);
    let mut key = |epoch| shared.keys.epoch_key(log.organization.id, epoch);
    let mut beside = Beside::of(&segment)?;
    let mut index = IndexCheck::of(&segment)?;
    let mut told = Told::default();
    let mut failed: Option<SealError> = None;
    segment.for_each_row(first_seq..end_seq, &mut |seq, recorded_at, row| {
        if failed.is_some() {
            return;
        }
        beside.note((seq - first_seq) as u32, recorded_at, &row);
        index.note((seq - first_seq) as u32, &row);
        let pushed = tree.push(&mut sealing.canonicalizer, &row, recorded_at, &mut key).map_err(SealError::from);
        let mut fits = || told.take(log, seq, &row);
        failed = pushed.and_then(|()| fits()).err();
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    same_root(&mut tree, entry)?;
    told.keep(log);
    beside.compare(&segment)?;
    index.compare(&segment)?;
    let made = same_tiles(shared, log, &mut tree, end_seq)?;
    if segment.subtree_hashes()? != made {
        return Err(SealError::NotProved("the hashes of its tiles are others".to_owned()));
    }
    Ok(())
}

/// No times, which every time widens.
const NO_TIMES: (Micros, Micros) = (Micros::MAX, Micros::MIN);

fn widened((earliest, latest): (Micros, Micros), at: Micros) -> (Micros, Micros) {
    (earliest.min(at), latest.max(at))
}

/// What a segment keeps of its rows beside them, by which searches find or pass over them, and the same made of the rows.
struct Beside {
    newest: Option<NewestRows>,
    whole_rows: usize,
    recorded: (Micros, Micros),
    occurred: (Micros, Micros),
    days: BTreeMap<i64, [u32; 4]>,
}

impl Beside {
    fn of(segment: &Segment) -> Result<Self, SegmentError> {
        let newest = segment.summary().newest.map(|place| segment.read_newest(place)).transpose()?;
        Ok(Self { newest, whole_rows: 0, recorded: NO_TIMES, occurred: NO_TIMES, days: BTreeMap::new() })
    }

    fn note(&mut self, number: u32, recorded_at: Micros, row: &RowView<'_>) {
        let kept = self.newest.as_ref().and_then(|newest| newest.row(number));
        self.whole_rows += usize::from(kept.is_some_and(|kept| kept == (recorded_at, *row)));
        let occurred_at = row.occurred_at.unwrap_or(recorded_at);
        self.recorded = widened(self.recorded, recorded_at);
        self.occurred = widened(self.occurred, occurred_at);
        let outcome = outcome_index(row.get(Column::Outcome).unwrap_or(""));
        self.days.entry(occurred_at.div_euclid(MICROS_PER_DAY)).or_default()[outcome] += 1;
    }

    fn compare(self, segment: &Segment) -> Result<(), SealError> {
        let summary = segment.summary();
        let differs = |detail: &str| Err(SealError::NotProved(detail.to_owned()));
        if (self.recorded, self.occurred) != (summary.recorded, summary.occurred) {
            return differs("the manifest has other times of its events");
        }
        if self.newest.is_some_and(|newest| newest.len() != self.whole_rows) {
            return differs("the newest rows, which it keeps whole as well, are others than those of its columns");
        }
        if !segment.days()?.days.iter().copied().eq(self.days) {
            return differs("its counts by day and outcome are others than those of its events");
        }
        Ok(())
    }
}

/// Compares the stored tiles with those made of a segment's events. Those that lie wholly within it.
fn same_tiles(
    shared: &Shared,
    log: &Log,
    tree: &mut TreeBuilder,
    end_seq: u64,
) -> Result<Vec<actarium_core::tree::Hash>, SealError> {
    tree.frontier();
    let made = tree.take_tiles();
    let completed: Vec<_> = tree.boundary().into_iter().chain(made.iter().copied()).collect();
    proving::compare_tiles(shared, log, end_seq, &completed)?;
    Ok(made)
}

fn same_root(tree: &mut TreeBuilder, entry: &ManifestEntry) -> Result<(), SealError> {
    if tree.frontier().root() == entry.root {
        return Ok(());
    }
    Err(SealError::NotProved("its events do not give the root that was recorded".to_owned()))
}

/// The logs that take no writes, with why not.
pub(crate) fn damaged(shared: &Shared) -> Vec<(String, String)> {
    let logs = shared.all_logs().into_iter();
    logs.filter_map(|log| Some((log.organization.slug.clone(), log.state.lock().damaged.clone()?))).collect()
}
