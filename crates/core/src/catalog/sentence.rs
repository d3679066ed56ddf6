//! Sentences from an action's templates and an event's facts.
//!
//! This file must not fail: every event gets a sentence, whatever it lacks.

use serde::Serialize;

use super::facts::Facts;
use super::template::{Template, Value};
use super::{Action, Verb};
use crate::event::Outcome;

/// What a piece of a sentence is to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who did it.
    Actor,
    /// What was done.
    Verb,
    /// What it was done to.
    Thing,
    /// What could be left out: where from, where to, what changed.
    Circumstance,
}

/// A piece of a sentence. The texts of all pieces, one after the other, are the sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// What it is to its reader.
    pub role: Role,
    /// Its text, with the space that separates it from the piece before. It holds whatever the event holds: a reader that
    /// writes HTML or to a terminal must escape it.
    pub text: String,
}

/// The whole sentence.
pub(super) fn sentence(action: Option<&Action>, facts: &Facts) -> Vec<Piece> {
    let Some(action) = action else { return unknown(facts) };
    if let Some(template) = action.sentence_template(facts.outcome) {
        return filled(template, facts);
    }
    match (&action.verb, action.sentence_template(Outcome::Success)) {
        (Some(verb), _) => {
            let mut pieces = subject(facts);
            pieces.push(piece(Role::Verb, format!(" {}", conjugated(verb, facts.outcome))));
            append_rest(&mut pieces, action.phrase_template(), facts);
            append_note(&mut pieces, facts.outcome);
            pieces
        }
        (None, Some(success)) => {
            let mut pieces = filled(success, facts);
            let note = match facts.outcome {
                Outcome::Success => "",
                Outcome::Failure => " (failed)",
                Outcome::Denied => " (denied)",
                Outcome::Unknown => " (outcome unknown)",
            };
            pieces.push(piece(Role::Circumstance, note.to_owned()));
            pieces
        }
        (None, None) => unknown(facts),
    }
}

/// The sentence without its subject, the verb in its base form.
pub(super) fn row(action: Option<&Action>, facts: &Facts) -> Vec<Piece> {
    match action {
        Some(Action { verb: Some(verb), phrase, .. }) => {
            let mut pieces = vec![piece(Role::Verb, verb.base.clone())];
            append_rest(&mut pieces, phrase, facts);
            pieces
        }
        Some(action) => vec![piece(Role::Verb, action.title.clone())],
        None => {
            let mut pieces = vec![piece(Role::Verb, facts.action.clone())];
            append_target(&mut pieces, facts);
            pieces
        }
    }
}

fn piece(role: Role, text: String) -> Piece {
    Piece { role, text }
}

fn subject(facts: &Facts) -> Vec<Piece> {
    vec![piece(Role::Actor, facts.value(&Value::Actor).unwrap_or_else(|| "someone".to_owned()))]
}

fn conjugated(verb: &Verb, outcome: Outcome) -> String {
    match outcome {
        Outcome::Success => verb.past.clone(),
        Outcome::Failure => format!("failed to {}", verb.base),
        Outcome::Denied => format!("was denied {}", verb.gerund),
        Outcome::Unknown => format!("tried to {}", verb.base),
    }
}

/// A verb alone does not say that nobody knows how it ended.
fn append_note(pieces: &mut Vec<Piece>, outcome: Outcome) {
    if outcome == Outcome::Unknown {
        pieces.push(piece(Role::Circumstance, " (outcome unknown)".to_owned()));
    }
}

fn append_rest(pieces: &mut Vec<Piece>, phrase: &Template, facts: &Facts) {
    let mut first = true;
    phrase.render(facts, |run| {
        let role = if run.circumstance { Role::Circumstance } else { Role::Thing };
        let space = if first && !run.text.starts_with(' ') { " " } else { "" };
        first = false;
        pieces.push(piece(role, format!("{space}{}", run.text)));
    });
}

fn filled(template: &Template, facts: &Facts) -> Vec<Piece> {
    let mut pieces = Vec::new();
    template.render(facts, |run| {
        let role = if run.circumstance { Role::Circumstance } else { Role::Thing };
        pieces.push(piece(role, run.text.to_owned()));
    });
    pieces
}

fn append_target(pieces: &mut Vec<Piece>, facts: &Facts) {
    if let Some(target) = facts.value(&Value::Target) {
        pieces.push(piece(Role::Circumstance, format!(" on {target}")));
    }
}

/// An action that no catalog knows, told by its name.
fn unknown(facts: &Facts) -> Vec<Piece> {
    let perform = Verb { base: "perform".into(), past: "performed".into(), gerund: "performing".into() };
    let mut pieces = subject(facts);
    pieces.push(piece(Role::Verb, format!(" {}", conjugated(&perform, facts.outcome))));
    pieces.push(piece(Role::Thing, format!(" {}", facts.action)));
    append_target(&mut pieces, facts);
    append_note(&mut pieces, facts.outcome);
    pieces
}
