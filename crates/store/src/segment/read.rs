//! Reading a segment: whole columns, the parts of its index, and rows in sequence.
//! Where they lie is the footer's matter; nothing is decided here about what a question needs.

use std::ops::Range;
use std::sync::Arc;

use actarium_core::row::{Column, EncodedRows, Micros, RowView};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::columns::{DictionaryColumn, NO_CODE, TimeOrder};
use super::days::DayCounts;
use super::erased::ErasedRows;
use super::file::CheckedFile;
use super::footer::{ColumnLayout, Footer, SectionKind};
use super::newest::NewestRows;
use super::refer::ShortWords;
use super::rows::RowReader;
use super::sequence::SequenceBatch;
use super::shape::Part;
use super::terms::TermTable;
use super::{CachedPart, PartKey, PartKind, SegmentCache, SegmentError, SegmentSummary};
use crate::committed::CommittedRows;
use crate::storage::{NotReached, StoredFile};

/// Rows decoded at once when rows are read in sequence.
const SEQUENCE_BATCH_ROWS: usize = 4_096;

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

/// A segment's file, opened when something is asked of it.
#[derive(Debug)]
pub struct Segment {
    pub(super) file: StoredFile,
    pub(super) summary: SegmentSummary,
    pub(super) cache: Arc<SegmentCache>,
    pub(super) number: u64,
}

impl Segment {
    /// A handle on a segment; nothing is read yet.
    ///
    /// # Errors
    /// If a file of this machine is missing or has not the size that the manifest says.
    pub fn open(file: &StoredFile, summary: &SegmentSummary, cache: &Arc<SegmentCache>) -> Result<Self, SegmentError> {
        CheckedFile::open(file, summary)?;
        Ok(Self { file: file.clone(), summary: summary.clone(), cache: cache.clone(), number: cache.segment_number() })
    }

    /// What the manifest keeps of it.
    pub fn summary(&self) -> &SegmentSummary {
        &self.summary
    }

    /// Sequence number after the last row.
    pub fn end_seq(&self) -> u64 {
        self.summary.first_seq + self.summary.rows
    }

    /// What could not be read is damaged, unless the place that it lies in was not reached. The readers above the file hand on
    /// only the text of an error, so the file is asked.
    pub(super) fn damaged(&self, problem: impl std::fmt::Display) -> SegmentError {
        let path = self.file.shown();
        match self.file.not_reached() {
            Some(detail) => SegmentError::Unreadable { path, source: std::io::Error::other(NotReached(detail)) },
            None => SegmentError::damaged(&path, problem),
        }
    }

    pub(super) fn cached(
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

    pub(super) fn reader(
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
    pub(super) fn whole(&self, footer: &Footer, leaf: usize) -> Result<ArrayRef, SegmentError> {
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

    pub(super) fn section(&self, kind: SectionKind, column: Option<u8>) -> Result<Option<bytes::Bytes>, SegmentError> {
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
        let file = CheckedFile::open(&self.file, &self.summary)?;
        let bytes = file.read(offset, length).map_err(|error| self.damaged(error))?;
        NewestRows::from_bytes(&bytes).ok_or_else(|| self.damaged("its newest rows are cut"))
    }

    /// The rows that have lost a part, with the hashes of those parts; `None` if no row has.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn erased(&self) -> Result<Option<Arc<ErasedRows>>, SegmentError> {
        let footer = self.footer()?;
        if footer.section(SectionKind::Erased, None).is_none() {
            return Ok(None);
        }
        let part = self.cached(PartKind::Erased, 0, 0, || {
            let erased = self.erased_of(&footer)?.unwrap_or_default();
            Ok(CachedPart::Erased(Arc::new(erased)))
        })?;
        let CachedPart::Erased(erased) = part else { unreachable!("a key names one kind of part") };
        Ok(Some(erased))
    }

    /// The same as it stands in the file, past the cache.
    fn erased_of(&self, footer: &Footer) -> Result<Option<ErasedRows>, SegmentError> {
        let Some(section) = footer.section(SectionKind::Erased, None) else { return Ok(None) };
        let length = usize::try_from(section.length).map_err(|_| self.damaged("an impossible length"))?;
        let bytes = footer.file.read(section.offset, length).map_err(|error| self.damaged(error))?;
        let erased = ErasedRows::from_bytes(&bytes);
        erased.map(Some).ok_or_else(|| self.damaged("its hashes of erased parts are cut"))
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

    /// A reader of single rows.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn row_reader(&self) -> Result<RowReader<'_>, SegmentError> {
        RowReader::new(self)
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
        let erased = self.erased_of(&footer)?;
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
                let mut view = batch.row(row);
                if let Some(erased) = &erased {
                    view.erased = erased.of((next - first) as u32);
                }
                f(next, batch.recorded[row], view);
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
pub fn count_rows(file: &StoredFile) -> Option<u64> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(file.open_unknown().ok()?).ok()?;
    u64::try_from(reader.metadata().file_metadata().num_rows()).ok()
}

pub(super) fn codes_and_values(array: &ArrayRef) -> Option<(Vec<u32>, StringArray)> {
    let dictionary = array.as_dictionary_opt::<Int32Type>()?;
    let values = dictionary.values().as_string_opt::<i32>()?.clone();
    let keys = dictionary.keys();
    let codes = match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => keys.values().iter().map(|key| *key as u32).collect(),
        Some(nulls) => {
            let code = |(key, is_there): (&i32, bool)| if is_there { *key as u32 } else { NO_CODE };
            keys.values().iter().zip(nulls).map(code).collect()
        }
    };
    Some((codes, values))
}
