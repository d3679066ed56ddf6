//! Retention and legal holds as JSON Schema.

use serde_json::{Value, json};

use super::{closed, count, list, open, optional_text, or_null, readable, reference, time};
use crate::limits;
use crate::retention::RETENTION_DAYS_MAX;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let days = || json!({"type": "integer", "minimum": 0, "maximum": RETENTION_DAYS_MAX});
    let both = || json!({"hot_days": days(), "archive_days": days()});
    let pending = json!({"hot_days": days(), "archive_days": days(), "effective_at": time()});
    let pending = open(pending, &["hot_days", "archive_days", "effective_at"]);
    let update = json!({"hot_days": days(), "archive_days": days(), "locked": or_null(json!({"type": "boolean"}))});
    let done = json!({"archived": count(), "purged": count(), "held": count()});
    let share =
        open(json!({"events": count(), "segments": count(), "bytes": count()}), &["events", "segments", "bytes"]);
    let retention = json!({
        "hot_days": days(),
        "archive_days": days(),
        "locked": {"type": "boolean", "description": "Whether it can only be lengthened."},
        "pending": or_null(pending),
        "minimum": open(both(), &["hot_days", "archive_days"]),
        "running": or_null(reference("RetentionDone")),
    });
    let plan = json!({
        "archive_before": time(),
        "purge_before": time(),
        "hot": share,
        "archived": share,
        "purged": share,
        "to_archive": share,
        "to_purge": share,
        "legal_holds": count(),
    });
    let criterion = || optional_text(1, limits::HOLD_CRITERION_CHARS_MAX);
    let reason = readable(limits::GOVERNANCE_REASON_CHARS_MAX);
    let moment = || json!({"type": ["string", "null"], "description": "RFC 3339, or relative as in a search."});
    let new_hold = json!({
        "reason": reason,
        "q": criterion(),
        "actor": criterion(),
        "target": criterion(),
        "from": moment(),
        "to": moment(),
    });
    let hold = json!({
        "id": {"type": "string"},
        "reason": {"type": "string"},
        "q": criterion(),
        "actor": criterion(),
        "target": criterion(),
        "from": or_null(time()),
        "to": or_null(time()),
        "placed_at": time(),
        "placed_by": {"type": "object"},
    });
    vec![
        ("Retention", open(retention, &["hot_days", "archive_days", "locked", "pending", "minimum"])),
        ("RetentionUpdate", closed(update, &["hot_days", "archive_days"])),
        (
            "RetentionPlan",
            open(plan, &["archive_before", "purge_before", "hot", "archived", "purged", "to_archive", "to_purge"]),
        ),
        ("RetentionDone", open(done, &["archived", "purged", "held"])),
        ("NewLegalHold", closed(new_hold, &["reason"])),
        ("LegalHold", open(hold, &["id", "reason", "placed_at", "placed_by"])),
        ("LegalHolds", open(json!({"legal_holds": list("LegalHold")}), &["legal_holds"])),
    ]
}
