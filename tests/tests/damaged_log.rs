//! A write-ahead log that is damaged before its last transaction, and a database that is gone: the start is refused and says
//! what to do, where SQLite by itself would go on with what is left.

use std::path::Path;
use std::sync::Arc;

use actarium_tests::{Ledger, Random, Start, load, walk};

const DATABASE: &str = "actarium.db";

/// A folder after a kill, with recorded events that are in the write-ahead log alone.
fn killed(data: &Path, random: &mut Random) -> Arc<Ledger> {
    let ledger = Arc::new(Ledger::default());
    let server = Start::on(data).now();
    let client = server.client();
    client.organization("acme");
    ledger.made("acme");
    for _ in 0..20 {
        let number = ledger.begin(load::request(random, &["acme".to_owned()]));
        assert!(matches!(load::send(&client, &ledger, number), Some(200 | 201)));
    }
    server.kill();
    ledger
}

#[test]
fn a_write_ahead_log_that_is_damaged_before_its_end_refuses_the_start() {
    let mut random = Random::from_env("a_write_ahead_log_that_is_damaged_before_its_end_refuses_the_start");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let ledger = killed(&data, &mut random);
    let path = data.join(format!("{DATABASE}-wal"));
    let whole = std::fs::read(&path).expect("a write-ahead log");
    for part in [0, 5, 20, 50, 80] {
        let mut bytes = whole.clone();
        bytes[whole.len() * part / 100 + 17] ^= 0x10;
        std::fs::write(&path, &bytes).expect("the damaged log");
        let Err(ended) = Start::on(&data).try_now() else { panic!("{part} %: it starts") };
        assert!(ended.stderr.contains("write-ahead log") && ended.stderr.contains("from a backup"), "{}", ended.stderr);
        assert_eq!(std::fs::read(&path).expect("the log"), bytes, "{part} %: nothing is changed");
    }
    std::fs::write(&path, &whole).expect("the whole log");
    let server = Start::on(&data).now();
    walk::check(&server.client(), &ledger.copy(), &ledger.organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
    server.stop();
}

#[test]
fn a_folder_whose_database_is_gone_begins_no_new_log() {
    let mut random = Random::from_env("a_folder_whose_database_is_gone_begins_no_new_log");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    killed(&data, &mut random);
    for ending in ["", "-wal", "-shm"] {
        std::fs::remove_file(data.join(format!("{DATABASE}{ending}"))).expect("it was there");
    }
    let Err(ended) = Start::on(&data).try_now() else { panic!("it starts") };
    assert!(ended.stderr.contains(DATABASE) && ended.stderr.contains("is missing"), "{}", ended.stderr);
    assert!(!data.join(DATABASE).exists(), "nothing is begun");
}
