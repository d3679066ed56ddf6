//! Entity tags of resources (RFC 7644, section 3.14; RFC 9110, section 13.1).
//!
//! A tag is a hash of all that a client sees of the resource, so it changes with whatever changes that, wherever it was
//! changed. Tags are weak: the same resource may be written in other ways.

use actarium_core::hex::to_hex;
use sha2::{Digest, Sha256};

use crate::limits;
use crate::scim::Attributes;

/// Bytes of the hash that a tag has.
const TAG_BYTES: usize = 16;

/// The tag of a resource, from its attributes without `meta`.
pub fn version(attributes: &Attributes) -> String {
    // The names of an object are in order, so equal attributes are equal bytes.
    let bytes = serde_json::to_vec(attributes).unwrap_or_default();
    let hash = Sha256::digest(&bytes);
    let hex = to_hex(&hash[..TAG_BYTES]);
    format!("W/\"{hex}\"")
}

/// Whether a list of tags (of `If-Match` or `If-None-Match`) has the tag, or is `*`. Compared weakly: there are no others.
pub fn listed(list: &str, version: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.split(',').take(limits::ENTITY_TAGS_MAX).any(|tag| tag.trim() == "*" || opaque(tag) == opaque(version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_is_the_same_for_the_same_and_another_for_anything_else() {
        let of = |value: serde_json::Value| version(value.as_object().unwrap());
        let tag = of(json!({"a": 1, "b": [2]}));
        assert_eq!(of(json!({"b": [2], "a": 1})), tag);
        assert_ne!(of(json!({"a": 1, "b": [2, 3]})), tag);
        assert!(tag.starts_with("W/\"") && tag.ends_with('"'));
    }

    #[test]
    fn tags_are_found_in_lists() {
        let tag = "W/\"abc\"";
        for list in ["*", "W/\"abc\"", "\"abc\"", "W/\"x\", W/\"abc\"", " * "] {
            assert!(listed(list, tag), "{list}");
        }
        for list in ["", "abc", "W/\"ab\"", "\"abcd\", \"x\""] {
            assert!(!listed(list, tag), "{list}");
        }
    }
}
