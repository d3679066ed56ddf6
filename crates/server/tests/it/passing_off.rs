//! What somebody who means harm says about a log: that events were purged or erased, that it was restored, that a checkpoint
//! of a part vouches for all of it, that it is another organization's. None of it is taken on their word.

use actarium_core::disclosure::ShownPart;
use actarium_core::tlog::{Checkpoint, Handover, KeyKind, ProofText, SignedCheckpoint, VerifierKey};
use actarium_verify::{Report, Trust, verify_path, verify_proof};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::tamper::{EVENTS, EVIDENCE, Export, assert_found, found, key, pass_off_as_purged, service};

fn named(secret: &SigningKey, name: &str) -> VerifierKey {
    VerifierKey::new(name, KeyKind::Log, secret.verifying_key().to_bytes()).unwrap()
}

fn signed(secret: &SigningKey, origin: &str, (size, root): (u64, [u8; 32])) -> SignedCheckpoint {
    SignedCheckpoint::parse(signed_text(secret, origin, (size, root)).as_bytes()).unwrap()
}

fn signed_text(secret: &SigningKey, origin: &str, (size, root): (u64, [u8; 32])) -> String {
    let checkpoint = Checkpoint { origin: origin.to_owned(), size, root };
    checkpoint.sign(&named(secret, origin), &|message| secret.sign(message).to_bytes()).unwrap().to_string()
}

fn checkpoint(service: &Service) -> SignedCheckpoint {
    SignedCheckpoint::parse(&service.get("/v1/orgs/acme/log/checkpoint").body).unwrap()
}

#[test]
fn a_checkpoint_vouches_for_what_it_signed_and_no_more() {
    let service = Service::start();
    service.organization("acme");
    let receipt = service.request("POST", "/v1/orgs/acme/events").header("prefer", "receipt");
    let receipt = receipt.json(&json!([event("component.deploy", "first")])).send().json();
    let early = receipt["receipt"]["checkpoint"].as_str().unwrap();
    let events: Vec<Value> = (0..40).map(|number| event("component.deploy", &format!("orders-{number}"))).collect();
    assert_eq!(service.record("acme", &json!(events)).status, 201);
    let mut trust = Trust::default();
    trust.add_anchor(early.as_bytes()).unwrap();
    let size = trust.anchors[0].checkpoint.size;
    let export = Export::get(&service, "?end_seq=40");
    let report = export.verify(&trust);
    assert_eq!((found(&report).as_str(), report.exit_code(true), report.exit_code(false)), ("", 3, 0), "{report}");
    let said = report.to_string();
    let (anchored, not) =
        (format!("anchored  events 0 to {} ", size - 1), format!("not anchored  events {size} to 39 "));
    assert!(said.contains(&anchored) && said.contains(&not) && said.contains("anchored in part"), "{said}");
    let within = Export::get(&service, &format!("?end_seq={size}")).verify(&trust);
    assert_eq!(within.exit_code(true), 0, "{within}");
    // Of nothing that it shows.
    let behind = Export::get(&service, &format!("?first_seq={size}&end_seq=40&anchor={size}")).verify(&trust);
    assert!(behind.exit_code(true) == 3 && behind.to_string().contains("not anchored"), "{behind}");
}

#[test]
fn nothing_was_purged_or_erased_because_somebody_says_so() {
    let service = service();
    let purged = |query: &str, seqs: &[u64]| {
        let mut export = Export::get(&service, query);
        assert_eq!(found(&export.verify(&Trust::default())), "", "{query}");
        seqs.iter().for_each(|seq| pass_off_as_purged(&mut export.files, *seq));
        export.verify(&Trust::default())
    };
    let wanted = ["event 300: passed off as purged", "the log has no record of a purge: withheld"];
    assert_found(&purged("", &[300]), &wanted);
    assert_found(&purged("?first_seq=100", &[300, 301]), &["events 300 to 301: passed off as purged"]);
    let complete = "?action=component.promote&complete=true";
    assert_found(&purged(complete, &[8]), &["event 8: passed off as purged"]);
    // Where a record of the purge may lie behind the range, it is not decided, and not said to be proved either.
    let open = purged("?action=component.promote&complete=true&end_seq=600", &[8]);
    assert!(open.is_sound() && open.undecided[0].contains("whether a purge on record says so"), "{open}");
    assert!(open.statements[0].ends_with(", but for 1 of which it cannot be decided"), "{open}");

    let mut erased = Export::get(&service, complete);
    erased.edit_event(8, |event| {
        event.parts[1..].iter_mut().for_each(|part| *part = ShownPart::Erased(part.hash()));
    });
    erased.edit_lines(EVENTS, |lines| drop(lines.remove(0)));
    erased.change_manifest(|manifest| {
        (manifest.events, manifest.undisclosed) = (manifest.events - 1, manifest.undisclosed + 1)
    });
    assert_found(&erased.verify(&Trust::default()), &["event 8: its identity part is gone, and no erasure on record"]);
}

fn event_id(service: &Service) -> String {
    service.find_count("acme", "action=component.deploy&limit=1", 1)[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_roll_back_is_no_generation() {
    let service = service();
    let own = key(&service);
    let secret = SigningKey::from_bytes(&[5; 32]);
    let mut export = Export::get(&service, "");
    let second = format!("{}/2", own.name());
    export.change_manifest(|manifest| manifest.origin = second.clone());
    export.rewrite(&named(&secret, &second), &|message| secret.sign(message).to_bytes());
    // Who knows the key of the first generation, and its checkpoint: the log's own key has signed the second.
    let trust =
        Trust { key: Some(named(&secret, own.name())), anchors: vec![checkpoint(&service)], ..Trust::default() };
    for trust in [trust, Trust::default()] {
        assert_found(
            &export.verify(&trust),
            &["log: its checkpoint is of generation 2, and no event `audit_log.continue`"],
        );
    }
}

#[test]
fn names_blocks_and_numbers_are_compared() {
    let service = service();
    let good = Export::get(&service, "");
    let size = good.manifest().checkpoint.size;
    let sound = good.verify(&Trust::default());
    assert!(
        sound.is_sound() && sound.statements.iter().any(|text| text.contains("calls the organization `acme`")),
        "{sound}"
    );
    assert!(sound.notes.iter().any(|text| text.contains("the export was made on")), "{sound}");
    let tampered = |tamper: &dyn Fn(&mut Export), wanted: &[&str]| {
        let mut bad = good.clone();
        tamper(&mut bad);
        assert_found(&bad.verify(&Trust::default()), wanted);
    };
    tampered(
        &|bad| {
            bad.change_manifest(|manifest| manifest.organization = "globex".to_owned());
            bad.edit_lines(EVENTS, |lines| {
                for line in lines {
                    *line = line.replacen("\"organization\":\"acme\"", "\"organization\":\"globex\"", 1);
                }
            });
        },
        &["manifest.json: it calls the organization `globex`, and event 0 created it as `acme`"],
    );
    // Without the event that created it nothing proves the name.
    let part = Export::get(&service, "?first_seq=10&end_seq=20").verify(&Trust::default());
    assert!(part.notes.iter().any(|text| text.contains("`acme` is the word of manifest.json alone")), "{part}");
    tampered(
        &|bad| {
            let mut manifest: Value = serde_json::from_slice(&bad.files["manifest.json"]).unwrap();
            manifest["approved_by"] = json!("the auditor");
            bad.files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
        },
        &["manifest.json: it cannot be read: unknown field `approved_by`"],
    );
    tampered(
        &|bad| bad.edit_lines(EVIDENCE, |lines| lines.retain(|line| !line.starts_with("{\"block\":1,"))),
        &["events 256 to 511: the hash that belongs behind them is missing"],
    );
    for block in [7, u64::MAX, 1 << 56] {
        let line = json!({"block": block, "hash": "00".repeat(32)}).to_string();
        tampered(
            &|bad| bad.edit_lines(EVIDENCE, |lines| lines.insert(10, line.clone())),
            &["evidence-000000.ndjson line 11: a hash of events that are not in the export"],
        );
    }
    tampered(
        &|bad| bad.edit_lines(EVIDENCE, |lines| lines.swap(250, 256)),
        &["the hash of the events 0 to 255 does not stand behind them"],
    );
    for seq in [1u64 << 40, (1 << 53) - 1] {
        tampered(
            &|bad| {
                bad.edit_lines(EVIDENCE, |lines| {
                    lines[20] = lines[20].replacen("{\"seq\":20,", &format!("{{\"seq\":{seq},"), 1)
                });
                bad.change_manifest(|manifest| manifest.checkpoint.size = size);
            },
            &["evidence-000000.ndjson line 21: not an event with its parts: seq is not below 2^40"],
        );
    }
}

#[test]
fn nothing_outside_of_the_folder_is_opened() {
    let service = Service::start();
    service.organization("acme");
    let export = Export::get(&service, "");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("export");
    std::fs::create_dir(&place).unwrap();
    let write = |export: &Export| {
        export.files.iter().for_each(|(name, bytes)| std::fs::write(place.join(name), bytes).unwrap());
        verify_path(&place, &Trust::default())
    };
    assert!(write(&export).unwrap().is_sound());
    std::fs::write(folder.path().join("outside"), b"x").unwrap();
    for name in ["../outside", "/dev/zero", "a/../../outside", "..", ".hidden", ""] {
        let mut bad = export.clone();
        bad.change_manifest(|manifest| {
            let entry = manifest.files["key"].clone();
            manifest.files.insert(name.to_owned(), entry);
        });
        assert_found(&write(&bad).unwrap(), &["manifest.json: it names", "no file of an export"]);
    }
    std::fs::remove_file(place.join("key")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place.join("key")).unwrap();
    let export = Export { files: export.files.into_iter().filter(|(name, _)| name != "key").collect() };
    let error = write(&export).unwrap_err();
    assert!(error.exit_code() == 1 && error.to_string().contains("is not a file"), "{error}");
    // An archive that unpacks to far more than any export does.
    let mut tar = actarium_core::tar::tar_header("events-000000.ndjson", 512 << 20).unwrap().to_vec();
    tar.resize(tar.len() + (1 << 20), 0);
    let bomb = folder.path().join("bomb.tar.zst");
    std::fs::write(&bomb, zstd::encode_all(&*tar, 3).unwrap()).unwrap();
    let error = verify_path(&bomb, &Trust::default()).unwrap_err();
    assert!(error.exit_code() == 1 && error.to_string().contains("it unpacks to more than"), "{error}");
}

#[test]
fn a_proof_is_measured_by_what_one_brings_along() {
    let service = service();
    let text = service.get(&format!("/v1/orgs/acme/events/{}?proof=true", event_id(&service))).text();
    let proof = ProofText::parse(&text).unwrap();
    let own = proof.checkpoint.checkpoint.clone();
    let with = |text: &str, trust: &Trust| -> Report { verify_proof(text, trust) };
    let trusts = |anchor: SignedCheckpoint| Trust { anchors: vec![anchor], ..Trust::default() };
    let (secret, other) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
    assert_eq!(with(&text, &trusts(proof.checkpoint.clone())).exit_code(true), 0);
    let rewritten = signed(&secret, &own.origin, (own.size, [7; 32]));
    assert_found(&with(&text, &trusts(rewritten)), &["anchor at", "another tree of this size: rewritten"]);
    let of_another = signed(&secret, "log.example/0123456789abcdef0123456789abcdef", (own.size, own.root));
    assert_found(&with(&text, &trusts(of_another)), &["it is of another log"]);
    let smaller = with(&text, &trusts(signed(&secret, &own.origin, (1, [7; 32]))));
    assert!(smaller.exit_code(true) == 3 && smaller.undecided[0].contains("cannot be compared"), "{smaller}");

    // A key of an earlier generation is the log's own, but does not know of the later one.
    let second = format!("{}/2", own.origin);
    let resigned = |secret: &SigningKey, origin: &str| {
        let checkpoint = signed(secret, origin, (own.size, own.root));
        ProofText { checkpoint, ..proof.clone() }.to_string()
    };
    let of_second = resigned(&secret, &second);
    let by = |key: VerifierKey| Trust { key: Some(key), ..Trust::default() };
    let first = with(&of_second, &by(named(&secret, &own.origin)));
    assert!(first.is_sound() && first.exit_code(true) == 3, "{first}");
    assert!(first.undecided[0].contains("this is generation 2"), "{first}");
    assert_eq!(with(&of_second, &by(named(&secret, &second))).exit_code(true), 0);
    assert_found(&with(&of_second, &by(named(&other, &own.origin))), &["checkpoint: "]);

    // The key was changed since: its hand-overs come from elsewhere, as a proof has none.
    let changed = resigned(&other, &own.origin);
    let mut trust = by(named(&secret, &own.origin));
    assert_found(&with(&changed, &trust), &["give them with --handovers"]);
    let log = own.origin.rsplit_once('/').unwrap().0;
    let handover = Handover { old: named(&secret, log), new: named(&other, log), at: 1_767_326_400_000_000 };
    let note = handover.sign(&|text| secret.sign(text).to_bytes(), &|text| other.sign(text).to_bytes()).unwrap();
    for given in [json!({"note": note.to_string()}), json!({"handovers": [note.to_string()]})] {
        trust.handovers.clear();
        trust.add_handovers(format!("{given}\n").as_bytes()).unwrap();
        let report = with(&changed, &trust);
        assert_eq!((report.exit_code(false), report.exit_code(true)), (0, 3), "{report}");
        assert!(report.undecided[0].contains("a hand-over alone leads to it"), "{report}");
    }
    assert!(trust.add_handovers(b"[]").is_err());
}

/// Whoever has kept a key that was replaced writes the log anew, and hands over from it to a key of their own.
#[test]
fn a_hand_over_from_a_stolen_key_anchors_nothing() {
    let service = service();
    let (stolen, own) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
    let origin = key(&service).name().to_owned();
    let mut export = Export::get(&service, "?anchor=200");
    let size = export.manifest().checkpoint.size;
    let early = export.lines("checkpoints.ndjson");
    let early: Value = serde_json::from_str(&early[0]).unwrap();
    let early_root = SignedCheckpoint::parse(early["note"].as_str().unwrap().as_bytes()).unwrap().checkpoint.root;
    export.rewrite(&named(&own, &origin), &|message| own.sign(message).to_bytes());
    let log = origin.rsplit_once('/').unwrap().0;
    let handover = Handover { old: named(&stolen, log), new: named(&own, log), at: 1_767_326_400_000_000 };
    let note = handover.sign(&|text| stolen.sign(text).to_bytes(), &|text| own.sign(text).to_bytes()).unwrap();
    export.put_lines("handovers.ndjson", &[json!({"note": note.to_string()}).to_string()]);
    let trust = Trust { key: Some(named(&stolen, &origin)), ..Trust::default() };
    let report = export.verify(&trust);
    assert_eq!((found(&report).as_str(), report.exit_code(false), report.exit_code(true)), ("", 0, 3), "{report}");
    assert!(report.undecided.iter().any(|text| text.contains("a hand-over alone leads to it")), "{report}");
    assert!(report.to_string().contains("Consistent in itself, not anchored"), "{report}");
    // Of the true log, what the key signed before it was replaced is vouched for by it.
    let line = json!({"note": signed_text(&stolen, &origin, (200, early_root)), "proof": early["proof"]});
    export.put_lines("checkpoints.ndjson", &[line.to_string()]);
    let said = export.verify(&trust).to_string();
    assert!(said.contains("anchored  events 0 to 199 ") && said.contains("anchored in part"), "{said}");
    assert!(said.contains(&format!("not anchored  events 200 to {}", size - 1)), "{said}");
    // So does not a key of somebody else.
    let line = json!({"note": signed_text(&own, &origin, (200, early_root)), "proof": early["proof"]});
    export.put_lines("checkpoints.ndjson", &[line.to_string()]);
    assert_eq!(export.verify(&trust).anchors, [""; 0]);
}
