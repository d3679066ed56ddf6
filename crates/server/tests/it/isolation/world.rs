//! Random organizations with people, groups, roles, credentials and events, made through the API and written down in the
//! model as they are made.

use std::collections::{BTreeMap, BTreeSet};

use actarium_core::time;
use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use super::model::{Caller, Group, Held, Names, Organization, Page, Role, Who, judge};
use super::random::Random;
use crate::client::{Answer, Request, Service};

/// Every organization has these, so that a look into the wrong one would find something.
pub const PROJECTS: [&str; 4] = ["payments", "billing", "search", "core"];
/// Of the length of the others' slugs.
pub const NO_SUCH_SLUG: &str = "org-none";
const PASSWORD: &str = "violet-umbrella-71-quay";
const HOUR_MICROS: i64 = 3_600_000_000;

/// Somebody with an account.
pub struct Person {
    pub id: String,
    /// Stands in what they are called.
    pub marker: String,
    pub email: String,
    /// Where they have ever been a member.
    pub ever_in: BTreeSet<usize>,
    /// Where somebody has asked for them by their id: what is denied is recorded with what was asked for.
    pub asked_for_in: BTreeSet<usize>,
}

pub struct World {
    pub service: Service,
    pub page: Page,
    pub random: Random,
    pub organizations: Vec<Organization>,
    pub people: Vec<Person>,
    pub callers: Vec<Caller>,
    /// The operator's place among the callers.
    pub operator: usize,
    events_made: usize,
    /// What was asked how often: the status of refusals, the operation of what was let through.
    pub asked_so_far: BTreeMap<String, usize>,
}

pub fn url_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// A time so many microseconds from now.
pub fn time_text(from_now_micros: i64) -> String {
    time::to_text(SystemClock::new().now() + from_now_micros)
}

impl World {
    pub fn new(seed: u64) -> Self {
        let service = Service::start();
        let operator = bearer(Who::Operator, &service.token);
        let nobody = Caller { headers: Vec::new(), ..bearer(Who::Nobody, "") };
        let (page, random) = (Page::read(), Random::new(seed));
        let (organizations, people, callers) = (Vec::new(), Vec::new(), vec![operator, nobody]);
        let asked_so_far = BTreeMap::new();
        let mut world =
            Self { service, page, random, organizations, people, callers, operator: 0, events_made: 0, asked_so_far };
        for _ in 0..3 {
            world.make_organization();
        }
        for of in 0..world.organizations.len() {
            world.make_person(&[of], Some("admin"));
            world.make_managed_person(of);
        }
        let all: Vec<usize> = (0..world.organizations.len()).collect();
        for _ in 0..6 {
            let of = world.random.some(&all, 1, all.len());
            world.make_person(&of, None);
        }
        for of in all {
            world.make_roles_and_groups(of);
        }
        for person in 0..world.people.len() {
            world.make_tokens(person);
        }
        world.save_searches();
        world.have_exports_made();
        world
    }

    pub fn request(&self, caller: &Caller, method: &str, path: &str) -> Request<'_> {
        caller
            .headers
            .iter()
            .fold(self.service.anonymous(method, path), |request, (name, value)| request.header(name, value))
    }

    pub fn send(&self, caller: &Caller, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(caller, method, path);
        body.map_or_else(|| request.send(), |body| self.request(caller, method, path).json(body).send())
    }

    fn by_operator(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.service.request(method, path).json(body).send();
        assert!(matches!(answer.status, 200 | 201), "{method} {path} {body}: {answer:?}");
        answer.json()
    }

    fn make(&self, of: usize, what: &str, body: &Value) -> String {
        let path = format!("/v1/orgs/{}/{what}", self.organizations[of].slug);
        text(&self.by_operator("POST", &path, body)["id"])
    }

    fn marker(&mut self, kind: &str) -> String {
        format!("{kind}{:08x}q", self.random.below(1 << 32))
    }

    fn make_organization(&mut self) {
        let (marker, number) = (self.marker("org"), self.organizations.len());
        let slug = format!("org-{number}{}", &marker[3..6]);
        let name = format!("Organization {marker}");
        let made = self.by_operator("POST", "/v1/orgs", &json!({"slug": slug, "name": name}));
        let mut organization = Organization { id: text(&made["id"]), slug, name, marker, ..Organization::default() };
        for (id, permissions) in &self.page.defaults {
            let name = match *id {
                "admin" => "Admin",
                "platform-engineer" => "Platform Engineer",
                "developer" => "Developer",
                _ => "Auditor",
            };
            organization.roles.insert((*id).into(), Role { name: name.into(), permissions: permissions.clone() });
            let group = Group { name: name.into(), roles: [((*id).into(), None)].into(), ..Group::default() };
            organization.groups.insert((*id).into(), group);
        }
        let marker = organization.marker.clone();
        organization.components = (0..5).map(|n| format!("component-{marker}-{n}")).collect();
        self.organizations.push(organization);
        for environment in [None, Some(format!("environment-{marker}"))] {
            self.make_key(number, environment.as_deref());
        }
        for _ in 0..2 {
            self.make_scim_token(number);
        }
        let provider =
            json!({"name": format!("Company {marker}"), "issuer": "https://id.example.com", "client_id": "a"});
        let provider = self.make(number, "identity-providers", &provider);
        self.organizations[number].providers.insert(provider);
        let invitation = json!({"email": format!("guest@{marker}.example"), "name": format!("Guest {marker}")});
        let invitation = self.make(number, "invitations", &invitation);
        self.organizations[number].invitations.insert(invitation);
        self.ask_for_removals(number);
        let path = format!("/v1/orgs/{}/sign-in", self.organizations[number].slug);
        self.by_operator("PATCH", &path, &json!({"joining_domains": [format!("{marker}.example")]}));
    }

    /// An erasure and a redaction that wait for somebody to approve them.
    fn ask_for_removals(&mut self, of: usize) {
        let invitation = self.organizations[of].invitations.first().unwrap();
        let erasure = json!({"subject": format!("invitation:{invitation}"), "reason": "a test"});
        self.organizations[of].erasure = self.make(of, "erasures", &erasure);
        let slug = &self.organizations[of].slug;
        let page = self.service.get(&format!("/v1/orgs/{slug}/events?limit=1")).json();
        let redaction = json!({"events": [page["events"][0]["id"]], "reason": "a test", "remainder": false});
        self.organizations[of].redaction = self.make(of, "redactions", &redaction);
    }

    pub fn make_key(&mut self, of: usize, environment: Option<&str>) {
        let slug = self.organizations[of].slug.clone();
        let mut body = json!({"name": format!("Key {}", self.organizations[of].marker)});
        if let Some(environment) = environment {
            body["environment"] = json!(environment);
        }
        let made = self.by_operator("POST", &format!("/v1/orgs/{slug}/on-prem-keys"), &body);
        let id = text(&made["id"]);
        self.organizations[of].keys.insert(id.clone());
        self.callers.push(bearer(Who::Key { organization: of, id }, &text(&made["secret"])));
    }

    pub fn make_scim_token(&mut self, of: usize) {
        let permissions: Names = self.some_permissions(0, 3);
        let slug = self.organizations[of].slug.clone();
        let body = json!({"name": format!("Token {}", self.organizations[of].marker), "permissions": permissions});
        let made = self.by_operator("POST", &format!("/v1/orgs/{slug}/scim-tokens"), &body);
        let id = text(&made["id"]);
        self.organizations[of].scim_tokens.insert(id.clone());
        self.callers.push(bearer(Who::Scim { organization: of, id, permissions }, &text(&made["secret"])));
    }

    /// Names of areas and permissions, those of the log more often than others.
    pub fn some_permissions(&mut self, least: usize, most: usize) -> Names {
        let areas: Vec<String> = self.page.areas.keys().cloned().collect();
        let single: Vec<String> = self.page.all().into_iter().collect();
        let count = least + self.random.below(most - least + 1);
        let of_log = ["LOG-MANAGEMENT", "audit_logs_view", "audit_logs_view", "audit_logs_export", "USER-MANAGEMENT"];
        (0..count)
            .map(|_| match self.random.below(10) {
                0..5 => (*self.random.one(&of_log)).to_owned(),
                5..7 => self.random.one(&areas).clone(),
                _ => self.random.one(&single).clone(),
            })
            .collect()
    }

    /// Nothing for the organization, or some projects.
    pub fn some_level(&mut self) -> Option<Names> {
        let projects = self.random.some(&PROJECTS, 1, 3);
        self.random.percent(55).then(|| projects.into_iter().map(str::to_owned).collect())
    }

    fn joins(&mut self, person: usize, of: usize, called: String) {
        let id = self.people[person].id.clone();
        self.people[person].ever_in.insert(of);
        let organization = &mut self.organizations[of];
        organization.members.insert(id.clone(), true);
        organization.called.insert(id, called);
    }

    /// Somebody with a password and a session or two, in some organizations.
    fn make_person(&mut self, of: &[usize], group: Option<&str>) {
        let marker = self.marker("who");
        let (email, name) = (format!("{marker}@example.com"), format!("Person {marker}"));
        let person = self.people.len();
        for (position, &organization) in of.iter().enumerate() {
            let called = match position {
                0 => name.clone(),
                _ => format!("Called {} {marker}", self.organizations[organization].marker),
            };
            let body = json!({
                "email": email, "name": called, "password": PASSWORD, "groups": group.into_iter().collect::<Vec<_>>(),
            });
            let id = self.make(organization, "users", &body);
            if position == 0 {
                let (id, marker, email) = (id.clone(), marker.clone(), email.clone());
                self.people.push(Person { id, marker, email, ever_in: BTreeSet::new(), asked_for_in: BTreeSet::new() });
            }
            assert_eq!(id, self.people[person].id);
            self.joins(person, organization, called);
            if let Some(group) = group {
                self.organizations[organization].groups.get_mut(group).unwrap().members.insert(id);
            }
        }
        for _ in 0..1 + self.random.below(2) {
            self.sign_in(person, None);
        }
    }

    /// Somebody whose account an administrator has made, with a password: it opens that organization alone. Another account
    /// with the same address is another organization's member.
    fn make_managed_person(&mut self, of: usize) {
        let (marker, address) = (self.marker("who"), self.marker("shared"));
        let (email, name) = (format!("{address}@example.com"), format!("Person {marker}"));
        let admins = &self.organizations[of].groups["admin"].members;
        let by = self.callers.iter().find(|caller| caller.user().is_some_and(|user| admins.contains(user))).unwrap();
        let path = format!("/v1/orgs/{}/users", self.organizations[of].slug);
        let body = json!({"email": email, "name": name, "password": PASSWORD});
        let made = self.send(by, "POST", &path, Some(&body));
        assert_eq!(made.status, 201, "{made:?}");
        let maker = by.user().unwrap().to_owned();
        let (person, id) = (self.people.len(), text(&made.json()["id"]));
        self.people.push(Person {
            id: id.clone(),
            marker,
            email: email.clone(),
            ever_in: BTreeSet::new(),
            asked_for_in: BTreeSet::new(),
        });
        self.organizations[of].known_by.insert(id.clone(), maker);
        self.joins(person, of, name);
        self.sign_in(person, Some(of));
        let other = (of + 1) % self.organizations.len();
        let marker = self.marker("who");
        let name = format!("Person {marker}");
        let there = self.make(other, "users", &json!({"email": email, "name": name}));
        assert_ne!(there, id, "the account is not theirs");
        self.organizations[other].without_password.insert(there.clone());
        self.people.push(Person { id: there, marker, email, ever_in: BTreeSet::new(), asked_for_in: BTreeSet::new() });
        self.joins(person + 1, other, name);
    }

    fn sign_in(&mut self, person: usize, only_in: Option<usize>) {
        let Person { id, email, .. } = &self.people[person];
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.service.anonymous("POST", "/v1/session").json(&body).send();
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let headers = vec![("cookie", cookie), ("x-csrf-token", text(&answer.json()["csrf_token"]))];
        let mut caller = bearer(Who::Session { user: id.clone(), id: String::new() }, "");
        (caller.headers, caller.only_in) = (headers, only_in);
        let sessions = self.send(&caller, "GET", "/v1/sessions", None).json();
        let own = sessions["sessions"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
        caller.who = Who::Session { user: id.clone(), id: text(&own["id"]) };
        self.callers.push(caller);
    }

    fn make_tokens(&mut self, person: usize) {
        let user = self.people[person].id.clone();
        let Some(session) = self.callers.iter().find(|caller| caller.user() == Some(&user)).cloned() else { return };
        let own: Vec<usize> = (0..self.organizations.len())
            .filter(|of| self.organizations[*of].members.contains_key(&user) && session.reaches(*of))
            .collect();
        for _ in 0..1 + self.random.below(2) {
            let mut permissions = self.random.percent(60).then(|| self.some_permissions(1, 3));
            let only: Option<BTreeSet<usize>> =
                self.random.percent(50).then(|| self.random.some(&own, 1, own.len()).into_iter().collect());
            let mut body = json!({"name": "Script", "expires_at": time_text(24 * 30 * HOUR_MICROS)});
            if let Some(only) = &only {
                body["organizations"] = only.iter().map(|of| json!(self.organizations[*of].slug)).collect();
            }
            if let Some(names) = &permissions {
                body["permissions"] = json!(names);
                let works_in = only.iter().flatten().copied().chain(own.iter().copied().filter(|_| only.is_none()));
                let held: Names = works_in.flat_map(|of| self.holds(&session, of).anywhere()).collect();
                let meant = self.page.meant(names);
                if !meant.is_subset(&held) {
                    let refused = self.send(&session, "POST", "/v1/tokens", Some(&body));
                    assert_eq!(refused.status, 422, "a token for more than is held: {refused:?}");
                    let within: Names = meant.intersection(&held).cloned().collect();
                    permissions = (!within.is_empty()).then_some(within);
                    body["permissions"] = json!(permissions);
                }
            }
            let made = self.send(&session, "POST", "/v1/tokens", Some(&body));
            assert_eq!(made.status, 201, "{made:?}");
            let made = made.json();
            let organizations = only.or_else(|| session.only_in.map(|only| [only].into()));
            let who = Who::Token { user: user.clone(), id: text(&made["id"]), permissions, organizations };
            self.callers.push(bearer(who, &text(&made["secret"])));
        }
    }

    /// One that each organization shares, and one of each session that sees some of its log.
    fn save_searches(&mut self) {
        for of in 0..self.organizations.len() {
            let Organization { slug, marker, .. } = &self.organizations[of];
            let (slug, marker) = (slug.clone(), marker.clone());
            let shared = json!({"name": format!("Search {marker}"), "q": marker, "visibility": "organization"});
            let shared = self.make(of, "saved-searches", &shared);
            self.organizations[of].saved_searches.insert(shared, None);
            for caller in self.callers.clone() {
                let verdict = judge(&self.page, &self.organizations, &caller, Some(of), "`audit_logs_view`");
                let (Some(user), true) = (caller.user(), verdict.is_ok()) else { continue };
                let name = format!("Own {marker} {}", self.organizations[of].saved_searches.len());
                let body = json!({"name": name, "q": format!("actor:{user}")});
                let made = self.send(&caller, "POST", &format!("/v1/orgs/{slug}/saved-searches"), Some(&body));
                assert_eq!(made.status, 201, "{made:?}");
                let id = text(&made.json()["id"]);
                self.organizations[of].saved_searches.insert(id, Some(user.to_owned()));
            }
        }
    }

    /// One of the operator's of each organization, and one of each session that exports some of its log.
    fn have_exports_made(&mut self) {
        for of in 0..self.organizations.len() {
            let path = format!("/v1/orgs/{}/exports", self.organizations[of].slug);
            let body = json!({"format": "ndjson", "q": self.organizations[of].marker});
            let operators = self.make(of, "exports", &body);
            self.organizations[of].exports.insert(operators, None);
            for caller in self.callers.clone() {
                let verdict = judge(&self.page, &self.organizations, &caller, Some(of), "`audit_logs_export`");
                let (Some(user), true) = (caller.user(), verdict.is_ok()) else { continue };
                let made = self.send(&caller, "POST", &path, Some(&body));
                assert_eq!(made.status, 201, "{made:?}");
                self.organizations[of].exports.insert(text(&made.json()["id"]), Some(user.to_owned()));
            }
        }
    }

    fn make_roles_and_groups(&mut self, of: usize) {
        let marker = self.organizations[of].marker.clone();
        for number in 0..4 {
            let permissions = match number {
                0 => ["LOG-MANAGEMENT".to_owned()].into(),
                _ => self.some_permissions(1, 4),
            };
            let name = format!("Role {marker} {number}");
            let id = self.make(of, "roles", &json!({"name": name, "permissions": permissions}));
            self.organizations[of].roles.insert(id, Role { name, permissions });
        }
        let roles: Vec<String> = self.organizations[of].roles.keys().cloned().collect();
        for number in 0..3 {
            let name = format!("Group {marker} {number}");
            let id = self.make(of, "groups", &json!({"name": name, "description": format!("of {marker}")}));
            self.organizations[of].groups.insert(id.clone(), Group { name, ..Group::default() });
            for role in self.random.some(&roles, 1, 2) {
                let mut level = self.some_level();
                if role == "admin" && level.is_none() {
                    level = Some(["core".to_owned()].into());
                }
                self.make(of, &format!("groups/{id}/roles"), &assignment(&role, level.as_ref()));
                self.organizations[of].groups.get_mut(&id).unwrap().roles.insert(role, level);
            }
        }
        let groups: Vec<String> = self.organizations[of].groups.keys().filter(|id| *id != "admin").cloned().collect();
        let members: Vec<String> = self.organizations[of].members.keys().cloned().collect();
        for user in members {
            for group in self.random.some(&groups, 0, 2) {
                self.make(of, &format!("groups/{group}/members"), &json!({"user": user}));
                self.organizations[of].groups.get_mut(&group).unwrap().members.insert(user.clone());
            }
        }
        self.make_reader_of_a_part(of);
    }

    /// Somebody who sees the log for some projects and nothing else.
    fn make_reader_of_a_part(&mut self, of: usize) {
        let name = format!("Readers {}", self.organizations[of].marker);
        let group = self.make(of, "groups", &json!({"name": name}));
        let of_log = |role: &&Role| role.permissions.len() == 1 && role.permissions.contains("LOG-MANAGEMENT");
        let organization = &self.organizations[of];
        let role = organization.roles.iter().find(|(_, role)| of_log(role)).unwrap().0.clone();
        let level: Option<Names> = Some(self.random.some(&PROJECTS, 1, 2).into_iter().map(str::to_owned).collect());
        self.make(of, &format!("groups/{group}/roles"), &assignment(&role, level.as_ref()));
        self.make_person(&[of], None);
        let user = self.people[self.people.len() - 1].id.clone();
        self.make(of, &format!("groups/{group}/members"), &json!({"user": user}));
        let (members, roles) = ([user].into(), [(role, level)].into());
        self.organizations[of].groups.insert(group, Group { name, members, roles });
    }

    fn some_event(&mut self, of: usize) -> Value {
        let random = &mut self.random;
        let Organization { marker, components, .. } = &self.organizations[of];
        let mut targets =
            vec![json!({"type": "component", "id": random.one(components), "name": format!("C {marker}")})];
        for project in random.some(&PROJECTS, 0, 2) {
            targets.push(json!({"type": "project", "id": project, "name": format!("{project} of {marker}")}));
        }
        if random.percent(30) {
            let project = *random.one(&PROJECTS);
            targets.push(match random.below(3) {
                0 => json!({"type": "team", "id": project}),
                1 => json!({"type": "component", "id": project}),
                _ => json!({"type": "project", "id": "other", "name": project}),
            });
        }
        // Well away from where the past 24 hours begin.
        let hours = *random.one(&[0, 1, 2, 5, 12, 20, 28, 40, 47]);
        let ago = hours * HOUR_MICROS + random.below(HOUR_MICROS as usize / 2) as i64;
        let actor = random.below(4);
        json!({
            "action": *random.one(&["component.deploy", "component.promote", "component.delete", "configuration.update"]),
            "actor": {
                "type": "user", "id": format!("actor-{marker}-{actor}"), "name": format!("Actor {marker} {actor}"),
                "email": format!("actor{actor}@{marker}.example"),
            },
            "targets": targets,
            "outcome": *random.one(&["success", "success", "failure", "denied"]),
            "occurred_at": time_text(-ago),
            "message": format!("event {} of {marker} {}", self.events_made, *random.one(&["apple", "pear", "plum"])),
        })
    }

    /// Records some events, with a key of the organization or as the operator, and reads the log anew.
    pub fn record(&mut self, of: usize, count: usize) {
        let mut sent = Vec::new();
        for _ in 0..count {
            sent.push(self.some_event(of));
            self.events_made += 1;
        }
        self.record_these(of, &sent);
    }

    pub fn record_these(&mut self, of: usize, sent: &[Value]) {
        let is_key = |caller: &&Caller| matches!(&caller.who, Who::Key { organization, .. } if *organization == of);
        let keys: Vec<Caller> = self.callers.iter().filter(is_key).filter(|key| key.alive).cloned().collect();
        let by = if keys.is_empty() { self.callers[self.operator].clone() } else { self.random.one(&keys).clone() };
        let path = format!("/v1/orgs/{}/events", self.organizations[of].slug);
        let answer = self.send(&by, "POST", &path, Some(&json!(sent)));
        assert_eq!(answer.status, 201, "{answer:?}");
        let recorded = answer.json();
        self.read_log(of);
        let organization = &self.organizations[of];
        for (sent, recorded) in sent.iter().zip(recorded["events"].as_array().unwrap()) {
            let event = organization.events.iter().find(|event| event["id"] == recorded["id"]);
            let event = event.unwrap_or_else(|| panic!("{recorded} is not in the log"));
            for (field, value) in sent.as_object().unwrap() {
                match field.as_str() {
                    "targets" => {
                        let (sent, kept) = (value.as_array().unwrap(), event[field].as_array().unwrap());
                        assert_eq!(sent[..], kept[..sent.len()], "a key with an environment adds that");
                    }
                    _ => assert_eq!(event[field], *value, "{field}"),
                }
            }
        }
    }

    /// The log as the operator reads it from its start, but for records of reading, which come a moment later.
    pub fn read_log(&mut self, of: usize) {
        let slug = &self.organizations[of].slug;
        let (mut events, mut after) = (Vec::new(), json!(-1));
        loop {
            let answer = self.service.get(&format!("/v1/orgs/{slug}/events/tail?limit=1000&after={after}"));
            let page = answer.json();
            let found = page["events"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
            if found.is_empty() {
                break;
            }
            after = page["next"].clone();
            events.extend(found);
        }
        events.retain(is_settled);
        self.organizations[of].events = events;
    }

    pub fn holds(&self, caller: &Caller, of: usize) -> Held {
        super::model::held(&self.page, &self.organizations, caller, of).unwrap_or_default()
    }
}

/// What [`is_settled`] keeps, as a phrase.
pub const SETTLED: &str = "-action:audit_log.* -(source:actarium outcome:denied,failure)";

/// Whether it is no record of a look or a refusal, which are written a moment after their answer.
fn is_settled(event: &Value) -> bool {
    let refused = event["source"] == "actarium" && (event["outcome"] == "denied" || event["outcome"] == "failure");
    !event["action"].as_str().unwrap().starts_with("audit_log.") && !refused
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The body that assigns a role.
pub fn assignment(role: &str, projects: Option<&Names>) -> Value {
    match projects {
        None => json!({"role": role, "level": "organization"}),
        Some(projects) => json!({"role": role, "level": "project", "projects": projects}),
    }
}

fn bearer(who: Who, token: &str) -> Caller {
    let headers = vec![("authorization", format!("Bearer {token}"))];
    Caller { who, headers, alive: true, only_in: None, ended_in: BTreeSet::new() }
}
