//! What the service says of itself to clients of SCIM (RFC 7643, sections 5 to 7): made from the schema's tables and the
//! named bounds, so that it cannot say anything else than what holds.

use serde_json::{Map, Value, json};

use crate::limits;
use crate::scim::schema::{Attribute, ResourceType};

const CONFIG_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What of SCIM there is; `base` is the address of SCIM.
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": [CONFIG_SCHEMA],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": limits::SCIM_PAGE_RESOURCES_MAX},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A SCIM token of the organization, made by one of its administrators",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}

/// The types of resources.
pub fn resource_types(base: &str) -> Vec<Value> {
    ResourceType::ALL.into_iter().map(|resource_type| resource_type_shown(base, resource_type)).collect()
}

fn resource_type_shown(base: &str, resource_type: ResourceType) -> Value {
    let name = resource_type.name();
    json!({
        "schemas": [RESOURCE_TYPE_SCHEMA],
        "id": name,
        "name": name,
        "description": description(resource_type),
        "endpoint": resource_type.endpoint(),
        "schema": resource_type.schema(),
        "schemaExtensions": [],
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}")},
    })
}

/// The schemas of resources.
pub fn schemas(base: &str) -> Vec<Value> {
    ResourceType::ALL
        .into_iter()
        .map(|resource_type| {
            let urn = resource_type.schema();
            json!({
                "schemas": [SCHEMA_SCHEMA],
                "id": urn,
                "name": resource_type.name(),
                "description": description(resource_type),
                "attributes": resource_type.attributes().iter().map(attribute_shown).collect::<Vec<_>>(),
                "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{urn}")},
            })
        })
        .collect()
}

fn description(resource_type: ResourceType) -> &'static str {
    match resource_type {
        ResourceType::User => "A member of the organization",
        ResourceType::Group => "A group of the organization's members",
    }
}

fn attribute_shown(attribute: &Attribute) -> Value {
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.into(), value));
    set("name", json!(attribute.name));
    set("type", json!(attribute.kind.name()));
    set("multiValued", json!(attribute.multi_valued));
    set("description", json!(attribute.description));
    set("required", json!(attribute.required));
    set("caseExact", json!(attribute.case_exact));
    set("mutability", json!(attribute.mutability.name()));
    set("returned", json!(attribute.returned.name()));
    set("uniqueness", json!(if attribute.unique { "server" } else { "none" }));
    if !attribute.canonical_values.is_empty() {
        set("canonicalValues", json!(attribute.canonical_values));
    }
    if !attribute.reference_types.is_empty() {
        set("referenceTypes", json!(attribute.reference_types));
    }
    if !attribute.sub_attributes.is_empty() {
        set("subAttributes", attribute.sub_attributes.iter().map(attribute_shown).collect());
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_type_names_a_schema_that_is_there() {
        let schemas = schemas("https://x.example/scim/v2");
        for resource_type in resource_types("https://x.example/scim/v2") {
            let schema = schemas.iter().find(|schema| schema["id"] == resource_type["schema"]).unwrap();
            assert_eq!(schema["name"], resource_type["name"]);
            assert!(!schema["attributes"].as_array().unwrap().is_empty());
        }
        let location = &schemas[0]["meta"]["location"];
        assert_eq!(location, "https://x.example/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User");
    }
}
