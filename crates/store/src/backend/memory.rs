//! The backend in memory, for tests: what it has is gone with it. It passes the suite that the others pass.

use std::collections::{BTreeMap, HashMap};

use actarium_core::row::Micros;
use actarium_core::tree::{Frontier, empty_root};
use parking_lot::Mutex;

use super::{
    Backend, BackendError, Commit, CommitError, DirectoryChange, DirectoryEntry, Fence, Head, IdempotencyRecord,
    Identity, JournalBatch, JournalExtent, LeaseRequest, MICROS_PER_HOUR, ManifestChange, ManifestEntry, ManifestError,
    OrganizationCommit, Overview, StoredCheckpoint, StoredCosignature, WrappedEpochKey,
};
use crate::organization::{Organization, OrganizationId};

type DirectoryKey = (String, Option<OrganizationId>, String);

#[derive(Clone)]
struct Log {
    organization: Organization,
    head: Head,
    sealed_end: u64,
    journal: BTreeMap<u64, JournalBatch>,
    epoch_keys: BTreeMap<u64, Vec<u8>>,
    segments: BTreeMap<u64, ManifestEntry>,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    checkpoints: BTreeMap<u64, StoredCheckpoint>,
    cosignatures: BTreeMap<(u64, String), StoredCosignature>,
}

impl Log {
    fn new(organization: &Organization) -> Self {
        let frontier = Frontier::new();
        Self {
            organization: organization.clone(),
            head: Head {
                size: 0,
                root: empty_root(),
                recorded_at: organization.created_at,
                frontier: frontier.to_bytes(),
            },
            sealed_end: 0,
            journal: BTreeMap::new(),
            epoch_keys: BTreeMap::new(),
            segments: BTreeMap::new(),
            tiles: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            cosignatures: BTreeMap::new(),
        }
    }

    fn overview(&self) -> Overview {
        let mut batches = self.journal.range(self.sealed_end..).map(|(_, batch)| batch);
        let mut journal =
            JournalExtent { first_seq: self.sealed_end, end_seq: self.sealed_end, ..JournalExtent::default() };
        if let Some(first) = batches.clone().next() {
            journal.first_seq = first.first_seq;
            journal.oldest_recorded_at = Some(first.recorded_at);
            journal.raw_bytes = batches.clone().map(|batch| batch.raw_bytes).sum();
        }
        if let Some(last) = batches.next_back() {
            journal.end_seq = last.first_seq + u64::from(last.count);
            journal.last_root = Some(last.root);
        }
        Overview {
            organization: self.organization.clone(),
            head: self.head.clone(),
            sealed_end: self.sealed_end,
            journal,
        }
    }

    fn add(&mut self, part: &OrganizationCommit) {
        let batch = JournalBatch {
            first_seq: part.expected_size,
            count: part.count,
            recorded_at: part.head.recorded_at,
            root: part.head.root,
            encoding: part.encoding,
            raw_bytes: part.raw_bytes,
            rows: part.rows.clone(),
        };
        self.journal.insert(batch.first_seq, batch);
        self.head = part.head.clone();
        self.epoch_keys.extend(part.epoch_keys.iter().map(|key| (key.epoch, key.wrapped.clone())));
    }
}

#[derive(Default)]
struct State {
    identity: Option<Identity>,
    logs: BTreeMap<OrganizationId, Log>,
    directory: BTreeMap<DirectoryKey, (u64, String)>,
    idempotency: HashMap<(OrganizationId, [u8; 32]), IdempotencyRecord>,
    leases: HashMap<String, ([u8; 16], u64, Micros)>,
}

/// A backend whose contents live as long as the value.
#[derive(Default)]
pub struct MemoryBackend {
    state: Mutex<State>,
}

impl MemoryBackend {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn log<T>(&self, organization: OrganizationId, read: impl FnOnce(&Log) -> T) -> Option<T> {
        self.state.lock().logs.get(&organization).map(read)
    }
}

fn unknown(organization: OrganizationId) -> BackendError {
    BackendError::Damaged { detail: format!("there is no organization {organization}") }
}

impl State {
    /// Everything that can be wrong with a commit, before anything of it is applied.
    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        for new in &commit.organizations {
            if self.logs.values().any(|log| log.organization.slug == new.slug || log.organization.id == new.id) {
                return Err(CommitError::OrganizationExists { slug: new.slug.clone() });
            }
        }
        let created = |id: OrganizationId| commit.organizations.iter().any(|new| new.id == id);
        let known = |id| if created(id) || self.logs.contains_key(&id) { Ok(()) } else { Err(unknown(id)) };
        for part in &commit.parts {
            known(part.organization)?;
            let size = self.logs.get(&part.organization).map_or(0, |log| log.head.size);
            if size != part.expected_size {
                return Err(CommitError::HeadMoved { organization: part.organization });
            }
        }
        for change in &commit.directory {
            change.organization.map_or(Ok(()), known)?;
            let version = self.directory.get(&directory_key(change)).map(|(version, _)| *version);
            if version != change.expected_version || (version.is_none() && change.document.is_none()) {
                return Err(CommitError::DirectoryConflict {
                    kind: change.kind.clone(),
                    organization: change.organization,
                    id: change.id.clone(),
                });
            }
        }
        commit.idempotency.iter().try_for_each(|record| known(record.organization).map_err(CommitError::from))
    }
}

fn directory_key(change: &DirectoryChange) -> DirectoryKey {
    (change.kind.clone(), change.organization, change.id.clone())
}

impl Backend for MemoryBackend {
    fn identity(&self) -> Result<Option<Identity>, BackendError> {
        Ok(self.state.lock().identity.clone())
    }

    fn establish(&self, identity: &Identity) -> Result<(), BackendError> {
        let mut state = self.state.lock();
        if state.identity.is_some() {
            return Err(BackendError::Damaged { detail: "there is an identity already".to_owned() });
        }
        state.identity = Some(identity.clone());
        Ok(())
    }

    fn overview(&self) -> Result<Vec<Overview>, BackendError> {
        Ok(self.state.lock().logs.values().map(Log::overview).collect())
    }

    fn organization(&self, organization: OrganizationId) -> Result<Option<Overview>, BackendError> {
        Ok(self.log(organization, Log::overview))
    }

    fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut state = self.state.lock();
        state.check(commit)?;
        for new in &commit.organizations {
            state.logs.insert(new.id, Log::new(new));
        }
        for part in &commit.parts {
            state.logs.get_mut(&part.organization).expect("checked").add(part);
        }
        for change in &commit.directory {
            let key = directory_key(change);
            match &change.document {
                Some(document) => {
                    let version = change.expected_version.unwrap_or(0) + 1;
                    state.directory.insert(key, (version, document.clone()));
                }
                None => {
                    state.directory.remove(&key);
                }
            }
        }
        for record in &commit.idempotency {
            state.idempotency.insert((record.organization, record.digest), record.clone());
        }
        Ok(())
    }

    fn read(&self, organization: OrganizationId, from: u64, bytes_max: u64) -> Result<Vec<JournalBatch>, BackendError> {
        let read = |log: &Log| {
            let mut batches = Vec::new();
            let mut bytes = 0;
            for batch in log.journal.range(log.sealed_end..).map(|(_, batch)| batch) {
                if batch.first_seq + u64::from(batch.count) <= from {
                    continue;
                }
                bytes += batch.rows.len() as u64;
                if bytes > bytes_max && !batches.is_empty() {
                    break;
                }
                batches.push(batch.clone());
            }
            batches
        };
        Ok(self.log(organization, read).unwrap_or_default())
    }

    fn epoch_keys(
        &self,
        organization: OrganizationId,
        first_epoch: u64,
        last_epoch: u64,
    ) -> Result<Vec<WrappedEpochKey>, BackendError> {
        let read = |log: &Log| {
            let keys = log.epoch_keys.range(first_epoch..=last_epoch);
            keys.map(|(epoch, wrapped)| WrappedEpochKey { epoch: *epoch, wrapped: wrapped.clone() }).collect()
        };
        Ok(self.log(organization, read).unwrap_or_default())
    }

    fn manifest(&self, organization: OrganizationId) -> Result<Vec<ManifestEntry>, BackendError> {
        Ok(self.log(organization, |log| log.segments.values().cloned().collect()).unwrap_or_default())
    }

    fn segment_paths(&self) -> Result<Vec<String>, BackendError> {
        let state = self.state.lock();
        Ok(state.logs.values().flat_map(|log| log.segments.values().map(|entry| entry.path.clone())).collect())
    }

    fn change_manifest(&self, change: &ManifestChange) -> Result<(), ManifestError> {
        let mut state = self.state.lock();
        if state.leases.get(&change.fence.name).is_none_or(|(_, number, _)| *number != change.fence.number) {
            return Err(ManifestError::FenceLost { name: change.fence.name.clone() });
        }
        let log = state.logs.get_mut(&change.organization).ok_or_else(|| unknown(change.organization))?;
        let mismatch = |detail: String| ManifestError::Mismatch { detail };
        let mut segments = log.segments.clone();
        for first_seq in &change.remove {
            if segments.remove(first_seq).is_none() {
                return Err(mismatch(format!("there is no segment that begins at {first_seq}")));
            }
        }
        for entry in &change.add {
            segments.insert(entry.summary.first_seq, entry.clone());
        }
        let mut end = 0;
        for entry in segments.values() {
            if entry.summary.first_seq != end {
                return Err(mismatch(format!("no segment begins at {end}")));
            }
            end = entry.end_seq();
        }
        let goes_on = log.head.size == end || log.journal.contains_key(&end);
        if end != change.sealed_end || end < log.sealed_end || end > log.head.size || !goes_on {
            return Err(mismatch(format!("the segments end at {end}, where the journal does not go on")));
        }
        log.segments = segments;
        log.sealed_end = end;
        for key in &change.epoch_keys {
            match &key.wrapped {
                Some(wrapped) => drop(log.epoch_keys.insert(key.epoch, wrapped.clone())),
                None => drop(log.epoch_keys.remove(&key.epoch)),
            }
        }
        for tile in &change.tiles {
            let hashes = log.tiles.entry((tile.level, tile.index)).or_default();
            if tile.hashes.len() > hashes.len() {
                *hashes = tile.hashes.clone();
            }
        }
        Ok(())
    }

    fn tile(&self, organization: OrganizationId, level: u8, index: u64) -> Result<Vec<u8>, BackendError> {
        let read = |log: &Log| log.tiles.get(&(level, index)).cloned().unwrap_or_default();
        Ok(self.log(organization, read).unwrap_or_default())
    }

    fn tile_hashes_stored(&self, organization: OrganizationId, level: u8) -> Result<u64, BackendError> {
        let read = |log: &Log| {
            let last = log.tiles.range((level, 0)..(level + 1, 0)).next_back();
            last.map_or(0, |((_, index), hashes)| index * 256 + hashes.len() as u64 / 32)
        };
        Ok(self.log(organization, read).unwrap_or(0))
    }

    fn keep_checkpoints(&self, checkpoints: &[StoredCheckpoint]) -> Result<(), BackendError> {
        let mut state = self.state.lock();
        if let Some(of_none) = checkpoints.iter().find(|kept| !state.logs.contains_key(&kept.organization)) {
            return Err(unknown(of_none.organization));
        }
        for checkpoint in checkpoints {
            let log = state.logs.get_mut(&checkpoint.organization).expect("checked");
            let hour = |at: Micros| at / MICROS_PER_HOUR;
            let replaced = log.checkpoints.last_key_value().filter(|(size, newest)| {
                **size <= checkpoint.size && hour(newest.published_at) == hour(checkpoint.published_at)
            });
            if let Some(size) = replaced.map(|(size, _)| *size) {
                log.checkpoints.remove(&size);
            }
            log.checkpoints.insert(checkpoint.size, checkpoint.clone());
        }
        Ok(())
    }

    fn checkpoints(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCheckpoint>, BackendError> {
        let read = |log: &Log| log.checkpoints.range(from..).take(count_max).map(|(_, kept)| kept.clone()).collect();
        Ok(self.log(organization, read).unwrap_or_default())
    }

    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, BackendError> {
        let state = self.state.lock();
        Ok(state.logs.values().filter_map(|log| log.checkpoints.values().next_back().cloned()).collect())
    }

    fn keep_cosignatures(&self, cosignatures: &[StoredCosignature]) -> Result<(), BackendError> {
        let mut state = self.state.lock();
        if let Some(of_none) = cosignatures.iter().find(|kept| !state.logs.contains_key(&kept.organization)) {
            return Err(unknown(of_none.organization));
        }
        for cosignature in cosignatures {
            let log = state.logs.get_mut(&cosignature.organization).expect("checked");
            let hour = |at: Micros| at / MICROS_PER_HOUR;
            log.cosignatures.retain(|_, kept| {
                kept.witness != cosignature.witness || hour(kept.signed_at) != hour(cosignature.signed_at)
            });
            log.cosignatures.insert((cosignature.size, cosignature.witness.clone()), cosignature.clone());
        }
        Ok(())
    }

    fn cosignatures(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCosignature>, BackendError> {
        let read = |log: &Log| {
            let kept = log.cosignatures.range((from, String::new())..);
            kept.take(count_max).map(|(_, kept)| kept.clone()).collect()
        };
        Ok(self.log(organization, read).unwrap_or_default())
    }

    fn newest_cosignatures(&self) -> Result<Vec<StoredCosignature>, BackendError> {
        let state = self.state.lock();
        let mut newest = BTreeMap::new();
        for kept in state.logs.values().flat_map(|log| log.cosignatures.values()) {
            newest.insert((kept.organization, kept.witness.clone()), kept.clone());
        }
        Ok(newest.into_values().collect())
    }

    fn collect(&self, bytes_max: u64) -> Result<bool, BackendError> {
        let mut state = self.state.lock();
        let mut bytes = 0;
        for log in state.logs.values_mut() {
            while let Some((first_seq, batch)) = log.journal.first_key_value() {
                if *first_seq >= log.sealed_end {
                    break;
                }
                if bytes >= bytes_max {
                    return Ok(true);
                }
                bytes += batch.rows.len() as u64;
                log.journal.pop_first();
            }
        }
        Ok(false)
    }

    fn acquire_lease(&self, request: &LeaseRequest) -> Result<Option<Fence>, BackendError> {
        let mut state = self.state.lock();
        let number = match state.leases.get(&request.name) {
            Some((holder, _, expires_at)) if *holder != request.holder && *expires_at > request.now => return Ok(None),
            Some((holder, number, _)) if *holder == request.holder => *number,
            Some((_, number, _)) => number + 1,
            None => 1,
        };
        let expires_at = request.now.saturating_add(request.ttl.as_micros() as i64);
        state.leases.insert(request.name.clone(), (request.holder, number, expires_at));
        Ok(Some(Fence { name: request.name.clone(), number }))
    }

    fn release_lease(&self, fence: &Fence) -> Result<(), BackendError> {
        if let Some((_, number, expires_at)) = self.state.lock().leases.get_mut(&fence.name)
            && *number == fence.number
        {
            *expires_at = 0;
        }
        Ok(())
    }

    fn directory_entry(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        id: &str,
    ) -> Result<Option<DirectoryEntry>, BackendError> {
        let state = self.state.lock();
        let key = (kind.to_owned(), organization, id.to_owned());
        Ok(state.directory.get_key_value(&key).map(entry))
    }

    fn directory_entries(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<DirectoryEntry>, BackendError> {
        let state = self.state.lock();
        let wanted = |key: &DirectoryKey| key.0 == kind && (organization.is_none() || key.1 == organization);
        Ok(state.directory.iter().filter(|(key, _)| wanted(key)).map(entry).collect())
    }

    fn find_idempotency(
        &self,
        organization: OrganizationId,
        digest: &[u8; 32],
    ) -> Result<Option<IdempotencyRecord>, BackendError> {
        Ok(self.state.lock().idempotency.get(&(organization, *digest)).cloned())
    }

    fn prune_idempotency(&self, before: Micros, records_max: usize) -> Result<usize, BackendError> {
        let mut state = self.state.lock();
        let old = state.idempotency.values().filter(|record| record.recorded_at < before);
        let old: Vec<_> = old.map(|record| (record.organization, record.digest)).take(records_max).collect();
        old.iter().for_each(|key| {
            state.idempotency.remove(key);
        });
        Ok(old.len())
    }

    fn forget_idempotency(
        &self,
        organization: OrganizationId,
        seqs: &[std::ops::Range<u64>],
        from: Micros,
    ) -> Result<usize, BackendError> {
        let mut state = self.state.lock();
        let before = state.idempotency.len();
        state.idempotency.retain(|(of, _), record| {
            *of != organization || record.recorded_at < from || !record.runs.iter().any(|run| run.touches(seqs))
        });
        Ok(before - state.idempotency.len())
    }

    fn cut_log(&self) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn tidy(&self, _idle: bool) -> Result<(), BackendError> {
        Ok(())
    }

    fn bytes_used(&self) -> Result<u64, BackendError> {
        let state = self.state.lock();
        Ok(state.logs.values().flat_map(|log| log.journal.values()).map(|batch| batch.rows.len() as u64).sum())
    }
}

fn entry((key, value): (&DirectoryKey, &(u64, String))) -> DirectoryEntry {
    let ((kind, organization, id), (version, document)) = (key.clone(), value.clone());
    DirectoryEntry { kind, organization, id, version, document }
}
