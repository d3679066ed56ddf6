//! What comes in is what is kept, shown and hashed: properties over random events.

mod generate;

use actarium_core::canonical::{Canonicalizer, from_parts};
use actarium_core::event::{BodyForm, Intake, Limits, decode, encode_value};
use actarium_core::masking::Masking;
use actarium_core::render::{Placed, push_event, push_sent};
use actarium_core::row::{Column, EncodedRows};
use actarium_core::time;
use generate::{NOW, event, full, minimal, naive_parts};
use proptest::prelude::*;
use serde_json::Value;

/// Random keys may be those of credentials; what is masked has tests of its own.
static UNMASKED: Masking = Masking::OFF;

fn intake() -> Intake<'static> {
    Intake { masking: &UNMASKED, ..Intake::new("api", "key_1", NOW) }
}

fn take(body: &str) -> EncodedRows {
    decode(body.as_bytes(), BodyForm::Json, &intake(), &Limits::default()).expect("valid")
}

fn sent(rows: &EncodedRows, index: usize) -> String {
    let mut out = Vec::new();
    push_sent(&mut out, &rows.row(index));
    String::from_utf8(out).expect("UTF-8")
}

fn shown(rows: &EncodedRows, index: usize, recorded_at: i64) -> Value {
    let mut out = Vec::new();
    let placed = Placed { slug: "acme", opaque_id: &[7; 16], seq: 41, recorded_at };
    push_event(&mut out, &placed, &rows.row(index));
    serde_json::from_slice(&out).expect("JSON")
}

/// Without absent fields, as they are shown.
fn tidy(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| *key != "changes").map(|(key, value)| (key.clone(), tidy(value)));
            let mut kept: serde_json::Map<String, Value> = kept
                .filter(|(_, value)| match value {
                    Value::Null => false,
                    Value::Object(map) => !map.is_empty(),
                    Value::Array(list) => !list.is_empty(),
                    _ => true,
                })
                .collect();
            if let Some(changes) = map.get("changes").and_then(Value::as_array).filter(|list| !list.is_empty()) {
                kept.insert("changes".to_owned(), Value::from(changes.clone()));
            }
            Value::Object(kept)
        }
        Value::Array(list) => Value::Array(list.iter().map(tidy).collect()),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_event_sent_again_as_it_was_kept_is_the_same_row(event in event()) {
        let rows = take(&event.to_string());
        let again = take(&sent(&rows, 0));
        prop_assert_eq!(again, rows);
    }

    #[test]
    fn what_is_shown_is_what_was_sent(event in event()) {
        let rows = take(&event.to_string());
        let mut shown = shown(&rows, 0, NOW);
        let mut expected = tidy(&event);
        let fields = shown.as_object_mut().unwrap();
        for name in ["id", "seq", "organization", "recorded_at", "source"] {
            prop_assert!(fields.remove(name).is_some(), "{name}");
        }
        let defaults = expected.as_object_mut().unwrap();
        defaults.entry("outcome").or_insert("success".into());
        defaults.entry("occurred_at").or_insert(time::to_text(NOW).into());
        prop_assert_eq!(shown, expected);
    }

    #[test]
    fn a_value_gives_the_same_row_as_its_text(event in event()) {
        let from_value = encode_value(&event, &intake()).expect("valid");
        prop_assert_eq!(from_value, take(&event.to_string()));
    }

    #[test]
    fn white_space_does_not_matter(event in event()) {
        let spaced = serde_json::to_string_pretty(&event).unwrap();
        prop_assert_eq!(take(&spaced), take(&event.to_string()));
    }

    #[test]
    fn canonical_parts_are_those_of_the_specification(event in event()) {
        let rows = take(&event.to_string());
        let parts = Canonicalizer::new().parts(&rows.row(0), NOW).expect("canonical");
        let naive = naive_parts(&event, "api", &time::to_text(NOW));
        for (made, expected) in parts.texts.iter().zip(&naive) {
            prop_assert_eq!(std::str::from_utf8(made).unwrap(), expected);
        }
    }

    #[test]
    fn parts_give_back_the_row(event in event()) {
        let rows = take(&event.to_string());
        let [fact, identity, personal, detail] = Canonicalizer::new().parts(&rows.row(0), NOW).unwrap().texts;
        let rebuilt = from_parts(&fact, Some(&identity), Some(&personal), Some(&detail)).expect("canonical");
        let mut expected = rows.row(0);
        expected.occurred_at = Some(expected.occurred_at.unwrap_or(NOW));
        expected.texts[Column::Sender as usize] = None;
        prop_assert_eq!(rebuilt.row(0), expected);
    }

    #[test]
    fn what_is_left_of_the_parts_is_still_read(event in event(), left in 0u8..8) {
        let rows = take(&event.to_string());
        let parts = Canonicalizer::new().parts(&rows.row(0), NOW).unwrap().texts;
        let kept = |part: usize| (left >> (part - 1) & 1 == 1).then_some(parts[part].as_slice());
        let rebuilt = from_parts(&parts[0], kept(1), kept(2), kept(3)).expect("canonical");
        let again = Canonicalizer::new().parts(&rebuilt.row(0), NOW).unwrap().texts;
        for (part, text) in parts.iter().enumerate().filter(|(part, _)| *part == 0 || kept(*part).is_some()) {
            prop_assert_eq!(text, &again[part]);
        }
        shown(&rebuilt, 0, NOW);
    }

    #[test]
    fn changed_parts_are_never_taken_for_others(event in event(), part in 0usize..4, at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let rows = take(&event.to_string());
        let original = Canonicalizer::new().parts(&rows.row(0), NOW).unwrap().texts;
        let mut parts = original.clone();
        let at = at.index(parts[part].len());
        parts[part][at] = to;
        let [fact, identity, personal, detail] = &parts;
        if let Ok(rebuilt) = from_parts(fact, Some(identity), Some(personal), Some(detail)) {
            prop_assert_eq!(&Canonicalizer::new().parts(&rebuilt.row(0), NOW).unwrap().texts, &parts);
        }
    }

    #[test]
    fn a_batch_is_its_events_one_after_the_other(events in proptest::collection::vec(event(), 1..5)) {
        let array = Value::from(events.clone()).to_string();
        let lines: String = events.iter().map(|event| format!("{event}\r\n\n")).collect();
        let mut expected = EncodedRows::new();
        events.iter().for_each(|event| expected.append(&take(&event.to_string())));
        prop_assert_eq!(&take(&array), &expected);
        let from_lines = decode(lines.as_bytes(), BodyForm::Ndjson, &intake(), &Limits::default());
        prop_assert_eq!(from_lines.as_ref(), Ok(&expected));
        for (index, row) in expected.iter().enumerate() {
            for column in Column::ALL {
                prop_assert_eq!(expected.has(index, column), row.get(column).is_some());
                prop_assert_eq!(expected.texts(index, [column]), [row.get(column)]);
                if column != Column::Actor {
                    let both = [Column::Actor.min(column), Column::Actor.max(column)];
                    prop_assert_eq!(expected.texts(index, both), both.map(|column| row.get(column)));
                }
            }
        }
        prop_assert_eq!(EncodedRows::from_bytes(expected.as_bytes().to_vec()), Ok(expected));
    }
}

#[test]
fn a_minimal_and_a_full_event_are_kept_as_written_down() {
    let rows = take(&minimal().to_string());
    assert_eq!(
        sent(&rows, 0),
        r#"{"action":"component.promote","outcome":"success","actor":{"type":"user","id":"usr_1"},"targets":[{"type":"component","id":"cmp_1"}]}"#
    );
    assert_eq!(rows.row(0).get(Column::Source), Some("api"));
    assert_eq!(rows.row(0).get(Column::Sender), Some("key_1"));
    let rows = take(&full().to_string());
    assert_eq!(
        sent(&rows, 0),
        concat!(
            r#"{"occurred_at":"2026-01-02T03:04:05.000006Z","action":"component.promote","outcome":"denied","reason":"not \"allowed\"","#,
            r#""actor":{"type":"agent","id":"agt_1","name":"Deploy Bot","email":"bot@example.com","issuer":"https://id.example.com","#,
            r#""session_id":"ses_1","groups":["ci","bots"],"metadata":{"a":"first","z":1},"#,
            r#""on_behalf_of":{"type":"user","id":"usr_1","name":"Ada","session_id":"ses_2"}},"#,
            r#""targets":[{"type":"component","id":"cmp_1","name":"orders","metadata":{"tier":1}},{"type":"project","id":"prj_1"}],"#,
            r#""context":{"ip":"2001:db8::7","user_agent":"cli/1.0","request_id":"req_1","trace_id":"trc_1","surface":"cli","#,
            r#""http":{"method":"POST","path":"/promote","status":403}},"#,
            r#""changes":[{"path":"/spec/replicas","before":null,"after":{"a":1e-7,"b":[1,2.5]}}],"#,
            r#""message":"Line one\nline two 🦀","metadata":{"build":17,"commit":"abc","dry_run":false},"external_id":"ext_1"}"#
        )
    );
    assert_eq!(rows.row(0).get(Column::SessionId), Some("ses_1"));
    assert!(!rows.row(0).get(Column::Actor).unwrap().contains("ses_1"));
}

#[test]
fn an_environment_is_stamped_once() {
    let intake = Intake { environment: Some("env_\"1\""), ..Intake::new("api", "key_1", NOW) };
    let rows = encode_value(&minimal(), &intake).expect("valid");
    let stamped = r#"[{"type":"component","id":"cmp_1"},{"type":"environment","id":"env_\"1\""}]"#;
    assert_eq!(rows.row(0).get(Column::Targets), Some(stamped));
    let mut named = minimal();
    named["targets"] = serde_json::from_str(stamped).unwrap();
    assert_eq!(encode_value(&named, &intake), Ok(rows));
}

#[test]
fn damaged_columns_are_an_error_and_no_panic() {
    let rows = take(&full().to_string());
    for column in [Column::Actor, Column::Targets] {
        let text = rows.row(0).get(column).unwrap().to_owned();
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for bad in [
                text[..at].to_owned(),
                format!("{}\"{}", &text[..at], &text[at..]),
                format!("{}}}{}", &text[..at], &text[at..]),
            ] {
                let mut row = rows.row(0);
                row.texts[column as usize] = Some(&bad);
                let _ = Canonicalizer::new().parts(&row, NOW);
                let mut out = Vec::new();
                push_sent(&mut out, &row);
            }
        }
        let mut row = rows.row(0);
        row.texts[column as usize] = Some("{\"colour\":1}");
        let error = Canonicalizer::new().parts(&row, NOW).unwrap_err();
        assert_eq!(error.column, column.name());
        row.texts[column as usize] = None;
        assert!(Canonicalizer::new().parts(&row, NOW).is_err());
    }
}
