//! The text of a proof for one entry (c2sp.org/tlog-proof): index, inclusion proof, checkpoint, and what the application adds.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::checkpoint::{CheckpointError, SignedCheckpoint, parse_size};
use super::proof::{PROOF_HASHES_MAX, ProofRefused, verify_inclusion};
use crate::hash::Hash;

/// The first line.
const TITLE: &str = "c2sp.org/tlog-proof@v1";

/// A proof that can be verified without the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofText {
    /// What the application adds. Nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// Which entry.
    pub index: u64,
    /// The hashes beside its path, the leaf's sibling first.
    pub hashes: Vec<Hash>,
    /// The checkpoint of the tree that has it.
    pub checkpoint: SignedCheckpoint,
}

/// Why a text is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofTextError {
    /// The lines are not those of a proof.
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    /// The checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl ProofText {
    /// Reads a proof; the checkpoint's signatures are not verified by it.
    ///
    /// # Errors
    /// [`ProofTextError`].
    pub fn parse(text: &str) -> Result<Self, ProofTextError> {
        let malformed = ProofTextError::Malformed;
        let (head, note) = text.split_once("\n\n").ok_or(malformed("no empty line parts proof and checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(TITLE) {
            return Err(malformed("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.peek().and_then(|line| line.strip_prefix("extra ")).map(|extra| BASE64.decode(extra));
        let extra = extra.transpose().map_err(|_| malformed("what it has as extra is not base64"))?;
        if extra.is_some() {
            lines.next();
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_size);
        let index = index.ok_or(malformed("it has no line with an index without leading zeros"))?;
        let hashes: Option<Vec<Hash>> = lines.map(hash_of_base64).collect();
        let hashes = hashes.ok_or(malformed("a line is not a hash of 32 bytes in base64"))?;
        if hashes.len() > PROOF_HASHES_MAX {
            return Err(malformed("it has more than 63 hashes"));
        }
        let checkpoint = SignedCheckpoint::parse(note.as_bytes())?;
        Ok(Self { extra, index, hashes, checkpoint })
    }

    /// Whether the tree of the checkpoint has this leaf at the index. Says nothing about who signed the checkpoint.
    ///
    /// # Errors
    /// [`ProofRefused`].
    pub fn verify(&self, leaf: &Hash) -> Result<(), ProofRefused> {
        let checkpoint = &self.checkpoint.checkpoint;
        verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)
    }
}

impl fmt::Display for ProofText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{TITLE}")?;
        if let Some(extra) = &self.extra {
            writeln!(formatter, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(formatter, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(formatter, "{}", BASE64.encode(hash)))?;
        write!(formatter, "\n{}", self.checkpoint.note)
    }
}

/// A hash in base64, as proofs are written.
pub fn hash_of_base64(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok().and_then(|hash| Hash::try_from(hash).ok())
}

/// A hash as proofs are written.
pub fn hash_to_base64(hash: &Hash) -> String {
    BASE64.encode(hash)
}
