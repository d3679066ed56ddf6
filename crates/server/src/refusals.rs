//! Denied access and refused ingestion become records, but never more than one per kind and minute: whoever knocks a
//! million times at a closed door must not fill the log with it.
//!
//! The first of a kind is recorded at once; those that follow within [`limits::REFUSALS_COALESCED_TIME`] are counted and
//! become one record with their number at its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actarium_store::{Clock, OrganizationId};
use parking_lot::Mutex;

use crate::limits;
use crate::recorder::{OwnRecord, Recorder};

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

struct Window {
    begun: Duration,
    /// Refusals since the recorded one.
    counted: u64,
    /// The record of the last of them.
    last: Option<OwnRecord>,
}

/// Gathers refusals of a kind.
pub struct Refusals {
    windows: Mutex<HashMap<RefusalKind, Window>>,
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
        let mut windows = self.windows.lock();
        let kind = if windows.contains_key(&kind) || windows.len() < limits::REFUSAL_KINDS_MAX {
            kind
        } else {
            // Too many kinds at once: those of one reason are one, whoever and whatever it was.
            RefusalKind { who: "*".into(), what: "*".into(), ..kind }
        };
        match windows.get_mut(&kind) {
            Some(window) => {
                window.counted += 1;
                window.last = Some(record);
            }
            None => {
                let noted = self.recorder.note(kind.organization, &record).is_ok();
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
        let mut windows = self.windows.lock();
        windows.retain(|kind, window| {
            if !over(window) {
                return true;
            }
            let Some(record) = window.last.take() else { return false };
            let proving = matches!(kind.action, "session.sign_in" | "password.update" | "second_factor.update");
            let counted_as = if proving { "attempts" } else { "requests" };
            let counted = record.clone().with(counted_as, window.counted);
            if self.recorder.note(kind.organization, &counted).is_ok() {
                // A new window begins, so that a steady stream stays at one record per window.
                window.begun = now;
                window.counted = 0;
                return !all;
            }
            window.last = Some(record);
            true
        });
    }
}
