//! Which keys name a credential. A key is folded to words (`secretAccessKey`, `X-Api-Key` and `api_key` are all words of
//! lower-case letters) and judged by the words it ends with, so that `token` and `sessionToken` are one and `token_type`
//! is not.

/// A rule for the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRule {
    /// What the mark calls it.
    pub name: &'static str,
    /// Whether everything within an object under the key is masked, and not only what is directly there.
    pub deep: bool,
}

impl KeyRule {
    /// Whether a number under the key is more likely a count than a credential.
    pub fn is_plural(self) -> bool {
        self.name.ends_with('s')
    }
}

/// Words at the end of a key whose value is a credential, and whether all within an object is.
const NAMES: [(&str, bool); 33] = [
    ("password", true),
    ("passwd", true),
    ("passphrase", true),
    ("passcode", true),
    ("pwd", true),
    ("passwords", true),
    ("private_key", true),
    ("privatekey", true),
    ("secret", false),
    ("secrets", false),
    ("token", false),
    ("tokens", false),
    ("authtoken", false),
    ("accesstoken", false),
    ("refreshtoken", false),
    ("sessiontoken", false),
    ("token_code", false),
    ("authorization", false),
    ("cookie", false),
    ("cookies", false),
    ("credential", false),
    ("credentials", false),
    ("api_key", false),
    ("apikey", false),
    ("access_key", false),
    ("accesskey", false),
    ("secret_key", false),
    ("secretkey", false),
    ("signing_key", false),
    ("account_key", false),
    ("jwt", false),
    ("otp", false),
    ("client_assertion", false),
];

/// Words at the end of a key that end as a credential's does and name none: places in a list, ids of requests, names.
const HARMLESS: [&str; 14] = [
    "next_token",
    "page_token",
    "pagination_token",
    "continuation_token",
    "start_token",
    "marker_token",
    "client_token",
    "client_request_token",
    "request_token",
    "idempotency_token",
    "sync_token",
    "image_pull_secrets",
    "http_tokens",
    "requires_password",
];

/// Further names that are credentials as parameters of a URL or of a command.
const PARAMETERS: [&str; 4] = ["sig", "x_amz_signature", "x_goog_signature", "signature"];

/// Longest key that is looked at, in bytes; of a longer one, its end.
const KEY_BYTES_MAX: usize = 96;

/// The built-in rule for a key.
#[inline]
pub(super) fn built_in(key: &str) -> Option<KeyRule> {
    // Most keys end with none of these three letters, and that is all that is asked of them.
    if !may_name_a_credential(key) {
        return None;
    }
    let folded = folded(key);
    let rule = NAMES.iter().find(|(name, _)| ends_with_words(&folded, name));
    let rule = rule.map(|(name, deep)| KeyRule { name, deep: *deep })?;
    if HARMLESS.iter().any(|name| ends_with_words(&folded, name)) { None } else { Some(rule) }
}

/// The built-in rule for a parameter of a URL or of a command.
pub(super) fn of_parameter(key: &str) -> Option<KeyRule> {
    built_in(key).or_else(|| {
        let folded = folded(key);
        let name = PARAMETERS.iter().find(|name| folded == **name)?;
        Some(KeyRule { name, deep: false })
    })
}

/// Whether a key says that its value is an id.
pub(super) fn names_an_id(key: &str) -> bool {
    key.get(key.len().saturating_sub(2)..).is_some_and(|end| end.eq_ignore_ascii_case("id"))
}

fn may_name_a_credential(key: &str) -> bool {
    let bytes = key.as_bytes();
    let end = bytes.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    let Some(&[a, b, c]) = bytes[..end].last_chunk::<3>() else { return false };
    matches!(
        &[a | 0x20, b | 0x20, c | 0x20],
        b"ord"
            | b"swd"
            | b"pwd"
            | b"ase"
            | b"ode"
            | b"rds"
            | b"key"
            | b"ret"
            | b"ets"
            | b"ken"
            | b"ens"
            | b"ion"
            | b"kie"
            | b"ies"
            | b"ial"
            | b"als"
            | b"jwt"
            | b"otp"
    )
}

/// The words of a key in lower case, joined by `_`, without the number that it may end with.
pub(super) fn folded(key: &str) -> String {
    let from = key.len().saturating_sub(KEY_BYTES_MAX);
    let bytes = &key.as_bytes()[from..];
    let mut folded = String::with_capacity(bytes.len() + 8);
    for (at, &byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            if !folded.is_empty() && !folded.ends_with('_') {
                folded.push('_');
            }
            continue;
        }
        if byte.is_ascii_uppercase() && at > 0 {
            let before = bytes[at - 1];
            let ends_capitals =
                before.is_ascii_uppercase() && bytes.get(at + 1).is_some_and(|next| next.is_ascii_lowercase());
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
