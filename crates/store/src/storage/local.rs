//! Files in a folder of this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::{Failure, Put, StorageError};
use crate::folder::{create_folder, create_folder_in, sync_folder, write_synced};

/// Ending of a file that is being written.
const PARTIAL: &str = ".partial";

fn failed(path: &Path) -> impl Fn(io::Error) -> StorageError {
    move |error| {
        let failure = if error.kind() == io::ErrorKind::NotFound { Failure::Missing } else { Failure::Refused };
        StorageError { place: path.display().to_string(), detail: error.to_string(), failure }
    }
}

/// Creates the folder if it is not there.
pub(super) fn create(root: &Path) -> Result<(), StorageError> {
    create_folder(root).map_err(failed(root))
}

/// Writes a file beside its name, has it on disk, and calls `name_it` to give it its name.
fn write<T>(
    root: &Path,
    name: &str,
    bytes: &[u8],
    name_it: impl FnOnce(&Path, &Path) -> io::Result<T>,
) -> Result<T, StorageError> {
    let path = root.join(name);
    let folder = path.parent().unwrap_or(root);
    create_folder_in(root, folder).map_err(failed(folder))?;
    let mut partial = path.clone().into_os_string();
    partial.push(PARTIAL);
    let partial = PathBuf::from(partial);
    let written = write_synced(&partial, bytes).and_then(|()| name_it(&partial, &path));
    if written.is_err() {
        // Trying again and again must not fill the disk.
        let _ = std::fs::remove_file(&partial);
    }
    let done = written.map_err(failed(&path))?;
    sync_folder(folder).map_err(failed(folder))?;
    Ok(done)
}

pub(super) fn put(root: &Path, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
    write(root, name, bytes, |partial, path| std::fs::rename(partial, path))
}

pub(super) fn put_new(root: &Path, name: &str, bytes: &[u8]) -> Result<Put, StorageError> {
    write(root, name, bytes, |partial, path| {
        // A rename would replace what is there; a second name does not.
        let linked = std::fs::hard_link(partial, path);
        std::fs::remove_file(partial)?;
        match linked {
            Ok(()) => Ok(Put::Done),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::WasThere),
            Err(error) => Err(error),
        }
    })
}

pub(super) fn read(root: &Path, name: &str) -> Result<Vec<u8>, StorageError> {
    let path = root.join(name);
    std::fs::read(&path).map_err(failed(&path))
}

pub(super) fn remove(root: &Path, name: &str) -> Result<(), StorageError> {
    let path = root.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path)(error)),
        _ => Ok(()),
    }
}

pub(super) fn list(root: &Path, folder: &str) -> Result<Vec<String>, StorageError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed(&path))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type().map_err(failed(&path))?.is_dir() {
                folders.push(name);
            } else {
                found.push(name);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_put_listed_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        put(root, "a/b/one", b"1").unwrap();
        put(root, "a/b/one", b"one").unwrap();
        put(root, "a/two", b"two").unwrap();
        assert_eq!(put_new(root, "a/two", b"other").unwrap(), Put::WasThere);
        assert_eq!(put_new(root, "c/three", b"three").unwrap(), Put::Done);
        assert_eq!(read(root, "a/b/one").unwrap(), b"one");
        assert_eq!(read(root, "a/two").unwrap(), b"two");
        let listed = |folder: &str| {
            let mut found = list(root, folder).unwrap();
            found.sort();
            found
        };
        assert_eq!(listed(""), ["a/b/one", "a/two", "c/three"], "nothing partial is left");
        assert_eq!(listed("a/b"), ["a/b/one"]);
        assert!(listed("nowhere").is_empty());
        remove(root, "a/two").unwrap();
        remove(root, "a/two").unwrap();
        assert_eq!(read(root, "a/two").unwrap_err().failure, Failure::Missing);
        // Something of that name is in the way: said, and nothing is left beside it.
        std::fs::create_dir(root.join("a/folder")).unwrap();
        assert!(put(root, "a/folder", b"x").is_err());
        assert_eq!(listed("a"), ["a/b/one"]);
    }
}
