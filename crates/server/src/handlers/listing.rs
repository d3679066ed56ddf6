//! Pages of what is kept in memory: sorted by a key, cut after the last entry that was shown.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::answers::json_answer;
use crate::dispatch::Call;
use crate::limits;
use crate::parameters::invalid;
use crate::problem::Problem;

/// A page of entries, each with the key that it is sorted by, which must be unique: `{NAME: […], "next_cursor": …|null}`.
///
/// # Errors
/// 400 for a cursor that is none.
pub fn page<T>(
    call: &Call,
    name: &str,
    mut entries: Vec<(String, T)>,
    show: impl Fn(&T) -> Value,
) -> Result<Response, Problem> {
    let limit = call.parameters.integer("limit").map_or(limits::LIST_ENTRIES_DEFAULT, |limit| limit as usize);
    let after = call.parameters.one("cursor").map(read_cursor).transpose()?;
    if let Some(after) = &after {
        entries.retain(|(key, _)| key > after);
    }
    entries.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|(key, _)| URL_SAFE_NO_PAD.encode(key));
    let shown: Vec<Value> = entries.iter().map(|(_, entry)| show(entry)).collect();
    json_answer(&json!({name: shown, "next_cursor": next}))
}

fn read_cursor(text: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| invalid("cursor", "it is not the `next_cursor` of a page"))
}

/// Whether one of the texts has in it what `search` asks for, without regard to case.
pub fn is_wanted(call: &Call, texts: &[&str]) -> bool {
    let Some(search) = call.parameters.one("search") else { return true };
    let search = actarium_core::text::fold(search);
    texts.iter().any(|text| actarium_core::text::fold(text).contains(&search))
}
