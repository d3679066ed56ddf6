//! The files of segments: put, named, listed, removed. Nothing here knows what is in them.

use crate::clock::Entropy;
use crate::organization::OrganizationId;
use crate::storage::{Location, Storage, StorageError, StorageStats, StoredFile};

/// Ending of a segment's file.
const ENDING: &str = ".parquet";
/// Ending of a file of purged events.
const PURGED_ENDING: &str = ".purged";

/// The place of segments.
pub(crate) struct SegmentFiles {
    storage: Storage,
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct FoundFile {
    /// Path below the root, with `/`.
    pub path: String,
}

impl SegmentFiles {
    /// Opens the place; a folder is created if it is not there.
    pub fn open(location: &Location) -> Result<Self, StorageError> {
        Ok(Self { storage: Storage::open(location)? })
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

    /// What the place has counted, if it is not on this machine.
    pub fn stats(&self) -> Option<StorageStats> {
        self.storage.is_remote().then(|| self.storage.stats())
    }

    /// Where a file is.
    pub fn locate(&self, path: &str) -> StoredFile {
        self.storage.file(path)
    }

    /// Writes a file. When this returns, the file and its name are durable; when it fails, nothing of it stays, so that
    /// trying again and again fills no disk.
    pub fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        let result = self.storage.put(path, bytes);
        if result.is_err() {
            // What cannot be removed now is collected later.
            let _ = self.storage.remove(path);
        }
        result
    }

    /// Removes a file; one that is not there is no error.
    pub fn remove(&self, path: &str) -> Result<(), StorageError> {
        self.storage.remove(path)
    }

    /// Every file in the folders of organizations that has a name of ours. What somebody else laid there is theirs.
    pub fn list(&self) -> Result<Vec<FoundFile>, StorageError> {
        let ours = self.storage.list("")?.into_iter().filter(|path| is_ours(path));
        Ok(ours.map(|path| FoundFile { path }).collect())
    }
}

/// Whether a path is one that [`SegmentFiles::new_path`] or [`SegmentFiles::new_purged_path`] makes.
fn is_ours(path: &str) -> bool {
    let named = || {
        let (_, name) = path.split_once('/')?;
        // A file that was being put in place has an ending or, by `object_store`, a number behind its name.
        let name = name.strip_suffix(".partial").unwrap_or(name);
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        let (first_seq, random) =
            name.strip_suffix(ENDING).or_else(|| name.strip_suffix(PURGED_ENDING))?.split_once('-')?;
        let is_number = first_seq.len() >= 13 && first_seq.bytes().all(|byte| byte.is_ascii_digit());
        let is_random = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(is_number && is_random)
    };
    named().unwrap_or(false)
}
