//! Proofs, tiles and checkpoints of the engine, compared with the tree over the leaves that its events have.

use super::*;
use crate::engine::evidence::{LogHead, ProofError};
use actarium_core::tlog::{
    SignedCheckpoint, TileAddress, TileKind, decode_bundle, tiles, verify_consistency, verify_inclusion,
};
use actarium_core::tree::{Frontier, Hash, leaf_hash, root};

/// The leaves of a log, from its bodies and salts.
fn leaves(engine: &Engine, organization: OrganizationId) -> Vec<Hash> {
    let snapshot = engine.snapshot(organization).unwrap();
    let mut leaves = Vec::new();
    engine
        .for_each_disclosed(&snapshot, 0..snapshot.size, &mut |event| leaves.push(leaf_hash(&event.entry())))
        .unwrap();
    assert_eq!(leaves.len() as u64, snapshot.size);
    assert_eq!(root(&leaves), snapshot.root);
    leaves
}

/// What a tile holds by its definition: the tree hash over 256^level leaves for each of its places.
fn tile_by_definition(leaves: &[Hash], address: &TileAddress) -> Vec<u8> {
    let TileKind::Hashes(level) = address.kind else { unreachable!("tiles of hashes are asked for") };
    let span = 256usize.pow(u32::from(level));
    address.range().flat_map(|place| root(&leaves[place as usize * span..][..span])).collect()
}

/// Every tile, bundles, and proofs of some sizes.
fn check(engine: &Engine, organization: OrganizationId, sizes: &[u64]) {
    let leaves = leaves(engine, organization);
    let roots: Vec<Hash> = sizes.iter().map(|size| root(&leaves[..*size as usize])).collect();
    for size in sizes {
        // Full tiles are those of the longest log.
        let all = *size == leaves.len() as u64;
        for address in tiles(*size).filter(|address| all || address.width < 256) {
            let tile = engine.tile(organization, &address).unwrap();
            assert_eq!(tile, Some(tile_by_definition(&leaves, &address)), "{address} of {size}");
            if address.kind == TileKind::Hashes(0) {
                let bundle = engine.tile(organization, &TileAddress { kind: TileKind::Entries, ..address }).unwrap();
                let bundle = bundle.unwrap();
                let made: Vec<Hash> = decode_bundle(&bundle).unwrap().into_iter().map(leaf_hash).collect();
                assert_eq!(made.as_flattened(), tile.unwrap(), "entries of {address}");
            }
        }
    }
    for (old, old_root) in sizes.iter().zip(&roots).filter(|(old, _)| **old > 0) {
        assert_eq!(engine.root_at(organization, *old).unwrap(), *old_root);
        for seq in [0, 1, old / 2, old - 1].into_iter().filter(|seq| seq < old) {
            let proof = engine.inclusion_proof(organization, seq, *old).unwrap();
            verify_inclusion(&leaves[seq as usize], seq, *old, &proof, old_root).unwrap();
        }
        for (new, new_root) in sizes.iter().zip(&roots).filter(|(new, _)| *new >= old) {
            let proof = engine.consistency_proof(organization, *old, *new).unwrap();
            verify_consistency((*old, old_root), (*new, new_root), &proof).unwrap();
        }
    }
    let size = leaves.len() as u64;
    assert!(matches!(engine.inclusion_proof(organization, size, size), Err(ProofError::Sizes(_))));
    assert!(matches!(engine.inclusion_proof(organization, 0, size + 1), Err(ProofError::Sizes(_))));
    assert!(matches!(engine.consistency_proof(organization, 0, size), Err(ProofError::Sizes(_))));
    let beyond = TileAddress { kind: TileKind::Hashes(0), index: size / 256, width: 256 };
    assert_eq!(engine.tile(organization, &beyond).unwrap(), None, "an event too many");
}

#[test]
fn proofs_hold_wherever_the_events_lie() {
    let mut harness = Harness::with(|options| options.seal.merge_segments_min = 100);
    let demo = harness.create("demo");
    let mut sent = 0;
    let mut sizes = vec![0];
    // Seals end within tiles, on their edges, and after many of them.
    for count in [1, 254, 1, 1, 300, 3, 1_000, 488] {
        harness.append(demo, plain(sent..sent + count)).unwrap();
        sent += count;
        sizes.push(sent);
        check(harness.engine(), demo, &sizes);
        if count != 3 {
            assert_eq!(harness.engine().seal_now(Some(demo)).failures, []);
            check(harness.engine(), demo, &sizes);
        }
    }
    assert_eq!(sent, 2_048);
    harness.append(demo, plain(sent..sent + 700)).unwrap();
    sizes.push(sent + 700);
    check(harness.engine(), demo, &sizes);
    harness.restart();
    check(harness.engine(), demo, &sizes);
    let stored = harness.engine().shared.backend.tile_hashes_stored(demo, 1).unwrap();
    assert_eq!(stored, 8, "what is sealed has its tiles stored");
}

#[test]
fn a_folder_without_tiles_gets_them_with_its_next_seal() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    for part in 0..4 {
        harness.append(demo, plain(part * 400..(part + 1) * 400)).unwrap();
        assert_eq!(harness.engine().seal_now(Some(demo)).failures, []);
    }
    harness.stop();
    sql(&harness, "DROP TABLE tiles; DROP TABLE checkpoints; DROP TABLE cosignatures; PRAGMA user_version = 1");
    harness.start().unwrap();
    check(harness.engine(), demo, &[1, 300, 1_024, 1_600]);
    assert_eq!(harness.engine().shared.backend.tile_hashes_stored(demo, 1).unwrap(), 0);
    harness.append(demo, plain(1_600..2_000)).unwrap();
    assert_eq!(harness.engine().seal_now(Some(demo)).failures, []);
    assert_eq!(harness.engine().shared.backend.tile_hashes_stored(demo, 1).unwrap(), 7);
    check(harness.engine(), demo, &[1, 300, 1_024, 2_000]);
}

#[test]
fn seventy_thousand_events_have_tiles_of_three_levels() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    for part in 0..7 {
        harness.append(demo, plain(part * 10_000..(part + 1) * 10_000)).unwrap();
        if part == 3 {
            assert_eq!(harness.engine().seal_now(Some(demo)).failures, []);
        }
    }
    let sizes = [256, 65_535, 65_536, 70_000];
    assert_eq!(harness.engine().seal_now(Some(demo)).failures, []);
    let stored = |level| harness.engine().shared.backend.tile_hashes_stored(demo, level).unwrap();
    assert_eq!([stored(1), stored(2), stored(3)], [273, 1, 0]);
    harness.restart();
    check(harness.engine(), demo, &sizes);
}

fn published(harness: &Harness, organization: OrganizationId) -> Option<SignedCheckpoint> {
    let published = harness.engine().published(organization)?;
    let read = SignedCheckpoint::parse(published.note.as_bytes()).unwrap();
    read.verify(&harness.engine().verifier_key(organization)).unwrap();
    assert_eq!((read.checkpoint.size, read.checkpoint.root), (published.size, published.root));
    Some(read)
}

#[test]
fn checkpoints_are_of_what_is_durable_and_the_last_one_of_the_end() {
    let mut harness = Harness::with(|options| options.checkpoints_every = None);
    let demo = harness.create("demo");
    assert_eq!(published(&harness, demo), None);
    harness.append(demo, plain(0..10)).unwrap();
    assert_eq!(harness.engine().publish_checkpoints().unwrap(), 1);
    let first = published(&harness, demo).unwrap();
    assert_eq!(first.checkpoint.size, 10);
    assert_eq!(first.checkpoint.origin, format!("actarium.local/{demo}"));
    assert_eq!(harness.engine().publish_checkpoints().unwrap(), 0, "a log that has not grown has one already");
    harness.append(demo, plain(10..15)).unwrap();
    assert_eq!(published(&harness, demo).unwrap().checkpoint.size, 10, "only when asked for");
    harness.restart();
    let last = published(&harness, demo).unwrap();
    assert_eq!(last.checkpoint.size, 15, "a clean stop publishes the end");
    harness.clock.advance(3_600 * SECOND);
    harness.append(demo, plain(15..20)).unwrap();
    assert_eq!(harness.engine().publish_checkpoints().unwrap(), 1);
    let kept = harness.engine().kept_checkpoints(demo, 0, 100).unwrap();
    assert_eq!(kept.iter().map(|kept| kept.size).collect::<Vec<_>>(), [15, 20], "one of each hour");
    let proof = harness.engine().consistency_proof(demo, 15, 20).unwrap();
    let newest = published(&harness, demo).unwrap().checkpoint;
    verify_consistency((15, &last.checkpoint.root), (20, &newest.root), &proof).unwrap();
    let receipt = harness.engine().sign_checkpoint(demo, LogHead { size: 20, root: newest.root }).unwrap();
    SignedCheckpoint::parse(receipt.as_bytes()).unwrap().verify(&harness.engine().verifier_key(demo)).unwrap();
}

#[test]
fn checkpoints_come_by_themselves() {
    let harness = Harness::with(|options| options.checkpoints_every = Some(Duration::from_millis(5)));
    let demo = harness.create("demo");
    harness.append(demo, plain(0..3)).unwrap();
    let deadline = harness.clock.elapsed() + Duration::from_secs(20);
    while published(&harness, demo).is_none_or(|published| published.checkpoint.size < 3) {
        assert!(harness.clock.elapsed() < deadline, "no checkpoint came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A log that its newest checkpoint contradicts takes no writes, and the checkpoint stays the last one.
#[test]
fn a_log_that_contradicts_its_checkpoint_is_not_continued() {
    let beyond = |harness: &Harness, demo: OrganizationId| {
        let head = LogHead { size: 12, root: [7; 32] };
        (12u64, harness.engine().sign_checkpoint(demo, head).unwrap().to_string())
    };
    let other_root = |harness: &Harness, demo: OrganizationId| {
        let head = LogHead { size: 10, root: [7; 32] };
        (10u64, harness.engine().sign_checkpoint(demo, head).unwrap().to_string())
    };
    type Forge<'f> = &'f dyn Fn(&Harness, OrganizationId) -> (u64, String);
    for (name, forge) in [("beyond", &beyond as Forge<'_>), ("other root", &other_root)] {
        let mut harness = Harness::with(|options| options.checkpoints_every = None);
        let demo = harness.create("demo");
        harness.append(demo, plain(0..10)).unwrap();
        let (size, note) = forge(&harness, demo);
        harness.stop();
        sql(&harness, &format!("UPDATE checkpoints SET size = {size}, note = '{note}'"));
        harness.start().unwrap();
        let refused = harness.append(demo, plain(10..11)).unwrap_err();
        assert!(matches!(refused, AppendError::Damaged { .. }), "{name}: {refused:?}");
    }
    // A checkpoint of an earlier size is compared before the next one is signed.
    let mut harness = Harness::with(|options| options.checkpoints_every = None);
    let demo = harness.create("demo");
    harness.append(demo, plain(0..10)).unwrap();
    let note = harness.engine().sign_checkpoint(demo, LogHead { size: 9, root: [7; 32] }).unwrap();
    harness.stop();
    sql(&harness, &format!("UPDATE checkpoints SET size = 9, note = '{note}'"));
    harness.start().unwrap();
    assert_eq!(harness.engine().publish_checkpoints().unwrap(), 0);
    assert!(matches!(harness.append(demo, plain(10..11)), Err(AppendError::Damaged { .. })));
    harness.restart();
    assert_eq!(harness.engine().published(demo).unwrap().size, 9);
}

#[test]
fn what_a_range_is_covered_by_gives_its_root() {
    let harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, plain(0..1_000)).unwrap();
    let leaves = leaves(harness.engine(), demo);
    let before = harness.engine().tree_nodes(demo, &actarium_core::tlog::cover(0..333)).unwrap();
    let after = actarium_core::tlog::cover(700..1_000);
    let after_hashes = harness.engine().tree_nodes(demo, &after).unwrap();
    let mut tree = Frontier::from_peaks(333, before).unwrap();
    leaves[333..700].iter().for_each(|leaf| tree.push(*leaf));
    for (node, hash) in after.iter().zip(after_hashes) {
        tree.push_subtree(node.level, hash).unwrap();
    }
    assert_eq!(tree.root(), harness.engine().head(demo).unwrap().root);
}

#[test]
fn checkpoints_that_are_missed_are_told_and_the_log_goes_on_and_those_not_published_yet_are_not() {
    // Whether its own events say that there should be one or what was published of others.
    for others in [false, true] {
        let mut harness = Harness::new();
        let demo = harness.create("demo");
        harness.append(demo, plain(0..10)).unwrap();
        let other = harness.create("other");
        harness.clock.advance(61 * SECOND);
        harness.append(if others { other } else { demo }, plain(10..20)).unwrap();
        harness.stop();
        let of_demo = "organization = (SELECT number FROM organizations WHERE slug = 'demo')";
        sql(
            &harness,
            &format!("DELETE FROM checkpoints{}", if others { format!(" WHERE {of_demo}") } else { String::new() }),
        );
        harness.start().unwrap();
        let missed = harness.engine().missed_checkpoints();
        let [(slug, detail)] = &missed[..] else { panic!("{missed:?}") };
        assert!(
            slug == "demo" && detail.contains("61 seconds before what else this folder tells of"),
            "{slug}: {detail}"
        );
        assert_eq!(harness.engine().damaged(), []);
        harness.append(demo, plain(20..21)).unwrap();
        harness.append(other, plain(20..21)).unwrap();
        harness.engine().publish_checkpoints().unwrap();
        assert_eq!(harness.engine().published(demo).unwrap().size, if others { 11 } else { 21 });
        harness.restart();
        assert_eq!(harness.engine().missed_checkpoints(), [], "it is told once");
    }
    // A service that was killed before it published anything, whenever it is started again, goes on.
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, plain(0..10)).unwrap();
    harness.clock.advance(2 * SECOND);
    harness.append(demo, plain(10..20)).unwrap();
    harness.engine().seal_now(None);
    harness.stop();
    sql(&harness, "DELETE FROM checkpoints");
    harness.clock.advance(DAY);
    harness.start().unwrap();
    assert_eq!(harness.engine().missed_checkpoints(), []);
    harness.append(demo, plain(20..30)).unwrap();
    harness.engine().publish_checkpoints().unwrap();
    assert_eq!(harness.engine().published(demo).unwrap().size, 30);
    harness.restart();
    harness.append(demo, plain(30..31)).unwrap();
    // So does a folder of the version that kept none.
    harness.clock.advance(DAY);
    harness.append(demo, plain(31..32)).unwrap();
    harness.stop();
    sql(&harness, "DROP TABLE tiles; DROP TABLE checkpoints; DROP TABLE cosignatures; PRAGMA user_version = 1");
    harness.start().unwrap();
    assert_eq!(harness.engine().missed_checkpoints(), []);
    harness.append(demo, plain(32..33)).unwrap();
}
