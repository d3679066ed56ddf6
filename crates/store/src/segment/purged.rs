//! What is kept of events whose time is over: when each was recorded and its commit, 40 bytes, in sequence. From these
//! the log's entries and every hash above them are made as before; of what the events said, nothing is left.

use std::ops::Range;

use actarium_core::row::Micros;
use actarium_core::tree::Hash;

use super::file::{CheckedFile, checksums};
use super::{SegmentError, SegmentSummary, Tier};
use crate::storage::StoredFile;

/// Bytes kept of each event: microseconds as big-endian `u64`, then the commit.
pub const PURGED_EVENT_BYTES: usize = 40;

/// What the log's entry of an event is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When the event was recorded.
    pub recorded_at: Micros,
    /// The commit to its four parts.
    pub commit: Hash,
}

/// The file for purged events that begin at a sequence number, and what the manifest keeps of it.
///
/// # Panics
/// If there is none.
pub fn build_purged(first_seq: u64, entries: &[Entry]) -> (Vec<u8>, SegmentSummary) {
    let (first, last) = (entries.first().expect("there are some"), entries.last().expect("there are some"));
    let mut bytes = Vec::with_capacity(entries.len() * PURGED_EVENT_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&entry.recorded_at.to_be_bytes());
        bytes.extend_from_slice(&entry.commit);
    }
    let recorded = (first.recorded_at, last.recorded_at);
    let summary = SegmentSummary {
        first_seq,
        rows: entries.len() as u64,
        recorded,
        // When they happened went with what they said.
        occurred: recorded,
        bytes: bytes.len() as u64,
        checks: checksums(&bytes),
        newest: None,
        tier: Tier::Purged,
    };
    (bytes, summary)
}

/// The entries of some purged events.
///
/// # Errors
/// If the file is missing, cannot be read, or is damaged, or the range is not within it.
pub fn read_purged(file: &StoredFile, summary: &SegmentSummary, seqs: Range<u64>) -> Result<Vec<Entry>, SegmentError> {
    let damaged = |problem: String| SegmentError::damaged(&file.shown(), problem);
    let end = summary.first_seq + summary.rows;
    if seqs.start < summary.first_seq || seqs.end > end || summary.bytes != summary.rows * PURGED_EVENT_BYTES as u64 {
        return Err(damaged(format!("events {} to {} are not in it", seqs.start, seqs.end)));
    }
    let checked = CheckedFile::open(file, summary)?;
    let from = (seqs.start - summary.first_seq) * PURGED_EVENT_BYTES as u64;
    let length = (seqs.end - seqs.start) as usize * PURGED_EVENT_BYTES;
    let bytes = checked.read(from, length).map_err(|error| damaged(error.to_string()))?;
    let (events, _) = bytes.as_chunks::<PURGED_EVENT_BYTES>();
    let entry = |event: &[u8; PURGED_EVENT_BYTES]| {
        let (time, commit) = event.split_first_chunk::<8>().expect("40 bytes");
        Entry { recorded_at: Micros::from_be_bytes(*time), commit: commit.try_into().expect("32 bytes are left") }
    };
    Ok(events.iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.purged");
        let file = StoredFile::local(&path);
        let entries: Vec<Entry> = (0..1_000).map(|n| Entry { recorded_at: 1_000 + n, commit: [n as u8; 32] }).collect();
        let (mut bytes, summary) = build_purged(500, &entries);
        assert_eq!(bytes.len(), 40_000);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_purged(&file, &summary, 500..1_500).unwrap(), entries);
        assert_eq!(read_purged(&file, &summary, 1_499..1_500).unwrap(), entries[999..]);
        assert!(read_purged(&file, &summary, 499..501).is_err());
        assert!(read_purged(&file, &summary, 500..1_501).is_err());
        bytes[20_000] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(read_purged(&file, &summary, 500..1_500).is_err());
    }
}
