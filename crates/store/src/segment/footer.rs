//! The footer of a segment's file: where its columns, pages and the parts of its index lie.
//! Nothing of the rows or of the index is read here.

use actarium_core::row::{COLUMNS, Column};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;
use serde::{Deserialize, Serialize};

use super::SegmentError;
use super::file::CheckedFile;
use super::pack::Packing;
use super::read::Segment;
use super::shape::Part;
use super::write::packed_name;

/// Key of the footer's metadata under which the index's directory stands.
pub(super) const INDEX_KEY: &str = "actarium.index";

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
    /// The hashes of parts that were erased; not there, if none were.
    Erased,
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
    pub(super) file: CheckedFile,
    pub(super) metadata: ArrowReaderMetadata,
    pub(super) layout: [ColumnLayout; COLUMNS],
    directory: IndexDirectory,
    /// First row of each page, by leaf.
    pub(super) page_starts: Vec<Vec<u32>>,
}

impl Footer {
    pub(super) fn byte_len(&self) -> usize {
        self.metadata.metadata().memory_size() + self.page_starts.iter().map(|starts| starts.len() * 4).sum::<usize>()
    }

    pub(super) fn page_of(&self, leaf: usize, row: u32) -> u32 {
        self.page_starts[leaf].partition_point(|start| *start <= row).saturating_sub(1) as u32
    }

    /// Which parts the index has, of which columns.
    pub(super) fn sections(&self) -> impl Iterator<Item = (SectionKind, Option<u8>)> + '_ {
        self.directory.sections.iter().map(|section| (section.kind, section.column))
    }

    pub(super) fn section(&self, kind: SectionKind, column: Option<u8>) -> Option<&Section> {
        self.directory.sections.iter().find(|section| section.kind == kind && section.column == column)
    }
}

impl Segment {
    /// The footer as it stands in the file, past the cache.
    pub(super) fn read_footer(&self) -> Result<Footer, SegmentError> {
        let file = CheckedFile::open(&self.file, &self.summary)?;
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
