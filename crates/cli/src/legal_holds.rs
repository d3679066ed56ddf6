//! `actarium legal-hold`: what of a log is kept whatever the retention says.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::manage::{Column, JsonArgument, OrgArgument, YesArgument, id, list, put_given, text};
use crate::prompt;
use crate::show::{self, Details};

#[derive(Debug, Subcommand)]
pub enum LegalHoldCommand {
    /// List the legal holds that are in force
    #[command(after_help = "Example:\n  actarium legal-hold list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Place a legal hold: what matches all of its criteria is not purged
    #[command(after_help = "Examples:
  actarium legal-hold place --org acme --reason 'Case 2026-17' --actor ada@example.com --from 2026-01-01T00:00:00Z
  actarium legal-hold place --org acme --reason 'Audit of payments' 'project:payments action:component.*'
  actarium legal-hold place --org acme --reason 'Everything, until we know more' --all

What it matches when it is placed stays from then on; what was purged before is gone.")]
    Place(PlaceArguments),
    /// Release a legal hold: what it held goes with the next run of the retention, if it is due
    #[command(
        after_help = "Example:\n  actarium legal-hold release --org acme hold_4b --reason 'Case 2026-17 is closed'"
    )]
    Release {
        #[command(flatten)]
        org: OrgArgument,
        /// Its id, as `legal-hold list` shows it
        hold: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        yes: YesArgument,
    },
}

#[derive(Args, Debug)]
pub struct PlaceArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// A search phrase; one that begins with a hyphen comes last, after `--`
    #[arg(value_name = "PHRASE")]
    phrase: Vec<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Actor: id, e-mail address or name
    #[arg(long)]
    actor: Option<String>,
    /// Target: id, name, or type:id
    #[arg(long)]
    target: Option<String>,
    /// What happened from then on: RFC 3339, or back from now (-30d)
    #[arg(long, allow_hyphen_values = true, value_name = "TIME")]
    from: Option<String>,
    /// What happened before then, likewise
    #[arg(long, allow_hyphen_values = true, value_name = "TIME")]
    to: Option<String>,
    /// Everything of the organization, without a criterion
    #[arg(long, conflicts_with_all = ["phrase", "actor", "target", "from", "to"])]
    all: bool,
    #[command(flatten)]
    form: JsonArgument,
}

const COLUMNS: &[Column] = &[
    ("ID", id),
    ("PLACED (UTC)", |hold| show::moment(&hold["placed_at"])),
    ("BY", placed_by),
    ("HOLDS", criteria),
    ("REASON", |hold| text(hold, "reason")),
];

fn placed_by(hold: &Value) -> String {
    let by = &hold["placed_by"];
    let called = ["name", "email", "id"].into_iter().find_map(|key| by[key].as_str());
    called.unwrap_or_default().to_owned()
}

/// What a hold holds, in a line.
fn criteria(hold: &Value) -> String {
    let mut criteria: Vec<String> = hold["q"].as_str().map(str::to_owned).into_iter().collect();
    for name in ["actor", "target", "from", "to"] {
        criteria.extend(hold[name].as_str().map(|value| format!("{name} {value}")));
    }
    if criteria.is_empty() { "everything".to_owned() } else { criteria.join(", ") }
}

pub fn legal_hold(client: &Client, command: LegalHoldCommand) -> Result<(), Failure> {
    match command {
        LegalHoldCommand::List { org, form } => {
            list(client, (&org.path("legal-holds"), "legal_holds"), &[], form.json, COLUMNS)
        }
        LegalHoldCommand::Place(arguments) => place(client, arguments),
        LegalHoldCommand::Release { org, hold, reason, yes } => release(client, &org, &hold, &reason, yes),
    }
}

fn place(client: &Client, arguments: PlaceArguments) -> Result<(), Failure> {
    let phrase = (!arguments.phrase.is_empty()).then(|| arguments.phrase.join(" "));
    let given = [
        ("q", phrase),
        ("actor", arguments.actor),
        ("target", arguments.target),
        ("from", arguments.from),
        ("to", arguments.to),
    ];
    if !arguments.all && given.iter().all(|(_, value)| value.is_none()) {
        return Err(Failure::Usage(
            "what is to be kept? A phrase, --actor, --target, --from and --to say it; --all is everything".to_owned(),
        ));
    }
    let mut body = json!({ "reason": arguments.reason });
    put_given(&mut body, &given.map(|(name, value)| (name, value.map(Value::String))));
    let placed = client.make(&arguments.org.path("legal-holds"), &body)?;
    if arguments.form.json {
        return show::json_line(&placed);
    }
    let details = Details::new().with("legal hold", id(&placed)).with("holds", criteria(&placed));
    details.with("reason", text(&placed, "reason")).with("placed", placed_at(&placed)).print()
}

fn placed_at(hold: &Value) -> String {
    format!("{} UTC by {}", show::moment(&hold["placed_at"]), placed_by(hold))
}

fn release(client: &Client, org: &OrgArgument, hold: &str, reason: &str, yes: YesArgument) -> Result<(), Failure> {
    prompt::confirm(yes.yes, || {
        let all = client.get(&org.path("legal-holds"), &[])?;
        let holds = all["legal_holds"].as_array().into_iter().flatten();
        let held = holds.filter(|kept| id(kept) == hold).map(criteria).next();
        let held = held.ok_or_else(|| {
            Failure::Refused(format!("{} has no legal hold `{hold}`; `actarium legal-hold list` lists them", org.org))
        })?;
        Ok(format!("what {hold} holds ({held}) is purged by the next run of the retention, if it is due"))
    })?;
    let query = [("reason".to_owned(), reason.to_owned())];
    client.delete_with(&org.path(&format!("legal-holds/{}", segment(hold))), &query)?;
    show::note(&format!("{hold} of {} is released", org.org));
    Ok(())
}
