//! Erasure and redaction by commands: one person asks, the operator approves.

use serde_json::{Value, json};

use crate::server::{PASSWORD, Person, Server, json_lines};

fn administered(server: &Server) -> Person<'_> {
    let password = server.path("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let password = password.display().to_string();
    let setup = ["setup", "--org", "acme", "--name", "Acme Inc.", "--email", "ada@example.com", "--person-name"];
    server.done(&[&setup[..], &["Ada Lovelace", "--password-file", &password]].concat());
    let ada = server.person("ada@example.com");
    ada.login();
    ada
}

fn recorded(server: &Server, event: &Value) {
    let output = server.fed(&["emit", "--org", "acme", "-"], event.to_string().as_bytes());
    assert!(output.status.success(), "{output:?}");
}

fn found(server: &Server, phrase: &str) -> Vec<Value> {
    json_lines(&server.done(&["search", "--org", "acme", "--json", phrase]))
}

#[test]
fn a_person_is_erased_and_a_record_redacted_by_commands() {
    let server = Server::start();
    let ada = administered(&server);
    let person = json!({"type": "user", "id": "u_777", "name": "Zebulon Marchbanks"});
    let event = |message: &str| {
        let targets = json!([{"type": "component", "id": "orders"}]);
        json!({"action": "component.deploy", "actor": person, "targets": targets, "message": message})
    };
    recorded(&server, &event("plain"));
    recorded(&server, &event("with tangerine"));

    let erase = ["erase", "--org", "acme", "--subject", "user:u_777"];
    let counted = ada.done(&erase);
    assert!(counted.lines().any(|line| line.split_whitespace().eq(["lose", "parts", "2"])), "{counted}");
    assert_eq!(json_lines(&ada.done(&["erasure", "list", "--org", "acme", "--json"])), Vec::<Value>::new());
    ada.refused(2, &[&erase[..], &["--yes"]].concat());
    let asked = ada.done(&[&erase[..], &["--reason", "Request 4711", "--yes"]].concat());
    let id = asked.lines().last().unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(asked.contains(&format!("actarium erasure approve --org acme {id}")), "{asked}");
    assert!(ada.refused(4, &["erasure", "approve", "--org", "acme", &id]).contains("second person"));
    let shown = ada.done(&["erasure", "show", "--org", "acme", &id]);
    assert!(shown.contains("user:u_777") && shown.contains("pending"), "{shown}");
    let done = server.done(&["erasure", "approve", "--org", "acme", &id, "--wait", "--json"]);
    assert_eq!(json_lines(&done)[0]["state"], "done", "{done}");
    assert!(found(&server, "action:component.deploy").iter().all(|event| event["erased"] == json!(["personal"])));
    let listed = ada.done(&["erasure", "list", "--org", "acme"]);
    assert!(listed.contains("2/2") && listed.contains("Request 4711"), "{listed}");

    let leaky = found(&server, "tangerine action:component.deploy")[0]["id"].as_str().unwrap().to_owned();
    let redact = ["redact", "--org", "acme", "--event", &leaky, "--pointer", "/message"];
    let redaction: Value =
        json_lines(&ada.done(&[&redact[..], &["--reason", "x", "--yes", "--json"]].concat()))[0].clone();
    let id = redaction["id"].as_str().unwrap();
    ada.done(&["redaction", "reject", "--org", "acme", id, "--reason", "Not yet"]);
    let rejected = ada.done(&["redaction", "show", "--org", "acme", id]);
    assert!(rejected.contains("rejected"), "{rejected}");
    let redaction: Value =
        json_lines(&ada.done(&[&redact[..], &["--reason", "x", "--yes", "--json"]].concat()))[0].clone();
    server.done(&["redaction", "approve", "--org", "acme", redaction["id"].as_str().unwrap(), "--wait", "-y"]);
    assert_eq!(found(&server, "tangerine action:component.deploy"), Vec::<Value>::new());
    assert_eq!(found(&server, "action:record.restate").len(), 1);
}

#[test]
fn what_was_erased_without_a_record_is_found_in_the_folder() {
    let mut server = Server::start();
    let ada = administered(&server);
    for number in 0..20 {
        let actor = json!({"type": "user", "id": format!("u_{}", number % 2), "name": "Zebulon Marchbanks"});
        let targets = json!([{"type": "component", "id": format!("c-{number}")}]);
        recorded(&server, &json!({"action": "component.deploy", "actor": actor, "targets": targets}));
    }
    let erase = ["erase", "--org", "acme", "--subject", "user:u_1", "--reason", "x", "--yes", "--json"];
    let id = json_lines(&ada.done(&erase))[0]["id"].as_str().unwrap().to_owned();
    server.done(&["erasure", "approve", "--org", "acme", &id, "--wait"]);
    let other = found(&server, "actor:u_0")[0]["seq"].as_u64().unwrap();
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let data = server.path("data");
    let verify = || server.run(&["verify", data.to_str().unwrap(), "--org", "acme"]);
    let sound = verify();
    assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stdout));

    // Somebody removes more than what was recorded, as the program itself would.
    let options = actarium_store::EngineOptions::new(&data);
    let clock = std::sync::Arc::new(actarium_store::SystemClock::new());
    let engine =
        actarium_store::Engine::open(options, clock, std::sync::Arc::new(actarium_store::SystemEntropy)).unwrap();
    let organization = engine.organization("acme").unwrap().id;
    let mut erasure = actarium_store::Erasure::new();
    erasure.add(actarium_core::erasure::ErasableParts::PERSONAL, std::iter::once(other..other + 1));
    assert_eq!(engine.erase_step(organization, &erasure, &[], 0).unwrap().unwrap().erased, 1);
    engine.shutdown();
    drop(engine);
    let wrong = verify();
    let said = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("event {other}: its personal part is gone, and no erasure on record says so")),
        "{said}"
    );
}
