//! The power goes: everything that was not synced is forgotten. What was acknowledged is there afterwards, and taking any
//! one sync away is noticed.

use std::sync::Arc;
use std::time::Duration;

use actarium_tests::load::{self, Load};
use actarium_tests::{Client, Cut, Disk, Ledger, Random, Start, walk};

const ORGANIZATIONS: [&str; 3] = ["acme", "globex", "initech"];
/// How long the shim may take to end the process.
const CUT_WITHIN: Duration = Duration::from_secs(30);

fn organizations() -> Vec<String> {
    ORGANIZATIONS.map(str::to_owned).to_vec()
}

fn create_organizations(client: &Client) {
    for organization in ORGANIZATIONS {
        client.organization(organization);
    }
}

/// Records some requests one after the other, all acknowledged.
fn record(client: &Client, ledger: &Ledger, requests: usize, random: &mut Random) {
    for _ in 0..requests {
        let number = ledger.begin(load::request(random, &organizations()));
        let status = load::send(client, ledger, number);
        assert!(matches!(status, Some(200 | 201)), "answered {status:?}");
    }
}

fn check_and_complete(client: &Client, ledger: &Ledger, disk: &Disk) {
    let outcome = walk::check(client, ledger, &organizations());
    let outcome = outcome.and_then(|()| walk::complete(client, ledger, &organizations()));
    outcome.unwrap_or_else(|wrong| panic!("{wrong}\n{}", disk.account()));
}

#[test]
fn nothing_acknowledged_is_lost_by_power_cuts() {
    const ROUNDS: u32 = 10;
    /// Events acknowledged before each cut on average, at least.
    const EVENTS_PER_ROUND_MIN: usize = 100;
    let mut random = Random::from_env("nothing_acknowledged_is_lost_by_power_cuts");
    let mut disk = Disk::new();
    let ledger = Arc::new(Ledger::default());
    for round in 0..ROUNDS {
        // In turns: nothing unsynced survives, and any part of it does.
        let survivors = (round % 2 == 1).then(|| random.bits());
        let cut = Cut { survivors, sync_microseconds: random.below(3000), ..Cut::default() };
        let mut server = Start::on_disk(&disk, cut).in_motion().now();
        let client = server.client();
        create_organizations(&client);
        check_and_complete(&client, &ledger, &disk);
        let load = Load::start(&client, &ledger, &organizations(), 5, &mut random);
        let sealing = std::thread::spawn({
            let (client, mut random) = (client.clone(), random.split());
            move || {
                std::thread::sleep(Duration::from_millis(random.below(400)));
                while client.send("POST", "/v1/admin/seal", &[], Vec::new()).is_ok() {}
            }
        });
        std::thread::sleep(Duration::from_millis(100 + random.below(500)));
        load.until(&ledger, (round as usize + 1) * EVENTS_PER_ROUND_MIN);
        assert!(disk.command("cut"), "the server runs");
        assert!(server.ended_within(CUT_WITHIN), "the power went");
        load.stop();
        sealing.join().expect("the sealing client");
        drop(server);
        disk.restore();
    }
    let server = Start::on(&disk.living().join("data")).in_motion().now();
    let client = server.client();
    check_and_complete(&client, &ledger, &disk);
    walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    walk::check(&client, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("all sealed: {wrong}"));
    println!("{ROUNDS} cuts, {} events acknowledged", ledger.acknowledged());
    assert!(ledger.acknowledged() >= ROUNDS as usize * EVENTS_PER_ROUND_MIN, "too little load to prove anything");
    walk::stop_and_recompute(server, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// A killed process may leave events written and not synced. The next one sees them, and what it says about them (found,
/// already recorded) must then be durable too.
#[test]
fn what_is_said_of_a_killed_process_s_events_is_durable() {
    const ROUNDS: u32 = 6;
    let mut random = Random::from_env("what_is_said_of_a_killed_process_s_events_is_durable");
    let mut disk = Disk::new();
    let ledger = Arc::new(Ledger::default());
    let mut resent = 0;
    for round in 0..ROUNDS {
        // Slow syncs, so that kills fall into them.
        let slow = Cut { sync_microseconds: 20_000, ..Cut::default() };
        let server = Start::on_disk(&disk, slow).in_motion().now();
        let client = server.client();
        create_organizations(&client);
        let load = Load::start(&client, &ledger, &organizations(), 4, &mut random);
        std::thread::sleep(Duration::from_millis(100 + random.below(300)));
        server.kill();
        load.stop();
        // The power stays on: the folder is as the process left it.
        disk.go_on();
        let mut server = Start::on_disk(&disk, Cut::default()).in_motion().now();
        let again = walk::complete(&server.client(), &ledger, &organizations());
        resent += again.unwrap_or_else(|wrong| panic!("round {round}, killed: {wrong}\n{}", disk.account()));
        assert!(disk.command("cut"), "the server runs");
        assert!(server.ended_within(CUT_WITHIN), "the power went");
        drop(server);
        disk.restore();
        let server = Start::on(&disk.living().join("data")).in_motion().now();
        let outcome = walk::check(&server.client(), &ledger, &organizations());
        outcome.unwrap_or_else(|wrong| panic!("round {round}, killed and cut: {wrong}\n{}", disk.account()));
        server.stop();
    }
    assert!(resent > 0, "no kill left a request without an answer");
}

/// Every step of a seal and of a merge at which the power may go, as points of the shim.
const SEALING_POINTS: [&str; 14] = [
    "after:mkdir:data/segments/*:1",
    "after:create:data/segments/*:1",
    "after:write:data/segments/*:1",
    "before:fsync:data/segments/*:1",
    "after:fsync:data/segments/*:1",
    "before:rename:data/segments/*:1",
    "after:rename:data/segments/*:1",
    "before:fsync-dir:data/segments/*:1",
    "after:fsync-dir:data/segments/*:1",
    "before:fsync:data/*-wal:1",
    "after:fsync:data/*-wal:1",
    "after:fsync:data/*-wal:2",
    "before:unlink:data/segments/*:1",
    "after:unlink:data/segments/*:1",
];

#[test]
fn a_cut_at_any_step_of_a_seal_loses_and_doubles_nothing() {
    let mut random = Random::from_env("a_cut_at_any_step_of_a_seal_loses_and_doubles_nothing");
    let mut reached = 0;
    for point in SEALING_POINTS {
        for survivors in [None, Some(random.bits())] {
            reached += usize::from(cut_while_sealing(point, survivors, &mut random));
        }
    }
    // A seal need not rename or make a folder, so some points may not be met; most are.
    assert!(reached >= SEALING_POINTS.len(), "only {reached} of {} cuts happened", 2 * SEALING_POINTS.len());
}

/// Returns whether the point was reached.
fn cut_while_sealing(point: &str, survivors: Option<u64>, random: &mut Random) -> bool {
    let mut disk = Disk::new();
    let ledger = Arc::new(Ledger::default());
    let mut server = Start::on_disk(&disk, Cut { survivors, ..Cut::default() }).in_motion().now();
    let client = server.client();
    create_organizations(&client);
    if point.contains("unlink") || point.contains("-wal:2") {
        // Segments to merge, so that there are some to remove.
        for _ in 0..10 {
            record(&client, &ledger, 3, random);
            walk::seal(&client).unwrap_or_else(|wrong| panic!("{point}: {wrong}"));
        }
    }
    record(&client, &ledger, 8, random);
    assert!(disk.command(&format!("at {point}")));
    let answer = client.send("POST", "/v1/admin/seal", &[], Vec::new());
    let cut = answer.is_err();
    if cut {
        assert!(server.ended_within(CUT_WITHIN), "{point}: the power went");
        drop(server);
    } else {
        server.kill();
    }
    println!("{point}, survivors {survivors:?}: {}", if cut { "cut" } else { "not reached" });
    disk.restore();
    let server = Start::on(&disk.living().join("data")).in_motion().now();
    let client = server.client();
    check_and_complete(&client, &ledger, &disk);
    walk::seal(&client).unwrap_or_else(|wrong| panic!("{point}: {wrong}\n{}", disk.account()));
    walk::check(&client, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{point}, sealed: {wrong}"));
    assert_eq!(walk::stray_files(&client, &server.data), Vec::<String>::new(), "{point}");
    let recomputed = walk::stop_and_recompute(server, &ledger, &organizations());
    recomputed.unwrap_or_else(|wrong| panic!("{point}: {wrong}"));
    cut
}

#[test]
fn the_shim_sees_everything_that_is_written() {
    let mut random = Random::from_env("the_shim_sees_everything_that_is_written");
    let disk = Disk::new();
    let ledger = Arc::new(Ledger::default());
    let server = Start::on_disk(&disk, Cut::default()).in_motion().now();
    let client = server.client();
    create_organizations(&client);
    for _ in 0..4 {
        record(&client, &ledger, 10, &mut random);
        walk::seal(&client).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
    // What is written by itself after the seals: merges, checkpoints.
    std::thread::sleep(Duration::from_millis(500));
    // What is kept free has no content.
    let unseen: Vec<String> = disk.audit().into_iter().filter(|line| line != "written unseen data/reserve").collect();
    assert_eq!(unseen, Vec::<String>::new(), "written beside the shim: the tests above prove nothing about these");
    server.kill();
}
