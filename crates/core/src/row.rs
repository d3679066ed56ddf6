//! The stored form of an event: one optional text per column, and two times.
//!
//! An event is taken apart into columns once, at ingest, and every later form (journal, tail, segment) holds
//! exactly these texts, so the canonical bytes can be made again from any of them. Structured fields (`actor`,
//! `targets`, `http`, `changes`, `metadata`) are canonical JSON texts, which repeat and so cost little.
//! Of a part that was erased its hash stands in place of the texts, so that the event's commit can still be made.
//! This file must not interpret the texts; `event` makes them, `canonical` and `render` read them.

use crate::hash::Hash;
use crate::salt::PARTS;

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// Number of text columns of an event.
pub const COLUMNS: usize = 18;

/// A text column of a stored event. The discriminants are part of the stored format and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Column {
    /// `resource.verb`, always present.
    Action = 0,
    /// `success`, `failure`, `denied` or `unknown`, always present.
    Outcome = 1,
    /// Which way the event came; always present.
    Source = 2,
    /// The credential or adapter that sent it, the scope of `external_id`. Not part of the event and not hashed.
    Sender = 3,
    /// The actor as canonical JSON, without the `session_id` of depth 0; always present.
    Actor = 4,
    /// `actor.session_id` of depth 0 (raw text, as are all columns from here on unless said otherwise).
    SessionId = 5,
    /// The targets as a canonical JSON array; always present.
    Targets = 6,
    /// `context.ip`.
    Ip = 7,
    /// `context.user_agent`.
    UserAgent = 8,
    /// `context.request_id`.
    RequestId = 9,
    /// `context.trace_id`.
    TraceId = 10,
    /// `context.surface`.
    Surface = 11,
    /// `context.http` as canonical JSON.
    Http = 12,
    /// `reason`.
    Reason = 13,
    /// `message`.
    Message = 14,
    /// `changes` as a canonical JSON array.
    Changes = 15,
    /// `metadata` as a canonical JSON object.
    Metadata = 16,
    /// `external_id`.
    ExternalId = 17,
}

impl Column {
    /// All columns in the order of their discriminants.
    pub const ALL: [Column; COLUMNS] = [
        Column::Action,
        Column::Outcome,
        Column::Source,
        Column::Sender,
        Column::Actor,
        Column::SessionId,
        Column::Targets,
        Column::Ip,
        Column::UserAgent,
        Column::RequestId,
        Column::TraceId,
        Column::Surface,
        Column::Http,
        Column::Reason,
        Column::Message,
        Column::Changes,
        Column::Metadata,
        Column::ExternalId,
    ];

    /// The column's name in segments and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Column::Action => "action",
            Column::Outcome => "outcome",
            Column::Source => "source",
            Column::Sender => "sender",
            Column::Actor => "actor",
            Column::SessionId => "session_id",
            Column::Targets => "targets",
            Column::Ip => "ip",
            Column::UserAgent => "user_agent",
            Column::RequestId => "request_id",
            Column::TraceId => "trace_id",
            Column::Surface => "surface",
            Column::Http => "http",
            Column::Reason => "reason",
            Column::Message => "message",
            Column::Changes => "changes",
            Column::Metadata => "metadata",
            Column::ExternalId => "external_id",
        }
    }
}

/// What of a sender is the scope of its external ids: of an adapter's (`adapter:github key:…`) the adapter, whichever credential
/// brings its records; of others all of it.
pub fn id_scope(sender: &str) -> &str {
    sender.split_once(' ').map_or(sender, |(scope, _)| scope)
}

/// One stored event, borrowed from wherever it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowView<'a> {
    /// When it happened, if the sender said so; else it is the time of recording.
    pub occurred_at: Option<Micros>,
    /// The text of each column, by discriminant; `None` where the event has no such field.
    pub texts: [Option<&'a str>; COLUMNS],
    /// The hash of each part that was erased, by number of the part; its texts are `None`.
    pub erased: [Option<&'a Hash>; PARTS],
}

impl<'a> RowView<'a> {
    /// A row without any text.
    pub const EMPTY: RowView<'static> = RowView { occurred_at: None, texts: [None; COLUMNS], erased: [None; PARTS] };

    /// The text of a column.
    #[inline]
    pub fn get(&self, column: Column) -> Option<&'a str> {
        self.texts[column as usize]
    }

    /// Whether a part of it was erased.
    #[inline]
    pub fn is_erased(&self) -> bool {
        self.erased.iter().any(Option::is_some)
    }
}

const HAS_OCCURRED_AT: u32 = 1 << 31;
const COLUMN_MASK: u32 = (1 << COLUMNS) - 1;
/// Bit of the first part; those of erased parts are set.
const ERASED_SHIFT: u32 = COLUMNS as u32;
/// The fact, part 0, is never erased.
const ERASED_MASK: u32 = ((1 << PARTS) - 2) << ERASED_SHIFT;

/// Encoded rows that cannot be read: damaged, or not written by this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("encoded row is damaged at byte {offset}: {problem}")]
pub struct RowDamaged {
    /// Byte offset of the row that cannot be read.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Rows in the order in which they are to be recorded, encoded one after the other.
///
/// Per row: a little-endian `u32` with a bit per present column and bit 31 when a time of occurrence follows, that time
/// as little-endian `i64` microseconds, then for each erased part (bits 19 to 21) its hash, then for each present column its length in bytes as LEB128 and its UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedRows {
    bytes: Vec<u8>,
    /// End offset of each row in `bytes`.
    ends: Vec<u32>,
}

impl EncodedRows {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many bytes of encoding.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Size of the encoding in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The encoding of all rows.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The encoding of one row. Equal encodings are equal events.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row_bytes(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, index: usize) -> RowView<'_> {
        match decode_row(self.row_bytes(index)) {
            Ok((row, _)) => row,
            // Every way to construct the value has decoded or encoded the row before.
            Err(_) => unreachable!("rows are checked when they come in"),
        }
    }

    /// Whether a row has a text in a column.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn has(&self, index: usize, column: Column) -> bool {
        mask_of(self.row_bytes(index)).is_some_and(|(mask, _)| mask & (1 << column as u32) != 0)
    }

    /// The texts of some columns of a row, each once and ascending, without a look at the others: for what is asked of
    /// every row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn texts<const N: usize>(&self, index: usize, wanted: [Column; N]) -> [Option<&str>; N] {
        debug_assert!(wanted.is_sorted_by(|before, after| before < after), "columns are asked for in their order");
        let mut found = [None; N];
        // Rows are checked when they come in, so nothing is left out here.
        let _ = find_texts(self.row_bytes(index), wanted, &mut found);
        found
    }

    /// All rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RowView<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Adds a row at the end.
    ///
    /// # Panics
    /// If the encoding would pass 4 GiB.
    pub fn push(&mut self, row: &RowView<'_>) {
        let mut mask = 0u32;
        for (bit, text) in row.texts.iter().enumerate() {
            if text.is_some() {
                mask |= 1 << bit;
            }
        }
        for (part, hash) in row.erased.iter().enumerate().skip(1) {
            mask |= u32::from(hash.is_some()) << (ERASED_SHIFT + part as u32);
        }
        if row.occurred_at.is_some() {
            mask |= HAS_OCCURRED_AT;
        }
        self.bytes.extend_from_slice(&mask.to_le_bytes());
        if let Some(at) = row.occurred_at {
            self.bytes.extend_from_slice(&at.to_le_bytes());
        }
        for hash in row.erased.iter().skip(1).flatten() {
            self.bytes.extend_from_slice(*hash);
        }
        for text in row.texts.iter().flatten() {
            push_varint(&mut self.bytes, text.len() as u64);
            self.bytes.extend_from_slice(text.as_bytes());
        }
        self.ends.push(u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB"));
    }

    /// Adds some rows of another batch at the end, as they are encoded.
    ///
    /// # Panics
    /// If there are no such rows, or the encoding would pass 4 GiB.
    pub fn append_range(&mut self, other: &EncodedRows, rows: std::ops::Range<usize>) {
        let start = if rows.start == 0 { 0 } else { other.ends[rows.start - 1] };
        let end = if rows.end == 0 { 0 } else { other.ends[rows.end - 1] };
        let base = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        assert!(base.checked_add(end - start).is_some(), "a batch is far below 4 GiB");
        self.bytes.extend_from_slice(&other.bytes[start as usize..end as usize]);
        self.ends.extend(other.ends[rows].iter().map(|end| base + (end - start)));
    }

    /// Adds the rows of another batch at the end.
    pub fn append(&mut self, other: &EncodedRows) {
        let base = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| base + end));
    }

    /// Takes back an encoding made by [`EncodedRows::as_bytes`].
    ///
    /// # Errors
    /// If the bytes are not a whole number of well-formed rows.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, RowDamaged> {
        let mut ends = Vec::new();
        let mut offset = 0;
        while offset < bytes.len() {
            let (_, length) = decode_row(&bytes[offset..]).map_err(|damaged| RowDamaged { offset, ..damaged })?;
            offset += length;
            ends.push(u32::try_from(offset).map_err(|_| RowDamaged { offset, problem: "longer than 4 GiB" })?);
        }
        Ok(Self { bytes, ends })
    }
}

/// The mask of a row, and what follows it, the time and the hashes of erased parts.
fn mask_of(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (mask, rest) = bytes.split_first_chunk::<4>()?;
    let mask = u32::from_le_bytes(*mask);
    let time_bytes = if mask & HAS_OCCURRED_AT != 0 { size_of::<Micros>() } else { 0 };
    let hash_bytes = (mask & ERASED_MASK).count_ones() as usize * size_of::<Hash>();
    Some((mask, rest.get(time_bytes + hash_bytes..)?))
}

fn find_texts<'r, const N: usize>(
    bytes: &'r [u8],
    wanted: [Column; N],
    found: &mut [Option<&'r str>; N],
) -> Option<()> {
    let (mask, mut rest) = mask_of(bytes)?;
    let mut columns = mask & COLUMN_MASK;
    for (column, place) in wanted.into_iter().zip(found) {
        while columns != 0 {
            let next = columns.trailing_zeros();
            if next > column as u32 {
                break;
            }
            columns &= columns - 1;
            let (length, after) = take_varint(rest)?;
            let (text, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            if next == column as u32 {
                *place = Some(std::str::from_utf8(text).ok()?);
            }
        }
    }
    Some(())
}

fn decode_row(bytes: &[u8]) -> Result<(RowView<'_>, usize), RowDamaged> {
    let damaged = |problem| RowDamaged { offset: 0, problem };
    let (mask, mut rest) = bytes.split_first_chunk::<4>().ok_or(damaged("cut within the column mask"))?;
    let mask = u32::from_le_bytes(*mask);
    if mask & !(HAS_OCCURRED_AT | ERASED_MASK | COLUMN_MASK) != 0 {
        return Err(damaged("unknown column in the mask"));
    }
    let mut row = RowView::EMPTY;
    if mask & HAS_OCCURRED_AT != 0 {
        let (at, after) = rest.split_first_chunk::<8>().ok_or(damaged("cut within the time"))?;
        row.occurred_at = Some(i64::from_le_bytes(*at));
        rest = after;
    }
    for part in (1..PARTS).filter(|part| mask & 1 << (ERASED_SHIFT + *part as u32) != 0) {
        let (hash, after) = rest.split_first_chunk().ok_or(damaged("cut within the hash of an erased part"))?;
        row.erased[part] = Some(hash);
        rest = after;
    }
    let mut columns = mask & COLUMN_MASK;
    while columns != 0 {
        let column = columns.trailing_zeros() as usize;
        columns &= columns - 1;
        let (length, after) = take_varint(rest).ok_or(damaged("cut within a length"))?;
        let length = usize::try_from(length).map_err(|_| damaged("impossible length"))?;
        let (text, after) = after.split_at_checked(length).ok_or(damaged("cut within a text"))?;
        row.texts[column] = Some(std::str::from_utf8(text).map_err(|_| damaged("text is not UTF-8"))?);
        rest = after;
    }
    Ok((row, bytes.len() - rest.len()))
}

/// Appends an unsigned LEB128 number.
pub fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads an unsigned LEB128 number of at most 64 bits; `None` if it is cut or too long.
pub fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        let part = u64::from(byte & 0x7f);
        if index == 9 && part > 1 {
            return None;
        }
        value |= part << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
