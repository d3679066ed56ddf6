//! Filters (RFC 7644, section 3.4.2.2): the whole grammar, read into a tree whose names and values are known to fit.
//!
//! A filter that is read can be evaluated; whatever is wrong with it is told here. Depth and number of terms are bounded, so
//! that evaluating is too. It must not look at resources.

use std::borrow::Cow;

use actarium_core::row::Micros;
use actarium_core::{text, time};

use crate::limits;
use crate::scim::error::{Refused, ScimType};
use crate::scim::path::{Named, Scope};
use crate::scim::schema::{Attribute, Type};

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them hold.
    And(Vec<Filter>),
    /// One of them holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// There is a value.
    Present(Named),
    /// A value compares so.
    Compare {
        /// What is compared.
        named: Named,
        /// How.
        operator: Operator,
        /// With what.
        value: Literal,
    },
    /// One value of a complex attribute fulfils all of a filter: `emails[type eq "work" and value co "@"]`.
    Values {
        /// The attribute.
        named: Named,
        /// What is asked of one of its values.
        filter: Box<Filter>,
    },
}

impl Filter {
    /// How many comparisons a value costs at most.
    pub fn terms(&self) -> usize {
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().map(Filter::terms).sum(),
            Filter::Not(part) => part.terms(),
            Filter::Values { filter, .. } => 1 + filter.terms(),
            Filter::Present(_) | Filter::Compare { .. } => 1,
        }
    }
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 7644, table 3, names them")]
pub enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    /// All of them.
    pub const ALL: [Operator; 9] = [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Contains,
        Operator::StartsWith,
        Operator::EndsWith,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::LessOrEqual,
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Operator::Equal => "eq",
            Operator::NotEqual => "ne",
            Operator::Contains => "co",
            Operator::StartsWith => "sw",
            Operator::EndsWith => "ew",
            Operator::Greater => "gt",
            Operator::GreaterOrEqual => "ge",
            Operator::Less => "lt",
            Operator::LessOrEqual => "le",
        }
    }

    fn orders(self) -> bool {
        matches!(self, Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual)
    }

    fn compares_whole(self) -> bool {
        matches!(self, Operator::Equal | Operator::NotEqual)
    }
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A text; folded where the attribute's case makes no difference.
    Text(String),
    /// A moment.
    Time(Micros),
}

/// Reads a filter whose names are looked up in `scope`.
///
/// # Errors
/// `invalidFilter` with where and why it cannot be read.
pub fn parse(text: &str, scope: Scope<'_>) -> Result<Filter, Refused> {
    if text.len() > limits::SCIM_FILTER_BYTES_MAX {
        let detail = format!("the filter is longer than {} bytes", limits::SCIM_FILTER_BYTES_MAX);
        return Err(Refused::new(ScimType::InvalidFilter, detail));
    }
    let mut parser = Parser { text, at: 0, terms: 0 };
    let filter = parser.alternatives(scope, 0)?;
    parser.spaces();
    if parser.at < text.len() {
        return Err(parser.wrong("the filter should end here, or go on with `and` or `or`"));
    }
    Ok(filter)
}

/// A path of a change: an attribute, or some of its values, or a sub-attribute of them.
#[derive(Clone, Debug)]
pub struct Target {
    /// The attribute; its sub-attribute only if there is no filter.
    pub named: Named,
    /// Which of its values, if not all.
    pub filter: Option<Filter>,
    /// A sub-attribute of the values that the filter finds.
    pub sub: Option<&'static Attribute>,
}

/// Reads the path of a change (RFC 7644, section 3.5.2).
///
/// # Errors
/// `invalidPath` or, within brackets, `invalidFilter`, with where and why it cannot be read.
pub fn parse_target(text: &str, scope: Scope<'_>) -> Result<Target, Refused> {
    let invalid = |detail: String| Refused::new(ScimType::InvalidPath, detail);
    if text.len() > limits::SCIM_FILTER_BYTES_MAX {
        return Err(invalid(format!("the path is longer than {} bytes", limits::SCIM_FILTER_BYTES_MAX)));
    }
    let mut parser = Parser { text, at: 0, terms: 0 };
    parser.spaces();
    let name = parser.word();
    let named = scope.named(name).ok_or_else(|| invalid(format!("there is no attribute `{}`", shown(name))))?;
    if !parser.take('[') {
        parser.spaces();
        let ended = parser.at == text.len();
        let target = Target { named, filter: None, sub: None };
        return if ended { Ok(target) } else { Err(invalid(format!("`{}` is no path", shown(text)))) };
    }
    let filter = parser.bracketed(named, 0)?;
    let rest = text[parser.at..].trim_end();
    let sub = match (rest.strip_prefix('.'), named) {
        (None, _) if rest.is_empty() => None,
        (Some(sub), Named::Kept { attribute, .. }) => {
            let found = attribute.sub_attribute(sub);
            Some(found.ok_or_else(|| invalid(format!("`{}` has no `{}`", attribute.name, shown(sub))))?)
        }
        (Some(_), Named::Unkept) => None,
        _ => return Err(invalid(format!("`{}` follows the brackets", shown(rest)))),
    };
    Ok(Target { named, filter: Some(filter), sub })
}

struct Parser<'t> {
    text: &'t str,
    /// Bytes that are read.
    at: usize,
    terms: usize,
}

impl<'t> Parser<'t> {
    fn alternatives(&mut self, scope: Scope<'_>, depth: usize) -> Result<Filter, Refused> {
        let mut parts = vec![self.conjunction(scope, depth)?];
        while self.take_word("or") {
            parts.push(self.conjunction(scope, depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn conjunction(&mut self, scope: Scope<'_>, depth: usize) -> Result<Filter, Refused> {
        let mut parts = vec![self.term(scope, depth)?];
        while self.take_word("and") {
            parts.push(self.term(scope, depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn term(&mut self, scope: Scope<'_>, depth: usize) -> Result<Filter, Refused> {
        self.terms += 1;
        if self.terms > limits::SCIM_FILTER_TERMS_MAX {
            return Err(self.wrong(&format!("the filter has more than {} terms", limits::SCIM_FILTER_TERMS_MAX)));
        }
        self.spaces();
        if self.take('(') {
            return self.grouped(scope, depth);
        }
        let begun = self.at;
        let name = self.word();
        if name.eq_ignore_ascii_case("not") {
            self.spaces();
            if self.take('(') {
                return Ok(Filter::Not(Box::new(self.grouped(scope, depth)?)));
            }
        }
        let Some(named) = scope.named(name) else {
            self.at = begun;
            let what = if name.is_empty() { "an attribute is expected here".into() } else { unknown(name) };
            return Err(self.wrong(&what));
        };
        if self.take('[') {
            let filter = self.bracketed(named, depth)?;
            return Ok(Filter::Values { named, filter: Box::new(filter) });
        }
        self.comparison(named)
    }

    /// What follows an opening parenthesis, with the closing one.
    fn grouped(&mut self, scope: Scope<'_>, depth: usize) -> Result<Filter, Refused> {
        self.deeper(depth)?;
        let filter = self.alternatives(scope, depth + 1)?;
        self.spaces();
        if self.take(')') { Ok(filter) } else { Err(self.wrong("`)` is expected here")) }
    }

    /// What follows an opening bracket, with the closing one.
    fn bracketed(&mut self, named: Named, depth: usize) -> Result<Filter, Refused> {
        self.deeper(depth)?;
        let scope = match named {
            Named::Unkept => Scope::Unkept,
            Named::Kept { attribute, sub: None } if attribute.kind == Type::Complex => Scope::Values(attribute),
            Named::Kept { .. } => return Err(self.wrong("only a complex attribute has brackets")),
        };
        let filter = self.alternatives(scope, depth + 1)?;
        self.spaces();
        if self.take(']') { Ok(filter) } else { Err(self.wrong("`]` is expected here")) }
    }

    fn deeper(&self, depth: usize) -> Result<(), Refused> {
        if depth < limits::SCIM_FILTER_DEPTH_MAX {
            return Ok(());
        }
        Err(self.wrong(&format!("nested deeper than {} levels", limits::SCIM_FILTER_DEPTH_MAX)))
    }

    fn comparison(&mut self, named: Named) -> Result<Filter, Refused> {
        if self.take_word("pr") {
            return Ok(Filter::Present(named));
        }
        self.spaces();
        let begun = self.at;
        let word = self.word();
        let Some(operator) = Operator::ALL.into_iter().find(|one| one.word().eq_ignore_ascii_case(word)) else {
            self.at = begun;
            return Err(self.wrong("one of eq, ne, co, sw, ew, gt, ge, lt, le and pr is expected here"));
        };
        self.spaces();
        let begun = self.at;
        let value = self.value()?;
        let compared = match compared(named) {
            Ok(compared) => compared,
            Err(detail) => return Err(Parser { at: begun, ..*self }.wrong(&detail)),
        };
        match fitting(compared, operator, value) {
            Ok(value) => Ok(Filter::Compare { named, operator, value }),
            Err(detail) => Err(Parser { at: begun, ..*self }.wrong(&detail)),
        }
    }

    /// A value as JSON spells it; `None` for a number, which no attribute has.
    fn value(&mut self) -> Result<Option<Literal>, Refused> {
        if self.text[self.at..].starts_with('"') {
            return self.string().map(|text| Some(Literal::Text(text)));
        }
        let begun = self.at;
        let literal = match self.word() {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            "null" => Literal::Null,
            word if serde_json::from_str::<serde_json::Number>(word).is_ok() => return Ok(None),
            _ => {
                self.at = begun;
                return Err(self.wrong("a value is expected here: a text in double quotes, true, false or null"));
            }
        };
        Ok(Some(literal))
    }

    fn string(&mut self) -> Result<String, Refused> {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let text = end.and_then(|end| {
            let whole = &rest[..end + 2];
            serde_json::from_str(whole).ok().map(|text: String| (text, whole.len()))
        });
        let (text, bytes) = text.ok_or_else(|| self.wrong("a text is no JSON string, or does not end"))?;
        self.at += bytes;
        Ok(text)
    }

    fn spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// Everything up to a space, bracket, parenthesis or quote.
    fn word(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let end = rest.find([' ', '\t', '(', ')', '[', ']', '"']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.text[self.at..].starts_with(expected);
        self.at += if found { expected.len_utf8() } else { 0 };
        found
    }

    /// Takes a word if it is the next one, after spaces or what ends a term.
    fn take_word(&mut self, expected: &str) -> bool {
        let begun = self.at;
        self.spaces();
        if self.word().eq_ignore_ascii_case(expected) {
            return true;
        }
        self.at = begun;
        false
    }

    fn wrong(&self, detail: &str) -> Refused {
        let column = self.text[..self.at].chars().count() + 1;
        Refused::new(ScimType::InvalidFilter, format!("the filter cannot be read at character {column}: {detail}"))
    }
}

/// The attribute whose values are compared; `None` for what has none.
fn compared(named: Named) -> Result<Option<&'static Attribute>, String> {
    let Named::Kept { attribute, sub } = named else { return Ok(None) };
    let leaf = sub.unwrap_or(attribute);
    if leaf.kind != Type::Complex {
        return Ok(Some(leaf));
    }
    match leaf.value_attribute() {
        Some(value) => Ok(Some(value)),
        None => Err(format!("`{}` has parts; compare one of them", leaf.name)),
    }
}

/// The value in the form in which it is compared with what the attribute has.
fn fitting(attribute: Option<&Attribute>, operator: Operator, value: Option<Literal>) -> Result<Literal, String> {
    let Some(attribute) = attribute else { return Ok(value.unwrap_or(Literal::Null)) };
    let Some(value) = value else { return Err(format!("`{}` is no number", attribute.name)) };
    if operator.orders() && (attribute.kind == Type::Boolean || value == Literal::Null) {
        return Err(format!("`{}` does not order what is compared here", operator.word()));
    }
    if value == Literal::Null && !operator.compares_whole() {
        return Err(format!("`{}` takes a text", operator.word()));
    }
    match (attribute.kind, value) {
        (_, Literal::Null) => Ok(Literal::Null),
        (Type::Boolean, _) if !operator.compares_whole() => {
            Err(format!("`{}` is true or false; only eq, ne and pr make sense of it", attribute.name))
        }
        (Type::Boolean, Literal::Boolean(value)) => Ok(Literal::Boolean(value)),
        (Type::Boolean, Literal::Text(text)) if text.eq_ignore_ascii_case("true") => Ok(Literal::Boolean(true)),
        (Type::Boolean, Literal::Text(text)) if text.eq_ignore_ascii_case("false") => Ok(Literal::Boolean(false)),
        (Type::Boolean, _) => Err(format!("`{}` is true or false", attribute.name)),
        (Type::DateTime, Literal::Text(text)) if operator.orders() || operator.compares_whole() => {
            let at = time::parse(&text).map_err(|error| format!("`{}` is a time: {error}", attribute.name))?;
            Ok(Literal::Time(at))
        }
        (_, Literal::Text(text)) if attribute.case_exact => Ok(Literal::Text(text)),
        (_, Literal::Text(text)) => Ok(Literal::Text(text::fold(&text))),
        (_, _) => Err(format!("`{}` is a text: write the value in double quotes", attribute.name)),
    }
}

fn unknown(name: &str) -> String {
    format!("there is no attribute `{}`", shown(name))
}

/// The beginning of a text of the client, for a message.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(64) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
