//! Finding events, and watching them arrive.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::Client;
use crate::failure::Failure;
use crate::manage::OrgArgument;
use crate::show::EventLines;

/// Most events that the API gives on a page.
const PAGE_EVENTS_MAX: usize = 1_000;

/// A page of events, as the API writes them.
#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    as_of: AsOf,
}

#[derive(Deserialize)]
struct AsOf {
    size: i64,
}

fn page(client: &Client, path: &str, query: &[(String, String)], criteria: &Criteria) -> Result<Page, Failure> {
    let text = client.get_text(path, query).map_err(|failure| criteria.explain(failure))?;
    let unknown = |error| Failure::Unavailable(format!("{} answers with no page of events: {error}", client.url()));
    serde_json::from_str(&text).map_err(unknown)
}

/// Help of `--from` where events can be asked for with what proves them.
pub const FROM_OF_EXPORT: &str = "From when: RFC 3339, or back from now (-15m, -24h, -7d); if not given 24 hours before --to, and in an \
                                  export with proofs no bound, with a phrase or without";

/// Which events are meant.
#[derive(Args, Clone, Debug)]
pub struct Criteria {
    #[command(flatten)]
    pub org: OrgArgument,
    /// A search phrase: `actor:ada@example.com action:component.* -outcome:success orders`; one that begins
    /// with a hyphen comes last, after `--`
    #[arg(value_name = "PHRASE", trailing_var_arg = false)]
    phrase: Vec<String>,
    /// From when: RFC 3339, or back from now (-15m, -24h, -7d); 24 hours before --to if not given
    #[arg(long, allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Until when, likewise; without it there is no end
    #[arg(long, allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Actor: id, e-mail address or name; repeated, any of them
    #[arg(long)]
    actor: Vec<String>,
    /// Action: component.promote, component.*, *.delete
    #[arg(long)]
    action: Vec<String>,
    /// success, failure, denied or unknown
    #[arg(long)]
    outcome: Vec<String>,
    /// Target: id, name, or type:id
    #[arg(long)]
    target: Vec<String>,
    /// Project: id or name
    #[arg(long)]
    project: Vec<String>,
    /// Address or network
    #[arg(long)]
    ip: Vec<String>,
    /// Request id
    #[arg(long)]
    request_id: Vec<String>,
    /// Which way it came: api, cloudtrail, kubernetes, …
    #[arg(long)]
    source: Vec<String>,
    /// Type of the actor: user, service_account, api_key, agent, system, anonymous
    #[arg(long)]
    actor_type: Vec<String>,
    /// Type of the resource acted on
    #[arg(long)]
    resource: Vec<String>,
    /// Component: id or name
    #[arg(long)]
    component: Vec<String>,
    /// Environment: id or name
    #[arg(long)]
    environment: Vec<String>,
    /// Trace id
    #[arg(long)]
    trace_id: Vec<String>,
    /// Session id
    #[arg(long)]
    session_id: Vec<String>,
    /// The sender's own id of the event
    #[arg(long)]
    external_id: Vec<String>,
    /// The surface that the actor used
    #[arg(long)]
    surface: Vec<String>,
}

impl Criteria {
    /// The criteria as parameters of the API.
    pub fn query(&self) -> Vec<(String, String)> {
        let mut query = Vec::new();
        let repeated = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("target", &self.target),
            ("project", &self.project),
            ("ip", &self.ip),
            ("request_id", &self.request_id),
            ("source", &self.source),
            ("actor_type", &self.actor_type),
            ("resource", &self.resource),
            ("component", &self.component),
            ("environment", &self.environment),
            ("trace_id", &self.trace_id),
            ("session_id", &self.session_id),
            ("external_id", &self.external_id),
            ("surface", &self.surface),
        ];
        for (name, values) in repeated {
            query.extend(values.iter().map(|value| (name.to_owned(), value.clone())));
        }
        for (name, value) in [("from", &self.from), ("to", &self.to)] {
            query.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
        }
        if !self.phrase.is_empty() {
            query.push(("q".to_owned(), self.phrase.join(" ")));
        }
        query
    }

    /// A failure with the place in the phrase marked, where the phrase is what is wrong.
    pub fn explain(&self, failure: Failure) -> Failure {
        let phrase = self.phrase.join(" ");
        match (&failure, actarium_core::filter::Filter::parse(&phrase)) {
            (Failure::Refused(_), Err(error)) => {
                let mark = " ".repeat(phrase[..error.offset.min(phrase.len())].chars().count()) + "^";
                Failure::Refused(format!("the phrase cannot be read: {error}\n  {phrase}\n  {mark}"))
            }
            _ => failure,
        }
    }
}

/// Find events.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium search --org demo                                  the past 24 hours
  actarium search --org demo --from -30d outcome:denied       what was denied in 30 days
  actarium search --org demo --from -365d 'action:component.* -outcome:success \"release candidate\"'
  actarium search --org demo -- -outcome:success
  actarium search --org demo --from -7d --json --all | jq .action")]
pub struct SearchArguments {
    #[command(flatten)]
    criteria: Criteria,
    /// Events to show
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Oldest first
    #[arg(long)]
    oldest: bool,
    /// Print the events as JSON, one a line
    #[arg(long)]
    json: bool,
}

pub fn search(client: &Client, arguments: SearchArguments) -> Result<(), Failure> {
    let path = arguments.criteria.org.path("events");
    let wanted = if arguments.all { usize::MAX } else { usize::try_from(arguments.limit).unwrap_or(usize::MAX) };
    let mut lines = EventLines::new(arguments.json);
    let (mut shown, mut cursor, mut more) = (0usize, None::<String>, false);
    while shown < wanted {
        let mut query = arguments.criteria.query();
        query.push(("limit".to_owned(), (wanted - shown).min(PAGE_EVENTS_MAX).to_string()));
        if arguments.oldest {
            query.push(("order".to_owned(), "asc".to_owned()));
        }
        query.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let page = page(client, &path, &query, &arguments.criteria)?;
        shown += page.events.len();
        lines.print(&page.events)?;
        cursor = page.next_cursor;
        more = cursor.is_some();
        if !more {
            break;
        }
    }
    if shown == 0 {
        eprintln!(
            "nothing found{}",
            if arguments.criteria.from.is_none() {
                " in the past 24 hours; --from -30d looks further back"
            } else {
                ""
            }
        );
    } else if more {
        eprintln!("{shown} shown, there are more: --limit or --all");
    }
    Ok(())
}

/// Show events as they arrive.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium tail -f --org demo
  actarium tail -f --org demo outcome:denied --json")]
pub struct TailArguments {
    #[command(flatten)]
    criteria: Criteria,
    /// Go on until Ctrl-C; without it, the latest events of the past 24 hours are shown
    #[arg(short, long)]
    follow: bool,
    /// Print the events as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// Events shown before the ones that arrive.
const LATEST_EVENTS: &str = "10";

/// How long a stream may be silent; the server sends a heartbeat every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(50);

/// Longest wait before connecting again.
const RECONNECT_SECONDS_MAX: u64 = 30;

pub fn tail(client: &Client, arguments: TailArguments) -> Result<(), Failure> {
    let criteria = &arguments.criteria;
    let path = criteria.org.path("events");
    let mut query = criteria.query();
    query.push(("limit".to_owned(), LATEST_EVENTS.to_owned()));
    let mut latest = page(client, &path, &query, criteria)?;
    latest.events.reverse();
    let mut lines = EventLines::new(arguments.json);
    lines.print(&latest.events)?;
    if !arguments.follow {
        return Ok(());
    }
    let mut after = latest.as_of.size - 1;
    let mut wait = 1;
    loop {
        let mut query: Vec<(String, String)> =
            criteria.query().into_iter().filter(|(name, _)| name != "from" && name != "to").collect();
        query.push(("after".to_owned(), after.to_string()));
        let ended = follow(client, &path, &query, &mut after, &mut wait, &mut lines);
        match ended {
            Ok(()) => {}
            Err(Failure::Unavailable(detail)) => eprintln!("{detail}"),
            Err(other) => return Err(other),
        }
        eprintln!("the stream ended; connecting again in {wait} s");
        std::thread::sleep(Duration::from_secs(wait));
        wait = (wait * 2).min(RECONNECT_SECONDS_MAX);
    }
}

fn follow(
    client: &Client,
    path: &str,
    query: &[(String, String)],
    after: &mut i64,
    wait: &mut u64,
    lines: &mut EventLines,
) -> Result<(), Failure> {
    let stream = client.stream(&format!("{path}/tail"), query, "text/event-stream", SILENCE_MAX)?;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| Failure::Unavailable(error.to_string()))?;
        *wait = 1;
        if let Some(id) = line.strip_prefix("id:") {
            *after = id.trim().parse().unwrap_or(*after);
        } else if let Some(data) = line.strip_prefix("data:")
            && let Ok(event) = serde_json::from_str::<Box<RawValue>>(data.trim_start())
        {
            lines.print(&[event])?;
        }
    }
    Ok(())
}
