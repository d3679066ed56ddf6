//! Proving a segment's index: the words, ids and pages by which rows are found are made again of the rows, and compared with what
//! the file holds. A list without one of its places would hide an event from every search, and no leaf of the tree would change.
//!
//! One column at a time is held, besides what is made for texts that lie in rows. What the rows are is proved by their leaves,
//! elsewhere.

use std::sync::Arc;

use actarium_core::row::{COLUMNS, Column, RowView};
use arrow_array::{Array, StringArray};
use parquet::column::page::PageReader;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::bloom::IdFilter;
use super::columns::{DictionaryColumn, NO_CODE};
use super::footer::{ColumnLayout, Footer, SectionKind};
use super::read::Segment;
use super::shape::Part;
use super::terms::{BLOCK_ROWS, TermTable, TermTableBuilder};
use super::write::has_words;
use super::{FILTERED_COLUMNS, SegmentError, filter_hash};

/// What is made of a segment's rows while they are read in sequence.
pub(crate) struct IndexCheck {
    footer: Arc<Footer>,
    /// Hashes of the texts of each row, of the columns with a filter and a text per row.
    ids: [Option<Vec<Option<u64>>>; FILTERED_COLUMNS.len()],
    words: TermTableBuilder,
    /// Columns whose texts are found by blocks of rows; of those that lie in parts, the codes of the rows that do.
    in_blocks: [Option<Vec<u32>>; COLUMNS],
}

impl IndexCheck {
    /// Begins with a segment, whose file is read past the cache.
    pub(crate) fn of(segment: &Segment) -> Result<Self, SegmentError> {
        let footer = Arc::new(segment.read_footer()?);
        let mut ids: [Option<Vec<Option<u64>>>; FILTERED_COLUMNS.len()] = Default::default();
        let mut in_blocks: [Option<Vec<u32>>; COLUMNS] = Default::default();
        for column in Column::ALL {
            let place = &mut in_blocks[column as usize];
            match &footer.layout[column as usize] {
                // Segments of before have no filter of addresses; they are looked through.
                ColumnLayout::Plain { .. }
                    if column == Column::Ip && footer.section(SectionKind::Ids, Some(column as u8)).is_none() => {}
                ColumnLayout::Plain { .. } => match FILTERED_COLUMNS.iter().position(|id| *id == column) {
                    Some(at) => ids[at] = Some(Vec::with_capacity(segment.summary.rows as usize)),
                    None if has_words(column) => *place = Some(Vec::new()),
                    None => {}
                },
                ColumnLayout::Parts { parts, whole: Some(_) } => {
                    let leaf = parts.first().map(|(_, leaf)| *leaf);
                    let leaf = leaf.ok_or_else(|| segment.damaged("a column in parts has none"))?;
                    *place = Some(segment.codes(&footer, leaf)?.codes);
                }
                _ => {}
            }
        }
        Ok(Self { footer, ids, words: TermTableBuilder::default(), in_blocks })
    }

    /// Takes the next row, by its number in the segment.
    pub(crate) fn note(&mut self, number: u32, row: &RowView<'_>) {
        for (column, ids) in FILTERED_COLUMNS.iter().zip(&mut self.ids) {
            if let Some(ids) = ids {
                ids.push(row.get(*column).and_then(|text| filter_hash(*column, text)));
            }
        }
        for column in Column::ALL {
            let Some(codes) = &self.in_blocks[column as usize] else { continue };
            let is_in_parts = codes.get(number as usize).is_some_and(|code| *code != NO_CODE);
            if let Some(value) = row.get(column).filter(|_| !is_in_parts) {
                self.words.add_texts(column, value, number / BLOCK_ROWS as u32);
            }
        }
    }

    /// Compares what was made of all rows with what the file holds.
    ///
    /// # Errors
    /// What is not as it was made, or why the file cannot be read.
    pub(crate) fn compare(self, segment: &Segment) -> Result<(), SegmentError> {
        let footer = &self.footer;
        let blocks = (segment.summary.rows as usize).div_ceil(BLOCK_ROWS);
        let mut expected = vec![(SectionKind::TextTerms, None)];
        segment.same_section(footer, expected[0], self.words.finish(blocks).as_bytes(), "of words in texts")?;
        for (column, ids) in FILTERED_COLUMNS.iter().zip(self.ids) {
            let Some(ids) = ids else { continue };
            let section = (SectionKind::Ids, Some(*column as u8));
            segment.same_section(
                footer,
                section,
                &IdFilter::build(&ids).to_bytes(),
                &format!("of {}", column.name()),
            )?;
            expected.push(section);
        }
        for column in Column::ALL {
            for (number, leaf) in dictionaries(&footer.layout[column as usize]) {
                let values = segment.codes(footer, leaf)?.values;
                if let Some(twice) = twice(&values) {
                    return Err(segment.damaged(format!("{} has a text twice, as {twice}", column.name())));
                }
                let number = match number {
                    None if !has_words(column) => continue,
                    None => column as u8,
                    Some(Part::MessageShort) => continue,
                    Some(part) => part as u8,
                };
                let section = (SectionKind::Terms, Some(number));
                let terms = TermTable::of_dictionary(column, &values);
                segment.same_section(footer, section, terms.as_bytes(), &format!("of words in {}", column.name()))?;
                expected.push(section);
            }
        }
        let is_known = |kind| matches!(kind, SectionKind::TextTerms | SectionKind::Ids | SectionKind::Terms);
        if footer.sections().filter(|(kind, _)| is_known(*kind)).any(|section| !expected.contains(&section)) {
            return Err(segment.damaged("it has an index of what it does not hold"));
        }
        segment.same_pages(footer)
    }
}

/// The dictionaries of a column, each as the part that it is of, if the column lies in parts.
fn dictionaries(layout: &ColumnLayout) -> Vec<(Option<Part>, usize)> {
    match layout {
        ColumnLayout::Dictionary { leaf } => vec![(None, *leaf)],
        ColumnLayout::Parts { parts, .. } => parts.iter().map(|(part, leaf)| (Some(*part), *leaf)).collect(),
        _ => Vec::new(),
    }
}

/// The second place of a text that a dictionary holds more than once: one of them alone may be looked for.
fn twice(values: &StringArray) -> Option<usize> {
    let mut seen = hashbrown::HashSet::with_capacity(values.len());
    (0..values.len()).find(|at| !seen.insert(values.value(*at)))
}

impl Segment {
    fn codes(&self, footer: &Footer, leaf: usize) -> Result<DictionaryColumn, SegmentError> {
        let array = self.whole(footer, leaf)?;
        let (codes, values) =
            super::read::codes_and_values(&array).ok_or_else(|| self.damaged("a dictionary is unreadable"))?;
        Ok(DictionaryColumn::new(codes, values))
    }

    /// Whether a part of the index is, byte by byte, what was made of the rows.
    fn same_section(
        &self,
        footer: &Footer,
        (kind, column): (SectionKind, Option<u8>),
        made: &[u8],
        what: &str,
    ) -> Result<(), SegmentError> {
        let Some(section) = footer.section(kind, column) else {
            return Err(self.damaged(format!("its index {what} is not there")));
        };
        let length = usize::try_from(section.length).map_err(|_| self.damaged("an impossible length"))?;
        let kept = footer.file.read(section.offset, length).map_err(|error| self.damaged(error))?;
        if *kept == *made {
            return Ok(());
        }
        Err(self.damaged(format!("its index {what} is not that of its rows: searches by it may miss some of them")))
    }

    /// Whether pages begin at the rows at which the page index says that they do, by the pages' own headers.
    fn same_pages(&self, footer: &Footer) -> Result<(), SegmentError> {
        let reader = SerializedFileReader::new(footer.file.clone()).map_err(|error| self.damaged(error))?;
        let group = reader.get_row_group(0).map_err(|error| self.damaged(error))?;
        for (leaf, starts) in footer.page_starts.iter().enumerate() {
            let pages = group.get_column_page_reader(leaf).map_err(|error| self.damaged(error))?;
            let counted = page_starts(pages).map_err(|error| self.damaged(error))?;
            if counted != *starts {
                return Err(self.damaged(format!("its page index has column {leaf} begin its pages at other rows")));
            }
        }
        Ok(())
    }
}

/// The first row of each page of data, by the headers of the pages one after the other.
fn page_starts(mut pages: Box<dyn PageReader>) -> parquet::errors::Result<Vec<u32>> {
    let (mut starts, mut row) = (Vec::new(), 0u32);
    while let Some(page) = pages.peek_next_page()? {
        if !page.is_dict {
            starts.push(row);
            row = row.saturating_add(page.num_rows.or(page.num_levels).unwrap_or_default() as u32);
        }
        pages.skip_next_page()?;
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use actarium_core::row::EncodedRows;

    use super::super::file::checksums;
    use super::super::{SegmentCache, SegmentOptions, SegmentSummary, build};
    use super::*;
    use crate::committed::CommittedRows;
    use crate::storage::StoredFile;

    /// Rows with columns of every layout: dictionaries, parts, texts, packed ids.
    fn rows() -> CommittedRows {
        let mut rows = EncodedRows::new();
        for number in 0..3_000u64 {
            let actor = format!(r#"{{"type":"user","id":"u-{}"}}"#, number % 7);
            let targets = format!(r#"[{{"type":"component","id":"c-{number}","name":"Component {number}"}}]"#);
            let message = format!("Deployed build {} of the thing, number {number}", number * 7_919 % 104_729);
            let request = format!("{number:032x}");
            let ip = format!("10.0.{}.{}", number / 256, number % 256);
            let mut row = RowView::EMPTY;
            for (column, text) in [
                (Column::Action, "component.deploy"),
                (Column::Outcome, "success"),
                (Column::Source, "api"),
                (Column::Actor, &actor),
                (Column::Targets, &targets),
                (Column::Message, &message),
                (Column::RequestId, &request),
                (Column::Ip, &ip),
            ] {
                row.texts[column as usize] = Some(text);
            }
            rows.push(&row);
        }
        CommittedRows { first_seq: 0, rows, commits: vec![(0, 1_767_326_400_000_000)] }
    }

    /// What is said of a file whose checksums are right.
    fn checked(path: &Path, bytes: &[u8], summary: &SegmentSummary) -> Result<(), SegmentError> {
        std::fs::write(path, bytes).unwrap();
        let summary = SegmentSummary { checks: checksums(bytes), ..summary.clone() };
        let segment = Segment::open(&StoredFile::local(path), &summary, &SegmentCache::new(1 << 20))?;
        let mut check = IndexCheck::of(&segment)?;
        segment.for_each_row(0..summary.rows, &mut |seq, _, row| check.note(seq as u32, &row))?;
        check.compare(&segment)
    }

    #[test]
    fn every_changed_byte_of_the_index_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let built = build([rows()], &[], &SegmentOptions::default()).unwrap();
        checked(&path, &built.bytes, &built.summary).unwrap();
        let segment = Segment::open(&StoredFile::local(&path), &built.summary, &SegmentCache::new(1 << 20)).unwrap();
        let footer = segment.read_footer().unwrap();
        let mut kinds = Vec::new();
        for (kind, column) in footer.sections() {
            if !matches!(kind, SectionKind::Terms | SectionKind::TextTerms | SectionKind::Ids) {
                continue;
            }
            kinds.push(kind);
            let section = footer.section(kind, column).unwrap();
            // The beginning, somewhere within, and the end.
            for at in [0, section.length / 2, section.length - 1] {
                let mut bytes = built.bytes.clone();
                bytes[(section.offset + at) as usize] ^= 1;
                let found = checked(&path, &bytes, &built.summary);
                let found = found.map_err(|error| error.to_string()).unwrap_err();
                assert!(found.contains("is not that of its rows"), "{kind:?} {column:?}: {found}");
            }
        }
        for kind in [SectionKind::Terms, SectionKind::TextTerms, SectionKind::Ids] {
            assert!(kinds.contains(&kind), "{kind:?} is one of {kinds:?}");
        }
    }

    #[test]
    fn pages_begin_where_the_page_index_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let built = build([rows()], &[], &SegmentOptions::default()).unwrap();
        std::fs::write(&path, &built.bytes).unwrap();
        let starts = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let summary = SegmentSummary { checks: checksums(bytes), ..built.summary.clone() };
            let segment = Segment::open(&StoredFile::local(&path), &summary, &SegmentCache::new(1 << 20)).ok()?;
            segment.read_footer().ok().map(|footer| footer.page_starts)
        };
        let whole = starts(&built.bytes).unwrap();
        assert!(whole.iter().any(|starts| starts.len() > 2), "several pages: {whole:?}");
        // The page index lies behind our index and before the footer, whose length stands at the end.
        let length = built.bytes.len();
        let footer_bytes = u32::from_le_bytes(built.bytes[length - 8..length - 4].try_into().unwrap()) as usize;
        let end = length - 8 - footer_bytes;
        let mut changed = 0;
        for at in end - 400..end {
            let mut bytes = built.bytes.clone();
            bytes[at] ^= 2;
            if starts(&bytes).is_some_and(|starts| starts != whole) {
                changed += 1;
                assert!(checked(&path, &bytes, &built.summary).is_err(), "byte {at}");
            }
        }
        assert!(changed > 3, "{changed} bytes of the page index that say where pages begin");
    }
}
