//! From what a request carries to who sends it: a token in `Authorization`, or a session's cookie.
//!
//! A cookie is sent by browsers whoever made the page that asks; so a change with a cookie needs the CSRF token of its
//! session, and an `Origin` that is ours where one is sent.

use std::sync::Arc;

use actarium_store::OrganizationId;
use axum::http::{HeaderMap, Method, header};

use super::caller::as_called;
use super::{Caller, Denied, Person, Provisioner, Reason, Rights, Via};
use crate::app::App;
use crate::context::Context;
use crate::directory::State;
use crate::directory::key::Key;
use crate::directory::personal::PersonalToken;
use crate::problem::{Kind, Problem};
use crate::signin::opening::{cookie_form, ends_at, reach};
use crate::signin::session::{has_csrf_token, is_own_origin};
use crate::token::{self, Shape};

fn denied(reason: Reason, detail: &'static str) -> Denied {
    Denied { problem: Problem::new(Kind::Unauthenticated, detail), caller: Caller::Anonymous, reason }
}

/// Who sends a request. A credential that is used is noted as used.
///
/// # Errors
/// 401 for no credential, an unknown one or one that is over, 403 for a key from outside its networks and for a change with
/// a cookie that no page of ours asked for.
pub(super) fn identify(app: &App, context: &Context, method: &Method, headers: &HeaderMap) -> Result<Caller, Denied> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return match cookie_form(app, context).token(headers) {
            Some(token) => by_cookie(app, method, headers, token),
            None => Err(denied(Reason::NoCredential, "send `Authorization: Bearer` with a token, or sign in")),
        };
    };
    let token = value.to_str().ok().and_then(bearer);
    let Some((token, shape)) = token.and_then(|token| token::shape(token).map(|shape| (token, shape))) else {
        return Err(denied(Reason::MalformedCredential, "the credential is none of this service's, or was damaged"));
    };
    let caller = match shape {
        Shape::Operator => token::same(&token::hash(token), &app.credentials.operator).then_some(Caller::Operator),
        Shape::Key { id } => key(app, context, id, token)?.map(Caller::Key),
        Shape::Scim { id } => provisioner(app, id, token)?.map(Caller::Scim),
        Shape::Personal { id } => of_token(app, id, token).map(|person| Caller::Person(Arc::new(person))),
        // A session is the cookie's alone: what a page can put into a header is not enough.
        Shape::Session { .. } => None,
        // An invitation is no credential: it is accepted, and that is all.
        Shape::Invitation { .. } => None,
    };
    caller.ok_or_else(|| denied(Reason::UnknownCredential, "the credential is not known here, or was revoked"))
}

fn by_cookie(app: &App, method: &Method, headers: &HeaderMap, token: &str) -> Result<Caller, Denied> {
    let person = match token::shape(token) {
        Some(Shape::Session { id }) => of_session(app, id, token),
        _ => None,
    };
    let person = person.ok_or_else(|| denied(Reason::UnknownSession, "the session is over; sign in again"))?;
    let caller = Caller::Person(Arc::new(person));
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    let own_origin = app.public_url.as_ref().map(|url| url.origin());
    if changes && !(has_csrf_token(headers, token) && is_own_origin(headers, own_origin)) {
        let detail = "a change with a session needs the header `X-CSRF-Token`, as `GET /v1/session` gives it, and comes \
                      from the service's own pages";
        return Err(Denied { problem: Problem::new(Kind::Csrf, detail), caller, reason: Reason::Csrf });
    }
    Ok(caller)
}

fn of_session(app: &App, id: &str, token: &str) -> Option<Person> {
    let now = app.clock.now();
    let person = app.directory.read(|state| {
        let session = state.personal().session(id)?;
        if !token::is_hash_of(&session.sha256, token) || ends_at(app, session) <= now {
            return None;
        }
        let only = session.only_in.as_deref().and_then(OrganizationId::from_hex);
        let user = as_called(state, only, state.user(&session.user)?);
        let organizations = reach(state, session);
        Some(Person { user, via: Via::Session(id.to_owned()), rights_max: Rights::ALL, organizations })
    })?;
    app.sign_in.uses.note(id, now);
    Some(person)
}

fn of_token(app: &App, id: &str, secret: &str) -> Option<Person> {
    let now = app.clock.now();
    let person = app.directory.read(|state| {
        let token = state.personal().token(id)?;
        if !token::is_hash_of(&token.sha256, secret) || token.expires_at <= now {
            return None;
        }
        let rights_max = token.rights_max();
        let organizations = reach_of_token(state, token);
        let only = organizations.as_deref().and_then(|ids| if let [only] = ids { Some(*only) } else { None });
        let user = as_called(state, only, state.user(&token.user)?);
        Some(Person { user, via: Via::Token(id.to_owned()), rights_max, organizations })
    })?;
    app.sign_in.uses.note(id, now);
    Some(person)
}

/// The organizations that a token works in, should its owner be a member; `None` for all.
fn reach_of_token(state: &State, token: &PersonalToken) -> Option<Vec<OrganizationId>> {
    let reached = |ids: &Vec<String>| -> Vec<OrganizationId> {
        ids.iter().filter_map(|id| OrganizationId::from_hex(id)).filter(|id| token.reaches(*id)).collect()
    };
    match &token.organizations {
        Some(ids) => Some(reached(ids)),
        None if token.ended_in.is_empty() => None,
        None => Some(state.organizations_of(&token.user).filter(|id| token.reaches(*id)).collect()),
    }
}

/// The on-premises key whose token it is; `None` if it was never made or was revoked.
fn key(app: &App, context: &Context, id: &str, token: &str) -> Result<Option<Arc<Key>>, Denied> {
    let known = app.directory.read(|state| state.keys().get(id).cloned());
    let Some(key) = known.filter(|key| token::is_hash_of(&key.sha256, token)) else { return Ok(None) };
    let now = app.clock.now();
    if key.is_over(now) {
        return Err(ended(Caller::Key(key)));
    }
    if !key.may_come_from(context.ip) {
        let from = context.ip.map_or_else(|| "an unknown address".into(), |ip| ip.to_canonical().to_string());
        let problem = Problem::new(Kind::Forbidden, format!("the key may not be used from {from}"));
        return Err(Denied { problem, caller: Caller::Key(key), reason: Reason::Network });
    }
    app.sign_in.uses.note(id, now);
    Ok(Some(key))
}

/// The identity provider whose token it is; `None` if it was never made or was revoked.
fn provisioner(app: &App, id: &str, token: &str) -> Result<Option<Arc<Provisioner>>, Denied> {
    let known = app.directory.read(|state| state.scim_token(id).map(|(of, kept)| (of, kept.clone())));
    let Some((organization, kept)) = known.filter(|(_, kept)| token::is_hash_of(&kept.sha256, token)) else {
        return Ok(None);
    };
    let now = app.clock.now();
    let provisioner = Arc::new(Provisioner { organization, token: kept });
    if provisioner.token.expires_at.is_some_and(|at| at <= now) {
        return Err(ended(Caller::Scim(provisioner)));
    }
    app.sign_in.uses.note(id, now);
    Ok(Some(provisioner))
}

/// What is answered to a credential that is known and over: whoever has the whole of it may know.
fn ended(caller: Caller) -> Denied {
    Denied {
        problem: Problem::new(Kind::Unauthenticated, "the credential has expired"),
        caller,
        reason: Reason::Expired,
    }
}

/// The token of a `Bearer` credential (RFC 6750, section 2.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_credentials_are_read() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
