//! Organizations and their keys.

use super::{JSON, MAKE_PROBLEMS, Method, Operation, Permission, Route, answer, make, read, remove, show};
use crate::access::Right;
use crate::limits;

const KEYS: &str = "/v1/orgs/{org}/on-prem-keys";
const KEY: &str = "/v1/orgs/{org}/on-prem-keys/{id}";

/// The routes.
pub(super) static ROUTES: [Route; 9] = [
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
    make(
        Operation::KeyCreate,
        (KEYS, Right::OnPremKeysCreate, "on_prem_key.create"),
        ("Create a key", "It may write events of the organization and nothing else. Its secret is shown this once."),
        &[(JSON, "NewKey")],
        &[answer(201, &[(JSON, "KeyWithSecret")], "The key with its secret.")],
    ),
    show(
        Operation::KeyList,
        (KEYS, Right::OnPremKeysView, "on_prem_key.list"),
        ("List keys", "Oldest first, without their secrets. Expired ones are listed, revoked ones are not."),
        &[],
        &[answer(200, &[(JSON, "Keys")], "The keys.")],
    ),
    show(
        Operation::KeyView,
        (KEY, Right::OnPremKeysView, "on_prem_key.view"),
        ("Read a key", "Without its secret. When it was used last is written down once a minute."),
        &[],
        &[answer(200, &[(JSON, "Key")], "The key.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::KeyUpdate,
            (KEY, Right::OnPremKeysUpdate, "on_prem_key.update"),
            ("Change a key", "What is left out stays, null removes. It holds from the next request with the key on."),
            &[(JSON, "KeyUpdate")],
            &[answer(200, &[(JSON, "Key")], "As it is now.")],
        )
    },
    Route {
        answers: &[answer(204, &[], "It is revoked.")],
        ..remove(
            Operation::KeyRevoke,
            (KEY, Right::OnPremKeysRevoke, "on_prem_key.revoke"),
            ("Revoke a key", "From the next request on it is unknown."),
        )
    },
];
