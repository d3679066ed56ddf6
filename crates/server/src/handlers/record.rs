//! `POST /v1/orgs/{org}/events`: reads, validates, appends, answers once it is durable.

use std::sync::Arc;

use actarium_core::event::{self, BodyForm, Intake, Limits};
use actarium_core::id::EventId;
use actarium_core::masking::Masking;
use actarium_core::row::EncodedRows;
use actarium_core::time;
use actarium_store::{Append, Appended, Clock, IdempotencyKey, Organization, OrganizationId};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::access::Caller;
use crate::answers::bytes_answer;
use crate::body;
use crate::dispatch::Call;
use crate::failures::{append_problem, refusal_problem};
use crate::handlers::proof::{receipt, wants_receipt};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::run;
use crate::routes::{JSON, NDJSON};
use crate::shares::Shares;

/// Source of the events that come by the API itself.
const SOURCE: &str = "api";
/// Bytes of one event's entry in an answer, about.
const ENTRY_BYTES: usize = 160;

/// The header that makes a request repeatable.
pub static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Records the events of the body.
///
/// # Errors
/// See the route table; nothing has been recorded then, unless the problem says that it is not known.
pub async fn record(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let key = idempotency_key(&call.headers, &call.caller)?;
    let (media, read) = call.read_body().await?;
    let form = if media == NDJSON { BodyForm::Ndjson } else { BodyForm::Json };
    let decoding = Decoding {
        body: read.bytes.clone(),
        form,
        sender: call.caller.sender(),
        environment: environment(&call.caller),
        masking: call.app.masking_of(organization.id),
        clock: call.app.clock.clone(),
        hash_body: key.is_some(),
    };
    let (rows, body_hash) = decode(decoding, &call.app.turns.decodings, organization.id).await?;
    let wants_receipt = wants_receipt(&call.headers);
    if wants_receipt && rows.len() > limits::RECEIPT_EVENTS_MAX {
        let (count, count_max) = (rows.len(), limits::RECEIPT_EVENTS_MAX);
        let detail =
            format!("a receipt is given for at most {count_max} events, not for {count}; send fewer, or ask for none");
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    let mut append = Append::new(organization.id, rows);
    append.idempotency_key = key.map(|(scope, key)| IdempotencyKey { scope, key, body: body_hash });
    let appending = call.app.engine.append(append);
    // The rows are the engine's now: what the body took is free for others.
    drop(read);
    let appended = appending.await.map_err(append_problem)?;
    let receipt = if wants_receipt { receipt_of(&call, &organization, appended.clone()).await } else { None };
    Ok(answer(&organization, &appended, receipt))
}

/// The receipt of what was recorded. It is recorded whatever comes of this, so a receipt that cannot be made is none.
async fn receipt_of(call: &Call, organization: &Arc<Organization>, appended: Appended) -> Option<String> {
    let (engine, of) = (call.app.engine.clone(), organization.clone());
    let made = run(&call.app.turns.lookups, organization.id, limits::QUERY_TIME_MAX, move |_| {
        receipt(&engine, &of, &appended)
    })
    .await;
    made.inspect_err(|problem| tracing::warn!(detail = %problem.detail, "a receipt could not be made")).ok()
}

/// The environment that the caller's events are stamped with.
pub fn environment(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Key(key) => key.environment.clone(),
        _ => None,
    }
}

/// The scope and text of an `Idempotency-Key`.
///
/// # Errors
/// 400 if it is not 1 to [`limits::IDEMPOTENCY_KEY_CHARS_MAX`] visible ASCII characters, or stands more than once.
pub fn idempotency_key(headers: &HeaderMap, caller: &Caller) -> Result<Option<(String, String)>, Problem> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bytes = value.as_bytes();
    let good = (1..=limits::IDEMPOTENCY_KEY_CHARS_MAX).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_graphic)
        && values.next().is_none();
    if !good {
        let chars_max = limits::IDEMPOTENCY_KEY_CHARS_MAX;
        let detail = format!("`Idempotency-Key` must stand once and be 1 to {chars_max} visible ASCII characters");
        return Err(Problem::new(Kind::InvalidHeader, detail));
    }
    Ok(Some((caller.sender(), String::from_utf8_lossy(bytes).into_owned())))
}

struct Decoding {
    body: Bytes,
    form: BodyForm,
    sender: String,
    environment: Option<String>,
    masking: Arc<Masking>,
    clock: Arc<dyn Clock>,
    hash_body: bool,
}

async fn decode(
    decoding: Decoding,
    turns: &Shares,
    organization: OrganizationId,
) -> Result<(EncodedRows, [u8; 32]), Problem> {
    if decoding.body.len() <= limits::BODY_INLINE_BYTES_MAX {
        return decode_now(&decoding);
    }
    let turn = body::turn(turns, organization).await?;
    let decoding_aside = move || {
        let _turn = turn;
        decode_now(&decoding)
    };
    tokio::task::spawn_blocking(decoding_aside)
        .await
        .unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "reading the events failed")))
}

fn decode_now(decoding: &Decoding) -> Result<(EncodedRows, [u8; 32]), Problem> {
    let mut intake = Intake::new(SOURCE, &decoding.sender, decoding.clock.now());
    intake.environment = decoding.environment.as_deref();
    intake.masking = &decoding.masking;
    let rows = event::decode(&decoding.body, decoding.form, &intake, &Limits::default()).map_err(refusal_problem)?;
    let body_hash = if decoding.hash_body { Sha256::digest(&decoding.body).into() } else { [0; 32] };
    Ok((rows, body_hash))
}

/// `{"events": [{"id", "seq", "recorded_at", "duplicate"}, …], "as_of": {"size", "root"}}`, written by hand because it
/// is made for every batch.
fn answer(organization: &Organization, appended: &Appended, receipt: Option<String>) -> Response {
    let mut out = Vec::with_capacity(128 + ENTRY_BYTES * appended.events.len());
    out.extend_from_slice(b"{\"events\":[");
    for (index, event) in appended.events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"id\":\"");
        out.extend_from_slice(&EventId::new(&organization.id.0, event.seq, event.recorded_at).to_text());
        out.extend_from_slice(b"\",\"seq\":");
        out.extend_from_slice(event.seq.to_string().as_bytes());
        out.extend_from_slice(b",\"recorded_at\":\"");
        time::push(&mut out, event.recorded_at);
        out.extend_from_slice(if event.duplicate { b"\",\"duplicate\":true}" } else { b"\",\"duplicate\":false}" });
    }
    out.extend_from_slice(b"],\"as_of\":");
    push_as_of(&mut out, appended.size, &appended.root);
    if let Some(receipt) = &receipt {
        out.extend_from_slice(b",\"receipt\":");
        out.extend_from_slice(receipt.as_bytes());
    }
    out.push(b'}');
    let mut response = bytes_answer(JSON, out);
    if receipt.is_some() {
        response.headers_mut().insert("preference-applied", HeaderValue::from_static("receipt"));
    }
    if appended.events.iter().any(|event| !event.duplicate) {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

/// Appends `{"size": N, "root": "<base64>"}`.
pub fn push_as_of(out: &mut Vec<u8>, size: u64, root: &[u8; 32]) {
    out.extend_from_slice(b"{\"size\":");
    out.extend_from_slice(size.to_string().as_bytes());
    out.extend_from_slice(b",\"root\":\"");
    out.extend_from_slice(BASE64.encode(root).as_bytes());
    out.extend_from_slice(b"\"}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idempotency_keys_are_visible_ascii() {
        let key = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(&IDEMPOTENCY_KEY, axum::http::HeaderValue::from_bytes(value).unwrap());
            idempotency_key(&headers, &Caller::Operator)
        };
        assert_eq!(key(b"a-1").unwrap(), Some(("operator".into(), "a-1".into())));
        assert!(key(&[b'x'; 255]).is_ok());
        for bad in [&[b'x'; 256][..], b"", b"a b", "ä".as_bytes()] {
            assert_eq!(key(bad).unwrap_err().kind, Kind::InvalidHeader, "{bad:?}");
        }
        assert!(idempotency_key(&HeaderMap::new(), &Caller::Operator).unwrap().is_none());
    }
}
