//! Users, groups and roles: what is made, changed and refused, and what the records of it say.

use serde_json::{Value, json};

use crate::client::{Answer, Service};
use crate::person::{PASSWORD, Person};

fn send(service: &Service, method: &str, path: &str, body: Value) -> Answer {
    let request = service.request(method, &format!("/v1/orgs/acme/{path}"));
    if body.is_null() { request.send() } else { request.json(&body).send() }
}

fn made(service: &Service, path: &str, body: Value) -> Value {
    let answer = send(service, "POST", path, body);
    assert_eq!(answer.status, 201, "{path}: {answer:?}");
    answer.json()
}

fn user(service: &Service, name: &str, groups: &[&str]) -> String {
    let email = format!("{}@example.com", name.to_lowercase());
    let user = made(service, "users", json!({"email": email, "name": name, "groups": groups}));
    user["id"].as_str().unwrap().to_owned()
}

fn held(service: &Service, user: &str) -> Vec<String> {
    let answer = service.get(&format!("/v1/orgs/acme/users/{user}/permissions")).json();
    answer["organization"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_role_given_to_a_group_is_held_by_its_members_until_it_goes() {
    let service = Service::start();
    service.organization("acme");
    let ada = user(&service, "Ada", &[]);
    assert!(held(&service, &ada).is_empty());
    let role = made(
        &service,
        "roles",
        json!({"name": "Log readers", "description": "May see", "permissions": ["LOG-MANAGEMENT"]}),
    );
    let role = role["id"].as_str().unwrap().to_owned();
    let group = made(&service, "groups", json!({"name": "Reviewers", "description": "Who reviews"}));
    let group = group["id"].as_str().unwrap().to_owned();
    made(&service, &format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
    made(&service, &format!("groups/{group}/members"), json!({"user": ada}));
    let log = ["audit_logs_view", "audit_logs_export", "audit_logs_verify"];
    assert_eq!(held(&service, &ada), log);
    let explained = service.get(&format!("/v1/orgs/acme/users/{ada}/permissions")).json();
    assert_eq!(explained["because"][0]["group"]["name"], "Reviewers");
    assert_eq!(explained["because"][0]["role"]["name"], "Log readers");
    for (path, again) in [
        (format!("groups/{group}/members/{ada}"), format!("groups/{group}/members")),
        (format!("groups/{group}/roles/{role}"), format!("groups/{group}/roles")),
    ] {
        assert_eq!(send(&service, "DELETE", &path, Value::Null).status, 204);
        assert!(held(&service, &ada).is_empty(), "{path}");
        assert_eq!(send(&service, "DELETE", &path, Value::Null).status, 404);
        let body = if again.ends_with("members") {
            json!({"user": ada})
        } else {
            json!({"role": role, "level": "organization"})
        };
        made(&service, &again, body);
        assert_eq!(held(&service, &ada), log);
    }
    assert_eq!(send(&service, "DELETE", &format!("roles/{role}"), Value::Null).status, 204);
    assert!(held(&service, &ada).is_empty());
    let record = &service.find("acme", "action=role.delete")[0];
    assert_eq!(
        (record["targets"][0]["name"].as_str(), record["metadata"]["groups"].as_u64()),
        (Some("Log readers"), Some(1))
    );
    // A change is told with what was before and after, and a start reads the same directory.
    let change = send(&service, "PATCH", &format!("groups/{group}"), json!({"name": "Watchers"}));
    assert_eq!((change.status, change.json()["name"].as_str()), (200, Some("Watchers")));
    let record = &service.find("acme", "action=group.update")[0];
    assert_eq!(record["changes"], json!([{"path": "/name", "before": "Reviewers", "after": "Watchers"}]));
    let groups = service.get("/v1/orgs/acme/groups").json();
    let users = service.get("/v1/orgs/acme/users").json();
    let service = Service::start_on(service.stop(), |_| {});
    assert_eq!(service.get("/v1/orgs/acme/groups").json(), groups);
    assert_eq!(service.get("/v1/orgs/acme/users").json(), users);
}

#[test]
fn an_organization_keeps_an_administrator() {
    let service = Service::start();
    service.organization("acme");
    let ada = user(&service, "Ada", &["admin"]);
    for (method, path, body) in [
        ("DELETE", format!("users/{ada}"), Value::Null),
        ("DELETE", format!("groups/admin/members/{ada}"), Value::Null),
        ("PATCH", format!("users/{ada}"), json!({"active": false})),
    ] {
        let refused = send(&service, method, &path, body);
        assert_eq!((refused.status, refused.problem().as_str()), (409, "conflict"), "{method} {path}");
    }
    let bob = user(&service, "Bob", &["admin"]);
    // Two who remove each other at the same moment leave one.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let removing = [&ada, &bob].map(|one| {
            let service = &service;
            scope.spawn(move || send(service, "DELETE", &format!("users/{one}"), Value::Null).status)
        });
        removing.map(|thread| thread.join().unwrap()).to_vec()
    });
    assert!(statuses.contains(&204) && statuses.contains(&409), "{statuses:?}");
    assert_eq!(service.get("/v1/orgs/acme/users").json()["users"].as_array().unwrap().len(), 1);
}

#[test]
fn an_administrator_who_cannot_sign_in_is_not_the_one_that_stays() {
    let service = Service::start();
    service.organization("acme");
    let ada = Person::new(&service, "Ada", &["admin"]);
    let ghost =
        ada.made(&service, "users", json!({"email": "ghost@nowhere.example", "name": "Ghost", "groups": ["admin"]}));
    for (method, path, body) in [
        ("DELETE", format!("users/{}", ada.id), Value::Null),
        ("DELETE", format!("groups/admin/members/{}", ada.id), Value::Null),
        ("PATCH", format!("users/{}", ada.id), json!({"active": false})),
    ] {
        let refused = ada.send(&service, method, &path, body);
        assert_eq!((refused.status, refused.problem().as_str()), (409, "conflict"), "{method} {path}");
        assert!(refused.text().contains("who can sign in"), "{refused:?}");
    }
    let body = json!({"email": "bob@example.com", "name": "Bob", "password": PASSWORD, "groups": ["admin"]});
    ada.made(&service, "users", body);
    ada.deleted(&service, &format!("users/{}", ada.id));
    // Who cannot sign in may go while somebody stays who can.
    assert_eq!(send(&service, "DELETE", &format!("users/{ghost}"), Value::Null).status, 204);
}

#[test]
fn what_every_organization_has_stays_as_it_is() {
    let service = Service::start();
    service.organization("acme");
    for id in ["admin", "platform-engineer", "developer", "auditor"] {
        for path in [format!("groups/{id}"), format!("roles/{id}"), format!("groups/{id}/roles/{id}")] {
            assert_eq!(send(&service, "DELETE", &path, Value::Null).status, 409, "{path}");
        }
        for what in ["groups", "roles"] {
            assert_eq!(send(&service, "PATCH", &format!("{what}/{id}"), json!({"name": "Mine"})).status, 409);
        }
    }
    for (what, body) in
        [("groups", json!({"name": "ADMIN"})), ("roles", json!({"name": "auditor", "permissions": ["users_view"]}))]
    {
        assert_eq!(send(&service, "POST", what, body).status, 409, "{what}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let service = Service::start();
    service.organization("acme");
    let cases = [
        ("users", json!({"email": "nobody", "name": "N"}), "/email"),
        ("users", json!({"email": "a@example.com", "name": "N", "groups": ["none"]}), "/groups"),
        ("roles", json!({"name": "R", "permissions": ["LOG-MANAGEMENT", "log_view"]}), "/permissions"),
        ("roles", json!({"name": "R"}), "/permissions"),
        ("groups", json!({"name": " "}), "/name"),
        ("groups/admin/members", json!({"user": "usr_nobody"}), "/user"),
        ("groups/admin/roles", json!({"role": "none", "level": "organization"}), "/role"),
        ("groups/admin/roles", json!({"role": "auditor", "level": "project"}), "/projects"),
        ("groups/admin/roles", json!({"role": "auditor", "level": "organization", "projects": ["p"]}), "/projects"),
        ("groups/admin/roles", json!({"role": "auditor", "level": "team"}), "/level"),
    ];
    for (path, body, pointer) in cases {
        let refused = send(&service, "POST", path, body.clone());
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-content"), "{path} {body}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{path} {body}");
    }
    assert_eq!(service.get("/v1/orgs/acme/users").json()["users"], json!([]));
}

#[test]
fn lists_are_given_in_pages_and_searched() {
    let service = Service::start();
    service.organization("acme");
    for name in ["Cleo", "ada", "Bob", "Dörte"] {
        user(&service, name, &[]);
    }
    let names = |query: &str| {
        let page = service.get(&format!("/v1/orgs/acme/users?{query}")).json();
        let names: Vec<String> =
            page["users"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect();
        (names, page["next_cursor"].as_str().map(str::to_owned))
    };
    let (first, cursor) = names("limit=3");
    assert_eq!(first, ["ada", "Bob", "Cleo"]);
    assert_eq!(names(&format!("limit=3&cursor={}", cursor.unwrap())), (vec!["Dörte".to_owned()], None));
    assert_eq!(names("search=D%C3%96R").0, ["Dörte"]);
    assert_eq!(service.get("/v1/orgs/acme/users?cursor=%21").status, 400);
}

#[test]
fn an_account_is_joined_as_it_is() {
    let service = Service::start();
    service.organization("acme");
    service.organization("globex");
    let ada = user(&service, "Ada", &[]);
    let body = json!({"email": "ADA@example.com", "name": "Ada of Globex"});
    let joined = service.request("POST", "/v1/orgs/globex/users").json(&body).send();
    assert_eq!((joined.status, joined.json()["id"].as_str()), (201, Some(ada.as_str())));
    assert_eq!(joined.json()["name"], "Ada of Globex");
    assert_eq!(service.get(&format!("/v1/orgs/acme/users/{ada}")).json()["name"], "Ada");
    assert_eq!(service.request("POST", "/v1/orgs/globex/users").json(&body).send().status, 409);
    assert_eq!(service.request("DELETE", &format!("/v1/orgs/globex/users/{ada}")).send().status, 204);
    assert_eq!(service.get(&format!("/v1/orgs/acme/users/{ada}")).status, 200);
}
