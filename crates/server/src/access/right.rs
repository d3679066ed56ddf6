//! Permissions: the closed set of what a role can hold, in areas, and sets of them.
//!
//! Names and areas are part of the API and of stored roles: they are added to and never renamed. This file must not know
//! who holds what.

use std::fmt;

/// An area of permissions, as roles show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// To see, search, export and verify the audit log.
    LogManagement,
    /// Retention, legal holds, erasure, redaction.
    LogGovernance,
    /// People, groups, roles and sessions.
    UserManagement,
    /// On-premises keys.
    OnPremKeys,
    /// The organization itself, how people sign in to it, and searches that it shares.
    OrganizationManagement,
    /// Projects of the platform.
    ProjectManagement,
    /// Components of the platform.
    ComponentManagement,
    /// Environments of the platform.
    EnvironmentManagement,
    /// Configurations of the platform.
    ConfigurationsManagement,
    /// Logs, metrics and alerts of the platform.
    ObservabilityManagement,
}

impl Area {
    /// All areas, in the order in which they are shown.
    pub const ALL: [Area; 10] = [
        Area::LogManagement,
        Area::LogGovernance,
        Area::UserManagement,
        Area::OnPremKeys,
        Area::OrganizationManagement,
        Area::ProjectManagement,
        Area::ComponentManagement,
        Area::EnvironmentManagement,
        Area::ConfigurationsManagement,
        Area::ObservabilityManagement,
    ];

    /// The area's name: in a role it stands for all permissions of the area, later ones too.
    pub const fn name(self) -> &'static str {
        match self {
            Area::LogManagement => "LOG-MANAGEMENT",
            Area::LogGovernance => "LOG-GOVERNANCE",
            Area::UserManagement => "USER-MANAGEMENT",
            Area::OnPremKeys => "ON-PREM-KEYS",
            Area::OrganizationManagement => "ORGANIZATION-MANAGEMENT",
            Area::ProjectManagement => "PROJECT-MANAGEMENT",
            Area::ComponentManagement => "COMPONENT-MANAGEMENT",
            Area::EnvironmentManagement => "ENVIRONMENT-MANAGEMENT",
            Area::ConfigurationsManagement => "CONFIGURATIONS-MANAGEMENT",
            Area::ObservabilityManagement => "OBSERVABILITY-MANAGEMENT",
        }
    }

    /// What it is about, for people who choose.
    pub const fn title(self) -> &'static str {
        match self {
            Area::LogManagement => "See, search, export and verify the audit log",
            Area::LogGovernance => "Retention, legal holds, erasure and redaction",
            Area::UserManagement => "Users, groups, roles and sessions",
            Area::OnPremKeys => "On-premises keys",
            Area::OrganizationManagement => "The organization, how people sign in to it, searches saved for all",
            Area::ProjectManagement => "Projects",
            Area::ComponentManagement => "Components, their deployment and promotion",
            Area::EnvironmentManagement => "Environments",
            Area::ConfigurationsManagement => "Configurations",
            Area::ObservabilityManagement => "Logs, metrics and alerts of the platform",
        }
    }

    /// The area with this name.
    pub fn from_name(name: &str) -> Option<Area> {
        Area::ALL.into_iter().find(|area| area.name() == name)
    }

    /// Every permission of the area.
    pub fn rights(self) -> Rights {
        Right::ALL.into_iter().filter(|right| right.area() == self).collect()
    }
}

macro_rules! rights {
    ($($right:ident $area:ident $name:literal $title:literal,)*) => {
        /// One permission.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each has a title")]
        pub enum Right { $($right,)* }

        impl Right {
            /// All permissions, by area.
            pub const ALL: [Right; [$($name,)*].len()] = [$(Right::$right,)*];

            /// The permission's name.
            pub const fn name(self) -> &'static str {
                match self { $(Right::$right => $name,)* }
            }

            /// What it lets somebody do.
            pub const fn title(self) -> &'static str {
                match self { $(Right::$right => $title,)* }
            }

            /// The area that it belongs to.
            pub const fn area(self) -> Area {
                match self { $(Right::$right => Area::$area,)* }
            }
        }
    };
}

rights! {
    AuditLogsView LogManagement "audit_logs_view" "See and search the audit log",
    AuditLogsExport LogManagement "audit_logs_export" "Export the audit log",
    AuditLogsVerify LogManagement "audit_logs_verify" "Verify the audit log",
    RetentionView LogGovernance "retention_view" "See how long records are kept",
    RetentionUpdate LogGovernance "retention_update" "Change how long records are kept",
    LegalHoldsView LogGovernance "legal_holds_view" "See legal holds",
    LegalHoldsManage LogGovernance "legal_holds_manage" "Place and release legal holds",
    RemovalsView LogGovernance "removals_view" "See erasures and redactions",
    RecordsErase LogGovernance "records_erase" "Ask for the erasure of a person from the records",
    RecordsRedact LogGovernance "records_redact" "Ask for the redaction of records",
    RemovalsApprove LogGovernance "removals_approve" "Approve erasures and redactions",
    UsersView UserManagement "users_view" "See users",
    UsersInvite UserManagement "users_invite" "Invite and create users",
    UsersUpdate UserManagement "users_update" "Change users",
    UsersDelete UserManagement "users_delete" "Remove users",
    GroupsView UserManagement "groups_view" "See groups",
    GroupsManage UserManagement "groups_manage" "Make, change and delete groups, their members and roles",
    RolesView UserManagement "roles_view" "See roles",
    RolesManage UserManagement "roles_manage" "Make, change and delete roles",
    SessionsView UserManagement "sessions_view" "See the sessions of users",
    SessionsRevoke UserManagement "sessions_revoke" "End the sessions of users",
    OnPremKeysView OnPremKeys "on_prem_keys_view" "See on-premises keys",
    OnPremKeysCreate OnPremKeys "on_prem_keys_create" "Create on-premises keys",
    OnPremKeysUpdate OnPremKeys "on_prem_keys_update" "Change on-premises keys",
    OnPremKeysRevoke OnPremKeys "on_prem_keys_revoke" "Revoke on-premises keys",
    OrganizationView OrganizationManagement "organization_view" "See the organization",
    OrganizationUpdate OrganizationManagement "organization_update" "Change the organization",
    SavedSearchesShare OrganizationManagement "saved_searches_share" "Save searches of the audit log for the organization",
    SignInView OrganizationManagement "sign_in_view" "See how people sign in: identity providers, domains, provisioning",
    SignInManage OrganizationManagement "sign_in_manage" "Change how people sign in",
    ProjectsView ProjectManagement "projects_view" "See projects",
    ProjectsCreate ProjectManagement "projects_create" "Create projects",
    ProjectsUpdate ProjectManagement "projects_update" "Change projects",
    ProjectsDelete ProjectManagement "projects_delete" "Delete projects",
    ComponentsView ComponentManagement "components_view" "See components",
    ComponentsCreate ComponentManagement "components_create" "Create components",
    ComponentsUpdate ComponentManagement "components_update" "Change components",
    ComponentsDelete ComponentManagement "components_delete" "Delete components",
    ComponentsDeploy ComponentManagement "components_deploy" "Deploy components",
    ComponentsPromote ComponentManagement "components_promote" "Promote components",
    EnvironmentsView EnvironmentManagement "environments_view" "See environments",
    EnvironmentsCreate EnvironmentManagement "environments_create" "Create environments",
    EnvironmentsUpdate EnvironmentManagement "environments_update" "Change environments",
    EnvironmentsDelete EnvironmentManagement "environments_delete" "Delete environments",
    ConfigurationsView ConfigurationsManagement "configurations_view" "See configurations",
    ConfigurationsCreate ConfigurationsManagement "configurations_create" "Create configurations",
    ConfigurationsUpdate ConfigurationsManagement "configurations_update" "Change configurations",
    ConfigurationsDelete ConfigurationsManagement "configurations_delete" "Delete configurations",
    ObservabilityView ObservabilityManagement "observability_view" "See logs, metrics and alerts",
    ObservabilityManage ObservabilityManagement "observability_manage" "Change what is observed and alerted on",
}

impl Right {
    /// The permission with this name.
    pub fn from_name(name: &str) -> Option<Right> {
        Right::ALL.into_iter().find(|right| right.name() == name)
    }

    /// Whether it can be held for some projects alone: those of the log that show events.
    pub const fn by_project(self) -> bool {
        matches!(self, Right::AuditLogsView | Right::AuditLogsExport)
    }

    /// Whether it only looks.
    pub fn views(self) -> bool {
        self.name().ends_with("_view")
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rights(u64);

// A bit for each.
const _: () = assert!(Right::ALL.len() <= u64::BITS as usize);

impl Rights {
    /// No permission.
    pub const NONE: Rights = Rights(0);
    /// Every permission.
    pub const ALL: Rights = Rights((1 << Right::ALL.len()) - 1);

    /// Whether the permission is in it.
    pub const fn holds(self, right: Right) -> bool {
        self.0 & (1 << right as u8) != 0
    }

    /// Whether all of the others are in it.
    pub const fn covers(self, others: Rights) -> bool {
        others.0 & !self.0 == 0
    }

    /// Those in either.
    #[must_use]
    pub const fn union(self, others: Rights) -> Rights {
        Rights(self.0 | others.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn within(self, others: Rights) -> Rights {
        Rights(self.0 & others.0)
    }

    /// Those of this that are not in the others.
    #[must_use]
    pub const fn without(self, others: Rights) -> Rights {
        Rights(self.0 & !others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its permissions, by area.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.holds(*right))
    }

    /// What names of areas and permissions stand for.
    ///
    /// # Errors
    /// The position of the first name that is neither.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Rights, usize> {
        let mut rights = Rights::NONE;
        for (position, name) in names.into_iter().enumerate() {
            let named = Area::from_name(name).map(Area::rights);
            let named = named.or_else(|| Right::from_name(name).map(|right| Rights::from_iter([right])));
            rights = rights.union(named.ok_or(position)?);
        }
        Ok(rights)
    }

    /// What those names of areas and permissions stand for that this version knows: what it does not know it does not grant.
    pub fn from_known_names(names: &[String]) -> Rights {
        let each = names.iter().filter_map(|name| Rights::from_names([name.as_str()]).ok());
        each.fold(Rights::NONE, Rights::union)
    }

    /// The names of its permissions.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Right::name).collect()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Rights(rights.into_iter().fold(0, |bits, right| bits | 1 << right as u8))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_areas_hold_every_permission_once() {
        let mut names: Vec<_> = Right::ALL.iter().map(|right| right.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Right::ALL.len());
        let all = Area::ALL.iter().fold(Rights::NONE, |all, area| {
            assert_eq!(all.within(area.rights()), Rights::NONE);
            all.union(area.rights())
        });
        assert_eq!(all, Rights::ALL);
    }

    #[test]
    fn an_area_stands_for_all_of_it() {
        let rights = Rights::from_names(["LOG-MANAGEMENT", "users_view"]).unwrap();
        let of_log = ["audit_logs_view", "audit_logs_export", "audit_logs_verify"];
        assert_eq!(rights.names(), [&of_log[..], &["users_view"]].concat());
        assert_eq!(Rights::from_names(["users_view", "log-management"]), Err(1));
        assert!(Rights::ALL.covers(rights) && !rights.covers(Rights::ALL));
    }
}
