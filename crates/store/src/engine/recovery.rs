//! Opening a folder: lock, keys, database, and the comparison of the places that say where each log stands. What
//! disagrees takes no writes; everything else goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actarium_core::tree::Frontier;

use super::OpenError;
use super::options::{EngineOptions, Journal};
use super::rotation::Handovers;
use crate::backend::memory::MemoryBackend;
use crate::backend::sqlite::{OpenFailure, SqliteBackend};
use crate::backend::{Backend, BackendError, Identity, ManifestEntry, Overview};
use crate::clock::Entropy;
use crate::folder::{FolderLock, LockError, create_folder, folder_of, sync_found_folder};
use crate::keys::{KeyError, LOG_NAME_DEFAULT, LogKey, MasterKey, is_log_name, read_log_name, write_log_name};
use crate::storage::Location;

/// File by which a process holds the folder.
const LOCK_FILE: &str = "actarium.lock";
/// File of the database.
pub(crate) const DATABASE_FILE: &str = "actarium.db";
/// Folder of the segments.
pub(crate) const SEGMENT_FOLDER: &str = "segments";
/// Folder of the archive, if no other is given.
pub(crate) const ARCHIVE_FOLDER: &str = "archive";
/// Name of the file that keeps room in the data folder.
pub(crate) const RESERVE_FILE: &str = "reserve";

/// A folder that is open.
pub(crate) struct Opened {
    /// None where nothing can be written, and so nobody else writes either.
    pub lock: Option<FolderLock>,
    pub backend: Arc<dyn Backend>,
    pub master: MasterKey,
    pub log_key: LogKey,
    pub log_name: String,
    /// The changes of the signing key, the first one first.
    pub handovers: Handovers,
}

/// Opens the folder, or creates what a new one needs: keys first, so that nothing is ever wrapped by a lost key.
pub(crate) fn open(options: &EngineOptions, entropy: &dyn Entropy) -> Result<Opened, OpenError> {
    let folder = &options.data_dir;
    if folder.exists() && !folder.is_dir() {
        return Err(foreign(folder, "is a file, not a folder".to_owned()));
    }
    if !options.read_only {
        if options.journal == Journal::Embedded {
            refuse_others_folder(options)?;
        }
        create_folder(folder).map_err(|error| io(folder, &error))?;
    }
    let lock_file = folder.join(LOCK_FILE);
    let lock = match FolderLock::take(&lock_file) {
        Ok(lock) => Some(lock),
        Err(LockError::InUse) => return Err(OpenError::InUse { path: folder.display().to_string() }),
        Err(LockError::Io(error)) if options.read_only && error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            None
        }
        Err(LockError::Io(error)) => return Err(io(&lock_file, &error)),
    };
    match options.journal {
        Journal::Embedded => open_embedded(options, entropy, lock),
        Journal::Memory => {
            let (master, log_key) = (MasterKey::in_memory(entropy), LogKey::in_memory(entropy));
            let log_name = options.log_name.clone().unwrap_or_else(|| LOG_NAME_DEFAULT.to_owned());
            let backend = Arc::new(MemoryBackend::new());
            Ok(Opened { lock, backend, master, log_key, log_name, handovers: Handovers::default() })
        }
    }
}

/// What a folder without a database may hold: what a first start that was broken off leaves, keys and tokens that were put
/// there before it, and what a new file system has in its root. Names that begin with a dot are passed over.
const OWN_NAMES: [&str; 12] = [
    LOCK_FILE,
    RESERVE_FILE,
    "master.key",
    "log.key",
    "log.key.next",
    "log.name",
    "operator.token",
    "demo.password",
    SEGMENT_FOLDER,
    ARCHIVE_FOLDER,
    "exports",
    "lost+found",
];
/// Names told of what a folder holds.
const NAMES_TOLD_MAX: usize = 5;

/// Refuses to begin a log in a folder that somebody else keeps something in. Empty folders in it are nobody's loss.
fn refuse_others_folder(options: &EngineOptions) -> Result<(), OpenError> {
    let folder = &options.data_dir;
    if folder.join(DATABASE_FILE).exists() {
        return Ok(());
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(folder, &error)),
    };
    let archive = options.archive.as_ref().and_then(Location::folder);
    let placed = [Some(options.log_key_file()), archive.cloned()];
    let is_own = |path: &Path, name: &str| {
        let name = name.strip_suffix(".partial").unwrap_or(name);
        OWN_NAMES.contains(&name)
            || name.starts_with('.')
            || name.starts_with(DATABASE_FILE)
            || placed.iter().flatten().any(|placed| placed.starts_with(path))
            || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
    };
    let mut others: Vec<String> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io(folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_own(&entry.path(), &name) {
            others.push(name);
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    others.sort_unstable();
    let more = others.len().saturating_sub(NAMES_TOLD_MAX);
    others.truncate(NAMES_TOLD_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Err(foreign(
        folder,
        format!(
            "holds {}{more}, and no database of this service ({DATABASE_FILE}); give a folder of its own, which is created, \
             or the one that the database is in",
            others.join(", ")
        ),
    ))
}

/// Whether any organization's folder holds a file.
fn has_segments(folder: &Path) -> bool {
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    entries(&folder.join(SEGMENT_FOLDER)).any(|organization| entries(&organization.path()).next().is_some())
}

fn open_embedded(
    options: &EngineOptions,
    entropy: &dyn Entropy,
    lock: Option<FolderLock>,
) -> Result<Opened, OpenError> {
    let folder = &options.data_dir;
    let database = folder.join(DATABASE_FILE);
    if let Some(wanted) = &options.log_name
        && !is_log_name(wanted)
    {
        return Err(OpenError::Options(format!(
            "{wanted:?} cannot name a log: a URL without scheme, spaces and plus signs"
        )));
    }
    // Without a database nothing was recorded under these keys; with one, a missing key is a loss to be told.
    let is_new = !database.exists();
    if is_new && options.read_only {
        return Err(foreign(&database, "is missing: not the data folder of a service".to_owned()));
    }
    if is_new && has_segments(folder) {
        return Err(OpenError::Foreign {
            path: database.display().to_string(),
            detail:
                "is missing, but there are segments beside it; put the database of these segments back. A new log is \
                     never begun over the segments of an old one"
                    .to_owned(),
        });
    }
    // Made when there was a database, and durable.
    if is_new && folder.join(RESERVE_FILE).exists() {
        let detail = "is missing, but this folder had one: there is room kept for it beside it. Put the database back; a new log is \
                      begun in an empty folder";
        return Err(foreign(&database, detail.to_owned()));
    }
    // Said before a key is missed: somebody else's database has none of ours beside it.
    if !is_new {
        SqliteBackend::check_header(&database).map_err(|detail| foreign(&database, detail))?;
    }
    let made = |error: KeyError, create: &dyn Fn() -> Result<(), KeyError>| match error {
        KeyError::Missing(_) if is_new => create().map_err(key_error),
        other => Err(key_error(other)),
    };
    let master = match MasterKey::read(folder) {
        Ok(key) => key,
        Err(error) => {
            made(error, &|| MasterKey::create(folder, entropy).map(|_| ()))?;
            MasterKey::read(folder).map_err(key_error)?
        }
    };
    let key_file = options.log_key_file();
    let log_key = match LogKey::read(&key_file) {
        Ok(key) => key,
        Err(error) => {
            made(error, &|| LogKey::create(&key_file, entropy).map(|_| ()))?;
            LogKey::read(&key_file).map_err(key_error)?
        }
    };
    let log_name = match read_log_name(folder) {
        Ok(name) => name,
        Err(error) => {
            let name = options.log_name.as_deref().unwrap_or(LOG_NAME_DEFAULT);
            made(error, &|| write_log_name(folder, name))?;
            name.to_owned()
        }
    };
    if let Some(wanted) = &options.log_name
        && *wanted != log_name
    {
        return Err(OpenError::LogNameDiffers { actual: log_name, wanted: wanted.clone() });
    }
    if is_new {
        // A start that was broken off may have left keys without durable names; what they wrap comes after them.
        for folder in [folder, folder_of(&key_file)] {
            sync_found_folder(folder).map_err(|error| io(folder, &error))?;
        }
    }
    let opened = match options.read_only {
        true => SqliteBackend::open_read_only(&database),
        false => SqliteBackend::open(&database, options.limits.wal_bytes),
    };
    let backend = opened.map_err(|failure| match failure {
        OpenFailure::Foreign(detail) => foreign(&database, detail),
        OpenFailure::Io(detail) => OpenError::Io { path: database.display().to_string(), detail },
    })?;
    let began_with = check_identity(&backend, &database, &master, &log_key, &log_name, entropy)?;
    let handovers = Handovers::read(&backend, &log_name).map_err(|error| backend_failure(&database, error))?;
    let log_key = fitting_key(log_key, handovers.current().unwrap_or(began_with), &key_file, options.read_only)?;
    Ok(Opened { lock, backend: Arc::new(backend), master, log_key, log_name, handovers })
}

/// The key that signs for this database. A change of it is made by the database: what was left to do is done here.
fn fitting_key(key: LogKey, wanted: [u8; 32], file: &Path, read_only: bool) -> Result<LogKey, OpenError> {
    if key.public() == wanted {
        return Ok(key);
    }
    match LogKey::read_next(file) {
        Ok(next) if next.public() == wanted => {
            if !read_only {
                LogKey::take_next(file).map_err(key_error)?;
            }
            Ok(next)
        }
        _ => Err(foreign(file, "is not the key that this log is signed with".to_owned())),
    }
}

/// The keys and the database have to belong together. The public key that the log was begun with.
fn check_identity(
    backend: &SqliteBackend,
    database: &Path,
    master: &MasterKey,
    log_key: &LogKey,
    log_name: &str,
    entropy: &dyn Entropy,
) -> Result<[u8; 32], OpenError> {
    let failed = |error: BackendError| backend_failure(database, error);
    let Some(identity) = backend.identity().map_err(failed)? else {
        let identity = Identity {
            log_name: log_name.to_owned(),
            log_public_key: log_key.public(),
            master_key_check: master.check(entropy),
        };
        backend.establish(&identity).map_err(failed)?;
        return Ok(identity.log_public_key);
    };
    let sibling = |file: &str| database.with_file_name(file);
    if !master.fits(&identity.master_key_check) {
        return Err(foreign(&sibling("master.key"), "is not the key that this database was made with".to_owned()));
    }
    if identity.log_name != log_name {
        let detail = format!("names the log {log_name}, the database {}", identity.log_name);
        return Err(foreign(&sibling("log.name"), detail));
    }
    Ok(identity.log_public_key)
}

/// Compares head, frontier, manifest and journal of a log with each other.
///
/// # Errors
/// In words, which of them disagree.
pub(crate) fn check(overview: &Overview, manifest: &[ManifestEntry]) -> Result<(), String> {
    let (head, journal) = (&overview.head, &overview.journal);
    let frontier = Frontier::from_bytes(&head.frontier).map_err(|error| format!("the head's frontier: {error}"))?;
    if frontier.size() != head.size || frontier.root() != head.root {
        return Err(format!("the head's frontier does not give its root at {}", head.size));
    }
    if let Some(gap) = gap(overview, manifest) {
        return Err(gap);
    }
    let last_root = journal.last_root.or(manifest.last().map(|entry| entry.root));
    if last_root.is_some_and(|root| root != head.root) {
        return Err(format!("the root of the last rows is not that of the head at {}", head.size));
    }
    Ok(())
}

/// What is missing between the segments that are listed, the journal and the head, in words; nothing if each event is in one of
/// them. What is read of a log with a gap would be incomplete without a sign.
pub(crate) fn gap(overview: &Overview, manifest: &[ManifestEntry]) -> Option<String> {
    let (head, journal, sealed_end) = (&overview.head, &overview.journal, overview.sealed_end);
    let mut end = 0;
    for entry in manifest {
        if entry.summary.first_seq != end {
            return Some(format!("no segment begins at {end}"));
        }
        end = entry.end_seq();
    }
    if end != sealed_end {
        return Some(format!("the segments end at {end}, the journal begins at {sealed_end}"));
    }
    if journal.first_seq != sealed_end {
        return Some(format!("the journal begins at {}, the segments end at {sealed_end}", journal.first_seq));
    }
    (journal.end_seq != head.size).then(|| format!("the journal ends at {}, the log at {}", journal.end_seq, head.size))
}

pub(crate) fn backend_failure(path: &Path, error: BackendError) -> OpenError {
    match error {
        BackendError::Damaged { detail } => foreign(path, detail),
        other => OpenError::Io { path: path.display().to_string(), detail: other.to_string() },
    }
}

fn foreign(path: &Path, detail: String) -> OpenError {
    OpenError::Foreign { path: path.display().to_string(), detail }
}

fn io(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Io { path: path.display().to_string(), detail: error.to_string() }
}

pub(crate) fn key_error(error: KeyError) -> OpenError {
    let missing = |path: PathBuf| {
        foreign(&path, "is missing; without it the recorded events cannot be verified or continued".to_owned())
    };
    match error {
        KeyError::Missing(path) => missing(path),
        KeyError::Io(path, error) => io(&path, &error),
        KeyError::Damaged(path, detail) => foreign(&path, detail),
    }
}
