//! Generations of a log: what the database says of them counts for nothing without the event that opened them.

use super::*;
use crate::engine::evidence::LogHead;

/// The event by which a log goes on, as the service records it.
fn continued(generation: u64, origin: &str, restored_size: u64, note: &str) -> EncodedRows {
    let metadata = serde_json::json!({
        "generation": generation, "previous_origin": origin, "previous_size": 12, "restored_size": restored_size, "checkpoint": note
    });
    let metadata = metadata.to_string();
    let mut row = RowView::EMPTY;
    for (column, text) in [
        (Column::Action, "audit_log.continue"),
        (Column::Outcome, "success"),
        (Column::Source, "actarium"),
        (Column::Sender, "actarium"),
        (Column::Actor, r#"{"type":"system","id":"actarium"}"#),
        (Column::Targets, r#"[{"type":"audit_log","id":"demo"}]"#),
        (Column::Metadata, &metadata),
    ] {
        row.texts[column as usize] = Some(text);
    }
    let mut rows = EncodedRows::new();
    rows.push(&row);
    rows
}

/// A log of ten events whose first generation had signed twelve.
fn restored() -> (Harness, OrganizationId, String) {
    let harness = Harness::with(|options| options.checkpoints_every = None);
    let demo = harness.create("demo");
    harness.append(demo, plain(0..10)).unwrap();
    let note = harness.engine().sign_checkpoint(demo, LogHead { size: 12, root: [7; 32] }).unwrap().to_string();
    (harness, demo, note)
}

fn open_second(harness: &Harness, demo: OrganizationId, note: &str) {
    let origin = format!("actarium.local/{demo}");
    let opened = wait(harness.engine().open_generation(demo, note.to_owned(), continued(2, &origin, 10, note)));
    assert_eq!(opened.unwrap().first_seq, 10);
}

fn insert(number: u64, first_seq: u64) -> String {
    format!(
        "INSERT INTO directory (kind, organization, id, version, document) VALUES ('log_generation', 1, 'current', 1,
             json_object('number', {number}, 'first_seq', {first_seq}, 'continues', 'x'))"
    )
}

#[test]
fn a_generation_with_its_event_goes_on() {
    let (mut harness, demo, note) = restored();
    open_second(&harness, demo, &note);
    for sealed in [false, true] {
        if sealed {
            assert_eq!(harness.engine().seal_now(None).failures, []);
        }
        harness.restart();
        assert_eq!(harness.engine().damaged(), []);
        assert_eq!(harness.engine().verifier_key(demo).name(), format!("actarium.local/{demo}/2"));
        harness.append(demo, plain(20..22)).unwrap();
        assert_eq!(harness.engine().scrub_rest(demo).map(|_| ()), Ok(()));
        let mut from_seq = 0;
        while let Some(scrubbed) = harness.engine().scrub(demo, from_seq).unwrap() {
            from_seq = scrubbed.end_seq;
        }
    }
}

#[test]
fn a_generation_without_its_event_is_none() {
    for (number, first_seq, sealed, told) in [
        (2, 10, false, "the log ends at 10"),
        (2, 9, false, "that event does not say so"),
        (2, 9, true, "that event does not say so"),
        (9_999_999_999_999, 3, false, "that event does not say so"),
    ] {
        let (mut harness, demo, _) = restored();
        if sealed {
            harness.engine().seal_now(None);
        }
        harness.stop();
        sql(&harness, &insert(number, first_seq));
        // Else one that reaches beyond the beginning says so first.
        sql(&harness, "DELETE FROM checkpoints");
        harness.start().unwrap();
        let detail = stopped(&harness, demo);
        assert!(detail.contains(told), "{detail}");
        assert_eq!(harness.engine().publish_checkpoints().unwrap(), 0, "nothing is signed under its origin");
    }
}

#[test]
fn an_event_of_another_generation_opens_none() {
    type Make = fn(&str, &str) -> EncodedRows;
    let cases: [(Make, &str); 3] = [
        (|origin, note| continued(3, origin, 10, note), "it opens generation 3, not 2"),
        (|origin, note| continued(2, &format!("{origin}/7"), 10, note), "it goes on from"),
        (|origin, note| continued(2, origin, 10, &note.replace("\n12\n", "\n13\n")), "the checkpoint in it"),
    ];
    for (make, told) in cases {
        let (mut harness, demo, note) = restored();
        let origin = format!("actarium.local/{demo}");
        harness.append(demo, make(&origin, &note)).unwrap();
        harness.stop();
        sql(&harness, &insert(2, 10));
        // Else one that reaches beyond the beginning says so first.
        sql(&harness, "DELETE FROM checkpoints");
        harness.start().unwrap();
        let detail = stopped(&harness, demo);
        assert!(detail.contains(told) || detail.contains("opened generation 3"), "{detail}");
    }
}

#[test]
fn a_generation_that_is_taken_away_is_missed() {
    let lost = "DELETE FROM directory WHERE kind = 'log_generation';";
    let older = "DELETE FROM checkpoints;";
    for (statements, sealed, told) in [
        (lost.to_owned(), false, "which generation it is in was taken away"),
        (format!("{lost}{older}"), false, "event 10 opened generation 2"),
        (format!("{lost}{older}"), true, "event 10 opened generation 2"),
    ] {
        let (mut harness, demo, note) = restored();
        open_second(&harness, demo, &note);
        if sealed {
            harness.engine().seal_now(None);
        }
        harness.stop();
        sql(&harness, &statements);
        harness.start().unwrap();
        if sealed {
            let failed = harness.engine().scrub(demo, 0).unwrap_err();
            assert!(failed.contains(told), "{failed}");
        }
        let detail = stopped(&harness, demo);
        assert!(detail.contains(told), "{detail}");
    }
}

#[test]
fn a_signing_key_without_a_hand_over_is_not_taken() {
    let (mut harness, demo, _) = restored();
    harness.stop();
    let other = Harness::new();
    let key = std::fs::read(other.data().join("log.key")).unwrap();
    std::fs::write(harness.data().join("log.key"), key).unwrap();
    let public: String = other.engine().log_public_key().iter().map(|byte| format!("{byte:02x}")).collect();
    sql(&harness, &format!("UPDATE identity SET log_public_key = x'{public}'"));
    harness.start().unwrap();
    let detail = stopped(&harness, demo);
    assert!(detail.contains("replaced without a hand-over"), "{detail}");
    assert_eq!(harness.engine().publish_checkpoints().unwrap(), 0, "the newest checkpoint is not overwritten");
}
