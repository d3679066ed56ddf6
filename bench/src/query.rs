//! Asks a server the questions of a plan over one kept-alive connection, measures each, and keeps the answers in a form
//! that the other systems' answers can be compared with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::event::write_time;
use crate::generate::{Plan, Question};
use crate::http::{Connection, Target, encode};
use crate::load::percentile_ms;

/// How many events a look-up asks for.
const NEWEST: usize = 50;

/// What is to be asked.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// The plan (`questions.json`) that `generate` wrote.
    #[arg(long)]
    plan: PathBuf,
    /// How often every question is asked after it was asked once to warm up.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Ask only the first question of the row `newest` for each organization, once, without warming up.
    #[arg(long)]
    cold: bool,
    /// Where to write the answers.
    #[arg(long)]
    answers: Option<PathBuf>,
}

/// Asks and prints the measures as JSON: row → size → milliseconds, or events per second for exports.
///
/// # Errors
/// If the server does not answer 200.
// Durations of requests are what is measured here.
#[allow(clippy::disallowed_methods)]
pub fn run(options: &Options) -> Result<()> {
    let plan: Plan = serde_json::from_slice(&std::fs::read(&options.plan).context("reading the plan")?)?;
    let mut connection = options.target.connect()?;
    let healthy = options.target.get("/healthz");
    connection.send(&healthy)?;
    if options.cold {
        return cold(&plan, &options.target, &mut connection);
    }
    let mut measures: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut answers = Vec::new();
    for group in plan.questions.chunk_by(|one, other| one.row == other.row && one.size == other.size) {
        let requests: Vec<Vec<u8>> = group.iter().map(|question| options.target.get(&path(question))).collect();
        let mut counts = Vec::new();
        for (question, request) in group.iter().zip(&requests) {
            let answer = ask(&mut connection, question, request)?;
            counts.push(answer.as_u64_at("count"));
            answers.push(json!({
                "row": question.row, "size": question.size, "value": question.value, "to_us": question.to_us,
                "answer": answer.0,
            }));
        }
        let mut took = Vec::with_capacity(requests.len() * options.rounds);
        let mut rates = Vec::new();
        for _ in 0..options.rounds {
            for (request, count) in requests.iter().zip(&counts) {
                let begun = Instant::now();
                let answer = connection.send(request)?;
                let elapsed = begun.elapsed();
                if answer.status != 200 {
                    bail!("the server answered {} after it had answered 200", answer.status);
                }
                took.push(elapsed);
                rates.push(*count as f64 / elapsed.as_secs_f64());
            }
        }
        let (row, size) = (group[0].row.clone(), group[0].size.clone());
        let measure = if row == "export" {
            rates.sort_by(f64::total_cmp);
            json!({"events_per_second": rates.get(rates.len() / 2), "events": counts.first()})
        } else {
            took.sort_unstable();
            json!({"p50": percentile_ms(&took, 0.5), "p99": percentile_ms(&took, 0.99), "asked": took.len()})
        };
        eprintln!("{row} {size}: {measure}");
        measures.entry(row).or_default().insert(size, measure);
    }
    if let Some(path) = &options.answers {
        std::fs::write(path, serde_json::to_vec(&answers)?).with_context(|| format!("writing {}", path.display()))?;
    }
    println!("{}", json!(measures));
    Ok(())
}

// Durations of requests are what is measured here.
#[allow(clippy::disallowed_methods)]
fn cold(plan: &Plan, target: &Target, connection: &mut Connection) -> Result<()> {
    let mut measures = BTreeMap::new();
    for question in plan.questions.iter().filter(|question| question.row == "newest") {
        if measures.contains_key(&question.size) {
            continue;
        }
        let request = target.get(&path(question));
        let begun = Instant::now();
        let status = connection.send(&request)?.status;
        let took: Duration = begun.elapsed();
        if status != 200 {
            bail!("the server answered {status}");
        }
        measures.insert(question.size.clone(), took.as_secs_f64() * 1e3);
    }
    println!("{}", json!(measures));
    Ok(())
}

/// The request's path and query.
fn path(question: &Question) -> String {
    let time = |micros| {
        let mut text = Vec::new();
        write_time(&mut text, micros);
        String::from_utf8_lossy(&text).into_owned()
    };
    let organization = &question.organization;
    let value = question.value.as_deref().map(encode).unwrap_or_default();
    let period = format!("from={}&to={}", encode(&time(question.from_us)), encode(&time(question.to_us)));
    let events = format!("/v1/orgs/{organization}/events");
    match question.row.as_str() {
        "newest" => format!("{events}?{period}&limit={NEWEST}"),
        "actor" => format!("{events}?{period}&limit={NEWEST}&actor={value}"),
        "failed_action" => format!("{events}?{period}&limit={NEWEST}&action={value}&outcome=failure"),
        "request_id" => format!("{events}?{period}&limit={NEWEST}&request_id={value}"),
        "name" | "text" => format!("{events}?{period}&limit={NEWEST}&q=%22{value}%22"),
        "per_day" => format!("{events}/histogram?{period}&interval=1d"),
        "top_actors" => format!("{events}/facets?{period}&field=actor&limit=10"),
        "export" => format!("/v1/orgs/{organization}/export?{period}&format=ndjson"),
        row => unreachable!("the plan has no row {row}"),
    }
}

/// An answer in the common form.
struct Common(Value);

impl Common {
    fn as_u64_at(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or(0)
    }
}

/// Asks once and brings the answer into the form that is the same for all systems.
fn ask(connection: &mut Connection, question: &Question, request: &[u8]) -> Result<Common> {
    let answer = connection.send(request)?;
    if answer.status != 200 {
        let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(800)]);
        bail!("{} of {}: the server answered {}: {body}", question.row, question.organization, answer.status);
    }
    if question.row == "export" {
        return exported(answer.body).map(Common);
    }
    let body: Value = serde_json::from_slice(answer.body)?;
    let common = match question.row.as_str() {
        "per_day" => per_day(&body),
        "top_actors" => body["facets"]["actor"]
            .as_array()
            .map(|actors| Value::Array(actors.iter().map(|actor| json!([actor["value"], actor["count"]])).collect())),
        _ => body["events"]
            .as_array()
            .map(|events| Value::Array(events.iter().map(|event| event["external_id"].clone()).collect())),
    };
    common.map(Common).with_context(|| format!("{}: the answer has another form", question.row))
}

/// `[day, outcome, count]` for each count above zero, sorted.
fn per_day(body: &Value) -> Option<Value> {
    let mut rows = Vec::new();
    for bucket in body["buckets"].as_array()? {
        let day = bucket["start"].as_str()?.get(..10)?;
        for (outcome, count) in bucket["counts"].as_object()? {
            if count.as_u64()? > 0 {
                rows.push((day.to_owned(), outcome.clone(), count.as_u64()?));
            }
        }
    }
    rows.sort();
    Some(json!(rows))
}

/// How many events, and the sum of their external ids' numbers, which does not depend on the order.
fn exported(body: &[u8]) -> Result<Value> {
    let (mut count, mut sum) = (0u64, 0u64);
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event: Value = serde_json::from_slice(line)?;
        let id = event["external_id"].as_str().and_then(|id| u64::from_str_radix(id.strip_prefix("evt_")?, 16).ok());
        // An export holds everything in its period; what did not come from the generator is not compared.
        if let Some(id) = id {
            count += 1;
            sum = sum.wrapping_add(id);
        }
    }
    Ok(json!({"count": count, "sum": sum.to_string()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_becomes_a_path_with_everything_encoded() {
        let question = Question {
            row: "name".to_owned(),
            size: "mid".to_owned(),
            organization: "org-10".to_owned(),
            from_us: 0,
            to_us: 1_000_000,
            value: Some("bold-fox-api".to_owned()),
        };
        assert_eq!(
            path(&question),
            "/v1/orgs/org-10/events?from=1970-01-01T00%3A00%3A00.000000Z&to=1970-01-01T00%3A00%3A01.000000Z&limit=50&q=%22bold-fox-api%22"
        );
    }

    #[test]
    fn exports_are_summed_whatever_their_order() {
        let one = exported(b"{\"external_id\":\"evt_0000000000000001\"}\n{\"external_id\":\"evt_ffffffffffffffff\"}\n");
        assert_eq!(one.ok(), Some(json!({"count": 2, "sum": "0"})));
    }
}
