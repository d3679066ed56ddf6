//! Who is let through where: every route with each kind of credential and each default role, compared with the table of
//! `docs/PERMISSIONS.md`.
//!
//! The page is made of the code (`UPDATE=1` writes it anew); what it says is what the service does.

use std::fmt::Write as _;
use std::path::Path;

use actarium_server::access::{Area, Right};
use actarium_server::directory::defaults::Default as DefaultRole;
use actarium_server::routes::{Operation, Permission, ROUTES, Route};
use serde_json::json;

use crate::access::path_in;
use crate::client::Service;
use crate::person::Person;

/// With what somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    Nothing,
    Key,
    ScimToken,
    OperatorsToken,
    /// In a session, as somebody with a default role.
    Session(DefaultRole),
}

impl With {
    fn all() -> impl Iterator<Item = With> {
        let others = [With::Nothing, With::Key, With::ScimToken, With::OperatorsToken];
        others.into_iter().chain(DefaultRole::ALL.map(With::Session))
    }

    fn name(self) -> &'static str {
        match self {
            With::Nothing => "nothing",
            With::Key => "key",
            With::ScimToken => "SCIM token",
            With::OperatorsToken => "operator",
            With::Session(role) => role.name(),
        }
    }

    /// Whether the route lets somebody through who comes with it, in their own organization.
    fn is_let_through(self, route: &Route) -> bool {
        let holds = |right| match self {
            With::Session(role) => role.rights().holds(right),
            With::OperatorsToken => true,
            With::Nothing | With::Key | With::ScimToken => false,
        };
        match route.permission {
            Permission::Public => true,
            Permission::Authenticated => self != With::Nothing,
            Permission::Person | Permission::Session => matches!(self, With::Session(_)),
            Permission::Operator => self == With::OperatorsToken,
            Permission::RecordEvents => matches!(self, With::Key | With::OperatorsToken),
            Permission::Right(right) => holds(right),
            Permission::RightAndWholeLog(right) => holds(right) && holds(Right::AuditLogsView),
            Permission::Scim(_) => matches!(self, With::ScimToken | With::OperatorsToken),
            Permission::WholeLog | Permission::OpenLog => holds(Right::AuditLogsView),
        }
    }
}

fn marks<T>(columns: impl IntoIterator<Item = T>, held: impl Fn(T) -> bool) -> String {
    columns.into_iter().map(|column| if held(column) { " yes |" } else { "  |" }).collect()
}

fn page() -> String {
    let names: String = DefaultRole::ALL.iter().map(|role| format!(" {} |", role.name())).collect();
    let lines = "|---".repeat(DefaultRole::ALL.len());
    let mut page = String::from(
        "# Permissions\n\nWhat roles are made of, what the default roles hold, and what each route asks for. A role names \
         areas (all of an area, what is added later too) and single permissions. This page is made from the code, and a \
         test sends a request to every route without a credential, with each kind of credential and with each default role.\n",
    );
    page.push_str("\n## Permissions by area\n\n");
    let _ = writeln!(page, "| permission | lets somebody |{names}\n|---|---{lines}|");
    for area in Area::ALL {
        let of_area = marks(DefaultRole::ALL, |role| role.rights().covers(area.rights()));
        let _ = writeln!(page, "| **{}** | {} |{of_area}", area.name(), area.title());
        for right in area.rights().iter() {
            let title: String = right.title().into();
            let _ = writeln!(
                page,
                "| `{}` | {title} |{}",
                right.name(),
                marks(DefaultRole::ALL, |role| role.rights().holds(right))
            );
        }
    }
    page.push_str(
        "\n`audit_logs_view` and `audit_logs_export` can be held for some projects alone: then only events with a target of \
         type `project` with one of their ids are seen. Every other permission counts only for the whole organization. \
         Nobody gives what they do not hold, and nobody changes a user, a group or a role that holds more than they do, \
         nor a role that such a group has. Identity providers and SCIM tokens are made only by who holds every permission.\n",
    );
    page.push_str(
        "\n## Routes\n\nWho is let through with what: nothing, an on-premises key of the organization, a SCIM token of it, the \
         operator's token, or a session with a default role. A personal access token is let through where its person is and its \
         own permissions reach, but not where a session is asked for.\n\n",
    );
    let names: String = With::all().map(|with| format!(" {} |", with.name())).collect();
    let _ = writeln!(page, "| route | asks for |{names}\n|---|---{}|", "|---".repeat(With::all().count()));
    for route in ROUTES.iter().copied() {
        let (method, path, asked) = (route.method.name(), route.path, route.asks());
        let _ =
            writeln!(page, "| `{method} {path}` | {asked} |{}", marks(With::all(), |with| with.is_let_through(route)));
    }
    page
}

#[test]
fn the_page_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PERMISSIONS.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == page, "docs/PERMISSIONS.md is not what the code says; UPDATE=1 writes it anew");
}

#[test]
fn every_route_lets_each_credential_through_as_the_page_says() {
    let service = Service::start();
    service.organization("acme");
    let (_, key) = service.key("acme");
    let scim = service.request("POST", "/v1/orgs/acme/scim-tokens").json(&json!({"name": "Directory"})).send().json();
    let scim = scim["secret"].as_str().unwrap();
    // What ends the session that a walk uses comes last.
    let mut routes: Vec<&Route> = ROUTES.iter().copied().collect();
    routes.sort_by_key(|route| route.operation == Operation::SignOut);
    for with in With::all() {
        let person = match with {
            With::Session(role) => Some(Person::new(&service, &role.name().replace(' ', ""), &[role.id()])),
            _ => None,
        };
        for route in &routes {
            let (method, path) = (route.method.name(), path_in(route, "acme"));
            let request = match (&person, with) {
                (Some(person), _) => person.request(&service, method, &path),
                (None, With::Key) => service.anonymous(method, &path).bearer(&key),
                (None, With::ScimToken) => service.anonymous(method, &path).bearer(scim),
                (None, With::OperatorsToken) => service.request(method, &path),
                (None, _) => service.anonymous(method, &path),
            };
            let answer =
                if route.bodies.is_empty() { request.send() } else { request.body("application/json", "{}").send() };
            let told = format!("{} {method} {path}: {answer:?}", with.name());
            if route.operation == Operation::OidcCallback {
                // Whoever brings no answer of a provider is not signed in, whatever else they bring.
                let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
                assert!(answer.status == 403 && detail.starts_with("you were not signed in"), "{told}");
            } else if with.is_let_through(route) {
                assert!(!matches!(answer.status, 401 | 403 | 500..), "{told}");
            } else {
                assert_eq!(answer.status, if with == With::Nothing { 401 } else { 403 }, "{told}");
            }
        }
    }
    assert!(Right::ALL.into_iter().all(|right| DefaultRole::Admin.rights().holds(right)));
}
