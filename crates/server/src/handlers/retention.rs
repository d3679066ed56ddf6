//! `/v1/orgs/{org}/retention`: how long records are kept, and what that does. A change and its record are one commit.

use actarium_core::time;
use actarium_store::{Hold, Share, TierPlan};
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::Right;
use crate::answers::json_answer;
use crate::directory::governance::{RETENTION_ID, RetentionDays, RetentionPolicy};
use crate::directory::{Edit, State, change};
use crate::dispatch::Call;
use crate::failures::read_problem;
use crate::form::{Form, Holds};
use crate::problem::{Kind, Problem};
use crate::retention::{self, Progress, as_hold, choose, cuts};

fn policy_of(call: &Call, state: &State) -> Result<RetentionPolicy, Problem> {
    let chosen = state.governance(call.organization()?.id).policy().map(|kept| &kept.document);
    Ok(call.app.retention.options.policy_at(chosen, call.app.clock.now()))
}

fn days(days: RetentionDays) -> Value {
    json!({"hot_days": days.hot_days, "archive_days": days.archive_days})
}

fn shown(call: &Call, policy: &RetentionPolicy) -> Result<Value, Problem> {
    let pending = policy.pending.map(|pending| {
        let effective_at = time::to_text(pending.effective_at);
        json!({"hot_days": pending.days.hot_days, "archive_days": pending.days.archive_days, "effective_at": effective_at})
    });
    // How many events there are is for who sees all of the log.
    let sees_all = call.holds.organization.holds(Right::AuditLogsView);
    let running = call.app.retention.progress(call.organization()?.id).filter(|_| sees_all).map(progress);
    Ok(json!({
        "hot_days": policy.days.hot_days,
        "archive_days": policy.days.archive_days,
        "locked": policy.locked,
        "pending": pending,
        "minimum": days(call.app.retention.options.days_min),
        "running": running,
    }))
}

fn progress(progress: Progress) -> Value {
    json!({"archived": progress.archived, "purged": progress.purged, "held": progress.held})
}

/// Shows how long records are kept.
///
/// # Errors
/// None that are the client's.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let policy = call.app.directory.read(|state| policy_of(call, state))?;
    json_answer(&shown(call, &policy)?)
}

/// Chooses how long records are kept.
///
/// # Errors
/// 422 for less than the operator's minimum, or less than before where the policy is locked.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let fields = [("hot_days", Holds::Number), ("archive_days", Holds::Number), ("locked", Holds::Flag)];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let hot_days = form.needed_number("hot_days", 0..=i64::from(retention::RETENTION_DAYS_MAX));
    let archive_days = form.needed_number("archive_days", 0..=i64::from(retention::RETENTION_DAYS_MAX));
    let locked = form.flag("locked");
    form.finish()?;
    let wanted = RetentionDays { hot_days: hot_days as u32, archive_days: archive_days as u32 };
    let app = call.app.clone();
    let (policy, call) = change(&app, call.standing(), move |state| {
        let (now, options) = (call.app.clock.now(), call.app.retention.options);
        let mut edit = Edit::default();
        let before = policy_of(&call, state)?;
        let locked = locked.unwrap_or(before.locked);
        let after = choose(&options, &before, wanted, locked, now).map_err(|(field, allowed)| {
            Problem::new(Kind::InvalidContent, "the retention is against the rules").with_error(field, &allowed)
        })?;
        if after == before {
            return Ok((edit, (after, call)));
        }
        let kept = state.governance(organization.id).policy();
        edit.put(Some(organization.id), RETENTION_ID, kept.map(AsRef::as_ref), &after)?;
        let target = json!({"type": "retention_policy", "id": organization.slug});
        // What was asked for is what changes, be it now or in thirty days.
        let asked_before = before.pending.map_or(before.days, |pending| pending.days);
        let record = call
            .record("retention.update", target)
            .changing("/hot_days", asked_before.hot_days, wanted.hot_days)
            .changing("/archive_days", asked_before.archive_days, wanted.archive_days)
            .changing("/locked", before.locked, after.locked)
            .with("effective_at", time::to_text(after.pending.map_or(now, |pending| pending.effective_at)));
        edit.record(organization.id, record);
        Ok((edit, (after, call)))
    })
    .await?;
    json_answer(&shown(&call, &policy)?)
}

/// Shows what the retention has done with the log and would do now, without doing it.
///
/// # Errors
/// If the log cannot be read.
pub async fn plan(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let policy = call.app.directory.read(|state| policy_of(call, state))?;
    let (engine, id) = (call.app.engine.clone(), organization.id);
    let cuts = cuts(policy.days, call.app.clock.now());
    let holds: Vec<Hold> =
        call.app.directory.read(|state| state.governance(id).holds().map(|hold| as_hold(hold)).collect());
    let count = holds.len();
    let planning = tokio::task::spawn_blocking(move || {
        let mut plan = engine.tier_plan(id, &cuts)?;
        let due = plan.to_purge.events;
        if due > 0 && !holds.is_empty() {
            // What is held is not due, however old it is.
            plan.to_purge.events = due.saturating_sub(engine.tier_held(id, plan.purge_end, &holds)?);
            plan.to_purge.bytes =
                (u128::from(plan.to_purge.bytes) * u128::from(plan.to_purge.events) / u128::from(due)) as u64;
            plan.to_purge.segments *= u64::from(plan.to_purge.events > 0);
        }
        Ok(plan)
    });
    let planned = planning.await.map_err(|_| Problem::new(Kind::Internal, "the plan could not be made"))?;
    let TierPlan { hot, archived, purged, to_archive, to_purge, .. } = planned.map_err(read_problem)?;
    let share = |share: Share| json!({"events": share.events, "segments": share.segments, "bytes": share.bytes});
    json_answer(&json!({
        "archive_before": time::to_text(cuts.archive_before),
        "purge_before": time::to_text(cuts.purge_before),
        "hot": share(hot),
        "archived": share(archived),
        "purged": share(purged),
        "to_archive": share(to_archive),
        "to_purge": share(to_purge),
        "legal_holds": count,
    }))
}

/// Carries the retention out now, of one organization or of all.
///
/// # Errors
/// 404 for an unknown organization, 503 if something failed; what was done stays done.
pub async fn run(call: &Call) -> Result<Response, Problem> {
    let organizations = match call.parameters.one("organization") {
        None => call.app.engine.organizations(),
        Some(slug) => {
            let found = call.app.engine.organization(slug);
            vec![found.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no organization `{slug}`")))?]
        }
    };
    // Who has it carried out now says that the clock is right.
    retention::confirm_clock(&call.app).await?;
    let mut total = Progress::default();
    for organization in organizations {
        let done = retention::run(&call.app, &organization).await?;
        total.archived += done.archived;
        total.purged += done.purged;
        total.held += done.held;
    }
    json_answer(&progress(total))
}
