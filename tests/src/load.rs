//! Clients that record events as the platform's services do: singles and batches, with and without keys, several
//! organizations, repeats. Must note every request in the ledger before it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::ledger::{Ledger, Sent};
use crate::random::Random;

const ACTIONS: [&str; 6] =
    ["component.deploy", "component.promote", "user.create", "project.update", "token.create", "custom.thing.done"];
/// The most events of one request.
const BATCH_EVENTS_MAX: u64 = 60;
/// The longest pause of a client between two requests.
const PAUSE_MICROSECONDS_MAX: u64 = 8_000;
/// How long the load that a test needs may take.
const LOAD_SECONDS_MAX: u64 = 60;

static NEXT_MARKER: AtomicU64 = AtomicU64::new(0);

/// An event with a marker that no other of this test program has.
#[must_use]
pub fn event(random: &mut Random, with_external_id: bool) -> Value {
    let marker = format!("m{}-{:08x}", NEXT_MARKER.fetch_add(1, Ordering::Relaxed), random.bits() as u32);
    let mut event = json!({
        "action": random.pick(&ACTIONS),
        "outcome": random.pick(&["success", "success", "failure", "denied"]),
        "actor": {"type": "user", "id": format!("user-{}", random.below(40)), "name": "Ada Lovelace",
                  "email": format!("ada{}@example.com", random.below(40))},
        "targets": [{"type": "component", "id": format!("component-{}", random.below(300)), "name": "ledger"},
                    {"type": "project", "id": format!("project-{}", random.below(9))}],
        "context": {"ip": format!("10.1.{}.{}", random.below(256), random.below(256)),
                    "request_id": format!("{:016x}", random.bits())},
        "message": format!("Moved release {} of the ledger along.", random.below(1000)),
        "metadata": {"marker": marker, "attempt": random.below(5)},
    });
    if with_external_id {
        event["external_id"] = json!(format!("x-{marker}"));
    }
    if random.chance(20) {
        event["changes"] = json!([{"path": "/spec/replicas", "before": random.below(9), "after": null},
            {"path": "/spec/labels", "after": {"zone": "b", "area": ["ü\t\u{1}", true], "Zone": -3}}]);
        event["actor"]["on_behalf_of"] = json!({"type": "user", "id": "grace", "session_id": "s-1", "groups": ["ops"]});
        event["actor"]["session_id"] = json!(format!("s-{}", random.below(99)));
        event["context"]["http"] = json!({"method": "POST", "path": "/deploy?x=\"1\"", "status": 202});
    }
    if random.chance(10) {
        event["occurred_at"] = json!(format!(
            "2024-0{}-1{}T08:00:00.{:06}Z",
            1 + random.below(9),
            random.below(10),
            random.below(1_000_000)
        ));
    }
    event
}

/// A request of one to `BATCH_EVENTS_MAX` events that can be sent again without being recorded twice.
#[must_use]
pub fn request(random: &mut Random, organizations: &[String]) -> Sent {
    let single = random.chance(50);
    let count = if single { 1 } else { 2 + random.below(BATCH_EVENTS_MAX - 1) };
    let by_key = random.chance(40);
    let key = by_key.then(|| format!("key-{:016x}", random.bits()));
    let mut events = Vec::new();
    for _ in 0..count {
        let with_external_id = !by_key || random.chance(20);
        events.push(event(random, with_external_id));
    }
    Sent { organization: random.pick(organizations).clone(), key, events, answer: None }
}

/// Sends a request as it stands in the ledger and notes the answer. `None` when there was none, else the status.
///
/// # Panics
/// When the server answers with anything but 200, 201 or 503.
pub fn send(client: &Client, ledger: &Ledger, number: usize) -> Option<u16> {
    let sent = ledger.get(number);
    let body = if sent.events.len() == 1 { sent.events[0].clone() } else { Value::Array(sent.events) };
    let headers: Vec<(&str, &str)> = sent.key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    let path = format!("/v1/orgs/{}/events", sent.organization);
    let answer = client.try_post(&path, &headers, &body).ok()?;
    match answer.status {
        200 | 201 => ledger.answered(number, &answer.json()),
        503 => assert!(answer.header("retry-after").is_some(), "a 503 says when to come again"),
        _ => panic!("POST {path}: {} {}", answer.status, answer.text()),
    }
    Some(answer.status)
}

/// Clients at work in threads of their own.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts so many clients. Each goes on until it is told to stop or finds nobody to talk to.
    #[must_use]
    pub fn start(
        client: &Client,
        ledger: &Arc<Ledger>,
        organizations: &[String],
        clients: usize,
        random: &mut Random,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..clients).map(|_| {
            let (stop, ledger, client) = (stop.clone(), ledger.clone(), Client::new(&client.url, &client.token));
            let (mut random, organizations) = (random.split(), organizations.to_vec());
            std::thread::spawn(move || work(&client, &ledger, &organizations, &mut random, &stop))
        });
        Self { stop: stop.clone(), threads: threads.collect() }
    }

    /// Waits until so many events are acknowledged in all: a busy machine takes longer for the same load.
    ///
    /// # Panics
    /// When they are not within [`LOAD_SECONDS_MAX`].
    pub fn until(&self, ledger: &Ledger, events: usize) {
        for _ in 0..LOAD_SECONDS_MAX * 500 {
            if ledger.acknowledged() >= events {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("{} of {events} events after {LOAD_SECONDS_MAX} s", ledger.acknowledged());
    }

    /// Tells the clients to stop and waits for them.
    ///
    /// # Panics
    /// When one of them found the server in the wrong.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a client found the server in the wrong");
        }
    }
}

fn work(client: &Client, ledger: &Ledger, organizations: &[String], random: &mut Random, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let number = ledger.begin(request(random, organizations));
        match send(client, ledger, number) {
            Some(503) => std::thread::sleep(Duration::from_millis(50)),
            Some(_) if random.chance(5) => {
                // Repeated, as a client does that lost the answer: the ledger checks that it is the same.
                if send(client, ledger, number).is_none() {
                    return;
                }
            }
            // So that clients are in different places, and what is to be checked stays small.
            Some(_) => std::thread::sleep(Duration::from_micros(random.below(PAUSE_MICROSECONDS_MAX))),
            None => return,
        }
    }
}
