//! An account that several organizations share: none of them learns what another calls its person, nor how it wrote the address.

use serde_json::{Value, json};

use crate::client::{Answer, Request, Service};
use crate::person::PASSWORD;

/// What is another organization's, in any spelling that would show it.
const SECRETS: [&str; 3] = ["of Acme", "Ada.Lovelace", "Countess"];

struct Browser(String, String);

impl Browser {
    fn sign_in(service: &Service) -> Self {
        Self::sign_in_as(service, "ada.lovelace@example.com")
    }

    fn sign_in_as(service: &Service, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = service.anonymous("POST", "/v1/session").json(&body).send();
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        Self(cookie, answer.json()["csrf_token"].as_str().unwrap().to_owned())
    }

    fn request<'s>(&self, service: &'s Service, method: &str, path: &str) -> Request<'s> {
        service.anonymous(method, path).header("cookie", &self.0).header("x-csrf-token", &self.1)
    }

    fn send(&self, service: &Service, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(service, method, path);
        if body.is_null() { request.send() } else { request.json(&body).send() }
    }
}

/// Everything that an organization can see of its people.
fn seen(service: &Service, slug: &str, user: &str) -> String {
    service.find_count(slug, "action=audit_log.search&actor=ada.lovelace@example.com", 1);
    let paths = [
        "users".to_owned(),
        format!("users/{user}"),
        format!("users/{user}/permissions"),
        format!("users/{user}/sessions"),
        "groups/admin/members".to_owned(),
        "scim/v2/Users".to_owned(),
        "events?limit=1000".to_owned(),
        "events/facets?field=actor".to_owned(),
        "export?format=ndjson".to_owned(),
    ];
    let texts = paths.iter().map(|path| {
        let answer = service.get(&format!("/v1/orgs/{slug}/{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text()
    });
    texts.collect()
}

#[test]
fn what_one_organization_calls_somebody_does_not_show_in_another() {
    let service = Service::start();
    let mut user = String::new();
    for (slug, email, name) in
        [("acme", "Ada.Lovelace@Example.com", "Ada of Acme"), ("other", "ada.LOVELACE@example.com", "Ada of Other")]
    {
        service.organization(slug);
        let body = json!({"email": email, "name": name, "password": PASSWORD, "groups": ["admin"]});
        let made = service.request("POST", &format!("/v1/orgs/{slug}/users")).json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(made.json()["email"], "ada.lovelace@example.com", "one spelling for all");
        user = made.json()["id"].as_str().unwrap().to_owned();
    }
    let rename =
        service.request("PATCH", &format!("/v1/orgs/acme/users/{user}")).json(&json!({"name": "Countess"})).send();
    assert_eq!((rename.status, &rename.json()["name"]), (200, &json!("Countess")));

    // All that she does, in a session and with a token, in the organization and about herself.
    let wrong = json!({"email": "ADA.LOVELACE@example.com", "password": "something else"});
    assert_eq!(service.anonymous("POST", "/v1/session").json(&wrong).send().status, 401);
    let (ada, other) = (Browser::sign_in(&service), Browser::sign_in(&service));
    let expires_at =
        actarium_core::time::to_text(actarium_store::Clock::now(&actarium_store::SystemClock::new()) + 86_400_000_000);
    let token = ada.send(&service, "POST", "/v1/tokens", json!({"name": "CI", "expires_at": expires_at}));
    assert_eq!(token.status, 201, "{token:?}");
    let secret = token.json()["secret"].as_str().unwrap().to_owned();
    for path in ["/v1/orgs/other/events", "/v1/orgs/acme/events"] {
        assert_eq!(service.anonymous("GET", path).bearer(&secret).send().status, 200);
    }
    let denied = service.anonymous("POST", "/v1/orgs/other/events").bearer(&secret).json(&json!({})).send();
    assert_eq!(denied.status, 403);
    let csrf = service.anonymous("POST", "/v1/orgs/other/groups").header("cookie", &ada.0).json(&json!({})).send();
    assert_eq!(csrf.status, 403);
    for (method, path, body, status) in [
        ("POST", "/v1/orgs/other/groups", json!({"name": "Team"}), 201),
        ("PATCH", &*format!("/v1/orgs/other/users/{user}"), json!({"active": true, "name": "Lady of Other"}), 200),
        ("POST", "/v1/password", json!({"current": "something else", "new": "rtw&8 bnmq4 xz"}), 422),
        ("POST", "/v1/password", json!({"current": PASSWORD, "new": "rtw&8 bnmq4 xz"}), 204),
        ("DELETE", &*format!("/v1/tokens/{}", token.json()["id"].as_str().unwrap()), Value::Null, 204),
        ("DELETE", "/v1/session", Value::Null, 204),
    ] {
        let answer = ada.send(&service, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
    assert_eq!(other.send(&service, "GET", "/v1/session", Value::Null).status, 401);
    service.find_count("other", "action=ingestion.refuse&outcome=denied", 1);
    service.find_count("other", "action=group.create&outcome=denied", 1);
    service.find_count("other", "action=session.sign_in&outcome=failure", 1);
    service.find_count("other", "action=password.update&outcome=failure", 1);

    let (in_other, in_acme) = (seen(&service, "other", &user), seen(&service, "acme", &user));
    for secret in SECRETS {
        assert!(!in_other.contains(secret), "{secret} is acme's: {in_other}");
    }
    assert!(!in_acme.contains("of Other"), "{in_acme}");
    assert!(in_acme.contains("Countess") && in_other.contains("Lady of Other"));
}

#[test]
fn who_joins_without_a_name_is_called_by_their_address() {
    let service = Service::start();
    for slug in ["acme", "other"] {
        service.organization(slug);
    }
    let body = json!({"email": "ada.lovelace@example.com", "name": "Ada of Acme", "password": PASSWORD});
    let user = service.request("POST", "/v1/orgs/acme/users").json(&body).send().json()["id"].clone();
    let ada = Browser::sign_in(&service);
    let invitation = json!({"email": "ada.lovelace@example.com", "groups": ["admin"]});
    let invited = service.request("POST", "/v1/orgs/other/invitations").json(&invitation).send().json();
    let secret = invited["link"].as_str().unwrap().split_once('#').unwrap().1;
    let accepted = ada.send(&service, "POST", "/v1/invitation/accept", json!({"secret": secret}));
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let expires_at =
        actarium_core::time::to_text(actarium_store::Clock::now(&actarium_store::SystemClock::new()) + 86_400_000_000);
    let token = json!({"name": "CI", "expires_at": expires_at, "organizations": ["other"]});
    let token = ada.send(&service, "POST", "/v1/tokens", token).json();
    let token = token["secret"].as_str().unwrap();
    let own = service.anonymous("GET", "/v1/session").bearer(token).send();
    assert_eq!(own.json()["user"]["name"], "ada.lovelace@example.com", "the token is for the other alone");
    assert_eq!(service.anonymous("GET", "/v1/orgs/other/events").bearer(token).send().status, 200);

    let shown = seen(&service, "other", user.as_str().unwrap());
    assert!(!shown.contains("of Acme"), "{shown}");
    let listed = service.get("/v1/orgs/other/users").json();
    assert_eq!(listed["users"][0]["name"], "ada.lovelace@example.com");
    let rename = json!({"name": "Ada of Acme"});
    let rename =
        service.request("PATCH", &format!("/v1/orgs/other/users/{}", user.as_str().unwrap())).json(&rename).send();
    assert_eq!((rename.status, &rename.json()["name"]), (200, &json!("Ada of Acme")), "now they said so themselves");
}

#[test]
fn members_are_told_what_their_administrators_are_called_and_no_more_of_them() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let add = |slug: &str, name: &str, group: &str| {
        let email = format!("{}@example.com", name.replace(' ', ".").to_lowercase());
        let body = json!({"email": email, "name": name, "password": PASSWORD, "groups": [group]});
        let made = service.request("POST", &format!("/v1/orgs/{slug}/users")).json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let grace = add("acme", "Grace Hopper", "admin");
    add("acme", "Ada Lovelace", "admin");
    let left = add("acme", "Zed Former", "admin");
    add("acme", "Dan Developer", "developer");
    add("acme", "Paul Engineer", "platform-engineer");
    add("other", "Olga Elsewhere", "admin");
    let deactivated = service.request("PATCH", &format!("/v1/orgs/acme/users/{left}")).json(&json!({"active": false}));
    assert_eq!(deactivated.send().status, 200);

    let dan = Browser::sign_in_as(&service, "dan.developer@example.com");
    let told = || dan.request(&service, "GET", "/v1/session").send();
    assert_eq!(told().json()["organizations"][0]["administrators"], json!(["Ada Lovelace", "Grace Hopper"]));
    for hidden in ["grace.hopper", &grace, "Olga", "Zed", "Paul"] {
        assert!(!told().text().contains(hidden), "{hidden}: {}", told().text());
    }

    let rename =
        service.request("PATCH", &format!("/v1/orgs/acme/users/{grace}")).json(&json!({"name": "Amazing Grace"}));
    assert_eq!(rename.send().status, 200);
    (0..20).for_each(|at| drop(add("acme", &format!("Another {at:02}"), "admin")));
    let names = told().json()["organizations"][0]["administrators"].clone();
    assert_eq!((names.as_array().unwrap().len(), &names[1]), (10, &json!("Amazing Grace")), "as they are called now");
}

/// What is seen of the log names at most so many projects; what would be beyond must not be left out without a word.
#[test]
fn nobody_is_given_the_log_of_more_projects_than_they_could_see() {
    let service = Service::start();
    service.organization("acme");
    let post = |path: &str, body: Value| service.request("POST", &format!("/v1/orgs/acme/{path}")).json(&body).send();
    let made = |path: &str, body: Value| {
        let answer = post(path, body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap_or_default().to_owned()
    };
    let user = made("users", json!({"email": "ada@example.com", "name": "Ada"}));
    let role = made("roles", json!({"name": "Log readers", "permissions": ["LOG-MANAGEMENT"]}));
    let silent = made("roles", json!({"name": "Silent", "permissions": ["users_view"]}));
    let (many, more) = (made("groups", json!({"name": "Many"})), made("groups", json!({"name": "More"})));
    let projects = |from: usize, to: usize| (from..to).map(|number| format!("p-{number}")).collect::<Vec<_>>();
    let level = |role: &str, projects: Vec<String>| json!({"role": role, "level": "project", "projects": projects});
    made(&format!("groups/{many}/roles"), level(&role, projects(0, 1000)));
    made(&format!("groups/{more}/roles"), level(&silent, projects(1000, 1001)));
    for group in [&many, &more] {
        made(&format!("groups/{group}/members"), json!({"user": user}));
    }
    let too_many = |answer: Answer| {
        assert_eq!((answer.status, answer.problem().as_str()), (409, "conflict"), "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("1000 projects"), "{}", answer.text());
    };
    too_many(post(&format!("groups/{more}/roles"), level(&role, projects(1000, 1001))));
    let change = json!({"permissions": ["audit_logs_view"]});
    too_many(service.request("PATCH", &format!("/v1/orgs/acme/roles/{silent}")).json(&change).send());
    let leave = service.request("DELETE", &format!("/v1/orgs/acme/groups/{more}/members/{user}")).send();
    assert_eq!(leave.status, 204);
    made(&format!("groups/{more}/roles"), level(&role, projects(1000, 1001)));
    too_many(post(&format!("groups/{more}/members"), json!({"user": user})));
    too_many(post("users", json!({"email": "eve@example.com", "name": "Eve", "groups": [many, more]})));
    // For the organization as a whole there is nothing to count.
    made(&format!("groups/{many}/roles"), json!({"role": "auditor", "level": "organization"}));
    made(&format!("groups/{more}/members"), json!({"user": user}));
}

#[test]
fn nobody_is_called_what_the_service_or_its_operator_is_called_in_records() {
    let service = Service::start();
    service.organization("acme");
    let post = |path: &str, body: Value| service.request("POST", &format!("/v1/orgs/acme/{path}")).json(&body).send();
    let expires_at = "2999-01-01T00:00:00Z";
    for name in ["Operator", "actarium ", "ACTARIUM", "Асtаrium", "The operator"] {
        for (path, body) in [
            ("users", json!({"email": "eve@example.com", "name": name})),
            ("invitations", json!({"email": "eve@example.com", "name": name})),
            ("on-prem-keys", json!({"name": name})),
            ("scim-tokens", json!({"name": name, "expires_at": expires_at})),
        ] {
            let refused = post(path, body);
            assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-content"), "{path} {name}");
            assert_eq!(refused.json()["errors"][0]["pointer"], "/name", "{path}: {refused:?}");
        }
    }
    let user = post("users", json!({"email": "eve@example.com", "name": "Kubernetes operator"}));
    assert_eq!(user.status, 201, "{user:?}");
    let id = user.json()["id"].as_str().unwrap().to_owned();
    let rename = service.request("PATCH", &format!("/v1/orgs/acme/users/{id}")).json(&json!({"name": "Operator"}));
    assert_eq!(rename.send().status, 422);

    let token = post("scim-tokens", json!({"name": "Okta"})).json()["secret"].as_str().unwrap().to_owned();
    let scim = |method: &str, path: &str, body: Value| {
        let request = service.anonymous(method, &format!("/v1/orgs/acme/scim/v2/Users{path}")).bearer(&token);
        request.body("application/scim+json", body.to_string()).send()
    };
    let schema = "urn:ietf:params:scim:schemas:core:2.0:User";
    let made =
        |name: &str| scim("POST", "", json!({"schemas": [schema], "userName": "bob@example.com", "displayName": name}));
    let refused = made("Operator");
    assert_eq!((refused.status, &refused.json()["scimType"]), (400, &json!("invalidValue")), "{refused:?}");
    let bob = made("Bob");
    assert_eq!(bob.status, 201, "{bob:?}");
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "displayName", "value": "Actarium"}]});
    let path = format!("/{}", bob.json()["id"].as_str().unwrap());
    assert_eq!(scim("PATCH", &path, patch).status, 400);
}
