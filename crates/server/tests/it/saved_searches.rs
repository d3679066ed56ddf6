//! Saved searches: who sees and changes which, what is refused, what is on record.

use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::person::Person;

fn names(service: &Service, person: &Person) -> Vec<String> {
    let answer = person.send(service, "GET", "saved-searches", Value::Null);
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let searches = json["saved_searches"].as_array().unwrap();
    searches.iter().map(|search| search["name"].as_str().unwrap().to_owned()).collect()
}

fn at(id: &str) -> String {
    format!("saved-searches/{id}")
}

#[test]
fn ones_own_is_seen_by_oneself_alone_until_it_is_shared() {
    let service = Service::start();
    service.organization("acme");
    let ada = Person::new(&service, "Ada", &["admin"]);
    let eno = Person::new(&service, "Eno", &["platform-engineer"]);
    let own = json!({"name": "Denied", "q": "outcome:denied", "from": "-7d"});
    let made = ada.send(&service, "POST", "saved-searches", own.clone()).json();
    assert_eq!((&made["q"], &made["from"], &made["to"]), (&json!("outcome:denied"), &json!("-7d"), &Value::Null));
    assert_eq!((&made["visibility"], &made["owner"]), (&json!("personal"), &json!({"id": ada.id, "name": "Ada"})));
    let id = made["id"].as_str().unwrap();
    // Names are unique for each: others may have the same.
    eno.made(&service, "saved-searches", own.clone());
    let again = ada.send(&service, "POST", "saved-searches", json!({"name": "dENIED"}));
    assert_eq!((again.status, &again.json()["errors"][0]["pointer"]), (409, &json!("/name")), "{again:?}");
    assert_eq!((names(&service, &ada), names(&service, &eno)), (vec!["Denied".into()], vec!["Denied".to_owned()]));
    for (method, body) in [("PATCH", json!({"name": "Mine"})), ("DELETE", Value::Null)] {
        let foreign = eno.send(&service, method, &at(id), body.clone());
        let nothing = eno.send(&service, method, &at("search_none"), body);
        assert_eq!((foreign.status, nothing.status), (404, 404));
        assert_eq!(foreign.json()["detail"], nothing.json()["detail"]);
    }
    // The operator sees what is shared, and nothing of what is somebody's own.
    assert_eq!(service.get("/v1/orgs/acme/saved-searches").json(), json!({"saved_searches": []}));

    let shared = ada.send(&service, "PATCH", &at(id), json!({"visibility": "organization", "name": "All denied"}));
    assert_eq!((shared.status, &shared.json()["name"]), (200, &json!("All denied")), "{shared:?}");
    assert_eq!(names(&service, &eno), ["All denied", "Denied"]);
    // Whoever may share keeps what is shared; only its maker makes it their own again.
    assert_eq!(eno.send(&service, "PATCH", &at(id), json!({"q": "", "to": "now"})).json()["q"], Value::Null);
    assert_eq!(eno.send(&service, "PATCH", &at(id), json!({"visibility": "personal"})).status, 403);
    assert_eq!(ada.send(&service, "PATCH", &at(id), json!({"visibility": "personal"})).status, 200);
    assert_eq!(names(&service, &eno), ["Denied"]);
    ada.deleted(&service, &at(id));
    assert_eq!(names(&service, &ada), Vec::<String>::new());

    // Each change is on record; of what is somebody's own that it is there, and no more.
    let records = service.find("acme", "action=audit_log.search.save&order=asc");
    assert_eq!((records.len(), &records[0]["metadata"]), (2, &json!({"visibility": "personal"})));
    assert_eq!(records[0]["targets"][0], json!({"type": "saved_search", "id": id}));
    let records = service.find("acme", "action=audit_log.search.update&outcome=success&order=asc");
    let metadata = json!({"visibility": "organization", "q": "outcome:denied", "from": "-7d"});
    assert_eq!((records.len(), &records[0]["metadata"]), (3, &metadata));
    let shared = json!([{"path": "/visibility", "before": "personal", "after": "organization"}]);
    assert_eq!((&records[0]["changes"], &records[0]["targets"][0]["name"]), (&shared, &json!("All denied")));
    let emptied = json!({"path": "/q", "before": "outcome:denied", "after": null});
    assert_eq!(records[1]["changes"].as_array().unwrap()[0], emptied);
    assert_eq!(service.find("acme", "action=audit_log.search.delete").len(), 1);
}

#[test]
fn sharing_takes_its_permission_for_the_whole_organization() {
    let service = Service::start();
    service.organization("acme");
    let ada = Person::new(&service, "Ada", &["admin"]);
    let audrey = Person::new(&service, "Audrey", &["auditor"]);
    let devi = Person::new(&service, "Devi", &["developer"]);
    let role = json!({"name": "Log", "permissions": ["LOG-MANAGEMENT"]});
    let (role, group) = (ada.made(&service, "roles", role), ada.made(&service, "groups", json!({"name": "Payments"})));
    let level = json!({"role": role, "level": "project", "projects": ["payments"]});
    ada.made(&service, &format!("groups/{group}/roles"), level);
    let paula = Person::new(&service, "Paula", &[&group]);
    let shared = json!({"name": "Deployments", "q": "action:component.deploy", "visibility": "organization"});
    let id = ada.made(&service, "saved-searches", shared.clone());
    // Who sees some projects keeps searches too, and what is shared finds for them what they see.
    for person in [&audrey, &paula] {
        assert_eq!(names(&service, person), ["Deployments"]);
        let own = person.made(&service, "saved-searches", json!({"name": "Mine"}));
        let refused = [
            ("POST", "saved-searches".to_owned(), json!({"name": "Ours", "visibility": "organization"})),
            ("PATCH", at(&own), json!({"visibility": "organization"})),
            ("PATCH", at(&id), json!({"name": "Taken"})),
            ("DELETE", at(&id), Value::Null),
        ];
        for (method, path, body) in refused {
            let answer = person.send(&service, method, &path, body);
            assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}");
            assert!(answer.json()["detail"].as_str().unwrap().contains("saved_searches_share"));
        }
        assert_eq!(names(&service, person), ["Deployments", "Mine"]);
    }
    service.find_count("acme", "action=audit_log.search.save&outcome=denied", 2);
    assert_eq!(devi.send(&service, "GET", "saved-searches", Value::Null).status, 403);
    assert_eq!(devi.send(&service, "POST", "saved-searches", json!({"name": "Mine"})).status, 403);
    service.record("acme", &event("component.deploy", "c-1"));
    assert_eq!(paula.sees(&service, "q=action:component.deploy").unwrap().len(), 1);
}

#[test]
fn what_cannot_be_searched_is_not_saved_and_what_belongs_to_a_membership_ends_with_it() {
    let service = Service::start();
    service.organization("acme");
    let ada = Person::new(&service, "Ada", &["admin"]);
    let eno = Person::new(&service, "Eno", &["platform-engineer"]);
    for (body, pointer) in [
        (json!({"name": " "}), "/name"),
        (json!({"q": "outcome:denied"}), "/name"),
        (json!({"name": "A", "q": "outcom:denied"}), "/q"),
        (json!({"name": "A", "q": "x".repeat(4097)}), "/q"),
        (json!({"name": "A", "from": "yesterday"}), "/from"),
        (json!({"name": "A", "from": "now", "to": "-1h"}), "/to"),
        (json!({"name": "A", "visibility": "public"}), "/visibility"),
        (json!({"name": "A", "columns": "id"}), "/columns"),
    ] {
        let answer = eno.send(&service, "POST", "saved-searches", body.clone());
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}: {answer:?}"
        );
    }
    let own = eno.made(&service, "saved-searches", json!({"name": "Own", "from": "-1h"}));
    let late = eno.send(&service, "PATCH", &at(&own), json!({"to": "-2h"}));
    assert_eq!((late.status, &late.json()["errors"][0]["pointer"]), (422, &json!("/to")), "{late:?}");
    let shared = eno.made(&service, "saved-searches", json!({"name": "Shared", "visibility": "organization"}));
    for number in 1..100 {
        eno.made(&service, "saved-searches", json!({"name": format!("Own {number}")}));
    }
    let more = eno.send(&service, "POST", "saved-searches", json!({"name": "One more"}));
    assert_eq!((more.status, more.problem().as_str()), (409, "conflict"), "{more:?}");
    assert!(more.json()["detail"].as_str().unwrap().contains("100"));

    // It all comes back after a restart; with the membership goes what was the person's own.
    let service = Service::start_on(service.stop(), |_| {});
    assert_eq!(names(&service, &eno).len(), 101);
    ada.deleted(&service, &format!("users/{}", eno.id));
    assert_eq!(names(&service, &ada), ["Shared"]);
    let left = &ada.send(&service, "GET", "saved-searches", Value::Null).json()["saved_searches"][0];
    assert_eq!((&left["id"], &left["owner"]), (&json!(shared), &Value::Null));
    service
        .request("POST", "/v1/orgs/acme/users")
        .json(&json!({"email": "eno@example.com", "name": "Eno", "groups": ["admin"]}))
        .send();
    assert_eq!(names(&service, &eno), ["Shared"]);
}
