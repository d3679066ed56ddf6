//! The engine: one writer and many readers over a data folder.
//!
//! A request goes into `queue`; the `committer` takes what waits, looks for repeats (`dedup`, `staging`), hashes
//! (`leaves`), makes one commit durable, and publishes it to each `log` with its `tail` in memory. Readers take
//! snapshots (`loading`). What proves the logs comes from `evidence`, `disclosed`, `tiles`, `checkpoints`
//! and `cosigned`. `sealer` decides what becomes segments, `seal` does it, `housekeeping` cleans up after it,
//! `recovery` opens and compares. Nothing here knows SQL, HTTP or who may do what.

mod ahead;
pub mod append;
pub mod checkpoints;
mod codec;
mod committer;
pub mod cosigned;
mod dedup;
pub mod disclosed;
mod entries;
pub mod erasing;
pub mod evidence;
mod files;
pub mod generation;
mod housekeeping;
mod ids;
mod leaves;
mod loading;
mod log;
pub mod options;
mod proving;
mod queue;
mod recovery;
mod reserve;
pub mod rotation;
pub mod scrub;
mod seal;
mod sealer;
mod secrets;
mod shared;
pub mod snapshot;
mod staging;
pub mod stats;
mod tail;
#[cfg(test)]
mod tests;
pub mod tiering;
mod tiles;
mod told;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use actarium_core::row::EncodedRows;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::backend::{
    Backend, DIRECTORY_DOCUMENT_BYTES_MAX, DIRECTORY_NAME_BYTES_MAX, DirectoryChange, DirectoryEntry,
};
use crate::clock::{Clock, Entropy};
use crate::folder::FolderLock;
use crate::organization::{Organization, OrganizationId};
use crate::segment::{Entry, SegmentCache};
use crate::storage::{Location, StorageError};
use append::{Append, AppendError, Appended, Change, DuplicateScope, NewOrganization};
use checkpoints::CheckpointSigner;
use committer::{Committer, reason};
use files::SegmentFiles;
use leaves::KeyRing;
use log::Log;
use options::EngineOptions;
use queue::{Part, Queue, Request};
use reserve::Reserve;
use sealer::Schedule;
use shared::{Registry, Shared};
use snapshot::{ReadError, Snapshot};
use stats::{Counters, EngineStats};
use tiering::{Hold, TierCuts, TierEnds, TierPlan, TierStep};

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("{path} is in use by another process")]
    InUse {
        /// The lock file.
        path: String,
    },
    /// The folder or a file in it cannot be read or written.
    #[error("{path}: {detail}")]
    Io {
        /// Which file or folder.
        path: String,
        /// What the operating system says.
        detail: String,
    },
    /// A file is not ours, is damaged, or was written by a newer version. Nothing was changed.
    #[error("{path}: {detail}")]
    Foreign {
        /// Which file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The log has another name than the one asked for.
    #[error("the log is named {actual}, not {wanted}; a log's name never changes")]
    LogNameDiffers {
        /// Its name.
        actual: String,
        /// The name asked for.
        wanted: String,
    },
    /// The options contradict themselves.
    #[error("{0}")]
    Options(String),
}

/// What a seal that was asked for did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Segments written.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Merges of small segments.
    pub merges: u64,
    /// What failed, per organization's slug; the rows stay in the journal.
    pub failures: Vec<(String, String)>,
}

/// What ends with the engine.
#[derive(Default)]
struct Running {
    committer: Option<JoinHandle<()>>,
    background: Vec<JoinHandle<()>>,
    lock: Option<FolderLock>,
}

/// The store of all organizations' logs in one data folder.
pub struct Engine {
    shared: Arc<Shared>,
    signer: Arc<CheckpointSigner>,
    /// Whether the folder is only read.
    read_only: bool,
    /// Whether the signing key was handed over to another, so that it signs nothing more.
    retired: AtomicBool,
    running: Mutex<Running>,
}

impl Engine {
    /// Opens or creates a data folder and starts the engine's threads. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing that was recorded has changed then.
    pub fn open(
        options: EngineOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Engine>, OpenError> {
        let opened = recovery::open(&options, &*entropy)?;
        let unusable = |error: StorageError| OpenError::Io { path: error.place, detail: error.detail };
        let own_folder = |name: &str| Location::Folder(options.data_dir.join(name));
        let files = SegmentFiles::open(&own_folder(recovery::SEGMENT_FOLDER)).map_err(unusable)?;
        let archive = options.archive.clone().unwrap_or_else(|| own_folder(recovery::ARCHIVE_FOLDER));
        let archive = SegmentFiles::open(&archive).map_err(unusable)?;
        let (log_name, key, handovers) = (opened.log_name, opened.log_key, opened.handovers);
        let signer = Arc::new(CheckpointSigner { log_name, key, handovers });
        let logs = load_logs(&*opened.backend, &options, &signer)?;
        cosigned::load(&*opened.backend, &logs, &signer)
            .map_err(|error| recovery::backend_failure(&options.data_dir.join(recovery::DATABASE_FILE), error))?;
        let mut holder = [0u8; 16];
        entropy.fill(&mut holder);
        let keys = KeyRing { backend: opened.backend.clone(), master: Arc::new(opened.master) };
        let shared = Arc::new(Shared {
            queue: Queue::new(options.limits.queue_bytes_max, options.limits.queue_requests_max),
            cache: SegmentCache::new(options.limits.cache_bytes_max),
            bundles: tiles::bundles(),
            limits: options.limits,
            policy: options.seal,
            idempotency_window: options.idempotency_window,
            clock,
            entropy,
            backend: opened.backend,
            keys,
            files,
            archive,
            counters: Counters::default(),
            logs: logs.into(),
            seal_signal: Default::default(),
            tail_bytes: Default::default(),
            ids_bytes: Default::default(),
            last_write_millis: Default::default(),
            last_seal_millis: Default::default(),
            holder,
            stopping: Default::default(),
            retired: Default::default(),
            stop_signal: Default::default(),
            last_failure: Default::default(),
            reserve: Reserve::new(options.data_dir.join(recovery::RESERVE_FILE)),
        });
        shared.last_write_millis.store(shared.elapsed_millis(), Ordering::Relaxed);
        ahead::begin(ahead::wanted(&shared));
        // Before the first write and the first signature: nothing is continued that is not what was recorded.
        // Who opens it only to read may never ask for what was read.
        let room = if options.read_only { 0 } else { shared.limits.tail_bytes_max / 2 };
        proving::prove_journals(&shared, room);
        ahead::make_columns(&shared);
        shared.all_logs().iter().for_each(|log| generation::check_opened(&shared, &signer, log));
        let engine = Arc::new(Engine {
            shared,
            signer,
            read_only: options.read_only,
            retired: AtomicBool::new(false),
            running: Mutex::new(Running { lock: opened.lock, ..Running::default() }),
        });
        if options.read_only {
            engine.shared.queue.close();
        } else {
            engine.start(&options.data_dir, options.checkpoints_every)?;
        }
        Ok(engine)
    }

    fn start(&self, data_dir: &std::path::Path, checkpoints_every: Option<Duration>) -> Result<(), OpenError> {
        let mut running = self.running.lock();
        let failed = |error: std::io::Error| OpenError::Io {
            path: data_dir.display().to_string(),
            detail: format!("a thread cannot be started: {error}"),
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        self.shared.reserve.keep();
        // Before the first write: a log that its segments show to be older than they are must take none.
        housekeeping::collect_orphans_at_start(&self.shared);
        let committer = Committer::new(self.shared.clone());
        running.committer = Some(thread("committer").spawn(move || committer.run()).map_err(failed)?);
        let shared = self.shared.clone();
        let housekeeper = thread("housekeeper").spawn(move || housekeeping::run(&shared));
        running.background.push(housekeeper.map_err(failed)?);
        if let Some(every) = checkpoints_every {
            let (shared, signer) = (self.shared.clone(), self.signer.clone());
            let publisher = thread("publisher").spawn(move || checkpoints::run(&shared, &signer, every));
            running.background.push(publisher.map_err(failed)?);
        }
        if self.shared.policy.automatic {
            let schedule = Arc::new(Schedule::default());
            for _ in 0..self.shared.policy.threads.max(1) {
                let (shared, schedule) = (self.shared.clone(), schedule.clone());
                let sealer = thread("sealer").spawn(move || sealer::run(&shared, &schedule));
                running.background.push(sealer.map_err(failed)?);
            }
        }
        Ok(())
    }

    /// A fresh opaque id, for [`Change::organizations`].
    pub fn new_organization_id(&self) -> OrganizationId {
        let mut id = [0u8; 16];
        self.shared.entropy.fill(&mut id);
        OrganizationId(id)
    }

    /// Creates an organization with what is recorded about it, in one commit. In the queue when this returns.
    pub fn create_organization(
        &self,
        new: NewOrganization,
        records: Vec<(OrganizationId, EncodedRows)>,
    ) -> impl Future<Output = Result<Arc<Organization>, AppendError>> + Send + 'static + use<> {
        let (id, shared) = (new.id, self.shared.clone());
        let changed = self.change(Change { organizations: vec![new], directory: Vec::new(), records });
        async move {
            changed.await?;
            shared.log(id).map(|log| log.organization.clone()).ok_or(AppendError::UnknownOrganization)
        }
    }

    /// The organization with this slug.
    pub fn organization(&self, slug: &str) -> Option<Arc<Organization>> {
        let logs = self.shared.logs.read();
        logs.by_slug.get(slug).and_then(|id| logs.by_id.get(id)).map(|log| log.organization.clone())
    }

    /// The organization with this id.
    pub fn organization_by_id(&self, id: OrganizationId) -> Option<Arc<Organization>> {
        self.shared.log(id).map(|log| log.organization.clone())
    }

    /// All organizations, by slug.
    pub fn organizations(&self) -> Vec<Arc<Organization>> {
        self.shared.all_logs().into_iter().map(|log| log.organization.clone()).collect()
    }

    /// Records events. The request is in the queue when this returns; dropping the future does not take it back.
    /// When the future gives `Ok`, the events are durable and every snapshot taken from then on has them.
    pub fn append(
        &self,
        append: Append,
    ) -> impl Future<Output = Result<Appended, AppendError>> + Send + 'static + use<> {
        let Append { organization, rows, idempotency_key, duplicates, directory } = append;
        let parts = vec![Part { organization, rows, duplicates }];
        let answers = self.enqueue(parts, idempotency_key, Vec::new(), directory);
        async move { answers.await.map(|mut answers| answers.pop().expect("one part, one answer")) }
    }

    /// Makes a change of the directory that spans organizations, with its records, in one commit.
    /// One answer per entry of [`Change::records`]; each organization may be there once.
    pub fn change(
        &self,
        change: Change,
    ) -> impl Future<Output = Result<Vec<Appended>, AppendError>> + Send + 'static + use<> {
        let Change { organizations, directory, records } = change;
        let part = |(organization, rows)| Part { organization, rows, duplicates: DuplicateScope::Recent };
        self.enqueue(records.into_iter().map(part).collect(), None, organizations, directory)
    }

    fn enqueue(
        &self,
        parts: Vec<Part>,
        idempotency_key: Option<append::IdempotencyKey>,
        organizations: Vec<NewOrganization>,
        directory: Vec<DirectoryChange>,
    ) -> impl Future<Output = Result<Vec<Appended>, AppendError>> + Send + 'static + use<> {
        let (reply, answer) = oneshot::channel();
        let came_at = self.shared.clock.elapsed();
        let request = Request { parts, idempotency_key, organizations, directory, reply, came_at };
        let refused = match check_request(&request, self.shared.limits.request_bytes_max) {
            Err(error) => Some(error),
            Ok(()) => self.shared.queue.push(request).err(),
        };
        if let Some(error) = &refused {
            self.shared.counters.refuse(reason(error));
        }
        async move {
            match refused {
                Some(error) => Err(error),
                // The committer answers everything it takes, unless it came to a bad end.
                None => answer.await.unwrap_or_else(|_| {
                    Err(AppendError::Unavailable { detail: "the committer has ended; see the log".to_owned() })
                }),
            }
        }
    }

    /// One directory entry. Blocks for a read from disk.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn directory_entry(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        id: &str,
    ) -> Result<Option<DirectoryEntry>, ReadError> {
        let entry = self.shared.backend.directory_entry(kind, organization, id);
        entry.map_err(|error| ReadError::Unavailable { detail: error.to_string() })
    }

    /// All directory entries of a kind, of one organization or (`None`) of all. Blocks for a read from disk.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn directory_entries(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<DirectoryEntry>, ReadError> {
        let entries = self.shared.backend.directory_entries(kind, organization);
        entries.map_err(|error| ReadError::Unavailable { detail: error.to_string() })
    }

    /// The organization's log as it stands, with everything acknowledged before the call. Blocks while unsealed rows
    /// that have left memory are read back.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn snapshot(&self, organization: OrganizationId) -> Result<Snapshot, ReadError> {
        let log = self.shared.log(organization).ok_or(ReadError::UnknownOrganization)?;
        self.shared.snapshot(&log)
    }

    /// The same if it can be had without blocking; `None` if not, or if there is no such organization.
    pub fn snapshot_in_memory(&self, organization: OrganizationId) -> Option<Snapshot> {
        self.shared.log(organization).and_then(|log| self.shared.snapshot_in_memory(&log))
    }

    /// Announces the size of the organization's log whenever it has grown; `None` if there is no such organization.
    pub fn subscribe(&self, organization: OrganizationId) -> Option<watch::Receiver<u64>> {
        self.shared.log(organization).map(|log| log.size.subscribe())
    }

    /// Files of segments that the database does not list and that hold events beyond the head of the organization's log: it is older
    /// than they are. Blocks.
    ///
    /// # Errors
    /// What failed, in words.
    pub fn segments_beyond_head(&self, organization: OrganizationId) -> Result<Vec<String>, String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        housekeeping::beyond_head(&self.shared, &log)
    }

    /// Seals what is unsealed, however little, and merges small segments; of one organization or (`None`) of all.
    /// Blocks, so it must not be called from an async task.
    pub fn seal_now(&self, organization: Option<OrganizationId>) -> SealReport {
        let logs = match organization {
            None => self.shared.all_logs(),
            Some(organization) => self.shared.log(organization).into_iter().collect(),
        };
        sealer::seal_all(&self.shared, &logs)
    }

    /// What a retention with these cuts would do to an organization's log now.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn tier_plan(&self, organization: OrganizationId, cuts: &TierCuts) -> Result<TierPlan, ReadError> {
        let log = self.shared.log(organization).ok_or(ReadError::UnknownOrganization)?;
        tiering::plan(&self.shared, &log, cuts)
    }

    /// Where the tiers of a log end by these cuts, with everything that is due in segments. Blocks, so it must not be
    /// called from an async task.
    ///
    /// # Errors
    /// What failed, in words; nothing is lost.
    pub fn tier_ends(&self, organization: OrganizationId, cuts: &TierCuts) -> Result<TierEnds, String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        tiering::prepare(&self.shared, &log, cuts).map_err(|error| error.to_string())
    }

    /// Moves the first segment from `from_seq` on of which something is due to the archive, or purges it, wholly or in
    /// part, but for what is held. What it did stays done; the next step begins at the [`TierStep::end_seq`] of this one.
    /// Nothing, if there is nothing left to do. Blocks, so it must not be called from an async task.
    ///
    /// # Errors
    /// What failed, in words; nothing is lost.
    pub fn tier_step(
        &self,
        organization: OrganizationId,
        ends: TierEnds,
        holds: &[Hold],
        from_seq: u64,
    ) -> Result<Option<TierStep>, String> {
        let log = self.shared.log(organization).ok_or("there is no such organization")?;
        tiering::step(&self.shared, &log, ends, holds, from_seq).map_err(|error| error.to_string())
    }

    /// Overwrites what the data folder still has of events that were purged and parts that were erased: in the journal and
    /// its write-ahead log, and in files that nobody lists any more. Whether all of it is gone; else somebody is still
    /// reading, and it is to be called again. Blocks.
    ///
    /// # Errors
    /// What failed, in words; it may be called again.
    pub fn wipe(&self) -> Result<bool, String> {
        tiering::wipe(&self.shared).map_err(|error| error.to_string())
    }

    /// What the log's entries of a range are made of, whatever is left of the events: living or purged. The one source
    /// of leaf hashes and of tiles of level 0. Blocks.
    ///
    /// # Errors
    /// See [`ReadError`]; also if the range reaches beyond the log.
    pub fn entries(&self, organization: OrganizationId, seqs: std::ops::Range<u64>) -> Result<Vec<Entry>, ReadError> {
        let log = self.shared.log(organization).ok_or(ReadError::UnknownOrganization)?;
        entries::read(&self.shared, &log, seqs)
    }

    /// Why the last use of the place of the archive failed, if it did and that is not a folder.
    pub fn archive_failure(&self) -> Option<String> {
        self.shared.archive.stats().and_then(|stats| stats.last_failure)
    }

    /// The counters as they stand.
    pub fn stats(&self) -> EngineStats {
        let mut stats = self.shared.counters.read();
        (stats.queue_requests, stats.queue_bytes) = self.shared.queue.waiting();
        stats.journal_bytes = self.shared.backend.bytes_used().unwrap_or(0);
        stats.tail_bytes = self.shared.tail_bytes.load(Ordering::Relaxed);
        stats.ids_bytes = self.shared.ids_bytes.load(Ordering::Relaxed);
        stats.cache_bytes = self.shared.cache.bytes();
        stats.archive = self.shared.archive.stats();
        for log in self.shared.all_logs() {
            let state = log.state.lock();
            stats.organizations += 1;
            stats.damaged_organizations += u64::from(state.damaged.is_some());
            stats.unsealed_events += state.unsealed_rows();
            stats.unsealed_bytes += state.unsealed_bytes;
            stats.segments += state.manifest.len() as u64;
            stats.segment_bytes += state.manifest.iter().map(|entry| entry.summary.bytes).sum::<u64>();
        }
        stats
    }

    /// Whether it takes writes: `Err` says why not.
    ///
    /// # Errors
    /// The reason, in words: it is shutting down, or the last commit failed.
    pub fn ready(&self) -> Result<(), String> {
        if self.shared.stopping() {
            return Err("shutting down".to_owned());
        }
        self.shared.last_failure.lock().clone().map_or(Ok(()), Err)
    }

    /// Finishes what was accepted, takes nothing more, and closes the files. Blocks. Does nothing the second time.
    pub fn shutdown(&self) {
        let mut running = self.running.lock();
        self.shared.queue.close();
        if let Some(committer) = running.committer.take()
            && committer.join().is_err()
        {
            tracing::error!("the committer came to a bad end");
        }
        self.shared.stop();
        for thread in running.background.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a background thread came to a bad end");
            }
        }
        if running.lock.is_some() && !self.read_only {
            // The last word on every log: what it ends with is signed.
            if !self.retired.load(Ordering::Relaxed)
                && let Err(error) = checkpoints::publish(&self.shared, &self.signer)
            {
                tracing::warn!(%error, "the final checkpoints could not be published; the next start does it");
            }
            housekeeping::remove_retired(&self.shared);
            if let Err(error) = self.shared.backend.tidy(true) {
                tracing::warn!(%error, "the journal could not be tidied up; the next start does it");
            }
        }
        running.lock = None;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// All logs as the backend has them, each compared with itself.
fn load_logs(backend: &dyn Backend, options: &EngineOptions, signer: &CheckpointSigner) -> Result<Registry, OpenError> {
    let failed = |error| recovery::backend_failure(&options.data_dir.join(recovery::DATABASE_FILE), error);
    let mut logs = Registry::default();
    for overview in backend.overview().map_err(failed)? {
        let organization = &overview.organization;
        let (manifest, read_problem) = match backend.manifest(organization.id) {
            Ok(manifest) => (manifest, None),
            Err(error) => (Vec::new(), Some(format!("the manifest cannot be read: {error}"))),
        };
        let damaged = read_problem.or_else(|| recovery::check(&overview, &manifest).err());
        if let Some(detail) = &damaged {
            tracing::error!(
                organization = %organization.slug,
                detail,
                "log is damaged and takes no writes; put the data folder back from a backup (docs/EVIDENCE.md)"
            );
        }
        logs.by_slug.insert(organization.slug.clone(), organization.id);
        logs.by_id.insert(organization.id, Arc::new(Log::new(&overview, manifest, damaged)));
    }
    generation::load(backend, &logs).map_err(failed)?;
    let kept = backend.newest_checkpoints().map_err(failed)?;
    for newest in &kept {
        let Some(log) = logs.by_id.get(&newest.organization) else { continue };
        if let Err(detail) = checkpoints::take_over(log, signer, newest) {
            log.set_contradicted(&detail);
        }
    }
    if backend.kept_checkpoints_before() {
        checkpoints::miss(&logs, signer, &kept);
    }
    Ok(logs)
}

/// What can be refused before a request waits.
fn check_request(request: &Request, bytes_max: u64) -> Result<(), AppendError> {
    let bytes = request.row_bytes();
    if bytes > bytes_max {
        return Err(AppendError::TooLarge { bytes, bytes_max });
    }
    let invalid = |detail: &str| Err(AppendError::Invalid { detail: detail.to_owned() });
    let nothing = request.organizations.is_empty() && request.directory.is_empty();
    if request.parts.iter().any(|part| part.rows.is_empty()) || (request.parts.is_empty() && nothing) {
        return invalid("there is nothing to record");
    }
    let mut organizations = HashSet::new();
    if !request.parts.iter().all(|part| organizations.insert(part.organization)) {
        return invalid("an organization may have one part of a request");
    }
    let mut entries = HashSet::new();
    for change in &request.directory {
        if !entries.insert((&change.kind, change.organization, &change.id)) {
            return invalid("a directory entry may be changed once in a request");
        }
        let names = [&change.kind, &change.id];
        if names.iter().any(|name| name.is_empty() || name.len() > DIRECTORY_NAME_BYTES_MAX) {
            return invalid("kind and id of a directory entry have 1 to 256 bytes");
        }
        if !change.kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return invalid("the kind of a directory entry has small letters, digits and underscores");
        }
        if change.document.as_ref().is_some_and(|text| text.is_empty() || text.len() > DIRECTORY_DOCUMENT_BYTES_MAX) {
            return invalid("a directory entry has 1 to 262144 bytes");
        }
        let is_json = |text: &String| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        if !change.document.as_ref().is_none_or(is_json) {
            return invalid("a directory entry is JSON");
        }
    }
    Ok(())
}
