//! The JSON of an event as the API shows it (being written).

use crate::id::EventId;
use crate::row::{Micros, RowView};

/// What an event's JSON needs besides its row.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The organization's slug.
    pub slug: &'a str,
    /// The organization's opaque id.
    pub opaque_id: &'a [u8; 16],
    /// Position in the organization's log.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
}

impl Placed<'_> {
    /// The event's id.
    pub fn id(&self) -> EventId {
        EventId::new(self.opaque_id, self.seq, self.recorded_at)
    }
}

/// Appends the event as one JSON object.
pub fn push_event(out: &mut Vec<u8>, placed: &Placed<'_>, row: &RowView<'_>) {
    let _ = (out, placed, row);
    panic!("being written")
}
