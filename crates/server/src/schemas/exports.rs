//! Kept exports as JSON Schema.

use serde_json::{Value, json};

use super::{closed, count, list, open, or_null, time};
use crate::directory::kept_export::Format;
use crate::limits;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let formats = Format::ALL.map(Format::name);
    let format = || json!({"type": "string", "enum": formats, "description": "How it is written."});
    let given =
        |what: &str| json!({"type": ["string", "null"], "maxLength": limits::PARAMETER_BYTES_MAX, "description": what});
    let complete = "With a phrase or a time, and `proof`: whether to show of every other event what the phrase reads.";
    let new = json!({
        "format": format(),
        "q": given("A search phrase; none for every event."),
        "from": given("Begin of the time, RFC 3339 or relative as in a search; none for 24 hours before `to`, or with `proof` for no bound."),
        "to": given("End of the time; none for no bound."),
        "complete": {"type": ["boolean", "null"], "description": complete},
    });
    let states = ["waiting", "running", "done", "failed"];
    let owner = open(json!({"id": text(), "name": text()}), &["id", "name"]);
    let progress = open(
        json!({
            "done": count(),
            "total": or_null(count()),
            "bytes": count(),
            "seconds_left": or_null(count()),
        }),
        &["done", "total", "bytes", "seconds_left"],
    );
    let described = |schema: Value, what: &str| {
        let mut schema = schema;
        schema["description"] = json!(what);
        schema
    };
    let export = json!({
        "id": text(),
        "state": {"type": "string", "enum": states},
        "format": format(),
        "complete": {"type": "boolean"},
        "q": or_null(text()),
        "from": or_null(time()),
        "to": or_null(time()),
        "size": described(count(), "Events of the log when it was asked for; what came later is not in it."),
        "events": described(or_null(count()), "Events in it; until it is made, as they were counted when it was asked for."),
        "bytes": described(or_null(count()), "Size of its file, once it is made."),
        "file": described(text(), "A name for its file."),
        "progress": described(or_null(progress), "While it is being made: events looked at, bytes written."),
        "detail": described(or_null(text()), "Why it has failed."),
        "owner": or_null(owner),
        "downloadable": described(json!({"type": "boolean"}), "Whether it is made and the caller sees all that may be in it."),
        "created_at": time(),
        "finished_at": or_null(time()),
        "expires_at": described(or_null(time()), "When it goes by itself."),
    });
    let all: Vec<&str> = [
        "id",
        "state",
        "format",
        "complete",
        "q",
        "from",
        "to",
        "size",
        "events",
        "bytes",
        "file",
        "progress",
        "detail",
        "owner",
        "downloadable",
        "created_at",
        "finished_at",
        "expires_at",
    ]
    .into();
    vec![
        ("NewKeptExport", closed(new, &["format"])),
        ("KeptExport", open(export, &all)),
        ("KeptExports", open(json!({"exports": list("KeptExport")}), &["exports"])),
    ]
}
