//! JSON, strictly: RFC 8259, and nothing that two readers could understand differently.
//!
//! Refuses duplicate keys, unpaired surrogates, integers beyond ±2^53 and deep nesting, each with its position. Reads
//! into borrowed values and writes the canonical spelling; it knows nothing about events.

mod parse;
mod value;
mod write;

pub(crate) use parse::push_pointer_key;
pub use parse::{EachError, parse, parse_each};
pub use write::{push_canonical, push_f64, push_i64, push_string};

use std::borrow::Cow;
use std::fmt;

/// A JSON value, borrowing texts from the input where they need no unescaping.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction, within ±2^53, however it was spelled (`1`, `1.0`, `1e0`).
    Int(i64),
    /// A number with a fraction, as the nearest double.
    Float(f64),
    /// A string.
    Str(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object in the order of the input, without duplicate keys.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Borrows a value that another reader has parsed, under the same rules.
    ///
    /// # Errors
    /// If an integer lies beyond ±2^53 or the nesting is deeper than [`crate::limits::JSON_DEPTH_MAX`].
    pub fn from_value(value: &'a serde_json::Value) -> Result<Json<'a>, ValueError> {
        value::borrow(value, 0)
    }
    /// What it is, with an article, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Int(_) | Json::Float(_) => "a number",
            Json::Str(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Character within the line, from 1.
    pub column: usize,
    /// Bytes before it.
    pub offset: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What kind of rule the text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// It is not JSON in UTF-8.
    Syntax,
    /// It is JSON, but has a duplicate key, an unpaired surrogate, a number that can't be kept, or nests too deep.
    Rule,
}

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {detail}")]
pub struct JsonError {
    /// What kind of rule it breaks.
    pub kind: JsonErrorKind,
    /// Where.
    pub position: Position,
    /// JSON Pointer of the value that was being read; empty for the outermost.
    pub pointer: String,
    /// What was found, and what is allowed.
    pub detail: String,
}

/// Why a value was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct ValueError {
    /// JSON Pointer of the part that breaks a rule.
    pub pointer: String,
    /// Which rule.
    pub detail: String,
}
