//! Tokens that have the form of one wherever they stand: by the prefix that their maker gives them, JSON Web Tokens, bearer
//! tokens, and addresses that are a credential by themselves.

use super::keys;
use super::texts::{Found, is_base64url, is_token68, is_word, key_before, run, run_back};

/// Fewest bytes of a token with a prefix.
pub(super) const BYTES_MIN: usize = 15;

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
pub(super) fn token_at(bytes: &[u8], at: usize) -> Option<Found> {
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
        b"ho" | b"di" | b"ap" => webhook(bytes, at),
        b"AK" => access_key_id(bytes, at),
        b"ey" => json_web_token(bytes, at),
        b"Be" | b"be" | b"BE" if starts_word(rest, b"bearer ") => presented(bytes, at + 7),
        b"Ba" | b"ba" | b"BA" if starts_word(rest, b"basic ") => presented(bytes, at + 6),
        _ => None,
    }
}

/// Addresses at which whoever knows the rest of it may post.
const WEBHOOKS: [&[u8]; 6] = [
    b"hooks.slack.com/services/",
    b"hooks.slack.com/workflows/",
    b"hooks.slack.com/triggers/",
    b"discord.com/api/webhooks/",
    b"discordapp.com/api/webhooks/",
    b"api.telegram.org/bot",
];

fn webhook(bytes: &[u8], at: usize) -> Option<Found> {
    let address = WEBHOOKS.iter().find(|address| bytes[at..].starts_with(address))?;
    let from = at + address.len();
    let end = run(bytes, from, |byte| is_base64url(byte) || matches!(byte, b'/' | b':'));
    (end > from).then_some((from, end, "webhook"))
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

/// From which of these words on, which are as search splits them, they are a token with a prefix of its maker or a JSON Web
/// Token.
pub(super) fn begins_in_words(words: &[String]) -> Option<usize> {
    (0..words.len()).find(|at| {
        let words = &words[*at..];
        is_web_token(words) || PREFIXES.iter().any(|(prefix, fewest, _)| is_token(words, prefix, *fewest))
    })
}

fn is_web_token(words: &[String]) -> bool {
    const PART_CHARS_MIN: usize = 10;
    let begins = |word: &String| word.starts_with("eyj") && word.len() >= PART_CHARS_MIN;
    matches!(words, [header, claims, ..] if begins(header) && begins(claims))
}

/// Whether the words are those of a token with this prefix. Signs in the body of the token part it into words and are lost, so
/// it may look shorter than it was.
fn is_token(words: &[String], prefix: &[u8], fewest: usize) -> bool {
    const BODY_WORD_CHARS_MIN: usize = 8;
    let prefix = String::from_utf8_lossy(prefix).to_ascii_lowercase();
    let ends_word = !prefix.ends_with(|last: char| last.is_ascii_alphanumeric());
    let parts: Vec<&str> =
        prefix.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let (whole, begun) = if ends_word { (&parts[..], "") } else { (&parts[..parts.len() - 1], parts[parts.len() - 1]) };
    let Some(body) = words.get(whole.len()..).filter(|body| body.first().is_some_and(|word| word.starts_with(begun)))
    else {
        return false;
    };
    let is_mixed = |word: &String| {
        word.len() >= BODY_WORD_CHARS_MIN
            && word.bytes().any(|byte| byte.is_ascii_digit())
            && word.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let chars: usize = body.iter().map(String::len).sum();
    words.iter().zip(whole).all(|(word, part)| word == part)
        && chars - begun.len() >= fewest * 3 / 4
        && body.iter().any(is_mixed)
}
