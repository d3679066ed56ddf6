//! What is told beside an event and is no part of it: the legal holds that hold it now.

use actarium_core::filter::Place;
use actarium_core::row::RowView;
use actarium_store::Hold;

/// A legal hold and its id, which the events that it holds are shown with.
#[derive(Clone, Debug)]
pub struct NamedHold {
    /// Its id.
    pub id: String,
    /// Which events it holds.
    pub hold: Hold,
}

/// Puts the ids of those that hold an event into its JSON object, just written, as its last field: `held_by`. An event that
/// none holds stays as it is.
pub fn push_held_by(json: &mut Vec<u8>, holds: &[NamedHold], row: &RowView<'_>, place: &Place<'_>) {
    let ids: Vec<&str> = holds.iter().filter(|named| named.hold.holds(row, place)).map(|named| &*named.id).collect();
    if ids.is_empty() {
        return;
    }
    debug_assert_eq!(json.last(), Some(&b'}'));
    json.pop();
    json.extend_from_slice(b",\"held_by\":");
    json.extend_from_slice(serde_json::json!(ids).to_string().as_bytes());
    json.push(b'}');
}
