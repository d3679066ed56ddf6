//! What witnesses have signed of the logs' checkpoints: kept durably, then shown beside them. Who the witnesses are and how
//! they are asked is decided elsewhere; their signatures have been verified when they come here.

use std::collections::BTreeMap;

use actarium_core::tlog::{Note, SignedCheckpoint};

use super::Engine;
use super::checkpoints::CheckpointSigner;
use super::generation;
use super::log::Log;
use super::shared::Registry;
use super::snapshot::ReadError;
use crate::backend::{Backend, BackendError, StoredCosignature};
use crate::organization::OrganizationId;

/// The newest signature of each witness, by the name and id of its key.
pub(crate) type Newest = BTreeMap<String, StoredCosignature>;

/// Puts what is kept into memory.
pub(crate) fn load(backend: &dyn Backend, logs: &Registry, signer: &CheckpointSigner) -> Result<(), BackendError> {
    for kept in backend.newest_cosignatures()? {
        if let Some(log) = logs.by_id.get(&kept.organization) {
            remember(log, signer, kept);
        }
    }
    Ok(())
}

/// Those of another origin are of another generation of the log: they say nothing about this one. Those that the log signed
/// with a key from before are shown among the earlier ones only.
fn remember(log: &Log, signer: &CheckpointSigner, kept: StoredCosignature) {
    let key = signer.verifier_key(log.organization.id, generation::of(log));
    if SignedCheckpoint::parse(kept.note.as_bytes()).is_ok_and(|signed| signed.verify(&key).is_ok()) {
        let mut newest = log.cosigned.lock();
        if newest.get(&kept.witness).is_none_or(|known| known.size <= kept.size) {
            newest.insert(kept.witness.clone(), kept);
        }
    }
}

/// A note with the signatures that others have under the same text.
fn merged<'n>(note: &str, others: impl Iterator<Item = &'n str>) -> String {
    let Ok(mut merged) = Note::parse(note.as_bytes()) else { return note.to_owned() };
    for other in others.filter_map(|other| Note::parse(other.as_bytes()).ok()) {
        if other.text() == merged.text() {
            other.signatures().iter().cloned().for_each(|line| merged.add(line));
        }
    }
    merged.to_string()
}

impl Engine {
    /// Keeps signatures of witnesses, all or none of them. Blocks.
    ///
    /// # Errors
    /// If they cannot be made durable.
    pub fn keep_cosignatures(&self, made: Vec<StoredCosignature>) -> Result<(), ReadError> {
        let kept = self.shared.backend.keep_cosignatures(&made);
        kept.map_err(|error| ReadError::Unavailable { detail: error.to_string() })?;
        for cosignature in made {
            if let Some(log) = self.shared.log(cosignature.organization) {
                remember(&log, &self.signer, cosignature);
            }
        }
        Ok(())
    }

    /// The newest signature of each witness under a checkpoint of the organization's log. Does not block.
    pub fn newest_cosignatures(&self, organization: OrganizationId) -> Vec<StoredCosignature> {
        self.shared.log(organization).map_or_else(Vec::new, |log| log.cosigned.lock().values().cloned().collect())
    }

    /// A checkpoint with the signatures that witnesses have put under it. Does not block.
    pub fn with_cosignatures(&self, organization: OrganizationId, size: u64, note: &str) -> String {
        let newest = self.newest_cosignatures(organization);
        merged(note, newest.iter().filter(|kept| kept.size == size).map(|kept| kept.note.as_str()))
    }

    /// The newest checkpoint that a witness has signed, with its size and the signatures of all that signed it. Does not
    /// block.
    pub fn witnessed(&self, organization: OrganizationId) -> Option<(u64, String)> {
        let newest = self.newest_cosignatures(organization);
        let last = newest.iter().max_by_key(|kept| kept.size)?;
        let same = newest.iter().filter(|kept| kept.size == last.size).map(|kept| kept.note.as_str());
        Some((last.size, merged(&last.note, same)))
    }

    /// The checkpoints that witnesses have signed and that are kept, by size, at most `count_max` signatures from size
    /// `from` on; those of earlier generations of the log among them. Blocks.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn kept_cosigned(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<BTreeMap<u64, String>, ReadError> {
        let log = self.evident_log(organization)?;
        let kept = self.shared.backend.cosignatures(organization, from, count_max);
        let mut notes: BTreeMap<u64, String> = BTreeMap::new();
        for cosignature in kept.map_err(|error| self.shared.read_error(&log, &error))? {
            let note = match notes.get(&cosignature.size) {
                Some(known) => merged(known, std::iter::once(cosignature.note.as_str())),
                None => cosignature.note,
            };
            notes.insert(cosignature.size, note);
        }
        Ok(notes)
    }

    /// Has a log take no more writes and sign nothing, because something outside contradicts it.
    pub fn stop_writes(&self, organization: OrganizationId, detail: &str) {
        if let Some(log) = self.shared.log(organization) {
            log.set_contradicted(detail);
        }
    }
}
