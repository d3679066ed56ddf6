//! Reading segments again and proving them: what has changed on disk since it was written is found before somebody asks for
//! it. One segment at a time, as fast as the caller asks; nothing is ever repaired here.

use std::sync::Arc;

use actarium_core::tree::Frontier;

use super::leaves::TreeBuilder;
use super::log::Log;
use super::seal::{SealError, Sealing};
use super::shared::Shared;
use crate::backend::ManifestEntry;
use crate::segment::{Segment, Tier, read_purged};

/// A segment that was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// Sequence number after its last event.
    pub end_seq: u64,
    /// Bytes of its file.
    pub bytes: u64,
}

/// Reads the first segment from a sequence number on and compares every leaf with the roots in the manifest.
pub(crate) fn next(shared: &Arc<Shared>, log: &Log, from_seq: u64) -> Result<Option<Scrubbed>, String> {
    let entry = log.state.lock().manifest.iter().find(|entry| entry.summary.first_seq >= from_seq).cloned();
    let Some(entry) = entry else { return Ok(None) };
    match prove(shared, log, &entry) {
        Ok(()) => {}
        // Merged, moved or purged while it was read: what came in its place was proved when it was made.
        Err(_) if !log.state.lock().manifest.contains(&entry) => {}
        Err(error @ (SealError::Backend(_) | SealError::Stopping)) => return Err(error.to_string()),
        Err(error) => {
            let detail = match &error {
                // These name the file themselves.
                SealError::Segment(detail) => detail.clone(),
                _ => format!("segment {}: {error}", entry.path),
            };
            log.set_damaged(&detail);
            return Err(detail);
        }
    }
    Ok(Some(Scrubbed { end_seq: entry.end_seq(), bytes: entry.summary.bytes }))
}

fn prove(shared: &Arc<Shared>, log: &Log, entry: &ManifestEntry) -> Result<(), SealError> {
    let (first_seq, end_seq) = (entry.summary.first_seq, entry.end_seq());
    let path = shared.files_of(entry.summary.tier).locate(&entry.path);
    let kept = Frontier::from_bytes(&entry.frontier).map_err(|error| SealError::NotProved(error.to_string()))?;
    if kept.size() != end_seq || kept.root() != entry.root {
        return Err(SealError::NotProved("its frontier in the manifest does not give its root".to_owned()));
    }
    let mut sealing = Sealing::new(shared.clone());
    if entry.summary.tier == Tier::Purged {
        let mut tree = TreeBuilder::new(sealing.start_of(log, first_seq)?);
        for event in read_purged(&path, &entry.summary, first_seq..end_seq)? {
            tree.push_commit(event.recorded_at, &event.commit);
        }
        return same_root(&mut tree, entry);
    }
    let segment = Segment::open(&path, &entry.summary, &shared.cache)?;
    let mut tree = TreeBuilder::new(sealing.start_of(log, first_seq)?);
    let mut key = |epoch| shared.keys.epoch_key(log.organization.id, epoch);
    let mut failed = None;
    segment.for_each_row(first_seq..end_seq, &mut |_, recorded_at, row| {
        if failed.is_none()
            && let Err(error) = tree.push(&mut sealing.canonicalizer, &row, recorded_at, &mut key)
        {
            failed = Some(error);
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => same_root(&mut tree, entry),
    }
}

fn same_root(tree: &mut TreeBuilder, entry: &ManifestEntry) -> Result<(), SealError> {
    if tree.frontier().root() == entry.root {
        return Ok(());
    }
    Err(SealError::NotProved("its events do not give the root that was recorded".to_owned()))
}

/// The logs that take no writes, with why not.
pub(crate) fn damaged(shared: &Shared) -> Vec<(String, String)> {
    let logs = shared.all_logs().into_iter();
    logs.filter_map(|log| Some((log.organization.slug.clone(), log.state.lock().damaged.clone()?))).collect()
}
