//! The JSON of an event as the API shows it, and as its parts prove it: the stored texts put together, with what the server has
//! given.
//!
//! Nothing is parsed or checked again; this is the hot path of searches and exports.

use crate::canonical::PART_NAMES;
use crate::canonical::scan::Scan;
use crate::event::OWN_SOURCE;
use crate::id::EventId;
use crate::json::{push_i64, push_string};
use crate::row::{Column, Micros, RowView};
use crate::time;

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

/// Appends the event as one JSON object, without white space and with absent fields left out: what its parts prove, and no more.
pub fn push_event(out: &mut Vec<u8>, placed: &Placed<'_>, row: &RowView<'_>) {
    push_proved(out, placed, row);
    out.push(b'}');
}

/// Appends the event as [`push_event`] does, with the credential or adapter that sent it. A sender names any actor that it likes; its own
/// credential it cannot choose, and Actarium's own records, which nobody sent, have none.
pub fn push_event_with_sender(out: &mut Vec<u8>, placed: &Placed<'_>, row: &RowView<'_>) {
    push_proved(out, placed, row);
    push_text(out, "sender", row.get(Column::Sender).filter(|_| row.get(Column::Source) != Some(OWN_SOURCE)));
    out.push(b'}');
}

fn push_proved(out: &mut Vec<u8>, placed: &Placed<'_>, row: &RowView<'_>) {
    out.extend_from_slice(b"{\"id\":\"");
    out.extend_from_slice(&placed.id().to_text());
    out.extend_from_slice(b"\",\"seq\":");
    push_i64(out, placed.seq as i64);
    out.extend_from_slice(b",\"organization\":");
    push_string(out, placed.slug);
    out.extend_from_slice(b",\"recorded_at\":\"");
    time::push(out, placed.recorded_at);
    out.extend_from_slice(b"\",\"occurred_at\":\"");
    time::push(out, row.occurred_at.unwrap_or(placed.recorded_at));
    out.push(b'"');
    push_body(out, row);
    push_text(out, "source", row.get(Column::Source));
    push_erased(out, row);
}

/// The names of the parts that were erased.
fn push_erased(out: &mut Vec<u8>, row: &RowView<'_>) {
    if !row.is_erased() {
        return;
    }
    out.extend_from_slice(b",\"erased\":[");
    let start = out.len();
    for (name, _) in PART_NAMES.iter().zip(row.erased).filter(|(_, hash)| hash.is_some()) {
        if out.len() > start {
            out.push(b',');
        }
        push_string(out, name);
    }
    out.push(b']');
}

/// Appends the event as a client would send it again: without what the server gives.
pub fn push_sent(out: &mut Vec<u8>, row: &RowView<'_>) {
    out.push(b'{');
    let start = out.len();
    if let Some(at) = row.occurred_at {
        out.extend_from_slice(b",\"occurred_at\":\"");
        time::push(out, at);
        out.push(b'"');
    }
    push_body(out, row);
    // Every field brings its comma, the first one too.
    out.remove(start);
    out.push(b'}');
}

fn push_body(out: &mut Vec<u8>, row: &RowView<'_>) {
    push_text(out, "action", row.get(Column::Action));
    push_text(out, "outcome", row.get(Column::Outcome));
    push_text(out, "reason", row.get(Column::Reason));
    if let Some(actor) = row.get(Column::Actor) {
        out.extend_from_slice(b",\"actor\":");
        push_actor(out, actor, row.get(Column::SessionId));
    }
    push_json(out, "targets", row.get(Column::Targets));
    push_context(out, row);
    push_json(out, "changes", row.get(Column::Changes));
    push_text(out, "message", row.get(Column::Message));
    push_json(out, "metadata", row.get(Column::Metadata));
    push_text(out, "external_id", row.get(Column::ExternalId));
}

fn push_context(out: &mut Vec<u8>, row: &RowView<'_>) {
    const CONTEXT: [Column; 6] =
        [Column::Ip, Column::UserAgent, Column::RequestId, Column::TraceId, Column::Surface, Column::Http];
    if CONTEXT.iter().all(|column| row.get(*column).is_none()) {
        return;
    }
    out.extend_from_slice(b",\"context\":{");
    let start = out.len();
    for column in &CONTEXT[..5] {
        push_text(out, column.name(), row.get(*column));
    }
    push_json(out, "http", row.get(Column::Http));
    // Every field brings its comma, the first one too.
    out.remove(start);
    out.push(b'}');
}

#[inline]
fn push_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

#[inline]
fn push_text(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        push_name(out, name);
        push_string(out, text);
    }
}

#[inline]
fn push_json(out: &mut Vec<u8>, name: &str, json: Option<&str>) {
    if let Some(json) = json {
        push_name(out, name);
        out.extend_from_slice(json.as_bytes());
    }
}

/// Appends the actor's text with the session of the outermost actor at its place, behind `issuer`.
pub fn push_actor(out: &mut Vec<u8>, actor: &str, session_id: Option<&str>) {
    let Some(session_id) = session_id else {
        return out.extend_from_slice(actor.as_bytes());
    };
    let (head, tail) = actor.split_at(session_offset(actor));
    out.extend_from_slice(head.as_bytes());
    if !head.ends_with('{') {
        out.push(b',');
    }
    out.extend_from_slice(b"\"session_id\":");
    push_string(out, session_id);
    // The tail begins with the comma of its first field, unless that field was the first of all.
    if !tail.starts_with([',', '}']) {
        out.push(b',');
    }
    out.extend_from_slice(tail.as_bytes());
}

/// Where in an actor's text the fields before `session_id` end.
fn session_offset(actor: &str) -> usize {
    let mut scan = Scan::new(actor);
    if !scan.take(b'{') {
        return actor.len();
    }
    let mut end = scan.offset();
    while let Ok(key) = scan.key() {
        if !matches!(key, b"type" | b"id" | b"name" | b"email" | b"issuer") || scan.value().is_err() {
            break;
        }
        end = scan.offset();
        if !scan.take(b',') {
            break;
        }
    }
    end
}
