//! A segment: a run of an organization's log as one immutable Parquet file with our look-up index inside it.
//! (The signatures below are the boundary that the engine works with; being implemented.)

use std::ops::Range;
use std::path::Path;

use actarium_core::row::{Micros, RowView};

use crate::committed::CommittedRows;

/// What the manifest keeps of a segment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SegmentSummary {
    /// Sequence number of the first row.
    pub first_seq: u64,
    /// Number of rows.
    pub rows: u64,
    /// Earliest and latest `recorded_at`.
    pub recorded: (Micros, Micros),
    /// Earliest and latest `occurred_at`.
    pub occurred: (Micros, Micros),
    /// Size of the file in bytes.
    pub bytes: u64,
}
