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
use crate::directory::{Directory, Effective};
use crate::handlers::scim_tokens;
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
    /// Why, in a word, for the record.
    pub reason: &'static str,
}

/// The credentials that requests are checked against and the directory does not keep.
#[derive(Debug)]
pub struct Credentials {
    /// Hash of the operator's token.
    pub operator: TokenHash,
}

/// Routes without an organization that a session which an organization's identity provider brought about is let through to: they
/// show and end the session itself, hold nothing of anybody's, or keep to what the session reaches.
const PATHS_OF_EVERY_SESSION: [&str; 5] =
    ["/v1/session", "/v1/catalog", "/v1/permissions", "/v1/tokens", "/v1/tokens/{id}"];

/// Keeps a session that an organization's identity provider brought about from the account itself: its password, second
/// factor and other sessions are the person's, and the provider's word counts in its organization only.
///
/// # Errors
/// [`Denied`] with 403.
pub fn keep_to_organization(app: &App, granted: Granted, route: &Route) -> Result<Granted, Denied> {
    let Caller::Person(person) = &granted.caller else { return Ok(granted) };
    let Via::Session(id) = &person.via else { return Ok(granted) };
    let elsewhere = !route.of_organization() && !PATHS_OF_EVERY_SESSION.contains(&route.path);
    // One that has ended in between is kept out as well.
    let by_provider = || app.directory.read(|state| state.personal().session(id).is_none_or(|kept| kept.method == Sso));
    if elsewhere && route.permission != Permission::Public && by_provider() {
        return Err(forbidden(granted.caller, route.permission));
    }
    Ok(granted)
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
    permission: Permission,
) -> Result<Granted, Denied> {
    let nothing = || (Arc::new(Effective::default()), Scope::nothing());
    if permission == Permission::Public {
        let (holds, scope) = nothing();
        return Ok(Granted { caller: Caller::Anonymous, organization: None, holds, scope });
    }
    if permission == Permission::OpenLog
        && let Some(organization) = slug.and_then(|slug| app.engine.organization(slug))
        && app.directory.read(|state| state.access(organization.id).has_open_log())
    {
        let (holds, scope) = nothing();
        return Ok(Granted { caller: Caller::Anonymous, organization: Some(organization), holds, scope });
    }
    let caller = identify::identify(app, context, method, headers)?;
    let Some(slug) = slug else {
        let (holds, scope) = nothing();
        let granted = Granted { caller, organization: None, holds, scope };
        return if may_without_organization(&granted.caller, permission) {
            Ok(granted)
        } else {
            Err(forbidden(granted.caller, permission))
        };
    };
    let known = app.engine.organization(slug).and_then(|organization| {
        let holds = held(&app.directory, &caller, &organization)?;
        Some((organization, holds))
    });
    let Some((organization, holds)) = known else {
        let shown: String = slug.chars().take(64).collect();
        let problem = Problem::new(Kind::NotFound, format!("there is no organization `{shown}`"));
        return Err(Denied { problem, caller, reason: "unknown_organization" });
    };
    let caller = caller.as_called_in(&app.directory, organization.id);
    match scope_of(&caller, &holds, permission) {
        Some(scope) => Ok(Granted { caller, organization: Some(organization), holds, scope }),
        None => Err(forbidden(caller, permission)),
    }
}

fn forbidden(caller: Caller, permission: Permission) -> Denied {
    let needed = permission.description();
    let problem =
        Problem::new(Kind::Forbidden, format!("the credential is known, but does not permit this: {needed} is needed"));
    Denied { problem, caller, reason: "forbidden" }
}

/// What the caller holds in an organization; `None` if it may not know of it.
fn held(directory: &Directory, caller: &Caller, organization: &Organization) -> Option<Arc<Effective>> {
    match caller {
        Caller::Anonymous => None,
        Caller::Operator => Some(Arc::new(Effective::of(Rights::ALL, &Level::Organization))),
        Caller::Key(key) => (key.organization == organization.id).then(Arc::default),
        Caller::Scim(provisioner) => (provisioner.organization == organization.id)
            .then(|| Arc::new(directory.read(|state| scim_tokens::held(state, organization.id, &provisioner.token)))),
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
        Permission::OpenLog if matches!(caller, Caller::Scim(_)) => None,
        Permission::OpenLog => holds.scope(Right::AuditLogsView),
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
        Permission::RecordEvents | Permission::Right(_) | Permission::Scim(_) | Permission::OpenLog => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::key::tests::key;

    #[test]
    fn a_key_may_write_and_nothing_else() {
        let caller = Caller::Key(Arc::new(key("")));
        let nothing = Effective::default();
        assert!(scope_of(&caller, &nothing, Permission::RecordEvents).is_some());
        assert!(scope_of(&caller, &nothing, Permission::Operator).is_none());
        for right in Right::ALL {
            assert!(scope_of(&caller, &nothing, Permission::Right(right)).is_none(), "{right:?}");
        }
    }
}
