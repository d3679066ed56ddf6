//! Events of a log with what proves them, and their log entries: made from bodies and keys, which is why neither entries
//! nor leaf hashes of living events are stored.

use std::ops::Range;
use std::sync::Arc;

use actarium_core::canonical::{Canonicalizer, ENTRY_BYTES, commit, entry};
use actarium_core::row::{Micros, RowView};
use actarium_core::salt::{PARTS, Salt, epoch_of};
use actarium_core::tree::Hash;

use super::leaves::{EpochSalts, LeafError};
use super::loading::segment_unread;
use super::log::Log;
use super::shared::Shared;
use super::snapshot::{ReadError, Snapshot};
use super::tail::with_row;

/// The bytes of a log entry.
pub type EntryBytes = [u8; ENTRY_BYTES];

/// An event with what its entry is made of.
#[derive(Debug)]
pub struct Disclosed<'r> {
    /// Its sequence number.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// The event.
    pub row: RowView<'r>,
    /// The salts of its parts; those of erased parts are gone.
    pub salts: [Option<Salt>; PARTS],
    /// The hashes of its parts under their salts.
    pub part_hashes: [Hash; PARTS],
}

impl Disclosed<'_> {
    /// The commit to its parts.
    pub fn commit(&self) -> Hash {
        commit(&self.part_hashes)
    }

    /// Its log entry.
    pub fn entry(&self) -> EntryBytes {
        entry(self.recorded_at, &self.commit())
    }
}

/// Whether a log's segments are still those of a snapshot.
fn is_present(log: &Log, snapshot: &Snapshot) -> bool {
    let state = log.state.lock();
    let present = state.segments.as_deref().unwrap_or_default();
    present.len() == snapshot.segments.len() && present.iter().zip(&*snapshot.segments).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// Calls `f` with each row of a range of a snapshot, in order.
pub(crate) fn for_each_row(
    snapshot: &Snapshot,
    seqs: Range<u64>,
    f: &mut dyn FnMut(u64, Micros, RowView<'_>),
) -> Result<(), ReadError> {
    let damaged = |detail: String| ReadError::Damaged { organization: snapshot.organization.slug.clone(), detail };
    let mut next = seqs.start;
    let first = snapshot.segments.partition_point(|segment| segment.end_seq() <= next);
    for segment in &snapshot.segments[first..] {
        if next >= seqs.end {
            break;
        }
        let end = segment.end_seq().min(seqs.end);
        segment.for_each_row(next..end, f).map_err(|error| segment_unread(&snapshot.organization, &error))?;
        next = end;
    }
    let first = snapshot.tail.partition_point(|batch| batch.rows.end_seq() <= next);
    for batch in &snapshot.tail[first..] {
        let end = batch.rows.end_seq().min(seqs.end);
        while next < end {
            with_row(&batch.rows, next, |row, recorded_at| f(next, recorded_at, row));
            next += 1;
        }
    }
    if next == seqs.end { Ok(()) } else { Err(damaged(format!("event {next} is neither in a segment nor in memory"))) }
}

impl Shared {
    /// The log as it stands, from memory if it is there.
    pub fn present(&self, log: &Log) -> Result<Snapshot, ReadError> {
        match self.snapshot_in_memory(log) {
            Some(snapshot) => Ok(snapshot),
            None => self.snapshot(log),
        }
    }

    /// Calls `f` with each event of a range of a snapshot, in order, and with what proves it.
    pub fn for_each_disclosed(
        &self,
        log: &Log,
        snapshot: &Snapshot,
        seqs: Range<u64>,
        f: &mut dyn FnMut(&Disclosed<'_>),
    ) -> Result<(), ReadError> {
        let organization = log.organization.id;
        let mut canonicalizer = Canonicalizer::new();
        let mut salts: Option<EpochSalts> = None;
        let mut failed: Option<LeafError> = None;
        for_each_row(snapshot, seqs, &mut |seq, recorded_at, row| {
            if failed.is_some() {
                return;
            }
            let mut disclose = || -> Result<(), LeafError> {
                let these = match salts.as_mut().and_then(EpochSalts::next_salts) {
                    Some(these) => these,
                    None => {
                        let tree = self.keys.epoch_key(organization, epoch_of(seq))?;
                        let salts = salts.insert(EpochSalts::new(tree, seq));
                        salts.next_salts().expect("an epoch has the event it was opened at")
                    }
                };
                let part_hashes = these.part_hashes(&mut canonicalizer, seq, recorded_at, &row)?;
                // A part that was erased has no salt to show, whatever is left of the keys.
                let erased = row.erased.map(|hash| hash.is_some());
                let left = these.left();
                let salts = std::array::from_fn(|part| left[part].filter(|_| !erased[part]));
                f(&Disclosed { seq, recorded_at, row, salts, part_hashes });
                Ok(())
            };
            failed = disclose().err();
        })?;
        match failed {
            None => Ok(()),
            Some(LeafError::Backend(error)) => Err(self.read_error(log, &error)),
            // What was read is of before an erasure, and the keys of after it.
            Some(LeafError::Destroyed { .. } | LeafError::Key { .. }) if !is_present(log, snapshot) => {
                let detail = "events were erased or purged while they were read; ask again".to_owned();
                Err(ReadError::Unavailable { detail })
            }
            Some(error) => {
                Err(ReadError::Damaged { organization: log.organization.slug.clone(), detail: error.to_string() })
            }
        }
    }
}
