//! `actarium token`: personal access tokens, with which one's own programs may do what one may, or less.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::lookup::{self, Family};
use super::{Column, JsonArgument, OrgArgument, YesArgument, each, list, name, names, text};
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
    /// List one's own tokens, or those of a user that work in the organization; without their secrets
    #[command(after_help = "Examples:\n  actarium token list\n  actarium token list --org acme --user ada@example.com")]
    List {
        #[command(flatten)]
        of: OfUser,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Revoke a token of one's own, from the next request on, or one of a user for the organization. For one's own it asks to sign
    /// in, for a token may revoke no other
    #[command(
        after_help = "Examples:\n  actarium token revoke nightly-export\n  actarium token revoke --org acme --user ada@example.com nightly-export"
    )]
    Revoke {
        #[command(flatten)]
        of: OfUser,
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

/// Whose tokens, if not one's own.
#[derive(Args, Debug)]
pub struct OfUser {
    /// A user of the organization: e-mail address, name or id
    #[arg(long, requires = "org")]
    user: Option<String>,
    /// The organization of the user
    #[arg(long, env = "ACTARIUM_ORG", value_parser = NonEmptyStringValueParser::new())]
    org: Option<String>,
}

impl OfUser {
    /// The organization and the path of the user's tokens in it, if a user is named.
    fn path(&self, client: &Client) -> Result<Option<(OrgArgument, String)>, Failure> {
        let (Some(user), Some(org)) = (&self.user, &self.org) else { return Ok(None) };
        let org = OrgArgument { org: org.clone() };
        let id = lookup::find(client, &org, Family::USER, user)?;
        let path = org.path(&format!("users/{}/tokens", segment(&id)));
        Ok(Some((org, path)))
    }
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

/// What an organization sees of a user's token.
const COLUMNS_OF_USER: &[Column] = &[
    ("ID", super::id),
    ("PREFIX", |token| text(token, "prefix")),
    ("NAME", name),
    ("CREATED (UTC)", super::created),
    ("EXPIRES (UTC)", super::expires),
    ("LAST USED (UTC)", super::last_used),
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
        TokenCommand::List { of, form } => match of.path(client)? {
            Some((_, path)) => list(client, (&path, "tokens"), &[], form.json, COLUMNS_OF_USER),
            None => list(client, (OWN, "tokens"), &[], form.json, COLUMNS),
        },
        TokenCommand::Revoke { of, wanted, sign_in, yes } => match of.path(client)? {
            Some((org, path)) => revoke_of_user(client, (&org, &path), &wanted, yes),
            None => revoke(client, &wanted, &sign_in, yes),
        },
    }
}

/// Where one's own tokens are.
const OWN: &str = "/v1/tokens";

fn revoke_of_user(
    client: &Client,
    (org, path): (&OrgArgument, &str),
    wanted: &str,
    yes: YesArgument,
) -> Result<(), Failure> {
    let id = find(client, path, wanted)?;
    prompt::confirm(yes.yes, || {
        Ok(format!("token {wanted} is revoked for {}: programs that use it there are refused from then on", org.org))
    })?;
    client.delete(&org.path_of("tokens", &id))?;
    show::note(&format!("token {wanted} is revoked for {}", org.org));
    Ok(())
}

fn create(client: &Client, arguments: &CreateArguments) -> Result<(), Failure> {
    let body = wanted(&arguments.name, arguments.expires, &arguments.permission, &arguments.only_org);
    let made = within_session(client, &arguments.sign_in, |session, _| session.make(OWN, &body))?;
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
        within_session(client, sign_in, |session, _| session.delete(&path(&find(session, OWN, wanted)?)))?;
    }
    show::note(&format!("token {wanted} is revoked"));
    Ok(())
}

/// The id of a token in a list, from its id or its name.
fn find(client: &Client, path: &str, wanted: &str) -> Result<String, Failure> {
    let mut lines = Vec::new();
    let (mut by_id, mut called) = (false, Vec::new());
    each(client, (path, "tokens"), &[], |token| {
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
        [] if lines.is_empty() => Err(Failure::Refused("there are no tokens".to_owned())),
        [] => Err(Failure::Refused(format!(
            "there is no token `{}`; there are:\n{}",
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
