//! Every rule of an event: what just fits is taken, what passes it is refused with its place.

mod generate;

use actarium_core::event::{BodyForm, Excess, Intake, Limits, Refusal, Violation, decode, encode_value};
use actarium_core::limits::*;
use generate::{NOW, full, minimal};
use serde_json::{Value, json};

fn intake() -> Intake<'static> {
    Intake::new("api", "key_1", NOW)
}

fn violations(body: &str, form: BodyForm, intake: &Intake<'_>) -> Vec<Violation> {
    match decode(body.as_bytes(), form, intake, &Limits::default()) {
        Err(Refusal::Invalid { violations, more: 0 }) => violations,
        other => panic!("expected violations of {body}, got {other:?}"),
    }
}

/// Refused for one reason, at this place, with this in its sentence.
fn refused_for(event: &Value, intake: &Intake<'_>, pointer: &str, sentence: &str) {
    let found = violations(&event.to_string(), BodyForm::Json, intake);
    let [only] = &found[..] else { panic!("expected one violation, got {found:?}") };
    assert_eq!(only.pointer, pointer, "{only}");
    assert!(only.sentence().contains(sentence), "{only}");
    // A value that never was text is held to the same rule.
    assert_eq!(encode_value(event, intake), Err(Refusal::Invalid { violations: found, more: 0 }));
}

fn refused(event: &Value, pointer: &str, sentence: &str) {
    refused_for(event, &intake(), pointer, sentence);
}

fn taken(event: &Value) {
    let taken = decode(event.to_string().as_bytes(), BodyForm::Json, &intake(), &Limits::default());
    assert!(taken.is_ok(), "{event}: {taken:?}");
}

/// The full event with one value put in; parents must be there.
fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut event = full();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = event.pointer_mut(parent).expect("a parent");
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value.into(),
        parent => parent[key] = value.into(),
    }
    event
}

#[test]
fn texts_are_bounded_in_characters() {
    let bounds = [
        ("/reason", 0, REASON_CHARS_MAX),
        ("/message", 0, MESSAGE_CHARS_MAX),
        ("/external_id", 1, EXTERNAL_ID_CHARS_MAX),
        ("/actor/id", 1, ID_CHARS_MAX),
        ("/actor/name", 0, NAME_CHARS_MAX),
        ("/actor/email", 0, EMAIL_CHARS_MAX),
        ("/actor/issuer", 0, ISSUER_CHARS_MAX),
        ("/actor/session_id", 0, SESSION_ID_CHARS_MAX),
        ("/actor/groups/1", 1, GROUP_CHARS_MAX),
        ("/actor/metadata/a", 0, METADATA_TEXT_CHARS_MAX),
        ("/actor/on_behalf_of/id", 1, ID_CHARS_MAX),
        ("/actor/on_behalf_of/session_id", 0, SESSION_ID_CHARS_MAX),
        ("/targets/0/id", 1, ID_CHARS_MAX),
        ("/targets/1/name", 0, NAME_CHARS_MAX),
        ("/targets/0/metadata/tier", 0, METADATA_TEXT_CHARS_MAX),
        ("/context/user_agent", 0, USER_AGENT_CHARS_MAX),
        ("/context/request_id", 0, REQUEST_ID_CHARS_MAX),
        ("/context/trace_id", 0, TRACE_ID_CHARS_MAX),
        ("/context/surface", 0, SURFACE_CHARS_MAX),
        ("/context/http/path", 0, HTTP_PATH_CHARS_MAX),
        ("/metadata/commit", 0, METADATA_TEXT_CHARS_MAX),
    ];
    for (pointer, least, most) in bounds {
        // A character of four bytes is one character.
        taken(&with(pointer, "🦀".repeat(most)));
        refused(&with(pointer, "🦀".repeat(most + 1)), pointer, &format!("has {} characters", most + 1));
        refused(
            &with(pointer, "x".repeat(most + 1)),
            pointer,
            &format!("to {most} characters").replace("to ", if least == 0 { "at most " } else { "to " }),
        );
        match least {
            0 => taken(&with(pointer, "")),
            _ => refused(&with(pointer, ""), pointer, "has 0 characters"),
        }
        if !pointer.contains("/metadata/") {
            refused(&with(pointer, 5), pointer, "is a number; allowed: a string");
        }
    }
    for (pointer, most) in [
        ("/action", ACTION_CHARS_MAX),
        ("/targets/0/type", TARGET_TYPE_CHARS_MAX),
        ("/context/http/method", HTTP_METHOD_CHARS_MAX),
    ] {
        let text = |length: usize| format!("a.{}", "b".repeat(length - 2));
        taken(&with(pointer, text(most)));
        refused(&with(pointer, text(most + 1)), pointer, "characters");
        refused(&with(pointer, ""), pointer, "has 0 characters");
    }
}

#[test]
fn closed_sets_and_grammars() {
    let cases = [
        ("/outcome", json!("Success"), "allowed: success, failure, denied, unknown"),
        ("/outcome", json!(true), "is a boolean; allowed: success"),
        ("/actor/type", json!("robot"), "allowed: user, service_account, api_key, agent, system, anonymous"),
        ("/actor/on_behalf_of/type", json!("x"), "allowed: user"),
        ("/action", json!("promote"), "resource.verb"),
        ("/action", json!("Component.promote"), "resource.verb"),
        ("/action", json!("component..promote"), "resource.verb"),
        ("/action", json!("component.promote."), "resource.verb"),
        ("/action", json!("component.2promote"), "resource.verb"),
        ("/action", json!("component.pro mote"), "resource.verb"),
        ("/action", json!("component.prömote"), "resource.verb"),
        ("/targets/0/type", json!("0component"), "a letter, then"),
        ("/targets/0/type", json!("com ponent"), "a letter, then"),
        ("/targets/0/type", json!("é"), "a letter, then"),
        ("/context/ip", json!("203.0.113.7:443"), "an IPv4 or IPv6 address"),
        ("/context/ip", json!("203.0.113"), "an IPv4 or IPv6 address"),
        ("/context/ip", json!("fe80::1%eth0"), "an IPv4 or IPv6 address"),
        ("/context/ip", json!(""), "an IPv4 or IPv6 address"),
        ("/context/ip", json!("ec2.amazonaws.com"), "an IPv4 or IPv6 address"),
        ("/context/http/method", json!("GET /"), "a method name"),
        ("/context/http/status", json!(99), "is 99; allowed: an integer from 100 to 599"),
        ("/context/http/status", json!(600), "is 600"),
        ("/context/http/status", json!(200.5), "is a number"),
        ("/context/http/status", json!("200"), "is a string"),
        ("/changes/0/path", json!("spec"), "a JSON Pointer"),
        ("/changes/0/path", json!("/spec~2"), "a JSON Pointer"),
        ("/changes/0/path", json!("/spec~"), "a JSON Pointer"),
        ("/metadata/build", json!(null), "is null; allowed: a string, number or boolean"),
        ("/metadata/build", json!([1]), "metadata is flat"),
        ("/metadata/build", json!({}), "metadata is flat"),
    ];
    for (pointer, value, sentence) in cases {
        refused(&with(pointer, value), pointer, sentence);
    }
    for (pointer, value) in [
        ("/action", json!("c.p_0.x9")),
        ("/targets/0/type", json!("apps/v1:Deployment.x_-")),
        ("/context/http/status", json!(599)),
        ("/context/http/status", json!(100.0)),
        ("/context/ip", json!("::")),
        ("/changes/0/path", json!("")),
        ("/changes/0/path", json!("/a~0b~1c//")),
    ] {
        taken(&with(pointer, value));
    }
}

#[test]
fn shapes() {
    for (pointer, value, sentence) in [
        ("/actor", json!([]), "is an array; allowed: an object"),
        ("/actor/groups", json!("ci"), "is a string; allowed: an array"),
        ("/actor/groups/0", json!(null), "is missing"),
        ("/actor/metadata", json!([]), "is an array; allowed: an object"),
        ("/actor/on_behalf_of", json!("usr_1"), "is a string; allowed: an object"),
        ("/targets", json!({}), "is an object; allowed: an array"),
        ("/targets", json!([]), "has 0 entries; allowed: 1 to 16"),
        ("/targets/0", json!(null), "is null; allowed: an object"),
        ("/context", json!("here"), "allowed: an object"),
        ("/context/http", json!(7), "allowed: an object"),
        ("/changes", json!({}), "allowed: an array"),
        ("/changes/0", json!("x"), "allowed: an object"),
        ("/metadata", json!("x"), "allowed: an object"),
    ] {
        refused(&with(pointer, value), pointer, sentence);
    }
    for (body, kind) in
        [("1", "a number"), ("null", "null"), ("\"x\"", "a string"), ("[[]]", "an array"), ("[true]", "a boolean")]
    {
        let found = violations(body, BodyForm::Json, &intake());
        assert_eq!(found[0].sentence(), format!("is {kind}; allowed: an event as a JSON object"));
        assert_eq!(found[0].pointer, "");
    }
}

#[test]
fn what_must_be_there() {
    for pointer in [
        "/action",
        "/actor",
        "/targets",
        "/actor/type",
        "/actor/id",
        "/targets/0/type",
        "/targets/0/id",
        "/changes/0/path",
    ] {
        refused(&with(pointer, Value::Null), pointer, "is missing");
        let mut event = full();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
        refused(&event, pointer, "is missing");
    }
}

#[test]
fn numbers_of_entries() {
    let target = |number: usize| json!({"type": "component", "id": number.to_string()});
    taken(&with("/targets", (0..TARGETS_MAX).map(target).collect::<Vec<_>>()));
    refused(&with("/targets", (0..=TARGETS_MAX).map(target).collect::<Vec<_>>()), "/targets", "has 17 entries");
    let groups = |count: usize| vec!["g".to_owned(); count];
    taken(&with("/actor/groups", groups(GROUPS_MAX)));
    refused(&with("/actor/groups", groups(GROUPS_MAX + 1)), "/actor/groups", "at most 64");
    let changes = |count: usize| vec![json!({"path": "/a"}); count];
    taken(&with("/changes", changes(CHANGES_MAX)));
    refused(&with("/changes", changes(CHANGES_MAX + 1)), "/changes", "at most 256");
    let metadata =
        |count: usize| (0..count).map(|key| (format!("k{key}"), json!(1))).collect::<serde_json::Map<_, _>>();
    for pointer in ["/metadata", "/actor/metadata", "/targets/0/metadata"] {
        taken(&with(pointer, metadata(METADATA_KEYS_MAX)));
        refused(&with(pointer, metadata(METADATA_KEYS_MAX + 1)), pointer, "has 51 keys; allowed: at most 50");
    }
    for (key, fits) in [
        ("A.z_0-9", true),
        (&"k".repeat(64), true),
        (&"k".repeat(65), false),
        ("", false),
        ("a b", false),
        ("é", false),
        ("a/b", false),
    ] {
        let event = with("/metadata", json!({ key: 1 }));
        if fits { taken(&event) } else { refused(&event, &format!("/metadata/{}", key.replace('/', "~1")), "1 to 64") }
    }
}

#[test]
fn delegation_is_four_deep() {
    let nested = |depth: usize| {
        let actor = json!({"type": "user", "id": "usr_1"});
        (0..depth).fold(actor, |inner, _| json!({"type": "agent", "id": "agt_1", "on_behalf_of": inner}))
    };
    taken(&with("/actor", nested(4)));
    let pointer = format!("/actor{}", "/on_behalf_of".repeat(5));
    refused(&with("/actor", nested(5)), &pointer, "nests too deep; allowed: at most 4");
}

#[test]
fn times() {
    taken(&with("/occurred_at", "2026-01-02T04:05:00.000000Z"));
    taken(&with("/occurred_at", "1970-01-01T00:00:00Z"));
    for (at, sentence) in [
        (json!("2026-01-02T04:05:00.000001Z"), "at most 5 minutes ahead of the server"),
        (json!("2026-01-02"), "RFC 3339"),
        (json!("1969-12-31T23:59:59Z"), "the years 1970 to 9999"),
        (json!("2026-02-30T00:00:00Z"), "no such day"),
        (json!("2025-12-31T23:59:60Z"), "leap second"),
        (json!(1767326400), "is a number; allowed: an RFC 3339"),
    ] {
        refused(&with("/occurred_at", at), "/occurred_at", sentence);
    }
}

#[test]
fn unknown_fields_are_told_with_what_is_known() {
    for (pointer, sentence) in [
        ("/colour", "is not a known field; allowed: occurred_at, action"),
        ("/acton", "did you mean action?"),
        ("/target", "did you mean targets?"),
        ("/occurredAt", "did you mean occurred_at?"),
        ("/actor/e-mail", "did you mean email?"),
        ("/actor/on_behalf_of/organization", "is not a known field"),
        ("/targets/1/kind", "allowed: type, id, name, metadata"),
        ("/context/user-agent", "did you mean user_agent?"),
        ("/context/http/code", "allowed: method, path, status"),
        ("/changes/0/from", "allowed: path, before, after"),
        ("/id", "is given by the server and can't be sent"),
        ("/seq", "is given by the server"),
        ("/organization", "is given by the server"),
        ("/recorded_at", "is given by the server"),
        ("/source", "is given by the server"),
    ] {
        refused(&with(pointer, json!(1)), pointer, sentence);
    }
    refused(&with("/a~1b~0c", json!(1)), "/a~01b~00c", "is not a known field");
}

#[test]
fn reserved_actions_are_only_our_own() {
    for action in [
        "audit_log.search",
        "record.erase",
        "retention.update",
        "legal_hold.place",
        "service.start",
        "ingestion.refuse",
    ] {
        refused(&with("/action", action), "/action", "only Actarium itself records");
        assert!(encode_value(&with("/action", action), &Intake::own(NOW)).is_ok());
    }
    for action in ["audit_logs.search", "records.erase", "my.record.erase", "organization.create"] {
        taken(&with("/action", action));
    }
}

#[test]
fn a_strict_catalog_takes_nothing_else() {
    let known = |action: &str| action == "component.promote";
    let intake = Intake { strict_catalog: Some(&known), ..intake() };
    assert!(encode_value(&full(), &intake).is_ok());
    refused_for(&with("/action", "component.dance"), &intake, "/action", "not in the catalog");
}

#[test]
fn another_environment_than_the_credentials_is_refused() {
    let intake = Intake { environment: Some("env_1"), ..intake() };
    for kind in ["environment", "Environment", "ENVIRONMENT"] {
        let event = with("/targets/1", json!({"type": kind, "id": "env_2"}));
        refused_for(&event, &intake, "/targets/1/id", "stands for another environment; allowed: \"env_1\"");
    }
    let full_up: Vec<Value> = (0..16).map(|id: usize| json!({"type": "component", "id": id.to_string()})).collect();
    refused_for(&with("/targets", full_up), &intake, "/targets", "at most 15 others");
}

#[test]
fn all_violations_of_a_batch_are_told() {
    let bad = json!({"action": "x", "outcome": "maybe", "targets": [{"id": 1}], "colour": 1});
    let body = json!([minimal(), bad, minimal(), {}]).to_string();
    let found = violations(&body, BodyForm::Json, &intake());
    let places: Vec<(usize, &str)> = found.iter().map(|one| (one.index, one.pointer.as_str())).collect();
    assert_eq!(
        places,
        [
            (1, "/colour"),
            (1, "/action"),
            (1, "/outcome"),
            (1, "/actor"),
            (1, "/targets/0/type"),
            (1, "/targets/0/id"),
            (3, "/action"),
            (3, "/actor"),
            (3, "/targets"),
        ]
    );
    let many = Value::from(vec![json!({"action": "a.b"}); 80]).to_string();
    match decode(many.as_bytes(), BodyForm::Json, &intake(), &Limits::default()) {
        Err(Refusal::Invalid { violations, more }) => {
            assert_eq!((violations.len(), more), (VIOLATIONS_REPORTED_MAX, 60))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_is_bounded_in_bytes() {
    let sized = |length: usize| {
        let mut event = minimal();
        event["changes"] = json!([{"path": "/a", "after": "x".repeat(length)}]);
        decode(event.to_string().as_bytes(), BodyForm::Json, &intake(), &Limits::default())
    };
    let overhead = sized(1_000).expect("small").byte_len() - 1_000;
    // The length of the text takes one more byte above 16 KiB.
    let fits = EVENT_BYTES_MAX - overhead - 1;
    assert_eq!(sized(fits).expect("just fits").byte_len(), EVENT_BYTES_MAX);
    let excess = Excess::EventBytes { index: 0, bytes: EVENT_BYTES_MAX + 1, bytes_max: EVENT_BYTES_MAX };
    assert_eq!(sized(fits + 1), Err(Refusal::TooLarge(excess)));
}

#[test]
fn a_request_is_bounded_in_events() {
    let limits = Limits { events_max: 3, ..Limits::default() };
    let line = format!("{}\n", minimal());
    let array = |count: usize| Value::from(vec![minimal(); count]).to_string();
    for (body, form) in [(line.repeat(3), BodyForm::Ndjson), (array(3), BodyForm::Json)] {
        assert_eq!(decode(body.as_bytes(), form, &intake(), &limits).expect("three").len(), 3);
    }
    for (body, form) in [(line.repeat(4), BodyForm::Ndjson), (array(4), BodyForm::Json)] {
        let refusal = decode(body.as_bytes(), form, &intake(), &limits);
        assert_eq!(refusal, Err(Refusal::TooLarge(Excess::Events { events_max: 3 })));
    }
}

#[test]
fn nothing_is_refused_as_nothing() {
    for (body, form) in
        [("", BodyForm::Json), (" \r\n\t", BodyForm::Json), ("[]", BodyForm::Json), ("\n\n \n", BodyForm::Ndjson)]
    {
        assert_eq!(decode(body.as_bytes(), form, &intake(), &Limits::default()), Err(Refusal::Empty), "{body:?}");
    }
    assert_eq!(encode_value(&json!([]), &intake()), Err(Refusal::Empty));
}

#[test]
#[should_panic(expected = "own records alone")]
fn the_own_source_is_nobody_elses() {
    let _ = encode_value(&minimal(), &Intake::new("actarium", "key_1", NOW));
}
