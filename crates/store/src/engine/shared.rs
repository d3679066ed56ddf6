//! What the engine's threads share: the logs, the backend, the keys, the counters. Finding and registering logs is
//! done here; what is done with them is not.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};

use super::files::SegmentFiles;
use super::leaves::KeyRing;
use super::log::Log;
use super::options::{EngineLimits, SealPolicy};
use super::queue::Queue;
use super::reserve::Reserve;
use super::stats::Counters;
use super::tiles::Bundles;
use crate::backend::{Backend, ManifestEntry};
use crate::clock::{Clock, Entropy};
use crate::organization::OrganizationId;
use crate::segment::{Segment, SegmentCache, Tier};

/// All logs by both of their names.
#[derive(Default)]
pub(crate) struct Registry {
    pub by_id: HashMap<OrganizationId, Arc<Log>>,
    pub by_slug: HashMap<String, OrganizationId>,
}

/// What wakes the sealers.
#[derive(Default)]
pub(crate) struct SealSignal {
    /// Whether there may be something to do.
    pub wanted: Mutex<bool>,
    pub changed: Condvar,
}

/// The engine's common state.
pub(crate) struct Shared {
    pub limits: EngineLimits,
    pub policy: SealPolicy,
    pub idempotency_window: Duration,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub backend: Arc<dyn Backend>,
    pub keys: KeyRing,
    /// The data folder's segments.
    pub files: SegmentFiles,
    /// The archive's.
    pub archive: SegmentFiles,
    pub cache: Arc<SegmentCache>,
    /// Entries of events, 256 at a time.
    pub bundles: Bundles,
    pub counters: Counters,
    pub logs: RwLock<Registry>,
    pub queue: Queue,
    pub seal_signal: SealSignal,
    /// Bytes of rows in memory over all logs.
    pub tail_bytes: AtomicU64,
    /// Bytes of the committer's tables of external ids.
    pub ids_bytes: AtomicU64,
    /// When something was last written, in milliseconds by [`Clock::elapsed`].
    pub last_write_millis: AtomicU64,
    /// When the last seal or merge ended, as `last_write_millis`.
    pub last_seal_millis: AtomicU64,
    /// Random id under which leases are held.
    pub holder: [u8; 16],
    pub stopping: AtomicBool,
    /// Merged segments whose files go when nobody looks at them any more.
    pub retired: Mutex<Vec<Retired>>,
    /// Wakes what pauses when the engine stops.
    pub stop_signal: (Mutex<()>, Condvar),
    /// Why the last commit failed, if it did.
    pub last_failure: Mutex<Option<String>>,
    /// Room for changes of the directory on a full disk.
    pub reserve: Reserve,
}

/// A segment that no manifest lists any more, and that somebody may still be looking at.
pub(crate) struct Retired {
    pub tier: Tier,
    pub path: String,
    pub segment: Arc<Segment>,
}

impl Shared {
    /// Where the files of a tier are.
    pub fn files_of(&self, tier: Tier) -> &SegmentFiles {
        match tier {
            Tier::Hot | Tier::Purged => &self.files,
            Tier::Archive => &self.archive,
        }
    }

    /// Has the files of segments removed that were taken out of a manifest, once nobody looks at them any more.
    pub fn retire(&self, old: &[ManifestEntry], segments: Vec<Arc<Segment>>) {
        let mut retired = self.retired.lock();
        for segment in segments {
            let first_seq = segment.summary().first_seq;
            if let Some(entry) = old.iter().find(|entry| entry.summary.first_seq == first_seq) {
                retired.push(Retired { tier: entry.summary.tier, path: entry.path.clone(), segment });
            }
        }
    }

    /// The log of an organization.
    pub fn log(&self, organization: OrganizationId) -> Option<Arc<Log>> {
        self.logs.read().by_id.get(&organization).cloned()
    }

    /// All logs, by slug.
    pub fn all_logs(&self) -> Vec<Arc<Log>> {
        let mut logs: Vec<_> = self.logs.read().by_id.values().cloned().collect();
        logs.sort_by(|left, right| left.organization.slug.cmp(&right.organization.slug));
        logs
    }

    /// Makes a log known to everybody.
    pub fn register(&self, log: Arc<Log>) {
        let mut logs = self.logs.write();
        logs.by_slug.insert(log.organization.slug.clone(), log.organization.id);
        logs.by_id.insert(log.organization.id, log);
    }

    /// Milliseconds since the engine's clock began.
    pub fn elapsed_millis(&self) -> u64 {
        self.clock.elapsed().as_millis() as u64
    }

    /// How long ago something was that is noted as [`Self::elapsed_millis`].
    pub fn since(&self, millis: &AtomicU64) -> Duration {
        Duration::from_millis(self.elapsed_millis().saturating_sub(millis.load(Ordering::Relaxed)))
    }

    /// Whether the engine is being shut down.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether writers of a log have to wait for the sealer.
    pub fn is_held_back(&self, organization: OrganizationId) -> bool {
        let held = |log: &Arc<Log>| log.state.lock().unsealed_bytes > self.limits.unsealed_bytes_max;
        self.policy.automatic && self.logs.read().by_id.get(&organization).is_some_and(held)
    }

    /// Sleeps, or less when the engine stops.
    pub fn pause(&self, time: Duration) {
        let mut guard = self.stop_signal.0.lock();
        if !self.stopping() {
            self.stop_signal.1.wait_for(&mut guard, time);
        }
    }

    /// Makes the background threads end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        drop(self.stop_signal.0.lock());
        self.stop_signal.1.notify_all();
        self.wake_sealers();
    }

    /// Wakes a sealer.
    pub fn wake_sealers(&self) {
        *self.seal_signal.wanted.lock() = true;
        self.seal_signal.changed.notify_all();
    }

    /// Counts a change of the bytes in memory.
    pub fn tail_changed(&self, before: u64, after: u64) {
        if after >= before {
            self.tail_bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.tail_bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Drops rows from memory, those least recently read first, until a quarter of the room is free. They stay in the
    /// journal and come back when they are asked for.
    pub fn evict(&self) {
        if self.tail_bytes.load(Ordering::Relaxed) <= self.limits.tail_bytes_max {
            return;
        }
        let aim = self.limits.tail_bytes_max / 4 * 3;
        let mut victims: Vec<(u64, u64, Arc<Log>)> = Vec::new();
        for log in self.logs.read().by_id.values() {
            let bytes = log.state.lock().tail.bytes();
            if bytes > 0 {
                victims.push((log.last_read_millis.load(Ordering::Relaxed), bytes, log.clone()));
            }
        }
        victims.sort_by_key(|(last_read, bytes, _)| (*last_read, std::cmp::Reverse(*bytes)));
        for (_, _, log) in victims {
            if self.tail_bytes.load(Ordering::Relaxed) <= aim {
                return;
            }
            let mut state = log.state.lock();
            if state.pins == 0 {
                let (before, end) = (state.tail.bytes(), state.head.size);
                state.tail.clear(end);
                self.tail_changed(before, 0);
            }
        }
    }
}
