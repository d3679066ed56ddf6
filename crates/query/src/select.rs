//! The first N rows over all sources, in an order by time.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use actarium_core::filter::Place;
use actarium_core::row::Micros;
use actarium_store::Snapshot;
use actarium_store::segment::NewestRows;

use crate::sought::Sought;
use crate::source::Source;
use crate::walk::{Walk, WalkOrder};
use crate::{Order, QueryError, Stop, TimeRange};

/// A row that was chosen: its key, the source it is in, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chosen {
    pub occurred: Micros,
    pub seq: u64,
    pub source: usize,
    pub row: u32,
}

/// What to choose.
pub struct Selection<'a> {
    pub sought: Sought<'a>,
    pub range: TimeRange,
    pub order: Order,
    /// Rows with a sequence number from here on are not visible.
    pub size: u64,
    /// Only rows behind this key, in the order.
    pub after: Option<(Micros, u64)>,
    pub limit: usize,
}

/// Sorts first what is wanted first, whatever the order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(Micros, i64);

impl Rank {
    fn of(order: Order, occurred: Micros, seq: u64) -> Self {
        match order {
            Order::Ascending => Self(occurred, seq as i64),
            // Times are far from the ends of the range, so the complement does not overflow and keeps the order.
            Order::Descending => Self(!occurred, !(seq as i64)),
        }
    }
}

/// Chooses the first rows in the order.
pub fn select(snapshot: &Snapshot, selection: &Selection<'_>, stop: &Stop) -> Result<Vec<Chosen>, QueryError> {
    let order = selection.order;
    let range = narrowed(selection);
    let mut sources: Vec<(usize, Source<'_>)> = Source::all(snapshot).enumerate().collect();
    // The sources that reach furthest into the wanted end first: the sooner the page is full, the more are left out.
    sources.sort_by_key(|(_, source)| match (order, source.occurred_bounds()) {
        (Order::Descending, (_, latest)) => Rank::of(order, latest, 0),
        (Order::Ascending, (earliest, _)) => Rank::of(order, earliest, 0),
    });
    let after = selection.after.map(|(occurred, seq)| Rank::of(order, occurred, seq));
    let organization = snapshot.organization.id.0;
    let mut page = Page { chosen: BinaryHeap::with_capacity(selection.limit + 1), limit: selection.limit, after };
    for (index, source) in &sources {
        let (earliest, latest) = source.occurred_bounds();
        if page.is_full() {
            let best = Rank::of(order, if order == Order::Descending { latest } else { earliest }, 0).0;
            if page.chosen.peek().is_some_and(|(worst, ..)| best > worst.0) {
                break;
            }
        }
        if latest < range.from || earliest >= range.to {
            continue;
        }
        let first_seq = source.first_seq();
        if order == Order::Descending
            && let Some(newest) = source.newest()?
            && let Some(found) = page.found_among(&newest, source, selection, range, organization)
        {
            for (rank, row) in found {
                if page.offer(rank, *index, row).is_break() {
                    break;
                }
            }
            continue;
        }
        let rows = source.rows_below(selection.size);
        let Some(mut walk) = Walk::open(source, rows, selection.sought, range, organization)? else { continue };
        let wanted = selection.limit;
        walk.each(range, WalkOrder::Time(order), wanted, stop, &mut |_, times, found| {
            for &row in found {
                let rank = Rank::of(order, times.occurred()[row as usize], first_seq + u64::from(row));
                if page.offer(rank, *index, row).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let chosen = page.chosen;
    let restore = |value: i64| if order == Order::Descending { !value } else { value };
    let ranked = chosen.into_sorted_vec().into_iter();
    Ok(ranked
        .map(|(rank, source, row)| Chosen { occurred: restore(rank.0), seq: restore(rank.1) as u64, source, row })
        .collect())
}

/// The page as it fills.
struct Page {
    chosen: BinaryHeap<(Rank, usize, u32)>,
    limit: usize,
    /// Only what ranks behind it is wanted.
    after: Option<Rank>,
}

impl Page {
    fn is_full(&self) -> bool {
        self.chosen.len() == self.limit
    }

    /// Puts a row on the page if it belongs there. The rows of a source come in the order of their ranks: the first that
    /// is not wanted ends the source.
    fn offer(&mut self, rank: Rank, source: usize, row: u32) -> ControlFlow<()> {
        if self.after.is_some_and(|after| rank <= after) {
            return ControlFlow::Continue(());
        }
        if self.is_full() {
            if self.chosen.peek().is_none_or(|(worst, ..)| rank >= *worst) {
                return ControlFlow::Break(());
            }
            self.chosen.pop();
        }
        self.chosen.push((rank, source, row));
        ControlFlow::Continue(())
    }

    /// What is sought among the newest rows of a segment, if no other row of it can come onto the page.
    fn found_among(
        &self,
        newest: &NewestRows,
        source: &Source<'_>,
        selection: &Selection<'_>,
        range: TimeRange,
        organization: [u8; 16],
    ) -> Option<Vec<(Rank, u32)>> {
        let mut found = Vec::new();
        let mut last = None;
        for (row, recorded_at, view) in newest.newest_first() {
            let (seq, occurred) = (source.first_seq() + u64::from(row), view.occurred_at.unwrap_or(recorded_at));
            let rank = Rank::of(Order::Descending, occurred, seq);
            last = Some((occurred, rank));
            let in_range = (range.from..range.to).contains(&occurred) && seq < selection.size;
            if !in_range || self.after.is_some_and(|after| rank <= after) {
                continue;
            }
            if selection.sought.matches(&view, &Place { organization: &organization, seq, recorded_at }) {
                found.push((rank, row));
            }
        }
        // All other rows rank behind the last of these.
        let (occurred, last) = last?;
        let before_the_others = found.len() + self.chosen.iter().filter(|(rank, ..)| *rank <= last).count();
        let complete = newest.len() == source.rows() || occurred < range.from || before_the_others >= self.limit;
        complete.then_some(found)
    }
}

/// The range, cut to what lies behind the last row given.
fn narrowed(selection: &Selection<'_>) -> TimeRange {
    let mut range = selection.range;
    match (selection.after, selection.order) {
        (Some((last, _)), Order::Descending) => range.to = range.to.min(last.saturating_add(1)),
        (Some((last, _)), Order::Ascending) => range.from = range.from.max(last),
        (None, _) => {}
    }
    range
}
