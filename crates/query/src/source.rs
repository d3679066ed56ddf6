//! What a query reads from: a run of unsealed rows in memory, or a segment. Both answer the same questions.

use std::ops::{Deref, Range};
use std::sync::Arc;

use actarium_core::filter::Place;
use actarium_core::render::{Placed, push_event_with_sender};
use actarium_core::row::{Column, Micros, RowView};
use actarium_store::segment::{
    Columns, DictionaryColumn, NewestRows, RowReader, RowScratch, Segment, TextColumn, TimeOrder, Times,
};
use actarium_store::{Snapshot, TailBatch};

use crate::glance::may_match;
use crate::held::{NamedHold, push_held_by};
use crate::sought::Sought;
use crate::{QueryError, TimeRange};

/// A run of rows of the log.
pub enum Source<'s> {
    /// Unsealed rows.
    Tail(&'s TailBatch),
    /// Sealed rows.
    Segment(&'s Segment),
}

/// The rows' times, from either source.
pub enum SourceTimes<'s> {
    Tail(&'s Columns),
    Segment(Arc<Times>),
}

impl SourceTimes<'_> {
    pub fn occurred(&self) -> &[Micros] {
        match self {
            Self::Tail(columns) => &columns.occurred,
            Self::Segment(times) => &times.occurred,
        }
    }

    pub fn order(&self) -> &TimeOrder {
        match self {
            Self::Tail(columns) => columns.order(),
            Self::Segment(times) => &times.order,
        }
    }

    /// Positions in the order by time whose time is in the range.
    pub fn positions(&self, range: TimeRange) -> Range<usize> {
        self.order().positions(self.occurred(), range.from, range.to)
    }
}

/// A dictionary column, from either source.
#[derive(Clone)]
pub enum Dictionary<'s> {
    Tail(&'s DictionaryColumn),
    Segment(Arc<DictionaryColumn>),
}

impl Deref for Dictionary<'_> {
    type Target = DictionaryColumn;

    fn deref(&self) -> &DictionaryColumn {
        match self {
            Self::Tail(dictionary) => dictionary,
            Self::Segment(dictionary) => dictionary,
        }
    }
}

/// How a column is there in a source.
pub enum SourceColumn<'s> {
    Absent,
    Dictionary(Dictionary<'s>),
    Plain,
    /// In parts; some texts are perhaps kept whole.
    Parts {
        whole: bool,
    },
}

impl<'s> Source<'s> {
    /// All sources of a snapshot, in sequence order.
    pub fn all(snapshot: &'s Snapshot) -> impl DoubleEndedIterator<Item = Source<'s>> {
        let segments = snapshot.segments.iter().map(|segment| Source::Segment(segment));
        segments.chain(snapshot.tail.iter().map(|batch| Source::Tail(batch)))
    }

    pub fn first_seq(&self) -> u64 {
        match self {
            Self::Tail(batch) => batch.rows.first_seq,
            Self::Segment(segment) => segment.summary().first_seq,
        }
    }

    pub fn rows(&self) -> usize {
        match self {
            Self::Tail(batch) => batch.rows.rows.len(),
            Self::Segment(segment) => segment.summary().rows as usize,
        }
    }

    /// Number of rows below a sequence number.
    pub fn rows_below(&self, seq: u64) -> usize {
        (seq.saturating_sub(self.first_seq()) as usize).min(self.rows())
    }

    /// Earliest and latest time of occurrence.
    pub fn occurred_bounds(&self) -> (Micros, Micros) {
        match self {
            Self::Segment(segment) => segment.summary().occurred,
            Self::Tail(_) => {
                let columns = self.columns();
                let order = columns.order();
                let at = |position: usize| columns.occurred[order.row(position) as usize];
                if columns.is_empty() { (Micros::MAX, Micros::MIN) } else { (at(0), at(columns.len() - 1)) }
            }
        }
    }

    /// The columns of unsealed rows.
    ///
    /// # Panics
    /// If it is a segment.
    fn columns(&self) -> &'s Columns {
        match self {
            Self::Tail(batch) => batch.columns(),
            Self::Segment(_) => unreachable!("asked of the tail only"),
        }
    }

    pub fn times(&self) -> Result<SourceTimes<'s>, QueryError> {
        Ok(match self {
            Self::Tail(_) => SourceTimes::Tail(self.columns()),
            Self::Segment(segment) => SourceTimes::Segment(segment.times()?),
        })
    }

    pub fn column(&self, column: Column) -> Result<SourceColumn<'s>, QueryError> {
        Ok(match self {
            Self::Tail(_) => match &self.columns().texts[column as usize] {
                TextColumn::Absent => SourceColumn::Absent,
                TextColumn::Dictionary(dictionary) => SourceColumn::Dictionary(Dictionary::Tail(dictionary)),
                TextColumn::Plain(_) => SourceColumn::Plain,
            },
            Self::Segment(segment) => match segment.dictionary(column)? {
                Some(dictionary) => SourceColumn::Dictionary(Dictionary::Segment(dictionary)),
                None if segment.in_parts(column)?.is_some() => {
                    SourceColumn::Parts { whole: segment.in_parts(column)? == Some(true) }
                }
                None if segment.is_plain(column)? => SourceColumn::Plain,
                None => SourceColumn::Absent,
            },
        })
    }

    /// The rows of a segment that can be had while nothing else of it is in memory: the newest, which it keeps whole.
    pub fn newest(&self) -> Result<Option<Arc<NewestRows>>, QueryError> {
        match self {
            Self::Segment(segment) if !segment.is_warm() => Ok(segment.newest()?),
            _ => Ok(None),
        }
    }

    /// A reader for these rows alone.
    pub fn reader_of(&self, rows: &[u32]) -> Result<SourceReader<'s>, QueryError> {
        if let (Self::Segment(segment), Some(newest)) = (self, self.newest()?)
            && rows.iter().all(|row| newest.row(*row).is_some())
        {
            return Ok(SourceReader::Newest { segment, newest });
        }
        self.reader()
    }

    pub fn reader(&self) -> Result<SourceReader<'s>, QueryError> {
        Ok(match self {
            Self::Tail(batch) => SourceReader::Tail { batch, columns: self.columns() },
            Self::Segment(segment) => {
                SourceReader::Segment { reader: Box::new(segment.row_reader()?), scratch: RowScratch::default() }
            }
        })
    }
}

/// Reads whole rows of a source.
pub enum SourceReader<'s> {
    Tail { batch: &'s TailBatch, columns: &'s Columns },
    Segment { reader: Box<RowReader<'s>>, scratch: RowScratch },
    Newest { segment: &'s Segment, newest: Arc<NewestRows> },
}

/// Pages that a reader may hold before it lets go of them; at about 8 KiB each.
const PAGES_HELD_MAX: usize = 4_096;

impl SourceReader<'_> {
    /// Gets ready to give these rows' texts in these columns.
    pub fn prepare(&mut self, rows: &[u32], columns: &[Column]) -> Result<(), QueryError> {
        if let Self::Segment { reader, .. } = self {
            if reader.pages_held() > PAGES_HELD_MAX {
                reader.forget_pages();
            }
            reader.prepare(rows, columns)?;
        }
        Ok(())
    }

    /// A row: its sequence number, when it was recorded, and its texts.
    pub fn row(&mut self, row: u32) -> (u64, Micros, RowView<'_>) {
        match self {
            Self::Tail { batch, columns } => {
                let index = row as usize;
                (batch.rows.first_seq + u64::from(row), columns.recorded[index], batch.rows.rows.row(index))
            }
            Self::Segment { reader, scratch } => reader.row(row, scratch),
            Self::Newest { segment, newest } => {
                let (recorded_at, view) = newest.row(row).unwrap_or((0, RowView::EMPTY));
                (segment.summary().first_seq + u64::from(row), recorded_at, view)
            }
        }
    }

    /// Whether a row whose columns are prepared is sought.
    pub fn matches(&mut self, row: u32, sought: Sought<'_>, organization: &[u8; 16]) -> bool {
        if let Self::Tail { batch, .. } = self
            && !may_match(sought.filter, &batch.rows.rows.row(row as usize))
        {
            return false;
        }
        let (seq, recorded_at, view) = self.row(row);
        sought.matches(&view, &Place { organization, seq, recorded_at })
    }

    /// Appends a prepared row as the API shows it, with which of the holds hold it.
    pub fn push_json(&mut self, row: u32, snapshot: &Snapshot, holds: &[NamedHold], out: &mut Vec<u8>) {
        let (seq, recorded_at, view) = self.row(row);
        let organization = &snapshot.organization;
        let (slug, opaque_id) = (&*organization.slug, &organization.id.0);
        push_event_with_sender(out, &Placed { slug, opaque_id, seq, recorded_at }, &view);
        push_held_by(out, holds, &view, &Place { organization: opaque_id, seq, recorded_at });
    }
}
