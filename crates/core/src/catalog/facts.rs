//! What a sentence needs to know of an event, taken from a stored row or from its JSON.
//!
//! Taking facts never fails: events of older or foreign make may lack anything, and a sentence is owed to each of them.
//! This file must not judge an event; `event` does that, at ingest.

use serde_json::Value as Json;

use super::template::Value;
use crate::event::Outcome;
use crate::row::{Column, RowView};

/// Changed paths that are named one by one; of more, only the number is told.
const CHANGES_NAMED_MAX: usize = 3;
/// Levels of `on_behalf_of` that are told.
const DELEGATION_DEPTH_MAX: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
struct TargetFacts {
    kind: String,
    label: String,
}

/// The values of one event that templates may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub(super) action: String,
    pub(super) outcome: Outcome,
    pub(super) message: Option<String>,
    actor: Option<String>,
    targets: Vec<TargetFacts>,
    changes: Vec<String>,
    reason: Option<String>,
    metadata: Vec<(String, String)>,
}

impl Facts {
    /// The facts of a stored row.
    pub fn of_row(row: &RowView<'_>) -> Facts {
        let json = |column| row.get(column).and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Json::Null);
        let text = |column| row.get(column).map(str::to_owned);
        Facts {
            action: text(Column::Action).unwrap_or_default(),
            outcome: outcome_of(row.get(Column::Outcome)),
            message: text(Column::Message),
            actor: actor_label(&json(Column::Actor), 0),
            targets: targets(&json(Column::Targets)),
            changes: changed_paths(&json(Column::Changes)),
            reason: text(Column::Reason),
            metadata: metadata(&json(Column::Metadata)),
        }
    }

    /// The facts of an event's JSON, as clients send it or as the API shows it.
    pub fn of_json(event: &Json) -> Facts {
        let text = |field: &str| event.get(field).and_then(Json::as_str).map(str::to_owned);
        let json = |field: &str| event.get(field).unwrap_or(&Json::Null);
        Facts {
            action: text("action").unwrap_or_default(),
            outcome: outcome_of(event.get("outcome").and_then(Json::as_str)),
            message: text("message"),
            actor: actor_label(json("actor"), 0),
            targets: targets(json("targets")),
            changes: changed_paths(json("changes")),
            reason: text("reason"),
            metadata: metadata(json("metadata")),
        }
    }

    /// The text of a value, if the event has it.
    pub(super) fn value(&self, value: &Value) -> Option<String> {
        match value {
            Value::Actor => self.actor.clone(),
            Value::Target => self.targets.first().map(|target| target.label.clone()),
            Value::Resource(kind) => self.target_of(kind).or(self.targets.first()).map(|target| target.label.clone()),
            Value::TargetOf(kind) => self.target_of(kind).map(|target| target.label.clone()),
            Value::Metadata(key) => self.metadata.iter().find(|(name, _)| name == key).map(|(_, text)| text.clone()),
            Value::Changes => self.changes_told(),
            Value::Reason => self.reason.clone(),
        }
    }

    fn target_of(&self, kind: &str) -> Option<&TargetFacts> {
        self.targets.iter().find(|target| target.kind == kind)
    }

    fn changes_told(&self) -> Option<String> {
        if self.changes.is_empty() {
            return None;
        }
        if self.changes.len() <= CHANGES_NAMED_MAX {
            return Some(self.changes.join(", "));
        }
        let named = &self.changes[..CHANGES_NAMED_MAX - 1];
        Some(format!("{} and {} more", named.join(", "), self.changes.len() - named.len()))
    }
}

/// The outcome that a text names: an event without one succeeded, and of what is no outcome nothing is known.
fn outcome_of(text: Option<&str>) -> Outcome {
    text.map_or(Outcome::Success, |text| Outcome::from_text(text).unwrap_or(Outcome::Unknown))
}

/// The first of the fields that is a text with something in it.
fn first_text(json: &Json, fields: &[&str]) -> Option<String> {
    fields.iter().filter_map(|field| json.get(field)?.as_str()).find(|text| !text.is_empty()).map(str::to_owned)
}

fn actor_label(actor: &Json, depth: usize) -> Option<String> {
    let own = first_text(actor, &["name", "email", "id", "type"]);
    if depth == DELEGATION_DEPTH_MAX {
        return own;
    }
    match (own, actor.get("on_behalf_of").and_then(|other| actor_label(other, depth + 1))) {
        (Some(own), Some(other)) => Some(format!("{own} on behalf of {other}")),
        (own, other) => own.or(other),
    }
}

fn targets(targets: &Json) -> Vec<TargetFacts> {
    let list = targets.as_array().map(Vec::as_slice).unwrap_or_default();
    let facts = list.iter().filter_map(|target| {
        let kind = first_text(target, &["type"])?;
        let label = first_text(target, &["name", "id"])?;
        Some(TargetFacts { kind, label })
    });
    facts.collect()
}

fn changed_paths(changes: &Json) -> Vec<String> {
    let list = changes.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|change| change.get("path")?.as_str()).map(str::to_owned).collect()
}

fn metadata(metadata: &Json) -> Vec<(String, String)> {
    let Some(entries) = metadata.as_object() else { return Vec::new() };
    let told = entries.iter().filter_map(|(key, value)| {
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Bool(truth) => truth.to_string(),
            Json::Null | Json::Array(_) | Json::Object(_) => return None,
        };
        Some((key.clone(), text))
    });
    told.collect()
}
