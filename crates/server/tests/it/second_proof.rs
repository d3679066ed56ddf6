//! The second factor and what is begun, used up and left on record around it; tokens that end with a membership.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::time;
use actarium_server::signin::totp;
use actarium_store::Clock;
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service};
use crate::person::{PASSWORD, Person};
use crate::session::secret_of;

const EMAIL: &str = "ada@example.com";
const NEW_PASSWORD: &str = "rtw&8 bnmq4 xz";

struct Setting {
    service: Service,
    clock: Arc<Ahead>,
    ada: Person,
}

/// An authenticator that was given a secret, and what brings it back.
struct Begun {
    secret: totp::Secret,
    enrolment: Value,
}

impl Setting {
    fn new() -> Self {
        let clock = Ahead::standing();
        let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
        service.organization("acme");
        let ada = Person::new(&service, "Ada", &["admin"]);
        Self { service, clock, ada }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ada.request(&self.service, method, path).json(body).send()
    }

    fn try_to_begin(&self, code: Option<&str>) -> Answer {
        self.send("POST", "/v1/second-factor", &json!({"password": PASSWORD, "code": code}))
    }

    fn begin(&self, code: Option<&str>) -> Begun {
        let begun = self.try_to_begin(code);
        assert_eq!(begun.status, 200, "{begun:?}");
        let begun = begun.json();
        Begun { secret: secret_of(begun["secret"].as_str().unwrap()), enrolment: begun["enrolment"].clone() }
    }

    /// A code that was not used yet.
    fn code(&self, secret: &totp::Secret) -> String {
        self.clock.advance(Duration::from_secs(60));
        totp::code(secret, totp::step_at(self.clock.now()))
    }

    fn confirm(&self, begun: &Begun) -> Answer {
        let body = json!({"enrolment": begun.enrolment, "code": self.code(&begun.secret)});
        self.send("POST", "/v1/second-factor/confirm", &body)
    }

    /// Confirms and gives the recovery codes.
    fn confirmed(&self, begun: &Begun) -> Vec<String> {
        let answer = self.confirm(begun);
        assert_eq!(answer.status, 200, "{answer:?}");
        let codes = answer.json()["recovery_codes"].as_array().unwrap().clone();
        codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    }

    fn remove(&self, code: &str) -> Answer {
        self.send("DELETE", "/v1/second-factor", &json!({"password": PASSWORD, "code": code}))
    }

    fn is_refused(&self, begun: &Begun, why: &str) {
        let answer = self.confirm(begun);
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!("/enrolment")), "{why}");
    }

    fn sign_in(&self, code: &str) -> Answer {
        let body = json!({"email": EMAIL, "password": PASSWORD, "code": code});
        self.service.anonymous("POST", "/v1/session").json(&body).send()
    }
}

#[test]
fn what_beginning_gave_is_confirmed_once_and_not_after_another_change() {
    let setting = Setting::new();
    let (first, second) = (setting.begin(None), setting.begin(None));
    setting.confirmed(&second);
    setting.is_refused(&second, "it was confirmed");
    setting.is_refused(&first, "another one was confirmed since");
    let third = setting.begin(Some(&setting.code(&second.secret)));
    assert_eq!(setting.remove(&setting.code(&second.secret)).status, 204);
    for (begun, why) in [(&third, "removed since"), (&second, "confirmed and removed"), (&first, "older than both")] {
        setting.is_refused(begun, why);
    }
    let fourth = setting.begin(None);
    let change = setting.send("POST", "/v1/password", &json!({"current": PASSWORD, "new": NEW_PASSWORD}));
    assert_eq!(change.status, 204, "{change:?}");
    setting.is_refused(&fourth, "the password was changed since");
    assert_eq!(setting.ada.request(&setting.service, "GET", "/v1/session").send().json()["second_factor"], false);
}

#[test]
fn every_use_of_a_recovery_code_is_on_record_with_how_many_are_left() {
    let setting = Setting::new();
    let begun = setting.begin(None);
    let codes = setting.confirmed(&begun);
    let left = |action: &str| -> Vec<Value> {
        let found = setting.service.find("acme", &format!("action={action}&outcome=success&order=asc&from=-1d"));
        let left = found.iter().map(|record| record["metadata"]["recovery_codes_left"].clone());
        left.filter(|left| !left.is_null()).collect()
    };
    assert_eq!(setting.sign_in(&codes[0]).status, 200);
    assert_eq!(left("session.sign_in"), [json!(9)]);
    assert_eq!(setting.try_to_begin(Some(&codes[1])).status, 200);
    assert_eq!(left("second_factor.update"), [json!(8)]);
    let record = &setting.service.find("acme", "action=second_factor.update&from=-1d")[0];
    assert_eq!(record["metadata"]["proof"], "recovery_code");
    assert_eq!(setting.try_to_begin(Some(&codes[1])).status, 422, "it is used up");
    let body = json!({"password": PASSWORD, "code": codes[2]});
    let renewed = setting.send("POST", "/v1/second-factor/recovery-codes", &body);
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(left("second_factor.update"), [json!(8), json!(7)]);
    let anew = renewed.json()["recovery_codes"][0].as_str().unwrap().to_owned();
    assert_eq!(setting.remove(&anew).status, 204);
    assert_eq!(left("second_factor.update"), [json!(8), json!(7), json!(9)]);
}

#[test]
fn a_recovery_code_is_not_used_up_by_what_is_refused() {
    let setting = Setting::new();
    let codes = setting.confirmed(&setting.begin(None));
    let wrong = json!({"email": EMAIL, "password": "something else", "code": codes[0]});
    assert_eq!(setting.service.anonymous("POST", "/v1/session").json(&wrong).send().status, 401);
    let answer = setting.send("POST", "/v1/second-factor", &json!({"password": "something else", "code": codes[0]}));
    assert_eq!(answer.status, 422);
    let answer = setting.send("POST", "/v1/second-factor", &json!({"password": PASSWORD, "code": codes[0], "more": 1}));
    assert_eq!(answer.status, 422);
    assert_eq!(setting.sign_in(&codes[0]).status, 200, "it is there still");
}

#[test]
fn tokens_end_with_the_membership_and_do_not_come_back_with_it() {
    let setting = Setting::new();
    let Setting { service, ada, .. } = &setting;
    service.organization("other");
    let join = |slug: &str| {
        let body = json!({"email": EMAIL, "name": "Ada", "groups": ["auditor"]});
        let made = service.request("POST", &format!("/v1/orgs/{slug}/users")).json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
    };
    join("other");
    let expires_at = time::to_text(setting.clock.now() + 86_400_000_000);
    let make = |organizations: Value| {
        let body = json!({"name": "CI", "expires_at": expires_at, "organizations": organizations});
        let made = ada.request(service, "POST", "/v1/tokens").json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["secret"].as_str().unwrap().to_owned()
    };
    let (everywhere, one, both) = (make(Value::Null), make(json!(["other"])), make(json!(["acme", "other"])));
    let status = |slug: &str, token: &str| {
        service.anonymous("GET", &format!("/v1/orgs/{slug}/users")).bearer(token).send().status
    };
    for token in [&everywhere, &one, &both] {
        assert_eq!(status("other", token), 200);
    }
    assert_eq!(service.request("DELETE", &format!("/v1/orgs/other/users/{}", ada.id)).send().status, 204);
    join("other");
    let statuses = [&everywhere, &one, &both].map(|token| status("other", token));
    assert_eq!(statuses, [404, 401, 404], "made before the membership that is there now");
    assert_eq!([status("acme", &everywhere), status("acme", &both)], [200, 200], "others are not touched by it");
    assert_eq!(status("other", &make(json!(["other"]))), 200);
    let listed = ada.request(service, "GET", "/v1/tokens").send().json();
    let listed = listed["tokens"].as_array().unwrap();
    let mut shown: Vec<_> = listed.iter().map(|token| token["organizations"].to_string()).collect();
    shown.sort_unstable();
    assert_eq!(shown, [r#"["acme"]"#, r#"["other"]"#, "null"]);
}

#[test]
fn a_token_makes_no_token() {
    let setting = Setting::new();
    let expires_at = time::to_text(setting.clock.now() + 86_400_000_000);
    let body = json!({"name": "CI", "expires_at": expires_at});
    let made = setting.send("POST", "/v1/tokens", &body).json();
    let again = setting.service.anonymous("POST", "/v1/tokens").bearer(made["secret"].as_str().unwrap());
    assert_eq!(again.json(&body).send().status, 403, "so none can outlive the one that made it");
}
