//! `actarium key`: on-premises keys, with which programs write events of one organization.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Column, Family, JsonArgument, OrgArgument, YesArgument, find, list, must_change, name, names, put_given, text,
};
use crate::client::Client;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::prompt;
use crate::show::{self, Details};

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key; its secret is printed once and kept nowhere
    #[command(after_help = "Examples:
  actarium key create --org acme --name CI --environment production
  actarium key create --org acme --name 'Store Porto' --expires 365d --network 192.0.2.0/24 > store-porto.key

The secret alone goes to stdout.")]
    Create(CreateArguments),
    /// List an organization's keys, without their secrets
    #[command(after_help = "Example:\n  actarium key list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Show a key, without its secret
    #[command(after_help = "Example:\n  actarium key show --org acme CI")]
    Show {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        key: String,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Change what a key is called and where and how long it works; its secret stays
    #[command(after_help = "Examples:
  actarium key update --org acme CI --expires 2027-12-31
  actarium key update --org acme CI --network 192.0.2.0/24 --network 2001:db8::/32
  actarium key update --org acme CI --any-network --no-expiry")]
    Update(UpdateArguments),
    /// Revoke a key, with effect from the next request
    #[command(after_help = "Example:\n  actarium key revoke --org acme cFqw6JevMyr6")]
    Revoke {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        key: String,
        #[command(flatten)]
        yes: YesArgument,
    },
}

#[derive(Args, Debug)]
pub struct CreateArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// What it is for
    #[arg(long)]
    name: String,
    /// An environment that is stamped on its events
    #[arg(long)]
    environment: Option<String>,
    /// When it ends: 12h, 90d, 4w, 2027-01-31 or RFC 3339; never if not given
    #[arg(long, value_name = "WHEN", value_parser = Ending::read)]
    expires: Option<Ending>,
    /// A network from which it is taken, such as 192.0.2.0/24; repeatable; from anywhere if not given
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    #[command(flatten)]
    form: JsonArgument,
}

#[derive(Args, Debug)]
pub struct UpdateArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Name or id
    key: String,
    /// What it is for
    #[arg(long)]
    name: Option<String>,
    /// The environment that is stamped on its events
    #[arg(long)]
    environment: Option<String>,
    /// Stamp no environment
    #[arg(long, conflicts_with = "environment")]
    no_environment: bool,
    /// When it ends: 12h, 90d, 4w, 2027-01-31 or RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = Ending::read)]
    expires: Option<Ending>,
    /// It does not end
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
    /// A network from which it is taken; repeatable; these replace all that it had
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// It is taken from anywhere
    #[arg(long, conflicts_with = "network")]
    any_network: bool,
    #[command(flatten)]
    form: JsonArgument,
}

const COLUMNS: &[Column] = &[
    ("ID", super::id),
    ("NAME", name),
    ("ENVIRONMENT", |key| text(key, "environment")),
    ("CREATED (UTC)", super::created),
    ("EXPIRES (UTC)", super::expires),
    ("LAST USED (UTC)", super::last_used),
    ("NETWORKS", networks),
];

fn networks(key: &Value) -> String {
    let networks = names(&key["networks"]);
    if networks.is_empty() { "any".to_owned() } else { networks }
}

pub fn key(client: &Client, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(arguments) => create(client, arguments),
        KeyCommand::List { org, form } => list(client, (&org.path("on-prem-keys"), "keys"), &[], form.json, COLUMNS),
        KeyCommand::Show { org, key, form } => {
            let id = find(client, &org, Family::KEY, &key)?;
            print_one(&client.get(&org.path_of("on-prem-keys", &id), &[])?, form)
        }
        KeyCommand::Update(arguments) => update(client, arguments),
        KeyCommand::Revoke { org, key, yes } => revoke(client, &org, &key, yes),
    }
}

fn create(client: &Client, arguments: CreateArguments) -> Result<(), Failure> {
    let CreateArguments { org, name, environment, expires, network, form } = arguments;
    let mut body = json!({ "name": name });
    let given = [
        ("environment", environment.map(Value::String)),
        ("expires_at", expires.map(|ending| json!(ending.moment()))),
        ("networks", (!network.is_empty()).then(|| json!(network))),
    ];
    put_given(&mut body, &given);
    let made = client.make(&org.path("on-prem-keys"), &body)?;
    if form.json {
        return show::json_line(&made);
    }
    show::note(&format!("key {} of {}; the secret below is shown this once", super::id(&made), org.org));
    show::line(&text(&made, "secret"))
}

fn print_one(key: &Value, form: JsonArgument) -> Result<(), Failure> {
    if form.json {
        return show::json_line(key);
    }
    let details = Details::new().with("key", name(key)).with("id", super::id(key));
    let details = details.with("environment", text(key, "environment")).with("networks", networks(key));
    let details = details.with("created", format!("{} UTC", super::created(key)));
    details.with("expires", super::expires(key)).with("last used", super::last_used(key)).print()
}

fn update(client: &Client, arguments: UpdateArguments) -> Result<(), Failure> {
    let given = |value: Option<Value>, none: bool| if none { Some(Value::Null) } else { value };
    let networks = (!arguments.network.is_empty()).then(|| json!(arguments.network));
    let mut body = json!({});
    let fields = [
        ("name", arguments.name.map(Value::String)),
        ("environment", given(arguments.environment.map(Value::String), arguments.no_environment)),
        ("expires_at", given(arguments.expires.map(|ending| json!(ending.moment())), arguments.no_expiry)),
        ("networks", given(networks, arguments.any_network)),
    ];
    put_given(&mut body, &fields);
    must_change(&body, "--name, --environment, --expires, --network and their opposites")?;
    let id = find(client, &arguments.org, Family::KEY, &arguments.key)?;
    print_one(&client.patch(&arguments.org.path_of("on-prem-keys", &id), &body)?, arguments.form)
}

fn revoke(client: &Client, org: &OrgArgument, key: &str, yes: YesArgument) -> Result<(), Failure> {
    let id = find(client, org, Family::KEY, key)?;
    prompt::confirm(yes.yes, || {
        Ok(format!(
            "key {key} of {} is revoked for good: whoever writes events with it is refused from then on",
            org.org
        ))
    })?;
    client.delete(&org.path_of("on-prem-keys", &id))?;
    show::note(&format!("key {key} is revoked"));
    Ok(())
}
