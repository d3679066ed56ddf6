//! Which keys name a credential. A key is folded to words (`secretAccessKey`, `X-Api-Key` and `api_key` are all words of
//! lower-case letters) and judged by what it ends with, so that `token` and `sessionToken` are one and `token_type` is
//! not. Names that are the end of no other word are compared by their letters alone, so that `PGPASSWORD`, `clientsecret` and
//! `PassWord` are found as well.

use super::marks::mark_end;

/// A rule for the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRule {
    /// What the mark calls it.
    pub name: &'static str,
    /// How much of what is within an object under the key is masked.
    pub reach: Reach,
    /// Whether a number under the key is more likely a count or a time than a credential.
    pub spares_numbers: bool,
}

/// How far into an object a rule reaches: an object under `password` is nothing but passwords, one under `token` often a
/// description of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everything.
    Everything,
    /// Everything but what describes it: its name, type, times.
    Contents,
    /// What is called its value or data.
    Values,
}

/// How a name is looked for at the end of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// By its letters, wherever words end.
    Letters,
    /// As words of their own: it is the end of other words too.
    Words,
    /// As all of the key: with other words before it, it is another thing (`boarding_pass`, `gpio_pin`, `last_auth`).
    Whole,
}

use Fit::{Letters, Whole, Words};
use Reach::{Contents, Everything, Values};

/// What a key ends with whose value is a credential; each also with an `s` behind it.
const NAMES: &[(&str, Reach, Fit)] = &[
    ("password", Everything, Letters),
    ("passwd", Everything, Letters),
    ("passphrase", Everything, Letters),
    ("passcode", Everything, Letters),
    ("pwd", Everything, Letters),
    (PASS, Values, Whole),
    ("pw", Everything, Words),
    ("pword", Everything, Words),
    ("pswd", Everything, Letters),
    ("passwort", Everything, Letters),
    ("kennwort", Everything, Letters),
    ("pin", Values, Whole),
    ("card_pin", Values, Words),
    ("user_pin", Values, Words),
    ("sim_pin", Values, Words),
    ("cvv", Values, Whole),
    ("cvc", Values, Whole),
    ("psk", Values, Whole),
    ("pre_shared_key", Values, Letters),
    ("shared_key", Values, Words),
    ("seed_phrase", Everything, Words),
    ("mnemonic", Values, Whole),
    (AUTH, Values, Whole),
    ("basic_auth", Values, Words),
    ("http_auth", Values, Words),
    ("proxy_auth", Values, Words),
    ("registry_auth", Values, Words),
    ("bearer", Values, Whole),
    ("auth_code", Values, Words),
    ("authorization_code", Values, Words),
    ("verification_code", Values, Words),
    ("security_code", Values, Words),
    ("recovery_code", Values, Words),
    ("backup_code", Values, Words),
    ("one_time_code", Values, Words),
    ("mfa_code", Values, Words),
    ("private_key", Everything, Letters),
    ("secret", Contents, Letters),
    ("credential", Contents, Letters),
    ("cred", Contents, Words),
    ("cookie", Contents, Letters),
    ("token", Values, Letters),
    ("token_code", Values, Words),
    ("authorization", Values, Words),
    ("api_key", Values, Letters),
    ("access_key", Values, Letters),
    ("secret_key", Values, Letters),
    ("signing_key", Values, Letters),
    ("account_key", Values, Letters),
    ("encryption_key", Values, Letters),
    ("decryption_key", Values, Letters),
    ("master_key", Values, Letters),
    (SSH_KEY, Values, Letters),
    ("client_assertion", Values, Letters),
    ("jwt", Values, Words),
    ("otp", Values, Words),
    ("totp", Values, Words),
];

/// Short for a password where one of [`OWNERS`] stands before it, in one word or two: `db_pass`, `PGPASS`, `rootpw`.
const SHORT: [&str; 2] = ["pass", "pw"];
/// Whose password it is; with other words before it, `pass` is another thing.
const OWNERS: &[&str] = &[
    "db", "database", "sql", "pg", "postgres", "mongo", "redis", "smtp", "imap", "mail", "ftp", "ldap", "auth",
    "login", "user", "admin", "root", "sudo", "ssh", "vpn", "wifi", "key", "store", "rpc",
];

/// The name whose values are as often counts as passwords.
pub(super) const PASS: &str = "pass";
/// The name whose values are as often the way in which somebody signs in as what they sign in with. So are those of names that
/// end with it.
pub(super) const AUTH: &str = "auth";

/// The name whose values are as often public as private.
pub(super) const SSH_KEY: &str = "ssh_key";

/// Ends of keys, by their letters, that end as a credential's does and name none: places in a list, ids of requests, names,
/// digests of what cannot be guessed.
const HARMLESS: &[&str] = &[
    "next_token",
    "page_token",
    "pagination_token",
    "continuation_token",
    "start_token",
    "marker_token",
    "cursor_token",
    "resume_token",
    "cancellation_token",
    "client_token",
    "client_request_token",
    "request_token",
    "idempotency_token",
    "sync_token",
    "hashed_token",
    "image_pull_secret",
    "requires_password",
];

/// Words behind the name of a credential that leave its value one: `secretValue`, `password_old`.
const TAILS: &[&str] =
    &["value", "base", "plaintext", "text", "plain", "old", "new", "confirm", "confirmation", "string", "binary"];

/// Words behind the name of a password that leave its value worth guessing at.
const DIGESTS: &[&str] = &["hash", "digest"];

/// Further names that are credentials as parameters of a URL or of a command.
const PARAMETERS: &[&str] = &["sig", "x_amz_signature", "x_goog_signature", "signature"];

/// Last words of keys that say something of a credential and hold none.
const DESCRIPTIONS: &[&str] = &[
    "algorithm",
    "annotation",
    "arn",
    "at",
    "age",
    "backend",
    "count",
    "date",
    "description",
    "domain",
    "email",
    "enabled",
    "engine",
    "environment",
    "expiration",
    "expire",
    "expires",
    "expiry",
    "id",
    "in",
    "issuer",
    "key",
    "kind",
    "label",
    "login",
    "message",
    "mode",
    "name",
    "namespace",
    "only",
    "optional",
    "owner",
    "path",
    "prefix",
    "project",
    "provider",
    "reason",
    "ref",
    "reference",
    "region",
    "role",
    "scope",
    "secure",
    "site",
    "size",
    "source",
    "state",
    "status",
    "store",
    "time",
    "type",
    "uid",
    "url",
    "user",
    "username",
    "version",
    "method",
];

/// Keys of the value of something that another key names.
const VALUES: &[&str] =
    &["value", "val", "data", "stringdata", "binarydata", "before", "after", "oldvalue", "newvalue", "plaintext"];

/// Longest key that is looked at, in bytes; of a longer one, its end.
pub(super) const KEY_BYTES_MAX: usize = 96;

impl KeyRule {
    /// What is left of the rule for a field of an object under its key.
    pub fn within(self, key: &str) -> Option<KeyRule> {
        match self.reach {
            Everything => Some(self),
            Contents if is_value_key(key) => Some(KeyRule { reach: Everything, ..self }),
            Contents => (!describes(key)).then_some(KeyRule { spares_numbers: true, ..self }),
            Values => is_value_key(key).then_some(KeyRule { reach: Everything, ..self }),
        }
    }
}

/// The built-in rule for a key.
#[inline]
pub(super) fn built_in(key: &str) -> Option<KeyRule> {
    // Most keys end with none of a few letters, and that is all that is asked of them.
    if !may_name_a_credential(key.as_bytes()) {
        return None;
    }
    let folded = folded(key);
    of_folded(&folded).or_else(|| {
        let before = |tails: &[&str]| tails.iter().find_map(|tail| words_before(&folded, tail));
        let named = before(TAILS).and_then(of_folded);
        named.or_else(|| before(DIGESTS).and_then(of_folded).filter(|rule| rule.reach == Everything))
    })
}

fn of_folded(folded: &str) -> Option<KeyRule> {
    let one = folded.strip_suffix('s').filter(|one| !one.ends_with('s')).unwrap_or(folded);
    let listed = NAMES.iter().find(|(name, _, fit)| match fit {
        Letters => ends_with_letters(one, name),
        Words => ends_with_words(one, name),
        Whole => one == *name,
    });
    let (name, reach) = match listed {
        Some((name, reach, _)) => (*name, *reach),
        None => is_short_password(one).then_some(("password", Everything))?,
    };
    let spares_numbers = one.len() < folded.len() || name == PASS;
    let is_harmless = HARMLESS.iter().any(|name| ends_with_letters(one, name));
    (!is_harmless).then_some(KeyRule { name, reach, spares_numbers })
}

fn is_short_password(folded: &str) -> bool {
    let owner = SHORT.iter().find_map(|short| folded.strip_suffix(short));
    owner.is_some_and(|owner| OWNERS.iter().any(|name| ends_with_letters(owner, name)))
}

/// The built-in rule for a parameter of a URL or of a command.
pub(super) fn of_parameter(key: &str) -> Option<KeyRule> {
    built_in(key).or_else(|| {
        if !ends_with_any_case(key.as_bytes(), b"sig") && !ends_with_any_case(key.as_bytes(), b"signature") {
            return None;
        }
        let folded = folded(key);
        let name = PARAMETERS.iter().find(|name| folded == **name)?;
        Some(KeyRule { name, reach: Values, spares_numbers: false })
    })
}

/// Whether a rule is for parameters of URLs alone: elsewhere a signature is no credential.
pub(super) fn is_of_urls(name: &str) -> bool {
    PARAMETERS.contains(&name)
}

/// Whether a key says that its value is an id.
pub(super) fn names_an_id(key: &str) -> bool {
    key.get(key.len().saturating_sub(2)..).is_some_and(|end| end.eq_ignore_ascii_case("id"))
}

/// Whether the value of a key says something of a credential and is none.
fn describes(key: &str) -> bool {
    let folded = folded(key);
    let last = folded.rsplit('_').next().unwrap_or_default();
    let one = last.strip_suffix('s').unwrap_or(last);
    DESCRIPTIONS.iter().any(|word| *word == last || *word == one)
}

/// Whether a key is that of the value of what another key names.
pub(super) fn is_value_key(key: &str) -> bool {
    const BYTES_MAX: usize = 12;
    if key.len() > BYTES_MAX {
        return false;
    }
    let letters = || key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let is = |name: &str| letters().eq(name.bytes()) || letters().eq(name.bytes().chain([b's']));
    VALUES.iter().any(|name| is(name))
}

fn ends_with_any_case(bytes: &[u8], end: &[u8]) -> bool {
    bytes.len() >= end.len() && bytes[bytes.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Whether the letters at the end of a key are those of some name, so that it is worth a closer look.
pub(super) fn may_name_a_credential(key: &[u8]) -> bool {
    let letters = |bytes: &[u8]| bytes.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    let key = &key[..letters(key)];
    if ends_as_a_name(key) {
        return true;
    }
    let tails: &[&[u8]] = match key.last().map_or(0, |last| last | 0x20) {
        b'e' => &[b"value", b"base"],
        b't' => &[b"text", b"digest"],
        b'n' => &[b"plain", b"confirmation"],
        b'd' => &[b"old"],
        b'w' => &[b"new"],
        b'm' => &[b"confirm"],
        b'h' => &[b"hash"],
        b'g' => &[b"string"],
        b'y' => &[b"binary"],
        _ => return false,
    };
    tails.iter().filter(|tail| ends_with_any_case(key, tail)).any(|tail| {
        let before = &key[..key.len() - tail.len()];
        // `plaintext` is one tail, of which the loop sees the end.
        let before = if ends_with_any_case(before, b"plain") { &before[..before.len() - 5] } else { before };
        ends_as_a_name(&before[..letters(before)])
    })
}

fn ends_as_a_name(key: &[u8]) -> bool {
    let one = match key {
        [before @ .., b's' | b'S'] if !matches!(before.last(), Some(b's' | b'S')) => before,
        _ => key,
    };
    let Some(&[a, b, c]) = one.last_chunk::<3>() else { return one.eq_ignore_ascii_case(b"pw") };
    match &[a | 0x20, b | 0x20, c | 0x20] {
        b"ord" | b"swd" | b"pwd" | b"ase" | b"ode" | b"ass" | b"key" | b"ret" | b"ken" | b"kie" | b"ial" | b"jwt"
        | b"otp" | b"pin" | b"cvv" | b"cvc" | b"psk" | b"uth" | b"rer" | b"nic" => true,
        [_, b'p', b'w'] => true,
        b"ort" => ends_with_any_case(one, b"wort"),
        b"red" => ends_with_any_case(one, b"cred"),
        b"ion" => ends_with_any_case(one, b"zation") || ends_with_any_case(one, b"sertion"),
        _ => false,
    }
}

/// The words of a key in lower case, joined by `_`, without the number that it may end with. A mark in it is no word: it names
/// its rule.
pub(super) fn folded(key: &str) -> String {
    let from = key.len().saturating_sub(KEY_BYTES_MAX);
    let bytes = &key.as_bytes()[from..];
    let mut folded = String::with_capacity(bytes.len() + 8);
    let mut kept_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if at < kept_from {
            continue;
        }
        if byte == b'['
            && let Some(end) = mark_end(bytes, at)
        {
            folded.push('*');
            kept_from = end;
            continue;
        }
        if !byte.is_ascii_alphanumeric() {
            if !folded.is_empty() && !folded.ends_with('_') {
                folded.push('_');
            }
            continue;
        }
        if byte.is_ascii_uppercase() && at > 0 {
            let before = bytes[at - 1];
            // The `s` of `IBANs` begins no word.
            let is_plural = |after: &[u8]| after[0] == b's' && !after.get(1).is_some_and(u8::is_ascii_lowercase);
            let begins_word = |after: &[u8]| after[0].is_ascii_lowercase() && !is_plural(after);
            let ends_capitals = before.is_ascii_uppercase()
                && bytes.get(at + 1..).is_some_and(|after| !after.is_empty() && begins_word(after));
            if (before.is_ascii_lowercase() || before.is_ascii_digit() || ends_capitals) && !folded.ends_with('_') {
                folded.push('_');
            }
        }
        folded.push(char::from(byte.to_ascii_lowercase()));
    }
    let words = folded.trim_end_matches(|last: char| last.is_ascii_digit() || last == '_').len();
    // A key of digits alone keeps them.
    if words > 0 {
        folded.truncate(words);
    }
    folded
}

/// Whether the folded key ends with these words.
pub(super) fn ends_with_words(folded: &str, words: &str) -> bool {
    folded.strip_suffix(words).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

/// Whether the folded key is or ends with these words, is the same letters, or is either with an `s` behind it.
pub(super) fn is_own(folded: &str, own: &str) -> bool {
    let is = |folded: &str| ends_with_words(folded, own) || letters(folded).eq(letters(own));
    is(folded) || folded.strip_suffix('s').is_some_and(is)
}

/// Whether the folded key is or ends with these words, or is the same letters.
pub(super) fn is_kept(folded: &str, own: &str) -> bool {
    ends_with_words(folded, own) || letters(folded).eq(letters(own))
}

fn letters(folded: &str) -> impl Iterator<Item = u8> {
    folded.bytes().filter(|byte| *byte != b'_')
}

/// Whether the letters of the folded key end with those of a name.
fn ends_with_letters(folded: &str, name: &str) -> bool {
    let mut key = folded.bytes().rev().filter(|byte| *byte != b'_');
    name.bytes().rev().filter(|byte| *byte != b'_').all(|letter| key.next() == Some(letter))
}

fn words_before<'f>(folded: &'f str, tail: &str) -> Option<&'f str> {
    folded.strip_suffix(tail)?.strip_suffix('_')
}
