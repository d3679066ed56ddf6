//! Every sync that the binary makes is needed, and its absence is noticed: each is left out in turn, from each place in
//! the program that makes it, and in the durable image of some moment acknowledged events must be missing, or the start
//! must be refused. Where leaving one out is harmless, `HARMLESS` says why, and the test holds that too.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use actarium_tests::powercut::copy_folder;
use actarium_tests::server::BRISK;
use actarium_tests::{Client, Cut, Disk, Ledger, Random, Start, load, program, walk};
use serde_json::json;

/// The same events in each life, so that the lives make the same syncs.
const SEED: u64 = 7;

/// Syncs without which nothing acknowledged is lost: kind, path, and why they are there.
const HARMLESS: &[(&str, &str, &str)] = &[];

fn organizations() -> Vec<String> {
    ["acme", "globex"].map(str::to_owned).to_vec()
}

/// A path with what differs from run to run replaced by `*`.
fn class_of(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        let varies = stem.len() >= 16 && stem.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if varies { part.replacen(stem, "*", 1) } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A place in the program that syncs, and what it syncs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sync {
    kind: String,
    path: String,
    site: String,
}

/// One life of a server with every kind of durable change in it. After each step what is durable is a possible end;
/// `look` is shown a copy of each, with the account of what was acknowledged until then, and may end the life.
fn live(ignore: Option<String>, look: &mut dyn FnMut(&str, &Path, &Ledger, &str) -> bool) -> Vec<String> {
    let disk = Disk::new();
    let mut random = Random::new(SEED);
    let ledger = Ledger::default();
    let server =
        Start::on_disk(&disk, Cut { ignore, ..Cut::default() }).with(BRISK).with(&["--seal-automatic=false"]).now();
    let client = server.client();
    let token = server.token.clone();
    let mut image = |step: &str, ledger: &Ledger| {
        let copy = tempfile::tempdir().expect("a temporary folder");
        copy_folder(&disk.durable(), copy.path());
        look(step, &copy.path().join("data"), ledger, &token)
    };
    type Step<'a> = (&'static str, &'a mut dyn FnMut());
    let record = |requests: usize, random: &mut Random| {
        for _ in 0..requests {
            let number = ledger.begin(load::request(random, &organizations()));
            assert!(matches!(load::send(&client, &ledger, number), Some(200 | 201)));
        }
    };
    let seal = || walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    let random = std::cell::RefCell::new(&mut random);
    let steps: &mut [Step<'_>] = &mut [
        ("started", &mut || {}),
        ("organizations made", &mut || {
            for slug in organizations() {
                client.organization(&slug);
                ledger.made(&slug);
            }
        }),
        ("recorded", &mut || record(6, &mut random.borrow_mut())),
        ("write-ahead log moved", &mut || fill_write_ahead_log(&client, &ledger, &mut random.borrow_mut())),
        ("recorded after it", &mut || record(4, &mut random.borrow_mut())),
        ("sealed", &mut || seal()),
        ("recorded after the seal", &mut || record(4, &mut random.borrow_mut())),
        ("sealed and merged", &mut || {
            for _ in 0..9 {
                record(2, &mut random.borrow_mut());
                seal();
            }
        }),
        ("recorded at last", &mut || record(3, &mut random.borrow_mut())),
    ];
    for (name, step) in steps {
        step();
        if !image(name, &ledger) {
            server.kill();
            return disk.log();
        }
    }
    server.stop();
    image("stopped", &ledger);
    disk.log()
}

/// Records until the write-ahead log has been moved into the database and begun anew.
fn fill_write_ahead_log(client: &Client, ledger: &Ledger, random: &mut Random) {
    for _ in 0..24 {
        let mut request = load::request(random, &organizations());
        request.events = (0..40).map(|_| load::event(random, true)).collect();
        request.key = None;
        for event in &mut request.events {
            for key in 0..40 {
                let noise: String = (0..30).map(|_| format!("{:016x}", random.bits())).collect();
                event["metadata"][format!("noise.{key}")] = json!(noise);
            }
        }
        let number = ledger.begin(request);
        assert_eq!(load::send(client, ledger, number), Some(201));
    }
    // The move happens beside the commits.
    std::thread::sleep(Duration::from_millis(500));
}

/// Whether a durable image holds what was acknowledged.
fn verify(data: &Path, ledger: &Ledger, token: &str) -> Result<(), String> {
    let server = match Start::on(data).with(BRISK).try_now() {
        Ok(server) => server,
        Err(ended) => return Err(format!("does not start: {}", ended.stderr.lines().last().unwrap_or_default())),
    };
    let client = Client::new(&server.url, token);
    let outcome = match client.get("/v1/orgs").status {
        200 => walk::check(&client, &ledger.copy(), &ledger.organizations()),
        status => Err(format!("the operator's token is no longer accepted: {status}")),
    };
    server.kill();
    outcome
}

/// The first image in which something is missing; `None` when nothing ever is.
fn noticed(ignore: &str) -> Option<String> {
    let mut found = None;
    live(Some(ignore.to_owned()), &mut |step, data, ledger, token| {
        found = verify(data, ledger, token).err().map(|wrong| format!("{step}: {wrong}"));
        found.is_none()
    });
    found
}

fn syncs_of(log: &[String]) -> Vec<Sync> {
    let mut found = BTreeMap::new();
    for line in log {
        let parts: Vec<&str> = line.split(' ').collect();
        if let [kind @ ("fsync" | "fdatasync" | "fsync-dir"), path, site, ..] = parts[..] {
            let sync = Sync { kind: kind.to_owned(), path: class_of(path), site: site.to_owned() };
            *found.entry(sync).or_insert(0) += 1;
        }
    }
    found.into_keys().collect()
}

/// The program's functions at a site, innermost first, where `addr2line` is installed.
fn place(log: &[String], site: &str) -> String {
    let prefix = format!("site {site} ");
    let Some(addresses) = log.iter().find_map(|line| line.strip_prefix(&prefix)) else { return String::new() };
    let mut command = Command::new("addr2line");
    command.args(["-f", "-C", "-s", "-e"]).arg(program::actarium()).args(addresses.split(' '));
    let Ok(output) = command.output() else { return String::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    let functions = text.lines().step_by(2).filter(|name| name.contains("actarium"));
    functions.take(3).collect::<Vec<_>>().join(" < ")
}

#[test]
fn leaving_out_any_sync_is_noticed() {
    let mut images = 0;
    let log = live(None, &mut |step, data, ledger, token| {
        images += 1;
        verify(data, ledger, token).unwrap_or_else(|wrong| panic!("with every sync in place, {step}: {wrong}"));
        true
    });
    let syncs = syncs_of(&log);
    println!(
        "{images} moments, {} syncs from {} places",
        syncs.len(),
        log.iter().filter(|line| line.starts_with("site ")).count()
    );
    let mut wrong = Vec::new();
    for sync in &syncs {
        let rule = format!("{}:{}", sync.kind, sync.site);
        let found = noticed(&rule);
        let harmless = HARMLESS.iter().find(|(kind, path, _)| *kind == sync.kind && *path == sync.path);
        let said = format!("{} {} {} [{}]", sync.kind, sync.path, sync.site, place(&log, &sync.site));
        match (&found, harmless) {
            (Some(loss), _) => println!("{said}: noticed, {loss}"),
            (None, Some((_, _, reason))) => println!("{said}: harmless, {reason}"),
            (None, None) => {
                println!("{said}: NOT NOTICED");
                wrong.push(said);
            }
        }
    }
    assert!(wrong.is_empty(), "may be left out without being noticed:\n{}", wrong.join("\n"));
}
