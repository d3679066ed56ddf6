//! What the engine gives to prove its logs: heads, proofs, tiles, entries, checkpoints, events with their salts. All of
//! it blocks, unless said otherwise. Nothing here decides who may ask.

use std::ops::Range;
use std::sync::Arc;

use actarium_core::tlog::{
    Node, Nodes, TILE_WIDTH, TileAddress, TileKind, VerifierKey, consistency_proof, encode_bundle, inclusion_proof,
    root_at,
};
use actarium_core::tree::Hash;

use super::Engine;
use super::checkpoints::{Published, publish};
use super::disclosed::Disclosed;
use super::log::Log;
use super::snapshot::{ReadError, Snapshot};
use super::tiles::TreeReader;
use crate::backend::StoredCheckpoint;
use crate::organization::OrganizationId;

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// Number of events.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log has fewer events, or nothing can be proved of these sizes.
    #[error("{0}")]
    Sizes(String),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Engine {
    pub(super) fn evident_log(&self, organization: OrganizationId) -> Result<Arc<Log>, ReadError> {
        self.shared.log(organization).ok_or(ReadError::UnknownOrganization)
    }

    /// Where the log ends. Does not block.
    ///
    /// # Errors
    /// If there is no such organization.
    pub fn head(&self, organization: OrganizationId) -> Result<LogHead, ReadError> {
        let head = self.evident_log(organization)?.state.lock().head;
        Ok(LogHead { size: head.size, root: head.root })
    }

    fn reader_of<T>(
        &self,
        organization: OrganizationId,
        size: u64,
        read: impl FnOnce(&mut TreeReader<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ProofError> {
        let log = self.evident_log(organization)?;
        let head = log.state.lock().head;
        if size > head.size {
            return Err(ProofError::Sizes(format!("the log has {} events, not {size}", head.size)));
        }
        Ok(read(&mut TreeReader::new(&self.shared, &log, head.size))?)
    }

    /// The root of the tree of the first `size` events.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub fn root_at(&self, organization: OrganizationId, size: u64) -> Result<Hash, ProofError> {
        self.reader_of(organization, size, |reader| root_at(reader, size))
    }

    /// The proof that the tree of the first `size` events has an event.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub fn inclusion_proof(&self, organization: OrganizationId, seq: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
        if seq >= size {
            return Err(ProofError::Sizes(format!("event {seq} is not one of the first {size}")));
        }
        self.reader_of(organization, size, |reader| inclusion_proof(reader, seq, size))
    }

    /// The proof that the tree of `new` events begins with the tree of `old` events.
    ///
    /// # Errors
    /// See [`ProofError`]; nothing is proved from size 0.
    pub fn consistency_proof(&self, organization: OrganizationId, old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
        if old == 0 || old > new {
            return Err(ProofError::Sizes(format!("nothing is proved from size {old} to size {new}")));
        }
        self.reader_of(organization, new, |reader| consistency_proof(reader, old, new))
    }

    /// The hashes of complete subtrees.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub fn tree_nodes(&self, organization: OrganizationId, nodes: &[Node]) -> Result<Vec<Hash>, ProofError> {
        let size = nodes.iter().map(|node| node.range().end).max().unwrap_or(0);
        self.reader_of(organization, size, |reader| reader.nodes(nodes))
    }

    /// The bytes of a tile or bundle; `None` if the log has not as much of it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn tile(&self, organization: OrganizationId, address: &TileAddress) -> Result<Option<Vec<u8>>, ReadError> {
        let log = self.evident_log(organization)?;
        let size = log.state.lock().head.size;
        if !address.is_within(size) || address.width > TILE_WIDTH {
            return Ok(None);
        }
        let mut reader = TreeReader::new(&self.shared, &log, size);
        let width = address.width as usize;
        match address.kind {
            TileKind::Hashes(level) => Ok(reader.tile(level, address.index)?.get(..width).map(<[Hash]>::concat)),
            TileKind::Entries => {
                let entries = reader.entries(address.index)?;
                let bundle = entries.get(..width).map(|entries| encode_bundle(entries.iter().map(|entry| &entry[..])));
                Ok(bundle.map(|bundle| bundle.expect("an entry has 41 bytes")))
            }
        }
    }

    /// Calls `f` with each event of a range, in order, and with what proves it. The snapshot is of the same organization.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn for_each_disclosed(
        &self,
        snapshot: &Snapshot,
        seqs: Range<u64>,
        f: &mut dyn FnMut(&Disclosed<'_>),
    ) -> Result<(), ReadError> {
        let log = self.evident_log(snapshot.organization.id)?;
        self.shared.for_each_disclosed(&log, snapshot, seqs, f)
    }

    /// The key that verifies the checkpoints of an organization's log. Does not block.
    pub fn verifier_key(&self, organization: OrganizationId) -> VerifierKey {
        self.signer.verifier_key(organization, self.generation(organization))
    }

    /// The checkpoint that was published last; `None` before the first. Does not block.
    pub fn published(&self, organization: OrganizationId) -> Option<Arc<Published>> {
        self.shared.log(organization).and_then(|log| log.published.lock().clone())
    }

    /// The organizations, by slug, of whose logs no checkpoint was kept at the start although there should have been one, with
    /// what tells so.
    pub fn missed_checkpoints(&self) -> Vec<(String, String)> {
        let logs = self.shared.all_logs().into_iter();
        logs.filter_map(|log| Some((log.organization.slug.clone(), log.missed.get()?.clone()))).collect()
    }

    /// A signed checkpoint of a head that was acknowledged as durable. All that ask for one head share one signature.
    /// Does not block.
    ///
    /// # Errors
    /// If the log is damaged: nothing more is signed of it.
    pub fn sign_checkpoint(&self, organization: OrganizationId, head: LogHead) -> Result<Arc<str>, ReadError> {
        let log = self.evident_log(organization)?;
        if let Some(detail) = &log.state.lock().damaged {
            let organization = log.organization.slug.clone();
            return Err(ReadError::Damaged { organization, detail: detail.clone() });
        }
        let mut signed = log.signed.lock();
        if let Some((of, note)) = &*signed
            && *of == head
        {
            return Ok(note.clone());
        }
        let note: Arc<str> = self.signer.sign(&log, head.size, head.root).into();
        *signed = Some((head, note.clone()));
        Ok(note)
    }

    /// Publishes a checkpoint of every log that has grown, as happens by itself. How many.
    ///
    /// # Errors
    /// If they cannot be made durable.
    pub fn publish_checkpoints(&self) -> Result<usize, ReadError> {
        publish(&self.shared, &self.signer).map_err(|error| ReadError::Unavailable { detail: error.to_string() })
    }

    /// The checkpoints of an organization that are kept, ascending, at most `count_max` of them from size `from` on.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn kept_checkpoints(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCheckpoint>, ReadError> {
        let log = self.evident_log(organization)?;
        let kept = self.shared.backend.checkpoints(organization, from, count_max);
        kept.map_err(|error| self.shared.read_error(&log, &error))
    }
}
