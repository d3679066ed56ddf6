//! Watching the logs: segments, the journal and stored tiles are read again and proved, slowly and for ever, and what is found
//! damaged is on record. The store stops writes to a damaged log by itself; here it is told: in the operator's log, once for each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use parking_lot::Mutex;
use serde_json::json;

use crate::app::App;
use crate::recorder::{OwnRecord, audit_log};
use crate::serve::service_actor;

/// A pass over all segments of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// When it ended.
    pub finished_at: Micros,
    /// Segments that were read and proved.
    pub segments: u64,
    /// Events before this one were proved; those behind it are not in segments yet.
    pub end_seq: u64,
}

/// The last pass over each log, of this run of the service.
#[derive(Debug, Default)]
pub struct Passes(Mutex<BTreeMap<OrganizationId, Pass>>);

impl Passes {
    /// The last pass over a log; `None` before the first has ended.
    pub fn last(&self, organization: OrganizationId) -> Option<Pass> {
        self.0.lock().get(&organization).copied()
    }
}

/// Bytes of segments that are read again in a second, on average.
const BYTES_PER_SECOND: u64 = 4 << 20;
/// Time from the start to the first pass: who asks first waits for the disk and the processor as it is.
const BEFORE_FIRST_PASS: Duration = Duration::from_secs(2);
/// Time without writes and seals that the first pass waits for: what the journal had was proved at the start, and who brings much at once
/// needs the processor.
const QUIET_BEFORE_FIRST_PASS: Duration = Duration::from_secs(2);
/// How long the first pass waits for that at the most.
const FIRST_PASS_DELAY_MAX: Duration = Duration::from_secs(600);
/// Time from the end of one pass over all segments to the beginning of the next.
const BETWEEN_PASSES: Duration = Duration::from_secs(24 * 60 * 60);
/// How often it is looked which logs are damaged, whoever has found it.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Reads all segments again and again, until it is aborted.
pub async fn keep_up(app: Arc<App>) {
    // That the service has started is on record first: a log that is found damaged takes no more writes.
    app.recorder.flush(Some(app.operator_organization.id)).await;
    tokio::time::sleep(BEFORE_FIRST_PASS).await;
    let quiet = async {
        while app.engine.quiet_for() < QUIET_BEFORE_FIRST_PASS {
            tokio::time::sleep(QUIET_BEFORE_FIRST_PASS / 4).await;
        }
    };
    // Whether it came to rest or not, there is a first pass.
    let _ = tokio::time::timeout(FIRST_PASS_DELAY_MAX, quiet).await;
    loop {
        let (mut segments, mut logs_unread) = (0, 0);
        for organization in app.engine.organizations() {
            let (mut from_seq, mut of_log) = (0, 0);
            loop {
                let (engine, id) = (app.engine.clone(), organization.id);
                // After the last segment what is beside them.
                let read = move || match engine.scrub(id, from_seq)? {
                    None => engine.scrub_rest(id).map(|_| None),
                    scrubbed => Ok(scrubbed),
                };
                let scrubbed = tokio::task::spawn_blocking(read).await;
                match scrubbed {
                    Ok(Ok(Some(scrubbed))) => {
                        of_log += 1;
                        from_seq = scrubbed.end_seq;
                        let pause = Duration::from_secs_f64(scrubbed.bytes as f64 / BYTES_PER_SECOND as f64);
                        tokio::time::sleep(pause).await;
                    }
                    Ok(Ok(None)) => {
                        let finished_at = app.clock.now();
                        let pass = Pass { finished_at, segments: of_log, end_seq: from_seq };
                        app.scrubs.0.lock().insert(organization.id, pass);
                        break;
                    }
                    Ok(Err(detail)) => {
                        logs_unread += 1;
                        // What is damaged the store has told.
                        if !app.engine.damaged().iter().any(|(slug, _)| *slug == organization.slug) {
                            tracing::warn!(organization = %organization.slug, detail, "a log could not be read again");
                        }
                        break;
                    }
                    Err(_) => {
                        logs_unread += 1;
                        break;
                    }
                }
            }
            segments += of_log;
        }
        match logs_unread {
            0 => tracing::info!(segments, "all segments were read again"),
            _ => tracing::error!(segments, logs_unread, "segments were read again, of some logs not all"),
        }
        tokio::time::sleep(BETWEEN_PASSES).await;
    }
}

/// Records damage, and of which logs no checkpoint was kept at this start, until it is aborted.
pub async fn tell(app: Arc<App>) {
    let mut told = BTreeSet::new();
    loop {
        let damaged = app.engine.damaged().into_iter();
        let damaged =
            damaged.map(|(slug, detail)| (slug, "failure", format!("The log takes no more writes: {detail}")));
        let missed = app.engine.missed_checkpoints().into_iter();
        let missed =
            missed.map(|(slug, detail)| (slug, "unknown", format!("Whether the log is whole is undecided: {detail}")));
        for (slug, outcome, reason) in missed.chain(damaged) {
            if told.contains(&(slug.clone(), outcome)) {
                continue;
            }
            let record = OwnRecord::new("audit_log.verify", service_actor(), audit_log(&slug));
            let target = json!({"type": "organization", "id": slug});
            let record = record.unsuccessful(outcome, reason).on(target);
            match app.recorder.note(app.operator_organization.id, &record) {
                Ok(()) => drop(told.insert((slug, outcome))),
                Err(problem) => {
                    tracing::error!(detail = %problem.detail, "what is wrong with a log could not be recorded; it is tried again");
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
