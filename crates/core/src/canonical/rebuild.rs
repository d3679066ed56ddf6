//! Back from the four parts to a row: for a verifier, which has only the parts, and for events of which parts were
//! removed.
//!
//! Takes only bytes that `Canonicalizer::parts` makes; anything else is refused rather than interpreted.

use super::{Canonicalizer, PART_NAMES, Part};
use crate::json::{self, Json, push_canonical, push_string};
use crate::limits::ON_BEHALF_OF_DEPTH_MAX;
use crate::row::{Column, EncodedRows, RowView};
use crate::salt::PARTS;
use crate::time;
use std::borrow::Cow;

/// Parts that no event has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {part} part is not canonical: {problem}")]
pub struct PartsDamaged {
    /// Which part.
    pub part: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// The row of an event, from its fact and those of the other parts that were not removed. It has no sender, which is
/// not part of an event, and always a time of occurrence. What stood in a removed part is missing.
///
/// # Errors
/// If a part is not exactly what [`Canonicalizer::parts`] makes, or if they do not fit together.
pub fn from_parts(
    fact: &[u8],
    identity: Option<&[u8]>,
    personal: Option<&[u8]>,
    detail: Option<&[u8]>,
) -> Result<EncodedRows, PartsDamaged> {
    let given = [Some(fact), identity, personal, detail];
    let mut parts: [Option<Json<'_>>; PARTS] = [const { None }; PARTS];
    for (part, bytes) in given.iter().enumerate() {
        if let Some(bytes) = bytes {
            let read = json::parse(bytes).map_err(|error| damaged(part, error.to_string()))?;
            parts[part] = Some(read);
        }
    }
    let rows = merge(&parts)?;
    // Spelling, order and unknown fields are all checked at once: the row must give the same bytes again.
    let again = Canonicalizer::new().parts(&rows.row(0), 0).map_err(|error| damaged(0, error.to_string()))?;
    for (part, bytes) in given.iter().enumerate() {
        if bytes.is_some_and(|bytes| bytes != again.texts[part]) {
            return Err(damaged(part, "another spelling, order or field than the format has".to_owned()));
        }
    }
    Ok(rows)
}

fn damaged(part: usize, problem: String) -> PartsDamaged {
    PartsDamaged { part: PART_NAMES[part], problem }
}

/// The same place in each of the parts; nothing where the part was removed.
type Places<'j> = [Option<&'j Json<'j>>; PARTS];

fn merge(parts: &[Option<Json<'_>>; PARTS]) -> Result<EncodedRows, PartsDamaged> {
    let places: Places<'_> = std::array::from_fn(|part| parts[part].as_ref());
    let version = field(&places, Part::Fact, "v");
    if version != Some(&Json::Int(1)) {
        return Err(damaged(0, "its version is not 1".to_owned()));
    }
    let occurred_at = required_text(&places, Part::Fact, "occurred_at")?;
    let occurred_at = time::parse(occurred_at).map_err(|error| damaged(0, error.to_string()))?;
    let mut actor = Vec::new();
    push_actor(&mut actor, &all(&places, "actor")?, 0)?;
    let mut targets = Vec::new();
    push_targets(&mut targets, &all(&places, "targets")?)?;
    let json_text = |part, name| {
        field(&places, part, name).map(|value| {
            let mut text = Vec::new();
            push_canonical_fields(&mut text, value);
            into_text(text)
        })
    };
    let actor_place = all(&places, "actor")?;
    let texts: [Option<Cow<'_, str>>; crate::row::COLUMNS] = Column::ALL.map(|column| {
        let raw = |part, name| text_field(&places, part, name).map(Cow::Borrowed);
        match column {
            Column::Action | Column::Outcome | Column::Source => raw(Part::Fact, column.name()),
            Column::Sender => None,
            Column::Actor => Some(Cow::Owned(into_text(actor.clone()))),
            Column::SessionId => text_field(&actor_place, Part::Identity, "session_id").map(Cow::Borrowed),
            Column::Targets => Some(Cow::Owned(into_text(targets.clone()))),
            Column::ExternalId | Column::RequestId | Column::TraceId => raw(Part::Identity, column.name()),
            Column::Ip | Column::UserAgent => raw(Part::Personal, column.name()),
            Column::Reason | Column::Message | Column::Surface => raw(Part::Detail, column.name()),
            Column::Http | Column::Changes | Column::Metadata => json_text(Part::Detail, column.name()).map(Cow::Owned),
        }
    });
    let mut row = RowView { occurred_at: Some(occurred_at), ..RowView::EMPTY };
    for (slot, text) in row.texts.iter_mut().zip(&texts) {
        *slot = text.as_deref();
    }
    let mut rows = EncodedRows::new();
    rows.push(&row);
    Ok(rows)
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("made of whole strings")
}

fn fields<'j>(value: Option<&'j Json<'j>>) -> &'j [(Cow<'j, str>, Json<'j>)] {
    match value {
        Some(Json::Object(fields)) => fields,
        _ => &[],
    }
}

fn field<'j>(places: &Places<'j>, part: Part, name: &str) -> Option<&'j Json<'j>> {
    fields(places[part as usize]).iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn text_field<'j>(places: &Places<'j>, part: Part, name: &str) -> Option<&'j str> {
    match field(places, part, name) {
        Some(Json::Str(text)) => Some(text),
        _ => None,
    }
}

fn required_text<'j>(places: &Places<'j>, part: Part, name: &str) -> Result<&'j str, PartsDamaged> {
    text_field(places, part, name).ok_or_else(|| damaged(part as usize, format!("it has no text {name}")))
}

/// The field of this name in every part that is there; it must be in all of them.
fn all<'j>(places: &Places<'j>, name: &str) -> Result<Places<'j>, PartsDamaged> {
    let mut found = [None; PARTS];
    for (part, place) in places.iter().enumerate().filter(|(_, place)| place.is_some()) {
        let value = fields(*place).iter().find(|(key, _)| key == name).map(|(_, value)| value);
        found[part] = Some(value.ok_or_else(|| damaged(part, format!("it has no {name}")))?);
    }
    Ok(found)
}

fn push_key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    push_string(out, key);
    out.push(b':');
}

fn push_field(out: &mut Vec<u8>, places: &Places<'_>, part: Part, name: &str) {
    if let Some(value) = field(places, part, name) {
        push_key(out, name);
        push_canonical(out, value);
    }
}

fn push_actor(out: &mut Vec<u8>, places: &Places<'_>, depth: usize) -> Result<(), PartsDamaged> {
    if depth > ON_BEHALF_OF_DEPTH_MAX {
        return Err(damaged(0, "on_behalf_of nests too deep".to_owned()));
    }
    out.push(b'{');
    push_field(out, places, Part::Fact, "type");
    push_field(out, places, Part::Identity, "id");
    push_field(out, places, Part::Personal, "name");
    push_field(out, places, Part::Personal, "email");
    push_field(out, places, Part::Identity, "issuer");
    if depth > 0 {
        push_field(out, places, Part::Identity, "session_id");
    }
    push_field(out, places, Part::Personal, "groups");
    push_field(out, places, Part::Detail, "metadata");
    if field(places, Part::Fact, "on_behalf_of").is_some() {
        push_key(out, "on_behalf_of");
        push_actor(out, &all(places, "on_behalf_of")?, depth + 1)?;
    }
    out.push(b'}');
    Ok(())
}

fn push_targets(out: &mut Vec<u8>, places: &Places<'_>) -> Result<(), PartsDamaged> {
    let mut count = None;
    for (part, place) in places.iter().enumerate() {
        match place {
            None => {}
            Some(Json::Array(targets)) if *count.get_or_insert(targets.len()) == targets.len() => {}
            Some(_) => return Err(damaged(part, "its targets do not fit the fact's".to_owned())),
        }
    }
    out.push(b'[');
    for index in 0..count.unwrap_or_default() {
        if index > 0 {
            out.push(b',');
        }
        let target: Places<'_> = places.map(|place| match place {
            Some(Json::Array(targets)) => targets.get(index),
            _ => None,
        });
        out.push(b'{');
        push_field(out, &target, Part::Fact, "type");
        push_field(out, &target, Part::Identity, "id");
        push_field(out, &target, Part::Personal, "name");
        push_field(out, &target, Part::Detail, "metadata");
        out.push(b'}');
    }
    out.push(b']');
    Ok(())
}

/// Appends `http`, `changes` or `metadata`: their own fields keep their order, the objects within are sorted.
fn push_canonical_fields(out: &mut Vec<u8>, value: &Json<'_>) {
    match value {
        Json::Array(changes) => {
            out.push(b'[');
            for (index, change) in changes.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_canonical_fields(out, change);
            }
            out.push(b']');
        }
        Json::Object(fields) => {
            out.push(b'{');
            for (key, value) in fields {
                push_key(out, key);
                push_canonical(out, value);
            }
            out.push(b'}');
        }
        other => push_canonical(out, other),
    }
}
