//! Computes a log's root anew: from the events as the API shows them and the keys in the data folder, by the format's
//! definition (`docs/FORMAT.md`) and by none of the product's code. So it proves at once that every event still has its
//! leaf, that what is shown is what was hashed, and that the definition is enough to check it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

type Hash = [u8; 32];

/// Events under one key.
const EPOCH_EVENTS: u64 = 65_536;
/// Levels of the salt tree.
const SALT_DEPTH: u32 = 18;

/// The parts by number.
const FACT: usize = 0;
const IDENTITY: usize = 1;
const PERSONAL: usize = 2;
const DETAIL: usize = 3;

const ACTOR: [(&str, usize); 8] = [
    ("type", FACT),
    ("id", IDENTITY),
    ("name", PERSONAL),
    ("email", PERSONAL),
    ("issuer", IDENTITY),
    ("session_id", IDENTITY),
    ("groups", PERSONAL),
    ("metadata", DETAIL),
];
const TARGET: [(&str, usize); 4] = [("type", FACT), ("id", IDENTITY), ("name", PERSONAL), ("metadata", DETAIL)];

fn sha256(pieces: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize().into()
}

// ---- canonical text ----

fn text(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", character as u32)),
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn object<'a>(out: &mut String, fields: impl Iterator<Item = (&'a str, &'a Value)>) {
    out.push('{');
    for (key, value) in fields {
        field(out, key, value);
    }
    out.push('}');
}

fn key(out: &mut String, key: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    text(out, key);
    out.push(':');
}

fn field(out: &mut String, name: &str, value: &Value) {
    key(out, name);
    anything(out, value);
}

fn sorted(map: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut fields: Vec<(&str, &Value)> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
    fields.sort_by_key(|(key, _)| key.as_bytes());
    fields
}

fn anything(out: &mut String, value: &Value) {
    match value {
        Value::String(value) => text(out, value),
        Value::Object(map) => object(out, sorted(map).into_iter()),
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                anything(out, item);
            }
            out.push(']');
        }
        Value::Number(number) => {
            assert!(number.is_i64(), "only whole numbers are spelled here: {number}");
            out.push_str(&number.to_string());
        }
        Value::Bool(_) | Value::Null => out.push_str(&value.to_string()),
    }
}

fn spread(parts: &mut [String; 4], value: &Value, known: &[(&str, usize)]) {
    for (name, part) in known {
        if let Some(value) = value.get(name) {
            field(&mut parts[*part], name, value);
        }
    }
}

fn each(parts: &mut [String; 4], piece: &str) {
    parts.iter_mut().for_each(|part| part.push_str(piece));
}

fn actor(parts: &mut [String; 4], value: &Value) {
    each(parts, "{");
    spread(parts, value, &ACTOR);
    if let Some(inner) = value.get("on_behalf_of") {
        parts.iter_mut().for_each(|part| key(part, "on_behalf_of"));
        actor(parts, inner);
    }
    each(parts, "}");
}

/// The four canonical texts of an event as the API shows it.
fn parts_of(event: &Value) -> [String; 4] {
    let mut parts = [const { String::new() }; 4];
    each(&mut parts, "{");
    parts[FACT].push_str("\"v\":1");
    for name in ["action", "outcome", "occurred_at", "source"] {
        field(&mut parts[FACT], name, &event[name]);
    }
    parts.iter_mut().for_each(|part| key(part, "actor"));
    actor(&mut parts, &event["actor"]);
    each(&mut parts, ",\"targets\":[");
    for (number, target) in event["targets"].as_array().expect("targets").iter().enumerate() {
        each(&mut parts, if number > 0 { ",{" } else { "{" });
        spread(&mut parts, target, &TARGET);
        each(&mut parts, "}");
    }
    each(&mut parts, "]");
    let context = &event["context"];
    for (part, name, value) in [
        (IDENTITY, "external_id", &event["external_id"]),
        (IDENTITY, "request_id", &context["request_id"]),
        (IDENTITY, "trace_id", &context["trace_id"]),
        (PERSONAL, "ip", &context["ip"]),
        (PERSONAL, "user_agent", &context["user_agent"]),
        (DETAIL, "reason", &event["reason"]),
        (DETAIL, "message", &event["message"]),
        (DETAIL, "surface", &context["surface"]),
    ] {
        if !value.is_null() {
            field(&mut parts[part], name, value);
        }
    }
    let detail = &mut parts[DETAIL];
    if let Some(http) = context.get("http") {
        key(detail, "http");
        object(detail, in_order(http, &["method", "path", "status"]));
    }
    if let Some(changes) = event["changes"].as_array() {
        key(detail, "changes");
        detail.push('[');
        for (number, change) in changes.iter().enumerate() {
            if number > 0 {
                detail.push(',');
            }
            object(detail, in_order(change, &["path", "before", "after"]));
        }
        detail.push(']');
    }
    if let Some(metadata) = event.get("metadata") {
        field(detail, "metadata", metadata);
    }
    each(&mut parts, "}");
    parts
}

fn in_order<'a>(value: &'a Value, names: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a Value)> {
    names.iter().filter_map(|name| Some((*name, value.get(name)?)))
}

// ---- salts, leaves, root ----

fn salt(epoch_key: &Hash, seq: u64, part: usize) -> Hash {
    let leaf = (seq % EPOCH_EVENTS) * 4 + part as u64;
    (0..SALT_DEPTH).rev().fold(*epoch_key, |node, level| sha256(&[&node, &[(leaf >> level & 1) as u8]]))
}

fn leaf(event: &Value, seq: u64, epoch_key: &Hash) -> Hash {
    let mut commit = Sha256::new_with_prefix(b"actarium/commit/v1\n");
    for (part, text) in parts_of(event).iter().enumerate() {
        commit.update(sha256(&[&salt(epoch_key, seq, part)[..16], text.as_bytes()]));
    }
    let recorded_at = micros(event["recorded_at"].as_str().expect("a recorded_at"));
    sha256(&[&[0, 1], &recorded_at.to_be_bytes(), &commit.finalize()])
}

/// RFC 6962, section 2.1.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            sha256(&[&[1], &root_of(&leaves[..split]), &root_of(&leaves[split..])])
        }
    }
}

/// `YYYY-MM-DDThh:mm:ss.ffffffZ` as microseconds since 1970.
fn micros(time: &str) -> u64 {
    let digits = |from: usize, to: usize| time[from..to].parse::<i64>().expect("digits of a time");
    assert!(time.len() == 27 && time.ends_with('Z'), "a time with microseconds in UTC: {time}");
    let (year, month, day) = (digits(0, 4), digits(5, 7), digits(8, 10));
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + digits(11, 13) * 3_600 + digits(14, 16) * 60 + digits(17, 19);
    (seconds * 1_000_000 + digits(20, 26)) as u64
}

// ---- keys ----

/// Reads keys from the data folder of a server that is stopped.
struct Keys {
    database: Connection,
    master: XChaCha20Poly1305,
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("digits")).collect()
}

impl Keys {
    fn open(data: &Path) -> Self {
        let file = std::fs::read_to_string(data.join("master.key")).expect("the master key");
        let key = from_hex(file.split_whitespace().nth(1).expect("its digits"));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self {
            database: Connection::open_with_flags(data.join("actarium.db"), flags).expect("the database"),
            master: XChaCha20Poly1305::new_from_slice(&key).expect("32 bytes"),
        }
    }

    fn epoch(&self, organization: &str, epoch: u64) -> Hash {
        let query = "SELECT id, wrapped FROM epoch_keys JOIN organizations ON number = organization WHERE slug = ?1 AND epoch = ?2";
        let row = self.database.query_row(query, (organization, epoch as i64), |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        let (id, wrapped) = row.expect("the key of the epoch");
        let place = [&id[..], &epoch.to_be_bytes()].concat();
        let nonce = XNonce::try_from(&wrapped[..24]).expect("a nonce");
        let key = self.master.decrypt(&nonce, Payload { msg: &wrapped[24..], aad: &place });
        key.expect("the master key opens it").try_into().expect("32 bytes")
    }
}

/// Recomputes the root of an organization's log and compares it with the one that the server gave (base64). The server
/// must be stopped.
///
/// # Errors
/// Both roots, when they differ.
///
/// # Panics
/// When keys are missing or an event has not the form that the API promises.
pub fn check(data: &Path, organization: &str, events: &[Value], root: &str) -> Result<(), String> {
    let keys = Keys::open(data);
    let mut leaves = Vec::with_capacity(events.len());
    let mut epoch_key = [0; 32];
    for (seq, event) in (0u64..).zip(events) {
        if seq % EPOCH_EVENTS == 0 {
            epoch_key = keys.epoch(organization, seq / EPOCH_EVENTS);
        }
        leaves.push(leaf(event, seq, &epoch_key));
    }
    let computed = STANDARD.encode(root_of(&leaves));
    if computed == root {
        return Ok(());
    }
    Err(format!("{organization}: the head at {} says {root}, its events give {computed}", events.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(micros("1970-01-01T00:00:00.000001Z"), 1);
        assert_eq!(micros("2000-02-29T12:34:56.000000Z"), 951_827_696_000_000);
        assert_eq!(micros("2026-11-23T00:00:00.000000Z"), 1_795_392_000_000_000);
    }

    #[test]
    fn roots_are_those_of_rfc_6962() {
        let empty = sha256(&[]);
        assert_eq!(root_of(&[]), empty);
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        let left = sha256(&[&[1], &a, &b]);
        assert_eq!(root_of(&[a, b, c]), sha256(&[&[1], &left, &c]));
    }
}
