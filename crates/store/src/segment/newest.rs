//! The newest rows of a segment, kept whole beside its columns. What is asked for first after a start is the newest
//! page; with them it costs one read instead of the footer, the times and a dozen dictionaries. They repeat what the
//! columns hold, and the columns are what is true: the sealer compares both before a segment counts.

use actarium_core::row::{Column, EncodedRows, Micros, RowView};

use super::columns::Columns;

/// Most rows that are kept whole.
const ROWS_MAX: usize = 128;
/// At most one row in this many is kept whole, so that small segments stay small.
const ROWS_SHARE: usize = 8;
/// Bytes of encoded rows beyond which no more are kept whole.
const ROW_BYTES_MAX: usize = 256 * 1024;
/// Most bytes that the rows decompress to: one event more than [`ROW_BYTES_MAX`].
const RAW_BYTES_MAX: usize = 1 << 20;
/// zstd level; there is little to compress.
const COMPRESSION_LEVEL: i32 = 3;
/// Bytes in front of each row's encoding: its number and when it was recorded.
const PLACE_BYTES: usize = 12;

/// The newest rows of a segment by `(occurred_at, seq)`.
#[derive(Debug, PartialEq, Eq)]
pub struct NewestRows {
    /// Row numbers within the segment, ascending.
    numbers: Vec<u32>,
    recorded: Vec<Micros>,
    rows: EncodedRows,
    /// Indexes into the others, newest first.
    order: Vec<u32>,
}

impl NewestRows {
    /// The newest of these rows.
    pub(super) fn of(columns: &Columns) -> Self {
        let wanted = columns.len().div_ceil(ROWS_SHARE).min(ROWS_MAX);
        let order = columns.order();
        let mut numbers = Vec::with_capacity(wanted);
        let mut encoded = 0;
        for position in (columns.len() - wanted..columns.len()).rev() {
            let number = order.row(position);
            encoded += Column::ALL
                .iter()
                .filter_map(|column| columns.text(*column, number as usize))
                .map(str::len)
                .sum::<usize>();
            numbers.push(number);
            if encoded >= ROW_BYTES_MAX {
                break;
            }
        }
        numbers.sort_unstable();
        let mut rows = EncodedRows::new();
        numbers.iter().for_each(|number| rows.push(&columns.row(*number as usize)));
        let recorded = numbers.iter().map(|number| columns.recorded[*number as usize]).collect();
        Self::new(numbers, recorded, rows)
    }

    fn new(numbers: Vec<u32>, recorded: Vec<Micros>, rows: EncodedRows) -> Self {
        let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
        let occurred: Vec<Micros> =
            rows.iter().zip(&recorded).map(|(row, recorded)| row.occurred_at.unwrap_or(*recorded)).collect();
        order.sort_unstable_by_key(|index| std::cmp::Reverse((occurred[*index as usize], *index)));
        Self { numbers, recorded, rows, order }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The rows newest first: number within the segment, when it was recorded, texts.
    pub fn newest_first(&self) -> impl Iterator<Item = (u32, Micros, RowView<'_>)> {
        self.order.iter().map(|index| self.at(*index as usize))
    }

    /// A row by its number within the segment, if it is one of them.
    pub fn row(&self, number: u32) -> Option<(Micros, RowView<'_>)> {
        let index = self.numbers.binary_search(&number).ok()?;
        let (_, recorded, row) = self.at(index);
        Some((recorded, row))
    }

    fn at(&self, index: usize) -> (u32, Micros, RowView<'_>) {
        (self.numbers[index], self.recorded[index], self.rows.row(index))
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.rows.byte_len() + self.numbers.len() * (PLACE_BYTES + 8)
    }

    /// The rows as they are stored: their number, the place of each, their encodings, compressed together.
    pub(super) fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut raw = Vec::with_capacity(4 + self.len() * PLACE_BYTES + self.rows.byte_len());
        raw.extend_from_slice(&(self.len() as u32).to_le_bytes());
        for (number, recorded) in self.numbers.iter().zip(&self.recorded) {
            raw.extend_from_slice(&number.to_le_bytes());
            raw.extend_from_slice(&recorded.to_le_bytes());
        }
        raw.extend_from_slice(self.rows.as_bytes());
        zstd::bulk::compress(&raw, COMPRESSION_LEVEL)
    }

    /// Rows as they were stored; `None` if they are cut or not in order, or there is none.
    pub(super) fn from_bytes(stored: &[u8]) -> Option<Self> {
        let raw = zstd::bulk::decompress(stored, RAW_BYTES_MAX).ok()?;
        let (count, rest) = raw.split_first_chunk::<4>()?;
        let count = u32::from_le_bytes(*count) as usize;
        let (places, rows) = rest.split_at_checked(count.checked_mul(PLACE_BYTES)?)?;
        let (mut numbers, mut recorded) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for place in places.as_chunks::<PLACE_BYTES>().0 {
            let (number, at) = place.split_first_chunk::<4>()?;
            numbers.push(u32::from_le_bytes(*number));
            recorded.push(Micros::from_le_bytes(at.try_into().ok()?));
        }
        let rows = EncodedRows::from_bytes(rows.to_vec()).ok()?;
        let fits = count > 0 && rows.len() == count && numbers.is_sorted_by(|before, after| before < after);
        fits.then(|| Self::new(numbers, recorded, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committed::CommittedRows;

    /// Rows of which every third happened long before it was recorded.
    fn columns(rows: usize, text: &str) -> Columns {
        let mut encoded = EncodedRows::new();
        for number in 0..rows {
            let action = format!("component.deploy_{number}");
            let mut row = RowView::EMPTY;
            row.texts[Column::Action as usize] = Some(&action);
            row.texts[Column::Message as usize] = Some(text);
            row.occurred_at = (number % 3 == 0).then_some(number as Micros);
            encoded.push(&row);
        }
        Columns::from_rows([CommittedRows::one_commit(1_000, 5_000, encoded)])
    }

    #[test]
    fn the_newest_are_kept_and_come_back_newest_first() {
        for rows in [1, 7, 9, 500, 5_000] {
            let columns = columns(rows, "short");
            let kept = NewestRows::of(&columns);
            assert_eq!(kept.len(), rows.div_ceil(ROWS_SHARE).min(ROWS_MAX));
            let mut by_time: Vec<u32> = (0..rows as u32).collect();
            by_time.sort_by_key(|row| std::cmp::Reverse((columns.occurred[*row as usize], *row)));
            let numbers: Vec<u32> = kept.newest_first().map(|(number, ..)| number).collect();
            assert_eq!(numbers, by_time[..kept.len()]);
            for (number, recorded, row) in kept.newest_first() {
                assert_eq!((recorded, row), (5_000, columns.row(number as usize)));
                assert_eq!(kept.row(number), Some((recorded, row)));
            }
            assert_eq!(NewestRows::from_bytes(&kept.to_bytes().unwrap()), Some(kept));
        }
    }

    #[test]
    fn large_rows_are_fewer() {
        let kept = NewestRows::of(&columns(2_000, &"x".repeat(30_000)));
        assert_eq!(kept.len(), ROW_BYTES_MAX.div_ceil(30_000));
        assert_eq!(NewestRows::from_bytes(&kept.to_bytes().unwrap()), Some(kept));
    }

    #[test]
    fn what_is_cut_is_refused() {
        let stored = NewestRows::of(&columns(500, "short")).to_bytes().unwrap();
        for length in 0..stored.len() {
            assert_eq!(NewestRows::from_bytes(&stored[..length]), None, "{length}");
        }
    }
}
