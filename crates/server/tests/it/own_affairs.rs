//! What people do about themselves: every change of it leaves its record, and so does everybody who tries with a wrong proof.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::time;
use actarium_server::routes::{Method, Operation, Permission, ROUTES};
use actarium_server::signin::totp;
use actarium_store::Clock;
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service};
use crate::person::{PASSWORD, Person};
use crate::session::secret_of;

const EMAIL: &str = "ada@example.com";
const NEW_PASSWORD: &str = "rtw&8 bnmq4 xz";

/// Ada, who is signed in, and the routes that she has walked.
struct Walk {
    service: Service,
    clock: Arc<Ahead>,
    ada: Person,
    walked: HashSet<Operation>,
}

impl Walk {
    fn new() -> Self {
        let clock = Ahead::new();
        let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
        service.organization("acme");
        let ada = Person::new(&service, "Ada", &["admin"]);
        Self { service, clock, ada, walked: HashSet::new() }
    }

    fn send(&self, operation: Operation, id: &str, body: &Value) -> Answer {
        let route = ROUTES.iter().find(|route| route.operation == operation).unwrap();
        let path = route.path.replace("{org}", "acme").replace("{id}", id);
        let request = self.ada.request(&self.service, route.method.name(), &path);
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    fn records(&self, action: &str) -> usize {
        self.service.find("acme", &format!("action={action}&outcome=success&limit=1000&from=-1h")).len()
    }

    /// Sends a request that changes something and checks that it has left a record.
    fn step(&mut self, operation: Operation, id: &str, body: Value, action: &str) -> Value {
        let before = self.records(action);
        let answer = self.send(operation, id, &body);
        assert!(matches!(answer.status, 200 | 201 | 204), "{operation:?}: {answer:?}");
        assert_eq!(self.records(action), before + 1, "{operation:?} has left no record of {action}");
        self.walked.insert(operation);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Signs Ada in once more; gives the id of that session.
    fn another_session(&mut self) -> String {
        self.step(Operation::SignIn, "", json!({"email": EMAIL, "password": PASSWORD}), "session.sign_in");
        let listed = self.ada.request(&self.service, "GET", "/v1/sessions").send().json();
        let sessions = listed["sessions"].as_array().unwrap();
        let other = sessions.iter().find(|session| session["current"] == false).unwrap();
        assert_eq!((&other["method"], &other["provider"]), (&json!("password"), &Value::Null));
        other["id"].as_str().unwrap().to_owned()
    }

    fn code(&self, secret: &totp::Secret) -> String {
        // Each step of time works once.
        self.clock.advance(Duration::from_secs(60));
        totp::code(secret, totp::step_at(self.clock.now()))
    }

    /// Begins a second factor, which changes nothing yet.
    fn begin(&mut self) -> (totp::Secret, Value) {
        let begun = self.send(Operation::SecondFactorBegin, "", &json!({"password": PASSWORD}));
        assert_eq!(begun.status, 200, "{begun:?}");
        self.walked.insert(Operation::SecondFactorBegin);
        let begun = begun.json();
        (secret_of(begun["secret"].as_str().unwrap()), begun["enrolment"].clone())
    }
}

#[test]
fn every_change_of_ones_own_leaves_a_record() {
    let mut walk = Walk::new();
    let session = walk.another_session();
    walk.step(Operation::SessionRevoke, &session, Value::Null, "session.revoke");
    let session = walk.another_session();
    walk.step(Operation::UserSessionRevoke, &session, Value::Null, "session.revoke");
    let body = json!({"name": "CI", "expires_at": time::to_text(walk.clock.now() + 86_400_000_000)});
    let token = walk.step(Operation::TokenCreate, "", body, "token.create");
    walk.step(Operation::TokenRevoke, token["id"].as_str().unwrap(), Value::Null, "token.revoke");
    let (secret, enrolment) = walk.begin();
    let confirmation = json!({"enrolment": enrolment, "code": walk.code(&secret)});
    walk.step(Operation::SecondFactorConfirm, "", confirmation, "second_factor.update");
    let proof = json!({"password": PASSWORD, "code": walk.code(&secret)});
    walk.step(Operation::RecoveryCodesRenew, "", proof, "second_factor.update");
    walk.step(Operation::PasswordChange, "", json!({"current": PASSWORD, "new": NEW_PASSWORD}), "password.update");
    let proof = json!({"password": NEW_PASSWORD, "code": walk.code(&secret)});
    walk.step(Operation::SecondFactorRemove, "", proof, "second_factor.update");
    walk.step(Operation::SignOut, "", Value::Null, "session.sign_out");

    let own = |operation: &Operation| matches!(operation, Operation::SignIn | Operation::UserSessionRevoke);
    let changing = ROUTES.iter().filter(|route| {
        let personal = matches!(route.permission, Permission::Person | Permission::Session);
        route.method != Method::Get && (personal || own(&route.operation))
    });
    let missing: Vec<_> = changing.map(|route| route.operation).filter(|one| !walk.walked.contains(one)).collect();
    assert!(missing.is_empty(), "say above which records these leave: {missing:?}");
}

#[test]
fn a_wrong_proof_in_a_session_is_recorded_with_its_reason_in_every_organization_of_the_person() {
    let mut walk = Walk::new();
    walk.service.organization("other");
    let body = json!({"email": EMAIL, "name": "Ada of other"});
    assert_eq!(walk.service.request("POST", "/v1/orgs/other/users").json(&body).send().status, 201);
    let failed = |walk: &Walk, action: &str, reason: &str| {
        for (slug, name) in [("acme", "Ada"), ("other", "Ada of other")] {
            let query = format!("action={action}&outcome=failure&q={reason}&from=-1h");
            let record = &walk.service.find_count(slug, &query, 1)[0];
            assert_eq!((&record["reason"], &record["actor"]["id"]), (&json!(reason), &json!(walk.ada.id)));
            assert_eq!((&record["actor"]["name"], &record["targets"][0]["name"]), (&json!(name), &json!(name)));
            assert!(!record.to_string().contains("something else"), "{record}");
        }
    };
    let wrong = json!({"current": "something else", "new": NEW_PASSWORD});
    for _ in 0..2 {
        assert_eq!(walk.send(Operation::PasswordChange, "", &wrong).status, 422);
    }
    failed(&walk, "password.update", "wrong_password");
    assert_eq!(walk.send(Operation::SecondFactorBegin, "", &json!({"password": "something else"})).status, 422);
    failed(&walk, "second_factor.update", "wrong_password");
    let (secret, enrolment) = walk.begin();
    let confirmation = json!({"enrolment": enrolment, "code": walk.code(&secret)});
    walk.step(Operation::SecondFactorConfirm, "", confirmation, "second_factor.update");
    for (operation, code) in [
        (Operation::RecoveryCodesRenew, json!("000000")),
        (Operation::SecondFactorRemove, Value::Null),
        (Operation::SecondFactorBegin, json!("aaaa-bbbb-cccc")),
    ] {
        let answer = walk.send(operation, "", &json!({"password": PASSWORD, "code": code}));
        assert_eq!(answer.status, 422, "{operation:?}: {answer:?}");
    }
    failed(&walk, "second_factor.update", "wrong_code");
    failed(&walk, "second_factor.update", "second_factor_required");
    let slowed = (0..20).map(|_| walk.send(Operation::PasswordChange, "", &wrong).status).find(|status| *status == 429);
    assert_eq!(slowed, Some(429));
    failed(&walk, "password.update", "rate_limited");
}

#[test]
fn a_wrong_first_code_of_an_authenticator_is_recorded() {
    let mut walk = Walk::new();
    let (_, enrolment) = walk.begin();
    let wrong = json!({"enrolment": enrolment, "code": "not it"});
    assert_eq!(walk.send(Operation::SecondFactorConfirm, "", &wrong).status, 422);
    let query = "action=second_factor.update&outcome=failure&from=-1h";
    let record = &walk.service.find_count("acme", query, 1)[0];
    assert_eq!((&record["reason"], &record["actor"]["id"]), (&json!("wrong_code"), &json!(walk.ada.id)));
}
