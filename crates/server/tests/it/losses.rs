//! What is lost by a change is on record with it: who was in a group that goes, which groups had a role, what somebody who is
//! removed was in, and which sessions and tokens end.

use std::collections::BTreeSet;

use actarium_core::time;
use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::Service;
use crate::person::{PASSWORD, Person};

struct Setting {
    service: Service,
    admin: Person,
}

impl Setting {
    fn new() -> Self {
        let service = Service::start();
        service.organization("acme");
        let admin = Person::new(&service, "Ada", &["admin"]);
        Self { service, admin }
    }

    fn made(&self, path: &str, body: Value) -> String {
        self.admin.made(&self.service, path, body)
    }

    fn user(&self, name: &str) -> String {
        self.made("users", json!({"email": format!("{}@example.com", name.to_lowercase()), "name": name}))
    }

    /// A group with members, and a role for the organization and one for two projects.
    fn group(&self, members: &[&str]) -> (String, [String; 2]) {
        let group = self.made("groups", json!({"name": "Team", "description": "Who is called"}));
        for member in members {
            self.made(&format!("groups/{group}/members"), json!({"user": member}));
        }
        let roles = ["Whole", "Parts"].map(|name| {
            let body = json!({"name": name, "description": "Sees", "permissions": ["audit_logs_view"]});
            self.made("roles", body)
        });
        let path = format!("groups/{group}/roles");
        self.made(&path, json!({"role": roles[0], "level": "organization"}));
        self.made(&path, json!({"role": roles[1], "level": "project", "projects": ["p-1", "p-2"]}));
        (group, roles)
    }

    fn records(&self, query: &str) -> Vec<Value> {
        self.service.find("acme", &format!("{query}&outcome=success&order=asc&limit=1000"))
    }

    /// Records of an action that something brought about.
    fn brought_about(&self, action: &str, because: &str) -> Vec<Value> {
        let records = self.records(&format!("action={action}"));
        records.into_iter().filter(|record| record["metadata"]["because"] == because).collect()
    }
}

/// Types and ids of the targets of each record.
fn targets(records: &[Value]) -> BTreeSet<String> {
    let of = |record: &Value| {
        let each = record["targets"].as_array().unwrap().iter();
        each.map(|target| target["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    records.iter().map(of).collect()
}

fn set(texts: &[String]) -> BTreeSet<String> {
    texts.iter().cloned().collect()
}

#[test]
fn a_deleted_group_tells_who_was_in_it_and_what_it_gave() {
    let setting = Setting::new();
    let [bob, cleo] = ["Bob", "Cleo"].map(|name| setting.user(name));
    let (group, [whole, parts]) = setting.group(&[&bob, &cleo]);
    let created = &setting.records("action=group.create")[0];
    assert_eq!(created["changes"], json!([{"path": "/description", "before": null, "after": "Who is called"}]));
    setting.admin.deleted(&setting.service, &format!("groups/{group}"));
    let deleted = &setting.records("action=group.delete")[0];
    assert_eq!(deleted["metadata"], json!({"members": 2, "roles": 2}));
    assert_eq!(deleted["changes"], json!([{"path": "/description", "before": "Who is called", "after": null}]));
    let members = setting.brought_about("group.member.remove", "group.delete");
    assert_eq!(targets(&members), set(&[format!("{group} {bob}"), format!("{group} {cleo}")]));
    assert_eq!(members[0]["actor"]["id"], setting.admin.id);
    let mut names: Vec<_> = members.iter().map(|record| record["targets"][1]["name"].clone()).collect();
    names.sort_by_key(Value::to_string);
    assert_eq!(names, [json!("Bob"), json!("Cleo")]);
    let roles = setting.brought_about("group.role.unassign", "group.delete");
    let expected = [format!("{group} {whole}"), format!("{group} {parts} p-1"), format!("{group} {parts} p-2")];
    assert_eq!(targets(&roles), set(&expected));
    // One commit: all of it was recorded at one moment.
    let moments: BTreeSet<_> =
        members.iter().chain(&roles).chain([deleted]).map(|record| record["recorded_at"].to_string()).collect();
    let seqs: BTreeSet<_> =
        members.iter().chain(&roles).chain([deleted]).map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs.last().unwrap() - seqs.first().unwrap() + 1, seqs.len() as u64, "{moments:?}");
}

#[test]
fn a_deleted_role_tells_which_groups_had_it_and_what_it_permitted() {
    let setting = Setting::new();
    let (group, [_, parts]) = setting.group(&[]);
    setting.admin.deleted(&setting.service, &format!("roles/{parts}"));
    let deleted = &setting.records("action=role.delete")[0];
    let expected = json!([
        {"path": "/description", "before": "Sees", "after": null},
        {"path": "/permissions", "before": ["audit_logs_view"], "after": null},
    ]);
    assert_eq!((&deleted["changes"], &deleted["metadata"]), (&expected, &json!({"groups": 1})));
    let roles = setting.brought_about("group.role.unassign", "role.delete");
    assert_eq!(targets(&roles), set(&[format!("{group} {parts} p-1"), format!("{group} {parts} p-2")]));
}

#[test]
fn a_removed_user_tells_what_they_were_in_and_what_opened_it() {
    let setting = Setting::new();
    let (group, _) = setting.group(&[]);
    let bob = Person::made_by(&setting.admin, &setting.service, "Bob", &[&group, "developer"]);
    let expires_at = time::to_text(SystemClock::new().now() + 86_400_000_000);
    let token = json!({"name": "Bob's", "expires_at": expires_at});
    let token = bob.request(&setting.service, "POST", "/v1/tokens").json(&token).send().json();
    let sessions = bob.request(&setting.service, "GET", "/v1/sessions").send().json();
    let session = sessions["sessions"][0]["id"].as_str().unwrap();
    setting.admin.deleted(&setting.service, &format!("users/{}", bob.id));
    assert_eq!(setting.records("action=user.remove")[0]["metadata"]["groups"], 2);
    let groups = setting.brought_about("group.member.remove", "user.remove");
    assert_eq!(targets(&groups), set(&[format!("{group} {}", bob.id), format!("developer {}", bob.id)]));
    let ended = setting.brought_about("session.revoke", "user.remove");
    assert_eq!(targets(&ended), set(&[format!("{session} {}", bob.id)]));
    assert_eq!((&ended[0]["targets"][1]["name"], &ended[0]["actor"]["id"]), (&json!("Bob"), &json!(setting.admin.id)));
    let ended = setting.brought_about("token.revoke", "user.remove");
    assert_eq!(targets(&ended), set(&[format!("{} {}", token["id"].as_str().unwrap(), bob.id)]));
}

/// A person's own account stays when one organization removes them: what ends is what opened that one.
#[test]
fn what_a_removal_ends_is_told_to_that_organization_alone() {
    let setting = Setting::new();
    let Setting { service, .. } = &setting;
    let bob = Person::new(service, "Bob", &["developer"]);
    service.organization("other");
    let joins = json!({"email": "bob@example.com", "name": "Bob"});
    assert_eq!(service.request("POST", "/v1/orgs/other/users").json(&joins).send().status, 201);
    let expires_at = time::to_text(SystemClock::new().now() + 86_400_000_000);
    let make = |organizations: Value| {
        let body = json!({"name": "CI", "expires_at": expires_at, "organizations": organizations});
        let made = bob.request(service, "POST", "/v1/tokens").json(&body).send();
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let (both, _elsewhere) = (make(Value::Null), make(json!(["other"])));
    setting.admin.deleted(service, &format!("users/{}", bob.id));
    assert_eq!(targets(&setting.brought_about("token.revoke", "user.remove")), set(&[format!("{both} {}", bob.id)]));
    assert!(setting.brought_about("session.revoke", "user.remove").is_empty(), "it opens the other one still");
    assert!(service.find("other", "action=token.revoke").is_empty());
}

fn session_of(service: &Service, email: &str) -> (String, String) {
    let answer = service.anonymous("POST", "/v1/session").json(&json!({"email": email, "password": PASSWORD})).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
    (cookie, answer.json()["csrf_token"].as_str().unwrap().to_owned())
}

fn other_ids(service: &Service, person: &Person) -> BTreeSet<String> {
    let listed = person.request(service, "GET", "/v1/sessions").send().json();
    let others = listed["sessions"].as_array().unwrap().iter().filter(|session| session["current"] == false);
    others.map(|session| format!("{} {}", session["id"].as_str().unwrap(), person.id)).collect()
}

#[test]
fn sessions_that_end_with_a_new_password_are_on_record_each() {
    let setting = Setting::new();
    let Setting { service, admin } = &setting;
    for _ in 0..2 {
        session_of(service, "ada@example.com");
    }
    let others = other_ids(service, admin);
    assert_eq!(others.len(), 2);
    let body = json!({"current": PASSWORD, "new": "rtw&8 bnmq4 xz"});
    assert_eq!(admin.request(service, "POST", "/v1/password").json(&body).send().status, 204);
    assert_eq!(targets(&setting.brought_about("session.revoke", "password.update")), others);
    assert_eq!(setting.records("action=password.update")[0]["metadata"]["sessions_ended"], 2);
}

#[test]
fn the_session_that_makes_room_for_one_more_is_on_record() {
    const SESSIONS: usize = actarium_server::limits::SESSIONS_PER_USER_MAX;
    let setting = Setting::new();
    let Setting { service, admin } = &setting;
    for _ in 1..SESSIONS {
        session_of(service, "ada@example.com");
    }
    let before = other_ids(service, admin);
    assert_eq!((before.len(), setting.records("action=session.revoke").len()), (SESSIONS - 1, 0));
    session_of(service, "ada@example.com");
    let ended = setting.brought_about("session.revoke", "session.sign_in");
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["metadata"]["why"], "more sessions than one person may have");
    assert_eq!(ended[0]["targets"][1]["id"], admin.id);
}
