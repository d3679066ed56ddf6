//! Searching, paging and counting over HTTP. (What is found by which filter is tested where filters are.)

use serde_json::{Value, json};

use crate::client::{Service, event};

fn with_events() -> Service {
    let service = Service::start();
    service.organization("acme");
    let events: Vec<Value> = (0..25)
        .map(|n| {
            let mut event = event(if n % 5 == 0 { "component.promote" } else { "component.deploy" }, &format!("c{n}"));
            event["outcome"] = json!(if n % 10 == 0 { "failure" } else { "success" });
            event
        })
        .collect();
    assert_eq!(service.record("acme", &json!(events)).status, 201);
    service
}

fn ids(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["targets"][0]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pages_are_pinned_whatever_arrives() {
    let service = with_events();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    let mut sizes = Vec::new();
    loop {
        let page = service.get(&format!("/v1/orgs/acme/events?limit=7&action=component.*{cursor}"));
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        seen.extend(ids(&page));
        sizes.push(page["as_of"]["size"].clone());
        service.record("acme", &event("component.deploy", "late"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..25).rev().map(|n| format!("c{n}")).collect::<Vec<_>>());
    assert!(sizes.iter().all(|size| *size == sizes[0]));
    let other = service.get(&format!("/v1/orgs/acme/events?limit=7{cursor}"));
    assert_eq!((other.status, other.problem().as_str()), (400, "invalid-parameter"));
}

#[test]
fn a_late_page_has_the_range_of_the_first_whatever_its_times_have_become() {
    let service = with_events();
    let first = service.get("/v1/orgs/acme/events?limit=7&action=component.*&from=-1h&to=now").json();
    let cursor = first["next_cursor"].as_str().unwrap();
    // As a `from` that counts back from now does when a page is asked for after a while.
    let late = service.get(&format!("/v1/orgs/acme/events?limit=7&action=component.*&from=now&to=-1m&cursor={cursor}"));
    assert_eq!(late.status, 200, "{late:?}");
    assert_eq!(ids(&late.json()), (11..18).rev().map(|n| format!("c{n}")).collect::<Vec<_>>());
    let unreadable = service.get(&format!("/v1/orgs/acme/events?from=yesterday&cursor={cursor}"));
    assert_eq!((unreadable.status, unreadable.problem().as_str()), (400, "invalid-parameter"));
    let contradicting = service.get("/v1/orgs/acme/events?from=now&to=-1m");
    assert_eq!(contradicting.status, 400);
}

#[test]
fn pages_of_large_events_end_early_and_lose_nothing() {
    const PAGE_BYTES: usize = 5 << 20;
    let service = Service::start();
    service.organization("acme");
    let fields: serde_json::Map<String, Value> =
        (0..45).map(|n| (format!("n{n}"), json!("word ".repeat(98)))).collect();
    for batch in 0..4 {
        let events: Vec<Value> = (0..100)
            .map(|n| {
                let mut event = event("component.deploy", &format!("c{}", batch * 100 + n));
                event["metadata"] = json!(fields);
                event
            })
            .collect();
        assert_eq!(service.record("acme", &json!(events)).status, 201);
    }
    let expected: Vec<String> = (0..400).map(|n| format!("c{n}")).collect();
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = service.get(&format!("/v1/orgs/acme/events?action=component.*&order=asc&limit=1000{cursor}")).json();
        assert!(page.to_string().len() < PAGE_BYTES);
        seen.extend(ids(&page));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    assert!(pages > 1);
    let (mut seen, mut next) = (Vec::new(), -1);
    while seen.len() < expected.len() {
        let page = service.get(&format!("/v1/orgs/acme/events/tail?action=component.*&limit=1000&after={next}")).json();
        assert!(page.to_string().len() < PAGE_BYTES);
        seen.extend(ids(&page));
        assert!(page["next"].as_i64().unwrap() > next, "it goes on");
        next = page["next"].as_i64().unwrap();
    }
    assert_eq!(seen, expected);
}

#[test]
fn parameters_narrow_and_repeated_ones_widen() {
    let service = with_events();
    let count = |query: &str| service.find("acme", query).len();
    assert_eq!(count("action=component.promote"), 5);
    assert_eq!(count("action=component.promote&outcome=failure"), 3);
    assert_eq!(count("target=c1&target=c2"), 2);
    assert_eq!(count("q=-outcome:success%20project:payments"), 3);
    assert_eq!(count("q=%22release%20candidate%22&actor=ADA@example.com&ip=10.0.0.0/8&request_id=req-c3"), 1);
    assert_eq!(count("action=component.*&to=-1h"), 0);
    let ascending = service.get("/v1/orgs/acme/events?action=component.*&order=asc&limit=2").json();
    assert_eq!(ids(&ascending), ["c0", "c1"]);
}

#[test]
fn counts_agree_with_what_is_found() {
    let service = with_events();
    let histogram = service.get("/v1/orgs/acme/events/histogram?action=component.*&interval=1h&from=-3h").json();
    assert_eq!(histogram["interval"], "1h");
    let buckets = histogram["buckets"].as_array().unwrap();
    assert!(buckets.len() >= 4, "empty buckets are there too");
    let total: u64 = buckets.iter().map(|bucket| bucket["total"].as_u64().unwrap()).sum();
    let failures: u64 = buckets.iter().filter_map(|bucket| bucket["counts"]["failure"].as_u64()).sum();
    assert_eq!((total, failures), (25, 3));
    let facets = service.get("/v1/orgs/acme/events/facets?action=component.*&field=actor&field=action&limit=1").json();
    assert_eq!(facets["facets"]["actor"], json!([{"value": "u-1", "name": "Ada Example", "count": 25}]));
    assert_eq!(facets["facets"]["action"], json!([{"value": "component.deploy", "count": 20}]));
    let chosen = service.get("/v1/orgs/acme/events/histogram").json();
    assert!(chosen["interval"].is_string());
    let none = service.get("/v1/orgs/acme/events/facets");
    assert_eq!((none.status, none.problem().as_str()), (400, "invalid-parameter"));
}

#[test]
fn an_event_is_found_by_its_id_only() {
    let service = with_events();
    let id = service.find("acme", "target=c3")[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(service.get(&format!("/v1/orgs/acme/events/{id}")).json()["targets"][0]["id"], "c3");
    let last = if id.ends_with('0') { '1' } else { '0' };
    let other = format!("{}{last}", &id[..35]);
    for (path, status) in [(other.as_str(), 404), ("00000000-0000-4000-8000-000000000000", 404), ("nothing", 400)] {
        let answer = service.get(&format!("/v1/orgs/acme/events/{path}"));
        assert_eq!(answer.status, status, "{answer:?}");
        answer.problem();
    }
    service.organization("other");
    assert_eq!(service.get(&format!("/v1/orgs/other/events/{id}")).status, 404);
}

#[test]
fn what_is_sealed_is_found_like_what_is_not() {
    let service = with_events();
    let before = service.find("acme", "action=component.*");
    let sealed = service.request("POST", "/v1/admin/seal?organization=acme").send();
    assert_eq!(sealed.status, 200, "{sealed:?}");
    assert!(sealed.json()["events"].as_u64().unwrap() >= 26, "{sealed:?}");
    assert_eq!(service.find("acme", "action=component.*"), before);
    let missing = service.request("POST", "/v1/admin/seal?organization=nobody").send();
    assert_eq!(missing.status, 404);
    let service = Service::start_on(service.stop(), |_| {});
    assert_eq!(service.find("acme", "action=component.*"), before);
}
