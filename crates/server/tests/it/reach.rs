//! Nobody reaches beyond what they hold: not by renaming what holds more, not by a token, not by what a record or the log as a whole
//! tells them of projects that they do not see.

use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::person::Person;

/// Puts somebody into a new group that has a new role.
fn given(service: &Service, person: &Person, permissions: Value, projects: Option<&[&str]>) {
    let made = |path: &str, body: Value| {
        let answer = service.request("POST", &format!("/v1/orgs/acme/{path}")).json(&body).send();
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap_or_default().to_owned()
    };
    let name = format!("{permissions} for {projects:?}");
    let role = made("roles", json!({"name": name, "permissions": permissions}));
    let group = made("groups", json!({"name": name}));
    let mut assignment = json!({"role": role, "level": "organization"});
    if let Some(projects) = projects {
        assignment = json!({"role": role, "level": "project", "projects": projects});
    }
    made(&format!("groups/{group}/roles"), assignment);
    made(&format!("groups/{group}/members"), json!({"user": person.id}));
}

#[test]
fn what_holds_more_than_somebody_is_not_theirs_to_rename() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let manager = Person::new(&service, "Mara", &[]);
    given(&service, &manager, json!(["USER-MANAGEMENT"]), None);
    let governing = admin.made(&service, "roles", json!({"name": "Erasers", "permissions": ["LOG-GOVERNANCE"]}));
    let viewing = admin.made(&service, "roles", json!({"name": "Viewers", "permissions": ["users_view"]}));
    let above = admin.made(&service, "groups", json!({"name": "Above"}));
    let below = admin.made(&service, "groups", json!({"name": "Below"}));
    for (group, role) in [(&above, &governing), (&below, &viewing)] {
        admin.made(&service, &format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
    }
    for (path, status) in [
        (format!("groups/{above}"), 403),
        (format!("roles/{governing}"), 403),
        (format!("groups/{below}"), 200),
        (format!("roles/{viewing}"), 200),
    ] {
        for body in [json!({"name": format!("Harmless {path}")}), json!({"description": "Give it to everybody"})] {
            let answer = manager.send(&service, "PATCH", &path, body);
            assert_eq!(answer.status, status, "{path}: {answer:?}");
        }
    }
    assert_eq!(manager.send(&service, "DELETE", &format!("roles/{governing}"), Value::Null).status, 403);
    assert_eq!(
        manager.send(&service, "PATCH", &format!("roles/{governing}"), json!({"permissions": ["users_view"]})).status,
        403
    );
    let kept = admin.send(&service, "GET", &format!("roles/{governing}"), Value::Null).json();
    assert_eq!((&kept["name"], &kept["description"]), (&json!("Erasers"), &json!("")));
}

#[test]
fn nobody_changes_what_people_above_them_hold() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let engineer = Person::new(&service, "Egon", &["platform-engineer"]);
    let role = |name: &str, permissions: Value| {
        admin.made(&service, "roles", json!({"name": name, "permissions": permissions}))
    };
    let governing = role("Governance", json!(["LOG-GOVERNANCE"]));
    let readers = role("Readers", json!(["LOG-MANAGEMENT"]));
    let viewers = role("Viewers", json!(["users_view"]));
    let group = |name: &str, roles: &[&String]| {
        let group = admin.made(&service, "groups", json!({"name": name}));
        for role in roles {
            admin.made(&service, &format!("groups/{group}/roles"), json!({"role": role, "level": "organization"}));
        }
        group
    };
    let governors = group("Governors", &[&governing, &readers]);
    let others = group("Others", &[&viewers]);
    let by_project = |role: &str| json!({"role": role, "level": "project", "projects": ["payments"]});
    let whole = |role: &str| json!({"role": role, "level": "organization"});
    let before = admin.send(&service, "GET", &format!("groups/{governors}"), Value::Null).json();
    let roles = format!("groups/{governors}/roles");
    for (method, path, body) in [
        ("DELETE", format!("{roles}/{readers}"), Value::Null),
        ("POST", roles.clone(), by_project(&readers)),
        ("POST", roles.clone(), whole(&readers)),
        ("POST", roles.clone(), whole(&viewers)),
        ("PATCH", format!("roles/{readers}"), json!({"permissions": ["audit_logs_view"]})),
        ("PATCH", format!("roles/{readers}"), json!({"description": "Take it from everybody"})),
        ("DELETE", format!("roles/{readers}"), Value::Null),
        ("POST", "groups/admin/roles".into(), whole("developer")),
    ] {
        let refused = engineer.send(&service, method, &path, body.clone());
        assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{method} {path} {body}");
    }
    assert_eq!(admin.send(&service, "GET", &format!("groups/{governors}"), Value::Null).json(), before);
    // What nobody above them has is theirs to change.
    engineer.made(&service, &format!("groups/{others}/roles"), by_project(&readers));
    engineer.deleted(&service, &format!("groups/{others}/roles/{readers}"));
    let changed = engineer.send(&service, "PATCH", &format!("roles/{viewers}"), json!({"permissions": ["roles_view"]}));
    assert_eq!(changed.status, 200, "{changed:?}");
    engineer.deleted(&service, &format!("roles/{viewers}"));
    // The one above takes it away.
    admin.deleted(&service, &format!("{roles}/{readers}"));
}

#[test]
fn a_record_of_an_assignment_names_one_project() {
    let service = Service::start();
    service.organization("acme");
    let reader = Person::new(&service, "Rhea", &[]);
    given(&service, &reader, json!(["audit_logs_view", "audit_logs_export"]), Some(&["payments"]));
    let group = service.request("POST", "/v1/orgs/acme/groups").json(&json!({"name": "On call"})).send().json();
    let roles = format!("groups/{}/roles", group["id"].as_str().unwrap());
    let assign = |body: Value| {
        let answer = service.request("POST", &format!("/v1/orgs/acme/{roles}")).json(&body).send();
        assert_eq!(answer.status, 201, "{answer:?}");
    };
    let at = |projects: &[&str]| json!({"role": "auditor", "level": "project", "projects": projects});
    assign(at(&["payments", "secret-one"]));
    assign(at(&["payments", "secret-two"]));
    assign(json!({"role": "auditor", "level": "organization"}));
    assign(at(&["secret-one", "payments"]));
    assert_eq!(service.request("DELETE", &format!("/v1/orgs/acme/{roles}/auditor")).send().status, 204);

    let projects =
        |events: &[Value]| -> Vec<Value> { events.iter().map(|event| event["targets"][2]["id"].clone()).collect() };
    let found = |action: &str| service.find("acme", &format!("action={action}&order=asc&q=target:auditor"));
    let (assigned, unassigned) = (found("group.role.assign"), found("group.role.unassign"));
    let (payments, one, two) = (json!("payments"), json!("secret-one"), json!("secret-two"));
    assert_eq!(projects(&assigned), [&payments, &one, &two, &Value::Null, &payments, &one].map(Clone::clone));
    assert_eq!(projects(&unassigned), [&one, &payments, &two, &Value::Null, &payments, &one].map(Clone::clone));
    assert_eq!(assigned[3]["metadata"]["level"], "organization");
    assert_eq!(unassigned[0]["metadata"]["level"], "project");

    for path in [
        "events?limit=1000&from=-1d",
        "events/facets?field=project&field=target",
        "export?format=ndjson",
        "export?format=csv",
    ] {
        let shown = reader.send(&service, "GET", path, Value::Null);
        assert_eq!(shown.status, 200, "{path}: {shown:?}");
        assert!(shown.text().contains("payments"), "{path}: {}", shown.text());
        assert!(!shown.text().contains("secret-"), "{path} names projects of others: {}", shown.text());
    }
}

#[test]
fn the_log_as_a_whole_is_for_who_sees_all_of_it() {
    let service = Service::start();
    service.organization("acme");
    service.record("acme", &event("component.deploy", "a"));
    let routes = ["log", "log/checkpoint", "log/key", "log/tile/entries/000.p/1", "log/tile/0/000.p/1"];
    let in_part = Person::new(&service, "Rhea", &[]);
    given(&service, &in_part, json!(["LOG-MANAGEMENT"]), Some(&["payments"]));
    let whole = Person::new(&service, "Odo", &["auditor"]);
    let asked = |person: &Person| routes.map(|path| person.send(&service, "GET", path, Value::Null).status);
    assert_eq!(in_part.sees(&service, "action=component.deploy"), Ok(vec!["component.deploy".to_owned()]));
    assert_eq!(asked(&in_part), [403; 5]);
    assert_eq!(asked(&whole), [200; 5]);
    // What the organization opened is open to them as to everybody.
    let open = service.request("PATCH", "/v1/orgs/acme").json(&json!({"log_public": true})).send();
    assert_eq!(open.status, 200, "{open:?}");
    assert_eq!(asked(&in_part), [403, 200, 200, 200, 200]);
}

#[test]
fn whoever_an_event_names_its_sender_is_seen() {
    let service = Service::start();
    service.organization("acme");
    let (id, secret) = service.key("acme");
    let own = service.find("acme", "action=on_prem_key.create")[0].clone();
    let mut forged = event("on_prem_key.create", "a");
    forged["actor"] = own["actor"].clone();
    let send = |event: &Value| service.anonymous("POST", "/v1/orgs/acme/events").bearer(&secret).json(event).send();
    assert_eq!(send(&forged).status, 201);
    forged["sender"] = json!("operator");
    let refused = send(&forged);
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["pointer"].clone()),
        (422, json!("/sender")),
        "{refused:?}"
    );
    assert_eq!(service.record("acme", &event("component.deploy", "b")).status, 201);
    for sealed in [false, true] {
        let shown = service.find("acme", "action=on_prem_key.create&order=asc");
        assert_eq!(shown[0]["actor"], shown[1]["actor"]);
        assert_eq!((&shown[0]["source"], &shown[0]["sender"]), (&json!("actarium"), &Value::Null));
        assert_eq!((&shown[1]["source"], &shown[1]["sender"]), (&json!("api"), &json!(format!("key:{id}"))));
        let path = format!("/v1/orgs/acme/events/{}", shown[1]["id"].as_str().unwrap());
        assert_eq!(service.get(&path).json()["sender"], shown[1]["sender"]);
        assert_eq!(service.find("acme", "action=component.deploy")[0]["sender"], "operator");
        let exported = service.get("/v1/orgs/acme/export?format=csv&action=on_prem_key.create").text();
        // The last column but one; the last says what was erased.
        let senders: Vec<&str> = exported.lines().map(|line| line.rsplit(',').nth(1).unwrap()).collect();
        assert_eq!(senders, ["sender", "", &format!("key:{id}")], "{exported}");
        if !sealed {
            assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
        }
    }
}
