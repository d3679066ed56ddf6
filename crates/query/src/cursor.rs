//! The place where a search goes on: pinned to the size of the log at its first page, so that what arrives later
//! shifts nothing.

use actarium_core::row::Micros;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Order, TimeRange};

const VERSION: u8 = 1;
const BYTES: usize = 1 + 1 + 8 + 32 + 8 + 8 + 8 + 8 + 16 + 8;

/// Where a search goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Size of the log at the first page.
    pub size: u64,
    /// Root of its tree at that size.
    pub root: [u8; 32],
    /// The first page's time range.
    pub range: TimeRange,
    /// The first page's order.
    pub order: Order,
    /// `occurred_at` and `seq` of the last event given.
    pub last: (Micros, u64),
    /// Which search in which organization it belongs to: [`search_digest`].
    pub search: [u8; 16],
}

/// Why a cursor cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It is not a cursor at all.
    #[error("the cursor is not one that this server gave; use `next_cursor` of the page before as it is")]
    Unreadable,
    /// It was given for other criteria.
    #[error(
        "the cursor belongs to a search with other criteria, order or organization; repeat those of the first page"
    )]
    OtherSearch,
    /// It speaks of a log that is longer than this one.
    #[error("the cursor is from a log with {0} events, this one has fewer")]
    Ahead(u64),
}

/// What a cursor is bound to: the organization and the filter.
pub fn search_digest(organization: &[u8; 16], phrase: &str) -> [u8; 16] {
    let digest = Sha256::new().chain_update(organization).chain_update(phrase.as_bytes()).finalize();
    first_bytes(&digest)
}

fn first_bytes<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&digest[..N]);
    bytes
}

impl Cursor {
    /// The cursor as the API gives it.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.push(u8::from(self.order == Order::Ascending));
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(&self.root);
        for time in [self.range.from, self.range.to, self.last.0] {
            bytes.extend_from_slice(&time.to_be_bytes());
        }
        bytes.extend_from_slice(&self.last.1.to_be_bytes());
        bytes.extend_from_slice(&self.search);
        let check: [u8; 8] = first_bytes(&Sha256::digest(&bytes));
        bytes.extend_from_slice(&check);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor.
    ///
    /// # Errors
    /// [`CursorError::Unreadable`] if it is cut, mistyped, or not one of ours.
    pub fn parse(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Unreadable)?;
        if bytes.len() != BYTES || bytes[0] != VERSION || bytes[1] > 1 {
            return Err(CursorError::Unreadable);
        }
        let (body, check) = bytes.split_at(BYTES - 8);
        if Sha256::digest(body)[..8] != *check {
            return Err(CursorError::Unreadable);
        }
        let number = |at: usize| u64::from_be_bytes(first_bytes(&body[at..]));
        Ok(Self {
            size: number(2),
            root: first_bytes(&body[10..]),
            range: TimeRange { from: number(42) as i64, to: number(50) as i64 },
            order: if body[1] == 1 { Order::Ascending } else { Order::Descending },
            last: (number(58) as i64, number(66)),
            search: first_bytes(&body[74..]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_a_mistyped_one_does_not() {
        let cursor = Cursor {
            size: 7,
            root: [9; 32],
            range: TimeRange { from: -5, to: 1_000_000 },
            order: Order::Ascending,
            last: (33, 4),
            search: search_digest(&[1; 16], "actor:ada"),
        };
        let text = cursor.to_text();
        assert_eq!(Cursor::parse(&text), Ok(cursor));
        let mut mistyped = text.clone().into_bytes();
        mistyped[20] = if mistyped[20] == b'A' { b'B' } else { b'A' };
        assert_eq!(Cursor::parse(&String::from_utf8(mistyped).unwrap()), Err(CursorError::Unreadable));
        assert_eq!(Cursor::parse(&text[1..]), Err(CursorError::Unreadable));
        assert_eq!(Cursor::parse(""), Err(CursorError::Unreadable));
    }
}
