//! The boundary to what keeps the journal, the heads, the manifest, the directory and the keys.
//!
//! Everything above it knows these types and nothing of SQLite. An implementation promises that what it has
//! acknowledged survives a power cut, that a commit is all or nothing, and that heads are locked in the order of
//! organizations' ids. It must not interpret rows, compute hashes or decide what to seal.

#[cfg(test)]
mod conformance;
mod types;

pub mod memory;
pub mod sqlite;

pub use types::*;

use std::ops::Range;

use actarium_core::row::Micros;

use crate::organization::OrganizationId;

/// A store of journals. All calls block; none may be made from an async thread.
pub trait Backend: Send + Sync {
    /// What was established when the store was created; `None` for a new one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn identity(&self) -> Result<Option<Identity>, BackendError>;

    /// Establishes the identity of a new store, durably.
    ///
    /// # Errors
    /// If there is one already, or it cannot be made durable.
    fn establish(&self, identity: &Identity) -> Result<(), BackendError>;

    /// Every organization with its head, what of it is sealed, and what of it the journal holds.
    ///
    /// # Errors
    /// If it cannot be read.
    fn overview(&self) -> Result<Vec<Overview>, BackendError>;

    /// The same for one organization; `None` if there is no such one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn organization(&self, organization: OrganizationId) -> Result<Option<Overview>, BackendError>;

    /// Makes everything in the commit durable, or nothing of it.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing has been recorded then, except that after [`BackendError::Unavailable`] the
    /// heads have to be read again to know.
    fn commit(&self, commit: &Commit) -> Result<(), CommitError>;

    /// Journal batches of an organization from the one that holds `from_seq` on, in order, until their stored bytes
    /// pass `bytes_max` (at least one, if there is one). Batches below the sealed end are never given.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(
        &self,
        organization: OrganizationId,
        from_seq: u64,
        bytes_max: u64,
    ) -> Result<Vec<JournalBatch>, BackendError>;

    /// The wrapped keys of an organization's epochs from `first_epoch` to `last_epoch`, both included, ascending.
    ///
    /// # Errors
    /// If they cannot be read.
    fn epoch_keys(
        &self,
        organization: OrganizationId,
        first_epoch: u64,
        last_epoch: u64,
    ) -> Result<Vec<WrappedEpochKey>, BackendError>;

    /// The segments of an organization, ascending.
    ///
    /// # Errors
    /// If they cannot be read.
    fn manifest(&self, organization: OrganizationId) -> Result<Vec<ManifestEntry>, BackendError>;

    /// Paths of the segments of all organizations.
    ///
    /// # Errors
    /// If they cannot be read.
    fn segment_paths(&self) -> Result<Vec<String>, BackendError>;

    /// Replaces segments and moves the sealed end, atomically and durably. Journal batches below the sealed end are
    /// never given again from here on; [`Backend::collect`] removes them.
    ///
    /// # Errors
    /// See [`ManifestError`]; nothing has changed then.
    fn change_manifest(&self, change: &ManifestChange) -> Result<(), ManifestError>;

    /// The hashes of a tile above the leaves that were stored with sealed events: those of its beginning, none if there
    /// are none.
    ///
    /// # Errors
    /// If they cannot be read.
    fn tile(&self, organization: OrganizationId, level: u8, index: u64) -> Result<Vec<u8>, BackendError>;

    /// Number of hashes of a level of tiles that are stored, without a gap from the first on.
    ///
    /// # Errors
    /// If it cannot be read.
    fn tile_hashes_stored(&self, organization: OrganizationId, level: u8) -> Result<u64, BackendError>;

    /// Whether who wrote this before it was opened kept checkpoints too; a folder of a version that knew none has none.
    fn kept_checkpoints_before(&self) -> bool {
        true
    }

    /// Keeps checkpoints, all or none, durably. Of those of one organization that were published in one hour only the
    /// last one stays.
    ///
    /// # Errors
    /// If they cannot be made durable.
    fn keep_checkpoints(&self, checkpoints: &[StoredCheckpoint]) -> Result<(), BackendError>;

    /// The checkpoints of an organization that are kept, ascending, at most `count_max` of them from size `from` on.
    ///
    /// # Errors
    /// If they cannot be read.
    fn checkpoints(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCheckpoint>, BackendError>;

    /// The newest checkpoint of every organization that has one.
    ///
    /// # Errors
    /// If they cannot be read.
    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, BackendError>;

    /// Keeps witnesses' signatures, all or none, durably. Of those of one organization and witness that were made in one
    /// hour only the last one stays.
    ///
    /// # Errors
    /// If they cannot be made durable.
    fn keep_cosignatures(&self, cosignatures: &[StoredCosignature]) -> Result<(), BackendError>;

    /// The witnesses' signatures of an organization that are kept, ascending by size, at most `count_max` of them from
    /// size `from` on.
    ///
    /// # Errors
    /// If they cannot be read.
    fn cosignatures(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCosignature>, BackendError>;

    /// The newest signature of every witness under checkpoints of every organization.
    ///
    /// # Errors
    /// If they cannot be read.
    fn newest_cosignatures(&self) -> Result<Vec<StoredCosignature>, BackendError>;

    /// Removes some of the journal batches that were dropped, about `bytes_max` of them, overwriting what they held.
    /// Whether there is more to remove.
    ///
    /// # Errors
    /// If it fails; it may be called again.
    fn collect(&self, bytes_max: u64) -> Result<bool, BackendError>;

    /// Takes or renews a lease; `None` while somebody else holds it.
    ///
    /// # Errors
    /// If it cannot be read or made durable.
    fn acquire_lease(&self, request: &LeaseRequest) -> Result<Option<Fence>, BackendError>;

    /// Gives a lease back, if it is still held under that fence.
    ///
    /// # Errors
    /// If it cannot be made durable; it expires then.
    fn release_lease(&self, fence: &Fence) -> Result<(), BackendError>;

    /// One directory entry.
    ///
    /// # Errors
    /// If it cannot be read.
    fn directory_entry(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        id: &str,
    ) -> Result<Option<DirectoryEntry>, BackendError>;

    /// All directory entries of a kind, of one organization or (`None`) of everybody, ordered by organization and id.
    ///
    /// # Errors
    /// If they cannot be read.
    fn directory_entries(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<DirectoryEntry>, BackendError>;

    /// What a request with this digest of its key recorded.
    ///
    /// # Errors
    /// If it cannot be read.
    fn find_idempotency(
        &self,
        organization: OrganizationId,
        digest: &[u8; 32],
    ) -> Result<Option<IdempotencyRecord>, BackendError>;

    /// Forgets the idempotency digests recorded before a time, at most `records_max` of them. How many were forgotten.
    ///
    /// # Errors
    /// If it fails; it may be called again.
    fn prune_idempotency(&self, before: Micros, records_max: usize) -> Result<usize, BackendError>;

    /// Forgets the idempotency digests of an organization that were recorded from a time on and whose requests recorded or
    /// repeated an event of these ranges (ascending). What they were is overwritten. How many were forgotten.
    ///
    /// # Errors
    /// If it fails; it may be called again.
    fn forget_idempotency(
        &self,
        organization: OrganizationId,
        seqs: &[Range<u64>],
        from: Micros,
    ) -> Result<usize, BackendError>;

    /// Moves everything that was committed out of the log that is written ahead, and cuts that log, so that what was
    /// overwritten is nowhere any more. Whether that could be done; not while somebody is reading.
    ///
    /// # Errors
    /// If it fails; it may be called again.
    fn cut_log(&self) -> Result<bool, BackendError>;

    /// Bounds what the store keeps beside its data. `idle`: nothing is waiting, so thorough work may block commits for
    /// a moment.
    ///
    /// # Errors
    /// If it fails; it may be called again.
    fn tidy(&self, idle: bool) -> Result<(), BackendError>;

    /// Bytes that the store takes on disk (or in memory).
    ///
    /// # Errors
    /// If it cannot be found out.
    fn bytes_used(&self) -> Result<u64, BackendError>;
}
