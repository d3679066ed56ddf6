//! The hashes of parts that were erased, by row: few rows have any, so they lie beside the columns.

use actarium_core::hash::Hash;
use actarium_core::row::RowView;
use actarium_core::salt::PARTS;

/// Bytes of a row's place in front of the hashes: its number and a bit per erased part.
const PLACE_BYTES: usize = 5;
/// The parts that can be erased, as bits: all but the fact.
const ERASABLE: u8 = (1 << PARTS) - 2;

/// The rows of a run that have lost a part, with the hashes of those parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedRows {
    places: Vec<Place>,
    hashes: Vec<Hash>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    row: u32,
    /// A bit per erased part.
    parts: u8,
    /// Index of the first of its hashes.
    first: u32,
}

impl ErasedRows {
    /// Adds a row, if it has lost a part. Rows come in ascending order.
    pub(super) fn push(&mut self, row: u32, view: &RowView<'_>) {
        if !view.is_erased() {
            return;
        }
        debug_assert!(self.places.last().is_none_or(|last| last.row < row), "rows come in order");
        let bits = view.erased.iter().enumerate().map(|(part, hash)| u8::from(hash.is_some()) << part);
        self.places.push(Place { row, parts: bits.sum::<u8>() & ERASABLE, first: self.hashes.len() as u32 });
        self.hashes.extend(view.erased.iter().skip(1).flatten().copied());
    }

    /// Whether no row has lost anything.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The hashes of the erased parts of a row, by number of the part.
    pub fn of(&self, row: u32) -> [Option<&Hash>; PARTS] {
        let mut hashes = [None; PARTS];
        let Ok(index) = self.places.binary_search_by_key(&row, |place| place.row) else { return hashes };
        let place = self.places[index];
        let erased = (1..PARTS).filter(|part| place.parts & 1 << part != 0);
        for (part, hash) in erased.zip(&self.hashes[place.first as usize..]) {
            hashes[part] = Some(hash);
        }
        hashes
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.places.len() * size_of::<Place>() + self.hashes.len() * size_of::<Hash>()
    }

    /// As it is stored: the number of rows, the place of each, the hashes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + self.places.len() * PLACE_BYTES + self.hashes.len() * 32);
        bytes.extend_from_slice(&(self.places.len() as u32).to_le_bytes());
        for place in &self.places {
            bytes.extend_from_slice(&place.row.to_le_bytes());
            bytes.push(place.parts);
        }
        bytes.extend_from_slice(self.hashes.as_flattened());
        bytes
    }

    /// Takes it back; `None` if it is cut or not in order.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let count = u32::from_le_bytes(*count) as usize;
        let (places, hashes) = rest.split_at_checked(count.checked_mul(PLACE_BYTES)?)?;
        let mut read = Self::default();
        let mut first = 0;
        for place in places.as_chunks::<PLACE_BYTES>().0 {
            let (row, parts) = (u32::from_le_bytes([place[0], place[1], place[2], place[3]]), place[4]);
            let follows = read.places.last().is_none_or(|last| last.row < row);
            if !follows || parts == 0 || parts & !ERASABLE != 0 {
                return None;
            }
            read.places.push(Place { row, parts, first });
            first += parts.count_ones();
        }
        let (hashes, rest) = hashes.as_chunks::<32>();
        read.hashes = hashes.to_vec();
        (rest.is_empty() && read.hashes.len() == first as usize).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_found_by_row_and_read_back() {
        let hashes: Vec<Hash> = (0..4u8).map(|byte| [byte; 32]).collect();
        let mut erased = ErasedRows::default();
        let view = |parts: [Option<usize>; PARTS]| RowView {
            erased: parts.map(|index| index.map(|index| &hashes[index])),
            ..RowView::EMPTY
        };
        erased.push(0, &view([None; PARTS]));
        erased.push(3, &view([None, None, Some(0), None]));
        erased.push(8, &view([None, Some(1), Some(2), Some(3)]));
        let again = ErasedRows::from_bytes(&erased.to_bytes()).unwrap();
        assert_eq!(again, erased);
        assert_eq!(again.of(0), [None; PARTS]);
        assert_eq!(again.of(3), [None, None, Some(&hashes[0]), None]);
        assert_eq!(again.of(8), [None, Some(&hashes[1]), Some(&hashes[2]), Some(&hashes[3])]);
        let bytes = erased.to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(ErasedRows::from_bytes(&bytes[..length]), None, "{length}");
        }
        let mut with_fact = bytes;
        with_fact[8] |= 1;
        assert_eq!(ErasedRows::from_bytes(&with_fact), None, "the fact is never erased");
    }
}
