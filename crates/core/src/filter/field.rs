//! The fields that a phrase can name, and how the text behind one becomes a term.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use super::error::{Problem, nearest};
use super::{ActionPattern, ActorType, Outcome, Term, canonical_network};
use crate::id::EventId;
use crate::limits::{ACTION_CHARS_MAX, METADATA_KEY_CHARS_MAX, TARGET_TYPE_CHARS_MAX};

/// A field of the search phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `actor:`
    Actor,
    /// `actor_type:`
    ActorType,
    /// `action:`
    Action,
    /// `outcome:`
    Outcome,
    /// `target:`
    Target,
    /// `resource:`
    Resource,
    /// `project:`
    Project,
    /// `component:`
    Component,
    /// `environment:`
    Environment,
    /// `ip:`
    Ip,
    /// `request_id:`
    RequestId,
    /// `trace_id:`
    TraceId,
    /// `session_id:`
    SessionId,
    /// `external_id:`
    ExternalId,
    /// `source:`
    Source,
    /// `surface:`
    Surface,
    /// `id:`
    Id,
    /// `seq:`
    Seq,
    /// `metadata.KEY:`
    Metadata,
}

/// The start of a field that names a key of the metadata.
pub(super) const METADATA_PREFIX: &str = "metadata.";

/// The targets' types that have a field of their own.
pub(super) const TARGET_FIELDS: [(Field, &str); 3] =
    [(Field::Project, "project"), (Field::Component, "component"), (Field::Environment, "environment")];

impl Field {
    /// All fields, in the order in which they are listed to people.
    pub const ALL: [Field; 19] = [
        Field::Actor,
        Field::ActorType,
        Field::Action,
        Field::Outcome,
        Field::Target,
        Field::Resource,
        Field::Project,
        Field::Component,
        Field::Environment,
        Field::Ip,
        Field::RequestId,
        Field::TraceId,
        Field::SessionId,
        Field::ExternalId,
        Field::Source,
        Field::Surface,
        Field::Id,
        Field::Seq,
        Field::Metadata,
    ];

    /// The field's name in a phrase, without the colon; `metadata.KEY` stands for all keys.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Actor => "actor",
            Field::ActorType => "actor_type",
            Field::Action => "action",
            Field::Outcome => "outcome",
            Field::Target => "target",
            Field::Resource => "resource",
            Field::Project => "project",
            Field::Component => "component",
            Field::Environment => "environment",
            Field::Ip => "ip",
            Field::RequestId => "request_id",
            Field::TraceId => "trace_id",
            Field::SessionId => "session_id",
            Field::ExternalId => "external_id",
            Field::Source => "source",
            Field::Surface => "surface",
            Field::Id => "id",
            Field::Seq => "seq",
            Field::Metadata => "metadata.KEY",
        }
    }

    /// What the field finds, as a short clause, and an example of its use.
    pub const fn help(self) -> (&'static str, &'static str) {
        match self {
            Field::Actor => ("id, e-mail address or name of who did it, or on whose behalf", "actor:ada@example.com"),
            Field::ActorType => ("kind of actor", "actor_type:agent"),
            Field::Action => {
                ("what was done; .* for everything below, *. for a verb of anything", "action:component.*")
            }
            Field::Outcome => ("how it ended", "outcome:denied"),
            Field::Target => ("id or name of anything it was done to; type:id narrows to a type", "target:role:admin"),
            Field::Resource => ("type of what was acted on", "resource:component"),
            Field::Project => ("id or name of the project", "project:payments"),
            Field::Component => ("id or name of the component", "component:checkout"),
            Field::Environment => ("id or name of the environment", "environment:production"),
            Field::Ip => ("address or network it came from", "ip:10.0.0.0/8"),
            Field::RequestId => ("request id", "request_id:req-7f3a"),
            Field::TraceId => ("trace id", "trace_id:4bf92f3577b34da6a3ce929d0e0e4736"),
            Field::SessionId => ("session of the actor", "session_id:s-81"),
            Field::ExternalId => ("the sender's own id of the event", "external_id:evt-42"),
            Field::Source => ("which way the event came", "source:kubernetes"),
            Field::Surface => ("what the actor used", "surface:console"),
            Field::Id => ("the event's id", "id:01893a0c-0d5b-7000-8000-000000000000"),
            Field::Seq => ("the event's position in the log", "seq:4711"),
            Field::Metadata => ("value of a key of the metadata", "metadata.build:17"),
        }
    }

    /// The field of that name, without regard to case, and the key if it is one of the metadata.
    pub(super) fn named(name: &str) -> Result<(Field, Option<String>), Problem> {
        if let Some((prefix, key)) = name.split_at_checked(METADATA_PREFIX.len())
            && prefix.eq_ignore_ascii_case(METADATA_PREFIX)
        {
            return match is_metadata_key(key) {
                true => Ok((Field::Metadata, Some(key.to_owned()))),
                false => Err(Problem::new("a key of the metadata is 1 to 64 letters, digits, `_`, `.` and `-`")),
            };
        }
        let plain = || Field::ALL.into_iter().filter(|field| *field != Field::Metadata);
        if let Some(field) = plain().find(|field| field.name().eq_ignore_ascii_case(name)) {
            return Ok((field, None));
        }
        if name.eq_ignore_ascii_case("metadata") {
            return Err(Problem::new("the key of the metadata is missing: `metadata.KEY:`"));
        }
        let hint = match nearest(name, plain().map(Field::name)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "put the text in quotes to search for it".to_owned(),
        };
        let detail = format!("there is no field `{}` ({hint})", name.chars().take(64).collect::<String>());
        Err(Problem::new(detail).allowing(Field::ALL.into_iter().map(Field::name)))
    }

    /// The term of this field for a value; `key` is that of the metadata.
    pub(super) fn term(self, key: Option<&str>, value: &Value<'_>) -> Result<Term, Problem> {
        if value.kind.is_some() && self != Field::Target {
            return Err(Problem::new("a quote must begin the value"));
        }
        if !value.literal && self != Field::Action && value.text.contains('*') {
            let detail = "`*` works in `action:` only; put the value in quotes if it is part of it";
            return Err(Problem::new(detail).allowing(["action:component.*", "action:*.delete"]));
        }
        let text = || value.text.clone().into_owned();
        let target = |kind: &str| Term::Target { kind: Some(kind.to_owned()), value: text() };
        Ok(match self {
            Field::Actor => Term::Actor(text()),
            Field::ActorType => Term::ActorType(actor_type(&value.text)?),
            Field::Action => Term::Action(action_pattern(&value.text)?),
            Field::Outcome => Term::Outcome(outcome(&value.text)?),
            Field::Target => match value.kind {
                Some(kind) => target(kind),
                None => Term::Target { kind: None, value: text() },
            },
            Field::Resource => Term::Resource(text()),
            Field::Project => target("project"),
            Field::Component => target("component"),
            Field::Environment => target("environment"),
            Field::Ip => Term::Ip(network(&value.text)?),
            Field::RequestId => Term::RequestId(text()),
            Field::TraceId => Term::TraceId(text()),
            Field::SessionId => Term::SessionId(text()),
            Field::ExternalId => Term::ExternalId(text()),
            Field::Source => Term::Source(text()),
            Field::Surface => Term::Surface(text()),
            Field::Id => Term::Id(event_id(&value.text)?),
            Field::Seq => Term::Seq(seq(&value.text)?),
            Field::Metadata => Term::Metadata { key: key.unwrap_or_default().to_owned(), value: text() },
        })
    }
}

/// A value as it stands behind a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub text: Cow<'a, str>,
    /// Whether every character stands for itself: it was quoted, or came as a parameter.
    pub literal: bool,
    /// The type in `type:"value"`.
    pub kind: Option<&'a str>,
}

/// Whether the text is a key that metadata may have.
pub(super) fn is_metadata_key(text: &str) -> bool {
    (1..=METADATA_KEY_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether the text is a type that a target may have.
pub(super) fn is_target_type(text: &str) -> bool {
    (1..=TARGET_TYPE_CHARS_MAX).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphabetic()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte))
}

fn actor_type(text: &str) -> Result<ActorType, Problem> {
    ActorType::from_text(&text.to_ascii_lowercase()).ok_or_else(|| {
        let names = || ActorType::ALL.iter().map(|kind| kind.as_str());
        Problem::new(format!("there is no such type of actor{}", did_you_mean(text, names()))).allowing(names())
    })
}

fn outcome(text: &str) -> Result<Outcome, Problem> {
    Outcome::from_text(&text.to_ascii_lowercase()).ok_or_else(|| {
        let names = || Outcome::ALL.iter().map(|outcome| outcome.as_str());
        Problem::new(format!("there is no such outcome{}", did_you_mean(text, names()))).allowing(names())
    })
}

fn did_you_mean<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, names).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

fn action_pattern(text: &str) -> Result<ActionPattern, Problem> {
    let words = |text: &str| {
        text.split('.').all(|word| {
            word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                && !word.is_empty()
        })
    };
    let lower = text.to_ascii_lowercase();
    if lower.len() <= ACTION_CHARS_MAX {
        match (lower.strip_suffix(".*"), lower.strip_prefix("*.")) {
            (Some(prefix), None) if words(prefix) => return Ok(ActionPattern::Under(prefix.to_owned())),
            (None, Some(verb)) if words(verb) => return Ok(ActionPattern::Verb(verb.to_owned())),
            (None, None) if words(&lower) && lower.contains('.') => return Ok(ActionPattern::Exact(lower)),
            _ => {}
        }
    }
    let forms = ["component.promote", "component.*", "*.delete"];
    if !words(&lower) || lower.len() > ACTION_CHARS_MAX {
        return Err(Problem::new("an action is words of letters, digits and `_` joined by dots").allowing(forms));
    }
    Err(Problem::new(format!("an action has at least one dot (did you mean `{lower}.*` or `*.{lower}`?)"))
        .allowing(forms))
}

fn network(text: &str) -> Result<IpNet, Problem> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>(),
    };
    network.map(canonical_network).map_err(|_| {
        Problem::new("this is not an IP address or network").allowing(["10.1.2.3", "10.0.0.0/8", "2001:db8::/32"])
    })
}

fn event_id(text: &str) -> Result<EventId, Problem> {
    text.parse::<EventId>().map_err(|_| {
        let detail = "this is not the id of an event, a UUID of version 7 (use `external_id:` for the sender's own id)";
        Problem::new(detail).allowing(["01893a0c-0d5b-7000-8000-000000000000"])
    })
}

fn seq(text: &str) -> Result<u64, Problem> {
    match text.parse::<u64>() {
        Ok(seq) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(seq),
        _ => Err(Problem::new("a position in the log is a whole number from 0")),
    }
}
