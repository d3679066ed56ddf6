//! Accounts of people and accounts of organizations: what an organization sees is the same whatever accounts there are
//! elsewhere with an address, and nobody gets into another's.

use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service};
use crate::invitations::{secret_in, with_mail};
use crate::mail_server::{MailServer, Manner};
use crate::person::{PASSWORD, Person};

const EVE: &str = "eve@example.com";
const MOVED: &str = "eve.moved@example.com";
const OWN_PASSWORD: &str = "kvmt#2xw pqz7";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What there is elsewhere with an address.
#[derive(Clone, Copy, Debug)]
enum Elsewhere {
    Nothing,
    /// An account of the person's own, with a password.
    Own,
    /// One of the person's own that never had a password.
    OwnWithoutPassword,
    /// One that another organization's administrator made, with a password.
    OfAnotherOrganization,
}

/// What `acme` sees: its answers and its log.
struct Seen<'s> {
    service: &'s Service,
    admin: Person,
    lines: Vec<String>,
}

/// A value without what differs between any two runs.
fn stripped(mut value: Value) -> Value {
    const OWN_TO_A_RUN: [&str; 24] = [
        "id",
        "seq",
        "instance",
        "recorded_at",
        "occurred_at",
        "joined_at",
        "created_at",
        "expires_at",
        "sent_at",
        "last_used_at",
        "ended_at",
        "link",
        "secret",
        "csrf_token",
        "session_id",
        "request_id",
        "meta",
        "trace_id",
        "as_of",
        "user_agent",
        "attempts",
        "next_cursor",
        "created_by",
        "retry_after",
    ];
    match &mut value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                *field =
                    if OWN_TO_A_RUN.contains(&name.as_str()) { json!(field.is_null()) } else { stripped(field.take()) };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|one| *one = stripped(one.take())),
        _ => {}
    }
    value
}

impl<'s> Seen<'s> {
    fn note(&mut self, what: &str, answer: &Answer) -> Value {
        let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
        self.lines.push(format!("{what}: {} {}", answer.status, stripped(body.clone())));
        body
    }

    fn by_admin(&mut self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.admin.send(self.service, method, path, body);
        self.note(&format!("{method} {}", path.split('/').next().unwrap()), &answer)
    }

    fn scim(&mut self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        let request = self.service.anonymous(method, &format!("/v1/orgs/acme/scim/v2{path}")).bearer(token);
        let answer = if body.is_null() { request.send() } else { request.json(body).send() };
        self.note(&format!("SCIM {method}"), &answer)
    }

    fn sign_in(&mut self, email: &str, password: &str) -> Value {
        let body = json!({"email": email, "password": password});
        let answer = self.service.anonymous("POST", "/v1/session").json(&body).send();
        self.note("sign-in", &answer)
    }
}

fn user(service: &Service, by: Option<&Person>, slug: &str, body: &Value) -> Value {
    let path = format!("/v1/orgs/{slug}/users");
    let request = match by {
        Some(person) => person.request(service, "POST", &path),
        None => service.request("POST", &path),
    };
    let made = request.json(body).send();
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

/// Everything that `acme` can do with an address that it is interested in.
fn all_that_acme_sees(elsewhere: Elsewhere) -> Vec<String> {
    let service = Service::start_at(tempfile::tempdir().unwrap(), Ahead::standing(), |_| {});
    service.organization("acme");
    service.organization("other");
    for email in [EVE, MOVED] {
        let named = json!({"email": email, "name": "Eve of other"});
        let with_password = json!({"email": email, "name": "Eve of other", "password": OWN_PASSWORD});
        match elsewhere {
            Elsewhere::Nothing => {}
            Elsewhere::Own => drop(user(&service, None, "other", &with_password)),
            Elsewhere::OwnWithoutPassword => drop(user(&service, None, "other", &named)),
            Elsewhere::OfAnotherOrganization => {
                let name = email.split('@').next().unwrap().replace('.', "");
                let admin = Person::in_organization(&service, "other", &format!("Root{name}"), &["admin"]);
                user(&service, Some(&admin), "other", &with_password);
            }
        }
    }
    let admin = Person::new(&service, "Admina", &["admin"]);
    let token = admin.send(&service, "POST", "scim-tokens", json!({"name": "Directory"})).json();
    let token = token["secret"].as_str().unwrap().to_owned();
    let mut seen = Seen { service: &service, admin, lines: Vec::new() };

    let made = seen.by_admin("POST", "users", json!({"email": EVE, "name": "Eve", "password": PASSWORD}));
    let path = format!("users/{}", made["id"].as_str().unwrap());
    seen.sign_in(EVE, "something else");
    let opened = seen.sign_in(EVE, PASSWORD);
    assert_eq!(opened["organizations"][0]["slug"], "acme", "{elsewhere:?}: {opened}");
    seen.by_admin("GET", &format!("{path}/sessions"), Value::Null);
    seen.by_admin("GET", &path, Value::Null);
    seen.by_admin("DELETE", &path, Value::Null);

    let body = json!({"schemas": [USER], "userName": EVE, "displayName": "Eve"});
    let made = seen.scim(&token, "POST", "/Users", &body);
    let id = made["id"].as_str().unwrap().to_owned();
    seen.by_admin("DELETE", &format!("users/{id}"), Value::Null);
    let again = json!({"email": "eve.again@example.com", "name": "Eve again"});
    seen.by_admin("POST", "users", again);
    let body = json!({"schemas": [USER], "userName": "eve.scim@example.com", "displayName": "Eve"});
    let made = seen.scim(&token, "POST", "/Users", &body);
    let id = made["id"].as_str().unwrap().to_owned();
    let rename = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"userName": MOVED}}]});
    seen.scim(&token, "PATCH", &format!("/Users/{id}"), &rename);
    let shown = seen.by_admin("GET", &format!("users/{id}"), Value::Null);
    assert_eq!(shown["email"], MOVED, "{elsewhere:?}");
    seen.sign_in(MOVED, "something else");
    seen.by_admin("DELETE", &format!("users/{id}"), Value::Null);

    let invited = seen.by_admin("POST", "invitations", json!({"email": EVE, "name": "Eve"}));
    let secret = invited["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let look = service.anonymous("POST", "/v1/invitation").json(&json!({"secret": secret})).send();
    seen.note("look", &look);
    let accept = |body: Value| service.anonymous("POST", "/v1/invitation/accept").json(&body).send();
    seen.note("accept", &accept(json!({"secret": secret})));
    seen.note("accept", &accept(json!({"secret": secret, "password": "marble-lantern-48-pier"})));
    seen.by_admin("GET", "users?limit=100", Value::Null);
    // What was refused comes to the log a moment later.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let mut log: Vec<String> = service
        .find("acme", "limit=1000&from=-1d&order=asc")
        .into_iter()
        .map(|event| stripped(event).to_string())
        .collect();
    log.sort_unstable();
    seen.lines.extend(log);
    seen.lines
}

#[test]
fn an_organization_sees_the_same_whatever_accounts_an_address_has_elsewhere() {
    let nothing = all_that_acme_sees(Elsewhere::Nothing);
    assert!(nothing.iter().any(|line| line.contains("wrong_password")), "the organization's own account is told of");
    for elsewhere in [Elsewhere::Own, Elsewhere::OwnWithoutPassword, Elsewhere::OfAnotherOrganization] {
        let seen = all_that_acme_sees(elsewhere);
        for (number, (left, right)) in nothing.iter().zip(&seen).enumerate() {
            assert_eq!(left, right, "{elsewhere:?}, line {number}");
        }
        assert_eq!(nothing.len(), seen.len(), "{elsewhere:?}: {seen:#?}");
    }
}

#[test]
fn an_organization_that_adds_somebody_without_asking_sees_nothing_of_their_other_life() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let eve = Person::in_organization(&service, "other", "Eve", &["auditor"]);
    let added = user(&service, Some(&admin), "acme", &json!({"email": EVE, "name": "Eve of acme"}));
    let body = json!({"email": EVE, "password": "something else"});
    assert_eq!(service.anonymous("POST", "/v1/session").json(&body).send().status, 401);
    let begun = eve.request(&service, "POST", "/v1/second-factor").json(&json!({"password": "something else"})).send();
    assert_eq!(begun.status, 422);
    let body = json!({"current": PASSWORD, "new": OWN_PASSWORD});
    assert_eq!(eve.request(&service, "POST", "/v1/password").json(&body).send().status, 204);
    service.find_count("other", "action=session.sign_in&outcome=failure", 1);
    service.find_count("other", "action=second_factor.update&outcome=failure", 1);
    for action in ["session.sign_in&actor=eve@example.com", "second_factor.update", "password.update"] {
        assert_eq!(service.find("acme", &format!("action={action}")).len(), 0, "{action}");
    }
    let path = format!("users/{}/sessions", added["id"].as_str().unwrap());
    let sessions = admin.send(&service, "GET", &path, Value::Null).json();
    assert_eq!(sessions["sessions"], json!([]));
    let told = eve.request(&service, "GET", "/v1/session").send().json();
    assert_eq!(told["organizations"].as_array().unwrap().len(), 1, "she was not asked: {told}");

    // From the moment that she joins herself, what she does about her account is told here too.
    admin.deleted(&service, &format!("users/{}", added["id"].as_str().unwrap()));
    let invited = admin.send(&service, "POST", "invitations", json!({"email": EVE}));
    let accept = eve.request(&service, "POST", "/v1/invitation/accept");
    let joined = accept.json(&json!({"secret": secret_in(&invited)})).send();
    assert_eq!(joined.json()["organizations"].as_array().map(Vec::len), Some(2), "{joined:?}");
    let body = json!({"current": OWN_PASSWORD, "new": PASSWORD});
    assert_eq!(eve.request(&service, "POST", "/v1/password").json(&body).send().status, 204);
    service.find_count("acme", "action=password.update", 1);
}

#[test]
fn an_account_that_an_organization_made_neither_hinders_its_person_elsewhere_nor_reaches_there() {
    let server = MailServer::start(Manner::Takes);
    let service = Service::start_on(tempfile::tempdir().unwrap(), with_mail(server.address));
    service.organization("acme");
    service.organization("other");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let token = admin.send(&service, "POST", "scim-tokens", json!({"name": "Directory"})).json();
    let scim = |method: &str, path: &str, body: &Value| {
        let request = service.anonymous(method, &format!("/v1/orgs/acme/scim/v2{path}"));
        request.bearer(token["secret"].as_str().unwrap()).json(body).send()
    };
    let made = scim("POST", "/Users", &json!({"schemas": [USER], "userName": EVE}));
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();

    let invited = service.request("POST", "/v1/orgs/other/invitations").json(&json!({"email": EVE})).send();
    assert_eq!(invited.json()["mail"], "sent", "{invited:?}");
    let answer = json!({"secret": server.mail().secret(), "name": "Eve", "password": OWN_PASSWORD});
    let accepted = service.anonymous("POST", "/v1/invitation/accept").json(&answer).send();
    let slugs = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        json["organizations"].as_array().unwrap().iter().map(|one| one["slug"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(slugs(&accepted), ["other"]);
    assert_ne!(accepted.json()["user"]["id"], json!(id), "the account is hers");

    // What acme does with its account stays in acme.
    let sign_in = |email: &str, password: &str| {
        service.anonymous("POST", "/v1/session").json(&json!({"email": email, "password": password})).send()
    };
    let rename =
        json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"userName": "mallory@example.com"}}]});
    assert_eq!(scim("PATCH", &format!("/Users/{id}"), &rename).status, 200);
    assert_eq!(slugs(&sign_in(EVE, OWN_PASSWORD)), ["other"]);
    let rename = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"userName": EVE}}]});
    assert_eq!(scim("PATCH", &format!("/Users/{id}"), &rename).status, 200);
    admin.deleted(&service, &format!("users/{id}"));
    user(&service, Some(&admin), "acme", &json!({"email": EVE, "name": "Eve", "password": PASSWORD}));
    assert_eq!(slugs(&sign_in(EVE, PASSWORD)), ["acme"]);
    assert_eq!(slugs(&sign_in(EVE, OWN_PASSWORD)), ["other"]);
    assert_eq!(sign_in("mallory@example.com", PASSWORD).status, 401);
    // Nor has acme heard of her doings in `other`.
    let heard = service.find("acme", "action=session.sign_in&actor=eve@example.com");
    assert_eq!(heard.len(), 1, "{heard:#?}");
}

/// Whoever makes an account with somebody's address knows its password: that must not give them more tries at the other's.
#[test]
fn an_account_of_ones_own_making_gives_no_more_tries_at_anothers() {
    let service = Service::start_at(tempfile::tempdir().unwrap(), Ahead::standing(), |_| {});
    service.organization("acme");
    service.organization("other");
    let admin = Person::new(&service, "Admina", &["admin"]);
    user(&service, None, "other", &json!({"email": EVE, "name": "Eve", "password": OWN_PASSWORD}));
    user(&service, Some(&admin), "acme", &json!({"email": EVE, "name": "Eve", "password": PASSWORD}));
    let sign_in = |password: &str| {
        let body = json!({"email": EVE, "password": password});
        service.anonymous("POST", "/v1/session").json(&body).send().status
    };
    let statuses: Vec<u16> = (0..8).flat_map(|_| [sign_in("a guess at it"), sign_in(PASSWORD)]).collect();
    assert_eq!(statuses[..2], [401, 200], "{statuses:?}");
    assert_eq!(statuses[14..], [429, 429], "{statuses:?}");
}

#[test]
fn an_account_that_the_operator_made_without_a_password_gets_one_by_mail() {
    let server = MailServer::start(Manner::Takes);
    let service = Service::start_on(tempfile::tempdir().unwrap(), with_mail(server.address));
    service.organization("acme");
    service.organization("other");
    let made = user(&service, None, "acme", &json!({"email": EVE, "name": "Eve"}));
    service.request("POST", "/v1/orgs/other/invitations").json(&json!({"email": EVE})).send();
    let secret = server.mail().secret();
    let look = service.anonymous("POST", "/v1/invitation").json(&json!({"secret": secret})).send();
    assert_eq!(look.json()["account_exists"], false, "there is no password to ask for");
    let accept = |password: &str| {
        let body = json!({"secret": secret, "name": "Eve", "password": password});
        service.anonymous("POST", "/v1/invitation/accept").json(&body).send()
    };
    assert_eq!(accept("password1234").status, 422);
    let accepted = accept(OWN_PASSWORD);
    assert_eq!((accepted.status, &accepted.json()["user"]["id"]), (200, &made["id"]), "{accepted:?}");
    assert_eq!(accepted.json()["organizations"].as_array().map(Vec::len), Some(2));
    for slug in ["acme", "other"] {
        assert_eq!(service.find(slug, "action=session.sign_in&outcome=success").len(), 1, "{slug}");
    }
    service.find_count("acme", "action=password.update", 1);
}

#[test]
fn what_is_not_seen_is_in_no_name_and_no_address() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let eve = user(&service, Some(&admin), "acme", &json!({"email": EVE, "name": "Zoë & Söhne 開発"}));
    let eve = format!("users/{}", eve["id"].as_str().unwrap());
    for (hidden, code) in
        [("Ad\u{202e}min", "U+202E"), ("Admin\u{200b}", "U+200B"), ("Ad\u{2066}m", "U+2066"), ("a\nb", "U+000A")]
    {
        for (method, path, body) in [
            ("POST", "users", json!({"email": "new@example.com", "name": hidden})),
            ("PATCH", &*eve, json!({"name": hidden})),
            ("POST", "groups", json!({"name": hidden})),
            ("POST", "roles", json!({"name": hidden, "permissions": []})),
            ("POST", "invitations", json!({"email": "new@example.com", "name": hidden})),
            ("PATCH", "", json!({"name": hidden})),
        ] {
            let path = format!("/v1/orgs/acme/{path}");
            let answer = admin.request(&service, method, path.trim_end_matches('/')).json(&body).send();
            assert_eq!(
                (answer.status, &answer.json()["errors"][0]["pointer"]),
                (422, &json!("/name")),
                "{path}: {answer:?}"
            );
            assert!(answer.text().contains(code), "{path}: {answer:?}");
        }
        let scim = service.request("POST", "/v1/orgs/acme/scim/v2/Users");
        let answer =
            scim.json(&json!({"schemas": [USER], "userName": "new@example.com", "displayName": hidden})).send();
        assert!(answer.status == 400 && answer.text().contains(code), "{answer:?}");
    }
    for (email, code) in
        [("ａda@example.com", "U+FF41"), ("ada\u{200d}@example.com", "U+200D"), ("ada@ex\u{ad}ample.com", "U+00AD")]
    {
        for path in ["users", "invitations"] {
            let answer = admin.send(&service, "POST", path, json!({"email": email, "name": "Ada"}));
            assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!("/email")));
            assert!(answer.text().contains(code), "{answer:?}");
        }
    }
}

#[test]
fn names_that_look_alike_are_taken_and_addresses_have_one_spelling() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    admin.made(&service, "groups", json!({"name": "Zoë"}));
    for name in ["ＡＤＭＩＮ", "Zoe\u{308}", "ZOË", "Ｚoë"] {
        let answer = admin.send(&service, "POST", "groups", json!({"name": name}));
        assert_eq!(answer.status, 409, "{name}: {answer:?}");
        let scim = service.request("POST", "/v1/orgs/acme/scim/v2/Groups");
        let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name});
        assert_eq!(scim.json(&group).send().status, 409, "{name}");
    }
    assert_eq!(admin.send(&service, "POST", "roles", json!({"name": "Ａuditor", "permissions": []})).status, 409);

    let body = json!({"email": "Eve@EXÄMPLE.com", "name": "Eve", "password": PASSWORD});
    let made = user(&service, None, "acme", &body);
    assert_eq!(made["email"], "eve@xn--exmple-cua.com");
    for email in ["eve@exämple.com", "EVE@exa\u{308}mple.com", "eve@xn--exmple-cua.com"] {
        let taken = admin.send(&service, "POST", "users", json!({"email": email, "name": "Eve"}));
        assert_eq!(taken.status, 409, "{email}: {taken:?}");
        let body = json!({"email": email, "password": PASSWORD});
        assert_eq!(service.anonymous("POST", "/v1/session").json(&body).send().status, 200, "{email}");
    }
}
