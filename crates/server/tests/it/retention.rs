//! Retention and legal holds: what is chosen, what is recorded, what is found and what is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use actarium_server::directory::governance::RetentionDays;
use actarium_server::retention::RetentionOptions;
use actarium_store::{Clock, SystemClock};
use actarium_verify::{Bundle, Trust, verify_export};
use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::person::Person;

const DAY: i64 = 86_400_000_000;

/// The system's clock, so much later.
pub struct LaterClock {
    clock: SystemClock,
    later: AtomicI64,
}

impl LaterClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { clock: SystemClock::new(), later: AtomicI64::new(0) })
    }

    pub fn pass(&self, days: i64) {
        self.later.fetch_add(days * DAY, Ordering::SeqCst);
    }
}

impl Clock for LaterClock {
    fn now(&self) -> i64 {
        self.clock.now() + self.later.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

fn run(service: &Service) -> Value {
    let answer = service.request("POST", "/v1/admin/retention?organization=acme").send();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn messages(service: &Service, query: &str) -> Vec<String> {
    let found = service
        .find("acme", &format!("action=component.deploy&from=2000-01-01T00:00:00Z&limit=1000&order=asc&{query}"));
    found.iter().map(|event| event["targets"][0]["id"].as_str().unwrap().to_owned()).collect()
}

fn put(service: &Service, body: Value) -> crate::client::Answer {
    service.request("PUT", "/v1/orgs/acme/retention").json(&body).send()
}

#[test]
fn a_retention_is_chosen_within_bounds_and_each_choice_is_recorded() {
    let clock = LaterClock::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    let shown = service.get("/v1/orgs/acme/retention").json();
    let year_each = json!({"hot_days": 365, "archive_days": 365, "locked": false, "pending": null,
        "minimum": {"hot_days": 365, "archive_days": 365}, "running": null});
    assert_eq!(shown, year_each);
    let short = put(&service, json!({"hot_days": 364, "archive_days": 365}));
    assert_eq!((short.status, &short.json()["errors"][0]["pointer"]), (422, &json!("/hot_days")), "{short:?}");
    assert_eq!(put(&service, json!({"hot_days": 365})).status, 422);

    let longer = put(&service, json!({"hot_days": 500, "archive_days": 500})).json();
    assert_eq!((&longer["hot_days"], &longer["pending"]), (&json!(500), &Value::Null));
    let shorter = put(&service, json!({"hot_days": 400, "archive_days": 400})).json();
    assert_eq!((&shorter["hot_days"], &shorter["pending"]["hot_days"]), (&json!(500), &json!(400)));
    clock.pass(29);
    assert_eq!(service.get("/v1/orgs/acme/retention").json()["hot_days"], 500);
    clock.pass(2);
    let now = service.get("/v1/orgs/acme/retention").json();
    assert_eq!((&now["hot_days"], &now["pending"]), (&json!(400), &Value::Null));

    assert_eq!(put(&service, json!({"hot_days": 400, "archive_days": 400, "locked": true})).json()["locked"], true);
    for body in
        [json!({"hot_days": 400, "archive_days": 399}), json!({"hot_days": 500, "archive_days": 400, "locked": false})]
    {
        assert_eq!(put(&service, body).status, 422);
    }
    assert_eq!(put(&service, json!({"hot_days": 401, "archive_days": 400})).status, 200);
    let records = service.find("acme", "action=retention.update&from=2000-01-01T00:00:00Z&order=asc");
    let changes: Vec<_> = records.iter().map(|record| record["changes"].clone()).collect();
    let both = |before: i32, after: i32| json!([{"path": "/hot_days", "before": before, "after": after}, {"path": "/archive_days", "before": before, "after": after}]);
    assert_eq!(changes[..2], [both(365, 500), both(500, 400)]);
    assert_eq!(changes[2], json!([{"path": "/locked", "before": false, "after": true}]));
    assert_eq!(records.len(), 4);
    assert_eq!(records[1]["metadata"]["effective_at"], shorter["pending"]["effective_at"]);
}

#[test]
fn time_moves_records_to_the_archive_and_takes_them_away_and_holds_keep_them() {
    let clock = LaterClock::new();
    let bounds = RetentionDays { hot_days: 10, archive_days: 10 };
    let options = RetentionOptions { days_min: bounds, days_default: bounds };
    let start = |folder| Service::start_at(folder, clock.clone(), |server| server.retention = options);
    let service = start(tempfile::tempdir().unwrap());
    service.organization("acme");
    for day in 0..30 {
        assert_eq!(service.record("acme", &event("component.deploy", &format!("c-{day}"))).status, 201);
        clock.pass(1);
    }
    let plan = service.get("/v1/orgs/acme/retention/plan").json();
    assert_eq!(plan["archived"]["events"], 0);
    assert_eq!(plan["to_purge"]["events"], 11, "the organization's creation and ten days: {plan}");
    assert_eq!(plan["to_archive"]["events"], 10);
    let ids = |days: std::ops::Range<i32>| days.map(|day| format!("c-{day}")).collect::<Vec<_>>();
    assert_eq!(messages(&service, ""), ids(0..30), "a plan does nothing");

    let hold = |body: Value| {
        let answer = service.request("POST", "/v1/orgs/acme/legal-holds").json(&body).send();
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let held = hold(json!({"reason": "Case 7", "target": "component:c-3"}));
    let refused = service.request("POST", "/v1/orgs/acme/legal-holds");
    let refused = refused.json(&json!({"reason": "Case 8", "q": "nonsense:x"})).send();
    assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!("/q")), "{refused:?}");
    // The block of a held record stays with it, as far as it lies in one segment with it.
    let done = run(&service);
    let count = |key: &str| done[key].as_u64().unwrap();
    let (archived_count, purged_count, held_count) = (count("archived"), count("purged"), count("held"));
    assert_eq!((archived_count, purged_count + held_count), (10 + held_count, 11), "{done}");
    let left = messages(&service, "");
    assert!(left.contains(&"c-3".to_owned()) && left.ends_with(&ids(10..30)), "{left:?}");
    let page = service.get("/v1/orgs/acme/events?from=2000-01-01T00:00:00Z&limit=1").json();
    assert_eq!(page["archive"], true, "the answer says that it reached the archive");
    assert_eq!(service.get("/v1/orgs/acme/events?from=-2d").json()["archive"], false);
    for (from, reaches) in [("2000-01-01T00:00:00Z", true), ("-2d", false)] {
        for counts in ["histogram?", "facets?field=action&"] {
            let answer = service.get(&format!("/v1/orgs/acme/events/{counts}from={from}")).json();
            assert_eq!(answer["archive"], reaches, "{counts} {from}");
        }
        let export = service.get(&format!("/v1/orgs/acme/export?from={from}"));
        assert_eq!(export.headers["x-actarium-archive"], if reaches { "true" } else { "false" }, "{from}");
    }
    let export = service.get("/v1/orgs/acme/export?format=ndjson&from=2000-01-01T00:00:00Z&action=component.deploy");
    assert_eq!(export.text().lines().count(), left.len());

    let released = service.request("DELETE", &format!("/v1/orgs/acme/legal-holds/{held}?reason=closed")).send();
    assert_eq!(released.status, 204, "{released:?}");
    assert_eq!(service.get("/v1/orgs/acme/legal-holds").json(), json!({"legal_holds": []}));
    let first =
        service.find("acme", "action=component.deploy&from=2000-01-01T00:00:00Z&order=asc&limit=1")[0]["id"].clone();
    let done = run(&service);
    assert_eq!((&done["archived"], &done["purged"]), (&json!(0), &json!(held_count)), "{done}");
    assert_eq!(messages(&service, ""), ids(10..30));
    assert_eq!(messages(&service, "target=c-3"), Vec::<String>::new());
    assert_eq!(service.get(&format!("/v1/orgs/acme/events/{}", first.as_str().unwrap())).status, 404);
    assert_eq!(run(&service), json!({"archived": 0, "purged": 0, "held": 0}));

    // Each purge was on record before it began, and again when it was done.
    let begun = service.find("acme", "action=record.purge&outcome=unknown&from=2000-01-01T00:00:00Z&order=asc");
    let purges = service.find("acme", "action=record.purge&outcome=success&from=2000-01-01T00:00:00Z&order=asc");
    assert!(!begun.is_empty() && begun.len() == purges.len(), "{begun:?} {purges:?}");
    for (begun, done) in begun.iter().zip(&purges) {
        assert_eq!(begun["metadata"]["before"], done["metadata"]["before"]);
        assert!(begun["seq"].as_u64() < done["seq"].as_u64());
    }
    let purged: u64 = purges.iter().map(|record| record["metadata"]["records"].as_u64().unwrap()).sum();
    assert_eq!(purged, 11);
    let archived = service.find("acme", "action=record.archive&from=2000-01-01T00:00:00Z&order=asc");
    assert_eq!((archived.len(), &archived[0]["metadata"]["records"]), (1, &json!(archived_count)));
    assert_eq!(archived[0]["actor"]["type"], "system");
    let holds = service.find("acme", "action=legal_hold.*&from=2000-01-01T00:00:00Z&order=asc");
    assert_eq!((&holds[0]["reason"], &holds[1]["reason"]), (&json!("Case 7"), &json!("closed")));
    assert_eq!(holds[0]["metadata"]["target"], "component:c-3");
    for record in [&holds[0], &holds[1]] {
        assert_eq!(
            record["metadata"]["hold"], held,
            "what tells which hold it is stays when an erasure takes the targets' ids"
        );
    }

    // It all comes back as it was, and the log goes on.
    let service = start(service.stop());
    assert_eq!(messages(&service, ""), ids(10..30));
    assert_eq!(service.record("acme", &event("component.deploy", "c-30")).status, 201);
    assert_eq!(messages(&service, ""), ids(10..31));
}

#[test]
fn only_who_governs_the_log_may_choose_or_hold() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let auditor = Person::new(&service, "Audrey", &["auditor"]);
    let engineer = Person::new(&service, "Enno", &["platform-engineer"]);
    let body = json!({"hot_days": 400, "archive_days": 400});
    for (person, allowed) in [(&admin, 200), (&auditor, 403), (&engineer, 403)] {
        assert_eq!(person.send(&service, "PUT", "retention", body.clone()).status, allowed);
        let held = person.send(&service, "POST", "legal-holds", json!({"reason": "A case"})).status;
        assert_eq!(held, if allowed == 200 { 201 } else { 403 });
    }
    assert_eq!(
        auditor.request(&service, "GET", "/v1/orgs/acme/retention").send().status,
        200,
        "an auditor reads everything"
    );
}

/// Searches, single events and the tail say which holds hold an event, to who may see holds; what is proven does not.
#[test]
fn a_held_event_says_so_to_who_may_see_holds() {
    let service = Service::start();
    service.organization("acme");
    let recorded =
        service.record("acme", &json!([event("component.deploy", "held"), event("component.deploy", "free")]));
    let ids: Vec<String> = recorded.json()["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    let admin = Person::new(&service, "Admina", &["admin"]);
    let hold =
        admin.send(&service, "POST", "legal-holds", json!({"reason": "Case 9", "target": "component:held"})).json();
    let engineer = Person::new(&service, "Enno", &["platform-engineer"]);
    let search = "events?action=component.deploy&order=asc";
    let marks = |person: &Person| {
        let found = person.send(&service, "GET", search, Value::Null).json();
        let tail =
            person.send(&service, "GET", "events/tail?after=-1&wait=0&action=component.deploy", Value::Null).json();
        let single = person.send(&service, "GET", &format!("events/{}", ids[0]), Value::Null).json();
        assert_eq!(single, found["events"][0]);
        assert_eq!(tail["events"], found["events"]);
        assert_eq!(found["events"][1]["held_by"], Value::Null);
        found["events"][0]["held_by"].clone()
    };
    assert_eq!(marks(&admin), json!([hold["id"]]));
    assert_eq!(marks(&engineer), Value::Null, "who may not see holds is told of none");
    let path = |what: &str| format!("/v1/orgs/acme/{what}");
    assert!(!admin.request(&service, "GET", &path("export?from=-1h")).send().text().contains("held_by"));
    let proof = admin.request(&service, "GET", &path(&format!("events/{}?proof=true", ids[0]))).send();
    assert!(proof.status == 200 && !proof.text().contains("held_by"), "{proof:?}");
    let gone = format!("legal-holds/{}?reason=over", hold["id"].as_str().unwrap());
    assert_eq!(admin.send(&service, "DELETE", &gone, Value::Null).status, 204);
    assert_eq!(marks(&admin), Value::Null);
}

#[test]
fn what_was_purged_keeps_its_place_in_exports_with_proofs() {
    let clock = LaterClock::new();
    let bounds = RetentionDays { hot_days: 10, archive_days: 10 };
    let options = RetentionOptions { days_min: bounds, days_default: bounds };
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |server| server.retention = options);
    service.organization("acme");
    let events: Vec<Value> = (0..800).map(|number| event("component.deploy", &format!("c-{number}"))).collect();
    assert_eq!(service.record("acme", &Value::Array(events)).status, 201);
    clock.pass(25);
    let hold = json!({"reason": "Case 7", "target": "component:c-400"});
    assert_eq!(service.request("POST", "/v1/orgs/acme/legal-holds").json(&hold).send().status, 201);
    run(&service);
    let left = messages(&service, "").len();
    assert!((1..800).contains(&left), "the held record's block of 256 is left, and none before and behind it: {left}");

    let verified = |query: &str| {
        let answer = service.get(&format!("/v1/orgs/acme/export/proof{query}"));
        assert!(answer.status == 200 && answer.whole, "{query}: {answer:?}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.tar.zst");
        std::fs::write(&path, &answer.body).unwrap();
        let Bundle::Files(files) = Bundle::open(&path).unwrap() else { unreachable!("an archive is read into memory") };
        let report = verify_export(&Bundle::Files(files.clone()), &Trust::default()).unwrap();
        assert!(report.is_sound(), "{query}: {report}");
        (files, report)
    };
    let (files, whole) = verified("?first_seq=0");
    let gaps: Vec<&String> = whole.undecided.iter().filter(|text| text.contains("were purged")).collect();
    assert!(gaps.len() == 2 && gaps[0].starts_with("events 0 to 255 "), "{whole}");
    let (_, complete) = verified("?first_seq=0&complete=true&action=component.deploy");
    assert!(complete.undecided.iter().any(|text| text.contains("whether the filter would find it")), "{complete}");
    for query in ["", "?action=component.deploy", "?first_seq=100&end_seq=300"] {
        verified(query);
    }
    // Nothing is purged that no record reaches.
    let mut withheld = files.clone();
    let named: actarium_verify::Manifest = serde_json::from_slice(&files["manifest.json"]).unwrap();
    crate::tamper::pass_off_as_purged(&mut withheld, named.checkpoint.size - 1);
    let report = verify_export(&Bundle::Files(withheld), &Trust::default()).unwrap();
    let place = format!("event {}", named.checkpoint.size - 1);
    let found = report.findings.iter().find(|finding| finding.place == place);
    assert!(found.is_some_and(|finding| finding.problem.contains("passed off as purged")), "{report}");
    // What the hold keeps lies before the purge as well: as many as its records leave must be there.
    let mut withheld = files.clone();
    crate::tamper::pass_off_as_purged(&mut withheld, 300);
    let report = verify_export(&Bundle::Files(withheld), &Trust::default()).unwrap();
    let found = |report: &actarium_verify::Report| report.to_string().contains("at least 1 withheld");
    assert!(found(&report) && report.findings.len() == 1, "{report}");
    // So it is after further purges, which take the records of the first one.
    for _ in 0..3 {
        assert_eq!(service.record("acme", &event("component.deploy", "later")).status, 201);
        clock.pass(25);
        run(&service);
        let (mut later, report) = verified("?first_seq=0");
        assert!(!report.undecided.iter().any(|text| text.contains("purges")), "{report}");
        crate::tamper::pass_off_as_purged(&mut later, 300);
        let report = verify_export(&Bundle::Files(later), &Trust::default()).unwrap();
        assert!(found(&report), "{report}");
    }
    // A time or a commit that was changed is found where it stands.
    let evidence = "evidence-000000.ndjson";
    let lines = String::from_utf8(files[evidence].clone()).unwrap();
    let (before, rest) = lines.split_once("\"commit\":\"").unwrap();
    let forged = format!("{before}\"commit\":\"{}{}", "0".repeat(64), &rest[64..]);
    let mut files = files;
    files.insert(evidence.to_owned(), forged.into_bytes());
    let report = verify_export(&Bundle::Files(files), &Trust::default()).unwrap();
    assert!(report.findings.iter().any(|finding| finding.place == "events 0 to 255"), "{report}");
}

/// One number of `/metrics`.
fn metric(service: &Service, name: &str) -> Option<u64> {
    let text = String::from_utf8(service.get("/metrics").body).unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} within a minute");
}

#[test]
fn a_clock_that_was_ahead_is_told_by_readiness_until_it_has_caught_up() {
    const AHEAD: &str = "actarium_organizations_ahead_of_clock ";
    let clock = LaterClock::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    service.organization("late");
    // Written later, the record of the start would put the operator's own log ahead as well.
    until("the start is on record", || metric(&service, "actarium_own_records_total ") >= Some(1));
    clock.pass(2);
    assert_eq!(service.record("acme", &event("component.deploy", "one")).status, 201);
    clock.pass(-2);
    // One log is ahead: the others go on.
    assert_eq!(service.record("acme", &event("component.deploy", "two")).status, 503);
    assert_eq!(service.record("late", &event("component.deploy", "two")).status, 201);
    let ready = service.anonymous("GET", "/readyz").send();
    let told = ready.json();
    assert_eq!((ready.status, &told["status"]), (200, &json!("degraded")), "{told}");
    assert_eq!(told["organizations_ahead_of_clock"], 1);
    assert_eq!(metric(&service, AHEAD), Some(1));
    // All of them are, the operator's own included.
    clock.pass(4);
    for organization in ["acme", "late", "actarium"] {
        assert_eq!(service.record(organization, &event("component.deploy", "three")).status, 201, "{organization}");
    }
    clock.pass(-4);
    let ready = service.anonymous("GET", "/readyz").send();
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("the clock is behind every log"), "{}", ready.text());
    clock.pass(4);
    assert_eq!(service.anonymous("GET", "/readyz").send().status, 200);
}

#[test]
fn a_stop_does_not_wait_for_a_clock_that_is_behind_the_logs() {
    let clock = LaterClock::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), |_| {});
    service.organization("acme");
    clock.pass(2);
    assert_eq!(service.record("acme", &event("component.deploy", "one")).status, 201);
    assert_eq!(service.record("actarium", &event("component.deploy", "one")).status, 201);
    clock.pass(-2);
    // What was read is to be recorded, and so is the end.
    assert_eq!(messages(&service, ""), ["one"]);
    let begun = Instant::now();
    let folder = service.stop();
    // It waits for 20 s at most, if it waits.
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
    clock.pass(4);
    let service = Service::start_at(folder, clock.clone(), |_| {});
    assert_eq!(messages(&service, ""), ["one"]);
}

#[test]
fn a_clock_far_ahead_takes_nothing_until_the_operator_says_that_it_is_right() {
    const WAITS: &str = "actarium_retention_waits_for_clock ";
    let clock = LaterClock::new();
    let days = RetentionDays { hot_days: 10, archive_days: 10 };
    let start = |folder| {
        let options = RetentionOptions { days_min: days, days_default: days };
        Service::start_at(folder, clock.clone(), |server| server.retention = options)
    };
    let service = start(tempfile::tempdir().unwrap());
    service.organization("acme");
    assert_eq!(service.record("acme", &event("component.deploy", "one")).status, 201);
    let folder = service.stop();
    // Ten years from one start to the next; a second start does not make them likelier.
    clock.pass(3_650);
    let service = start(folder);
    until("the clock is doubted", || metric(&service, WAITS) == Some(1));
    assert_eq!(messages(&service, ""), ["one"]);
    let service = start(service.stop());
    until("the clock is doubted again", || metric(&service, WAITS) == Some(1));
    assert_eq!(messages(&service, ""), ["one"]);
    // The operator is sure.
    run(&service);
    assert_eq!(messages(&service, ""), [""; 0]);
    assert_eq!(metric(&service, WAITS), Some(0));
    assert_eq!(service.record("acme", &event("component.deploy", "two")).status, 201);
    let folder = service.stop();
    // Less than a month goes by itself.
    clock.pass(25);
    let service = start(folder);
    until("what is due goes", || messages(&service, "").is_empty());
}
