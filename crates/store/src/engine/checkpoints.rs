//! Checkpoints of logs: signed, kept durably, then shown. Never ahead of what is durable, because a head is published in
//! memory only when its commit is on disk; never of a log whose newest checkpoint its tree contradicts.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_core::tlog::{Checkpoint, KeyKind, SignedCheckpoint, VerifierKey, root_at};
use actarium_core::tree::Hash;

use super::generation;
use super::log::Log;
use super::rotation::Handovers;
use super::shared::{Registry, Shared};
use super::tiles::TreeReader;
use crate::backend::{BackendError, StoredCheckpoint};
use crate::keys::LogKey;
use crate::organization::OrganizationId;

/// How long a log may be without a checkpoint that is kept before that is told; they are published every second.
const UNPUBLISHED_MAX: Micros = 60 * time::SECOND;

/// A checkpoint that was published.
#[derive(Debug)]
pub struct Published {
    /// Number of events.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// When it was published.
    pub published_at: Micros,
    /// The signed note.
    pub note: String,
    /// Whether the key that signs now has signed it; else it is signed anew.
    is_current: bool,
    /// Whether the log's tree was seen to have this root at this size.
    checked: AtomicBool,
}

impl Published {
    fn new(checkpoint: &Checkpoint, stored: &StoredCheckpoint, is_current: bool, checked: bool) -> Arc<Self> {
        Arc::new(Self {
            size: checkpoint.size,
            root: checkpoint.root,
            published_at: stored.published_at,
            note: stored.note.clone(),
            is_current,
            checked: AtomicBool::new(checked),
        })
    }
}

/// Signs the checkpoints of a log's organizations.
pub(crate) struct CheckpointSigner {
    pub log_name: String,
    pub key: LogKey,
    pub handovers: Handovers,
}

impl CheckpointSigner {
    /// The verifier key of a generation of an organization's log: its name is the log's origin.
    pub fn verifier_key(&self, organization: OrganizationId, generation: u64) -> VerifierKey {
        let origin = generation::origin(&self.log_name, organization, generation);
        VerifierKey::new(&origin, KeyKind::Log, self.key.public())
            .expect("a log's name and key are checked when it opens")
    }

    /// The keys that sign and have signed a generation of an organization's log, all under its origin.
    pub fn verifier_keys(&self, organization: OrganizationId, generation: u64) -> Vec<VerifierKey> {
        self.handovers.history().around(&self.verifier_key(organization, generation))
    }

    /// A signed checkpoint. The caller has seen that the tree is durable at this size.
    pub fn sign(&self, log: &Log, size: u64, root: Hash) -> String {
        let key = self.verifier_key(log.organization.id, generation::of(log));
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size, root };
        let note = checkpoint.sign(&key, &|message| self.key.sign(message));
        note.expect("the origin is the name of a key").to_string()
    }
}

/// Compares the newest checkpoint of a log with its head when the log is opened.
///
/// # Errors
/// In words, how they disagree.
pub(crate) fn take_over(log: &Log, signer: &CheckpointSigner, newest: &StoredCheckpoint) -> Result<(), String> {
    let read = SignedCheckpoint::parse(newest.note.as_bytes());
    let signed = read.map_err(|error| format!("the newest checkpoint: {error}"))?;
    let checkpoint = &signed.checkpoint;
    let head = log.state.lock().head;
    if checkpoint.size != newest.size {
        return Err(format!("the newest checkpoint is kept under size {} and says {}", newest.size, checkpoint.size));
    }
    if checkpoint.size > head.size {
        return Err(format!(
            "a checkpoint of {} events was published, and the log ends at {}: it is older than what it signed",
            checkpoint.size, head.size
        ));
    }
    if checkpoint.size == head.size && checkpoint.root != head.root {
        return Err(format!("the checkpoint that was published at {} has another root than the head", head.size));
    }
    let number = generation::of(log);
    let own = generation::origin(&signer.log_name, log.organization.id, number);
    let Some(of) =
        generation::number_of(&checkpoint.origin, &signer.log_name, log.organization.id).filter(|of| *of <= number)
    else {
        return Err(format!(
            "the newest checkpoint is one of {}, and this log is {}: what says which generation it is in was taken away, or the \
             checkpoint is of another log",
            checkpoint.origin, own
        ));
    };
    signed.verify_by_one_of(&signer.verifier_keys(log.organization.id, of)).map_err(|error| {
        format!(
            "no key that this log has or had by its hand-overs has signed the newest checkpoint, of {} events ({error}): the \
             signing key was replaced without a hand-over (`actarium log rotate-key` makes one)",
            checkpoint.size
        )
    })?;
    if of < number {
        // It says nothing of this generation, and was published before it began.
        let first_seq = log.generation_first_seq.load(Ordering::Relaxed);
        if checkpoint.size > first_seq {
            return Err(format!(
                "generation {of} published a checkpoint of {} events, and generation {number} begins at {first_seq}",
                checkpoint.size
            ));
        }
        return Ok(());
    }
    let key = signer.verifier_key(log.organization.id, number);
    let checked = checkpoint.size == head.size;
    let is_current = signed.verify(&key).is_ok();
    *log.published.lock() = Some(Published::new(checkpoint, newest, is_current, checked));
    Ok(())
}

/// Notes the logs of which no checkpoint is kept, although what the folder tells of is later than their first event by more than it
/// takes to publish one. Either all of them were taken away, or none was ever published, as after a kill, a slow round or a change
/// of the clock: nothing in the folder tells these apart, so the log goes on, and who can compare it with what lies outside is told.
pub(crate) fn miss(logs: &Registry, signer: &CheckpointSigner, kept: &[StoredCheckpoint]) {
    let published_at = kept.iter().map(|checkpoint| checkpoint.published_at).max();
    // Before a change of the key every log is published.
    let handed_over_at = signer.handovers.history().handovers().last().map(|handover| handover.at);
    let told = published_at.max(handed_over_at);
    let published: HashSet<_> = kept.iter().map(|checkpoint| checkpoint.organization).collect();
    for log in logs.by_id.values() {
        let id = log.organization.id;
        let (first, last) = {
            let state = log.state.lock();
            let sealed = state.manifest.first().map(|entry| entry.summary.recorded.0);
            (sealed.or(state.oldest_unsealed), state.head.recorded_at)
        };
        let Some(first) = first.filter(|_| !published.contains(&id)) else {
            continue;
        };
        let known = told.map_or(last, |told| told.max(last));
        if known - first > UNPUBLISHED_MAX {
            let detail = format!(
                "no checkpoint of it is kept, and its first event was recorded on {}, {} seconds before what else this folder \
                 tells of: its checkpoints were taken away, or the service never came to publish one",
                time::to_text(first),
                (known - first) / time::SECOND
            );
            tracing::error!(
                organization = %log.organization.slug,
                detail,
                "what was published of a log is missed, and the log goes on; compare it with a checkpoint that was kept \
                 elsewhere, a witness or an earlier export: `actarium verify DIR` (docs/EVIDENCE.md)"
            );
            let _ = log.missed.set(detail);
        }
    }
}

/// Whether the tree still has the root that was published; looked at once after a start.
fn check(shared: &Shared, log: &Log, published: &Published) -> bool {
    if published.checked.load(Ordering::Relaxed) {
        return true;
    }
    match root_at(&mut TreeReader::new(shared, log, published.size), published.size) {
        Ok(root) if root == published.root => {
            published.checked.store(true, Ordering::Relaxed);
            true
        }
        Ok(_) => {
            log.set_contradicted(&format!(
                "the events before {} do not give the root of the checkpoint that was published",
                published.size
            ));
            false
        }
        Err(error) => {
            tracing::warn!(organization = %log.organization.slug, %error, "the newest checkpoint cannot be compared; it is tried again");
            false
        }
    }
}

/// Publishes a checkpoint of every log that has grown since its last one. How many.
///
/// # Errors
/// If they cannot be made durable; none of those is shown then.
pub(crate) fn publish(shared: &Shared, signer: &CheckpointSigner) -> Result<usize, BackendError> {
    // Those without one go first, and wait for no other's tree to be compared.
    let (first, further): (Vec<_>, Vec<_>) =
        shared.all_logs().into_iter().partition(|log| log.published.lock().is_none());
    Ok(publish_of(shared, signer, first)? + publish_of(shared, signer, further)?)
}

/// Publishes checkpoints of these logs in one transaction.
fn publish_of(shared: &Shared, signer: &CheckpointSigner, logs: Vec<Arc<Log>>) -> Result<usize, BackendError> {
    let now = shared.clock.now();
    let mut made = Vec::new();
    for log in logs {
        let head = {
            let state = log.state.lock();
            if state.damaged.is_some() {
                continue;
            }
            state.head
        };
        let before = log.published.lock().clone();
        if let Some(before) = &before
            && ((before.size >= head.size && before.is_current) || !check(shared, &log, before))
        {
            continue;
        }
        let organization = log.organization.id;
        let note = signer.sign(&log, head.size, head.root);
        let stored = StoredCheckpoint { organization, size: head.size, published_at: now, note };
        made.push((log, head.root, stored));
    }
    if made.is_empty() {
        return Ok(0);
    }
    let stored: Vec<StoredCheckpoint> = made.iter().map(|(_, _, stored)| stored.clone()).collect();
    shared.backend.keep_checkpoints(&stored)?;
    for (log, root, stored) in &made {
        let checkpoint = Checkpoint { origin: String::new(), size: stored.size, root: *root };
        let mut published = log.published.lock();
        if published.as_ref().is_none_or(|newest| newest.size < stored.size || !newest.is_current) {
            *published = Some(Published::new(&checkpoint, stored, true, true));
        }
    }
    Ok(made.len())
}

/// Publishes once in a while until the engine stops.
pub(crate) fn run(shared: &Shared, signer: &CheckpointSigner, every: std::time::Duration) {
    while !shared.stopping() {
        if let Err(error) = publish(shared, signer) {
            tracing::warn!(%error, "checkpoints cannot be published; it is tried again");
        }
        shared.pause(every);
    }
}
