//! What a query works on: an organization's log as it stood at one moment.

use std::sync::{Arc, OnceLock};

use actarium_core::row::Micros;

use crate::committed::CommittedRows;
use crate::organization::Organization;
use crate::segment::{Columns, Segment};

/// Unsealed rows that lie together in memory.
pub struct TailBatch {
    /// The rows.
    pub rows: CommittedRows,
    columns: OnceLock<Columns>,
}

impl TailBatch {
    /// A batch of these rows.
    pub fn new(rows: CommittedRows) -> Self {
        Self { rows, columns: OnceLock::new() }
    }

    /// The rows as columns, made on first use and kept as long as the batch is.
    pub fn columns(&self) -> &Columns {
        self.columns.get_or_init(|| Columns::from_rows([&self.rows]))
    }

    /// Adds rows that follow.
    pub(super) fn append(&mut self, rows: &CommittedRows) {
        self.rows.append(rows);
        self.columns = OnceLock::new();
    }
}

/// An organization's log at one moment: exactly the events of `[0, size)` that were not purged, first in segments, then in
/// the tail, each once and in order. It does not change, and keeps alive what it refers to.
#[derive(Clone)]
pub struct Snapshot {
    /// The organization.
    pub organization: Arc<Organization>,
    /// Number of events.
    pub size: u64,
    /// Root of the tree at that size.
    pub root: [u8; 32],
    /// When the last event was recorded; the organization's creation, before there is one.
    pub head_recorded_at: Micros,
    /// The segments, ascending and without gaps but for events that were purged.
    pub segments: Arc<[Arc<Segment>]>,
    /// The unsealed rows that follow, ascending and without gaps.
    pub tail: Vec<Arc<TailBatch>>,
}

/// Why a log cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such organization.
    #[error("there is no such organization")]
    UnknownOrganization,
    /// Something below failed; trying again may help.
    #[error("the log cannot be read at present: {detail}")]
    Unavailable {
        /// What failed.
        detail: String,
    },
    /// What is stored is damaged or missing; an operator has to look.
    #[error("the log of organization {organization} is damaged: {detail}")]
    Damaged {
        /// The slug.
        organization: String,
        /// What is wrong and where.
        detail: String,
    },
}
