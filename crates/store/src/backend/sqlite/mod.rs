//! The embedded backend: one SQLite database in WAL mode with `synchronous=FULL`.
//!
//! One connection writes; others read beside it, and one moves the write-ahead log into the database. What is dropped
//! is overwritten (`secure_delete`). Nothing outside this folder knows SQL.

mod evidence;
mod read;
mod schema;
mod wal;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OpenFlags};

use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use super::BackendError;
use crate::organization::OrganizationId;
use wal::WalFailure;

/// Shares of the bytes from which the write-ahead log is written over ([`crate::EngineLimits::wal_bytes`]): it is moved into the database,
/// beside the writer, from a third of them on, and its file is cut, while commits wait, from four times as many.
const WAL_MOVED_SHARE: u64 = 3;
const WAL_CUT_TIMES: u64 = 4;
/// Bytes of free pages from which the file is rewritten when nothing happens.
const FREE_BYTES_MIN: u64 = 1 << 20;
/// Bytes of live pages up to which the file is rewritten; it blocks commits while it lasts.
const REWRITE_BYTES_MAX: u64 = 64 << 20;
/// Page cache of a connection, in KiB.
const CACHE_KIB: i64 = 8_192;
/// Readers that are kept open.
const READERS_KEPT: usize = 4;
/// How long the mover of the write-ahead log waits for readers, in milliseconds.
const MOVE_WAIT_MILLIS: u64 = 250;

/// Why a database cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// It is not ours, is damaged or newer; nothing was changed.
    Foreign(String),
    /// The operating system or SQLite refused.
    Io(String),
}

/// The embedded backend.
pub struct SqliteBackend {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    mover: Mutex<Connection>,
    /// Removes what was dropped; taken with the writer held. `None` where nothing is changed.
    collector: Mutex<Option<Connection>>,
    /// Bytes in the write-ahead log from which it is written from its beginning again.
    wal_bytes: u64,
    /// Opens a further connection that only reads.
    open_reader: fn(&Path) -> rusqlite::Result<Connection>,
    /// Number of each organization, which its keys are made of.
    numbers: RwLock<HashMap<OrganizationId, i64>>,
    /// Whether the program that wrote it last kept checkpoints.
    kept_checkpoints_before: bool,
}

impl SqliteBackend {
    /// Whether a file is a database of ours, as far as its header tells.
    ///
    /// # Errors
    /// In words, what it is instead.
    pub(crate) fn check_header(path: &Path) -> Result<(), String> {
        schema::check_header(path)
    }

    /// Opens a database, or creates one. Nobody else may have it open: leases of processes that were killed end here.
    pub(crate) fn open(path: &Path, wal_bytes: u64) -> Result<Self, OpenFailure> {
        let io = |error: rusqlite::Error| OpenFailure::Io(error.to_string());
        if path.exists() {
            schema::check_header(path).map_err(OpenFailure::Foreign)?;
            check_log(path)?;
            sync_log(path).map_err(|error| OpenFailure::Io(error.to_string()))?;
        } else {
            create(path)?;
        }
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| failure(&error))?;
        let version = schema::migrate(&mut writer).map_err(|error| failure(&error))?;
        match write::end_leases(&writer) {
            // They end by themselves, and reading needs none.
            Err(error) if matches!(backend_error(&error), BackendError::Full) => {}
            other => other.map_err(|error| failure(&error))?,
        }
        let numbers = read::numbers(&writer).map_err(|error| failure(&error))?;
        let mover = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(io)?;
        mover.busy_timeout(std::time::Duration::from_millis(MOVE_WAIT_MILLIS)).map_err(io)?;
        let collector = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            wal_bytes,
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
            mover: Mutex::new(mover),
            collector: Mutex::new(Some(collector)),
            open_reader: |path| connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE),
            numbers: RwLock::new(numbers),
            kept_checkpoints_before: version >= schema::CHECKPOINTS_VERSION,
        })
    }

    /// Opens a database that is not to be changed; every attempt to write fails.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, OpenFailure> {
        schema::check_header(path).map_err(OpenFailure::Foreign)?;
        check_log(path)?;
        let reader = connect_read_only(path).map_err(|error| failure(&error))?;
        schema::check_present(&reader).map_err(OpenFailure::Foreign)?;
        let numbers = read::numbers(&reader).map_err(|error| failure(&error))?;
        Ok(Self {
            path: path.to_owned(),
            wal_bytes: u64::MAX,
            writer: Mutex::new(connect_read_only(path).map_err(|error| failure(&error))?),
            readers: Mutex::new(vec![reader]),
            mover: Mutex::new(connect_read_only(path).map_err(|error| failure(&error))?),
            collector: Mutex::new(None),
            open_reader: connect_read_only,
            numbers: RwLock::new(numbers),
            kept_checkpoints_before: true,
        })
    }

    fn number(&self, organization: OrganizationId) -> Option<i64> {
        self.numbers.read().get(&organization).copied()
    }

    /// Runs a read on a connection of its own, beside the writer.
    fn reading<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, BackendError> {
        let kept = self.readers.lock().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => {
                let connection = (self.open_reader)(&self.path).map_err(|error| backend_error(&error))?;
                connection.pragma_update(None, "query_only", true).map_err(|error| backend_error(&error))?;
                connection
            }
        };
        let result = read(&connection).map_err(|error| backend_error(&error));
        let mut readers = self.readers.lock();
        if readers.len() < READERS_KEPT {
            readers.push(connection);
        }
        result
    }

    fn wal_file_bytes(&self) -> u64 {
        std::fs::metadata(self.beside("-wal")).map_or(0, |file| file.len())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    }
}

/// Makes a new database under another name and renames it when it is whole and on disk, so that a file of the right
/// name is always complete. The names of it and of its write-ahead log are on disk when the folder of segments beside them
/// has been opened (`storage/local.rs`), which is before anybody is answered; SQLite syncs them too, with its first commit.
fn create(path: &Path) -> Result<(), OpenFailure> {
    let io = |error: String| OpenFailure::Io(error);
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    for ending in ["", "-journal", "-wal", "-shm"] {
        let mut name = partial.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error.to_string())),
            _ => {}
        }
    }
    let mut connection = Connection::open(&partial).map_err(|error| io(error.to_string()))?;
    // Synced once, as a whole, below; what is cut short before that is made anew.
    connection.pragma_update(None, "synchronous", "OFF").map_err(|error| io(error.to_string()))?;
    schema::create(&mut connection).map_err(|error| io(error.to_string()))?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(|error| io(error.to_string()))?;
    connection.close().map_err(|(_, error)| io(error.to_string()))?;
    private(&partial).and_then(|()| std::fs::rename(&partial, path)).map_err(|error| io(error.to_string()))
}

/// Refuses a write-ahead log of which SQLite would leave out what is behind a damaged place.
fn check_log(path: &Path) -> Result<(), OpenFailure> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    wal::check(&log).map_err(|failure| match failure {
        WalFailure::Io(error) => OpenFailure::Io(format!("{}: {error}", log.display())),
        WalFailure::Damaged { detail, whole_bytes } => OpenFailure::Foreign(format!(
            "its write-ahead log ({}-wal) is damaged behind byte {whole_bytes}: {detail}. It holds acknowledged events, which a start \
             would leave out; keep a copy of the folder and put it back from a backup (docs/EVIDENCE.md)",
            path.file_name().unwrap_or_default().to_string_lossy()
        )),
    })
}

/// Puts on disk what a process that was killed may have written to the write-ahead log and not synced: it is read from now
/// on, and what is said of it must hold, also where a full disk lets no commit sync it.
fn sync_log(path: &Path) -> std::io::Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::File::open(PathBuf::from(log)) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a file its owner's alone and puts it on disk.
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = std::fs::File::open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.sync_all()
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The mover does it, beside the writer.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// A connection that changes nothing. After a clean stop there is no write-ahead log, and the file can be read as it is,
/// without SQLite's making one beside it.
fn connect_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(PathBuf::from(log)).is_ok_and(|file| file.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match path.to_str().filter(|_| !has_log) {
        Some(text) => {
            let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            Connection::open_with_flags(format!("file:{text}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)?
        }
        None => Connection::open_with_flags(path, flags)?,
    };
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn failure(error: &rusqlite::Error) -> OpenFailure {
    match backend_error(error) {
        BackendError::Damaged { detail } => OpenFailure::Foreign(detail),
        other => OpenFailure::Io(other.to_string()),
    }
}

fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

/// What an error of SQLite means to the caller.
fn backend_error(error: &rusqlite::Error) -> BackendError {
    use rusqlite::ErrorCode;
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::DiskFull) => BackendError::Full,
        // The shared-memory file beside the log cannot grow: SQLite has no other word for it on a full disk.
        Some(ErrorCode::SystemIoFailure) if extended_code(error) == Some(SQLITE_IOERR_SHMSIZE) => BackendError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            BackendError::Damaged { detail: format!("the database is damaged: {error}") }
        }
        Some(ErrorCode::ConstraintViolation) | None => {
            BackendError::Damaged { detail: format!("the database does not hold what it should: {error}") }
        }
        Some(_) => BackendError::Unavailable { detail: error.to_string() },
    }
}
