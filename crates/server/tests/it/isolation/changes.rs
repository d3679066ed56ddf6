//! Random changes of who may do what, made by random callers, with the answer that each ought to get. What is let through
//! is written down in the model.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::model::{Caller, Held, Names, Seen, Who, is_default, judge};
use super::world::{World, assignment, text};

/// A change that somebody asks for.
struct Change {
    method: &'static str,
    /// The route, as `docs/PERMISSIONS.md` names it.
    route: &'static str,
    /// What follows the organization in the path.
    path: String,
    body: Option<Value>,
}

/// Whether somebody holds all that a role gives, and all that every group holds which has it.
fn covers_role(world: &World, of: usize, holds: &Held, role: &str) -> bool {
    let organization = &world.organizations[of];
    let mut groups = organization.groups.iter().filter(|(_, group)| group.roles.contains_key(role));
    holds.covers(&Held::of(&organization.role_gives(&world.page, role), None))
        && groups.all(|(group, _)| holds.covers(&organization.group_gives(&world.page, group)))
}

impl World {
    /// Lets a random caller ask for a random change in a random organization.
    pub fn change(&mut self) {
        let by = self.random.below(self.callers.len());
        // Most callers may do nothing at all; those who may do much come more often.
        let of = self.random.below(self.organizations.len());
        let by = match self.random.below(10) {
            0..3 => self.operator,
            3..7 => self.some_manager(of).unwrap_or(by),
            _ => by,
        };
        match self.random.below(21) {
            0..4 => self.add_member(by, of),
            4..7 => self.remove_member(by, of),
            7..10 => self.assign(by, of),
            10..12 => self.unassign(by, of),
            12..14 => self.switch_user(by, of),
            14 => self.change_role(by, of),
            15 => self.rename(by, of),
            16 => self.remove_user(by, of),
            17 => self.revoke_key(by, of),
            18 => self.end_session(by, of),
            19 => self.end_token(by, of),
            _ => self.revoke_token(),
        }
    }

    /// Somebody who is let through to something of what changes do.
    fn some_manager(&mut self, of: usize) -> Option<usize> {
        let manages = |caller: &Caller| {
            let held = self.holds(caller, of).all;
            caller.alive && ["groups_manage", "roles_manage", "users_update"].iter().any(|name| held.contains(*name))
        };
        let places: Vec<usize> = (0..self.callers.len()).filter(|place| manages(&self.callers[*place])).collect();
        if places.is_empty() { None } else { Some(*self.random.one(&places)) }
    }

    /// Asks, and checks the status: that of the route's permission if it refuses, else what the change itself ought to
    /// be answered with. Whether it was made.
    fn ask(&mut self, by: usize, of: usize, change: &Change, ought: impl FnOnce(&World, &Held) -> u16) -> bool {
        for person in self.people.iter_mut().filter(|person| change.path.contains(&person.id)) {
            person.asked_for_in.insert(of);
        }
        let caller = &self.callers[by];
        let asked = &self.page.asked[&format!("{} {}", change.method, change.route)];
        let expected = match judge(&self.page, &self.organizations, caller, Some(of), asked) {
            Err(refused) => refused,
            Ok(Seen::Everything) => ought(self, &self.holds(caller, of)),
            Ok(other) => panic!("{asked} is held for {other:?}"),
        };
        let path = format!("/v1/orgs/{}/{}", self.organizations[of].slug, change.path);
        let answer = self.send(caller, change.method, &path, change.body.as_ref());
        let told = format!("{} {path} {:?} by {:?}: {answer:?}", change.method, change.body, caller.who);
        assert_eq!(answer.status, expected, "{told}");
        self.shows_nothing_foreign_for(&answer, caller, Some(of), &told);
        *self.asked_so_far.entry(format!("{} {}: {}", change.method, change.route, answer.status)).or_default() += 1;
        answer.status < 300
    }

    fn some_user(&mut self) -> String {
        self.random.one(&self.people).id.clone()
    }

    fn some_group(&mut self, of: usize) -> String {
        let groups: Vec<String> = self.organizations[of].groups.keys().cloned().collect();
        self.random.one(&groups).clone()
    }

    fn some_role(&mut self, of: usize) -> String {
        let roles: Vec<String> = self.organizations[of].roles.keys().cloned().collect();
        self.random.one(&roles).clone()
    }

    /// What a change of who holds what is answered with: 409 if no administrator would stay, or none who can sign in, or if an account
    /// would gain what somebody who knows its password does not hold.
    fn if_kept(&self, of: usize, change: impl FnOnce(&mut super::model::Organization)) -> u16 {
        let organization = &self.organizations[of];
        let mut after = super::model::Organization {
            members: organization.members.clone(),
            groups: organization.groups.clone(),
            roles: organization.roles.clone(),
            ..Default::default()
        };
        change(&mut after);
        let signs_in = |user: &str| !organization.without_password.contains(user);
        let stays =
            |which: &dyn Fn(&str) -> bool| !organization.has_administrator(which) || after.has_administrator(which);
        let gains_beyond = |(user, by): (&String, &String)| {
            let gains = after.holds(&self.page, user);
            !organization.holds(&self.page, user).covers(&gains) && !after.holds(&self.page, by).covers(&gains)
        };
        let is_kept = stays(&|_| true) && stays(&signs_in) && !organization.known_by.iter().any(gains_beyond);
        if is_kept { 204 } else { 409 }
    }

    fn add_member(&mut self, by: usize, of: usize) {
        let (group, user) = (self.some_group(of), self.some_user());
        let change = Change {
            method: "POST",
            route: "/v1/orgs/{org}/groups/{id}/members",
            path: format!("groups/{group}/members"),
            body: Some(json!({"user": user})),
        };
        let ought = |world: &World, holds: &Held| {
            let organization = &world.organizations[of];
            if !organization.members.contains_key(&user) {
                return 422;
            }
            if !holds.covers(&organization.group_gives(&world.page, &group)) {
                return 403;
            }
            let status = world.if_kept(of, |after| {
                after.groups.get_mut(&group).unwrap().members.insert(user.clone());
            });
            if status == 204 { 201 } else { status }
        };
        if self.ask(by, of, &change, ought) {
            self.organizations[of].groups.get_mut(&group).unwrap().members.insert(user);
        }
    }

    fn remove_member(&mut self, by: usize, of: usize) {
        let group = self.some_group(of);
        let members: Vec<String> = self.organizations[of].groups[&group].members.iter().cloned().collect();
        let user = if members.is_empty() { self.some_user() } else { self.random.one(&members).clone() };
        let change = Change {
            method: "DELETE",
            route: "/v1/orgs/{org}/groups/{id}/members/{member}",
            path: format!("groups/{group}/members/{user}"),
            body: None,
        };
        let ought = |world: &World, holds: &Held| {
            let organization = &world.organizations[of];
            if !organization.groups[&group].members.contains(&user) {
                return 404;
            }
            if !holds.covers(&organization.group_gives(&world.page, &group)) {
                return 403;
            }
            world.if_kept(of, |after| {
                after.groups.get_mut(&group).unwrap().members.remove(&user);
            })
        };
        if self.ask(by, of, &change, ought) {
            self.organizations[of].groups.get_mut(&group).unwrap().members.remove(&user);
        }
    }

    fn assign(&mut self, by: usize, of: usize) {
        let (group, role, level) = (self.some_group(of), self.some_role(of), self.some_level());
        let change = Change {
            method: "POST",
            route: "/v1/orgs/{org}/groups/{id}/roles",
            path: format!("groups/{group}/roles"),
            body: Some(assignment(&role, level.as_ref())),
        };
        let ought = |world: &World, holds: &Held| {
            let organization = &world.organizations[of];
            if is_default(&role) && role == group {
                return 409;
            }
            let covers_before = holds.covers(&organization.group_gives(&world.page, &group));
            if !holds.covers(&Held::of(&organization.role_gives(&world.page, &role), level.as_ref())) || !covers_before
            {
                return 403;
            }
            let status = world.if_kept(of, |after| {
                after.groups.get_mut(&group).unwrap().roles.insert(role.clone(), level.clone());
            });
            if status == 204 { 201 } else { status }
        };
        if self.ask(by, of, &change, ought) {
            self.organizations[of].groups.get_mut(&group).unwrap().roles.insert(role, level);
        }
    }

    fn unassign(&mut self, by: usize, of: usize) {
        let group = self.some_group(of);
        let assigned: Vec<String> = self.organizations[of].groups[&group].roles.keys().cloned().collect();
        let role = if assigned.is_empty() { self.some_role(of) } else { self.random.one(&assigned).clone() };
        let change = Change {
            method: "DELETE",
            route: "/v1/orgs/{org}/groups/{id}/roles/{member}",
            path: format!("groups/{group}/roles/{role}"),
            body: None,
        };
        let ought = |world: &World, holds: &Held| {
            let organization = &world.organizations[of];
            if !organization.groups[&group].roles.contains_key(&role) {
                return 404;
            }
            if role == group {
                return 409;
            }
            if !holds.covers(&organization.group_gives(&world.page, &group)) {
                return 403;
            }
            world.if_kept(of, |after| {
                after.groups.get_mut(&group).unwrap().roles.remove(&role);
            })
        };
        if self.ask(by, of, &change, ought) {
            self.organizations[of].groups.get_mut(&group).unwrap().roles.remove(&role);
        }
    }

    fn switch_user(&mut self, by: usize, of: usize) {
        let (user, active) = (self.some_user(), self.random.percent(65));
        let change = Change {
            method: "PATCH",
            route: "/v1/orgs/{org}/users/{id}",
            path: format!("users/{user}"),
            body: Some(json!({"active": active})),
        };
        let ought = |world: &World, holds: &Held| {
            let organization = &world.organizations[of];
            if !organization.members.contains_key(&user) {
                return 404;
            }
            if !holds.covers(&organization.groups_give(&world.page, &user)) {
                return 403;
            }
            let status = world.if_kept(of, |after| {
                after.members.insert(user.clone(), active);
            });
            if status == 204 { 200 } else { status }
        };
        if self.ask(by, of, &change, ought) {
            self.organizations[of].members.insert(user, active);
        }
    }

    fn remove_user(&mut self, by: usize, of: usize) {
        let user = self.some_user();
        let change =
            Change { method: "DELETE", route: "/v1/orgs/{org}/users/{id}", path: format!("users/{user}"), body: None };
        fn remove(organization: &mut super::model::Organization, user: &str) {
            organization.members.remove(user);
            organization.saved_searches.retain(|_, owner| owner.as_deref() != Some(user));
            organization.exports.retain(|_, owner| owner.as_deref() != Some(user));
            organization.groups.values_mut().for_each(|group| {
                group.members.remove(user);
            });
        }
        let ought = |world: &World, holds: &Held| {
            let organization = &world.organizations[of];
            if !organization.members.contains_key(&user) {
                return 404;
            }
            if !holds.covers(&organization.groups_give(&world.page, &user)) {
                return 403;
            }
            world.if_kept(of, |after| remove(after, &user))
        };
        if !self.ask(by, of, &change, ought) {
            return;
        }
        remove(&mut self.organizations[of], &user);
        // What opens this organization and nothing else ends with the membership; other tokens are kept from it.
        for caller in self.callers.iter_mut().filter(|caller| caller.user() == Some(&user)) {
            match &caller.who {
                Who::Token { organizations, .. } => {
                    caller.ended_in.insert(of);
                    caller.alive &= organizations.as_ref().is_none_or(|only| !only.is_subset(&caller.ended_in));
                }
                _ if caller.only_in == Some(of) => caller.alive = false,
                _ => {}
            }
        }
    }

    fn change_role(&mut self, by: usize, of: usize) {
        let (role, permissions) = (self.some_role(of), self.some_permissions(1, 4));
        let change = Change {
            method: "PATCH",
            route: "/v1/orgs/{org}/roles/{id}",
            path: format!("roles/{role}"),
            body: Some(json!({"permissions": permissions})),
        };
        let ought = |world: &World, holds: &Held| {
            if is_default(&role) {
                return 409;
            }
            let before = &world.organizations[of].roles[&role].permissions;
            let (meant_before, meant) = (world.page.meant(before), world.page.meant(&permissions));
            if !covers_role(world, of, holds, &role) {
                return 403;
            }
            // An area in place of its permissions will give more one day.
            let named: Names = permissions.difference(before).cloned().collect();
            let mut added: Names = meant.difference(&meant_before).cloned().collect();
            added.extend(world.page.meant(&named));
            if !holds.covers(&Held::of(&added, None)) {
                return 403;
            }
            let status = world.if_kept(of, |after| {
                after.roles.get_mut(&role).unwrap().permissions.clone_from(&permissions);
            });
            if status == 204 { 200 } else { status }
        };
        if self.ask(by, of, &change, ought) {
            self.organizations[of].roles.get_mut(&role).unwrap().permissions = permissions;
        }
    }

    /// Describes a group or a role anew: others go by that when they give it away.
    fn rename(&mut self, by: usize, of: usize) {
        let of_groups = self.random.percent(50);
        let (route, what) = match of_groups {
            true => ("/v1/orgs/{org}/groups/{id}", "groups"),
            false => ("/v1/orgs/{org}/roles/{id}", "roles"),
        };
        let id = if of_groups { self.some_group(of) } else { self.some_role(of) };
        let body = Some(json!({"description": format!("Described {}", self.random.below(1000))}));
        let change = Change { method: "PATCH", route, path: format!("{what}/{id}"), body };
        self.ask(by, of, &change, |world, holds| {
            let organization = &world.organizations[of];
            let covers = match of_groups {
                true => holds.covers(&organization.group_gives(&world.page, &id)),
                false => covers_role(world, of, holds, &id),
            };
            match is_default(&id) {
                true => 409,
                false if covers => 200,
                false => 403,
            }
        });
    }

    fn revoke_key(&mut self, by: usize, of: usize) {
        let of_scim = self.random.percent(50);
        let organization = &self.organizations[of];
        let ids = if of_scim { &organization.scim_tokens } else { &organization.keys };
        let ids: Vec<String> = ids.iter().cloned().collect();
        let id = if ids.is_empty() { "0000000000000000".to_owned() } else { self.random.one(&ids).clone() };
        let (route, what) = match of_scim {
            true => ("/v1/orgs/{org}/scim-tokens/{id}", "scim-tokens"),
            false => ("/v1/orgs/{org}/on-prem-keys/{id}", "on-prem-keys"),
        };
        let change = Change { method: "DELETE", route, path: format!("{what}/{id}"), body: None };
        let known = ids.contains(&id);
        if !self.ask(by, of, &change, |_, _| if known { 204 } else { 404 }) {
            return;
        }
        let organization = &mut self.organizations[of];
        organization.keys.remove(&id);
        organization.scim_tokens.remove(&id);
        for caller in &mut self.callers {
            if matches!(&caller.who, Who::Key { id: own, .. } | Who::Scim { id: own, .. } if *own == id) {
                caller.alive = false;
            }
        }
        if of_scim {
            self.make_scim_token(of);
        } else {
            self.make_key(of, None);
        }
    }

    fn end_session(&mut self, by: usize, of: usize) {
        let sessions: Vec<usize> =
            (0..self.callers.len()).filter(|place| matches!(self.callers[*place].who, Who::Session { .. })).collect();
        let ended = *self.random.one(&sessions);
        let Who::Session { user, id } = self.callers[ended].who.clone() else { unreachable!() };
        let change = Change {
            method: "DELETE",
            route: "/v1/orgs/{org}/sessions/{id}",
            path: format!("sessions/{id}"),
            body: None,
        };
        let ought = |world: &World, holds: &Held| {
            let (session, organization) = (&world.callers[ended], &world.organizations[of]);
            if !session.alive || !session.reaches(of) || !organization.members.contains_key(&user) {
                return 404;
            }
            if holds.covers(&organization.groups_give(&world.page, &user)) { 204 } else { 403 }
        };
        if self.ask(by, of, &change, ought) {
            let opens = |other: &usize| {
                *other != of
                    && self.callers[ended].reaches(*other)
                    && self.organizations[*other].members.contains_key(&user)
            };
            let opens_others = (0..self.organizations.len()).any(|other| opens(&other));
            self.callers[ended].ended_in.insert(of);
            self.callers[ended].alive = opens_others;
        }
    }

    fn end_token(&mut self, by: usize, of: usize) {
        let tokens: Vec<usize> =
            (0..self.callers.len()).filter(|place| matches!(self.callers[*place].who, Who::Token { .. })).collect();
        let ended = *self.random.one(&tokens);
        let Who::Token { user, id, .. } = self.callers[ended].who.clone() else { unreachable!() };
        let (route, path) = ("/v1/orgs/{org}/tokens/{id}", format!("tokens/{id}"));
        let ought = |world: &World, holds: &Held| {
            let (token, organization) = (&world.callers[ended], &world.organizations[of]);
            if !token.alive || !token.reaches(of) || !organization.members.contains_key(&user) {
                return 404;
            }
            if holds.covers(&organization.groups_give(&world.page, &user)) { 204 } else { 403 }
        };
        if self.ask(by, of, &Change { method: "DELETE", route, path, body: None }, ought) {
            let works = |other: &usize| {
                *other != of
                    && self.callers[ended].reaches(*other)
                    && self.organizations[*other].members.contains_key(&user)
            };
            let works_elsewhere = (0..self.organizations.len()).any(|other| works(&other));
            self.callers[ended].ended_in.insert(of);
            self.callers[ended].alive = works_elsewhere;
        }
    }

    /// A person revokes a token, their own or another's.
    fn revoke_token(&mut self) {
        let people: Vec<usize> =
            (0..self.callers.len()).filter(|place| self.callers[*place].user().is_some()).collect();
        let is_token = |place: &usize| matches!(self.callers[*place].who, Who::Token { .. });
        let tokens: Vec<usize> = people.iter().copied().filter(is_token).collect();
        let (by, revoked) = (*self.random.one(&people), *self.random.one(&tokens));
        let (caller, token) = (&self.callers[by], &self.callers[revoked]);
        let Who::Token { user, id, organizations, .. } = &token.who else { unreachable!() };
        let covered = caller.covers(organizations.as_ref());
        let expected = match &caller.who {
            _ if !caller.alive => 401,
            Who::Token { id: own, .. } if own != id => 403,
            _ if token.alive && caller.user() == Some(user) && covered => 204,
            _ => 404,
        };
        let answer = self.send(caller, "DELETE", &format!("/v1/tokens/{id}"), None);
        assert_eq!(answer.status, expected, "{:?} revokes {:?}: {answer:?}", caller.who, token.who);
        if answer.status == 204 {
            self.callers[revoked].alive = false;
        }
    }

    /// What somebody is told about themselves: where they belong, what they hold there, what they have.
    pub fn look_at_oneself(&self, caller: &Caller) {
        let Some(user) = caller.user() else { return };
        let answer = self.send(caller, "GET", "/v1/session", None);
        if !caller.alive {
            assert_eq!(answer.status, 401, "{:?}: {answer:?}", caller.who);
            return;
        }
        assert_eq!(answer.status, 200, "{:?}: {answer:?}", caller.who);
        let mut expected: BTreeMap<String, Value> = BTreeMap::new();
        for (of, organization) in self.organizations.iter().enumerate() {
            let Some(held) = super::model::held(&self.page, &self.organizations, caller, of) else { continue };
            let seen = judge(&self.page, &self.organizations, caller, Some(of), "`audit_logs_view`");
            let scope = match seen {
                Ok(Seen::Everything) => json!({"level": "organization"}),
                Ok(Seen::Projects(projects)) => json!({"level": "project", "projects": projects}),
                _ => Value::Null,
            };
            let by_project = held.projects.values().flatten().filter(|name| name.starts_with("audit_logs_"));
            let by_project = by_project.filter(|name| *name != "audit_logs_verify").cloned();
            let permissions: Names = held.all.iter().cloned().chain(by_project).collect();
            let about = json!({"name": organization.name, "permissions": permissions, "scope": scope});
            expected.insert(organization.slug.clone(), about);
        }
        let shown = answer.json();
        let shown = shown["organizations"].as_array().unwrap().iter().map(|one| {
            let permissions: Names = one["permissions"].as_array().unwrap().iter().map(text).collect();
            let about = json!({"name": one["name"], "permissions": permissions, "scope": one["scope"]});
            (text(&one["slug"]), about)
        });
        assert_eq!(shown.collect::<BTreeMap<_, _>>(), expected, "{:?}", caller.who);
        for (path, list, own) in [("/v1/tokens", "tokens", false), ("/v1/sessions", "sessions", true)] {
            let answer = self.send(caller, "GET", path, None);
            if own && matches!(caller.who, Who::Token { .. }) {
                assert_eq!(answer.status, 403, "{path}: {answer:?}");
                continue;
            }
            let ids = self.callers.iter().filter(|other| other.alive && other.user() == Some(user));
            let ids: Names = ids
                .filter_map(|other| match &other.who {
                    Who::Session { id, .. } if own => {
                        let only = other.only_in.map(|only| BTreeSet::from([only]));
                        caller.covers(only.as_ref()).then(|| id.clone())
                    }
                    Who::Token { id, organizations, .. } if !own => {
                        caller.covers(organizations.as_ref()).then(|| id.clone())
                    }
                    _ => None,
                })
                .collect();
            let shown: Names = answer.json()[list].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
            assert_eq!(shown, ids, "{path} of {:?}", caller.who);
        }
    }
}
