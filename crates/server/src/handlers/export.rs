//! `GET /v1/orgs/{org}/export`: everything that a search finds, oldest first, as a stream whose memory is bounded.
//!
//! The count follows in a trailer. A stream that could not be finished is broken off without its end, so that half an
//! export cannot be taken for a whole one. The record of an export is written when it is over, with how many events
//! were handed out, whatever ended it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use actarium_query::Stop;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::access::Standing;
use crate::answers::bytes_answer;
use crate::app::App;
use crate::dispatch::Call;
use crate::exports::events::EventsExport;
use crate::exports::pieces::{Pieces, Taker};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::{criteria, reaches_archive, run, search_key, search_record, snapshot};
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
    content: EventsExport,
    record: OwnRecord,
    place: Reserved,
    standing: Standing,
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
    let place = app.recorder.reserve(organization.id)?;
    let name = if form == CSV { "csv" } else { "ndjson" };
    let record = search_record(call, &organization, &criteria.filter, "audit_log.export").with("format", name);
    if call.reads_wait() {
        app.recorder.note(organization.id, &begun(&record))?;
    }
    // The export is on record: counts of the same search add nothing to it.
    app.recorder.is_new_search(search_key(call, &organization, &criteria.filter));
    let scope = call.scope.clone();
    let (end_seq, as_csv) = (snapshot.size, form == CSV);
    let content = EventsExport { organization, scope, criteria, snapshot, end_seq, as_csv };
    let export = Export { app, content, record, place, standing: call.standing() };
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
        let mut stream = Stream { sender, handle, app: &self.app, standing: &self.standing };
        let mut pieces = Pieces::new(&mut stream);
        let result = self.content.write(&mut pieces, &Stop::after(limits::EXPORT_TIME_MAX));
        let (count, problem) = match result {
            Ok(()) if !pieces.gone => (pieces.events, None),
            Ok(()) => (pieces.events, Some(LEFT.to_owned())),
            Err(problem) => (pieces.events, Some(problem.detail.to_string())),
        };
        self.app.metrics.exported_events.fetch_add(count, Relaxed);
        let mut record = self.record.with("results", count);
        if let Some(reason) = &problem {
            record = record.unsuccessful("failure", reason.clone());
        }
        let noted = self.place.note(self.content.organization.id, &record);
        let last = if problem.is_none() && noted.is_ok() { Ok(trailer(count)) } else { Err(BrokenOff) };
        if !stream.put(last) {
            stream.put(Err(BrokenOff));
        }
    }
}

fn trailer(count: u64) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert(&COUNT, HeaderValue::from(count));
    Frame::trailers(trailers)
}

/// The stream, from the thread that makes it.
pub(super) struct Stream<'s> {
    pub sender: &'s mpsc::Sender<Piece>,
    pub handle: &'s Handle,
    pub app: &'s App,
    /// By whose right it is sent.
    pub standing: &'s Standing,
}

/// Why a stream was broken off that its maker would have gone on with.
pub(super) const LEFT: &str = "the client went away, lost the right to it, or the service stopped";

impl Stream<'_> {
    /// Waits until the client takes it, at most [`limits::STREAM_STALLED_TIME_MAX`]. Whether it did, and may have more.
    pub fn put(&self, piece: Piece) -> bool {
        if piece.is_ok() && !self.standing.holds_on(self.app) {
            return false;
        }
        let stopping = &self.app.stopping;
        let sending = async {
            tokio::select! {
                sent = tokio::time::timeout(limits::STREAM_STALLED_TIME_MAX, self.sender.send(piece)) => {
                    matches!(sent, Ok(Ok(())))
                }
                () = stopping.cancelled() => false,
            }
        };
        self.handle.block_on(sending)
    }
}

impl Taker for Stream<'_> {
    fn take(&mut self, bytes: Vec<u8>) -> bool {
        self.put(Ok(Frame::data(Bytes::from(bytes))))
    }
}
