//! The route table: every path, method, permission, parameter and answer of the API, once.
//!
//! The router (`router`), the access check (`access`), the parameter reader and the OpenAPI document (`openapi`) are made
//! from it, and the test that walks all routes reads it, so a route cannot exist without a permission. It must hold
//! no behaviour.

use actarium_query::FacetField;

use crate::limits;
use crate::parameters::{Form, Parameter};
use crate::problem::Kind;

/// The methods that the API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or records.
    Post,
    /// Takes back.
    Delete,
}

impl Method {
    /// The method's name.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// What a caller must hold to be let through to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nothing at all.
    Public,
    /// Any valid credential.
    Authenticated,
    /// The operator: the one who runs the service.
    Operator,
    /// To write events of the organization.
    RecordEvents,
    /// `LOG-MANAGEMENT`: to see, search and export the organization's audit log.
    ReadLog,
    /// `ON-PREM-KEYS`: to see, make and revoke the organization's keys.
    ManageKeys,
}

/// What a route does; the router matches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is described by its entry in the table below")]
pub enum Operation {
    Health,
    Ready,
    Metrics,
    OpenApi,
    Catalog,
    Seal,
    OrganizationCreate,
    OrganizationList,
    EventsRecord,
    EventsSearch,
    EventView,
    EventsHistogram,
    EventsFacets,
    EventsTail,
    EventsExport,
    KeyCreate,
    KeyList,
    KeyRevoke,
    IngestOpenchoreo,
    IngestKubernetes,
    IngestCloudtrail,
    IngestGithub,
}

/// An answer that a route gives when all is well.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Media types with the name of the schema in the OpenAPI document; none for an empty answer.
    pub forms: &'static [(&'static str, &'static str)],
    /// When it is given.
    pub description: &'static str,
}

/// A route.
#[derive(Debug)]
pub struct Route {
    /// What it does.
    pub operation: Operation,
    /// Its method.
    pub method: Method,
    /// Its path, with `{org}` and `{id}` standing for one segment each.
    pub path: &'static str,
    /// What a caller must hold.
    pub permission: Permission,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it does, in sentences.
    pub description: &'static str,
    /// Query parameters that it takes.
    pub parameters: &'static [Parameter],
    /// Media types of the body that it reads, with the name of their schema; none for no body.
    pub bodies: &'static [(&'static str, &'static str)],
    /// Most bytes of the body.
    pub body_bytes_max: usize,
    /// Answers when all is well.
    pub answers: &'static [Answer],
    /// Problems of its own, besides those that every route may have.
    pub problems: &'static [Kind],
    /// The action under which a refusal of access is recorded; none where nothing is recorded.
    pub denied_action: Option<&'static str>,
    /// Whether the answer is a stream or waits on purpose, so that the time limit of requests does not hold.
    pub streams: bool,
}

impl Route {
    /// Whether it takes events in, so that what it refuses is recorded as refused ingestion.
    pub fn ingests(&self) -> bool {
        self.permission == Permission::RecordEvents
    }

    /// Whether the path names an organization.
    pub fn of_organization(&self) -> bool {
        self.path.contains("{org}")
    }

    /// Position in [`ROUTES`], for counters that are kept by route.
    pub fn position(&self) -> usize {
        ROUTES.iter().position(|route| std::ptr::eq(route, self)).unwrap_or(ROUTES.len())
    }
}

/// JSON.
pub const JSON: &str = "application/json";
/// One JSON value per line.
pub const NDJSON: &str = "application/x-ndjson";
/// Comma-separated values.
pub const CSV: &str = "text/csv";
/// Server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";
/// Text of the Prometheus exposition format.
pub const METRICS_TEXT: &str = "text/plain";

const fn parameter(name: &'static str, form: Form, example: &'static str, description: &'static str) -> Parameter {
    Parameter { name, form, repeatable: false, required: false, description, example }
}

const fn repeated(name: &'static str, form: Form, example: &'static str, description: &'static str) -> Parameter {
    Parameter { name, form, repeatable: true, required: false, description, example }
}

const VALUE: Form = Form::Text { chars_max: 512 };
const OUTCOMES: Form = Form::OneOfRequired(&["success", "failure", "denied", "unknown"]);
const ACTION: Form = Form::Pattern {
    regex: r"^([a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.\*|\*\.[a-z][a-z0-9_]*)$",
    chars_max: 128,
};
const SOURCE: Form = Form::Pattern { regex: "^[a-z][a-z0-9_-]{0,63}$", chars_max: 64 };
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
const SOURCES: Parameter = repeated("source", SOURCE, "api", "Which way the event came.");
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
const INTERVAL: Parameter = parameter(
    "interval",
    Form::Pattern { regex: "^[1-9][0-9]{0,2}[smhdw]$", chars_max: 4 },
    "1h",
    "Width of a bucket, in UTC. Without it one is chosen.",
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

static NONE: [Parameter; 0] = [];
/// The parameters that make a filter, then those of a route.
macro_rules! with_filter {
    ($($before:expr),* ; $($after:expr),*) => {
        &[
            $($before,)* ACTOR, ACTOR_TYPE, ACTIONS, OUTCOME, TARGET, RESOURCE, PROJECT, COMPONENT, ENVIRONMENT, IPS,
            REQUEST_ID, TRACE_ID, SESSION_ID, EXTERNAL_ID, SOURCES, SURFACE, Q, $($after,)*
        ]
    };
}

static SEARCH: &[Parameter] = with_filter![FROM, TO; LIMIT, CURSOR, ORDER];
static HISTOGRAM: &[Parameter] = with_filter![FROM, TO; INTERVAL];
static FACETS: &[Parameter] = with_filter![FROM, TO; FIELD, FACET_LIMIT];
static TAIL: &[Parameter] = with_filter![AFTER, WAIT, LIMIT;];
static EXPORT: &[Parameter] = with_filter![FROM, TO; FORMAT];
static KUBERNETES: &[Parameter] = &[CLUSTER];
static SEAL: [Parameter; 1] = [SEAL_ORGANIZATION];

const NO_BODY: &[(&str, &str)] = &[];
const EVENT_BODIES: &[(&str, &str)] = &[(JSON, "NewEvents"), (NDJSON, "Lines")];
const ADAPTER_BODIES: &[(&str, &str)] = &[(JSON, "ForeignRecords"), (NDJSON, "Lines")];
const QUERY_PROBLEMS: &[Kind] = &[Kind::InvalidPhrase, Kind::QueryTooCostly, Kind::Overloaded, Kind::Unavailable];
const WRITE_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::InvalidHeader,
    Kind::Conflict,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidEvent,
    Kind::RequestTimeout,
    Kind::Overloaded,
    Kind::Unavailable,
];
const MAKE_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::Conflict,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidContent,
    Kind::RequestTimeout,
    Kind::Overloaded,
    Kind::Unavailable,
];

const fn answer(status: u16, forms: &'static [(&'static str, &'static str)], description: &'static str) -> Answer {
    Answer { status, forms, description }
}

const fn read(
    operation: Operation,
    path: &'static str,
    permission: Permission,
    (summary, description): (&'static str, &'static str),
    parameters: &'static [Parameter],
    answers: &'static [Answer],
) -> Route {
    Route {
        operation,
        method: Method::Get,
        path,
        permission,
        summary,
        description,
        parameters,
        bodies: NO_BODY,
        body_bytes_max: 0,
        answers,
        problems: &[],
        denied_action: None,
        streams: false,
    }
}

const INGESTED: &[Answer] =
    &[answer(200, &[(JSON, "Ingested")], "What was recorded, known already, or refused, by position.")];

const fn ingest(operation: Operation, path: &'static str, summary: &'static str, description: &'static str) -> Route {
    Route {
        operation,
        method: Method::Post,
        path,
        permission: Permission::RecordEvents,
        summary,
        description,
        parameters: &NONE,
        bodies: ADAPTER_BODIES,
        body_bytes_max: limits::BODY_BYTES_MAX,
        answers: INGESTED,
        problems: WRITE_PROBLEMS,
        denied_action: None,
        streams: false,
    }
}

/// All routes.
pub static ROUTES: [Route; 22] = [
    read(
        Operation::Health,
        "/healthz",
        Permission::Public,
        ("Is the process alive", "Answers as long as the process runs."),
        &NONE,
        &[answer(200, &[(JSON, "Status")], "It runs.")],
    ),
    Route {
        problems: &[Kind::Unavailable],
        ..read(
            Operation::Ready,
            "/readyz",
            Permission::Public,
            ("Can it do its work", "Answers 200 when events can be recorded and found, else 503."),
            &NONE,
            &[answer(200, &[(JSON, "Status")], "It is ready.")],
        )
    },
    read(
        Operation::Metrics,
        "/metrics",
        Permission::Public,
        ("Measurements", "Text of the Prometheus exposition format. Holds no organization's name."),
        &NONE,
        &[answer(200, &[(METRICS_TEXT, "Text")], "The measurements.")],
    ),
    read(
        Operation::OpenApi,
        "/openapi.json",
        Permission::Public,
        ("This document", "The API as an OpenAPI 3.1 document."),
        &NONE,
        &[answer(200, &[(JSON, "OpenApiDocument")], "The document.")],
    ),
    read(
        Operation::Catalog,
        "/v1/catalog",
        Permission::Authenticated,
        ("The action catalog", "Every action that ships with the service: title, resource, sentence, metadata."),
        &NONE,
        &[answer(200, &[(JSON, "Catalog")], "The catalog.")],
    ),
    Route {
        method: Method::Post,
        problems: &[Kind::Overloaded, Kind::Unavailable],
        denied_action: Some("organization.update"),
        streams: true,
        ..read(
            Operation::Seal,
            "/v1/admin/seal",
            Permission::Operator,
            ("Seal now", "Moves what is in the journal into segments now, instead of when enough has gathered."),
            &SEAL,
            &[answer(200, &[(JSON, "Sealed")], "Everything recorded before the request is sealed.")],
        )
    },
    Route {
        method: Method::Post,
        bodies: &[(JSON, "NewOrganization")],
        body_bytes_max: limits::ADMINISTRATION_BODY_BYTES_MAX,
        problems: MAKE_PROBLEMS,
        denied_action: Some("organization.create"),
        ..read(
            Operation::OrganizationCreate,
            "/v1/orgs",
            Permission::Operator,
            ("Create an organization", "The first event of its log records who created it."),
            &NONE,
            &[answer(201, &[(JSON, "Organization")], "It is there.")],
        )
    },
    Route {
        denied_action: Some("organization.update"),
        ..read(
            Operation::OrganizationList,
            "/v1/orgs",
            Permission::Operator,
            ("List organizations", "In the order of their slugs."),
            &NONE,
            &[answer(200, &[(JSON, "Organizations")], "All organizations.")],
        )
    },
    Route {
        method: Method::Post,
        bodies: EVENT_BODIES,
        body_bytes_max: limits::BODY_BYTES_MAX,
        problems: WRITE_PROBLEMS,
        ..read(
            Operation::EventsRecord,
            "/v1/orgs/{org}/events",
            Permission::RecordEvents,
            (
                "Record events",
                "One event, an array, or one per line. A batch is recorded whole or not at all; once answered it is \
                 on disk. The same `external_id` or `Idempotency-Key` again records nothing and gives the first answer.",
            ),
            &NONE,
            &[
                answer(201, &[(JSON, "Recorded")], "Recorded, in the order sent."),
                answer(200, &[(JSON, "Recorded")], "All of them were recorded before."),
            ],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.search"),
        ..read(
            Operation::EventsSearch,
            "/v1/orgs/{org}/events",
            Permission::ReadLog,
            (
                "Search events",
                "Different parameters narrow, a repeated one widens. Pages are pinned to the log as it was at the first.",
            ),
            SEARCH,
            &[answer(200, &[(JSON, "Page")], "A page of events.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.search"),
        ..read(
            Operation::EventsHistogram,
            "/v1/orgs/{org}/events/histogram",
            Permission::ReadLog,
            ("Count events over time", "Counts by outcome in buckets of time; empty buckets are there too."),
            HISTOGRAM,
            &[answer(200, &[(JSON, "Histogram")], "The buckets.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.search"),
        ..read(
            Operation::EventsFacets,
            "/v1/orgs/{org}/events/facets",
            Permission::ReadLog,
            ("Most frequent values", "The most frequent values of fields with their counts."),
            FACETS,
            &[answer(200, &[(JSON, "Facets")], "The values.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.search"),
        streams: true,
        ..read(
            Operation::EventsTail,
            "/v1/orgs/{org}/events/tail",
            Permission::ReadLog,
            (
                "Follow the log",
                "Events in the order of their `seq`. With `Accept: text/event-stream` a stream that goes on (`id` is \
                 the `seq`; it resumes after `Last-Event-ID`), else one answer whose `next` is the next `after`.",
            ),
            TAIL,
            &[answer(200, &[(JSON, "Tail"), (EVENT_STREAM, "Text")], "Events after `after`, or a stream of them.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.view"),
        ..read(
            Operation::EventView,
            "/v1/orgs/{org}/events/{id}",
            Permission::ReadLog,
            ("Read one event", "By the id given when it was recorded."),
            &NONE,
            &[answer(200, &[(JSON, "Event")], "The event.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.export"),
        streams: true,
        ..read(
            Operation::EventsExport,
            "/v1/orgs/{org}/export",
            Permission::ReadLog,
            (
                "Export events",
                "Everything that the same search finds, oldest first, as a stream. The number of events follows in the \
                 trailer `x-actarium-count` for clients that send `TE: trailers`. In CSV a cell that a spreadsheet \
                 would take for a formula begins with an apostrophe.",
            ),
            EXPORT,
            &[answer(200, &[(NDJSON, "Text"), (CSV, "Text")], "The events.")],
        )
    },
    Route {
        method: Method::Post,
        bodies: &[(JSON, "NewKey")],
        body_bytes_max: limits::ADMINISTRATION_BODY_BYTES_MAX,
        problems: MAKE_PROBLEMS,
        denied_action: Some("on_prem_key.create"),
        ..read(
            Operation::KeyCreate,
            "/v1/orgs/{org}/on-prem-keys",
            Permission::ManageKeys,
            (
                "Create a key",
                "It may write events of the organization and nothing else. Its secret is shown this once.",
            ),
            &NONE,
            &[answer(201, &[(JSON, "KeyWithSecret")], "The key with its secret.")],
        )
    },
    Route {
        denied_action: Some("on_prem_key.update"),
        ..read(
            Operation::KeyList,
            "/v1/orgs/{org}/on-prem-keys",
            Permission::ManageKeys,
            ("List keys", "Oldest first, without their secrets. Revoked ones are not listed."),
            &NONE,
            &[answer(200, &[(JSON, "Keys")], "The keys.")],
        )
    },
    Route {
        method: Method::Delete,
        problems: &[Kind::Conflict, Kind::Overloaded, Kind::Unavailable],
        denied_action: Some("on_prem_key.revoke"),
        ..read(
            Operation::KeyRevoke,
            "/v1/orgs/{org}/on-prem-keys/{id}",
            Permission::ManageKeys,
            ("Revoke a key", "From the next request on it is unknown."),
            &NONE,
            &[answer(204, &[], "It is revoked.")],
        )
    },
    ingest(
        Operation::IngestOpenchoreo,
        "/v1/orgs/{org}/ingest/openchoreo",
        "Take in OpenChoreo audit records",
        "Records of schema 1.0: one, an array, or one per line.",
    ),
    Route {
        parameters: KUBERNETES,
        ..ingest(
            Operation::IngestKubernetes,
            "/v1/orgs/{org}/ingest/kubernetes",
            "Take in Kubernetes audit events",
            "`Event` and `EventList` of audit.k8s.io/v1, as the API server's audit webhook sends them. Stages before \
             ResponseComplete are acknowledged and not recorded.",
        )
    },
    ingest(
        Operation::IngestCloudtrail,
        "/v1/orgs/{org}/ingest/cloudtrail",
        "Take in AWS CloudTrail records",
        "A record, an array, `{\"Records\": []}`, or one per line.",
    ),
    ingest(
        Operation::IngestGithub,
        "/v1/orgs/{org}/ingest/github",
        "Take in GitHub audit log entries",
        "The export of an organization's audit log, or what streaming sends.",
    ),
];

/// Methods of a path, as the `Allow` header lists them.
pub fn methods_of(path: &str) -> String {
    let mut names = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        names.push(route.method.name());
        if route.method == Method::Get {
            names.push("HEAD");
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_is_there_twice_and_positions_are_right() {
        for (position, route) in ROUTES.iter().enumerate() {
            assert_eq!(route.position(), position);
            let same = ROUTES.iter().filter(|other| other.path == route.path && other.method == route.method).count();
            assert_eq!(same, 1, "{} {}", route.method.name(), route.path);
        }
    }

    #[test]
    fn only_what_holds_no_data_is_public() {
        let public: Vec<_> = ROUTES.iter().filter(|r| r.permission == Permission::Public).map(|r| r.path).collect();
        assert_eq!(public, ["/healthz", "/readyz", "/metrics", "/openapi.json"]);
        assert!(ROUTES.iter().filter(|r| r.of_organization()).all(|r| r.permission != Permission::Authenticated));
    }

    #[test]
    fn what_is_refused_is_recorded_somewhere() {
        for route in &ROUTES {
            let guarded = !matches!(route.permission, Permission::Public | Permission::Authenticated);
            assert_eq!(guarded, route.ingests() || route.denied_action.is_some(), "{}", route.path);
        }
    }
}
