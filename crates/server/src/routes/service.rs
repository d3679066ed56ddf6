//! The service itself: alive, ready, measured, described.

use super::query::SEAL;
use super::{JSON, METRICS_TEXT, Method, Operation, Permission, Route, answer, read};
use crate::problem::Kind;

/// The routes.
pub(super) static ROUTES: [Route; 6] = [
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
            (
                "Can it do its work",
                "Answers 200 when events can be recorded and found, else 503; with a damaged log, or one that is ahead of the clock, 200 and `degraded`.",
            ),
            &[],
            &[answer(200, &[(JSON, "Readiness")], "It is ready.")],
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
];
