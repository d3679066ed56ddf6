//! Real audit events that nobody here wrote: imported, imported again, found by what is known of them.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use actarium_tests::{Client, Random, Server, Start, load, program, walk};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Records in the file, and what is known of them.
const EVENTS: usize = 2_900;
const WITH_AN_ERROR: u64 = 300;
const SERVICES: usize = 29;
/// Everything in the file happened within an hour of 2023-07-10.
const ALL_TIME: &str = "from=2023-07-01T00:00:00Z&to=2023-08-01T00:00:00Z";

/// The file as it was published, one record a line.
fn cloudtrail() -> Vec<u8> {
    let packed =
        std::fs::File::open(program::project().join("demo/cloudtrail-invictus.jsonl.zst")).expect("the real events");
    zstd::decode_all(packed).expect("a whole file")
}

fn started() -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Start::on(&folder.path().join("data")).now();
    let client = server.client();
    client.organization("real");
    (folder, server, client)
}

fn total(client: &Client, filter: &str) -> u64 {
    let answer = client.get(&format!("/v1/orgs/real/events/histogram?{ALL_TIME}&interval=1d{filter}"));
    let buckets = answer.expect(200);
    buckets["buckets"]
        .as_array()
        .expect("buckets")
        .iter()
        .map(|bucket| bucket["total"].as_u64().expect("a total"))
        .sum()
}

fn counts(answer: &Value) -> [u64; 3] {
    let refused = answer["refused"].as_array().expect("refused is a list").len() as u64;
    [answer["recorded"].as_u64().expect("recorded"), answer["duplicates"].as_u64().expect("duplicates"), refused]
}

/// What is known of the file, found through the API.
fn check_facts(client: &Client) {
    assert_eq!(total(client, "&source=cloudtrail"), EVENTS as u64);
    let unsuccessful = total(client, "&source=cloudtrail&outcome=failure&outcome=denied");
    assert_eq!(unsuccessful, WITH_AN_ERROR);
    let facets =
        client.get(&format!("/v1/orgs/real/events/facets?{ALL_TIME}&source=cloudtrail&field=action&limit=1000"));
    let facets = facets.expect(200);
    let actions = facets["facets"]["action"].as_array().expect("actions");
    let services: HashSet<&str> =
        actions.iter().filter_map(|action| action["value"].as_str()?.split('.').next()).collect();
    assert_eq!(services.len(), SERVICES, "{services:?}");
    let counted: u64 = actions.iter().filter_map(|action| action["count"].as_u64()).sum();
    assert_eq!(counted, EVENTS as u64, "every action is among the facets");
}

/// Text search finds just those whose original names the bucket.
fn check_bucket_search(client: &Client) {
    let bucket = a_bucket();
    let expected: HashSet<String> = originals()
        .iter()
        .filter(|record| record.to_string().to_lowercase().contains(&bucket.to_lowercase()))
        .map(|record| record["eventID"].as_str().expect("an eventID").to_owned())
        .collect();
    assert!(expected.len() >= 3, "{bucket} occurs in {} records", expected.len());
    let found = walk::search_of_range(client, "real", ALL_TIME, 1000, &format!("&q=%22{bucket}%22"));
    let found: HashSet<String> = found
        .expect("the search answers")
        .iter()
        .map(|event| event["external_id"].as_str().expect("an external_id").to_owned())
        .collect();
    assert_eq!(found, expected, "search for {bucket}");
}

fn originals() -> Vec<Value> {
    let text = String::from_utf8(cloudtrail()).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

/// A bucket that some, not most, records are about.
fn a_bucket() -> String {
    let mut counts = std::collections::BTreeMap::new();
    for record in originals() {
        if let Some(bucket) = record["requestParameters"]["bucketName"].as_str() {
            *counts.entry(bucket.to_owned()).or_insert(0) += 1;
        }
    }
    let known = counts.into_iter().find(|(_, count)| (5..200).contains(count));
    known.expect("a bucket with some records").0
}

fn check_pages(client: &Client, limit: u32) {
    let events = walk::search_of_range(client, "real", ALL_TIME, limit, "&source=cloudtrail").expect("pages");
    assert_eq!(events.len(), EVENTS);
    let ids: HashSet<&str> = events.iter().filter_map(|event| event["external_id"].as_str()).collect();
    assert_eq!(ids.len(), EVENTS, "each once");
    let keys: Vec<(&str, u64)> =
        events.iter().map(|event| (event["occurred_at"].as_str().unwrap(), event["seq"].as_u64().unwrap())).collect();
    assert!(keys.is_sorted_by(|newer, older| newer > older), "newest first, then by seq");
}

#[test]
fn imported_over_http_twice() {
    let (_folder, server, client) = started();
    let body = cloudtrail();
    let ingest = |body: Vec<u8>, headers: &[(&str, &str)]| {
        let answer = client.send("POST", "/v1/orgs/real/ingest/cloudtrail", headers, body).expect("an answer");
        counts(&answer.expect(200))
    };
    let lines = [("content-type", "application/x-ndjson")];
    assert_eq!(ingest(body.clone(), &lines), [EVENTS as u64, 0, 0]);
    assert_eq!(ingest(body.clone(), &lines), [0, EVENTS as u64, 0]);
    check_facts(&client);
    check_bucket_search(&client);
    check_pages(&client, 97);

    // The same once more as the file that AWS delivers, now that everything is sealed.
    walk::seal(&client).expect("sealed");
    let records = json!({"Records": originals()}).to_string();
    assert_eq!(ingest(records.into_bytes(), &[("content-type", "application/json")]), [0, EVENTS as u64, 0]);
    check_facts(&client);
    check_bucket_search(&client);
    check_pages(&client, 1000);
    server.stop();
}

fn cli(client: &Client, home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program::actarium());
    command.args(arguments).env("ACTARIUM_URL", &client.url).env("ACTARIUM_TOKEN", &client.token);
    // How far an import came is remembered there.
    command.env("HOME", home).env_remove("XDG_STATE_HOME");
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn imported_by_the_command_line_twice() {
    let (folder, server, client) = started();
    let home = folder.path();
    let import = |file: &Path| {
        let file = file.display().to_string();
        let output =
            cli(&client, home, &["import", "--org", "real", "--format", "cloudtrail", "--restart", "--json", &file]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let summary = text.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let summary = summary.unwrap_or_else(|| panic!("import prints a JSON summary last: {text}"));
        [summary["recorded"].as_u64().expect("recorded"), summary["duplicates"].as_u64().expect("duplicates")]
    };
    let lines = folder.path().join("events.jsonl");
    std::fs::write(&lines, cloudtrail()).expect("written");
    assert_eq!(import(&lines), [EVENTS as u64, 0]);
    assert_eq!(import(&lines), [0, EVENTS as u64]);
    let document = folder.path().join("events.json");
    std::fs::write(&document, json!({"Records": originals()}).to_string()).expect("written");
    assert_eq!(import(&document), [0, EVENTS as u64]);
    assert!(Command::new("gzip").arg(&document).status().is_ok_and(|status| status.success()), "gzip runs");
    assert_eq!(import(&folder.path().join("events.json.gz")), [0, EVENTS as u64]);
    check_facts(&client);
    let found = cli(
        &client,
        home,
        &["search", "--org", "real", "--from", "2023-07-01T00:00:00Z", "--json", "--limit", "7", "outcome:denied"],
    );
    assert_eq!(String::from_utf8_lossy(&found.stdout).lines().count(), 7);
    server.stop();
}

#[test]
fn a_page_walk_sees_each_once_while_others_arrive() {
    let mut random = Random::from_env("a_page_walk_sees_each_once_while_others_arrive");
    let (_folder, server, client) = started();
    let body = cloudtrail();
    let lines = [("content-type", "application/x-ndjson")];
    let answer = client.send("POST", "/v1/orgs/real/ingest/cloudtrail", &lines, body).expect("an answer");
    assert_eq!(counts(&answer.expect(200)), [EVENTS as u64, 0, 0]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let (arriving, mut source) = (client.clone(), random.split());
        let writer = scope.spawn(move || {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                // Some of them occurred among the real ones, years ago: they would shift a page if anything could.
                let mut event = load::event(&mut source, true);
                event["occurred_at"] = originals_time(&mut source);
                assert_eq!(arriving.post("/v1/orgs/real/events", &event).status, 201);
                written += 1;
                if written % 60 == 0 {
                    walk::seal(&arriving).expect("sealed");
                }
            }
            written
        });
        for limit in [33, 250] {
            check_pages(&client, limit);
            // Without the source's filter: whatever the first page's log held, each once.
            let all = walk::search_of_range(&client, "real", ALL_TIME, limit, "").expect("pages");
            let ids: HashSet<&str> = all.iter().filter_map(|event| event["id"].as_str()).collect();
            assert_eq!(ids.len(), all.len(), "each once");
            let real = all.iter().filter(|event| event["source"] == "cloudtrail").count();
            assert_eq!(real, EVENTS);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().expect("the writer") > 20, "events arrived meanwhile");
    });
    server.stop();
}

fn originals_time(random: &mut Random) -> Value {
    json!(format!("2023-07-10T{:02}:{:02}:00Z", 11 + random.below(2), random.below(60)))
}
