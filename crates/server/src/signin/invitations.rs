//! Which invitation holds, for whoever comes with its secret, and the end of those that nobody answered.
//!
//! An invitation gives what its inviter may give when it is accepted, not when it was made: who has lost the right to
//! invite, or to one of its groups, hands out nothing any more. Who may accept is decided by `handlers::accepting`.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use serde_json::{Value, json};

use crate::access::{Caller, Right, Rights, Standing, Via};
use crate::app::App;
use crate::directory::document::Level;
use crate::directory::invitation::{Invitation, Inviter, Status};
use crate::directory::personal::PersonalToken;
use crate::directory::{Edit, Effective, GroupView, Kept, State, change};
use crate::handlers::groups::must_be_ours_to_fill;
use crate::limits;
use crate::problem::Problem;
use crate::recorder::OwnRecord;
use crate::serve::service_actor;
use crate::token::{self, Shape};

/// Why a secret opens nothing. Who comes with it is told the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// No invitation has it.
    Unknown,
    /// The invitation has another one by now.
    Replaced,
    /// It was accepted already.
    Accepted,
    /// It was taken back.
    Revoked,
    /// It is too old.
    Expired,
    /// Who made it may not give any more what it gives.
    InviterMayNot,
}

impl Invalid {
    /// The reason as it is recorded.
    pub const fn reason(self) -> &'static str {
        match self {
            Invalid::Unknown => "unknown_invitation",
            Invalid::Replaced => "replaced",
            Invalid::Accepted => "accepted_already",
            Invalid::Revoked => "revoked",
            Invalid::Expired => "expired",
            Invalid::InviterMayNot => "inviter_may_not",
        }
    }

    /// How the try ended, as it is recorded.
    pub const fn outcome(self) -> &'static str {
        match self {
            Invalid::InviterMayNot => "denied",
            _ => "failure",
        }
    }
}

/// A secret that opens nothing, with the invitation that it names, if there is one.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub why: Invalid,
    /// The organization and the invitation.
    pub invitation: Option<(OrganizationId, Arc<Kept<Invitation>>)>,
}

/// An invitation that holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// The organization that it is to.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: Arc<Kept<Invitation>>,
    /// Those of its groups that are there still.
    pub groups: Vec<GroupView>,
}

/// Finds the invitation that a secret opens.
///
/// # Errors
/// [`Refused`] with the reason.
pub fn find(state: &State, secret: &str, now: Micros) -> Result<Held, Refused> {
    let unknown = Refused { why: Invalid::Unknown, invitation: None };
    let Some(Shape::Invitation { id }) = token::shape(secret) else { return Err(unknown) };
    let Some((organization, invitation)) = state.invitation(id) else { return Err(unknown) };
    let refused = |why| Refused { why, invitation: Some((organization, invitation.clone())) };
    match invitation.status_at(now) {
        Status::Pending => {}
        Status::Accepted => return Err(refused(Invalid::Accepted)),
        Status::Revoked => return Err(refused(Invalid::Revoked)),
        Status::Expired => return Err(refused(Invalid::Expired)),
    }
    if !invitation.sha256.as_deref().is_some_and(|stored| token::is_hash_of(stored, secret)) {
        return Err(refused(Invalid::Replaced));
    }
    let access = state.access(organization);
    let groups: Vec<GroupView> = invitation.groups.iter().filter_map(|group| access.group(group)).collect();
    let holds = held_by(state, organization, (&invitation.invited_by, invitation.sent_at), now);
    let may = |holds: &Effective| {
        holds.organization.holds(Right::UsersInvite)
            && groups.iter().all(|group| {
                // The directory may have taken the group over since.
                holds.covers(&access.given_by(&group.id))
                    && must_be_ours_to_fill(state, organization, group, holds).is_ok()
            })
    };
    if !holds.is_some_and(|holds| may(&holds)) {
        return Err(refused(Invalid::InviterMayNot));
    }
    Ok(Held { organization, invitation: invitation.clone(), groups })
}

/// What an inviter holds now; `None` for who is no active member any more, or whose token is no more.
fn held_by(
    state: &State,
    organization: OrganizationId,
    (inviter, sent_at): (&Inviter, Micros),
    now: Micros,
) -> Option<Arc<Effective>> {
    let Inviter::User { id, token, .. } = inviter else {
        return Some(Arc::new(Effective::of(Rights::ALL, &Level::Organization)));
    };
    // Who left and came back has invited nobody.
    if !state.was_member_at(organization, id, sent_at) {
        return None;
    }
    let held = state.effective(organization, id)?;
    let Some(token) = token else { return Some(held) };
    let holds =
        |token: &&Arc<Kept<PersonalToken>>| token.user == *id && token.expires_at > now && token.reaches(organization);
    let token = state.personal().token(token).filter(holds)?;
    Some(Arc::new(held.within(token.rights_max())))
}

/// A caller as an inviter; `None` for who can be none.
pub fn inviter(state: &State, organization: OrganizationId, caller: &Caller) -> Option<Inviter> {
    match caller {
        Caller::Operator => Some(Inviter::Operator),
        Caller::Person(person) => {
            let id = person.user.id.clone();
            let name = state.called_in(organization, &id).unwrap_or(&person.user.email).to_owned();
            let token = match &person.via {
                Via::Token(token) => Some(token.clone()),
                Via::Session(_) => None,
            };
            Some(Inviter::User { id, name, token })
        }
        Caller::Anonymous | Caller::Key(_) | Caller::Scim(_) => None,
    }
}

/// An invitation as the target of a record.
pub fn target(id: &str, email: &str) -> Value {
    json!({"type": "invitation", "id": id, "name": email})
}

/// Writes and records that nobody answered an invitation in time.
///
/// # Errors
/// 500 for a fault of this program.
pub fn expire(
    edit: &mut Edit,
    organization: OrganizationId,
    kept: &Kept<Invitation>,
    now: Micros,
) -> Result<(), Problem> {
    edit.put(Some(organization), &kept.id, Some(kept), &kept.ended(Status::Expired, now))?;
    let record = OwnRecord::new("user.invitation.expire", service_actor(), target(&kept.id, &kept.email));
    let record = record.changing("/status", Status::Pending.name(), Status::Expired.name());
    edit.record(organization, record.with("email", &*kept.email));
    Ok(())
}

/// Ends the invitations that nobody answered in time, each with its record, and takes those away that have been over for
/// long, which nobody does and the log has had since.
///
/// # Errors
/// If the directory could not be changed; it is tried again the next time.
pub async fn tidy(app: &Arc<App>) -> Result<(), Problem> {
    let now = app.clock.now();
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        let mut entries = 0;
        for (organization, invitation) in state.invitations() {
            if invitation.status == Status::Pending && invitation.expires_at <= now {
                expire(&mut edit, organization, invitation, now)?;
            } else if is_forgotten(invitation, now) {
                edit.delete::<Invitation>(Some(organization), &invitation.id, invitation.version);
            } else {
                continue;
            }
            entries += 1;
            if entries >= limits::TIDIED_AT_ONCE_MAX {
                break;
            }
        }
        Ok((edit, ()))
    })
    .await
}

fn is_forgotten(invitation: &Invitation, now: Micros) -> bool {
    invitation.ended_at.is_some_and(|ended_at| ended_at + micros(limits::INVITATION_LISTED_TIME_MAX) <= now)
}

/// A time as the clock counts it.
pub fn micros(time: Duration) -> Micros {
    time.as_micros() as Micros
}
