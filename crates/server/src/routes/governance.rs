//! How long records are kept.

use super::{JSON, MAKE_PROBLEMS, Method, Operation, Permission, REMOVE_PROBLEMS, Route, answer, make, read, show};
use crate::access::Right;
use crate::limits;
use crate::parameters::{Form, Parameter};
use crate::problem::Kind;

const REASON: &[Parameter] = &[Parameter {
    name: "reason",
    form: Form::Text { chars_max: limits::GOVERNANCE_REASON_CHARS_MAX },
    repeatable: false,
    required: true,
    description: "Why it is released.",
    example: "closed",
}];

const ORGANIZATION: &[Parameter] = &[Parameter {
    name: "organization",
    form: Form::Text { chars_max: 63 },
    repeatable: false,
    required: false,
    description: "Only this organization.",
    example: "acme",
}];

/// The routes.
pub(super) static ROUTES: [Route; 7] = [
    show(
        Operation::RetentionView,
        ("/v1/orgs/{org}/retention", Right::RetentionView, "retention.view"),
        ("Read the retention", "How long records are at hand and in the archive, and what of it is to change."),
        &[],
        &[answer(200, &[(JSON, "Retention")], "The retention in force.")],
    ),
    Route {
        method: Method::Put,
        ..make(
            Operation::RetentionUpdate,
            ("/v1/orgs/{org}/retention", Right::RetentionUpdate, "retention.update"),
            (
                "Choose the retention",
                "What is longer holds at once, what is shorter after 30 days. A locked retention can only be lengthened and \
                 never be unlocked.",
            ),
            &[(JSON, "RetentionUpdate")],
            &[answer(200, &[(JSON, "Retention")], "As it is now.")],
        )
    },
    Route {
        permission: Permission::RightAndWholeLog(Right::RetentionView),
        ..show(
            Operation::RetentionPlan,
            ("/v1/orgs/{org}/retention/plan", Right::RetentionView, "retention.view"),
            (
                "See what the retention would do",
                "What is where, and what would be archived and purged now; nothing is done.",
            ),
            &[],
            &[answer(200, &[(JSON, "RetentionPlan")], "The plan.")],
        )
    },
    Route {
        method: Method::Post,
        problems: &[Kind::NotFound, Kind::Overloaded, Kind::Unavailable],
        denied_action: Some("retention.run"),
        streams: true,
        ..read(
            Operation::RetentionRun,
            "/v1/admin/retention",
            Permission::Operator,
            ("Carry the retention out now", "Archives and purges what is due, instead of within the hour."),
            ORGANIZATION,
            &[answer(200, &[(JSON, "RetentionDone")], "What was done.")],
        )
    },
    show(
        Operation::LegalHoldList,
        ("/v1/orgs/{org}/legal-holds", Right::LegalHoldsView, "legal_hold.list"),
        ("List legal holds", "Those that are in force."),
        &[],
        &[answer(200, &[(JSON, "LegalHolds")], "The legal holds.")],
    ),
    Route {
        problems: MAKE_PROBLEMS,
        ..make(
            Operation::LegalHoldPlace,
            ("/v1/orgs/{org}/legal-holds", Right::LegalHoldsManage, "legal_hold.place"),
            (
                "Place a legal hold",
                "Records that match all criteria are neither purged nor erased until it is released; without any, all of \
                 the organization's.",
            ),
            &[(JSON, "NewLegalHold")],
            &[answer(201, &[(JSON, "LegalHold")], "It is in force.")],
        )
    },
    Route {
        method: Method::Delete,
        problems: REMOVE_PROBLEMS,
        ..show(
            Operation::LegalHoldRelease,
            ("/v1/orgs/{org}/legal-holds/{id}", Right::LegalHoldsManage, "legal_hold.release"),
            ("Release a legal hold", "What it held goes with the next run of the retention, if it is due."),
            REASON,
            &[answer(204, &[], "It is released.")],
        )
    },
];
