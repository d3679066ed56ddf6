//! Archiving and purging: exactly what is due goes, everything else and every entry of the log stays as it was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use actarium_core::filter::Filter;
use actarium_core::key_tree::KeyTree;
use actarium_core::tlog::{Node, Nodes, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
use actarium_core::tree::{Frontier, leaf_hash};

use super::erasing::Told;
use super::*;
use crate::engine::tiering::{HOLD_BLOCK_EVENTS, Hold, TierCuts, TierEnds, TierStep};
use crate::segment::{Entry, Tier};

/// Sixty days of 40 events each, two commits a day, sealed every third day.
fn sixty_days() -> (Harness, OrganizationId) {
    let harness = Harness::with(|options| options.seal.merge_segments_min = 4);
    let demo = harness.create("demo");
    for day in 0..60u64 {
        harness.append(demo, with_ids(day * 40..day * 40 + 30)).unwrap();
        harness.clock.advance(DAY / 2);
        harness.append(demo, with_ids(day * 40 + 30..day * 40 + 40)).unwrap();
        harness.clock.advance(DAY / 2);
        if day % 3 == 2 {
            assert_eq!(harness.engine().seal_now(None).failures, []);
        }
    }
    (harness, demo)
}

fn cuts(archive_days: i64, purge_days: i64) -> TierCuts {
    TierCuts { archive_before: START + archive_days * DAY, purge_before: START + purge_days * DAY }
}

fn carry_out(harness: &Harness, demo: OrganizationId, cuts: &TierCuts, holds: &[Hold]) -> Vec<TierStep> {
    let ends = TierEnds { purges: true, ..harness.engine().tier_ends(demo, cuts).unwrap() };
    let (mut steps, mut from_seq) = (Vec::new(), 0);
    while let Some(step) = harness.engine().tier_step(demo, ends, holds, from_seq).unwrap() {
        from_seq = step.end_seq;
        steps.push(step);
    }
    harness.engine().wipe().unwrap();
    steps
}

/// The sequence numbers that can be read, with their tier.
fn living(harness: &Harness, demo: OrganizationId) -> Vec<(u64, Tier)> {
    let snapshot = harness.engine().snapshot(demo).unwrap();
    let mut seen = Vec::new();
    for segment in snapshot.segments.iter() {
        let summary = segment.summary();
        let mut look = |seq: u64, _: Micros, row: RowView<'_>| {
            assert_eq!(row.get(Column::Message), Some(&*format!("message {seq}")));
            seen.push((seq, summary.tier));
        };
        segment.for_each_row(summary.first_seq..segment.end_seq(), &mut look).unwrap();
    }
    let tail =
        snapshot.tail.iter().flat_map(|batch| batch.rows.iter().map(|(seq, ..)| (seq, Tier::Hot)).collect::<Vec<_>>());
    seen.extend(tail);
    seen
}

fn expected(purged: u64, archived: u64, size: u64) -> Vec<(u64, Tier)> {
    let tier = |seq| if seq < archived { Tier::Archive } else { Tier::Hot };
    (purged..size).map(|seq| (seq, tier(seq))).collect()
}

fn entries(harness: &Harness, demo: OrganizationId) -> Vec<Entry> {
    let size = harness.engine().snapshot(demo).unwrap().size;
    harness.engine().entries(demo, 0..size).unwrap()
}

fn root(entries: &[Entry]) -> [u8; 32] {
    let mut tree = Frontier::new();
    for entry in entries {
        tree.push(leaf_hash(&actarium_core::canonical::entry(entry.recorded_at, &entry.commit)));
    }
    tree.root()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Files below the folder that hold the bytes.
fn key_of(harness: &Harness, demo: OrganizationId) -> KeyTree {
    harness.engine().shared.keys.epoch_key(demo, 0).unwrap()
}

#[test]
fn what_is_sealed_while_a_plan_is_made_is_not_taken_for_older() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, with_ids(0..40)).unwrap();
    harness.clock.advance(30 * DAY);
    harness.append(demo, with_ids(40..60)).unwrap();
    // No room for the rows that the start reads.
    harness.options.limits.tail_bytes_max = 100;
    harness.restart();
    let log = harness.engine().shared.log(demo).unwrap();
    let plan = std::thread::scope(|scope| {
        // The plan has looked at the segments and waits for the rows that are not in memory.
        let loading = log.loading.lock();
        let planning = scope.spawn(|| harness.engine().tier_plan(demo, &cuts(20, 10)).unwrap());
        let deadline = harness.clock.elapsed() + Duration::from_secs(60);
        while log.state.lock().pins == 0 {
            assert!(harness.clock.elapsed() < deadline, "the plan has not come to wait for the rows within a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(harness.engine().seal_now(None).rows, 60);
        drop(loading);
        planning.join().unwrap()
    });
    assert_eq!((plan.purge_end, plan.archive_end, plan.to_purge.events), (40, 40, 40));
}

#[test]
fn what_is_due_moves_and_goes_and_every_entry_stays() {
    let (mut harness, demo) = sixty_days();
    let before = entries(&harness, demo);
    let head = harness.engine().snapshot(demo).unwrap();
    assert_eq!((before.len() as u64, root(&before)), (2_400, head.root));
    drop(head);
    let key = key_of(&harness, demo);
    let plan = harness.engine().tier_plan(demo, &cuts(40, 20)).unwrap();
    assert_eq!((plan.hot.events, plan.to_archive.events, plan.to_purge.events), (2_400, 800, 800));
    assert_eq!(living(&harness, demo), expected(0, 0, 2_400), "a plan does nothing");

    carry_out(&harness, demo, &cuts(40, 20), &[]);
    let check = |harness: &Harness, purged: u64, archived: u64, size: u64| {
        assert_eq!(living(harness, demo), expected(purged, archived, size));
        let now = entries(harness, demo);
        assert_eq!(now[..before.len()], before);
        assert_eq!(root(&now), harness.engine().snapshot(demo).unwrap().root);
        let plan = harness.engine().tier_plan(demo, &cuts(40, 20)).unwrap();
        assert_eq!((plan.purged.events, plan.archived.events), (purged, archived - purged));
    };
    check(&harness, 800, 1_600, 2_400);
    harness.restart();
    check(&harness, 800, 1_600, 2_400);
    assert_eq!(carry_out(&harness, demo, &cuts(40, 20), &[]), [], "nothing is left to do");

    // Day by day: what moved once is cut again, and small files of purged events become larger ones.
    for day in 21..30 {
        carry_out(&harness, demo, &cuts(20 + day, day), &[]);
        assert_eq!(living(&harness, demo), expected(day as u64 * 40, (20 + day) as u64 * 40, 2_400));
    }
    let archive = files(&harness.data().join("archive"));
    assert!(!archive.is_empty() && archive.iter().all(|path| path.extension().unwrap() == "parquet"));
    harness.restart();
    let purged: Vec<_> =
        files(harness.data()).into_iter().filter(|path| path.extension().is_some_and(|e| e == "purged")).collect();
    assert_eq!(purged.len(), 1, "{purged:?}");
    assert_eq!(std::fs::metadata(&purged[0]).unwrap().len(), 29 * 40 * 40);

    // The salts of what is gone cannot be had any more, the others as before, and the log goes on with them.
    let left = key_of(&harness, demo);
    assert!((0..29 * 40).all(|seq| left.salts(seq) == [None; 4]));
    assert!([29 * 40, 2_399, 2_400, 60_000].iter().all(|seq| left.salts(*seq) == key.salts(*seq)));
    harness.append(demo, with_ids(2_400..2_500)).unwrap();
    assert_eq!(harness.engine().seal_now(None).failures, []);
    check(&harness, 29 * 40, 49 * 40, 2_500);
    // An id that is gone may come again; one that is in the archive is still known.
    let again = harness.append_whole(demo, with_ids(29 * 40 - 1..29 * 40 + 1)).unwrap();
    assert_eq!(duplicates(&again), [false, true]);
}

#[test]
fn nothing_of_what_was_purged_is_left_in_the_folder() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    let mut rows = EncodedRows::new();
    for number in 0..300 {
        push(&mut rows, &format!("whispered-{number} to somebody"), Some(&format!("overheard-{number}")));
    }
    harness.append(demo, rows).unwrap();
    harness.clock.advance(DAY);
    harness.append(demo, plain(0..300)).unwrap();
    harness.engine().seal_now(None);
    let wrapped = harness.engine().shared.backend.epoch_keys(demo, 0, 0).unwrap()[0].wrapped.clone();
    let (gone, stays) = ([&b"whispered-"[..], b"overheard-", &wrapped], &b"message 7"[..]);
    // Without this the test could not fail.
    let told = Told::by(harness.data());
    for wanted in gone.iter().chain([&stays]) {
        assert_ne!(told.files_with(wanted), Vec::<&Path>::new(), "{}", wanted.escape_ascii());
    }
    carry_out(&harness, demo, &cuts(1, 1), &[]);
    for stopped in [false, true] {
        if stopped {
            harness.stop();
        }
        let told = Told::by(harness.data());
        for wanted in gone {
            assert_eq!(told.files_with(wanted), Vec::<&Path>::new(), "{}", wanted.escape_ascii());
        }
        assert_ne!(told.files_with(stays), Vec::<&Path>::new(), "what was not due is there");
    }
}

#[test]
fn held_events_stay_until_they_are_released() {
    let (mut harness, demo) = sixty_days();
    let before = entries(&harness, demo);
    let wanted: BTreeSet<u64> = [5, 700, 701, 1_300].into();
    let held = |seqs: &BTreeSet<u64>| -> Vec<Hold> {
        let filter = |seq: &u64| Filter::parse(&format!("external_id:id-{seq}")).unwrap();
        seqs.iter().map(|seq| Hold { filter: filter(seq), from: Micros::MIN, to: Micros::MAX }).collect()
    };
    let due = harness.engine().tier_plan(demo, &cuts(50, 40)).unwrap();
    let told = harness.engine().tier_held(demo, due.purge_end, &held(&wanted)).unwrap();
    let steps = carry_out(&harness, demo, &cuts(50, 40), &held(&wanted));
    assert_eq!(told, steps.iter().map(|step| step.held).sum::<u64>(), "the plan tells what the run keeps");
    let left = harness.engine().tier_plan(demo, &cuts(50, 40)).unwrap();
    let kept = harness.engine().tier_held(demo, left.purge_end, &held(&wanted)).unwrap();
    assert_eq!(left.to_purge.events - kept, 0, "what is held is not due");
    assert_eq!(harness.engine().tier_held(demo, left.purge_end, &[]).unwrap(), 0);
    let blocks: BTreeSet<u64> = wanted.iter().map(|seq| seq / HOLD_BLOCK_EVENTS).collect();
    let kept: Vec<u64> = (0..1_600).filter(|seq| blocks.contains(&(seq / HOLD_BLOCK_EVENTS))).collect();
    let read = |harness: &Harness| {
        living(harness, demo).into_iter().map(|(seq, _)| seq).filter(|seq| *seq < 1_600).collect::<Vec<_>>()
    };
    assert_eq!(read(&harness), kept);
    assert!(wanted.iter().all(|seq| kept.contains(seq)));
    assert_eq!(steps.iter().map(|step| step.held).sum::<u64>(), kept.len() as u64);
    assert_eq!(entries(&harness, demo), before);
    harness.restart();
    assert_eq!(carry_out(&harness, demo, &cuts(50, 40), &held(&wanted)), []);
    assert_eq!(read(&harness), kept);

    let fewer: BTreeSet<u64> = [1_300].into();
    carry_out(&harness, demo, &cuts(50, 40), &held(&fewer));
    assert!(read(&harness).iter().all(|seq| seq / HOLD_BLOCK_EVENTS == 1_300 / HOLD_BLOCK_EVENTS));
    let hold_of_a_time = Hold { filter: Filter::All, from: START + 33 * DAY, to: START + 34 * DAY };
    carry_out(&harness, demo, &cuts(50, 40), &[hold_of_a_time]);
    assert!(read(&harness).contains(&1_320) && read(&harness).contains(&1_359));
    carry_out(&harness, demo, &cuts(50, 40), &[]);
    assert_eq!(read(&harness), Vec::<u64>::new());
    assert_eq!(entries(&harness, demo), before);
}

#[test]
fn a_step_that_was_cut_short_is_taken_again_and_what_was_done_stays() {
    let (mut harness, demo) = sixty_days();
    let before = entries(&harness, demo);
    let ends = TierEnds { purges: true, ..harness.engine().tier_ends(demo, &cuts(40, 20)).unwrap() };
    let first = harness.engine().tier_step(demo, ends, &[], 0).unwrap().unwrap();
    // As after a crash between the manifest and the removal of files.
    let stray = harness.data().join("archive").join(demo.to_hex());
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join("0000000000000-0123456789abcdef.parquet"), b"cut short").unwrap();
    harness.restart();
    assert!(!stray.join("0000000000000-0123456789abcdef.parquet").exists(), "what no manifest lists is collected");
    let rest = carry_out(&harness, demo, &cuts(40, 20), &[]);
    assert!(first.purged > 0 && rest.iter().all(|step| step.first_seq >= first.end_seq), "{first:?} {rest:?}");
    assert_eq!(living(&harness, demo), expected(800, 1_600, 2_400));
    assert_eq!(entries(&harness, demo), before);
}

#[test]
fn a_damaged_segment_is_not_purged_and_the_log_takes_no_more_writes() {
    let (harness, demo) = sixty_days();
    // A commit in the manifest that the rows do not give.
    harness.engine().shared.log(demo).unwrap().state.lock().manifest[0].root = [9; 32];
    let ends = TierEnds { purges: true, ..harness.engine().tier_ends(demo, &cuts(40, 20)).unwrap() };
    let failed = harness.engine().tier_step(demo, ends, &[], 0).unwrap_err();
    assert!(failed.contains("do not give the root"), "{failed}");
    assert_eq!(living(&harness, demo).len(), 2_400);
    assert!(matches!(harness.append(demo, plain(0..1)), Err(AppendError::Damaged { .. })));
}

/// The hashes of subtrees of a tree that is small enough to be made anew each time.
struct Leaves(Vec<[u8; 32]>);

impl Nodes for Leaves {
    type Error = std::convert::Infallible;

    fn nodes(&mut self, wanted: &[Node]) -> Result<Vec<[u8; 32]>, Self::Error> {
        let range = |node: &Node| node.range().start as usize..node.range().end as usize;
        Ok(wanted.iter().map(|node| actarium_core::tree::root(&self.0[range(node)])).collect())
    }
}

fn leaves(entries: &[Entry]) -> Vec<[u8; 32]> {
    let leaf = |entry: &Entry| leaf_hash(&actarium_core::canonical::entry(entry.recorded_at, &entry.commit));
    entries.iter().map(leaf).collect()
}

/// What somebody kept: the size and root of the log, an event's place and its proof.
struct KeptProof {
    size: u64,
    root: [u8; 32],
    index: u64,
    proof: Vec<[u8; 32]>,
}

#[test]
fn after_eight_hundred_days_exactly_the_right_events_are_hot_archived_and_gone_and_every_proof_still_holds() {
    const EVENTS_PER_DAY: u64 = 4;
    let harness = Harness::new();
    let demo = harness.create("demo");
    let mut kept: Vec<KeptProof> = Vec::new();
    let two_years = |harness: &Harness| {
        let today = harness.clock.now().div_euclid(DAY) * DAY;
        TierCuts { archive_before: today - 365 * DAY, purge_before: today - 730 * DAY }
    };
    for day in 0..800u64 {
        harness.append(demo, with_ids(day * EVENTS_PER_DAY..(day + 1) * EVENTS_PER_DAY)).unwrap();
        harness.clock.advance(DAY);
        if day % 7 == 6 {
            assert_eq!(harness.engine().seal_now(None).failures, []);
        }
        if day % 20 == 19 {
            carry_out(&harness, demo, &two_years(&harness), &[]);
        }
        if day % 30 == 29 {
            let snapshot = harness.engine().snapshot(demo).unwrap();
            let index = snapshot.size - 1 - day % 17;
            let mut tree = Leaves(leaves(&harness.engine().entries(demo, 0..snapshot.size).unwrap()));
            let proof = inclusion_proof(&mut tree, index, snapshot.size).unwrap();
            kept.push(KeptProof { size: snapshot.size, root: snapshot.root, index, proof });
        }
    }
    carry_out(&harness, demo, &two_years(&harness), &[]);
    // START is not the beginning of a day, so the day of the cut is cut within.
    let recorded_at = |seq: u64| START + (seq / EVENTS_PER_DAY) as i64 * DAY;
    let cuts = two_years(&harness);
    let tier = |seq: u64| match recorded_at(seq) {
        at if at < cuts.purge_before => None,
        at if at < cuts.archive_before => Some((seq, Tier::Archive)),
        _ => Some((seq, Tier::Hot)),
    };
    let expected: Vec<_> = (0..800 * EVENTS_PER_DAY).filter_map(tier).collect();
    assert_eq!(living(&harness, demo), expected);
    let counts = [Tier::Archive, Tier::Hot].map(|tier| expected.iter().filter(|(_, of)| *of == tier).count());
    assert_eq!(counts, [1_460, 1_460], "a year each");

    let head = harness.engine().snapshot(demo).unwrap();
    let mut now = Leaves(leaves(&harness.engine().entries(demo, 0..head.size).unwrap()));
    assert_eq!(kept.len(), 26);
    for KeptProof { size, root, index, proof } in &kept {
        verify_inclusion(&now.0[*index as usize], *index, *size, proof, root).unwrap();
        let consistency = consistency_proof(&mut now, *size, head.size).unwrap();
        verify_consistency((*size, root), (head.size, &head.root), &consistency).unwrap();
    }
}
