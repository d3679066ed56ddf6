//! Invitations: for members who invite, and for whoever has the secret of one.

use super::query::LIST;
use super::{JSON, Method, Operation, Permission, Route, answer, make, read, remove, show};
use crate::access::Right;
use crate::directory::invitation::Status;
use crate::limits;
use crate::parameters::{Form, Parameter};
use crate::problem::Kind;

const STATUS: Parameter = Parameter {
    name: "status",
    form: Form::OneOfRequired(&Status::NAMES),
    repeatable: false,
    required: false,
    description: "Only those that stand like this. Without it: all.",
    example: "pending",
};
const INVITATIONS: &[Parameter] = &[STATUS, LIST[0], LIST[1], LIST[2]];

const SENDING_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::Conflict,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidContent,
    Kind::RequestTimeout,
    Kind::TooManyRequests,
    Kind::Overloaded,
    Kind::Unavailable,
];
const SECRET_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::NotFound,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidContent,
    Kind::RequestTimeout,
    Kind::TooManyRequests,
    Kind::Overloaded,
];
const ACCEPTING_PROBLEMS: &[Kind] = &[
    Kind::MalformedBody,
    Kind::Unauthenticated,
    Kind::SecondFactorRequired,
    Kind::Forbidden,
    Kind::Csrf,
    Kind::NotFound,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidContent,
    Kind::RequestTimeout,
    Kind::TooManyRequests,
    Kind::Conflict,
    Kind::Overloaded,
    Kind::Unavailable,
];

/// A route for whoever has the secret of an invitation.
const fn with_secret(
    (operation, path, body): (Operation, &'static str, &'static [(&'static str, &'static str)]),
    words: (&'static str, &'static str),
    problems: &'static [Kind],
    answers: &'static [super::Answer],
) -> Route {
    Route {
        method: Method::Post,
        bodies: body,
        body_bytes_max: limits::ADMINISTRATION_BODY_BYTES_MAX,
        problems,
        ..read(operation, path, Permission::Public, words, &[], answers)
    }
}

/// The routes.
pub(super) static ROUTES: [Route; 7] = [
    show(
        Operation::InvitationList,
        ("/v1/orgs/{org}/invitations", Right::UsersView, "user.invitation.list"),
        ("List invitations", "The latest first; those that are over stay listed for 30 days."),
        INVITATIONS,
        &[answer(200, &[(JSON, "Invitations")], "A page of invitations.")],
    ),
    Route {
        problems: SENDING_PROBLEMS,
        ..make(
            Operation::InvitationCreate,
            ("/v1/orgs/{org}/invitations", Right::UsersInvite, "user.invite"),
            (
                "Invite somebody",
                "Sends a link to the address, by which its owner becomes a member within 72 hours. Where no mail is \
                 configured, or the mail could not be delivered, the answer shows the link, this once.",
            ),
            &[(JSON, "NewInvitation")],
            &[answer(201, &[(JSON, "InvitationSent")], "The person is invited.")],
        )
    },
    show(
        Operation::InvitationView,
        ("/v1/orgs/{org}/invitations/{id}", Right::UsersView, "user.invitation.view"),
        ("Read an invitation", "How it stands."),
        &[],
        &[answer(200, &[(JSON, "Invitation")], "The invitation.")],
    ),
    Route {
        method: Method::Post,
        problems: &[Kind::Conflict, Kind::TooManyRequests, Kind::Overloaded, Kind::Unavailable],
        denied_action: Some("user.invitation.resend"),
        ..read(
            Operation::InvitationResend,
            "/v1/orgs/{org}/invitations/{id}/resend",
            Permission::Right(Right::UsersInvite),
            (
                "Send an invitation again",
                "With a new link for another 72 hours; the one before opens nothing any more. Who does it is the one who \
                 invites from then on.",
            ),
            &[],
            &[answer(200, &[(JSON, "InvitationSent")], "It is sent again.")],
        )
    },
    remove(
        Operation::InvitationRevoke,
        ("/v1/orgs/{org}/invitations/{id}", Right::UsersInvite, "user.invitation.revoke"),
        ("Revoke an invitation", "Its link opens nothing any more."),
    ),
    with_secret(
        (Operation::InvitationShow, "/v1/invitation", &[(JSON, "InvitationSecret")]),
        (
            "Look at an invitation with its secret",
            "What follows `#` in the link. The answer is the same for a secret that was used, revoked or replaced, is too \
             old, or never was.",
        ),
        SECRET_PROBLEMS,
        &[answer(200, &[(JSON, "InvitationShown")], "What it is.")],
    ),
    with_secret(
        (Operation::InvitationAccept, "/v1/invitation/accept", &[(JSON, "InvitationAnswer")]),
        (
            "Accept an invitation",
            "Without an account with the address: makes one with name and password, and signs in. With one: joins it, in \
             its person's session, or with its password and a code where it has a second factor.",
        ),
        ACCEPTING_PROBLEMS,
        &[answer(200, &[(JSON, "OwnSession")], "The person is a member, and signed in.")],
    ),
];
