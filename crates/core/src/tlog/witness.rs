//! What a log asks of a witness (c2sp.org/tlog-witness, `add-checkpoint`), and how a witness decides about it.
//!
//! Pure: what the witness signed last is passed in, and keeping what it signs next, before it answers, is its caller's.

use std::fmt;

use super::checkpoint::{CheckpointError, SignedCheckpoint, parse_size};
use super::note::{KeyKind, NOTE_BYTES_MAX, VerifierKey};
use super::proof::{PROOF_HASHES_MAX, ProofRefused, verify_consistency};
use super::proof_text::{hash_of_base64, hash_to_base64};
use crate::hash::Hash;

/// Media type of the answer that tells which size the witness knows.
pub const TREE_SIZE_FORM: &str = "text/x.tlog.size";
/// Bytes of a request: a note, and a line of at most 45 bytes for each hash.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = NOTE_BYTES_MAX + 45 * PROOF_HASHES_MAX + 64;

/// A log's request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of which the witness has signed the log's last checkpoint; 0 if it has signed none.
    pub old: u64,
    /// The proof that the tree of the checkpoint begins with the tree of that size.
    pub proof: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
}

/// Why a text is no such request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointError {
    /// The lines are not those of a request.
    #[error("not a request to add a checkpoint: {0}")]
    Malformed(&'static str),
    /// The checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    /// Reads a request; neither signature nor proof is verified by it.
    ///
    /// # Errors
    /// [`AddCheckpointError`].
    pub fn parse(body: &[u8]) -> Result<Self, AddCheckpointError> {
        let malformed = AddCheckpointError::Malformed;
        let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(malformed("no empty line parts proof and checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_size);
        let old = old.ok_or(malformed("its first line is not `old` and a size without leading zeros"))?;
        let proof: Option<Vec<Hash>> = lines.map(hash_of_base64).collect();
        let proof = proof.ok_or(malformed("a line is not a hash of 32 bytes in base64"))?;
        if proof.len() > PROOF_HASHES_MAX {
            return Err(malformed("it has more than 63 hashes"));
        }
        Ok(Self { old, proof, checkpoint: SignedCheckpoint::parse(note.as_bytes())? })
    }

    /// Whether a witness signs this, after what it has signed of the log before: size and root. Which of the log's keys
    /// signed it.
    ///
    /// # Errors
    /// [`WitnessRefusal`].
    pub fn decide(&self, log: &[VerifierKey], last: Option<(u64, Hash)>) -> Result<VerifierKey, WitnessRefusal> {
        let by = self.checkpoint.verify_by_one_of(log).map_err(WitnessRefusal::Signature)?;
        let checkpoint = &self.checkpoint.checkpoint;
        if self.old > checkpoint.size {
            return Err(WitnessRefusal::Sizes);
        }
        let known = last.map_or(0, |(size, _)| size);
        if self.old != known {
            return Err(WitnessRefusal::Size { known });
        }
        match last.filter(|(size, _)| *size > 0) {
            // Every tree begins with nothing: there is nothing to prove, and a proof that is there says something else.
            None if self.proof.is_empty() => Ok(by),
            None => Err(WitnessRefusal::Proof(ProofRefused::Length)),
            Some((size, root)) => verify_consistency((size, &root), (checkpoint.size, &checkpoint.root), &self.proof)
                .map(|()| by)
                .map_err(WitnessRefusal::Proof),
        }
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(formatter, "{}", hash_to_base64(hash)))?;
        write!(formatter, "\n{}", self.checkpoint.note)
    }
}

/// Why a witness signs nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// The log's key has not signed it (403).
    #[error("{0}")]
    Signature(CheckpointError),
    /// The size to prove from lies behind the checkpoint's (400).
    #[error("the old size is larger than the checkpoint's")]
    Sizes,
    /// The witness has signed a checkpoint of another size last (409).
    #[error("the last checkpoint that was signed here is of size {known}")]
    Size {
        /// That size.
        known: u64,
    },
    /// The tree does not go on from what the witness has signed (422).
    #[error("the checkpoint does not go on from the last one that was signed here: {0}")]
    Proof(ProofRefused),
}

impl WitnessRefusal {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Sizes => 400,
            Self::Signature(_) => 403,
            Self::Size { .. } => 409,
            Self::Proof(_) => 422,
        }
    }
}

/// The keys of the log with this origin, if trusted keys are its: the origin's own, or those of a log name, which stands
/// for all origins below it (`audit.example.com` for `audit.example.com/…`). Several while a log changes its key.
pub fn keys_of_origin(trusted: &[VerifierKey], origin: &str) -> Vec<VerifierKey> {
    let below = |key: &VerifierKey| origin.strip_prefix(key.name()).is_some_and(|rest| rest.starts_with('/'));
    let logs = || trusted.iter().filter(|key| key.kind() == KeyKind::Log);
    let exact = logs().find(|key| key.name() == origin);
    let Some(name) = exact.or_else(|| logs().filter(|key| below(key)).max_by_key(|key| key.name().len())) else {
        return Vec::new();
    };
    let named = logs().filter(|key| key.name() == name.name());
    named.filter_map(|key| VerifierKey::new(origin, KeyKind::Log, *key.public()).ok()).collect()
}
