//! Leaf hashes of rows in sequence, with the salts of their epochs.

use std::sync::Arc;

use actarium_core::canonical::{Canonicalizer, NotCanonical, entry, leaf_of, leaf_pair_of};
use actarium_core::key_tree::KeyTree;
use actarium_core::row::{Micros, RowView};
use actarium_core::salt::{EPOCH_EVENTS, PARTS, Salt, SaltSequence, epoch_of};
use actarium_core::tree::{Frontier, Hash, TILE_LEAVES, leaf_hash};

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
    /// A salt was destroyed, so that what it was for cannot be hashed again.
    #[error("the salts of event {seq} were destroyed")]
    Destroyed {
        /// Which event.
        seq: u64,
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
    pub fn epoch_key(&self, organization: OrganizationId, epoch: u64) -> Result<KeyTree, LeafError> {
        let keys = self.backend.epoch_keys(organization, epoch, epoch)?;
        let key = keys.first().and_then(|key| self.master.unwrap(organization, epoch, &key.wrapped));
        key.ok_or(LeafError::Key { epoch })
    }
}

/// The salts of one event.
#[derive(Clone, Copy)]
pub(crate) struct EventSalts {
    salts: [Salt; PARTS],
    /// Whether each is left; those that are not are zeros here.
    left: [bool; PARTS],
}

impl EventSalts {
    /// Each salt that is left.
    pub fn left(&self) -> [Option<Salt>; PARTS] {
        std::array::from_fn(|part| self.left[part].then_some(self.salts[part]))
    }

    /// The hashes of the parts of the event, which must have lost those parts whose salts are gone.
    #[inline]
    pub fn part_hashes(
        &self,
        canonicalizer: &mut Canonicalizer,
        seq: u64,
        recorded_at: Micros,
        row: &RowView<'_>,
    ) -> Result<[Hash; PARTS], LeafError> {
        if !self.left.iter().zip(&row.erased).all(|(left, erased)| *left || erased.is_some()) {
            return Err(LeafError::Destroyed { seq });
        }
        Ok(canonicalizer.part_hashes(row, recorded_at, &self.salts)?)
    }
}

/// The salts of consecutive events of one epoch.
#[derive(Clone)]
pub(crate) enum EpochSalts {
    /// Nothing of the epoch's key was destroyed, so each costs little.
    Whole(Box<SaltSequence>),
    /// Some were; each is derived by itself.
    Rest { tree: KeyTree, next: u64, end: u64 },
}

impl EpochSalts {
    /// Begins at the event `seq`.
    pub fn new(tree: KeyTree, seq: u64) -> Self {
        match tree.as_whole() {
            Some(key) => Self::Whole(Box::new(SaltSequence::new(&key, seq))),
            None => Self::Rest { tree, next: seq, end: (epoch_of(seq) + 1) * EPOCH_EVENTS },
        }
    }

    /// The salts of the next event; `None` after the last one of the epoch.
    #[inline]
    pub fn next_salts(&mut self) -> Option<EventSalts> {
        match self {
            Self::Whole(sequence) => sequence.next_salts().map(|salts| EventSalts { salts, left: [true; PARTS] }),
            Self::Rest { next, end, .. } if next == end => None,
            Self::Rest { tree, next, .. } => {
                let seq = *next;
                *next += 1;
                let salts = tree.salts(seq);
                let left = salts.each_ref().map(Option::is_some);
                Some(EventSalts { salts: salts.map(Option::unwrap_or_default), left })
            }
        }
    }
}

/// Makes the leaf hashes of consecutive rows of one organization and appends them to its tree.
#[derive(Clone)]
pub(crate) struct TreeBuilder {
    salts: Option<EpochSalts>,
    frontier: Frontier,
    /// When an event was recorded and the hashes of its parts; it waits for the next one, because two leaves are made
    /// in less time than one after the other.
    waiting: Option<(Micros, [Hash; PARTS])>,
    /// Hashes of the 256-aligned subtrees of which every event went through here, ascending.
    tiles: Vec<Hash>,
    /// Hash of the 256-aligned subtree that began before the first event and was completed here.
    boundary: Option<Hash>,
    /// Sequence number of the first event that goes through here.
    first_seq: u64,
}

impl TreeBuilder {
    /// Goes on from a frontier.
    pub fn new(frontier: Frontier) -> Self {
        Self { first_seq: frontier.size(), salts: None, frontier, waiting: None, tiles: Vec::new(), boundary: None }
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
        key: &mut dyn FnMut(u64) -> Result<KeyTree, LeafError>,
    ) -> Result<(), LeafError> {
        let hashes = self.part_hashes(canonicalizer, row, recorded_at, key)?;
        self.push_hashes(recorded_at, hashes);
        Ok(())
    }

    /// The hashes of the parts of the next row, which has to be pushed next.
    pub fn part_hashes(
        &mut self,
        canonicalizer: &mut Canonicalizer,
        row: &RowView<'_>,
        recorded_at: Micros,
        key: &mut dyn FnMut(u64) -> Result<KeyTree, LeafError>,
    ) -> Result<[Hash; PARTS], LeafError> {
        let seq = self.size();
        let salts = match self.salts.as_mut().and_then(EpochSalts::next_salts) {
            Some(salts) => salts,
            None => {
                let sequence = self.salts.insert(EpochSalts::new(key(epoch_of(seq))?, seq));
                sequence.next_salts().expect("an epoch has the event it was opened at")
            }
        };
        salts.part_hashes(canonicalizer, seq, recorded_at, row)
    }

    /// Appends the next row by the hashes of its parts.
    #[inline]
    pub fn push_hashes(&mut self, recorded_at: Micros, hashes: [Hash; PARTS]) {
        match self.waiting.take() {
            None => self.waiting = Some((recorded_at, hashes)),
            Some((before, hashes_before)) => {
                let leaves = leaf_pair_of([before, recorded_at], [&hashes_before, &hashes]);
                leaves.into_iter().for_each(|leaf| self.push_leaf(leaf));
            }
        }
    }

    /// Appends an event of which only the commit is left.
    pub fn push_commit(&mut self, recorded_at: Micros, commit: &Hash) {
        self.frontier();
        self.salts = None;
        self.push_leaf(leaf_hash(&entry(recorded_at, commit)));
    }

    fn push_leaf(&mut self, leaf: Hash) {
        match self.frontier.push_tiled(leaf) {
            Some(tile) if self.frontier.size() >= self.first_seq + TILE_LEAVES => self.tiles.push(tile),
            Some(tile) => self.boundary = Some(tile),
            None => {}
        }
    }

    /// The tree so far.
    pub fn frontier(&mut self) -> &Frontier {
        if let Some((recorded_at, hashes)) = self.waiting.take() {
            self.push_leaf(leaf_of(recorded_at, &hashes));
        }
        &self.frontier
    }

    /// The hash of the subtree of 256 leaves that began before the first event, if it has been completed.
    pub fn boundary(&self) -> Option<Hash> {
        self.boundary
    }

    /// The tiles completed since they were last taken.
    pub fn take_tiles(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.tiles)
    }
}
