//! Invitations as JSON Schema.

use serde_json::{Value, json};

use super::{closed, list, open, or_null, readable, text, time};
use crate::directory::invitation::Status;
use crate::limits;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    bodies().into_iter().chain(answers()).collect()
}

fn bodies() -> Vec<(&'static str, Value)> {
    let given = || text(1, limits::PASSWORD_CHARS_MAX);
    let label = "[0-9A-Za-z]{1,30}";
    let email = json!({
        "type": "string",
        "maxLength": limits::EMAIL_CHARS_MAX,
        "pattern": format!("^[0-9A-Za-z_+-]{{1,60}}@{label}([.-]{label}){{0,4}}$"),
        "example": "ada@example.com",
    });
    let groups = json!({
        "type": "array",
        "items": {"type": "string"},
        "maxItems": limits::GROUPS_PER_INVITATION_MAX,
        "description": "Ids of groups, or names of default groups.",
    });
    let new = json!({
        "email": email,
        "name": or_null(readable(limits::NAME_CHARS_MAX)),
        "groups": or_null(groups),
    });
    let mut password = given();
    password["description"] = json!("Of a new account the one that it gets, else the account's.");
    let accepted = json!({
        "secret": given(),
        "name": or_null(readable(limits::NAME_CHARS_MAX)),
        "password": or_null(password),
        "code": or_null(given()),
    });
    vec![
        ("NewInvitation", closed(new, &["email"])),
        ("InvitationSecret", closed(json!({"secret": given()}), &["secret"])),
        ("InvitationAnswer", closed(accepted, &["secret"])),
    ]
}

fn answers() -> Vec<(&'static str, Value)> {
    let any = || json!({"type": "string"});
    let group = open(json!({"id": any(), "name": any()}), &["id", "name"]);
    let by = open(
        json!({"type": {"type": "string", "enum": ["operator", "user"]}, "id": any(), "name": any()}),
        &["type", "id", "name"],
    );
    let invitation = json!({
        "id": any(),
        "email": any(),
        "name": {"type": ["string", "null"]},
        "groups": {"type": "array", "items": group},
        "status": {"type": "string", "enum": Status::NAMES},
        "created_at": time(),
        "sent_at": time(),
        "expires_at": time(),
        "ended_at": or_null(time()),
        "invited_by": by,
    });
    let mut sent = invitation.clone();
    sent["mail"] = json!({
        "type": "string",
        "enum": ["sent", "failed"],
        "description": "Whether the mail server took the mail; not there where no mail is configured.",
    });
    sent["link"] = json!({
        "type": "string",
        "description": "Where it is accepted; only where no mail was sent. It is never shown again.",
    });
    let fields =
        ["id", "email", "name", "groups", "status", "created_at", "sent_at", "expires_at", "ended_at", "invited_by"];
    let page = json!({"invitations": list("Invitation"), "next_cursor": {"type": ["string", "null"]}});
    let shown = json!({
        "organization": open(json!({"slug": any(), "name": any()}), &["slug", "name"]),
        "email": any(),
        "name": {"type": ["string", "null"]},
        "invited_by": any(),
        "expires_at": time(),
        "account_exists": {"type": "boolean", "description": "Whether the person has an account of their own whose password is asked for; never of an invitation whose link was shown."},
    });
    let shown_fields = ["organization", "email", "name", "invited_by", "expires_at", "account_exists"];
    vec![
        ("Invitation", open(invitation, &fields)),
        ("InvitationSent", open(sent, &fields)),
        ("Invitations", open(page, &["invitations", "next_cursor"])),
        ("InvitationShown", open(shown, &shown_fields)),
    ]
}
