//! On a terminal: what is typed and not shown, what is asked before it is done, what is shown and does nothing.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;

use crate::server::{BINARY, PASSWORD, Person, Server, stderr};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command on a terminal of its own, made by `script` of util-linux.
struct Terminal {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn start(person: &Person, arguments: &[&str]) -> Self {
        let quoted = |argument: &&str| format!("'{}'", argument.replace('\'', r"'\''"));
        let line = [&[BINARY], arguments].concat().iter().map(quoted).collect::<Vec<_>>().join(" ");
        let environment = person.command(&[]);
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--echo", "always", "--command", &line, "/dev/null"]);
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = script.spawn().expect("`script` of util-linux is needed");
        let (mut stdout, (sender, output)) = (child.stdout.take().unwrap(), channel());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stdout.read(&mut piece) {
                if sender.send(piece[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { input: child.stdin.take().unwrap(), child, output, shown: String::new() }
    }

    /// Waits until something is shown, then types.
    fn answer(&mut self, question: &str, typed: &str) -> &mut Self {
        while !self.shown.contains(question) {
            let piece = self.output.recv_timeout(PATIENCE);
            let piece = piece.unwrap_or_else(|_| panic!("`{question}` was not asked: {}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
        self.shown = self.shown.split_once(question).unwrap().1.to_owned();
        self.input.write_all(typed.as_bytes()).unwrap();
        self
    }

    /// What was shown since the last answer, and the exit code.
    fn end(mut self) -> (String, i32) {
        while let Ok(piece) = self.output.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
        (self.shown, self.child.wait().unwrap().code().unwrap())
    }
}

fn set_up(server: &Server) -> Person<'_> {
    let ada = server.person("ada@example.com");
    let mut setup = Terminal::start(
        &ada,
        &["setup", "--email", "ada@example.com", "--data-dir", &server.path("data").display().to_string()],
    );
    setup.answer("one is made): ", &format!("{PASSWORD}\r")).answer("Once more: ", "something-else\r");
    setup.answer("two different ones", "").answer("one is made): ", &format!("{PASSWORD}\r"));
    setup.answer("Once more: ", &format!("{PASSWORD}\r"));
    let (shown, code) = setup.end();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    ada
}

#[test]
fn secrets_are_asked_for_and_not_shown() {
    let server = Server::start();
    let ada = set_up(&server);
    let mut login = Terminal::start(&ada, &["login"]);
    login.answer("E-mail address: ", "ada@example.com\r");
    login.answer("Password of ada@example.com at ", &format!("{PASSWORD}\r"));
    let (shown, code) = login.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("signed in to") && !shown.contains(PASSWORD) && !shown.contains("act_pat_"), "{shown}");
    assert_eq!(ada.json(&["session", "whoami"])["user"]["email"], "ada@example.com");

    // Ctrl-C at the password: nothing is sent, and the terminal is as it was.
    let mut interrupted = Terminal::start(&ada, &["login", "--email", "ada@example.com"]);
    interrupted.answer("Password of ada@example.com at ", "violet\u{3}");
    let (shown, code) = interrupted.end();
    assert_eq!(code, 130, "{shown}");
    assert!(shown.contains("interrupted") && !shown.contains("violet"), "{shown}");
}

#[test]
fn what_is_lost_is_said_before_it_is() {
    let server = Server::start();
    let ada = set_up(&server);
    ada.login();
    ada.done(&["role", "create", "Log readers", "--permission", "LOG-MANAGEMENT"]);
    ada.done(&["group", "create", "Reviewers"]);
    ada.done(&["group", "add-role", "Reviewers", "Log readers", "--level", "organization"]);
    ada.done(&["group", "add-member", "Reviewers", "ada@example.com"]);
    let losses: [(&[&str], &[&str]); 3] = [
        (&["group", "delete", "Reviewers"], &["group Reviewers of acme is deleted with 1 member", "Log readers"]),
        (&["role", "delete", "Log readers"], &["it is taken from Reviewers", "audit_logs_view"]),
        (&["user", "remove", "ada@example.com"], &["ada@example.com (ada) is removed from acme", "2 groups"]),
    ];
    for (command, said) in losses {
        for no in ["\r", "n\r", "no\r"] {
            let mut refused = Terminal::start(&ada, command);
            for said in said {
                refused.answer(said, "");
            }
            refused.answer("Go on? [y/N]: ", no);
            let (shown, code) = refused.end();
            assert_eq!(code, 1, "{shown}");
            assert!(shown.contains("nothing was changed"), "{shown}");
        }
    }
    let lock = ["retention", "set", "--hot-days", "400", "--archive-days", "730", "--lock"];
    let mut refused = Terminal::start(&ada, &lock);
    refused.answer("nobody unlocks it", "").answer("Go on? [y/N]: ", "\r");
    assert_eq!(refused.end().1, 1);
    assert_eq!(ada.json(&["retention", "show"])["locked"], false);
    let mut add = Terminal::start(&ada, &["user", "add", "bo@example.com", "--name", "Bo"]);
    add.answer("identity provider only): ", &format!("{PASSWORD}\r")).answer("Once more: ", &format!("{PASSWORD}\r"));
    let (shown, code) = add.end();
    assert_eq!(code, 0, "{shown}");
    server.person("bo@example.com").login();
    let mut meant = Terminal::start(&ada, &["group", "delete", "Reviewers"]);
    meant.answer("Go on? [y/N]: ", "y\r");
    let (shown, code) = meant.end();
    assert_eq!(code, 0, "{shown}");
    assert!(ada.refused(1, &["group", "show", "Reviewers"]).contains("no group"));
    let unasked = Terminal::start(&ada, &["role", "delete", "Log readers", "--yes"]);
    assert_eq!(unasked.end().1, 0);
}

#[test]
fn nothing_of_an_event_does_anything_to_a_terminal() {
    let server = Server::start();
    let ada = set_up(&server);
    ada.login();
    let name = "東京\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}x";
    let event = json!({
        "action": "component.deploy", "actor": {"type": "user", "id": "u-1", "name": name},
        "targets": [{"type": "component", "id": "orders", "name": "a\rb"}],
    });
    let output = server.fed(&["emit", "--org", "acme", "-"], event.to_string().as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    ada.done(&["group", "create", "東京", "--json"]);
    let of_the_event = ["action:component.*"];
    for command in [
        &["export"][..],
        &["export", "--format", "csv"],
        &["search", "--json"],
        &["search"],
        &["tail", "--json"],
        &["group", "list", "--json"],
        &["group", "list"],
    ] {
        let phrase = if command[0] == "group" { &[][..] } else { &of_the_event };
        let (shown, code) = Terminal::start(&ada, &[command, phrase].concat()).end();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("東京"), "{command:?}: {shown}");
        let lines = shown.replace("\r\n", "\n");
        let harmful = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
        assert!(!lines.chars().any(harmful), "{command:?}: {shown:?}");
    }
    // To a pipe it is exact.
    assert!(ada.done(&["export", "--format", "csv", "action:component.*"]).contains(name));
}
