//! What an engine does with its folder's keys for others: signatures, wrapped secrets, derived ones. The keys themselves stay
//! within.

use super::Engine;
use crate::keys::SecretPlace;
use crate::organization::OrganizationId;

impl Engine {
    /// The log's name, first part of every origin.
    pub fn log_name(&self) -> &str {
        &self.signer.log_name
    }

    /// The log's Ed25519 public key.
    pub fn log_public_key(&self) -> [u8; 32] {
        self.signer.key.public()
    }

    /// Signs with the log's Ed25519 key.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signer.key.sign(message)
    }

    /// Wraps a secret that the directory is to keep, with the master key and for this place alone.
    pub fn wrap_secret(&self, place: &SecretPlace<'_>, secret: &[u8]) -> Vec<u8> {
        self.shared.keys.master.wrap_secret(place, secret, &*self.shared.entropy)
    }

    /// Unwraps it; `None` if it was not wrapped with this folder's master key for this place.
    pub fn unwrap_secret(&self, place: &SecretPlace<'_>, wrapped: &[u8]) -> Option<Vec<u8>> {
        self.shared.keys.master.unwrap_secret(place, wrapped)
    }

    /// A secret of this log for one purpose, the same at every start; different purposes have unrelated ones.
    pub fn derived_secret(&self, purpose: &str) -> [u8; 32] {
        self.signer.key.derived_secret(purpose)
    }

    /// A secret of an organization for one purpose, derived from the master key and the same at every start.
    pub fn organization_secret(&self, organization: OrganizationId, purpose: &str) -> [u8; 32] {
        self.shared.keys.master.derived_secret(organization, purpose)
    }
}
