//! The Merkle tree of a log as RFC 6962 (section 2.1) defines it, appended to through its frontier.
//!
//! Only hashes: what a leaf means, and where hashes are kept, is decided elsewhere.

use crate::hash::{sha256, sha256_one_block, sha256_one_block_pair};

pub use crate::hash::Hash;

/// Leaves of one full tile, and so of one subtree whose root is kept with a segment.
pub const TILE_LEAVES: u64 = 256;
/// Level of a tile's root above the leaves.
const TILE_LEVEL: u32 = 8;
/// Version of [`Frontier::to_bytes`].
const FRONTIER_VERSION: u8 = 1;

/// The hash of a leaf: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// [`leaf_hash`] of an entry of 41 bytes.
#[inline]
pub(crate) fn leaf_hash_41(entry: &[u8; 41]) -> Hash {
    sha256_one_block(&leaf_message(entry))
}

/// [`leaf_hash_41`] of two entries.
#[inline]
pub(crate) fn leaf_hash_41_pair(entries: [&[u8; 41]; 2]) -> [Hash; 2] {
    let [first, second] = entries.map(leaf_message);
    sha256_one_block_pair([&first, &second])
}

#[inline]
fn leaf_message(entry: &[u8; 41]) -> [u8; 42] {
    let mut message = [0; 42];
    message[1..].copy_from_slice(entry);
    message
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[inline]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut message = [1; 65];
    message[1..33].copy_from_slice(left);
    message[33..].copy_from_slice(right);
    sha256(&[&message])
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root over these leaf hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The roots of the complete subtrees that the leaves of a log form, from the largest (leftmost) to the smallest: all
/// that is needed to append and to compute the root. One peak per set bit of the size.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// Bytes that are not a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the frontier of a tree: {0}")]
pub struct FrontierDamaged(&'static str);

impl Frontier {
    /// The frontier of the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frontier of a tree of `size` leaves with these peaks, largest first.
    ///
    /// # Errors
    /// If the number of peaks is not the number of set bits of the size.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Result<Self, FrontierDamaged> {
        if peaks.len() != size.count_ones() as usize {
            return Err(FrontierDamaged("the number of peaks does not fit the size"));
        }
        Ok(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_observed(leaf, &mut |_| {});
    }

    /// Appends a leaf hash, and gives the root of the 256-aligned subtree of 256 leaves that it completes, if it does
    /// (the tile's hash at level 8).
    pub fn push_tiled(&mut self, leaf: Hash) -> Option<Hash> {
        let mut completed = None;
        self.push_observed(leaf, &mut |tile| completed = Some(tile));
        completed
    }

    fn push_observed(&mut self, leaf: Hash, completed_tile: &mut dyn FnMut(Hash)) {
        let mut node = leaf;
        // Each trailing one bit of the size is a peak as large as what has been built so far.
        for level in 1..=self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a peak for each set bit of the size");
            node = node_hash(&left, &node);
            if level == TILE_LEVEL {
                completed_tile(node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Appends the root of the next 256 leaves.
    ///
    /// # Errors
    /// If the size is not a multiple of 256.
    pub fn push_tile(&mut self, tile: Hash) -> Result<(), FrontierDamaged> {
        self.push_subtree(TILE_LEVEL as u8, tile)
    }

    /// Appends the root of the next complete subtree, `level` binary levels above the leaves.
    ///
    /// # Errors
    /// If no subtree of that level can begin at the size.
    pub fn push_subtree(&mut self, level: u8, subtree: Hash) -> Result<(), FrontierDamaged> {
        let leaves = 1u64.checked_shl(u32::from(level)).ok_or(FrontierDamaged("a subtree is higher than any tree"))?;
        if !self.size.is_multiple_of(leaves) {
            return Err(FrontierDamaged("a subtree begins at a multiple of its leaves"));
        }
        let size = self.size.checked_add(leaves).ok_or(FrontierDamaged("a tree has fewer than 2^64 leaves"))?;
        let mut node = subtree;
        for _ in 0..(self.size >> level).trailing_ones() {
            let left = self.peaks.pop().expect("a peak for each set bit of the size");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.size = size;
        Ok(())
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(smallest) => peaks.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }

    /// The byte form: version 1, the size as big-endian `u64`, then the peaks, largest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 + 32 * self.peaks.len());
        bytes.push(FRONTIER_VERSION);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(self.peaks.as_flattened());
        bytes
    }

    /// Takes back what [`Frontier::to_bytes`] made.
    ///
    /// # Errors
    /// If the version is unknown or the length does not fit the size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierDamaged> {
        let (head, peaks) = bytes.split_first_chunk::<9>().ok_or(FrontierDamaged("too short"))?;
        if head[0] != FRONTIER_VERSION {
            return Err(FrontierDamaged("unknown version"));
        }
        let size = u64::from_be_bytes([head[1], head[2], head[3], head[4], head[5], head[6], head[7], head[8]]);
        let (peaks, rest) = peaks.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(FrontierDamaged("cut within a hash"));
        }
        Self::from_peaks(size, peaks.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// MTH of RFC 6962, section 2.1, as it is written there.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                sha256(&[&[1], &naive_root(&leaves[..split]), &naive_root(&leaves[split..])])
            }
        }
    }

    /// The inputs and roots that implementations of RFC 6962 commonly share as test vectors.
    #[test]
    fn known_roots() {
        let inputs =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::new();
        assert_eq!(hex(&frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (input, root) in inputs.iter().zip(roots) {
            frontier.push(leaf_hash(&unhex(input)));
            assert_eq!(hex(&frontier.root()), root, "size {}", frontier.size());
        }
    }

    #[test]
    fn agrees_with_the_definition_at_every_size() {
        let mut frontier = Frontier::new();
        let mut leaves = Vec::new();
        for number in 0..600u32 {
            assert_eq!(frontier.root(), naive_root(&leaves), "size {number}");
            let leaf = leaf_hash(&number.to_be_bytes());
            leaves.push(leaf);
            let tile = frontier.push_tiled(leaf);
            let expected = leaves.len().is_multiple_of(256).then(|| naive_root(&leaves[leaves.len() - 256..]));
            assert_eq!(tile, expected, "size {}", leaves.len());
        }
        assert_eq!(root(&leaves), naive_root(&leaves));
    }

    #[test]
    fn whole_tiles_give_the_same_frontier() {
        let leaves: Vec<Hash> = (0..2_000u32).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        let (mut by_leaf, mut by_tile) = (Frontier::new(), Frontier::new());
        for tile in leaves.chunks(256) {
            tile.iter().for_each(|leaf| by_leaf.push(*leaf));
            if tile.len() == 256 {
                by_tile.push_tile(naive_root(tile)).unwrap();
            } else {
                tile.iter().for_each(|leaf| by_tile.push(*leaf));
                assert!(by_tile.push_tile(tile[0]).is_err());
            }
            assert_eq!(by_leaf, by_tile);
        }
    }

    #[test]
    fn a_leaf_of_an_entry_is_hashed_as_any_leaf() {
        assert_eq!(leaf_hash_41(&[7; 41]), leaf_hash(&[7; 41]));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let mut frontier = Frontier::new();
        (0..5u8).for_each(|number| frontier.push([number; 32]));
        let bytes = frontier.to_bytes();
        assert_eq!(Frontier::from_bytes(&bytes), Ok(frontier));
        for length in 0..bytes.len() {
            assert!(Frontier::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        let mut other_version = bytes.clone();
        other_version[0] = 2;
        assert!(Frontier::from_bytes(&other_version).is_err());
        let mut longer = bytes;
        longer.extend_from_slice(&[0; 32]);
        assert!(Frontier::from_bytes(&longer).is_err());
    }

    proptest! {
        #[test]
        fn bytes_give_back_the_frontier_at_any_point(size in 0..400u64, more in 0..50u64) {
            let mut frontier = Frontier::new();
            for number in 0..size {
                frontier.push(leaf_hash(&number.to_be_bytes()));
            }
            let mut restored = Frontier::from_bytes(&frontier.to_bytes()).unwrap();
            for number in size..size + more {
                frontier.push(leaf_hash(&number.to_be_bytes()));
                restored.push(leaf_hash(&number.to_be_bytes()));
            }
            prop_assert_eq!(restored.root(), frontier.root());
        }
    }
}
