//! Tests of the engine: against a folder of its own, with a clock in the test's hand, compared with what was sent.

mod basic;
mod erasing;
mod evidence;
mod faults;
mod generation;
mod journal;
mod model;
mod scrub;
mod tiering;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use actarium_core::row::{Column, EncodedRows, Micros, RowView};
use tempfile::TempDir;

use super::append::{Append, AppendError, Appended, DuplicateScope, IdempotencyKey, NewOrganization};
use super::options::{EngineOptions, Journal, SealPolicy};
use super::{Engine, OpenError};
use crate::clock::{Clock, SystemEntropy};
use crate::organization::OrganizationId;

pub(super) const START: Micros = 1_780_000_000_000_000;
pub(super) const SECOND: Micros = 1_000_000;
pub(super) const DAY: Micros = 86_400 * SECOND;

/// A clock that moves when it is told to.
pub(super) struct TestClock {
    now: AtomicI64,
    start: std::time::Instant,
}

impl TestClock {
    #[allow(clippy::disallowed_methods)] // Only durations are measured.
    fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicI64::new(START), start: std::time::Instant::now() })
    }

    pub fn advance(&self, by: Micros) {
        self.now.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Micros {
        self.now.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// An engine in a temporary folder that can be stopped and started again.
pub(super) struct Harness {
    pub folder: TempDir,
    pub clock: Arc<TestClock>,
    pub options: EngineOptions,
    pub engine: Option<Arc<Engine>>,
}

impl Harness {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// With options changed; nothing is sealed by itself unless the change says so.
    pub fn with(change: impl FnOnce(&mut EngineOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = EngineOptions::new(folder.path().join("data"));
        options.seal = SealPolicy { automatic: false, ..SealPolicy::default() };
        change(&mut options);
        let mut harness = Self { folder, clock: TestClock::new(), options, engine: None };
        harness.start().unwrap();
        harness
    }

    pub fn start(&mut self) -> Result<(), OpenError> {
        self.engine = None;
        let engine = Engine::open(self.options.clone(), self.clock.clone(), Arc::new(SystemEntropy))?;
        self.engine = Some(engine);
        Ok(())
    }

    pub fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown();
        }
    }

    pub fn restart(&mut self) {
        assert_eq!(self.options.journal, Journal::Embedded, "only what is on disk comes back");
        self.stop();
        self.start().unwrap();
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub fn data(&self) -> &Path {
        &self.options.data_dir
    }

    pub fn create(&self, slug: &str) -> OrganizationId {
        let id = self.engine().new_organization_id();
        let new = NewOrganization { id, slug: slug.to_owned(), name: slug.to_uppercase() };
        wait(self.engine().create_organization(new, Vec::new())).unwrap();
        id
    }

    pub fn append(&self, organization: OrganizationId, rows: EncodedRows) -> Result<Appended, AppendError> {
        wait(self.engine().append(Append::new(organization, rows)))
    }

    pub fn append_whole(&self, organization: OrganizationId, rows: EncodedRows) -> Result<Appended, AppendError> {
        let append = Append { duplicates: DuplicateScope::WholeLog, ..Append::new(organization, rows) };
        wait(self.engine().append(append))
    }

    pub fn append_keyed(
        &self,
        organization: OrganizationId,
        rows: EncodedRows,
        key: &str,
        body: u8,
    ) -> Result<Appended, AppendError> {
        let key = IdempotencyKey { scope: "tests".to_owned(), key: key.to_owned(), body: [body; 32] };
        wait(self.engine().append(Append { idempotency_key: Some(key), ..Append::new(organization, rows) }))
    }

    /// Everything in the log, through a snapshot: message, external id and time of recording of each event.
    pub fn read(&self, organization: OrganizationId) -> Vec<Seen> {
        let snapshot = self.engine().snapshot(organization).unwrap();
        let mut seen = Vec::new();
        let mut look = |seq: u64, recorded_at: Micros, row: RowView<'_>| {
            assert_eq!(seq, seen.len() as u64, "sequence numbers have no gap");
            seen.push(Seen {
                message: row.get(Column::Message).map(str::to_owned),
                external_id: row.get(Column::ExternalId).map(str::to_owned),
                recorded_at,
            });
        };
        for segment in snapshot.segments.iter() {
            let summary = segment.summary();
            segment.for_each_row(summary.first_seq..segment.end_seq(), &mut look).unwrap();
        }
        for batch in &snapshot.tail {
            batch.rows.iter().for_each(|(seq, at, row)| look(seq, at, row));
        }
        assert_eq!(seen.len() as u64, snapshot.size);
        seen
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub message: Option<String>,
    pub external_id: Option<String>,
    pub recorded_at: Micros,
}

/// Changes the database of a folder that is closed.
pub(super) fn sql(harness: &Harness, statements: &str) {
    let database = rusqlite::Connection::open(harness.data().join("actarium.db")).unwrap();
    database.execute_batch(statements).unwrap();
}

/// Why a log takes no writes.
pub(super) fn stopped(harness: &Harness, organization: OrganizationId) -> String {
    let refused = harness.append(organization, plain(0..1)).unwrap_err();
    assert!(matches!(refused, AppendError::Damaged { .. }), "{refused:?}");
    let [(_, detail)] = &harness.engine().damaged()[..] else { panic!("one log is damaged") };
    detail.clone()
}

/// Waits for an answer of the engine.
pub(super) fn wait<T>(future: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// An event with a message, of one sender.
pub(super) fn push(rows: &mut EncodedRows, message: &str, external_id: Option<&str>) {
    push_at(rows, message, external_id, None);
}

pub(super) fn push_at(rows: &mut EncodedRows, message: &str, external_id: Option<&str>, occurred_at: Option<Micros>) {
    let mut row = RowView::EMPTY;
    row.occurred_at = occurred_at;
    row.texts[Column::Action as usize] = Some("component.deploy");
    row.texts[Column::Outcome as usize] = Some("success");
    row.texts[Column::Source as usize] = Some("api");
    row.texts[Column::Sender as usize] = Some("key-1");
    row.texts[Column::Actor as usize] = Some(r#"{"type":"user","id":"ada"}"#);
    row.texts[Column::Targets as usize] = Some(r#"[{"type":"component","id":"checkout"}]"#);
    row.texts[Column::Message as usize] = Some(message);
    row.texts[Column::ExternalId as usize] = external_id;
    rows.push(&row);
}

/// Events whose messages are numbered, without external ids.
pub(super) fn plain(range: std::ops::Range<u64>) -> EncodedRows {
    let mut rows = EncodedRows::new();
    range.for_each(|number| push(&mut rows, &format!("message {number}"), None));
    rows
}

/// Events whose messages and external ids are numbered.
pub(super) fn with_ids(range: std::ops::Range<u64>) -> EncodedRows {
    let mut rows = EncodedRows::new();
    range.for_each(|number| push(&mut rows, &format!("message {number}"), Some(&format!("id-{number}"))));
    rows
}

/// Whether each event of an answer was recorded before.
pub(super) fn duplicates(answer: &Appended) -> Vec<bool> {
    answer.events.iter().map(|event| event.duplicate).collect()
}

pub(super) fn seqs(answer: &Appended) -> Vec<u64> {
    answer.events.iter().map(|event| event.seq).collect()
}
