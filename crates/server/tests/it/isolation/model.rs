//! What ought to be, written down naively: sets of names, and loops over all of them.
//!
//! It shares nothing with the service's access rules but the page that documents them, `docs/PERMISSIONS.md`: which areas
//! and permissions there are, what the default roles hold, what each route asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

pub type Names = BTreeSet<String>;

/// What counts for chosen projects.
pub const BY_PROJECT: [&str; 2] = ["audit_logs_view", "audit_logs_export"];

/// `docs/PERMISSIONS.md`, read.
pub struct Page {
    /// Area → its permissions.
    pub areas: BTreeMap<String, Names>,
    /// Default role → what it holds.
    pub defaults: BTreeMap<&'static str, Names>,
    /// `METHOD /path` → what is asked for.
    pub asked: BTreeMap<String, String>,
}

impl Page {
    pub fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PERMISSIONS.md");
        let text = std::fs::read_to_string(file).unwrap();
        let mut page = Self { areas: BTreeMap::new(), defaults: BTreeMap::new(), asked: BTreeMap::new() };
        let mut area = String::new();
        for line in text.lines().filter(|line| line.starts_with("| `") || line.starts_with("| **")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let name = cells[0].trim_matches(['`', '*']);
            if cells[0].starts_with("**") {
                area = name.to_owned();
            } else if name.contains(' ') {
                page.asked.insert(name.to_owned(), cells[1].to_owned());
            } else {
                page.areas.entry(area.clone()).or_default().insert(name.to_owned());
                for (role, cell) in ["admin", "platform-engineer", "developer", "auditor"].into_iter().zip(&cells[2..])
                {
                    let held = page.defaults.entry(role).or_default();
                    if *cell == "yes" {
                        held.insert(name.to_owned());
                    }
                }
            }
        }
        assert!(
            page.areas.len() >= 10 && page.asked.len() > 80 && page.defaults.len() == 4,
            "the page reads otherwise"
        );
        page
    }

    /// Every permission.
    pub fn all(&self) -> Names {
        self.areas.values().flatten().cloned().collect()
    }

    /// What names of areas and permissions stand for.
    pub fn meant(&self, names: &Names) -> Names {
        names.iter().flat_map(|name| self.areas.get(name).cloned().unwrap_or_else(|| [name.clone()].into())).collect()
    }
}

/// Permissions for the organization and for single projects.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pub all: Names,
    pub projects: BTreeMap<String, Names>,
}

impl Held {
    fn add(&mut self, permissions: &Names, projects: Option<&Names>) {
        match projects {
            None => self.all.extend(permissions.iter().cloned()),
            Some(projects) => {
                for project in projects {
                    self.projects.entry(project.clone()).or_default().extend(permissions.iter().cloned());
                }
            }
        }
    }

    pub fn of(permissions: &Names, projects: Option<&Names>) -> Self {
        let mut held = Self::default();
        held.add(permissions, projects);
        held
    }

    fn only(&self, permissions: &Names) -> Self {
        let within = |held: &Names| held.intersection(permissions).cloned().collect();
        let projects = self.projects.iter().map(|(project, held)| (project.clone(), within(held)));
        Self { all: within(&self.all), projects: projects.collect() }
    }

    /// What is held for the organization or counts for some project.
    pub fn anywhere(&self) -> Names {
        let counting = self.projects.values().flatten().filter(|name| BY_PROJECT.contains(&name.as_str()));
        self.all.iter().chain(counting).cloned().collect()
    }

    /// Whether everything of the other is held.
    pub fn covers(&self, other: &Held) -> bool {
        let for_project = |project: &String| self.projects.get(project).cloned().unwrap_or_default();
        other.all.is_subset(&self.all)
            && other.projects.iter().all(|(project, held)| {
                held.iter().all(|one| self.all.contains(one) || for_project(project).contains(one))
            })
    }
}

#[derive(Clone, Default)]
pub struct Group {
    pub name: String,
    pub members: Names,
    /// Role → for which projects; for the organization if none are named.
    pub roles: BTreeMap<String, Option<Names>>,
}

#[derive(Clone, Default)]
pub struct Role {
    pub name: String,
    /// Names of areas and permissions.
    pub permissions: Names,
}

/// An organization as the test has made it.
#[derive(Default)]
pub struct Organization {
    pub slug: String,
    pub id: String,
    pub name: String,
    /// Stands in every name that is given here, and nowhere else.
    pub marker: String,
    /// User → whether they are active.
    pub members: BTreeMap<String, bool>,
    /// User → who made their account with a password, and knows it.
    pub known_by: BTreeMap<String, String>,
    /// Users who have nothing to sign in with.
    pub without_password: Names,
    /// User → what they are called here.
    pub called: BTreeMap<String, String>,
    pub groups: BTreeMap<String, Group>,
    pub roles: BTreeMap<String, Role>,
    pub keys: Names,
    pub scim_tokens: Names,
    pub providers: Names,
    pub invitations: Names,
    /// Saved search → whose alone it is; nobody's, if the organization shares it.
    pub saved_searches: BTreeMap<String, Option<String>>,
    /// Export → who asked for it; nobody, if the operator did.
    pub exports: BTreeMap<String, Option<String>>,
    pub erasure: String,
    pub redaction: String,
    pub components: Vec<String>,
    /// The log, but for what reading it leaves there.
    pub events: Vec<Value>,
}

pub fn is_default(id: &str) -> bool {
    ["admin", "platform-engineer", "developer", "auditor"].contains(&id)
}

impl Organization {
    pub fn role_gives(&self, page: &Page, role: &str) -> Names {
        page.meant(&self.roles[role].permissions)
    }

    pub fn group_gives(&self, page: &Page, group: &str) -> Held {
        let mut held = Held::default();
        for (role, projects) in &self.groups[group].roles {
            held.add(&self.role_gives(page, role), projects.as_ref());
        }
        held
    }

    /// What the groups of somebody give, whether they are active or not.
    pub fn groups_give(&self, page: &Page, user: &str) -> Held {
        let mut held = Held::default();
        for (id, group) in &self.groups {
            if group.members.contains(user) {
                let given = self.group_gives(page, id);
                held.all.extend(given.all);
                for (project, permissions) in given.projects {
                    held.projects.entry(project).or_default().extend(permissions);
                }
            }
        }
        held
    }

    /// What somebody holds.
    pub fn holds(&self, page: &Page, user: &str) -> Held {
        if self.members.get(user) == Some(&true) { self.groups_give(page, user) } else { Held::default() }
    }

    /// Whether an active member of a kind has the role Admin for the organization.
    pub fn has_administrator(&self, which: impl Fn(&str) -> bool) -> bool {
        let gives = |group: &&Group| group.roles.get("admin") == Some(&None);
        let mut users = self.groups.values().filter(gives).flat_map(|group| &group.members);
        users.any(|user| self.members.get(user) == Some(&true) && which(user))
    }
}

/// Whose credential it is.
#[derive(Clone, Debug)]
pub enum Who {
    Nobody,
    Operator,
    Session { user: String, id: String },
    Token { user: String, id: String, permissions: Option<Names>, organizations: Option<BTreeSet<usize>> },
    Key { organization: usize, id: String },
    Scim { organization: usize, id: String, permissions: Names },
}

/// Somebody who sends requests.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Who,
    /// The headers that prove it.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the credential is not revoked.
    pub alive: bool,
    /// Of a session: the organization that it opens alone.
    pub only_in: Option<usize>,
    /// Organizations that ended it: a session's by an administrator, a token's with the membership.
    pub ended_in: BTreeSet<usize>,
}

impl Caller {
    pub fn reaches(&self, organization: usize) -> bool {
        match &self.who {
            Who::Token { organizations, .. } => {
                let only = organizations.as_ref();
                only.is_none_or(|only| only.contains(&organization)) && !self.ended_in.contains(&organization)
            }
            Who::Session { .. } => {
                self.only_in.is_none_or(|only| only == organization) && !self.ended_in.contains(&organization)
            }
            _ => true,
        }
    }

    /// Whether the credential is for all that another one of its person, limited to these organizations, is for.
    pub fn covers(&self, organizations: Option<&BTreeSet<usize>>) -> bool {
        let bound = match &self.who {
            Who::Token { organizations, .. } => organizations.clone(),
            _ => self.only_in.map(|only| BTreeSet::from([only])),
        };
        bound.is_none_or(|bound| organizations.is_some_and(|organizations| organizations.is_subset(&bound)))
    }

    pub fn user(&self) -> Option<&str> {
        match &self.who {
            Who::Session { user, .. } | Who::Token { user, .. } => Some(user),
            _ => None,
        }
    }
}

/// What of the log is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Nothing,
    Everything,
    Projects(Names),
}

impl Seen {
    pub fn shows(&self, event: &Value) -> bool {
        match self {
            Seen::Nothing => false,
            Seen::Everything => true,
            Seen::Projects(projects) => event["targets"].as_array().is_some_and(|targets| {
                targets.iter().any(|target| {
                    target["type"] == "project" && target["id"].as_str().is_some_and(|id| projects.contains(id))
                })
            }),
        }
    }
}

/// What SCIM tokens hold without being given anything.
const SCIM_BASE: [&str; 6] =
    ["users_view", "users_invite", "users_update", "users_delete", "groups_view", "groups_manage"];

/// What somebody holds in an organization; `None` if they may not know of it.
pub fn held(page: &Page, organizations: &[Organization], caller: &Caller, of: usize) -> Option<Held> {
    let organization = &organizations[of];
    match &caller.who {
        Who::Nobody => None,
        Who::Operator => Some(Held::of(&page.all(), None)),
        Who::Key { organization, .. } => (*organization == of).then(Held::default),
        Who::Scim { organization, permissions, .. } => (*organization == of).then(|| {
            let base: Names = SCIM_BASE.iter().map(|name| (*name).to_owned()).collect();
            Held::of(&base.union(&page.meant(permissions)).cloned().collect(), None)
        }),
        Who::Session { user, .. } | Who::Token { user, .. } => {
            let active = organization.members.get(user) == Some(&true);
            if !active || !caller.reaches(of) {
                return None;
            }
            let held = organization.groups_give(page, user);
            match &caller.who {
                Who::Token { permissions: Some(permissions), .. } => Some(held.only(&page.meant(permissions))),
                _ => Some(held),
            }
        }
    }
}

/// Whether a request is let through to a route that asks for this in an organization (none: one that is not there), and
/// what of the log it sees then; else the status that refuses it.
pub fn judge(
    page: &Page,
    organizations: &[Organization],
    caller: &Caller,
    of: Option<usize>,
    asked: &str,
) -> Result<Seen, u16> {
    if !caller.alive || matches!(caller.who, Who::Nobody) {
        return Err(401);
    }
    let held = of.and_then(|of| held(page, organizations, caller, of)).ok_or(404_u16)?;
    // No organization of this test opens its log to everybody.
    let asked = asked.split(", or nothing").next().unwrap_or(asked);
    // Proofs of single events are not asked for here.
    let asked = asked.split("; with `proof=true`").next().unwrap_or(asked);
    if let Some(both) = asked.strip_suffix(", both for the whole organization") {
        let may = !matches!(caller.who, Who::Scim { .. })
            && both.split(" and ").all(|permission| held.all.contains(permission.trim_matches('`')));
        return if may { Ok(Seen::Everything) } else { Err(403) };
    }
    let (asked, as_a_whole) = match asked.strip_suffix(" for the whole organization") {
        Some(asked) => (asked, true),
        None => (asked, false),
    };
    if asked == "a key of the organization" {
        let may = matches!(caller.who, Who::Operator | Who::Key { .. });
        return if may { Ok(Seen::Nothing) } else { Err(403) };
    }
    if let Some(permission) = asked.strip_prefix("a SCIM token with ") {
        let may = matches!(caller.who, Who::Operator | Who::Scim { .. });
        return if may && held.all.contains(permission.trim_matches('`')) { Ok(Seen::Nothing) } else { Err(403) };
    }
    let permission = asked.strip_prefix('`').and_then(|asked| asked.strip_suffix('`'));
    let permission = permission.unwrap_or_else(|| panic!("the test does not know what it is to ask for {asked}"));
    if matches!(caller.who, Who::Scim { .. }) {
        return Err(403);
    }
    if held.all.contains(permission) {
        return Ok(Seen::Everything);
    }
    let by_project = !as_a_whole && BY_PROJECT.contains(&permission);
    let projects = held.projects.into_iter().filter(|(_, held)| by_project && held.contains(permission));
    let projects: Names = projects.map(|(project, _)| project).collect();
    if projects.is_empty() { Err(403) } else { Ok(Seen::Projects(projects)) }
}
