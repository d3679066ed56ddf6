//! Who is let through where: every route with each default role, compared with the table of `docs/PERMISSIONS.md`.
//!
//! The page is made of the code (`UPDATE=1` writes it anew); what it says of the default roles is what the service does.

use std::fmt::Write as _;
use std::path::Path;

use actarium_server::access::{Area, Right};
use actarium_server::directory::defaults::Default as DefaultRole;
use actarium_server::routes::{Permission, ROUTES, Route};

use crate::access::path_in;
use crate::client::Service;
use crate::person::Person;

/// Whether the default role is let through to the route, by what it holds.
fn is_let_through(role: DefaultRole, route: &Route) -> bool {
    match route.permission {
        Permission::Public | Permission::Authenticated | Permission::Person | Permission::Session => true,
        Permission::Operator | Permission::RecordEvents | Permission::Scim(_) => false,
        Permission::Right(right) => role.rights().holds(right),
        Permission::OpenLog => role.rights().holds(Right::AuditLogsView),
    }
}

fn marks(held: impl Fn(DefaultRole) -> bool) -> String {
    DefaultRole::ALL.iter().map(|role| if held(*role) { " yes |" } else { "  |" }).collect()
}

fn page() -> String {
    let names: String = DefaultRole::ALL.iter().map(|role| format!(" {} |", role.name())).collect();
    let lines = "|---".repeat(DefaultRole::ALL.len());
    let mut page = String::from(
        "# Permissions\n\nWhat roles are made of, what the default roles hold, and what each route asks for. A role names \
         areas (all of an area, what is added later too) and single permissions. This page is made from the code, and a \
         test sends a request to every route with every default role.\n",
    );
    page.push_str("\n## Permissions by area\n\n");
    let _ = writeln!(page, "| permission | lets somebody |{names}\n|---|---{lines}|");
    for area in Area::ALL {
        let of_area = marks(|role| role.rights().covers(area.rights()));
        let _ = writeln!(page, "| **{}** | {} |{of_area}", area.name(), area.title());
        for right in area.rights().iter() {
            let title: String = right.title().into();
            let _ = writeln!(page, "| `{}` | {title} |{}", right.name(), marks(|role| role.rights().holds(right)));
        }
    }
    page.push_str(
        "\n`audit_logs_view` and `audit_logs_export` can be held for some projects alone: then only events with a target of \
         type `project` with one of their ids are seen. Every other permission counts only for the whole organization. \
         Nobody gives what they do not hold, and nobody touches a user or a group that holds more than they do.\n",
    );
    page.push_str("\n## Routes\n\nThe operator is let through everywhere except to a person's own routes.\n\n");
    let _ = writeln!(page, "| route | asks for |{names}\n|---|---{lines}|");
    for route in ROUTES.iter().copied() {
        let (method, path, asked) = (route.method.name(), route.path, route.permission.description());
        let _ = writeln!(page, "| `{method} {path}` | {asked} |{}", marks(|role| is_let_through(role, route)));
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
fn every_route_lets_each_default_role_through_as_the_page_says() {
    let service = Service::start();
    service.organization("acme");
    let people =
        DefaultRole::ALL.map(|role| (role, Person::new(&service, role.name().replace(' ', "").as_str(), &[role.id()])));
    for (role, person) in &people {
        for route in ROUTES.iter().copied() {
            // Ending the session that the walk uses comes last, below.
            if matches!(route.permission, Permission::Public | Permission::Session | Permission::Scim(_)) {
                continue;
            }
            let request = person.request(&service, route.method.name(), &path_in(route, "acme"));
            let answer =
                if route.bodies.is_empty() { request.send() } else { request.body("application/json", "{}").send() };
            let expected = is_let_through(*role, route);
            let (method, path) = (route.method.name(), route.path);
            assert_eq!(answer.status != 403, expected, "{} {method} {path}: {answer:?}", role.name());
            assert!(!matches!(answer.status, 401 | 500..), "{} {method} {path}: {answer:?}", role.name());
        }
    }
    // What is a person's own is everybody's.
    for (_, person) in &people {
        assert_eq!(person.request(&service, "GET", "/v1/sessions").send().status, 200);
        assert_eq!(person.request(&service, "DELETE", "/v1/session").send().status, 204);
    }
    assert!(Right::ALL.into_iter().all(|right| DefaultRole::Admin.rights().holds(right)));
}
