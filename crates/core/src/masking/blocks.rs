//! A value that stands on the lines below its key, as YAML writes texts of several lines: `password: |` and the lines that are
//! indented further than the key.

use super::keys::KeyRule;
use super::marks::run_over_marks;
use super::texts::{Found, is_blank, is_no_plain_word, run, run_back};

/// The block below a key that begins at a place, with what stands behind its colon at another.
pub(super) fn block(bytes: &[u8], (key_from, from): (usize, usize), rule: KeyRule) -> Option<Found> {
    let line_end = run(bytes, from, |byte| byte != b'\n');
    let header = bytes[from..line_end].trim_ascii_end();
    let is_announced = is_block_header(header);
    if line_end == bytes.len() || !(header.is_empty() || is_announced) {
        return None;
    }
    // The key is the first thing of its line, but for the hyphens of lists.
    let line = &bytes[..key_from];
    let line = &line[run_back(line, |byte| byte != b'\n')..];
    if !line.iter().all(|byte| matches!(byte, b' ' | b'-')) {
        return None;
    }
    let (first, end) = indented(bytes, line_end + 1, line.len())?;
    let value = &bytes[first..end];
    // Without a header what stands below may be anything: of the value alone there is one line, and it is no key or list.
    let is_value = is_announced || (!value.contains(&b'\n') && is_one_value(value));
    is_value.then_some((first, end, rule.name))
}

/// Whether what stands behind a key's colon announces a block: it is no value itself.
pub(super) fn is_announced(bytes: &[u8], from: usize) -> bool {
    let line_end = run(bytes, from, |byte| byte != b'\n');
    line_end < bytes.len() && is_block_header(bytes[from..line_end].trim_ascii_end())
}

/// `|` or `>`, with how far it is indented and what becomes of its last line ends (YAML 1.2.2, section 8.1).
fn is_block_header(header: &[u8]) -> bool {
    let Some((b'|' | b'>', rest)) = header.split_first() else { return false };
    let comment = rest.iter().position(|byte| *byte == b'#').unwrap_or(rest.len());
    rest[..comment].trim_ascii_end().iter().all(|byte| matches!(byte, b'+' | b'-' | b'1'..=b'9'))
}

/// From the first text to the last of the lines that are indented further; empty lines belong to what is around them.
fn indented(bytes: &[u8], from: usize, indent: usize) -> Option<(usize, usize)> {
    let (mut at, mut first, mut end) = (from, None, from);
    while at < bytes.len() {
        let text = run(bytes, at, is_blank);
        let line_end = run(bytes, text, |byte| byte != b'\n');
        let is_empty = bytes[text..line_end].trim_ascii().is_empty();
        if !is_empty {
            if text - at <= indent {
                break;
            }
            first = first.or(Some(text));
            end = text + bytes[text..line_end].trim_ascii_end().len();
        }
        at = line_end + 1;
    }
    first.map(|first| (first, end))
}

fn is_one_value(value: &[u8]) -> bool {
    let is_key = value.ends_with(b":");
    let is_one_word = run_over_marks(value, 0, |byte| !is_blank(byte)) == value.len();
    is_one_word && !is_key && is_no_plain_word(value)
}
