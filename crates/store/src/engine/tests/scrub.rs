//! The scrub finds what has changed on disk, names it, and stops writes to that organization alone.

use super::*;

/// Reads every segment of a log again.
fn scrub(harness: &Harness, organization: OrganizationId) -> Result<u64, String> {
    let (mut from_seq, mut segments) = (0, 0);
    while let Some(scrubbed) = harness.engine().scrub(organization, from_seq)? {
        assert!(scrubbed.bytes > 0 && scrubbed.end_seq > from_seq);
        (from_seq, segments) = (scrubbed.end_seq, segments + 1);
    }
    Ok(segments)
}

fn two_logs() -> (Harness, OrganizationId, OrganizationId) {
    let harness = Harness::new();
    let (demo, other) = (harness.create("demo"), harness.create("other"));
    for organization in [demo, other] {
        for part in 0..3 {
            harness.append(organization, plain(part * 300..(part + 1) * 300)).unwrap();
            harness.clock.advance(40 * DAY);
            harness.engine().seal_now(None);
        }
    }
    (harness, demo, other)
}

#[test]
fn what_is_whole_passes() {
    let (mut harness, demo, _) = two_logs();
    assert_eq!(scrub(&harness, demo), Ok(3));
    assert_eq!(harness.engine().damaged(), []);
    harness.restart();
    assert_eq!(scrub(&harness, demo), Ok(3));
}

#[test]
fn a_changed_byte_is_found_and_stops_that_log_alone() {
    let (harness, demo, other) = two_logs();
    let folder = harness.data().join("segments").join(demo.to_hex());
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut bytes = std::fs::read(&paths[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&paths[1], bytes).unwrap();
    let failed = scrub(&harness, demo).unwrap_err();
    assert!(failed.contains(paths[1].file_name().unwrap().to_str().unwrap()), "{failed}");
    assert_eq!(harness.engine().damaged(), [("demo".to_owned(), failed)]);
    assert_eq!(harness.engine().stats().damaged_organizations, 1);
    assert!(matches!(harness.append(demo, plain(0..1)), Err(AppendError::Damaged { .. })));
    assert_eq!(scrub(&harness, other), Ok(3));
    harness.append(other, plain(0..1)).unwrap();
}

#[test]
fn events_that_give_another_root_are_found() {
    let (harness, demo, _) = two_logs();
    harness.engine().shared.log(demo).unwrap().state.lock().manifest[2].root = [9; 32];
    let failed = scrub(&harness, demo).unwrap_err();
    assert!(failed.contains("frontier"), "{failed}");
}
