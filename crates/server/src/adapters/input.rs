//! From a body to records: one JSON value, a list, an envelope around a list, or one record per line; plain or gzip.
//!
//! Strict about JSON where two readers could disagree (duplicate keys, lone surrogates, numbers that would be rounded)
//! and about amounts. A record that is broken in itself is refused alone; a body that cannot be told apart into records
//! is refused as a whole. Knows no format but by the names of its envelopes.

use std::cell::Cell;
use std::fmt;
use std::io::Read;

use actarium_core::limits::INTEGER_MAX;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Bytes of a decompressed body at the most.
pub const DECOMPRESSED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Records in a body at the most.
pub const RECORDS_MAX: usize = 100_000;
/// Levels of nesting in a record at the most.
const RECORD_DEPTH_MAX: usize = 100;
/// Values in a record at the most, maps and lists included: what they take in memory is many times their text.
const RECORD_VALUES_MAX: usize = 1_000_000;
/// Characters of a key that an error quotes.
const QUOTED_CHARS_MAX: usize = 64;
/// First bytes of a gzip member (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why nothing of a body can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyRefused {
    /// Not JSON (400).
    #[error("the body can't be read at line {line}, column {column}: {detail}")]
    Unreadable {
        /// Line of the (decompressed) body, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What was found and what was expected.
        detail: String,
    },
    /// Compressed, and the compression is damaged (400).
    #[error("the gzip data is damaged: {detail}")]
    Gzip {
        /// What is wrong with it.
        detail: String,
    },
    /// No record and no list of records (400).
    #[error("the body is empty")]
    Empty,
    /// More bytes than one body may have after decompression (413).
    #[error("the body has more than {bytes_max} bytes after decompression")]
    TooManyBytes {
        /// The bound in bytes.
        bytes_max: usize,
    },
    /// More records than one body may have (413).
    #[error("the body has more than {records_max} records; send it in parts")]
    TooManyRecords {
        /// The bound.
        records_max: usize,
    },
    /// Who asked has gone, or has waited for too long.
    #[error("nobody waits for the answer any more")]
    Unwanted,
}

/// A body, taken out of gzip if it is in it.
///
/// # Errors
/// If the compression is damaged or the content is too large.
pub(super) fn decompressed(body: &[u8], bytes_max: usize) -> Result<std::borrow::Cow<'_, [u8]>, BodyRefused> {
    if !body.starts_with(&GZIP_MAGIC) {
        return Ok(body.into());
    }
    let mut content = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(body).take(bytes_max as u64 + 1);
    reader.read_to_end(&mut content).map_err(|error| BodyRefused::Gzip { detail: error.to_string() })?;
    if content.len() > bytes_max { Err(BodyRefused::TooManyBytes { bytes_max }) } else { Ok(content.into()) }
}

/// The records of a body in order, each as its JSON text for [`parse_record`], or why it is none.
///
/// # Errors
/// If the body as a whole cannot be told apart into records.
pub(super) fn records<'a>(body: &'a [u8], envelopes: &[String]) -> Result<Vec<Result<&'a str, String>>, BodyRefused> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let (line, column) = place(&body[..error.valid_up_to()]);
        BodyRefused::Unreadable { line, column, detail: "not UTF-8".to_owned() }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(BodyRefused::Empty);
    }
    let mut records = Records { envelopes, list: Vec::new() };
    if is_one_per_line(text) {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str::<&RawValue>(line) {
                Ok(value) => records.add(value.get())?,
                Err(error) => records.push(Err(format!("line {}: {}", index + 1, without_place(&error))))?,
            }
        }
    } else {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        for value in &mut values {
            let value = value.map_err(|error| BodyRefused::Unreadable {
                line: error.line(),
                column: error.column(),
                detail: without_place(&error),
            })?;
            records.add(value.get())?;
        }
    }
    Ok(records.list)
}

/// More than one line, and the first or the last is a whole object: then every line is meant to be one.
fn is_one_per_line(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(first), Some(last)) = (lines.next(), lines.next_back()) else { return false };
    [first, last].iter().any(|line| line.trim().starts_with('{') && serde_json::from_str::<&RawValue>(line).is_ok())
}

/// Line and column of what follows some bytes.
fn place(before: &[u8]) -> (usize, usize) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.len() - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) + 1;
    (line, column)
}

/// The message of an error without serde_json's own "at line …", which is relative to what it was given.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// The records found so far.
struct Records<'a, 'e> {
    envelopes: &'e [String],
    list: Vec<Result<&'a str, String>>,
}

impl<'a> Records<'a, '_> {
    fn push(&mut self, record: Result<&'a str, String>) -> Result<(), BodyRefused> {
        if self.list.len() == RECORDS_MAX {
            return Err(BodyRefused::TooManyRecords { records_max: RECORDS_MAX });
        }
        self.list.push(record);
        Ok(())
    }

    /// Adds a value: the elements of a list, the content of an envelope, or one record.
    fn add(&mut self, raw: &'a str) -> Result<(), BodyRefused> {
        if raw.starts_with('[') {
            return self.add_elements(raw);
        }
        if raw.starts_with('{')
            && !self.envelopes.is_empty()
            && let Some(list) = envelope_content(raw, self.envelopes)
        {
            return self.add_elements(list);
        }
        self.push(Ok(raw))
    }

    fn add_elements(&mut self, list: &'a str) -> Result<(), BodyRefused> {
        use serde::Deserializer as _;
        let mut elements = Elements { records: self, refused: None };
        let read = serde_json::Deserializer::from_str(list).deserialize_seq(&mut elements);
        match (elements.refused, read) {
            (Some(refused), _) => Err(refused),
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => self.push(Err(without_place(&error))),
        }
    }
}

/// Takes the elements of a list one by one, so that a list of too many is never in memory.
struct Elements<'r, 'a, 'e> {
    records: &'r mut Records<'a, 'e>,
    refused: Option<BodyRefused>,
}

impl<'a> Visitor<'a> for &mut Elements<'_, 'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<&'a RawValue>()? {
            if let Err(refused) = self.records.push(Ok(element.get())) {
                self.refused = Some(refused);
                return Err(A::Error::custom("too many"));
            }
        }
        Ok(())
    }
}

/// The list in an envelope, if the value is one. Twice the same list is none: one of the two would be lost.
fn envelope_content<'a>(raw: &'a str, envelopes: &[String]) -> Option<&'a str> {
    struct Content<'b>(&'b [String]);

    impl<'de> Visitor<'de> for Content<'_> {
        type Value = Option<&'de str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut lists = Vec::new();
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                let value: &RawValue = map.next_value()?;
                if self.0.iter().any(|envelope| *envelope == key) && value.get().starts_with('[') {
                    lists.push(value.get());
                }
            }
            Ok(lists.pop().filter(|_| lists.is_empty()))
        }
    }

    use serde::Deserializer as _;
    serde_json::Deserializer::from_str(raw).deserialize_map(Content(envelopes)).ok().flatten()
}

/// Reads one record; the error is a sentence for its sender.
pub(super) fn parse_record(raw: &str) -> Result<Value, String> {
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    let unreadable = |error: serde_json::Error| format!("can't be read as JSON: {}", without_place(&error));
    let left = Cell::new(RECORD_VALUES_MAX);
    let value = Strict { depth: 0, left: &left }.deserialize(&mut deserializer).map_err(unreadable)?;
    deserializer.end().map_err(unreadable)?;
    Ok(value)
}

/// Builds a value that says exactly what the text says. Integers that a double cannot hold become texts of the same
/// digits.
#[derive(Clone, Copy)]
struct Strict<'l> {
    depth: usize,
    /// How many more values there may be.
    left: &'l Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == RECORD_DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {RECORD_DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(D::Error::custom(format!("more than {RECORD_VALUES_MAX} values")));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        let is_exact = number.unsigned_abs() <= INTEGER_MAX.unsigned_abs();
        Ok(if is_exact { Value::from(number) } else { Value::String(number.to_string()) })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        let is_exact = number <= INTEGER_MAX.unsigned_abs();
        Ok(if is_exact { Value::from(number) } else { Value::String(number.to_string()) })
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        // Integers beyond 64 bits arrive here too, rounded already.
        if number.abs() > INTEGER_MAX as f64 {
            return Err(E::custom("a number beyond 2^53 that cannot be kept exactly"));
        }
        // `5.0` and `5e0` are spellings of the integer.
        if number.fract() == 0.0 {
            return Ok(Value::from(number as i64));
        }
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(deeper)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(deeper)?;
            if map.contains_key(&key) {
                let shown: String = key.chars().take(QUOTED_CHARS_MAX).collect();
                return Err(A::Error::custom(format!("the key `{shown}` stands twice in one object")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &str) -> Vec<Result<Value, String>> {
        let records = records(body.as_bytes(), &["Records".to_owned()]).unwrap();
        records.into_iter().map(|record| record.and_then(parse_record)).collect()
    }

    fn values(body: &str) -> Vec<Value> {
        read(body).into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn every_form_gives_the_same_records() {
        let expected = [json!({"a": 1}), json!({"a": 2})];
        for body in [
            r#"[{"a":1},{"a":2}]"#,
            "[\n {\"a\":1},\n {\"a\":2}\n]",
            "{\"a\":1}\n{\"a\":2}\n",
            "\u{feff}{\"a\":1}\r\n\r\n{\"a\":2}",
            r#"{"a":1} {"a":2}"#,
            r#"{"Records":[{"a":1},{"a":2}]}"#,
            "{\n\"Records\": [\n{\"a\":1},\n{\"a\":2}]\n}\n",
            "{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"a\":2}]}\n",
        ] {
            assert_eq!(values(body), expected, "{body}");
        }
        assert_eq!(values("{\n  \"a\": 1\n}"), [json!({"a": 1})]);
        assert!(values("[]").is_empty());
        assert!(values(r#"{"Records":[]}"#).is_empty());
        assert_eq!(values(r#"{"Records":3}"#), [json!({"Records": 3})]);
    }

    #[test]
    fn a_broken_line_is_refused_alone_and_a_broken_body_as_a_whole() {
        let read_lines = read("{\"a\":1}\n{\"a\":\n{\"a\":3}\n");
        assert!(read_lines[0].is_ok() && read_lines[2].is_ok());
        assert!(read_lines[1].as_ref().unwrap_err().starts_with("line 2: "), "{read_lines:?}");
        let cut = read("{\"a\":1}\n{\"a\":2}\n{\"a\":");
        assert_eq!(cut.iter().filter(|record| record.is_ok()).count(), 2);
        for (body, place) in [("[{\"a\":1},\n{\"a\"]", (2, 5)), ("nonsense", (1, 2)), ("{\n\"a\": 1", (2, 6))] {
            match records(body.as_bytes(), &[]) {
                Err(BodyRefused::Unreadable { line, column, .. }) => assert_eq!((line, column), place, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
        assert_eq!(records(b" \n ", &[]), Err(BodyRefused::Empty));
        let not_utf8 = records(b"{\"a\":1}\n{\"b\":\"\xff\"}", &[]);
        assert!(matches!(not_utf8, Err(BodyRefused::Unreadable { line: 2, column: 7, .. })), "{not_utf8:?}");
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for (body, word) in [
            (r#"[{"a":1,"a":2}]"#, "twice"),
            (r#"[{"a":{"b":1,"\u0062":2}}]"#, "twice"),
            (r#"[{"a":123456789012345678901234567890}]"#, "2^53"),
            (r#"[{"a":1e300}]"#, "2^53"),
            (r#"["\ud800"]"#, "hex escape"),
        ] {
            let error = read(body).remove(0).unwrap_err();
            assert!(error.contains(word), "{body}: {error}");
        }
        let deep = format!("[{}1{}]", "[".repeat(120), "]".repeat(120));
        assert!(read(&deep)[0].as_ref().unwrap_err().contains("deeper"));
        // Far deeper than any stack would bear.
        let abyss = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(read(&abyss)[0].is_err());
        assert_eq!(values(r#"[{"a":9007199254740993,"b":-18446744073709}]"#)[0]["a"], "9007199254740993");
    }

    #[test]
    fn what_would_take_too_much_memory_is_refused() {
        let elements = vec!["0"; RECORDS_MAX + 1].join(",");
        let too_many = BodyRefused::TooManyRecords { records_max: RECORDS_MAX };
        assert_eq!(records(format!("[{elements}]").as_bytes(), &[]), Err(too_many));
        let values = vec!["0"; RECORD_VALUES_MAX].join(",");
        let heavy = read(&format!(r#"[{{"a":1}},{{"a":[{values}]}},{{"a":2}}]"#));
        assert!(heavy[0].is_ok() && heavy[2].is_ok());
        assert!(heavy[1].as_ref().unwrap_err().contains("more than 1000000 values"), "{:?}", heavy[1]);
    }

    #[test]
    fn an_envelope_with_two_lists_is_none() {
        let twice = r#"{"Records":[{"a":1}],"Records":[{"a":2}]}"#;
        let read = read(twice);
        assert_eq!(read.len(), 1);
        assert!(read[0].as_ref().unwrap_err().contains("twice"), "{read:?}");
    }

    #[test]
    fn gzip_is_recognized_and_bounded() {
        use std::io::Write;
        let zip = |content: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        };
        let zipped = zip(b"[{}]");
        assert_eq!(&*decompressed(&zipped, 100).unwrap(), b"[{}]");
        let two_members = [zipped.clone(), zip(b" ")].concat();
        assert_eq!(&*decompressed(&two_members, 100).unwrap(), b"[{}] ");
        let bomb = zip(&vec![b' '; 1_000_000]);
        assert_eq!(decompressed(&bomb, 1_000).unwrap_err(), BodyRefused::TooManyBytes { bytes_max: 1_000 });
        assert!(matches!(decompressed(&zipped[..12], 100), Err(BodyRefused::Gzip { .. })));
        assert_eq!(&*decompressed(b"[{}]", 1).unwrap(), b"[{}]");
    }
}
