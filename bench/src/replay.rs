//! Repeats real CloudTrail records with shifted times and new ids, so that something that nobody here wrote is measured in
//! volume. Each repetition is the whole of the records an hour earlier; everything else stays as it was recorded.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::event::{parse_time, uuid_v4, write_time, write_uuid};
use crate::generate::{BATCH_EVENTS, BatchHead, DAYS, Plan, Question};
use crate::rng::Rng;

/// Between two repetitions; the records span 55 minutes.
const REPEAT_US: i64 = 3_600_000_000;
/// The organization that the records are sent to.
const ORGANIZATION: &str = "cloudtrail";
/// Different words to look for.
const WORDS_MAX: usize = 24;
/// Parameters of requests that name things which people look for.
const NAMING: [&str; 6] = ["bucketName", "roleName", "userName", "policyName", "name", "instanceId"];

/// What is to be repeated.
#[derive(clap::Args)]
pub struct Options {
    /// The records, one JSON object a line, compressed with zstd.
    #[arg(long)]
    source: PathBuf,
    /// How often.
    #[arg(long)]
    copies: usize,
    /// The seed of the new ids.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The time of the newest record (RFC 3339, UTC).
    #[arg(long)]
    now: String,
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
}

/// Writes batches of records and a plan of what to ask.
///
/// # Errors
/// If the records cannot be read or the folder cannot be written.
pub fn run(options: &Options) -> Result<()> {
    let now_us = parse_time(&options.now)?;
    let mut records = read_records(&options.source)?;
    std::fs::create_dir_all(&options.out)?;
    let newest = records.iter().map(|(at, _)| *at).max().context("there are no records")?;
    let mut rng = Rng::new(options.seed);
    let mut out = BufWriter::new(std::fs::File::create(options.out.join("batches-0001.ndjson"))?);
    let mut batch = Vec::new();
    let (mut events, mut bytes) = (0, 0);
    // The oldest repetition first, as it would have come.
    for copy in (0..options.copies).rev() {
        for (at, record) in &mut records {
            let mut time = Vec::new();
            write_time(&mut time, *at - newest + now_us - copy as i64 * REPEAT_US);
            // CloudTrail's times have whole seconds.
            let second = String::from_utf8_lossy(&time[..19]).into_owned();
            record["eventTime"] = json!(format!("{second}Z"));
            record["eventID"] = json!(new_id(&mut rng));
            if record.get("requestID").is_some_and(Value::is_string) {
                record["requestID"] = json!(new_id(&mut rng));
            }
            serde_json::to_writer(&mut batch, record)?;
            batch.push(b'\n');
            events += 1;
            if events % BATCH_EVENTS == 0 {
                bytes += flush(&mut out, &mut batch, BATCH_EVENTS)?;
            }
        }
    }
    if !batch.is_empty() {
        bytes += flush(&mut out, &mut batch, events % BATCH_EVENTS)?;
    }
    out.flush()?;
    let plan = Plan {
        seed: options.seed,
        late: 0.0,
        events,
        json_bytes: (bytes - events) as u64,
        now_us,
        organizations: vec![ORGANIZATION.to_owned()],
        asked_events: [events, events],
        questions: questions(&records, now_us),
    };
    std::fs::write(options.out.join("questions.json"), serde_json::to_vec_pretty(&plan)?)?;
    Ok(())
}

fn read_records(source: &PathBuf) -> Result<Vec<(i64, Value)>> {
    let file = std::fs::File::open(source).with_context(|| format!("opening {}", source.display()))?;
    let lines = BufReader::new(zstd::stream::read::Decoder::new(file)?).lines();
    lines
        .map(|line| {
            let record: Value = serde_json::from_str(&line?)?;
            let at = parse_time(record["eventTime"].as_str().context("a record without eventTime")?)?;
            Ok((at, record))
        })
        .collect()
}

fn new_id(rng: &mut Rng) -> String {
    let mut text = Vec::with_capacity(36);
    write_uuid(&mut text, &uuid_v4(rng));
    String::from_utf8_lossy(&text).into_owned()
}

fn flush(out: &mut impl Write, batch: &mut Vec<u8>, events: usize) -> Result<usize> {
    serde_json::to_writer(&mut *out, &BatchHead { organization: ORGANIZATION.to_owned(), events, bytes: batch.len() })?;
    out.write_all(b"\n")?;
    out.write_all(batch)?;
    let bytes = batch.len();
    batch.clear();
    Ok(bytes)
}

/// Looks for names that requests carry, wherever they stand.
fn questions(records: &[(i64, Value)], now_us: i64) -> Vec<Question> {
    let mut names: Vec<String> = Vec::new();
    for (_, record) in records {
        for key in NAMING {
            if let Some(name) = record["requestParameters"][key].as_str()
                && name.len() >= 6
                && !name.contains('"')
                && !names.iter().any(|known| known == name)
                && names.len() < WORDS_MAX
            {
                names.push(name.to_owned());
            }
        }
    }
    let to_us = now_us + 1_000_000;
    names
        .into_iter()
        .map(|name| Question {
            row: "text".to_owned(),
            size: "mid".to_owned(),
            organization: ORGANIZATION.to_owned(),
            from_us: to_us - DAYS * crate::event::DAY_US,
            to_us,
            value: Some(name),
        })
        .collect()
}
