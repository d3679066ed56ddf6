//! Random events for property tests, and the canonical parts written down a second time from the specification.

// Each test binary uses some of it.
#![allow(dead_code)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The server's clock in these tests: 2026-01-02T04:00:00Z.
pub const NOW: i64 = 1_767_326_400_000_000;

/// Numbers with a fraction and their spelling by ECMAScript's `Number::toString`.
pub const FLOATS: [(f64, &str); 10] = [
    (0.5, "0.5"),
    (-0.25, "-0.25"),
    (123456.789, "123456.789"),
    (0.000001, "0.000001"),
    (1.5e-6, "0.0000015"),
    (1e-7, "1e-7"),
    (-2.5e-10, "-2.5e-10"),
    (5e-324, "5e-324"),
    (0.1, "0.1"),
    (4503599627370495.5, "4503599627370495.5"),
];

fn text(chars_max: usize) -> BoxedStrategy<String> {
    let character = prop_oneof![
        6 => proptest::char::range('a', 'z'),
        1 => prop_oneof![Just('"'), Just('\\'), Just('/'), Just('\n'), Just('\0'), Just('\u{1f}'), Just('\u{7f}')],
        1 => prop_oneof![Just('é'), Just('\u{2028}'), Just('日'), Just('🦀'), Just('\u{fffd}'), Just(' ')],
        1 => any::<char>(),
    ];
    proptest::collection::vec(character, 0..=chars_max.min(24)).prop_map(|chars| chars.into_iter().collect()).boxed()
}

fn id_text() -> BoxedStrategy<String> {
    text(20).prop_map(|text| if text.is_empty() { "x".to_owned() } else { text }).boxed()
}

fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        (-(1i64 << 53)..=1i64 << 53).prop_map(Value::from),
        (-3i64..300).prop_map(Value::from),
        (0..FLOATS.len()).prop_map(|at| Value::from(FLOATS[at].0)),
    ]
    .boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![text(20).prop_map(Value::from), number(), any::<bool>().prop_map(Value::from)].boxed()
}

fn any_value() -> BoxedStrategy<Value> {
    prop_oneof![scalar(), Just(Value::Null)]
        .prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(text(6), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
        .boxed()
}

fn metadata() -> BoxedStrategy<Value> {
    proptest::collection::vec(("[A-Za-z0-9_.-]{1,8}", scalar()), 0..6)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
        .boxed()
}

/// An object of the fields that are there, each of them absent, null or given.
fn object(
    required: Vec<(&'static str, BoxedStrategy<Value>)>,
    optional: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> BoxedStrategy<Value> {
    let fields: Vec<BoxedStrategy<Option<(String, Value)>>> = required
        .into_iter()
        .map(|(name, value)| value.prop_map(move |value| Some((name.to_owned(), value))).boxed())
        .chain(optional.into_iter().map(|(name, value)| {
            prop_oneof![
                3 => Just(None),
                1 => Just(Some((name.to_owned(), Value::Null))),
                4 => value.prop_map(move |value| Some((name.to_owned(), value))),
            ]
            .boxed()
        }))
        .collect();
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect())).boxed()
}

fn texts(names: &[&'static str]) -> Vec<(&'static str, BoxedStrategy<Value>)> {
    names.iter().map(|name| (*name, text(20).prop_map(Value::from).boxed())).collect()
}

fn actor(depth: usize) -> BoxedStrategy<Value> {
    let kinds = ["user", "service_account", "api_key", "agent", "system", "anonymous"];
    let required = vec![
        ("type", proptest::sample::select(kinds.to_vec()).prop_map(Value::from).boxed()),
        ("id", id_text().prop_map(Value::from).boxed()),
    ];
    let mut optional = texts(&["name", "email", "issuer", "session_id"]);
    optional.push(("groups", proptest::collection::vec(id_text(), 0..4).prop_map(Value::from).boxed()));
    optional.push(("metadata", metadata()));
    if depth < 4 {
        optional.push(("on_behalf_of", prop_oneof![2 => Just(Value::Null), 1 => actor(depth + 1)].boxed()));
    }
    object(required, optional)
}

fn target() -> BoxedStrategy<Value> {
    let required = vec![
        ("type", "[A-Za-z][A-Za-z0-9_.:/-]{0,10}".prop_map(Value::from).boxed()),
        ("id", id_text().prop_map(Value::from).boxed()),
    ];
    let mut optional = texts(&["name"]);
    optional.push(("metadata", metadata()));
    object(required, optional)
}

fn context() -> BoxedStrategy<Value> {
    let mut optional = texts(&["user_agent", "request_id", "trace_id", "surface"]);
    let addresses = ["203.0.113.7", "2001:db8::7", "::ffff:10.0.0.1", "2001:0DB8:0:0::7"];
    optional.push(("ip", proptest::sample::select(addresses.to_vec()).prop_map(Value::from).boxed()));
    let mut http = texts(&["path"]);
    http.push(("method", "[A-Z]{1,7}".prop_map(Value::from).boxed()));
    http.push(("status", (100i64..=599).prop_map(Value::from).boxed()));
    optional.push(("http", object(Vec::new(), http)));
    object(Vec::new(), optional)
}

fn change() -> BoxedStrategy<Value> {
    let path = proptest::collection::vec(text(5), 0..4)
        .prop_map(|steps| {
            steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect::<String>()
        })
        .prop_map(Value::from)
        .boxed();
    // Null is a value here, so it is not among the absent ones.
    let sides = proptest::collection::vec(proptest::option::of(any_value()), 2);
    (path, sides)
        .prop_map(|(path, sides)| {
            let mut change = Map::new();
            change.insert("path".to_owned(), path);
            for (name, side) in ["before", "after"].iter().zip(sides) {
                if let Some(side) = side {
                    change.insert((*name).to_owned(), side);
                }
            }
            Value::Object(change)
        })
        .boxed()
}

/// An event as a client may send it.
pub fn event() -> BoxedStrategy<Value> {
    let required = vec![
        (
            "action",
            "[a-z][a-z0-9_]{0,8}(\\.[a-z][a-z0-9_]{0,8}){1,3}"
                .prop_map(|action| Value::from(format!("x{action}")))
                .boxed(),
        ),
        ("actor", actor(0)),
        ("targets", proptest::collection::vec(target(), 1..5).prop_map(Value::from).boxed()),
    ];
    let mut optional = texts(&["reason", "message"]);
    let outcomes = ["success", "failure", "denied", "unknown"];
    optional.push(("outcome", proptest::sample::select(outcomes.to_vec()).prop_map(Value::from).boxed()));
    optional.push(("occurred_at", (0..NOW).prop_map(|at| Value::from(actarium_core::time::to_text(at))).boxed()));
    optional.push(("context", context()));
    optional.push(("changes", proptest::collection::vec(change(), 0..4).prop_map(Value::from).boxed()));
    optional.push(("metadata", metadata()));
    optional.push(("external_id", id_text().prop_map(Value::from).boxed()));
    object(required, optional)
}

/// An event with little in it.
pub fn minimal() -> Value {
    json!({"action": "component.promote", "actor": {"type": "user", "id": "usr_1"}, "targets": [{"type": "component", "id": "cmp_1"}]})
}

/// An event with every field.
pub fn full() -> Value {
    json!({
        "occurred_at": "2026-01-02T05:04:05.0000069+02:00", "action": "component.promote", "outcome": "denied",
        "reason": "not \"allowed\"",
        "actor": {"type": "agent", "id": "agt_1", "name": "Deploy Bot", "email": "bot@example.com",
            "issuer": "https://id.example.com", "session_id": "ses_1", "groups": ["ci", "bots"],
            "metadata": {"z": 1.0, "a": "first"},
            "on_behalf_of": {"type": "user", "id": "usr_1", "session_id": "ses_2", "name": "Ada"}},
        "targets": [{"type": "component", "id": "cmp_1", "name": "orders", "metadata": {"tier": 1}}, {"type": "project", "id": "prj_1"}],
        "context": {"ip": "2001:db8::7", "user_agent": "cli/1.0", "request_id": "req_1", "trace_id": "trc_1",
            "surface": "cli", "http": {"method": "POST", "path": "/promote", "status": 403}},
        "changes": [{"path": "/spec/replicas", "before": null, "after": {"b": [1, 2.5], "a": 1e-7}}],
        "message": "Line one\nline two \u{1f980}",
        "metadata": {"build": 17, "dry_run": false, "commit": "abc"},
        "external_id": "ext_1"
    })
}

// ---- The canonical parts, a second time: slowly, from JSON, by the words of docs/FORMAT.md. ----

fn number_text(number: &serde_json::Number) -> String {
    match number.as_i64() {
        Some(integer) => integer.to_string(),
        None => {
            let value = number.as_f64().expect("a double");
            FLOATS
                .iter()
                .find(|(float, _)| *float == value)
                .map_or_else(|| format!("{}", value as i64), |(_, text)| (*text).to_owned())
        }
    }
}

fn string_text(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\u{8}' => out += "\\b",
            '\t' => out += "\\t",
            '\n' => out += "\\n",
            '\u{c}' => out += "\\f",
            '\r' => out += "\\r",
            low if low < ' ' => out += &format!("\\u{:04x}", low as u32),
            other => out.push(other),
        }
    }
    out + "\""
}

fn sorted_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => string_text(text),
        Value::Array(list) => format!("[{}]", list.iter().map(sorted_text).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            let fields: Vec<String> =
                keys.iter().map(|key| format!("{}:{}", string_text(key), sorted_text(&map[*key]))).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    }
}

/// The named fields that are there, in this order, as `"name":value` joined by commas.
fn fields(value: &Value, names: &[&str]) -> Vec<String> {
    let there = names.iter().filter(|name| is_there(&value[**name]));
    there.map(|name| format!("\"{name}\":{}", sorted_text(&value[*name]))).collect()
}

fn actor_part(actor: &Value, names: &[&str]) -> String {
    let mut parts = fields(actor, names);
    if is_there(&actor["on_behalf_of"]) {
        parts.push(format!("\"on_behalf_of\":{}", actor_part(&actor["on_behalf_of"], names)));
    }
    format!("{{{}}}", parts.join(","))
}

fn part(event: &Value, actor: &[&str], target: &[&str], rest: Vec<String>) -> String {
    let targets = event["targets"].as_array().expect("targets").iter();
    let targets: Vec<String> = targets.map(|value| format!("{{{}}}", fields(value, target).join(","))).collect();
    let mut all = vec![
        format!("\"actor\":{}", actor_part(&event["actor"], actor)),
        format!("\"targets\":[{}]", targets.join(",")),
    ];
    all.extend(rest);
    format!("{{{}}}", all.join(","))
}

/// The four canonical texts of an event as a client sent it.
pub fn naive_parts(event: &Value, source: &str, recorded_at: &str) -> [String; 4] {
    let context = &event["context"];
    let occurred_at = event["occurred_at"].as_str().unwrap_or(recorded_at);
    let outcome = event["outcome"].as_str().unwrap_or("success");
    let fact = part(event, &["type"], &["type"], Vec::new());
    let fact = format!(
        "{{\"v\":1,\"action\":{},\"outcome\":\"{outcome}\",\"occurred_at\":\"{occurred_at}\",\"source\":\"{source}\",{}",
        sorted_text(&event["action"]),
        &fact[1..]
    );
    let mut rest = fields(event, &["external_id"]);
    rest.extend(fields(context, &["request_id", "trace_id"]));
    let identity = part(event, &["id", "issuer", "session_id"], &["id"], rest);
    let personal = part(event, &["name", "email", "groups"], &["name"], fields(context, &["ip", "user_agent"]));
    let mut rest = fields(event, &["reason", "message"]);
    rest.extend(fields(context, &["surface"]));
    let http = fields(&context["http"], &["method", "path", "status"]);
    if !http.is_empty() {
        rest.push(format!("\"http\":{{{}}}", http.join(",")));
    }
    if is_there(&event["changes"]) {
        let changes = event["changes"].as_array().expect("changes").iter().map(|change| {
            let named = ["path", "before", "after"].into_iter().filter(|name| change.get(*name).is_some());
            let sides: Vec<String> = named.map(|name| format!("\"{name}\":{}", sorted_text(&change[name]))).collect();
            format!("{{{}}}", sides.join(","))
        });
        rest.push(format!("\"changes\":[{}]", changes.collect::<Vec<_>>().join(",")));
    }
    rest.extend(fields(event, &["metadata"]));
    let detail = part(event, &["metadata"], &["metadata"], rest);
    [fact, identity, personal, detail]
}
