//! `GET /v1/orgs/{org}/export/proof`: events with what proves them, as a stream.

use std::sync::atomic::Ordering::Relaxed;

use actarium_core::filter::Scope;
use actarium_verify::ManifestQuery;
use axum::body::Body;
use axum::response::Response;
use http_body_util::StreamBody;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::access::{Right, Standing};
use crate::answers::bytes_answer;
use crate::dispatch::Call;
use crate::exports::pieces::Pieces;
use crate::exports::proof::{ProofExport, proves, range_of};
use crate::handlers::export::{BrokenOff, LEFT, Piece, Stream, begun};
use crate::limits;
use crate::parameters::invalid;
use crate::problem::{Kind, Problem};
use crate::queries::{filter, run, search_record, snapshot, times};
use crate::recorder::{OwnRecord, Reserved};
use crate::routes::ZSTD;

struct Export {
    content: ProofExport,
    record: OwnRecord,
    place: Reserved,
    standing: Standing,
}

/// Streams an export that proves what it holds.
///
/// # Errors
/// See the route table; what goes wrong after the first piece breaks the stream off.
pub async fn export(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let app = call.app.clone();
    may_have_proofs(call)?;
    let filter = filter(&call.parameters)?;
    let (from, to) = times(&call.parameters, app.clock.now())?;
    let query = ManifestQuery { phrase: filter.to_string(), from, to };
    let proves = proves(&filter, &query, call.parameters.one("complete") == Some("true"));
    let integer = |name: &str| call.parameters.integer(name).map(|number| number as u64);
    let seqs = (integer("first_seq"), integer("end_seq"));
    if seqs.1.is_some_and(|end| end < seqs.0.unwrap_or(0)) {
        return Err(invalid("first_seq", "lies behind `end_seq`"));
    }
    // Said before anything is sent, as nothing can be said afterwards.
    let (engine, of) = (app.engine.clone(), organization.clone());
    let anchors = anchors(call)?;
    let asked = anchors.clone();
    let (snapshot, range) = run(&app.turns.lookups, organization.id, limits::QUERY_TIME_MAX, move |_| {
        let snapshot = snapshot(&engine, &of)?;
        let range = range_of(&snapshot, seqs)?;
        within(&asked, snapshot.size)?;
        Ok((snapshot, range))
    })
    .await?;
    let Some(turn) = app.turns.exports.try_take(organization.id) else {
        return Err(Problem::new(Kind::Overloaded, "too many exports are running").retry_after(30));
    };
    let place = app.recorder.reserve(organization.id)?;
    let record = search_record(call, &organization, &filter, "audit_log.export").with("format", "proof");
    if call.reads_wait() {
        app.recorder.note(organization.id, &begun(&record))?;
    }
    let content = ProofExport { app, organization, snapshot, range, filter, query, proves, anchors };
    let export = Export { content, record, place, standing: call.standing() };
    let (sender, receiver) = mpsc::channel::<Piece>(limits::STREAM_PIECES_MAX);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        export.run(&sender, &handle);
    });
    Ok(bytes_answer(ZSTD, Body::new(StreamBody::new(ReceiverStream::new(receiver)))))
}

/// The sizes of earlier checkpoints that are asked for.
fn anchors(call: &Call) -> Result<Vec<u64>, Problem> {
    let size = |text: &str| match text.parse() {
        Ok(0) => Err(invalid(
            "anchor",
            "it is 0, and every log begins with nothing: give the size of a checkpoint, 1 or more",
        )),
        Ok(size) => Ok(size),
        Err(_) => {
            Err(invalid("anchor", &format!("`{text}` is no size of a checkpoint: give a whole number, 1 or more")))
        }
    };
    call.parameters.all("anchor").map(size).collect()
}

/// Every one of them is a size that the log has had.
fn within(anchors: &[u64], size: u64) -> Result<(), Problem> {
    match anchors.iter().find(|anchor| **anchor > size) {
        Some(beyond) => Err(invalid(
            "anchor",
            &format!(
                "it is {beyond}, and the log has {size} events: no checkpoint of it is of more, so give 1 to {size}"
            ),
        )),
        None => Ok(()),
    }
}

/// Salts and texts of whole ranges are only for who may see all of the log, and verify it.
///
/// # Errors
/// 403 for everybody else.
pub(super) fn may_have_proofs(call: &Call) -> Result<(), Problem> {
    if call.scope == Scope::Everything && call.holds.organization.holds(Right::AuditLogsVerify) {
        return Ok(());
    }
    let (export, verify) = (Right::AuditLogsExport.name(), Right::AuditLogsVerify.name());
    let detail = format!("for proofs `{export}` and `{verify}` are needed in the whole organization");
    Err(Problem::new(Kind::Forbidden, detail))
}

impl Export {
    fn run(self, sender: &mpsc::Sender<Piece>, handle: &Handle) {
        let app = &self.content.app;
        let mut stream = Stream { sender, handle, app, standing: &self.standing };
        let mut pieces = Pieces::new(&mut stream);
        let result = self.content.write(&mut pieces);
        let problem = match &result {
            Ok(()) if !pieces.gone => None,
            Ok(()) => Some(LEFT.to_owned()),
            Err(problem) => Some(problem.detail.to_string()),
        };
        let count = if result.is_ok() { pieces.events } else { 0 };
        app.metrics.exported_events.fetch_add(count, Relaxed);
        let mut record = self.record.with("results", count);
        if let Some(reason) = &problem {
            record = record.unsuccessful("failure", reason.clone());
        }
        let noted = self.place.note(self.content.organization.id, &record);
        if problem.is_some() || noted.is_err() {
            stream.put(Err(BrokenOff));
        }
    }
}
