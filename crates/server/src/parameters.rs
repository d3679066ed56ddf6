//! Query parameters: what a route takes is declared once, read strictly here and published by `openapi`.
//!
//! Anything that is not declared is refused by name, never ignored: a misspelt filter must not widen a search.
//! This file must not know what a parameter means.

use crate::limits;
use crate::problem::{Kind, Problem};

/// What a parameter's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text of 1 to this many characters.
    Text {
        /// Most characters.
        chars_max: usize,
    },
    /// Text that a regular expression describes to readers of the API; the handler checks it.
    Pattern {
        /// The regular expression (ECMA-262) that is published.
        regex: &'static str,
        /// Most characters.
        chars_max: usize,
    },
    /// RFC 3339, or relative to now as in `-24h`.
    Time,
    /// A whole number.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
        /// What holds without the parameter.
        default: Option<i64>,
    },
    /// One of some words; the first is the default.
    OneOf(&'static [&'static str]),
    /// One of some words, without a default.
    OneOfRequired(&'static [&'static str]),
}

/// A query parameter of a route.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub form: Form,
    /// Whether it may stand several times.
    pub repeatable: bool,
    /// Whether it must be there.
    pub required: bool,
    /// What it does.
    pub description: &'static str,
    /// A value as an example.
    pub example: &'static str,
}

/// The query parameters of one request.
#[derive(Debug, Default)]
pub struct Parameters {
    values: Vec<(&'static str, String)>,
}

impl Parameters {
    /// Reads a query string by what the route declares; what it does not declare is passed over if it says so.
    ///
    /// # Errors
    /// A problem that names the parameter, what was wrong and what is allowed.
    pub fn read(query: &str, declared: &'static [Parameter], ignores_unknown: bool) -> Result<Self, Problem> {
        let mut values: Vec<(&'static str, String)> = Vec::new();
        for piece in query.split('&').filter(|piece| !piece.is_empty()) {
            if values.len() == limits::PARAMETERS_MAX {
                let detail = format!("more than {} query parameters", limits::PARAMETERS_MAX);
                return Err(Problem::new(Kind::InvalidParameter, detail));
            }
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let name = decode(name).ok_or_else(|| broken("a parameter's name"))?;
            let Some(parameter) = declared.iter().find(|parameter| parameter.name == name) else {
                if ignores_unknown {
                    continue;
                }
                return Err(unknown(&name, declared));
            };
            let value = decode(value).ok_or_else(|| broken(&format!("`{}`", parameter.name)))?;
            check(parameter, &value)?;
            let before = values.iter().filter(|(there, _)| *there == parameter.name).count();
            if !parameter.repeatable && before > 0 {
                return Err(invalid(parameter.name, "it may stand only once"));
            }
            if before == limits::PARAMETER_REPEATS_MAX {
                let repeats_max = limits::PARAMETER_REPEATS_MAX;
                return Err(invalid(parameter.name, &format!("it may stand at most {repeats_max} times")));
            }
            values.push((parameter.name, value));
        }
        for parameter in declared.iter().filter(|parameter| parameter.required) {
            if !values.iter().any(|(there, _)| *there == parameter.name) {
                return Err(invalid(parameter.name, &format!("it is needed: {}", allowed(parameter.form))));
            }
        }
        Ok(Self { values })
    }

    /// The value of a parameter that stands at most once.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(there, _)| *there == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a repeatable parameter, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(there, _)| *there == name).map(|(_, value)| value.as_str())
    }

    /// A whole number, which `read` has checked.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.one(name).and_then(|value| value.parse().ok())
    }

    /// Names and values in the order in which they stood.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// The problem of one parameter.
pub fn invalid(name: &str, detail: &str) -> Problem {
    Problem::new(Kind::InvalidParameter, format!("query parameter `{name}`: {detail}"))
}

/// What a form allows, in words.
pub fn allowed(form: Form) -> String {
    match form {
        Form::Text { chars_max } => format!("text of 1 to {chars_max} characters"),
        Form::Pattern { regex, chars_max } => format!("text of at most {chars_max} characters like {regex}"),
        Form::Time => "an RFC 3339 time such as 2026-01-31T12:00:00Z, `now`, or a time before now such as -24h".into(),
        Form::Integer { min, max, .. } => format!("a whole number from {min} to {max}"),
        Form::OneOf(words) | Form::OneOfRequired(words) => format!("one of {}", words.join(", ")),
    }
}

fn check(parameter: &Parameter, value: &str) -> Result<(), Problem> {
    let form = parameter.form;
    if value.len() > limits::PARAMETER_BYTES_MAX {
        return Err(invalid(parameter.name, &format!("longer than {} bytes", limits::PARAMETER_BYTES_MAX)));
    }
    let good = match form {
        Form::Text { chars_max } | Form::Pattern { chars_max, .. } => {
            !value.is_empty() && value.chars().count() <= chars_max
        }
        Form::Time => !value.is_empty(),
        Form::Integer { min, max, .. } => is_plain_integer(value, min, max),
        Form::OneOf(words) | Form::OneOfRequired(words) => words.contains(&value),
    };
    if good { Ok(()) } else { Err(invalid(parameter.name, &format!("must be {}", allowed(form)))) }
}

/// Digits with at most a minus before them: `+5` and `1_000` would be read by some and not by others.
fn is_plain_integer(value: &str, min: i64, max: i64) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && value.parse().is_ok_and(|number: i64| (min..=max).contains(&number))
}

fn unknown(name: &str, declared: &[Parameter]) -> Problem {
    let shown: String = name.chars().take(64).collect();
    let names: Vec<_> = declared.iter().map(|parameter| parameter.name).collect();
    let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    invalid(&shown, &format!("there is no such parameter here; allowed: {list}"))
}

fn broken(what: &str) -> Problem {
    Problem::new(Kind::InvalidParameter, format!("{what} in the query is not percent-encoded UTF-8"))
}

/// Percent-decoding of one name or value, `+` being a blank; `None` if it isn't well-formed UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                let high = (digits[0] as char).to_digit(16)?;
                let low = (digits[1] as char).to_digit(16)?;
                bytes.push((high * 16 + low) as u8);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn parameter(name: &'static str, form: Form, repeatable: bool) -> Parameter {
        Parameter { name, form, repeatable, required: false, description: "", example: "" }
    }

    static DECLARED: [Parameter; 3] = [
        parameter("actor", Form::Text { chars_max: 5 }, true),
        parameter("limit", Form::Integer { min: 1, max: 1000, default: Some(50) }, false),
        parameter("order", Form::OneOf(&["desc", "asc"]), false),
    ];

    fn refusal(query: &str) -> String {
        Parameters::read(query, &DECLARED, false).unwrap_err().detail.to_string()
    }

    #[test]
    fn declared_parameters_are_read_and_decoded() {
        let read = Parameters::read("actor=a%20b&actor=c+d&limit=7&&order=asc", &DECLARED, false).unwrap();
        assert_eq!(read.all("actor").collect::<Vec<_>>(), ["a b", "c d"]);
        assert_eq!(read.integer("limit"), Some(7));
        assert_eq!(read.one("order"), Some("asc"));
        assert_eq!(read.one("missing"), None);
    }

    #[test]
    fn everything_else_is_refused_with_what_is_allowed() {
        assert!(refusal("actr=x").contains("allowed: actor, limit, order"));
        assert!(refusal("limit=0").contains("from 1 to 1000"));
        assert!(refusal("limit=+5").contains("from 1 to 1000"));
        assert!(refusal("limit=1&limit=2").contains("only once"));
        assert!(refusal("order=up").contains("one of desc, asc"));
        assert!(refusal("actor=%ff").contains("UTF-8"));
        assert!(refusal("actor=%4").contains("UTF-8"));
        assert!(refusal("actor=").contains("1 to 5"));
        assert!(refusal("actor=abcdef").contains("1 to 5"));
        assert!(refusal(&"actor=a&".repeat(17)).contains("at most 16 times"));
    }

    proptest::proptest! {
        #[test]
        fn anything_is_read_or_refused(query in ".{0,200}") {
            let _ = Parameters::read(&query, &DECLARED, false);
        }

        #[test]
        fn what_is_encoded_comes_back(value in "\\PC{1,5}") {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let read = Parameters::read(&format!("actor={encoded}"), &DECLARED, false).unwrap();
            proptest::prop_assert_eq!(read.one("actor"), Some(value.as_str()));
        }
    }
}
