//! Who may do what: the one check in front of every route.
//!
//! [`authorize`] is called for each request with what the route table demands, before anything else of it is looked at.
//! What a caller may not know of is answered as if it were not there. Users, groups and roles will be asked here
//! too; nothing else in this crate may decide about access.

use std::sync::Arc;

use actarium_core::filter::Scope;
use actarium_store::{Engine, Organization};
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::keys::{Key, KeyRing};
use crate::problem::{Kind, Problem};
use crate::routes::Permission;
use crate::token::{self, Shape, TokenHash};

/// Who sends a request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody without a valid credential.
    Anonymous,
    /// The one who runs the service.
    Operator,
    /// A program with an on-premises key.
    Key(Arc<Key>),
}

impl Caller {
    /// The credential's stable name: the scope of `external_id` and `Idempotency-Key`.
    pub fn sender(&self) -> String {
        match self {
            Caller::Anonymous => "anonymous".into(),
            Caller::Operator => "operator".into(),
            Caller::Key(key) => format!("key:{}", key.id),
        }
    }

    /// The caller as the actor of one of Actarium's own records.
    pub fn actor(&self) -> Value {
        match self {
            Caller::Anonymous => json!({"type": "anonymous", "id": "anonymous"}),
            Caller::Operator => json!({"type": "api_key", "id": "operator", "name": "Operator"}),
            Caller::Key(key) => json!({"type": "api_key", "id": key.id, "name": key.name}),
        }
    }
}

/// What was let through.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Who it is.
    pub caller: Caller,
    /// The organization that the path names.
    pub organization: Option<Arc<Organization>>,
    /// What of that organization's log the caller sees.
    pub scope: Scope,
}

/// What was not let through.
#[derive(Debug)]
pub struct Denied {
    /// The answer.
    pub problem: Problem,
    /// Who it was.
    pub caller: Caller,
    /// Why, in a word, for the record.
    pub reason: &'static str,
}

/// The credentials that requests are checked against.
#[derive(Debug)]
pub struct Credentials {
    /// Hash of the operator's token.
    pub operator: TokenHash,
    /// The keys.
    pub keys: KeyRing,
}

/// Lets a request through to a route, or not.
///
/// `slug` is the organization of the path, if the route has one.
///
/// # Errors
/// [`Denied`] with 401 for no or an unknown credential, 404 for an organization that is not there or that is not the
/// caller's to know of, 403 for what the caller does not hold.
pub fn authorize(
    credentials: &Credentials,
    engine: &Engine,
    headers: &HeaderMap,
    slug: Option<&str>,
    permission: Permission,
) -> Result<Granted, Denied> {
    if permission == Permission::Public {
        return Ok(Granted { caller: Caller::Anonymous, organization: None, scope: Scope::nothing() });
    }
    let caller = identify(credentials, headers)?;
    let organization = slug.and_then(|slug| engine.organization(slug));
    if let Some(slug) = slug
        && !organization.as_ref().is_some_and(|organization| may_know(&caller, organization))
    {
        let shown: String = slug.chars().take(64).collect();
        let problem = Problem::new(Kind::NotFound, format!("there is no organization `{shown}`"));
        return Err(Denied { problem, caller, reason: "unknown_organization" });
    }
    if may(&caller, permission) {
        let scope = scope_of(&caller);
        return Ok(Granted { caller, organization, scope });
    }
    let problem = Problem::new(Kind::Forbidden, "the credential is known, but does not permit this");
    Err(Denied { problem, caller, reason: "forbidden" })
}

fn identify(credentials: &Credentials, headers: &HeaderMap) -> Result<Caller, Denied> {
    let denied = |reason, detail| Denied {
        problem: Problem::new(Kind::Unauthenticated, detail),
        caller: Caller::Anonymous,
        reason,
    };
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(denied("no_credential", "send `Authorization: Bearer` with a token"));
    };
    let token = value.to_str().ok().and_then(bearer);
    let Some((token, shape)) = token.and_then(|token| token::shape(token).map(|shape| (token, shape))) else {
        return Err(denied("malformed_credential", "the credential is none of this service's, or was damaged"));
    };
    let caller = match shape {
        Shape::Operator => token::same(&token::hash(token), &credentials.operator).then_some(Caller::Operator),
        Shape::Key { id } => credentials.keys.find(id, token).map(Caller::Key),
    };
    caller.ok_or_else(|| denied("unknown_credential", "the credential is not known here, or was revoked"))
}

/// The token of a `Bearer` credential (RFC 6750, section 2.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn may_know(caller: &Caller, organization: &Organization) -> bool {
    match caller {
        Caller::Anonymous => false,
        Caller::Operator => true,
        Caller::Key(key) => key.organization == organization.id,
    }
}

/// What of a log that it may know of the caller sees.
fn scope_of(caller: &Caller) -> Scope {
    match caller {
        Caller::Operator => Scope::Everything,
        Caller::Anonymous | Caller::Key(_) => Scope::nothing(),
    }
}

/// Whether the caller holds the permission in an organization that it may know of.
fn may(caller: &Caller, permission: Permission) -> bool {
    match caller {
        Caller::Anonymous => permission == Permission::Public,
        Caller::Operator => true,
        Caller::Key(_) => {
            matches!(permission, Permission::Public | Permission::Authenticated | Permission::RecordEvents)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actarium_store::OrganizationId;

    #[test]
    fn a_key_may_write_and_nothing_else() {
        let key = Key::new(OrganizationId([1; 16]), ("k".into(), "t"), "n".into(), None, 0);
        let caller = Caller::Key(Arc::new(key));
        assert!(may(&caller, Permission::RecordEvents));
        for permission in [Permission::Operator, Permission::ReadLog, Permission::ManageKeys] {
            assert!(!may(&caller, permission), "{permission:?}");
        }
    }

    #[test]
    fn only_bearer_credentials_are_read() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
