//! `/v1/orgs/{org}/legal-holds`: what is kept whatever the retention says. A change and its record are one commit.

use actarium_core::log_records::HOLD_ID_KEY;
use actarium_core::row::Micros;
use actarium_core::time;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answers::{created, json_answer, no_content};
use crate::directory::governance::LegalHold;
use crate::directory::{Edit, Kept, change};
use crate::dispatch::Call;
use crate::form::{Form, readable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::retention::filter_of;

fn shown(hold: &Kept<LegalHold>) -> Value {
    json!({
        "id": hold.id,
        "reason": hold.reason,
        "q": hold.q,
        "actor": hold.actor,
        "target": hold.target,
        "from": hold.from.map(time::to_text),
        "to": hold.to.map(time::to_text),
        "placed_at": time::to_text(hold.placed_at),
        "placed_by": hold.placed_by,
    })
}

/// Says in a record which hold it is of, and what that holds.
fn described(record: OwnRecord, id: &str, hold: &LegalHold) -> OwnRecord {
    let mut record = record.with(HOLD_ID_KEY, id);
    for (key, text) in [("q", &hold.q), ("actor", &hold.actor), ("target", &hold.target)] {
        if let Some(text) = text {
            record = record.with_whole(key, text);
        }
    }
    for (key, at) in [("from", hold.from), ("to", hold.to)] {
        if let Some(at) = at {
            record = record.with(key, time::to_text(at));
        }
    }
    record
}

/// Places a legal hold. What it holds when the answer is given stays.
///
/// # Errors
/// 422 for criteria that cannot be read, 409 when the organization has as many as it may have.
pub async fn place(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["reason", "q", "actor", "target", "from", "to"])?;
    let reason = form.needed("reason", |reason| readable(reason, limits::GOVERNANCE_REASON_CHARS_MAX));
    let criterion = |text: &str| readable(text, limits::HOLD_CRITERION_CHARS_MAX);
    let (q, actor, target) =
        (form.optional("q", criterion), form.optional("actor", criterion), form.optional("target", criterion));
    let now = call.app.clock.now();
    let (from, to) = (moment(&mut form, "from", now), moment(&mut form, "to", now));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        form.refuse("/to", "must lie after `from`");
    }
    let placed_by = call.caller.actor();
    let hold = LegalHold { reason: reason.clone(), q, actor, target, from, to, placed_at: now, placed_by };
    if let Err(error) = filter_of(&hold) {
        let name = if error.parameter.is_empty() { "q" } else { &error.parameter };
        form.refuse(&format!("/{name}"), &error.error.to_string());
    }
    form.finish()?;
    let (id, app) = (call.new_id("hold"), call.app.clone());
    // No step of a purge that does not know of the hold runs on behind the answer.
    let _no_step_meanwhile = app.retention.step.lock().await;
    let shown = change(&app, call.standing(), move |state| {
        let mut edit = Edit::default();
        if state.governance(organization.id).holds().len() >= limits::LEGAL_HOLDS_MAX {
            let detail = format!("the organization has {} legal holds, the most it may have", limits::LEGAL_HOLDS_MAX);
            return Err(Problem::new(Kind::Conflict, detail));
        }
        edit.put(Some(organization.id), &id, None, &hold)?;
        let mut record = call.record("legal_hold.place", json!({"type": "legal_hold", "id": id}));
        record = described(record, &id, &hold);
        record.reason = Some(reason);
        edit.record(organization.id, record);
        Ok((edit, shown(&Kept { id, version: 1, document: hold })))
    })
    .await?;
    created(&shown)
}

fn moment(form: &mut Form, field: &str, now: Micros) -> Option<Micros> {
    let text = form.optional(field, |text| match time::parse_search_time(text, now) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("must be a time: {error}")),
    })?;
    time::parse_search_time(&text, now).ok()
}

/// Lists the legal holds.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let id = call.organization()?.id;
    let holds: Vec<Value> =
        call.app.directory.read(|state| state.governance(id).holds().map(|hold| shown(hold)).collect());
    json_answer(&json!({ "legal_holds": holds }))
}

/// Releases a legal hold: what it held goes with the next run of the retention, if it is due.
///
/// # Errors
/// 400 without a reason, 404 for a hold that is not there.
pub async fn release(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let reason = call.parameters.one("reason").unwrap_or_default().to_owned();
    readable(&reason, limits::GOVERNANCE_REASON_CHARS_MAX)
        .map_err(|allowed| crate::parameters::invalid("reason", &allowed))?;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let mut edit = Edit::default();
        let hold = state.governance(organization.id).hold(&call.id);
        let hold = hold.ok_or_else(|| Problem::new(Kind::NotFound, "there is no such legal hold"))?;
        edit.delete::<LegalHold>(Some(organization.id), &hold.id, hold.version);
        let target = json!({"type": "legal_hold", "id": hold.id});
        let mut record = described(call.record("legal_hold.release", target), &hold.id, hold);
        record.reason = Some(reason);
        edit.record(organization.id, record);
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
