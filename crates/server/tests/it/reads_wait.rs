//! An organization that demands it: no answer about its log before the question is on record.

use std::time::Duration;

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
