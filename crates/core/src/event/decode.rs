//! One event: which fields it has, which rule holds for each, and the row that comes of it.
//!
//! Bodies and batches are taken apart in `event`; the structured fields are read in `fields`.

use super::check::{Checker, Place};
use super::kinds::Outcome;
use super::refusal::{Excess, Violations};
use super::{Intake, RESERVED_ACTIONS, fields};
use crate::json::Json;
use crate::limits::*;
use crate::row::{Column, EncodedRows, Micros, RowView};
use crate::time;

/// Fields that a client may send, in the order in which they are shown.
const EVENT_FIELDS: [&str; 11] = [
    "occurred_at",
    "action",
    "outcome",
    "reason",
    "actor",
    "targets",
    "context",
    "changes",
    "message",
    "metadata",
    "external_id",
];
/// Fields of `context`.
const CONTEXT_FIELDS: [&str; 6] = ["ip", "user_agent", "request_id", "trace_id", "surface", "http"];

/// Buffers for the texts of structured fields, kept from event to event.
pub(super) struct Scratch {
    actor: Vec<u8>,
    targets: Vec<u8>,
    http: Vec<u8>,
    changes: Vec<u8>,
    metadata: Vec<u8>,
}

impl Scratch {
    /// Room for texts as they usually are.
    pub(super) fn new() -> Self {
        let room = |bytes| Vec::with_capacity(bytes);
        Self { actor: room(256), targets: room(256), http: Vec::new(), changes: room(128), metadata: room(256) }
    }
}

/// Checks the event and, while nothing has been refused so far, adds its row.
///
/// # Errors
/// If the row would be larger than `bytes_max`; what breaks a rule goes to `violations` instead.
pub(super) fn event(
    value: &Json<'_>,
    index: usize,
    intake: &Intake<'_>,
    bytes_max: usize,
    scratch: &mut Scratch,
    violations: &mut Violations,
    rows: &mut EncodedRows,
) -> Result<(), Excess> {
    let mut check = Checker { index, violations, masking: intake.masking };
    let place = Place::EVENT;
    let Json::Object(event) = value else {
        check.refuse_kind(&place, value, "an event as a JSON object");
        return Ok(());
    };
    let [occurred_at, action, outcome, reason, actor, targets, context, changes, message, metadata, external_id] =
        check.pick(event, &EVENT_FIELDS, &place);
    let reason = check.masked_text(reason, &place.key("reason"), REASON_CHARS_MAX);
    let message = check.masked_text(message, &place.key("message"), MESSAGE_CHARS_MAX);
    let mut row = RowView::EMPTY;
    let mut set = |column: Column, text| row.texts[column as usize] = text;
    set(Column::Source, Some(intake.source));
    set(Column::Sender, Some(intake.sender));
    set(Column::Action, self::action(&mut check, action, &place.key("action"), intake));
    set(Column::Outcome, self::outcome(&mut check, outcome, &place.key("outcome")));
    set(Column::Reason, reason.as_deref());
    set(Column::Message, message.as_deref());
    set(Column::ExternalId, check.text(external_id, &place.key("external_id"), 1..=EXTERNAL_ID_CHARS_MAX));
    let occurred_at = self::occurred_at(&mut check, occurred_at, &place.key("occurred_at"), intake.now);

    let Scratch { actor: actor_text, targets: targets_text, http, changes: changes_text, metadata: metadata_text } =
        scratch;
    for buffer in [&mut *actor_text, targets_text, http, changes_text, metadata_text] {
        buffer.clear();
    }
    set(Column::SessionId, fields::actor(&mut check, actor, &place.key("actor"), actor_text));
    fields::targets(&mut check, targets, &place.key("targets"), intake.environment, targets_text);
    let has_changes = fields::changes(&mut check, changes, &place.key("changes"), changes_text);
    let has_metadata = fields::metadata(&mut check, metadata, &place.key("metadata"), metadata_text);
    let mut has_http = false;
    if let Some(context) = context.filter(|context| !matches!(context, Json::Null)) {
        let place = place.key("context");
        if let Some(fields) = check.object(context, &place) {
            let [ip, user_agent, request_id, trace_id, surface, http_value] =
                check.pick(fields, &CONTEXT_FIELDS, &place);
            set(Column::Ip, fields::ip(&mut check, ip, &place.key("ip")));
            set(Column::UserAgent, check.text(user_agent, &place.key("user_agent"), 0..=USER_AGENT_CHARS_MAX));
            set(Column::RequestId, check.text(request_id, &place.key("request_id"), 0..=REQUEST_ID_CHARS_MAX));
            set(Column::TraceId, check.text(trace_id, &place.key("trace_id"), 0..=TRACE_ID_CHARS_MAX));
            set(Column::Surface, check.text(surface, &place.key("surface"), 0..=SURFACE_CHARS_MAX));
            has_http = fields::http(&mut check, http_value, &place.key("http"), http);
        }
    }
    if !check.violations.is_empty() {
        return Ok(());
    }
    row.occurred_at = occurred_at;
    row.texts[Column::Actor as usize] = Some(as_text(actor_text));
    row.texts[Column::Targets as usize] = Some(as_text(targets_text));
    row.texts[Column::Http as usize] = has_http.then(|| as_text(http));
    row.texts[Column::Changes as usize] = has_changes.then(|| as_text(changes_text));
    row.texts[Column::Metadata as usize] = has_metadata.then(|| as_text(metadata_text));
    let before = rows.byte_len();
    rows.push(&row);
    let bytes = rows.byte_len() - before;
    if bytes > bytes_max { Err(Excess::EventBytes { index, bytes, bytes_max }) } else { Ok(()) }
}

fn as_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("made of whole strings")
}

fn action<'j>(
    check: &mut Checker<'_>,
    value: Option<&'j Json<'_>>,
    place: &Place<'_>,
    intake: &Intake<'_>,
) -> Option<&'j str> {
    let action = check.required_text(value, place, 1..=ACTION_CHARS_MAX)?;
    if !is_action(action) {
        let allowed = "resource.verb in lower case: words of a-z 0-9 _ that begin with a letter, joined by dots";
        check.refuse(place, format!("is {}", fields::quoted(action)), allowed);
    } else if !intake.own && RESERVED_ACTIONS.iter().any(|prefix| action.starts_with(prefix)) {
        let detail = format!("is {action}, which only Actarium itself records");
        check.refuse(place, detail, format!("any action that does not begin with {}", RESERVED_ACTIONS.join(" ")));
    } else if intake.strict_catalog.is_some_and(|is_known| !is_known(action)) {
        let detail = format!("is {action}, which is not in the catalog, and the organization takes no others");
        check.refuse(place, detail, "actions of the organization's catalog");
    }
    Some(action)
}

/// `[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+`
fn is_action(action: &str) -> bool {
    let mut words = 0;
    action.split('.').all(|word| {
        words += 1;
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }) && words > 1
}

fn outcome(check: &mut Checker<'_>, value: Option<&Json<'_>>, place: &Place<'_>) -> Option<&'static str> {
    if matches!(value, None | Some(Json::Null)) {
        return Some(Outcome::Success.as_str());
    }
    fields::closed_text(check, value, place, Outcome::ALLOWED, |text| Outcome::from_text(text).map(Outcome::as_str))
}

fn occurred_at(check: &mut Checker<'_>, value: Option<&Json<'_>>, place: &Place<'_>, now: Micros) -> Option<Micros> {
    const ALLOWED: &str = "an RFC 3339 time with offset as a string, for example 2026-01-31T23:59:59.123456Z";
    let text = match value {
        None | Some(Json::Null) => return None,
        Some(Json::Str(text)) => text,
        Some(other) => {
            check.refuse_kind(place, other, ALLOWED);
            return None;
        }
    };
    match time::parse(text) {
        Ok(at) if at.saturating_sub(now) > OCCURRED_AHEAD_MICROS_MAX => {
            let detail = format!("is {}, but the server's clock shows {}", time::to_text(at), time::to_text(now));
            check.refuse(place, detail, "at most 5 minutes ahead of the server");
            None
        }
        Ok(at) => Some(at),
        Err(error) => {
            check.refuse(place, format!("is {}: {error}", fields::quoted(text)), ALLOWED);
            None
        }
    }
}
