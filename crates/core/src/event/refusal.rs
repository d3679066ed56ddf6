//! Why events are not taken, in terms of what the sender can do about it.
//!
//! Nothing here decides; `event::decode` does.

use crate::json::{JsonError, Position};
use crate::limits::VIOLATIONS_REPORTED_MAX;
use std::fmt;

/// One rule that one event breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Place of the event among those sent, from 0.
    pub index: usize,
    /// JSON Pointer (RFC 6901) within the event; empty for the event as a whole.
    pub pointer: String,
    /// What is wrong, as a sentence without a full stop.
    pub detail: String,
    /// What is allowed instead, where that can be said.
    pub allowed: Option<String>,
}

impl Violation {
    /// What is wrong and what is allowed, as one sentence for an answer.
    pub fn sentence(&self) -> String {
        match &self.allowed {
            Some(allowed) => format!("{}; allowed: {allowed}", self.detail),
            None => self.detail.clone(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "the event" } else { &self.pointer };
        write!(f, "event {}: {pointer}: {}", self.index, self.sentence())
    }
}

/// What is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// The event at this index is larger than one may be, in bytes.
    EventBytes {
        /// Place of the event among those sent.
        index: usize,
        /// Its size in bytes.
        bytes: usize,
        /// The largest allowed size in bytes.
        bytes_max: usize,
    },
    /// More events than one request may hold.
    Events {
        /// The largest allowed number.
        events_max: usize,
    },
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Excess::EventBytes { index, bytes, bytes_max } => {
                write!(f, "event {index} has {bytes} bytes as it is stored; allowed are {bytes_max}")
            }
            Excess::Events { events_max } => write!(f, "more events than the {events_max} that one request may hold"),
        }
    }
}

/// Why a request's events are not taken. None of them is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON, or not in the announced form (400).
    #[error("can't be read at {position}: {detail}")]
    Unreadable {
        /// Where reading stopped.
        position: Position,
        /// JSON Pointer from the body's (or line's) outermost value, where known.
        pointer: Option<String>,
        /// What was found and what was expected.
        detail: String,
    },
    /// Readable, but against the rules (422).
    #[error("{} of the events' fields are against the rules; the first: {}", violations.len() + more, violations[0])]
    Invalid {
        /// Every violation in the order of the events, the first [`VIOLATIONS_REPORTED_MAX`]; never empty.
        violations: Vec<Violation>,
        /// How many more there are.
        more: usize,
    },
    /// Too large (413).
    #[error("{0}")]
    TooLarge(Excess),
    /// No event at all (422).
    #[error("there is no event in the body")]
    Empty,
}

/// Collects violations up to the bound and counts the rest.
#[derive(Default)]
pub(crate) struct Violations {
    list: Vec<Violation>,
    more: usize,
}

impl Violations {
    pub(crate) fn push(&mut self, violation: Violation) {
        if self.list.len() < VIOLATIONS_REPORTED_MAX {
            self.list.push(violation);
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_refusal(self) -> Option<Refusal> {
        if self.is_empty() { None } else { Some(Refusal::Invalid { violations: self.list, more: self.more }) }
    }
}

impl From<JsonError> for Refusal {
    /// For JSON that is not an event's; an event's own breaches of rules become violations with their index.
    fn from(error: JsonError) -> Self {
        let pointer = Some(error.pointer).filter(|pointer| !pointer.is_empty());
        Refusal::Unreadable { position: error.position, pointer, detail: error.detail }
    }
}
