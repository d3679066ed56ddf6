//! The log as what it proves: how it stands, its key, its checkpoints.

use std::path::PathBuf;
use std::sync::Arc;

use actarium_server::{continuing, rotating};
use actarium_store::{EngineOptions, Location, SystemClock, SystemEntropy};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::Client;
use crate::failure::Failure;
use crate::manage::{OrgArgument, counted};
use crate::prompt;
use crate::show;

#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show where a log ends, what was published of it and who signed that
    #[command(after_help = "Example:\n  actarium log show --org acme")]
    Show {
        #[command(flatten)]
        org: OrgArgument,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the verifier key of a log
    #[command(after_help = "Examples:\n  actarium log key --org acme > acme.key
  actarium log key --org acme --service > witness-this.key")]
    Key {
        #[command(flatten)]
        org: OrgArgument,
        /// The key under the service's log name, which stands for the logs of all organizations: what a witness is given
        #[arg(long)]
        service: bool,
    },
    /// Print the newest checkpoint: what to keep elsewhere, and to hold the log against later
    #[command(after_help = "Example:\n  actarium log checkpoint --org acme --witnessed -o 2026-11.checkpoint")]
    Checkpoint {
        #[command(flatten)]
        org: OrgArgument,
        /// The newest that a witness has signed
        #[arg(long)]
        witnessed: bool,
        /// The file to write; stdout if not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Open a log's next generation, after a restore from a backup that is older than what was published
    Continue(ContinueArguments),
    /// Change the key that signs the checkpoints of all logs
    RotateKey(RotateArguments),
}

/// Open a log's next generation.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  actarium log continue --data-dir /var/lib/actarium --org acme --checkpoint last.checkpoint \\
    --explanation \"Disk of db-1 lost, restored from the backup of 2026-11-27\"

For one case alone: the data folder was restored from a backup that is older than what the log has published,
and the newer one is gone for good. Events behind the backup are lost, and this says so for ever: the log goes
on under a new origin, whose first event holds the last checkpoint that is known of the old one. Get that from a
witness (GET WITNESS/SHA-256-OF-THE-ORIGIN/checkpoint), from the place that checkpoints are copied to, or from
an auditor. The service must be stopped. Witnesses go on by themselves; auditors are told of the new origin,
whose key is the same.")]
pub struct ContinueArguments {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The file of the key, if it is not log.key in the data folder
    #[arg(long, value_name = "FILE", env = "ACTARIUM_LOG_KEY")]
    log_key: Option<PathBuf>,
    /// The place of the archive, if it is not the folder archive in the data folder
    #[arg(long, value_name = "PLACE", env = "ACTARIUM_ARCHIVE")]
    archive: Option<Location>,
    /// The organization
    #[arg(long)]
    org: String,
    /// The last checkpoint that is known of the log
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    explanation: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Change the signing key.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  actarium log rotate-key --data-dir /var/lib/actarium --explanation \"Yearly change\"

The old key and the new one both sign the hand-over, which the operator's log records; exports and
`actarium verify` show it, so whoever trusts the old key can go on, and what it signed stays verifiable. The
service must be stopped. Give the new key to the witnesses beside the old one (`actarium witness --log`), and to
auditors: one who had the old key only trusts whatever the old key hands over to.")]
pub struct RotateArguments {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The file of the key, if it is not log.key in the data folder
    #[arg(long, value_name = "FILE", env = "ACTARIUM_LOG_KEY")]
    log_key: Option<PathBuf>,
    /// The place of the archive, if it is not the folder archive in the data folder
    #[arg(long, value_name = "PLACE", env = "ACTARIUM_ARCHIVE")]
    archive: Option<Location>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    explanation: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Changes it.
pub fn rotate_key(arguments: &RotateArguments) -> Result<(), Failure> {
    let question = "all logs of this folder are signed with a new key, and the old one is removed";
    prompt::confirm(arguments.yes, || Ok(question.to_owned()))?;
    let mut options = EngineOptions::new(&arguments.data_dir);
    options.log_key.clone_from(&arguments.log_key);
    options.archive.clone_from(&arguments.archive);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rotated = runtime.block_on(rotating::rotate_log_key(
        options,
        (Arc::new(SystemClock::new()), Arc::new(SystemEntropy)),
        &arguments.explanation,
    ));
    let rotated = rotated.map_err(|error| Failure::Refused(error.to_string()))?;
    show::Details::new()
        .with("old key", rotated.old)
        .with("new key", rotated.new)
        .with("signed anew", format!("{} logs", rotated.logs))
        .print()?;
    show::line("")?;
    show::line(rotated.note.trim_end())
}

/// Opens it.
pub fn continue_log(arguments: &ContinueArguments) -> Result<(), Failure> {
    let file = &arguments.checkpoint;
    let note = std::fs::read(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    let question = format!("the log of {} goes on under a new origin, and this cannot be taken back", arguments.org);
    prompt::confirm(arguments.yes, || Ok(question))?;
    let mut options = EngineOptions::new(&arguments.data_dir);
    options.log_key.clone_from(&arguments.log_key);
    options.archive.clone_from(&arguments.archive);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let continued = runtime.block_on(continuing::continue_log(
        options,
        (Arc::new(SystemClock::new()), Arc::new(SystemEntropy)),
        &arguments.org,
        &note,
        &arguments.explanation,
    ));
    let continued = continued.map_err(|error| Failure::Refused(error.to_string()))?;
    show::Details::new()
        .with("log", continued.origin)
        .with("generation", continued.generation.to_string())
        .with("first event", continued.first_seq.to_string())
        .with("continues", format!("{} at {} events", continued.continues.origin, continued.continues.size))
        .with("key", continued.key)
        .print()
}

pub fn log(client: &Client, command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Show { org, json } => shown(&client.get(&org.path("log"), &[])?, json),
        LogCommand::Key { org, service: true } => {
            show::line(client.get(&org.path("log"), &[])?["log_key"].as_str().unwrap_or_default())
        }
        LogCommand::Key { org, service: false } => show::line(client.get_plain(&org.path("log/key"), &[])?.trim_end()),
        LogCommand::Continue(arguments) => continue_log(&arguments),
        LogCommand::RotateKey(arguments) => rotate_key(&arguments),
        LogCommand::Checkpoint { org, witnessed, output } => {
            let query = [("witnessed".to_owned(), witnessed.to_string())];
            let note = client.get_plain(&org.path("log/checkpoint"), &query)?;
            match output {
                None => show::write_stdout(note.as_bytes()),
                Some(file) => std::fs::write(&file, note)
                    .map_err(|error| Failure::Refused(format!("{}: {error}", file.display()))),
            }
        }
    }
}

fn shown(log: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return show::json_line(log);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checkpoint = &log["checkpoint"];
    let published = match checkpoint["published_at"].is_string() {
        true => format!("{} events, {} UTC", checkpoint["size"], show::moment(&checkpoint["published_at"])),
        false => "none yet".to_owned(),
    };
    let writes = match log["detail"].as_str() {
        Some(detail) => format!("none: {detail}"),
        None => "taken".to_owned(),
    };
    let scrubbed = match log["scrub"]["finished_at"].is_string() {
        true => {
            let segments = log["scrub"]["segments"].as_u64().unwrap_or_default();
            let at = show::moment(&log["scrub"]["finished_at"]);
            match segments {
                0 => format!("{at} UTC: there was no segment yet"),
                _ => format!("{at} UTC: {}, as they were written", counted(segments, "segment")),
            }
        }
        false => "not since the start".to_owned(),
    };
    let details = show::Details::new()
        .with("log", text(&log["origin"]))
        .with("generation", log["generation"].to_string())
        .with("events", log["size"].to_string())
        .with("writes", writes)
        .with("checkpoint", published)
        .with("read again", scrubbed);
    details.print()?;
    let witnesses = log["witnesses"].as_array().map_or(&[][..], |list| list);
    if witnesses.is_empty() {
        return Ok(());
    }
    show::line("")?;
    let mut table = show::Table::new(&["WITNESS", "STATE", "EVENTS", "SIGNED", "DETAIL"]);
    for witness in witnesses {
        table.row(vec![
            text(&witness["name"]),
            text(&witness["state"]),
            witness["size"].as_u64().map_or_else(String::new, |size| size.to_string()),
            if witness["signed_at"].is_string() { show::moment(&witness["signed_at"]) } else { String::new() },
            text(&witness["detail"]),
        ]);
    }
    table.print()
}
