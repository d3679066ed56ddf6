//! The suite that every backend passes.

use super::*;
use crate::organization::Organization;
use crate::segment::SegmentSummary;
use std::time::Duration;

const A: OrganizationId = OrganizationId([1; 16]);
const B: OrganizationId = OrganizationId([2; 16]);

fn organization(id: OrganizationId, slug: &str) -> Organization {
    Organization { id, slug: slug.to_owned(), name: slug.to_uppercase(), created_at: 5 }
}

fn part(organization: OrganizationId, expected_size: u64, count: u32, mark: u8) -> OrganizationCommit {
    let head = Head {
        size: expected_size + u64::from(count),
        root: [mark; 32],
        recorded_at: i64::from(mark) * 10,
        frontier: vec![mark; 40],
    };
    let (rows, raw_bytes) = (vec![mark; 2_000], 5_000);
    let epoch_keys = match expected_size {
        0 => vec![WrappedEpochKey { epoch: 0, wrapped: vec![mark; 72] }],
        _ => Vec::new(),
    };
    OrganizationCommit {
        organization,
        expected_size,
        count,
        encoding: RowsEncoding::Zstd,
        rows,
        raw_bytes,
        head,
        epoch_keys,
    }
}

fn events(parts: Vec<OrganizationCommit>) -> Commit {
    Commit { parts, ..Commit::default() }
}

fn with_two() -> Commit {
    Commit { organizations: vec![organization(A, "a"), organization(B, "b")], ..Commit::default() }
}

fn entry(first_seq: u64, rows: u64) -> ManifestEntry {
    ManifestEntry {
        path: format!("{A}/{first_seq:013}-{rows}.parquet"),
        summary: SegmentSummary {
            first_seq,
            rows,
            recorded: (1, 2),
            occurred: (-3, 4),
            bytes: 99,
            checks: vec![1, 2, u32::MAX],
            newest: Some((40, 50)),
            tier: crate::segment::Tier::Hot,
        },
        root: [9; 32],
        frontier: vec![1, 2, 3],
    }
}

fn lease(holder: u8, now: Micros) -> LeaseRequest {
    LeaseRequest { name: "seal/a".to_owned(), holder: [holder; 16], ttl: Duration::from_secs(1), now }
}

fn directory(id: &str, version: Option<u64>, document: Option<&str>) -> DirectoryChange {
    DirectoryChange {
        kind: "key".to_owned(),
        organization: Some(A),
        id: id.to_owned(),
        expected_version: version,
        document: document.map(str::to_owned),
    }
}

/// Runs every check, each on a new backend.
pub(crate) fn suite<B: Backend>(mut new: impl FnMut() -> B) {
    identity_is_established_once(&new());
    commits_are_kept_and_read_in_order(&new());
    a_commit_is_all_or_nothing(&new());
    directory_versions_are_checked(&new());
    manifests_change_whole_and_drop_the_journal(&new());
    leases_are_fenced(&new());
    digests_are_found_until_they_are_pruned(&new());
    tiles_grow_with_the_manifest(&new());
    checkpoints_are_kept_by_the_hour(&new());
    cosignatures_are_kept_by_the_hour_and_witness(&new());
}

fn identity_is_established_once(backend: &dyn Backend) {
    assert_eq!(backend.identity().unwrap(), None);
    let identity = Identity { log_name: "log".to_owned(), log_public_key: [3; 32], master_key_check: vec![4; 60] };
    backend.establish(&identity).unwrap();
    assert_eq!(backend.identity().unwrap(), Some(identity.clone()));
    assert!(backend.establish(&identity).is_err());
}

fn commits_are_kept_and_read_in_order(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    assert_eq!(backend.organization(OrganizationId([7; 16])).unwrap(), None);
    let empty = backend.organization(A).unwrap().unwrap();
    assert_eq!(empty.organization, organization(A, "a"));
    assert_eq!((empty.head.size, empty.head.recorded_at, empty.sealed_end), (0, 5, 0));
    assert_eq!(empty.head.root, actarium_core::tree::empty_root());
    backend.commit(&events(vec![part(A, 0, 3, 1), part(B, 0, 1, 2)])).unwrap();
    backend.commit(&events(vec![part(A, 3, 2, 3)])).unwrap();
    backend.commit(&events(vec![part(A, 5, 4, 4)])).unwrap();
    let overview = backend.overview().unwrap();
    assert_eq!(overview.iter().map(|one| one.organization.id).collect::<Vec<_>>(), [A, B]);
    assert_eq!(overview[0].head, part(A, 5, 4, 4).head);
    let extent = JournalExtent {
        first_seq: 0,
        end_seq: 9,
        raw_bytes: 15_000,
        oldest_recorded_at: Some(10),
        last_root: Some([4; 32]),
    };
    assert_eq!(overview[0].journal, extent);
    let firsts = |from, bytes_max| -> Vec<u64> {
        backend.read(A, from, bytes_max).unwrap().iter().map(|batch| batch.first_seq).collect()
    };
    assert_eq!(firsts(0, 1 << 20), [0, 3, 5]);
    assert_eq!(firsts(0, 4_000), [0, 3]);
    assert_eq!(firsts(0, 1), [0], "at least one");
    assert_eq!(firsts(2, 1), [0], "from the batch that holds it");
    assert_eq!(firsts(4, 1 << 20), [3, 5]);
    assert_eq!(firsts(9, 1 << 20), [0u64; 0]);
    let batch = &backend.read(A, 3, 1).unwrap()[0];
    assert_eq!((batch.count, batch.recorded_at, batch.root, batch.raw_bytes), (2, 30, [3; 32], 5_000));
    assert_eq!((batch.encoding, &batch.rows), (RowsEncoding::Zstd, &vec![3; 2_000]));
    assert_eq!(backend.epoch_keys(A, 0, 9).unwrap(), part(A, 0, 1, 1).epoch_keys);
    assert_eq!(backend.epoch_keys(A, 1, 9).unwrap(), []);
}

fn a_commit_is_all_or_nothing(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    backend.commit(&events(vec![part(A, 0, 3, 1)])).unwrap();
    let before = backend.overview().unwrap();
    let moved = backend.commit(&events(vec![part(A, 3, 1, 2), part(B, 1, 1, 2)])).unwrap_err();
    assert_eq!(moved, CommitError::HeadMoved { organization: B });
    let exists = Commit {
        organizations: vec![organization(OrganizationId([3; 16]), "b")],
        parts: vec![part(A, 3, 1, 2)],
        ..Commit::default()
    };
    assert_eq!(backend.commit(&exists).unwrap_err(), CommitError::OrganizationExists { slug: "b".to_owned() });
    let conflict = Commit {
        parts: vec![part(A, 3, 1, 2)],
        directory: vec![directory("k", Some(1), Some("{}"))],
        ..Commit::default()
    };
    assert!(matches!(backend.commit(&conflict).unwrap_err(), CommitError::DirectoryConflict { .. }));
    let unknown = events(vec![part(A, 3, 1, 2), part(OrganizationId([9; 16]), 0, 1, 2)]);
    assert!(matches!(backend.commit(&unknown).unwrap_err(), CommitError::Backend(BackendError::Damaged { .. })));
    assert_eq!(backend.overview().unwrap(), before);
    assert_eq!(backend.read(A, 0, 1 << 20).unwrap().len(), 1);
}

fn directory_versions_are_checked(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    let change = |change| backend.commit(&Commit { directory: vec![change], ..Commit::default() });
    change(directory("k1", None, Some("1"))).unwrap();
    assert!(change(directory("k1", None, Some("2"))).is_err(), "it is there");
    assert!(change(directory("k1", Some(2), Some("2"))).is_err(), "it has version 1");
    assert!(change(directory("k0", None, None)).is_err(), "what is not there is not deleted");
    change(directory("k1", Some(1), Some("2"))).unwrap();
    change(directory("k0", None, Some("0"))).unwrap();
    change(DirectoryChange { organization: None, ..directory("k9", None, Some("9")) }).unwrap();
    change(DirectoryChange { organization: Some(B), ..directory("k1", None, Some("\"b\"")) }).unwrap();
    let ids = |of| -> Vec<_> {
        let entries = backend.directory_entries("key", of).unwrap();
        entries.into_iter().map(|entry| (entry.organization, entry.id, entry.version)).collect()
    };
    let mine = [(Some(A), "k0".to_owned(), 1), (Some(A), "k1".to_owned(), 2)];
    assert_eq!(ids(Some(A)), mine);
    assert_eq!(ids(None).len(), 4);
    assert_eq!(backend.directory_entry("key", None, "k9").unwrap().unwrap().document, "9");
    assert_eq!(backend.directory_entry("key", Some(A), "k9").unwrap(), None);
    assert_eq!(backend.directory_entry("other", Some(A), "k1").unwrap(), None);
    change(directory("k1", Some(2), None)).unwrap();
    assert_eq!(ids(Some(A)), mine[..1]);
}

fn manifests_change_whole_and_drop_the_journal(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    for (size, mark) in [(0, 1), (3, 2), (6, 3)] {
        backend.commit(&events(vec![part(A, size, 3, mark)])).unwrap();
    }
    let fence = backend.acquire_lease(&lease(1, 0)).unwrap().unwrap();
    let change = |remove: &[u64], add: &[ManifestEntry], sealed_end, fence: &Fence| {
        let (remove, add, fence) = (remove.to_vec(), add.to_vec(), fence.clone());
        backend.change_manifest(&ManifestChange {
            organization: A,
            remove,
            add,
            epoch_keys: Vec::new(),
            sealed_end,
            tiles: Vec::new(),
            fence,
        })
    };
    let mismatch = |result: Result<(), ManifestError>| {
        assert!(matches!(result, Err(ManifestError::Mismatch { .. })), "{result:?}")
    };
    let lost = Fence { number: fence.number + 1, ..fence.clone() };
    assert!(matches!(change(&[], &[entry(0, 3)], 3, &lost), Err(ManifestError::FenceLost { .. })));
    mismatch(change(&[], &[entry(3, 3)], 6, &fence));
    mismatch(change(&[], &[entry(0, 3)], 6, &fence));
    mismatch(change(&[], &[entry(0, 2)], 2, &fence));
    mismatch(change(&[7], &[entry(0, 3)], 3, &fence));
    assert_eq!(backend.manifest(A).unwrap(), []);
    change(&[], &[entry(0, 3)], 3, &fence).unwrap();
    assert_eq!(backend.read(A, 0, 1 << 20).unwrap()[0].first_seq, 3, "what was dropped is not given");
    change(&[], &[entry(3, 3)], 6, &fence).unwrap();
    assert_eq!(backend.manifest(A).unwrap(), [entry(0, 3), entry(3, 3)]);
    let overview = backend.organization(A).unwrap().unwrap();
    assert_eq!((overview.sealed_end, overview.journal.first_seq, overview.journal.raw_bytes), (6, 6, 5_000));
    change(&[0, 3], &[entry(0, 6)], 6, &fence).unwrap();
    assert_eq!(backend.segment_paths().unwrap(), [entry(0, 6).path]);
    mismatch(change(&[0], &[], 0, &fence));
    while backend.collect(1).unwrap() {}
    assert_eq!(backend.read(A, 0, 1 << 20).unwrap().len(), 1);
    change(&[], &[entry(6, 3)], 9, &fence).unwrap();
    while backend.collect(1 << 20).unwrap() {}
    assert_eq!(backend.read(A, 0, 1 << 20).unwrap(), []);
    backend.commit(&events(vec![part(A, 9, 1, 4)])).unwrap();
    backend.tidy(true).unwrap();
    assert_eq!(backend.read(A, 0, 1 << 20).unwrap().len(), 1);
    assert!(backend.bytes_used().unwrap() > 0);
}

fn leases_are_fenced(backend: &dyn Backend) {
    let first = backend.acquire_lease(&lease(1, 0)).unwrap().unwrap();
    assert_eq!(backend.acquire_lease(&lease(2, 500_000)).unwrap(), None, "it is held");
    assert_eq!(backend.acquire_lease(&lease(1, 500_000)).unwrap(), Some(first.clone()), "renewed");
    assert_eq!(backend.acquire_lease(&lease(2, 1_400_000)).unwrap(), None);
    let second = backend.acquire_lease(&lease(2, 1_600_000)).unwrap().unwrap();
    assert!(second.number > first.number);
    backend.release_lease(&first).unwrap();
    assert_eq!(backend.acquire_lease(&lease(1, 1_700_000)).unwrap(), None, "an old fence releases nothing");
    backend.release_lease(&second).unwrap();
    assert!(backend.acquire_lease(&lease(1, 1_700_000)).unwrap().unwrap().number > second.number);
}

fn digests_are_found_until_they_are_pruned(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    let record = |digest: u8, recorded_at| IdempotencyRecord {
        organization: A,
        digest: [digest; 32],
        body: [8; 32],
        runs: vec![
            RecordedRun { first_seq: 1, count: 2, recorded_at: -7 },
            RecordedRun { first_seq: 9, count: 1, recorded_at: 70 },
        ],
        recorded_at,
    };
    let idempotency = (0..5).map(|number| record(number, i64::from(number) * 10)).collect();
    backend.commit(&Commit { idempotency, ..Commit::default() }).unwrap();
    assert_eq!(backend.find_idempotency(A, &[3; 32]).unwrap(), Some(record(3, 30)));
    assert_eq!(backend.find_idempotency(B, &[3; 32]).unwrap(), None);
    // The same key after its window replaces what was there.
    backend.commit(&Commit { idempotency: vec![record(3, 300)], ..Commit::default() }).unwrap();
    assert_eq!(backend.find_idempotency(A, &[3; 32]).unwrap(), Some(record(3, 300)));
    assert_eq!(backend.prune_idempotency(25, 2).unwrap(), 2);
    assert_eq!(backend.prune_idempotency(25, 2).unwrap(), 1);
    let left: Vec<bool> = (0..5).map(|number| backend.find_idempotency(A, &[number; 32]).unwrap().is_some()).collect();
    assert_eq!(left, [false, false, false, true, true]);
    // By the events that they recorded: 1 and 2, and 9.
    assert_eq!(backend.forget_idempotency(A, &[0..1, 3..9, 10..20], 0).unwrap(), 0);
    assert_eq!(backend.forget_idempotency(A, &[5..6, 9..10], 301).unwrap(), 0, "recorded before");
    assert_eq!(backend.forget_idempotency(B, &[1..3, 9..10], 0).unwrap(), 0);
    assert_eq!(backend.forget_idempotency(A, &[0..1, 2..3], 41).unwrap(), 1);
    assert_eq!(backend.forget_idempotency(A, &[5..6, 9..10], 0).unwrap(), 1);
    assert!(backend.cut_log().unwrap());
}

fn tiles_grow_with_the_manifest(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    backend.commit(&events(vec![part(A, 0, 3, 1)])).unwrap();
    let fence = backend.acquire_lease(&lease(1, 0)).unwrap().unwrap();
    let tile = |index, count: usize| StoredTile { level: 1, index, hashes: vec![index as u8; 32 * count] };
    let change = |tiles: Vec<StoredTile>, remove: Vec<u64>, fence: &Fence| {
        let fence = fence.clone();
        backend.change_manifest(&ManifestChange {
            organization: A,
            remove,
            add: vec![entry(0, 3)],
            epoch_keys: Vec::new(),
            sealed_end: 3,
            tiles,
            fence,
        })
    };
    let lost = Fence { number: fence.number + 1, ..fence.clone() };
    assert!(change(vec![tile(0, 1)], Vec::new(), &lost).is_err());
    assert_eq!(backend.tile(A, 1, 0).unwrap(), Vec::<u8>::new(), "nothing of a change that was refused is there");
    change(vec![tile(0, 256), tile(1, 2)], Vec::new(), &fence).unwrap();
    change(vec![tile(1, 1)], vec![0], &fence).unwrap();
    assert_eq!(backend.tile(A, 1, 1).unwrap().len(), 64, "a tile never gets shorter");
    change(vec![tile(1, 7), StoredTile { level: 2, ..tile(0, 1) }], vec![0], &fence).unwrap();
    assert_eq!((backend.tile(A, 1, 0).unwrap().len(), backend.tile(A, 1, 1).unwrap().len()), (8_192, 224));
    let stored = |level| backend.tile_hashes_stored(A, level).unwrap();
    assert_eq!((stored(1), stored(2), stored(3)), (263, 1, 0));
    assert_eq!(backend.tile_hashes_stored(B, 1).unwrap(), 0);
}

fn checkpoints_are_kept_by_the_hour(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    let checkpoint = |organization, size, published_at| StoredCheckpoint {
        organization,
        size,
        published_at,
        note: format!("{size}"),
    };
    let sizes = |from| -> Vec<u64> { backend.checkpoints(A, from, 10).unwrap().iter().map(|kept| kept.size).collect() };
    backend.keep_checkpoints(&[checkpoint(A, 0, 1), checkpoint(B, 4, 1)]).unwrap();
    backend.keep_checkpoints(&[checkpoint(A, 5, MICROS_PER_HOUR - 1)]).unwrap();
    assert_eq!(sizes(0), [5], "the last of an hour stays");
    backend.keep_checkpoints(&[checkpoint(A, 6, MICROS_PER_HOUR)]).unwrap();
    backend
        .keep_checkpoints(&[checkpoint(A, 9, 3 * MICROS_PER_HOUR), checkpoint(A, 9, 3 * MICROS_PER_HOUR + 1)])
        .unwrap();
    assert_eq!((sizes(0), sizes(6)), (vec![5, 6, 9], vec![6, 9]));
    let newest = backend.newest_checkpoints().unwrap();
    assert_eq!(newest.len(), 2);
    assert!(newest.contains(&checkpoint(A, 9, 3 * MICROS_PER_HOUR + 1)) && newest.contains(&checkpoint(B, 4, 1)));
    assert!(backend.keep_checkpoints(&[checkpoint(OrganizationId([7; 16]), 1, 1)]).is_err());
    assert_eq!(backend.checkpoints(A, 0, 1).unwrap().len(), 1);
}

fn cosignatures_are_kept_by_the_hour_and_witness(backend: &dyn Backend) {
    backend.commit(&with_two()).unwrap();
    let by = |witness: &str, organization, size, signed_at| StoredCosignature {
        organization,
        witness: witness.to_owned(),
        size,
        signed_at,
        note: format!("{size} {witness}"),
    };
    backend.keep_cosignatures(&[by("v", A, 3, 1), by("w", A, 3, 1), by("w", B, 1, 1)]).unwrap();
    backend.keep_cosignatures(&[by("w", A, 5, MICROS_PER_HOUR - 1)]).unwrap();
    backend.keep_cosignatures(&[by("w", A, 8, MICROS_PER_HOUR), by("w", A, 8, MICROS_PER_HOUR + 1)]).unwrap();
    let kept = |from, count_max| backend.cosignatures(A, from, count_max).unwrap();
    let all = [by("v", A, 3, 1), by("w", A, 5, MICROS_PER_HOUR - 1), by("w", A, 8, MICROS_PER_HOUR + 1)];
    assert_eq!(kept(0, 10), all);
    assert_eq!((kept(4, 10), kept(0, 1)), (all[1..].to_vec(), all[..1].to_vec()));
    let newest = backend.newest_cosignatures().unwrap();
    assert_eq!(newest.len(), 3);
    assert!([&all[0], &all[2], &by("w", B, 1, 1)].into_iter().all(|wanted| newest.contains(wanted)));
    assert!(backend.keep_cosignatures(&[by("w", OrganizationId([7; 16]), 1, 1)]).is_err());
}

#[test]
fn memory_passes() {
    suite(memory::MemoryBackend::new);
}

#[test]
fn sqlite_passes() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    suite(|| {
        number += 1;
        sqlite::SqliteBackend::open(&folder.path().join(format!("{number}.db")), 1 << 20).unwrap()
    });
}
