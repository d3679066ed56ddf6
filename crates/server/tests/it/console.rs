//! The console as browsers get it, and the demo's accounts to look at it with. Whether its bundle is in the program depends
//! on how that was built; what holds either way is tested here, the console itself in a browser.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::client::Service;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[test]
fn a_browser_gets_a_page_and_a_program_the_api() {
    let service = Service::start();
    for path in ["/", "/orgs/demo/audit-logs?event=x", "/sign-in"] {
        let page = service.anonymous("GET", path).header("accept", BROWSER).send();
        assert_eq!((page.status, &*page.headers["content-type"]), (200, "text/html; charset=utf-8"), "{path}");
        let policy = &page.headers["content-security-policy"];
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert!(["no-store", "no-cache"].contains(&&*page.headers["cache-control"]), "it is asked for anew each time");
        assert!(service.anonymous("HEAD", path).header("accept", BROWSER).send().body.is_empty());
    }
    for (method, path) in [("GET", "/v1/nothing"), ("GET", "/v1"), ("GET", "/assets/nothing.js"), ("POST", "/")] {
        let answer = service.anonymous(method, path).header("accept", BROWSER).send();
        assert_eq!((answer.status, &*answer.problem()), (404, "not-found"), "{method} {path}");
    }
    let program = service.anonymous("GET", "/orgs/demo").header("accept", "*/*").send();
    assert_eq!((program.status, &*program.problem()), (404, "not-found"));
}

#[test]
fn the_demo_has_an_administrator_with_a_password_of_its_own() {
    let demo = |options: &mut actarium_server::ServerOptions| options.demo = true;
    let service = Service::start_on(tempfile::tempdir().unwrap(), demo);
    let users = service.get("/v1/orgs/demo/users").json();
    assert_eq!(users["users"].as_array().unwrap().len(), 9);
    let folder = service.stop();
    let path = folder.path().join("demo.password");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&path).unwrap();
    let (email, password) = kept.trim().split_once('\n').unwrap();
    // The next start leaves accounts and password as they are.
    let service = Service::start_on(folder, demo);
    let sign_in = |password: &str| {
        service.anonymous("POST", "/v1/session").json(&json!({"email": email, "password": password})).send()
    };
    let signed_in = sign_in(password);
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let json = signed_in.json();
    assert_eq!(json["organizations"][0]["slug"], "demo");
    assert!(json["organizations"][0]["permissions"].as_array().unwrap().contains(&json!("audit_logs_view")));
    assert_eq!(sign_in("violet-umbrella-71-quay").status, 401);
    assert_eq!(service.get("/v1/orgs/demo/users").json()["users"].as_array().unwrap().len(), 9);
}

#[test]
fn a_password_that_was_not_kept_is_made_anew() {
    let demo = |options: &mut actarium_server::ServerOptions| options.demo = true;
    let folder = Service::start_on(tempfile::tempdir().unwrap(), demo).stop();
    let path = folder.path().join("demo.password");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let service = Service::start_on(folder, demo);
    assert_eq!(service.get("/v1/orgs/demo/users").json()["users"].as_array().unwrap().len(), 9);
    let after = std::fs::read_to_string(service.stop().path().join("demo.password")).unwrap();
    assert_ne!(before, after);
}
