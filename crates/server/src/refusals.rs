//! Denied access and refused ingestion become records, but never more than one per kind and minute: whoever knocks a
//! million times at a closed door must not fill the log with it.
//!
//! Refusals that are about different objects are of different kinds, up to a number for each sender. The first of a kind is
//! recorded at once; those that follow within [`limits::REFUSALS_COALESCED_TIME`] are counted and
//! become one record with their number at its end. Each organization's log has kinds of its own, so many: what is beyond is
//! counted together, by action and reason, in records that name nobody. So no organization's refusals push another's out, and
//! none stands under a name or an address that is not its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actarium_store::{Clock, OrganizationId};
use parking_lot::Mutex;
use serde_json::json;

use crate::limits;
use crate::recorder::{OwnRecord, Recorder, service_target};

/// What makes two refusals the same kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefusalKind {
    /// The log that it is recorded in.
    pub organization: OrganizationId,
    /// The action.
    pub action: &'static str,
    /// Why, in a word.
    pub reason: &'static str,
    /// Who: the credential, or the address of somebody without one.
    pub who: String,
    /// What it was about.
    pub what: String,
}

/// In a record of refused records their number: of several requests, that of all.
const RECORDS: &str = "records";

struct Window {
    begun: Duration,
    /// Refusals since the recorded one.
    counted: u64,
    /// The record of the last of them.
    last: Option<OwnRecord>,
}

/// Gathers refusals of a kind.
pub struct Refusals {
    windows: Mutex<HashMap<OrganizationId, HashMap<RefusalKind, Window>>>,
    recorder: Arc<Recorder>,
    clock: Arc<dyn Clock>,
}

impl Refusals {
    /// Gathers for this recorder.
    pub fn new(recorder: Arc<Recorder>, clock: Arc<dyn Clock>) -> Self {
        Self { windows: Mutex::default(), recorder, clock }
    }

    /// Records a refusal, or counts it if one of its kind was recorded a moment ago. A record that can't be noted
    /// now is counted and comes later: the refusal itself stands either way.
    pub fn refused(&self, kind: RefusalKind, record: OwnRecord) {
        let now = self.clock.elapsed();
        let mut of_all = self.windows.lock();
        let windows = of_all.entry(kind.organization).or_default();
        let (kind, record) = told_apart(windows, kind, record);
        match windows.get_mut(&kind) {
            Some(window) => {
                window.counted += 1;
                window.last = Some(match window.last.take() {
                    Some(before) => record.adding(RECORDS, &before),
                    None => record,
                });
            }
            None => {
                let first = if kind.who == OTHERS { counted(&kind, &record, 1) } else { record.clone() };
                let noted = self.recorder.note(kind.organization, &first).is_ok();
                let window = if noted {
                    Window { begun: now, counted: 0, last: None }
                } else {
                    Window { begun: now, counted: 1, last: Some(record) }
                };
                windows.insert(kind, window);
            }
        }
    }

    /// Ends the windows that are over, or all of them, and records what they counted.
    pub fn settle(&self, all: bool) {
        let now = self.clock.elapsed();
        let over = |window: &Window| all || now.saturating_sub(window.begun) >= limits::REFUSALS_COALESCED_TIME;
        let mut of_all = self.windows.lock();
        for windows in of_all.values_mut() {
            windows.retain(|kind, window| {
                if !over(window) {
                    return true;
                }
                let Some(record) = window.last.take() else { return false };
                if self.recorder.note(kind.organization, &counted(kind, &record, window.counted)).is_ok() {
                    // A new window begins, so that a steady stream stays at one record per window.
                    window.begun = now;
                    window.counted = 0;
                    return !all;
                }
                window.last = Some(record);
                true
            });
        }
        of_all.retain(|_, windows| !windows.is_empty());
    }
}

/// The kind under which a refusal is counted, and its record. Too many kinds of one sender are one for each action and reason,
/// whatever they were about; too many in all are, whoever it was.
fn told_apart(
    windows: &HashMap<RefusalKind, Window>,
    kind: RefusalKind,
    record: OwnRecord,
) -> (RefusalKind, OwnRecord) {
    if windows.contains_key(&kind) {
        return (kind, record);
    }
    let of_sender = windows.keys().filter(|other| other.who == kind.who).count();
    // What has one target is about that and nothing that contains it.
    let is_of_several = of_sender >= limits::REFUSAL_KINDS_PER_SENDER_MAX && record.targets.len() > 1;
    let (kind, record) =
        if is_of_several { (RefusalKind { what: OTHERS.into(), ..kind }, of_several(record)) } else { (kind, record) };
    let has_room = windows.len() < limits::REFUSAL_KINDS_PER_ORGANIZATION_MAX;
    if has_room || windows.contains_key(&kind) { (kind, record) } else { of_others(&kind, &record) }
}

/// A record that stands for refusals of different objects names none of them: only what contains them, its last target.
fn of_several(mut record: OwnRecord) -> OwnRecord {
    record.targets.drain(..record.targets.len().saturating_sub(1));
    record.with("objects", "several")
}

/// What stands for whoever it was and whatever it was about, where there are too many to be kept apart.
const OTHERS: &str = "*";

/// The kind of all that are not kept apart from those of the same action and reason, and a record that says nothing of any one
/// of them.
fn of_others(kind: &RefusalKind, record: &OwnRecord) -> (RefusalKind, OwnRecord) {
    let actor = json!({"type": "anonymous", "id": "others", "name": "Others"});
    let others = OwnRecord::new(kind.action, actor, service_target()).unsuccessful(record.outcome, kind.reason);
    (RefusalKind { who: OTHERS.into(), what: OTHERS.into(), ..*kind }, others)
}

/// The record of several of a kind.
fn counted(kind: &RefusalKind, record: &OwnRecord, count: u64) -> OwnRecord {
    let proving = matches!(kind.action, "session.sign_in" | "password.update" | "second_factor.update");
    record.clone().with(if proving { "attempts" } else { "requests" }, count)
}
