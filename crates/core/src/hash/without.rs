//! What stands in for SHA-256 in a build that only measures what hashing costs: a state that depends on the message, and no more.
//! Such a build proves nothing.

use super::BLOCK;

/// The state of a message between blocks.
pub(super) type State = [u32; 8];

/// Takes blocks into a state.
pub(super) fn compress256(state: &mut State, blocks: &[[u8; BLOCK]]) {
    for block in blocks {
        for (word, bytes) in state.iter_mut().zip(block.as_chunks::<8>().0) {
            let bytes = u64::from_le_bytes(*bytes);
            *word = word.rotate_left(5) ^ (bytes as u32) ^ (bytes >> 32) as u32;
        }
    }
}

/// Takes the next block of each of two messages into their states.
pub(super) fn compress_pair(states: [&mut State; 2], blocks: [&[u8; BLOCK]; 2]) {
    for (state, block) in states.into_iter().zip(blocks) {
        compress256(state, &[*block]);
    }
}
