//! Finding fields in canonical JSON texts without building values.
//!
//! The texts were written by `event`: no white space, valid strings. Texts that are not so give an error, never a panic;
//! they are not judged beyond what it takes to find the ends of values.

/// What does not fit, for an error message.
pub(crate) type Problem = &'static str;

/// A place in a canonical text.
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Takes this byte if it comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes these bytes if they come next.
    #[inline]
    pub(crate) fn take_all(&mut self, bytes: &[u8]) -> bool {
        let found = self.bytes[self.at..].starts_with(bytes);
        self.at += if found { bytes.len() } else { 0 };
        found
    }

    /// Takes this byte.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, problem: Problem) -> Result<(), Problem> {
        if self.take(byte) { Ok(()) } else { Err(problem) }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Problem> {
        if self.at == self.bytes.len() { Ok(()) } else { Err("goes on after its end") }
    }

    /// Takes a key and its colon and gives back the key without quotes.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<&'a [u8], Problem> {
        let quoted = self.string()?;
        self.expect(b':', "has no colon after a key")?;
        Ok(&quoted[1..quoted.len() - 1])
    }

    /// Takes a string and gives it back with its quotes and escapes.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], Problem> {
        const CUT: Problem = "ends within a string";
        let start = self.at;
        self.expect(b'"', "has no string where one belongs")?;
        loop {
            self.at += quote_or_backslash(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') if self.at + 2 <= self.bytes.len() => self.at += 2,
                _ => return Err(CUT),
            }
        }
        self.at += 1;
        Ok(&self.bytes[start..self.at])
    }

    /// Takes any value and gives back its text.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<&'a [u8], Problem> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => self.nested()?,
            _ => {
                while self.peek().is_some_and(|byte| !matches!(byte, b',' | b'}' | b']')) {
                    self.at += 1;
                }
            }
        }
        if self.at == start { Err("has no value where one belongs") } else { Ok(&self.bytes[start..self.at]) }
    }

    /// Passes over an object or array, by counting brackets outside of strings.
    fn nested(&mut self) -> Result<(), Problem> {
        let mut open = 0usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => open += 1,
                Some(b'}' | b']') => open -= 1,
                Some(_) => {}
                None => return Err("ends within an object or array"),
            }
            self.at += 1;
            if open == 0 {
                return Ok(());
            }
        }
    }
}

/// Index of the first quote or backslash, else the length.
#[inline]
fn quote_or_backslash(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let equal = |word: u64, byte: u8| {
        let differing = word ^ (LOW * u64::from(byte));
        differing.wrapping_sub(LOW) & !differing & HIGH
    };
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A borrow may mark bytes above the first match too, so only the lowest mark counts.
        let marks = equal(word, b'"') | equal(word, b'\\');
        if marks != 0 {
            return index * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let in_tail = tail.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(tail.len());
    words.len() * 8 + in_tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_mark_is_found(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'#'), Just(b'\\')], 0..40)) {
            let expected = bytes.iter().position(|byte| *byte == b'"' || *byte == b'\\').unwrap_or(bytes.len());
            prop_assert_eq!(quote_or_backslash(&bytes), expected);
        }

        #[test]
        fn any_text_gives_a_value_or_an_error(text in "[\\[\\]{}\",:\\\\a1é]{0,30}") {
            let mut scan = Scan::new(&text);
            if let Ok(value) = scan.value() {
                prop_assert!(text.as_bytes().starts_with(value));
            }
            let _ = Scan::new(&text).key();
        }
    }

    #[test]
    fn values_end_where_they_end() {
        for value in [r#""a\"}b""#, r#"{"a":[1,"]"],"b":{}}"#, "[]", "-1.5e-7", "true", r#""\\""#] {
            for after in ["", ",", "}", "]"] {
                let text = format!("{value}{after}");
                let mut scan = Scan::new(&text);
                assert_eq!(scan.value(), Ok(value.as_bytes()));
                assert_eq!(scan.offset(), value.len());
            }
        }
    }
}
