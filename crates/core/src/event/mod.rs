//! From the JSON of a sender to stored rows: reading, validating, and the canonical texts of the columns.
//!
//! The only way into the log. What is refused is refused with the place and the rule; nothing is dropped, rounded or
//! repaired. This must not look at a clock or at the log: the time and the sender are passed in.

pub mod kinds;
pub mod refusal;

pub use kinds::{ActorType, Outcome, UnknownKind};
pub use refusal::{Excess, Refusal, Violation};

use crate::limits::{BATCH_EVENTS_MAX, EVENT_BYTES_MAX};
use crate::row::{EncodedRows, Micros};

/// The source of the records that Actarium makes itself; nobody else may have it.
pub const OWN_SOURCE: &str = "actarium";

/// Prefixes of the actions that only Actarium's own records may have.
pub const RESERVED_ACTIONS: [&str; 6] = ["audit_log.", "record.", "retention.", "legal_hold.", "service.", "ingestion."];

/// What is known about events besides their JSON.
#[derive(Clone, Copy)]
pub struct Intake<'a> {
    /// Which way they came: `api`, the adapter's name, or [`OWN_SOURCE`]. Hashed with each event.
    pub source: &'a str,
    /// The credential or adapter that sends them: the scope of `external_id`. Not hashed.
    pub sender: &'a str,
    /// The time of the server.
    pub now: Micros,
    /// The environment that the credential stands for: added as a target where there is none of that type; a target
    /// of another environment is refused.
    pub environment: Option<&'a str>,
    /// Whether these are Actarium's own records, which may have reserved actions.
    pub own: bool,
    /// Says for an action whether it is in the catalog, if the organization takes no others.
    pub strict_catalog: Option<&'a dyn Fn(&str) -> bool>,
}

impl<'a> Intake<'a> {
    /// Events of a client or adapter, without a stamped environment or a strict catalog.
    pub fn new(source: &'a str, sender: &'a str, now: Micros) -> Self {
        Self { source, sender, now, environment: None, own: false, strict_catalog: None }
    }

    /// Actarium's own records.
    pub fn own(now: Micros) -> Self {
        Self { own: true, ..Self::new(OWN_SOURCE, OWN_SOURCE, now) }
    }
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// One event as a JSON object, or a JSON array of events.
    Json,
    /// One event per line; blank lines mean nothing.
    Ndjson,
}

/// Bounds of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most events.
    pub events_max: usize,
    /// Most bytes of one event in its stored encoding; never more than [`EVENT_BYTES_MAX`].
    pub event_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events_max: BATCH_EVENTS_MAX, event_bytes_max: EVENT_BYTES_MAX }
    }
}

/// Reads the events of a body, in their order.
///
/// # Errors
/// [`Refusal`]: all of them are taken, or none. All violations of all events are told, up to a bound.
pub fn decode(body: &[u8], form: BodyForm, intake: &Intake<'_>, limits: &Limits) -> Result<EncodedRows, Refusal> {
    let _ = (body, form, intake, limits);
    panic!("being written")
}

/// Takes one event that is already a JSON value, or an array of them: for adapters and for Actarium's own records.
/// (Duplicate keys and spellings of numbers are no longer seen in a value; whoever parsed it answers for them.)
///
/// # Errors
/// As [`decode`].
pub fn encode_value(value: &serde_json::Value, intake: &Intake<'_>) -> Result<EncodedRows, Refusal> {
    let _ = (value, intake);
    panic!("being written")
}
