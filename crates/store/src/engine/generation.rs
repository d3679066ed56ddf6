//! Generations of a log: after a restore from a backup that is older than what was published, a log goes on under another
//! origin or not at all. The number is an entry of the directory, written in the same commit as the event that says so.
//!
//! The tree goes on from what there is; what the generation before published beyond that is named by that event alone.

use std::sync::atomic::Ordering;

use actarium_core::row::EncodedRows;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::append::{AppendError, Change, DirectoryChange};
use super::log::Log;
use super::shared::Registry;
use crate::backend::{Backend, BackendError};
use crate::organization::OrganizationId;

/// Kind of the directory entry.
const KIND: &str = "log_generation";
/// Its id, one for each organization.
const ID: &str = "current";

/// The generation of a log; the first has no entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// 2 for the second.
    pub number: u64,
    /// Sequence number of its first event, which tells of the one before.
    pub first_seq: u64,
    /// The last checkpoint that is known of the one before.
    pub continues: String,
}

/// The origin of a generation of a log.
pub(crate) fn origin(log_name: &str, organization: OrganizationId, generation: u64) -> String {
    match generation {
        0 | 1 => format!("{log_name}/{organization}"),
        later => format!("{log_name}/{organization}/{later}"),
    }
}

/// Puts the numbers into memory.
pub(crate) fn load(backend: &dyn Backend, logs: &Registry) -> Result<(), BackendError> {
    for entry in backend.directory_entries(KIND, None)? {
        let Some(log) = entry.organization.and_then(|organization| logs.by_id.get(&organization)) else { continue };
        match serde_json::from_str::<Generation>(&entry.document) {
            Ok(generation) => log.generation.store(generation.number, Ordering::Relaxed),
            Err(error) => log.set_damaged(&format!("the entry of its generation cannot be read: {error}")),
        }
    }
    Ok(())
}

impl Engine {
    /// Which generation of the log this is, from 1 on.
    pub fn generation(&self, organization: OrganizationId) -> u64 {
        self.shared.log(organization).map_or(1, |log| log.generation.load(Ordering::Relaxed))
    }

    /// The origin that the log's next generation has.
    pub fn next_origin(&self, organization: OrganizationId) -> String {
        origin(self.log_name(), organization, self.generation(organization) + 1)
    }

    /// Opens the log's next generation with the event that tells of it, in one commit. Nothing may be written meanwhile.
    ///
    /// # Errors
    /// As for recording; nothing has changed then.
    pub async fn open_generation(
        &self,
        organization: OrganizationId,
        continues: String,
        record: EncodedRows,
    ) -> Result<Generation, AppendError> {
        let log = self.shared.log(organization).ok_or(AppendError::UnknownOrganization)?;
        let number = log.generation.load(Ordering::Relaxed) + 1;
        let first_seq = log.state.lock().head.size;
        let generation = Generation { number, first_seq, continues };
        let unavailable = |detail: String| AppendError::Unavailable { detail };
        let known =
            self.directory_entry(KIND, Some(organization), ID).map_err(|error| unavailable(error.to_string()))?;
        let document = serde_json::to_string(&generation).map_err(|error| unavailable(error.to_string()))?;
        let change = DirectoryChange {
            kind: KIND.to_owned(),
            organization: Some(organization),
            id: ID.to_owned(),
            expected_version: known.map(|known| known.version),
            document: Some(document),
        };
        let records = vec![(organization, record)];
        self.change(Change { directory: vec![change], records, ..Change::default() }).await?;
        log.generation.store(number, Ordering::Relaxed);
        *log.published.lock() = None;
        *log.signed.lock() = None;
        log.cosigned.lock().clear();
        Ok(generation)
    }
}

/// The number of a log's generation.
pub(crate) fn of(log: &Log) -> u64 {
    log.generation.load(Ordering::Relaxed)
}
