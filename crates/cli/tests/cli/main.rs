//! The binary as people and scripts use it: a real server on a free port, commands against it, what they print and what
//! the shell is told.

mod access;
mod events;
mod evidence;
mod exports;
mod removals;
mod server;
mod signing_in;
mod terminal;

use std::fs;
use std::path::Path;
use std::process::Command;

use server::BINARY;

/// The commands that a help lists.
fn listed(help: &str) -> Vec<String> {
    let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command, with the families that they are in.
fn every_command() -> Vec<Vec<String>> {
    let help = |command: &[String]| {
        let output = Command::new(BINARY).args(command).arg("--help").env("COLUMNS", "120").output().unwrap();
        listed(&String::from_utf8(output.stdout).unwrap())
    };
    let mut all = vec![Vec::new()];
    for name in help(&[]) {
        let family = vec![name];
        let members = help(&family);
        all.push(family.clone());
        all.extend(members.into_iter().map(|member| [&family[..], &[member]].concat()));
    }
    assert!(all.len() > 50, "{all:?}");
    all
}

/// Every command's help, against `tests/help.txt`. `UPDATE=1` writes it anew.
#[test]
fn help() {
    let mut text = String::new();
    for command in &every_command() {
        // A fixed width, and nothing of the environment in the text.
        let mut help = Command::new(BINARY);
        help.args(command).arg("--help").env("COLUMNS", "120").env_remove("ACTARIUM_URL").env_remove("ACTARIUM_TOKEN");
        help.env_remove("ACTARIUM_ORG");
        let output = help.output().unwrap();
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        let is_family = help.contains("\nCommands:\n");
        assert!(is_family || help.contains("Example"), "{command:?} has no example:\n{help}");
        let asks_no_server = ["serve", "witness", "catalog", "demo", "completions", "verify"]
            .contains(&command.first().map_or("", |it| it));
        assert_eq!(help.contains("--url"), !asks_no_server, "{command:?}\n{help}");
        text.push_str(
            &format!("$ actarium {} --help\n{help}\n", command.join(" ")).replace("actarium  --", "actarium --"),
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "the help differs from tests/help.txt; `UPDATE=1 cargo test -p actarium-cli` writes it anew:\n{text}"
    );
}
