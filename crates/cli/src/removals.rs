//! Erasure of a person and redaction of records: counting, asking, and the second person's yes or no.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, Payload, segment};
use crate::failure::Failure;
use crate::manage::{OrgArgument, YesArgument};
use crate::{prompt, show};

/// How often it is looked how far one has come.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  actarium erase --org acme --subject user:u_123
  actarium erase --org acme --subject user:u_123 --parts personal,identity --reason 'Request 4711' --yes
  actarium erasure approve --org acme erasure_1a2b3c --wait        # as another person")]
pub struct EraseArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Who is erased: type and id of an actor or target, user:u_123
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// What goes, with commas between: personal, identity, detail
    #[arg(long, value_delimiter = ',', default_value = "personal")]
    parts: Vec<String>,
    #[command(flatten)]
    asking: AskingArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  actarium redact --org acme --event 01a22421-a120-732f-8000-0000251cba1b --pointer /message
  actarium redact --org acme --event 01a22421-a120-732f-8000-0000251cba1b --mask-key note --reason 'A password' --yes
  actarium redaction approve --org acme redaction_1a2b3c --wait    # as another person")]
pub struct RedactArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// The id of an event whose detail goes; repeatable
    #[arg(long = "event", required = true, value_name = "ID")]
    events: Vec<String>,
    /// A key whose values are masked in what is left, besides those that name credentials; repeatable
    #[arg(long = "mask-key", value_name = "KEY")]
    mask_keys: Vec<String>,
    /// Where something is masked in what is left, as a JSON Pointer into the event: /metadata/note; repeatable
    #[arg(long = "pointer", value_name = "POINTER")]
    pointers: Vec<String>,
    /// Record nothing of what is left
    #[arg(long, conflicts_with_all = ["mask_keys", "pointers"])]
    no_remainder: bool,
    #[command(flatten)]
    asking: AskingArguments,
}

/// What counting and asking have in common.
#[derive(Debug, Args)]
struct AskingArguments {
    /// Why; it is recorded and stays
    #[arg(long, required_if_eq("yes", "true"))]
    reason: Option<String>,
    /// Ask for it; without this it is only counted
    #[arg(long, short)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub enum ErasureCommand {
    /// List erasures, newest first
    #[command(after_help = "Example:\n  actarium erasure list --org acme")]
    List(ListArguments),
    /// Show an erasure and how far it has come
    #[command(after_help = "Example:\n  actarium erasure show --org acme erasure_1a2b3c --wait")]
    Show(ShowArguments),
    /// Approve an erasure, as another person than who asked; it cannot be taken back
    #[command(after_help = "Example:\n  actarium erasure approve --org acme erasure_1a2b3c --wait")]
    Approve(ApproveArguments),
    /// Reject an erasure that waits
    #[command(
        after_help = "Example:\n  actarium erasure reject --org acme erasure_1a2b3c --reason 'The contract goes on'"
    )]
    Reject(RejectArguments),
}

#[derive(Debug, Subcommand)]
pub enum RedactionCommand {
    /// List redactions, newest first
    #[command(after_help = "Example:\n  actarium redaction list --org acme")]
    List(ListArguments),
    /// Show a redaction and how far it has come
    #[command(after_help = "Example:\n  actarium redaction show --org acme redaction_1a2b3c --wait")]
    Show(ShowArguments),
    /// Approve a redaction, as another person than who asked; it cannot be taken back
    #[command(after_help = "Example:\n  actarium redaction approve --org acme redaction_1a2b3c --wait")]
    Approve(ApproveArguments),
    /// Reject a redaction that waits
    #[command(
        after_help = "Example:\n  actarium redaction reject --org acme redaction_1a2b3c --reason 'It is no secret'"
    )]
    Reject(RejectArguments),
}

#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Its id
    id: String,
    /// Wait until it is done
    #[arg(long)]
    wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ApproveArguments {
    #[command(flatten)]
    shown: ShowArguments,
    #[command(flatten)]
    yes: YesArgument,
}

#[derive(Debug, Args)]
pub struct RejectArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Its id
    id: String,
    /// Why
    #[arg(long)]
    reason: String,
}

/// The two kinds, by the end of their paths.
#[derive(Clone, Copy)]
enum Kind {
    Erasures,
    Redactions,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Kind::Erasures => "erasures",
            Kind::Redactions => "redactions",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Kind::Erasures => "erasure",
            Kind::Redactions => "redaction",
        }
    }
}

pub fn erase(client: &Client, arguments: &EraseArguments) -> Result<(), Failure> {
    let EraseArguments { org, subject, parts, asking } = arguments;
    ask(client, org, Kind::Erasures, json!({"subject": subject, "parts": parts}), asking)
}

pub fn redact(client: &Client, arguments: &RedactArguments) -> Result<(), Failure> {
    let RedactArguments { org, events, mask_keys, pointers, no_remainder, asking } = arguments;
    let body = json!({"events": events, "mask_keys": mask_keys, "pointers": pointers, "remainder": !no_remainder});
    ask(client, org, Kind::Redactions, body, asking)
}

pub fn erasure(client: &Client, command: ErasureCommand) -> Result<(), Failure> {
    match command {
        ErasureCommand::List(arguments) => list(client, Kind::Erasures, &arguments),
        ErasureCommand::Show(arguments) => show_one(client, Kind::Erasures, &arguments),
        ErasureCommand::Approve(arguments) => approve(client, Kind::Erasures, &arguments),
        ErasureCommand::Reject(arguments) => reject(client, Kind::Erasures, &arguments),
    }
}

pub fn redaction(client: &Client, command: RedactionCommand) -> Result<(), Failure> {
    match command {
        RedactionCommand::List(arguments) => list(client, Kind::Redactions, &arguments),
        RedactionCommand::Show(arguments) => show_one(client, Kind::Redactions, &arguments),
        RedactionCommand::Approve(arguments) => approve(client, Kind::Redactions, &arguments),
        RedactionCommand::Reject(arguments) => reject(client, Kind::Redactions, &arguments),
    }
}

/// Counts, and asks for it if that is wanted.
fn ask(
    client: &Client,
    org: &OrgArgument,
    kind: Kind,
    mut body: Value,
    asking: &AskingArguments,
) -> Result<(), Failure> {
    if let Some(reason) = &asking.reason {
        body["reason"] = json!(reason);
    }
    let path = org.path(kind.path());
    let post = |body: &Value| client.post_patiently(&path, &[], &Payload::json(body.to_string().as_bytes()));
    if !asking.yes {
        body["dry_run"] = json!(true);
        let counted = post(&body)?;
        if asking.json {
            return show::json_line(&counted);
        }
        counts(&counted)?;
        show::note("nothing was asked for; --yes with --reason asks for it");
        return Ok(());
    }
    let removal = post(&body)?;
    if asking.json {
        return show::json_line(&removal);
    }
    counts(&removal)?;
    let (id, command) = (removal["id"].as_str().unwrap_or_default(), kind.command());
    if removal["approvers"].as_array().is_some_and(Vec::is_empty) {
        show::note("nobody in the organization may approve it: the operator has to");
    }
    show::line(&format!("{id} waits for another person: actarium {command} approve --org {} {id}", org.org))
}

fn counts(answer: &Value) -> Result<(), Failure> {
    let found = &answer["found"];
    let mut table = show::Table::new(&["", "EVENTS"]);
    for (title, key) in [
        ("lose parts", "events"),
        ("  identity", "identity"),
        ("  personal", "personal"),
        ("  detail", "detail"),
        ("  not sealed yet", "journal"),
        ("  at hand", "hot"),
        ("  in the archive", "archive"),
        ("  own records that name the person", "naming_records"),
        ("recorded searches that may name them, and stay", "searches_to_review"),
        ("own records of others' acts, of which only names go", "kept_own"),
        ("held, and stay", "held"),
        ("had lost them before", "already"),
        ("saved searches that are deleted", "saved_searches"),
    ] {
        table.row(vec![title.to_owned(), found[key].to_string()]);
    }
    table.print()?;
    if found["more"] == true {
        show::note("there is more than one erasure may remove: ask again when it is done");
    }
    let to_review = answer["to_review"].as_array().map_or(&[][..], Vec::as_slice);
    let ids: Vec<&str> = to_review.iter().filter_map(Value::as_str).collect();
    if !ids.is_empty() {
        show::note(&format!("look at these searches, and redact those that name the person: {}", ids.join(" ")));
    }
    Ok(())
}

fn list(client: &Client, kind: Kind, arguments: &ListArguments) -> Result<(), Failure> {
    let page = client.get(&arguments.org.path(kind.path()), &[])?;
    let removals = page[kind.path()].as_array().map_or(&[][..], Vec::as_slice);
    if arguments.json {
        return removals.iter().try_for_each(show::json_line);
    }
    let mut table = show::Table::new(&["ID", "STATE", "DONE", "PARTS", "ASKED (UTC)", "REASON"]);
    for removal in removals {
        let text = |key: &str| removal[key].as_str().unwrap_or_default().to_owned();
        let (state, at) = (text("state"), show::moment(&removal["asked_at"]));
        table.row(vec![text("id"), state, done_of(removal), parts(removal), at, text("reason")]);
    }
    table.print()
}

fn parts(removal: &Value) -> String {
    let parts = removal["parts"].as_array().into_iter().flatten().filter_map(Value::as_str);
    parts.collect::<Vec<_>>().join(",")
}

fn done_of(removal: &Value) -> String {
    format!("{}/{}", removal["progress"]["done"], removal["progress"]["total"])
}

fn path_of(kind: Kind, arguments: &ShowArguments) -> String {
    arguments.org.path_of(kind.path(), &arguments.id)
}

fn show_one(client: &Client, kind: Kind, arguments: &ShowArguments) -> Result<(), Failure> {
    let removal = client.get(&path_of(kind, arguments), &[])?;
    end_with(client, kind, arguments, removal)
}

fn approve(client: &Client, kind: Kind, arguments: &ApproveArguments) -> Result<(), Failure> {
    let ApproveArguments { shown, yes } = arguments;
    prompt::confirm(yes.yes, || {
        let removal = client.get(&path_of(kind, shown), &[])?;
        let (total, parts) = (&removal["progress"]["total"], parts(&removal));
        let whose = removal["subject"].as_str().map(|subject| format!(" of {subject}")).unwrap_or_default();
        Ok(format!("{parts} of {total} events{whose} go for good."))
    })?;
    let path = format!("{}/approve", path_of(kind, shown));
    let removal = client.post_patiently(&path, &[], &Payload::json(b""))?;
    end_with(client, kind, shown, removal)
}

fn reject(client: &Client, kind: Kind, arguments: &RejectArguments) -> Result<(), Failure> {
    let path = arguments.org.path(&format!("{}/{}/reject", kind.path(), segment(&arguments.id)));
    client.make(&path, &json!({"reason": arguments.reason}))?;
    show::note("rejected; nothing is removed");
    Ok(())
}

/// Prints it, as it is or once nothing more happens to it.
fn end_with(client: &Client, kind: Kind, arguments: &ShowArguments, mut removal: Value) -> Result<(), Failure> {
    let mut told = String::new();
    while arguments.wait && matches!(removal["state"].as_str(), Some("approved" | "wiping")) {
        let now = format!("{}: {}", removal["state"].as_str().unwrap_or_default(), done_of(&removal));
        if now != told {
            show::note(&now);
            told = now;
        }
        std::thread::sleep(LOOKED_AT_EVERY);
        removal = client.get(&path_of(kind, arguments), &[])?;
    }
    if arguments.json {
        return show::json_line(&removal);
    }
    shown(&removal)
}

fn shown(removal: &Value) -> Result<(), Failure> {
    let text = |key: &str| removal[key].as_str().unwrap_or_default().to_owned();
    let who = |key: &str| {
        let actor = &removal[key];
        let name = actor["name"].as_str().or(actor["id"].as_str()).unwrap_or("nobody yet");
        name.to_owned()
    };
    show::line(&format!("{}  {}  {} events, {}", text("id"), text("state"), done_of(removal), parts(removal)))?;
    show::line(&format!("reason      {}", text("reason")))?;
    if removal["subject"].is_string() {
        show::line(&format!("subject     {}", text("subject")))?;
    }
    if removal["pseudonym"].is_string() {
        show::line(&format!("pseudonym   {}", text("pseudonym")))?;
    }
    show::line(&format!("asked by    {}, {} UTC", who("asked_by"), show::moment(&removal["asked_at"])))?;
    if removal["decided_at"].is_string() {
        show::line(&format!("decided by  {}, {} UTC", who("decided_by"), show::moment(&removal["decided_at"])))?;
    }
    if removal["state"] == "pending" {
        return counts(removal);
    }
    if removal["kept_by_holds"].as_u64().is_some_and(|held| held > 0) {
        show::note(&format!(
            "{} events are kept by legal holds: ask again once they are released",
            removal["kept_by_holds"]
        ));
    }
    Ok(())
}
