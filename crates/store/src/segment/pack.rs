//! Ids as bytes: a prefix that all share and hexadecimal digits that do not repeat cost half as much when they are kept
//! as bytes, and can then be reached without decompressing anything. What does not fit stays text.

use serde::{Deserialize, Serialize};

/// Texts looked at to find out how a column's ids are spelled.
const SAMPLE: usize = 1_024;

/// The share of texts, in percent, that must have the form.
const FITTING_PERCENT_MIN: usize = 90;

/// Fewest digits worth packing, and the most.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=128;

/// How the ids of a column are spelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packing {
    /// What every id begins with.
    pub prefix: String,
    /// What follows.
    pub form: Form,
}

/// How the part after the prefix is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A UUID in lower case with hyphens: 16 bytes.
    Uuid,
    /// This many lower-case hexadecimal digits: half as many bytes, rounded up.
    Hex(usize),
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const UUID_CHARS: usize = 36;
/// The digits between the hyphens.
const DIGIT_GROUPS: [std::ops::Range<usize>; 5] = [0..8, 9..13, 14..18, 19..23, 24..UUID_CHARS];

/// Bytes spelled out at once; a UUID is one piece.
const PIECE_BYTES: usize = 16;

impl Packing {
    /// The form that nearly all of the texts have, if there is one.
    pub fn detect<'t>(texts: impl Iterator<Item = &'t str>) -> Option<Self> {
        let sample: Vec<&str> = texts.take(SAMPLE).collect();
        let packing = sample.iter().find_map(|text| Self::of(text))?;
        let mut bytes = Vec::new();
        let fitting = sample.iter().filter(|text| packing.pack(text, &mut bytes)).count();
        (fitting * 100 >= sample.len() * FITTING_PERCENT_MIN).then_some(packing)
    }

    fn of(text: &str) -> Option<Self> {
        if let Some(start) = text.len().checked_sub(UUID_CHARS)
            && text.is_char_boundary(start)
        {
            let uuid = Self { prefix: text[..start].to_owned(), form: Form::Uuid };
            if uuid.pack(text, &mut Vec::new()) {
                return Some(uuid);
            }
        }
        let digits = text.bytes().rev().take_while(|byte| digit(*byte).is_some()).count();
        (DIGITS.contains(&digits))
            .then(|| Self { prefix: text[..text.len() - digits].to_owned(), form: Form::Hex(digits) })
    }

    /// Bytes of a packed id.
    pub fn width(&self) -> usize {
        match self.form {
            Form::Uuid => 16,
            Form::Hex(digits) => digits.div_ceil(2),
        }
    }

    /// Appends the bytes of an id and answers true; or appends nothing if it has another form.
    pub fn pack(&self, text: &str, bytes: &mut Vec<u8>) -> bool {
        let start = bytes.len();
        let packed = text.strip_prefix(self.prefix.as_str()).and_then(|rest| self.pack_digits(rest.as_bytes(), bytes));
        if packed.is_none() {
            bytes.truncate(start);
        }
        packed.is_some()
    }

    fn pack_digits(&self, text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
        match self.form {
            Form::Uuid => {
                let text: &[u8; UUID_CHARS] = text.try_into().ok()?;
                if HYPHENS.iter().any(|&at| text[at] != b'-') {
                    return None;
                }
                DIGIT_GROUPS.into_iter().try_for_each(|group| push_pairs(&text[group], bytes))
            }
            Form::Hex(digits) => {
                if text.len() != digits {
                    return None;
                }
                let (first, pairs) = text.split_at(digits % 2);
                if let Some(&first) = first.first() {
                    bytes.push(digit(first)?);
                }
                push_pairs(pairs, bytes)
            }
        }
    }

    /// Appends the id that these bytes stand for.
    pub fn unpack(&self, bytes: &[u8], text: &mut String) {
        const DIGIT: &[u8; 16] = b"0123456789abcdef";
        text.push_str(&self.prefix);
        let skip = usize::from(matches!(self.form, Form::Hex(digits) if digits % 2 == 1));
        // In pieces of a fixed size, so that the text grows by pieces and not by characters.
        for (piece, bytes) in bytes.chunks(PIECE_BYTES).enumerate() {
            let mut spelled = [0u8; PIECE_BYTES * 2 + HYPHENS.len()];
            let mut end = 0;
            for (at, byte) in bytes.iter().enumerate() {
                if self.form == Form::Uuid && [4, 6, 8, 10].contains(&at) {
                    spelled[end] = b'-';
                    end += 1;
                }
                spelled[end] = DIGIT[usize::from(byte >> 4)];
                spelled[end + 1] = DIGIT[usize::from(byte & 15)];
                end += 2;
            }
            let start = if piece == 0 { skip } else { 0 };
            text.push_str(std::str::from_utf8(&spelled[start.min(end)..end]).expect("digits and hyphens"));
        }
    }
}

/// Appends a byte for each two digits. All are looked up before it is asked whether one was none.
fn push_pairs(digits: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let mut seen = 0;
    bytes.extend(digits.as_chunks().0.iter().map(|&[high, low]: &[u8; 2]| {
        let (high, low) = (VALUES[usize::from(high)], VALUES[usize::from(low)]);
        seen |= high | low;
        high << 4 | low
    }));
    (seen < NO_DIGIT).then_some(())
}

/// In [`VALUES`] for bytes that are no digit.
const NO_DIGIT: u8 = 0x80;
/// The value of each byte as a digit.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(value) = digit(byte as u8) {
            values[byte] = value;
        }
        byte += 1;
    }
    values
};

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_usual_forms_are_found() {
        let of = |texts: &[&str]| Packing::detect(texts.iter().copied());
        let uuid = "699479d4-2a01-4e9e-bf31-4ec5dc88677e";
        assert_eq!(of(&[uuid]), Some(Packing { prefix: String::new(), form: Form::Uuid }));
        assert_eq!(of(&["evt_00ff00ff00ff00ff"]), Some(Packing { prefix: "evt_".into(), form: Form::Hex(16) }));
        assert_eq!(of(&["GXKFXETF0Z1ANBT8"]), None);
        assert_eq!(of(&[uuid, "other", "another"]), None);
        assert_eq!(of(&[]), None);
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(prefix in "[a-z_é]{0,5}", digits in "[0-9a-f]{8,40}") {
            let text = format!("{prefix}{digits}");
            if let Some(packing) = Packing::of(&text) {
                let mut bytes = Vec::new();
                prop_assert!(packing.pack(&text, &mut bytes));
                prop_assert_eq!(bytes.len(), packing.width());
                let mut back = String::new();
                packing.unpack(&bytes, &mut back);
                prop_assert_eq!(back, text);
            }
        }

        #[test]
        fn what_does_not_fit_is_left_alone(text in "\\PC{0,50}", digits in 8usize..40) {
            let packing = Packing { prefix: "a".into(), form: Form::Hex(digits) };
            let mut bytes = Vec::new();
            if packing.pack(&text, &mut bytes) {
                let mut back = String::new();
                packing.unpack(&bytes, &mut back);
                prop_assert_eq!(back, text);
            } else {
                prop_assert!(bytes.is_empty());
            }
        }
    }
}
