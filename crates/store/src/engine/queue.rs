//! What waits for the committer: bounded in bytes and in requests, taken in the order in which it came.

use std::collections::VecDeque;
use std::time::Duration;

use actarium_core::row::EncodedRows;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::append::{AppendError, Appended, DirectoryChange, DuplicateScope, IdempotencyKey, NewOrganization};
use crate::organization::OrganizationId;

/// What refused requests are told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the committer sleeps when everything that waits is held back.
const HELD_PAUSE: Duration = Duration::from_millis(20);
/// What a request costs beyond its rows.
const REQUEST_OVERHEAD_BYTES: u64 = 512;

/// Events of one organization within a request.
pub(crate) struct Part {
    pub organization: OrganizationId,
    pub rows: EncodedRows,
    pub duplicates: DuplicateScope,
}

/// What is recorded whole or not at all.
pub(crate) struct Request {
    pub parts: Vec<Part>,
    pub idempotency_key: Option<IdempotencyKey>,
    pub organizations: Vec<NewOrganization>,
    pub directory: Vec<DirectoryChange>,
    pub reply: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
    /// When it came, by [`crate::Clock::elapsed`].
    pub came_at: Duration,
}

impl Request {
    /// Bytes of its rows.
    pub fn row_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.rows.byte_len() as u64).sum()
    }

    fn bytes(&self) -> u64 {
        let directory: usize =
            self.directory.iter().map(|change| change.document.as_ref().map_or(0, String::len)).sum();
        self.row_bytes() + directory as u64 + REQUEST_OVERHEAD_BYTES
    }
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: u64,
    closed: bool,
}

/// The queue.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    bytes_max: u64,
    requests_max: usize,
}

impl Queue {
    pub fn new(bytes_max: u64, requests_max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), bytes_max, requests_max }
    }

    /// Puts a request at the end, or says why not.
    pub fn push(&self, request: Request) -> Result<(), AppendError> {
        let bytes = request.bytes();
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(AppendError::Closed);
        }
        let full = waiting.bytes + bytes > self.bytes_max || waiting.requests.len() >= self.requests_max;
        if full && !waiting.requests.is_empty() {
            return Err(AppendError::Overloaded { retry_after: RETRY_AFTER });
        }
        waiting.bytes += bytes;
        waiting.requests.push_back(request);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for requests and takes them in order until their rows pass `bytes_max`, leaving those that are held back.
    /// Second, those that were held back longer than `hold_max`. `None` when the queue is closed and empty.
    pub fn take(
        &self,
        bytes_max: u64,
        held_back: impl Fn(&Request) -> bool,
        elapsed: impl Fn() -> Duration,
        hold_max: Duration,
    ) -> Option<(Vec<Request>, Vec<Request>)> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.requests.is_empty() {
                if waiting.closed {
                    return None;
                }
                self.changed.wait(&mut waiting);
                continue;
            }
            let (mut taken, mut expired, mut bytes) = (Vec::new(), Vec::new(), 0u64);
            let closed = waiting.closed;
            let mut rest = VecDeque::new();
            while let Some(request) = waiting.requests.pop_front() {
                let row_bytes = request.row_bytes();
                // When closing nobody seals any more, so nothing is held back.
                if !closed && held_back(&request) {
                    let late = elapsed().saturating_sub(request.came_at) > hold_max;
                    if late { expired.push(request) } else { rest.push_back(request) }
                } else if bytes + row_bytes > bytes_max && !taken.is_empty() {
                    waiting.requests.push_front(request);
                    break;
                } else {
                    bytes += row_bytes;
                    taken.push(request);
                }
            }
            // What was held back came before what was not looked at.
            while let Some(request) = rest.pop_back() {
                waiting.requests.push_front(request);
            }
            if taken.is_empty() && expired.is_empty() {
                self.changed.wait_for(&mut waiting, HELD_PAUSE);
                continue;
            }
            waiting.bytes = waiting.requests.iter().map(Request::bytes).sum();
            return Some((taken, expired));
        }
    }

    /// Takes nothing more; what waits is still to be taken.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes it and gives back what waits.
    pub fn abandon(&self) -> Vec<Request> {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        waiting.bytes = 0;
        waiting.requests.drain(..).collect()
    }

    /// Requests and bytes that wait now.
    pub fn waiting(&self) -> (u64, u64) {
        let waiting = self.waiting.lock();
        (waiting.requests.len() as u64, waiting.bytes)
    }
}
