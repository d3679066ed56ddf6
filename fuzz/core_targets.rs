//! What must hold of the core for any input at all: nothing panics, and what is taken comes back the same.
//!
//! Included by the tests of the core and by the cargo-fuzz project beside this file.

use actarium_core::canonical::{Canonicalizer, from_parts};
use actarium_core::catalog::Catalog;
use actarium_core::event::{BodyForm, Intake, Limits, decode};
use actarium_core::filter::{Filter, PHRASE_BYTES_MAX, Place};
use actarium_core::id::EventId;
use actarium_core::render::{Placed, push_event, push_sent};
use actarium_core::row::{Column, EncodedRows, Micros, RowView};
use actarium_core::{json, stored, text, time, tree};

use crate::mutate::{Target, outcome};

/// 2026-01-02T03:04:05Z.
const NOW: Micros = 1_767_323_045_000_000;
const OPAQUE_ID: [u8; 16] = [7; 16];

/// All targets of the core.
pub const TARGETS: [Target; 5] = [
    Target { name: "phrase", run: phrase, dictionary: PHRASE_PIECES },
    Target { name: "events", run: events, dictionary: EVENT_PIECES },
    Target { name: "rows", run: rows, dictionary: EVENT_PIECES },
    Target { name: "parts", run: parts, dictionary: EVENT_PIECES },
    Target { name: "texts", run: texts, dictionary: TEXT_PIECES },
];

const PHRASE_PIECES: &[&str] = &[
    "actor:",
    "action:",
    "component.*",
    "*.delete",
    "outcome:",
    "denied",
    "target:",
    "role:",
    "project:",
    "ip:",
    "10.0.0.0/8",
    "::ffff:",
    "metadata.a:",
    "id:",
    "seq:",
    "request_id:",
    "(",
    ")",
    "\"",
    "\\\"",
    "\\\\",
    ",",
    "-",
    "*",
    " ",
    "OR",
    " OR ",
    "AND",
    "NOT ",
    "NOT",
    "ä",
    "\u{2003}",
    "İ",
    ":",
];

const EVENT_PIECES: &[&str] = &[
    "\"action\":\"component.promote\",",
    "\"outcome\":\"denied\",",
    "\"reason\":null,",
    "\"actor\":",
    "\"type\":\"user\"",
    "\"id\":\"x\"",
    "\"name\":\"\"",
    "\"email\":\"a@b\"",
    "\"groups\":[]",
    "\"on_behalf_of\":{",
    "\"session_id\":\"s\"",
    "\"targets\":[",
    "\"context\":{",
    "\"ip\":\"::1\"",
    "\"http\":{\"status\":200}",
    "\"changes\":[",
    "\"path\":\"/a~1b\"",
    "\"before\":null",
    "\"after\":{\"b\":1,\"a\":[]}",
    "\"metadata\":{}",
    "\"external_id\":\"e\"",
    "\"occurred_at\":\"2026-01-01T00:00:00.1234567+23:59\"",
    "\"seq\":1",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\n",
    "[[[[[[[[",
    "{\"a\":",
    "null",
    "true",
    "1.0",
    "-0.0",
    "1E2",
];

const TEXT_PIECES: &[&str] = &[
    "2026-02-29",
    "T23:59:60",
    "Z",
    "+00:00",
    "-24h",
    "now",
    "0000-",
    "01942f3a-7b5c-7123-8000-000000abcdef",
    "title = \"",
    "\"\"\"",
    "[[action]]",
    "[",
    "]",
    "{actor}",
    "{target}",
    "{",
    "}",
    "\n",
    "=",
];

/// The search phrase: read, printed and read again; errors lie within the phrase.
pub fn phrase(input: &[u8]) -> u64 {
    let phrase = String::from_utf8_lossy(input);
    match Filter::parse(&phrase) {
        Ok(filter) => {
            let printed = filter.to_string();
            assert!(printed.len() <= PHRASE_BYTES_MAX);
            assert_eq!(Filter::parse(&printed).as_ref(), Ok(&filter), "printed: {printed}");
            assert_eq!(filter.clone().normalised(), filter);
            let place = Place { organization: &OPAQUE_ID, seq: 1, recorded_at: NOW };
            assert_eq!(filter.matches(&RowView::EMPTY, &place), !filter.negated().matches(&RowView::EMPTY, &place));
            outcome(&printed.chars().filter(|c| c.is_ascii_punctuation()).collect::<String>())
        }
        Err(error) => {
            assert!(phrase.is_char_boundary(error.offset), "{error:?}");
            assert!(error.column + error.length <= phrase.chars().count() + 1, "{error:?}");
            outcome(&error.detail)
        }
    }
}

/// A body of events in both forms: what is taken is stored, shown, sent again and made canonical without any change.
pub fn events(input: &[u8]) -> u64 {
    let mut told = String::new();
    for form in [BodyForm::Json, BodyForm::Ndjson] {
        match decode(input, form, &Intake::new("api", "key_1", NOW), &Limits::default()) {
            Ok(rows) => {
                told.push_str(&format!("{form:?} {}", columns_present(&rows)));
                check_rows(&rows);
            }
            Err(refusal) => told.push_str(&refusal.to_string()),
        }
        let stamped = Intake { environment: Some("production"), ..Intake::new("api", "key_1", NOW) };
        if let Ok(rows) = decode(input, form, &stamped, &Limits::default()) {
            for row in rows.iter() {
                let targets = row.get(Column::Targets).expect("targets");
                assert!(
                    stored::targets(targets).any(|target| target.kind == "environment" && target.id == "production")
                );
            }
        }
    }
    outcome(&told)
}

fn columns_present(rows: &EncodedRows) -> String {
    rows.iter().flat_map(|row| row.texts).map(|text| if text.is_some() { 'x' } else { '-' }).take(200).collect()
}

fn check_rows(rows: &EncodedRows) {
    assert!(!rows.is_empty());
    assert_eq!(EncodedRows::from_bytes(rows.as_bytes().to_vec()).as_ref(), Ok(rows));
    for row in rows.iter() {
        let mut sent = Vec::new();
        push_sent(&mut sent, &row);
        let again = decode(&sent, BodyForm::Json, &Intake::new("api", "key_1", NOW), &Limits::default());
        assert_eq!(again.as_ref().map(|again| again.row(0)), Ok(row), "{}", String::from_utf8_lossy(&sent));

        let mut shown = Vec::new();
        push_event(&mut shown, &Placed { slug: "demo", opaque_id: &OPAQUE_ID, seq: 1, recorded_at: NOW }, &row);
        json::parse(&shown).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&shown)));

        let mut canonicalizer = Canonicalizer::new();
        let parts = canonicalizer.parts(&row, NOW).expect("a decoded row is canonical");
        let [fact, identity, personal, detail] = &parts.texts;
        let rebuilt = from_parts(fact, Some(identity), Some(personal), Some(detail)).expect("its own parts");
        let mut expected = row;
        expected.occurred_at = row.occurred_at.or(Some(NOW));
        expected.texts[Column::Sender as usize] = None;
        assert_eq!(rebuilt.row(0), expected);

        assert!(stored::actors(row.get(Column::Actor).expect("an actor")).count() >= 1);
        assert!(stored::targets(row.get(Column::Targets).expect("targets")).count() >= 1);
        check_words(&row);
    }
}

/// Every word of a row finds it, and of its ids all words together.
fn check_words(row: &RowView<'_>) {
    let place = Place { organization: &OPAQUE_ID, seq: 1, recorded_at: NOW };
    for column in Column::ALL {
        let mut phrases = Vec::new();
        text::column_texts(column, row.get(column).unwrap_or_default(), &mut |found| {
            let whole = matches!(column, Column::SessionId | Column::RequestId | Column::TraceId | Column::ExternalId);
            let words = text::words(found);
            phrases.extend(if whole { vec![words.join(" ")] } else { words });
        });
        for phrase in phrases.into_iter().filter(|phrase| !phrase.is_empty()).take(8) {
            let filter = Filter::parse(&format!("\"{phrase}\"")).expect("words are a phrase");
            assert!(filter.matches(row, &place), "{phrase} in {}", column.name());
        }
    }
}

/// Bytes that claim to be encoded rows: readers of damaged columns give up and do not panic.
pub fn rows(input: &[u8]) -> u64 {
    let rows = match EncodedRows::from_bytes(input.to_vec()) {
        Ok(rows) => rows,
        Err(damaged) => return outcome(damaged.problem),
    };
    assert_eq!(rows.as_bytes(), input);
    let place = Place { organization: &OPAQUE_ID, seq: 1, recorded_at: NOW };
    let filters =
        ["actor:a target:b:c", "metadata.a:1 OR ip:10.0.0.0/8", "\"a b\" -a resource:x", "session_id:s action:a.*"];
    let mut told = columns_present(&rows);
    let mut canonicalizer = Canonicalizer::new();
    for row in rows.iter() {
        for filter in filters {
            Filter::parse(filter).expect("a phrase").matches(&row, &place);
        }
        match canonicalizer.parts(&row, NOW) {
            Ok(_) => {
                let mut shown = Vec::new();
                push_event(&mut shown, &Placed { slug: "demo", opaque_id: &OPAQUE_ID, seq: 1, recorded_at: NOW }, &row);
            }
            Err(error) => told.push_str(&error.to_string()),
        }
    }
    outcome(&told)
}

/// Four lines that claim to be the canonical parts of an event; an empty line is a removed part.
pub fn parts(input: &[u8]) -> u64 {
    let lines: Vec<&[u8]> = input.splitn(4, |byte| *byte == b'\n').collect();
    let part = |number: usize| lines.get(number).copied().filter(|line: &&[u8]| !line.is_empty());
    let rebuilt = from_parts(lines[0], part(1), part(2), part(3));
    match rebuilt {
        Ok(rows) => {
            let again = Canonicalizer::new().parts(&rows.row(0), NOW).expect("a rebuilt row is canonical");
            for (number, text) in again.texts.iter().enumerate() {
                if let Some(given) = part(number) {
                    assert_eq!(text, given);
                }
            }
            outcome(&columns_present(&rows))
        }
        Err(error) => outcome(&error.to_string()),
    }
}

/// Small readers: times, ids, frontiers, the catalog.
pub fn texts(input: &[u8]) -> u64 {
    let mut told = String::new();
    let given = String::from_utf8_lossy(input);
    let line = given.lines().next().unwrap_or_default();
    match time::parse(line) {
        Ok(at) => assert_eq!(time::parse(&time::to_text(at)), Ok(at)),
        Err(error) => told.push_str(&error.to_string()),
    }
    if let Err(error) = time::parse_search_time(line, NOW) {
        told.push_str(&error.to_string());
    }
    match line.parse::<EventId>() {
        Ok(id) => assert_eq!(id.to_string().parse(), Ok(id)),
        Err(error) => told.push_str(&error.to_string()),
    }
    match tree::Frontier::from_bytes(input) {
        Ok(frontier) => assert_eq!(frontier.to_bytes(), input),
        Err(error) => told.push_str(&error.to_string()),
    }
    if let Err(error) = Catalog::parse(&given) {
        told.push_str(&error.to_string());
    }
    outcome(&told)
}
