//! A data folder that is older than the copies of its checkpoints is not continued silently: it takes no writes, until
//! `actarium log continue` opens the log's next generation, whose first event says what was lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use actarium_tests::client::Client;
use actarium_tests::program;
use actarium_tests::server::{Server, Start};
use serde_json::{Value, json};

fn actarium(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program::actarium()).args(arguments).env_remove("ACTARIUM_ORG").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

fn record(client: &Client, count: usize) -> u16 {
    let event = json!({
        "action": "component.deploy",
        "actor": {"type": "user", "id": "u-1"},
        "targets": [{"type": "component", "id": "c-1"}],
    });
    client.try_post("/v1/orgs/acme/events", &[], &Value::Array(vec![event; count])).map_or(0, |answer| answer.status)
}

fn serve(data: &Path, copies: &Path) -> Server {
    Start::on(data).with(&["--copy-checkpoints", copies.to_str().unwrap()]).now()
}

/// The copies of a log's checkpoints, oldest first.
fn copies_of(copies: &Path, origin: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(copies.join(origin)).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "checkpoint")).collect();
    all.sort();
    all
}

#[test]
fn a_log_that_was_restored_from_an_older_backup_goes_on_only_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup, copies) =
        (folder.path().join("data"), folder.path().join("backup"), folder.path().join("copies"));
    let server = serve(&data, &copies);
    let made = server.client().try_post("/v1/orgs", &[], &json!({"slug": "acme", "name": "Acme"})).unwrap();
    assert_eq!((made.status, record(&server.client(), 300)), (201, 201));
    let origin = server.client().get("/v1/orgs/acme/log").expect(200)["origin"].as_str().unwrap().to_owned();
    server.stop();
    copy(&data, &backup);
    let server = serve(&data, &copies);
    assert_eq!(record(&server.client(), 50), 201);
    let old_key = server.client().get("/v1/orgs/acme/log/key").text().trim().to_owned();
    server.stop();
    let last = copies_of(&copies, &origin).pop().unwrap();
    assert!(last.to_str().unwrap().ends_with("/00000000000000000351.checkpoint"), "{}", last.display());

    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    let server = serve(&data, &copies);
    let stopped = server.client().get("/v1/orgs/acme/log").expect(200);
    assert_eq!(stopped["state"], "stopped");
    assert!(
        stopped["detail"].as_str().unwrap().contains("a checkpoint of 351 events was copied elsewhere"),
        "{stopped:#}"
    );
    assert_eq!(record(&server.client(), 1), 503);
    server.stop();

    let continued = |checkpoint: &Path| {
        let (data, checkpoint) = (data.to_str().unwrap(), checkpoint.to_str().unwrap());
        let why = "The disk was lost";
        actarium(&[
            "log",
            "continue",
            "--data-dir",
            data,
            "--org",
            "acme",
            "--checkpoint",
            checkpoint,
            "--explanation",
            why,
        ])
    };
    // Not for a log that has everything, nor by a checkpoint that is none of its own.
    let first = copies_of(&copies, &origin)[0].clone();
    let refused = continued(&first);
    assert!(refused.0 == Some(1) && refused.1.contains("nothing was lost"), "{}", refused.1);
    let forged = folder.path().join("forged");
    std::fs::write(&forged, std::fs::read_to_string(&last).unwrap().replacen("\n351\n", "\n352\n", 1)).unwrap();
    assert_eq!(continued(&forged).0, Some(1));
    let opened = continued(&last);
    assert_eq!(opened.0, Some(0), "{}", opened.1);

    let server = serve(&data, &copies);
    let client = server.client();
    let log = client.get("/v1/orgs/acme/log").expect(200);
    assert_eq!((&log["state"], &log["generation"]), (&json!("ok"), &json!(2)), "{log:#}");
    assert_eq!(log["origin"], format!("{origin}/2"));
    // The backup's 301 and the event that opened it.
    assert_eq!(log["size"], 302);
    let found = client.get("/v1/orgs/acme/events?action=audit_log.continue&outcome=success").expect(200);
    let event = &found["events"][0];
    assert_eq!((&event["seq"], &event["source"]), (&json!(301), &json!("actarium")), "{event:#}");
    assert_eq!((&event["metadata"]["previous_size"], &event["metadata"]["restored_size"]), (&json!(351), &json!(301)));
    assert!(event["metadata"]["checkpoint"].as_str().unwrap().starts_with(&origin), "{event:#}");
    assert_eq!(record(&client, 3), 201);
    // Its exports verify with the key that was known before, and say which generation they are of.
    let export = folder.path().join("export.tar.zst");
    std::fs::write(&export, client.get("/v1/orgs/acme/export/proof").bytes).unwrap();
    let verified = actarium(&["verify", export.to_str().unwrap(), "--key", &old_key, "--require-anchor"]);
    assert!(verified.0 == Some(0) && verified.1.contains("generation 2"), "{}", verified.1);
    // What was lost is missed by whoever kept it.
    let missed = actarium(&["verify", export.to_str().unwrap(), "--anchor", last.to_str().unwrap()]);
    assert!(missed.1.contains("anchor at 351 events"), "{}", missed.1);
    server.stop();
    let server = serve(&data, &copies);
    assert_eq!(server.client().get("/v1/orgs/acme/log").expect(200)["state"], "ok", "and stays so");
    assert!(!copies_of(&copies, &format!("{origin}/2")).is_empty());
    server.stop();
}
