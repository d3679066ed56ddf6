//! Saved searches as JSON Schema.

use serde_json::{Value, json};

use super::{closed, list, open, or_null, readable, time};
use crate::directory::saved_search::Visibility;
use crate::limits;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let words = Visibility::ALL.map(Visibility::name);
    let given =
        |what: &str| json!({"type": ["string", "null"], "maxLength": limits::PARAMETER_BYTES_MAX, "description": what});
    let q = || given("A search phrase; none for every event.");
    let from = || given("Begin of the time, RFC 3339 or relative as in a search; none for the past 24 hours.");
    let to = || given("End of the time; none for no bound.");
    let visibility = json!({"type": "string", "enum": words, "description": "Who sees it."});
    let chosen = || or_null(visibility.clone());
    let name = || readable(limits::NAME_CHARS_MAX);
    let new = json!({"name": name(), "q": q(), "from": from(), "to": to(), "visibility": chosen()});
    let update = json!({"name": or_null(name()), "q": q(), "from": from(), "to": to(), "visibility": chosen()});
    let text = || json!({"type": "string"});
    let owner = open(json!({"id": text(), "name": text()}), &["id", "name"]);
    let search = json!({
        "id": text(),
        "name": text(),
        "q": or_null(text()),
        "from": or_null(text()),
        "to": or_null(text()),
        "visibility": visibility,
        "owner": or_null(owner),
        "created_at": time(),
        "updated_at": time(),
    });
    let all = ["id", "name", "q", "from", "to", "visibility", "owner", "created_at", "updated_at"];
    vec![
        ("NewSavedSearch", closed(new, &["name"])),
        ("SavedSearchUpdate", closed(update, &[])),
        ("SavedSearch", open(search, &all)),
        ("SavedSearches", open(json!({"saved_searches": list("SavedSearch")}), &["saved_searches"])),
    ]
}
