//! Generations of a log: after a restore from a backup that is older than what was published, a log goes on under another
//! origin or not at all. The number is an entry of the directory, written in the same commit as the event that says so.
//!
//! The tree goes on from what there is; what the generation before published beyond that is named by that event alone. The
//! entry counts for nothing without the event: it is a row of a database, which is written without any key.

use std::sync::atomic::Ordering;

use actarium_core::continuation::{Continuation, is_continuation};
use actarium_core::row::{EncodedRows, RowView};
use actarium_core::tlog::{inclusion_proof, verify_inclusion};
use actarium_core::tree::leaf_hash;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::append::{AppendError, Change, DirectoryChange};
use super::checkpoints::CheckpointSigner;
use super::log::Log;
use super::shared::{Registry, Shared};
use super::snapshot::ReadError;
use super::tiles::TreeReader;
use crate::backend::{Backend, BackendError};
use crate::organization::OrganizationId;
use crate::segment::Tier;

/// Kind of the directory entry.
const KIND: &str = "log_generation";
/// Its id, one for each organization.
const ID: &str = "current";

/// The generation of a log; the first has no entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// 2 for the second.
    pub number: u64,
    /// Sequence number of its first event, which tells of the one before.
    pub first_seq: u64,
    /// The last checkpoint that is known of the one before.
    pub continues: String,
}

/// The origin of a generation of a log.
pub(crate) fn origin(log_name: &str, organization: OrganizationId, generation: u64) -> String {
    match generation {
        0 | 1 => format!("{log_name}/{organization}"),
        later => format!("{log_name}/{organization}/{later}"),
    }
}

/// Which generation of an organization's log an origin is of.
pub(crate) fn number_of(origin: &str, log_name: &str, organization: OrganizationId) -> Option<u64> {
    let rest = origin.strip_prefix(&self::origin(log_name, organization, 1))?;
    let number = if rest.is_empty() { 1 } else { rest.strip_prefix('/')?.parse().ok()? };
    (self::origin(log_name, organization, number) == origin).then_some(number)
}

/// Puts the numbers into memory.
pub(crate) fn load(backend: &dyn Backend, logs: &Registry) -> Result<(), BackendError> {
    for entry in backend.directory_entries(KIND, None)? {
        let Some(log) = entry.organization.and_then(|organization| logs.by_id.get(&organization)) else { continue };
        match serde_json::from_str::<Generation>(&entry.document) {
            Ok(generation) => set(log, &generation),
            Err(error) => log.set_damaged(&format!("the entry of its generation cannot be read: {error}")),
        }
    }
    Ok(())
}

fn set(log: &Log, generation: &Generation) {
    log.generation_first_seq.store(generation.first_seq, Ordering::Relaxed);
    log.generation.store(generation.number, Ordering::Relaxed);
}

/// Whether an event fits the generation that the log is in: one by which the log goes on is the first of its generation, and
/// of an earlier one if not of this one.
///
/// # Errors
/// In words, what does not fit: the entry of the generation was taken away, or put back to an earlier one.
pub(crate) fn check_event(log: &Log, seq: u64, row: &RowView<'_>) -> Result<(), String> {
    if !is_continuation(row) {
        return Ok(());
    }
    let (number, first_seq) = (of(log), log.generation_first_seq.load(Ordering::Relaxed));
    let opened = match Continuation::of(row) {
        Ok(Some(opened)) => opened.generation,
        // What is left of it does not say which.
        Ok(None) => return Ok(()),
        Err(detail) => return Err(format!("event {seq}, by which the log goes on after a restore: {detail}")),
    };
    if opened < number || (opened == number && seq == first_seq) {
        return Ok(());
    }
    Err(format!(
        "event {seq} opened generation {opened} of the log, and the database has it in generation {number}: what says so was \
         taken away or changed"
    ))
}

/// Whether a log that is in a later generation has the event that opened it, so that it may sign under that origin.
pub(crate) fn check_opened(shared: &Shared, signer: &CheckpointSigner, log: &Log) {
    let number = of(log);
    if number <= 1 || log.state.lock().damaged.is_some() {
        return;
    }
    let seq = log.generation_first_seq.load(Ordering::Relaxed);
    match opened_by(shared, log, seq) {
        Ok(Some(opened)) => {
            let keys = signer.verifier_keys(log.organization.id, number - 1);
            if let Err(detail) = opened.check(number, seq, &keys) {
                log.set_contradicted(&format!("event {seq} does not open generation {number} of the log: {detail}"));
            }
        }
        // Its detail is gone or it was purged; then its key has signed under this origin since.
        Ok(None) if log.published.lock().is_some() => {}
        Ok(None) => log.set_contradicted(&format!(
            "nothing is left of the event {seq} that opened generation {number} of the log, and no checkpoint under its origin \
             is kept"
        )),
        // The archive may be a bucket that does not answer; then its key has signed under this origin since.
        Err(NotOpened::Unread(detail)) if log.published.lock().is_some() => {
            tracing::warn!(organization = %log.organization.slug, detail, "the event that opened the log's generation was not read");
        }
        Err(NotOpened::Unread(detail) | NotOpened::Wrong(detail)) => log.set_contradicted(&format!(
            "the database has the log in generation {number} from event {seq} on, and {detail}; a log goes on after a restore by \
             `actarium log continue` alone"
        )),
    }
}

/// Why nothing is known to have opened a generation.
enum NotOpened {
    /// What should say so could not be read now.
    Unread(String),
    /// It is there and says something else, or it is not there.
    Wrong(String),
}

impl From<ReadError> for NotOpened {
    fn from(error: ReadError) -> Self {
        let detail = format!("that event cannot be read: {error}");
        match error {
            ReadError::Unavailable { .. } => Self::Unread(detail),
            _ => Self::Wrong(detail),
        }
    }
}

/// What the first event of a generation says, seen to be of the tree; nothing, if it is not there any more.
fn opened_by(shared: &Shared, log: &Log, seq: u64) -> Result<Option<Continuation>, NotOpened> {
    let head = log.state.lock().head;
    if seq >= head.size {
        return Err(NotOpened::Wrong(format!("the log ends at {}", head.size)));
    }
    let is_purged = |log: &Log| {
        let state = log.state.lock();
        let purged = |entry: &&crate::backend::ManifestEntry| entry.summary.tier == Tier::Purged;
        state.manifest.iter().filter(purged).any(|entry| (entry.summary.first_seq..entry.end_seq()).contains(&seq))
    };
    if is_purged(log) {
        return Ok(None);
    }
    let snapshot = shared.snapshot(log)?;
    let mut found = Err("that event is not there".to_owned());
    let mut leaf = None;
    let read = shared.for_each_disclosed(log, &snapshot, seq..seq + 1, &mut |event| {
        leaf = Some(leaf_hash(&event.entry()));
        found = match is_continuation(&event.row) {
            true => Continuation::of(&event.row),
            false => Err("that event does not say so".to_owned()),
        };
    });
    read?;
    let opened = found.map_err(NotOpened::Wrong)?;
    let proof = inclusion_proof(&mut TreeReader::new(shared, log, head.size), seq, head.size)?;
    verify_inclusion(&leaf.unwrap_or_default(), seq, head.size, &proof, &head.root)
        .map_err(|error| NotOpened::Wrong(format!("that event is not one of the log: {error}")))?;
    Ok(opened)
}

impl Engine {
    /// Which generation of the log this is, from 1 on.
    pub fn generation(&self, organization: OrganizationId) -> u64 {
        self.shared.log(organization).map_or(1, |log| log.generation.load(Ordering::Relaxed))
    }

    /// The origin that the log's next generation has.
    pub fn next_origin(&self, organization: OrganizationId) -> String {
        origin(self.log_name(), organization, self.generation(organization) + 1)
    }

    /// Opens the log's next generation with the event that tells of it, in one commit. Nothing may be written meanwhile.
    ///
    /// # Errors
    /// As for recording; nothing has changed then.
    pub async fn open_generation(
        &self,
        organization: OrganizationId,
        continues: String,
        record: EncodedRows,
    ) -> Result<Generation, AppendError> {
        let log = self.shared.log(organization).ok_or(AppendError::UnknownOrganization)?;
        let number = log.generation.load(Ordering::Relaxed) + 1;
        let first_seq = log.state.lock().head.size;
        let generation = Generation { number, first_seq, continues };
        let unavailable = |detail: String| AppendError::Unavailable { detail };
        let known =
            self.directory_entry(KIND, Some(organization), ID).map_err(|error| unavailable(error.to_string()))?;
        let document = serde_json::to_string(&generation).map_err(|error| unavailable(error.to_string()))?;
        let change = DirectoryChange {
            kind: KIND.to_owned(),
            organization: Some(organization),
            id: ID.to_owned(),
            expected_version: known.map(|known| known.version),
            document: Some(document),
        };
        let records = vec![(organization, record)];
        self.change(Change { directory: vec![change], records, ..Change::default() }).await?;
        set(&log, &generation);
        *log.published.lock() = None;
        *log.signed.lock() = None;
        log.cosigned.lock().clear();
        Ok(generation)
    }
}

/// The number of a log's generation.
pub(crate) fn of(log: &Log) -> u64 {
    log.generation.load(Ordering::Relaxed)
}
