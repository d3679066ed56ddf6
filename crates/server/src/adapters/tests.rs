//! The adapters on data that nobody here wrote, and on input that nobody should send.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use actarium_core::row::Column;
use actarium_core::time::parse;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// After everything in the data.
const NOW: &str = "2026-11-01T00:00:00Z";

fn options() -> AdapterOptions<'static> {
    AdapterOptions::new(parse(NOW).unwrap())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn cloudtrail() -> Vec<u8> {
    let packed = file("../../../demo/cloudtrail-invictus.jsonl.zst");
    zstd::decode_all(packed.as_slice()).unwrap()
}

fn lines(body: &[u8]) -> Vec<Value> {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The events of a body, all of which must be good.
fn adapted(adapter: Adapter, body: &[u8]) -> Vec<Value> {
    let adapted = adapt(adapter, body, &options()).unwrap();
    assert_eq!(adapted.refused, []);
    adapted.events.into_iter().map(|event| event.value).collect()
}

fn one(adapter: Adapter, record: &Value) -> Value {
    let mut events = adapted(adapter, record.to_string().as_bytes());
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The refusal of a single record, by the adapter or by validation.
fn refusal(adapter: Adapter, record: &Value) -> Refused {
    let mut adapted = adapt_and_encode(adapter, record.to_string().as_bytes(), &options()).unwrap();
    assert!(adapted.rows.is_empty(), "{record} was taken");
    adapted.refused.remove(0)
}

fn golden(name: &str, value: &Value) {
    let path = folder().join("golden").join(name);
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "{} differs; UPDATE=1 writes it anew", path.display());
    }
}

#[test]
fn names_are_read_back_and_every_mapping_file_is_good() {
    for adapter in Adapter::ALL {
        assert_eq!(Adapter::from_name(adapter.name()), Some(adapter));
        assert_eq!(adapter.mapping().source, adapter.name());
        assert_eq!(adapter.sender(), format!("adapter:{}", adapter.name()));
    }
    assert_eq!(Adapter::from_name("okta"), None);
}

// --- CloudTrail --------------------------------------------------------------------------------------------------------

#[test]
fn all_2900_cloudtrail_events_are_recorded() {
    let body = cloudtrail();
    let records = lines(&body);
    let adapted = adapt_and_encode(Adapter::CloudTrail, &body, &options()).unwrap();
    assert_eq!((adapted.rows.len(), adapted.refused.len(), adapted.skipped), (2_900, 0, 0));
    assert_eq!(adapted.indices, (0..2_900).collect::<Vec<_>>());

    let text = |row: usize, column: Column| adapted.rows.row(row).get(column).unwrap_or_default().to_owned();
    let distinct = |column: Column| (0..2_900).map(|row| text(row, column)).collect::<BTreeSet<String>>();
    assert_eq!(distinct(Column::ExternalId).len(), 2_900);
    assert_eq!(distinct(Column::Source), ["cloudtrail".to_owned()].into());

    let outcomes = (0..2_900).fold(BTreeMap::<String, usize>::new(), |mut counts, row| {
        *counts.entry(text(row, Column::Outcome)).or_default() += 1;
        counts
    });
    assert_eq!(outcomes["failure"] + outcomes["denied"], 300, "{outcomes:?}");
    assert_eq!(outcomes["denied"], 60, "{outcomes:?}");

    let metadata: Vec<Value> =
        (0..2_900).map(|row| serde_json::from_str(&text(row, Column::Metadata)).unwrap()).collect();
    let names = |key: &str| metadata.iter().filter_map(|map| map[key].as_str()).collect::<BTreeSet<&str>>().len();
    assert_eq!(names("eventSource"), 29);
    assert_eq!(names("eventName"), 260);
    let services: BTreeSet<String> =
        distinct(Column::Action).iter().map(|action| action.split('.').next().unwrap().to_owned()).collect();
    assert_eq!(services.len(), 29);

    for (row, record) in records.iter().enumerate() {
        let at = adapted.rows.row(row).occurred_at;
        assert_eq!(at, Some(parse(record["eventTime"].as_str().unwrap()).unwrap()));
        assert_eq!(text(row, Column::ExternalId), record["eventID"]);
    }
}

/// Every text of a record that is short enough to stand as it is must be found again in the event, except for times
/// (which are spelled anew), credentials, and what says the same in every record.
#[test]
fn nothing_of_a_record_is_lost() {
    let mut texts = 0;
    for (adapter, records) in seeds().into_iter().chain([(Adapter::CloudTrail, lines(&cloudtrail()))]) {
        for record in &records {
            let adapted = adapt(adapter, record.to_string().as_bytes(), &options()).unwrap();
            let Some(event) = adapted.events.first().map(|event| &event.value) else { continue };
            assert_eq!(event["metadata"].get("cut"), None, "{record}");
            let event_text = event.to_string();
            for text in leaf_texts(record).into_iter().filter(|text| text.chars().count() <= 200) {
                texts += 1;
                let quoted = Value::String(text.to_owned()).to_string();
                let inner = &quoted[1..quoted.len() - 1];
                // Once more quoted where a small map or list became one text.
                let twice = Value::String(inner.to_owned()).to_string();
                let is_there = event_text.contains(inner) || event_text.contains(&twice[1..twice.len() - 1]);
                assert!(is_there || may_be_gone(record, text), "{text} of {record} is not in {event}");
            }
        }
    }
    assert!(texts > 50_000, "{texts}");
}

fn may_be_gone(record: &Value, text: &str) -> bool {
    let times = ["eventTime", "event_time", "created_at", "at_sign_timestamp", "requestReceivedTimestamp", "timestamp"];
    let is_time = times.iter().any(|key| record[key] == text);
    let is_token = record["responseElements"]["credentials"]["sessionToken"] == text;
    let is_secret = record["objectRef"]["resource"] == "secrets"
        && [&record["requestObject"], &record["responseObject"]]
            .iter()
            .any(|object| leaf_texts(object).contains(&text));
    let is_same_everywhere = ["audit.k8s.io/v1", "Event"].contains(&text);
    // The event's own text is in there, but as fields.
    let is_envelope = record["properties"]["log"] == text;
    is_time || is_token || is_secret || is_same_everywhere || is_envelope
}

fn leaf_texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(leaf_texts).collect(),
        Value::Object(map) => map.values().flat_map(leaf_texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn cloudtrail_golden() {
    let body = cloudtrail();
    let records = lines(&body);
    let mut chosen = Vec::new();
    for (service, name) in [
        ("s3", "GetBucketLogging"),
        ("secretsmanager", "GetSecretValue"),
        ("sts", "AssumeRole"),
        ("signin", "ConsoleLogin"),
        ("kms", "Decrypt"),
        ("ec2", "RunInstances"),
        ("iam", "AttachRolePolicy"),
    ] {
        let source = format!("{service}.amazonaws.com");
        chosen.extend(records.iter().find(|record| record["eventSource"] == source && record["eventName"] == name));
    }
    chosen.extend(records.iter().find(|record| record["errorCode"] == "Client.UnauthorizedOperation"));
    chosen.extend(records.iter().find(|record| record["userIdentity"].get("type").is_none()));
    assert_eq!(chosen.len(), 9);
    let events: Vec<Value> = chosen.into_iter().map(|record| one(Adapter::CloudTrail, record)).collect();
    golden("cloudtrail.json", &Value::Array(events));
}

#[test]
fn every_form_of_a_cloudtrail_file_gives_the_same() {
    use std::io::Write;
    let records = &lines(&cloudtrail())[..20];
    let expected = adapted(Adapter::CloudTrail, &serde_json::to_vec(records).unwrap());
    let envelope = json!({ "Records": records }).to_string();
    let per_line = records.iter().map(|record| format!("{record}\n")).collect::<String>();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(envelope.as_bytes()).unwrap();
    for body in [envelope.as_bytes(), per_line.as_bytes(), &gzip.finish().unwrap()] {
        assert_eq!(adapted(Adapter::CloudTrail, body), expected);
    }
}

#[test]
fn roles_act_on_behalf_of_the_people_signed_in_to_them() {
    let record = json!({
        "eventID": "1", "eventTime": "2026-01-01T00:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "PutObject",
        "sourceIPAddress": "cloudformation.amazonaws.com",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROA:ada@example.com", "accountId": "1",
            "arn": "arn:aws:sts::1:assumed-role/Admin/ada@example.com", "accessKeyId": "ASIA",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::1:role/Admin", "userName": "Admin"}}
        },
        "requestParameters": {"bucketName": "b", "key": "a/b.txt"}
    });
    let event = one(Adapter::CloudTrail, &record);
    assert_eq!(event["actor"]["id"], "arn:aws:iam::1:role/Admin");
    assert_eq!(event["actor"]["type"], "service_account");
    assert_eq!(event["actor"]["session_id"], "ada@example.com");
    let person = json!({"type": "user", "id": "ada@example.com", "email": "ada@example.com"});
    assert_eq!(event["actor"]["on_behalf_of"], person);
    assert_eq!(event["targets"][0], json!({"type": "s3_object", "id": "b/a/b.txt", "name": "a/b.txt"}));
    assert_eq!(event["targets"][1], json!({"type": "s3_bucket", "id": "b"}));
    assert_eq!(event.get("context"), None);
    assert_eq!(event["metadata"]["sourceIPAddress"], "cloudformation.amazonaws.com");
}

#[test]
fn records_that_say_too_little_are_refused_with_the_reason() {
    let no_name = refusal(Adapter::CloudTrail, &json!({"eventSource": "s3.amazonaws.com", "eventName": {} }));
    assert!(no_name.detail.contains("what was done"), "{no_name:?}");
    let no_source = refusal(Adapter::CloudTrail, &json!({"eventName": "X"}));
    assert!(no_source.detail.contains("`eventSource` or `eventName`"), "{no_source:?}");
    let bad_time = refusal(
        Adapter::CloudTrail,
        &json!({"eventSource": "s3.amazonaws.com", "eventName": "X", "eventTime": "gestern"}),
    );
    assert_eq!(bad_time.pointer, "/eventTime");
    assert!(bad_time.detail.contains("gestern"));
    let ahead = refusal(
        Adapter::CloudTrail,
        &json!({"eventSource": "s3.amazonaws.com", "eventName": "X", "eventTime": "2027-01-01T00:00:00Z"}),
    );
    assert_eq!(ahead.pointer, "/eventTime");
    let reserved = refusal(Adapter::GitHub, &json!({"action": "audit_log.export", "actor": "x", "org": "o"}));
    assert_eq!(reserved.pointer, "/action");
    assert!(refusal(Adapter::GitHub, &json!(5)).detail.contains("JSON object"));
}

// --- Kubernetes --------------------------------------------------------------------------------------------------------

/// Index and a word of the reason of each fixture that cannot be recorded.
fn kubernetes_unusable() -> Vec<(usize, &'static str)> {
    let mut unusable = vec![
        // Neither a resource nor a path: trimmed beyond use.
        (29, "what was requested"),
        // A Compute Engine request, and an Azure activity log entry.
        (80, "compute.googleapis.com"),
        (82, "what was requested"),
        (94, "what was requested"),
        (95, "what was requested"),
        (96, "what was requested"),
    ];
    let records = lines(&file("kubernetes-audit.jsonl"));
    unusable.extend(
        records
            .iter()
            .enumerate()
            .filter(|(_, record)| **record == json!({}))
            .map(|(at, _)| (at, "what was requested")),
    );
    unusable
}

#[test]
fn all_usable_kubernetes_fixtures_are_recorded() {
    let body = file("kubernetes-audit.jsonl");
    let records = lines(&body);
    let adapted = adapt_and_encode(Adapter::Kubernetes, &body, &options()).unwrap();
    for refused in &adapted.refused {
        println!("{} {} {} :: {}", refused.index, refused.pointer, refused.detail, records[refused.index]);
    }
    assert_eq!(records.len(), 267);
    assert_eq!(adapted.rows.len() + adapted.refused.len() + adapted.skipped, 267);
    // One of them in an envelope.
    let early = records.iter().filter(|record| record.to_string().contains("ResponseStarted")).count();
    assert_eq!((adapted.skipped, early), (3, 3));
    let mut unusable = kubernetes_unusable();
    unusable.sort_unstable();
    assert_eq!(adapted.refused.len(), unusable.len());
    for (refused, (index, word)) in adapted.refused.iter().zip(unusable) {
        assert_eq!(refused.index, index, "{refused:?}");
        assert!(refused.detail.contains(word), "{refused:?}");
    }
}

#[test]
fn kubernetes_golden() {
    let events = adapted(Adapter::Kubernetes, &file("kubernetes-eventlist.json"));
    assert_eq!(events.len(), 2);
    let records = lines(&file("kubernetes-audit.jsonl"));
    // Of each kind of envelope one, and one of the plainest.
    let chosen = [0, 3, 26, 131, 239].map(|index| one(Adapter::Kubernetes, &records[index]));
    golden("kubernetes.json", &Value::Array(events.into_iter().chain(chosen).collect()));
}

#[test]
fn a_kubernetes_request_is_recorded_once_and_its_secrets_are_not() {
    let body = file("kubernetes-eventlist.json");
    let options = AdapterOptions { cluster: Some("prod-eu"), ..options() };
    let adapted = adapt(Adapter::Kubernetes, &body, &options).unwrap();
    assert_eq!((adapted.events.len(), adapted.skipped, adapted.refused.len()), (2, 1, 0));
    let (secret, panic) = (&adapted.events[0].value, &adapted.events[1].value);
    assert_eq!(adapted.events[0].index, 1);
    assert_eq!(secret["external_id"], "6d3c1b5e-0001");
    assert_eq!(panic["external_id"], "6d3c1b5e-0002:Panic");
    assert_eq!((&panic["outcome"], &panic["reason"]), (&json!("failure"), &json!("panic")));
    assert_eq!(secret["targets"][0]["id"], "shop/db-x7k2p");
    assert_eq!(secret["targets"][2], json!({"type": "cluster", "id": "prod-eu"}));
    let text = secret.to_string();
    assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    assert!(text.contains("[left out: holds secret values, "), "{text}");
    // The one who signed in acted; the impersonated one is whom it was done as.
    assert_eq!(secret["actor"]["id"], "admin@example.com");
    assert_eq!(secret["actor"]["on_behalf_of"]["id"], "system:serviceaccount:shop:deployer");
}

#[test]
fn other_kinds_are_not_taken_for_audit_events() {
    let pod = refusal(Adapter::Kubernetes, &json!({"kind": "Pod", "apiVersion": "v1", "requestURI": "/x"}));
    assert_eq!(pod.pointer, "/kind");
    let core_event = refusal(Adapter::Kubernetes, &json!({"kind": "Event", "apiVersion": "v1", "requestURI": "/x"}));
    assert_eq!(core_event.pointer, "/apiVersion");
}

// --- GitHub ------------------------------------------------------------------------------------------------------------

/// `00:00:00000000` is no time of day: these four fixtures were spoiled by their collector.
const GITHUB_UNUSABLE: [usize; 4] = [48, 49, 51, 52];

#[test]
fn all_usable_github_fixtures_are_recorded() {
    let body = file("github-audit.jsonl");
    let adapted = adapt_and_encode(Adapter::GitHub, &body, &options()).unwrap();
    let refused: Vec<usize> = adapted.refused.iter().map(|refused| refused.index).collect();
    assert_eq!(refused, GITHUB_UNUSABLE, "{:?}", adapted.refused);
    assert!(adapted.refused.iter().all(|refused| refused.pointer == "/created_at"));
    assert_eq!(adapted.rows.len(), 92 - GITHUB_UNUSABLE.len());
}

#[test]
fn github_golden() {
    let records = lines(&file("github-audit.jsonl"));
    let chosen = [0, 1, 20, 28, 44, 56, 61, 84, 88].map(|index| one(Adapter::GitHub, &records[index]));
    golden("github.json", &Value::Array(chosen.to_vec()));
}

// --- OpenChoreo --------------------------------------------------------------------------------------------------------

#[test]
fn openchoreo_golden() {
    let body = file("openchoreo.jsonl");
    let adapted = adapt(Adapter::OpenChoreo, &body, &options()).unwrap();
    assert_eq!(adapted.refused.len(), 1);
    assert_eq!((adapted.refused[0].index, adapted.refused[0].pointer.as_str()), (12, "/schema_version"));
    assert!(adapted.refused[0].detail.contains("2.0"), "{:?}", adapted.refused);
    golden("openchoreo.json", &Value::Array(adapted.events.into_iter().map(|event| event.value).collect()));
    let encoded = adapt_and_encode(Adapter::OpenChoreo, &body, &options()).unwrap();
    assert_eq!((encoded.rows.len(), encoded.refused.len()), (12, 1));
}

#[test]
fn openchoreo_actions_become_the_catalog_s() {
    let action = |action: &str, metadata: Value| {
        let record = json!({
            "schema_version": "1.0", "action": action, "actor": {"type": "user", "id": "u"},
            "resource": {"type": "thing", "name": "n"}, "metadata": metadata
        });
        let event = one(Adapter::OpenChoreo, &record);
        assert_eq!(event["metadata"]["openchoreo_action"], action);
        event["action"].as_str().unwrap().to_owned()
    };
    for (given, expected) in [
        ("create_project", "project.create"),
        ("update_project", "project.update"),
        ("delete_component", "component.delete"),
        ("create_component_release", "component.version.create"),
        ("generate_release", "component.version.create"),
        ("create_release_binding", "component.deploy"),
        ("delete_release_binding", "component.undeploy"),
        ("create_workload", "component.update"),
        ("create_cluster_role", "role.create"),
        ("update_namespace_role", "role.update"),
        ("create_namespace_role_binding", "group.role.assign"),
        ("delete_cluster_role_binding", "group.role.unassign"),
        ("create_secret_reference", "project.config.create"),
        ("delete_project_release_binding", "project.config.delete"),
        ("restart_thing", "thing.restart"),
    ] {
        assert_eq!(action(given, json!({})), expected, "{given}");
    }
    assert_eq!(action("create_release_binding", json!({"promoted_from": "staging"})), "component.promote");
    assert_eq!(action("update_release_binding", json!({"operation": "redeploy"})), "component.redeploy");
    assert_eq!(action("delete_workload", json!({"endpoint": "rest"})), "component.endpoint.delete");
    assert_eq!(action("update_workload", json!({"access_mode": "public"})), "component.access_mode.update");
    // What tells them apart may stand in the resource as well.
    let of_resource = |action: &str, resource: Value| {
        let record = json!({"schema_version": "1.0", "action": action, "actor": {"type": "user", "id": "u"}, "resource": resource});
        one(Adapter::OpenChoreo, &record)["action"].as_str().unwrap().to_owned()
    };
    let metadata = |metadata: Value| json!({"type": "workload", "name": "w", "metadata": metadata});
    assert_eq!(
        of_resource("update_release_binding", metadata(json!({"source_environment": "dev"}))),
        "component.promote"
    );
    assert_eq!(of_resource("create_release_binding", metadata(json!({"operation": "redeploy"}))), "component.redeploy");
    assert_eq!(
        of_resource("update_workload", metadata(json!({"visibility": "public"}))),
        "component.access_mode.update"
    );
    assert_eq!(of_resource("create_workload", metadata(json!({"endpoints": ["rest"]}))), "component.endpoint.create");
    assert_eq!(
        of_resource("update_workload", json!({"type": "endpoint", "name": "rest"})),
        "component.endpoint.update"
    );
    assert_eq!(of_resource("update_workload", metadata(json!({}))), "component.update");
}

#[test]
fn a_record_without_an_id_gets_one_that_repeats() {
    let record = json!({"action": "repo.create", "actor": "x", "org": "o", "created_at": 1_621_305_118_553_u64});
    let first = one(Adapter::GitHub, &record)["external_id"].clone();
    assert!(first.as_str().unwrap().starts_with("sha256:"));
    // However it is spelled.
    let spelled = format!("{{ {} }}", &record.to_string()[1..].trim_end_matches('}')).replace(",", " ,\n ");
    assert_ne!(spelled, record.to_string());
    assert_eq!(adapted(Adapter::GitHub, format!("[{spelled}]").as_bytes())[0]["external_id"], first);
    let timeless = json!({"action": "repo.create", "actor": "x", "org": "o"});
    // Without a time it may stand twice and be two events, and the same body again is the same two.
    let once = one(Adapter::GitHub, &timeless)["external_id"].as_str().unwrap().to_owned();
    let events = adapted(Adapter::GitHub, format!("[{timeless},{timeless}]").as_bytes());
    assert_eq!([&events[0]["external_id"], &events[1]["external_id"]], [&json!(once), &json!(format!("{once}:2"))]);
}

#[test]
fn a_credential_s_environment_is_stamped() {
    let options = AdapterOptions { environment: Some("production"), ..options() };
    let record = json!({"action": "repo.create", "actor": "x", "org": "o"}).to_string();
    let adapted = adapt_and_encode(Adapter::GitHub, record.as_bytes(), &options).unwrap();
    let targets = adapted.rows.row(0).get(Column::Targets).unwrap();
    assert!(targets.contains(r#"{"type":"environment","id":"production"}"#), "{targets}");
    assert_eq!(adapted.rows.row(0).get(Column::Sender), Some("adapter:github"));
    let options = AdapterOptions { credential: Some("key:k"), ..options };
    let adapted = adapt_and_encode(Adapter::GitHub, record.as_bytes(), &options).unwrap();
    assert_eq!(adapted.rows.row(0).get(Column::Sender), Some("adapter:github key:k"));
}

// --- Input that nobody should send --------------------------------------------------------------------------------------

/// A usable record of each format.
fn seeds() -> Vec<(Adapter, Vec<Value>)> {
    let list: Value = serde_json::from_slice(&file("kubernetes-eventlist.json")).unwrap();
    let kubernetes = lines(&file("kubernetes-audit.jsonl"));
    let cloudtrail = lines(&cloudtrail());
    vec![
        (Adapter::OpenChoreo, lines(&file("openchoreo.jsonl"))),
        (Adapter::Kubernetes, [list["items"].as_array().unwrap().clone(), kubernetes].concat()),
        (Adapter::CloudTrail, cloudtrail.into_iter().step_by(37).collect()),
        (Adapter::GitHub, lines(&file("github-audit.jsonl"))),
    ]
}

/// Whatever comes in: no panic, each record accounted for, every mapped event passes validation except by what only the
/// server knows, and every refusal says why.
fn must_account_for(adapter: Adapter, body: &[u8], records: usize) {
    let adapted = adapt_and_encode(adapter, body, &options()).unwrap();
    let refused = adapted.refused.len() + adapted.refused_more;
    assert_eq!(adapted.rows.len() + adapted.skipped + refused, records);
    for refused in &adapted.refused {
        assert!(!refused.detail.is_empty(), "{refused:?}");
        let said_by_the_adapter = ["what was done", "what was requested", "is not a time", "audit event", "schema"];
        let said_by_the_server = ["reserved", "ahead", "only Actarium", "more than"];
        let other = ["k8s.io", "expected the method", "as JSON", "JSON object"];
        let known = said_by_the_adapter.iter().chain(&said_by_the_server).chain(&other);
        assert!(known.clone().any(|words| refused.detail.contains(words)), "an unexpected refusal: {refused:?}");
    }
}

/// Every field of a record in turn replaced by everything that it should not be.
#[test]
fn wrong_types_everywhere() {
    let long = "é\u{0}\"\\".repeat(20_000);
    let wrong = [
        Value::Null,
        json!(true),
        json!(-1.5),
        json!(9_007_199_254_740_991_u64),
        json!(""),
        json!("x"),
        json!(long),
        json!([]),
        json!([[], {}, null, "a", 1]),
        json!({"a": {"b": [1]}}),
    ];
    for (adapter, records) in seeds() {
        for record in records.iter().take(3) {
            for pointer in pointers(record) {
                let bodies = wrong.iter().map(|value| {
                    let mut changed = record.clone();
                    *changed.pointer_mut(&pointer).unwrap() = value.clone();
                    format!("{changed}\n")
                });
                must_account_for(adapter, bodies.collect::<String>().as_bytes(), wrong.len());
            }
        }
    }
}

fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(key, value)| {
        let below = pointers(value).into_iter().map(|pointer| format!("/{key}{pointer}")).collect::<Vec<_>>();
        std::iter::once(format!("/{key}")).chain(below).collect::<Vec<_>>()
    });
    below.collect()
}

#[test]
fn records_of_any_size_are_cut_and_recorded() {
    let many: Map<String, Value> = (0..5_000).map(|n| (format!("key {n} é"), json!("ü".repeat(400)))).collect();
    let nested = (0..60).fold(json!("x".repeat(2_000)), |inner, _| json!({ "deeper": inner, "beside": [1, {"a": 2}] }));
    let resources: Vec<Value> =
        (0..500).map(|n| json!({"ARN": format!("arn:aws:s3:::{}{n}", "é".repeat(2_000))})).collect();
    let record = json!({
        "eventID": "x".repeat(5_000), "eventTime": "2026-01-01T00:00:00Z", "eventSource": "s3.amazonaws.com",
        "eventName": "Put".repeat(500), "userAgent": "é".repeat(100_000), "errorMessage": "ü".repeat(1_000_000),
        "userIdentity": {"type": "IAMUser", "arn": "ä".repeat(10_000), "userName": "ö".repeat(10_000)},
        "requestID": "é".repeat(10_000), "requestParameters": many, "responseElements": nested, "resources": resources,
        "sourceIPAddress": "x".repeat(1_000)
    });
    let adapted = adapt_and_encode(Adapter::CloudTrail, record.to_string().as_bytes(), &options()).unwrap();
    assert_eq!(adapted.refused, []);
    assert_eq!(adapted.rows.len(), 1);
    let metadata = adapted.rows.row(0).get(Column::Metadata).unwrap_or_default().to_owned();
    assert!(metadata.contains("fields left out"), "{metadata}");
    assert!(adapted.rows.row(0).get(Column::Reason).unwrap().contains("…[cut, "));
}

#[derive(Clone, Debug)]
enum Change {
    Replace(String),
    Remove,
    Double,
    Wrap,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![".*".prop_map(Change::Replace), Just(Change::Remove), Just(Change::Double), Just(Change::Wrap)]
}

fn apply(record: &mut Value, at: usize, change: &Change) {
    let all = pointers(record);
    if all.is_empty() {
        return;
    }
    let pointer = &all[at % all.len()];
    let Some(value) = record.pointer_mut(pointer) else { return };
    *value = match change {
        Change::Replace(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Change::Remove => Value::Null,
        Change::Double => json!([value.clone(), value.clone()]),
        Change::Wrap => json!({ "inner": value.clone() }),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_records_are_recorded_or_refused(
        which in any::<prop::sample::Index>(),
        adapter in 0..4_usize,
        changes in prop::collection::vec((any::<usize>(), change()), 1..8),
    ) {
        static SEEDS: LazyLock<Vec<(Adapter, Vec<Value>)>> = LazyLock::new(seeds);
        let (adapter, records) = &SEEDS[adapter];
        let mut record = which.get(records).clone();
        for (at, change) in &changes {
            apply(&mut record, *at, change);
        }
        must_account_for(*adapter, format!("[{record}]").as_bytes(), 1);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
        for adapter in Adapter::ALL {
            let _ = adapt_and_encode(adapter, &bytes, &options());
            let _ = adapt_and_encode(adapter, text.as_bytes(), &options());
            let _ = adapt_and_encode(adapter, format!("[{text}]").as_bytes(), &options());
            let _ = adapt_and_encode(adapter, format!("{{\"action\":{text}}}").as_bytes(), &options());
        }
    }
}

#[test]
fn what_nobody_waits_for_ends_at_the_next_record() {
    let asked = std::cell::Cell::new(0);
    let is_wanted = || {
        asked.set(asked.get() + 1);
        asked.get() <= 3
    };
    let options = AdapterOptions { is_wanted: &is_wanted, ..options() };
    let adapted = adapt_and_encode(Adapter::CloudTrail, &cloudtrail(), &options);
    assert_eq!(adapted, Err(BodyRefused::Unwanted));
    assert_eq!(asked.get(), 4);
}
