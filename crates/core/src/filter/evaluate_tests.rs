//! The reference evaluation against an evaluation on parsed JSON, over random events, and the rules of single terms.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::row::{Column, RowView};

const ORGANIZATION: [u8; 16] = [9; 16];
const PLACE: Place<'static> = Place { organization: &ORGANIZATION, seq: 7, recorded_at: 1_700_000_000_000_000 };

/// A stored event as it would be made of this JSON.
struct Stored(Vec<(Column, String)>);

impl Stored {
    fn of(event: &Value) -> Self {
        let mut texts = Vec::new();
        let mut actor = event["actor"].clone();
        if let Some(Value::String(session)) = actor.as_object_mut().and_then(|actor| actor.remove("session_id")) {
            texts.push((Column::SessionId, session));
        }
        texts.push((Column::Actor, actor.to_string()));
        for column in Column::ALL {
            match &event[column.name()] {
                _ if matches!(column, Column::Actor | Column::SessionId) => {}
                Value::Null => {}
                Value::String(text) => texts.push((column, text.clone())),
                structured => texts.push((column, structured.to_string())),
            }
        }
        Stored(texts)
    }

    fn row(&self) -> RowView<'_> {
        let mut row = RowView::EMPTY;
        for (column, text) in &self.0 {
            row.texts[*column as usize] = Some(text);
        }
        row
    }
}

fn finds(phrase: &str, event: &Value) -> bool {
    let stored = Stored::of(event);
    Filter::parse(phrase).unwrap_or_else(|error| panic!("{phrase}: {error}")).matches(&stored.row(), &PLACE)
}

#[test]
fn terms_find_what_they_say() {
    let event = json!({
        "action": "component.version.create", "outcome": "failure", "source": "api", "sender": "key_1",
        "actor": {"type": "agent", "id": "bot-1", "name": "Überbot", "session_id": "s-0", "groups": ["ops"],
            "on_behalf_of": {"type": "user", "id": "usr_12", "name": "Ada \"A\" Lovelace", "email": "Ada@Example.com",
                "session_id": "s-1"}},
        "targets": [{"type": "component", "id": "c:1", "name": "Checkout"},
            {"type": "project", "id": "payments", "metadata": {"tier": "gold"}},
            {"type": "AWS::S3::Bucket", "id": "arn:aws:s3:::logs"}],
        "ip": "::ffff:10.1.2.3", "user_agent": "curl", "request_id": "Req-1", "trace_id": "t1", "surface": "cli",
        "http": {"method": "POST"}, "reason": "quota exceeded", "message": "Release-candidate of orders",
        "changes": [{"path": "/spec/replicas", "before": 1, "after": {"max": [2.5, "three"]}}],
        "metadata": {"build": 17, "flag": true, "empty": "", "Note": "x*y (z)"}, "external_id": "evt-42",
    });
    for phrase in [
        "",
        "actor:bot-1",
        "actor:usr_12",
        "actor:ADA@example.com",
        "actor:\"ada \\\"a\\\" lovelace\"",
        "actor:überBOT",
        "actor_type:agent",
        "-actor_type:user",
        "action:component.version.create",
        "action:component.*",
        "action:component.version.*",
        "action:*.create",
        "action:*.version.create",
        "-action:comp.*",
        "-action:*.ate",
        "outcome:failure",
        "target:c:1",
        "target:checkout",
        "target:component:c:1",
        "target:component:CHECKOUT",
        "target:component:\"c:1\"",
        "-target:component:\"payments\"",
        "-target:project:checkout",
        "project:payments",
        "-project:PAYMENTS",
        "component:checkout",
        "-environment:payments",
        "target:AWS::S3::Bucket:arn:aws:s3:::logs",
        "target:arn:aws:s3:::logs",
        "-target:component",
        "resource:component",
        "-resource:project",
        "ip:10.1.2.3",
        "ip:10.0.0.0/8",
        "ip:::ffff:10.1.0.0/112",
        "-ip:10.2.0.0/16",
        "-ip:2001:db8::/32",
        "request_id:Req-1",
        "-request_id:req-1",
        "trace_id:t1",
        "session_id:s-0",
        "session_id:s-1",
        "external_id:evt-42",
        "source:api",
        "surface:cli",
        "metadata.build:17",
        "metadata.flag:true",
        "metadata.empty:\"\"",
        "metadata.Note:\"x*y (z)\"",
        "-metadata.note:x",
        "-metadata.build:1",
        "-metadata.tier:gold",
        "seq:7",
        "-seq:8",
        "bot",
        "überbot",
        "lovelace",
        "\"a lovelace\"",
        "example.com",
        "usr_12",
        "-usr_1",
        "s-0",
        "s-1",
        "checkout",
        "tier",
        "gold",
        "req-1",
        "-req",
        "exceeded",
        "\"release candidate\"",
        "-\"release orders\"",
        "-\"orders bot\"",
        "replicas",
        "\"2 5\"",
        "max",
        "three",
        "build",
        "17",
        "true",
        "evt-42",
        "-evt",
        "-42",
        "-curl",
        "-post",
        "-ops",
        "-failure",
        "-before",
        "-agent",
        "-key",
        "-10",
        "orders OR nothing",
        "-(orders nothing)",
        "actor:eve,usr_12",
    ] {
        assert!(finds(phrase, &event), "{phrase}");
        assert!(!finds(&format!("-({})", if phrase.is_empty() { "*" } else { phrase }), &event), "-({phrase})");
    }
    let bare = json!({"action": "a.b", "outcome": "success", "source": "api", "actor": {"type": "system", "id": "x"},
        "targets": [{"type": "y", "id": "z"}]});
    for phrase in ["-ip:0.0.0.0/0", "-ip:::/0", "-metadata.a:b", "-request_id:\"\"", "-reason", "-*"] {
        assert_eq!(finds(phrase, &bare), phrase != "-*", "{phrase}");
    }
}

#[test]
fn an_id_finds_its_event_only() {
    let id = EventId::new(PLACE.organization, PLACE.seq, PLACE.recorded_at);
    let term = Term::Id(id);
    assert!(term.matches(&RowView::EMPTY, &PLACE));
    assert!(!term.matches(&RowView::EMPTY, &Place { recorded_at: PLACE.recorded_at + 1, ..PLACE }));
    assert!(!term.matches(&RowView::EMPTY, &Place { seq: 8, ..PLACE }));
    assert!(!term.matches(&RowView::EMPTY, &Place { organization: &[8; 16], ..PLACE }));
}

#[test]
fn readings_of_a_target_are_every_split_into_type_and_id() {
    let readings: Vec<_> = target_readings("a:b::c:").collect();
    assert_eq!(readings, [(None, "a:b::c:"), (Some("a"), "b::c:"), (Some("a:b"), ":c:"), (Some("a:b:"), "c:")]);
    assert_eq!(target_readings("1:2").count(), 1);
}

/// A word that is likely to be in a random event, and to need an escape or a change of case.
fn word() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "a",
        "B",
        "b",
        "ada",
        "Ada",
        "ÄDA",
        "äda",
        "x:y",
        "x",
        "y",
        "a b",
        "A\"b",
        "back\\slash",
        "line\nbreak",
        "\u{1}",
        "true",
        "1",
        "",
        "ß",
        "i̇",
    ])
    .prop_map(str::to_owned)
}

fn maybe(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    proptest::option::of(value).prop_map(|value| value.unwrap_or(Value::Null))
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}

fn texts() -> impl Strategy<Value = Value> {
    word().prop_map(Value::String)
}

fn metadata() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![texts(), Just(json!(1)), Just(json!(true)), Just(json!(2.5))];
    proptest::collection::btree_map("[abx]", scalar, 1..3).prop_map(|map| map.into_iter().collect())
}

fn actor() -> impl Strategy<Value = Value> {
    let one = || {
        let kind = proptest::sample::select(ActorType::ALL).prop_map(|kind| json!(kind.as_str()));
        (kind, texts(), maybe(texts()), maybe(texts()), maybe(texts()), maybe(metadata())).prop_map(
            |(kind, id, name, email, session_id, metadata)| {
                object([
                    ("type", kind),
                    ("id", id),
                    ("name", name),
                    ("email", email),
                    ("session_id", session_id),
                    ("groups", json!(["x"])),
                    ("metadata", metadata),
                ])
            },
        )
    };
    proptest::collection::vec(one(), 1..4).prop_map(|depths| {
        let nest = |inner: Value, mut outer: Value| {
            outer["on_behalf_of"] = inner;
            outer
        };
        depths.into_iter().rev().reduce(nest).expect("at least one")
    })
}

fn event() -> impl Strategy<Value = Value> {
    let kind = proptest::sample::select(vec!["project", "x", "x:y"]).prop_map(|kind| json!(kind));
    let target = (kind, texts(), maybe(texts()), maybe(metadata())).prop_map(|(kind, id, name, metadata)| {
        object([("type", kind), ("id", id), ("name", name), ("metadata", metadata)])
    });
    let change = (texts(), maybe(metadata()), maybe(texts()))
        .prop_map(|(path, before, after)| object([("path", path), ("before", before), ("after", after)]));
    let ip = proptest::sample::select(vec!["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "192.168.0.1"]);
    let first = (
        proptest::sample::select(vec!["a.b", "a.b.c", "ab.c", "x.a.b"]),
        proptest::sample::select(Outcome::ALL),
        actor(),
        proptest::collection::vec(target, 1..3),
        maybe(ip.prop_map(|ip| json!(ip))),
        maybe(metadata()),
    );
    let second = (
        maybe(texts()),
        maybe(texts()),
        maybe(texts()),
        maybe(texts()),
        maybe(proptest::collection::vec(change, 1..3).prop_map(Value::from)),
    );
    (first, second).prop_map(
        |((action, outcome, actor, targets, ip, metadata), (request_id, message, reason, external_id, changes))| {
            object([
                ("action", json!(action)),
                ("outcome", json!(outcome.as_str())),
                ("source", json!("api")),
                ("actor", actor),
                ("targets", targets.into()),
                ("ip", ip),
                ("metadata", metadata),
                ("request_id", request_id),
                ("message", message),
                ("reason", reason),
                ("external_id", external_id),
                ("changes", changes),
            ])
        },
    )
}

fn term() -> impl Strategy<Value = Term> {
    let kind = || proptest::sample::select(vec!["project", "x", "x:y"]).prop_map(str::to_owned);
    let network = proptest::sample::select(vec!["10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32", "::/0"]);
    prop_oneof![
        word().prop_map(Term::Actor),
        proptest::sample::select(ActorType::ALL).prop_map(Term::ActorType),
        "a\\.b(\\.c)?".prop_map(|action| Term::Action(ActionPattern::Exact(action))),
        "a(\\.b)?".prop_map(|action| Term::Action(ActionPattern::Under(action))),
        "(b\\.)?c".prop_map(|action| Term::Action(ActionPattern::Verb(action))),
        proptest::sample::select(Outcome::ALL).prop_map(Term::Outcome),
        (proptest::option::of(kind()), word()).prop_map(|(kind, value)| Term::Target { kind, value }),
        (kind(), word()).prop_map(|(kind, value)| Term::Target { kind: None, value: format!("{kind}:{value}") }),
        kind().prop_map(Term::Resource),
        network.prop_map(|network| Term::Ip(network.parse().unwrap())),
        word().prop_map(Term::RequestId),
        word().prop_map(Term::SessionId),
        word().prop_map(Term::ExternalId),
        ("[abx]", word()).prop_map(|(key, value)| Term::Metadata { key, value }),
        (6u64..9).prop_map(Term::Seq),
        proptest::collection::vec(
            proptest::sample::select(vec!["a", "b", "ada", "äda", "x", "y", "true", "1", "2", "5"]),
            1..3
        )
        .prop_map(|words| Term::Words(words.into_iter().map(str::to_owned).collect())),
    ]
}

/// The rules of the terms once more, on parsed JSON and with nothing shared but the comparison of case.
fn has(term: &Term, event: &Value) -> bool {
    let mut actors = Vec::new();
    let mut next = &event["actor"];
    while next.is_object() {
        actors.push(next);
        next = &next["on_behalf_of"];
    }
    let targets = event["targets"].as_array().unwrap();
    let folded =
        |value: &Value, wanted: &str| value.as_str().is_some_and(|value| text::fold(value) == text::fold(wanted));
    let called = |target: &Value, wanted: &str| target["id"] == wanted || folded(&target["name"], wanted);
    let scalar = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
    match term {
        Term::Actor(wanted) => actors
            .iter()
            .any(|a| a["id"] == *wanted.as_str() || folded(&a["name"], wanted) || folded(&a["email"], wanted)),
        Term::ActorType(kind) => actors[0]["type"] == kind.as_str(),
        Term::Action(pattern) => {
            let parts: Vec<&str> = event["action"].as_str().unwrap().split('.').collect();
            let split = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
            match pattern {
                ActionPattern::Exact(action) => parts == split(action),
                ActionPattern::Under(prefix) => {
                    parts.starts_with(&split(prefix).iter().map(|s| &**s).collect::<Vec<_>>())
                        && parts.len() > split(prefix).len()
                }
                ActionPattern::Verb(verb) => {
                    parts.ends_with(&split(verb).iter().map(|s| &**s).collect::<Vec<_>>())
                        && parts.len() > split(verb).len()
                }
            }
        }
        Term::Outcome(outcome) => event["outcome"] == outcome.as_str(),
        Term::Target { kind: Some(kind), value } => {
            targets.iter().any(|t| t["type"] == *kind.as_str() && called(t, value))
        }
        Term::Target { kind: None, value } => targets.iter().any(|t| {
            let typed = value.strip_prefix(t["type"].as_str().unwrap()).and_then(|rest| rest.strip_prefix(':'));
            called(t, value) || typed.is_some_and(|rest| !rest.is_empty() && called(t, rest))
        }),
        Term::Resource(kind) => targets[0]["type"] == *kind.as_str(),
        Term::Ip(network) => event["ip"].as_str().is_some_and(|ip| match ip {
            "10.0.0.1" | "::ffff:10.0.0.1" => network.to_string().starts_with("10."),
            "2001:db8::1" => network.to_string().contains("::"),
            _ => false,
        }),
        Term::RequestId(wanted) => event["request_id"] == *wanted.as_str(),
        Term::SessionId(wanted) => actors.iter().any(|actor| actor["session_id"] == *wanted.as_str()),
        Term::ExternalId(wanted) => event["external_id"] == *wanted.as_str(),
        Term::Metadata { key, value } => event["metadata"].get(key).is_some_and(|found| scalar(found) == *value),
        Term::Seq(seq) => *seq == PLACE.seq,
        Term::Words(words) => {
            let mut texts = Vec::new();
            for (depth, actor) in actors.into_iter().enumerate() {
                texts.extend(["id", "name", "email"].map(|field| actor[field].clone()));
                if depth > 0 {
                    texts.push(actor["session_id"].clone());
                }
                add_leaves(&actor["metadata"], &mut texts);
            }
            for target in targets {
                texts.extend(["id", "name"].map(|field| target[field].clone()));
                add_leaves(&target["metadata"], &mut texts);
            }
            for change in event["changes"].as_array().unwrap_or(&Vec::new()) {
                texts.push(change["path"].clone());
                add_leaves(&change["before"], &mut texts);
                add_leaves(&change["after"], &mut texts);
            }
            let whole = |value: &Value| value.as_str().is_some_and(|id| text::words(id) == *words);
            let ids = [&event["request_id"], &event["external_id"], &event["actor"]["session_id"]];
            if ids.into_iter().any(whole) {
                return true;
            }
            texts.extend(["message", "reason"].map(|field| event[field].clone()));
            add_leaves(&event["metadata"], &mut texts);
            let phrase = format!(" {} ", words.join(" "));
            texts.iter().filter(|text| !text.is_null()).any(|text| {
                let lower: String = scalar(text).to_lowercase();
                let spaced: String = lower.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
                format!(" {} ", spaced.split_whitespace().collect::<Vec<_>>().join(" ")).contains(&phrase)
            })
        }
        other => unreachable!("not made by this test: {other:?}"),
    }
}

fn add_leaves(value: &Value, texts: &mut Vec<Value>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            texts.push(json!(key));
            add_leaves(value, texts);
        }),
        Value::Array(values) => values.iter().for_each(|value| add_leaves(value, texts)),
        other => texts.push(other.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn terms_agree_with_an_evaluation_on_parsed_json(event in event(), term in term()) {
        let stored = Stored::of(&event);
        prop_assert_eq!(term.matches(&stored.row(), &PLACE), has(&term, &event));
    }

    #[test]
    fn filters_are_the_logic_of_their_terms(event in event(), left in term(), right in term(), both in term()) {
        let stored = Stored::of(&event);
        let row = stored.row();
        let holds = |term: &Term| term.matches(&row, &PLACE);
        let [a, b, c] = [&left, &right, &both].map(|term| Filter::Term(term.clone()));
        let filter = Filter::Or(vec![
            Filter::And(vec![a.clone(), Filter::Not(Box::new(b.clone()))]),
            Filter::Not(Box::new(Filter::Or(vec![c, Filter::All.negated()]))),
        ]);
        let expected = (holds(&left) && !holds(&right)) || !holds(&both);
        prop_assert_eq!(filter.matches(&row, &PLACE), expected);
        prop_assert_eq!(filter.normalised().matches(&row, &PLACE), expected);
    }

    #[test]
    fn normalising_changes_no_answer(event in event(), terms in proptest::collection::vec(term(), 3)) {
        let stored = Stored::of(&event);
        let [a, b, c]: [Filter; 3] = terms.into_iter().map(Filter::Term).collect::<Vec<_>>().try_into().unwrap();
        let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
        for filter in [
            Filter::And(vec![]),
            Filter::Or(vec![]),
            Filter::And(vec![Filter::All, a.clone(), Filter::And(vec![b.clone(), a.clone()]), Filter::Or(vec![c.clone()])]),
            Filter::Or(vec![Filter::Or(vec![not(&not(&a)), not(&Filter::All)]), Filter::And(vec![b.clone(), not(&c)]), b.clone()]),
            Filter::And(vec![Filter::Or(vec![]), a.clone()]),
            Filter::Or(vec![Filter::And(vec![]), a.clone()]),
        ] {
            let normal = filter.clone().normalised();
            prop_assert_eq!(normal.matches(&stored.row(), &PLACE), filter.matches(&stored.row(), &PLACE));
        }
    }
}
