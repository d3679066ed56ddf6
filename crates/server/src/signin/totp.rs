//! The second factor: codes that change with time (TOTP, RFC 6238) out of HMAC-SHA-1 (RFC 4226), six digits every
//! thirty seconds, as every authenticator application makes them. Pure: the time is passed in, nothing is kept.

use actarium_core::row::Micros;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Bytes of a secret: what RFC 4226 recommends, and as many as SHA-1 gives.
pub const SECRET_BYTES: usize = 20;
/// Seconds of a time step.
pub const STEP_SECONDS: i64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Steps by which the other clock may be ahead or behind.
const STEPS_APART_MAX: i64 = 1;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// The secret that an authenticator shares with us.
pub type Secret = [u8; SECRET_BYTES];

/// The time step of a moment.
pub fn step_at(now: Micros) -> i64 {
    now.div_euclid(STEP_SECONDS * MICROS_PER_SECOND)
}

/// The code of a time step, with its leading zeros.
pub fn code(secret: &Secret, step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[digest.len() - 1] & 0xf);
    let bytes: [u8; 4] = std::array::from_fn(|index| digest[offset + index]);
    let number = u32::from_be_bytes(bytes) & 0x7fff_ffff;
    format!("{:0DIGITS$}", number % 10u32.pow(DIGITS as u32))
}

/// The step whose code was given, if it is near enough to now and later than the last one used: a code works once
/// (RFC 6238, section 5.2). Spaces, as people copy them, do not matter.
pub fn accepted_step(secret: &Secret, given: &str, now: Micros, last_used: Option<i64>) -> Option<i64> {
    let given: String = given.chars().filter(|character| *character != ' ').collect();
    let current = step_at(now);
    let mut accepted = None;
    // All are compared, whichever fits, so that the time taken says nothing.
    for step in current - STEPS_APART_MAX..=current + STEPS_APART_MAX {
        let same: bool = code(secret, step).as_bytes().ct_eq(given.as_bytes()).into();
        if same && last_used.is_none_or(|last| step > last) {
            accepted = Some(step);
        }
    }
    accepted
}

/// Whether a text has the form of a code, so that it is told from a recovery code.
pub fn is_code(text: &str) -> bool {
    let digits = text.chars().filter(|character| *character != ' ');
    digits.clone().count() == DIGITS && digits.clone().all(|character| character.is_ascii_digit())
}

/// What authenticators take in as a link or QR code (the `otpauth` scheme of Google Authenticator's Key URI Format).
pub fn uri(secret: &Secret, issuer: &str, account: &str) -> String {
    let (issuer, account, secret) = (percent_encoded(issuer), percent_encoded(account), base32(secret));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}\
         &period={STEP_SECONDS}"
    )
}

/// Base 32 (RFC 4648, section 6) without padding: how secrets are shown and typed.
pub fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for five in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + five.len()].copy_from_slice(five);
        let bits = u64::from_be_bytes(bits);
        let chars = (five.len() * 8).div_ceil(5);
        text.extend((0..chars).map(|index| ALPHABET[(bits >> (35 - 5 * index) & 31) as usize] as char));
    }
    text
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = *b"12345678901234567890";
    const STEP_MICROS: Micros = STEP_SECONDS * MICROS_PER_SECOND;

    /// RFC 4226, appendix D, and RFC 6238, appendix B (whose eight digits end with our six).
    #[test]
    fn the_codes_are_those_of_the_rfcs() {
        let hotp = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, expected) in hotp.iter().enumerate() {
            assert_eq!(code(&SECRET, step as i64), *expected);
        }
        let totp = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, expected) in totp {
            assert_eq!(code(&SECRET, step_at(seconds * MICROS_PER_SECOND)), expected);
        }
    }

    #[test]
    fn a_code_holds_for_a_step_before_and_after_and_once() {
        let step = 40_000_000;
        let given = code(&SECRET, step);
        for apart in -3..=3 {
            let now = (step + apart) * STEP_MICROS + 7;
            let expected = (apart.abs() <= 1).then_some(step);
            assert_eq!(accepted_step(&SECRET, &given, now, None), expected, "{apart} steps apart");
        }
        let now = step * STEP_MICROS;
        assert_eq!(accepted_step(&SECRET, &given, now, Some(step)), None, "used");
        assert_eq!(accepted_step(&SECRET, &code(&SECRET, step - 1), now, Some(step)), None, "older than a used one");
        let next = code(&SECRET, step + 1);
        assert_eq!(accepted_step(&SECRET, &next, now, Some(step)), Some(step + 1));
        let spaced = format!("{} {}", &given[..3], &given[3..]);
        assert_eq!(accepted_step(&SECRET, &spaced, now, None), Some(step));
        for wrong in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(accepted_step(&SECRET, wrong, now, None), None);
        }
    }

    #[test]
    fn codes_are_told_from_other_texts() {
        assert!(is_code("123456") && is_code("123 456"));
        for other in ["12345", "1234567", "12345a", "abcd-efgh", ""] {
            assert!(!is_code(other), "{other}");
        }
    }

    #[test]
    fn base32_is_that_of_the_rfc() {
        let vectors =
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")];
        for (text, expected) in vectors {
            assert_eq!(base32(text.as_bytes()), expected);
        }
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
    }

    #[test]
    fn the_link_is_what_authenticators_read() {
        assert_eq!(
            uri(&SECRET, "Actarium", "ada@example.com"),
            "otpauth://totp/Actarium:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Actarium\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
