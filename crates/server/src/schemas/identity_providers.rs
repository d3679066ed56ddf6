//! Identity providers and the settings of signing in as JSON Schema.

use serde_json::{Value, json};

use super::{closed, list, open, or_null, readable, time};
use crate::limits;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let update = closed(json!({ "joining_domains": or_null(domains()) }), &[]);
    vec![
        ("NewIdentityProvider", closed(fields(), &["name", "issuer", "client_id"])),
        ("IdentityProviderUpdate", closed(optional(), &[])),
        ("IdentityProvider", shown()),
        ("IdentityProviders", open(json!({"identity_providers": list("IdentityProvider")}), &["identity_providers"])),
        ("SignInSettings", open(json!({"joining_domains": domains()}), &["joining_domains"])),
        ("SignInUpdate", update),
    ]
}

fn visible(chars_max: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": chars_max, "pattern": "^[!-~]+$"})
}

fn texts(item: Value) -> Value {
    json!({"type": "array", "items": item, "maxItems": limits::FORM_LIST_ENTRIES_MAX})
}

fn domains() -> Value {
    let label = "[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?";
    texts(
        json!({"type": "string", "maxLength": 253, "pattern": format!("^{label}(\\.{label})+$"), "example": "example.com"}),
    )
}

fn issuer() -> Value {
    json!({
        "type": "string",
        "maxLength": limits::PROVIDER_URL_BYTES_MAX,
        "pattern": "^https://[0-9A-Za-z.-]+(:[0-9]{1,5})?(/[0-9A-Za-z._~/-]*)?$",
        "example": "https://id.example.com",
    })
}

fn mapping() -> Value {
    json!({
        "type": "object",
        "additionalProperties": texts(json!({"type": "string"})),
        "maxProperties": limits::FORM_LIST_ENTRIES_MAX,
        "description": "Ids of groups by the value of the claim that gives them.",
    })
}

/// What all bodies may hold, besides what a new provider needs.
fn common() -> Value {
    let claim = or_null(visible(limits::CLAIM_NAME_CHARS_MAX));
    json!({
        "client_secret": {"type": ["string", "null"], "maxLength": limits::CLIENT_SECRET_CHARS_MAX, "pattern": "^[!-~]*$"},
        "scopes": or_null(texts(visible(limits::CLAIM_NAME_CHARS_MAX))),
        "groups_claim": claim,
        "email_verified_claim": claim,
        "group_mapping": or_null(mapping()),
        "authoritative_domains": or_null(domains()),
        "enabled": {"type": ["boolean", "null"]},
    })
}

fn fields() -> Value {
    let mut fields = common();
    fields["name"] = readable(limits::NAME_CHARS_MAX);
    fields["issuer"] = issuer();
    fields["client_id"] = visible(limits::CLIENT_ID_CHARS_MAX);
    fields
}

fn optional() -> Value {
    let mut fields = fields();
    for name in ["name", "issuer", "client_id"] {
        fields[name] = or_null(fields[name].take());
    }
    fields
}

fn shown() -> Value {
    let text = json!({"type": "string"});
    let properties = json!({
        "id": text,
        "name": text,
        "issuer": text,
        "client_id": text,
        "has_client_secret": {"type": "boolean"},
        "scopes": texts(text.clone()),
        "groups_claim": text,
        "email_verified_claim": text,
        "group_mapping": mapping(),
        "authoritative_domains": domains(),
        "enabled": {"type": "boolean"},
        "created_at": time(),
        "redirect_uri": {"type": "string", "description": "What the provider must know."},
        "sign_in_path": {"type": "string", "description": "Where people begin to sign in."},
    });
    let names: Vec<String> = properties.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    open(properties, &names)
}
