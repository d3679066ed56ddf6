//! How fast the engine records: `cargo run --release -p actarium-store --example append_rate [EVENTS] [CLIENTS]`.
//! Events of about 600 bytes as JSON, in batches of 1,000, to 50 organizations, each with an external id.
//! `NO_SEAL` leaves everything in the journal while recording; `SEAL_THREADS` sets the number of sealing threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actarium_core::row::{Column, EncodedRows, RowView};
use actarium_store::{Append, AppendError, Engine, EngineOptions, NewOrganization, SystemClock, SystemEntropy};

fn batch(random: &mut u64, size: u64) -> EncodedRows {
    let mut next = || {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random
    };
    let mut rows = EncodedRows::new();
    for _ in 0..size {
        let (who, what, about) = (next() % 2_000, next() % 20_000, next() % 60);
        let actor = format!(
            r#"{{"type":"user","id":"usr_{who:08x}","name":"User {who}","email":"user.{who}@example.com","groups":["platform","team-{}"]}}"#,
            who % 40
        );
        let targets = format!(
            r#"[{{"type":"component","id":"cmp_{what:08x}","name":"component-{what}"}},{{"type":"project","id":"prj_{}"}}]"#,
            what % 300
        );
        let (action, ip) = (format!("component.action_{about}"), format!("10.{}.{}.{}", who % 7, who % 250, who % 13));
        let request = format!("{:016x}{:016x}", next(), next());
        let external = format!("evt_{:016x}", next());
        let message = format!("User {who} changed component-{what} in project {}", what % 300);
        let metadata =
            format!(r#"{{"branch":"main","duration_ms":{},"region":"eu-west-{}"}}"#, next() % 9_000, about % 3);
        let mut row = RowView::EMPTY;
        row.occurred_at = Some(1_780_000_000_000_000 - (next() % 31_000_000_000_000) as i64);
        let texts: [(Column, &str); 13] = [
            (Column::Action, &action),
            (Column::Outcome, "success"),
            (Column::Source, "api"),
            (Column::Sender, "key_1"),
            (Column::Actor, &actor),
            (Column::Targets, &targets),
            (Column::Ip, &ip),
            (Column::UserAgent, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
            (Column::RequestId, &request),
            (Column::Surface, "console"),
            (Column::Message, &message),
            (Column::Metadata, &metadata),
            (Column::ExternalId, &external),
        ];
        for (column, text) in texts {
            row.texts[column as usize] = Some(text);
        }
        rows.push(&row);
    }
    rows
}

#[allow(clippy::disallowed_methods)] // Measures durations.
fn main() {
    let argument =
        |at: usize, default: u64| std::env::args().nth(at).map_or(default, |text| text.parse().expect("a number"));
    let (events, clients) = (argument(1, 1_000_000), argument(2, 4));
    let folder = std::env::temp_dir().join(format!("actarium-append-rate-{}", std::process::id()));
    let mut options = EngineOptions::new(&folder);
    options.seal.automatic = std::env::var_os("NO_SEAL").is_none();
    if let Some(threads) = std::env::var("SEAL_THREADS").ok().and_then(|text| text.parse().ok()) {
        options.seal.threads = threads;
    }
    let engine = Engine::open(options, Arc::new(SystemClock::new()), Arc::new(SystemEntropy)).expect("opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let organizations: Vec<_> = (0..50)
        .map(|number| {
            let new =
                NewOrganization { id: engine.new_organization_id(), slug: format!("org-{number}"), name: "O".into() };
            runtime.block_on(engine.create_organization(new, Vec::new())).expect("created").id
        })
        .collect();
    // Made beforehand, so that only recording is measured.
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let batches: Vec<EncodedRows> = (0..events / 1_000).map(|_| batch(&mut random, 1_000)).collect();
    let bytes: usize = batches.iter().map(EncodedRows::byte_len).sum();
    let next = AtomicU64::new(0);
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let Some(rows) = batches.get(at) else { return };
                    // About zipf: the first organization has a fifth.
                    let zipf = (50f64.powf((at as u64 * 0x9e37 % 1_000) as f64 / 1_000.0) - 1.0) as usize;
                    loop {
                        match runtime.block_on(engine.append(Append::new(organizations[zipf], rows.clone()))) {
                            Ok(_) => break,
                            Err(AppendError::Overloaded { .. }) => {
                                std::thread::sleep(std::time::Duration::from_millis(50))
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    let took = start.elapsed();
    println!(
        "{events} events, {} bytes of rows each: {:.0} events/s durable",
        bytes as u64 / events,
        events as f64 / took.as_secs_f64()
    );
    let stats = engine.stats();
    println!(
        "commits {}, mean {} us; unsealed {}",
        stats.commits,
        stats.commit_latency_micros / stats.commits,
        stats.unsealed_events
    );
    engine.seal_now(None);
    println!(
        "settled after {:.2} s; segments {} bytes/event",
        start.elapsed().as_secs_f64(),
        engine.stats().segment_bytes / events
    );
    engine.shutdown();
    println!("closed after {:.2} s; journal {} bytes", start.elapsed().as_secs_f64(), engine.stats().journal_bytes);
    std::fs::remove_dir_all(folder).expect("removed");
}
