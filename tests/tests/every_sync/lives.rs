//! Lives of a service in which it makes every kind of durable change.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actarium_tests::replay::Story;
use actarium_tests::{Client, Cut, walk};
use serde_json::{Value, json};

use crate::service::{Further, Holds, Service, Way};

/// After which a shorter retention holds.
const LATER_SECONDS: u64 = 31 * 24 * 60 * 60;
const PASSWORD: &str = "violet-umbrella-71-quay";
/// A name that is erased, and nowhere else.
const PERSON: &str = "Quillfeather Marchbanks";

/// Records, moves its write-ahead log, seals, merges, publishes, stops and starts again.
pub fn ordinary() -> Story<Holds> {
    let mut service = Service::new(&["acme", "globex"], Way::with(&[]));
    assert!(service.start(Cut::default(), &[]));
    service.found();
    service.record(6);
    // So large that what is dropped of it by the seal frees pages.
    service.record_many(250);
    service.log_is_moved();
    service.record(4);
    service.seal();
    // What was dropped is removed, without a sync, and moved into the database.
    service.log_is_moved();
    service.record(4);
    for _ in 0..9 {
        service.record(2);
        service.seal();
    }
    service.record(3);
    service.stop();
    // A folder that is there, and has no write-ahead log.
    assert!(service.start(Cut::default(), &[]));
    service.record(3);
    service.stop();
    service.story
}

/// Killed where a folder, a name or the write-ahead log is written and not synced: what the next life finds, it must make
/// durable before it says anything of it.
pub fn broken_off() -> Story<Holds> {
    let way = Way { place: "srv/audit/data", ..Way::with(&["--archive={}/archive/deep", "--log-key={}/keys/log.key"]) };
    let mut service = Service::new(&["acme"], way);
    service.folder("keys");
    let points = [
        "after:mkdir:srv/audit/data:1",
        "after:rename:keys/log.key:1",
        "after:rename:*/log.name:1",
        "after:rename:*/actarium.db:1",
    ];
    for point in points {
        let cut = Cut { at: Some(point.to_owned()), ..Cut::default() };
        assert!(!service.start(cut, &[]), "{point} is not met");
    }
    assert!(service.start(Cut::default(), &[]));
    service.found();
    service.record(3);
    service.ends_at("after:mkdir:*/segments/*:1");
    let sealed = service.client().send("POST", "/v1/admin/seal", &[], Vec::new());
    assert!(sealed.is_err(), "makes a folder");
    service.ended();
    assert!(service.start(Cut::default(), &[]));
    service.seal();
    service.record(2);
    // With little in the log, which is then not moved, and so synced, before the request is known to be recorded. It begins
    // anew, so the first sync is that of its head.
    service.log_is_moved();
    service.ends_at("before:fsync:*-wal:2");
    let number = service.send_in_vain();
    service.ended();
    // Nothing can be committed, and yet it is known that the request was recorded.
    let full = [("POWERCUT_FAIL", "write:*-wal:ENOSPC")];
    assert!(service.start(Cut::default(), &full));
    service.send(number);
    service.kill();
    service.story
}

/// Kept exports.
pub fn exports() -> Story<Holds> {
    let mut service = Service::new(&["acme"], Way::with(&[]));
    assert!(service.start(Cut::default(), &[]));
    service.found();
    service.record(2);
    exported(&mut service, "csv");
    exported(&mut service, "proof");
    service.stop();
    service.story
}

/// An erasure, the archive, a purge.
pub fn upkeep() -> Story<Holds> {
    let archive = "--archive={}/archive/deep";
    let arguments = [archive, "--hot-days-min=0", "--archive-days-min=0", "--copy-checkpoints={}/copies"];
    let way = Way { ahead_seconds: LATER_SECONDS, ..Way::with(&arguments) };
    let mut service = Service::new(&["acme"], way);
    service.further.push(Arc::new(|_: &Client, data: &Path| copies_are_whole(data)));
    assert!(service.start(Cut::default(), &[]));
    service.found();
    service.record(4);
    service.told(|client| {
        client.organization("initech");
        let user = json!({"email": "quinn@example.com", "name": "Quinn", "password": PASSWORD, "groups": ["admin"]});
        let _ = client.post("/v1/orgs/initech/users", &user).expect(201);
        let _ = client.post("/v1/orgs/initech/events", &json!([event_of("u_0"), event_of("u_1")])).expect(201);
    });
    service.seal();
    service.told_further(erased, |()| Arc::new(|client: &Client, _: &Path| is_gone(client, "u_0")));
    service.told(|client| {
        for (organization, archive_days) in [("acme", 3_650), ("initech", 0)] {
            let body = json!({"hot_days": 0, "archive_days": archive_days}).to_string().into_bytes();
            let path = format!("/v1/orgs/{organization}/retention");
            let chosen = client.send("PUT", &path, &[("content-type", "application/json")], body).expect("an answer");
            assert_eq!(chosen.expect(200)["pending"]["hot_days"], 0);
        }
    });
    service.stop();
    let copies = copies(&service.story.disk.living().join("data"));
    assert!(!copies.is_empty(), "a stop finishes them");
    service.further.push(Arc::new(move |_: &Client, data: &Path| {
        let now = self::copies(data);
        copies.iter().find(|copy| !now.contains(copy)).map_or(Ok(()), |copy| Err(format!("{copy} is gone")))
    }));
    service.ahead_seconds = LATER_SECONDS;
    assert!(service.start(Cut::default(), &[]));
    carried_out(&mut service, "acme", "archived");
    carried_out(&mut service, "initech", "purged");
    service.further.push(Arc::new(|client: &Client, _: &Path| is_gone(client, "u_1")));
    service.told(|_| ());
    service.record(2);
    service.stop();
    service.story
}

/// The copies of checkpoints beside a data folder.
fn copies(data: &Path) -> Vec<String> {
    let folder = data.with_file_name("copies");
    let files = walk::files_below(&folder).into_iter();
    let files = files.filter(|file| file.extension().is_some_and(|ending| ending == "checkpoint"));
    files.map(|file| file.strip_prefix(&folder).expect("below").display().to_string()).collect()
}

/// None is ever replaced, so none may be there by halves.
fn copies_are_whole(data: &Path) -> Result<(), String> {
    let whole = |copy: &String| {
        let bytes = std::fs::read(data.with_file_name("copies").join(copy));
        bytes.is_ok_and(|bytes| bytes.ends_with(b"\n"))
    };
    let torn = copies(data).into_iter().find(|copy| !whole(copy));
    torn.map_or(Ok(()), |copy| Err(format!("{copy} is no checkpoint")))
}

fn event_of(person: &str) -> Value {
    json!({
        "action": "component.deploy",
        "actor": {"type": "user", "id": person, "name": format!("{PERSON} {person}")},
        "targets": [{"type": "component", "id": "c-1"}],
    })
}

/// Somebody asks for an erasure, the operator approves it, and it is done.
fn erased(operator: &Client) {
    let client = Client::new(&operator.url, "");
    let answer = client.post("/v1/session", &json!({"email": "quinn@example.com", "password": PASSWORD}));
    let cookie = answer.header("set-cookie").expect("a cookie").split(';').next().unwrap_or_default().to_owned();
    let csrf = answer.expect(200)["csrf_token"].as_str().expect("a token").to_owned();
    let headers = [("cookie", &*cookie), ("x-csrf-token", &*csrf)];
    let body = json!({"subject": "user:u_0", "reason": "They asked"});
    let made = client.try_post("/v1/orgs/initech/erasures", &headers, &body).expect("an answer").expect(201);
    let path = format!("/v1/orgs/initech/erasures/{}", made["id"].as_str().expect("an id"));
    assert_eq!(operator.post(&format!("{path}/approve"), &Value::Null).expect(200)["state"], "approved");
    until(|| operator.get(&path).expect(200)["state"] == "done");
}

fn is_gone(client: &Client, person: &str) -> Result<(), String> {
    let path = "/v1/orgs/initech/events?from=1970-01-01T00:00:00Z&limit=1000&action=component.deploy";
    let events = client.get(path);
    if events.status != 200 {
        return Err(format!("GET {path}: {} {}", events.status, events.text()));
    }
    let name = format!("{PERSON} {person}");
    if events.text().contains(&name) { Err(format!("{name} is there again")) } else { Ok(()) }
}

/// What is due is archived or purged.
fn carried_out(service: &mut Service, organization: &str, what: &str) {
    service.told(|client| {
        let done = client.post(&format!("/v1/admin/retention?organization={organization}"), &Value::Null).expect(200);
        assert!(done[what].as_u64() > Some(0), "{done:#}");
    });
}

/// A kept export is made; who was told so can take it from then on, as it is. Beside it are the positions of its events, by
/// which it is found when they lose something.
fn exported(service: &mut Service, format: &str) {
    let data = service.story.disk.living().join("data");
    let make = |client: &Client| {
        let body = json!({"format": format, "from": "1970-01-01T00:00:00Z"});
        let made = client.post("/v1/orgs/acme/exports", &body).expect(201);
        let path = format!("/v1/orgs/acme/exports/{}", made["id"].as_str().expect("an id"));
        until(|| client.get(&path).expect(200)["state"] == "done");
        let content = client.get(&format!("{path}/content"));
        assert_eq!(content.status, 200, "{}", content.text());
        let positions = positions_of(&data, &path);
        assert!(!positions.is_empty(), "it has events");
        (path, content.bytes, positions)
    };
    service.told_further(make, |(path, bytes, positions)| {
        let (path, bytes, positions) = (path.clone(), bytes.clone(), positions.clone());
        Arc::new(move |client: &Client, data: &Path| {
            if positions_of(data, &path) != positions {
                return Err(format!("the positions of {path} are others"));
            }
            let content = client.send("GET", &format!("{path}/content"), &[], Vec::new());
            let content = content.map_err(|error| format!("GET {path}/content: {error}"))?;
            if content.status == 200 && content.bytes == bytes {
                return Ok(());
            }
            Err(format!("GET {path}/content: {} with {} of {} bytes", content.status, content.bytes.len(), bytes.len()))
        }) as Further
    });
}

fn positions_of(data: &Path, export: &str) -> Vec<u8> {
    let name = format!("{}.seqs", export.rsplit('/').next().unwrap_or_default());
    let files = walk::files_below(&data.join("exports"));
    let file = files.iter().find(|file| file.file_name().is_some_and(|have| *have == *name));
    file.map(|file| std::fs::read(file).expect("a file")).unwrap_or_default()
}

fn until(done: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("is not done in a minute");
}
