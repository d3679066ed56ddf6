//! Reads a whole log through the public API and holds it against the ledger. Must not skip anything it cannot explain.

use std::collections::{HashMap, HashSet};

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;
use crate::evidence;
use crate::ledger::{Ledger, Sent, marker_of};
use crate::load;
use crate::server::Server;

/// A whole log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its events by their seq.
    pub events: Vec<Value>,
    /// The root at its size, in base64.
    pub root: String,
}

/// Every event of an organization in the order of the log, by the tail's poll, and that it has no gaps.
///
/// # Errors
/// What is wrong with the log, in words.
pub fn log_of(client: &Client, ledger: &Ledger, organization: &str) -> Result<Log, String> {
    let mut events: Vec<Value> = Vec::new();
    let mut after = -1i64;
    loop {
        let path = format!("/v1/orgs/{organization}/events/tail?after={after}&wait=0");
        let answer = client.get(&path);
        if answer.status != 200 {
            return Err(format!("GET {path}: {} {}", answer.status, answer.text()));
        }
        let page = answer.json();
        let more = page["events"].as_array().ok_or("a page has events")?;
        ledger.saw_head(organization, &page["as_of"]);
        for event in more {
            let seq = event["seq"].as_u64().ok_or("an event has a seq")?;
            if seq != events.len() as u64 {
                return Err(format!("{organization}: seq {seq} where {} was due", events.len()));
            }
            events.push(event.clone());
        }
        after = page["next"].as_i64().ok_or("a page says what comes next")?;
        if more.is_empty() {
            let size = page["as_of"]["size"].as_u64().ok_or("as_of has a size")?;
            if size != events.len() as u64 {
                return Err(format!("{organization}: {} events, but the head says {size}", events.len()));
            }
            let root = page["as_of"]["root"].as_str().ok_or("as_of has a root")?.to_owned();
            return Ok(Log { events, root });
        }
    }
}

/// Every event of an organization by search pages, newest first.
///
/// # Errors
/// What is wrong, in words.
pub fn search_of(client: &Client, organization: &str, limit: u32, further: &str) -> Result<Vec<Value>, String> {
    search_of_range(client, organization, "from=1970-01-01T00:00:00Z", limit, further)
}

/// Every event of an organization in a range of time (`from=…&to=…`) by search pages, newest first.
///
/// # Errors
/// What is wrong, in words.
pub fn search_of_range(
    client: &Client,
    organization: &str,
    range: &str,
    limit: u32,
    further: &str,
) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let first = format!("/v1/orgs/{organization}/events?{range}&limit={limit}{further}");
    let mut path = first.clone();
    loop {
        let answer = client.get(&path);
        if answer.status != 200 {
            return Err(format!("GET {path}: {} {}", answer.status, answer.text()));
        }
        let page = answer.json();
        events.extend(page["events"].as_array().ok_or("a page has events")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("{first}&cursor={cursor}"),
            None => return Ok(events),
        }
    }
}

/// Holds everything the server has against everything that was sent: what was acknowledged is there once, with its seq,
/// id, time and content; what was not acknowledged is there whole or not at all; nothing else is there; search finds the same.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn check(client: &Client, ledger: &Ledger, organizations: &[String]) -> Result<(), String> {
    let sent = ledger.sent();
    for organization in organizations {
        let seen = ledger.size_seen(organization);
        let Log { events, .. } = log_of(client, ledger, organization)?;
        if (events.len() as u64) < seen {
            return Err(format!("{organization}: {} events where {seen} were acknowledged", events.len()));
        }
        let mut ids = HashSet::new();
        let mut by_marker: HashMap<&str, &Value> = HashMap::new();
        for event in &events {
            if !ids.insert(event["id"].as_str().ok_or("an event has an id")?) {
                return Err(format!("{organization}: the id {} twice", event["id"]));
            }
            match marker_of(event) {
                Some(marker) if by_marker.insert(marker, event).is_some() => {
                    return Err(format!("{organization}: the event {marker} twice"));
                }
                None if event["source"] != "actarium" => return Err(format!("{organization}: a stranger: {event}")),
                _ => {}
            }
        }
        let mut accounted = 0;
        for request in sent.iter().filter(|request| &request.organization == organization) {
            accounted += check_request(request, &by_marker)?;
        }
        if accounted != by_marker.len() {
            return Err(format!("{organization}: {} events that nobody sent there", by_marker.len() - accounted));
        }
        check_search(client, organization, &by_marker)?;
    }
    Ok(())
}

/// How many of a request's events are there: all or, unacknowledged, none.
fn check_request(request: &Sent, by_marker: &HashMap<&str, &Value>) -> Result<usize, String> {
    let found: Vec<&Value> =
        request.events.iter().filter_map(|event| by_marker.get(marker_of(event)?).copied()).collect();
    let first = marker_of(&request.events[0]).unwrap_or_default();
    if found.len() != request.events.len() && !found.is_empty() {
        return Err(format!("a request half recorded: {} of {} of {first}", found.len(), request.events.len()));
    }
    for (event, have) in request.events.iter().zip(&found) {
        for field in
            ["action", "outcome", "actor", "targets", "context", "message", "metadata", "changes", "external_id"]
        {
            if event[field] != have[field] {
                return Err(format!("{field} of {have} was sent as {}", event[field]));
            }
        }
    }
    let Some(answer) = &request.answer else { return Ok(found.len()) };
    if found.is_empty() {
        return Err(format!("acknowledged and lost: {first} in {} at {}", request.organization, answer[0].seq));
    }
    for (said, have) in answer.iter().zip(&found) {
        if have["seq"] != said.seq || have["id"] != said.id.as_str() || have["recorded_at"] != said.recorded_at.as_str()
        {
            return Err(format!("acknowledged as {said:?}, but it is {have}"));
        }
    }
    Ok(found.len())
}

fn check_search(client: &Client, organization: &str, by_marker: &HashMap<&str, &Value>) -> Result<(), String> {
    let mut left: HashMap<&str, &Value> = by_marker.clone();
    let found = search_of(client, organization, 1000, "")?;
    for event in &found {
        let Some(marker) = marker_of(event) else { continue };
        match left.remove(marker) {
            Some(logged) if logged == event => {}
            Some(logged) => return Err(format!("search shows {event} where the log has {logged}")),
            None => return Err(format!("search shows {marker} twice")),
        }
    }
    match left.keys().next() {
        Some(marker) => Err(format!("search misses {} events of {organization}, as {marker}", left.len())),
        None => Ok(()),
    }
}

/// Sends again what was left without an answer, and checks that all of it is then there, once.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn complete(client: &Client, ledger: &Ledger, organizations: &[String]) -> Result<usize, String> {
    let open = ledger.unanswered();
    for &number in &open {
        let status = load::send(client, ledger, number);
        if !matches!(status, Some(200 | 201)) {
            return Err(format!("sent again, answered {status:?}"));
        }
    }
    check(client, ledger, organizations)?;
    Ok(open.len())
}

/// Seals everything, which proves that the stored rows still give the leaves and heads that were committed to, and that no
/// head changes by it.
///
/// # Errors
/// What failed, in words.
pub fn seal(client: &Client) -> Result<(), String> {
    let answer = client.post("/v1/admin/seal", &Value::Null);
    if answer.status == 200 { Ok(()) } else { Err(format!("the seal: {} {}", answer.status, answer.text())) }
}

/// One measurement of `/metrics`, summed over its labels.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn metric(client: &Client, name: &str) -> f64 {
    let text = client.get("/metrics").text();
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let values: Vec<f64> = lines
        .filter(|rest| rest.starts_with([' ', '{']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
        .collect();
    assert!(!values.is_empty(), "no metric {name} in:\n{text}");
    values.iter().sum()
}

/// Files in the segment folder that are no segments of any log, after some time for those that were replaced to go.
#[must_use]
pub fn stray_files(client: &Client, data: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for _ in 0..50 {
        files = files_below(&data.join("segments"));
        if files.len() as f64 == metric(client, "actarium_segments") {
            return Vec::new();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    files.iter().map(|file| file.display().to_string()).collect()
}

/// Every file below a folder.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Stops the server and computes every head anew from the events it showed.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn stop_and_recompute(server: Server, ledger: &Ledger, organizations: &[String]) -> Result<(), String> {
    let client = server.client();
    let logs = organizations.iter().map(|organization| log_of(&client, ledger, organization));
    let logs = logs.collect::<Result<Vec<Log>, String>>()?;
    let data = server.data.clone();
    server.stop();
    for (organization, log) in organizations.iter().zip(&logs) {
        evidence::check(&data, organization, &log.events, &log.root)?;
    }
    Ok(())
}
