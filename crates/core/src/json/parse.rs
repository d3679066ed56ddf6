//! Reading: serde_json's tokenizer under our own visitor, which adds the rules and remembers the place.
//!
//! The happy path allocates for arrays, objects and escaped strings only; places are worked out when something is wrong.

use super::{Json, JsonError, JsonErrorKind, Position};
use crate::limits::{INTEGER_MAX, JSON_DEPTH_MAX};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

/// Reads one JSON value that is the whole text.
///
/// # Errors
/// If the text is not JSON or breaks a rule.
pub fn parse(text: &[u8]) -> Result<Json<'_>, JsonError> {
    let text = as_utf8(text)?;
    let context = Context::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = ValueSeed { context: &context, depth: 0 };
    seed.deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| context.into_error(text, &error))
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
    let text = as_utf8(text).map_err(|error| EachError { error, element: None })?;
    let context = Context::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let result = OuterSeed { context: &context, each }.deserialize(&mut reader).and_then(|()| reader.end());
    match result {
        Ok(()) => Ok(()),
        Err(_) if context.stopped.get() => Ok(()),
        Err(error) => {
            let element = context.element.get();
            Err(EachError { error: context.into_error(text, &error), element })
        }
    }
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

/// What the visitors of one text share: the way to the place of an error, and which rule it was.
#[derive(Default)]
struct Context {
    /// From the innermost value outwards.
    way: RefCell<Vec<Segment>>,
    rule: RefCell<Option<String>>,
    element: Cell<Option<usize>>,
    stopped: Cell<bool>,
}

impl Context {
    fn break_rule<E: serde::de::Error>(&self, detail: String) -> E {
        *self.rule.borrow_mut() = Some(detail);
        E::custom("rule")
    }

    fn at_key<E>(&self, key: &str, error: E) -> E {
        self.way.borrow_mut().push(Segment::Key(key.to_owned()));
        error
    }

    fn at_index<E>(&self, index: usize, error: E) -> E {
        self.way.borrow_mut().push(Segment::Index(index));
        error
    }

    fn into_error(self, text: &str, error: &serde_json::Error) -> JsonError {
        let line_start = match error.line() {
            0 | 1 => 0,
            line => text.match_indices('\n').nth(line - 2).map_or(0, |(at, _)| at + 1),
        };
        // serde_json counts the bytes of the line that it has taken; none, if the last it took was a line's end.
        let mut offset = (line_start + error.column()).saturating_sub(1).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let (kind, offset, detail) = match self.rule.into_inner() {
            Some(detail) => (JsonErrorKind::Rule, offset, detail),
            None => match unpaired_surrogate(text, line_start + error.column()) {
                Some(at) => (
                    JsonErrorKind::Rule,
                    at,
                    "a \\u escape is half of a surrogate pair, which is no character".to_owned(),
                ),
                None => (JsonErrorKind::Syntax, offset, syntax_detail(error)),
            },
        };
        let pointer = pointer_text(self.way.into_inner());
        JsonError { kind, position: Position::of(text.as_bytes(), offset), pointer, detail }
    }
}

fn syntax_detail(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
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

/// Offset of the first escape before `end` that is half of a surrogate pair without the other half.
fn unpaired_surrogate(text: &str, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u16> {
        let digits = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let (mut at, mut in_string) = (0, false);
    while at < bytes.len().min(end) {
        match bytes[at] {
            b'"' => in_string = !in_string,
            b'\\' if in_string => match unit(at) {
                Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 11,
                Some(0xd800..=0xdfff) => return Some(at),
                _ => at += 1,
            },
            _ => {}
        }
        at += 1;
    }
    None
}

#[derive(Clone, Copy)]
struct ValueSeed<'c> {
    context: &'c Context,
    depth: usize,
}

impl ValueSeed<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(self.context.break_rule(format!("nested deeper than {JSON_DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn integer<E: serde::de::Error>(self, value: Option<i64>) -> Result<i64, E> {
        match value {
            Some(value) if value.unsigned_abs() <= INTEGER_MAX as u64 => Ok(value),
            _ => Err(self.context.break_rule(
                "integers beyond 9007199254740992 (2^53) lose digits in many readers; send it as a string".to_owned(),
            )),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Json<'de>, E> {
        self.integer(Some(value)).map(Json::Int)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Json<'de>, E> {
        self.integer(i64::try_from(value).ok()).map(Json::Int)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json<'de>, E> {
        match number_of_double(value) {
            Some(number) => Ok(number),
            None => self.integer(None).map(Json::Int),
        }
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Str(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Str(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Json<'de>, E> {
        Ok(Json::Str(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        loop {
            match elements.next_element_seed(seed) {
                Ok(Some(element)) => list.push(element),
                Ok(None) => return Ok(Json::Array(list)),
                Err(error) => return Err(self.context.at_index(list.len(), error)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut fields = Fields::default();
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            if fields.holds(&key) {
                let error = self.context.break_rule("this key stands in the object twice".to_owned());
                return Err(self.context.at_key(&key, error));
            }
            match entries.next_value_seed(seed) {
                Ok(value) => fields.push(key, value),
                Err(error) => return Err(self.context.at_key(&key, error)),
            }
        }
        Ok(Json::Object(fields.list))
    }
}

/// A double as a number, an integer where it has no fraction; `None` where it may stand for several integers.
pub(super) fn number_of_double(value: f64) -> Option<Json<'static>> {
    if value.fract() != 0.0 {
        return Some(Json::Float(value));
    }
    // At 2^53 itself the spelling may have been rounded to it, so it passes as an integer literal only.
    (value.abs() < INTEGER_MAX as f64).then_some(Json::Int(value as i64))
}

/// Fields beyond which keys are looked up in a set instead of one by one.
const FIELDS_COMPARED_MAX: usize = 24;

#[derive(Default)]
struct Fields<'de> {
    list: Vec<(Cow<'de, str>, Json<'de>)>,
    keys: HashSet<Cow<'de, str>, foldhash::fast::RandomState>,
}

impl<'de> Fields<'de> {
    fn holds(&self, key: &str) -> bool {
        if self.keys.is_empty() { self.list.iter().any(|(known, _)| known == key) } else { self.keys.contains(key) }
    }

    fn push(&mut self, key: Cow<'de, str>, value: Json<'de>) {
        if !self.keys.is_empty() {
            self.keys.insert(key.clone());
        } else if self.list.len() == FIELDS_COMPARED_MAX {
            self.keys.extend(self.list.iter().map(|(known, _)| known.clone()));
            self.keys.insert(key.clone());
        }
        self.list.push((key, value));
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The outermost value: an array gives its elements, anything else itself.
struct OuterSeed<'c, 'f, 'a> {
    context: &'c Context,
    each: &'f mut dyn FnMut(Json<'a>) -> bool,
}

impl OuterSeed<'_, '_, '_> {
    fn value(&self) -> ValueSeed<'_> {
        ValueSeed { context: self.context, depth: 0 }
    }
}

impl<'de> DeserializeSeed<'de> for OuterSeed<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OuterSeed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        (self.each)(Json::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        (self.each)(Json::Bool(value));
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        let value = self.value().visit_i64(value)?;
        (self.each)(value);
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        let value = self.value().visit_u64(value)?;
        (self.each)(value);
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let value = self.value().visit_f64(value)?;
        (self.each)(value);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        (self.each)(Json::Str(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.each)(Json::Str(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        let value = self.value().visit_map(entries)?;
        (self.each)(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            self.context.element.set(Some(index));
            // The element is the outermost value of its event, so nesting is counted from it.
            let Some(element) = elements.next_element_seed(self.value())? else {
                self.context.element.set(None);
                return Ok(());
            };
            if !(self.each)(element) {
                self.context.stopped.set(true);
                return Err(A::Error::custom("stopped"));
            }
            index += 1;
        }
    }
}
