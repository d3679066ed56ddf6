//! Reading: rows back from the journal, segments opened, snapshots made. Changes nothing but what is in memory.

use std::sync::Arc;

use super::codec::decode_batch;
use super::log::{Log, LogState};
use super::shared::Shared;
use super::snapshot::{ReadError, Snapshot};
use crate::backend::{BackendError, ManifestEntry};
use crate::committed::CommittedRows;
use crate::organization::Organization;
use crate::segment::{Segment, SegmentError, Tier};

/// Bytes of stored batches that are read from the journal at once.
const READ_BYTES: u64 = 8 << 20;
/// How long to wait for a sealer to show what it has made durable.
const PUBLISH_PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

impl Shared {
    /// The error of a reader for an error of the backend.
    pub fn read_error(&self, log: &Log, error: &BackendError) -> ReadError {
        match error {
            BackendError::Damaged { detail } => damaged(log, detail),
            other => ReadError::Unavailable { detail: other.to_string() },
        }
    }

    /// Rows `[from, to)` from the journal; `None` if they were sealed meanwhile.
    fn read_rows(&self, log: &Log, from: u64, to: u64) -> Result<Option<Vec<CommittedRows>>, ReadError> {
        let (mut next, mut loaded) = (from, Vec::new());
        while next < to {
            let batches = self.backend.read(log.organization.id, next, READ_BYTES);
            let batches = batches.map_err(|error| self.read_error(log, &error))?;
            if batches.first().is_none_or(|first| first.first_seq != next) {
                if self.sealed_meanwhile(log, from)? {
                    return Ok(None);
                }
                return Err(damaged(log, &format!("the journal has no batch that begins at {next}")));
            }
            for batch in &batches {
                if next >= to {
                    break;
                }
                if batch.first_seq != next {
                    return Err(damaged(log, &format!("the journal has no batch that begins at {next}")));
                }
                let rows = decode_batch(batch).map_err(|detail| damaged(log, &detail))?;
                next = rows.end_seq();
                loaded.push(rows);
            }
        }
        Ok(Some(loaded))
    }

    /// Whether rows from `from` on have been sealed since somebody looked. The manifest changes on disk a moment
    /// before it changes in memory; that moment is waited for.
    pub fn sealed_meanwhile(&self, log: &Log, from: u64) -> Result<bool, ReadError> {
        if log.state.lock().sealed_end > from {
            return Ok(true);
        }
        let overview = self.backend.organization(log.organization.id).map_err(|error| self.read_error(log, &error))?;
        let moved = overview.is_some_and(|overview| overview.sealed_end > from);
        if moved {
            std::thread::sleep(PUBLISH_PAUSE);
        }
        Ok(moved)
    }

    /// The segments of a log, opened if they are not yet.
    pub fn segments(&self, log: &Log) -> Result<Arc<[Arc<Segment>]>, ReadError> {
        let (manifest, sealed_end) = {
            let state = log.state.lock();
            if let Some(segments) = &state.segments {
                return Ok(segments.clone());
            }
            (state.manifest.clone(), state.sealed_end)
        };
        let open = |entry: &ManifestEntry| {
            Segment::open(&self.files_of(entry.summary.tier).locate(&entry.path), &entry.summary, &self.cache)
                .map(Arc::new)
                .map_err(|error| segment_unread(&log.organization, &error))
        };
        let opened: Arc<[Arc<Segment>]> = living(&manifest).map(open).collect::<Result<_, _>>()?;
        let mut state = log.state.lock();
        if let Some(segments) = &state.segments {
            return Ok(segments.clone());
        }
        if state.sealed_end == sealed_end && state.manifest == manifest {
            state.segments = Some(opened.clone());
            return Ok(opened);
        }
        // Sealed meanwhile: the next attempt sees the new manifest.
        drop(state);
        self.segments(log)
    }

    /// Runs `look` on the log's state with all unsealed rows in memory.
    pub fn with_all_rows<T>(&self, log: &Log, look: impl FnOnce(&mut LogState) -> T) -> Result<T, ReadError> {
        let mut state = log.state.lock();
        if state.tail.start() <= state.sealed_end {
            return Ok(look(&mut state));
        }
        state.pins += 1;
        drop(state);
        let loaded = self.load_missing(log);
        let mut state = log.state.lock();
        state.pins -= 1;
        loaded?;
        let result = look(&mut state);
        drop(state);
        self.evict();
        Ok(result)
    }

    /// Reads what is missing in front of the rows in memory. The log is pinned, so they stay.
    fn load_missing(&self, log: &Log) -> Result<(), ReadError> {
        let _one_loader = log.loading.lock();
        loop {
            let (from, to) = {
                let state = log.state.lock();
                (state.sealed_end, state.tail.start())
            };
            if from >= to {
                return Ok(());
            }
            let Some(loaded) = self.read_rows(log, from, to)? else { continue };
            let mut state = log.state.lock();
            let before = state.tail.bytes();
            state.tail.prepend(from, loaded);
            let sealed_end = state.sealed_end;
            state.tail.drop_before(sealed_end);
            let after = state.tail.bytes();
            self.tail_changed(before, after);
        }
    }

    /// The log as it stands.
    pub fn snapshot(&self, log: &Log) -> Result<Snapshot, ReadError> {
        log.touch(self.elapsed_millis());
        if let Some(detail) = log.state.lock().gap.clone() {
            return Err(ReadError::Damaged { organization: log.organization.slug.clone(), detail });
        }
        loop {
            self.segments(log)?;
            // Segments and rows have to be of one moment; a seal in between empties neither, but a reload may.
            if let Some(snapshot) = self.with_all_rows(log, |state| take(log, state))? {
                return Ok(snapshot);
            }
        }
    }

    /// The log as it stands, if nothing has to be read for it.
    pub fn snapshot_in_memory(&self, log: &Log) -> Option<Snapshot> {
        log.touch(self.elapsed_millis());
        let state = log.state.lock();
        if state.tail.start() > state.sealed_end || state.gap.is_some() {
            return None;
        }
        take(log, &state)
    }
}

fn take(log: &Log, state: &LogState) -> Option<Snapshot> {
    let segments = state.segments.clone()?;
    let living_end = living(&state.manifest).last().map_or(0, ManifestEntry::end_seq);
    debug_assert_eq!(
        segments.last().map_or(0, |last| last.end_seq()),
        living_end,
        "segments are those of the manifest"
    );
    debug_assert_eq!(state.tail.end(), state.head.size, "rows in memory end at the head");
    Some(Snapshot {
        organization: log.organization.clone(),
        size: state.head.size,
        root: state.head.root,
        head_recorded_at: state.head.recorded_at,
        segments,
        tail: state.tail.batches(),
    })
}

/// The entries whose events can be read.
pub(crate) fn living(manifest: &[ManifestEntry]) -> impl DoubleEndedIterator<Item = &ManifestEntry> {
    manifest.iter().filter(|entry| entry.summary.tier != Tier::Purged)
}

/// The error of a reader for one of a segment's.
pub(crate) fn segment_unread(organization: &Organization, error: &SegmentError) -> ReadError {
    let detail = describe(error);
    match error.is_passing() {
        true => ReadError::Unavailable { detail },
        false => ReadError::Damaged { organization: organization.slug.clone(), detail },
    }
}

fn damaged(log: &Log, detail: &str) -> ReadError {
    ReadError::Damaged { organization: log.organization.slug.clone(), detail: detail.to_owned() }
}

/// An error with what caused it, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
