//! One seal, one merge: rows → segment → file on disk → read back and proved → manifest. Until the manifest's
//! transaction the journal (or the old segments) stay what is true; a file that no manifest lists is garbage.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::canonical::Canonicalizer;
use actarium_core::tree::{Frontier, Hash, TILE_LEAVES};

use super::codec::decode_batch;
use super::files::SegmentFiles;
use super::leaves::{LeafError, TreeBuilder};
use super::loading::describe;
use super::log::Log;
use super::shared::Shared;
use super::snapshot::ReadError;
use super::stats::Counters;
use super::tiles::stored_tiles;
use crate::backend::{BackendError, Fence, LeaseRequest, ManifestChange, ManifestEntry, ManifestError};
use crate::committed::CommittedRows;
use crate::segment::{self, Segment, SegmentError, SegmentOptions, Tier};
use crate::storage::StorageError;

/// Bytes of stored batches that are read from the journal at once.
const READ_BYTES: u64 = 4 << 20;
/// How long a seal may take before somebody else may do it.
const LEASE_TTL: Duration = Duration::from_secs(600);

/// Why a seal or merge was not done. The rows stay where they were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The journal or the manifest failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The manifest's transaction was refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] StorageError),
    /// A segment could not be made or read.
    #[error("{0}")]
    Segment(String),
    /// A segment could not be read at present, which says nothing about it.
    #[error("{0}")]
    NotReached(String),
    /// Rows do not reproduce what is known of their hashes.
    #[error("{0}")]
    NotProved(String),
    /// Somebody else is sealing this log.
    #[error("another process is sealing it")]
    Leased,
    /// The engine is being shut down.
    #[error("the engine is being shut down")]
    Stopping,
}

impl From<SegmentError> for SealError {
    fn from(error: SegmentError) -> Self {
        if error.is_passing() { Self::NotReached(describe(&error)) } else { Self::Segment(describe(&error)) }
    }
}

impl From<ReadError> for SealError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { detail } => Self::NotReached(detail),
            other => Self::Segment(other.to_string()),
        }
    }
}

impl From<LeafError> for SealError {
    fn from(error: LeafError) -> Self {
        match error {
            LeafError::Backend(error) => Self::Backend(error),
            other => Self::NotProved(other.to_string()),
        }
    }
}

/// What a sealing thread keeps.
pub(crate) struct Sealing {
    pub(super) shared: Arc<Shared>,
    pub(super) canonicalizer: Canonicalizer,
}

/// Consecutive rows with the roots that the tree had on the way.
pub(super) struct Run {
    first_seq: u64,
    end_seq: u64,
    /// The rows, until the segment is made of them.
    rows: Vec<CommittedRows>,
    /// `(size, root)` after each batch, as recorded when it was committed.
    roots: Vec<(u64, Hash)>,
    raw_bytes: u64,
}

impl Run {
    pub(super) fn new(first_seq: u64) -> Self {
        Self { first_seq, end_seq: first_seq, rows: Vec::new(), roots: Vec::new(), raw_bytes: 0 }
    }

    /// Adds the rows that follow, after which the tree had this root.
    pub(super) fn add(&mut self, rows: CommittedRows, root: Hash) {
        self.raw_bytes += rows.rows.byte_len() as u64;
        self.end_seq = rows.end_seq();
        self.roots.push((self.end_seq, root));
        self.rows.push(rows);
    }
}

impl Sealing {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, canonicalizer: Canonicalizer::new() }
    }

    /// Seals the first unsealed rows of a log, as many as fit one segment. How many rows; 0 if there is none.
    pub fn seal(&mut self, log: &Log) -> Result<u64, SealError> {
        let _one_sealer = log.sealing.lock();
        let (from, size) = {
            let state = log.state.lock();
            (state.sealed_end, state.head.size)
        };
        if from == size {
            return Ok(0);
        }
        let fence = self.lease(log)?;
        let result = self.seal_leased(log, from, size, &fence);
        self.shared.backend.release_lease(&fence)?;
        result
    }

    fn seal_leased(&mut self, log: &Log, from: u64, size: u64, fence: &Fence) -> Result<u64, SealError> {
        let mut run = self.read_run(log, from, size)?;
        let last_commit = run.rows.last().and_then(|rows| rows.commits.last()).map(|(_, at)| *at);
        let start = self.start_of(log, from)?;
        let tiles = match log.state.lock().tiles.within(from, run.end_seq) {
            Some(tiles) => tiles,
            None => self.tiles_of_journal(log, start.clone(), &run)?,
        };
        let written = match self.write(log, &mut run, start.clone(), &tiles, Tier::Hot) {
            Err(SealError::NotProved(detail)) => {
                // Is it the segment, which can be made again, or the journal, which cannot?
                let again = self.read_run(log, from, run.end_seq)?;
                self.tiles_of_journal(log, start, &again)?;
                return Err(SealError::NotProved(detail));
            }
            other => other?,
        };
        let Written { entry, segment, boundary } = written;
        let rows = entry.summary.rows;
        let sealed_end = run.end_seq;
        let completed: Vec<Hash> = boundary.into_iter().chain(tiles).collect();
        let first = sealed_end / TILE_LEAVES - completed.len() as u64;
        let tiles = stored_tiles(&self.shared, log, first, &completed)?;
        let change = ManifestChange {
            organization: log.organization.id,
            remove: Vec::new(),
            add: vec![entry.clone()],
            epoch_keys: Vec::new(),
            sealed_end,
            tiles,
            fence: fence.clone(),
        };
        self.shared.backend.change_manifest(&change)?;
        let mut state = log.state.lock();
        let before = state.tail.bytes();
        state.manifest.push(entry);
        if let Some(segments) = &state.segments {
            state.segments = Some(segments.iter().cloned().chain([segment]).collect());
        }
        state.sealed_end = sealed_end;
        state.tail.drop_before(sealed_end);
        state.tiles.forget_before(sealed_end / TILE_LEAVES * TILE_LEAVES);
        state.unsealed_bytes = state.unsealed_bytes.saturating_sub(run.raw_bytes);
        state.oldest_unsealed = if state.unsealed_rows() == 0 { None } else { last_commit };
        self.shared.tail_changed(before, state.tail.bytes());
        drop(state);
        log.look_for_merges.store(true, std::sync::atomic::Ordering::Relaxed);
        let counters = &self.shared.counters;
        Counters::add(&counters.seals, 1);
        Counters::add(&counters.sealed_events, rows);
        tracing::info!(organization = %log.organization.slug, first_seq = from, rows, "sealed");
        Ok(rows)
    }

    /// Unsealed rows from the journal, up to the bounds of one segment, ending where a commit ended.
    fn read_run(&self, log: &Log, from: u64, size: u64) -> Result<Run, SealError> {
        let policy = &self.shared.policy;
        let mut run = Run::new(from);
        let mut next = from;
        while next < size && !policy.is_full(next - from, run.raw_bytes) {
            self.interrupted()?;
            let batches = self.shared.backend.read(log.organization.id, next, READ_BYTES)?;
            if batches.is_empty() {
                return Err(self.not_proved(log, format!("the journal ends at {next}, the log at {size}")));
            }
            for batch in &batches {
                let full = policy.is_full(next - from, run.raw_bytes);
                if full || (!run.rows.is_empty() && next - from + u64::from(batch.count) > policy.target_rows) {
                    return Ok(run);
                }
                if batch.first_seq != next {
                    return Err(self.not_proved(log, format!("the journal has no batch that begins at {next}")));
                }
                let rows = decode_batch(batch).map_err(|detail| self.not_proved(log, detail))?;
                next = rows.end_seq();
                run.add(rows, batch.root);
            }
        }
        Ok(run)
    }

    /// The tree before a run: what the manifest keeps with the segment that ends there.
    pub(super) fn start_of(&self, log: &Log, from: u64) -> Result<Frontier, SealError> {
        if from == 0 {
            return Ok(Frontier::new());
        }
        let state = log.state.lock();
        let before = state.manifest.iter().find(|entry| entry.end_seq() == from);
        let frontier = before.and_then(|entry| Frontier::from_bytes(&entry.frontier).ok());
        drop(state);
        match frontier {
            Some(frontier) if frontier.size() == from => Ok(frontier),
            _ => Err(self.not_proved(log, format!("the manifest does not say how the tree stood at {from}"))),
        }
    }

    /// Hashes of the whole tiles within a run, computed from its rows, which is proved against its roots on the way.
    pub(super) fn tiles_of(&mut self, log: &Log, start: Frontier, run: &Run) -> Result<Vec<Hash>, SealError> {
        let mut proof = Proof::new(&self.shared, log, start, run);
        for rows in &run.rows {
            self.interrupted()?;
            for (_, recorded_at, row) in rows.iter() {
                proof.push(&mut self.canonicalizer, &row, recorded_at);
            }
        }
        let (_, tiles) = proof.finish().map_err(SealError::NotProved)?;
        Ok(tiles)
    }

    /// The same of rows that the journal alone has: if they are not proved, the log is damaged.
    fn tiles_of_journal(&mut self, log: &Log, start: Frontier, run: &Run) -> Result<Vec<Hash>, SealError> {
        self.tiles_of(log, start, run).map_err(|error| match error {
            SealError::NotProved(detail) => self.not_proved(log, format!("journal: {detail}")),
            other => other,
        })
    }

    /// Writes a run as a segment of a tier, reads it back and proves it.
    pub(super) fn write(
        &mut self,
        log: &Log,
        run: &mut Run,
        start: Frontier,
        tiles: &[Hash],
        tier: Tier,
    ) -> Result<Written, SealError> {
        // They are a large part of what a seal takes up, and what is made of them takes as much.
        let built = segment::build(std::mem::take(&mut run.rows), tiles, &SegmentOptions::of(tier))?;
        self.interrupted()?;
        let path = SegmentFiles::new_path(log.organization.id, run.first_seq, &*self.shared.entropy);
        let summary = built.summary;
        let files = self.shared.files_of(tier);
        files.put(&path, built.bytes)?;
        let segment = Segment::open(&files.locate(&path), &summary, &self.shared.cache)?;
        let proved = self.read_back(log, &segment, run, start, tiles);
        match proved {
            Ok((frontier, boundary)) => {
                let root = frontier.root();
                let entry = ManifestEntry { path, summary, root, frontier: frontier.to_bytes() };
                Ok(Written { entry, segment: Arc::new(segment), boundary })
            }
            Err(error) => {
                // Nobody lists it; if it cannot be removed now, the collection of orphans does.
                let _ = self.shared.files_of(tier).remove(&path);
                Err(error)
            }
        }
    }

    /// Recomputes the leaf of every row from the file and compares: with the roots that were committed, with the tiles
    /// that are kept in the file, and the rows that it keeps whole with what its columns hold.
    fn read_back(
        &mut self,
        log: &Log,
        segment: &Segment,
        run: &Run,
        start: Frontier,
        tiles: &[Hash],
    ) -> Result<(Frontier, Option<Hash>), SealError> {
        self.interrupted()?;
        let canonicalizer = &mut self.canonicalizer;
        let mut proof = Proof::new(&self.shared, log, start, run);
        let newest = segment.summary().newest.map(|place| segment.read_newest(place)).transpose()?;
        let mut whole_rows = 0;
        segment.for_each_row(run.first_seq..run.end_seq, &mut |seq, recorded_at, row| {
            proof.push(canonicalizer, &row, recorded_at);
            let kept = newest.as_ref().and_then(|newest| newest.row((seq - run.first_seq) as u32));
            whole_rows += usize::from(kept.is_some_and(|kept| kept == (recorded_at, row)));
        })?;
        let failed = |detail: String| SealError::NotProved(format!("what was read back differs: {detail}"));
        let boundary = proof.tree_boundary();
        let (frontier, made) = proof.finish().map_err(failed)?;
        if made != tiles || segment.subtree_hashes()? != tiles {
            return Err(failed("the hashes of its tiles are others".to_owned()));
        }
        if newest.is_some_and(|newest| newest.len() != whole_rows) {
            return Err(failed("the rows that it keeps whole are others".to_owned()));
        }
        Ok((frontier, boundary))
    }

    /// Merges adjacent segments of a log, given by the index of the first in the manifest and their number.
    pub fn merge(&mut self, log: &Log, first_seqs: &[u64]) -> Result<u64, SealError> {
        let _one_sealer = log.sealing.lock();
        let fence = self.lease(log)?;
        let result = self.merge_leased(log, first_seqs, &fence);
        self.shared.backend.release_lease(&fence)?;
        result
    }

    fn merge_leased(&mut self, log: &Log, first_seqs: &[u64], fence: &Fence) -> Result<u64, SealError> {
        let segments = self.shared.segments(log)?;
        let (entries, sealed_end) = {
            let state = log.state.lock();
            let chosen = |entry: &&ManifestEntry| first_seqs.contains(&entry.summary.first_seq);
            (state.manifest.iter().filter(chosen).cloned().collect::<Vec<_>>(), state.sealed_end)
        };
        if entries.len() != first_seqs.len() || entries.is_empty() {
            return Ok(0);
        }
        let mut run = Run::new(entries[0].summary.first_seq);
        for entry in &entries {
            self.interrupted()?;
            let from = entry.summary.first_seq;
            let segment = segments.iter().find(|segment| segment.summary().first_seq == from);
            let segment = segment.ok_or_else(|| SealError::Segment(format!("no segment begins at {from}")))?;
            run.add(segment.read(from..entry.end_seq())?, entry.root);
        }
        let start = self.start_of(log, run.first_seq)?;
        let tiles = self.tiles_of(log, start.clone(), &run)?;
        let tier = entries[0].summary.tier;
        let Written { entry, segment: merged, .. } = self.write(log, &mut run, start, &tiles, tier)?;
        let change = ManifestChange {
            organization: log.organization.id,
            remove: first_seqs.to_vec(),
            add: vec![entry.clone()],
            epoch_keys: Vec::new(),
            sealed_end,
            tiles: Vec::new(),
            fence: fence.clone(),
        };
        self.shared.backend.change_manifest(&change)?;
        let rows = entry.summary.rows;
        self.publish_merge(log, &entries, entry, merged);
        Counters::add(&self.shared.counters.merges, 1);
        tracing::info!(organization = %log.organization.slug, segments = entries.len(), rows, "merged");
        Ok(rows)
    }

    fn publish_merge(&self, log: &Log, old: &[ManifestEntry], new: ManifestEntry, merged: Arc<Segment>) {
        let replaced = |first_seq: u64| old.iter().any(|entry| entry.summary.first_seq == first_seq);
        let mut state = log.state.lock();
        let at = state.manifest.iter().position(|entry| replaced(entry.summary.first_seq)).unwrap_or(0);
        state.manifest.retain(|entry| !replaced(entry.summary.first_seq));
        state.manifest.insert(at, new);
        let mut retired = Vec::with_capacity(old.len());
        if let Some(segments) = state.segments.take() {
            let mut kept = Vec::with_capacity(segments.len());
            for segment in segments.iter() {
                if replaced(segment.summary().first_seq) {
                    retired.push(segment.clone());
                } else {
                    kept.push(segment.clone());
                }
            }
            // Purged events are in the manifest and have no segment, so the place is another one here.
            let at = kept.partition_point(|segment| segment.summary().first_seq < merged.summary().first_seq);
            kept.insert(at, merged);
            state.segments = Some(kept.into());
        }
        drop(state);
        self.shared.retire(old, retired);
    }

    pub(super) fn lease(&self, log: &Log) -> Result<Fence, SealError> {
        let request = LeaseRequest {
            name: format!("seal/{}", log.organization.id),
            holder: self.shared.holder,
            ttl: LEASE_TTL,
            now: self.shared.clock.now(),
        };
        self.shared.backend.acquire_lease(&request)?.ok_or(SealError::Leased)
    }

    pub(super) fn interrupted(&self) -> Result<(), SealError> {
        if self.shared.stopping() { Err(SealError::Stopping) } else { Ok(()) }
    }

    /// What is durable contradicts itself: the log takes no more writes until somebody has looked.
    pub(super) fn not_proved(&self, log: &Log, detail: String) -> SealError {
        log.set_damaged(&detail);
        SealError::NotProved(detail)
    }
}

/// A segment that was written and proved.
pub(super) struct Written {
    pub entry: ManifestEntry,
    pub segment: Arc<Segment>,
    /// Hash of the subtree of 256 leaves that began before it and ends in it.
    boundary: Option<Hash>,
}

/// Recomputes the tree over a run and compares it with the roots that were committed.
struct Proof<'a> {
    log: &'a Log,
    shared: &'a Shared,
    tree: TreeBuilder,
    roots: &'a [(u64, Hash)],
    failed: Option<String>,
}

impl<'a> Proof<'a> {
    fn new(shared: &'a Shared, log: &'a Log, start: Frontier, run: &'a Run) -> Self {
        Self { log, shared, tree: TreeBuilder::new(start), roots: &run.roots, failed: None }
    }

    fn push(
        &mut self,
        canonicalizer: &mut Canonicalizer,
        row: &actarium_core::row::RowView<'_>,
        recorded_at: actarium_core::row::Micros,
    ) {
        if self.failed.is_some() {
            return;
        }
        let organization = self.log.organization.id;
        let keys = &self.shared.keys;
        let mut key = |epoch| keys.epoch_key(organization, epoch);
        if let Err(error) = self.tree.push(canonicalizer, row, recorded_at, &mut key) {
            self.failed = Some(error.to_string());
            return;
        }
        if let Some(((size, root), rest)) = self.roots.split_first()
            && self.tree.size() == *size
        {
            self.roots = rest;
            if self.tree.frontier().root() != *root {
                self.failed = Some(format!("the events before {size} do not give the root that was recorded"));
            }
        }
    }

    /// The hash of the subtree of 256 leaves that began before the run, if the run completes it.
    fn tree_boundary(&mut self) -> Option<Hash> {
        self.tree.frontier();
        self.tree.boundary()
    }

    fn finish(mut self) -> Result<(Frontier, Vec<Hash>), String> {
        match self.failed {
            Some(failed) => Err(failed),
            None if !self.roots.is_empty() => Err(format!("rows end at {}", self.tree.size())),
            None => {
                let frontier = self.tree.frontier().clone();
                Ok((frontier, self.tree.take_tiles()))
            }
        }
    }
}
