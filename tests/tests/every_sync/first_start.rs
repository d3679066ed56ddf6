//! A first start may be cut short at any moment, by the power or by a kill that leaves it on: the next one works, and what it
//! says is durable.

use std::collections::BTreeMap;
use std::time::Duration;

use actarium_tests::{Cut, Disk, Random, Start, load};

const SEED: u64 = 7;

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
fn second_start_after(moment: &str, power_stays_on: bool) -> Option<String> {
    let mut disk = Disk::new();
    let first = Start::on_disk(&disk, Cut { at: Some(moment.to_owned()), ..Cut::default() }).try_now();
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
            let wrong = second_start_after(moment, power_stays_on);
            assert_eq!(wrong, None, "{moment}, power stays on: {power_stays_on}");
        }
    }
    println!("{} moments", moments.len());
}
