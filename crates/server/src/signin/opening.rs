//! The beginning and the end of sessions as changes of the directory, for whichever way somebody proves who they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_store::OrganizationId;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::attempt::{logs_of, logs_within};
use super::device::Devices;
use super::password::Passwords;
use super::session::{CookieForm, Expiry, csrf_token};
use super::throttle::Throttle;
use super::uses::Uses;
use crate::access::{Caller, Person, Right, Rights, Via};
use crate::answers::json_answer;
use crate::app::App;
use crate::context::Context;
use crate::directory::document::User;
use crate::directory::personal::{Method, Session};
use crate::directory::{Edit, IdentityProvider, Kept, State, session_ended};
use crate::handlers::organizations::name_of;
use crate::limits;
use crate::problem::Problem;
use crate::recorder::OwnRecord;
use crate::serve::service_actor;
use crate::token;

/// What signing in needs besides the directory.
pub struct SignIn {
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Says how often may be tried.
    pub throttle: Throttle,
    /// What browsers keep of accounts that were signed in to with them.
    pub devices: Devices,
    /// When sessions and tokens were used last.
    pub uses: Uses,
    /// When sessions are over.
    pub expiry: Expiry,
}

/// The second factor that somebody gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondProof {
    /// None: it was not asked for.
    None,
    /// A code of the authenticator.
    Totp,
    /// A recovery code, now used up.
    RecoveryCode {
        /// How many there are still.
        left: usize,
    },
}

impl SecondProof {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            SecondProof::None => "none",
            SecondProof::Totp => "totp",
            SecondProof::RecoveryCode { .. } => "recovery_code",
        }
    }
}

/// What a session is to be.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Whose it is.
    pub user: Arc<Kept<User>>,
    /// How the person proved who they are.
    pub method: Method,
    /// What second factor was given.
    pub second_factor: SecondProof,
    /// The identity provider that they came through, if it was one.
    pub through: Option<Arc<Kept<IdentityProvider>>>,
    /// The one organization that it opens, if not all of the person's.
    pub only_in: Option<OrganizationId>,
    /// The organization that the person joins in the very same change.
    pub joins: Option<OrganizationId>,
    /// Whether all other sessions of the person end with it.
    pub alone: bool,
}

/// A session that is made, with the token that is shown to its owner this once.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The token: the cookie's value.
    pub token: String,
    /// Whose it is and what it allows.
    pub person: Arc<Person>,
    /// When it began.
    pub created_at: Micros,
}

/// Makes a session within a change of the directory, and records it in every organization that it opens. Sessions beyond
/// the most that a person may have end, those first that were not used for longest.
///
/// # Errors
/// 500 for a fault of this program.
pub fn open(app: &App, context: &Context, state: &State, edit: &mut Edit, opening: Opening) -> Result<Opened, Problem> {
    let Opening { user, method, second_factor, through, only_in, joins, alone } = opening;
    let now = app.clock.now();
    let mut random = [0; token::SESSION_RANDOM_BYTES];
    app.entropy.fill(&mut random);
    let (id, token) = token::session(&random);
    let session = Session {
        user: user.id.clone(),
        sha256: token::to_hex(&token::hash(&token)),
        created_at: now,
        last_used_at: now,
        method,
        provider: through.as_ref().map(|provider| provider.id.clone()),
        ip: context.ip.map(|ip| ip.to_string()),
        user_agent: context.user_agent.as_deref().map(str::to_owned),
        only_in: only_in.map(OrganizationId::to_hex),
        ended_in: Vec::new(),
        last_used_in: BTreeMap::new(),
    };
    edit.put(None, &id, None, &session)?;
    let mut organizations = reach(state, &session);
    if let (Some(reached), Some(joined)) = (&mut organizations, joins.filter(|joined| session.reaches(*joined)))
        && !reached.contains(&joined)
    {
        reached.push(joined);
    }
    let person = Arc::new(Person { organizations, user, via: Via::Session(id.clone()), rights_max: Rights::ALL });
    let record = OwnRecord::of_request("session.sign_in", &Caller::Person(person.clone()), context, target(&id));
    let mut record = record.with("method", method.name()).with("second_factor", second_factor.name());
    if let SecondProof::RecoveryCode { left } = second_factor {
        record = record.with("recovery_codes_left", left);
    }
    if let Some(provider) = &through {
        record = record.with("provider", &*provider.id).with("issuer", &*provider.issuer);
    }
    // Somebody who joins in this very change is no member yet.
    let logs = match only_in {
        Some(only) => vec![only],
        None => {
            let own = state.organizations_of(&person.user.id).filter(|own| Some(*own) != joins);
            let own: Vec<_> = own.chain(joins).collect();
            if own.is_empty() { logs_of(app, state, &person.user.id) } else { own }
        }
    };
    for organization in &logs {
        edit.record(*organization, record.clone());
    }
    if alone {
        end_others(app, state, edit, &person.user.id, (&id, session.only_in.as_deref()), &record);
    } else {
        end_excess(app, state, edit, &person.user.id, (&logs, &record));
    }
    Ok(Opened { token, person, created_at: now })
}

/// A session as the target of a record.
pub fn target(id: &str) -> Value {
    json!({"type": "session", "id": id})
}

/// The organizations that a session opens, should the person be a member; `None` for all.
pub fn reach(state: &State, session: &Session) -> Option<Vec<OrganizationId>> {
    if session.only_in.is_none() && session.ended_in.is_empty() {
        return None;
    }
    Some(state.organizations_of(&session.user).filter(|organization| session.reaches(*organization)).collect())
}

/// When a session is over, if it is not used again before.
pub fn ends_at(app: &App, session: &Kept<Session>) -> Micros {
    let last_used_at = app.sign_in.uses.last(&session.id, session.last_used_at);
    app.sign_in.expiry.ends_at(session.created_at, last_used_at)
}

/// Ends sessions so that there is room for the one that `began` records. Logs that are not told of that one are told no more than
/// that there were too many.
fn end_excess(app: &App, state: &State, edit: &mut Edit, user: &str, (told, began): (&[OrganizationId], &OwnRecord)) {
    let why = "more sessions than one person may have";
    let mut sessions: Vec<_> = state.personal().sessions_of(user).collect();
    sessions.sort_by_key(|session| app.sign_in.uses.last(&session.id, session.last_used_at));
    let excess = (sessions.len() + 1).saturating_sub(limits::SESSIONS_PER_USER_MAX);
    for session in sessions.into_iter().take(excess) {
        end(app, state, edit, session, |organization| {
            let record = session_ended(began, session).with("why", why);
            if told.contains(&organization) {
                return record;
            }
            let mut record = OwnRecord { actor: service_actor(), context: None, ..record };
            record.metadata.remove("because");
            record
        });
    }
}

/// Ends a session within a change, and records it in every organization that it opened. Whether it was not over yet.
fn end(
    app: &App,
    state: &State,
    edit: &mut Edit,
    session: &Kept<Session>,
    record: impl Fn(OrganizationId) -> OwnRecord,
) -> bool {
    // The change may have ended it already, for another reason, and recorded that.
    let is_first = edit.takes_out::<Session>(None, &session.id, session.version);
    let ends = is_first && ends_at(app, session) > app.clock.now();
    if ends {
        for organization in logs_within(app, state, &session.user, |organization| session.reaches(organization)) {
            edit.record(organization, record(organization));
        }
    }
    ends
}

/// Ends the sessions of a user but one, within a change that makes what they were begun with worthless and that `cause` records;
/// those that open what that one does, if it opens one organization alone: another's provider brought about the others.
pub fn end_others<'s>(
    app: &App,
    state: &'s State,
    edit: &mut Edit,
    user: &str,
    (kept, only_in): (&str, Option<&str>),
    cause: &OwnRecord,
) -> Vec<&'s Arc<Kept<Session>>> {
    let ends =
        |session: &Kept<Session>| session.id != kept && (only_in.is_none() || session.only_in.as_deref() == only_in);
    let others = state.personal().sessions_of(user).filter(|session| ends(session));
    others.filter(|session| end(app, state, edit, session, |_| session_ended(cause, session))).collect()
}

/// How cookies are named and flagged for a request.
pub fn cookie_form(app: &App, context: &Context) -> CookieForm {
    CookieForm { of_host: app.public_url.as_ref().is_some_and(|url| url.is_https()), secure: context.tls }
}

/// The answer to who has signed in: what `GET /v1/session` tells, and the cookie.
///
/// # Errors
/// 500 if it cannot be written.
pub fn signed_in(app: &App, context: &Context, opened: &Opened) -> Result<Response, Problem> {
    let ends_at = app.sign_in.expiry.ends_at(opened.created_at, opened.created_at);
    let mut response = json_answer(&described(app, &opened.person, Some(&opened.token), ends_at))?;
    set_cookie(&mut response, &cookie_of(app, context, opened));
    Ok(response)
}

/// The `Set-Cookie` of a session that was made.
pub fn cookie_of(app: &App, context: &Context, opened: &Opened) -> String {
    let time_max: Duration = app.sign_in.expiry.absolute;
    cookie_form(app, context).hand_out(&opened.token, time_max)
}

/// Puts a `Set-Cookie` on an answer.
pub fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Somebody with what they may do, by organization, as the API shows it to themselves.
pub fn described(app: &App, person: &Person, session_token: Option<&str>, expires_at: Micros) -> Value {
    let user = &person.user;
    app.directory.read(|state| {
        let mut organizations: Vec<Value> = Vec::new();
        for organization in state.organizations_of(&user.id).filter(|id| person.reaches(*id)) {
            let (Some(known), Some(held)) =
                (app.engine.organization_by_id(organization), state.effective(organization, &user.id))
            else {
                continue;
            };
            let held = held.within(person.rights_max);
            let sees = |rights: &Rights| rights.holds(Right::AuditLogsView);
            let projects: Vec<_> =
                held.projects.iter().filter(|(_, rights)| sees(rights)).map(|(id, _)| &**id).collect();
            let scope = match () {
                () if sees(&held.organization) => json!({"level": "organization"}),
                () if !projects.is_empty() => json!({"level": "project", "projects": projects}),
                () => Value::Null,
            };
            let by_project = held.projects.values().flat_map(|rights| rights.iter()).filter(|right| right.by_project());
            let permissions = held.organization.union(by_project.collect());
            organizations.push(json!({
                "slug": known.slug,
                "name": name_of(&known, state),
                "permissions": permissions.names(),
                "scope": scope,
                "administrators": administrators(state, organization),
            }));
        }
        organizations.sort_by(|left, right| left["slug"].as_str().cmp(&right["slug"].as_str()));
        json!({
            "user": {"id": user.id, "name": user.name, "email": user.email},
            "csrf_token": session_token.map(csrf_token),
            "expires_at": time::to_text(expires_at),
            "second_factor": state.personal().second_factor(&user.id).is_some(),
            "organizations": organizations,
        })
    })
}

/// What some administrators of an organization are called in it: whom its members ask for what they may not do. No address
/// and no id, and nobody who has no name but their address.
fn administrators(state: &State, organization: OrganizationId) -> Vec<&str> {
    let access = state.access(organization);
    let holders = access.administrators();
    let memberships = holders.iter().filter_map(|user| access.member(user));
    let mut names: Vec<&str> = memberships.filter_map(|member| member.name.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(limits::ADMINISTRATORS_NAMED_MAX);
    names
}
