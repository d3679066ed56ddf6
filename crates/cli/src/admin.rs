//! What only the operator does with the service itself.

use clap::Subcommand;

use crate::client::{Client, Payload};
use crate::failure::Failure;
use crate::show;

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Move what is in the journal into segments now
    #[command(after_help = "Example:\n  actarium admin seal --org acme")]
    Seal {
        /// Only this organization's
        #[arg(long)]
        org: Option<String>,
    },
}

pub fn admin(client: &Client, command: AdminCommand) -> Result<(), Failure> {
    let AdminCommand::Seal { org } = command;
    let query: Vec<(String, String)> = org.into_iter().map(|org| ("organization".to_owned(), org)).collect();
    let sealed = client.post_patiently("/v1/admin/seal", &query, &Payload::json(b""))?;
    show::json_line(&sealed)
}
