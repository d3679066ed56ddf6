//! The program by its options and exit codes; what it checks is tested where exports are made.

use std::fs;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_actarium-verify")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What is left of an export: its manifest alone, which names a query.
const MANIFEST: &str = r#"{"format":"actarium-export/v1","organization":"acme",
    "organization_id":"00000000000000000000000000000000","origin":"a.example/00000000000000000000000000000000",
    "created_at":"2026-01-02T03:04:05Z","kind":"filtered","range":{"first":9,"end":3},
    "query":{"phrase":"outcome:denied","from":null,"to":null},"events":0,"undisclosed":0,
    "checkpoint":{"size":0,"root":""},"before":[],"after":[],"files":{}}"#;

#[test]
fn a_query_that_was_not_asked_for_is_a_finding_in_text_and_json() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manifest.json"), MANIFEST).unwrap();
    let export = folder.path().to_str().unwrap();
    let same = run(&[export, "--query=OUTCOME:denied"]);
    assert!(!text(&same.stdout).contains("you asked for outcome"), "{}", text(&same.stdout));
    let other = run(&[export, "--query", "outcome:failure"]);
    let place = "WRONG  manifest.json: its query is the phrase \"outcome:denied\", and you asked for the phrase \"outcome:failure\"";
    assert!(text(&other.stdout).contains(place), "{}", text(&other.stdout));
    let output = run(&[export, "--query", "", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), report["exit_code"].as_i64()), (Some(1), Some(1)));
    let is_it =
        |finding: &serde_json::Value| finding["problem"].as_str().unwrap().ends_with("you asked for without a phrase");
    assert!(report["findings"].as_array().unwrap().iter().any(is_it), "{report}");
}

#[test]
fn what_cannot_be_read_is_usage_and_what_was_cut_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (option, value, told) in [
        ("--query", "outcom:denied", "did you mean `outcome`"),
        ("--from", "-7d", "--from \"-7d\" is not a time"),
        ("--to", "yesterday", "--to \"yesterday\" is not a time"),
    ] {
        let output = run(&[option, value, "export"]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
    // A frame of zstd that ends within its header.
    fs::write(path("cut.tar.zst"), [0x28, 0xb5, 0x2f, 0xfd, 0x04]).unwrap();
    let output = run(&[&path("cut.tar.zst"), "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["findings"][0]["place"]), (Some(1), &path("cut.tar.zst").into()));
    let output = run(&[&path("nothing"), "--json"]);
    assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{}", text(&output.stderr));
}
