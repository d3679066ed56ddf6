//! What somebody holds in an organization, and why. Pure: made of roles and assignments, it asks nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_core::filter::{SCOPE_PROJECTS_MAX, Scope};

use super::document::Level;
use crate::access::{Right, Rights};

/// The permissions that somebody holds in an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// For the organization as a whole.
    pub organization: Rights,
    /// For single projects, by their ids.
    pub projects: BTreeMap<Arc<str>, Rights>,
}

impl Effective {
    /// These permissions, held at a level.
    pub fn of(rights: Rights, level: &Level) -> Self {
        let mut held = Self::default();
        held.add(rights, level);
        held
    }

    /// Adds what a role gives at a level.
    pub fn add(&mut self, rights: Rights, level: &Level) {
        match level {
            Level::Organization => self.organization = self.organization.union(rights),
            Level::Project { projects } => {
                for project in projects {
                    let held = self.projects.entry(project.as_str().into()).or_default();
                    *held = held.union(rights);
                }
            }
        }
    }

    /// Adds all that another holds.
    pub fn add_all(&mut self, other: &Effective) {
        self.organization = self.organization.union(other.organization);
        for (project, rights) in &other.projects {
            let held = self.projects.entry(project.clone()).or_default();
            *held = held.union(*rights);
        }
    }

    /// What remains of it for a credential that has no more than `rights_max`.
    #[must_use]
    pub fn within(&self, rights_max: Rights) -> Self {
        let projects = self.projects.iter().map(|(project, rights)| (project.clone(), rights.within(rights_max)));
        Self { organization: self.organization.within(rights_max), projects: projects.collect() }
    }

    /// Whether it holds all that another does: for a project, in that project or in the organization.
    pub fn covers(&self, other: &Effective) -> bool {
        self.organization.covers(other.organization)
            && other.projects.iter().all(|(project, rights)| {
                let own = self.projects.get(project).copied().unwrap_or_default();
                self.organization.union(own).covers(*rights)
            })
    }

    /// What of the log a permission shows; `None` if it is held nowhere.
    pub fn scope(&self, right: Right) -> Option<Scope> {
        if self.organization.holds(right) {
            return Some(Scope::Everything);
        }
        if !right.by_project() {
            return None;
        }
        let shown = self.projects.iter().filter(|(_, rights)| rights.holds(right)).map(|(id, _)| &**id);
        let projects: Vec<&str> = shown.collect();
        // More than there may be nobody is given (`exceeds_scope`); who held more would see nothing.
        if projects.is_empty() { None } else { Scope::projects(projects).ok() }
    }

    /// Whether a permission is held for more projects than what is seen of the log can name.
    pub fn exceeds_scope(&self) -> bool {
        Right::ALL
            .into_iter()
            .filter(|right| right.by_project() && !self.organization.holds(*right))
            .any(|right| self.projects.values().filter(|rights| rights.holds(right)).nth(SCOPE_PROJECTS_MAX).is_some())
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.organization.is_empty() && self.projects.values().all(|rights| rights.is_empty())
    }
}

/// One way in which somebody comes by permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Id and name of the group.
    pub group: (String, String),
    /// Id and name of the role.
    pub role: (String, String),
    /// Where it holds.
    pub level: Level,
    /// What the role is made of.
    pub rights: Rights,
}

impl Reason {
    /// What it gives: for projects, only what can be held by project.
    pub fn given(&self) -> Rights {
        match self.level {
            Level::Organization => self.rights,
            Level::Project { .. } => by_project(self.rights),
        }
    }
}

/// Those of the permissions that can be held for some projects alone; the others give nothing there.
pub fn by_project(rights: Rights) -> Rights {
    rights.iter().filter(|right| right.by_project()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(names: &[&'static str]) -> Rights {
        Rights::from_names(names.iter().copied()).unwrap()
    }

    #[test]
    fn what_is_held_for_the_organization_covers_its_projects() {
        let mut some = Effective::default();
        some.add(rights(&["audit_logs_view"]), &Level::Project { projects: vec!["p".into(), "q".into()] });
        let mut all = Effective::default();
        all.add(rights(&["LOG-MANAGEMENT"]), &Level::Organization);
        assert!(all.covers(&some) && !some.covers(&all));
        let mut one = Effective::default();
        one.add(rights(&["audit_logs_view"]), &Level::Project { projects: vec!["p".into()] });
        assert!(some.covers(&one) && !one.covers(&some));
    }

    #[test]
    fn no_more_projects_are_held_than_can_be_seen() {
        let projects = |count: usize| (0..count).map(|number| format!("p-{number:05}")).collect();
        let mut held = Effective::default();
        held.add(rights(&["audit_logs_view"]), &Level::Project { projects: projects(SCOPE_PROJECTS_MAX) });
        assert!(!held.exceeds_scope() && held.scope(Right::AuditLogsView).is_some());
        held.add(rights(&["audit_logs_export"]), &Level::Project { projects: projects(SCOPE_PROJECTS_MAX + 1) });
        assert!(held.exceeds_scope());
        held.add(rights(&["audit_logs_export"]), &Level::Organization);
        assert!(!held.exceeds_scope(), "what is held for the organization names none");
    }

    #[test]
    fn only_the_log_is_seen_by_project() {
        let mut held = Effective::default();
        held.add(
            rights(&["audit_logs_view", "users_view"]),
            &Level::Project { projects: vec!["q".into(), "p".into()] },
        );
        assert_eq!(held.scope(Right::AuditLogsView), Scope::projects(["p", "q"]).ok());
        assert_eq!(held.scope(Right::UsersView), None);
        assert_eq!(held.scope(Right::AuditLogsExport), None);
        let both = rights(&["audit_logs_view", "users_view"]);
        assert_eq!(by_project(both).names(), ["audit_logs_view"]);
        let none = held.within(Rights::NONE);
        assert!(none.is_empty() && none.scope(Right::AuditLogsView).is_none());
    }
}
