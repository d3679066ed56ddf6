//! Bodies that were made to confuse: each is refused with its place, and none is guessed at.

mod generate;

use actarium_core::event::{BodyForm, Intake, Limits, Refusal, decode};
use actarium_core::json::{Json, JsonErrorKind, parse, push_canonical, push_f64};
use actarium_core::limits::JSON_VALUES_MAX;
use actarium_core::row::EncodedRows;
use generate::{NOW, event, full, minimal};
use proptest::prelude::*;

fn read(body: &[u8], form: BodyForm) -> Result<EncodedRows, Refusal> {
    decode(body, form, &Intake::new("api", "key_1", NOW), &Limits::default())
}

/// Line, column and offset of a body that is not JSON.
fn unreadable(body: &[u8], form: BodyForm) -> (usize, usize, usize) {
    match read(body, form) {
        Err(Refusal::Unreadable { position, .. }) => (position.line, position.column, position.offset),
        other => panic!("{}: {other:?}", String::from_utf8_lossy(body)),
    }
}

/// Index, pointer and sentence of the one rule that is broken.
fn broken(body: &str, form: BodyForm) -> (usize, String, String) {
    match read(body.as_bytes(), form) {
        Err(Refusal::Invalid { violations, more: 0 }) if violations.len() == 1 => {
            (violations[0].index, violations[0].pointer.clone(), violations[0].sentence())
        }
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    assert_eq!(unreadable(b"{\"action\" \"x\"}", BodyForm::Json), (1, 11, 10));
    assert_eq!(unreadable(b"{\n  \"action\": tru\n}", BodyForm::Json).0, 2);
    assert_eq!(unreadable("{\"é\": \"日\", }".as_bytes(), BodyForm::Json).0, 1);
    assert_eq!(unreadable(b"{\"a\": 1} x", BodyForm::Json), (1, 10, 9));
    assert_eq!(unreadable(b"[{},", BodyForm::Json).0, 1);
    assert_eq!(unreadable(b"{\"a\": \"\x01\"}", BodyForm::Json).0, 1);
    assert_eq!(unreadable(b"{'a': 1}", BodyForm::Json), (1, 2, 1));
    assert_eq!(unreadable(b"{\"a\": NaN}", BodyForm::Json), (1, 7, 6));
    assert_eq!(unreadable(b"{\"a\": 01}", BodyForm::Json).0, 1);
    assert_eq!(unreadable(b"{\"a\": \"b\xff\"}", BodyForm::Json), (1, 9, 8));
    assert_eq!(unreadable(b"{\"a\": \"\xed\xa0\x80\"}", BodyForm::Json), (1, 8, 7));
    assert_eq!(unreadable(b"\xef\xbb\xbf{}", BodyForm::Json), (1, 1, 0));
    assert_eq!(unreadable(b"{\0}", BodyForm::Json).0, 1);
    let lines = format!("{}\n\n{{\"action\": }}\n", minimal());
    let (line, column, offset) = unreadable(lines.as_bytes(), BodyForm::Ndjson);
    assert_eq!((line, column), (3, 12));
    assert_eq!(&lines.as_bytes()[offset..offset + 1], b"}");
    // An event over two lines is not NDJSON.
    assert_eq!(unreadable(b"{\n}", BodyForm::Ndjson).0, 1);
}

#[test]
fn an_error_knows_where_in_the_document_it_is() {
    match read(br#"[{"metadata": {"a": 1, "b": x}}]"#, BodyForm::Json) {
        Err(Refusal::Unreadable { pointer, detail, .. }) => {
            assert_eq!(pointer.as_deref(), Some("/0/metadata/b"));
            assert_eq!(detail, "expected a value");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn duplicate_keys() {
    let (index, pointer, sentence) = broken(r#"{"action": "a.b", "action": "a.c"}"#, BodyForm::Json);
    assert_eq!((index, pointer.as_str()), (0, "/action"));
    assert!(sentence.contains("twice; each may stand once (line 1, column"), "{sentence}");
    // Keys are compared as what they mean, not as they are spelled.
    let (_, pointer, _) = broken(r#"{"metadata": {"a/b": 1, "\u0061\/b": 2}}"#, BodyForm::Json);
    assert_eq!(pointer, "/metadata/a~1b");
    let many: String = (0..200).map(|key| format!("\"k{key}\":1,")).collect();
    let body = format!("[{},{{\"metadata\":{{{many}\"k7\":2}}}}]", minimal());
    let (index, pointer, _) = broken(&body, BodyForm::Json);
    assert_eq!((index, pointer.as_str()), (1, "/metadata/k7"));
    let lines = format!("{}\n{{\"a\":1,\"a\":1}}\n{}", minimal(), minimal());
    let (index, pointer, sentence) = broken(&lines, BodyForm::Ndjson);
    assert_eq!((index, pointer.as_str()), (1, "/a"));
    assert!(sentence.contains("line 2"), "{sentence}");
}

#[test]
fn unpaired_surrogates() {
    for escape in [r"\ud800", r"\udfff", r"\ud83e x", r"\ud83e\ud83e", r"\udd80\ud83e", r"\uD83E\n", r"\\\ud83e"] {
        let body = format!("[{},{{\"message\": \"a{escape}\"}}]", minimal());
        let (index, pointer, sentence) = broken(&body, BodyForm::Json);
        assert_eq!((index, pointer.as_str()), (1, "/message"), "{escape}");
        assert!(sentence.contains("half of a surrogate pair"), "{escape}: {sentence}");
    }
    let (_, _, sentence) = broken(r#"{"\ud800": 1}"#, BodyForm::Json);
    assert!(sentence.contains("half of a surrogate pair, which is no character; allowed are whole pairs, or the character itself (line 1, column 3)"), "{sentence}");
    for escape in [r"\ud83e\udd80", r"\\ud800", r"\uFFFD", r"\u0000"] {
        let mut text = full().to_string();
        text = text.replacen("\"denied\"", &format!("\"denied\",\"x\":\"{escape}\""), 1);
        // Only the field is unknown; the text is fine.
        assert_eq!(broken(&text, BodyForm::Json).1, "/x", "{escape}");
    }
}

#[test]
fn numbers_that_would_be_rounded() {
    for number in [
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "1e300",
        "9007199254740992.0",
        "9007199254740993.0",
        "1e16",
        "1e999",
        "-1E+17",
    ] {
        let (_, pointer, sentence) = broken(&format!("{{\"metadata\": {{\"n\": {number}}}}}"), BodyForm::Json);
        assert_eq!(pointer, "/metadata/n", "{number}");
        assert!(sentence.contains("2^53"), "{number}: {sentence}");
    }
    for (number, kept) in [
        ("9007199254740992", "9007199254740992"),
        ("-9007199254740992", "-9007199254740992"),
        ("9007199254740991.0", "9007199254740991"),
        ("1.0", "1"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("1E2", "100"),
        ("100e-2", "1"),
        ("1.50", "1.5"),
        ("0.1", "0.1"),
        ("1e-7", "1e-7"),
        ("0.0000010", "0.000001"),
        ("1e-400", "0"),
    ] {
        let mut out = Vec::new();
        push_canonical(&mut out, &parse(number.as_bytes()).expect(number));
        assert_eq!(String::from_utf8(out).unwrap(), kept, "{number}");
    }
}

/// Doubles and spellings of RFC 8785, appendix B.
#[test]
fn doubles_are_spelled_as_ecmascript_does() {
    let samples: [(u64, &str); 24] = [
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7fefffffffffffff, "1.7976931348623157e+308"),
        (0xffefffffffffffff, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xc340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44b52d02c7e14af5, "9.999999999999997e+22"),
        (0x44b52d02c7e14af6, "1e+23"),
        (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
        (0x444b1ae4d6e2ef4e, "999999999999999700000"),
        (0x444b1ae4d6e2ef4f, "999999999999999900000"),
        (0x444b1ae4d6e2ef50, "1e+21"),
        (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
        (0x3eb0c6f7a0b5ed8d, "0.000001"),
        (0x41b3de4355555553, "333333333.3333332"),
        (0x41b3de4355555554, "333333333.33333325"),
        (0x41b3de4355555555, "333333333.3333333"),
        (0x41b3de4355555556, "333333333.3333334"),
        (0x41b3de4355555557, "333333333.33333343"),
        (0xbecbf647612f3696, "-0.0000033333333333333333"),
        (0x43143ff3c1cb0959, "1424953923781206.2"),
    ];
    for (bits, spelled) in samples {
        let mut out = Vec::new();
        push_f64(&mut out, f64::from_bits(bits));
        assert_eq!(String::from_utf8(out).unwrap(), spelled, "{bits:016x}");
    }
}

#[test]
fn more_values_than_an_event_has_room_for() {
    let zeros = |count: usize| format!(r#"{{"changes":[{{"path":"/a","after":[{}]}}]}}"#, vec!["0"; count].join(","));
    let (index, pointer, sentence) = broken(&format!("[{},{}]", minimal(), zeros(JSON_VALUES_MAX)), BodyForm::Json);
    assert_eq!((index, pointer.starts_with("/changes/0/after/")), (1, true), "{pointer}");
    assert!(sentence.contains("more than 32768 values"), "{sentence}");
    broken(&format!("{}\n{}", minimal(), zeros(JSON_VALUES_MAX)), BodyForm::Ndjson);
    // Each event of a batch may have as many as fit.
    let path = format!(r#"{{"path":"/a","after":[{}]}}"#, vec!["0"; 15_000].join(","));
    let full = minimal().to_string().replacen('{', &format!(r#"{{"changes":[{path}],"#), 1);
    let batch = vec![full; 5].join(",");
    assert_eq!(read(format!("[{batch}]").as_bytes(), BodyForm::Json).unwrap().len(), 5);
}

#[test]
fn deep_nesting() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(32).as_bytes()).is_ok());
    assert_eq!(parse(nested(33).as_bytes()).unwrap_err().kind, JsonErrorKind::Rule);
    // The event is the first level, wherever it stands; the array of the body does not count.
    for body in [nested(28), nested(40), "[".repeat(1_000_000)] {
        let one = format!("{{\"changes\":[{{\"path\":\"\",\"after\":{body}}}]}}");
        for (body, form) in
            [(one.clone(), BodyForm::Ndjson), (one.clone(), BodyForm::Json), (format!("[{one}]"), BodyForm::Json)]
        {
            match read(body.as_bytes(), form) {
                Err(Refusal::Invalid { violations, .. }) => {
                    let too_deep = violations.iter().any(|one| one.detail.contains("nested deeper than 32 levels"));
                    assert_eq!(too_deep, one.len() > 100, "{violations:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(matches!(read("[".repeat(2_000_000).as_bytes(), BodyForm::Json), Err(Refusal::Invalid { .. })));
}

#[test]
fn nul_and_controls_are_kept() {
    let mut event = minimal();
    event["message"] = "a\0b\u{1b}[31m\u{202e}".into();
    event["actor"]["name"] = "\0".into();
    let rows = read(event.to_string().as_bytes(), BodyForm::Json).expect("valid");
    assert_eq!(rows.row(0).get(actarium_core::row::Column::Message), Some("a\0b\u{1b}[31m\u{202e}"));
    assert_eq!(
        rows.row(0).get(actarium_core::row::Column::Actor),
        Some("{\"type\":\"user\",\"id\":\"usr_1\",\"name\":\"\\u0000\"}")
    );
}

fn as_serde(value: &Json<'_>) -> serde_json::Value {
    match value {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Int(value) => (*value).into(),
        Json::Float(value) => (*value).into(),
        Json::Str(text) => text.as_ref().into(),
        Json::Array(list) => list.iter().map(as_serde).collect(),
        Json::Object(fields) => fields.iter().map(|(key, value)| (key.as_ref(), as_serde(value))).collect(),
    }
}

/// Integers however they were spelled, as ours are.
fn settled(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(float) if number.as_i64().is_none() && float.fract() == 0.0 => (float as i64).into(),
            _ => number.into(),
        },
        serde_json::Value::Array(list) => list.into_iter().map(settled).collect(),
        serde_json::Value::Object(map) => map.into_iter().map(|(key, value)| (key, settled(value))).collect(),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_we_read_another_reader_reads_the_same(text in "[\\[\\]{}\",:\\\\/bfnrtu0189a.eE+ -]{0,24}") {
        let ours = parse(text.as_bytes());
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(theirs) => match ours {
                Ok(ours) => prop_assert_eq!(as_serde(&ours), settled(theirs)),
                Err(error) => prop_assert_eq!(error.kind, JsonErrorKind::Rule),
            },
            Err(_) => prop_assert!(ours.is_err()),
        }
    }

    #[test]
    fn doubles_are_read_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let mut out = Vec::new();
        push_f64(&mut out, value);
        prop_assert_eq!(std::str::from_utf8(&out).unwrap().parse::<f64>().unwrap(), value);
    }

    #[test]
    fn the_canonical_spelling_is_read_as_the_same(event in event()) {
        let text = event.to_string();
        let value = parse(text.as_bytes()).expect("JSON");
        let mut once = Vec::new();
        push_canonical(&mut once, &value);
        let again = parse(&once).expect("JSON");
        prop_assert_eq!(as_serde(&again), as_serde(&value));
        let mut twice = Vec::new();
        push_canonical(&mut twice, &again);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn damaged_bodies_never_panic(event in event(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = event.to_string().into_bytes();
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] = byte }
        for form in [BodyForm::Json, BodyForm::Ndjson] {
            match read(&body, form) {
                Ok(rows) => prop_assert!(!rows.is_empty()),
                Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&body, BodyForm::Json);
        let _ = read(&body, BodyForm::Ndjson);
    }
}
