//! A disk that is full takes no events; what is revoked then is revoked all the same.

use std::time::Duration;

use actarium_tests::mount::SmallDisk;
use actarium_tests::server::BRISK;
use actarium_tests::{Client, Ledger, Random, Start, load, walk};
use serde_json::json;

fn organizations() -> Vec<String> {
    ["acme", "globex"].map(str::to_owned).to_vec()
}

/// Sends one new request; `None` or the status.
fn one(client: &Client, ledger: &Ledger, random: &mut Random) -> Option<u16> {
    load::send(client, ledger, ledger.begin(load::request(random, &organizations())))
}

/// Events are refused and reads go on; so that nobody has to watch a stolen credential read, there is room left to revoke it.
#[test]
fn what_is_revoked_on_a_full_disk_is_revoked() {
    let mut random = Random::from_env("what_is_revoked_on_a_full_disk_is_revoked");
    let Some(disk) = SmallDisk::mount(24) else { return };
    let data = disk.path().join("data");
    let ledger = Ledger::default();
    let server = Start::on(&data).with(BRISK).now();
    // The room is set aside by now, and little is left beside it.
    let ballast = disk.ballast(17);
    let client = server.client();
    for organization in organizations() {
        client.organization(&organization);
    }
    let secret_of = |name: &str| {
        let made = client.post("/v1/orgs/acme/on-prem-keys", &json!({ "name": name })).expect(201);
        (made["id"].as_str().expect("an id").to_owned(), made["secret"].as_str().expect("a secret").to_owned())
    };
    let keys: Vec<(String, String)> = (0..20).map(|number| secret_of(&format!("Key {number}"))).collect();
    // A key may not read: who is let through is told apart from who is not known by 403 and 401.
    let known = |url: &str, secret: &str| Client::new(url, secret).get("/v1/orgs/acme/events").status == 403;
    assert!(keys.iter().all(|(_, secret)| known(&server.url, secret)));
    let full = (0..3000).any(|_| (0..3).all(|_| one(&client, &ledger, &mut random) == Some(503)));
    assert!(full, "3 MiB are full at some time");
    for (id, secret) in &keys {
        let revoked = client.send("DELETE", &format!("/v1/orgs/acme/on-prem-keys/{id}"), &[], Vec::new());
        let revoked = revoked.expect("an answer");
        assert_eq!(revoked.status, 204, "{}", revoked.text());
        assert!(!known(&server.url, secret));
        assert_eq!(one(&client, &ledger, &mut random), Some(503), "the room is not for events");
    }
    assert_eq!(client.get("/v1/orgs/acme/events?action=component.*").status, 200);
    std::fs::remove_file(&ballast).expect("the ballast goes");
    let recovers = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        matches!(one(&client, &ledger, &mut random), Some(200 | 201))
    });
    assert!(recovers, "does not take events again");
    walk::check(&client, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
    server.kill();
    let server = Start::on(&data).with(BRISK).now();
    let client = server.client();
    assert!(keys.iter().all(|(_, secret)| !known(&server.url, secret)), "what was answered is durable");
    walk::check(&client, &ledger, &organizations()).unwrap_or_else(|wrong| panic!("{wrong}"));
    server.stop();
}
