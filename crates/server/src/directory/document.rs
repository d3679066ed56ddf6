//! What the directory keeps, as it stands in the store: one JSON document per entry, by kind.
//!
//! The formats are kept: entries written by old versions are read by new ones, so fields are added with a default and
//! never renamed. This file must not know how entries belong together.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use actarium_store::backend::DirectoryEntry;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A kind of document.
pub trait Document: Serialize + DeserializeOwned {
    /// The kind of its directory entries.
    const KIND: &'static str;
}

/// A document with its id and version in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<D> {
    /// Its id within kind and organization.
    pub id: String,
    /// 1 when made, one more with each change.
    pub version: u64,
    /// What it says.
    pub document: D,
}

impl<D> Deref for Kept<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.document
    }
}

/// A directory entry that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the directory's entry {kind} {id} cannot be read: {detail}")]
pub struct DirectoryDamaged {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What is wrong.
    pub detail: String,
}

impl<D: Document> Kept<D> {
    /// Reads a document back.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn from_entry(entry: &DirectoryEntry) -> Result<Self, DirectoryDamaged> {
        let document = serde_json::from_str(&entry.document).map_err(|error| DirectoryDamaged {
            kind: entry.kind.clone(),
            id: entry.id.clone(),
            detail: error.to_string(),
        })?;
        Ok(Self { id: entry.id.clone(), version: entry.version, document })
    }
}

/// Everything of one kind that an organization has, by id: the mirror in memory.
#[derive(Clone, Debug)]
pub struct ById<D> {
    by_id: BTreeMap<String, Arc<Kept<D>>>,
}

impl<D> Default for ById<D> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new() }
    }
}

impl<D: Document> ById<D> {
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        if gone {
            self.by_id.remove(&entry.id);
        } else {
            self.by_id.insert(entry.id.clone(), Arc::new(Kept::from_entry(entry)?));
        }
        Ok(())
    }

    /// One of them, whoever sees it.
    pub fn get(&self, id: &str) -> Option<&Arc<Kept<D>>> {
        self.by_id.get(id)
    }

    /// All of them by id, whoever sees them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Kept<D>>> {
        self.by_id.values()
    }
}

/// A person's account, whatever organizations they belong to. Kept for no organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The address; in memory in lower case.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// When the account was made.
    pub created_at: Micros,
    /// The password, as a PHC string of argon2id; none for who signs in elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The organization (its id in hexadecimal digits) that made the account for itself; none for an account that is its
    /// person's own. It opens that organization alone, and what accounts there are elsewhere with its address it neither
    /// shows nor hinders (docs/decisions/accounts.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// The member who gave an organization's account its password, or saw the link that it was made by, and so may know what opens
    /// it; none where that was the operator. Their person's own change of the password does not undo it: nothing shows whose it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_by: Option<String>,
    /// How often password or second factor were changed: what was begun before a change is not finished after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub proof_changes: u64,
}

impl User {
    /// The organization whose account it is; `None` for a person's own.
    pub fn maker(&self) -> Option<OrganizationId> {
        self.managed_by.as_deref().and_then(OrganizationId::from_hex)
    }

    /// The member of the organization who may know what opens this account of the organization's.
    pub fn opened_by(&self, organization: OrganizationId) -> Option<&str> {
        self.password_by.as_deref().filter(|_| self.password.is_some() && self.maker() == Some(organization))
    }

    /// The same account after a change of what its person proves who they are with.
    #[must_use]
    pub fn with_changed_proof(&self) -> Self {
        Self { proof_changes: self.proof_changes + 1, ..self.clone() }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// That an address is taken: its id is the address in its one spelling. Kept for the organization that made the account, else
/// for none: each organization's accounts have their addresses for themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Whose it is.
    pub user: String,
}

/// How somebody came to be a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The operator made them one.
    Operator,
    /// An administrator did.
    Administrator,
    /// They accepted an invitation.
    Invitation,
    /// They signed in through the organization's identity provider.
    Oidc,
    /// They were provisioned.
    Scim,
}

impl Origin {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Operator => "operator",
            Origin::Administrator => "administrator",
            Origin::Invitation => "invitation",
            Origin::Oidc => "oidc",
            Origin::Scim => "scim",
        }
    }
}

/// That a person belongs to an organization: its id is the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// When they joined.
    pub joined_at: Micros,
    /// How they came.
    pub origin: Origin,
    /// Whether they may do anything; who may not stays listed.
    pub active: bool,
    /// What they are called within this organization; by their address where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id that the provisioning system has for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// A group of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What people call it; unique within the organization, whatever the case.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// When it was made.
    pub created_at: Micros,
    /// The id that the provisioning system has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Whether the provisioning system made it or has changed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisioned: bool,
}

impl Group {
    /// Whether the provisioning system says who is in it. What has its id was its own before that was marked.
    pub const fn is_provisioned(&self) -> bool {
        self.provisioned || self.external_id.is_some()
    }
}

/// That a user is in a group: its id is `group/user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// Since when.
    pub added_at: Micros,
    /// The identity provider whose mapping put them there; none if it was somebody's deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped_by: Option<String>,
}

/// Where a role holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "level", rename_all = "snake_case")]
pub enum Level {
    /// In all of the organization.
    Organization,
    /// For these projects.
    Project {
        /// Their ids, ascending, each once.
        projects: Vec<String>,
    },
}

impl Level {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Level::Organization => "organization",
            Level::Project { .. } => "project",
        }
    }
}

/// That a group has a role: its id is `group/role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRole {
    /// Where it holds.
    #[serde(flatten)]
    pub level: Level,
    /// Since when.
    pub assigned_at: Micros,
}

/// A role of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// What people call it; unique within the organization, whatever the case.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// When it was made.
    pub created_at: Micros,
    /// Names of areas (for all permissions of the area, later ones too) and of single permissions.
    pub permissions: Vec<String>,
}

/// Changed with every change of an organization's members, groups and roles (its id is `revision`), so that two changes
/// that were made out of the same state cannot both be committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRevision {
    /// When it was changed last.
    pub changed_at: Micros,
}

/// What an organization has chosen to be masked in its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskingChoice {
    /// Whether nothing is masked.
    #[serde(default)]
    pub off: bool,
    /// Keys whose values are masked besides the built-in ones.
    #[serde(default)]
    pub mask_keys: Vec<String>,
    /// Keys whose values stay.
    #[serde(default)]
    pub keep_keys: Vec<String>,
}

/// What an organization has chosen for itself (its id is `settings`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationSettings {
    /// What it is called, if not as when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Domains of verified e-mail addresses from which identity providers bring in new members, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joining_domains: Vec<String>,
    /// What is masked in its events, if it has chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masking: Option<MaskingChoice>,
    /// Whether everybody may read the log's checkpoints, tiles and entries.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log_public: bool,
    /// Whether the answer to a read of the log waits until the read is on record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reads_wait: bool,
}

/// What an identity provider comes with to keep users and groups; its id is part of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimToken {
    /// What people call it.
    pub name: String,
    /// Names of areas and permissions that it was given beyond reading and writing users and groups.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// When it was made.
    pub created_at: Micros,
    /// The credential that made it: the token does nothing that a person who made it no longer may.
    pub created_by: String,
    /// When it ends; never by itself, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Micros>,
    /// When it was used last, as far as that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Micros>,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub sha256: String,
}

/// What an identity provider says of a member: its id is the user's. It is the organization's own and stands beside the
/// person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimProfile {
    /// What the organization calls the user; unique within it, whatever the case.
    pub user_name: String,
    /// What else it says, as SCIM shows it.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// When it was changed last.
    pub updated_at: Micros,
}

/// Id of the one [`AccessRevision`] of an organization.
pub const REVISION_ID: &str = "revision";
/// Id of the one [`OrganizationSettings`] of an organization.
pub const SETTINGS_ID: &str = "settings";

macro_rules! documents {
    ($($document:ident $kind:literal,)*) => {
        $(impl Document for $document { const KIND: &'static str = $kind; })*
    };
}

documents! {
    User "user",
    Address "email",
    Membership "membership",
    Group "group",
    GroupMember "group_member",
    GroupRole "group_role",
    Role "role",
    AccessRevision "access_revision",
    OrganizationSettings "organization_settings",
    ScimToken "scim_token",
    ScimProfile "scim_profile",
}

/// The id of what joins a group with a user or a role.
pub fn pair_id(group: &str, other: &str) -> String {
    format!("{group}/{other}")
}

/// The organization of an entry that must have one.
pub(super) fn organization_of(entry: &DirectoryEntry) -> Result<OrganizationId, DirectoryDamaged> {
    entry.organization.ok_or_else(|| damaged(entry, "it belongs to no organization"))
}

pub(super) fn damaged(entry: &DirectoryEntry, detail: &str) -> DirectoryDamaged {
    DirectoryDamaged { kind: entry.kind.clone(), id: entry.id.clone(), detail: detail.to_owned() }
}
