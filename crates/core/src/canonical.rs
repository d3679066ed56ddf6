//! The canonical bytes of an event in four parts, and their hashes (being written).

use crate::row::{Micros, RowView};
use crate::salt::{PARTS, Salt};
use crate::tree::Hash;

/// A stored row whose columns are not what `event` writes: damaged, or not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} does not hold canonical text: {problem}")]
pub struct NotCanonical {
    /// Name of the column.
    pub column: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// Makes parts and hashes of rows, remembering the pieces of actors and targets that repeat. One per thread.
pub struct Canonicalizer {}

/// The four canonical texts of one event: fact, identity, personal, detail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// By number of the part.
    pub texts: [Vec<u8>; PARTS],
}

impl Canonicalizer {
    /// With a cache of the default size.
    pub fn new() -> Self {
        Self {}
    }

    /// The four canonical texts.
    ///
    /// # Errors
    /// If a column does not hold canonical text.
    pub fn parts(&mut self, row: &RowView<'_>, recorded_at: Micros) -> Result<Parts, NotCanonical> {
        let _ = (row, recorded_at);
        panic!("being written")
    }

    /// The leaf hash of an event.
    ///
    /// # Errors
    /// If a column does not hold canonical text.
    pub fn leaf(&mut self, row: &RowView<'_>, recorded_at: Micros, salts: &[Salt; PARTS]) -> Result<Hash, NotCanonical> {
        let _ = (row, recorded_at, salts);
        panic!("being written")
    }
}

impl Default for Canonicalizer {
    fn default() -> Self {
        Self::new()
    }
}

/// The log entry of an event: version 1, `recorded_at` as big-endian microseconds, commit.
pub fn entry(recorded_at: Micros, commit: &Hash) -> [u8; 41] {
    let mut entry = [1; 41];
    entry[1..9].copy_from_slice(&(recorded_at as u64).to_be_bytes());
    entry[9..].copy_from_slice(commit);
    entry
}
