//! Random logs, in segments and tail, over a small vocabulary, so that filters find something.
#![allow(missing_docs, dead_code)]

use std::sync::Arc;

use actarium_core::erasure::{ErasableParts, erase};
use actarium_core::filter::{Filter, Scope};
use actarium_core::row::{Column, EncodedRows, Micros, RowView};
use actarium_query::TimeRange;
use actarium_store::committed::CommittedRows;
use actarium_store::segment::{Segment, SegmentCache, SegmentOptions, build};
use actarium_store::storage::StoredFile;
use actarium_store::{Organization, OrganizationId, Snapshot, TailBatch};
use proptest::prelude::*;

const DAY: Micros = 86_400_000_000;
/// The newest time of recording.
pub const END: Micros = 2_000 * DAY;

#[derive(Clone, Debug)]
pub struct Event {
    pub seq: u64,
    pub recorded_at: Micros,
    rows: EncodedRows,
}

impl Event {
    pub fn view(&self) -> RowView<'_> {
        self.rows.row(0)
    }

    pub fn occurred_at(&self) -> Micros {
        self.view().occurred_at.unwrap_or(self.recorded_at)
    }
}

#[derive(Clone, Debug)]
pub struct Log {
    pub events: Vec<Event>,
    /// Rows of each segment; the rest is the tail.
    segments: Vec<usize>,
    /// Rows of each run of the tail.
    tail: Vec<usize>,
}

fn pick(number: u64, of: u64) -> u64 {
    // SplitMix64, so that one random number per event gives all of its fields.
    let mut z = number.wrapping_add(of.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One to three projects as targets. Some have the id of another as their name, some have no name, and one has an id
/// without any word in it.
fn projects(random: u64) -> String {
    let r = |field: u64, choices: u64| pick(random, field) % choices;
    let one = |n: u64| {
        let id = ["p0", "p1", "p2", "p3", "P1", "p 1", "-", r#"\"p1\""#][r(40 + n, 8) as usize];
        match r(50 + n, 3) {
            0 => format!(r#"{{"type":"project","id":"{id}"}}"#),
            1 => format!(r#"{{"type":"project","id":"{id}","name":"p{}"}}"#, r(60 + n, 4)),
            _ => format!(r#"{{"type":"project","id":"{id}","name":"Project {id} {}"}}"#, r(60 + n, 20)),
        }
    };
    (0..1 + r(39, 3)).map(one).collect::<Vec<_>>().join(",")
}

fn event(seq: u64, recorded_at: Micros, random: u64) -> Event {
    let r = |field: u64, choices: u64| pick(random, field) % choices;
    let actions = ["component.deploy", "component.promote", "project.create", "role.update", "user.invite"];
    let outcomes = ["success", "success", "failure", "denied", "unknown"];
    let user = r(1, 7);
    let mut actor = format!(r#"{{"type":"user","id":"u_{user}","name":"Ada {user}","email":"ada{user}@Example.com"}}"#);
    if r(2, 6) == 0 {
        let inner = r(3, 7);
        actor = format!(
            r#"{{"type":"agent","id":"a_{user}","on_behalf_of":{{"type":"user","id":"u_{inner}","session_id":"s-{inner}"}}}}"#
        );
    }
    let component = r(4, 40);
    let component_target = format!(r#"{{"type":"component","id":"c-{component}","name":"Orders {component}"}}"#);
    let targets = match r(30, 40) {
        // Of no project, though something else has the id and the name of one.
        0 => format!(r#"[{component_target},{{"type":"component","id":"p{}","name":"p1"}}]"#, r(5, 3)),
        1 => format!("[{component_target}]"),
        2..8 => format!("[{}]", projects(random)),
        8..16 => format!("[{component_target},{}]", projects(random)),
        _ => format!(r#"[{component_target},{{"type":"project","id":"p{}","name":"Pay \"x\""}}]"#, r(5, 3)),
    };
    let request = format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", r(6, 40), 7, 1, 2, r(6, 40));
    let external = format!("evt_{:016x}", pick(random, 7));
    let message = match r(8, 9) {
        0 => "Deployed the release candidate".to_owned(),
        1 => "Größe geändert".to_owned(),
        2 => format!("a mark \u{1}A and Orders {component}"),
        // Messages that name the actor and the target, as most do.
        3..6 => format!("Ada {user} promoted Orders {component} to p{}", r(5, 3)),
        6 => format!("Orders {component} Orders {component}, release candidate by u_{user}"),
        _ => format!("c-{component} was restarted by Ada {user}"),
    };
    let message = message.as_str();
    let metadata = format!(r#"{{"build":{},"note":"run {}","ok":true}}"#, r(9, 30), r(10, 500));
    // Few in some stretches; one of its own for each event in others, in either spelling.
    let ip = match (seq / 150 % 2, seq % 3) {
        (0, _) => ["10.0.0.1", "10.1.2.3", "192.168.7.7", "2001:db8::1"][r(11, 4) as usize].to_owned(),
        (_, 0) => format!("2001:DB8:0:0::{seq:X}"),
        (_, 1) => format!("::ffff:10.9.{}.{}", seq / 256, seq % 256),
        _ => format!("10.9.{}.{}", seq / 256, seq % 256),
    };
    let changes = format!(r#"[{{"path":"/replicas","before":{},"after":"big {}"}}]"#, r(12, 3), r(13, 40));
    let mut row = RowView::EMPTY;
    let mut set = |column: Column, text: &'static str| row.texts[column as usize] = Some(text);
    set(Column::Action, actions[r(14, 5) as usize]);
    set(Column::Outcome, outcomes[r(15, 5) as usize]);
    set(Column::Source, ["api", "kubernetes"][r(16, 2) as usize]);
    set(Column::Sender, "key:1");
    let mut row = RowView { ..row };
    let maybe = |column: Column, text: &'_ str, chance: u64| -> Option<&'static str> {
        // The strings live as long as the test: a few bytes per event.
        (r(20 + column as u64, 100) < chance).then(|| &*Box::leak(text.to_owned().into_boxed_str()))
    };
    row.texts[Column::Actor as usize] = maybe(Column::Actor, &actor, 100);
    row.texts[Column::Targets as usize] = maybe(Column::Targets, &targets, 100);
    row.texts[Column::SessionId as usize] = maybe(Column::SessionId, &format!("s-{user}"), 50);
    row.texts[Column::RequestId as usize] = maybe(Column::RequestId, &request, 80);
    row.texts[Column::ExternalId as usize] = maybe(Column::ExternalId, &external, 90);
    row.texts[Column::Message as usize] = maybe(Column::Message, message, 60);
    row.texts[Column::Metadata as usize] = maybe(Column::Metadata, &metadata, 70);
    row.texts[Column::Ip as usize] = maybe(Column::Ip, &ip, 80);
    row.texts[Column::Changes as usize] = maybe(Column::Changes, &changes, 30);
    row.texts[Column::Reason as usize] = maybe(Column::Reason, &format!("because of {}", r(17, 60)), 30);
    row.occurred_at = match r(18, 10) {
        0 => Some(recorded_at - (r(19, 300 * DAY as u64) as Micros)),
        1..6 => Some(recorded_at - (r(19, 1_000_000) as Micros)),
        _ => None,
    };
    let mut rows = EncodedRows::new();
    match r(70, 8) {
        // Some have lost parts.
        0 => {
            let bits = r(71, 8);
            let parts = ErasableParts { identity: bits & 1 != 0, personal: bits & 2 != 0, detail: bits & 4 != 0 };
            rows = erase(&row, recorded_at, &[[seq as u8; 32]; 4], parts).unwrap();
        }
        _ => rows.push(&row),
    }
    Event { seq, recorded_at, rows }
}

impl Log {
    pub fn of_sizes(segments: &[usize], tail: &[usize]) -> Self {
        let rows = segments.iter().chain(tail).sum::<usize>() as u64;
        let at = |seq: u64| END - (rows - seq) as Micros * (DAY / 3);
        let events = (0..rows).map(|seq| event(seq, at(seq), pick(seq, 77))).collect();
        Self { events, segments: segments.to_vec(), tail: tail.to_vec() }
    }

    /// The same log with more in it, of which the tail is now sealed.
    pub fn grown(&self) -> Self {
        let mut log = self.clone();
        let sealed: usize = log.tail.drain(..).sum();
        if sealed > 0 {
            log.segments.push(sealed);
        }
        let next = log.events.len() as u64;
        log.events.extend((next..next + 20).map(|seq| event(seq, END, pick(seq, 78))));
        log.tail.push(20);
        log
    }

    fn run(&self, rows: std::ops::Range<usize>) -> CommittedRows {
        let mut run: Option<CommittedRows> = None;
        for event in &self.events[rows] {
            let one = CommittedRows::one_commit(event.seq, event.recorded_at, event.rows.clone());
            match &mut run {
                None => run = Some(one),
                Some(run) => run.append(&one),
            }
        }
        run.expect("runs are not empty")
    }

    pub fn snapshot(&self) -> (Snapshot, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let cache = SegmentCache::new(1 << 20);
        let mut at = 0;
        let mut segments = Vec::new();
        for (index, rows) in self.segments.iter().enumerate() {
            let run = self.run(at..at + rows);
            let options = SegmentOptions { text_page_bytes: 256, ..SegmentOptions::default() };
            let built = build([&run], &[], &options).unwrap();
            let path = folder.path().join(format!("{index}.parquet"));
            std::fs::write(&path, &built.bytes).unwrap();
            let segment = Segment::open(&StoredFile::local(&path), &built.summary, &cache).unwrap();
            assert_eq!(segment.read(run.first_seq..run.end_seq()).unwrap().rows, normalised(&run));
            segments.push(Arc::new(segment));
            at += rows;
        }
        let mut tail = Vec::new();
        for rows in &self.tail {
            tail.push(Arc::new(TailBatch::new(self.run(at..at + rows))));
            at += rows;
        }
        let organization = Arc::new(Organization {
            id: OrganizationId([7; 16]),
            slug: "demo".into(),
            name: "Demo".into(),
            created_at: 0,
        });
        let segments: Arc<[Arc<Segment>]> = segments.into();
        let size = self.events.len() as u64;
        (Snapshot { organization, size, root: [1; 32], head_recorded_at: END, segments, tail }, folder)
    }
}

/// Rows as a segment gives them back: a time of occurrence that equals the time of recording is not told apart.
fn normalised(run: &CommittedRows) -> EncodedRows {
    let mut rows = EncodedRows::new();
    for (_, recorded_at, mut row) in run.iter() {
        row.occurred_at = row.occurred_at.filter(|at| *at != recorded_at);
        rows.push(&row);
    }
    rows
}

pub fn any_log() -> impl Strategy<Value = Log> {
    let sizes = (prop::collection::vec(1usize..300, 0..4), prop::collection::vec(1usize..40, 0..4));
    (sizes, any::<u64>()).prop_map(|((segments, tail), random)| {
        let mut log = Log::of_sizes(&segments, &tail);
        for entry in &mut log.events {
            *entry = event(entry.seq, entry.recorded_at, pick(random, entry.seq));
        }
        log
    })
}

pub fn any_range() -> impl Strategy<Value = TimeRange> {
    prop_oneof![
        Just(TimeRange::ALL),
        (END - 700 * DAY..END, END - 700 * DAY..END).prop_map(|(a, b)| TimeRange { from: a.min(b), to: a.max(b) + 1 }),
        (0i64..60).prop_map(|days| TimeRange { from: END - days * DAY, to: Micros::MAX }),
    ]
}

pub fn any_scope() -> impl Strategy<Value = Scope> {
    let ids = vec!["p0", "p1", "p2", "p3", "P1", "p 1", "-", "\"p1\"", "Pay \"x\"", "c-1", "nowhere", ""];
    let some = prop::sample::subsequence(ids, 0..4).prop_map(|ids| Scope::projects(ids).unwrap());
    // More ids than a dictionary has projects are looked up the other way round.
    let many = (0u64..4).prop_map(|most| {
        let ids = (0..most).map(|n| format!("p{n}")).chain((0..40).map(|n| format!("other {n}")));
        Scope::projects(ids).unwrap()
    });
    prop_oneof![2 => Just(Scope::Everything), 5 => some, 1 => many]
}

pub fn any_filter() -> impl Strategy<Value = Filter> {
    let term = prop_oneof![
        (0u64..8).prop_map(|n| format!("actor:u_{n}")),
        (0u64..8).prop_map(|n| format!("actor:ADA{n}@example.com")),
        (0u64..8).prop_map(|n| format!("actor:\"ada {n}\"")),
        prop::sample::select(vec!["actor_type:agent", "action:component.*", "action:role.update", "action:*.create"])
            .prop_map(str::to_owned),
        prop::sample::select(vec!["outcome:denied", "outcome:success", "source:api", "resource:component"])
            .prop_map(str::to_owned),
        (0u64..10).prop_map(|n| format!("target:component:c-{n}")),
        (0u64..10).prop_map(|n| format!("component:\"orders {n}\"")),
        (0u64..4).prop_map(|n| format!("project:p{n}")),
        prop::sample::select(vec!["ip:10.0.0.0/8", "ip:192.168.7.7", "ip:2001:db8::/32"]).prop_map(str::to_owned),
        (150u64..300).prop_map(|seq| format!("ip:10.9.{}.{}", seq / 256, seq % 256)),
        (150u64..300).prop_map(|seq| format!("ip:2001:db8::{seq:x}")),
        (0u64..45).prop_map(|n| format!("request_id:{n:08x}-0007-4001-8002-{n:012x}")),
        (0u64..45).prop_map(|n| format!("{n:08X}-0007-4001-8002-{n:012x}")),
        (0u64..8).prop_map(|n| format!("session_id:s-{n}")),
        (0u64..35).prop_map(|n| format!("metadata.build:{n}")),
        (0u64..500).prop_map(|n| format!("\"run {n}\"")),
        (0u64..70).prop_map(|n| format!("\"because of {n}\"")),
        prop::sample::select(vec![
            "orders",
            "\"release candidate\"",
            "GRÖSSE",
            "größe",
            "replicas",
            "nothing",
            "x",
            "7",
            "\"promoted orders\"",
            "\"3 promoted orders\"",
            "\"orders 7 orders\"",
            "\"restarted by ada\"",
            "\"ada 2\"",
            "p1"
        ])
        .prop_map(str::to_owned),
        (0u64..300).prop_map(|n| format!("seq:{n}")),
    ];
    let phrase = term.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.prop_map(|part| format!("-({part})")),
        ]
    });
    let parsed = phrase.prop_map(|phrase| match Filter::parse(&phrase) {
        Ok(filter) => filter,
        Err(error) => panic!("{phrase}: {error:?}"),
    });
    prop_oneof![1 => Just(Filter::All), 6 => parsed]
}
