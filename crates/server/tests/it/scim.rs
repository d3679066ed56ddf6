//! SCIM as an identity provider speaks it: users, groups, rights, entity tags, races, and what it must not learn.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use actarium_server::routes::{Method, Permission, ROUTES, Route};
use serde_json::{Value, json};

use crate::client::{Answer, Request, Service};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// An identity provider of an organization.
struct Provider<'s> {
    service: &'s Service,
    slug: &'s str,
    token: String,
    token_id: String,
}

impl<'s> Provider<'s> {
    fn new(service: &'s Service, slug: &'s str, permissions: &[&str]) -> Self {
        let body = json!({"name": "Directory", "permissions": permissions});
        let made = service.request("POST", &format!("/v1/orgs/{slug}/scim-tokens")).json(&body).send();
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { service, slug, token: text("secret"), token_id: text("id") }
    }

    fn request(&self, method: &str, path: &str) -> Request<'s> {
        self.service.anonymous(method, &format!("/v1/orgs/{}/scim/v2{path}", self.slug)).bearer(&self.token)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request(method, path).body("application/scim+json", body.to_string()).send()
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    fn user(&self, name: &str) -> Value {
        let answer = self.send("POST", "/Users", &json!({"schemas": [USER], "userName": name}));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    fn group(&self, name: &str, members: &[&Value]) -> Value {
        let members: Vec<_> = members.iter().map(|user| json!({"value": user["id"]})).collect();
        let body = json!({"schemas": [GROUP], "displayName": name, "members": members});
        let answer = self.send("POST", "/Groups", &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    fn patch(&self, resource: &Value, operations: &Value) -> Answer {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        let path = resource["meta"]["location"].as_str().unwrap().split("/scim/v2").nth(1).unwrap().to_owned();
        self.send("PATCH", &path, &body)
    }

    /// The names that a query finds.
    fn found(&self, path: &str) -> Vec<String> {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{answer:?}");
        let listed = answer.json();
        let name = |one: &Value| one["userName"].as_str().or(one["displayName"].as_str()).unwrap_or("").to_owned();
        listed["Resources"].as_array().unwrap().iter().map(name).collect()
    }
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

fn add(user: &Value) -> Value {
    json!([{"op": "add", "path": "members", "value": [{"value": user["id"]}]}])
}

/// Checks that an answer is an error of SCIM and gives its type.
fn scim_error(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/scim+json");
    let json = answer.json();
    assert_eq!((&json["schemas"], &json["status"]), (&json!([ERROR]), &json!(status.to_string())));
    assert!(!json["detail"].as_str().unwrap().is_empty());
    json["scimType"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_user_comes_changes_and_goes_and_all_of_it_is_recorded() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    let body = json!({
        "schemas": [USER], "userName": "ada@example.com", "externalId": "a-1", "displayName": "Ada", "nickName": "A",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
    });
    let made = provider.send("POST", "/Users", &body);
    assert_eq!((made.status, &*made.headers["content-type"]), (201, "application/scim+json"), "{made:?}");
    let ada = made.json();
    assert_eq!(made.headers["location"], ada["meta"]["location"].as_str().unwrap());
    assert_eq!(made.headers["etag"], ada["meta"]["version"].as_str().unwrap());
    assert_eq!((&ada["active"], &ada["emails"][0]["value"]), (&json!(true), &json!("ada@example.com")));
    assert!(ada.get("nickName").is_none());

    let member = service.get(&format!("/v1/orgs/acme/users/{}", id(&ada))).json();
    assert_eq!((&member["name"], &member["origin"], &member["active"]), (&json!("Ada"), &json!("scim"), &json!(true)));

    let operations = json!([
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"userName": "ada@new.example", "displayName": "Countess"}},
    ]);
    let changed = provider.patch(&ada, &operations);
    assert_eq!(changed.status, 200, "{changed:?}");
    let changed = changed.json();
    assert_eq!((&changed["active"], &changed["emails"][0]["value"]), (&json!(false), &json!("ada@new.example")));
    let member = service.get(&format!("/v1/orgs/acme/users/{}", id(&ada))).json();
    assert_eq!((&member["name"], &member["active"]), (&json!("Countess"), &json!(false)));
    assert_eq!(member["email"], "ada@new.example", "nobody has used the account yet, so it follows");

    let path = format!("/Users/{}", id(&ada));
    let replaced = provider.send("PUT", &path, &json!({"schemas": [USER], "userName": "ada@new.example"}));
    assert_eq!(replaced.status, 200, "{replaced:?}");
    assert!(replaced.json().get("name").is_none() && replaced.json().get("externalId").is_none());
    assert_eq!(replaced.json()["active"], false, "nobody becomes active by being left out");
    let again = provider.send("PUT", &path, &json!({"schemas": [USER], "userName": "ada@new.example"}));
    assert_eq!(again.headers["etag"], replaced.headers["etag"]);

    assert_eq!(provider.request("DELETE", &path).send().status, 204);
    assert_eq!(scim_error(&provider.get(&path), 404), "");
    assert_eq!(service.get(&format!("/v1/orgs/acme/users/{}", id(&ada))).status, 404);

    let records = service.find("acme", "action=user.*&order=asc");
    let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["user.create", "user.update", "user.update", "user.remove"],
        "what changes nothing leaves no record"
    );
    let actor = json!({"type": "api_key", "id": provider.token_id, "name": "Directory"});
    assert!(records.iter().all(|record| record["actor"] == actor && record["targets"][0]["id"] == ada["id"]));
    let changes = records[1]["changes"].as_array().unwrap();
    assert!(changes.contains(&json!({"path": "/active", "before": true, "after": false})), "{changes:?}");

    let ada = provider.user("ada@new.example");
    let service_again = Service::start_on(service.stop(), |_| {});
    let seen = service_again.get(&format!("/v1/orgs/acme/users/{}", id(&ada)));
    assert_eq!(seen.json()["email"], "ada@new.example", "and after a restart");
}

#[test]
fn groups_get_and_lose_members() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    let (ada, bea) = (provider.user("ada@example.com"), provider.user("bea@example.com"));
    let team = provider.group("Team", &[&ada]);
    assert_eq!(team["members"][0]["$ref"], ada["meta"]["location"]);
    let after = provider.patch(&team, &add(&bea));
    assert_eq!(after.json()["members"].as_array().unwrap().len(), 2, "{after:?}");
    let shown = provider.get(&format!("/Users/{}", id(&bea))).json();
    assert_eq!((&shown["groups"][0]["value"], &shown["groups"][0]["display"]), (&team["id"], &json!("Team")));
    let without =
        provider.patch(&team, &json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", id(&ada))}]));
    assert_eq!(without.json()["members"][0]["value"], bea["id"]);
    assert_eq!(provider.found(&format!("/Groups?filter=members%20eq%20%22{}%22", id(&bea))), ["Team"]);
    assert!(provider.found(&format!("/Groups?filter=members.value%20eq%20%22{}%22", id(&ada))).is_empty());
    let stranger = json!({"id": "usr_nobody"});
    assert_eq!(scim_error(&provider.patch(&team, &add(&stranger)), 400), "invalidValue");
    let taken = provider.send("POST", "/Groups", &json!({"schemas": [GROUP], "displayName": "TEAM"}));
    assert_eq!(scim_error(&taken, 409), "uniqueness");
    assert_eq!(provider.request("DELETE", &format!("/Groups/{}", id(&team))).send().status, 204);
    let records = service.find("acme", "action=group.*&order=asc");
    let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
    let expected = [
        "group.create",
        "group.member.add",
        "group.member.add",
        "group.member.remove",
        "group.delete",
        "group.member.remove",
    ];
    assert_eq!(actions, expected);
    assert!(records.iter().all(|record| record["actor"]["id"] == provider.token_id.as_str()));
    let who = |record: &Value| (record["targets"][0]["id"].clone(), record["targets"][1]["id"].clone());
    let pair = |user: &Value| (team["id"].clone(), user["id"].clone());
    // The group that goes takes its last member out.
    let members: Vec<_> = [1, 2, 3, 5].map(|position| who(&records[position])).to_vec();
    assert_eq!(members, [pair(&ada), pair(&bea), pair(&ada), pair(&bea)]);
    assert_eq!(records[5]["metadata"]["because"], "group.delete");
}

#[test]
fn a_rename_is_one_record_and_members_that_come_with_it_are_others() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    let ada = provider.user("ada@example.com");
    let team = provider.group("Team", &[]);
    let operations = json!([
        {"op": "replace", "path": "displayName", "value": "Crew"},
        {"op": "add", "path": "members", "value": [{"value": id(&ada)}]},
    ]);
    assert_eq!(provider.patch(&team, &operations).status, 200);
    let records = service.find("acme", "action=group.*&order=asc");
    let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["group.create", "group.update", "group.member.add"]);
    assert_eq!(records[1]["changes"], json!([{"path": "/name", "before": "Team", "after": "Crew"}]));
    assert_eq!(records[2]["targets"][1]["id"], ada["id"]);
}

#[test]
fn nobody_is_raised_beyond_what_the_token_was_given() {
    let service = Service::start();
    service.organization("acme");
    let (plain, given) = (Provider::new(&service, "acme", &[]), Provider::new(&service, "acme", &["LOG-MANAGEMENT"]));
    let ada = plain.user("ada@example.com");
    for group in ["admin", "platform-engineer", "auditor", "developer"] {
        let location = format!("x/scim/v2/Groups/{group}");
        let answer = plain.patch(&json!({"meta": {"location": location}}), &add(&ada));
        assert_eq!(scim_error(&answer, 403), "", "{group}");
    }
    let team = plain.group("Readers", &[]);
    let role = json!({"name": "Reader", "permissions": ["LOG-MANAGEMENT"]});
    let role = service.request("POST", "/v1/orgs/acme/roles").json(&role).send().json();
    let assignment = json!({"role": role["id"], "level": "organization"});
    let assigned =
        service.request("POST", &format!("/v1/orgs/acme/groups/{}/roles", id(&team))).json(&assignment).send();
    assert_eq!(assigned.status, 201, "{assigned:?}");

    assert_eq!(plain.patch(&team, &add(&ada)).status, 403);
    assert_eq!(plain.request("DELETE", &format!("/Groups/{}", id(&team))).send().status, 403);
    let whole = json!({"schemas": [GROUP], "displayName": "Readers", "members": [{"value": ada["id"]}]});
    assert_eq!(plain.send("PUT", &format!("/Groups/{}", id(&team)), &whole).status, 403);
    assert_eq!(given.patch(&team, &add(&ada)).status, 200);
    assert_eq!(plain.patch(&team, &json!([{"op": "remove", "path": "members"}])).status, 403);

    // Who leaves loses everything at once, whatever they hold; to come back into it takes a token that holds it.
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    assert_eq!(plain.patch(&ada, &off).status, 200);
    assert_eq!(plain.patch(&ada, &on).status, 403);
    assert_eq!(given.patch(&ada, &on).status, 200);

    // What it was given to pass on it may not use itself.
    for path in ["/v1/orgs/acme/events", "/v1/orgs/acme/users", "/v1/orgs/acme/groups", "/v1/orgs/acme/scim-tokens"] {
        assert_eq!(service.anonymous("GET", path).bearer(&given.token).send().status, 403, "{path}");
    }
    let unknown = json!({"name": "x", "permissions": ["EVERYTHING"]});
    let answer = service.request("POST", "/v1/orgs/acme/scim-tokens").json(&unknown).send();
    assert_eq!(answer.problem(), "invalid-content");
}

#[test]
fn the_last_administrator_and_the_default_groups_stay() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(
        &service,
        "acme",
        &[
            "LOG-MANAGEMENT",
            "LOG-GOVERNANCE",
            "USER-MANAGEMENT",
            "ON-PREM-KEYS",
            "ORGANIZATION-MANAGEMENT",
            "PROJECT-MANAGEMENT",
            "COMPONENT-MANAGEMENT",
            "ENVIRONMENT-MANAGEMENT",
            "CONFIGURATIONS-MANAGEMENT",
            "OBSERVABILITY-MANAGEMENT",
        ],
    );
    let (ada, bea) = (provider.user("ada@example.com"), provider.user("bea@example.com"));
    let admins = provider.get("/Groups/admin").json();
    assert_eq!(provider.patch(&admins, &add(&ada)).status, 200, "this token holds everything");
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    for answer in [
        provider.patch(&ada, &off),
        provider.request("DELETE", &format!("/Users/{}", id(&ada))).send(),
        provider.patch(&admins, &json!([{"op": "remove", "path": "members"}])),
    ] {
        scim_error(&answer, 409);
    }
    // Two that race to be the second last: one stays.
    assert_eq!(provider.patch(&admins, &add(&bea)).status, 200);
    let barrier = Barrier::new(2);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let racers = [&ada, &bea].map(|user| {
            let (provider, barrier, off) = (&provider, &barrier, &off);
            scope.spawn(move || {
                barrier.wait();
                provider.patch(user, off).status
            })
        });
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert!(statuses.contains(&200) && statuses.contains(&409), "{statuses:?}");
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Bosses"}]);
    assert_eq!(scim_error(&provider.patch(&admins, &rename), 400), "mutability");
    assert_eq!(provider.request("DELETE", "/Groups/admin").send().status, 409);
}

#[test]
fn what_was_changed_in_the_meantime_is_not_overwritten() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    let ada = provider.user("ada@example.com");
    let path = format!("/Users/{}", id(&ada));
    let version = ada["meta"]["version"].as_str().unwrap();
    let unchanged = provider.request("GET", &path).header("if-none-match", version).send();
    assert_eq!((unchanged.status, &*unchanged.headers["etag"], unchanged.body.len()), (304, version, 0));

    let racers = 8;
    let barrier = Barrier::new(racers);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..racers)
            .map(|number| {
                let (provider, barrier, path) = (&provider, &barrier, &path);
                scope.spawn(move || {
                    let title = json!([{"op": "replace", "path": "title", "value": format!("Title {number}")}]);
                    let body = json!({"schemas": [PATCH], "Operations": title});
                    let request = provider.request("PATCH", path).header("if-match", version);
                    barrier.wait();
                    request.json(&body).send().status
                })
            })
            .collect();
        running.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), racers - 1, "{statuses:?}");
    for method in ["PUT", "DELETE"] {
        let request = provider.request(method, &path).header("if-match", version);
        let answer = request.json(&json!({"schemas": [USER], "userName": "ada@example.com"})).send();
        assert_eq!(scim_error(&answer, 412), "");
    }
    assert_eq!(provider.request("DELETE", &path).header("if-match", "*").send().status, 204);

    let team = provider.group("Team", &[]);
    let bea = provider.user("bea@example.com");
    assert_eq!(provider.patch(&team, &add(&bea)).status, 200);
    let stale = provider.request("DELETE", &format!("/Groups/{}", id(&team)));
    let stale = stale.header("if-match", team["meta"]["version"].as_str().unwrap()).send();
    assert_eq!(scim_error(&stale, 412), "");
}

#[test]
fn of_two_that_make_the_same_user_one_does() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    let racers = 6;
    let barrier = Barrier::new(racers);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..racers)
            .map(|number| {
                let (provider, barrier) = (&provider, &barrier);
                scope.spawn(move || {
                    // The same name, whatever its case, with different addresses.
                    let name = if number % 2 == 0 { "ada" } else { "ADA" };
                    let emails = json!([{"value": format!("ada{number}@example.com")}]);
                    barrier.wait();
                    provider.send("POST", "/Users", &json!({"schemas": [USER], "userName": name, "emails": emails}))
                })
            })
            .collect();
        running.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(scim_error(answer, 409), "uniqueness");
    }
    assert_eq!(provider.get("/Users").json()["totalResults"], 1);
    assert_eq!(service.find("acme", "action=user.create").len(), 1);
}

#[test]
fn an_organization_learns_nothing_of_another() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let (acme, other) = (Provider::new(&service, "acme", &[]), Provider::new(&service, "other", &[]));
    let body = json!({
        "schemas": [USER], "userName": "ada@example.com", "displayName": "Ada of Acme", "title": "Spy", "externalId": "x-1",
    });
    let first = acme.send("POST", "/Users", &body).json();
    // To who makes the same person a member, a person with an account and one without look the same.
    let (known, unknown) = (other.user("Ada@Example.com"), other.user("Eve@Example.com"));
    let shape = |user: &Value| user.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shape(&known), shape(&unknown));
    assert_eq!(
        (&known["userName"], &known["emails"][0]["value"]),
        (&json!("Ada@Example.com"), &json!("Ada@Example.com"))
    );
    let text = other.get("/Users").text() + &service.get("/v1/orgs/other/users").text();
    for secret in ["Acme", "Spy", "x-1"] {
        assert!(!text.contains(secret), "{secret} is another organization's: {text}");
    }
    // What one says of the person the other does not see, and neither moves the account that both share.
    let renamed = json!([{"op": "replace", "value": {"userName": "mallory@example.com", "active": false}}]);
    assert_eq!(other.patch(&known, &renamed).json()["userName"], "mallory@example.com");
    let still = acme.get(&format!("/Users/{}", id(&first))).json();
    assert_eq!(still, first);
    assert_eq!(service.get(&format!("/v1/orgs/acme/users/{}", id(&first))).json()["email"], "ada@example.com");
    assert_eq!(other.request("DELETE", &format!("/Users/{}", id(&known))).send().status, 204);
    assert_eq!(acme.get(&format!("/Users/{}", id(&first))).json(), first);

    // Users of another organization are nobody here.
    let hidden = other.get(&format!("/Users/{}", id(&first)));
    let nobody = other.get("/Users/usr_nobody");
    assert_eq!((hidden.status, hidden.json()), (nobody.status, nobody.json()));
    let team = other.group("Team", &[]);
    assert_eq!(scim_error(&other.patch(&team, &add(&first)), 400), "invalidValue");
    let foreign = service.anonymous("GET", "/v1/orgs/acme/scim/v2/Users").bearer(&other.token).send();
    let missing = service.anonymous("GET", "/v1/orgs/nowhere/scim/v2/Users").bearer(&other.token).send();
    assert_eq!((foreign.status, missing.status), (404, 404));
    assert_eq!(foreign.text(), missing.text().replace("nowhere", "acme"));
}

#[test]
fn resources_are_found_sorted_and_shown_in_pages() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    for name in ["cleo", "ada", "Bea", "dora"] {
        provider.user(&format!("{name}@example.com"));
    }
    let names = |list: &[&str]| list.iter().map(|name| format!("{name}@example.com")).collect::<Vec<_>>();
    assert_eq!(provider.found("/Users"), names(&["cleo", "ada", "Bea", "dora"]));
    assert_eq!(provider.found("/Users?filter=userName%20eq%20%22BEA@example.com%22"), names(&["Bea"]));
    assert_eq!(
        provider.found("/Users?filter=not%20(userName%20co%20%22e%22%20and%20userName%20sw%20%22a%22)&sortBy=userName"),
        names(&["Bea", "cleo", "dora"])
    );
    assert_eq!(
        provider.found("/Users?sortBy=userName&sortOrder=descending&startIndex=2&count=2"),
        names(&["cleo", "Bea"])
    );
    let page = provider.get("/Users?startIndex=4&count=10").json();
    assert_eq!((&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]), (&json!(4), &json!(4), &json!(1)));
    assert!(provider.get("/Users?count=0").json()["Resources"].as_array().unwrap().is_empty());
    let shown = provider.get("/Users?attributes=userName&count=1").json()["Resources"][0].clone();
    let keys: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "schemas", "userName"]);
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "displayName eq \"auditor\" or userName sw \"d\"", "excludedAttributes": ["emails"],
    });
    let both = provider.send("POST", "/.search", &search).json();
    assert_eq!(both["totalResults"], 2, "{both}");
    for (path, scim_type) in [
        ("/Users?filter=userName%20is%20%22x%22", "invalidFilter"),
        ("/Users?filter=usrName%20pr", "invalidFilter"),
        ("/Users?sortBy=nothing", "invalidPath"),
        ("/Users?attributes=userName&excludedAttributes=emails", "invalidValue"),
        ("/Users?fliter=x", "invalidValue"),
    ] {
        assert_eq!(scim_error(&provider.get(path), 400), scim_type, "{path}");
    }
}

#[test]
fn a_token_is_shown_once_and_gone_when_revoked() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &["audit_logs_view"]);
    let listed = service.get("/v1/orgs/acme/scim-tokens");
    assert!(!listed.text().contains(&provider.token[provider.token.len() - 30..]));
    assert_eq!(listed.json()["tokens"][0]["permissions"], json!(["audit_logs_view"]));
    assert_eq!(provider.get("/ServiceProviderConfig").status, 200);
    let mut damaged = provider.token.clone();
    damaged.replace_range(20..21, if &damaged[20..21] == "x" { "y" } else { "x" });
    let answer = service.anonymous("GET", "/v1/orgs/acme/scim/v2/Users").bearer(&damaged).send();
    scim_error(&answer, 401);
    let path = format!("/v1/orgs/acme/scim-tokens/{}", provider.token_id);
    service.organization("other");
    assert_eq!(service.request("DELETE", &path.replace("acme", "other")).send().status, 404);
    assert_eq!(service.request("DELETE", &path).send().status, 204);
    scim_error(&provider.get("/Users"), 401);
    let records = service.find("acme", "action=token.*&order=asc");
    let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["token.create", "token.revoke"]);
    assert_eq!(records[0]["metadata"]["scopes"], "scim audit_logs_view");
}

/// The routes that speak SCIM.
fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().copied().filter(|route| matches!(route.permission, Permission::Scim(_)))
}

#[test]
fn every_route_refuses_in_the_form_of_scim() {
    let service = Service::start();
    service.organization("acme");
    let provider = Provider::new(&service, "acme", &[]);
    let (_, key) = service.key("acme");
    let mut walked = 0;
    for route in routes() {
        let path = route.path.replace("{org}", "acme").replace("{id}", "nothing");
        let request = || {
            let request = service.anonymous(route.method.name(), &path);
            if route.bodies.is_empty() { request } else { request.body("application/scim+json", "{}") }
        };
        scim_error(&request().send(), 401);
        scim_error(&request().bearer(&key).send(), 403);
        let asked = service.anonymous(route.method.name(), &format!("{path}?nonsense=1")).bearer(&provider.token);
        scim_error(&asked.send(), 400);
        if !route.bodies.is_empty() {
            let send = |media: &str, body: Vec<u8>| {
                let request = service.anonymous(route.method.name(), &path).bearer(&provider.token);
                request.body(media, body).send()
            };
            // What is to be changed is looked for first.
            match route.method {
                Method::Patch => drop(scim_error(&send("application/json", b"{}".to_vec()), 404)),
                _ => assert_eq!(scim_error(&send("application/json", b"{}".to_vec()), 400), "invalidSyntax", "{path}"),
            }
            assert_eq!(scim_error(&send("application/scim+json", b"{".to_vec()), 400), "invalidSyntax");
            scim_error(&send("text/plain", b"{}".to_vec()), 415);
            scim_error(&send("application/json", vec![b' '; route.body_bytes_max + 1]), 413);
        } else if route.path.contains("{id}") {
            scim_error(&request().bearer(&provider.token).send(), 404);
        }
        walked += 1;
    }
    assert_eq!(walked, ROUTES.iter().filter(|route| route.path.contains("/scim/v2")).count());
    scim_error(&provider.get("/nothing"), 404);
    let answer = provider.send("PUT", "/Schemas", &json!({}));
    scim_error(&answer, 405);
    assert_eq!(answer.headers["allow"], "GET, HEAD");
    assert!(routes().any(|route| route.method == Method::Put));
}

/// What a change asks for is worked out before its turn: however long that takes, others' changes do not wait for it, and none is
/// lost to another that comes between.
#[test]
fn a_change_that_takes_long_to_work_out_holds_up_no_other() {
    let service = Service::start();
    service.organization("acme");
    service.organization("other");
    let provider = Provider::new(&service, "acme", &[]);
    let users: Vec<Value> = (0..40).map(|number| provider.user(&format!("user{number}@example.com"))).collect();
    let (group, big) = (provider.group("Some", &[]), provider.group("Everybody", &users.iter().collect::<Vec<_>>()));
    // Nearly as many comparisons as one change may make; none of them finds anything.
    let nobody = vec!["value eq \"z\""; 120].join(" or ");
    let operations = vec![json!({"op": "remove", "path": format!("members[{nobody}]")}); 500];
    let begun = Instant::now();
    let (long, others) = std::thread::scope(|scope| {
        let long = scope.spawn(|| {
            let answer = provider.patch(&big, &json!(operations));
            (begun.elapsed(), answer.status)
        });
        // All of them change the same group at the same moment.
        let adding = users[..7].iter().map(|user| scope.spawn(|| provider.patch(&group, &add(user)).status));
        let adding: Vec<_> = adding.collect();
        std::thread::sleep(Duration::from_millis(200));
        let other = service.request("POST", "/v1/orgs/other/groups").json(&json!({"name": "Quick"})).send();
        let after = begun.elapsed();
        assert_eq!(other.status, 201, "{other:?}");
        let added: Vec<u16> = adding.into_iter().map(|adding| adding.join().unwrap()).collect();
        assert_eq!(added, [200; 7]);
        (long.join().unwrap(), after)
    });
    assert_eq!(long.1, 200);
    assert!(others < long.0, "others were answered after {others:?}, the long one after {:?}", long.0);
    let members = provider.get(&format!("/Groups/{}", id(&group))).json()["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 7);
}
