//! Exports: what they are made of (`pieces`, `events`, `proof`), and those that the service makes in the background and keeps
//! for a while: the job (`work`), the file it writes (`keeping`) with the positions of its events (`runs`), and what takes
//! files away again (`tidying`). Who may ask for one and have it is decided in `handlers`.

pub mod events;
mod keeping;
pub mod pieces;
pub mod proof;
mod runs;
mod tidying;
mod work;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_query::Stop;
use actarium_store::OrganizationId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::directory::kept_export::{ExportState, KeptExport};
use crate::limits;

pub use tidying::{remove_copies, target, tidy};
pub use work::{keep_up, stop};

/// Name of the folder in the data folder.
const FOLDER: &str = "exports";
/// Ending of a file that is not whole yet.
const PARTIAL: &str = ".partial";
/// Ending of the file with the positions of an export's events.
const POSITIONS: &str = ".seqs";

/// What is known of the work of this run of the service.
pub struct Work {
    folder: PathBuf,
    asked: Notify,
    running: Mutex<HashMap<(OrganizationId, String), Arc<Running>>>,
    /// Held while files are taken away and while an export is begun, so that none is taken for a leftover.
    upkeep: tokio::sync::Mutex<()>,
}

/// An export that is being made.
struct Running {
    stop: Stop,
    /// Whether it is to be begun again, since what it read of the log has lost something.
    again: AtomicBool,
    total: AtomicU64,
    looked_at: AtomicU64,
    bytes: AtomicU64,
    began: Duration,
}

/// How far an export has come that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events that were looked at.
    pub done: u64,
    /// Events that are to be looked at, if that is known.
    pub total: Option<u64>,
    /// Bytes that were written.
    pub bytes: u64,
    /// How long it will take still, if that can be told.
    pub left: Option<Duration>,
}

impl Work {
    /// Work in a data folder.
    pub fn new(data_dir: &Path) -> Self {
        let (asked, running, upkeep) = (Notify::new(), Mutex::default(), tokio::sync::Mutex::default());
        Self { folder: data_dir.join(FOLDER), asked, running, upkeep }
    }

    /// Says that one was asked for or deleted.
    pub fn begin(&self) {
        self.asked.notify_one();
    }

    /// How far one has come, if it is being made.
    pub fn progress(&self, organization: OrganizationId, id: &str, now: Duration) -> Option<Progress> {
        let running = self.running.lock().get(&(organization, id.to_owned()))?.clone();
        let (done, total) = (running.looked_at.load(Relaxed), running.total.load(Relaxed));
        let total = (total > 0).then_some(total.max(done));
        let elapsed = now.saturating_sub(running.began);
        let left = total.filter(|_| done > 0).map(|total| elapsed.mul_f64((total - done) as f64 / done as f64));
        Some(Progress { done, total, bytes: running.bytes.load(Relaxed), left })
    }

    /// Ends one that is being made, if it is.
    pub fn end(&self, organization: OrganizationId, id: &str) {
        if let Some(running) = self.running.lock().get(&(organization, id.to_owned())) {
            running.stop.cancel();
        }
    }

    /// Where the file of an export lies.
    pub fn path(&self, organization: OrganizationId, id: &str) -> PathBuf {
        self.folder.join(organization.to_hex()).join(id)
    }

    fn positions_path(&self, organization: OrganizationId, id: &str) -> PathBuf {
        self.folder.join(organization.to_hex()).join(format!("{id}{POSITIONS}"))
    }
}

/// When an export goes by itself; none while it is still to be made.
pub fn expires_at(export: &KeptExport) -> Option<Micros> {
    match export.state {
        ExportState::Waiting | ExportState::Running { .. } => None,
        ExportState::Done { at, .. } | ExportState::Failed { at, .. } => {
            Some(at.saturating_add(limits::KEPT_EXPORT_LIFE))
        }
    }
}

/// Whether an export is over at a time, whether or not it was taken away by then.
pub fn is_over(export: &KeptExport, now: Micros) -> bool {
    expires_at(export).is_some_and(|at| at <= now)
}
