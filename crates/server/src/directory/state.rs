//! The directory in memory: what is stored, with the look-ups that requests need.
//!
//! [`State::apply`] is the one way in: the start reads every entry through it, and a commit, once made, goes through it
//! too, so that memory holds what the store holds. It must not decide whether a change is allowed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use actarium_core::text;
use actarium_store::OrganizationId;
use actarium_store::backend::DirectoryEntry;

use super::document::{
    AccessRevision, Address, Document, Group, GroupMember, GroupRole, Kept, Membership, OrganizationSettings, Role,
    ScimProfile, ScimToken, User, damaged, organization_of,
};
use super::governance::{self, Governance};
use super::invitation::Invitation;
use super::key::{Keys, OnPremKey};
use super::organization::OrganizationAccess;
use super::personal::Personal;
use super::removal::{self, Removals};
use super::saved_search::{SavedSearch, SavedSearches};
use super::sign_in::{self, SignIn};
use super::{DirectoryDamaged, Effective};

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
#[derive(Debug, Default)]
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
        Some((organization, self.organization(organization)?.scim_token(id)?))
    }

    /// An invitation with the organization that it is to.
    pub fn invitation(&self, id: &str) -> Option<(OrganizationId, &Arc<Kept<Invitation>>)> {
        let organization = *self.invitations.get(id)?;
        Some((organization, self.organization(organization)?.invitation(id)?))
    }

    /// All invitations with their organizations, in no order.
    pub fn invitations(&self) -> impl Iterator<Item = (OrganizationId, &Arc<Kept<Invitation>>)> {
        let each = self.organizations.iter();
        each.flat_map(|(organization, access)| access.invitations().map(|kept| (*organization, kept)))
    }

    /// What a member is called in an organization: what it has said, or the person when they joined it, else their address. What
    /// their account or another organization calls them is not for it to know. `None` for who is no member.
    pub fn called_in(&self, organization: OrganizationId, user: &str) -> Option<&str> {
        let member = self.access(organization).member(user)?;
        member.name.as_deref().or_else(|| self.user(user).map(|account| account.email.as_str()))
    }

    /// What a user holds in an organization; `None` if they are no active member of it.
    pub fn effective(&self, organization: OrganizationId, user: &str) -> Option<Arc<Effective>> {
        self.organization(organization)?.effective(user)
    }
}
