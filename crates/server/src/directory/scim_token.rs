//! What a SCIM token may do: what it was given, as long as who made it holds everything in the organization.
//!
//! Whoever has a token removes users and changes who is in groups, administrators too. So only somebody who holds every
//! permission makes one, and it rests while its maker holds less: nobody raises or removes anybody beyond themselves by it.

use actarium_store::OrganizationId;

use super::document::{Level, ScimToken};
use super::{Effective, State};
use crate::access::{Caller, Right, Rights, USER_SENDER};

/// What every SCIM token may do: read and write users and groups.
fn base_rights() -> Rights {
    Rights::from_iter([
        Right::UsersView,
        Right::UsersInvite,
        Right::UsersUpdate,
        Right::UsersDelete,
        Right::GroupsView,
        Right::GroupsManage,
    ])
}

/// What a token was given: what every one may do, and what it may pass on beyond.
pub fn rights_of(token: &ScimToken) -> Rights {
    base_rights().union(Rights::from_known_names(&token.permissions))
}

/// What who makes a token must hold.
pub fn needed_to_make() -> Effective {
    Effective::of(Rights::ALL, &Level::Organization)
}

/// What a token may do now: what it was given, or nothing where its maker holds less than who may make one.
pub fn held(state: &State, organization: OrganizationId, token: &ScimToken) -> Effective {
    let given = Effective::of(rights_of(token), &Level::Organization);
    if token.created_by == Caller::Operator.sender() {
        return given;
    }
    // Who left and came back begins anew.
    let was_member = |user: &&str| state.was_member_at(organization, user, token.created_at);
    let maker = token.created_by.strip_prefix(USER_SENDER).filter(was_member);
    let maker = maker.and_then(|user| state.effective(organization, user));
    if maker.is_some_and(|maker| maker.covers(&needed_to_make())) { given } else { Effective::default() }
}
