//! The scrub finds what has changed on disk, names it, and stops writes to that organization alone.

use super::*;
use crate::segment::SegmentSummary;

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

/// Changes what the manifest in memory has of the second segment of a log.
fn change_summary(harness: &Harness, demo: OrganizationId, change: impl FnOnce(&mut SegmentSummary)) {
    change(&mut harness.engine().shared.log(demo).unwrap().state.lock().manifest[1].summary);
}

#[test]
fn the_rows_that_are_kept_whole_are_those_of_the_columns() {
    let (harness, demo, _) = two_logs();
    let entry = harness.engine().shared.log(demo).unwrap().state.lock().manifest[1].clone();
    let path = harness.data().join("segments").join(&entry.path);
    let mut bytes = std::fs::read(&path).unwrap();
    let (offset, length) = entry.summary.newest.unwrap();
    let newest = &mut bytes[offset as usize..(offset + length) as usize];
    let mut raw = zstd::bulk::decompress(newest, 1 << 20).unwrap();
    for at in 0..raw.len() - 7 {
        if raw[at..].starts_with(b"success") {
            raw[at..at + 7].copy_from_slice(b"failure");
        }
    }
    let changed = zstd::bulk::compress(&raw, 19).unwrap();
    assert!(changed.len() <= newest.len(), "it fits into its place");
    newest[..changed.len()].copy_from_slice(&changed);
    std::fs::write(&path, &bytes).unwrap();
    change_summary(&harness, demo, |summary| {
        summary.newest = Some((offset, changed.len() as u64));
        summary.checks = crate::segment::checksums(&bytes);
    });
    let failed = scrub(&harness, demo).unwrap_err();
    assert!(failed.contains("newest rows"), "{failed}");
    assert_eq!(stopped(&harness, demo), failed);
}

#[test]
fn times_by_which_searches_pass_over_a_segment_are_those_of_its_events() {
    type Change = fn(&mut SegmentSummary);
    let changes: [Change; 3] =
        [|summary| summary.occurred = (1, 1), |summary| summary.recorded.0 += 1, |summary| summary.occurred.1 += 1];
    for change in changes {
        let (harness, demo, _) = two_logs();
        change_summary(&harness, demo, change);
        let failed = scrub(&harness, demo).unwrap_err();
        assert!(failed.contains("other times"), "{failed}");
    }
}

#[test]
fn stored_tiles_are_those_of_the_tree() {
    let (harness, demo, _) = two_logs();
    sql(&harness, "UPDATE tiles SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 1");
    let failed = scrub(&harness, demo).unwrap_err();
    assert!(failed.contains("tile 1/0 is stored with another hash of the events 0 to 255"), "{failed}");
    assert_eq!(stopped(&harness, demo), failed);
    // Of more events than there are.
    let (harness, demo, _) = two_logs();
    sql(&harness, "UPDATE tiles SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE level = 1");
    let failed = harness.engine().scrub_rest(demo).unwrap_err();
    assert!(failed.contains("4 hashes, and the log has 3"), "{failed}");
    // Of an upper level.
    let (harness, demo, _) = two_logs();
    for part in 0..14 {
        harness.append(demo, plain(part * 5_000..(part + 1) * 5_000)).unwrap();
    }
    harness.engine().seal_now(None);
    assert!(harness.engine().scrub_rest(demo).is_ok());
    sql(&harness, "UPDATE tiles SET hashes = zeroblob(32) WHERE level = 2");
    let failed = harness.engine().scrub_rest(demo).unwrap_err();
    assert!(failed.contains("tile 2/0 is stored with another hash of tile 1/0"), "{failed}");
}
