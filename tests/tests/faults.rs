//! Disks that are full, read-only or failing, and files that are damaged, missing or not ours: a clear error, no panic, no
//! loss of what is intact.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actarium_tests::load::{self, Load};
use actarium_tests::mount::SmallDisk;
use actarium_tests::powercut::copy_folder;
use actarium_tests::server::{BRISK, Ended};
use actarium_tests::{Client, Cut, Disk, Ledger, Random, Start, walk};
use serde_json::{Value, json};
use tempfile::TempDir;

const DATABASE: &str = "actarium.db";

fn organizations() -> Vec<String> {
    ["acme", "globex"].map(str::to_owned).to_vec()
}

fn create_organizations(client: &Client) {
    for organization in organizations() {
        client.organization(&organization);
    }
}

fn check(client: &Client, ledger: &Ledger) {
    walk::check(client, ledger, &organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// Sends one new request; `None` or the status.
fn one(client: &Client, ledger: &Ledger, random: &mut Random) -> Option<u16> {
    load::send(client, ledger, ledger.begin(load::request(random, &organizations())))
}

fn record(client: &Client, ledger: &Ledger, requests: usize, random: &mut Random) {
    for _ in 0..requests {
        let status = one(client, ledger, random);
        assert!(matches!(status, Some(200 | 201)), "answered {status:?}");
    }
}

/// Tries until it is recorded again.
fn recovers(client: &Client, ledger: &Ledger, random: &mut Random) {
    for _ in 0..200 {
        if matches!(one(client, ledger, random), Some(200 | 201)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("does not take events again");
}

fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walk::files_below(folder).into_iter();
    files.map(|path| (path.clone(), std::fs::read(&path).expect("a file"))).collect()
}

/// A data folder with some of everything in it, sealed and unsealed, and the account of it. The server is stopped.
fn filled(random: &mut Random) -> (TempDir, PathBuf, Ledger) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let ledger = Ledger::default();
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    create_organizations(&client);
    for _ in 0..3 {
        record(&client, &ledger, 12, random);
        walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
    record(&client, &ledger, 6, random);
    server.stop();
    (folder, data, ledger)
}

/// Starting must fail with a message that names `mention`, without a panic, and must not change the database or the keys.
fn refuses(start: Start<'_>, mention: &str) -> String {
    let data = start.data.clone();
    let before = content(&data);
    let Ended { status, stderr } = match start.try_now() {
        Err(ended) => ended,
        Ok(server) => panic!("starts, though it should be refused for {mention}:\n{}", server.stderr()),
    };
    assert!(status.code().is_some_and(|code| code != 0 && code != 101), "{status}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(stderr.contains(mention), "says nothing of {mention}: {stderr}");
    let after = content(&data);
    for (path, bytes) in &before {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with("-shm") {
            assert_eq!(after.get(path), Some(bytes), "{} was changed", path.display());
        }
    }
    stderr
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let mut random = Random::from_env("a_full_disk_refuses_and_recovers");
    let Some(disk) = SmallDisk::mount(24) else { return };
    let ballast = disk.ballast(12);
    let data = disk.path().join("data");
    let ledger = Arc::new(Ledger::default());
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    create_organizations(&client);
    let mut refused = None;
    for _ in 0..3000 {
        let number = ledger.begin(load::request(&mut random, &organizations()));
        if load::send(&client, &ledger, number) == Some(503) {
            let sent = ledger.get(number);
            let again = client.post(&format!("/v1/orgs/{}/events", sent.organization), &json!(sent.events));
            if again.status == 503 {
                refused = Some(again);
                break;
            }
            // There was room for it after all.
            assert_eq!(again.status, 201, "{}", again.text());
            ledger.answered(number, &again.json());
        }
    }
    let refused = refused.expect("12 MiB are full at some time");
    assert_eq!(refused.header("content-type"), Some("application/problem+json"), "{}", refused.text());
    let held_before = ledger.acknowledged();
    // Everything that was acknowledged can still be read, and sealing does no harm.
    check(&client, &ledger);
    let _ = client.send("POST", "/v1/admin/seal", &[], Vec::new());
    check(&client, &ledger);
    std::fs::remove_file(&ballast).expect("the ballast goes");
    recovers(&client, &ledger, &mut random);
    check(&client, &ledger);
    // Nothing half recorded: what was refused is recorded once when it is sent again.
    walk::complete(&client, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(ledger.acknowledged() > held_before);
    walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    server.stop();
    let server = Start::on(&data).with(BRISK).now();
    check(&server.client(), &ledger);
    server.stop();
}

#[test]
fn a_start_on_a_full_disk_harms_nothing() {
    let mut random = Random::from_env("a_start_on_a_full_disk_harms_nothing");
    let Some(disk) = SmallDisk::mount(24) else { return };
    let (_folder, filled, ledger) = filled(&mut random);
    let data = disk.path().join("data");
    copy_folder(&filled, &data);
    // Fill what is left, to the last byte.
    let mut ballast = Vec::new();
    for (number, bytes) in [1 << 20, 1 << 16, 1 << 12, 1].into_iter().enumerate() {
        for part in 0..64 {
            let path = disk.path().join(format!("ballast-{number}-{part}"));
            let full = std::fs::write(&path, vec![7; bytes]).is_err();
            ballast.push(path);
            if full {
                break;
            }
        }
    }
    match Start::on(&data).with(BRISK).try_now() {
        Ok(server) => {
            check(&server.client(), &ledger);
            server.kill();
        }
        Err(ended) => {
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
            assert!(ended.stderr.to_lowercase().contains("full") || ended.stderr.contains("space"), "{}", ended.stderr);
        }
    }
    for path in ballast {
        let _ = std::fs::remove_file(path);
    }
    let server = Start::on(&data).with(BRISK).now();
    recovers(&server.client(), &ledger, &mut random);
    walk::complete(&server.client(), &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
    server.stop();
}

#[test]
fn a_read_only_folder_is_refused() {
    let mut random = Random::from_env("a_read_only_folder_is_refused");
    let Some(disk) = SmallDisk::mount(64) else { return };
    let (_folder, filled, _) = filled(&mut random);
    let data = disk.path().join("data");
    copy_folder(&filled, &data);
    disk.make_read_only();
    refuses(Start::on(&data), "ead-only");
    refuses(Start::on(&disk.path().join("new")), "ead-only");
}

#[test]
fn a_failing_journal_refuses_and_recovers() {
    let mut random = Random::from_env("a_failing_journal_refuses_and_recovers");
    let disk = Disk::new();
    let ledger = Arc::new(Ledger::default());
    let server = Start::on_disk(&disk, Cut::default()).with(BRISK).now();
    let client = server.client();
    create_organizations(&client);
    record(&client, &ledger, 10, &mut random);
    for fault in ["fsync:*-wal:EIO", "fdatasync:*-wal:EIO;fsync:*-wal:EIO", "write:*-wal:ENOSPC", "write:*-wal:EIO"] {
        assert!(disk.command(&format!("fail {fault}")));
        for _ in 0..5 {
            assert_eq!(one(&client, &ledger, &mut random), Some(503), "{fault}");
        }
        // Also under load nothing is acknowledged that is not kept.
        let load = Load::start(&client, &ledger, &organizations(), 3, &mut random);
        std::thread::sleep(Duration::from_millis(200));
        assert!(disk.command("fail"));
        recovers(&client, &ledger, &mut random);
        load.stop();
        check(&client, &ledger);
        walk::complete(&client, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{fault}: {wrong}"));
    }
    assert!(disk.command("cut"));
    let mut server = server;
    assert!(server.ended_within(Duration::from_secs(30)));
    let mut disk = disk;
    disk.restore();
    let server = Start::on(&disk.living().join("data")).with(BRISK).now();
    check(&server.client(), &ledger);
    server.stop();
}

#[test]
fn a_failing_segment_folder_keeps_the_journal() {
    let mut random = Random::from_env("a_failing_segment_folder_keeps_the_journal");
    let disk = Disk::new();
    let ledger = Arc::new(Ledger::default());
    let server = Start::on_disk(&disk, Cut::default()).with(BRISK).now();
    let client = server.client();
    create_organizations(&client);
    record(&client, &ledger, 10, &mut random);
    walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    for fault in
        ["write:*segments/*:ENOSPC", "fsync:*segments/*:EIO", "create:*segments/*:ENOSPC", "fsync-dir:*segments*:EIO"]
    {
        record(&client, &ledger, 10, &mut random);
        assert!(disk.command(&format!("fail {fault}")));
        assert!(walk::seal(&client).is_err(), "{fault}: the seal says that it failed");
        record(&client, &ledger, 5, &mut random);
        check(&client, &ledger);
        assert!(disk.command("fail"));
        walk::seal(&client).unwrap_or_else(|wrong| panic!("{fault} is over: {wrong}"));
        check(&client, &ledger);
    }
    // What the failures left behind is collected at the latest by the next start.
    let data = server.data.clone();
    server.stop();
    let server = Start::on(&data).with(BRISK).now();
    assert_eq!(walk::stray_files(&server.client(), &data), Vec::<String>::new());
    check(&server.client(), &ledger);
    server.stop();
}

#[test]
fn a_torn_write_ahead_log_loses_at_most_its_torn_end() {
    let mut random = Random::from_env("a_torn_write_ahead_log_loses_at_most_its_torn_end");
    for round in 0..6 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let ledger = Arc::new(Ledger::default());
        let server = Start::on(&data).now();
        let client = server.client();
        create_organizations(&client);
        record(&client, &ledger, 14, &mut random);
        let before_last: Vec<usize> =
            organizations().iter().map(|organization| ledger.size_seen(organization) as usize).collect();
        record(&client, &ledger, 1, &mut random);
        server.kill();
        let wal = data.join(format!("{DATABASE}-wal"));
        let mut bytes = std::fs::read(&wal).expect("a write-ahead log");
        let whole = bytes.len();
        match round % 3 {
            0 => bytes.truncate(whole - 1 - random.below(4096) as usize),
            1 => bytes[whole - 512..].fill(0),
            _ => {
                let at = whole - 1 - random.below(2048) as usize;
                bytes[at] ^= 0x10;
            }
        }
        std::fs::write(&wal, &bytes).expect("the torn log");
        let server = Start::on(&data).now();
        let client = server.client();
        // A disk that loses the end of what it said it had kept takes the last commit; what is before it is intact.
        for (organization, acknowledged) in organizations().into_iter().zip(before_last) {
            let log = walk::log_of(&client, &Ledger::default(), &organization);
            let events = log.unwrap_or_else(|wrong| panic!("{wrong}")).events;
            assert!(events.len() >= acknowledged, "{} of {acknowledged} events are left", events.len());
        }
        let event = load::event(&mut random, true);
        assert_eq!(client.post("/v1/orgs/acme/events", &event).status, 201);
        server.stop();
    }
}

#[test]
fn a_torn_last_page_of_the_database_is_noticed() {
    let mut random = Random::from_env("a_torn_last_page_of_the_database_is_noticed");
    let (_folder, data, ledger) = filled(&mut random);
    let path = data.join(DATABASE);
    let whole = std::fs::read(&path).expect("the database");
    for (name, damage) in [
        ("cut", &(|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 2048)) as &dyn Fn(&mut Vec<u8>)),
        ("zeroed", &|bytes: &mut Vec<u8>| {
            let from = bytes.len() - 2048;
            bytes[from..].fill(0);
        }),
        ("scrambled", &|bytes: &mut Vec<u8>| {
            let from = bytes.len() - 4096;
            bytes[from..].iter_mut().enumerate().for_each(|(at, byte)| *byte ^= at as u8 | 1);
        }),
    ] {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).expect("the torn database");
        match Start::on(&data).try_now() {
            Err(ended) => {
                assert!(!ended.stderr.contains("panicked"), "{name}: {}", ended.stderr);
                assert!(ended.stderr.contains(DATABASE), "{name}: does not say which file: {}", ended.stderr);
            }
            // The page may be free or belong to one organization: what is answered is right, or refused with a reason.
            Ok(server) => {
                for organization in organizations() {
                    right_or_refused(&server.client(), &ledger, &organization);
                }
                server.kill();
            }
        }
        std::fs::write(&path, &whole).expect("the whole database");
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(data.join(format!("{DATABASE}{ending}")));
        }
    }
    let server = Start::on(&data).now();
    check(&server.client(), &ledger);
    server.stop();
}

/// An organization's log is answered as it was acknowledged, or not at all: with a problem that says why. Returns
/// whether it was answered.
fn right_or_refused(client: &Client, ledger: &Ledger, organization: &str) -> bool {
    // What is recorded from here on goes with the damaged folder.
    match walk::check(client, &ledger.copy(), &[organization.to_owned()]) {
        Ok(()) => true,
        Err(wrong) => {
            assert!(wrong.starts_with("GET ") && (wrong.contains(": 500 ") || wrong.contains(": 503 ")), "{wrong}");
            let problem: Value =
                wrong.find('{').and_then(|at| serde_json::from_str(&wrong[at..]).ok()).unwrap_or_default();
            assert!(problem["type"].as_str().is_some_and(|kind| !kind.is_empty()), "no problem: {wrong}");
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "no reason: {wrong}");
            false
        }
    }
}

/// The organization of the service's own records.
const OPERATOR: &str = "actarium";

/// Ids of organizations, which name their segment folders. Starts a server on the folder to ask.
fn ids_of(data: &Path, organizations: &[String]) -> Vec<String> {
    let server = Start::on(data).with(BRISK).now();
    let listed = server.client().get("/v1/orgs").expect(200)["organizations"].clone();
    server.stop();
    let listed = listed.as_array().expect("organizations");
    let id_of = |slug: &String| listed.iter().find(|shown| shown["slug"] == **slug)?["id"].as_str();
    organizations.iter().map(|slug| id_of(slug).expect("an organization with an id").to_owned()).collect()
}

/// Segments of the organizations with these ids, each of which has some.
fn segments_of(data: &Path, ids: &[String]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for id in ids {
        let mut files = walk::files_below(&data.join("segments").join(id));
        assert!(!files.is_empty(), "segments of {id}");
        files.sort();
        all.append(&mut files);
    }
    all
}

/// An event that no ledger knows.
fn stranger() -> Value {
    json!({"action": "project.update", "actor": {"type": "user", "id": "u"}, "targets": [{"type": "project", "id": "p"}],
        "metadata": {"marker": "not in the ledger"}})
}

#[test]
fn a_missing_segment_stops_its_organization_alone() {
    let mut random = Random::from_env("a_missing_segment_stops_its_organization_alone");
    let (folder, data, ledger) = filled(&mut random);
    let ids = ids_of(&data, &organizations());
    let of = random.below(ids.len() as u64) as usize;
    let (damaged, intact) = (&organizations()[of], &organizations()[1 - of]);
    let lost = random.pick(&segments_of(&data, &ids[of..=of])).clone();
    let kept = folder.path().join("kept");
    std::fs::rename(&lost, &kept).expect("the segment goes");
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    assert!(!right_or_refused(&client, &ledger, damaged), "a part of its log is lost");
    assert!(right_or_refused(&client, &ledger, intact), "just the one whose segment is lost");
    assert_eq!(client.post(&format!("/v1/orgs/{intact}/events"), &stranger()).status, 201);
    let _ = client.send("POST", "/v1/admin/seal", &[], Vec::new());
    server.stop();
    // Brought back, everything is there.
    std::fs::rename(&kept, &lost).expect("the segment comes back");
    let server = Start::on(&data).with(BRISK).now();
    let outcome = walk::check(&server.client(), &ledger, std::slice::from_ref(damaged));
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
    server.stop();
}

/// Waits until the service's own log tells of so many starts: each is recorded a moment after it.
fn starts_are_recorded(client: &Client, expected: usize) {
    let mut starts = 0;
    for _ in 0..200 {
        let log = walk::log_of(client, &Ledger::default(), OPERATOR).unwrap_or_else(|wrong| panic!("{wrong}"));
        starts = log.events.iter().filter(|event| event["action"] == "service.start").count();
        if starts >= expected {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(starts, expected, "starts in the service's own log");
}

#[test]
fn a_missing_segment_of_the_service_s_own_log_stops_nobody_else() {
    let mut random = Random::from_env("a_missing_segment_of_the_service_s_own_log_stops_nobody_else");
    let (folder, data, ledger) = filled(&mut random);
    let ids = ids_of(&data, &[OPERATOR.to_owned()]);
    let lost = random.pick(&segments_of(&data, &ids)).clone();
    let kept = folder.path().join("kept");
    std::fs::rename(&lost, &kept).expect("the segment goes");
    // The start is not prevented, everybody else reads and writes, and who may not is told so as ever.
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    check(&client, &ledger);
    record(&client, &ledger, 5, &mut random);
    client.organization("initech");
    assert_eq!(Client::new(&server.url, "").get("/v1/orgs").status, 401);
    assert!(!right_or_refused(&client, &Ledger::default(), OPERATOR), "a part of its log is lost");
    let _ = client.send("POST", "/v1/admin/seal", &[], Vec::new());
    check(&client, &ledger);
    server.stop();
    // Brought back, everything is there, what was recorded meanwhile too.
    std::fs::rename(&kept, &lost).expect("the segment comes back");
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    // That which filled the folder, that which was asked for ids, the one without the segment, and this one.
    starts_are_recorded(&client, 4);
    check(&client, &ledger);
    walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    server.stop();
}

#[test]
fn a_flipped_bit_in_a_segment_is_never_taken_for_truth() {
    const FLIPS: u64 = 14;
    let mut random = Random::from_env("a_flipped_bit_in_a_segment_is_never_taken_for_truth");
    let (_folder, data, ledger) = filled(&mut random);
    let ids = ids_of(&data, &organizations());
    let mut noticed = 0;
    for flip in 0..FLIPS {
        let path = random.pick(&segments_of(&data, &ids)).clone();
        let whole = std::fs::read(&path).expect("a segment");
        let mut bytes = whole.clone();
        let length = bytes.len() as u64;
        // The magic at both ends, the footer, and anywhere.
        let at = match flip {
            0 => random.below(4),
            1 => length - 1 - random.below(8),
            2 | 3 => length - 9 - random.below(512),
            4 | 5 => length / 2 + random.below(length / 2 - 600),
            _ => random.below(length),
        };
        bytes[at as usize] ^= 1 << random.below(8);
        std::fs::write(&path, &bytes).expect("the flipped segment");
        let server = Start::on(&data).with(BRISK).now();
        let client = server.client();
        let answered: Vec<bool> =
            organizations().iter().map(|organization| right_or_refused(&client, &ledger, organization)).collect();
        assert!(answered.contains(&true), "flip at {at} of {length}: the other organization goes on");
        if answered.contains(&false) {
            noticed += 1;
        }
        server.kill();
        std::fs::write(&path, &whole).expect("the segment as it was");
    }
    // A bit of what is not read (an unused index) goes unnoticed; most are read.
    assert!(noticed >= FLIPS / 2, "only {noticed} of {FLIPS} flips were noticed");
    let server = Start::on(&data).with(BRISK).now();
    check(&server.client(), &ledger);
    server.stop();
}

#[test]
fn a_database_that_is_not_ours_is_left_alone() {
    let mut random = Random::from_env("a_database_that_is_not_ours_is_left_alone");
    let (_folder, data, _) = filled(&mut random);
    let path = data.join(DATABASE);
    let whole = std::fs::read(&path).expect("the database");
    let mut foreign = whole.clone();
    foreign[68..72].copy_from_slice(&0x1234_5678u32.to_be_bytes()); // SQLite's application_id
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&999u32.to_be_bytes()); // SQLite's user_version
    let mut half = whole.clone();
    half.truncate(whole.len() / 2 + 100);
    for (name, bytes) in [
        ("a text", b"To whom it may concern: this is a letter.".to_vec()),
        ("nothing", Vec::new()),
        ("noise", (0..40_960).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
        ("another program's database", foreign),
        ("a newer version's database", newer),
    ] {
        std::fs::write(&path, &bytes).expect("another file");
        println!("{name}: {}", refuses(Start::on(&data), DATABASE).trim());
    }
    std::fs::write(&path, &whole).expect("the database");
    Start::on(&data).now().stop();
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let mut random = Random::from_env("two_processes_do_not_share_a_folder");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let ledger = Ledger::default();
    let first = Start::on(&data).now();
    create_organizations(&first.client());
    record(&first.client(), &ledger, 5, &mut random);
    let Err(ended) = Start::on(&data).try_now() else { panic!("a second process starts on the same folder") };
    assert!(ended.stderr.contains("use"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    record(&first.client(), &ledger, 5, &mut random);
    check(&first.client(), &ledger);
    first.kill();
    // A killed process leaves no lock behind.
    let second = Start::on(&data).now();
    check(&second.client(), &ledger);
    second.stop();
}

#[test]
fn damaged_and_missing_keys_are_refused_and_never_replaced() {
    let mut random = Random::from_env("damaged_and_missing_keys_are_refused_and_never_replaced");
    let (_folder, data, ledger) = filled(&mut random);
    for name in ["master.key", "log.key", "log.name", "operator.token"] {
        let path = data.join(name);
        let whole = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut damages = vec![Vec::new(), whole[..whole.len() / 2].to_vec()];
        if name != "log.name" {
            // A name has no checksum, but the database knows it; see below.
            let mut flipped = whole.clone();
            flipped[whole.len() / 2] ^= 1;
            damages.push(flipped);
        }
        for damaged in damages {
            std::fs::write(&path, &damaged).expect("a damaged file");
            refuses(Start::on(&data), name);
        }
        if name != "operator.token" {
            // A lost token is replaced by a new one, on purpose; a lost key is a loss that the operator must know of.
            std::fs::remove_file(&path).expect("the file goes");
            refuses(Start::on(&data), name);
        }
        std::fs::write(&path, &whole).expect("the file as it was");
    }
    std::fs::write(data.join("log.name"), "another.example\n").expect("another name");
    refuses(Start::on(&data), "another.example");
    std::fs::write(data.join("log.name"), "actarium.local\n").expect("the name as it was");
    let master = std::fs::read(data.join("master.key")).expect("the key");
    let other = tempfile::tempdir().expect("a temporary folder");
    Start::on(&other.path().join("data")).now().stop();
    std::fs::copy(other.path().join("data/master.key"), data.join("master.key")).expect("another log's key");
    refuses(Start::on(&data), "master");
    std::fs::write(data.join("master.key"), master).expect("the key as it was");
    refuses(Start::on(&data).with(&["--log-name", "renamed.example"]), "renamed.example");
    let server = Start::on(&data).now();
    check(&server.client(), &ledger);
    server.stop();
}
