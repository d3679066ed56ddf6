//! Errors in the form of SCIM (RFC 7644, section 3.12), which is all that its clients read.
//!
//! Everywhere else errors are problem details. A [`Problem`] that leaves by a path of SCIM is written out here instead,
//! whichever layer it comes from, so that nothing else needs to know that there are two forms.

use serde_json::{Map, Value, json};

use crate::problem::{Kind, Problem};

/// Media type of everything that SCIM says.
pub const SCIM_JSON: &str = "application/scim+json";
/// URN of the message that an error is.
pub const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What kind of mistake it is, by RFC 7644, table 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// A filter that cannot be read, or that compares what can't be compared.
    InvalidFilter,
    /// A path of a change that cannot be read or names no attribute.
    InvalidPath,
    /// A body that is no message of SCIM.
    InvalidSyntax,
    /// A value that is needed and absent, or not what the attribute takes.
    InvalidValue,
    /// An attempt to change what may not be changed.
    Mutability,
    /// A path whose filter finds nothing, or no path where one is needed.
    NoTarget,
    /// More than is done in one request.
    TooMany,
    /// A value that must be unique and is taken.
    Uniqueness,
}

impl ScimType {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            ScimType::InvalidFilter => "invalidFilter",
            ScimType::InvalidPath => "invalidPath",
            ScimType::InvalidSyntax => "invalidSyntax",
            ScimType::InvalidValue => "invalidValue",
            ScimType::Mutability => "mutability",
            ScimType::NoTarget => "noTarget",
            ScimType::TooMany => "tooMany",
            ScimType::Uniqueness => "uniqueness",
        }
    }

    /// The problem's kind, which decides the status: 409 for what is taken, 400 for all others.
    const fn kind(self) -> Kind {
        match self {
            ScimType::Uniqueness => Kind::Conflict,
            ScimType::InvalidSyntax | ScimType::InvalidValue | ScimType::Mutability => Kind::MalformedBody,
            _ => Kind::InvalidParameter,
        }
    }
}

/// What a request asks for and does not get, because of itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", scim_type.name())]
pub struct Refused {
    /// What kind of mistake it is.
    pub scim_type: ScimType,
    /// What is wrong and what is allowed.
    pub detail: String,
}

impl Refused {
    /// A refusal.
    pub fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { scim_type, detail: detail.into() }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let mut problem = Problem::new(refused.scim_type.kind(), refused.detail);
        problem.scim_type = Some(refused.scim_type);
        problem
    }
}

/// Whether a path of the API belongs to SCIM.
pub fn is_scim_path(path: &str) -> bool {
    let mut segments = path.strip_prefix("/v1/orgs/").unwrap_or("").split('/').skip(1);
    segments.next() == Some("scim") && segments.next() == Some("v2")
}

/// A problem as the body of an answer of SCIM.
pub fn render(problem: &Problem) -> Vec<u8> {
    let mut detail = problem.detail.to_string();
    for error in &problem.errors {
        detail.push_str(match &error.pointer {
            Some(pointer) if !pointer.is_empty() => "; ",
            _ => ": ",
        });
        if let Some(pointer) = error.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            detail.push_str(pointer);
            detail.push(' ');
        }
        detail.push_str(&error.detail);
    }
    let mut body = Map::new();
    body.insert("schemas".into(), json!([ERROR_SCHEMA]));
    body.insert("status".into(), Value::String(problem.kind.status().as_u16().to_string()));
    if let Some(scim_type) = scim_type(problem) {
        body.insert("scimType".into(), Value::String(scim_type.name().into()));
    }
    body.insert("detail".into(), Value::String(detail));
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The type of a problem; of those that come from layers which know nothing of SCIM, the nearest one.
fn scim_type(problem: &Problem) -> Option<ScimType> {
    problem.scim_type.or(match problem.kind {
        Kind::MalformedBody => Some(ScimType::InvalidSyntax),
        Kind::InvalidParameter => Some(ScimType::InvalidValue),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(problem: &Problem) -> Value {
        serde_json::from_slice(&render(problem)).unwrap()
    }

    #[test]
    fn an_error_says_its_type_and_its_status_as_a_text() {
        let taken = Problem::from(Refused::new(ScimType::Uniqueness, "taken"));
        assert_eq!(
            rendered(&taken),
            json!({"schemas": [ERROR_SCHEMA], "status": "409", "scimType": "uniqueness", "detail": "taken"})
        );
        let denied = Problem::new(Kind::Forbidden, "no");
        assert_eq!(rendered(&denied), json!({"schemas": [ERROR_SCHEMA], "status": "403", "detail": "no"}));
        let unreadable = Problem::new(Kind::MalformedBody, "no JSON").with_error("/a", "is wrong");
        assert_eq!(rendered(&unreadable)["scimType"], "invalidSyntax");
        assert_eq!(rendered(&unreadable)["detail"], "no JSON; /a is wrong");
    }

    #[test]
    fn only_paths_of_scim_have_its_form() {
        for path in ["/v1/orgs/acme/scim/v2/Users", "/v1/orgs/acme/scim/v2", "/v1/orgs/a/scim/v2/x/y"] {
            assert!(is_scim_path(path), "{path}");
        }
        for path in
            ["/v1/orgs/acme/scim-tokens", "/v1/orgs/scim/v2", "/scim/v2/Users", "/v1/orgs/acme/scim/v3/Users", ""]
        {
            assert!(!is_scim_path(path), "{path}");
        }
    }
}
