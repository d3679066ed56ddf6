//! The bodies of requests and answers as JSON Schema (draft 2020-12), for the OpenAPI document. Bounds come from the
//! code that holds them. Objects that clients send are closed; answers may grow fields and are open.

mod directory;
mod exports;
mod governance;
mod identity_providers;
mod invitations;
mod log;
mod removals;
mod saved_searches;
mod scim;
mod signin;

use actarium_core::event::{ActorType, Outcome};
use actarium_core::limits as event;
use serde_json::{Map, Value, json};

use crate::limits;
use crate::problem::{Kind, TYPE_BASE};
use crate::routes::SLUG_REGEX;

/// A reference to a schema of the document.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// All schemas by name.
pub fn all() -> Value {
    let mut schemas = Map::new();
    for (name, schema) in requests()
        .into_iter()
        .chain(events())
        .chain(answers())
        .chain(administration())
        .chain(directory::schemas())
        .chain(invitations::schemas())
        .chain(scim::schemas())
        .chain(signin::schemas())
        .chain(identity_providers::schemas())
        .chain(governance::schemas())
        .chain(removals::schemas())
        .chain(log::schemas())
        .chain(saved_searches::schemas())
        .chain(exports::schemas())
    {
        schemas.insert(name.to_owned(), schema);
    }
    Value::Object(schemas)
}

fn text(chars_min: usize, chars_max: usize) -> Value {
    json!({"type": "string", "minLength": chars_min, "maxLength": chars_max})
}

/// What `spelling` refuses of the characters that a pattern can name in every dialect.
const UNSEEN: &str = "\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\
                      \\u2060-\\u206f\\u2800\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb";

/// A text that people read: not blank, every character of it to be seen.
fn readable(chars_max: usize) -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": chars_max,
        "pattern": format!("^[^{UNSEEN}]*[^\\s{UNSEEN}][^{UNSEEN}]*$"),
    })
}

/// A text that may be left out or null.
fn optional_text(chars_min: usize, chars_max: usize) -> Value {
    json!({"type": ["string", "null"], "minLength": chars_min, "maxLength": chars_max})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn closed(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn open(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

fn list(item: &str) -> Value {
    json!({"type": "array", "items": reference(item)})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// What clients send as events.
fn requests() -> Vec<(&'static str, Value)> {
    let optional = |name: &str| or_null(reference(name));
    let list_of = |name: &str, items_max: usize| json!({"type": ["array", "null"], "items": reference(name), "maxItems": items_max});
    let event_properties = json!({
        "occurred_at": or_null(time()),
        "action": {
            "type": "string",
            "description": "`resource.verb`; actions of Actarium itself (`audit_log.*`, `record.*`, `retention.*`, `legal_hold.*`, `service.*`, `ingestion.*`) are refused.",
            "pattern": r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$",
            "maxLength": event::ACTION_CHARS_MAX,
        },
        "outcome": or_null(outcome()),
        "reason": optional_text(0, event::REASON_CHARS_MAX),
        "actor": reference("NewActor"),
        "targets": {
            "type": "array",
            "items": reference("NewTarget"),
            "minItems": 1,
            "maxItems": event::TARGETS_MAX,
        },
        "context": optional("NewContext"),
        "changes": list_of("Change", event::CHANGES_MAX),
        "message": optional_text(0, event::MESSAGE_CHARS_MAX),
        "metadata": optional("Metadata"),
        "external_id": optional_text(1, event::EXTERNAL_ID_CHARS_MAX),
    });
    vec![
        ("NewEvent", closed(event_properties, &["action", "actor", "targets"])),
        (
            "NewEvents",
            json!({"anyOf": [
                reference("NewEvent"),
                {
                    "type": "array",
                    "items": reference("NewEvent"),
                    "minItems": 1,
                    "maxItems": event::BATCH_EVENTS_MAX,
                },
            ]}),
        ),
        ("NewActor", actor("NewActor", &["type", "id"])),
        ("NewTarget", closed(target_properties(), &["type", "id"])),
        ("NewContext", closed(context_properties(), &[])),
        ("Metadata", metadata()),
        ("Change", change()),
        (
            "ForeignRecords",
            json!({
                "description": "A record of the foreign system, an array of them, or its envelope.",
                "type": ["object", "array"],
            }),
        ),
        ("Lines", json!({"description": "One JSON value per line.", "type": "string"})),
    ]
}

fn outcome() -> Value {
    let names: Vec<_> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    json!({"type": "string", "enum": names, "default": Outcome::Success.as_str()})
}

fn actor(inner: &str, required: &[&str]) -> Value {
    let types: Vec<_> = ActorType::ALL.iter().map(|kind| kind.as_str()).collect();
    let groups = json!({
        "type": ["array", "null"],
        "items": text(1, event::GROUP_CHARS_MAX),
        "maxItems": event::GROUPS_MAX,
    });
    let mut schema = closed(
        json!({
            "type": {"type": "string", "enum": types},
            "id": text(1, event::ID_CHARS_MAX),
            "name": optional_text(0, event::NAME_CHARS_MAX),
            "email": optional_text(0, event::EMAIL_CHARS_MAX),
            "issuer": optional_text(0, event::ISSUER_CHARS_MAX),
            "session_id": optional_text(0, event::SESSION_ID_CHARS_MAX),
            "groups": groups,
            "metadata": or_null(reference("Metadata")),
            "on_behalf_of": or_null(reference(inner)),
        }),
        required,
    );
    let depth_max = event::ON_BEHALF_OF_DEPTH_MAX;
    schema["description"] = json!(format!("`on_behalf_of` nests at most {depth_max} deep."));
    schema
}

fn target_properties() -> Value {
    json!({
        "type": {
            "type": "string",
            "pattern": "^[A-Za-z][A-Za-z0-9_.:/-]*$",
            "minLength": 1,
            "maxLength": event::TARGET_TYPE_CHARS_MAX,
        },
        "id": text(1, event::ID_CHARS_MAX),
        "name": optional_text(0, event::NAME_CHARS_MAX),
        "metadata": or_null(reference("Metadata")),
    })
}

fn context_properties() -> Value {
    let http = closed(
        json!({
            "method": {
                "type": ["string", "null"],
                "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
                "minLength": 1,
                "maxLength": event::HTTP_METHOD_CHARS_MAX,
            },
            "path": optional_text(0, event::HTTP_PATH_CHARS_MAX),
            "status": {
                "type": ["integer", "null"],
                "minimum": event::HTTP_STATUS_MIN,
                "maximum": event::HTTP_STATUS_MAX,
            },
        }),
        &[],
    );
    json!({
        "ip": {"anyOf": [
            {"type": "string", "format": "ipv4"},
            {"type": "string", "format": "ipv6"},
            {"type": "null"},
        ]},
        "user_agent": optional_text(0, event::USER_AGENT_CHARS_MAX),
        "request_id": optional_text(0, event::REQUEST_ID_CHARS_MAX),
        "trace_id": optional_text(0, event::TRACE_ID_CHARS_MAX),
        "surface": optional_text(0, event::SURFACE_CHARS_MAX),
        "http": or_null(http),
    })
}

fn metadata() -> Value {
    let key = format!("^[A-Za-z0-9_.-]{{1,{}}}$", event::METADATA_KEY_CHARS_MAX);
    json!({
        "type": "object",
        "maxProperties": event::METADATA_KEYS_MAX,
        "propertyNames": {"pattern": key},
        "additionalProperties": {"anyOf": [
            text(0, event::METADATA_TEXT_CHARS_MAX),
            {"type": "number", "minimum": -event::INTEGER_MAX, "maximum": event::INTEGER_MAX},
            {"type": "boolean"},
        ]},
    })
}

fn change() -> Value {
    let value = |when: &str| {
        json!({
            "description": format!("The value {when}; whole numbers within ±2^53."),
            "anyOf": [
                {"type": ["string", "boolean", "null", "array", "object"]},
                {"type": "number", "minimum": -event::INTEGER_MAX, "maximum": event::INTEGER_MAX},
            ],
        })
    };
    let path = json!({
        "type": "string",
        "description": "A JSON Pointer (RFC 6901).",
        "pattern": "^(/([^~]|~0|~1)*)?$",
        "maxLength": event::CHANGE_PATH_CHARS_MAX,
    });
    closed(json!({"path": path, "before": value("before"), "after": value("after")}), &["path"])
}

/// Events as they are shown, and what speaks of them.
fn events() -> Vec<(&'static str, Value)> {
    let as_of = open(
        json!({
            "size": {"type": "integer", "minimum": 0, "description": "Number of events in the log."},
            "root": {"type": "string", "description": "Root of its Merkle tree (RFC 6962), in base64."},
        }),
        &["size", "root"],
    );
    let shown_event = open(
        json!({
            "id": {"type": "string", "format": "uuid"},
            "seq": count(),
            "organization": {"type": "string", "pattern": SLUG_REGEX},
            "recorded_at": time(),
            "occurred_at": time(),
            "action": {"type": "string"},
            "outcome": outcome(),
            "reason": {"type": "string"},
            "actor": reference("Actor"),
            "targets": {"type": "array", "items": reference("Target"), "minItems": 1},
            "context": reference("NewContext"),
            "changes": list("Change"),
            "message": {"type": "string"},
            "metadata": reference("Metadata"),
            "external_id": {"type": "string"},
            "source": {"type": "string"},
            "erased": {
                "type": "array",
                "items": {"type": "string", "enum": ["identity", "personal", "detail"]},
                "minItems": 1,
                "description": "Parts that were erased; without `identity`, actor and targets have no `id`.",
            },
            "sender": {
                "type": "string",
                "description": "The credential that sent it (`key:` with its id, or `operator`), behind the adapter that it came by, if it \
                                did (`adapter:github key:…`), whatever actor it names. Not hashed. Absent of what Actarium recorded itself.",
            },
            "held_by": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Ids of the legal holds that hold it now, for who may see these (`legal_holds_view`). Not hashed, and not in \
                                exports. Absent where there is none.",
            },
        }),
        &["id", "seq", "organization", "recorded_at", "occurred_at", "action", "outcome", "actor", "targets", "source"],
    );
    let recorded = open(
        json!({
            "id": {"type": "string", "format": "uuid"},
            "seq": count(),
            "recorded_at": time(),
            "duplicate": {"type": "boolean", "description": "Whether it had been recorded before."},
        }),
        &["id", "seq", "recorded_at", "duplicate"],
    );
    vec![
        ("AsOf", as_of),
        ("Event", shown_event),
        ("Actor", actor("Actor", &["type"])),
        ("Target", closed(target_properties(), &["type"])),
        ("RecordedEvent", recorded),
        (
            "Recorded",
            open(
                json!({"events": list("RecordedEvent"), "as_of": reference("AsOf"), "receipt": reference("Receipt")}),
                &["events", "as_of"],
            ),
        ),
        ("Receipt", receipt()),
        ("Bytes", json!({"type": "string", "format": "binary"})),
        ("Problem", problem()),
    ]
}

/// What a client gets with `Prefer: receipt`.
fn receipt() -> Value {
    let hash = json!({"type": "string", "description": "32 bytes in base64."});
    let proof = open(
        json!({
            "index": {"type": "integer", "minimum": 0, "description": "`seq` of the event."},
            "hashes": {"type": "array", "items": hash, "maxItems": 63},
        }),
        &["index", "hashes"],
    );
    open(
        json!({
            "checkpoint": {"type": "string", "description": "A signed checkpoint of the log with the events."},
            "key": {"type": "string", "description": "The verifier key."},
            "proofs": {"type": "array", "items": proof, "maxItems": limits::RECEIPT_EVENTS_MAX},
        }),
        &["checkpoint", "key", "proofs"],
    )
}

fn problem() -> Value {
    let types: Vec<_> = Kind::ALL.iter().map(|kind| format!("{TYPE_BASE}{}", kind.name())).collect();
    let item = open(
        json!({
            "index": {"type": "integer", "minimum": 0, "description": "Which event of the batch, from 0."},
            "pointer": {"type": "string", "description": "JSON Pointer to what is wrong."},
            "detail": {"type": "string"},
        }),
        &["detail"],
    );
    let position = open(
        json!({
            "line": {"type": "integer", "minimum": 1},
            "column": {"type": "integer", "minimum": 1},
            "offset": count(),
            "length": count(),
        }),
        &[],
    );
    let properties = json!({
        "type": {"type": "string", "format": "uri", "enum": types},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request's id."},
        "errors": {"type": "array", "items": item},
        "position": position,
    });
    open(properties, &["type", "title", "status", "detail", "instance"])
}

/// Answers of searches, counts, tails and adapters.
fn answers() -> Vec<(&'static str, Value)> {
    let archive = || json!({"type": "boolean", "description": "Whether the time range reaches into the archive."});
    let page = json!({
        "events": list("Event"),
        "next_cursor": {"type": ["string", "null"]},
        "as_of": reference("AsOf"),
        "archive": archive(),
    });
    let bucket = open(
        json!({
            "start": time(),
            "total": count(),
            "counts": {"type": "object", "additionalProperties": count()},
        }),
        &["start", "total", "counts"],
    );
    let histogram = json!({
        "interval": {"type": "string"},
        "buckets": {"type": "array", "items": bucket},
        "as_of": reference("AsOf"),
        "archive": archive(),
    });
    let value =
        open(json!({"value": {"type": "string"}, "name": {"type": "string"}, "count": count()}), &["value", "count"]);
    let facets = json!({
        "facets": {"type": "object", "additionalProperties": {"type": "array", "items": value}},
        "as_of": reference("AsOf"),
        "archive": archive(),
    });
    let tail = json!({
        "events": list("Event"),
        "next": {"type": "integer", "minimum": -1, "description": "The `after` of the next request."},
        "as_of": reference("AsOf"),
    });
    let refused = open(
        json!({"index": count(), "pointer": {"type": "string"}, "detail": {"type": "string"}}),
        &["index", "pointer", "detail"],
    );
    let ingested = json!({
        "recorded": count(),
        "duplicates": count(),
        "skipped": {"type": "integer", "minimum": 0, "description": "Acknowledged, and not to be recorded."},
        "refused": {"type": "array", "items": refused},
        "refused_more": {"type": "integer", "minimum": 0, "description": "Refused ones that are not listed."},
    });
    vec![
        ("Page", open(page, &["events", "next_cursor", "as_of", "archive"])),
        ("Histogram", open(histogram, &["interval", "buckets", "as_of", "archive"])),
        ("Facets", open(facets, &["facets", "as_of", "archive"])),
        ("Tail", open(tail, &["events", "next", "as_of"])),
        ("Ingested", open(ingested, &["recorded", "duplicates", "skipped", "refused", "refused_more"])),
        ("Text", json!({"type": "string"})),
        (
            "Readiness",
            open(
                readiness(),
                &["status", "damaged_organizations", "organizations_ahead_of_clock", "archive", "checkpoint_copies"],
            ),
        ),
        ("Status", open(json!({"status": {"type": "string", "enum": ["ok"]}}), &["status"])),
        ("OpenApiDocument", open(json!({"openapi": {"type": "string"}}), &["openapi"])),
        ("Catalog", open(json!({"families": {"type": "array", "items": {"type": "object"}}}), &["families"])),
        ("Sealed", open(json!({"segments": count(), "events": count(), "merges": count()}), &["segments", "events"])),
    ]
}

fn organization_update() -> Value {
    json!({
        "name": or_null(readable(limits::NAME_CHARS_MAX)),
        "mask_secrets": or_null(json!({"type": "boolean"})),
        "mask_keys": or_null(masking_keys("Keys whose values are masked besides the built-in ones.")),
        "keep_keys": or_null(masking_keys("Keys whose values stay.")),
        "log_public": {
            "type": ["boolean", "null"],
            "description": "Whether everybody may read the log's checkpoints, tiles and entries, which hold no personal data.",
        },
        "reads_wait": {
            "type": ["boolean", "null"],
            "description": "Whether the answer to a read of the log waits until the read is on record.",
        },
    })
}

fn masking_keys(description: &str) -> Value {
    let key = json!({"type": "string", "minLength": 1, "maxLength": limits::MASKING_KEY_CHARS_MAX});
    let maximum = limits::MASKING_KEYS_MAX;
    json!({"type": "array", "items": key, "maxItems": maximum, "description": description})
}

fn readiness() -> Value {
    let place = |description: &str| json!({"type": "string", "enum": ["ok", "failing"], "description": description});
    json!({
        "status": {"type": "string", "enum": ["ok", "degraded"]},
        "damaged_organizations": {"type": "integer", "minimum": 0, "description": "Logs that take no writes."},
        "organizations_ahead_of_clock": {
            "type": "integer",
            "minimum": 0,
            "description": "Logs that take no writes because the clock is behind their newest event.",
        },
        "archive": place("Whether the last use of the bucket that the archive is in, if it is in one, failed."),
        "checkpoint_copies": place("Whether the last use of the place that checkpoints are copied to, if there is one, failed."),
    })
}

/// Organizations and keys.
fn administration() -> Vec<(&'static str, Value)> {
    let slug = json!({"type": "string", "pattern": SLUG_REGEX});
    let organization = json!({
        "slug": slug,
        "name": {"type": "string"},
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "created_at": time(),
        "mask_secrets": {"type": "boolean", "description": "Whether credentials in events are masked."},
        "mask_keys": masking_keys("Keys whose values are masked besides the built-in ones."),
        "keep_keys": masking_keys("Keys whose values stay."),
        "log_public": {"type": "boolean", "description": "Whether everybody may read what the log proves."},
        "reads_wait": {"type": "boolean", "description": "Whether reads of the log wait for their record."},
    });
    let key_fields = ["id", "name", "environment", "created_at", "expires_at", "networks", "last_used_at"];
    let networks =
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": limits::NETWORKS_PER_KEY_MAX});
    let key = json!({
        "id": {"type": "string"},
        "name": {"type": "string"},
        "environment": {"type": ["string", "null"]},
        "created_at": time(),
        "expires_at": or_null(time()),
        "networks": or_null(networks.clone()),
        "last_used_at": or_null(time()),
    });
    let mut with_secret = key.clone();
    with_secret["secret"] = json!({"type": "string", "description": "Shown this once."});
    let new_organization = json!({"slug": slug, "name": readable(limits::NAME_CHARS_MAX)});
    let new_key = json!({
        "name": readable(limits::NAME_CHARS_MAX),
        "environment": or_null(readable(limits::ENVIRONMENT_CHARS_MAX)),
        "expires_at": or_null(time()),
        "networks": or_null(networks),
    });
    vec![
        ("OrganizationUpdate", closed(organization_update(), &[])),
        ("NewOrganization", closed(new_organization, &["slug", "name"])),
        ("Organization", open(organization, &["slug", "name", "id", "created_at"])),
        ("Organizations", open(json!({"organizations": list("Organization")}), &["organizations"])),
        ("NewKey", closed(new_key.clone(), &["name"])),
        ("KeyUpdate", closed(new_key, &[])),
        ("KeyWithSecret", open(with_secret, &key_fields.into_iter().chain(["secret"]).collect::<Vec<_>>())),
        ("Key", open(key, &key_fields)),
        ("Keys", open(json!({"keys": list("Key")}), &["keys"])),
    ]
}
