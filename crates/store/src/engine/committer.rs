//! The one writer: takes what waits, puts it in order, makes it durable with one sync, publishes it, answers.
//!
//! While one group is being made durable the next one collects, so the rate is bounded by bytes and not by requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actarium_core::canonical::Canonicalizer;
use actarium_core::key_tree::KeyTree;
use actarium_core::row::{EncodedRows, Micros};
use actarium_core::salt::{EPOCH_EVENTS, EpochKey};
use actarium_core::tree::{Frontier, Hash};

use super::append::{AppendError, Recorded};
use super::codec::BatchCompressor;
use super::ids::{IdHasher, UnsealedIds};
use super::leaves::{LeafError, TreeBuilder};
use super::log::{Log, PublishedHead};
use super::queue::Request;
use super::shared::Shared;
use super::staging::{Accepted, Staged, answer};
use super::stats::{Counters, Refused};
use crate::backend::{BackendError, Commit, CommitError, Head, OrganizationCommit, WrappedEpochKey};
use crate::committed::CommittedRows;
use crate::organization::OrganizationId;

/// What the committer keeps of a log that it writes to.
#[derive(Default)]
pub(super) struct Writer {
    /// The tree at the head; read from the backend when missing.
    pub tree: Option<TreeBuilder>,
    /// External ids of the unsealed rows at least; read back when missing and needed.
    pub ids: Option<UnsealedIds>,
    /// Number of the commit that last needed it.
    pub last_used: u64,
}

/// The committer's own state, which no other thread sees.
pub(crate) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) writers: HashMap<OrganizationId, Writer>,
    pub(super) hasher: IdHasher,
    /// Rows last read back to compare a repeat with.
    pub(super) last_read: Option<(OrganizationId, CommittedRows)>,
    canonicalizer: Canonicalizer,
    compressor: BatchCompressor,
    commits: u64,
}

/// A log's part of a commit, computed and not yet published.
struct Prepared {
    log: Arc<Log>,
    base: u64,
    rows: EncodedRows,
    head: PublishedHead,
    tiles: Vec<Hash>,
    tree: TreeBuilder,
}

/// Whose fault it is that a commit was not made.
enum Culprit {
    Everybody,
    /// Of who changes neither the directory nor which organizations there are: there is room left for these alone.
    Events,
    Organization(OrganizationId),
    Directory {
        kind: String,
        organization: Option<OrganizationId>,
        id: String,
    },
    Slug(String),
}

struct Failure {
    culprit: Culprit,
    error: AppendError,
}

impl Failure {
    fn everybody(error: AppendError) -> Self {
        Self { culprit: Culprit::Everybody, error }
    }
}

/// Answers what waits when the committer ends, in whatever way it ends.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        for request in self.0.queue.abandon() {
            refuse(&self.0.counters, request, AppendError::Closed);
        }
    }
}

impl Committer {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            writers: HashMap::new(),
            hasher: IdHasher::default(),
            last_read: None,
            canonicalizer: Canonicalizer::new(),
            compressor: BatchCompressor::new(),
            commits: 0,
        }
    }

    /// Works until the queue is closed and empty.
    pub fn run(mut self) {
        let shared = self.shared.clone();
        let _abandon = Abandon(shared.clone());
        let held_back = |request: &Request| request.parts.iter().any(|part| shared.is_held_back(part.organization));
        let limits = &shared.limits;
        let elapsed = || shared.clock.elapsed();
        while let Some((taken, expired)) =
            shared.queue.take(limits.commit_bytes_max, held_back, elapsed, limits.hold_max)
        {
            for request in expired {
                let retry_after = limits.hold_max;
                refuse(&shared.counters, request, AppendError::Overloaded { retry_after });
            }
            let mut remaining = taken;
            while !remaining.is_empty() {
                remaining = self.commit_group(remaining);
            }
            self.bound_ids();
            shared.evict();
        }
    }

    /// Records a group of requests in one commit; gives back those that have to come in another one.
    fn commit_group(&mut self, requests: Vec<Request>) -> Vec<Request> {
        let started = self.shared.clock.elapsed();
        let now = self.shared.clock.now();
        self.commits += 1;
        let mut staged = Staged::default();
        for request in requests {
            if Culprit::Events.has_part_in(&request) && !self.shared.reserve.lets_events_in(started) {
                refuse(&self.shared.counters, request, AppendError::Full);
            } else {
                self.stage(&mut staged, request, now);
            }
        }
        let mut deferred = std::mem::take(&mut staged.deferred);
        let something = !staged.is_empty();
        match self.make_durable(&mut staged) {
            // What a 201 says is true from here on: everything staged is on disk, in its place.
            Ok(prepared) => {
                self.publish(prepared, &staged);
                if something {
                    self.shared.counters.commit_took(self.shared.clock.elapsed().saturating_sub(started));
                    *self.shared.last_failure.lock() = None;
                }
                staged.accepted.into_iter().for_each(|accepted| self.answer(accepted));
            }
            Err(mut failure) => {
                Counters::add(&self.shared.counters.commit_failures, 1);
                let urgent = staged.accepted.iter().any(|accepted| !Culprit::Events.has_part_in(&accepted.request));
                if urgent && matches!(failure.error, AppendError::Full) && self.shared.reserve.spend(started) {
                    failure.culprit = Culprit::Events;
                }
                deferred.extend(self.take_back(staged, &failure));
            }
        }
        deferred
    }

    fn make_durable(&mut self, staged: &mut Staged) -> Result<Vec<Prepared>, Box<Failure>> {
        if staged.is_empty() {
            return Ok(Vec::new());
        }
        let mut prepared = Vec::with_capacity(staged.logs.len());
        let mut parts = Vec::with_capacity(staged.logs.len());
        // A map ordered by id: heads are locked in the order of organizations.
        for (organization, log) in &mut staged.logs {
            if log.rows.is_empty() {
                continue;
            }
            let rows = std::mem::take(&mut log.rows);
            let (part, ready) = self
                .prepare(&log.log, log.base, log.recorded_at, rows)
                .map_err(|error| Box::new(Failure { culprit: Culprit::Organization(*organization), error }))?;
            parts.push(part);
            prepared.push(ready);
        }
        let commit = Commit {
            organizations: staged.new_organizations.iter().map(|(organization, _)| organization.clone()).collect(),
            parts,
            directory: staged.directory.clone(),
            idempotency: staged.idempotency.values().cloned().collect(),
        };
        self.shared.backend.commit(&commit).map_err(|error| Box::new(failure(error)))?;
        Ok(prepared)
    }

    /// Hashes, appends to the tree and compresses the new rows of one log.
    fn prepare(
        &mut self,
        log: &Arc<Log>,
        base: u64,
        recorded_at: Micros,
        rows: EncodedRows,
    ) -> Result<(OrganizationCommit, Prepared), AppendError> {
        let organization = log.organization.id;
        let mut tree =
            self.writers.get(&organization).and_then(|writer| writer.tree.clone()).expect("loaded by staging");
        let mut epoch_keys = Vec::new();
        let shared = &self.shared;
        let mut key = |epoch: u64| -> Result<KeyTree, LeafError> {
            if epoch * EPOCH_EVENTS < base {
                return shared.keys.epoch_key(organization, epoch);
            }
            let mut bytes = [0u8; 32];
            shared.entropy.fill(&mut bytes);
            let key = EpochKey(bytes);
            let wrapped = shared.keys.master.wrap(organization, epoch, &key, &*shared.entropy);
            epoch_keys.push(WrappedEpochKey { epoch, wrapped });
            Ok(KeyTree::whole(&key))
        };
        for row in rows.iter() {
            tree.push(&mut self.canonicalizer, &row, recorded_at, &mut key)
                .map_err(|error| leaf_failure(log, error))?;
        }
        let (encoding, compressed) = self.compressor.compress(&rows);
        let frontier = tree.frontier();
        let (size, root, frontier) = (frontier.size(), frontier.root(), frontier.to_bytes());
        let part = OrganizationCommit {
            organization,
            expected_size: base,
            count: rows.len() as u32,
            encoding,
            rows: compressed,
            raw_bytes: rows.byte_len() as u64,
            head: Head { size, root, recorded_at, frontier },
            epoch_keys,
        };
        let tiles = tree.take_tiles();
        let head = PublishedHead { size, root, recorded_at };
        Ok((part, Prepared { log: log.clone(), base, rows, head, tiles, tree }))
    }

    /// Shows readers what is durable now.
    fn publish(&mut self, prepared: Vec<Prepared>, staged: &Staged) {
        for (_, log) in &staged.new_organizations {
            self.shared.register(log.clone());
        }
        let mut wake = false;
        for Prepared { log, base, rows, head, tiles, tree } in prepared {
            Counters::add(&self.shared.counters.events, rows.len() as u64);
            Counters::add(&self.shared.counters.event_bytes, rows.byte_len() as u64);
            let writer = self.writers.entry(log.organization.id).or_default();
            writer.tree = Some(tree);
            let mut state = log.state.lock();
            let before = state.tail.bytes();
            state.head = head;
            state.unsealed_bytes += rows.byte_len() as u64;
            state.oldest_unsealed.get_or_insert(head.recorded_at);
            state.tiles.add(head.size, &tiles);
            state.tail.push(CommittedRows::one_commit(base, head.recorded_at, rows));
            self.shared.tail_changed(before, state.tail.bytes());
            wake |= self.shared.policy.is_full(state.unsealed_rows(), state.unsealed_bytes);
            drop(state);
            log.size.send_replace(head.size);
        }
        self.shared.last_write_millis.store(self.shared.elapsed_millis(), Ordering::Relaxed);
        if wake {
            self.shared.wake_sealers();
        }
    }

    fn answer(&self, accepted: Accepted) {
        let Accepted { request, answers } = accepted;
        let counters = &self.shared.counters;
        Counters::add(&counters.requests, 1);
        let duplicates = answers.iter().flat_map(|(_, events)| events).filter(|event| event.duplicate).count();
        Counters::add(&counters.duplicates, duplicates as u64);
        let answers = answers.into_iter().map(|(organization, events): (_, Vec<Recorded>)| {
            let log = self.shared.log(organization).expect("a log that was written to is registered");
            answer(&log, events)
        });
        // Whoever asked may be gone; the events are recorded all the same.
        let _ = request.reply.send(Ok(answers.collect()));
    }

    /// Undoes the staging of a commit that was not made: those whose fault it is are told, the others may try again.
    fn take_back(&mut self, staged: Staged, failure: &Failure) -> Vec<Request> {
        for (organization, log) in &staged.logs {
            if let Some(writer) = self.writers.get_mut(organization) {
                // Whether anything reached the disk is known only from there.
                writer.tree = None;
                if let Some(ids) = &mut writer.ids {
                    ids.forget_from(log.base);
                }
            }
        }
        for (_, log) in &staged.new_organizations {
            self.writers.remove(&log.organization.id);
        }
        if matches!(failure.culprit, Culprit::Everybody | Culprit::Events) {
            tracing::error!(error = %failure.error, "commit failed");
            *self.shared.last_failure.lock() = Some(failure.error.to_string());
        }
        let mut innocent = Vec::new();
        for Accepted { request, .. } in staged.accepted {
            if failure.culprit.has_part_in(&request) {
                refuse(&self.shared.counters, request, failure.error.clone());
            } else {
                innocent.push(request);
            }
        }
        innocent
    }

    /// The tree at a log's head, checked against what is published. What another attempt made durable without our
    /// knowing is published here.
    pub(super) fn load_tree(&mut self, log: &Log) -> Result<(), AppendError> {
        let organization = log.organization.id;
        let unavailable = |detail: String| AppendError::Unavailable { detail };
        let overview = match self.shared.backend.organization(organization) {
            Ok(Some(overview)) => overview,
            Ok(None) => return Err(AppendError::UnknownOrganization),
            Err(BackendError::Full) => return Err(AppendError::Full),
            Err(error) => return Err(unavailable(error.to_string())),
        };
        let frontier = Frontier::from_bytes(&overview.head.frontier);
        let frontier = match frontier {
            Ok(frontier) if frontier.size() == overview.head.size && frontier.root() == overview.head.root => frontier,
            _ => {
                let detail = "the frontier does not give the root of the head".to_owned();
                log.set_damaged(&detail);
                return Err(AppendError::Damaged { organization: log.organization.slug.clone(), detail });
            }
        };
        let head = &overview.head;
        let published = PublishedHead { size: head.size, root: head.root, recorded_at: head.recorded_at };
        let mut state = log.state.lock();
        if state.head != published {
            tracing::warn!(organization = %log.organization.slug, size = head.size, "head was ahead of memory");
            let before = state.tail.bytes();
            state.head = published;
            state.tail.clear(head.size);
            state.tiles.clear();
            state.unsealed_bytes = overview.journal.raw_bytes;
            state.oldest_unsealed = overview.journal.oldest_recorded_at;
            self.shared.tail_changed(before, 0);
            drop(state);
            log.size.send_replace(head.size);
            self.writers.entry(organization).or_default().ids = None;
        }
        self.writers.entry(organization).or_default().tree = Some(TreeBuilder::new(frontier));
        Ok(())
    }

    /// Keeps the tables of external ids within their bound: first what segments have is forgotten, then whole tables
    /// of the logs that were written to longest ago.
    fn bound_ids(&mut self) {
        let max = self.shared.limits.ids_bytes_max;
        let bytes = |writers: &HashMap<OrganizationId, Writer>| -> u64 {
            writers.values().filter_map(|writer| writer.ids.as_ref()).map(UnsealedIds::bytes).sum()
        };
        let mut total = bytes(&self.writers);
        if total > max {
            for (organization, writer) in &mut self.writers {
                if let (Some(ids), Some(log)) = (&mut writer.ids, self.shared.log(*organization)) {
                    let sealed_end = log.state.lock().sealed_end;
                    ids.forget_before(sealed_end);
                }
            }
            total = bytes(&self.writers);
        }
        if total > max {
            let mut oldest: Vec<_> = self.writers.values_mut().filter(|writer| writer.ids.is_some()).collect();
            oldest.sort_by_key(|writer| writer.last_used);
            for writer in oldest {
                if total <= max / 4 * 3 {
                    break;
                }
                total -= writer.ids.take().map_or(0, |ids| ids.bytes());
            }
        }
        self.shared.ids_bytes.store(total, Ordering::Relaxed);
    }

    /// Number of the commit being made.
    pub(super) fn commit_number(&self) -> u64 {
        self.commits
    }
}

/// What an error of the backend means to the requests of the commit.
fn failure(error: CommitError) -> Failure {
    match error {
        CommitError::Backend(BackendError::Full) => Failure::everybody(AppendError::Full),
        CommitError::Backend(other) => Failure::everybody(AppendError::Unavailable { detail: other.to_string() }),
        CommitError::HeadMoved { organization } => Failure {
            culprit: Culprit::Organization(organization),
            error: AppendError::Unavailable { detail: format!("the head of {organization} has moved") },
        },
        CommitError::DirectoryConflict { kind, organization, id } => Failure {
            error: AppendError::DirectoryConflict { kind: kind.clone(), id: id.clone() },
            culprit: Culprit::Directory { kind, organization, id },
        },
        CommitError::OrganizationExists { slug } => {
            Failure { error: AppendError::OrganizationExists { slug: slug.clone() }, culprit: Culprit::Slug(slug) }
        }
    }
}

impl Culprit {
    fn has_part_in(&self, request: &Request) -> bool {
        match self {
            Culprit::Everybody => true,
            Culprit::Events => request.directory.is_empty() && request.organizations.is_empty(),
            Culprit::Organization(organization) => {
                request.parts.iter().any(|part| part.organization == *organization)
                    || request.organizations.iter().any(|new| new.id == *organization)
            }
            Culprit::Directory { kind, organization, id } => request
                .directory
                .iter()
                .any(|change| change.kind == *kind && change.organization == *organization && change.id == *id),
            Culprit::Slug(slug) => request.organizations.iter().any(|new| new.slug == *slug),
        }
    }
}

fn leaf_failure(log: &Log, error: LeafError) -> AppendError {
    match error {
        LeafError::Backend(BackendError::Full) => AppendError::Full,
        LeafError::Backend(error) => AppendError::Unavailable { detail: error.to_string() },
        LeafError::Row(error) => AppendError::Invalid { detail: error.to_string() },
        LeafError::Key { .. } | LeafError::Destroyed { .. } => {
            log.set_damaged(&error.to_string());
            AppendError::Damaged { organization: log.organization.slug.clone(), detail: error.to_string() }
        }
    }
}

/// Tells a request that nothing of it was recorded.
pub(crate) fn refuse(counters: &Counters, request: Request, error: AppendError) {
    counters.refuse(reason(&error));
    let _ = request.reply.send(Err(error));
}

/// Under which label a refusal is counted.
pub(crate) fn reason(error: &AppendError) -> Refused {
    match error {
        AppendError::Overloaded { .. } => Refused::Overloaded,
        AppendError::Full => Refused::Full,
        AppendError::Unavailable { .. } => Refused::Unavailable,
        AppendError::Damaged { .. } => Refused::Damaged,
        AppendError::ClockBehind { .. } => Refused::ClockBehind,
        AppendError::Conflict { .. } => Refused::Conflict,
        AppendError::KeyConflict => Refused::KeyConflict,
        AppendError::DirectoryConflict { .. } => Refused::DirectoryConflict,
        AppendError::Closed
        | AppendError::UnknownOrganization
        | AppendError::OrganizationExists { .. }
        | AppendError::TooLarge { .. }
        | AppendError::Invalid { .. } => Refused::Other,
    }
}
