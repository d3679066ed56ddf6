//! Who may do what: the one check in front of every route.
//!
//! [`authorize`] is called for each request with what the route table demands, before anything else of it is looked at.
//! What a caller may not know of is answered as if it were not there. Nothing else in this crate may decide who is let
//! through; what somebody may give to others is compared by the handlers, with what is granted here.

mod caller;
mod identify;
mod right;
mod standing;

use std::sync::Arc;

use actarium_core::filter::Scope;
use actarium_store::Organization;
use axum::http::{HeaderMap, Method};

pub use caller::{Caller, Person, Provisioner, USER_SENDER, Via};
pub use right::{Area, Right, Rights};
pub use standing::{Asked, Standing};

use crate::app::App;
use crate::context::Context;
use crate::directory::document::Level;
use crate::directory::personal::Method::Sso;
use crate::directory::{Directory, Effective, scim_token};
use crate::problem::{Kind, Problem};
use crate::routes::{Permission, Route};
use crate::token::TokenHash;

/// What was let through.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Who it is.
    pub caller: Caller,
    /// The organization that the path names.
    pub organization: Option<Arc<Organization>>,
    /// What the caller holds there; nothing where the path names none.
    pub holds: Arc<Effective>,
    /// What of the organization's log the caller sees.
    pub scope: Scope,
}

/// What was not let through.
#[derive(Debug)]
pub struct Denied {
    /// The answer.
    pub problem: Problem,
    /// Who it was.
    pub caller: Caller,
    /// Why.
    pub reason: Reason,
}

/// Why something was not let through: refusals for different reasons are different records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There was no credential.
    NoCredential,
    /// What was sent is no credential of this service.
    MalformedCredential,
    /// The credential was never made, or was revoked.
    UnknownCredential,
    /// The session is over.
    UnknownSession,
    /// The credential had an end, which has passed.
    Expired,
    /// The credential may not be used from where it came.
    Network,
    /// No page of ours asked for it.
    Csrf,
    /// The organization is not there, or not the caller's to know of.
    UnknownOrganization,
    /// The caller does not hold what the route asks for.
    Forbidden,
    /// The caller was let through to the route, and does not hold what was asked of it.
    NotHeld,
}

impl Reason {
    /// The reason in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::NoCredential => "no_credential",
            Reason::MalformedCredential => "malformed_credential",
            Reason::UnknownCredential => "unknown_credential",
            Reason::UnknownSession => "unknown_session",
            Reason::Expired => "expired",
            Reason::Network => "network",
            Reason::Csrf => "csrf",
            Reason::UnknownOrganization => "unknown_organization",
            Reason::Forbidden => "forbidden",
            Reason::NotHeld => "not_held",
        }
    }
}

/// The credentials that requests are checked against and the directory does not keep.
#[derive(Debug)]
pub struct Credentials {
    /// Hash of the operator's token.
    pub operator: TokenHash,
}

/// Whether a session that an organization's identity provider brought about is kept out: its password, second factor and other
/// sessions are the person's, and the provider's word counts in its organization only.
fn is_out_of_reach(app: &App, caller: &Caller, route: &Route) -> bool {
    let Caller::Person(person) = caller else { return false };
    let Via::Session(id) = &person.via else { return false };
    // One that has ended in between is kept out as well.
    let by_provider = || app.directory.read(|state| state.personal().session(id).is_none_or(|kept| kept.method == Sso));
    !route.of_organization() && !route.takes_provider_sessions && by_provider()
}

/// Lets a request through to a route, or not.
///
/// `slug` is the organization of the path, if the route has one.
///
/// # Errors
/// [`Denied`] with 401 for no or an unknown credential, 404 for an organization that is not there or that is not the
/// caller's to know of, 403 for what the caller does not hold.
pub fn authorize(
    app: &App,
    context: &Context,
    (method, headers): (&Method, &HeaderMap),
    slug: Option<&str>,
    route: &Route,
) -> Result<Granted, Denied> {
    let permission = route.permission;
    let unidentified = |organization| {
        let (holds, scope) = (Arc::new(Effective::default()), Scope::nothing());
        Ok(Granted { caller: Caller::Anonymous, organization, holds, scope })
    };
    if permission == Permission::Public {
        return unidentified(None);
    }
    if permission == Permission::OpenLog
        && let Some(organization) = slug.and_then(|slug| app.engine.organization(slug))
        && app.directory.read(|state| state.access(organization.id).has_open_log())
    {
        return unidentified(Some(organization));
    }
    let caller = identify::identify(app, context, method, headers)?;
    let Some(slug) = slug else {
        if !may_without_organization(&caller, permission) || is_out_of_reach(app, &caller, route) {
            return Err(forbidden(caller, permission));
        }
        return Ok(Granted { caller, organization: None, holds: Arc::default(), scope: Scope::nothing() });
    };
    let known = app.engine.organization(slug).and_then(|organization| {
        let holds = held(&app.directory, &caller, &organization)?;
        Some((organization, holds))
    });
    let Some((organization, holds)) = known else {
        let shown: String = slug.chars().take(64).collect();
        let problem = Problem::new(Kind::NotFound, format!("there is no organization `{shown}`"));
        return Err(Denied { problem, caller, reason: Reason::UnknownOrganization });
    };
    let caller = caller.as_called_in(&app.directory, organization.id);
    if let Caller::Person(person) = &caller {
        app.sign_in.uses.note_in(person.credential(), organization.id, app.clock.now());
    }
    match scope_of(&caller, &holds, permission) {
        Some(scope) => Ok(Granted { caller, organization: Some(organization), holds, scope }),
        None => Err(forbidden(caller, permission)),
    }
}

/// Who has a session that a change on a public route comes with.
///
/// # Errors
/// [`Denied`] with 401 for no session, 403 for a change that no page of ours asked for.
pub fn session_of(app: &App, context: &Context, headers: &HeaderMap) -> Result<Arc<Person>, Denied> {
    match identify::identify(app, context, &Method::POST, headers)? {
        Caller::Person(person) if matches!(person.via, Via::Session(_)) => Ok(person),
        other => Err(forbidden(other, Permission::Session)),
    }
}

fn forbidden(caller: Caller, permission: Permission) -> Denied {
    let needed = permission.description();
    let problem =
        Problem::new(Kind::Forbidden, format!("the credential is known, but does not permit this: {needed} is needed"));
    Denied { problem, caller, reason: Reason::Forbidden }
}

/// What the caller holds in an organization; `None` if it may not know of it.
fn held(directory: &Directory, caller: &Caller, organization: &Organization) -> Option<Arc<Effective>> {
    match caller {
        Caller::Anonymous => None,
        Caller::Operator => Some(Arc::new(Effective::of(Rights::ALL, &Level::Organization))),
        Caller::Key(key) => (key.organization == organization.id).then(Arc::default),
        Caller::Scim(provisioner) => (provisioner.organization == organization.id)
            .then(|| Arc::new(directory.read(|state| scim_token::held(state, organization.id, &provisioner.token)))),
        Caller::Person(person) => {
            if !person.reaches(organization.id) {
                return None;
            }
            let held = directory.read(|state| state.effective(organization.id, &person.user.id))?;
            Some(if person.rights_max == Rights::ALL { held } else { Arc::new(held.within(person.rights_max)) })
        }
    }
}

/// What of the log a caller sees who is let through to a route of an organization; `None` for who is not.
fn scope_of(caller: &Caller, holds: &Effective, permission: Permission) -> Option<Scope> {
    let sees_nothing = || Scope::nothing();
    match permission {
        Permission::Public | Permission::Authenticated => Some(sees_nothing()),
        Permission::Person | Permission::Session => None,
        Permission::Operator => matches!(caller, Caller::Operator).then_some(Scope::Everything),
        Permission::RecordEvents => matches!(caller, Caller::Operator | Caller::Key(_)).then(sees_nothing),
        // A SCIM token is for SCIM alone, whatever it was given to pass on.
        Permission::Right(_) if matches!(caller, Caller::Scim(_)) => None,
        Permission::Right(right) => holds.scope(right),
        Permission::RightAndWholeLog(_) if matches!(caller, Caller::Scim(_)) => None,
        Permission::RightAndWholeLog(right) => {
            let may = holds.organization.holds(right) && holds.organization.holds(Right::AuditLogsView);
            may.then_some(Scope::Everything)
        }
        Permission::WholeLog | Permission::OpenLog if matches!(caller, Caller::Scim(_)) => None,
        Permission::WholeLog | Permission::OpenLog => {
            holds.organization.holds(Right::AuditLogsView).then_some(Scope::Everything)
        }
        Permission::Scim(right) => {
            let may = matches!(caller, Caller::Scim(_) | Caller::Operator) && holds.organization.holds(right);
            may.then(sees_nothing)
        }
    }
}

fn may_without_organization(caller: &Caller, permission: Permission) -> bool {
    match permission {
        Permission::Public | Permission::Authenticated => true,
        Permission::Operator => matches!(caller, Caller::Operator),
        Permission::Person => matches!(caller, Caller::Person(_)),
        Permission::Session => matches!(caller, Caller::Person(person) if matches!(person.via, Via::Session(_))),
        Permission::RecordEvents
        | Permission::Right(_)
        | Permission::RightAndWholeLog(_)
        | Permission::Scim(_)
        | Permission::WholeLog
        | Permission::OpenLog => false,
    }
}
