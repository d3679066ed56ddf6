//! Recording: one event from options, or events as they stand from a file or stdin.

use std::io::Read;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::client::{Client, Payload};
use crate::failure::Failure;
use crate::manage::OrgArgument;
use crate::show;

/// Record events.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium emit --org acme --action component.deploy --actor user:u-17 \\
      --target component:orders --target project:payments
  actarium emit --org acme events.ndjson
  jq -c '.[]' events.json | actarium emit --org acme -

An event of a file has at least:
  {\"action\": \"project.create\",
   \"actor\": {\"type\": \"user\", \"id\": \"u-1\"},
   \"targets\": [{\"type\": \"project\", \"id\": \"p\"}]}")]
pub struct EmitArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// A file with one event, an array, or one a line; `-` is stdin
    #[arg(conflicts_with_all = ["action", "actor", "target"])]
    file: Option<String>,
    /// What was done: resource.verb
    #[arg(long, requires = "actor", requires = "target")]
    action: Option<String>,
    /// Who did it: type:id
    #[arg(long)]
    actor: Option<String>,
    /// What it was done to: type:id; the first is the resource, the others contain it
    #[arg(long)]
    target: Vec<String>,
    /// success, failure, denied or unknown
    #[arg(long, default_value = "success")]
    outcome: String,
    /// Why it failed or was denied
    #[arg(long)]
    reason: Option<String>,
    /// One human sentence
    #[arg(long)]
    message: Option<String>,
    /// When it happened (RFC 3339); now if not given
    #[arg(long)]
    occurred_at: Option<String>,
    /// Your own id of the event: sent again, it is recorded once
    #[arg(long)]
    external_id: Option<String>,
    /// KEY=VALUE, as often as wanted
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<String>,
    /// Print the whole answer
    #[arg(long)]
    json: bool,
}

pub fn emit(client: &Client, arguments: EmitArguments) -> Result<(), Failure> {
    if arguments.file.is_none() && arguments.action.is_none() {
        return Err(Failure::Usage(
            "what is to be recorded? Give --action, --actor and --target, or a file of events (`-` is stdin)"
                .to_owned(),
        ));
    }
    let body = match &arguments.file {
        None => event(&arguments)?.to_string().into_bytes(),
        Some(file) if file == "-" => {
            let mut body = Vec::new();
            std::io::stdin().read_to_end(&mut body)?;
            body
        }
        Some(file) => std::fs::read(file).map_err(|error| Failure::Usage(format!("{file}: {error}")))?,
    };
    let whole = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
    let content_type = if whole { "application/json" } else { "application/x-ndjson" };
    let path = arguments.org.path("events");
    let payload = Payload { content_type, ..Payload::json(&body) };
    let answer = client.post(&path, &[], &payload)?;
    if arguments.json {
        return show::json_line(&answer);
    }
    for event in answer["events"].as_array().into_iter().flatten() {
        let again = if event["duplicate"] == true { "  (recorded before)" } else { "" };
        show::line(&format!("{}  seq {}{again}", event["id"].as_str().unwrap_or_default(), event["seq"]))?;
    }
    Ok(())
}

fn event(arguments: &EmitArguments) -> Result<Value, Failure> {
    let typed = |text: &str, name: &str| match text.split_once(':') {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok(json!({"type": kind, "id": id})),
        _ => Err(Failure::Usage(format!(
            "--{name} `{text}` is not type:id, such as {}",
            if name == "actor" { "user:u-17" } else { "component:orders" }
        ))),
    };
    let targets: Vec<Value> = arguments.target.iter().map(|text| typed(text, "target")).collect::<Result<_, _>>()?;
    let mut event = json!({
        "action": arguments.action,
        "outcome": arguments.outcome,
        "actor": typed(arguments.actor.as_deref().unwrap_or_default(), "actor")?,
        "targets": targets,
    });
    let optional = [
        ("reason", &arguments.reason),
        ("message", &arguments.message),
        ("occurred_at", &arguments.occurred_at),
        ("external_id", &arguments.external_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            event[name] = json!(value);
        }
    }
    let mut metadata = Map::new();
    for pair in &arguments.metadata {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::Usage(format!("--metadata `{pair}` is not KEY=VALUE")));
        };
        metadata.insert(key.to_owned(), json!(value));
    }
    if !metadata.is_empty() {
        event["metadata"] = Value::Object(metadata);
    }
    Ok(event)
}
