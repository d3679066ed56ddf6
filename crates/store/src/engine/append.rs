//! What goes into the engine and what comes out of it: requests to record, answers, refusals.
//! Types only; nothing here does anything.

use std::time::Duration;

use actarium_core::row::{EncodedRows, Micros};

pub use crate::backend::DirectoryChange;
use crate::organization::OrganizationId;

/// How far back an `external_id` is looked for before an event counts as new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateScope {
    /// Everything recorded within the idempotency window, 7 days by default.
    #[default]
    Recent,
    /// The whole kept log: for adapters and imports, which repeat what is old.
    WholeLog,
}

/// The key under which a request may be sent again without recording anything twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Who sent it: keys of different senders never meet.
    pub scope: String,
    /// The key as sent.
    pub key: String,
    /// SHA-256 of the request's body: the same key with another body is a conflict.
    pub body: [u8; 32],
}

/// Events of one organization to be recorded, all or none, in this order.
#[derive(Clone, Debug)]
pub struct Append {
    /// Whose log they go to.
    pub organization: OrganizationId,
    /// The events, decoded and validated.
    pub rows: EncodedRows,
    /// The request's `Idempotency-Key`, if it had one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// How far back repeats of an `external_id` are looked for.
    pub duplicates: DuplicateScope,
    /// What changes in the directory in the same commit: a change and its record are one.
    pub directory: Vec<DirectoryChange>,
}

impl Append {
    /// Events without key or directory change; repeats are looked for within the window.
    pub fn new(organization: OrganizationId, rows: EncodedRows) -> Self {
        Self { organization, rows, idempotency_key: None, duplicates: DuplicateScope::Recent, directory: Vec::new() }
    }
}

/// An organization to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrganization {
    /// Its opaque id, from [`crate::Engine::new_organization_id`].
    pub id: OrganizationId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// A change of the directory that spans organizations, with its records: one commit, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Organizations to create; `records` may already write to them.
    pub organizations: Vec<NewOrganization>,
    /// Directory entries to write or delete.
    pub directory: Vec<DirectoryChange>,
    /// What is recorded about it, per organization.
    pub records: Vec<(OrganizationId, EncodedRows)>,
}

/// One event's place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its sequence number.
    pub seq: u64,
    /// When it was recorded (for a duplicate: when the first one was).
    pub recorded_at: Micros,
    /// Whether it had been recorded before and nothing was added.
    pub duplicate: bool,
}

/// The answer to a request: it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// One entry per event, in the order sent.
    pub events: Vec<Recorded>,
    /// Size of the organization's log after it.
    pub size: u64,
    /// Root of the organization's tree at that size.
    pub root: [u8; 32],
    /// When the last event at that size was recorded.
    pub recorded_at: Micros,
}

/// An event that repeats an `external_id` with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflicting {
    /// Its index in the batch, from 0.
    pub index: usize,
    /// What it repeats.
    pub first: FirstSeen,
}

/// What an event in conflict repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSeen {
    /// An event in the log.
    Recorded {
        /// Its sequence number.
        seq: u64,
    },
    /// An earlier event of the same batch.
    SameBatch {
        /// Its index in the batch, from 0.
        index: usize,
    },
}

/// Why nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// More is waiting than may wait; the same request may succeed later.
    #[error("too much is waiting to be recorded; try again in {} s", retry_after.as_secs().max(1))]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The disk is full; the same request succeeds when there is space again.
    #[error("the disk is full; nothing was recorded")]
    Full,
    /// The journal could not make it durable. What was sent may be sent again, with the same keys.
    #[error("the journal is not available: {detail}")]
    Unavailable {
        /// What failed, in words.
        detail: String,
    },
    /// The engine is shutting down and takes nothing more.
    #[error("the service is shutting down")]
    Closed,
    /// There is no such organization.
    #[error("there is no such organization")]
    UnknownOrganization,
    /// The organization's stored log contradicts itself; it takes no writes until an operator has repaired it.
    #[error("the log of organization {organization} is damaged and takes no writes: {detail}")]
    Damaged {
        /// The slug.
        organization: String,
        /// Which places disagree.
        detail: String,
    },
    /// The machine's clock is behind the log.
    #[error("the clock is {} s behind the last record; it has to be set right first", behind.as_secs())]
    ClockBehind {
        /// By how much.
        behind: Duration,
    },
    /// Events repeat an `external_id` with other content.
    #[error("{} of the events repeat an external_id with other content", events.len())]
    Conflict {
        /// All of them, ascending; at least one.
        events: Vec<Conflicting>,
    },
    /// The `Idempotency-Key` was used before with another body.
    #[error("the idempotency key was used before with another body")]
    KeyConflict,
    /// A directory entry is no longer what the change expected.
    #[error("{kind} {id} was changed by somebody else")]
    DirectoryConflict {
        /// Kind of the entry.
        kind: String,
        /// Its id.
        id: String,
    },
    /// There is an organization with that slug (or id) already.
    #[error("there is an organization {slug} already")]
    OrganizationExists {
        /// The slug.
        slug: String,
    },
    /// The request is larger than one commit may be.
    #[error("{bytes} bytes are more than one request may record ({bytes_max})")]
    TooLarge {
        /// Encoded size of the request in bytes.
        bytes: u64,
        /// The most that one request may have.
        bytes_max: u64,
    },
    /// Something in the request cannot be stored: a name out of its bounds.
    #[error("{detail}")]
    Invalid {
        /// What is wrong, and what is allowed.
        detail: String,
    },
}
