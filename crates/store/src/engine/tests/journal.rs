//! The rows of the journal are proved before the first write after a start, and by the scrub.

use super::*;

/// A log whose last events are in the journal alone, in commits of their own.
fn unsealed() -> (Harness, OrganizationId) {
    let harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, plain(0..300)).unwrap();
    assert_eq!(harness.engine().seal_now(None).failures, []);
    for number in 300..305 {
        harness.append(demo, plain(number..number + 1)).unwrap();
    }
    (harness, demo)
}

const SWAP: &str = "UPDATE journal SET rows = CASE key & 1099511627775
        WHEN 301 THEN (SELECT rows FROM journal WHERE key & 1099511627775 = 302)
        ELSE (SELECT rows FROM journal WHERE key & 1099511627775 = 301) END
    WHERE key & 1099511627775 IN (301, 302)";
/// The rows are small and therefore not compressed.
const EDIT: &str = "UPDATE journal SET rows = CAST(REPLACE(CAST(rows AS TEXT), 'message 303', 'message 999') AS BLOB)
    WHERE key & 1099511627775 = 303";
const LATER: &str = "UPDATE journal SET recorded_at = recorded_at + 1 WHERE key & 1099511627775 = 304";

#[test]
fn changed_rows_are_found_at_the_start() {
    for (change, told) in [(SWAP, "before 302"), (EDIT, "before 304"), (LATER, "before 305")] {
        let (mut harness, demo) = unsealed();
        harness.stop();
        sql(&harness, change);
        harness.start().unwrap();
        let detail = stopped(&harness, demo);
        assert!(detail.contains("the journal: its rows") && detail.contains(told), "{detail}");
        assert_eq!(harness.engine().publish_checkpoints().unwrap(), 0, "nothing of it is signed");
    }
}

#[test]
fn rows_that_are_whole_go_on() {
    let (mut harness, demo) = unsealed();
    harness.restart();
    assert_eq!(harness.engine().damaged(), []);
    harness.append(demo, plain(305..306)).unwrap();
    assert!(harness.engine().scrub_rest(demo).unwrap() > 0);
    assert_eq!(harness.engine().damaged(), []);
}

#[test]
fn rows_that_change_later_are_found_by_the_scrub() {
    let (harness, demo) = unsealed();
    sql(&harness, EDIT);
    let failed = harness.engine().scrub_rest(demo).unwrap_err();
    assert!(failed.contains("before 304"), "{failed}");
    assert_eq!(stopped(&harness, demo), failed);
}

#[test]
fn what_was_proved_stays_in_memory_where_there_is_room() {
    let (mut harness, demo) = unsealed();
    let before = harness.read(demo);
    let in_memory = |harness: &Harness| {
        let log = harness.engine().shared.log(demo).unwrap();
        let state = log.state.lock();
        (state.tail.start(), state.tail.end())
    };
    harness.restart();
    assert_eq!(in_memory(&harness), (300, 305));
    assert_eq!(harness.read(demo), before);
    // Half of it is not enough for one of the rows.
    harness.options.limits.tail_bytes_max = 100;
    harness.restart();
    assert_eq!(in_memory(&harness), (305, 305));
    assert_eq!(harness.read(demo), before);
}

#[test]
fn all_logs_together_keep_no_more_than_half_of_the_room() {
    const LOGS: u64 = 8;
    let mut harness = Harness::new();
    for number in 0..LOGS {
        let organization = harness.create(&format!("log-{number}"));
        (0..4).for_each(|part| drop(harness.append(organization, plain(part * 50..(part + 1) * 50)).unwrap()));
        harness.read(organization);
    }
    let all = harness.engine().shared.tail_bytes.load(std::sync::atomic::Ordering::Relaxed);
    for share in [2, 8] {
        harness.options.limits.tail_bytes_max = all / share * 2;
        harness.restart();
        let kept = harness.engine().shared.tail_bytes.load(std::sync::atomic::Ordering::Relaxed);
        assert!(kept > 0 && kept <= all / share, "{kept} of {all}");
    }
}
