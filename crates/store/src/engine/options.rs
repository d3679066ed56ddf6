//! What can be configured: every limit with its name, unit and default.

use std::path::PathBuf;
use std::time::Duration;

use crate::keys::LOG_KEY_FILE;
use crate::storage::Location;

/// Bounds on what waits and on what is held in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineLimits {
    /// Bytes of encoded rows that may wait for the committer.
    pub queue_bytes_max: u64,
    /// Requests that may wait for the committer.
    pub queue_requests_max: usize,
    /// Bytes of encoded rows of one request.
    pub request_bytes_max: u64,
    /// Bytes of encoded rows that one commit takes together (one request may pass it alone).
    pub commit_bytes_max: u64,
    /// Bytes of unsealed rows held in memory over all organizations; columns that queries make of them come on top.
    pub tail_bytes_max: u64,
    /// Bytes of the indexes over unsealed external ids, over all organizations.
    pub ids_bytes_max: u64,
    /// Bytes of encoded, unsealed rows of one organization; beyond it its writers wait for the sealer.
    pub unsealed_bytes_max: u64,
    /// How long a request waits for the sealer before it is refused.
    pub hold_max: Duration,
    /// Bytes of decoded segment columns kept for queries.
    pub cache_bytes_max: u64,
    /// Bytes in the journal's write-ahead log from which it is written from its beginning again, while commits wait for what is in it
    /// to be moved; its file is cut at four times as many.
    pub wal_bytes: u64,
    /// How far the clock may be behind the head before writes are refused.
    pub clock_behind_max: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            queue_bytes_max: 64 << 20,
            queue_requests_max: 16_384,
            request_bytes_max: 64 << 20,
            commit_bytes_max: 8 << 20,
            tail_bytes_max: 48 << 20,
            ids_bytes_max: 64 << 20,
            unsealed_bytes_max: 192 << 20,
            hold_max: Duration::from_secs(5),
            cache_bytes_max: 128 << 20,
            wal_bytes: 24 << 20,
            clock_behind_max: Duration::from_secs(60),
        }
    }
}

/// When unsealed rows become segments and segments are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealPolicy {
    /// Rows of an organization that are sealed at once, and the most that one seal takes.
    pub rows: u64,
    /// Bytes of encoded rows of an organization that are sealed at once.
    pub bytes: u64,
    /// Fewer rows than this, of 1 KiB each, are left in the journal until `small_age`.
    pub small_rows: u64,
    /// Age of the oldest unsealed row after which `small_rows` and more are sealed.
    pub age: Duration,
    /// Age of the oldest unsealed row after which any number is sealed.
    pub small_age: Duration,
    /// Time without writes after which everything from `small_rows` up is sealed.
    pub settle: Duration,
    /// Rows of a segment that merging aims at.
    pub target_rows: u64,
    /// Adjacent segments smaller than a quarter of `target_rows` that are merged when there are this many.
    pub merge_segments_min: usize,
    /// Time of recording from the first to the last row of a merged segment: what moves to the archive or is purged is
    /// cut out of its segment, so that segments must not be of many years.
    pub merge_span_max: Duration,
    /// Threads that seal.
    pub threads: usize,
    /// Whether seals and merges happen by themselves; without it only when asked for.
    pub automatic: bool,
}

impl SealPolicy {
    /// Whether that much is sealed at once.
    pub(crate) fn is_full(&self, rows: u64, bytes: u64) -> bool {
        rows >= self.rows || bytes >= self.bytes
    }
}

impl Default for SealPolicy {
    fn default() -> Self {
        Self {
            rows: 65_536,
            bytes: 64 << 20,
            small_rows: 4_096,
            age: Duration::from_secs(15 * 60),
            small_age: Duration::from_secs(24 * 60 * 60),
            settle: Duration::from_millis(250),
            target_rows: 262_144,
            merge_segments_min: 8,
            merge_span_max: Duration::from_secs(31 * 24 * 60 * 60),
            threads: 2,
            automatic: true,
        }
    }
}

/// Where the journal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Journal {
    /// SQLite in the data folder.
    #[default]
    Embedded,
    /// In memory, gone when the engine is: for tests.
    Memory,
}

/// How an engine is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The folder everything is kept in; created if it is not there.
    pub data_dir: PathBuf,
    /// The log's name, a schema-less URL such as `audit.example.com`; fixed when the folder is created. `None`: what
    /// the folder has, or [`crate::keys::LOG_NAME_DEFAULT`] for a new one.
    pub log_name: Option<String>,
    /// File of the key that signs checkpoints; `None`: `log.key` in the data folder. Made with the folder if it is not there.
    pub log_key: Option<PathBuf>,
    /// Where the journal is.
    pub journal: Journal,
    /// Bounds.
    pub limits: EngineLimits,
    /// When to seal.
    pub seal: SealPolicy,
    /// How long `external_id` and `Idempotency-Key` are remembered at least.
    pub idempotency_window: Duration,
    /// The place of the archive; `None`: the folder `archive` in the data folder.
    pub archive: Option<Location>,
    /// Only to read what there is: nothing is created, written, sealed, published or collected, and no event is taken.
    pub read_only: bool,
    /// Time between two checkpoints of a log that grows; `None`: only when asked for, and at the end.
    pub checkpoints_every: Option<Duration>,
}

impl EngineOptions {
    /// The defaults for a folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            log_name: None,
            log_key: None,
            journal: Journal::Embedded,
            limits: EngineLimits::default(),
            seal: SealPolicy::default(),
            idempotency_window: Duration::from_secs(7 * 24 * 60 * 60),
            archive: None,
            read_only: false,
            checkpoints_every: Some(Duration::from_secs(1)),
        }
    }

    /// The file of the key that signs checkpoints.
    pub(crate) fn log_key_file(&self) -> PathBuf {
        self.log_key.clone().unwrap_or_else(|| self.data_dir.join(LOG_KEY_FILE))
    }
}
