//! What an organization's lists and single objects show, compared with what the test has made.

use std::collections::{BTreeMap, BTreeSet};

use actarium_server::routes::{Operation, Route};
use serde_json::{Value, json};

use super::asks::{Ids, request_of, sessions_of, tokens_of};
use super::model::{BY_PROJECT, Caller, Group, Held, Names, Organization, Role};
use super::world::{World, text, url_encoded};

fn ids(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(|entry| text(&entry["id"])).collect()
}

fn names(list: &Value) -> Names {
    list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(text).collect()
}

/// Everything of a list, page by page, each entry once.
fn every_page(world: &mut World, caller: &Caller, path: &str, name: &str) -> Vec<Value> {
    let limit = 1 + world.random.below(6);
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = world.send(caller, "GET", &format!("{path}{separator}limit={limit}{cursor}"), None);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        world.shows_nothing_foreign(&answer, path);
        let page = answer.json();
        let found = page[name].as_array().unwrap();
        assert!(found.len() <= limit);
        entries.extend(found.clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let distinct: BTreeSet<String> = entries.iter().map(|entry| text(&entry["id"])).collect();
    assert_eq!(distinct.len(), entries.len(), "{path}: an entry is there twice");
    entries
}

fn user_is_right(organization: &Organization, shown: &Value) {
    let id = text(&shown["id"]);
    assert_eq!(shown["active"], organization.members[&id], "{shown}");
    assert_eq!(shown["name"], *organization.called[&id], "{shown}");
    let groups = organization.groups.iter().filter(|(_, group)| group.members.contains(&id));
    assert_eq!(ids(&shown["groups"]), groups.map(|(id, _)| id.clone()).collect(), "{shown}");
}

fn users_are_right<'a>(organization: &Organization, shown: &[Value], expected: impl Iterator<Item = &'a String>) {
    assert_eq!(ids(&json!(shown)), expected.cloned().collect());
    shown.iter().for_each(|user| user_is_right(organization, user));
}

fn assignments_are_right(group: &Group, shown: &Value) {
    let shown: BTreeMap<String, Option<Names>> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|role| {
            let projects = &role["projects"];
            assert_eq!(projects.is_null(), role["level"] == "organization", "{role}");
            (text(&role["role"]), projects.as_array().map(|list| list.iter().map(text).collect()))
        })
        .collect();
    assert_eq!(shown, group.roles);
}

fn group_is_right(organization: &Organization, shown: &Value) {
    let group = &organization.groups[shown["id"].as_str().unwrap()];
    assert_eq!((&shown["name"], &shown["member_count"]), (&json!(group.name), &json!(group.members.len())), "{shown}");
    assignments_are_right(group, &shown["roles"]);
}

fn role_is_right(world: &World, organization: &Organization, shown: &Value) {
    let id = shown["id"].as_str().unwrap();
    let Role { name, .. } = &organization.roles[id];
    assert_eq!(shown["name"], **name);
    assert_eq!(names(&shown["effective_permissions"]), organization.role_gives(&world.page, id));
    if let Some(groups) = shown.get("groups") {
        let with = organization.groups.iter().filter(|(_, group)| group.roles.contains_key(id));
        assert_eq!(ids(groups), with.map(|(id, _)| id.clone()).collect(), "{shown}");
    }
}

fn permissions_are_right(world: &World, organization: &Organization, user: &str, shown: &Value) {
    let held = match organization.members[user] {
        true => organization.groups_give(&world.page, user),
        false => Held::default(),
    };
    assert_eq!(names(&shown["organization"]), held.all);
    let projects = shown["projects"].as_object().unwrap().iter();
    let projects: BTreeMap<String, Names> = projects.map(|(id, shown)| (id.clone(), names(shown))).collect();
    // By project counts what is seen of the log, and nothing else.
    let counts = |held: Names| held.into_iter().filter(|name| BY_PROJECT.contains(&name.as_str())).collect();
    let by_project: BTreeMap<String, Names> =
        held.projects.into_iter().map(|(project, held)| (project, counts(held))).collect();
    assert_eq!(projects, by_project);
}

fn scim_lists(shown: &Value, expected: BTreeSet<String>) {
    assert_eq!(shown["totalResults"], json!(expected.len()), "{shown}");
    assert_eq!(ids(&shown["Resources"]), expected);
}

/// Looks at what a route shows to somebody who is let through.
///
/// # Panics
/// If it is not what the model says, or if the test does not know what the route shows.
pub fn look(world: &mut World, route: &Route, caller: &Caller, of: usize) {
    let ids_here = Ids::of(world, of);
    let (path, body) = request_of(route, &world.organizations[of].slug, &ids_here);
    match route.operation {
        Operation::UserList | Operation::GroupMembers | Operation::GroupList | Operation::RoleList => {
            return look_at_list(world, route, caller, of, (&path, &ids_here));
        }
        _ => {}
    }
    let answer = world.send(caller, route.method.name(), &path, body.as_ref());
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    world.shows_only(&answer, of, &path);
    let (organization, shown) = (&world.organizations[of], answer.json());
    let all_users = || organization.members.keys().cloned();
    let all_groups = || organization.groups.keys().cloned();
    match route.operation {
        Operation::OrganizationView => {
            let Organization { slug, name, id, .. } = organization;
            assert_eq!((&shown["slug"], &shown["name"], &shown["id"]), (&json!(slug), &json!(name), &json!(id)));
        }
        Operation::UserView => user_is_right(organization, &shown),
        Operation::UserPermissions => permissions_are_right(world, organization, &ids_here.user, &shown),
        Operation::UserSessions => {
            assert_eq!(ids(&shown["sessions"]), sessions_of(world, &ids_here.user, of).collect());
        }
        Operation::UserTokens => {
            assert_eq!(ids(&shown["tokens"]), tokens_of(world, &ids_here.user, of).collect());
        }
        Operation::GroupView => group_is_right(organization, &shown),
        Operation::GroupRoles => assignments_are_right(&organization.groups[&ids_here.group], &shown["roles"]),
        Operation::RoleView => role_is_right(world, organization, &shown),
        Operation::KeyList => assert_eq!(ids(&shown["keys"]), organization.keys),
        Operation::KeyView => assert_eq!(shown["id"], *ids_here.key),
        Operation::ScimTokenList => assert_eq!(ids(&shown["tokens"]), organization.scim_tokens),
        Operation::IdentityProviderList => {
            assert_eq!(ids(&shown["identity_providers"]), organization.providers);
        }
        Operation::InvitationList => assert_eq!(ids(&shown["invitations"]), organization.invitations),
        Operation::InvitationView => assert_eq!(shown["id"], *ids_here.invitation),
        Operation::IdentityProviderView => assert_eq!(shown["id"], *ids_here.provider),
        Operation::SignInView => {
            assert_eq!(shown["joining_domains"], json!([format!("{}.example", organization.marker)]));
        }
        // Every organization has what holds for all, and none has chosen or held anything.
        Operation::RetentionView => assert_eq!((&shown["hot_days"], &shown["pending"]), (&json!(365), &json!(null))),
        Operation::RetentionPlan => assert_eq!(shown["purged"]["events"], 0),
        Operation::ErasureList => assert_eq!(ids(&shown["erasures"]), [organization.erasure.clone()].into()),
        Operation::RedactionList => assert_eq!(ids(&shown["redactions"]), [organization.redaction.clone()].into()),
        Operation::ErasureView => assert_eq!(shown["id"], *organization.erasure),
        Operation::RedactionView => assert_eq!(shown["id"], *organization.redaction),
        Operation::LegalHoldList => assert_eq!(shown, json!({"legal_holds": []})),
        Operation::ScimUserList | Operation::ScimUserSearch => scim_lists(&shown, all_users().collect()),
        Operation::ScimGroupList | Operation::ScimGroupSearch => scim_lists(&shown, all_groups().collect()),
        Operation::ScimSearch => scim_lists(&shown, all_users().chain(all_groups()).collect()),
        Operation::ScimUserView => {
            assert_eq!(
                (&shown["id"], &shown["active"]),
                (&json!(ids_here.user), &json!(organization.members[&ids_here.user]))
            );
        }
        Operation::ScimGroupView => {
            let members = shown["members"].as_array().cloned().unwrap_or_default();
            let members: Names = members.iter().map(|member| text(&member["value"])).collect();
            assert_eq!(members, organization.groups[&ids_here.group].members);
        }
        Operation::ScimServiceProviderConfig
        | Operation::ScimResourceTypes
        | Operation::ScimResourceType
        | Operation::ScimSchemas
        | Operation::ScimSchema => {}
        other => panic!("{other:?} shows something; say here what it ought to be"),
    }
}

fn look_at_list(world: &mut World, route: &Route, caller: &Caller, of: usize, (path, about): (&str, &Ids)) {
    let word = match world.random.below(3) {
        0 => Some(world.organizations[of].marker.clone()),
        1 => Some(world.random.one(&world.people).marker.clone()),
        _ => None,
    };
    let path = word.as_ref().map_or_else(|| path.to_owned(), |word| format!("{path}?search={}", url_encoded(word)));
    let name = match route.operation {
        Operation::GroupList => "groups",
        Operation::RoleList => "roles",
        _ => "users",
    };
    let shown = every_page(world, caller, &path, name);
    let organization = &world.organizations[of];
    let wanted = |texts: &[&str]| word.as_ref().is_none_or(|word| texts.iter().any(|text| text.contains(word)));
    let user_is_wanted = |user: &&String| {
        let person = world.people.iter().find(|person| person.id == **user).unwrap();
        wanted(&[&organization.called[*user], &person.marker])
    };
    match route.operation {
        Operation::UserList => {
            users_are_right(organization, &shown, organization.members.keys().filter(user_is_wanted))
        }
        Operation::GroupMembers => {
            let members = organization.groups[&about.group].members.iter().filter(user_is_wanted);
            users_are_right(organization, &shown, members);
        }
        Operation::GroupList => {
            let groups = organization.groups.iter().filter(|(_, group)| wanted(&[&group.name]));
            assert_eq!(ids(&json!(shown)), groups.map(|(id, _)| id.clone()).collect());
            shown.iter().for_each(|group| group_is_right(organization, group));
        }
        _ => {
            let roles = organization.roles.iter().filter(|(_, role)| wanted(&[&role.name]));
            assert_eq!(ids(&json!(shown)), roles.map(|(id, _)| id.clone()).collect());
            shown.iter().for_each(|role| role_is_right(world, organization, role));
        }
    }
}
