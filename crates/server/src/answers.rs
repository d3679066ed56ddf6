//! The forms of answers that handlers give: JSON, text, bytes, nothing.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::problem::{Kind, Problem};
use crate::routes::{JSON, TEXT};

/// An answer of JSON.
///
/// # Errors
/// 500 if the value can't be written, which is a fault of this program.
pub fn json_answer(value: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Problem::new(Kind::Internal, "the answer could not be written")
    })?;
    Ok(bytes_answer(JSON, bytes))
}

/// The answer of JSON about something that was made: 201.
///
/// # Errors
/// As [`json_answer`].
pub fn created(value: &impl Serialize) -> Result<Response, Problem> {
    let mut response = json_answer(value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// An answer of text in UTF-8.
pub fn text_answer(text: String) -> Response {
    let mut response = bytes_answer(TEXT, text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// An answer of a media type.
pub fn bytes_answer(form: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(form));
    response
}

/// The answer that has nothing to say: 204.
pub fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
