//! Sessions, second factors and tokens as JSON Schema.

use serde_json::{Value, json};

use super::{closed, list, open, or_null, readable, text, time};
use crate::limits;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    bodies().into_iter().chain(answers()).collect()
}

fn bodies() -> Vec<(&'static str, Value)> {
    let given = || text(1, limits::PASSWORD_CHARS_MAX);
    let sign_in = json!({"email": given(), "password": given(), "code": or_null(given())});
    let new_password = text(limits::PASSWORD_CHARS_MIN, limits::PASSWORD_CHARS_MAX);
    let texts =
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": limits::FORM_LIST_ENTRIES_MAX});
    let new_token = json!({
        "name": readable(limits::NAME_CHARS_MAX),
        "expires_at": time(),
        "permissions": or_null(texts.clone()),
        "organizations": or_null(texts),
    });
    vec![
        ("SignIn", closed(sign_in, &["email", "password"])),
        ("PasswordChange", closed(json!({"current": given(), "new": new_password}), &["current", "new"])),
        ("Proof", closed(json!({"password": given(), "code": or_null(given())}), &["password"])),
        ("Confirmation", closed(json!({"enrolment": given(), "code": given()}), &["enrolment", "code"])),
        ("NewToken", closed(new_token, &["name", "expires_at"])),
    ]
}

fn answers() -> Vec<(&'static str, Value)> {
    let any = || json!({"type": "string"});
    let maybe = || json!({"type": ["string", "null"]});
    let names = || json!({"type": "array", "items": {"type": "string"}});
    let scope = open(
        json!({"level": {"type": "string", "enum": ["organization", "project"]}, "projects": names()}),
        &["level"],
    );
    let administrators = json!({
        "type": "array",
        "items": any(),
        "maxItems": limits::ADMINISTRATORS_NAMED_MAX,
        "description": "What some of its administrators are called: whom to ask for what one may not do.",
    });
    let organization = open(
        json!({
            "slug": any(),
            "name": any(),
            "permissions": names(),
            "scope": or_null(scope),
            "administrators": administrators,
        }),
        &["slug", "name", "permissions", "scope", "administrators"],
    );
    let own = json!({
        "user": open(json!({"id": any(), "name": any(), "email": any()}), &["id", "name", "email"]),
        "csrf_token": maybe(),
        "expires_at": time(),
        "second_factor": {"type": "boolean"},
        "organizations": {"type": "array", "items": organization},
    });
    let session = json!({
        "id": any(),
        "current": {"type": "boolean"},
        "method": {"type": "string", "enum": ["password", "sso"]},
        "provider": or_null(open(json!({"id": any(), "name": maybe()}), &["id", "name"])),
        "created_at": time(),
        "last_used_at": json!({
            "anyOf": [time(), {"type": "null"}],
            "description": "Among an organization's users, when it was used there; null if it was not.",
        }),
        "expires_at": json!({
            "type": "string",
            "format": "date-time",
            "description": "If it is not used again before; among an organization's users, at the latest.",
        }),
        "ip": maybe(),
        "user_agent": maybe(),
    });
    let token = json!({
        "id": any(),
        "name": any(),
        "created_at": time(),
        "expires_at": time(),
        "last_used_at": or_null(time()),
        "permissions": or_null(names()),
        "organizations": or_null(names()),
    });
    let mut of_user = token.clone();
    of_user.as_object_mut().map(|fields| fields.remove("organizations"));
    of_user["prefix"] = any();
    let of_user_fields = ["id", "prefix", "name", "created_at", "expires_at", "last_used_at", "permissions"];
    let mut with_secret = token.clone();
    with_secret["secret"] = any();
    let token_fields = ["id", "name", "created_at", "expires_at", "last_used_at", "permissions", "organizations"];
    let secret_fields: Vec<_> = token_fields.into_iter().chain(["secret"]).collect();
    let enrolment = json!({"secret": any(), "uri": any(), "enrolment": any()});
    vec![
        ("OwnSession", open(own, &["user", "csrf_token", "expires_at", "second_factor", "organizations"])),
        (
            "Session",
            open(session, &["id", "current", "method", "provider", "created_at", "last_used_at", "expires_at"]),
        ),
        ("Sessions", open(json!({"sessions": list("Session")}), &["sessions"])),
        ("Enrolment", open(enrolment, &["secret", "uri", "enrolment"])),
        ("RecoveryCodes", open(json!({"recovery_codes": names()}), &["recovery_codes"])),
        ("PersonalToken", open(token, &token_fields)),
        ("TokenWithSecret", open(with_secret, &secret_fields)),
        ("Tokens", open(json!({"tokens": list("PersonalToken")}), &["tokens"])),
        ("UserToken", open(of_user, &of_user_fields)),
        ("UserTokens", open(json!({"tokens": list("UserToken")}), &["tokens"])),
    ]
}
