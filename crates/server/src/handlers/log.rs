//! `/v1/orgs/{org}/log/…`: checkpoints, tiles and the verifier key, with the media types and cache headers that readers of
//! c2sp.org/tlog-tiles expect.

use actarium_core::time;
use actarium_core::tlog::{KeyKind, TileAddress, VerifierKey, hash_to_base64};
use actarium_store::{Engine, Organization, ProofError, Published};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::answers::{bytes_answer, json_answer, text_answer};
use crate::dispatch::Call;
use crate::failures::read_problem;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::run;
use crate::routes::BYTES;
use crate::witnessing::Status;

/// A checkpoint is the newest for as long as none can follow it.
const NEWEST: &str = "max-age=1";
/// What never changes.
const IMMUTABLE: &str = "max-age=31536000, immutable";

/// The newest checkpoint.
///
/// # Errors
/// 503 if there is none yet and none can be made.
pub async fn checkpoint(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let published = newest(call, &organization).await?;
    let engine = &call.app.engine;
    let note = if call.parameters.one("witnessed") == Some("true") {
        let witnessed = engine.witnessed(organization.id).map(|(_, note)| note);
        witnessed.ok_or_else(|| Problem::new(Kind::NotFound, "no witness has signed a checkpoint of this log"))?
    } else {
        engine.with_cosignatures(organization.id, published.size, &published.note)
    };
    Ok(cached(call, text_answer(note), NEWEST))
}

/// How the log stands: where it ends, what was published of it, who signed that, when it was read again.
///
/// # Errors
/// If there is no such log.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (app, id) = (&call.app, organization.id);
    let head = app.engine.head(id).map_err(read_problem)?;
    let key = app.engine.verifier_key(id);
    let published = app.engine.published(id);
    let kept = app.engine.newest_cosignatures(id);
    let size = published.as_ref().map_or(0, |published| published.size);
    let witnesses: Vec<Value> =
        app.witnesses.status(id, size, &kept).iter().map(|status| witness_shown(status, size)).collect();
    let scrub = app.scrubs.last(id).map(|pass| {
        let finished_at = time::to_text(pass.finished_at);
        json!({"finished_at": finished_at, "segments": pass.segments, "end_seq": pass.end_seq})
    });
    let stopped = app.engine.damaged().into_iter().find(|(slug, _)| *slug == organization.slug);
    let public = app.directory.read(|state| state.access(id).has_open_log());
    json_answer(&json!({
        "origin": key.name(),
        "key": key.to_string(),
        "log_key": log_key(&app.engine).to_string(),
        "generation": app.engine.generation(id),
        "public": public,
        "size": head.size,
        "root": hash_to_base64(&head.root),
        "state": if stopped.is_some() { "stopped" } else { "ok" },
        "detail": stopped.map(|(_, detail)| detail),
        "checkpoint": published.map(|published| json!({
            "size": published.size,
            "root": hash_to_base64(&published.root),
            "published_at": time::to_text(published.published_at),
        })),
        "witnesses": witnesses,
        "copy": app.copies.as_ref().and_then(|copies| copies.newest(id)).map(|copied| json!({
            "size": copied.size,
            "copied_at": copied.at.map(time::to_text),
            "locked_until": copied.lock.map(|lock| lock.until),
        })),
        "scrub": scrub,
    }))
}

fn witness_shown(status: &Status, size: u64) -> Value {
    let signed = status.signed.as_ref();
    json!({
        "name": status.key.name(),
        "key": status.key.to_string(),
        "state": status.state,
        "detail": status.detail,
        "size": signed.map(|signed| signed.size),
        "signed_at": signed.map(|signed| time::to_text(signed.signed_at)),
        "behind": size.saturating_sub(signed.map_or(0, |signed| signed.size)),
    })
}

/// The key of the whole service as a verifier key: it stands for the logs of all its organizations.
pub fn log_key(engine: &Engine) -> VerifierKey {
    VerifierKey::new(engine.log_name(), KeyKind::Log, engine.log_public_key())
        .expect("a log's name and key are checked when it opens")
}

/// The newest published checkpoint; the first one is made when it is asked for.
async fn newest(call: &Call, organization: &Arc<Organization>) -> Result<Arc<Published>, Problem> {
    if let Some(published) = call.app.engine.published(organization.id) {
        return Ok(published);
    }
    let (engine, id) = (call.app.engine.clone(), organization.id);
    run(&call.app.turns.lookups, id, limits::QUERY_TIME_MAX, move |_| {
        engine.publish_checkpoints().map_err(read_problem)?;
        engine.published(id).ok_or_else(|| {
            Problem::new(
                Kind::Unavailable,
                "the log takes no writes and publishes no checkpoint; its operator has to look",
            )
        })
    })
    .await
}

/// A tile of hashes or a bundle of entries.
///
/// # Errors
/// 404 for what is no tile's path, or for one that the log is too short for.
pub async fn tile(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let address = TileAddress::parse(&format!("tile/{}", call.id));
    let address = address.map_err(|error| Problem::new(Kind::NotFound, error.to_string()))?;
    let (engine, id) = (call.app.engine.clone(), organization.id);
    let tile = run(&call.app.turns.lookups, id, limits::QUERY_TIME_MAX, move |_| {
        engine.tile(id, &address).map_err(read_problem)
    })
    .await?;
    let tile =
        tile.ok_or_else(|| Problem::new(Kind::NotFound, "the log has no such tile, or not yet as much of it"))?;
    Ok(cached(call, bytes_answer(BYTES, tile), IMMUTABLE))
}

/// The verifier key.
///
/// # Errors
/// None that are the client's.
pub fn key(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let key = call.app.engine.verifier_key(organization.id);
    Ok(cached(call, text_answer(format!("{key}\n")), NEWEST))
}

/// The changes of the key, signed by both keys each.
///
/// # Errors
/// None that are the client's.
pub fn handovers(call: &Call) -> Result<Response, Problem> {
    call.organization()?;
    let answer = json_answer(&json!({"handovers": call.app.engine.handovers()}))?;
    Ok(cached(call, answer, NEWEST))
}

/// Says how long an answer may be kept, and whether by others than who asked.
fn cached(call: &Call, mut response: Response, how: &str) -> Response {
    let who = if call.is_anonymous() { "public" } else { "private" };
    if let Ok(value) = HeaderValue::from_str(&format!("{who}, {how}")) {
        response.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    response
}

/// Why there is no proof.
pub fn proof_problem(error: ProofError) -> Problem {
    match error {
        ProofError::Sizes(detail) => Problem::new(Kind::InvalidParameter, detail),
        ProofError::Read(error) => read_problem(error),
    }
}

/// A checkpoint that has an event, with its size: the newest that a witness has signed, else the one that was published
/// last, else one of the log as it stands, signed at once.
///
/// # Errors
/// If the log cannot be read.
pub fn checkpoint_with(engine: &Engine, organization: &Organization, seq: u64) -> Result<(u64, String), Problem> {
    if let Some(witnessed) = engine.witnessed(organization.id).filter(|(size, _)| *size > seq) {
        return Ok(witnessed);
    }
    if let Some(published) = engine.published(organization.id).filter(|published| published.size > seq) {
        return Ok((published.size, published.note.clone()));
    }
    let head = engine.head(organization.id).map_err(read_problem)?;
    let note = engine.sign_checkpoint(organization.id, head).map_err(read_problem)?;
    Ok((head.size, note.to_string()))
}
