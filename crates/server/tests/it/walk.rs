//! Giving somebody access to the audit log, and taking it away: role, group, member, for all of it or for a project.

use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::person::Person;

#[test]
fn access_to_the_log_is_given_by_a_role_of_a_group_and_goes_with_any_of_them() {
    let service = Service::start();
    service.organization("acme");
    assert_eq!(service.record("acme", &event("component.deploy", "c-1")).status, 201);
    let admin = Person::new(&service, "Admina", &["admin"]);
    let member = Person::new(&service, "Cleo", &[]);
    let query = "action=component.deploy";
    assert_eq!(member.sees(&service, query), Err(403));
    let denied = service.find_count("acme", "action=audit_log.search&outcome=denied", 1);
    assert_eq!(denied[0]["actor"]["id"], json!(member.id));
    let give = || {
        let role =
            json!({"name": "Log readers", "description": "See the audit log", "permissions": ["LOG-MANAGEMENT"]});
        let role = admin.made(&service, "roles", role);
        let group = admin.made(&service, "groups", json!({"name": "Reviewers", "description": "Who reviews"}));
        admin.made(&service, &format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
        admin.made(&service, &format!("groups/{group}/members"), json!({"user": member.id}));
        assert_eq!(member.sees(&service, query), Ok(vec!["component.deploy".to_owned()]));
        (role, group)
    };
    let sees_nothing = || assert_eq!(member.sees(&service, query), Err(403));

    let (role, group) = give();
    admin.deleted(&service, &format!("groups/{group}/members/{}", member.id));
    sees_nothing();
    admin.deleted(&service, &format!("roles/{role}"));
    admin.deleted(&service, &format!("groups/{group}"));
    let (role, group) = give();
    admin.deleted(&service, &format!("roles/{role}"));
    sees_nothing();
    admin.deleted(&service, &format!("groups/{group}"));
    let (role, group) = give();
    admin.deleted(&service, &format!("groups/{group}"));
    sees_nothing();
    admin.deleted(&service, &format!("roles/{role}"));
    let (_, _) = give();
    let out = admin.send(&service, "PATCH", &format!("users/{}", member.id), json!({"active": false}));
    assert_eq!(out.status, 200, "{out:?}");
    assert_eq!(member.sees(&service, query), Err(404), "who is not active does not know the organization");
    let given = &service.find("acme", "action=group.role.assign&limit=1")[0];
    assert_eq!((&given["actor"]["id"], &given["outcome"]), (&json!(admin.id), &json!("success")));
}

#[test]
fn a_role_for_a_project_shows_the_events_of_that_project() {
    let service = Service::start();
    service.organization("acme");
    for (component, project) in [("c-1", "payments"), ("c-2", "billing")] {
        let mut event = event("component.deploy", component);
        event["targets"] =
            json!([{"type": "component", "id": component}, {"type": "project", "id": project, "name": "payments"}]);
        assert_eq!(service.record("acme", &event).status, 201);
    }
    let admin = Person::new(&service, "Admina", &["admin"]);
    let member = Person::new(&service, "Cleo", &[]);
    let role = admin.made(&service, "roles", json!({"name": "Log readers", "permissions": ["LOG-MANAGEMENT"]}));
    let group = admin.made(&service, "groups", json!({"name": "Payments"}));
    let level = json!({"role": role, "level": "project", "projects": ["payments"]});
    admin.made(&service, &format!("groups/{group}/roles"), level);
    admin.made(&service, &format!("groups/{group}/members"), json!({"user": member.id}));
    // The record of the role that was given names the project, too.
    assert_eq!(member.sees(&service, ""), Ok(vec!["group.role.assign".to_owned(), "component.deploy".to_owned()]));
    let counted = member.send(&service, "GET", "events/facets?field=component&from=-1h", Value::Null).json();
    assert_eq!(counted["facets"]["component"], json!([{"value": "c-1", "count": 1}]));
    let exported = member.send(&service, "GET", "export?format=ndjson&action=component.*", Value::Null);
    assert_eq!((exported.status, String::from_utf8(exported.body).unwrap().lines().count()), (200, 1));
    let polled = member.send(&service, "GET", "events/tail?after=-1&action=component.*", Value::Null).json();
    assert_eq!(polled["events"].as_array().map(Vec::len), Some(1));
    let hidden = &service.find("acme", "component=c-2")[0]["id"];
    let hidden = member.send(&service, "GET", &format!("events/{}", hidden.as_str().unwrap()), Value::Null);
    assert_eq!(hidden.status, 404);
    assert_eq!(member.send(&service, "GET", "users", Value::Null).status, 403, "a project's role opens nothing else");
    admin.deleted(&service, &format!("groups/{group}/roles/{role}"));
    assert_eq!(member.sees(&service, "from=-1h"), Err(403));
}

#[test]
fn nobody_gives_what_they_do_not_hold_or_touches_who_holds_more() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let engineer = Person::new(&service, "Enzo", &["platform-engineer"]);
    let refused = |method: &str, path: &str, body: Value| {
        let answer = engineer.send(&service, method, path, body);
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}: {answer:?}");
    };
    refused("POST", "roles", json!({"name": "More", "permissions": ["LOG-GOVERNANCE"]}));
    refused("POST", "groups/admin/members", json!({"user": engineer.id}));
    refused("POST", "groups/platform-engineer/roles", json!({"role": "admin", "level": "organization"}));
    refused("POST", "groups/platform-engineer/roles", json!({"role": "admin", "level": "project", "projects": ["p"]}));
    refused("POST", "users", json!({"email": "new@example.com", "name": "New", "groups": ["admin"]}));
    refused("DELETE", &format!("users/{}", admin.id), Value::Null);
    refused("PATCH", &format!("users/{}", admin.id), json!({"active": false}));
    refused("DELETE", &format!("groups/admin/members/{}", admin.id), Value::Null);
    let role = engineer.made(&service, "roles", json!({"name": "Readers", "permissions": ["LOG-MANAGEMENT"]}));
    refused("PATCH", &format!("roles/{role}"), json!({"permissions": ["LOG-MANAGEMENT", "records_erase"]}));
    // Nor do they change what gives more: by the role as little as by the group.
    let above =
        admin.made(&service, "roles", json!({"name": "Governors", "permissions": ["LOG-GOVERNANCE", "users_view"]}));
    let group = admin.made(&service, "groups", json!({"name": "Governors"}));
    refused("PATCH", &format!("roles/{above}"), json!({"permissions": ["LOG-GOVERNANCE"]}));
    admin.made(&service, &format!("groups/{group}/roles"), json!({"role": above, "level": "organization"}));
    refused("PATCH", &format!("roles/{above}"), json!({"permissions": ["users_view"]}));
    refused("DELETE", &format!("roles/{above}"), Value::Null);
    // What they hold they may give.
    engineer.made(&service, "groups/developer/roles", json!({"role": role, "level": "organization"}));
}

/// A stream that is open when its reader loses the log ends without another event.
#[test]
fn a_live_tail_ends_with_the_right_to_it() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let auditor = Person::new(&service, "Cleo", &["auditor"]);
    std::thread::scope(|scope| {
        let path = "/v1/orgs/acme/events/tail?action=component.*";
        let streaming = auditor.request(&service, "GET", path).header("accept", "text/event-stream");
        let stream = scope.spawn(move || streaming.send());
        service.find_count("acme", &format!("action=audit_log.search&actor={}", auditor.id), 1);
        admin.deleted(&service, &format!("groups/auditor/members/{}", auditor.id));
        assert_eq!(service.record("acme", &event("component.deploy", "hidden")).status, 201);
        let stream = stream.join().unwrap();
        let text = String::from_utf8_lossy(&stream.body).into_owned();
        assert!(stream.headers["content-type"].starts_with("text/event-stream"), "{stream:?}");
        assert!(!text.contains("req-hidden"), "{text}");
    });
}
