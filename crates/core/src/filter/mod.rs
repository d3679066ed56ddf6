//! What a search looks for: one type for the API's parameters, the search phrase, the console and the CLI.
//!
//! `lexer` and `parser` read the phrase, `printer` writes it, `parameters` makes a filter of API parameters, `evaluate`
//! says which events it finds, `scope` which of them a caller sees at all. Must not know how events are stored or
//! indexed; those who do compare with `evaluate`.

mod error;
mod evaluate;
#[cfg(test)]
mod evaluate_tests;
mod field;
mod lexer;
mod parameters;
mod parser;
mod parts;
mod printer;
mod scope;
#[cfg(test)]
mod tests;

pub use error::PhraseError;
pub use evaluate::{Place, target_readings};
pub use field::Field;
pub use parameters::{PARAMETERS, ParameterError, SearchParameters};
pub use scope::{PROJECT, ProjectIds, SCOPE_PROJECTS_MAX, Scope, TooManyProjects};

use std::net::IpAddr;

use ipnet::IpNet;

pub use crate::event::{ActorType, Outcome};
use crate::id::EventId;
use crate::text;

/// Longest phrase in bytes, as given and as printed.
pub const PHRASE_BYTES_MAX: usize = 4_096;

/// Most terms in one filter.
pub const TERMS_MAX: usize = 128;

/// Deepest nesting: parentheses and negations around one term.
pub const NESTING_MAX: usize = 16;

/// Which events are looked for.
///
/// The parser and [`Filter::normalised`] give the normal form, in which equal phrases are equal values: see there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Every event.
    All,
    /// Events that every one of these finds.
    And(Vec<Filter>),
    /// Events that any of these finds.
    Or(Vec<Filter>),
    /// Events that this does not find.
    Not(Box<Filter>),
    /// Events with this property.
    Term(Term),
}

/// One property of an event.
///
/// A text is compared exactly, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// The id of the actor, or its e-mail address or name without regard to case ([`text::fold`]), at any depth of
    /// `on_behalf_of`.
    Actor(String),
    /// The type of the actor at depth 0.
    ActorType(ActorType),
    /// The action.
    Action(ActionPattern),
    /// The outcome.
    Outcome(Outcome),
    /// Any target with this id, or this name without regard to case.
    Target {
        /// The type that the target must have. Without one the value may also be `type:id` or `type:name`:
        /// [`target_readings`] gives every way to read it.
        kind: Option<String>,
        /// Id or name.
        value: String,
    },
    /// The type of the first target.
    Resource(String),
    /// The IP address, or the network that it is in. IPv4 addresses written as IPv6 (`::ffff:…`) count as IPv4.
    Ip(IpNet),
    /// The request id.
    RequestId(String),
    /// The trace id.
    TraceId(String),
    /// The session id, at any depth of `on_behalf_of`.
    SessionId(String),
    /// The sender's own id of the event.
    ExternalId(String),
    /// Which way the event came.
    Source(String),
    /// The surface that the actor used.
    Surface(String),
    /// A key of the event's metadata with this value: a string without quotes, a number or boolean as it is spelled.
    Metadata {
        /// The key, `[A-Za-z0-9_.-]{1,64}`.
        key: String,
        /// The value's text.
        value: String,
    },
    /// The event's id.
    Id(EventId),
    /// The event's position in its organization's log.
    Seq(u64),
    /// Words, as [`text::words`] makes them, one after the other in one of the texts that [`text::column_texts`] gives; a
    /// request, trace, session or external id is found only if these are all of its words.
    Words(Vec<String>),
}

/// A pattern for actions. The texts are in lower case, as actions are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActionPattern {
    /// This action.
    Exact(String),
    /// `component.*`: this resource's actions and those below it. Without the `.*`.
    Under(String),
    /// `*.delete`: this verb of any resource. Without the `*.`.
    Verb(String),
}

impl ActionPattern {
    /// Whether the action is one of these.
    pub fn matches(&self, action: &str) -> bool {
        match self {
            ActionPattern::Exact(exact) => action == exact,
            ActionPattern::Under(prefix) => {
                action.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.'))
            }
            ActionPattern::Verb(verb) => action.strip_suffix(verb.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

impl Filter {
    /// Reads a search phrase; an empty one finds every event. The result is in normal form.
    ///
    /// # Errors
    /// If the phrase cannot be read, or passes [`PHRASE_BYTES_MAX`], [`TERMS_MAX`] or [`NESTING_MAX`]: where and why.
    pub fn parse(phrase: &str) -> Result<Filter, PhraseError> {
        parser::parse(phrase)
    }

    /// The filter that finds no event; its phrase is `-*`.
    pub fn nothing() -> Filter {
        Filter::Not(Box::new(Filter::All))
    }

    /// Events that all of the filters find, in normal form if they are.
    pub fn and(filters: impl IntoIterator<Item = Filter>) -> Filter {
        let mut parts = Vec::new();
        for filter in filters {
            match filter {
                Filter::All => {}
                Filter::And(inner) => parts.extend(inner),
                other => parts.push(other),
            }
        }
        if parts.contains(&Filter::nothing()) {
            return Filter::nothing();
        }
        let mut parts = without_repeats(parts);
        match parts.len() {
            0 => Filter::All,
            1 => parts.remove(0),
            _ => Filter::And(parts),
        }
    }

    /// Events that any of the filters finds, in normal form if they are.
    pub fn or(filters: impl IntoIterator<Item = Filter>) -> Filter {
        let nothing = Filter::nothing();
        let mut parts = Vec::new();
        for filter in filters {
            match filter {
                Filter::All => return Filter::All,
                Filter::Or(inner) => parts.extend(inner),
                other if other == nothing => {}
                other => parts.push(other),
            }
        }
        let mut parts = without_repeats(parts);
        match parts.len() {
            0 => nothing,
            1 => parts.remove(0),
            _ => Filter::Or(parts),
        }
    }

    /// Events that the filter does not find, in normal form if it is.
    pub fn negated(self) -> Filter {
        match self {
            Filter::Not(inner) => *inner,
            other => Filter::Not(Box::new(other)),
        }
    }

    /// The normal form: `And` and `Or` hold at least two filters, none of their own kind, none twice and none that finds
    /// everything or nothing; nothing is negated twice; what finds nothing is `Not(All)`. Networks have no host bits and
    /// IPv4 is written as IPv4; actions are in lower case; `Words` are words, and none of them is `All`. The order stays.
    pub fn normalised(self) -> Filter {
        match self {
            Filter::All => Filter::All,
            Filter::And(parts) => Filter::and(parts.into_iter().map(Filter::normalised)),
            Filter::Or(parts) => Filter::or(parts.into_iter().map(Filter::normalised)),
            Filter::Not(inner) => inner.normalised().negated(),
            Filter::Term(term) => normalised_term(term),
        }
    }

    /// Calls `f` with every term, in order.
    pub fn each_term(&self, f: &mut dyn FnMut(&Term)) {
        match self {
            Filter::All => {}
            Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| part.each_term(f)),
            Filter::Not(inner) => inner.each_term(f),
            Filter::Term(term) => f(term),
        }
    }
}

impl From<Term> for Filter {
    fn from(term: Term) -> Self {
        Filter::Term(term)
    }
}

fn without_repeats(filters: Vec<Filter>) -> Vec<Filter> {
    let mut kept: Vec<Filter> = Vec::with_capacity(filters.len());
    for filter in filters {
        if !kept.contains(&filter) {
            kept.push(filter);
        }
    }
    kept
}

fn normalised_term(term: Term) -> Filter {
    Filter::Term(match term {
        Term::Words(words) => match words.iter().flat_map(|word| text::words(word)).collect::<Vec<_>>() {
            words if words.is_empty() => return Filter::All,
            words => Term::Words(words),
        },
        Term::Ip(network) => Term::Ip(canonical_network(network)),
        Term::Action(ActionPattern::Exact(text)) => Term::Action(ActionPattern::Exact(text.to_ascii_lowercase())),
        Term::Action(ActionPattern::Under(text)) => Term::Action(ActionPattern::Under(text.to_ascii_lowercase())),
        Term::Action(ActionPattern::Verb(text)) => Term::Action(ActionPattern::Verb(text.to_ascii_lowercase())),
        other => other,
    })
}

/// The network without host bits, and as IPv4 if it lies within the IPv4 addresses written as IPv6.
fn canonical_network(network: IpNet) -> IpNet {
    const MAPPED_PREFIX_BITS: u8 = 96;
    let canonical = match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED_PREFIX_BITS => match IpAddr::V6(v6.addr()).to_canonical() {
            IpAddr::V4(v4) => IpNet::new(IpAddr::V4(v4), v6.prefix_len() - MAPPED_PREFIX_BITS).unwrap_or(network),
            IpAddr::V6(_) => network,
        },
        _ => network,
    };
    canonical.trunc()
}

impl std::str::FromStr for Filter {
    type Err = PhraseError;

    /// The same as [`Filter::parse`].
    fn from_str(phrase: &str) -> Result<Self, PhraseError> {
        Filter::parse(phrase)
    }
}

impl serde::Serialize for Filter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Filter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let phrase = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Filter::parse(&phrase).map_err(serde::de::Error::custom)
    }
}
