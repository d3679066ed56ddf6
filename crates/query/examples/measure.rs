#![allow(missing_docs, clippy::disallowed_methods)]
use std::sync::Arc;
use std::time::Instant;
use actarium_core::event::{BodyForm, Intake, Limits, decode};
use actarium_core::filter::Filter;
use actarium_query::*;
use actarium_store::committed::CommittedRows;
use actarium_store::segment::*;
use actarium_store::{Organization, OrganizationId, Snapshot};

fn main() {
    let org = std::env::args().nth(1).unwrap_or("org-01".into());
    let per: usize = std::env::args().nth(2).map_or(131072, |a| a.parse().unwrap());
    let level: i32 = std::env::args().nth(3).map_or(3, |a| a.parse().unwrap());
    let now = 1795424400000000i64;
    let mut runs: Vec<CommittedRows> = Vec::new();
    let mut seq = 0u64;
    let (mut dec, mut bytes) = (0.0, 0usize);
    for f in 1..=5 {
        let text = std::fs::read(format!("/tmp/gen/batches-{f:04}.ndjson")).unwrap();
        let mut at = 0;
        while at < text.len() {
            let end = at + text[at..].iter().position(|b| *b == b'\n').unwrap();
            let head: serde_json::Value = serde_json::from_slice(&text[at..end]).unwrap();
            let body = &text[end + 1..end + 1 + head["bytes"].as_u64().unwrap() as usize];
            at = end + 1 + body.len();
            if text.get(at) == Some(&b'\n') { at += 1; }
            if head["organization"] != org.as_str() { continue; }
            let t = Instant::now();
            let rows = decode(body, BodyForm::Ndjson, &Intake::new("api", "key:1", now), &Limits::default()).unwrap();
            dec += t.elapsed().as_secs_f64();
            bytes += body.len();
            let n = rows.len() as u64;
            runs.push(CommittedRows::one_commit(seq, now + seq as i64, rows));
            seq += n;
        }
    }
    println!("{seq} events, decode {:.2} us/event, {:.0} B json, {:.0} B encoded", dec * 1e6 / seq as f64, bytes as f64 / seq as f64,
        runs.iter().map(|r| r.rows.byte_len()).sum::<usize>() as f64 / seq as f64);
    let folder = std::path::Path::new("/tmp/segs"); let _ = std::fs::remove_dir_all(folder); std::fs::create_dir_all(folder).unwrap();
    let cache = SegmentCache::new(256 << 20);
    let mut segments = Vec::new();
    let (mut total, mut build_s, mut read_s) = (0u64, 0.0, 0.0);
    let mut at = 0;
    while at < runs.len() {
        let mut n = 0; let start = at;
        while at < runs.len() && n < per { n += runs[at].rows.len(); at += 1; }
        let refs: Vec<&CommittedRows> = runs[start..at].iter().collect();
        let t = Instant::now();
        let built = build(&refs, &[], &SegmentOptions { compression_level: level, text_page_bytes: std::env::args().nth(4).map_or(8192, |a| a.parse().unwrap()), ..Default::default() }).unwrap();
        build_s += t.elapsed().as_secs_f64();
        total += built.bytes.len() as u64;
        let path = folder.join(format!("{start}.parquet"));
        std::fs::write(&path, &built.bytes).unwrap();
        let segment = Segment::open(&path, &built.summary, &cache).unwrap();
        let t = Instant::now();
        let mut x = 0usize;
        segment.for_each_row(built.summary.first_seq..built.summary.first_seq + built.summary.rows, &mut |_, _, v| x += v.texts.iter().flatten().map(|t| t.len()).sum::<usize>()).unwrap();
        read_s += t.elapsed().as_secs_f64();
        segments.push(Arc::new(segment));
    }
    println!("{} segments, {:.1} B/event, build {:.2} us/event, read back {:.2} us/event", segments.len(), total as f64 / seq as f64, build_s * 1e6 / seq as f64, read_s * 1e6 / seq as f64);
    let snapshot = Snapshot { organization: Arc::new(Organization { id: OrganizationId([7; 16]), slug: org.clone(), name: org.clone(), created_at: 0 }), size: seq, root: [0; 32], head_recorded_at: now, segments: segments.into(), tail: vec![] };
    let questions: serde_json::Value = serde_json::from_slice(&std::fs::read("/tmp/gen/questions.json").unwrap()).unwrap();
    let mut by_row: std::collections::BTreeMap<String, Vec<f64>> = Default::default();
    let mut found: std::collections::BTreeMap<String, usize> = Default::default();
    for round in 0..3 {
        for q in questions["questions"].as_array().unwrap() {
            if q["organization"] != org.as_str() { continue; }
            let range = TimeRange { from: q["from_us"].as_i64().unwrap(), to: q["to_us"].as_i64().unwrap() };
            let row = q["row"].as_str().unwrap();
            let value = q["value"].as_str().unwrap_or("");
            let filter = match row {
                "actor" => format!("actor:{value}"), "failed_action" => format!("action:{value} outcome:failure"),
                "request" | "request_id" => format!("request_id:{value}"), "name" | "word" => format!("\"{value}\""), _ => String::new() };
            let t = Instant::now();
            let filter = Filter::parse(&filter).unwrap();
            let n = match row {
                "per_day" | "counts" | "histogram" | "count_per_day" => histogram(&snapshot, &HistogramRequest { range, filter, interval: Some(Interval::parse("1d").unwrap()) }, &Stop::never()).unwrap().buckets.iter().map(|b| b.total as usize).sum(),
                "top_actors" | "top" | "facet" => facets(&snapshot, &FacetRequest { range, filter, fields: vec![FacetField::Actor], limit: 10 }, &Stop::never()).unwrap().facets["actor"].len(),
                "export" => { let mut out = 0; export(&snapshot, range, &filter, &Stop::never(), &mut |r| { out += r.row.texts.len(); std::ops::ControlFlow::Continue(()) }).unwrap() as usize }
                _ => search(&snapshot, &Search { range, filter, order: Order::Descending, limit: 50, cursor: None }, &Stop::never()).unwrap().count,
            };
            let key = format!("{row} round {round}");
            by_row.entry(key.clone()).or_default().push(t.elapsed().as_secs_f64() * 1e3);
            *found.entry(key).or_default() += n;
        }
    }
    for (row, mut ms) in by_row { ms.sort_by(f64::total_cmp); println!("{row:25} p50 {:.3} ms max {:.3} ms n={} found {}", ms[ms.len() / 2], ms[ms.len() - 1], ms.len(), found[&row] / ms.len()); }
    println!("cache {} MB", cache.bytes() >> 20);
}
