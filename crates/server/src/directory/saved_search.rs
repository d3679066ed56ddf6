//! Searches of the audit log that somebody keeps under a name, for themselves or for everybody who reads the log. The
//! document and its mirror in memory; who may share and change one is decided by its handlers.

use actarium_core::row::Micros;
use serde::{Deserialize, Serialize};

use super::document::{ById, Document};
use crate::spelling;

/// Who sees a saved search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its owner alone.
    Personal,
    /// Everybody who sees some of the organization's log.
    Organization,
}

impl Visibility {
    /// Both.
    pub const ALL: [Visibility; 2] = [Visibility::Personal, Visibility::Organization];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Visibility::Personal => "personal",
            Visibility::Organization => "organization",
        }
    }

    /// The visibility with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visibility| visibility.name() == name)
    }
}

/// A saved search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// What people call it; unique among the owner's personal ones, or among the organization's, whatever the case.
    pub name: String,
    /// The search phrase; none for every event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Begin of the time, as a search takes it; a relative one stays relative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// End of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who sees it.
    pub visibility: Visibility,
    /// Who made it: the id of a user, or `operator`.
    pub owner: String,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
}

impl SavedSearch {
    /// Whether somebody sees it.
    pub fn is_seen_by(&self, owner: &str) -> bool {
        self.visibility == Visibility::Organization || self.owner == owner
    }

    /// Whether two names would be taken for each other: both shared, or both personal and of one owner.
    pub fn is_beside(&self, other: &SavedSearch) -> bool {
        self.visibility == other.visibility
            && (self.visibility == Visibility::Organization || self.owner == other.owner)
    }

    /// Whether both are called the same, as names are compared.
    pub fn is_called_like(&self, other: &SavedSearch) -> bool {
        spelling::same_name(&self.name, &other.name)
    }
}

impl Document for SavedSearch {
    const KIND: &'static str = "saved_search";
}

/// The saved searches of an organization.
pub type SavedSearches = ById<SavedSearch>;
