//! Actarium's own records: who searched, viewed, was denied or refused, and when the service ran.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Service, event};

#[test]
fn a_search_is_one_record_with_its_first_page() {
    let service = Service::start();
    service.organization("acme");
    let batch: Vec<_> = (0..5).map(|n| event("component.deploy", &format!("c{n}"))).collect();
    service.record("acme", &json!(batch));
    let query = "q=orders%20OR%20action:component.deploy&from=-7d&limit=2";
    let page = service.get(&format!("/v1/orgs/acme/events?{query}")).json();
    let next = page["next_cursor"].as_str().unwrap();
    service.get(&format!("/v1/orgs/acme/events?{query}&cursor={next}"));
    let counted = "q=orders%20OR%20action:component.deploy&from=-7d";
    service.get(&format!("/v1/orgs/acme/events/histogram?{counted}"));
    service.get(&format!("/v1/orgs/acme/events/facets?{counted}&field=actor"));
    // Once more than it takes to write it, so that a second one would be there too.
    std::thread::sleep(Duration::from_millis(300));
    let records = service.find_count("acme", "action=audit_log.search&source=actarium", 1);
    let record = &records[0];
    assert_eq!(record["actor"], json!({"type": "api_key", "id": "operator", "name": "Operator"}));
    assert_eq!(record["targets"], json!([{"type": "audit_log", "id": "acme"}]));
    assert_eq!(record["metadata"], json!({"q": "orders OR action:component.deploy", "from": "-7d", "results": 2}));
    assert_eq!(record["context"]["ip"], "127.0.0.1");
    assert_eq!(record["source"], "actarium");
}

/// What else might be chosen of a field belongs to the search that asks for one of its values; any other count without that
/// criterion is a search of its own.
#[test]
fn the_menu_of_a_criterion_is_no_search() {
    let service = Service::start();
    service.organization("acme");
    let counts = |query: &str| assert_eq!(service.get(&format!("/v1/orgs/acme/events{query}")).status, 200, "{query}");
    counts("?q=outcome:denied,failure+project:payments+orders&from=-7d");
    counts("/facets?q=project:payments+orders&from=-7d&field=outcome");
    counts("/facets?q=outcome:denied,failure+orders&from=-7d&field=project");
    counts("/facets?q=project:payments+orders&from=-7d&field=actor");
    counts("/facets?q=outcome:denied,failure+orders&from=-30d&field=project");
    counts("/facets?q=outcome:denied,failure+project:payments&from=-7d&field=action");
    counts("/histogram?q=outcome:denied,failure+orders&from=-7d");
    std::thread::sleep(Duration::from_millis(300));
    let records = service.find_count("acme", "action=audit_log.search&order=asc", 5);
    let phrases: Vec<_> = records.iter().map(|event| event["metadata"]["q"].as_str().unwrap()).collect();
    assert_eq!(
        phrases,
        [
            "outcome:denied,failure project:payments orders",
            "project:payments orders",
            "outcome:denied,failure orders",
            "outcome:denied,failure project:payments",
            "outcome:denied,failure orders",
        ]
    );
}

#[test]
fn a_long_search_is_recorded_whole() {
    let service = Service::start();
    service.organization("acme");
    let words: Vec<String> = (0..100).map(|number| format!("blindingly{number:04}")).collect();
    let phrase = format!("{} OR actor:boss", words.join(" OR "));
    let searched = service.get(&format!("/v1/orgs/acme/events?q={}", phrase.replace(' ', "+")));
    assert_eq!(searched.status, 200, "{searched:?}");
    let record = &service.find_count("acme", "action=audit_log.search&order=asc&limit=1", 1)[0];
    let part = |key: &str| record["metadata"][key].as_str().unwrap_or_default().to_owned();
    let whole: String = ["q", "q.2", "q.3", "q.4", "q.5", "q.6", "q.7", "q.8", "q.9"].map(part).concat();
    assert!(whole.contains("blindingly0000") && whole.contains("blindingly0099"), "{whole}");
    assert!(whole.ends_with("actor:boss"), "{whole}");
}

/// Whoever goes away before the answer, or asks for too much, has searched all the same.
#[test]
fn a_search_that_nobody_waits_for_is_recorded() {
    const SEARCHES: usize = 20;
    let service = Service::start();
    service.organization("acme");
    for number in 0..SEARCHES {
        let connection = service.request("GET", &format!("/v1/orgs/acme/events?q=word{number}")).open();
        drop(connection);
        // A count of the same search belongs to it, and shows as much.
        service.get(&format!("/v1/orgs/acme/events/facets?q=word{number}&field=actor"));
    }
    for number in 0..SEARCHES {
        let is_recorded = || {
            std::thread::sleep(Duration::from_millis(10));
            !service.find("acme", &format!("action=audit_log.search&q=metadata.q:word{number}")).is_empty()
        };
        assert!((0..100).any(|_| is_recorded()), "search {number} has left no record");
    }
}

#[test]
fn counts_alone_are_a_search_and_live_tails_are_recorded_once() {
    let service = Service::start();
    service.organization("acme");
    service.get("/v1/orgs/acme/events/histogram?action=component.deploy");
    service.get("/v1/orgs/acme/events/histogram?action=component.deploy&interval=1h");
    for _ in 0..3 {
        service.get("/v1/orgs/acme/events/tail?action=component.promote");
    }
    std::thread::sleep(Duration::from_millis(300));
    let records = service.find_count("acme", "action=audit_log.search", 2);
    let mut phrases: Vec<_> = records.iter().map(|event| event["metadata"]["q"].as_str().unwrap()).collect();
    phrases.sort_unstable();
    assert_eq!(phrases, ["action:component.deploy", "action:component.promote"]);
}

#[test]
fn a_view_is_recorded_with_what_was_seen() {
    let service = Service::start();
    service.organization("acme");
    let id = service.record("acme", &event("component.deploy", "orders")).json()["events"][0]["id"].clone();
    service.get(&format!("/v1/orgs/acme/events/{}", id.as_str().unwrap()));
    let record = &service.find_count("acme", "action=audit_log.view", 1)[0];
    assert_eq!(record["targets"][0], json!({"type": "record", "id": id}));
    assert_eq!(record["metadata"]["seq"], 1);
}

#[test]
fn denied_access_is_recorded_where_its_caller_belongs_and_not_a_thousand_times() {
    let service = Service::start();
    service.organization("acme");
    let (key_id, key) = service.key("acme");
    for _ in 0..20 {
        let answer = service.anonymous("GET", "/v1/orgs/acme/events").bearer(&key).send();
        assert_eq!(answer.status, 403);
        assert_eq!(service.anonymous("GET", "/v1/orgs/acme/events").send().status, 401);
    }
    let record = &service.find_count("acme", "outcome=denied", 1)[0];
    assert_eq!(record["action"], "audit_log.search");
    assert_eq!(record["actor"]["id"], key_id);
    let unknown = &service.find_count("actarium", "outcome=denied", 1)[0];
    assert_eq!(unknown["actor"], json!({"type": "anonymous", "id": "anonymous"}));
    let service = Service::start_on(service.stop(), |_| {});
    let records = service.find("acme", "outcome=denied&order=asc");
    assert_eq!(records.len(), 2, "the rest is one record with its number");
    assert_eq!(records[1]["metadata"]["requests"], 19);
}

#[test]
fn refused_ingestion_is_in_the_operators_log() {
    let service = Service::start();
    service.organization("acme");
    let (key_id, key) = service.key("acme");
    let send = |body: &str| {
        service.request("POST", "/v1/orgs/acme/events").bearer(&key).body("application/json", body).send().status
    };
    assert_eq!([send("{}"), send("{}"), send("oops")], [422, 422, 400]);
    let records = service.find_count("actarium", "action=ingestion.refuse", 2);
    let mut problems: Vec<_> = records.iter().map(|event| event["metadata"]["problem"].clone()).collect();
    problems.sort_by_key(|problem| problem.to_string());
    assert_eq!(problems, [json!("invalid-event"), json!("malformed-body")]);
    assert!(records.iter().all(|event| event["actor"]["id"] == key_id && event["outcome"] == "failure"));
}

#[test]
fn starts_and_stops_are_recorded_with_how_the_run_before_ended() {
    let service = Service::start();
    service.find_count("actarium", "action=service.start", 1);
    let service = Service::start_on(service.stop(), |_| {});
    let records = service.find_count("actarium", "action=service.*&order=asc", 3);
    let told: Vec<_> =
        records.iter().map(|event| (event["action"].clone(), event["metadata"]["after"].clone())).collect();
    assert_eq!(told[0], (json!("service.start"), json!(null)));
    assert_eq!(told[1].0, "service.stop");
    assert_eq!(told[2], (json!("service.start"), json!("clean")));
}

#[test]
fn nobody_can_write_such_a_record() {
    let service = Service::start();
    service.organization("acme");
    for action in ["audit_log.search", "record.erase", "service.stop", "ingestion.refuse", "legal_hold.place"] {
        let answer = service.record("acme", &event(action, "x"));
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-event"), "{action}");
    }
}

#[test]
fn what_changed_in_a_long_list_is_on_record() {
    let service = Service::start();
    service.organization("acme");
    let patch = |path: &str, body: &Value| service.request("PATCH", &format!("/v1/orgs/acme{path}")).json(body).send();
    let last = |action: &str| service.find("acme", &format!("action={action}")).remove(0)["changes"].clone();

    let long: Vec<String> = (0..99).map(|number| format!("{:-<56}{number:04}", "key")).collect();
    assert_eq!(patch("", &json!({"keep_keys": long})).status, 200);
    let mut longer = long.clone();
    longer.remove(7);
    longer.push("password".into());
    assert_eq!(patch("", &json!({"keep_keys": longer})).status, 200);
    let changes = last("organization.update");
    assert_eq!(
        changes,
        json!([{"path": "/keep_keys/7", "before": long[7]}, {"path": "/keep_keys/-", "after": "password"}])
    );

    let domains = |count: usize| (0..count).map(|number| format!("d{number:03}.example.com")).collect::<Vec<_>>();
    let too_much = patch("/sign-in", &json!({"joining_domains": domains(600)}));
    assert_eq!((too_much.status, too_much.problem().as_str()), (422, "invalid-content"), "{too_much:?}");
    for count in [240, 480] {
        assert_eq!(patch("/sign-in", &json!({"joining_domains": domains(count)})).status, 200);
    }
    let mut more = domains(480);
    more.push("evil.example".into());
    assert_eq!(patch("/sign-in", &json!({"joining_domains": more})).status, 200);
    assert_eq!(last("sign_in.update"), json!([{"path": "/joining_domains/-", "after": "evil.example"}]));

    let provider = json!({
        "name": "Company", "issuer": "https://id.example.com", "client_id": "acme",
        "group_mapping": {"ops": ["admin"]}, "authoritative_domains": ["example.com"],
    });
    assert_eq!(service.request("POST", "/v1/orgs/acme/identity-providers").json(&provider).send().status, 201);
    let changes = last("identity_provider.create").to_string();
    for told in [r#""/group_mapping""#, r#"{"ops":["admin"]}"#, r#"["example.com"]"#] {
        assert!(changes.contains(told), "{told}: {changes}");
    }
}
