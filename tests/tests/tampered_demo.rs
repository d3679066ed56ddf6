//! Every kind of tampering, done to a copy of the demo organization: to its exports and to its data folder. Each is found and
//! named by `actarium verify`.

#[path = "tampered_demo/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use actarium_tests::client::Client;
use actarium_tests::program;
use actarium_tests::server::Start;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer, SigningKey};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

type Hash = [u8; 32];

/// Events under one hash in an export.
const BLOCK: usize = 256;

fn verify(what: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program::actarium());
    command.arg("verify").arg(what).args(arguments).env_remove("ACTARIUM_ORG").env_remove("ACTARIUM_TOKEN");
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[track_caller]
fn assert_found(kind: &str, (code, said): (Option<i32>, String), wanted: &str) {
    assert!(code == Some(1) && said.contains(wanted), "{kind}: exit {code:?}, {wanted:?} is not in\n{said}");
}

fn sha256(pieces: &[&[u8]]) -> Hash {
    pieces.iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece)).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The root over leaf hashes (RFC 6962, section 2.1).
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &root(left), &root(right)])
        }
    }
}

/// The commit that an event's parts give, all of which are shown.
fn commit(event: &Value) -> Hash {
    let part = |part: &Value| sha256(&[&unhex(&part["salt"]), part["text"].as_str().unwrap().as_bytes()]);
    let parts: Vec<Hash> = event["parts"].as_array().unwrap().iter().map(part).collect();
    sha256(&[b"actarium/commit/v1\n", &parts.concat()])
}

fn leaf(event: &Value) -> Hash {
    let recorded_at = event["recorded_at"].as_u64().unwrap().to_be_bytes();
    sha256(&[&[0, 1], &recorded_at, &unhex(&event["commit"])])
}

/// An export as its files' lines.
#[derive(Clone)]
struct Export {
    files: BTreeMap<String, Vec<u8>>,
    manifest: Value,
    /// Of all evidence, and of all events that people read, one after the other.
    evidence: Vec<String>,
    events: Vec<String>,
}

impl Export {
    fn read(archive: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tar = folder.path().join("export.tar");
        std::fs::write(&tar, zstd::decode_all(archive).unwrap()).unwrap();
        let place = folder.path().join("export");
        std::fs::create_dir(&place).unwrap();
        assert!(Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&place).status().unwrap().success());
        let mut files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(&place)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
            .collect();
        let manifest = serde_json::from_slice(&files.remove("manifest.json").unwrap()).unwrap();
        let mut lines = |prefix: &str| {
            let names: Vec<String> = files.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
            let bytes: Vec<u8> = names.iter().flat_map(|name| files.remove(name).unwrap()).collect();
            String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect::<Vec<String>>()
        };
        let (evidence, events) = (lines("evidence-"), lines("events-"));
        Self { files, manifest, evidence, events }
    }

    /// Writes it as somebody would who knows how exports are made: sizes and digests are right.
    fn write(&self, place: &Path) {
        let lines = |lines: &[String]| lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
        let mut files = self.files.clone();
        files.insert("evidence-000000.ndjson".to_owned(), lines(&self.evidence));
        files.insert("events-000000.ndjson".to_owned(), lines(&self.events));
        let listed = |bytes: &[u8]| json!({"bytes": bytes.len(), "sha256": hex(&Sha256::digest(bytes))});
        let mut manifest = self.manifest.clone();
        manifest["files"] = files.iter().map(|(name, bytes)| (name.clone(), listed(bytes))).collect();
        std::fs::create_dir(place).unwrap();
        std::fs::write(place.join("manifest.json"), manifest.to_string()).unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(place.join(name), bytes).unwrap());
    }

    fn line_of(&self, seq: usize) -> usize {
        let start = format!("{{\"seq\":{seq},");
        self.evidence.iter().position(|line| line.starts_with(&start)).unwrap()
    }

    fn event(&self, seq: usize) -> Value {
        serde_json::from_str(&self.evidence[self.line_of(seq)]).unwrap()
    }

    fn put(&mut self, seq: usize, event: &Value) {
        let at = self.line_of(seq);
        // The fields in the order in which they are written.
        let (recorded_at, commit, parts) =
            (&event["recorded_at"], &event["commit"], event["parts"].as_array().unwrap());
        let part = |part: &Value| match part.get("salt") {
            Some(salt) => format!("{{\"salt\":{salt},\"text\":{}}}", part["text"]),
            None => part.to_string(),
        };
        let parts: Vec<String> = parts.iter().map(part).collect();
        self.evidence[at] = format!(
            "{{\"seq\":{seq},\"recorded_at\":{recorded_at},\"commit\":{commit},\"parts\":[{}]}}",
            parts.join(",")
        );
    }

    fn count(&mut self, name: &str, by: i64) {
        self.manifest[name] = json!(self.manifest[name].as_i64().unwrap() + by);
    }

    /// Another text for an event, with its commit and what people read, and then all hashes, the root and the checkpoint anew.
    fn rewrite(&mut self, seq: usize, secret: &SigningKey, origin: &str) {
        self.replace(seq, 0, "\"success\"", "\"failure\"");
        self.sign(secret, origin);
    }

    /// Another text in a part of an event, with its commit and what people read.
    fn replace(&mut self, seq: usize, part: usize, from: &str, to: &str) {
        let mut event = self.event(seq);
        replace_text(&mut event, part, from, to);
        event["commit"] = json!(hex(&commit(&event)));
        self.put(seq, &event);
        self.events[seq] = self.events[seq].replacen(from, to, 1);
    }

    /// All hashes, the root and the checkpoint anew, under another key.
    fn sign(&mut self, secret: &SigningKey, origin: &str) {
        let is_event = |line: &&String| line.starts_with("{\"seq\":");
        let read = |line: &String| leaf(&serde_json::from_str(line).unwrap());
        let leaves: Vec<Hash> = self.evidence.iter().filter(is_event).map(read).collect();
        for line in self.evidence.iter_mut().filter(|line| line.starts_with("{\"block\"")) {
            let block: Value = serde_json::from_str(line).unwrap();
            let first = block["block"].as_u64().unwrap() as usize * BLOCK;
            *line = json!({"block": block["block"], "hash": hex(&root(&leaves[first..first + BLOCK]))}).to_string();
        }
        let whole = root(&leaves);
        let public = secret.verifying_key().to_bytes();
        let id = &sha256(&[origin.as_bytes(), b"\n\x01", &public])[..4];
        let text = format!("{origin}\n{}\n{}\n", leaves.len(), BASE64.encode(whole));
        let signature = BASE64.encode([id, &secret.sign(text.as_bytes()).to_bytes()].concat());
        let key = format!("{origin}+{}+{}\n", hex(id), BASE64.encode([&[1], &public[..]].concat()));
        self.files.insert("checkpoint".to_owned(), format!("{text}\n\u{2014} {origin} {signature}\n").into_bytes());
        self.files.insert("checkpoints.ndjson".to_owned(), Vec::new());
        self.files.insert("key".to_owned(), key.into_bytes());
        self.manifest["origin"] = json!(origin);
        self.manifest["checkpoint"]["root"] = json!(hex(&whole));
    }
}

/// The demo organization: its exports, the key and a checkpoint of its log, and its data folder.
struct Demo {
    folder: tempfile::TempDir,
    whole: Export,
    complete: Export,
    /// The whole log after somebody was erased from it, and the event that says so.
    erased: (Export, usize),
    key: String,
}

/// A filter that finds some of the demo's events.
const FOUND: &str = "action=role.*&outcome=success&complete=true";

fn demo() -> Demo {
    let folder = tempfile::tempdir().unwrap();
    let server = Start::on(&folder.path().join("data")).with(&["--demo"]).now();
    let client = server.client();
    let key = client.get("/v1/orgs/demo/log/key").text().trim().to_owned();
    // Larger at the end, so that both go up to the end of the log that their checkpoints sign.
    let export = |query: &str| Export::read(&client.get(&format!("/v1/orgs/demo/export/proof?{query}")).bytes);
    let (whole, complete) = (export("first_seq=0"), export(FOUND));
    let recorded = erase_somebody(&client);
    let erased = (export("first_seq=0"), recorded);
    server.stop();
    std::fs::write(folder.path().join("anchor"), &whole.files["checkpoint"]).unwrap();
    Demo { folder, whole, complete, erased, key }
}

/// Has somebody erased who did something; the sequence number of the record of it.
fn erase_somebody(client: &Client) -> usize {
    const PASSWORD: &str = "correct-horse-battery-71";
    let asker = json!({"email": "quinn@example.com", "name": "Quinn", "password": PASSWORD, "groups": ["admin"]});
    let _ = client.post("/v1/orgs/demo/users", &asker).expect(201);
    let session = Client::new(&client.url, "");
    let answer = session.post("/v1/session", &json!({"email": "quinn@example.com", "password": PASSWORD}));
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let csrf = answer.expect(200)["csrf_token"].as_str().unwrap().to_owned();
    let events = client.get("/v1/orgs/demo/events?action=component.deploy&from=2000-01-01T00:00:00Z").expect(200);
    let listed: Vec<(u64, &str)> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["actor"]["type"] == "user")
        .map(|event| (event["seq"].as_u64().unwrap(), event["actor"]["id"].as_str().unwrap()))
        .collect();
    // Of several events with others between them, so that the record has several ranges.
    let is_apart =
        |(seq, person): &&(u64, &str)| listed.iter().any(|(other, of)| of == person && seq.abs_diff(*other) > 9);
    let person = listed.iter().find(is_apart).expect("somebody did several things").1;
    let body = json!({"subject": format!("user:{person}"), "reason": "They asked"});
    let headers = [("cookie", &*cookie), ("x-csrf-token", &*csrf)];
    let asked = session.try_post("/v1/orgs/demo/erasures", &headers, &body).unwrap().expect(201);
    let path = format!("/v1/orgs/demo/erasures/{}", asked["id"].as_str().unwrap());
    let _ = client.post(&format!("{path}/approve"), &Value::Null).expect(200);
    for _ in 0..6_000 {
        if client.get(&path).expect(200)["state"] == "done" {
            let found = client.get("/v1/orgs/demo/events?action=record.erase&outcome=success").expect(200);
            // Of several records the one of the events that the person is in.
            let mut records = found["events"].as_array().unwrap().iter();
            let has_ranges =
                |record: &&Value| record["metadata"]["ranges"].as_str().is_some_and(|text| text.contains(','));
            return records.find(has_ranges).expect("several ranges")["seq"].as_u64().unwrap() as usize;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it is not finished: {}", client.get(&path).text());
}

impl Demo {
    fn anchor(&self) -> String {
        self.folder.path().join("anchor").to_str().unwrap().to_owned()
    }

    fn check(&self, good: &Export, arguments: &[&str], tamper: &dyn Fn(&mut Export)) -> (Option<i32>, String) {
        let place = self.folder.path().join("export");
        let mut bad = good.clone();
        tamper(&mut bad);
        bad.write(&place);
        let verified = verify(&place, arguments);
        std::fs::remove_dir_all(&place).unwrap();
        verified
    }

    /// What is said of a copy of the data folder after something was done to it.
    fn check_folder(&self, arguments: &[&str], tamper: &dyn Fn(&Path, &Connection)) -> (Option<i32>, String) {
        let copy = self.folder.path().join("copy");
        let data = self.folder.path().join("data");
        assert!(Command::new("cp").arg("-r").arg(&data).arg(&copy).status().unwrap().success());
        let database = Connection::open(copy.join("actarium.db")).unwrap();
        tamper(&copy, &database);
        drop(database);
        let verified = verify(&copy, arguments);
        std::fs::remove_dir_all(&copy).unwrap();
        verified
    }
}

fn replace_text(event: &mut Value, part: usize, from: &str, to: &str) {
    let text = event["parts"][part]["text"].as_str().unwrap();
    assert!(text.contains(from), "{text}");
    event["parts"][part]["text"] = json!(text.replace(from, to));
}

/// A kind of tampering: its name, what is done, and what is said about it.
type Kind = (&'static str, Box<dyn Fn(&mut Export)>, &'static str);

/// Every kind on the whole log, each with what is said about it.
fn edits() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut kind = |name, tamper: Box<dyn Fn(&mut Export)>, wanted| kinds.push((name, tamper, wanted));
    kind(
        "edit of what people read",
        Box::new(|bad| bad.events[5_000] = bad.events[5_000].replacen("\"outcome\":\"", "\"outcome\":\"x", 1)),
        "line 5001: it is not event 5000 as the log has it",
    );
    kind(
        "edit of a text",
        Box::new(|bad| {
            let mut event = bad.event(5_000);
            replace_text(&mut event, 1, "\"id\":\"", "\"id\":\"x");
            bad.put(5_000, &event);
        }),
        "event 5000 (evidence-000000.ndjson line",
    );
    kind(
        "edit of a text with its commit",
        Box::new(|bad| {
            let mut event = bad.event(5_000);
            replace_text(&mut event, 1, "\"id\":\"", "\"id\":\"x");
            event["commit"] = json!(hex(&commit(&event)));
            bad.put(5_000, &event);
        }),
        "events 4864 to 5119: they are not what the checkpoint signs",
    );
    kind(
        "edit of a time",
        Box::new(|bad| {
            let mut event = bad.event(5_000);
            event["recorded_at"] = json!(event["recorded_at"].as_u64().unwrap() + 1);
            bad.put(5_000, &event);
        }),
        "events 4864 to 5119: they are not what the checkpoint signs",
    );
    kind(
        "insertion",
        Box::new(|bad| {
            let at = bad.line_of(5_000);
            bad.evidence.insert(at, bad.evidence[at].clone());
            bad.events.insert(5_000, bad.events[5_000].clone());
        }),
        "it stands behind a later one, or twice",
    );
    kind(
        "deletion",
        Box::new(|bad| {
            let at = bad.line_of(5_000);
            bad.evidence.remove(at);
            bad.events.remove(5_000);
        }),
        "event 5000 is missing before it: removed",
    );
    kind(
        "reordering",
        Box::new(|bad| {
            let at = bad.line_of(5_000);
            bad.evidence.swap(at, at + 1);
            bad.events.swap(5_000, 5_001);
        }),
        "event 5000 is missing before it",
    );
    kind(
        "exchange of bodies",
        Box::new(|bad| {
            let (mut one, mut other) = (bad.event(5_000), bad.event(6_000));
            std::mem::swap(&mut one["parts"], &mut other["parts"]);
            bad.put(5_000, &one);
            bad.put(6_000, &other);
        }),
        "its parts stand at event 6000: exchanged",
    );
    kind(
        "exchange of salts",
        Box::new(|bad| {
            let (mut one, mut other) = (bad.event(5_000), bad.event(6_000));
            std::mem::swap(&mut one["parts"][1]["salt"], &mut other["parts"][1]["salt"]);
            bad.put(5_000, &one);
            bad.put(6_000, &other);
        }),
        "a text or a salt was changed",
    );
    kind(
        "cut tail",
        Box::new(|bad| {
            let at = bad.line_of(9_000);
            bad.evidence.truncate(at);
            bad.events.truncate(9_000);
        }),
        "are missing at the end: cut off",
    );
    kind(
        "another organization's id",
        Box::new(|bad| bad.manifest["organization_id"] = json!("0".repeat(32))),
        "the organization was replaced",
    );
    kind(
        "another organization's name",
        Box::new(|bad| {
            bad.manifest["organization"] = json!("globex");
            bad.events.iter_mut().for_each(|line| {
                *line = line.replacen("\"organization\":\"demo\"", "\"organization\":\"globex\"", 1);
            });
        }),
        "it calls the organization `globex`",
    );
    kind(
        "a part that is gone without an erasure",
        Box::new(|bad| {
            let mut event = bad.event(5_000);
            let part = &event["parts"][2];
            let hash = sha256(&[&unhex(&part["salt"]), part["text"].as_str().unwrap().as_bytes()]);
            event["parts"][2] = json!({"erased": hex(&hash)});
            bad.put(5_000, &event);
        }),
        "event 5000: its personal part is gone, and no erasure on record says so",
    );
    kind(
        "events that are passed off as purged",
        Box::new(|bad| {
            for seq in [9_000, 9_001] {
                let (event, at) = (bad.event(seq), bad.line_of(seq));
                bad.evidence[at] =
                    json!({"purged": seq, "recorded_at": event["recorded_at"], "commit": event["commit"]}).to_string();
                bad.events.remove(9_000);
            }
            bad.count("events", -2);
            bad.count("undisclosed", 2);
        }),
        "events 9000 to 9001: passed off as purged",
    );
    kinds
}

#[test]
fn every_kind_of_tampering_with_the_demo_is_found_and_named() {
    let demo = demo();
    let (key, anchor) = (demo.key.as_str(), demo.anchor());
    let sound = demo.check(&demo.whole, &["--key", key, "--anchor", &anchor, "--require-anchor"], &|_| ());
    assert_eq!(sound.0, Some(0), "{}", sound.1);
    for (kind, tamper, wanted) in edits() {
        assert_found(kind, demo.check(&demo.whole, &["--key", key], &tamper), wanted);
    }
    // Everything anew under another key, and as a generation that nothing opened.
    let secret = SigningKey::from_bytes(&[5; 32]);
    let origin = demo.whole.manifest["origin"].as_str().unwrap().to_owned();
    let seq = demo.whole.events.iter().position(|line| line.contains("\"outcome\":\"success\"")).unwrap();
    let anew =
        |arguments: &[&str], origin: &str| demo.check(&demo.whole, arguments, &|bad| bad.rewrite(seq, &secret, origin));
    let alone = anew(&["--require-anchor"], &origin);
    assert_eq!(alone.0, Some(3), "in itself it is consistent: {}", alone.1);
    assert_found("rewrite", anew(&["--key", key], &origin), "signed with another key");
    assert_found("rewrite", anew(&["--anchor", &anchor], &origin), "rewritten");
    assert_found("roll-back", anew(&[], &format!("{origin}/2")), "no event `audit_log.continue` opened generation 2");

    // What a filter finds, left out: as if it were not found, and as if parts of it had been erased.
    let complete = demo.check(&demo.complete, &["--key", key], &|_| ());
    assert!(complete.0 == Some(0) && complete.1.contains("are all that the filter finds"), "{}", complete.1);
    let found: Value = serde_json::from_str(&demo.complete.events[0]).unwrap();
    let seq = found["seq"].as_u64().unwrap() as usize;
    for (how, wanted) in [("hash", "it is not shown whole: left out"), ("erased", "no erasure on record says so")] {
        let left_out = demo.check(&demo.complete, &["--key", key], &|bad| {
            let mut event = bad.event(seq);
            for part in 1..4 {
                let shown = &event["parts"][part];
                let hash = sha256(&[&unhex(&shown["salt"]), shown["text"].as_str().unwrap().as_bytes()]);
                event["parts"][part] = json!({how: hex(&hash)});
            }
            bad.put(seq, &event);
            bad.events.remove(0);
            bad.count("events", -1);
            bad.count("undisclosed", 1);
        });
        assert_found("left out", left_out, wanted);
    }
}

#[test]
fn every_kind_of_tampering_with_the_data_folder_is_found_and_named() {
    folder::every_kind_is_found_and_named(&demo());
}

#[test]
fn an_erasure_with_other_ranges_than_its_record_is_found() {
    erasure_with_other_ranges(&demo(), &SigningKey::from_bytes(&[5; 32]));
}

/// The record of an erasure names other events than those that have lost something, in a log that is otherwise consistent: written
/// anew as a whole, under another key.
fn erasure_with_other_ranges(demo: &Demo, secret: &SigningKey) {
    let (erased, recorded) = &demo.erased;
    let sound = demo.check(erased, &["--key", &demo.key], &|_| ());
    assert_eq!(sound.0, Some(0), "{}", sound.1);
    let record: Value = serde_json::from_str(&erased.events[*recorded]).unwrap();
    let ranges = record["metadata"]["ranges"].as_str().unwrap();
    let (first, rest) = ranges.split_once(',').unwrap();
    let first_seq: u64 = first.split('-').next().unwrap().parse().unwrap();
    let origin = erased.manifest["origin"].as_str().unwrap();
    let with = |other: &str| {
        demo.check(erased, &[], &|bad| {
            bad.replace(*recorded, 3, &format!("\"ranges\":\"{ranges}\""), &format!("\"ranges\":\"{other}\""));
            bad.sign(secret, origin);
        })
    };
    // Without the first of them, and with one more in its place.
    let place = format!("WRONG  event {first_seq}");
    for other in [rest.to_owned(), format!("{},{rest}", first_seq - 1)] {
        let said = with(&other);
        assert_found("an erasure with other ranges", said.clone(), "part is gone, and no erasure on record says so");
        assert!(said.1.contains(&place) || said.1.contains(&place.replace("event", "events")), "{place}: {}", said.1);
    }
    // One that is listed and has lost nothing may be held: that is told, and no damage.
    let more = with(&format!("{},{ranges}", first_seq - 2));
    let told = "parts that an erasure on record lists are there";
    assert!(more.0 == Some(0) && more.1.contains(told), "{}", more.1);
}
