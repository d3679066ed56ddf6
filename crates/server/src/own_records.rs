//! Writing Actarium's own records: those of one log in their order, one commit after the other. A log that takes nothing, because
//! it is ahead of the clock, say, keeps what goes into it waiting here and nobody else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actarium_core::row::EncodedRows;
use actarium_store::{Append, AppendError, Appended, Engine, OrganizationId};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::metrics::Metrics;

/// Waits between attempts to write what could not be written; the last one is repeated while the service runs.
const RETRY_WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(5)];
/// Bytes of rows from which on further ones go into another commit.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// What comes to the writer.
pub enum Message {
    /// A record of an organization's log.
    Record(OrganizationId, EncodedRows),
    /// Let go of the sender once what came before is written or given up, of one organization's log or of all.
    Flush(Option<OrganizationId>, Arc<oneshot::Sender<()>>),
}

/// How the records of one log stand.
#[derive(Default)]
struct Standing {
    waiting: usize,
    /// Whether its log did not take them.
    is_held: bool,
    lost: u64,
}

/// How the records of all logs stand, for those who note more of them.
#[derive(Default)]
pub struct Standings(Mutex<BTreeMap<OrganizationId, Standing>>);

impl Standings {
    /// Whether a log takes none at present, and as many wait for it as may wait.
    pub fn is_full(&self, organization: OrganizationId) -> bool {
        let all = self.0.lock();
        let Some(standing) = all.get(&organization).filter(|standing| standing.is_held) else { return false };
        let held = || all.values().filter(|standing| standing.is_held).map(|standing| standing.waiting).sum::<usize>();
        standing.waiting >= limits::OWN_RECORDS_HELD_MAX || held() >= limits::OWN_RECORDS_WAITING_MAX
    }

    /// How many records of a log were given up.
    pub fn lost(&self, organization: OrganizationId) -> u64 {
        self.0.lock().get(&organization).map_or(0, |standing| standing.lost)
    }

    fn change(&self, organization: OrganizationId, change: impl FnOnce(&mut Standing)) {
        change(self.0.lock().entry(organization).or_default());
    }
}

/// The records of one log that wait.
#[derive(Default)]
struct Waiting {
    /// In their order; the first of them may be on its way.
    batches: VecDeque<EncodedRows>,
    on_its_way: bool,
    /// Attempts in a row that came to nothing.
    failures: usize,
    retry_at: Option<Instant>,
    noted: u64,
    settled: u64,
    /// Who waits, and until how many are settled.
    flushes: Vec<(u64, Arc<oneshot::Sender<()>>)>,
}

impl Waiting {
    fn add(&mut self, rows: &EncodedRows) {
        self.noted += rows.len() as u64;
        let may_grow = self.batches.len() > usize::from(self.on_its_way);
        match self.batches.back_mut().filter(|batch| may_grow && batch.byte_len() < BATCH_BYTES_MAX) {
            Some(batch) => batch.append(rows),
            None => self.batches.push_back(rows.clone()),
        }
    }

    /// Takes away the first batch, which was written or is given up: how many records it has.
    fn settle(&mut self) -> u64 {
        let count = self.batches.pop_front().map_or(0, |batch| batch.len() as u64);
        (self.on_its_way, self.failures, self.retry_at) = (false, 0, None);
        self.settled += count;
        count
    }
}

/// What became of an attempt.
struct Tried {
    organization: OrganizationId,
    /// Whether the service was ending when it began.
    is_last: bool,
    result: Result<Appended, AppendError>,
}

/// Writes own records.
pub struct Writer {
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    standings: Arc<Standings>,
    ending: CancellationToken,
    logs: BTreeMap<OrganizationId, Waiting>,
    /// When what was gathered goes out.
    gathered_at: Option<Instant>,
    on_their_way: JoinSet<Tried>,
}

impl Writer {
    /// One that has nothing to write yet.
    pub fn new(
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
        standings: Arc<Standings>,
        ending: CancellationToken,
    ) -> Self {
        let (logs, on_their_way) = (BTreeMap::new(), JoinSet::new());
        Self { engine, metrics, standings, ending, logs, gathered_at: None, on_their_way }
    }

    /// Writes until nobody is left who notes anything, and nothing to write.
    pub async fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let (ending, mut is_open, mut is_ending) = (self.ending.clone(), true, false);
        while is_open || !self.logs.is_empty() {
            let wake = self.next_wake();
            let waking = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now));
            tokio::select! {
                message = receiver.recv(), if is_open && self.takes_more() => match message {
                    Some(message) => self.take(message),
                    None => is_open = false,
                },
                Some(tried) = self.on_their_way.join_next(), if !self.on_their_way.is_empty() => match tried {
                    Ok(tried) => self.came_back(tried),
                    Err(error) => {
                        tracing::error!(%error, "own records cannot be written any more, so that nothing is read");
                        return;
                    }
                },
                () = waking, if wake.is_some() => self.send_due(),
                () = ending.cancelled(), if !is_ending => {
                    is_ending = true;
                    self.hurry();
                }
            }
        }
    }

    /// Whether what waits without its log having refused it leaves room for more.
    fn takes_more(&self) -> bool {
        let waiting = |log: &Waiting| if log.failures == 0 { log.noted - log.settled } else { 0 };
        self.logs.values().map(waiting).sum::<u64>() < limits::OWN_RECORDS_WAITING_MAX as u64
    }

    fn next_wake(&self) -> Option<Instant> {
        let retries = self.logs.values().filter_map(|log| log.retry_at);
        retries.chain(self.gathered_at).min()
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Record(organization, rows) => {
                self.standings.change(organization, |standing| standing.waiting += rows.len());
                self.logs.entry(organization).or_default().add(&rows);
                self.gathered_at.get_or_insert_with(|| Instant::now() + limits::OWN_RECORDS_GATHERING_TIME);
            }
            Message::Flush(of, done) => {
                let logs = self.logs.iter_mut().filter(|(organization, _)| of.is_none_or(|of| of == **organization));
                logs.for_each(|(_, log)| log.flushes.push((log.noted, done.clone())));
                self.gathered_at = Some(Instant::now());
                self.send_due();
            }
        }
    }

    /// Sends the first batch of each log that is due, all at once, so that they share a commit.
    fn send_due(&mut self) {
        let now = Instant::now();
        let gathered = self.gathered_at.take_if(|at| *at <= now).is_some();
        for (organization, log) in &mut self.logs {
            let is_due = log.retry_at.map_or(gathered, |at| at <= now);
            let Some(rows) = log.batches.front().filter(|_| is_due && !log.on_its_way) else { continue };
            let appending = self.engine.append(Append::new(*organization, rows.clone()));
            (log.on_its_way, log.retry_at) = (true, None);
            let (organization, is_last) = (*organization, self.ending.is_cancelled());
            self.on_their_way.spawn(async move { Tried { organization, is_last, result: appending.await } });
        }
    }

    /// Has what its log did not take tried at once.
    fn hurry(&mut self) {
        self.logs.values_mut().filter_map(|log| log.retry_at.as_mut()).for_each(|at| *at = Instant::now());
    }

    fn came_back(&mut self, tried: Tried) {
        let Tried { organization, is_last, result } = tried;
        let Some(log) = self.logs.get_mut(&organization) else { return };
        log.on_its_way = false;
        let helps = match &result {
            Err(AppendError::Full | AppendError::ClockBehind { .. }) => !is_last,
            Err(AppendError::Overloaded { .. } | AppendError::Unavailable { .. }) => true,
            _ => false,
        };
        if helps {
            // Of what is tried to the last, the waits go on.
            let at_once = self.ending.is_cancelled() && !is_last;
            let wait = if at_once { Duration::ZERO } else { RETRY_WAITS[log.failures.min(RETRY_WAITS.len() - 1)] };
            log.failures += 1;
            log.retry_at = Some(Instant::now() + wait);
            self.standings.change(organization, |standing| standing.is_held = true);
            return;
        }
        let count = log.settle();
        // Before anybody is let go: who waits looks whether something was lost.
        self.account(organization, count, result.err());
        self.go_on(organization);
    }

    /// Lets go who waited for what is settled, and sees to what has been gathered meanwhile.
    fn go_on(&mut self, organization: OrganizationId) {
        let Some(log) = self.logs.get_mut(&organization) else { return };
        let settled = log.settled;
        log.flushes.retain(|(until, _)| *until > settled);
        if log.batches.is_empty() {
            self.logs.remove(&organization);
            return;
        }
        let gathering = if log.flushes.is_empty() { limits::OWN_RECORDS_GATHERING_TIME } else { Duration::ZERO };
        let at = Instant::now() + gathering;
        self.gathered_at = Some(self.gathered_at.map_or(at, |before| before.min(at)));
    }

    /// Counts records that were written, or lost by an error.
    fn account(&self, organization: OrganizationId, count: u64, error: Option<AppendError>) {
        let is_lost = error.is_some();
        self.standings.change(organization, |standing| {
            standing.waiting -= count as usize;
            standing.is_held = false;
            standing.lost += if is_lost { count } else { 0 };
        });
        let Some(error) = error else {
            self.metrics.own_records.fetch_add(count, Relaxed);
            return;
        };
        self.metrics.own_records_lost.fetch_add(count, Relaxed);
        let known = self.engine.organization_by_id(organization);
        let organization = known.map_or_else(|| organization.to_string(), |organization| organization.slug.clone());
        tracing::error!(organization, records = count, %error, "own records are lost");
    }
}
