//! What an organization configures of its identity providers.

use serde_json::{Value, json};

use crate::client::{Answer, Service};

const ISSUER: &str = "https://id.example.com/realms/acme";
const PROVIDERS: &str = "/v1/orgs/acme/identity-providers";

fn service() -> Service {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    service
}

fn create(service: &Service, changes: Value) -> Answer {
    let mut body = json!({"name": "Company", "issuer": ISSUER, "client_id": "actarium", "client_secret": "p8Q-secret"});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    service.request("POST", PROVIDERS).json(&body).send()
}

#[test]
fn a_provider_is_made_changed_and_deleted_with_its_records_and_without_its_secret() {
    let service = service();
    let made = create(
        &service,
        json!({"group_mapping": {"ops": ["platform-engineer"]}, "authoritative_domains": ["Example.COM"]}),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{PROVIDERS}/{id}");
    assert_eq!(made.json()["authoritative_domains"], json!(["example.com"]));
    assert_eq!(made.json()["has_client_secret"], true);
    let redirect_uri = format!("http://{}/v1/session/oidc/callback/{id}", service.address);
    assert_eq!(made.json()["redirect_uri"], redirect_uri);
    assert_eq!(service.get(&path).json(), made.json());
    assert_eq!(service.get(PROVIDERS).json()["identity_providers"], json!([made.json()]));
    assert_eq!(service.get(&format!("/v1/orgs/other/identity-providers/{id}")).status, 404);

    let change = json!({"name": "The company", "client_secret": "another-p8Q"});
    let changed = service.request("PATCH", &path).json(&change).send();
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("The company")));
    assert_eq!(service.request("PATCH", &path).json(&json!({})).send().status, 200);
    assert_eq!(service.request("DELETE", &path).send().status, 204);
    assert_eq!(service.get(&path).status, 404);

    let records = service.find_count("acme", "q=action:identity_provider.*&order=asc", 3);
    let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["identity_provider.create", "identity_provider.update", "identity_provider.delete"]);
    assert_eq!(records[1]["changes"], json!([{"path": "/name", "before": "Company", "after": "The company"}]));
    assert_eq!(records[1]["metadata"]["client_secret"], "changed");
    let everything = format!("{records:?}{:?}{:?}", made.text(), changed.text());
    assert!(!everything.contains("p8Q"), "the secret shows");
}

#[test]
fn a_new_issuer_does_not_get_the_old_ones_secret() {
    let service = service();
    let path = format!("{PROVIDERS}/{}", create(&service, json!({})).json()["id"].as_str().unwrap());
    let moved = service.request("PATCH", &path).json(&json!({"issuer": "https://evil.example"})).send();
    assert_eq!((moved.status, &moved.json()["has_client_secret"]), (200, &json!(false)));
}

#[test]
fn what_is_against_the_rules_is_told_with_its_place() {
    let service = service();
    for (changes, pointer) in [
        (json!({"issuer": "http://id.example.com"}), "/issuer"),
        (json!({"issuer": "http://127.0.0.1:4000"}), "/issuer"),
        (json!({"issuer": "https://a@id.example.com"}), "/issuer"),
        (json!({"issuer": "https://id.example.com/?a=b"}), "/issuer"),
        (json!({"client_id": ""}), "/client_id"),
        (json!({"client_secret": "a b"}), "/client_secret"),
        (json!({"scopes": ["a b"]}), "/scopes/0"),
        (json!({"authoritative_domains": ["example.com", "@example.com"]}), "/authoritative_domains/1"),
        (json!({"group_mapping": {"ops": ["no-such-group"]}}), "/group_mapping/ops"),
        (json!({"group_mapping": {"a/b": "admin"}}), "/group_mapping/a~1b"),
        (json!({"group_mapping": ["admin"]}), "/group_mapping"),
        (json!({"surprise": true}), "/surprise"),
    ] {
        let answer = create(&service, changes.clone());
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-content"), "{changes}: {answer:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{changes}");
    }
    assert_eq!(service.get(PROVIDERS).json()["identity_providers"], json!([]));
}

#[test]
fn who_is_taken_in_is_the_organizations_choice_and_kept() {
    let service = service();
    assert_eq!(service.get("/v1/orgs/acme/sign-in").json(), json!({"joining_domains": []}));
    let change = json!({"joining_domains": ["Example.com", "example.com", "b.example"]});
    let changed = service.request("PATCH", "/v1/orgs/acme/sign-in").json(&change).send();
    assert_eq!(changed.json(), json!({"joining_domains": ["b.example", "example.com"]}), "{changed:?}");
    service.find_count("acme", "action=sign_in.update", 1);
    assert_eq!(service.get("/v1/orgs/other/sign-in").json(), json!({"joining_domains": []}));
    let id = create(&service, json!({})).json()["id"].clone();
    let again = Service::start_on(service.stop(), |_| {});
    assert_eq!(again.get("/v1/orgs/acme/sign-in").json()["joining_domains"][1], "example.com");
    assert_eq!(again.get(PROVIDERS).json()["identity_providers"][0]["id"], id);
}
