//! What every field's check needs: the place in the event, the list of violations, and the checks of shapes.
//!
//! Places are borrowed chains that become JSON Pointers only when something is wrong. Which rule applies to which field
//! is said in `fields` and `decode`, not here.

use super::refusal::{Violation, Violations};
use crate::json::{Json, push_pointer_key};
use crate::masking::Masking;
use std::borrow::Cow;

/// A place in an event.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Event,
    Key(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    /// The event as a whole.
    pub(super) const EVENT: Place<'static> = Place { parent: None, step: Step::Event };

    pub(super) fn key(&'p self, key: &'p str) -> Place<'p> {
        Place { parent: Some(self), step: Step::Key(key) }
    }

    pub(super) fn index(&'p self, index: usize) -> Place<'p> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    fn pointer(&self) -> String {
        let mut pointer = self.parent.map_or_else(String::new, Place::pointer);
        match self.step {
            Step::Event => {}
            Step::Key(key) => push_pointer_key(&mut pointer, key),
            Step::Index(index) => push_pointer_key(&mut pointer, &index.to_string()),
        }
        pointer
    }
}

/// The fields of an object and their values.
pub(super) type Fields<'a> = [(Cow<'a, str>, Json<'a>)];

/// Checks one event and collects what is wrong with it.
pub(super) struct Checker<'v> {
    /// Place of the event among those sent.
    pub(super) index: usize,
    pub(super) violations: &'v mut Violations,
    pub(super) masking: &'v Masking,
}

impl Checker<'_> {
    #[cold]
    pub(super) fn refuse(&mut self, place: &Place<'_>, detail: impl Into<String>, allowed: impl Into<String>) {
        let violation = Violation {
            index: self.index,
            pointer: place.pointer(),
            detail: detail.into(),
            allowed: Some(allowed.into()).filter(|allowed| !allowed.is_empty()),
        };
        self.violations.push(violation);
    }

    #[cold]
    pub(super) fn refuse_kind(&mut self, place: &Place<'_>, found: &Json<'_>, expected: &str) {
        self.refuse(place, format!("is {}", found.kind()), expected);
    }

    #[cold]
    pub(super) fn refuse_missing(&mut self, place: &Place<'_>, expected: &str) {
        self.refuse(place, "is missing", expected);
    }

    /// The fields of an object; `None`, with a violation, for anything else.
    pub(super) fn object<'j, 'a>(&mut self, value: &'j Json<'a>, place: &Place<'_>) -> Option<&'j Fields<'a>> {
        match value {
            Json::Object(fields) => Some(fields),
            other => {
                self.refuse_kind(place, other, "an object");
                None
            }
        }
    }

    /// The elements of an array; `None`, with a violation, for anything else.
    pub(super) fn array<'j, 'a>(&mut self, value: &'j Json<'a>, place: &Place<'_>) -> Option<&'j [Json<'a>]> {
        match value {
            Json::Array(elements) => Some(elements),
            other => {
                self.refuse_kind(place, other, "an array");
                None
            }
        }
    }

    /// The values of the known fields, in the order of `known`; every other field is a violation. Fields are expected
    /// in that order too, and found slower in another.
    pub(super) fn pick<'j, 'a, const N: usize>(
        &mut self,
        fields: &'j Fields<'a>,
        known: &[&'static str; N],
        place: &Place<'_>,
    ) -> [Option<&'j Json<'a>>; N] {
        let mut picked = [None; N];
        let mut expected = 0;
        for (key, value) in fields {
            let found = (expected..N).chain(0..expected).find(|at| known[*at] == key);
            match found {
                Some(at) => {
                    picked[at] = Some(value);
                    expected = at + 1;
                }
                None => self.refuse_unknown(&place.key(key), key, known),
            }
        }
        picked
    }

    #[cold]
    fn refuse_unknown(&mut self, place: &Place<'_>, key: &str, known: &[&'static str]) {
        let at_top = place.parent.is_some_and(|parent| parent.parent.is_none());
        if at_top && super::SERVER_FIELDS.contains(&key) {
            return self.refuse(place, "is given by the server and can't be sent", known.join(", "));
        }
        let detail = match nearest(key, known) {
            Some(near) => format!("is not a known field; did you mean {near}?"),
            None => "is not a known field".to_owned(),
        };
        self.refuse(place, detail, known.join(", "));
    }

    /// A string of `min..=max` characters; `None` if it is absent, null, or refused.
    #[inline]
    pub(super) fn text<'j>(
        &mut self,
        value: Option<&'j Json<'_>>,
        place: &Place<'_>,
        chars: std::ops::RangeInclusive<usize>,
    ) -> Option<&'j str> {
        match value {
            None | Some(Json::Null) => None,
            Some(Json::Str(text)) => {
                // As many characters as bytes at the most, so that texts are hardly ever counted.
                let fits = !(text.is_empty() && *chars.start() > 0)
                    && (text.len() <= *chars.end() || text.chars().count() <= *chars.end());
                if fits {
                    return Some(text);
                }
                self.refuse(place, format!("has {} characters", text.chars().count()), length_sentence(&chars));
                None
            }
            Some(other) => {
                self.refuse_kind(place, other, "a string");
                None
            }
        }
    }

    /// As [`Checker::text`], with credentials in it masked.
    pub(super) fn masked_text<'j>(
        &mut self,
        value: Option<&'j Json<'_>>,
        place: &Place<'_>,
        chars_max: usize,
    ) -> Option<Cow<'j, str>> {
        let text = self.text(value, place, 0..=chars_max)?;
        Some(self.masking.text(text, chars_max).map_or(Cow::Borrowed(text), Cow::Owned))
    }

    /// As [`Checker::text`], but there must be one.
    #[inline]
    pub(super) fn required_text<'j>(
        &mut self,
        value: Option<&'j Json<'_>>,
        place: &Place<'_>,
        chars: std::ops::RangeInclusive<usize>,
    ) -> Option<&'j str> {
        if matches!(value, None | Some(Json::Null)) {
            self.refuse_missing(place, &length_sentence(&chars));
            return None;
        }
        self.text(value, place, chars)
    }
}

fn length_sentence(chars: &std::ops::RangeInclusive<usize>) -> String {
    match chars.start() {
        0 => format!("a string of at most {} characters", chars.end()),
        start => format!("a string of {start} to {} characters", chars.end()),
    }
}

/// The known name that was probably meant, if one is at most two edits away and less than half of it changed.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    const KEY_BYTES_MAX: usize = 32;
    if key.len() > KEY_BYTES_MAX {
        return None;
    }
    let plain = key.to_ascii_lowercase().replace(['-', ' '], "_");
    let near = known.iter().map(|name| (edits(&plain, name), *name)).min()?;
    (near.0 <= 2 && near.0 * 2 < near.1.len()).then_some(near.1)
}

/// Number of characters to add, remove or replace to come from one text to the other.
fn edits(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (at, wanted) in to.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, found) in from.iter().enumerate() {
            let replaced = diagonal + usize::from(*found != wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_recognized() {
        let known = ["action", "outcome", "targets", "occurred_at", "ip"];
        for (typed, meant) in [
            ("Action", Some("action")),
            ("acton", Some("action")),
            ("target", Some("targets")),
            ("occurredAt", Some("occurred_at")),
            ("occurred-at", Some("occurred_at")),
            ("id", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("é", "e", 1)] {
            assert_eq!(edits(from, to), count, "{from} {to}");
            assert_eq!(edits(to, from), count, "{to} {from}");
        }
    }
}
