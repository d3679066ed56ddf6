//! Recovery codes: what lets a person in once who has lost the second factor. Pure: randomness is passed in.
//!
//! A code has more than 78 random bits, too many to be tried, so a plain SHA-256 is what is kept of it.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Codes that a person has at first.
pub const CODES: usize = 10;
/// Random bytes that one code takes.
pub const RANDOM_BYTES: usize = CODE_CHARS;
/// Characters of a code, the dashes not counted.
const CODE_CHARS: usize = 16;
/// Characters between two dashes.
const GROUP_CHARS: usize = 4;
/// Without `0`, `1`, `l` and `o`, which are taken for one another, and without `u`, which spares us words.
const ALPHABET: &[u8; 31] = b"23456789abcdefghijkmnpqrstvwxyz";

/// SHA-256 of a code as it is kept.
pub type CodeHash = [u8; 32];

/// Makes a code such as `2b7k-qxmd-94sw-hjrt` out of random bytes.
pub fn make(random: &[u8; RANDOM_BYTES]) -> String {
    let mut code = String::new();
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % GROUP_CHARS == 0 {
            code.push('-');
        }
        code.push(ALPHABET[usize::from(*byte) % ALPHABET.len()] as char);
    }
    code
}

/// The hash of a code, however it is typed: dashes, spaces and capitals do not matter.
pub fn hash(code: &str) -> CodeHash {
    let typed = code.chars().filter(|character| !matches!(character, '-' | ' '));
    let folded: String = typed.map(|character| character.to_ascii_lowercase()).collect();
    Sha256::digest(folded.as_bytes()).into()
}

/// Which of the kept codes it is. Takes the same time for each.
pub fn position(kept: &[CodeHash], code: &str) -> Option<usize> {
    let given = hash(code);
    let mut found = u32::MAX;
    for (index, hash) in kept.iter().enumerate() {
        let same: Choice = hash.ct_eq(&given);
        found.conditional_assign(&(index as u32), same);
    }
    (found != u32::MAX).then_some(found as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let codes: Vec<_> = (0..CODES as u8)
            .map(|seed| make(&std::array::from_fn(|i| (seed * 23).wrapping_add(i as u8 * 7))))
            .collect();
        let kept: Vec<_> = codes.iter().map(|code| hash(code)).collect();
        for (index, code) in codes.iter().enumerate() {
            assert_eq!(code.len(), CODE_CHARS + CODE_CHARS / GROUP_CHARS - 1);
            assert_eq!(position(&kept, code), Some(index));
            assert_eq!(position(&kept, &code.to_uppercase().replace('-', " ")), Some(index));
            assert_eq!(position(&kept, &code[1..]), None);
        }
        assert_eq!(position(&kept, ""), None);
        assert_eq!(position(&[], &codes[0]), None);
    }
}
