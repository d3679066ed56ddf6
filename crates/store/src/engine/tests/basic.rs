//! Order, repeats, conflicts, changes of the directory, sealing, merging, restarts.

use super::*;
use crate::backend::DirectoryChange;
use crate::engine::append::{Change, Conflicting, FirstSeen};

fn messages(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(|seen| seen.message.clone().unwrap()).collect()
}

fn numbered(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| format!("message {number}")).collect()
}

#[test]
fn events_keep_their_order_and_time_never_goes_backwards() {
    let harness = Harness::new();
    let demo = harness.create("demo");
    let first = harness.append(demo, plain(0..3)).unwrap();
    assert_eq!(seqs(&first), [0, 1, 2]);
    assert_eq!(first.size, 3);
    harness.clock.advance(-30 * SECOND);
    let second = harness.append(demo, plain(3..5)).unwrap();
    assert_eq!(second.recorded_at, first.recorded_at, "a clock that went back does not take the log with it");
    harness.clock.advance(-31 * SECOND);
    let behind = harness.append(demo, plain(5..6)).unwrap_err();
    assert!(matches!(behind, AppendError::ClockBehind { .. }), "{behind:?}");
    harness.clock.advance(100 * SECOND);
    let third = harness.append(demo, plain(5..6)).unwrap();
    assert!(third.recorded_at > second.recorded_at);
    assert_eq!(messages(&harness.read(demo)), numbered(0..6));
}

#[test]
fn a_snapshot_does_not_change_and_subscribers_hear_of_growth() {
    let harness = Harness::new();
    let demo = harness.create("demo");
    let growth = harness.engine().subscribe(demo).unwrap();
    harness.append(demo, plain(0..10)).unwrap();
    let snapshot = harness.engine().snapshot(demo).unwrap();
    harness.append(demo, plain(10..2_000)).unwrap();
    harness.engine().seal_now(None);
    assert_eq!(snapshot.size, 10);
    assert_eq!(snapshot.tail.iter().map(|batch| batch.rows.rows.len()).sum::<usize>(), 10);
    assert_eq!(*growth.borrow(), 2_000);
}

#[test]
fn sealed_merged_and_restarted_logs_are_equal() {
    let mut harness = Harness::with(|options| options.seal.merge_segments_min = 3);
    let demo = harness.create("demo");
    let mut sent = 0;
    for _ in 0..5 {
        for count in [1, 700, 3] {
            harness.append(demo, plain(sent..sent + count)).unwrap();
            harness.clock.advance(SECOND);
            sent += count;
        }
        let report = harness.engine().seal_now(Some(demo));
        assert_eq!(report.failures, []);
        assert_eq!(report.rows, 704);
        assert_eq!(messages(&harness.read(demo)), numbered(0..sent));
    }
    let before = harness.read(demo);
    let head = harness.engine().snapshot(demo).unwrap();
    let stats = harness.engine().stats();
    assert!(stats.merges >= 3 && stats.segments <= 2, "{stats:?}");
    harness.restart();
    assert_eq!(harness.read(demo), before);
    let after = harness.engine().snapshot(demo).unwrap();
    assert_eq!((after.size, after.root), (head.size, head.root));
    // Files of merged segments are gone once nobody looks at them.
    drop((head, after));
    harness.restart();
    let folder = harness.data().join("segments").join(demo.to_hex());
    assert_eq!(std::fs::read_dir(folder).unwrap().count() as u64, stats.segments);
}

#[test]
fn repeats_are_recognised_in_batch_tail_and_segment_and_after_a_restart() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    let mut rows = with_ids(0..3);
    rows.append(&with_ids(1..2));
    let first = harness.append(demo, rows).unwrap();
    assert_eq!(duplicates(&first), [false, false, false, true]);
    assert_eq!(seqs(&first), [0, 1, 2, 1]);
    let again = |harness: &Harness, place: &str| {
        harness.clock.advance(SECOND);
        let answer = harness.append(demo, with_ids(0..3)).unwrap();
        assert_eq!(duplicates(&answer), [true; 3], "{place}");
        assert_eq!(seqs(&answer), [0, 1, 2], "{place}");
        assert!(answer.events.iter().all(|event| event.recorded_at == first.recorded_at), "{place}");
        let mut other = EncodedRows::new();
        push(&mut other, "something else", Some("id-1"));
        let conflict = harness.append(demo, other).unwrap_err();
        let recorded = Conflicting { index: 0, first: FirstSeen::Recorded { seq: 1 } };
        assert_eq!(conflict, AppendError::Conflict { events: vec![recorded] }, "{place}");
    };
    again(&harness, "tail");
    harness.restart();
    again(&harness, "tail after a restart");
    harness.engine().seal_now(None);
    again(&harness, "segment, with the table that was made before");
    harness.restart();
    again(&harness, "segment after a restart");
    // New and old mixed.
    let mixed = harness.append(demo, with_ids(1..5)).unwrap();
    assert_eq!(duplicates(&mixed), [true, true, false, false]);
    assert_eq!(seqs(&mixed), [1, 2, 3, 4]);
    assert_eq!(messages(&harness.read(demo)), numbered(0..5));
}

#[test]
fn a_conflict_within_a_batch_records_nothing_of_it() {
    let harness = Harness::new();
    let demo = harness.create("demo");
    let mut rows = with_ids(0..2);
    push(&mut rows, "other", Some("id-0"));
    push(&mut rows, "new", Some("id-7"));
    push(&mut rows, "another", Some("id-1"));
    let conflict = harness.append(demo, rows).unwrap_err();
    let same_batch = |index, first| Conflicting { index, first: FirstSeen::SameBatch { index: first } };
    assert_eq!(conflict, AppendError::Conflict { events: vec![same_batch(2, 0), same_batch(4, 1)] }, "all are told");
    assert_eq!(harness.read(demo), []);
    let answer = harness.append(demo, with_ids(0..2)).unwrap();
    assert_eq!(duplicates(&answer), [false, false], "ids of a refused batch are not remembered");
}

#[test]
fn an_event_without_time_of_occurrence_repeats_one_that_has_the_time_of_recording() {
    let harness = Harness::new();
    let demo = harness.create("demo");
    let one = |at| {
        let mut rows = EncodedRows::new();
        push_at(&mut rows, "m", Some("id"), at);
        rows
    };
    let first = harness.append(demo, one(None)).unwrap();
    for sealed in [false, true] {
        if sealed {
            assert_eq!(harness.engine().seal_now(None).failures, []);
        }
        harness.clock.advance(SECOND);
        assert_eq!(duplicates(&harness.append(demo, one(None)).unwrap()), [true]);
        assert_eq!(duplicates(&harness.append(demo, one(Some(first.recorded_at))).unwrap()), [true]);
        assert!(matches!(harness.append(demo, one(Some(7))), Err(AppendError::Conflict { .. })));
    }
}

#[test]
fn other_senders_and_other_organizations_have_ids_of_their_own() {
    let harness = Harness::new();
    let (demo, other) = (harness.create("demo"), harness.create("other"));
    harness.append(demo, with_ids(0..1)).unwrap();
    assert_eq!(duplicates(&harness.append(other, with_ids(0..1)).unwrap()), [false]);
    let mut rows = EncodedRows::new();
    let mine = with_ids(0..1);
    let mut row = mine.row(0);
    row.texts[Column::Sender as usize] = Some("key-2");
    rows.push(&row);
    assert_eq!(duplicates(&harness.append(demo, rows).unwrap()), [false]);
}

#[test]
fn beyond_the_window_only_the_whole_log_knows_an_id() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, with_ids(0..2)).unwrap();
    harness.engine().seal_now(None);
    harness.clock.advance(8 * DAY);
    harness.restart();
    assert_eq!(duplicates(&harness.append_whole(demo, with_ids(0..1)).unwrap()), [true]);
    assert_eq!(duplicates(&harness.append(demo, with_ids(1..2)).unwrap()), [false]);
}

#[test]
fn an_idempotency_key_gives_the_same_answer_across_a_restart_and_another_body_a_conflict() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, with_ids(0..2)).unwrap();
    // Partly a repeat, so that the places do not follow each other.
    let first = harness.append_keyed(demo, with_ids(1..4), "k", 1).unwrap();
    assert_eq!(seqs(&first), [1, 2, 3]);
    for restart in [false, true] {
        if restart {
            harness.restart();
        }
        let again = harness.append_keyed(demo, with_ids(1..4), "k", 1).unwrap();
        assert_eq!(duplicates(&again), [true; 3]);
        assert_eq!(seqs(&again), [1, 2, 3]);
        assert_eq!(harness.append_keyed(demo, plain(0..1), "k", 2).unwrap_err(), AppendError::KeyConflict);
    }
    assert_eq!(harness.read(demo).len(), 4);
    harness.clock.advance(8 * DAY);
    let later = harness.append_keyed(demo, plain(0..1), "k", 2).unwrap();
    assert_eq!(duplicates(&later), [false], "a key is forgotten after its window");
}

#[test]
fn many_threads_record_each_event_once() {
    let harness = Harness::with(|options| options.limits.commit_bytes_max = 4_096);
    let organizations = [harness.create("a"), harness.create("b")];
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let harness = &harness;
            scope.spawn(move || {
                for round in 0..50 {
                    // Every event is sent by two threads.
                    let first = (thread % 2) * 1_000 + round * 3;
                    for organization in organizations {
                        harness.append(organization, with_ids(first..first + 3)).unwrap();
                    }
                }
            });
        }
        scope.spawn(|| (0..5).for_each(|_| assert_eq!(harness.engine().seal_now(None).failures, [])));
    });
    for organization in organizations {
        let mut ids: Vec<_> = harness.read(organization).into_iter().map(|seen| seen.external_id.unwrap()).collect();
        assert_eq!(ids.len(), 300);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 300);
    }
}

#[test]
fn a_change_and_its_records_are_one() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    let entry = |id: &str, version, document: Option<&str>| DirectoryChange {
        kind: "on_prem_key".to_owned(),
        organization: Some(demo),
        id: id.to_owned(),
        expected_version: version,
        document: document.map(str::to_owned),
    };
    let append = |change: DirectoryChange| {
        let append = Append { directory: vec![change], ..Append::new(demo, plain(0..1)) };
        wait(harness.engine().append(append))
    };
    append(entry("k1", None, Some("{\"a\":1}"))).unwrap();
    let conflict = append(entry("k1", None, Some("{}"))).unwrap_err();
    assert!(matches!(conflict, AppendError::DirectoryConflict { .. }), "{conflict:?}");
    for (kind, document) in [("On-prem", "{}"), ("on_prem_key", "{"), ("on_prem_key", "")] {
        let wrong = DirectoryChange { kind: kind.to_owned(), ..entry("k3", None, Some(document)) };
        let refused = append(wrong).unwrap_err();
        assert!(matches!(refused, AppendError::Invalid { .. }), "{kind} {document}: {refused:?}");
    }
    append(entry("k1", Some(1), Some("{\"a\":2}"))).unwrap();
    append(entry("k2", None, Some("{}"))).unwrap();
    append(entry("k2", Some(1), None)).unwrap();
    assert_eq!(harness.read(demo).len(), 4, "the refused change left no record");
    let new = harness.engine().new_organization_id();
    let change = |slug: &str, id| Change {
        organizations: vec![NewOrganization { id, slug: slug.to_owned(), name: "N".to_owned() }],
        records: vec![(id, plain(0..1)), (demo, plain(4..5))],
        ..Change::default()
    };
    let answers = wait(harness.engine().change(change("new", new))).unwrap();
    assert_eq!(answers.iter().map(|answer| answer.size).collect::<Vec<_>>(), [1, 5]);
    let exists = wait(harness.engine().change(change("new", harness.engine().new_organization_id()))).unwrap_err();
    assert_eq!(exists, AppendError::OrganizationExists { slug: "new".to_owned() });
    harness.restart();
    let entries = harness.engine().directory_entries("on_prem_key", None).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].version, entries[0].document.as_str()), (2, "{\"a\":2}"));
    assert_eq!(harness.engine().organization("new").unwrap().id, new);
    assert_eq!(harness.read(new).len(), 1);
    assert_eq!(harness.read(demo).len(), 5);
}

#[test]
fn what_left_memory_comes_back_and_repeats_of_it_are_recognised() {
    let harness = Harness::with(|options| options.limits.tail_bytes_max = 200_000);
    let organizations: Vec<_> = (0..4).map(|number| harness.create(&format!("org-{number}"))).collect();
    for round in 0..20u64 {
        for organization in &organizations {
            harness.append(*organization, with_ids(round * 50..round * 50 + 50)).unwrap();
        }
    }
    // The committer evicts after it has answered.
    harness.append(organizations[0], with_ids(1_000..1_001)).unwrap();
    harness.append(organizations[0], with_ids(1_001..1_002)).unwrap();
    assert!(harness.engine().stats().tail_bytes <= 210_000, "{}", harness.engine().stats().tail_bytes);
    for organization in &organizations[1..] {
        assert_eq!(messages(&harness.read(*organization)), numbered(0..1_000));
        assert_eq!(duplicates(&harness.append(*organization, with_ids(0..1)).unwrap()), [true]);
    }
    assert_eq!(harness.engine().stats().unsealed_events, 4_002);
}

#[test]
fn too_much_is_refused_and_not_kept() {
    let harness = Harness::with(|options| {
        options.limits.queue_requests_max = 4;
        options.limits.request_bytes_max = 10_000;
    });
    let demo = harness.create("demo");
    let large = harness.append(demo, plain(0..1_000)).unwrap_err();
    assert!(matches!(large, AppendError::TooLarge { .. }), "{large:?}");
    // A log that nobody can publish to holds the committer up, so that requests pile up behind it.
    let log = harness.engine().shared.log(demo).unwrap();
    let state = log.state.lock();
    let waiting: Vec<_> = (0..20).map(|n| harness.engine().append(Append::new(demo, plain(n..n + 1)))).collect();
    drop(state);
    let answers: Vec<_> = waiting.into_iter().map(wait).collect();
    let refused = answers.iter().filter(|answer| matches!(answer, Err(AppendError::Overloaded { .. }))).count();
    let recorded = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(refused + recorded, 20);
    assert!(refused >= 10, "{refused} refused");
    assert_eq!(harness.read(demo).len(), recorded);
    assert_eq!(harness.engine().stats().refused[crate::engine::stats::Refused::Overloaded as usize], refused as u64);
}

#[test]
fn writers_wait_for_the_sealer_and_no_longer_than_they_may() {
    let harness = Harness::with(|options| {
        options.seal = SealPolicy { rows: 400, small_rows: 400, threads: 1, ..SealPolicy::default() };
        options.limits.unsealed_bytes_max = 100_000;
    });
    let demo = harness.create("demo");
    for round in 0..40u64 {
        harness.append(demo, plain(round * 100..round * 100 + 100)).unwrap();
        assert!(harness.engine().stats().unsealed_bytes < 150_000);
    }
    assert_eq!(messages(&harness.read(demo)), numbered(0..4_000));
    assert!(harness.engine().stats().seals >= 4);
}

#[test]
fn a_closed_engine_takes_nothing_and_has_finished_what_it_took() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    let waiting: Vec<_> = (0..50).map(|n| harness.engine().append(Append::new(demo, plain(n..n + 1)))).collect();
    harness.engine().shutdown();
    let late = wait(harness.engine().append(Append::new(demo, plain(0..1)))).unwrap_err();
    assert_eq!(late, AppendError::Closed);
    waiting.into_iter().for_each(|answer| assert!(wait(answer).is_ok()));
    harness.restart();
    assert_eq!(messages(&harness.read(demo)), numbered(0..50));
}

#[test]
fn the_memory_backend_serves_the_same_engine() {
    let harness = Harness::with(|options| options.journal = Journal::Memory);
    let demo = harness.create("demo");
    harness.append(demo, with_ids(0..2_000)).unwrap();
    assert_eq!(harness.engine().seal_now(None).failures, []);
    assert_eq!(duplicates(&harness.append(demo, with_ids(5..6)).unwrap()), [true]);
    assert_eq!(messages(&harness.read(demo)), numbered(0..2_000));
}
