//! Opening a log's next generation, after a restore from a backup that is older than what was published. The service is
//! stopped meanwhile. Nothing else continues such a log, and this leaves a record that cannot be overlooked: the first event
//! under the new origin holds the last checkpoint that is known of the old one.

use std::sync::Arc;

use actarium_core::tlog::{Checkpoint, CheckpointError, SignedCheckpoint};
use actarium_store::{AppendError, Clock, Engine, EngineOptions, Entropy, OpenError, ProofError, ReadError};

use crate::problem::Problem;
use crate::recorder::{OwnRecord, audit_log};
use crate::serve::service_actor;

/// A generation that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    /// Its number, from 2 on.
    pub generation: u64,
    /// Its origin.
    pub origin: String,
    /// Its verifier key.
    pub key: String,
    /// Sequence number of its first event.
    pub first_seq: u64,
    /// The last checkpoint that is known of the generation before.
    pub continues: Checkpoint,
}

/// Why none was opened; nothing has changed then, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    /// The folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such organization.
    #[error("there is no organization `{0}` in this folder")]
    UnknownOrganization(String),
    /// The log contradicts itself.
    #[error("the log is damaged, and this does not mend it: {0}")]
    Damaged(String),
    /// The checkpoint is not of this log.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The log has everything that was published.
    #[error(
        "nothing was lost: the log has {size} events and begins with the {signed} of this checkpoint; it goes on as it is"
    )]
    NothingLost {
        /// Events of the log.
        size: u64,
        /// Events of the checkpoint.
        signed: u64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its tree cannot be read.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The event cannot be recorded.
    #[error("the event cannot be recorded: {0}")]
    Record(#[from] AppendError),
    /// A part of the program ended on a fault of its own.
    #[error("a part of the program failed: {0}")]
    Failed(#[from] tokio::task::JoinError),
    /// It was opened, and the folder was not closed in good order; the next start recovers what that left.
    #[error("generation {number} was opened, but the folder was not closed in good order: {error}")]
    NotClosed {
        /// The generation's number.
        number: u64,
        /// What failed.
        error: tokio::task::JoinError,
    },
    /// The event cannot be made.
    #[error("the event cannot be made: {}", .0.detail)]
    Event(Problem),
}

/// Opens the next generation of an organization's log. `last_known` is the last checkpoint that anybody has of the present
/// one: a witness, a place that checkpoints are copied to, an auditor. The folder must not be in use.
///
/// # Errors
/// See [`ContinueError`].
pub async fn continue_log(
    options: EngineOptions,
    (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    slug: &str,
    last_known: &[u8],
    reason: &str,
) -> Result<Continued, ContinueError> {
    let opening = {
        let clock = clock.clone();
        // Nothing is published of the old generation any more.
        let options = EngineOptions { checkpoints_every: None, ..options };
        tokio::task::spawn_blocking(move || Engine::open(options, clock, entropy))
    };
    let engine = opening.await??;
    let continued = open_next(&engine, clock.as_ref(), slug, last_known, reason).await;
    // What it ends with is published under the new origin.
    let closed = tokio::task::spawn_blocking(move || engine.shutdown()).await;
    let continued = continued?;
    closed.map_err(|error| ContinueError::NotClosed { number: continued.generation, error })?;
    Ok(continued)
}

async fn open_next(
    engine: &Arc<Engine>,
    clock: &dyn Clock,
    slug: &str,
    last_known: &[u8],
    reason: &str,
) -> Result<Continued, ContinueError> {
    let organization = engine.organization(slug).ok_or_else(|| ContinueError::UnknownOrganization(slug.to_owned()))?;
    if let Some((_, detail)) = engine.damaged().into_iter().find(|(damaged, _)| damaged == slug) {
        return Err(ContinueError::Damaged(detail));
    }
    let id = organization.id;
    let signed = SignedCheckpoint::parse(last_known)?;
    signed.verify_by_one_of(&engine.verifier_keys(id))?;
    let known = &signed.checkpoint;
    let size = engine.head(id)?.size;
    if known.size <= size {
        let (reading, at) = (engine.clone(), known.size);
        let root = tokio::task::spawn_blocking(move || reading.root_at(id, at)).await;
        let root = root??;
        if root == known.root {
            // Not recorded: a log that lost something to another restore must not grow under its old origin.
            return Err(ContinueError::NothingLost { size, signed: known.size });
        }
    }
    let note = signed.note.to_string();
    let record = OwnRecord::new("audit_log.continue", service_actor(), audit_log(slug))
        .with("generation", engine.generation(id) + 1)
        .with("previous_origin", known.origin.clone())
        .with("previous_size", known.size)
        .with("restored_size", size)
        .with("explanation", reason)
        .changing("/origin", known.origin.clone(), engine.next_origin(id))
        .with_whole("checkpoint", &note);
    let rows = record.encode(clock).map_err(ContinueError::Event)?;
    let opened = engine.open_generation(id, note, rows).await?;
    let key = engine.verifier_key(id);
    Ok(Continued {
        generation: opened.number,
        origin: key.name().to_owned(),
        key: key.to_string(),
        first_seq: opened.first_seq,
        continues: signed.checkpoint,
    })
}
