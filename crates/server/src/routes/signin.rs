//! Signing in and out, passwords, second factors, sessions, personal access tokens.

use super::{JSON, MAKE_PROBLEMS, Method, Operation, Permission, REMOVE_PROBLEMS, Route, answer, read, remove, show};
use crate::access::Right;
use crate::limits;
use crate::problem::Kind;

const SIGN_IN_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::Unauthenticated,
    Kind::SecondFactorRequired,
    Kind::Csrf,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidContent,
    Kind::RequestTimeout,
    Kind::TooManyRequests,
    Kind::Conflict,
    Kind::Overloaded,
    Kind::Unavailable,
];
const PROOF_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::Csrf,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidContent,
    Kind::RequestTimeout,
    Kind::TooManyRequests,
    Kind::Conflict,
    Kind::Overloaded,
    Kind::Unavailable,
];

/// A route for people about themselves.
const fn own(
    operation: Operation,
    (method, path, permission, denied_action): (Method, &'static str, Permission, &'static str),
    words: (&'static str, &'static str),
    bodies: &'static [(&'static str, &'static str)],
    answers: &'static [super::Answer],
) -> Route {
    let problems = match method {
        Method::Get => &[],
        _ if bodies.is_empty() => REMOVE_PROBLEMS,
        _ => PROOF_PROBLEMS,
    };
    Route {
        method,
        bodies,
        body_bytes_max: if bodies.is_empty() { 0 } else { limits::ADMINISTRATION_BODY_BYTES_MAX },
        problems,
        denied_action: Some(denied_action),
        ..read(operation, path, permission, words, &[], answers)
    }
}

/// A route that keeps to what the credential reaches.
const fn own_within_reach(
    operation: Operation,
    asked: (Method, &'static str, Permission, &'static str),
    words: (&'static str, &'static str),
    bodies: &'static [(&'static str, &'static str)],
    answers: &'static [super::Answer],
) -> Route {
    Route { takes_provider_sessions: true, ..own(operation, asked, words, bodies, answers) }
}

/// The routes.
pub(super) static ROUTES: [Route; 17] = [
    Route {
        method: Method::Post,
        bodies: &[(JSON, "SignIn")],
        body_bytes_max: limits::ADMINISTRATION_BODY_BYTES_MAX,
        problems: SIGN_IN_PROBLEMS,
        ..read(
            Operation::SignIn,
            "/v1/session",
            Permission::Public,
            (
                "Sign in",
                "With e-mail address and password, and a code where the account has a second factor. Sets the session's \
                 cookie; changes made with it need the header `X-CSRF-Token`. The answer is the same for an account \
                 that does not exist.",
            ),
            &[],
            &[answer(200, &[(JSON, "OwnSession")], "Signed in.")],
        )
    },
    own_within_reach(
        Operation::SessionView,
        (Method::Get, "/v1/session", Permission::Person, "session.view"),
        ("Who am I", "The person of the credential, with what they may do in each of their organizations."),
        &[],
        &[answer(200, &[(JSON, "OwnSession")], "The person.")],
    ),
    own_within_reach(
        Operation::SignOut,
        (Method::Delete, "/v1/session", Permission::Session, "session.sign_out"),
        ("Sign out", "Ends the session of the cookie."),
        &[],
        &[answer(204, &[], "Signed out.")],
    ),
    own(
        Operation::SessionList,
        (Method::Get, "/v1/sessions", Permission::Session, "session.list"),
        ("List own sessions", "The latest used first."),
        &[],
        &[answer(200, &[(JSON, "Sessions")], "The sessions.")],
    ),
    own(
        Operation::SessionRevoke,
        (Method::Delete, "/v1/sessions/{id}", Permission::Session, "session.revoke"),
        ("End an own session", "At the next request."),
        &[],
        &[answer(204, &[], "It is over.")],
    ),
    own(
        Operation::PasswordChange,
        (Method::Post, "/v1/password", Permission::Session, "password.update"),
        ("Change the own password", "Ends all other sessions of the person."),
        &[(JSON, "PasswordChange")],
        &[answer(204, &[], "It is changed.")],
    ),
    own(
        Operation::SecondFactorBegin,
        (Method::Post, "/v1/second-factor", Permission::Session, "second_factor.update"),
        (
            "Begin with a second factor",
            "Gives the secret for an authenticator. Nothing changes until a code of it confirms that it works.",
        ),
        &[(JSON, "Proof")],
        &[answer(200, &[(JSON, "Enrolment")], "The secret.")],
    ),
    own(
        Operation::SecondFactorRemove,
        (Method::Delete, "/v1/second-factor", Permission::Session, "second_factor.update"),
        ("Remove the second factor", "With the password and a code. Ends all other sessions of the person."),
        &[(JSON, "Proof")],
        &[answer(204, &[], "It is gone.")],
    ),
    own(
        Operation::SecondFactorConfirm,
        (Method::Post, "/v1/second-factor/confirm", Permission::Session, "second_factor.update"),
        (
            "Confirm the second factor",
            "From now on signing in needs a code. Shows the recovery codes, this once, and ends all other sessions.",
        ),
        &[(JSON, "Confirmation")],
        &[answer(200, &[(JSON, "RecoveryCodes")], "The recovery codes.")],
    ),
    own(
        Operation::RecoveryCodesRenew,
        (Method::Post, "/v1/second-factor/recovery-codes", Permission::Session, "second_factor.update"),
        ("Make new recovery codes", "The old ones are worth nothing from then on."),
        &[(JSON, "Proof")],
        &[answer(200, &[(JSON, "RecoveryCodes")], "The recovery codes.")],
    ),
    own_within_reach(
        Operation::TokenList,
        (Method::Get, "/v1/tokens", Permission::Person, "token.list"),
        ("List own tokens", "Oldest first, without their secrets."),
        &[],
        &[answer(200, &[(JSON, "Tokens")], "The tokens.")],
    ),
    Route {
        problems: MAKE_PROBLEMS,
        ..own_within_reach(
            Operation::TokenCreate,
            (Method::Post, "/v1/tokens", Permission::Session, "token.create"),
            (
                "Create a personal access token",
                "For programs: it may do what its owner may at each moment, or less. Its secret is shown this once.",
            ),
            &[(JSON, "NewToken")],
            &[answer(201, &[(JSON, "TokenWithSecret")], "The token with its secret.")],
        )
    },
    own_within_reach(
        Operation::TokenRevoke,
        (Method::Delete, "/v1/tokens/{id}", Permission::Person, "token.revoke"),
        ("Revoke an own token", "From the next request on it is unknown. A token may revoke itself and no other."),
        &[],
        &[answer(204, &[], "It is revoked.")],
    ),
    show(
        Operation::UserSessions,
        ("/v1/orgs/{org}/users/{id}/sessions", Right::SessionsView, "session.list"),
        ("List a user's sessions", "Those that open this organization; the latest used first."),
        &[],
        &[answer(200, &[(JSON, "Sessions")], "The sessions.")],
    ),
    remove(
        Operation::UserSessionRevoke,
        ("/v1/orgs/{org}/sessions/{id}", Right::SessionsRevoke, "session.revoke"),
        (
            "End a user's session",
            "For this organization, at the next request. Where the session opens others too, it stays for these.",
        ),
    ),
    show(
        Operation::UserTokens,
        ("/v1/orgs/{org}/users/{id}/tokens", Right::UsersView, "token.list"),
        (
            "List a user's personal access tokens",
            "Those that work in this organization; oldest first, without their secrets.",
        ),
        &[],
        &[answer(200, &[(JSON, "UserTokens")], "The tokens.")],
    ),
    remove(
        Operation::UserTokenRevoke,
        ("/v1/orgs/{org}/tokens/{id}", Right::UsersUpdate, "token.revoke"),
        (
            "Revoke a user's personal access token",
            "For this organization, at the next request. Where the token works in others too, it stays for these.",
        ),
    ),
];
