//! Exports that stand alone, and every way to tamper with one: each is found and named with its place.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use actarium_core::canonical::{commit, part_hash};
use actarium_core::disclosure::{Disclosure, ShownPart};
use actarium_core::tlog::{Checkpoint, KeyKind, SignedCheckpoint, VerifierKey};
use actarium_core::tree::{Frontier, Hash, TILE_LEAVES, root};
use actarium_verify::{Bundle, FileEntry, Manifest, Report, Trust, verify_export, verify_path};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{Service, event};
use crate::person::Person;

/// An export in the hands of somebody who means harm.
#[derive(Clone)]
pub struct Export {
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Export {
    pub fn get(service: &Service, query: &str) -> Self {
        let answer = service.get(&format!("/v1/orgs/acme/export/proof{query}"));
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert!(answer.whole, "{query}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.tar.zst");
        std::fs::write(&path, &answer.body).unwrap();
        let Bundle::Files(files) = Bundle::open(&path).unwrap() else { unreachable!("an archive is read into memory") };
        Self { files }
    }

    pub fn verify(&self, trust: &Trust) -> Report {
        verify_export(&Bundle::Files(self.files.clone()), trust).unwrap()
    }

    pub fn manifest(&self) -> Manifest {
        serde_json::from_slice(&self.files["manifest.json"]).unwrap()
    }

    pub fn change_manifest(&mut self, change: impl FnOnce(&mut Manifest)) {
        let mut manifest = self.manifest();
        change(&mut manifest);
        self.files.insert("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap());
    }

    pub fn lines(&self, file: &str) -> Vec<String> {
        String::from_utf8(self.files[file].clone()).unwrap().lines().map(str::to_owned).collect()
    }

    /// Writes a file and makes the manifest agree with it, as somebody would who knows how exports are made.
    pub fn put(&mut self, file: &str, bytes: Vec<u8>) {
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let length = bytes.len() as u64;
        self.files.insert(file.to_owned(), bytes);
        self.change_manifest(|manifest| {
            manifest.files.insert(file.to_owned(), FileEntry { bytes: length, sha256: digest });
        });
    }

    pub fn put_lines(&mut self, file: &str, lines: &[String]) {
        self.put(file, lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes());
    }

    pub fn edit_lines(&mut self, file: &str, edit: impl FnOnce(&mut Vec<String>)) {
        let mut lines = self.lines(file);
        edit(&mut lines);
        self.put_lines(file, &lines);
    }

    /// The index of an event's line in the evidence.
    pub fn line_of(&self, seq: u64) -> usize {
        let start = format!("{{\"seq\":{seq},");
        self.lines(EVIDENCE).iter().position(|line| line.starts_with(&start)).unwrap()
    }

    /// Changes an event's evidence.
    pub fn edit_event(&mut self, seq: u64, edit: impl FnOnce(&mut Disclosure)) {
        let at = self.line_of(seq);
        self.edit_lines(EVIDENCE, |lines| {
            let mut event = Disclosure::parse(lines[at].as_bytes()).unwrap();
            edit(&mut event);
            let mut line = Vec::new();
            event.push_json(&mut line);
            lines[at] = String::from_utf8(line).unwrap();
        });
    }

    pub fn disclosures(&self) -> Vec<Disclosure> {
        let lines = self.lines(EVIDENCE);
        lines.iter().filter_map(|line| Disclosure::parse(line.as_bytes()).ok()).collect()
    }

    /// Makes the hashes of 256 events, root and checkpoint anew under a key of one's own: a whole rewrite.
    pub fn rewrite(&mut self, key: &VerifierKey, sign: &dyn Fn(&[u8]) -> [u8; 64]) {
        let leaves: Vec<Hash> = self.disclosures().iter().map(Disclosure::leaf).collect();
        self.edit_lines(EVIDENCE, |lines| {
            for line in lines.iter_mut().filter(|line| line.starts_with("{\"block\"")) {
                let mut block: Value = serde_json::from_str(line).unwrap();
                let first = (block["block"].as_u64().unwrap() * TILE_LEAVES) as usize;
                block["hash"] = json!(hex(&root(&leaves[first..first + 256])));
                *line = block.to_string();
            }
        });
        let mut tree = Frontier::new();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size: tree.size(), root: tree.root() };
        let note = checkpoint.sign(key, sign).unwrap().to_string();
        self.put("checkpoint", note.into_bytes());
        self.put("key", format!("{key}\n").into_bytes());
        self.put("checkpoints.ndjson", Vec::new());
        self.change_manifest(|manifest| {
            manifest.checkpoint.root = hex(&tree.root());
            manifest.checkpoint.size = tree.size();
        });
    }
}

pub const EVIDENCE: &str = "evidence-000000.ndjson";
pub const EVENTS: &str = "events-000000.ndjson";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The findings as lines, for looking into.
pub fn found(report: &Report) -> String {
    report
        .findings
        .iter()
        .chain(&report.missing)
        .map(|finding| format!("{}: {}\n", finding.place, finding.problem))
        .collect()
}

#[track_caller]
pub fn assert_found(report: &Report, wanted: &[&str]) {
    assert!(!report.is_sound(), "nothing was found");
    assert_eq!(report.exit_code(false), 1);
    let found = found(report);
    for text in wanted {
        assert!(found.contains(text), "{text:?} is not in\n{found}");
    }
}

/// An organization with 600 events and some.
pub fn service() -> Service {
    let service = Service::start();
    service.organization("acme");
    let events: Vec<Value> = (0..599)
        .map(|number| {
            let mut event = event(if number % 50 == 7 { "component.promote" } else { "component.deploy" }, "orders");
            event["metadata"] = json!({"number": number});
            event
        })
        .collect();
    assert_eq!(service.record("acme", &json!(events)).status, 201);
    assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
    service
}

/// The newest checkpoint, once it holds so many events: it is published a moment after they are acknowledged.
fn published(service: &Service, size: u64) -> SignedCheckpoint {
    for _ in 0..1_200 {
        let newest = SignedCheckpoint::parse(&service.get("/v1/orgs/acme/log/checkpoint").body).unwrap();
        if newest.checkpoint.size >= size {
            return newest;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no checkpoint of {size} events is published within a minute");
}

pub fn key(service: &Service) -> VerifierKey {
    VerifierKey::parse(service.get("/v1/orgs/acme/log/key").text().trim()).unwrap()
}

#[test]
fn whole_and_filtered_exports_verify_and_say_what_they_prove() {
    let service = service();
    let trust = Trust { key: Some(key(&service)), ..Trust::default() };
    for (query, says) in [
        ("?end_seq=600", "these are all 600 events from 0 on, and none other"),
        ("?first_seq=300&end_seq=590", "these are all 290 events from 300 on"),
        ("?first_seq=256&end_seq=512", "these are all 256 events from 256 on"),
        ("?first_seq=10&end_seq=10", "these are all 0 events from 10 on"),
        ("?action=component.promote&end_seq=600", "each of these 12 events is in the log"),
        (
            "?action=component.promote&end_seq=600&complete=true",
            "these 12 events are all that the filter finds among the 600",
        ),
        ("?q=orders%20-promote&complete=true&end_seq=300", "are all that the filter finds among the 300"),
        ("?from=2020-01-01T00:00:00Z&first_seq=1&end_seq=4", "each of these 3 events"),
    ] {
        let export = Export::get(&service, query);
        let report = export.verify(&trust);
        assert_eq!(found(&report), "", "{query}");
        assert!(report.statements[0].contains(says), "{query}: {:?}", report.statements);
        assert!(report.is_anchored());
        assert_eq!(report.exit_code(true), 0);
        let alone = export.verify(&Trust::default());
        assert_eq!((alone.exit_code(false), alone.exit_code(true)), (0, 3));
        assert!(alone.to_string().contains("Consistent in itself, not anchored"), "{alone}");
    }
    let filtered = Export::get(&service, "?action=component.promote&end_seq=600").manifest();
    assert_eq!((filtered.events, filtered.undisclosed), (12, 588));
    // Of events that the filter does not find, only what it reads is shown.
    let complete = Export::get(&service, "?action=component.promote&end_seq=600&complete=true");
    let hidden = &complete.disclosures()[1];
    assert!(matches!(hidden.parts[0], ShownPart::Whole { .. }) && matches!(hidden.parts[1], ShownPart::Withheld(_)));
    assert_eq!(complete.lines(EVENTS).len(), 12);
}

#[test]
fn an_export_with_proofs_needs_the_whole_log() {
    let service = Service::start();
    service.organization("acme");
    let role = json!({"name": "Taker", "permissions": ["audit_logs_view", "audit_logs_export"]});
    let role = service.request("POST", "/v1/orgs/acme/roles").json(&role).send().json();
    let group = service.request("POST", "/v1/orgs/acme/groups").json(&json!({"name": "Takers"})).send().json();
    let (role, group) = (role["id"].as_str().unwrap(), group["id"].as_str().unwrap());
    let body = json!({"role": role, "level": "organization"});
    service.request("POST", &format!("/v1/orgs/acme/groups/{group}/roles")).json(&body).send();
    let person = Person::new(&service, "Tara", &[group]);
    assert_eq!(person.send(&service, "GET", "export", Value::Null).status, 200);
    assert_eq!(person.send(&service, "GET", "export/proof", Value::Null).status, 403);
    let auditor = Person::new(&service, "Odo", &["auditor"]);
    assert_eq!(auditor.send(&service, "GET", "export/proof", Value::Null).status, 200);
    for (bad, status) in [("?first_seq=2&end_seq=1", 400), ("?first_seq=-1", 400), ("?anchor=x", 400)] {
        assert_eq!(service.get(&format!("/v1/orgs/acme/export/proof{bad}")).status, status, "{bad}");
    }
    for (anchor, told) in [("0", "1 or more"), ("99999999", "no checkpoint of it is of more"), ("-0", "1 or more")] {
        let refused = service.get(&format!("/v1/orgs/acme/export/proof?anchor=1&anchor={anchor}"));
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid-parameter"), "{anchor}: {refused:?}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("`anchor`") && detail.contains(told), "{anchor}: {detail}");
    }
    // Beyond the range, and within the log.
    let behind = Export::get(&service, "?end_seq=1&anchor=2");
    assert!(behind.manifest().checkpoint.size >= 2);
    let exports = service.find_count("acme", "action=audit_log.export&q=proof&outcome=success", 2);
    assert_eq!(exports[0]["metadata"]["format"], "proof");
}

#[test]
fn anchors_and_keys_from_outside_vouch_for_an_export() {
    let service = service();
    let old = published(&service, 600);
    assert_eq!(service.record("acme", &event("component.deploy", "later")).status, 201);
    let size = old.checkpoint.size;
    let trust = Trust { anchors: vec![old.clone()], ..Trust::default() };
    // The whole log gives every root on the way; of a part, the export has the proof that was asked for.
    for query in [format!("?end_seq={size}"), format!("?first_seq=100&end_seq=200&anchor={size}")] {
        let report = Export::get(&service, &query).verify(&trust);
        assert_eq!((found(&report).as_str(), report.exit_code(true)), ("", 0), "{query}: {report}");
    }
    let mut other = old.clone();
    other.checkpoint.root[0] ^= 1;
    let rewritten = Export::get(&service, "").verify(&Trust { anchors: vec![other.clone()], ..Trust::default() });
    assert_found(&rewritten, &["anchor at", "rewritten"]);
    other = old.clone();
    other.checkpoint.origin = "audit.example/other".to_owned();
    let of_another = Export::get(&service, "").verify(&Trust { anchors: vec![other], ..Trust::default() });
    assert_found(&of_another, &["it is of another log"]);
    let newer = SignedCheckpoint { checkpoint: Checkpoint { size: size + 1_000, ..old.checkpoint.clone() }, ..old };
    let undecided = Export::get(&service, "").verify(&Trust { anchors: vec![newer], ..Trust::default() });
    assert_eq!(undecided.exit_code(true), 3);
    assert!(undecided.undecided[0].contains("newer than the export"));
}

#[test]
fn every_kind_of_tampering_is_found_and_named() {
    let service = service();
    let good = Export::get(&service, "?end_seq=600");
    let trust = Trust::default();
    assert!(good.verify(&trust).is_sound());
    let tampered = |tamper: &dyn Fn(&mut Export), wanted: &[&str]| {
        let mut bad = good.clone();
        tamper(&mut bad);
        assert_found(&bad.verify(&trust), wanted);
    };
    let rewrite_text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap().replace("orders", "others").into_bytes();
    let edit_part = |event: &mut Disclosure, part: usize| {
        let ShownPart::Whole { text, .. } = &mut event.parts[part] else { unreachable!("all is shown") };
        *text = rewrite_text(text);
    };

    // A file that was touched without the manifest.
    tampered(
        &|bad| bad.files.get_mut(EVENTS).unwrap()[40] ^= 1,
        &["events-000000.ndjson: it is not the file that the manifest names: edited", "events-000000.ndjson line 1:"],
    );
    tampered(&|bad| drop(bad.files.get_mut(EVIDENCE).unwrap().drain(500..)), &["cut or edited: 500 bytes of"]);
    tampered(&|bad| drop(bad.files.remove("checkpoint")), &["checkpoint: it is missing"]);
    tampered(&|bad| drop(bad.files.insert("more".to_owned(), vec![1])), &["more: the manifest does not name it"]);
    // One that the manifest names and nothing would read: it would pass for verified.
    for file in ["summary.csv", "events.ndjson", "events-000000.csv", "events-0.ndjson"] {
        tampered(
            &|bad| bad.put(file, b"x".to_vec()),
            &[&format!("manifest.json: it names \"{file}\", which is no file of an export")],
        );
    }
    // Edit: in what people read, in a text, in a salt, with the commit made to fit.
    tampered(
        &|bad| bad.edit_lines(EVENTS, |lines| lines[300] = lines[300].replace("orders", "others")),
        &["events-000000.ndjson line 301: it is not event 300 as the log has it"],
    );
    tampered(
        &|bad| bad.edit_event(300, |event| edit_part(event, 1)),
        &["event 300 (evidence-000000.ndjson line 302): its parts do not give its commit"],
    );
    tampered(
        &|bad| {
            bad.edit_event(20, |event| {
                let ShownPart::Whole { salt, .. } = &mut event.parts[2] else { unreachable!("all is shown") };
                salt[3] ^= 1;
            });
        },
        &["event 20 (evidence-000000.ndjson line 21): its parts do not give its commit"],
    );
    tampered(
        &|bad| {
            bad.edit_event(300, |event| {
                edit_part(event, 1);
                event.commit = event.commit_of_parts();
            });
            bad.edit_lines(EVENTS, |lines| lines[300] = lines[300].replace("orders", "others"));
        },
        &["events 256 to 511: they are not what the checkpoint signs"],
    );
    tampered(
        &|bad| bad.edit_event(300, |event| event.recorded_at += 1),
        &["events 256 to 511: they are not what the checkpoint signs", "line 301: it is not event 300"],
    );
    // Insertion.
    tampered(
        &|bad| {
            let at = bad.line_of(40);
            bad.edit_lines(EVIDENCE, |lines| lines.insert(at, lines[at].clone()));
            bad.edit_lines(EVENTS, |lines| lines.insert(40, lines[40].clone()));
        },
        &["event 40 (evidence-000000.ndjson line 42): it stands behind a later one, or twice"],
    );
    tampered(
        &|bad| bad.edit_lines(EVENTS, |lines| lines.push(lines[3].clone())),
        &["events-000000.ndjson line 601: an event that the evidence does not have: inserted"],
    );
    // Deletion inside, and the same with the numbers closed up.
    tampered(
        &|bad| {
            let at = bad.line_of(77);
            bad.edit_lines(EVIDENCE, |lines| drop(lines.remove(at)));
            bad.edit_lines(EVENTS, |lines| drop(lines.remove(77)));
        },
        &["event 78 (evidence-000000.ndjson line 78): event 77 is missing before it: removed"],
    );
    tampered(
        &|bad| {
            let events: Vec<Disclosure> = bad.disclosures().into_iter().filter(|event| event.seq != 77).collect();
            let lines: Vec<String> = (0..).zip(events).map(|(seq, event)| line(&Disclosure { seq, ..event })).collect();
            bad.put_lines(EVIDENCE, &lines);
            bad.change_manifest(|manifest| {
                manifest.range.end = 599;
                manifest.events = 599;
            });
        },
        &["manifest.json: the hashes before and after the range"],
    );
    // Reordering and exchange.
    tampered(
        &|bad| {
            let at = bad.line_of(100);
            bad.edit_lines(EVIDENCE, |lines| lines.swap(at, at + 1));
        },
        &[
            "event 101 (evidence-000000.ndjson line 101): event 100 is missing before it",
            "event 100 (evidence-000000.ndjson line 102): it stands behind a later one",
        ],
    );
    tampered(
        &|bad| {
            let all = bad.disclosures();
            bad.edit_event(100, |event| event.parts = all[200].parts.clone());
            bad.edit_event(200, |event| event.parts = all[100].parts.clone());
        },
        &[
            "event 100 (evidence-000000.ndjson line 101): its parts stand at event 200: exchanged",
            "its parts stand at event 100: exchanged",
        ],
    );
    tampered(
        &|bad| {
            let all = bad.disclosures();
            bad.edit_event(10, |event| {
                if let (ShownPart::Whole { salt, .. }, ShownPart::Whole { salt: other, .. }) =
                    (&mut event.parts[1], &all[11].parts[1])
                {
                    *salt = *other;
                }
            });
        },
        &["event 10 (evidence-000000.ndjson line 11)"],
    );
    // Cut tail.
    tampered(
        &|bad| {
            let at = bad.line_of(580);
            bad.edit_lines(EVIDENCE, |lines| lines.truncate(at));
            bad.edit_lines(EVENTS, |lines| lines.truncate(580));
        },
        &["event 580: events 580 to 599 are missing at the end: cut off"],
    );
    // A part that is gone without an erasure on record, in an export that goes to the end of the log.
    let mut erased = Export::get(&service, "");
    let end = erased.manifest().checkpoint.size;
    assert_eq!(erased.manifest().range.end, end, "the export goes to the end of the log");
    erased.edit_event(50, |event| event.parts[2] = ShownPart::Erased(event.parts[2].hash()));
    assert_found(&erased.verify(&trust), &["event 50: its personal part is gone, and no erasure on record says so"]);
    // The hash that stands for 256 events.
    tampered(
        &|bad| {
            bad.edit_lines(EVIDENCE, |lines| {
                let block = lines.iter_mut().find(|line| line.starts_with("{\"block\"")).unwrap();
                *block = json!({"block": 0, "hash": "00".repeat(32)}).to_string();
            });
        },
        &["events 0 to 255: the hash that is given for them was changed"],
    );
    tampered(
        &|bad| bad.change_manifest(|manifest| manifest.events -= 1),
        &["manifest.json: it counts 599 events shown and 0 not, there are 600 and 0"],
    );
}

fn line(event: &Disclosure) -> String {
    let mut line = Vec::new();
    event.push_json(&mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn an_erasure_covers_what_its_record_lists_and_no_more() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let by = |id: &str, number: u64| {
        let mut event = event("component.deploy", &format!("c-{number}"));
        event["actor"]["id"] = json!(id);
        event
    };
    let events: Vec<Value> = (0..20).map(|number| by(if number % 4 == 0 { "u-777" } else { "u-1" }, number)).collect();
    let recorded = service.record("acme", &json!(events)).json();
    let first = recorded["events"][0]["seq"].as_u64().unwrap();
    let id = asker.made(&service, "erasures", json!({"subject": "user:u-777", "reason": "They asked"}));
    let path = format!("/v1/orgs/acme/erasures/{id}");
    assert_eq!(service.request("POST", &format!("{path}/approve")).send().status, 200);
    while service.get(&path).json()["state"] != "done" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let good = Export::get(&service, "");
    let report = good.verify(&Trust::default());
    assert!(report.is_sound() && report.undecided.is_empty(), "{report}");
    // Its neighbour, and another part of the same event.
    for (seq, part, name) in [(first + 1, 2, "personal"), (first, 3, "detail")] {
        let mut bad = good.clone();
        bad.edit_event(seq, |event| event.parts[part] = ShownPart::Erased(event.parts[part].hash()));
        let wanted = format!("event {seq}: its {name} part is gone, and no erasure on record says so");
        assert_found(&bad.verify(&Trust::default()), &[&wanted]);
    }
    // A complete export holds the record too, whatever its filter finds.
    let complete = Export::get(&service, "?action=component.promote&complete=true");
    let report = complete.verify(&Trust::default());
    assert!(report.is_sound() && report.undecided.is_empty(), "{report}");
    let record = service.find("acme", "action=record.erase&from=-1d")[0]["seq"].as_u64().unwrap();
    let mut bad = complete;
    bad.edit_event(record, |event| event.parts[3] = ShownPart::Withheld(event.parts[3].hash()));
    assert_found(
        &bad.verify(&Trust::default()),
        &[&format!("event {record} "), "it tells what became of the log itself"],
    );
    // The record itself without what it lists.
    let mut bad = good.clone();
    let record = service.find("acme", "action=record.erase&from=-1d")[0]["seq"].as_u64().unwrap();
    bad.edit_event(record, |event| event.parts[3] = ShownPart::Erased(event.parts[3].hash()));
    assert_found(&bad.verify(&Trust::default()), &[&format!("event {record} "), "that is never erased"]);
}

#[test]
fn another_organization_and_a_whole_rewrite_are_found_by_what_one_brings_along() {
    let service = service();
    let key = key(&service);
    let good = Export::get(&service, "");
    let trust = Trust { key: Some(key.clone()), ..Trust::default() };
    assert!(good.verify(&trust).is_sound());
    // The same text for another organization.
    let mut replaced = good.clone();
    replaced.change_manifest(|manifest| manifest.organization_id = "0".repeat(32));
    assert_found(&replaced.verify(&Trust::default()), &["manifest.json: the organization was replaced"]);
    service.organization("other");
    let answer = service.get("/v1/orgs/other/log/key");
    let other = VerifierKey::parse(answer.text().trim()).unwrap();
    assert_found(&good.verify(&Trust { key: Some(other), ..Trust::default() }), &["key: it is", "another log"]);

    // Everything made anew with a key of one's own: consistent in itself, and only that.
    let secret = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let forged = VerifierKey::new(key.name(), KeyKind::Log, secret.verifying_key().to_bytes()).unwrap();
    let mut rewritten = good.clone();
    rewritten.edit_event(300, |event| {
        for part in &mut event.parts {
            let ShownPart::Whole { text, .. } = part else { unreachable!("all is shown") };
            *text = String::from_utf8(text.clone()).unwrap().replace("orders", "others").into_bytes();
        }
        let hashes = event.parts.each_ref().map(|part| match part {
            ShownPart::Whole { salt, text } => part_hash(salt, text),
            ShownPart::Withheld(_) | ShownPart::Erased(_) => unreachable!("all is shown"),
        });
        event.commit = commit(&hashes);
    });
    rewritten.edit_lines(EVENTS, |lines| lines[300] = lines[300].replace("orders", "others"));
    rewritten.rewrite(&forged, &|message| ed25519_dalek::Signer::sign(&secret, message).to_bytes());
    let alone = rewritten.verify(&Trust::default());
    assert_eq!(found(&alone), "");
    assert_eq!((alone.exit_code(false), alone.exit_code(true)), (0, 3), "nothing in it can show that it was rewritten");
    assert_found(&rewritten.verify(&trust), &["key: it is", "signed with another key"]);
    let anchor = SignedCheckpoint::parse(&good.files["checkpoint"]).unwrap();
    let anchored = rewritten.verify(&Trust { anchors: vec![anchor], ..Trust::default() });
    assert_found(&anchored, &["anchor at", "rewritten"]);
}

#[test]
fn filtered_exports_show_what_was_left_out_or_slipped_in() {
    let service = service();
    let trust = Trust::default();
    // Without the rest of the range it cannot be seen that something was left out, but what is there is there.
    let good = Export::get(&service, "?action=component.promote&end_seq=600");
    let mut edited = good.clone();
    edited.edit_event(8, |event| {
        event.recorded_at -= 1;
    });
    assert_found(
        &edited.verify(&trust),
        &["event 8 (evidence-000000.ndjson line 1): the log has no such event at its place"],
    );
    let mut unproved = good.clone();
    unproved.edit_lines(EVIDENCE, |lines| drop(lines.remove(1)));
    assert_found(&unproved.verify(&trust), &["event 8 (evidence-000000.ndjson line 1): it has no inclusion proof"]);
    let mut fewer = good.clone();
    fewer.edit_lines(EVIDENCE, |lines| drop(lines.drain(..2)));
    fewer.edit_lines(EVENTS, |lines| drop(lines.remove(0)));
    assert_found(
        &fewer.verify(&trust),
        &["manifest.json: it counts 12 events shown and 588 not, there are 11 and 589"],
    );
    fewer.change_manifest(|manifest| (manifest.events, manifest.undisclosed) = (11, 589));
    assert!(fewer.verify(&trust).is_sound(), "which is what the other kind of export is for");

    let good = Export::get(&service, "?action=component.promote&end_seq=600&complete=true");
    assert!(good.verify(&trust).is_sound());
    let mut left_out = good.clone();
    left_out.edit_event(8, |event| event.parts[3] = ShownPart::Withheld(event.parts[3].hash()));
    left_out.edit_lines(EVENTS, |lines| drop(lines.remove(0)));
    left_out.change_manifest(|manifest| (manifest.events, manifest.undisclosed) = (11, 589));
    assert_found(
        &left_out.verify(&trust),
        &["event 8 (evidence-000000.ndjson line 9): the filter finds it, and it is not shown whole: left out"],
    );
    let mut hidden = good.clone();
    hidden.edit_event(9, |event| event.parts[0] = ShownPart::Withheld(event.parts[0].hash()));
    assert_found(&hidden.verify(&trust), &["event 9 (evidence-000000.ndjson line 10)", "its fact is not shown"]);
    let mut other_phrase = good;
    other_phrase.change_manifest(|manifest| manifest.query.phrase = "action:component.deploy".to_owned());
    assert_found(&other_phrase.verify(&trust), &["left out"]);
}

#[test]
fn folders_are_read_as_archives_are() {
    let service = service();
    let export = Export::get(&service, "?end_seq=300");
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &export.files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let report = verify_export(&Bundle::open(folder.path()).unwrap(), &Trust::default()).unwrap();
    assert_eq!(found(&report), "");
    std::fs::write(folder.path().join("x.tar.zst"), b"no archive").unwrap();
    assert!(Bundle::open(&folder.path().join("x.tar.zst")).is_err());
    assert!(Bundle::open(Path::new("/nowhere/export")).is_err());
    // What is something else is told from what is wrong, and an export without its manifest is wrong.
    let told =
        |path: &Path| verify_path(path, &Trust::default()).map_err(|error| (error.exit_code(), error.to_string()));
    let (code, detail) = told(&folder.path().join("x.tar.zst")).unwrap_err();
    assert!(code == 2 && detail.contains("neither an export"), "{detail}");
    std::fs::remove_file(folder.path().join("manifest.json")).unwrap();
    assert_found(&told(folder.path()).unwrap(), &["manifest.json: there is none"]);
    let other = tempfile::tempdir().unwrap();
    let (code, detail) = told(other.path()).unwrap_err();
    assert!(code == 2 && detail.contains("manifest.json") && detail.contains("data folder"), "{detail}");
    std::fs::write(other.path().join("actarium.db"), b"").unwrap();
    assert!(told(other.path()).unwrap_err().1.contains("is the data folder of a service"));
    std::fs::write(other.path().join("cut.tar.zst"), zstd::encode_all(&[7u8; 100][..], 1).unwrap()).unwrap();
    assert_eq!(told(&other.path().join("cut.tar.zst")).unwrap_err().0, 1);
    // The proof of an event, whatever its file is called.
    let id = service.find_count("acme", "action=component.deploy&limit=1", 1)[0]["id"].as_str().unwrap().to_owned();
    let proof = service.get(&format!("/v1/orgs/acme/events/{id}?proof=true")).text();
    let file = other.path().join("proof.txt");
    std::fs::write(&file, &proof).unwrap();
    let report = told(&file).unwrap();
    assert!(report.is_sound() && report.statements[0].contains("is in the log"), "{report}");
    let extra = proof.lines().find_map(|line| line.strip_prefix("extra ")).unwrap();
    let edited =
        String::from_utf8(BASE64.decode(extra).unwrap()).unwrap().replacen("component.deploy", "component.delete", 1);
    std::fs::write(&file, proof.replacen(extra, &BASE64.encode(edited), 1)).unwrap();
    assert_found(&told(&file).unwrap(), &["its parts do not give its commit: edited"]);
    let named = other.path().join("x.tlog-proof");
    std::fs::write(&named, b"no proof").unwrap();
    assert_found(&told(&named).unwrap(), &["proof: "]);
    let nothing = verify_export(&Bundle::Files(BTreeMap::new()), &Trust::default()).unwrap();
    assert_found(&nothing, &["manifest.json: there is none"]);
}

/// Leaves of an event its time and commit, as if it had been purged, and makes counts and digests agree with it.
pub fn pass_off_as_purged(files: &mut BTreeMap<String, Vec<u8>>, seq: u64) {
    let mut export = Export { files: std::mem::take(files) };
    let is_range = export.manifest().kind == actarium_verify::Kind::Range;
    let evidence: Vec<String> = export.files.keys().filter(|name| name.starts_with("evidence-")).cloned().collect();
    for (name, shown) in evidence.iter().map(|name| (name.clone(), name.replace("evidence-", "events-"))) {
        let start = format!("{{\"seq\":{seq},");
        let Some(at) = export.lines(&name).iter().position(|line| line.starts_with(&start)) else { continue };
        export.edit_lines(&name, |lines| {
            let event = Disclosure::parse(lines[at].as_bytes()).unwrap();
            lines[at] =
                json!({"purged": seq, "recorded_at": event.recorded_at, "commit": hex(&event.commit)}).to_string();
        });
        let id = format!("\"seq\":{seq},");
        let shown_before = export.lines(&shown).len();
        export.edit_lines(&shown, |lines| lines.retain(|line| !line.contains(&id)));
        let gone = (shown_before - export.lines(&shown).len()) as u64;
        assert!(!is_range || gone == 1, "{gone} events of this number were shown");
        export.change_manifest(|manifest| {
            manifest.events -= gone;
            manifest.undisclosed += gone;
        });
    }
    *files = export.files;
}
