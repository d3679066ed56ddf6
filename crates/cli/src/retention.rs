//! How long records are kept: what is chosen, what it does, and choosing it.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{Client, Payload};
use crate::failure::Failure;
use crate::manage::{OrgArgument, YesArgument, counted};
use crate::prompt;
use crate::show;

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show how long records are kept
    #[command(after_help = "Example:\n  actarium retention show --org acme")]
    Show {
        #[command(flatten)]
        org: OrgArgument,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what would be archived and purged now; nothing is done
    #[command(after_help = "Example:\n  actarium retention plan --org acme")]
    Plan {
        #[command(flatten)]
        org: OrgArgument,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Choose how long records are kept; what is shorter takes effect after 30 days
    #[command(after_help = "Examples:\n  actarium retention set --org acme --hot-days 400 --archive-days 730
  actarium retention set --org acme --hot-days 400 --archive-days 730 --lock")]
    Set {
        #[command(flatten)]
        org: OrgArgument,
        /// Days at hand, from when a record was made
        #[arg(long)]
        hot_days: u32,
        /// Days in the archive after that
        #[arg(long)]
        archive_days: u32,
        /// Let it only be lengthened from now on, for good
        #[arg(long)]
        lock: bool,
        #[command(flatten)]
        yes: YesArgument,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Carry it out now, instead of within the hour (operator)
    #[command(after_help = "Example:\n  actarium retention run --org acme")]
    Run {
        /// Only this organization's
        #[arg(long)]
        org: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn retention(client: &Client, command: RetentionCommand) -> Result<(), Failure> {
    match command {
        RetentionCommand::Show { org, json } => shown(&client.get(&org.path("retention"), &[])?, json),
        RetentionCommand::Plan { org, json } => planned(&client.get(&org.path("retention/plan"), &[])?, json),
        RetentionCommand::Set { org, hot_days, archive_days, lock, yes, json } => {
            prompt::confirm(yes.yes || !lock, || {
                Ok(format!(
                    "the retention of {} is locked at {hot_days} days at hand and {archive_days} in the archive: from then on it can \
                     only be lengthened, and nobody unlocks it, the operator included",
                    org.org
                ))
            })?;
            let mut body = json!({"hot_days": hot_days, "archive_days": archive_days});
            if lock {
                body["locked"] = Value::Bool(true);
            }
            shown(&client.put(&org.path("retention"), &body)?, json)
        }
        RetentionCommand::Run { org, json } => {
            let query: Vec<(String, String)> = org.into_iter().map(|org| ("organization".to_owned(), org)).collect();
            let done = client.post_patiently("/v1/admin/retention", &query, &Payload::json(b""))?;
            if json {
                return show::json_line(&done);
            }
            let events = |key: &str| counted(done[key].as_u64().unwrap_or_default(), "event");
            let details = show::Details::new().with("archived", events("archived")).with("purged", events("purged"));
            details.with("kept by legal holds", events("held")).print()
        }
    }
}

fn shown(retention: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return show::json_line(retention);
    }
    let locked = if retention["locked"] == true { "; locked: it can only be lengthened" } else { "" };
    let days =
        |value: &Value| format!("{} days at hand, then {} in the archive", value["hot_days"], value["archive_days"]);
    show::line(&format!("{}{locked}", days(retention)))?;
    if let Some(at) = retention["pending"]["effective_at"].as_str() {
        let at = show::moment(&Value::String(at.to_owned()));
        show::line(&format!("from {at} UTC: {}", days(&retention["pending"])))?;
    }
    let running = &retention["running"];
    if running.is_object() {
        let (archived, purged) = (&running["archived"], &running["purged"]);
        show::line(&format!("being carried out: {archived} events archived, {purged} purged so far"))?;
    }
    Ok(())
}

fn planned(plan: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return show::json_line(plan);
    }
    let mut table = show::Table::new(&["", "EVENTS", "SEGMENTS", "BYTES"]);
    for (title, share) in [
        ("at hand", "hot"),
        ("in the archive", "archived"),
        ("purged", "purged"),
        ("due for the archive", "to_archive"),
        ("due to be purged", "to_purge"),
    ] {
        let number = |key: &str| plan[share][key].to_string();
        table.row(vec![title.to_owned(), number("events"), number("segments"), number("bytes")]);
    }
    table.print()?;
    let before = |key: &str| format!("{} UTC", show::moment(&plan[key]));
    show::line(&format!("archived is what was recorded before {}", before("archive_before")))?;
    let holds = match plan["legal_holds"].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => {
            format!(", but for what {} keeps", counted(count, "legal hold")).replace("holds keeps", "holds keep")
        }
    };
    show::line(&format!("purged is what was recorded before {}{holds}", before("purge_before")))
}
