//! What one commit is going to be, before it is made: requests are looked at one after the other, repeats recognised,
//! new rows put in their places. Nothing is visible or durable until the committer says so.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use actarium_core::row::{EncodedRows, Micros};
use sha2::{Digest, Sha256};

use super::append::{Appended, IdempotencyKey, Recorded};
use super::log::Log;
use super::queue::{Part, Request};
use crate::backend::{DirectoryChange, IdempotencyRecord, RecordedRun};
use crate::organization::{Organization, OrganizationId};

/// What is added to one log.
pub(crate) struct StagedLog {
    pub log: Arc<Log>,
    /// Size of the log before.
    pub base: u64,
    /// When the new rows are recorded.
    pub recorded_at: Micros,
    pub rows: EncodedRows,
}

impl StagedLog {
    /// Sequence number of the next new row.
    pub fn next_seq(&self) -> u64 {
        self.base + self.rows.len() as u64
    }
}

/// A request that will have been recorded with this commit.
pub(crate) struct Accepted {
    pub request: Request,
    /// Per part: whose log, and where each event is.
    pub answers: Vec<(OrganizationId, Vec<Recorded>)>,
}

/// Everything that one commit takes up.
#[derive(Default)]
pub(crate) struct Staged {
    pub logs: BTreeMap<OrganizationId, StagedLog>,
    pub new_organizations: Vec<(Organization, Arc<Log>)>,
    pub directory: Vec<DirectoryChange>,
    pub directory_keys: HashSet<(String, Option<OrganizationId>, String)>,
    pub idempotency: HashMap<(OrganizationId, [u8; 32]), IdempotencyRecord>,
    pub accepted: Vec<Accepted>,
    /// Requests that depend on one of this commit and so come in the next.
    pub deferred: Vec<Request>,
}

impl Staged {
    /// Whether there is nothing to make durable.
    pub fn is_empty(&self) -> bool {
        self.logs.values().all(|log| log.rows.is_empty())
            && self.new_organizations.is_empty()
            && self.directory.is_empty()
            && self.idempotency.is_empty()
    }

    /// Whether a request changes something that another one of this commit changes.
    pub fn collides(&self, request: &Request) -> bool {
        let directory = request.directory.iter().any(|change| self.directory_keys.contains(&key_of(change)));
        let organizations = request
            .organizations
            .iter()
            .any(|new| self.new_organizations.iter().any(|(staged, _)| staged.slug == new.slug || staged.id == new.id));
        directory || organizations
    }

    /// Notes the directory changes of a request.
    pub fn stage_directory(&mut self, request: &Request) {
        self.directory_keys.extend(request.directory.iter().map(key_of));
        self.directory.extend(request.directory.iter().cloned());
    }
}

fn key_of(change: &DirectoryChange) -> (String, Option<OrganizationId>, String) {
    (change.kind.clone(), change.organization, change.id.clone())
}

/// Digest under which an idempotency key is stored.
pub(crate) fn idempotency_digest(key: &IdempotencyKey) -> [u8; 32] {
    let scope_length = (key.scope.len() as u64).to_be_bytes();
    Sha256::new().chain_update(scope_length).chain_update(&key.scope).chain_update(&key.key).finalize().into()
}

/// What a request with a key recorded, to be stored.
pub(crate) fn idempotency_record(
    organization: OrganizationId,
    key: &IdempotencyKey,
    events: &[Recorded],
    recorded_at: Micros,
) -> IdempotencyRecord {
    let mut runs: Vec<RecordedRun> = Vec::new();
    for event in events {
        match runs.last_mut() {
            Some(run) if run.first_seq + run.count == event.seq && run.recorded_at == event.recorded_at => {
                run.count += 1
            }
            _ => runs.push(RecordedRun { first_seq: event.seq, count: 1, recorded_at: event.recorded_at }),
        }
    }
    IdempotencyRecord { organization, digest: idempotency_digest(key), body: key.body, runs, recorded_at }
}

/// The events of a request that was sent again.
pub(crate) fn repeated(record: &IdempotencyRecord) -> Vec<Recorded> {
    let events = record.runs.iter().flat_map(|run| {
        let seqs = run.first_seq..run.first_seq + run.count;
        seqs.map(|seq| Recorded { seq, recorded_at: run.recorded_at, duplicate: true })
    });
    events.collect()
}

/// What is to happen with each event of a part.
pub(crate) enum Resolution {
    /// All are new.
    AllNew,
    /// Where each is: `Ok` for one that is recorded already, `Err` with the number of the new row within the part.
    Mixed(Vec<Result<Recorded, usize>>),
}

impl StagedLog {
    /// Adds what is new of a part, giving the place of each event.
    pub fn apply(&mut self, part: &Part, resolution: &Resolution) -> Vec<Recorded> {
        let (first, recorded_at) = (self.next_seq(), self.recorded_at);
        let new = |number: usize| Recorded { seq: first + number as u64, recorded_at, duplicate: false };
        match resolution {
            Resolution::AllNew => {
                self.rows.append(&part.rows);
                (0..part.rows.len()).map(new).collect()
            }
            Resolution::Mixed(places) => {
                let mut seen = 0;
                let mut events = Vec::with_capacity(places.len());
                for (index, place) in places.iter().enumerate() {
                    match *place {
                        Ok(recorded) => events.push(recorded),
                        Err(number) if number == seen => {
                            self.rows.append_range(&part.rows, index..index + 1);
                            seen += 1;
                            events.push(new(number));
                        }
                        // The event repeats one of the same batch.
                        Err(number) => events.push(Recorded { duplicate: true, ..new(number) }),
                    }
                }
                events
            }
        }
    }
}

/// The answer to an accepted request for one of its parts.
pub(crate) fn answer(log: &Log, events: Vec<Recorded>) -> Appended {
    let head = log.state.lock().head;
    Appended { events, size: head.size, root: head.root, recorded_at: head.recorded_at }
}
