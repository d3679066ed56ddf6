//! Exports that the service makes in the background, by commands.

use serde_json::{Value, json};

use crate::server::{Server, json_lines};

#[test]
fn an_export_is_made_listed_downloaded_and_deleted() {
    let server = Server::start();
    server.done(&["org", "create", "acme", "--name", "Acme Inc."]);
    let event = |id: &str| {
        let targets = json!([{"type": "component", "id": id}]);
        json!({"action": "component.deploy", "actor": {"type": "user", "id": "u_1"}, "targets": targets})
    };
    for id in ["orders", "carts"] {
        let output = server.fed(&["emit", "--org", "acme", "-"], event(id).to_string().as_bytes());
        assert!(output.status.success(), "{output:?}");
    }
    let make = ["exports", "make", "--org", "acme", "--action", "component.deploy", "--wait", "--json"];
    let made: Value =
        json_lines(&server.done(&[&make[..], &["--format", "csv", "--", "-target:carts"]].concat()))[0].clone();
    assert_eq!(
        (&made["state"], &made["events"], &made["format"]),
        (&json!("done"), &json!(1), &json!("csv")),
        "{made}"
    );
    let id = made["id"].as_str().unwrap();
    let listed = server.done(&["exports", "list", "--org", "acme"]);
    assert!(listed.contains(id) && listed.contains("done"), "{listed}");
    let file = server.path("orders.csv");
    server.done(&["exports", "get", "--org", "acme", id, "-o", &file.display().to_string()]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().count() == 2 && text.contains("orders") && !text.contains("carts"), "{text}");
    assert_eq!(server.done(&["exports", "get", "--org", "acme", id]), text);
    server.done(&["exports", "delete", "--org", "acme", id, "--yes"]);
    assert!(server.refused(1, &["exports", "get", "--org", "acme", id]).contains("no such export"));
    assert!(server.refused(1, &["exports", "make", "--org", "acme", "outcom:denied"]).contains("outcom"));
}
