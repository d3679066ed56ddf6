//! What errors look like, kept as files, so that no client is surprised by a new shape.

use serde_json::{Value, json};

use crate::client::{Answer, Service, event};
use crate::snapshot::assert_same;

fn shown(answer: &Answer) -> Value {
    answer.problem();
    let mut json = answer.json();
    json["instance"] = json!("…");
    let mut headers = answer.headers.clone();
    headers.retain(|name, _| ["allow", "content-type", "retry-after", "www-authenticate"].contains(&name.as_str()));
    json!({"headers": headers, "body": json})
}

#[test]
fn errors_have_the_shape_they_had() {
    let service = Service::start();
    service.organization("acme");
    let events = "/v1/orgs/acme/events";
    let post = |body: &str| service.request("POST", events).body("application/json", body).send();
    let mut invalid = event("component.deploy", "orders");
    invalid["outcome"] = json!("maybe");
    invalid["targets"][0]["colour"] = json!("red");
    let batch = json!([event("component.deploy", "orders"), invalid, {"action": "Deploy", "id": "x"}]);
    let mut conflicting = event("component.deploy", "orders");
    conflicting["external_id"] = json!("e-1");
    service.record("acme", &conflicting);
    conflicting["reason"] = json!("other");
    let answers = json!({
        "no credential": shown(&service.anonymous("GET", events).send()),
        "unknown path": shown(&service.get("/v2/nothing")),
        "method not allowed": shown(&service.request("PUT", events).send()),
        "not JSON": shown(&post("{\"action\": \n  oops}")),
        "duplicate key": shown(&post("{\"action\": \"a.b\", \"action\": \"a.c\"}")),
        "events against the rules": shown(&service.record("acme", &batch)),
        "no events": shown(&post("[]")),
        "reserved action": shown(&service.record("acme", &event("audit_log.search", "x"))),
        "conflict": shown(&service.record("acme", &conflicting)),
        "unknown parameter": shown(&service.get(&format!("{events}?actr=ada"))),
        "value out of bounds": shown(&service.get(&format!("{events}?limit=1001"))),
        "unreadable time": shown(&service.get(&format!("{events}?from=yesterday"))),
        "unreadable phrase": shown(&service.get(&format!("{events}?q=actor:ada%20(outcome:denied"))),
        "unreadable address": shown(&service.get(&format!("{events}?ip=10.0.0.0/33"))),
        "unreadable cursor": shown(&service.get(&format!("{events}?cursor=abc"))),
        "unknown organization": shown(&service.get("/v1/orgs/nobody/events")),
        "organization against the rules":
            shown(&service.request("POST", "/v1/orgs").json(&json!({"slug": "Acme", "colour": 1})).send()),
        "organization taken":
            shown(&service.request("POST", "/v1/orgs").json(&json!({"slug": "acme", "name": "A"})).send()),
    });
    assert_same("errors.json", &answers);
}

#[test]
fn heads_are_bounded() {
    let service = Service::start();
    let long = service.get(&format!("/v1/orgs?{}", "x".repeat(17 * 1024)));
    assert_eq!((long.status, long.problem().as_str()), (414, "uri-too-long"));
    let large = service.request("GET", "/v1/orgs").header("x-large", &"x".repeat(33 * 1024)).send();
    assert_eq!((large.status, large.problem().as_str()), (431, "headers-too-large"));
    let mut many = service.request("GET", "/v1/orgs");
    for number in 0..65 {
        many = many.header(&format!("x-{number}"), "1");
    }
    assert_eq!(many.send().status, 431);
}

#[test]
fn a_request_id_is_taken_over_or_made() {
    let service = Service::start();
    let given = service.request("GET", "/v1/orgs").header("x-request-id", "req-7").send();
    assert_eq!(given.headers["x-request-id"], "req-7");
    let made = service.request("GET", "/v1/orgs").header("x-request-id", "a b").send();
    assert_eq!(made.headers["x-request-id"].len(), 36);
    let other = service.get("/v1/orgs");
    assert_ne!(made.headers["x-request-id"], other.headers["x-request-id"]);
}
