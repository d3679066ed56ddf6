//! Whether an organization exists does not show in how long its refusal takes.
//!
//! Times on a shared machine scatter by more than such a refusal takes. So requests about an organization that is there
//! and about one that is not alternate, medians are compared with a wide bound, and a difference must show three
//! times in a row to be one. What it finds is work of another class, such as a read of the store or a hash, in front of one of
//! the refusals; `benches/authorize.rs` measures the check itself, where nanoseconds show.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Request, Service, event};
use crate::person::Person;

const REQUESTS: usize = 120;
const ATTEMPTS: usize = 3;
/// Below this, a difference cannot be told from a network's.
const DIFFERENCE_MAX: Duration = Duration::from_micros(150);

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Medians of the time that a refusal about each of the paths takes.
fn medians(paths: [&str; 2], request: impl Fn(&str) -> u16) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..REQUESTS {
        // Which one comes first alternates too.
        for which in [number % 2, 1 - number % 2] {
            let begun = Instant::now();
            let status = request(paths[which]);
            times[which].push(begun.elapsed());
            assert_eq!(status, 404);
        }
    }
    times.map(median)
}

fn are_alike([one, other]: [Duration; 2]) -> bool {
    one.abs_diff(other) <= DIFFERENCE_MAX.max(one.min(other) / 2)
}

#[test]
fn an_organization_that_is_anothers_is_refused_as_quickly_as_one_that_is_not_there() {
    let service = Service::start();
    service.organization("acme");
    service.organization("theirs");
    for number in 0..20 {
        let body = json!({"email": format!("user{number}@example.com"), "name": "Somebody", "groups": ["auditor"]});
        assert_eq!(service.request("POST", "/v1/orgs/theirs/users").json(&body).send().status, 201);
    }
    let events: Vec<_> = (0..2_000).map(|number| event("component.deploy", &format!("c-{number}"))).collect();
    assert_eq!(service.record("theirs", &json!(events)).status, 201);
    let person = Person::new(&service, "Cleo", &["admin"]);
    let (_, key) = service.key("acme");
    type Asks<'a> = Box<dyn Fn(&str) -> Request<'a> + 'a>;
    let (service, person) = (&service, &person);
    let callers: [(&str, Asks<'_>); 2] = [
        ("a session", Box::new(move |path| person.request(service, "GET", path))),
        ("a key", Box::new(move |path| service.anonymous("GET", path).bearer(&key))),
    ];
    for (name, asks) in callers {
        for what in ["events", "events/facets?field=actor", "users"] {
            let paths = [format!("/v1/orgs/theirs/{what}"), format!("/v1/orgs/nobody/{what}")];
            let mut measured = Vec::new();
            let alike = (0..ATTEMPTS).any(|_| {
                let medians = medians([&paths[0], &paths[1]], |path| asks(path).send().status);
                measured.push(medians);
                are_alike(medians)
            });
            assert!(alike, "{what} by {name}: there and not there take {measured:?}");
        }
    }
}
