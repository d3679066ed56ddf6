//! `actarium session`: who one is, and where one is signed in.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::users::SESSION_COLUMNS;
use super::{JsonArgument, list, name, names, text};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::show::{self, Details, Table};
use crate::signing_in::{SignInArguments, within_session};

#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Show whose credential is used, and what it permits in each organization
    #[command(
        after_help = "Examples:\n  actarium session whoami\n  actarium session whoami --json | jq -r .user.email"
    )]
    Whoami {
        #[command(flatten)]
        form: JsonArgument,
    },
    /// List the sessions in which one is signed in; asks to sign in, for no token may see them
    #[command(after_help = "Example:\n  actarium session list")]
    List {
        #[command(flatten)]
        sign_in: SignInArguments,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// End a session of one's own; asks to sign in
    #[command(after_help = "Example:\n  actarium session revoke nJ2rkGm5yxWd")]
    Revoke(RevokeArguments),
}

#[derive(Args, Debug)]
pub struct RevokeArguments {
    /// The session's id, as `session list` shows it
    session: String,
    #[command(flatten)]
    sign_in: SignInArguments,
}

pub fn session(client: &Client, command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::Whoami { form } => whoami(client, form),
        SessionCommand::List { sign_in, form } => within_session(client, &sign_in, |session, _| {
            list(session, ("/v1/sessions", "sessions"), &[], form.json, SESSION_COLUMNS)
        }),
        SessionCommand::Revoke(RevokeArguments { session: id, sign_in }) => {
            within_session(client, &sign_in, |session, _| session.delete(&format!("/v1/sessions/{}", segment(&id))))?;
            show::note(&format!("session {id} is over"));
            Ok(())
        }
    }
}

fn whoami(client: &Client, form: JsonArgument) -> Result<(), Failure> {
    if client.is_operator() {
        // Whether the token is good, the server must say.
        client.get("/v1/orgs", &[])?;
        return Err(Failure::Refused(format!(
            "the credential is that of the operator of {}, who is no user",
            client.url()
        )));
    }
    let own = client.get("/v1/session", &[])?;
    if form.json {
        return show::json_line(&own);
    }
    let user = &own["user"];
    let second = if own["second_factor"] == true { "is used" } else { "is not used" };
    let details = Details::new().with("user", text(user, "email")).with("name", name(user)).with("id", super::id(user));
    let details = details.with("server", client.url()).with("second factor", second);
    details.with("credential", format!("ends {} UTC", super::expires(&own))).print()?;
    let organizations = own["organizations"].as_array().cloned().unwrap_or_default();
    if organizations.is_empty() {
        show::note("you are a member of no organization that this credential opens");
        return Ok(());
    }
    show::line("")?;
    let mut table = Table::new(&["ORGANIZATION", "THE LOG", "PERMISSIONS"]);
    for organization in &organizations {
        table.row(vec![text(organization, "slug"), seen(organization), names(&organization["permissions"])]);
    }
    table.print()
}

/// What of an organization's log somebody sees.
pub fn seen(organization: &Value) -> String {
    match organization["scope"]["level"].as_str() {
        Some("organization") => "all of it".to_owned(),
        Some("project") => format!("projects {}", names(&organization["scope"]["projects"])),
        _ => "nothing".to_owned(),
    }
}
