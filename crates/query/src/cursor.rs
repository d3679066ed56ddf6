//! The place where a search goes on: pinned to the size of the log at its first page, so that what arrives later
//! shifts nothing.
//!
//! A cursor is authenticated for the one whose search it is. Who could make one would read a log from any place with no
//! first page that is put on record, and could have the server say any root as that of its log.

use actarium_core::row::Micros;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Order, TimeRange};

const VERSION: u8 = 2;
/// Bytes of the tag at the end.
const TAG_BYTES: usize = 16;
const BYTES: usize = 1 + 1 + 8 + 32 + 8 + 8 + 8 + 8 + 16 + TAG_BYTES;
const KEY_LABEL: &[u8] = b"actarium/cursor/v1\n";

/// What cursors are authenticated with: a secret of the service and who searches.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl CursorKey {
    /// The key of one who searches.
    pub fn new(secret: &[u8; 32], searcher: &str) -> Self {
        Self(Sha256::new().chain_update(KEY_LABEL).chain_update(secret).chain_update(searcher).finalize().into())
    }

    /// The tag of a cursor's other bytes. Their number is fixed, so a hash of key and text is a sound authenticator.
    fn tag(&self, body: &[u8]) -> [u8; TAG_BYTES] {
        debug_assert_eq!(body.len(), BYTES - TAG_BYTES, "a cursor has one length");
        first_bytes(&Sha256::new().chain_update(self.0).chain_update(body).finalize())
    }
}

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CursorKey")
    }
}

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
    /// It is not a cursor at all, or was given to somebody else.
    #[error("the cursor is not one that this server gave to you; use `next_cursor` of the page before as it is")]
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
    pub fn to_text(&self, key: &CursorKey) -> String {
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
        let tag = key.tag(&bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor.
    ///
    /// # Errors
    /// [`CursorError::Unreadable`] if it is cut, mistyped, not one of ours, or another searcher's.
    pub fn parse(text: &str, key: &CursorKey) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Unreadable)?;
        if bytes.len() != BYTES || bytes[0] != VERSION || bytes[1] > 1 {
            return Err(CursorError::Unreadable);
        }
        let (body, tag) = bytes.split_at(BYTES - TAG_BYTES);
        if !bool::from(key.tag(body).ct_eq(tag)) {
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

    fn cursor() -> Cursor {
        Cursor {
            size: 7,
            root: [9; 32],
            range: TimeRange { from: -5, to: 1_000_000 },
            order: Order::Ascending,
            last: (33, 4),
            search: search_digest(&[1; 16], "actor:ada"),
        }
    }

    #[test]
    fn a_cursor_comes_back_and_a_changed_one_does_not() {
        let key = CursorKey::new(&[3; 32], "ada");
        let text = cursor().to_text(&key);
        assert_eq!(Cursor::parse(&text, &key), Ok(cursor()));
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(Cursor::parse(&changed, &key), Err(CursorError::Unreadable), "bit {bit}");
        }
        assert_eq!(Cursor::parse(&text[1..], &key), Err(CursorError::Unreadable));
        assert_eq!(Cursor::parse("", &key), Err(CursorError::Unreadable));
    }

    #[test]
    fn a_cursor_is_its_searchers_and_its_services_alone() {
        let text = cursor().to_text(&CursorKey::new(&[3; 32], "ada"));
        for other in [CursorKey::new(&[3; 32], "bob"), CursorKey::new(&[4; 32], "ada")] {
            assert_eq!(Cursor::parse(&text, &other), Err(CursorError::Unreadable));
        }
    }
}
