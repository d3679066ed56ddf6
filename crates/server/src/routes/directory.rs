//! Permissions, users, groups and roles.

use super::query::LIST;
use super::{JSON, Method, Operation, Permission, Route, answer, make, read, remove, show};
use crate::access::Right;

/// The routes.
pub(super) static ROUTES: [Route; 23] = [
    read(
        Operation::Permissions,
        "/v1/permissions",
        Permission::Authenticated,
        ("List permissions", "Every permission by area, and the default roles with what they hold."),
        &[],
        &[answer(200, &[(JSON, "Permissions")], "The permissions.")],
    ),
    show(
        Operation::UserList,
        ("/v1/orgs/{org}/users", Right::UsersView, "user.list"),
        ("List users", "The members of the organization by name, with the groups they are in."),
        LIST,
        &[answer(200, &[(JSON, "Users")], "A page of users.")],
    ),
    make(
        Operation::UserCreate,
        ("/v1/orgs/{org}/users", Right::UsersInvite, "user.create"),
        (
            "Create a user",
            "Makes a person a member at once. An account that exists is joined as it is: its name and password stay.",
        ),
        &[(JSON, "NewUser")],
        &[answer(201, &[(JSON, "User")], "The user is a member.")],
    ),
    show(
        Operation::UserView,
        ("/v1/orgs/{org}/users/{id}", Right::UsersView, "user.view"),
        ("Read a user", "A member, with the groups they are in."),
        &[],
        &[answer(200, &[(JSON, "User")], "The user.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::UserUpdate,
            ("/v1/orgs/{org}/users/{id}", Right::UsersUpdate, "user.update"),
            (
                "Change a user",
                "Their name within the organization, and whether they are active: who is not sees nothing of it from the next request on.",
            ),
            &[(JSON, "UserUpdate")],
            &[answer(200, &[(JSON, "User")], "As it is now.")],
        )
    },
    remove(
        Operation::UserRemove,
        ("/v1/orgs/{org}/users/{id}", Right::UsersDelete, "user.remove"),
        ("Remove a user", "Ends the membership, at the next request. The person's account stays."),
    ),
    show(
        Operation::UserPermissions,
        ("/v1/orgs/{org}/users/{id}/permissions", Right::UsersView, "user.view"),
        ("Explain what a user may do", "Every permission that holds, and because of which groups and roles."),
        &[],
        &[answer(200, &[(JSON, "UserPermissions")], "The permissions with their reasons.")],
    ),
    show(
        Operation::GroupList,
        ("/v1/orgs/{org}/groups", Right::GroupsView, "group.list"),
        ("List groups", "By name, the default groups first."),
        LIST,
        &[answer(200, &[(JSON, "Groups")], "A page of groups.")],
    ),
    make(
        Operation::GroupCreate,
        ("/v1/orgs/{org}/groups", Right::GroupsManage, "group.create"),
        ("Create a group", "Without members and roles."),
        &[(JSON, "NewGroup")],
        &[answer(201, &[(JSON, "Group")], "The group is there.")],
    ),
    show(
        Operation::GroupView,
        ("/v1/orgs/{org}/groups/{id}", Right::GroupsView, "group.view"),
        ("Read a group", "With its roles and the number of its members."),
        &[],
        &[answer(200, &[(JSON, "Group")], "The group.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::GroupUpdate,
            ("/v1/orgs/{org}/groups/{id}", Right::GroupsManage, "group.update"),
            ("Change a group", "Its name and description. Default groups stay as they are."),
            &[(JSON, "GroupUpdate")],
            &[answer(200, &[(JSON, "Group")], "As it is now.")],
        )
    },
    remove(
        Operation::GroupDelete,
        ("/v1/orgs/{org}/groups/{id}", Right::GroupsManage, "group.delete"),
        (
            "Delete a group",
            "With its memberships and assignments, at the next request. Default groups can not be deleted.",
        ),
    ),
    show(
        Operation::GroupMembers,
        ("/v1/orgs/{org}/groups/{id}/members", Right::GroupsView, "group.view"),
        ("List the members of a group", "By name. With their addresses for who may see users (`users_view`)."),
        LIST,
        &[answer(200, &[(JSON, "GroupMembers")], "A page of users.")],
    ),
    make(
        Operation::GroupMemberAdd,
        ("/v1/orgs/{org}/groups/{id}/members", Right::GroupsManage, "group.member.add"),
        ("Add a member to a group", "Nobody adds to a group that holds more than they do."),
        &[(JSON, "NewMember")],
        &[answer(201, &[(JSON, "Group")], "The user is in the group.")],
    ),
    remove(
        Operation::GroupMemberRemove,
        ("/v1/orgs/{org}/groups/{id}/members/{member}", Right::GroupsManage, "group.member.remove"),
        ("Remove a member from a group", "What only this group gave is gone at the next request."),
    ),
    show(
        Operation::GroupRoles,
        ("/v1/orgs/{org}/groups/{id}/roles", Right::GroupsView, "group.view"),
        ("List the roles of a group", "With the level of each."),
        &[],
        &[answer(200, &[(JSON, "Assignments")], "The roles.")],
    ),
    make(
        Operation::GroupRoleAssign,
        ("/v1/orgs/{org}/groups/{id}/roles", Right::GroupsManage, "group.role.assign"),
        (
            "Assign a role to a group",
            "For the whole organization or for some projects; a role that is assigned already gets the new level. Nobody assigns what they do not hold, nor to a group that holds more.",
        ),
        &[(JSON, "NewAssignment")],
        &[answer(201, &[(JSON, "Assignment")], "The role is assigned.")],
    ),
    remove(
        Operation::GroupRoleUnassign,
        ("/v1/orgs/{org}/groups/{id}/roles/{member}", Right::GroupsManage, "group.role.unassign"),
        ("Take a role from a group", "At the next request. A default group keeps the role of its name."),
    ),
    show(
        Operation::RoleList,
        ("/v1/orgs/{org}/roles", Right::RolesView, "role.list"),
        ("List roles", "By name, the default roles first."),
        LIST,
        &[answer(200, &[(JSON, "Roles")], "A page of roles.")],
    ),
    make(
        Operation::RoleCreate,
        ("/v1/orgs/{org}/roles", Right::RolesManage, "role.create"),
        (
            "Create a role",
            "Out of areas (all of an area) and single permissions. Nobody puts in what they do not hold.",
        ),
        &[(JSON, "NewRole")],
        &[answer(201, &[(JSON, "Role")], "The role is there.")],
    ),
    show(
        Operation::RoleView,
        ("/v1/orgs/{org}/roles/{id}", Right::RolesView, "role.view"),
        ("Read a role", "With its permissions and the groups that have it."),
        &[],
        &[answer(200, &[(JSON, "Role")], "The role.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::RoleUpdate,
            ("/v1/orgs/{org}/roles/{id}", Right::RolesManage, "role.update"),
            ("Change a role", "Its name, description and permissions. Default roles stay as they are."),
            &[(JSON, "RoleUpdate")],
            &[answer(200, &[(JSON, "Role")], "As it is now.")],
        )
    },
    remove(
        Operation::RoleDelete,
        ("/v1/orgs/{org}/roles/{id}", Right::RolesManage, "role.delete"),
        ("Delete a role", "It is taken from every group, at the next request. Default roles can not be deleted."),
    ),
];
