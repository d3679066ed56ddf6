//! The query parameters that routes declare. What they mean is known to `queries` and the handlers.

use actarium_query::FacetField;

use crate::limits;
use crate::parameters::{Form, Parameter};

const fn parameter(name: &'static str, form: Form, example: &'static str, description: &'static str) -> Parameter {
    Parameter { name, form, repeatable: false, required: false, description, example }
}

const fn repeated(name: &'static str, form: Form, example: &'static str, description: &'static str) -> Parameter {
    Parameter { name, form, repeatable: true, required: false, description, example }
}

const VALUE: Form = Form::Text { chars_max: 512 };
const OUTCOMES: Form = Form::OneOfRequired(&["success", "failure", "denied", "unknown"]);
const ACTION: Form = Form::Pattern {
    regex: r"^([A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+|[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\.\*|\*(\.[A-Za-z0-9_]+)+)$",
    chars_max: 128,
};
const IP: Form = Form::Pattern { regex: r"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$", chars_max: 64 };
const PHRASE: Form = Form::Text { chars_max: 4096 };

const FROM: Parameter = parameter(
    "from",
    Form::Time,
    "-24h",
    "Only events that occurred at or after this time. Without it: 24 hours before `to`.",
);
const TO: Parameter =
    parameter("to", Form::Time, "now", "Only events that occurred before this time. Without it: no bound.");
const ACTOR: Parameter = repeated(
    "actor",
    VALUE,
    "ada@example.com",
    "Id, e-mail address or name of the actor, or of one on whose behalf it acted.",
);
const ACTIONS: Parameter = repeated("action", ACTION, "component.*", "The action, or all actions below a prefix.");
const TARGET: Parameter =
    repeated("target", VALUE, "component:checkout", "Id or name of a target, alone or as `type:id`.");
const OUTCOME: Parameter = repeated("outcome", OUTCOMES, "denied", "The outcome.");
const PROJECT: Parameter = repeated("project", VALUE, "payments", "Id or name of a target of type `project`.");
const IPS: Parameter = repeated("ip", IP, "10.0.0.0/8", "An address, or a network as CIDR.");
const REQUEST_ID: Parameter = repeated("request_id", VALUE, "req-42", "The request id of the context.");
const SOURCES: Parameter = repeated("source", VALUE, "api", "Which way the event came.");
const ACTOR_TYPES: Form = Form::OneOfRequired(&["user", "service_account", "api_key", "agent", "system", "anonymous"]);
const ACTOR_TYPE: Parameter = repeated("actor_type", ACTOR_TYPES, "user", "The type of the actor.");
const RESOURCE: Parameter = repeated("resource", VALUE, "component", "The type of the first target.");
const COMPONENT: Parameter = repeated("component", VALUE, "checkout", "Id or name of a target of type `component`.");
const ENVIRONMENT: Parameter =
    repeated("environment", VALUE, "production", "Id or name of a target of type `environment`.");
const TRACE_ID: Parameter = repeated("trace_id", VALUE, "4bf92f3577b34da6", "The trace id of the context.");
const SESSION_ID: Parameter = repeated("session_id", VALUE, "s-1", "The session id of the actor.");
const EXTERNAL_ID: Parameter = repeated("external_id", VALUE, "evt-1", "The sender's own id of the event.");
const SURFACE: Parameter = repeated("surface", VALUE, "console", "The surface that the actor used.");
const Q: Parameter = parameter("q", PHRASE, "-outcome:success \"release candidate\"", "A search phrase.");
const LIMIT: Parameter = parameter(
    "limit",
    Form::Integer { min: 1, max: limits::PAGE_EVENTS_MAX as i64, default: Some(limits::PAGE_EVENTS_DEFAULT as i64) },
    "50",
    "Most events of the page.",
);
const CURSOR: Parameter = parameter(
    "cursor",
    Form::Text { chars_max: 1024 },
    "",
    "`next_cursor` of the page before. The other parameters stay as they were.",
);
const ORDER: Parameter =
    parameter("order", Form::OneOf(&["desc", "asc"]), "desc", "Newest or oldest first, by `occurred_at`, then `seq`.");
const SEQ: Form = Form::Integer { min: 0, max: (1 << 40) - 1, default: None };
const PROOF_FROM: Parameter =
    parameter("from", Form::Time, "-24h", "Only events that occurred at or after this time. Without it: no bound.");
const PROOF_TO: Parameter =
    parameter("to", Form::Time, "now", "Only events that occurred before this time. Without it: no bound.");
const FIRST_SEQ: Parameter =
    parameter("first_seq", SEQ, "0", "The first `seq` of the range. Without it: the first event that was not purged.");
const END_SEQ: Parameter =
    parameter("end_seq", SEQ, "1", "The `seq` after the last of the range. Without it: the log as it stands.");
const COMPLETE: Parameter = parameter(
    "complete",
    Form::OneOf(&["false", "true"]),
    "true",
    "Whether to show of every other event what the filter reads, so that nothing can be left out.",
);
const ANCHOR: Parameter = repeated("anchor", SEQ, "1", "Prove that the log begins with its first so many events.");
/// Parameters of a single event.
pub(super) const VIEW: &[Parameter] =
    &[parameter("proof", Form::OneOf(&["false", "true"]), "true", "Whether to answer with the event's proof.")];
const INTERVAL: Parameter = parameter(
    "interval",
    Form::Pattern { regex: "^0*[1-9][0-9]*[smhdw]$", chars_max: 4 },
    "1h",
    "Width of a bucket, in UTC; weeks begin on Mondays. Without it one is chosen.",
);
const FIELDS: [&str; FacetField::ALL.len()] = {
    let mut names = [""; FacetField::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = FacetField::ALL[index].name();
        index += 1;
    }
    names
};
const FIELD: Parameter = Parameter {
    name: "field",
    form: Form::OneOfRequired(&FIELDS),
    repeatable: true,
    required: true,
    description: "The field whose most frequent values are counted.",
    example: "actor",
};
const FACET_LIMIT: Parameter = parameter(
    "limit",
    Form::Integer { min: 1, max: limits::FACET_VALUES_MAX as i64, default: Some(limits::FACET_VALUES_DEFAULT as i64) },
    "10",
    "Most values of each field.",
);
const AFTER: Parameter = parameter(
    "after",
    Form::Integer { min: -1, max: (1 << 40) - 1, default: None },
    "-1",
    "Only events with a greater `seq`; -1 is from the start. Without it: from the end of the log as it is now.",
);
const WAIT: Parameter = parameter(
    "wait",
    Form::Integer {
        min: 0,
        max: limits::TAIL_WAIT_SECONDS_MAX as i64,
        default: Some(limits::TAIL_WAIT_SECONDS_DEFAULT as i64),
    },
    "20",
    "Seconds to wait for an event when there is none yet (long poll).",
);
const FORMAT: Parameter = parameter("format", Form::OneOf(&["ndjson", "csv"]), "ndjson", "The form of the export.");
const CLUSTER: Parameter = parameter(
    "cluster",
    Form::Text { chars_max: limits::CLUSTER_CHARS_MAX },
    "prod-eu-1",
    "Name of the cluster that the events come from; they do not say it themselves.",
);
const SEAL_ORGANIZATION: Parameter = parameter(
    "organization",
    Form::Pattern { regex: SLUG_REGEX, chars_max: limits::SLUG_CHARS_MAX },
    "demo",
    "Only this organization.",
);

/// What an organization's slug looks like.
pub const SLUG_REGEX: &str = "^[a-z0-9][a-z0-9-]{0,62}$";

/// The parameters that make a filter, then those of a route.
macro_rules! with_filter {
    ($($before:expr),* ; $($after:expr),*) => {
        &[
            $($before,)* ACTOR, ACTOR_TYPE, ACTIONS, OUTCOME, TARGET, RESOURCE, PROJECT, COMPONENT, ENVIRONMENT, IPS,
            REQUEST_ID, TRACE_ID, SESSION_ID, EXTERNAL_ID, SOURCES, SURFACE, Q, $($after,)*
        ]
    };
}

pub(super) static SEARCH: &[Parameter] = with_filter![FROM, TO; LIMIT, CURSOR, ORDER];
pub(super) static HISTOGRAM: &[Parameter] = with_filter![FROM, TO; INTERVAL];
pub(super) static FACETS: &[Parameter] = with_filter![FROM, TO; FIELD, FACET_LIMIT];
pub(super) static TAIL: &[Parameter] = with_filter![AFTER, WAIT, LIMIT;];
pub(super) static EXPORT: &[Parameter] = with_filter![FROM, TO; FORMAT];
pub(super) static PROOF_EXPORT: &[Parameter] = with_filter![PROOF_FROM, PROOF_TO; FIRST_SEQ, END_SEQ, COMPLETE, ANCHOR];
pub(super) static KUBERNETES: &[Parameter] = &[CLUSTER];
pub(super) static SEAL: &[Parameter] = &[SEAL_ORGANIZATION];

/// Of lists of users, groups and roles.
pub(super) const LIST: &[Parameter] = &[
    parameter(
        "search",
        Form::Text { chars_max: 128 },
        "ada",
        "Only those with this in their name or address, without regard to case.",
    ),
    parameter(
        "limit",
        Form::Integer {
            min: 1,
            max: limits::LIST_ENTRIES_MAX as i64,
            default: Some(limits::LIST_ENTRIES_DEFAULT as i64),
        },
        "100",
        "Most entries of the page.",
    ),
    parameter("cursor", Form::Text { chars_max: 1024 }, "YWRh", "The `next_cursor` of the page before."),
];

/// The parameter of a checkpoint.
pub const WITNESSED: &[Parameter] = &[parameter(
    "witnessed",
    Form::OneOf(&["false", "true"]),
    "true",
    "The newest checkpoint that a witness has signed, instead of the newest of all.",
)];
