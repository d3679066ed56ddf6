//! `/v1/orgs/{org}/exports`: exports that are made in the background and kept for a while.
//!
//! One is made as the person who asked for it, of what they saw then, and is theirs: besides them those see it who may export
//! the whole log. It is handed out to who sees at that moment all that may be in it, so rights that were taken away take it
//! along. Asking for one, having it and deleting it are recorded; asking and deleting in one commit with what they change.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use actarium_core::filter::{Filter, Scope};
use actarium_core::row::Micros;
use actarium_core::time;
use actarium_query::{TimeRange, count};
use actarium_store::{Organization, OrganizationId};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::answers::{bytes_answer, created, json_answer, no_content};
use crate::directory::kept_export::{ExportState, Format, KeptExport, KeptExports};
use crate::directory::{Edit, Kept, State, change};
use crate::dispatch::Call;
use crate::exports::{expires_at, is_over, target};
use crate::form::{Form, Holds};
use crate::handlers::export::{BrokenOff, LEFT, Piece, Stream, begun};
use crate::handlers::proof_export::may_have_proofs;
use crate::handlers::saved_searches::{OPERATOR, owner_of, phrase};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::{query_problem, run, snapshot};
use crate::recorder::{OwnRecord, audit_log};
use crate::routes::{CSV, NDJSON, ZSTD};

const FIELDS: [(&str, Holds); 5] = [
    ("format", Holds::Text),
    ("q", Holds::Text),
    ("from", Holds::Text),
    ("to", Holds::Text),
    ("complete", Holds::Flag),
];

/// Lists what the caller sees, newest first.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let exports: Vec<Value> = call.app.directory.read(|state| {
        let all = state.kept_exports(organization.id).iter();
        let mut seen: Vec<_> = all.filter(|export| is_seen(call, export)).collect();
        seen.sort_by_cached_key(|export| (std::cmp::Reverse(export.created_at), export.id.clone()));
        seen.into_iter().map(|export| shown(call, state, &organization, export)).collect()
    });
    json_answer(&json!({ "exports": exports }))
}

/// Shows one.
///
/// # Errors
/// 404 for one that the caller does not see.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let shown = call.app.directory.read(|state| {
        let export = seen(call, state, organization.id);
        export.map(|export| shown(call, state, &organization, &export))
    });
    json_answer(&shown?)
}

/// Asks for one.
///
/// # Errors
/// 422 for what a search could not be asked, 403 for proofs without their permissions, 409 for one more than there may be.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let mut export = asked_for(&call, &read.bytes)?;
    if export.format == Format::Proof {
        may_have_proofs(&call)?;
    }
    let (owner, of) = (export.owner.clone(), organization.id);
    call.app.directory.read(|state| is_there_room(state.kept_exports(of), &owner, call.app.clock.now()))?;
    (export.size, export.counted) = counted(&call, &organization, &export).await?;
    let (id, app) = (call.new_id("export"), call.app.clone());
    let shown = change(&app, call.standing(), move |state| {
        is_there_room(state.kept_exports(of), &owner, call.app.clock.now())?;
        let mut edit = Edit::default();
        edit.put(Some(of), &id, None, &export)?;
        edit.record(of, described(call.record("audit_log.export", audit_log(&organization.slug)), &id, &export));
        let kept = Kept { id, version: 1, document: export };
        let shown = shown(&call, state, &organization, &kept);
        Ok((edit, shown))
    })
    .await?;
    app.exports.begin();
    created(&shown)
}

/// Deletes one; if it is being made, that ends.
///
/// # Errors
/// 404 for one that the caller does not see.
pub async fn delete(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (app, id) = (call.app.clone(), call.id.clone());
    change(&app, call.standing(), move |state| {
        let export = seen(&call, state, organization)?;
        let mut edit = Edit::default();
        edit.delete::<KeptExport>(Some(organization), &export.id, export.version);
        let record = call.record("audit_log.export.delete", target(&export.id));
        edit.record(organization, record.with("owner", export.owner.as_str()).with("state", export.state.name()));
        Ok((edit, ()))
    })
    .await?;
    app.exports.end(organization, &id);
    app.exports.begin();
    Ok(no_content())
}

/// Writes that what somebody asked for who is no member any more is gone with the membership.
pub fn end_of_member(edit: &mut Edit, state: &State, organization: OrganizationId, user: &str) {
    for export in state.kept_exports(organization).iter().filter(|export| export.owner == user) {
        edit.delete::<KeptExport>(Some(organization), &export.id, export.version);
    }
}

/// Hands out the file.
///
/// # Errors
/// 404 for one that the caller does not see, 403 for one that may have more in it than they see now, 409 for one that is not
/// made.
pub async fn content(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let export = call.app.directory.read(|state| seen(call, state, organization.id))?;
    may_have(call, &export)?;
    let ExportState::Done { events, bytes, .. } = export.state else {
        let detail = format!("the export is {}; there is nothing to download", export.state.name());
        return Err(Problem::new(Kind::Conflict, detail));
    };
    let Some(turn) = call.app.turns.downloads.try_take(organization.id) else {
        return Err(Problem::new(Kind::Overloaded, "too many downloads are running").retry_after(30));
    };
    let place = call.app.recorder.reserve(organization.id)?;
    let path = call.app.exports.path(organization.id, &export.id);
    let opening = tokio::task::spawn_blocking(move || File::open(path)).await;
    let file = opening.map_err(|_| Problem::new(Kind::Internal, "the export could not be opened"))?;
    let file = file.map_err(|error| {
        tracing::error!(export = export.id, %error, "the file of a kept export cannot be opened");
        Problem::new(Kind::NotFound, "the file of the export is not there any more; have it made again")
    })?;
    let record = call.record("audit_log.export.download", target(&export.id));
    let record =
        record.with("owner", export.owner.as_str()).with("format", export.format.name()).with("results", events);
    if call.reads_wait() {
        call.app.recorder.note(organization.id, &begun(&record))?;
    }
    let (sender, receiver) = mpsc::channel::<Piece>(limits::STREAM_PIECES_MAX);
    let (app, id, handle, standing) = (call.app.clone(), organization.id, Handle::current(), call.standing());
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let stream = Stream { sender: &sender, handle: &handle, app: &app, standing: &standing };
        let problem = give(file, bytes, &stream);
        let record = match &problem {
            None => record,
            Some(problem) => record.unsuccessful("failure", problem.clone()),
        };
        if place.note(id, &record).is_err() || problem.is_some() {
            stream.put(Err(BrokenOff));
        }
    });
    let form = match export.format {
        Format::Ndjson => NDJSON,
        Format::Csv => CSV,
        Format::Proof => ZSTD,
    };
    let mut response = bytes_answer(form, Body::new(StreamBody::new(ReceiverStream::new(receiver))));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    let name = format!("attachment; filename=\"{}\"", file_name(&organization, &export));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Gives a file's bytes to a client; why it did not get all of them. Blocks.
fn give(mut file: File, bytes: u64, stream: &Stream<'_>) -> Option<String> {
    let mut left = bytes;
    while left > 0 {
        let mut piece = vec![0; (limits::STREAM_PIECE_BYTES as u64).min(left) as usize];
        if let Err(error) = file.read_exact(&mut piece) {
            return Some(format!("its file cannot be read: {error}"));
        }
        left -= piece.len() as u64;
        if !stream.put(Ok(Frame::data(Bytes::from(piece)))) {
            return Some(LEFT.to_owned());
        }
    }
    None
}

/// What a request asks for; what is counted comes later.
fn asked_for(call: &Call, body: &[u8]) -> Result<KeptExport, Problem> {
    let now = call.app.clock.now();
    let mut form = Form::read_fields(body, &FIELDS)?;
    let format = form.needed("format", |name| match Format::from_name(name) {
        Some(_) => Ok(()),
        None => Err(format!("must be one of {}", Format::ALL.map(Format::name).join(", "))),
    });
    let format = Format::from_name(&format).unwrap_or(Format::Ndjson);
    let q = form.optional("q", phrase).filter(|q| !q.trim().is_empty());
    let mut at = |name: &str| {
        let is_time = |text: &str| match time::parse_search_time(text, now) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("must be a time: {error}")),
        };
        form.optional(name, is_time).and_then(|text| time::parse_search_time(&text, now).ok())
    };
    let (from, to) = (at("from"), at("to"));
    // As in a search; with proofs everything, as in an export of them.
    let usual = || (format != Format::Proof).then(|| to.unwrap_or(now).min(now).saturating_sub(time::DAY));
    let from = from.or_else(usual);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        form.refuse("/to", "must not lie before `from`");
    }
    let complete = form.flag("complete").unwrap_or(false);
    if complete && format != Format::Proof {
        form.refuse("/complete", "goes with the format proof alone");
    }
    form.finish()?;
    let owner = owner_of(&call.caller).to_owned();
    let (projects, state) = (projects_of(&call.scope)?, ExportState::Waiting);
    let (size, counted) = (0, None);
    Ok(KeptExport { owner, format, complete, q, from, to, projects, size, counted, created_at: now, state })
}

/// The projects of a scope, as they are kept.
fn projects_of(scope: &Scope) -> Result<Option<Vec<String>>, Problem> {
    let Scope::Projects(ids) = scope else { return Ok(None) };
    let projects: Vec<String> = ids.iter().map(str::to_owned).collect();
    if serde_json::to_vec(&projects).map_or(0, |json| json.len()) > limits::KEPT_EXPORT_PROJECTS_BYTES_MAX {
        let detail = "you see the events of too many projects for an export that is kept; stream it with GET …/export";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    Ok(Some(projects))
}

/// How large the log is, and how many events of it the export will have; not how many if counting takes too long.
async fn counted(
    call: &Call,
    organization: &Arc<Organization>,
    export: &KeptExport,
) -> Result<(u64, Option<u64>), Problem> {
    let filter = Filter::parse(export.q.as_deref().unwrap_or_default())
        .map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let range = TimeRange { from: export.from.unwrap_or(Micros::MIN), to: export.to.unwrap_or(Micros::MAX) };
    let (engine, of, scope) = (call.app.engine.clone(), organization.clone(), call.scope.clone());
    run(&call.app.turns.counts, organization.id, limits::QUERY_TIME_MAX, move |stop| {
        let snapshot = snapshot(&engine, &of)?;
        match count(&snapshot, &scope, range, &filter, stop).map_err(query_problem) {
            Ok(count) => Ok((snapshot.size, Some(count))),
            Err(problem) if problem.kind == Kind::QueryTooCostly => Ok((snapshot.size, None)),
            Err(problem) => Err(problem),
        }
    })
    .await
}

/// Whether one more may be there.
fn is_there_room(exports: &KeptExports, owner: &str, now: Micros) -> Result<(), Problem> {
    let there = || exports.iter().filter(|export| !is_over(export, now));
    let own = there().filter(|export| export.owner == owner).count();
    let refused = |whose: &str, most: String| {
        let detail = format!("{whose} {most}, the most that may be kept; delete one, or wait until one has expired");
        Err(Problem::new(Kind::Conflict, detail))
    };
    if own >= limits::KEPT_EXPORTS_PER_OWNER_MAX {
        return refused("you have", format!("{own} exports"));
    }
    if there().count() >= limits::KEPT_EXPORTS_PER_ORGANIZATION_MAX {
        return refused("the organization has", format!("{} exports", limits::KEPT_EXPORTS_PER_ORGANIZATION_MAX));
    }
    if exports.bytes() >= limits::KEPT_EXPORTS_BYTES_MAX {
        return refused("the organization's exports have", format!("{} GiB", limits::KEPT_EXPORTS_BYTES_MAX >> 30));
    }
    Ok(())
}

/// Says in a record what an export is of.
fn described(record: OwnRecord, id: &str, export: &KeptExport) -> OwnRecord {
    let mut record = record.with("format", export.format.name()).with("export", id);
    if let Some(q) = &export.q {
        record = record.with_whole("q", q);
    }
    for (key, at) in [("from", export.from), ("to", export.to)] {
        if let Some(at) = at {
            record = record.with(key, time::to_text(at));
        }
    }
    match export.counted {
        Some(count) => record.with("results", count),
        None => record,
    }
}

/// Whether the caller sees that an export is there: its owner, and who may export the whole log.
fn is_seen(call: &Call, export: &KeptExport) -> bool {
    let is_theirs = export.owner == owner_of(&call.caller) || call.scope == Scope::Everything;
    is_theirs && !is_over(export, call.app.clock.now())
}

fn seen(call: &Call, state: &State, organization: OrganizationId) -> Result<Arc<Kept<KeptExport>>, Problem> {
    let export = state.kept_exports(organization).get(&call.id).filter(|export| is_seen(call, export));
    export.cloned().ok_or_else(|| Problem::new(Kind::NotFound, "there is no such export"))
}

/// Whether the caller sees at this moment all that may be in an export.
fn may_have(call: &Call, export: &KeptExport) -> Result<(), Problem> {
    if export.format == Format::Proof {
        return may_have_proofs(call);
    }
    let covers = match (&call.scope, export.scope()) {
        (Scope::Everything, _) => true,
        (Scope::Projects(_), Scope::Everything) => false,
        (Scope::Projects(now), Scope::Projects(then)) => then.iter().all(|project| now.contains(project)),
    };
    if covers {
        return Ok(());
    }
    let detail = "it was made when more of the log was seen than you see now; have it made again";
    Err(Problem::new(Kind::Forbidden, detail))
}

/// A name that says what is in the file.
fn file_name(organization: &Organization, export: &KeptExport) -> String {
    let at: String = time::to_text(export.created_at).chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{}-audit-log-{at}Z.{}", organization.slug, export.format.ending())
}

fn shown(call: &Call, state: &State, organization: &Organization, export: &Kept<KeptExport>) -> Value {
    // Who is no member any more is not named.
    let name = match export.owner.as_str() {
        OPERATOR => Some("Operator".to_owned()),
        user => state.called_in(organization.id, user).map(str::to_owned),
    };
    let (mut events, mut bytes, mut finished_at, mut detail) = (export.counted, None, None, None);
    match &export.state {
        ExportState::Waiting | ExportState::Running { .. } => {}
        ExportState::Done { at, events: shown, bytes: size, .. } => {
            (events, bytes, finished_at) = (Some(*shown), Some(*size), Some(*at));
        }
        ExportState::Failed { at, detail: why } => (finished_at, detail) = (Some(*at), Some(why)),
    }
    let progress = call.app.exports.progress(organization.id, &export.id, call.app.clock.elapsed());
    let progress = progress.filter(|_| export.state.is_due()).map(|progress| {
        let seconds_left = progress.left.map(|left| left.as_secs());
        json!({"done": progress.done, "total": progress.total, "bytes": progress.bytes, "seconds_left": seconds_left})
    });
    let is_done = matches!(export.state, ExportState::Done { .. });
    json!({
        "id": export.id,
        "state": export.state.name(),
        "format": export.format.name(),
        "complete": export.complete,
        "q": export.q,
        "from": export.from.map(time::to_text),
        "to": export.to.map(time::to_text),
        "size": export.size,
        "events": events,
        "bytes": bytes,
        "file": file_name(organization, export),
        "progress": progress,
        "detail": detail,
        "owner": name.map(|name| json!({"id": export.owner, "name": name})),
        "downloadable": is_done && may_have(call, export).is_ok(),
        "created_at": time::to_text(export.created_at),
        "finished_at": finished_at.map(time::to_text),
        "expires_at": expires_at(export).map(time::to_text),
    })
}
