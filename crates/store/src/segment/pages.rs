//! Single pages of a column with a text per row, from the cache or in one pass over the file.
//! Which pages are needed is decided where rows are looked for.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use parquet::arrow::arrow_reader::RowSelection;

use super::footer::Footer;
use super::read::Segment;
use super::rows::{PageTexts, TextPage};
use super::{CachedPart, PartKey, PartKind, SegmentError};

impl Segment {
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
