//! A filter from the parameters of an API request: different parameters narrow, a repeated one widens.
//!
//! Values come as they are, without quotes, lists or escapes; only `q` is a phrase. Must not know of URLs.

use std::borrow::Cow;

use super::error::{PhraseError, Problem};
use super::field::{Field, Value};
use super::parser::within_bytes;
use super::{Filter, PHRASE_BYTES_MAX, TERMS_MAX};

/// The parameters that make a filter, besides `q`, the search phrase.
pub const PARAMETERS: [Field; 17] = [
    Field::Actor,
    Field::ActorType,
    Field::Action,
    Field::Outcome,
    Field::Target,
    Field::Resource,
    Field::Project,
    Field::Component,
    Field::Environment,
    Field::Ip,
    Field::RequestId,
    Field::TraceId,
    Field::SessionId,
    Field::ExternalId,
    Field::Source,
    Field::Surface,
    Field::Seq,
];

/// The name of the parameter that is a search phrase.
const PHRASE_PARAMETER: &str = "q";

/// A parameter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("parameter `{parameter}`: {error}")]
pub struct ParameterError {
    /// Its name; empty where all of them together are too much.
    pub parameter: String,
    /// What is wrong, with the place within its value.
    pub error: PhraseError,
}

/// The parameters given so far.
#[derive(Clone, Debug, Default)]
pub struct SearchParameters {
    /// A filter per field given, in the order of their first mention.
    fields: Vec<(Field, Vec<Filter>)>,
    phrases: Vec<Filter>,
}

impl SearchParameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a parameter of this name is one for [`SearchParameters::add`].
    pub fn accepts(name: &str) -> bool {
        name == PHRASE_PARAMETER || parameter(name).is_some()
    }

    /// Adds a parameter and its value, percent-decoded.
    ///
    /// # Errors
    /// If there is no such parameter, or its value cannot be read.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        let failed = |error| ParameterError { parameter: name.to_owned(), error };
        let problem = |problem| failed(PhraseError::new(value, 0, value.len(), problem));
        if name == PHRASE_PARAMETER {
            self.phrases.push(Filter::parse(value).map_err(failed)?);
            return Ok(());
        }
        let Some(field) = parameter(name) else {
            let names = PARAMETERS.into_iter().map(Field::name).chain([PHRASE_PARAMETER]);
            return Err(problem(Problem::new("there is no such parameter").allowing(names)));
        };
        if value.is_empty() {
            return Err(problem(Problem::new("the value is empty; leave the parameter out to search for any")));
        }
        if value.len() > PHRASE_BYTES_MAX {
            let detail = format!("the value has {} bytes, of at most {PHRASE_BYTES_MAX}", value.len());
            return Err(problem(Problem::new(detail)));
        }
        let as_given = Value { text: Cow::Borrowed(value), literal: true, kind: None };
        let term = Filter::Term(field.term(None, &as_given).map_err(problem)?);
        match self.fields.iter_mut().find(|(given, _)| *given == field) {
            Some((_, terms)) => terms.push(term),
            None => self.fields.push((field, vec![term])),
        }
        Ok(())
    }

    /// The filter of all parameters, in normal form. Its phrase can be read back.
    ///
    /// # Errors
    /// If together they pass [`PHRASE_BYTES_MAX`], [`TERMS_MAX`] or [`super::NESTING_MAX`].
    pub fn filter(self) -> Result<Filter, ParameterError> {
        let mut parts: Vec<Filter> = self.fields.into_iter().map(|(_, terms)| Filter::or(terms)).collect();
        if !self.phrases.is_empty() {
            parts.push(Filter::or(self.phrases));
        }
        let filter = Filter::and(parts);
        let together = |error| ParameterError { parameter: String::new(), error };
        let mut terms = 0;
        filter.each_term(&mut |_| terms += 1);
        if terms > TERMS_MAX {
            let detail = format!("there are {terms} terms, of at most {TERMS_MAX}");
            return Err(together(PhraseError::new("", 0, 0, Problem::new(detail))));
        }
        within_bytes(&filter).map_err(|problem| together(PhraseError::new("", 0, 0, problem)))?;
        // Parentheses that the combination needs may nest one deeper than the phrase alone.
        let printed = filter.to_string();
        Filter::parse(&printed).map_err(together)
    }
}

fn parameter(name: &str) -> Option<Field> {
    PARAMETERS.into_iter().find(|field| field.name() == name)
}
