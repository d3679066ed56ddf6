//! Checkpoints (c2sp.org/tlog-checkpoint): what a log signs about its tree.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::note::{KeyKind, Note, NoteError, SignatureLine, Signed, VerifierKey};
use crate::hash::Hash;
use crate::tree::empty_root;

/// The size and root of a log's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: the name of its key.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Why a checkpoint is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is none, or not signed as it must be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no checkpoint.
    #[error("not a checkpoint: {0}")]
    Malformed(&'static str),
    /// It is another log's.
    #[error("it is a checkpoint of the log {found}, not of {wanted}")]
    Origin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
}

impl Checkpoint {
    /// Reads the text of a checkpoint. Lines behind the third are passed over, as the format asks for.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let lines = text.strip_suffix('\n').ok_or(malformed("its last line has no end"))?;
        let mut lines = lines.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        let origin = line().ok_or(malformed("its first line is empty"))?;
        let size =
            line().and_then(parse_size).ok_or(malformed("its second line is not a size without leading zeros"))?;
        let root = line().and_then(|line| BASE64.decode(line).ok()).and_then(|root| root.try_into().ok());
        let root = root.ok_or(malformed("its third line is not 32 bytes in base64"))?;
        if lines.any(str::is_empty) {
            return Err(malformed("it has an empty line"));
        }
        if size == 0 && root != empty_root() {
            return Err(malformed("a tree without entries has the hash of nothing as its root"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Signs it with the log's key, whose name must be the origin.
    ///
    /// # Errors
    /// If the origin is no name of a key.
    pub fn sign(&self, key: &VerifierKey, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Result<Note, NoteError> {
        let text = self.to_string();
        let signature = SignatureLine::by_log(key, &text, sign);
        Note::new(text, vec![signature])
    }
}

/// A number in decimal digits as the formats write it: no sign, no leading zeros.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical)
}

impl fmt::Display for Checkpoint {
    /// The text that is signed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(self.root))
    }
}

/// A checkpoint with the signatures under it, none of which has been verified by being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// As it was read.
    pub note: Note,
}

impl SignedCheckpoint {
    /// Reads a signed note with a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] or [`CheckpointError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    /// Whether the log's key has signed it. The checkpoint has to be of the log that the key names.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] or [`CheckpointError::Note`].
    pub fn verify(&self, log: &VerifierKey) -> Result<(), CheckpointError> {
        self.verify_by_one_of(std::slice::from_ref(log)).map(|_| ())
    }

    /// Which of the log's keys has signed it, for a log that has changed its key. It has to be of the log that they name.
    ///
    /// # Errors
    /// As [`Self::verify`]; without a key, that none is known.
    pub fn verify_by_one_of(&self, keys: &[VerifierKey]) -> Result<VerifierKey, CheckpointError> {
        let of_another = |key: &&VerifierKey| key.kind() != KeyKind::Log || self.checkpoint.origin != key.name();
        if let Some(other) = keys.iter().find(of_another) {
            let (found, wanted) = (self.checkpoint.origin.clone(), other.name().to_owned());
            return Err(CheckpointError::Origin { found, wanted });
        }
        // The last one that the log had, if several of them signed it.
        let signed = self.note.verify(keys)?;
        let by = |key: &&VerifierKey| signed.iter().any(|signed| signed.key == **key);
        Ok(keys.iter().rev().find(by).expect("a key that verified is one of them").clone())
    }

    /// The cosignatures of known witnesses; none is no error.
    ///
    /// # Errors
    /// [`NoteError::Forged`] if the signature of a known witness fails.
    pub fn witnesses(&self, keys: &[VerifierKey]) -> Result<Vec<Signed>, NoteError> {
        match self.note.verify(keys) {
            Err(NoteError::Unknown { .. }) => Ok(Vec::new()),
            other => other,
        }
    }
}
