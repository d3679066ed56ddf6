//! An organization as the store knows it: an opaque id that never changes and names its log, a slug and a name.
//! This file must not know who may do what in it.

use std::fmt;

use actarium_core::hex::{from_hex, to_hex};
use actarium_core::row::Micros;

/// Longest slug in characters.
pub const SLUG_CHARS_MAX: usize = 63;
/// Longest name of an organization in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The opaque id of an organization: random, never reused, the last part of its log's origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationId(pub [u8; 16]);

impl OrganizationId {
    /// The id as 32 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.to_string()
    }

    /// Reads 32 lower-case hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for OrganizationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An organization that has a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The opaque id.
    pub id: OrganizationId,
    /// What stands in paths: `[a-z0-9][a-z0-9-]{0,62}`.
    pub slug: String,
    /// What people read, 1 to [`NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// When it was created.
    pub created_at: Micros,
}

/// Whether a text may be a slug: `[a-z0-9][a-z0-9-]{0,62}`.
pub fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=SLUG_CHARS_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && bytes[0] != b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_their_grammar() {
        for good in ["a", "0", "demo", "a-b", "a-", &"x".repeat(63)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "ä", "a b", &"x".repeat(64)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }

    #[test]
    fn ids_print_and_read_back() {
        let id = OrganizationId([0xab; 16]);
        assert_eq!(OrganizationId::from_hex(&id.to_hex()), Some(id));
        for bad in ["", "ab", &"AB".repeat(16), &"g0".repeat(16), &"ab".repeat(17)] {
            assert_eq!(OrganizationId::from_hex(bad), None, "{bad}");
        }
    }
}
