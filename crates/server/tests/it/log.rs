//! What the log proves to others: checkpoints, tiles, the key, proofs of events, receipts. Verified as a reader would.

use actarium_core::disclosure::Disclosure;
use actarium_core::tlog::{
    ProofText, SignedCheckpoint, TileAddress, TileKind, VerifierKey, decode_bundle, tiles, verify_consistency,
    verify_inclusion,
};
use actarium_core::tree::{Hash, leaf_hash, root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::client::{Answer, Service, event};
use crate::person::Person;

fn log(service: &Service, path: &str) -> Answer {
    let answer = service.get(&format!("/v1/orgs/acme/log/{path}"));
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer
}

fn key(service: &Service) -> VerifierKey {
    VerifierKey::parse(log(service, "key").text().trim_end()).unwrap()
}

/// The newest checkpoint once it has this size, verified.
fn checkpoint(service: &Service, size: u64) -> SignedCheckpoint {
    for _ in 0..200 {
        let checkpoint = SignedCheckpoint::parse(&log(service, "checkpoint").body).unwrap();
        checkpoint.verify(&key(service)).unwrap();
        if checkpoint.checkpoint.size >= size {
            return checkpoint;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("no checkpoint of {size} events came");
}

fn record_many(service: &Service, count: usize) -> u64 {
    let events: Vec<Value> = (0..count).map(|number| event("component.deploy", &format!("c{number}"))).collect();
    let answer = service.record("acme", &json!(events));
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["as_of"]["size"].as_u64().unwrap()
}

#[test]
fn checkpoint_and_tiles_are_those_of_one_tree() {
    let service = Service::start();
    service.organization("acme");
    let size = record_many(&service, 600);
    let first = checkpoint(&service, size);
    let answer = log(&service, "checkpoint");
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "private, max-age=1");
    let mut leaves: Vec<Hash> = Vec::new();
    for tile in tiles(first.checkpoint.size) {
        let answer = log(&service, &tile.to_string());
        assert_eq!(answer.headers["content-type"], "application/octet-stream");
        assert_eq!(answer.headers["cache-control"], "private, max-age=31536000, immutable");
        assert_eq!(answer.body.len() as u64, 32 * tile.width);
        if tile.kind == TileKind::Hashes(0) {
            leaves.extend(answer.body.as_chunks::<32>().0);
            let entries = log(&service, &TileAddress { kind: TileKind::Entries, ..tile }.to_string()).body;
            let made: Vec<Hash> = decode_bundle(&entries).unwrap().into_iter().map(leaf_hash).collect();
            assert_eq!(made, answer.body.as_chunks::<32>().0);
        } else {
            let made: Vec<Hash> = leaves.chunks_exact(256).map(root).collect();
            assert_eq!(made, answer.body.as_chunks::<32>().0);
        }
    }
    assert_eq!(root(&leaves), first.checkpoint.root);
    for bad in
        ["tile/0/003", "tile/0/000.p/0", "tile/0/0", "tile/1/000", "tile/9/000.p/1", "tile/entries/x001", "tile/"]
    {
        assert_eq!(service.get(&format!("/v1/orgs/acme/log/{bad}")).status, 404, "{bad}");
    }
    // Sealing changes where events lie, not what is served of them.
    let before = log(&service, "tile/0/001").body;
    assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
    assert_eq!(log(&service, "tile/0/001").body, before);
    assert_eq!(log(&service, "tile/1/000.p/2").body.as_chunks::<32>().0[0], root(&leaves[..256]));
}

#[test]
fn the_log_is_open_to_everybody_when_the_organization_says_so() {
    let service = Service::start();
    service.organization("acme");
    let size = record_many(&service, 3);
    checkpoint(&service, size);
    let paths = ["checkpoint", "key", "tile/0/000.p/3", "tile/entries/000.p/3"];
    let open = |expected: u16| {
        for path in paths {
            let answer = service.anonymous("GET", &format!("/v1/orgs/acme/log/{path}")).send();
            assert_eq!(answer.status, expected, "{path}: {answer:?}");
            if expected == 200 {
                assert!(answer.headers["cache-control"].starts_with("public, "), "{answer:?}");
            }
        }
    };
    open(401);
    let patch = |body: Value| service.request("PATCH", "/v1/orgs/acme").json(&body).send();
    assert_eq!(patch(json!({"log_public": "yes"})).status, 422);
    let opened = patch(json!({"log_public": true}));
    assert_eq!((opened.status, &opened.json()["log_public"]), (200, &json!(true)));
    open(200);
    assert_eq!(patch(json!({"name": "Acme"})).json()["log_public"], true, "a new name opens and closes nothing");
    // Events themselves stay closed.
    assert_eq!(service.anonymous("GET", "/v1/orgs/acme/events").send().status, 401);
    assert_eq!(service.anonymous("GET", "/v1/orgs/nobody/log/checkpoint").send().status, 401);
    assert_eq!(patch(json!({"log_public": false})).json()["log_public"], false);
    open(401);
    let changes = service.find("acme", "action=organization.update");
    let flags: Vec<_> = changes.iter().filter(|change| change["changes"][0]["path"] == "/log_public").collect();
    assert_eq!(flags.len(), 2);
    assert_eq!(flags[1]["changes"][0], json!({"path": "/log_public", "before": false, "after": true}));
}

#[test]
fn who_does_not_see_the_log_does_not_open_it_to_everybody() {
    let service = Service::start();
    service.organization("acme");
    let blind = Person::holding(&service, "Blin", &["organization_view", "organization_update"]);
    let seeing = Person::holding(&service, "Sina", &["organization_view", "organization_update", "audit_logs_view"]);
    let patch = |person: &Person, body: Value| person.request(&service, "PATCH", "/v1/orgs/acme").json(&body).send();
    let refused = patch(&blind, json!({"log_public": true}));
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(patch(&blind, json!({"name": "Acme Ltd", "log_public": false})).status, 200, "it changes nothing");
    assert_eq!(patch(&seeing, json!({"log_public": true})).status, 200);
    assert_eq!(patch(&blind, json!({"log_public": false})).status, 403);
}

fn verified(text: &str, key: &VerifierKey) -> Disclosure {
    let proof = ProofText::parse(text).unwrap();
    proof.checkpoint.verify(key).unwrap();
    let disclosure = Disclosure::parse(proof.extra.as_deref().unwrap()).unwrap();
    assert_eq!(disclosure.seq, proof.index);
    assert_eq!(disclosure.commit_of_parts(), disclosure.commit);
    proof.verify(&disclosure.leaf()).unwrap();
    disclosure
}

#[test]
fn the_proof_of_an_event_verifies_without_the_service() {
    let service = Service::start();
    service.organization("acme");
    let answer = service.record("acme", &json!([event("component.deploy", "a"), event("component.promote", "b")]));
    let key = key(&service);
    for sealed in [false, true] {
        for recorded in answer.json()["events"].as_array().unwrap() {
            let id = recorded["id"].as_str().unwrap();
            let proof = service.get(&format!("/v1/orgs/acme/events/{id}?proof=true"));
            assert_eq!(proof.status, 200, "{proof:?}");
            assert_eq!(proof.headers["content-type"], "text/plain; charset=utf-8");
            let disclosure = verified(&proof.text(), &key);
            assert_eq!(recorded["seq"], disclosure.seq);
            let shown = service.get(&format!("/v1/orgs/acme/events/{id}?proof=false")).json();
            let row = disclosure.row().unwrap();
            assert_eq!(shown["action"], row.row(0).get(actarium_core::row::Column::Action).unwrap());
        }
        if !sealed {
            assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
        }
    }
    let views = service.find_count("acme", "action=audit_log.view&q=proof", 4);
    assert_eq!(views[0]["metadata"]["proof"], true);
}

#[test]
fn a_proof_needs_the_right_to_verify() {
    let service = Service::start();
    service.organization("acme");
    let answer = service.record("acme", &event("component.deploy", "a")).json();
    let id = answer["events"][0]["id"].as_str().unwrap();
    let role = json!({"name": "Reader", "permissions": ["audit_logs_view"]});
    let role = service.request("POST", "/v1/orgs/acme/roles").json(&role).send().json();
    let group = service.request("POST", "/v1/orgs/acme/groups").json(&json!({"name": "Readers"})).send().json();
    let (role, group) = (role["id"].as_str().unwrap(), group["id"].as_str().unwrap());
    let body = json!({"role": role, "level": "organization"});
    let assigned = service.request("POST", &format!("/v1/orgs/acme/groups/{group}/roles")).json(&body).send();
    assert!(assigned.status < 300, "{assigned:?}");
    let reader = Person::new(&service, "Rhea", &[group]);
    assert_eq!(reader.send(&service, "GET", &format!("events/{id}"), Value::Null).status, 200);
    let refused = reader.send(&service, "GET", &format!("events/{id}?proof=true"), Value::Null);
    assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"));
    let auditor = Person::new(&service, "Odo", &["auditor"]);
    let proof = auditor.send(&service, "GET", &format!("events/{id}?proof=true"), Value::Null);
    assert_eq!(proof.status, 200, "{proof:?}");
    verified(&proof.text(), &key(&service));
    let checkpoint = reader.send(&service, "GET", "log/checkpoint", Value::Null);
    assert_eq!(checkpoint.status, 200, "{checkpoint:?}");
}

#[test]
fn a_receipt_comes_with_the_answer_and_holds() {
    let service = Service::start();
    service.organization("acme");
    record_many(&service, 300);
    let events = json!([event("component.deploy", "a"), event("component.deploy", "b")]);
    let send = |prefer: &str, body: &Value| {
        service.request("POST", "/v1/orgs/acme/events").header("prefer", prefer).json(body).send()
    };
    let answer = send("receipt", &events);
    assert_eq!((answer.status, answer.headers["preference-applied"].as_str()), (201, "receipt"));
    let json = answer.json();
    let key = VerifierKey::parse(json["receipt"]["key"].as_str().unwrap()).unwrap();
    let signed = SignedCheckpoint::parse(json["receipt"]["checkpoint"].as_str().unwrap().as_bytes()).unwrap();
    signed.verify(&key).unwrap();
    let of = &signed.checkpoint;
    assert_eq!(json["as_of"]["size"], of.size);
    for (recorded, proof) in
        json["events"].as_array().unwrap().iter().zip(json["receipt"]["proofs"].as_array().unwrap())
    {
        let seq = recorded["seq"].as_u64().unwrap();
        assert_eq!(proof["index"], seq);
        let hash = |text: &Value| Hash::try_from(BASE64.decode(text.as_str().unwrap()).unwrap()).unwrap();
        let hashes: Vec<Hash> = proof["hashes"].as_array().unwrap().iter().map(hash).collect();
        let id = recorded["id"].as_str().unwrap();
        let disclosure = verified(&service.get(&format!("/v1/orgs/acme/events/{id}?proof=true")).text(), &key);
        verify_inclusion(&disclosure.leaf(), seq, of.size, &hashes, &of.root).unwrap();
    }
    // What was receipted is the beginning of what is published later.
    let later = checkpoint(&service, record_many(&service, 5));
    let leaves = log(&service, &format!("tile/0/001.p/{}", later.checkpoint.size - 256)).body;
    let all = [log(&service, "tile/0/000").body, leaves].concat();
    let all = all.as_chunks::<32>().0;
    assert_eq!(root(&all[..of.size as usize]), of.root);
    assert_eq!(root(all), later.checkpoint.root);
    assert!(verify_consistency((0, &of.root), (later.checkpoint.size, &later.checkpoint.root), &[]).is_err());

    assert!(service.record("acme", &event("component.deploy", "c")).json().get("receipt").is_none());
    let many: Vec<Value> = (0..1_001).map(|number| event("component.deploy", &format!("m{number}"))).collect();
    assert_eq!(send("receipt", &json!(many)).status, 413);
    assert_eq!(send("return=minimal", &events).json().get("receipt"), None);
}

#[test]
fn key_and_log_go_on_after_a_restart() {
    let service = Service::start();
    service.organization("acme");
    record_many(&service, 10);
    let key = key(&service);
    let folder = service.stop();
    let service = Service::start_on(folder, |_| ());
    let last = checkpoint(&service, 11);
    last.verify(&key).unwrap();
}

/// A proof is verified before it is handed out. One that does not hold shows that what is kept is not what was published.
#[test]
fn a_proof_that_does_not_hold_stops_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("actarium.db");
    let service = Service::start_on(folder, |_| {});
    service.organization("acme");
    let size = record_many(&service, 600);
    assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
    checkpoint(&service, size);
    let id = service.find("acme", "action=component.deploy&limit=1")[0]["id"].as_str().unwrap().to_owned();
    let proof = || service.get(&format!("/v1/orgs/acme/events/{id}?proof=true"));
    assert_eq!(proof().status, 200);
    let changed =
        rusqlite::Connection::open(database).unwrap().execute("UPDATE tiles SET hashes = zeroblob(length(hashes))", []);
    assert!(changed.unwrap() > 0);
    assert_eq!(proof().status, 500);
    assert_eq!(service.get("/readyz").json()["damaged_organizations"], 1);
    let refused = service.record("acme", &event("component.deploy", "later"));
    assert!(refused.status >= 500, "{refused:?}");
}
