//! Erasure: exactly what was asked for is gone, from every byte of the folder, and every entry of the log stays as it was.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use actarium_core::erasure::{ErasableParts, ranges_of};
use actarium_core::filter::Filter;
use actarium_core::salt::PARTS;

use super::*;
use crate::engine::erasing::{EraseStep, Erasure};
use crate::engine::tiering::{Hold, TierCuts, TierEnds};
use crate::segment::Entry;

const NAMES: [&str; 3] = ["Aurelia Quillfeather", "Bartholomew Xylander", "Cassiopeia Wrenfield"];

/// An event by one of three people, with something in each of its parts.
fn push_person(rows: &mut EncodedRows, number: u64) {
    let who = number as usize % NAMES.len();
    let name = NAMES[who];
    let actor = format!(
        r#"{{"type":"agent","id":"bot","on_behalf_of":{{"type":"user","id":"usr-{who}-zz","name":"{name}","email":"mail{who}@quillpost.example"}}}}"#
    );
    let (message, ip) = (format!("{name} moved crate {number} furtively"), format!("10.9.{who}.77"));
    let external_id = format!("xid-{number}-vv");
    let mut row = RowView::EMPTY;
    for (column, text) in [
        (Column::Action, "component.deploy"),
        (Column::Outcome, "success"),
        (Column::Source, "api"),
        (Column::Sender, "key-1"),
        (Column::Actor, &actor),
        (Column::Targets, r#"[{"type":"component","id":"checkout"},{"type":"project","id":"shop"}]"#),
        (Column::Ip, &ip),
        (Column::Message, &message),
        (Column::Metadata, r#"{"note":"unremarkable"}"#),
        (Column::ExternalId, &external_id),
    ] {
        row.texts[column as usize] = Some(text);
    }
    rows.push(&row);
}

fn people(range: std::ops::Range<u64>) -> EncodedRows {
    let mut rows = EncodedRows::new();
    range.for_each(|number| push_person(&mut rows, number));
    rows
}

/// 600 events in the archive, 600 at hand in several segments, 60 in the journal, in small commits.
fn a_log() -> (Harness, OrganizationId) {
    let harness = Harness::with(|options| options.seal.merge_segments_min = 100);
    let demo = harness.create("demo");
    for part in 0..42u64 {
        harness.append(demo, people(part * 30..(part + 1) * 30)).unwrap();
        harness.clock.advance(DAY);
        if part % 10 == 9 {
            assert_eq!(harness.engine().seal_now(None).failures, []);
        }
    }
    let cuts = TierCuts { archive_before: START + 20 * DAY, purge_before: START };
    let ends = TierEnds { purges: true, ..harness.engine().tier_ends(demo, &cuts).unwrap() };
    let mut from_seq = 0;
    while let Some(step) = harness.engine().tier_step(demo, ends, &[], from_seq).unwrap() {
        from_seq = step.end_seq;
    }
    (harness, demo)
}

fn entries(harness: &Harness, demo: OrganizationId) -> Vec<Entry> {
    let size = harness.engine().snapshot(demo).unwrap().size;
    harness.engine().entries(demo, 0..size).unwrap()
}

/// What each event has lost, and its texts.
fn seen(harness: &Harness, demo: OrganizationId) -> Vec<(ErasableParts, String)> {
    let snapshot = harness.engine().snapshot(demo).unwrap();
    let mut seen = Vec::new();
    let mut salts_fit = true;
    harness
        .engine()
        .for_each_disclosed(&snapshot, 0..snapshot.size, &mut |event| {
            let texts = event.row.texts.iter().flatten().copied().collect::<Vec<_>>().join("\n");
            let parts = ErasableParts::erased_of(&event.row);
            salts_fit &= (0..PARTS).all(|part| event.salts[part].is_none() == parts.has(part));
            seen.push((parts, texts));
        })
        .unwrap();
    assert!(salts_fit, "a salt is there exactly where the part is");
    seen
}

fn carry_out(harness: &Harness, demo: OrganizationId, erasure: &Erasure, holds: &[Hold]) -> Vec<EraseStep> {
    let (mut steps, mut from_seq) = (Vec::new(), 0);
    while let Some(step) = harness.engine().erase_step(demo, erasure, holds, from_seq).unwrap() {
        from_seq = step.end_seq;
        steps.push(step);
    }
    assert!(harness.engine().wipe().unwrap(), "nobody is reading");
    steps
}

fn of_person(who: u64, size: u64) -> Vec<u64> {
    (0..size).filter(|seq| seq % NAMES.len() as u64 == who).collect()
}

fn scrub(harness: &Harness, demo: OrganizationId) {
    let mut from_seq = 0;
    while let Some(scrubbed) = harness.engine().scrub(demo, from_seq).unwrap() {
        from_seq = scrubbed.end_seq;
    }
}

#[test]
fn chosen_parts_go_and_every_entry_stays() {
    let (mut harness, demo) = a_log();
    let before = entries(&harness, demo);
    let texts_before = seen(&harness, demo);
    let root = harness.engine().head(demo).unwrap().root;
    let size = before.len() as u64;
    assert_eq!(size, 1_260);
    let of_first: BTreeSet<u64> = of_person(0, size).into_iter().collect();
    let parts = ErasableParts { identity: true, personal: true, detail: false };
    let mut erasure = Erasure::new();
    erasure.add(parts, ranges_of(of_first.iter().copied()));
    erasure.add(ErasableParts::DETAIL, [601..603, 602..604]);
    assert_eq!(erasure.parts_of(603), parts.union(ErasableParts::DETAIL));

    let check = |harness: &Harness| {
        assert_eq!(entries(harness, demo)[..before.len()], before);
        let now = seen(harness, demo);
        for (seq, ((lost, texts), (_, texts_before))) in now.iter().zip(&texts_before).enumerate() {
            let seq = seq as u64;
            assert_eq!(*lost, erasure.parts_of(seq), "{seq}");
            if lost.is_empty() {
                assert_eq!(texts, texts_before, "{seq}");
            }
            if of_first.contains(&seq) {
                assert!(!texts.contains("usr-0-zz") && !texts.contains("quillpost") && !texts.contains("10.9."));
                assert!(!texts.contains("xid-") && !texts.contains("key-1"));
                assert_eq!(texts.contains(&format!("moved crate {seq} ")), !(601..604).contains(&seq));
                assert!(texts.contains("\"user\"") && texts.contains("component.deploy"), "the fact stays: {texts}");
            }
        }
        scrub(harness, demo);
    };
    let steps = carry_out(&harness, demo, &erasure, &[]);
    assert_eq!(steps.iter().map(|step| step.erased).sum::<u64>(), of_first.len() as u64 + 2);
    assert_eq!(steps.last().unwrap().end_seq, size, "what was in the journal too");
    check(&harness);
    assert_eq!(harness.engine().head(demo).unwrap().root, root);
    harness.restart();
    check(&harness);
    let again = carry_out(&harness, demo, &erasure, &[]);
    assert_eq!(
        again.iter().map(|step| (step.erased, step.already)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (0, 422)
    );

    // The log goes on in the same epoch, segments with erased rows are merged, moved and purged as others are.
    harness.append(demo, people(1_260..1_300)).unwrap();
    harness.stop();
    harness.options.seal.merge_segments_min = 2;
    harness.start().unwrap();
    let report = harness.engine().seal_now(None);
    assert_eq!((report.failures, report.merges > 0), (Vec::new(), true));
    check(&harness);
    // An id that was erased may come again, others are still known.
    let again = harness.append_whole(demo, people(299..301)).unwrap();
    assert_eq!(duplicates(&again), [true, false]);
    let cuts = TierCuts { archive_before: START + 30 * DAY, purge_before: START + 10 * DAY };
    let ends = TierEnds { purges: true, ..harness.engine().tier_ends(demo, &cuts).unwrap() };
    let mut from_seq = 0;
    while let Some(step) = harness.engine().tier_step(demo, ends, &[], from_seq).unwrap() {
        from_seq = step.end_seq;
    }
    assert_eq!(entries(&harness, demo)[..before.len()], before);
    scrub(&harness, demo);
}

#[test]
fn held_events_stay_whole_until_they_are_released() {
    let (harness, demo) = a_log();
    let mut erasure = Erasure::new();
    erasure.add(ErasableParts::PERSONAL, ranges_of(of_person(1, 1_260)));
    let filter = Filter::parse("external_id:xid-4-vv OR external_id:xid-601-vv").unwrap();
    let hold = Hold { filter, from: Micros::MIN, to: Micros::MAX };
    let steps = carry_out(&harness, demo, &erasure, std::slice::from_ref(&hold));
    assert_eq!(steps.iter().map(|step| step.held).sum::<u64>(), 2);
    let whole = |harness: &Harness| {
        let seen = seen(harness, demo);
        of_person(1, 1_260).into_iter().filter(|seq| seen[*seq as usize].0.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(whole(&harness), [4, 601]);
    let steps = carry_out(&harness, demo, &erasure, &[]);
    assert_eq!(steps.iter().map(|step| step.erased).sum::<u64>(), 2);
    assert_eq!(whole(&harness), Vec::<u64>::new());
}

#[test]
fn what_was_cut_short_is_gone_on_with() {
    let (mut harness, demo) = a_log();
    let before = entries(&harness, demo);
    let mut erasure = Erasure::new();
    erasure.add(ErasableParts::PERSONAL, ranges_of(of_person(2, 1_260)));
    let first = harness.engine().erase_step(demo, &erasure, &[], 0).unwrap().unwrap();
    assert!(first.erased > 0 && first.end_seq < 1_260);
    // As after a crash behind the manifest's transaction: the old file is still there.
    let folder = harness.data().join("segments").join(demo.to_hex());
    std::fs::create_dir_all(&folder).unwrap();
    let stray = folder.join("0000000000000-00000000000000ff.parquet");
    std::fs::write(&stray, format!("left behind by {}", NAMES[2])).unwrap();
    harness.restart();
    carry_out(&harness, demo, &erasure, &[]);
    assert!(!stray.exists());
    let seen = seen(&harness, demo);
    assert!(of_person(2, 1_260).iter().all(|seq| seen[*seq as usize].0 == ErasableParts::PERSONAL));
    assert_eq!(entries(&harness, demo), before);
}

#[test]
fn keys_of_requests_that_are_erased_are_forgotten() {
    let harness = Harness::new();
    let demo = harness.create("demo");
    harness.append_keyed(demo, people(0..3), "first", 1).unwrap();
    harness.append_keyed(demo, people(3..6), "second", 2).unwrap();
    let mut erasure = Erasure::new();
    erasure.add(ErasableParts::PERSONAL, ranges_of([4]));
    carry_out(&harness, demo, &erasure, &[]);
    assert_eq!(duplicates(&harness.append_keyed(demo, people(0..3), "first", 1).unwrap()), [true; 3]);
    // Its body's digest could tell who guesses the body that he is right.
    harness.append_keyed(demo, plain(9..10), "second", 3).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What every file of a folder tells: its bytes, and all of anything compressed that begins anywhere in it.
pub(super) struct Told(Vec<(PathBuf, Vec<Vec<u8>>)>);

impl Told {
    pub fn by(folder: &Path) -> Self {
        const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
        let told = |path: PathBuf| {
            // What was merged may go at any moment.
            let bytes = std::fs::read(&path).ok()?;
            let frames = (0..bytes.len().saturating_sub(3)).filter(|at| bytes[*at..*at + 4] == FRAME);
            let unpacked = frames.map(|at| {
                let mut raw = Vec::new();
                // A frame that is cut still tells what it begins with.
                if let Ok(decoder) = zstd::stream::Decoder::new(&bytes[at..]) {
                    let _ = decoder.single_frame().take(64 << 20).read_to_end(&mut raw);
                }
                raw
            });
            let mut all: Vec<Vec<u8>> = unpacked.collect();
            all.push(bytes);
            Some((path, all))
        };
        Self(files(folder).into_iter().filter_map(told).collect())
    }

    /// The files that tell these bytes.
    pub fn files_with(&self, wanted: &[u8]) -> Vec<&Path> {
        let tells = |texts: &[Vec<u8>]| texts.iter().any(|text| holds(text, wanted));
        self.0.iter().filter(|(_, texts)| tells(texts)).map(|(path, _)| &**path).collect()
    }
}

#[test]
fn no_byte_of_the_folder_tells_what_was_erased() {
    let (mut harness, demo) = a_log();
    let gone = [NAMES[0], "usr-0-zz", "mail0@quillpost.example", "10.9.0.77", "xid-600-vv", "xid-1257-vv"];
    let stays = [NAMES[1], "usr-1-zz", "mail1@quillpost.example", "10.9.1.77", "xid-601-vv"];
    let wrapped =
        |harness: &Harness| harness.engine().shared.backend.epoch_keys(demo, 0, 0).unwrap()[0].wrapped.clone();
    let key_before = wrapped(&harness);
    // Without this the test could not fail.
    let told = Told::by(harness.data());
    for text in gone.iter().chain(&stays) {
        assert_ne!(told.files_with(text.as_bytes()), Vec::<&Path>::new(), "{text}");
    }
    let of_journal = |path: &&Path| path.file_name().unwrap().to_str().unwrap().starts_with("actarium.db");
    assert!(told.files_with(b"xid-1257-vv").iter().all(of_journal), "the newest are in the journal alone");
    assert_ne!(Told::by(&harness.data().join("archive")).files_with(NAMES[0].as_bytes()), Vec::<&Path>::new());
    assert_ne!(told.files_with(&key_before), Vec::<&Path>::new());

    let mut erasure = Erasure::new();
    let all = ErasableParts { identity: true, personal: true, detail: true };
    erasure.add(all, ranges_of(of_person(0, 1_260)));
    carry_out(&harness, demo, &erasure, &[]);
    for stopped in [false, true] {
        if stopped {
            harness.stop();
        }
        let told = Told::by(harness.data());
        for text in gone {
            assert_eq!(told.files_with(text.as_bytes()), Vec::<&Path>::new(), "{text}");
        }
        assert_eq!(told.files_with(&key_before), Vec::<&Path>::new(), "the key of the salts");
        for text in stays {
            assert_ne!(told.files_with(text.as_bytes()), Vec::<&Path>::new(), "{text}");
        }
    }
    harness.start().unwrap();
    assert_ne!(wrapped(&harness), key_before);
    let tree = harness.engine().shared.keys.epoch_key(demo, 0).unwrap();
    for seq in 0..1_260 {
        let left = tree.salts(seq).map(|salt| salt.is_some());
        assert_eq!(left, if seq % 3 == 0 { [true, false, false, false] } else { [true; 4] }, "{seq}");
    }
}
