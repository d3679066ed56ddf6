//! Nobody reaches beyond what they hold: not by renaming what holds more, not by a token, not by what a record or the log as a whole
//! tells them of projects that they do not see.

use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::invitations::secret_in;
use crate::person::{PASSWORD, Person};

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

#[test]
fn what_an_adapter_brings_says_which_credential_brought_it() {
    let service = Service::start();
    service.organization("acme");
    let keys = [service.key("acme"), service.key("acme")];
    let record = json!({"_document_id": "d-1", "action": "repo.create", "actor": "ada", "org": "o"});
    let send = |key: &str, record: &Value| {
        let path = "/v1/orgs/acme/ingest/github";
        let answer = service.anonymous("POST", path).bearer(key).json(record).send().json();
        (answer["recorded"].clone(), answer["duplicates"].clone())
    };
    assert_eq!(send(&keys[0].1, &record), (json!(1), json!(0)));
    for sealed in [false, true] {
        // The ids of its records are the adapter's, whoever brings them.
        assert_eq!(send(&keys[1].1, &record), (json!(0), json!(1)), "sealed: {sealed}");
        let shown = service.find("acme", "source=github");
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0]["sender"], format!("adapter:github key:{}", keys[0].0));
        if !sealed {
            assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
        }
    }
    assert_eq!(
        send(&keys[1].1, &json!({"_document_id": "d-2", "action": "repo.create", "actor": "ada", "org": "o"})).0,
        1
    );
    assert_eq!(service.find("acme", "source=github")[0]["sender"], format!("adapter:github key:{}", keys[1].0));
}

#[test]
fn asking_for_an_event_of_another_project_is_on_record_and_answered_as_for_none() {
    let service = Service::start();
    service.organization("acme");
    let reader = Person::new(&service, "Rhea", &[]);
    given(&service, &reader, json!(["audit_logs_view"]), Some(&["payments"]));
    let recorded = |project: &str| {
        let mut event = event("component.deploy", project);
        event["targets"] = json!([{"type": "component", "id": "x"}, {"type": "project", "id": project}]);
        service.record("acme", &event).json()["events"][0]["id"].as_str().unwrap().to_owned()
    };
    let (own, others) = (recorded("payments"), recorded("ledger"));
    // The same place with another time: an id that checks, and that no event has.
    let micros = if &own[15..18] == "000" { "001" } else { "000" };
    let unknown = format!("{}{micros}{}", &own[..15], &own[18..]);
    let view = |id: &str| {
        let answer = reader.send(&service, "GET", &format!("events/{id}"), Value::Null);
        let mut told = answer.json();
        // The request's own id.
        told["instance"] = Value::Null;
        (answer.status, told)
    };
    assert_eq!(view(&own).0, 200);
    let none = view(&unknown);
    assert_eq!(none.0, 404);
    for id in [&others, &others.to_uppercase(), &others] {
        assert_eq!(view(id), none);
    }
    assert_eq!(service.get(&format!("/v1/orgs/acme/events/{unknown}")).status, 404);
    // Repeats within a minute are one record, as those of any denial.
    let denied = &service.find_count("acme", "action=audit_log.view&outcome=denied", 1)[0];
    assert_eq!(denied["actor"]["id"], reader.id.as_str());
    assert_eq!(denied["targets"][0], json!({"type": "record", "id": others}));
    assert_eq!(denied["metadata"]["status"], 404, "{denied}");
    let seen = reader.sees(&service, "action=audit_log.view").unwrap();
    assert!(seen.is_empty(), "who asked sees no more of it: {seen:?}");
}

/// What the directory sends with a token of its own.
fn sent_by_directory(service: &Service, token: &str, method: &str, path: &str, body: &Value) -> Value {
    let request = service.anonymous(method, &format!("/v1/orgs/acme/scim/v2/{path}")).bearer(token);
    let answer = request.body("application/scim+json", body.to_string()).send();
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    answer.json()
}

#[test]
fn nobody_seeds_a_group_that_the_directory_fills() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let mara = Person::holding(&service, "Mara", &["groups_view", "groups_manage", "users_invite"]);
    let hanna = Person::new(&service, "Hanna", &[]);
    let token = service.request("POST", "/v1/orgs/acme/scim-tokens").json(&json!({"name": "Directory"})).send().json();
    let token = token["secret"].as_str().unwrap().to_owned();
    let directory = |method: &str, path: &str, body: &Value| sent_by_directory(&service, &token, method, path, body);
    let user = directory(
        "POST",
        "Users",
        &json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@example.com"}),
    );
    let ada = user["id"].as_str().unwrap().to_owned();
    let patch = |operations: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let add = |id: &str| json!({"op": "add", "path": "members", "value": [{"value": id}]});
    let members = |group: &str| {
        let listed = admin.send(&service, "GET", &format!("groups/{group}/members"), Value::Null).json();
        let mut ids: Vec<String> =
            listed["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let put = |by: &Person, group: &str, user: &str| {
        by.send(&service, "POST", &format!("groups/{group}/members"), json!({"user": user})).status
    };
    // One that it made without an id of its own.
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "SecOps"});
    let made = directory("POST", "Groups", &body)["id"].as_str().unwrap().to_owned();
    assert_eq!(put(&mara, &made, &mara.id), 403);
    assert_eq!(put(&admin, &made, &hanna.id), 201, "who holds everything may");
    directory("PATCH", &format!("Groups/{made}"), &patch(json!([add(&ada)])));
    assert!(members(&made).contains(&hanna.id), "and it stays so");
    // One that somebody made beforehand, under the name that it goes by there, with themselves in it.
    for (name, removed) in [("Payments", false), ("Ledger", true)] {
        let seeded = mara.made(&service, "groups", json!({"name": name}));
        for user in [&mara.id, &hanna.id] {
            assert_eq!(put(&mara, &seeded, user), 201);
        }
        let puppet = json!({"email": format!("{name}@example.com"), "groups": [seeded]});
        let invited = mara.send(&service, "POST", "invitations", puppet);
        assert_eq!(invited.status, 201, "{invited:?}");
        let mut operations = vec![add(&ada)];
        if removed {
            operations.push(json!({"op": "remove", "path": format!("members[value eq \"{}\"]", hanna.id)}));
        } else {
            operations.push(add(&hanna.id));
        }
        directory("PATCH", &format!("Groups/{seeded}"), &patch(json!(operations)));
        let mut named = vec![ada.clone()];
        named.extend((!removed).then(|| hanna.id.clone()));
        named.sort();
        assert_eq!(members(&seeded), named, "whom it names, and nobody else");
        assert_eq!(put(&mara, &seeded, &mara.id), 403);
        let accepting = json!({"secret": secret_in(&invited), "name": "Puppet", "password": PASSWORD});
        let accepted = service.anonymous("POST", "/v1/invitation/accept").json(&accepting).send();
        assert_eq!(accepted.status, 404, "an invitation of before is none into it: {accepted:?}");
        let records = service.find("acme", "action=group.*&order=asc&limit=1000");
        assert!(
            records
                .iter()
                .any(|record| record["action"] == "group.member.remove"
                    && record["targets"][1]["id"] == mara.id.as_str()),
            "{records:?}"
        );
        let mark = json!({"path": "/provisioned", "before": false, "after": true});
        assert!(records.iter().any(|record| record["changes"] == json!([mark])), "{records:?}");
    }
}

#[test]
fn who_sees_groups_and_not_users_is_told_no_addresses() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let gerd = Person::holding(&service, "Gerd", &["groups_view"]);
    let uma = Person::holding(&service, "Uma", &["groups_view", "users_view"]);
    let bob =
        admin.made(&service, "users", json!({"email": "bob@secret.example", "name": "Bob", "groups": ["developer"]}));
    // Whom nobody has given a name is called by their address.
    let token = service.request("POST", "/v1/orgs/acme/scim-tokens").json(&json!({"name": "Directory"})).send().json();
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "eve@secret.example"});
    let eve = sent_by_directory(&service, token["secret"].as_str().unwrap(), "POST", "Users", &body);
    let eve = eve["id"].as_str().unwrap().to_owned();
    admin.made(&service, "groups/developer/members", json!({"user": eve}));
    let listed = |by: &Person, query: &str| {
        by.send(&service, "GET", &format!("groups/developer/members{query}"), Value::Null).text()
    };
    assert!(listed(&uma, "").contains("bob@secret.example") && listed(&uma, "").contains("eve@secret.example"));
    let told = listed(&gerd, "");
    assert!(told.contains(&bob) && told.contains("Bob") && told.contains(&eve), "{told}");
    assert!(!told.contains("secret.example"), "{told}");
    for query in ["?search=secret.example", "?search=eve%40"] {
        assert!(!listed(&gerd, query).contains("usr_"), "nor can they try addresses");
        assert!(listed(&uma, query).contains("usr_"));
    }
    let first: Value = serde_json::from_str(&listed(&gerd, "?limit=1")).unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert!(listed(&gerd, &format!("?cursor={cursor}")).contains("usr_"));
    assert_eq!(gerd.send(&service, "GET", &format!("users/{bob}"), Value::Null).status, 403);
}

#[test]
fn how_many_events_there_are_is_for_who_sees_all_of_the_log() {
    let service = Service::start();
    service.organization("acme");
    let plan = |by: &Person| by.send(&service, "GET", "retention/plan", Value::Null).status;
    let in_part = Person::holding(&service, "Rhea", &["retention_view"]);
    assert_eq!(plan(&in_part), 403);
    given(&service, &in_part, json!(["audit_logs_view"]), Some(&["payments"]));
    assert_eq!(plan(&in_part), 403);
    assert_eq!(in_part.send(&service, "GET", "retention", Value::Null).status, 200, "how long is theirs to know");
    given(&service, &in_part, json!(["audit_logs_view", "audit_logs_export"]), None);
    assert_eq!(plan(&in_part), 200);
}

#[test]
fn very_many_projects_of_an_assignment_are_few_records_that_name_them_all() {
    let service = Service::start();
    service.organization("acme");
    let admin = Person::new(&service, "Admina", &["admin"]);
    let reader = Person::new(&service, "Rhea", &[]);
    given(&service, &reader, json!(["audit_logs_view"]), Some(&["p-0"]));
    let group = admin.made(&service, "groups", json!({"name": "On call"}));
    let assign = |from: usize, to: usize| {
        let projects: Vec<String> = (from..to).map(|number| format!("p-{number}")).collect();
        let body = json!({"role": "developer", "level": "project", "projects": projects});
        admin.made(&service, &format!("groups/{group}/roles"), body);
    };
    assign(0, 1000);
    assign(500, 1500);
    let records = service.find("acme", &format!("action=group.role.*&target=group:{group}&order=asc&limit=1000"));
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            let change = &record["changes"][0];
            let names = |side: &str| change[side].as_array().unwrap().len();
            (record["action"].as_str().unwrap(), names("before"), names("after"))
        })
        .collect();
    let expected = [("group.role.assign", 0, 1000), ("group.role.assign", 0, 500), ("group.role.unassign", 500, 0)];
    assert_eq!(told, expected);
    assert_eq!(records[1]["changes"][0]["after"][0], "p-1000");
    assert!(reader.sees(&service, "action=group.role.*&actor=Admina").unwrap().is_empty(), "they name other projects");
    // A few are told by themselves.
    assign(500, 1499);
    let last = &service.find("acme", &format!("action=group.role.*&target=group:{group}&limit=1"))[0];
    assert_eq!(last["targets"][2], json!({"type": "project", "id": "p-1499"}));
}
