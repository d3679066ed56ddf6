//! What the demo promises: the same every time, all of the catalog, nothing that would be refused.

use std::collections::{BTreeMap, BTreeSet};

use actarium_core::catalog::{Catalog, Facts};
use actarium_core::event::{self, Intake};
use actarium_core::time;

use super::*;

const NOW: &str = "2026-11-23T09:27:30.123456Z";

fn now() -> Micros {
    time::parse(NOW).unwrap()
}

fn events() -> Vec<DemoEvent> {
    Demo::new(DEFAULT_SEED, now()).operations().collect()
}

fn at(event: &DemoEvent) -> Micros {
    time::parse(event.value["occurred_at"].as_str().unwrap()).unwrap()
}

fn text<'e>(event: &'e DemoEvent, field: &str) -> &'e str {
    event.value[field].as_str().unwrap_or_default()
}

#[test]
fn is_the_same_for_the_same_seed_and_time() {
    assert_eq!(events(), events());
    let other: Vec<_> = Demo::new(7, now()).operations().collect();
    assert_ne!(events(), other);
}

#[test]
fn is_a_year_of_a_small_team() {
    let events = events();
    assert!((6_000..=10_000).contains(&events.len()), "{}", events.len());
    let ids: BTreeSet<&str> = events.iter().map(|event| text(event, "external_id")).collect();
    assert_eq!(ids.len(), events.len());
    let times: Vec<Micros> = events.iter().map(at).collect();
    assert!(times.iter().all(|&at| at <= now() && at >= now() - 365 * DAY));
    assert!(*times.iter().min().unwrap() < now() - 364 * DAY);
    assert!(*times.iter().max().unwrap() > now() - 10 * MINUTE);
    let months: BTreeSet<Micros> = times.iter().map(|at| (now() - at) / (30 * DAY)).collect();
    assert_eq!(months.len(), 13);
}

#[test]
fn comes_in_order_but_for_a_few_late_ones() {
    let events = events();
    let mut newest = 0;
    let mut late = 0;
    for event in &events {
        let at = at(event);
        late += usize::from(at < newest);
        newest = newest.max(at);
    }
    assert!((20..events.len() / 20).contains(&late), "{late} of {} are late", events.len());
}

#[test]
fn shows_every_action_and_every_outcome() {
    let events = events();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events {
        *counts.entry(text(event, "action")).or_default() += 1;
        *outcomes.entry(text(event, "outcome")).or_default() += 1;
        let reserved = actarium_core::catalog::is_reserved(text(event, "action"));
        assert_eq!(event.own, reserved, "{}", event.value);
        let explained = !text(event, "reason").is_empty();
        assert_eq!(explained, text(event, "outcome") != "success", "{}", event.value);
    }
    for action in Catalog::builtin().iter() {
        assert!(counts.contains_key(action.action.as_str()), "{} is missing", action.action);
    }
    assert_eq!(counts.len(), Catalog::builtin().iter().count());
    assert!(outcomes["failure"] > 200 && outcomes["denied"] > 100 && outcomes["unknown"] > 3, "{outcomes:?}");
    assert!(outcomes["success"] > events.len() * 8 / 10, "{outcomes:?}");
}

#[test]
fn keeps_to_the_catalog() {
    for event in events() {
        let action = Catalog::builtin().get(text(&event, "action")).unwrap();
        assert_eq!(event.value["targets"][0]["type"], action.resource.as_str(), "{}", event.value);
        for key in event.value["metadata"].as_object().into_iter().flat_map(|metadata| metadata.keys()) {
            let declared = action.metadata.iter().any(|entry| entry.key == *key) || (event.own && key == "demo");
            assert!(declared, "{}: {key}", action.action);
        }
        let sentence = Catalog::builtin().sentence(&Facts::of_json(&event.value));
        assert!(!sentence.contains("unknown ") && !sentence.contains("(unnamed)"), "{sentence}");
    }
}

#[test]
fn would_be_recorded() {
    for event in events() {
        let intake = if event.own { Intake::own(now()) } else { Intake::new("api", "demo", now()) };
        let rows =
            event::encode_value(&event.value, &intake).unwrap_or_else(|refusal| panic!("{refusal:?}: {}", event.value));
        assert_eq!(rows.len(), 1);
        if event.own {
            assert!(event::encode_value(&event.value, &Intake::new("api", "demo", now())).is_err());
        }
    }
}

#[test]
fn claims_no_removal_that_did_not_happen() {
    for event in events() {
        match text(&event, "action") {
            "record.erase" | "record.redact" | "record.restate" | "record.removal.approve" => {
                assert_ne!(text(&event, "outcome"), "success")
            }
            "record.archive" | "record.purge" => assert_eq!(event.value["metadata"]["records"], 0),
            _ => {}
        }
        if event.own {
            assert_eq!(event.value["metadata"]["demo"], true);
        }
    }
}

#[test]
fn retries_what_failed_and_takes_back_what_it_gave() {
    let events = events();
    let retried = events
        .iter()
        .filter(|event| event.value["metadata"]["attempt"].as_u64() > Some(1))
        .filter(|event| text(event, "action") == "component.promote" && text(event, "outcome") == "success");
    assert!(retried.count() > 30);
    let count = |action: &str| events.iter().filter(|event| text(event, "action") == action).count();
    assert!(count("group.role.assign") > 20 && count("group.role.unassign") > 20);
    let changed = events.iter().filter(|event| text(event, "action").starts_with("role.update"));
    assert!(changed.clone().count() > 10);
    assert!(changed.clone().all(|event| event.value["changes"][0]["before"] != event.value["changes"][0]["after"]));
    let delegated = events.iter().filter(|event| event.value["actor"]["on_behalf_of"]["type"] == "user").count();
    assert!(delegated > 50, "{delegated}");
    let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events {
        *requests.entry(event.value["context"]["request_id"].as_str().unwrap()).or_default() += 1;
    }
    assert!(requests.values().filter(|&&acts| acts > 1).count() > 50);
}

#[test]
fn has_something_to_find_at_any_hour() {
    // Also on a Sunday, at night, on New Year's Day and on the last day of February.
    for moment in [
        "2026-11-22T03:10:00Z",
        "2026-01-01T00:00:01Z",
        "2024-02-29T12:00:00Z",
        "2026-03-04T22:51:50Z",
        "2026-07-04T23:59:59.999999Z",
        NOW,
    ] {
        let now = time::parse(moment).unwrap();
        let events: Vec<_> = Demo::new(DEFAULT_SEED, now).operations().collect();
        let recent: Vec<_> = events.iter().filter(|event| at(event) > now - DAY).collect();
        assert!(recent.len() >= 30, "{moment}: {}", recent.len());
        for outcome in ["failure", "denied"] {
            assert!(recent.iter().filter(|event| text(event, "outcome") == outcome).count() >= 2, "{moment}");
        }
        let actions: BTreeSet<&str> = events.iter().map(|event| text(event, "action")).collect();
        assert_eq!(actions.len(), Catalog::builtin().iter().count(), "{moment}");
        assert!((6_000..=10_000).contains(&events.len()), "{moment}: {}", events.len());
    }
}

#[test]
fn works_by_day_and_rests_on_sundays() {
    let events = events();
    let by_people: Vec<Micros> = events
        .iter()
        .filter(|event| event.value["actor"]["type"] == "user")
        .map(at)
        .filter(|at| *at < now() - DAY)
        .collect();
    let weekend = by_people.iter().filter(|at| (at.div_euclid(DAY) + 3).rem_euclid(7) >= 5).count();
    assert!(weekend * 20 < by_people.len(), "{weekend} of {}", by_people.len());
    let night = by_people.iter().filter(|at| at.rem_euclid(DAY) / HOUR >= 21).count();
    assert!(night * 20 < by_people.len(), "{night} of {}", by_people.len());
}

#[test]
fn real_events_are_recorded_with_the_mark_that_they_were_moved() {
    use crate::adapters::{Adapter, AdapterOptions, adapt};
    let body = Demo::new(DEFAULT_SEED, now()).cloudtrail_ndjson();
    let adapted = adapt(Adapter::CloudTrail, &body, &AdapterOptions::new(now())).unwrap();
    assert_eq!((adapted.events.len(), adapted.refused.len(), adapted.skipped), (2_900, 0, 0));
    for event in adapted.events {
        let was = time::parse(event.value["metadata"][SHIFTED_FROM_KEY].as_str().unwrap()).unwrap();
        let at = time::parse(event.value["occurred_at"].as_str().unwrap()).unwrap();
        assert!(was < at && at < now() && at > now() - 2 * HOUR);
    }
}

/// Real records hold many ids of keys, and none of the values that the built-in rules are for.
#[test]
fn what_is_masked_of_the_real_cloudtrail_records_is_no_loss() {
    use crate::adapters::{Adapter, AdapterOptions, adapt};
    use actarium_core::masking::{MARK_START, Masking};
    use std::collections::BTreeMap;

    let body = Demo::new(DEFAULT_SEED, now()).cloudtrail_ndjson();
    let adapted = adapt(Adapter::CloudTrail, &body, &AdapterOptions::new(now())).unwrap();
    assert_eq!(adapted.events.len(), 2_900);
    let mut masked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in &adapted.events {
        let stored = |masking| {
            let intake = Intake { masking, ..Intake::new("cloudtrail", "cloudtrail", now()) };
            event::encode_value(&event.value, &intake).unwrap()
        };
        let (plain, rows) = (stored(&Masking::OFF), stored(Masking::standard()));
        for column in actarium_core::row::Column::ALL {
            let (before, after) = (plain.row(0).get(column), rows.row(0).get(column));
            if before != after {
                let after = after.unwrap_or_default();
                let at = after.find(MARK_START).expect("what differs is masked");
                let around = after.get(at.saturating_sub(80)..at + 40).unwrap_or(after);
                masked.entry(column.name().to_owned()).or_default().push(around.to_owned());
            }
        }
    }
    assert_eq!(masked, BTreeMap::new());
}
