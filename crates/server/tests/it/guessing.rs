//! Somebody who tries passwords: what they can tell from the answers, and what is recorded of it under whose name.

use std::time::Duration;

use actarium_server::ServerOptions;
use actarium_server::limits::REFUSAL_KINDS_PER_ORGANIZATION_MAX;
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service};
use crate::person::{PASSWORD, Person};

const HOME: &str = "198.51.100.7";

fn behind_a_proxy(options: &mut ServerOptions) {
    options.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
}

fn sign_in(service: &Service, from: &str, email: &str, password: &str) -> Answer {
    let request = service.anonymous("POST", "/v1/session").header("x-forwarded-for", from);
    request.json(&json!({"email": email, "password": password})).send()
}

/// All that an attacker learns from a wrong password, but for how long it took.
fn learned(service: &Service, from: &str, email: &str) -> (u16, Option<String>, String) {
    let answer = sign_in(service, from, email, "something else");
    let told = answer.json()["detail"].as_str().unwrap().to_owned();
    (answer.status, answer.headers.get("retry-after").cloned(), told)
}

#[test]
fn no_sequence_of_tries_tells_an_account_that_is_there_from_one_that_is_not() {
    let clock = Ahead::standing();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), behind_a_proxy);
    service.organization("acme");
    let ada = json!({"email": "ada@example.com", "name": "Ada", "password": PASSWORD, "groups": ["admin"]});
    assert_eq!(service.request("POST", "/v1/orgs/acme/users").json(&ada).send().status, 201);
    // Her network is known, and she goes on coming and going while she is being tried.
    let comes = || assert_eq!(sign_in(&service, HOME, "ada@example.com", PASSWORD).status, 200);
    comes();
    let elsewhere: Vec<String> = (0..33).map(|number| format!("203.0.113.{number}")).collect();
    let steps = elsewhere.iter().map(|from| (0, &**from)).chain([
        (0, HOME),
        (0, HOME),
        (1, HOME),
        (0, "203.0.113.40"),
        (2, "203.0.113.41"),
        (0, HOME),
        (0, HOME),
        (0, HOME),
        (4, HOME),
        (700, "203.0.113.42"),
        (0, "203.0.113.43"),
        (0, HOME),
    ]);
    let mut statuses = Vec::new();
    for (number, (seconds, from)) in steps.enumerate() {
        clock.advance(Duration::from_secs(seconds));
        let there = learned(&service, from, "ada@example.com");
        let nobodys = learned(&service, from, "nobody@example.com");
        assert_eq!(there, nobodys, "try {number}, from {from}");
        if matches!(number, 10 | 34) {
            comes();
        }
        statuses.push(there.0);
    }
    assert!(
        statuses.contains(&401) && statuses[30..].iter().filter(|status| **status == 429).count() > 5,
        "{statuses:?}"
    );
    let elsewhere = sign_in(&service, "203.0.113.50", "ada@example.com", PASSWORD);
    assert_eq!(elsewhere.status, 429, "from a network never used before the right password waits too");
    clock.advance(Duration::from_secs(5));
    comes();
}

#[test]
fn one_logs_refusals_push_no_others_out_and_are_never_anybody_elses() {
    let service = Service::start_on(tempfile::tempdir().unwrap(), behind_a_proxy);
    service.organization("acme");
    let (_, key) = service.key("acme");
    let senders = 4 * REFUSAL_KINDS_PER_ORGANIZATION_MAX + 100;
    for number in 0..senders {
        let from = format!("10.0.{}.{}", number / 250, number % 250);
        let request = service.anonymous("GET", "/v1/orgs/acme/events").header("x-forwarded-for", &from);
        assert_eq!(request.send().status, 401);
    }
    let denied = service.anonymous("GET", "/v1/orgs/acme/events").bearer(&key).header("x-forwarded-for", HOME);
    assert_eq!((denied.send().status, denied.send().status), (403, 403));
    let service = Service::start_on(service.stop(), behind_a_proxy);
    let records = service.find("acme", "outcome=denied&order=asc");
    let of = |record: &Value| (record["context"]["ip"].clone(), record["metadata"]["requests"].clone());
    assert_eq!(records.iter().map(of).collect::<Vec<_>>(), [(json!(HOME), Value::Null), (json!(HOME), json!(1))]);

    let records = service.find("actarium", "outcome=denied&order=asc&limit=1000");
    let (others, named): (Vec<_>, Vec<_>) = records.iter().partition(|record| record["actor"]["id"] == "others");
    assert_eq!(named.len(), REFUSAL_KINDS_PER_ORGANIZATION_MAX);
    assert!(named.iter().all(|record| record["metadata"]["requests"].is_null()), "nobody has another's tries");
    let counted: u64 = others.iter().map(|record| record["metadata"]["requests"].as_u64().unwrap()).sum();
    assert_eq!(counted as usize, senders - REFUSAL_KINDS_PER_ORGANIZATION_MAX);
    for record in others {
        assert!(record["context"].is_null() && record["targets"][0]["type"] == "service", "{record}");
        assert_eq!(record["reason"], "no_credential");
    }
}

#[test]
fn where_a_wrong_password_for_an_organizations_account_came_from_is_in_the_operators_log() {
    let service = Service::start_on(tempfile::tempdir().unwrap(), behind_a_proxy);
    service.organization("acme");
    let admin = Person::new(&service, "Root", &["admin"]);
    let bob = json!({"email": "bob@example.com", "name": "Bob", "password": PASSWORD, "groups": ["developer"]});
    let bob = admin.made(&service, "users", bob);
    assert_eq!(sign_in(&service, HOME, "bob@example.com", "something else").status, 401);
    let query = "action=session.sign_in&outcome=failure";
    let told = &service.find_count("acme", query, 1)[0];
    assert_eq!((&told["targets"][0]["id"], &told["reason"]), (&json!(bob), &json!("wrong_password")));
    assert!(told["context"].is_null(), "the try may have meant another account with the address: {told}");
    let kept = &service.find_count("actarium", query, 1)[0];
    assert_eq!((&kept["targets"][0]["id"], &kept["reason"]), (&json!(bob), &json!("wrong_password")));
    assert_eq!(kept["context"]["ip"], HOME);
}

/// Somebody guesses beside a person, on the network that they share.
fn guess_beside(service: &Service) {
    let guess = |number: u32| sign_in(service, HOME, &format!("nobody-{number}@example.com"), "something else").status;
    assert!((0..60).map(guess).collect::<Vec<_>>().ends_with(&[429]));
}

/// The session's cookie goes first; this is the one behind it.
fn device_of(answer: &Answer) -> String {
    let cookie = answer.cookies.iter().find(|cookie| cookie.starts_with("actarium_device=")).unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn whoever_guesses_on_a_network_does_not_lock_out_the_browsers_that_people_use() {
    let service = Service::start_at(tempfile::tempdir().unwrap(), Ahead::standing(), behind_a_proxy);
    service.organization("acme");
    let admin = Person::new(&service, "Root", &["admin"]);
    let bob = json!({"email": "bob@example.com", "name": "Bob", "password": PASSWORD, "groups": ["developer"]});
    admin.made(&service, "users", bob);
    let ada = json!({"email": "ada@example.com", "name": "Ada", "password": PASSWORD, "groups": ["admin"]});
    assert_eq!(service.request("POST", "/v1/orgs/acme/users").json(&ada).send().status, 201);
    let device = |email: &str| device_of(&sign_in(&service, HOME, email, PASSWORD));
    let (adas, bobs) = (device("ada@example.com"), device("bob@example.com"));
    let another = device("ada@example.com");
    guess_beside(&service);
    let with = |cookie: &str, email: &str, password: &str| {
        let request = service.anonymous("POST", "/v1/session").header("x-forwarded-for", HOME).header("cookie", cookie);
        request.json(&json!({"email": email, "password": password})).send().status
    };
    assert_eq!(sign_in(&service, HOME, "ada@example.com", PASSWORD).status, 429, "another browser waits");
    assert_eq!(with(&adas, "ada@example.com", PASSWORD), 200);
    assert_eq!(with(&bobs, "bob@example.com", PASSWORD), 200);
    assert_eq!(with(&bobs, "ada@example.com", PASSWORD), 429, "it is of use for its own account alone");
    assert_eq!(with(&format!("{adas}x"), "ada@example.com", PASSWORD), 429, "and must be whole");
    // Who has one, or many, may guess at that account, no quicker than anybody.
    let of = |number: usize| [&adas, &another][number % 2];
    let guesses: Vec<u16> = (0..8).map(|number| with(of(number), "ada@example.com", "something else")).collect();
    assert_eq!(guesses, [401, 401, 401, 401, 401, 429, 429, 429]);
}

#[test]
fn a_browser_that_an_organizations_account_was_used_with_tells_nothing_of_another_with_the_address() {
    let service = Service::start_at(tempfile::tempdir().unwrap(), Ahead::standing(), behind_a_proxy);
    service.organization("acme");
    service.organization("other");
    let admin = Person::new(&service, "Root", &["admin"]);
    // The person's own account has another password than the one that acme made, with the same address.
    let own = json!({"email": "eva@example.com", "name": "Eva", "password": "quite-another-91-word"});
    assert_eq!(service.request("POST", "/v1/orgs/other/users").json(&own).send().status, 201);
    let made = json!({"email": "eva@example.com", "name": "Eva", "password": PASSWORD});
    let made = admin.made(&service, "users", made);
    let device = device_of(&sign_in(&service, HOME, "eva@example.com", PASSWORD));
    guess_beside(&service);
    let with = |password: &str| {
        let request = service.anonymous("POST", "/v1/session").header("x-forwarded-for", HOME);
        let answer = request.header("cookie", &device).json(&json!({"email": "eva@example.com", "password": password}));
        let answer = answer.send();
        (answer.status, answer.json()["detail"].clone(), answer.json()["user"]["id"].clone())
    };
    assert_eq!(with("quite-another-91-word"), with("something else"));
    assert_eq!(with(PASSWORD), (200, Value::Null, json!(made)));
    // The maker gives it the password that they guess the other has: it opens theirs, as it would without another.
    let guess = json!({"password": "quite-another-91-word"});
    assert_eq!(admin.send(&service, "PATCH", &format!("users/{made}"), guess).status, 200);
    assert_eq!(with("quite-another-91-word"), (200, Value::Null, json!(made)));
}
