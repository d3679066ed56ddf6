//! `POST /v1/orgs/{org}/ingest/…`: records of other systems. What can be recorded is; what cannot is told by its position,
//! so that one strange record does not hold up a file of thousands.

use actarium_core::row::EncodedRows;
use actarium_query::Stop;
use actarium_store::{Append, AppendError, Appended, DuplicateScope, OrganizationId};
use axum::response::Response;
use serde::Serialize;

use crate::adapters::{AdaptedRows, Adapter, AdapterOptions, BodyRefused, Refused, adapt_and_encode};
use crate::answers::json_answer;
use crate::app::App;
use crate::body::{self, Encoding};
use crate::dispatch::Call;
use crate::failures::append_problem;
use crate::handlers::record::environment;
use crate::limits;
use crate::problem::{Kind, Position, Problem};
use crate::queries::CancelOnDrop;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Serialize)]
struct Answer {
    recorded: usize,
    duplicates: usize,
    skipped: usize,
    refused: Vec<Refused>,
    refused_more: usize,
}

/// Records what the body's records tell.
///
/// # Errors
/// See the route table; nothing has been recorded then.
pub async fn ingest(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let name = call.route.path.rsplit('/').next().unwrap_or("");
    let adapter = Adapter::from_name(name).ok_or_else(|| Problem::new(Kind::Internal, "the route names no adapter"))?;
    let (_, mut read) = call.read_body().await?;
    let turn = body::turn(&call.app.turns.decodings, organization.id).await?;
    let app = call.app.clone();
    let (environment, credential) = (environment(&call.caller), call.caller.sender());
    let masking = app.masking_of(organization.id);
    let cluster = call.parameters.one("cluster").map(str::to_owned);
    // Strange records can take longer than the request may; what nobody waits for must not keep its turn and memory.
    let stop = Stop::after(limits::REQUEST_TIME_MAX);
    let _cancelling = CancelOnDrop(stop.clone());
    let adapting = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        // A file that was packed as it lies, without saying so, is still bounded as any other body.
        if read.bytes.starts_with(&GZIP_MAGIC) {
            read.unpack(Encoding::Gzip)?;
        }
        check_begin(&read.bytes)?;
        let mut options = AdapterOptions::new(app.clock.now());
        let is_wanted = || stop.check().is_ok();
        options.is_wanted = &is_wanted;
        options.environment = environment.as_deref();
        options.credential = Some(&credential);
        options.masking = &masking;
        options.cluster = cluster.as_deref();
        adapt_and_encode(adapter, &read.bytes, &options).map_err(refused_problem)
    });
    let adapted = adapting.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "reading the records failed")))?;
    let answer = record(&call.app, organization.id, adapted).await?;
    json_answer(&answer)
}

/// A body that is neither object nor array is nobody's record: it is refused as a whole.
fn check_begin(bytes: &[u8]) -> Result<(), Problem> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    match text.get(blank) {
        None | Some(b'{' | b'[') => Ok(()),
        Some(_) => {
            let before = &text[..blank];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
            let at = Position { line: Some(line), column: Some(column), ..Position::default() };
            Err(Problem::new(Kind::MalformedBody, "a record is a JSON object; this is something else").at(at))
        }
    }
}

/// Appends what was adapted. A record that contradicts one that is recorded is refused alone.
async fn record(app: &App, organization: OrganizationId, adapted: AdaptedRows) -> Result<Answer, Problem> {
    let AdaptedRows { mut rows, mut indices, skipped, mut refused, refused_more } = adapted;
    let mut conflicts = 0;
    let appended: Option<Appended> = loop {
        if rows.is_empty() {
            break None;
        }
        let mut append = Append::new(organization, rows.clone());
        append.duplicates = DuplicateScope::WholeLog;
        match app.engine.append(append).await {
            Ok(appended) => break Some(appended),
            Err(error @ AppendError::Conflict { index, .. }) if conflicts < limits::ADAPTER_CONFLICTS_MAX => {
                conflicts += 1;
                let pointer = String::new();
                let detail = error.to_string().replacen(&format!("event {index} "), "", 1);
                refused.push(Refused { index: indices.remove(index), pointer, detail });
                rows = without(&rows, index);
            }
            Err(AppendError::Conflict { index, first }) => {
                let (index, conflicts_max) = (indices[index], limits::ADAPTER_CONFLICTS_MAX);
                let mut problem = append_problem(AppendError::Conflict { index, first });
                problem.detail = format!(
                    "more than {conflicts_max} records repeat an id with other content; nothing of this was recorded"
                )
                .into();
                return Err(problem);
            }
            Err(error) => return Err(append_problem(error)),
        }
    };
    refused.sort_by_key(|refused| refused.index);
    let events = appended.map_or_else(Vec::new, |appended| appended.events);
    let duplicates = events.iter().filter(|event| event.duplicate).count();
    Ok(Answer { recorded: events.len() - duplicates, duplicates, skipped, refused, refused_more })
}

fn without(rows: &EncodedRows, left_out: usize) -> EncodedRows {
    let mut kept = EncodedRows::new();
    for (_, row) in rows.iter().enumerate().filter(|(index, _)| *index != left_out) {
        kept.push(&row);
    }
    kept
}

fn refused_problem(refused: BodyRefused) -> Problem {
    let sentence = refused.to_string();
    match refused {
        BodyRefused::Unreadable { line, column, .. } => {
            let at = Position { line: Some(line), column: Some(column.max(1)), ..Position::default() };
            Problem::new(Kind::MalformedBody, sentence).at(at)
        }
        BodyRefused::Gzip { .. } => Problem::new(Kind::MalformedBody, sentence),
        BodyRefused::Empty => {
            let at = Position { line: Some(1), column: Some(1), ..Position::default() };
            Problem::new(Kind::MalformedBody, sentence).at(at)
        }
        BodyRefused::Unwanted => Problem::new(Kind::RequestTimeout, sentence),
        BodyRefused::TooManyBytes { .. } | BodyRefused::TooManyRecords { .. } => Problem::new(Kind::TooLarge, sentence),
    }
}
