//! `actarium org`: organizations.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Column, JsonArgument, list, must_change, name, names, put_given, text};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::show::{self, Details, Table};

#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Create an organization (operator)
    #[command(after_help = "Example:\n  actarium org create acme --name 'Acme Inc.'\n\n\
                            `actarium setup` makes one with its first administrator.")]
    Create {
        /// Its slug, which stands in paths: a-z, 0-9 and hyphens, at most 63
        slug: String,
        /// What people read; the slug if not given
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// List the organizations: all for the operator, for people their own
    #[command(after_help = "Examples:\n  actarium org list\n  actarium org list --json | jq -r .slug")]
    List {
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Show an organization
    #[command(after_help = "Example:\n  actarium org show acme")]
    Show {
        /// Its slug
        #[arg(env = "ACTARIUM_ORG", value_parser = NonEmptyStringValueParser::new())]
        slug: String,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Change what is masked in events, who sees what its log proves, or its name
    Update(UpdateArguments),
    /// Change what people read of an organization; its slug stays
    #[command(after_help = "Example:\n  actarium org rename acme 'Acme Holding'")]
    Rename {
        /// Its slug
        slug: String,
        /// Its new name
        name: String,
        #[command(flatten)]
        form: JsonArgument,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium org update acme --log-public true            its checkpoints, tiles and key are open to everybody
  actarium org update acme --mask-key internal_token --keep-key token_count
  actarium org update acme --mask-secrets false
  actarium org update acme --reads-wait true            no answer about its log before the question is on record

A list that is given replaces the one that was there; an empty value empties it. It holds for events from then on.")]
pub struct UpdateArguments {
    /// Its slug
    #[arg(env = "ACTARIUM_ORG", value_parser = NonEmptyStringValueParser::new())]
    slug: String,
    /// What people read
    #[arg(long)]
    name: Option<String>,
    /// Whether everybody may read what its log proves, which says nothing about anybody
    #[arg(long, value_name = "BOOL")]
    log_public: Option<bool>,
    /// Whether the answer to a read of its log waits until the read is on record
    #[arg(long, value_name = "BOOL")]
    reads_wait: Option<bool>,
    /// Whether credentials are masked in its events
    #[arg(long, value_name = "BOOL")]
    mask_secrets: Option<bool>,
    /// A key whose values are masked besides the built-in ones; repeatable
    #[arg(long, value_name = "KEY")]
    mask_key: Option<Vec<String>>,
    /// A key whose values stay although its name is that of a credential; repeatable
    #[arg(long, value_name = "KEY")]
    keep_key: Option<Vec<String>>,
    #[command(flatten)]
    form: JsonArgument,
}

fn update(client: &Client, arguments: UpdateArguments) -> Result<(), Failure> {
    let keys = |keys: Option<Vec<String>>| {
        keys.map(|keys| json!(keys.into_iter().filter(|key| !key.is_empty()).collect::<Vec<_>>()))
    };
    let mut body = json!({});
    let given = [
        ("name", arguments.name.map(Value::String)),
        ("log_public", arguments.log_public.map(Value::Bool)),
        ("reads_wait", arguments.reads_wait.map(Value::Bool)),
        ("mask_secrets", arguments.mask_secrets.map(Value::Bool)),
        ("mask_keys", keys(arguments.mask_key)),
        ("keep_keys", keys(arguments.keep_key)),
    ];
    put_given(&mut body, &given);
    must_change(&body, "--name, --log-public, --reads-wait, --mask-secrets, --mask-key or --keep-key")?;
    print_one(&client.patch(&path(&arguments.slug), &body)?, arguments.form)
}

const COLUMNS: &[Column] = &[("SLUG", |org| text(org, "slug")), ("NAME", name), ("ID", super::id)];

pub fn org(client: &Client, command: OrgCommand) -> Result<(), Failure> {
    match command {
        OrgCommand::Create { slug, name, form } => {
            let made = client.make("/v1/orgs", &json!({"slug": slug, "name": name.unwrap_or_else(|| slug.clone())}))?;
            if form.json { show::json_line(&made) } else { show::line(&format!("{slug}  {}", super::id(&made))) }
        }
        OrgCommand::List { form } if client.personal_token_id().is_some() => list_own(client, form),
        OrgCommand::List { form } => list(client, ("/v1/orgs", "organizations"), &[], form.json, COLUMNS),
        OrgCommand::Show { slug, form } => print_one(&client.get(&path(&slug), &[])?, form),
        OrgCommand::Update(arguments) => update(client, arguments),
        OrgCommand::Rename { slug, name, form } => {
            print_one(&client.patch(&path(&slug), &json!({ "name": name }))?, form)
        }
    }
}

fn path(slug: &str) -> String {
    format!("/v1/orgs/{}", segment(slug))
}

fn list_own(client: &Client, form: JsonArgument) -> Result<(), Failure> {
    let own = client.get("/v1/session", &[])?;
    let organizations = own["organizations"].as_array().cloned().unwrap_or_default();
    if form.json {
        return organizations.iter().try_for_each(show::json_line);
    }
    let mut table = Table::new(&["SLUG", "NAME", "THE LOG"]);
    for organization in &organizations {
        table.row(vec![text(organization, "slug"), name(organization), super::sessions::seen(organization)]);
    }
    table.print()
}

fn print_one(organization: &serde_json::Value, form: JsonArgument) -> Result<(), Failure> {
    if form.json {
        return show::json_line(organization);
    }
    let yes = |key: &str| match organization[key].as_bool() {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    };
    let details = Details::new().with("organization", text(organization, "slug")).with("name", name(organization));
    let details = details.with("id", super::id(organization));
    let details = details.with("created", format!("{} UTC", super::created(organization)));
    let details = details.with("log open to all", yes("log_public")).with("credentials masked", yes("mask_secrets"));
    let details = details.with("reads wait", yes("reads_wait"));
    let details = details.with("masked keys", names(&organization["mask_keys"]));
    details.with("kept keys", names(&organization["keep_keys"])).print()
}
