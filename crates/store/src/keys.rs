//! The keys of a data folder: the master key that wraps the keys of salts, the log's signing key, the log's name.
//!
//! Each lies in a file of its own that only its owner may read, with a checksum, so that a damaged file is told from
//! another key. Nothing here knows the database; the engine compares what both hold.

use std::io;
use std::path::{Path, PathBuf};

use actarium_core::hex::to_hex;
use actarium_core::key_tree::KeyTree;
use actarium_core::salt::EpochKey;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

use crate::clock::Entropy;
use crate::folder::{folder_of, sync_folder, write_private};
use crate::organization::OrganizationId;

/// The name of a log that was not given one.
pub const LOG_NAME_DEFAULT: &str = "actarium.local";
/// Longest name of a log in bytes.
pub const LOG_NAME_BYTES_MAX: usize = 200;

/// File of the key that wraps the keys of salts.
pub const MASTER_KEY_FILE: &str = "master.key";
/// File of the key that signs checkpoints.
pub const LOG_KEY_FILE: &str = "log.key";
/// What follows the name of the signing key's file in that of the key that is to take its place.
const NEXT_ENDING: &str = ".next";
/// File of the key that a witness signs with.
pub const WITNESS_KEY_FILE: &str = "witness.key";
/// File of the log's name.
pub const LOG_NAME_FILE: &str = "log.name";

const MASTER_KEY_LABEL: &str = "actarium-master-key-v1";
const LOG_KEY_LABEL: &str = "actarium-log-key-v1";
const WITNESS_KEY_LABEL: &str = "actarium-witness-key-v1";
const DERIVED_LABEL: &str = "actarium/derived-secret/v1\n";
const MASTER_DERIVED_LABEL: &str = "actarium/master-derived-secret/v1\n";
const NONCE_BYTES: usize = 24;
const CHECK_TEXT: &[u8] = b"actarium master key check v1";

/// Why a key file cannot be used.
#[derive(Debug)]
pub(crate) enum KeyError {
    /// It is not there.
    Missing(PathBuf),
    /// It cannot be read or written.
    Io(PathBuf, io::Error),
    /// It is not what was written.
    Damaged(PathBuf, String),
}

/// The permission bits of a file that others than its owner may read or write.
fn exposed(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Reads a key file: label, 64 hexadecimal digits, 8 digits of their checksum.
fn read_key(path: &Path, label: &str) -> Result<[u8; 32], KeyError> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyError::Missing(path.to_owned())),
        Err(error) => return Err(KeyError::Io(path.to_owned(), error)),
    };
    // Not refused: a key that is given from outside may be mounted for a group.
    if let Some(mode) = exposed(path) {
        tracing::warn!(path = %path.display(), "a key may be read by others than its owner (mode {mode:o}); set it to 600");
    }
    let damaged = |detail: &str| KeyError::Damaged(path.to_owned(), detail.to_owned());
    let mut words = text.split_whitespace();
    if words.next() != Some(label) {
        return Err(damaged("not a key file of this version"));
    }
    let (Some(digits), Some(check), None) = (words.next(), words.next(), words.next()) else {
        return Err(damaged("the file is cut or has been changed"));
    };
    let key = from_hex(digits).ok_or_else(|| damaged("the key is not 64 hexadecimal digits"))?;
    if checksum(label, &key) != check {
        return Err(damaged("the checksum does not fit: the file has been changed"));
    }
    Ok(key)
}

fn write_key(path: &Path, label: &str, key: &[u8; 32]) -> Result<(), KeyError> {
    let text = format!("{label} {} {}\n", to_hex(key), checksum(label, key));
    write_private(path, text.as_bytes()).map_err(|error| KeyError::Io(path.to_owned(), error))
}

fn checksum(label: &str, key: &[u8; 32]) -> String {
    to_hex(&Sha256::new().chain_update(label).chain_update(key).finalize()[..4])
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut key = [0u8; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// The key that wraps the keys of salts.
pub(crate) struct MasterKey {
    cipher: XChaCha20Poly1305,
    /// What secrets for other purposes are made of; it tells nothing of the key.
    root: [u8; 32],
}

impl MasterKey {
    fn new(key: &[u8; 32]) -> Self {
        let root = Sha256::new().chain_update(MASTER_DERIVED_LABEL).chain_update(key).finalize().into();
        Self { cipher: XChaCha20Poly1305::new(&(*key).into()), root }
    }

    /// Reads the folder's master key.
    pub fn read(folder: &Path) -> Result<Self, KeyError> {
        read_key(&folder.join(MASTER_KEY_FILE), MASTER_KEY_LABEL).map(|key| Self::new(&key))
    }

    /// Makes one, durably.
    pub fn create(folder: &Path, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut key = [0u8; 32];
        entropy.fill(&mut key);
        write_key(&folder.join(MASTER_KEY_FILE), MASTER_KEY_LABEL, &key)?;
        Ok(Self::new(&key))
    }

    /// A master key that is written nowhere.
    pub fn in_memory(entropy: &dyn Entropy) -> Self {
        let mut key = [0u8; 32];
        entropy.fill(&mut key);
        Self::new(&key)
    }

    fn seal(&self, secret: &[u8], context: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0u8; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: context })
            .expect("a short text is always encrypted");
        [&nonce[..], &sealed].concat()
    }

    fn open(&self, wrapped: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context }).ok()
    }

    /// Wraps the key of an organization's epoch. What is wrapped for one place does not open in another.
    pub fn wrap(&self, organization: OrganizationId, epoch: u64, key: &EpochKey, entropy: &dyn Entropy) -> Vec<u8> {
        self.wrap_tree(organization, epoch, &KeyTree::whole(key), entropy)
    }

    /// Wraps what is left of the key of an organization's epoch.
    pub fn wrap_tree(
        &self,
        organization: OrganizationId,
        epoch: u64,
        tree: &KeyTree,
        entropy: &dyn Entropy,
    ) -> Vec<u8> {
        self.seal(&tree.to_bytes(), &epoch_context(organization, epoch), entropy)
    }

    /// Unwraps it; `None` if it was not wrapped by this key for this place.
    pub fn unwrap(&self, organization: OrganizationId, epoch: u64, wrapped: &[u8]) -> Option<KeyTree> {
        KeyTree::from_bytes(&self.open(wrapped, &epoch_context(organization, epoch))?)
    }

    /// Wraps a secret that the directory keeps. What is wrapped for one place does not open in another.
    pub fn wrap_secret(&self, place: &SecretPlace<'_>, secret: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        self.seal(secret, &place.context(), entropy)
    }

    /// Unwraps it; `None` if it was not wrapped by this key for this place.
    pub fn unwrap_secret(&self, place: &SecretPlace<'_>, wrapped: &[u8]) -> Option<Vec<u8>> {
        self.open(wrapped, &place.context())
    }

    /// A secret of an organization for one purpose: the same at every start, unrelated to those of other organizations
    /// and purposes.
    pub fn derived_secret(&self, organization: OrganizationId, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.root).chain_update(organization.0).chain_update(purpose).finalize().into()
    }

    /// A known text under this key, kept in the database.
    pub fn check(&self, entropy: &dyn Entropy) -> Vec<u8> {
        self.seal(CHECK_TEXT, b"check", entropy)
    }

    /// Whether the known text was made with this key.
    pub fn fits(&self, check: &[u8]) -> bool {
        self.open(check, b"check").as_deref() == Some(CHECK_TEXT)
    }
}

/// Where a wrapped secret belongs: it opens nowhere else, so that entries cannot be exchanged in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretPlace<'a> {
    /// Kind of the directory entry that holds it.
    pub kind: &'a str,
    /// Organization of the entry.
    pub organization: Option<OrganizationId>,
    /// Id of the entry.
    pub id: &'a str,
}

impl SecretPlace<'_> {
    /// Longer than every other context, and no two places have the same.
    fn context(&self) -> Vec<u8> {
        let organization = self.organization.map_or_else(String::new, OrganizationId::to_hex);
        let parts = ["actarium directory secret v1", self.kind, &organization, self.id];
        let length = |part: &str| (part.len() as u64).to_be_bytes();
        parts.iter().flat_map(|part| length(part).into_iter().chain(part.bytes())).collect()
    }
}

fn epoch_context(organization: OrganizationId, epoch: u64) -> [u8; 24] {
    let mut context = [0u8; 24];
    context[..16].copy_from_slice(&organization.0);
    context[16..].copy_from_slice(&epoch.to_be_bytes());
    context
}

/// The key that signs checkpoints.
pub(crate) struct LogKey {
    key: SigningKey,
}

impl LogKey {
    /// Reads the signing key of a file.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        read_key(file, LOG_KEY_LABEL).map(|seed| Self { key: SigningKey::from_bytes(&seed) })
    }

    /// Makes one, durably.
    pub fn create(file: &Path, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut seed = [0u8; 32];
        entropy.fill(&mut seed);
        write_key(file, LOG_KEY_LABEL, &seed)?;
        Ok(Self { key: SigningKey::from_bytes(&seed) })
    }

    /// The key that is to take the place of the one in `file`, durably beside it: the one that an earlier try left there, or a
    /// new one.
    pub fn next(file: &Path, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        match Self::read_next(file) {
            Err(KeyError::Missing(path)) => Self::create(&path, entropy),
            read => read,
        }
    }

    /// The key that is to take the place of the one in `file`, if it lies beside it.
    pub fn read_next(file: &Path) -> Result<Self, KeyError> {
        Self::read(&next_file(file))
    }

    /// Puts the next key into the place of the one in `file`, durably.
    pub fn take_next(file: &Path) -> Result<(), KeyError> {
        let moved = std::fs::rename(next_file(file), file).and_then(|()| sync_folder(folder_of(file)));
        moved.map_err(|error| KeyError::Io(file.to_owned(), error))
    }

    /// Reads the key of a witness, or makes it where it may be new, durably.
    pub fn of_witness(folder: &Path, may_be_new: bool, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let path = folder.join(WITNESS_KEY_FILE);
        let seed = match read_key(&path, WITNESS_KEY_LABEL) {
            Err(KeyError::Missing(_)) if may_be_new => {
                let mut seed = [0u8; 32];
                entropy.fill(&mut seed);
                write_key(&path, WITNESS_KEY_LABEL, &seed)?;
                seed
            }
            read => read?,
        };
        Ok(Self { key: SigningKey::from_bytes(&seed) })
    }

    /// A signing key that is written nowhere.
    pub fn in_memory(entropy: &dyn Entropy) -> Self {
        let mut seed = [0u8; 32];
        entropy.fill(&mut seed);
        Self { key: SigningKey::from_bytes(&seed) }
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// A secret of the service for another purpose than signing: the same at every start, and telling nothing of the key.
    pub fn derived_secret(&self, purpose: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(DERIVED_LABEL)
            .chain_update(self.key.to_bytes())
            .chain_update(purpose)
            .finalize()
            .into()
    }

    /// An Ed25519 signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

fn next_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(NEXT_ENDING);
    PathBuf::from(name)
}

/// Whether a text may name a log: a schema-less URL of visible ASCII without `+`, as C2SP signed-note key names
/// require, and without a slash at either end.
pub fn is_log_name(text: &str) -> bool {
    (1..=LOG_NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
        && !text.starts_with('/')
        && !text.ends_with('/')
}

/// Reads the folder's log name.
pub(crate) fn read_log_name(folder: &Path) -> Result<String, KeyError> {
    let path = folder.join(LOG_NAME_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyError::Missing(path)),
        Err(error) => return Err(KeyError::Io(path, error)),
    };
    match text.strip_suffix('\n') {
        Some(name) if is_log_name(name) => Ok(name.to_owned()),
        _ => Err(KeyError::Damaged(path, "not the name of a log".to_owned())),
    }
}

/// Writes it, durably.
pub(crate) fn write_log_name(folder: &Path, name: &str) -> Result<(), KeyError> {
    let path = folder.join(LOG_NAME_FILE);
    write_private(&path, format!("{name}\n").as_bytes()).map_err(|error| KeyError::Io(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn a_key_that_others_may_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(LOG_KEY_FILE);
        LogKey::create(&file, &SystemEntropy).unwrap();
        assert_eq!(exposed(&file), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(exposed(&file), Some(0o644));
        assert!(LogKey::read(&file).is_ok(), "it is told, and not refused");
    }

    #[test]
    fn a_wrapped_key_opens_only_in_its_place_and_with_its_master_key() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(folder.path(), &SystemEntropy).unwrap();
        let organization = OrganizationId([7; 16]);
        let wrapped = master.wrap(organization, 3, &EpochKey([9; 32]), &SystemEntropy);
        let again = MasterKey::read(folder.path()).unwrap();
        assert_eq!(again.unwrap(organization, 3, &wrapped), Some(KeyTree::whole(&EpochKey([9; 32]))));
        assert_eq!(again.unwrap(organization, 4, &wrapped), None);
        assert_eq!(again.unwrap(OrganizationId([8; 16]), 3, &wrapped), None);
        let other = MasterKey::in_memory(&SystemEntropy);
        assert_eq!(other.unwrap(organization, 3, &wrapped), None);
        let check = master.check(&SystemEntropy);
        assert!(again.fits(&check));
        assert!(!other.fits(&check));
    }

    #[test]
    fn a_wrapped_secret_opens_only_in_its_place() {
        let master = MasterKey::in_memory(&SystemEntropy);
        let place = SecretPlace { kind: "user", organization: None, id: "a" };
        let wrapped = master.wrap_secret(&place, b"secret", &SystemEntropy);
        assert!(!wrapped.windows(6).any(|window| window == b"secret"));
        assert_eq!(master.unwrap_secret(&place, &wrapped).as_deref(), Some(&b"secret"[..]));
        let organization = Some(OrganizationId([7; 16]));
        for other in [
            SecretPlace { id: "b", ..place },
            SecretPlace { kind: "use", id: "ra", ..place },
            SecretPlace { organization, ..place },
        ] {
            assert_eq!(master.unwrap_secret(&other, &wrapped), None, "{other:?}");
        }
        assert_eq!(MasterKey::in_memory(&SystemEntropy).unwrap_secret(&place, &wrapped), None);
    }

    #[test]
    fn every_changed_byte_of_a_key_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(folder.path(), &SystemEntropy).unwrap();
        let path = folder.path().join(MASTER_KEY_FILE);
        let good = std::fs::read(&path).unwrap();
        // The line's end carries nothing.
        for index in 0..good.len() - 1 {
            let mut bad = good.clone();
            bad[index] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(MasterKey::read(folder.path()), Err(KeyError::Damaged(..))), "byte {index}");
        }
        std::fs::write(&path, &good[..40]).unwrap();
        assert!(matches!(MasterKey::read(folder.path()), Err(KeyError::Damaged(..))));
    }

    #[test]
    fn log_names_are_schemaless_urls() {
        assert!(is_log_name("audit.example.com/log"));
        for bad in ["", "a b", "a+b", "/a", "a/", "ä"] {
            assert!(!is_log_name(bad), "{bad}");
        }
    }
}
