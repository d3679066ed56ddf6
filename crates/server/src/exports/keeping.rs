//! The file of a kept export: written beside its place, within its bounds, and put there whole. Beside it lie the positions of
//! its events, so that it can be told later whether it holds one that loses something.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use actarium_core::row::Micros;
use actarium_store::create_folder;

use super::pieces::Taker;
use super::runs::RunsWriter;
use super::{PARTIAL, POSITIONS, Running};
use crate::limits;

/// Bytes written between two looks at what the disk has left.
const LOOKED_AT_DISK_EVERY_BYTES: u64 = 16 << 20;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub bytes: u64,
    /// When the oldest of what it has something of was recorded.
    pub oldest_recorded_at: Option<Micros>,
}

/// The file while it is written.
pub(super) struct Keeper<'k> {
    path: PathBuf,
    file: File,
    positions: RunsWriter<BufWriter<File>>,
    running: &'k Running,
    bytes_max: u64,
    looked_at_disk: u64,
    written: Written,
    /// Why it goes on no more.
    failure: Option<String>,
}

impl<'k> Keeper<'k> {
    /// A file that will have this path and at most so many bytes.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(path: PathBuf, bytes_max: u64, running: &'k Running) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        create_folder(folder)?;
        let file = private(&beside(&path, PARTIAL))?;
        let positions = RunsWriter::new(BufWriter::new(private(&beside(&path, POSITIONS))?));
        let written = Written { bytes: 0, oldest_recorded_at: None };
        let (looked_at_disk, failure) = (0, None);
        Ok(Self { path, file, positions, running, bytes_max, looked_at_disk, written, failure })
    }

    /// Why it went on no more, if it was not told to.
    pub fn failure(&self) -> Option<String> {
        self.failure.clone()
    }

    /// Makes it durable and puts it in its place.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn finish(self) -> io::Result<Written> {
        let positions = self.positions.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        positions.sync_all()?;
        self.file.sync_all()?;
        std::fs::rename(beside(&self.path, PARTIAL), &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(self.written)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let size = self.written.bytes + bytes.len() as u64;
        if size > self.bytes_max {
            let most = self.bytes_max >> 20;
            return Err(format!("it would be larger than {most} MiB, the most that may be kept; narrow its search"));
        }
        let is_first = self.written.bytes == 0;
        if is_first || self.written.bytes - self.looked_at_disk >= LOOKED_AT_DISK_EVERY_BYTES {
            self.looked_at_disk = self.written.bytes;
            let disk = rustix::fs::fstatvfs(&self.file).map_err(|error| error.to_string())?;
            if disk.f_bavail.saturating_mul(disk.f_frsize) < limits::KEPT_EXPORT_FREE_BYTES_MIN {
                return Err("the disk has too little space left".to_owned());
            }
        }
        self.file.write_all(bytes).map_err(|error| format!("its file cannot be written: {error}"))?;
        self.written.bytes = size;
        self.running.bytes.store(size, Relaxed);
        Ok(())
    }
}

impl Taker for Keeper<'_> {
    fn take(&mut self, bytes: Vec<u8>) -> bool {
        if let Err(failure) = self.write(&bytes) {
            self.failure.get_or_insert(failure);
        }
        self.failure.is_none()
    }

    fn has_of(&mut self, seq: u64, recorded_at: Micros) {
        let oldest = &mut self.written.oldest_recorded_at;
        *oldest = Some(oldest.map_or(recorded_at, |before| before.min(recorded_at)));
        if let Err(error) = self.positions.push(seq) {
            self.failure.get_or_insert(format!("the positions of its events cannot be written: {error}"));
        }
    }

    fn looked_at(&mut self, events: u64) -> bool {
        self.running.looked_at.fetch_add(events, Relaxed);
        self.failure.is_none() && self.running.stop.check().is_ok()
    }
}

/// A path with an ending added to its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}
