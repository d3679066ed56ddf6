//! Leaf hashes of rows in sequence, with the salts of their epochs.

use std::sync::Arc;

use actarium_core::canonical::{Canonicalizer, NotCanonical, leaf_of, leaf_pair_of};
use actarium_core::row::{Micros, RowView};
use actarium_core::salt::{EPOCH_EVENTS, EpochKey, PARTS, SaltSequence, epoch_of};
use actarium_core::tree::{Frontier, Hash, TILE_LEAVES};

use crate::backend::{Backend, BackendError};
use crate::keys::MasterKey;
use crate::organization::OrganizationId;

/// Why leaf hashes cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeafError {
    /// A key cannot be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The key of an epoch is not there or does not open.
    #[error("the key of the events from {} on is missing or does not open with this master key", epoch * EPOCH_EVENTS)]
    Key {
        /// Which epoch.
        epoch: u64,
    },
    /// A row is not one of ours.
    #[error(transparent)]
    Row(#[from] NotCanonical),
}

/// Where the keys of epochs are.
#[derive(Clone)]
pub(crate) struct KeyRing {
    pub backend: Arc<dyn Backend>,
    pub master: Arc<MasterKey>,
}

impl KeyRing {
    /// The key of one epoch.
    pub fn epoch_key(&self, organization: OrganizationId, epoch: u64) -> Result<EpochKey, LeafError> {
        let keys = self.backend.epoch_keys(organization, epoch, epoch)?;
        let key = keys.first().and_then(|key| self.master.unwrap(organization, epoch, &key.wrapped));
        key.ok_or(LeafError::Key { epoch })
    }
}

/// Makes the leaf hashes of consecutive rows of one organization and appends them to its tree.
#[derive(Clone)]
pub(crate) struct TreeBuilder {
    salts: Option<SaltSequence>,
    frontier: Frontier,
    /// When an event was recorded and the hashes of its parts; it waits for the next one, because two leaves are made
    /// in less time than one after the other.
    waiting: Option<(Micros, [Hash; PARTS])>,
    /// Hashes of the 256-aligned subtrees of which every event went through here, ascending.
    tiles: Vec<Hash>,
    /// Sequence number of the first event that goes through here.
    first_seq: u64,
}

impl TreeBuilder {
    /// Goes on from a frontier.
    pub fn new(frontier: Frontier) -> Self {
        Self { first_seq: frontier.size(), salts: None, frontier, waiting: None, tiles: Vec::new() }
    }

    /// Events so far.
    #[inline]
    pub fn size(&self) -> u64 {
        self.frontier.size() + u64::from(self.waiting.is_some())
    }

    /// Appends the next row. `key` is asked for the key of an epoch that has not been used yet.
    #[inline]
    pub fn push(
        &mut self,
        canonicalizer: &mut Canonicalizer,
        row: &RowView<'_>,
        recorded_at: Micros,
        key: &mut dyn FnMut(u64) -> Result<EpochKey, LeafError>,
    ) -> Result<(), LeafError> {
        let seq = self.size();
        let salts = match self.salts.as_mut().and_then(SaltSequence::next_salts) {
            Some(salts) => salts,
            None => {
                let sequence = self.salts.insert(SaltSequence::new(&key(epoch_of(seq))?, seq));
                sequence.next_salts().expect("an epoch has the event it was opened at")
            }
        };
        let hashes = canonicalizer.part_hashes(row, recorded_at, &salts)?;
        match self.waiting.take() {
            None => self.waiting = Some((recorded_at, hashes)),
            Some((before, hashes_before)) => {
                let leaves = leaf_pair_of([before, recorded_at], [&hashes_before, &hashes]);
                leaves.into_iter().for_each(|leaf| self.push_leaf(leaf));
            }
        }
        Ok(())
    }

    fn push_leaf(&mut self, leaf: Hash) {
        if let Some(tile) = self.frontier.push_tiled(leaf)
            && self.frontier.size() >= self.first_seq + TILE_LEAVES
        {
            self.tiles.push(tile);
        }
    }

    /// The tree so far.
    pub fn frontier(&mut self) -> &Frontier {
        if let Some((recorded_at, hashes)) = self.waiting.take() {
            self.push_leaf(leaf_of(recorded_at, &hashes));
        }
        &self.frontier
    }

    /// The tiles completed since they were last taken.
    pub fn take_tiles(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.tiles)
    }
}
