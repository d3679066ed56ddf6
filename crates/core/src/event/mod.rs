//! From the JSON of a sender to stored rows: reading, validating, and the canonical texts of the columns.
//!
//! The only way into the log. What is refused is refused with the place and the rule; nothing is dropped, rounded or
//! repaired. This must not look at a clock or at the log: the time and the sender are passed in.

mod check;
mod decode;
mod fields;
pub mod kinds;
pub mod refusal;

pub use kinds::{ActorType, Outcome, UnknownKind};
pub use refusal::{Excess, Refusal, Violation};

use crate::json::{self, Json, JsonError, JsonErrorKind, Position};
use crate::limits::{BATCH_EVENTS_MAX, EVENT_BYTES_MAX};
use crate::masking::Masking;
use crate::row::{EncodedRows, Micros};
use decode::Scratch;
use refusal::Violations;

/// The source of the records that Actarium makes itself; nobody else may have it.
pub const OWN_SOURCE: &str = "actarium";

/// Prefixes of the actions that only Actarium's own records may have.
pub const RESERVED_ACTIONS: [&str; 6] =
    ["audit_log.", "record.", "retention.", "legal_hold.", "service.", "ingestion."];

/// Room for encoded rows from the start, at most, in bytes: enough for single events. More is given as it is needed.
const ROWS_BYTES_EXPECTED_MAX: usize = 4 * 1024;

/// Fields of an event that the server gives.
const SERVER_FIELDS: [&str; 6] = ["id", "seq", "organization", "recorded_at", "source", "sender"];

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
    /// Which credentials are masked before the event is stored or hashed.
    pub masking: &'a Masking,
}

/// The keys of Actarium's own records are chosen here; what people typed into them may still hold a credential.
static OWN_MASKING: Masking = Masking::FORMS;

impl<'a> Intake<'a> {
    /// Events of a client or adapter, without a stamped environment or a strict catalog.
    pub fn new(source: &'a str, sender: &'a str, now: Micros) -> Self {
        let masking = Masking::standard();
        Self { source, sender, now, environment: None, own: false, strict_catalog: None, masking }
    }

    /// Actarium's own records.
    pub fn own(now: Micros) -> Self {
        Self { own: true, masking: &OWN_MASKING, ..Self::new(OWN_SOURCE, OWN_SOURCE, now) }
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
    if body.trim_ascii().is_empty() {
        return Err(Refusal::Empty);
    }
    let mut batch = Batch::new(intake, limits);
    batch.rows.reserve(body.len().min(ROWS_BYTES_EXPECTED_MAX));
    match form {
        BodyForm::Json => decode_json(body, &mut batch)?,
        BodyForm::Ndjson => decode_lines(body, &mut batch)?,
    }
    batch.finish()
}

/// Takes one event that is already a JSON value, or an array of them: for adapters and for Actarium's own records.
/// (Duplicate keys and spellings of numbers are no longer seen in a value; whoever parsed it answers for them.)
///
/// # Errors
/// As [`decode`].
pub fn encode_value(value: &serde_json::Value, intake: &Intake<'_>) -> Result<EncodedRows, Refusal> {
    let mut batch = Batch::new(intake, &Limits::default());
    let one = std::slice::from_ref(value);
    for event in value.as_array().map_or(one, Vec::as_slice) {
        match Json::from_value(event) {
            Ok(event) if !batch.take(&event) => break,
            Ok(_) => {}
            Err(error) => batch.refuse_next(error.pointer, error.detail),
        }
    }
    batch.finish()
}

fn decode_json(body: &[u8], batch: &mut Batch<'_>) -> Result<(), Refusal> {
    json::parse_each(body, &mut |event| batch.take(&event)).or_else(|stopped| {
        let (mut error, element) = (stopped.error, stopped.element);
        if error.kind == JsonErrorKind::Rule {
            batch.refuse_json(error);
            return Ok(());
        }
        if let Some(element) = element {
            error.pointer = format!("/{element}{}", error.pointer);
        }
        Err(Refusal::from(error))
    })
}

fn decode_lines(body: &[u8], batch: &mut Batch<'_>) -> Result<(), Refusal> {
    let mut start = 0;
    for (line, text) in Lines(Some(body)).enumerate() {
        if !text.trim_ascii().is_empty() {
            match json::parse(text) {
                Ok(event) if !batch.take(&event) => break,
                Ok(_) => {}
                Err(mut error) => {
                    let Position { column, offset, .. } = error.position;
                    error.position = Position { line: line + 1, column, offset: start + offset };
                    if error.kind == JsonErrorKind::Syntax {
                        return Err(Refusal::from(error));
                    }
                    batch.refuse_json(error);
                }
            }
        }
        start += text.len() + 1;
    }
    Ok(())
}

/// The lines of a body without their line feeds.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let chunk_has_end = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | (*byte == b'\n'));
        // Whole chunks first: a line is long, and asking a chunk at once is a few vector instructions.
        let passed = rest.chunks(64).take_while(|chunk| !chunk_has_end(chunk)).map(<[u8]>::len).sum();
        let Some(end) = rest[passed..].iter().position(|byte| *byte == b'\n') else {
            return self.0.take();
        };
        let (line, after) = rest.split_at(passed + end);
        self.0 = Some(&after[1..]);
        Some(line)
    }
}

/// The events of one request as they come in.
struct Batch<'i> {
    intake: &'i Intake<'i>,
    limits: Limits,
    rows: EncodedRows,
    /// Events seen, taken or refused.
    seen: usize,
    violations: Violations,
    excess: Option<Excess>,
    scratch: Scratch,
}

impl<'i> Batch<'i> {
    fn new(intake: &'i Intake<'i>, limits: &Limits) -> Self {
        assert_eq!(intake.own, intake.source == OWN_SOURCE, "Actarium's own records alone have its source");
        let event_bytes_max = limits.event_bytes_max.min(EVENT_BYTES_MAX);
        Self {
            intake,
            limits: Limits { event_bytes_max, ..*limits },
            rows: EncodedRows::new(),
            seen: 0,
            violations: Violations::default(),
            excess: None,
            scratch: Scratch::new(),
        }
    }

    /// Takes the next event; gives back whether there may be more.
    fn take(&mut self, event: &Json<'_>) -> bool {
        let index = self.seen;
        if index == self.limits.events_max {
            self.excess = Some(Excess::Events { events_max: self.limits.events_max });
            return false;
        }
        self.seen += 1;
        let Self { intake, limits, rows, violations, scratch, .. } = self;
        if let Err(excess) = decode::event(event, index, intake, limits.event_bytes_max, scratch, violations, rows) {
            self.excess.get_or_insert(excess);
        }
        true
    }

    fn refuse_json(&mut self, error: JsonError) {
        let detail = format!("{} ({})", error.detail, error.position);
        self.refuse_next(error.pointer, detail);
    }

    /// Notes that the next event breaks a rule of JSON.
    fn refuse_next(&mut self, pointer: String, detail: String) {
        self.violations.push(Violation { index: self.seen, pointer, detail, allowed: None });
        self.seen += 1;
    }

    fn finish(self) -> Result<EncodedRows, Refusal> {
        if let Some(excess) = self.excess {
            return Err(Refusal::TooLarge(excess));
        }
        if let Some(refusal) = self.violations.into_refusal() {
            return Err(refusal);
        }
        if self.rows.is_empty() { Err(Refusal::Empty) } else { Ok(self.rows) }
    }
}
