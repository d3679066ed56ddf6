//! Every route of the table, with every credential that must not get through. A route without a case here cannot exist:
//! the cases are made from the table.

use actarium_server::routes::{Method, Operation, Permission, ROUTES, Route};

use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{Answer, Request, Service};
use crate::person::Person;

/// The route's path in an organization.
pub fn path_in(route: &Route, slug: &str) -> String {
    let path = route
        .path
        .replace("{org}", slug)
        .replace("{*id}", "0/000.p/1")
        .replace("{id}", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
        .replace("{member}", "nobody");
    let required: Vec<_> = route.parameters.iter().filter(|parameter| parameter.required).collect();
    let examples: Vec<_> =
        required.iter().map(|parameter| format!("{}={}", parameter.name, parameter.example)).collect();
    if examples.is_empty() { path } else { format!("{path}?{}", examples.join("&")) }
}

/// Whether only somebody with an account is let through.
fn is_personal(route: &Route) -> bool {
    matches!(route.permission, Permission::Person | Permission::Session)
}

/// A request of somebody who is let through to the route.
fn allowed<'s>(service: &'s Service, person: &Person, route: &Route, path: &str) -> Request<'s> {
    if is_personal(route) {
        person.request(service, route.method.name(), path)
    } else {
        service.request(route.method.name(), path)
    }
}

fn with_body<'s>(request: Request<'s>, route: &Route) -> Request<'s> {
    if route.bodies.is_empty() { request } else { request.body("application/json", "{}") }
}

fn send_as(service: &Service, route: &Route, slug: &str, token: Option<&str>) -> Answer {
    let mut request = service.anonymous(route.method.name(), &path_in(route, slug));
    if let Some(token) = token {
        request = request.bearer(token);
    }
    with_body(request, route).send()
}

/// All routes but those of SCIM, whose errors have another form and which are walked in `scim`.
fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().copied().filter(|route| !matches!(route.permission, Permission::Scim(_)))
}

fn guarded() -> impl Iterator<Item = &'static Route> {
    routes().filter(|route| route.permission != Permission::Public)
}

#[test]
fn without_a_known_credential_every_route_is_closed() {
    let service = Service::start();
    service.organization("acme");
    let (id, secret) = service.key("acme");
    let wrong_secret: String = secret.chars().rev().collect();
    assert_eq!(service.request("DELETE", &format!("/v1/orgs/acme/on-prem-keys/{id}")).send().status, 204);
    for route in guarded() {
        for token in [None, Some("x"), Some(&*wrong_secret), Some(&*secret)] {
            let answer = send_as(&service, route, "acme", token);
            assert_eq!(answer.status, 401, "{} {} {token:?}", route.method.name(), route.path);
            assert_eq!(answer.problem(), "unauthenticated");
            assert!(answer.headers["www-authenticate"].starts_with("Bearer"));
        }
    }
}

#[test]
fn the_key_of_another_organization_learns_nothing() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let (_, other) = service.key("other");
    for route in guarded().filter(|route| route.of_organization()) {
        let there = send_as(&service, route, "acme", Some(&other));
        let not_there = send_as(&service, route, "nobody", Some(&other));
        assert_eq!((there.status, not_there.status), (404, 404), "{} {}", route.method.name(), route.path);
        let (mut there, mut not_there) = (there.json(), not_there.json());
        for answer in [&mut there, &mut not_there] {
            answer["instance"].take();
            answer["detail"] = answer["detail"].as_str().unwrap().replace("nobody", "acme").into();
        }
        assert_eq!(there, not_there, "the answers tell whether the organization exists");
    }
}

#[test]
fn a_key_may_write_events_and_nothing_else() {
    let service = Service::start();
    service.organization("acme");
    let (_, key) = service.key("acme");
    for route in ROUTES.iter().copied().filter(|route| route.permission != Permission::Public) {
        let answer = send_as(&service, route, "acme", Some(&key));
        let told = format!("{} {}: {answer:?}", route.method.name(), route.path);
        match route.permission {
            Permission::Authenticated => assert_eq!(answer.status, 200, "{told}"),
            Permission::RecordEvents => assert!(matches!(answer.status, 200 | 422), "{told}"),
            _ => assert_eq!(answer.status, 403, "{told}"),
        }
    }
}

#[test]
fn the_operator_gets_through_everywhere() {
    let service = Service::start();
    service.organization("acme");
    for route in guarded().filter(|route| !is_personal(route)) {
        let answer = send_as(&service, route, "acme", Some(&service.token));
        assert!(!matches!(answer.status, 401 | 403 | 500..), "{} {}: {answer:?}", route.method.name(), route.path);
        let missing = send_as(&service, route, "nobody", Some(&service.token));
        if route.of_organization() {
            assert_eq!(missing.status, 404, "{} {}", route.method.name(), route.path);
            assert_eq!(missing.problem(), "not-found");
        }
    }
}

#[test]
fn every_route_refuses_what_it_does_not_know() {
    let service = Service::start();
    service.organization("acme");
    let person = Person::new(&service, "Cleo", &[]);
    // An identity provider may send back more than it was asked for, which is passed over (RFC 6749, section 4.1.2).
    for route in routes().filter(|route| route.operation != Operation::OidcCallback) {
        let path = path_in(route, "acme");
        let separator = if path.contains('?') { '&' } else { '?' };
        let unknown = allowed(&service, &person, route, &format!("{path}{separator}nonsense=1"));
        let unknown = with_body(unknown, route).send();
        assert_eq!((unknown.status, unknown.problem().as_str()), (400, "invalid-parameter"), "{}", route.path);
        assert!(unknown.json()["detail"].as_str().unwrap().contains("nonsense"));
        let taken: Vec<_> = ROUTES.iter().filter(|other| other.path == route.path).map(|other| other.method).collect();
        let other = if taken.contains(&Method::Put) { "DELETE" } else { "PUT" };
        let put = service.request(other, &path).send();
        assert_eq!((put.status, put.problem().as_str()), (405, "method-not-allowed"), "{}", route.path);
        assert!(put.headers["allow"].split(", ").any(|method| method == route.method.name()));
        if !route.answers.iter().all(|answer| answer.forms.is_empty()) {
            let strange = allowed(&service, &person, route, &path).header("accept", "image/png");
            let strange = with_body(strange, route).send();
            assert_eq!((strange.status, strange.problem().as_str()), (406, "not-acceptable"), "{}", route.path);
        }
    }
}

#[test]
fn every_body_is_bounded_and_read_strictly() {
    let service = Service::start();
    service.organization("acme");
    let person = Person::new(&service, "Cleo", &[]);
    for route in routes().filter(|route| !route.bodies.is_empty()) {
        let path = path_in(route, "acme");
        let post = || allowed(&service, &person, route, &path);
        let oversized = post().body("application/json", vec![b' '; route.body_bytes_max + 1]).send();
        assert_eq!((oversized.status, oversized.problem().as_str()), (413, "too-large"), "{}", route.path);
        let malformed = post().body("application/json", "{\n  \"a\": oops\n}").send();
        assert_eq!((malformed.status, malformed.problem().as_str()), (400, "malformed-body"), "{}", route.path);
        let position = malformed.json()["position"].clone();
        assert_eq!(position["line"], 2, "{}: {position}", route.path);
        assert!(position["column"].as_u64().unwrap() >= 8, "{}: {position}", route.path);
        let empty = post().body("application/json", "").send();
        assert!(matches!(empty.status, 400 | 422), "{}: {empty:?}", route.path);
        let foreign = post().body("text/html", "{}").send();
        assert_eq!((foreign.status, foreign.problem().as_str()), (415, "unsupported-media-type"), "{}", route.path);
        let packed = post().header("content-encoding", "br").body("application/json", "{}").send();
        assert_eq!((packed.status, packed.problem().as_str()), (415, "unsupported-media-type"), "{}", route.path);
    }
}

/// What the requests of the walks are about: one of everything, in the organization `acme`.
pub struct Fixtures {
    provider: String,
    invitation: String,
    revocable: String,
    hold: String,
    saved_search: String,
    export: String,
    erasures: [String; 2],
    redactions: [String; 2],
    event: Value,
    key: String,
    token: String,
    user: String,
    group: String,
    role: String,
    scim_token: String,
    scim_user: String,
    scim_group: String,
}

const SCIM_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const SCIM_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A change by SCIM of the name that is shown.
fn scim_patch(name: &str) -> Value {
    let operation = json!({"op": "replace", "path": "displayName", "value": name});
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

impl Fixtures {
    pub fn new(service: &Service) -> Self {
        service.organization("acme");
        let made = |what: &str, body: Value| {
            let answer = service.request("POST", &format!("/v1/orgs/acme/{what}")).json(&body).send();
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()["id"].as_str().unwrap_or_default().to_owned()
        };
        let user = made("users", json!({"email": "ada@example.com", "name": "Ada", "groups": ["admin"]}));
        let other = made("users", json!({"email": "bob@example.com", "name": "Bob"}));
        let group = made("groups", json!({"name": "On call"}));
        let role = made("roles", json!({"name": "Reader", "permissions": ["LOG-MANAGEMENT"]}));
        made(&format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
        made(&format!("groups/{group}/members"), json!({"user": user}));
        let scim_token = made("scim-tokens", json!({"name": "Directory"}));
        let scim_user = made("scim/v2/Users", json!({"schemas": [SCIM_USER], "userName": "cleo@example.com"}));
        let scim_group = made("scim/v2/Groups", json!({"schemas": [SCIM_GROUP], "displayName": "Provisioned"}));
        let provider = json!({"name": "Company", "issuer": "https://id.example.com", "client_id": "actarium"});
        let provider = made("identity-providers", provider);
        let invitation = made("invitations", json!({"email": "fay@example.com"}));
        let revocable = made("invitations", json!({"email": "gil@example.com"}));
        let hold = made("legal-holds", json!({"reason": "Another case", "target": "component:held"}));
        let search = json!({"name": "Denied", "q": "outcome:denied", "visibility": "organization"});
        let saved_search = made("saved-searches", search);
        // Of nothing, so that no erasure of the walk takes it away.
        let export = made("exports", json!({"format": "ndjson", "q": "action:nothing.happened"}));
        // Somebody else asks, so that the operator may approve.
        let asker = Person::new(service, "Dana", &["admin"]);
        let expires_at = actarium_core::time::to_text(SystemClock::new().now() + 3_600_000_000);
        let token = json!({"name": "Script", "expires_at": expires_at});
        let token = asker.request(service, "POST", "/v1/tokens").json(&token).send().json();
        let token = token["id"].as_str().unwrap().to_owned();
        let key = service.key("acme");
        let record = |id: &str| service.record("acme", &crate::client::event("component.deploy", id)).json();
        let [event, other_event] = ["orders", "carts"].map(|id| record(id)["events"][0]["id"].clone());
        let redaction = json!({"events": [event], "reason": "A secret", "remainder": false});
        let erasure = |user: &str| json!({"subject": format!("user:{user}"), "reason": "They asked"});
        let erasures =
            [asker.made(service, "erasures", erasure(&user)), asker.made(service, "erasures", erasure(&other))];
        let redactions = [&redaction; 2].map(|body| asker.made(service, "redactions", body.clone()));
        Self {
            provider,
            hold,
            saved_search,
            export,
            erasures,
            redactions,
            event: other_event,
            invitation,
            revocable,
            key: key.0,
            token,
            user: other,
            group,
            role,
            scim_token,
            scim_user,
            scim_group,
        }
    }

    /// A request that the route carries out: its path, body and the action of the record it leaves; none for a route
    /// that changes nothing anybody sees.
    pub fn sample(&self, route: &Route) -> Option<(String, Value, &'static str)> {
        let Self { provider, hold, invitation, revocable, key, user, group, role, .. } = self;
        let Self { saved_search, export, scim_token, scim_user, scim_group, erasures, redactions, .. } = self;
        let (id, member, body, action) = match route.operation {
            Operation::OrganizationCreate => ("", "", json!({"slug": "new", "name": "New"}), "organization.create"),
            Operation::OrganizationUpdate => ("", "", json!({"name": "Acme Inc."}), "organization.update"),
            Operation::KeyCreate => ("", "", json!({"name": "another"}), "on_prem_key.create"),
            Operation::KeyUpdate => (key.as_str(), "", json!({"name": "renamed"}), "on_prem_key.update"),
            Operation::KeyRevoke => (key.as_str(), "", Value::Null, "on_prem_key.revoke"),
            Operation::UserCreate => ("", "", json!({"email": "eve@example.com", "name": "Eve"}), "user.create"),
            Operation::UserUpdate => (user.as_str(), "", json!({"name": "Robert"}), "user.update"),
            Operation::UserRemove => (user.as_str(), "", Value::Null, "user.remove"),
            Operation::GroupCreate => ("", "", json!({"name": "Off call"}), "group.create"),
            Operation::GroupUpdate => (group.as_str(), "", json!({"description": "Who is called"}), "group.update"),
            Operation::GroupMemberAdd => (group.as_str(), "", json!({"user": user}), "group.member.add"),
            Operation::GroupMemberRemove => (group.as_str(), user.as_str(), Value::Null, "group.member.remove"),
            Operation::GroupRoleAssign => {
                let body = json!({"role": "auditor", "level": "project", "projects": ["p-1"]});
                (group.as_str(), "", body, "group.role.assign")
            }
            Operation::GroupRoleUnassign => (group.as_str(), role.as_str(), Value::Null, "group.role.unassign"),
            Operation::GroupDelete => (group.as_str(), "", Value::Null, "group.delete"),
            Operation::RoleCreate => ("", "", json!({"name": "Other", "permissions": ["users_view"]}), "role.create"),
            Operation::RoleUpdate => (role.as_str(), "", json!({"permissions": ["audit_logs_view"]}), "role.update"),
            Operation::RoleDelete => (role.as_str(), "", Value::Null, "role.delete"),
            Operation::RetentionUpdate => ("", "", json!({"hot_days": 400, "archive_days": 365}), "retention.update"),
            Operation::LegalHoldPlace => {
                ("", "", json!({"reason": "A case", "target": "component:held"}), "legal_hold.place")
            }
            Operation::LegalHoldRelease => (hold.as_str(), "", Value::Null, "legal_hold.release"),
            Operation::ExportCreate => ("", "", json!({"format": "csv"}), "audit_log.export"),
            Operation::ExportDelete => (export.as_str(), "", Value::Null, "audit_log.export.delete"),
            Operation::ErasureRequest => {
                let body = json!({"subject": "user:u-1", "reason": "They asked"});
                ("", "", body, "record.removal.request")
            }
            Operation::RedactionRequest => {
                let event = self.event.clone();
                let body = json!({"events": [event], "reason": "A secret", "remainder": false});
                ("", "", body, "record.removal.request")
            }
            Operation::ErasureApprove => (&*erasures[0], "", Value::Null, "record.removal.approve"),
            Operation::ErasureReject => (&*erasures[1], "", json!({"reason": "No"}), "record.removal.reject"),
            Operation::RedactionApprove => (&*redactions[0], "", Value::Null, "record.removal.approve"),
            Operation::RedactionReject => (&*redactions[1], "", json!({"reason": "No"}), "record.removal.reject"),
            Operation::SavedSearchCreate => ("", "", json!({"name": "All"}), "audit_log.search.save"),
            Operation::SavedSearchUpdate => {
                (saved_search.as_str(), "", json!({"from": "-7d"}), "audit_log.search.update")
            }
            Operation::SavedSearchDelete => (saved_search.as_str(), "", Value::Null, "audit_log.search.delete"),
            Operation::ScimTokenCreate => ("", "", json!({"name": "another"}), "token.create"),
            Operation::ScimTokenRevoke => (scim_token.as_str(), "", Value::Null, "token.revoke"),
            Operation::ScimUserCreate => {
                ("", "", json!({"schemas": [SCIM_USER], "userName": "dora@example.com"}), "user.create")
            }
            Operation::ScimUserReplace => {
                let body = json!({"schemas": [SCIM_USER], "userName": "cleo@example.com", "title": "Dr"});
                (scim_user.as_str(), "", body, "user.update")
            }
            Operation::ScimUserUpdate => (scim_user.as_str(), "", scim_patch("Cleo"), "user.update"),
            Operation::ScimUserDelete => (scim_user.as_str(), "", Value::Null, "user.remove"),
            Operation::ScimGroupCreate => {
                ("", "", json!({"schemas": [SCIM_GROUP], "displayName": "More"}), "group.create")
            }
            Operation::ScimGroupReplace => {
                let body = json!({"schemas": [SCIM_GROUP], "displayName": "Renamed"});
                (scim_group.as_str(), "", body, "group.update")
            }
            Operation::ScimGroupUpdate => (scim_group.as_str(), "", scim_patch("Renamed twice"), "group.update"),
            Operation::ScimGroupDelete => (scim_group.as_str(), "", Value::Null, "group.delete"),
            // These only look, with what they look for in the body.
            Operation::ScimSearch | Operation::ScimUserSearch | Operation::ScimGroupSearch => return None,
            Operation::IdentityProviderCreate => {
                let body = json!({"name": "Another", "issuer": "https://id.example.com", "client_id": "actarium"});
                ("", "", body, "identity_provider.create")
            }
            Operation::IdentityProviderUpdate => {
                (provider.as_str(), "", json!({"name": "Renamed"}), "identity_provider.update")
            }
            Operation::IdentityProviderDelete => (provider.as_str(), "", Value::Null, "identity_provider.delete"),
            Operation::SignInUpdate => ("", "", json!({"joining_domains": ["example.com"]}), "sign_in.update"),
            Operation::InvitationCreate => ("", "", json!({"email": "hal@example.com"}), "user.invite"),
            Operation::InvitationResend => (invitation.as_str(), "", Value::Null, "user.invitation.resend"),
            Operation::InvitationRevoke => (revocable.as_str(), "", Value::Null, "user.invitation.revoke"),
            // With a secret that the operator does not have: `invitations` walks them with their records.
            Operation::InvitationShow | Operation::InvitationAccept => return None,
            // A person's own, with a session that the operator does not have: `own_affairs` walks them with their records.
            Operation::SignIn
            | Operation::SignOut
            | Operation::SessionRevoke
            | Operation::PasswordChange
            | Operation::SecondFactorBegin
            | Operation::SecondFactorRemove
            | Operation::SecondFactorConfirm
            | Operation::RecoveryCodesRenew
            | Operation::TokenCreate
            | Operation::TokenRevoke
            | Operation::UserSessionRevoke => return None,
            Operation::UserTokenRevoke => (self.token.as_str(), "", Value::Null, "token.revoke"),
            // Moves events from one place of the store to another; nothing that anybody sees is changed.
            Operation::Seal => return None,
            // Carries out what was chosen; each archiving and purge is recorded where it happens (`retention`).
            Operation::RetentionRun => return None,
            other => panic!("{other:?} changes something; say here which record it leaves"),
        };
        let mut path = route.path.replace("{org}", "acme").replace("{id}", id).replace("{member}", member);
        for required in route.parameters.iter().filter(|parameter| parameter.required) {
            path.push_str(&format!("?{}={}", required.name, required.example));
        }
        Some((path, body, action))
    }
}

/// A mutating route that leaves no record would pass unnoticed otherwise: each must be named above with its record.
/// Routes that take away come last, what hangs on something before that itself.
#[test]
fn every_change_leaves_a_record() {
    let service = Service::start();
    let fixtures = Fixtures::new(&service);
    let mut routes: Vec<_> =
        ROUTES.iter().copied().filter(|route| route.method != Method::Get && !route.ingests()).collect();
    routes.sort_by_key(|route| (route.method == Method::Delete, std::cmp::Reverse(route.path.len())));
    for route in routes {
        let Some((path, body, action)) = fixtures.sample(route) else { continue };
        let slug = if route.of_organization() { "acme" } else { "new" };
        let count = || match service.get(&format!("/v1/orgs/{slug}/events")).status {
            404 => 0,
            _ => service.find(slug, &format!("action={action}&outcome=success&limit=1000")).len(),
        };
        let before = count();
        let request = service.request(route.method.name(), &path);
        let answer = if body.is_null() { request.send() } else { request.json(&body).send() };
        assert!(matches!(answer.status, 200 | 201 | 204), "{} {path}: {answer:?}", route.method.name());
        assert_eq!(count(), before + 1, "{} {path}: {action} has left no record", route.method.name());
    }
}
