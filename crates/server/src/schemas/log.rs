//! How a log stands, as JSON Schema.

use serde_json::{Value, json};

use super::{count, open, or_null, time};

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let hash = || json!({"type": "string", "description": "32 bytes in base64."});
    let checkpoint = json!({"size": count(), "root": hash(), "published_at": time()});
    let witness = json!({
        "name": text(),
        "key": {"type": "string", "description": "Its verifier key."},
        "state": {
            "enum": ["current", "behind", "never", "unreachable", "refused", "contradicts"],
            "description": "`contradicts`: it has signed what this log has not got; the log takes no more writes.",
        },
        "detail": or_null(text()),
        "size": or_null(count()),
        "signed_at": or_null(time()),
        "behind": {"type": "integer", "minimum": 0, "description": "Events of the checkpoint that it has not signed for."},
    });
    let copy = json!({
        "size": count(),
        "copied_at": or_null(json!({"type": "string", "format": "date-time", "description": "Null for one from before this start."})),
        "locked_until": or_null(json!({
            "type": "string",
            "format": "date-time",
            "description": "Until when a bucket's object lock is seen to hold it.",
        })),
    });
    let scrub = json!({"finished_at": time(), "segments": count(), "end_seq": count()});
    let standing = json!({
        "origin": text(),
        "key": {"type": "string", "description": "The log's verifier key."},
        "log_key": {"type": "string", "description": "The verifier key of the whole service, for witnesses."},
        "generation": {"type": "integer", "minimum": 1},
        "public": {"type": "boolean", "description": "Whether checkpoints and tiles are open to everybody."},
        "size": count(),
        "root": hash(),
        "state": {"enum": ["ok", "stopped"], "description": "`stopped`: it takes no writes."},
        "detail": or_null(text()),
        "checkpoint": or_null(open(checkpoint, &["size", "root", "published_at"])),
        "witnesses": {
            "type": "array",
            "items": open(witness, &["name", "key", "state", "detail", "size", "signed_at", "behind"]),
        },
        "copy": or_null(open(copy, &["size", "copied_at", "locked_until"])),
        "scrub": or_null(open(scrub, &["finished_at", "segments", "end_seq"])),
    });
    let always = [
        "origin",
        "key",
        "log_key",
        "generation",
        "public",
        "size",
        "root",
        "state",
        "detail",
        "checkpoint",
        "witnesses",
        "copy",
        "scrub",
    ];
    let handovers = json!({
        "handovers": {"type": "array", "items": text(), "description": "Signed notes, the first change of the key first."},
    });
    vec![("LogStanding", open(standing, &always)), ("LogHandovers", open(handovers, &["handovers"]))]
}
