//! Carrying retention out: every hour, or when the operator says so, for each organization in small steps. What was begun
//! is noted before the first step and recorded after the last, in one commit with the note's removal, so that a stop in
//! between neither loses a record nor makes two. That a purge begins is on record before it does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_store::{Hold, Organization, OrganizationId, TierEnds, TierPlan, TierStep};
use parking_lot::Mutex;
use serde_json::json;

use super::{RetentionOptions, as_hold, clock, cuts};
use crate::access::Standing;
use crate::app::App;
use crate::directory::governance::{RETENTION_ID, RetentionRun};
use crate::directory::{Edit, change};
use crate::exports;
use crate::failures::blocking;
use crate::problem::Problem;
use crate::recorder::{OwnRecord, audit_log};
use crate::serve::service_actor;

/// What the store is asked to do here, in the words of what is told when it cannot.
const DOING: &str = "carrying out the retention";
/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// What is known of the work of this run of the service.
#[derive(Debug, Default)]
pub struct Work {
    /// The operator's bounds.
    pub options: RetentionOptions,
    /// When the newest record from before this start was recorded.
    pub recorded_before: Option<Micros>,
    /// Whether nothing is archived or purged because the clock is not believed.
    pub waits_for_clock: AtomicBool,
    /// Held for one step, and while a legal hold is placed: what is held when the answer is given stays.
    pub step: tokio::sync::Mutex<()>,
    /// Held while an organization's retention is carried out.
    turn: tokio::sync::Mutex<()>,
    /// Events moved and purged of the organizations that are being worked on.
    progress: Mutex<BTreeMap<OrganizationId, Progress>>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events that went to the archive.
    pub archived: u64,
    /// Events that were purged.
    pub purged: u64,
    /// Events that were due and are held, with their neighbours.
    pub held: u64,
}

impl Work {
    /// Work within these bounds, of a service whose newest record is of this time.
    pub fn new(options: RetentionOptions, recorded_before: Option<Micros>) -> Self {
        Self { options, recorded_before, ..Self::default() }
    }

    /// How far an organization's retention has come, if it is being carried out.
    pub fn progress(&self, organization: OrganizationId) -> Option<Progress> {
        self.progress.lock().get(&organization).copied()
    }

    fn count(&self, organization: OrganizationId, step: &TierStep) {
        let mut progress = self.progress.lock();
        let progress = progress.entry(organization).or_default();
        progress.archived += step.archived;
        progress.purged += step.purged;
        progress.held += step.held;
    }
}

/// Looks every hour, until it is aborted.
pub async fn keep_up(app: Arc<App>) {
    loop {
        let believed = clock::look(&app).await.unwrap_or_else(|problem| {
            let detail = &*problem.detail;
            tracing::error!(
                detail,
                "what the clock says could not be noted, and retention is not carried out; it is tried again"
            );
            false
        });
        for organization in app.engine.organizations().into_iter().filter(|_| believed) {
            if let Err(problem) = run(&app, &organization).await {
                let detail = &*problem.detail;
                tracing::error!(organization = %organization.slug, detail, "retention was not carried out; it is tried again");
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Does for one organization what is due now. What was done.
///
/// # Errors
/// 503 if something failed; what was done stays done, and the next run goes on.
pub async fn run(app: &Arc<App>, organization: &Arc<Organization>) -> Result<Progress, Problem> {
    let _turn = app.retention.turn.lock().await;
    let id = organization.id;
    let days = app.directory.read(|state| {
        let chosen = state.governance(id).policy().map(|kept| kept.document.clone());
        app.retention.options.policy_at(chosen.as_ref(), app.clock.now()).days
    });
    let cuts = cuts(days, app.clock.now());
    let plan =
        blocking(app, DOING, move |app| app.engine.tier_plan(id, &cuts).map_err(|error| error.to_string())).await?;
    let begun = app.directory.read(|state| state.governance(id).run().is_some());
    if !begun && plan.to_archive.events == 0 && plan.to_purge.events == 0 {
        return Ok(Progress::default());
    }
    app.retention.progress.lock().insert(id, Progress::default());
    let result = carry_out(app, organization, cuts, &plan).await;
    let progress = app.retention.progress.lock().remove(&id).unwrap_or_default();
    result.map(|()| progress)
}

async fn carry_out(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    cuts: actarium_store::TierCuts,
    plan: &TierPlan,
) -> Result<(), Problem> {
    let id = organization.id;
    begin(app, id, plan).await?;
    let mut ends: TierEnds = blocking(app, DOING, move |app| app.engine.tier_ends(id, &cuts)).await?;
    let (mut from_seq, mut purged) = (0, 0);
    loop {
        let step = {
            let _no_hold_is_placed_meanwhile = app.retention.step.lock().await;
            let holds: Vec<Hold> =
                app.directory.read(|state| state.governance(id).holds().map(|hold| as_hold(hold)).collect());
            blocking(app, DOING, move |app| app.engine.tier_step(id, ends, &holds, from_seq)).await?
        };
        let Some(step) = step else { break };
        if !step.is_done {
            record_begin(app, organization, plan, cuts).await?;
            ends.purges = true;
            continue;
        }
        from_seq = step.end_seq;
        purged += step.purged;
        app.retention.count(id, &step);
    }
    if purged > 0 {
        exports::tidy(app).await?;
        // What is still being read goes with the next look of the store's own upkeep.
        blocking(app, DOING, |app| app.engine.wipe()).await?;
    }
    let after =
        blocking(app, DOING, move |app| app.engine.tier_plan(id, &cuts).map_err(|error| error.to_string())).await?;
    end(app, organization, &after, cuts).await
}

/// Notes what is to be recorded at the end, unless a run that was interrupted has noted it.
async fn begin(app: &Arc<App>, organization: OrganizationId, plan: &TierPlan) -> Result<(), Problem> {
    let (plan, started_at) = (*plan, app.clock.now());
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        if state.governance(organization).run().is_none() {
            let run = RetentionRun {
                started_at,
                archived_before: plan.archived.events,
                purged_before: plan.purged.events,
                over_at_hand: plan.to_purge_hot_events,
            };
            edit.put(Some(organization), RETENTION_ID, None, &run)?;
        }
        Ok((edit, ()))
    })
    .await
}

/// Puts on record that a purge begins, before anything goes: a verifier takes nothing for purged that no record reaches.
async fn record_begin(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    plan: &TierPlan,
    cuts: actarium_store::TierCuts,
) -> Result<(), Problem> {
    let (id, slug, events) = (organization.id, organization.slug.clone(), plan.to_purge.events);
    change(app, Standing::of_the_service(), move |_| {
        let mut edit = Edit::default();
        let begins = work_record("record.purge", &slug, events, cuts.purge_before);
        edit.record(id, begins.unsuccessful("unknown", "the purge begins; another record tells how it ended"));
        Ok((edit, ()))
    })
    .await
}

/// Records what was done and takes the note away.
async fn end(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    after: &TierPlan,
    cuts: actarium_store::TierCuts,
) -> Result<(), Problem> {
    let (id, slug, after) = (organization.id, organization.slug.clone(), *after);
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        let Some(run) = state.governance(id).run() else { return Ok((edit, ())) };
        edit.delete::<RetentionRun>(Some(id), RETENTION_ID, run.version);
        let record = |action, events, before| work_record(action, &slug, events, before);
        let purged = after.purged.events.saturating_sub(run.purged_before);
        // What has left the events at hand, without what went from there at once.
        let left =
            (after.archived.events + after.purged.events).saturating_sub(run.archived_before + run.purged_before);
        let archived = left.saturating_sub(run.over_at_hand.min(purged));
        if archived > 0 {
            edit.record(id, record("record.archive", archived, cuts.archive_before));
        }
        if purged > 0 {
            edit.record(id, record("record.purge", purged, cuts.purge_before));
        }
        Ok((edit, ()))
    })
    .await
}

fn work_record(action: &'static str, slug: &str, events: u64, before: Micros) -> OwnRecord {
    OwnRecord::new(action, service_actor(), audit_log(slug))
        .with("records", json!(events))
        .with("before", actarium_core::time::to_text(before))
}
