//! The texts of credentials: how they are made from random bytes, recognised and compared.
//!
//! `act_op_<secret><check>` is the operator's, `act_key_<id>_<secret><check>` an on-premises key, `act_ses_…` a session's,
//! `act_pat_…` a person's, `act_inv_…` an invitation's. The check is the
//! CRC-32 of everything before it, so a token cut in copying is told from one that was revoked, and scanners for leaked
//! secrets can recognise ours without asking. This file must not read files, stores or clocks.

use actarium_core::hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What the operator's token begins with.
pub const OPERATOR_PREFIX: &str = "act_op_";
/// What an on-premises key begins with.
pub const KEY_PREFIX: &str = "act_key_";
/// What a SCIM token begins with.
pub const SCIM_PREFIX: &str = "act_scim_";
/// What a session's token begins with.
pub const SESSION_PREFIX: &str = "act_ses_";
/// What a personal access token begins with.
pub const PERSONAL_PREFIX: &str = "act_pat_";
/// What the secret of an invitation begins with.
pub const INVITATION_PREFIX: &str = "act_inv_";
/// Characters of the secret part of a session's, a person's or an invitation's token: 256 bits.
const PERSONAL_SECRET_CHARS: usize = 43;
/// Random bytes that a session, a personal access token or an invitation takes.
pub const SESSION_RANDOM_BYTES: usize = 2 * (PERSONAL_SECRET_CHARS + KEY_ID_CHARS);
/// Characters of a token's secret part: 238 bits.
pub const SECRET_CHARS: usize = 40;
/// Characters of a key's id: 71 bits.
pub const KEY_ID_CHARS: usize = 12;
/// Characters of the check at the end.
pub const CHECK_CHARS: usize = 6;
/// Random bytes that one token takes.
pub const RANDOM_BYTES: usize = 2 * (SECRET_CHARS + KEY_ID_CHARS);

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a token says about itself, before anything is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// An operator's token.
    Operator,
    /// A session with its public id.
    Session {
        /// The session's id.
        id: &'a str,
    },
    /// A personal access token with its id.
    Personal {
        /// The token's id.
        id: &'a str,
    },
    /// An on-premises key with its id.
    Key {
        /// The key's id.
        id: &'a str,
    },
    /// A SCIM token with its id.
    Scim {
        /// The token's id.
        id: &'a str,
    },
    /// The secret of an invitation with its id.
    Invitation {
        /// The invitation's id.
        id: &'a str,
    },
}

/// SHA-256 of a token: what is stored and compared.
pub type TokenHash = [u8; 32];

/// Makes an operator's token.
pub fn operator(random: &[u8; RANDOM_BYTES]) -> String {
    with_check(format!("{OPERATOR_PREFIX}{}", base62(&random[..2 * SECRET_CHARS])))
}

/// Makes a key: its id and the whole token.
pub fn key(random: &[u8; RANDOM_BYTES]) -> (String, String) {
    with_id(KEY_PREFIX, SECRET_CHARS, random)
}

/// Makes a SCIM token: its id and the whole token.
pub fn scim(random: &[u8; RANDOM_BYTES]) -> (String, String) {
    with_id(SCIM_PREFIX, SECRET_CHARS, random)
}

/// An id and a token of it: the random bytes are the secret's, then the id's.
fn with_id(prefix: &str, secret_chars: usize, random: &[u8]) -> (String, String) {
    let (secret, id) = random.split_at(2 * secret_chars);
    let id = base62(id);
    let token = of_id(prefix, &id, secret);
    (id, token)
}

fn of_id(prefix: &str, id: &str, secret: &[u8]) -> String {
    with_check(format!("{prefix}{id}_{}", base62(secret)))
}

/// Random bytes that one id takes.
pub const ID_RANDOM_BYTES: usize = 2 * ID_CHARS;
/// Characters of an id after its prefix: 95 bits.
const ID_CHARS: usize = 16;

/// Makes an id of something in the directory: `usr_…`. It is no secret.
pub fn id(prefix: &str, random: &[u8; ID_RANDOM_BYTES]) -> String {
    format!("{prefix}_{}", base62(random))
}

/// Makes a session's token: its public id and the whole token.
pub fn session(random: &[u8; SESSION_RANDOM_BYTES]) -> (String, String) {
    with_id(SESSION_PREFIX, PERSONAL_SECRET_CHARS, random)
}

/// Makes a personal access token: its id and the whole token.
pub fn personal(random: &[u8; SESSION_RANDOM_BYTES]) -> (String, String) {
    with_id(PERSONAL_PREFIX, PERSONAL_SECRET_CHARS, random)
}

/// Makes an invitation's secret: its id and the whole secret.
pub fn invitation(random: &[u8; SESSION_RANDOM_BYTES]) -> (String, String) {
    with_id(INVITATION_PREFIX, PERSONAL_SECRET_CHARS, random)
}

/// Makes another secret of an invitation that there is.
pub fn invitation_again(id: &str, random: &[u8; SESSION_RANDOM_BYTES]) -> String {
    of_id(INVITATION_PREFIX, id, &random[..2 * PERSONAL_SECRET_CHARS])
}

/// Recognises a token by its form and check; `None` if it is none of ours or was damaged.
pub fn shape(token: &str) -> Option<Shape<'_>> {
    let body_chars = token.len().checked_sub(CHECK_CHARS)?;
    let (body, check) = token.split_at_checked(body_chars)?;
    if check_of(body) != check {
        return None;
    }
    if let Some(secret) = body.strip_prefix(OPERATOR_PREFIX) {
        return is_base62(secret, SECRET_CHARS).then_some(Shape::Operator);
    }
    for prefix in [SESSION_PREFIX, PERSONAL_PREFIX, INVITATION_PREFIX] {
        let Some(rest) = body.strip_prefix(prefix) else { continue };
        let id = id_of(rest, PERSONAL_SECRET_CHARS)?;
        return Some(match prefix {
            SESSION_PREFIX => Shape::Session { id },
            PERSONAL_PREFIX => Shape::Personal { id },
            _ => Shape::Invitation { id },
        });
    }
    if let Some(rest) = body.strip_prefix(SCIM_PREFIX) {
        return id_of(rest, SECRET_CHARS).map(|id| Shape::Scim { id });
    }
    id_of(body.strip_prefix(KEY_PREFIX)?, SECRET_CHARS).map(|id| Shape::Key { id })
}

/// The id of a token, from what follows its prefix.
fn id_of(rest: &str, secret_chars: usize) -> Option<&str> {
    let (id, secret) = rest.split_once('_')?;
    (is_base62(id, KEY_ID_CHARS) && is_base62(secret, secret_chars)).then_some(id)
}

/// The hash under which a token is stored.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// A hash as it is stored: 64 hexadecimal digits.
pub fn to_hex(hash: &TokenHash) -> String {
    hex::to_hex(hash)
}

/// Whether a token has the hash that is stored, compared in a time that does not depend on where they differ.
pub fn is_hash_of(stored: &str, token: &str) -> bool {
    stored.as_bytes().ct_eq(to_hex(&hash(token)).as_bytes()).into()
}

/// Compares two hashes in a time that does not depend on where they differ.
pub fn same(left: &TokenHash, right: &TokenHash) -> bool {
    left.ct_eq(right).into()
}

fn with_check(body: String) -> String {
    let check = check_of(&body);
    body + &check
}

fn check_of(body: &str) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    let mut rest = crc.sum();
    let mut digits = [0u8; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| *digit as char).collect()
}

/// One character per two bytes: the bias of 65,536 against 62 is below a thousandth of a bit.
fn base62(random: &[u8]) -> String {
    random.chunks_exact(2).map(|two| BASE62[usize::from(u16::from_le_bytes([two[0], two[1]])) % 62] as char).collect()
}

fn is_base62(text: &str, chars: usize) -> bool {
    text.len() == chars && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u8) -> [u8; RANDOM_BYTES] {
        std::array::from_fn(|index| (index as u8).wrapping_mul(37).wrapping_add(seed))
    }

    #[test]
    fn what_is_made_is_recognised() {
        let operator = operator(&random(1));
        assert_eq!(shape(&operator), Some(Shape::Operator));
        let (id, key) = key(&random(2));
        assert_eq!(shape(&key), Some(Shape::Key { id: &id }));
        let (id, scim) = scim(&random(4));
        assert_eq!(shape(&scim), Some(Shape::Scim { id: &id }));
        assert!(is_hash_of(&to_hex(&hash(&scim)), &scim) && !is_hash_of(&to_hex(&hash(&scim)), &key));
        let random: [u8; SESSION_RANDOM_BYTES] = std::array::from_fn(|index| (index as u8).wrapping_mul(41));
        let (id, token) = session(&random);
        assert_eq!(shape(&token), Some(Shape::Session { id: &id }));
        let (id, token) = personal(&random);
        assert_eq!(shape(&token), Some(Shape::Personal { id: &id }));
        let (id, token) = invitation(&random);
        assert_eq!(shape(&token), Some(Shape::Invitation { id: &id }));
        let again = invitation_again(&id, &std::array::from_fn(|index| index as u8));
        assert_eq!(shape(&again), Some(Shape::Invitation { id: &id }));
        assert_ne!(again, token);
    }

    #[test]
    fn a_changed_or_cut_token_is_not_recognised() {
        let (_, key) = key(&random(3));
        for index in 0..key.len() {
            let mut changed = key.clone().into_bytes();
            changed[index] = if changed[index] == b'x' { b'y' } else { b'x' };
            assert_eq!(shape(std::str::from_utf8(&changed).unwrap()), None, "changed at {index}");
            assert_eq!(shape(&key[..index]), None, "cut at {index}");
        }
        assert_eq!(shape("éééééééé"), None);
        assert_eq!(shape(""), None);
    }

    #[test]
    fn hashes_are_compared_whole() {
        let hash = hash("a");
        let mut other = hash;
        other[31] ^= 1;
        assert!(same(&hash, &hash));
        assert!(!same(&hash, &other));
    }
}
