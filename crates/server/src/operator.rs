//! The operator's token: a file in the data folder, made once, readable by its owner alone.
//! It must never be logged or sent anywhere.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use actarium_store::Entropy;

use crate::token::{self, Shape, TokenHash};

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "operator.token";
const FILE_BYTES_MAX: u64 = 4096;
const OWNER_ONLY: u32 = 0o600;

/// Why there is no operator's token.
#[derive(Debug, thiserror::Error)]
pub enum OperatorTokenError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error(
        "{}: is not an operator's token; restore it, or remove the file to have a new one made at the next start",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read the file.
    #[error("{}: may be read by others than its owner (mode {mode:o}); set it to 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Reads the operator's token of a data folder, or makes one if there is none, and gives its hash.
///
/// # Errors
/// See [`OperatorTokenError`]. A file that is there is never overwritten.
pub fn read_or_make(data_dir: &Path, entropy: &dyn Entropy) -> Result<TokenHash, OperatorTokenError> {
    let path = data_dir.join(FILE_NAME);
    let io = |source| OperatorTokenError::Io { path: path.clone(), source };
    match File::open(&path) {
        Ok(file) => read(&path, file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path, data_dir, entropy).map_err(io),
        Err(error) => Err(io(error)),
    }
}

fn read(path: &Path, file: File) -> Result<TokenHash, OperatorTokenError> {
    let io = |source| OperatorTokenError::Io { path: path.into(), source };
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OperatorTokenError::Exposed { path: path.into(), mode });
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let token = text.trim();
    match token::shape(token) {
        Some(Shape::Operator) => Ok(token::hash(token)),
        _ => Err(OperatorTokenError::Damaged { path: path.into() }),
    }
}

/// Written beside its place, synced, and put there whole: a cut never leaves half a token.
fn make(path: &Path, data_dir: &Path, entropy: &dyn Entropy) -> std::io::Result<TokenHash> {
    let mut random = [0; token::RANDOM_BYTES];
    entropy.fill(&mut random);
    let token = token::operator(&random);
    let beside = path.with_extension("token.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&beside)?;
    file.set_permissions(std::fs::Permissions::from_mode(OWNER_ONLY))?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(data_dir)?.sync_all()?;
    Ok(token::hash(&token))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = index as u8;
            }
        }
    }

    #[test]
    fn a_token_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let made = read_or_make(dir.path(), &Counting).unwrap();
        let path = dir.path().join(FILE_NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(dir.path(), &Counting).unwrap(), made);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(token::hash(text.trim()), made);
    }

    #[test]
    fn a_damaged_or_exposed_file_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        read_or_make(dir.path(), &Counting).unwrap();
        let path = dir.path().join(FILE_NAME);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_or_make(dir.path(), &Counting), Err(OperatorTokenError::Exposed { mode: 0o644, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "act_op_x").unwrap();
        assert!(matches!(read_or_make(dir.path(), &Counting), Err(OperatorTokenError::Damaged { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "act_op_x");
    }
}
