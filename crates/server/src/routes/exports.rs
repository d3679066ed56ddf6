//! Exports that the service makes in the background and keeps for a while.

use super::{CSV, JSON, NDJSON, Operation, Route, ZSTD, answer, make, remove, show};
use crate::access::Right;
use crate::problem::Kind;

const EXPORTS: Right = Right::AuditLogsExport;
const MAKE: &str = "audit_log.export";
const DOWNLOAD: &str = "audit_log.export.download";
const DELETE: &str = "audit_log.export.delete";

/// The routes.
pub(super) static ROUTES: [Route; 5] = [
    show(
        Operation::ExportList,
        ("/v1/orgs/{org}/exports", EXPORTS, MAKE),
        ("List exports", "One's own; with `audit_logs_export` for the whole organization all of them. Newest first."),
        &[],
        &[answer(200, &[(JSON, "KeptExports")], "The exports.")],
    ),
    make(
        Operation::ExportCreate,
        ("/v1/orgs/{org}/exports", EXPORTS, MAKE),
        (
            "Make an export",
            "In the background, of everything that the same search finds in the log as it stands and the caller sees now. The \
             answer says how many events that is. With `proof` for a format `audit_logs_verify` is needed too, both for the whole \
             organization. It is kept for 7 days.",
        ),
        &[(JSON, "NewKeptExport")],
        &[answer(201, &[(JSON, "KeptExport")], "It waits for its turn.")],
    ),
    show(
        Operation::ExportView,
        ("/v1/orgs/{org}/exports/{id}", EXPORTS, MAKE),
        ("Read an export", "With how far it has come."),
        &[],
        &[answer(200, &[(JSON, "KeptExport")], "The export.")],
    ),
    Route {
        streams: true,
        problems: &[Kind::Conflict, Kind::Overloaded, Kind::Unavailable],
        ..show(
            Operation::ExportContent,
            ("/v1/orgs/{org}/exports/{id}/content", EXPORTS, DOWNLOAD),
            (
                "Download an export",
                "Once it is made, by who sees all that its owner saw when they asked for it. In CSV a cell that a spreadsheet \
                 would take for a formula begins with an apostrophe.",
            ),
            &[],
            &[answer(200, &[(NDJSON, "Text"), (CSV, "Text"), (ZSTD, "Bytes")], "Its file.")],
        )
    },
    remove(
        Operation::ExportDelete,
        ("/v1/orgs/{org}/exports/{id}", EXPORTS, DELETE),
        ("Delete an export", "With its file; one that is being made is ended."),
    ),
];
