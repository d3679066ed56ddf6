//! `/v1/orgs/{org}/groups/{id}/roles`: the roles of groups, for the organization or for projects.
//!
//! Nobody changes what a group gives that holds more than they do: its members are above them, and would lose by it.

use std::collections::BTreeSet;
use std::sync::Arc;

use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answers::{created, json_answer, no_content};
use crate::directory::document::{GroupRole, Level, pair_id};
use crate::directory::{Edit, Effective, GroupView, OrganizationAccess, RoleView, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, readable};
use crate::handlers::groups::{group_of, group_target, must_cover};
use crate::handlers::losses::{Moves, records_of_projects};
use crate::handlers::roles::role_target;
use crate::limits;
use crate::problem::{Kind, Problem};

fn shown(role: &RoleView, level: &Level) -> Value {
    let projects = match level {
        Level::Organization => Value::Null,
        Level::Project { projects } => json!(projects),
    };
    json!({"role": role.id, "name": role.name, "level": level.name(), "projects": projects})
}

/// The roles of a group as the API shows them.
pub fn shown_assignments(access: &OrganizationAccess, group: &str) -> Vec<Value> {
    access.roles_of(group).iter().map(|(role, level)| shown(role, level)).collect()
}

/// Lists the roles of a group.
///
/// # Errors
/// 404 if there is no such group.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let roles = call.app.directory.read(|state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        Ok::<_, Problem>(shown_assignments(access, &group.id))
    })?;
    json_answer(&json!({ "roles": roles }))
}

/// Where a role holds: the organization, or each project.
fn places(level: Option<&Level>) -> BTreeSet<Option<&str>> {
    match level {
        None => BTreeSet::new(),
        Some(Level::Organization) => BTreeSet::from([None]),
        Some(Level::Project { projects }) => projects.iter().map(|project| Some(project.as_str())).collect(),
    }
}

/// Records what comes and goes when an assignment changes, each project by itself: who sees the log of some projects finds the
/// records with a target among these, and the others' names are not for them. Of very many, as many as fit stand in one record, which is
/// for who sees the whole log.
fn record(
    edit: &mut Edit,
    call: &Call,
    organization: OrganizationId,
    (group, role): (&GroupView, &RoleView),
    (before, after): (Option<&Level>, Option<&Level>),
) {
    let (before, after) = (places(before), places(after));
    let (come, go) = (&after - &before, &before - &after);
    let are_many = come.len() + go.len() > limits::PLACES_TOLD_APART_MAX;
    for (action, moves, those) in [("group.role.assign", Moves::Come, come), ("group.role.unassign", Moves::Go, go)] {
        let (projects, apart): (Vec<_>, Vec<_>) = those.into_iter().partition(|place| are_many && place.is_some());
        let record = call.record(action, group_target(group)).on(role_target(role));
        let projects: Vec<String> = projects.into_iter().flatten().map(str::to_owned).collect();
        records_of_projects(edit, organization, &record.clone().with("level", "project"), &projects, moves);
        for project in apart {
            let record = record.clone();
            edit.record(
                organization,
                match project {
                    None => record.with("level", Level::Organization.name()),
                    Some(id) => record.on(json!({"type": "project", "id": id})).with("level", "project"),
                },
            );
        }
    }
}

/// Reads the level of a body: `organization`, or `project` with the projects.
fn level_of(form: &mut Form) -> Level {
    let level = form.needed("level", |level| match level {
        "organization" | "project" => Ok(()),
        _ => Err("must be `organization` or `project`".into()),
    });
    let projects = form.list("projects");
    let chars_max = actarium_core::limits::ID_CHARS_MAX;
    for (index, project) in projects.iter().flatten().enumerate() {
        if let Err(allowed) = readable(project, chars_max) {
            form.refuse(&format!("/projects/{index}"), &allowed);
        }
    }
    match (level.as_str(), projects) {
        ("project", Some(mut projects)) if !projects.is_empty() => {
            projects.sort_unstable();
            projects.dedup();
            Level::Project { projects }
        }
        ("project", _) => {
            let projects_max = limits::PROJECTS_PER_ASSIGNMENT_MAX;
            form.refuse(
                "/projects",
                &format!("is needed with the level `project`: 1 to {projects_max} ids of projects"),
            );
            Level::Organization
        }
        (_, Some(_)) => {
            form.refuse("/projects", "belongs to the level `project` only");
            Level::Organization
        }
        (_, None) => Level::Organization,
    }
}

/// Gives a role to a group, or changes the level of one that it has.
///
/// # Errors
/// 404 if there is no such group, 422 for a role or level that is none, 403 for a role or a group that holds more than the
/// caller, 409 for the role of a default group's own name.
pub async fn assign(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let fields = [("role", Holds::Text), ("level", Holds::Text), ("projects", Holds::Texts)];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let role = form.needed("role", |role| readable(role, limits::NAME_CHARS_MAX));
    let level = level_of(&mut form);
    form.finish()?;
    let app = call.app.clone();
    let shown = change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        let Some(role) = access.role(&role) else {
            let problem = Problem::new(Kind::InvalidContent, "the content is against the rules");
            return Err(problem.with_error("/role", "must be the id of a role of the organization"));
        };
        if role.kept.is_none() && role.id == group.id {
            return Err(Problem::new(Kind::Conflict, "a default group has the role of its name, for the organization"));
        }
        // What the group has now covers the role as it is assigned; with what is given, all that it will have.
        must_cover(&call.holds, &access.given_by(&group.id), "the group")
            .and_then(|()| must_cover(&call.holds, &Effective::of(role.rights, &level), "the role"))
            .map_err(|problem| problem.about(role_target(&role)))?;
        let before = access.assignment(&group.id, &role.id).cloned();
        let mut edit = Edit::default();
        if before.as_ref().is_none_or(|before| before.level != level) {
            let document = GroupRole { level: level.clone(), assigned_at: call.app.clock.now() };
            edit.put(Some(organization), &pair_id(&group.id, &role.id), before.as_deref(), &document)?;
            edit.touches_access(organization);
            let levels = (before.as_ref().map(|before| &before.level), Some(&level));
            record(&mut edit, &call, organization, (&group, &role), levels);
        }
        Ok((edit, shown(&role, &level)))
    });
    created(&shown.await?)
}

/// Takes a role from a group.
///
/// # Errors
/// 404 if the group does not have it, 403 if the group holds more than the caller, 409 for a default group's own role or if
/// no administrator would stay.
pub async fn unassign(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    let call = Arc::new(call);
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let group = group_of(access, &call.id)?;
        let not_there = || Problem::new(Kind::NotFound, "the group does not have this role");
        let role = access.role(&call.member).ok_or_else(not_there)?;
        let Some(assignment) = access.assignment(&group.id, &role.id) else {
            if group.kept.is_none() && role.id == group.id {
                return Err(Problem::new(Kind::Conflict, "a default group keeps the role of its name"));
            }
            return Err(not_there());
        };
        must_cover(&call.holds, &access.given_by(&group.id), "the group")?;
        let mut edit = Edit::default();
        edit.touches_access(organization);
        edit.delete::<GroupRole>(Some(organization), &assignment.id, assignment.version);
        record(&mut edit, &call, organization, (&group, &role), (Some(&assignment.level), None));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
