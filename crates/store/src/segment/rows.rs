//! Getting whole rows out of a segment, few and far apart: codes are looked up, texts come from the one page that
//! holds them.

use std::sync::Arc;

use actarium_core::row::{COLUMNS, Column, Micros, RowView};
use arrow_array::{Array, FixedSizeBinaryArray, StringArray};
use hashbrown::HashMap;

use super::columns::DictionaryColumn;
use super::erased::ErasedRows;
use super::footer::{ColumnLayout, Footer};
use super::pack::Packing;
use super::read::{Segment, Times};
use super::refer;
use super::shape::{Part, join_targets};
use super::{ID_COLUMNS, SegmentError};

/// The texts of one page.
#[derive(Debug)]
pub(super) struct TextPage {
    pub(super) first_row: u32,
    pub(super) texts: PageTexts,
}

#[derive(Debug)]
pub(super) enum PageTexts {
    Text(StringArray),
    Packed(FixedSizeBinaryArray),
}

impl TextPage {
    pub(super) fn byte_len(&self) -> usize {
        match &self.texts {
            PageTexts::Text(texts) => texts.get_array_memory_size(),
            PageTexts::Packed(ids) => ids.get_array_memory_size(),
        }
    }
}

/// Room for the texts of a row that have to be spelled out.
#[derive(Debug, Default)]
pub struct RowScratch {
    ids: [String; ID_COLUMNS.len()],
    targets: String,
    message: String,
}

/// Reads rows of one segment.
pub struct RowReader<'s> {
    segment: &'s Segment,
    footer: Arc<Footer>,
    times: Arc<Times>,
    dictionaries: [Option<Arc<DictionaryColumn>>; COLUMNS],
    parts: [Option<Arc<DictionaryColumn>>; Part::ALL.len()],
    erased: Option<Arc<ErasedRows>>,
    pages: HashMap<(u16, u32), Arc<TextPage>, foldhash::fast::FixedState>,
}

impl<'s> RowReader<'s> {
    pub(super) fn new(segment: &'s Segment) -> Result<Self, SegmentError> {
        let footer = segment.footer()?;
        let times = segment.times()?;
        let mut dictionaries: [Option<Arc<DictionaryColumn>>; COLUMNS] = Default::default();
        for column in Column::ALL {
            if matches!(footer.layout[column as usize], ColumnLayout::Dictionary { .. }) {
                dictionaries[column as usize] = segment.dictionary(column)?;
            }
        }
        let mut parts: [Option<Arc<DictionaryColumn>>; Part::ALL.len()] = Default::default();
        for (place, part) in parts.iter_mut().zip(Part::ALL) {
            *place = segment.part(part)?;
        }
        let erased = segment.erased()?;
        Ok(Self { segment, footer, times, dictionaries, parts, erased, pages: HashMap::default() })
    }

    /// Gets the pages that these rows need, each column's missing ones in one pass. `columns` says which texts will be
    /// asked for.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn prepare(&mut self, rows: &[u32], columns: &[Column]) -> Result<(), SegmentError> {
        // A message may refer to names in these.
        let message = columns.contains(&Column::Message);
        let named = [Column::Actor, Column::Targets].into_iter().filter(|column| message && !columns.contains(column));
        for column in columns.iter().copied().chain(named) {
            let footer = self.footer.clone();
            let leaves: Vec<usize> = match &footer.layout[column as usize] {
                ColumnLayout::Absent | ColumnLayout::Dictionary { .. } => Vec::new(),
                ColumnLayout::Plain { text, packed } => {
                    text.iter().copied().chain(packed.iter().map(|(leaf, _)| *leaf)).collect()
                }
                ColumnLayout::Parts { whole, .. } => whole.iter().map(|whole| whole.leaf).collect(),
            };
            for leaf in leaves {
                let mut pages: Vec<u32> = rows.iter().map(|&row| footer.page_of(leaf, row)).collect();
                pages.sort_unstable();
                pages.dedup();
                pages.retain(|&page| !self.pages.contains_key(&(leaf as u16, page)));
                for (page, texts) in self.segment.pages(&footer, leaf, &pages)? {
                    self.pages.insert((leaf as u16, page), texts);
                }
            }
        }
        Ok(())
    }

    /// Lets go of the pages held, so that a long walk does not hold all of them.
    pub fn forget_pages(&mut self) {
        self.pages.clear();
    }

    /// Number of pages held.
    pub fn pages_held(&self) -> usize {
        self.pages.len()
    }

    /// A row: its sequence number, when it was recorded, and its texts. Texts whose pages were not prepared are absent.
    pub fn row<'a>(&'a self, row: u32, scratch: &'a mut RowScratch) -> (u64, Micros, RowView<'a>) {
        let mut view = RowView::EMPTY;
        let recorded = self.times.recorded[row as usize];
        let occurred = self.times.occurred[row as usize];
        view.occurred_at = (occurred != recorded).then_some(occurred);
        if let Some(erased) = &self.erased {
            view.erased = erased.of(row);
        }
        for (room, column) in scratch.ids.iter_mut().zip(ID_COLUMNS) {
            room.clear();
            if let ColumnLayout::Plain { packed: Some((leaf, packing)), .. } = &self.footer.layout[column as usize] {
                self.unpack(*leaf, packing, row, room);
            }
        }
        self.join_parts(row, scratch);
        let scratch = &*scratch;
        for column in Column::ALL {
            view.texts[column as usize] = match &self.footer.layout[column as usize] {
                ColumnLayout::Absent => None,
                ColumnLayout::Dictionary { .. } => {
                    self.dictionaries[column as usize].as_ref().and_then(|dictionary| dictionary.text(row as usize))
                }
                ColumnLayout::Parts { .. } => {
                    let joined = if column == Column::Targets { &scratch.targets } else { &scratch.message };
                    self.in_parts(column, row as usize).then_some(joined.as_str()).or_else(|| self.whole(column, row))
                }
                ColumnLayout::Plain { text, packed } => {
                    let unpacked = packed.as_ref().and_then(|_| {
                        let at = ID_COLUMNS.iter().position(|id| *id == column)?;
                        (!scratch.ids[at].is_empty()).then(|| scratch.ids[at].as_str())
                    });
                    unpacked.or_else(|| text.and_then(|leaf| self.plain(leaf, row)))
                }
            };
        }
        (self.segment.summary().first_seq + u64::from(row), recorded, view)
    }

    /// Spells out the texts that lie in parts: the targets first, as a message may refer to them.
    fn join_parts(&self, row: u32, scratch: &mut RowScratch) {
        let part = |part: Part| self.parts[part as usize - Part::TargetsFirst as usize].as_ref()?.text(row as usize);
        scratch.targets.clear();
        scratch.message.clear();
        if let Some(first) = part(Part::TargetsFirst) {
            join_targets(first, part(Part::TargetsRest), &mut scratch.targets);
        }
        if let Some(short) = part(Part::MessageShort) {
            let targets = if self.in_parts(Column::Targets, row as usize) {
                Some(scratch.targets.as_str())
            } else {
                self.stored(Column::Targets, row)
            };
            refer::expand(short, &refer::names(self.stored(Column::Actor, row), targets), &mut scratch.message);
        }
    }

    /// Whether a row's text in a column lies in parts.
    fn in_parts(&self, column: Column, row: usize) -> bool {
        let first = if column == Column::Targets { Part::TargetsFirst } else { Part::MessageShort };
        let dictionary = &self.parts[first as usize - Part::TargetsFirst as usize];
        matches!(self.footer.layout[column as usize], ColumnLayout::Parts { .. })
            && dictionary.as_ref().is_some_and(|dictionary| dictionary.text(row).is_some())
    }

    fn whole(&self, column: Column, row: u32) -> Option<&str> {
        let ColumnLayout::Parts { whole: Some(whole), .. } = &self.footer.layout[column as usize] else { return None };
        self.plain(whole.leaf, row)
    }

    /// A text that lies as it is.
    fn stored(&self, column: Column, row: u32) -> Option<&str> {
        match &self.footer.layout[column as usize] {
            ColumnLayout::Absent => None,
            ColumnLayout::Dictionary { .. } => self.dictionaries[column as usize].as_ref()?.text(row as usize),
            ColumnLayout::Plain { text, .. } => text.and_then(|leaf| self.plain(leaf, row)),
            ColumnLayout::Parts { .. } => self.whole(column, row),
        }
    }

    fn page(&self, leaf: usize, row: u32) -> Option<(&TextPage, usize)> {
        let page = self.pages.get(&(leaf as u16, self.footer.page_of(leaf, row)))?;
        Some((page, (row - page.first_row) as usize))
    }

    fn plain(&self, leaf: usize, row: u32) -> Option<&str> {
        let (page, at) = self.page(leaf, row)?;
        match &page.texts {
            PageTexts::Text(texts) => texts.is_valid(at).then(|| texts.value(at)),
            PageTexts::Packed(_) => None,
        }
    }

    fn unpack(&self, leaf: usize, packing: &Packing, row: u32, room: &mut String) {
        if let Some((page, at)) = self.page(leaf, row)
            && let PageTexts::Packed(ids) = &page.texts
            && ids.is_valid(at)
        {
            packing.unpack(ids.value(at), room);
        }
    }
}
