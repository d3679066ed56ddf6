//! What is about the service itself.

use serde_json::json;

use crate::client::{Service, event};

#[test]
fn it_tells_that_it_is_alive_and_ready() {
    let service = Service::start();
    for path in ["/healthz", "/readyz"] {
        let answer = service.anonymous("GET", path).send();
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ok")));
        let head = service.anonymous("HEAD", path).send();
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}

#[test]
fn measurements_show_what_was_done_and_name_nobody() {
    let service = Service::start();
    service.organization("acme");
    service.record("acme", &json!([event("component.deploy", "secret-name"), event("component.deploy", "b")]));
    service.request("POST", "/v1/orgs/acme/events").body("application/json", "oops").send();
    service.anonymous("GET", "/healthz").header("x-forwarded-for", "192.0.2.1").send();
    let answer = service.anonymous("GET", "/metrics").send();
    assert!(answer.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next())
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{name}\n{text}"))
    };
    assert!(value("actarium_events_total") >= 3.0);
    assert!(value("actarium_commits_total") >= 2.0);
    assert!(value("actarium_commit_latency_seconds_count") >= 2.0);
    assert!(value("actarium_journal_bytes") > 0.0);
    assert!(value("actarium_unsealed_events") >= 3.0);
    assert!(value("actarium_http_problems_total{type=\"malformed-body\"}") == 1.0);
    assert_eq!(value("actarium_organizations"), 2.0);
    assert_eq!(value("actarium_forwarding_ignored_total"), 1.0, "of a proxy that nobody has named");
    for name in ["actarium_event_bytes_total", "actarium_tail_bytes", "actarium_segments"] {
        value(name);
    }
    assert!(text.contains("route=\"/v1/orgs/{org}/events\""));
    assert!(!text.contains("acme") && !text.contains("secret-name"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn the_catalog_is_for_everybody_with_a_credential() {
    let service = Service::start();
    service.organization("acme");
    let (_, key) = service.key("acme");
    let answer = service.anonymous("GET", "/v1/catalog").bearer(&key).send();
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("\"component.promote\""));
}

#[test]
fn organizations_are_listed_by_slug() {
    let service = Service::start();
    service.organization("zeta");
    service.organization("acme");
    let list = service.get("/v1/orgs").json();
    let slugs: Vec<_> = list["organizations"].as_array().unwrap().iter().map(|one| one["slug"].clone()).collect();
    assert_eq!(slugs, [json!("acme"), json!("actarium"), json!("zeta")]);
    let again = service.request("POST", "/v1/orgs").json(&json!({"slug": "acme", "name": "x"})).send();
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
}

#[test]
fn the_demo_is_loaded_once() {
    let demo = |options: &mut actarium_server::ServerOptions| options.demo = true;
    let service = Service::start_on(tempfile::tempdir().unwrap(), demo);
    let size =
        |service: &Service| service.get("/v1/orgs/demo/events?from=-400d&limit=1").json()["as_of"]["size"].as_u64();
    let before = size(&service).unwrap();
    assert!(before > 8_000, "{before}");
    let started = service.find_count("actarium", "action=service.start", 1);
    assert_eq!(started[0]["metadata"]["after"], json!(null), "nothing ran before the first start");
    assert!(!service.find("demo", "source=cloudtrail&from=-30m&limit=1").is_empty());
    let service = Service::start_on(service.stop(), demo);
    assert!(size(&service).unwrap() < before + 10);
}
