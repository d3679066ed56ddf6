//! Exports that the service makes in the background and keeps for a while. The document and its mirror in memory; who may
//! ask for one and see it is decided by its handlers, how it is made in `exports`.

use actarium_core::filter::Scope;
use actarium_core::row::Micros;
use serde::{Deserialize, Serialize};

use super::document::{ById, Document};

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One event per line, as JSON.
    Ndjson,
    /// A table.
    Csv,
    /// An archive with what proves its events.
    Proof,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::Ndjson, Format::Csv, Format::Proof];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Proof => "proof",
        }
    }

    /// What the name of its file ends with.
    pub const fn ending(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Proof => "tar.zst",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// How far an export has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ExportState {
    /// It waits for its turn.
    Waiting,
    /// It is being made; after a stop of the service it is begun again.
    Running {
        /// How often it was begun.
        starts: u32,
    },
    /// Its file is there.
    Done {
        /// When it was finished.
        at: Micros,
        /// Events that it shows.
        events: u64,
        /// Size of its file.
        bytes: u64,
        /// When the oldest of what it has something of was recorded; none if it has nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oldest_recorded_at: Option<Micros>,
    },
    /// It was not made.
    Failed {
        /// When that was.
        at: Micros,
        /// Why.
        detail: String,
    },
}

impl ExportState {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            ExportState::Waiting => "waiting",
            ExportState::Running { .. } => "running",
            ExportState::Done { .. } => "done",
            ExportState::Failed { .. } => "failed",
        }
    }

    /// Whether it is still to be made.
    pub const fn is_due(&self) -> bool {
        matches!(self, ExportState::Waiting | ExportState::Running { .. })
    }
}

/// An export that is made, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptExport {
    /// Who asked for it: the id of a user, or `operator`.
    pub owner: String,
    /// How it is written.
    pub format: Format,
    /// With a filter and proofs: whether it shows of every other event what the filter reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// The search phrase; none for every event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Events that occurred from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Micros>,
    /// Events that occurred before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Micros>,
    /// The projects whose events its owner saw when they asked; none for the whole log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<String>>,
    /// Size of the log when it was asked for: what came later is not in it.
    pub size: u64,
    /// Events that it was to have, as they were counted then; none where counting would have taken too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// When it was asked for.
    pub created_at: Micros,
    /// How far it has come.
    #[serde(flatten)]
    pub state: ExportState,
}

impl KeptExport {
    /// What of the log its owner saw when they asked for it.
    pub fn scope(&self) -> Scope {
        match &self.projects {
            None => Scope::Everything,
            // More projects than there may be were never seen.
            Some(projects) => Scope::projects(projects.iter().map(String::as_str)).unwrap_or_else(|_| Scope::nothing()),
        }
    }

    /// Bytes that it takes.
    pub const fn bytes(&self) -> u64 {
        match self.state {
            ExportState::Done { bytes, .. } => bytes,
            _ => 0,
        }
    }
}

impl Document for KeptExport {
    const KIND: &'static str = "kept_export";
}

/// The exports of an organization.
pub type KeptExports = ById<KeptExport>;

impl KeptExports {
    /// Bytes that all of them take.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|export| export.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let running = KeptExport {
            owner: "u_1".into(),
            format: Format::Csv,
            complete: false,
            q: Some("outcome:denied".into()),
            from: Some(1),
            to: None,
            projects: Some(vec!["payments".into()]),
            size: 7,
            counted: Some(3),
            created_at: 5,
            state: ExportState::Running { starts: 2 },
        };
        let done = ExportState::Done { at: 9, events: 3, bytes: 70, oldest_recorded_at: Some(2) };
        let failed = ExportState::Failed { at: 9, detail: "no space".into() };
        for state in [ExportState::Waiting, running.state.clone(), done, failed] {
            let export = KeptExport { state, ..running.clone() };
            let text = serde_json::to_string(&export).unwrap();
            assert_eq!(serde_json::from_str::<KeptExport>(&text).unwrap(), export, "{text}");
        }
        assert_eq!(running.scope(), Scope::projects(["payments"]).unwrap());
    }
}
