//! On-premises keys: credentials that may write events of one organization and nothing else. Here are their documents and
//! their mirror in memory; secrets are never kept, and whether a key may be used is decided where requests are let through.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use actarium_store::backend::DirectoryEntry;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::DirectoryDamaged;
use super::document::{Document, Kept, damaged, organization_of};
use crate::network;

/// A key as it stands in the directory; its id is part of its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnPremKey {
    /// What people call it.
    pub name: String,
    /// The environment that its events get as a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// When it was made.
    pub created_at: Micros,
    /// When it ends; never by itself, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Micros>,
    /// The networks it may be used from; from anywhere, if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// When it was used last, as far as that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Micros>,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub sha256: String,
}

impl Document for OnPremKey {
    const KIND: &'static str = "on_prem_key";
}

/// A key of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The organization whose events it may write.
    pub organization: OrganizationId,
    kept: Kept<OnPremKey>,
    networks: Vec<IpNet>,
}

impl Deref for Key {
    type Target = Kept<OnPremKey>;

    fn deref(&self) -> &Kept<OnPremKey> {
        &self.kept
    }
}

impl Key {
    fn from_entry(entry: &DirectoryEntry) -> Result<Self, DirectoryDamaged> {
        let kept = Kept::<OnPremKey>::from_entry(entry)?;
        let networks = kept.networks.iter().map(|text| network::parse(text)).collect::<Result<_, _>>();
        let networks = networks.map_err(|detail| damaged(entry, &format!("a network of the key {detail}")))?;
        Ok(Self { organization: organization_of(entry)?, kept, networks })
    }

    /// Whether it has ended.
    pub fn is_over(&self, now: Micros) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether it may be used from an address, if one is known.
    pub fn may_come_from(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty() || address.is_some_and(|address| network::any_contains(&self.networks, address))
    }
}

/// All keys in memory.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_id: HashMap<String, Arc<Key>>,
    of_organization: HashMap<OrganizationId, BTreeSet<String>>,
}

impl Keys {
    /// Takes over an entry as it stands in the store from now on.
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        if !gone {
            let key = Key::from_entry(entry)?;
            self.of_organization.entry(key.organization).or_default().insert(entry.id.clone());
            self.by_id.insert(entry.id.clone(), Arc::new(key));
            return Ok(());
        }
        let Some(key) = self.by_id.remove(&entry.id) else { return Ok(()) };
        if let Some(ids) = self.of_organization.get_mut(&key.organization) {
            ids.remove(&entry.id);
            if ids.is_empty() {
                self.of_organization.remove(&key.organization);
            }
        }
        Ok(())
    }

    /// A key by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Key>> {
        self.by_id.get(id)
    }

    /// A key by its id, if it is the organization's.
    pub fn get_of(&self, organization: OrganizationId, id: &str) -> Option<&Arc<Key>> {
        self.by_id.get(id).filter(|key| key.organization == organization)
    }

    /// The organization's keys, by id.
    pub fn of(&self, organization: OrganizationId) -> impl Iterator<Item = &Arc<Key>> {
        self.of_organization.get(&organization).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// All keys, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.by_id.values()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);

    fn entry(fields: &str) -> DirectoryEntry {
        let document = format!(r#"{{"name":"CI","created_at":5,"sha256":"{}"{fields}}}"#, "00".repeat(32));
        let (kind, id) = (OnPremKey::KIND.to_owned(), "k1".to_owned());
        DirectoryEntry { kind, organization: Some(ORGANIZATION), id, version: 1, document }
    }

    /// A key with these further fields of its document.
    pub(crate) fn key(fields: &str) -> Key {
        Key::from_entry(&entry(fields)).unwrap()
    }

    #[test]
    fn a_key_of_the_first_version_is_read_and_bound_to_nothing() {
        let key = key(r#","environment":"production""#);
        assert_eq!((key.environment.as_deref(), &key.last_used_at), (Some("production"), &None));
        assert!(!key.is_over(Micros::MAX) && key.may_come_from(None));
        assert_eq!(serde_json::to_string(&key.document).unwrap().matches(':').count(), 4, "written as it was");
    }

    #[test]
    fn a_key_ends_and_keeps_to_its_networks() {
        let key = key(r#","expires_at":9,"networks":["192.0.2.0/24"]"#);
        assert!(!key.is_over(8) && key.is_over(9));
        assert!(key.may_come_from(Some("::ffff:192.0.2.1".parse().unwrap())));
        assert!(!key.may_come_from(Some("192.0.3.1".parse().unwrap())) && !key.may_come_from(None));
        let error = Key::from_entry(&entry(r#","networks":["nowhere"]"#)).unwrap_err().to_string();
        assert!(error.contains("k1") && error.contains("192.0.2.0/24"), "{error}");
    }

    #[test]
    fn keys_are_found_until_they_are_gone() {
        let mut keys = Keys::default();
        keys.apply(&entry(""), false).unwrap();
        let other = OrganizationId([8; 16]);
        assert!(keys.get_of(ORGANIZATION, "k1").is_some() && keys.get_of(other, "k1").is_none());
        assert_eq!((keys.of(ORGANIZATION).count(), keys.of(other).count()), (1, 0));
        keys.apply(&DirectoryEntry { document: String::new(), ..entry("") }, true).unwrap();
        assert!(keys.get("k1").is_none() && keys.of(ORGANIZATION).next().is_none());
    }
}
