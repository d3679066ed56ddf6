//! Importing files of records: in parts, with progress, and so that an import that was interrupted goes on.
//!
//! The server tells records it has by their own ids, so importing again records only what is missing. How far an import
//! came is kept beside, so that it need not send again what was answered.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::client::{Client, Payload, segment};
use crate::failure::Failure;
use crate::show;

/// Records in one request.
const PART_RECORDS_MAX: usize = 2_000;
/// Bytes of records in one request, before compression.
const PART_BYTES_MAX: usize = 8 << 20;
/// Bytes of a file that is one JSON document, which is read as a whole.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;
/// Refused records that are shown one by one.
const REFUSED_SHOWN_MAX: usize = 20;
/// zstd level of requests.
const COMPRESSION_LEVEL: i32 = 1;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Events as the API takes them
    Events,
    /// AWS CloudTrail
    Cloudtrail,
    /// Kubernetes audit.k8s.io/v1
    Kubernetes,
    /// OpenChoreo audit records
    Openchoreo,
    /// GitHub organization audit log
    Github,
}

/// Import files.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium import --org acme --format cloudtrail trail/*.json.gz
  zcat audit.log.gz | actarium import --org acme --format kubernetes -

Files are plain, .gz or .zst; one record a line, an array, or the format's own envelope. An import that was interrupted goes
on where it stopped when it is called again; importing a file twice records each of its records once.")]
pub struct ImportArguments {
    /// The organization
    #[arg(long)]
    org: String,
    /// What the files hold
    #[arg(long, value_enum)]
    format: Format,
    /// Files; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Begin at the start, whatever an earlier import of the same file reached
    #[arg(long)]
    restart: bool,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Default)]
struct Counts {
    recorded: u64,
    duplicates: u64,
    refused: u64,
    skipped: u64,
}

pub fn import(client: &Client, arguments: ImportArguments) -> Result<(), Failure> {
    let interrupted = watch_interrupt()?;
    let mut counts = Counts::default();
    for file in &arguments.files {
        import_file(client, &arguments, file, &interrupted, &mut counts)?;
    }
    let Counts { recorded, duplicates, refused, skipped } = counts;
    if arguments.json {
        show::json_line(
            &json!({"recorded": recorded, "duplicates": duplicates, "refused": refused, "skipped": skipped}),
        )?;
    } else {
        show::line(&format!(
            "{recorded} recorded, {duplicates} already there, {skipped} not to be recorded, {refused} refused"
        ))?;
    }
    if refused > 0 { Err(Failure::Refused(format!("{refused} records were refused"))) } else { Ok(()) }
}

/// Sets a flag at the first Ctrl-C, so that the request under way ends well; a second one ends the process.
fn watch_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = flag.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if seen.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                eprintln!("stopping after the request under way; Ctrl-C again stops at once");
            }
        });
    });
    Ok(flag)
}

fn import_file(
    client: &Client,
    arguments: &ImportArguments,
    file: &str,
    interrupted: &AtomicBool,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let named = |error: std::io::Error| Failure::Usage(format!("{file}: {error}"));
    let (mut source, size) = open(file).map_err(named)?;
    let place = Place::of(client, arguments, file);
    let done = if arguments.restart { 0 } else { place.read() };
    if done > 0 {
        eprintln!("{file}: going on after {done} records of an import that was interrupted");
    }
    let progress = bar(file, size);
    let mut records = Records::of(&mut source).map_err(|detail| Failure::Refused(format!("{file}: {detail}")))?;
    let mut sent = 0u64;
    loop {
        let part = records.next_part().map_err(|detail| Failure::Refused(format!("{file}: {detail}")))?;
        if part.records == 0 {
            break;
        }
        if sent + part.records > done {
            send(client, arguments, &part.lines, sent, file, counts, &progress)?;
        }
        sent += part.records;
        place.write(sent);
        progress.set_position(part.read_bytes);
        progress.set_message(format!("{sent} records"));
        if interrupted.load(Ordering::Relaxed) {
            progress.abandon();
            return Err(Failure::Interrupted(format!(
                "{file}: {sent} records are done; the same command goes on from there"
            )));
        }
    }
    progress.finish_and_clear();
    place.remove();
    Ok(())
}

fn send(
    client: &Client,
    arguments: &ImportArguments,
    lines: &[u8],
    first: u64,
    file: &str,
    counts: &mut Counts,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let path = match arguments.format {
        Format::Events => "events".to_owned(),
        Format::Cloudtrail => "ingest/cloudtrail".to_owned(),
        Format::Kubernetes => "ingest/kubernetes".to_owned(),
        Format::Openchoreo => "ingest/openchoreo".to_owned(),
        Format::Github => "ingest/github".to_owned(),
    };
    let bytes = zstd::encode_all(lines, COMPRESSION_LEVEL)?;
    let payload = Payload { content_type: "application/x-ndjson", content_encoding: Some("zstd"), bytes: &bytes };
    let answer = client.post(&format!("/v1/orgs/{}/{path}", segment(&arguments.org)), &[], &payload)?;
    if let Some(events) = answer["events"].as_array() {
        let again = events.iter().filter(|event| event["duplicate"] == true).count() as u64;
        counts.duplicates += again;
        counts.recorded += events.len() as u64 - again;
        return Ok(());
    }
    let count = |name: &str| answer[name].as_u64().unwrap_or(0);
    counts.recorded += count("recorded");
    counts.duplicates += count("duplicates");
    counts.skipped += count("skipped");
    let refused = answer["refused"].as_array().cloned().unwrap_or_default();
    let before = usize::try_from(counts.refused).unwrap_or(usize::MAX);
    for record in refused.iter().take(REFUSED_SHOWN_MAX.saturating_sub(before)) {
        let number = first + record["index"].as_u64().unwrap_or(0) + 1;
        let text = |name: &str| show::inert(record[name].as_str().unwrap_or_default());
        progress.suspend(|| eprintln!("{file}: record {number} refused: {} {}", text("pointer"), text("detail")));
    }
    counts.refused += refused.len() as u64 + count("refused_more");
    Ok(())
}

fn bar(file: &str, size: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = if size.is_some() {
        "{prefix} {bar:30} {percent}% {msg}, {bytes_per_sec}, {eta} left"
    } else {
        "{prefix} {spinner} {bytes} {msg}, {bytes_per_sec}"
    };
    progress.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    progress.set_prefix(file.to_owned());
    progress
}

type Source = BufReader<Box<dyn Read>>;

/// Opens a file, unpacked by what it begins with; its size if the progress can be told from it.
fn open(file: &str) -> std::io::Result<(Source, Option<u64>)> {
    let (raw, size): (Box<dyn Read>, Option<u64>) = if file == "-" {
        (Box::new(std::io::stdin()), None)
    } else {
        let opened = std::fs::File::open(file)?;
        let size = opened.metadata()?.len();
        (Box::new(opened), Some(size))
    };
    let mut raw = BufReader::with_capacity(1 << 16, raw);
    let start = raw.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        let unpacked: Box<dyn Read> = Box::new(flate2::bufread::MultiGzDecoder::new(raw));
        return Ok((BufReader::with_capacity(1 << 16, unpacked), None));
    }
    if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let unpacked: Box<dyn Read> = Box::new(zstd::Decoder::with_buffer(raw)?);
        return Ok((BufReader::with_capacity(1 << 16, unpacked), None));
    }
    let plain: Box<dyn Read> = Box::new(raw);
    Ok((BufReader::with_capacity(1 << 16, plain), size))
}

/// The records of a file, as lines.
enum Records<'s> {
    Lines { source: &'s mut Source, first: Option<Vec<u8>>, read_bytes: u64 },
    Document { records: Vec<Box<RawValue>>, next: usize },
}

struct Part {
    records: u64,
    lines: Vec<u8>,
    read_bytes: u64,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Records", alias = "items", alias = "events")]
    records: Vec<Box<RawValue>>,
}

impl<'s> Records<'s> {
    fn of(source: &'s mut Source) -> Result<Self, String> {
        let mut first = Vec::new();
        source.read_until(b'\n', &mut first).map_err(|error| error.to_string())?;
        let line = serde_json::from_slice::<&RawValue>(&first).ok();
        let one_line = line
            .is_some_and(|line| line.get().starts_with('{') && serde_json::from_str::<Envelope>(line.get()).is_err());
        if one_line {
            let read_bytes = first.len() as u64;
            return Ok(Self::Lines { source, first: Some(first), read_bytes });
        }
        let mut document = first;
        source.take(DOCUMENT_BYTES_MAX).read_to_end(&mut document).map_err(|error| error.to_string())?;
        if document.len() as u64 >= DOCUMENT_BYTES_MAX {
            return Err(format!(
                "a single JSON document may have up to {DOCUMENT_BYTES_MAX} bytes; put one record on a line"
            ));
        }
        if document.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::Document { records: Vec::new(), next: 0 });
        }
        let records = serde_json::from_slice::<Envelope>(&document)
            .map(|envelope| envelope.records)
            .or_else(|_| serde_json::from_slice::<Vec<Box<RawValue>>>(&document))
            .or_else(|_| serde_json::Deserializer::from_slice(&document).into_iter().collect::<Result<Vec<_>, _>>())
            .map_err(|error| {
                format!("is neither records one a line, nor an array, nor an envelope of records: {error}")
            })?;
        Ok(Self::Document { records, next: 0 })
    }

    fn next_part(&mut self) -> Result<Part, String> {
        let mut part = Part { records: 0, lines: Vec::new(), read_bytes: 0 };
        while (part.records as usize) < PART_RECORDS_MAX && part.lines.len() < PART_BYTES_MAX {
            match self {
                Self::Lines { source, first, read_bytes } => {
                    let line = match first.take() {
                        Some(line) => line,
                        None => {
                            let mut line = Vec::new();
                            *read_bytes +=
                                source.read_until(b'\n', &mut line).map_err(|error| error.to_string())? as u64;
                            line
                        }
                    };
                    part.read_bytes = *read_bytes;
                    if line.is_empty() {
                        break;
                    }
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        part.lines.extend_from_slice(line.trim_ascii());
                        part.lines.push(b'\n');
                        part.records += 1;
                    }
                }
                Self::Document { records, next } => {
                    let Some(record) = records.get(*next) else { break };
                    *next += 1;
                    // A record that spans lines has no line break but between its tokens.
                    part.lines.extend(
                        record.get().bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }),
                    );
                    part.lines.push(b'\n');
                    part.records += 1;
                }
            }
        }
        Ok(part)
    }
}

/// Where it is kept how far an import came.
struct Place(Option<PathBuf>);

impl Place {
    fn of(client: &Client, arguments: &ImportArguments, file: &str) -> Self {
        let state = std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local").join("state")));
        let Ok(metadata) = std::fs::metadata(file) else { return Self(None) };
        let mut hasher = DefaultHasher::new();
        let path = std::fs::canonicalize(file).unwrap_or_else(|_| PathBuf::from(file));
        let changed = metadata.modified().ok();
        (client.url(), &arguments.org, format!("{:?}", arguments.format), path, metadata.len(), changed)
            .hash(&mut hasher);
        let name = format!("import-{:016x}.json", hasher.finish());
        Self(state.map(|state| state.join("actarium").join(name)))
    }

    fn read(&self) -> u64 {
        let text = self.0.as_ref().and_then(|path| std::fs::read(path).ok());
        let state = text.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        state.and_then(|state| state["records"].as_u64()).unwrap_or(0)
    }

    /// Losing it costs a second look at the same records, so a failure is no failure of the import.
    fn write(&self, records: u64) {
        let Some(path) = &self.0 else { return };
        let Some(folder) = path.parent() else { return };
        let next = path.with_extension("next");
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&next, json!({ "records": records }).to_string()))
            .and_then(|()| std::fs::rename(&next, path));
        if let Err(error) = written {
            eprintln!("{}: {error}; an interruption would begin at the start", path.display());
        }
    }

    fn remove(&self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
