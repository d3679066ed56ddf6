//! On-premises keys: credentials that may write events of one organization and nothing else.
//!
//! The store's directory is where they are kept (as hashes, never as secrets); the ring in memory is what requests are
//! checked against, changed right after the commit that makes or revokes a key and before that request is answered. The
//! ring must not be changed without such a commit.

use std::collections::HashMap;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_store::backend::DirectoryEntry;
use actarium_store::{DirectoryChange, OrganizationId};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::token::{self, TokenHash};

/// Kind of the directory entries that hold keys.
pub const DIRECTORY_KIND: &str = "on_prem_key";

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id, part of its token.
    pub id: String,
    /// The organization whose events it may write.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// The environment that its events get as a target.
    pub environment: Option<String>,
    /// When it was made.
    pub created_at: Micros,
    /// Version of its directory entry.
    version: u64,
    hash: TokenHash,
}

/// A key as it stands in the directory. The format is kept: entries of old versions are read by new ones.
#[derive(Serialize, Deserialize)]
struct Document {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    created_at: Micros,
    /// SHA-256 of the token, 64 hexadecimal digits.
    sha256: String,
}

/// A directory entry of kind [`DIRECTORY_KIND`] that is none.
#[derive(Debug, thiserror::Error)]
#[error("the directory's entry of key {id} cannot be read: {detail}")]
pub struct KeyDamaged {
    id: String,
    detail: String,
}

impl Key {
    /// A key that is yet to be stored, for a token made by [`token::key`].
    pub fn new(
        organization: OrganizationId,
        (id, token): (String, &str),
        name: String,
        environment: Option<String>,
        created_at: Micros,
    ) -> Self {
        Self { id, organization, name, environment, created_at, version: 1, hash: token::hash(token) }
    }

    /// Reads a key back from the directory.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn from_entry(entry: &DirectoryEntry) -> Result<Self, KeyDamaged> {
        let damaged = |detail: &str| KeyDamaged { id: entry.id.clone(), detail: detail.to_owned() };
        let organization = entry.organization.ok_or_else(|| damaged("it belongs to no organization"))?;
        let document: Document = serde_json::from_str(&entry.document).map_err(|error| damaged(&error.to_string()))?;
        let hash = from_hex(&document.sha256).ok_or_else(|| damaged("its hash is not 64 hexadecimal digits"))?;
        Ok(Self {
            id: entry.id.clone(),
            organization,
            name: document.name,
            environment: document.environment,
            created_at: document.created_at,
            version: entry.version,
            hash,
        })
    }

    /// The change of the directory that stores it.
    pub fn creation(&self) -> DirectoryChange {
        let document = Document {
            name: self.name.clone(),
            environment: self.environment.clone(),
            created_at: self.created_at,
            sha256: token::to_hex(&self.hash),
        };
        DirectoryChange {
            kind: DIRECTORY_KIND.into(),
            organization: Some(self.organization),
            id: self.id.clone(),
            expected_version: None,
            document: serde_json::to_string(&document).ok(),
        }
    }

    /// The change of the directory that revokes it.
    pub fn revocation(&self) -> DirectoryChange {
        DirectoryChange {
            kind: DIRECTORY_KIND.into(),
            organization: Some(self.organization),
            id: self.id.clone(),
            expected_version: Some(self.version),
            document: None,
        }
    }
}

/// The keys that are valid now.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: RwLock<HashMap<String, Arc<Key>>>,
}

impl KeyRing {
    /// The key that a token belongs to; `None` if it was never made or was revoked.
    pub fn find(&self, id: &str, token: &str) -> Option<Arc<Key>> {
        let hash = token::hash(token);
        let key = self.keys.read().get(id).cloned()?;
        token::same(&key.hash, &hash).then_some(key)
    }

    /// The key with this id, if it is the organization's.
    pub fn of_organization(&self, organization: OrganizationId, id: &str) -> Option<Arc<Key>> {
        self.keys.read().get(id).filter(|key| key.organization == organization).cloned()
    }

    /// The organization's keys, oldest first.
    pub fn list(&self, organization: OrganizationId) -> Vec<Arc<Key>> {
        let keys = self.keys.read();
        let mut list: Vec<_> = keys.values().filter(|key| key.organization == organization).cloned().collect();
        list.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
        list
    }

    /// Puts a key in that has been stored.
    pub fn insert(&self, key: Key) {
        self.keys.write().insert(key.id.clone(), Arc::new(key));
    }

    /// Takes a key out that has been revoked.
    pub fn remove(&self, id: &str) {
        self.keys.write().remove(id);
    }
}

fn from_hex(text: &str) -> Option<TokenHash> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(token: &str) -> Key {
        let organization = OrganizationId([7; 16]);
        Key::new(organization, ("k1".into(), token), "CI".into(), Some("production".into()), 5)
    }

    #[test]
    fn a_key_comes_back_from_the_directory_as_it_was() {
        let key = key("secret");
        let change = key.creation();
        let entry = DirectoryEntry {
            kind: change.kind,
            organization: change.organization,
            id: change.id,
            version: 1,
            document: change.document.unwrap(),
        };
        assert!(!entry.document.contains("secret\""));
        assert_eq!(Key::from_entry(&entry).unwrap(), key);
        let damaged = DirectoryEntry { document: entry.document.replace("sha256", "sha1"), ..entry };
        assert!(Key::from_entry(&damaged).is_err());
    }

    #[test]
    fn the_ring_finds_a_key_by_its_whole_token_until_it_is_revoked() {
        let ring = KeyRing::default();
        ring.insert(key("secret"));
        assert!(ring.find("k1", "secret").is_some());
        assert!(ring.find("k1", "secreT").is_none());
        assert!(ring.find("k2", "secret").is_none());
        assert!(ring.of_organization(OrganizationId([8; 16]), "k1").is_none());
        ring.remove("k1");
        assert!(ring.find("k1", "secret").is_none());
    }
}
