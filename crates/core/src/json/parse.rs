//! Reading: one pass over the text, by the grammar of RFC 8259 and the rules that come on top.
//!
//! The happy path allocates for arrays, objects and escaped strings only; places are worked out when something is wrong.
//! Why there is a reader of our own is said in `docs/decisions/json-reader.md`; tests hold it against serde_json.

use super::{Json, JsonError, JsonErrorKind, Position};
use crate::limits::{INTEGER_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX};
use std::borrow::Cow;
use std::collections::HashSet;

/// Reads one JSON value that is the whole text.
///
/// # Errors
/// If the text is not JSON or breaks a rule.
pub fn parse(text: &[u8]) -> Result<Json<'_>, JsonError> {
    let mut reader = Reader::new(as_utf8(text)?);
    let mut value = Json::Null;
    match reader.value(0, &mut value).and_then(|()| reader.end()) {
        Ok(()) => Ok(value),
        Err(failure) => Err(reader.into_error(failure)),
    }
}

/// Why reading elements stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EachError {
    /// The error; its pointer is relative to the element, if it lies in one.
    pub error: JsonError,
    /// Index of the element in the outermost array; `None` if the text is no array or the error lies between elements.
    pub element: Option<usize>,
}

/// Reads a JSON text and hands out the elements of its outermost array one by one, or its one other value, so that a
/// large array is never in memory as a whole. `each` returns whether to go on; what comes after a stop is not looked at.
///
/// # Errors
/// If the text is not JSON or breaks a rule; elements before that place have been handed out.
pub fn parse_each<'a>(text: &'a [u8], each: &mut dyn FnMut(Json<'a>) -> bool) -> Result<(), EachError> {
    let mut reader = Reader::new(as_utf8(text).map_err(|error| EachError { error, element: None })?);
    let mut element = None;
    let read = reader.elements(&mut element, each);
    read.map_err(|failure| EachError { error: reader.into_error(failure), element })
}

fn as_utf8(text: &[u8]) -> Result<&str, JsonError> {
    let refuse = |offset: usize, detail: &str| JsonError {
        kind: JsonErrorKind::Syntax,
        position: Position::of(text, offset),
        pointer: String::new(),
        detail: detail.to_owned(),
    };
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(refuse(0, "the text begins with a byte order mark; send UTF-8 without one"));
    }
    std::str::from_utf8(text).map_err(|error| refuse(error.valid_up_to(), "this byte is not UTF-8"))
}

impl Position {
    /// The place of a byte offset in a text that may be damaged from there on.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        // Characters are counted by the bytes that are not continuations.
        let column = before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        Self { line, column, offset: before.len() }
    }
}

enum Segment {
    Key(String),
    Index(usize),
}

fn pointer_text(way: Vec<Segment>) -> String {
    let mut pointer = String::new();
    for segment in way.into_iter().rev() {
        match segment {
            Segment::Key(key) => push_pointer_key(&mut pointer, &key),
            Segment::Index(index) => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
    pointer
}

/// Appends a key to a JSON Pointer (RFC 6901, section 3).
pub(crate) fn push_pointer_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// What is wrong, and the byte offset of it.
struct Failure {
    kind: JsonErrorKind,
    offset: usize,
    detail: &'static str,
}

const TOO_DEEP: &str = "nested deeper than 32 levels, which is the most allowed";
const _: () = assert!(JSON_DEPTH_MAX == 32, "the sentence above names the limit");
const TOO_MANY: &str = "more than 32768 values, which is the most allowed: an event has no room for more";
const _: () = assert!(JSON_VALUES_MAX == 32_768, "the sentence above names the limit");
const BEYOND: &str = "integers beyond 9007199254740992 (2^53) lose digits in many readers; send it as a string";
const TWICE: &str = "this key stands in the object twice; each may stand once";
const HALF_A_PAIR: &str =
    "a \\u escape is half of a surrogate pair, which is no character; allowed are whole pairs, or the character itself";

struct Reader<'a> {
    text: &'a str,
    /// Offset of the next byte.
    at: usize,
    /// How many more values the document may have.
    values_left: usize,
    /// The way to the place of an error, from the innermost value outwards.
    way: Vec<Segment>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, values_left: JSON_VALUES_MAX, way: Vec::new() }
    }

    #[cold]
    fn into_error(self, failure: Failure) -> JsonError {
        let Failure { kind, offset, detail } = failure;
        let position = Position::of(self.text.as_bytes(), offset);
        JsonError { kind, position, pointer: pointer_text(self.way), detail: detail.to_owned() }
    }

    #[cold]
    fn syntax(&self, detail: &'static str) -> Failure {
        let detail = if self.at >= self.text.len() { "the text ends too early" } else { detail };
        Failure { kind: JsonErrorKind::Syntax, offset: self.at, detail }
    }

    #[cold]
    fn rule(&self, offset: usize, detail: &'static str) -> Failure {
        Failure { kind: JsonErrorKind::Rule, offset, detail }
    }

    #[cold]
    fn in_key(&mut self, key: &str, failure: Failure) -> Failure {
        self.way.push(Segment::Key(key.to_owned()));
        failure
    }

    #[cold]
    fn in_index(&mut self, index: usize, failure: Failure) -> Failure {
        self.way.push(Segment::Index(index));
        failure
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes this byte if it comes next.
    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Nothing but white space may follow.
    fn end(&mut self) -> Result<(), Failure> {
        self.skip_white_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.syntax("expected the end of the text")) }
    }

    fn elements(&mut self, element: &mut Option<usize>, each: &mut dyn FnMut(Json<'a>) -> bool) -> Result<(), Failure> {
        let mut value = Json::Null;
        self.skip_white_space();
        if !self.take(b'[') {
            self.value(0, &mut value)?;
            each(value);
            return self.end();
        }
        self.skip_white_space();
        if !self.take(b']') {
            for index in 0.. {
                *element = Some(index);
                // The element is the outermost value of its event, so nesting and values are counted from it.
                self.values_left = JSON_VALUES_MAX;
                self.value(0, &mut value)?;
                if !each(std::mem::replace(&mut value, Json::Null)) {
                    return Ok(());
                }
                *element = None;
                if !self.goes_on(b']', "expected `,` or `]`")? {
                    break;
                }
            }
        }
        self.end()
    }

    /// After an element: takes a comma, or the end, and gives back whether it was a comma.
    #[inline]
    fn goes_on(&mut self, end: u8, expected: &'static str) -> Result<bool, Failure> {
        self.skip_white_space();
        if self.take(b',') {
            return Ok(true);
        }
        if self.take(end) { Ok(false) } else { Err(self.syntax(expected)) }
    }

    /// Reads a value that is nested in `depth` others into its place.
    fn value(&mut self, depth: usize, place: &mut Json<'a>) -> Result<(), Failure> {
        self.skip_white_space();
        self.values_left = self.values_left.checked_sub(1).ok_or_else(|| self.rule(self.at, TOO_MANY))?;
        *place = match self.peek() {
            Some(b'"') => Json::Str(self.string()?),
            Some(b'{') => Json::Object(self.object(depth)?),
            Some(b'[') => Json::Array(self.array(depth)?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true", Json::Bool(true))?,
            Some(b'f') => self.literal("false", Json::Bool(false))?,
            Some(b'n') => self.literal("null", Json::Null)?,
            _ => return Err(self.syntax("expected a value")),
        };
        Ok(())
    }

    #[cold]
    fn literal(&mut self, word: &'static str, value: Json<'a>) -> Result<Json<'a>, Failure> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.syntax("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json<'a>>, Failure> {
        if depth == JSON_DEPTH_MAX {
            return Err(self.rule(self.at, TOO_DEEP));
        }
        self.at += 1;
        let mut list = Vec::new();
        self.skip_white_space();
        if self.take(b']') {
            return Ok(list);
        }
        loop {
            list.push(Json::Null);
            let index = list.len() - 1;
            if let Err(failure) = self.value(depth + 1, &mut list[index]) {
                return Err(self.in_index(index, failure));
            }
            if !self.goes_on(b']', "expected `,` or `]`")? {
                return Ok(list);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(Cow<'a, str>, Json<'a>)>, Failure> {
        if depth == JSON_DEPTH_MAX {
            return Err(self.rule(self.at, TOO_DEEP));
        }
        self.at += 1;
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Vec::new());
        }
        let mut fields = Fields::new();
        loop {
            self.skip_white_space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.syntax("expected a key in double quotes"));
            }
            let key = self.string()?;
            if fields.holds(&key) {
                let failure = self.rule(key_at, TWICE);
                return Err(self.in_key(&key, failure));
            }
            self.skip_white_space();
            if !self.take(b':') {
                return Err(self.syntax("expected `:`"));
            }
            // Read into its place, for moving a value costs more than reading one.
            let place = fields.push(key);
            if let Err(failure) = self.value(depth + 1, &mut place.1) {
                let key = place.0.clone();
                return Err(self.in_key(&key, failure));
            }
            if !self.goes_on(b'}', "expected `,` or `}`")? {
                return Ok(fields.list);
            }
        }
    }

    /// Reads a string, at its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, Failure> {
        let start = self.at + 1;
        self.at = start;
        self.skip_plain();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        self.escaped_string(start).map(Cow::Owned)
    }

    /// Passes over the characters of a string that stand for themselves.
    #[inline]
    fn skip_plain(&mut self) {
        self.at += plain_length(&self.text.as_bytes()[self.at..]);
    }

    /// Reads on in a string that has escapes, or that does not end well.
    fn escaped_string(&mut self, start: usize) -> Result<String, Failure> {
        let mut text = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.syntax("control characters in a string must be escaped")),
            }
            let plain = self.at;
            self.skip_plain();
            text.push_str(&self.text[plain..self.at]);
        }
    }

    fn escape(&mut self) -> Result<char, Failure> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(escaped @ (b'"' | b'\\' | b'/')) => char::from(escaped),
            Some(b'b') => '\u{8}',
            Some(b't') => '\t',
            Some(b'n') => '\n',
            Some(b'f') => '\u{c}',
            Some(b'r') => '\r',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.syntax("expected one of \" \\ / b f n r t u after a backslash")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads `\uXXXX`, and the second one of a pair, from the `u` on.
    fn unicode_escape(&mut self, start: usize) -> Result<char, Failure> {
        let unit = self.hex_unit()?;
        let code = match unit {
            0xd800..0xdc00 if self.text.as_bytes()[self.at..].starts_with(b"\\u") => {
                self.at += 1;
                let second = self.hex_unit()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(self.rule(start, HALF_A_PAIR));
                }
                0x10000 + ((unit - 0xd800) << 10 | (second - 0xdc00))
            }
            _ => unit,
        };
        char::from_u32(code).ok_or_else(|| self.rule(start, HALF_A_PAIR))
    }

    /// Reads `uXXXX`.
    fn hex_unit(&mut self) -> Result<u32, Failure> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.syntax("expected four hexadecimal digits after \\u")) };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn digits(&mut self) -> Result<(), Failure> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax("expected a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json<'a>, Failure> {
        let start = self.at;
        let negative = self.take(b'-');
        let digits_at = self.at;
        if self.take(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.syntax("numbers have no leading zeros"));
            }
        } else {
            self.digits()?;
        }
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return match integer(&self.text[digits_at..self.at]) {
                Some(value) => Ok(Json::Int(if negative { -value } else { value })),
                None => Err(self.rule(start, BEYOND)),
            };
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        let value: f64 = self.text[start..self.at].parse().map_err(|_| self.syntax("expected a number"))?;
        number_of_double(value).ok_or_else(|| self.rule(start, BEYOND))
    }
}

/// The integer of these digits, if it is not beyond 2^53.
fn integer(digits: &str) -> Option<i64> {
    const DIGITS_MAX: usize = 16;
    if digits.len() > DIGITS_MAX {
        return None;
    }
    let value = digits.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (value <= INTEGER_MAX).then_some(value)
}

/// Number of bytes before the first quote, backslash or control character.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bound: u8| word.wrapping_sub(LOW * u64::from(bound)) & !word & HIGH;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (LOW * u64::from(b'"')), 1);
        let backslash = below(word ^ (LOW * u64::from(b'\\')), 1);
        // A borrow may mark bytes above the first match too, so only the lowest mark counts.
        let marks = quote | backslash | below(word, 0x20);
        if marks != 0 {
            return index * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let in_tail = tail.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')).unwrap_or(tail.len());
    words.len() * 8 + in_tail
}

/// A double as a number, an integer where it has no fraction; `None` where it may stand for several integers.
pub(super) fn number_of_double(value: f64) -> Option<Json<'static>> {
    if value.is_finite() && value.fract() != 0.0 {
        return Some(Json::Float(value));
    }
    // At 2^53 itself the spelling may have been rounded to it, so it passes as an integer literal only.
    (value.abs() < INTEGER_MAX as f64).then_some(Json::Int(value as i64))
}

/// Fields beyond which keys are looked up in a set instead of one by one.
const FIELDS_COMPARED_MAX: usize = 24;

/// Fields for which there is room from the start; an event has about eight.
const FIELDS_EXPECTED: usize = 8;

/// The fields of an object while it is read.
struct Fields<'a> {
    list: Vec<(Cow<'a, str>, Json<'a>)>,
    /// The keys, once there are too many to compare.
    keys: Option<HashSet<Cow<'a, str>, foldhash::fast::RandomState>>,
}

impl<'a> Fields<'a> {
    fn new() -> Self {
        Self { list: Vec::with_capacity(FIELDS_EXPECTED), keys: None }
    }

    #[inline]
    fn holds(&self, key: &str) -> bool {
        match &self.keys {
            None => self.list.iter().any(|(known, _)| known == key),
            Some(keys) => keys.contains(key),
        }
    }

    /// Adds a field, whose value is yet to be read.
    #[inline]
    fn push(&mut self, key: Cow<'a, str>) -> &mut (Cow<'a, str>, Json<'a>) {
        if self.list.len() >= FIELDS_COMPARED_MAX {
            self.keep_key(key.clone());
        }
        self.list.push((key, Json::Null));
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    #[cold]
    fn keep_key(&mut self, key: Cow<'a, str>) {
        let list = &self.list;
        let keys = self.keys.get_or_insert_with(|| list.iter().map(|(known, _)| known.clone()).collect());
        keys.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_bytes_are_counted(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x1eu8..0x24, 0x5b..0x5eu8], 0..40)) {
            let expected = bytes.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(plain_length(&bytes), expected.unwrap_or(bytes.len()));
        }
    }
}
