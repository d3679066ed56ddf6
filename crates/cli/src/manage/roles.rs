//! `actarium role` and `actarium permissions`: roles, and what they can be made of.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Column, Family, JsonArgument, OrgArgument, YesArgument, find, list, must_change, name, names, paged, put_given,
    text,
};
use crate::client::Client;
use crate::failure::Failure;
use crate::prompt;
use crate::show::{self, Details, Table};

#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// List the roles of an organization, the default ones first
    #[command(after_help = "Example:\n  actarium role list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        /// Only those with this in their name or description
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Create a role out of areas and single permissions
    #[command(after_help = "Examples:
  actarium role create --org acme 'Log readers' --permission LOG-MANAGEMENT
  actarium role create --org acme Helpdesk --description 'Looks people up' --permission users_view --permission groups_view

An area stands for all of its permissions, and for what a later version adds to it. `actarium permissions` lists them.")]
    Create {
        #[command(flatten)]
        org: OrgArgument,
        /// Its name
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// An area or a permission that it gives; repeatable
        #[arg(long, value_name = "PERMISSION", required = true)]
        permission: Vec<String>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Show a role with its permissions and the groups that have it
    #[command(after_help = "Example:\n  actarium role show --org acme 'Log readers'")]
    Show {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        role: String,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Change the name, description or permissions of a role
    #[command(after_help = "Example:
  actarium role update --org acme 'Log readers' --permission audit_logs_view --permission audit_logs_verify

The permissions that are given replace all that the role had.")]
    Update(UpdateArguments),
    /// Delete a role: groups that have it lose what it gives, at the next request
    #[command(after_help = "Example:\n  actarium role delete --org acme 'Log readers'")]
    Delete {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        role: String,
        #[command(flatten)]
        yes: YesArgument,
    },
}

#[derive(Args, Debug)]
pub struct UpdateArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// Name or id
    role: String,
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// An area or a permission that it gives from now on; repeatable
    #[arg(long, value_name = "PERMISSION")]
    permission: Vec<String>,
    #[command(flatten)]
    form: JsonArgument,
}

const COLUMNS: &[Column] = &[
    ("NAME", name),
    ("ID", super::id),
    ("DESCRIPTION", |role| text(role, "description")),
    ("PERMISSIONS", |role| names(&role["permissions"])),
];

pub fn role(client: &Client, command: RoleCommand) -> Result<(), Failure> {
    match command {
        RoleCommand::List { org, search, form } => {
            list(client, (&org.path("roles"), "roles"), &paged(search.as_deref()), form.json, COLUMNS)
        }
        RoleCommand::Create { org, name, description, permission, form } => {
            let mut body = json!({"name": name, "permissions": permission});
            put_given(&mut body, &[("description", description.map(Value::String))]);
            print_one(&client.make(&org.path("roles"), &body)?, form)
        }
        RoleCommand::Show { org, role, form } => {
            let id = find(client, &org, Family::ROLE, &role)?;
            print_one(&client.get(&org.path_of("roles", &id), &[])?, form)
        }
        RoleCommand::Update(arguments) => update(client, arguments),
        RoleCommand::Delete { org, role, yes } => delete(client, &org, &role, yes),
    }
}

fn print_one(role: &Value, form: JsonArgument) -> Result<(), Failure> {
    if form.json {
        return show::json_line(role);
    }
    let kind = if role["default"] == true { "default role, which stays as it is" } else { "" };
    let details = Details::new().with("role", name(role)).with("id", super::id(role)).with("kind", kind);
    let details = details.with("description", text(role, "description"));
    let details = details.with("permissions", names(&role["permissions"]));
    let all = names(&role["effective_permissions"]);
    let given = if all == names(&role["permissions"]) { String::new() } else { all };
    details.with("gives", given).with("groups", names(&role["groups"])).print()
}

fn update(client: &Client, arguments: UpdateArguments) -> Result<(), Failure> {
    let mut body = json!({});
    let permissions = (!arguments.permission.is_empty()).then(|| json!(arguments.permission));
    let given = [
        ("name", arguments.name.map(Value::String)),
        ("description", arguments.description.map(Value::String)),
        ("permissions", permissions),
    ];
    put_given(&mut body, &given);
    must_change(&body, "--name, --description or --permission")?;
    let id = find(client, &arguments.org, Family::ROLE, &arguments.role)?;
    print_one(&client.patch(&arguments.org.path_of("roles", &id), &body)?, arguments.form)
}

fn delete(client: &Client, org: &OrgArgument, role: &str, yes: YesArgument) -> Result<(), Failure> {
    let id = find(client, org, Family::ROLE, role)?;
    prompt::confirm(yes.yes, || {
        let role = client.get(&org.path_of("roles", &id), &[])?;
        let lost = match names(&role["groups"]) {
            none if none.is_empty() => "no group has it".to_owned(),
            groups => {
                format!("it is taken from {groups}, whose members lose {}", names(&role["effective_permissions"]))
            }
        };
        Ok(format!("role {} of {} is deleted; {lost}", name(&role), org.org))
    })?;
    client.delete(&org.path_of("roles", &id))?;
    show::note(&format!("role {role} of {} is deleted", org.org));
    Ok(())
}

/// What roles can be made of.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium permissions
  actarium permissions --json | jq -r '.permissions[].name'")]
pub struct PermissionsArguments {
    /// Print JSON, one area a line
    #[arg(long)]
    json: bool,
}

pub fn permissions(client: &Client, arguments: &PermissionsArguments) -> Result<(), Failure> {
    let all = client.get("/v1/permissions", &[])?;
    let areas = all["areas"].as_array().cloned().unwrap_or_default();
    if arguments.json {
        return areas.iter().try_for_each(show::json_line);
    }
    let holders = |permission: &Value| {
        let roles = all["default_roles"].as_array().into_iter().flatten();
        let holding =
            roles.filter(|role| role["permissions"].as_array().is_some_and(|held| held.contains(&permission["name"])));
        holding.map(name).collect::<Vec<_>>().join(", ")
    };
    let mut table = Table::new(&["AREA", "PERMISSION", "WHAT IT PERMITS", "DEFAULT ROLES"]);
    for area in &areas {
        for permission in area["permissions"].as_array().into_iter().flatten() {
            table.row(vec![name(area), name(permission), text(permission, "title"), holders(permission)]);
        }
    }
    table.print()
}
