//! What the offline verifier is made of: nothing that reaches a network, runs tasks or keeps a database.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;

use serde_json::Value;

/// Crates that would mean a runtime, a network, a database or a service of ours.
const FORBIDDEN: [&str; 14] = [
    "tokio",
    "async-std",
    "smol",
    "futures-util",
    "hyper",
    "axum",
    "ureq",
    "reqwest",
    "rustls",
    "rusqlite",
    "object_store",
    "actarium-store",
    "actarium-query",
    "actarium-server",
];

#[test]
fn nothing_in_its_tree_reaches_out() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args(["metadata", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names: HashMap<String, String> =
        metadata["packages"].as_array().unwrap().iter().map(|of| (text(&of["id"]), text(&of["name"]))).collect();
    let nodes: HashMap<String, &Value> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| (text(&node["id"]), node)).collect();
    let own = names.iter().find(|(_, name)| *name == "actarium-verify").unwrap().0.clone();
    let (mut seen, mut open) = (BTreeSet::new(), vec![own]);
    while let Some(id) = open.pop() {
        let linked =
            |dependency: &&Value| dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
        let dependencies = nodes[&id]["deps"].as_array().unwrap().iter().filter(linked);
        open.extend(dependencies.map(|dependency| text(&dependency["pkg"])).filter(|id| !seen.contains(&names[id])));
        seen.insert(names[&id].clone());
    }
    assert!(seen.contains("actarium-core") && seen.len() > 10, "{seen:?}");
    for name in FORBIDDEN {
        assert!(!seen.contains(name), "{name} is in the tree of the offline verifier: {seen:?}");
    }
}
