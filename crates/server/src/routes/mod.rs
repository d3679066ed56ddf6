//! The route table: every path, method, permission, parameter and answer of the API, once.
//!
//! The router (`router`), the access check (`access`), the parameter reader and the OpenAPI document (`openapi`) are made
//! from it, and the test that walks all routes reads it, so a route cannot exist without a permission. It must hold
//! no behaviour.

mod query;

use crate::limits;
use crate::parameters::Parameter;
use crate::problem::Kind;
use query::{EXPORT, FACETS, HISTOGRAM, KUBERNETES, SEAL, SEARCH, TAIL};

pub use query::SLUG_REGEX;

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
        parameters: &[],
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
        &[],
        &[answer(200, &[(JSON, "Status")], "It runs.")],
    ),
    Route {
        problems: &[Kind::Unavailable],
        ..read(
            Operation::Ready,
            "/readyz",
            Permission::Public,
            ("Can it do its work", "Answers 200 when events can be recorded and found, else 503."),
            &[],
            &[answer(200, &[(JSON, "Status")], "It is ready.")],
        )
    },
    read(
        Operation::Metrics,
        "/metrics",
        Permission::Public,
        ("Measurements", "Text of the Prometheus exposition format. Holds no organization's name."),
        &[],
        &[answer(200, &[(METRICS_TEXT, "Text")], "The measurements.")],
    ),
    read(
        Operation::OpenApi,
        "/openapi.json",
        Permission::Public,
        ("This document", "The API as an OpenAPI 3.1 document."),
        &[],
        &[answer(200, &[(JSON, "OpenApiDocument")], "The document.")],
    ),
    read(
        Operation::Catalog,
        "/v1/catalog",
        Permission::Authenticated,
        ("The action catalog", "Every action that ships with the service: title, resource, sentence, metadata."),
        &[],
        &[answer(200, &[(JSON, "Catalog")], "The catalog.")],
    ),
    Route {
        method: Method::Post,
        problems: &[Kind::Overloaded, Kind::Unavailable],
        denied_action: Some("service.seal"),
        streams: true,
        ..read(
            Operation::Seal,
            "/v1/admin/seal",
            Permission::Operator,
            ("Seal now", "Moves what is in the journal into segments now, instead of when enough has gathered."),
            SEAL,
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
            &[],
            &[answer(201, &[(JSON, "Organization")], "It is there.")],
        )
    },
    Route {
        denied_action: Some("organization.list"),
        ..read(
            Operation::OrganizationList,
            "/v1/orgs",
            Permission::Operator,
            ("List organizations", "In the order of their slugs."),
            &[],
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
            &[],
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
            &[],
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
            &[],
            &[answer(201, &[(JSON, "KeyWithSecret")], "The key with its secret.")],
        )
    },
    Route {
        denied_action: Some("on_prem_key.list"),
        ..read(
            Operation::KeyList,
            "/v1/orgs/{org}/on-prem-keys",
            Permission::ManageKeys,
            ("List keys", "Oldest first, without their secrets. Revoked ones are not listed."),
            &[],
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
            &[],
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
