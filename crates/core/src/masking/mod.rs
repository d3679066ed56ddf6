//! Masking of credentials that should not have been sent: before anything is stored or hashed, what is under a key that
//! names a credential, or has the form of one, is replaced by a mark that says which rule it was.
//!
//! The mark tells nothing of the value, not even its length. Ids are never masked: an event must stay findable by who did
//! it and to what. What cannot be recognised by key or form stays; this is a net, not a promise.

mod blocks;
mod commands;
mod keys;
mod marks;
mod phrase;
#[cfg(test)]
mod tests;
mod texts;
mod tokens;

use crate::json::Json;
use std::borrow::Cow;
use std::collections::BTreeSet;

use keys::{KeyRule, Reach};

/// What every mark begins with; the rule's name and [`MARK_END`] follow.
pub const MARK_START: &str = "[masked: ";
/// What every mark ends with.
pub const MARK_END: &str = "]";
/// What stands for a text of which nothing can be kept.
const WHOLE_TEXT: &str = "[masked: text]";

/// Name of the rule by which keys of the operator's or organization's own choice are masked.
const OWN_RULE: &str = "key";

/// Which values are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masking {
    /// Whether the built-in names of credentials count.
    names: bool,
    /// Whether the built-in forms of credentials count.
    forms: bool,
    /// Further keys whose values are masked, folded.
    mask: Vec<String>,
    /// Keys whose values stay, folded; they win over names, not over forms.
    keep: Vec<String>,
}

impl Masking {
    /// The built-in rules.
    pub const STANDARD: Masking = Masking { names: true, forms: true, mask: Vec::new(), keep: Vec::new() };
    /// Only what has the form of a credential, whatever its key: for records whose keys are known to be harmless.
    pub const FORMS: Masking = Masking { names: false, forms: true, mask: Vec::new(), keep: Vec::new() };
    /// Nothing is masked.
    pub const OFF: Masking = Masking { names: false, forms: false, mask: Vec::new(), keep: Vec::new() };

    /// The built-in rules, for who needs them for long.
    pub fn standard() -> &'static Masking {
        static STANDARD: Masking = Masking::STANDARD;
        &STANDARD
    }

    /// These rules, and the values of further keys; `keep` names keys whose values stay although a rule for keys would
    /// mask them. A key is compared by its words at the end, so `pin` is found in `card.pin`, `cardPin` and, where it is to be
    /// masked, `pins`.
    #[must_use]
    pub fn with_keys<T: AsRef<str>>(mut self, mask: &[T], keep: &[T]) -> Masking {
        let add = |to: &mut Vec<String>, keys: &[T]| {
            to.extend(keys.iter().map(|key| keys::folded(key.as_ref())).filter(|key| !key.is_empty()));
        };
        add(&mut self.mask, mask);
        add(&mut self.keep, keep);
        self
    }

    /// Whether a text can name a key at all: it must have a letter or digit, and no control characters.
    pub fn is_key(text: &str) -> bool {
        !text.chars().any(char::is_control) && !keys::folded(text).is_empty()
    }

    /// The value of a key as it is to be stored; `None` if it stays as it is.
    pub(crate) fn value<'j>(&self, key: &str, value: &Json<'j>) -> Option<Json<'j>> {
        if is_key_id(key, value) {
            return None;
        }
        let rule = self.key_rule(key).or_else(|| self.flattened_rule(key));
        self.under(rule, value)
    }

    /// A value of the change at a JSON Pointer as it is to be stored; `None` if it stays as it is.
    pub(crate) fn changed<'j>(&self, path: &str, value: &Json<'j>) -> Option<Json<'j>> {
        self.under(self.path_rule(path), value)
    }

    /// A text as it is to be stored; `None` if it stays as it is.
    pub(crate) fn text(&self, text: &str, chars_max: usize) -> Option<String> {
        texts::masked(self, text).map(|masked| bounded(&masked, chars_max).to_owned())
    }

    /// A text of any length with the credentials in it masked; `None` if there are none.
    pub fn whole_text(&self, text: &str) -> Option<String> {
        texts::masked(self, text)
    }

    /// A JSON Pointer with the credentials in it masked; `None` if there are none.
    pub(crate) fn pointer(&self, path: &str, chars_max: usize) -> Option<String> {
        let masked = texts::masked(self, path)?;
        let whole = bounded(&masked, chars_max);
        Some(if whole.starts_with('/') { whole.to_owned() } else { ["/", whole].concat() })
    }

    /// The fields of metadata with the names of those that are a credential replaced by others; `None` if none is.
    pub(crate) fn renamed<'j>(&self, fields: &[Field<'j>]) -> Option<Vec<Field<'j>>> {
        const NAME: &str = "masked-key";
        if !fields.iter().any(|(key, _)| self.is_credential(key)) {
            return None;
        }
        let mut renamed = fields.to_vec();
        name_anew(&mut renamed, |key| self.is_credential(key).then(|| NAME.to_owned()), "-");
        Some(renamed)
    }

    fn is_credential(&self, key: &str) -> bool {
        key.len() >= tokens::BYTES_MIN && texts::masked(self, key).is_some()
    }

    /// The rule for the value of a key; keys with dots are judged by what stands after the last.
    fn key_rule(&self, key: &str) -> Option<KeyRule> {
        let name = last_name(key);
        if !self.mask.is_empty() || !self.keep.is_empty() {
            let folded = keys::folded(name);
            if self.keep.iter().any(|keep| keys::is_kept(&folded, keep)) {
                return None;
            }
            if self.mask.iter().any(|mask| keys::is_own(&folded, mask)) {
                return Some(KeyRule { name: OWN_RULE, reach: Reach::Everything, spares_numbers: false });
            }
        }
        if self.names { keys::built_in(name) } else { None }
    }

    /// The rule for what lies at a JSON Pointer: that of its last name, or what is left of that of one above it.
    fn path_rule(&self, path: &str) -> Option<KeyRule> {
        path.split('/').filter(|segment| !is_number(segment)).fold(None, |rule: Option<KeyRule>, segment| {
            let name: Cow<'_, str> = match segment.contains('~') {
                true => segment.replace("~1", "/").replace("~0", "~").into(),
                false => segment.into(),
            };
            self.key_rule(&name).or_else(|| rule?.within(&name))
        })
    }

    /// The rule for `secret.data.user`, as adapters flatten what was nested: the data of a secret is one, whatever its names.
    fn flattened_rule(&self, key: &str) -> Option<KeyRule> {
        if !key.contains('.') || key.contains('/') {
            return None;
        }
        let mut parent = None;
        for segment in key.split('.').filter(|segment| !is_number(segment)) {
            if parent.is_some() && keys::is_value_key(segment) {
                return parent;
            }
            parent = self.key_rule(segment);
        }
        None
    }

    fn under<'j>(&self, rule: Option<KeyRule>, value: &Json<'j>) -> Option<Json<'j>> {
        match value {
            Json::Null | Json::Bool(_) => None,
            Json::Int(_) | Json::Float(_) => rule.filter(|rule| !rule.spares_numbers).map(KeyRule::mark),
            Json::Str(text) => match rule {
                Some(rule) if rule.spares(text) => None,
                Some(rule) => Some(rule.mark()),
                None => texts::masked(self, text).map(|masked| Json::Str(Cow::Owned(masked))),
            },
            Json::Array(elements) => {
                let mask = |at: usize, element: &Json<'j>| {
                    self.under(rule.or_else(|| self.rule_of_element_before(elements, at)), element)
                };
                replaced(elements, mask, Clone::clone).map(Json::Array)
            }
            Json::Object(fields) => self.object(rule, fields).map(Json::Object),
        }
    }

    fn object<'j>(&self, rule: Option<KeyRule>, fields: &[Field<'j>]) -> Option<Vec<Field<'j>>> {
        if !fields.iter().any(|(key, _)| self.is_credential(key)) {
            return self.values(rule, fields);
        }
        // Names first: what they say of their values is judged as it is stored.
        let mut renamed = fields.to_vec();
        name_anew(&mut renamed, |key| self.is_credential(key).then(|| texts::masked(self, key)).flatten(), " ");
        Some(self.values(rule, &renamed).unwrap_or(renamed))
    }

    fn values<'j>(&self, rule: Option<KeyRule>, fields: &[Field<'j>]) -> Option<Vec<Field<'j>>> {
        let named = self.named_pair(fields);
        let mask = |_, (key, value): &Field<'j>| {
            if is_key_id(key, value) {
                return None;
            }
            let own = self.key_rule(key).or_else(|| rule?.within(key));
            let rule = own.or_else(|| named.filter(|_| keys::is_value_key(key)));
            self.under(rule, value).map(|masked| (key.clone(), masked))
        };
        replaced(fields, mask, Clone::clone)
    }

    /// The rule for `value` in `{"name": "DB_PASSWORD", "value": …}`, as lists of variables are written, in
    /// `{"op": "add", "path": "/password", "value": …}` (RFC 6902), and for the data of a Secret of Kubernetes.
    fn named_pair(&self, fields: &[Field<'_>]) -> Option<KeyRule> {
        const NAMES: [&str; 10] =
            ["name", "key", "field", "variable", "header", "param", "parameter", "property", "attribute", "option"];
        fields.iter().find_map(|(key, value)| match value {
            Json::Str(kind) if key == "kind" && kind == "Secret" && self.names => keys::built_in("secret"),
            Json::Str(path) if key.eq_ignore_ascii_case("path") => self.path_rule(path),
            Json::Str(name) if NAMES.iter().any(|word| key.eq_ignore_ascii_case(word)) => self.key_rule(name),
            _ => None,
        })
    }

    /// The rule for what follows in a list: `["--password", …]`, and `["password", …]` where these two are all of it.
    fn rule_of_element_before(&self, elements: &[Json<'_>], at: usize) -> Option<KeyRule> {
        let Json::Str(before) = elements.get(at.checked_sub(1)?)? else { return None };
        let (flag, text) = match &elements[at] {
            Json::Str(text) => (before.trim_start_matches('-'), &**text),
            Json::Int(_) | Json::Float(_) => (before.trim_start_matches('-'), ""),
            _ => return None,
        };
        let is_key = flag.len() <= keys::KEY_BYTES_MAX && flag.bytes().all(texts::is_of_key);
        if !self.forms || !is_key {
            return None;
        }
        if flag.len() < before.len() {
            if let Some(rule) = commands::rule_of_argument(elements, before, text) {
                return Some(rule);
            }
            return texts::parameter_rule(self, flag.as_bytes()).filter(|_| !text.starts_with('-'));
        }
        // A list of two plain words is one of two names: of fields that changed, of rights.
        self.key_rule(flag).filter(|_| elements.len() == 2 && !is_plain_word(text))
    }
}

/// A field of an object.
type Field<'j> = (Cow<'j, str>, Json<'j>);

/// Gives fields other names, of which each is there once.
fn name_anew(fields: &mut [Field<'_>], name: impl Fn(&str) -> Option<String>, between: &str) {
    let mut taken: BTreeSet<String> = fields.iter().map(|(key, _)| key.clone().into_owned()).collect();
    let mut number = 1;
    for (key, _) in fields {
        let Some(base) = name(key) else { continue };
        let mut named = base.clone();
        while !taken.insert(named.clone()) {
            number += 1;
            named = format!("{base}{between}{number}");
        }
        *key = Cow::Owned(named);
    }
}

impl KeyRule {
    fn mark(self) -> Json<'static> {
        Json::Str(Cow::Owned(mark(self.name)))
    }

    /// Whether a text under the key is no credential.
    fn spares(self, text: &str) -> bool {
        says_nothing(text) || (self.spares_numbers && is_number(text)) || is_left_for(self.name, text)
    }
}

/// The mark of a rule.
fn mark(rule: &str) -> String {
    [MARK_START, rule, MARK_END].concat()
}

/// A masked text, if its field may hold it: marks in place of many short values can make it longer than the field's
/// limit, and then nothing of it is kept.
pub(crate) fn bounded(masked: &str, chars_max: usize) -> &str {
    if masked.chars().count() <= chars_max { masked } else { WHOLE_TEXT }
}

/// The elements with some replaced; `None` if all stay.
fn replaced<T>(elements: &[T], mask: impl Fn(usize, &T) -> Option<T>, keep: impl Fn(&T) -> T) -> Option<Vec<T>> {
    let (first_at, first) = elements.iter().enumerate().find_map(|(at, element)| Some((at, mask(at, element)?)))?;
    let mut all: Vec<T> = elements[..first_at].iter().map(&keep).collect();
    all.push(first);
    let rest = elements.iter().enumerate().skip(first_at + 1);
    all.extend(rest.map(|(at, element)| mask(at, element).unwrap_or_else(|| keep(element))));
    Some(all)
}

/// Whether a value is the public id of an access key under a key that says so.
fn is_key_id(key: &str, value: &Json<'_>) -> bool {
    matches!(value, Json::Str(text) if tokens::is_access_key_id(text)) && keys::names_an_id(key)
}

/// What stands after the last dot or slash, numbers of list elements aside.
fn last_name(key: &str) -> &str {
    let mut rest = key;
    while let Some((before, last)) = rest.rsplit_once(['.', '/']) {
        if !is_number(last) {
            return last;
        }
        rest = before;
    }
    rest
}

/// Whether a text is of letters alone, as names of fields and rights are, with what joins their words.
fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphabetic() || matches!(letter, '_' | '-' | '.' | ':'))
}

/// Whether a text under a key of this name is known to be public.
fn is_left_for(name: &str, text: &str) -> bool {
    is_resource_name(text)
        || (name == keys::SSH_KEY && is_public_ssh_key(text))
        || (name.ends_with(keys::AUTH) && is_way_in(text))
        || (name == keys::PASS && is_number(text))
}

/// Whether a text names a way to sign in (`basic`, `mutual-tls`, `OAuth2`), and is none of what people sign in with.
fn is_way_in(text: &str) -> bool {
    const BYTES_MAX: usize = 24;
    const NUMBERED: [&str; 6] = ["oauth", "oidc", "saml", "tls", "sha", "md"];
    let letters = text.trim_end_matches(|last: char| last.is_ascii_digit() || matches!(last, '.' | '_' | '-'));
    let letters = letters.to_ascii_lowercase();
    text.len() <= BYTES_MAX
        && (!texts::is_no_plain_word(text.as_bytes()) || NUMBERED.iter().any(|name| letters.ends_with(name)))
}

/// Whether a text is the name that AWS gives a resource: of a secret, and not the secret.
fn is_resource_name(text: &str) -> bool {
    text.starts_with("arn:") && text.matches(':').count() >= 5
}

/// Whether a text is a public key as `authorized_keys` has them.
fn is_public_ssh_key(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| text.starts_with(kind))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text under a credential's key is no credential: empty, masked already, or a plain yes or no.
fn says_nothing(text: &str) -> bool {
    const WORDS: [&str; 15] = [
        "true",
        "false",
        "enabled",
        "disabled",
        "required",
        "optional",
        "yes",
        "no",
        "null",
        "none",
        "unknown",
        "redacted",
        "<redacted>",
        "[redacted]",
        "hidden_due_to_security_reasons",
    ];
    text.bytes().all(|byte| byte == b'*')
        || marks::mark_end(text.as_bytes(), 0) == Some(text.len())
        || text.starts_with("[left out: ")
        || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
