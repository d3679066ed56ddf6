//! One organization's log as every part of the engine sees it: its published head, its segments, its rows in memory.
//! Only the committer moves the head; only a sealer moves the sealed end. What takes long happens outside the lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use actarium_core::row::Micros;
use actarium_core::tree::{Hash, TILE_LEAVES};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::checkpoints::Published;
use super::cosigned::Newest;
use super::evidence::LogHead;
use super::recovery;
use super::tail::Tail;
use crate::backend::{ManifestEntry, Overview};
use crate::organization::Organization;
use crate::segment::Segment;

/// The head that readers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublishedHead {
    pub size: u64,
    pub root: Hash,
    pub recorded_at: Micros,
}

/// Hashes of 256-aligned subtrees that the committer has made, so that the sealer need not make them again.
#[derive(Default)]
pub(crate) struct KnownTiles {
    /// Number of the first tile in `hashes`.
    first: u64,
    hashes: std::collections::VecDeque<Hash>,
}

impl KnownTiles {
    /// Adds the tiles completed by a commit that ended at `size`.
    pub fn add(&mut self, size: u64, tiles: &[Hash]) {
        if tiles.is_empty() {
            return;
        }
        let first = size / TILE_LEAVES - tiles.len() as u64;
        if self.first + self.hashes.len() as u64 != first {
            self.hashes.clear();
            self.first = first;
        }
        self.hashes.extend(tiles);
    }

    /// The hashes of the tiles that lie wholly within `[from, to)`, if all are known.
    pub fn within(&self, from: u64, to: u64) -> Option<Vec<Hash>> {
        let (first, end) = (from.div_ceil(TILE_LEAVES), to / TILE_LEAVES);
        if first >= end {
            return Some(Vec::new());
        }
        if first < self.first || end > self.first + self.hashes.len() as u64 {
            return None;
        }
        Some(self.hashes.range((first - self.first) as usize..(end - self.first) as usize).copied().collect())
    }

    /// Forgets the tiles that begin before `seq`.
    pub fn forget_before(&mut self, seq: u64) {
        while self.first * TILE_LEAVES < seq && self.hashes.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.hashes.clear();
    }
}

/// The changing part of a log.
pub(crate) struct LogState {
    pub head: PublishedHead,
    /// Events before it are in segments.
    pub sealed_end: u64,
    pub manifest: Vec<ManifestEntry>,
    /// The segments of the manifest, once they were opened.
    pub segments: Option<Arc<[Arc<Segment>]>>,
    pub tail: Tail,
    /// Bytes of all unsealed rows, in memory or not.
    pub unsealed_bytes: u64,
    /// When the first unsealed row was recorded, or earlier.
    pub oldest_unsealed: Option<Micros>,
    pub tiles: KnownTiles,
    /// Readers that are loading rows, which must not be evicted under them.
    pub pins: u32,
    /// Why it takes no writes.
    pub damaged: Option<String>,
    /// Which of its events are in nothing that was found at the start, so that it cannot be read either.
    pub gap: Option<String>,
}

impl LogState {
    /// Rows that are not in segments.
    pub fn unsealed_rows(&self) -> u64 {
        self.head.size - self.sealed_end
    }
}

/// One organization's log.
pub(crate) struct Log {
    pub organization: Arc<Organization>,
    pub state: Mutex<LogState>,
    /// Announces the size.
    pub size: watch::Sender<u64>,
    /// Held while rows are read back into memory.
    pub loading: Mutex<()>,
    /// Held while segments are written or merged.
    pub sealing: Mutex<()>,
    /// When it was last read, in milliseconds by [`crate::Clock::elapsed`].
    pub last_read_millis: AtomicU64,
    /// Which generation of the log this is.
    pub generation: AtomicU64,
    /// The first event of that generation.
    pub generation_first_seq: AtomicU64,
    /// The newest checkpoint that was published.
    pub published: Mutex<Option<Arc<Published>>>,
    /// Why it was told at the start that none was kept.
    pub missed: OnceLock<String>,
    /// The checkpoint that was signed at once last, for a receipt or a proof.
    pub signed: Mutex<Option<(LogHead, Arc<str>)>>,
    /// The newest signature of each witness under one of its checkpoints.
    pub cosigned: Mutex<Newest>,
    /// Before which time everything may have been purged, by the record that reaches furthest of those that were proved.
    pub purged_before: Mutex<Option<Micros>>,
    /// Whether its segments changed since somebody looked whether to merge them.
    pub look_for_merges: AtomicBool,
}

impl Log {
    /// The log as the backend has it, with nothing in memory.
    pub fn new(overview: &Overview, manifest: Vec<ManifestEntry>, damaged: Option<String>) -> Self {
        let gap = recovery::gap(overview, &manifest);
        let head = PublishedHead {
            size: overview.head.size,
            root: overview.head.root,
            recorded_at: overview.head.recorded_at,
        };
        Self {
            organization: Arc::new(overview.organization.clone()),
            size: watch::Sender::new(head.size),
            loading: Mutex::new(()),
            sealing: Mutex::new(()),
            generation: AtomicU64::new(1),
            generation_first_seq: AtomicU64::new(0),
            published: Mutex::new(None),
            missed: OnceLock::new(),
            signed: Mutex::new(None),
            cosigned: Mutex::new(Newest::new()),
            purged_before: Mutex::new(None),
            last_read_millis: AtomicU64::new(0),
            look_for_merges: AtomicBool::new(!manifest.is_empty()),
            state: Mutex::new(LogState {
                tail: Tail::empty(head.size),
                head,
                sealed_end: overview.sealed_end,
                manifest,
                segments: None,
                unsealed_bytes: overview.journal.raw_bytes,
                oldest_unsealed: overview.journal.oldest_recorded_at,
                tiles: KnownTiles::default(),
                pins: 0,
                damaged,
                gap,
            }),
        }
    }

    /// Marks it as damaged, so that it takes no more writes.
    pub fn set_damaged(&self, detail: &str) {
        if self.stop(detail) {
            tracing::error!(
                organization = %self.organization.slug,
                detail,
                "log is damaged and takes no more writes; stop the service, put what is damaged back from a backup and start it \
                 again (docs/EVIDENCE.md, \"A log that is damaged\")"
            );
        }
    }

    /// Marks it as another than what was published of it, so that it takes no more writes.
    pub fn set_contradicted(&self, detail: &str) {
        if self.stop(detail) {
            tracing::error!(
                organization = %self.organization.slug,
                detail,
                "log is not what was published of it, or older, and takes no more writes; stop the service and put the newer data \
                 folder back, or go on as after a restore (docs/EVIDENCE.md)"
            );
        }
    }

    /// Whether it took writes until now.
    fn stop(&self, detail: &str) -> bool {
        let mut state = self.state.lock();
        let is_first = state.damaged.is_none();
        if is_first {
            state.damaged = Some(detail.to_owned());
        }
        is_first
    }

    /// Notes that it was read.
    pub fn touch(&self, now_millis: u64) {
        self.last_read_millis.store(now_millis, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tiles_are_those_without_a_gap() {
        let tile = |number: u8| [number; 32];
        let mut tiles = KnownTiles::default();
        tiles.add(256 * 5 + 7, &[tile(3), tile(4)]);
        tiles.add(256 * 6, &[tile(5)]);
        assert_eq!(tiles.within(256 * 3 - 10, 256 * 6 + 100), Some(vec![tile(3), tile(4), tile(5)]));
        assert_eq!(tiles.within(256 * 3 + 1, 256 * 5), Some(vec![tile(4)]));
        assert_eq!(tiles.within(256 * 2, 256 * 5), None);
        assert_eq!(tiles.within(10, 20), Some(vec![]));
        tiles.forget_before(256 * 4 + 1);
        assert_eq!(tiles.within(256 * 4, 256 * 6), None);
        assert_eq!(tiles.within(256 * 5, 256 * 6), Some(vec![tile(5)]));
        // After a gap only what follows it is known.
        tiles.add(256 * 9, &[tile(8)]);
        assert_eq!(tiles.within(256 * 5, 256 * 9), None);
        assert_eq!(tiles.within(256 * 8, 256 * 9), Some(vec![tile(8)]));
    }
}
