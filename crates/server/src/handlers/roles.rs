//! `/v1/orgs/{org}/roles` and `/v1/permissions`: roles, and what they can be made of.

use actarium_core::text;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Area, Right, Rights};
use crate::answers::{created, json_answer, no_content};
use crate::directory::defaults::Default as DefaultRole;
use crate::directory::document::{Level, Role};
use crate::directory::{Edit, Effective, OrganizationAccess, RoleView, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds};
use crate::handlers::groups::{end_assignments, must_cover};
use crate::handlers::listing::{is_wanted, page};
use crate::handlers::losses::assignments_lost;
use crate::handlers::naming::{Naming, describing, must_be_free, renaming};
use crate::limits;
use crate::problem::{Kind, Problem};

fn shown(role: &RoleView) -> Value {
    let created_at = role.kept.as_ref().map(|kept| actarium_core::time::to_text(kept.created_at));
    json!({
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "default": role.kept.is_none(),
        "created_at": created_at,
        "permissions": role.permissions,
        "effective_permissions": role.rights.names(),
    })
}

fn shown_whole(access: &OrganizationAccess, role: &RoleView) -> Value {
    let mut shown = shown(role);
    let groups = access.groups_with(&role.id).into_iter().filter_map(|group| access.group(&group));
    shown["groups"] = groups.map(|group| json!({"id": group.id, "name": group.name})).collect();
    shown
}

/// A role as the target of a record.
pub fn role_target(role: &RoleView) -> Value {
    json!({"type": "role", "id": role.id, "name": role.name})
}

/// Lists every permission by area, and the default roles.
///
/// # Errors
/// None that are the client's.
pub fn permissions(_call: &Call) -> Result<Response, Problem> {
    let areas = Area::ALL.iter().map(|area| {
        let single = |right: Right| json!({"name": right.name(), "title": right.title()});
        let permissions: Vec<Value> = area.rights().iter().map(single).collect();
        json!({"name": area.name(), "title": area.title(), "permissions": permissions})
    });
    let roles = DefaultRole::ALL.iter().map(|role| {
        json!({
            "id": role.id(), "name": role.name(), "description": role.description(),
            "permissions": role.rights().names(),
        })
    });
    json_answer(&json!({"areas": areas.collect::<Vec<_>>(), "default_roles": roles.collect::<Vec<_>>()}))
}

/// Lists roles.
///
/// # Errors
/// 400 for a cursor that is none.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app.directory.read(|state| {
        let access = state.access(organization);
        let wanted = access.roles().filter(|role| is_wanted(call, &[&role.name, &role.description]));
        let entries = wanted.map(|role| {
            let rank = if role.kept.is_some() { '1' } else { '0' };
            (format!("{rank}{}\0{}", text::fold(&role.name), role.id), role)
        });
        page(call, "roles", entries.collect(), |role| shown_whole(access, role))
    })
}

fn role_of(access: &OrganizationAccess, id: &str) -> Result<RoleView, Problem> {
    access.role(id).ok_or_else(|| Problem::new(Kind::NotFound, "the organization has no such role"))
}

/// Shows a role with the groups that have it.
///
/// # Errors
/// 404 if there is none.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let shown = call.app.directory.read(|state| {
        let access = state.access(organization);
        Ok::<_, Problem>(shown_whole(access, &role_of(access, &call.id)?))
    })?;
    json_answer(&shown)
}

/// The fields of a role in a body, each if it is there.
struct Fields {
    naming: Naming,
    permissions: Option<(Vec<String>, Rights)>,
}

fn fields(body: &[u8], all_needed: bool) -> Result<Fields, Problem> {
    let known = [("name", Holds::Text), ("description", Holds::Text), ("permissions", Holds::Texts)];
    let mut form = Form::read_fields(body, &known)?;
    let naming = Naming::read(&mut form, all_needed);
    let permissions = form.list("permissions").map(|mut names| {
        names.sort();
        names.dedup();
        let rights = Rights::from_names(names.iter().map(String::as_str)).unwrap_or_else(|position| {
            let detail = format!(
                "`{}` is no area (such as LOG-MANAGEMENT) and no permission (such as audit_logs_view); GET \
                 /v1/permissions lists them",
                names[position].chars().take(64).collect::<String>()
            );
            form.refuse("/permissions", &detail);
            Rights::NONE
        });
        (names, rights)
    });
    if all_needed && permissions.is_none() {
        form.refuse("/permissions", "is needed: a list of areas and permissions; GET /v1/permissions lists them");
    }
    form.finish()?;
    Ok(Fields { naming, permissions })
}

fn name_must_be_free(access: &OrganizationAccess, name: &str, except: Option<&str>) -> Result<(), Problem> {
    must_be_free("role", access.roles().map(|role| (role.id, role.name)), name, except)
}

/// Makes a role.
///
/// # Errors
/// 422 for what is against the rules, 409 for a name that is taken, 403 for permissions that the caller does not hold.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let Fields { naming: Naming { name, description }, permissions } = fields(&read.bytes, true)?;
    let (permissions, rights) = permissions.unwrap_or_default();
    let id = call.new_id("rol");
    let created_at = call.app.clock.now();
    let role =
        Role { name: name.unwrap_or_default(), description: description.unwrap_or_default(), created_at, permissions };
    let app = call.app.clone();
    let shown = change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        name_must_be_free(access, &role.name, None)?;
        must_cover(&call.holds, &Effective::of(rights, &Level::Organization), "the role")?;
        if access.roles().count() >= limits::GROUPS_PER_ORGANIZATION_MAX {
            let detail =
                format!("the organization has {} roles, the most it may have", limits::GROUPS_PER_ORGANIZATION_MAX);
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let mut edit = Edit::default();
        edit.put(Some(organization), &id, None, &role)?;
        edit.touches_access(organization);
        let Role { name, description, permissions, .. } = role;
        let view = RoleView { id, name, description, permissions, rights, kept: None };
        let record = describing(call.record("role.create", role_target(&view)), "", &view.description);
        edit.record(organization, record.changing("/permissions", Value::Null, json!(view.permissions)));
        let mut shown = shown(&view);
        shown["default"] = json!(false);
        shown["created_at"] = json!(actarium_core::time::to_text(created_at));
        Ok((edit, shown))
    });
    created(&shown.await?)
}

/// Refuses to touch a role that holds more than the caller, or that a group has which does: a change of the role is one of what
/// the group's members hold.
fn must_be_within_reach(call: &Call, access: &OrganizationAccess, role: &RoleView) -> Result<(), Problem> {
    must_cover(&call.holds, &Effective::of(role.rights, &Level::Organization), "the role")?;
    let groups = access.groups_with(&role.id);
    groups.iter().try_for_each(|group| must_cover(&call.holds, &access.given_by(group), "a group with the role"))
}

/// Changes a role: its name and description too, for who gives it to others goes by these.
///
/// # Errors
/// 404 if there is none, 409 for a default role or a name that is taken, 422 for what is against the rules, 403 for
/// permissions that the caller does not hold, whether it has them or is to have them, or a group that has it.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let Fields { naming, permissions } = fields(&read.bytes, false)?;
    let app = call.app.clone();
    let shown = change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let role = role_of(access, &call.id)?;
        let Some(kept) = role.kept.clone() else {
            return Err(Problem::new(Kind::Conflict, "a default role can not be changed"));
        };
        must_be_within_reach(&call, access, &role)?;
        let mut after = kept.document.clone();
        naming.put_into((&mut after.name, &mut after.description), |name| {
            name_must_be_free(access, name, Some(&role.id))
        })?;
        let mut rights = role.rights;
        if let Some((permissions, chosen)) = permissions {
            // An area written out gives the same today and more tomorrow: compare what is named as well.
            let named = Rights::from_names(
                permissions.iter().filter(|name| !kept.permissions.contains(name)).map(String::as_str),
            );
            let added = chosen.without(role.rights).union(named.unwrap_or_default());
            must_cover(&call.holds, &Effective::of(added, &Level::Organization), "the role")?;
            (after.permissions, rights) = (permissions, chosen);
        }
        let mut edit = Edit::default();
        if after != kept.document {
            edit.put(Some(organization), &role.id, Some(&*kept), &after)?;
            edit.touches_access(organization);
            let record = call.record("role.update", role_target(&role));
            let (then, now) = ((&*kept.name, &*kept.description), (&*after.name, &*after.description));
            let record = renaming(record, then, now);
            let record = record.changing("/permissions", json!(kept.permissions), json!(after.permissions));
            edit.record(organization, record);
        }
        let Role { name, description, permissions, .. } = after;
        Ok((edit, shown_whole(access, &RoleView { name, description, permissions, rights, ..role })))
    });
    json_answer(&shown.await?)
}

/// Deletes a role and takes it from every group.
///
/// # Errors
/// 404 if there is none, 409 for a default role, 403 if it, or a group that has it, holds more than the caller.
pub async fn delete(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let role = role_of(access, &call.id)?;
        let Some(kept) = role.kept.clone() else {
            return Err(Problem::new(Kind::Conflict, "a default role can not be deleted"));
        };
        must_be_within_reach(&call, access, &role)?;
        let mut edit = Edit::default();
        edit.touches_access(organization);
        let groups = access.groups_with(&role.id);
        end_assignments(&mut edit, organization, groups.iter().filter_map(|group| access.assignment(group, &role.id)));
        edit.delete::<Role>(Some(organization), &role.id, kept.version);
        let record = call.record("role.delete", role_target(&role)).with("groups", groups.len());
        let record =
            describing(record, &kept.description, "").changing("/permissions", json!(kept.permissions), Value::Null);
        edit.record(organization, record.clone());
        let lost = groups.iter().filter_map(|group| {
            let level = access.assignment(group, &role.id)?.level.clone();
            Some((access.group(group)?, role.clone(), level))
        });
        assignments_lost(&mut edit, organization, &record, lost.collect());
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
