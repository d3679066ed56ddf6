//! The first N rows over all sources, in an order by time.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use actarium_core::filter::Filter;
use actarium_core::row::Micros;
use actarium_store::Snapshot;

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
    pub filter: &'a Filter,
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
    let mut chosen: BinaryHeap<(Rank, usize, u32)> = BinaryHeap::with_capacity(selection.limit + 1);
    for (index, source) in &sources {
        if chosen.len() == selection.limit {
            let (earliest, latest) = source.occurred_bounds();
            let best = Rank::of(order, if order == Order::Descending { latest } else { earliest }, 0).0;
            if chosen.peek().is_some_and(|(worst, ..)| best > worst.0) {
                break;
            }
        }
        let rows = source.rows_below(selection.size);
        let organization = snapshot.organization.id.0;
        let Some(mut walk) = Walk::open(source, rows, selection.filter, range, organization)? else { continue };
        let first_seq = source.first_seq();
        let wanted = selection.limit;
        walk.each(range, WalkOrder::Time(order), wanted, stop, &mut |_, times, found| {
            for &row in found {
                let rank = Rank::of(order, times.occurred()[row as usize], first_seq + u64::from(row));
                if after.is_some_and(|after| rank <= after) {
                    continue;
                }
                if chosen.len() == selection.limit {
                    // Rows come in the order of their ranks: the first that is not wanted ends the source.
                    if chosen.peek().is_none_or(|(worst, ..)| rank >= *worst) {
                        return Ok(ControlFlow::Break(()));
                    }
                    chosen.pop();
                }
                chosen.push((rank, *index, row));
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let restore = |value: i64| if order == Order::Descending { !value } else { value };
    let ranked = chosen.into_sorted_vec().into_iter();
    Ok(ranked
        .map(|(rank, source, row)| Chosen { occurred: restore(rank.0), seq: restore(rank.1) as u64, source, row })
        .collect())
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
