//! The files of segments: put, synced, named, listed, removed. Nothing here knows what is in them.

use std::future::Future;
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;
use object_store::{ObjectStoreExt, PutPayload};

use crate::clock::Entropy;
use crate::folder::{create_folder, sync_folder};
use crate::organization::OrganizationId;

/// Ending of a segment's file.
const ENDING: &str = ".parquet";
/// Ending of a file of purged events.
const PURGED_ENDING: &str = ".purged";

/// Why a file cannot be put or removed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {detail}")]
pub(crate) struct FileError {
    path: String,
    detail: String,
}

/// The segments' folder.
pub(crate) struct SegmentFiles {
    root: PathBuf,
    store: LocalFileSystem,
    runtime: Option<tokio::runtime::Runtime>,
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct FoundFile {
    /// Path below the root, with `/`.
    pub path: String,
}

impl SegmentFiles {
    /// Opens the folder, creating it if it is not there.
    pub fn open(root: &Path) -> Result<Self, FileError> {
        let failed = |detail: String| FileError { path: root.display().to_string(), detail };
        create_folder(root).map_err(|error| failed(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(root).map_err(|error| failed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        Ok(Self { root: root.to_owned(), store, runtime: Some(runtime) })
    }

    /// A new name for a segment that begins at a sequence number.
    pub fn new_path(organization: OrganizationId, first_seq: u64, entropy: &dyn Entropy) -> String {
        let mut random = [0u8; 8];
        entropy.fill(&mut random);
        format!("{organization}/{first_seq:013}-{:016x}{ENDING}", u64::from_le_bytes(random))
    }

    /// A new name for the file of purged events that begin at a sequence number.
    pub fn new_purged_path(organization: OrganizationId, first_seq: u64, entropy: &dyn Entropy) -> String {
        Self::new_path(organization, first_seq, entropy).replace(ENDING, PURGED_ENDING)
    }

    /// Where a file is.
    pub fn locate(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes a file. When this returns, the file and its name are on disk; when it fails, nothing of it stays, so that
    /// trying again and again fills no disk.
    pub fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        let result = self.put_synced(path, bytes);
        if result.is_err() {
            // What cannot be removed now is collected later.
            let _ = self.remove(path);
        }
        result
    }

    fn put_synced(&self, path: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        let failed = |detail: String| FileError { path: path.to_owned(), detail };
        let located = self.locate(path);
        let folder = located.parent().ok_or_else(|| failed("a segment lies in a folder".to_owned()))?;
        create_folder(folder).map_err(|error| failed(error.to_string()))?;
        let key = object_store::path::Path::parse(path).map_err(|error| failed(error.to_string()))?;
        self.block_on(self.store.put(&key, PutPayload::from(bytes))).map_err(|error| failed(error.to_string()))?;
        // The local store leaves both to the operating system.
        let file = std::fs::File::open(&located).and_then(|file| file.sync_all());
        file.and_then(|()| sync_folder(folder)).map_err(|error| failed(error.to_string()))
    }

    /// Removes a file; one that is not there is no error.
    pub fn remove(&self, path: &str) -> Result<(), FileError> {
        match std::fs::remove_file(self.locate(path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError { path: path.to_owned(), detail: error.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Every file in the folders of organizations, whatever its name.
    pub fn list(&self) -> Result<Vec<FoundFile>, FileError> {
        let failed = |path: &Path, error: std::io::Error| FileError {
            path: path.display().to_string(),
            detail: error.to_string(),
        };
        let mut found = Vec::new();
        for folder in std::fs::read_dir(&self.root).map_err(|error| failed(&self.root, error))? {
            let folder = folder.map_err(|error| failed(&self.root, error))?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
                let file = file.map_err(|error| failed(&folder, error))?;
                let names = [folder.file_name(), Some(&file.file_name())]
                    .map(|name| name.and_then(|n| n.to_str().map(str::to_owned)));
                let [Some(folder_name), Some(file_name)] = names else { continue };
                found.push(FoundFile { path: format!("{folder_name}/{file_name}") });
            }
        }
        Ok(found)
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("there until dropped").block_on(future)
    }
}

impl Drop for SegmentFiles {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which panics where the engine is dropped in an async task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
