//! A short run of the fuzz target of SCIM; `fuzz/README.md` says how to run such targets long.

#[path = "../../../fuzz/mutate.rs"]
mod mutate;

use actarium_server::scim::filter::{self, Filter};
use actarium_server::scim::listing::Query;
use actarium_server::scim::path::Scope;
use actarium_server::scim::schema::ResourceType;
use actarium_server::scim::{Attributes, content, evaluate, patch};
use serde_json::{Value, json};

const PIECES: &[&str] = &[
    "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[",
    "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:SearchRequest\"],\"filter\":\"",
    "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"",
    "{\"op\":\"add\",\"path\":\"",
    "{\"op\":\"replace\",\"path\":\"emails[type eq \\\"work\\\"].value\",\"value\":",
    "{\"op\":\"remove\",\"path\":\"members[value eq \\\"usr_1\\\"]\"}",
    "\"value\":[{\"value\":\"usr_2\"}]",
    "urn:ietf:params:scim:schemas:core:2.0:User:",
    "userName eq \"a\"",
    "emails[type eq \"work\" and value co \"@\"]",
    "not (title pr)",
    " and ",
    " or ",
    "meta.created gt \"2026-01-01T00:00:00Z\"",
    "name.familyName",
    "\\\"",
    "(",
    ")",
    "[",
    "]",
    "null",
    "true",
    "é",
];

fn resource(resource_type: ResourceType) -> Attributes {
    let resource = match resource_type {
        ResourceType::User => json!({
            "userName": "ada@example.com", "name": {"givenName": "Ada"}, "active": true,
            "emails": [{"value": "ada@example.com", "type": "work", "primary": true}],
        }),
        ResourceType::Group => json!({"displayName": "Team", "members": [{"value": "usr_1"}, {"value": "usr_2"}]}),
    };
    resource.as_object().cloned().unwrap_or_default()
}

/// Whatever comes in, it is understood or refused with a reason; what a change makes could have been sent whole; a filter and
/// its opposite never both hold.
fn scim(input: &[u8]) -> u64 {
    let mut words = String::new();
    let text = String::from_utf8_lossy(input);
    for resource_type in ResourceType::ALL {
        match filter::parse(&text, Scope::Resources(&[resource_type])) {
            Ok(read) => {
                let resource = resource(resource_type);
                let holds = evaluate::matches(&read, &resource);
                assert_ne!(holds, evaluate::matches(&Filter::Not(Box::new(read)), &resource));
                words.push_str(if holds { "holds" } else { "does not" });
            }
            Err(refused) => words.push_str(&refused.detail),
        }
        if let Err(refused) = filter::parse_target(&text, Scope::Resources(&[resource_type])) {
            assert!(!refused.detail.is_empty());
        }
        let Ok(body) = content::parse(input) else { continue };
        match content::resource(resource_type, &body) {
            Ok(made) => words.push_str(&format!("made {}", made.len())),
            Err(refused) => words.push_str(&refused.detail),
        }
        if let Err(refused) = Query::from_message(&[resource_type], &body) {
            words.push_str(&refused.detail);
        }
        let mut after = resource(resource_type);
        match patch::apply(resource_type, &mut after, &body) {
            Ok(()) => {
                let mut whole = Value::Object(after.clone());
                whole["schemas"] = json!([resource_type.schema()]);
                assert_eq!(content::resource(resource_type, &whole), Ok(after), "a change made what cannot be sent");
                words.push_str("changed");
            }
            Err(refused) => words.push_str(&refused.detail),
        }
    }
    mutate::outcome(&words)
}

#[test]
fn scim_is_understood_or_refused() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"));
    mutate::fuzz(folder, &mutate::Target { name: "scim", run: scim, dictionary: PIECES });
}
