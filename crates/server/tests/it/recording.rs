//! Recording: what is answered is there, once, in its place, for the very next request.

use std::io::Write;

use serde_json::{Value, json};

use crate::client::{Service, event};

#[test]
fn what_was_recorded_is_found_by_the_next_request() {
    let service = Service::start();
    service.organization("acme");
    let answer = service.record("acme", &event("component.deploy", "orders"));
    assert_eq!(answer.status, 201);
    let recorded = answer.json();
    assert_eq!(recorded["events"][0]["seq"], 1, "after the record of the organization's creation");
    assert_eq!(recorded["events"][0]["duplicate"], false);
    assert_eq!(recorded["as_of"]["size"], 2);
    let found = service.find("acme", "action=component.deploy");
    assert_eq!(found.len(), 1);
    for field in ["id", "seq", "recorded_at"] {
        assert_eq!(found[0][field], recorded["events"][0][field], "{field}");
    }
    assert_eq!(found[0]["organization"], "acme");
    assert_eq!(found[0]["source"], "api");
    let id = recorded["events"][0]["id"].as_str().unwrap();
    let viewed = service.get(&format!("/v1/orgs/acme/events/{id}"));
    assert_eq!((viewed.status, viewed.json()), (200, found[0].clone()));
}

#[test]
fn arrays_and_lines_are_recorded_in_their_order() {
    let service = Service::start();
    service.organization("acme");
    let events: Vec<Value> = (0..10).map(|n| event("component.deploy", &format!("c{n}"))).collect();
    let array = service.record("acme", &json!(events));
    assert_eq!(array.status, 201);
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let lines = service.request("POST", "/v1/orgs/acme/events").body("application/x-ndjson", lines.join("\n\n"));
    let answer = lines.send();
    assert_eq!(answer.status, 201, "{answer:?}");
    let seqs: Vec<_> = answer.json()["events"].as_array().unwrap().iter().map(|event| event["seq"].clone()).collect();
    assert_eq!(seqs, (11..21).map(Value::from).collect::<Vec<_>>());
    let page = service.get("/v1/orgs/acme/events/tail?after=10&limit=100&action=component.deploy").json();
    let ids: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| event["targets"][0]["id"].clone()).collect();
    assert_eq!(ids, (0..10).map(|n| Value::from(format!("c{n}"))).collect::<Vec<_>>());
}

#[test]
fn compressed_bodies_are_read() {
    let service = Service::start();
    service.organization("acme");
    let body = event("component.deploy", "orders").to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(body.as_bytes()).unwrap();
    let packed = [("gzip", gzip.finish().unwrap()), ("zstd", zstd::bulk::compress(body.as_bytes(), 3).unwrap())];
    for (encoding, bytes) in packed {
        let request = service.request("POST", "/v1/orgs/acme/events").header("content-encoding", encoding);
        let answer = request.body("application/json", bytes).send();
        assert_eq!(answer.status, 201, "{encoding}: {answer:?}");
    }
    let bomb = zstd::bulk::compress(&vec![b' '; 65 << 20], 3).unwrap();
    assert!(bomb.len() < 100_000);
    let request = service.request("POST", "/v1/orgs/acme/events").header("content-encoding", "zstd");
    let answer = request.body("application/json", bomb).send();
    assert_eq!((answer.status, answer.problem().as_str()), (413, "too-large"));
}

#[test]
fn an_external_id_counts_once_for_each_sender() {
    let service = Service::start();
    service.organization("acme");
    let (_, key) = service.key("acme");
    let mut one = event("component.deploy", "orders");
    one["external_id"] = json!("e-1");
    let first = service.record("acme", &one).json();
    let again = service.record("acme", &one);
    assert_eq!(again.status, 200, "all were duplicates");
    assert_eq!(again.json()["events"][0]["duplicate"], true);
    assert_eq!(again.json()["events"][0]["id"], first["events"][0]["id"]);
    let mixed = service.record("acme", &json!([one, event("component.deploy", "x")]));
    assert_eq!(mixed.status, 201);
    let by_key = service.request("POST", "/v1/orgs/acme/events").bearer(&key).json(&one).send();
    assert_eq!(by_key.status, 201, "another sender's ids are others");
    let mut changed = one.clone();
    changed["outcome"] = json!("failure");
    let conflict = service.record("acme", &json!([event("a.b", "y"), changed]));
    assert_eq!((conflict.status, conflict.problem().as_str()), (409, "conflict"));
    assert_eq!(conflict.json()["errors"][0]["index"], 1);
    assert_eq!(conflict.json()["errors"][0]["pointer"], "/external_id");
    assert!(service.find("acme", "action=a.b").is_empty(), "nothing of the batch is recorded");
}

#[test]
fn an_idempotency_key_makes_a_request_repeatable() {
    let service = Service::start();
    service.organization("acme");
    let send = |key: &str, body: &Value| {
        service.request("POST", "/v1/orgs/acme/events").header("idempotency-key", key).json(body).send()
    };
    let batch = json!([event("component.deploy", "a"), event("component.deploy", "b")]);
    let first = send("k-1", &batch);
    assert_eq!(first.status, 201);
    let again = send("k-1", &batch);
    assert_eq!(again.status, 200);
    let seqs = |json: Value| -> Vec<Value> {
        json["events"].as_array().unwrap().iter().map(|event| event["seq"].clone()).collect()
    };
    assert_eq!(seqs(again.json()), seqs(first.json()));
    let other = send("k-1", &event("component.deploy", "c"));
    assert_eq!((other.status, other.problem().as_str()), (409, "conflict"));
    assert_eq!(send("k-2", &batch).status, 201);
    assert_eq!(service.find("acme", "action=component.deploy").len(), 4);
    let bad = send("not visible", &batch);
    assert_eq!((bad.status, bad.problem().as_str()), (400, "invalid-header"));
}

#[test]
fn what_was_recorded_survives_a_restart() {
    let service = Service::start();
    service.organization("acme");
    let (_, key) = service.key("acme");
    let before = service.record("acme", &event("component.deploy", "orders")).json();
    let token = service.token.clone();
    let service = Service::start_on(service.stop(), |_| {});
    assert_eq!(service.token, token);
    let found = service.find("acme", "action=component.deploy");
    assert_eq!(found[0]["id"], before["events"][0]["id"]);
    let by_key = service.request("POST", "/v1/orgs/acme/events").bearer(&key);
    assert_eq!(by_key.json(&event("component.deploy", "next")).send().status, 201);
}

#[test]
fn records_of_other_systems_are_taken_in_once() {
    let service = Service::start();
    service.organization("acme");
    let record = json!({
        "eventVersion": "1.08",
        "eventID": "5f1c8a6e-0000-4000-8000-000000000001",
        "eventTime": "2026-01-02T03:04:05Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketLogging",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/ada", "userName": "ada"},
        "requestParameters": {"bucketName": "quarterly-reports"},
    });
    let body = json!({"Records": [record.clone(), "no record"]});
    let send = || service.request("POST", "/v1/orgs/acme/ingest/cloudtrail").json(&body).send();
    let first = send();
    assert_eq!(first.status, 200, "{first:?}");
    let counts = |json: Value| [json["recorded"].clone(), json["duplicates"].clone(), json["skipped"].clone()];
    assert_eq!(counts(first.json()), [json!(1), json!(0), json!(0)]);
    assert_eq!(first.json()["refused"][0]["index"], 1);
    assert_eq!(counts(send().json()), [json!(0), json!(1), json!(0)]);
    let found = service.find("acme", "source=cloudtrail&from=2026-01-01T00:00:00Z&q=quarterly-reports");
    assert_eq!(found.len(), 1);
    let mut changed = record;
    changed["eventName"] = json!("GetBucketTagging");
    let path = "/v1/orgs/acme/ingest/cloudtrail";
    let conflict = service.request("POST", path).json(&json!([changed])).send();
    assert_eq!(conflict.status, 200);
    assert_eq!(conflict.json()["refused"][0]["index"], 0, "{conflict:?}");
}

#[test]
fn records_that_are_refused_hold_up_no_others_and_are_in_the_operators_log() {
    let service = Service::start();
    service.organization("acme");
    let record = |number: usize, name: &str| {
        json!({
            "eventVersion": "1.08", "eventID": format!("5f1c8a6e-0000-4000-8000-{number:012}"), "eventName": name,
            "eventTime": "2026-01-02T03:04:05Z", "eventSource": "s3.amazonaws.com", "sourceIPAddress": "203.0.113.7",
            "userIdentity": {"type": "IAMUser", "userName": "ada"},
        })
    };
    let send = |records: &[Value]| {
        let answer = service.request("POST", "/v1/orgs/acme/ingest/cloudtrail").json(&json!(records)).send();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let before: Vec<Value> = (0..200).map(|number| record(number, "GetObject")).collect();
    assert_eq!(send(&before)["recorded"], 200);
    // Every second one is another now, and ten are new.
    let after: Vec<Value> = (0..210)
        .map(|number| record(number, if number < 200 && number % 2 == 1 { "PutObject" } else { "GetObject" }))
        .collect();
    let told = send(&after);
    assert_eq!([&told["recorded"], &told["duplicates"]], [&json!(10), &json!(100)]);
    let refused = told["refused"].as_array().unwrap();
    let indices: Vec<u64> = refused.iter().map(|one| one["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, (0..100).map(|one| one * 2 + 1).collect::<Vec<_>>());
    let detail = refused[0]["detail"].as_str().unwrap();
    assert!(detail.contains("000000000001`") && detail.contains("the event with seq "), "{detail}");
    let records = service.find_count("actarium", "action=ingestion.refuse", 1);
    assert_eq!(records[0]["metadata"]["records"], 100);
    assert!(records[0]["targets"].to_string().contains("acme"), "{}", records[0]);
    assert!(records[0]["reason"].as_str().unwrap().contains("used with other content"), "{}", records[0]);
    let metrics = service.get("/metrics").text();
    for (result, count) in [("recorded", 210), ("duplicate", 100), ("skipped", 0), ("refused", 100)] {
        let line = format!("actarium_adapter_records_total{{result=\"{result}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}");
    }
}
