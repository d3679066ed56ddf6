//! Erasing parts of events: each segment that has some of them is written anew without them, read back and proved as a seal
//! is, and in the transaction that puts it in the place of the old one the keys to the salts of those parts are destroyed.
//! The hash of each part stays, so roots, proofs and everything that reads entries see no difference. What is to be erased was
//! recorded before by the caller; nothing here decides it, and what was done once is passed over the next time.

use std::ops::Range;
use std::sync::Arc;

use actarium_core::erasure::{ErasableParts, erase, ranges_of};
use actarium_core::filter::Place;
use actarium_core::row::{EncodedRows, Micros};
use actarium_core::salt::{EPOCH_EVENTS, PARTS, epoch_of, leaf_index};

use super::Engine;
use super::leaves::TreeBuilder;
use super::log::Log;
use super::seal::{Run, SealError, Sealing};
use super::shared::Shared;
use super::tiering::Hold;
use crate::backend::{EpochKeyChange, Fence, ManifestChange, ManifestEntry};
use crate::committed::CommittedRows;
use crate::organization::OrganizationId;
use crate::segment::Tier;

/// How much older than its events the record of an idempotency key may be: a clock may be behind the log.
const IDEMPOTENCY_SLACK_MICROS: Micros = 60 * 60 * 1_000_000;

/// Which parts of which events are to be erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    groups: Vec<(ErasableParts, Vec<Range<u64>>)>,
}

impl Erasure {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds parts of the events of some ranges, in any order.
    pub fn add(&mut self, parts: ErasableParts, ranges: impl IntoIterator<Item = Range<u64>>) {
        let at = self.groups.iter().position(|(known, _)| *known == parts);
        let at = at.unwrap_or_else(|| {
            self.groups.push((parts, Vec::new()));
            self.groups.len() - 1
        });
        let known = &mut self.groups[at].1;
        known.extend(ranges.into_iter().filter(|range| !range.is_empty()));
        known.sort_unstable_by_key(|range| (range.start, range.end));
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(known.len());
        for range in known.drain(..) {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        *known = joined;
    }

    /// The sequence number after the last event of it; 0 if it is nothing.
    pub fn end_seq(&self) -> u64 {
        self.groups.iter().filter_map(|(_, ranges)| ranges.last()).map(|range| range.end).max().unwrap_or(0)
    }

    /// The parts of an event that are to be erased.
    pub fn parts_of(&self, seq: u64) -> ErasableParts {
        let has = |ranges: &[Range<u64>]| {
            let at = ranges.partition_point(|range| range.end <= seq);
            ranges.get(at).is_some_and(|range| range.start <= seq)
        };
        let of = self.groups.iter().filter(|(_, ranges)| has(ranges)).map(|(parts, _)| *parts);
        of.fold(ErasableParts::NONE, ErasableParts::union)
    }

    /// Whether it has an event of a range.
    pub fn touches(&self, seqs: &Range<u64>) -> bool {
        self.groups.iter().any(|(_, ranges)| {
            let at = ranges.partition_point(|range| range.end <= seqs.start);
            ranges.get(at).is_some_and(|range| range.start < seqs.end)
        })
    }
}

/// One segment that was looked at, and written anew if it had something to erase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EraseStep {
    /// Its first event.
    pub first_seq: u64,
    /// The event after its last.
    pub end_seq: u64,
    /// Events that lost parts.
    pub erased: u64,
    /// Events that had lost those parts before.
    pub already: u64,
    /// Events that are held and stay as they are.
    pub held: u64,
}

/// An event that is to lose parts.
#[derive(Clone, Copy)]
struct Due {
    seq: u64,
    parts: ErasableParts,
}

impl Engine {
    /// Makes sure that the events before `end_seq` lie in segments, where alone parts are erased. Blocks.
    ///
    /// # Errors
    /// What failed, in words; nothing is lost.
    pub fn seal_until(&self, organization: OrganizationId, end_seq: u64) -> Result<(), String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        seal_until(&self.shared, &log, end_seq).map_err(|error| error.to_string())
    }

    /// Erases parts of events in the first segment from `from_seq` on that has some of them, but for what is held. What it
    /// did stays done and need not be done again; the next step begins at the [`EraseStep::end_seq`] of this one. Nothing, if
    /// there is nothing left to do. Whoever calls it has recorded before what is to be erased. Blocks.
    ///
    /// # Errors
    /// What failed, in words; nothing is lost.
    pub fn erase_step(
        &self,
        organization: OrganizationId,
        erasure: &Erasure,
        holds: &[Hold],
        from_seq: u64,
    ) -> Result<Option<EraseStep>, String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        step(&self.shared, &log, erasure, holds, from_seq).map_err(|error| error.to_string())
    }
}

/// Seals until all events before a sequence number lie in segments.
pub(crate) fn seal_until(shared: &Arc<Shared>, log: &Log, end_seq: u64) -> Result<(), SealError> {
    let mut sealing = Sealing::new(shared.clone());
    while log.state.lock().sealed_end < end_seq {
        if sealing.seal(log)? == 0 {
            break;
        }
    }
    Ok(())
}

/// Takes the first segment that has events of the erasure.
pub(crate) fn step(
    shared: &Arc<Shared>,
    log: &Log,
    erasure: &Erasure,
    holds: &[Hold],
    from_seq: u64,
) -> Result<Option<EraseStep>, SealError> {
    seal_until(shared, log, erasure.end_seq())?;
    let mut sealing = Sealing::new(shared.clone());
    let _one_sealer = log.sealing.lock();
    let has_some = |entry: &&ManifestEntry| {
        entry.summary.tier != Tier::Purged
            && entry.end_seq() > from_seq
            && erasure.touches(&(entry.summary.first_seq.max(from_seq)..entry.end_seq()))
    };
    let entry = log.state.lock().manifest.iter().find(has_some).cloned();
    let Some(entry) = entry else { return Ok(None) };
    let fence = sealing.lease(log)?;
    let result = sealing.erase_in(log, &entry, erasure, holds, &fence);
    shared.backend.release_lease(&fence)?;
    result.map(Some)
}

impl Sealing {
    fn erase_in(
        &mut self,
        log: &Log,
        entry: &ManifestEntry,
        erasure: &Erasure,
        holds: &[Hold],
        fence: &Fence,
    ) -> Result<EraseStep, SealError> {
        let (first_seq, end_seq) = (entry.summary.first_seq, entry.end_seq());
        let segments = self.shared.segments(log)?;
        let segment = segments.iter().find(|segment| segment.summary().first_seq == first_seq).cloned();
        let segment = segment.ok_or_else(|| SealError::Segment(format!("no segment begins at {first_seq}")))?;
        let rows = segment.read(first_seq..end_seq)?;
        drop((segment, segments));
        let mut step = EraseStep { first_seq, end_seq, erased: 0, already: 0, held: 0 };
        let due = due(log, &rows, erasure, holds, &mut step);
        if due.is_empty() {
            return Ok(step);
        }
        self.interrupted()?;
        let start = self.start_of(log, first_seq)?;
        let (left, tiles) = self.without(log, entry, &rows, &due)?;
        let since = rows.commits.first().map_or(0, |(_, at)| *at) - IDEMPOTENCY_SLACK_MICROS;
        let seqs = ranges_of(due.iter().map(|due| due.seq));
        self.shared.backend.forget_idempotency(log.organization.id, &seqs, since)?;
        drop(rows);
        let mut run = Run::new(first_seq);
        run.add(left, entry.root);
        let written = self.write(log, &mut run, start, &tiles, entry.summary.tier)?;
        let change = ManifestChange {
            organization: log.organization.id,
            remove: vec![first_seq],
            add: vec![written.entry.clone()],
            epoch_keys: self.keys_without(log, &due)?,
            sealed_end: log.state.lock().sealed_end,
            // The tree stays as it is.
            tiles: Vec::new(),
            fence: fence.clone(),
        };
        self.shared.backend.change_manifest(&change)?;
        self.publish_step(log, std::slice::from_ref(entry), vec![written.entry], vec![written.segment]);
        tracing::info!(organization = %log.organization.slug, ?step, "erasure");
        Ok(step)
    }

    /// The rows without what is due, and the tiles of their tree; the rows as they were are proved on the way.
    fn without(
        &mut self,
        log: &Log,
        entry: &ManifestEntry,
        rows: &CommittedRows,
        due: &[Due],
    ) -> Result<(CommittedRows, Vec<actarium_core::tree::Hash>), SealError> {
        let mut tree = TreeBuilder::new(self.start_of(log, rows.first_seq)?);
        let (keys, organization) = (self.shared.keys.clone(), log.organization.id);
        let mut key = |epoch| keys.epoch_key(organization, epoch);
        let mut left = EncodedRows::new();
        let mut due = due.iter().peekable();
        for (seq, recorded_at, row) in rows.iter() {
            let hashes = tree.part_hashes(&mut self.canonicalizer, &row, recorded_at, &mut key)?;
            tree.push_hashes(recorded_at, hashes);
            let Some(due) = due.next_if(|due| due.seq == seq) else {
                let index = (seq - rows.first_seq) as usize;
                left.append_range(&rows.rows, index..index + 1);
                continue;
            };
            let erased = erase(&row, recorded_at, &hashes, due.parts);
            left.append(&erased.map_err(|error| SealError::NotProved(format!("event {seq}: {error}")))?);
        }
        if tree.frontier().root() != entry.root {
            let detail = format!("the events of segment {} do not give the root that was recorded", entry.path);
            return Err(self.not_proved(log, detail));
        }
        let tiles = tree.take_tiles();
        Ok((CommittedRows { first_seq: rows.first_seq, rows: left, commits: rows.commits.clone() }, tiles))
    }

    /// What is left of the keys of epochs once the salts of these parts are destroyed.
    fn keys_without(&self, log: &Log, due: &[Due]) -> Result<Vec<EpochKeyChange>, SealError> {
        let organization = log.organization.id;
        let mut changes = Vec::new();
        for of_epoch in due.chunk_by(|a, b| epoch_of(a.seq) == epoch_of(b.seq)) {
            let epoch = epoch_of(of_epoch[0].seq);
            debug_assert!(of_epoch.iter().all(|due| due.seq / EPOCH_EVENTS == epoch));
            let mut tree = self.shared.keys.epoch_key(organization, epoch)?;
            let leaves = of_epoch.iter().flat_map(|due| {
                let parts = (0..PARTS).filter(|part| due.parts.has(*part));
                parts.map(|part| leaf_index(due.seq, part)).map(|leaf| leaf..leaf + 1)
            });
            tree.destroy_each(&leaves.collect::<Vec<_>>());
            let wrap = || self.shared.keys.master.wrap_tree(organization, epoch, &tree, &*self.shared.entropy);
            changes.push(EpochKeyChange { epoch, wrapped: (!tree.is_empty()).then(wrap) });
        }
        Ok(changes)
    }
}

/// The events that are to lose parts, and the count of the others.
fn due(log: &Log, rows: &CommittedRows, erasure: &Erasure, holds: &[Hold], step: &mut EraseStep) -> Vec<Due> {
    let organization = &log.organization.id.0;
    let mut due = Vec::new();
    for (seq, recorded_at, row) in rows.iter() {
        let parts = erasure.parts_of(seq);
        if parts.is_empty() {
            continue;
        }
        if parts.is_within(ErasableParts::erased_of(&row)) {
            step.already += 1;
        } else if holds.iter().any(|hold| hold.holds(&row, &Place { organization, seq, recorded_at })) {
            step.held += 1;
        } else {
            step.erased += 1;
            due.push(Due { seq, parts });
        }
    }
    due
}
