//! Exports of events alone, as JSON lines or as a table: everything that a search finds, oldest first.

use std::ops::ControlFlow;
use std::sync::Arc;

use actarium_core::filter::Scope;
use actarium_core::render::{Placed, push_event_with_sender};
use actarium_query::{ExportRow, Stop};
use actarium_store::{Organization, Snapshot};

use super::pieces::Pieces;
use crate::csv;
use crate::limits;
use crate::problem::Problem;
use crate::queries::{Criteria, query_problem};

/// What an export of events is made of.
pub struct EventsExport {
    /// Whose log it is.
    pub organization: Arc<Organization>,
    /// What of it the export may have.
    pub scope: Scope,
    /// Which events.
    pub criteria: Criteria,
    /// The log as it stood.
    pub snapshot: Snapshot,
    /// Only events before this position.
    pub end_seq: u64,
    /// Whether it is a table.
    pub as_csv: bool,
}

impl EventsExport {
    /// Writes it, and counts its events in `pieces`. Blocks.
    ///
    /// # Errors
    /// If it is stopped or the log cannot be read.
    pub fn write(&self, pieces: &mut Pieces<'_>, stop: &Stop) -> Result<(), Problem> {
        if self.as_csv {
            csv::push_header(&mut pieces.piece);
        }
        let mut sink = |found: &ExportRow<'_>| self.add(found, pieces);
        let Criteria { range, filter } = &self.criteria;
        actarium_query::export(&self.snapshot, &self.scope, *range, filter, stop, &mut sink).map_err(query_problem)?;
        pieces.send();
        Ok(())
    }

    fn add(&self, found: &ExportRow<'_>, pieces: &mut Pieces<'_>) -> ControlFlow<()> {
        if found.seq >= self.end_seq {
            return ControlFlow::Continue(());
        }
        let placed = Placed {
            slug: &self.organization.slug,
            opaque_id: &self.organization.id.0,
            seq: found.seq,
            recorded_at: found.recorded_at,
        };
        pieces.events += 1;
        pieces.has_of(found.seq, found.recorded_at);
        if self.as_csv {
            csv::push_event(&mut pieces.piece, &placed, &found.row);
        } else {
            push_event_with_sender(&mut pieces.piece, &placed, &found.row);
            pieces.piece.push(b'\n');
        }
        let goes_on = pieces.looked_at(1) && (pieces.piece.len() < limits::STREAM_PIECE_BYTES || pieces.send());
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
