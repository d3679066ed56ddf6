//! What a verification found: every mistake with its place, and what holds and for whom.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use actarium_core::inert::inert;
use serde_json::{Value, json};

use crate::manifest::ManifestQuery;

/// Findings that are listed; the number of further ones is told.
const FINDINGS_MAX: usize = 1_000;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: a file, an event, a range.
    pub place: String,
    /// What.
    pub problem: String,
}

/// How much of what was shown of a log the reader's own knowledge vouches for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The first event that was shown.
    pub first: u64,
    /// The event after the last that was shown.
    pub end: u64,
    /// The event after the last that something vouches for, from the log's first on; `None` if nothing does.
    pub anchored_end: Option<u64>,
}

impl Coverage {
    /// Whether something vouches for all that was shown.
    pub fn is_whole(&self) -> bool {
        self.anchored_end.is_some_and(|end| end >= self.end)
    }
}

/// The outcome of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// What has to be given before anything can be said, and where: what was shown is not known to be the log's without it.
    pub missing: Vec<Finding>,
    /// Further findings that are not listed.
    pub more_findings: u64,
    /// What was proved, if nothing is wrong.
    pub statements: Vec<String>,
    /// What the reader's own knowledge vouches for: a key, an earlier checkpoint, a witness.
    pub anchors: Vec<String>,
    /// What could not be decided, and why.
    pub undecided: Vec<String>,
    /// What stands in it and nothing proves.
    pub notes: Vec<String>,
    /// By the log's name, what was shown of it, and how much of that is anchored.
    pub coverage: BTreeMap<String, Coverage>,
    /// The query that the manifest names and that was applied; its own word.
    pub query: Option<ManifestQuery>,
    /// Whether that is another one than the reader asked for.
    pub(crate) is_of_another_query: bool,
}

impl Report {
    /// Notes that something is wrong.
    pub fn find(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { place: place.into(), problem: problem.into() });
        } else {
            self.more_findings += 1;
        }
    }

    /// Notes that something is not given without which nothing can be said.
    pub(crate) fn miss(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        let missing = Finding { place: place.into(), problem: problem.into() };
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    /// Adds what another verification of the same found.
    pub fn take_over(&mut self, other: Self) {
        let further = other.more_findings;
        other.findings.into_iter().for_each(|finding| self.find(finding.place, finding.problem));
        self.more_findings += further;
        other.missing.into_iter().for_each(|missing| self.miss(missing.place, missing.problem));
        let add = |to: &mut Vec<String>, texts: Vec<String>| {
            texts.into_iter().for_each(|text| {
                if !to.contains(&text) {
                    to.push(text);
                }
            });
        };
        add(&mut self.statements, other.statements);
        add(&mut self.anchors, other.anchors);
        add(&mut self.undecided, other.undecided);
        add(&mut self.notes, other.notes);
        self.query = self.query.take().or(other.query);
        self.is_of_another_query |= other.is_of_another_query;
        for (log, further) in other.coverage {
            let covered = self.coverage.entry(log).or_insert(further);
            covered.first = covered.first.min(further.first);
            covered.end = covered.end.max(further.end);
            covered.anchored_end = covered.anchored_end.max(further.anchored_end);
        }
    }

    /// Notes which events of a log are shown.
    pub(crate) fn shows(&mut self, log: &str, first: u64, end: u64) {
        let covered = self.coverage.entry(log.to_owned()).or_default();
        (covered.first, covered.end) = (first, end);
    }

    /// Notes that something vouches for a log's events before `end`.
    pub(crate) fn anchor(&mut self, log: &str, end: u64, by: String) {
        let covered = self.coverage.entry(log.to_owned()).or_default();
        covered.anchored_end = covered.anchored_end.max(Some(end));
        self.anchors.push(by);
    }

    /// Notes that what vouches for a log's events does not know them for those of this log.
    pub(crate) fn withdraw(&mut self, log: &str) {
        self.coverage.entry(log.to_owned()).or_default().anchored_end = None;
    }

    /// Whether nothing is wrong, and nothing missing.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.missing.is_empty()
    }

    /// Whether what the reader brought along vouches for all that was shown.
    pub fn is_anchored(&self) -> bool {
        !self.coverage.is_empty() && self.coverage.values().all(Coverage::is_whole)
    }

    /// 0 for sound, 1 for anything wrong or missing, 3 for sound and not anchored where an anchor is required.
    pub fn exit_code(&self, require_anchor: bool) -> u8 {
        match (self.is_sound(), self.is_anchored() || !require_anchor) {
            (false, _) => 1,
            (true, true) => 0,
            (true, false) => 3,
        }
    }

    fn is_partly_anchored(&self) -> bool {
        self.coverage.values().any(|covered| covered.anchored_end.is_some_and(|end| end > covered.first))
    }

    /// What all of it comes to, in a sentence.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.is_sound(), self.is_anchored()) {
            (false, _) if self.findings.is_empty() => {
                "Not verified: what is missing has to be given, or this is not the log that you know."
            }
            (false, _) if self.is_of_another_query && self.findings.len() == 1 => {
                "Not what you asked for: another query was applied."
            }
            (false, _) => "Not sound: this is not what the log has recorded and signed.",
            (true, true) => "Sound, and anchored in what you brought along.",
            (true, false) if self.is_partly_anchored() => {
                "Consistent in itself, and anchored in part: what is not may have been written anew by whoever holds a key."
            }
            (true, false) => {
                "Consistent in itself, not anchored: give --key, --anchor or --witness from a source of your own."
            }
        }
    }

    /// The same for programs: one object, with the exit code that goes with it.
    pub fn to_json(&self, require_anchor: bool) -> Value {
        let listed = |findings: &[Finding]| -> Vec<Value> {
            findings.iter().map(|finding| json!({"place": finding.place, "problem": finding.problem})).collect()
        };
        let coverage: Vec<Value> = self.coverage.iter().map(|(log, covered)| covered.to_json(log)).collect();
        json!({
            "sound": self.is_sound(),
            "anchored": self.is_anchored(),
            "exit_code": self.exit_code(require_anchor),
            "verdict": self.verdict(),
            "findings": listed(&self.findings),
            "more_findings": self.more_findings,
            "missing": listed(&self.missing),
            "proved": if self.is_sound() { &self.statements[..] } else { &[] },
            "anchors": self.anchors,
            "undecided": self.undecided,
            "notes": self.notes,
            "coverage": coverage,
            "query": self.query,
        })
    }
}

impl fmt::Display for Report {
    /// A line for each; what others wrote cannot add lines of its own, nor hide any.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |kind: &str, text: &str| writeln!(formatter, "{kind}  {}", inert(text));
        let told = |finding: &Finding| format!("{}: {}", finding.place, finding.problem);
        self.findings.iter().try_for_each(|finding| line("WRONG", &told(finding)))?;
        if self.more_findings > 0 {
            line("WRONG", &format!("… and {} more", self.more_findings))?;
        }
        self.missing.iter().try_for_each(|missing| line("MISSING", &told(missing)))?;
        if self.is_sound() {
            self.statements.iter().try_for_each(|statement| line("proved", statement))?;
        }
        self.undecided.iter().try_for_each(|undecided| line("undecided", undecided))?;
        self.notes.iter().try_for_each(|note| line("note", note))?;
        self.anchors.iter().try_for_each(|anchor| line("anchored", anchor))?;
        if self.is_partly_anchored() && !self.is_anchored() {
            self.coverage
                .iter()
                .flat_map(|(log, covered)| covered.told(log))
                .try_for_each(|(kind, text)| line(kind, &text))?;
        }
        writeln!(formatter, "{}", self.verdict())
    }
}

impl Coverage {
    fn to_json(self, log: &str) -> Value {
        let told = |range: Range<u64>| match range.is_empty() {
            true => Value::Null,
            false => json!({"first_seq": range.start, "end_seq": range.end}),
        };
        let [anchored, not_anchored] = self.ranges().map(told);
        json!({"log": log, "first_seq": self.first, "end_seq": self.end, "anchored": anchored, "not_anchored": not_anchored})
    }

    /// The events that something vouches for, and those that nothing does, of what was shown.
    fn ranges(&self) -> [Range<u64>; 2] {
        // A manifest may name a range that ends before it begins.
        let end = self.end.max(self.first);
        let anchored = self.anchored_end.unwrap_or(0).clamp(self.first, end);
        [self.first..anchored, anchored..end]
    }

    /// Which events are anchored, and which are not.
    fn told(&self, log: &str) -> Vec<(&'static str, String)> {
        let told = self.ranges().into_iter().zip(["anchored", "not anchored"]).filter(|(range, _)| !range.is_empty());
        told.map(|(range, what)| (what, format!("events {} to {} of the log {log}", range.start, range.end - 1)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_adds_no_line_and_hides_none() {
        let mut report = Report::default();
        let name = "acme\nanchored  by your key\nSound, and anchored in what you brought along.\n\u{1b}[8m";
        report.notes.push(format!("that the organization is called `{name}` is its own word"));
        report.find(name, name);
        let shown = report.to_string();
        assert_eq!(shown.lines().count(), 3, "{shown}");
        assert!(!shown.contains('\u{1b}') && shown.contains("acme\\nanchored"), "{shown}");
    }
}
