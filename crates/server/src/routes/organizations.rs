//! Organizations and their keys.

use super::{JSON, MAKE_PROBLEMS, Method, Operation, Permission, REMOVE_PROBLEMS, Route, answer, make, read, show};
use crate::access::Right;
use crate::limits;

/// The routes.
pub(super) static ROUTES: [Route; 7] = [
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
    show(
        Operation::OrganizationView,
        ("/v1/orgs/{org}", Right::OrganizationView, "organization.view"),
        ("Read an organization", "Its slug, its name and when it was created."),
        &[],
        &[answer(200, &[(JSON, "Organization")], "The organization.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::OrganizationUpdate,
            ("/v1/orgs/{org}", Right::OrganizationUpdate, "organization.update"),
            (
                "Change an organization",
                "Its name, and what is masked in its events from now on. The slug stays: it is part of every address.",
            ),
            &[(JSON, "OrganizationUpdate")],
            &[answer(200, &[(JSON, "Organization")], "As it is now.")],
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
            Permission::Right(Right::OnPremKeysCreate),
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
            Permission::Right(Right::OnPremKeysView),
            ("List keys", "Oldest first, without their secrets. Revoked ones are not listed."),
            &[],
            &[answer(200, &[(JSON, "Keys")], "The keys.")],
        )
    },
    Route {
        method: Method::Delete,
        problems: REMOVE_PROBLEMS,
        denied_action: Some("on_prem_key.revoke"),
        ..read(
            Operation::KeyRevoke,
            "/v1/orgs/{org}/on-prem-keys/{id}",
            Permission::Right(Right::OnPremKeysRevoke),
            ("Revoke a key", "From the next request on it is unknown."),
            &[],
            &[answer(204, &[], "It is revoked.")],
        )
    },
];
