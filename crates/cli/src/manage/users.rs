//! `actarium user`: the members of an organization.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Column, Family, JsonArgument, OrgArgument, YesArgument, counted, each, find, find_all, list, must_change, name,
    names, paged, put_given, text,
};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::prompt;
use crate::show::{self, Details};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List the users of an organization
    #[command(after_help = "Examples:
  actarium user list --org acme
  actarium user list --org acme --search ada --json | jq -r .email")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        /// Only those with this in their name or address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Make a person a user at once, without an invitation
    #[command(after_help = "Examples:
  actarium user add --org acme ada@example.com --name 'Ada Lovelace' --group Developer
  actarium user add --org acme ada@example.com --name Ada --password-file first-password

On a terminal the first password is asked for. Of somebody whom the operator adds and who has an account of their own, the
password stays. Without a password, a new account signs in through an identity provider only. `actarium invite create`, instead of this, lets
people choose their password themselves.")]
    Add(AddArguments),
    /// Show a user with their groups
    #[command(after_help = "Example:\n  actarium user show --org acme ada@example.com")]
    Show(OneArguments),
    /// Change what a user is called, whether they are active, or the password of an account of the organization's
    #[command(after_help = "Examples:
  actarium user update --org acme ada@example.com --name 'Ada King'
  actarium user update --org acme ada@example.com --inactive      sees nothing from the next request on
  actarium user update --org acme ada@example.com --password-file -

Another password is given to accounts that the organization made, and ends their sessions, tokens and second factor. Who has an
account of their own changes its password themselves.")]
    Update(UpdateArguments),
    /// Remove a user from an organization; their account stays
    #[command(after_help = "Example:\n  actarium user remove --org acme ada@example.com")]
    Remove {
        #[command(flatten)]
        org: OrgArgument,
        /// E-mail address, name or id
        user: String,
        #[command(flatten)]
        yes: YesArgument,
    },
    /// Explain what a user may do, and because of which groups and roles
    #[command(after_help = "Example:\n  actarium user permissions --org acme ada@example.com")]
    Permissions(OneArguments),
    /// List the sessions in which a user is signed in to the organization
    #[command(after_help = "Example:\n  actarium user sessions --org acme ada@example.com")]
    Sessions(OneArguments),
    /// End a session of a user, for the organization
    #[command(after_help = "Example:\n  actarium user end-session --org acme nJ2rkGm5yxWd")]
    EndSession {
        #[command(flatten)]
        org: OrgArgument,
        /// The session's id, as `user sessions` shows it
        session: String,
    },
}

#[derive(Args, Debug)]
pub struct OneArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// E-mail address, name or id
    user: String,
    #[command(flatten)]
    form: JsonArgument,
}

#[derive(Args, Debug)]
pub struct AddArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// E-mail address
    email: String,
    /// What they are called
    #[arg(long)]
    name: String,
    /// A group they are put in, by name or id; repeatable
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// A file that holds the first password of a new account; `-` is stdin, and asks on a terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    form: JsonArgument,
}

#[derive(Args, Debug)]
pub struct UpdateArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// E-mail address, name or id
    user: String,
    /// What they are called in the organization
    #[arg(long)]
    name: Option<String>,
    /// They may do what their groups permit
    #[arg(long, conflicts_with = "inactive")]
    active: bool,
    /// They may do nothing, and do not know the organization
    #[arg(long)]
    inactive: bool,
    /// A file that holds another password for an account of the organization's; `-` is stdin, and asks on a terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    form: JsonArgument,
}

/// The columns of a list of users.
pub const COLUMNS: &[Column] = &[
    ("EMAIL", |user| text(user, "email")),
    ("NAME", name),
    ("STATE", state),
    ("ID", super::id),
    ("GROUPS", |user| names(&user["groups"])),
];

fn state(user: &Value) -> String {
    (if user["active"] == false { "inactive" } else { "active" }).to_owned()
}

pub fn user(client: &Client, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List { org, search, form } => {
            list(client, (&org.path("users"), "users"), &paged(search.as_deref()), form.json, COLUMNS)
        }
        UserCommand::Add(arguments) => add(client, &arguments),
        UserCommand::Show(one) => show_one(client, &one),
        UserCommand::Update(arguments) => update(client, &arguments),
        UserCommand::Remove { org, user, yes } => remove(client, &org, &user, yes),
        UserCommand::Permissions(one) => permissions(client, &one),
        UserCommand::Sessions(one) => sessions(client, &one),
        UserCommand::EndSession { org, session } => {
            client.delete(&org.path_of("sessions", &session))?;
            show::note(&format!("session {session} is over for {}", org.org));
            Ok(())
        }
    }
}

fn add(client: &Client, arguments: &AddArguments) -> Result<(), Failure> {
    let mut body = json!({
        "email": arguments.email,
        "name": arguments.name,
        "groups": find_all(client, &arguments.org, Family::GROUP, &arguments.group)?,
    });
    let elsewhere = match client.is_operator() {
        true => elsewhere(client, &arguments.org, &arguments.email)?,
        false => Vec::new(),
    };
    let password = first_password(arguments)?;
    if let Some(password) = &password {
        body["password"] = Value::String(password.clone());
    }
    let made = client.make(&arguments.org.path("users"), &body)?;
    print_one(&made, arguments.form.json)?;
    if let Some(told) = about_password(arguments, elsewhere.contains(&super::id(&made)), password.is_some()) {
        show::note(&told);
    }
    Ok(())
}

/// The first password: of the file, or asked for where somebody is there.
fn first_password(arguments: &AddArguments) -> Result<Option<String>, Failure> {
    let question = format!("First password of {}", show::inert(&arguments.email));
    match &arguments.password_file {
        Some(file) => prompt::secret_of_file(file, &question).map(Some),
        None if arguments.form.json || !prompt::is_somebody_there() => Ok(None),
        None => prompt::ask_new_secret(&question, "none; sign-in through an identity provider only"),
    }
}

/// What somebody should know of the password who might wait for it to work.
fn about_password(arguments: &AddArguments, had_account: bool, was_given: bool) -> Option<String> {
    let (email, org) = (&arguments.email, &arguments.org.org);
    match (had_account, was_given) {
        (true, true) => {
            Some(format!("{email} had an account already and keeps its password: the one that was given was NOT set"))
        }
        (true, false) => Some(format!("{email} had an account already and signs in with its password")),
        (false, true) => None,
        (false, false) => Some(format!(
            "no password: nobody signs in with this account but through an identity provider of {org}; `actarium invite create \
             --org {org} ADDRESS`, instead of `user add`, lets people choose a password"
        )),
    }
}

fn one(client: &Client, org: &OrgArgument, user: &str) -> Result<Value, Failure> {
    let id = find(client, org, Family::USER, user)?;
    client.get(&org.path_of("users", &id), &[])
}

fn show_one(client: &Client, arguments: &OneArguments) -> Result<(), Failure> {
    print_one(&one(client, &arguments.org, &arguments.user)?, arguments.form.json)
}

fn print_one(user: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return show::json_line(user);
    }
    let details = Details::new().with("user", text(user, "email")).with("name", name(user)).with("id", super::id(user));
    let details = details.with("state", state(user)).with("groups", names(&user["groups"]));
    let joined = format!("{} UTC, {}", show::moment(&user["joined_at"]), origin(&text(user, "origin")));
    let details = details.with("joined", joined);
    match &user["password_by"] {
        Value::Null => details.print(),
        by => details.with("password known to", format!("{} ({})", name(by), super::id(by))).print(),
    }
}

/// How somebody became a user.
fn origin(origin: &str) -> String {
    match origin {
        "operator" => "added by the operator".to_owned(),
        "administrator" => "added by an administrator".to_owned(),
        "invitation" => "by invitation".to_owned(),
        "oidc" => "through an identity provider".to_owned(),
        "scim" => "through SCIM".to_owned(),
        other => other.to_owned(),
    }
}

fn update(client: &Client, arguments: &UpdateArguments) -> Result<(), Failure> {
    let mut body = json!({});
    let active = (arguments.active || arguments.inactive).then_some(arguments.active);
    put_given(
        &mut body,
        &[("name", arguments.name.as_ref().map(|name| json!(name))), ("active", active.map(Value::Bool))],
    );
    if let Some(file) = &arguments.password_file {
        let question = format!("New password of {}", show::inert(&arguments.user));
        body["password"] = Value::String(prompt::secret_of_file(file, &question)?);
    }
    must_change(&body, "--name, --active, --inactive or --password-file")?;
    let id = find(client, &arguments.org, Family::USER, &arguments.user)?;
    print_one(&client.patch(&arguments.org.path_of("users", &id), &body)?, arguments.form.json)
}

fn remove(client: &Client, org: &OrgArgument, user: &str, yes: YesArgument) -> Result<(), Failure> {
    let id = find(client, org, Family::USER, user)?;
    prompt::confirm(yes.yes, || {
        let user = client.get(&org.path_of("users", &id), &[])?;
        let groups = user["groups"].as_array().map_or(0, Vec::len) as u64;
        let lost = match groups {
            0 => "is in no group".to_owned(),
            count => format!("is in {}: {}", counted(count, "group"), names(&user["groups"])),
        };
        Ok(format!("{} ({}) is removed from {} and {lost}", text(&user, "email"), name(&user), org.org))
    })?;
    client.delete(&org.path_of("users", &id))?;
    show::note(&format!("{user} is no longer a user of {}", org.org));
    Ok(())
}

fn permissions(client: &Client, arguments: &OneArguments) -> Result<(), Failure> {
    let id = find(client, &arguments.org, Family::USER, &arguments.user)?;
    let held = client.get(&arguments.org.path(&format!("users/{}/permissions", segment(&id))), &[])?;
    if arguments.form.json {
        return show::json_line(&held);
    }
    let mut table = show::Table::new(&["GROUP", "ROLE", "FOR", "PERMISSIONS"]);
    for reason in held["because"].as_array().into_iter().flatten() {
        let level = super::groups::level(&reason["assignment"]);
        table.row(vec![name(&reason["group"]), name(&reason["role"]), level, names(&reason["permissions"])]);
    }
    table.print()?;
    if held["because"].as_array().is_none_or(Vec::is_empty) {
        show::note(&format!("{} may do nothing in {}", arguments.user, arguments.org.org));
    }
    Ok(())
}

/// The columns of a list of sessions.
pub const SESSION_COLUMNS: &[Column] = &[
    ("ID", super::id),
    ("LAST USED (UTC)", super::last_used),
    ("ENDS (UTC)", super::expires),
    ("BY", |session| text(session, "method")),
    ("ADDRESS", |session| text(session, "ip")),
    ("WITH", |session| text(session, "user_agent")),
];

fn sessions(client: &Client, arguments: &OneArguments) -> Result<(), Failure> {
    let id = find(client, &arguments.org, Family::USER, &arguments.user)?;
    let path = arguments.org.path(&format!("users/{}/sessions", segment(&id)));
    list(client, (&path, "sessions"), &[], arguments.form.json, SESSION_COLUMNS)
}

/// The user of an organization with an e-mail address, if there is one.
pub fn with_email(client: &Client, org: &OrgArgument, email: &str) -> Result<Option<Value>, Failure> {
    let mut found = None;
    each(client, (&org.path("users"), "users"), &paged(Some(email)), |user| {
        if text(&user, "email").to_lowercase() == email.to_lowercase() {
            found = Some(user);
        }
        Ok(())
    })?;
    Ok(found)
}

/// The ids of the accounts with which a person is a user of other organizations. Only the operator can know.
pub fn elsewhere(client: &Client, here: &OrgArgument, email: &str) -> Result<Vec<String>, Failure> {
    let mut others = Vec::new();
    each(client, ("/v1/orgs", "organizations"), &[], |organization| {
        others.push(text(&organization, "slug"));
        Ok(())
    })?;
    let mut ids = Vec::new();
    for slug in others.into_iter().filter(|slug| *slug != here.org) {
        ids.extend(with_email(client, &OrgArgument { org: slug }, email)?.map(|user| super::id(&user)));
    }
    Ok(ids)
}
