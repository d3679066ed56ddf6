//! Reading a segment: its footer and index, whole columns, single pages, and rows in sequence.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use actarium_core::row::{COLUMNS, Column, EncodedRows, Micros, RowView};
use actarium_core::text;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;
use serde::{Deserialize, Serialize};

use super::bloom::{BLOOM_BLOCK_ROWS, IdFilter};
use super::columns::{DictionaryColumn, NO_CODE, TimeOrder};
use super::days::DayCounts;
use super::file::CheckedFile;
use super::newest::NewestRows;
use super::pack::Packing;
use super::refer::ShortWords;
use super::rows::{PageTexts, RowReader, RowScratch, TextPage};
use super::sequence::SequenceBatch;
use super::shape::Part;
use super::terms::{Places, TermTable, id_hash};
use super::write::packed_name;
use super::{CachedPart, ID_COLUMNS, PartKey, PartKind, SegmentCache, SegmentError, SegmentSummary};
use crate::committed::CommittedRows;

/// Key of the footer's metadata under which the index's directory stands.
pub(super) const INDEX_KEY: &str = "actarium.index";

/// Rows decoded at once when rows are read in sequence.
const SEQUENCE_BATCH_ROWS: usize = 4_096;

/// Where the parts of the index lie in the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IndexDirectory {
    pub(super) version: u32,
    pub(super) packings: std::collections::BTreeMap<String, Packing>,
    pub(super) sections: Vec<Section>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Section {
    pub(super) kind: SectionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<u8>,
    pub(super) offset: u64,
    pub(super) length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SectionKind {
    /// Counts per day and outcome.
    Days,
    /// Hashes of the complete subtrees of 256 leaves.
    Subtrees,
    /// Words of a dictionary.
    Terms,
    /// Words of the columns with a text per row.
    TextTerms,
    /// Filters over a column of ids.
    Ids,
    /// The newest rows, whole.
    Newest,
}

/// How a column lies in the file.
#[derive(Debug)]
pub(super) enum ColumnLayout {
    Absent,
    Dictionary {
        leaf: usize,
    },
    Plain {
        text: Option<usize>,
        packed: Option<(usize, Packing)>,
    },
    /// In parts; the texts that do not fit lie whole in a column of their own.
    Parts {
        parts: Vec<(Part, usize)>,
        whole: Option<WholeTexts>,
    },
}

/// The texts of a column in parts that are kept whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeTexts {
    pub(super) leaf: usize,
}

/// The parsed footer.
#[derive(Debug)]
pub(super) struct Footer {
    file: CheckedFile,
    metadata: ArrowReaderMetadata,
    pub(super) layout: [ColumnLayout; COLUMNS],
    directory: IndexDirectory,
    /// First row of each page, by leaf.
    page_starts: Vec<Vec<u32>>,
}

impl Footer {
    pub(super) fn byte_len(&self) -> usize {
        self.metadata.metadata().memory_size() + self.page_starts.iter().map(|starts| starts.len() * 4).sum::<usize>()
    }

    pub(super) fn page_of(&self, leaf: usize, row: u32) -> u32 {
        self.page_starts[leaf].partition_point(|start| *start <= row).saturating_sub(1) as u32
    }

    fn section(&self, kind: SectionKind, column: Option<u8>) -> Option<&Section> {
        self.directory.sections.iter().find(|section| section.kind == kind && section.column == column)
    }
}

/// The times of a segment's rows.
#[derive(Debug)]
pub struct Times {
    /// When each row was recorded.
    pub recorded: Vec<Micros>,
    /// When each row's event happened.
    pub occurred: Vec<Micros>,
    /// The rows by time of occurrence.
    pub order: TimeOrder,
}

impl Times {
    pub(super) fn byte_len(&self) -> usize {
        self.recorded.len() * 20
    }
}

/// An external id to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalId<'a> {
    /// Only among the events of this sender, if given.
    pub sender: Option<&'a str>,
    /// The id.
    pub external_id: &'a str,
}

/// A segment's file, opened when something is asked of it.
#[derive(Debug)]
pub struct Segment {
    path: std::path::PathBuf,
    summary: SegmentSummary,
    cache: Arc<SegmentCache>,
    number: u64,
}

impl Segment {
    /// A handle on a segment; nothing is read yet.
    ///
    /// # Errors
    /// If the file is missing or has not the size that the manifest says.
    pub fn open(path: &Path, summary: &SegmentSummary, cache: &Arc<SegmentCache>) -> Result<Self, SegmentError> {
        CheckedFile::open(path, summary)?;
        Ok(Self {
            path: path.to_owned(),
            summary: summary.clone(),
            cache: cache.clone(),
            number: cache.segment_number(),
        })
    }

    /// What the manifest keeps of it.
    pub fn summary(&self) -> &SegmentSummary {
        &self.summary
    }

    /// Where its file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sequence number after the last row.
    pub fn end_seq(&self) -> u64 {
        self.summary.first_seq + self.summary.rows
    }

    fn damaged(&self, problem: impl std::fmt::Display) -> SegmentError {
        SegmentError::damaged(&self.path, problem)
    }

    fn cached(
        &self,
        kind: PartKind,
        column: usize,
        page: u32,
        make: impl FnOnce() -> Result<CachedPart, SegmentError>,
    ) -> Result<CachedPart, SegmentError> {
        let key = PartKey { segment: self.number, kind, column: column as u16, page };
        self.cache.parts.get_or_insert_with(&key, make)
    }

    pub(super) fn footer(&self) -> Result<Arc<Footer>, SegmentError> {
        let part = self.cached(PartKind::Footer, 0, 0, || Ok(CachedPart::Footer(Arc::new(self.read_footer()?))))?;
        let CachedPart::Footer(footer) = part else { unreachable!("a key names one kind of part") };
        Ok(footer)
    }

    fn read_footer(&self) -> Result<Footer, SegmentError> {
        let file = CheckedFile::open(&self.path, &self.summary)?;
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Required)
            .with_column_index_policy(PageIndexPolicy::Skip);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|error| self.damaged(error))?;
        let parquet = metadata.metadata();
        let rows = parquet.file_metadata().num_rows();
        if parquet.num_row_groups() != 1 || u64::try_from(rows) != Ok(self.summary.rows) {
            return Err(self.damaged(format!("it has {rows} rows, the manifest says {}", self.summary.rows)));
        }
        let directory = parquet
            .file_metadata()
            .key_value_metadata()
            .into_iter()
            .flatten()
            .find(|entry| entry.key == INDEX_KEY)
            .and_then(|entry| entry.value.as_deref())
            .ok_or_else(|| self.damaged("it has no index"))?;
        let directory: IndexDirectory =
            serde_json::from_str(directory).map_err(|error| self.damaged(format!("its index: {error}")))?;
        if directory.version != 1 {
            return Err(self.damaged(format!("its index is of version {}, this program knows 1", directory.version)));
        }
        let page_starts = parquet
            .offset_index()
            .and_then(|groups| groups.first())
            .ok_or_else(|| self.damaged("it has no page index"))?
            .iter()
            .map(|leaf| leaf.page_locations().iter().map(|page| page.first_row_index as u32).collect())
            .collect();
        let layout = layout(&metadata, &directory);
        Ok(Footer { file, metadata, layout, directory, page_starts })
    }

    fn reader(
        &self,
        footer: &Footer,
        leaves: impl IntoIterator<Item = usize>,
        selection: Option<RowSelection>,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader, SegmentError> {
        let mask = ProjectionMask::leaves(footer.metadata.parquet_schema(), leaves);
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(footer.file.clone(), footer.metadata.clone())
                .with_projection(mask)
                .with_batch_size(batch_rows);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(|error| self.damaged(error))
    }

    /// One whole column as one array.
    fn whole(&self, footer: &Footer, leaf: usize) -> Result<ArrayRef, SegmentError> {
        let rows = self.summary.rows as usize;
        let mut reader = self.reader(footer, [leaf], None, rows)?;
        let batch = reader.next().ok_or_else(|| self.damaged("a column is empty"))?;
        let column = batch.map_err(|error| self.damaged(error))?.column(0).clone();
        if column.len() != rows {
            return Err(self.damaged("a column is cut"));
        }
        Ok(column)
    }

    /// The times of all rows.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn times(&self) -> Result<Arc<Times>, SegmentError> {
        let part = self.cached(PartKind::Times, 0, 0, || {
            let footer = self.footer()?;
            let times = |leaf| -> Result<Vec<Micros>, SegmentError> {
                let column = self.whole(&footer, leaf)?;
                let times = column
                    .as_primitive_opt::<TimestampMicrosecondType>()
                    .ok_or_else(|| self.damaged("a time column holds something else"))?;
                Ok(times.values().to_vec())
            };
            let recorded = times(1)?;
            let occurred = times(2)?;
            let order = TimeOrder::of(&occurred);
            Ok(CachedPart::Times(Arc::new(Times { recorded, occurred, order })))
        })?;
        let CachedPart::Times(times) = part else { unreachable!("a key names one kind of part") };
        Ok(times)
    }

    /// A column as a dictionary, or nothing if it is not one in this segment.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn dictionary(&self, column: Column) -> Result<Option<Arc<DictionaryColumn>>, SegmentError> {
        let footer = self.footer()?;
        let ColumnLayout::Dictionary { leaf } = footer.layout[column as usize] else { return Ok(None) };
        self.dictionary_at(&footer, leaf).map(Some)
    }

    fn dictionary_at(&self, footer: &Footer, leaf: usize) -> Result<Arc<DictionaryColumn>, SegmentError> {
        let part = self.cached(PartKind::Dictionary, leaf, 0, || {
            let array = self.whole(footer, leaf)?;
            let (codes, values) = codes_and_values(&array).ok_or_else(|| self.damaged("a dictionary is unreadable"))?;
            Ok(CachedPart::Dictionary(Arc::new(DictionaryColumn::new(codes, values))))
        })?;
        let CachedPart::Dictionary(dictionary) = part else { unreachable!("a key names one kind of part") };
        Ok(dictionary)
    }

    /// A part of a column that lies in parts, or nothing if it does not, or has no such part.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn part(&self, part: Part) -> Result<Option<Arc<DictionaryColumn>>, SegmentError> {
        let footer = self.footer()?;
        let column = part.column();
        let ColumnLayout::Parts { parts, .. } = &footer.layout[column as usize] else { return Ok(None) };
        let Some((_, leaf)) = parts.iter().find(|(known, _)| *known == part) else { return Ok(None) };
        self.dictionary_at(&footer, *leaf).map(Some)
    }

    /// Whether the column lies in parts, and whether some of its texts are kept whole all the same.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn in_parts(&self, column: Column) -> Result<Option<bool>, SegmentError> {
        Ok(match &self.footer()?.layout[column as usize] {
            ColumnLayout::Parts { whole, .. } => Some(whole.is_some()),
            _ => None,
        })
    }

    /// The words of the short messages, by code.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn short_words(&self) -> Result<Option<Arc<Vec<ShortWords>>>, SegmentError> {
        let Some(messages) = self.part(Part::MessageShort)? else { return Ok(None) };
        let words = |texts: &StringArray| texts.iter().map(|text| ShortWords::of(text.unwrap_or(""))).collect();
        Ok(Some(messages.derived::<Vec<ShortWords>>(Part::MessageShort as u8, words)))
    }

    /// Whether the column holds a text per row in this segment; if neither this nor a dictionary, it is absent.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn is_plain(&self, column: Column) -> Result<bool, SegmentError> {
        let layout = &self.footer()?.layout[column as usize];
        Ok(matches!(layout, ColumnLayout::Plain { .. } | ColumnLayout::Parts { whole: Some(_), .. }))
    }

    fn section(&self, kind: SectionKind, column: Option<u8>) -> Result<Option<bytes::Bytes>, SegmentError> {
        let footer = self.footer()?;
        let Some(section) = footer.section(kind, column) else { return Ok(None) };
        let length = usize::try_from(section.length).map_err(|_| self.damaged("an impossible length"))?;
        footer.file.read(section.offset, length).map(Some).map_err(|error| self.damaged(error))
    }

    /// The words of a dictionary column.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn terms(&self, column: Column) -> Result<Option<Arc<TermTable>>, SegmentError> {
        self.term_table(PartKind::Terms, SectionKind::Terms, Some(column as u8))
    }

    /// The words of a part of a column.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn part_terms(&self, part: Part) -> Result<Option<Arc<TermTable>>, SegmentError> {
        self.term_table(PartKind::Terms, SectionKind::Terms, Some(part as u8))
    }

    /// The words of the columns that hold a text per row (ids aside); a place is a block of rows.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn text_terms(&self) -> Result<Option<Arc<TermTable>>, SegmentError> {
        self.term_table(PartKind::TextTerms, SectionKind::TextTerms, None)
    }

    fn term_table(
        &self,
        part: PartKind,
        kind: SectionKind,
        column: Option<u8>,
    ) -> Result<Option<Arc<TermTable>>, SegmentError> {
        if self.footer()?.section(kind, column).is_none() {
            return Ok(None);
        }
        let part = self.cached(part, column.map_or(0, usize::from), 0, || {
            let bytes = self.section(kind, column)?.unwrap_or_default();
            let table = TermTable::from_bytes(bytes.to_vec()).ok_or_else(|| self.damaged("a word index is cut"))?;
            Ok(CachedPart::Terms(Arc::new(table)))
        })?;
        let CachedPart::Terms(terms) = part else { unreachable!("a key names one kind of part") };
        Ok(Some(terms))
    }

    /// The counts per day and outcome.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn days(&self) -> Result<Arc<DayCounts>, SegmentError> {
        let part = self.cached(PartKind::Days, 0, 0, || {
            let bytes = self.section(SectionKind::Days, None)?.ok_or_else(|| self.damaged("it has no counts"))?;
            let days = DayCounts::from_bytes(&bytes).ok_or_else(|| self.damaged("its counts are cut"))?;
            Ok(CachedPart::Days(Arc::new(days)))
        })?;
        let CachedPart::Days(days) = part else { unreachable!("a key names one kind of part") };
        Ok(days)
    }

    /// The newest rows, which are kept whole, if the segment has them. One read, and no footer.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn newest(&self) -> Result<Option<Arc<NewestRows>>, SegmentError> {
        let Some(place) = self.summary.newest else { return Ok(None) };
        let part =
            self.cached(PartKind::Newest, 0, 0, || Ok(CachedPart::Newest(Arc::new(self.read_newest(place)?))))?;
        let CachedPart::Newest(newest) = part else { unreachable!("a key names one kind of part") };
        Ok(Some(newest))
    }

    /// The newest rows at their place in the file, past the cache.
    pub(crate) fn read_newest(&self, (offset, length): (u64, u64)) -> Result<NewestRows, SegmentError> {
        let length = usize::try_from(length).map_err(|_| self.damaged("an impossible length"))?;
        let file = CheckedFile::open(&self.path, &self.summary)?;
        let bytes = file.read(offset, length).map_err(|error| self.damaged(error))?;
        NewestRows::from_bytes(&bytes).ok_or_else(|| self.damaged("its newest rows are cut"))
    }

    /// Whether its rows can be found without reading the file's footer and times first.
    pub fn is_warm(&self) -> bool {
        let times = PartKey { segment: self.number, kind: PartKind::Times, column: 0, page: 0 };
        self.cache.parts.contains_key(&times)
    }

    /// The hashes of the complete, aligned subtrees of 256 leaves within the segment, ascending.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn subtree_hashes(&self) -> Result<Vec<[u8; 32]>, SegmentError> {
        let bytes = self.section(SectionKind::Subtrees, None)?.unwrap_or_default();
        let (hashes, rest) = bytes.as_chunks::<32>();
        if rest.is_empty() { Ok(hashes.to_vec()) } else { Err(self.damaged("its subtree hashes are cut")) }
    }

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
        let mut rows = Vec::new();
        for block in self.id_blocks(column, id_hash(id))? {
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
                    Some(sender) => self.text_of(Column::Sender, row)?.as_deref() == Some(sender),
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

    /// A reader of single rows.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn row_reader(&self) -> Result<RowReader<'_>, SegmentError> {
        RowReader::new(self)
    }

    /// Pages of a column by number, from the cache or in one pass over the file.
    pub(super) fn pages(
        &self,
        footer: &Footer,
        leaf: usize,
        pages: &[u32],
    ) -> Result<Vec<(u32, Arc<TextPage>)>, SegmentError> {
        let key = |page| PartKey { segment: self.number, kind: PartKind::Page, column: leaf as u16, page };
        let mut found = Vec::with_capacity(pages.len());
        let mut missing = Vec::new();
        for &page in pages {
            match self.cache.parts.get(&key(page)) {
                Some(CachedPart::Page(texts)) => found.push((page, texts)),
                _ => missing.push(page),
            }
        }
        for (page, texts) in self.read_pages(footer, leaf, &missing)? {
            let texts = Arc::new(texts);
            self.cache.parts.insert(key(page), CachedPart::Page(texts.clone()));
            found.push((page, texts));
        }
        found.sort_unstable_by_key(|(page, _)| *page);
        Ok(found)
    }

    fn read_pages(&self, footer: &Footer, leaf: usize, pages: &[u32]) -> Result<Vec<(u32, TextPage)>, SegmentError> {
        if pages.is_empty() {
            return Ok(Vec::new());
        }
        let starts = &footer.page_starts[leaf];
        let rows = self.summary.rows as usize;
        let range = |page: u32| {
            let start = starts[page as usize] as usize;
            start..starts.get(page as usize + 1).map_or(rows, |next| *next as usize)
        };
        let selection = RowSelection::from_consecutive_ranges(pages.iter().map(|page| range(*page)), rows);
        let selected: usize = pages.iter().map(|page| range(*page).len()).sum();
        let mut reader = self.reader(footer, [leaf], Some(selection), selected)?;
        let batch = reader.next().ok_or_else(|| self.damaged("pages are missing"))?;
        let column = batch.map_err(|error| self.damaged(error))?.column(0).clone();
        if column.len() != selected {
            return Err(self.damaged("pages are cut"));
        }
        let mut at = 0;
        let mut decoded = Vec::with_capacity(pages.len());
        for &page in pages {
            let range = range(page);
            // A page is copied out, so that holding it does not hold all that was read with it.
            let texts = page_texts(&column.slice(at, range.len()), pages.len() > 1)
                .ok_or_else(|| self.damaged("a text column holds something else"))?;
            at += range.len();
            decoded.push((page, TextPage { first_row: range.start as u32, texts }));
        }
        Ok(decoded)
    }

    /// Calls `f` with each row of a range of sequence numbers, in order, read from the file and not from the cache.
    ///
    /// # Errors
    /// If the range is not within the segment, or the file cannot be read or is damaged.
    pub fn for_each_row(
        &self,
        seqs: Range<u64>,
        f: &mut dyn FnMut(u64, Micros, RowView<'_>),
    ) -> Result<(), SegmentError> {
        let first = self.summary.first_seq;
        if seqs.start < first || seqs.end > self.end_seq() {
            return Err(self.damaged(format!("rows {} to {} are not in it", seqs.start, seqs.end)));
        }
        if seqs.is_empty() {
            return Ok(());
        }
        let footer = Arc::new(self.read_footer()?);
        let range = (seqs.start - first) as usize..(seqs.end - first) as usize;
        let selection = RowSelection::from_consecutive_ranges(std::iter::once(range), self.summary.rows as usize);
        let leaves = 0..footer.metadata.parquet_schema().num_columns();
        let reader = self.reader(&footer, leaves, Some(selection), SEQUENCE_BATCH_ROWS)?;
        let mut next = seqs.start;
        for batch in reader {
            let batch = batch.map_err(|error| self.damaged(error))?;
            let batch = SequenceBatch::new(&batch, &footer).ok_or_else(|| self.damaged("a column has another type"))?;
            for row in 0..batch.seqs.len() {
                if batch.seqs[row] as u64 != next {
                    return Err(self.damaged(format!("row {next} carries the number {}", batch.seqs[row])));
                }
                f(next, batch.recorded[row], batch.row(row));
                next += 1;
            }
        }
        if next == seqs.end { Ok(()) } else { Err(self.damaged(format!("rows end at {next}, not at {}", seqs.end))) }
    }

    /// A range of rows by sequence number.
    ///
    /// # Errors
    /// As [`Segment::for_each_row`].
    pub fn read(&self, seqs: Range<u64>) -> Result<CommittedRows, SegmentError> {
        let mut rows = EncodedRows::new();
        let mut commits: Vec<(u32, Micros)> = Vec::new();
        self.for_each_row(seqs.clone(), &mut |_, recorded_at, row| {
            if commits.last().is_none_or(|(_, last)| *last != recorded_at) {
                commits.push((rows.len() as u32, recorded_at));
            }
            rows.push(&row);
        })?;
        Ok(CommittedRows { first_seq: seqs.start, rows, commits })
    }
}

/// The number of rows in a segment's file, of which nothing else is known; `None` if it cannot be read.
pub fn count_rows(path: &Path) -> Option<u64> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(std::fs::File::open(path).ok()?).ok()?;
    u64::try_from(reader.metadata().file_metadata().num_rows()).ok()
}

fn layout(metadata: &ArrowReaderMetadata, directory: &IndexDirectory) -> [ColumnLayout; COLUMNS] {
    let leaf_of = |name: &str| metadata.schema().fields().iter().position(|field| field.name() == name);
    Column::ALL.map(|column| {
        let text = leaf_of(column.name());
        let packed = leaf_of(&packed_name(column)).zip(directory.packings.get(column.name()).cloned());
        let is_dictionary =
            |leaf: usize| matches!(metadata.schema().field(leaf).data_type(), arrow_schema::DataType::Dictionary(_, _));
        let parts: Vec<(Part, usize)> = Part::ALL
            .into_iter()
            .filter(|part| part.column() == column)
            .filter_map(|part| Some((part, leaf_of(part.name())?)))
            .collect();
        match (text, packed) {
            (text, _) if !parts.is_empty() => {
                ColumnLayout::Parts { parts, whole: text.map(|leaf| WholeTexts { leaf }) }
            }
            (None, None) => ColumnLayout::Absent,
            (Some(leaf), None) if is_dictionary(leaf) => ColumnLayout::Dictionary { leaf },
            (text, packed) => ColumnLayout::Plain { text, packed },
        }
    })
}

pub(super) fn codes_and_values(array: &ArrayRef) -> Option<(Vec<u32>, StringArray)> {
    let dictionary = array.as_dictionary_opt::<Int32Type>()?;
    let values = dictionary.values().as_string_opt::<i32>()?.clone();
    let keys = dictionary.keys();
    let codes = keys.iter().map(|key| key.map_or(NO_CODE, |key| key as u32)).collect();
    Some((codes, values))
}

fn page_texts(array: &ArrayRef, copy: bool) -> Option<PageTexts> {
    let owned: ArrayRef = if copy {
        arrow_select::concat::concat(&[array.as_ref(), arrow_array::new_empty_array(array.data_type()).as_ref()])
            .ok()?
    } else {
        array.clone()
    };
    if let Some(texts) = owned.as_string_opt::<i32>() {
        return Some(PageTexts::Text(texts.clone()));
    }
    owned.as_fixed_size_binary_opt().map(|ids| PageTexts::Packed(ids.clone()))
}
