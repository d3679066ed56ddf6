//! The route table: every path, method, permission, parameter and answer of the API, once.
//!
//! The router (`router`), the access check (`access`), the parameter reader and the OpenAPI document (`openapi`) are made
//! from it, and the test that walks all routes reads it, so a route cannot exist without a permission. It must hold
//! no behaviour.

mod directory;
mod events;
mod exports;
mod governance;
mod identity_providers;
mod ingest;
mod invitations;
mod log;
mod organizations;
mod query;
mod removals;
mod saved_searches;
mod scim;
mod service;
mod signin;

use std::sync::LazyLock;

use crate::access::Right;
use crate::limits;
use crate::parameters::Parameter;
use crate::problem::Kind;

pub use query::SLUG_REGEX;

/// The methods that the API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or records.
    Post,
    /// Gives anew.
    Put,
    /// Changes a part.
    Patch,
    /// Takes back.
    Delete,
}

impl Method {
    /// The method's name.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl From<Method> for axum::http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
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
    /// Somebody with an account: a session or a personal access token.
    Person,
    /// Somebody with an account, in a session: what a token must not do.
    Session,
    /// The operator: the one who runs the service.
    Operator,
    /// To write events of the organization: a key of it, or the operator. People never do.
    RecordEvents,
    /// A permission of the organization's roles. The rights of the log may be held for some projects alone; all others
    /// must be held for the organization.
    Right(Right),
    /// A permission of the organization's roles and [`Right::AuditLogsView`], both for the whole organization: what answers
    /// with what is in the log.
    RightAndWholeLog(Right),
    /// A permission that a SCIM token was given.
    Scim(Right),
    /// [`Right::AuditLogsView`] for the whole organization: what tells of the log as a whole.
    WholeLog,
    /// Nothing where the organization opened its log to everybody, else as [`Permission::WholeLog`]: what the log proves,
    /// which holds no personal data, and tells when anything happened in any project.
    OpenLog,
}

impl Permission {
    /// What is asked for, in words.
    pub fn description(self) -> String {
        match self {
            Permission::Public => "nothing".into(),
            Permission::Authenticated => "any valid credential".into(),
            Permission::Person => "a person's credential".into(),
            Permission::Session => "a person's session".into(),
            Permission::Operator => "the operator".into(),
            Permission::RecordEvents => "a key of the organization".into(),
            Permission::Right(right) => format!("`{}`", right.name()),
            Permission::RightAndWholeLog(right) => {
                format!("`{}` and `{}`, both for the whole organization", right.name(), Right::AuditLogsView.name())
            }
            Permission::Scim(right) => format!("a SCIM token with `{}`", right.name()),
            Permission::WholeLog => format!("`{}` for the whole organization", Right::AuditLogsView.name()),
            Permission::OpenLog => {
                format!("{}, or nothing where the organization opened its log", Permission::WholeLog.description())
            }
        }
    }
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
    OrganizationView,
    OrganizationUpdate,
    Permissions,
    UserList,
    UserCreate,
    UserView,
    UserUpdate,
    UserRemove,
    UserPermissions,
    GroupList,
    GroupCreate,
    GroupView,
    GroupUpdate,
    GroupDelete,
    GroupMembers,
    GroupMemberAdd,
    GroupMemberRemove,
    GroupRoles,
    GroupRoleAssign,
    GroupRoleUnassign,
    RoleList,
    RoleCreate,
    RoleView,
    RoleUpdate,
    RoleDelete,
    SignIn,
    SessionView,
    SignOut,
    SessionList,
    SessionRevoke,
    PasswordChange,
    SecondFactorBegin,
    SecondFactorRemove,
    SecondFactorConfirm,
    RecoveryCodesRenew,
    TokenList,
    TokenCreate,
    TokenRevoke,
    UserSessions,
    UserSessionRevoke,
    UserTokens,
    UserTokenRevoke,
    InvitationList,
    InvitationCreate,
    InvitationView,
    InvitationResend,
    InvitationRevoke,
    InvitationShow,
    InvitationAccept,
    OidcStart,
    OidcCallback,
    IdentityProviderList,
    IdentityProviderCreate,
    IdentityProviderView,
    IdentityProviderUpdate,
    IdentityProviderDelete,
    SignInView,
    SignInUpdate,
    RetentionView,
    RetentionUpdate,
    RetentionPlan,
    RetentionRun,
    LegalHoldList,
    LegalHoldPlace,
    LegalHoldRelease,
    ErasureList,
    ErasureRequest,
    ErasureView,
    ErasureApprove,
    ErasureReject,
    RedactionList,
    RedactionRequest,
    RedactionView,
    RedactionApprove,
    RedactionReject,
    SavedSearchList,
    SavedSearchCreate,
    SavedSearchUpdate,
    SavedSearchDelete,
    EventsRecord,
    EventsSearch,
    EventView,
    EventsHistogram,
    EventsFacets,
    EventsTail,
    EventsExport,
    ProofExport,
    ExportList,
    ExportCreate,
    ExportView,
    ExportContent,
    ExportDelete,
    LogView,
    LogCheckpoint,
    LogTile,
    LogKey,
    LogHandovers,
    KeyCreate,
    KeyList,
    KeyView,
    KeyUpdate,
    KeyRevoke,
    ScimTokenList,
    ScimTokenCreate,
    ScimTokenRevoke,
    ScimServiceProviderConfig,
    ScimResourceTypes,
    ScimResourceType,
    ScimSchemas,
    ScimSchema,
    ScimSearch,
    ScimUserList,
    ScimUserSearch,
    ScimUserCreate,
    ScimUserView,
    ScimUserReplace,
    ScimUserUpdate,
    ScimUserDelete,
    ScimGroupList,
    ScimGroupSearch,
    ScimGroupCreate,
    ScimGroupView,
    ScimGroupReplace,
    ScimGroupUpdate,
    ScimGroupDelete,
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
    /// Its path, with `{org}`, `{id}` and `{member}` standing for one segment each, and `{*id}` for all that follow.
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
    /// Whether parameters that are not declared are passed over, because others decide what comes along.
    pub ignores_unknown: bool,
    /// Most bytes of the body.
    pub body_bytes_max: usize,
    /// Answers when all is well.
    pub answers: &'static [Answer],
    /// Problems of its own, besides those that every route may have.
    pub problems: &'static [Kind],
    /// The action under which a refusal of access is recorded; none where nothing is recorded.
    pub denied_action: Option<&'static str>,
    /// Whether a session that an organization's identity provider brought about is let through though the path names no
    /// organization: it shows and ends the session itself, holds nothing of anybody's, or keeps to what the session reaches.
    pub takes_provider_sessions: bool,
    /// Whether the answer is a stream or waits on purpose, so that the time limit of requests does not hold.
    pub streams: bool,
}

impl Route {
    /// What is asked for, in words, with what the handler asks for besides.
    pub fn asks(&self) -> String {
        let (asked, verify) = (self.permission.description(), Right::AuditLogsVerify.name());
        match self.operation {
            Operation::ProofExport => format!("{asked} and `{verify}`, both for the whole organization"),
            Operation::EventView => format!("{asked}; with `proof=true` `{verify}` too"),
            _ => asked,
        }
    }

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
        ROUTES.iter().position(|route| std::ptr::eq(*route, self)).unwrap_or(ROUTES.len())
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
/// Text.
pub const TEXT: &str = "text/plain";
/// A compressed archive.
pub const ZSTD: &str = "application/zstd";
/// Bytes.
pub const BYTES: &str = "application/octet-stream";

const NO_BODY: &[(&str, &str)] = &[];
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

const REMOVE_PROBLEMS: &[Kind] = &[Kind::Conflict, Kind::Overloaded, Kind::Unavailable];

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
        ignores_unknown: false,
        bodies: NO_BODY,
        body_bytes_max: 0,
        answers,
        problems: &[],
        denied_action: None,
        // What any valid credential is let through to is nobody's.
        takes_provider_sessions: matches!(permission, Permission::Authenticated),
        streams: false,
    }
}

/// A route that makes something out of a small JSON body of the named schema.
const fn make(
    operation: Operation,
    (path, permission, denied_action): (&'static str, Right, &'static str),
    words: (&'static str, &'static str),
    bodies: &'static [(&'static str, &'static str)],
    answers: &'static [Answer],
) -> Route {
    Route {
        method: Method::Post,
        bodies,
        body_bytes_max: limits::ADMINISTRATION_BODY_BYTES_MAX,
        problems: MAKE_PROBLEMS,
        denied_action: Some(denied_action),
        ..read(operation, path, Permission::Right(permission), words, &[], answers)
    }
}

const GONE: &[Answer] = &[answer(204, &[], "It is gone.")];

/// A route that takes something away.
const fn remove(
    operation: Operation,
    (path, permission, denied_action): (&'static str, Right, &'static str),
    words: (&'static str, &'static str),
) -> Route {
    Route {
        method: Method::Delete,
        problems: REMOVE_PROBLEMS,
        denied_action: Some(denied_action),
        ..read(operation, path, Permission::Right(permission), words, &[], GONE)
    }
}

/// A route that shows what is kept about the organization and its people.
const fn show(
    operation: Operation,
    (path, permission, denied_action): (&'static str, Right, &'static str),
    words: (&'static str, &'static str),
    parameters: &'static [Parameter],
    answers: &'static [Answer],
) -> Route {
    Route {
        denied_action: Some(denied_action),
        ..read(operation, path, Permission::Right(permission), words, parameters, answers)
    }
}

/// All routes.
pub static ROUTES: LazyLock<Vec<&'static Route>> = LazyLock::new(|| {
    let tables: [&'static [Route]; 14] = [
        &service::ROUTES,
        &organizations::ROUTES,
        &directory::ROUTES,
        &invitations::ROUTES,
        &scim::ROUTES,
        &signin::ROUTES,
        &identity_providers::ROUTES,
        &governance::ROUTES,
        &removals::ROUTES,
        &events::ROUTES,
        &exports::ROUTES,
        &saved_searches::ROUTES,
        &log::ROUTES,
        &ingest::ROUTES,
    ];
    tables.into_iter().flatten().collect()
});

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
        assert_eq!(
            public,
            [
                "/healthz",
                "/readyz",
                "/metrics",
                "/openapi.json",
                // What the holder of an invitation's secret may know, and nothing without it.
                "/v1/invitation",
                "/v1/invitation/accept",
                "/v1/session",
                "/v1/session/oidc",
                "/v1/session/oidc/callback/{id}"
            ]
        );
        assert!(ROUTES.iter().filter(|r| r.of_organization()).all(|r| r.permission != Permission::Authenticated));
    }

    #[test]
    fn what_is_refused_is_recorded_somewhere() {
        for route in ROUTES.iter() {
            let guarded = !matches!(route.permission, Permission::Public | Permission::Authenticated);
            assert_eq!(guarded, route.ingests() || route.denied_action.is_some(), "{}", route.path);
        }
    }
}
