//! What crosses the boundary to a backend. Types only.

use std::time::Duration;

use actarium_core::row::Micros;

use crate::organization::{Organization, OrganizationId};
use crate::segment::SegmentSummary;

/// Longest kind or id of a directory entry in bytes.
pub const DIRECTORY_NAME_BYTES_MAX: usize = 256;
/// Longest document of a directory entry in bytes.
pub const DIRECTORY_DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// Why a backend did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// No space left. Works again when there is some.
    #[error("the disk is full")]
    Full,
    /// Something below failed; trying again may help.
    #[error("{detail}")]
    Unavailable {
        /// What failed.
        detail: String,
    },
    /// What is stored contradicts itself or is not ours; trying again does not help.
    #[error("{detail}")]
    Damaged {
        /// What is wrong and where.
        detail: String,
    },
}

/// What a store was created with, and what proves that keys belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The log's name, first part of every origin.
    pub log_name: String,
    /// Ed25519 public key that belongs to `log.key`.
    pub log_public_key: [u8; 32],
    /// A known text wrapped by the master key: another master key does not open it.
    pub master_key_check: Vec<u8>,
}

/// The state of an organization's tree after its last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of events.
    pub size: u64,
    /// Root of the tree.
    pub root: [u8; 32],
    /// When the last event was recorded; the organization's creation, before there is one.
    pub recorded_at: Micros,
    /// The hashes from which the tree goes on, encoded.
    pub frontier: Vec<u8>,
}

/// What of an organization the journal holds that is not sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalExtent {
    /// Sequence number of the first row; the sealed end, if there is none.
    pub first_seq: u64,
    /// Sequence number after the last row; the sealed end, if there is none.
    pub end_seq: u64,
    /// Bytes of the rows before compression.
    pub raw_bytes: u64,
    /// When the first of them was recorded.
    pub oldest_recorded_at: Option<Micros>,
    /// Root stored with the last batch.
    pub last_root: Option<[u8; 32]>,
}

/// An organization and where its log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The organization.
    pub organization: Organization,
    /// Its head.
    pub head: Head,
    /// Sequence number up to which events are in segments.
    pub sealed_end: u64,
    /// What the journal holds from there on.
    pub journal: JournalExtent,
}

/// How the rows of a batch are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RowsEncoding {
    /// As they are.
    Raw = 0,
    /// One zstd frame with its checksum.
    Zstd = 1,
}

/// The key of 65,536 events' salts, wrapped by the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedEpochKey {
    /// Sequence number of its first event divided by 65,536.
    pub epoch: u64,
    /// Nonce and ciphertext.
    pub wrapped: Vec<u8>,
}

/// What one commit adds to one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationCommit {
    /// The organization.
    pub organization: OrganizationId,
    /// Size that its head must have: the sequence number of the first new event.
    pub expected_size: u64,
    /// Number of new events, at least 1.
    pub count: u32,
    /// How `rows` is stored.
    pub encoding: RowsEncoding,
    /// The rows.
    pub rows: Vec<u8>,
    /// Bytes of the rows before compression.
    pub raw_bytes: u64,
    /// The head after it; its `recorded_at` is that of all new events.
    pub head: Head,
    /// Keys of the epochs that begin in it.
    pub epoch_keys: Vec<WrappedEpochKey>,
}

/// A change of one directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryChange {
    /// What kind of entry, `on_prem_key` for example; 1 to [`DIRECTORY_NAME_BYTES_MAX`] bytes.
    pub kind: String,
    /// Whose it is; `None` for the operator's.
    pub organization: Option<OrganizationId>,
    /// Its id within kind and organization; 1 to [`DIRECTORY_NAME_BYTES_MAX`] bytes.
    pub id: String,
    /// The version it must have; `None`: it must not be there.
    pub expected_version: Option<u64>,
    /// The new content, JSON of at most [`DIRECTORY_DOCUMENT_BYTES_MAX`]; `None` deletes it.
    pub document: Option<String>,
}

/// A directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// What kind of entry.
    pub kind: String,
    /// Whose it is.
    pub organization: Option<OrganizationId>,
    /// Its id.
    pub id: String,
    /// 1 when created, one more with each change.
    pub version: u64,
    /// Its content, JSON.
    pub document: String,
}

/// Consecutive events that a request recorded or repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedRun {
    /// Sequence number of the first.
    pub first_seq: u64,
    /// How many.
    pub count: u64,
    /// When they were recorded.
    pub recorded_at: Micros,
}

impl RecordedRun {
    /// Whether it has an event of one of these ranges, which ascend.
    pub fn touches(&self, seqs: &[std::ops::Range<u64>]) -> bool {
        let at = seqs.partition_point(|range| range.end <= self.first_seq);
        seqs.get(at).is_some_and(|range| range.start < self.first_seq + self.count)
    }
}

/// What a request with an idempotency key recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose log it wrote to.
    pub organization: OrganizationId,
    /// Digest of sender and key.
    pub digest: [u8; 32],
    /// SHA-256 of the request's body.
    pub body: [u8; 32],
    /// Its events, in the order sent.
    pub runs: Vec<RecordedRun>,
    /// When it was answered.
    pub recorded_at: Micros,
}

/// Everything that becomes durable together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Organizations to create, before their first rows.
    pub organizations: Vec<Organization>,
    /// New events, one part per organization, ascending by organization id (heads are locked in this order).
    pub parts: Vec<OrganizationCommit>,
    /// Directory changes, at most one per entry.
    pub directory: Vec<DirectoryChange>,
    /// Idempotency keys.
    pub idempotency: Vec<IdempotencyRecord>,
}

/// Why a commit was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Somebody else has written to the organization.
    #[error("the head of organization {organization} has moved")]
    HeadMoved {
        /// Which one.
        organization: OrganizationId,
    },
    /// A directory entry does not have the expected version.
    #[error("{kind} {id} was changed by somebody else")]
    DirectoryConflict {
        /// Kind of the entry.
        kind: String,
        /// Whose it is.
        organization: Option<OrganizationId>,
        /// Its id.
        id: String,
    },
    /// The slug or id is taken.
    #[error("there is an organization {slug} already")]
    OrganizationExists {
        /// The slug that was to be created.
        slug: String,
    },
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// One commit's rows of one organization, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalBatch {
    /// Sequence number of the first row.
    pub first_seq: u64,
    /// Number of rows.
    pub count: u32,
    /// When they were recorded.
    pub recorded_at: Micros,
    /// Root of the tree after them.
    pub root: [u8; 32],
    /// How `rows` is stored.
    pub encoding: RowsEncoding,
    /// Bytes of the rows before compression.
    pub raw_bytes: u64,
    /// The rows.
    pub rows: Vec<u8>,
}

/// A segment in an organization's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Path of the file below the segment folder, with `/` between its parts.
    pub path: String,
    /// What it holds.
    pub summary: SegmentSummary,
    /// Root of the tree after its last event.
    pub root: [u8; 32],
    /// The hashes from which the tree goes on after it, encoded.
    pub frontier: Vec<u8>,
}

impl ManifestEntry {
    /// Sequence number after the last row.
    pub fn end_seq(&self) -> u64 {
        self.summary.first_seq + self.summary.rows
    }
}

/// What becomes of the key of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochKeyChange {
    /// Which epoch.
    pub epoch: u64,
    /// What is left of it, wrapped; `None` if nothing is.
    pub wrapped: Option<Vec<u8>>,
}

/// An atomic change of an organization's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestChange {
    /// The organization.
    pub organization: OrganizationId,
    /// First sequence numbers of the segments to take out; each must be there.
    pub remove: Vec<u64>,
    /// Segments to put in.
    pub add: Vec<ManifestEntry>,
    /// Keys of which salts are destroyed. What they were is overwritten, not only unlinked.
    pub epoch_keys: Vec<EpochKeyChange>,
    /// Sequence number up to which the journal's rows are dropped: the end of the last segment after the change.
    pub sealed_end: u64,
    /// Tiles of the tree that the sealed events make longer or new.
    pub tiles: Vec<StoredTile>,
    /// The lease under which it is done.
    pub fence: Fence,
}

/// The hashes of a tile above the leaves, as far as sealed events complete them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTile {
    /// Level of tiles, from 1 up.
    pub level: u8,
    /// Number within the level.
    pub index: u64,
    /// 1 to 256 hashes of 32 bytes.
    pub hashes: Vec<u8>,
}

/// Of the checkpoints of one hour the last one stays.
pub(crate) const MICROS_PER_HOUR: Micros = 3_600 * 1_000_000;

/// A checkpoint that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Whose log it is of.
    pub organization: OrganizationId,
    /// Number of events.
    pub size: u64,
    /// When it was published.
    pub published_at: Micros,
    /// The signed note.
    pub note: String,
}

/// A witness's signature under a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCosignature {
    /// Whose log it is of.
    pub organization: OrganizationId,
    /// Name and id of the witness's key, with a plus sign between them.
    pub witness: String,
    /// Number of events of the checkpoint.
    pub size: u64,
    /// When the witness signed, by its own clock.
    pub signed_at: Micros,
    /// The checkpoint with the log's signature and the witness's.
    pub note: String,
}

/// Why a manifest was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The lease has gone to somebody else.
    #[error("the lease {name} was lost")]
    FenceLost {
        /// Name of the lease.
        name: String,
    },
    /// The manifest is not what the change was made for.
    #[error("the manifest does not fit the change: {detail}")]
    Mismatch {
        /// What does not fit.
        detail: String,
    },
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Who wants a lease, on what, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// What it is for.
    pub name: String,
    /// Random id of the process.
    pub holder: [u8; 16],
    /// How long it holds without renewal.
    pub ttl: Duration,
    /// The present time.
    pub now: Micros,
}

/// Proof of holding a lease: the number grows whenever it changes hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What the lease is for.
    pub name: String,
    /// The number.
    pub number: u64,
}
