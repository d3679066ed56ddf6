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

/// From where to where the mark is that a place lies within, its beginning included.
pub(super) fn mark_around(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let near = at.saturating_sub(MARK_BYTES_MAX);
    let start = bytes.get(near..=at)?.iter().rposition(|byte| *byte == b'[')? + near;
    mark_end(bytes, start).filter(|end| *end > at).map(|end| (start, end))
}

/// Where a run of such bytes and of marks from a place ends.
pub(super) fn run_over_marks(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    run_over_marks_until(bytes, from, |rest| !belongs(rest[0]))
}

/// Where a run from a place ends, by what stands from a byte on; marks belong to it.
pub(super) fn run_over_marks_until(bytes: &[u8], from: usize, ends: impl Fn(&[u8]) -> bool) -> usize {
    let mut at = from;
    while at < bytes.len() {
        at = match mark_end(bytes, at) {
            Some(end) => end,
            None if ends(&bytes[at..]) => break,
            None => at + 1,
        };
    }
    at
}

/// Whether a part of a text begins with a mark and is nothing but marks, and what parts them.
pub(super) fn is_marks(part: &[u8]) -> bool {
    let parts = |byte: u8| byte.is_ascii_whitespace() || b",;:.&|/@".contains(&byte);
    mark_end(part, 0).is_some() && run_over_marks(part, 0, parts) == part.len()
}

/// Whether a text holds this sign elsewhere than in the beginning of a mark.
pub(super) fn has_outside_marks(text: &str, sign: char) -> bool {
    text.split(MARK_START).any(|part| part.contains(sign))
}
