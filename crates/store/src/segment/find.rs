//! Finding the rows of a segment that carry an id, through the filters over the columns of ids.
//! Words and values of other columns are found through the term tables; what is asked for is decided elsewhere.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use actarium_core::row::{Column, id_scope};
use actarium_core::text;
use arrow_array::Array;

use super::bloom::{BLOOM_BLOCK_ROWS, IdFilter};
use super::footer::{ColumnLayout, SectionKind};
use super::read::Segment;
use super::rows::{PageTexts, RowScratch};
use super::terms::{Places, id_hash};
use super::{CachedPart, ID_COLUMNS, PartKind, SegmentError, address_hash};

/// An external id to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalId<'a> {
    /// Only among the events of this sender, if given.
    pub sender: Option<&'a str>,
    /// The id.
    pub external_id: &'a str,
}

impl Segment {
    /// The rows that may hold an id in an id column that has a text per row, in blocks; `None` if every row may.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    fn id_blocks(&self, column: Column, hash: u64) -> Result<Vec<usize>, SegmentError> {
        let part = self.cached(PartKind::IdFilter, column as usize, 0, || {
            let bytes = self
                .section(SectionKind::Ids, Some(column as u8))?
                .ok_or_else(|| self.damaged("it has no id filter"))?;
            let filter = IdFilter::from_bytes(&bytes).ok_or_else(|| self.damaged("an id filter is cut"))?;
            Ok(CachedPart::IdFilter(Arc::new(filter)))
        })?;
        let CachedPart::IdFilter(filter) = part else { unreachable!("a key names one kind of part") };
        Ok(filter.blocks(hash))
    }

    /// The rows whose id in an id column equals `id`, exactly or but for case and separators; ascending.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    ///
    /// # Panics
    /// If the column is not one of [`ID_COLUMNS`].
    pub fn rows_with_id(&self, column: Column, id: &str, exactly: bool) -> Result<Vec<u32>, SegmentError> {
        assert!(ID_COLUMNS.contains(&column), "{} is not a column of ids", column.name());
        let same = |found: &str| if exactly { found == id } else { id_hash(found) == id_hash(id) };
        if let Some(dictionary) = self.dictionary(column)? {
            let mut words = Vec::new();
            text::tokens(id, &mut |word| words.push(word.to_owned()));
            let places = match self.terms(column)? {
                Some(terms) if !words.is_empty() => terms.places_of_all(words.iter().map(String::as_str)),
                _ => Places::Anywhere,
            };
            let codes = match places {
                Places::Nowhere => Vec::new(),
                Places::These(codes) => codes,
                Places::Anywhere => (0..dictionary.values.len() as u32).collect(),
            };
            let known = |code: &u32| (*code as usize) < dictionary.values.len();
            let mut rows: Vec<u32> = codes
                .into_iter()
                .filter(known)
                .filter(|code| same(dictionary.values.value(*code as usize)))
                .flat_map(|code| dictionary.postings().rows(code).iter().copied())
                .collect();
            rows.sort_unstable();
            return Ok(rows);
        }
        if !self.is_plain(column)? {
            return Ok(Vec::new());
        }
        self.filtered_rows(column, id_hash(id), same)
    }

    /// The rows whose address is this one, however it is spelled, in a segment where each row has a text of its own there;
    /// ascending. `None` if the segment has no filter of addresses and every row may have it.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn rows_with_address(&self, address: IpAddr) -> Result<Option<Vec<u32>>, SegmentError> {
        if self.footer()?.section(SectionKind::Ids, Some(Column::Ip as u8)).is_none() {
            return Ok(None);
        }
        let address = address.to_canonical();
        let same = |found: &str| found.parse::<IpAddr>().is_ok_and(|found| found.to_canonical() == address);
        self.filtered_rows(Column::Ip, address_hash(address), same).map(Some)
    }

    /// The rows of a column with a filter whose text is the same as what has this hash; ascending.
    fn filtered_rows(&self, column: Column, hash: u64, same: impl Fn(&str) -> bool) -> Result<Vec<u32>, SegmentError> {
        let mut rows = Vec::new();
        for block in self.id_blocks(column, hash)? {
            let first = block * BLOOM_BLOCK_ROWS;
            let last = (first + BLOOM_BLOCK_ROWS).min(self.summary.rows as usize);
            self.scan_ids(column, first as u32..last as u32, &mut |row, found| {
                if same(found) {
                    rows.push(row);
                }
            })?;
        }
        Ok(rows)
    }

    fn scan_ids(&self, column: Column, rows: Range<u32>, f: &mut dyn FnMut(u32, &str)) -> Result<(), SegmentError> {
        let footer = self.footer()?;
        let ColumnLayout::Plain { text, packed } = &footer.layout[column as usize] else { return Ok(()) };
        let mut room = String::new();
        for (leaf, packing) in
            packed.iter().map(|(leaf, packing)| (*leaf, Some(packing))).chain(text.map(|l| (l, None)))
        {
            let pages: Vec<u32> = (footer.page_of(leaf, rows.start)..=footer.page_of(leaf, rows.end - 1)).collect();
            for (_, page) in self.pages(&footer, leaf, &pages)? {
                let in_range = |at: &usize| rows.contains(&(page.first_row + *at as u32));
                match (&page.texts, packing) {
                    (PageTexts::Packed(ids), Some(packing)) => {
                        for at in (0..ids.len()).filter(in_range).filter(|at| ids.is_valid(*at)) {
                            room.clear();
                            packing.unpack(ids.value(at), &mut room);
                            f(page.first_row + at as u32, &room);
                        }
                    }
                    (PageTexts::Text(texts), _) => {
                        for at in (0..texts.len()).filter(in_range).filter(|at| texts.is_valid(*at)) {
                            f(page.first_row + at as u32, texts.value(at));
                        }
                    }
                    (PageTexts::Packed(_), None) => return Err(self.damaged("packed ids without their form")),
                }
            }
        }
        Ok(())
    }

    /// Which of these external ids are in the segment: `(index in wanted, sequence number)`.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn find_external_ids(&self, wanted: &[ExternalId<'_>]) -> Result<Vec<(usize, u64)>, SegmentError> {
        let mut found = Vec::new();
        for (index, wanted) in wanted.iter().enumerate() {
            for row in self.rows_with_id(Column::ExternalId, wanted.external_id, true)? {
                let same_sender = match wanted.sender {
                    None => true,
                    Some(sender) => {
                        self.text_of(Column::Sender, row)?.as_deref().map(id_scope) == Some(id_scope(sender))
                    }
                };
                if same_sender {
                    found.push((index, self.summary.first_seq + u64::from(row)));
                }
            }
        }
        Ok(found)
    }

    fn text_of(&self, column: Column, row: u32) -> Result<Option<String>, SegmentError> {
        if let Some(dictionary) = self.dictionary(column)? {
            return Ok(dictionary.text(row as usize).map(str::to_owned));
        }
        let mut reader = self.row_reader()?;
        reader.prepare(&[row], &[column])?;
        let mut scratch = RowScratch::default();
        Ok(reader.row(row, &mut scratch).2.get(column).map(str::to_owned))
    }
}
