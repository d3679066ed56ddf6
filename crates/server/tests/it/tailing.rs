//! The log as it grows.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Request, Service, chunk, event};
use crate::person::Person;

const DEPLOYS: &str = "/v1/orgs/acme/events/tail?action=component.deploy";

#[test]
fn a_poll_gives_what_came_and_where_to_go_on() {
    let service = Service::start();
    service.organization("acme");
    let first = service.get(&format!("{DEPLOYS}&after=-1")).json();
    assert_eq!(first["events"], json!([]));
    service.record("acme", &json!([event("component.deploy", "a"), event("component.deploy", "b")]));
    let page = service.get(&format!("{DEPLOYS}&limit=1&after={}", first["next"])).json();
    assert_eq!(page["events"][0]["targets"][0]["id"], "a");
    assert_eq!(page["next"], page["events"][0]["seq"]);
    let page = service.get(&format!("{DEPLOYS}&after={}", page["next"])).json();
    assert_eq!(page["events"][0]["targets"][0]["id"], "b");
    assert!(page["next"].as_u64() >= page["events"][0]["seq"].as_u64());
    let fresh = service.get(DEPLOYS).json();
    assert_eq!(fresh["events"], json!([]), "without a place: from the end");
}

#[test]
fn a_long_poll_is_woken_by_an_event() {
    let service = Service::start();
    service.organization("acme");
    let after = service.get(&format!("{DEPLOYS}&after=-1")).json()["next"].clone();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let begun = Instant::now();
            (service.get(&format!("{DEPLOYS}&after={after}&wait=20")).json(), begun.elapsed())
        });
        std::thread::sleep(Duration::from_millis(500));
        service.record("acme", &event("component.deploy", "a"));
        let (page, waited) = waiting.join().unwrap();
        assert_eq!(page["events"][0]["targets"][0]["id"], "a");
        assert!(waited >= Duration::from_millis(400) && waited < Duration::from_secs(10), "{waited:?}");
    });
    let begun = Instant::now();
    let nothing = service.get("/v1/orgs/acme/events/tail?action=a.b&wait=1").json();
    assert_eq!(nothing["events"], json!([]));
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

#[test]
fn who_reads_the_log_by_its_tail_is_on_record_each_time() {
    let service = Service::start();
    service.organization("acme");
    for batch in 0..3 {
        let events: Vec<Value> =
            (0..500).map(|number| event("component.deploy", &format!("{batch}-{number}"))).collect();
        service.record("acme", &json!(events));
    }
    let reader = Person::new(&service, "Rhea", &["auditor"]);
    let mut after = -1;
    for _ in 0..2 {
        let page = reader.send(&service, "GET", &format!("events/tail?after={after}&limit=200"), Value::Null).json();
        assert_eq!(page["events"].as_array().unwrap().len(), 200, "{page}");
        after = page["next"].as_i64().unwrap();
    }
    // Near the end it follows what comes, which is recorded once.
    for _ in 0..2 {
        let _ = reader.send(&service, "GET", "events/tail?after=1490", Value::Null);
    }
    let records = service.find_count("acme", &format!("action=audit_log.search&actor={}&order=asc", reader.id), 3);
    let places: Vec<_> = records.iter().map(|record| record["metadata"]["after"].clone()).collect();
    assert_eq!(places.iter().filter(|place| place.is_null()).count(), 1, "{places:?}");
    assert!(places.contains(&json!(-1)) && places.contains(&json!(after - 200)), "{places:?}");
}

/// A stream of server-sent events.
struct Stream {
    reader: BufReader<TcpStream>,
    text: String,
}

impl Stream {
    fn open(request: Request<'_>) -> Self {
        let mut reader = request.header("accept", "text/event-stream").open();
        let answer = Answer::head(&mut reader);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        Self { reader, text: String::new() }
    }

    /// The next event: its id and data.
    fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let Some(data) = field("data: ") {
                    assert_eq!(field("event: ").as_deref(), Some("event"));
                    return Some((field("id: ").unwrap(), serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let piece = chunk(&mut self.reader).filter(|piece| !piece.is_empty())?;
            self.text += std::str::from_utf8(&piece).unwrap();
        }
    }
}

#[test]
fn a_stream_gives_events_as_they_come_and_resumes_where_it_was() {
    let service = Service::start();
    service.organization("acme");
    let mut stream = Stream::open(service.request("GET", &format!("{DEPLOYS}&after=-1")));
    let batch: Vec<Value> = (0..1200).map(|n| event("component.deploy", &format!("c{n}"))).collect();
    service.record("acme", &json!(batch));
    service.record("acme", &event("component.promote", "not this"));
    service.record("acme", &event("component.deploy", "last"));
    let mut last_seq = 0;
    for n in 0..1201 {
        let (id, event) = stream.next().unwrap();
        assert_eq!(id, event["seq"].to_string());
        assert!(event["seq"].as_u64().unwrap() > last_seq);
        last_seq = event["seq"].as_u64().unwrap();
        let expected = if n < 1200 { format!("c{n}") } else { "last".into() };
        assert_eq!(event["targets"][0]["id"], expected);
    }
    drop(stream);
    let resumed = service.request("GET", &format!("{DEPLOYS}&after=-1")).header("last-event-id", &last_seq.to_string());
    let mut stream = Stream::open(resumed);
    service.record("acme", &event("component.deploy", "after"));
    assert_eq!(stream.next().unwrap().1["targets"][0]["id"], "after");
    let bad = service.request("GET", DEPLOYS).header("accept", "text/event-stream").header("last-event-id", "x");
    assert_eq!(bad.send().status, 400);
}

#[test]
fn streams_end_when_the_service_stops() {
    let service = Service::start();
    service.organization("acme");
    let mut stream = Stream::open(service.request("GET", DEPLOYS));
    let mut idle = TcpStream::connect(service.address).unwrap();
    let begun = Instant::now();
    drop(service.stop());
    assert!(begun.elapsed() < Duration::from_secs(10), "an open stream holds up the stop");
    assert!(stream.next().is_none());
    let mut line = String::new();
    assert_eq!(BufReader::new(&mut idle).read_line(&mut line).unwrap_or(0), 0);
}

#[test]
fn whoever_goes_on_reading_for_days_is_on_record_every_day() {
    let clock = Ahead::standing();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    for _ in 0..(49 * 6) {
        assert_eq!(service.get(DEPLOYS).status, 200);
        clock.advance(Duration::from_secs(10 * 60));
    }
    // Reads are recorded a moment after their answer.
    let service = Service::start_at(service.stop(), clock, |_| {});
    let searches = service.find("acme", "action=audit_log.search&from=-7d&limit=1000");
    let followed = searches.iter().filter(|search| search["metadata"]["q"] == "action:component.deploy");
    assert_eq!(followed.count(), 3);
}
