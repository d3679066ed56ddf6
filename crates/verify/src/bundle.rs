//! The files of an export: a folder, or a `.tar.zst` that is unpacked into memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use actarium_core::tar::{TAR_BLOCK, read_tar_header, tar_padding};

use crate::report::Report;

/// Bytes of an archive's files together; a larger one is unpacked first.
const ARCHIVE_BYTES_MAX: u64 = 4 << 30;
/// The same for small archives: what is unpacked is at most this, and so many times what is packed.
const ARCHIVE_BYTES_SMALL: u64 = 64 << 20;
const ARCHIVE_TIMES_MAX: u64 = 100;
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
        /// What it is not.
        detail: String,
    },
    /// It was one, and is not whole or too large.
    #[error("{path}: {detail}")]
    Cut {
        /// Which file.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

impl BundleError {
    /// What is wrong with what was an export, as a report; `None` for what is not there or is something else.
    pub(crate) fn as_report(&self) -> Option<Report> {
        let Self::Cut { path, detail } = self else { return None };
        let mut report = Report::default();
        report.find(path, detail);
        Some(report)
    }

    /// 1 for what is not as it was written, 2 for what is not there or is something else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Cut { .. } => 1,
            Self::Io { .. } | Self::Foreign { .. } => 2,
        }
    }
}

/// What a packed archive begins with (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Files by which a folder is known as an export, or as what is left of one.
const EXPORT_FILES: [&str; 4] = ["manifest.json", "checkpoint", "events-000000.ndjson", "evidence-000000.ndjson"];
/// The database by which the data folder of a service is known.
const DATABASE_FILE: &str = "actarium.db";

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
        let shown = path.display().to_string();
        let foreign = |detail: &str| BundleError::Foreign { path: shown.clone(), detail: detail.to_owned() };
        if path.is_dir() {
            if EXPORT_FILES.iter().any(|name| path.join(name).exists()) {
                return Ok(Self::Folder(path.to_owned()));
            }
            return Err(foreign(if path.join(DATABASE_FILE).is_file() {
                "is the data folder of a service, not an export; `actarium verify` checks it"
            } else {
                "is neither an export (it has no manifest.json) nor the data folder of a service (it has no actarium.db)"
            }));
        }
        let io = |source| BundleError::Io { path: shown.clone(), source };
        let mut file = File::open(path).map_err(io)?;
        let mut magic = Vec::new();
        file.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic).map_err(io)?;
        if magic != ZSTD_MAGIC {
            return Err(foreign(
                "is neither an export (a folder, or a .tar.zst) nor the proof of an event (.tlog-proof)",
            ));
        }
        let packed = std::fs::metadata(path).map_err(io)?.len();
        let bytes_max = ARCHIVE_BYTES_MAX.min(ARCHIVE_BYTES_SMALL + packed.saturating_mul(ARCHIVE_TIMES_MAX));
        let mut reader =
            BufReader::new(zstd::stream::read::Decoder::new(io::Cursor::new(magic).chain(file)).map_err(io)?);
        let cut = |detail: String| BundleError::Cut { path: shown.clone(), detail };
        let (mut files, mut total) = (BTreeMap::new(), 0);
        loop {
            let mut header = [0; TAR_BLOCK];
            reader.read_exact(&mut header).map_err(|error| cut(format!("not a whole .tar.zst: {error}")))?;
            let entry = read_tar_header(&header).map_err(|error| cut(error.to_string()))?;
            let Some((name, size)) = entry else {
                let mut behind = reader.take(bytes_max - total);
                return match is_empty(&mut behind) {
                    Ok(true) => Ok(Self::Files(files)),
                    Ok(false) => {
                        Err(cut("something follows the end of the archive, which other programs may unpack".to_owned()))
                    }
                    Err(error) => Err(cut(format!("not a whole .tar.zst: {error}"))),
                };
            };
            total += TAR_BLOCK as u64 + size;
            if size > FILE_BYTES_MAX || total > bytes_max {
                return Err(cut(format!(
                    "it unpacks to more than {bytes_max} bytes, which are not read into memory; unpack it and give the folder"
                )));
            }
            let mut bytes = vec![0; size as usize];
            let mut padding = [0; TAR_BLOCK];
            let read = reader.read_exact(&mut bytes);
            read.and_then(|()| reader.read_exact(&mut padding[..tar_padding(size)]))
                .map_err(|error| cut(format!("cut within {name}: {error}")))?;
            if files.insert(name.clone(), bytes).is_some() {
                return Err(cut(format!("{name} is in it twice, and other programs may unpack either")));
            }
        }
    }

    /// A file; `None` if there is none of that name, or none of an export's.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        match self {
            Self::Files(files) => Ok(files.get(name).cloned()),
            Self::Folder(_) if !is_file_name(name) => Ok(None),
            Self::Folder(folder) => {
                let path = folder.join(name);
                let io = |source| BundleError::Io { path: path.display().to_string(), source };
                match std::fs::symlink_metadata(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(io(error)),
                    Ok(file) if file.len() > FILE_BYTES_MAX => {
                        let detail = "larger than a file of an export is (1 GiB)".to_owned();
                        return Err(BundleError::Cut { path: path.display().to_string(), detail });
                    }
                    Ok(file) if !file.is_file() => {
                        let detail = "is not a file: a link, a folder or a device".to_owned();
                        return Err(BundleError::Cut { path: path.display().to_string(), detail });
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

/// Whether only zeros are left.
fn is_empty(reader: &mut impl Read) -> io::Result<bool> {
    let mut bytes = [0; TAR_BLOCK];
    loop {
        match reader.read(&mut bytes)? {
            0 => return Ok(true),
            read if bytes[..read].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Whether a name is that of a file in a folder: names come from whoever made the export, and none leads out of it.
fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use actarium_core::tar::tar_header;

    use super::*;

    fn file(name: &str, bytes: &[u8]) -> Vec<u8> {
        let padding = vec![0; tar_padding(bytes.len() as u64)];
        [&tar_header(name, bytes.len() as u64).unwrap(), bytes, &padding].concat()
    }

    fn opened(archive: &[u8]) -> Result<Bundle, BundleError> {
        let mut packed = tempfile::NamedTempFile::new().unwrap();
        packed.write_all(&zstd::encode_all(archive, 1).unwrap()).unwrap();
        Bundle::open(packed.path())
    }

    #[test]
    fn an_archive_holds_what_every_program_unpacks_of_it() {
        let end = [0; 2 * TAR_BLOCK];
        let whole = [file("manifest.json", b"{}"), file("checkpoint", b"c"), end.to_vec(), end.to_vec()].concat();
        assert_eq!(opened(&whole).unwrap().names().unwrap(), ["checkpoint", "manifest.json"]);
        let twice = [file("checkpoint", b"a"), file("checkpoint", b"b"), end.to_vec()].concat();
        assert!(opened(&twice).unwrap_err().to_string().contains("checkpoint is in it twice"));
        let behind = [whole, file("checkpoint", b"d"), end.to_vec()].concat();
        let error = opened(&behind).unwrap_err();
        assert!(error.to_string().contains("follows the end") && error.exit_code() == 1, "{error}");
    }
}
