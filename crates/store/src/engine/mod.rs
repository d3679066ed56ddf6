//! The engine: one writer and many readers over a data folder. (The signatures are final; bodies are being filled in.)

pub mod append;
pub mod options;
pub mod snapshot;
pub mod stats;

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::backend::DirectoryEntry;
use crate::clock::{Clock, Entropy};
use crate::organization::{Organization, OrganizationId};
use append::{Append, AppendError, Appended, Change, NewOrganization};
use options::EngineOptions;
use snapshot::{ReadError, Snapshot};
use stats::EngineStats;

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("{path} is in use by another process")]
    InUse {
        /// The lock file.
        path: String,
    },
    /// The folder or a file in it cannot be read or written.
    #[error("{path}: {detail}")]
    Io {
        /// Which file or folder.
        path: String,
        /// What the operating system says.
        detail: String,
    },
    /// A file is not ours, is damaged, or was written by a newer version. Nothing was changed.
    #[error("{path}: {detail}")]
    Foreign {
        /// Which file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The log has another name than the one asked for.
    #[error("the log is named {actual}, not {wanted}; a log's name never changes")]
    LogNameDiffers {
        /// Its name.
        actual: String,
        /// The name asked for.
        wanted: String,
    },
    /// The options contradict themselves.
    #[error("{0}")]
    Options(String),
}

/// What a seal that was asked for did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Segments written.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Merges of small segments.
    pub merges: u64,
    /// What failed, per organization's slug; the rows stay in the journal.
    pub failures: Vec<(String, String)>,
}

/// The store of all organizations' logs in one data folder.
pub struct Engine {}

impl Engine {
    /// Opens or creates a data folder. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is changed then.
    pub fn open(
        options: EngineOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Engine>, OpenError> {
        let _ = (options, clock, entropy);
        Err(OpenError::Options("being written".into()))
    }

    /// The log's name, first part of every origin.
    pub fn log_name(&self) -> &str {
        ""
    }

    /// The log's Ed25519 public key.
    pub fn log_public_key(&self) -> [u8; 32] {
        [0; 32]
    }

    /// Signs with the log's key.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let _ = message;
        [0; 64]
    }

    /// A fresh opaque id, for [`Change::organizations`].
    pub fn new_organization_id(&self) -> OrganizationId {
        OrganizationId([0; 16])
    }

    /// Creates an organization with what is recorded about it, in one commit.
    pub fn create_organization(
        &self,
        new: NewOrganization,
        records: Vec<(OrganizationId, actarium_core::row::EncodedRows)>,
    ) -> impl Future<Output = Result<Arc<Organization>, AppendError>> + Send + 'static + use<> {
        let _ = (new, records);
        async { Err(AppendError::Closed) }
    }

    /// The organization with this slug.
    pub fn organization(&self, slug: &str) -> Option<Arc<Organization>> {
        let _ = slug;
        None
    }

    /// The organization with this id.
    pub fn organization_by_id(&self, id: OrganizationId) -> Option<Arc<Organization>> {
        let _ = id;
        None
    }

    /// All organizations, by slug.
    pub fn organizations(&self) -> Vec<Arc<Organization>> {
        Vec::new()
    }

    /// Records events. The request is in the queue when this returns; dropping the future does not take it back.
    pub fn append(
        &self,
        append: Append,
    ) -> impl Future<Output = Result<Appended, AppendError>> + Send + 'static + use<> {
        let _ = append;
        async { Err(AppendError::Closed) }
    }

    /// Makes a change of the directory that spans organizations, with its records, in one commit.
    /// One answer per entry of [`Change::records`].
    pub fn change(
        &self,
        change: Change,
    ) -> impl Future<Output = Result<Vec<Appended>, AppendError>> + Send + 'static + use<> {
        let _ = change;
        async { Err(AppendError::Closed) }
    }

    /// One directory entry. Blocks for a read from disk.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn directory_entry(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        id: &str,
    ) -> Result<Option<DirectoryEntry>, ReadError> {
        let _ = (kind, organization, id);
        Ok(None)
    }

    /// All directory entries of a kind, of one organization or (`None`) of all. Blocks for a read from disk.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn directory_entries(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<DirectoryEntry>, ReadError> {
        let _ = (kind, organization);
        Ok(Vec::new())
    }

    /// The organization's log as it stands, with everything acknowledged before the call. Blocks while unsealed rows
    /// that have left memory are read back.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn snapshot(&self, organization: OrganizationId) -> Result<Snapshot, ReadError> {
        let _ = organization;
        Err(ReadError::UnknownOrganization)
    }

    /// The same if it can be had without blocking.
    pub fn snapshot_in_memory(&self, organization: OrganizationId) -> Option<Snapshot> {
        let _ = organization;
        None
    }

    /// Announces the size of the organization's log whenever it has grown.
    pub fn subscribe(&self, organization: OrganizationId) -> Option<watch::Receiver<u64>> {
        let _ = organization;
        None
    }

    /// Seals what is unsealed, however little, and merges small segments; of one organization or (`None`) of all. Blocks.
    pub fn seal_now(&self, organization: Option<OrganizationId>) -> SealReport {
        let _ = organization;
        SealReport::default()
    }

    /// The counters as they stand.
    pub fn stats(&self) -> EngineStats {
        EngineStats::default()
    }

    /// Whether it takes writes: `Err` says why not.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    /// Finishes what was accepted, takes nothing more, and closes the files. Blocks.
    pub fn shutdown(&self) {}
}
