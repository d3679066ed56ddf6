//! Recording, importing, finding and exporting events; the service itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{BINARY, Server, json_lines, signal, stderr};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records in the CloudTrail file of the demo.
const CLOUDTRAIL_RECORDS: u64 = 2_900;

fn cloudtrail() -> String {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/cloudtrail-invictus.jsonl.zst");
    demo.canonicalize().unwrap().display().to_string()
}

fn event(number: u32) -> Value {
    json!({
        "action": "component.deploy",
        "actor": {"type": "user", "id": format!("u-{number}")},
        "targets": [{"type": "component", "id": "orders"}],
    })
}

fn summary(text: &str) -> [u64; 4] {
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    ["recorded", "duplicates", "refused", "skipped"].map(|name| last[name].as_u64().unwrap())
}

#[test]
fn an_organization_its_key_and_its_events() {
    let server = Server::start();
    server.done(&["org", "create", "acme", "--name", "Acme Inc."]);
    let listed = server.done(&["org", "list"]);
    assert!(listed.starts_with("SLUG"), "{listed}");
    assert!(listed.lines().any(|line| line.starts_with("acme ") && line.contains("  Acme Inc.  ")), "{listed}");

    let key = server.done(&["key", "create", "--org", "acme", "--name", "CI", "--environment", "production"]);
    let key = key.trim();
    assert!(key.starts_with("act_key_"), "the secret alone is printed, for scripts: {key}");
    let id =
        json_lines(&server.done(&["key", "list", "--org", "acme", "--json"]))[0]["id"].as_str().unwrap().to_owned();

    let emit = ["--token", key, "emit", "--org", "acme", "--action", "component.promote", "--actor", "user:ada"];
    let rest = ["--target", "component:orders", "--external-id", "p-1", "--outcome", "denied", "--reason", "frozen"];
    let emit = [&emit[..], &rest].concat();
    let first = server.done(&emit);
    let again = server.done(&emit);
    assert_eq!(again.trim_end(), format!("{}  (recorded before)", first.trim_end()));

    // The key may write and nothing else.
    let refused = server.refused(4, &["--token", key, "search", "--org", "acme"]);
    assert!(refused.contains("not permit"), "{refused}");
    server.done(&["key", "revoke", "--org", "acme", &id]);
    server.refused(4, &emit);

    let shown = server.done(&["search", "--org", "acme", "--outcome", "denied", "action:component.*"]);
    let mut lines = shown.lines();
    assert!(lines.next().unwrap().starts_with("TIME (UTC)"));
    let row = lines.next().unwrap();
    assert!(row.contains("denied") && row.ends_with("ada was denied promoting orders to production (frozen)"), "{row}");
    let found = json_lines(&server.done(&["search", "--org", "acme", "--json", "--limit", "1", "frozen"]));
    assert_eq!(found[0]["targets"][1], json!({"type": "environment", "id": "production"}));
    assert_eq!(found[0]["id"], first.split_whitespace().next().unwrap());
}

#[test]
fn events_from_a_pipe_and_texts_that_would_harm_a_terminal() {
    let server = Server::with_organization("acme");
    let mut hostile = event(1);
    hostile["message"] = json!("\u{1b}[2J\u{1b}]0;owned\u{7}\nfake line\u{202e}");
    hostile["actor"]["name"] = json!("東京\u{9b}31m");
    let lines = format!("{hostile}\n{}\n", event(2));
    let output = server.fed(&["emit", "--org", "acme", "--json", "-"], lines.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(json_lines(&String::from_utf8_lossy(&output.stdout))[0]["events"].as_array().unwrap().len(), 2);
    let shown = server.done(&["search", "--org", "acme", "action:component.deploy"]);
    assert!(!shown.chars().any(|character| character.is_control() && character != '\n'), "{shown:?}");
    assert!(shown.contains("\\u{1b}[2J") && shown.contains("\\nfake line\\u{202e}"), "{shown}");
    assert_eq!(shown.lines().count(), 3);
    // What programs read is exact.
    let exact = json_lines(&server.done(&["search", "--org", "acme", "--json", "--actor", "u-1"]));
    assert_eq!(exact[0]["message"], hostile["message"]);
}

#[test]
fn refusals_say_where_and_the_shell_is_told() {
    let server = Server::with_organization("acme");
    let told = server.refused(1, &["search", "--org", "acme", "payments outcom:denied"]);
    let lines: Vec<&str> = told.lines().collect();
    let at = lines.iter().position(|line| line.trim() == "payments outcom:denied").unwrap_or_else(|| panic!("{told}"));
    assert_eq!(lines[at + 1].find('^'), lines[at].find("outcom:"), "{told}");
    assert!(told.contains("did you mean `outcome`"), "{told}");

    let mut bad = event(2);
    bad["outcome"] = json!("maybe");
    let output = server.fed(&["emit", "--org", "acme", "-"], format!("{}\n{bad}\n", event(1)).as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("event 1 /outcome is \"maybe\"; allowed: success"), "{}", stderr(&output));
    assert!(json_lines(&server.done(&["search", "--org", "acme", "--json", "action:component.*"])).is_empty());

    assert!(server.refused(1, &["search", "--org", "nobody"]).contains("nobody"));
    assert!(server.refused(1, &["org", "create", "acme"]).contains("acme"));
    assert!(server.refused(1, &["search", "--org", "acme", "--from", "yesterday"]).contains("RFC 3339"));
    server.refused(2, &["search"]);
    server.refused(2, &["emit", "--org", "acme", "--action", "a.b", "--actor", "ada", "--target", "x:y"]);
    server.refused(2, &["import", "--org", "acme", "--format", "events", "/nowhere"]);
    server.refused(2, &["import", "--org", "acme", "--format", "github", "--cluster", "c", "-"]);
    assert!(server.refused(4, &["--token", "act_op_x", "org", "list"]).contains("ACTARIUM_TOKEN"));
    server.refused(2, &["--token", "act_op_x", "--token-file", "/nowhere", "org", "list"]);
    // What is given as an option counts before what happens to be exported; an empty variable is none.
    let token = server.path("data/operator.token").display().to_string();
    for (exported, arguments, code) in [
        ("act_op_x", &["--token-file", &token, "org", "list"][..], 0),
        ("act_op_x", &["org", "list", "--token", &server.token], 0),
        (&server.token, &["org", "list", "--token", "act_op_x"], 4),
        ("", &["org", "list"], 4),
    ] {
        let output = server.command(arguments).env("ACTARIUM_TOKEN", exported).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{exported:?} {arguments:?}: {}", stderr(&output));
    }
    assert!(server.refused(2, &["export", "--org", "acme", "-outcome:success"]).contains("after `--`"));
    for url in ["", "nonsense", "http://", "127.0.0.1:8470"] {
        assert!(server.refused(2, &["--url", url, "org", "list"]).contains("no address of a server"), "{url:?}");
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(server.refused(3, &["--url", &format!("http://{free}"), "org", "list"]).contains("cannot be reached"));
}

#[test]
fn real_records_imported_twice_searched_and_exported() {
    let server = Server::with_organization("real");
    let file = cloudtrail();
    let import = ["import", "--org", "real", "--format", "cloudtrail", "--json", &file];
    assert_eq!(summary(&server.done(&import)), [CLOUDTRAIL_RECORDS, 0, 0, 0]);
    assert_eq!(summary(&server.done(&import)), [0, CLOUDTRAIL_RECORDS, 0, 0]);
    // As AWS delivers them: one document, packed otherwise, and from a pipe.
    let plain = zstd::decode_all(fs::File::open(&file).unwrap()).unwrap();
    let records = json_lines(std::str::from_utf8(&plain).unwrap());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(json!({"Records": &records[..500]}).to_string().as_bytes()).unwrap();
    let output =
        server.fed(&["import", "--org", "real", "--format", "cloudtrail", "--json", "-"], &packed.finish().unwrap());
    assert_eq!(summary(&String::from_utf8_lossy(&output.stdout)), [0, 500, 0, 0]);

    let all = ["search", "--org", "real", "--from", "2023-07-01T00:00:00Z", "--source", "cloudtrail", "--json"];
    let found = json_lines(&server.done(&[&all[..], &["--all"]].concat()));
    assert_eq!(found.len() as u64, CLOUDTRAIL_RECORDS);
    let limited = json_lines(&server.done(&[&all[..], &["--limit", "1234"]].concat()));
    assert_eq!(limited, found[..1234], "more than a page, in the same order");
    let oldest = json_lines(&server.done(&[&all[..], &["--oldest", "--limit", "1"]].concat()));
    assert_eq!(oldest[0], found[found.len() - 1]);

    server.done(&["admin", "seal", "--org", "real"]);
    let export = ["export", "--org", "real", "--from", "2023-07-01T00:00:00Z", "--source", "cloudtrail"];
    let exported = json_lines(&server.done(&export));
    assert_eq!(exported.len() as u64, CLOUDTRAIL_RECORDS);
    assert_eq!(exported.first(), found.last());
    let csv = server.path("events.csv");
    let to_file = [&export[..], &["--format", "csv", "-o", csv.to_str().unwrap()]].concat();
    assert_eq!(server.done(&to_file), "", "stdout is for data, which is in the file");
    assert!(fs::read_to_string(&csv).unwrap().starts_with("id,seq,"));
    assert!(!server.path("events.csv.part").exists());
}

#[test]
fn an_import_goes_on_where_it_was_interrupted() {
    let server = Server::with_organization("acme");
    let file = server.path("events.ndjson");
    let lines: Vec<String> = (0..30_000).map(|number| event(number).to_string()).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.display().to_string();
    let import = ["import", "--org", "acme", "--format", "events", &file];
    let child = server.command(&import).spawn().unwrap();
    // Once it has noted how far it is.
    let state = server.path("state/actarium");
    let noted = || {
        fs::read_dir(&state)
            .is_ok_and(|entries| entries.flatten().any(|entry| entry.path().extension() == Some("json".as_ref())))
    };
    for _ in 0..PATIENCE.as_millis() / 2 {
        if noted() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("goes on from there"), "{}", stderr(&output));
    // Events without ids of their own: those that were answered are not sent again, and none is recorded twice.
    let [recorded, duplicates, refused, _] = summary(&server.done(&[&import[..], &["--json"]].concat()));
    assert!(recorded > 0 && recorded < 30_000, "{recorded}");
    assert_eq!((duplicates, refused), (0, 0));
    assert!(!noted(), "a finished import leaves no note");
    // The same again, from the start, is told by its parts.
    assert_eq!(summary(&server.done(&[&import[..], &["--json"]].concat())), [0, 30_000, 0, 0]);
    let exported = server.done(&["export", "--org", "acme", "action:component.deploy"]);
    assert_eq!(exported.lines().count(), 30_000);
}

#[test]
fn refused_records_are_told_by_their_number_and_the_others_recorded() {
    let server = Server::with_organization("acme");
    let record = |id: &str| json!({"_document_id": id, "action": "repo.create", "actor": "ada", "@timestamp": 1_700_000_000_000u64, "org": "o", "events": ["push"]});
    let lines = format!("{}\n{{\"no\": \"action\"}}\n{}\n", record("a"), record("b"));
    let output = server.fed(&["import", "--org", "acme", "--format", "github", "-"], lines.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("record 2 refused"), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("2 recorded"), "{output:?}");
    // A field that happens to be a list does not make a record an envelope.
    let one = server
        .fed(&["import", "--org", "acme", "--format", "github", "--json", "-"], record("c").to_string().as_bytes());
    assert_eq!(summary(&String::from_utf8_lossy(&one.stdout)), [1, 0, 0, 0], "{}", stderr(&one));
}

#[test]
fn a_tail_shows_what_arrives() {
    let server = Server::with_organization("acme");
    let mut tail = server.command(&["tail", "-f", "--org", "acme", "--json", "action:component.*"]).spawn().unwrap();
    let (sender, lines) = mpsc::channel();
    let stdout = BufReader::new(tail.stdout.take().unwrap());
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
    let mut seen = Vec::new();
    // Until the tail is known to run, events are sent; from then on none may be missing.
    for number in 0..200 {
        server.fed(&["emit", "--org", "acme", "-"], event(number).to_string().as_bytes());
        seen.extend(lines.try_iter().chain(lines.recv_timeout(Duration::from_millis(200))));
        if seen.len() >= 3 {
            break;
        }
    }
    signal(&tail, "INT");
    tail.wait().unwrap();
    let seen: Vec<u64> =
        seen.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap()).collect();
    assert!(seen.len() >= 3, "{seen:?}");
    let recorded = json_lines(&server.done(&["export", "--org", "acme", "action:component.*"]));
    let recorded: Vec<u64> = recorded.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seen, recorded[..seen.len()], "each once and in order");
}

/// Answers one connection with the bytes, then closes it.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = connection.read(&mut request).unwrap();
        connection.write_all(answer).unwrap();
    });
    format!("http://{address}")
}

#[test]
fn an_export_that_was_broken_off_is_not_taken_for_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    fs::write(&file, "the export of yesterday\n").unwrap();
    // A chunk, and no end of the chunks.
    let url = answering(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n",
    );
    let export = |url: &str| {
        let mut command = Command::new(BINARY);
        command.args(["--url", url, "--token", "t", "export", "--org", "acme", "-o"]).arg(&file).output().unwrap()
    };
    let output = export(&url);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("not complete"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), "the export of yesterday\n");
    let url = answering(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\nx-actarium-count: 1\r\n\r\n");
    let output = export(&url);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_needs_no_server() {
    let none = |arguments: &[&str]| {
        let output = Command::new(BINARY).args(arguments).env("ACTARIUM_URL", "http://127.0.0.1:1").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = none(&["catalog"]);
    assert!(listed.lines().any(|line| line.starts_with("component.promote ")), "{listed}");
    assert!(json_lines(&none(&["catalog", "--json"])).len() > 60);
    assert!(none(&["catalog", "component.promote"]).contains("{environment}"), "its sentence is shown");
    for shell in ["bash", "zsh", "fish"] {
        assert!(none(&["completions", shell]).contains("actarium"), "{shell}");
    }
    let asking = Command::new(BINARY).args(["catalog", "--token", "t"]).output().unwrap();
    assert_eq!(asking.status.code(), Some(2));
    assert!(stderr(&asking).contains("asks no server"), "{}", stderr(&asking));
    let unknown = Command::new(BINARY).args(["catalog", "no.such"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn the_service_stops_cleanly_and_says_why_it_does_not_start() {
    let mut server = Server::with_organization("acme");
    let data = server.path("data").display().to_string();
    let folder = server.run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    assert_eq!(folder.status.code(), Some(1));
    assert!(stderr(&folder).contains("in use"), "{}", stderr(&folder));
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let other = server.path("other").display().to_string();
    let port = server.run(&["serve", "--listen", &address, "--data-dir", &other]);
    assert_eq!(port.status.code(), Some(1));
    assert!(stderr(&port).contains("cannot listen on") && stderr(&port).contains("--listen"), "{}", stderr(&port));
    let foreign = server.path("notmine");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("file.txt"), "hi").unwrap();
    for (path, told) in [(foreign.clone(), "holds file.txt"), (foreign.join("file.txt"), "is a file, not a folder")] {
        let output = server.run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    for output in [&folder, &port] {
        assert!(!stderr(output).contains("panicked") && !stderr(output).contains("backtrace"), "{}", stderr(output));
    }
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(server.path("stderr")).unwrap();
    assert!(log.contains("operator.token") && log.contains("curl"), "how to call it is told: {log}");
    assert!(log.trim_end().lines().last().unwrap().ends_with("stopped"), "{log}");
}

#[test]
fn refused_records_are_told_by_their_place_in_the_file() {
    let server = Server::start();
    server.done(&["org", "create", "acme", "--name", "Acme"]);
    let folder = tempfile::tempdir().unwrap();
    let (file, refused) = (folder.path().join("records.ndjson"), folder.path().join("refused.ndjson"));
    let good = r#"{"eventVersion":"1.08","eventID":"ID","eventName":"GetObject","eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","userIdentity":{"type":"IAMUser","userName":"ada"}}"#;
    let lines =
        (0..60).map(|n| if n % 2 == 0 { good.replace("ID", &format!("id-{n}")) } else { "\"no record\"".to_owned() });
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let (file, refused) = (file.to_str().unwrap(), refused.to_str().unwrap());
    let import = ["import", "--org", "acme", "--format", "cloudtrail", file];
    // A summary on stdout, and why on stderr.
    let import_of = |arguments: &[&str]| {
        let output = server.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    let told = import_of(&import);
    assert!(told.contains("record 2 refused: ") && told.contains("record 40 refused: "), "{told}");
    assert!(!told.contains("record 42 refused") && told.contains("10 more refused records; --refused FILE"), "{told}");
    let told = import_of(&[&import[..], &["--refused", refused]].concat());
    assert!(told.contains(refused), "{told}");
    let written = json_lines(&std::fs::read_to_string(refused).unwrap());
    let numbers: Vec<u64> = written.iter().map(|line| line["record"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=30).map(|n| n * 2).collect::<Vec<_>>());
    assert!(written.iter().all(|line| line["file"] == file && !line["detail"].as_str().unwrap().is_empty()));

    // Events are refused with their part of the file, and told by their place in the file all the same.
    let events = folder.path().join("events.ndjson");
    let line = |n: u32| if n == 2_500 { json!({"action": "component.deploy"}) } else { event(n) };
    std::fs::write(&events, (0..3_000).map(|n| format!("{}\n", line(n))).collect::<String>()).unwrap();
    let events = events.to_str().unwrap();
    let told = server.refused(1, &["import", "--org", "acme", "--format", "events", events]);
    assert!(told.contains("record 2501 /actor"), "{told}");
    assert!(told.contains(events), "{told}");
}
