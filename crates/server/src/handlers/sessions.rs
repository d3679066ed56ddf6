//! Sessions, listed and ended: by their owner at `/v1/sessions`, by administrators within their organization.
//!
//! A session may open several organizations, and none of them decides for the others: an administrator ends it for their
//! own, and only when it opens nothing else then it is gone.

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Person, Via};
use crate::answers::{json_answer, no_content};
use crate::app::App;
use crate::directory::personal::Session;
use crate::directory::{Edit, Kept, State, change};
use crate::dispatch::Call;
use crate::handlers::groups::must_cover;
use crate::handlers::session::{person, session_id};
use crate::handlers::users::{rank, user_target};
use crate::problem::{Kind, Problem};
use crate::signin::attempt::logs_within;
use crate::signin::opening::{ends_at, target};

/// For whom sessions are listed.
#[derive(Clone, Copy)]
enum Viewer<'v> {
    /// Their person, in a session of their own or with a token.
    Owner(Option<&'v str>),
    /// Administrators of an organization: when a session was used in another is not for them to know.
    Organization(OrganizationId),
}

impl Viewer<'_> {
    /// When a session was used last, as far as the viewer may know.
    fn last_used_at(self, app: &App, session: &Kept<Session>) -> Option<Micros> {
        match self {
            Viewer::Owner(_) => Some(app.sign_in.uses.last(&session.id, session.last_used_at)),
            Viewer::Organization(id) => {
                let written = session.last_used_in.get(&id.to_hex()).copied();
                app.sign_in.uses.last_in(&session.id, id, written)
            }
        }
    }

    /// When it is over, if it is not used again before; for others than its owner, at the latest.
    fn expires_at(self, app: &App, session: &Kept<Session>) -> Micros {
        match self {
            Viewer::Owner(_) => ends_at(app, session),
            Viewer::Organization(_) => app.sign_in.expiry.ends_at(session.created_at, Micros::MAX),
        }
    }
}

fn shown(app: &App, state: &State, session: &Kept<Session>, viewer: Viewer<'_>) -> Value {
    let of = session.only_in.as_deref().and_then(OrganizationId::from_hex);
    let provider = session.provider.as_ref().map(|id| {
        let known = of.and_then(|of| state.sign_in(of).provider(id));
        json!({"id": id, "name": known.map(|known| known.name.clone())})
    });
    json!({
        "id": session.id,
        "current": matches!(viewer, Viewer::Owner(Some(own)) if own == session.id),
        "method": session.method.name(),
        "provider": provider,
        "created_at": time::to_text(session.created_at),
        "last_used_at": viewer.last_used_at(app, session).map(time::to_text),
        "expires_at": time::to_text(viewer.expires_at(app, session)),
        "ip": session.ip,
        "user_agent": session.user_agent,
    })
}

fn list_shown(
    app: &App,
    state: &State,
    mut sessions: Vec<&Kept<Session>>,
    viewer: Viewer<'_>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    sessions.retain(|session| ends_at(app, session) > now);
    sessions.sort_by_key(|session| std::cmp::Reverse((viewer.last_used_at(app, session), session.created_at)));
    let shown: Vec<_> = sessions.into_iter().map(|session| shown(app, state, session, viewer)).collect();
    json_answer(&json!({ "sessions": shown }))
}

fn own_id(person: &Person) -> Option<&str> {
    match &person.via {
        Via::Session(id) => Some(id),
        Via::Token(_) => None,
    }
}

/// Lists the sessions of the person who calls, as far as their own opens what these open: what their person does in
/// other organizations is not for who can bring about sessions for one.
///
/// # Errors
/// 403 for who is no person.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let person = person(call)?;
    call.app.directory.read(|state| {
        let own = state.personal().sessions_of(&person.user.id).map(|session| &**session);
        let sessions = own.filter(|session| person.covers_session(state, session)).collect();
        list_shown(&call.app, state, sessions, Viewer::Owner(own_id(&person)))
    })
}

fn no_such_session() -> Problem {
    Problem::new(Kind::NotFound, "there is no such session")
}

/// Ends a session of the person who calls.
///
/// # Errors
/// 404 if they have no such session, or one that opens what theirs does not.
pub async fn revoke(call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    session_id(&person)?;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let session = state.personal().session(&call.id);
        let own = session.filter(|session| session.user == person.user.id && person.covers_session(state, session));
        let session = own.ok_or_else(no_such_session)?;
        let mut edit = Edit::default();
        edit.delete::<Session>(None, &session.id, session.version);
        let user = json!({"type": "user", "id": person.user.id, "name": person.user.name});
        let record = call.record("session.revoke", target(&session.id)).on(user);
        for organization in logs_within(&call.app, state, &person.user.id, |id| session.reaches(id)) {
            edit.record(organization, record.clone());
        }
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}

/// Lists the sessions of a member that open the organization.
///
/// # Errors
/// 404 for who is no member.
pub fn list_of_user(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app.directory.read(|state| {
        if state.access(organization).member(&call.id).is_none() {
            return Err(Problem::new(Kind::NotFound, "the organization has no such user"));
        }
        let sessions = state.personal().sessions_of(&call.id).map(|session| &**session);
        let sessions = sessions.filter(|session| session.reaches(organization)).collect();
        list_shown(&call.app, state, sessions, Viewer::Organization(organization))
    })
}

/// Ends a member's session for the organization.
///
/// # Errors
/// 404 if no member has such a session that opens the organization, 403 for who holds more than the caller.
pub async fn revoke_of_user(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let session = state.personal().session(&call.id);
        let session = session.filter(|session| access.member(&session.user).is_some() && session.reaches(organization));
        let session = session.ok_or_else(no_such_session)?;
        must_cover(&call.holds, &rank(state, organization, &session.user), "the user")?;
        let mut edit = Edit::default();
        let elsewhere = |other| other != organization && session.reaches(other);
        if state.organizations_of(&session.user).any(elsewhere) {
            let mut document = session.document.clone();
            document.ended_in.push(organization.to_hex());
            edit.put(None, &session.id, Some(&**session), &document)?;
        } else {
            edit.delete::<Session>(None, &session.id, session.version);
        }
        let user = user_target(state, organization, &session.user);
        edit.record(organization, call.record("session.revoke", target(&session.id)).on(user));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
