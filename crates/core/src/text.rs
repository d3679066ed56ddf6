//! What word search sees: which texts of an event are searchable, and the words in them.
//!
//! One definition for the index, the live tail and the reference evaluation, so that they cannot disagree.
//! Must not know how words are indexed.

use crate::row::Column;
use crate::stored;

/// Longest word kept, in characters; the rest of a longer one is cut, in texts and in phrases alike.
pub const WORD_CHARS_MAX: usize = 64;

/// The columns in which words are searched, in the order of their discriminants.
pub const SEARCHED: &[Column] = &[
    Column::Actor,
    Column::SessionId,
    Column::Targets,
    Column::RequestId,
    Column::TraceId,
    Column::Reason,
    Column::Message,
    Column::Changes,
    Column::Metadata,
    Column::ExternalId,
];

/// Splits texts into words; keeps its buffer between texts.
///
/// A word is a maximal run of alphanumeric characters (Unicode), each in lower case, cut to [`WORD_CHARS_MAX`].
#[derive(Debug, Default)]
pub struct Tokenizer {
    word: String,
}

impl Tokenizer {
    /// A tokenizer with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `f` with each word of the text in order.
    pub fn tokens(&mut self, text: &str, mut f: impl FnMut(&str)) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let mut upper = false;
            while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
                upper |= bytes[at].is_ascii_uppercase();
                at += 1;
            }
            if at < bytes.len() && !bytes[at].is_ascii() {
                at = self.unicode_word(text, start, &mut f);
                continue;
            }
            if at > start {
                let word = &text[start..at.min(start + WORD_CHARS_MAX)];
                if upper {
                    self.word.clear();
                    self.word.push_str(word);
                    self.word.make_ascii_lowercase();
                    f(&self.word);
                } else {
                    f(word);
                }
            }
            at += 1;
        }
    }

    /// A word that starts at `start` and may hold characters beyond ASCII; gives the offset behind it.
    fn unicode_word(&mut self, text: &str, start: usize, f: &mut impl FnMut(&str)) -> usize {
        self.word.clear();
        let mut kept = 0;
        let mut end = text.len();
        for (offset, character) in text[start..].char_indices() {
            if !character.is_alphanumeric() {
                end = start + offset + character.len_utf8();
                break;
            }
            // Lower case may add a combining mark (İ becomes i and a dot above), which would end a word of its own.
            for lower in lower(character).filter(|lower| lower.is_alphanumeric()) {
                if kept < WORD_CHARS_MAX {
                    self.word.push(lower);
                    kept += 1;
                }
            }
        }
        if !self.word.is_empty() {
            f(&self.word);
        }
        end
    }
}

/// Calls `f` with each word of the text in order; see [`Tokenizer`].
pub fn tokens(text: &str, f: &mut dyn FnMut(&str)) {
    Tokenizer::new().tokens(text, f);
}

/// The words of a text; see [`Tokenizer`].
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    tokens(text, &mut |word| words.push(word.to_owned()));
    words
}

/// Whether the words follow each other immediately somewhere in the text. The words are as [`tokens`] makes them; no
/// words are in every text.
pub fn contains_phrase(text: &str, words: &[String]) -> bool {
    const WORDS_MAX: usize = u64::BITS as usize;
    if words.is_empty() {
        return true;
    }
    if words.len() > WORDS_MAX {
        return self::words(text).windows(words.len()).any(|window| window == words);
    }
    // Bit `n` says that the words up to the one numbered `n` stand right before the place in the text.
    let last = 1u64 << (words.len() - 1);
    let mut begun = 0u64;
    let mut found = false;
    tokens(text, &mut |token| {
        let mut candidates = (begun << 1) | 1;
        begun = 0;
        while candidates != 0 {
            let number = candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            if words.get(number).is_some_and(|word| word == token) {
                begun |= 1 << number;
            }
        }
        found |= begun & last != 0;
    });
    found
}

/// Calls `f` with each text of a stored column in which words are searched.
///
/// Actor: id, name, e-mail address and metadata at every depth, and the session ids below depth 0. Targets: id, name and
/// metadata of each. Changes: each path and every key and value before and after. Metadata: keys and values. Session,
/// request, trace and external id, message and reason: the text itself. Other columns have none.
pub fn column_texts(column: Column, value: &str, f: &mut dyn FnMut(&str)) {
    match column {
        Column::Actor => {
            for actor in stored::actors(value) {
                f(&actor.id);
                for text in [&actor.name, &actor.email, &actor.session_id].into_iter().flatten() {
                    f(text);
                }
                if let Some(metadata) = actor.metadata {
                    stored::leaves(metadata, f);
                }
            }
        }
        Column::Targets => {
            for target in stored::targets(value) {
                f(&target.id);
                if let Some(name) = &target.name {
                    f(name);
                }
                if let Some(metadata) = target.metadata {
                    stored::leaves(metadata, f);
                }
            }
        }
        Column::Changes => {
            for change in stored::changes(value) {
                f(&change.path);
                for value in [change.before, change.after].into_iter().flatten() {
                    stored::leaves(value, f);
                }
            }
        }
        Column::Metadata => stored::leaves(value, f),
        Column::SessionId
        | Column::RequestId
        | Column::TraceId
        | Column::Reason
        | Column::Message
        | Column::ExternalId => f(value),
        Column::Action
        | Column::Outcome
        | Column::Source
        | Column::Sender
        | Column::Ip
        | Column::UserAgent
        | Column::Surface
        | Column::Http => {}
    }
}

/// A text as it is compared where case does not count: names and e-mail addresses.
pub fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(lower).collect() }
}

/// Whether two texts are equal where case does not count: whether [`fold`] makes the same of both.
pub fn equal_folded(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    left.chars().flat_map(lower).eq(right.chars().flat_map(lower))
}

/// Lower case of one character, with the two small sigmas taken as one.
fn lower(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().map(|lower| if lower == 'ς' { 'σ' } else { lower })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word for word.
    fn naive_words(text: &str) -> Vec<String> {
        text.split(|character: char| !character.is_alphanumeric())
            .map(|run| run.chars().flat_map(lower).filter(|c| c.is_alphanumeric()).take(WORD_CHARS_MAX).collect())
            .filter(|word: &String| !word.is_empty())
            .collect()
    }

    #[test]
    fn words_are_runs_of_alphanumerics_in_lower_case() {
        assert_eq!(words("usr_12 Release-Candidate"), ["usr", "12", "release", "candidate"]);
        assert_eq!(words("ÄRGER über2über, Straße!"), ["ärger", "über2über", "straße"]);
        assert_eq!(words("abcÄdef ΟΔΟΣ οδος"), ["abcädef", "οδοσ", "οδοσ"]);
        assert_eq!(words("İstanbul"), ["istanbul"]);
        assert_eq!(words(" -- \u{0}"), Vec::<String>::new());
        assert_eq!(words(&"x".repeat(70)), ["x".repeat(64)]);
        assert_eq!(words(&"Ö".repeat(70)), ["ö".repeat(64)]);
    }

    #[test]
    fn a_phrase_is_consecutive_words_of_one_text() {
        let phrase = words("release candidate");
        assert!(contains_phrase("the Release-Candidate 3", &phrase));
        assert!(!contains_phrase("release of the candidate", &phrase));
        assert!(!contains_phrase("release", &phrase));
        let long = vec!["a".to_owned(); 65];
        assert!(contains_phrase(&"a ".repeat(65), &long) && !contains_phrase(&"a ".repeat(64), &long));
        assert!(contains_phrase(&"a ".repeat(64), &long[..64]) && !contains_phrase(&"a ".repeat(63), &long[..64]));
    }

    #[test]
    fn column_texts_are_the_searchable_ones() {
        let collect = |column, value| {
            let mut texts = Vec::new();
            column_texts(column, value, &mut |text| texts.push(text.to_owned()));
            texts
        };
        let actor = r#"{"type":"agent","id":"a1","name":"Bot","groups":["ops"],"metadata":{"team":"x"},"on_behalf_of":{"type":"user","id":"u1","email":"u@e.org"}}"#;
        assert_eq!(collect(Column::Actor, actor), ["a1", "Bot", "team", "x", "u1", "u@e.org"]);
        let targets =
            r#"[{"type":"component","id":"c1","name":"Orders"},{"type":"project","id":"p1","metadata":{"tier":1}}]"#;
        assert_eq!(collect(Column::Targets, targets), ["c1", "Orders", "p1", "tier", "1"]);
        let changes = r#"[{"path":"/replicas","before":1,"after":{"max":3,"on":true,"off":null}}]"#;
        assert_eq!(collect(Column::Changes, changes), ["/replicas", "1", "max", "3", "on", "true", "off"]);
        assert_eq!(collect(Column::Message, "a\\b"), ["a\\b"]);
        assert!(collect(Column::UserAgent, "curl").is_empty());
        for column in Column::ALL {
            let any = !collect(column, r#"{"id":"x"}"#).is_empty()
                || !collect(column, r#"[{"id":"x","path":"x"}]"#).is_empty();
            assert_eq!(any, SEARCHED.contains(&column), "{column:?}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_path_finds_the_same_words(text in "([a-zA-Z0-9 _.ÄöİΣςẞǅ\u{301}-]{0,90}|\\PC{0,40})") {
            prop_assert_eq!(words(&text), naive_words(&text));
        }

        #[test]
        fn phrases_are_windows_of_the_words(text in "[ab]( [ab]){0,12}", phrase in "[ab]( [ab]){0,3}") {
            let phrase = words(&phrase);
            let expected = words(&text).windows(phrase.len()).any(|window| window == phrase);
            prop_assert_eq!(contains_phrase(&text, &phrase), expected);
        }

        #[test]
        fn words_are_words_of_themselves(text in "\\PC{0,80}") {
            for word in words(&text) {
                prop_assert_eq!(words(&word), vec![word.clone()]);
            }
        }

        #[test]
        fn folding_compares_as_it_folds(left in "[aAäÄßẞσςΣİi]{0,4}", right in "[aAäÄßẞσςΣİi]{0,4}") {
            prop_assert_eq!(equal_folded(&left, &right), fold(&left) == fold(&right));
        }
    }
}
