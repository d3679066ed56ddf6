//! Finding events: searches, counts and scans over an organization's log as it stood at one moment.
//!
//! Everything works on a [`Snapshot`](actarium_store::Snapshot): the segments and the tail answer as one. A filter is
//! compiled per source into a [`plan`] that says yes, no or perhaps of a row without reading texts; "perhaps" is settled
//! by the reference evaluation on the row itself.
//!
//! Every query takes the [`Scope`](actarium_core::filter::Scope) of the one who asks and answers as if the log held
//! nothing else: pages, counts, names of facets, exports, single events. What an answer tells of the whole log is its
//! size and root, as proofs need them. Nothing here knows HTTP, or how a caller comes by a scope.

mod cursor;
mod export;
mod facets;
mod glance;
mod held;
mod histogram;
mod plan;
mod scoped;
mod search;
mod select;
mod sought;
mod source;
mod stop;
mod walk;

use actarium_core::row::Micros;
use serde::Serialize;

pub use cursor::{Cursor, CursorError, CursorKey};
pub use export::{ExportRow, export};
pub use facets::{FACET_VALUES_MAX, FacetField, FacetRequest, FacetValue, Facets, facets};
pub use held::NamedHold;
pub use histogram::{BUCKETS_MAX, Bucket, Histogram, HistogramRequest, Interval, count, histogram};
pub use search::{PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, Search, TailLimits, TailPage, get, read_from, search};
pub use stop::Stop;

/// A half-open range of `occurred_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First microsecond in it.
    pub from: Micros,
    /// First microsecond behind it.
    pub to: Micros,
}

impl TimeRange {
    /// All times.
    pub const ALL: TimeRange = TimeRange { from: Micros::MIN, to: Micros::MAX };
}

/// In which order events are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest `occurred_at` first, the higher `seq` first among equals.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// The state of the log that an answer speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AsOf {
    /// Number of events in the log.
    pub size: u64,
    /// Root of its tree, in base64.
    pub root: String,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The caller went away.
    #[error("the query was given up")]
    Cancelled,
    /// It took longer than it may.
    #[error("the query took longer than it may; ask for a shorter time range or add criteria")]
    TooSlow,
    /// It would need more memory than it may.
    #[error("the query would need too much memory: {0}")]
    TooLarge(String),
    /// A cursor that is not of this search.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A segment is missing or damaged.
    #[error(transparent)]
    Segment(#[from] actarium_store::segment::SegmentError),
    /// The request asks for something impossible.
    #[error("{0}")]
    Request(String),
}

pub(crate) fn as_of(size: u64, root: &[u8; 32]) -> AsOf {
    use base64::Engine as _;
    AsOf { size, root: base64::engine::general_purpose::STANDARD.encode(root) }
}
