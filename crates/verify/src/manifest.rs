//! The table of contents of an export. Nothing of it is signed: what it says is compared with what is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the export's files.
pub const FORMAT: &str = "actarium-export/v1";

/// What an export proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every event of a range of sequence numbers, whole.
    Range,
    /// Events that a filter found: each is in the log; others may have been left out.
    Filtered,
    /// The same, and of every other event of the range what the filter reads: nothing was left out.
    FilteredComplete,
}

/// The events `[first, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeqRange {
    /// First sequence number.
    pub first: u64,
    /// Sequence number after the last.
    pub end: u64,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestQuery {
    /// The search phrase; empty for every event.
    pub phrase: String,
    /// Only events that occurred at or after this time, in microseconds since 1970.
    pub from: Option<i64>,
    /// Only events that occurred before this time.
    pub to: Option<i64>,
}

/// The size and root of the tree that everything is proved against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeAt {
    /// Number of events.
    pub size: u64,
    /// Root in hexadecimal digits.
    pub root: String,
}

/// A file of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The organization's slug, as it stands in the events.
    pub organization: String,
    /// Its opaque id, 32 hexadecimal digits.
    pub organization_id: String,
    /// The log's name: that of its key.
    pub origin: String,
    /// When it was made.
    pub created_at: String,
    /// What it proves.
    pub kind: Kind,
    /// Of which events.
    pub range: SeqRange,
    /// What was asked for.
    pub query: ManifestQuery,
    /// Events that are shown whole.
    pub events: u64,
    /// Events of the range that are not shown whole.
    pub undisclosed: u64,
    /// What everything is proved against.
    pub checkpoint: TreeAt,
    /// Hashes of the complete subtrees before the range, from left to right.
    pub before: Vec<String>,
    /// Hashes of the complete subtrees behind the range, from left to right.
    pub after: Vec<String>,
    /// All other files by name.
    pub files: BTreeMap<String, FileEntry>,
}
