//! Users, groups, roles and permissions as JSON Schema.

use serde_json::{Value, json};

use super::{closed, count, list, open, or_null, readable, time};
use crate::access::{Area, Right};
use crate::limits;

/// The schemas by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    users().into_iter().chain(groups()).chain(roles()).collect()
}

fn page_of(name: &str, item: &str) -> Value {
    let next = json!({"type": ["string", "null"]});
    open(json!({name: list(item), "next_cursor": next}), &[name, "next_cursor"])
}

fn prose() -> Value {
    json!({
        "type": "string",
        "maxLength": limits::DESCRIPTION_CHARS_MAX,
        "pattern": "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*$",
    })
}

fn texts(item: Value, items_max: usize) -> Value {
    json!({"type": "array", "items": item, "maxItems": items_max})
}

fn named() -> Value {
    open(json!({"id": {"type": "string"}, "name": {"type": "string"}}), &["id", "name"])
}

fn list_of(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

fn right_name() -> Value {
    let names: Vec<_> = Right::ALL.iter().map(|right| right.name()).collect();
    json!({"type": "string", "enum": names})
}

fn users() -> Vec<(&'static str, Value)> {
    let email = json!({
        "type": "string",
        "maxLength": limits::EMAIL_CHARS_MAX,
        "pattern": "^[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+@[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+$",
        "example": "ada@example.com",
    });
    let group_ids = texts(json!({"type": "string"}), limits::FORM_LIST_ENTRIES_MAX);
    let password = |description: &str| {
        json!({
            "type": ["string", "null"],
            "minLength": limits::PASSWORD_CHARS_MIN,
            "maxLength": limits::PASSWORD_CHARS_MAX,
            "description": description,
        })
    };
    let first_password = password("The first password of a new account; an account that exists keeps its own.");
    let another_password = password(
        "Another password for an account of the organization's, which ends its sessions, tokens and second factor.",
    );
    let new_user = json!({
        "email": email,
        "name": readable(limits::NAME_CHARS_MAX),
        "password": first_password,
        "groups": or_null(group_ids),
    });
    let update = json!({
        "name": or_null(readable(limits::NAME_CHARS_MAX)),
        "active": {"type": ["boolean", "null"]},
        "password": another_password,
    });
    let user = json!({
        "id": {"type": "string"},
        "email": {"type": "string"},
        "name": {"type": "string"},
        "active": {"type": "boolean"},
        "joined_at": time(),
        "origin": {"type": "string", "enum": ["operator", "administrator", "invitation", "oidc", "scim"]},
        "groups": list_of(named()),
        "password_by": or_null(json!({
            "type": "object",
            "description": "The user who gave the account its password, or saw the link that it was made by, and so may know what opens \
                            it. It gains nothing that they do not hold, until somebody else gives it another password. Null where nobody \
                            else may know it.",
            "properties": {"id": {"type": "string"}, "name": or_null(json!({"type": "string"}))},
            "required": ["id", "name"],
        })),
    });
    let fields = ["id", "email", "name", "active", "joined_at", "origin", "groups", "password_by"];
    let mut member = user.clone();
    member["email"] =
        or_null(json!({"type": "string", "description": "Null for who may not see users (`users_view`)."}));
    let reason = json!({
        "group": named(),
        "role": named(),
        "assignment": open(json!({"level": level(), "projects": list_of(json!({"type": "string"}))}), &["level"]),
        "permissions": list_of(right_name()),
    });
    let permissions = json!({
        "organization": list_of(right_name()),
        "projects": {"type": "object", "additionalProperties": list_of(right_name())},
        "because": list_of(open(reason, &["group", "role", "assignment", "permissions"])),
    });
    vec![
        ("NewUser", closed(new_user, &["email", "name"])),
        ("UserUpdate", closed(update, &[])),
        ("User", open(user, &fields)),
        ("Users", page_of("users", "User")),
        ("GroupMember", open(member, &fields)),
        ("GroupMembers", page_of("users", "GroupMember")),
        ("UserPermissions", open(permissions, &["organization", "projects", "because"])),
    ]
}

fn level() -> Value {
    json!({"type": "string", "enum": ["organization", "project"]})
}

fn groups() -> Vec<(&'static str, Value)> {
    let new_group = json!({"name": readable(limits::NAME_CHARS_MAX), "description": or_null(prose())});
    let update = json!({"name": or_null(readable(limits::NAME_CHARS_MAX)), "description": or_null(prose())});
    let group = json!({
        "id": {"type": "string"},
        "name": {"type": "string"},
        "description": {"type": "string"},
        "default": {"type": "boolean", "description": "Whether every organization has it; it can not be changed."},
        "created_at": or_null(time()),
        "member_count": count(),
        "roles": list("Assignment"),
    });
    let project = readable(actarium_core::limits::ID_CHARS_MAX);
    let assignment = json!({
        "role": {"type": "string"},
        "name": {"type": "string"},
        "level": level(),
        "projects": or_null(list_of(json!({"type": "string"}))),
    });
    let new_assignment = json!({
        "role": readable(limits::NAME_CHARS_MAX),
        "level": level(),
        "projects": or_null(texts(project, limits::PROJECTS_PER_ASSIGNMENT_MAX)),
    });
    vec![
        ("NewGroup", closed(new_group, &["name"])),
        ("GroupUpdate", closed(update, &[])),
        ("Group", open(group, &["id", "name", "description", "default", "member_count", "roles"])),
        ("Groups", page_of("groups", "Group")),
        ("NewMember", closed(json!({"user": readable(limits::NAME_CHARS_MAX)}), &["user"])),
        ("Assignment", open(assignment, &["role", "name", "level", "projects"])),
        ("NewAssignment", closed(new_assignment, &["role", "level"])),
        ("Assignments", open(json!({"roles": list("Assignment")}), &["roles"])),
    ]
}

fn roles() -> Vec<(&'static str, Value)> {
    let areas: Vec<_> = Area::ALL.iter().map(|area| area.name()).collect();
    let names: Vec<_> = areas.iter().copied().chain(Right::ALL.iter().map(|right| right.name())).collect();
    let chosen = texts(json!({"type": "string", "enum": names}), limits::FORM_LIST_ENTRIES_MAX);
    let new_role = json!({
        "name": readable(limits::NAME_CHARS_MAX),
        "description": or_null(prose()),
        "permissions": chosen,
    });
    let update = json!({
        "name": or_null(readable(limits::NAME_CHARS_MAX)),
        "description": or_null(prose()),
        "permissions": or_null(chosen.clone()),
    });
    let role = json!({
        "id": {"type": "string"},
        "name": {"type": "string"},
        "description": {"type": "string"},
        "default": {"type": "boolean", "description": "Whether every organization has it; it can not be changed."},
        "created_at": or_null(time()),
        "permissions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Areas and permissions as they were chosen; an area stands for all of it.",
        },
        "effective_permissions": list_of(right_name()),
        "groups": list_of(named()),
    });
    let permission = open(json!({"name": right_name(), "title": {"type": "string"}}), &["name", "title"]);
    let area = json!({
        "name": {"type": "string", "enum": areas},
        "title": {"type": "string"},
        "permissions": list_of(permission),
    });
    let permissions = json!({
        "areas": list_of(open(area, &["name", "title", "permissions"])),
        "default_roles": list_of(open(
            json!({
                "id": {"type": "string"},
                "name": {"type": "string"},
                "description": {"type": "string"},
                "permissions": list_of(right_name()),
            }),
            &["id", "name", "description", "permissions"],
        )),
    });
    vec![
        ("NewRole", closed(new_role, &["name", "permissions"])),
        ("RoleUpdate", closed(update, &[])),
        ("Role", open(role, &["id", "name", "description", "default", "permissions", "effective_permissions"])),
        ("Roles", page_of("roles", "Role")),
        ("Permissions", open(permissions, &["areas", "default_roles"])),
    ]
}
