//! Files and folders that survive a power cut: what is created here is on disk, name included, when the call returns.
//! Nothing here knows what the files are for.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes the names in a folder durable.
///
/// # Errors
/// If the folder cannot be opened or synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes durable what is found in a folder. One that may not be opened is somebody else's, who put there what we found.
///
/// # Errors
/// If the folder cannot be synced.
pub(crate) fn sync_found_folder(folder: &Path) -> io::Result<()> {
    match sync_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// The folder that a file or folder lies in; of a bare name the one that the process works in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates a folder and those above it that are missing, each durable in the one above. One that is there is made
/// durable too: a process that was killed may have created it and not come to that.
///
/// # Errors
/// If one cannot be created or synced, or something else has the name.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    create_below(None, folder)
}

fn create_below(durable: Option<&Path>, folder: &Path) -> io::Result<()> {
    let parent = folder_of(folder);
    if folder.is_dir() {
        return sync_found_folder(parent);
    }
    if durable != Some(parent) {
        create_below(durable, parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        other => other?,
    }
    sync_folder(parent)
}

/// The same for a folder in one that is durable.
///
/// # Errors
/// If one cannot be created or synced, or something else has the name.
pub(crate) fn create_folder_in(durable: &Path, folder: &Path) -> io::Result<()> {
    if folder == durable { Ok(()) } else { create_below(Some(durable), folder) }
}

/// Writes a file that only its owner may read, whole or not at all, replacing one of that name.
///
/// # Errors
/// If it cannot be written or synced.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    sync_folder(folder_of(path))
}

/// Writes a file, replacing what is there; its name is the caller's to make durable.
///
/// # Errors
/// If it cannot be written or synced.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Holds a folder for this process; let go when dropped or when the process ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

/// Why a folder could not be locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process has it.
    InUse,
    /// The lock file cannot be made.
    Io(io::Error),
}

impl FolderLock {
    /// Locks a folder by a file of this name in it.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = FolderLock::take(&path).unwrap();
        assert!(matches!(FolderLock::take(&path), Err(LockError::InUse)));
        drop(held);
        FolderLock::take(&path).unwrap();
    }

    #[test]
    fn a_private_file_is_the_owners_alone_and_replaced_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("a/b/c");
        create_folder(&nested).unwrap();
        create_folder(&nested).unwrap();
        create_folder_in(&nested, &nested).unwrap();
        create_folder_in(folder.path(), &folder.path().join("d/e")).unwrap();
        assert!(folder.path().join("d/e").is_dir());
        let path = nested.join("key");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&nested).unwrap().count(), 1, "no partial file is left");
    }
}
