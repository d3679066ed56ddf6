//! Who may be the second person: somebody who could have approved at the moment it was asked for, and whose account did not
//! come to be, or to its rights, by the hands of who asked. Otherwise whoever can make accounts would be both persons, and whoever can
//! give roles would choose the other.

use std::collections::BTreeSet;

use actarium_core::event::OWN_SOURCE;
use actarium_core::filter::{ActionPattern, Filter, Term};
use actarium_core::row::{Column, Micros, RowView};
use actarium_core::stored;
use actarium_query::{Stop, TimeRange};
use actarium_store::{OrganizationId, Snapshot};

use super::find::{Found, each};
use crate::access::{Right, Rights};
use crate::directory::document::Level;
use crate::directory::removal::Removal;
use crate::directory::{OrganizationAccess, Reason, State};
use crate::limits;
use crate::problem::Problem;
use crate::serve::SERVICE_ID;

/// Resources of the actions by which accounts come to be, change hands or come to rights.
const RESOURCES: [&str; 8] =
    ["user", "group.member", "group.role", "role", "password", "token", "identity_provider", "sign_in"];

/// What ties who says which domains' people join through a provider to those who did.
const JOINING: &str = "joining by domain";

/// What such a record ties its actor to.
const TIED_TYPES: [&str; 4] = ["user", "invitation", "token", "identity_provider"];

/// The accounts that are tied to one, and the rights that these gave.
#[derive(Debug, Default)]
pub struct Tied {
    /// The accounts, the one itself among them.
    pub accounts: BTreeSet<String>,
    /// Groups that they gave a role for the organization, with the role.
    assigned: BTreeSet<(String, String)>,
    /// Roles that they let approve.
    widened: BTreeSet<String>,
}

impl Tied {
    /// Whether somebody is the second person, as far as these go.
    pub fn may_approve(&self, access: &OrganizationAccess, user: &str) -> bool {
        !self.accounts.contains(user) && self.leaves(access, user)
    }

    /// Whether somebody may approve by what others gave: a role that none of these let approve, of a group that none of them gave it.
    fn leaves(&self, access: &OrganizationAccess, user: &str) -> bool {
        access.reasons(user).into_iter().any(|Reason { group, role, level, rights }| {
            level == Level::Organization
                && rights.holds(Right::RemovalsApprove)
                && !self.widened.contains(&role.0)
                && !self.assigned.contains(&(group.0, role.0))
        })
    }
}

/// What somebody gave by roles.
enum Gift {
    Assigned { group: String, role: String },
    Widened { role: String },
}

/// The accounts that are tied to one by what was recorded since shortly before a moment: who made, invited or changed whom,
/// directly or through others, invitations, tokens and identity providers. Blocks.
///
/// # Errors
/// If it takes too long or the log cannot be read.
pub fn tied_to(snapshot: &Snapshot, user: &str, at: Micros, stop: &Stop) -> Result<Tied, Problem> {
    let actions = RESOURCES.map(|resource| Filter::Term(Term::Action(ActionPattern::Under(resource.to_owned()))));
    let filter = Filter::and([Filter::Term(Term::Source(OWN_SOURCE.to_owned())), Filter::or(actions)]);
    let since = TimeRange { from: at.saturating_sub(limits::REMOVAL_TIES_AGE), ..TimeRange::ALL };
    let mut ties: Vec<BTreeSet<String>> = Vec::new();
    let mut gifts: Vec<(BTreeSet<String>, Gift)> = Vec::new();
    each(snapshot, (since, &filter), stop, &mut |event| match gift(&event.row) {
        Some(gift) => gifts.push((givers(&event.row), gift)),
        None => ties.extend(tie(&event.row)),
    })?;
    let mut tied = Tied { accounts: BTreeSet::from([user.to_owned()]), ..Tied::default() };
    loop {
        let before = tied.accounts.len();
        ties.retain(|tie| {
            let is_near = !tied.accounts.is_disjoint(tie);
            if is_near {
                tied.accounts.extend(tie.iter().cloned());
            }
            !is_near
        });
        if tied.accounts.len() == before {
            break;
        }
    }
    for (_, gift) in gifts.into_iter().filter(|(givers, _)| !tied.accounts.is_disjoint(givers)) {
        match gift {
            Gift::Assigned { group, role } => drop(tied.assigned.insert((group, role))),
            Gift::Widened { role } => drop(tied.widened.insert(role)),
        }
    }
    Ok(tied)
}

/// The ids of whoever is an actor of it.
fn givers(row: &RowView<'_>) -> BTreeSet<String> {
    row.get(Column::Actor).map(stored::actors).into_iter().flatten().map(|actor| actor.id.to_string()).collect()
}

/// What a record tells of roles that were given for the organization, or let approve from then on.
fn gift(row: &RowView<'_>) -> Option<Gift> {
    if row.get(Column::Outcome).is_some_and(|outcome| outcome != "success") {
        return None;
    }
    let target = |kind: &str| {
        let mut targets = row.get(Column::Targets).map(stored::targets)?;
        targets.find(|target| target.kind == kind).map(|target| target.id.to_string())
    };
    match row.get(Column::Action)? {
        "group.role.assign" => {
            let mut holds_everywhere = false;
            stored::metadata(row.get(Column::Metadata)?, &mut |key, value| {
                holds_everywhere |= key == "level" && value == Level::Organization.name();
            });
            holds_everywhere.then_some(Gift::Assigned { group: target("group")?, role: target("role")? })
        }
        "role.update" => {
            let approves = |names: &str| {
                let mut found = false;
                stored::leaves(names, &mut |name| {
                    found |= Rights::from_names([name]).is_ok_and(|rights| rights.holds(Right::RemovalsApprove));
                });
                found
            };
            let mut changes = row.get(Column::Changes).map(stored::changes)?;
            let widens = changes.any(|change| {
                change.path.starts_with("/permissions")
                    && change.after.is_some_and(approves)
                    && !change.before.is_some_and(approves)
            });
            widens.then_some(Gift::Widened { role: target("role")? })
        }
        _ => None,
    }
}

/// Those whom one record ties together. The operator and the service itself tie nobody: every account could be theirs. An
/// identity provider does, with whoever set it up and all whom it let in.
fn tie(row: &RowView<'_>) -> Option<BTreeSet<String>> {
    if row.get(Column::Outcome).is_some_and(|outcome| outcome != "success") {
        return None;
    }
    if row.get(Column::Action) == Some("user.update") && !opens_an_account(row) {
        return None;
    }
    let mut tie = BTreeSet::new();
    for actor in row.get(Column::Actor).map(stored::actors).into_iter().flatten() {
        let is_provider = actor.kind == "system" && actor.id != SERVICE_ID;
        if is_provider && row.get(Column::Action) == Some("user.create") {
            tie.insert(JOINING.to_owned());
        }
        if is_provider || !matches!(&*actor.kind, "system" | "anonymous") && actor.id != "operator" {
            tie.insert(actor.id.to_string());
        }
    }
    if tie.is_empty() {
        return None;
    }
    if row.get(Column::Action) == Some("sign_in.update") {
        tie.insert(JOINING.to_owned());
    }
    for target in row.get(Column::Targets).map(stored::targets).into_iter().flatten() {
        if TIED_TYPES.contains(&&*target.kind) {
            tie.insert(target.id.to_string());
        }
    }
    (tie.len() > 1).then_some(tie)
}

/// Whether a change of a user may have made the account somebody else's. What somebody is called does not, nor whether they are active;
/// the directory changes addresses too.
fn opens_an_account(row: &RowView<'_>) -> bool {
    let is_person = |text| stored::actors(text).next().is_some_and(|actor| actor.kind == "user");
    let mut is_opened = !row.get(Column::Actor).is_some_and(is_person);
    if let Some(metadata) = row.get(Column::Metadata) {
        stored::metadata(metadata, &mut |key, _| is_opened |= key == "password_set");
    }
    is_opened
}

/// Settles who may approve what is asked for, by what the directory and the log say at this moment.
pub fn settle(state: &State, organization: OrganizationId, removal: &mut Removal, (tied, found): (&Tied, &Found)) {
    let access = state.access(organization);
    let may = |user: &&String| is_eligible(state, organization, removal, user) && tied.may_approve(access, user);
    let mut approvers: Vec<String> = access.members().map(|(user, _)| user).filter(may).cloned().collect();
    approvers.sort();
    let acts = |user: &&String| state.user(user).is_some_and(|known| found.act_of(user, &known.email).is_some());
    removal.acting = approvers.iter().filter(acts).cloned().collect();
    removal.approvers = approvers;
}

/// Whether somebody could approve it when it was asked for, and still may as far as the directory says.
pub fn could_approve(state: &State, organization: OrganizationId, removal: &Removal, user: &str) -> bool {
    removal.approvers.iter().any(|approver| approver == user) && is_eligible(state, organization, removal, user)
}

/// Who is told to be able to approve it: of those who could, without whoever did one of the records.
pub fn listed<'r>(state: &State, organization: OrganizationId, removal: &'r Removal) -> Vec<&'r String> {
    let may = |user: &&String| could_approve(state, organization, removal, user) && !removal.acting.contains(user);
    removal.approvers.iter().filter(may).collect()
}

/// Whether somebody holds the right for the whole organization, was a member when it was asked for, and is not the person that it is
/// about. Who was removed and taken in again since is another member than the one who could approve it then.
fn is_eligible(state: &State, organization: OrganizationId, removal: &Removal, user: &str) -> bool {
    let held = state.effective(organization, user);
    held.is_some_and(|held| held.organization.holds(Right::RemovalsApprove))
        && state.access(organization).member(user).is_some_and(|member| member.joined_at <= removal.asked_at)
        && removal.subject.as_deref().is_none_or(|subject| subject != format!("user:{user}"))
}
