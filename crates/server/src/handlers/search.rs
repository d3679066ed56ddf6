//! `GET /v1/orgs/{org}/events` and `…/events/{id}`: pages of events, and single ones.

use std::sync::Arc;

use actarium_core::filter::Scope;
use actarium_core::id::EventId;
use actarium_query::{Cursor, CursorKey, Order, Page, Search};
use actarium_store::Organization;
use axum::response::Response;
use serde_json::json;

use crate::access::{Denied, Reason, Right};
use crate::answers::{bytes_answer, text_answer};
use crate::denials::{Requested, record_denial};
use crate::dispatch::Call;
use crate::handlers::proof::prove;
use crate::limits;
use crate::parameters::invalid;
use crate::problem::{Kind, Problem};
use crate::queries::{
    criteria, criteria_of_later_page, holds_shown, query_problem, reaches_archive, remember_search, run, search_record,
    snapshot,
};
use crate::recorder::OwnRecord;
use crate::routes::JSON;

/// Finds a page of events. The first page of a search is recorded, with how many it held; pages behind it belong to the
/// same search, which only a cursor that was given to the same caller can say.
///
/// # Errors
/// See the route table.
pub async fn search(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let app = &call.app;
    let cursor_key = CursorKey::new(&app.cursor_secret, &call.caller.sender());
    let cursor = call.parameters.one("cursor").map(|text| Cursor::parse(text, &cursor_key)).transpose();
    let cursor = cursor.map_err(|error| invalid("cursor", &error.to_string()))?;
    let now = app.clock.now();
    let criteria = match &cursor {
        None => criteria(&call.parameters, now)?,
        Some(cursor) => criteria_of_later_page(&call.parameters, now, cursor.range)?,
    };
    let limit = call.parameters.integer("limit").map_or(limits::PAGE_EVENTS_DEFAULT, |limit| limit as usize);
    let order = if call.parameters.one("order") == Some("asc") { Order::Ascending } else { Order::Descending };
    let begun = match cursor {
        None => {
            let record = search_record(call, &organization, &criteria.filter, "audit_log.search");
            let begun = app.recorder.begin(organization.id, record)?;
            // Counts of the same search that come while this runs belong to it already.
            remember_search(call, &organization, &criteria.filter);
            Some(begun)
        }
        Some(_) => None,
    };
    let holds = holds_shown(call, &call.holds, &organization);
    let search = Search { range: criteria.range, filter: criteria.filter, order, limit, cursor, cursor_key, holds };
    let (engine, of, scope) = (app.engine.clone(), organization.clone(), call.scope.clone());
    let (page, archive) = run(&app.turns.lookups, organization.id, limits::QUERY_TIME_MAX, move |stop| {
        let snapshot = snapshot(&engine, &of)?;
        let page = actarium_query::search(&snapshot, &scope, &search, stop).map_err(query_problem)?;
        Ok((page, reaches_archive(&snapshot, search.range)))
    })
    .await?;
    if let Some(begun) = begun {
        begun.answered(page.count)?;
    }
    Ok(bytes_answer(JSON, render(&page, archive)))
}

/// `{"events": […], "next_cursor": …|null, "as_of": {…}, "archive": …}`.
fn render(page: &Page, archive: bool) -> Vec<u8> {
    let tail = json!({"next_cursor": page.next_cursor, "as_of": page.as_of, "archive": archive}).to_string();
    let mut out = Vec::with_capacity(page.events_json.len() + tail.len() + 16);
    out.extend_from_slice(b"{\"events\":[");
    out.extend_from_slice(&page.events_json);
    out.extend_from_slice(b"],");
    // The rest of the object follows without its opening brace.
    out.extend_from_slice(&tail.as_bytes()[1..]);
    out
}

/// What there is under an event's id.
enum Found {
    /// Nothing.
    Nothing,
    /// An event that the caller does not see.
    Elsewhere,
    /// The event, and its proof if one is wanted.
    Event(Vec<u8>, Option<String>),
}

/// Puts on record that somebody asked for an event that is there and that they do not see. They are answered as for one that is
/// not there, and before it is recorded: neither the answer nor its time tells.
fn record_probe(call: &Call) {
    let detail = "the event is of none of the projects whose events the caller sees";
    let problem = Problem::new(Kind::NotFound, detail);
    let denied = Denied { problem, caller: call.caller.clone(), reason: Reason::NotHeld };
    let (app, route, context) = (call.app.clone(), call.route, call.context.clone());
    let slug = call.organization().ok().map(|organization| organization.slug.clone());
    // As the log writes it, however it was typed.
    let id = call.id.to_ascii_lowercase();
    tokio::spawn(async move {
        let requested = Requested { route, context: &context, slug: slug.as_deref(), id: &id, member: "" };
        record_denial(&app, requested, &denied);
    });
}

/// What there is under an id, for the caller.
async fn look_up(
    call: &Call,
    organization: &Arc<Organization>,
    id: EventId,
    wants_proof: bool,
) -> Result<Found, Problem> {
    let (engine, of, scope) = (call.app.engine.clone(), organization.clone(), call.scope.clone());
    let holds = holds_shown(call, &call.holds, organization);
    // The check bits fit one in four million others: the id that the event shows has to be the one asked for.
    let shown = format!("{{\"id\":\"{id}\",");
    run(&call.app.turns.lookups, organization.id, limits::QUERY_TIME_MAX, move |_| {
        let snapshot = snapshot(&engine, &of)?;
        let get = |scope: &Scope| {
            let json = actarium_query::get(&snapshot, scope, id.seq(), &holds).map_err(query_problem)?;
            Ok::<_, Problem>(json.filter(|json| json.starts_with(shown.as_bytes())))
        };
        // For who sees only a part, both for every id: how long the answer takes does not tell which it is.
        let is_there = !matches!(scope, Scope::Everything) && get(&Scope::Everything)?.is_some();
        let Some(json) = get(&scope)? else { return Ok(if is_there { Found::Elsewhere } else { Found::Nothing }) };
        Ok(Found::Event(json, if wants_proof { Some(prove(&engine, &snapshot, id.seq())?) } else { None }))
    })
    .await
}

/// Gives one event, and records that it was looked at; for who may not see it, that it was asked for.
///
/// # Errors
/// 400 for what is no event's id, 404 for an event that is not there or that the caller does not see.
pub async fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let not_found = || Problem::new(Kind::NotFound, "the organization has no such event");
    if !is_uuid(&call.id) {
        return Err(Problem::new(
            Kind::InvalidParameter,
            "the path's `id` is not a UUID as given when an event was recorded",
        ));
    }
    // A UUID that no event here can have.
    let id: EventId = call.id.to_ascii_lowercase().parse().map_err(|_| not_found())?;
    if !id.check(&organization.id.0) {
        return Err(not_found());
    }
    let wants_proof = call.parameters.one("proof") == Some("true");
    if wants_proof && !call.holds.organization.holds(Right::AuditLogsVerify) {
        let right = Right::AuditLogsVerify.name();
        return Err(Problem::new(
            Kind::Forbidden,
            format!("for a proof `{right}` is needed, in the whole organization"),
        ));
    }
    let found = look_up(call, &organization, id, wants_proof).await?;
    let (json, proof) = match found {
        Found::Event(json, proof) => (json, proof),
        Found::Elsewhere => {
            record_probe(call);
            return Err(not_found());
        }
        Found::Nothing => return Err(not_found()),
    };
    let target = json!({"type": "record", "id": id.to_string()});
    let mut record = OwnRecord::of_request("audit_log.view", &call.caller, &call.context, target).with("seq", id.seq());
    if wants_proof {
        record = record.with("proof", true);
    }
    call.app.recorder.note(organization.id, &record)?;
    Ok(match proof {
        Some(proof) => text_answer(proof),
        None => bytes_answer(JSON, json),
    })
}

/// Whether a text is 32 hexadecimal digits in the groups of a UUID.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
