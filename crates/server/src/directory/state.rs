//! The directory in memory: what is stored, with the look-ups that requests need.
//!
//! [`State::apply`] is the one way in: the start reads every entry through it, and a commit, once made, goes through it
//! too, so that memory holds what the store holds. It must not decide whether a change is allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use actarium_core::text;
use actarium_store::OrganizationId;
use actarium_store::backend::DirectoryEntry;
use parking_lot::Mutex;

use super::defaults::Default as DefaultRole;
use super::document::{
    AccessRevision, Address, Document, Group, GroupMember, GroupRole, Kept, Level, Membership, OrganizationSettings,
    Role, ScimProfile, ScimToken, User, damaged, organization_of,
};
use super::governance::{self, Governance};
use super::invitation::Invitation;
use super::key::{Keys, OnPremKey};
use super::personal::Personal;
use super::removal::{self, Removals};
use super::saved_search::{SavedSearch, SavedSearches};
use super::sign_in::{self, SignIn};
use super::{DirectoryDamaged, Effective, Reason};
use crate::access::Rights;

/// The kinds of entries that the directory is made of, in no order that matters.
pub const KINDS: [&str; 12] = [
    User::KIND,
    Address::KIND,
    Membership::KIND,
    Group::KIND,
    GroupMember::KIND,
    GroupRole::KIND,
    Role::KIND,
    AccessRevision::KIND,
    OrganizationSettings::KIND,
    ScimToken::KIND,
    ScimProfile::KIND,
    Invitation::KIND,
];

/// An entry as it stands after a change: without a document it is gone.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The entry; its document is empty if it is gone.
    pub entry: DirectoryEntry,
    /// Whether it is gone.
    pub gone: bool,
}

/// Everything that is kept about people and what they may do.
#[derive(Clone, Debug, Default)]
pub struct State {
    users: HashMap<String, Arc<Kept<User>>>,
    /// Folded address → user and the version of the entry.
    addresses: HashMap<String, (String, u64)>,
    organizations: HashMap<OrganizationId, OrganizationAccess>,
    personal: Personal,
    keys: Keys,
    sign_in: HashMap<OrganizationId, SignIn>,
    governance: HashMap<OrganizationId, Governance>,
    removals: HashMap<OrganizationId, Removals>,
    saved_searches: HashMap<OrganizationId, SavedSearches>,
    /// User → organizations in which they have a membership.
    organizations_of: HashMap<String, BTreeSet<OrganizationId>>,
    /// SCIM token → its organization.
    scim_tokens: HashMap<String, OrganizationId>,
    /// Invitation → its organization.
    invitations: HashMap<String, OrganizationId>,
}

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

impl Clone for OrganizationAccess {
    fn clone(&self) -> Self {
        Self {
            revision: self.revision,
            settings: self.settings.clone(),
            members: self.members.clone(),
            groups: self.groups.clone(),
            roles: self.roles.clone(),
            group_members: self.group_members.clone(),
            group_roles: self.group_roles.clone(),
            groups_of: self.groups_of.clone(),
            scim_tokens: self.scim_tokens.clone(),
            scim_profiles: self.scim_profiles.clone(),
            invitations: self.invitations.clone(),
            effective: Mutex::default(),
        }
    }
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

impl State {
    /// Takes over an entry as it stands in the store from now on.
    ///
    /// # Errors
    /// If it cannot be read; nothing has changed then.
    pub fn apply(&mut self, changed: &Changed) -> Result<(), DirectoryDamaged> {
        let (entry, gone) = (&changed.entry, changed.gone);
        match entry.kind.as_str() {
            User::KIND => {
                if gone {
                    self.users.remove(&entry.id);
                } else {
                    let mut user = Kept::<User>::from_entry(entry)?;
                    // Whoever gave it first chose its spelling, and what shows that is for nobody else to know.
                    user.document.email = text::fold(&user.document.email);
                    self.users.insert(entry.id.clone(), Arc::new(user));
                }
                Ok(())
            }
            Address::KIND => {
                if gone {
                    self.addresses.remove(&entry.id);
                } else {
                    let address = Kept::<Address>::from_entry(entry)?;
                    self.addresses.insert(entry.id.clone(), (address.document.user, entry.version));
                }
                Ok(())
            }
            OnPremKey::KIND => self.keys.apply(entry, gone),
            kind if Personal::KINDS.contains(&kind) => self.personal.apply(entry, gone),
            kind if sign_in::KINDS.contains(&kind) => {
                self.sign_in.entry(organization_of(entry)?).or_default().apply(entry, gone)
            }
            kind if governance::KINDS.contains(&kind) => {
                self.governance.entry(organization_of(entry)?).or_default().apply(entry, gone)
            }
            kind if removal::KINDS.contains(&kind) => {
                self.removals.entry(organization_of(entry)?).or_default().apply(entry, gone)
            }
            SavedSearch::KIND => self.saved_searches.entry(organization_of(entry)?).or_default().apply(entry, gone),
            kind if KINDS.contains(&kind) => {
                let organization = organization_of(entry)?;
                self.organizations.entry(organization).or_default().apply(entry, gone)?;
                if kind == Membership::KIND {
                    let of = self.organizations_of.entry(entry.id.clone()).or_default();
                    if gone {
                        of.remove(&organization)
                    } else {
                        of.insert(organization)
                    };
                }
                let of_organizations = match kind {
                    ScimToken::KIND => &mut self.scim_tokens,
                    Invitation::KIND => &mut self.invitations,
                    _ => return Ok(()),
                };
                if gone {
                    of_organizations.remove(&entry.id);
                } else {
                    of_organizations.insert(entry.id.clone(), organization);
                }
                Ok(())
            }
            _ => Err(damaged(entry, "there is no such kind")),
        }
    }

    /// Sessions, tokens and second factors.
    pub fn personal(&self) -> &Personal {
        &self.personal
    }

    /// On-premises keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// An account.
    pub fn user(&self, id: &str) -> Option<&Arc<Kept<User>>> {
        self.users.get(id)
    }

    /// Version of the entry that an address is taken by.
    pub fn address_version(&self, email: &str) -> Option<u64> {
        self.addresses.get(&text::fold(email)).map(|(_, version)| *version)
    }

    /// The account with this address, whatever its case.
    pub fn user_by_email(&self, email: &str) -> Option<&Arc<Kept<User>>> {
        self.addresses.get(&text::fold(email)).and_then(|(user, _)| self.users.get(user))
    }

    /// What is kept about signing in to an organization.
    pub fn sign_in(&self, id: OrganizationId) -> &SignIn {
        static NOTHING: LazyLock<SignIn> = LazyLock::new(SignIn::default);
        self.sign_in.get(&id).unwrap_or(&NOTHING)
    }

    /// What is kept about how long an organization's records are kept.
    pub fn governance(&self, id: OrganizationId) -> &Governance {
        static NOTHING: LazyLock<Governance> = LazyLock::new(Governance::default);
        self.governance.get(&id).unwrap_or(&NOTHING)
    }

    /// The erasures and redactions of an organization.
    pub fn removals(&self, id: OrganizationId) -> &Removals {
        static NOTHING: LazyLock<Removals> = LazyLock::new(Removals::default);
        self.removals.get(&id).unwrap_or(&NOTHING)
    }

    /// The saved searches of an organization, whoever sees them.
    pub fn saved_searches(&self, id: OrganizationId) -> &SavedSearches {
        static NOTHING: LazyLock<SavedSearches> = LazyLock::new(SavedSearches::default);
        self.saved_searches.get(&id).unwrap_or(&NOTHING)
    }

    /// The organization that a provider belongs to.
    pub fn organization_of_provider(&self, provider: &str) -> Option<OrganizationId> {
        self.sign_in.iter().find(|(_, sign_in)| sign_in.provider(provider).is_some()).map(|(id, _)| *id)
    }

    /// What is kept about an organization; `None` if nothing ever was.
    pub fn organization(&self, id: OrganizationId) -> Option<&OrganizationAccess> {
        self.organizations.get(&id)
    }

    /// What is kept about an organization, or that nothing is.
    pub fn access(&self, id: OrganizationId) -> &OrganizationAccess {
        static NOTHING: LazyLock<OrganizationAccess> = LazyLock::new(OrganizationAccess::default);
        self.organizations.get(&id).unwrap_or(&NOTHING)
    }

    /// The organizations that a user is a member of, active or not.
    pub fn organizations_of(&self, user: &str) -> impl Iterator<Item = OrganizationId> {
        self.organizations_of.get(user).into_iter().flatten().copied()
    }

    /// All SCIM tokens with the organization that each belongs to, in no order.
    pub fn scim_tokens(&self) -> impl Iterator<Item = (OrganizationId, &Arc<Kept<ScimToken>>)> {
        self.scim_tokens.keys().filter_map(|id| self.scim_token(id))
    }

    /// A SCIM token with the organization that it belongs to.
    pub fn scim_token(&self, id: &str) -> Option<(OrganizationId, &Arc<Kept<ScimToken>>)> {
        let organization = *self.scim_tokens.get(id)?;
        Some((organization, self.organization(organization)?.scim_tokens.get(id)?))
    }

    /// An invitation with the organization that it is to.
    pub fn invitation(&self, id: &str) -> Option<(OrganizationId, &Arc<Kept<Invitation>>)> {
        let organization = *self.invitations.get(id)?;
        Some((organization, self.organization(organization)?.invitations.get(id)?))
    }

    /// All invitations with their organizations, in no order.
    pub fn invitations(&self) -> impl Iterator<Item = (OrganizationId, &Arc<Kept<Invitation>>)> {
        let each = self.organizations.iter();
        each.flat_map(|(organization, access)| access.invitations.values().map(|kept| (*organization, kept)))
    }

    /// What a user holds in an organization; `None` if they are no active member of it.
    pub fn effective(&self, organization: OrganizationId, user: &str) -> Option<Arc<Effective>> {
        self.organization(organization)?.effective(user)
    }
}

impl OrganizationAccess {
    fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
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

    /// Takes over an entry of this organization, as [`State::apply`] does.
    pub(super) fn take_over(&mut self, changed: &Changed) -> Result<(), DirectoryDamaged> {
        self.apply(&changed.entry, changed.gone)
    }

    /// What the organization has chosen for itself.
    pub fn settings(&self) -> Option<&Arc<Kept<OrganizationSettings>>> {
        self.settings.as_ref()
    }

    /// Whether everybody may read what the log proves: checkpoints, tiles, entries, which hold no personal data.
    pub fn has_open_log(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.log_public)
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

    /// Whether a user is in a group because an identity provider's mapping put them there.
    pub fn is_mapped(&self, group: &str, user: &str) -> bool {
        let member = self.group_members.get(group).and_then(|members| members.get(user));
        member.is_some_and(|member| member.mapped_by.is_some())
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

    /// Whether any role holds for single projects.
    pub fn has_roles_for_projects(&self) -> bool {
        let mut assignments = self.group_roles.values().flat_map(BTreeMap::values);
        assignments.any(|kept| matches!(kept.level, Level::Project { .. }))
    }

    /// How many active members have the role Admin for the organization.
    pub fn administrators(&self) -> usize {
        let admin = DefaultRole::Admin.id();
        let groups = self.groups_with(admin).into_iter().filter(|group| {
            let stored = self.assignment(group, admin).map(|kept| &kept.level);
            group == admin || stored == Some(&Level::Organization)
        });
        let users: BTreeSet<String> =
            groups.flat_map(|group| self.members_of(&group).cloned().collect::<Vec<_>>()).collect();
        users.iter().filter(|user| self.members.get(*user).is_some_and(|member| member.active)).count()
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
    // What this version does not know it does not grant.
    let known = kept.permissions.iter().map(String::as_str).filter(|name| Rights::from_names([*name]).is_ok());
    let rights = Rights::from_names(known).unwrap_or_default();
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
fn take<C>(collections: &mut HashMap<String, C>, key: &str, change: impl FnOnce(&mut C) -> bool) {
    if collections.get_mut(key).is_some_and(change) {
        collections.remove(key);
    }
}

fn pair(entry: &DirectoryEntry) -> Result<(&str, &str), DirectoryDamaged> {
    entry.id.split_once('/').ok_or_else(|| damaged(entry, "its id is no pair"))
}
