//! What a verification found: every mistake with its place, and what holds and for whom.

use std::fmt;

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

/// The outcome of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// Further findings that are not listed.
    pub more_findings: u64,
    /// What was proved, if nothing is wrong.
    pub statements: Vec<String>,
    /// What the reader's own knowledge vouches for: a key, an earlier checkpoint, a witness.
    pub anchors: Vec<String>,
    /// What could not be decided, and why.
    pub undecided: Vec<String>,
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

    /// Adds what another verification of the same found.
    pub fn take_over(&mut self, other: Self) {
        let further = other.more_findings;
        other.findings.into_iter().for_each(|finding| self.find(finding.place, finding.problem));
        self.more_findings += further;
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
    }

    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether something that the reader brought along vouches for it.
    pub fn is_anchored(&self) -> bool {
        !self.anchors.is_empty()
    }

    /// 0 for sound, 1 for anything wrong, 3 for sound and not anchored where an anchor is required.
    pub fn exit_code(&self, require_anchor: bool) -> u8 {
        match (self.is_sound(), self.is_anchored() || !require_anchor) {
            (false, _) => 1,
            (true, true) => 0,
            (true, false) => 3,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(formatter, "WRONG  {}: {}", finding.place, finding.problem)?;
        }
        if self.more_findings > 0 {
            writeln!(formatter, "WRONG  … and {} more", self.more_findings)?;
        }
        if self.is_sound() {
            self.statements.iter().try_for_each(|statement| writeln!(formatter, "proved  {statement}"))?;
        }
        self.undecided.iter().try_for_each(|undecided| writeln!(formatter, "undecided  {undecided}"))?;
        self.anchors.iter().try_for_each(|anchor| writeln!(formatter, "anchored  {anchor}"))?;
        match (self.is_sound(), self.is_anchored()) {
            (false, _) => writeln!(formatter, "Not sound: this is not what the log has recorded and signed."),
            (true, true) => writeln!(formatter, "Sound, and anchored in what you brought along."),
            (true, false) => writeln!(
                formatter,
                "Consistent in itself, not anchored: give --key, --anchor or --witness from a source of your own."
            ),
        }
    }
}
