//! The roles and groups that every organization has. They are part of the program and stand in no store, so that nobody
//! can change or delete them; who is in the groups, and which further roles these have, is the organization's.

use crate::access::{Area, Right, Rights};

/// A role that every organization has, and the group of the same name and id that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Everything.
    Admin,
    /// The platform and its audit log, and who may see it.
    PlatformEngineer,
    /// The platform's components.
    Developer,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Default {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Default; 4] = [Default::Admin, Default::PlatformEngineer, Default::Developer, Default::Auditor];

    /// The id of role and group.
    pub const fn id(self) -> &'static str {
        match self {
            Default::Admin => "admin",
            Default::PlatformEngineer => "platform-engineer",
            Default::Developer => "developer",
            Default::Auditor => "auditor",
        }
    }

    /// The name of role and group.
    pub const fn name(self) -> &'static str {
        match self {
            Default::Admin => "Admin",
            Default::PlatformEngineer => "Platform Engineer",
            Default::Developer => "Developer",
            Default::Auditor => "Auditor",
        }
    }

    /// What it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Default::Admin => "Holds every permission.",
            Default::PlatformEngineer => {
                "Runs the platform: sees the audit log, manages users, keys and everything that runs."
            }
            Default::Developer => "Builds and deploys components; does not see the audit log.",
            Default::Auditor => "Sees everything, exports and verifies the audit log, changes nothing.",
        }
    }

    /// What the role holds.
    pub fn rights(self) -> Rights {
        let areas = |areas: &[Area]| areas.iter().fold(Rights::NONE, |all, area| all.union(area.rights()));
        match self {
            Default::Admin => Rights::ALL,
            Default::PlatformEngineer => areas(&[
                Area::LogManagement,
                Area::UserManagement,
                Area::OnPremKeys,
                Area::ProjectManagement,
                Area::ComponentManagement,
                Area::EnvironmentManagement,
                Area::ConfigurationsManagement,
                Area::ObservabilityManagement,
            ])
            .union(Rights::from_iter([
                Right::OrganizationView,
                Right::SavedSearchesShare,
                Right::SignInView,
            ])),
            Default::Developer => Rights::from_iter([
                Right::ProjectsView,
                Right::ComponentsView,
                Right::ComponentsCreate,
                Right::ComponentsUpdate,
                Right::ComponentsDeploy,
                Right::EnvironmentsView,
                Right::ConfigurationsView,
                Right::ConfigurationsCreate,
                Right::ConfigurationsUpdate,
                Right::ObservabilityView,
                Right::OrganizationView,
            ]),
            Default::Auditor => Right::ALL
                .into_iter()
                .filter(|right| right.views())
                .collect::<Rights>()
                .union(Area::LogManagement.rights()),
        }
    }

    /// The default role or group with this id.
    pub fn from_id(id: &str) -> Option<Default> {
        Default::ALL.into_iter().find(|default| default.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_is_for_administrators_engineers_and_auditors() {
        let log = Area::LogManagement.rights();
        for default in Default::ALL {
            assert_eq!(default.rights().covers(log), default != Default::Developer, "{}", default.name());
        }
        let governance = Area::LogGovernance.rights();
        assert!(Default::Admin.rights().covers(governance));
        for default in [Default::PlatformEngineer, Default::Developer] {
            assert!(default.rights().within(governance).is_empty());
        }
        let changing =
            |right: Right| !right.views() && !matches!(right, Right::AuditLogsExport | Right::AuditLogsVerify);
        assert!(!Default::Auditor.rights().iter().any(changing));
        assert!(
            Right::ALL.into_iter().filter(|right| right.views()).all(|right| Default::Auditor.rights().holds(right))
        );
    }
}
