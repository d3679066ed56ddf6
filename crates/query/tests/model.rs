//! Every query over segments and tail, compared with going through all events one by one.

mod events;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use actarium_core::filter::{Filter, Place};
use actarium_core::stored;
use actarium_query::{
    Cursor, FacetField, FacetRequest, HistogramRequest, Interval, Order, Search, Stop, TimeRange, export, facets,
    histogram, read_from, search,
};
use actarium_store::Snapshot;
use events::{Event, Log, any_filter, any_log, any_range};
use proptest::prelude::*;

fn found<'l>(log: &'l Log, snapshot: &Snapshot, filter: &Filter, range: TimeRange) -> Vec<&'l Event> {
    let organization = &snapshot.organization.id.0;
    let of = |event: &&Event| {
        let place = Place { organization, seq: event.seq, recorded_at: event.recorded_at };
        (range.from..range.to).contains(&event.occurred_at()) && filter.matches(&event.view(), &place)
    };
    log.events.iter().filter(of).collect()
}

fn seqs_of(json: &[u8]) -> Vec<u64> {
    let events: Vec<serde_json::Value> = serde_json::from_slice(&[b"[", json, b"]"].concat()).expect("events are JSON");
    events.iter().map(|event| event["seq"].as_u64().expect("an event has its number")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn pages_give_every_event_once_and_in_order(
        log in any_log(), filter in any_filter(), range in any_range(), limit in 1usize..40, ascending: bool,
    ) {
        let (snapshot, _folder) = log.snapshot();
        let order = if ascending { Order::Ascending } else { Order::Descending };
        let mut expected = found(&log, &snapshot, &filter, range);
        expected.sort_by_key(|event| (event.occurred_at(), event.seq));
        if !ascending {
            expected.reverse();
        }
        let expected: Vec<u64> = expected.iter().map(|event| event.seq).collect();
        // What arrives between pages must not show.
        let (later, _later_folder) = log.grown().snapshot();
        let mut got = Vec::new();
        let mut cursor = None;
        loop {
            let at = if cursor.is_none() { &snapshot } else { &later };
            let wanted = Search { range, filter: filter.clone(), order, limit, cursor };
            let page = search(at, &wanted, &Stop::never()).unwrap();
            let seqs = seqs_of(&page.events_json);
            prop_assert_eq!(seqs.len(), page.count);
            prop_assert!(page.count <= limit);
            prop_assert_eq!(page.as_of.size, snapshot.size);
            got.extend(seqs);
            match page.next_cursor {
                None => break,
                Some(text) => cursor = Some(Cursor::parse(&text).unwrap()),
            }
        }
        prop_assert_eq!(got, expected, "filter {}", filter);
    }

    #[test]
    fn counts_agree_with_counting(
        log in any_log(), filter in any_filter(), range in any_range(),
        width in prop::sample::select(vec!["1d", "7d", "6h", "3h", "3d"]),
    ) {
        let (snapshot, _folder) = log.snapshot();
        let range = TimeRange { from: range.from.max(events::END - 600 * 86_400_000_000), to: range.to.min(events::END + 1) };
        prop_assume!(range.from < range.to);
        let interval = Interval::parse(width).unwrap();
        let request = HistogramRequest { range, filter: filter.clone(), interval: Some(interval) };
        let counted = histogram(&snapshot, &request, &Stop::never()).unwrap();
        let mut expected = BTreeMap::<String, BTreeMap<String, u64>>::new();
        for event in found(&log, &snapshot, &filter, range) {
            let start = event.occurred_at().div_euclid(interval.micros()) * interval.micros();
            let outcome = event.view().get(actarium_core::row::Column::Outcome).unwrap().to_owned();
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
    }

    #[test]
    fn facets_agree_with_counting(log in any_log(), filter in any_filter(), range in any_range()) {
        let (snapshot, _folder) = log.snapshot();
        let fields = FacetField::ALL.to_vec();
        let request = FacetRequest { range, filter: filter.clone(), fields, limit: 1_000 };
        let counted = facets(&snapshot, &request, &Stop::never()).unwrap();
        let mut actors = BTreeMap::<String, u64>::new();
        let mut projects = BTreeMap::<String, u64>::new();
        let mut ips = BTreeMap::<String, u64>::new();
        for event in found(&log, &snapshot, &filter, range) {
            let view = event.view();
            let actor = view.get(actarium_core::row::Column::Actor).unwrap();
            *actors.entry(stored::actors(actor).next().unwrap().id.into_owned()).or_default() += 1;
            let targets = view.get(actarium_core::row::Column::Targets).unwrap();
            let mut of_event: Vec<String> = stored::targets(targets)
                .filter(|target| target.kind == "project").map(|target| target.id.into_owned()).collect();
            of_event.sort();
            of_event.dedup();
            of_event.into_iter().for_each(|project| *projects.entry(project).or_default() += 1);
            if let Some(ip) = view.get(actarium_core::row::Column::Ip) {
                *ips.entry(ip.to_owned()).or_default() += 1;
            }
        }
        for (field, expected) in [("actor", actors), ("project", projects), ("ip", ips)] {
            let got: BTreeMap<String, u64> =
                counted.facets[field].iter().map(|value| (value.value.clone(), value.count)).collect();
            prop_assert_eq!(got, expected, "{}", field);
            prop_assert!(counted.facets[field].is_sorted_by_key(|value| (std::cmp::Reverse(value.count), value.value.clone())));
        }
    }

    #[test]
    fn an_export_holds_everything_in_order(log in any_log(), filter in any_filter(), range in any_range()) {
        let (snapshot, _folder) = log.snapshot();
        let mut expected = found(&log, &snapshot, &filter, range);
        expected.sort_by_key(|event| (event.occurred_at(), event.seq));
        let mut got = Vec::new();
        let count = export(&snapshot, range, &filter, &Stop::never(), &mut |row| {
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
        log in any_log(), filter in any_filter(), after in -1i64..200, limit in 1usize..50,
    ) {
        let (snapshot, _folder) = log.snapshot();
        let expected: Vec<u64> = found(&log, &snapshot, &filter, TimeRange::ALL).iter()
            .map(|event| event.seq).filter(|seq| *seq as i64 > after).collect();
        let mut got = Vec::new();
        let mut next = after;
        loop {
            let page = read_from(&snapshot, next, &filter, limit, &Stop::never()).unwrap();
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

#[test]
fn a_cursor_of_another_search_is_refused() {
    let log = Log::of_sizes(&[30], &[]);
    let (snapshot, _folder) = log.snapshot();
    let first = Search { range: TimeRange::ALL, filter: Filter::All, order: Order::Descending, limit: 5, cursor: None };
    let page = search(&snapshot, &first, &Stop::never()).unwrap();
    let cursor = Cursor::parse(&page.next_cursor.unwrap()).unwrap();
    let other =
        Search { filter: Filter::parse("outcome:denied").unwrap(), cursor: Some(cursor.clone()), ..first.clone() };
    assert!(search(&snapshot, &other, &Stop::never()).is_err());
    let other = Search { order: Order::Ascending, cursor: Some(cursor.clone()), ..first.clone() };
    assert!(search(&snapshot, &other, &Stop::never()).is_err());
    let ahead = Cursor { size: snapshot.size + 1, ..cursor };
    assert!(search(&snapshot, &Search { cursor: Some(ahead), ..first }, &Stop::never()).is_err());
}

#[test]
fn a_cancelled_query_stops() {
    let log = Log::of_sizes(&[30], &[]);
    let (snapshot, _folder) = log.snapshot();
    let stop = Stop::never();
    stop.cancel();
    let wanted =
        Search { range: TimeRange::ALL, filter: Filter::All, order: Order::Descending, limit: 5, cursor: None };
    assert!(search(&snapshot, &wanted, &stop).is_err());
    assert!(search(&snapshot, &wanted, &Stop::after(std::time::Duration::ZERO)).is_err());
}
