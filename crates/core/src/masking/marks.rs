//! Marks in what is masked again, as what is left of a redacted event is, or what a client has masked before it sent it: a mark is
//! passed over whole, so that masking what is masked changes nothing.

use super::texts::run;
use super::{MARK_END, MARK_START};

/// Longest mark in bytes; the names of rules are shorter.
const MARK_BYTES_MAX: usize = 48;

/// Where the mark that begins at a place ends.
pub(super) fn mark_end(bytes: &[u8], at: usize) -> Option<usize> {
    let from = at + MARK_START.len();
    if !bytes[at..].starts_with(MARK_START.as_bytes()) {
        return None;
    }
    let name_end = run(bytes, from, |byte| byte.is_ascii_lowercase() || byte == b'_');
    let end = name_end + MARK_END.len();
    (name_end > from && end - at <= MARK_BYTES_MAX && bytes[name_end..].starts_with(MARK_END.as_bytes())).then_some(end)
}

/// Where the mark ends that a place lies within, its beginning included.
pub(super) fn mark_around(bytes: &[u8], at: usize) -> Option<usize> {
    let near = at.saturating_sub(MARK_BYTES_MAX);
    let start = bytes.get(near..=at)?.iter().rposition(|byte| *byte == b'[')? + near;
    mark_end(bytes, start).filter(|end| *end > at)
}

/// Whether a text holds this sign elsewhere than in the beginning of a mark.
pub(super) fn has_outside_marks(text: &str, sign: char) -> bool {
    text.split(MARK_START).any(|part| part.contains(sign))
}
