//! `POST /v1/orgs/{org}/ingest/…`: records of other systems. What can be recorded is; what cannot is told by its position,
//! so that one strange record does not hold up a file of thousands.

use actarium_core::row::{Column, EncodedRows};
use actarium_query::Stop;
use actarium_store::{Append, AppendError, Appended, Conflicting, DuplicateScope, OrganizationId};
use axum::response::Response;
use serde::Serialize;

use crate::adapters::{AdaptedRows, Adapter, AdapterOptions, BodyRefused, Refused, adapt_and_encode};
use crate::answers::json_answer;
use crate::app::App;
use crate::body::{self, Encoding};
use crate::denials::record_refused_records;
use crate::dispatch::Call;
use crate::failures::{append_problem, first_seen};
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
    call.app.metrics.adapted(&[answer.recorded, answer.duplicates, answer.skipped, answer.refused_count()]);
    if let Some(first) = answer.refused.first() {
        let first = format!("{} {}", first.pointer, first.detail);
        record_refused_records(&call, answer.refused_count(), first.trim_start());
    }
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

/// Appends what was adapted. Records that contradict those that are recorded are refused alone.
async fn record(app: &App, organization: OrganizationId, mut adapted: AdaptedRows) -> Result<Answer, Problem> {
    let mut rounds = 0;
    let appended: Option<Appended> = loop {
        if adapted.rows.is_empty() {
            break None;
        }
        let mut append = Append::new(organization, adapted.rows.clone());
        append.duplicates = DuplicateScope::WholeLog;
        match app.engine.append(append).await {
            Ok(appended) => break Some(appended),
            Err(AppendError::Conflict { events }) if rounds < limits::ADAPTER_ROUNDS_MAX => {
                rounds += 1;
                for conflicting in &events {
                    let first = first_seen(conflicting.first, |index| adapted.indices[index]);
                    let detail = id_conflict(&adapted.rows, conflicting, &first);
                    let index = adapted.indices[conflicting.index];
                    adapted.refuse(Refused { index, pointer: String::new(), detail });
                }
                (adapted.rows, adapted.indices) = without(&adapted.rows, &adapted.indices, &events);
            }
            // Others record the same ids at this moment.
            Err(AppendError::Conflict { .. }) => {
                let detail = "others record the same ids with other content at this moment; nothing of this was recorded, send it again";
                return Err(Problem::new(Kind::Unavailable, detail).retry_after(1));
            }
            Err(error) => return Err(append_problem(error)),
        }
    };
    let AdaptedRows { skipped, mut refused, refused_more, .. } = adapted;
    refused.sort_by_key(|refused| refused.index);
    let events = appended.map_or_else(Vec::new, |appended| appended.events);
    let duplicates = events.iter().filter(|event| event.duplicate).count();
    Ok(Answer { recorded: events.len() - duplicates, duplicates, skipped, refused, refused_more })
}

impl Answer {
    fn refused_count(&self) -> usize {
        self.refused.len() + self.refused_more
    }
}

fn id_conflict(rows: &EncodedRows, conflicting: &Conflicting, first: &str) -> String {
    let id = rows.row(conflicting.index).get(Column::ExternalId).unwrap_or_default();
    let shown: String = id.chars().take(limits::ID_SHOWN_CHARS_MAX).collect();
    format!("its id `{shown}` was used with other content by {first}")
}

/// The rows that are in no conflict, and the places of their records.
fn without(rows: &EncodedRows, indices: &[usize], conflicts: &[Conflicting]) -> (EncodedRows, Vec<usize>) {
    let mut kept = (EncodedRows::new(), Vec::with_capacity(indices.len() - conflicts.len()));
    let mut conflicts = conflicts.iter().peekable();
    for (at, index) in indices.iter().enumerate() {
        if conflicts.next_if(|conflicting| conflicting.index == at).is_none() {
            kept.0.append_range(rows, at..at + 1);
            kept.1.push(*index);
        }
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
