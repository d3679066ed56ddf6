//! The id of an event: a UUIDv7 (RFC 9562) that carries its own address in an organization's log.
//!
//! From the most significant bit: 48 bits milliseconds of `recorded_at`, version 7, 12 bits microseconds within the
//! millisecond, variant 0b10, 40 bits `seq`, 22 bits of SHA-256(opaque id of the organization ‖ `seq` as big-endian
//! `u64`). It sorts as the log does and is never stored. It is an address, not a secret, and grants nothing.

use crate::hash::sha256_one_block;
use crate::row::Micros;
use std::fmt;
use std::str::FromStr;

/// One more than the largest sequence number that an id can carry.
pub const SEQ_END: u64 = 1 << 40;
/// Length in bytes of an id as text.
pub const TEXT_BYTES: usize = 36;
const CHECK_BITS: u32 = 22;
const CHECK_MASK: u64 = (1 << CHECK_BITS) - 1;

/// The id of one event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

/// A text that is not the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event: {0}")]
pub struct EventIdError(&'static str);

impl EventId {
    /// The id of the event `seq` of the organization with this opaque id, recorded at `recorded_at`.
    ///
    /// # Panics
    /// If `seq` is not below [`SEQ_END`] or the time is negative.
    pub fn new(opaque_id: &[u8; 16], seq: u64, recorded_at: Micros) -> Self {
        assert!(seq < SEQ_END, "a log has at most 2^40 events");
        let recorded_at = u64::try_from(recorded_at).expect("events are recorded after 1970");
        let (millis, micros) = (recorded_at / 1_000, recorded_at % 1_000);
        let high = (millis & 0xffff_ffff_ffff) << 16 | 7 << 12 | micros;
        let low = 0b10 << 62 | seq << CHECK_BITS | check_bits(opaque_id, seq);
        Self(u128::from(high) << 64 | u128::from(low))
    }

    /// Reads the 36 characters of a UUID in either case. Whether there is such an event is another question.
    ///
    /// # Errors
    /// If the text has another form or can't have been made by [`EventId::new`].
    pub fn parse(text: &str) -> Result<Self, EventIdError> {
        const FORM: EventIdError = EventIdError("expected 36 characters like 01942f3a-7b5c-7123-8000-000000abcdef");
        let bytes = text.as_bytes();
        if bytes.len() != TEXT_BYTES {
            return Err(FORM);
        }
        let mut value = 0u128;
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if *byte != b'-' {
                    return Err(FORM);
                }
                continue;
            }
            let digit = char::from(*byte).to_digit(16).ok_or(FORM)?;
            value = value << 4 | u128::from(digit);
        }
        let high = (value >> 64) as u64;
        if high >> 12 & 0xf != 7 || value as u64 >> 62 != 0b10 {
            return Err(EventIdError("it is a UUID, but not of version 7"));
        }
        if high & 0xfff > 999 {
            return Err(EventIdError("it is a UUID of version 7, but not one made here"));
        }
        Ok(Self(value))
    }

    /// The position in the organization's log.
    pub fn seq(self) -> u64 {
        (self.0 as u64 >> CHECK_BITS) & (SEQ_END - 1)
    }

    /// When the event was recorded.
    pub fn recorded_at(self) -> Micros {
        let high = (self.0 >> 64) as u64;
        ((high >> 16) * 1_000 + (high & 0xfff)) as Micros
    }

    /// Whether the id was made for the organization with this opaque id. One in four million others passes too: look
    /// the event up and compare the whole id.
    pub fn check(self, opaque_id: &[u8; 16]) -> bool {
        self.0 as u64 & CHECK_MASK == check_bits(opaque_id, self.seq())
    }

    /// The id as lower-case text with hyphens.
    pub fn to_text(self) -> [u8; TEXT_BYTES] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; TEXT_BYTES];
        let mut at = 0;
        for byte in self.0.to_be_bytes() {
            if matches!(at, 8 | 13 | 18 | 23) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        text
    }
}

fn check_bits(opaque_id: &[u8; 16], seq: u64) -> u64 {
    let mut message = [0; 24];
    message[..16].copy_from_slice(opaque_id);
    message[16..].copy_from_slice(&seq.to_be_bytes());
    let hash = sha256_one_block(&message);
    u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> (32 - CHECK_BITS))
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_text()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPAQUE: [u8; 16] = [7; 16];

    #[test]
    fn fields_stand_where_the_format_says() {
        let id = EventId::new(&OPAQUE, 5, 1_767_323_045_000_006).to_string();
        assert_eq!(&id[..8], &format!("{:08x}", (1_767_323_045_000u64 >> 16) as u32));
        assert_eq!(&id[14..18], "7006");
        assert_eq!(&id[19..20], "8");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "01942f3a7b5c71238000000000abcdef",
            "01942f3a-7b5c-7123-8000-000000abcdeg",
            "01942f3a-7b5c-4123-8000-000000abcdef",
            "01942f3a-7b5c-7123-c000-000000abcdef",
            "01942f3a-7b5c-7fff-8000-000000abcdef",
            "01942f3a+7b5c-7123-8000-000000abcdef",
            "01942f3a-7b5c-7123-8000-000000abcdeé",
        ] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_gives_back_what_it_was_made_of(opaque in any::<[u8; 16]>(), seq in 0..SEQ_END, at in 0..crate::time::TIME_MAX) {
            let id = EventId::new(&opaque, seq, at);
            prop_assert_eq!(id.seq(), seq);
            prop_assert_eq!(id.recorded_at(), at);
            prop_assert!(id.check(&opaque));
            let text = id.to_string();
            prop_assert_eq!(text.parse::<EventId>(), Ok(id));
            prop_assert_eq!(text.to_uppercase().parse::<EventId>(), Ok(id));
        }

        #[test]
        fn ids_sort_as_the_log_does(seq in 0..SEQ_END - 1, at in 0..crate::time::TIME_MAX - 10, later in 0..10i64) {
            let (first, second) = (EventId::new(&OPAQUE, seq, at), EventId::new(&OPAQUE, seq + 1, at + later));
            prop_assert!(first < second);
            prop_assert!(first.to_text() < second.to_text());
        }
    }
}
