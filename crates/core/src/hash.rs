//! SHA-256 over short messages given in pieces, without the buffering that a streaming hasher needs.
//!
//! Nothing but FIPS 180-4 padding around the compression function; what is hashed and why is said where it is called.

#[cfg(not(actarium_without_hashing))]
mod pair;
#[cfg(actarium_without_hashing)]
mod without;

#[cfg(not(actarium_without_hashing))]
use pair::{State, compress_pair};
#[cfg(not(actarium_without_hashing))]
use sha2::block_api::compress256;
#[cfg(actarium_without_hashing)]
use without::{State, compress_pair, compress256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// FIPS 180-4, section 5.3.3.
const INITIAL: State = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
/// Bytes that are taken in at once.
pub(crate) const BLOCK: usize = 64;

fn digest(state: State) -> Hash {
    let mut out = [0; 32];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

/// A message of at most 55 bytes with its padding, which is one block.
#[inline]
fn one_block<const LENGTH: usize>(message: &[u8; LENGTH]) -> [u8; BLOCK] {
    const { assert!(LENGTH <= 55, "one block holds 55 bytes of message") };
    let mut block = [0; BLOCK];
    block[..LENGTH].copy_from_slice(message);
    block[LENGTH] = 0x80;
    block[62..].copy_from_slice(&((LENGTH * 8) as u16).to_be_bytes());
    block
}

/// The digest of a message of at most 55 bytes.
#[inline]
pub(crate) fn sha256_one_block<const LENGTH: usize>(message: &[u8; LENGTH]) -> Hash {
    let mut state = INITIAL;
    compress256(&mut state, &[one_block(message)]);
    digest(state)
}

/// The digests of two messages of at most 55 bytes.
#[inline]
pub(crate) fn sha256_one_block_pair<const LENGTH: usize>(messages: [&[u8; LENGTH]; 2]) -> [Hash; 2] {
    let blocks = messages.map(one_block);
    let [mut first, mut second] = [INITIAL; 2];
    compress_pair([&mut first, &mut second], [&blocks[0], &blocks[1]]);
    [digest(first), digest(second)]
}

/// The digests of several messages, each lying in one buffer; the buffers are given back as they were.
///
/// A block depends on the one before it, but not on those of other messages, so they are taken two at a time.
#[inline]
pub(crate) fn sha256_of_each<const N: usize>(messages: &mut [Vec<u8>; N]) -> [Hash; N] {
    let lengths = messages.each_ref().map(Vec::len);
    messages.iter_mut().for_each(pad);
    let digests = digests_of_padded(messages.each_ref().map(|message| message.as_chunks().0));
    for (message, length) in messages.iter_mut().zip(lengths) {
        message.truncate(length);
    }
    digests
}

/// The digests of messages that end with their padding.
#[inline]
pub(crate) fn digests_of_padded<const N: usize>(messages: [&[[u8; BLOCK]]; N]) -> [Hash; N] {
    let mut states = [INITIAL; N];
    let longest = messages.iter().map(|blocks| blocks.len()).max().unwrap_or_default();
    for at in 0..longest {
        let mut left: Option<(&mut State, &[u8; BLOCK])> = None;
        for (state, blocks) in states.iter_mut().zip(&messages) {
            let Some(block) = blocks.get(at) else { continue };
            match left.take() {
                Some((other, other_block)) => compress_pair([other, state], [other_block, block]),
                None => left = Some((state, block)),
            }
        }
        if let Some((state, block)) = left {
            compress256(state, &[*block]);
        }
    }
    states.map(digest)
}

/// Adds the padding to the end of a message.
#[inline]
pub(crate) fn pad(message: &mut Vec<u8>) {
    let bits = message.len() as u64 * 8;
    message.push(0x80);
    let end = (message.len() + 8).next_multiple_of(BLOCK);
    message.resize(end - 8, 0);
    message.extend_from_slice(&bits.to_be_bytes());
}

/// The digest of the pieces, one after the other.
pub fn sha256(pieces: &[&[u8]]) -> Hash {
    let mut state = INITIAL;
    let mut block = [0u8; BLOCK];
    let mut filled = 0;
    let mut total = 0u64;
    for piece in pieces {
        total += piece.len() as u64;
        let mut rest = *piece;
        if filled > 0 {
            let (now, later) = rest.split_at(rest.len().min(BLOCK - filled));
            block[filled..filled + now.len()].copy_from_slice(now);
            filled += now.len();
            rest = later;
            if filled < BLOCK {
                continue;
            }
            compress256(&mut state, &[block]);
        }
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        if !blocks.is_empty() {
            compress256(&mut state, blocks);
        }
        block[..tail.len()].copy_from_slice(tail);
        filled = tail.len();
    }
    let mut last = [0u8; 2 * BLOCK];
    last[..filled].copy_from_slice(&block[..filled]);
    last[filled] = 0x80;
    let end = if filled < 56 { BLOCK } else { 2 * BLOCK };
    last[end - 8..end].copy_from_slice(&(total * 8).to_be_bytes());
    compress256(&mut state, last[..end].as_chunks::<BLOCK>().0);
    digest(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    proptest! {
        #[test]
        fn agrees_with_the_streaming_hasher(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6)) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let whole = pieces.concat();
            let expected: Hash = Sha256::digest(&whole).into();
            prop_assert_eq!(sha256(&slices), expected);
            let mut buffers = [whole.clone(), Vec::new(), whole.clone()];
            let [first, empty, last] = sha256_of_each(&mut buffers);
            prop_assert_eq!((first, empty, last), (expected, sha256(&[]), expected));
            prop_assert_eq!(buffers, [whole.clone(), Vec::new(), whole.clone()]);
            if let Some(message) = whole.first_chunk::<41>() {
                let expected: Hash = Sha256::digest(message).into();
                prop_assert_eq!(sha256_one_block(message), expected);
                prop_assert_eq!(sha256_one_block_pair([message, &[7; 41]]), [expected, sha256(&[&[7; 41]])]);
            }
        }
    }

    #[test]
    fn every_length_around_the_block_boundaries() {
        let message: Vec<u8> = (0..260u32).map(|n| n as u8).collect();
        for length in 0..message.len() {
            let expected: Hash = Sha256::digest(&message[..length]).into();
            assert_eq!(sha256(&[&message[..length]]), expected, "length {length}");
            assert_eq!(sha256(&[&message[..length / 3], &message[length / 3..length]]), expected, "length {length}");
        }
    }
}
