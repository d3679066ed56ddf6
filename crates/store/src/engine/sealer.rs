//! The sealing threads: which log is next, what to do when it fails, when to merge. How a seal is done is in `seal`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actarium_core::row::Micros;
use parking_lot::Mutex;

use super::SealReport;
use super::log::Log;
use super::options::SealPolicy;
use super::seal::{SealError, Sealing};
use super::shared::Shared;
use super::stats::Counters;
use crate::backend::ManifestEntry;
use crate::organization::OrganizationId;
use crate::segment::Tier;

/// How often a sealer looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a sealer looks while a pause in writing grows to that after which little is sealed too.
const PAUSE_STEPS: u32 = 5;
/// How much the sealing threads give way: who waits for an acknowledgement goes first, and a quarter of a processor's
/// time is theirs all the same when both want it.
const NICENESS: i32 = 5;
/// First pause after a failed seal of a log; doubled with each further one.
const BACK_OFF_MILLIS: u64 = 1_000;
/// Longest pause after failed seals.
const BACK_OFF_MILLIS_MAX: u64 = 300_000;

/// What the sealing threads agree on.
#[derive(Default)]
pub(crate) struct Schedule {
    state: Mutex<ScheduleState>,
}

#[derive(Default)]
struct ScheduleState {
    /// Logs that a thread is working on.
    busy: HashSet<OrganizationId>,
    /// Logs whose last seal failed: not before when, and how many times.
    failed: HashMap<OrganizationId, (u64, u32)>,
}

/// What is to be done with a log.
enum Job {
    Seal(Arc<Log>),
    Merge(Arc<Log>, Vec<u64>),
}

impl Job {
    fn log(&self) -> &Arc<Log> {
        match self {
            Job::Seal(log) | Job::Merge(log, _) => log,
        }
    }
}

/// Bytes of an encoded row as it is usual, or more; larger rows count as several.
const USUAL_ROW_BYTES: u64 = 1_024;

/// Works until the engine stops.
pub(crate) fn run(shared: &Arc<Shared>, schedule: &Schedule) {
    // Of this thread alone, on Linux.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "sealing goes on with the priority of everything else");
    }
    let mut sealing = Sealing::new(shared.clone());
    while !shared.stopping() {
        let Some(job) = next_job(shared, schedule) else {
            let mut wanted = shared.seal_signal.wanted.lock();
            if !*wanted && !shared.stopping() {
                shared.seal_signal.changed.wait_for(&mut wanted, time_to_look(shared));
            }
            *wanted = false;
            continue;
        };
        let id = job.log().organization.id;
        let result = match &job {
            Job::Seal(log) => sealing.seal(log),
            Job::Merge(log, first_seqs) => sealing.merge(log, first_seqs),
        };
        let mut state = schedule.state.lock();
        state.busy.remove(&id);
        match result {
            Ok(_) => {
                state.failed.remove(&id);
                shared.last_seal_millis.store(shared.elapsed_millis(), Ordering::Relaxed);
            }
            Err(SealError::Stopping) => return,
            Err(error) => {
                let (_, times) = state.failed.get(&id).copied().unwrap_or_default();
                let pause = (BACK_OFF_MILLIS << times.min(16)).min(BACK_OFF_MILLIS_MAX);
                state.failed.insert(id, (shared.elapsed_millis() + pause, times + 1));
                drop(state);
                note_failure(shared, job.log(), &error);
            }
        }
    }
}

/// How long until there may be something to do: while a pause in writing grows, less and less is too little to be sealed.
fn time_to_look(shared: &Shared) -> Duration {
    let settle = shared.policy.settle;
    if shared.since(&shared.last_write_millis) < settle {
        (settle / PAUSE_STEPS).max(Duration::from_millis(1)).min(LOOK_EVERY)
    } else {
        LOOK_EVERY
    }
}

fn note_failure(shared: &Shared, log: &Log, error: &SealError) {
    tracing::error!(organization = %log.organization.slug, %error, "seal failed; the rows stay in the journal");
    Counters::add(&shared.counters.seal_failures, 1);
    *shared.counters.last_seal_failure.lock() = Some(format!("{}: {error}", log.organization.slug));
}

/// Picks what is most pressing and marks its log as busy.
fn next_job(shared: &Shared, schedule: &Schedule) -> Option<Job> {
    let (now, now_millis) = (shared.clock.now(), shared.elapsed_millis());
    let settled_rows = settled_rows(&shared.policy, shared.since(&shared.last_write_millis));
    let mut state = schedule.state.lock();
    let free = |log: &Arc<Log>, state: &ScheduleState| {
        let id = log.organization.id;
        !state.busy.contains(&id) && state.failed.get(&id).is_none_or(|(not_before, _)| *not_before <= now_millis)
    };
    let logs: Vec<Arc<Log>> = shared.logs.read().by_id.values().cloned().collect();
    let mut best: Option<(u64, &Arc<Log>)> = None;
    for log in &logs {
        if !free(log, &state) {
            continue;
        }
        let urgency = urgency(&shared.policy, log, now, settled_rows);
        if urgency > best.map_or(0, |(most, _)| most) {
            best = Some((urgency, log));
        }
    }
    let job = match best {
        Some((_, log)) => Some(Job::Seal(log.clone())),
        None => logs.iter().filter(|log| free(log, &state)).find_map(|log| merge_job(&shared.policy, log)),
    };
    if let Some(job) = &job {
        state.busy.insert(job.log().organization.id);
    }
    job
}

/// How many rows of a log are sealed after a pause in writing: what is left by the end of it is worth a segment of its own, and the
/// more it is, the sooner.
fn settled_rows(policy: &SealPolicy, quiet: Duration) -> u64 {
    if quiet >= policy.settle {
        return policy.small_rows;
    }
    if quiet < policy.settle / PAUSE_STEPS {
        return u64::MAX;
    }
    (policy.small_rows as f64 * policy.settle.div_duration_f64(quiet)) as u64
}

/// Bytes to be sealed of a log that is due; 0 if it is not.
fn urgency(policy: &SealPolicy, log: &Log, now: Micros, settled_rows: u64) -> u64 {
    let state = log.state.lock();
    let (rows, bytes) = (state.unsealed_rows(), state.unsealed_bytes.max(1));
    if rows == 0 || state.damaged.is_some() {
        return 0;
    }
    let age = state.oldest_unsealed.map_or(0, |oldest| now.saturating_sub(oldest));
    let older = |limit: Duration| age > limit.as_micros() as Micros;
    // Few rows that are large are no small matter either: they are read from the journal, and held, as a whole.
    let weight = rows.max(bytes / USUAL_ROW_BYTES);
    let due = policy.is_full(rows, bytes)
        || weight >= settled_rows
        || (weight >= policy.small_rows && older(policy.age))
        || older(policy.small_age);
    if due { bytes } else { 0 }
}

fn merge_job(policy: &SealPolicy, log: &Arc<Log>) -> Option<Job> {
    if !log.look_for_merges.swap(false, Ordering::Relaxed) {
        return None;
    }
    let first_seqs = {
        let state = log.state.lock();
        if state.damaged.is_some() {
            return None;
        }
        mergeable(policy, &state.manifest, policy.merge_segments_min)?
    };
    // There may be more once this one is done.
    log.look_for_merges.store(true, Ordering::Relaxed);
    Some(Job::Merge(log.clone(), first_seqs))
}

/// The first run of adjacent small segments worth merging: enough of them, or enough rows for half a segment.
pub(crate) fn mergeable(policy: &SealPolicy, manifest: &[ManifestEntry], segments_min: usize) -> Option<Vec<u64>> {
    let mut run: Vec<u64> = Vec::new();
    let mut rows = 0;
    let mut began = None;
    let span_max = policy.merge_span_max.as_micros() as Micros;
    let enough =
        |run: &[u64], rows: u64| run.len() >= 2 && (run.len() >= segments_min || rows >= policy.target_rows / 2);
    for entry in manifest {
        let summary = &entry.summary;
        let small = summary.tier != Tier::Purged && summary.rows < policy.target_rows / 4;
        // Segments of one tier, and of about a month: a segment moves on piece by piece, each time it is cut.
        let fits = began.is_none_or(|(tier, at)| tier == summary.tier && summary.recorded.1 - at <= span_max);
        if small && fits && rows + entry.summary.rows <= policy.target_rows {
            began = began.or(Some((summary.tier, summary.recorded.0)));
            run.push(entry.summary.first_seq);
            rows += entry.summary.rows;
            continue;
        }
        if enough(&run, rows) {
            return Some(run);
        }
        run.clear();
        rows = 0;
        began = None;
        if small {
            began = Some((summary.tier, summary.recorded.0));
            run.push(entry.summary.first_seq);
            rows = entry.summary.rows;
        }
    }
    enough(&run, rows).then_some(run)
}

/// Seals everything unsealed of these logs, then merges what is small, on as many threads as the policy says.
pub(crate) fn seal_all(shared: &Arc<Shared>, logs: &[Arc<Log>]) -> SealReport {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(SealReport::default());
    let work = || {
        let mut sealing = Sealing::new(shared.clone());
        let mut report = SealReport::default();
        while let Some(log) = logs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = seal_log(shared, &mut sealing, log, &mut report) {
                note_failure(shared, log, &error);
                report.failures.push((log.organization.slug.clone(), error.to_string()));
            }
        }
        let mut total = total.lock();
        total.segments += report.segments;
        total.rows += report.rows;
        total.merges += report.merges;
        total.failures.extend(report.failures);
    };
    std::thread::scope(|scope| {
        for _ in 1..shared.policy.threads.min(logs.len()) {
            scope.spawn(work);
        }
        work();
    });
    total.into_inner()
}

fn seal_log(shared: &Shared, sealing: &mut Sealing, log: &Log, report: &mut SealReport) -> Result<(), SealError> {
    // What is written meanwhile is left for the next time.
    let end = log.state.lock().head.size;
    while log.state.lock().sealed_end < end {
        match sealing.seal(log)? {
            0 => break,
            rows => {
                report.segments += 1;
                report.rows += rows;
            }
        }
    }
    loop {
        let first_seqs = mergeable(&shared.policy, &log.state.lock().manifest, 2);
        match first_seqs {
            Some(first_seqs) if sealing.merge(log, &first_seqs)? > 0 => report.merges += 1,
            _ => return Ok(()),
        }
    }
}
