//! The tree of a log by its tiles: leaves made from bodies, 256 at a time; what is above them read from where sealing
//! stored it, and made where it is not there. Changes nothing but what is in memory.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use actarium_core::canonical::entry;
use actarium_core::tlog::{Node, Nodes};
use actarium_core::tree::{Hash, TILE_LEAVES, leaf_hash, root};

use super::disclosed::EntryBytes;
use super::entries;
use super::loading::segment_unread;
use super::log::Log;
use super::shared::Shared;
use super::snapshot::{ReadError, Snapshot};
use crate::backend::StoredTile;
use crate::organization::OrganizationId;

/// Bundles of 256 entries that are kept in memory.
const BUNDLES_KEPT: usize = 1_024;
/// Tiles that one reader keeps.
const TILES_KEPT: usize = 256;
/// Binary levels from one level of tiles to the next.
const TILE_HEIGHT: u8 = 8;
/// Levels of tiles above the leaves that a log of 2^40 events can have.
pub(super) const LEVELS_MAX: u8 = 5;

/// Full bundles of entries, the least recently used of which go first.
pub(crate) type Bundles = quick_cache::sync::Cache<(OrganizationId, u64), Arc<Vec<EntryBytes>>>;

/// An empty cache of bundles.
pub(crate) fn bundles() -> Bundles {
    Bundles::new(BUNDLES_KEPT)
}

/// Reads the tree of the first `size` events of a log.
pub(crate) struct TreeReader<'s> {
    shared: &'s Shared,
    log: &'s Log,
    size: u64,
    snapshot: OnceCell<Snapshot>,
    tiles: HashMap<(u8, u64), Arc<Vec<Hash>>>,
    /// Subtree hashes of the segment that was last asked for them, by its first event.
    subtrees: Option<(u64, Vec<Hash>)>,
}

impl<'s> TreeReader<'s> {
    /// A reader of the tree of `size` events, all of which are there.
    pub fn new(shared: &'s Shared, log: &'s Log, size: u64) -> Self {
        Self { shared, log, size, snapshot: OnceCell::new(), tiles: HashMap::new(), subtrees: None }
    }

    /// The events themselves, looked up when they are first needed.
    pub fn snapshot(&self) -> Result<&Snapshot, ReadError> {
        if let Some(snapshot) = self.snapshot.get() {
            return Ok(snapshot);
        }
        let snapshot = self.shared.present(self.log)?;
        Ok(self.snapshot.get_or_init(|| snapshot))
    }

    /// Hashes that a level of tiles has complete.
    fn complete(&self, level: u8) -> u64 {
        self.size >> (u32::from(level) * u32::from(TILE_HEIGHT))
    }

    /// The entries of a bundle, as many as there are.
    pub fn entries(&self, bundle: u64) -> Result<Arc<Vec<EntryBytes>>, ReadError> {
        let key = (self.log.organization.id, bundle);
        if let Some(entries) = self.shared.bundles.get(&key) {
            return Ok(entries);
        }
        let first = bundle * TILE_LEAVES;
        let end = (first + TILE_LEAVES).min(self.size);
        let read = entries::read(self.shared, self.log, first..end.max(first))?;
        let entries: Vec<EntryBytes> = read.iter().map(|of| entry(of.recorded_at, &of.commit)).collect();
        let entries = Arc::new(entries);
        if entries.len() as u64 == TILE_LEAVES {
            self.shared.bundles.insert(key, entries.clone());
        }
        Ok(entries)
    }

    /// The hashes of a tile, as many as are complete.
    pub fn tile(&mut self, level: u8, index: u64) -> Result<Arc<Vec<Hash>>, ReadError> {
        if let Some(hashes) = self.tiles.get(&(level, index)) {
            return Ok(hashes.clone());
        }
        let first = index * TILE_LEAVES;
        let width = (self.complete(level).saturating_sub(first)).min(TILE_LEAVES) as usize;
        let hashes = if level == 0 {
            self.entries(index)?.iter().take(width).map(|entry| leaf_hash(entry)).collect()
        } else {
            let mut hashes = self.stored(level, index)?;
            hashes.truncate(width);
            while hashes.len() < width {
                let below = first + hashes.len() as u64;
                let hash = match level {
                    1 => self.block_root(below)?,
                    _ => root(&self.tile(level - 1, below)?),
                };
                hashes.push(hash);
            }
            hashes
        };
        if self.tiles.len() >= TILES_KEPT {
            self.tiles.clear();
        }
        let hashes = Arc::new(hashes);
        self.tiles.insert((level, index), hashes.clone());
        Ok(hashes)
    }

    fn stored(&self, level: u8, index: u64) -> Result<Vec<Hash>, ReadError> {
        let bytes = self.shared.backend.tile(self.log.organization.id, level, index);
        let bytes = bytes.map_err(|error| self.shared.read_error(self.log, &error))?;
        Ok(bytes.as_chunks::<32>().0.to_vec())
    }

    /// The root over 256 events, from wherever it costs least.
    fn block_root(&mut self, block: u64) -> Result<Hash, ReadError> {
        let (first, end) = (block * TILE_LEAVES, (block + 1) * TILE_LEAVES);
        if let Some([known]) = self.log.state.lock().tiles.within(first, end).as_deref() {
            return Ok(*known);
        }
        if let Some(kept) = self.root_in_segment(block)? {
            return Ok(kept);
        }
        let leaves: Vec<Hash> = self.entries(block)?.iter().map(|entry| leaf_hash(entry)).collect();
        Ok(root(&leaves))
    }

    /// The root over 256 events that lie in one segment, which keeps it.
    fn root_in_segment(&mut self, block: u64) -> Result<Option<Hash>, ReadError> {
        let (first, end) = (block * TILE_LEAVES, (block + 1) * TILE_LEAVES);
        let segments = self.snapshot()?.segments.clone();
        let at = segments.partition_point(|segment| segment.end_seq() < end);
        let Some(segment) = segments.get(at).filter(|segment| segment.summary().first_seq <= first) else {
            return Ok(None);
        };
        let segment_first = segment.summary().first_seq;
        if self.subtrees.as_ref().is_none_or(|(of, _)| *of != segment_first) {
            let hashes = segment.subtree_hashes();
            let hashes = hashes.map_err(|error| segment_unread(&self.log.organization, &error))?;
            self.subtrees = Some((segment_first, hashes));
        }
        let kept = self.subtrees.as_ref().map_or(&[][..], |(_, hashes)| hashes);
        Ok(kept.get((block - segment_first.div_ceil(TILE_LEAVES)) as usize).copied())
    }
}

impl Nodes for TreeReader<'_> {
    type Error = ReadError;

    fn nodes(&mut self, wanted: &[Node]) -> Result<Vec<Hash>, ReadError> {
        let mut found = Vec::with_capacity(wanted.len());
        for node in wanted {
            let (level, up) = (node.level / TILE_HEIGHT, node.level % TILE_HEIGHT);
            let first = node.index << up;
            let tile = self.tile(level, first / TILE_LEAVES)?;
            let within = (first % TILE_LEAVES) as usize;
            let below = tile.get(within..within + (1 << up)).ok_or_else(|| ReadError::Damaged {
                organization: self.log.organization.slug.clone(),
                detail: format!("the tree has no node {} of level {}", node.index, node.level),
            })?;
            found.push(root(below));
        }
        Ok(found)
    }
}

/// The tiles that sealed events make new or longer: `completed` are the roots over 256 events each from number `first`
/// on. What an older version did not store is made up for.
pub(crate) fn stored_tiles(
    shared: &Shared,
    log: &Log,
    first: u64,
    completed: &[Hash],
) -> Result<Vec<StoredTile>, ReadError> {
    let mut reader = TreeReader::new(shared, log, (first + completed.len() as u64) * TILE_LEAVES);
    let count = |level| {
        let stored = shared.backend.tile_hashes_stored(log.organization.id, level);
        stored.map_err(|error| shared.read_error(log, &error))
    };
    let mut tiles = Vec::new();
    let mut begin = count(1)?;
    let mut hashes = Vec::new();
    for block in begin..first {
        hashes.push(reader.block_root(block)?);
    }
    hashes.extend(completed.iter().skip(begin.saturating_sub(first) as usize));
    for level in 1..=LEVELS_MAX {
        if hashes.is_empty() {
            break;
        }
        let mut above = Vec::new();
        let begin_above = count(level + 1)?;
        for index in begin / TILE_LEAVES..(begin + hashes.len() as u64).div_ceil(TILE_LEAVES) {
            let mut tile = if index * TILE_LEAVES < begin { reader.stored(level, index)? } else { Vec::new() };
            let from = index * TILE_LEAVES + tile.len() as u64 - begin;
            let wanted = TILE_LEAVES as usize - tile.len();
            tile.extend(hashes.iter().skip(from as usize).take(wanted));
            if tile.len() as u64 == TILE_LEAVES && index >= begin_above {
                above.push(root(&tile));
            }
            tiles.push(StoredTile { level, index, hashes: tile.concat() });
        }
        (begin, hashes) = (begin_above, above);
    }
    Ok(tiles)
}
