//! `GET /v1/orgs/{org}/export`: everything that a search finds, oldest first, as a stream whose memory is bounded.
//!
//! The count follows in a trailer. A stream that could not be finished is broken off without its end, so that half an
//! export cannot be taken for a whole one. The record of an export is written when it is over, with how many events
//! were handed out, whatever ended it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use actarium_core::filter::Scope;
use actarium_core::render::{Placed, push_event_with_sender};
use actarium_query::{ExportRow, Stop};
use actarium_store::{Organization, Snapshot};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::answers::bytes_answer;
use crate::app::App;
use crate::csv;
use crate::dispatch::Call;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::{Criteria, criteria, reaches_archive, run, search_key, search_record, snapshot};
use crate::recorder::{OwnRecord, Reserved};
use crate::routes::{CSV, NDJSON};

/// The trailer with the number of events.
pub static COUNT: HeaderName = HeaderName::from_static("x-actarium-count");

/// Whether the time range reaches into the archive.
pub static ARCHIVE: HeaderName = HeaderName::from_static("x-actarium-archive");

/// A piece of the stream, its end, or what broke it off.
pub(super) type Piece = Result<Frame<Bytes>, BrokenOff>;

/// An export that ended before its end.
#[derive(Debug, thiserror::Error)]
#[error("the export was broken off")]
pub(super) struct BrokenOff;

struct Export {
    app: Arc<App>,
    organization: Arc<Organization>,
    /// What the caller saw when the export began.
    scope: Scope,
    criteria: Criteria,
    snapshot: Snapshot,
    form: &'static str,
    record: OwnRecord,
    place: Reserved,
}

/// Streams what a search finds.
///
/// # Errors
/// See the route table; what goes wrong after the first piece breaks the stream off.
pub async fn export(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let app = call.app.clone();
    let criteria = criteria(&call.parameters, app.clock.now())?;
    let form = match call.parameters.one("format") {
        Some("csv") => CSV,
        Some(_) => NDJSON,
        None => call.form,
    };
    // What cannot be read, and that it will take longer, is said before anything is sent.
    let (engine, of) = (app.engine.clone(), organization.clone());
    let snapshot =
        run(&app.turns.lookups, organization.id, limits::QUERY_TIME_MAX, move |_| snapshot(&engine, &of)).await?;
    let archive = reaches_archive(&snapshot, criteria.range);
    let Some(turn) = app.turns.exports.try_take(organization.id) else {
        return Err(Problem::new(Kind::Overloaded, "too many exports are running").retry_after(30));
    };
    let place = app.recorder.reserve()?;
    let name = if form == CSV { "csv" } else { "ndjson" };
    let record = search_record(call, &organization, &criteria.filter, "audit_log.export").with("format", name);
    if call.reads_wait() {
        app.recorder.note(organization.id, &begun(&record))?;
    }
    // The export is on record: counts of the same search add nothing to it.
    app.recorder.is_new_search(search_key(call, &organization, &criteria.filter));
    let scope = call.scope.clone();
    let export = Export { app, organization, scope, criteria, snapshot, form, record, place };
    let (sender, receiver) = mpsc::channel::<Piece>(limits::STREAM_PIECES_MAX);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        export.run(&sender, &handle);
    });
    let mut response = bytes_answer(form, Body::new(StreamBody::new(ReceiverStream::new(receiver))));
    response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-actarium-count"));
    response.headers_mut().insert(&ARCHIVE, HeaderValue::from_static(if archive { "true" } else { "false" }));
    Ok(response)
}

/// The record that an export begins, where it must not begin without. How it ended is another.
pub(super) fn begun(record: &OwnRecord) -> OwnRecord {
    record.clone().unsuccessful("unknown", "the export begins; another record tells how it ended")
}

impl Export {
    fn run(self, sender: &mpsc::Sender<Piece>, handle: &Handle) {
        let mut pieces = Pieces::new(sender, handle, &self.app);
        let result = self.find(&mut pieces);
        let (count, problem) = match result {
            Ok(count) if !pieces.gone => (count, None),
            Ok(count) => (count, Some("the client went away, or the service stopped".to_owned())),
            Err(problem) => (pieces.count, Some(problem.detail.to_string())),
        };
        self.app.metrics.exported_events.fetch_add(count, Relaxed);
        let mut record = self.record.with("results", count);
        if let Some(reason) = &problem {
            record = record.unsuccessful("failure", reason.clone());
        }
        let noted = self.place.note(self.organization.id, &record);
        let last = if problem.is_none() && noted.is_ok() { Ok(trailer(count)) } else { Err(BrokenOff) };
        pieces.put(last);
    }

    fn find(&self, pieces: &mut Pieces<'_>) -> Result<u64, Problem> {
        let stop = Stop::after(limits::EXPORT_TIME_MAX);
        if self.form == CSV {
            csv::push_header(&mut pieces.piece);
        }
        let mut sink = |found: &ExportRow<'_>| {
            let placed = Placed {
                slug: &self.organization.slug,
                opaque_id: &self.organization.id.0,
                seq: found.seq,
                recorded_at: found.recorded_at,
            };
            pieces.count += 1;
            if self.form == CSV {
                csv::push_event(&mut pieces.piece, &placed, &found.row);
            } else {
                push_event_with_sender(&mut pieces.piece, &placed, &found.row);
                pieces.piece.push(b'\n');
            }
            if pieces.piece.len() < limits::STREAM_PIECE_BYTES || pieces.send() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let Criteria { range, filter } = &self.criteria;
        let count = actarium_query::export(&self.snapshot, &self.scope, *range, filter, &stop, &mut sink);
        let count = count.map_err(crate::queries::query_problem)?;
        if !pieces.gone {
            pieces.send();
        }
        Ok(count)
    }
}

fn trailer(count: u64) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert(&COUNT, HeaderValue::from(count));
    Frame::trailers(trailers)
}

/// The stream, from the thread that makes it.
pub(super) struct Pieces<'s> {
    pub piece: Vec<u8>,
    /// Events given so far.
    count: u64,
    /// Whether nobody takes anything any more.
    pub gone: bool,
    sender: &'s mpsc::Sender<Piece>,
    handle: &'s Handle,
    app: &'s App,
}

impl<'s> Pieces<'s> {
    pub fn new(sender: &'s mpsc::Sender<Piece>, handle: &'s Handle, app: &'s App) -> Self {
        let piece = Vec::with_capacity(2 * limits::STREAM_PIECE_BYTES);
        Self { piece, count: 0, gone: false, sender, handle, app }
    }

    /// Sends what has gathered. Whether to go on.
    pub fn send(&mut self) -> bool {
        if self.piece.is_empty() {
            return true;
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(2 * limits::STREAM_PIECE_BYTES));
        self.put(Ok(Frame::data(Bytes::from(piece))))
    }

    /// Waits until the client takes it, at most [`limits::STREAM_STALLED_TIME_MAX`].
    pub fn put(&mut self, piece: Piece) -> bool {
        let stopping = &self.app.stopping;
        let sending = async {
            tokio::select! {
                sent = tokio::time::timeout(limits::STREAM_STALLED_TIME_MAX, self.sender.send(piece)) => {
                    matches!(sent, Ok(Ok(())))
                }
                () = stopping.cancelled() => false,
            }
        };
        let taken = self.handle.block_on(sending);
        self.gone |= !taken;
        taken
    }
}
