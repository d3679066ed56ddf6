//! Making kept exports: one of an organization at a time, the one that waits longest first, with what its owner saw when they
//! asked for it. What a stop of the service broke off is begun again.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use actarium_core::filter::Filter;
use actarium_core::row::Micros;
use actarium_query::{QueryError, Stop, TimeRange};
use actarium_store::{Organization, OrganizationId};
use actarium_verify::ManifestQuery;

use super::Running;
use super::events::EventsExport;
use super::keeping::{Keeper, Written};
use super::pieces::Pieces;
use super::proof::{ProofExport, proves, range_of};
use super::tidying::{remove_partial, tidy};
use crate::access::Standing;
use crate::app::App;
use crate::directory::kept_export::{ExportState, Format, KeptExport};
use crate::directory::{Edit, change};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::{Criteria, snapshot};

/// What became of an export.
enum Ended {
    /// It is there, with so many events.
    Whole(u64, Written),
    /// It was not made, and will not be.
    Failed(String),
    /// It was told to end.
    Stopped,
}

/// Makes what was asked for and takes away what is over, until it is aborted.
pub async fn keep_up(app: Arc<App>) {
    loop {
        if let Err(problem) = tidy(&app).await {
            tracing::error!(detail = &*problem.detail, "kept exports could not be tidied; it is tried again");
        }
        if let Err(problem) = begin_due(&app).await {
            tracing::error!(detail = &*problem.detail, "a kept export could not be begun; it is tried again");
        }
        tokio::select! {
            () = app.exports.asked.notified() => {}
            () = tokio::time::sleep(limits::KEPT_EXPORTS_TIDIED_EVERY) => {}
        }
    }
}

/// Ends what is being made, for the service is to stop, and waits for it.
pub async fn stop(app: &App) {
    app.exports.running.lock().values().for_each(|running| running.stop.cancel());
    let ended = async {
        while !app.exports.running.lock().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(limits::SHUTDOWN_TIME_MAX, ended).await.is_err() {
        tracing::warn!("a kept export did not end before the stop; it is begun again with the next start");
    }
}

/// Begins what waits, as far as there is room.
async fn begin_due(app: &Arc<App>) -> Result<(), Problem> {
    let _no_file_is_taken_away_meanwhile = app.exports.upkeep.lock().await;
    loop {
        if app.stopping.is_cancelled() || app.exports.running.lock().len() >= limits::KEPT_EXPORTS_AT_ONCE_MAX {
            return Ok(());
        }
        let Some((organization, id)) = next_due(app) else { return Ok(()) };
        let job = Job::new(app, organization, id);
        if let Some((export, bytes_max)) = begun(app, job.organization.id, &job.id).await? {
            tokio::spawn(make(job, export, bytes_max));
        }
    }
}

/// One that is being made, and is listed so until this is dropped.
struct Job {
    app: Arc<App>,
    organization: Arc<Organization>,
    id: String,
    running: Arc<Running>,
}

impl Job {
    fn new(app: &Arc<App>, organization: Arc<Organization>, id: String) -> Self {
        let running = Arc::new(Running {
            stop: Stop::after(limits::EXPORT_TIME_MAX),
            again: AtomicBool::new(false),
            total: AtomicU64::new(0),
            looked_at: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            began: app.clock.elapsed(),
        });
        app.exports.running.lock().insert((organization.id, id.clone()), running.clone());
        Self { app: app.clone(), organization, id, running }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.app.exports.running.lock().remove(&(self.organization.id, self.id.clone()));
        self.app.exports.begin();
    }
}

/// What waits longest, of the organizations of which none is being made.
fn next_due(app: &App) -> Option<(Arc<Organization>, String)> {
    let busy: Vec<OrganizationId> = app.exports.running.lock().keys().map(|(organization, _)| *organization).collect();
    let mut due: Vec<(Micros, Arc<Organization>, String)> = Vec::new();
    for organization in app.engine.organizations() {
        if busy.contains(&organization.id) {
            continue;
        }
        app.directory.read(|state| {
            let waiting = state.kept_exports(organization.id).iter().filter(|export| export.state.is_due());
            let first = waiting.min_by_key(|export| (export.created_at, export.id.clone()));
            due.extend(first.map(|export| (export.created_at, organization.clone(), export.id.clone())));
        });
    }
    let (_, organization, id) = due.into_iter().min_by_key(|(at, _, id)| (*at, id.clone()))?;
    Some((organization, id))
}

/// Writes down that one is begun. The export with the most bytes that it may have; none if it is not to be made any more.
async fn begun(app: &Arc<App>, organization: OrganizationId, id: &str) -> Result<Option<(KeptExport, u64)>, Problem> {
    let (id, now) = (id.to_owned(), app.clock.now());
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        let exports = state.kept_exports(organization);
        let Some(before) = exports.get(&id).filter(|export| export.state.is_due()) else { return Ok((edit, None)) };
        let starts = match before.state {
            ExportState::Running { starts } => starts,
            _ => 0,
        };
        let may_start = starts < limits::KEPT_EXPORT_STARTS_MAX;
        let next = if may_start {
            ExportState::Running { starts: starts + 1 }
        } else {
            ExportState::Failed { at: now, detail: format!("the service ended {starts} times while it was made") }
        };
        let export = KeptExport { state: next, ..before.document.clone() };
        edit.put(Some(organization), &id, Some(before), &export)?;
        let left = limits::KEPT_EXPORTS_BYTES_MAX.saturating_sub(exports.bytes());
        Ok((edit, may_start.then(|| (export, left.min(limits::KEPT_EXPORT_BYTES_MAX)))))
    })
    .await
}

async fn make(job: Job, export: KeptExport, bytes_max: u64) {
    let job = Arc::new(job);
    let writing = {
        let job = job.clone();
        tokio::task::spawn_blocking(move || {
            let ended = write(&job, &export, bytes_max);
            if !matches!(ended, Ended::Whole(..)) {
                remove_partial(&job.app, job.organization.id, &job.id);
            }
            ended
        })
    };
    let ended = writing.await.unwrap_or_else(|_| Ended::Failed("a fault of the server".to_owned()));
    if let Err(problem) = write_down(&job, ended).await {
        let (slug, detail) = (&job.organization.slug, &*problem.detail);
        tracing::error!(organization = %slug, export = job.id, detail, "how a kept export ended could not be written down; it is begun again");
    }
}

/// Writes the file. Blocks.
fn write(job: &Job, export: &KeptExport, bytes_max: u64) -> Ended {
    let path = job.app.exports.path(job.organization.id, &job.id);
    let mut keeper = match Keeper::new(path, bytes_max, &job.running) {
        Ok(keeper) => keeper,
        Err(error) => return Ended::Failed(format!("its file cannot be made: {error}")),
    };
    let mut pieces = Pieces::new(&mut keeper);
    let result = fill(job, export, &mut pieces);
    let (events, gone) = (pieces.events, pieces.gone);
    if let Some(failure) = keeper.failure() {
        return Ended::Failed(failure);
    }
    match result {
        Err(problem) if problem.kind == Kind::RequestTimeout => Ended::Stopped,
        Err(problem) => Ended::Failed(problem.detail.to_string()),
        Ok(()) if gone => match job.running.stop.check() {
            Err(QueryError::TooSlow) => Ended::Failed("it took too long; narrow its search".to_owned()),
            _ => Ended::Stopped,
        },
        Ok(()) => match keeper.finish() {
            Ok(written) => Ended::Whole(events, written),
            Err(error) => Ended::Failed(format!("its file cannot be written: {error}")),
        },
    }
}

fn fill(job: &Job, export: &KeptExport, pieces: &mut Pieces<'_>) -> Result<(), Problem> {
    let (organization, running) = (job.organization.clone(), &job.running);
    let snapshot = snapshot(&job.app.engine, &organization)?;
    let filter = Filter::parse(export.q.as_deref().unwrap_or_default())
        .map_err(|error| Problem::new(Kind::Internal, format!("its search phrase cannot be read any more: {error}")))?;
    if export.format == Format::Proof {
        let query = ManifestQuery { phrase: filter.to_string(), from: export.from, to: export.to };
        let proves = proves(&filter, &query, export.complete);
        let range = range_of(&snapshot, (None, Some(export.size)))?;
        running.total.store(range.end - range.start, Relaxed);
        let (app, anchors) = (job.app.clone(), Vec::new());
        return ProofExport { app, organization, snapshot, range, filter, query, proves, anchors }.write(pieces);
    }
    running.total.store(export.counted.unwrap_or(0), Relaxed);
    let range = TimeRange { from: export.from.unwrap_or(Micros::MIN), to: export.to.unwrap_or(Micros::MAX) };
    let (scope, criteria) = (export.scope(), Criteria { range, filter });
    let (end_seq, as_csv) = (export.size, export.format == Format::Csv);
    EventsExport { organization, scope, criteria, snapshot, end_seq, as_csv }.write(pieces, &running.stop)
}

/// Writes down what became of an export, if it is still asked for.
async fn write_down(job: &Job, ended: Ended) -> Result<(), Problem> {
    let (app, organization, id, now) = (&job.app, job.organization.id, job.id.clone(), job.app.clock.now());
    let next = match ended {
        // Whatever it has was read before something of it went.
        _ if job.running.again.load(Relaxed) => ExportState::Waiting,
        Ended::Stopped => ExportState::Waiting,
        Ended::Failed(detail) => ExportState::Failed { at: now, detail },
        Ended::Whole(events, Written { bytes, oldest_recorded_at }) => {
            app.metrics.exported_events.fetch_add(events, Relaxed);
            ExportState::Done { at: now, events, bytes, oldest_recorded_at }
        }
    };
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        if let Some(before) = state.kept_exports(organization).get(&id) {
            let export = KeptExport { state: next, ..before.document.clone() };
            edit.put(Some(organization), &id, Some(before), &export)?;
        }
        Ok((edit, ()))
    })
    .await
}
