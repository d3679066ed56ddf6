//! `actarium group`: groups, who is in them, and their roles.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::users::COLUMNS as USER_COLUMNS;
use super::{
    Column, Family, JsonArgument, OrgArgument, YesArgument, counted, find, find_all, list, must_change, name, names,
    paged, put_given, text,
};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::prompt;
use crate::show::{self, Details};

#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List the groups of an organization, the default ones first
    #[command(after_help = "Example:\n  actarium group list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        /// Only those with this in their name or description
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Create a group, without members and roles
    #[command(
        after_help = "Example:\n  actarium group create --org acme Reviewers --description 'Who reviews the log'"
    )]
    Create {
        #[command(flatten)]
        org: OrgArgument,
        /// Its name
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Show a group with its roles
    #[command(after_help = "Example:\n  actarium group show --org acme Reviewers")]
    Show(OneArguments),
    /// Change the name or description of a group
    #[command(after_help = "Example:\n  actarium group update --org acme Reviewers --name Auditors")]
    Update {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        group: String,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Delete a group: its members lose what it gives, at the next request
    #[command(after_help = "Example:\n  actarium group delete --org acme Reviewers")]
    Delete {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        group: String,
        #[command(flatten)]
        yes: YesArgument,
    },
    /// List the members of a group
    #[command(after_help = "Example:\n  actarium group members --org acme Reviewers")]
    Members(OneArguments),
    /// Put users into a group
    #[command(after_help = "Example:\n  actarium group add-member --org acme Reviewers ada@example.com bo@example.com")]
    AddMember(MembersArguments),
    /// Take users out of a group, which stay users of the organization
    #[command(after_help = "Example:\n  actarium group remove-member --org acme Reviewers ada@example.com")]
    RemoveMember(MembersArguments),
    /// Give a role to a group, for the organization or for some projects
    #[command(after_help = "Examples:
  actarium group add-role --org acme Reviewers 'Log readers' --level organization
  actarium group add-role --org acme Reviewers 'Log readers' --project payments --project billing

A role that the group has already gets the new level.")]
    AddRole(AddRoleArguments),
    /// Take a role from a group
    #[command(after_help = "Example:\n  actarium group remove-role --org acme Reviewers 'Log readers'")]
    RemoveRole {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id of the group
        group: String,
        /// Name or id of the role
        role: String,
    },
}

#[derive(Args, Debug)]
pub struct OneArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Name or id
    group: String,
    #[command(flatten)]
    form: JsonArgument,
}

#[derive(Args, Debug)]
pub struct MembersArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Name or id of the group
    group: String,
    /// E-mail addresses, names or ids of users
    #[arg(required = true, value_name = "USER")]
    users: Vec<String>,
}

/// Where a role holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Everywhere in the organization
    Organization,
    /// For the projects that --project names
    Project,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("where").args(["level", "project"]).required(true).multiple(true))]
pub struct AddRoleArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Name or id of the group
    group: String,
    /// Name or id of the role
    role: String,
    /// Where it holds
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// A project for which it holds, by the id that events name it by, not its name; repeatable
    #[arg(long, value_name = "PROJECT")]
    project: Vec<String>,
    #[command(flatten)]
    form: JsonArgument,
}

const COLUMNS: &[Column] = &[
    ("NAME", name),
    ("MEMBERS", |group| group["member_count"].to_string()),
    ("ID", super::id),
    ("ROLES", roles),
    ("DESCRIPTION", |group| text(group, "description")),
];

/// Where an assignment holds.
pub fn level(assignment: &Value) -> String {
    match assignment["projects"].as_array() {
        Some(projects) => {
            format!("{} {}", if projects.len() == 1 { "project" } else { "projects" }, names(&assignment["projects"]))
        }
        None => text(assignment, "level"),
    }
}

/// The roles of a group; where they do not hold everywhere, with the projects.
fn roles(group: &Value) -> String {
    let shown = |role: &Value| match role["projects"].is_array() {
        true => format!("{} ({})", name(role), level(role)),
        false => name(role),
    };
    group["roles"].as_array().into_iter().flatten().map(shown).collect::<Vec<_>>().join(", ")
}

pub fn group(client: &Client, command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::List { org, search, form } => {
            list(client, (&org.path("groups"), "groups"), &paged(search.as_deref()), form.json, COLUMNS)
        }
        GroupCommand::Create { org, name, description, form } => {
            let mut body = json!({ "name": name });
            put_given(&mut body, &[("description", description.map(Value::String))]);
            print_one(&client.make(&org.path("groups"), &body)?, form)
        }
        GroupCommand::Show(one) => {
            let id = find(client, &one.org, Family::GROUP, &one.group)?;
            print_one(&client.get(&one.org.path_of("groups", &id), &[])?, one.form)
        }
        GroupCommand::Update { org, group, name, description, form } => {
            let mut body = json!({});
            let given = [("name", name.map(Value::String)), ("description", description.map(Value::String))];
            put_given(&mut body, &given);
            must_change(&body, "--name or --description")?;
            let id = find(client, &org, Family::GROUP, &group)?;
            print_one(&client.patch(&org.path_of("groups", &id), &body)?, form)
        }
        GroupCommand::Delete { org, group, yes } => delete(client, &org, &group, yes),
        GroupCommand::Members(one) => {
            let id = find(client, &one.org, Family::GROUP, &one.group)?;
            let path = one.org.path(&format!("groups/{}/members", segment(&id)));
            list(client, (&path, "users"), &paged(None), one.form.json, USER_COLUMNS)
        }
        GroupCommand::AddMember(arguments) => add_members(client, &arguments),
        GroupCommand::RemoveMember(arguments) => remove_members(client, &arguments),
        GroupCommand::AddRole(arguments) => add_role(client, &arguments),
        GroupCommand::RemoveRole { org, group, role } => {
            let (id, role_id) = (find(client, &org, Family::GROUP, &group)?, find(client, &org, Family::ROLE, &role)?);
            client.delete(&org.path(&format!("groups/{}/roles/{}", segment(&id), segment(&role_id))))?;
            show::note(&format!("{group} has no longer the role {role}"));
            Ok(())
        }
    }
}

fn print_one(group: &Value, form: JsonArgument) -> Result<(), Failure> {
    if form.json {
        return show::json_line(group);
    }
    let kind = if group["default"] == true { "default group, which stays as it is" } else { "" };
    let details = Details::new().with("group", name(group)).with("id", super::id(group)).with("kind", kind);
    let details = details.with("description", text(group, "description"));
    details.with("members", group["member_count"].to_string()).with("roles", roles(group)).print()
}

fn delete(client: &Client, org: &OrgArgument, group: &str, yes: YesArgument) -> Result<(), Failure> {
    let id = find(client, org, Family::GROUP, group)?;
    prompt::confirm(yes.yes, || {
        let group = client.get(&org.path_of("groups", &id), &[])?;
        let members = counted(group["member_count"].as_u64().unwrap_or(0), "member");
        let lost = match roles(&group) {
            none if none.is_empty() => "it has no roles".to_owned(),
            roles => format!("they lose the roles {roles} where no other group gives them"),
        };
        Ok(format!("group {} of {} is deleted with {members}; {lost}", name(&group), org.org))
    })?;
    client.delete(&org.path_of("groups", &id))?;
    show::note(&format!("group {group} of {} is deleted", org.org));
    Ok(())
}

fn add_members(client: &Client, arguments: &MembersArguments) -> Result<(), Failure> {
    let org = &arguments.org;
    let id = find(client, org, Family::GROUP, &arguments.group)?;
    // All are looked up before the first is added: a name that is wrong changes nothing.
    let users = find_all(client, org, Family::USER, &arguments.users)?;
    let path = org.path(&format!("groups/{}/members", segment(&id)));
    for (user, called) in users.iter().zip(&arguments.users) {
        client.make(&path, &json!({ "user": user }))?;
        show::note(&format!("{called} is in {}", arguments.group));
    }
    Ok(())
}

fn remove_members(client: &Client, arguments: &MembersArguments) -> Result<(), Failure> {
    let org = &arguments.org;
    let id = find(client, org, Family::GROUP, &arguments.group)?;
    let users = find_all(client, org, Family::USER, &arguments.users)?;
    for (user, called) in users.iter().zip(&arguments.users) {
        client.delete(&org.path(&format!("groups/{}/members/{}", segment(&id), segment(user))))?;
        show::note(&format!("{called} is no longer in {}", arguments.group));
    }
    Ok(())
}

fn add_role(client: &Client, arguments: &AddRoleArguments) -> Result<(), Failure> {
    let projects = &arguments.project;
    let body = match (arguments.level, projects.is_empty()) {
        (Some(Level::Organization), false) => {
            return Err(Failure::Usage("--project belongs to --level project, which it means by itself".to_owned()));
        }
        (Some(Level::Project), true) => {
            return Err(Failure::Usage("--level project needs the projects: --project, once for each".to_owned()));
        }
        (_, true) => json!({"level": "organization"}),
        (_, false) => json!({"level": "project", "projects": projects}),
    };
    let org = &arguments.org;
    let id = find(client, org, Family::GROUP, &arguments.group)?;
    let mut body = body;
    body["role"] = Value::String(find(client, org, Family::ROLE, &arguments.role)?);
    let made = client.make(&org.path(&format!("groups/{}/roles", segment(&id))), &body)?;
    if arguments.form.json {
        return show::json_line(&made);
    }
    show::note(&format!("{} has the role {} for: {}", arguments.group, name(&made), level(&made)));
    Ok(())
}
