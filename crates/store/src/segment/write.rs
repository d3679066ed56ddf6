//! Making a segment's file out of rows.

use std::borrow::Borrow;
use std::sync::Arc;

use actarium_core::row::{COLUMNS, Column};
use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::bloom::IdFilter;
use super::columns::{Columns, DictionaryColumn, NO_CODE, TextColumn};
use super::days::DayCounts;
use super::file::checksums;
use super::footer::{INDEX_KEY, IndexDirectory, Section, SectionKind};
use super::newest::NewestRows;
use super::pack::Packing;
use super::shape::{Part, Shaped, shape};
use super::terms::{BLOCK_ROWS, TermTable, TermTableBuilder};
use super::{FILTERED_COLUMNS, ID_COLUMNS, SegmentError, SegmentSummary, Tier, filter_hash};
use crate::committed::CommittedRows;

/// How a segment is encoded.
#[derive(Clone, Copy, Debug)]
pub struct SegmentOptions {
    /// Where the segment is to lie.
    pub tier: Tier,
    /// zstd level of texts, 1 to 19.
    pub compression_level: i32,
    /// Bytes of text in a page before compression: what one look-up of a text has to decompress.
    pub text_page_bytes: usize,
    /// Bytes in a page of codes, which are read as a whole.
    pub code_page_bytes: usize,
}

impl SegmentOptions {
    /// For a segment that lies there: what is in the archive is packed harder, in larger pages, and read more slowly.
    pub fn of(tier: Tier) -> Self {
        match tier {
            Tier::Hot | Tier::Purged => Self::default(),
            Tier::Archive => Self { tier, compression_level: 15, text_page_bytes: 64 * 1024, ..Self::default() },
        }
    }
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self { tier: Tier::Hot, compression_level: 3, text_page_bytes: 16 * 1024, code_page_bytes: 256 * 1024 }
    }
}

/// A segment that is not yet anywhere.
#[derive(Clone, Debug)]
pub struct BuiltSegment {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What the manifest is to keep of it.
    pub summary: SegmentSummary,
}

/// Rows looked at by the writer before it asks whether a page is full.
const WRITE_BATCH_ROWS: usize = 128;

/// Makes the file of a segment from consecutive rows, which are let go of as they are taken. `subtree_hashes` are kept
/// inside it: the hashes of the complete subtrees of 256 leaves, aligned at 256, that lie wholly within the rows, ascending.
///
/// # Errors
/// [`SegmentError::Empty`] without rows; [`SegmentError::Encoding`] if the encoder refuses them.
pub fn build<R: Borrow<CommittedRows>>(
    rows: impl IntoIterator<Item = R>,
    subtree_hashes: &[[u8; 32]],
    options: &SegmentOptions,
) -> Result<BuiltSegment, SegmentError> {
    let columns = Columns::from_rows(rows);
    build_from_columns(&columns, subtree_hashes, options)
}

fn build_from_columns(
    columns: &Columns,
    subtree_hashes: &[[u8; 32]],
    options: &SegmentOptions,
) -> Result<BuiltSegment, SegmentError> {
    if columns.is_empty() {
        return Err(SegmentError::Empty);
    }
    let encoding = |error: parquet::errors::ParquetError| SegmentError::Encoding(error.to_string());
    let shaped: [Option<Shaped>; COLUMNS] = Column::ALL.map(|column| shape(columns, column));
    let mut layout = FileLayout::new(columns, options)?;
    layout.add_texts(columns, &shaped, options)?;
    let schema = Arc::new(Schema::new(layout.fields));
    let batch = RecordBatch::try_new(schema.clone(), layout.arrays)
        .map_err(|error| SegmentError::Encoding(error.to_string()))?;

    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(layout.properties.build())).map_err(encoding)?;
    writer.write(&batch).map_err(encoding)?;
    writer.flush().map_err(encoding)?;

    let mut directory = IndexDirectory { version: 1, packings: layout.packings, sections: Vec::new() };
    let newest = NewestRows::of(columns).to_bytes().map_err(|error| SegmentError::Encoding(error.to_string()))?;
    let mut sections = index_sections(columns, &shaped, subtree_hashes);
    sections.push((SectionKind::Newest, None, newest));
    for (kind, column, bytes) in sections {
        let offset = writer.bytes_written() as u64;
        directory.sections.push(Section { kind, column, offset, length: bytes.len() as u64 });
        writer.write_all(&bytes).map_err(|error| SegmentError::Encoding(error.to_string()))?;
    }
    let newest = directory.sections.last().map(|newest| (newest.offset, newest.length));
    let directory = serde_json::to_string(&directory).map_err(|error| SegmentError::Encoding(error.to_string()))?;
    writer.append_key_value_metadata(KeyValue::new(INDEX_KEY.to_owned(), directory));
    let bytes = writer.into_inner().map_err(encoding)?;

    let bounds = |times: &[i64]| {
        let start = (i64::MAX, i64::MIN);
        times.iter().fold(start, |(low, high), &at| (low.min(at), high.max(at)))
    };
    let summary = SegmentSummary {
        first_seq: columns.first_seq,
        rows: columns.len() as u64,
        recorded: bounds(&columns.recorded),
        occurred: bounds(&columns.occurred),
        bytes: bytes.len() as u64,
        checks: checksums(&bytes),
        newest,
        tier: options.tier,
    };
    Ok(BuiltSegment { bytes, summary })
}

/// The file's columns as they come together.
struct FileLayout {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
    properties: WriterPropertiesBuilder,
    packings: std::collections::BTreeMap<String, Packing>,
}

impl FileLayout {
    fn new(columns: &Columns, options: &SegmentOptions) -> Result<Self, SegmentError> {
        let level =
            ZstdLevel::try_new(options.compression_level).map_err(|error| SegmentError::Encoding(error.to_string()))?;
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_created_by("actarium".to_owned())
            .set_max_row_group_row_count(None)
            .set_write_batch_size(WRITE_BATCH_ROWS)
            .set_data_page_row_count_limit(usize::MAX)
            .set_data_page_size_limit(options.code_page_bytes)
            .set_dictionary_page_size_limit(usize::MAX)
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::None);
        let mut fields = vec![Field::new("seq", DataType::Int64, false)];
        for name in ["recorded_at", "occurred_at"] {
            fields.push(Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false));
        }
        for name in ["seq", "recorded_at", "occurred_at"] {
            let path = ColumnPath::from(name);
            properties = properties
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::Page);
        }
        let first = columns.first_seq as i64;
        let time = |times: &[i64]| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC"))
        };
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(first..first + columns.len() as i64)),
            time(&columns.recorded),
            time(&columns.occurred),
        ];
        Ok(Self { fields, arrays, properties, packings: Default::default() })
    }

    fn add_texts(
        &mut self,
        columns: &Columns,
        shaped: &[Option<Shaped>; COLUMNS],
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        for column in Column::ALL {
            if let Some(shaped) = &shaped[column as usize] {
                for (part, dictionary) in &shaped.parts {
                    self.add_dictionary(part.name(), dictionary)?;
                }
                if let Some(whole) = &shaped.whole {
                    self.add_plain(column, whole.clone(), options);
                }
                continue;
            }
            match &columns.texts[column as usize] {
                TextColumn::Absent => {}
                TextColumn::Dictionary(dictionary) => self.add_dictionary(column.name(), dictionary)?,
                TextColumn::Plain(texts) => {
                    let packing =
                        ID_COLUMNS.contains(&column).then(|| Packing::detect(texts.iter().flatten())).flatten();
                    match packing {
                        Some(packing) => self.add_packed(column, texts, packing, options)?,
                        None => self.add_plain(column, texts.clone(), options),
                    }
                }
            }
        }
        Ok(())
    }

    fn add_dictionary(&mut self, name: &str, dictionary: &DictionaryColumn) -> Result<(), SegmentError> {
        let keys: Int32Array = dictionary.codes.iter().map(|&code| (code != NO_CODE).then_some(code as i32)).collect();
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(dictionary.values.clone()))
            .map_err(|error| SegmentError::Encoding(error.to_string()))?;
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(Arc::new(array));
        Ok(())
    }

    fn add_plain(&mut self, column: Column, texts: StringArray, options: &SegmentOptions) {
        let path = ColumnPath::from(column.name());
        let properties = std::mem::take(&mut self.properties);
        self.properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_column_data_page_size_limit(path, options.text_page_bytes);
        self.fields.push(Field::new(column.name(), DataType::Utf8, true));
        self.arrays.push(Arc::new(texts));
    }

    fn add_packed(
        &mut self,
        column: Column,
        texts: &StringArray,
        packing: Packing,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        let width = packing.width() as i32;
        let mut packed = FixedSizeBinaryBuilder::with_capacity(texts.len(), width);
        let mut others = StringBuilder::new();
        let mut bytes = Vec::with_capacity(packing.width());
        let mut other_texts = 0usize;
        for text in texts.iter() {
            bytes.clear();
            match text {
                Some(text) if packing.pack(text, &mut bytes) => {
                    packed.append_value(&bytes).map_err(|error| SegmentError::Encoding(error.to_string()))?;
                    others.append_null();
                }
                other => {
                    packed.append_null();
                    others.append_option(other);
                    other_texts += usize::from(other.is_some());
                }
            }
        }
        let name = packed_name(column);
        let path = ColumnPath::from(name.as_str());
        let properties = std::mem::take(&mut self.properties);
        self.properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), Encoding::PLAIN)
            .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
            .set_column_data_page_size_limit(path, options.text_page_bytes);
        self.fields.push(Field::new(&name, DataType::FixedSizeBinary(width), true));
        self.arrays.push(Arc::new(packed.finish()));
        self.packings.insert(column.name().to_owned(), packing);
        if other_texts > 0 {
            self.add_plain(column, others.finish(), options);
        }
        Ok(())
    }
}

/// The name of the column that holds a column's packed ids.
pub(super) fn packed_name(column: Column) -> String {
    format!("{}_packed", column.name())
}

fn index_sections(
    columns: &Columns,
    shaped: &[Option<Shaped>; COLUMNS],
    subtree_hashes: &[[u8; 32]],
) -> Vec<(SectionKind, Option<u8>, Vec<u8>)> {
    let mut sections = vec![
        (SectionKind::Days, None, DayCounts::of(columns).to_bytes()),
        (SectionKind::Subtrees, None, subtree_hashes.concat()),
    ];
    let mut plain_texts: [Option<&StringArray>; COLUMNS] = [None; COLUMNS];
    for column in Column::ALL {
        if let Some(shaped) = &shaped[column as usize] {
            for (part, dictionary) in shaped.parts.iter().filter(|(part, _)| *part != Part::MessageShort) {
                let terms = TermTable::of_dictionary(column, &dictionary.values);
                sections.push((SectionKind::Terms, Some(*part as u8), terms.as_bytes().to_vec()));
            }
            plain_texts[column as usize] = shaped.whole.as_ref();
            continue;
        }
        match &columns.texts[column as usize] {
            TextColumn::Absent => {}
            TextColumn::Dictionary(dictionary) if has_words(column) => {
                let terms = TermTable::of_dictionary(column, &dictionary.values);
                sections.push((SectionKind::Terms, Some(column as u8), terms.as_bytes().to_vec()));
            }
            TextColumn::Dictionary(_) => {}
            TextColumn::Plain(texts) if FILTERED_COLUMNS.contains(&column) => {
                let hashes: Vec<Option<u64>> = texts.iter().map(|text| filter_hash(column, text?)).collect();
                sections.push((SectionKind::Ids, Some(column as u8), IdFilter::build(&hashes).to_bytes()));
            }
            TextColumn::Plain(texts) if has_words(column) => plain_texts[column as usize] = Some(texts),
            TextColumn::Plain(_) => {}
        }
    }
    if !columns.erased.is_empty() {
        sections.push((SectionKind::Erased, None, columns.erased.to_bytes()));
    }
    let words = words_of_blocks(columns.len(), &plain_texts);
    sections.push((SectionKind::TextTerms, None, words.as_bytes().to_vec()));
    sections
}

/// Whether a column's texts can be found by their words.
pub(super) fn has_words(column: Column) -> bool {
    matches!(
        column,
        Column::Actor
            | Column::Targets
            | Column::Reason
            | Column::Message
            | Column::Changes
            | Column::Metadata
            | Column::RequestId
            | Column::TraceId
            | Column::SessionId
            | Column::ExternalId
    )
}

/// One table over all columns with a text per row; a place is a block of rows.
fn words_of_blocks(rows: usize, texts: &[Option<&StringArray>; COLUMNS]) -> TermTable {
    let mut builder = TermTableBuilder::default();
    let blocks = rows.div_ceil(BLOCK_ROWS);
    for block in 0..blocks {
        let block_rows = block * BLOCK_ROWS..((block + 1) * BLOCK_ROWS).min(rows);
        for column in Column::ALL {
            let Some(texts) = texts[column as usize] else { continue };
            for row in block_rows.clone().filter(|row| texts.is_valid(*row)) {
                builder.add_texts(column, texts.value(row), block as u32);
            }
        }
    }
    builder.finish(blocks)
}
