//! Every query over segments and tail, compared with going through all events one by one: for random logs, filters and
//! scopes.

mod events;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use actarium_core::filter::{Filter, Place, Scope};
use actarium_core::row::Column;
use actarium_core::stored;
use actarium_query::{
    Cursor, CursorKey, FacetField, FacetRequest, HistogramRequest, Interval, Order, QueryError, Search, Stop,
    TailLimits, TimeRange, count, export, facets, get, histogram, read_from, search,
};
use actarium_store::Snapshot;
use events::{Event, Log, any_filter, any_log, any_range, any_scope};
use proptest::prelude::*;
use serde_json::Value;

/// Whether the scope lets the event be seen: read from the JSON of its targets, and not as the code under test does.
fn is_seen(event: &Event, scope: &Scope) -> bool {
    let Scope::Projects(ids) = scope else { return true };
    let Some(targets) = event.view().get(Column::Targets) else { return false };
    let targets: Vec<Value> = serde_json::from_str(targets).expect("targets are JSON");
    // An id that was erased is as an empty one, which no project has.
    let id_of = |target: &Value| target["id"].as_str().unwrap_or_default().to_owned();
    let of_id = |id: &str| targets.iter().any(|target| target["type"] == "project" && id_of(target) == id);
    ids.iter().any(of_id)
}

fn found<'l>(log: &'l Log, snapshot: &Snapshot, scope: &Scope, filter: &Filter, range: TimeRange) -> Vec<&'l Event> {
    let organization = &snapshot.organization.id.0;
    let of = |event: &&Event| {
        let place = Place { organization, seq: event.seq, recorded_at: event.recorded_at };
        (range.from..range.to).contains(&event.occurred_at())
            && filter.matches(&event.view(), &place)
            && is_seen(event, scope)
    };
    log.events.iter().filter(of).collect()
}

/// The sequence numbers of those events, in an order.
fn in_order(mut events: Vec<&Event>, order: Order) -> Vec<u64> {
    events.sort_by_key(|event| (event.occurred_at(), event.seq));
    if order == Order::Descending {
        events.reverse();
    }
    events.into_iter().map(|event| event.seq).collect()
}

fn seqs_of(json: &[u8]) -> Vec<u64> {
    let events: Vec<Value> = serde_json::from_slice(&[b"[", json, b"]"].concat()).expect("events are JSON");
    events.iter().map(|event| event["seq"].as_u64().expect("an event has its number")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn pages_give_every_event_once_and_in_order(
        log in any_log(), scope in any_scope(), filter in any_filter(), range in any_range(), limit in 1usize..40,
        ascending: bool,
    ) {
        let (snapshot, _folder) = log.snapshot();
        let order = if ascending { Order::Ascending } else { Order::Descending };
        let expected = in_order(found(&log, &snapshot, &scope, &filter, range), order);
        // What arrives between pages must not show.
        let (later, _later_folder) = log.grown().snapshot();
        let mut got = Vec::new();
        let mut cursor = None;
        loop {
            let at = if cursor.is_none() { &snapshot } else { &later };
            let wanted = Search { range, filter: filter.clone(), order, limit, cursor, cursor_key: cursor_key(), holds: Vec::new() };
            let page = search(at, &scope, &wanted, &Stop::never()).unwrap();
            let seqs = seqs_of(&page.events_json);
            prop_assert_eq!(seqs.len(), page.count);
            prop_assert!(page.count <= limit);
            prop_assert_eq!(page.as_of.size, snapshot.size);
            got.extend(seqs);
            match page.next_cursor {
                None => break,
                Some(text) => cursor = Some(Cursor::parse(&text, &cursor_key()).unwrap()),
            }
        }
        prop_assert_eq!(got, expected, "filter {} scope {:?}", filter, scope);
    }

    #[test]
    fn a_cursor_shows_what_the_one_who_uses_it_sees(
        log in any_log(), mine in any_scope(), theirs in any_scope(), filter in any_filter(), range in any_range(),
        limit in 1usize..10, ascending: bool,
    ) {
        let (snapshot, _folder) = log.snapshot();
        let order = if ascending { Order::Ascending } else { Order::Descending };
        let first = Search { range, filter: filter.clone(), order, limit, cursor: None, cursor_key: cursor_key(), holds: Vec::new() };
        let page = search(&snapshot, &mine, &first, &Stop::never()).unwrap();
        let Some(cursor) = page.next_cursor else { return Ok(()) };
        let last = *seqs_of(&page.events_json).last().unwrap();
        let next = Search { limit: 1_000, cursor: Some(Cursor::parse(&cursor, &cursor_key()).unwrap()), ..first };
        let page = search(&snapshot, &theirs, &next, &Stop::never()).unwrap();
        let everything = in_order(found(&log, &snapshot, &Scope::Everything, &filter, range), order);
        let behind = everything.iter().position(|seq| *seq == last).unwrap() + 1;
        let theirs = found(&log, &snapshot, &theirs, &filter, range);
        let is_theirs = |seq: &&u64| theirs.iter().any(|event| event.seq == **seq);
        let expected: Vec<u64> = everything[behind..].iter().filter(is_theirs).take(1_000).copied().collect();
        prop_assert_eq!(seqs_of(&page.events_json), expected);
    }

    #[test]
    fn single_events_are_given_to_those_who_see_them(log in any_log(), scope in any_scope()) {
        let (snapshot, _folder) = log.snapshot();
        for event in &log.events {
            let got = get(&snapshot, &scope, event.seq, &[]).unwrap().map(|json| seqs_of(&json));
            prop_assert_eq!(got, is_seen(event, &scope).then(|| vec![event.seq]), "{:?} {:?}", scope, event.view());
        }
        prop_assert_eq!(get(&snapshot, &scope, snapshot.size, &[]).unwrap(), None);
    }

    #[test]
    fn counts_agree_with_counting(
        log in any_log(), scope in any_scope(), filter in any_filter(), range in any_range(),
        width in prop::sample::select(vec!["1d", "7d", "6h", "3h", "3d"]),
    ) {
        let (snapshot, _folder) = log.snapshot();
        let range = TimeRange { from: range.from.max(events::END - 600 * 86_400_000_000), to: range.to.min(events::END + 1) };
        prop_assume!(range.from < range.to);
        let interval = Interval::parse(width).unwrap();
        let request = HistogramRequest { range, filter: filter.clone(), interval: Some(interval) };
        let counted = histogram(&snapshot, &scope, &request, &Stop::never()).unwrap();
        let mut expected = BTreeMap::<String, BTreeMap<String, u64>>::new();
        for event in found(&log, &snapshot, &scope, &filter, range) {
            let start = interval.start(interval.index(event.occurred_at()));
            let outcome = event.view().get(Column::Outcome).unwrap().to_owned();
            *expected.entry(actarium_core::time::to_text(start)).or_default().entry(outcome).or_default() += 1;
        }
        let json = serde_json::to_value(&counted).unwrap();
        let mut before: Option<String> = None;
        for bucket in json["buckets"].as_array().unwrap() {
            let start = bucket["start"].as_str().unwrap().to_owned();
            let counts: BTreeMap<String, u64> = serde_json::from_value(bucket["counts"].clone()).unwrap();
            prop_assert_eq!(bucket["total"].as_u64().unwrap(), counts.values().sum::<u64>());
            prop_assert_eq!(counts, expected.remove(&start).unwrap_or_default());
            prop_assert!(before.is_none_or(|before| before < start));
            before = Some(start);
        }
        prop_assert!(expected.is_empty(), "no bucket for {:?}", expected);
        for range in [range, TimeRange::ALL] {
            let counted = count(&snapshot, &scope, range, &filter, &Stop::never()).unwrap();
            prop_assert_eq!(counted, found(&log, &snapshot, &scope, &filter, range).len() as u64);
        }
    }

    #[test]
    fn facets_agree_with_counting(
        log in any_log(), scope in any_scope(), filter in any_filter(), range in any_range(),
    ) {
        let (snapshot, _folder) = log.snapshot();
        let fields = FacetField::ALL.to_vec();
        let request = FacetRequest { range, filter: filter.clone(), fields, limit: 1_000 };
        let counted = facets(&snapshot, &scope, &request, &Stop::never()).unwrap();
        let expected = counted_one_by_one(&found(&log, &snapshot, &scope, &filter, range));
        for field in FacetField::ALL {
            let values = &counted.facets[field.name()];
            let got: BTreeMap<String, u64> = values.iter().map(|value| (value.value.clone(), value.count)).collect();
            let expected: BTreeMap<String, u64> = expected.get(field.name()).into_iter().flatten()
                .map(|(value, (count, _))| (value.clone(), *count)).collect();
            prop_assert_eq!(got, expected, "{}", field.name());
            prop_assert!(values.is_sorted_by_key(|value| (std::cmp::Reverse(value.count), value.value.clone())));
        }
        // A name is one that a counted event gives, and there is none only if none of them gives one.
        for (field, values) in &counted.facets {
            for value in values {
                let (_, names) = &expected[field][&value.value];
                prop_assert_eq!(value.name.is_some(), !names.is_empty(), "{}: {:?}", field, value);
                prop_assert!(value.name.as_ref().is_none_or(|name| names.contains(name)), "{}: {:?}", field, value);
            }
        }
    }

    #[test]
    fn an_export_holds_everything_in_order(
        log in any_log(), scope in any_scope(), filter in any_filter(), range in any_range(),
    ) {
        let (snapshot, _folder) = log.snapshot();
        let mut expected = found(&log, &snapshot, &scope, &filter, range);
        expected.sort_by_key(|event| (event.occurred_at(), event.seq));
        let mut got = Vec::new();
        let count = export(&snapshot, &scope, range, &filter, &Stop::never(), &mut |row| {
            got.push((row.seq, row.recorded_at, format!("{:?}", row.row.texts), row.row.occurred_at.unwrap_or(row.recorded_at)));
            ControlFlow::Continue(())
        }).unwrap();
        prop_assert_eq!(count as usize, got.len());
        let expected: Vec<_> = expected.iter()
            .map(|event| (event.seq, event.recorded_at, format!("{:?}", event.view().texts), event.occurred_at())).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn reading_on_gives_every_event_in_the_order_of_the_log(
        log in any_log(), scope in any_scope(), filter in any_filter(), after in -1i64..200, limit in 1usize..50,
    ) {
        let (snapshot, _folder) = log.snapshot();
        let expected: Vec<u64> = found(&log, &snapshot, &scope, &filter, TimeRange::ALL).iter()
            .map(|event| event.seq).filter(|seq| *seq as i64 > after).collect();
        let mut got = Vec::new();
        let mut next = after;
        loop {
            let page = read_from(&snapshot, &scope, next, (&filter, &[]), TailLimits::events(limit), &Stop::never()).unwrap();
            prop_assert!(page.next >= next);
            got.extend(page.events.iter().map(|(seq, _)| *seq));
            if page.events.is_empty() {
                break;
            }
            next = page.next;
        }
        prop_assert_eq!(got, expected);
    }
}

/// By field: by value, how many events have it and which names they give it.
type Counted = BTreeMap<&'static str, BTreeMap<String, (u64, Vec<String>)>>;

fn counted_one_by_one(events: &[&Event]) -> Counted {
    let mut counted = Counted::new();
    for event in events {
        let mut values: Vec<(&'static str, String, Option<String>)> = Vec::new();
        let view = event.view();
        let text = |column: Column| view.get(column).map(str::to_owned);
        for (field, column) in [
            ("action", Column::Action),
            ("outcome", Column::Outcome),
            ("source", Column::Source),
            ("ip", Column::Ip),
            ("surface", Column::Surface),
        ] {
            values.extend(text(column).map(|text| (field, text, None)));
        }
        let actor = stored::actors(view.get(Column::Actor).unwrap()).next().unwrap();
        values.push(("actor_type", actor.kind.into_owned(), None));
        values.push(("actor", actor.id.into_owned(), actor.name.map(Into::into)));
        for (index, target) in stored::targets(view.get(Column::Targets).unwrap()).enumerate() {
            let (kind, id, name) = (target.kind.into_owned(), target.id.into_owned(), target.name.map(String::from));
            if index == 0 {
                values.push(("resource", kind.clone(), None));
                values.push(("target", id.clone(), name.clone()));
            }
            for of_kind in ["project", "component", "environment"].into_iter().filter(|of_kind| *of_kind == kind) {
                values.push((of_kind, id.clone(), name.clone()));
            }
            values.push(("target_type", kind, None));
        }
        // An event counts once for a value, however often it has it.
        let mut seen: Vec<(&str, String)> = Vec::new();
        for (field, value, name) in values.into_iter().filter(|(_, value, _)| !value.is_empty()) {
            let (count, names) = counted.entry(field).or_default().entry(value.clone()).or_default();
            if !seen.contains(&(field, value.clone())) {
                *count += 1;
                names.extend(name);
                seen.push((field, value));
            }
        }
    }
    counted
}

fn cursor_key() -> CursorKey {
    CursorKey::new(&[5; 32], "ada")
}

fn first_page() -> Search {
    let (range, filter, order) = (TimeRange::ALL, Filter::All, Order::Descending);
    Search { range, filter, order, limit: 5, cursor: None, cursor_key: cursor_key(), holds: Vec::new() }
}

#[test]
fn a_cursor_of_another_search_is_refused() {
    let log = Log::of_sizes(&[30], &[]);
    let (snapshot, _folder) = log.snapshot();
    let searched = |wanted: &Search| search(&snapshot, &Scope::Everything, wanted, &Stop::never());
    let first = first_page();
    let cursor = Cursor::parse(&searched(&first).unwrap().next_cursor.unwrap(), &cursor_key()).unwrap();
    let refused = |wanted: Search| matches!(searched(&wanted), Err(QueryError::Cursor(_)));
    let filter = Filter::parse("outcome:denied").unwrap();
    assert!(refused(Search { filter, cursor: Some(cursor.clone()), ..first.clone() }));
    assert!(refused(Search { order: Order::Ascending, cursor: Some(cursor.clone()), ..first.clone() }));
    let ahead = Cursor { size: snapshot.size + 1, ..cursor };
    assert!(refused(Search { cursor: Some(ahead), ..first }));
}

#[test]
fn a_cancelled_query_stops() {
    let log = Log::of_sizes(&[30], &[]);
    let (snapshot, _folder) = log.snapshot();
    let stop = Stop::never();
    stop.cancel();
    let wanted = first_page();
    let of = |stop: &Stop| search(&snapshot, &Scope::Everything, &wanted, stop);
    assert!(matches!(of(&stop), Err(QueryError::Cancelled)));
    assert!(matches!(of(&Stop::after(std::time::Duration::ZERO)), Err(QueryError::TooSlow)));
}
