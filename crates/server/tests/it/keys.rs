//! The life of an on-premises key.

use std::io::Write;

use serde_json::json;

use crate::client::{Answer, Service, event};

#[test]
fn a_key_is_made_used_listed_and_revoked() {
    let service = Service::start();
    service.organization("acme");
    let path = "/v1/orgs/acme/on-prem-keys";
    let made = service.request("POST", path).json(&json!({"name": "CI", "environment": "production"})).send();
    assert_eq!(made.status, 201);
    let made = made.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.starts_with(&format!("act_key_{id}_")));
    assert_eq!(made["environment"], "production");

    let listed = service.get(path).json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1);
    assert_eq!(listed["keys"][0]["id"], id);
    assert!(listed["keys"][0].get("secret").is_none());

    let write = || {
        let request = service.request("POST", "/v1/orgs/acme/events").bearer(secret);
        request.json(&event("component.deploy", "orders")).send()
    };
    assert_eq!(write().status, 201);
    let found = service.find("acme", "action=component.deploy&environment=production");
    assert_eq!(found.len(), 1, "the key's environment is stamped on its events");

    assert_eq!(service.request("DELETE", &format!("{path}/{id}")).send().status, 204);
    assert_eq!(write().status, 401, "revoked with the next request");
    assert!(service.get(path).json()["keys"].as_array().unwrap().is_empty());
    assert_eq!(service.request("DELETE", &format!("{path}/{id}")).send().status, 404);

    let records = service.find("acme", "action=on_prem_key.*&order=asc");
    let actions: Vec<_> = records.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["on_prem_key.create", "on_prem_key.revoke"]);
    assert!(records.iter().all(|event| event["source"] == "actarium" && event["targets"][0]["id"] == id));

    let service = Service::start_on(service.stop(), |_| {});
    let request = service.request("POST", "/v1/orgs/acme/events").bearer(secret);
    assert_eq!(request.json(&event("component.deploy", "orders")).send().status, 401, "and after a restart");
}

#[test]
fn a_secret_is_kept_nowhere() {
    let service = Service::start();
    service.organization("acme");
    let (_, secret) = service.key("acme");
    let folder = service.stop();
    let mut looked_at = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            looked_at += 1;
            let tail = &secret.as_bytes()[secret.len() - 20..];
            assert!(!bytes.windows(tail.len()).any(|window| window == tail), "{}", path.display());
        }
    }
    assert!(looked_at > 3);
}

#[test]
fn what_a_key_may_not_be_is_told() {
    let service = Service::start();
    service.organization("acme");
    let path = "/v1/orgs/acme/on-prem-keys";
    for body in [json!({}), json!({"name": ""}), json!({"name": "a\nb"}), json!({"name": "x".repeat(129)}), json!([])] {
        let answer = service.request("POST", path).json(&body).send();
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-content"), "{body}");
        assert!(answer.json()["errors"][0]["pointer"].is_string());
    }
}

/// A body that was begun before its key was revoked must not be recorded behind the record of the revocation.
#[test]
fn a_request_under_way_is_refused_when_its_key_is_revoked() {
    let service = Service::start();
    service.organization("acme");
    let (id, secret) = service.key("acme");
    let body = event("component.deploy", "orders").to_string();
    let request = service.anonymous("POST", "/v1/orgs/acme/events").bearer(&secret);
    let request = request.header("content-type", "application/json").header("content-length", &body.len().to_string());
    let mut connection = request.open();
    connection.get_mut().write_all(&body.as_bytes()[..10]).unwrap();
    assert_eq!(service.request("DELETE", &format!("/v1/orgs/acme/on-prem-keys/{id}")).send().status, 204);
    connection.get_mut().write_all(&body.as_bytes()[10..]).unwrap();
    let mut answer = Answer::head(&mut connection);
    answer.read_body(&mut connection);
    assert_eq!((answer.status, answer.problem().as_str()), (401, "unauthenticated"), "{answer:?}");
    assert!(service.find("acme", "action=component.deploy").is_empty());
}
