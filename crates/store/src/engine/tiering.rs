//! Time doing its work on a log: segments go to the archive, and events whose time is over are purged. What is kept of a
//! purged event is when it was recorded and its commit; its salts are destroyed in the transaction that takes its segment
//! out of the manifest. Every new file is read back and proved first. When is decided by the caller, by cuts of
//! `recorded_at`, which only grows with the sequence; nothing here knows policies or looks at a clock.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::canonical::{Canonicalizer, commit};
use actarium_core::filter::{Filter, Place};
use actarium_core::key_tree::leaves_of_events;
use actarium_core::row::Micros;
use actarium_core::salt::{EPOCH_EVENTS, epoch_of};
use actarium_core::tree::{Frontier, Hash};

use super::files::SegmentFiles;
use super::housekeeping;
use super::leaves::TreeBuilder;
use super::loading::{living, segment_unread};
use super::log::Log;
use super::seal::{Run, SealError, Sealing};
use super::shared::Shared;
use super::snapshot::ReadError;
use crate::backend::{EpochKeyChange, Fence, ManifestChange, ManifestEntry};
use crate::committed::CommittedRows;
use crate::segment::{Entry, Segment, Tier, build_purged, read_purged};

/// Events of one file of purged events: 40 bytes each.
const PURGED_FILE_EVENTS_MAX: u64 = 65_536;
/// Held events are kept with their neighbours in aligned blocks of so many, so that a segment never falls into crumbs.
pub const HOLD_BLOCK_EVENTS: u64 = 256;
/// How long it is waited for readers before what they read is removed.
const WIPE_PAUSES_MILLIS: [u64; 6] = [10, 50, 100, 200, 500, 1_000];
/// Bytes of dropped journal batches removed at once.
const COLLECT_BYTES: u64 = 4 << 20;

/// Until when events belong where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierCuts {
    /// What was recorded before goes to the archive.
    pub archive_before: Micros,
    /// What was recorded before is purged.
    pub purge_before: Micros,
}

/// Events that are kept whatever the cuts say.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Which events.
    pub filter: Filter,
    /// Only those that happened from then on,
    pub from: Micros,
    /// and before then.
    pub to: Micros,
}

impl Hold {
    /// Whether it holds an event.
    pub fn holds(&self, row: &actarium_core::row::RowView<'_>, place: &Place<'_>) -> bool {
        let occurred = row.occurred_at.unwrap_or(place.recorded_at);
        (self.from..self.to).contains(&occurred) && self.filter.matches(row, place)
    }
}

/// A part of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Events in it.
    pub events: u64,
    /// Segments that it lies in, wholly or in part.
    pub segments: u64,
    /// Bytes of their files, of partial ones in proportion.
    pub bytes: u64,
}

/// What retention has done with a log, and what it would do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TierPlan {
    /// At hand, sealed or not.
    pub hot: Share,
    /// In the archive.
    pub archived: Share,
    /// Purged.
    pub purged: Share,
    /// At hand, and due for the archive.
    pub to_archive: Share,
    /// Due to be purged, if nothing holds it.
    pub to_purge: Share,
    /// Events of these that are still at hand.
    pub to_purge_hot_events: u64,
    /// Sequence number of the first event that stays at hand.
    pub archive_end: u64,
    /// Sequence number of the first event that is not due to be purged.
    pub purge_end: u64,
}

/// One segment that was moved or purged, wholly or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierStep {
    /// Its first event.
    pub first_seq: u64,
    /// The event after its last.
    pub end_seq: u64,
    /// Events that went to the archive.
    pub archived: u64,
    /// Events that were purged.
    pub purged: u64,
    /// Events that were due and are kept by a hold, with their neighbours.
    pub held: u64,
    /// Whether it was taken. One that purges is not before [`TierEnds::purges`].
    pub is_done: bool,
}

/// The sequence number of the first event that was recorded at a time or later.
fn seq_at(shared: &Shared, log: &Log, before: Micros) -> Result<u64, ReadError> {
    loop {
        let (manifest, sealed_end, oldest_unsealed) = {
            let state = log.state.lock();
            (state.manifest.clone(), state.sealed_end, state.oldest_unsealed)
        };
        let found = match seq_in_segments(shared, log, &manifest, before) {
            Ok(None) if oldest_unsealed.is_none_or(|oldest| oldest >= before) => Ok(sealed_end),
            Ok(None) => seq_of_unsealed(shared, log, before),
            Ok(Some(seq)) => Ok(seq),
            Err(error) => Err(error),
        };
        // Rows that were sealed meanwhile are neither in the segments nor in the journal that were looked at, and would be
        // taken for older than all; a segment that was merged meanwhile cannot be opened.
        if log.state.lock().manifest == manifest {
            return found;
        }
    }
}

/// The same among sealed events; nothing, if all of them were recorded before.
fn seq_in_segments(
    shared: &Shared,
    log: &Log,
    manifest: &[ManifestEntry],
    before: Micros,
) -> Result<Option<u64>, ReadError> {
    let Some(entry) = manifest.iter().find(|entry| entry.summary.recorded.1 >= before) else { return Ok(None) };
    let summary = &entry.summary;
    if summary.recorded.0 >= before {
        return Ok(Some(summary.first_seq));
    }
    let path = shared.files_of(summary.tier).locate(&entry.path);
    let failed = |error| segment_unread(&log.organization, &error);
    let below = if summary.tier == Tier::Purged {
        let entries = read_purged(&path, summary, summary.first_seq..entry.end_seq()).map_err(failed)?;
        entries.partition_point(|entry| entry.recorded_at < before)
    } else {
        let segment = Segment::open(&path, summary, &shared.cache).map_err(failed)?;
        segment.times().map_err(failed)?.recorded.partition_point(|recorded| *recorded < before)
    };
    Ok(Some(summary.first_seq + below as u64))
}

/// The same among events that are in the journal; the log's end, if all of them were recorded before.
fn seq_of_unsealed(shared: &Shared, log: &Log, before: Micros) -> Result<u64, ReadError> {
    shared.with_all_rows(log, |state| {
        let rows = state.tail.batches();
        let later = rows.iter().flat_map(|batch| batch.rows.iter().map(|(seq, at, _)| (seq, at)).collect::<Vec<_>>());
        later.filter(|(_, at)| *at >= before).map(|(seq, _)| seq).min().unwrap_or(state.head.size)
    })
}

/// What is where, and what the cuts would do.
pub(crate) fn plan(shared: &Shared, log: &Log, cuts: &TierCuts) -> Result<TierPlan, ReadError> {
    let (archive_end, purge_end) = (seq_at(shared, log, cuts.archive_before)?, seq_at(shared, log, cuts.purge_before)?);
    let mut plan = TierPlan { archive_end, purge_end, ..TierPlan::default() };
    let state = log.state.lock();
    for entry in &state.manifest {
        let (summary, end) = (&entry.summary, entry.end_seq());
        let below = |cut: u64| cut.clamp(summary.first_seq, end) - summary.first_seq;
        let add = |share: &mut Share, events: u64| {
            share.events += events;
            share.segments += u64::from(events > 0);
            share.bytes += (u128::from(summary.bytes) * u128::from(events) / u128::from(summary.rows.max(1))) as u64;
        };
        let (due, over) = (below(archive_end), below(purge_end));
        match summary.tier {
            Tier::Purged => add(&mut plan.purged, summary.rows),
            Tier::Archive => {
                add(&mut plan.archived, summary.rows);
                add(&mut plan.to_purge, over);
            }
            Tier::Hot => {
                add(&mut plan.hot, summary.rows);
                add(&mut plan.to_purge, over);
                plan.to_purge_hot_events += over;
                add(&mut plan.to_archive, due - over.min(due));
            }
        }
    }
    let unsealed = state.sealed_end..state.head.size;
    plan.hot.events += unsealed.end - unsealed.start;
    let over = purge_end.clamp(unsealed.start, unsealed.end) - unsealed.start;
    let due = archive_end.clamp(unsealed.start, unsealed.end) - unsealed.start;
    plan.to_purge.events += over;
    plan.to_purge_hot_events += over;
    plan.to_archive.events += due - over.min(due);
    Ok(plan)
}

/// Makes sure that what is due lies in segments, which alone move, and says where the tiers end.
pub(crate) fn prepare(shared: &Arc<Shared>, log: &Log, cuts: &TierCuts) -> Result<TierEnds, SealError> {
    let archive_end = seq_at(shared, log, cuts.archive_before)?;
    let purge_end = seq_at(shared, log, cuts.purge_before)?;
    let mut sealing = Sealing::new(shared.clone());
    while log.state.lock().sealed_end < archive_end.max(purge_end) {
        if sealing.seal(log)? == 0 {
            break;
        }
    }
    Ok(TierEnds { archive_end, purge_end, purges: false })
}

/// Looks at the segments from a sequence number on and takes the first step that there is to take.
pub(crate) fn step(
    shared: &Arc<Shared>,
    log: &Log,
    ends: TierEnds,
    holds: &[Hold],
    from_seq: u64,
) -> Result<Option<TierStep>, SealError> {
    let mut sealing = Sealing::new(shared.clone());
    let _one_sealer = log.sealing.lock();
    let fence = sealing.lease(log)?;
    let result = sealing.next_step(log, ends, holds, from_seq, &fence);
    shared.backend.release_lease(&fence)?;
    result
}

/// Overwrites what the journal still has of what was purged or erased, also in its write-ahead log, and removes the files.
/// Whether all of it is gone.
pub(crate) fn wipe(shared: &Shared) -> Result<bool, SealError> {
    while shared.backend.collect(COLLECT_BYTES)? {
        if shared.stopping() {
            return Err(SealError::Stopping);
        }
    }
    if !housekeeping::collect_orphans(shared) {
        return Ok(false);
    }
    for pause in WIPE_PAUSES_MILLIS {
        housekeeping::remove_retired(shared);
        if shared.backend.cut_log()? && shared.retired.lock().is_empty() {
            return Ok(true);
        }
        shared.pause(Duration::from_millis(pause));
    }
    Ok(false)
}

/// Sequence numbers at which events change their tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierEnds {
    /// The first event that stays at hand.
    pub archive_end: u64,
    /// The first event that is not due to be purged.
    pub purge_end: u64,
    /// Whether the purge is on record: nothing is purged before.
    pub purges: bool,
}

/// Consecutive events that are to lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    seqs: Range<u64>,
    tier: Tier,
}

/// A segment's rows with what their entries are made of, and the tree before each piece.
struct Proved {
    entries: Vec<Entry>,
    starts: Vec<Frontier>,
}

impl Sealing {
    fn next_step(
        &mut self,
        log: &Log,
        ends: TierEnds,
        holds: &[Hold],
        from_seq: u64,
        fence: &Fence,
    ) -> Result<Option<TierStep>, SealError> {
        let is_due = |entry: &&ManifestEntry| {
            let first_seq = entry.summary.first_seq;
            first_seq >= from_seq
                && match entry.summary.tier {
                    Tier::Hot => first_seq < ends.archive_end.max(ends.purge_end),
                    Tier::Archive => first_seq < ends.purge_end,
                    Tier::Purged => false,
                }
        };
        let due: Vec<ManifestEntry> = log.state.lock().manifest.iter().filter(is_due).cloned().collect();
        for entry in &due {
            self.interrupted()?;
            if let Some(step) = self.take_step(log, entry, ends, holds, fence)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// Moves or purges what of a segment is due. Nothing, if all that is due is held where it lies.
    fn take_step(
        &mut self,
        log: &Log,
        entry: &ManifestEntry,
        ends: TierEnds,
        holds: &[Hold],
        fence: &Fence,
    ) -> Result<Option<TierStep>, SealError> {
        let (first_seq, end_seq, tier) = (entry.summary.first_seq, entry.end_seq(), entry.summary.tier);
        let segments = self.shared.segments(log)?;
        let segment = segments.iter().find(|segment| segment.summary().first_seq == first_seq).cloned();
        let segment = segment.ok_or_else(|| SealError::Segment(format!("no segment begins at {first_seq}")))?;
        let rows = segment.read(first_seq..end_seq)?;
        drop((segment, segments));
        let pieces = pieces(&rows, tier, ends, &held_blocks(log, &rows, ends.purge_end, holds));
        if pieces == [Piece { seqs: first_seq..end_seq, tier }] {
            return Ok(None);
        }
        let events = |wanted: Tier| pieces.iter().filter(|piece| piece.tier == wanted).map(length).sum::<u64>();
        let over = ends.purge_end.clamp(first_seq, end_seq) - first_seq;
        let step = TierStep {
            first_seq,
            end_seq,
            archived: if tier == Tier::Hot { events(Tier::Archive) } else { 0 },
            purged: events(Tier::Purged),
            held: over - events(Tier::Purged),
            is_done: ends.purges || events(Tier::Purged) == 0,
        };
        if !step.is_done {
            return Ok(Some(step));
        }
        let proved = self.prove(log, entry, &rows, &pieces)?;
        let (mut remove, mut add, mut opened) = (vec![entry.clone()], Vec::new(), Vec::new());
        for (piece, start) in pieces.iter().zip(&proved.starts) {
            self.interrupted()?;
            let entries =
                &proved.entries[(piece.seqs.start - first_seq) as usize..(piece.seqs.end - first_seq) as usize];
            if piece.tier == Tier::Purged {
                let before = self.purged_before(log, piece, &mut remove)?;
                add.push(self.write_purged(log, piece, start, before, entries)?);
            } else {
                let (kept, segment) = self.write_kept(log, piece, start.clone(), &rows, entries)?;
                add.push(kept);
                opened.push(segment);
            }
        }
        let purged: Vec<Range<u64>> =
            pieces.iter().filter(|piece| piece.tier == Tier::Purged).map(|piece| piece.seqs.clone()).collect();
        let change = ManifestChange {
            organization: log.organization.id,
            remove: remove.iter().map(|entry| entry.summary.first_seq).collect(),
            add: add.clone(),
            epoch_keys: self.destroyed_keys(log, &purged)?,
            sealed_end: log.state.lock().sealed_end,
            // The tree stays as it is.
            tiles: Vec::new(),
            fence: fence.clone(),
        };
        self.shared.backend.change_manifest(&change)?;
        self.publish_step(log, &remove, add, opened);
        tracing::info!(organization = %log.organization.slug, ?step, "retention");
        Ok(Some(step))
    }

    /// What the rows' entries are made of, which must give the root that the manifest has.
    fn prove(
        &mut self,
        log: &Log,
        entry: &ManifestEntry,
        rows: &CommittedRows,
        pieces: &[Piece],
    ) -> Result<Proved, SealError> {
        let mut tree = TreeBuilder::new(self.start_of(log, rows.first_seq)?);
        let (keys, organization) = (self.shared.keys.clone(), log.organization.id);
        let mut key = |epoch| keys.epoch_key(organization, epoch);
        let (mut entries, mut starts) = (Vec::with_capacity(rows.rows.len()), Vec::with_capacity(pieces.len()));
        let canonicalizer: &mut Canonicalizer = &mut self.canonicalizer;
        for (seq, recorded_at, row) in rows.iter() {
            if pieces.get(starts.len()).is_some_and(|piece| piece.seqs.start == seq) {
                starts.push(tree.frontier().clone());
            }
            let hashes = tree.part_hashes(canonicalizer, &row, recorded_at, &mut key)?;
            entries.push(Entry { recorded_at, commit: commit(&hashes) });
            tree.push_hashes(recorded_at, hashes);
        }
        if tree.frontier().root() != entry.root {
            let detail = format!("the events of segment {} do not give the root that was recorded", entry.path);
            return Err(self.not_proved(log, detail));
        }
        Ok(Proved { entries, starts })
    }

    /// The purged events directly before a piece, if one file holds both; their file is then to be replaced.
    fn purged_before(
        &self,
        log: &Log,
        piece: &Piece,
        remove: &mut Vec<ManifestEntry>,
    ) -> Result<Vec<Entry>, SealError> {
        let state = log.state.lock();
        let before = state.manifest.iter().find(|entry| entry.end_seq() == piece.seqs.start).cloned();
        drop(state);
        let fits = |entry: &ManifestEntry| {
            entry.summary.tier == Tier::Purged && entry.summary.rows + length(piece) <= PURGED_FILE_EVENTS_MAX
        };
        let Some(before) = before.filter(fits) else { return Ok(Vec::new()) };
        let path = self.shared.files_of(Tier::Purged).locate(&before.path);
        let entries = read_purged(&path, &before.summary, before.summary.first_seq..before.end_seq())?;
        remove.push(before);
        Ok(entries)
    }

    /// Writes the file of purged events, reads it back and proves it.
    fn write_purged(
        &mut self,
        log: &Log,
        piece: &Piece,
        start: &Frontier,
        mut before: Vec<Entry>,
        entries: &[Entry],
    ) -> Result<ManifestEntry, SealError> {
        let first_seq = piece.seqs.start - before.len() as u64;
        before.extend_from_slice(entries);
        let (bytes, summary) = build_purged(first_seq, &before);
        let path = SegmentFiles::new_purged_path(log.organization.id, first_seq, &*self.shared.entropy);
        let files = self.shared.files_of(Tier::Purged);
        files.put(&path, bytes)?;
        let again = read_purged(&files.locate(&path), &summary, first_seq..piece.seqs.end)?;
        let start = if before.len() == entries.len() { start.clone() } else { self.start_of(log, first_seq)? };
        let mut tree = TreeBuilder::new(start);
        for entry in &again {
            tree.push_commit(entry.recorded_at, &entry.commit);
        }
        if again != before {
            let _ = files.remove(&path);
            return Err(SealError::NotProved("what was read back of purged events differs".to_owned()));
        }
        let frontier = tree.frontier();
        Ok(ManifestEntry { path, summary, root: frontier.root(), frontier: frontier.to_bytes() })
    }

    /// Writes the segment of events that stay, reads it back and proves it.
    fn write_kept(
        &mut self,
        log: &Log,
        piece: &Piece,
        start: Frontier,
        rows: &CommittedRows,
        entries: &[Entry],
    ) -> Result<(ManifestEntry, Arc<Segment>), SealError> {
        let mut tree = TreeBuilder::new(start.clone());
        entries.iter().for_each(|entry| tree.push_commit(entry.recorded_at, &entry.commit));
        let root: Hash = tree.frontier().root();
        let tiles = tree.take_tiles();
        let mut run = Run::new(piece.seqs.start);
        run.add(slice(rows, piece.seqs.clone()), root);
        let written = self.write(log, &mut run, start, &tiles, piece.tier)?;
        Ok((written.entry, written.segment))
    }

    /// What is left of the keys of epochs once the salts of these events are destroyed.
    fn destroyed_keys(&self, log: &Log, purged: &[Range<u64>]) -> Result<Vec<EpochKeyChange>, SealError> {
        let organization = log.organization.id;
        let mut changes = Vec::new();
        let (Some(first), Some(last)) = (purged.first(), purged.last()) else { return Ok(changes) };
        for epoch in epoch_of(first.start)..=epoch_of(last.end - 1) {
            let (begin, end) = (epoch * EPOCH_EVENTS, (epoch + 1) * EPOCH_EVENTS);
            let mut tree = self.shared.keys.epoch_key(organization, epoch)?;
            for range in purged {
                let part = range.start.max(begin)..range.end.min(end);
                if !part.is_empty() {
                    tree.destroy(leaves_of_events(part));
                }
            }
            let wrap = || self.shared.keys.master.wrap_tree(organization, epoch, &tree, &*self.shared.entropy);
            changes.push(EpochKeyChange { epoch, wrapped: (!tree.is_empty()).then(wrap) });
        }
        Ok(changes)
    }

    pub(super) fn publish_step(
        &self,
        log: &Log,
        removed: &[ManifestEntry],
        added: Vec<ManifestEntry>,
        opened: Vec<Arc<Segment>>,
    ) {
        let gone = |first_seq: u64| removed.iter().any(|entry| entry.summary.first_seq == first_seq);
        let mut retired = Vec::new();
        let mut state = log.state.lock();
        state.manifest.retain(|entry| !gone(entry.summary.first_seq));
        state.manifest.extend(added);
        state.manifest.sort_by_key(|entry| entry.summary.first_seq);
        if let Some(segments) = state.segments.take() {
            let (old, mut kept): (Vec<_>, Vec<_>) =
                segments.iter().cloned().partition(|segment| gone(segment.summary().first_seq));
            retired = old;
            kept.extend(opened);
            kept.sort_by_key(|segment| segment.summary().first_seq);
            debug_assert_eq!(kept.len(), living(&state.manifest).count(), "segments are those of the manifest");
            state.segments = Some(kept.into());
        }
        drop(state);
        self.shared.retire(removed, retired);
        // Files of purged events are read at once and never held open.
        for entry in removed.iter().filter(|entry| entry.summary.tier == Tier::Purged) {
            if let Err(error) = self.shared.files_of(Tier::Purged).remove(&entry.path) {
                tracing::warn!(%error, "a file of purged events could not be removed; it is collected later");
            }
        }
    }
}

fn length(piece: &Piece) -> u64 {
    piece.seqs.end - piece.seqs.start
}

/// The aligned blocks that hold events which are due and held.
fn held_blocks(log: &Log, rows: &CommittedRows, purge_end: u64, holds: &[Hold]) -> Vec<u64> {
    let mut blocks = Vec::new();
    if holds.is_empty() || rows.first_seq >= purge_end {
        return blocks;
    }
    let organization = &log.organization.id.0;
    for (seq, recorded_at, row) in rows.iter().take_while(|(seq, ..)| *seq < purge_end) {
        let block = seq / HOLD_BLOCK_EVENTS;
        if blocks.last() == Some(&block) {
            continue;
        }
        if holds.iter().any(|hold| hold.holds(&row, &Place { organization, seq, recorded_at })) {
            blocks.push(block);
        }
    }
    blocks
}

impl super::Engine {
    /// How many events of those that are due to be purged before `purge_end` ([`TierPlan::purge_end`]) legal holds keep, with
    /// their neighbours. Reads the segments that they lie in. Blocks.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn tier_held(
        &self,
        organization: crate::organization::OrganizationId,
        purge_end: u64,
        holds: &[Hold],
    ) -> Result<u64, ReadError> {
        let log = self.shared.log(organization).ok_or(ReadError::UnknownOrganization)?;
        let mut held = 0;
        for segment in self.shared.segments(&log)?.iter().filter(|segment| segment.summary().first_seq < purge_end) {
            let seqs = segment.summary().first_seq..segment.end_seq();
            let rows = segment.read(seqs.clone()).map_err(|error| segment_unread(&log.organization, &error))?;
            let within = |seq: u64| seq.clamp(seqs.start, seqs.end.min(purge_end));
            let kept = |block: &u64| within((block + 1) * HOLD_BLOCK_EVENTS) - within(block * HOLD_BLOCK_EVENTS);
            held += held_blocks(&log, &rows, purge_end, holds).iter().map(kept).sum::<u64>();
        }
        Ok(held)
    }
}

/// How a segment's rows are to lie: each its tier, neighbours of one tier together.
fn pieces(rows: &CommittedRows, tier: Tier, ends: TierEnds, held: &[u64]) -> Vec<Piece> {
    let (first, end) = (rows.first_seq, rows.end_seq());
    let purge_end = ends.purge_end.clamp(first, end);
    let archive_end = ends.archive_end.max(ends.purge_end).clamp(first, end);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |seqs: Range<u64>, tier: Tier| match pieces.last_mut() {
        _ if seqs.is_empty() => {}
        Some(last) if last.tier == tier => last.seqs.end = seqs.end,
        _ => pieces.push(Piece { seqs, tier }),
    };
    let mut at = first;
    for block in held {
        let (start, stop) = (block * HOLD_BLOCK_EVENTS, (block + 1) * HOLD_BLOCK_EVENTS);
        let (start, stop) = (start.clamp(at, purge_end), stop.clamp(at, purge_end));
        push(at..start, Tier::Purged);
        push(start..stop, Tier::Archive);
        at = stop;
    }
    push(at..purge_end, Tier::Purged);
    push(purge_end..archive_end, Tier::Archive);
    push(archive_end..end, tier);
    pieces
}

/// Some of the rows.
fn slice(rows: &CommittedRows, seqs: Range<u64>) -> CommittedRows {
    let (from, to) = ((seqs.start - rows.first_seq) as usize, (seqs.end - rows.first_seq) as usize);
    let mut encoded = actarium_core::row::EncodedRows::new();
    encoded.append_range(&rows.rows, from..to);
    let current = rows.commits.partition_point(|(index, _)| *index as usize <= from) - 1;
    let commits = rows.commits[current..].iter().take_while(|(index, _)| (*index as usize) < to);
    let commits = commits.map(|(index, at)| ((*index as usize).max(from) as u32 - from as u32, *at)).collect();
    CommittedRows { first_seq: seqs.start, rows: encoded, commits }
}
