//! What is kept about how long an organization's records are kept: its retention, its legal holds, and the retention that is
//! being carried out. Documents and look-ups; what may be chosen is decided in `retention`.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_store::backend::DirectoryEntry;
use serde::{Deserialize, Serialize};

use super::DirectoryDamaged;
use super::document::{Document, Kept};

/// How long records are kept, in whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionDays {
    /// At hand, from when they were recorded.
    pub hot_days: u32,
    /// In the archive, after that.
    pub archive_days: u32,
}

impl RetentionDays {
    /// Until they are purged.
    pub fn total(self) -> u32 {
        self.hot_days + self.archive_days
    }
}

/// What an organization has chosen (its id is `retention`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPolicy {
    /// In force now.
    pub days: RetentionDays,
    /// Whether it can only be lengthened.
    #[serde(default)]
    pub locked: bool,
    /// In force from a time on: what was shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingRetention>,
}

/// A shortened retention that is not in force yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRetention {
    /// What it will be.
    pub days: RetentionDays,
    /// From when on.
    pub effective_at: Micros,
}

/// That a retention is being carried out (its id is `retention`): what is to be recorded when it is done, whatever comes
/// in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRun {
    /// When it began.
    pub started_at: Micros,
    /// How many events were in the archive.
    pub archived_before: u64,
    /// How many had been purged.
    pub purged_before: u64,
    /// How many were at hand and so old that they were to be purged at once.
    pub over_at_hand: u64,
}

/// What the clock said when the retention was last looked at (its id is `retention`, and the organization the operator's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionClock {
    /// The time.
    pub seen_at: Micros,
}

/// Records that are kept whatever the retention says and whoever asks for their erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    /// Why.
    pub reason: String,
    /// Only what matches this search phrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Only what this actor did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only what was done to this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Only what happened from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Micros>,
    /// Only what happened before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Micros>,
    /// When it was placed.
    pub placed_at: Micros,
    /// Who placed it, as an actor.
    pub placed_by: serde_json::Value,
}

impl Document for RetentionPolicy {
    const KIND: &'static str = "retention_policy";
}

impl Document for RetentionRun {
    const KIND: &'static str = "retention_run";
}

impl Document for RetentionClock {
    const KIND: &'static str = "retention_clock";
}

impl Document for LegalHold {
    const KIND: &'static str = "legal_hold";
}

/// Id of the one [`RetentionPolicy`] and the one [`RetentionRun`] of an organization, and of the [`RetentionClock`].
pub const RETENTION_ID: &str = "retention";

/// The kinds of entries here.
pub const KINDS: [&str; 4] = [RetentionPolicy::KIND, RetentionRun::KIND, RetentionClock::KIND, LegalHold::KIND];

/// What is kept about one organization.
#[derive(Clone, Debug, Default)]
pub struct Governance {
    policy: Option<Arc<Kept<RetentionPolicy>>>,
    run: Option<Arc<Kept<RetentionRun>>>,
    clock: Option<Arc<Kept<RetentionClock>>>,
    holds: BTreeMap<String, Arc<Kept<LegalHold>>>,
}

impl Governance {
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        match entry.kind.as_str() {
            RetentionPolicy::KIND => self.policy = kept(entry, gone)?,
            RetentionRun::KIND => self.run = kept(entry, gone)?,
            RetentionClock::KIND => self.clock = kept(entry, gone)?,
            _ => match kept(entry, gone)? {
                Some(hold) => drop(self.holds.insert(entry.id.clone(), hold)),
                None => drop(self.holds.remove(&entry.id)),
            },
        }
        Ok(())
    }

    /// What the organization has chosen.
    pub fn policy(&self) -> Option<&Arc<Kept<RetentionPolicy>>> {
        self.policy.as_ref()
    }

    /// The retention that is being carried out.
    pub fn run(&self) -> Option<&Arc<Kept<RetentionRun>>> {
        self.run.as_ref()
    }

    /// What the clock said last.
    pub fn clock(&self) -> Option<&Arc<Kept<RetentionClock>>> {
        self.clock.as_ref()
    }

    /// The legal holds, by id.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = &Arc<Kept<LegalHold>>> {
        self.holds.values()
    }

    /// A legal hold.
    pub fn hold(&self, id: &str) -> Option<&Arc<Kept<LegalHold>>> {
        self.holds.get(id)
    }
}

fn kept<D: Document>(entry: &DirectoryEntry, gone: bool) -> Result<Option<Arc<Kept<D>>>, DirectoryDamaged> {
    if gone { Ok(None) } else { Ok(Some(Arc::new(Kept::from_entry(entry)?))) }
}
