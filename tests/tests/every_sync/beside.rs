//! What else writes files that are relied on: a witness, the demo, the change of the signing key, and the commands that leave
//! files with whoever runs them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actarium_tests::replay::Story;
use actarium_tests::{Client, Cut, Server, Start, program};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::service::{Holds, Service, Way, started};

const PASSWORD: &str = "violet-umbrella-71-quay";

/// The key that signs, which lies outside the data folder, is changed twice.
pub fn rotated() -> Story<Holds> {
    let mut service = Service::new(&["acme"], Way::with(&["--log-key={}/keys/log.key"]));
    service.folder("keys");
    assert!(service.start(Cut::default(), &[]));
    service.found();
    service.record(2);
    for _ in 0..2 {
        let key = |client: &Client| client.get("/v1/orgs/acme/log/key").text();
        let old = key(&service.client());
        service.stop();
        let living = service.story.disk.living();
        let mut command = Command::new(program::actarium());
        command.args(["log", "rotate-key", "--explanation", "Yearly change", "--yes", "--data-dir"]);
        command.arg(living.join("data")).arg("--log-key").arg(living.join("keys/log.key"));
        run(&mut service.story, &mut command, "");
        service.further.push(Arc::new(move |client: &Client, _: &Path| {
            if key(client) == old { Err("the old key signs again".to_owned()) } else { Ok(()) }
        }));
        service.has_ended();
        assert!(service.start(Cut::default(), &[]));
    }
    service.record(1);
    service.stop();
    service.story
}

/// Runs a command in a life of its own, to a good end.
fn run<P>(story: &mut Story<P>, command: &mut Command, input: &str) {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    story.disk.watch(command, &Cut::traced());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("its stdin");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `actarium witness` as a child process.
struct Witness {
    child: Child,
    url: String,
    key: String,
}

impl Witness {
    fn command(folder: &Path, log_key: &str) -> Command {
        let mut command = Command::new(program::actarium());
        command.args(["witness", "--listen", "127.0.0.1:0", "--name", "w.example", "--log", log_key, "--dir"]);
        command.arg(folder.join("states/witness")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn start(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
        let mut next = |start: &str| lines.next().and_then(|line| Some(line.strip_prefix(start)?.to_owned()));
        match (next("listening on "), next("key ")) {
            (Some(url), Some(key)) => Ok(Self { child, url, key }),
            _ => {
                let _ = child.wait();
                Err("the witness does not start".to_owned())
            }
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A witness signs, and must not forget how far.
pub fn witness() -> Story<Holds> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Start::on(&data).now();
    server.client().organization("acme");
    let log_key = server.client().get("/v1/orgs/acme/log").expect(200)["log_key"].as_str().expect("a key").to_owned();
    server.stop();
    let mut story: Story<Holds> = Story::default();
    let again = log_key.clone();
    story.promised(Arc::new(move |image| Witness::start(Witness::command(image, &again)).map(drop)));
    let mut command = Witness::command(&story.disk.living(), &log_key);
    story.disk.watch(&mut command, &Cut::traced());
    let witness = Witness::start(command).expect("a witness");
    let (address, key) = (witness.url.clone(), witness.key.clone());
    story.while_told(|| ());
    story.promised(signed(&log_key, &key, None));
    let option = format!("--witness={}={}", witness.url, witness.key);
    let server = Start::on(&data).with(&[&option, "--witness-seconds=1"]).now();
    for _ in 0..3 {
        let last = story.while_told(|| witnessed(&server.client(), &address));
        story.promised(signed(&log_key, &key, Some(last)));
    }
    drop(server);
    drop(witness);
    story.life_ended();
    story
}

/// Records one more, waits until the witness has signed it, and gives the name of the log and what was signed last.
fn witnessed(client: &Client, witness: &str) -> (String, String) {
    let event = json!({"action": "component.deploy", "actor": {"type": "user", "id": "u-1"},
        "targets": [{"type": "component", "id": "c-1"}]});
    let _ = client.post("/v1/orgs/acme/events", &event).expect(201);
    for _ in 0..600 {
        let seen = client.get("/v1/orgs/acme/log").expect(200);
        if seen["witnesses"][0]["state"] == "current" && seen["size"] == seen["witnesses"][0]["size"] {
            let note = client.get("/v1/orgs/acme/log/checkpoint?witnessed=true").text();
            let origin = note.lines().next().expect("an origin").to_owned();
            return (origin.clone(), last_signed(witness, &origin));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the witness signs nothing");
}

fn last_signed(witness: &str, origin: &str) -> String {
    let digest: String = Sha256::digest(origin).iter().map(|byte| format!("{byte:02x}")).collect();
    Client::new(witness, "").get(&format!("/{digest}/checkpoint")).text()
}

/// A witness that has this key and knows that it signed this.
fn signed(log_key: &str, key: &str, last: Option<(String, String)>) -> Holds {
    let (log_key, key) = (log_key.to_owned(), key.to_owned());
    let size = |note: &str| note.lines().nth(1).and_then(|line| line.parse::<u64>().ok());
    Arc::new(move |image| {
        let witness = Witness::start(Witness::command(image, &log_key))?;
        if witness.key != key {
            return Err(format!("the witness's key is {}, and was {key}", witness.key));
        }
        let Some((origin, last)) = &last else { return Ok(()) };
        let now = last_signed(&witness.url, origin);
        if size(&now) >= size(last) { Ok(()) } else { Err(format!("the witness has forgotten that it signed\n{last}")) }
    })
}

/// The demo's password, once it can be read.
pub fn demo() -> Story<Holds> {
    let mut story: Story<Holds> = Story::default();
    let way = Way::with(&["--demo"]);
    let again = way.clone();
    story.promised(Arc::new(move |image| started(image, &again).map(Server::kill)));
    let server = Start::on_disk(&story.disk, Cut::traced()).with(&["--demo"]).now();
    let kept = std::fs::read_to_string(server.data.join("demo.password")).expect("the demo's password");
    story.while_told(|| ());
    story.promised(Arc::new(move |image| {
        let server = started(image, &way)?;
        let (email, password) = kept.trim().split_once('\n').expect("two lines");
        let client = Client::new(&server.url, "");
        let answer = client.post("/v1/session", &json!({"email": email, "password": password}));
        server.kill();
        let now = std::fs::read_to_string(image.join("data/demo.password")).unwrap_or_default();
        if answer.status == 200 && now == kept {
            return Ok(());
        }
        Err(format!("the demo's password was {kept:?}, the file has {now:?}, and signing in: {}", answer.status))
    }));
    server.kill();
    story.life_ended();
    story
}

/// Commands that write files for whoever runs them: under its name, a file is whole.
pub fn commands() -> Story<Holds> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Start::on(&folder.path().join("data")).now();
    let client = server.client();
    client.organization("acme");
    let user = json!({"email": "quinn@example.com", "name": "Quinn", "password": PASSWORD, "groups": ["admin"]});
    let _ = client.post("/v1/orgs/acme/users", &user).expect(201);
    let made = client.post("/v1/orgs/acme/exports", &json!({"format": "csv"})).expect(201);
    let export = made["id"].as_str().expect("an id").to_owned();
    for _ in 0..600 {
        if client.get(&format!("/v1/orgs/acme/exports/{export}")).expect(200)["state"] == "done" {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut story: Story<Holds> = Story::default();
    let whole: Arc<OnceLock<BTreeMap<String, Vec<u8>>>> = Arc::default();
    let known = whole.clone();
    story.promised(Arc::new(move |image| are_whole(image, known.get().expect("it is over"), "listed/")));
    let lines: [(&[&str], &str); 5] = [
        (&["export", "-o", "{}/export.ndjson"], ""),
        (&["exports", "get", &export, "-o", "{}/kept.csv"], ""),
        (&["export", "--proof", "-o", "{}/proof.tar.zst"], ""),
        (&["export", "--proof", "-o", "{}/listed"], ""),
        (&["login", "--email", "quinn@example.com"], PASSWORD),
    ];
    let mut is_listed = false;
    for (line, input) in lines {
        let living = story.disk.living();
        let living = living.to_str().expect("a path in UTF-8");
        let mut command = Command::new(program::actarium());
        command.args(line.iter().map(|argument| argument.replace("{}", living)));
        command.env("ACTARIUM_URL", &server.url).env("ACTARIUM_ORG", "acme").env("XDG_CONFIG_HOME", living);
        if input.is_empty() {
            command.env("ACTARIUM_TOKEN", &server.token);
        }
        run(&mut story, &mut command, &format!("{input}\n"));
        // What is in a folder is whole from its command's end on.
        is_listed |= line.contains(&"{}/listed");
        let (known, but) = (whole.clone(), if is_listed { "nothing" } else { "listed/" });
        story.ended_with(Arc::new(move |image| are_whole(image, known.get().expect("it is over"), but)));
    }
    let _ = whole.set(files_of(&story.disk.living(), ""));
    story
}

fn files_of(folder: &Path, path: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let path = format!("{path}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files_of(&entry.path(), &format!("{path}/")));
        } else {
            found.insert(path, std::fs::read(entry.path()).expect("a file"));
        }
    }
    found
}

/// Whether each of these files, but for those in a folder that is being filled, is missing or whole.
fn are_whole(image: &Path, known: &BTreeMap<String, Vec<u8>>, but: &str) -> Result<(), String> {
    let now = files_of(image, "");
    let wrong = known.iter().filter(|(path, _)| !path.starts_with(but)).find_map(|(path, bytes)| {
        let have = now.get(path).filter(|have| *have != bytes)?;
        Some(format!("{path} has {} bytes of {}", have.len(), bytes.len()))
    });
    wrong.map_or(Ok(()), Err)
}
