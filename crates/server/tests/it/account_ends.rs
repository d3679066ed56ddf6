//! An organization's account ends with its membership, and what an administrator opened it with ends when the organization's
//! directory says whose it is: whoever made an account for somebody is not them when they come.

use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{Answer, Service};
use crate::invitations::secret_in;
use crate::person::{PASSWORD, Person};

const CHIEF: &str = "chief@acme.example";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// An organization, and somebody who may add users and has made one for the chief with a password that they know.
struct Setting {
    service: Service,
    admin: Person,
    engineer: Person,
    /// The account that they made.
    made: String,
    /// Its session, as cookie and token against forged requests.
    seat: (String, String),
}

impl Setting {
    fn new() -> Self {
        let service = Service::start();
        service.organization("acme");
        let admin = Person::new(&service, "Admina", &["admin"]);
        let engineer = Person::new(&service, "Engin", &["platform-engineer"]);
        let made = engineer.made(&service, "users", json!({"email": CHIEF, "name": "Chief", "password": PASSWORD}));
        let answer = sign_in(&service);
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
        Self { service, admin, engineer, made, seat: (cookie, csrf) }
    }

    fn in_seat(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.service.anonymous(method, path).header("cookie", &self.seat.0);
        let request = request.header("x-csrf-token", &self.seat.1);
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    fn scim(&self, method: &str, path: &str, body: &Value) -> Answer {
        let named = json!({"name": "Directory", "permissions": ["LOG-MANAGEMENT"]});
        let token = self.admin.send(&self.service, "POST", "scim-tokens", named).json();
        let request = self.service.anonymous(method, &format!("/v1/orgs/acme/scim/v2{path}"));
        request.bearer(token["secret"].as_str().unwrap()).json(body).send()
    }

    fn remove(&self) {
        self.engineer.deleted(&self.service, &format!("users/{}", self.made));
    }

    /// Neither the old session, nor the old password, nor a token that was made meanwhile opens anything.
    fn nothing_opens(&self, token: &str) {
        assert_eq!(self.in_seat("GET", "/v1/session", &Value::Null).status, 401);
        assert_eq!(self.in_seat("GET", "/v1/orgs/acme/events", &Value::Null).status, 401);
        assert_eq!(self.service.anonymous("GET", "/v1/orgs/acme/events").bearer(token).send().status, 401);
        let again = sign_in(&self.service);
        assert_eq!(again.status, 401, "{again:?}");
    }

    fn token(&self) -> String {
        let ends = SystemClock::new().now() + 86_400_000_000;
        let body = json!({"name": "Kept", "expires_at": actarium_core::time::to_text(ends)});
        let answer = self.in_seat("POST", "/v1/tokens", &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["secret"].as_str().unwrap().to_owned()
    }

    /// Makes a group that sees the audit log.
    fn watchers(&self) -> String {
        let group = self.admin.made(&self.service, "groups", json!({"name": "Watchers"}));
        let role =
            self.admin.made(&self.service, "roles", json!({"name": "Watch", "permissions": ["audit_logs_view"]}));
        self.admin.made(
            &self.service,
            &format!("groups/{group}/roles"),
            json!({"role": role, "level": "organization"}),
        );
        group
    }

    /// Has the directory put a user into it.
    fn made_a_watcher(&self, user: &str) -> Answer {
        let member = json!([{"value": user}]);
        let add = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": member}]});
        self.scim("PATCH", &format!("/Groups/{}", self.watchers()), &add)
    }

    /// Enrols a second factor, whose confirmation is left out.
    fn enrol(&self) {
        let begun = self.in_seat("POST", "/v1/second-factor", &json!({"password": PASSWORD}));
        assert!(begun.status < 300, "{begun:?}");
    }
}

fn sign_in(service: &Service) -> Answer {
    service.anonymous("POST", "/v1/session").json(&json!({"email": CHIEF, "password": PASSWORD})).send()
}

#[test]
fn a_removed_account_opens_nothing_when_an_administrator_adds_the_address_again() {
    let setting = Setting::new();
    let service = &setting.service;
    let token = setting.token();
    setting.enrol();
    setting.remove();
    setting.nothing_opens(&token);
    let again = setting.admin.made(service, "users", json!({"email": CHIEF, "name": "Chief", "groups": ["admin"]}));
    assert_ne!(again, setting.made);
    setting.nothing_opens(&token);

    // With a password of its own it opens with that one, and knows no second factor.
    setting.admin.deleted(service, &format!("users/{again}"));
    let body = json!({"email": CHIEF, "name": "Chief", "groups": ["admin"], "password": "marble-lantern-48-pier"});
    setting.admin.made(service, "users", body);
    setting.nothing_opens(&token);
    let body = json!({"email": CHIEF, "password": "marble-lantern-48-pier"});
    let opened = service.anonymous("POST", "/v1/session").json(&body).send();
    assert_eq!((opened.status, &opened.json()["second_factor"]), (200, &json!(false)), "{opened:?}");

    let records = service.find("acme", "action=user.create&order=asc");
    let told: Vec<&Value> = records.iter().filter(|record| record["metadata"]["email"] == CHIEF).collect();
    let set: Vec<&Value> = told.iter().map(|record| &record["metadata"]["password_set"]).collect();
    assert_eq!(set, [&json!(true), &json!(false), &json!(true)]);
    assert!(!json!(records).to_string().contains(PASSWORD));
}

#[test]
fn a_removed_account_opens_nothing_when_the_directory_adds_the_address_again() {
    let setting = Setting::new();
    let token = setting.token();
    setting.remove();
    let again = setting.scim("POST", "/Users", &json!({"schemas": [USER], "userName": CHIEF}));
    assert_eq!(again.status, 201, "{again:?}");
    let id = again.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, setting.made);
    let added = setting.made_a_watcher(&id);
    assert_eq!(added.status, 200, "{added:?}");
    setting.nothing_opens(&token);

    // What the directory removes ends as well.
    assert_eq!(setting.scim("DELETE", &format!("/Users/{id}"), &json!({})).status, 204);
    let third = setting.scim("POST", "/Users", &json!({"schemas": [USER], "userName": CHIEF}));
    assert_ne!(third.json()["id"], json!(id), "{third:?}");
}

#[test]
fn a_link_that_was_shown_opens_neither_the_removed_account_nor_one_that_came_after_it() {
    let setting = Setting::new();
    let service = &setting.service;
    let token = setting.token();
    setting.remove();
    let first = setting.engineer.send(service, "POST", "invitations", json!({"email": CHIEF, "name": "Chief"}));
    let answer = |invited: &Answer| {
        let body = json!({"secret": secret_in(invited), "name": "Chief", "password": "marble-lantern-48-pier"});
        service.anonymous("POST", "/v1/invitation/accept").json(&body).send()
    };
    let accepted = answer(&first);
    assert_eq!(accepted.status, 200, "{accepted:?}");
    assert_ne!(accepted.json()["user"]["id"], json!(setting.made));
    setting.nothing_opens(&token);

    // Kept until somebody else has made the chief a user with rights, a link is worth nothing.
    let path = format!("users/{}", accepted.json()["user"]["id"].as_str().unwrap());
    setting.admin.deleted(service, &path);
    let kept = setting.engineer.send(service, "POST", "invitations", json!({"email": CHIEF, "name": "Chief"}));
    let chief = setting.admin.made(service, "users", json!({"email": CHIEF, "name": "Chief", "groups": ["admin"]}));
    let refused = answer(&kept);
    assert_eq!(refused.status, 409, "{refused:?}");
    let listed = setting.admin.send(service, "GET", &format!("users/{chief}/sessions"), Value::Null).json();
    assert_eq!(listed["sessions"], json!([]));
}

#[test]
fn what_the_directory_gives_a_member_is_not_for_whoever_has_the_password_that_was_set() {
    let by_group = |setting: &Setting| setting.made_a_watcher(&setting.made);
    let by_user = |setting: &Setting| {
        let change = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"externalId": "c-1"}}]});
        setting.scim("PATCH", &format!("/Users/{}", setting.made), &change)
    };
    type Change<'c> = &'c dyn Fn(&Setting) -> Answer;
    let ways: [(Change<'_>, &str); 2] = [(&by_group, "group.member.add"), (&by_user, "user.update")];
    for (change, action) in ways {
        let setting = Setting::new();
        let token = setting.token();
        let changed = change(&setting);
        assert_eq!(changed.status, 200, "{action}: {changed:?}");
        setting.nothing_opens(&token);
        let records = setting.service.find("acme", &format!("action={action}"));
        assert_eq!(records[0]["metadata"]["password_removed"], true, "{action}: {records:#?}");
        // What it was opened with ended with it, on record.
        for (ended, count) in [("session.revoke", 1), ("token.revoke", 1)] {
            let records = setting.service.find("acme", &format!("action={ended}&target=user:{}", setting.made));
            assert_eq!(records.len(), count, "{action}: {ended}");
            assert_eq!(records[0]["metadata"]["because"], action, "{ended}");
            assert_eq!(records[0]["targets"][1]["name"], "Chief", "{ended}");
        }
        // It is still the member that it was.
        let shown = setting.admin.send(&setting.service, "GET", &format!("users/{}", setting.made), Value::Null);
        assert_eq!(shown.status, 200, "{action}: {shown:?}");
    }
}
