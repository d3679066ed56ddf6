//! Everything that a search finds, into a file or to stdout.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::client::Client;
use crate::evidence::{self, ProofChoices};
use crate::failure::Failure;
use crate::search::Criteria;
use crate::show::{inert, inert_json};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
}

/// Write everything that a search finds.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium export --org demo --from -30d > events.ndjson
  actarium export --org demo --from -365d --format csv -o denied.csv outcome:denied
  actarium export --org demo --proof -o demo.tar.zst

With -o the file is there under its name only once it is complete.", mut_arg("from", |from| from.help(crate::search::FROM_OF_EXPORT)))]
pub struct ExportArguments {
    #[command(flatten)]
    criteria: Criteria,
    /// How it is written
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// The file to write; stdout if not given
    #[arg(short, long, value_name = "FILE", value_parser = output_file)]
    output: Option<PathBuf>,
    #[command(flatten)]
    choices: ProofChoices,
}

/// A file's name. `-outcome:success` would be read as `-o utcome:success`, and everything be written to that file.
pub fn output_file(text: &str) -> Result<PathBuf, String> {
    if text.starts_with("utcome:") {
        return Err(format!("`-o{text}` is part of a phrase; one that begins with a hyphen comes last, after `--`"));
    }
    Ok(PathBuf::from(text))
}

const CHUNK_BYTES: usize = 64 * 1024;

/// How long the server may look for the next piece; where little is found, pieces are far apart.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

pub fn export(client: &Client, arguments: ExportArguments) -> Result<(), Failure> {
    let criteria = &arguments.criteria;
    let mut query = criteria.query();
    if let (true, Some(output)) = (arguments.choices.proof, &arguments.output) {
        return evidence::export(client, &criteria.org, query, &arguments.choices, output);
    }
    let format = match arguments.format {
        Format::Ndjson => "ndjson",
        Format::Csv => "csv",
    };
    if let Some(folder) = arguments.output.as_deref().filter(|output| names_a_folder(output)) {
        let file = folder.join(format!("events.{format}"));
        let detail = format!("{} is a folder, and the events are one file: give {}", folder.display(), file.display());
        return Err(Failure::Usage(detail));
    }
    query.push(("format".to_owned(), format.to_owned()));
    let path = criteria.org.path("export");
    let stream = client.stream(&path, &query, "*/*", SILENCE_MAX).map_err(|failure| criteria.explain(failure))?;
    // What is written to a terminal is progress enough.
    let is_shown = std::io::stderr().is_terminal() && (arguments.output.is_some() || !std::io::stdout().is_terminal());
    let progress = if is_shown { progress(expected(client, criteria)) } else { ProgressBar::hidden() };
    match &arguments.output {
        None => {
            let stdout = std::io::stdout();
            let lines = if stdout.is_terminal() {
                let mut inert = Inert::new(stdout.lock(), arguments.format);
                copy((stream, arguments.format), &mut inert, &progress)?
            } else {
                copy((stream, arguments.format), &mut stdout.lock(), &progress)?
            };
            told(lines, arguments.format, "stdout");
        }
        Some(file) => {
            let part = partial(file);
            let named = |error: std::io::Error| Failure::Refused(format!("{}: {error}", part.display()));
            let mut output = std::fs::File::create(&part).map_err(named)?;
            let copied = copy((stream, arguments.format), &mut output, &progress).and_then(|lines| {
                output.sync_all().map_err(named)?;
                std::fs::rename(&part, file).map_err(named)?;
                Ok(lines)
            });
            if copied.is_err() {
                let _ = std::fs::remove_file(&part);
            }
            told(copied?, arguments.format, &file.display().to_string());
        }
    }
    Ok(())
}

/// Whether a path is a folder, or says that it is to be one.
fn names_a_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// How many events there will be, as the service counts them; `None` if it does not tell. Asked once the export is under way, to
/// which the count then belongs: it leaves no record of its own.
fn expected(client: &Client, criteria: &Criteria) -> Option<u64> {
    let counted = client.get(&criteria.org.path("events/histogram"), &criteria.query()).ok()?;
    let buckets = counted["buckets"].as_array()?;
    Some(buckets.iter().filter_map(|bucket| bucket["total"].as_u64()).sum())
}

/// A bar over the events that are expected, or without them what was done so far.
fn progress(events: Option<u64>) -> ProgressBar {
    let (bar, template) = match events {
        Some(events) => (ProgressBar::new(events), "{bar:30} {percent}% {human_pos} events, {per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} events, {per_sec}, {elapsed}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

pub fn partial(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

fn told(lines: u64, format: Format, place: &str) {
    match format {
        Format::Ndjson => eprintln!("{lines} events written to {place}"),
        // Without the line that names the columns.
        Format::Csv => eprintln!("{} events written to {place}", lines.saturating_sub(1)),
    }
}

/// Writes text so that it does nothing to a terminal: what it holds of control characters is shown instead.
struct Inert<W> {
    inner: W,
    format: Format,
    /// The beginning of a character, or a carriage return whose line feed is still to come.
    held: Vec<u8>,
}

impl<W: Write> Inert<W> {
    fn new(inner: W, format: Format) -> Self {
        Self { inner, format, held: Vec::new() }
    }

    fn show(&mut self, text: &str) -> std::io::Result<()> {
        let shown = |line: &str| match self.format {
            Format::Ndjson => inert_json(line),
            Format::Csv => inert(line),
        };
        let lines: Vec<String> = text.split('\n').map(|line| shown(line.strip_suffix('\r').unwrap_or(line))).collect();
        self.inner.write_all(lines.join("\n").as_bytes())
    }
}

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let mut whole = match std::str::from_utf8(&self.held) {
            Ok(text) => text.len(),
            // Cut in a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // No text at all, which the server never sends; what is shown of it cannot be exact.
            Err(_) => self.held.len(),
        };
        if whole > 0 && self.held[whole - 1] == b'\r' {
            whole -= 1;
        }
        let rest = self.held.split_off(whole);
        let text = String::from_utf8_lossy(&std::mem::replace(&mut self.held, rest)).into_owned();
        self.show(&text)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let rest = String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned();
        self.inner.write_all(inert(&rest).as_bytes())?;
        self.inner.flush()
    }
}

/// Counts lines as they pass. A text of CSV may hold line breaks, within quotation marks.
struct LineCount {
    format: Format,
    is_quoted: bool,
    lines: u64,
}

impl LineCount {
    fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'"' if matches!(self.format, Format::Csv) => self.is_quoted = !self.is_quoted,
                b'\n' if !self.is_quoted => self.lines += 1,
                _ => {}
            }
        }
    }
}

/// Copies until the stream's proper end; the count of lines.
fn copy(
    (mut stream, format): (impl Read, Format),
    output: &mut dyn Write,
    progress: &ProgressBar,
) -> Result<u64, Failure> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut count = LineCount { format, is_quoted: false, lines: 0 };
    loop {
        let read = stream.read(&mut chunk).map_err(|error| {
            Failure::Unavailable(format!("the export was broken off: {error}; what is there is not complete"))
        })?;
        if read == 0 {
            break;
        }
        output.write_all(&chunk[..read])?;
        count.pass(&chunk[..read]);
        progress.set_position(count.lines);
    }
    output.flush()?;
    progress.finish_and_clear();
    Ok(count.lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a text, however it is cut.
    fn shown(format: Format, text: &str) -> String {
        let whole = written(format, text, text.len().max(1));
        for piece in 1..6 {
            assert_eq!(written(format, text, piece), whole, "in pieces of {piece} bytes");
        }
        whole
    }

    fn written(format: Format, text: &str, piece: usize) -> String {
        let mut output = Inert::new(Vec::new(), format);
        text.as_bytes().chunks(piece).for_each(|chunk| output.write_all(chunk).unwrap());
        output.flush().unwrap();
        String::from_utf8(output.inner).unwrap()
    }

    #[test]
    fn lines_within_a_text_of_csv_are_none() {
        let count = |format, text: &str| {
            let mut count = LineCount { format, is_quoted: false, lines: 0 };
            text.as_bytes().chunks(3).for_each(|piece| count.pass(piece));
            count.lines
        };
        assert_eq!(count(Format::Csv, "id,what\r\n1,\"two\nlines, \"\"both\"\"\n\"\r\n2,x\r\n"), 3);
        assert_eq!(count(Format::Ndjson, "{\"a\":1}\n{\"b\":\"\\\"\"}\n"), 2);
    }

    #[test]
    fn nothing_of_an_event_reaches_a_terminal() {
        let csv = "a,\u{1b}]0;owned\u{7},\"b\rc\u{9b}31m\"\r\nGröße 東京,\"two\nlines\"\r\n";
        let lines = "a,\\u{1b}]0;owned\\u{7},\"b\\rc\\u{9b}31m\"\nGröße 東京,\"two\nlines\"\n";
        assert_eq!(shown(Format::Csv, csv), lines);
        let json = "{\"name\":\"a\u{9b}31m\u{202e}b\"}\n{\"name\":\"Größe 東京\"}\n";
        let lines = "{\"name\":\"a\\u009b31m\\u202eb\"}\n{\"name\":\"Größe 東京\"}\n";
        assert_eq!(shown(Format::Ndjson, json), lines);
    }
}
