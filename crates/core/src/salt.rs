//! Salts from a binary key-derivation tree (GGM), so that they cost no storage and can be destroyed one by one.
//!
//! The root is a random key per organization and 65,536 events. A node's children are SHA-256(node ‖ 0x00) and
//! SHA-256(node ‖ 0x01); leaf number `(seq mod 65,536) * 4 + part` at depth 18 begins with the salt of that part.
//! This file only derives; it neither makes nor keeps keys.

use crate::hash::{Hash, sha256_one_block, sha256_one_block_pair};
use std::fmt;

/// Events that share one key.
pub const EPOCH_EVENTS: u64 = 65_536;
/// Parts of an event, each with a salt of its own.
pub const PARTS: usize = 4;
/// Levels between the key and the leaves.
pub const DEPTH: u32 = 18;
/// Leaves under one key.
pub const LEAVES: u32 = 1 << DEPTH;

/// The salt of one part of one event.
pub type Salt = [u8; 16];

/// The key of one organization for [`EPOCH_EVENTS`] consecutive events. Secret: whoever has it can undo what hashing hides.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochKey(pub [u8; 32]);

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(…)")
    }
}

/// The number of the epoch that an event belongs to.
pub fn epoch_of(seq: u64) -> u64 {
    seq / EPOCH_EVENTS
}

/// The number of the leaf from which the salt of a part (0 fact, 1 identity, 2 personal, 3 detail) is taken.
///
/// # Panics
/// If there is no such part.
pub fn leaf_index(seq: u64, part: usize) -> u32 {
    assert!(part < PARTS, "an event has four parts");
    (seq % EPOCH_EVENTS) as u32 * PARTS as u32 + part as u32
}

/// A child of a node of the tree: SHA-256(node ‖ bit).
#[inline]
pub fn child(node: &Hash, bit: u8) -> Hash {
    sha256_one_block(&child_message(node, bit))
}

/// Both children of a node.
#[inline]
fn children(node: &Hash) -> [Hash; 2] {
    sha256_one_block_pair([&child_message(node, 0), &child_message(node, 1)])
}

#[inline]
fn child_message(node: &Hash, bit: u8) -> [u8; 33] {
    let mut message = [bit; 33];
    message[..32].copy_from_slice(node);
    message
}

/// The node that lies `depth` levels below `node`, on the path whose bits are the lowest `depth` bits of `path`, most
/// significant first. Works from any node, so also from those that remain after an erasure.
///
/// # Panics
/// If `depth` is more than [`DEPTH`].
pub fn descend(node: &Hash, path: u32, depth: u32) -> Hash {
    assert!(depth <= DEPTH, "the tree is 18 deep");
    (0..depth).rev().fold(*node, |node, level| child(&node, (path >> level & 1) as u8))
}

fn salt_of(leaf: &Hash) -> Salt {
    let mut salt = [0; 16];
    salt.copy_from_slice(&leaf[..16]);
    salt
}

/// The four leaves under the node of one event.
fn salts_under(event_node: &Hash) -> [Salt; PARTS] {
    let [left, right] = children(event_node);
    let ([first, second], [third, fourth]) = (children(&left), children(&right));
    [first, second, third, fourth].map(|leaf| salt_of(&leaf))
}

/// Levels between the key and the node of one event.
const EVENT_DEPTH: u32 = DEPTH - 2;

impl EpochKey {
    /// The salt of one part of one event. The caller picks the key of the event's epoch.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn salt(&self, seq: u64, part: usize) -> Salt {
        salt_of(&descend(&self.0, leaf_index(seq, part), DEPTH))
    }

    /// The salts of the four parts of one event, by 22 hashes. For consecutive events [`SaltSequence`] takes 8.
    pub fn salts(&self, seq: u64) -> [Salt; PARTS] {
        salts_under(&descend(&self.0, (seq % EPOCH_EVENTS) as u32, EVENT_DEPTH))
    }
}

/// The salts of consecutive events of one epoch, keeping the path so that each next event costs about 8 hashes, two at
/// a time.
#[derive(Clone)]
pub struct SaltSequence {
    /// `path[depth]` lies `depth` levels below the key, on the way to event `next`.
    path: [Hash; EVENT_DEPTH as usize + 1],
    /// `right[depth]` is the sibling of `path[depth]` where that is a left child: the path comes to it later.
    right: [Option<Hash>; EVENT_DEPTH as usize + 1],
    /// Event within the epoch that comes next.
    next: u32,
    /// How many entries of `path` are right for `next`.
    valid: usize,
}

impl fmt::Debug for SaltSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaltSequence").field("next", &self.next).finish_non_exhaustive()
    }
}

impl SaltSequence {
    /// Begins at the event `seq`, with the key of its epoch.
    pub fn new(key: &EpochKey, seq: u64) -> Self {
        let mut path = [[0; 32]; EVENT_DEPTH as usize + 1];
        path[0] = key.0;
        Self { path, right: [None; EVENT_DEPTH as usize + 1], next: (seq % EPOCH_EVENTS) as u32, valid: 1 }
    }

    /// The salts of the next event; `None` after the last event of the epoch, where the next key begins.
    #[inline]
    pub fn next_salts(&mut self) -> Option<[Salt; PARTS]> {
        if u64::from(self.next) == EPOCH_EVENTS {
            return None;
        }
        for depth in self.valid..=EVENT_DEPTH as usize {
            let is_right = self.next >> (EVENT_DEPTH as usize - depth) & 1 == 1;
            // A right child that was made with its left sibling hangs under the same parent: the path turns there
            // before anything above it changes.
            self.path[depth] = match self.right[depth].take() {
                Some(right) if is_right => right,
                _ if is_right => child(&self.path[depth - 1], 1),
                _ => {
                    let [left, right] = children(&self.path[depth - 1]);
                    self.right[depth] = Some(right);
                    left
                }
            };
        }
        let salts = salts_under(&self.path[EVENT_DEPTH as usize]);
        self.next += 1;
        // As many of the lowest bits as carried have changed, and with them as many of the lowest nodes.
        self.valid = (EVENT_DEPTH as usize + 1).saturating_sub(self.next.trailing_zeros() as usize + 1);
        Some(salts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;

    /// The definition, word by word.
    fn naive(key: &EpochKey, seq: u64, part: usize) -> Salt {
        let leaf = (seq % 65_536) * 4 + part as u64;
        let mut node = key.0;
        for level in (0..18).rev() {
            node = sha256(&[&node, &[(leaf >> level & 1) as u8]]);
        }
        node[..16].try_into().unwrap()
    }

    #[test]
    fn random_access_follows_the_definition() {
        let key = EpochKey([9; 32]);
        for seq in [0, 1, 2, 3, 255, 256, 65_535, 65_536, 1 << 39] {
            let expected: [Salt; 4] = std::array::from_fn(|part| naive(&key, seq, part));
            assert_eq!(key.salts(seq), expected, "{seq}");
            assert_eq!(std::array::from_fn(|part| key.salt(seq, part)), expected, "{seq}");
        }
    }

    #[test]
    fn the_sequence_agrees_with_random_access() {
        let key = EpochKey([3; 32]);
        for start in [0, 1, 7, 32_767, 65_000] {
            let mut sequence = SaltSequence::new(&key, start);
            for seq in start..(start + 1_500).min(EPOCH_EVENTS) {
                assert_eq!(sequence.next_salts(), Some(key.salts(seq)), "{seq} from {start}");
            }
        }
    }

    #[test]
    fn the_sequence_ends_with_the_epoch() {
        let mut sequence = SaltSequence::new(&EpochKey([3; 32]), 2 * EPOCH_EVENTS - 1);
        assert!(sequence.next_salts().is_some());
        assert_eq!(sequence.next_salts(), None);
    }

    #[test]
    fn a_remaining_node_still_derives_what_is_below_it() {
        let key = EpochKey([5; 32]);
        let leaf = leaf_index(40_000, 2);
        let node = descend(&key.0, leaf >> 8, DEPTH - 8);
        assert_eq!(salt_of(&descend(&node, leaf & 0xff, 8)), key.salt(40_000, 2));
    }
}
