//! What an organization comes to with changes that are not made yet, as far as refusing them needs it: whether it keeps an
//! administrator, and what its people would hold.
//!
//! It looks through the changes at what is kept and copies nothing of that: an organization may have thousands of members, and
//! a provisioning run makes a change for each. A test compares it with what the changes, once made, have come to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use actarium_store::{DirectoryChange, OrganizationId};

use super::Effective;
use super::defaults::Default as DefaultRole;
use super::document::{Document, GroupMember, GroupRole, Level, Membership, Role};
use super::organization::OrganizationAccess;
use crate::access::Rights;

/// A document that cannot be read back.
pub type Unreadable = serde_json::Error;

/// What changes of a kind come to, by id: nothing for what is gone.
type Changes<'c, T> = HashMap<&'c str, Option<T>>;

/// Changes of pairs such as `group/user`, by the first and the second of them.
type PairChanges<'c, T> = HashMap<&'c str, BTreeMap<&'c str, Option<T>>>;

/// An organization with changes that are not made yet.
pub struct Upcoming<'c> {
    before: &'c OrganizationAccess,
    /// User → whether they are active.
    members: Changes<'c, bool>,
    /// Role → what it gives.
    roles: Changes<'c, Rights>,
    /// Group → user.
    group_members: PairChanges<'c, ()>,
    /// User → group.
    groups_of: PairChanges<'c, ()>,
    /// Group → role → its level.
    group_roles: PairChanges<'c, Level>,
}

fn document<D: Document>(change: &DirectoryChange) -> Result<Option<D>, Unreadable> {
    change.document.as_deref().map(serde_json::from_str).transpose()
}

impl<'c> Upcoming<'c> {
    /// The organization with this id as it is with those of the changes that are its own.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn new(
        before: &'c OrganizationAccess,
        id: OrganizationId,
        changes: &'c [DirectoryChange],
    ) -> Result<Self, Unreadable> {
        let mut upcoming = Self::unchanged(before);
        for change in changes.iter().filter(|change| change.organization == Some(id)) {
            let (kind, of) = (change.kind.as_str(), change.id.as_str());
            if kind == Membership::KIND {
                let active = document::<Membership>(change)?.map(|member| member.active);
                upcoming.members.insert(of, active);
            } else if kind == Role::KIND {
                let rights = document::<Role>(change)?.map(|role| Rights::from_known_names(&role.permissions));
                upcoming.roles.insert(of, rights);
            } else if let Some((group, other)) = of.split_once('/') {
                if kind == GroupMember::KIND {
                    let is_in = change.document.as_ref().map(|_| ());
                    upcoming.group_members.entry(group).or_default().insert(other, is_in);
                    upcoming.groups_of.entry(other).or_default().insert(group, is_in);
                } else if kind == GroupRole::KIND {
                    let level = document::<GroupRole>(change)?.map(|assignment| assignment.level);
                    upcoming.group_roles.entry(group).or_default().insert(other, level);
                }
            }
        }
        Ok(upcoming)
    }

    /// The organization as it is.
    pub fn unchanged(before: &'c OrganizationAccess) -> Self {
        Self {
            before,
            members: HashMap::new(),
            roles: HashMap::new(),
            group_members: HashMap::new(),
            groups_of: HashMap::new(),
            group_roles: HashMap::new(),
        }
    }

    fn is_active(&self, user: &str) -> bool {
        match self.members.get(user) {
            Some(active) => active.unwrap_or(false),
            None => self.before.member(user).is_some_and(|member| member.active),
        }
    }

    /// The users in a group.
    fn members_of<'s>(&'s self, group: &'s str) -> impl Iterator<Item = &'s str> {
        let changed = self.group_members.get(group);
        let is_changed = move |user: &str| changed.is_some_and(|changed| changed.contains_key(user));
        let kept = self.before.members_of(group).map(String::as_str).filter(move |user| !is_changed(user));
        kept.chain(changed.into_iter().flatten().filter(|(_, is_in)| is_in.is_some()).map(|(user, _)| *user))
    }

    /// The groups that a user is in.
    fn groups_of<'s>(&'s self, user: &'s str) -> impl Iterator<Item = &'s str> {
        let changed = self.groups_of.get(user);
        let is_changed = move |group: &str| changed.is_some_and(|changed| changed.contains_key(group));
        let kept = self.before.groups_of(user).map(String::as_str).filter(move |group| !is_changed(group));
        kept.chain(changed.into_iter().flatten().filter(|(_, is_in)| is_in.is_some()).map(|(group, _)| *group))
    }

    /// The stored assignments of a role to groups.
    fn assignments(&self) -> impl Iterator<Item = (&str, &str, &Level)> {
        let is_changed =
            move |group: &str, role: &str| self.group_roles.get(group).is_some_and(|roles| roles.contains_key(role));
        let kept = self.before.assignments().filter(move |(group, role, _)| !is_changed(group, role));
        let changed = self
            .group_roles
            .iter()
            .flat_map(|(group, roles)| roles.iter().filter_map(|(role, level)| Some((*group, *role, level.as_ref()?))));
        kept.chain(changed)
    }

    /// The groups that have a role at some level.
    fn groups_with<'s>(&'s self, role: &'s str) -> BTreeSet<&'s str> {
        let own = DefaultRole::from_id(role).map(DefaultRole::id);
        own.into_iter().chain(self.assignments().filter(|(_, of, _)| *of == role).map(|(group, ..)| group)).collect()
    }

    /// What a role gives; `None` if there is none.
    fn rights_of(&self, role: &str) -> Option<Rights> {
        match self.roles.get(role) {
            Some(rights) => *rights,
            None => self.before.role(role).map(|role| role.rights),
        }
    }

    /// What being in a group gives.
    fn given_by(&self, group: &str) -> Effective {
        let mut given = Effective::default();
        if let Some(default) = DefaultRole::from_id(group) {
            given.add(default.rights(), &Level::Organization);
        }
        let changed = self.group_roles.get(group);
        let is_changed = |role: &str| changed.is_some_and(|changed| changed.contains_key(role));
        let kept = self.before.stored_roles_of(group).filter(|(role, _)| !is_changed(role));
        let kept = kept.map(|(role, assignment)| (role, &assignment.level));
        let assigned = changed.into_iter().flatten().filter_map(|(role, level)| Some((*role, level.as_ref()?)));
        for (role, level) in kept.chain(assigned) {
            if let Some(rights) = self.rights_of(role) {
                given.add(rights, level);
            }
        }
        given
    }

    /// What a user holds; nothing for who is no active member.
    pub fn effective(&self, user: &str) -> Effective {
        let mut held = Effective::default();
        if self.is_active(user) {
            self.groups_of(user).for_each(|group| held.add_all(&self.given_by(group)));
        }
        held
    }

    /// Whether an active member who counts has the role Admin for the organization.
    pub fn has_administrator(&self, counts: impl Fn(&str) -> bool) -> bool {
        let admin = DefaultRole::Admin.id();
        let assigned = self.assignments().filter(|(_, role, level)| *role == admin && **level == Level::Organization);
        let mut groups = std::iter::once(admin).chain(assigned.map(|(group, ..)| group));
        groups.any(|group| self.members_of(group).any(|user| self.is_active(user) && counts(user)))
    }

    /// Whether somebody whom the changes give something would hold the log of more projects than what they see of it can name.
    pub fn exceeds_scopes(&self) -> bool {
        if !self.assignments().any(|(_, _, level)| matches!(level, Level::Project { .. })) {
            return false;
        }
        self.who_may_gain().into_iter().any(|user| self.effective(user).exceeds_scope())
    }

    /// The users to whom the changes may give something.
    pub fn who_may_gain(&self) -> BTreeSet<&str> {
        let mut users: BTreeSet<&str> =
            self.members.iter().filter(|(_, member)| member.is_some()).map(|(user, _)| *user).collect();
        let joined = self.groups_of.iter().filter(|(_, groups)| groups.values().any(Option::is_some));
        users.extend(joined.map(|(user, _)| *user));
        let assigned = self.group_roles.iter().filter(|(_, roles)| roles.values().any(Option::is_some));
        let mut groups: BTreeSet<&str> = assigned.map(|(group, _)| *group).collect();
        for (role, _) in self.roles.iter().filter(|(_, rights)| rights.is_some()) {
            groups.extend(self.groups_with(role));
        }
        users.extend(groups.into_iter().flat_map(|group| self.members_of(group)));
        users
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::State;
    use crate::directory::document::Origin;
    use crate::directory::edit::changed;

    const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);
    const USERS: [&str; 4] = ["ada", "bob", "cleo", "dora"];
    const GROUPS: [&str; 4] = ["admin", "auditor", "grp_1", "grp_2"];
    const ROLES: [&str; 4] = ["admin", "developer", "rol_1", "rol_2"];

    /// Numbers that are the same in each run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        fn one(&mut self, of: [&'static str; 4]) -> &'static str {
            of[self.below(4) as usize]
        }
    }

    fn made<D: Document>(id: String, document: Option<&D>) -> DirectoryChange {
        DirectoryChange {
            kind: D::KIND.to_owned(),
            organization: Some(ORGANIZATION),
            id,
            expected_version: None,
            document: document.map(|document| serde_json::to_string(document).unwrap()),
        }
    }

    fn some_change(numbers: &mut Numbers) -> DirectoryChange {
        let stays = numbers.below(3) > 0;
        let (user, group) = (numbers.one(USERS), numbers.one(GROUPS));
        let role = numbers.one(ROLES);
        match numbers.below(4) {
            0 => {
                let active = numbers.below(3) > 0;
                let (joined_at, name, external_id) = (0, None, None);
                let member = Membership { joined_at, origin: Origin::Operator, active, name, external_id };
                made(user.into(), stays.then_some(&member))
            }
            1 => {
                let member = GroupMember { added_at: 0, mapped_by: None };
                made(format!("{group}/{user}"), stays.then_some(&member))
            }
            2 => {
                let project = Level::Project { projects: vec![format!("p-{}", numbers.below(3))] };
                let level = if numbers.below(2) == 0 { Level::Organization } else { project };
                made(format!("{group}/{role}"), stays.then_some(&GroupRole { level, assigned_at: 0 }))
            }
            _ => {
                let permissions =
                    vec![["users_view", "audit_logs_view", "LOG-MANAGEMENT"][numbers.below(3) as usize].into()];
                let (name, description) = (String::new(), String::new());
                let id = ["rol_1", "rol_2"][numbers.below(2) as usize];
                made(id.into(), stays.then_some(&Role { name, description, created_at: 0, permissions }))
            }
        }
    }

    #[test]
    fn what_is_foreseen_is_what_the_changes_come_to() {
        let (mut state, mut numbers) = (State::default(), Numbers(11));
        let (mut with, mut without, mut held) = (0, 0, 0);
        for _ in 0..2_000 {
            let mut changes: Vec<DirectoryChange> = Vec::new();
            for _ in 0..=numbers.below(4) {
                let change = some_change(&mut numbers);
                changes.retain(|other| (&other.kind, &other.id) != (&change.kind, &change.id));
                changes.push(change);
            }
            let upcoming = Upcoming::new(state.access(ORGANIZATION), ORGANIZATION, &changes).unwrap();
            let foreseen = (upcoming.has_administrator(|_| true), USERS.map(|user| upcoming.effective(user)));
            changes.iter().for_each(|change| state.apply(&changed(change)).unwrap());
            let access = state.access(ORGANIZATION);
            let holds = |user| access.effective(user).map(|held| held.as_ref().clone()).unwrap_or_default();
            assert_eq!(foreseen, (!access.administrators().is_empty(), USERS.map(holds)), "{changes:?}");
            assert_eq!(Upcoming::unchanged(access).has_administrator(|_| true), foreseen.0);
            if foreseen.0 {
                with += 1
            } else {
                without += 1
            }
            held += foreseen.1.iter().filter(|held| !held.projects.is_empty()).count();
        }
        assert!(with > 100 && without > 100 && held > 100, "{with} {without} {held}");
    }
}
