//! The rules of each structured field, and its canonical text.
//!
//! A function here reads one JSON value, notes what is wrong, and appends the text that is stored. What it appends after
//! a violation is not used.

use super::check::{Checker, Place};
use super::kinds::ActorType;
use crate::json::{Json, push_canonical, push_f64, push_i64, push_string};
use crate::limits::*;
use crate::masking;
use std::net::IpAddr;

/// Fields of an actor, in their canonical order.
const ACTOR_FIELDS: [&str; 9] =
    ["type", "id", "name", "email", "issuer", "session_id", "groups", "metadata", "on_behalf_of"];
/// Fields of a target, in their canonical order.
const TARGET_FIELDS: [&str; 4] = ["type", "id", "name", "metadata"];
/// Fields of `context.http`, in their canonical order.
const HTTP_FIELDS: [&str; 3] = ["method", "path", "status"];
/// Fields of a change, in their canonical order.
const CHANGE_FIELDS: [&str; 3] = ["path", "before", "after"];
/// The type of the target that a credential's environment is stamped as.
const ENVIRONMENT_TYPE: &str = "environment";

/// Appends `,"key":` or, as the first, `"key":`.
fn push_key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    push_string(out, key);
    out.push(b':');
}

fn push_field(out: &mut Vec<u8>, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        push_key(out, key);
        push_string(out, text);
    }
}

/// Appends the actor's text, at every depth but with the outermost `session_id` given back instead.
pub(super) fn actor<'j>(
    check: &mut Checker<'_>,
    value: Option<&'j Json<'_>>,
    place: &Place<'_>,
    out: &mut Vec<u8>,
) -> Option<&'j str> {
    actor_at(check, value, place, 0, out)
}

fn actor_at<'j>(
    check: &mut Checker<'_>,
    value: Option<&'j Json<'_>>,
    place: &Place<'_>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Option<&'j str> {
    let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else {
        check.refuse_missing(place, "an object with type and id");
        return None;
    };
    let fields = check.object(value, place)?;
    let [kind, id, name, email, issuer, session_id, groups, metadata, on_behalf_of] =
        check.pick(fields, &ACTOR_FIELDS, place);
    let kind = closed_text(check, kind, &place.key("type"), ActorType::ALLOWED, |text| {
        ActorType::from_text(text).map(ActorType::as_str)
    });
    let id = check.required_text(id, &place.key("id"), 1..=ID_CHARS_MAX);
    let name = check.text(name, &place.key("name"), 0..=NAME_CHARS_MAX);
    let email = check.text(email, &place.key("email"), 0..=EMAIL_CHARS_MAX);
    let issuer = check.text(issuer, &place.key("issuer"), 0..=ISSUER_CHARS_MAX);
    let session_id = check.text(session_id, &place.key("session_id"), 0..=SESSION_ID_CHARS_MAX);
    out.push(b'{');
    push_field(out, "type", kind);
    push_field(out, "id", id);
    push_field(out, "name", name);
    push_field(out, "email", email);
    push_field(out, "issuer", issuer);
    if depth > 0 {
        push_field(out, "session_id", session_id);
    }
    push_groups(check, groups, &place.key("groups"), out);
    push_metadata_field(check, metadata, &place.key("metadata"), out);
    if let Some(inner) = on_behalf_of.filter(|inner| !matches!(inner, Json::Null)) {
        let place = place.key("on_behalf_of");
        if depth == ON_BEHALF_OF_DEPTH_MAX {
            check.refuse(&place, "nests too deep", format!("at most {ON_BEHALF_OF_DEPTH_MAX} levels of on_behalf_of"));
        } else {
            push_key(out, "on_behalf_of");
            actor_at(check, Some(inner), &place, depth + 1, out);
        }
    }
    out.push(b'}');
    session_id
}

/// A text out of a closed set; `None`, with a violation, if it is not there or not in the set.
pub(super) fn closed_text(
    check: &mut Checker<'_>,
    value: Option<&Json<'_>>,
    place: &Place<'_>,
    allowed: &str,
    read: impl Fn(&str) -> Option<&'static str>,
) -> Option<&'static str> {
    match value {
        None | Some(Json::Null) => check.refuse_missing(place, allowed),
        Some(Json::Str(text)) => match read(text) {
            Some(known) => return Some(known),
            None => check.refuse(place, format!("is {}", quoted(text)), allowed),
        },
        Some(other) => check.refuse_kind(place, other, allowed),
    }
    None
}

/// A text in quotes for a message, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    let mut shown = Vec::new();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => push_string(&mut shown, text),
        Some((end, _)) => {
            push_string(&mut shown, &text[..end]);
            shown.extend_from_slice("…".as_bytes());
        }
    }
    String::from_utf8_lossy(&shown).into_owned()
}

fn push_groups(check: &mut Checker<'_>, value: Option<&Json<'_>>, place: &Place<'_>, out: &mut Vec<u8>) {
    let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else { return };
    let Some(groups) = check.array(value, place) else { return };
    if groups.is_empty() {
        return;
    }
    if groups.len() > GROUPS_MAX {
        check.refuse(place, format!("has {} entries", groups.len()), format!("at most {GROUPS_MAX}"));
        return;
    }
    push_key(out, "groups");
    out.push(b'[');
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let text = check.required_text(Some(group), &place.index(index), 1..=GROUP_CHARS_MAX);
        push_string(out, text.unwrap_or_default());
    }
    out.push(b']');
}

fn push_metadata_field(check: &mut Checker<'_>, value: Option<&Json<'_>>, place: &Place<'_>, out: &mut Vec<u8>) {
    let before = out.len();
    push_key(out, "metadata");
    if !metadata(check, value, place, out) {
        out.truncate(before);
    }
}

/// Appends a `metadata` object with sorted keys; gives back whether there is anything in it.
pub(super) fn metadata(
    check: &mut Checker<'_>,
    value: Option<&Json<'_>>,
    place: &Place<'_>,
    out: &mut Vec<u8>,
) -> bool {
    let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else { return false };
    let Some(fields) = check.object(value, place) else { return false };
    if fields.is_empty() {
        return false;
    }
    if fields.len() > METADATA_KEYS_MAX {
        check.refuse(place, format!("has {} keys", fields.len()), format!("at most {METADATA_KEYS_MAX} keys"));
        return false;
    }
    let renamed = check.masking.renamed(fields);
    let fields = renamed.as_deref().unwrap_or(fields);
    let mut order: [u8; METADATA_KEYS_MAX] = std::array::from_fn(|at| at as u8);
    let order = &mut order[..fields.len()];
    if !fields.is_sorted_by(|(a, _), (b, _)| a < b) {
        order.sort_unstable_by(|a, b| fields[usize::from(*a)].0.cmp(&fields[usize::from(*b)].0));
    }
    out.push(b'{');
    for at in order.iter() {
        let (key, value) = &fields[usize::from(*at)];
        let place = place.key(key);
        if !is_metadata_key(key) {
            check.refuse(&place, "has a key of another form", "keys of 1 to 64 of A-Z a-z 0-9 _ . -");
        }
        push_key(out, key);
        let masked = check.masking.value(key, value);
        push_metadata_value(check, value, masked.as_ref(), &place, out);
    }
    out.push(b'}');
    true
}

fn push_metadata_value(
    check: &mut Checker<'_>,
    value: &Json<'_>,
    masked: Option<&Json<'_>>,
    place: &Place<'_>,
    out: &mut Vec<u8>,
) {
    match (value, masked) {
        (Json::Str(_), _) => {
            let text = check.text(Some(value), place, 0..=METADATA_TEXT_CHARS_MAX).unwrap_or_default();
            match masked {
                Some(Json::Str(masked)) => push_string(out, masking::bounded(masked, METADATA_TEXT_CHARS_MAX)),
                _ => push_string(out, text),
            }
        }
        (_, Some(Json::Str(masked))) => push_string(out, masked),
        (value, _) => push_plain_metadata_value(check, value, place, out),
    }
}

fn push_plain_metadata_value(check: &mut Checker<'_>, value: &Json<'_>, place: &Place<'_>, out: &mut Vec<u8>) {
    match value {
        Json::Int(value) => push_i64(out, *value),
        Json::Float(value) => push_f64(out, *value),
        Json::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Json::Null => check.refuse(place, "is null", "a string, number or boolean, or no such key"),
        other => check.refuse_kind(place, other, "a string, number or boolean: metadata is flat"),
    }
}

fn is_metadata_key(key: &str) -> bool {
    (1..=METADATA_KEY_CHARS_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Appends the targets' text, with the credential's environment as the last where none is named.
pub(super) fn targets(
    check: &mut Checker<'_>,
    value: Option<&Json<'_>>,
    place: &Place<'_>,
    environment: Option<&str>,
    out: &mut Vec<u8>,
) {
    let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else {
        return check
            .refuse_missing(place, "an array of 1 to 16 objects with type and id, the resource acted on first");
    };
    let Some(targets) = check.array(value, place) else { return };
    if targets.is_empty() || targets.len() > TARGETS_MAX {
        return check.refuse(place, format!("has {} entries", targets.len()), format!("1 to {TARGETS_MAX} entries"));
    }
    out.push(b'[');
    let mut environment_is_named = false;
    for (index, value) in targets.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        environment_is_named |= target(check, value, &place.index(index), environment, out);
    }
    if let Some(environment) = environment.filter(|_| !environment_is_named) {
        if targets.len() == TARGETS_MAX {
            let detail = "has no room for the environment of the credential, which is added as a target";
            check.refuse(place, detail, format!("at most {} others", TARGETS_MAX - 1));
        }
        out.extend_from_slice(b",{\"type\":\"environment\",\"id\":");
        push_string(out, environment);
        out.push(b'}');
    }
    out.push(b']');
}

/// Appends one target; gives back whether it is an environment as one is stamped.
fn target(
    check: &mut Checker<'_>,
    value: &Json<'_>,
    place: &Place<'_>,
    environment: Option<&str>,
    out: &mut Vec<u8>,
) -> bool {
    let Some(fields) = check.object(value, place) else { return false };
    let [kind, id, name, metadata] = check.pick(fields, &TARGET_FIELDS, place);
    let kind = check.required_text(kind, &place.key("type"), 1..=TARGET_TYPE_CHARS_MAX);
    if let Some(kind) = kind.filter(|kind| !is_target_type(kind)) {
        let allowed = "a letter, then letters, digits and _ . : / -";
        check.refuse(&place.key("type"), format!("is {}", quoted(kind)), allowed);
    }
    let id = check.required_text(id, &place.key("id"), 1..=ID_CHARS_MAX);
    let name = check.text(name, &place.key("name"), 0..=NAME_CHARS_MAX);
    out.push(b'{');
    push_field(out, "type", kind);
    push_field(out, "id", id);
    push_field(out, "name", name);
    push_metadata_field(check, metadata, &place.key("metadata"), out);
    out.push(b'}');
    // Whoever looks for environments finds them however their type is spelled.
    let looks_so = kind.is_some_and(|kind| kind.eq_ignore_ascii_case(ENVIRONMENT_TYPE));
    if let (true, Some(stamped), Some(id)) = (looks_so, environment, id)
        && stamped != id
    {
        let detail = format!("is {}, but the credential stands for another environment", quoted(id));
        check.refuse(&place.key("id"), detail, quoted(stamped));
    }
    kind == Some(ENVIRONMENT_TYPE)
}

fn is_target_type(kind: &str) -> bool {
    kind.starts_with(|first: char| first.is_ascii_alphabetic())
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-'))
}

/// An IP address, as it was spelled.
pub(super) fn ip<'j>(check: &mut Checker<'_>, value: Option<&'j Json<'_>>, place: &Place<'_>) -> Option<&'j str> {
    const IP_CHARS_MAX: usize = 45;
    const ALLOWED: &str = "an IPv4 or IPv6 address, without port or zone, for example 203.0.113.7 or 2001:db8::7";
    let text = check.text(value, place, 0..=IP_CHARS_MAX)?;
    if text.parse::<IpAddr>().is_err() {
        check.refuse(place, format!("is {}", quoted(text)), ALLOWED);
    }
    Some(text)
}

/// Appends the text of `context.http`; gives back whether there is anything in it.
pub(super) fn http(check: &mut Checker<'_>, value: Option<&Json<'_>>, place: &Place<'_>, out: &mut Vec<u8>) -> bool {
    let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else { return false };
    let Some(fields) = check.object(value, place) else { return false };
    let [method, path, status] = check.pick(fields, &HTTP_FIELDS, place);
    let method = check.text(method, &place.key("method"), 1..=HTTP_METHOD_CHARS_MAX);
    if let Some(method) = method.filter(|method| !method.bytes().all(is_token_byte)) {
        check.refuse(&place.key("method"), format!("is {}", quoted(method)), "a method name (RFC 9110), like GET");
    }
    let path = check.masked_text(path, &place.key("path"), HTTP_PATH_CHARS_MAX);
    let start = out.len();
    out.push(b'{');
    push_field(out, "method", method);
    push_field(out, "path", path.as_deref());
    match status {
        None | Some(Json::Null) => {}
        Some(Json::Int(code)) if (HTTP_STATUS_MIN..=HTTP_STATUS_MAX).contains(code) => {
            push_key(out, "status");
            push_i64(out, *code);
        }
        Some(other) => {
            let detail = match other {
                Json::Int(code) => format!("is {code}"),
                other => format!("is {}", other.kind()),
            };
            check.refuse(&place.key("status"), detail, "an integer from 100 to 599");
        }
    }
    out.push(b'}');
    out.len() - start > 2
}

/// Characters of a token (RFC 9110, section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Appends the text of `changes`; gives back whether there is any.
pub(super) fn changes(check: &mut Checker<'_>, value: Option<&Json<'_>>, place: &Place<'_>, out: &mut Vec<u8>) -> bool {
    let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else { return false };
    let Some(changes) = check.array(value, place) else { return false };
    if changes.is_empty() {
        return false;
    }
    if changes.len() > CHANGES_MAX {
        check.refuse(place, format!("has {} entries", changes.len()), format!("at most {CHANGES_MAX}"));
        return false;
    }
    out.push(b'[');
    for (index, value) in changes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        change(check, value, &place.index(index), out);
    }
    out.push(b']');
    true
}

fn change(check: &mut Checker<'_>, value: &Json<'_>, place: &Place<'_>, out: &mut Vec<u8>) {
    let Some(fields) = check.object(value, place) else { return };
    let [path, before, after] = check.pick(fields, &CHANGE_FIELDS, place);
    let path = check.required_text(path, &place.key("path"), 0..=CHANGE_PATH_CHARS_MAX);
    if let Some(path) = path.filter(|path| !is_json_pointer(path)) {
        let allowed = "a JSON Pointer (RFC 6901), for example /spec/replicas";
        check.refuse(&place.key("path"), format!("is {}", quoted(path)), allowed);
    }
    out.push(b'{');
    let masked_path = path.and_then(|path| check.masking.pointer(path, CHANGE_PATH_CHARS_MAX));
    push_field(out, "path", masked_path.as_deref().or(path));
    // Here null is a value: a field was, or became, null.
    for (key, value) in [("before", before), ("after", after)] {
        if let Some(value) = value {
            push_key(out, key);
            let masked = check.masking.changed(path.unwrap_or_default(), value);
            push_canonical(out, masked.as_ref().unwrap_or(value));
        }
    }
    out.push(b'}');
}

fn is_json_pointer(path: &str) -> bool {
    (path.is_empty() || path.starts_with('/'))
        && path.split('~').skip(1).all(|after| after.starts_with('0') || after.starts_with('1'))
}
