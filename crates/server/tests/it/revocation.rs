//! What is taken away is gone at the very next request, whatever else is going on: every family of credentials, and every
//! way in which a person comes by a right. And of two administrators who remove each other, one stays.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actarium_core::time;
use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{Request, Service, event};
use crate::person::Person;

/// Threads that send requests while something is taken away.
const SENDERS: usize = 3;
const RACES: usize = 25;
/// How long the senders may take to be answered.
const ANSWERS_TIME_MAX: Duration = Duration::from_secs(20);
const DAY_MICROS: i64 = 24 * 3_600_000_000;

/// Sends requests from several threads without pause; while they are under way, takes something away. Every request that is
/// begun after that was answered is refused with `refused`; before, none is.
fn refused_from_then_on<'s>(name: &str, ask: impl Fn() -> Request<'s> + Sync, refused: u16, take_away: impl FnOnce()) {
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    // However slow the machine is: each sender has been answered more often than once.
    let some_answers = || {
        let wanted = answered.load(Ordering::SeqCst) + 2 * SENDERS;
        let begun = Instant::now();
        while answered.load(Ordering::SeqCst) < wanted && begun.elapsed() < ANSWERS_TIME_MAX {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let (begun_taking, taken, sent) = std::thread::scope(|scope| {
        let send = || {
            let mut sent = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let begun = Instant::now();
                sent.push((begun, ask().send().status, Instant::now()));
                answered.fetch_add(1, Ordering::SeqCst);
            }
            sent
        };
        let threads: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        some_answers();
        let begun_taking = Instant::now();
        take_away();
        let taken = Instant::now();
        some_answers();
        over.store(true, Ordering::SeqCst);
        let sent: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (begun_taking, taken, sent)
    });
    let before: Vec<u16> = sent.iter().filter(|sent| sent.2 < begun_taking).map(|sent| sent.1).collect();
    let after: Vec<u16> = sent.iter().filter(|sent| sent.0 > taken).map(|sent| sent.1).collect();
    assert!(!before.is_empty() && before.iter().all(|status| (200..300).contains(status)), "{name} before: {before:?}");
    assert!(!after.is_empty() && after.iter().all(|status| *status == refused), "{name} after: {after:?}");
}

fn gone(service: &Service, path: &str) {
    let answer = service.request("DELETE", &format!("/v1/orgs/acme/{path}")).send();
    assert_eq!(answer.status, 204, "{path}: {answer:?}");
}

fn made(service: &Service, path: &str, body: &Value) -> Value {
    let answer = service.request("POST", &format!("/v1/orgs/acme/{path}")).json(body).send();
    assert_eq!(answer.status, 201, "{path}: {answer:?}");
    answer.json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn keys_and_tokens_are_refused_from_the_moment_they_are_revoked() {
    let service = Service::start();
    service.organization("acme");
    let (key, secret) = service.key("acme");
    let write = || {
        let request = service.anonymous("POST", "/v1/orgs/acme/events").bearer(&secret);
        request.json(&event("component.deploy", "orders"))
    };
    refused_from_then_on("a key", write, 401, || gone(&service, &format!("on-prem-keys/{key}")));

    let token = made(&service, "scim-tokens", &json!({"name": "Directory"}));
    let (id, secret) = (text(&token["id"]), text(&token["secret"]));
    let list = || service.anonymous("GET", "/v1/orgs/acme/scim/v2/Users").bearer(&secret);
    refused_from_then_on("a SCIM token", list, 401, || gone(&service, &format!("scim-tokens/{id}")));

    let person = Person::new(&service, "Cleo", &["auditor"]);
    let expires_at = time::to_text(SystemClock::new().now() + DAY_MICROS);
    let body = json!({"name": "Script", "expires_at": expires_at});
    let token = person.request(&service, "POST", "/v1/tokens").json(&body).send();
    assert_eq!(token.status, 201, "{token:?}");
    let (id, secret) = (text(&token.json()["id"]), text(&token.json()["secret"]));
    let list = || service.anonymous("GET", "/v1/orgs/acme/users").bearer(&secret);
    refused_from_then_on("a personal access token", list, 401, || {
        let revoked = person.request(&service, "DELETE", &format!("/v1/tokens/{id}")).send();
        assert_eq!(revoked.status, 204, "{revoked:?}");
    });
}

#[test]
fn sessions_are_refused_from_the_moment_they_end() {
    let service = Service::start();
    service.organization("acme");
    let names = ["Ada", "Bob"];
    let [ended_by_administrator, signed_out] = names.map(|name| Person::new(&service, name, &["auditor"]));
    let list = |person: &Person| person.request(&service, "GET", "/v1/orgs/acme/users");
    let id = list(&ended_by_administrator).send();
    assert_eq!(id.status, 200);
    let sessions = service.get(&format!("/v1/orgs/acme/users/{}/sessions", ended_by_administrator.id)).json();
    let id = text(&sessions["sessions"][0]["id"]);
    refused_from_then_on(
        "a session",
        || list(&ended_by_administrator),
        401,
        || {
            gone(&service, &format!("sessions/{id}"));
        },
    );
    refused_from_then_on(
        "a session that was left",
        || list(&signed_out),
        401,
        || {
            assert_eq!(signed_out.request(&service, "DELETE", "/v1/session").send().status, 204);
        },
    );
}

#[test]
fn what_a_role_gave_is_refused_from_the_moment_it_goes() {
    let service = Service::start();
    service.organization("acme");
    let person = Person::new(&service, "Cleo", &[]);
    let search = || person.request(&service, "GET", "/v1/orgs/acme/events?limit=1");
    let give = |number: usize| {
        let permissions = json!({"name": format!("Readers {number}"), "permissions": ["LOG-MANAGEMENT"]});
        let role = text(&made(&service, "roles", &permissions)["id"]);
        let group = text(&made(&service, "groups", &json!({"name": format!("Readers {number}")}))["id"]);
        made(&service, &format!("groups/{group}/roles"), &json!({"role": role, "level": "organization"}));
        made(&service, &format!("groups/{group}/members"), &json!({"user": person.id}));
        (group, role)
    };
    let ways: [fn(&str, &str, &str) -> String; 4] = [
        |group, _, user| format!("groups/{group}/members/{user}"),
        |group, role, _| format!("groups/{group}/roles/{role}"),
        |_, role, _| format!("roles/{role}"),
        |group, _, _| format!("groups/{group}"),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let (group, role) = give(number);
        let path = way(&group, &role, &person.id);
        refused_from_then_on(&path, search, 403, || gone(&service, &path));
    }
    let (_, role) = give(ways.len());
    refused_from_then_on("a permission of a role", search, 403, || {
        let body = json!({"permissions": ["users_view"]});
        let changed = service.request("PATCH", &format!("/v1/orgs/acme/roles/{role}")).json(&body).send();
        assert_eq!(changed.status, 200, "{changed:?}");
    });
    give(ways.len() + 1);
    let user = format!("/v1/orgs/acme/users/{}", person.id);
    // Who is no active member may not know of the organization.
    refused_from_then_on("somebody who is active", search, 404, || {
        assert_eq!(service.request("PATCH", &user).json(&json!({"active": false})).send().status, 200);
    });
    assert_eq!(service.request("PATCH", &user).json(&json!({"active": true})).send().status, 200);
    refused_from_then_on("a membership", search, 404, || gone(&service, &format!("users/{}", person.id)));
}

/// Method, path and body of a request that takes administration from a user.
type Removal = fn(&str) -> (&'static str, String, Value);

/// Each removes the other, with their own session, again and again: never both, never none.
#[test]
fn of_two_administrators_who_remove_each_other_one_stays() {
    let service = Service::start();
    service.organization("acme");
    let names = ["Ada", "Bob"];
    let people = names.map(|name| Person::new(&service, name, &["admin"]));
    let ways: [Removal; 3] = [
        |user| ("DELETE", format!("/v1/orgs/acme/users/{user}"), Value::Null),
        |user| ("DELETE", format!("/v1/orgs/acme/groups/admin/members/{user}"), Value::Null),
        |user| ("PATCH", format!("/v1/orgs/acme/users/{user}"), json!({"active": false})),
    ];
    for race in 0..RACES {
        let together = std::sync::Barrier::new(2);
        let statuses = std::thread::scope(|scope| {
            let removing = [0, 1].map(|by| {
                let (service, together, remover, removed) = (&service, &together, &people[by], &people[1 - by]);
                let (method, path, body) = ways[race % ways.len()](&removed.id);
                scope.spawn(move || {
                    let request = remover.request(service, method, &path);
                    let request = if body.is_null() { request } else { request.json(&body) };
                    together.wait();
                    request.send().status
                })
            });
            removing.map(|thread| thread.join().unwrap())
        });
        let done = statuses.iter().filter(|status| (200..300).contains(*status)).count();
        assert_eq!(done, 1, "race {race}: {statuses:?}");
        // The other one was too late: the last administrator cannot go, or is nobody here any more.
        assert!(statuses.iter().all(|status| matches!(status, 200 | 204 | 401 | 403 | 404 | 409)), "{statuses:?}");
        let admins = service.get("/v1/orgs/acme/groups/admin/members").json();
        let active = admins["users"].as_array().unwrap().iter().filter(|user| user["active"] == true).count();
        assert_eq!(active, 1, "race {race}: {admins}");
        for (person, name) in people.iter().zip(names) {
            let body = json!({"email": format!("{}@example.com", name.to_lowercase()), "name": name});
            let again = service.request("POST", "/v1/orgs/acme/users").json(&body).send();
            assert!(matches!(again.status, 201 | 409), "{again:?}");
            let user = format!("/v1/orgs/acme/users/{}", person.id);
            assert_eq!(service.request("PATCH", &user).json(&json!({"active": true})).send().status, 200);
            let body = json!({"user": person.id});
            made(&service, "groups/admin/members", &body);
        }
    }
}

/// Changes that are asked for together with the one that ends the right to them.
const WAITING: usize = 12;

#[test]
fn a_change_that_waits_for_its_turn_is_not_made_for_who_has_lost_the_right_meanwhile() {
    let service = Service::start();
    service.organization("acme");
    let ada = Person::new(&service, "Ada", &["admin"]);
    let bob = Person::new(&service, "Bob", &["admin"]);
    let membership = format!("/v1/orgs/acme/groups/admin/members/{}", bob.id);
    let mut refused = 0;
    for race in 0..RACES {
        let together = std::sync::Barrier::new(WAITING + 1);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let (service, together, bob) = (&service, &together, &bob);
            let making: Vec<_> = (0..WAITING)
                .map(|number| {
                    scope.spawn(move || {
                        let body = json!({"name": format!("Of Bob {race} {number}"), "description": ""});
                        let request = bob.request(service, "POST", "/v1/orgs/acme/groups").json(&body);
                        together.wait();
                        request.send().status
                    })
                })
                .collect();
            let ending = ada.request(service, "DELETE", &membership);
            together.wait();
            assert_eq!(ending.send().status, 204, "race {race}");
            making.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|status| matches!(status, 201 | 403 | 409)), "race {race}: {statuses:?}");
        refused += statuses.iter().filter(|status| **status != 201).count();
        let log = service.get("/v1/orgs/acme/events?from=-1h&limit=1000&order=asc").json();
        let events = log["events"].as_array().unwrap();
        let ended = events.iter().rposition(|event| event["action"] == "group.member.remove").unwrap();
        let after = events[ended..].iter().filter(|event| event["action"] == "group.create");
        let late: Vec<_> = after.filter(|event| event["outcome"] == "success").collect();
        assert!(late.is_empty(), "race {race}: made after the right to it was gone: {late:?}");
        made(&service, "groups/admin/members", &json!({"user": bob.id}));
    }
    assert!(refused > 0, "no change came too late: nothing was shown");
}
