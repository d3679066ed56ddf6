//! Measurements of the HTTP side and their text form (Prometheus exposition format 0.0.4), the store's included.
//!
//! Counters are atomics in arrays laid out by the route table: measuring allocates nothing. No label ever holds what a
//! client sent.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::problem::Kind;
use crate::routes::ROUTES;

/// Upper bounds of the duration buckets in microseconds.
const BUCKETS_MICROS: [u64; 14] =
    [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 125_000, 250_000, 1_000_000, 5_000_000, 30_000_000];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What becomes of a record that comes through an adapter.
const ADAPTED: [&str; 4] = ["recorded", "duplicate", "skipped", "refused"];

#[derive(Debug, Default)]
struct RouteMetrics {
    /// One per bucket and one for what is beyond.
    durations: [AtomicU64; BUCKETS_MICROS.len() + 1],
    micros: AtomicU64,
    by_class: [AtomicU64; STATUS_CLASSES.len()],
}

/// What the HTTP side measures.
#[derive(Debug)]
pub struct Metrics {
    /// One per route and one for requests that meet none.
    routes: Vec<RouteMetrics>,
    /// One per kind of problem.
    problems: [AtomicU64; Kind::ALL.len()],
    /// Connections that are open.
    pub connections: AtomicU64,
    /// Requests that are being answered.
    pub in_flight: AtomicU64,
    /// Bytes of bodies read, as they came over the wire.
    pub body_wire_bytes: AtomicU64,
    /// Bytes of bodies after unpacking.
    pub body_bytes: AtomicU64,
    /// Live tails (streams) that are open.
    pub tails: AtomicU64,
    /// Requests that said whom they were forwarded for and came from no trusted proxy.
    pub forwarding_ignored: AtomicU64,
    /// Records that came through adapters, by [`ADAPTED`].
    adapted: [AtomicU64; ADAPTED.len()],
    /// Events sent by exports.
    pub exported_events: AtomicU64,
    /// Actarium's own records that were written.
    pub own_records: AtomicU64,
    /// Actarium's own records that had to be given up.
    pub own_records_lost: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            routes: (0..=ROUTES.len()).map(|_| RouteMetrics::default()).collect(),
            problems: Default::default(),
            connections: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            body_wire_bytes: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            tails: AtomicU64::new(0),
            forwarding_ignored: AtomicU64::new(0),
            adapted: Default::default(),
            exported_events: AtomicU64::new(0),
            own_records: AtomicU64::new(0),
            own_records_lost: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts a request that was answered. `position` is that of its route, or beyond the table.
    pub fn answered(&self, position: usize, status: u16, problem: Option<Kind>, duration: Duration) {
        let route = &self.routes[position.min(ROUTES.len())];
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.iter().position(|bound| micros <= *bound).unwrap_or(BUCKETS_MICROS.len());
        route.durations[bucket].fetch_add(1, Relaxed);
        route.micros.fetch_add(micros, Relaxed);
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES.len()) - 1;
        route.by_class[class].fetch_add(1, Relaxed);
        if let Some(kind) = problem {
            let position = Kind::ALL.iter().position(|one| *one == kind).unwrap_or_default();
            self.problems[position].fetch_add(1, Relaxed);
        }
    }

    /// Counts records that came through an adapter: recorded, repeated, skipped, refused.
    pub fn adapted(&self, counts: &[usize; ADAPTED.len()]) {
        for (counter, count) in self.adapted.iter().zip(counts) {
            counter.fetch_add(*count as u64, Relaxed);
        }
    }

    /// Appends the measurements of the HTTP side.
    pub fn write(&self, out: &mut Exposition) {
        out.family("actarium_http_requests_total", "counter", "Requests answered, by route and class of status.");
        for (position, route) in self.routes.iter().enumerate() {
            let (method, path) = labels(position);
            for (class, count) in STATUS_CLASSES.iter().zip(&route.by_class) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = format!("method=\"{method}\",route=\"{path}\",status=\"{class}\"");
                    out.sample("actarium_http_requests_total", &labels, count);
                }
            }
        }
        self.write_durations(out);
        out.family("actarium_http_problems_total", "counter", "Requests answered with a problem, by its type.");
        for (kind, count) in Kind::ALL.iter().zip(&self.problems) {
            out.sample("actarium_http_problems_total", &format!("type=\"{}\"", kind.name()), count.load(Relaxed));
        }
        out.one("actarium_http_connections", "gauge", "Open connections.", self.connections.load(Relaxed));
        out.one("actarium_http_requests_in_flight", "gauge", "Requests being answered.", self.in_flight.load(Relaxed));
        let wire = self.body_wire_bytes.load(Relaxed);
        out.one("actarium_http_body_wire_bytes_total", "counter", "Bytes of bodies as they came.", wire);
        let unpacked = self.body_bytes.load(Relaxed);
        out.one("actarium_http_body_bytes_total", "counter", "Bytes of bodies after unpacking.", unpacked);
        let help =
            "Requests that said whom they were forwarded for, and were not believed: they came from no trusted proxy.";
        out.one("actarium_forwarding_ignored_total", "counter", help, self.forwarding_ignored.load(Relaxed));
        out.one("actarium_tails", "gauge", "Live tails that are open.", self.tails.load(Relaxed));
        const ADAPTER_RECORDS: &str = "actarium_adapter_records_total";
        out.family(ADAPTER_RECORDS, "counter", "Records of other systems, by what became of them.");
        for (result, count) in ADAPTED.iter().zip(&self.adapted) {
            out.sample(ADAPTER_RECORDS, &format!("result=\"{result}\""), count.load(Relaxed));
        }
        let exported = self.exported_events.load(Relaxed);
        out.one("actarium_exported_events_total", "counter", "Events sent by exports.", exported);
        let own = self.own_records.load(Relaxed);
        out.one("actarium_own_records_total", "counter", "Records of Actarium itself that were written.", own);
        let lost = self.own_records_lost.load(Relaxed);
        out.one("actarium_own_records_lost_total", "counter", "Records of Actarium itself that were given up.", lost);
    }

    fn write_durations(&self, out: &mut Exposition) {
        const NAME: &str = "actarium_http_request_duration_seconds";
        out.family(NAME, "histogram", "Time from a request's head to the head of its answer, by route.");
        for (position, route) in self.routes.iter().enumerate() {
            let counts: Vec<u64> = route.durations.iter().map(|count| count.load(Relaxed)).collect();
            if counts.iter().all(|count| *count == 0) {
                continue;
            }
            let (method, path) = labels(position);
            let labels = format!("method=\"{method}\",route=\"{path}\"");
            out.histogram(NAME, &labels, &BUCKETS_MICROS, &counts, route.micros.load(Relaxed));
        }
    }
}

fn labels(position: usize) -> (&'static str, &'static str) {
    ROUTES.get(position).map_or(("-", "none"), |route| (route.method.name(), route.path))
}

/// Text of the Prometheus exposition format in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family of samples.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Adds a sample; `labels` without the braces, may be empty.
    pub fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = if labels.is_empty() {
            writeln!(self.text, "{name} {value}")
        } else {
            writeln!(self.text, "{name}{{{labels}}} {value}")
        };
    }

    /// A family of one sample without labels.
    pub fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }

    /// The samples of a histogram of seconds. `counts` has one entry per bound (in microseconds) and one for beyond;
    /// each counts only what fell into it.
    pub fn histogram(&mut self, name: &str, labels: &str, bounds: &[u64], counts: &[u64], micros: u64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (bound, count) in bounds.iter().zip(counts) {
            total += count;
            let seconds = *bound as f64 / 1e6;
            self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{seconds}\""), total);
        }
        total += counts.get(bounds.len()).copied().unwrap_or(0);
        self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), total);
        self.sample(&format!("{name}_sum"), labels, micros as f64 / 1e6);
        self.sample(&format!("{name}_count"), labels, total);
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_shown_in_cumulative_buckets() {
        let metrics = Metrics::default();
        metrics.answered(0, 200, None, Duration::from_micros(300));
        metrics.answered(0, 404, Some(Kind::NotFound), Duration::from_secs(60));
        metrics.answered(usize::MAX, 404, Some(Kind::NotFound), Duration::ZERO);
        let mut out = Exposition::default();
        metrics.write(&mut out);
        let text = out.into_text();
        for line in [
            "actarium_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"2xx\"} 1",
            "actarium_http_requests_total{method=\"-\",route=\"none\",status=\"4xx\"} 1",
            "actarium_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"0.00025\"} 0",
            "actarium_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"0.0005\"} 1",
            "actarium_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"+Inf\"} 2",
            "actarium_http_request_duration_seconds_count{method=\"GET\",route=\"/healthz\"} 2",
            "actarium_http_problems_total{type=\"not-found\"} 2",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
    }
}
