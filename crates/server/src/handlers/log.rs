//! `/v1/orgs/{org}/log/…`: checkpoints, tiles and the verifier key, with the media types and cache headers that readers of
//! c2sp.org/tlog-tiles expect.

use actarium_core::tlog::TileAddress;
use actarium_store::{Engine, Organization, ProofError, Published};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use std::sync::Arc;

use crate::dispatch::{Call, bytes_answer};
use crate::failures::read_problem;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::run;
use crate::routes::{BYTES, TEXT};

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
    Ok(cached(call, text_answer(published.note.clone()), NEWEST))
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

/// An answer of text in UTF-8.
pub fn text_answer(text: String) -> Response {
    let mut response = bytes_answer(TEXT, text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
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

/// A checkpoint that has an event: the one that was published last, or else one of the log as it stands, signed at once.
///
/// # Errors
/// If the log cannot be read.
pub fn checkpoint_with(engine: &Engine, organization: &Organization, seq: u64) -> Result<(u64, String), Problem> {
    if let Some(published) = engine.published(organization.id).filter(|published| published.size > seq) {
        return Ok((published.size, published.note.clone()));
    }
    let head = engine.head(organization.id).map_err(read_problem)?;
    let note = engine.sign_checkpoint(organization.id, head).map_err(read_problem)?;
    Ok((head.size, note.to_string()))
}
