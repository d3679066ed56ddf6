//! Recording, finding and exporting events.

use super::query::{EXPORT, FACETS, HISTOGRAM, PROOF_EXPORT, SEARCH, TAIL, VIEW};
use super::{
    CSV, EVENT_STREAM, JSON, Method, NDJSON, Operation, Permission, Route, TEXT, WRITE_PROBLEMS, ZSTD, answer, read,
};
use crate::access::Right;
use crate::limits;
use crate::problem::Kind;

const EVENT_BODIES: &[(&str, &str)] = &[(JSON, "NewEvents"), (NDJSON, "Lines")];
const QUERY_PROBLEMS: &[Kind] = &[Kind::InvalidPhrase, Kind::QueryTooCostly, Kind::Overloaded, Kind::Unavailable];

/// The routes.
pub(super) static ROUTES: [Route; 8] = [
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
            Permission::Right(Right::AuditLogsView),
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
            Permission::Right(Right::AuditLogsView),
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
            Permission::Right(Right::AuditLogsView),
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
            Permission::Right(Right::AuditLogsView),
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
            Permission::Right(Right::AuditLogsView),
            (
                "Read one event",
                "By the id given when it was recorded. With `proof=true`, for which `audit_logs_verify` is needed too, the \
                 answer is a proof (c2sp.org/tlog-proof): the event with its salts as `extra`, the inclusion proof, a signed \
                 checkpoint.",
            ),
            VIEW,
            &[answer(200, &[(JSON, "Event"), (TEXT, "Text")], "The event, or its proof as text.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.export"),
        streams: true,
        ..read(
            Operation::ProofExport,
            "/v1/orgs/{org}/export/proof",
            Permission::Right(Right::AuditLogsExport),
            (
                "Export events with what proves them",
                "An archive (.tar.zst) that is verified without the service; `audit_logs_verify` is needed too, both for the \
                 whole organization. Without a filter every event of the range, with one those that it finds, and with \
                 `complete` of all others what the filter reads.",
            ),
            PROOF_EXPORT,
            &[answer(200, &[(ZSTD, "Bytes")], "The archive.")],
        )
    },
    Route {
        problems: QUERY_PROBLEMS,
        denied_action: Some("audit_log.export"),
        streams: true,
        ..read(
            Operation::EventsExport,
            "/v1/orgs/{org}/export",
            Permission::Right(Right::AuditLogsExport),
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
];
