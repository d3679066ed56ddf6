//! Taking in records of other systems.

use super::query::KUBERNETES;
use super::{Answer, JSON, Method, NDJSON, Operation, Permission, Route, WRITE_PROBLEMS, answer};
use crate::limits;

const ADAPTER_BODIES: &[(&str, &str)] = &[(JSON, "ForeignRecords"), (NDJSON, "Lines")];
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
        ignores_unknown: false,
        bodies: ADAPTER_BODIES,
        body_bytes_max: limits::BODY_BYTES_MAX,
        answers: INGESTED,
        problems: WRITE_PROBLEMS,
        denied_action: None,
        takes_provider_sessions: false,
        streams: false,
    }
}

/// The routes.
pub(super) static ROUTES: [Route; 4] = [
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
