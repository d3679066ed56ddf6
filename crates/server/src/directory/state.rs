//! The directory in memory: what is stored, with the look-ups that requests need.
//!
//! [`State::apply`] is the one way in: the start reads every entry through it, and a commit, once made, goes through it
//! too, so that memory holds what the store holds. It must not decide whether a change is allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use actarium_store::backend::DirectoryEntry;

use super::document::{
    AccessRevision, Address, Document, Group, GroupMember, GroupRole, Kept, Membership, OrganizationSettings, Role,
    ScimProfile, ScimToken, User, damaged, organization_of,
};
use super::governance::{self, Governance};
use super::invitation::Invitation;
use super::kept_export::{KeptExport, KeptExports};
use super::key::{Keys, OnPremKey};
use super::organization::{OrganizationAccess, take};
use super::personal::Personal;
use super::removal::{self, Removals};
use super::saved_search::{SavedSearch, SavedSearches};
use super::sign_in::{self, SignIn};
use super::{DirectoryDamaged, Effective};
use crate::spelling::address_key;

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
    /// Address → whose accounts have it: a person's own (`None`), and those that organizations made.
    addresses: HashMap<String, BTreeMap<Option<OrganizationId>, Taken>>,
    organizations: HashMap<OrganizationId, OrganizationAccess>,
    personal: Personal,
    keys: Keys,
    sign_in: HashMap<OrganizationId, SignIn>,
    governance: HashMap<OrganizationId, Governance>,
    removals: HashMap<OrganizationId, Removals>,
    saved_searches: HashMap<OrganizationId, SavedSearches>,
    kept_exports: HashMap<OrganizationId, KeptExports>,
    /// User → organizations in which they have a membership.
    organizations_of: HashMap<String, BTreeSet<OrganizationId>>,
    /// SCIM token → its organization.
    scim_tokens: HashMap<String, OrganizationId>,
    /// Invitation → its organization.
    invitations: HashMap<String, OrganizationId>,
}

/// That an address is taken.
#[derive(Clone, Debug)]
struct Taken {
    user: String,
    entry: AddressEntry,
}

/// Where it is kept that an address is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressEntry {
    /// For which organization.
    pub organization: Option<OrganizationId>,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
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
                    user.document.email = address_key(&user.document.email);
                    self.users.insert(entry.id.clone(), Arc::new(user));
                }
                Ok(())
            }
            Address::KIND => self.apply_address(entry, gone),
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
            KeptExport::KIND => self.kept_exports.entry(organization_of(entry)?).or_default().apply(entry, gone),
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

    /// All accounts, in no order.
    pub fn users(&self) -> impl Iterator<Item = &Arc<Kept<User>>> {
        self.users.values()
    }

    /// Entries that were written before organizations had addresses for themselves stand for no organization, whoever made the
    /// account; they are found where they belong all the same.
    fn apply_address(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        let key = address_key(&entry.id);
        if gone {
            let is_other = |taken: &Taken| taken.entry.organization != entry.organization || taken.entry.id != entry.id;
            take(&mut self.addresses, &key, |accounts| {
                accounts.retain(|_, taken| is_other(taken));
                accounts.is_empty()
            });
            return Ok(());
        }
        let Kept { id, version, document } = Kept::<Address>::from_entry(entry)?;
        let maker = self.users.get(&document.user).and_then(|user| user.maker());
        let entry = AddressEntry { organization: entry.organization, id, version };
        let taken = Taken { user: document.user, entry };
        self.addresses.entry(key).or_default().insert(taken.entry.organization.or(maker), taken);
        Ok(())
    }

    /// Where it is kept that the address of an account is taken.
    pub fn address_entry(&self, account: &Kept<User>) -> Option<&AddressEntry> {
        let accounts = self.addresses.get(&address_key(&account.email))?;
        accounts.values().find(|taken| taken.user == account.id).map(|taken| &taken.entry)
    }

    /// Addresses that are kept for no organization though an organization made the account, with the account.
    pub fn addresses_to_be_moved(&self) -> impl Iterator<Item = (&AddressEntry, &Arc<Kept<User>>)> {
        let all = self.addresses.values().flat_map(BTreeMap::values);
        let found = all.filter_map(|taken| Some((&taken.entry, self.users.get(&taken.user)?)));
        found.filter(|(entry, user)| entry.organization.is_none() && user.maker().is_some())
    }

    fn account_with(&self, email: &str, maker: Option<OrganizationId>) -> Option<&Arc<Kept<User>>> {
        let taken = self.addresses.get(&address_key(email))?.get(&maker)?;
        self.users.get(&taken.user)
    }

    /// The account with this address that is its person's own, whatever the address's case.
    pub fn own_account(&self, email: &str) -> Option<&Arc<Kept<User>>> {
        self.account_with(email, None)
    }

    /// The account with this address that an organization made for itself.
    pub fn account_of(&self, organization: OrganizationId, email: &str) -> Option<&Arc<Kept<User>>> {
        self.account_with(email, Some(organization))
    }

    /// The member of an organization with this address.
    pub fn member_by_email(&self, organization: OrganizationId, email: &str) -> Option<&Arc<Kept<User>>> {
        let access = self.access(organization);
        let found = [self.account_of(organization, email), self.own_account(email)];
        found.into_iter().flatten().find(|user| access.member(&user.id).is_some())
    }

    /// Whether somebody is the member that they were at a moment: who left and was added again is not.
    pub fn was_member_at(&self, organization: OrganizationId, user: &str, at: Micros) -> bool {
        self.access(organization).member(user).is_some_and(|member| member.joined_at <= at)
    }

    /// All accounts with this address that can be signed in to: the person's own, then those that organizations made and that
    /// are their members.
    pub fn accounts_with(&self, email: &str) -> Vec<Arc<Kept<User>>> {
        let accounts = self.addresses.get(&address_key(email));
        accounts
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(|taken| self.users.get(&taken.user))
            .filter(|user| user.maker().is_none_or(|maker| self.access(maker).member(&user.id).is_some()))
            .cloned()
            .collect()
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

    /// The kept exports of an organization, whoever sees them.
    pub fn kept_exports(&self, id: OrganizationId) -> &KeptExports {
        static NOTHING: LazyLock<KeptExports> = LazyLock::new(KeptExports::default);
        self.kept_exports.get(&id).unwrap_or(&NOTHING)
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

    /// Whether a member has something to sign in to an organization with: a password, or an identity of a provider's that is theirs.
    pub fn can_sign_in(&self, organization: OrganizationId, user: &str) -> bool {
        let has_password = self.user(user).is_some_and(|account| account.password.is_some());
        has_password || self.sign_in(organization).identities_of(user).next().is_some()
    }

    /// What a user holds in an organization; `None` if they are no active member of it.
    pub fn effective(&self, organization: OrganizationId, user: &str) -> Option<Arc<Effective>> {
        self.organization(organization)?.effective(user)
    }
}
