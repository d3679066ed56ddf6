//! Two blocks of two messages at a time. The processor's SHA-256 instructions wait for each other within one message;
//! those of a second message fill the gaps (measured: a third less time for both).
//!
//! The one place of the project with unsafe code, and all of it is a call: the instructions may be used only after the
//! processor was asked whether it has them. The tests compare with the library that does one block at a time.

use sha2::block_api::compress256;

use super::BLOCK;

/// The state of a message between blocks.
pub(super) type State = [u32; 8];

/// Takes the next block of each of two messages into their states.
#[inline]
pub(super) fn compress_pair(states: [&mut State; 2], blocks: [&[u8; BLOCK]; 2]) {
    #[cfg(target_arch = "x86_64")]
    if sha_instructions::are_there() {
        // SAFETY: the processor has the instructions that the function is compiled for.
        #[allow(unsafe_code)]
        return unsafe { sha_instructions::compress_pair(states, blocks) };
    }
    let [first, second] = states;
    compress256(first, &[*blocks[0]]);
    compress256(second, &[*blocks[1]]);
}

#[cfg(target_arch = "x86_64")]
mod sha_instructions {
    use std::arch::x86_64::*;

    use super::State;
    use crate::hash::BLOCK;

    /// FIPS 180-4, section 4.2.2.
    #[rustfmt::skip]
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// Messages that are worked on at the same time.
    const LANES: usize = 2;

    /// Whether this processor has the instructions.
    #[inline]
    pub fn are_there() -> bool {
        is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("ssse3")
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn words(lowest: u32, second: u32, third: u32, highest: u32) -> __m128i {
        _mm_set_epi32(highest as i32, third as i32, second as i32, lowest as i32)
    }

    /// Four big-endian words of a message.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn message_words(bytes: &[u8; 16]) -> __m128i {
        let bytes = u128::from_le_bytes(*bytes);
        let swapped = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        _mm_shuffle_epi8(_mm_set_epi64x((bytes >> 64) as i64, bytes as i64), swapped)
    }

    /// One block of each message. The instructions want the state's words a, b, e, f in one register and c, d, g, h in
    /// another; each does two of the 64 rounds.
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub fn compress_pair(states: [&mut State; LANES], blocks: [&[u8; BLOCK]; LANES]) {
        let mut abef = [_mm_setzero_si128(); LANES];
        let mut cdgh = abef;
        let mut schedule = [[_mm_setzero_si128(); 4]; LANES];
        for lane in 0..LANES {
            let [a, b, c, d, e, f, g, h] = *states[lane];
            abef[lane] = words(f, e, b, a);
            cdgh[lane] = words(h, g, d, c);
            for (words, bytes) in schedule[lane].iter_mut().zip(blocks[lane].as_chunks().0) {
                *words = message_words(bytes);
            }
        }
        let before = (abef, cdgh);
        for sixteen in 0..4 {
            for four in 0..4 {
                let at = sixteen * 16 + four * 4;
                let constants = words(K[at], K[at + 1], K[at + 2], K[at + 3]);
                for lane in 0..LANES {
                    let schedule = &mut schedule[lane];
                    if sixteen > 0 {
                        let next = |distance: usize| schedule[(four + distance) % 4];
                        let sigma = _mm_sha256msg1_epu32(next(0), next(1));
                        let sum = _mm_add_epi32(sigma, _mm_alignr_epi8(next(3), next(2), 4));
                        schedule[four] = _mm_sha256msg2_epu32(sum, next(3));
                    }
                    let inputs = _mm_add_epi32(schedule[four], constants);
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], inputs);
                    abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(inputs, 0x0e));
                }
            }
        }
        for (lane, state) in states.into_iter().enumerate() {
            let abef = _mm_add_epi32(abef[lane], before.0[lane]);
            let cdgh = _mm_add_epi32(cdgh[lane], before.1[lane]);
            *state = [
                _mm_extract_epi32(abef, 3),
                _mm_extract_epi32(abef, 2),
                _mm_extract_epi32(cdgh, 3),
                _mm_extract_epi32(cdgh, 2),
                _mm_extract_epi32(abef, 1),
                _mm_extract_epi32(abef, 0),
                _mm_extract_epi32(cdgh, 1),
                _mm_extract_epi32(cdgh, 0),
            ]
            .map(|word| word as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = [u8; BLOCK]> {
        proptest::collection::vec(any::<u8>(), BLOCK).prop_map(|bytes| bytes.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn agrees_with_one_block_at_a_time(states in any::<[State; 2]>(), first in block(), second in block()) {
            let mut expected = states;
            compress256(&mut expected[0], &[first]);
            compress256(&mut expected[1], &[second]);
            let [mut one, mut two] = states;
            compress_pair([&mut one, &mut two], [&first, &second]);
            prop_assert_eq!([one, two], expected);
        }
    }
}
