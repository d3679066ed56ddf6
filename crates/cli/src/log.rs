//! The log as what it proves: how it stands, its key, its checkpoints.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use crate::client::Client;
use crate::failure::Failure;
use crate::manage::OrgArgument;
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
}

pub fn log(client: &Client, command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Show { org, json } => shown(&client.get(&org.path("log"), &[])?, json),
        LogCommand::Key { org, service: true } => {
            show::line(client.get(&org.path("log"), &[])?["log_key"].as_str().unwrap_or_default())
        }
        LogCommand::Key { org, service: false } => show::line(client.get_plain(&org.path("log/key"), &[])?.trim_end()),
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
        true => format!("{} events, {}", checkpoint["size"], show::moment(&checkpoint["published_at"])),
        false => "none yet".to_owned(),
    };
    let writes = match log["detail"].as_str() {
        Some(detail) => format!("none: {detail}"),
        None => "taken".to_owned(),
    };
    let scrubbed = match log["scrub"]["finished_at"].is_string() {
        true => format!("{} segments, {}", log["scrub"]["segments"], show::moment(&log["scrub"]["finished_at"])),
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
