//! The query that the reader says they asked for, compared with the one that an export's manifest names: nothing signs the manifest,
//! and whoever hands an export over can put a narrower query there.

use actarium_core::filter::{Filter, PhraseError};
use actarium_core::row::Micros;
use actarium_core::time::{self, TimeError};

use crate::export::MANIFEST;
use crate::manifest::ManifestQuery;
use crate::report::Report;

/// What the reader asked for, all of it: a phrase or time that is not given is one that was not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedQuery {
    filter: Filter,
    from: Option<Micros>,
    to: Option<Micros>,
}

/// Why what was asked for cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AskedQueryError {
    /// The phrase.
    #[error("--query {phrase:?} cannot be read: {error}")]
    Phrase {
        /// As given.
        phrase: String,
        /// Where and why.
        error: PhraseError,
    },
    /// A time.
    #[error("--{option} {text:?} is not a time: {error}")]
    Time {
        /// Which of the two.
        option: &'static str,
        /// As given.
        text: String,
        /// Why.
        error: TimeError,
    },
}

impl AskedQuery {
    /// Reads a search phrase and times (RFC 3339); `None` if none of them is given.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn parse(phrase: Option<&str>, from: Option<&str>, to: Option<&str>) -> Result<Option<Self>, AskedQueryError> {
        let at = |option: &'static str, text: Option<&str>| {
            let failed = |text: &str, error| AskedQueryError::Time { option, text: text.to_owned(), error };
            text.map(|text| time::parse(text).map_err(|error| failed(text, error))).transpose()
        };
        if phrase.is_none() && from.is_none() && to.is_none() {
            return Ok(None);
        }
        let phrase = phrase.unwrap_or_default();
        let failed = |error| AskedQueryError::Phrase { phrase: phrase.to_owned(), error };
        let filter = Filter::parse(phrase).map_err(failed)?;
        Ok(Some(Self { filter, from: at("from", from)?, to: at("to", to)? }))
    }

    /// Whether it finds the same as a manifest's query, however either is spelled. A phrase that cannot be read is another one.
    fn is(&self, query: &ManifestQuery) -> bool {
        let same_filter = |filter| without_order(filter) == without_order(self.filter.clone());
        (self.from, self.to) == (query.from, query.to) && Filter::parse(&query.phrase).is_ok_and(same_filter)
    }

    fn told(&self) -> String {
        told(&ManifestQuery { phrase: self.filter.to_string(), from: self.from, to: self.to })
    }
}

impl Report {
    /// Finds that the manifest names another query than the reader asked for, or notes that it is the same.
    pub(crate) fn compare_query(&mut self, asked: &AskedQuery) {
        let Some(query) = &self.query else { return };
        let (named, own_word) = (told(query), own_word(query));
        if asked.is(query) {
            self.notes.retain(|note| *note != own_word);
            self.notes.push(format!("the filter is the one that you asked for: {named}"));
        } else {
            self.find(MANIFEST, format!("its query is {named}, and you asked for {}", asked.told()));
            self.is_of_another_query = true;
        }
    }
}

/// What an export's own word about its query is worth, where the reader does not say what they asked for.
pub(crate) fn own_word(query: &ManifestQuery) -> String {
    format!("that the filter is {} is the manifest's own word: compare it with what you asked for", told(query))
}

fn told(query: &ManifestQuery) -> String {
    let mut told = match query.phrase.as_str() {
        "" => "without a phrase".to_owned(),
        // Escaped, as it may hold anything that moves a terminal's cursor.
        phrase => format!("the phrase {phrase:?}"),
    };
    for (name, at) in [("from", query.from), ("to", query.to)] {
        if let Some(at) = at {
            told.push_str(&format!(", {name} {}", time::to_text(at)));
        }
    }
    told
}

/// The filter with what stands in no order of its own in that of its texts, so that `a b` and `b a` are one.
fn without_order(filter: Filter) -> Filter {
    let sorted = |parts: Vec<Filter>| {
        let mut parts: Vec<Filter> = parts.into_iter().map(without_order).collect();
        parts.sort_by_cached_key(ToString::to_string);
        parts
    };
    match filter {
        Filter::And(parts) => Filter::And(sorted(parts)),
        Filter::Or(parts) => Filter::Or(sorted(parts)),
        Filter::Not(inner) => Filter::Not(Box::new(without_order(*inner))),
        Filter::All | Filter::Term(_) => filter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(phrase: &str, from: Option<i64>, to: Option<i64>) -> Report {
        let query = ManifestQuery { phrase: phrase.to_owned(), from, to };
        Report { notes: vec![own_word(&query)], query: Some(query), ..Report::default() }
    }

    fn asked(phrase: Option<&str>, from: Option<&str>, to: Option<&str>) -> AskedQuery {
        AskedQuery::parse(phrase, from, to).unwrap().unwrap()
    }

    #[test]
    fn the_query_is_named_with_all_that_narrows_it() {
        let phrase = "action:component.* -outcome:denied\u{1b}[2J".to_owned();
        let told = own_word(&ManifestQuery { phrase, from: Some(0), to: Some(1_000_000) });
        assert!(told.contains("\"action:component.* -outcome:denied\\u{1b}[2J\", from 1970-01-01T00:00:00"), "{told}");
        assert!(told.contains(", to 1970-01-01T00:00:01") && told.contains("the manifest's own word"), "{told}");
        assert!(own_word(&ManifestQuery::default()).contains("the filter is without a phrase is"));
    }

    #[test]
    fn the_same_query_in_another_spelling_is_the_same() {
        let named = "(outcome:denied OR outcome:failure) action:component.* -actor:u-1 \"two words\"";
        for phrase in [
            named,
            "ACTION:Component.*   outcome:denied,failure  -actor:\"u-1\" two-words",
            "NOT actor:u-1 \"Two Words\" (outcome:failure OR (outcome:denied)) action:component.* action:component.*",
        ] {
            let mut report = report_of(named, None, None);
            report.compare_query(&asked(Some(phrase), None, None));
            assert!(report.is_sound(), "{phrase}: {report}");
            assert!(report.notes.len() == 1 && report.notes[0].contains("the one that you asked for"), "{report}");
        }
    }

    #[test]
    fn another_query_is_refused_with_its_place() {
        let (from, to) = ("2026-01-02T03:04:05Z", "2026-01-02T05:04:05+01:00");
        let at = |text: &str| Some(time::parse(text).unwrap());
        let named = report_of("outcome:denied action:component.*", at(from), at(to));
        let phrase = Some("action:component.* outcome:denied");
        let mut same = named.clone();
        same.compare_query(&asked(phrase, Some(from), Some("2026-01-02T04:04:05.000Z")));
        assert!(same.is_sound(), "{same}");
        for other in [
            asked(phrase, None, None),
            asked(phrase, Some(from), None),
            asked(phrase, Some(from), Some(from)),
            asked(Some("outcome:denied"), Some(from), Some(to)),
            asked(Some("action:component.* -outcome:denied"), Some(from), Some(to)),
            asked(Some("action:component.* OR outcome:denied"), Some(from), Some(to)),
            asked(Some(""), Some(from), Some(to)),
            asked(None, Some(from), Some(to)),
        ] {
            let mut report = named.clone();
            report.compare_query(&other);
            assert_eq!((report.findings.len(), report.exit_code(false)), (1, 1), "{other:?}");
            let told = report.to_string();
            assert!(told.starts_with("WRONG  manifest.json: its query is the phrase \"outcome:denied"), "{told}");
            assert!(told.ends_with("Not what you asked for: another query was applied.\n"), "{told}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_which_option() {
        assert_eq!(AskedQuery::parse(None, None, None).unwrap(), None);
        let told = |phrase, from, to| AskedQuery::parse(phrase, from, to).unwrap_err().to_string();
        assert!(told(Some("outcom:denied"), None, None).contains("did you mean `outcome`"));
        assert!(told(None, Some("-7d"), None).contains("--from \"-7d\" is not a time"));
        assert!(told(Some("a"), None, Some("2026-01-02")).contains("--to"));
    }
}
