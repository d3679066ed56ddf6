//! What the catalog knows of actions. It needs no server.

use actarium_core::catalog::{Action, Catalog};
use actarium_core::event::Outcome;
use clap::Args;
use serde_json::json;

use crate::failure::Failure;
use crate::show::{self, Table};

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
    // The sentence says as much as resource and title do.
    let narrow = show::is_narrow();
    let titles: &[&str] = if narrow { &["ACTION", "SENTENCE"] } else { &["ACTION", "RESOURCE", "TITLE", "SENTENCE"] };
    let mut table = Table::new(titles);
    for action in actions {
        if arguments.json {
            show::json_line(&json!(action))?;
        } else {
            let sentence = sentence(action, Outcome::Success);
            table.row(match narrow {
                true => vec![action.action.clone(), sentence],
                false => vec![action.action.clone(), action.resource.clone(), action.title.clone(), sentence],
            });
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
