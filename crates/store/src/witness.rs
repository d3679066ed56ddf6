//! A witness: signs that it has seen a log's checkpoint, and that the log only grew since the one that it signed before. What
//! it signs is on disk before it is given away, so that it never signs two histories, killed or not.
//!
//! Knows files and keys, nothing of HTTP; the decision is `actarium_core::tlog`'s.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actarium_core::hash::sha256;
use actarium_core::hex::to_hex;
use actarium_core::tlog::{
    AddCheckpoint, KeyKind, SignatureLine, SignedCheckpoint, VerifierKey, WitnessRefusal, is_key_name, keys_of_origin,
};
use parking_lot::Mutex;

use crate::clock::{Clock, Entropy};
use crate::folder::{FolderLock, LockError, create_folder, write_private};
use crate::keys::{KeyError, LogKey};

/// The name of a witness that was not given one.
pub const WITNESS_NAME_DEFAULT: &str = "actarium.local/witness";
/// Logs of which a witness remembers a checkpoint.
pub const WITNESS_LOGS_MAX: usize = 100_000;
/// File of the witness's name.
const NAME_FILE: &str = "witness.name";
/// Folder of what was signed last, one file for each log.
const LOGS_FOLDER: &str = "logs";
/// File by which a process holds the folder.
const LOCK_FILE: &str = "witness.lock";
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Why a witness cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct WitnessOpenError {
    path: String,
    detail: String,
}

impl WitnessOpenError {
    fn new(path: &Path, detail: impl ToString) -> Self {
        Self { path: path.display().to_string(), detail: detail.to_string() }
    }
}

/// Why a witness did not sign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// What was sent is no request (400).
    #[error("{0}")]
    Malformed(String),
    /// It was not told of this log (404).
    #[error("the log {0} is not known here")]
    UnknownLog(String),
    /// It must not sign this.
    #[error(transparent)]
    Refused(#[from] WitnessRefusal),
    /// It cannot read or write what it signed (500).
    #[error("{0}")]
    Storage(String),
}

/// A witness over a folder.
pub struct Witness {
    folder: PathBuf,
    key: LogKey,
    verifier: VerifierKey,
    logs: Vec<VerifierKey>,
    clock: Arc<dyn Clock>,
    /// Held from the look at what was signed last until the next is on disk. The number of logs that are remembered.
    turn: Mutex<usize>,
    _lock: FolderLock,
}

impl Witness {
    /// Opens or creates a witness's folder, for logs with these keys; a key that is named as a log is called stands for all
    /// of that log's origins. Blocks.
    ///
    /// # Errors
    /// If a file cannot be read, or is not what was written; if the name is another one than before.
    pub fn open(
        folder: &Path,
        name: Option<&str>,
        logs: Vec<VerifierKey>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<Self, WitnessOpenError> {
        let states = folder.join(LOGS_FOLDER);
        create_folder(&states).map_err(|error| WitnessOpenError::new(&states, error))?;
        let lock_file = folder.join(LOCK_FILE);
        let lock = FolderLock::take(&lock_file).map_err(|error| match error {
            LockError::InUse => WitnessOpenError::new(folder, "is in use by another process"),
            LockError::Io(error) => WitnessOpenError::new(&lock_file, error),
        })?;
        let known = state_files(&states).map_err(|error| WitnessOpenError::new(&states, error))?;
        let key = LogKey::of_witness(folder, known.is_empty(), entropy).map_err(|error| match error {
            KeyError::Missing(path) => WitnessOpenError::new(&path, "is missing, and this witness has signed with it"),
            KeyError::Io(path, error) => WitnessOpenError::new(&path, error),
            KeyError::Damaged(path, detail) => WitnessOpenError::new(&path, detail),
        })?;
        let name = name_of(folder, name)?;
        let verifier = VerifierKey::new(&name, KeyKind::Witness, key.public());
        let verifier = verifier.map_err(|error| WitnessOpenError::new(&folder.join(NAME_FILE), error))?;
        let turn = Mutex::new(known.len());
        let witness = Self { folder: folder.to_owned(), key, verifier, logs, clock, turn, _lock: lock };
        for path in known {
            witness.read_state(&path).map_err(|detail| WitnessOpenError::new(&path, detail))?;
        }
        Ok(witness)
    }

    /// The key that verifies its signatures.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    fn path_of(&self, origin_digest: &str) -> PathBuf {
        self.folder.join(LOGS_FOLDER).join(origin_digest)
    }

    /// What was signed last under this file name; it bears this witness's own signature, or is not believed.
    fn read_state(&self, path: &Path) -> Result<Option<SignedCheckpoint>, String> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let signed = SignedCheckpoint::parse(&bytes).map_err(|error| format!("damaged: {error}"))?;
        let own = signed.note.verify(std::slice::from_ref(&self.verifier));
        own.map_err(|error| format!("not signed by this witness: {error}"))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name != origin_digest(&signed.checkpoint.origin) {
            return Err(format!("it is of the log {}, which has another file", signed.checkpoint.origin));
        }
        Ok(Some(signed))
    }

    /// Signs a checkpoint that a log sent, if it goes on from what was signed of that log last. The line of the signature,
    /// once it is on disk. Blocks.
    ///
    /// # Errors
    /// See [`WitnessError`]; nothing has changed then.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<String, WitnessError> {
        let request = AddCheckpoint::parse(body).map_err(|error| WitnessError::Malformed(error.to_string()))?;
        let origin = &request.checkpoint.checkpoint.origin;
        let log = keys_of_origin(&self.logs, origin);
        if log.is_empty() {
            return Err(WitnessError::UnknownLog(origin.clone()));
        }
        let path = self.path_of(&origin_digest(origin));
        let mut known = self.turn.lock();
        let last = self.read_state(&path).map_err(|detail| {
            tracing::error!(path = %path.display(), detail, "what was signed last cannot be read; nothing is signed");
            WitnessError::Storage("what this witness signed last cannot be read; its operator has to look".to_owned())
        })?;
        let log = request.decide(&log, last.as_ref().map(|last| (last.checkpoint.size, last.checkpoint.root)))?;
        if last.is_none() && *known >= WITNESS_LOGS_MAX {
            return Err(WitnessError::Storage(format!("this witness remembers {WITNESS_LOGS_MAX} logs and no more")));
        }
        let text = request.checkpoint.note.text();
        let seconds = u64::try_from(self.clock.now() / MICROS_PER_SECOND).unwrap_or(0);
        let line = SignatureLine::by_witness(&self.verifier, text, seconds, &|message| self.key.sign(message));
        // The log's own signature and this one; those of others are not known to be good.
        let ours = |other: &&SignatureLine| other.name == log.name() && other.id == log.id();
        let signatures = request.checkpoint.note.signatures().iter().filter(ours).cloned().chain([line.clone()]);
        let note = actarium_core::tlog::Note::new(text.to_owned(), signatures.collect());
        let note = note.map_err(|error| WitnessError::Malformed(error.to_string()))?;
        write_private(&path, note.to_string().as_bytes()).map_err(|error| {
            tracing::error!(path = %path.display(), %error, "a signature cannot be kept; it is not given away");
            WitnessError::Storage("the signature cannot be kept, and is not given away".to_owned())
        })?;
        *known += usize::from(last.is_none());
        Ok(format!("{line}\n"))
    }

    /// The checkpoint that was signed last of a log, by the SHA-256 of its origin in hexadecimal digits. Blocks.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was written.
    pub fn last_checkpoint(&self, origin_digest: &str) -> Result<Option<String>, String> {
        if origin_digest.len() != 64 || !origin_digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let signed = self.read_state(&self.path_of(&origin_digest.to_ascii_lowercase()))?;
        Ok(signed.map(|signed| signed.note.to_string()))
    }
}

/// The name of a log's file, and of its place in a witness's addresses.
pub fn origin_digest(origin: &str) -> String {
    to_hex(&sha256(&[origin.as_bytes()]))
}

fn state_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // What a kill left half written is not there.
        if path.extension().is_none() {
            files.push(path);
        }
    }
    Ok(files)
}

fn name_of(folder: &Path, wanted: Option<&str>) -> Result<String, WitnessOpenError> {
    let path = folder.join(NAME_FILE);
    if let Some(wanted) = wanted
        && !is_key_name(wanted)
    {
        return Err(WitnessOpenError::new(
            &path,
            format!("{wanted:?} cannot name a key: no white space, no plus sign"),
        ));
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let name = text.trim_end_matches('\n').to_owned();
            match wanted {
                Some(wanted) if wanted != name => {
                    let detail = format!("this witness is named {name}, not {wanted}; a witness's name never changes");
                    Err(WitnessOpenError::new(&path, detail))
                }
                _ => Ok(name),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = wanted.unwrap_or(WITNESS_NAME_DEFAULT);
            let written = write_private(&path, format!("{name}\n").as_bytes());
            written.map_err(|error| WitnessOpenError::new(&path, error))?;
            Ok(name.to_owned())
        }
        Err(error) => Err(WitnessOpenError::new(&path, error)),
    }
}

#[cfg(test)]
mod tests;
