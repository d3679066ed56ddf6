//! A request for every route of an organization, about things that are there, or that are another's, or nobody's.

use actarium_server::routes::{Operation, Route};
use serde_json::{Value, json};

use super::model::{Caller, Organization, Who, is_default};
use super::random::Random;
use super::world::{World, text};

/// What a request is about: one of each kind.
#[derive(Clone, Debug)]
pub struct Ids {
    pub user: String,
    pub group: String,
    pub role: String,
    pub key: String,
    pub scim_token: String,
    pub provider: String,
    pub invitation: String,
    pub session: String,
    pub token: String,
    pub event: String,
    pub saved_search: String,
    pub export: String,
    pub erasure: String,
    pub redaction: String,
}

fn any<'a>(random: &mut Random, of: impl Iterator<Item = &'a String>) -> String {
    let all: Vec<&String> = of.collect();
    if all.is_empty() { "none".to_owned() } else { (*random.one(&all)).clone() }
}

impl Ids {
    /// Of things that the organization has.
    pub fn of(world: &mut World, of: usize) -> Self {
        let sessions: Vec<String> = world.callers.iter().filter_map(|caller| session_of(world, caller, of)).collect();
        let tokens: Vec<String> = world.callers.iter().filter_map(|caller| token_of(world, caller, of)).collect();
        let random = &mut world.random;
        let organization = &world.organizations[of];
        let events = &organization.events;
        Self {
            user: any(random, organization.members.keys()),
            group: any(random, organization.groups.keys().filter(|id| !is_default(id))),
            role: any(random, organization.roles.keys().filter(|id| !is_default(id))),
            key: any(random, organization.keys.iter()),
            scim_token: any(random, organization.scim_tokens.iter()),
            provider: any(random, organization.providers.iter()),
            invitation: any(random, organization.invitations.iter()),
            session: any(random, sessions.iter()),
            token: any(random, tokens.iter()),
            event: text(&random.one(events)["id"]),
            saved_search: any(random, organization.saved_searches.keys()),
            export: any(random, organization.exports.keys()),
            erasure: organization.erasure.clone(),
            redaction: organization.redaction.clone(),
        }
    }

    /// Of things that are nowhere, alike in form.
    pub fn of_nothing() -> Self {
        Self {
            user: "usr_00000000000000000000".into(),
            group: "grp_00000000000000000000".into(),
            role: "rol_00000000000000000000".into(),
            key: "0000000000000000".into(),
            scim_token: "0000000000000000".into(),
            provider: "idp_000000000000".into(),
            invitation: "000000000000".into(),
            session: "0000000000000000".into(),
            token: "0000000000000000".into(),
            event: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b".into(),
            saved_search: "search_000000000000".into(),
            export: "export_000000000000".into(),
            erasure: "erasure_000000000000".into(),
            redaction: "redaction_000000000000".into(),
        }
    }

    pub fn all(&self) -> Vec<&str> {
        let Self { user, group, role, key, scim_token, provider, invitation, session, event, saved_search, .. } = self;
        let Self { export, erasure, redaction, token, .. } = self;
        let ids = [user, group, role, key, scim_token, provider, invitation, session, token, event, saved_search];
        ids.into_iter().chain([export, erasure, redaction]).map(String::as_str).collect()
    }
}

/// The session of a caller, if it opens the organization for a member.
fn session_of(world: &World, caller: &Caller, of: usize) -> Option<String> {
    let Who::Session { user, id } = &caller.who else { return None };
    let opens = caller.alive && caller.reaches(of) && world.organizations[of].members.contains_key(user);
    opens.then(|| id.clone())
}

/// The sessions of a member that open the organization.
pub fn sessions_of<'w>(world: &'w World, user: &'w str, of: usize) -> impl Iterator<Item = String> + 'w {
    let own = world.callers.iter().filter(move |caller| caller.user() == Some(user));
    own.filter_map(move |caller| session_of(world, caller, of))
}

/// The token of a caller, if it works in the organization for a member.
fn token_of(world: &World, caller: &Caller, of: usize) -> Option<String> {
    let Who::Token { user, id, .. } = &caller.who else { return None };
    let works = caller.alive && caller.reaches(of) && world.organizations[of].members.contains_key(user);
    works.then(|| id.clone())
}

/// The tokens of a member that work in the organization.
pub fn tokens_of<'w>(world: &'w World, user: &'w str, of: usize) -> impl Iterator<Item = String> + 'w {
    let own = world.callers.iter().filter(move |caller| caller.user() == Some(user));
    own.filter_map(move |caller| token_of(world, caller, of))
}

const SCIM_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const SCIM_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const SCIM_PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SCIM_SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Path and body of a request that would be carried out for who may.
pub fn request_of(route: &Route, slug: &str, ids: &Ids) -> (String, Option<Value>) {
    let name = "Somebody else's doing";
    let renamed = || Some(json!({"name": name}));
    let scim_renamed = || {
        let operation = json!({"op": "replace", "path": "displayName", "value": name});
        Some(json!({"schemas": [SCIM_PATCH], "Operations": [operation]}))
    };
    let scim_user = || Some(json!({"schemas": [SCIM_USER], "userName": "intruder@example.com"}));
    let scim_group = || {
        let members = json!([{"value": ids.user}]);
        Some(json!({"schemas": [SCIM_GROUP], "displayName": name, "members": members}))
    };
    let body = match route.operation {
        Operation::UserCreate => Some(json!({"email": "intruder@example.com", "name": name, "groups": [ids.group]})),
        Operation::InvitationCreate => Some(json!({"email": "intruder@example.com", "groups": [ids.group]})),
        Operation::UserUpdate | Operation::GroupUpdate | Operation::RoleUpdate => renamed(),
        Operation::OrganizationUpdate | Operation::IdentityProviderUpdate | Operation::KeyUpdate => renamed(),
        Operation::SavedSearchCreate | Operation::SavedSearchUpdate => renamed(),
        Operation::GroupCreate | Operation::KeyCreate | Operation::ScimTokenCreate => renamed(),
        Operation::RoleCreate => Some(json!({"name": name, "permissions": ["users_view"]})),
        Operation::ExportCreate => Some(json!({"format": "csv"})),
        Operation::GroupMemberAdd => Some(json!({"user": ids.user})),
        Operation::GroupRoleAssign => Some(json!({"role": ids.role, "level": "organization"})),
        Operation::SignInUpdate => Some(json!({"joining_domains": ["intruder.example"]})),
        Operation::IdentityProviderCreate => {
            Some(json!({"name": name, "issuer": "https://id.example.com", "client_id": "intruder"}))
        }
        Operation::EventsRecord => Some(crate::client::event("component.deploy", "intruder")),
        Operation::ScimUserCreate | Operation::ScimUserReplace => scim_user(),
        Operation::ScimGroupCreate | Operation::ScimGroupReplace => scim_group(),
        Operation::ScimUserUpdate | Operation::ScimGroupUpdate => scim_renamed(),
        Operation::ScimSearch | Operation::ScimUserSearch | Operation::ScimGroupSearch => {
            Some(json!({"schemas": [SCIM_SEARCH]}))
        }
        _ if route.bodies.is_empty() => None,
        _ => Some(json!({})),
    };
    let (id, member) = path_ids(route, ids);
    let path = route.path.replace("{org}", slug).replace("{*id}", "entries/000.p/1");
    let path = path.replace("{id}", &id).replace("{member}", &member);
    let required = route.parameters.iter().filter(|parameter| parameter.required);
    let query: Vec<String> = required.map(|parameter| format!("{}={}", parameter.name, parameter.example)).collect();
    let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    (path, body)
}

/// What `{id}` and `{member}` of a route's path stand for.
fn path_ids(route: &Route, ids: &Ids) -> (String, String) {
    let id = match route.path.split('/').nth(4).unwrap_or_default() {
        "users" => &ids.user,
        "groups" => &ids.group,
        "roles" => &ids.role,
        "on-prem-keys" => &ids.key,
        "scim-tokens" => &ids.scim_token,
        "identity-providers" => &ids.provider,
        "invitations" => &ids.invitation,
        "sessions" => &ids.session,
        "tokens" => &ids.token,
        "saved-searches" => &ids.saved_search,
        "exports" => &ids.export,
        "erasures" => &ids.erasure,
        "redactions" => &ids.redaction,
        "events" => &ids.event,
        "scim" => match route.path.split('/').nth(6).unwrap_or_default() {
            "Users" => &ids.user,
            "Groups" => &ids.group,
            "Schemas" => SCIM_USER,
            _ => "User",
        },
        _ => "none",
    };
    let member = if route.path.contains("/members/") { &ids.user } else { &ids.role };
    (id.to_owned(), member.clone())
}

/// Whether the route is about something that belongs to an organization and that the request names.
pub fn names_something(route: &Route) -> bool {
    let named_in_body =
        matches!(route.operation, Operation::UserCreate | Operation::InvitationCreate | Operation::ScimGroupCreate);
    let of_the_program = matches!(route.operation, Operation::ScimResourceType | Operation::ScimSchema);
    (route.path.contains("{id}") && !of_the_program) || named_in_body
}

/// All that must not be seen by who has nothing to do with the organization.
pub fn secrets_of(organization: &Organization) -> Vec<&str> {
    let Organization { marker, id, groups, roles, keys, scim_tokens, providers, .. } = organization;
    let Organization { invitations, saved_searches, exports, erasure, redaction, .. } = organization;
    let of_it = groups.keys().chain(roles.keys()).filter(|id| !is_default(id)).chain(keys).chain(scim_tokens);
    let of_it = of_it.chain(providers).chain(invitations).chain(saved_searches.keys()).chain(exports.keys());
    of_it.chain([marker, id, erasure, redaction]).map(String::as_str).collect()
}
