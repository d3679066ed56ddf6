//! `actarium-verify`: checks an export of an audit log, or the proof of an event, with nothing but what is given to it.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use actarium_core::inert::inert;
use actarium_verify::{AskedQuery, Trust, verify_asked};

const HELP: &str = "\
Checks an export of an audit log, a folder or a .tar.zst, or the proof of an event, a .tlog-proof.

Usage: actarium-verify [OPTIONS] <EXPORT or PROOF>

  --key KEY         The log's verifier key, from a source of your own (or a file that holds it)
  --anchor FILE     A checkpoint of the log that you kept; may be given several times
  --witness KEY     The key of a witness whose signature counts (or a file); may be given several times
  --handovers FILE  The changes of the log's key, from a later export or the service
  --query PHRASE    What you asked for: another query in the export's manifest is wrong; \"\" for no phrase
  --from TIME       The beginning that you asked for (RFC 3339); with --query or --to: none if not given
  --to TIME         The end that you asked for, likewise
  --require-anchor  Say no unless what you gave vouches for all that is shown
  --json            Write the report as one JSON object
  -h, --help        Print this
  -V, --version     Print the version

Exit codes: 0 sound · 1 something is wrong or missing · 2 wrong usage · 3 sound, but not anchored (with --require-anchor)";

struct Arguments {
    export: String,
    trust: Trust,
    asked: Option<AskedQuery>,
    require_anchor: bool,
    json: bool,
}

/// The text itself, or what the file of that name holds.
fn text_or_file(text: &str) -> String {
    if text.contains('+') { text.to_owned() } else { std::fs::read_to_string(text).unwrap_or_else(|_| text.to_owned()) }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut trust = Trust::default();
    let (mut query, mut from, mut to) = (None, None, None);
    let (mut export, mut require_anchor, mut json) = (None, false, false);
    while let Some(argument) = given.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (argument.clone(), None),
        };
        let mut value = || inline.clone().or_else(|| given.next()).ok_or_else(|| format!("{name} needs a value"));
        match name.as_str() {
            "-h" | "--help" => {
                println!("{HELP}");
                return Ok(None);
            }
            "-V" | "--version" => {
                println!("actarium-verify {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            "--key" => trust.add_key(&text_or_file(&value()?)).map_err(|error| error.to_string())?,
            "--witness" => trust.add_witness(&text_or_file(&value()?)).map_err(|error| error.to_string())?,
            "--anchor" => {
                let file = value()?;
                let bytes = std::fs::read(&file).map_err(|error| format!("--anchor {file}: {error}"))?;
                trust.add_anchor(&bytes).map_err(|error| error.to_string())?;
            }
            "--handovers" => {
                let file = value()?;
                let bytes = std::fs::read(&file).map_err(|error| format!("--handovers {file}: {error}"))?;
                trust.add_handovers(&bytes).map_err(|error| error.to_string())?;
            }
            "--query" => query = Some(value()?),
            "--from" => from = Some(value()?),
            "--to" => to = Some(value()?),
            "--require-anchor" => require_anchor = true,
            "--json" => json = true,
            _ if argument.starts_with('-') => return Err(format!("there is no option {argument}")),
            _ if export.is_some() => return Err("one export or proof at a time".to_owned()),
            _ => export = Some(argument),
        }
    }
    let export = export.ok_or("which export? Give a folder, a .tar.zst or a .tlog-proof")?;
    let asked =
        AskedQuery::parse(query.as_deref(), from.as_deref(), to.as_deref()).map_err(|error| error.to_string())?;
    Ok(Some(Arguments { export, trust, asked, require_anchor, json }))
}

fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let path = Path::new(&arguments.export);
    let report = match verify_asked(path, &arguments.trust, arguments.asked.as_ref(), arguments.json) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{}", inert(&error.to_string()));
            return ExitCode::from(error.exit_code());
        }
    };
    let text = match arguments.json {
        true => format!("{}\n", report.to_json(arguments.require_anchor)),
        false => report.to_string(),
    };
    // Whoever closed the pipe has read enough; the exit code is the answer.
    if let Err(error) = std::io::stdout().write_all(text.as_bytes())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("the report cannot be written: {error}");
        return ExitCode::from(2);
    }
    ExitCode::from(report.exit_code(arguments.require_anchor))
}
