//! Exports: everything, in order, with a count, and nothing that a spreadsheet would run.

use serde_json::{Value, json};

use crate::client::{Service, event};

fn with_events(count: usize) -> Service {
    let service = Service::start();
    service.organization("acme");
    let events: Vec<Value> = (0..count).map(|n| event("component.deploy", &format!("c{n}"))).collect();
    assert_eq!(service.record("acme", &json!(events)).status, 201);
    service
}

#[test]
fn an_export_holds_everything_and_says_how_much() {
    let service = with_events(3000);
    let path = "/v1/orgs/acme/export?action=component.deploy";
    let answer = service.request("GET", path).header("te", "trailers").send();
    assert_eq!((answer.status, answer.whole), (200, true));
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    assert_eq!(answer.trailers["x-actarium-count"], "3000");
    let events: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=3000).collect::<Vec<_>>());
    assert_eq!(events[7], service.find("acme", "target=c7")[0]);

    let record = &service.find_count("acme", "action=audit_log.export", 1)[0];
    assert_eq!(record["metadata"]["results"], 3000);
    assert_eq!(record["metadata"]["q"], "action:component.deploy");
    assert_eq!(record["metadata"]["format"], "ndjson");
}

#[test]
fn without_trailers_the_stream_is_whole_all_the_same() {
    let service = with_events(10);
    let answer = service.get("/v1/orgs/acme/export?action=component.deploy");
    assert!(answer.whole && answer.trailers.is_empty());
    assert_eq!(answer.text().lines().count(), 10);
    let nothing = service.get("/v1/orgs/acme/export?action=component.promote");
    assert!(nothing.whole && nothing.body.is_empty());
}

#[test]
fn cells_that_begin_like_a_formula_are_defused() {
    let service = Service::start();
    service.organization("acme");
    let mut formula = event("component.deploy", "=HYPERLINK(\"http://evil\")");
    formula["message"] = json!("@SUM(1,2)\nnext line");
    service.record("acme", &formula);
    let path = "/v1/orgs/acme/export?action=component.deploy";
    for answer in
        [service.get(&format!("{path}&format=csv")), service.request("GET", path).header("accept", "text/csv").send()]
    {
        assert_eq!(answer.headers["content-type"], "text/csv");
        let text = answer.text();
        let header = text.split("\r\n").next().unwrap();
        assert_eq!(header, actarium_server::csv::COLUMNS.join(","));
        assert!(text.contains(",\"'=HYPERLINK(\"\"http://evil\"\")\","), "{text}");
        assert!(text.contains(",\"'@SUM(1,2)\nnext line\","), "{text}");
    }
}

#[test]
fn an_export_ends_when_its_client_goes_away() {
    let service = with_events(5000);
    for _ in 0..6 {
        // More than may run at once: each has to give its place back.
        let mut reader = service.request("GET", "/v1/orgs/acme/export?from=-1h").open();
        let answer = crate::client::Answer::head(&mut reader);
        assert_eq!(answer.status, 200, "{answer:?}");
        drop(reader);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

#[test]
fn an_export_ends_with_the_right_to_it() {
    let service = Service::start();
    service.organization("acme");
    let long = "x".repeat(900);
    for batch in 0..20 {
        let mut events: Vec<Value> =
            (0..1_000).map(|number| event("component.deploy", &format!("{batch}-{number}"))).collect();
        events.iter_mut().for_each(|event| event["message"] = json!(long));
        assert_eq!(service.record("acme", &json!(events)).status, 201);
    }
    let reader = crate::person::Person::new(&service, "Rhea", &["auditor"]);
    let mut answer = reader.request(&service, "GET", "/v1/orgs/acme/export").open();
    let mut first = [0; 4096];
    std::io::Read::read_exact(&mut answer, &mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    let removed = service.request("DELETE", &format!("/v1/orgs/acme/users/{}", reader.id)).send();
    assert_eq!(removed.status, 204);
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut answer, &mut rest);
    let end = String::from_utf8_lossy(&rest[rest.len().saturating_sub(200)..]).into_owned();
    assert!(!end.contains("x-actarium-count"), "it was sent whole: {} bytes", rest.len());
    let record = &service.find_count("acme", "action=audit_log.export", 1)[0];
    assert_eq!(record["outcome"], "failure", "{record}");
    assert!(record["reason"].as_str().unwrap().contains("lost the right"), "{record}");
}
