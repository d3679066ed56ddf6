//! `actarium token`: personal access tokens, with which one's own programs may do what one may, or less.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Column, JsonArgument, YesArgument, each, list, name, names, text};
use crate::client::{Client, segment};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::prompt;
use crate::show;
use crate::signing_in::{SignInArguments, within_session};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token; its secret is printed once and kept nowhere. Asks to sign in
    #[command(after_help = "Examples:
  actarium token create nightly-export --expires 90d --permission audit_logs_view --permission audit_logs_export
  actarium token create laptop --expires 2027-01-31 --only-org acme > laptop.token

It may do what its owner may at each moment, or less. The secret alone goes to stdout.")]
    Create(CreateArguments),
    /// List one's own tokens, without their secrets
    #[command(after_help = "Example:\n  actarium token list")]
    List {
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Revoke a token of one's own, from the next request on. Asks to sign in, for a token may revoke no other
    #[command(after_help = "Example:\n  actarium token revoke nightly-export")]
    Revoke {
        /// Name or id
        // Not `token`: that is the option of the connection.
        #[arg(value_name = "TOKEN")]
        wanted: String,
        #[command(flatten)]
        sign_in: SignInArguments,
        #[command(flatten)]
        yes: YesArgument,
    },
}

#[derive(Args, Debug)]
pub struct CreateArguments {
    /// What it is for
    name: String,
    /// When it ends, at most a year from now: 12h, 90d, 4w, 2027-01-31 or RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = Ending::read)]
    expires: Ending,
    /// An area or a permission that it is held to; repeatable; all of its owner's if not given
    #[arg(long, value_name = "PERMISSION")]
    permission: Vec<String>,
    /// An organization that it is held to; repeatable; all of its owner's if not given
    #[arg(long, value_name = "ORG")]
    only_org: Vec<String>,
    #[command(flatten)]
    sign_in: SignInArguments,
    #[command(flatten)]
    form: JsonArgument,
}

const COLUMNS: &[Column] = &[
    ("ID", super::id),
    ("NAME", name),
    ("CREATED (UTC)", super::created),
    ("EXPIRES (UTC)", super::expires),
    ("LAST USED (UTC)", super::last_used),
    ("ORGANIZATIONS", |token| all_or(&token["organizations"])),
    ("PERMISSIONS", |token| all_or(&token["permissions"])),
];

fn all_or(names_of: &Value) -> String {
    if names_of.is_array() { names(names_of) } else { "all".to_owned() }
}

/// The body that asks for a token.
pub fn wanted(name: &str, expires: Ending, permissions: &[String], organizations: &[String]) -> Value {
    let mut body = json!({"name": name, "expires_at": expires.moment()});
    for (field, only) in [("permissions", permissions), ("organizations", organizations)] {
        if !only.is_empty() {
            body[field] = json!(only);
        }
    }
    body
}

pub fn token(client: &Client, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create(arguments) => create(client, &arguments),
        TokenCommand::List { form } => list(client, ("/v1/tokens", "tokens"), &[], form.json, COLUMNS),
        TokenCommand::Revoke { wanted, sign_in, yes } => revoke(client, &wanted, &sign_in, yes),
    }
}

fn create(client: &Client, arguments: &CreateArguments) -> Result<(), Failure> {
    let body = wanted(&arguments.name, arguments.expires, &arguments.permission, &arguments.only_org);
    let made = within_session(client, &arguments.sign_in, |session, _| session.make("/v1/tokens", &body))?;
    if arguments.form.json {
        return show::json_line(&made);
    }
    let until = super::expires(&made);
    show::note(&format!("token {}, good until {until} UTC; the secret below is shown this once", super::id(&made)));
    show::line(&text(&made, "secret"))
}

fn revoke(client: &Client, wanted: &str, sign_in: &SignInArguments, yes: YesArgument) -> Result<(), Failure> {
    let confirm = || {
        prompt::confirm(yes.yes, || {
            Ok(format!("token {wanted} is revoked for good: programs that use it are refused from then on"))
        })
    };
    let path = |id: &str| format!("/v1/tokens/{}", segment(id));
    if client.personal_token_id() == Some(wanted) {
        confirm()?;
        client.delete(&path(wanted))?;
    } else {
        confirm()?;
        within_session(client, sign_in, |session, _| session.delete(&path(&find(session, wanted)?)))?;
    }
    show::note(&format!("token {wanted} is revoked"));
    Ok(())
}

/// The id of an own token, from its id or its name.
fn find(client: &Client, wanted: &str) -> Result<String, Failure> {
    let mut lines = Vec::new();
    let (mut by_id, mut called) = (false, Vec::new());
    each(client, ("/v1/tokens", "tokens"), &[], |token| {
        by_id |= super::id(&token) == wanted;
        if name(&token) == wanted {
            called.push(super::id(&token));
        }
        lines.push(show::inert(&format!("  {}  {}", super::id(&token), name(&token))));
        Ok(())
    })?;
    match called.as_slice() {
        _ if by_id => Ok(wanted.to_owned()),
        [only] => Ok(only.clone()),
        [] if lines.is_empty() => Err(Failure::Refused("you have no tokens".to_owned())),
        [] => Err(Failure::Refused(format!(
            "you have no token `{}`; there are:\n{}",
            show::inert(wanted),
            lines.join("\n")
        ))),
        _ => {
            let count = called.len();
            let these = lines.iter().filter(|line| called.iter().any(|id| line.contains(id.as_str())));
            let these: Vec<&str> = these.map(String::as_str).collect();
            let wanted = show::inert(wanted);
            Err(Failure::Refused(format!(
                "{count} tokens are called `{wanted}`; say which by its id:\n{}",
                these.join("\n")
            )))
        }
    }
}
