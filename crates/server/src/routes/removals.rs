//! Erasure of a person and redaction of records: asked for by one, approved by another.

use super::{JSON, MAKE_PROBLEMS, Operation, Permission, Route, answer, make, read, show};
use crate::access::Right;
use crate::problem::Kind;

const LIST: &str = "record.removal.view";
const ASK: &str = "record.removal.request";
const APPROVE: &str = "record.removal.approve";
const REJECT: &str = "record.removal.reject";

/// Approving looks through the log, which may take its time.
const fn approve(operation: Operation, path: &'static str, words: (&'static str, &'static str)) -> Route {
    const ANSWERS: &[super::Answer] = &[answer(200, &[(JSON, "Removal")], "It is recorded, and being carried out.")];
    Route {
        method: super::Method::Post,
        problems: &[Kind::NotFound, Kind::Conflict, Kind::Overloaded, Kind::Unavailable],
        denied_action: Some(APPROVE),
        streams: true,
        ..read(operation, path, Permission::Right(Right::RemovalsApprove), words, &[], ANSWERS)
    }
}

const fn ask(
    operation: Operation,
    (path, right): (&'static str, Right),
    words: (&'static str, &'static str),
    bodies: &'static [(&'static str, &'static str)],
) -> Route {
    const ANSWERS: &[super::Answer] = &[
        answer(201, &[(JSON, "Removal")], "It waits for the second person."),
        answer(200, &[(JSON, "RemovalDryRun")], "What it would remove, for a dry run."),
    ];
    Route {
        permission: Permission::RightAndWholeLog(right),
        problems: MAKE_PROBLEMS,
        streams: true,
        ..make(operation, (path, right, ASK), words, bodies, ANSWERS)
    }
}

/// The routes.
pub(super) static ROUTES: [Route; 10] = [
    show(
        Operation::ErasureList,
        ("/v1/orgs/{org}/erasures", Right::RemovalsView, LIST),
        ("List erasures", "Those that wait, are being carried out or have ended; newest first."),
        &[],
        &[answer(200, &[(JSON, "Erasures")], "The erasures.")],
    ),
    ask(
        Operation::ErasureRequest,
        ("/v1/orgs/{org}/erasures", Right::RecordsErase),
        (
            "Ask for the erasure of a person",
            "From all events whose actor, at any depth, or target they are; of Actarium's own records of what others did to \
             them only names and addresses. A second person approves it. With `dry_run` it only counts.",
        ),
        &[(JSON, "NewErasure")],
    ),
    show(
        Operation::ErasureView,
        ("/v1/orgs/{org}/erasures/{id}", Right::RemovalsView, LIST),
        ("Read an erasure", "With how far it has come."),
        &[],
        &[answer(200, &[(JSON, "Removal")], "The erasure.")],
    ),
    approve(
        Operation::ErasureApprove,
        "/v1/orgs/{org}/erasures/{id}/approve",
        (
            "Approve an erasure",
            "By another than who asked, one of its `approvers` or the operator, and by nobody whose acts are among its \
             records. What goes is recorded first, then \
             removed; it cannot be taken back.",
        ),
    ),
    make(
        Operation::ErasureReject,
        ("/v1/orgs/{org}/erasures/{id}/reject", Right::RemovalsApprove, REJECT),
        ("Reject an erasure", "One that waits; nothing is removed."),
        &[(JSON, "RemovalRejection")],
        &[answer(200, &[(JSON, "Removal")], "It is rejected.")],
    ),
    show(
        Operation::RedactionList,
        ("/v1/orgs/{org}/redactions", Right::RemovalsView, LIST),
        ("List redactions", "Those that wait, are being carried out or have ended; newest first."),
        &[],
        &[answer(200, &[(JSON, "Redactions")], "The redactions.")],
    ),
    ask(
        Operation::RedactionRequest,
        ("/v1/orgs/{org}/redactions", Right::RecordsRedact),
        (
            "Ask for the redaction of events",
            "Their detail goes, and what is left of it once secrets are masked is recorded as new events that point to them; a \
             second person approves it. With `dry_run` it only counts.",
        ),
        &[(JSON, "NewRedaction")],
    ),
    show(
        Operation::RedactionView,
        ("/v1/orgs/{org}/redactions/{id}", Right::RemovalsView, LIST),
        ("Read a redaction", "With how far it has come."),
        &[],
        &[answer(200, &[(JSON, "Removal")], "The redaction.")],
    ),
    approve(
        Operation::RedactionApprove,
        "/v1/orgs/{org}/redactions/{id}/approve",
        (
            "Approve a redaction",
            "By another than who asked, one of its `approvers` or the operator, and by nobody whose acts are among its \
             records. What goes is recorded first, then \
             removed; it cannot be taken back.",
        ),
    ),
    make(
        Operation::RedactionReject,
        ("/v1/orgs/{org}/redactions/{id}/reject", Right::RemovalsApprove, REJECT),
        ("Reject a redaction", "One that waits; nothing is removed."),
        &[(JSON, "RemovalRejection")],
        &[answer(200, &[(JSON, "Removal")], "It is rejected.")],
    ),
];
