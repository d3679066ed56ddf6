//! What only the operator does with the service itself.

use clap::Subcommand;

use crate::client::{Client, Payload};
use crate::failure::Failure;
use crate::manage::counted;
use crate::show;

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Move what is in the journal into segments now
    #[command(after_help = "Example:\n  actarium admin seal --org acme")]
    Seal {
        /// Only this organization's
        #[arg(long)]
        org: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn admin(client: &Client, command: AdminCommand) -> Result<(), Failure> {
    let AdminCommand::Seal { org, json } = command;
    let query: Vec<(String, String)> = org.into_iter().map(|org| ("organization".to_owned(), org)).collect();
    let sealed = client.post_patiently("/v1/admin/seal", &query, &Payload::json(b""))?;
    if json {
        return show::json_line(&sealed);
    }
    let number = |key: &str| sealed[key].as_u64().unwrap_or_default();
    let written = format!("{} with {}", counted(number("segments"), "segment"), counted(number("events"), "event"));
    show::Details::new().with("sealed", written).with("merges", number("merges").to_string()).print()
}
