//! Where files are kept: in a folder, or under a prefix of a bucket that is spoken to by the S3 API. This is the one place
//! where such a place is opened; whoever puts, reads, lists or removes a file there does not see which of them it is.
//! Nothing here knows what the files hold.

mod bucket;
mod http;
mod local;
mod location;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

pub use bucket::ObjectLock;
use bucket::{Bucket, BucketFile};
pub use http::read_roots;
pub use location::Location;

/// What the caller can do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such file.
    Missing,
    /// The place cannot be used as it is set up: an operator has to change something.
    Refused,
    /// It cannot be reached or does not answer as it should; trying again may help.
    Passing,
}

/// Why a file cannot be put, read, listed or removed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {detail}")]
pub struct StorageError {
    /// The file, or the place.
    pub place: String,
    /// What is wrong.
    pub detail: String,
    /// What can be done.
    pub failure: Failure,
}

/// An [`io::Error`] that holds this says nothing about the file that was to be read: its place was not reached.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotReached(pub String);

/// What a place counts, from its opening on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageStats {
    /// Requests that were sent, each with all its repetitions.
    pub requests: u64,
    /// Requests that failed, with all repetitions.
    pub failures: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Why the last request failed, if it did.
    pub last_failure: Option<String>,
}

/// What came of putting a new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    Done,
    /// One of that name was there, and stays.
    WasThere,
}

/// A place for files, opened.
#[derive(Clone, Debug)]
pub struct Storage {
    inner: Inner,
}

#[derive(Clone, Debug)]
enum Inner {
    Folder(PathBuf),
    Bucket(Arc<Bucket>),
}

impl Storage {
    /// Opens a place. A folder is created if it is not there; a bucket must be there and let itself be listed. Blocks.
    ///
    /// # Errors
    /// If it cannot be used as it is set up. That a bucket cannot be reached is no error here: it may be later.
    pub fn open(location: &Location) -> Result<Self, StorageError> {
        let inner = match location {
            Location::Folder(root) => {
                local::create(root)?;
                Inner::Folder(root.clone())
            }
            Location::Bucket { name, prefix } => Inner::Bucket(Arc::new(Bucket::open(name, prefix)?)),
        };
        Ok(Self { inner })
    }

    /// Whether it is a bucket, which may be away while the service is there.
    pub fn is_remote(&self) -> bool {
        matches!(self.inner, Inner::Bucket(_))
    }

    /// What it has counted; nothing of a folder.
    pub fn stats(&self) -> StorageStats {
        match &self.inner {
            Inner::Folder(_) => StorageStats::default(),
            Inner::Bucket(bucket) => bucket.stats(),
        }
    }

    /// Puts a file in the place of what was there under that name. When this returns, it is durable; when it fails, what was
    /// there may be there still.
    ///
    /// # Errors
    /// If it cannot be put.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        match &self.inner {
            Inner::Folder(root) => local::put(root, name, &bytes),
            Inner::Bucket(bucket) => bucket.put(name, bytes),
        }
    }

    /// Puts a file unless there is one of that name. When this returns, it is durable. With `locked_until`, an RFC 3339 time,
    /// a bucket is asked to let nobody change or delete it before; a folder cannot be.
    ///
    /// # Errors
    /// If it cannot be put, or not be locked.
    pub fn put_new(&self, name: &str, bytes: Vec<u8>, locked_until: Option<&str>) -> Result<Put, StorageError> {
        match &self.inner {
            Inner::Folder(root) => local::put_new(root, name, &bytes),
            Inner::Bucket(bucket) => bucket.put_new(name, bytes, locked_until),
        }
    }

    /// The lock that a file is under, as far as one may see it.
    ///
    /// # Errors
    /// If it is not there or cannot be asked.
    pub fn lock_of(&self, name: &str) -> Result<Option<ObjectLock>, StorageError> {
        match &self.inner {
            Inner::Folder(_) => Ok(None),
            Inner::Bucket(bucket) => bucket.lock_of(name),
        }
    }

    /// A whole file.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        match &self.inner {
            Inner::Folder(root) => local::read(root, name),
            Inner::Bucket(bucket) => bucket.read(name),
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), StorageError> {
        match &self.inner {
            Inner::Folder(root) => local::remove(root, name),
            Inner::Bucket(bucket) => bucket.remove(name),
        }
    }

    /// The names of all files, of those below a folder, or (empty) of all.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, StorageError> {
        match &self.inner {
            Inner::Folder(root) => local::list(root, folder),
            Inner::Bucket(bucket) => bucket.list(folder),
        }
    }

    /// A handle on a file, whether it is there or not.
    pub fn file(&self, name: &str) -> StoredFile {
        match &self.inner {
            Inner::Folder(root) => StoredFile::local(&root.join(name)),
            Inner::Bucket(bucket) => StoredFile { at: At::Bucket(Arc::new(BucketFile::new(bucket.clone(), name))) },
        }
    }
}

/// A handle on a file that is read in pieces.
#[derive(Clone, Debug)]
pub struct StoredFile {
    at: At,
}

#[derive(Clone, Debug)]
enum At {
    Folder(PathBuf),
    Bucket(Arc<BucketFile>),
}

impl StoredFile {
    /// A file of the machine.
    pub fn local(path: &Path) -> Self {
        Self { at: At::Folder(path.to_owned()) }
    }

    /// Where it is, to tell people.
    pub fn shown(&self) -> PathBuf {
        match &self.at {
            At::Folder(path) => path.clone(),
            At::Bucket(file) => PathBuf::from(file.shown()),
        }
    }

    /// Why its place was not reached when it was last read, if that is so: then what was read says nothing about the file.
    pub(crate) fn not_reached(&self) -> Option<String> {
        match &self.at {
            At::Folder(_) => None,
            At::Bucket(file) => file.not_reached(),
        }
    }

    /// Opens it for reading; `bytes` is the size that it should have. Of a file that is elsewhere nothing is asked yet, so
    /// that a log can be read as far as it lies here while that place is away.
    pub(crate) fn open(&self, bytes: u64) -> io::Result<OpenFile> {
        match &self.at {
            At::Folder(path) => {
                let file = std::fs::File::open(path)?;
                let bytes = file.metadata()?.len();
                Ok(OpenFile { bytes, at: Opened::Folder(Arc::new(file)) })
            }
            At::Bucket(file) => Ok(OpenFile { bytes, at: Opened::Bucket(file.clone()) }),
        }
    }

    /// Has the kernel read parts of it, given by offset and length, beside what goes on. Of what is elsewhere nothing.
    pub(crate) fn read_ahead(&self, parts: &[(u64, u64)]) {
        let At::Folder(path) = &self.at else { return };
        let Ok(file) = std::fs::File::open(path) else { return };
        for (offset, length) in parts {
            // It is an advice; whoever cannot take it reads later.
            let _ =
                rustix::fs::fadvise(&file, *offset, std::num::NonZeroU64::new(*length), rustix::fs::Advice::WillNeed);
        }
    }

    /// Opens a file whose size is not known.
    pub(crate) fn open_unknown(&self) -> io::Result<OpenFile> {
        match &self.at {
            At::Folder(_) => self.open(0),
            At::Bucket(file) => self.open(file.size()?),
        }
    }
}

/// A file that is open for reading.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    bytes: u64,
    at: Opened,
}

#[derive(Clone, Debug)]
enum Opened {
    Folder(Arc<std::fs::File>),
    Bucket(Arc<BucketFile>),
}

impl OpenFile {
    /// Reads `length` bytes from `start`, all of which lie in the file.
    pub fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        match &self.at {
            Opened::Folder(file) => {
                use std::os::unix::fs::FileExt;
                let mut bytes = vec![0u8; length];
                file.read_exact_at(&mut bytes, start)?;
                Ok(Bytes::from(bytes))
            }
            Opened::Bucket(file) => file.read(start, length, self.bytes),
        }
    }
}

impl Length for OpenFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for OpenFile {
    type T = io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let length = self.bytes.saturating_sub(start) as usize;
        self.get_bytes(start, length).map(io::Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.read(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}
