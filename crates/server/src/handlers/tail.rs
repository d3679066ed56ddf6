//! `GET /v1/orgs/{org}/events/tail`: the log as it grows, as a long poll or as server-sent events.
//!
//! A stream holds at most a few pieces that its client has not read; one that reads nothing for a while is closed.
//! It can go on where it was, by `Last-Event-ID`, because its ids are sequence numbers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actarium_core::filter::Filter;
use actarium_query::{TailLimits, TailPage};
use actarium_store::Organization;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::access::Granted;
use crate::answers::bytes_answer;
use crate::app::App;
use crate::dispatch::Call;
use crate::handlers::counts::record_once;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::{filter, holds_shown, query_problem, run, search_record, snapshot};
use crate::routes::{EVENT_STREAM, JSON};

/// What a stream reads at once. Little, as there may be many streams whose clients read slowly, and each holds what it is sending.
const STREAM_PAGE: TailLimits = TailLimits { events: 200, bytes: 64 * 1024 };
/// Pieces of that size that lie between a stream and its connection.
const STREAM_PIECES: usize = 1;
/// Milliseconds after which a client is told to connect again.
const RECONNECT_MILLIS: u32 = 2000;

/// What is followed.
struct Following {
    app: Arc<App>,
    organization: Arc<Organization>,
    /// The request: whether it is still let through, and what it sees, is asked anew before each read.
    call: Call,
    filter: Filter,
    /// Sequence number that was looked at last, -1 for none.
    after: i64,
    /// When it was recorded that it is followed.
    recorded: Duration,
}

impl Following {
    async fn read(&self, most: TailLimits) -> Result<TailPage, Problem> {
        let (engine, of) = (self.app.engine.clone(), self.organization.clone());
        let Granted { holds, scope, .. } = self.call.authorize_again()?;
        let holds = holds_shown(&self.call, &holds, &of);
        let (after, filter) = (self.after, self.filter.clone());
        run(&self.app.turns.lookups, of.id, limits::QUERY_TIME_MAX, move |stop| {
            let snapshot = snapshot(&engine, &of)?;
            actarium_query::read_from(&snapshot, &scope, after, (&filter, &holds), most, stop).map_err(query_problem)
        })
        .await
    }

    /// Who begins far behind the end of the log reads what is there, page by page, and does not wait for what comes: each of these is
    /// on record by itself, with where it began.
    fn record_if_behind(&self, end: i64) -> Result<(), Problem> {
        if end.saturating_sub(self.after) <= limits::TAIL_BEHIND_MAX {
            return Ok(());
        }
        let record = search_record(&self.call, &self.organization, &self.filter, "audit_log.search");
        self.app.recorder.note(self.organization.id, &record.with("after", self.after))
    }

    /// What is followed for very long is on record again from time to time.
    fn record_if_long(&mut self) -> Result<(), Problem> {
        let now = self.app.clock.elapsed();
        if now.saturating_sub(self.recorded) < limits::SEARCH_UNRECORDED_TIME_MAX {
            return Ok(());
        }
        self.recorded = now;
        let record = search_record(&self.call, &self.organization, &self.filter, "audit_log.search");
        self.app.recorder.note(self.organization.id, &record.with("after", self.after))
    }

    async fn end_of_log(&self) -> Result<i64, Problem> {
        let (engine, of) = (self.app.engine.clone(), self.organization.clone());
        run(
            &self.app.turns.lookups,
            of.id,
            limits::QUERY_TIME_MAX,
            move |_| Ok(snapshot(&engine, &of)?.size as i64 - 1),
        )
        .await
    }
}

/// Gives the events after a place in the log, now and as they come.
///
/// # Errors
/// See the route table.
pub async fn tail(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let filter = filter(&call.parameters)?;
    record_once(&call, &organization, &filter)?;
    let streams = call.form == EVENT_STREAM;
    let resumed = last_event_id(&call)?.filter(|_| streams);
    let after = resumed.or(call.parameters.integer("after"));
    let events_max = call.parameters.integer("limit").map_or(limits::PAGE_EVENTS_DEFAULT, |limit| limit as usize);
    let wait_seconds = call.parameters.integer("wait").map_or(limits::TAIL_WAIT_SECONDS_DEFAULT, |wait| wait as u64);
    let (app, recorded) = (call.app.clone(), call.app.clock.elapsed());
    let mut following = Following { app, organization, call, filter, after: -1, recorded };
    let end = following.end_of_log().await?;
    following.after = after.unwrap_or(end);
    following.record_if_behind(end)?;
    if streams {
        return stream(following);
    }
    poll(following, events_max, Duration::from_secs(wait_seconds)).await
}

fn last_event_id(call: &Call) -> Result<Option<i64>, Problem> {
    let Some(value) = call.headers.get("last-event-id") else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let id = digits.and_then(|text| text.parse::<i64>().ok()).filter(|id| *id < 1 << 40);
    let problem = || Problem::new(Kind::InvalidHeader, "`Last-Event-ID` must be the `id` of an event of this stream");
    id.map(Some).ok_or_else(problem)
}

async fn poll(mut following: Following, events_max: usize, wait: Duration) -> Result<Response, Problem> {
    let mut sizes = following.app.engine.subscribe(following.organization.id);
    let waiting = tokio::time::sleep(wait);
    tokio::pin!(waiting);
    let stopping = following.app.stopping.clone();
    loop {
        if let Some(sizes) = &mut sizes {
            sizes.borrow_and_update();
        }
        let page = following.read(TailLimits::events(events_max)).await?;
        if !page.events.is_empty() || waiting.is_elapsed() {
            return Ok(bytes_answer(JSON, render_page(&page)));
        }
        following.after = page.next;
        let over = async {
            match &mut sizes {
                Some(sizes) => sizes.changed().await.is_err(),
                None => true,
            }
        };
        let ended = tokio::select! {
            ended = over => ended,
            () = &mut waiting => true,
            () = stopping.cancelled() => true,
        };
        if ended {
            return Ok(bytes_answer(JSON, render_page(&page)));
        }
    }
}

/// `{"events": […], "next": N, "as_of": {…}}`.
fn render_page(page: &TailPage) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"events\":[");
    for (index, (_, json)) in page.events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(json);
    }
    let rest = json!({"next": page.next, "as_of": page.as_of}).to_string();
    out.extend_from_slice(b"],");
    out.extend_from_slice(&rest.as_bytes()[1..]);
    out
}

fn stream(following: Following) -> Result<Response, Problem> {
    let Some(place) = following.app.turns.tails.try_take(following.organization.id) else {
        return Err(Problem::new(Kind::Overloaded, "too many live tails are open").retry_after(10));
    };
    let (sender, receiver) = mpsc::channel::<Bytes>(STREAM_PIECES);
    let metrics = following.app.metrics.clone();
    metrics.tails.fetch_add(1, Relaxed);
    tokio::spawn(async move {
        follow(following, sender).await;
        metrics.tails.fetch_sub(1, Relaxed);
        drop(place);
    });
    let frames = ReceiverStream::new(receiver).map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    Ok(bytes_answer(EVENT_STREAM, Body::new(StreamBody::new(frames))))
}

/// Sends what is there and what comes, until the client goes away, reads nothing for too long, or the service stops.
async fn follow(mut following: Following, sender: mpsc::Sender<Bytes>) {
    let stopping = following.app.stopping.clone();
    let Some(mut sizes) = following.app.engine.subscribe(following.organization.id) else { return };
    if !send(&sender, Bytes::from(format!("retry: {RECONNECT_MILLIS}\n\n"))).await {
        return;
    }
    let mut heartbeat_at = tokio::time::Instant::now() + limits::HEARTBEAT_TIME;
    loop {
        sizes.borrow_and_update();
        if following.record_if_long().is_err() {
            return;
        }
        let page = tokio::select! {
            page = following.read(STREAM_PAGE) => page,
            () = sender.closed() => return,
            () = stopping.cancelled() => return,
        };
        let page = match page {
            Ok(page) => page,
            // The client connects again and goes on after the last event it saw.
            Err(problem) => {
                tracing::debug!(problem = problem.kind.name(), "a live tail ended");
                return;
            }
        };
        following.after = page.next;
        let full = page.next + 1 < page.as_of.size as i64;
        if !page.events.is_empty() {
            if !send_events(&sender, page).await {
                return;
            }
            heartbeat_at = tokio::time::Instant::now() + limits::HEARTBEAT_TIME;
        }
        if full {
            continue;
        }
        loop {
            tokio::select! {
                changed = sizes.changed() => if changed.is_err() { return } else { break },
                () = sender.closed() => return,
                () = stopping.cancelled() => return,
                () = tokio::time::sleep_until(heartbeat_at) => {
                    if !send(&sender, heartbeat(following.after)).await {
                        return;
                    }
                    heartbeat_at = tokio::time::Instant::now() + limits::HEARTBEAT_TIME;
                }
            }
        }
    }
}

/// Sent when nothing else is, so that proxies and clients see the connection alive; with how far the log was looked at, so
/// that a client that waits for something rare need not begin far back when it connects again. It has no data, and so is no event.
fn heartbeat(after: i64) -> Bytes {
    let id = if after < 0 { String::new() } else { format!("id: {after}\n") };
    Bytes::from(format!(": heartbeat\n{id}\n"))
}

async fn send_events(sender: &mpsc::Sender<Bytes>, page: TailPage) -> bool {
    let mut piece = Vec::new();
    for (seq, json) in page.events {
        piece.extend_from_slice(format!("id: {seq}\nevent: event\ndata: ").as_bytes());
        piece.extend_from_slice(&json);
        piece.extend_from_slice(b"\n\n");
    }
    send(sender, Bytes::from(piece)).await
}

/// Whether the client took it in time.
async fn send(sender: &mpsc::Sender<Bytes>, piece: Bytes) -> bool {
    matches!(tokio::time::timeout(limits::STREAM_STALLED_TIME_MAX, sender.send(piece)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_says_how_far_the_log_was_looked_at() {
        assert_eq!(heartbeat(7), ": heartbeat\nid: 7\n\n");
        assert_eq!(heartbeat(-1), ": heartbeat\n\n");
    }
}
