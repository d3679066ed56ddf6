//! Going through the rows of one source that are sought, in a wanted order, reading as little as possible.

use std::ops::{ControlFlow, Range};

use actarium_core::row::Column;

use crate::plan::{Plan, Verdict};
use crate::sought::Sought;
use crate::source::{Source, SourceReader, SourceTimes};
use crate::{Order, QueryError, Stop, TimeRange};

/// Rows settled at once: few at first, so that a page that is soon full reads little, then more.
const CHUNK_ROWS_FIRST: usize = 64;
const CHUNK_ROWS_MAX: usize = 4_096;

/// Rows visited between two looks at whether to go on.
const STOP_EVERY_ROWS: usize = 8_192;

/// What following a posting costs against visiting a row in order.
const NAMED_ROW_COST: usize = 3;

/// In which order a source's rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkOrder {
    /// By time of occurrence, then sequence.
    Time(Order),
    /// By sequence, ascending.
    Sequence,
}

/// What is done with found rows; it may read more of them.
pub type Visitor<'f, 's> =
    dyn FnMut(&mut SourceReader<'s>, &SourceTimes<'s>, &[u32]) -> Result<ControlFlow<()>, QueryError> + 'f;

/// One source, opened for what is sought.
pub struct Walk<'s> {
    pub times: SourceTimes<'s>,
    pub reader: SourceReader<'s>,
    plan: Plan<'s>,
    sought: Sought<'s>,
    /// The columns that decide what is sought.
    columns: Vec<Column>,
    rows: usize,
    organization: [u8; 16],
}

/// The rows to look at, in order.
enum Candidates {
    Positions(Range<usize>),
    Rows(Vec<u32>),
}

impl<'s> Walk<'s> {
    /// Opens a source; `rows` of it are visible. `None` if it holds nothing of what is sought in the range.
    pub fn open(
        source: &Source<'s>,
        rows: usize,
        sought: Sought<'s>,
        range: TimeRange,
        organization: [u8; 16],
    ) -> Result<Option<Self>, QueryError> {
        if rows == 0 {
            return Ok(None);
        }
        let (earliest, latest) = source.occurred_bounds();
        if latest < range.from || earliest >= range.to {
            return Ok(None);
        }
        let plan = Plan::of(sought, source)?;
        if matches!(plan, Plan::Nothing) {
            return Ok(None);
        }
        let (times, reader) = (source.times()?, source.reader()?);
        Ok(Some(Self { times, reader, plan, sought, columns: sought.columns(), rows, organization }))
    }

    /// Calls `f` with the rows found, in order, some at a time, until it breaks. `wanted` is how many will do.
    pub fn each(
        &mut self,
        range: TimeRange,
        order: WalkOrder,
        wanted: usize,
        stop: &Stop,
        f: &mut Visitor<'_, 's>,
    ) -> Result<(), QueryError> {
        let candidates = self.candidates(range, order, wanted);
        self.visit(candidates, order, stop, f)
    }

    /// Calls `f` with the rows found from row `first` on, by sequence, some at a time, until it breaks.
    pub fn each_from(
        &mut self,
        first: u32,
        wanted: usize,
        stop: &Stop,
        f: &mut Visitor<'_, 's>,
    ) -> Result<(), QueryError> {
        let candidates = match self.candidates(TimeRange::ALL, WalkOrder::Sequence, wanted) {
            Candidates::Positions(positions) => Candidates::Positions(first as usize..positions.end),
            Candidates::Rows(mut rows) => {
                rows.retain(|row| *row >= first);
                Candidates::Rows(rows)
            }
        };
        self.visit(candidates, WalkOrder::Sequence, stop, f)
    }

    fn visit(
        &mut self,
        candidates: Candidates,
        order: WalkOrder,
        stop: &Stop,
        f: &mut Visitor<'_, 's>,
    ) -> Result<(), QueryError> {
        let count = match &candidates {
            Candidates::Positions(positions) => positions.len(),
            Candidates::Rows(rows) => rows.len(),
        };
        let backwards = order == WalkOrder::Time(Order::Descending);
        let mut next = 0;
        let mut chunk_rows = CHUNK_ROWS_FIRST;
        let mut found: Vec<u32> = Vec::new();
        let mut unsettled: Vec<u32> = Vec::new();
        while next < count {
            found.clear();
            unsettled.clear();
            stop.check()?;
            let visit_until = (next + STOP_EVERY_ROWS).min(count);
            while next < visit_until && found.len() < chunk_rows {
                let row = match &candidates {
                    Candidates::Rows(rows) => rows[if backwards { count - 1 - next } else { next }],
                    Candidates::Positions(positions) if order == WalkOrder::Sequence => (positions.start + next) as u32,
                    Candidates::Positions(positions) => {
                        let position = if backwards { positions.end - 1 - next } else { positions.start + next };
                        self.times.order().row(position)
                    }
                };
                next += 1;
                if row as usize >= self.rows {
                    continue;
                }
                match self.plan.verdict(row) {
                    Verdict::No => {}
                    Verdict::Yes => found.push(row),
                    Verdict::Perhaps => {
                        found.push(row);
                        unsettled.push(row);
                    }
                }
            }
            if !unsettled.is_empty() {
                self.settle(&mut found, &unsettled)?;
            }
            if !found.is_empty() && f(&mut self.reader, &self.times, &found)?.is_break() {
                return Ok(());
            }
            chunk_rows = (chunk_rows * 2).min(CHUNK_ROWS_MAX);
        }
        Ok(())
    }

    /// Appends the rows found at some positions of the order by time, in that order.
    pub fn at_positions(&mut self, positions: Range<usize>, found: &mut Vec<u32>) -> Result<(), QueryError> {
        let mut unsettled = Vec::new();
        for position in positions {
            let row = self.times.order().row(position);
            let verdict = if (row as usize) < self.rows { self.plan.verdict(row) } else { Verdict::No };
            if verdict != Verdict::No {
                found.push(row);
            }
            if verdict == Verdict::Perhaps {
                unsettled.push(row);
            }
        }
        if unsettled.is_empty() { Ok(()) } else { self.settle(found, &unsettled) }
    }

    /// Takes out of `found` the rows among `unsettled` that are not sought.
    fn settle(&mut self, found: &mut Vec<u32>, unsettled: &[u32]) -> Result<(), QueryError> {
        self.reader.prepare(unsettled, &self.columns)?;
        let mut unsettled = unsettled.iter().copied().peekable();
        let (reader, sought, organization) = (&mut self.reader, self.sought, &self.organization);
        found.retain(|row| unsettled.next_if_eq(row).is_none() || reader.matches(*row, sought, organization));
        Ok(())
    }

    fn candidates(&self, range: TimeRange, order: WalkOrder, wanted: usize) -> Candidates {
        let in_time = if order == WalkOrder::Sequence { 0..self.rows } else { self.times.positions(range) };
        let named = self.plan.named_rows().filter(|named| {
            // In order, rows are visited until enough are found; where few are found, nearly all are.
            let visited = in_time.len().min(wanted.saturating_mul(in_time.len()) / (*named).max(1));
            named * NAMED_ROW_COST < visited
        });
        if named.is_none() {
            return Candidates::Positions(in_time);
        }
        let mut rows = Vec::new();
        self.plan.name_rows(self.rows, &mut rows);
        let occurred = self.times.occurred();
        match order {
            WalkOrder::Sequence => rows.sort_unstable(),
            WalkOrder::Time(_) => {
                rows.retain(|row| (range.from..range.to).contains(&occurred[*row as usize]));
                rows.sort_unstable_by_key(|row| (occurred[*row as usize], *row));
            }
        }
        rows.dedup();
        Candidates::Rows(rows)
    }
}
