//! What the README promises of the first minutes: the demo organization is there with everything in it, up to date, and
//! still there after a stop.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use actarium_tests::server::Server;
use actarium_tests::{Client, Start, program, walk};
use serde_json::Value;

/// The real CloudTrail events in it.
const REAL_EVENTS: usize = 2_900;
/// The least that a year of operations is.
const OPERATIONS_MIN: usize = 5_000;

/// Values of a facet over all of the demo's time.
fn values(client: &Client, field: &str) -> BTreeSet<String> {
    let answer = client.get(&format!("/v1/orgs/demo/events/facets?from=-800d&field={field}&limit=1000"));
    let facets = answer.expect(200)["facets"][field].clone();
    let values = facets.as_array().expect("values").iter();
    values.map(|value| value["value"].as_str().expect("a value").to_owned()).collect()
}

/// The actions of the catalog.
fn catalog(client: &Client) -> BTreeSet<String> {
    fn gather(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
            Value::Object(fields) => {
                if let Some(action) = fields.get("action").and_then(Value::as_str) {
                    found.insert(action.to_owned());
                }
                fields.values().for_each(|field| gather(field, found));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    gather(&client.get("/v1/catalog").expect(200), &mut found);
    found
}

/// How long ago the newest event was, in minutes.
fn newest_minutes_ago(client: &Client) -> Option<u32> {
    (1..=30).find(|minutes| {
        let page = client.get(&format!("/v1/orgs/demo/events?from=-{minutes}m&limit=1&source=cloudtrail")).expect(200);
        page["events"].as_array().is_some_and(|events| !events.is_empty())
    })
}

fn loaded(data: &Path, demo: bool) -> (Server, Client) {
    let arguments: &[&str] = if demo { &["--demo"] } else { &[] };
    let server = Start::on(data).with(arguments).now();
    let client = server.client();
    (server, client)
}

/// The demo's own events: what it was asked since then is recorded beside them.
fn events_of_demo(client: &Client) -> Vec<Value> {
    let mut events = walk::search_of(client, "demo", 1000, "").expect("pages");
    events.retain(|event| event["external_id"].is_string());
    events
}

#[test]
fn the_demo_is_whole_and_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let (server, client) = loaded(&data, true);
    let actions = values(&client, "action");
    let catalog = catalog(&client);
    assert!(catalog.len() >= 60, "the catalog: {catalog:?}");
    let missing: Vec<&String> = catalog.difference(&actions).collect();
    assert_eq!(missing, Vec::<&String>::new(), "every action of the catalog occurs in the demo");
    let outcomes = values(&client, "outcome");
    assert!(["denied", "failure", "success"].iter().all(|outcome| outcomes.contains(*outcome)), "{outcomes:?}");
    let newest = newest_minutes_ago(&client);
    assert!(newest.is_some(), "the newest real event is some minutes old");
    let before = events_of_demo(&client);
    let real: Vec<&Value> = before.iter().filter(|event| event["source"] == "cloudtrail").collect();
    assert_eq!(real.len(), REAL_EVENTS);
    for event in &real {
        let marked = event["metadata"].as_object().expect("metadata").keys().any(|key| key.contains("hifted"));
        assert!(marked, "moved, and not marked as moved: {event}");
    }
    assert!(before.len() >= REAL_EVENTS + OPERATIONS_MIN, "{} events", before.len());
    // The default view, the past 24 hours, is not empty.
    assert!(!client.get("/v1/orgs/demo/events").expect(200)["events"].as_array().expect("events").is_empty());
    server.stop();

    for demo in [true, false] {
        let (server, client) = loaded(&data, demo);
        assert_eq!(events_of_demo(&client), before, "started again, everything is there, once");
        server.stop();
    }
}

#[test]
fn the_demo_command_loads_it_without_a_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    for _ in 0..2 {
        let output = Command::new(program::actarium()).arg("demo").arg("--data-dir").arg(&data).output();
        let output = output.expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (server, client) = loaded(&data, false);
    let first = events_of_demo(&client);
    let ids: BTreeSet<&str> = first.iter().filter_map(|event| event["external_id"].as_str()).collect();
    assert_eq!(ids.len(), first.len(), "loaded twice, recorded once");
    assert!(first.len() >= REAL_EVENTS + OPERATIONS_MIN, "{} events", first.len());
    server.stop();
}
