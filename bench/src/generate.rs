//! Writes the events of a seed as files of ready request bodies, and beside them what may be asked about them.
//! The files are read by the load client and by the scripts that load the other systems, so all get the same events
//! in the same batches and the same order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::event::{DAY_US, Written, write_event, write_uuid};
use crate::rng::Rng;
use crate::world::World;

/// Days that the events are spread over, ending at `now`.
pub const DAYS: i64 = 365;
/// Events of one organization in a batch, at most.
pub const BATCH_EVENTS: usize = 1_000;
/// Bytes after which another file is begun.
const FILE_BYTES_MAX: usize = 128 << 20;
/// Different actors, actions, ids and names to ask for, in each of the two organizations.
const PARAMETERS: usize = 24;
/// Different periods to ask for.
const PERIODS: i64 = 20;
/// The rank of the organization of middle size among the 50.
const MID: usize = 9;

/// What is to be generated.
#[derive(clap::Args)]
pub struct Options {
    /// How many events.
    #[arg(long)]
    events: usize,
    /// From which seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which part of the events arrives late, by up to a year.
    #[arg(long, default_value_t = 0.0)]
    late: f64,
    /// The time of the newest event (RFC 3339, UTC).
    #[arg(long)]
    now: String,
    /// How the organizations' slugs begin.
    #[arg(long, default_value = "org")]
    prefix: String,
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
}

/// One line before each batch in a file.
#[derive(Serialize, Deserialize)]
pub struct BatchHead {
    /// The organization's slug.
    pub organization: String,
    /// How many lines follow.
    pub events: usize,
    /// How many bytes they have together, line ends included.
    pub bytes: usize,
}

/// What was generated, and what is to be asked (`questions.json`).
#[derive(Serialize, Deserialize)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Part of the events that arrive late.
    pub late: f64,
    /// Number of events.
    pub events: usize,
    /// Bytes of JSON, line ends not counted.
    pub json_bytes: u64,
    /// Time of the newest event in microseconds since 1970.
    pub now_us: i64,
    /// Slugs of all organizations that have events.
    pub organizations: Vec<String>,
    /// Events of the organization of middle size, and of the largest.
    pub asked_events: [usize; 2],
    /// What is asked, in groups of the same row and size.
    pub questions: Vec<Question>,
}

/// Something to be asked of every system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// The row of the table.
    pub row: String,
    /// `mid` or `largest`.
    pub size: String,
    /// Whose events.
    pub organization: String,
    /// The first microsecond that counts.
    pub from_us: i64,
    /// The first microsecond that does not count any more.
    pub to_us: i64,
    /// The actor's id, the action, the request's id or the resource's name.
    pub value: Option<String>,
}

/// Generates as asked.
///
/// # Errors
/// If the folder cannot be written, or `now` is no time.
pub fn run(options: &Options) -> Result<()> {
    let now_us = crate::event::parse_time(&options.now)?;
    std::fs::create_dir_all(&options.out).with_context(|| format!("creating {}", options.out.display()))?;
    let mut world = World::new(options.seed, &options.prefix);
    let mut rng = Rng::new(options.seed);
    let mut files = Files::new(&options.out);
    let mut asked = [Sampler::new("mid", options.seed), Sampler::new("largest", options.seed + 1)];
    let mut batches: Vec<(Vec<u8>, usize)> = world.organizations.iter().map(|_| (Vec::new(), 0)).collect();
    let mut has_events = vec![false; batches.len()];
    let clock = Rhythm::new(now_us);
    let mut json_bytes = 0;
    for number in 0..options.events {
        let sent_at = clock.at((number as f64 + rng.unit()) / options.events as f64);
        let late = rng.chance(options.late);
        let occurred_at = if late { sent_at - ((sent_at - clock.start) as f64 * rng.unit()) as i64 } else { sent_at };
        let index = world.weights.draw(&mut rng);
        let action = world.actions.draw(&mut rng);
        let (batch, events) = &mut batches[index];
        let before = batch.len();
        let written = write_event(batch, &mut rng, &mut world.organizations[index], action, occurred_at);
        match index {
            0 => asked[1].see(&written),
            MID => asked[0].see(&written),
            _ => {}
        }
        json_bytes += (batch.len() - before) as u64;
        batch.push(b'\n');
        *events += 1;
        has_events[index] = true;
        if *events == BATCH_EVENTS {
            files.batch(&world.organizations[index].slug, batch, events)?;
        }
        if number % 500_000 == 499_999 {
            eprintln!("generated {} of {} events", number + 1, options.events);
        }
    }
    for (index, (batch, events)) in batches.iter_mut().enumerate() {
        if *events > 0 {
            files.batch(&world.organizations[index].slug, batch, events)?;
        }
    }
    files.finish()?;
    let [mid, largest] = asked;
    let asked = [(mid, &world.organizations[MID].slug), (largest, &world.organizations[0].slug)];
    let plan = Plan {
        seed: options.seed,
        late: options.late,
        events: options.events,
        json_bytes,
        now_us,
        organizations: world
            .organizations
            .iter()
            .zip(&has_events)
            .filter(|(_, has)| **has)
            .map(|(organization, _)| organization.slug.clone())
            .collect(),
        asked_events: [asked[0].0.events, asked[1].0.events],
        questions: asked.into_iter().flat_map(|(sampler, slug)| sampler.finish(slug, now_us)).collect(),
    };
    let path = options.out.join("questions.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&plan)?).with_context(|| path.display().to_string())?;
    Ok(())
}

/// When things happen: more by day than by night, less at weekends.
struct Rhythm {
    start: i64,
    /// The part of all events that happened before the end of each hour.
    until: Vec<f64>,
}

const HOUR_US: i64 = DAY_US / 24;

impl Rhythm {
    fn new(now_us: i64) -> Self {
        let start = now_us - DAYS * DAY_US;
        let mut sum = 0.0;
        let mut until: Vec<f64> = (0..DAYS * 24)
            .map(|hour| {
                let at = start + hour * HOUR_US;
                let of_day = at.rem_euclid(DAY_US) / HOUR_US;
                // 1970-01-01 was a Thursday.
                let weekend = (at.div_euclid(DAY_US) + 3).rem_euclid(7) >= 5;
                let busy = if (7..19).contains(&of_day) { 1.0 } else { 0.3 };
                sum += if weekend { busy * 0.4 } else { busy };
                sum
            })
            .collect();
        until.iter_mut().for_each(|value| *value /= sum);
        Rhythm { start, until }
    }

    /// The time before which `part` of all events happened.
    fn at(&self, part: f64) -> i64 {
        let hour = self.until.partition_point(|until| *until < part).min(self.until.len() - 1);
        let before = if hour == 0 { 0.0 } else { self.until[hour - 1] };
        let within = (part - before) / (self.until[hour] - before);
        self.start + hour as i64 * HOUR_US + (within * (HOUR_US - 1) as f64) as i64
    }
}

/// Chooses events to ask about, each with the same probability (reservoir sampling).
struct Sampler {
    rng: Rng,
    size: &'static str,
    events: usize,
    named: usize,
    failures: usize,
    actors: Vec<String>,
    failing_actions: Vec<String>,
    request_ids: Vec<String>,
    names: Vec<String>,
}

impl Sampler {
    fn new(size: &'static str, seed: u64) -> Self {
        let (actors, failing_actions, request_ids, names) = Default::default();
        let rng = Rng::new(seed ^ 0x4153_4b45);
        Sampler { rng, size, events: 0, named: 0, failures: 0, actors, failing_actions, request_ids, names }
    }

    fn see(&mut self, written: &Written<'_>) {
        self.events += 1;
        if let Some(slot) = self.slot(self.events) {
            let mut text = Vec::with_capacity(36);
            write_uuid(&mut text, &written.request_id);
            place(&mut self.request_ids, slot, String::from_utf8_lossy(&text).into_owned());
            place(&mut self.actors, slot, written.actor_id.to_owned());
        }
        if let Some(name) = written.name {
            self.named += 1;
            if let Some(slot) = self.slot(self.named) {
                place(&mut self.names, slot, name.to_owned());
            }
        }
        if written.failed && !self.failing_actions.iter().any(|action| action == written.action) {
            self.failures += 1;
            if let Some(slot) = self.slot(self.failures) {
                place(&mut self.failing_actions, slot, written.action.to_owned());
            }
        }
    }

    /// Where the `count`-th candidate goes, if it is chosen.
    fn slot(&mut self, count: usize) -> Option<usize> {
        let slot = if count <= PARAMETERS * 3 { count - 1 } else { self.rng.below(count) };
        (slot < PARAMETERS * 3).then_some(slot)
    }

    fn finish(self, organization: &str, now_us: i64) -> Vec<Question> {
        let end = now_us + 1_000_000;
        let question = |row: &str, days: i64, to_us: i64, value: Option<String>| Question {
            row: row.to_owned(),
            size: self.size.to_owned(),
            organization: organization.to_owned(),
            from_us: to_us - days * DAY_US,
            to_us,
            value,
        };
        // Periods that differ, so that no answer is asked for twice in a row.
        let moving = |row: &str, days: i64| -> Vec<Question> {
            (0..PERIODS).map(|number| question(row, days, end - number * 97_000_000, None)).collect()
        };
        let valued = |row: &str, values: &[String]| -> Vec<Question> {
            let mut seen = std::collections::HashSet::new();
            let values = values.iter().filter(|value| seen.insert(*value)).take(PARAMETERS);
            values.map(|value| question(row, DAYS, end, Some(value.clone()))).collect()
        };
        [
            moving("newest", 1),
            valued("actor", &self.actors),
            valued("failed_action", &self.failing_actions),
            valued("request_id", &self.request_ids),
            valued("name", &self.names),
            moving("per_day", DAYS),
            moving("top_actors", 30),
            moving("export", 30).into_iter().take(3).collect(),
        ]
        .concat()
    }
}

fn place(into: &mut Vec<String>, slot: usize, value: String) {
    if slot < into.len() {
        into[slot] = value;
    } else {
        into.push(value);
    }
}

/// The files `batches-0001.ndjson` and so on.
struct Files<'a> {
    folder: &'a Path,
    number: usize,
    bytes: usize,
    open: Option<BufWriter<File>>,
}

impl<'a> Files<'a> {
    fn new(folder: &'a Path) -> Self {
        Files { folder, number: 0, bytes: 0, open: None }
    }

    /// Writes a batch with its head and empties it.
    fn batch(&mut self, organization: &str, lines: &mut Vec<u8>, events: &mut usize) -> Result<()> {
        if self.open.is_none() || self.bytes > FILE_BYTES_MAX {
            self.finish()?;
            self.number += 1;
            self.bytes = 0;
            let path = self.folder.join(format!("batches-{:04}.ndjson", self.number));
            let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
            self.open = Some(BufWriter::with_capacity(1 << 20, file));
        }
        let file = self.open.as_mut().context("a file is open")?;
        let head = BatchHead { organization: organization.to_owned(), events: *events, bytes: lines.len() };
        serde_json::to_writer(&mut *file, &head)?;
        file.write_all(b"\n")?;
        file.write_all(lines)?;
        self.bytes += lines.len();
        lines.clear();
        *events = 0;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(mut file) = self.open.take() {
            file.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rhythm_keeps_the_order_and_stays_within_the_year() {
        let now = 1_760_000_000_000_000;
        let rhythm = Rhythm::new(now);
        let mut last = rhythm.start;
        for step in 0..=10_000 {
            let at = rhythm.at(f64::from(step) / 10_000.0);
            assert!((last..=now).contains(&at));
            last = at;
        }
        assert!(now - last < DAY_US);
    }
}
