//! Many clients that each send one event per request and wait for its acknowledgement, all on one thread: it shares the
//! machine with the server it measures, and a thread for each client would take more of it than the server does.

use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

use crate::http::Target;
use crate::load::{for_each_batch, percentile_ms};

/// Requests a second that are made ready, at most, so that making them is not measured.
const REQUESTS_PER_SECOND_MAX: usize = 60_000;
/// Nothing that is measured here takes longer.
const ANSWER_SECONDS_MAX: u64 = 120;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// What is to be sent.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// The folder that `generate` wrote.
    #[arg(long)]
    dir: PathBuf,
    /// Clients, each with a connection of its own.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Leave out so many events at the beginning.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Stop after this many seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// One client: what it waits for since when, and what has come of it.
struct Client {
    stream: TcpStream,
    request: usize,
    begun: Instant,
    answer: Vec<u8>,
}

/// Sends and prints the measures as JSON.
///
/// # Errors
/// If the server answers with anything but 200, 201 or 503, or the files cannot be read.
// Durations of requests are what is measured here.
#[allow(clippy::disallowed_methods)]
pub fn run(options: &Options) -> Result<()> {
    let requests = read_requests(options)?;
    let mut poll = Poll::new()?;
    let start = Instant::now();
    let end = start + Duration::from_secs(options.seconds);
    let mut clients = Vec::with_capacity(options.clients);
    for (number, request) in requests.iter().take(options.clients).enumerate() {
        let stream = std::net::TcpStream::connect(options.target.address())?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        let begun = Instant::now();
        stream.write_all(request).context("sending the first request")?;
        clients.push(Client { stream, request: number, begun, answer: Vec::new() });
    }
    let (mut next, mut waiting, mut busy) = (clients.len(), clients.len(), 0);
    let mut bytes = [0; READ_BYTES];
    let mut latencies = Vec::with_capacity(requests.len());
    let mut events = Events::with_capacity(options.clients);
    while waiting > 0 {
        poll.poll(&mut events, Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        if events.is_empty() {
            bail!("no answer within {ANSWER_SECONDS_MAX} s");
        }
        for event in &events {
            let client = &mut clients[event.token().0];
            let Some(status) = client.read(&mut bytes)? else { continue };
            let now = Instant::now();
            match status {
                200 | 201 => latencies.push(now - client.begun),
                503 => {
                    busy += 1;
                    client.send(&requests[client.request])?;
                    continue;
                }
                _ => bail!("the server answered {}", String::from_utf8_lossy(&client.answer)),
            }
            if now >= end || next == requests.len() {
                waiting -= 1;
                continue;
            }
            (client.request, client.begun) = (next, now);
            client.send(&requests[next])?;
            next += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    report(latencies, seconds, busy);
    Ok(())
}

fn report(mut latencies: Vec<Duration>, seconds: f64, busy: u64) {
    latencies.sort_unstable();
    let at = |part| percentile_ms(&latencies, part);
    let report = json!({
        "events": latencies.len(),
        "requests": latencies.len(),
        "seconds": seconds,
        "events_per_second": latencies.len() as f64 / seconds,
        "busy_answers": busy,
        "ack_ms": {"p50": at(0.50), "p90": at(0.90), "p99": at(0.99), "p99.9": at(0.999), "max": at(1.0)},
    });
    println!("{report}");
}

impl Client {
    fn send(&mut self, request: &[u8]) -> Result<()> {
        self.answer.clear();
        // It waits for nothing else, so the connection has room for it.
        self.stream.write_all(request).context("sending a request")
    }

    /// Takes what has come; the status once the answer is whole.
    fn read(&mut self, bytes: &mut [u8]) -> Result<Option<u16>> {
        // It is told once that something has come, so all of it has to be taken.
        loop {
            match self.stream.read(bytes) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => self.answer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error).context("reading an answer"),
            }
            if let Some(status) = whole_answer(&self.answer)? {
                return Ok(Some(status));
            }
        }
    }
}

/// The status of an answer with a `Content-Length`, once it is whole.
fn whole_answer(answer: &[u8]) -> Result<Option<u16>> {
    let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head]).context("the answer's head is not UTF-8")?;
    let status = text.get(9..12).and_then(|code| code.parse().ok()).context("the answer does not begin like HTTP")?;
    let lengths = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    let length: usize = length.last().context("the answer has no length")?.parse().context("content-length")?;
    Ok((answer.len() >= head + 4 + length).then_some(status))
}

/// One request for each event of the batches.
fn read_requests(options: &Options) -> Result<Vec<Vec<u8>>> {
    let mut requests = Vec::new();
    let mut skip = options.skip;
    let count_max = options.seconds as usize * REQUESTS_PER_SECOND_MAX;
    for_each_batch(&options.dir, &mut |head, lines| {
        let url = format!("/v1/orgs/{}/events", head.organization);
        for line in lines.split_inclusive(|byte| *byte == b'\n').skip(skip) {
            requests.push(options.target.post(&url, "application/json", line));
        }
        skip = skip.saturating_sub(head.events);
        if requests.len() < count_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if requests.len() < options.clients {
        bail!("{} holds fewer events than there are clients", options.dir.display());
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_length_has_come() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-type: x\r\nContent-Length: 5\r\n\r\nhello";
        for cut in 0..answer.len() {
            assert_eq!(whole_answer(&answer[..cut]).expect("well-formed"), None, "{cut}");
        }
        assert_eq!(whole_answer(answer).expect("well-formed"), Some(201));
        assert!(whole_answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(whole_answer(b"SSH\r\n\r\n").is_err());
    }
}
