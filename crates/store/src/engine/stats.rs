//! Counters of the engine, for metrics. Nothing here decides anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actarium_core::row::Micros;

use super::Engine;
use crate::storage::StorageStats;

/// Upper bounds of the buckets of the commit latency histogram, in microseconds; one more bucket holds what is longer.
pub const COMMIT_LATENCY_BUCKETS_MICROS: [u64; 14] =
    [250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000];

/// Why a request was refused; the label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Refused {
    /// Too much was waiting.
    Overloaded = 0,
    /// The disk was full.
    Full = 1,
    /// The journal failed.
    Unavailable = 2,
    /// The organization's log is damaged.
    Damaged = 3,
    /// The clock was behind the log.
    ClockBehind = 4,
    /// An `external_id` was repeated with other content.
    Conflict = 5,
    /// An idempotency key was repeated with another body.
    KeyConflict = 6,
    /// A directory entry had changed.
    DirectoryConflict = 7,
    /// Too large, unknown organization, closed, or not storable.
    Other = 8,
}

impl Refused {
    /// All reasons in the order of their numbers.
    pub const ALL: [Refused; 9] = [
        Refused::Overloaded,
        Refused::Full,
        Refused::Unavailable,
        Refused::Damaged,
        Refused::ClockBehind,
        Refused::Conflict,
        Refused::KeyConflict,
        Refused::DirectoryConflict,
        Refused::Other,
    ];

    /// The reason as the label of a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Refused::Overloaded => "overloaded",
            Refused::Full => "full",
            Refused::Unavailable => "unavailable",
            Refused::Damaged => "damaged",
            Refused::ClockBehind => "clock_behind",
            Refused::Conflict => "conflict",
            Refused::KeyConflict => "key_conflict",
            Refused::DirectoryConflict => "directory_conflict",
            Refused::Other => "other",
        }
    }
}

/// What the engine has done since it was opened, and what it holds now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Events recorded.
    pub events: u64,
    /// Events that had been recorded before.
    pub duplicates: u64,
    /// Bytes of encoded rows recorded.
    pub event_bytes: u64,
    /// Requests answered with success.
    pub requests: u64,
    /// Commits made.
    pub commits: u64,
    /// Commits that failed.
    pub commit_failures: u64,
    /// Commits by latency: one bucket per bound of [`COMMIT_LATENCY_BUCKETS_MICROS`] and one for what is longer.
    pub commit_latency: [u64; COMMIT_LATENCY_BUCKETS_MICROS.len() + 1],
    /// Sum of the latencies of all commits in microseconds.
    pub commit_latency_micros: u64,
    /// Requests refused, by [`Refused`].
    pub refused: [u64; Refused::ALL.len()],
    /// Requests waiting now.
    pub queue_requests: u64,
    /// Bytes of rows waiting now.
    pub queue_bytes: u64,
    /// Bytes the journal takes on disk.
    pub journal_bytes: u64,
    /// Rows that are not in segments yet.
    pub unsealed_events: u64,
    /// Bytes of these rows, uncompressed.
    pub unsealed_bytes: u64,
    /// Bytes of unsealed rows held in memory.
    pub tail_bytes: u64,
    /// Bytes of the indexes over unsealed external ids.
    pub ids_bytes: u64,
    /// Bytes of decoded segment parts held in memory.
    pub cache_bytes: u64,
    /// Organizations.
    pub organizations: u64,
    /// Organizations whose logs take no writes because they are damaged.
    pub damaged_organizations: u64,
    /// Segments in the manifests.
    pub segments: u64,
    /// Bytes of these segments.
    pub segment_bytes: u64,
    /// Seals done.
    pub seals: u64,
    /// Rows sealed.
    pub sealed_events: u64,
    /// Merges of segments done.
    pub merges: u64,
    /// Seals and merges that failed and will be tried again.
    pub seal_failures: u64,
    /// The last such failure, in words.
    pub last_seal_failure: Option<String>,
    /// Files removed that no manifest listed.
    pub orphans_removed: u64,
    /// What the place of the archive counts, if that is not a folder.
    pub archive: Option<StorageStats>,
}

/// Logs that wait for the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AheadOfClock {
    /// Logs that take no writes because their newest event is ahead of the clock.
    pub waiting: u64,
    /// All logs.
    pub organizations: u64,
    /// When the newest event of those that wait was recorded.
    pub newest: Option<Micros>,
}

impl Engine {
    /// The logs whose newest event was recorded so far ahead of the clock that they take no writes until it is set right, and
    /// of how many. Does not block.
    pub fn ahead_of_clock(&self) -> AheadOfClock {
        let now = self.shared.clock.now();
        let behind_max = self.shared.limits.clock_behind_max.as_micros() as Micros;
        let mut ahead = AheadOfClock::default();
        for log in self.shared.all_logs() {
            let head = log.state.lock().head;
            ahead.organizations += 1;
            if head.recorded_at.saturating_sub(now) > behind_max {
                ahead.waiting += 1;
                ahead.newest = ahead.newest.max(Some(head.recorded_at));
            }
        }
        ahead
    }
}

/// The counters behind [`EngineStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub events: AtomicU64,
    pub duplicates: AtomicU64,
    pub event_bytes: AtomicU64,
    pub requests: AtomicU64,
    pub commits: AtomicU64,
    pub commit_failures: AtomicU64,
    pub commit_latency: [AtomicU64; COMMIT_LATENCY_BUCKETS_MICROS.len() + 1],
    pub commit_latency_micros: AtomicU64,
    pub refused: [AtomicU64; Refused::ALL.len()],
    pub seals: AtomicU64,
    pub sealed_events: AtomicU64,
    pub merges: AtomicU64,
    pub seal_failures: AtomicU64,
    pub orphans_removed: AtomicU64,
    pub last_seal_failure: parking_lot::Mutex<Option<String>>,
}

impl Counters {
    pub fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Ordering::Relaxed);
    }

    pub fn refuse(&self, reason: Refused) {
        Self::add(&self.refused[reason as usize], 1);
    }

    pub fn commit_took(&self, took: Duration) {
        let micros = took.as_micros() as u64;
        let bucket = COMMIT_LATENCY_BUCKETS_MICROS.partition_point(|bound| *bound < micros);
        Self::add(&self.commit_latency[bucket], 1);
        Self::add(&self.commit_latency_micros, micros);
        Self::add(&self.commits, 1);
    }

    /// The counters as they stand; what is held now is filled in by the engine.
    pub fn read(&self) -> EngineStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EngineStats {
            events: get(&self.events),
            duplicates: get(&self.duplicates),
            event_bytes: get(&self.event_bytes),
            requests: get(&self.requests),
            commits: get(&self.commits),
            commit_failures: get(&self.commit_failures),
            commit_latency: std::array::from_fn(|index| get(&self.commit_latency[index])),
            commit_latency_micros: get(&self.commit_latency_micros),
            refused: std::array::from_fn(|index| get(&self.refused[index])),
            seals: get(&self.seals),
            sealed_events: get(&self.sealed_events),
            merges: get(&self.merges),
            seal_failures: get(&self.seal_failures),
            orphans_removed: get(&self.orphans_removed),
            last_seal_failure: self.last_seal_failure.lock().clone(),
            ..EngineStats::default()
        }
    }
}
