//! Sends generated batches to a server as fast as it takes them, and measures how long each acknowledgement takes.
//! Bodies are made ready by one reading thread, so the senders only write and wait.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::generate::{BATCH_EVENTS, BatchHead};
use crate::http::{Connection, Target};

/// Requests that wait ready, per connection.
const READY_REQUESTS_MAX: usize = 2;
/// How long to wait before sending again what the server was too busy for.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// What is to be sent.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// The folder that `generate` wrote.
    #[arg(long)]
    dir: PathBuf,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Events per request, at most 1,000. Those that are sent alone have `singles`.
    #[arg(long, default_value_t = BATCH_EVENTS)]
    batch: usize,
    /// Stop after this many events.
    #[arg(long)]
    events: Option<u64>,
    /// Send the batches through this adapter instead, as they stand.
    #[arg(long)]
    adapter: Option<String>,
}

struct Request {
    bytes: Vec<u8>,
    events: u64,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    busy: u64,
}

/// Sends and prints the measures as JSON.
///
/// # Errors
/// If the server answers with anything but 200, 201 or 503, or the files cannot be read.
// Durations of requests are what is measured here.
#[allow(clippy::disallowed_methods)]
pub fn run(options: &Options) -> Result<()> {
    let (ready, waiting) = sync_channel(READY_REQUESTS_MAX * options.connections);
    let waiting = Mutex::new(waiting);
    let sent = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let outcome: Result<Vec<Seen>> = std::thread::scope(|scope| {
        let stop = &stop;
        // The reader owns its end of the queue, so the queue ends with the last request.
        let reader = scope.spawn(move || read_requests(options, &ready, stop));
        let senders: Vec<_> =
            (0..options.connections).map(|_| scope.spawn(|| send_requests(options, &waiting, &sent, stop))).collect();
        let mut shown = Instant::now();
        while !senders.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(2));
            if shown.elapsed() > Duration::from_secs(5) {
                shown = Instant::now();
                let count = sent.load(Ordering::Relaxed);
                let rate = count as f64 / start.elapsed().as_secs_f64();
                eprintln!("sent {count} events, {rate:.0} events/s");
            }
        }
        let results: Vec<_> =
            senders.into_iter().map(|sender| sender.join().expect("a sender does not panic")).collect();
        reader.join().expect("the reader does not panic")?;
        results.into_iter().collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let seen = outcome?;
    let mut latencies: Vec<Duration> = seen.iter().flat_map(|seen| seen.latencies.iter().copied()).collect();
    latencies.sort_unstable();
    let events = sent.into_inner();
    let report = json!({
        "events": events,
        "requests": latencies.len(),
        "seconds": seconds,
        "events_per_second": events as f64 / seconds,
        "busy_answers": seen.iter().map(|seen| seen.busy).sum::<u64>(),
        "ack_ms": {
            "p50": percentile_ms(&latencies, 0.50),
            "p90": percentile_ms(&latencies, 0.90),
            "p99": percentile_ms(&latencies, 0.99),
            "max": percentile_ms(&latencies, 1.0),
        },
    });
    println!("{report}");
    Ok(())
}

/// The value at a part of sorted durations, in milliseconds; 0 if there are none.
pub fn percentile_ms(sorted: &[Duration], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let index = (last as f64 * part).round() as usize;
    sorted[index].as_secs_f64() * 1e3
}

fn read_requests(options: &Options, ready: &SyncSender<Request>, stop: &AtomicBool) -> Result<()> {
    let mut left = options.events.unwrap_or(u64::MAX);
    for_each_batch(&options.dir, &mut |head, lines| {
        for request in requests(options, head, lines) {
            if left == 0 || stop.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            left = left.saturating_sub(request.events);
            if ready.send(request).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })
}

/// Calls `take` with the head and the lines of each batch of a folder, in order, until it has enough.
///
/// # Errors
/// If there are none, or they cannot be read.
pub fn for_each_batch(folder: &Path, take: &mut dyn FnMut(&BatchHead, &[u8]) -> ControlFlow<()>) -> Result<()> {
    for path in batch_files(folder)? {
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut head = String::new();
        while file.read_line(&mut head)? > 0 {
            let parsed: BatchHead = serde_json::from_str(&head).with_context(|| format!("in {}", path.display()))?;
            let mut lines = vec![0; parsed.bytes];
            file.read_exact(&mut lines)?;
            if take(&parsed, &lines).is_break() {
                return Ok(());
            }
            head.clear();
        }
    }
    Ok(())
}

/// The files of a folder in the order they were written.
///
/// # Errors
/// If there are none.
pub fn batch_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ndjson"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        bail!("{} holds no batches; run `actarium-bench generate` first", folder.display());
    }
    Ok(paths)
}

fn requests(options: &Options, head: &BatchHead, lines: &[u8]) -> Vec<Request> {
    let organization = &head.organization;
    if let Some(adapter) = &options.adapter {
        let path = format!("/v1/orgs/{organization}/ingest/{adapter}");
        let bytes = options.target.post(&path, "application/x-ndjson", lines);
        return vec![Request { bytes, events: head.events as u64 }];
    }
    let path = format!("/v1/orgs/{organization}/events");
    let request = |lines: &[u8], events: usize| {
        let bytes = options.target.post(&path, "application/x-ndjson", lines);
        Request { bytes, events: events as u64 }
    };
    if options.batch >= head.events {
        return vec![request(lines, head.events)];
    }
    let lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    lines.chunks(options.batch).map(|chunk| request(&chunk.concat(), chunk.len())).collect()
}

// Durations of requests are what is measured here.
#[allow(clippy::disallowed_methods)]
fn send_requests(
    options: &Options,
    waiting: &Mutex<Receiver<Request>>,
    sent: &AtomicU64,
    stop: &AtomicBool,
) -> Result<Seen> {
    let mut connection = options.target.connect()?;
    let mut seen = Seen::default();
    let mut failure = None;
    loop {
        let next = waiting.lock().expect("no sender panics").recv();
        let Ok(request) = next else { return failure.map_or(Ok(seen), Err) };
        // After a failure the queue is emptied, so that the reader never waits for room.
        if stop.load(Ordering::Relaxed) {
            continue;
        }
        let begun = Instant::now();
        if let Err(error) = send_until_taken(&mut connection, &request, &mut seen) {
            stop.store(true, Ordering::Relaxed);
            failure = Some(error);
            continue;
        }
        seen.latencies.push(begun.elapsed());
        sent.fetch_add(request.events, Ordering::Relaxed);
    }
}

fn send_until_taken(connection: &mut Connection, request: &Request, seen: &mut Seen) -> Result<()> {
    loop {
        let answer = connection.send(&request.bytes)?;
        match answer.status {
            200 | 201 => return Ok(()),
            503 => {
                seen.busy += 1;
                std::thread::sleep(BUSY_PAUSE);
            }
            status => {
                bail!(
                    "the server answered {status}: {}",
                    String::from_utf8_lossy(&answer.body[..answer.body.len().min(800)])
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred() {
        let sorted: Vec<Duration> = (0..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile_ms(&sorted, 0.5), 50.0);
        assert_eq!(percentile_ms(&sorted, 0.99), 99.0);
        assert_eq!(percentile_ms(&[], 0.5), 0.0);
    }
}
