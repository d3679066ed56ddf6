//! Messages by reference: most messages name the actor and the targets, which the event holds anyway. With references in
//! place of those names a message is one of few, and is kept as a dictionary.
//!
//! A reference replaces a name only between characters that are no letters or digits, so the words of a message are the
//! words of what is left of it and of the names put in. A message that holds the mark itself is left alone.

use actarium_core::text;

/// What a reference begins with; a letter from `A` on follows, one for each of [`names`].
const MARK: char = '\u{1}';

/// Shortest name worth a reference, in bytes.
const NAME_BYTES_MIN: usize = 3;

/// Number of names that can be referred to.
const NAMES: usize = 7;

/// The names that a message may refer to: of the actor its name, id and e-mail address, of the first two targets name
/// and id. They are taken from the stored texts; a name that is escaped in them is not referred to.
pub fn names<'a>(actor: Option<&'a str>, targets: Option<&'a str>) -> [Option<&'a str>; NAMES] {
    let mut names = [None; NAMES];
    if let Some((fields, _)) = actor.and_then(|actor| fields(actor, &["type", "id", "name", "email"])) {
        [names[1], names[0], names[2]] = [fields[1], fields[2], fields[3]];
    }
    let first = targets.and_then(|targets| fields(targets.strip_prefix('[')?, &["type", "id", "name"]));
    if let Some((fields_of_first, rest)) = first {
        [names[4], names[3]] = [fields_of_first[1], fields_of_first[2]];
        if let Some((fields, _)) = rest.strip_prefix("},").and_then(|rest| fields(rest, &["type", "id", "name"])) {
            [names[6], names[5]] = [fields[1], fields[2]];
        }
    }
    names.map(|name| name.filter(|name| name.len() >= NAME_BYTES_MIN))
}

/// The texts of an object's first fields, which stand in this order, each perhaps left out; and what follows them.
fn fields<'a>(object: &'a str, keys: &[&str]) -> Option<([Option<&'a str>; 4], &'a str)> {
    let mut found = [None; 4];
    let mut rest = object.strip_prefix('{')?;
    for (place, key) in found.iter_mut().zip(keys) {
        let at = rest.strip_prefix(',').unwrap_or(rest);
        let Some(value) = at.strip_prefix('"').and_then(|at| at.strip_prefix(key)?.strip_prefix("\":\"")) else {
            continue;
        };
        let end = memchr::memchr2(b'"', b'\\', value.as_bytes())?;
        if value.as_bytes()[end] == b'\\' {
            return None;
        }
        *place = Some(&value[..end]);
        rest = &value[end + 1..];
    }
    Some((found, rest))
}

/// Appends the message with references in place of names; or nothing, and answers false, if it holds the mark.
pub fn shorten(message: &str, names: &[Option<&str>; NAMES], short: &mut String) -> bool {
    if message.contains(MARK) {
        return false;
    }
    let bytes = message.as_bytes();
    let mut in_word = false;
    let mut at = 0;
    while let Some(character) = message[at..].chars().next() {
        if !in_word && let Some((index, name)) = named_at(&message[at..], names) {
            short.push(MARK);
            short.push(char::from(b'A' + index as u8));
            at += name.len();
            continue;
        }
        let start = at;
        at += character.len_utf8();
        in_word = character.is_alphanumeric();
        // No name begins within a word, so what is left of it goes along.
        while in_word && bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            at += 1;
        }
        short.push_str(&message[start..at]);
    }
    true
}

/// The longest name that stands here, and no letter or digit behind it.
fn named_at<'n>(rest: &str, names: &[Option<&'n str>; NAMES]) -> Option<(usize, &'n str)> {
    let first = rest.as_bytes().first();
    let stands = |name: &str| {
        // Nearly always the first byte says no.
        name.as_bytes().first() == first
            && rest.strip_prefix(name).is_some_and(|behind| !behind.chars().next().is_some_and(char::is_alphanumeric))
    };
    let named = names.iter().enumerate().filter_map(|(index, name)| Some((index, (*name)?)));
    named.filter(|(_, name)| stands(name)).max_by_key(|(index, name)| (name.len(), NAMES - index))
}

/// Appends the message that a short form stands for.
pub fn expand(short: &str, names: &[Option<&str>; NAMES], message: &mut String) {
    let mut parts = short.split(MARK);
    message.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let index = part.bytes().next().map_or(NAMES, |letter| usize::from(letter.wrapping_sub(b'A')));
        message.push_str(names.get(index).copied().flatten().unwrap_or_default());
        message.push_str(part.get(1..).unwrap_or_default());
    }
}

/// The words of a short form, between its references.
#[derive(Debug)]
pub struct ShortWords {
    parts: Vec<Vec<String>>,
}

/// Whether a message holds a phrase, as far as its short form can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortMatch {
    /// Not beyond what the names hold, which are searched themselves.
    No,
    /// Only together with the names put in.
    Perhaps,
    /// Whatever the names are.
    Yes,
}

impl ShortWords {
    /// The words of a short form.
    pub fn of(short: &str) -> Self {
        let mut parts = short.split(MARK);
        let mut words = vec![text::words(parts.next().unwrap_or_default())];
        words.extend(parts.map(|part| text::words(part.get(1..).unwrap_or_default())));
        Self { parts: words }
    }

    /// Whether the words follow each other in the message.
    pub fn holds(&self, phrase: &[String]) -> ShortMatch {
        if self.parts.iter().any(|part| part.windows(phrase.len().max(1)).any(|words| words == phrase)) {
            return ShortMatch::Yes;
        }
        let count = self.parts.len();
        // Across a reference: what stands before it ends with the phrase's beginning, what stands behind it begins with
        // the phrase's end, or two references stand side by side.
        let across = self.parts.iter().enumerate().any(|(index, part)| {
            let (before_reference, behind_reference) = (index + 1 < count, index > 0);
            let ends = (1..phrase.len()).any(|words| part.ends_with(&phrase[..words]));
            let begins = (1..phrase.len()).any(|words| part.starts_with(&phrase[words..]));
            let between = before_reference
                && behind_reference
                && part.len() < phrase.len().saturating_sub(1)
                && phrase.windows(part.len().max(1)).any(|words| part.is_empty() || words == part.as_slice());
            (before_reference && ends) || (behind_reference && begins) || between
        });
        if across && phrase.len() > 1 { ShortMatch::Perhaps } else { ShortMatch::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACTOR: &str = r#"{"type":"user","id":"usr_1","name":"Ada Lovelace","email":"ada@example.com"}"#;
    const TARGETS: &str =
        r#"[{"type":"component","id":"cmp_9","name":"orders-api"},{"type":"project","id":"payments"}]"#;

    #[test]
    fn names_are_found_in_stored_texts() {
        let all = names(Some(ACTOR), Some(TARGETS));
        let expected = ["Ada Lovelace", "usr_1", "ada@example.com", "orders-api", "cmp_9"].map(Some);
        assert_eq!(all[..5], expected);
        assert_eq!(all[5..], [None, Some("payments")]);
        let escaped = r#"{"type":"user","id":"a\"b","name":"x"}"#;
        assert_eq!(names(Some(escaped), None), [None; NAMES]);
        assert_eq!(names(Some("{"), Some("[")), [None; NAMES]);
    }

    #[test]
    fn names_become_references() {
        let names = names(Some(ACTOR), Some(TARGETS));
        let mut short = String::new();
        assert!(shorten("Ada Lovelace moved orders-api, not orders-apix, to payments", &names, &mut short));
        assert_eq!(short, "\u{1}A moved \u{1}D, not orders-apix, to \u{1}G");
        assert!(!shorten("a mark \u{1} inside", &names, &mut String::new()));
    }

    proptest! {
        #[test]
        fn a_message_comes_back(parts in prop::collection::vec(prop::sample::select(vec![
            "Ada Lovelace", "orders-api", "cmp_9", "usr_1", " ", "x", "é", "-", "payments", "ada@example.com", "1",
        ]), 0..12)) {
            let message = parts.concat();
            let names = names(Some(ACTOR), Some(TARGETS));
            let mut short = String::new();
            prop_assert!(shorten(&message, &names, &mut short));
            let mut back = String::new();
            expand(&short, &names, &mut back);
            prop_assert_eq!(&back, &message);
        }

        #[test]
        fn what_the_short_form_says_of_a_phrase_is_true(
            parts in prop::collection::vec(prop::sample::select(vec![
                "Ada Lovelace", "orders-api", "usr_1", " moved ", " to ", " ", " Ada ", "-", "payments", " api ",
            ]), 0..8),
            phrase in prop::collection::vec(prop::sample::select(vec![
                "ada", "lovelace", "orders", "api", "usr", "1", "moved", "to", "payments",
            ]), 1..4),
        ) {
            let message = parts.concat();
            let phrase: Vec<String> = phrase.into_iter().map(str::to_owned).collect();
            let names = names(Some(ACTOR), Some(TARGETS));
            let mut short = String::new();
            prop_assert!(shorten(&message, &names, &mut short));
            let in_message = text::contains_phrase(&message, &phrase);
            let in_names = names.iter().flatten().any(|name| text::contains_phrase(name, &phrase));
            match ShortWords::of(&short).holds(&phrase) {
                ShortMatch::Yes => prop_assert!(in_message),
                ShortMatch::No => prop_assert!(!in_message || in_names, "{short:?} {phrase:?}"),
                ShortMatch::Perhaps => {}
            }
        }
    }
}
