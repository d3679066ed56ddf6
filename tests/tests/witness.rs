//! Two installations that witness each other: the real service and the real witness, killed, and rolled back to an older
//! data folder. A roll-back must be refused and shown, whether the witness is there at the start or comes back later.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use actarium_tests::client::Client;
use actarium_tests::program;
use actarium_tests::server::{Server, Start};
use serde_json::{Value, json};

/// How long something may take that happens within seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `actarium witness` as a child process.
struct Witness {
    child: Child,
    url: String,
    key: String,
}

impl Witness {
    fn start(folder: &Path, name: &str, log_key: &str, listen: &str) -> Self {
        let mut command = Command::new(program::actarium());
        command.args(["witness", "--listen", listen, "--name", name, "--log", log_key, "--dir"]).arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
        let mut next = |start: &str| {
            let line = lines.next().unwrap_or_default();
            line.strip_prefix(start).unwrap_or_else(|| panic!("the witness said {line:?}, not {start}")).to_owned()
        };
        let (url, key) = (next("listening on "), next("key "));
        Self { child, url, key }
    }

    fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    fn option(&self) -> String {
        format!("--witness={}={}", self.url, self.key)
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn standing(client: &Client) -> Value {
    client.get("/v1/orgs/acme/log").expect(200)
}

/// Waits until the organization's log stands with its only witness as wanted.
fn wait_for(client: &Client, wanted: &str) -> Value {
    let mut seen = Value::Null;
    for _ in 0..PATIENCE.as_millis() / 50 {
        seen = standing(client);
        let all_signed = wanted != "current" || seen["size"] == seen["witnesses"][0]["size"];
        if seen["witnesses"][0]["state"] == wanted && all_signed {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not {wanted}: {seen:#}");
}

fn record(client: &Client, count: usize) -> u16 {
    let event = json!({
        "action": "component.deploy",
        "actor": {"type": "user", "id": "u-1"},
        "targets": [{"type": "component", "id": "c-1"}],
    });
    let sent = client.try_post("/v1/orgs/acme/events", &[], &Value::Array(vec![event; count]));
    sent.map_or(0, |answer| answer.status)
}

/// A service that has nothing but its organization yet, and the key that its witness is given.
fn found(data: &Path, log_name: &str) -> String {
    let server = Start::on(data).with(&["--log-name", log_name]).now();
    let client = server.client();
    let made = client.try_post("/v1/orgs", &[], &json!({"slug": "acme", "name": "Acme"})).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let key = standing(&client)["log_key"].as_str().unwrap().to_owned();
    server.stop();
    key
}

fn serve(data: &Path, witness: &Witness) -> Server {
    Start::on(data).with(&[&witness.option(), "--witness-seconds=1"]).now()
}

struct Installation {
    data: PathBuf,
    key: String,
}

#[test]
fn two_installations_witness_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let installation = |name: &str| {
        let data = folder.path().join(name);
        let key = found(&data, &format!("{name}.example"));
        Installation { data, key }
    };
    let (a, b) = (installation("a"), installation("b"));
    let of_a = Witness::start(&folder.path().join("witness-of-b"), "b.example/witness", &a.key, "127.0.0.1:0");
    let of_b = Witness::start(&folder.path().join("witness-of-a"), "a.example/witness", &b.key, "127.0.0.1:0");
    let (server_a, server_b) = (serve(&a.data, &of_a), serve(&b.data, &of_b));
    let (client_a, client_b) = (server_a.client(), server_b.client());
    assert_eq!((record(&client_a, 300), record(&client_b, 7)), (201, 201));
    assert_eq!(wait_for(&client_a, "current")["size"], 301);
    wait_for(&client_b, "current");
    let note = client_a.get("/v1/orgs/acme/log/checkpoint?witnessed=true");
    assert!(note.text().contains("\n— b.example/witness "), "{}", note.text());
    assert_eq!(client_a.get("/v1/orgs/acme/log/checkpoint").text(), note.text(), "beside the log's own signature");
    exports_are_anchored_by_the_witness(&client_a, &of_a, folder.path());

    // The witness is killed and comes back: nothing waits for it, and it has forgotten nothing. That of the export is on record.
    let (address, mut of_a) = (of_a.address(), of_a);
    of_a.kill();
    assert_eq!(record(&client_a, 5), 201);
    wait_for(&client_a, "unreachable");
    let of_a = Witness::start(&folder.path().join("witness-of-b"), "b.example/witness", &a.key, &address);
    assert_eq!(wait_for(&client_a, "current")["size"], 307);

    // A backup, more events, a kill; then the backup takes the place of the folder.
    server_a.stop();
    let (backup, newer) = (folder.path().join("backup"), folder.path().join("newer"));
    copy(&a.data, &backup);
    let server_a = serve(&a.data, &of_a);
    assert_eq!(record(&server_a.client(), 40), 201);
    assert_eq!(wait_for(&server_a.client(), "current")["size"], 347);
    server_a.kill();
    std::fs::rename(&a.data, &newer).unwrap();
    copy(&backup, &a.data);
    let server_a = serve(&a.data, &of_a);
    rolled_back_is_refused_and_shown(&server_a, "347");
    server_a.stop();

    // The same without the witness at the start: the log goes on, until the witness is back and sees two histories.
    let (address, mut of_a) = (of_a.address(), of_a);
    of_a.kill();
    let server_a = serve(&a.data, &of_a);
    assert_eq!(record(&server_a.client(), 90), 201);
    let of_a = Witness::start(&folder.path().join("witness-of-b"), "b.example/witness", &a.key, &address);
    wait_for(&server_a.client(), "contradicts");
    rolled_back_is_refused_and_shown(&server_a, "another history");
    server_a.kill();

    // What was published is there again: the log goes on, and so does the other installation all along.
    std::fs::remove_dir_all(&a.data).unwrap();
    std::fs::rename(&newer, &a.data).unwrap();
    let server_a = serve(&a.data, &of_a);
    assert_eq!(record(&server_a.client(), 1), 201);
    assert_eq!(wait_for(&server_a.client(), "current")["size"], 348);
    assert_eq!(record(&client_b, 1), 201);
    assert_eq!(wait_for(&client_b, "current")["state"], "ok");
    server_a.stop();
    server_b.stop();
}

fn rolled_back_is_refused_and_shown(server: &Server, why: &str) {
    let client = server.client();
    let seen = standing(&client);
    assert_eq!((&seen["state"], &seen["witnesses"][0]["state"]), (&json!("stopped"), &json!("contradicts")));
    assert!(seen["detail"].as_str().unwrap().contains(why), "{seen:#}");
    assert_eq!(record(&client, 1), 503, "no more writes");
    assert_eq!(client.get("/readyz").expect(200)["status"], "degraded");
    let metrics = client.get("/metrics").text();
    assert!(!metrics.contains("\nactarium_damaged_organizations 0\n"), "{metrics}");
    assert!(server.stderr().contains("takes no more writes"), "{}", server.stderr());
}

fn exports_are_anchored_by_the_witness(client: &Client, witness: &Witness, folder: &Path) {
    let export = client.get("/v1/orgs/acme/export/proof");
    let file = folder.join("export.tar.zst");
    std::fs::write(&file, &export.bytes).unwrap();
    let verify = |key: &str| {
        let mut command = Command::new(program::actarium());
        command.arg("verify").arg(&file).args(["--require-anchor", "--witness", key]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = verify(&witness.key);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("witness b.example/witness saw the log at 301 events"), "{said}");
    // A key that somebody else made under the same name vouches for nothing.
    let other = Witness::start(&folder.join("other"), "b.example/witness", &witness_log(client), "127.0.0.1:0");
    assert_eq!(verify(&other.key).0, Some(3));
}

fn witness_log(client: &Client) -> String {
    standing(client)["key"].as_str().unwrap().to_owned()
}
