//! Organizations, keys, the catalog, and what only the operator does.

use actarium_core::catalog::{Action, Catalog};
use actarium_core::event::Outcome;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, Payload, segment};
use crate::failure::Failure;
use crate::show::{self, Table};

#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Create an organization (operator)
    #[command(after_help = "Example:\n  actarium org create acme --name 'Acme Inc.'")]
    Create {
        /// Its slug, which stands in paths: a-z, 0-9 and hyphens, at most 63
        slug: String,
        /// What people read; the slug if not given
        #[arg(long)]
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the organizations
    #[command(after_help = "Examples:\n  actarium org list\n  actarium org list --json | jq -r .slug")]
    List {
        /// Print JSON, one organization a line
        #[arg(long)]
        json: bool,
    },
}

pub fn org(client: &Client, command: OrgCommand) -> Result<(), Failure> {
    match command {
        OrgCommand::Create { slug, name, json } => {
            let body = json!({"slug": slug, "name": name.unwrap_or_else(|| slug.clone())}).to_string();
            let made = client.post("/v1/orgs", &[], &Payload::json(body.as_bytes()))?;
            if json { show::json_line(&made) } else { show::line(&format!("{slug}  {}", text(&made, "id"))) }
        }
        OrgCommand::List { json } => {
            let answer = client.get("/v1/orgs", &[])?;
            list(&answer, "organizations", json, &["slug", "name", "id"])
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key; its secret is printed once and kept nowhere
    #[command(after_help = "Example:\n  actarium key create --org acme --name CI --environment production")]
    Create {
        /// The organization
        #[arg(long)]
        org: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// An environment that is stamped on its events
        #[arg(long)]
        environment: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List an organization's keys
    #[command(after_help = "Example:\n  actarium key list --org acme")]
    List {
        /// The organization
        #[arg(long)]
        org: String,
        /// Print JSON, one key a line
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key, with effect from the next request
    #[command(after_help = "Example:\n  actarium key revoke --org acme cFqw6JevMyr6")]
    Revoke {
        /// The organization
        #[arg(long)]
        org: String,
        /// The key's id
        id: String,
    },
}

pub fn key(client: &Client, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { org, name, environment, json } => {
            let mut body = json!({ "name": name });
            if let Some(environment) = environment {
                body["environment"] = Value::String(environment);
            }
            let path = format!("/v1/orgs/{}/on-prem-keys", segment(&org));
            let made = client.post(&path, &[], &Payload::json(body.to_string().as_bytes()))?;
            if json {
                return show::json_line(&made);
            }
            eprintln!("key {} of {org}; the secret below is shown this once", text(&made, "id"));
            show::line(&text(&made, "secret"))
        }
        KeyCommand::List { org, json } => {
            let answer = client.get(&format!("/v1/orgs/{}/on-prem-keys", segment(&org)), &[])?;
            list(&answer, "keys", json, &["id", "name", "environment", "created_at"])
        }
        KeyCommand::Revoke { org, id } => {
            client.delete(&format!("/v1/orgs/{}/on-prem-keys/{}", segment(&org), segment(&id)))?;
            eprintln!("key {id} is revoked");
            Ok(())
        }
    }
}

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

/// What the catalog knows.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  actarium catalog\n  actarium catalog component.promote\n  actarium catalog --json | jq .action"
)]
pub struct CatalogArguments {
    /// Only this action, with all that is known of it
    action: Option<String>,
    /// Print JSON, one action a line
    #[arg(long)]
    json: bool,
}

pub fn catalog(arguments: CatalogArguments) -> Result<(), Failure> {
    let catalog = Catalog::builtin();
    let wanted = arguments.action.as_deref();
    if let Some(action) = wanted.filter(|action| catalog.get(action).is_none()) {
        return Err(Failure::Refused(format!("the catalog has no action `{action}`; `actarium catalog` lists all")));
    }
    if let Some(action) = wanted.and_then(|wanted| catalog.get(wanted)).filter(|_| !arguments.json) {
        return show::write_stdout(described(action).as_bytes());
    }
    let actions = catalog.iter().filter(|action| wanted.is_none_or(|wanted| action.action == wanted));
    let mut table = Table::new(&["ACTION", "RESOURCE", "TITLE", "SENTENCE"]);
    for action in actions {
        if arguments.json {
            show::json_line(&json!(action))?;
        } else {
            let sentence = sentence(action, Outcome::Success);
            table.row(vec![action.action.clone(), action.resource.clone(), action.title.clone(), sentence]);
        }
    }
    if arguments.json { Ok(()) } else { table.print() }
}

/// The template of an action's sentence.
fn sentence(action: &Action, outcome: Outcome) -> String {
    let own = action.sentence_template(outcome).map(|template| template.source().to_owned());
    let verb = action.verb.as_ref().map(|verb| match outcome {
        Outcome::Success => verb.past.clone(),
        Outcome::Failure => format!("failed to {}", verb.base),
        Outcome::Denied => format!("was denied {}", verb.gerund),
        Outcome::Unknown => format!("tried to {}", verb.base),
    });
    let made = || verb.map(|verb| format!("{{actor}} {verb} {}", action.phrase_template().source()));
    own.or_else(made).unwrap_or_default()
}

/// All that is known of an action.
fn described(action: &Action) -> String {
    let mut text = format!("{}\n  {} ({})\n", action.action, action.title, action.operation);
    text.push_str(&format!("  first target: {}\n", action.resource));
    if action.reserved {
        text.push_str("  recorded by Actarium alone\n");
    }
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Denied] {
        let sentence = sentence(action, outcome);
        if !sentence.is_empty() {
            text.push_str(&format!("  {:<8} {sentence}\n", outcome.as_str()));
        }
    }
    for key in &action.metadata {
        let personal = if key.personal { " (personal)" } else { "" };
        text.push_str(&format!("  metadata.{}: {}{personal}\n", key.key, key.description));
    }
    text
}

fn list(answer: &Value, key: &str, json: bool, columns: &[&str]) -> Result<(), Failure> {
    let items = answer[key].as_array().or_else(|| answer.as_array()).cloned().unwrap_or_default();
    if json {
        return items.iter().try_for_each(show::json_line);
    }
    let titles: Vec<String> = columns.iter().map(|column| column.to_uppercase().replace('_', " ")).collect();
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for item in &items {
        table.row(columns.iter().map(|column| text(item, column)).collect());
    }
    table.print()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
