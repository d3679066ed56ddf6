//! Prints how fast one core reads, proves and renders events: `cargo run --release -p actarium-core --example speed`.

use actarium_core::canonical::Canonicalizer;
use actarium_core::event::{BodyForm, Intake, Limits, decode};
use actarium_core::render::{Placed, push_event};
use actarium_core::salt::{EPOCH_EVENTS, EpochKey, SaltSequence};
use actarium_core::tree::Frontier;
use std::hint::black_box;
use std::time::Instant;

const EVENTS: u64 = 20_000;
const ROUNDS: u64 = 5;
const NOW: i64 = 1_767_326_400_000_000;

fn event(number: u64) -> String {
    let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (actor, target) = (random >> 53, random >> 40 & 0x3fff);
    format!(
        concat!(
            r#"{{"occurred_at":"2026-01-02T03:{:02}:{:02}.{:06}Z","action":"component.deploy","outcome":"success","#,
            r#""actor":{{"type":"user","id":"usr_{}","name":"Ada Lovelace {}","email":"ada.{}@example.com","groups":["platform","on-call"]}},"#,
            r#""targets":[{{"type":"component","id":"cmp_{}","name":"orders-api-{}"}},{{"type":"project","id":"prj_{}","name":"payments"}},{{"type":"environment","id":"env_prod","name":"production"}}],"#,
            r#""context":{{"ip":"203.0.113.{}","user_agent":"actarium-cli/1.4.2 (linux; x86_64)","request_id":"{:016x}{:016x}","surface":"console"}},"#,
            r#""message":"Deployed build {} of orders-api to production","metadata":{{"build":{},"commit":"{:016x}","duration_ms":{}.5}},"external_id":"{:016x}"}}"#
        ),
        number / 60 % 60,
        number % 60,
        random >> 44,
        actor,
        actor,
        actor,
        target,
        target,
        target % 50,
        number % 250,
        random,
        random.rotate_left(17),
        number,
        number,
        random.rotate_left(31),
        number % 9_000,
        random.rotate_left(7),
    )
}

#[allow(clippy::disallowed_methods)] // Durations are what this measures.
fn measure(what: &str, bytes: usize, mut work: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let each = best / EVENTS as f64;
    let rate = bytes as f64 / best / 1e6;
    println!("{what:32} {:8.0} ns/event {:10.0} events/s {rate:8.0} MB/s", each * 1e9, 1.0 / each);
}

fn main() {
    let events: Vec<String> = (0..EVENTS).map(event).collect();
    let lines = events.join("\n");
    let array = format!("[{}]", events.join(","));
    println!("{} bytes per event", lines.len() as u64 / EVENTS);
    let intake = Intake::new("api", "key_1", NOW);
    let limits = Limits { events_max: EVENTS as usize, ..Limits::default() };

    measure("json only", lines.len(), || {
        for event in &events {
            black_box(actarium_core::json::parse(event.as_bytes()).expect("JSON"));
        }
    });
    measure("decode NDJSON", lines.len(), || {
        black_box(decode(lines.as_bytes(), BodyForm::Ndjson, &intake, &limits).expect("valid"));
    });
    measure("decode array", lines.len(), || {
        black_box(decode(array.as_bytes(), BodyForm::Json, &intake, &limits).expect("valid"));
    });
    let unmasked = Intake { masking: &actarium_core::masking::Masking::OFF, ..intake };
    measure("decode NDJSON, nothing masked", lines.len(), || {
        black_box(decode(lines.as_bytes(), BodyForm::Ndjson, &unmasked, &limits).expect("valid"));
    });
    let rows = decode(lines.as_bytes(), BodyForm::Ndjson, &intake, &limits).expect("valid");
    let mut canonicalizer = Canonicalizer::new();
    measure("row views only", rows.byte_len(), || {
        for row in rows.iter() {
            black_box(&row);
        }
    });
    measure("canonical parts copied", rows.byte_len(), || {
        for row in rows.iter() {
            black_box(canonicalizer.parts(&row, NOW).expect("canonical"));
        }
    });
    measure("salts", 0, || {
        let mut salts = SaltSequence::new(&EpochKey([7; 32]), 0);
        for _ in 0..EVENTS.min(EPOCH_EVENTS) {
            black_box(salts.next_salts());
        }
    });
    measure("leaves with salts and tree", rows.byte_len(), || {
        let mut salts = SaltSequence::new(&EpochKey([7; 32]), 0);
        let mut frontier = Frontier::new();
        for row in rows.iter() {
            let salts = salts.next_salts().expect("one epoch");
            frontier.push(canonicalizer.leaf(&row, NOW, &salts).expect("canonical"));
        }
        black_box(frontier.root());
    });
    let mut out = Vec::new();
    measure("render", lines.len(), || {
        out.clear();
        for (seq, row) in rows.iter().enumerate() {
            let placed = Placed { slug: "acme", opaque_id: &[7; 16], seq: seq as u64, recorded_at: NOW };
            push_event(&mut out, &placed, &row);
            out.push(b'\n');
        }
        black_box(&out);
    });
}
