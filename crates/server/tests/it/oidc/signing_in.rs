//! From the service to a real provider and back: who gets a session, for what, and what is recorded.

use actarium_core::time;
use actarium_server::oidc::endpoint::Reach;
use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use super::provider::{Browser, Page, Provider, parameter};
use crate::client::{Request, Service};

/// A session: its cookie and its CSRF token.
struct Seat(String, String);

/// A service with two organizations and a provider that the first has chosen.
struct World {
    service: Service,
    provider: Provider,
    /// Id of the identity provider of `acme`.
    id: String,
}

impl World {
    fn new() -> Self {
        let reach = Reach { private_networks: false, http_on_loopback: true };
        let service =
            Service::start_on(tempfile::tempdir().unwrap(), |options| options.identity_providers.reach = reach);
        service.organization("acme");
        service.organization("other");
        let provider = Provider::start();
        let id = choose(&service, &provider, "acme");
        let world = Self { service, provider, id };
        world.account(json!({}));
        world.settings("acme", json!(["example.com"]));
        world
    }

    /// What the provider says of Ada.
    fn account(&self, changes: Value) {
        let mut ada =
            json!({"email": "ada@example.com", "email_verified": true, "name": "Ada", "groups": ["ops", "all"]});
        ada.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.provider.control(&json!({"accounts": {"ada": ada}}));
    }

    fn settings(&self, slug: &str, domains: Value) {
        let body = json!({ "joining_domains": domains });
        let answer = self.service.request("PATCH", &format!("/v1/orgs/{slug}/sign-in")).json(&body).send();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn change(&self, changes: Value) {
        let path = format!("/v1/orgs/acme/identity-providers/{}", self.id);
        let answer = self.service.request("PATCH", &path).json(&changes).send();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Goes to the provider and signs in there; gives the address on the way back.
    fn go(&self, browser: &mut Browser) -> String {
        let url =
            format!("http://{}/v1/session/oidc?org=acme&provider={}&return_to=/events", self.service.address, self.id);
        let there = browser.send(&url, None).location.expect("the provider");
        assert!(there.starts_with(&self.provider.issuer), "{there}");
        browser.sign_in(&there, "ada")
    }

    fn sign_in(&self, browser: &mut Browser) -> Page {
        let back = self.go(browser);
        browser.send(&back, None)
    }

    /// Signs in with a fresh browser.
    fn signed_in(&self) -> Browser {
        let mut browser = Browser::new();
        let page = self.sign_in(&mut browser);
        let location = page.location.as_deref();
        assert_eq!(location, Some(&*format!("http://{}/events", self.service.address)), "{page:?}");
        browser
    }

    fn refused(&self, page: &Page, reason: &str, count: usize) {
        assert_eq!(page.location, None);
        let problem: Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!(problem["status"], 403, "{page:?}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("you were not signed in"), "the browser is told more than that: {detail}");
        let query = format!("q=action:session.sign_in%20outcome:failure%20{reason}");
        let records = self.service.find_count("acme", &query, count);
        assert_eq!(records[0]["metadata"]["refusal"], reason);
    }

    fn refuses(&self, reason: &str) {
        self.refused(&self.sign_in(&mut Browser::new()), reason, 1);
    }

    fn get(&self, browser: &mut Browser, path: &str) -> (u16, Value) {
        let page = browser.send(&format!("http://{}{path}", self.service.address), None);
        (page.status, serde_json::from_str(&page.body).unwrap_or_default())
    }

    fn request(&self, method: &str, path: &str, Seat(cookie, csrf): &Seat) -> Request<'_> {
        self.service.anonymous(method, path).header("cookie", cookie).header("x-csrf-token", csrf)
    }

    fn with_password(&self, email: &str, password: &str) -> Seat {
        let body = json!({"email": email, "password": password});
        let answer = self.service.anonymous("POST", "/v1/session").json(&body).send();
        let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
        Seat(answer.headers["set-cookie"].split(';').next().unwrap().to_owned(), csrf)
    }

    fn seat(&self, browser: &mut Browser) -> Seat {
        let csrf = self.get(browser, "/v1/session").1["csrf_token"].as_str().unwrap().to_owned();
        Seat(browser.cookies_for(&format!("http://{}/", self.service.address)), csrf)
    }

    fn groups(&self) -> Value {
        let users = self.service.get("/v1/orgs/acme/users").json();
        let groups = users["users"][0]["groups"].as_array().unwrap().iter().map(|group| group["id"].clone());
        Value::Array(groups.collect())
    }
}

/// Has an organization choose a provider, and the provider know the service.
fn choose(service: &Service, provider: &Provider, slug: &str) -> String {
    let body = json!({
        "name": "Company", "issuer": provider.issuer, "client_id": slug, "client_secret": "s3cret-of-the-test",
        "scopes": ["email", "profile", "groups"], "group_mapping": {"ops": ["platform-engineer"], "dev": ["developer"]},
    });
    let answer = service.request("POST", &format!("/v1/orgs/{slug}/identity-providers")).json(&body).send();
    assert_eq!(answer.status, 201, "{answer:?}");
    let made = answer.json();
    let client = json!({
        "client_id": slug, "client_secret": "s3cret-of-the-test", "redirect_uris": [made["redirect_uri"]],
    });
    provider.control(&json!({ "clients": [client] }));
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn who_is_new_joins_with_the_groups_of_the_claim_and_a_session_for_this_organization() {
    let world = World::new();
    let mut browser = world.signed_in();
    let (status, session) = world.get(&mut browser, "/v1/session");
    assert_eq!(status, 200, "{session}");
    assert_eq!(session["user"]["email"], "ada@example.com");
    assert_eq!(session["organizations"].as_array().unwrap().len(), 1);
    assert_eq!(world.get(&mut browser, "/v1/orgs/acme/events").0, 200);
    assert_eq!(world.groups(), json!(["platform-engineer"]));
    for (action, count) in
        [("session.sign_in", 1), ("user.create", 1), ("group.member.add", 1), ("user.identity.link", 1)]
    {
        world.service.find_count("acme", &format!("action={action}"), count);
        assert_eq!(world.service.find("other", &format!("action={action}")).len(), 0);
    }
    let id = session["user"]["id"].as_str().unwrap();
    let listed = world.service.get(&format!("/v1/orgs/acme/users/{id}/sessions")).json();
    assert_eq!(listed["sessions"][0]["provider"], json!({"id": world.id, "name": "Company"}));
    let record = &world.service.find("acme", "action=session.sign_in")[0];
    assert_eq!(record["metadata"]["provider"], world.id);
    assert_eq!(record["metadata"]["issuer"], world.provider.issuer);
    // What becomes of another provider of the organization is nothing to it.
    let another = json!({"name": "Another", "issuer": "https://id.example.com", "client_id": "actarium"});
    let another = world.service.request("POST", "/v1/orgs/acme/identity-providers").json(&another).send().json();
    let path = format!("/v1/orgs/acme/identity-providers/{}", another["id"].as_str().unwrap());
    assert_eq!(world.service.request("DELETE", &path).send().status, 204);
    assert_eq!(world.get(&mut browser, "/v1/orgs/acme/events").0, 200);
    // The session ends when its own provider is switched off.
    world.change(json!({"enabled": false}));
    assert_eq!(world.get(&mut browser, "/v1/orgs/acme/events").0, 401);
    world.change(json!({"enabled": true}));
    // Again: the same member, nothing joined or linked anew.
    world.signed_in();
    world.service.find_count("acme", "action=session.sign_in", 2);
    world.service.find_count("acme", "action=user.create", 1);
}

#[test]
fn groups_that_only_the_claim_gave_go_with_it() {
    let world = World::new();
    let mut browser = world.signed_in();
    let user = world.get(&mut browser, "/v1/session").1["user"]["id"].clone();
    let add =
        world.service.request("POST", "/v1/orgs/acme/groups/auditor/members").json(&json!({ "user": user })).send();
    assert_eq!(add.status, 201, "{add:?}");
    world.account(json!({"groups": ["dev"]}));
    world.signed_in();
    assert_eq!(world.groups(), json!(["auditor", "developer"]));
    world.account(json!({"groups": []}));
    world.signed_in();
    assert_eq!(world.groups(), json!(["auditor"]));
    world.service.find_count("acme", "action=group.member.remove", 2);
}

#[test]
fn a_provider_takes_back_only_what_its_own_mapping_gave() {
    let first = World::new();
    first.signed_in();
    assert_eq!(first.groups(), json!(["platform-engineer"]));
    let id = choose(&first.service, &first.provider, "acme");
    let second = World { id, ..first };
    second.change(json!({"group_mapping": {"dev": ["developer"]}}));
    second.signed_in();
    assert_eq!(second.groups(), json!(["platform-engineer"]), "the other provider's mapping gave it");
    second.account(json!({"groups": ["dev"]}));
    second.signed_in();
    assert_eq!(second.groups(), json!(["developer", "platform-engineer"]));
    second.account(json!({"groups": []}));
    second.signed_in();
    assert_eq!(second.groups(), json!(["platform-engineer"]));
}

#[test]
fn who_is_not_to_be_taken_in_is_refused_with_the_reason_on_record() {
    let world = World::new();
    world.account(json!({"email_verified": false}));
    world.refuses("email_unverified");
    world.account(json!({"email": "ada@evil.example"}));
    world.refuses("domain_not_allowed");
    world.account(json!({"email": null}));
    world.refuses("email_missing");
    assert_eq!(world.service.get("/v1/orgs/acme/users").json()["users"], json!([]));
}

#[test]
fn tokens_that_prove_nothing_sign_nobody_in() {
    let world = World::new();
    let faults = [
        (json!({"nonce": "x"}), "token_nonce"),
        (json!({"aud": "x"}), "token_audience"),
        (json!({"exp": 5}), "token_expired"),
    ];
    for (tamper, reason) in faults {
        world.provider.control(&json!({ "tamper": tamper }));
        world.refuses(reason);
    }
}

#[test]
fn an_attempt_is_the_browsers_own_and_comes_back_once() {
    let world = World::new();
    let mut browser = Browser::new();
    let back = world.go(&mut browser);
    world.refused(&Browser::new().send(&back, None), "attempt_unknown", 1);
    let forged = back.replace(parameter(&back, "state"), "x");
    let attempt = browser.clone();
    assert_eq!(browser.clone().send(&forged, None).status, 403);
    assert!(browser.send(&back, None).location.is_some(), "a stranger's try does not spend it");
    assert_eq!(attempt.clone().send(&back, None).status, 403, "the same cookie and code again");
    let none = world.get(&mut Browser::new(), "/v1/session/oidc/callback/idp_none?code=a&state=b");
    assert_eq!(none.0, 403);
}

#[test]
fn a_member_is_signed_in_to_only_by_a_provider_with_authority() {
    let world = World::new();
    let body = json!({"email": "ada@example.com", "name": "Ada", "groups": ["admin"]});
    assert_eq!(world.service.request("POST", "/v1/orgs/acme/users").json(&body).send().status, 201);
    world.refuses("member_not_linked");
    world.change(json!({"authoritative_domains": ["example.com"]}));
    world.signed_in();
    world.service.find_count("acme", "action=user.create", 1);
}

#[test]
fn an_answer_of_another_issuer_signs_nobody_in() {
    let world = World::new();
    for change in [
        |back: &str, issuer: &str| back.replace(issuer, "https%3A%2F%2Fevil.example"),
        |back: &str, issuer: &str| back.replace(&format!("iss={issuer}"), &format!("iss={issuer}%2F")),
        // The provider says in its metadata that it names itself: an answer that does not is not its own.
        |back: &str, issuer: &str| back.replace(&format!("&iss={issuer}"), ""),
    ] {
        let mut browser = Browser::new();
        let back = world.go(&mut browser);
        let issuer = parameter(&back, "iss").to_owned();
        assert!(!issuer.is_empty(), "{back}");
        let changed = change(&back, &issuer);
        assert_ne!(changed, back);
        world.refused(&browser.send(&changed, None), "answered_by_another_issuer", 1);
    }
    world.signed_in();
}

#[test]
fn the_last_administrator_stays_one_whatever_the_claim_says() {
    let world = World::new();
    world.change(json!({"group_mapping": {"ops": ["admin"]}}));
    world.signed_in();
    assert_eq!(world.groups(), json!(["admin"]));
    world.account(json!({"groups": []}));
    world.signed_in();
    assert_eq!(world.groups(), json!(["admin"]), "nobody else is one");
    assert_eq!(world.service.find("acme", "action=group.member.remove").len(), 0);
    let mut body = json!({"email": "zed@example.com", "name": "Zed", "groups": ["admin"]});
    assert_eq!(world.service.request("POST", "/v1/orgs/acme/users").json(&body).send().status, 201);
    world.signed_in();
    assert_eq!(world.groups(), json!(["admin"]), "the other one cannot sign in");
    (body["email"], body["password"]) = (json!("yan@example.com"), json!("violet-umbrella-71-quay"));
    assert_eq!(world.service.request("POST", "/v1/orgs/acme/users").json(&body).send().status, 201);
    world.signed_in();
    assert_eq!(world.groups(), json!([]), "now there is another one");
    world.service.find_count("acme", "action=group.member.remove", 1);
}

/// What the operator allows of providers: their networks, and who vouches for them.
#[test]
fn a_provider_at_home_is_asked_only_where_its_network_and_its_certificate_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (provider, authority) = Provider::start_with_tls(folder.path());
    assert!(provider.issuer.starts_with("https://127.0.0.1:"), "{}", provider.issuer);
    let ada = json!({"email": "ada@example.com", "email_verified": true, "name": "Ada"});
    provider.control(&json!({"accounts": {"ada": ada}}));
    for (private_networks, roots, allowed) in
        [(false, true, false), (true, false, false), (false, false, false), (true, true, true)]
    {
        let service = Service::start_on(tempfile::tempdir().unwrap(), |options| {
            options.identity_providers.reach = Reach { private_networks, http_on_loopback: false };
            options.identity_providers.roots = roots.then(|| authority.clone());
        });
        service.organization("acme");
        let id = choose(&service, &provider, "acme");
        let domains = json!({"joining_domains": ["example.com"]});
        assert_eq!(service.request("PATCH", "/v1/orgs/acme/sign-in").json(&domains).send().status, 200);
        let mut browser = Browser::knowing(&provider);
        let url = format!("http://{}/v1/session/oidc?org=acme&provider={id}&return_to=/events", service.address);
        let start = browser.send(&url, None);
        let Some(there) = start.location.filter(|_| allowed) else {
            assert_eq!(start.status, 503, "{private_networks} {roots}: {}", start.body);
            assert!(!start.body.contains("certificate") && !start.body.contains("127.0.0.1"), "{}", start.body);
            let record = &service.find_count("acme", "q=action:session.sign_in%20provider_unreachable", 1)[0];
            assert_eq!(record["metadata"]["provider"], id);
            continue;
        };
        assert!(there.starts_with(&provider.issuer), "{there}");
        let back = browser.sign_in(&there, "ada");
        let end = browser.send(&back, None);
        assert_eq!(end.location, Some(format!("http://{}/events", service.address)), "{}", end.body);
    }
}

/// Whoever made an account with a password for somebody is not them once they come through the provider.
#[test]
fn a_provider_takes_an_account_over_from_whoever_set_its_password() {
    let world = World::new();
    world.change(json!({"authoritative_domains": ["example.com"], "group_mapping": {"ops": ["admin"]}}));
    let password = "violet-umbrella-71-quay";
    let post = |by: &Seat, body: &Value| world.request("POST", "/v1/orgs/acme/users", by).json(body).send();
    let root = json!({"email": "root@else.example", "name": "Root", "groups": ["admin"], "password": password});
    assert_eq!(world.service.request("POST", "/v1/orgs/acme/users").json(&root).send().status, 201);
    let root = world.with_password("root@else.example", password);
    let ada = json!({"email": "ada@example.com", "name": "Ada", "password": password});
    let made = post(&root, &ada);
    assert_eq!(made.status, 201, "{made:?}");
    let before = world.with_password("ada@example.com", password);
    assert_eq!(world.request("GET", "/v1/session", &before).send().status, 200);

    let mut browser = world.signed_in();
    let session = world.get(&mut browser, "/v1/session").1;
    assert_eq!(session["user"]["id"], made.json()["id"], "{session}");
    assert_eq!(world.get(&mut browser, "/v1/orgs/acme/events").0, 200);
    assert_eq!(world.request("GET", "/v1/session", &before).send().status, 401);
    let again = json!({"email": "ada@example.com", "password": password});
    assert_eq!(world.service.anonymous("POST", "/v1/session").json(&again).send().status, 401);
    let linked = &world.service.find_count("acme", "action=user.identity.link", 1)[0];
    assert_eq!(linked["metadata"]["password_removed"], true);
    // The next time there is nothing to take, and her sessions stay.
    world.signed_in();
    assert_eq!(world.get(&mut browser, "/v1/orgs/acme/events").0, 200);

    // Removed and joined anew, she has another account.
    let path = format!("/v1/orgs/acme/users/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(world.service.request("DELETE", &path).send().status, 204);
    let mut browser = world.signed_in();
    let session = world.get(&mut browser, "/v1/session").1;
    assert_ne!(session["user"]["id"], made.json()["id"], "{session}");
}

/// What was proven of somebody ends with their membership: whoever is made a member again is linked by nothing.
#[test]
fn a_link_goes_with_the_membership() {
    let world = World::new();
    let mut browser = world.signed_in();
    let user = world.get(&mut browser, "/v1/session").1["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/orgs/acme/users/{user}");
    assert_eq!(world.service.request("DELETE", &path).send().status, 204);
    let body = json!({"email": "ada@example.com", "name": "Ada", "groups": ["admin"]});
    let again = world.service.request("POST", "/v1/orgs/acme/users").json(&body).send();
    assert_eq!(again.status, 201, "{again:?}");
    assert_ne!(again.json()["id"].as_str(), Some(&*user), "the account has ended with the membership");
    world.refuses("member_not_linked");
}

#[test]
fn a_session_of_a_provider_makes_tokens_for_its_organization_and_knows_of_no_others() {
    let world = World::new();
    // Ada administrates `other` with a password, and has a token for all that she may do.
    let password = "violet-umbrella-71-quay";
    let body = json!({"email": "ada@example.com", "name": "Ada", "groups": ["admin"], "password": password});
    assert_eq!(world.service.request("POST", "/v1/orgs/other/users").json(&body).send().status, 201);
    let own = world.with_password("ada@example.com", password);
    let request = |method: &str, path: &str, session: &Seat| world.request(method, path, session);
    let expires_at = time::to_text(SystemClock::new().now() + 30 * 24 * 3_600_000_000);
    let token = |name: &str| json!({"name": name, "expires_at": expires_at});
    let all = request("POST", "/v1/tokens", &own).json(&token("All")).send();
    assert_eq!(all.status, 201, "{all:?}");
    let all = format!("/v1/tokens/{}", all.json()["id"].as_str().unwrap());

    world.change(json!({"authoritative_domains": ["example.com"], "group_mapping": {"ops": ["admin"]}}));
    let mut browser = world.signed_in();
    let through = world.seat(&mut browser);
    let made = request("POST", "/v1/tokens", &through).json(&token("Of acme")).send();
    assert_eq!((made.status, &made.json()["organizations"]), (201, &json!(["acme"])), "{made:?}");
    let secret = format!("Bearer {}", made.json()["secret"].as_str().unwrap());
    let with_token = |path: &str| world.service.anonymous("GET", path).header("authorization", &secret).send().status;
    assert_eq!(with_token("/v1/orgs/acme/users"), 200);
    assert_eq!(with_token("/v1/orgs/other/users"), 404);
    let mut beyond = token("Of other");
    beyond["organizations"] = json!(["other"]);
    assert_eq!(request("POST", "/v1/tokens", &through).json(&beyond).send().status, 422);

    let listed = request("GET", "/v1/tokens", &through).send().json();
    let names: Vec<_> = listed["tokens"].as_array().unwrap().iter().map(|token| token["name"].clone()).collect();
    assert_eq!(names, ["Of acme"]);
    assert_eq!(request("DELETE", &all, &through).send().status, 404, "it works elsewhere too");
    assert_eq!(request("DELETE", &all, &own).send().status, 204);
    world.service.find_count("acme", "action=token.create", 1);
}

#[test]
fn who_knows_the_password_of_an_account_that_they_made_does_not_reach_what_it_does_elsewhere() {
    let world = World::new();
    let password = "violet-umbrella-71-quay";
    let body = json!({"email": "root@other.example", "name": "Root", "groups": ["admin"], "password": password});
    assert_eq!(world.service.request("POST", "/v1/orgs/other/users").json(&body).send().status, 201);
    let root = world.with_password("root@other.example", password);
    let body = json!({"email": "ada@example.com", "name": "Ada", "password": password});
    assert_eq!(world.request("POST", "/v1/orgs/other/users", &root).json(&body).send().status, 201);
    let mut browser = world.signed_in();
    let elsewhere = world.seat(&mut browser);
    let sessions = |seat: &Seat| world.request("GET", "/v1/sessions", seat).send();
    let users = world.service.get("/v1/orgs/acme/users").json();
    let user = users["users"][0]["id"].as_str().unwrap();
    let there = world.service.get(&format!("/v1/orgs/acme/users/{user}/sessions")).json();
    let there = there["sessions"][0]["id"].as_str().unwrap();

    let made = world.with_password("ada@example.com", password);
    let listed = sessions(&made).json();
    let ids: Vec<_> = listed["sessions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids.contains(&there)), (1, false), "{listed}");
    let path = format!("/v1/sessions/{there}");
    assert_eq!(world.request("DELETE", &path, &made).send().status, 404);
    let body = json!({"current": password, "new": "marble-lantern-48-pier"});
    assert_eq!(world.request("POST", "/v1/password", &made).json(&body).send().status, 204);
    let still = world.request("GET", "/v1/session", &elsewhere).send();
    assert_eq!(still.status, 200, "{still:?}");
}

#[test]
fn who_does_not_hold_everything_decides_neither_who_is_taken_in_nor_who_goes() {
    let world = World::new();
    world.change(json!({"authoritative_domains": ["example.com"], "group_mapping": {"ops": ["admin"]}}));
    world.signed_in();
    let role = json!({"name": "Sign-in", "description": "", "permissions": ["sign_in_view", "sign_in_manage"]});
    let post = |path: &str, body: &Value| {
        let answer = world.service.request("POST", &format!("/v1/orgs/acme/{path}")).json(body).send();
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
        answer.json()["id"].as_str().unwrap_or_default().to_owned()
    };
    let role = post("roles", &role);
    let group = post("groups", &json!({"name": "Sign-in", "description": ""}));
    post(&format!("groups/{group}/roles"), &json!({"role": role, "level": "organization"}));
    let password = "violet-umbrella-71-quay";
    post("users", &json!({"email": "low@else.example", "name": "Low", "password": password, "groups": [group]}));
    let low = world.with_password("low@else.example", password);
    let path = format!("/v1/orgs/acme/identity-providers/{}", world.id);
    assert_eq!(world.request("GET", &path, &low).send().status, 200);
    assert_eq!(world.request("DELETE", &path, &low).send().status, 403);
    let body = json!({"joining_domains": ["example.com", "evil.example"]});
    assert_eq!(world.request("PATCH", "/v1/orgs/acme/sign-in", &low).json(&body).send().status, 403);
    let settings = world.service.get("/v1/orgs/acme/sign-in").json();
    assert_eq!(settings["joining_domains"], json!(["example.com"]));
}

#[test]
fn whom_somebodys_provider_lets_in_is_no_second_person_beside_them() {
    let world = World::new();
    let ada_by_provider = |world: &World| {
        let mut browser = world.signed_in();
        let id = world.get(&mut browser, "/v1/session").1["user"]["id"].as_str().unwrap().to_owned();
        (world.seat(&mut browser), id)
    };
    let asker = crate::person::Person::new(&world.service, "Quinn", &["admin"]);
    let other = crate::person::Person::new(&world.service, "Rosa", &["admin"]);
    // Whoever decides who may join, or whom the provider is believed about, might be whoever joins.
    let joining = json!({"joining_domains": ["example.com", "quinn.example"]});
    assert_eq!(asker.send(&world.service, "PATCH", "sign-in", joining).status, 200);
    world.change(json!({"group_mapping": {"ops": ["admin"]}}));
    let (seat, id) = ada_by_provider(&world);
    let recorded = json!({
        "action": "component.deploy", "actor": {"type": "user", "id": "u_1", "name": "Eve"},
        "targets": [{"type": "component", "id": "c"}],
    });
    assert_eq!(world.service.request("POST", "/v1/orgs/acme/events").json(&recorded).send().status, 201);
    let ask = || {
        let body = json!({"subject": "user:u_1", "reason": "They asked"});
        let answer = asker.send(&world.service, "POST", "erasures", body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    };
    let approve = |asked: &Value| format!("/v1/orgs/acme/erasures/{}/approve", asked["id"].as_str().unwrap());
    let asked = ask();
    let approvers = asked["approvers"].as_array().unwrap();
    assert!(approvers.contains(&json!(other.id)) && !approvers.contains(&json!(id)), "{approvers:?}");
    let refused = world.request("POST", &approve(&asked), &seat).json(&json!({})).send();
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(
        other.send(&world.service, "POST", approve(&asked).trim_start_matches("/v1/orgs/acme/"), Value::Null).status,
        200
    );
}

#[test]
fn another_organizations_provider_reaches_nobody_beyond_that_organization() {
    let world = World::new();
    // Ada administrates `other`; a provider of `acme` says that somebody is her.
    let body = json!({"email": "ada@example.com", "name": "Ada of other", "groups": ["admin"]});
    assert_eq!(world.service.request("POST", "/v1/orgs/other/users").json(&body).send().status, 201);
    world.change(json!({"authoritative_domains": ["example.com"], "group_mapping": {"ops": ["admin"]}}));
    let mut browser = world.signed_in();
    assert_eq!(world.get(&mut browser, "/v1/orgs/acme/users").0, 200, "an administrator of acme");
    for path in ["/v1/orgs/other/events", "/v1/orgs/other/users", "/v1/orgs/other", "/v1/orgs/other/groups"] {
        assert_eq!(world.get(&mut browser, path).0, 404, "{path}");
    }
    assert_eq!(world.get(&mut browser, "/v1/sessions").0, 403, "they are the account's");
    let session = world.get(&mut browser, "/v1/session").1;
    assert!(!session.to_string().contains("other"), "{session}");
    let members = world.service.get("/v1/orgs/acme/users").json().to_string();
    assert!(!members.contains("Ada of other"), "{members}");
    assert_eq!(world.service.find("other", "action=session.sign_in").len(), 0);
    // What one organization's provider linked is unknown to another's, though both ask the same issuer.
    let id = choose(&world.service, &world.provider, "other");
    let url = format!("http://{}/v1/session/oidc?org=other&provider={id}", world.service.address);
    let mut browser = Browser::new();
    let there = browser.send(&url, None).location.unwrap();
    let back = browser.sign_in(&there, "ada");
    assert_eq!(browser.send(&back, None).status, 403);
    world.service.find_count("other", "q=action:session.sign_in%20member_not_linked", 1);
}
