//! Changes of the key that signs checkpoints. The hand-over, signed by the old key and the new one, is an entry of the
//! directory, written in the same commit as the event that tells of it; from that commit on the new key is the log's. Its file
//! is put in place afterwards, and if that was not reached, at the next opening.

use actarium_core::row::EncodedRows;
use actarium_core::tlog::{Handover, KeyHistory, KeyKind, VerifierKey};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::OpenError;
use super::append::{AppendError, Change, DirectoryChange};
use super::options::EngineOptions;
use super::recovery::key_error;
use crate::backend::{Backend, BackendError};
use crate::keys::LogKey;
use crate::organization::OrganizationId;

/// Kind of the directory entries.
const KIND: &str = "log_handover";

/// A directory entry.
#[derive(Deserialize, Serialize)]
struct Document {
    note: String,
}

/// The hand-overs of a service's log, the first one first.
#[derive(Debug, Default)]
pub(crate) struct Handovers {
    notes: Vec<String>,
    history: KeyHistory,
}

impl Handovers {
    /// Reads and verifies them.
    pub fn read(backend: &dyn Backend, log_name: &str) -> Result<Self, BackendError> {
        let damaged = |detail: String| BackendError::Damaged { detail };
        let mut entries = backend.directory_entries(KIND, None)?;
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        let read = |document: &String| serde_json::from_str::<Document>(document).map(|document| document.note);
        let notes: Result<Vec<String>, _> = entries.iter().map(|entry| read(&entry.document)).collect();
        let notes =
            notes.map_err(|error| damaged(format!("a hand-over of the signing key cannot be read: {error}")))?;
        let history = KeyHistory::verify(notes.iter().map(String::as_bytes))
            .map_err(|(number, error)| damaged(format!("hand-over {number} of the signing key: {error}")))?;
        if history.handovers().iter().any(|handover| handover.old.name() != log_name) {
            return Err(damaged(format!("a hand-over of the signing key is of another log than {log_name}")));
        }
        Ok(Self { notes, history })
    }

    /// The keys that they lead along.
    pub fn history(&self) -> &KeyHistory {
        &self.history
    }

    /// The public key that the last one led to.
    pub fn current(&self) -> Option<[u8; 32]> {
        self.history.handovers().last().map(|last| *last.new.public())
    }
}

/// A key that is ready to take the place of the present one.
pub struct PreparedKey {
    /// What both keys have signed.
    pub handover: Handover,
    note: String,
    number: usize,
}

impl PreparedKey {
    /// The signed note.
    pub fn note(&self) -> &str {
        &self.note
    }
}

impl Engine {
    /// The hand-overs of the signing key as signed notes, the first one first.
    pub fn handovers(&self) -> &[String] {
        &self.signer.handovers.notes
    }

    /// The keys that an organization's log had, has, or will be found to have had.
    pub fn key_history(&self) -> &KeyHistory {
        &self.signer.handovers.history
    }

    /// Every key that has signed or signs an organization's log, the present one among them.
    pub fn verifier_keys(&self, organization: OrganizationId) -> Vec<VerifierKey> {
        self.key_history().around(&self.verifier_key(organization))
    }

    /// Makes the next signing key, or takes the one that an earlier try left, and has both sign the hand-over. Nothing has
    /// changed yet. `options` are those that the engine was opened with. Blocks.
    ///
    /// # Errors
    /// If the key cannot be read or written.
    pub fn prepare_log_key(&self, options: &EngineOptions) -> Result<PreparedKey, OpenError> {
        let next = LogKey::next(&options.log_key_file(), &*self.shared.entropy).map_err(key_error)?;
        let key = |public| VerifierKey::new(self.log_name(), KeyKind::Log, public);
        let named = key(self.log_public_key()).and_then(|old| Ok((old, key(next.public())?)));
        let unsigned = |detail: String| OpenError::Options(detail);
        let (old, new) = named.map_err(|error| unsigned(error.to_string()))?;
        let handover = Handover { old, new, at: self.shared.clock.now() };
        let note = handover.sign(&|message| self.sign(message), &|message| next.sign(message));
        let note = note.map_err(|error| unsigned(error.to_string()))?.to_string();
        Ok(PreparedKey { handover, note, number: self.handovers().len() + 1 })
    }

    /// Changes the signing key, with the event that tells of it, in one commit. The engine still has the old key: it has to
    /// be shut down, and what opens the folder next signs with the new one.
    ///
    /// # Errors
    /// As for recording; nothing has changed then.
    pub async fn hand_over(
        &self,
        prepared: PreparedKey,
        organization: OrganizationId,
        record: EncodedRows,
    ) -> Result<(), AppendError> {
        let document = serde_json::to_string(&Document { note: prepared.note })
            .map_err(|error| AppendError::Unavailable { detail: error.to_string() })?;
        let change = DirectoryChange {
            kind: KIND.to_owned(),
            organization: None,
            id: format!("{:08}", prepared.number),
            expected_version: None,
            document: Some(document),
        };
        let records = vec![(organization, record)];
        self.change(Change { directory: vec![change], records, ..Change::default() }).await?;
        self.retired.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

/// Puts the file of the new key into its place. What opens the folder next would do it too.
///
/// # Errors
/// If it cannot be written.
pub fn take_prepared_key(options: &EngineOptions) -> Result<(), OpenError> {
    let file = options.log_key_file();
    match LogKey::read_next(&file) {
        Ok(_) => LogKey::take_next(&file).map_err(key_error),
        Err(error) => Err(key_error(error)),
    }
}
