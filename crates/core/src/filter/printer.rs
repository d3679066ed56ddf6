//! A filter as the phrase that reads back as the same filter. Must not print anything that the parser refuses.

use std::fmt::{self, Display, Formatter, Write};

use super::field::{METADATA_PREFIX, TARGET_FIELDS};
use super::{ActionPattern, Filter, Term};

impl Display for Filter {
    /// Writes the phrase of a filter in normal form. `All` is the empty phrase.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Filter::All => Ok(()),
            Filter::Or(parts) if list(parts).is_none() => print_joined(f, parts, " OR ", Around::Or),
            Filter::And(parts) => print_joined(f, parts, " ", Around::And),
            other => print(f, other, Around::And),
        }
    }
}

impl Filter {
    /// The field that a term, or a list of terms, is written with: `actor` of `actor:ada,bob`. None of words, of metadata, and of
    /// what is more than one criterion.
    pub fn field(&self) -> Option<&str> {
        let terms = match self {
            Filter::Term(term) => vec![term],
            Filter::Or(parts) => list(parts)?,
            Filter::All | Filter::And(_) | Filter::Not(_) => return None,
        };
        match field_name(terms.first()?) {
            ("", name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }
}

/// What a filter stands in, which decides whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Or,
    And,
    Not,
}

fn print(f: &mut Formatter<'_>, filter: &Filter, around: Around) -> fmt::Result {
    match filter {
        Filter::All => f.write_char('*'),
        Filter::Term(term) => print_term(f, term),
        Filter::Not(inner) => {
            f.write_char('-')?;
            print(f, inner, Around::Not)
        }
        Filter::Or(parts) => match list(parts) {
            Some(terms) => print_list(f, &terms),
            None => {
                f.write_char('(')?;
                print_joined(f, parts, " OR ", Around::Or)?;
                f.write_char(')')
            }
        },
        Filter::And(parts) if around == Around::Or => print_joined(f, parts, " ", Around::And),
        Filter::And(parts) => {
            f.write_char('(')?;
            print_joined(f, parts, " ", Around::And)?;
            f.write_char(')')
        }
    }
}

fn print_joined(f: &mut Formatter<'_>, parts: &[Filter], between: &str, around: Around) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        print(f, part, around)?;
    }
    Ok(())
}

/// The terms of an `Or`, if they can be written as one field with a list of values.
fn list(parts: &[Filter]) -> Option<Vec<&Term>> {
    let terms: Vec<&Term> = parts
        .iter()
        .map(|part| match part {
            Filter::Term(term) if !matches!(term, Term::Words(_)) => Some(term),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let first = field_name(terms.first()?);
    terms.iter().all(|term| field_name(term) == first).then_some(terms)
}

fn print_list(f: &mut Formatter<'_>, terms: &[&Term]) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        match index {
            0 => print_term(f, term)?,
            _ => {
                f.write_char(',')?;
                print_value(f, term)?;
            }
        }
    }
    Ok(())
}

fn print_term(f: &mut Formatter<'_>, term: &Term) -> fmt::Result {
    match field_name(term) {
        (prefix, name) if name.is_empty() && prefix.is_empty() => {}
        (prefix, name) => write!(f, "{prefix}{name}:")?,
    }
    print_value(f, term)
}

/// The field that the term is written with, as a prefix and a name; both empty for words.
fn field_name(term: &Term) -> (&'static str, &str) {
    let name = match term {
        Term::Actor(_) => "actor",
        Term::ActorType(_) => "actor_type",
        Term::Action(_) => "action",
        Term::Outcome(_) => "outcome",
        Term::Target { kind, .. } => own_field(kind.as_deref()).unwrap_or("target"),
        Term::Resource(_) => "resource",
        Term::Ip(_) => "ip",
        Term::RequestId(_) => "request_id",
        Term::TraceId(_) => "trace_id",
        Term::SessionId(_) => "session_id",
        Term::ExternalId(_) => "external_id",
        Term::Source(_) => "source",
        Term::Surface(_) => "surface",
        Term::Metadata { key, .. } => return (METADATA_PREFIX, key),
        Term::Id(_) => "id",
        Term::Seq(_) => "seq",
        Term::Words(_) => "",
    };
    ("", name)
}

/// The field that stands for targets of this type.
fn own_field(kind: Option<&str>) -> Option<&'static str> {
    TARGET_FIELDS.into_iter().find(|(_, own)| Some(*own) == kind).map(|(field, _)| field.name())
}

fn print_value(f: &mut Formatter<'_>, term: &Term) -> fmt::Result {
    match term {
        Term::Target { kind: Some(kind), value } if own_field(Some(kind)).is_none() => {
            write!(f, "{kind}:")?;
            print_quoted(f, value)
        }
        Term::Actor(text)
        | Term::Target { value: text, .. }
        | Term::Resource(text)
        | Term::RequestId(text)
        | Term::TraceId(text)
        | Term::SessionId(text)
        | Term::ExternalId(text)
        | Term::Source(text)
        | Term::Surface(text)
        | Term::Metadata { value: text, .. } => print_text(f, text),
        Term::ActorType(kind) => f.write_str(kind.as_str()),
        Term::Outcome(outcome) => f.write_str(outcome.as_str()),
        Term::Action(ActionPattern::Exact(action)) => f.write_str(action),
        Term::Action(ActionPattern::Under(prefix)) => write!(f, "{prefix}.*"),
        Term::Action(ActionPattern::Verb(verb)) => write!(f, "*.{verb}"),
        Term::Ip(network) if network.prefix_len() == network.max_prefix_len() => write!(f, "{}", network.addr()),
        Term::Ip(network) => write!(f, "{network}"),
        Term::Id(id) => write!(f, "{id}"),
        Term::Seq(seq) => write!(f, "{seq}"),
        Term::Words(words) => match words.as_slice() {
            [only] => f.write_str(only),
            _ => print_quoted(f, &words.join(" ")),
        },
    }
}

fn print_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |character: char| !(character.is_whitespace() || matches!(character, '"' | '(' | ')' | ',' | '*'));
    if !text.is_empty() && text.chars().all(plain) { f.write_str(text) } else { print_quoted(f, text) }
}

fn print_quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}
