//! Changes as the RFC describes them and as providers send them; random ones never panic and never make what could not
//! have been sent whole.

use super::*;
use crate::scim::schema::{GROUP_SCHEMA, USER_SCHEMA};
use proptest::prelude::*;
use serde_json::json;

fn ada() -> Value {
    json!({
        "userName": "ada@example.com",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@example.com", "type": "work", "primary": true}, {"value": "a@home.example", "type": "home"}],
        "active": true,
    })
}

fn team() -> Value {
    json!({"displayName": "Team", "members": [{"value": "usr_1"}, {"value": "usr_2"}]})
}

fn patched(resource_type: ResourceType, before: Value, operations: Value) -> Result<Value, Refused> {
    let Value::Object(mut attributes) = before else { unreachable!() };
    let body = json!({"schemas": [PATCH_SCHEMA], "Operations": operations});
    apply(resource_type, &mut attributes, &body)?;
    Ok(Value::Object(attributes))
}

fn user(operations: Value) -> Result<Value, Refused> {
    patched(ResourceType::User, ada(), operations)
}

fn group(operations: Value) -> Result<Value, Refused> {
    patched(ResourceType::Group, team(), operations)
}

#[test]
fn attributes_are_added_replaced_and_removed() {
    let after = user(json!([
        {"op": "add", "path": "title", "value": "Countess"},
        {"op": "Replace", "path": "NAME.familyName", "value": "King"},
        {"op": "add", "path": "name", "value": {"middleName": "B"}},
        {"op": "replace", "path": "active", "value": "False"},
        {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:locale", "value": "en-GB"},
        {"op": "remove", "path": "name.givenName"},
    ]));
    let after = after.unwrap();
    assert_eq!(after["title"], "Countess");
    assert_eq!(after["name"], json!({"familyName": "King", "middleName": "B"}));
    assert_eq!((&after["active"], &after["locale"]), (&json!(false), &json!("en-GB")));
    let after = user(json!([{"op": "remove", "path": "name"}, {"op": "replace", "path": "title", "value": null}]));
    assert!(after.unwrap().get("name").is_none());
}

#[test]
fn a_change_without_a_path_is_one_of_each_attribute() {
    let after = user(json!([{"op": "replace", "value": {
        "id": "usr_x", "schemas": [USER_SCHEMA], "displayName": "Ada L.", "name.givenName": "Augusta",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines"}, "nickName": "A",
    }}]));
    let after = after.unwrap();
    assert_eq!((&after["displayName"], &after["name"]["givenName"]), (&json!("Ada L."), &json!("Augusta")));
    assert_eq!(after.as_object().unwrap().len(), ada().as_object().unwrap().len() + 1);
}

#[test]
fn values_of_a_list_are_found_by_a_filter() {
    let after = user(json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "countess@example.com"},
        {"op": "add", "path": "emails[type eq \"other\"].value", "value": "x@other.example"},
        {"op": "remove", "path": "emails[type eq \"home\"]"},
        {"op": "remove", "path": "emails[type eq \"nothing\"]"},
    ]));
    let expected = json!([
        {"value": "countess@example.com", "type": "work", "primary": true},
        {"value": "x@other.example", "type": "other"},
    ]);
    assert_eq!(after.unwrap()["emails"], expected);
    let after = user(json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "h@x.example"}}]));
    assert_eq!(after.unwrap()["emails"][1], json!({"value": "h@x.example"}));
}

#[test]
fn only_one_value_is_primary() {
    let added = json!([{"op": "add", "path": "emails", "value": [{"value": "n@x.example", "primary": true}]}]);
    let after = user(added).unwrap();
    let primary: Vec<_> = after["emails"].as_array().unwrap().iter().map(is_primary).collect();
    assert_eq!(primary, [false, false, true]);
    let set = json!([{"op": "add", "path": "emails[type eq \"home\"].primary", "value": true}]);
    let after = user(set).unwrap();
    let primary: Vec<_> = after["emails"].as_array().unwrap().iter().map(is_primary).collect();
    assert_eq!(primary, [false, true]);
}

#[test]
fn members_come_and_go() {
    let ids = |after: Result<Value, Refused>| -> Vec<String> {
        let after = after.unwrap();
        let members = after.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    };
    let add =
        json!([{"op": "add", "path": "members", "value": [{"value": "usr_2", "type": "User"}, {"value": "usr_3"}]}]);
    assert_eq!(ids(group(add)), ["usr_1", "usr_2", "usr_3"]);
    assert_eq!(ids(group(json!([{"op": "remove", "path": "members[value eq \"usr_1\"]"}]))), ["usr_2"]);
    let listed = json!([{"op": "Remove", "path": "members", "value": [{"value": "usr_2"}, {"value": "usr_9"}]}]);
    assert_eq!(ids(group(listed)), ["usr_1"]);
    assert_eq!(ids(group(json!([{"op": "replace", "path": "members", "value": [{"value": "usr_7"}]}]))), ["usr_7"]);
    assert!(ids(group(json!([{"op": "remove", "path": "members"}]))).is_empty());
    assert!(ids(group(json!([{"op": "replace", "path": "members", "value": []}]))).is_empty());
}

#[test]
fn what_cannot_be_done_is_told() {
    let refusals = [
        (json!([]), ScimType::InvalidSyntax),
        (json!([{"op": "copy", "path": "title"}]), ScimType::InvalidSyntax),
        (json!([{"op": "add", "value": "x"}]), ScimType::InvalidSyntax),
        (json!([{"op": "add", "path": "title"}]), ScimType::InvalidValue),
        (json!([{"op": "add", "path": "title", "value": {}}]), ScimType::InvalidValue),
        (json!([{"op": "remove"}]), ScimType::NoTarget),
        (json!([{"op": "replace", "path": "emails[type eq \"x\"].value", "value": "a"}]), ScimType::NoTarget),
        (json!([{"op": "add", "path": "emails[type co \"x\"].value", "value": "a"}]), ScimType::NoTarget),
        (json!([{"op": "add", "path": "emails[type eq \"x\"].display", "value": "a"}]), ScimType::InvalidValue),
        (json!([{"op": "add", "path": "usrName", "value": "x"}]), ScimType::InvalidPath),
        (json!([{"op": "add", "path": "emails[type is x]", "value": "x"}]), ScimType::InvalidFilter),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), ScimType::Mutability),
        (json!([{"op": "replace", "path": "groups", "value": []}]), ScimType::Mutability),
        (json!([{"op": "remove", "path": "userName"}]), ScimType::Mutability),
        (json!([{"op": "replace", "path": "active", "value": null}]), ScimType::Mutability),
        (json!([{"op": "replace", "path": "userName", "value": ""}]), ScimType::Mutability),
        (json!([{"op": "remove", "path": "emails[value pr].value"}]), ScimType::Mutability),
        (json!(vec![json!({"op": "remove", "path": "title"}); limits::SCIM_OPERATIONS_MAX + 1]), ScimType::TooMany),
    ];
    for (operations, scim_type) in refusals {
        assert_eq!(user(operations.clone()).unwrap_err().scim_type, scim_type, "{operations}");
    }
    let exchange = json!([{"op": "replace", "path": "members[value eq \"usr_1\"]", "value": {"value": "usr_9"}}]);
    assert_eq!(group(exchange).unwrap_err().scim_type, ScimType::Mutability);
    let exchange = json!([{"op": "replace", "path": "members[value eq \"usr_1\"].value", "value": "usr_9"}]);
    assert_eq!(group(exchange).unwrap_err().scim_type, ScimType::Mutability);
}

#[test]
fn a_change_compares_only_so_much() {
    let members: Vec<Value> = (0..600).map(|number| json!({"value": format!("usr_{number}")})).collect();
    let terms: Vec<String> = (0..110).map(|number| format!("value eq \"usr_x{number}\"")).collect();
    let many = format!("members[{}]", terms.join(" or "));
    let after = |path: &str, count: usize| {
        let operations = vec![json!({"op": "remove", "path": path}); count];
        patched(ResourceType::Group, json!({"displayName": "Team", "members": members}), json!(operations))
    };
    // Each operation looks at 600 values with 110 terms and takes none out.
    let refused = after(&many, 248).unwrap_err();
    assert_eq!(refused.scim_type, ScimType::TooMany);
    assert!(refused.detail.starts_with("operation 75: ") && refused.detail.contains("5000000"), "{refused}");
    assert_eq!(after(&many, 75).unwrap()["members"].as_array().unwrap().len(), 600);
    // As many operations as there may be, each about one member, are within it.
    let one = after("members[value eq \"usr_7\"]", limits::SCIM_OPERATIONS_MAX).unwrap();
    assert_eq!(one["members"].as_array().unwrap().len(), 599);
    // Paths that are attributes of one operation's value count as well, and so does putting the list together anew.
    let paths = (0..80).map(|number| format!("members[value eq \"usr_y{number}\" or {}]", terms.join(" or ")));
    let parts: Map<_, _> = paths.map(|path| (path.replace("usr_x0", "usr_1"), json!({"value": "usr_1"}))).collect();
    let group = json!({"displayName": "Team", "members": members});
    let refused = patched(ResourceType::Group, group, json!([{"op": "replace", "value": parts}])).unwrap_err();
    assert_eq!(refused.scim_type, ScimType::TooMany, "{refused}");
    let long = json!([{"value": "usr_1", "$ref": "r".repeat(2000)}, {"value": "usr_2"}]);
    assert_eq!(long.as_array().unwrap().iter().map(weight).collect::<Vec<_>>(), [4, 1]);
}

fn any_operation() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        Just("title".to_owned()),
        Just("name".to_owned()),
        Just("name.familyName".to_owned()),
        Just("emails".to_owned()),
        Just("emails.type".to_owned()),
        Just("emails.primary".to_owned()),
        Just("emails[type eq \"work\"]".to_owned()),
        Just("emails[type eq \"work\" and primary eq true].value".to_owned()),
        Just("emails[not (type pr)].display".to_owned()),
        Just("name[familyName eq \"x\"].givenName".to_owned()),
        Just("active".to_owned()),
        Just("members".to_owned()),
        Just("members[value sw \"u\"]".to_owned()),
        Just("members.type".to_owned()),
        "[a-zA-Z.:\\[\\]\" $-]{0,12}",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        "[a-z@.]{0,5}".prop_map(Value::String),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"value": "u@x.example", "type": "work", "primary": true})),
        Just(json!([{"value": "usr_1"}, {"value": "usr_4", "type": "User"}])),
        Just(json!({"familyName": "x", "givenName": null})),
        Just(json!({"title": "x", "emails": [{"value": "q", "primary": "true"}], "members": {"value": "usr_5"}})),
        Just(json!([1, [2], {"value": {}}])),
    ];
    let op = prop_oneof![Just("add"), Just("replace"), Just("REMOVE"), Just("move")];
    (op, proptest::option::of(path), proptest::option::of(value)).prop_map(|(op, path, value)| {
        let mut operation = json!({"op": op});
        if let Some(path) = path {
            operation["path"] = Value::String(path);
        }
        if let Some(value) = value {
            operation["value"] = value;
        }
        operation
    })
}

proptest! {
    #[test]
    fn whatever_is_done_could_have_been_sent_whole(operations in prop::collection::vec(any_operation(), 1..6)) {
        for (resource_type, schema, before) in
            [(ResourceType::User, USER_SCHEMA, ada()), (ResourceType::Group, GROUP_SCHEMA, team())]
        {
            let Ok(after) = patched(resource_type, before, Value::Array(operations.clone())) else { continue };
            let mut whole = after.clone();
            whole["schemas"] = json!([schema]);
            prop_assert_eq!(content::resource(resource_type, &whole).map(Value::Object), Ok(after));
        }
    }
}
