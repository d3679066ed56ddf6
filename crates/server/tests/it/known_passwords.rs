//! Accounts that somebody else may have the password of: whoever made one, or saw the link that it was made by, comes to nothing by it
//! that they do not hold.

use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{Answer, Service};
use crate::invitations::secret_in;
use crate::person::{PASSWORD, Person};

const GIVEN: &str = "marble-lantern-48-pier";

fn setting() -> (Service, Person, Person) {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let engineer = Person::new(&service, "Engin", &["platform-engineer"]);
    (service, admin, engineer)
}

fn refused(answer: &Answer, email: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (409, "conflict"), "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(email) && detail.contains("password"), "{detail}");
}

#[test]
fn an_account_gains_nothing_beyond_its_maker_until_it_has_another_password() {
    let (service, admin, engineer) = setting();
    let mia = Person::made_by(&engineer, &service, "Mia", &[]);
    let ends = actarium_core::time::to_text(SystemClock::new().now() + 86_400_000_000);
    let token = mia.request(&service, "POST", "/v1/tokens").json(&json!({"name": "kept", "expires_at": ends})).send();
    let token = token.json()["secret"].as_str().unwrap().to_owned();
    // Her own change of it shows nobody whose it is.
    let changed = json!({"current": PASSWORD, "new": "kvmt#2xw pqz7"});
    assert_eq!(mia.request(&service, "POST", "/v1/password").json(&changed).send().status, 204);

    let member = json!({"user": mia.id});
    refused(&admin.send(&service, "POST", "groups/admin/members", member.clone()), "mia@example.com");
    // By a role too that her group is given, or that is changed.
    let group = admin.made(&service, "groups", json!({"name": "Night shift"}));
    let role = admin.made(&service, "roles", json!({"name": "Night", "permissions": ["audit_logs_view"]}));
    let roles = format!("groups/{group}/roles");
    admin.made(&service, &roles, json!({"role": role, "level": "organization"}));
    admin.made(&service, &format!("groups/{group}/members"), member.clone());
    let more = json!({"permissions": ["audit_logs_view", "retention_update"]});
    refused(&admin.send(&service, "PATCH", &format!("roles/{role}"), more), "mia@example.com");
    refused(
        &admin.send(&service, "POST", &roles, json!({"role": "admin", "level": "project", "projects": ["payments"]})),
        "mia@example.com",
    );

    let path = format!("users/{}", mia.id);
    let known_to = || admin.send(&service, "GET", &path, Value::Null).json()["password_by"].clone();
    assert_eq!(known_to(), json!({"id": engineer.id, "name": "Engin"}), "whom to ask is shown");
    let answer = admin.send(&service, "PATCH", &path, json!({"password": GIVEN}));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(known_to(), json!({"id": admin.id, "name": "Admina"}));
    let record = &service.find("acme", "action=user.update")[0];
    assert_eq!(record["metadata"]["password_set"], true, "{record}");
    assert_eq!(record["metadata"]["tokens_ended"], 1, "{record}");
    assert!(!record.to_string().contains(GIVEN));
    admin.made(&service, "groups/admin/members", member);
    for path in ["/v1/orgs/acme/events", "/v1/orgs/acme/legal-holds"] {
        assert_eq!(service.anonymous("GET", path).bearer(&token).send().status, 401);
        assert_eq!(mia.request(&service, "GET", path).send().status, 401);
    }
    let signs_in = |password: &str| {
        let body = json!({"email": "mia@example.com", "password": password});
        service.anonymous("POST", "/v1/session").json(&body).send().status
    };
    assert_eq!((signs_in("kvmt#2xw pqz7"), signs_in(GIVEN)), (401, 200));
}

#[test]
fn passwords_are_given_to_accounts_of_the_organization_by_who_holds_as_much() {
    let (service, admin, engineer) = setting();
    let made = Person::made_by(&admin, &service, "Chief", &["admin"]);
    let give = |by: &Person, to: &Person| {
        let answer = by.send(&service, "PATCH", &format!("users/{}", to.id), json!({"password": GIVEN}));
        (answer.status, answer.problem())
    };
    let forbidden = (403, "forbidden".to_owned());
    assert_eq!(give(&engineer, &made), forbidden, "to who holds more");
    assert_eq!(give(&made, &made), forbidden, "to oneself, without the one before");
    assert_eq!(give(&made, &admin), (409, "conflict".to_owned()), "to an account that is the person's own");
    let weak = admin.send(&service, "PATCH", &format!("users/{}", made.id), json!({"password": "password"}));
    assert_eq!((weak.status, &weak.json()["errors"][0]["pointer"]), (422, &json!("/password")), "{weak:?}");
    assert_eq!(service.find("acme", "action=user.update&outcome=success").len(), 0);
}

#[test]
fn a_link_that_was_shown_is_as_good_as_a_password() {
    let (service, admin, engineer) = setting();
    let invited = engineer.send(&service, "POST", "invitations", json!({"email": "cleo@example.com"}));
    let accepted = json!({"secret": secret_in(&invited), "name": "Cleo", "password": GIVEN});
    let accepted = service.anonymous("POST", "/v1/invitation/accept").json(&accepted).send();
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let users = admin.send(&service, "GET", "users?search=cleo", Value::Null).json();
    let member = json!({"user": users["users"][0]["id"]});
    refused(&admin.send(&service, "POST", "groups/admin/members", member.clone()), "cleo@example.com");
    admin.made(&service, "groups/platform-engineer/members", member);
}

#[test]
fn the_link_of_anothers_invitation_is_shown_to_who_holds_everything() {
    let (service, admin, engineer) = setting();
    let invited = admin.send(&service, "POST", "invitations", json!({"email": "cleo@example.com"})).json();
    let path = format!("invitations/{}/resend", invited["id"].as_str().unwrap());
    let taken = engineer.send(&service, "POST", &path, Value::Null);
    assert_eq!((taken.status, taken.problem().as_str()), (403, "forbidden"), "{taken:?}");
    let other = Person::new(&service, "Other", &["admin"]);
    assert_eq!(other.send(&service, "POST", &path, Value::Null).status, 200);
    let own = engineer.send(&service, "POST", "invitations", json!({"email": "dora@example.com"})).json();
    let path = format!("invitations/{}/resend", own["id"].as_str().unwrap());
    assert_eq!(engineer.send(&service, "POST", &path, Value::Null).status, 200);
}

#[test]
fn what_a_member_left_behind_does_not_come_back_with_them() {
    let (service, admin, _) = setting();
    let chief = Person::new(&service, "Chief", &["admin"]);
    let secret = secret_in(&chief.send(&service, "POST", "invitations", json!({"email": "cleo@example.com"})));
    let scim = chief.send(&service, "POST", "scim-tokens", json!({"name": "Directory"})).json();
    let scim = scim["secret"].as_str().unwrap().to_owned();
    let users = |token: &str| service.anonymous("GET", "/v1/orgs/acme/scim/v2/Users").bearer(token).send().status;
    let look = || service.anonymous("POST", "/v1/invitation").json(&json!({"secret": secret})).send().status;
    assert_eq!((users(&scim), look()), (200, 200));
    admin.deleted(&service, &format!("users/{}", chief.id));
    let again = json!({"email": "chief@example.com", "name": "Chief", "groups": ["admin"]});
    assert_eq!(service.request("POST", "/v1/orgs/acme/users").json(&again).send().status, 201);
    assert_ne!(users(&scim), 200);
    assert_ne!(look(), 200);
}

#[test]
fn who_is_in_a_group_of_the_directory_is_its_to_say() {
    let (service, admin, engineer) = setting();
    let scim = admin.send(&service, "POST", "scim-tokens", json!({"name": "Directory"})).json();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "SecOps", "externalId": "secops",
    });
    let made = service.anonymous("POST", "/v1/orgs/acme/scim/v2/Groups").bearer(scim["secret"].as_str().unwrap());
    let made = made.json(&group).send().json();
    let members = format!("groups/{}/members", made["id"].as_str().unwrap());
    let seeded = engineer.send(&service, "POST", &members, json!({"user": engineer.id}));
    assert_eq!((seeded.status, seeded.problem().as_str()), (403, "forbidden"), "{seeded:?}");
    // Nor in another way.
    for path in ["users", "invitations"] {
        let body = json!({"email": "puppet@example.com", "name": "Puppet", "groups": [made["id"]]});
        assert_eq!(engineer.send(&service, "POST", path, body).status, 403, "{path}");
    }
    // Likewise a group that a provider fills.
    let night = admin.made(&service, "groups", json!({"name": "Night"}));
    let provider = json!({
        "name": "Company", "issuer": "https://id.example.com", "client_id": "acme", "group_mapping": {"night": [night]},
    });
    admin.made(&service, "identity-providers", provider);
    let seeded = engineer.send(&service, "POST", &format!("groups/{night}/members"), json!({"user": engineer.id}));
    assert_eq!((seeded.status, seeded.problem().as_str()), (403, "forbidden"), "{seeded:?}");
    admin.made(&service, &members, json!({"user": engineer.id}));
}
