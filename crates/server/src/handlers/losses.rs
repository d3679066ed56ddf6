//! What goes with a group, a role or a member, on record: whoever loses something by it is named, as if it had been taken by
//! itself. The records come behind that of the deletion, in the same commit, and say that it brought them about.
//!
//! Each membership and each assignment has a record of its own; where very many go at once, a record names as many members as
//! it may have targets, and an assignment for projects names them all in one.

use actarium_core::limits::TARGETS_MAX;
use actarium_store::OrganizationId;
use serde_json::{Value, json};

use crate::directory::document::Level;
use crate::directory::personal::Session;
use crate::directory::{Edit, GroupView, Kept, OrganizationAccess, RoleView, session_ended};
use crate::handlers::groups::group_target;
use crate::handlers::roles::role_target;
use crate::limits;
use crate::recorder::OwnRecord;

/// A user as a target; their name in the organization is added when the change is made.
fn user_target(user: &str) -> Value {
    json!({"type": "user", "id": user})
}

/// Records who was in a group that goes.
pub fn members_lost(
    edit: &mut Edit,
    organization: OrganizationId,
    cause: &OwnRecord,
    group: &GroupView,
    members: &[&String],
) {
    let together = if members.len() > limits::LOSSES_TOLD_APART_MAX { TARGETS_MAX - 1 } else { 1 };
    for users in members.chunks(together) {
        let targets = std::iter::once(group_target(group)).chain(users.iter().map(|user| user_target(user)));
        let record = cause.brought_about("group.member.remove", targets.collect());
        edit.record(organization, if together > 1 { record.with("members", users.len()) } else { record });
    }
}

/// Records which sessions end with what brought them about.
pub fn sessions_lost(edit: &mut Edit, organization: OrganizationId, cause: &OwnRecord, sessions: &[&Kept<Session>]) {
    // Each with its user.
    let together = if sessions.len() > limits::LOSSES_TOLD_APART_MAX { TARGETS_MAX / 2 } else { 1 };
    for some in sessions.chunks(together) {
        let targets = some.iter().flat_map(|session| session_ended(cause, session).targets);
        let record = cause.brought_about("session.revoke", targets.collect());
        edit.record(organization, if together > 1 { record.with("sessions", some.len()) } else { record });
    }
}

/// Records which groups somebody was in who goes.
pub fn memberships_lost(
    edit: &mut Edit,
    access: &OrganizationAccess,
    organization: OrganizationId,
    cause: &OwnRecord,
    user: &str,
) {
    for group in access.groups_of(user).filter_map(|group| access.group(group)) {
        let targets = vec![group_target(&group), user_target(user)];
        edit.record(organization, cause.brought_about("group.member.remove", targets));
    }
}

/// Records which roles groups had, where the group or the role goes. Each project by itself, as when they are taken: who
/// sees the log of one learns nothing of the others.
pub fn assignments_lost(
    edit: &mut Edit,
    organization: OrganizationId,
    cause: &OwnRecord,
    lost: Vec<(GroupView, RoleView, Level)>,
) {
    let places: usize = lost.iter().map(|(_, _, level)| places(level)).sum();
    for (group, role, level) in lost {
        let record = cause.brought_about("group.role.unassign", vec![group_target(&group), role_target(&role)]);
        let record = record.with("level", level.name());
        match level {
            Level::Organization => edit.record(organization, record),
            Level::Project { projects } if places <= limits::LOSSES_TOLD_APART_MAX => {
                for project in projects {
                    edit.record(organization, record.clone().on(json!({"type": "project", "id": project})));
                }
            }
            Level::Project { projects } => records_of_projects(edit, organization, &record, &projects, Moves::Go),
        }
    }
}

/// Whether projects come to an assignment or go from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// They come.
    Come,
    /// They go.
    Go,
}

/// Records in few records that very many projects come to an assignment or go from it, each of them named. They have no project as
/// a target: who sees the log of one would learn of the others.
pub fn records_of_projects(
    edit: &mut Edit,
    organization: OrganizationId,
    record: &OwnRecord,
    projects: &[String],
    moves: Moves,
) {
    let mut rest = projects;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take_while(|project| {
            bytes += json!(project).to_string().len() + 1;
            bytes <= limits::PLACES_TOLD_BYTES_MAX
        });
        let (some, left) = rest.split_at(fit.count().max(1));
        let mut record = record.clone().with("projects", some.len());
        let (before, after) = if moves == Moves::Come { (&[][..], some) } else { (some, &[][..]) };
        record.changes.push(json!({"path": "/projects", "before": before, "after": after}));
        edit.record(organization, record);
        rest = left;
    }
}

/// In how many places a role holds.
fn places(level: &Level) -> usize {
    match level {
        Level::Organization => 1,
        Level::Project { projects } => projects.len(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actarium_store::SystemClock;

    use super::*;
    use crate::access::Rights;

    const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);

    fn cause() -> OwnRecord {
        let actor = json!({"type": "user", "id": "usr_ada"});
        OwnRecord::new("group.delete", actor, json!({"type": "group", "id": "grp_1"}))
    }

    fn group(number: usize) -> GroupView {
        GroupView { id: format!("grp_{number}"), name: "All".into(), description: String::new(), kept: None }
    }

    fn role() -> RoleView {
        let (name, description) = ("Reader".to_owned(), String::new());
        RoleView { id: "rol_1".into(), name, description, permissions: Vec::new(), rights: Rights::NONE, kept: None }
    }

    /// The ids of the targets of a type that the records name, each record being one that can be written.
    fn named(edit: &Edit, kind: &str) -> Vec<String> {
        let clock = SystemClock::new();
        let of_type = |record: &OwnRecord| -> Vec<String> {
            record.encode(&clock).unwrap();
            assert_eq!(record.metadata["because"], "group.delete");
            let targets = record.targets.iter().filter(|target| target["type"] == kind);
            targets.map(|target| target["id"].as_str().unwrap().to_owned()).collect()
        };
        edit.recorded().flat_map(of_type).collect()
    }

    #[test]
    fn every_member_of_a_group_is_named_however_many_there_are() {
        for (count, records) in [(3, 3), (limits::LOSSES_TOLD_APART_MAX, 1000), (10_000, 667)] {
            let users: Vec<String> = (0..count).map(|number| format!("usr_{number:016}")).collect();
            let mut edit = Edit::default();
            members_lost(&mut edit, ORGANIZATION, &cause(), &group(1), &users.iter().collect::<Vec<_>>());
            assert_eq!(edit.recorded().count(), records);
            assert_eq!(named(&edit, "user"), users);
        }
    }

    #[test]
    fn every_project_of_an_assignment_is_told_by_itself_unless_there_are_very_many() {
        let projects = |count: usize| -> Vec<String> { (0..count).map(|number| format!("p-{number}")).collect() };
        let lost = |groups: usize, count: usize| {
            let level = || Level::Project { projects: projects(count) };
            let mut edit = Edit::default();
            let lost = (0..groups).map(|number| (group(number), role(), level())).collect();
            assignments_lost(&mut edit, ORGANIZATION, &cause(), lost);
            edit
        };
        let few = lost(2, 3);
        assert_eq!(named(&few, "project").into_iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(few.recorded().count(), 6);
        let many = lost(20, limits::PROJECTS_PER_ASSIGNMENT_MAX);
        assert_eq!(many.recorded().count(), 20);
        assert!(named(&many, "project").is_empty(), "who sees one project's log would learn of the others");
        let first = many.recorded().next().unwrap();
        assert_eq!((&first.metadata["projects"], &first.changes[0]["path"]), (&json!(1000), &json!("/projects")));
        assert_eq!(first.changes[0]["before"].as_array().unwrap().len(), 1000, "all of them are named");
    }

    #[test]
    fn projects_that_do_not_fit_into_one_record_are_named_in_several() {
        let projects: Vec<String> = (0..1000).map(|number| format!("{number:0>1024}")).collect();
        let mut edit = Edit::default();
        records_of_projects(&mut edit, ORGANIZATION, &cause(), &projects, Moves::Come);
        let clock = SystemClock::new();
        let told = |record: &OwnRecord| {
            record.encode(&clock).unwrap();
            record.changes[0]["after"].as_array().unwrap().clone()
        };
        assert_eq!(edit.recorded().flat_map(told).collect::<Vec<_>>(), projects);
        assert!(edit.recorded().count() < 60, "{}", edit.recorded().count());
    }

    #[test]
    fn every_session_that_ends_is_named_with_its_user() {
        let session = |number: usize| {
            let document = json!({
                "user": format!("usr_{number}"), "sha256": "", "created_at": 1, "last_used_at": 1, "method": "sso",
            });
            Kept { id: format!("ses_{number}"), version: 1, document: serde_json::from_value(document).unwrap() }
        };
        for (count, records) in [(2, 2), (2000, 250)] {
            let sessions: Vec<Kept<Session>> = (0..count).map(session).collect();
            let mut edit = Edit::default();
            sessions_lost(&mut edit, ORGANIZATION, &cause(), &sessions.iter().collect::<Vec<_>>());
            assert_eq!(edit.recorded().count(), records);
            assert_eq!((named(&edit, "session").len(), named(&edit, "user").len()), (count, count));
        }
    }
}
