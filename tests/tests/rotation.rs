//! The key that signs checkpoints is changed with `actarium log rotate-key`: what was signed before and what is signed from
//! then on verify with either key, a change that broke off goes on, and a witness signs again once it knows the new key.

use std::path::{Path, PathBuf};
use std::process::Command;

use actarium_tests::client::Client;
use actarium_tests::program;
use actarium_tests::server::Start;
use serde_json::{Value, json};

fn actarium(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program::actarium()).args(arguments).env_remove("ACTARIUM_ORG").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn rotate(data: &Path) -> (Option<i32>, String) {
    actarium(&["log", "rotate-key", "--data-dir", data.to_str().unwrap(), "--explanation", "Yearly change", "--yes"])
}

fn record(client: &Client, count: usize) -> u16 {
    let event = json!({
        "action": "component.deploy",
        "actor": {"type": "user", "id": "u-1"},
        "targets": [{"type": "component", "id": "c-1"}],
    });
    client.try_post("/v1/orgs/acme/events", &[], &Value::Array(vec![event; count])).map_or(0, |answer| answer.status)
}

fn key(client: &Client) -> String {
    client.get("/v1/orgs/acme/log/key").text().trim().to_owned()
}

fn export(client: &Client, to: PathBuf) -> String {
    std::fs::write(&to, client.get("/v1/orgs/acme/export/proof").bytes).unwrap();
    to.to_str().unwrap().to_owned()
}

/// The proof of the log's second event.
fn prove(client: &Client, to: PathBuf) -> String {
    let events = client.get("/v1/orgs/acme/events?action=component.deploy&limit=1").expect(200);
    let id = events["events"][0]["id"].as_str().unwrap();
    std::fs::write(&to, client.get(&format!("/v1/orgs/acme/events/{id}?proof=true")).bytes).unwrap();
    to.to_str().unwrap().to_owned()
}

#[test]
fn either_key_verifies_what_the_other_signed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = |name: &str| folder.path().join(name);
    let server = Start::on(&data).now();
    server.client().organization("acme");
    assert_eq!(record(&server.client(), 300), 201);
    let old_key = key(&server.client());
    assert!(rotate(&data).1.contains("in use"), "not while the service runs");
    server.stop();
    let server = Start::on(&data).now();
    let early = path("early.checkpoint");
    std::fs::write(&early, server.client().get("/v1/orgs/acme/log/checkpoint").bytes).unwrap();
    let old_export = export(&server.client(), path("old.tar.zst"));
    let old_proof = prove(&server.client(), path("old.tlog-proof"));
    server.stop();
    // The service that was stopped has published its end.
    let server = Start::on(&data).now();
    let before = server.client().get("/v1/orgs/acme/log/checkpoint").text();
    let before_path = path("before.checkpoint");
    std::fs::write(&before_path, &before).unwrap();
    server.stop();

    let rotated = rotate(&data);
    assert_eq!(rotated.0, Some(0), "{}", rotated.1);
    let server = Start::on(&data).now();
    let client = server.client();
    let new_key = key(&client);
    assert_ne!(new_key, old_key);
    // What did not grow is signed anew: the key that is served verifies what is served.
    let after = client.get("/v1/orgs/acme/log/checkpoint").text();
    let text = |note: &str| note.split("\n\n").next().unwrap().to_owned();
    assert_eq!(text(&after), text(&before));
    assert_ne!(after, before);
    let events = client.get("/v1/orgs/actarium/events?action=audit_log.key.rotate").expect(200);
    let event = &events["events"][0];
    assert_eq!((&event["outcome"], &event["source"]), (&json!("success"), &json!("actarium")), "{event:#}");
    assert_eq!(record(&client, 50), 201);
    let handovers = client.get("/v1/orgs/acme/log/handovers").expect(200);
    assert_eq!(handovers["handovers"].as_array().unwrap().len(), 1, "{handovers:#}");
    std::fs::write(path("handovers"), handovers.to_string()).unwrap();

    let new_export = export(&client, path("new.tar.zst"));
    // The new key vouches for all of it. The old one, of which nobody knows who has it now, for nothing that it has not signed.
    let token = std::fs::read_to_string(data.join("operator.token")).unwrap();
    for (key, code) in [(&old_key, 3), (&new_key, 0)] {
        let anchor = before_path.to_str().unwrap();
        let with = ["verify", &new_export, "--key", key, "--anchor", anchor];
        let verified = actarium(&with);
        assert!(verified.0 == Some(0) && verified.1.contains("anchored  the log begins with the"), "{}", verified.1);
        assert_eq!(actarium(&[&with[..], &["--require-anchor"]].concat()).0, Some(code));
        assert_eq!(verified.1.contains("a hand-over alone leads to it"), *key == old_key, "{}", verified.1);
        for (required, code) in [(&[][..], 0), (&["--require-anchor"], code)] {
            let served = Command::new(program::actarium())
                .args(["verify", &server.url, "--org", "acme", "--key", key])
                .args(required)
                .env("ACTARIUM_TOKEN", token.trim())
                .output()
                .unwrap();
            assert_eq!(served.status.code(), Some(code), "{served:?}");
        }
    }
    let old = actarium(&["verify", &old_export, "--key", &old_key, "--require-anchor"]);
    assert_eq!(old.0, Some(0), "{}", old.1);
    // What was made before knows no hand-over: it is said that one is missing, and with it it verifies. It anchors nothing by
    // itself, as who kept the old key could sign with it still; a checkpoint that was kept does.
    let handovers = path("handovers");
    for old in [&old_export, &old_proof] {
        let missing = actarium(&["verify", old, "--key", &new_key]);
        assert!(missing.0 == Some(1) && !missing.1.contains("WRONG"), "{}", missing.1);
        assert!(missing.1.contains("MISSING") && missing.1.contains("give them with --handovers"), "{}", missing.1);
        let with = ["verify", old, "--key", &new_key, "--handovers", handovers.to_str().unwrap()];
        let followed = actarium(&with);
        assert!(followed.0 == Some(0) && followed.1.contains("which it was handed over from on"), "{}", followed.1);
        assert_eq!(actarium(&[&with[..], &["--require-anchor"]].concat()).0, Some(3));
    }
    let dated = ["verify", &old_export, "--key", &new_key, "--handovers", handovers.to_str().unwrap()];
    let dated = actarium(&[&dated[..], &["--anchor", early.to_str().unwrap()]].concat());
    assert!(dated.0 == Some(0) && dated.1.contains("anchored  the log begins with the"), "{}", dated.1);
    server.stop();
    let lies = actarium(&["verify", data.to_str().unwrap(), "--org", "acme", "--key", &old_key]);
    assert_eq!(lies.0, Some(0), "{}", lies.1);
}

#[test]
fn a_change_that_broke_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Start::on(&data).now();
    server.client().organization("acme");
    server.stop();
    let (file, next) = (data.join("log.key"), data.join("log.key.next"));
    let old_file = std::fs::read(&file).unwrap();
    assert_eq!(rotate(&data).0, Some(0));
    // As if it had been killed between the commit and the new file's coming to its place.
    std::fs::rename(&file, &next).unwrap();
    std::fs::write(&file, &old_file).unwrap();
    let server = Start::on(&data).now();
    assert_eq!(record(&server.client(), 3), 201);
    server.stop();
    assert!(!next.exists() && std::fs::read(&file).unwrap() != old_file);
    // As if it had been killed before the commit: the key that lies there is taken.
    let present = std::fs::read(&file).unwrap();
    assert_eq!(rotate(&data).0, Some(0));
    let (third, handovers) = (std::fs::read(&file).unwrap(), 2);
    assert_ne!(third, present);
    let server = Start::on(&data).now();
    let listed = server.client().get("/v1/orgs/acme/log/handovers").expect(200);
    assert_eq!(listed["handovers"].as_array().unwrap().len(), handovers);
    server.stop();
    // The old key's file over the new one is refused, and nothing is signed with it.
    std::fs::write(&file, &old_file).unwrap();
    let refused = actarium(&["log", "rotate-key", "--data-dir", data.to_str().unwrap(), "--explanation", "x", "--yes"]);
    assert!(refused.0 == Some(1) && refused.1.contains("is not the key that this log is signed with"), "{}", refused.1);
}

#[test]
fn the_key_may_lie_elsewhere() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("outside.key"));
    let server = Start::on(&data).with(&["--log-key", file.to_str().unwrap()]).now();
    server.client().organization("acme");
    server.stop();
    assert!(!data.join("log.key").exists());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let missing = rotate(&data);
    assert!(missing.0 == Some(1) && missing.1.contains("log.key: is missing"), "{}", missing.1);
    let (data_text, key) = (data.to_str().unwrap(), file.to_str().unwrap());
    let arguments = ["log", "rotate-key", "--data-dir", data_text, "--log-key", key, "--explanation", "x", "--yes"];
    assert_eq!(actarium(&arguments).0, Some(0));
    let server = Start::on(&data).with(&["--log-key", key]).now();
    assert_eq!(record(&server.client(), 3), 201);
    server.stop();
}
