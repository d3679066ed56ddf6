//! The life of an on-premises key.

use serde_json::json;

use crate::client::{Service, event};

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
