//! What is kept about an erasure of a person or a redaction of records, from when somebody asks for it. Documents and
//! look-ups; who may ask and approve is decided by the handlers, what is removed by `removals`.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_store::backend::DirectoryEntry;
use serde::{Deserialize, Serialize};

use super::DirectoryDamaged;
use super::document::{Document, Kept};

/// What is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalKind {
    /// A person, from all events that are about them.
    Erasure,
    /// The detail of chosen events.
    Redaction,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalState {
    /// It waits for a second person.
    Pending,
    /// It was approved and recorded, and is being carried out.
    Approved,
    /// Everything is removed; what the folder still has of it is being overwritten.
    Wiping,
    /// Nothing is left of it.
    Done,
    /// The second person said no.
    Rejected,
}

impl RemovalState {
    /// Names of all, as the API has them.
    pub const NAMES: [&'static str; 5] = ["pending", "approved", "wiping", "done", "rejected"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            RemovalState::Pending => "pending",
            RemovalState::Approved => "approved",
            RemovalState::Wiping => "wiping",
            RemovalState::Done => "done",
            RemovalState::Rejected => "rejected",
        }
    }

    /// Whether nothing more happens to it.
    pub const fn has_ended(self) -> bool {
        matches!(self, RemovalState::Done | RemovalState::Rejected)
    }

    /// Whether the service has to carry it out.
    pub const fn is_due(self) -> bool {
        matches!(self, RemovalState::Approved | RemovalState::Wiping)
    }
}

/// What was found to be removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalCounts {
    /// Events that lose parts.
    pub events: u64,
    /// Events that lose their identity part,
    pub identity: u64,
    /// their personal part,
    pub personal: u64,
    /// their detail.
    pub detail: u64,
    /// Of all: not in a segment yet,
    pub journal: u64,
    /// in segments at hand,
    pub hot: u64,
    /// in the archive.
    pub archive: u64,
    /// Actarium's own records of these, whose detail names the person: searches above all.
    pub naming_records: u64,
    /// Actarium's own records of what others did to the person, whose identity or detail was asked for and stays.
    #[serde(default)]
    pub kept_own: u64,
    /// Recorded searches that may name the person and stay.
    #[serde(default)]
    pub searches_to_review: u64,
    /// Saved searches that name the person and are deleted.
    pub saved_searches: u64,
    /// Events that a legal hold keeps as they are.
    pub held: u64,
    /// Events that had lost all of it before.
    pub already: u64,
    /// Whether there is more than one removal may hold; it is to be asked for again when this one is done.
    #[serde(default)]
    pub more: bool,
}

/// What a redaction removes and what it leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redacting {
    /// The events, by their ids.
    pub events: Vec<String>,
    /// Keys whose values are masked besides the built-in ones.
    #[serde(default)]
    pub mask_keys: Vec<String>,
    /// JSON Pointers into the events at which everything is masked.
    #[serde(default)]
    pub pointers: Vec<String>,
    /// Whether what is left of the detail is recorded again.
    pub remainder: bool,
}

/// An erasure or a redaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Which of them.
    pub kind: RemovalKind,
    /// How far it has come.
    pub state: RemovalState,
    /// Why.
    pub reason: String,
    /// Who asked, as an actor; with names only until it has ended.
    pub asked_by: serde_json::Value,
    /// The name of their credential: who approves has another.
    pub asked_with: String,
    /// When.
    pub asked_at: Micros,
    /// Ids of the accounts that could approve it at that moment; nobody else but the operator may. Only until it is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Ids of those of them whose own acts are among the records, so that they are refused. Only until it is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acting: Vec<String>,
    /// The parts, with commas between them.
    pub parts: String,
    /// Who is erased, `type:id`; only until it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Keyed pseudonym of who is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<String>,
    /// What a redaction removes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacting: Option<Redacting>,
    /// What was found when it was asked for, and again when it was approved.
    pub found: RemovalCounts,
    /// Ids of recorded searches that may name the person and stay, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_review: Vec<String>,
    /// Who approved or rejected it: type and id of an actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<serde_json::Value>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Micros>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_reason: Option<String>,
    /// Names, addresses and ids that go; only while it is being carried out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Events that lost parts by it.
    #[serde(default)]
    pub removed: u64,
    /// Events that a hold which was placed after the approval has kept.
    #[serde(default)]
    pub kept_by_holds: u64,
    /// When nothing was left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Micros>,
}

/// Parts of the events of some ranges that an approved removal removes, as they were recorded: its id is that of the
/// removal, a slash and a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalPlan {
    /// The parts, with commas between them.
    pub parts: String,
    /// The sequence numbers, as a record of an erasure has them.
    pub ranges: String,
}

impl Document for Removal {
    const KIND: &'static str = "removal";
}

impl Document for RemovalPlan {
    const KIND: &'static str = "removal_plan";
}

/// The kinds of entries here.
pub const KINDS: [&str; 2] = [Removal::KIND, RemovalPlan::KIND];

/// The erasures and redactions of an organization.
#[derive(Clone, Debug, Default)]
pub struct Removals {
    by_id: BTreeMap<String, Arc<Kept<Removal>>>,
    plans: BTreeMap<String, Arc<Kept<RemovalPlan>>>,
}

impl Removals {
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        match (entry.kind == Removal::KIND, gone) {
            (true, true) => drop(self.by_id.remove(&entry.id)),
            (true, false) => drop(self.by_id.insert(entry.id.clone(), Arc::new(Kept::from_entry(entry)?))),
            (false, true) => drop(self.plans.remove(&entry.id)),
            (false, false) => drop(self.plans.insert(entry.id.clone(), Arc::new(Kept::from_entry(entry)?))),
        }
        Ok(())
    }

    /// One of a kind.
    pub fn get(&self, kind: RemovalKind, id: &str) -> Option<&Arc<Kept<Removal>>> {
        self.by_id.get(id).filter(|removal| removal.kind == kind)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kept<Removal>>> {
        self.by_id.values()
    }

    /// What an approved one removes.
    pub fn plans_of(&self, id: &str) -> impl Iterator<Item = &Arc<Kept<RemovalPlan>>> {
        let prefix = format!("{id}/");
        self.plans.range(prefix.clone()..).map(|(_, plan)| plan).take_while(move |plan| plan.id.starts_with(&prefix))
    }
}
