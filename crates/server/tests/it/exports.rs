//! Exports that are made in the background: as they were counted, as who asked for them, within their bounds, and gone in time.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use actarium_server::directory::governance::RetentionDays;
use actarium_server::retention::RetentionOptions;
use actarium_verify::{Bundle, Trust, verify_export};
use serde_json::{Value, json};

use crate::client::{Answer, Service, event};
use crate::person::Person;
use crate::retention::LaterClock;

const DEPLOYED: &str = "action:component.deploy";

fn with_events(service: Service, count: usize) -> Service {
    service.organization("acme");
    let events: Vec<Value> = (0..count).map(|n| event("component.deploy", &format!("c{n}"))).collect();
    assert_eq!(service.record("acme", &json!(events)).status, 201);
    service
}

fn asked(service: &Service, body: &Value) -> Answer {
    service.request("POST", "/v1/orgs/acme/exports").json(body).send()
}

fn at(id: &str) -> String {
    format!("/v1/orgs/acme/exports/{id}")
}

/// Waits until an export is made.
fn made(service: &Service, id: &str) -> Value {
    for _ in 0..400 {
        let shown = service.get(&at(id)).json();
        if shown["state"] == "done" || shown["state"] == "failed" {
            return shown;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("{id} was not made: {:?}", service.get(&at(id)));
}

fn content(service: &Service, id: &str) -> Answer {
    service.get(&format!("{}/content", at(id)))
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["exports"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The files of kept exports.
fn files(service: &Service) -> Vec<PathBuf> {
    let entries = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries(service.path().join("exports")).flat_map(entries).collect()
}

fn wait_for_no_files(service: &Service) {
    for _ in 0..200 {
        if files(service).is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("files are left: {:?}", files(service));
}

#[test]
fn an_export_has_what_was_counted_and_what_a_stream_has() {
    let service = with_events(Service::start(), 3000);
    let mut formula = event("component.deploy", "=HYPERLINK(\"http://evil\")");
    formula["message"] = json!("@SUM(1,2)\nnext line");
    service.record("acme", &formula);
    for (format, count) in [("ndjson", 3001), ("csv", 3002)] {
        let body = json!({"format": format, "q": DEPLOYED, "from": "-1h"});
        let asked = asked(&service, &body);
        assert_eq!((asked.status, &asked.json()["events"]), (201, &json!(count)), "{asked:?}");
        // What comes later is not in it.
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        service.record("acme", &event("component.deploy", "later"));
        let done = made(&service, &id);
        assert_eq!((&done["state"], &done["events"], &done["q"]), (&json!("done"), &json!(count), &json!(DEPLOYED)));
        assert!(done["progress"].is_null() && done["downloadable"] == true && done["expires_at"].is_string(), "{done}");
        let file = content(&service, &id);
        assert_eq!((file.status, file.whole), (200, true));
        assert_eq!(file.headers["content-length"], done["bytes"].to_string());
        let name = done["file"].as_str().unwrap();
        assert!(name.starts_with("acme-audit-log-2") && name.ends_with(format), "{name}");
        assert_eq!(file.headers["content-disposition"], format!("attachment; filename=\"{name}\""));
        let to = done["created_at"].as_str().unwrap();
        let path = format!("/v1/orgs/acme/export?format={format}&q={DEPLOYED}&from=-1h&to={to}");
        let streamed = service.get(&path);
        assert_eq!(file.headers["content-type"], streamed.headers["content-type"]);
        assert_eq!(file.text(), streamed.text());
        assert!(format != "csv" || file.text().contains(",\"'=HYPERLINK(\"\"http://evil\"\")\","));
    }
    let modes: Vec<u32> =
        files(&service).iter().map(|path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777).collect();
    assert_eq!(modes, [0o600; 4], "two files and the positions of their events");

    let records = service.find("acme", "q=action:audit_log.export%20metadata.format:csv");
    let kept: Vec<_> = records.iter().filter(|record| record["metadata"]["export"].is_string()).collect();
    assert_eq!(
        (kept.len(), &kept[0]["metadata"]["results"], &kept[0]["metadata"]["q"]),
        (1, &json!(3002), &json!(DEPLOYED))
    );
    let downloads = service.find_count("acme", "action=audit_log.export.download", 2);
    assert_eq!(downloads[0]["metadata"], json!({"owner": "operator", "format": "csv", "results": 3002}));
    for id in ids(&service.get("/v1/orgs/acme/exports")) {
        assert_eq!(service.request("DELETE", &at(&id)).send().status, 204);
        assert_eq!((service.get(&at(&id)).status, content(&service, &id).status), (404, 404));
    }
    wait_for_no_files(&service);
    assert_eq!(service.find("acme", "action=audit_log.export.delete").len(), 2);
}

#[test]
fn it_is_made_of_what_its_owner_saw_and_handed_out_to_who_sees_that_still() {
    let service = with_events(Service::start(), 20);
    let mut other = event("component.deploy", "o-1");
    other["targets"] = json!([{"type": "component", "id": "o-1"}, {"type": "project", "id": "orders"}]);
    service.record("acme", &other);
    let ada = Person::new(&service, "Ada", &["admin"]);
    let role =
        ada.made(&service, "roles", json!({"name": "Log", "permissions": ["audit_logs_view", "audit_logs_export"]}));
    let group = ada.made(&service, "groups", json!({"name": "Payments"}));
    let assigned = |projects: &[&str]| {
        let level = json!({"role": role, "level": "project", "projects": projects});
        ada.made(&service, &format!("groups/{group}/roles"), level);
    };
    assigned(&["payments"]);
    let paula = Person::new(&service, "Paula", &[&group]);
    let devi = Person::new(&service, "Devi", &["developer"]);
    let body = json!({"format": "ndjson", "q": DEPLOYED});
    let get = |person: &Person, path: &str| person.send(&service, "GET", path, Value::Null);

    let own = paula.made(&service, "exports", body.clone());
    let all = ada.made(&service, "exports", body.clone());
    assert_eq!((&made(&service, &own)["events"], &made(&service, &all)["events"]), (&json!(20), &json!(21)));
    let file = get(&paula, &format!("exports/{own}/content"));
    assert_eq!((file.status, file.text().lines().count(), file.text().contains("o-1")), (200, 20, false));
    assert_eq!(ids(&get(&paula, "exports")), std::slice::from_ref(&own));
    assert_eq!(ids(&get(&ada, "exports")).len(), 2, "who exports the whole log sees all");
    assert_eq!(get(&ada, &format!("exports/{own}/content")).status, 200);
    for path in [format!("exports/{all}"), format!("exports/{all}/content")] {
        let (foreign, nothing) = (get(&paula, &path), get(&paula, &path.replace(&all, "export_none")));
        assert_eq!((foreign.status, foreign.json()["detail"].clone()), (404, nothing.json()["detail"].clone()));
    }
    assert_eq!(paula.send(&service, "DELETE", &format!("exports/{all}"), Value::Null).status, 404);
    assert_eq!(get(&devi, "exports").status, 403);
    let proof = paula.send(&service, "POST", "exports", json!({"format": "proof"}));
    assert_eq!((proof.status, proof.problem().as_str()), (403, "forbidden"), "{proof:?}");
    service.find_count("acme", "action=audit_log.export&outcome=denied", 2);

    // Another project instead: what was made before may have what is not theirs to see any more.
    let level = format!("groups/{group}/roles/{role}");
    ada.deleted(&service, &level);
    assert_eq!(get(&paula, &format!("exports/{own}/content")).status, 403);
    assigned(&["orders"]);
    let refused = get(&paula, &format!("exports/{own}/content"));
    assert_eq!((refused.status, &get(&paula, &format!("exports/{own}")).json()["downloadable"]), (403, &json!(false)));
    assert!(refused.json()["detail"].as_str().unwrap().contains("made again"), "{refused:?}");
    service.find_count("acme", "action=audit_log.export.download&outcome=denied", 2);
    ada.deleted(&service, &level);
    assigned(&["orders", "payments"]);
    assert_eq!(get(&paula, &format!("exports/{own}/content")).status, 200);
    // With the membership goes what was theirs.
    ada.deleted(&service, &format!("users/{}", paula.id));
    assert_eq!(ids(&get(&ada, "exports")), [all]);
}

#[test]
fn one_with_proofs_verifies() {
    let service = with_events(Service::start(), 600);
    service.record("acme", &event("component.promote", "p-1"));
    assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
    for (q, complete, events, sentence) in [
        (None, false, 602, "range"),
        (Some("action:component.promote"), false, 1, ""),
        (Some("action:component.promote"), true, 1, ""),
    ] {
        let body = json!({"format": "proof", "q": q, "complete": complete});
        let asked = asked(&service, &body);
        assert_eq!(
            (asked.status, &asked.json()["events"], &asked.json()["from"]),
            (201, &json!(events), &Value::Null),
            "{asked:?}"
        );
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        let done = made(&service, &id);
        assert_eq!((&done["state"], &done["events"]), (&json!("done"), &json!(events)), "{sentence}: {done}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.tar.zst");
        std::fs::write(&path, content(&service, &id).body).unwrap();
        let report = verify_export(&Bundle::open(&path).unwrap(), &Trust::default()).unwrap();
        assert!(report.is_sound(), "{report}");
        assert_eq!(service.request("DELETE", &at(&id)).send().status, 204);
    }
}

#[test]
fn what_cannot_be_searched_or_is_too_much_is_refused() {
    let service = with_events(Service::start(), 1);
    for (body, pointer) in [
        (json!({}), "/format"),
        (json!({"format": "xml"}), "/format"),
        (json!({"format": "csv", "q": "outcom:denied"}), "/q"),
        (json!({"format": "csv", "from": "yesterday"}), "/from"),
        (json!({"format": "csv", "from": "now", "to": "-1h"}), "/to"),
        (json!({"format": "csv", "complete": true}), "/complete"),
        (json!({"format": "csv", "name": "x"}), "/name"),
    ] {
        let answer = asked(&service, &body);
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}: {answer:?}"
        );
    }
    for _ in 0..20 {
        assert_eq!(asked(&service, &json!({"format": "csv"})).status, 201);
    }
    let more = asked(&service, &json!({"format": "csv"}));
    assert_eq!((more.status, more.problem().as_str()), (409, "conflict"), "{more:?}");
    assert!(more.json()["detail"].as_str().unwrap().contains("20 exports"), "{more:?}");
    // Others are not hindered.
    let ada = Person::new(&service, "Ada", &["admin"]);
    let own = ada.made(&service, "exports", json!({"format": "csv"}));
    assert_eq!(made(&service, &own)["state"], "done");
    let one = &ids(&service.get("/v1/orgs/acme/exports"))[1];
    assert_eq!(service.request("DELETE", &at(one)).send().status, 204);
    assert_eq!(asked(&service, &json!({"format": "csv"})).status, 201);
}

#[test]
fn one_that_a_stop_broke_off_is_made_after_the_next_start() {
    let service = with_events(Service::start(), 2000);
    let asked: Vec<String> = (0..6)
        .map(|_| asked(&service, &json!({"format": "ndjson", "q": DEPLOYED})).json()["id"].as_str().unwrap().to_owned())
        .collect();
    let folder = service.stop();
    let exports = std::fs::read_dir(folder.path().join("exports")).unwrap().next().unwrap().unwrap().path();
    for leftover in ["export_gone", "export_gone.seqs", "export_gone.partial"] {
        std::fs::write(exports.join(leftover), b"x").unwrap();
    }
    std::fs::write(exports.join(format!("{}.partial", asked[5])), b"half").unwrap();
    let service = Service::start_on(folder, |_| {});
    for id in &asked {
        assert_eq!(made(&service, id)["state"], "done");
        assert_eq!(content(&service, id).text().lines().count(), 2000);
    }
    let names: Vec<String> =
        files(&service).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 12, "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("export_gone") || name.ends_with(".partial")), "{names:?}");
}

#[test]
fn one_goes_after_a_week_and_does_not_outlive_what_it_holds() {
    let clock = LaterClock::new();
    let days_min = RetentionDays { hot_days: 2, archive_days: 3 };
    let options = RetentionOptions { days_min, days_default: RetentionDays { hot_days: 4, archive_days: 6 } };
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |server| server.retention = options);
    let service = with_events(service, 10);
    let export = || {
        let asked = asked(&service, &json!({"format": "csv", "q": DEPLOYED, "from": "-30d"}));
        assert_eq!(asked.json()["events"], 10, "{asked:?}");
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(made(&service, &id)["state"], "done");
        id
    };
    let first = export();
    clock.pass(6);
    assert_eq!(content(&service, &first).status, 200);
    let second = export();
    clock.pass(1);
    assert_eq!((service.get(&at(&first)).status, content(&service, &first).status), (404, 404), "a week has passed");
    assert_eq!(content(&service, &second).status, 200);
    // Ten days and the part of one more: its events are purged, and it goes with them.
    clock.pass(4);
    assert_eq!(service.request("POST", "/v1/admin/retention?organization=acme").send().status, 200);
    assert_eq!(service.get("/v1/orgs/acme/retention").status, 200);
    assert_eq!(service.find("acme", "action=component.deploy&from=-30d").len(), 0);
    assert_eq!((ids(&service.get("/v1/orgs/acme/exports")).len(), files(&service).len()), (0, 0));
}

#[test]
fn one_of_what_a_legal_hold_keeps_stays_as_long_as_that() {
    let clock = LaterClock::new();
    let days = RetentionDays { hot_days: 2, archive_days: 3 };
    let options = RetentionOptions { days_min: days, days_default: days };
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |server| server.retention = options);
    let service = with_events(service, 10);
    let held = service.request("POST", "/v1/orgs/acme/legal-holds").json(&json!({"reason": "Case 7", "q": DEPLOYED}));
    let held = held.send().json()["id"].as_str().unwrap().to_owned();
    let retention = || {
        let ran = service.request("POST", "/v1/admin/retention?organization=acme").send();
        assert_eq!(ran.status, 200, "{ran:?}");
    };
    clock.pass(6);
    // Due, and not purged: what is made of it now is kept, before retention ran and after.
    for ran in [false, true] {
        for format in ["csv", "proof"] {
            let asked = asked(&service, &json!({"format": format, "q": DEPLOYED, "from": "-30d"}));
            let id = asked.json()["id"].as_str().unwrap().to_owned();
            assert_eq!(made(&service, &id)["state"], "done", "{format}, retention ran: {ran}");
            assert_eq!(made(&service, &id)["events"], 10);
        }
        retention();
    }
    let kept = ids(&service.get("/v1/orgs/acme/exports"));
    assert_eq!(kept.len(), 4);
    for id in &kept {
        assert_eq!(content(&service, id).status, 200);
    }
    let release = format!("/v1/orgs/acme/legal-holds/{held}?reason=closed");
    assert_eq!(service.request("DELETE", &release).send().status, 204);
    retention();
    assert_eq!(service.find("acme", "action=component.deploy&from=-30d").len(), 0);
    assert_eq!((ids(&service.get("/v1/orgs/acme/exports")).len(), files(&service).len()), (0, 0));
}
