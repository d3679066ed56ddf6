//! The process is killed with SIGKILL at random moments, again and again, under load from several clients and with
//! sealing and merging going on. After each restart every acknowledged event is there once, in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actarium_tests::load::Load;
use actarium_tests::{Client, Ledger, Random, Start, walk};

/// Kills at least.
const ROUNDS: u32 = 32;
const CLIENTS: usize = 5;
/// Events acknowledged for each kill on average, at least.
const EVENTS_PER_ROUND_MIN: usize = 70;

/// Asks for seals all the time, so that kills fall into them.
fn seal_until(client: Client, stop: Arc<AtomicBool>, mut random: Random) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(random.below(120)));
            if client.send("POST", "/v1/admin/seal", &[], Vec::new()).is_err() {
                return;
            }
        }
    })
}

/// Rounds on one folder: what is checked after each kill grows with the log, so there are several folders.
const ROUNDS_PER_FOLDER: u32 = 8;

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    let mut random = Random::from_env("nothing_acknowledged_is_lost_by_kills");
    let mut acknowledged = 0;
    for _ in 0..ROUNDS / ROUNDS_PER_FOLDER {
        acknowledged += kill_again_and_again(&mut random);
    }
    println!("{ROUNDS} kills, {acknowledged} events acknowledged");
    // All rounds of a folder but its first are waited for.
    let least = (ROUNDS - ROUNDS / ROUNDS_PER_FOLDER) as usize * EVENTS_PER_ROUND_MIN;
    assert!(acknowledged >= least, "too little load to prove anything: {acknowledged}");
}

/// Returns how many events were acknowledged.
fn kill_again_and_again(random: &mut Random) -> usize {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let organizations: Vec<String> = ["acme", "globex", "initech", "umbrella"].map(str::to_owned).to_vec();
    let ledger = Arc::new(Ledger::default());
    for round in 0..ROUNDS_PER_FOLDER {
        let server = Start::on(&data).in_motion().now();
        let client = server.client();
        for organization in &organizations {
            client.organization(organization);
        }
        check_and_complete(&client, &ledger, &organizations, round);
        let load = Load::start(&client, &ledger, &organizations, CLIENTS, random);
        let sealing_stops = Arc::new(AtomicBool::new(false));
        let sealing = seal_until(client.clone(), sealing_stops.clone(), random.split());
        std::thread::sleep(Duration::from_millis(random.below(350)));
        load.until(&ledger, round as usize * EVENTS_PER_ROUND_MIN);
        server.kill();
        sealing_stops.store(true, Ordering::Relaxed);
        load.stop();
        sealing.join().expect("the sealing client");
    }
    let server = Start::on(&data).in_motion().now();
    let client = server.client();
    check_and_complete(&client, &ledger, &organizations, ROUNDS_PER_FOLDER);
    walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    walk::check(&client, &ledger, &organizations).unwrap_or_else(|wrong| panic!("all sealed: {wrong}"));
    assert_eq!(walk::stray_files(&client, &data), Vec::<String>::new());
    walk::stop_and_recompute(server, &ledger, &organizations).unwrap_or_else(|wrong| panic!("{wrong}"));
    ledger.acknowledged()
}

fn check_and_complete(client: &Client, ledger: &Ledger, organizations: &[String], round: u32) {
    let outcome =
        walk::check(client, ledger, organizations).and_then(|()| walk::complete(client, ledger, organizations));
    outcome.unwrap_or_else(|wrong| panic!("round {round}: {wrong}"));
}
