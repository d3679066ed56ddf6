//! Every sync that the binary makes is needed, and its absence is noticed: each is left out in turn, from each place in
//! the program that makes it, and in the durable image of some moment acknowledged events must be missing, or the start
//! must be refused. Where leaving one out is harmless, `HARMLESS` says why, and the test holds that too.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use actarium_tests::powercut::copy_folder;
use actarium_tests::{Client, Cut, Disk, Ledger, Random, Start, load, program, walk};

/// The same events in each life, so that the lives make the same syncs.
const SEED: u64 = 7;

/// Syncs without which nothing acknowledged is lost: kind, path, and why they are there.
const HARMLESS: &[(&str, &str, &str)] = &[
    (
        "fsync",
        "data/actarium.db.partial-journal",
        "it guards a database that has no name yet; one that is cut short is made anew",
    ),
    (
        "fsync",
        "data/actarium.db-journal",
        "it guards the one sector that says WAL, before the first event; a sector is written whole or not",
    ),
];

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
        Start::on_disk(&disk, Cut { ignore, ..Cut::default() }).in_motion().with(&["--seal-automatic=false"]).now();
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
        ("write-ahead log moved", &mut || log_is_moved(&disk)),
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

/// Waits until the server, being idle, has moved its write-ahead log into the database and emptied it.
fn log_is_moved(disk: &Disk) {
    let emptied = || disk.log().iter().filter(|line| *line == "truncate data/actarium.db-wal").count();
    let before = emptied();
    // Long, for a machine that has other things to do.
    for _ in 0..1_200 {
        if emptied() > before {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the write-ahead log is not moved while nothing happens");
}

/// Whether a durable image holds what was acknowledged.
fn verify(data: &Path, ledger: &Ledger, token: &str) -> Result<(), String> {
    let server = match Start::on(data).in_motion().try_now() {
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

/// Moments of a first start, as points of the shim: after each change of a name and each sync.
fn moments_of_first_start() -> Vec<String> {
    let disk = Disk::new();
    Start::on_disk(&disk, Cut::default()).now().kill();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut moments = Vec::new();
    for line in disk.log() {
        let parts: Vec<&str> = line.split(' ').collect();
        if let [kind @ ("create" | "rename" | "unlink" | "mkdir" | "fsync" | "fsync-dir"), path, ..] = parts[..] {
            let count = seen.entry(format!("{kind}:{path}")).or_insert(0);
            *count += 1;
            moments.push(format!("after:{kind}:{path}:{count}"));
        }
    }
    moments
}

/// A first start that is cut short at a moment, and a second one on what that left. `None` when the second one works.
fn second_start_after(moment: &str, ignore: Option<String>, power_stays_on: bool) -> Option<String> {
    let mut disk = Disk::new();
    let first = Start::on_disk(&disk, Cut { at: Some(moment.to_owned()), ignore, ..Cut::default() }).try_now();
    if let Ok(mut server) = first {
        // The moment comes while it already listens, or just after.
        if !server.ended_within(Duration::from_millis(300)) {
            assert!(disk.command("cut"), "the server runs");
            assert!(server.ended_within(Duration::from_secs(10)), "the power went");
        }
    }
    if power_stays_on {
        // Killed, not cut: started again on the same folder, and the power goes only then.
        disk.go_on();
        let again = Start::on_disk(&disk, Cut::default()).try_now();
        let mut again = match again {
            Ok(server) => server,
            Err(ended) => return Some(format!("does not start again: {}", ended.stderr)),
        };
        again.client().organization("acme");
        assert!(disk.command("cut"), "the server runs");
        assert!(again.ended_within(Duration::from_secs(10)), "the power went");
    }
    disk.restore();
    let server = match Start::on(&disk.living().join("data")).try_now() {
        Ok(server) => server,
        Err(ended) => return Some(format!("does not start: {}", ended.stderr)),
    };
    let client = server.client();
    let kept = !power_stays_on || client.get("/v1/orgs").text().contains("\"acme\"");
    client.organization("globex");
    let recorded = client.post("/v1/orgs/globex/events", &load::event(&mut Random::new(SEED), true)).status;
    server.stop();
    if !kept {
        return Some("an organization that was made is gone".to_owned());
    }
    (recorded != 201).then(|| format!("records nothing: {recorded}"))
}

#[test]
fn a_first_start_may_be_cut_short_at_any_moment() {
    let moments = moments_of_first_start();
    assert!(moments.len() > 15, "{moments:?}");
    for moment in &moments {
        for power_stays_on in [false, true] {
            let wrong = second_start_after(moment, None, power_stays_on);
            assert_eq!(wrong, None, "{moment}, power stays on: {power_stays_on}");
        }
    }
    println!("{} moments", moments.len());
}

/// What goes wrong without a sync; `None` when nothing does.
fn noticed(ignore: &str) -> Option<String> {
    lost_by(ignore).or_else(|| {
        let mut named =
            moments_of_first_start().into_iter().filter(|moment| moment.starts_with("after:fsync-dir:data:"));
        named.find_map(|moment| {
            let wrong = second_start_after(&moment, Some(ignore.to_owned()), false)?;
            Some(format!("first start cut {moment}: {}", wrong.lines().last().unwrap_or_default()))
        })
    })
}

/// The first image in which something is missing; `None` when nothing ever is.
fn lost_by(ignore: &str) -> Option<String> {
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

/// Syncs by what they sync; with `EVERY_SITE` in the environment also by the chain of calls they come from.
fn rules(log: &[String]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for sync in syncs_of(log) {
        let class = format!("{} {}", sync.kind, sync.path);
        found.insert(format!("{}:{}", sync.kind, sync.path), class.clone());
        if std::env::var_os("EVERY_SITE").is_some() {
            let rule = format!("{}:{}", sync.kind, sync.site);
            found.insert(rule, format!("{class} {} [{}]", sync.site, place(log, &sync.site)));
        }
    }
    found
}

#[test]
fn leaving_out_any_sync_is_noticed() {
    let mut images = 0;
    let log = live(None, &mut |step, data, ledger, token| {
        images += 1;
        verify(data, ledger, token).unwrap_or_else(|wrong| panic!("with every sync in place, {step}: {wrong}"));
        true
    });
    let rules = rules(&log);
    println!("{images} moments, {} kinds of syncs", rules.len());
    let mut wrong = Vec::new();
    for (rule, said) in &rules {
        let harmless = HARMLESS.iter().find(|(kind, path, _)| said == &format!("{kind} {path}"));
        match (noticed(rule), harmless) {
            (Some(loss), None) => println!("{said}: noticed, {loss}"),
            (None, Some((_, _, reason))) => println!("{said}: harmless, {reason}"),
            (Some(loss), Some(_)) => wrong.push(format!("{said} is said to be harmless, but {loss}")),
            (None, None) => {
                println!("{said}: NOT NOTICED");
                wrong.push(format!("{said} may be left out without being noticed"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
