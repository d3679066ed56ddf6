//! SCIM and its tokens as JSON Schema. What SCIM's resources look like in detail its own `/Schemas` says, to clients that
//! read those; here is what holds of every message.

use serde_json::{Value, json};

use super::{closed, list, open, or_null, readable, time};
use crate::limits;
use crate::scim::error::ERROR_SCHEMA;
use crate::scim::listing::{LIST_SCHEMA, SEARCH_SCHEMA};
use crate::scim::patch::PATCH_SCHEMA;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    tokens().into_iter().chain(messages()).collect()
}

fn tokens() -> Vec<(&'static str, Value)> {
    let permissions = json!({
        "type": "array",
        "items": {"type": "string"},
        "maxItems": limits::FORM_LIST_ENTRIES_MAX,
        "description": "Areas and permissions beyond reading and writing users and groups.",
    });
    let new = json!({
        "name": readable(limits::NAME_CHARS_MAX),
        "permissions": or_null(permissions),
        "expires_at": or_null(time()),
    });
    let mut token = json!({
        "id": {"type": "string"},
        "name": {"type": "string"},
        "permissions": {"type": "array", "items": {"type": "string"}},
        "created_at": time(),
        "created_by": {"type": "string", "description": "`operator`, or `user:` with the id of a person."},
        "expires_at": or_null(time()),
        "last_used_at": or_null(time()),
        "suspended": {
            "type": "boolean",
            "description": "Whether it does nothing at present, because who made it does not hold every permission any more.",
        },
    });
    let needed = ["id", "name", "permissions", "created_at", "created_by", "expires_at", "last_used_at", "suspended"];
    let shown = open(token.clone(), &needed);
    token["secret"] = json!({"type": "string", "pattern": "^act_scim_[0-9A-Za-z_]+$"});
    vec![
        ("NewScimToken", closed(new, &["name"])),
        ("ScimToken", shown),
        ("ScimTokenWithSecret", open(token, &needed.into_iter().chain(["secret"]).collect::<Vec<_>>())),
        ("ScimTokens", open(json!({"tokens": list("ScimToken")}), &["tokens"])),
    ]
}

fn of_schema(urn: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "contains": {"const": urn}})
}

fn messages() -> Vec<(&'static str, Value)> {
    let resource = json!({"schemas": {"type": "array", "items": {"type": "string"}, "minItems": 1}});
    let page = json!({
        "schemas": of_schema(LIST_SCHEMA),
        "totalResults": {"type": "integer", "minimum": 0},
        "startIndex": {"type": "integer", "minimum": 1},
        "itemsPerPage": {"type": "integer", "minimum": 0, "maximum": limits::SCIM_PAGE_RESOURCES_MAX},
        "Resources": list("ScimResource"),
    });
    let operation = json!({
        "op": {"type": "string", "pattern": "^([Aa][Dd][Dd]|[Rr][Ee][Pp][Ll][Aa][Cc][Ee]|[Rr][Ee][Mm][Oo][Vv][Ee])$"},
        "path": {"type": "string", "maxLength": limits::SCIM_FILTER_BYTES_MAX},
        "value": true,
    });
    let operations = json!({
        "type": "array",
        "items": open(operation, &["op"]),
        "minItems": 1,
        "maxItems": limits::SCIM_OPERATIONS_MAX,
    });
    let names = json!({"type": "array", "items": {"type": "string"}, "maxItems": limits::SCIM_SELECTED_MAX});
    let search = json!({
        "schemas": of_schema(SEARCH_SCHEMA),
        "filter": {"type": "string", "maxLength": limits::SCIM_FILTER_BYTES_MAX},
        "sortBy": {"type": "string"},
        "sortOrder": {"type": "string", "enum": ["ascending", "descending"]},
        "startIndex": {"type": "integer"},
        "count": {"type": "integer"},
        "attributes": names,
        "excludedAttributes": names,
    });
    let error = json!({
        "schemas": of_schema(ERROR_SCHEMA),
        "status": {"type": "string", "pattern": "^[45][0-9][0-9]$"},
        "scimType": {"type": "string"},
        "detail": {"type": "string"},
    });
    vec![
        ("ScimResource", open(resource, &["schemas"])),
        ("ScimList", open(page, &["schemas", "totalResults", "startIndex", "itemsPerPage", "Resources"])),
        (
            "ScimPatch",
            open(json!({"schemas": of_schema(PATCH_SCHEMA), "Operations": operations}), &["schemas", "Operations"]),
        ),
        ("ScimSearch", closed(search, &["schemas"])),
        ("ScimError", open(error, &["schemas", "status", "detail"])),
    ]
}
