//! The files of an export: a folder, or a `.tar.zst` that is unpacked into memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use actarium_core::tar::{TAR_BLOCK, read_tar_header, tar_padding};

/// Bytes of an archive's files together; a larger one is unpacked first.
const ARCHIVE_BYTES_MAX: u64 = 4 << 30;
/// Bytes of one file of an export.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why an export cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The operating system says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// What it says.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path}: {detail}")]
    Foreign {
        /// Which file.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

/// The files of an export.
#[derive(Debug)]
pub enum Bundle {
    /// In a folder.
    Folder(PathBuf),
    /// In memory.
    Files(BTreeMap<String, Vec<u8>>),
}

impl Bundle {
    /// Opens a folder or an archive.
    ///
    /// # Errors
    /// If it is neither, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let shown = path.display().to_string();
        let io = |source| BundleError::Io { path: shown.clone(), source };
        let file = File::open(path).map_err(io)?;
        let mut reader = BufReader::new(zstd::stream::read::Decoder::new(file).map_err(io)?);
        let foreign = |detail: String| BundleError::Foreign { path: shown.clone(), detail };
        let (mut files, mut total) = (BTreeMap::new(), 0);
        loop {
            let mut header = [0; TAR_BLOCK];
            reader.read_exact(&mut header).map_err(|error| foreign(format!("not a whole .tar.zst: {error}")))?;
            let entry = read_tar_header(&header).map_err(|error| foreign(error.to_string()))?;
            let Some((name, size)) = entry else { return Ok(Self::Files(files)) };
            total += size;
            if size > FILE_BYTES_MAX || total > ARCHIVE_BYTES_MAX {
                return Err(foreign(
                    "it is too large to be read into memory (4 GiB); unpack it and give the folder".into(),
                ));
            }
            let mut bytes = vec![0; size as usize];
            let mut padding = [0; TAR_BLOCK];
            let read = reader.read_exact(&mut bytes);
            read.and_then(|()| reader.read_exact(&mut padding[..tar_padding(size)]))
                .map_err(|error| foreign(format!("cut within {name}: {error}")))?;
            files.insert(name, bytes);
        }
    }

    /// A file; `None` if there is none of that name.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        match self {
            Self::Files(files) => Ok(files.get(name).cloned()),
            Self::Folder(folder) => {
                let path = folder.join(name);
                let io = |source| BundleError::Io { path: path.display().to_string(), source };
                match std::fs::metadata(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(io(error)),
                    Ok(file) if file.len() > FILE_BYTES_MAX => {
                        let detail = "larger than a file of an export is (1 GiB)".to_owned();
                        return Err(BundleError::Foreign { path: path.display().to_string(), detail });
                    }
                    Ok(_) => {}
                }
                std::fs::read(&path).map(Some).map_err(io)
            }
        }
    }

    /// The names of all files, ascending.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, BundleError> {
        match self {
            Self::Files(files) => Ok(files.keys().cloned().collect()),
            Self::Folder(folder) => {
                let io = |source| BundleError::Io { path: folder.display().to_string(), source };
                let mut names = Vec::new();
                for entry in std::fs::read_dir(folder).map_err(io)? {
                    names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
                }
                names.sort_unstable();
                Ok(names)
            }
        }
    }
}
