//! Tampering with the data folder of the demo: what is said names the file or the events.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actarium_tests::server::Start;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Demo, Export, assert_found, unhex};

/// The number of the organization in the database.
const DEMO: &str = "(select number from organizations where slug = 'demo')";
/// Bytes of a file under one checksum.
const CHECKED_BYTES: usize = 16 << 10;

fn run(database: &Connection, statement: &str) {
    let statement = statement.replace("DEMO", DEMO);
    assert!(database.execute(&statement, []).unwrap() > 0, "{statement} changed nothing");
}

/// The last segment of the organization: its path below the folder of segments, and the events before which it ends.
fn segment(database: &Connection) -> (String, u64) {
    let wanted =
        format!("select path, end_seq from segments where organization = {DEMO} order by first_seq desc limit 1");
    database.query_row(&wanted, [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))).unwrap()
}

fn path_of(folder: &Path, database: &Connection) -> PathBuf {
    folder.join("segments").join(segment(database).0)
}

/// CRC-32 (ISO-HDLC) of each piece of a file, as the manifest keeps them.
fn checks(bytes: &[u8]) -> String {
    let crc = |piece: &[u8]| {
        !piece.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    };
    BASE64.encode(bytes.chunks(CHECKED_BYTES).flat_map(|piece| crc(piece).to_le_bytes()).collect::<Vec<u8>>())
}

fn change_summary(database: &Connection, path: &str, change: impl FnOnce(&mut Value)) {
    let summary: String =
        database.query_row("select summary from segments where path = ?", [path], |row| row.get(0)).unwrap();
    let mut summary: Value = serde_json::from_str(&summary).unwrap();
    change(&mut summary);
    database.execute("update segments set summary = ? where path = ?", [&summary.to_string(), path]).unwrap();
}

/// Takes places out of the index of a segment's texts, and makes all checksums right again.
fn hide_from_searches(folder: &Path, database: &Connection) {
    let file = path_of(folder, database);
    let mut bytes = std::fs::read(&file).unwrap();
    let start = b"{\"version\":1,\"packings\"";
    let from = bytes.windows(start.len()).rposition(|window| window == start).unwrap();
    let directory = serde_json::Deserializer::from_slice(&bytes[from..]).into_iter::<Value>().next().unwrap().unwrap();
    let sections = directory["sections"].as_array().unwrap();
    let words = sections.iter().find(|section| section["kind"] == "text_terms").unwrap();
    let place = (words["offset"].as_u64().unwrap() + words["length"].as_u64().unwrap() / 2) as usize;
    bytes[place] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    change_summary(database, &segment(database).0, |summary| summary["checks"] = json!(checks(&bytes)));
}

/// Puts a file of times and commits, which are true, in the place of a segment, as if its events had been purged.
fn pass_off_as_purged(whole: &Export, folder: &Path, database: &Connection) {
    let (path, end) = segment(database);
    let purged = path.replace(".parquet", ".purged");
    std::fs::remove_file(path_of(folder, database)).unwrap();
    database.execute("update segments set path = ? where path = ?", [&purged, &path]).unwrap();
    change_summary(database, &purged, |summary| {
        let first = summary["first_seq"].as_u64().unwrap();
        let kept: Vec<u8> = (first..end)
            .flat_map(|seq| {
                let event = whole.event(seq as usize);
                [&event["recorded_at"].as_u64().unwrap().to_be_bytes()[..], &unhex(&event["commit"])].concat()
            })
            .collect();
        summary["bytes"] = json!(kept.len());
        summary["checks"] = json!(checks(&kept));
        summary["occurred"] = summary["recorded"].clone();
        summary["tier"] = json!("purged");
        summary.as_object_mut().unwrap().remove("newest");
        std::fs::write(folder.join("segments").join(&purged), &kept).unwrap();
    });
}

/// Gives the organization and the operator's each other's names.
fn swap_names(database: &Connection) {
    for (from, to) in [("demo", "x"), ("actarium", "demo"), ("x", "actarium")] {
        database.execute("update organizations set slug = ? where slug = ?", [to, from]).unwrap();
    }
}

pub fn every_kind_is_found_and_named(demo: &Demo) {
    let anchor = demo.anchor();
    let trust = ["--org", "demo", "--key", &demo.key];
    let sound = demo.check_folder(&[&trust[..], &["--anchor", &anchor]].concat(), &|_, _| ());
    assert_eq!(sound.0, Some(0), "{}", sound.1);
    assert!(sound.1.contains("event 0 calls the organization `demo`, as the database does"), "{}", sound.1);
    let database = Connection::open(demo.folder.path().join("data/actarium.db")).unwrap();
    let (path, end) = segment(&database);
    let size = |table: &str| -> u64 {
        let wanted = format!("select max(size) from {table} where organization = {DEMO}");
        database.query_row(&wanted, [], |row| row.get::<_, i64>(0)).unwrap() as u64
    };
    let published = size("checkpoints");
    drop(database);
    let done = |kind: &str, tamper: &dyn Fn(&Path, &Connection), wanted: &str| {
        assert_found(kind, demo.check_folder(&trust, tamper), wanted);
    };
    let told = |kind: &str, statement: &str, wanted: &str| done(kind, &|_, database| run(database, statement), wanted);
    let file = path.rsplit('/').next().unwrap();
    let flip = |folder: &Path, database: &Connection| {
        let file = path_of(folder, database);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
        std::fs::write(file, bytes).unwrap();
    };
    done("edit in a segment", &flip, &format!("{file} is damaged: "));
    let remove = |folder: &Path, database: &Connection| std::fs::remove_file(path_of(folder, database)).unwrap();
    done("a segment that is gone", &remove, &format!("{file} cannot be read: No such file"));
    done("an index that hides events", &hide_from_searches, &format!("{file} is damaged: its index of words in texts"));
    let last = format!("where organization = DEMO and end_seq = {end}");
    let wanted = format!("{file}: its frontier in the manifest does not give its root");
    told("a root", &format!("update segments set root = zeroblob(32) {last}"), &wanted);
    let wanted = format!("the manifest does not say how the tree stood at {end}");
    told("a frontier", &format!("update segments set frontier = zeroblob(length(frontier)) {last}"), &wanted);
    let tile = "update tiles set hashes = zeroblob(length(hashes)) where organization = DEMO and level = 1";
    told("a tile", tile, "demo, tile/1/000");
    let newest = format!("where organization = DEMO and size = {published}");
    let wanted = format!("the newest checkpoint is kept under size {} and says {published}", published - 1);
    told("a checkpoint", &format!("update checkpoints set size = size - 1 {newest}"), &wanted);
    let last = "where key = (select max(key) from journal where key >> 40 = DEMO)";
    told("an event of the journal that is gone", &format!("delete from journal {last}"), "the journal ends at ");
    let generation = "insert into directory (kind, organization, id, version, document) values ('log_generation', DEMO, 'current', 1, \
                      json_object('number', 2, 'first_seq', 9000, 'continues', 'x'))";
    told("a generation that nothing opened", generation, "generation 2 begins at 9000");
    let swapped = demo.check_folder(&[], &|_, database| swap_names(database));
    assert_found(
        "names that were exchanged",
        swapped.clone(),
        "event 0 created the organization as `demo`, and the database calls it `actarium`",
    );
    assert_found(
        "names that were exchanged",
        swapped,
        "event 0 created the organization as `actarium`, and the database calls it `demo`",
    );
    let purge = |folder: &Path, database: &Connection| pass_off_as_purged(&demo.erased.0, folder, database);
    done(
        "events that are passed off as purged",
        &purge,
        &format!("to {}: passed off as purged: recorded up to", end - 1),
    );
    a_running_service_finds_it_as_well(demo, &purge, file);
}

/// A service that is started on such a folder stops taking writes to that log, and says so.
fn a_running_service_finds_it_as_well(demo: &Demo, tamper: &dyn Fn(&Path, &Connection), file: &str) {
    let place = demo.folder.path().join("running");
    let data = demo.folder.path().join("data");
    assert!(std::process::Command::new("cp").arg("-r").arg(&data).arg(&place).status().unwrap().success());
    let database = Connection::open(place.join("actarium.db")).unwrap();
    tamper(&place, &database);
    drop(database);
    let server = Start::on(&place).now();
    let client = server.client();
    let is_told = || client.get("/readyz").expect(200)["damaged_organizations"] == 1;
    let mut looks = 0;
    while !is_told() {
        looks += 1;
        assert!(looks < 600, "readyz says nothing: {}", client.get("/readyz").text());
        std::thread::sleep(Duration::from_millis(100));
    }
    let event = json!({"action": "component.deploy", "actor": {"type": "user", "id": "u"}, "targets": [{"type": "component", "id": "c"}]});
    assert_eq!(client.post("/v1/orgs/demo/events", &event).status, 503);
    let log = client.get("/v1/orgs/demo/log").expect(200);
    let purged = file.replace(".parquet", ".purged");
    assert!(log.to_string().contains(&purged) && log.to_string().contains("passed off as purged"), "{log:#}");
    server.stop();
}
