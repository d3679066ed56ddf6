//! The test vectors of the format: `docs/format-vectors.json` is what the code makes, and `docs/FORMAT.md` quotes it.
//! `UPDATE=1` writes the file anew; a change of it is a change of the format, so it must not be done lightly.

mod generate;

use actarium_core::canonical::{Canonicalizer, PART_NAMES, commit, entry};
use actarium_core::event::{Intake, encode_value};
use actarium_core::id::EventId;
use actarium_core::salt::EpochKey;
use actarium_core::time;
use actarium_core::tree::{Frontier, leaf_hash};
use generate::{full, minimal};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

const FIRST_RECORDED_AT: i64 = 1_767_326_400_000_000;
const OPAQUE_ID: [u8; 16] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8];

fn key() -> EpochKey {
    EpochKey(std::array::from_fn(|at| at as u8))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Five events: one with little, one with everything, and three for what is easily got wrong.
fn events() -> Vec<Value> {
    let mut numbers = minimal();
    numbers["metadata"] = json!({
        "a": 1.0, "b": -0.0, "c": 1e-7, "d": 0.000001, "e": 123456789.125, "f": 9007199254740992i64, "g": 1424953923781206.2,
        "h": -2.5e-10, "A": true
    });
    let mut nothing = minimal();
    for (pointer, value) in [
        ("metadata", json!({})),
        ("changes", json!([])),
        ("context", json!({"http": {}, "ip": null, "surface": ""})),
        ("reason", json!("")),
        ("message", json!(null)),
    ] {
        nothing[pointer] = value;
    }
    nothing["actor"]["groups"] = json!([]);
    nothing["changes"] = json!([{"path": "", "before": null}, {"path": "/a", "after": {}}, {"path": "/b"}]);
    let mut texts = minimal();
    texts["message"] = "\0 \u{8} \t \n \u{b} \u{c} \r \u{1f} \" \\ / \u{7f} é \u{2028} 日 🦀 \u{fffd}".into();
    texts["metadata"] = json!({"e": "\0"});
    texts["changes"] = json!([{"path": "/x", "after": {"\u{ff5e}": 1, "🦀": 2, "é": 3, "z": 4, "": 5}}]);
    vec![minimal(), full(), numbers, nothing, texts]
}

fn named<T>(values: &[T], text: impl Fn(&T) -> String) -> Map<String, Value> {
    PART_NAMES.iter().zip(values).map(|(name, value)| ((*name).to_owned(), text(value).into())).collect()
}

fn vectors() -> Value {
    let mut frontier = Frontier::new();
    let mut listed = Vec::new();
    for (seq, event) in events().into_iter().enumerate() {
        let seq = seq as u64;
        let recorded_at = FIRST_RECORDED_AT + seq as i64 * 1_000_001;
        let rows = encode_value(&event, &Intake::new("api", "key_1", recorded_at)).expect("valid");
        let row = rows.row(0);
        let mut canonicalizer = Canonicalizer::new();
        let parts = canonicalizer.parts(&row, recorded_at).expect("canonical").texts;
        let salts = key().salts(seq);
        let hashes = canonicalizer.part_hashes(&row, recorded_at, &salts).expect("canonical");
        let entry = entry(recorded_at, &commit(&hashes));
        let leaf = leaf_hash(&entry);
        assert_eq!(canonicalizer.leaf(&row, recorded_at, &salts), Ok(leaf));
        frontier.push(leaf);
        listed.push(json!({
            "sent": event,
            "source": "api",
            "sender": "key_1",
            "seq": seq,
            "recorded_at": time::to_text(recorded_at),
            "recorded_at_micros": recorded_at,
            "id": EventId::new(&OPAQUE_ID, seq, recorded_at).to_string(),
            "row": hex(rows.row_bytes(0)),
            "parts": named(&parts, |part| String::from_utf8(part.clone()).expect("UTF-8")),
            "salts": named(&salts, |salt| hex(salt)),
            "part_hashes": named(&hashes, |hash| hex(hash)),
            "commit": hex(&commit(&hashes)),
            "entry": hex(&entry),
            "leaf": hex(&leaf),
            "root": hex(&frontier.root()),
        }));
    }
    json!({
        "epoch_key": hex(&key().0),
        "opaque_id": hex(&OPAQUE_ID),
        "events": listed,
        "frontier": hex(&frontier.to_bytes()),
        "salts_of_seq_65535": key().salts(65_535).map(|salt| hex(&salt)),
    })
}

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn the_vectors_are_what_the_code_makes() {
    let made = serde_json::to_string_pretty(&vectors()).expect("JSON") + "\n";
    let file = docs("format-vectors.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &made).expect("written");
    }
    let kept = std::fs::read_to_string(&file).expect("docs/format-vectors.json");
    assert!(kept == made, "docs/format-vectors.json differs from what the code makes: the format has changed");
}

#[test]
fn the_description_quotes_the_vectors() {
    let description = std::fs::read_to_string(docs("FORMAT.md")).expect("docs/FORMAT.md");
    let vectors = vectors();
    let first = &vectors["events"][0];
    for name in ["id", "row", "commit", "entry", "leaf"] {
        let value = first[name].as_str().expect("text");
        assert!(description.contains(value), "docs/FORMAT.md does not quote {name} of the first event: {value}");
    }
    for group in ["parts", "salts", "part_hashes"] {
        for (name, value) in first[group].as_object().expect("named") {
            let value = value.as_str().expect("text");
            assert!(description.contains(value), "docs/FORMAT.md does not quote {group} {name}: {value}");
        }
    }
    for event in vectors["events"].as_array().expect("events") {
        let root = event["root"].as_str().expect("text");
        assert!(description.contains(root), "docs/FORMAT.md does not quote the root {root}");
    }
    for (name, bound) in limits_by_name() {
        assert!(
            description.contains(&format!("| `{name}` | {bound} |")),
            "docs/FORMAT.md lacks the limit {name} = {bound}"
        );
    }
}

/// Every constant of `limits.rs` that is a plain number or product, read from the source so that none is forgotten.
fn limits_by_name() -> Vec<(String, i64)> {
    let source = include_str!("../src/limits.rs");
    let declared = source.lines().filter_map(|line| line.strip_prefix("pub const "));
    declared
        .map(|line| {
            let (name, rest) = line.split_once(':').expect("a type");
            let value = rest.split_once('=').expect("a value").1.trim().trim_end_matches(';').replace('_', "");
            let value = match value.split_once("<<") {
                Some((base, shift)) => {
                    base.trim().parse::<i64>().expect("number") << shift.trim().parse::<u32>().expect("number")
                }
                None => value.split('*').map(|factor| factor.trim().parse::<i64>().expect("number")).product(),
            };
            (name.to_owned(), value)
        })
        .collect()
}
