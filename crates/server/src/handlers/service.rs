//! What is about the service itself: is it alive, can it work, how much has it done, what does it speak.

use actarium_core::time;
use actarium_store::engine::stats::{COMMIT_LATENCY_BUCKETS_MICROS, Refused};
use actarium_store::{EngineStats, SealReport, StorageStats};
use axum::response::Response;
use serde_json::json;

use crate::answers::{bytes_answer, json_answer};
use crate::copies::Copies;
use crate::dispatch::Call;
use crate::metrics::Exposition;
use crate::problem::{Kind, Problem};
use crate::routes::JSON;

/// Media type of the measurements, with the version of their format.
const METRICS_FORM: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process runs.
///
/// # Errors
/// None.
pub fn health(_: &Call) -> Result<Response, Problem> {
    json_answer(&json!({"status": "ok"}))
}

/// Events can be recorded and found.
///
/// # Errors
/// 503 while they can't.
pub async fn ready(call: &Call) -> Result<Response, Problem> {
    if call.app.stopping.is_cancelled() {
        return Err(Problem::new(Kind::Unavailable, "the service is shutting down"));
    }
    let engine = call.app.engine.clone();
    let ready = aside(move || engine.ready()).await?;
    ready.map_err(|reason| {
        tracing::warn!(reason, "not ready");
        Problem::new(Kind::Unavailable, "events cannot be recorded at present")
    })?;
    let ahead = call.app.engine.ahead_of_clock();
    if ahead.waiting > 0 && ahead.waiting == ahead.organizations {
        let newest = ahead.newest.map(time::to_text).unwrap_or_default();
        tracing::warn!(
            newest,
            "not ready: the clock is behind what is recorded; it has to be set right (docs/RETENTION.md)"
        );
        let detail = format!(
            "events cannot be recorded: the clock is behind every log, the newest record is of {newest}; the clock has to be set \
             right first"
        );
        return Err(Problem::new(Kind::Unavailable, detail));
    }
    // One damaged log is no reason to keep all others from the service.
    let damaged = call.app.engine.damaged().len();
    // Nor is a place elsewhere that is away: recording goes on, and what is due there is done when it is back.
    let state = |failure: Option<String>| if failure.is_none() { "ok" } else { "failing" };
    let archive = state(call.app.engine.archive_failure());
    let copies = state(call.app.copies.as_ref().and_then(Copies::failing));
    let is_well = damaged == 0 && ahead.waiting == 0 && archive == "ok" && copies == "ok";
    let status = if is_well { "ok" } else { "degraded" };
    json_answer(&json!({
        "status": status,
        "damaged_organizations": damaged,
        "organizations_ahead_of_clock": ahead.waiting,
        "archive": archive,
        "checkpoint_copies": copies,
    }))
}

/// The API as an OpenAPI document.
///
/// # Errors
/// None.
pub fn openapi(call: &Call) -> Result<Response, Problem> {
    Ok(bytes_answer(JSON, call.app.openapi.clone()))
}

/// The actions that ship with the service.
///
/// # Errors
/// None.
pub fn catalog(call: &Call) -> Result<Response, Problem> {
    Ok(bytes_answer(JSON, call.app.catalog.clone()))
}

/// Seals now.
///
/// # Errors
/// 404 for an unknown organization, 503 if something could not be sealed; it stays in the journal.
pub async fn seal(call: &Call) -> Result<Response, Problem> {
    let organization = match call.parameters.one("organization") {
        None => None,
        Some(slug) => {
            let found = call.app.engine.organization(slug);
            Some(found.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no organization `{slug}`")))?.id)
        }
    };
    let engine = call.app.engine.clone();
    let report: SealReport = aside(move || engine.seal_now(organization)).await?;
    if let Some((slug, failure)) = report.failures.first() {
        tracing::error!(organization = slug, failure, "sealing failed");
        let detail =
            format!("{} organizations could not be sealed; their events stay in the journal", report.failures.len());
        return Err(Problem::new(Kind::Unavailable, detail));
    }
    json_answer(&json!({"segments": report.segments, "events": report.rows, "merges": report.merges}))
}

/// Measurements of the HTTP side and of the store.
///
/// # Errors
/// None.
pub async fn metrics(call: &Call) -> Result<Response, Problem> {
    let engine = call.app.engine.clone();
    let stats = aside(move || engine.stats()).await?;
    let mut out = Exposition::default();
    out.family("actarium_build_info", "gauge", "The version of the program.");
    out.sample("actarium_build_info", &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")), 1);
    write_recording(&mut out, &stats);
    write_store(&mut out, &stats);
    let help = "Organizations whose logs take no writes because the clock is behind their newest event.";
    let ahead = call.app.engine.ahead_of_clock();
    out.one("actarium_organizations_ahead_of_clock", "gauge", help, ahead.waiting);
    let help = "1 if nothing is archived or purged because the clock is far ahead of what was seen last.";
    let waits = call.app.retention.waits_for_clock.load(std::sync::atomic::Ordering::Relaxed);
    out.one("actarium_retention_waits_for_clock", "gauge", help, u64::from(waits));
    call.app.witnesses.write_metrics(&call.app.engine, &mut out);
    if let Some(copies) = &call.app.copies {
        copies.write_metrics(&mut out);
    }
    call.app.metrics.write(&mut out);
    Ok(bytes_answer(METRICS_FORM, out.into_text()))
}

fn write_recording(out: &mut Exposition, stats: &EngineStats) {
    out.one("actarium_events_total", "counter", "Events recorded.", stats.events);
    let help = "Events sent again that had been recorded before.";
    out.one("actarium_duplicate_events_total", "counter", help, stats.duplicates);
    out.one("actarium_event_bytes_total", "counter", "Bytes of events recorded, encoded.", stats.event_bytes);
    out.one("actarium_append_requests_total", "counter", "Requests recorded.", stats.requests);
    out.one("actarium_commits_total", "counter", "Commits made.", stats.commits);
    out.one("actarium_commit_failures_total", "counter", "Commits that failed.", stats.commit_failures);
    const LATENCY: &str = "actarium_commit_latency_seconds";
    out.family(LATENCY, "histogram", "Time of a commit, from its beginning to being durable.");
    let micros = stats.commit_latency_micros;
    out.histogram(LATENCY, "", &COMMIT_LATENCY_BUCKETS_MICROS, &stats.commit_latency, micros);
    out.family("actarium_refused_total", "counter", "Requests that the store refused, by reason.");
    for (reason, count) in Refused::ALL.iter().zip(stats.refused) {
        out.sample("actarium_refused_total", &format!("reason=\"{}\"", reason.label()), count);
    }
    out.one("actarium_queue_requests", "gauge", "Requests waiting to be committed.", stats.queue_requests);
    out.one("actarium_queue_bytes", "gauge", "Bytes waiting to be committed.", stats.queue_bytes);
}

fn write_store(out: &mut Exposition, stats: &EngineStats) {
    out.one("actarium_journal_bytes", "gauge", "Bytes of the journal on disk.", stats.journal_bytes);
    out.one("actarium_unsealed_events", "gauge", "Events that are not in segments yet.", stats.unsealed_events);
    out.one("actarium_unsealed_bytes", "gauge", "Bytes of these events, uncompressed.", stats.unsealed_bytes);
    out.one("actarium_tail_bytes", "gauge", "Bytes of unsealed events in memory.", stats.tail_bytes);
    out.one("actarium_external_ids_bytes", "gauge", "Bytes of the index of unsealed external ids.", stats.ids_bytes);
    out.one("actarium_cache_bytes", "gauge", "Bytes of segments in memory.", stats.cache_bytes);
    out.one("actarium_organizations", "gauge", "Organizations.", stats.organizations);
    let help = "Organizations whose logs are damaged and take no writes.";
    out.one("actarium_damaged_organizations", "gauge", help, stats.damaged_organizations);
    out.one("actarium_segments", "gauge", "Segments.", stats.segments);
    out.one("actarium_segment_bytes", "gauge", "Bytes of segments on disk.", stats.segment_bytes);
    out.one("actarium_seals_total", "counter", "Segments sealed.", stats.seals);
    out.one("actarium_sealed_events_total", "counter", "Events sealed.", stats.sealed_events);
    out.one("actarium_merges_total", "counter", "Merges of segments.", stats.merges);
    out.one("actarium_seal_failures_total", "counter", "Seals and merges that failed.", stats.seal_failures);
    let help = "Files removed that no manifest listed.";
    out.one("actarium_orphans_removed_total", "counter", help, stats.orphans_removed);
    if let Some(archive) = &stats.archive {
        write_archive(out, archive);
    }
}

/// Of an archive that is not a folder.
fn write_archive(out: &mut Exposition, archive: &StorageStats) {
    let help = "Requests to the place of the archive.";
    out.one("actarium_archive_requests_total", "counter", help, archive.requests);
    let help = "Requests to the place of the archive that failed, with all their repetitions.";
    out.one("actarium_archive_request_failures_total", "counter", help, archive.failures);
    let help = "Bytes read from the place of the archive.";
    out.one("actarium_archive_read_bytes_total", "counter", help, archive.read_bytes);
    let help = "Whether the last request to the place of the archive failed.";
    out.one("actarium_archive_failing", "gauge", help, u8::from(archive.last_failure.is_some()));
}

/// Runs what blocks on a thread where it may.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Problem::new(Kind::Internal, "the server failed on this request"))
}
