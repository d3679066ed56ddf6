//! What is left of the detail of a redacted event once its secrets are masked, as new events that point to it. The detail
//! itself goes whole: its hash and its salt are one.

use actarium_core::event::{Intake, encode_value};
use actarium_core::limits::TARGETS_MAX;
use actarium_core::masking::Masking;
use actarium_core::row::{EncodedRows, Micros};
use serde_json::{Map, Value, json};

use crate::directory::removal::Redacting;

/// What stands at a pointer that was chosen.
const MARK: &str = "[masked: redaction]";
/// The action of the new events.
const ACTION: &str = "record.restate";

/// The events that hold what is left of one event's detail, encoded; none if it had none.
///
/// # Errors
/// Why there can be none: nothing in it is masked, or what is left is against the rules of events.
pub fn remainders(
    event: &Value,
    redacting: &Redacting,
    asked_by: &Value,
    now: Micros,
) -> Result<Option<EncodedRows>, String> {
    let rules = Masking::STANDARD.with_keys(&redacting.mask_keys, &[]);
    let mut masked = event.clone();
    redacting.pointers.iter().for_each(|pointer| mask_at(&mut masked, pointer));
    let Some(plain) = encoded(&restated(event, asked_by), &Masking::OFF, now)? else { return Ok(None) };
    let left = encoded(&restated(&masked, asked_by), &rules, now)?;
    if left.as_ref() == Some(&plain) {
        return Err(
            "nothing in its detail is masked by these keys and pointers, so its remainder would say the same; \
                    choose others, or no remainder"
                .to_owned(),
        );
    }
    Ok(left)
}

fn encoded(events: &[Value], masking: &Masking, now: Micros) -> Result<Option<EncodedRows>, String> {
    if events.is_empty() {
        return Ok(None);
    }
    let intake = Intake { masking, ..Intake::own(now) };
    let rows = encode_value(&Value::Array(events.to_vec()), &intake);
    rows.map(Some).map_err(|refusal| format!("its remainder cannot be recorded ({refusal}); choose no remainder"))
}

/// The detail of an event as events of their own: message, reason, changes, metadata and more at their places, its targets
/// with their metadata behind the event that it is of, and its actors' metadata as further targets.
fn restated(event: &Value, asked_by: &Value) -> Vec<Value> {
    let mut first = Map::new();
    for field in ["reason", "changes", "message", "metadata"] {
        if let Some(value) = event.get(field) {
            first.insert(field.to_owned(), value.clone());
        }
    }
    let of_context = ["surface", "http"].into_iter().filter_map(|field| Some((field, event["context"].get(field)?)));
    let context: Map<String, Value> = of_context.map(|(field, value)| (field.to_owned(), value.clone())).collect();
    if !context.is_empty() {
        first.insert("context".to_owned(), Value::Object(context));
    }
    let mut targets: Vec<Value> = event["targets"].as_array().into_iter().flatten().filter_map(without_name).collect();
    let mut has_more = targets.iter().any(|target| target.get("metadata").is_some());
    let mut actor = &event["actor"];
    while actor.is_object() {
        if actor.get("metadata").is_some() {
            has_more = true;
            targets.extend(without_name(actor));
        }
        actor = &actor["on_behalf_of"];
    }
    if first.is_empty() && !has_more {
        return Vec::new();
    }
    let record = json!({"type": "record", "id": event["id"]});
    let pieces: Vec<&[Value]> = if targets.is_empty() { vec![&[]] } else { targets.chunks(TARGETS_MAX - 1).collect() };
    let of_piece = |(number, piece): (usize, &&[Value])| {
        let mut restated = if number == 0 { first.clone() } else { Map::new() };
        let targets: Vec<&Value> = std::iter::once(&record).chain(piece.iter()).collect();
        restated.insert("action".to_owned(), json!(ACTION));
        restated.insert("actor".to_owned(), asked_by.clone());
        restated.insert("targets".to_owned(), json!(targets));
        Value::Object(restated)
    };
    pieces.iter().enumerate().map(of_piece).collect()
}

/// Type, id and metadata of a target or actor; nothing of one whose id was erased.
fn without_name(of: &Value) -> Option<Value> {
    let mut target = json!({"type": of["type"], "id": of.get("id")?});
    if let Some(metadata) = of.get("metadata") {
        target["metadata"] = metadata.clone();
    }
    Some(target)
}

/// Masks what lies at a pointer, if there is something: a text by a mark, anything else by leaving it out.
fn mask_at(event: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    let free = parent.starts_with("/changes/") || parent == "/metadata" || parent.ends_with("/metadata");
    match event.pointer_mut(parent) {
        Some(Value::Object(fields)) => match fields.get_mut(&key) {
            Some(value) if free || value.is_string() => *value = json!(MARK),
            Some(_) => drop(fields.remove(&key)),
            None => {}
        },
        Some(Value::Array(elements)) => {
            if let Some(element) = key.parse().ok().and_then(|at: usize| elements.get_mut(at)) {
                *element = json!(MARK);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        json!({
            "id": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "action": "component.deploy", "message": "deployed with hunter2",
            "actor": {"type": "agent", "id": "bot", "name": "Bot", "metadata": {"model": "m1", "phrase": "swordfish"}},
            "targets": [{"type": "component", "id": "c", "name": "Orders", "metadata": {"zone": "z"}}],
            "changes": [{"path": "/spec/env/PASSWORD", "before": "a", "after": {"b": 1}}],
            "context": {"ip": "10.0.0.1", "http": {"method": "GET", "path": "/x?y=hunter2", "status": 200}},
            "metadata": {"note": "plain", "api_token": "s3cr3t"}, "outcome": "success",
        })
    }

    fn texts(rows: &EncodedRows) -> String {
        let texts = rows.row(0).texts;
        texts.iter().flatten().copied().collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_left_points_to_the_event_and_tells_no_secret() {
        let asked_by = json!({"type": "user", "id": "u_1"});
        let pointers = ["/message", "/context/http/path", "/actor/metadata/phrase"].map(str::to_owned).to_vec();
        let redacting = Redacting { pointers, remainder: true, ..Redacting::default() };
        let rows = remainders(&event(), &redacting, &asked_by, 9).unwrap().unwrap();
        let text = texts(&rows);
        for secret in ["hunter2", "s3cr3t", "swordfish", "Orders", "10.0.0.1"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        for left in [ACTION, "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "plain", "\"m1\"", "\"z\"", "GET", "200", MARK] {
            assert!(text.contains(left), "{left}: {text}");
        }
    }

    #[test]
    fn what_would_say_the_same_again_is_refused() {
        let asked_by = json!({"type": "user", "id": "u_1"});
        let mut event = event();
        event["metadata"] = json!({"note": "plain"});
        event["changes"] = Value::Null;
        event.as_object_mut().unwrap().remove("changes");
        let none = Redacting { remainder: true, ..Redacting::default() };
        assert!(remainders(&event, &none, &asked_by, 9).unwrap_err().contains("nothing in its detail"));
        let note = Redacting { mask_keys: vec!["note".to_owned()], ..none.clone() };
        assert!(!texts(&remainders(&event, &note, &asked_by, 9).unwrap().unwrap()).contains("plain"));
        let bare = json!({"id": event["id"], "action": "a.b", "actor": {"type": "user", "id": "u"}, "targets": []});
        assert_eq!(remainders(&bare, &none, &asked_by, 9), Ok(None));
    }
}
