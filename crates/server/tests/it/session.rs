//! People signing in: sessions, cookies, second factors, tokens, and what is recorded of them.

use std::sync::Arc;
use std::time::Duration;

use actarium_server::ServerOptions;
use actarium_server::signin::totp;
use actarium_store::{Clock, Engine, EngineOptions, SystemEntropy};
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Request, Service};
use crate::person::Person;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "kvmt#2xw pqz7";

struct Setting {
    service: Service,
    clock: Arc<Ahead>,
    user: String,
}

/// A service with Ada, an administrator of `acme` and a member of `other`, who has a password.
fn setting(change: impl FnOnce(&mut ServerOptions)) -> Setting {
    setting_at(Ahead::new(), change)
}

fn setting_at(clock: Arc<Ahead>, change: impl FnOnce(&mut ServerOptions)) -> Setting {
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), change);
    let mut user = String::new();
    for (slug, group) in [("acme", "admin"), ("other", "developer")] {
        service.organization(slug);
        let body = json!({"email": EMAIL, "name": "Ada Example", "password": PASSWORD, "groups": [group]});
        let made = service.request("POST", &format!("/v1/orgs/{slug}/users")).json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        user = made.json()["id"].as_str().unwrap().to_owned();
    }
    Setting { service, clock, user }
}

/// What a browser has of a session.
#[derive(Clone, Debug)]
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        Self { cookie, csrf: answer.json()["csrf_token"].as_str().unwrap().to_owned() }
    }

    fn request<'s>(&self, service: &'s Service, method: &str, path: &str) -> Request<'s> {
        service.anonymous(method, path).header("cookie", &self.cookie).header("x-csrf-token", &self.csrf)
    }

    fn get(&self, service: &Service, path: &str) -> Answer {
        self.request(service, "GET", path).send()
    }
}

impl Setting {
    fn try_to_sign_in(&self, body: &Value) -> Answer {
        self.service.anonymous("POST", "/v1/session").json(body).send()
    }

    fn sign_in(&self) -> Browser {
        Browser::of(&self.try_to_sign_in(&json!({"email": EMAIL, "password": PASSWORD})))
    }

    fn records(&self, slug: &str, action: &str) -> Vec<Value> {
        self.service.find(slug, &format!("action={action}&order=asc"))
    }
}

#[test]
fn a_person_signs_in_is_known_and_signs_out() {
    let setting = setting(|_| {});
    let answer = setting.try_to_sign_in(&json!({"email": "ADA@example.com", "password": PASSWORD}));
    let cookie = &answer.headers["set-cookie"];
    assert!(cookie.starts_with("actarium_session=act_ses_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"), "{cookie}");
    let browser = Browser::of(&answer);
    let told = browser.get(&setting.service, "/v1/session").json();
    assert_eq!(told["user"], json!({"id": setting.user, "name": "Ada Example", "email": EMAIL}));
    assert_eq!(told["csrf_token"], browser.csrf);
    let slugs: Vec<_> = told["organizations"].as_array().unwrap().iter().map(|own| own["slug"].clone()).collect();
    assert_eq!(slugs, ["acme", "other"]);
    assert_eq!(told["organizations"][0]["scope"], json!({"level": "organization"}));
    assert_eq!(told["organizations"][1]["scope"], Value::Null, "a developer sees no log");
    assert_eq!(browser.get(&setting.service, "/v1/orgs/acme/events").status, 200);
    assert_eq!(browser.get(&setting.service, "/v1/orgs/other/events").status, 403);

    assert_eq!(browser.request(&setting.service, "DELETE", "/v1/session").send().status, 204);
    assert_eq!(browser.get(&setting.service, "/v1/session").status, 401);
    for slug in ["acme", "other"] {
        let signed_in = &setting.records(slug, "session.sign_in")[0];
        assert_eq!((&signed_in["outcome"], &signed_in["actor"]["id"]), (&json!("success"), &json!(setting.user)));
        assert_eq!(signed_in["metadata"], json!({"method": "password", "second_factor": "none"}));
        let signed_out = &setting.records(slug, "session.sign_out")[0];
        assert_eq!(signed_out["actor"]["session_id"], signed_in["targets"][0]["id"]);
    }
}

#[test]
fn what_fails_is_the_same_to_the_client_and_not_to_the_log() {
    let setting = setting(|_| {});
    let wrong = setting.try_to_sign_in(&json!({"email": EMAIL, "password": "something else"}));
    let unknown = setting.try_to_sign_in(&json!({"email": "nobody@example.com", "password": "hunter2 is secret"}));
    assert_eq!((wrong.status, unknown.status), (401, 401));
    let (mut wrong, mut unknown) = (wrong.json(), unknown.json());
    wrong["instance"].take();
    unknown["instance"].take();
    assert_eq!(wrong, unknown);
    for slug in ["acme", "other"] {
        let record = &setting.service.find_count(slug, "action=session.sign_in", 1)[0];
        assert_eq!((&record["outcome"], &record["reason"]), (&json!("failure"), &json!("wrong_password")));
        assert_eq!(record["actor"]["id"], json!(setting.user));
    }
    let record = &setting.service.find_count("actarium", "action=session.sign_in", 1)[0];
    assert_eq!((&record["actor"]["type"], &record["reason"]), (&json!("anonymous"), &json!("unknown_account")));
    let text = record.to_string();
    assert!(!text.contains("nobody@") && !text.contains("hunter2"), "{text}");
}

#[test]
fn tries_are_slowed_for_accounts_that_exist_and_for_those_that_do_not() {
    // However slow the machine is, the tries come at once.
    let setting = setting_at(Ahead::standing(), |_| {});
    for email in [EMAIL, "nobody@example.com"] {
        let body = json!({"email": email, "password": "something else"});
        let statuses: Vec<_> = (0..7).map(|_| setting.try_to_sign_in(&body).status).collect();
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429], "{email}");
    }
    let right = json!({"email": EMAIL, "password": PASSWORD});
    let slowed = setting.try_to_sign_in(&right);
    assert_eq!((slowed.status, slowed.problem().as_str()), (429, "too-many-requests"));
    let seconds: u64 = slowed.headers["retry-after"].parse().unwrap();
    setting.clock.advance(Duration::from_secs(seconds));
    assert_eq!(setting.try_to_sign_in(&right).status, 200, "after the time that was told");
    let reasons: Vec<_> =
        setting.records("acme", "session.sign_in").iter().map(|event| event["reason"].clone()).collect();
    assert_eq!(reasons, [json!("wrong_password"), json!("rate_limited"), Value::Null], "each reason once a minute");
}

#[test]
fn a_change_with_a_cookie_needs_its_csrf_token_and_our_origin() {
    let setting = setting(|_| {});
    let (browser, other) = (setting.sign_in(), setting.sign_in());
    let send = |headers: &[(&str, &str)]| {
        let mut request = setting.service.anonymous("DELETE", "/v1/session").header("cookie", &browser.cookie);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send()
    };
    let csrf = ("x-csrf-token", &*browser.csrf);
    for headers in [
        &[][..],
        &[("x-csrf-token", "x")],
        &[("x-csrf-token", &other.csrf)],
        &[csrf, ("origin", "https://evil.example")],
    ] {
        let answer = send(headers);
        assert_eq!((answer.status, answer.problem().as_str()), (403, "csrf"), "{headers:?}");
    }
    assert_eq!(send(&[csrf, ("origin", "http://test")]).status, 204);
    let foreign = setting.service.anonymous("POST", "/v1/session").header("origin", "https://evil.example");
    assert_eq!(foreign.json(&json!({"email": EMAIL, "password": PASSWORD})).send().problem(), "csrf");
    let token = other.cookie.split_once('=').unwrap().1;
    assert_eq!(setting.service.anonymous("GET", "/v1/session").bearer(token).send().status, 401, "a cookie's alone");
}

#[test]
fn sessions_end_when_idle_and_in_any_case() {
    let setting = setting(|_| {});
    let (used, idle) = (setting.sign_in(), setting.sign_in());
    let hours = |hours: u64| setting.clock.advance(Duration::from_secs(hours * 3600));
    hours(11);
    assert_eq!(used.get(&setting.service, "/v1/session").status, 200);
    hours(2);
    assert_eq!(idle.get(&setting.service, "/v1/session").status, 401);
    for _ in 0..15 {
        assert_eq!(used.get(&setting.service, "/v1/session").status, 200);
        hours(11);
    }
    assert_eq!(used.get(&setting.service, "/v1/session").status, 401, "after a week");
}

#[test]
fn last_uses_outlive_a_restart_and_sessions_that_are_over_do_not() {
    let setting = setting(|_| {});
    let (kept, over) = (setting.sign_in(), setting.sign_in());
    setting.clock.advance(Duration::from_secs(11 * 3600));
    assert_eq!(kept.get(&setting.service, "/v1/session").status, 200);
    setting.clock.advance(Duration::from_secs(2 * 3600));
    let Setting { service, clock, .. } = setting;
    let folder = service.stop();
    let engine = Engine::open(EngineOptions::new(folder.path()), clock.clone(), Arc::new(SystemEntropy)).unwrap();
    let sessions = engine.directory_entries("session", None).unwrap();
    assert_eq!(sessions.len(), 1, "what is over is collected");
    let secret = kept.cookie.rsplit('_').next().unwrap();
    assert!(!sessions[0].document.contains(secret), "and the token is kept nowhere");
    engine.shutdown();
    drop(engine);
    let service = Service::start_at(folder, clock, |_| {});
    assert_eq!(kept.get(&service, "/v1/session").status, 200);
    assert_eq!(over.get(&service, "/v1/session").status, 401);
}

#[test]
fn own_sessions_are_listed_and_ended() {
    let setting = setting(|_| {});
    let (first, second) = (setting.sign_in(), setting.sign_in());
    let listed = second.get(&setting.service, "/v1/sessions").json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();
    assert_eq!(second.request(&setting.service, "DELETE", &format!("/v1/sessions/{other}")).send().status, 204);
    assert_eq!(first.get(&setting.service, "/v1/session").status, 401);
    assert_eq!(second.request(&setting.service, "DELETE", &format!("/v1/sessions/{other}")).send().status, 404);
    for slug in ["acme", "other"] {
        assert_eq!(setting.records(slug, "session.revoke").len(), 1);
    }
}

#[test]
fn an_administrator_ends_a_session_for_their_organization_alone() {
    let setting = setting(|_| {});
    let browser = setting.sign_in();
    let path = format!("/v1/orgs/acme/users/{}/sessions", setting.user);
    let id = setting.service.get(&path).json()["sessions"][0]["id"].as_str().unwrap().to_owned();
    let end = |slug: &str| setting.service.request("DELETE", &format!("/v1/orgs/{slug}/sessions/{id}")).send().status;
    assert_eq!(end("acme"), 204);
    assert_eq!(browser.get(&setting.service, "/v1/orgs/acme/events").status, 404);
    let told = browser.get(&setting.service, "/v1/session").json();
    assert_eq!(told["organizations"].as_array().unwrap().len(), 1, "it opens the other one still");
    assert!(setting.service.get(&path).json()["sessions"].as_array().unwrap().is_empty());
    assert_eq!(end("acme"), 404);
    assert_eq!(
        (setting.records("acme", "session.revoke").len(), setting.records("other", "session.revoke").len()),
        (1, 0)
    );
    assert_eq!(end("other"), 204);
    assert_eq!(browser.get(&setting.service, "/v1/session").status, 401, "it opened nothing else");
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let setting = setting(|_| {});
    let (kept, ended) = (setting.sign_in(), setting.sign_in());
    let change = |current: &str, new: &str| {
        kept.request(&setting.service, "POST", "/v1/password").json(&json!({"current": current, "new": new})).send()
    };
    for (current, new) in
        [("wrong", "rtw&8 bnmq4 xz"), (PASSWORD, "password1234"), (PASSWORD, "ada and kvmt#2"), (PASSWORD, "short")]
    {
        let answer = change(current, new);
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-content"), "{new}");
    }
    assert_eq!(change(PASSWORD, "rtw&8 bnmq4 xz").status, 204);
    assert_eq!(kept.get(&setting.service, "/v1/session").status, 200);
    assert_eq!(ended.get(&setting.service, "/v1/session").status, 401);
    assert_eq!(setting.try_to_sign_in(&json!({"email": EMAIL, "password": PASSWORD})).status, 401);
    assert_eq!(setting.try_to_sign_in(&json!({"email": EMAIL, "password": "rtw&8 bnmq4 xz"})).status, 200);
    for slug in ["acme", "other"] {
        let record = &setting.service.find(slug, "action=password.update&outcome=success")[0];
        assert_eq!(record["metadata"]["sessions_ended"], 1);
    }
}

/// The secret that an authenticator is given as base 32.
pub fn secret_of(text: &str) -> totp::Secret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits: u32 = 0;
    let (mut held, mut bytes) = (0, Vec::new());
    for character in text.chars() {
        bits = bits << 5 | alphabet.find(character).unwrap() as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes.try_into().unwrap()
}

#[test]
fn a_second_factor_is_asked_for_and_each_code_works_once() {
    // However slow the machine is, what comes after a code comes within its step of time.
    let setting = setting_at(Ahead::standing(), |_| {});
    let (browser, other) = (setting.sign_in(), setting.sign_in());
    let post = |path: &str, body: Value| browser.request(&setting.service, "POST", path).json(&body).send();
    assert_eq!(post("/v1/second-factor", json!({"password": "wrong"})).status, 422);
    let begun = post("/v1/second-factor", json!({"password": PASSWORD})).json();
    let secret = secret_of(begun["secret"].as_str().unwrap());
    let code_now = || totp::code(&secret, totp::step_at(setting.clock.now()));
    let next_step = || setting.clock.advance(Duration::from_secs(60));
    let confirmation = json!({"enrolment": begun["enrolment"], "code": "000000"});
    assert_eq!(post("/v1/second-factor/confirm", confirmation).status, 422);
    let confirmed = post("/v1/second-factor/confirm", json!({"enrolment": begun["enrolment"], "code": code_now()}));
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let codes = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    assert_eq!(other.get(&setting.service, "/v1/session").status, 401, "other sessions end");

    let sign_in =
        |code: Option<&str>| setting.try_to_sign_in(&json!({"email": EMAIL, "password": PASSWORD, "code": code}));
    assert_eq!(sign_in(None).problem(), "second-factor-required");
    assert_eq!(setting.try_to_sign_in(&json!({"email": EMAIL, "password": "wrong"})).problem(), "unauthenticated");
    assert_eq!(sign_in(Some(&code_now())).status, 401, "the code that confirmed is used up");
    next_step();
    let code = code_now();
    assert_eq!(sign_in(Some(&code)).status, 200);
    assert_eq!(sign_in(Some(&code)).status, 401, "and so is this one");
    let recovery = codes[0].as_str().unwrap();
    assert_eq!(sign_in(Some(recovery)).status, 200);
    assert_eq!(sign_in(Some(recovery)).status, 401);

    next_step();
    let renewed = post("/v1/second-factor/recovery-codes", json!({"password": PASSWORD, "code": code_now()}));
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(sign_in(codes[1].as_str()).status, 401, "old recovery codes are worth nothing");
    next_step();
    let remove =
        |body: Value| browser.request(&setting.service, "DELETE", "/v1/second-factor").json(&body).send().status;
    assert_eq!(remove(json!({"password": PASSWORD})), 422);
    assert_eq!(remove(json!({"password": PASSWORD, "code": code_now()})), 204);
    assert_eq!(sign_in(None).status, 200);
    for slug in ["acme", "other"] {
        assert_eq!(setting.service.find(slug, "action=second_factor.update&outcome=success").len(), 3);
    }
}

#[test]
fn a_token_may_do_what_its_owner_may_or_less_until_it_is_revoked() {
    let setting = setting(|_| {});
    let browser = setting.sign_in();
    let in_days = |days: i64| actarium_core::time::to_text(setting.clock.now() + days * 86_400_000_000);
    let make = |body: &Value| browser.request(&setting.service, "POST", "/v1/tokens").json(body).send();
    for body in [
        json!({"name": "ci"}),
        json!({"name": "ci", "expires_at": in_days(366)}),
        json!({"name": "ci", "expires_at": in_days(-1)}),
        json!({"name": "ci", "expires_at": in_days(1), "permissions": ["everything"]}),
        json!({"name": "ci", "expires_at": in_days(1), "organizations": ["nobodys"]}),
    ] {
        assert_eq!(make(&body).status, 422, "{body}");
    }
    let body = json!({"name": "ci", "expires_at": in_days(30), "permissions": ["audit_logs_view", "ON-PREM-KEYS"], "organizations": ["acme"]});
    let made = make(&body);
    assert_eq!(made.status, 201, "{made:?}");
    let (secret, id) =
        (made.json()["secret"].as_str().unwrap().to_owned(), made.json()["id"].as_str().unwrap().to_owned());
    assert!(secret.starts_with(&format!("act_pat_{id}_")));
    let get = |path: &str| setting.service.anonymous("GET", path).bearer(&secret).send().status;
    assert_eq!(get("/v1/orgs/acme/events"), 200);
    assert_eq!(get("/v1/orgs/acme/on-prem-keys"), 200);
    assert_eq!(get("/v1/orgs/acme/users"), 403, "the owner may, the token may not");
    assert_eq!(get("/v1/orgs/other/on-prem-keys"), 404);
    assert_eq!(get("/v1/session"), 200);
    assert_eq!(get("/v1/sessions"), 403, "what a session alone may");
    let more = setting.service.anonymous("POST", "/v1/tokens").bearer(&secret).json(&body).send();
    assert_eq!(more.status, 403, "a token makes no tokens");

    let join =
        json!({"email": "eve@example.com", "name": "Eve", "groups": ["admin"], "password": "harbour-lantern-48-moss"});
    assert_eq!(setting.service.request("POST", "/v1/orgs/acme/users").json(&join).send().status, 201);
    let member = format!("/v1/orgs/acme/groups/admin/members/{}", setting.user);
    assert_eq!(setting.service.request("DELETE", &member).send().status, 204);
    assert_eq!(get("/v1/orgs/acme/events"), 403, "what the owner lost the token lost");

    assert_eq!(browser.request(&setting.service, "DELETE", &format!("/v1/tokens/{id}")).send().status, 204);
    assert_eq!(get("/v1/session"), 401);
    let refused = &setting.records("acme", "token.create&outcome=denied")[0];
    assert_eq!(
        (&refused["actor"]["metadata"]["token"], setting.records("other", "token.create").len()),
        (&json!(id), 0)
    );
    for action in ["token.create&outcome=success", "token.revoke"] {
        assert_eq!((setting.records("acme", action).len(), setting.records("other", action).len()), (1, 0), "{action}");
    }
}

#[test]
fn a_token_is_given_no_permission_that_its_owner_does_not_hold() {
    let setting = setting(|_| {});
    let browser = setting.sign_in();
    let expires_at = actarium_core::time::to_text(setting.clock.now() + 86_400_000_000);
    let make = |permissions: Value, organizations: Value| {
        let body =
            json!({"name": "ci", "expires_at": expires_at, "permissions": permissions, "organizations": organizations});
        browser.request(&setting.service, "POST", "/v1/tokens").json(&body).send()
    };
    // An administrator of one organization, and a developer of the other.
    assert_eq!(make(json!(["LOG-MANAGEMENT"]), json!(["acme"])).status, 201);
    assert_eq!(make(json!(["LOG-MANAGEMENT"]), Value::Null).status, 201, "held in one of them");
    assert_eq!(make(json!(["components_view"]), json!(["other"])).status, 201);
    for (permissions, missing) in [
        (json!(["components_view", "audit_logs_view"]), &["`audit_logs_view`"][..]),
        (json!(["LOG-MANAGEMENT"]), &["`audit_logs_view`, `audit_logs_export`, `audit_logs_verify`"]),
    ] {
        let refused = make(permissions, json!(["other"]));
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-content"));
        let error = &refused.json()["errors"][0];
        assert_eq!(error["pointer"], "/permissions");
        let told = error["detail"].as_str().unwrap();
        assert!(missing.iter().all(|names| told.contains(names)) && !told.contains("components_view"), "{told}");
    }
    let listed = browser.get(&setting.service, "/v1/tokens").json();
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 3);
}

#[test]
fn an_administrator_sees_and_revokes_a_members_token_for_their_organization_alone() {
    let setting = setting(|_| {});
    let browser = setting.sign_in();
    let expires_at = actarium_core::time::to_text(setting.clock.now() + 86_400_000_000);
    let make = |name: &str, organizations: Value| {
        let body = json!({"name": name, "expires_at": expires_at, "organizations": organizations});
        let made = browser.request(&setting.service, "POST", "/v1/tokens").json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        let text = |field: &str| made.json()[field].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    };
    let (everywhere, one, elsewhere) =
        (make("Both", Value::Null), make("One", json!(["acme"])), make("Elsewhere", json!(["other"])));
    let works = |(_, secret): &(String, String), slug: &str| {
        setting.service.anonymous("GET", &format!("/v1/orgs/{slug}")).bearer(secret).send().status
    };
    assert_eq!([works(&everywhere, "acme"), works(&everywhere, "other"), works(&one, "acme")], [200, 200, 200]);

    let admin = Person::new(&setting.service, "Root", &["admin"]);
    let path = format!("users/{}/tokens", setting.user);
    let listed = admin.send(&setting.service, "GET", &path, Value::Null);
    let told = listed.json();
    let names: Vec<_> = told["tokens"].as_array().unwrap().iter().map(|token| token["name"].clone()).collect();
    assert_eq!(names, ["Both", "One"], "of what works elsewhere nothing is told");
    let first = &told["tokens"][0];
    assert_eq!((&first["id"], &first["expires_at"]), (&json!(everywhere.0), &json!(expires_at)));
    assert_eq!(first["prefix"], format!("act_pat_{}_", everywhere.0));
    assert!(everywhere.1.starts_with(first["prefix"].as_str().unwrap()) && first["last_used_at"].is_string());
    let text = listed.text();
    assert!(
        !text.contains("organizations") && !text.contains("other") && !text.contains(&everywhere.1[30..]),
        "{text}"
    );

    let looker = Person::new(&setting.service, "Lena", &["auditor"]);
    assert_eq!(looker.send(&setting.service, "GET", &path, Value::Null).status, 200);
    let revoke =
        |by: &Person, id: &str| by.send(&setting.service, "DELETE", &format!("tokens/{id}"), Value::Null).status;
    assert_eq!(revoke(&looker, &one.0), 403);
    let engineer = Person::new(&setting.service, "Enno", &["platform-engineer"]);
    assert_eq!(revoke(&engineer, &one.0), 403, "nobody touches who holds more");
    assert_eq!(revoke(&admin, &elsewhere.0), 404);
    assert_eq!([revoke(&admin, &everywhere.0), revoke(&admin, &one.0)], [204, 204]);
    assert_eq!([works(&everywhere, "acme"), works(&everywhere, "other"), works(&one, "acme")], [404, 200, 401]);
    assert_eq!([revoke(&admin, &everywhere.0), revoke(&admin, &one.0)], [404, 404]);
    assert!(admin.send(&setting.service, "GET", &path, Value::Null).json()["tokens"].as_array().unwrap().is_empty());
    let records = setting.records("acme", "token.revoke&outcome=success");
    let who: Vec<_> = records.iter().map(|record| (&record["actor"]["id"], &record["targets"][1]["id"])).collect();
    let expected = (json!(admin.id), json!(setting.user));
    assert_eq!(who, [(&expected.0, &expected.1); 2]);
    assert!(setting.records("other", "token.revoke").is_empty());
}

#[test]
fn proxies_are_believed_when_they_are_trusted_and_only_then() {
    let wrong = json!({"email": EMAIL, "password": "something else"});
    let address_seen = |change: fn(&mut ServerOptions)| {
        let setting = setting(change);
        let request = setting.service.anonymous("POST", "/v1/session").header("x-forwarded-for", "198.51.100.7");
        let request = request.header("x-forwarded-proto", "https").json(&wrong);
        let answer = request.send();
        let record = &setting.service.find_count("acme", "action=session.sign_in", 1)[0];
        let secured = answer.headers.contains_key("strict-transport-security");
        (record["context"]["ip"].as_str().unwrap().to_owned(), secured)
    };
    assert_eq!(address_seen(|_| {}), ("127.0.0.1".into(), false));
    let trusted = address_seen(|options| options.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()]);
    assert_eq!(trusted, ("198.51.100.7".into(), true));
}

#[test]
fn behind_tls_cookies_are_bound_to_the_host_and_answers_say_so() {
    let setting = setting(|options| options.public_url = Some("https://audit.example.com".parse().unwrap()));
    let answer = setting.try_to_sign_in(&json!({"email": EMAIL, "password": PASSWORD}));
    let cookie = &answer.headers["set-cookie"];
    assert!(cookie.starts_with("__Host-actarium_session=") && cookie.ends_with("; Secure"), "{cookie}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
    let browser = Browser::of(&answer);
    let sign_out =
        |origin: &str| browser.request(&setting.service, "DELETE", "/v1/session").header("origin", origin).send();
    assert_eq!(sign_out("http://test").status, 403);
    assert_eq!(sign_out("https://audit.example.com").status, 204);
}

#[test]
fn an_organization_is_not_told_when_somebody_used_another() {
    let setting = setting(|_| {});
    let browser = setting.sign_in();
    let body =
        json!({"name": "Both", "expires_at": actarium_core::time::to_text(setting.clock.now() + 86_400_000_000)});
    let token = browser.request(&setting.service, "POST", "/v1/tokens").json(&body).send().json()["secret"].clone();
    let admin = Person::new(&setting.service, "Root", &["admin"]);
    let Setting { service, clock, user } = setting;
    let told = |service: &Service| {
        ["sessions", "tokens"].map(|what| {
            let listed = admin.send(service, "GET", &format!("users/{user}/{what}"), Value::Null).json();
            let listed = &listed[what][0];
            (listed["last_used_at"].clone(), listed["expires_at"].clone())
        })
    };
    let used = |service: &Service, slug: &str| {
        let path = format!("/v1/orgs/{slug}");
        let by_token = service.anonymous("GET", &path).bearer(token.as_str().unwrap()).send();
        assert_eq!((browser.get(service, &path).status, by_token.status), (200, 200));
    };
    let before = told(&service);
    assert!(before.iter().all(|(last_used, expires)| last_used.is_null() && expires.is_string()), "{before:?}");
    for _ in 0..2 {
        used(&service, "other");
        assert_eq!(told(&service), before);
        clock.advance(Duration::from_secs(3600));
    }
    used(&service, "acme");
    let here = told(&service);
    assert!(here.iter().all(|(last_used, _)| last_used.is_string()), "{here:?}");
    clock.advance(Duration::from_secs(3600));
    used(&service, "other");
    assert_eq!(told(&service), here);
    // Its owner sees when it was used wherever that was.
    let own = browser.get(&service, "/v1/sessions").json()["sessions"][0]["last_used_at"].clone();
    assert!(own.as_str() > here[0].0.as_str(), "{own}");
    let service = Service::start_at(service.stop(), clock, |_| {});
    assert_eq!(told(&service), here, "after a restart too");
}
