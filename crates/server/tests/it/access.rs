//! Every route of the table, with every credential that must not get through. A route without a case here cannot exist:
//! the cases are made from the table.

use actarium_server::routes::{Method, Operation, Permission, ROUTES, Route};

use crate::client::{Answer, Request, Service};

/// The route's path in an organization.
fn path_in(route: &Route, slug: &str) -> String {
    let path = route.path.replace("{org}", slug).replace("{id}", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").replace("{member}", "nobody");
    let required: Vec<_> = route.parameters.iter().filter(|parameter| parameter.required).collect();
    match required.as_slice() {
        [] => path,
        [one] => format!("{path}?{}={}", one.name, one.example),
        more => panic!("{more:?}"),
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

fn guarded() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().copied().filter(|route| route.permission != Permission::Public)
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
    for route in guarded() {
        let answer = send_as(&service, route, "acme", Some(&key));
        match route.permission {
            Permission::Authenticated => assert_eq!(answer.status, 200),
            Permission::RecordEvents => assert!(matches!(answer.status, 200 | 422), "{answer:?}"),
            _ => {
                assert_eq!(answer.status, 403, "{} {}", route.method.name(), route.path);
                assert_eq!(answer.problem(), "forbidden");
            }
        }
    }
}

#[test]
fn the_operator_gets_through_everywhere() {
    let service = Service::start();
    service.organization("acme");
    for route in guarded() {
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
    for route in ROUTES.iter().copied() {
        let path = path_in(route, "acme");
        let separator = if path.contains('?') { '&' } else { '?' };
        let unknown = service.request(route.method.name(), &format!("{path}{separator}nonsense=1"));
        let unknown = with_body(unknown, route).send();
        assert_eq!((unknown.status, unknown.problem().as_str()), (400, "invalid-parameter"), "{}", route.path);
        assert!(unknown.json()["detail"].as_str().unwrap().contains("nonsense"));
        let put = service.request("PUT", &path).send();
        assert_eq!((put.status, put.problem().as_str()), (405, "method-not-allowed"), "{}", route.path);
        assert!(put.headers["allow"].split(", ").any(|method| method == route.method.name()));
        if !route.answers.iter().all(|answer| answer.forms.is_empty()) {
            let strange = service.request(route.method.name(), &path).header("accept", "image/png");
            let strange = with_body(strange, route).send();
            assert_eq!((strange.status, strange.problem().as_str()), (406, "not-acceptable"), "{}", route.path);
        }
    }
}

#[test]
fn every_body_is_bounded_and_read_strictly() {
    let service = Service::start();
    service.organization("acme");
    for route in ROUTES.iter().filter(|route| !route.bodies.is_empty()) {
        let path = path_in(route, "acme");
        let post = || service.request(route.method.name(), &path);
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

/// A mutating route that leaves no record would pass unnoticed otherwise: each must be named here with its record.
#[test]
fn every_change_leaves_a_record() {
    let service = Service::start();
    service.organization("acme");
    let (id, _) = service.key("acme");
    for route in ROUTES.iter().filter(|route| route.method != Method::Get && !route.ingests()) {
        let (body, path, slug, action) = match route.operation {
            Operation::OrganizationCreate => {
                (r#"{"slug": "new", "name": "New"}"#, "/v1/orgs".into(), "new", "organization.create")
            }
            Operation::KeyCreate => (r#"{"name": "another"}"#, path_in(route, "acme"), "acme", "on_prem_key.create"),
            Operation::KeyRevoke => {
                let path = route.path.replace("{org}", "acme").replace("{id}", &id);
                ("", path, "acme", "on_prem_key.revoke")
            }
            // Moves events from one place of the store to another; nothing that anybody sees is changed.
            Operation::Seal => continue,
            other => panic!("{other:?} changes something; say here which record it leaves"),
        };
        let count = |slug| match service.get(&format!("/v1/orgs/{slug}/events")).status {
            404 => 0,
            _ => service.find(slug, &format!("action={action}")).len(),
        };
        let before = count(slug);
        let mut request = service.request(route.method.name(), &path);
        if !body.is_empty() {
            request = request.body("application/json", body);
        }
        let answer = request.send();
        assert!(matches!(answer.status, 201 | 204), "{answer:?}");
        assert_eq!(count(slug), before + 1, "{action} has left no record");
    }
}
