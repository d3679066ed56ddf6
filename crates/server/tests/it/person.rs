//! Somebody of the organization `acme` with a password and a session.

use serde_json::{Value, json};

use crate::client::{Answer, Request, Service};

/// Everybody's password.
pub const PASSWORD: &str = "violet-umbrella-71-quay";

/// Somebody who is signed in.
pub struct Person {
    pub id: String,
    cookie: String,
    csrf: String,
}

impl Person {
    pub fn new(service: &Service, name: &str, groups: &[&str]) -> Self {
        Self::in_organization(service, "acme", name, groups)
    }

    /// Somebody whose account a person makes.
    pub fn made_by(maker: &Person, service: &Service, name: &str, groups: &[&str]) -> Self {
        let email = format!("{}@example.com", name.to_lowercase());
        let body = json!({"email": email, "name": name, "password": PASSWORD, "groups": groups});
        let id = maker.made(service, "users", body);
        Self::signed_in(service, id, &email)
    }

    /// Somebody of another organization.
    pub fn in_organization(service: &Service, slug: &str, name: &str, groups: &[&str]) -> Self {
        let email = format!("{}@example.com", name.to_lowercase());
        let body = json!({"email": email, "name": name, "password": PASSWORD, "groups": groups});
        let made = service.request("POST", &format!("/v1/orgs/{slug}/users")).json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        Self::signed_in(service, made.json()["id"].as_str().unwrap().to_owned(), &email)
    }

    /// Somebody whose account has the password of everybody.
    pub fn signed_in(service: &Service, id: String, email: &str) -> Self {
        let signed_in =
            service.anonymous("POST", "/v1/session").json(&json!({"email": email, "password": PASSWORD})).send();
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let cookie = signed_in.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let csrf = signed_in.json()["csrf_token"].as_str().unwrap().to_owned();
        Self { id, cookie, csrf }
    }

    /// Somebody who holds these permissions for the whole organization and nothing else.
    pub fn holding(service: &Service, name: &str, permissions: &[&str]) -> Self {
        let made = |path: &str, body: Value| {
            let answer = service.request("POST", &format!("/v1/orgs/acme/{path}")).json(&body).send();
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()["id"].as_str().unwrap_or_default().to_owned()
        };
        let role = made("roles", json!({"name": format!("Role of {name}"), "permissions": permissions}));
        let group = made("groups", json!({"name": format!("Group of {name}")}));
        made(&format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
        Self::new(service, name, &[&group])
    }

    /// A request with their session, as a page of ours would send it.
    pub fn request<'s>(&self, service: &'s Service, method: &str, path: &str) -> Request<'s> {
        service.anonymous(method, path).header("cookie", &self.cookie).header("x-csrf-token", &self.csrf)
    }

    pub fn send(&self, service: &Service, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(service, method, &format!("/v1/orgs/acme/{path}"));
        if body.is_null() { request.send() } else { request.json(&body).send() }
    }

    pub fn made(&self, service: &Service, path: &str, body: Value) -> String {
        let answer = self.send(service, "POST", path, body);
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
        answer.json()["id"].as_str().unwrap_or_default().to_owned()
    }

    pub fn deleted(&self, service: &Service, path: &str) {
        let answer = self.send(service, "DELETE", path, Value::Null);
        assert_eq!(answer.status, 204, "{path}: {answer:?}");
    }

    /// The actions that a search shows, or the status that refuses it.
    pub fn sees(&self, service: &Service, query: &str) -> Result<Vec<String>, u16> {
        let answer = self.send(service, "GET", &format!("events?{query}"), Value::Null);
        if answer.status != 200 {
            return Err(answer.status);
        }
        let json = answer.json();
        let events = json["events"].as_array().unwrap();
        Ok(events.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect())
    }
}
