//! Everything that a search finds, into a file or to stdout.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::search::Criteria;

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

With -o the file is there under its name only once it is complete.")]
pub struct ExportArguments {
    #[command(flatten)]
    criteria: Criteria,
    /// How it is written
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// The file to write; stdout if not given
    #[arg(short, long, value_name = "FILE", value_parser = output_file)]
    output: Option<PathBuf>,
}

/// A file's name. `-outcome:success` would be read as `-o utcome:success`, and everything be written to that file.
fn output_file(text: &str) -> Result<PathBuf, String> {
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
    let format = match arguments.format {
        Format::Ndjson => "ndjson",
        Format::Csv => "csv",
    };
    query.push(("format".to_owned(), format.to_owned()));
    let path = format!("/v1/orgs/{}/export", segment(&criteria.org));
    let stream = client.stream(&path, &query, "*/*", SILENCE_MAX).map_err(|failure| criteria.explain(failure))?;
    match &arguments.output {
        None => {
            let lines = copy(stream, &mut std::io::stdout().lock())?;
            told(lines, arguments.format, "stdout");
        }
        Some(file) => {
            let part = partial(file);
            let named = |error: std::io::Error| Failure::Refused(format!("{}: {error}", part.display()));
            let mut output = std::fs::File::create(&part).map_err(named)?;
            let copied = copy(stream, &mut output).and_then(|lines| {
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

fn partial(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

fn told(lines: u64, format: Format, place: &str) {
    // The first line of CSV names the columns. Texts may hold line breaks there, so its lines are no count of events.
    match format {
        Format::Ndjson => eprintln!("{lines} events written to {place}"),
        Format::Csv => eprintln!("complete, written to {place}"),
    }
}

/// Copies until the stream's proper end; the count of lines.
fn copy(mut stream: impl Read, output: &mut dyn Write) -> Result<u64, Failure> {
    let progress = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{spinner} {bytes} written, {bytes_per_sec}, {elapsed}");
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut lines = 0;
    loop {
        let read = stream.read(&mut chunk).map_err(|error| {
            Failure::Unavailable(format!("the export was broken off: {error}; what is there is not complete"))
        })?;
        if read == 0 {
            break;
        }
        output.write_all(&chunk[..read])?;
        lines += chunk[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        progress.inc(read as u64);
    }
    output.flush()?;
    progress.finish_and_clear();
    Ok(lines)
}
