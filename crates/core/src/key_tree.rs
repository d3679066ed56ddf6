//! What is left of the key of an epoch: all of it, or the keys beside the paths to the salts that were destroyed.
//!
//! To remove a part of an event for good, every key from which its salt could be derived has to go, and the others have
//! to stay: of each path the siblings are kept. What is left is a set of subtrees that do not overlap. This file derives and
//! removes; it neither makes, wraps nor stores keys. The bytes of what was removed are overwritten here, as far as memory
//! of this program goes.

use crate::hash::Hash;
use crate::salt::{DEPTH, EPOCH_EVENTS, EpochKey, LEAVES, PARTS, Salt, child, descend, leaf_index};
use std::fmt;
use std::ops::Range;

/// Bytes of a node in the encoding: depth, path, key.
const NODE_BYTES: usize = 1 + 4 + 32;

/// The key of one subtree.
#[derive(Clone, PartialEq, Eq)]
struct Node {
    /// Levels below the epoch's key.
    depth: u8,
    /// The bits that lead to it, the first the most significant of `depth` bits.
    path: u32,
    key: Hash,
}

impl Node {
    fn leaves(&self) -> Range<u32> {
        let height = DEPTH - u32::from(self.depth);
        self.path << height..(self.path + 1) << height
    }

    fn children(&self) -> [Node; 2] {
        [0, 1].map(|bit| Node {
            depth: self.depth + 1,
            path: self.path << 1 | u32::from(bit),
            key: child(&self.key, bit),
        })
    }
}

/// The keys of an epoch's salts that have not been destroyed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyTree {
    /// Ascending by leaves.
    nodes: Vec<Node>,
}

impl fmt::Debug for KeyTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyTree").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// The leaves of all parts of the events of a range that lie in one epoch.
///
/// # Panics
/// If the events are of several epochs.
pub fn leaves_of_events(seqs: Range<u64>) -> Range<u32> {
    assert!(seqs.is_empty() || (seqs.end - 1) / EPOCH_EVENTS == seqs.start / EPOCH_EVENTS, "events of one epoch");
    let start = leaf_index(seqs.start, 0);
    start..start + (seqs.end.saturating_sub(seqs.start)) as u32 * PARTS as u32
}

impl KeyTree {
    /// All salts of an epoch.
    pub fn whole(key: &EpochKey) -> Self {
        Self { nodes: vec![Node { depth: 0, path: 0, key: key.0 }] }
    }

    /// The key, if nothing was destroyed.
    pub fn as_whole(&self) -> Option<EpochKey> {
        match self.nodes.as_slice() {
            [node] if node.depth == 0 => Some(EpochKey(node.key)),
            _ => None,
        }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Destroys the salts of a range of leaves ([`leaf_index`]).
    pub fn destroy(&mut self, leaves: Range<u32>) {
        self.destroy_each(&[leaves]);
    }

    /// Destroys the salts of several ranges of leaves, which ascend and do not overlap.
    ///
    /// # Panics
    /// If they do not, or an epoch has no such leaves.
    pub fn destroy_each(&mut self, ranges: &[Range<u32>]) {
        assert!(ranges.is_sorted_by(|before, after| before.end <= after.start), "ranges ascend");
        assert!(ranges.last().is_none_or(|last| last.end <= LEAVES), "an epoch has {LEAVES} leaves");
        let mut kept = Vec::with_capacity(self.nodes.len() + 2 * DEPTH as usize);
        let mut waiting: Vec<Node> = self.nodes.drain(..).rev().collect();
        while let Some(mut node) = waiting.pop() {
            let own = node.leaves();
            let first = ranges.partition_point(|range| range.end <= own.start);
            let Some(leaves) = ranges.get(first).filter(|range| !range.is_empty() && range.start < own.end) else {
                kept.push(node);
                continue;
            };
            if leaves.start > own.start || leaves.end < own.end {
                let [left, right] = node.children();
                waiting.push(right);
                waiting.push(left);
            }
            node.key.fill(0);
        }
        self.nodes = kept;
    }

    /// The salt of a part of an event of the epoch; `None` if it was destroyed.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn salt(&self, seq: u64, part: usize) -> Option<Salt> {
        let leaf = leaf_index(seq, part);
        let at = self.nodes.partition_point(|node| node.leaves().end <= leaf);
        let node = self.nodes.get(at).filter(|node| node.leaves().contains(&leaf))?;
        let depth = DEPTH - u32::from(node.depth);
        let key = descend(&node.key, leaf & ((1 << depth) - 1), depth);
        let mut salt = [0; 16];
        salt.copy_from_slice(&key[..16]);
        Some(salt)
    }

    /// The salts of the four parts of an event, as far as they are left.
    pub fn salts(&self, seq: u64) -> [Option<Salt>; PARTS] {
        std::array::from_fn(|part| self.salt(seq, part))
    }

    /// The bytes to be wrapped: the key itself if nothing was destroyed, else depth, path (little-endian) and key of each
    /// subtree.
    pub fn to_bytes(&self) -> Vec<u8> {
        if let Some(key) = self.as_whole() {
            return key.0.to_vec();
        }
        let node = |node: &Node| [&[node.depth][..], &node.path.to_le_bytes(), &node.key].concat();
        self.nodes.iter().flat_map(node).collect()
    }

    /// Takes back the bytes; `None` if they are none of ours.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if let Ok(key) = bytes.try_into() {
            return Some(Self::whole(&EpochKey(key)));
        }
        let (chunks, rest) = bytes.as_chunks::<NODE_BYTES>();
        if !rest.is_empty() {
            return None;
        }
        let mut end = 0;
        let mut nodes = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let (depth, path) = (chunk[0], u32::from_le_bytes([chunk[1], chunk[2], chunk[3], chunk[4]]));
            if u32::from(depth) > DEPTH || path >> depth != 0 {
                return None;
            }
            let mut key = [0; 32];
            key.copy_from_slice(&chunk[5..]);
            let node = Node { depth, path, key };
            if node.leaves().start < end {
                return None;
            }
            end = node.leaves().end;
            nodes.push(node);
        }
        Some(Self { nodes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: EpochKey = EpochKey([7; 32]);

    #[test]
    fn a_whole_tree_gives_the_salts_of_its_key_and_has_its_bytes() {
        let tree = KeyTree::whole(&KEY);
        for seq in [0, 1, 40_000, EPOCH_EVENTS - 1, EPOCH_EVENTS] {
            assert_eq!(tree.salts(seq), KEY.salts(seq).map(Some), "{seq}");
        }
        assert_eq!(tree.to_bytes(), KEY.0);
        assert_eq!(KeyTree::from_bytes(&KEY.0), Some(tree));
        assert_eq!(KeyTree::from_bytes(&[1; 36]), None);
    }

    #[test]
    fn one_part_costs_its_path_and_neighbours_less() {
        let mut tree = KeyTree::whole(&KEY);
        tree.destroy(leaf_index(1_000, 2)..leaf_index(1_000, 2) + 1);
        assert_eq!(tree.to_bytes().len(), DEPTH as usize * NODE_BYTES);
        assert_eq!(tree.salts(1_000).map(|salt| salt.is_some()), [true, true, false, true]);
        tree.destroy(leaves_of_events(0..32_768));
        assert_eq!(tree.nodes.len(), 1);
        tree.destroy(0..LEAVES);
        assert!(tree.is_empty());
        assert_eq!(KeyTree::from_bytes(&tree.to_bytes()), Some(tree));
    }

    proptest! {
        #[test]
        fn what_was_destroyed_is_gone_and_all_else_is_as_before(ranges in prop::collection::vec((0..LEAVES, 1..5_000u32), 1..6), looked in prop::collection::vec(0..EPOCH_EVENTS, 40)) {
            let mut tree = KeyTree::whole(&KEY);
            let ranges: Vec<_> = ranges.into_iter().map(|(start, length)| start..(start + length).min(LEAVES)).collect();
            for range in &ranges {
                tree.destroy(range.clone());
            }
            let again = KeyTree::from_bytes(&tree.to_bytes()).unwrap();
            prop_assert_eq!(&again, &tree);
            let edges = ranges.iter().flat_map(|range| [range.start, range.end.saturating_sub(1), range.end.min(LEAVES - 1)]);
            for leaf in looked.iter().map(|seq| leaf_index(*seq, 1)).chain(edges) {
                let (seq, part) = (u64::from(leaf) / 4, leaf as usize % 4);
                let gone = ranges.iter().any(|range| range.contains(&leaf));
                prop_assert_eq!(again.salt(seq, part), (!gone).then(|| KEY.salt(seq, part)), "{}", leaf);
            }
            // No key that is left is an ancestor of what is gone.
            for node in &again.nodes {
                prop_assert!(ranges.iter().all(|range| range.end <= node.leaves().start || node.leaves().end <= range.start));
            }
        }
    }
}
