//! Erasures and redactions as JSON Schema.

use serde_json::{Value, json};

use super::{closed, count, list, open, or_null, readable, reference, time};
use crate::directory::removal::RemovalState;
use crate::limits;

fn texts(items: Value, items_max: usize) -> Value {
    json!({"type": ["array", "null"], "items": items, "maxItems": items_max})
}

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let part = || json!({"type": "string", "enum": ["identity", "personal", "detail"]});
    let reason = || readable(limits::GOVERNANCE_REASON_CHARS_MAX);
    let flag = |description: &str| json!({"type": ["boolean", "null"], "description": description});
    let text = |description: &str| json!({"type": ["string", "null"], "description": description});
    let dry_run = || flag("Only count what would be removed; then a reason is not needed.");
    let new_erasure = json!({
        "subject": {"type": "string", "description": "Type and id of a person: `user:u_123`, or `invitation:…` for who was only invited."},
        "parts": texts(part(), 3),
        "reason": or_null(reason()),
        "dry_run": dry_run(),
    });
    let string = || json!({"type": "string"});
    let new_redaction = json!({
        "events": {"type": "array", "items": string(), "minItems": 1, "maxItems": limits::REDACTION_EVENTS_MAX},
        "reason": or_null(reason()),
        "mask_keys": texts(string(), limits::MASKING_KEYS_MAX),
        "pointers": texts(string(), limits::REDACTION_POINTERS_MAX),
        "remainder": flag("Record again what is left once secrets are masked; true if it is not said."),
        "dry_run": dry_run(),
    });
    let counts = [
        "events",
        "identity",
        "personal",
        "detail",
        "journal",
        "hot",
        "archive",
        "naming_records",
        "kept_own",
        "searches_to_review",
        "saved_searches",
        "held",
        "already",
    ];
    let mut found: serde_json::Map<String, Value> = counts.iter().map(|name| ((*name).to_owned(), count())).collect();
    let more = "Whether there is more than one erasure may remove; ask again when this one is done.";
    found.insert("more".to_owned(), json!({"type": "boolean", "description": more}));
    let to_review = || {
        json!({
            "type": "array",
            "items": string(),
            "maxItems": limits::REMOVAL_REVIEW_MAX,
            "description": "Ids of recorded searches that may name the person and stay: look at them, and redact those that do.",
        })
    };
    let parts = || json!({"type": "array", "items": part()});
    let actor = || json!({"type": "object"});
    let kept_by_holds = json!({
        "type": "integer",
        "minimum": 0,
        "description": "Events that stay as they are since a legal hold keeps them: those that were held when it was approved \
                        (`found.held`), and those that came to be held before the work came to them. 0 until it is approved.",
    });
    let removal = json!({
        "id": string(),
        "state": {"type": "string", "enum": RemovalState::NAMES},
        "reason": string(),
        "parts": parts(),
        "subject": text("Who is erased; only until it has ended."),
        "pseudonym": text("What stands for them in the records."),
        "events": or_null(json!({"type": "array", "items": string()})),
        "mask_keys": or_null(json!({"type": "array", "items": string()})),
        "pointers": or_null(json!({"type": "array", "items": string()})),
        "remainder": or_null(json!({"type": "boolean"})),
        "asked_by": actor(),
        "asked_at": time(),
        "approvers": {
            "type": ["array", "null"],
            "items": string(),
            "description": "Ids of the users who could approve it when it was asked for and still may, besides the operator; if there is \
                            none, the operator has to. Who was tied to who asked since, or acts in a record that came since, is \
                            refused all the same. Only while it is pending.",
        },
        "decided_by": or_null(actor()),
        "decided_at": or_null(time()),
        "decision_reason": text("Why it was rejected."),
        "found": reference("RemovalCounts"),
        "to_review": to_review(),
        "progress": open(json!({"done": count(), "total": count()}), &["done", "total"]),
        "kept_by_holds": kept_by_holds,
        "finished_at": or_null(time()),
    });
    let dry = json!({"dry_run": {"type": "boolean"}, "parts": parts(), "found": reference("RemovalCounts"), "to_review": to_review()});
    let required =
        ["id", "state", "reason", "parts", "asked_by", "asked_at", "found", "to_review", "progress", "kept_by_holds"];
    vec![
        ("NewErasure", closed(new_erasure, &["subject"])),
        ("NewRedaction", closed(new_redaction, &["events"])),
        ("RemovalRejection", closed(json!({"reason": reason()}), &["reason"])),
        ("RemovalCounts", open(Value::Object(found), &counts)),
        ("RemovalDryRun", open(dry, &["dry_run", "parts", "found", "to_review"])),
        ("Removal", open(removal, &required)),
        ("Erasures", open(json!({"erasures": list("Removal")}), &["erasures"])),
        ("Redactions", open(json!({"redactions": list("Removal")}), &["redactions"])),
    ]
}
