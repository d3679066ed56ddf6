//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2; RFC 9162, sections 2.1.3 and 2.1.4): made from
//! the hashes of complete subtrees, which somebody else keeps, and verified from nothing but the proof.

use std::ops::Range;

use crate::hash::Hash;
use crate::tree::{empty_root, node_hash};

/// Hashes of a proof: one per level of a tree of 2^63 entries.
pub const PROOF_HASHES_MAX: usize = 63;

/// A complete subtree: the entries `[index · 2^level, (index + 1) · 2^level)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Binary levels above the leaves.
    pub level: u8,
    /// Number within its level.
    pub index: u64,
}

impl Node {
    /// The entries below it.
    pub fn range(self) -> Range<u64> {
        self.index << self.level..(self.index + 1) << self.level
    }
}

/// Gives the hashes of complete subtrees.
pub trait Nodes {
    /// Why it could not.
    type Error;

    /// The hashes of these nodes, in their order.
    ///
    /// # Errors
    /// If one cannot be had.
    fn nodes(&mut self, wanted: &[Node]) -> Result<Vec<Hash>, Self::Error>;
}

/// The fewest complete subtrees that together are the entries of a range, from left to right.
pub fn cover(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let room = (range.end - start).ilog2();
        let level = start.trailing_zeros().min(room);
        nodes.push(Node { level: level as u8, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The largest power of two below a number that is more than 1.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The hash over each range, which begins where a subtree of twice its size could.
fn hashes_of<N: Nodes>(source: &mut N, ranges: &[Range<u64>]) -> Result<Vec<Hash>, N::Error> {
    let covers: Vec<Vec<Node>> = ranges.iter().map(|range| cover(range.clone())).collect();
    let hashes = source.nodes(&covers.concat())?;
    let mut rest = hashes.as_slice();
    let mut folded = Vec::with_capacity(ranges.len());
    for nodes in &covers {
        let (these, others) = rest.split_at(nodes.len());
        rest = others;
        let (last, before) = these.split_last().expect("no range of a proof is empty");
        folded.push(before.iter().rfold(*last, |right, left| node_hash(left, &right)));
    }
    Ok(folded)
}

/// The proof that the tree of `size` entries has the entry `index`: the hashes beside its path, the leaf's sibling first.
///
/// # Errors
/// If the hashes cannot be had.
///
/// # Panics
/// If there is no such entry.
pub fn inclusion_proof<N: Nodes>(source: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    assert!(index < size, "entry {index} is not one of {size}");
    let mut ranges = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    hashes_of(source, &ranges)
}

/// The proof that the tree of `new` entries begins with the tree of `old` entries. Empty if they are of one size.
///
/// # Errors
/// If the hashes cannot be had.
///
/// # Panics
/// If `old` is 0, of which nothing can be proved, or more than `new`.
pub fn consistency_proof<N: Nodes>(source: &mut N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    assert!(old > 0 && old <= new, "a tree of {new} entries has no beginning of {old}");
    let mut ranges = Vec::new();
    let (mut start, mut end) = (0, new);
    while end > old {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    // Whoever checks the proof has the root of the old tree already if that is a subtree at the very left.
    if start > 0 {
        ranges.push(start..end);
    }
    ranges.reverse();
    hashes_of(source, &ranges)
}

/// The root of the tree of the first `size` entries.
///
/// # Errors
/// If the hashes cannot be had.
pub fn root_at<N: Nodes>(source: &mut N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 {
        return Ok(empty_root());
    }
    Ok(hashes_of(source, std::slice::from_ref(&(0..size)))?[0])
}

/// Why a proof does not prove anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefused {
    /// The sizes make no sense together.
    #[error("{0}")]
    Sizes(&'static str),
    /// The number of hashes is not the one that the sizes ask for.
    #[error("the proof has another number of hashes than its sizes ask for")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Whether a tree with this root has the leaf at this index (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`ProofRefused`].
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofRefused> {
    if index >= size {
        return Err(ProofRefused::Sizes("the entry lies beyond the end of the tree"));
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for beside in proof {
        if last == 0 {
            return Err(ProofRefused::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(beside, &hash);
            // A right edge goes up without a sibling until it is a right child.
            let up = at.trailing_zeros();
            (at, last) = (at >> up, last >> up);
        } else {
            hash = node_hash(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        Err(ProofRefused::Length)
    } else if hash != *root {
        Err(ProofRefused::Root)
    } else {
        Ok(())
    }
}

/// Whether the tree of `new` entries begins with the tree of `old` entries (RFC 9162, section 2.1.4.2).
///
/// # Errors
/// [`ProofRefused`]. A proof from size 0 is refused: it would hold for any tree, and so says nothing.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofRefused> {
    if old == 0 {
        return Err(ProofRefused::Sizes("a proof from size 0 says nothing: every tree begins with nothing"));
    }
    if old > new {
        return Err(ProofRefused::Sizes("the older tree is larger than the newer"));
    }
    if old == new {
        return match (proof.is_empty(), old_root == new_root) {
            (false, _) => Err(ProofRefused::Length),
            (true, false) => Err(ProofRefused::Root),
            (true, true) => Ok(()),
        };
    }
    let mut proof = proof.iter();
    let up = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> up, (new - 1) >> up);
    // A power of two is a subtree of its own: its root is where the proof begins.
    let first = if old.is_power_of_two() { *old_root } else { *proof.next().ok_or(ProofRefused::Length)? };
    let (mut old_hash, mut new_hash) = (first, first);
    for beside in proof {
        if last == 0 {
            return Err(ProofRefused::Length);
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(beside, &old_hash);
            new_hash = node_hash(beside, &new_hash);
            let up = at.trailing_zeros();
            (at, last) = (at >> up, last >> up);
        } else {
            new_hash = node_hash(&new_hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        Err(ProofRefused::Length)
    } else if old_hash != *old_root || new_hash != *new_root {
        Err(ProofRefused::Root)
    } else {
        Ok(())
    }
}
