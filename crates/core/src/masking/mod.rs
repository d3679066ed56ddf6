//! Masking of credentials that should not have been sent: before anything is stored or hashed, what is under a key that
//! names a credential, or has the form of one, is replaced by a mark that says which rule it was.
//!
//! The mark tells nothing of the value, not even its length. Ids are never masked: an event must stay findable by who did
//! it and to what. What cannot be recognised by key or form stays; this is a net, not a promise.

mod keys;
#[cfg(test)]
mod tests;
mod texts;

use crate::json::Json;
use std::borrow::Cow;

use keys::KeyRule;

/// What every mark begins with; the rule's name and [`MARK_END`] follow.
pub const MARK_START: &str = "[masked: ";
/// What every mark ends with.
pub const MARK_END: &str = "]";

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
    /// mask them. A key is compared by its words at the end, so `pin` is found in `card.pin` and `cardPin`.
    #[must_use]
    pub fn with_keys<T: AsRef<str>>(mut self, mask: &[T], keep: &[T]) -> Masking {
        let add = |to: &mut Vec<String>, keys: &[T]| {
            to.extend(keys.iter().map(|key| keys::folded(key.as_ref())).filter(|key| !key.is_empty()));
        };
        add(&mut self.mask, mask);
        add(&mut self.keep, keep);
        self
    }

    /// Whether a text can name a key at all: it must have a letter or digit.
    pub fn is_key(text: &str) -> bool {
        !keys::folded(text).is_empty()
    }

    /// The value of a key as it is to be stored; `None` if it stays as it is.
    pub(crate) fn value<'j>(&self, key: &str, value: &Json<'j>) -> Option<Json<'j>> {
        if is_key_id(key, value) { None } else { self.under(self.key_rule(key), value) }
    }

    /// A value of the change at a JSON Pointer as it is to be stored; `None` if it stays as it is.
    pub(crate) fn changed<'j>(&self, path: &str, value: &Json<'j>) -> Option<Json<'j>> {
        self.under(self.path_rule(path), value)
    }

    /// A text as it is to be stored; `None` if it stays as it is.
    pub(crate) fn text(&self, text: &str, chars_max: usize) -> Option<String> {
        texts::masked(self, text).map(|masked| bounded(&masked, chars_max).to_owned())
    }

    /// The rule for the value of a key; keys with dots are judged by what stands after the last.
    fn key_rule(&self, key: &str) -> Option<KeyRule> {
        let name = last_name(key);
        if !self.mask.is_empty() || !self.keep.is_empty() {
            let folded = keys::folded(name);
            if self.keep.iter().any(|keep| keys::ends_with_words(&folded, keep)) {
                return None;
            }
            if self.mask.iter().any(|mask| keys::ends_with_words(&folded, mask)) {
                return Some(KeyRule { name: OWN_RULE, deep: true });
            }
        }
        if self.names { keys::built_in(name) } else { None }
    }

    /// The rule for what lies at a JSON Pointer: that of its last name, or of one above it under which everything is
    /// masked.
    fn path_rule(&self, path: &str) -> Option<KeyRule> {
        let mut segments = path.rsplit('/').filter(|segment| !is_number(segment));
        let last = segments.next().and_then(|last| self.key_rule(last));
        last.or_else(|| segments.filter_map(|segment| self.key_rule(segment)).find(|rule| rule.deep))
    }

    fn under<'j>(&self, rule: Option<KeyRule>, value: &Json<'j>) -> Option<Json<'j>> {
        match value {
            Json::Null | Json::Bool(_) => None,
            Json::Int(_) | Json::Float(_) => rule.filter(|rule| !rule.is_plural()).map(KeyRule::mark),
            Json::Str(text) => match rule {
                Some(rule) if says_nothing(text) || (rule.is_plural() && is_number(text)) => None,
                Some(rule) => Some(rule.mark()),
                None => texts::masked(self, text).map(|masked| Json::Str(Cow::Owned(masked))),
            },
            Json::Array(elements) => {
                replaced(elements, |element| self.under(rule, element), Clone::clone).map(Json::Array)
            }
            Json::Object(fields) => {
                let named = self.named_pair(fields);
                let mask = |(key, value): &(Cow<'j, str>, Json<'j>)| {
                    if is_key_id(key, value) {
                        return None;
                    }
                    let own = self.key_rule(key).or(rule.filter(|rule| rule.deep));
                    let rule = own.or(named.filter(|_| is_value_key(key)));
                    self.under(rule, value).map(|masked| (key.clone(), masked))
                };
                replaced(fields, mask, Clone::clone).map(Json::Object)
            }
        }
    }

    /// The rule for `value` in `{"name": "DB_PASSWORD", "value": …}`, as lists of variables are written.
    fn named_pair(&self, fields: &[(Cow<'_, str>, Json<'_>)]) -> Option<KeyRule> {
        fields.iter().find_map(|(key, value)| match value {
            Json::Str(name) if matches!(&**key, "name" | "Name" | "key" | "Key") => self.key_rule(name),
            _ => None,
        })
    }
}

impl KeyRule {
    fn mark(self) -> Json<'static> {
        Json::Str(Cow::Owned(mark(self.name)))
    }
}

/// The mark of a rule.
fn mark(rule: &str) -> String {
    [MARK_START, rule, MARK_END].concat()
}

/// A masked text, if its field may hold it: marks in place of many short values can make it longer than the field's
/// limit, and then nothing of it is kept.
pub(crate) fn bounded(masked: &str, chars_max: usize) -> &str {
    const WHOLE: &str = "[masked: text]";
    if masked.chars().count() <= chars_max { masked } else { WHOLE }
}

/// The elements with some replaced; `None` if all stay.
fn replaced<T>(elements: &[T], mask: impl Fn(&T) -> Option<T>, keep: impl Fn(&T) -> T) -> Option<Vec<T>> {
    let (at, first) = elements.iter().enumerate().find_map(|(at, element)| Some((at, mask(element)?)))?;
    let mut all: Vec<T> = elements[..at].iter().map(&keep).collect();
    all.push(first);
    all.extend(elements[at + 1..].iter().map(|element| mask(element).unwrap_or_else(|| keep(element))));
    Some(all)
}

/// Whether a value is the public id of an access key under a key that says so.
fn is_key_id(key: &str, value: &Json<'_>) -> bool {
    matches!(value, Json::Str(text) if texts::is_access_key_id(text)) && keys::names_an_id(key)
}

fn is_value_key(key: &str) -> bool {
    matches!(key, "value" | "Value")
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
        || text.starts_with(MARK_START)
        || text.starts_with("[left out: ")
        || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
