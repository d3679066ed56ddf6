//! What is kept about one organization, in memory: its members, groups, roles and who has which, tokens, invitations.
//!
//! Entries come in through [`State::apply`](super::State::apply) alone. It must not decide whether a change is allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use actarium_store::backend::DirectoryEntry;
use parking_lot::Mutex;

use super::defaults::Default as DefaultRole;
use super::document::{
    AccessRevision, Document, Group, GroupMember, GroupRole, Kept, Level, Membership, OrganizationSettings, Role,
    ScimProfile, ScimToken, damaged,
};
use super::invitation::Invitation;
use super::{DirectoryDamaged, Effective, Reason};
use crate::access::Rights;

/// What is kept about one organization.
#[derive(Debug, Default)]
pub struct OrganizationAccess {
    /// Version of the entry that every change of access changes; none before the first.
    pub(super) revision: Option<u64>,
    settings: Option<Arc<Kept<OrganizationSettings>>>,
    members: HashMap<String, Arc<Kept<Membership>>>,
    groups: BTreeMap<String, Arc<Kept<Group>>>,
    roles: BTreeMap<String, Arc<Kept<Role>>>,
    /// Group → user.
    group_members: HashMap<String, BTreeMap<String, InGroup>>,
    /// Group → role → assignment.
    group_roles: HashMap<String, BTreeMap<String, Arc<Kept<GroupRole>>>>,
    /// User → groups.
    groups_of: HashMap<String, BTreeSet<String>>,
    scim_tokens: HashMap<String, Arc<Kept<ScimToken>>>,
    scim_profiles: HashMap<String, Arc<Kept<ScimProfile>>>,
    invitations: BTreeMap<String, Arc<Kept<Invitation>>>,
    /// What users hold, as far as it was asked for since the last change.
    effective: Mutex<HashMap<String, Arc<Effective>>>,
}

/// That a user is in a group.
#[derive(Clone, Debug)]
struct InGroup {
    version: u64,
    /// The identity provider whose mapping put them there.
    mapped_by: Option<String>,
}

/// A group, whether of the program or of the organization.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What is stored of it; none for a default group.
    pub kept: Option<Arc<Kept<Group>>>,
}

/// A role, whether of the program or of the organization.
#[derive(Clone, Debug)]
pub struct RoleView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Names of areas and permissions, as they were chosen.
    pub permissions: Vec<String>,
    /// What it gives.
    pub rights: Rights,
    /// What is stored of it; none for a default role.
    pub kept: Option<Arc<Kept<Role>>>,
}

impl OrganizationAccess {
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        match entry.kind.as_str() {
            Membership::KIND => put(&mut self.members, entry, gone)?,
            Group::KIND => put(&mut self.groups, entry, gone)?,
            Role::KIND => put(&mut self.roles, entry, gone)?,
            GroupMember::KIND => {
                let (group, user) = pair(entry)?;
                if gone {
                    take(&mut self.group_members, group, |members| {
                        members.remove(user).is_some() && members.is_empty()
                    });
                    take(&mut self.groups_of, user, |groups| groups.remove(group) && groups.is_empty());
                } else {
                    let Kept { version, document, .. } = Kept::<GroupMember>::from_entry(entry)?;
                    let member = InGroup { version, mapped_by: document.mapped_by };
                    self.group_members.entry(group.to_owned()).or_default().insert(user.to_owned(), member);
                    self.groups_of.entry(user.to_owned()).or_default().insert(group.to_owned());
                }
            }
            GroupRole::KIND => {
                let (group, role) = pair(entry)?;
                if gone {
                    take(&mut self.group_roles, group, |roles| roles.remove(role).is_some() && roles.is_empty());
                } else {
                    let kept = Arc::new(Kept::from_entry(entry)?);
                    self.group_roles.entry(group.to_owned()).or_default().insert(role.to_owned(), kept);
                }
            }
            // Who holds what does not follow from these.
            ScimToken::KIND => return put(&mut self.scim_tokens, entry, gone),
            ScimProfile::KIND => return put(&mut self.scim_profiles, entry, gone),
            Invitation::KIND => return put(&mut self.invitations, entry, gone),
            AccessRevision::KIND => self.revision = (!gone).then_some(entry.version),
            _ => self.settings = if gone { None } else { Some(Arc::new(Kept::from_entry(entry)?)) },
        }
        self.effective.get_mut().clear();
        Ok(())
    }

    /// What the organization has chosen for itself.
    pub fn settings(&self) -> Option<&Arc<Kept<OrganizationSettings>>> {
        self.settings.as_ref()
    }

    /// Whether everybody may read what the log proves: checkpoints, tiles, entries, which hold no personal data.
    pub fn has_open_log(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.log_public)
    }

    /// Whether the answer to a read of the log waits until the read is on record.
    pub fn reads_wait(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.reads_wait)
    }

    /// A membership.
    pub fn member(&self, user: &str) -> Option<&Arc<Kept<Membership>>> {
        self.members.get(user)
    }

    /// All memberships by the user's id, in no order.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&String, &Arc<Kept<Membership>>)> {
        self.members.iter()
    }

    /// All SCIM tokens, in no order.
    pub fn scim_tokens(&self) -> impl ExactSizeIterator<Item = &Arc<Kept<ScimToken>>> {
        self.scim_tokens.values()
    }

    /// A SCIM token.
    pub fn scim_token(&self, id: &str) -> Option<&Arc<Kept<ScimToken>>> {
        self.scim_tokens.get(id)
    }

    /// An invitation.
    pub fn invitation(&self, id: &str) -> Option<&Arc<Kept<Invitation>>> {
        self.invitations.get(id)
    }

    /// All invitations by id, those that are over too.
    pub fn invitations(&self) -> impl ExactSizeIterator<Item = &Arc<Kept<Invitation>>> {
        self.invitations.values()
    }

    /// What an identity provider says of a member.
    pub fn scim_profile(&self, user: &str) -> Option<&Arc<Kept<ScimProfile>>> {
        self.scim_profiles.get(user)
    }

    /// A group, default ones too.
    pub fn group(&self, id: &str) -> Option<GroupView> {
        if let Some(default) = DefaultRole::from_id(id) {
            return Some(default_group(default));
        }
        self.groups.get(id).map(kept_group)
    }

    /// All groups: the default ones, then the organization's by id.
    pub fn groups(&self) -> impl Iterator<Item = GroupView> {
        DefaultRole::ALL.into_iter().map(default_group).chain(self.groups.values().map(kept_group))
    }

    /// A role, default ones too.
    pub fn role(&self, id: &str) -> Option<RoleView> {
        if let Some(default) = DefaultRole::from_id(id) {
            return Some(default_role(default));
        }
        self.roles.get(id).map(kept_role)
    }

    /// All roles: the default ones, then the organization's by id.
    pub fn roles(&self) -> impl Iterator<Item = RoleView> {
        DefaultRole::ALL.into_iter().map(default_role).chain(self.roles.values().map(kept_role))
    }

    /// The users in a group, by id.
    pub fn members_of(&self, group: &str) -> impl Iterator<Item = &String> {
        self.group_members.get(group).into_iter().flat_map(BTreeMap::keys)
    }

    /// How many users are in a group.
    pub fn member_count(&self, group: &str) -> usize {
        self.group_members.get(group).map_or(0, BTreeMap::len)
    }

    /// Version of the entry by which a user is in a group.
    pub fn group_member_version(&self, group: &str, user: &str) -> Option<u64> {
        self.group_members.get(group)?.get(user).map(|member| member.version)
    }

    /// Whether a user is in a group because the mapping of this identity provider put them there.
    pub fn is_mapped_by(&self, provider: &str, group: &str, user: &str) -> bool {
        let member = self.group_members.get(group).and_then(|members| members.get(user));
        member.is_some_and(|member| member.mapped_by.as_deref() == Some(provider))
    }

    /// Whether being in a group makes somebody an administrator.
    pub fn gives_administration(&self, group: &str) -> bool {
        let admin = DefaultRole::Admin.id();
        let assigned = || self.assignment(group, admin).is_some_and(|kept| kept.level == Level::Organization);
        group == admin || assigned()
    }

    /// Who is in which group because an identity provider's mapping put them there: group, user, version of the entry.
    pub fn mapped_by<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = (&'a str, &'a str, u64)> {
        let members = self.group_members.iter().flat_map(|(group, members)| {
            members.iter().map(move |(user, member)| (group.as_str(), user.as_str(), member))
        });
        let mapped = members.filter(move |(_, _, member)| member.mapped_by.as_deref() == Some(provider));
        mapped.map(|(group, user, member)| (group, user, member.version))
    }

    /// The groups that a user is in, by id.
    pub fn groups_of(&self, user: &str) -> impl Iterator<Item = &String> {
        self.groups_of.get(user).into_iter().flatten()
    }

    /// The assignment of a role to a group, as far as it is stored.
    pub fn assignment(&self, group: &str, role: &str) -> Option<&Arc<Kept<GroupRole>>> {
        self.group_roles.get(group)?.get(role)
    }

    /// The roles of a group with their levels, a default group's own first.
    pub fn roles_of(&self, group: &str) -> Vec<(RoleView, Level)> {
        let own = DefaultRole::from_id(group).map(|default| (default_role(default), Level::Organization));
        let stored = self.group_roles.get(group).into_iter().flatten();
        own.into_iter().chain(stored.filter_map(|(role, kept)| Some((self.role(role)?, kept.level.clone())))).collect()
    }

    /// The assignments of roles to a group that are stored, by role.
    pub fn stored_roles_of(&self, group: &str) -> impl Iterator<Item = (&str, &Arc<Kept<GroupRole>>)> {
        self.group_roles.get(group).into_iter().flatten().map(|(role, kept)| (&**role, kept))
    }

    /// The groups that have a role, by id.
    pub fn groups_with(&self, role: &str) -> Vec<String> {
        let own = DefaultRole::from_id(role).map(|default| default.id().to_owned());
        let stored =
            self.group_roles.iter().filter(|(_, roles)| roles.contains_key(role)).map(|(group, _)| group.clone());
        let groups: BTreeSet<String> = own.into_iter().chain(stored).collect();
        groups.into_iter().collect()
    }

    /// What being in a group gives.
    pub fn given_by(&self, group: &str) -> Effective {
        let mut given = Effective::default();
        for (role, level) in self.roles_of(group) {
            given.add(role.rights, &level);
        }
        given
    }

    /// What a user holds; `None` if they are no active member.
    pub fn effective(&self, user: &str) -> Option<Arc<Effective>> {
        if !self.members.get(user)?.active {
            return None;
        }
        let mut known = self.effective.lock();
        if let Some(effective) = known.get(user) {
            return Some(effective.clone());
        }
        let mut held = Effective::default();
        for group in self.groups_of(user) {
            held.add_all(&self.given_by(group));
        }
        let held = Arc::new(held);
        known.insert(user.to_owned(), held.clone());
        Some(held)
    }

    /// Why a user holds what they hold, by group and role; empty for who is no active member.
    pub fn reasons(&self, user: &str) -> Vec<Reason> {
        if !self.members.get(user).is_some_and(|member| member.active) {
            return Vec::new();
        }
        let groups = self.groups_of(user).filter_map(|group| self.group(group));
        let reasons = groups.flat_map(|group| {
            let named = (group.id.clone(), group.name);
            self.roles_of(&group.id).into_iter().map(move |(role, level)| Reason {
                group: named.clone(),
                role: (role.id, role.name),
                level,
                rights: role.rights,
            })
        });
        reasons.collect()
    }

    /// The assignments that are stored, by group and role.
    pub fn assignments(&self) -> impl Iterator<Item = (&str, &str, &Level)> {
        let of_groups = self.group_roles.iter();
        of_groups.flat_map(|(group, roles)| roles.iter().map(|(role, kept)| (&**group, &**role, &kept.level)))
    }

    /// The active members who have the role Admin for the organization.
    pub fn administrators(&self) -> BTreeSet<String> {
        let admin = DefaultRole::Admin.id();
        let groups = self.groups_with(admin).into_iter().filter(|group| self.gives_administration(group));
        let users = groups.flat_map(|group| self.members_of(&group).cloned().collect::<Vec<_>>());
        users.filter(|user| self.members.get(user).is_some_and(|member| member.active)).collect()
    }
}

fn default_group(default: DefaultRole) -> GroupView {
    let description = default.description().to_owned();
    GroupView { id: default.id().to_owned(), name: default.name().to_owned(), description, kept: None }
}

fn kept_group(kept: &Arc<Kept<Group>>) -> GroupView {
    let (name, description) = (kept.name.clone(), kept.description.clone());
    GroupView { id: kept.id.clone(), name, description, kept: Some(kept.clone()) }
}

fn default_role(default: DefaultRole) -> RoleView {
    let rights = default.rights();
    let permissions = rights.names().into_iter().map(str::to_owned).collect();
    let (name, description) = (default.name().to_owned(), default.description().to_owned());
    RoleView { id: default.id().to_owned(), name, description, permissions, rights, kept: None }
}

fn kept_role(kept: &Arc<Kept<Role>>) -> RoleView {
    let rights = Rights::from_known_names(&kept.permissions);
    let (name, description, permissions) = (kept.name.clone(), kept.description.clone(), kept.permissions.clone());
    RoleView { id: kept.id.clone(), name, description, permissions, rights, kept: Some(kept.clone()) }
}

trait Collection<D> {
    fn put(&mut self, kept: Kept<D>);
    fn drop(&mut self, id: &str);
}

impl<D> Collection<D> for HashMap<String, Arc<Kept<D>>> {
    fn put(&mut self, kept: Kept<D>) {
        self.insert(kept.id.clone(), Arc::new(kept));
    }
    fn drop(&mut self, id: &str) {
        self.remove(id);
    }
}

impl<D> Collection<D> for BTreeMap<String, Arc<Kept<D>>> {
    fn put(&mut self, kept: Kept<D>) {
        self.insert(kept.id.clone(), Arc::new(kept));
    }
    fn drop(&mut self, id: &str) {
        self.remove(id);
    }
}

fn put<D: Document>(
    collection: &mut impl Collection<D>,
    entry: &DirectoryEntry,
    gone: bool,
) -> Result<(), DirectoryDamaged> {
    if gone {
        collection.drop(&entry.id);
    } else {
        collection.put(Kept::from_entry(entry)?);
    }
    Ok(())
}

/// Changes the collection under a key and takes it out when `change` says that it is empty.
pub(super) fn take<C>(collections: &mut HashMap<String, C>, key: &str, change: impl FnOnce(&mut C) -> bool) {
    if collections.get_mut(key).is_some_and(change) {
        collections.remove(key);
    }
}

fn pair(entry: &DirectoryEntry) -> Result<(&str, &str), DirectoryDamaged> {
    entry.id.split_once('/').ok_or_else(|| damaged(entry, "its id is no pair"))
}
