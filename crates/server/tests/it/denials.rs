//! What was denied is on record with what it was about: the objects that were meant, where their organization sees it.

use std::time::Duration;

use actarium_core::time;
use actarium_server::limits::REFUSAL_KINDS_PER_SENDER_MAX;
use actarium_server::routes::{Method, Operation, Permission, ROUTES, Route};
use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::access::{Fixtures, path_in};
use crate::client::Service;
use crate::person::Person;

const DAY: i64 = 86_400_000_000;

/// A personal access token of somebody, for some organizations or for all: its id and secret.
fn token(service: &Service, person: &Person, organizations: Value) -> (String, String) {
    let expires_at = time::to_text(SystemClock::new().now() + DAY);
    let body = json!({"name": "CI", "expires_at": expires_at, "organizations": organizations});
    let answer = person.request(service, "POST", "/v1/tokens").json(&body).send();
    assert_eq!(answer.status, 201, "{answer:?}");
    let json = answer.json();
    (json["id"].as_str().unwrap().into(), json["secret"].as_str().unwrap().into())
}

fn denied(service: &Service, slug: &str) -> Vec<Value> {
    service.find(slug, "outcome=denied&order=asc&limit=1000")
}

/// The denials of a log, once there are as many.
fn denied_count(service: &Service, slug: &str, count: usize) -> Vec<Value> {
    service.find_count(slug, "outcome=denied&order=asc&limit=1000", count)
}

fn is_of(record: &Value, route: &Route) -> bool {
    record["metadata"]["route"] == route.path && record["metadata"]["method"] == route.method.name()
}

/// The id in a path that stands where the route has `{id}`.
fn id_in<'p>(route: &Route, path: &'p str) -> Option<&'p str> {
    let position = route.path.split('/').position(|segment| segment == "{id}")?;
    path.split('?').next()?.split('/').nth(position)
}

/// A mutating route whose denial leaves no record would pass unnoticed otherwise. Nemo is a member and holds nothing; what a
/// session alone may do is asked for with a token.
#[test]
fn every_denied_change_leaves_a_record_that_names_its_object() {
    let service = Service::start();
    let fixtures = Fixtures::new(&service);
    let nemo = Person::new(&service, "Nemo", &[]);
    let (_, secret) = token(&service, &nemo, Value::Null);
    let (other_token, _) = token(&service, &nemo, Value::Null);
    let changing = |route: &&&'static Route| route.method != Method::Get && route.permission != Permission::Public;
    let mut asked: Vec<(&'static Route, String)> = Vec::new();
    for route in ROUTES.iter().filter(changing) {
        let path = match route.operation {
            Operation::TokenRevoke => format!("/v1/tokens/{other_token}"),
            Operation::UserSessionRevoke | Operation::SessionRevoke => path_in(route, "acme"),
            _ if route.ingests() || matches!(route.permission, Permission::Person | Permission::Session) => {
                path_in(route, "acme")
            }
            _ => fixtures.sample(route).map_or_else(|| path_in(route, "acme"), |(path, _, _)| path),
        };
        let own = matches!(route.permission, Permission::Person | Permission::Session);
        let request = match own {
            true => service.anonymous(route.method.name(), &path).bearer(&secret),
            false => nemo.request(&service, route.method.name(), &path),
        };
        let answer = request.send();
        assert_eq!(answer.status, 403, "{} {path}: {answer:?}", route.method.name());
        asked.push((route, path));
    }
    let mut records = Vec::new();
    for _ in 0..100 {
        records = [denied(&service, "acme"), denied(&service, "actarium")].concat();
        if asked.iter().all(|(route, _)| records.iter().any(|record| is_of(record, route))) {
            break;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    for (route, path) in asked {
        let told = format!("{} {path}", route.method.name());
        let record = records.iter().find(|record| is_of(record, route));
        let record = record.unwrap_or_else(|| panic!("{told}: denied, and there is no record of it"));
        let action = route.denied_action.unwrap_or("ingestion.refuse");
        assert_eq!((&record["action"], &record["actor"]["id"]), (&json!(action), &json!(nemo.id)), "{told}");
        if let Some(id) = id_in(route, &path) {
            assert_eq!(record["targets"][0]["id"], id, "{told}: {record}");
        }
    }
}

#[test]
fn a_denial_names_what_was_meant_and_different_objects_are_different_records() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Ada", &["admin"]);
    let nemo = Person::new(&service, "Nemo", &[]);
    let group = |name: &str| admin.made(&service, "groups", json!({"name": name}));
    let (one, two) = (group("One"), group("Two"));
    let organization = json!({"type": "organization", "id": "acme"});
    let named = |id: &str, name: &str| json!({"type": "group", "id": id, "name": name});
    for path in [&*one, &*one, &*two, "grp_nowhere", &*one, &*format!("{one}/members/{}", admin.id)] {
        assert_eq!(nemo.send(&service, "DELETE", &format!("groups/{path}"), Value::Null).status, 403);
    }
    let ada = json!({"type": "user", "id": admin.id, "name": "Ada"});
    let targets: Vec<_> =
        denied_count(&service, "acme", 4).into_iter().map(|record| record["targets"].clone()).collect();
    let expected = [
        json!([named(&one, "One"), organization]),
        json!([named(&two, "Two"), organization]),
        json!([{"type": "group", "id": "grp_nowhere"}, organization]),
        json!([named(&one, "One"), ada, organization]),
    ];
    assert_eq!(targets, expected);
    // Who holds the permission and not what is given by it is told by what they meant to give, too.
    let keeper = Person::holding(&service, "Kim", &["groups_manage", "roles_view", "users_view"]);
    let role = json!({"role": "auditor", "level": "organization"});
    assert_eq!(keeper.send(&service, "POST", &format!("groups/{one}/roles"), role).status, 403);
    assert_eq!(keeper.send(&service, "POST", "groups/admin/members", json!({"user": nemo.id})).status, 403);
    let targets: Vec<_> =
        denied_count(&service, "acme", 6)[4..].iter().map(|record| record["targets"].clone()).collect();
    let auditor = json!({"type": "role", "id": "auditor", "name": "Auditor"});
    let user = json!({"type": "user", "id": nemo.id, "name": "Nemo"});
    assert_eq!(targets[0], json!([named(&one, "One"), auditor, organization]));
    assert_eq!(targets[1], json!([named("admin", "Admin"), user, organization]));
    // Repeats are counted for each object by itself.
    let service = Service::start_on(service.stop(), |_| {});
    let counted: Vec<_> =
        denied(&service, "acme").into_iter().filter(|record| !record["metadata"]["requests"].is_null()).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!((&counted[0]["targets"][0]["id"], &counted[0]["metadata"]["requests"]), (&json!(one), &json!(2)));
}

#[test]
fn another_organizations_log_does_not_name_what_was_meant() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let (_, key) = service.key("other");
    let group = service.request("POST", "/v1/orgs/acme/groups").json(&json!({"name": "Hidden"})).send().json();
    let path = format!("/v1/orgs/acme/groups/{}", group["id"].as_str().unwrap());
    assert_eq!(service.anonymous("DELETE", &path).bearer(&key).send().status, 404);
    assert_eq!(service.anonymous("DELETE", &path).send().status, 401);
    let (group, organization) =
        (json!({"type": "group", "id": group["id"]}), json!({"type": "organization", "id": "acme"}));
    for (log, expected) in [("other", json!([organization])), ("actarium", json!([group, organization]))] {
        assert_eq!(denied_count(&service, log, 1)[0]["targets"], expected, "{log}");
    }
    assert!(denied(&service, "acme").is_empty());
}

#[test]
fn a_flood_of_denials_about_ever_other_objects_is_bounded() {
    const MORE: usize = 40;
    let service = Service::start();
    service.organization("acme");
    let nemo = Person::new(&service, "Nemo", &[]);
    for number in 0..REFUSAL_KINDS_PER_SENDER_MAX + MORE {
        let path = format!("groups/grp_{number}");
        assert_eq!(nemo.send(&service, "DELETE", &path, Value::Null).status, 403);
    }
    // The credential of somebody else has a bound of its own.
    let other = Person::new(&service, "Outis", &[]);
    assert_eq!(other.send(&service, "DELETE", "groups/admin", Value::Null).status, 403);
    let records = denied_count(&service, "acme", REFUSAL_KINDS_PER_SENDER_MAX + 2);
    let several = &records[REFUSAL_KINDS_PER_SENDER_MAX];
    assert_eq!(several["targets"], json!([{"type": "organization", "id": "acme"}]));
    assert_eq!(several["metadata"]["objects"], "several");
    assert_eq!(records.last().unwrap()["targets"][0]["name"], "Admin");
    let service = Service::start_on(service.stop(), |_| {});
    let counted = denied(&service, "acme").pop().unwrap();
    assert_eq!(
        (&counted["metadata"]["objects"], &counted["metadata"]["requests"]),
        (&json!("several"), &json!(MORE - 1))
    );
}

/// Of what is a person's own, each organization is told that the credential reaches, and no other.
#[test]
fn denials_about_ones_own_affairs_are_told_to_the_organizations_that_the_credential_reaches() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let made = json!({"email": "ada@example.com", "name": "Ada of other"});
    let ada = Person::new(&service, "Ada", &[]);
    assert_eq!(service.request("POST", "/v1/orgs/other/users").json(&made).send().status, 201);
    let (everywhere, of_all) = token(&service, &ada, Value::Null);
    let (_, of_acme) = token(&service, &ada, json!(["acme"]));
    let (elsewhere, _) = token(&service, &ada, json!(["other"]));
    let send = |secret: &str, method: &str, path: &str| {
        assert_eq!(service.anonymous(method, path).bearer(secret).send().status, 403, "{path}");
    };
    send(&of_all, "POST", "/v1/password");
    for (log, name) in [("acme", "Ada"), ("other", "Ada of other")] {
        let record = &denied_count(&service, log, 1)[0];
        assert_eq!(record["action"], "password.update");
        let told = (&record["actor"]["name"], &record["actor"]["metadata"]["token"], &record["targets"]);
        let target = json!([{"type": "user", "id": ada.id, "name": name}]);
        assert_eq!(told, (&json!(name), &json!(everywhere), &target), "{log}");
    }
    send(&of_acme, "DELETE", "/v1/second-factor");
    send(&of_acme, "DELETE", &format!("/v1/tokens/{elsewhere}"));
    let records = denied_count(&service, "acme", 3);
    assert_eq!(records[1]["action"], "second_factor.update");
    // What a token is called that works elsewhere is not for this organization.
    assert_eq!(records[2]["targets"][0], json!({"type": "token", "id": elsewhere}));
    denied_count(&service, "other", 1);
    assert!(denied(&service, "actarium").is_empty());
}

#[test]
fn a_secret_in_the_place_of_an_id_is_in_no_record() {
    let service = Service::start();
    service.organization("acme");
    let ada = Person::new(&service, "Ada", &[]);
    let ((id, secret), (_, other)) = (token(&service, &ada, Value::Null), token(&service, &ada, Value::Null));
    let path = format!("/v1/tokens/{secret}");
    assert_eq!(service.anonymous("DELETE", &path).bearer(&other).send().status, 403);
    let record = &denied_count(&service, "acme", 1)[0];
    assert_eq!(record["targets"][0], json!({"type": "token", "id": id, "name": "CI"}));
    assert!(!record.to_string().contains(&secret));
}

#[test]
fn a_denied_end_of_a_session_or_token_says_whose_it_is() {
    let service = Service::start();
    service.organization("acme");
    let (ada, nemo) = (Person::new(&service, "Ada", &["admin"]), Person::new(&service, "Nemo", &[]));
    let sessions = ada.request(&service, "GET", "/v1/sessions").send().json();
    let session = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    let (made, _) = token(&service, &ada, Value::Null);
    for path in [format!("sessions/{session}"), format!("tokens/{made}")] {
        assert_eq!(nemo.send(&service, "DELETE", &path, Value::Null).status, 403);
    }
    let records = denied_count(&service, "acme", 2);
    let whose = json!({"type": "user", "id": ada.id, "name": "Ada"});
    let organization = json!({"type": "organization", "id": "acme"});
    assert_eq!(records[0]["targets"], json!([{"type": "session", "id": session}, whose, organization]));
    assert_eq!(records[1]["targets"], json!([{"type": "token", "id": made, "name": "CI"}, whose, organization]));
}

/// The operator may do everything but be two persons, or one with an account.
#[test]
fn what_the_operator_is_denied_is_on_record() {
    let service = Service::start();
    service.organization("acme");
    let asked = json!({"subject": "user:u-1", "reason": "They asked"});
    service.record("acme", &crate::client::event("component.deploy", "orders"));
    let asked = service.request("POST", "/v1/orgs/acme/erasures").json(&asked).send().json();
    let path = format!("/v1/orgs/acme/erasures/{}/approve", asked["id"].as_str().unwrap());
    assert_eq!(service.request("POST", &path).send().status, 403);
    let record = &denied_count(&service, "acme", 1)[0];
    assert_eq!((&record["action"], &record["actor"]["id"]), (&json!("record.removal.approve"), &json!("operator")));
    assert_eq!(record["targets"][0], json!({"type": "removal", "id": asked["id"]}));
    assert_eq!(service.request("POST", "/v1/password").send().status, 403);
    assert_eq!(denied_count(&service, "actarium", 1)[0]["action"], "password.update");
    assert_eq!(service.get("/v1/orgs/nowhere/groups").status, 404);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(denied(&service, "actarium").len(), 1, "what is not there is a mistake, not a denial");
}
