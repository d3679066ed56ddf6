//! The process is killed with SIGKILL while it erases a person, again and again. Started once more it finishes: nothing of the
//! person is left in any byte of the folder, and everything still proves itself.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use actarium_tests::server::BRISK;
use actarium_tests::{Client, Random, Server, Start, program};
use serde_json::{Value, json};

const PASSWORD: &str = "violet-umbrella-71-quay";
/// Persons who are erased one after the other: the first undisturbed, to learn how long it takes on this machine, the
/// others with several kills each.
const PERSONS: usize = 3;
const KILLS_PER_PERSON: usize = 4;
const EVENTS: usize = 4_000;

fn name(person: usize) -> String {
    format!("Quillfeather{person} Marchbanks{person}")
}

fn event(number: usize) -> Value {
    let person = number % (PERSONS + 1);
    json!({
        "action": "component.deploy",
        "actor": {
            "type": "user", "id": format!("u_{person}"), "name": name(person),
            "email": format!("mail{person}@marchbanks.example"),
        },
        "targets": [{"type": "component", "id": format!("c-{number}")}],
        "context": {"ip": format!("10.77.{person}.7")},
    })
}

/// Somebody who may ask for an erasure; the operator approves it.
struct Asker {
    client: Client,
    headers: Vec<(String, String)>,
}

impl Asker {
    fn of(server: &Server) -> Self {
        let client = Client::new(&server.url, "");
        let answer = client.post("/v1/session", &json!({"email": "quinn@example.com", "password": PASSWORD}));
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let csrf = answer.expect(200)["csrf_token"].as_str().unwrap().to_owned();
        Self { client, headers: vec![("cookie".to_owned(), cookie), ("x-csrf-token".to_owned(), csrf)] }
    }

    fn asks_for(&self, person: usize) -> String {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let body = json!({"subject": format!("user:u_{person}"), "reason": "They asked"});
        let made = self.client.try_post("/v1/orgs/acme/erasures", &headers, &body).unwrap().expect(201);
        made["id"].as_str().unwrap().to_owned()
    }
}

fn filled(data: &Path) {
    let server = Start::on(data).with(BRISK).now();
    let client = server.client();
    client.organization("acme");
    let user = json!({"email": "quinn@example.com", "name": "Quinn", "password": PASSWORD, "groups": ["admin"]});
    let _ = client.post("/v1/orgs/acme/users", &user).expect(201);
    let events: Vec<Value> = (0..EVENTS).map(event).collect();
    for some in events.chunks(500) {
        let _ = client.post("/v1/orgs/acme/events", &json!(some)).expect(201);
    }
    server.stop();
}

fn is_done(client: &Client, id: &str) -> bool {
    client.get(&format!("/v1/orgs/acme/erasures/{id}")).expect(200)["state"] == "done"
}

/// Asks for the erasure of a person and has it approved.
fn approved(server: &Server, person: usize) -> String {
    let id = Asker::of(server).asks_for(person);
    // Nobody may be told that it is approved when it is not on record.
    let approved = server.client().post(&format!("/v1/orgs/acme/erasures/{id}/approve"), &Value::Null);
    assert_eq!(approved.expect(200)["state"], "approved");
    id
}

/// Erases a person and says how long the work took.
#[allow(clippy::disallowed_methods)] // Only a duration is measured.
fn erased(data: &Path, person: usize) -> Duration {
    let server = Start::on(data).with(BRISK).now();
    let id = approved(&server, person);
    let begun = Instant::now();
    wait_until_done(&server, &id);
    let took = begun.elapsed();
    server.stop();
    took
}

fn wait_until_done(server: &Server, id: &str) {
    let client = server.client();
    for _ in 0..6_000 {
        if is_done(&client, id) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it is not finished: {}", client.get(&format!("/v1/orgs/acme/erasures/{id}")).text());
}

/// Erases a person with kills in between, within the time that the work takes; how many of them fell into the work.
fn erased_with_kills(data: &Path, person: usize, work: Duration, random: &mut Random) -> usize {
    let server = Start::on(data).with(BRISK).now();
    let id = approved(&server, person);
    let mut server = Some(server);
    let mut within = 0;
    for kill in 0..KILLS_PER_PERSON {
        let running = server.take().unwrap();
        // What is left takes less each time, and begins before the server is ready.
        std::thread::sleep(work.mul_f64(random.below(500) as f64 / 1_000.0 / (kill + 1) as f64));
        let done = is_done(&running.client(), &id);
        running.kill();
        within += usize::from(!done);
        server = Some(Start::on(data).with(BRISK).now());
    }
    let running = server.unwrap();
    wait_until_done(&running, &id);
    running.stop();
    within
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What every file tells: its bytes, and all of anything compressed that begins anywhere in it.
fn told(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut all = Vec::new();
    for path in files(folder) {
        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len().saturating_sub(3)).filter(|at| bytes[*at..*at + 4] == FRAME) {
            let mut raw = Vec::new();
            // A frame that is cut still tells what it begins with.
            if let Ok(decoder) = zstd::stream::Decoder::new(&bytes[at..]) {
                let _ = decoder.single_frame().take(64 << 20).read_to_end(&mut raw);
            }
            all.push((path.clone(), raw));
        }
        all.push((path, bytes));
    }
    all
}

fn files_with(told: &[(PathBuf, Vec<u8>)], text: &str) -> Vec<PathBuf> {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    told.iter().filter(|(_, bytes)| has(bytes)).map(|(path, _)| path.clone()).collect()
}

#[test]
fn an_erasure_that_is_killed_again_and_again_is_finished() {
    let mut random = Random::from_env("an_erasure_that_is_killed_again_and_again_is_finished");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    filled(&data);
    assert!(!files_with(&told(&data), &name(0)).is_empty(), "without this the test could not fail");
    let (mut within, mut work) = (0, None);
    for person in 0..PERSONS {
        match work {
            None => work = Some(erased(&data, person)),
            Some(work) => within += erased_with_kills(&data, person, work, &mut random),
        }
        let told = told(&data);
        for text in [name(person), format!("mail{person}@marchbanks.example"), format!("10.77.{person}.7")] {
            assert_eq!(files_with(&told, &text), Vec::<PathBuf>::new(), "{text}");
        }
        for kept in person + 1..=PERSONS {
            assert!(!files_with(&told, &name(kept)).is_empty());
        }
        let mut verify = Command::new(program::actarium());
        let output = verify.arg("verify").arg(&data).args(["--org", "acme"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !said.contains("undecided"), "{said}");
    }
    println!("{within} kills fell into the work, which takes {work:?}");
    assert!(within > 0, "too little work to prove anything");
    let server = Start::on(&data).now();
    let count = |query: &str| {
        let page = server.client().get(&format!("/v1/orgs/acme/events?limit=1000&from=-1d&{query}"));
        page.expect(200)["events"].as_array().unwrap().len()
    };
    assert_eq!(count("actor=u_0"), EVENTS / (PERSONS + 1), "found by what is left");
    assert_eq!(count(&format!("actor=mail{PERSONS}@marchbanks.example")), EVENTS / (PERSONS + 1));
    server.stop();
}
