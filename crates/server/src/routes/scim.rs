//! SCIM, and the tokens that identity providers come with.

use super::{
    Answer, JSON, MAKE_PROBLEMS, Method, Operation, Permission, REMOVE_PROBLEMS, Route, answer, make, read, remove,
    show,
};
use crate::access::Right;
use crate::limits;
use crate::parameters::{Form, Parameter};
use crate::problem::Kind;
use crate::scim::error::SCIM_JSON;

const RESOURCE: &[(&str, &str)] = &[(SCIM_JSON, "ScimResource"), (JSON, "ScimResource")];
const LIST: &[(&str, &str)] = &[(SCIM_JSON, "ScimList"), (JSON, "ScimList")];
const PATCH: &[(&str, &str)] = &[(SCIM_JSON, "ScimPatch"), (JSON, "ScimPatch")];
const SEARCH: &[(&str, &str)] = &[(SCIM_JSON, "ScimSearch"), (JSON, "ScimSearch")];

const fn parameter(name: &'static str, form: Form, description: &'static str, example: &'static str) -> Parameter {
    Parameter { name, form, repeatable: false, required: false, description, example }
}

const TEXT: Form = Form::Text { chars_max: limits::SCIM_PARAMETER_CHARS_MAX };
const FILTER: Form = Form::Text { chars_max: limits::SCIM_FILTER_BYTES_MAX };
const NUMBER: Form = Form::Integer { min: -1_000_000_000, max: 1_000_000_000, default: None };
const ATTRIBUTES: Parameter = parameter(
    "attributes",
    TEXT,
    "Names of the attributes to show, with commas between them.",
    "userName,emails.value",
);
const EXCLUDED: Parameter =
    parameter("excludedAttributes", TEXT, "Names of attributes not to show, with commas between them.", "groups");

static SELECTION: [Parameter; 2] = [ATTRIBUTES, EXCLUDED];
static QUERY: [Parameter; 7] = [
    parameter("filter", FILTER, "Which resources (RFC 7644, section 3.4.2.2).", "externalId eq \"7\""),
    parameter("sortBy", TEXT, "The attribute to sort by.", "meta.created"),
    parameter("sortOrder", TEXT, "`ascending` or `descending`.", "ascending"),
    parameter("startIndex", NUMBER, "Position of the first one, from 1.", "1"),
    parameter("count", NUMBER, "How many.", "100"),
    ATTRIBUTES,
    EXCLUDED,
];

const CHANGE_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::Conflict,
    Kind::PreconditionFailed,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::RequestTimeout,
    Kind::Overloaded,
    Kind::Unavailable,
];

/// A route that shows what SCIM asks for.
const fn look(
    operation: Operation,
    (path, right, denied_action): (&'static str, Right, &'static str),
    words: (&'static str, &'static str),
    parameters: &'static [Parameter],
    forms: &'static [Answer],
) -> Route {
    Route {
        denied_action: Some(denied_action),
        ..read(operation, path, Permission::Scim(right), words, parameters, forms)
    }
}

/// A route that makes, changes or searches by a body of SCIM.
const fn send(
    operation: Operation,
    method: Method,
    at: (&'static str, Right, &'static str),
    words: (&'static str, &'static str),
    bodies: &'static [(&'static str, &'static str)],
    (parameters, answers): (&'static [Parameter], &'static [Answer]),
) -> Route {
    Route {
        method,
        bodies,
        body_bytes_max: limits::SCIM_BODY_BYTES_MAX,
        problems: CHANGE_PROBLEMS,
        ..look(operation, at, words, parameters, answers)
    }
}

const fn delete(
    operation: Operation,
    at: (&'static str, Right, &'static str),
    words: (&'static str, &'static str),
) -> Route {
    Route {
        method: Method::Delete,
        problems: &[Kind::Conflict, Kind::PreconditionFailed, Kind::Overloaded, Kind::Unavailable],
        ..look(operation, at, words, &[], GONE)
    }
}

const GONE: &[Answer] = &[answer(204, &[], "It is gone.")];
const SHOWN: &[Answer] = &[answer(200, RESOURCE, "The resource; its `ETag` is its version.")];
const LOOKED_AT: &[Answer] = &[
    answer(200, RESOURCE, "The resource; its `ETag` is its version."),
    answer(304, &[], "It is as `If-None-Match` says."),
];
const MADE: &[Answer] = &[answer(201, RESOURCE, "The resource was made.")];
const LISTED: &[Answer] = &[answer(200, LIST, "A page of resources.")];
const DISCOVERED: &[Answer] = &[answer(200, RESOURCE, "What there is.")];

const USERS: &str = "/v1/orgs/{org}/scim/v2/Users";
const USER: &str = "/v1/orgs/{org}/scim/v2/Users/{id}";
const GROUPS: &str = "/v1/orgs/{org}/scim/v2/Groups";
const GROUP: &str = "/v1/orgs/{org}/scim/v2/Groups/{id}";

/// The routes.
pub(super) static ROUTES: [Route; 23] = [
    show(
        Operation::ScimTokenList,
        ("/v1/orgs/{org}/scim-tokens", Right::SignInView, "token.list"),
        ("List SCIM tokens", "Oldest first, without their secrets."),
        &[],
        &[answer(200, &[(JSON, "ScimTokens")], "The tokens.")],
    ),
    Route {
        problems: MAKE_PROBLEMS,
        ..make(
            Operation::ScimTokenCreate,
            ("/v1/orgs/{org}/scim-tokens", Right::SignInManage, "token.create"),
            (
                "Create a SCIM token",
                "It reads and writes users and groups of the organization by SCIM, and puts users into groups that hold no \
                 more than it was given. Nobody gives it more than they hold. Its secret is shown this once.",
            ),
            &[(JSON, "NewScimToken")],
            &[answer(201, &[(JSON, "ScimTokenWithSecret")], "The token with its secret.")],
        )
    },
    Route {
        problems: REMOVE_PROBLEMS,
        ..remove(
            Operation::ScimTokenRevoke,
            ("/v1/orgs/{org}/scim-tokens/{id}", Right::SignInManage, "token.revoke"),
            ("Revoke a SCIM token", "From the next request on it is unknown."),
        )
    },
    look(
        Operation::ScimServiceProviderConfig,
        ("/v1/orgs/{org}/scim/v2/ServiceProviderConfig", Right::UsersView, "user.list"),
        ("SCIM: what there is", "Which parts of SCIM there are (RFC 7643, section 5)."),
        &[],
        DISCOVERED,
    ),
    look(
        Operation::ScimResourceTypes,
        ("/v1/orgs/{org}/scim/v2/ResourceTypes", Right::UsersView, "user.list"),
        ("SCIM: types of resources", "Users and groups (RFC 7643, section 6)."),
        &[],
        LISTED,
    ),
    look(
        Operation::ScimResourceType,
        ("/v1/orgs/{org}/scim/v2/ResourceTypes/{id}", Right::UsersView, "user.list"),
        ("SCIM: a type of resources", "By its name (RFC 7643, section 6)."),
        &[],
        DISCOVERED,
    ),
    look(
        Operation::ScimSchemas,
        ("/v1/orgs/{org}/scim/v2/Schemas", Right::UsersView, "user.list"),
        ("SCIM: schemas", "The attributes of users and groups (RFC 7643, section 7)."),
        &[],
        LISTED,
    ),
    look(
        Operation::ScimSchema,
        ("/v1/orgs/{org}/scim/v2/Schemas/{id}", Right::UsersView, "user.list"),
        ("SCIM: a schema", "By its URN (RFC 7643, section 7)."),
        &[],
        DISCOVERED,
    ),
    send(
        Operation::ScimSearch,
        Method::Post,
        ("/v1/orgs/{org}/scim/v2/.search", Right::UsersView, "user.list"),
        ("SCIM: search", "Among users and groups, with the query in the body (RFC 7644, section 3.4.3)."),
        SEARCH,
        (&[], LISTED),
    ),
    look(
        Operation::ScimUserList,
        (USERS, Right::UsersView, "user.list"),
        ("SCIM: list users", "The members of the organization (RFC 7644, section 3.4.2)."),
        &QUERY,
        LISTED,
    ),
    send(
        Operation::ScimUserSearch,
        Method::Post,
        ("/v1/orgs/{org}/scim/v2/Users/.search", Right::UsersView, "user.list"),
        ("SCIM: search users", "With the query in the body (RFC 7644, section 3.4.3)."),
        SEARCH,
        (&[], LISTED),
    ),
    send(
        Operation::ScimUserCreate,
        Method::Post,
        (USERS, Right::UsersInvite, "user.create"),
        ("SCIM: create a user", "Makes a member of the organization (RFC 7644, section 3.3)."),
        RESOURCE,
        (&SELECTION, MADE),
    ),
    look(
        Operation::ScimUserView,
        (USER, Right::UsersView, "user.view"),
        ("SCIM: read a user", "With the groups they are in (RFC 7644, section 3.4.1)."),
        &SELECTION,
        LOOKED_AT,
    ),
    send(
        Operation::ScimUserReplace,
        Method::Put,
        (USER, Right::UsersUpdate, "user.update"),
        ("SCIM: replace a user", "What is not given is cleared, `active` excepted (RFC 7644, section 3.5.1)."),
        RESOURCE,
        (&SELECTION, SHOWN),
    ),
    send(
        Operation::ScimUserUpdate,
        Method::Patch,
        (USER, Right::UsersUpdate, "user.update"),
        ("SCIM: change a user", "All operations or none (RFC 7644, section 3.5.2)."),
        PATCH,
        (&SELECTION, SHOWN),
    ),
    delete(
        Operation::ScimUserDelete,
        (USER, Right::UsersDelete, "user.remove"),
        ("SCIM: delete a user", "Ends the membership; the person's account stays (RFC 7644, section 3.6)."),
    ),
    look(
        Operation::ScimGroupList,
        (GROUPS, Right::GroupsView, "group.list"),
        ("SCIM: list groups", "The groups of the organization, the default ones first (RFC 7644, section 3.4.2)."),
        &QUERY,
        LISTED,
    ),
    send(
        Operation::ScimGroupSearch,
        Method::Post,
        ("/v1/orgs/{org}/scim/v2/Groups/.search", Right::GroupsView, "group.list"),
        ("SCIM: search groups", "With the query in the body (RFC 7644, section 3.4.3)."),
        SEARCH,
        (&[], LISTED),
    ),
    send(
        Operation::ScimGroupCreate,
        Method::Post,
        (GROUPS, Right::GroupsManage, "group.create"),
        ("SCIM: create a group", "Without roles: these are given by administrators (RFC 7644, section 3.3)."),
        RESOURCE,
        (&SELECTION, MADE),
    ),
    look(
        Operation::ScimGroupView,
        (GROUP, Right::GroupsView, "group.view"),
        ("SCIM: read a group", "With the users in it (RFC 7644, section 3.4.1)."),
        &SELECTION,
        LOOKED_AT,
    ),
    send(
        Operation::ScimGroupReplace,
        Method::Put,
        (GROUP, Right::GroupsManage, "group.update"),
        ("SCIM: replace a group", "What is not given is cleared, the members too (RFC 7644, section 3.5.1)."),
        RESOURCE,
        (&SELECTION, SHOWN),
    ),
    send(
        Operation::ScimGroupUpdate,
        Method::Patch,
        (GROUP, Right::GroupsManage, "group.update"),
        ("SCIM: change a group", "All operations or none (RFC 7644, section 3.5.2)."),
        PATCH,
        (&SELECTION, SHOWN),
    ),
    delete(
        Operation::ScimGroupDelete,
        (GROUP, Right::GroupsManage, "group.delete"),
        ("SCIM: delete a group", "The users in it stay members of the organization (RFC 7644, section 3.6)."),
    ),
];
