//! A segment: a run of an organization's log as one immutable Parquet file with our look-up index inside it.
//!
//! Rows lie in sequence order. Any Parquet reader reads the file; the index lies between the last page and the footer,
//! where the footer's key-value metadata names it. What is read is checked against checksums in the manifest.
//! Nothing here knows the manifest, the journal, or why a segment is made.

mod bloom;
mod columns;
mod days;
mod erased;
mod file;
mod find;
mod footer;
mod index_check;
mod newest;
mod pack;
mod pages;
mod purged;
mod read;
mod refer;
mod rows;
mod sequence;
mod shape;
mod terms;
mod write;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actarium_core::row::{Column, Micros};

use crate::storage::NotReached;

pub use bloom::BLOOM_BLOCK_ROWS;
pub use columns::{Columns, DictionaryColumn, NO_CODE, Postings, TextColumn, TimeOrder};
pub use days::{DayCounts, MICROS_PER_DAY, OUTCOMES, outcome_index};
pub use erased::ErasedRows;
#[cfg(test)]
pub(crate) use file::checksums;
pub use find::ExternalId;
pub(crate) use index_check::IndexCheck;
pub use newest::NewestRows;
pub use purged::{Entry, PURGED_EVENT_BYTES, build_purged, read_purged};
pub use read::{Segment, Times, count_rows};
pub use refer::{ShortMatch, ShortWords};
pub use rows::{RowReader, RowScratch};
pub use shape::Part;
pub use terms::{BLOCK_ROWS, Places, TermTable};
pub use write::{BuiltSegment, SegmentOptions, build};

/// Columns whose texts are ids that look-ups ask for as a whole.
pub const ID_COLUMNS: [Column; 4] = [Column::RequestId, Column::TraceId, Column::SessionId, Column::ExternalId];

/// Columns with a filter from what is looked up to the rows that may hold it: those of ids, and addresses, where each row has a
/// text of its own.
const FILTERED_COLUMNS: [Column; 5] =
    [Column::RequestId, Column::TraceId, Column::SessionId, Column::ExternalId, Column::Ip];

/// What the filter of a column knows of a text; `None` for a text that is never looked up. However an address is
/// spelled, it is one.
fn filter_hash(column: Column, text: &str) -> Option<u64> {
    match column {
        Column::Ip => text.parse().ok().map(address_hash),
        _ => Some(terms::id_hash(text)),
    }
}

fn address_hash(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => terms::stable_hash(&address.octets()),
        IpAddr::V6(address) => terms::stable_hash(&address.octets()),
    }
}

/// Where a segment is, and what is left of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// At hand, in the data folder.
    #[default]
    Hot,
    /// Whole, in the archive.
    Archive,
    /// Nothing but times of recording and commits, in the data folder.
    Purged,
}

impl Tier {
    fn is_hot(&self) -> bool {
        *self == Tier::Hot
    }
}

/// What the manifest keeps of a segment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SegmentSummary {
    /// Sequence number of the first row.
    pub first_seq: u64,
    /// Number of rows.
    pub rows: u64,
    /// Earliest and latest `recorded_at`.
    pub recorded: (Micros, Micros),
    /// Earliest and latest `occurred_at`.
    pub occurred: (Micros, Micros),
    /// Size of the file in bytes.
    pub bytes: u64,
    /// CRC-32 of each 16 KiB of the file.
    #[serde(with = "checks_as_text")]
    pub checks: Vec<u32>,
    /// Offset and length of the newest rows that are kept whole, so that they are found without the footer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<(u64, u64)>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Tier::is_hot")]
    pub tier: Tier,
}

mod checks_as_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(checks: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = checks.iter().flat_map(|check| check.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        if bytes.len() % 4 != 0 {
            return Err(D::Error::custom("checksums are four bytes each"));
        }
        Ok(bytes.chunks_exact(4).map(|check| u32::from_le_bytes([check[0], check[1], check[2], check[3]])).collect())
    }
}

/// Why a segment cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The file is missing or the operating system cannot read it.
    #[error("segment {path} cannot be read")]
    Unreadable {
        /// Where the file should be.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not what was written.
    #[error("segment {path} is damaged: {problem}")]
    Damaged {
        /// Where the file lies.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to make a segment of.
    #[error("a segment needs at least one row")]
    Empty,
    /// The rows could not be encoded.
    #[error("rows cannot be encoded as a segment: {0}")]
    Encoding(String),
}

impl SegmentError {
    pub(crate) fn damaged(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.to_string() }
    }

    /// Whether it says nothing about the file: its place was not reached, or the process has no descriptor or memory left.
    /// Trying again may help.
    pub fn is_passing(&self) -> bool {
        use rustix::io::Errno;
        let Self::Unreadable { source, .. } = self else { return false };
        if source.get_ref().is_some_and(|inner| inner.is::<NotReached>()) {
            return true;
        }
        matches!(Errno::from_io_error(source), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
    }
}

/// Decoded parts of segments, the least recently used of which go first.
pub struct SegmentCache {
    parts: quick_cache::sync::Cache<PartKey, CachedPart, PartBytes>,
    next_segment: AtomicU64,
}

impl std::fmt::Debug for SegmentCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SegmentCache").field("bytes", &self.parts.weight()).finish()
    }
}

impl SegmentCache {
    /// A cache of at most about `bytes_max` bytes of decoded columns and pages.
    pub fn new(bytes_max: u64) -> Arc<Self> {
        let parts = quick_cache::sync::Cache::with_weighter((bytes_max / 8_192).max(64) as usize, bytes_max, PartBytes);
        Arc::new(Self { parts, next_segment: AtomicU64::new(0) })
    }

    /// Bytes held now.
    pub fn bytes(&self) -> u64 {
        self.parts.weight()
    }

    fn segment_number(&self) -> u64 {
        self.next_segment.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PartKey {
    segment: u64,
    kind: PartKind,
    /// Column or leaf.
    column: u16,
    page: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PartKind {
    Footer,
    Times,
    Dictionary,
    Page,
    Terms,
    TextTerms,
    IdFilter,
    Days,
    Newest,
    Erased,
}

#[derive(Clone)]
enum CachedPart {
    Footer(Arc<footer::Footer>),
    Times(Arc<Times>),
    Dictionary(Arc<DictionaryColumn>),
    Page(Arc<rows::TextPage>),
    Terms(Arc<TermTable>),
    IdFilter(Arc<bloom::IdFilter>),
    Days(Arc<DayCounts>),
    Newest(Arc<NewestRows>),
    Erased(Arc<ErasedRows>),
}

#[derive(Clone)]
struct PartBytes;

impl quick_cache::Weighter<PartKey, CachedPart> for PartBytes {
    fn weight(&self, _: &PartKey, part: &CachedPart) -> u64 {
        let bytes = match part {
            CachedPart::Footer(footer) => footer.byte_len(),
            CachedPart::Times(times) => times.byte_len(),
            CachedPart::Dictionary(dictionary) => dictionary.byte_len(),
            CachedPart::Page(page) => page.byte_len(),
            CachedPart::Terms(terms) => terms.as_bytes().len(),
            CachedPart::IdFilter(filter) => filter.byte_len(),
            CachedPart::Days(days) => days.byte_len(),
            CachedPart::Newest(newest) => newest.byte_len(),
            CachedPart::Erased(erased) => erased.byte_len(),
        };
        bytes as u64 + 128
    }
}
