//! What is kept about signing in through identity providers: the providers of each organization, and which of their
//! identities are whose. Both belong to one organization and mean nothing in another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use actarium_core::hex::to_hex;
use actarium_core::row::Micros;
use actarium_store::backend::DirectoryEntry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::DirectoryDamaged;
use super::document::{Document, Kept};

/// An OpenID Connect provider of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// What people call it.
    pub name: String,
    /// Its issuer, letter by letter as it calls itself.
    pub issuer: String,
    /// How this service is called there.
    pub client_id: String,
    /// The client's secret, wrapped with the master key, in base64; none for a client without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim whose values are mapped to groups.
    pub groups_claim: String,
    /// The claim that says whether the e-mail address is verified.
    pub email_verified_claim: String,
    /// Groups by the claim's value: ids of groups of the organization.
    #[serde(default)]
    pub group_mapping: BTreeMap<String, BTreeSet<String>>,
    /// Domains of e-mail addresses over which the provider has authority: it may sign in as members that have one.
    #[serde(default)]
    pub authoritative_domains: Vec<String>,
    /// Whether anybody may sign in through it.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Micros,
}

impl Document for IdentityProvider {
    const KIND: &'static str = "identity_provider";
}

/// That what an issuer calls a subject is a member of the organization. Its id is [`identity_id`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The member.
    pub user: String,
    /// The issuer.
    pub issuer: String,
    /// The issuer's name for the person.
    pub subject: String,
    /// Since when.
    pub linked_at: Micros,
}

impl Document for Identity {
    const KIND: &'static str = "identity";
}

/// The id of an issuer's subject: both are of any length and any characters.
pub fn identity_id(issuer: &str, subject: &str) -> String {
    let length = (issuer.len() as u64).to_be_bytes();
    let digest = Sha256::new().chain_update(length).chain_update(issuer).chain_update(subject).finalize();
    to_hex(&digest)
}

/// The kinds of entries that [`SignIn`] is made of.
pub(super) const KINDS: [&str; 2] = [IdentityProvider::KIND, Identity::KIND];

/// What is kept for one organization.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    providers: BTreeMap<String, Arc<Kept<IdentityProvider>>>,
    identities: HashMap<String, Arc<Kept<Identity>>>,
    /// User → ids of their identities.
    identities_of: HashMap<String, BTreeSet<String>>,
}

impl SignIn {
    /// Takes an entry over, of a kind in [`KINDS`].
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        if entry.kind == IdentityProvider::KIND {
            if gone {
                self.providers.remove(&entry.id);
            } else {
                self.providers.insert(entry.id.clone(), Arc::new(Kept::from_entry(entry)?));
            }
            return Ok(());
        }
        if let Some(before) = self.identities.remove(&entry.id)
            && let Some(others) = self.identities_of.get_mut(&before.user)
        {
            others.remove(&entry.id);
            if others.is_empty() {
                self.identities_of.remove(&before.user);
            }
        }
        if !gone {
            let kept: Kept<Identity> = Kept::from_entry(entry)?;
            self.identities_of.entry(kept.user.clone()).or_default().insert(entry.id.clone());
            self.identities.insert(entry.id.clone(), Arc::new(kept));
        }
        Ok(())
    }

    /// A provider.
    pub fn provider(&self, id: &str) -> Option<&Arc<Kept<IdentityProvider>>> {
        self.providers.get(id)
    }

    /// All providers by id.
    pub fn providers(&self) -> impl ExactSizeIterator<Item = &Arc<Kept<IdentityProvider>>> {
        self.providers.values()
    }

    /// Whose an identity is.
    pub fn identity(&self, issuer: &str, subject: &str) -> Option<&Arc<Kept<Identity>>> {
        self.identities.get(&identity_id(issuer, subject))
    }

    /// The identities of a user.
    pub fn identities_of(&self, user: &str) -> impl Iterator<Item = &Arc<Kept<Identity>>> {
        self.identities_of.get(user).into_iter().flatten().filter_map(|id| self.identities.get(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, user: &str, version: u64) -> DirectoryEntry {
        let identity = Identity { user: user.into(), issuer: "https://id".into(), subject: "s".into(), linked_at: 0 };
        let document = serde_json::to_string(&identity).unwrap();
        DirectoryEntry { kind: Identity::KIND.into(), organization: None, id: id.into(), version, document }
    }

    #[test]
    fn an_issuer_and_subject_have_one_id_and_no_others_have_it() {
        assert_eq!(identity_id("https://id", "s").len(), 64);
        assert_ne!(identity_id("https://id", "s"), identity_id("https://i", "ds"));
        assert_ne!(identity_id("https://id", "s"), identity_id("https://id", "S"));
    }

    #[test]
    fn an_identity_is_one_users_at_a_time() {
        let id = identity_id("https://id", "s");
        let mut state = SignIn::default();
        state.apply(&entry(&id, "usr_a", 1), false).unwrap();
        assert_eq!(state.identity("https://id", "s").unwrap().user, "usr_a");
        state.apply(&entry(&id, "usr_b", 2), false).unwrap();
        assert_eq!(state.identity("https://id", "s").unwrap().user, "usr_b");
        assert_eq!(state.identities_of("usr_a").count(), 0);
        assert_eq!(state.identities_of("usr_b").count(), 1);
        state.apply(&entry(&id, "usr_b", 2), true).unwrap();
        assert!(state.identity("https://id", "s").is_none() && state.identities_of.is_empty());
    }
}
