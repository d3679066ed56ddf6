//! `actarium exports`: what the service makes in the background and keeps for a while.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use actarium_core::filter::SearchParameters;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::client::Client;
use crate::export::{output_file, partial};
use crate::failure::Failure;
use crate::manage::{Column, JsonArgument, OrgArgument, YesArgument, id, list, put_given, text};
use crate::prompt;
use crate::search::Criteria;
use crate::show::{self, Details};

/// Time between two looks whether an export is made.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the service may take to send the next piece of a file.
const SILENCE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub enum ExportsCommand {
    /// Have an export made by the service; it goes on when this command has ended
    #[command(after_help = "Examples:
  actarium exports make --org acme --format csv --from -30d outcome:denied
  actarium exports make --org acme --format proof --wait

It has what the log holds now and you see of it. `exports get` downloads it; after 7 days it is gone.")]
    Make(Box<MakeArguments>),
    /// List exports, the newest first
    #[command(after_help = "Example:\n  actarium exports list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Download an export
    #[command(after_help = "Examples:
  actarium exports get --org acme export_4b -o denied.csv
  actarium exports get --org acme export_4b > denied.csv

With -o the file is there under its name only once it is complete.")]
    Get {
        #[command(flatten)]
        org: OrgArgument,
        /// Its id, as `exports list` shows it
        export: String,
        /// The file to write; stdout if not given
        #[arg(short, long, value_name = "FILE", value_parser = output_file)]
        output: Option<PathBuf>,
    },
    /// Delete an export; one that is being made ends
    #[command(after_help = "Example:\n  actarium exports delete --org acme export_4b")]
    Delete {
        #[command(flatten)]
        org: OrgArgument,
        /// Its id, as `exports list` shows it
        export: String,
        #[command(flatten)]
        yes: YesArgument,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
    Proof,
}

#[derive(Args, Debug)]
#[command(mut_arg("from", |from| from.help(crate::search::FROM_OF_EXPORT)))]
pub struct MakeArguments {
    #[command(flatten)]
    criteria: Criteria,
    /// How it is written; `proof` is an archive that is verified without the service
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// With a phrase and `--format proof`: show of every other event what the phrase reads, so that nothing can be left out
    #[arg(long)]
    complete: bool,
    /// Wait until it is made
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    form: JsonArgument,
}

const COLUMNS: &[Column] = &[
    ("ID", id),
    ("STATE", state),
    ("FORMAT", |export| text(export, "format")),
    ("EVENTS", |export| export["events"].as_u64().map_or_else(String::new, |events| events.to_string())),
    ("MADE (UTC)", |export| show::moment(&export["created_at"])),
    ("BY", |export| text(&export["owner"], "name")),
    ("UNTIL (UTC)", |export| show::moment(&export["expires_at"])),
    ("PHRASE", |export| text(export, "q")),
];

fn state(export: &Value) -> String {
    let (done, total) = (export["progress"]["done"].as_u64(), export["progress"]["total"].as_u64());
    match done.zip(total) {
        Some((done, total)) => format!("{} {done}/{total}", text(export, "state")),
        None => text(export, "state"),
    }
}

pub fn exports(client: &Client, command: ExportsCommand) -> Result<(), Failure> {
    match command {
        ExportsCommand::Make(arguments) => make(client, &arguments),
        ExportsCommand::List { org, form } => list(client, (&org.path("exports"), "exports"), &[], form.json, COLUMNS),
        ExportsCommand::Get { org, export, output } => get(client, &org, &export, output),
        ExportsCommand::Delete { org, export, yes } => {
            prompt::confirm(yes.yes, || {
                let shown = client.get(&org.path_of("exports", &export), &[])?;
                Ok(format!("{export} ({}) is gone with its file", text(&shown, "file")))
            })?;
            client.delete(&org.path_of("exports", &export))?;
            show::note(&format!("{export} of {} is deleted", org.org));
            Ok(())
        }
    }
}

fn make(client: &Client, arguments: &MakeArguments) -> Result<(), Failure> {
    let criteria = &arguments.criteria;
    let format = match arguments.format {
        Format::Ndjson => "ndjson",
        Format::Csv => "csv",
        Format::Proof => "proof",
    };
    let mut search = SearchParameters::new();
    let mut body = json!({"format": format});
    for (name, value) in criteria.query() {
        if SearchParameters::accepts(&name) {
            let added = search.add(&name, &value);
            added.map_err(|error| criteria.explain(Failure::Refused(error.error.to_string())))?;
        } else {
            body[name] = json!(value);
        }
    }
    let filter = search.filter().map_err(|error| Failure::Refused(error.error.to_string()))?;
    let phrase = Some(filter.to_string()).filter(|phrase| !phrase.is_empty());
    let complete = arguments.complete.then_some(json!(true));
    put_given(&mut body, &[("q", phrase.map(Value::String)), ("complete", complete)]);
    let mut export = client.make(&criteria.org.path("exports"), &body)?;
    if arguments.wait {
        export = waited_for(client, &criteria.org, &id(&export))?;
    }
    if arguments.form.json {
        return show::json_line(&export);
    }
    let details = Details::new().with("export", id(&export)).with("state", state(&export));
    let events = export["events"].as_u64().map_or_else(String::new, |events| events.to_string());
    details.with("events", events).with("file", text(&export, "file")).print()
}

fn waited_for(client: &Client, org: &OrgArgument, export: &str) -> Result<Value, Failure> {
    loop {
        let shown = client.get(&org.path_of("exports", export), &[])?;
        match shown["state"].as_str() {
            Some("done") => return Ok(shown),
            Some("failed") => {
                return Err(Failure::Refused(format!("{export} was not made: {}", text(&shown, "detail"))));
            }
            _ => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn get(client: &Client, org: &OrgArgument, export: &str, output: Option<PathBuf>) -> Result<(), Failure> {
    if output.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::Usage("an export is not for a terminal: `-o FILE` writes it to a file".to_owned()));
    }
    let path = format!("{}/content", org.path_of("exports", export));
    let mut stream = client.stream(&path, &[], "*/*", SILENCE_MAX)?;
    let Some(file) = output else {
        let mut stdout = std::io::stdout().lock();
        std::io::copy(&mut stream, &mut stdout).map_err(|error| broken_off(&error))?;
        return stdout.flush().map_err(Failure::from);
    };
    let part = partial(&file);
    let named = |error: std::io::Error| Failure::Refused(format!("{}: {error}", part.display()));
    let mut written = std::fs::File::create(&part).map_err(named)?;
    let copied = std::io::copy(&mut stream, &mut written).map_err(|error| broken_off(&error)).and_then(|bytes| {
        written.sync_all().map_err(named)?;
        std::fs::rename(&part, &file).map_err(named)?;
        Ok(bytes)
    });
    if copied.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    show::note(&format!("{} bytes written to {}", copied?, file.display()));
    Ok(())
}

fn broken_off(error: &std::io::Error) -> Failure {
    Failure::Unavailable(format!("the download was broken off: {error}; what is there is not complete"))
}
