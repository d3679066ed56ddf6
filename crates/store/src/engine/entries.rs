//! What the log's entries are made of: when each event was recorded and its commit. Of living events the commit is computed
//! from what they say, of purged ones it was kept. Whoever needs leaf hashes or entries asks here, so that both agree.

use std::ops::Range;

use actarium_core::canonical::{Canonicalizer, commit};
use actarium_core::row::{Micros, RowView};
use actarium_core::salt::epoch_of;

use super::leaves::{EpochSalts, LeafError};
use super::loading::segment_unread;
use super::log::Log;
use super::shared::Shared;
use super::snapshot::{ReadError, Snapshot};
use crate::backend::ManifestEntry;
use crate::segment::{Entry, Tier, read_purged};

/// The entries of a range of sequence numbers.
pub(crate) fn read(shared: &Shared, log: &Log, seqs: Range<u64>) -> Result<Vec<Entry>, ReadError> {
    // Events are purged, and files of purged events replaced, while somebody reads: then both are looked for anew.
    let mut failed = None;
    for _ in 0..3 {
        let manifest = log.state.lock().manifest.clone();
        let snapshot = shared.snapshot(log)?;
        match read_once(shared, log, &manifest, &snapshot, seqs.clone()) {
            Err(ReadError::Damaged { organization, detail }) if log.state.lock().manifest != manifest => {
                failed = Some(ReadError::Damaged { organization, detail });
            }
            other => return other,
        }
    }
    Err(failed.expect("every attempt has failed"))
}

fn read_once(
    shared: &Shared,
    log: &Log,
    manifest: &[ManifestEntry],
    snapshot: &Snapshot,
    seqs: Range<u64>,
) -> Result<Vec<Entry>, ReadError> {
    let damaged = |detail: String| ReadError::Damaged { organization: log.organization.slug.clone(), detail };
    if seqs.end > snapshot.size {
        return Err(damaged(format!("there are {} events, not {}", snapshot.size, seqs.end)));
    }
    let mut reading = Reading { shared, log, salts: None, next: seqs.start, canonicalizer: Canonicalizer::new() };
    let mut entries = Vec::with_capacity((seqs.end - seqs.start) as usize);
    let within = |first: u64, end: u64| first.max(seqs.start)..end.min(seqs.end);
    for entry in manifest.iter().filter(|entry| entry.summary.tier == Tier::Purged) {
        let part = within(entry.summary.first_seq, entry.end_seq());
        if !part.is_empty() {
            let path = shared.files_of(Tier::Purged).locate(&entry.path);
            let read = read_purged(&path, &entry.summary, part.clone())
                .map_err(|error| segment_unread(&log.organization, &error))?;
            entries.extend(part.zip(read));
        }
    }
    let mut failed = None;
    for segment in snapshot.segments.iter() {
        let part = within(segment.summary().first_seq, segment.end_seq());
        if part.is_empty() {
            continue;
        }
        let mut each = |seq: u64, recorded_at: Micros, row: RowView<'_>| match reading.entry(seq, recorded_at, &row) {
            Ok(entry) => entries.push((seq, entry)),
            Err(error) => drop(failed.get_or_insert(error)),
        };
        segment.for_each_row(part, &mut each).map_err(|error| segment_unread(&log.organization, &error))?;
    }
    for batch in &snapshot.tail {
        for (seq, recorded_at, row) in batch.rows.iter().filter(|(seq, ..)| seqs.contains(seq)) {
            match reading.entry(seq, recorded_at, &row) {
                Ok(entry) => entries.push((seq, entry)),
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
    }
    match failed {
        Some(LeafError::Backend(error)) => return Err(shared.read_error(log, &error)),
        Some(other) => return Err(damaged(other.to_string())),
        None => {}
    }
    entries.sort_unstable_by_key(|(seq, _)| *seq);
    if entries.iter().map(|(seq, _)| *seq).ne(seqs.clone()) {
        return Err(damaged(format!("not every event from {} to {} is there", seqs.start, seqs.end)));
    }
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

/// Computes commits of rows in sequence.
struct Reading<'a> {
    shared: &'a Shared,
    log: &'a Log,
    salts: Option<EpochSalts>,
    /// The event that `salts` are at.
    next: u64,
    canonicalizer: Canonicalizer,
}

impl Reading<'_> {
    fn entry(&mut self, seq: u64, recorded_at: Micros, row: &RowView<'_>) -> Result<Entry, LeafError> {
        let follows = self.next == seq;
        let salts = match self.salts.as_mut().filter(|_| follows).and_then(EpochSalts::next_salts) {
            Some(salts) => salts,
            None => {
                let tree = self.shared.keys.epoch_key(self.log.organization.id, epoch_of(seq))?;
                let salts = self.salts.insert(EpochSalts::new(tree, seq));
                salts.next_salts().expect("an epoch has the event it was opened at")
            }
        };
        self.next = seq + 1;
        let hashes = salts.part_hashes(&mut self.canonicalizer, seq, recorded_at, row)?;
        Ok(Entry { recorded_at, commit: commit(&hashes) })
    }
}
