//! `actarium invite`: invitations of people into an organization.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Column, Family, JsonArgument, OrgArgument, find, find_all, list, name, names, paged, put_given, text};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::show;

#[derive(Debug, Subcommand)]
pub enum InviteCommand {
    /// Invite somebody by their e-mail address
    #[command(after_help = "Examples:
  actarium invite create --org acme ada@example.com --group Developer
  actarium invite create --org acme ada@example.com --name 'Ada Lovelace' --group Auditor --json

Where the service sends no mail, the link is printed, this once: hand it to the person whose address it is.")]
    Create(CreateArguments),
    /// List invitations
    #[command(after_help = "Examples:
  actarium invite list --org acme
  actarium invite list --org acme --status expired")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        /// Only those in this state
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// Only those with this in their name or address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Send an invitation again; the link that was sent before is worth nothing from then on
    #[command(after_help = "Example:\n  actarium invite resend --org acme ada@example.com")]
    Resend {
        #[command(flatten)]
        org: OrgArgument,
        /// E-mail address, of one that is pending, or id
        invitation: String,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Take an invitation back
    #[command(after_help = "Example:\n  actarium invite revoke --org acme ada@example.com")]
    Revoke {
        #[command(flatten)]
        org: OrgArgument,
        /// E-mail address, of one that is pending, or id
        invitation: String,
    },
}

#[derive(Args, Debug)]
pub struct CreateArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// E-mail address
    email: String,
    /// What they are called
    #[arg(long)]
    name: Option<String>,
    /// A group they will be in, by name or id; repeatable
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    #[command(flatten)]
    form: JsonArgument,
}

/// How an invitation stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    Pending,
    Accepted,
    Revoked,
    Expired,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

const COLUMNS: &[Column] = &[
    ("EMAIL", |invitation| text(invitation, "email")),
    ("STATUS", |invitation| text(invitation, "status")),
    ("ID", super::id),
    ("EXPIRES (UTC)", super::expires),
    ("NAME", name),
    ("GROUPS", |invitation| names(&invitation["groups"])),
    ("CREATED (UTC)", super::created),
];

pub fn invite(client: &Client, command: InviteCommand) -> Result<(), Failure> {
    match command {
        InviteCommand::Create(arguments) => {
            let mut body = json!({
                "email": arguments.email,
                "groups": find_all(client, &arguments.org, Family::GROUP, &arguments.group)?,
            });
            put_given(&mut body, &[("name", arguments.name.map(Value::String))]);
            sent(&client.make(&arguments.org.path("invitations"), &body)?, &arguments.org, arguments.form)
        }
        InviteCommand::List { org, status, search, form } => {
            let status = status.map(|status| ("status".to_owned(), status.name().to_owned()));
            let query: Vec<_> = paged(search.as_deref()).into_iter().chain(status).collect();
            list(client, (&org.path("invitations"), "invitations"), &query, form.json, COLUMNS)
        }
        InviteCommand::Resend { org, invitation, form } => {
            let id = find(client, &org, Family::INVITATION, &invitation)?;
            sent(&client.make(&org.path(&format!("invitations/{}/resend", segment(&id))), &json!({}))?, &org, form)
        }
        InviteCommand::Revoke { org, invitation } => {
            let id = find(client, &org, Family::INVITATION, &invitation)?;
            client.delete(&org.path_of("invitations", &id))?;
            show::note(&format!("the invitation of {invitation} to {} is taken back", org.org));
            Ok(())
        }
    }
}

/// Tells what became of an invitation, and its link where nobody else is told it.
fn sent(invitation: &Value, org: &OrgArgument, form: JsonArgument) -> Result<(), Failure> {
    if form.json {
        return show::json_line(invitation);
    }
    let until = super::expires(invitation);
    let told = format!("{} is invited to {} until {until} UTC", text(invitation, "email"), org.org);
    if invitation["mail"] == "failed" {
        show::note("the mail could not be delivered");
    }
    match invitation["link"].as_str() {
        Some(link) => {
            show::note(&format!("{told}; the link below is for them, and is shown this once"));
            show::line(link)
        }
        None if invitation["mail"] == "sent" => {
            show::note(&format!("{told}, by mail"));
            show::line(&super::id(invitation))
        }
        None => show::line(&super::id(invitation)),
    }
}
