//! A change of the directory in the making: what is written, and what is recorded about it. Both are one commit.

use std::collections::{BTreeSet, HashSet};

use actarium_core::filter::SCOPE_PROJECTS_MAX;
use actarium_core::row::EncodedRows;
use actarium_store::backend::DirectoryEntry;
use actarium_store::{Clock, DirectoryChange, NewOrganization, OrganizationId};

use super::document::{AccessRevision, Address, Document, Kept, Membership, REVISION_ID, User};
use super::sign_in::Identity;
use super::state::{AddressEntry, Changed, State};
use super::upcoming::{Unreadable, Upcoming};
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::spelling::address_key;

/// A change of the directory with its records.
#[derive(Debug, Default)]
pub struct Edit {
    changes: Vec<DirectoryChange>,
    /// What is taken out: kind, organization and id. A group that goes takes thousands of memberships with it.
    deleted: HashSet<(&'static str, Option<OrganizationId>, String)>,
    records: Vec<(OrganizationId, OwnRecord)>,
    rows: Vec<(OrganizationId, EncodedRows)>,
    organizations: Vec<NewOrganization>,
    access_of: BTreeSet<OrganizationId>,
}

impl Edit {
    /// Writes a document: a new one, or in the place of one that was read.
    ///
    /// # Errors
    /// 500 if it can't be written as JSON, which is a fault of this program.
    pub fn put<D: Document>(
        &mut self,
        organization: Option<OrganizationId>,
        id: &str,
        before: Option<&Kept<D>>,
        document: &D,
    ) -> Result<(), Problem> {
        let document = serde_json::to_string(document).map_err(|error| {
            tracing::error!(kind = D::KIND, %error, "a document of the directory cannot be written");
            Problem::new(Kind::Internal, "the change could not be written")
        })?;
        self.change::<D>(organization, id, before.map(|kept| kept.version), Some(document));
        Ok(())
    }

    /// Writes a new account with its address: among those of the organization that made it, else among people's own.
    ///
    /// # Errors
    /// As [`Edit::put`].
    pub fn account(&mut self, id: &str, account: &User) -> Result<(), Problem> {
        self.put(None, id, None, account)?;
        self.put(account.maker(), &address_key(&account.email), None, &Address { user: id.to_owned() })
    }

    /// Gives an account another address.
    ///
    /// # Errors
    /// As [`Edit::put`].
    pub fn move_account(&mut self, state: &State, account: &Kept<User>, email: &str) -> Result<(), Problem> {
        let moved = User { email: address_key(email), ..account.document.clone() };
        self.put(None, &account.id, Some(account), &moved)?;
        if let Some(AddressEntry { organization, id, version }) = state.address_entry(account) {
            self.delete::<Address>(*organization, id, *version);
        }
        self.put(account.maker(), &moved.email, None, &Address { user: account.id.clone() })
    }

    /// Takes a document out; one that this very change takes out already goes once.
    pub fn delete<D: Document>(&mut self, organization: Option<OrganizationId>, id: &str, version: u64) {
        self.takes_out::<D>(organization, id, version);
    }

    /// Takes a document out, and says whether this very change has not done so already.
    pub fn takes_out<D: Document>(&mut self, organization: Option<OrganizationId>, id: &str, version: u64) -> bool {
        let is_first = self.deleted.insert((D::KIND, organization, id.to_owned()));
        if is_first {
            self.change::<D>(organization, id, Some(version), None);
        }
        is_first
    }

    fn change<D: Document>(
        &mut self,
        organization: Option<OrganizationId>,
        id: &str,
        expected_version: Option<u64>,
        document: Option<String>,
    ) {
        let (kind, id) = (D::KIND.to_owned(), id.to_owned());
        self.changes.push(DirectoryChange { kind, organization, id, expected_version, document });
    }

    /// Says that who may do what in the organization is changed: no other such change may come in between.
    pub fn touches_access(&mut self, organization: OrganizationId) {
        self.access_of.insert(organization);
    }

    /// Creates an organization in the same commit.
    pub fn organization(&mut self, new: NewOrganization) {
        self.organizations.push(new);
    }

    /// Records something about the change in an organization's log.
    pub fn record(&mut self, organization: OrganizationId, record: OwnRecord) {
        self.records.push((organization, record));
    }

    /// Records own events that are encoded already, behind those of [`Edit::record`].
    pub fn record_rows(&mut self, organization: OrganizationId, rows: EncodedRows) {
        self.rows.push((organization, rows));
    }

    /// What it records, in its order.
    #[cfg(test)]
    pub fn recorded(&self) -> impl Iterator<Item = &OwnRecord> {
        self.records.iter().map(|(_, record)| record)
    }

    /// Whether nothing is changed or recorded.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.records.is_empty() && self.rows.is_empty() && self.organizations.is_empty()
    }

    /// The change for the store, and what it leaves in the directory.
    ///
    /// # Errors
    /// 409 if it would leave an organization without an administrator that has one, or give somebody more projects than they
    /// could see, 500 for a fault of this program.
    pub(super) fn finish(mut self, state: &State, clock: &dyn Clock) -> Result<Finished, Problem> {
        let revision = AccessRevision { changed_at: clock.now() };
        for organization in std::mem::take(&mut self.access_of) {
            let before = state.organization(organization).and_then(|access| access.revision);
            let kept = before.map(|version| Kept { id: REVISION_ID.to_owned(), version, document: revision.clone() });
            self.put(Some(organization), REVISION_ID, kept.as_ref(), &revision)?;
            keeps_its_rules(state, organization, &self.changes)?;
        }
        let changed = self.changes.iter().map(changed).collect();
        let mut records: Vec<(OrganizationId, EncodedRows)> = Vec::new();
        let mut add = |organization: OrganizationId, rows: EncodedRows| match records
            .iter_mut()
            .find(|(of, _)| *of == organization)
        {
            Some((_, before)) => before.append(&rows),
            None => records.push((organization, rows)),
        };
        for (organization, record) in &self.records {
            let called = |user: &str| called_in(state, *organization, &self.changes, user);
            add(*organization, record.clone().as_called(called).encode(clock)?);
        }
        std::mem::take(&mut self.rows).into_iter().for_each(|(organization, rows)| add(organization, rows));
        let change = actarium_store::Change { organizations: self.organizations, directory: self.changes, records };
        Ok(Finished { change, changed })
    }
}

/// A change that is ready for the store.
pub(super) struct Finished {
    pub change: actarium_store::Change,
    pub changed: Vec<Changed>,
}

/// What a change leaves in the directory.
pub(super) fn changed(change: &DirectoryChange) -> Changed {
    let entry = DirectoryEntry {
        kind: change.kind.clone(),
        organization: change.organization,
        id: change.id.clone(),
        version: change.expected_version.unwrap_or(0) + 1,
        document: change.document.clone().unwrap_or_default(),
    };
    Changed { entry, gone: change.document.is_none() }
}

/// An organization that has an administrator keeps one, and one who can sign in if it has such a one; and nobody is given the log
/// of more projects than what they see of it can name: the others would be missing without a word.
fn keeps_its_rules(state: &State, id: OrganizationId, changes: &[DirectoryChange]) -> Result<(), Problem> {
    let before = state.access(id);
    let unreadable = |error| {
        tracing::error!(%error, "a change of the directory cannot be read back");
        Problem::new(Kind::Internal, "the change could not be made")
    };
    let after = Upcoming::new(before, id, changes).map_err(unreadable)?;
    let now = Upcoming::unchanged(before);
    if !after.has_administrator(|_| true) && now.has_administrator(|_| true) {
        let detail =
            "it would leave the organization without an administrator; add another member to the group Admin first";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let equipped = equipped(changes).map_err(unreadable)?;
    let can_sign_in = |user: &str| state.can_sign_in(id, user);
    if !after.has_administrator(|user| equipped.contains(user) || can_sign_in(user))
        && now.has_administrator(can_sign_in)
    {
        let detail = "it would leave the organization without an administrator who can sign in; add another member who has a \
                      password, or has signed in through an identity provider, to the group Admin first";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    if after.exceeds_scopes() {
        let detail = format!(
            "it would give a user the log of more than {SCOPE_PROJECTS_MAX} projects, the most there may be; assign the role for \
             the organization, or for fewer projects"
        );
        return Err(Problem::new(Kind::Conflict, detail));
    }
    nobody_gains_by_a_known_password((state, id), changes, &after)
}

/// How many users an answer names.
const NAMED_MAX: usize = 5;

/// Nobody comes to rights through an account of the organization's whose password they gave it, or whose link they saw: such an
/// account gains nothing that they do not hold, until somebody who does gives it another password.
fn nobody_gains_by_a_known_password(
    (state, id): (&State, OrganizationId),
    changes: &[DirectoryChange],
    after: &Upcoming<'_>,
) -> Result<(), Problem> {
    let is_written = |user: &str| changes.iter().any(|change| change.kind == User::KIND && change.id == user);
    let mut beyond = Vec::new();
    for user in after.who_may_gain() {
        // What this very change makes or opens anew is judged by who makes it: they grant nothing that they do not hold.
        let Some(account) = state.user(user).filter(|_| !is_written(user)) else { continue };
        let Some(by) = account.opened_by(id) else { continue };
        let gains = after.effective(user);
        let had = state.effective(id, user);
        if !had.is_some_and(|had| had.covers(&gains)) && !after.effective(by).covers(&gains) {
            beyond.push(&*account.email);
        }
    }
    if beyond.is_empty() {
        return Ok(());
    }
    let named = beyond.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let more = if beyond.len() > NAMED_MAX { format!(" and {} more", beyond.len() - NAMED_MAX) } else { String::new() };
    let detail = format!(
        "the password of {named}{more} was given by somebody who does not hold what the account would gain, and may know it; give \
         it another one first (PATCH …/users/{{id}} with `password`), or remove the user and invite them by mail"
    );
    Err(Problem::new(Kind::Conflict, detail))
}

/// The users to whom changes give something to sign in with. None take it away but those by which they are no members any more.
fn equipped(changes: &[DirectoryChange]) -> Result<BTreeSet<String>, Unreadable> {
    let mut users = BTreeSet::new();
    for change in changes {
        let Some(document) = change.document.as_deref() else { continue };
        if change.kind == User::KIND && serde_json::from_str::<User>(document)?.password.is_some() {
            users.insert(change.id.clone());
        } else if change.kind == Identity::KIND {
            users.insert(serde_json::from_str::<Identity>(document)?.user);
        }
    }
    Ok(users)
}

/// What a member is called in an organization, somebody too who becomes one by these very changes.
fn called_in(state: &State, organization: OrganizationId, changes: &[DirectoryChange], user: &str) -> Option<String> {
    if let Some(called) = state.called_in(organization, user) {
        return Some(called.to_owned());
    }
    let joins = |change: &&DirectoryChange| {
        change.kind == Membership::KIND && change.organization == Some(organization) && change.id == user
    };
    let document = changes.iter().find(joins)?.document.as_deref()?;
    let member: Membership = serde_json::from_str(document).ok()?;
    member.name.or_else(|| state.user(user).map(|account| account.email.clone()))
}
