//! Actarium's own records: who searched, viewed and exported, what was denied or refused, when the service started.
//!
//! A read does not wait for its record, unless the organization demands it: it is put into a bounded queue here and written with others in one commit a moment
//! later. When the queue is full, which happens only when the journal takes nothing for long, reads are refused rather
//! than left unrecorded; where one log alone takes nothing, only reads of that one are. Changes of the directory do not come this way: they are one commit with their record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actarium_core::event::{Intake, encode_value};
use actarium_core::masking::Masking;
use actarium_core::row::EncodedRows;
use actarium_store::{Clock, Engine, OrganizationId};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::access::Caller;
use crate::context::Context;
use crate::directory::State;
use crate::limits;
use crate::metrics::Metrics;
use crate::own_records::{Message, Standings, Writer};
use crate::problem::{Kind, Problem};

/// Longest value in bytes, as JSON, that stands whole before or after a change; of longer lists and maps stands what came and went.
const CHANGED_VALUE_BYTES_MAX: usize = 4096;

/// Most bytes, as JSON, of all that one record says was changed: the whole record has its bound too.
const CHANGES_BYTES_MAX: usize = 24 * 1024;

/// An own record in the making.
#[derive(Clone, Debug)]
pub struct OwnRecord {
    /// The action.
    pub action: &'static str,
    /// `success`, `failure` or `denied`.
    pub outcome: &'static str,
    /// Why it failed or was denied.
    pub reason: Option<String>,
    /// The actor.
    pub actor: Value,
    /// The targets, at least one.
    pub targets: Vec<Value>,
    /// The request's context, if a request caused it.
    pub context: Option<Context>,
    /// What changed, before and after.
    pub changes: Vec<Value>,
    /// Flat metadata.
    pub metadata: Map<String, Value>,
}

impl OwnRecord {
    /// A successful action on one target.
    pub fn new(action: &'static str, actor: Value, target: Value) -> Self {
        let (metadata, changes, targets) = (Map::new(), Vec::new(), vec![target]);
        Self { action, outcome: "success", reason: None, actor, targets, context: None, changes, metadata }
    }

    /// An action that a caller's request led to.
    pub fn of_request(action: &'static str, caller: &Caller, context: &Context, target: Value) -> Self {
        Self { context: Some(context.clone()), ..Self::new(action, caller.actor(), target) }
    }

    /// Something that came with it, in the same commit: by the same actor, in the same request, and naming what brought it
    /// about.
    #[must_use]
    pub fn brought_about(&self, action: &'static str, targets: Vec<Value>) -> Self {
        let metadata = Map::from_iter([("because".to_owned(), json!(self.action))]);
        let (actor, context) = (self.actor.clone(), self.context.clone());
        Self { action, outcome: "success", reason: None, actor, targets, context, changes: Vec::new(), metadata }
    }

    /// Adds metadata; texts are cut to what an event may hold.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) => Value::String(cut(&text, actarium_core::limits::METADATA_TEXT_CHARS_MAX)),
            other => other,
        };
        self.metadata.insert(key.into(), value);
        self
    }

    /// Adds the number under a key of another record to that of this one, where both have one.
    #[must_use]
    pub fn adding(mut self, key: &str, other: &Self) -> Self {
        let numbers = (self.metadata.get(key).and_then(Value::as_u64), other.metadata.get(key).and_then(Value::as_u64));
        if let (Some(own), Some(others)) = numbers {
            self.metadata.insert(key.to_owned(), json!(own + others));
        }
        self
    }

    /// Adds a target.
    #[must_use]
    pub fn on(mut self, target: Value) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds that something changed, if it did. Of lists and maps that are too long to stand whole, each entry that came or went
    /// is a change of its own: `path/-` for one that was added to a list, its former place for one that is gone.
    #[must_use]
    pub fn changing(mut self, path: &str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        match (before.into(), after.into()) {
            (before, after) if before == after => {}
            (before, after) if is_short(&before) && is_short(&after) => {
                self.changes.push(json!({"path": path, "before": before, "after": after}));
            }
            (Value::Array(before), Value::Array(after)) => self.changing_list(path, &before, &after),
            (Value::Object(before), Value::Object(after)) => self.changing_map(path, &before, &after),
            (before, after) => {
                self.changes.push(json!({"path": path, "before": abridged(before), "after": abridged(after)}));
            }
        }
        self
    }

    fn changing_list(&mut self, path: &str, before: &[Value], after: &[Value]) {
        let gone = before.iter().enumerate().filter(|(_, value)| !after.contains(value));
        self.changes.extend(gone.map(|(at, value)| json!({"path": format!("{path}/{at}"), "before": value})));
        let new = after.iter().filter(|value| !before.contains(value));
        self.changes.extend(new.map(|value| json!({"path": format!("{path}/-"), "after": value})));
    }

    fn changing_map(&mut self, path: &str, before: &Map<String, Value>, after: &Map<String, Value>) {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
            let mut change = json!({"path": format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))});
            for (side, value) in [("before", before.get(key)), ("after", after.get(key))] {
                if let Some(value) = value {
                    change[side] = value.clone();
                }
            }
            self.changes.push(change);
        }
    }

    /// Whether all that changed can stand in one record.
    fn must_fit(&self) -> Result<(), Problem> {
        let bytes: usize = self.changes.iter().map(|change| change.to_string().len()).sum();
        if bytes <= CHANGES_BYTES_MAX && self.changes.len() <= actarium_core::limits::CHANGES_MAX {
            return Ok(());
        }
        let detail = format!(
            "more is changed at once than one record holds ({} changes, {CHANGES_BYTES_MAX} bytes): change it in several steps",
            actarium_core::limits::CHANGES_MAX
        );
        Err(Problem::new(Kind::InvalidContent, detail))
    }

    /// Adds a text whole: what one value of metadata may not hold goes on under `key.2`, `key.3` and so on. Credentials in
    /// it are masked before it is parted, as none would be seen afterwards that a border goes through.
    #[must_use]
    pub fn with_whole(mut self, key: &str, text: &str) -> Self {
        let masked = Masking::FORMS.whole_text(text);
        let chars: Vec<char> = masked.as_deref().unwrap_or(text).chars().collect();
        for (part, piece) in (1..).zip(chars.chunks(actarium_core::limits::METADATA_TEXT_CHARS_MAX)) {
            let key = if part == 1 { key.to_owned() } else { format!("{key}.{part}") };
            self.metadata.insert(key, piece.iter().collect::<String>().into());
        }
        self
    }

    /// Calls its people what the organization calls them whose log it goes into: what another organization, or their
    /// account, calls them is not for it to know.
    #[must_use]
    pub fn as_called_in(self, state: &State, organization: OrganizationId) -> Self {
        self.as_called(|user| state.called_in(organization, user).map(str::to_owned))
    }

    /// Calls its people what is said of them, where something is.
    #[must_use]
    pub fn as_called(mut self, called: impl Fn(&str) -> Option<String>) -> Self {
        for who in std::iter::once(&mut self.actor).chain(&mut self.targets) {
            let user = if who["type"] == "user" { who["id"].as_str() } else { None };
            if let Some(called) = user.and_then(&called) {
                who["name"] = Value::String(called);
            }
        }
        self
    }

    /// Says that it did not succeed, and why.
    #[must_use]
    pub fn unsuccessful(mut self, outcome: &'static str, reason: impl Into<String>) -> Self {
        self.outcome = outcome;
        self.reason = Some(reason.into());
        self
    }

    /// The record as a row to be appended.
    ///
    /// # Errors
    /// 422 if more was changed than a record holds; 500 if it breaks another rule of events, which is a fault of this program.
    pub fn encode(&self, clock: &dyn Clock) -> Result<EncodedRows, Problem> {
        self.must_fit()?;
        let mut event = json!({
            "action": self.action,
            "outcome": self.outcome,
            "actor": self.actor,
            "targets": self.targets,
        });
        if let Some(reason) = &self.reason {
            event["reason"] = Value::String(cut(reason, actarium_core::limits::REASON_CHARS_MAX));
        }
        if let Some(context) = &self.context {
            event["context"] = context.to_json();
        }
        if !self.changes.is_empty() {
            event["changes"] = Value::Array(self.changes.clone());
        }
        if !self.metadata.is_empty() {
            event["metadata"] = Value::Object(self.metadata.clone());
        }
        encode_value(&event, &Intake::own(clock.now())).map_err(|refusal| {
            tracing::error!(action = self.action, %refusal, "an own record is against the rules of events");
            Problem::new(Kind::Internal, "the record of this request could not be made")
        })
    }
}

/// The organization's audit log as a target.
pub fn audit_log(slug: &str) -> Value {
    json!({"type": "audit_log", "id": slug})
}

/// The service as a target.
pub fn service_target() -> Value {
    json!({"type": "service", "id": "actarium", "name": "Actarium"})
}

/// The first characters of a text, with a mark where it was cut.
fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

fn is_short(value: &Value) -> bool {
    value.to_string().len() <= CHANGED_VALUE_BYTES_MAX
}

/// The beginning of a value that is too long to stand whole, with its digest, so that two that begin alike are told apart.
fn abridged(value: Value) -> Value {
    if is_short(&value) {
        return value;
    }
    let text = value.to_string();
    let digest = actarium_core::hash::sha256(&[text.as_bytes()]);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Value::String(format!("{} (SHA-256 of all of it: {digest})", cut(&text, CHANGED_VALUE_BYTES_MAX / 4)))
}

/// A search that goes on.
#[derive(Clone, Copy)]
struct Remembered {
    recorded: Duration,
    last: Duration,
}

impl Remembered {
    /// Whether what comes now belongs to it.
    fn goes_on(self, now: Duration) -> bool {
        now.saturating_sub(self.last) < limits::SEARCH_REMEMBERED_TIME
    }
}

/// Takes own records and writes them.
pub struct Recorder {
    sender: mpsc::Sender<Message>,
    clock: Arc<dyn Clock>,
    standings: Arc<Standings>,
    searches: Mutex<BTreeMap<[u8; 32], Remembered>>,
    /// Whether the service ends: then nothing is waited for that only somebody else can mend.
    ending: CancellationToken,
}

impl Recorder {
    /// Starts the writer; it runs until the recorder is gone.
    pub fn start(engine: Arc<Engine>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let (sender, receiver) = mpsc::channel(limits::OWN_RECORDS_WAITING_MAX);
        let (ending, standings) = (CancellationToken::new(), Arc::<Standings>::default());
        tokio::spawn(Writer::new(engine, metrics, standings.clone(), ending.clone()).run(receiver));
        Self { sender, clock, standings, searches: Mutex::default(), ending }
    }

    /// Has what cannot be written tried once more, and then given up if the disk is full or the clock behind the log: the service
    /// is to stop, and neither passes by waiting.
    pub fn end(&self) {
        self.ending.cancel();
    }

    /// Notes a record down for the next commit.
    ///
    /// # Errors
    /// 503 if too many wait already: what it is about must not happen then.
    pub fn note(&self, organization: OrganizationId, record: &OwnRecord) -> Result<(), Problem> {
        let rows = record.encode(self.clock.as_ref())?;
        if self.standings.is_full(organization) {
            return Err(not_recordable());
        }
        self.sender.try_send(Message::Record(organization, rows)).map_err(|_| not_recordable())
    }

    /// Keeps a place for a record that is made later, when what it is about is over.
    ///
    /// # Errors
    /// 503 if too many wait already: what it is about must not begin then.
    pub fn reserve(&self, organization: OrganizationId) -> Result<Reserved, Problem> {
        if self.standings.is_full(organization) {
            return Err(not_recordable());
        }
        let permit = self.sender.clone().try_reserve_owned().map_err(|_| not_recordable())?;
        Ok(Reserved { permit, clock: self.clock.clone() })
    }

    /// Keeps a place for the record of a read that begins now: if its answer does not come to be, because it failed or
    /// nobody waited for it, that is recorded instead.
    ///
    /// # Errors
    /// 503 if too many wait already: what it is about must not begin then.
    pub fn begin(&self, organization: OrganizationId, record: OwnRecord) -> Result<Begun, Problem> {
        Ok(Begun { place: Some(self.reserve(organization)?), organization, record })
    }

    /// Waits until everything noted before has been written or given up, in one organization's log or in all.
    pub async fn flush(&self, of: Option<OrganizationId>) {
        let (done, waiting) = oneshot::channel();
        if self.sender.send(Message::Flush(of, Arc::new(done))).await.is_ok() {
            // It is never sent, but let go of.
            let _ = waiting.await;
        }
    }

    /// Begins to watch whether what is noted from now on becomes durable in a log, for an answer that must not go out before.
    pub fn watch(&self, organization: OrganizationId) -> Watched {
        Watched { organization, lost: self.standings.lost(organization) }
    }

    /// Waits until everything that was noted before in that log is durable.
    ///
    /// # Errors
    /// 503 if that takes too long, or if a record was lost since the watch began.
    pub async fn durable(&self, watched: Watched) -> Result<(), Problem> {
        let flushing = self.flush(Some(watched.organization));
        let written = tokio::time::timeout(limits::READ_RECORDED_TIME_MAX, flushing).await.is_ok();
        if written && self.standings.lost(watched.organization) == watched.lost {
            return Ok(());
        }
        let detail =
            "that you read here cannot be recorded at present, and the organization demands that it is before you do";
        Err(Problem::new(Kind::Unavailable, detail).retry_after(5))
    }

    /// Whether a search is to be recorded: it was not seen within the time for which one is remembered, or goes on for very long since
    /// it was recorded. Remembers it.
    pub fn is_new_search(&self, key: [u8; 32]) -> bool {
        let now = self.clock.elapsed();
        let mut searches = self.searches.lock();
        if searches.len() >= limits::SEARCHES_REMEMBERED_MAX {
            searches.retain(|_, search| search.goes_on(now));
            if searches.len() >= limits::SEARCHES_REMEMBERED_MAX {
                searches.clear();
            }
        }
        let before = searches.get(&key).filter(|search| search.goes_on(now)).map(|search| search.recorded);
        let before = before.filter(|recorded| now.saturating_sub(*recorded) < limits::SEARCH_UNRECORDED_TIME_MAX);
        searches.insert(key, Remembered { recorded: before.unwrap_or(now), last: now });
        before.is_none()
    }

    /// Whether a search was seen within that time.
    pub fn remembers_search(&self, key: [u8; 32]) -> bool {
        let now = self.clock.elapsed();
        self.searches.lock().get(&key).is_some_and(|search| search.goes_on(now))
    }
}

/// How many own records of a log had been lost when a watch began.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    organization: OrganizationId,
    lost: u64,
}

fn not_recordable() -> Problem {
    let detail = "requests cannot be recorded in the audit log at present, so they are not answered";
    Problem::new(Kind::Unavailable, detail).retry_after(5)
}

/// A place kept in the queue for one record.
pub struct Reserved {
    permit: mpsc::OwnedPermit<Message>,
    clock: Arc<dyn Clock>,
}

impl Reserved {
    /// Notes the record down for the next commit.
    ///
    /// # Errors
    /// If it breaks the rules of an event, which is a fault of this program.
    pub fn note(self, organization: OrganizationId, record: &OwnRecord) -> Result<(), Problem> {
        let rows = record.encode(self.clock.as_ref())?;
        self.permit.send(Message::Record(organization, rows));
        Ok(())
    }
}

/// The record of a read that has begun.
pub struct Begun {
    place: Option<Reserved>,
    organization: OrganizationId,
    record: OwnRecord,
}

impl Begun {
    /// Records that it was answered, with as many results.
    ///
    /// # Errors
    /// As [`Reserved::note`].
    pub fn answered(mut self, results: usize) -> Result<(), Problem> {
        let record = self.record.clone().with("results", results);
        self.place.take().map_or(Ok(()), |place| place.note(self.organization, &record))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let record = self.record.clone().unsuccessful("failure", "no answer was given");
            // That it breaks no rule is known: only its outcome differs from what was checked.
            let _ = place.note(self.organization, &record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_with_a_mark() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
