//! Carrying approved removals out: at once when one was approved, and again after every start until nothing is left of it.
//! What is to go was recorded with the approval; each step is whole or did not happen, and what was done once is passed
//! over the next time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::erasure::{ErasableParts, ranges_from_text};
use actarium_store::{Erasure, Hold, Organization, OrganizationId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Naming, Tells, names_one_of};
use crate::access::Standing;
use crate::app::App;
use crate::directory::removal::{Removal, RemovalPlan, RemovalState};
use crate::directory::saved_search::SavedSearch;
use crate::directory::{Edit, Kept, State, change};
use crate::exports;
use crate::failures::blocking;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::retention::as_hold;
use crate::serve::service_actor;

/// What the store is asked to do here, in the words of what is told when it cannot.
const DOING: &str = "carrying out a removal";
/// How often what could not be finished is tried again.
const EVERY: Duration = Duration::from_secs(60);
/// How often within one try the folder is wiped while somebody is still reading what goes.
const WIPES_MAX: u32 = 30;
/// Pause between them.
const WIPE_PAUSE: Duration = Duration::from_secs(1);

/// What is known of the work of this run of the service.
#[derive(Debug, Default)]
pub struct Work {
    approved: Notify,
    progress: Mutex<BTreeMap<(OrganizationId, String), Progress>>,
}

/// How far a removal has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events that have lost their parts.
    pub done: u64,
    /// Events that a hold keeps which was placed after the approval.
    pub held: u64,
}

impl Work {
    /// Says that one was approved.
    pub fn begin(&self) {
        self.approved.notify_one();
    }

    /// How far one has come, if it is being carried out.
    pub fn progress(&self, organization: OrganizationId, id: &str) -> Option<Progress> {
        self.progress.lock().get(&(organization, id.to_owned())).copied()
    }
}

/// Carries out what is due, until it is aborted.
pub async fn keep_up(app: Arc<App>) {
    loop {
        for organization in app.engine.organizations() {
            for removal in due(&app, organization.id) {
                if let Err(problem) = carry_out(&app, &organization, &removal).await {
                    let detail = &*problem.detail;
                    tracing::error!(organization = %organization.slug, removal = removal.id, detail, "a removal was not finished; it is tried again");
                }
                app.removals.progress.lock().remove(&(organization.id, removal.id.clone()));
            }
        }
        tokio::select! {
            () = app.removals.approved.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

fn due(app: &App, organization: OrganizationId) -> Vec<Arc<Kept<Removal>>> {
    app.directory
        .read(|state| state.removals(organization).iter().filter(|removal| removal.state.is_due()).cloned().collect())
}

async fn carry_out(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    removal: &Arc<Kept<Removal>>,
) -> Result<(), Problem> {
    let (id, of) = (organization.id, removal.id.clone());
    app.removals.progress.lock().insert((id, of.clone()), Progress::default());
    if removal.state == RemovalState::Approved {
        let erasure = app.directory.read(|state| erasure_of(state, id, &of))?;
        let progress = remove_parts(app, organization, &of, &erasure).await?;
        remove_copies(app, organization, removal, &erasure).await?;
        forget_names(app, id, &of, progress).await?;
    }
    wipe(app).await?;
    finish(app, id, &of).await
}

/// What a removal removes, by its plans.
fn erasure_of(state: &State, organization: OrganizationId, id: &str) -> Result<Erasure, Problem> {
    let mut erasure = Erasure::new();
    for plan in state.removals(organization).plans_of(id) {
        let (parts, ranges) = (ErasableParts::from_text(&plan.parts), ranges_from_text(&plan.ranges));
        let (Ok(parts), Some(ranges)) = (parts, ranges) else {
            return Err(Problem::new(Kind::Internal, format!("the plan {} cannot be read", plan.id)));
        };
        erasure.add(parts, ranges);
    }
    Ok(erasure)
}

async fn remove_parts(
    app: &Arc<App>,
    organization: &Organization,
    removal: &str,
    erasure: &Erasure,
) -> Result<Progress, Problem> {
    let (id, mut from_seq, mut progress) = (organization.id, 0, Progress::default());
    loop {
        let step = {
            let _no_hold_is_placed_meanwhile = app.retention.step.lock().await;
            let holds: Vec<Hold> =
                app.directory.read(|state| state.governance(id).holds().map(|hold| as_hold(hold)).collect());
            let erasure = erasure.clone();
            blocking(app, DOING, move |app| app.engine.erase_step(id, &erasure, &holds, from_seq)).await?
        };
        let Some(step) = step else { return Ok(progress) };
        from_seq = step.end_seq;
        progress.done += step.erased + step.already;
        progress.held += step.held;
        app.removals.progress.lock().insert((id, removal.to_owned()), progress);
    }
}

/// Removes what lies outside of the log and tells of what goes: the one place for it. Saved searches that name the person
/// are deleted, and kept exports that hold events which `erasure` has parts of; whatever else comes to keep copies of events
/// removes them here.
async fn remove_copies(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    removal: &Arc<Kept<Removal>>,
    erasure: &Erasure,
) -> Result<(), Problem> {
    exports::remove_copies(app, organization, removal, erasure).await?;
    let (id, removal) = (organization.id, removal.clone());
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        for search in saved_searches_naming(state, id, removal.names.iter()) {
            edit.delete::<SavedSearch>(Some(id), &search.id, search.version);
            let target = json!({"type": "saved_search", "id": search.id});
            let record = OwnRecord::new("audit_log.search.delete", service_actor(), target);
            edit.record(id, record.with("removal", removal.id.as_str()));
        }
        Ok((edit, ()))
    })
    .await
}

/// The saved searches whose name has one of the names in it, or whose phrase names who has them.
pub fn saved_searches_naming<'s>(
    state: &'s State,
    organization: OrganizationId,
    names: impl Iterator<Item = &'s String> + Clone + 's,
) -> impl Iterator<Item = &'s Arc<Kept<SavedSearch>>> {
    let naming = Naming::of(names.clone());
    state.saved_searches(organization).iter().filter(move |search| {
        let texts = [Some(&search.name), search.q.as_ref()];
        let is_named = texts.into_iter().flatten().any(|text| names_one_of(text, names.clone()));
        is_named || search.q.as_ref().is_some_and(|q| naming.told_by(q) == Tells::Names)
    })
}

/// Forgets whose it was, once it is done everywhere.
async fn forget_names(
    app: &Arc<App>,
    organization: OrganizationId,
    id: &str,
    progress: Progress,
) -> Result<(), Problem> {
    let id = id.to_owned();
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        let Some(before) = by_id(state, organization, &id) else { return Ok((edit, ())) };
        let mut removal = nameless(&before.document);
        (removal.state, removal.removed, removal.kept_by_holds) = (RemovalState::Wiping, progress.done, progress.held);
        edit.put(Some(organization), &id, Some(before), &removal)?;
        for plan in state.removals(organization).plans_of(&id) {
            edit.delete::<RemovalPlan>(Some(organization), &plan.id, plan.version);
        }
        Ok((edit, ()))
    })
    .await
}

fn by_id<'s>(state: &'s State, organization: OrganizationId, id: &str) -> Option<&'s Kept<Removal>> {
    state.removals(organization).iter().find(|removal| removal.id == id).map(AsRef::as_ref)
}

/// A removal without the names of people.
pub fn nameless(removal: &Removal) -> Removal {
    let asked_by = &removal.asked_by;
    let (names, approvers, acting) = (Vec::new(), Vec::new(), Vec::new());
    Removal { subject: None, names, approvers, acting, asked_by: type_and_id(asked_by), ..removal.clone() }
}

/// Type and id of an actor.
pub fn type_and_id(actor: &Value) -> Value {
    json!({"type": actor["type"], "id": actor["id"]})
}

/// Overwrites what the folder still has, once nobody reads it any more.
async fn wipe(app: &Arc<App>) -> Result<(), Problem> {
    for _ in 0..WIPES_MAX {
        if blocking(app, DOING, |app| app.engine.wipe()).await? {
            return Ok(());
        }
        tokio::time::sleep(WIPE_PAUSE).await;
    }
    Err(Problem::new(Kind::Unavailable, "somebody is still reading what is to go"))
}

async fn finish(app: &Arc<App>, organization: OrganizationId, id: &str) -> Result<(), Problem> {
    let (id, now) = (id.to_owned(), app.clock.now());
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        if let Some(before) = by_id(state, organization, &id) {
            let done = Removal { state: RemovalState::Done, finished_at: Some(now), ..before.document.clone() };
            edit.put(Some(organization), &id, Some(before), &done)?;
        }
        Ok((edit, ()))
    })
    .await
}
