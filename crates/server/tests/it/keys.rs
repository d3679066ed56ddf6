//! The life of an on-premises key.

use std::io::Write;
use std::time::Duration;

use actarium_core::time;
use actarium_store::{Clock, Engine, EngineOptions, SystemEntropy};
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service, event};

const KEYS: &str = "/v1/orgs/acme/on-prem-keys";

fn made(service: &Service, body: &Value) -> (String, String) {
    let answer = service.request("POST", KEYS).json(body).send();
    assert_eq!(answer.status, 201, "{answer:?}");
    let json = answer.json();
    (format!("{KEYS}/{}", json["id"].as_str().unwrap()), json["secret"].as_str().unwrap().to_owned())
}

fn write_from(service: &Service, secret: &str, address: &str) -> Answer {
    let request = service.anonymous("POST", "/v1/orgs/acme/events").bearer(secret).header("x-forwarded-for", address);
    request.json(&event("component.deploy", "orders")).send()
}

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
    let many: Vec<_> = (0..65).map(|host| format!("192.0.2.{host}")).collect();
    let wrong = [
        (json!({}), "/name"),
        (json!({"name": ""}), "/name"),
        (json!({"name": "a\nb"}), "/name"),
        (json!({"name": "x".repeat(129)}), "/name"),
        (json!([]), ""),
        (json!({"name": "CI", "expires_at": "tomorrow"}), "/expires_at"),
        (json!({"name": "CI", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"name": "CI", "networks": []}), "/networks"),
        (json!({"name": "CI", "networks": many}), "/networks"),
        (json!({"name": "CI", "networks": ["192.0.2.0/24", "example.com"]}), "/networks/1"),
        (json!({"name": "CI", "networks": ["192.0.2.7/24"]}), "/networks/0"),
    ];
    let (id, _) = service.key("acme");
    for (body, pointer) in wrong {
        let made = service.request("POST", path).json(&body).send();
        // What is left out of a change stays, so nothing is wrong with one that says nothing.
        let changed = service.request("PATCH", &format!("{path}/{id}")).json(&body).send();
        let answers = if body == json!({}) { vec![made] } else { vec![made, changed] };
        for answer in answers {
            assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-content"), "{body}");
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}: {}", answer.text());
        }
    }
    let nameless = service.request("PATCH", &format!("{path}/{id}")).json(&json!({"name": null})).send();
    assert_eq!((nameless.status, nameless.json()["errors"][0]["pointer"].clone()), (422, json!("/name")));
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

#[test]
fn a_key_ends_when_it_was_to_end_unless_that_is_changed() {
    let clock = Ahead::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    let in_an_hour = |clock: &Ahead| time::to_text(clock.now() + 3_600_000_000);
    let ending = in_an_hour(&clock);
    let (path, secret) = made(&service, &json!({"name": "CI", "expires_at": ending}));
    assert_eq!(service.get(&path).json()["expires_at"], ending);
    assert_eq!(write_from(&service, &secret, "192.0.2.7").status, 201);
    clock.advance(Duration::from_secs(3600));
    let over = write_from(&service, &secret, "192.0.2.7");
    assert_eq!((over.status, over.problem().as_str()), (401, "unauthenticated"));
    assert!(over.json()["detail"].as_str().unwrap().contains("expired"));
    let denied = &service.find_count("acme", "action=ingestion.refuse&outcome=denied", 1)[0];
    assert_eq!(denied["actor"]["name"], "CI", "in the log of the key's organization, by its name");
    assert_eq!(service.get(KEYS).json()["keys"].as_array().unwrap().len(), 1, "it stays until somebody revokes it");

    let later = in_an_hour(&clock);
    let changed = service.request("PATCH", &path).json(&json!({"expires_at": later})).send();
    assert_eq!((changed.status, &changed.json()["expires_at"]), (200, &json!(later)));
    assert_eq!(write_from(&service, &secret, "192.0.2.7").status, 201);
    assert_eq!(service.request("PATCH", &path).json(&json!({"expires_at": null})).send().status, 200);
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(write_from(&service, &secret, "192.0.2.7").status, 201);
    let changes: Vec<_> = service.find("acme", "action=on_prem_key.update&order=asc&from=-30d");
    let changes: Vec<_> = changes.iter().map(|event| event["changes"].clone()).collect();
    let changed = |before: Value, after: Value| json!([{"path": "/expires_at", "before": before, "after": after}]);
    assert_eq!(changes, [changed(json!(ending), json!(later)), changed(json!(later), Value::Null)]);
}

#[test]
fn a_key_is_used_from_its_networks_alone() {
    let proxied = |options: &mut actarium_server::ServerOptions| {
        options.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let service = Service::start_on(tempfile::tempdir().unwrap(), proxied);
    service.organization("acme");
    let networks = json!(["192.0.2.0/24", "::ffff:198.51.100.7", "2001:db8::/32", "192.0.2.0/24"]);
    let (path, secret) = made(&service, &json!({"name": "CI", "networks": networks}));
    let kept = json!(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]);
    assert_eq!(service.get(&path).json()["networks"], kept);
    for address in ["192.0.2.7", "198.51.100.7", "2001:db8::1"] {
        assert_eq!(write_from(&service, &secret, address).status, 201, "{address}");
    }
    for address in ["192.0.3.7", "198.51.100.8", "192.0.2.7, 203.0.113.9"] {
        let refused = write_from(&service, &secret, address);
        assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{address}");
        let from = address.rsplit(' ').next().unwrap();
        assert!(refused.json()["detail"].as_str().unwrap().ends_with(from), "{}", refused.text());
    }
    let denied = &service.find_count("acme", "action=ingestion.refuse&outcome=denied", 1)[0];
    assert_eq!((&denied["actor"]["name"], &denied["context"]["ip"]), (&json!("CI"), &json!("192.0.3.7")));
    let created = &service.find("acme", "action=on_prem_key.create")[0];
    assert_eq!(created["metadata"]["networks"], "192.0.2.0/24 198.51.100.7 2001:db8::/32");

    let narrowed = json!({"networks": ["192.0.3.7"], "name": "Build", "environment": "staging"});
    assert_eq!(service.request("PATCH", &path).json(&narrowed).send().status, 200);
    assert_eq!(write_from(&service, &secret, "192.0.2.7").status, 403);
    assert_eq!(write_from(&service, &secret, "192.0.3.7").status, 201);
    let updated = &service.find("acme", "action=on_prem_key.update")[0];
    let expected = json!([
        {"path": "/name", "before": "CI", "after": "Build"},
        {"path": "/environment", "before": null, "after": "staging"},
        {"path": "/networks", "before": kept, "after": ["192.0.3.7"]},
    ]);
    assert_eq!(updated["changes"], expected);
    assert_eq!(service.request("PATCH", &path).json(&narrowed).send().status, 200);
    assert_eq!(service.find("acme", "action=on_prem_key.update").len(), 1, "what changes nothing leaves no record");
    let anywhere = json!({"networks": null, "environment": null});
    let shown = service.request("PATCH", &path).json(&anywhere).send().json();
    assert_eq!(
        (&shown["networks"], &shown["environment"], &shown["name"]),
        (&Value::Null, &Value::Null, &json!("Build"))
    );
    let service = Service::start_on(service.stop(), |_| {});
    assert_eq!(write_from(&service, &secret, "192.0.2.7").status, 201);
}

#[test]
fn when_a_key_was_used_last_is_known_without_a_write_for_each_use() {
    let clock = Ahead::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    let (path, secret) = made(&service, &json!({"name": "CI"}));
    assert_eq!(service.get(&path).json()["last_used_at"], Value::Null);
    for _ in 0..5 {
        clock.advance(Duration::from_secs(3));
        assert_eq!(write_from(&service, &secret, "192.0.2.7").status, 201);
    }
    let used = service.get(&path).json()["last_used_at"].clone();
    assert!(used.as_str().unwrap() > service.get(&path).json()["created_at"].as_str().unwrap());
    let folder = service.stop();
    let engine =
        Engine::open(EngineOptions::new(folder.path()), clock.clone(), std::sync::Arc::new(SystemEntropy)).unwrap();
    assert_eq!(engine.directory_entries("on_prem_key", None).unwrap()[0].version, 2, "made, and written once");
    engine.shutdown();
    drop(engine);
    let service = Service::start_at(folder, clock, |_| {});
    assert_eq!(service.get(&path).json()["last_used_at"], used);
    assert_eq!(service.get(KEYS).json()["keys"][0]["last_used_at"], used);
}
