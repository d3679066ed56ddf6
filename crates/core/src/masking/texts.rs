//! Credentials within a text: what has the form of one by itself (see `tokens`; private keys), and what a key of a credential
//! precedes: `password=…`, `password: …`, `"token":"…"`, `--token …`, `<secret>…</secret>`, headers, the password of a
//! URL. One pass over the bytes; most of them are looked at once.

use super::blocks;
use super::commands;
use super::keys::{self, KeyRule};
use super::marks::{is_marks, mark_around, mark_end, run_over_marks, run_over_marks_until};
use super::tokens::token_at;
use super::{MARK_END, MARK_START, Masking, WHOLE_TEXT, is_left_for, is_number, says_nothing};

/// What a byte may begin: nothing, a token at the start of a word, or what needs a look at its neighbours.
const PLAIN: u8 = 0;
const TOKEN: u8 = 1;
const EQUALS: u8 = 2;
const COLON: u8 = 3;
const HYPHEN: u8 = 4;
const TAG_END: u8 = 5;
const PERCENT: u8 = 6;
const BRACKET: u8 = 7;

/// By whether a character of a word stands before the byte.
const CLASSES: [[u8; 256]; 2] = [classes(b"aAgxsreynphdSBb"), classes(b"")];

const fn classes(token_starts: &[u8]) -> [u8; 256] {
    let mut classes = [PLAIN; 256];
    let mut at = 0;
    while at < token_starts.len() {
        classes[token_starts[at] as usize] = TOKEN;
        at += 1;
    }
    classes[b'=' as usize] = EQUALS;
    classes[b':' as usize] = COLON;
    classes[b'-' as usize] = HYPHEN;
    classes[b'>' as usize] = TAG_END;
    classes[b'%' as usize] = PERCENT;
    classes[b'[' as usize] = BRACKET;
    classes
}

/// What [`is_word`] says of each byte.
const IS_WORD: [bool; 256] = {
    let mut found = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        found[byte] = is_word(byte as u8);
        byte += 1;
    }
    found
};

/// A part of the text that is to be masked: from, to, the rule's name.
pub(super) type Found = (usize, usize, &'static str);

/// The text with every credential in it masked; `None` if there is none.
pub(super) fn masked(rules: &Masking, text: &str) -> Option<String> {
    // A mark is shorter than what it stands for, or parts what was one: then there may be more to see around it. Of a text in which
    // there is more each time nothing is kept, so that masking what is masked changes nothing, whatever the text.
    const ROUNDS_MAX: usize = 4;
    if !rules.forms {
        return None;
    }
    let mut masked = masked_once(rules, text)?;
    for _ in 0..ROUNDS_MAX {
        let Some(more) = masked_once(rules, &masked) else { return Some(masked) };
        masked = more;
    }
    Some(WHOLE_TEXT.to_owned())
}

fn masked_once(rules: &Masking, text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut at, mut kept_to) = (0, 0);
    let mut out: Option<String> = None;
    while let Some(&byte) = bytes.get(at) {
        // Within a word a letter begins nothing; to look that up costs less than to ask for most letters.
        let in_word = at > 0 && IS_WORD[usize::from(bytes[at - 1])];
        let class = CLASSES[usize::from(in_word)][usize::from(byte)];
        if class == PLAIN {
            at += 1;
            continue;
        }
        if class == BRACKET {
            at = mark_end(bytes, at).unwrap_or(at + 1);
            continue;
        }
        let found = match class {
            TOKEN => token_at(bytes, at),
            EQUALS => after_equals(rules, bytes, at),
            COLON => after_colon(rules, bytes, at),
            HYPHEN => after_hyphen(rules, bytes, at),
            TAG_END => after_tag(rules, bytes, at),
            PERCENT => after_encoded_equals(rules, bytes, at),
            _ => None,
        };
        match found.map(|found| with_marks_whole(bytes, found)) {
            // Nothing within it is looked at again.
            Some((from, to, name)) if is_left_for(name, &text[from..to]) => at = to.max(at + 1),
            // What follows a key begins and ends at ASCII, so the pieces are whole characters.
            Some((from, to, name)) if from >= kept_to && !says_nothing(&text[from..to]) => {
                let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
                out.push_str(&text[kept_to..from]);
                out.push_str(MARK_START);
                out.push_str(name);
                out.push_str(MARK_END);
                (at, kept_to) = (to, to);
            }
            _ => at += 1,
        }
    }
    if let Some(out) = &mut out {
        out.push_str(&text[kept_to..]);
    }
    out
}

/// What was found, with the marks whole that it begins or ends within. Of marks alone nothing is left to mask.
fn with_marks_whole(bytes: &[u8], (from, to, name): Found) -> Found {
    let from = mark_around(bytes, from).map_or(from, |(start, _)| start);
    let to = mark_around(bytes, to.saturating_sub(1)).map_or(to, |(_, end)| end.max(to));
    if is_marks(&bytes[from..to]) { (from, from, name) } else { (from, to, name) }
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

pub(super) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

pub(super) fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// Where a run of such bytes from a place ends.
pub(super) fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| from + length)
}

/// Whether a byte can be of a key that a value follows.
pub(super) fn is_of_key(byte: u8) -> bool {
    is_base64url(byte) || byte == b'.'
}

/// Whether a byte parts a key from the sign behind it, or that from the value.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `key=value`, also `key = value`, and with `==`, `=>` or `:=`.
fn after_equals(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    let before = bytes[..at].strip_suffix(b":").unwrap_or(&bytes[..at]);
    let key_end = run_back(before, is_blank);
    let rule = parameter_rule(rules, key_before(bytes, key_end))?;
    let from = if matches!(bytes.get(at + 1), Some(b'=' | b'>')) { at + 2 } else { at + 1 };
    let from = if key_end < at { run(bytes, from, is_blank) } else { from };
    value_from(bytes, from, rule)
}

/// `key%3Dvalue`, as a URL within a parameter of another has it.
fn after_encoded_equals(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    let sign = [&b"%3D"[..], b"%3d", b"%253D", b"%253d"].into_iter().find(|sign| bytes[at..].starts_with(sign))?;
    let mut key = key_before(bytes, at);
    if bytes[..at - key.len()].ends_with(b"%") {
        // The sign before the key is encoded as well, and its digits are none of the key.
        key = key.strip_prefix(b"25").unwrap_or(key).get(2..)?;
    }
    let rule = parameter_rule(rules, key)?;
    let from = at + sign.len();
    let ends = |rest: &[u8]| {
        rest[0].is_ascii_whitespace()
            || b"&;,\"'<>()[]{}\\#".contains(&rest[0])
            || [&b"%26"[..], b"%2526", b"%23", b"%2523"].iter().any(|sign| rest.starts_with(sign))
    };
    let to = run_over_marks_until(bytes, from, ends);
    (to > from).then_some((from, to, rule.name))
}

/// The rule for what follows a key in a text.
pub(super) fn parameter_rule(rules: &Masking, key: &[u8]) -> Option<KeyRule> {
    let key = std::str::from_utf8(key).ok().filter(|key| !key.is_empty())?;
    if !rules.mask.is_empty() || !rules.keep.is_empty() {
        let folded = keys::folded(key);
        if rules.keep.iter().any(|keep| keys::is_kept(&folded, keep)) {
            return None;
        }
        if let Some(rule) = rules.key_rule(key) {
            return Some(rule);
        }
    }
    keys::of_parameter(key)
}

/// The letters, digits, `_`, `-` and `.` directly before a place.
pub(super) fn key_before(bytes: &[u8], end: usize) -> &[u8] {
    let bytes = &bytes[end.saturating_sub(keys::KEY_BYTES_MAX)..end];
    &bytes[run_back(bytes, is_of_key)..]
}

/// Where a run of such bytes before the end begins.
pub(super) fn run_back(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().rposition(|byte| !belongs(*byte)).map_or(0, |before| before + 1)
}

/// A value in quotes or up to what ends one.
pub(super) fn value_from(bytes: &[u8], from: usize, rule: KeyRule) -> Option<Found> {
    let rest = bytes.get(from..)?;
    // A reference to a variable says where the value is.
    if rest.starts_with(b"${") || rest.starts_with(b"$(") {
        return None;
    }
    let (from, end) = match rest.first()? {
        quote @ (b'"' | b'\'') => {
            let end = bytes[from + 1..].iter().position(|byte| byte == quote)?;
            (from + 1, from + 1 + end)
        }
        _ => {
            let belongs = |byte: u8| !byte.is_ascii_whitespace() && !b"&;,\"'<>()[]{}\\".contains(&byte);
            (from, run_over_marks(bytes, from, belongs))
        }
    };
    (end > from).then_some((from, end, rule.name))
}

/// `key: value`, `"key":"value"`, also with its quotes escaped, and `scheme://user:password@host`.
fn after_colon(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    if bytes[at + 1..].starts_with(b"//") {
        return url_password(bytes, at + 3);
    }
    let Some((b'"' | b'\'', before)) = bytes[..at].split_last() else { return after_bare_key(rules, bytes, at) };
    // JSON within JSON has a backslash before each quote, and within that three.
    let key_end = run_back(before, |byte| byte == b'\\');
    let quote = &bytes[key_end..at];
    let is_escaped = quote.len() > 1;
    let rule = parameter_rule(rules, key_before(before, key_end))?;
    let from = run(bytes, at + 1, |byte| byte == b' ');
    if !bytes[from..].starts_with(quote) {
        // A number is as good as a text; what is neither is no value.
        let end = run(bytes, from, |byte| byte.is_ascii_digit());
        return (end > from && !rule.spares_numbers).then_some((from, end, rule.name));
    }
    let from = from + quote.len();
    let mut end = from;
    while end < bytes.len() && !bytes[end..].starts_with(quote) {
        end = match bytes[end] {
            // More backslashes than the quote has are a quote further within.
            b'\\' if is_escaped => run(bytes, end, |byte| byte == b'\\') + 1,
            b'\\' => end + 2,
            _ => end + 1,
        };
    }
    let end = end.min(bytes.len());
    (end > from && std::str::from_utf8(&bytes[from..end]).is_ok()).then_some((from, end, rule.name))
}

/// `key: value` as in YAML, headers and prose: there a plain word behind the colon is more likely a part of the sentence.
fn after_bare_key(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    const UNSPACED_BYTES_MIN: usize = 8;
    let key_end = run_back(&bytes[..at], is_blank);
    let key = key_before(bytes, key_end);
    let rule = parameter_rule(rules, key).filter(|rule| !keys::is_of_urls(rule.name))?;
    // In names with several parts (`arn:…:secret:db`, `registry/token:1.2`) it is no key.
    if matches!(bytes[..key_end - key.len()].last(), Some(b':' | b'/' | b'@')) {
        return None;
    }
    let from = run(bytes, at + 1, is_blank);
    match rule.name {
        "authorization" => return after_authorization(bytes, from, rule),
        "cookie" => return cookies(bytes, from, rule),
        _ => {}
    }
    if let Some(found) = blocks::block(bytes, (key_end - key.len(), from), rule) {
        return Some(found);
    }
    let found = value_from(bytes, from, rule).filter(|_| !blocks::is_announced(bytes, from))?;
    let value = &bytes[found.0..found.1];
    let is_number = value.iter().all(u8::is_ascii_digit);
    let is_value = match (found.0 > from, from > at + 1) {
        (true, _) => true,
        (false, true) => is_no_plain_word(value) && !(rule.spares_numbers && is_number),
        (false, false) => {
            let has = |belongs: fn(&u8) -> bool| value.iter().any(belongs);
            value.len() >= UNSPACED_BYTES_MIN && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
        }
    };
    is_value.then_some(found)
}

/// Whether what stands where a value may stand is not just a word: it has a digit, a sign or a capital within.
pub(super) fn is_no_plain_word(value: &[u8]) -> bool {
    let is_of_prose = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii() || b"-_.!?/".contains(byte);
    let has_capital_within = value.iter().skip(1).any(u8::is_ascii_uppercase);
    !value.iter().all(is_of_prose) || (has_capital_within && value.iter().any(u8::is_ascii_lowercase))
}

/// What stands behind `Authorization:`. Of schemes with parameters all of them go.
fn after_authorization(bytes: &[u8], from: usize, rule: KeyRule) -> Option<Found> {
    const LINE_BYTES_MAX: usize = 2_048;
    let scheme_end = run(bytes, from, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let scheme = &bytes[from..scheme_end];
    let is = |names: &[&str]| names.iter().any(|name| scheme.eq_ignore_ascii_case(name.as_bytes()));
    let start = run(bytes, scheme_end, is_blank);
    let rest = &bytes[start..bytes.len().min(start + LINE_BYTES_MAX)];
    if is(&["digest", "aws4-hmac-sha256", "hawk", "oauth", "signature", "mac"]) {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let line = &rest[..end];
        // A line that is too long is cut between characters.
        let end = start + run_back(line, |byte| !byte.is_ascii());
        return bytes[start..end].contains(&b'=').then_some((start, end, rule.name));
    }
    if is(&["bearer", "basic", "token", "apikey", "negotiate", "ntlm", "key"]) {
        let end = start + run_over_marks(rest, 0, is_token68);
        return is_no_plain_word(&bytes[start..end]).then_some((start, end, rule.name));
    }
    value_from(bytes, from, rule).filter(|(from, to, _)| is_no_plain_word(&bytes[*from..*to]))
}

/// `a=1; b=2` behind `Cookie:`, as far as it goes on so; a mark may stand for some of them.
fn cookies(bytes: &[u8], from: usize, rule: KeyRule) -> Option<Found> {
    let (mut at, mut end) = (from, from);
    loop {
        let name_end = run(bytes, at, |byte| byte.is_ascii_graphic() && !b"=;,\"'[](){}<>\\".contains(&byte));
        let is_named = name_end > at && bytes.get(name_end) == Some(&b'=');
        if !is_named && mark_end(bytes, at).is_none() {
            break;
        }
        let value = if is_named { name_end + 1 } else { at };
        end = run_over_marks(bytes, value, |byte| byte.is_ascii_graphic() && !b";\"'\\".contains(&byte));
        if bytes.get(end) != Some(&b';') {
            break;
        }
        at = run(bytes, end + 1, is_blank);
    }
    (end > from).then_some((from, end, rule.name))
}

/// `<key>value</key>`.
fn after_tag(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    const TAG_BYTES_MAX: usize = 128;
    const CDATA: &[u8] = b"<![CDATA[";
    let before = &bytes[at.saturating_sub(TAG_BYTES_MAX)..at];
    let tag = &before[before.iter().rposition(|byte| *byte == b'<')? + 1..];
    if tag.contains(&b'>') || tag.ends_with(b"/") {
        return None;
    }
    let name = &tag[..run(tag, 0, |byte| is_of_key(byte) || byte == b':')];
    let name = name.rsplit(|byte| *byte == b':').next()?;
    let rule = parameter_rule(rules, name).filter(|rule| !keys::is_of_urls(rule.name))?;
    let rest = &bytes[at + 1..];
    let (from, length) = match rest.strip_prefix(CDATA) {
        Some(rest) => (at + 1 + CDATA.len(), rest.iter().position(|byte| *byte == b']')?),
        None => (at + 1, rest.iter().position(|byte| *byte == b'<')?),
    };
    let value = &bytes[from..from + length];
    let is_value = !value.iter().all(u8::is_ascii_whitespace);
    let is_count = rule.spares_numbers && std::str::from_utf8(value).is_ok_and(is_number);
    (is_value && !is_count).then_some((from, from + length, rule.name))
}

fn url_password(bytes: &[u8], from: usize) -> Option<Found> {
    let end = run_over_marks(bytes, from, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>\\".contains(&byte));
    let user_info = &bytes[from..end];
    let at_sign = user_info.iter().rposition(|byte| *byte == b'@')?;
    let colon = user_info[..at_sign].iter().position(|byte| *byte == b':')?;
    (colon + 1 < at_sign).then_some((from + colon + 1, from + at_sign, "password"))
}

/// `--key value`, `-key value`, and the beginning of a private key.
fn after_hyphen(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    let rest = &bytes[at..];
    if at > 0 && (bytes[at - 1] == b'-' || is_word(bytes[at - 1])) {
        return None;
    }
    if rest.starts_with(b"-----BEGIN ") {
        return private_key(bytes, at);
    }
    if let Some(found) = commands::credential(bytes, at) {
        return Some(found);
    }
    let is_long = rest.starts_with(b"--");
    let key_from = if is_long { at + 2 } else { at + 1 };
    let key_end = run(bytes, key_from, is_base64url);
    if bytes.get(key_end) != Some(&b' ') || bytes.get(key_end + 1) == Some(&b'-') {
        return None;
    }
    let rule = parameter_rule(rules, &bytes[key_from..key_end])?;
    let found = value_from(bytes, key_end + 1, rule);
    found.filter(|(from, to, _)| is_long || is_no_plain_word(&bytes[*from..*to]))
}

/// From `-----BEGIN … PRIVATE KEY-----` to its end, or to the end of the text.
fn private_key(bytes: &[u8], at: usize) -> Option<Found> {
    const LABEL_BYTES_MAX: usize = 48;
    const PRIVATE: &[u8] = b"PRIVATE KEY";
    const END: &[u8] = b"-----END ";
    let label_from = at + b"-----BEGIN ".len();
    let label_to = (label_from + LABEL_BYTES_MAX).min(bytes.len());
    let find = |from: usize, to: usize, wanted: &[u8]| {
        bytes[from..to].windows(wanted.len()).position(|window| window == wanted).map(|position| from + position)
    };
    find(label_from, label_to, PRIVATE)?;
    let end = match find(label_from, bytes.len(), END) {
        Some(end) => {
            let closing = find(end + END.len(), bytes.len(), b"-----");
            closing.map_or(bytes.len(), |closing| closing + 5)
        }
        None => bytes.len(),
    };
    Some((at, end, "private_key"))
}
