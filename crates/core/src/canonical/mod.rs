//! The canonical bytes of an event in four parts, and the hashes that stand for them in the log.
//!
//! Format version 1, fixed to the byte in `docs/FORMAT.md`. The bytes are made from stored rows and depend on nothing
//! else: not on the catalog, not on configuration, not on the sender's credential. Whatever is changed here must be a
//! new version beside this one.

pub(crate) mod scan;

mod rebuild;
mod split;

pub use rebuild::{PartsDamaged, from_parts};

use crate::hash::{BLOCK, Hash, digests_of_padded, sha256, sha256_of_each};
use crate::json::push_string;
use crate::row::{Column, Micros, RowView};
use crate::salt::{PARTS, Salt};
use crate::time;
use crate::tree::{leaf_hash_41, leaf_hash_41_pair};
use split::Part;

/// Length in bytes of a log entry.
pub const ENTRY_BYTES: usize = 41;
/// Version of the entry, and of the canonical bytes behind its commit.
pub const FORMAT_VERSION: u8 = 1;
/// Names of the parts by their numbers.
pub const PART_NAMES: [&str; PARTS] = ["fact", "identity", "personal", "detail"];
/// What a commit's message begins with, so that no other hash of the format can be taken for one.
const COMMIT_PREFIX: &[u8; 19] = b"actarium/commit/v1\n";
/// Length of a commit's message, and with the padding of SHA-256.
const COMMIT_BYTES: usize = COMMIT_PREFIX.len() + PARTS * 32;
const COMMIT_PADDED_BYTES: usize = (COMMIT_BYTES + 9).next_multiple_of(BLOCK);

/// A stored row whose columns are not what `event` writes: damaged, or not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {column} does not hold canonical text: it {problem}")]
pub struct NotCanonical {
    /// Name of the column.
    pub column: &'static str,
    /// What is wrong, as the rest of a sentence that begins with "it".
    pub problem: &'static str,
}

/// The four canonical texts of one event: fact, identity, personal, detail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// By number of the part.
    pub texts: [Vec<u8>; PARTS],
}

/// Makes canonical bytes and hashes of rows in buffers that it keeps. One per thread.
#[derive(Debug, Default)]
pub struct Canonicalizer {
    /// Each part behind room for its salt, so that what is hashed lies in one piece.
    buffers: [Vec<u8>; PARTS],
}

const SALT_BYTES: usize = size_of::<Salt>();

impl Canonicalizer {
    /// With empty buffers, which grow to the largest event seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// The four canonical texts of an event.
    ///
    /// # Errors
    /// If a column does not hold canonical text.
    pub fn parts(&mut self, row: &RowView<'_>, recorded_at: Micros) -> Result<Parts, NotCanonical> {
        self.fill(row, recorded_at)?;
        Ok(Parts { texts: std::array::from_fn(|part| self.buffers[part][SALT_BYTES..].to_vec()) })
    }

    /// The hashes of the four parts of an event under their salts; of parts that were erased those that the row keeps.
    ///
    /// # Errors
    /// If a column does not hold canonical text.
    #[inline]
    pub fn part_hashes(
        &mut self,
        row: &RowView<'_>,
        recorded_at: Micros,
        salts: &[Salt; PARTS],
    ) -> Result<[Hash; PARTS], NotCanonical> {
        self.fill(row, recorded_at)?;
        for (buffer, salt) in self.buffers.iter_mut().zip(salts) {
            buffer[..SALT_BYTES].copy_from_slice(salt);
        }
        let mut hashes = sha256_of_each(&mut self.buffers);
        for (hash, erased) in hashes.iter_mut().zip(row.erased) {
            if let Some(erased) = erased {
                *hash = *erased;
            }
        }
        Ok(hashes)
    }

    /// The leaf hash of an event: that of its entry, which holds the commit to its parts.
    ///
    /// # Errors
    /// If a column does not hold canonical text.
    #[inline]
    pub fn leaf(
        &mut self,
        row: &RowView<'_>,
        recorded_at: Micros,
        salts: &[Salt; PARTS],
    ) -> Result<Hash, NotCanonical> {
        Ok(leaf_of(recorded_at, &self.part_hashes(row, recorded_at, salts)?))
    }

    /// Writes the parts behind the room for their salts.
    fn fill(&mut self, row: &RowView<'_>, recorded_at: Micros) -> Result<(), NotCanonical> {
        for buffer in &mut self.buffers {
            buffer.clear();
            buffer.extend_from_slice(&[0; SALT_BYTES]);
        }
        let [fact, identity, personal, detail] = &mut self.buffers;
        fact.extend_from_slice(b"{\"v\":1,\"action\":");
        push_string(fact, required(row, Column::Action)?);
        fact.extend_from_slice(b",\"outcome\":");
        push_string(fact, required(row, Column::Outcome)?);
        fact.extend_from_slice(b",\"occurred_at\":\"");
        time::push(fact, row.occurred_at.unwrap_or(recorded_at));
        fact.extend_from_slice(b"\",\"source\":");
        push_string(fact, required(row, Column::Source)?);
        fact.push(b',');
        for part in [&mut *identity, personal, detail] {
            part.push(b'{');
        }
        self.push_all(b"\"actor\":");
        let actor = required(row, Column::Actor)?;
        split::actor(actor, row.get(Column::SessionId), &mut self.buffers)
            .map_err(|problem| NotCanonical { column: Column::Actor.name(), problem })?;
        self.push_all(b",\"targets\":");
        split::targets(required(row, Column::Targets)?, &mut self.buffers)
            .map_err(|problem| NotCanonical { column: Column::Targets.name(), problem })?;

        let [_, identity, personal, detail] = &mut self.buffers;
        push_texts(identity, row, &[Column::ExternalId, Column::RequestId, Column::TraceId]);
        push_texts(personal, row, &[Column::Ip, Column::UserAgent]);
        push_texts(detail, row, &[Column::Reason, Column::Message, Column::Surface]);
        for column in [Column::Http, Column::Changes, Column::Metadata] {
            if let Some(json) = row.get(column) {
                push_name(detail, column);
                detail.extend_from_slice(json.as_bytes());
            }
        }
        self.push_all(b"}");
        Ok(())
    }

    #[inline]
    fn push_all(&mut self, bytes: &[u8]) {
        for buffer in &mut self.buffers {
            buffer.extend_from_slice(bytes);
        }
    }
}

fn required<'a>(row: &RowView<'a>, column: Column) -> Result<&'a str, NotCanonical> {
    row.get(column).ok_or(NotCanonical { column: column.name(), problem: "is missing" })
}

/// Appends the texts that are there as fields named after their columns.
fn push_texts(out: &mut Vec<u8>, row: &RowView<'_>, columns: &[Column]) {
    for column in columns {
        if let Some(text) = row.get(*column) {
            push_name(out, *column);
            push_string(out, text);
        }
    }
}

fn push_name(out: &mut Vec<u8>, column: Column) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(column.name().as_bytes());
    out.extend_from_slice(b"\":");
}

/// The hash of one part: SHA-256(salt ‖ canonical bytes).
pub fn part_hash(salt: &Salt, bytes: &[u8]) -> Hash {
    sha256(&[salt, bytes])
}

/// The message of a commit: "actarium/commit/v1\n" ‖ fact ‖ identity ‖ personal ‖ detail.
#[inline]
fn commit_message(part_hashes: &[Hash; PARTS]) -> [u8; COMMIT_BYTES] {
    let mut message = [0; COMMIT_BYTES];
    message[..COMMIT_PREFIX.len()].copy_from_slice(COMMIT_PREFIX);
    message[COMMIT_PREFIX.len()..].copy_from_slice(part_hashes.as_flattened());
    message
}

/// The commit to the four parts of an event: SHA-256 of its message.
#[inline]
pub fn commit(part_hashes: &[Hash; PARTS]) -> Hash {
    sha256(&[&commit_message(part_hashes)])
}

/// The leaf hash of an event by when it was recorded and the hashes of its parts.
///
/// # Panics
/// If the time lies before 1970.
#[inline]
pub fn leaf_of(recorded_at: Micros, part_hashes: &[Hash; PARTS]) -> Hash {
    leaf_hash_41(&entry(recorded_at, &commit(part_hashes)))
}

/// [`leaf_of`] of two events, which together take less time than one after the other.
///
/// # Panics
/// As [`leaf_of`].
#[inline]
pub fn leaf_pair_of(recorded_at: [Micros; 2], part_hashes: [&[Hash; PARTS]; 2]) -> [Hash; 2] {
    let messages = part_hashes.map(|hashes| {
        let mut padded = [0; COMMIT_PADDED_BYTES];
        padded[..COMMIT_BYTES].copy_from_slice(&commit_message(hashes));
        padded[COMMIT_BYTES] = 0x80;
        padded[COMMIT_PADDED_BYTES - 8..].copy_from_slice(&(COMMIT_BYTES as u64 * 8).to_be_bytes());
        padded
    });
    let [first, second] = digests_of_padded(messages.each_ref().map(|message| message.as_chunks().0));
    leaf_hash_41_pair([&entry(recorded_at[0], &first), &entry(recorded_at[1], &second)])
}

/// The log entry of an event: version 1, `recorded_at` as big-endian microseconds, commit.
///
/// # Panics
/// If the time lies before 1970.
#[inline]
pub fn entry(recorded_at: Micros, commit: &Hash) -> [u8; ENTRY_BYTES] {
    let recorded_at = u64::try_from(recorded_at).expect("events are recorded after 1970");
    let mut entry = [FORMAT_VERSION; ENTRY_BYTES];
    entry[1..9].copy_from_slice(&recorded_at.to_be_bytes());
    entry[9..].copy_from_slice(commit);
    entry
}
