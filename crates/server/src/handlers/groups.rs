//! `/v1/orgs/{org}/groups`: groups and who is in them.
//!
//! Nobody changes who is in a group that holds more than they do: neither may they raise themselves by it, nor take rights
//! from somebody above them.

use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_core::text;
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answers::{created, json_answer, no_content};
use crate::directory::document::{Group, GroupMember, GroupRole, pair_id};
use crate::directory::scim_token::needed_to_make;
use crate::directory::{Edit, Effective, GroupView, Kept, OrganizationAccess, State, change};
use crate::dispatch::Call;
use crate::form::{Form, readable};
use crate::handlers::assignments::shown_assignments;
use crate::handlers::listing::{is_wanted, page};
use crate::handlers::losses::{assignments_lost, members_lost};
use crate::handlers::naming::{Naming, describing, must_be_free, renaming};
use crate::handlers::users::{list_users, user_target};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;

/// A group as the API shows it.
pub fn shown(access: &OrganizationAccess, group: &GroupView) -> Value {
    let created_at = group.kept.as_ref().map(|kept| actarium_core::time::to_text(kept.created_at));
    json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "default": group.kept.is_none(),
        "created_at": created_at,
        "member_count": access.member_count(&group.id),
        "roles": shown_assignments(access, &group.id),
    })
}

/// A group as the target of a record.
pub fn group_target(group: &GroupView) -> Value {
    json!({"type": "group", "id": group.id, "name": group.name})
}

/// The group with this id.
///
/// # Errors
/// 404 if there is none.
pub fn group_of(access: &OrganizationAccess, id: &str) -> Result<GroupView, Problem> {
    access.group(id).ok_or_else(|| Problem::new(Kind::NotFound, "the organization has no such group"))
}

/// Refuses to give, or to touch, what the caller does not hold.
///
/// # Errors
/// 403.
pub fn must_cover(holds: &Effective, given: &Effective, what: &str) -> Result<(), Problem> {
    if holds.covers(given) {
        return Ok(());
    }
    let missing = given.organization.without(holds.organization).names();
    let which = if missing.is_empty() { "some for a project".to_owned() } else { missing.join(", ") };
    Err(Problem::new(Kind::Forbidden, format!("{what} holds permissions that you do not: {which}")))
}

/// Lists groups.
///
/// # Errors
/// 400 for a cursor that is none.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app.directory.read(|state| {
        let access = state.access(organization);
        let wanted = access.groups().filter(|group| is_wanted(call, &[&group.name, &group.description]));
        let entries = wanted.map(|group| {
            let rank = if group.kept.is_some() { '1' } else { '0' };
            (format!("{rank}{}\0{}", text::fold(&group.name), group.id), group)
        });
        page(call, "groups", entries.collect(), |group| shown(access, group))
    })
}

/// Shows a group.
///
/// # Errors
/// 404 if there is none.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let shown = call.app.directory.read(|state| {
        let access = state.access(organization);
        Ok::<_, Problem>(shown(access, &group_of(access, &call.id)?))
    })?;
    json_answer(&shown)
}

/// Lists who is in a group.
///
/// # Errors
/// 404 if there is no such group, 400 for a cursor that is none.
pub fn members(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app.directory.read(|state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        list_users(call, state, organization, access.members_of(&group.id))
    })
}

fn name_must_be_free(access: &OrganizationAccess, name: &str, except: Option<&str>) -> Result<(), Problem> {
    must_be_free("group", access.groups().map(|group| (group.id, group.name)), name, except)
}

/// Makes a group.
///
/// # Errors
/// 422 for a name or description against the rules, 409 for a name that is taken.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["name", "description"])?;
    let Naming { name, description } = Naming::read(&mut form, true);
    form.finish()?;
    let id = call.new_id("grp");
    let created_at = call.app.clock.now();
    let (name, description) = (name.unwrap_or_default(), description.unwrap_or_default());
    let group = Group { name, description, created_at, external_id: None, provisioned: false };
    let app = call.app.clone();
    let shown = change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        name_must_be_free(access, &group.name, None)?;
        if access.groups().count() >= limits::GROUPS_PER_ORGANIZATION_MAX {
            let detail =
                format!("the organization has {} groups, the most it may have", limits::GROUPS_PER_ORGANIZATION_MAX);
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let mut edit = Edit::default();
        edit.put(Some(organization), &id, None, &group)?;
        edit.touches_access(organization);
        let view = GroupView { id, name: group.name, description: group.description, kept: None };
        edit.record(organization, describing(call.record("group.create", group_target(&view)), "", &view.description));
        let created_at = actarium_core::time::to_text(created_at);
        Ok((
            edit,
            json!({
                "id": view.id, "name": view.name, "description": view.description, "default": false,
                "created_at": created_at, "member_count": 0, "roles": [],
            }),
        ))
    });
    created(&shown.await?)
}

/// Changes a group's name or description: who gives it away to others goes by these.
///
/// # Errors
/// 404 if there is none, 403 if it holds more than the caller, 409 for a default group or a name that is taken, 422 for what is
/// against the rules.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["name", "description"])?;
    let naming = Naming::read(&mut form, false);
    form.finish()?;
    let app = call.app.clone();
    let shown = change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        let Some(kept) = group.kept.clone() else {
            return Err(Problem::new(Kind::Conflict, "a default group can not be changed"));
        };
        must_cover(&call.holds, &access.given_by(&group.id), "the group")?;
        let mut after = kept.document.clone();
        naming.put_into((&mut after.name, &mut after.description), |name| {
            name_must_be_free(access, name, Some(&group.id))
        })?;
        let mut edit = Edit::default();
        if after != kept.document {
            edit.put(Some(organization), &group.id, Some(&*kept), &after)?;
            edit.touches_access(organization);
            let record = call.record("group.update", group_target(&group));
            let (before, after) = ((&*kept.name, &*kept.description), (&*after.name, &*after.description));
            edit.record(organization, renaming(record, before, after));
        }
        let mut shown = shown(access, &group);
        (shown["name"], shown["description"]) = (json!(after.name), json!(after.description));
        Ok((edit, shown))
    });
    json_answer(&shown.await?)
}

/// Deletes a group with its memberships and assignments.
///
/// # Errors
/// 404 if there is none, 403 if it holds more than the caller, 409 for a default group or if no administrator would stay.
pub async fn delete(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        Ok((ended(&call, organization, access, &group)?, ()))
    })
    .await?;
    Ok(no_content())
}

/// The change by which a group is none any more, with its memberships and assignments, and a record of each.
///
/// # Errors
/// 403 if it holds more than the caller, 409 for a default group.
pub fn ended(
    call: &Call,
    organization: OrganizationId,
    access: &OrganizationAccess,
    group: &GroupView,
) -> Result<Edit, Problem> {
    must_cover(&call.holds, &access.given_by(&group.id), "the group")?;
    let Some(kept) = &group.kept else {
        return Err(Problem::new(Kind::Conflict, "a default group can not be deleted"));
    };
    let mut edit = Edit::default();
    edit.touches_access(organization);
    let members: Vec<&String> = access.members_of(&group.id).collect();
    for user in &members {
        let version = access.group_member_version(&group.id, user).unwrap_or_default();
        edit.delete::<GroupMember>(Some(organization), &pair_id(&group.id, user), version);
    }
    let roles = access.roles_of(&group.id);
    end_assignments(&mut edit, organization, access.stored_roles_of(&group.id).map(|(_, assignment)| assignment));
    edit.delete::<Group>(Some(organization), &group.id, kept.version);
    let record = call.record("group.delete", group_target(group)).with("members", members.len());
    let record = describing(record.with("roles", roles.len()), &kept.description, "");
    edit.record(organization, record.clone());
    members_lost(&mut edit, organization, &record, group, &members);
    let lost = roles.into_iter().map(|(role, level)| (group.clone(), role, level));
    assignments_lost(&mut edit, organization, &record, lost.collect());
    Ok(edit)
}

/// Writes that roles are no longer assigned, because the group or the role that these are assignments of goes.
pub fn end_assignments<'a>(
    edit: &mut Edit,
    organization: OrganizationId,
    assignments: impl Iterator<Item = &'a Arc<Kept<GroupRole>>>,
) {
    for assignment in assignments {
        edit.delete::<GroupRole>(Some(organization), &assignment.id, assignment.version);
    }
}

/// Who is in a group that the directory keeps, or that a provider fills, is theirs to say, and what it will be given is meant for
/// those: beside them only who holds everything changes it.
///
/// # Errors
/// 403 for everybody else.
pub fn must_be_ours_to_fill(
    state: &State,
    organization: OrganizationId,
    group: &GroupView,
    holds: &Effective,
) -> Result<(), Problem> {
    let Some(kept) = &group.kept else { return Ok(()) };
    let mut providers = state.sign_in(organization).providers();
    if !kept.is_provisioned()
        && !providers.any(|provider| provider.group_mapping.values().any(|groups| groups.contains(&group.id)))
    {
        return Ok(());
    }
    must_cover(holds, &needed_to_make(), "who may change beside the directory or provider who is in the group")
        .map_err(|problem| problem.about(group_target(group)))
}

/// Puts a member of the organization into a group.
///
/// # Errors
/// 404 if there is no such group, 422 for a user who is no member of the organization, 403 if the group holds more than
/// the caller.
pub async fn add_member(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["user"])?;
    let user = form.needed("user", |user| readable(user, limits::NAME_CHARS_MAX));
    form.finish()?;
    let app = call.app.clone();
    let call = Arc::new(call);
    let by = call.clone();
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let group = group_of(access, &by.id)?;
        if access.member(&user).is_none() {
            let problem = Problem::new(Kind::InvalidContent, "the content is against the rules");
            return Err(problem.with_error("/user", "must be the id of a user of the organization"));
        }
        must_be_ours_to_fill(state, organization, &group, &by.holds)?;
        let mut edit = Edit::default();
        let record = by.record("group.member.add", group_target(&group));
        join(&mut edit, state, organization, (&group, &user, by.app.clock.now()), &by.holds, record)?;
        Ok((edit, ()))
    })
    .await?;
    let shown = app.directory.read(|state| {
        let access = state.access(organization);
        group_of(access, &call.id).map(|group| shown(access, &group))
    })?;
    created(&shown)
}

/// Writes that a user is in a group, unless they are already.
///
/// # Errors
/// 403 if the group holds more than the one who does it.
pub fn join(
    edit: &mut Edit,
    state: &State,
    organization: OrganizationId,
    (group, user, now): (&GroupView, &str, Micros),
    holds: &Effective,
    mut record: OwnRecord,
) -> Result<(), Problem> {
    let access = state.access(organization);
    must_cover(holds, &access.given_by(&group.id), "the group")
        .map_err(|problem| problem.about(user_target(state, organization, user)))?;
    if access.group_member_version(&group.id, user).is_some() {
        return Ok(());
    }
    edit.put(Some(organization), &pair_id(&group.id, user), None, &GroupMember { added_at: now, mapped_by: None })?;
    edit.touches_access(organization);
    record.targets = vec![group_target(group), user_target(state, organization, user)];
    edit.record(organization, record);
    Ok(())
}

/// Takes a member out of a group.
///
/// # Errors
/// 404 if they are not in it, 403 if the group holds more than the caller, 409 if no administrator would stay.
pub async fn remove_member(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        let Some(version) = access.group_member_version(&group.id, &call.member) else {
            return Err(Problem::new(Kind::NotFound, "the user is not in the group"));
        };
        must_cover(&call.holds, &access.given_by(&group.id), "the group")?;
        must_be_ours_to_fill(state, organization, &group, &call.holds)?;
        let mut edit = Edit::default();
        edit.touches_access(organization);
        edit.delete::<GroupMember>(Some(organization), &pair_id(&group.id, &call.member), version);
        let record = call.record("group.member.remove", group_target(&group));
        edit.record(organization, record.on(user_target(state, organization, &call.member)));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
