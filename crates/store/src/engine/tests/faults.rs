//! Files that are missing, foreign, damaged or superfluous: a clear error, nothing overwritten, the others go on.

use super::*;
use crate::engine::append::{Change, DirectoryChange};
use crate::engine::housekeeping::collect_orphans;
use crate::engine::seal::Sealing;
use crate::engine::snapshot::ReadError;

fn segment_file(harness: &Harness, organization: OrganizationId) -> std::path::PathBuf {
    let folder = harness.data().join("segments").join(organization.to_hex());
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_folder_is_opened_once() {
    let harness = Harness::new();
    let second = Engine::open(harness.options.clone(), harness.clock.clone(), Arc::new(SystemEntropy)).err().unwrap();
    assert!(matches!(second, OpenError::InUse { .. }), "{second}");
}

#[test]
fn a_folder_that_is_somebody_elses_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open = |data: &Path| {
        let mut options = EngineOptions::new(data);
        options.log_key = Some(data.join("keys/signing.key"));
        Engine::open(options, TestClock::new(), Arc::new(SystemEntropy))
    };
    let file = folder.path().join("file.txt");
    std::fs::write(&file, b"hi").unwrap();
    let refused = |path: &Path| match open(path) {
        Ok(_) => panic!("{} is taken over", path.display()),
        Err(error) => error.to_string(),
    };
    assert!(refused(&file).ends_with("file.txt: is a file, not a folder"));
    let told = refused(folder.path());
    assert!(told.contains("holds file.txt, and no database"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made in it");
    // What a mount, an operator and a first start that was broken off leave is no obstacle.
    std::fs::remove_file(&file).unwrap();
    for empty in ["lost+found", "checkpoints", "keys", "exports"] {
        std::fs::create_dir(folder.path().join(empty)).unwrap();
    }
    for own in [".gitkeep", "operator.token", "master.key.partial", "keys/.keep", "exports/left-over"] {
        std::fs::write(folder.path().join(own), b"").unwrap();
    }
    open(folder.path()).unwrap().shutdown();
    std::fs::write(&file, b"hi").unwrap();
    open(folder.path()).unwrap().shutdown();
}

#[test]
fn foreign_empty_and_newer_databases_are_refused_and_left_alone() {
    type Spoil = fn(&Harness);
    let database = |harness: &Harness| harness.data().join("actarium.db");
    let cases: [(&str, Spoil); 4] = [
        ("too short", |harness| std::fs::write(harness.data().join("actarium.db"), b"").unwrap()),
        ("not a SQLite file", |harness| std::fs::write(harness.data().join("actarium.db"), [7u8; 9_000]).unwrap()),
        ("another program", |harness| sql(harness, "PRAGMA application_id = 5")),
        ("newer version", |harness| sql(harness, "PRAGMA user_version = 99")),
    ];
    for (expected, spoil) in cases {
        let mut harness = Harness::new();
        harness.create("demo");
        harness.stop();
        spoil(&harness);
        let before = std::fs::read(database(&harness)).unwrap();
        let error = harness.start().unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error} says {expected}");
        assert_eq!(std::fs::read(database(&harness)).unwrap(), before, "{expected}");
        // Somebody else's file has no keys of ours beside it, and that is not what is wrong.
        if expected != "newer version" {
            std::fs::remove_file(harness.data().join("master.key")).unwrap();
            let error = harness.start().unwrap_err();
            assert!(error.to_string().contains(expected), "without keys: {error} says {expected}");
        }
    }
}

/// A folder of the first version of the tables is opened, brought to the present one and goes on: events, people, everything.
#[test]
fn an_older_folder_is_opened_and_goes_on() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, plain(0..50)).unwrap();
    harness.engine().seal_now(None);
    harness.append(demo, plain(50..80)).unwrap();
    let change = |organization, version| DirectoryChange {
        kind: "membership".to_owned(),
        organization,
        id: "usr_1".to_owned(),
        expected_version: version,
        document: Some("{\"active\":true}".to_owned()),
    };
    let made = Change { directory: vec![change(Some(demo), None), change(None, None)], ..Change::default() };
    wait(harness.engine().change(made)).unwrap();
    let entries = harness.engine().directory_entries("membership", None).unwrap();
    let (events, root) = (harness.read(demo), harness.engine().snapshot(demo).unwrap().root);
    harness.stop();
    // What was new since: tiles, checkpoints and what witnesses signed, and the rules of the directory.
    sql(
        &harness,
        "ALTER TABLE directory RENAME TO newer;
         CREATE TABLE directory (
             kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 256),
             organization INTEGER NOT NULL CHECK (organization >= 0),
             id TEXT NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
             version INTEGER NOT NULL CHECK (version > 0),
             document TEXT NOT NULL CHECK (length(document) BETWEEN 1 AND 262144),
             PRIMARY KEY (kind, organization, id)
         ) STRICT, WITHOUT ROWID;
         INSERT INTO directory SELECT kind, organization, id, version, document FROM newer;
         DROP TABLE newer;
         DROP TABLE tiles;
         DROP TABLE checkpoints;
         DROP TABLE cosignatures;
         PRAGMA user_version = 1",
    );
    harness.start().unwrap();
    assert_eq!(harness.engine().directory_entries("membership", None).unwrap(), entries);
    assert_eq!(harness.read(demo), events);
    assert_eq!(harness.engine().snapshot(demo).unwrap().root, root);
    wait(harness.engine().change(Change { directory: vec![change(Some(demo), Some(1))], ..Change::default() }))
        .unwrap();
    harness.append(demo, plain(80..90)).unwrap();
    harness.stop();
    let database = rusqlite::Connection::open(harness.data().join("actarium.db")).unwrap();
    let version: i32 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 4);
    drop(database);
    harness.start().unwrap();
    assert_eq!(harness.read(demo).len(), 90);
}

#[test]
fn keys_that_are_missing_or_of_another_log_are_refused() {
    for file in ["master.key", "log.key", "log.name"] {
        let mut harness = Harness::new();
        harness.create("demo");
        harness.stop();
        let other = Harness::with(|options| options.log_name = Some("other.example".to_owned()));
        let path = harness.data().join(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let error = harness.start().unwrap_err();
        assert!(error.to_string().contains("is missing"), "{error}");
        assert!(!path.exists(), "no new key is made beside an old log");
        std::fs::copy(other.data().join(file), &path).unwrap();
        let error = harness.start().unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        std::fs::write(&path, &good).unwrap();
        harness.start().unwrap();
    }
}

#[test]
fn a_log_keeps_its_name() {
    let mut harness = Harness::with(|options| options.log_name = Some("audit.example".to_owned()));
    harness.options.log_name = Some("other.example".to_owned());
    harness.stop();
    let error = harness.start().unwrap_err();
    assert!(matches!(error, OpenError::LogNameDiffers { .. }), "{error}");
    harness.options.log_name = None;
    harness.start().unwrap();
    assert_eq!(harness.engine().log_name(), "audit.example");
}

#[test]
fn a_missing_segment_is_told_and_the_others_go_on() {
    let mut harness = Harness::new();
    let (demo, other) = (harness.create("demo"), harness.create("other"));
    for organization in [demo, other] {
        harness.append(organization, with_ids(0..600)).unwrap();
    }
    harness.engine().seal_now(None);
    harness.stop();
    let path = segment_file(&harness, demo);
    let moved = harness.folder.path().join("kept");
    std::fs::rename(&path, &moved).unwrap();
    harness.start().unwrap();
    let error = harness.engine().snapshot(demo).err().unwrap();
    assert!(matches!(&error, ReadError::Damaged { detail, .. } if detail.contains(".parquet")), "{error}");
    assert!(matches!(harness.append(demo, with_ids(0..1)), Err(AppendError::Damaged { .. })), "repeats cannot be told");
    assert_eq!(harness.read(other).len(), 600);
    assert_eq!(duplicates(&harness.append(other, with_ids(0..1)).unwrap()), [true]);
    std::fs::rename(&moved, &path).unwrap();
    assert_eq!(harness.read(demo).len(), 600, "put back, it is there again");
}

#[test]
fn a_flipped_bit_in_a_segment_is_told() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, with_ids(0..2_000)).unwrap();
    harness.engine().seal_now(None);
    harness.stop();
    let path = segment_file(&harness, demo);
    let good = std::fs::read(&path).unwrap();
    for place in [good.len() / 5, good.len() / 2, good.len() - 40] {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        harness.start().unwrap();
        let told = match harness.engine().snapshot(demo) {
            Err(error) => error.to_string(),
            Ok(snapshot) => {
                let read = snapshot.segments[0].for_each_row(0..2_000, &mut |_, _, _| ());
                read.expect_err("a flipped bit is noticed").to_string()
            }
        };
        assert!(told.contains("damaged"), "{told}");
        harness.stop();
    }
}

#[test]
fn places_that_disagree_stop_that_log_alone() {
    let spoilings = [
        "UPDATE heads SET size = size - 1, sealed_end = 0 WHERE organization = 1",
        "UPDATE heads SET root = zeroblob(32) WHERE organization = 1",
        "DELETE FROM journal WHERE key >> 40 = 1",
        "UPDATE journal SET root = zeroblob(32) WHERE key >> 40 = 1",
    ];
    for spoiling in spoilings {
        let mut harness = Harness::new();
        let (demo, other) = (harness.create("demo"), harness.create("other"));
        harness.append(demo, plain(0..5)).unwrap();
        harness.stop();
        sql(&harness, spoiling);
        harness.start().unwrap();
        let error = harness.append(demo, plain(5..6)).unwrap_err();
        assert!(matches!(error, AppendError::Damaged { .. }), "{spoiling}: {error}");
        harness.append(other, plain(0..1)).unwrap();
        assert_eq!(harness.engine().stats().damaged_organizations, 1);
    }
}

#[test]
fn rows_that_do_not_give_their_root_are_not_sealed() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    let mut rows = EncodedRows::new();
    push(&mut rows, "a short one", None);
    harness.append(demo, rows).unwrap();
    harness.append(demo, plain(0..1)).unwrap();
    harness.stop();
    // Small rows are stored as they are, so a text can be changed without anybody noticing at once.
    sql(
        &harness,
        "UPDATE journal SET rows = CAST(replace(CAST(rows AS TEXT), 'short', 'shirt') AS BLOB) WHERE key = 1 << 40",
    );
    harness.start().unwrap();
    let report = harness.engine().seal_now(None);
    assert_eq!(report.failures.len(), 1);
    assert!(report.failures[0].1.contains("do not give the root"), "{}", report.failures[0].1);
    assert!(matches!(harness.append(demo, plain(2..3)), Err(AppendError::Damaged { .. })));
}

#[test]
fn files_that_nobody_lists_are_removed_and_others_are_not() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    harness.append(demo, plain(0..300)).unwrap();
    harness.engine().seal_now(None);
    harness.stop();
    let listed = segment_file(&harness, demo);
    let orphan = listed.with_file_name("0000000000000-0123456789abcdef.parquet");
    let partial = listed.with_file_name("0000000000300-0123456789abcdef.parquet.partial");
    let foreign = harness.data().join("segments/README");
    let beside = listed.with_file_name("0000000000000-copy.parquet.bak");
    for path in [&orphan, &partial, &foreign, &beside] {
        std::fs::write(path, b"left over").unwrap();
    }
    harness.start().unwrap();
    harness.engine().shutdown();
    assert!(!orphan.exists() && !partial.exists());
    assert!(listed.exists() && foreign.exists() && beside.exists());
    assert_eq!(harness.engine().stats().orphans_removed, 2);
}

#[test]
fn what_nobody_lists_stays_while_a_listed_segment_is_missing() {
    let mut harness = Harness::new();
    let demo = harness.create("demo");
    for part in 0..2 {
        harness.append(demo, plain(part * 300..(part + 1) * 300)).unwrap();
        let log = harness.engine().shared.log(demo).unwrap();
        Sealing::new(harness.engine().shared.clone()).seal(&log).unwrap();
    }
    harness.stop();
    let database = harness.data().join("actarium.db");
    let before = std::fs::read(&database).unwrap();
    harness.start().unwrap();
    let whole = harness.read(demo);
    assert_eq!(harness.engine().seal_now(None).merges, 1);
    harness.stop();
    // The database of before, which lists the two files that were merged, and the folder of now.
    let after = std::fs::read(&database).unwrap();
    std::fs::write(&database, &before).unwrap();
    harness.start().unwrap();
    assert!(harness.engine().snapshot(demo).is_err());
    assert!(!collect_orphans(&harness.engine().shared), "there is something left that nobody lists");
    harness.stop();
    std::fs::write(&database, after).unwrap();
    harness.start().unwrap();
    assert_eq!(harness.engine().damaged(), []);
    assert_eq!(harness.read(demo), whole);
    assert_eq!(harness.engine().stats().orphans_removed, 0);
}

#[test]
fn a_database_older_than_its_segments_is_not_continued() {
    let mut harness = Harness::new();
    let organization = harness.create("demo");
    harness.append(organization, plain(0..5)).unwrap();
    harness.stop();
    let database = harness.data().join("actarium.db");
    let older = std::fs::read(&database).unwrap();
    harness.start().unwrap();
    harness.append(organization, plain(5..505)).unwrap();
    harness.engine().seal_now(None);
    harness.stop();
    let newer = std::fs::read(&database).unwrap();
    let segment = segment_file(&harness, organization);

    std::fs::write(&database, &older).unwrap();
    harness.start().unwrap();
    let refused = harness.append(organization, plain(5..6)).unwrap_err();
    assert!(refused.to_string().contains("older than its segments"), "{refused}");
    harness.stop();
    assert!(segment.exists(), "nothing is removed that may be all there is");

    std::fs::remove_file(&database).unwrap();
    let error = harness.start().unwrap_err();
    assert!(error.to_string().contains("is missing, but there are segments"), "{error}");
    assert!(!database.exists() && segment.exists());

    std::fs::write(&database, &newer).unwrap();
    harness.start().unwrap();
    harness.append(organization, plain(505..506)).unwrap();
}
