//! Credentials within a text: what has the form of one by itself (prefixes that its maker gives it, private keys, JSON
//! Web Tokens, bearer tokens), and what a key of a credential precedes (`password=…`, `"token":"…"`, `--token …`, the
//! password of a URL). One pass over the bytes; most of them are looked at once.

use super::keys::{self, KeyRule};
use super::{MARK_END, MARK_START, Masking, says_nothing};

/// What a byte may begin: nothing, a token at the start of a word, or what needs a look at its neighbours.
const PLAIN: u8 = 0;
const TOKEN: u8 = 1;
const EQUALS: u8 = 2;
const COLON: u8 = 3;
const HYPHEN: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    let starts = b"aAgxsreynphdSBb";
    let mut at = 0;
    while at < starts.len() {
        classes[starts[at] as usize] = TOKEN;
        at += 1;
    }
    classes[b'=' as usize] = EQUALS;
    classes[b':' as usize] = COLON;
    classes[b'-' as usize] = HYPHEN;
    classes
};

/// A part of the text that is to be masked: from, to, the rule's name.
type Found = (usize, usize, &'static str);

/// The text with every credential in it masked; `None` if there is none.
pub(super) fn masked(rules: &Masking, text: &str) -> Option<String> {
    if !rules.forms {
        return None;
    }
    let bytes = text.as_bytes();
    let (mut at, mut kept_to) = (0, 0);
    let mut out: Option<String> = None;
    while let Some(&byte) = bytes.get(at) {
        let class = CLASSES[usize::from(byte)];
        if class == PLAIN {
            at += 1;
            continue;
        }
        let found = match class {
            TOKEN if at == 0 || !is_word(bytes[at - 1]) => token_at(bytes, at),
            EQUALS => after_equals(rules, bytes, at),
            COLON => after_colon(rules, bytes, at),
            HYPHEN => after_hyphen(rules, bytes, at),
            _ => None,
        };
        match found {
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

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// Where a run of such bytes from a place ends.
fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| from + length)
}

/// Tokens with a prefix of their maker: prefix, fewest bytes after it, whether hyphens (and dots) belong to it.
const PREFIXES: [(&[u8], usize, Body); 33] = [
    (b"act_", 40, Body::Word),
    (b"ghp_", 30, Body::Word),
    (b"gho_", 30, Body::Word),
    (b"ghu_", 30, Body::Word),
    (b"ghs_", 30, Body::Word),
    (b"ghr_", 30, Body::Word),
    (b"github_pat_", 22, Body::Word),
    (b"glpat-", 20, Body::Url),
    (b"gldt-", 20, Body::Url),
    (b"glrt-", 20, Body::Url),
    (b"xoxb-", 10, Body::Url),
    (b"xoxp-", 10, Body::Url),
    (b"xoxa-", 10, Body::Url),
    (b"xoxe-", 10, Body::Url),
    (b"xoxr-", 10, Body::Url),
    (b"xoxs-", 10, Body::Url),
    (b"xoxo-", 10, Body::Url),
    (b"xapp-", 10, Body::Url),
    (b"sk_live_", 16, Body::Word),
    (b"sk_test_", 16, Body::Word),
    (b"rk_live_", 16, Body::Word),
    (b"sk-ant-", 20, Body::Url),
    (b"sk-proj-", 20, Body::Url),
    (b"AIza", 35, Body::Url),
    (b"ya29.", 20, Body::Url),
    (b"npm_", 36, Body::Word),
    (b"pypi-AgEI", 40, Body::Url),
    (b"hvs.", 24, Body::Url),
    (b"dop_v1_", 64, Body::Word),
    (b"dckr_pat_", 20, Body::Url),
    (b"shpat_", 32, Body::Word),
    (b"SG.", 40, Body::Dotted),
    (b"hf_", 34, Body::Word),
];

/// Of what a token consists after its prefix.
#[derive(Clone, Copy)]
enum Body {
    /// Letters, digits and `_`.
    Word,
    /// These and `-`.
    Url,
    /// These and `.`.
    Dotted,
}

/// A credential that begins here, by its own form.
fn token_at(bytes: &[u8], at: usize) -> Option<Found> {
    let rest = &bytes[at..];
    let start = rest.first_chunk::<2>()?;
    match start {
        b"ac" | b"gh" | b"gi" | b"gl" | b"xo" | b"xa" | b"sk" | b"rk" | b"AI" | b"ya" | b"np" | b"py" | b"hv"
        | b"do" | b"dc" | b"sh" | b"SG" | b"hf" => {
            let (prefix, fewest, body) = PREFIXES.iter().find(|(prefix, ..)| rest.starts_with(prefix))?;
            let from = at + prefix.len();
            let end = match body {
                Body::Word => run(bytes, from, is_word),
                Body::Url => run(bytes, from, is_base64url),
                Body::Dotted => run(bytes, from, |byte| is_base64url(byte) || byte == b'.'),
            };
            (end - from >= *fewest).then_some((at, end, "token"))
        }
        b"AK" => access_key_id(bytes, at),
        b"ey" => json_web_token(bytes, at),
        b"Be" | b"be" | b"BE" if starts_word(rest, b"bearer ") => presented(bytes, at + 7),
        b"Ba" | b"ba" | b"BA" if starts_word(rest, b"basic ") => presented(bytes, at + 6),
        _ => None,
    }
}

/// Bytes of the id of an AWS access key.
const ACCESS_KEY_ID_BYTES: usize = 20;

/// Whether a text is the id of a lasting AWS access key and nothing else.
pub(super) fn is_access_key_id(text: &str) -> bool {
    text.len() == ACCESS_KEY_ID_BYTES && access_key_id(text.as_bytes(), 0).is_some()
}

/// The id of a lasting AWS access key. It is half of a credential and goes where the other half went; under a key that
/// calls it an id it is what it says.
fn access_key_id(bytes: &[u8], at: usize) -> Option<Found> {
    let end = run(bytes, at, is_word);
    let id = &bytes[at..end];
    let is_one = id.len() == ACCESS_KEY_ID_BYTES
        && id.starts_with(b"AKIA")
        && id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let before = bytes[..at].trim_ascii_end();
    let key_end = run_back(before, |byte| b"\"\\:= ".contains(&byte));
    let is_named = key_end < before.len() && names_an_id_bytes(key_before(before, key_end));
    (is_one && !is_named).then_some((at, end, "token"))
}

fn names_an_id_bytes(key: &[u8]) -> bool {
    std::str::from_utf8(key).is_ok_and(keys::names_an_id)
}

/// Where a run of such bytes before the end begins.
fn run_back(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().rposition(|byte| !belongs(*byte)).map_or(0, |before| before + 1)
}

fn starts_word(rest: &[u8], word: &[u8]) -> bool {
    rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// `eyJ….eyJ….…`: header, claims and signature.
fn json_web_token(bytes: &[u8], at: usize) -> Option<Found> {
    const SIGNATURE_BYTES_MIN: usize = 16;
    if !bytes[at..].starts_with(b"eyJ") {
        return None;
    }
    let header = run(bytes, at, is_base64url);
    if !bytes[header..].starts_with(b".eyJ") {
        return None;
    }
    let claims = run(bytes, header + 1, is_base64url);
    if bytes.get(claims) != Some(&b'.') {
        return None;
    }
    let end = run(bytes, claims + 1, is_base64url);
    (end - claims > SIGNATURE_BYTES_MIN).then_some((at, end, "jwt"))
}

/// What stands after `Bearer` or `Basic`, if it is long enough and not a word of prose.
fn presented(bytes: &[u8], from: usize) -> Option<Found> {
    const BYTES_MIN: usize = 16;
    let end = run(bytes, from, is_token68);
    let credential = bytes.get(from..end)?;
    let mixed = credential.iter().any(u8::is_ascii_digit) || credential.iter().any(u8::is_ascii_uppercase);
    (credential.len() >= BYTES_MIN && mixed).then_some((from, end, "authorization"))
}

/// `key=value`.
fn after_equals(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    let rule = parameter_rule(rules, key_before(bytes, at))?;
    value_from(bytes, at + 1, rule)
}

fn parameter_rule(rules: &Masking, key: &[u8]) -> Option<KeyRule> {
    let key = std::str::from_utf8(key).ok().filter(|key| !key.is_empty())?;
    if !rules.mask.is_empty() || !rules.keep.is_empty() {
        let folded = keys::folded(key);
        if rules.keep.iter().any(|keep| keys::ends_with_words(&folded, keep)) {
            return None;
        }
        if let Some(rule) = rules.key_rule(key) {
            return Some(rule);
        }
    }
    keys::of_parameter(key)
}

/// The letters, digits, `_`, `-` and `.` directly before a place.
fn key_before(bytes: &[u8], end: usize) -> &[u8] {
    let belongs = |byte: &u8| is_base64url(*byte) || *byte == b'.';
    let start = bytes[..end].iter().rposition(|byte| !belongs(byte)).map_or(0, |before| before + 1);
    &bytes[start..end]
}

/// A value in quotes or up to what ends one.
fn value_from(bytes: &[u8], from: usize, rule: KeyRule) -> Option<Found> {
    let (from, end) = match bytes.get(from)? {
        quote @ (b'"' | b'\'') => {
            let end = bytes[from + 1..].iter().position(|byte| byte == quote)?;
            (from + 1, from + 1 + end)
        }
        _ => (from, run(bytes, from, |byte| !byte.is_ascii_whitespace() && !b"&;,\"'<>()[]{}\\".contains(&byte))),
    };
    (end > from).then_some((from, end, rule.name))
}

/// `"key":"value"`, also with its quotes escaped, and `scheme://user:password@host`.
fn after_colon(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    if bytes[at + 1..].starts_with(b"//") {
        return url_password(bytes, at + 3);
    }
    let before = bytes[..at].strip_suffix(b"\"")?;
    // JSON within JSON has a backslash before each quote, and within that three.
    let key_end = run_back(before, |byte| byte == b'\\');
    let quote = &bytes[key_end..at];
    let is_escaped = quote.len() > 1;
    let rule = parameter_rule(rules, key_before(before, key_end))?;
    let from = run(bytes, at + 1, |byte| byte == b' ');
    if !bytes[from..].starts_with(quote) {
        // A number is as good as a text; what is neither is no value.
        let end = run(bytes, from, |byte| byte.is_ascii_digit());
        return (end > from && !rule.is_plural()).then_some((from, end, rule.name));
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

fn url_password(bytes: &[u8], from: usize) -> Option<Found> {
    let end = run(bytes, from, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>\\".contains(&byte));
    let user_info = &bytes[from..end];
    let at_sign = user_info.iter().rposition(|byte| *byte == b'@')?;
    let colon = user_info[..at_sign].iter().position(|byte| *byte == b':')?;
    (colon + 1 < at_sign).then_some((from + colon + 1, from + at_sign, "password"))
}

/// `--key value`, and the beginning of a private key.
fn after_hyphen(rules: &Masking, bytes: &[u8], at: usize) -> Option<Found> {
    let rest = &bytes[at..];
    if !rest.starts_with(b"--") || (at > 0 && bytes[at - 1] == b'-') {
        return None;
    }
    if rest.starts_with(b"-----BEGIN ") {
        return private_key(bytes, at);
    }
    let key_end = run(bytes, at + 2, is_base64url);
    if bytes.get(key_end) != Some(&b' ') || bytes.get(key_end + 1) == Some(&b'-') {
        return None;
    }
    let rule = parameter_rule(rules, &bytes[at + 2..key_end])?;
    value_from(bytes, key_end + 1, rule)
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
