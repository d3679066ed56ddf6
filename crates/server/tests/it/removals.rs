//! Erasure of a person and redaction of records, from asking to the last byte of the folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actarium_verify::{Bundle, Trust, verify_export};
use serde_json::{Value, json};

use crate::client::{Service, event};
use crate::person::Person;

const EVER: &str = "from=2000-01-01T00:00:00Z&limit=1000&order=asc";
const NAME: &str = "Zebulon Marchbanks";
const EMAIL: &str = "zeb@marchbanks.example";
const IP: &str = "10.77.7.7";

/// An event by the person who is to be erased, or on their behalf, or about them.
fn of_person(number: usize) -> Value {
    let mut event = event("component.deploy", &format!("c-{number}"));
    let person = json!({"type": "user", "id": "u_777", "name": NAME, "email": EMAIL});
    match number % 3 {
        0 => event["actor"] = person,
        1 => event["actor"] = json!({"type": "agent", "id": "bot", "on_behalf_of": person}),
        _ => event["targets"].as_array_mut().unwrap().push(json!({"type": "user", "id": "u_777", "name": NAME})),
    }
    event["context"]["ip"] = json!(IP);
    event
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The files of a folder that tell a text: in their bytes, or in anything compressed that begins anywhere in them.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let tells = |path: &PathBuf| {
        // What was merged may go at any moment.
        let Ok(bytes) = std::fs::read(path) else { return false };
        let frames = (0..bytes.len().saturating_sub(3)).filter(|at| bytes[*at..*at + 4] == FRAME);
        let mut unpacked = frames.map(|at| {
            let mut raw = Vec::new();
            // A frame that is cut still tells what it begins with.
            if let Ok(decoder) = zstd::stream::Decoder::new(&bytes[at..]) {
                let _ = decoder.single_frame().take(64 << 20).read_to_end(&mut raw);
            }
            raw
        });
        has(&bytes) || unpacked.any(|raw| has(&raw))
    };
    files(folder).iter().filter(|path| tells(path)).map(|path| path.display().to_string()).collect()
}

/// Waits until a removal has ended.
fn ended(service: &Service, path: &str) -> Value {
    for _ in 0..400 {
        let shown = service.get(&format!("/v1/orgs/acme/{path}")).json();
        if shown["state"] == "done" {
            return shown;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{path} was not done: {:?}", service.get(&format!("/v1/orgs/acme/{path}")));
}

fn exported(service: &Service) -> Bundle {
    let answer = service.get("/v1/orgs/acme/export/proof");
    assert_eq!(answer.status, 200, "{answer:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.tar.zst");
    std::fs::write(&path, &answer.body).unwrap();
    Bundle::open(&path).unwrap()
}

/// The whole log proves itself, with what was erased on record.
fn proves_itself(service: &Service) {
    let report = verify_export(&exported(service), &Trust::default()).unwrap();
    assert!(report.is_sound() && report.undecided.is_empty(), "{report}");
}

fn recorded(service: &Service, events: &[Value]) -> Vec<String> {
    let answer = service.record("acme", &json!(events));
    assert_eq!(answer.status, 201, "{answer:?}");
    let json = answer.json();
    json["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

fn sealed(service: &Service) {
    assert_eq!(service.request("POST", "/v1/admin/seal").send().status, 200);
}

/// Exports of every form that hold what tells of the person, and one that does not.
fn exports_kept(service: &Service, person: &Person) -> (Vec<String>, String) {
    let kept = |body: Value| {
        let id = person.made(service, "exports", body);
        for _ in 0..400 {
            if person.send(service, "GET", &format!("exports/{id}"), Value::Null).json()["state"] == "done" {
                return id;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("the export {id} was not made");
    };
    let with_person = vec![
        kept(json!({"format": "ndjson", "q": "action:component.deploy"})),
        kept(json!({"format": "csv", "q": "action:component.deploy"})),
        kept(json!({"format": "proof"})),
    ];
    (with_person, kept(json!({"format": "ndjson", "q": "target:o-100"})))
}

#[test]
fn a_person_is_erased_everywhere_once_a_second_person_approves() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let second = Person::new(&service, "Rosa", &["admin"]);
    let engineer = Person::new(&service, "Enno", &["platform-engineer"]);
    recorded(&service, &(0..30).map(of_person).collect::<Vec<_>>());
    sealed(&service);
    let others: Vec<Value> = (100..140).map(|number| event("component.deploy", &format!("o-{number}"))).collect();
    recorded(&service, &others);
    recorded(&service, &(30..45).map(of_person).collect::<Vec<_>>());
    let search = json!({"name": "Zeb's", "q": format!("actor:{EMAIL}"), "visibility": "organization"});
    assert_eq!(asker.send(&service, "POST", "saved-searches", search).status, 201);
    let kept = json!({"name": "Denied", "q": "outcome:denied", "visibility": "organization"});
    assert_eq!(asker.send(&service, "POST", "saved-searches", kept).status, 201);
    assert!(asker.sees(&service, "q=%22zebulon%20marchbanks%22&from=-1d").unwrap().len() >= 45);
    service.find_count("acme", &format!("action=audit_log.search&actor={}", asker.id), 1);
    let (with_person, without) = exports_kept(&service, &asker);
    let hold = service.request("POST", "/v1/orgs/acme/legal-holds");
    let hold = hold.json(&json!({"reason": "Case 9", "target": "component:c-7"})).send().json()["id"].clone();

    // Counting changes nothing.
    let body = json!({"subject": "user:u_777", "reason": "They asked for it"});
    let mut counting = body.clone();
    counting["dry_run"] = json!(true);
    let counted = asker.send(&service, "POST", "erasures", counting);
    assert_eq!(counted.status, 200, "{counted:?}");
    let found = counted.json()["found"].clone();
    let numbers =
        |found: &Value, keys: &[&str]| keys.iter().map(|key| found[*key].as_u64().unwrap()).collect::<Vec<_>>();
    // The search, the saving of another one.
    let keys = ["personal", "held", "naming_records", "saved_searches", "already", "archive", "identity"];
    assert_eq!(numbers(&found, &keys), [44, 1, 2, 1, 0, 0, 0], "{found}");
    assert_eq!(found["events"], 46);
    assert_eq!(found["hot"].as_u64().unwrap() + found["journal"].as_u64().unwrap(), 46);
    assert!(found["hot"].as_u64().unwrap() >= 29);
    assert_eq!(service.get("/v1/orgs/acme/erasures").json(), json!({"erasures": []}));
    let named = json!({"subject": "user:u_777", "reason": "Mr. zebulon MARCHBANKS asked"});
    let named = asker.send(&service, "POST", "erasures", named);
    assert_eq!((named.status, &named.json()["errors"][0]["pointer"]), (422, &json!("/reason")), "{named:?}");

    // One asks, another approves.
    assert_eq!(engineer.send(&service, "POST", "erasures", body.clone()).status, 403);
    let id = asker.made(&service, "erasures", body.clone());
    let path = format!("erasures/{id}");
    let approve = format!("{path}/approve");
    let pending = service.get(&format!("/v1/orgs/acme/{path}")).json();
    assert_eq!((&pending["state"], &pending["kept_by_holds"]), (&json!("pending"), &json!(0)));
    assert_eq!(asker.send(&service, "POST", &approve, Value::Null).status, 403);
    assert_eq!(engineer.send(&service, "POST", &approve, Value::Null).status, 403);
    let denied = service.find_count("acme", "action=record.removal.approve&outcome=denied", 2);
    assert!(denied.iter().any(|record| record["actor"]["id"] == *asker.id), "{denied:?}");
    let telling = files_with(service.path(), NAME);
    let of_exports = telling.iter().filter(|path| path.contains("/exports/")).count();
    assert!(of_exports == with_person.len() && telling.len() > of_exports, "without this the test could not fail");
    let approved = second.send(&service, "POST", &approve, Value::Null);
    assert_eq!((approved.status, &approved.json()["found"]["events"]), (200, &json!(46)), "{approved:?}");
    assert_eq!(second.send(&service, "POST", &approve, Value::Null).status, 409);
    let done = ended(&service, &path);
    assert_eq!((&done["progress"], &done["subject"]), (&json!({"done": 46, "total": 46}), &Value::Null), "{done}");
    assert_eq!(done["kept_by_holds"], 1, "{done}");

    // What is left of the events.
    let events = service.find("acme", &format!("action=component.deploy&{EVER}"));
    let erased: Vec<&Value> = events.iter().filter(|event| event["erased"] == json!(["personal"])).collect();
    assert_eq!((events.len(), erased.len()), (85, 44));
    assert!(erased.iter().all(|event| event["context"].get("ip").is_none() && event["message"].is_string()));
    let still = events.iter().filter(|event| event.to_string().contains("Marchbanks"));
    assert_eq!(still.map(|event| &event["targets"][0]["id"]).collect::<Vec<_>>(), [&json!("c-7")], "it is held");
    let searches = service.get("/v1/orgs/acme/saved-searches").json();
    assert_eq!(searches["saved_searches"].as_array().unwrap().len(), 1, "{searches}");
    for id in &with_person {
        let gone = asker.send(&service, "GET", &format!("exports/{id}/content"), Value::Null);
        assert_eq!(gone.status, 404, "it held events that lost something");
    }
    let deleted = service.find("acme", &format!("action=audit_log.export.delete&{EVER}"));
    assert_eq!(deleted.len(), with_person.len());
    assert!(deleted.iter().all(|record| record["metadata"]["removal"] == *id), "{deleted:?}");
    let left = asker.send(&service, "GET", &format!("exports/{without}/content"), Value::Null);
    assert_eq!((left.status, left.text().lines().count()), (200, 1), "it held none of them");
    let records = service.find("acme", &format!("action=record.erase&{EVER}"));
    assert_eq!(records.len(), 2, "the personal part of some, the detail of others");
    let parts: Vec<_> = records.iter().map(|record| record["metadata"]["parts"].as_str().unwrap()).collect();
    assert!(parts.contains(&"personal") && parts.contains(&"detail"), "{parts:?}");
    for record in &records {
        assert_eq!((&record["actor"]["id"], &record["metadata"]["approved_by"]), (&json!(asker.id), &json!(second.id)));
        assert_eq!(record["reason"], "They asked for it");
        assert_eq!(record["metadata"]["pseudonym"], done["pseudonym"]);
        assert!(!record.to_string().contains("u_777"));
    }
    proves_itself(&service);

    // What was held goes once it is released and asked for again.
    assert_eq!(asker.send(&service, "POST", "erasures", body.clone()).status, 409);
    let path = format!("/v1/orgs/acme/legal-holds/{}?reason=closed", hold.as_str().unwrap());
    assert_eq!(service.request("DELETE", &path).send().status, 204);
    let id = asker.made(&service, "erasures", body);
    assert_eq!(second.send(&service, "POST", &format!("erasures/{id}/approve"), Value::Null).status, 200);
    let done = ended(&service, &format!("erasures/{id}"));
    assert_eq!(done["progress"]["done"], done["found"]["events"], "{done}");
    assert_eq!(done["kept_by_holds"], 0, "{done}");
    proves_itself(&service);
    for text in [NAME, EMAIL, IP] {
        assert_eq!(files_with(service.path(), text), Vec::<String>::new(), "{text}, while it runs");
    }
    let folder = service.stop();
    for text in [NAME, EMAIL, IP] {
        assert_eq!(files_with(folder.path(), text), Vec::<String>::new(), "{text}");
    }
    assert!(!files_with(folder.path(), "Ada Example").is_empty());
    let service = Service::start_on(folder, |_| {});
    proves_itself(&service);
    assert_eq!(service.find("acme", &format!("actor=u_777&{EVER}")).len(), 30, "found by the id that is left");
    // Not before: the record of it is one that names the person.
    assert_eq!(service.find("acme", &format!("action=component.deploy&q=marchbanks&{EVER}")), Vec::<Value>::new());
}

#[test]
fn recorded_searches_by_a_part_of_the_name_or_address_go_and_doubtful_ones_are_listed() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let mut by_person = of_person(0);
    by_person["context"]["user_agent"] = json!("UniqueAgent/1");
    recorded(&service, &[by_person]);
    let naming = ["marchbanks", "Zebulon", "%22marchbanks+zebulon%22", "%22zebulon+m%22", "ip:10.77.7.7", "actor:zeb"];
    let doubtful = ["uniqueagent", "marchb", "ip:10.77.7.0/24"];
    let others = ["component", "ip:10.77.7.8", "action:component.*"];
    for q in [&naming[..], &doubtful, &others].concat() {
        asker.sees(&service, &format!("q={q}&from=-1d")).unwrap();
    }
    let export = format!("/v1/orgs/acme/export?format=csv&q=marchbanks&{EVER}");
    assert_eq!(service.get(&export.replace("&limit=1000&order=asc", "")).status, 200);
    let saved = json!({"name": "Mine", "q": "zebulon outcome:denied", "visibility": "organization"});
    assert_eq!(asker.send(&service, "POST", "saved-searches", saved).status, 201);
    service.find_count("acme", &format!("action=audit_log.search&actor={}", asker.id), 12);
    service.find_count("acme", "action=audit_log.export", 1);
    let body = json!({"subject": "user:u_777", "reason": "They asked for it"});
    let mut counting = body.clone();
    counting["dry_run"] = json!(true);
    let counted = asker.send(&service, "POST", "erasures", counting).json();
    let found = &counted["found"];
    // The searches, the export, and the saving of a search.
    assert_eq!((&found["naming_records"], &found["searches_to_review"]), (&json!(8), &json!(3)), "{counted}");
    assert_eq!((&found["saved_searches"], counted["to_review"].as_array().unwrap().len()), (&json!(1), 3));
    let id = asker.made(&service, "erasures", body);
    let approve = format!("/v1/orgs/acme/erasures/{id}/approve");
    assert_eq!(service.request("POST", &approve).send().status, 200);
    let done = ended(&service, &format!("erasures/{id}"));
    assert_eq!(done["to_review"], counted["to_review"], "{done}");
    let left = service.find("acme", &format!("action=audit_log.*&actor={}&{EVER}", asker.id));
    let phrases: Vec<&str> = left.iter().filter_map(|record| record["metadata"]["q"].as_str()).collect();
    assert_eq!(phrases, [&doubtful[..], &others].concat());
    let listed: Vec<&Value> =
        left.iter().filter(|record| done["to_review"].to_string().contains(record["id"].as_str().unwrap())).collect();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|record| doubtful.contains(&record["metadata"]["q"].as_str().unwrap())), "{listed:?}");
    proves_itself(&service);
    for text in [NAME, EMAIL, "marchbanks", "zebulon", "10.77.7.7"] {
        assert_eq!(files_with(service.path(), text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn nobody_approves_the_erasure_of_records_of_their_own_acts() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let actor = Person::new(&service, "Rosa", &["admin"]);
    recorded(&service, &[of_person(0)]);
    // A change that somebody made to somebody.
    let victim = actor.made(&service, "users", json!({"email": "vic@example.com", "name": "Vic Tim"}));
    let about_victim = json!({"subject": format!("user:{victim}"), "reason": "They asked"});
    let id = asker.made(&service, "erasures", about_victim);
    let refused = actor.send(&service, "POST", &format!("erasures/{id}/approve"), Value::Null);
    assert_eq!(refused.status, 403, "{refused:?}");
    let about_actor = json!({"subject": format!("user:{}", actor.id), "reason": "They asked"});
    let id = asker.made(&service, "erasures", about_actor);
    assert_eq!(actor.send(&service, "POST", &format!("erasures/{id}/approve"), Value::Null).status, 403);
    let rejected = actor.send(&service, "POST", &format!("erasures/{id}/reject"), json!({"reason": "Not yet"}));
    assert_eq!((rejected.status, &rejected.json()["state"]), (200, &json!("rejected")), "{rejected:?}");
    assert_eq!(rejected.json()["subject"], Value::Null);
    assert_eq!(service.request("POST", &format!("/v1/orgs/acme/erasures/{id}/approve")).send().status, 409);
    let own = service.request("POST", "/v1/orgs/acme/erasures");
    let own = own.json(&json!({"subject": "user:u_777", "reason": "They asked"})).send().json()["id"].clone();
    let own = format!("/v1/orgs/acme/erasures/{}/approve", own.as_str().unwrap());
    assert_eq!(service.request("POST", &own).send().status, 403, "nor does the operator approve what they asked for");
    for (body, pointer) in [
        (json!({"subject": "u_777", "reason": "x"}), "/subject"),
        (json!({"subject": "audit_log:acme", "reason": "x"}), "/subject"),
        (json!({"subject": "organization:acme", "reason": "x"}), "/subject"),
        (json!({"subject": "api_key:operator", "reason": "x", "parts": ["identity"]}), "/subject"),
        (json!({"subject": "group:admin", "dry_run": true}), "/subject"),
        (json!({"subject": "user:u_777"}), "/reason"),
        (json!({"subject": "user:u_777", "reason": "x", "parts": ["fact"]}), "/parts/0"),
        (json!({"subject": "user:u_777", "reason": "x", "parts": []}), "/parts"),
    ] {
        let refused = asker.send(&service, "POST", "erasures", body);
        assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{refused:?}");
    }
}

#[test]
fn who_makes_an_account_does_not_make_the_second_person() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    recorded(&service, &[of_person(0)]);
    let body = json!({"subject": "user:u_777", "reason": "They asked"});
    let asked = |person: &Person| {
        let answer = person.send(&service, "POST", "erasures", body.clone());
        assert_eq!(answer.status, 201, "{answer:?}");
        let json = answer.json();
        (format!("erasures/{}/approve", json["id"].as_str().unwrap()), json["approvers"].clone())
    };
    let approves = |person: &Person, path: &str| person.send(&service, "POST", path, Value::Null).status;
    let (alone, approvers) = asked(&asker);
    assert_eq!(approvers, json!([]), "the operator has to");

    // Accounts that the asker makes, after and before it is asked for; and what these ask for.
    let [sock, other] = ["Sock", "Other"].map(|name| Person::made_by(&asker, &service, name, &["admin"]));
    assert_eq!(approves(&sock, &alone), 403);
    let (by_asker, approvers) = asked(&asker);
    assert_eq!((approvers, approves(&sock, &by_asker)), (json!([]), 403));
    let (by_sock, approvers) = asked(&sock);
    assert_eq!((approvers, approves(&asker, &by_sock), approves(&other, &by_sock)), (json!([]), 403, 403));

    // Somebody whom the asker did not make: not for what was asked for before.
    let second = Person::new(&service, "Rosa", &["admin"]);
    assert_eq!(approves(&second, &by_asker), 403);
    let (_, approvers) = asked(&asker);
    assert_eq!(approvers, json!([second.id]));
    assert_eq!(asker.send(&service, "PATCH", &format!("users/{}", second.id), json!({"name": "Rosamund"})).status, 200);
    // What she is called is nobody's way into her account.
    let (_, approvers) = asked(&asker);
    assert_eq!(approvers, json!([second.id]));
    // Whose password the asker gives is theirs.
    let made = Person::made_by(&Person::new(&service, "Lena", &["admin"]), &service, "Mona", &["admin"]);
    let (given, approvers) = asked(&asker);
    assert!(approvers.as_array().unwrap().contains(&json!(made.id)), "{approvers}");
    let password = json!({"password": "marble-lantern-48-pier"});
    assert_eq!(asker.send(&service, "PATCH", &format!("users/{}", made.id), password).status, 200);
    let (_, approvers) = asked(&asker);
    assert!(!approvers.as_array().unwrap().contains(&json!(made.id)), "{approvers}");
    assert_eq!(approves(&made, &given), 401, "her session is over");
    let (asked_by_another, approvers) = asked(&Person::new(&service, "Jona", &["admin"]));
    assert!(approvers.as_array().unwrap().contains(&json!(second.id)), "{approvers}");
    assert_eq!(approves(&second, &asked_by_another), 200);
}

#[test]
fn who_did_it_stays_in_own_records_of_what_others_did_to_a_person() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let maker = Person::new(&service, "Rosa", &["admin"]);
    let victim = maker.made(&service, "users", json!({"email": "vic@example.com", "name": "Vic Tim"}));
    let mut sent = event("component.deploy", "orders");
    sent["targets"].as_array_mut().unwrap().push(json!({"type": "user", "id": victim, "name": "Vic Tim"}));
    recorded(&service, &[sent]);
    let body = json!({"subject": format!("user:{victim}"), "reason": "They asked", "parts": ["identity", "personal"]});
    let mut counting = body.clone();
    counting["dry_run"] = json!(true);
    let found = asker.send(&service, "POST", "erasures", counting).json()["found"].clone();
    assert_eq!((&found["identity"], &found["kept_own"]), (&json!(1), &json!(1)), "{found}");
    let id = asker.made(&service, "erasures", body);
    let approve = format!("/v1/orgs/acme/erasures/{id}/approve");
    assert_eq!(service.request("POST", &approve).send().status, 200);
    ended(&service, &format!("erasures/{id}"));
    let made = service.find("acme", &format!("action=user.create&actor={}", maker.id));
    assert_eq!((made.len(), &made[0]["targets"][0]["id"]), (1, &json!(victim)), "{made:?}");
    assert_eq!(made[0]["targets"][0].get("name"), None, "{made:?}");
    let sent = service.find("acme", "action=component.deploy");
    assert!(sent[0]["actor"].get("id").is_none(), "what others send loses what was asked for: {sent:?}");
    proves_itself(&service);
}

#[test]
fn who_does_not_see_the_log_learns_nothing_of_it_by_counting() {
    let service = Service::start();
    service.organization("acme");
    let ids = recorded(&service, &[of_person(0)]);
    let governing = ["records_erase", "records_redact", "removals_view"];
    let blind = Person::holding(&service, "Blin", &governing);
    let seeing = Person::holding(&service, "Sina", &[&governing[..], &["audit_logs_view"]].concat());
    let erasure = json!({"subject": "user:u_777", "dry_run": true});
    let redaction = json!({"events": ids, "remainder": false, "dry_run": true});
    for (path, body) in [("erasures", erasure), ("redactions", redaction)] {
        assert_eq!(blind.send(&service, "POST", path, body.clone()).status, 403, "{path}");
        let seen = seeing.send(&service, "POST", path, body);
        assert_eq!((seen.status, &seen.json()["found"]["events"]), (200, &json!(1)), "{seen:?}");
    }
}

#[test]
fn every_part_of_a_person_can_go() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    recorded(&service, &(0..9).map(of_person).collect::<Vec<_>>());
    asker.sees(&service, "q=actor:u_777&from=-1d").unwrap();
    service.find_count("acme", &format!("action=audit_log.search&actor={}", asker.id), 1);
    let all = json!(["identity", "personal", "detail"]);
    let id = asker.made(&service, "erasures", json!({"subject": "user:u_777", "reason": "All of it", "parts": all}));
    let approve = format!("/v1/orgs/acme/erasures/{id}/approve");
    assert_eq!(service.request("POST", &approve).send().status, 200);
    let done = ended(&service, &format!("erasures/{id}"));
    assert_eq!(done["kept_by_holds"], 0);
    let events = service.find("acme", &format!("action=component.deploy&{EVER}"));
    assert!(events.iter().all(|event| event["erased"] == all && event["actor"].get("id").is_none()), "{events:?}");
    proves_itself(&service);
    for text in [NAME, EMAIL, IP, "u_777", "release candidate of c-"] {
        assert_eq!(files_with(service.path(), text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_detail_of_chosen_events_is_redacted_and_what_is_left_is_recorded() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let mut leaky = event("component.deploy", "orders");
    leaky["metadata"] = json!({"note": "tangerine-swordfish-1", "build": "77"});
    leaky["message"] = json!("the phrase is tangerine-swordfish-1");
    let ids = recorded(&service, &[leaky, event("component.deploy", "carts")]);
    sealed(&service);
    let body = |more: Value| {
        let mut body = json!({"events": [ids[0]], "reason": "A secret was sent"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let same = asker.send(&service, "POST", "redactions", body(json!({})));
    assert_eq!((same.status, &same.json()["errors"][0]["pointer"]), (422, &json!("/events/0")), "{same:?}");
    let unknown =
        json!({"events": [ids[0], "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"], "reason": "x", "remainder": false});
    let unknown = asker.send(&service, "POST", "redactions", unknown);
    assert_eq!((unknown.status, &unknown.json()["errors"][0]["pointer"]), (422, &json!("/events/1")), "{unknown:?}");
    let masks = json!({"pointers": ["/message"], "mask_keys": ["note"]});
    let mut dry = body(masks.clone());
    dry["dry_run"] = json!(true);
    assert_eq!(asker.send(&service, "POST", "redactions", dry).json()["found"]["detail"], 1);
    let id = asker.made(&service, "redactions", body(masks));
    let approve = format!("redactions/{id}/approve");
    assert_eq!(asker.send(&service, "POST", &approve, Value::Null).status, 403);
    assert_eq!(service.request("POST", &format!("/v1/orgs/acme/{approve}")).send().status, 200);
    ended(&service, &format!("redactions/{id}"));
    let original = service.get(&format!("/v1/orgs/acme/events/{}", ids[0])).json();
    assert_eq!(original["erased"], json!(["detail"]));
    assert_eq!((original.get("message"), original.get("metadata")), (None, None));
    assert_eq!(original["actor"]["name"], "Ada Example");
    let restated = service.find("acme", &format!("action=record.restate&{EVER}"));
    assert_eq!(restated.len(), 1, "{restated:?}");
    assert_eq!(restated[0]["targets"][0], json!({"type": "record", "id": ids[0]}));
    assert_eq!(restated[0]["metadata"]["build"], "77");
    assert!(restated[0]["metadata"]["note"].as_str().unwrap().starts_with("[masked: "), "{restated:?}");
    let records = service.find("acme", &format!("action=record.redact&{EVER}"));
    assert_eq!((records.len(), &records[0]["metadata"]["parts"]), (1, &json!("detail")));
    let erasing = service.get(&format!("/v1/orgs/acme/events/{}", records[0]["id"].as_str().unwrap())).json();
    let body = json!({"events": [erasing["id"]], "reason": "x", "remainder": false});
    assert_eq!(asker.send(&service, "POST", "redactions", body).status, 422, "what lists the removed stays");
    proves_itself(&service);
    assert_eq!(files_with(service.path(), "tangerine-swordfish"), Vec::<String>::new());
}

#[test]
fn who_gives_the_right_to_approve_does_not_choose_the_second_person() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let [bea, cora] = ["Bea", "Cora"].map(|name| Person::new(&service, name, &[]));
    recorded(&service, &[of_person(0)]);
    let approvers = || {
        let body = json!({"subject": "user:u_777", "reason": "They asked"});
        let answer = asker.send(&service, "POST", "erasures", body);
        assert_eq!(answer.status, 201, "{answer:?}");
        (format!("erasures/{}/approve", answer.json()["id"].as_str().unwrap()), answer.json()["approvers"].clone())
    };
    let by_operator = |path: &str, body: Value| {
        let answer = service.request("POST", &format!("/v1/orgs/acme/{path}")).json(&body).send();
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap_or_default().to_owned()
    };
    let whole = |role: &str| json!({"role": role, "level": "organization"});
    // A role that the asker gives to a group that somebody is in.
    let group = by_operator("groups", json!({"name": "Legal"}));
    by_operator(&format!("groups/{group}/members"), json!({"user": bea.id}));
    let role = asker.made(&service, "roles", json!({"name": "Deciders", "permissions": ["LOG-GOVERNANCE"]}));
    asker.made(&service, &format!("groups/{group}/roles"), whole(&role));
    let (asked, found) = approvers();
    assert_eq!(found, json!([]));
    assert_eq!(bea.send(&service, "POST", &asked, Value::Null).status, 403);
    // A role of hers that the asker lets approve.
    let (group, role) = (
        by_operator("groups", json!({"name": "Privacy"})),
        by_operator("roles", json!({"name": "Privacy", "permissions": ["removals_view"]})),
    );
    by_operator(&format!("groups/{group}/members"), json!({"user": cora.id}));
    by_operator(&format!("groups/{group}/roles"), whole(&role));
    let path = format!("roles/{role}");
    let wider = json!({"permissions": ["removals_view", "removals_approve"]});
    assert_eq!(asker.send(&service, "PATCH", &path, wider).status, 200);
    assert_eq!(approvers().1, json!([]));
    // What others gave counts: another way to the right is enough.
    let group = by_operator("groups", json!({"name": "Compliance"}));
    by_operator(&format!("groups/{group}/members"), json!({"user": cora.id}));
    let role = by_operator("roles", json!({"name": "Compliance", "permissions": ["removals_approve"]}));
    by_operator(&format!("groups/{group}/roles"), whole(&role));
    // A change of it that gives nothing new ties nobody, nor does giving it for projects.
    let path = format!("roles/{role}");
    let more = json!({"permissions": ["removals_approve", "removals_view"]});
    assert_eq!(asker.send(&service, "PATCH", &path, more).status, 200);
    let (asked, found) = approvers();
    assert_eq!(found, json!([cora.id]));
    assert_eq!(cora.send(&service, "POST", &asked, Value::Null).status, 200);
}

#[test]
fn who_may_no_longer_approve_is_listed_no_longer() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let [rosa, lena] = ["Rosa", "Lena"].map(|name| Person::new(&service, name, &["admin"]));
    recorded(&service, &[of_person(0)]);
    let id = asker.made(&service, "erasures", json!({"subject": "user:u_777", "reason": "They asked"}));
    let one = format!("/v1/orgs/acme/erasures/{id}");
    let approvers = || {
        let all = service.get("/v1/orgs/acme/erasures").json();
        let shown = service.get(&one).json()["approvers"].clone();
        assert_eq!(all["erasures"][0]["approvers"], shown);
        shown.as_array().unwrap().clone()
    };
    let approves =
        |person: &Person| person.send(&service, "POST", &format!("erasures/{id}/approve"), Value::Null).status;
    let named = |person: &Person| approvers().contains(&json!(person.id));
    assert!(named(&rosa) && named(&lena) && !named(&asker));
    // Who is removed and taken in again is another member, with whatever right.
    let removed = service.request("DELETE", &format!("/v1/orgs/acme/users/{}", rosa.id)).send();
    assert_eq!(removed.status, 204, "{removed:?}");
    assert!(!named(&rosa));
    let again = json!({"email": "rosa@example.com", "name": "Rosa", "groups": ["admin"]});
    let again = service.request("POST", "/v1/orgs/acme/users").json(&again).send();
    assert_eq!(again.status, 201, "{again:?}");
    assert!(!named(&rosa) && approves(&rosa) != 200);
    assert!(named(&lena));
    assert_eq!(approves(&lena), 200);
}

#[test]
fn an_event_that_keeps_somebody_from_approving_is_named_to_them() {
    let service = Service::start();
    service.organization("acme");
    let asker = Person::new(&service, "Quinn", &["admin"]);
    let lena = Person::new(&service, "Lena", &["admin"]);
    let mut event = of_person(0);
    event["actor"] = json!({"type": "user", "id": "q", "email": "LENA@example.com"});
    event["targets"] = json!([{"type": "user", "id": "u_777"}]);
    let ids = recorded(&service, &[event]);
    let id = asker.made(&service, "erasures", json!({"subject": "user:u_777", "reason": "They asked"}));
    let refused = lena.send(&service, "POST", &format!("erasures/{id}/approve"), Value::Null);
    assert_eq!(refused.status, 403, "{refused:?}");
    let shown = service.get(&format!("/v1/orgs/acme/erasures/{id}")).json();
    assert_eq!(shown["approvers"], json!([]), "who would be refused is not named");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&ids[0]) && detail.contains("operator"), "{detail}");
    let by_operator = service.request("POST", &format!("/v1/orgs/acme/erasures/{id}/approve")).send();
    assert_eq!(by_operator.status, 200, "{by_operator:?}");
}
