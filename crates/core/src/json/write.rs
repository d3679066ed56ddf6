//! Writing: the one spelling of each value.
//!
//! No white space, keys in the order of their UTF-8 bytes, strings with as few escapes as JSON allows, numbers as
//! ECMAScript's `Number::toString` spells them (RFC 8785, section 3.2.2.3).

use super::Json;

/// Whether a byte can't stand in a JSON string as it is.
#[inline]
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends a string with its quotes.
#[inline]
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

#[inline]
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        push_escaped_slowly(out, bytes);
    }
}

/// Whether every byte can stand in a JSON string as it is.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    // Without an early return within a piece, so that it becomes a few vector instructions.
    fn piece_is_plain<const N: usize>(piece: &[u8; N]) -> bool {
        !piece.iter().fold(false, |found, byte| found | needs_escape(*byte))
    }
    // What is left behind whole pieces is looked at with some bytes before it, as a whole piece too.
    if let Some(last) = bytes.last_chunk::<16>() {
        return bytes.as_chunks::<16>().0.iter().all(piece_is_plain) && piece_is_plain(last);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => piece_is_plain(first) & piece_is_plain(last),
        _ => bytes.iter().all(|byte| !needs_escape(*byte)),
    }
}

#[cold]
fn push_escaped_slowly(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
}

/// Appends an integer.
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a double as ECMAScript's `Number::toString` spells it.
///
/// # Panics
/// If it is not finite: JSON has no spelling for that, and the parser lets none in.
pub fn push_f64(out: &mut Vec<u8>, value: f64) {
    assert!(value.is_finite(), "JSON numbers are finite");
    if value == 0.0 {
        return out.push(b'0');
    }
    if value < 0.0 {
        out.push(b'-');
    }
    let scientific = shortest_scientific(value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(|byte| *byte != b'.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // In the words of the specification: the value is 0.digits times ten to the power of `point`.
    let point = exponent + 1;
    let count = digits.len() as i32;
    match point {
        _ if count <= point && point <= 21 => {
            out.extend_from_slice(&digits);
            out.resize(out.len() + (point - count) as usize, b'0');
        }
        1..=21 => {
            out.extend_from_slice(&digits[..point as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[point as usize..]);
        }
        -5..=0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-point) as usize, b'0');
            out.extend_from_slice(&digits);
        }
        _ => {
            out.push(digits[0]);
            if count > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            push_i64(out, i64::from(exponent.abs()));
        }
    }
}

/// The shortest digits that give back the double, as `d.ddde±x`; of two equally near ones the even, as RFC 8785 asks.
fn shortest_scientific(value: f64) -> String {
    const DIGITS_OF_A_TIE_MIN: usize = 15;
    let shortest = format!("{value:e}");
    let digits = shortest.find('e').map_or(0, |end| shortest[..end].len().saturating_sub(1));
    let ends_odd =
        shortest.split('e').next().and_then(|mantissa| mantissa.bytes().last()).is_some_and(|last| last % 2 == 1);
    if !ends_odd || digits < DIGITS_OF_A_TIE_MIN {
        return shortest;
    }
    // Rounding the exact value to as many digits takes the even one of two equally near.
    let nearest = format!("{value:.*e}", digits - 1);
    if nearest.parse() == Ok(value) { nearest } else { shortest }
}

/// Appends a value in its one spelling.
pub fn push_canonical(out: &mut Vec<u8>, value: &Json<'_>) {
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Int(value) => push_i64(out, *value),
        Json::Float(value) => push_f64(out, *value),
        Json::Str(text) => push_string(out, text),
        Json::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_canonical(out, element);
            }
            out.push(b']');
        }
        Json::Object(fields) => {
            out.push(b'{');
            if fields.is_sorted_by(|(a, _), (b, _)| a < b) {
                push_fields(out, fields.iter());
            } else {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
                push_fields(out, sorted.into_iter());
            }
            out.push(b'}');
        }
    }
}

fn push_fields<'j, 'a: 'j>(out: &mut Vec<u8>, fields: impl Iterator<Item = &'j (std::borrow::Cow<'a, str>, Json<'a>)>) {
    for (index, (key, value)) in fields.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(out, key);
        out.push(b':');
        push_canonical(out, value);
    }
}
