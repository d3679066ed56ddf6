//! What a log proves, how long it is kept and what its organization says of it, by commands.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{BINARY, Server, json_lines, stderr};

fn recorded(server: &Server) -> String {
    let emit = ["emit", "--org", "acme", "--action", "component.deploy", "--actor", "user:u-1"];
    let answer = server.done(&[&emit[..], &["--target", "component:orders"]].concat());
    answer.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn proofs_and_exports_are_written_and_checked_and_nothing_else_is_taken_for_them() {
    let server = Server::with_organization("acme");
    let id = recorded(&server);
    let path = |name: &str| server.path(name).display().to_string();
    let proof = path("event.tlog-proof");
    server.done(&["prove", "--org", "acme", &id, "-o", &proof]);
    let key = path("acme.key");
    fs::write(&key, server.done(&["log", "key", "--org", "acme"])).unwrap();
    let verify = |arguments: &[&str]| Command::new(BINARY).arg("verify").args(arguments).output().unwrap();
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(output);
    let output = verify(&[&proof, "--key", &key]);
    assert!(output.status.success() && said(&output).contains("Sound, and anchored"), "{}", said(&output));

    let export = ["export", "--org", "acme", "--proof", "-o"];
    for other in ["out.zip", "out.tar.gz"] {
        let told = server.refused(2, &[&export[..], &[&path(other)]].concat());
        assert!(told.contains("out.tar.zst") && !server.path(other).exists(), "{told}");
    }
    let archive = path("acme.tar.zst");
    server.done(&[&export[..], &[&archive]].concat());
    assert!(verify(&[&archive, "--key", &key]).status.success());
    let folder = path("acme-export");
    let output = server.run(&[&export[..], &[&folder]].concat());
    assert!(stderr(&output).contains(&format!("folder {folder}: ")), "{}", stderr(&output));
    assert!(verify(&[&folder, "--key", &key]).status.success());

    // A folder that is named as one, also one that is there and empty; not one that holds something.
    for name in ["new", "empty"] {
        let named = path(&format!("{name}/"));
        if name == "empty" {
            fs::create_dir(server.path(name)).unwrap();
        }
        server.done(&[&export[..], &[&named]].concat());
        assert!(verify(&[&named, "--key", &key]).status.success(), "{named}");
        assert!(!server.path(&format!("{name}.part")).exists());
        let told = server.refused(2, &[&export[..], &[&named]].concat());
        assert!(told.contains("is there and not empty") && told.contains("export.tar.zst"), "{told}");
    }
    for named in [path("new"), path("missing/")] {
        let told = server.refused(2, &["export", "--org", "acme", "-o", &named]);
        assert!(told.contains("is a folder") && told.contains("events.ndjson"), "{told}");
    }

    for (what, told) in
        [(path("nothing"), "no such file"), (path("other"), "neither an export"), (key.clone(), "neither an")]
    {
        fs::create_dir_all(server.path("other")).unwrap();
        let output = verify(&[&what]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).to_lowercase().contains(told), "{}", said(&output));
    }
    let mut service = server.command(&["verify", &server.url, "--org", "acme"]);
    let output = service.output().unwrap();
    assert!(output.status.success() && said(&output).contains("give the root of its checkpoint"), "{}", said(&output));
}

fn verify(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(BINARY);
    command.arg("verify").args(arguments).env_remove("ACTARIUM_ORG").env_remove("ACTARIUM_LOG_KEY");
    command.output().unwrap()
}

#[test]
fn an_export_of_another_query_than_was_asked_for_is_refused() {
    let server = Server::with_organization("acme");
    recorded(&server);
    let file = server.path("deploys.tar.zst").display().to_string();
    let from = "2020-01-01T00:00:00Z";
    let export = ["export", "--org", "acme", "--proof", "--complete", "--from", from, "-o", &file];
    server.done(&[&export[..], &["action:component.deploy -outcome:denied"]].concat());
    let asked = |phrase: &str, from: &str| verify(&[&file, "--query", phrase, "--from", from]);
    let told = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    for phrase in ["action:component.deploy -outcome:denied", "NOT outcome:denied   ACTION:Component.Deploy"] {
        let output = asked(phrase, "2020-01-01T01:00:00+01:00");
        assert!(output.status.success(), "{phrase}: {}{}", told(&output), stderr(&output));
        assert!(told(&output).contains("note  the filter is the one that you asked for"), "{}", told(&output));
    }
    let unsaid = verify(&[&file]);
    assert!(unsaid.status.success() && told(&unsaid).contains("the manifest's own word"), "{}", told(&unsaid));
    for (phrase, from) in
        [("action:component.*", from), ("action:component.deploy -outcome:denied", "2021-01-01T00:00:00Z")]
    {
        let output = asked(phrase, from);
        assert_eq!(output.status.code(), Some(1), "{phrase}: {}", told(&output));
        assert!(told(&output).contains("WRONG  manifest.json: its query is the phrase"), "{}", told(&output));
    }
    let output = verify(&[&file, "--query", "action:component.deploy -outcome:denied"]);
    assert_eq!(output.status.code(), Some(1), "a time that was not asked for narrows: {}", told(&output));
    let unreadable = asked("outcom:denied", from);
    assert!(unreadable.status.code() == Some(2) && stderr(&unreadable).contains("did you mean `outcome`"));
    let service = server.run(&["verify", &server.url, "--org", "acme", "--query", "a"]);
    assert!(service.status.code() == Some(2) && stderr(&service).contains("are for exports"), "{}", stderr(&service));
}

#[test]
fn a_verdict_is_one_object_for_programs() {
    let server = Server::with_organization("acme");
    let id = recorded(&server);
    let path = |name: &str| server.path(name).display().to_string();
    let (archive, kept, proof) = (path("acme.tar.zst"), path("kept.checkpoint"), path("event.tlog-proof"));
    fs::write(&kept, server.done(&["log", "checkpoint", "--org", "acme"])).unwrap();
    recorded(&server);
    server.done(&["export", "--org", "acme", "--proof", "--anchor", &kept, "-o", &archive]);
    server.done(&["prove", "--org", "acme", &id, "-o", &proof]);
    let told = |arguments: &[&str], code: i32| {
        let output = verify(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        let mut objects = json_lines(std::str::from_utf8(&output.stdout).unwrap());
        assert_eq!((objects.len(), objects[0]["exit_code"].as_i64()), (1, Some(i64::from(code))));
        objects.remove(0)
    };
    let report = told(&[&archive, "--anchor", &kept, "--require-anchor"], 3);
    assert_eq!((&report["sound"], &report["anchored"]), (&json!(true), &json!(false)), "{report}");
    assert!(report["verdict"].as_str().unwrap().contains("anchored in part"), "{report}");
    let (covered, end) = (&report["coverage"][0], report["coverage"][0]["end_seq"].as_u64().unwrap());
    let kept_end = covered["anchored"]["end_seq"].as_u64().unwrap();
    assert!(0 < kept_end && kept_end < end, "{covered}");
    assert_eq!(covered["anchored"], json!({"first_seq": 0, "end_seq": kept_end}));
    assert_eq!(covered["not_anchored"], json!({"first_seq": kept_end, "end_seq": end}));

    let whole = told(&[&archive], 0);
    assert_eq!((&whole["coverage"][0]["anchored"], &whole["findings"]), (&Value::Null, &json!([])), "{whole}");
    assert!(told(&[&proof], 0)["proved"][0].as_str().unwrap().contains("is in the log"));
    let other = server.done(&["log", "key", "--org", "actarium"]);
    let wrong = told(&[&archive, "--key", other.trim()], 1);
    let first = wrong["findings"].as_array().unwrap().iter().chain(wrong["missing"].as_array().unwrap()).next();
    assert!(first.unwrap()["place"].is_string() && first.unwrap()["problem"].is_string(), "{wrong}");
    let mut bytes = fs::read(&archive).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&archive, bytes).unwrap();
    assert_eq!(told(&[&archive], 1)["findings"][0]["place"], json!(archive));
    let nothing = verify(&[&path("nothing"), "--json"]);
    assert!(nothing.status.code() == Some(2) && nothing.stdout.is_empty());
}

#[test]
fn the_key_of_a_data_folder_may_lie_elsewhere() {
    let mut server = Server::with_organization("acme");
    recorded(&server);
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let (data, moved) = (server.path("data"), server.path("elsewhere.key"));
    fs::rename(data.join("log.key"), &moved).unwrap();
    let (data, moved) = (data.display().to_string(), moved.display().to_string());
    let missing = verify(&[&data, "--org", "acme"]);
    assert_eq!(missing.status.code(), Some(1), "{}", stderr(&missing));
    assert!(stderr(&missing).contains("log.key"), "{}", stderr(&missing));
    let given = verify(&[&data, "--org", "acme", "--log-key", &moved, "--json"]);
    assert!(given.status.success(), "{}", stderr(&given));
    let report = json_lines(std::str::from_utf8(&given.stdout).unwrap()).remove(0);
    assert!(report["sound"] == json!(true) && report["query"].is_null(), "{report}");
}

#[test]
fn the_key_that_signs_may_go_by_a_bare_name() {
    let mut server = Server::with_organization("acme");
    recorded(&server);
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let folder = server.path("");
    fs::rename(server.path("data/log.key"), server.path("my.key")).unwrap();
    let rotate = ["log", "rotate-key", "--data-dir", "data", "--log-key", "my.key", "--explanation", "Yearly", "--yes"];
    for _ in 0..2 {
        let output = server.command(&rotate).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(server.path("my.key").exists() && !server.path("my.key.next").exists());
    }
    // The first start makes the key.
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "new", "--log-key", "first.key"];
    let mut child = server.command(&serve).current_dir(&folder).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    assert!(line.starts_with("listening on ") && server.path("first.key").exists(), "{}", stderr(&output));
}

#[test]
fn an_anchor_that_the_log_has_no_proof_for_is_refused() {
    let server = Server::with_organization("acme");
    recorded(&server);
    let path = |name: &str| server.path(name).display().to_string();
    let (kept, archive) = (path("kept.checkpoint"), path("acme.tar.zst"));
    let export = |anchor: &str, code: i32| {
        server.refused(code, &["export", "--org", "acme", "--proof", "--anchor", anchor, "-o", &archive])
    };
    let own = server.done(&["log", "checkpoint", "--org", "acme"]);
    let other = path("other.checkpoint");
    fs::write(&other, server.done(&["log", "checkpoint", "--org", "actarium"])).unwrap();
    let told = export(&other, 2);
    assert!(told.contains("other.checkpoint: it is a checkpoint of ") && told.contains("give one of "), "{told}");
    let mut lines: Vec<&str> = own.split('\n').collect();
    let sized = |lines: &[&str]| fs::write(&kept, lines.join("\n")).unwrap();
    lines[1] = "99999999";
    sized(&lines);
    let told = export(&kept, 1);
    assert!(told.contains("`anchor`") && told.contains("99999999") && told.contains("no checkpoint of it"), "{told}");
    lines[1] = "0";
    sized(&lines);
    export(&kept, 2);
    assert!(!server.path("acme.tar.zst").exists());
    fs::write(&kept, own).unwrap();
    server.done(&["export", "--org", "acme", "--proof", "--anchor", &kept, "-o", &archive]);
    // Of a service such anchors are told of by what verifies, whatever the service has no proof for.
    let verified = server.run(&["verify", &server.url, "--org", "acme", "--anchor", &kept]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    let verified = server.run(&["verify", &server.url, "--org", "acme", "--anchor", &other, "--json"]);
    let report = json_lines(std::str::from_utf8(&verified.stdout).unwrap()).remove(0);
    assert_eq!(verified.status.code(), Some(1), "{report}");
    assert!(report["findings"].to_string().contains("it is of another log"), "{report}");
}

#[test]
fn a_service_that_gives_no_answer_is_no_verdict() {
    let mut server = Server::with_organization("acme");
    let verify = |server: &Server| server.refused(4, &["verify", &server.url, "--org", "acme", "--json"]);
    let unsigned = server.command(&["verify", &server.url, "--org", "acme"]).env("ACTARIUM_TOKEN", "wrong").output();
    let unsigned = unsigned.unwrap();
    assert_eq!(unsigned.status.code(), Some(4), "{}", stderr(&unsigned));
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let told = verify(&server);
    assert!(told.starts_with("actarium: could not be checked: "), "{told}");
}

#[test]
fn csv_is_counted_by_its_events() {
    let server = Server::with_organization("acme");
    let event = |message: &str| {
        json!({
            "action": "component.deploy", "actor": {"type": "user", "id": "u-1"}, "message": message,
            "targets": [{"type": "component", "id": "orders"}],
        })
    };
    let events = json!([event("one\nand \"two\""), event("three")]).to_string();
    assert!(server.fed(&["emit", "--org", "acme", "-"], events.as_bytes()).status.success());
    let file = server.path("events.csv").display().to_string();
    let output = server.run(&["export", "--org", "acme", "--format", "csv", "-o", &file, "action:component.*"]);
    assert!(stderr(&output).contains(&format!("2 events written to {file}")), "{}", stderr(&output));
}

#[test]
fn retention_holds_and_what_an_organization_says_of_its_log() {
    let server = Server::with_organization("acme");
    recorded(&server);
    let sealed = server.done(&["admin", "seal", "--org", "acme"]);
    assert!(sealed.starts_with("sealed  1 segment with ") && sealed.contains("\nmerges"), "{sealed}");
    assert!(json_lines(&server.done(&["admin", "seal", "--json"]))[0]["segments"].is_u64());
    let set = ["retention", "set", "--org", "acme", "--hot-days", "400", "--archive-days", "730", "--lock"];
    assert!(server.done(&set).contains("locked"), "without a terminal it is not asked");
    let done = server.done(&["retention", "run", "--org", "acme"]);
    assert!(done.starts_with("archived             0 events\n"), "{done}");
    let plan = server.done(&["retention", "plan", "--org", "acme"]);
    let last = plan.lines().last().unwrap();
    assert!(last.starts_with("purged is what was recorded before 20") && last.ends_with(" 00:00:00 UTC"), "{plan}");

    let told = server.refused(2, &["legal-hold", "place", "--org", "acme", "--reason", "Case 17"]);
    assert!(told.contains("--all"), "{told}");
    let place = [
        "legal-hold",
        "place",
        "--org",
        "acme",
        "--reason",
        "Case 17",
        "--actor",
        "u-1",
        "--json",
        "--",
        "-outcome:denied",
    ];
    let hold: Value = json_lines(&server.done(&place)).remove(0);
    assert_eq!((&hold["q"], &hold["actor"]), (&json!("-outcome:denied"), &json!("u-1")));
    let id = hold["id"].as_str().unwrap();
    let listed = server.done(&["legal-hold", "list", "--org", "acme"]);
    assert!(listed.contains(id) && listed.contains("-outcome:denied, actor u-1  Case 17"), "{listed}");
    assert!(server.done(&["retention", "plan", "--org", "acme"]).contains("but for what 1 legal hold keeps"));
    server.done(&["legal-hold", "release", "--org", "acme", id, "--reason", "Closed"]);
    assert!(json_lines(&server.done(&["legal-hold", "list", "--org", "acme", "--json"])).is_empty());

    assert!(server.refused(2, &["org", "update", "acme"]).contains("nothing to change"));
    let shown = server.done(&[
        "org",
        "update",
        "acme",
        "--log-public",
        "true",
        "--mask-key",
        "internal",
        "--mask-key",
        "x_key",
    ]);
    assert!(
        shown.contains("log open to all     yes\n") && shown.contains("masked keys         internal, x_key"),
        "{shown}"
    );
    let changed = server.done(&[
        "org",
        "update",
        "acme",
        "--mask-key",
        "",
        "--mask-secrets",
        "false",
        "--reads-wait",
        "true",
        "--json",
    ]);
    let changed = &json_lines(&changed)[0];
    assert_eq!(
        (&changed["mask_keys"], &changed["mask_secrets"], &changed["log_public"], &changed["reads_wait"]),
        (&json!([]), &json!(false), &json!(true), &json!(true))
    );
}

#[test]
fn usage_says_what_is_meant() {
    let server = Server::with_organization("acme");
    for command in ["search", "tail"] {
        let told = server.refused(2, &[command, "--org", "acme", "-outcome:success"]);
        assert!(told.contains("-- '-outcome:success'"), "{told}");
        assert!(!told.contains("--url"), "what is exported need not be given: {told}");
    }
    let told = server.refused(2, &["emit", "--org", "acme"]);
    assert!(["--action", "--actor", "--target", "file"].iter().all(|name| told.contains(name)), "{told}");
    let told = server.refused(3, &["--url", &server.url.replace("http:", "https:"), "org", "list"]);
    assert!(told.contains("does not speak TLS; try http://"), "{told}");
    let told = server.refused(1, &["group", "create", "--org", "acme", ""]);
    assert_eq!(told.matches("against the rules").count(), 1, "{told}");
    let bare = Command::new(BINARY).output().unwrap();
    assert_eq!(bare.status.code(), Some(2));
    assert!(stderr(&bare).contains("Commands:") && stderr(&bare).contains("serve"), "{}", stderr(&bare));
    let narrow = Command::new(BINARY).args(["login", "--help"]).env("COLUMNS", "80").output().unwrap();
    let narrow = String::from_utf8(narrow.stdout).unwrap();
    let prose = narrow.split("\n\n").last().unwrap();
    let lines: Vec<&str> = prose.trim_end().lines().collect();
    assert!(lines[..lines.len() - 1].iter().all(|line| line.len() > 55), "wrapped once: {prose}");
}
