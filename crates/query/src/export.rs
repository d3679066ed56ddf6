//! Everything that a search finds, oldest first, a little at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::{ControlFlow, Range};

use actarium_core::filter::{Filter, Scope};
use actarium_core::row::{Column, Micros, RowView};
use actarium_store::Snapshot;

use crate::sought::Sought;
use crate::source::{Source, SourceReader, SourceTimes};
use crate::walk::Walk;
use crate::{QueryError, Stop, TimeRange};

/// Positions of a source looked at before what was found in them is given on.
const STEP_POSITIONS: usize = 2_048;

/// One event of an export.
pub struct ExportRow<'r> {
    /// Position in the organization's log.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// The stored texts.
    pub row: RowView<'r>,
}

/// Gives every event that the filter finds in a range, and the scope sees, to `sink`, by `(occurred_at, seq)` ascending, and
/// answers how many there were. Memory does not grow with their number.
///
/// # Errors
/// If the query is stopped, or a segment cannot be read.
pub fn export(
    snapshot: &Snapshot,
    scope: &Scope,
    range: TimeRange,
    filter: &Filter,
    stop: &Stop,
    sink: &mut dyn FnMut(&ExportRow<'_>) -> ControlFlow<()>,
) -> Result<u64, QueryError> {
    let sources: Vec<Source<'_>> = Source::all(snapshot).collect();
    let mut streams = Vec::with_capacity(sources.len());
    // A source is opened when its first event may be next, so that a long export holds few of them.
    let mut waiting: BinaryHeap<Reverse<(Micros, usize)>> = BinaryHeap::new();
    for (index, source) in sources.iter().enumerate() {
        let (earliest, latest) = source.occurred_bounds();
        if latest >= range.from && earliest < range.to {
            waiting.push(Reverse((earliest.max(range.from), index)));
        }
        streams.push(None);
    }
    let mut next: BinaryHeap<Reverse<(Micros, u64, usize)>> = BinaryHeap::new();
    let mut count = 0;
    loop {
        while let Some(Reverse((earliest, index))) = waiting.peek().copied() {
            if next.peek().is_some_and(|Reverse((at, ..))| *at < earliest) {
                break;
            }
            waiting.pop();
            let source = &sources[index];
            let walk = Walk::open(source, source.rows(), Sought { filter, scope }, range, snapshot.organization.id.0)?;
            if let Some(walk) = walk {
                let mut stream = Stream::new(walk, source.first_seq(), range);
                if let Some((at, seq)) = stream.peek(stop)? {
                    next.push(Reverse((at, seq, index)));
                    streams[index] = Some(stream);
                }
            }
        }
        let Some(Reverse((.., index))) = next.pop() else { return Ok(count) };
        // Where one source holds all of the next events, they are given without going through the heap each time.
        let limit = next.peek().map(|Reverse((at, seq, _))| (*at, *seq));
        let limit = match waiting.peek() {
            Some(Reverse((earliest, _))) => Some(limit.map_or((*earliest, 0), |limit| limit.min((*earliest, 0)))),
            None => limit,
        };
        let Some(stream) = &mut streams[index] else { continue };
        loop {
            let Some(key) = stream.peek(stop)? else {
                streams[index] = None;
                break;
            };
            if limit.is_some_and(|limit| key > limit) {
                next.push(Reverse((key.0, key.1, index)));
                break;
            }
            count += 1;
            if stream.give(sink).is_break() {
                return Ok(count);
            }
        }
    }
}

/// The found rows of one source in order.
struct Stream<'s> {
    walk: Walk<'s>,
    first_seq: u64,
    positions: Range<usize>,
    found: VecDeque<u32>,
}

impl<'s> Stream<'s> {
    fn new(walk: Walk<'s>, first_seq: u64, range: TimeRange) -> Self {
        let positions = walk.times.positions(range);
        Self { walk, first_seq, positions, found: VecDeque::new() }
    }

    /// The key of the next row.
    fn peek(&mut self, stop: &Stop) -> Result<Option<(Micros, u64)>, QueryError> {
        while self.found.is_empty() && !self.positions.is_empty() {
            stop.check()?;
            let step = self.positions.start..(self.positions.start + STEP_POSITIONS).min(self.positions.end);
            self.positions.start = step.end;
            let mut found = Vec::new();
            self.walk.at_positions(step, &mut found)?;
            self.walk.reader.prepare(&found, &Column::ALL)?;
            self.found = found.into();
        }
        let times: &SourceTimes<'s> = &self.walk.times;
        Ok(self.found.front().map(|&row| (times.occurred()[row as usize], self.first_seq + u64::from(row))))
    }

    fn give(&mut self, sink: &mut dyn FnMut(&ExportRow<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let Some(row) = self.found.pop_front() else { return ControlFlow::Continue(()) };
        let reader: &mut SourceReader<'s> = &mut self.walk.reader;
        let (seq, recorded_at, row) = reader.row(row);
        sink(&ExportRow { seq, recorded_at, row })
    }
}
