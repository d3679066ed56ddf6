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

/// An event that Actarium records itself.
fn own(action: &str, targets: &str, metadata: Option<&str>) -> EncodedRows {
    let mut row = RowView::EMPTY;
    for (column, text) in [
        (Column::Action, action),
        (Column::Outcome, "success"),
        (Column::Source, "actarium"),
        (Column::Sender, "actarium"),
        (Column::Actor, r#"{"type":"system","id":"actarium"}"#),
        (Column::Targets, targets),
    ] {
        row.texts[column as usize] = Some(text);
    }
    row.texts[Column::Metadata as usize] = metadata;
    let mut rows = EncodedRows::new();
    rows.push(&row);
    rows
}

#[test]
fn what_no_purge_on_record_reaches_is_withheld() {
    use crate::engine::tiering::{TierCuts, TierEnds};
    let purged = |recorded: Option<Micros>| {
        let (harness, demo, _) = two_logs();
        if let Some(before) = recorded {
            let before = format!(r#"{{"before":"{}"}}"#, actarium_core::time::to_text(before));
            harness.append(demo, own("record.purge", r#"[{"type":"audit_log","id":"demo"}]"#, Some(&before))).unwrap();
        }
        let cuts = TierCuts { archive_before: START + 50 * DAY, purge_before: START + 50 * DAY };
        let ends = TierEnds { purges: true, ..harness.engine().tier_ends(demo, &cuts).unwrap() };
        assert!(harness.engine().tier_step(demo, ends, &[], 0).unwrap().unwrap().purged > 0);
        (harness, demo)
    };
    // With the record everything is as it should be, before and after it is sealed and the service is started again.
    let (mut harness, demo) = purged(Some(START + 50 * DAY));
    for _ in 0..2 {
        scrub(&harness, demo).unwrap();
        assert!(harness.engine().scrub_rest(demo).is_ok(), "{:?}", harness.engine().damaged());
        harness.engine().seal_now(None);
        harness.restart();
    }
    // Without one, and with one that does not reach so far, the events are withheld.
    for (record, told) in [(None, "has no record of a purge"), (Some(START), "the purges on record reach to 2026")] {
        let (harness, demo) = purged(record);
        scrub(&harness, demo).unwrap();
        let failed = harness.engine().scrub_rest(demo).unwrap_err();
        assert!(failed.contains("are passed off as purged") && failed.contains(told), "{failed}");
        assert_eq!(stopped(&harness, demo), failed);
    }
}

#[test]
fn a_log_is_of_the_organization_that_its_first_event_created() {
    for sealed in [false, true] {
        let mut harness = Harness::new();
        let created =
            |slug: &str| own("organization.create", &format!(r#"[{{"type":"organization","id":"{slug}"}}]"#), None);
        let (demo, other) = (harness.create("demo"), harness.create("other"));
        for (organization, slug) in [(demo, "demo"), (other, "other")] {
            harness.append(organization, created(slug)).unwrap();
            harness.append(organization, plain(0..10)).unwrap();
        }
        if sealed {
            harness.clock.advance(40 * DAY);
            assert_eq!(harness.engine().seal_now(None).failures, []);
        }
        assert!(scrub(&harness, demo).is_ok() && harness.engine().scrub_rest(demo).is_ok());
        harness.stop();
        sql(
            &harness,
            "UPDATE organizations SET slug = 'x' WHERE slug = 'demo';
             UPDATE organizations SET slug = 'demo' WHERE slug = 'other';
             UPDATE organizations SET slug = 'other' WHERE slug = 'x';",
        );
        harness.start().unwrap();
        for organization in [demo, other] {
            let found = scrub(&harness, organization)
                .map(|_| ())
                .and_then(|()| harness.engine().scrub_rest(organization).map(|_| ()));
            let failed = found.unwrap_err();
            assert!(failed.contains("event 0 created the organization as"), "{failed}");
        }
        assert_eq!(harness.engine().damaged().len(), 2);
    }
}
