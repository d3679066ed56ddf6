//! The OpenAPI document: as it was, and whole.

use serde_json::Value;

use crate::client::Service;
use crate::snapshot::assert_same;

#[test]
fn the_document_is_as_it_was() {
    assert_same("openapi.json", &actarium_server::openapi::document());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = actarium_server::openapi::document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn it_is_served_to_everybody() {
    let service = Service::start();
    let answer = service.anonymous("GET", "/openapi.json").send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), actarium_server::openapi::document());
}
