//! What searches, counts, tails, exports and single events show, compared with a loop over all events.

use std::collections::{BTreeMap, BTreeSet};

use actarium_server::routes::{Operation, Route};
use serde_json::{Value, json};

use super::model::{Caller, Names, Organization, Seen};
use super::random::Random;
use super::world::{PROJECTS, SETTLED, World, text, time_text, url_encoded};
use crate::client::Answer;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Criteria as a request has them, and as the loop asks for them.
#[derive(Default)]
struct Criteria {
    query: Vec<(&'static str, String)>,
    from: Option<String>,
    to: Option<String>,
    fields: Vec<(&'static str, String)>,
    word: Option<&'static str>,
    not_successful: bool,
}

fn is_called(thing: &Value, wanted: &str, keys: &[&str]) -> bool {
    keys.iter().any(|key| match thing[*key].as_str() {
        Some(value) if *key == "id" => value == wanted,
        Some(value) => value.eq_ignore_ascii_case(wanted),
        None => false,
    })
}

fn targets(event: &Value) -> impl Iterator<Item = &Value> {
    event["targets"].as_array().into_iter().flatten()
}

impl Criteria {
    fn some(random: &mut Random, organization: &Organization, has_times: bool) -> Self {
        let mut criteria = Self::default();
        if has_times && random.percent(70) {
            let hours = *random.one(&[3_i64, 10, 24, 45, 60]);
            criteria.from = Some(time_text(-hours * HOUR_MICROS - HOUR_MICROS * 3 / 4));
        } else if has_times {
            // Without it a search is of the past 24 hours.
            criteria.from = None;
        }
        if has_times && random.percent(25) {
            criteria.to = Some(time_text(-2 * HOUR_MICROS - HOUR_MICROS * 3 / 4));
        }
        let actor = random.below(4);
        let actor = if random.percent(50) {
            format!("actor-{}-{actor}", organization.marker)
        } else {
            format!("actor{actor}@{}.example", organization.marker)
        };
        let component = random.one(&organization.components).clone();
        for (field, value, likelihood) in [
            ("actor", actor, 20),
            ("action", (*random.one(&["component.*", "component.deploy", "group.*", "session.sign_in"])).into(), 25),
            ("outcome", (*random.one(&["success", "failure", "denied"])).into(), 15),
            ("project", (*random.one(&PROJECTS)).into(), 25),
            ("component", component.clone(), 15),
            ("target", component, 10),
        ] {
            if random.percent(likelihood) {
                criteria.fields.push((field, value));
            }
        }
        let word = *random.one(&["apple", "pear", "plum"]);
        criteria.word = random.percent(15).then_some(word);
        criteria.not_successful = random.percent(15);
        let mut phrase = SETTLED.to_owned();
        if let Some(word) = criteria.word {
            phrase += &format!(" {word}");
        }
        if criteria.not_successful {
            phrase += " -outcome:success";
        }
        criteria.query.push(("q", phrase));
        criteria.query.extend(criteria.fields.clone());
        let times = [("from", &criteria.from), ("to", &criteria.to)];
        let times: Vec<_> = times.iter().filter_map(|(name, time)| Some((*name, time.as_ref()?.clone()))).collect();
        criteria.query.extend(times);
        criteria
    }

    fn to_query(&self) -> String {
        let pairs: Vec<_> = self.query.iter().map(|(name, value)| format!("{name}={}", url_encoded(value))).collect();
        pairs.join("&")
    }

    fn finds(&self, event: &Value, now_less_a_day: Option<&str>) -> bool {
        let occurred_at = event["occurred_at"].as_str().unwrap();
        let from = self.from.as_deref().or(now_less_a_day);
        let has_word = |word: &&str| {
            let message = event["message"].as_str().unwrap_or_default();
            message.split(|char: char| !char.is_alphanumeric()).any(|part| part == *word)
        };
        from.is_none_or(|from| occurred_at >= from)
            && self.to.as_ref().is_none_or(|to| occurred_at < to.as_str())
            && self.word.iter().all(has_word)
            && !(self.not_successful && event["outcome"] == "success")
            && self.fields.iter().all(|(field, wanted)| Self::field_is(event, field, wanted))
    }

    fn field_is(event: &Value, field: &str, wanted: &str) -> bool {
        let of_type = |kind: &str| {
            targets(event)
                .filter(|target| target["type"] == kind)
                .any(|target| is_called(target, wanted, &["id", "name"]))
        };
        match field {
            "actor" => is_called(&event["actor"], wanted, &["id", "name", "email"]),
            "action" => match wanted.strip_suffix('*') {
                Some(prefix) => event["action"].as_str().unwrap().starts_with(prefix),
                None => event["action"] == wanted,
            },
            "outcome" => event["outcome"] == wanted,
            "project" => of_type("project"),
            "component" => of_type("component"),
            _ => targets(event).any(|target| is_called(target, wanted, &["id", "name"])),
        }
    }
}

/// Asks one of the log's routes with random criteria and compares the answer with the loop's.
pub fn look(world: &mut World, route: &Route, caller: &Caller, of: usize, seen: &Seen) {
    match route.operation {
        Operation::EventView => view(world, caller, of, seen),
        Operation::EventsTail => tail(world, caller, of, seen),
        Operation::LogView => standing(world, caller, of),
        Operation::LogCheckpoint => log_of(world, caller, of, "checkpoint"),
        Operation::LogTile => log_of(world, caller, of, "tile/entries/000.p/1"),
        Operation::LogKey => log_of(world, caller, of, "key"),
        Operation::LogHandovers => log_of(world, caller, of, "handovers"),
        Operation::ProofExport => proofs(world, caller, of, seen),
        Operation::SavedSearchList => saved_searches(world, caller, of),
        Operation::ExportList => exports(world, caller, of, seen),
        Operation::ExportView => kept_export(world, caller, of, seen),
        Operation::ExportContent => find(world, route.operation, caller, of, seen),
        _ => find(world, route.operation, caller, of, seen),
    }
}

/// What the log proves is one tree for all who see some of it, and names nobody.
fn log_of(world: &World, caller: &Caller, of: usize, what: &str) {
    let path = format!("/v1/orgs/{}/log/{what}", world.organizations[of].slug);
    let answer = world.request(caller, "GET", &path).send();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
}

/// How the log stands tells nothing of another organization.
fn standing(world: &World, caller: &Caller, of: usize) {
    let path = format!("/v1/orgs/{}/log", world.organizations[of].slug);
    let answer = world.request(caller, "GET", &path).send();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    world.shows_only(&answer, of, &path);
}

/// What the organization shares and what is one's own, the same for all who see some of the log; nothing of anybody else.
fn saved_searches(world: &World, caller: &Caller, of: usize) {
    let path = format!("/v1/orgs/{}/saved-searches", world.organizations[of].slug);
    let answer = asked(world, caller, of, &path).json();
    let shown: BTreeSet<String> =
        answer["saved_searches"].as_array().unwrap().iter().map(|search| text(&search["id"])).collect();
    let is_seen = |owner: &Option<String>| owner.as_deref().is_none_or(|owner| caller.user() == Some(owner));
    let saved = world.organizations[of].saved_searches.iter().filter(|(_, owner)| is_seen(owner));
    assert_eq!(shown, saved.map(|(id, _)| id.clone()).collect(), "{path}");
}

/// Whose exports a caller sees: their own, and who exports the whole log all of them.
fn sees_export(caller: &Caller, seen: &Seen, owner: Option<&str>) -> bool {
    matches!(seen, Seen::Everything) || owner.is_some_and(|owner| caller.user() == Some(owner))
}

fn exports(world: &World, caller: &Caller, of: usize, seen: &Seen) {
    let path = format!("/v1/orgs/{}/exports", world.organizations[of].slug);
    let answer = asked(world, caller, of, &path).json();
    let shown: BTreeSet<String> =
        answer["exports"].as_array().unwrap().iter().map(|export| text(&export["id"])).collect();
    let all = world.organizations[of].exports.iter();
    let expected = all.filter(|(_, owner)| sees_export(caller, seen, owner.as_deref()));
    assert_eq!(shown, expected.map(|(id, _)| id.clone()).collect(), "{path}");
}

/// One export, and its file: not there for who does not see it, and only for who sees all of what may be in it.
fn kept_export(world: &mut World, caller: &Caller, of: usize, seen: &Seen) {
    let all: Vec<_> = world.organizations[of].exports.iter().map(|(id, owner)| (id.clone(), owner.clone())).collect();
    let (id, owner) = world.random.one(&all).clone();
    let path = format!("/v1/orgs/{}/exports/{id}", world.organizations[of].slug);
    let (shown, file) = (world.send(caller, "GET", &path, None), format!("{path}/content"));
    let content = world.send(caller, "GET", &file, None);
    world.shows_only(&shown, of, &path);
    world.shows_only(&content, of, &file);
    if !sees_export(caller, seen, owner.as_deref()) {
        assert_eq!((shown.status, content.status), (404, 404), "{path}");
        return;
    }
    let json = shown.json();
    assert_eq!((shown.status, &json["id"]), (200, &json!(id)), "{path}");
    let may_have = [200, 409].contains(&content.status);
    assert!(may_have || content.status == 403, "{file}: {content:?}");
    assert!(may_have || !matches!(seen, Seen::Everything), "{file}: {content:?}");
    assert!(may_have || json["downloadable"] == false, "{file}");
}

/// Has an export made in the background, and compares its file with the loop's.
fn made_export(world: &mut World, caller: &Caller, of: usize, criteria: &Criteria, expected: &[Value]) {
    let as_csv = world.random.percent(40);
    let mut phrase = Vec::new();
    let mut body = json!({"format": if as_csv { "csv" } else { "ndjson" }});
    for (name, value) in &criteria.query {
        match *name {
            "q" => phrase.push(value.clone()),
            "from" | "to" => body[*name] = json!(value),
            name => phrase.push(format!("{name}:{value}")),
        }
    }
    body["q"] = json!(phrase.join(" "));
    let path = format!("/v1/orgs/{}/exports", world.organizations[of].slug);
    let made = world.send(caller, "POST", &path, Some(&body));
    assert_eq!(made.status, 201, "{body}: {made:?}");
    let made = made.json();
    assert_eq!(made["events"], json!(expected.len()), "{body}");
    let path = format!("{path}/{}", made["id"].as_str().unwrap());
    for _ in 0..500 {
        if asked(world, caller, of, &path).json()["state"] == "done" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let answer = asked(world, caller, of, &format!("{path}/content"));
    same_as_exported(&format!("{path}: {body}"), as_csv, &answer.text(), expected);
    assert_eq!(world.send(caller, "DELETE", &path, None).status, 204, "{path}");
}

fn same_as_exported(path: &str, as_csv: bool, exported: &str, expected: &[Value]) {
    if as_csv {
        let first_cell = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
        let ids: Vec<String> = exported.split_terminator("\r\n").skip(1).map(first_cell).collect();
        assert_eq!(ids, expected.iter().map(|event| text(&event["id"])).collect::<Vec<_>>(), "{path}");
    } else {
        let events: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        same(path, &events, expected);
    }
}

/// Exports with proofs are for who sees all of the log, and verifies it; they hold nothing of another organization.
fn proofs(world: &World, caller: &Caller, of: usize, seen: &Seen) {
    let path = format!("/v1/orgs/{}/export/proof", world.organizations[of].slug);
    let answer = world.request(caller, "GET", &path).send();
    let everything = matches!(seen, Seen::Everything);
    assert!(answer.status == 403 || (answer.status == 200 && everything), "{path}: {answer:?}");
    if answer.status == 403 {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("export.tar.zst");
    std::fs::write(&archive, &answer.body).unwrap();
    let actarium_verify::Bundle::Files(files) = actarium_verify::Bundle::open(&archive).unwrap() else {
        unreachable!()
    };
    for body in files.into_values() {
        let file = Answer {
            status: 200,
            headers: BTreeMap::new(),
            cookies: Vec::new(),
            body,
            trailers: BTreeMap::new(),
            whole: true,
        };
        world.shows_only(&file, of, &path);
    }
}

fn find(world: &mut World, operation: Operation, caller: &Caller, of: usize, seen: &Seen) {
    let criteria = Criteria::some(&mut world.random, &world.organizations[of], true);
    // A search without `to` ends with the log; its beginning is 24 hours before now, or before `to`.
    let a_day_before = match &criteria.to {
        Some(_) => time_text(-26 * HOUR_MICROS - HOUR_MICROS * 3 / 4),
        None => time_text(-24 * HOUR_MICROS),
    };
    let found = |event: &&Value| seen.shows(event) && criteria.finds(event, Some(&a_day_before));
    let mut expected: Vec<Value> = world.organizations[of].events.iter().filter(found).cloned().collect();
    let place = |event: &Value| (text(&event["occurred_at"]), event["seq"].as_u64());
    expected.sort_by_key(place);
    let (slug, query) = (world.organizations[of].slug.clone(), criteria.to_query());
    let path = format!("/v1/orgs/{slug}");
    match operation {
        Operation::EventsSearch => search(world, caller, of, &format!("{path}/events?{query}"), expected),
        Operation::EventsHistogram => {
            let interval = *world.random.one(&["1h", "1d"]);
            let path = format!("{path}/events/histogram?{query}&interval={interval}");
            histogram(world, caller, of, &path, &expected);
        }
        Operation::EventsFacets => facets(world, caller, of, &format!("{path}/events/facets?{query}"), &expected),
        Operation::EventsExport => export(world, caller, of, &format!("{path}/export?{query}"), &expected),
        Operation::ExportContent => made_export(world, caller, of, &criteria, &expected),
        other => panic!("{other:?} shows something of the log; say here what it ought to be"),
    }
}

fn asked(world: &World, caller: &Caller, of: usize, path: &str) -> Answer {
    let answer = world.request(caller, "GET", path).header("te", "trailers").send();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    world.shows_only(&answer, of, path);
    answer
}

fn search(world: &mut World, caller: &Caller, of: usize, path: &str, mut expected: Vec<Value>) {
    let (limit, ascending) = (3 + world.random.below(40), world.random.percent(40));
    if !ascending {
        expected.reverse();
    }
    let order = if ascending { "asc" } else { "desc" };
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = asked(world, caller, of, &format!("{path}&limit={limit}&order={order}{cursor}")).json();
        let found = page["events"].as_array().unwrap();
        assert!(found.len() <= limit, "{path}");
        events.extend(found.clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    same(path, &events, &expected);
}

fn same(path: &str, events: &[Value], expected: &[Value]) {
    let ids = |events: &[Value]| events.iter().map(|event| text(&event["id"])).collect::<Vec<_>>();
    assert_eq!(ids(events), ids(expected), "{path}");
    assert_eq!(events, expected, "{path}");
}

fn histogram(world: &World, caller: &Caller, of: usize, path: &str, expected: &[Value]) {
    let by_day = path.ends_with("1d");
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for event in expected {
        let occurred_at = event["occurred_at"].as_str().unwrap();
        let begin = if by_day { &occurred_at[..10] } else { &occurred_at[..13] };
        *counts.entry(begin.to_owned()).or_default().entry(text(&event["outcome"])).or_default() += 1;
    }
    let answer = asked(world, caller, of, path).json();
    let mut shown: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for bucket in answer["buckets"].as_array().unwrap() {
        let by_outcome = bucket["counts"].as_object().unwrap().iter();
        let by_outcome: BTreeMap<_, _> =
            by_outcome.map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect();
        assert_eq!(bucket["total"], json!(by_outcome.values().sum::<u64>()), "{path}");
        if !by_outcome.is_empty() {
            let start = bucket["start"].as_str().unwrap();
            shown.insert(start[..if by_day { 10 } else { 13 }].to_owned(), by_outcome);
        }
    }
    assert_eq!(shown, counts, "{path}");
}

/// The values that an event has for a facet, with what they are called.
fn values(event: &Value, field: &str) -> BTreeMap<String, Option<String>> {
    let named = |thing: &Value| (text(&thing["id"]), thing["name"].as_str().map(str::to_owned));
    let plain = |value: &Value| value.as_str().map(|value| (value.to_owned(), None));
    match field {
        "actor" => [named(&event["actor"])].into(),
        "actor_type" => plain(&event["actor"]["type"]).into_iter().collect(),
        "resource" => plain(&event["targets"][0]["type"]).into_iter().collect(),
        "target" => targets(event).take(1).map(named).collect(),
        "target_type" => targets(event).filter_map(|target| plain(&target["type"])).collect(),
        "project" | "component" => targets(event).filter(|target| target["type"] == field).map(named).collect(),
        _ => plain(&event[field]).into_iter().collect(),
    }
}

fn facets(world: &mut World, caller: &Caller, of: usize, path: &str, expected: &[Value]) {
    let fields =
        ["actor", "actor_type", "action", "outcome", "resource", "target", "target_type", "project", "component"];
    let (fields, limit) = (world.random.some(&fields, 2, 4), 1 + world.random.below(30));
    let asked_for: Vec<String> = fields.iter().map(|field| format!("&field={field}")).collect();
    let answer = asked(world, caller, of, &format!("{path}&limit={limit}{}", asked_for.concat())).json();
    for field in fields {
        let mut counts: BTreeMap<String, (u64, BTreeSet<Option<String>>)> = BTreeMap::new();
        for (value, name) in expected.iter().flat_map(|event| values(event, field)) {
            let (count, names) = counts.entry(value).or_default();
            *count += 1;
            names.insert(name);
        }
        let mut by_rank: Vec<(&String, u64)> = counts.iter().map(|(value, (count, _))| (value, *count)).collect();
        by_rank.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), (*value).clone()));
        by_rank.truncate(limit);
        let shown = answer["facets"][field].as_array().unwrap();
        let ranked: Vec<(String, u64)> =
            shown.iter().map(|entry| (text(&entry["value"]), entry["count"].as_u64().unwrap())).collect();
        let by_rank: Vec<(String, u64)> = by_rank.into_iter().map(|(value, count)| (value.clone(), count)).collect();
        assert_eq!(ranked, by_rank, "{field} of {path}");
        for entry in shown {
            let name = entry["name"].as_str().map(str::to_owned);
            let (_, names) = &counts[entry["value"].as_str().unwrap()];
            assert!(names.contains(&name), "{entry} is called by an event that is not seen: {path}");
        }
    }
}

fn export(world: &mut World, caller: &Caller, of: usize, path: &str, expected: &[Value]) {
    let as_csv = world.random.percent(40);
    let path = format!("{path}&format={}", if as_csv { "csv" } else { "ndjson" });
    let answer = asked(world, caller, of, &path);
    assert!(answer.whole, "{path}");
    assert_eq!(answer.trailers["x-actarium-count"], expected.len().to_string(), "{path}");
    same_as_exported(&path, as_csv, &answer.text(), expected);
}

fn view(world: &mut World, caller: &Caller, of: usize, seen: &Seen) {
    let event = world.random.one(&world.organizations[of].events).clone();
    let path = format!("/v1/orgs/{}/events/{}", world.organizations[of].slug, event["id"].as_str().unwrap());
    let answer = world.send(caller, "GET", &path, None);
    world.shows_only(&answer, of, &path);
    if seen.shows(&event) {
        assert_eq!((answer.status, answer.json()), (200, event), "{path}");
        return;
    }
    // What is not seen is answered like what is not there.
    assert_eq!(answer.status, 404, "{path}: {answer:?}");
    let nothing = format!("/v1/orgs/{}/events/{}", world.organizations[of].slug, super::asks::Ids::of_nothing().event);
    let nothing = world.send(caller, "GET", &nothing, None);
    let without_instance = |answer: &Answer| {
        let mut json = answer.json();
        json["instance"].take();
        json
    };
    assert_eq!(without_instance(&answer), without_instance(&nothing), "{path}");
}

/// Follows the log from its start to where it ends now. What came since the model was made is judged by itself.
fn tail(world: &mut World, caller: &Caller, of: usize, seen: &Seen) {
    let criteria = Criteria::some(&mut world.random, &world.organizations[of], false);
    let (slug, query) = (world.organizations[of].slug.clone(), criteria.to_query());
    let expected: Vec<Value> = {
        let events = world.organizations[of].events.iter();
        events.filter(|event| seen.shows(event) && criteria.finds(event, None)).cloned().collect()
    };
    let limit = 5 + world.random.below(60);
    let (mut events, mut after) = (Vec::new(), json!(-1));
    loop {
        let path = format!("/v1/orgs/{slug}/events/tail?{query}&limit={limit}&after={after}&wait=0");
        let page = asked(world, caller, of, &path).json();
        let found = page["events"].as_array().unwrap();
        if found.is_empty() {
            break;
        }
        events.extend(found.clone());
        after = page["next"].clone();
    }
    same(&query, &events, &expected);
}

/// A poll that waits wakes with the first event that its caller sees, and with no other.
pub fn long_poll(world: &mut World, caller: &Caller, of: usize, projects: &Names) {
    let slug = world.organizations[of].slug.clone();
    let hidden_project = PROJECTS.iter().find(|project| !projects.contains(**project));
    let event = |project: &str, name: &str| {
        let mut event = crate::client::event("component.deploy", name);
        event["targets"] = json!([{"type": "component", "id": name}, {"type": "project", "id": project}]);
        event
    };
    let end = world.service.get(&format!("/v1/orgs/{slug}/events/tail")).json()["next"].clone();
    let path = format!("/v1/orgs/{slug}/events/tail?action=component.*&after={end}&wait=20");
    let polling = world.request(caller, "GET", &path);
    let answer = std::thread::scope(|scope| {
        let poll = scope.spawn(move || polling.send());
        std::thread::sleep(std::time::Duration::from_millis(40));
        let others = (of + 1) % world.organizations.len();
        let elsewhere = &world.organizations[others].slug;
        let shown_project = projects.iter().next().unwrap();
        assert_eq!(world.service.record(elsewhere, &event(shown_project, "elsewhere")).status, 201);
        if let Some(project) = hidden_project {
            assert_eq!(world.service.record(&slug, &event(project, "hidden")).status, 201);
        }
        std::thread::sleep(std::time::Duration::from_millis(40));
        assert_eq!(world.service.record(&slug, &event(shown_project, "shown")).status, 201);
        poll.join().unwrap()
    });
    assert_eq!(answer.status, 200, "{answer:?}");
    let names: Vec<String> =
        answer.json()["events"].as_array().unwrap().iter().map(|event| text(&event["targets"][0]["id"])).collect();
    assert_eq!(names, ["shown"], "{path}");
}
