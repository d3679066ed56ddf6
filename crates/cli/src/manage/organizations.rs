//! `actarium org`: organizations.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::{Column, JsonArgument, list, name, text};
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
    let details = Details::new().with("organization", text(organization, "slug")).with("name", name(organization));
    details.with("id", super::id(organization)).with("created", format!("{} UTC", super::created(organization))).print()
}
