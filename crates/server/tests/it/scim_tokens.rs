//! What SCIM tokens may do over time: they end when they were to end, and never do what the person who made them may not.

use std::time::Duration;

use actarium_core::time;
use actarium_store::Clock;
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service};
use crate::person::Person;

const TOKENS: &str = "/v1/orgs/acme/scim-tokens";

fn scim(service: &Service, secret: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = service.anonymous(method, &format!("/v1/orgs/acme/scim/v2{path}")).bearer(secret);
    if body.is_null() { request.send() } else { request.body("application/scim+json", body.to_string()).send() }
}

fn users(service: &Service, secret: &str) -> u16 {
    scim(service, secret, "GET", "/Users", &Value::Null).status
}

fn add_to(service: &Service, secret: &str, group: &str, user: &str) -> u16 {
    let add = json!({"op": "add", "path": "members", "value": [{"value": user}]});
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [add]});
    scim(service, secret, "PATCH", &format!("/Groups/{group}"), &body).status
}

fn token_of(maker: &Person, service: &Service, permissions: &[&str]) -> (String, String) {
    let body = json!({"name": "Directory", "permissions": permissions});
    let made = maker.send(service, "POST", "scim-tokens", body);
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!((&made["created_by"], &made["suspended"]), (&json!(format!("user:{}", maker.id)), &json!(false)));
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

fn suspended(service: &Service) -> Vec<bool> {
    let listed = service.get(TOKENS).json();
    listed["tokens"].as_array().unwrap().iter().map(|token| token["suspended"].as_bool().unwrap()).collect()
}

#[test]
fn only_who_holds_everything_makes_a_token_and_it_rests_while_they_hold_less() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let maker = Person::new(&service, "Mara", &[]);
    let somebody = Person::new(&service, "Cleo", &["admin"]);
    let role = json!({"name": "Provisioning", "permissions": ["USER-MANAGEMENT", "ORGANIZATION-MANAGEMENT", "LOG-MANAGEMENT"]});
    let role = admin.made(&service, "roles", role);
    let group = admin.made(&service, "groups", json!({"name": "Provisioning"}));
    admin.made(&service, &format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
    admin.made(&service, &format!("groups/{group}/members"), json!({"user": maker.id}));

    let beyond = maker.send(&service, "POST", "scim-tokens", json!({"name": "x"}));
    assert_eq!((beyond.status, beyond.problem().as_str()), (403, "forbidden"), "it would remove administrators");
    admin.made(&service, "groups/admin/members", json!({"user": maker.id}));
    let (_, secret) = token_of(&maker, &service, &["LOG-MANAGEMENT", "ORGANIZATION-MANAGEMENT", "USER-MANAGEMENT"]);
    assert_eq!(add_to(&service, &secret, &group, &somebody.id), 200);
    assert_eq!(add_to(&service, &secret, "admin", &somebody.id), 403, "that holds more than the token was given");

    admin.deleted(&service, &format!("groups/admin/members/{}", maker.id));
    assert_eq!(suspended(&service), [true]);
    let removal = scim(&service, &secret, "DELETE", &format!("/Users/{}", somebody.id), &Value::Null);
    assert_eq!(removal.status, 403, "its maker could not remove an administrator");
    assert_eq!((users(&service, &secret), add_to(&service, &secret, &group, &somebody.id)), (403, 403));
    admin.made(&service, "groups/admin/members", json!({"user": maker.id}));
    assert_eq!((users(&service, &secret), suspended(&service)), (200, vec![false]));
    let removal = scim(&service, &secret, "DELETE", &format!("/Users/{}", somebody.id), &Value::Null);
    assert_eq!(removal.status, 204, "{removal:?}");
}

#[test]
fn a_token_does_nothing_once_its_maker_has_left() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let maker = Person::new(&service, "Mara", &["admin"]);
    let (_, of_maker) = token_of(&maker, &service, &["LOG-MANAGEMENT"]);
    let operators = service.request("POST", TOKENS).json(&json!({"name": "Operator's"})).send().json();
    let of_operator = operators["secret"].as_str().unwrap();

    let path = format!("users/{}", maker.id);
    assert_eq!(admin.send(&service, "PATCH", &path, json!({"active": false})).status, 200);
    assert_eq!(users(&service, &of_maker), 403, "who is not active holds nothing");
    let denied = &service.find_count("acme", "action=user.list&outcome=denied", 1)[0];
    assert_eq!(denied["actor"]["name"], "Directory");
    assert_eq!(admin.send(&service, "PATCH", &path, json!({"active": true})).status, 200);
    assert_eq!(users(&service, &of_maker), 200);
    admin.deleted(&service, &path);
    assert_eq!(users(&service, &of_maker), 403);
    assert_eq!(users(&service, of_operator), 200, "the operator stays");
    let service = Service::start_on(service.stop(), |_| {});
    assert_eq!((users(&service, &of_maker), users(&service, of_operator)), (403, 200), "and after a restart");
}

/// Behind a proxy the host that a request names is not where the service is reached.
#[test]
fn addresses_of_resources_are_those_that_people_reach() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start_on(folder, |options| options.public_url = "https://audit.example.com".parse().ok());
    service.organization("acme");
    let made = service.request("POST", TOKENS).json(&json!({"name": "Directory"})).send().json();
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@example.com"});
    let made = scim(&service, made["secret"].as_str().unwrap(), "POST", "/Users", &user);
    let location = made.json()["meta"]["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with("https://audit.example.com/v1/orgs/acme/scim/v2/Users/"), "{location}");
    assert_eq!(made.headers["location"], location);
}

#[test]
fn a_token_ends_when_it_was_to_end_and_says_when_it_was_used() {
    let clock = Ahead::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    let past = service.request("POST", TOKENS).json(&json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"})).send();
    assert_eq!((past.status, past.json()["errors"][0]["pointer"].clone()), (422, json!("/expires_at")));
    let ending = time::to_text(clock.now() + 3_600_000_000);
    let made = service.request("POST", TOKENS).json(&json!({"name": "Directory", "expires_at": ending})).send().json();
    assert_eq!((&made["expires_at"], &made["last_used_at"]), (&json!(ending), &Value::Null));
    assert_eq!(service.find("acme", "action=token.create")[0]["metadata"]["expires_at"], ending);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(users(&service, secret), 200);
    let used = service.get(TOKENS).json()["tokens"][0]["last_used_at"].clone();
    assert!(used.is_string());
    let service = Service::start_at(service.stop(), clock.clone(), |_| {});
    assert_eq!(service.get(TOKENS).json()["tokens"][0]["last_used_at"], used);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(users(&service, secret), 401);
    let denied = &service.find_count("acme", "action=user.list&outcome=denied", 1)[0];
    assert!(denied["reason"].as_str().unwrap().contains("expired"), "{denied}");
}
