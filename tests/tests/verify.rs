//! `actarium verify` on a running service and on the data folder of a stopped one: what is sound is said to be, nothing is changed by
//! looking, and what somebody changed is found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use actarium_tests::program;
use actarium_tests::server::{BRISK, Start};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Exit code and report of `actarium verify`.
fn verify(arguments: &[&str], token: &str) -> (Option<i32>, String) {
    let mut command = Command::new(program::actarium());
    command.arg("verify").args(arguments).env("ACTARIUM_TOKEN", token).env_remove("ACTARIUM_ORG");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn files(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            all.insert(path, Sha256::digest(bytes).to_vec());
        }
    }
}

fn state(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    files(folder, &mut all);
    all
}

#[test]
fn a_service_and_its_folder_are_verified_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    let _ = client.try_post("/v1/orgs", &[], &json!({"slug": "acme", "name": "Acme"})).unwrap().expect(201);
    let record = |count: usize| {
        let event = json!({
            "action": "component.deploy",
            "actor": {"type": "user", "id": "u-1", "name": "Ada"},
            "targets": [{"type": "component", "id": "c-1"}],
        });
        client.try_post("/v1/orgs/acme/events", &[], &Value::Array(vec![event; count])).unwrap().expect(201)
    };
    record(900);
    let _ = client.send("POST", "/v1/admin/seal", &[], Vec::new()).unwrap().expect(200);
    record(300);
    let size = client.get("/v1/orgs/acme/log").expect(200)["size"].as_u64().unwrap();
    let key = client.get("/v1/orgs/acme/log/key").text().trim().to_owned();
    let anchor = folder.path().join("anchor");
    for _ in 0..200 {
        let note = client.get("/v1/orgs/acme/log/checkpoint").text();
        std::fs::write(&anchor, &note).unwrap();
        if note.lines().nth(1).is_some_and(|line| line.parse::<u64>().is_ok_and(|signed| signed >= size)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let anchor = anchor.to_str().unwrap();

    let served = verify(&[&server.url, "--org", "acme", "--key", &key, "--anchor", anchor], &server.token);
    assert_eq!(served.0, Some(0), "{}", served.1);
    assert!(served.1.contains("entries of the log") && served.1.contains("and none other"), "{}", served.1);
    assert!(served.1.contains("begins with the 1201 events"), "{}", served.1);
    assert_eq!(verify(&[&server.url, "--org", "acme", "--require-anchor"], &server.token).0, Some(3));
    assert_eq!(verify(&[&server.url], &server.token).0, Some(2));
    let in_use = verify(&[data.to_str().unwrap()], "");
    assert!(in_use.0 == Some(1) && in_use.1.contains("in use"), "{}", in_use.1);
    server.stop();

    let before = state(&data);
    let kept = verify(&[data.to_str().unwrap(), "--org", "acme", "--key", &key, "--anchor", anchor], "");
    assert_eq!(kept.0, Some(0), "{}", kept.1);
    assert_eq!(verify(&[data.to_str().unwrap()], "").0, Some(0), "all organizations");
    assert_eq!(state(&data), before, "nothing in the folder was changed");

    // Bytes of the organization's segment, here and there; what is not read to prove an event may have changed unnoticed.
    let folder_of_log = key.split(['/', '+']).nth(1).unwrap();
    let is_segment = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "parquet");
    let segments = before.keys().filter(is_segment).filter(|path| path.parent().unwrap().ends_with(folder_of_log));
    let segment = segments.max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let whole = std::fs::read(segment).unwrap();
    let mut changed = whole.clone();
    changed.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
    std::fs::write(segment, &changed).unwrap();
    let found = verify(&[data.to_str().unwrap(), "--org", "acme"], "");
    assert!(found.0 == Some(1) && found.1.contains("WRONG"), "{}", found.1);
    std::fs::remove_file(segment).unwrap();
    let found = verify(&[data.to_str().unwrap(), "--org", "acme"], "");
    assert!(found.0 == Some(1), "{}", found.1);
    std::fs::write(segment, &whole).unwrap();

    // An older copy of the folder contradicts what its reader kept.
    let server = Start::on(&data).now();
    let older = folder.path().join("older");
    server.stop();
    Command::new("cp").arg("-r").arg(&data).arg(&older).status().unwrap();
    let server = Start::on(&data).now();
    let _ = server.client().try_post("/v1/orgs/acme/events", &[], &json!({
        "action": "component.deploy", "actor": {"type": "user", "id": "u-1"}, "targets": [{"type": "component", "id": "c"}],
    })).unwrap().expect(201);
    server.stop();
    let server = Start::on(&data).now();
    std::fs::write(folder.path().join("anchor"), server.client().get("/v1/orgs/acme/log/checkpoint").text()).unwrap();
    server.kill();
    assert_eq!(verify(&[data.to_str().unwrap(), "--org", "acme", "--anchor", anchor], "").0, Some(0));
    let found = verify(&[older.to_str().unwrap(), "--org", "acme", "--anchor", anchor], "");
    assert!(found.0 == Some(1) && found.1.contains("older than what it signed"), "{}", found.1);
}

/// A folder with one organization whose log was published at each of two ends, and its key.
fn published(folder: &Path) -> (PathBuf, String) {
    let data = folder.join("data");
    let mut key = String::new();
    for round in 0..2 {
        let server = Start::on(&data).now();
        let client = server.client();
        if round == 0 {
            let _ = client.try_post("/v1/orgs", &[], &json!({"slug": "acme", "name": "Acme"})).unwrap().expect(201);
        }
        let event = json!({
            "action": "component.deploy", "actor": {"type": "user", "id": "u-1"}, "targets": [{"type": "component", "id": "c"}],
        });
        let _ = client.try_post("/v1/orgs/acme/events", &[], &event).unwrap().expect(201);
        key = client.get("/v1/orgs/acme/log/key").text().trim().to_owned();
        server.stop();
        // Of each hour the last one is kept.
        change(&data, "UPDATE checkpoints SET published_at = published_at - 7200000000");
    }
    (data, key)
}

fn change(data: &Path, statement: &str) {
    let database = rusqlite::Connection::open(data.join("actarium.db")).unwrap();
    let changed = database.execute(statement, []).unwrap();
    assert!(changed > 0, "{statement}");
}

#[test]
fn a_checkpoint_vouches_for_what_it_signed_and_none_that_the_check_had_to_make() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key) = published(folder.path());
    let check = || verify(&[data.to_str().unwrap(), "--org", "acme", "--key", &key, "--require-anchor"], "");
    let whole = check();
    assert_eq!(whole.0, Some(0), "{}", whole.1);
    let of_acme = "organization = (SELECT number FROM organizations WHERE slug = 'acme')";

    change(
        &data,
        &format!(
            "DELETE FROM checkpoints WHERE {of_acme} AND size = (SELECT max(size) FROM checkpoints WHERE {of_acme})"
        ),
    );
    let cut = check();
    assert!(cut.0 == Some(3) && cut.1.contains("no checkpoint of them was published"), "{}", cut.1);

    let forged = format!(
        "UPDATE checkpoints SET note = replace(note, substr(note, -20, 6), 'AAAAAA') \
         WHERE {of_acme} AND size = (SELECT min(size) FROM checkpoints WHERE {of_acme})"
    );
    change(&data, &forged);
    let found = check();
    assert!(found.0 == Some(1) && found.1.contains("WRONG"), "{}", found.1);

    change(&data, &format!("DELETE FROM checkpoints WHERE {of_acme}"));
    let nothing = check();
    assert!(nothing.0 == Some(3) && nothing.1.contains("no checkpoint"), "{}", nothing.1);

    // Others were published long after it began.
    change(&data, &format!("UPDATE checkpoints SET published_at = published_at + 14400000000 WHERE NOT {of_acme}"));
    const TOLD: &str = "its checkpoints were taken away, or the service never came to publish one";
    let missed = check();
    assert!(missed.0 == Some(3) && missed.1.contains("undecided") && missed.1.contains(TOLD), "{}", missed.1);
    let folder = data.to_str().unwrap();
    assert_eq!(verify(&[folder], "").0, Some(0));
    // The service goes on and puts it on record once.
    let server = Start::on(&data).now();
    let client = server.client();
    let event = json!({
        "action": "component.deploy", "actor": {"type": "user", "id": "u-1"}, "targets": [{"type": "component", "id": "c"}],
    });
    let _ = client.try_post("/v1/orgs/acme/events", &[], &event).unwrap().expect(201);
    let told = || {
        let found = client.get("/v1/orgs/actarium/events?action=audit_log.verify&outcome=unknown").expect(200);
        found["events"].as_array().unwrap().clone()
    };
    let records = (0..1_200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Some(told()).filter(|records| !records.is_empty())
    });
    let records = records.expect("it is on record within a minute");
    assert_eq!((records.len(), &records[0]["targets"][0]["id"]), (1, &json!("acme")), "{records:?}");
    assert!(records[0]["reason"].as_str().unwrap().contains(TOLD), "{records:?}");
    assert!(server.stderr().contains("what was published of a log is missed"), "{}", server.stderr());
    server.stop();
    let published = verify(&[folder], "");
    assert!(published.0 == Some(0) && !published.1.contains(TOLD), "{}", published.1);
}

/// Deletes an organization from each table that has something of it.
fn delete_organization(data: &Path, slug: &str) {
    let database = rusqlite::Connection::open(data.join("actarium.db")).unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    let number: i64 =
        database.query_row("SELECT number FROM organizations WHERE slug = ?1", [slug], |row| row.get(0)).unwrap();
    let mut tables = database
        .prepare("SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'organization'")
        .unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 3, "{tables:?}");
    for table in tables {
        database.execute(&format!("DELETE FROM {table} WHERE organization = ?1"), [number]).unwrap();
    }
    database.execute("DELETE FROM journal WHERE key >> 40 = ?1", [number]).unwrap();
    assert_eq!(database.execute("DELETE FROM organizations WHERE number = ?1", [number]).unwrap(), 1);
}

#[test]
fn rows_that_the_log_says_are_there_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Start::on(&data).now();
    let client = server.client();
    for slug in ["acme", "globex"] {
        client.organization(slug);
    }
    let place = |reason: &str| {
        let hold = json!({"reason": reason, "target": "component:c-1"});
        let placed = client.try_post("/v1/orgs/acme/legal-holds", &[], &hold).unwrap().expect(201);
        placed["id"].as_str().unwrap().to_owned()
    };
    let (kept, released) = (place("Case 7"), place("Case 8"));
    let release = format!("/v1/orgs/acme/legal-holds/{released}?reason=over");
    assert_eq!(client.send("DELETE", &release, &[], Vec::new()).unwrap().status, 204);
    server.stop();
    let check = || verify(&[data.to_str().unwrap()], "");
    let whole = check();
    assert_eq!(whole.0, Some(0), "{}", whole.1);

    // A hold that was taken away, and one that was put back under the id of one that was released.
    change(&data, &format!("UPDATE directory SET id = '{released}' WHERE kind = 'legal_hold' AND id = '{kept}'"));
    let found = check();
    assert_eq!(found.0, Some(1), "{}", found.1);
    for wanted in [
        format!("acme, legal hold {kept}: event "),
        "no record releases it, and the database does not have it".to_owned(),
        format!("acme, legal hold {released}: event "),
    ] {
        assert!(found.1.contains(&wanted), "{wanted:?} is not in\n{}", found.1);
    }
    change(&data, &format!("UPDATE directory SET id = '{kept}' WHERE kind = 'legal_hold'"));
    assert_eq!(check().0, Some(0));

    delete_organization(&data, "globex");
    let found = check();
    assert!(found.0 == Some(1) && found.1.contains("actarium, organization globex: event "), "{}", found.1);
    delete_organization(&data, "actarium");
    let found = check();
    assert!(
        found.0 == Some(1) && found.1.contains("organization actarium: the database does not have it"),
        "{}",
        found.1
    );
    assert_eq!(verify(&[data.to_str().unwrap(), "--org", "acme"], "").0, Some(0));
    // A start makes no new one, after which nobody could tell.
    match Start::on(&data).try_now() {
        Err(ended) => assert!(ended.stderr.contains("the operator's own log, is not among them"), "{}", ended.stderr),
        Ok(_) => panic!("it starts without the operator's log"),
    }
    assert_eq!(check().0, Some(1));
}
