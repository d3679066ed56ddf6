//! Errors as clients see them: problem details (RFC 9457) with a stable `type`.
//!
//! A handler that cannot go on returns a [`Problem`]; the kind says what the client is to do about it. The problem
//! travels as an extension of the response and becomes bytes in one place (`observe`), where the request id is known.
//! This file must not decide whether something is an error.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::scim::error::ScimType;

/// Media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What the `type` of every problem begins with.
pub const TYPE_BASE: &str = "https://actarium.dev/problems/";

/// What went wrong, as far as it matters for what the client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The body is not JSON, or not in the form that is read here.
    MalformedBody,
    /// A parameter that does not exist, or a value that can't be read.
    InvalidParameter,
    /// A search phrase that cannot be read.
    InvalidPhrase,
    /// A header that can't be read.
    InvalidHeader,
    /// No credential, or one that is not known.
    Unauthenticated,
    /// The password is right; the code of the second factor is needed too.
    SecondFactorRequired,
    /// A known credential that may not do this.
    Forbidden,
    /// A change with a cookie that no page of ours asked for.
    Csrf,
    /// Too many tries; the next one may come later.
    TooManyRequests,
    /// Nothing there, or nothing that the caller may know of.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// No form that the client accepts.
    NotAcceptable,
    /// The client did not send its request in time.
    RequestTimeout,
    /// It contradicts what is there.
    Conflict,
    /// What is there is not any more as the client has it.
    PreconditionFailed,
    /// Larger than what is read.
    TooLarge,
    /// The path and query are too long.
    UriTooLong,
    /// A content type or encoding that is not read.
    UnsupportedMediaType,
    /// Readable, but against the rules of an event.
    InvalidEvent,
    /// Readable, but against the rules of what is to be made.
    InvalidContent,
    /// Too many or too large headers.
    HeadersTooLarge,
    /// A fault of the server.
    Internal,
    /// Too much at once; nothing was recorded.
    Overloaded,
    /// The store can't be written or read now; nothing was recorded.
    Unavailable,
    /// A query that passed its bounds of time or memory.
    QueryTooCostly,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 25] = [
        Kind::MalformedBody,
        Kind::InvalidParameter,
        Kind::InvalidPhrase,
        Kind::InvalidHeader,
        Kind::Unauthenticated,
        Kind::SecondFactorRequired,
        Kind::Forbidden,
        Kind::Csrf,
        Kind::TooManyRequests,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::NotAcceptable,
        Kind::RequestTimeout,
        Kind::Conflict,
        Kind::PreconditionFailed,
        Kind::TooLarge,
        Kind::UriTooLong,
        Kind::UnsupportedMediaType,
        Kind::InvalidEvent,
        Kind::InvalidContent,
        Kind::HeadersTooLarge,
        Kind::Internal,
        Kind::Overloaded,
        Kind::Unavailable,
        Kind::QueryTooCostly,
    ];

    /// The last part of the problem's `type`; never changes.
    pub const fn name(self) -> &'static str {
        self.entry().0
    }

    /// The status code that goes with it.
    pub const fn status(self) -> StatusCode {
        self.entry().1
    }

    /// A short title, the same for every problem of the kind.
    pub const fn title(self) -> &'static str {
        self.entry().2
    }

    const fn entry(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Kind::MalformedBody => ("malformed-body", StatusCode::BAD_REQUEST, "The body cannot be read"),
            Kind::InvalidParameter => ("invalid-parameter", StatusCode::BAD_REQUEST, "A parameter cannot be read"),
            Kind::InvalidPhrase => ("invalid-phrase", StatusCode::BAD_REQUEST, "The search phrase cannot be read"),
            Kind::InvalidHeader => ("invalid-header", StatusCode::BAD_REQUEST, "A header cannot be read"),
            Kind::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED, "A valid credential is needed"),
            Kind::SecondFactorRequired => {
                ("second-factor-required", StatusCode::UNAUTHORIZED, "The second factor is needed too")
            }
            Kind::Csrf => ("csrf", StatusCode::FORBIDDEN, "The request was not made by a page of this service"),
            Kind::TooManyRequests => ("too-many-requests", StatusCode::TOO_MANY_REQUESTS, "Too many tries"),
            Kind::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The credential does not permit this"),
            Kind::NotFound => ("not-found", StatusCode::NOT_FOUND, "Not found"),
            Kind::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here")
            }
            Kind::NotAcceptable => ("not-acceptable", StatusCode::NOT_ACCEPTABLE, "No acceptable form"),
            Kind::RequestTimeout => ("request-timeout", StatusCode::REQUEST_TIMEOUT, "The request took too long"),
            Kind::Conflict => ("conflict", StatusCode::CONFLICT, "It contradicts what is there"),
            Kind::PreconditionFailed => {
                ("precondition-failed", StatusCode::PRECONDITION_FAILED, "It was changed in the meantime")
            }
            Kind::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
            Kind::UriTooLong => ("uri-too-long", StatusCode::URI_TOO_LONG, "The path and query are too long"),
            Kind::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The content type is not read here")
            }
            Kind::InvalidEvent => ("invalid-event", StatusCode::UNPROCESSABLE_ENTITY, "An event is against the rules"),
            Kind::InvalidContent => {
                ("invalid-content", StatusCode::UNPROCESSABLE_ENTITY, "The content is against the rules")
            }
            Kind::HeadersTooLarge => {
                ("headers-too-large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large")
            }
            Kind::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "A fault of the server"),
            Kind::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "Too much at once"),
            Kind::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "The store is not available"),
            Kind::QueryTooCostly => {
                ("query-too-costly", StatusCode::SERVICE_UNAVAILABLE, "The query passed its bounds")
            }
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorItem {
    /// Which event of the batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// JSON Pointer (RFC 6901) to what is wrong, within that event or within the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong and what is allowed.
    pub detail: String,
}

/// Where in a text reading failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column within the line, from 1: bytes of a JSON body, characters of a search phrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// Bytes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// Bytes of the text that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

/// An error on its way to the client. (In a box, because every result carries room for one.)
#[derive(Clone, Debug)]
pub struct Problem(Box<Details>);

impl std::ops::Deref for Problem {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl std::ops::DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// What a problem says.
#[derive(Clone, Debug)]
pub struct Details {
    /// What kind it is.
    pub kind: Kind,
    /// What happened this time, in a sentence.
    pub detail: Cow<'static, str>,
    /// Everything that is wrong, where there can be more than one thing.
    pub errors: Vec<ErrorItem>,
    /// Where reading failed.
    pub position: Option<Position>,
    /// Seconds after which trying again makes sense.
    pub retry_after_seconds: Option<u32>,
    /// Methods that the path has, for 405.
    pub allow: Option<String>,
    /// What kind of mistake it is for clients of SCIM.
    pub scim_type: Option<ScimType>,
    /// What it is about besides what the path names, as targets of its record; clients are not told.
    pub about: Vec<Value>,
}

#[derive(Serialize)]
struct Rendered<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ErrorItem],
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
}

impl Problem {
    /// A problem of a kind with what happened.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_seconds =
            (kind.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(crate::limits::RETRY_AFTER_SECONDS);
        let detail = detail.into();
        let (errors, position, allow, scim_type, about) = (Vec::new(), None, None, None, Vec::new());
        Self(Box::new(Details { kind, detail, errors, position, retry_after_seconds, allow, scim_type, about }))
    }

    /// Says what it is about besides what the path names, for its record.
    #[must_use]
    pub fn about(mut self, target: Value) -> Self {
        self.about.push(target);
        self
    }

    /// Adds one thing that is wrong.
    #[must_use]
    pub fn with_error(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(ErrorItem { index: None, pointer: Some(pointer.into()), detail: detail.into() });
        self
    }

    /// Says where reading failed.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Says when trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// The answer's body.
    ///
    /// `instance` is the request id: what to look for in the server's log.
    pub fn render(&self, instance: &str) -> Vec<u8> {
        let rendered = Rendered {
            r#type: format!("{TYPE_BASE}{}", self.kind.name()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
            position: self.position,
        };
        serde_json::to_vec(&rendered).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"actarium\""));
        }
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_kebab_case() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        }
    }

    #[test]
    fn a_problem_renders_what_is_there_and_nothing_else() {
        let problem = Problem::new(Kind::MalformedBody, "no value").at(Position {
            line: Some(2),
            column: Some(7),
            ..Position::default()
        });
        let value: serde_json::Value = serde_json::from_slice(&problem.render("req-1")).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "type": "https://actarium.dev/problems/malformed-body",
                "title": "The body cannot be read",
                "status": 400,
                "detail": "no value",
                "instance": "req-1",
                "position": {"line": 2, "column": 7},
            })
        );
    }

    #[test]
    fn what_is_worth_another_try_says_when() {
        let response = Problem::new(Kind::Overloaded, "busy").into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert!(Problem::new(Kind::NotFound, "no").into_response().headers().get(header::RETRY_AFTER).is_none());
    }
}
