//! An organization that demands it: no answer about its log before the question is on record.

use std::time::{Duration, Instant};

use actarium_server::limits::OWN_RECORDS_HELD_MAX;
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service, event};

fn demand(service: &Service, wait: bool) -> Answer {
    service.request("PATCH", "/v1/orgs/acme").json(&json!({"reads_wait": wait})).send()
}

#[test]
fn what_was_read_is_on_record_when_its_answer_is_there() {
    let service = Service::start();
    service.organization("acme");
    let recorded = service.record("acme", &event("component.deploy", "orders")).json();
    let id = recorded["events"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(service.get("/v1/orgs/acme").json()["reads_wait"], false);
    let set = demand(&service, true);
    assert_eq!((set.status, &set.json()["reads_wait"]), (200, &json!(true)), "{set:?}");
    assert_eq!(
        service.request("PATCH", "/v1/orgs/acme").json(&json!({"name": "Acme"})).send().json()["reads_wait"],
        true
    );
    let change = &service.find("acme", "action=organization.update&order=asc")[0]["changes"][0];
    assert_eq!(*change, json!({"path": "/reads_wait", "before": false, "after": true}));

    // Looked up at once: what is written a moment after its answer would be missing here.
    let size = || service.get("/v1/orgs/acme/log").json()["size"].as_u64().unwrap();
    for (path, records) in [
        (format!("events/{id}"), 1),
        ("events?q=word".to_owned(), 1),
        ("events?q=word&limit=1".to_owned(), 1),
        ("events/histogram?q=other".to_owned(), 1),
        ("events/histogram?q=other".to_owned(), 0),
        ("events/tail?q=third&after=0".to_owned(), 1),
    ] {
        let before = size();
        let answer = service.get(&format!("/v1/orgs/acme/{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(size(), before + records, "{path}");
    }
    for path in ["export?format=ndjson&action=component.*", "export/proof"] {
        assert!(service.get(&format!("/v1/orgs/acme/{path}")).whole, "{path}");
        let exports = service.find("acme", "action=audit_log.export&outcome=unknown&limit=1");
        assert!(exports[0]["reason"].as_str().unwrap().starts_with("the export begins"), "{path}");
    }
    let ended: Vec<Value> = service.find_count("acme", "action=audit_log.export&outcome=success", 2);
    assert!(ended.iter().all(|event| event["metadata"]["results"].is_number()), "{ended:?}");
}

#[test]
fn nothing_is_read_that_cannot_be_recorded() {
    let clock = Ahead::new();
    clock.advance(Duration::from_secs(3600));
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    for slug in ["acme", "other"] {
        service.organization(slug);
    }
    assert_eq!(demand(&service, true).status, 200);
    // A clock that is far behind the log takes all writes away, and reads stay possible.
    clock.set_back(Duration::from_secs(1800));
    let refused = service.get("/v1/orgs/acme/events?q=word");
    assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(service.get("/v1/orgs/other/events?q=word").status, 200, "who demands nothing does not wait");
    clock.advance(Duration::from_secs(1800));
    assert_eq!(service.get("/v1/orgs/acme/events?q=word").status, 200);
}

#[test]
fn a_log_that_is_ahead_of_the_clock_stops_the_records_of_no_other() {
    const AHEAD: Duration = Duration::from_secs(1800);
    let clock = Ahead::new();
    clock.advance(2 * AHEAD);
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    for slug in ["acme", "late"] {
        service.organization(slug);
    }
    let demanded = service.request("PATCH", "/v1/orgs/late").json(&json!({"reads_wait": true})).send();
    assert_eq!(demanded.status, 200, "{demanded:?}");
    clock.advance(AHEAD);
    assert_eq!(service.record("acme", &event("component.deploy", "orders")).status, 201);
    clock.set_back(AHEAD);
    let search = |slug: &str, word: &str| service.get(&format!("/v1/orgs/{slug}/events?q={word}"));
    let size = |slug: &str| service.get(&format!("/v1/orgs/{slug}/log")).json()["size"].as_u64().unwrap();
    let late_is_read = |word: &str| {
        let before = size("late");
        let answer = search("late", word);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(size("late"), before + 1, "it is on record at once");
    };
    let before = size("acme");
    assert_eq!(search("acme", "word").status, 200);
    late_is_read("one");
    // As many are read of the one as may wait, and then that one alone is refused.
    let words = (0..2 * OWN_RECORDS_HELD_MAX).map(|number| format!("word{number}"));
    let read: Vec<String> = words.take_while(|word| search("acme", word).status == 200).collect();
    assert!((OWN_RECORDS_HELD_MAX - 1..OWN_RECORDS_HELD_MAX + 32).contains(&read.len()), "{}", read.len());
    let refused = search("acme", "more");
    assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(service.get("/v1/orgs/acme/export?format=ndjson").status, 503);
    late_is_read("two");
    assert_eq!(size("acme"), before);
    // Once the clock has caught up, what was held comes in its order.
    clock.advance(AHEAD);
    let deadline = Instant::now() + Duration::from_secs(60);
    while size("acme") < before + 1 + read.len() as u64 {
        assert!(Instant::now() < deadline, "what was held is not in the log within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    let records = service.find("acme", "action=audit_log.search&order=asc&limit=1000");
    let phrases: Vec<_> = records.iter().map(|event| event["metadata"]["q"].as_str().unwrap()).collect();
    assert_eq!(phrases[0], "word");
    assert_eq!(phrases[1..=read.len()], read);
}
