//! Who may approve an erasure once accounts have changed since it was asked for.

use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::person::{PASSWORD, Person};

#[test]
fn who_acted_under_another_address_approves_no_more_than_before() {
    let service = Service::start();
    service.organization("acme");
    let by_operator = |method: &str, path: &str, body: Value| {
        let answer = service.request(method, &format!("/v1/orgs/acme/{path}")).json(&body).send();
        assert!(answer.status < 300, "{path}: {answer:?}");
        answer.json()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let rights = json!(["removals_view", "removals_approve"]);
    // Addresses of those whom the directory made follow it.
    let directory = by_operator("POST", "scim-tokens", json!({"name": "Directory", "permissions": rights.clone()}));
    let provision = |method: &str, path: &str, address: &str| {
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": address});
        let request = service.anonymous(method, &format!("/v1/orgs/acme/scim/v2{path}"));
        let answer = request.bearer(&text(&directory["secret"])).body("application/scim+json", body.to_string()).send();
        assert!(answer.status < 300, "{answer:?}");
        text(&answer.json()["id"])
    };
    let lena = provision("POST", "/Users", "lena@example.com");
    let role = by_operator("POST", "roles", json!({"name": "Compliance", "permissions": rights}));
    let group = text(&by_operator("POST", "groups", json!({"name": "Compliance"}))["id"]);
    by_operator("POST", &format!("groups/{group}/roles"), json!({"role": role["id"], "level": "organization"}));
    by_operator("POST", &format!("groups/{group}/members"), json!({"user": lena}));
    let mut event = event("component.deploy", "c-1");
    event["actor"] = json!({"type": "user", "id": "q", "email": "lena@example.com"});
    event["targets"] = json!([{"type": "user", "id": "u_777"}]);
    assert_eq!(service.record("acme", &event).status, 201);
    let asked = || asker.made(&service, "erasures", json!({"subject": "user:u_777", "reason": "They asked"}));
    let before = asked();
    provision("PUT", &format!("/Users/{lena}"), "lena@new.example");
    by_operator("PATCH", &format!("users/{lena}"), json!({"password": PASSWORD}));
    let lena = Person::signed_in(&service, lena, "lena@new.example");
    let shown = service.get(&format!("/v1/orgs/acme/erasures/{before}")).json();
    assert_eq!(shown["approvers"], json!([]));
    let refused = lena.send(&service, "POST", &format!("erasures/{before}/approve"), Value::Null);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(text(&refused.json()["detail"]).contains("your own acts"), "{refused:?}");
}
