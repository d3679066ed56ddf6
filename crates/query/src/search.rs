//! Searching: pages in an order by time, single events, and reading on in the order of the log.

use std::ops::ControlFlow;

use actarium_core::filter::{Filter, Scope};
use actarium_core::row::Column;
use actarium_store::Snapshot;

use crate::cursor::{Cursor, CursorError, CursorKey, search_digest};
use crate::held::NamedHold;
use crate::select::{Chosen, Selection, select};
use crate::sought::Sought;
use crate::source::Source;
use crate::walk::Walk;
use crate::{AsOf, Order, QueryError, Stop, TimeRange, as_of};

/// Most events on a page.
pub const PAGE_EVENTS_MAX: usize = 1_000;
/// Bytes of a page after which it ends, however few events it holds: as much is in memory until its reader has taken it.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A search for one page of events.
#[derive(Clone, Debug)]
pub struct Search {
    /// When the events happened. With a cursor, the cursor's range counts.
    pub range: TimeRange,
    /// Which events.
    pub filter: Filter,
    /// Newest or oldest first.
    pub order: Order,
    /// Events on a page, 1 to [`PAGE_EVENTS_MAX`].
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// What the next page's cursor is authenticated with.
    pub cursor_key: CursorKey,
    /// The legal holds that are told of the events: those that the caller may know of.
    pub holds: Vec<NamedHold>,
}

/// One page of events.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events as JSON objects, separated by commas.
    pub events_json: Vec<u8>,
    /// How many.
    pub count: usize,
    /// The next page's cursor; `None` on the last page.
    pub next_cursor: Option<String>,
    /// The state of the log that the page speaks of.
    pub as_of: AsOf,
}

/// Finds one page of events among those that the scope sees. A cursor holds a place and not a scope: whoever goes on from
/// it sees what their own scope does.
///
/// # Errors
/// If the cursor is not of this search, the query is stopped, or a segment cannot be read.
pub fn search(snapshot: &Snapshot, scope: &Scope, search: &Search, stop: &Stop) -> Result<Page, QueryError> {
    let digest = search_digest(&snapshot.organization.id.0, &search.filter.to_string());
    let (size, root, range, after) = match &search.cursor {
        None => (snapshot.size, snapshot.root, search.range, None),
        Some(cursor) if cursor.search != digest || cursor.order != search.order => {
            return Err(CursorError::OtherSearch.into());
        }
        Some(cursor) if cursor.size > snapshot.size => return Err(CursorError::Ahead(cursor.size).into()),
        Some(cursor) => (cursor.size, cursor.root, cursor.range, Some(cursor.last)),
    };
    let limit = search.limit.clamp(1, PAGE_EVENTS_MAX);
    // One more than the page holds tells whether there is a next page.
    let sought = Sought { filter: &search.filter, scope };
    let selection = Selection { sought, range, order: search.order, size, after, limit: limit + 1 };
    let mut chosen = select(snapshot, &selection, stop)?;
    let found = chosen.len();
    chosen.truncate(limit);
    let (events_json, count) = render(snapshot, &chosen, &search.holds, stop)?;
    let more = found > count;
    chosen.truncate(count);
    let next_cursor = chosen.last().filter(|_| more).map(|last| {
        let last = (last.occurred, last.seq);
        Cursor { size, root, range, order: search.order, last, search: digest }.to_text(&search.cursor_key)
    });
    Ok(Page { events_json, count, next_cursor, as_of: as_of(size, &root) })
}

/// The chosen rows as JSON in their order, separated by commas, and how many of them fit a page.
fn render(
    snapshot: &Snapshot,
    chosen: &[Chosen],
    holds: &[NamedHold],
    stop: &Stop,
) -> Result<(Vec<u8>, usize), QueryError> {
    let mut readers = Vec::new();
    for (index, source) in Source::all(snapshot).enumerate() {
        let rows: Vec<u32> = chosen.iter().filter(|chosen| chosen.source == index).map(|chosen| chosen.row).collect();
        if rows.is_empty() {
            readers.push(None);
            continue;
        }
        let mut reader = source.reader_of(&rows)?;
        reader.prepare(&rows, &Column::ALL)?;
        readers.push(Some(reader));
    }
    let mut json = Vec::with_capacity(chosen.len() * 768);
    for (index, chosen) in chosen.iter().enumerate() {
        if json.len() >= PAGE_BYTES_MAX {
            return Ok((json, index));
        }
        if index > 0 {
            json.push(b',');
        }
        if !holds.is_empty() {
            // There may be many, and each reads the event.
            stop.check()?;
        }
        if let Some(reader) = &mut readers[chosen.source] {
            reader.push_json(chosen.row, snapshot, holds, &mut json);
        }
    }
    Ok((json, chosen.len()))
}

/// One event as JSON, or nothing if the log is not that long or the scope does not see the event.
///
/// # Errors
/// If a segment cannot be read.
pub fn get(snapshot: &Snapshot, scope: &Scope, seq: u64, holds: &[NamedHold]) -> Result<Option<Vec<u8>>, QueryError> {
    for source in Source::all(snapshot) {
        let Some(row) = seq.checked_sub(source.first_seq()).filter(|row| *row < source.rows() as u64) else { continue };
        let row = row as u32;
        let mut reader = source.reader_of(&[row])?;
        reader.prepare(&[row], &Column::ALL)?;
        if !scope.sees(&reader.row(row).2) {
            return Ok(None);
        }
        let mut json = Vec::new();
        reader.push_json(row, snapshot, holds, &mut json);
        return Ok(Some(json));
    }
    Ok(None)
}

/// Events in the order of the log.
#[derive(Clone, Debug)]
pub struct TailPage {
    /// Each event's sequence number and JSON object.
    pub events: Vec<(u64, Vec<u8>)>,
    /// Pass this as `after` to read on: everything up to it was looked at. -1 before the first event.
    pub next: i64,
    /// The state of the log.
    pub as_of: AsOf,
}

/// How much one page of a tail holds.
#[derive(Clone, Copy, Debug)]
pub struct TailLimits {
    /// Most events.
    pub events: usize,
    /// Bytes of JSON from which on no event is added.
    pub bytes: usize,
}

impl TailLimits {
    /// So many events, within the bytes of a page.
    pub fn events(events: usize) -> Self {
        Self { events, bytes: PAGE_BYTES_MAX }
    }
}

/// Reads events that the scope sees in the order of the log, behind the sequence number `after` (-1: from the start).
///
/// # Errors
/// If the query is stopped or a segment cannot be read.
pub fn read_from(
    snapshot: &Snapshot,
    scope: &Scope,
    after: i64,
    (filter, holds): (&Filter, &[NamedHold]),
    limits: TailLimits,
    stop: &Stop,
) -> Result<TailPage, QueryError> {
    let start = u64::try_from(after.saturating_add(1)).unwrap_or(0);
    let seqs = Seqs { start, limits, snapshot, holds };
    let mut events = Vec::new();
    // A place behind the log's end stays where it is, so that nothing is given twice once the log gets there.
    let mut next = after.max(snapshot.size as i64 - 1);
    for source in Source::all(snapshot) {
        let first_seq = source.first_seq();
        if first_seq + source.rows() as u64 <= start || seqs.is_full(&events) {
            continue;
        }
        stop.check()?;
        seqs.collect(&source, Sought { filter, scope }, stop, &mut events)?;
    }
    if seqs.is_full(&events)
        && let Some((last, _)) = events.last()
    {
        next = *last as i64;
    }
    Ok(TailPage { events, next, as_of: as_of(snapshot.size, &snapshot.root) })
}

struct Seqs<'s> {
    start: u64,
    limits: TailLimits,
    snapshot: &'s Snapshot,
    holds: &'s [NamedHold],
}

impl Seqs<'_> {
    /// Whether no more belongs on the page. Its events were read one after the other, so that all before the last one
    /// were looked at.
    fn is_full(&self, events: &[(u64, Vec<u8>)]) -> bool {
        events.len() >= self.limits.events
            || events.iter().map(|(_, json)| json.len()).sum::<usize>() >= self.limits.bytes
    }

    fn collect(
        &self,
        source: &Source<'_>,
        sought: Sought<'_>,
        stop: &Stop,
        events: &mut Vec<(u64, Vec<u8>)>,
    ) -> Result<(), QueryError> {
        let first_seq = source.first_seq();
        let organization = self.snapshot.organization.id.0;
        let Some(mut walk) = Walk::open(source, source.rows(), sought, TimeRange::ALL, organization)? else {
            return Ok(());
        };
        let skip = self.start.saturating_sub(first_seq) as u32;
        walk.each_from(skip, self.limits.events - events.len(), stop, &mut |reader, _, found| {
            let found = &found[..found.len().min(self.limits.events - events.len())];
            reader.prepare(found, &Column::ALL)?;
            for &row in found {
                let mut json = Vec::with_capacity(768);
                reader.push_json(row, self.snapshot, self.holds, &mut json);
                events.push((first_seq + u64::from(row), json));
                if self.is_full(events) {
                    break;
                }
            }
            Ok(if self.is_full(events) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }
}
