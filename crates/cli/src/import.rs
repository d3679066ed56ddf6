//! Importing files of records: in parts, with progress, and so that an import that was interrupted goes on.
//!
//! The server tells records it has by their own ids, so importing again records only what is missing. How far an import
//! came is kept beside, so that it need not send again what was answered.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actarium_core::hex::to_hex;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};

use crate::client::{Client, Payload};
use crate::failure::{EXIT_INTERRUPTED, Failure};
use crate::manage::{OrgArgument, counted};
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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

impl Format {
    /// Where its records go, below the organization.
    fn path(self) -> &'static str {
        match self {
            Format::Events => "events",
            Format::Cloudtrail => "ingest/cloudtrail",
            Format::Kubernetes => "ingest/kubernetes",
            Format::Openchoreo => "ingest/openchoreo",
            Format::Github => "ingest/github",
        }
    }

    /// The field of an object that is no record but holds the records.
    fn envelope(self) -> Option<&'static str> {
        match self {
            Format::Cloudtrail => Some("Records"),
            Format::Kubernetes => Some("items"),
            Format::Events | Format::Openchoreo | Format::Github => None,
        }
    }
}

/// Import files.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium import --org acme --format cloudtrail trail/*.json.gz
  zcat audit.log.gz | actarium import --org acme --format kubernetes -

Files are plain, gzip or zstd, told by their content; one record a line, an array, or the format's own envelope. An
import that was interrupted goes on where it stopped when the same command is called again. Importing a file twice
records each of its records once: they are told by their own ids, in the whole log; events by their external_id and by
their place in the file, for at least seven days.")]
pub struct ImportArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// What the files hold
    #[arg(long, value_enum)]
    format: Format,
    /// Files; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The cluster that Kubernetes events come from, which they do not say themselves
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Begin at the start, whatever an earlier import of the same file reached
    #[arg(long)]
    restart: bool,
    /// Add every record that was refused to this file, a JSON object a line: the file, the record's number, where in it, why
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// Tells of refused records: the first ones on the terminal, all of them in a file, if there is one.
struct Refusals {
    told: usize,
    file: Option<(PathBuf, BufWriter<std::fs::File>)>,
}

impl Refusals {
    fn new(path: Option<&PathBuf>, inputs: &[String]) -> Result<Self, Failure> {
        let open = |path: &PathBuf| {
            let wrong = |detail: String| Failure::Usage(format!("--refused {}: {detail}", path.display()));
            if inputs.iter().any(|input| is_same_file(Path::new(input), path)) {
                return Err(wrong("is one of the files to import".to_owned()));
            }
            // What an interrupted import found before stays.
            let file = std::fs::File::options().append(true).create(true).open(path);
            Ok((path.clone(), BufWriter::new(file.map_err(|error| wrong(error.to_string()))?)))
        };
        Ok(Self { told: 0, file: path.map(open).transpose()? })
    }

    /// Puts what was told in the file, before it is noted how far the import came.
    fn flush(&mut self) -> Result<(), Failure> {
        let Some((path, lines)) = &mut self.file else { return Ok(()) };
        lines.flush().map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))
    }

    fn tell(&mut self, file: &str, number: u64, record: &Value, progress: &ProgressBar) -> Result<(), Failure> {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        if let Some((path, lines)) = &mut self.file {
            let line = json!({"file": file, "record": number, "pointer": text("pointer"), "detail": text("detail")});
            writeln!(lines, "{line}").map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))?;
        }
        if self.told < REFUSED_SHOWN_MAX {
            let (pointer, detail) = (show::inert(text("pointer")), show::inert(text("detail")));
            let space = if pointer.is_empty() { "" } else { " " };
            progress.suspend(|| eprintln!("{file}: record {number} refused: {pointer}{space}{detail}"));
        }
        self.told += 1;
        Ok(())
    }

    /// Says how many were not shown, and where they are.
    fn end(mut self) -> Result<(), Failure> {
        self.flush()?;
        let hidden = self.told.saturating_sub(REFUSED_SHOWN_MAX);
        match self.file {
            Some((path, _)) if self.told > 0 => eprintln!("all refused records and why: {}", path.display()),
            Some(_) => {}
            None if hidden > 0 => eprintln!("{hidden} more refused records; --refused FILE writes down all of them"),
            None => {}
        }
        Ok(())
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[derive(Default)]
struct Counts {
    recorded: u64,
    duplicates: u64,
    refused: u64,
    skipped: u64,
}

pub fn import(client: &Client, arguments: ImportArguments) -> Result<(), Failure> {
    if arguments.cluster.is_some() && arguments.format != Format::Kubernetes {
        return Err(Failure::Usage("--cluster is for --format kubernetes".to_owned()));
    }
    let interrupted = watch_interrupt()?;
    let mut counts = Counts::default();
    let mut refusals = Refusals::new(arguments.refused.as_ref(), &arguments.files)?;
    let imported = arguments
        .files
        .iter()
        .try_for_each(|file| import_file(client, &arguments, file, &interrupted, &mut counts, &mut refusals));
    let ended = refusals.end();
    imported.and(ended)?;
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
    if refused > 0 { Err(Failure::Refused(format!("{} refused", counted(refused, "record")))) } else { Ok(()) }
}

/// Sets a flag at the first Ctrl-C, so that the request under way ends well; a second one ends the process.
fn watch_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // From here on a Ctrl-C is noticed, before anything is sent.
    let entered = runtime.enter();
    let mut interrupts = signal(SignalKind::interrupt())?;
    drop(entered);
    let seen = flag.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            while interrupts.recv().await.is_some() {
                if seen.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(EXIT_INTERRUPTED));
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
    refusals: &mut Refusals,
) -> Result<(), Failure> {
    let named = |error: std::io::Error| Failure::Usage(format!("{file}: {error}"));
    let Opened { mut source, bytes, read } = open(file).map_err(named)?;
    let place = Place::of(client, arguments, file);
    let done = if arguments.restart { 0 } else { place.read() };
    if done > 0 {
        eprintln!("{file}: going on after {done} records of an import that was interrupted");
    }
    let progress = bar(file, bytes);
    let mut records = Records::of(&mut source, arguments.format.envelope())
        .map_err(|detail| Failure::Refused(format!("{file}: {detail}")))?;
    let mut sent = 0u64;
    loop {
        let part = records.next_part().map_err(|detail| Failure::Refused(format!("{file}: {detail}")))?;
        if part.records == 0 {
            break;
        }
        if sent + part.records > done {
            let refused = send(client, arguments, &part.lines, sent, file, counts)?;
            for record in &refused {
                let number = sent + record["index"].as_u64().unwrap_or(0) + 1;
                refusals.tell(file, number, record, &progress)?;
            }
        }
        sent += part.records;
        refusals.flush()?;
        place.write(sent);
        progress.set_position(records.position(read.load(Ordering::Relaxed), bytes));
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

/// Sends a part and counts what became of its records; gives back those that were refused.
fn send(
    client: &Client,
    arguments: &ImportArguments,
    lines: &[u8],
    first: u64,
    file: &str,
    counts: &mut Counts,
) -> Result<Vec<Value>, Failure> {
    let bytes = zstd::encode_all(lines, COMPRESSION_LEVEL)?;
    let payload = Payload {
        content_type: "application/x-ndjson",
        content_encoding: Some("zstd"),
        // The adapters tell every record by its own id; events need not have one.
        idempotency_key: (arguments.format == Format::Events).then(|| part_key(lines, first)),
        repeatable: true,
        bytes: &bytes,
    };
    let path = arguments.org.path(arguments.format.path());
    let cluster = arguments.cluster.iter().map(|cluster| ("cluster".to_owned(), cluster.clone()));
    let answer = client.post(&path, &cluster.collect::<Vec<_>>(), &payload);
    let answer = answer.map_err(|failure| failure.of_part(file, first))?;
    if let Some(events) = answer["events"].as_array() {
        let again = events.iter().filter(|event| event["duplicate"] == true).count() as u64;
        counts.duplicates += again;
        counts.recorded += events.len() as u64 - again;
        return Ok(Vec::new());
    }
    let count = |name: &str| answer[name].as_u64().unwrap_or(0);
    counts.recorded += count("recorded");
    counts.duplicates += count("duplicates");
    counts.skipped += count("skipped");
    let refused = answer["refused"].as_array().cloned().unwrap_or_default();
    counts.refused += refused.len() as u64 + count("refused_more");
    Ok(refused)
}

/// The same for the same records at the same place of an import, so that a part that comes again is told.
fn part_key(lines: &[u8], first: u64) -> String {
    let digest = to_hex(&Sha256::digest(lines));
    format!("import-{first}-{digest}")
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

/// A file that is being read.
struct Opened {
    /// Its content, unpacked.
    source: Source,
    /// Its size, if it has one.
    bytes: Option<u64>,
    /// How much of it has been read, as it lies on the disk.
    read: Arc<AtomicU64>,
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Opens a file, unpacked by what it begins with.
fn open(file: &str) -> std::io::Result<Opened> {
    let (raw, bytes): (Box<dyn Read>, Option<u64>) = if file == "-" {
        (Box::new(std::io::stdin()), None)
    } else {
        let opened = std::fs::File::open(file)?;
        let metadata = opened.metadata()?;
        // A pipe has no size.
        (Box::new(opened), metadata.is_file().then_some(metadata.len()))
    };
    let read = Arc::new(AtomicU64::new(0));
    let mut raw = BufReader::with_capacity(1 << 16, Counted { inner: raw, read: read.clone() });
    let start = raw.fill_buf()?;
    let unpacked: Box<dyn Read> = if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(raw))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(zstd::Decoder::with_buffer(raw)?)
    } else {
        Box::new(raw)
    };
    Ok(Opened { source: BufReader::with_capacity(1 << 16, unpacked), bytes, read })
}

/// The records of a file, as lines.
enum Records<'s> {
    Lines { source: &'s mut Source, first: Option<Vec<u8>> },
    Document { records: Vec<Box<RawValue>>, next: usize },
}

struct Part {
    records: u64,
    lines: Vec<u8>,
}

/// The records in an envelope, if the text is one.
fn in_envelope(text: &[u8], field: Option<&str>) -> Option<Vec<Box<RawValue>>> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(text).ok()?;
    serde_json::from_str(fields.remove(field?)?.get()).ok()
}

impl<'s> Records<'s> {
    fn of(source: &'s mut Source, envelope: Option<&str>) -> Result<Self, String> {
        let mut first = Vec::new();
        source.by_ref().take(DOCUMENT_BYTES_MAX).read_until(b'\n', &mut first).map_err(|error| error.to_string())?;
        if first.starts_with("\u{feff}".as_bytes()) {
            first.drain(.."\u{feff}".len());
        }
        let line = serde_json::from_slice::<&RawValue>(&first).ok();
        let one_line = line
            .is_some_and(|line| line.get().starts_with('{') && in_envelope(line.get().as_bytes(), envelope).is_none());
        if one_line {
            return Ok(Self::Lines { source, first: Some(first) });
        }
        let mut document = first;
        source
            .take(DOCUMENT_BYTES_MAX.saturating_sub(document.len() as u64))
            .read_to_end(&mut document)
            .map_err(|error| error.to_string())?;
        if document.len() as u64 >= DOCUMENT_BYTES_MAX {
            return Err(format!(
                "a single JSON document may have up to {DOCUMENT_BYTES_MAX} bytes; put one record on a line"
            ));
        }
        if document.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::Document { records: Vec::new(), next: 0 });
        }
        let records = in_envelope(&document, envelope)
            .map_or_else(|| serde_json::from_slice::<Vec<Box<RawValue>>>(&document), Ok)
            .or_else(|_| serde_json::Deserializer::from_slice(&document).into_iter().collect::<Result<Vec<_>, _>>())
            .map_err(|error| {
                format!("is neither records one a line, nor an array, nor an envelope of records: {error}")
            })?;
        Ok(Self::Document { records, next: 0 })
    }

    /// How far it is, of `bytes`: what has been read, or where a document was read at once, what has been taken of it.
    fn position(&self, read_bytes: u64, bytes: Option<u64>) -> u64 {
        match self {
            Self::Document { records, next } if *next < records.len() => {
                let share = *next as f64 / records.len() as f64;
                (bytes.unwrap_or(read_bytes) as f64 * share) as u64
            }
            _ => read_bytes,
        }
    }

    fn next_part(&mut self) -> Result<Part, String> {
        let mut part = Part { records: 0, lines: Vec::new() };
        while (part.records as usize) < PART_RECORDS_MAX && part.lines.len() < PART_BYTES_MAX {
            match self {
                Self::Lines { source, first } => {
                    let line = match first.take() {
                        Some(line) => line,
                        None => {
                            let mut line = Vec::new();
                            source.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
                            line
                        }
                    };
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
        // A pipe is another one each time.
        let Some(metadata) = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file) else { return Self(None) };
        let mut hasher = DefaultHasher::new();
        let path = std::fs::canonicalize(file).unwrap_or_else(|_| PathBuf::from(file));
        let changed = metadata.modified().ok();
        (client.url(), &arguments.org.org, arguments.format.path(), &arguments.cluster, path, metadata.len(), changed)
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
