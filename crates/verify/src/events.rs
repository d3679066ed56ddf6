//! The events of an export, one by one: each against its commit, in its place, against the tree, against what is shown of it
//! to people, and against the filter.

use std::collections::BTreeMap;

use actarium_core::canonical::PART_NAMES;
use actarium_core::disclosure::{Disclosure, PurgedEvent, ShownPart};
use actarium_core::erasure::{ErasableParts, is_evidence};
use actarium_core::filter::{Filter, Place};
use actarium_core::hex::from_hex;
use actarium_core::render::{Placed, push_event};
use actarium_core::row::{EncodedRows, Micros};
use actarium_core::salt::PARTS;
use actarium_core::tlog::{Checkpoint, ProofRefused, hash_of_base64, verify_inclusion};
use actarium_core::tree::{Frontier, Hash, TILE_LEAVES, root};
use serde::Deserialize;

use crate::bundle::{Bundle, BundleError};
use crate::manifest::{Kind, Manifest};
use crate::positions::Positions;
use crate::records::Records;
use crate::report::Report;

/// The part that holds what a record tells.
const DETAIL: usize = 3;
/// Events whose parts do not give their commits and that are compared with each other.
const EXCHANGED_MAX: usize = 4_096;

/// A line of the evidence that is no event.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Aside {
    /// The root over 256 events that have just been listed.
    Block { block: u64, hash: String },
    /// The inclusion proof of the event before.
    Proof { proof: Vec<String> },
    /// What is left of a purged event.
    Purged { purged: u64, recorded_at: Micros, commit: String },
}

/// The lines of files that are numbered on from one to the next.
struct Lines<'b> {
    bundle: &'b Bundle,
    names: Vec<String>,
    file: usize,
    bytes: Vec<u8>,
    at: usize,
    line: usize,
}

impl<'b> Lines<'b> {
    fn new(bundle: &'b Bundle, manifest: &Manifest, prefix: &str) -> Self {
        let names = manifest.files.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        Self { bundle, names, file: 0, bytes: Vec::new(), at: 0, line: 0 }
    }

    /// The next line with where it stands.
    fn next(&mut self) -> Result<Option<(String, Vec<u8>)>, BundleError> {
        while self.at >= self.bytes.len() {
            let Some(name) = self.names.get(self.file) else { return Ok(None) };
            self.bytes = self.bundle.read(name)?.unwrap_or_default();
            (self.file, self.at, self.line) = (self.file + 1, 0, 0);
        }
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = rest[..length].to_vec();
        self.at += length + 1;
        self.line += 1;
        Ok(Some((format!("{} line {}", self.names[self.file - 1], self.line), line)))
    }
}

/// The check of an export's events.
pub(crate) struct Events<'a> {
    manifest: &'a Manifest,
    organization_id: [u8; 16],
    checkpoint: &'a Checkpoint,
    filter: &'a Filter,
    report: &'a mut Report,
    /// Sequence number that comes next in a range.
    next: u64,
    last_recorded_at: Micros,
    shown: u64,
    seen: u64,
    /// The tree by the events, and by what is claimed of each 256 of them.
    tree: Frontier,
    claimed: Option<Frontier>,
    pending: Vec<Hash>,
    wrong_blocks: Vec<u64>,
    /// The event that waits for its proof.
    unproved: Option<(String, u64, Hash)>,
    /// Commits that parts gave, and that they should have given, of the events in which these differ.
    given: BTreeMap<Hash, u64>,
    wanted: Vec<(String, u64, Hash)>,
    /// The 256 events whose common hash comes next.
    next_block: u64,
    records: Records,
    /// Positions of which it is not known whether the filter finds what stands there.
    undecided: u64,
    /// By part, the events that have lost what the filter reads.
    unread: [Positions; PARTS],
}

/// What the events of an export told.
pub(crate) struct Told {
    /// What the log says of itself.
    pub records: Records,
    /// The event after the last one that was there.
    pub end: u64,
    /// When the last one was recorded.
    pub last_recorded_at: Micros,
    /// Positions of which it is not known whether the filter finds what stands there.
    pub undecided: u64,
}

impl<'a> Events<'a> {
    pub(crate) fn new(
        manifest: &'a Manifest,
        organization_id: [u8; 16],
        checkpoint: &'a Checkpoint,
        filter: &'a Filter,
        before: Vec<Hash>,
        report: &'a mut Report,
    ) -> Self {
        let first = manifest.range.first;
        let tree = Frontier::from_peaks(first, before).unwrap_or_else(|_| Frontier::new());
        Self {
            manifest,
            organization_id,
            checkpoint,
            filter,
            report,
            next: first,
            last_recorded_at: 0,
            shown: 0,
            seen: 0,
            claimed: Some(tree.clone()),
            tree,
            pending: Vec::new(),
            wrong_blocks: Vec::new(),
            unproved: None,
            given: BTreeMap::new(),
            wanted: Vec::new(),
            next_block: first.div_ceil(TILE_LEAVES),
            records: Records::default(),
            undecided: 0,
            unread: Default::default(),
        }
    }

    fn is_range(&self) -> bool {
        self.manifest.kind != Kind::Filtered
    }

    /// Goes through all events; `after` are the hashes behind the range. `at_size` is told every root on the way.
    pub(crate) fn check(
        mut self,
        bundle: &Bundle,
        after: &[(u8, Hash)],
        roots_wanted: &mut BTreeMap<u64, Option<Hash>>,
    ) -> Result<Told, BundleError> {
        let mut evidence = Lines::new(bundle, self.manifest, "evidence-");
        let mut shown = Lines::new(bundle, self.manifest, "events-");
        self.note_root(roots_wanted);
        while let Some((place, line)) = evidence.next()? {
            if line.starts_with(b"{\"seq\":") {
                match Disclosure::parse(&line) {
                    Ok(disclosure) => self.event(place, &disclosure, &mut shown)?,
                    Err(error) => self.report.find(place, error.to_string()),
                }
                self.note_root(roots_wanted);
            } else {
                match serde_json::from_slice(&line) {
                    Ok(Aside::Block { block, hash }) => self.block(&place, block, &hash),
                    Ok(Aside::Proof { proof }) => self.proof(&place, &proof),
                    Ok(Aside::Purged { purged, recorded_at, commit }) => {
                        self.purged(&place, (purged, recorded_at), &commit);
                        self.note_root(roots_wanted);
                    }
                    Err(_) => self.report.find(place, "it is neither an event nor what belongs to one"),
                }
            }
        }
        if let Some((place, _)) = shown.next()? {
            self.report.find(place, "an event that the evidence does not have: inserted");
        }
        self.finish(after);
        let (last_recorded_at, undecided) = (self.last_recorded_at, self.undecided);
        Ok(Told { records: self.records, end: self.next, last_recorded_at, undecided })
    }

    fn note_root(&self, wanted: &mut BTreeMap<u64, Option<Hash>>) {
        if self.is_range()
            && self.manifest.range.first == 0
            && let Some(slot) = wanted.get_mut(&self.tree.size())
        {
            *slot = Some(self.tree.root());
        }
    }

    fn event(&mut self, place: String, event: &Disclosure, shown: &mut Lines<'_>) -> Result<(), BundleError> {
        let place = format!("event {} ({place})", event.seq);
        self.position(&place, event.seq, event.recorded_at);
        let commit = event.commit_of_parts();
        if commit != event.commit {
            if self.wanted.len() < EXCHANGED_MAX {
                self.given.insert(commit, event.seq);
                self.wanted.push((place.clone(), event.seq, event.commit));
            } else {
                self.report.find(&place, "its parts do not give its commit: a text or a salt was changed");
            }
        }
        self.seen += 1;
        let leaf = event.leaf();
        if self.is_range() {
            self.push_leaf(leaf);
        } else {
            self.without_proof();
            self.unproved = Some((place.clone(), event.seq, leaf));
        }
        match event.row() {
            Err(error) if event.parts[0].text().is_some() => self.report.find(&place, error.to_string()),
            Err(_) => self.report.find(&place, "its fact is not shown, and the fact is never removed"),
            Ok(rows) => self.content(&place, event, &rows, shown)?,
        }
        Ok(())
    }

    /// Whether it stands where it must.
    fn position(&mut self, place: &str, seq: u64, recorded_at: Micros) {
        let range = self.manifest.range;
        if !(range.first..range.end).contains(&seq) {
            self.report.find(place, format!("it lies outside of the range {} to {}", range.first, range.end));
        }
        if recorded_at < self.last_recorded_at {
            self.report
                .find(place, "it was recorded before the event in front of it: reordered, or its time was changed");
        }
        self.last_recorded_at = recorded_at;
        if seq < self.next {
            self.report.find(place, "it stands behind a later one, or twice: reordered or inserted");
            return;
        }
        if self.is_range() && seq > self.next {
            let missing = range_name(self.next, seq);
            self.report.find(place, format!("{missing} missing before it: removed"));
        }
        self.next = seq + 1;
    }

    /// An event of which only time and commit are left.
    fn purged(&mut self, place: &str, (seq, recorded_at): (u64, Micros), commit: &str) {
        let place = format!("event {seq} ({place})");
        let Some(commit) = from_hex::<32>(commit).filter(|_| recorded_at >= 0) else {
            return self.report.find(&place, "its commit is not 64 hexadecimal digits, or its time lies before 1970");
        };
        if !self.is_range() {
            return self.report.find(&place, "a purged event is no part of what a filter finds");
        }
        self.position(&place, seq, recorded_at);
        self.push_leaf(PurgedEvent { seq, recorded_at, commit }.leaf());
        self.records.purged(seq, recorded_at);
        self.undecided += 1;
    }

    /// What of the event people read, and whether the filter finds it.
    fn content(
        &mut self,
        place: &str,
        event: &Disclosure,
        rows: &EncodedRows,
        shown: &mut Lines<'_>,
    ) -> Result<(), BundleError> {
        let row = rows.row(0);
        let query = &self.manifest.query;
        let place_in_log =
            Place { organization: &self.organization_id, seq: event.seq, recorded_at: event.recorded_at };
        let occurred_at = row.occurred_at.unwrap_or(event.recorded_at);
        let in_time = query.from.is_none_or(|from| occurred_at >= from) && query.to.is_none_or(|to| occurred_at < to);
        let matches = in_time && self.filter.matches(&row, &place_in_log);
        let withheld = event.parts.iter().any(|part| matches!(part, ShownPart::Withheld(_)));
        if self.manifest.kind == Kind::FilteredComplete {
            let mut is_unread = false;
            for (part, _) in self.filter.parts().iter().enumerate().filter(|(_, read)| **read) {
                match event.parts[part] {
                    ShownPart::Withheld(_) => {
                        let name = PART_NAMES[part];
                        self.report.find(place, format!("its {name} part, which the filter reads, is not shown"));
                    }
                    ShownPart::Erased(_) => {
                        self.unread[part].add(event.seq);
                        is_unread = true;
                    }
                    ShownPart::Whole { .. } => {}
                }
            }
            self.undecided += u64::from(is_unread);
            if matches && withheld {
                self.report.find(place, "the filter finds it, and it is not shown whole: left out");
            }
            if is_evidence(&row) && matches!(event.parts[DETAIL], ShownPart::Withheld(_)) {
                self.report.find(place, "it tells what became of the log itself, and is not shown whole: left out");
            }
        } else if withheld {
            self.report.find(place, "a part of it is not shown");
        } else if !matches && !event.parts.iter().any(|part| matches!(part, ShownPart::Erased(_))) {
            self.report.find(place, "the filter does not find it");
        }
        let [_, identity, personal, detail] =
            std::array::from_fn(|part| matches!(event.parts[part], ShownPart::Erased(_)));
        let gone = ErasableParts { identity, personal, detail };
        if let Err(wrong) = self.records.note((event.seq, event.recorded_at), &row, gone) {
            self.report.find(place, wrong);
        }
        if withheld || (self.manifest.kind == Kind::FilteredComplete && !matches) {
            return Ok(());
        }
        self.shown += 1;
        let mut expected = Vec::new();
        let placed = Placed {
            slug: &self.manifest.organization,
            opaque_id: &self.organization_id,
            seq: event.seq,
            recorded_at: event.recorded_at,
        };
        push_event(&mut expected, &placed, &row);
        match shown.next()? {
            Some((_, line)) if line == expected => {}
            Some((at, _)) => {
                self.report.find(at, format!("it is not event {} as the log has it: edited or moved", event.seq))
            }
            None => self.report.find(place, "the events end before it"),
        }
        Ok(())
    }

    fn push_leaf(&mut self, leaf: Hash) {
        self.tree.push(leaf);
        self.pending.push(leaf);
    }

    /// Leaves that no claim was made of.
    fn settle_pending(&mut self) {
        if let Some(claimed) = &mut self.claimed {
            self.pending.drain(..).for_each(|leaf| claimed.push(leaf));
        }
        self.pending.clear();
    }

    fn block(&mut self, place: &str, block: u64, hash: &str) {
        let Some(hash) = from_hex::<32>(hash) else {
            return self.report.find(place, "its hash is not 64 hexadecimal digits");
        };
        let range = self.manifest.range;
        let end = block.checked_add(1).and_then(|next| next.checked_mul(TILE_LEAVES));
        let Some(end) = end.filter(|end| self.is_range() && end - TILE_LEAVES >= range.first && *end <= range.end)
        else {
            return self.report.find(place, "a hash of events that are not in the export");
        };
        if self.next != end || self.next_block != block {
            let (first, last) = (end - TILE_LEAVES, end - 1);
            self.report.find(place, format!("the hash of the events {first} to {last} does not stand behind them"));
        }
        self.next_block = block + 1;
        let Some(claimed) = &mut self.claimed else { return };
        // Events in front of the first whole block have no claim of their own.
        let ahead = (block * TILE_LEAVES).saturating_sub(claimed.size()) as usize;
        if ahead > 0 && ahead <= self.pending.len() {
            self.pending.drain(..ahead).for_each(|leaf| claimed.push(leaf));
        }
        if claimed.size() != block * TILE_LEAVES || claimed.push_tile(hash).is_err() {
            self.claimed = None;
            return;
        }
        if self.pending.len() as u64 != TILE_LEAVES || root(&self.pending) != hash {
            self.wrong_blocks.push(block);
        }
        self.pending.clear();
    }

    fn without_proof(&mut self) {
        if let Some((place, ..)) = self.unproved.take() {
            self.report.find(place, "it has no inclusion proof");
        }
    }

    fn proof(&mut self, place: &str, proof: &[String]) {
        let Some((of, seq, leaf)) = self.unproved.take() else {
            return self.report.find(place, "a proof of no event");
        };
        let hashes: Option<Vec<Hash>> = proof.iter().map(|text| hash_of_base64(text)).collect();
        let Some(hashes) = hashes else { return self.report.find(place, "it holds something else than hashes") };
        match verify_inclusion(&leaf, seq, self.checkpoint.size, &hashes, &self.checkpoint.root) {
            Ok(()) => {}
            Err(ProofRefused::Root) => {
                self.report.find(of, "the log has no such event at its place: edited, inserted or moved");
            }
            Err(error) => self.report.find(of, error.to_string()),
        }
    }

    fn finish(&mut self, after: &[(u8, Hash)]) {
        self.without_proof();
        self.name_exchanged();
        self.tell_unread();
        let range = self.manifest.range;
        if self.is_range() {
            if self.next < range.end {
                let missing = range_name(self.next, range.end);
                let place = format!("event {}", self.next);
                self.report.find(place, format!("{missing} missing at the end: cut off"));
            }
            if self.next == range.end && (self.next_block + 1) * TILE_LEAVES <= range.end {
                let first = self.next_block * TILE_LEAVES;
                let place = format!("events {first} to {}", first + TILE_LEAVES - 1);
                self.report.find(place, "the hash that belongs behind them is missing");
            }
            self.compare_trees(after);
        }
        let undisclosed = (range.end - range.first).saturating_sub(self.shown);
        if (self.shown, undisclosed) != (self.manifest.events, self.manifest.undisclosed) {
            let (events, of) = (self.manifest.events, self.manifest.undisclosed);
            self.report.find(
                "manifest.json",
                format!("it counts {events} events shown and {of} not, there are {} and {undisclosed}", self.shown),
            );
        }
    }

    /// Names the events of which the filter cannot be asked again.
    fn tell_unread(&mut self) {
        for (part, unread) in self.unread.iter().enumerate() {
            let part = PART_NAMES[part];
            let told =
                unread.lines().map(|events| format!("{events}: the {part} part, which the filter reads, was erased"));
            self.report.undecided.extend(told);
        }
    }

    /// Names events whose parts belong to another one of the export.
    fn name_exchanged(&mut self) {
        for (place, seq, commit) in std::mem::take(&mut self.wanted) {
            match self.given.get(&commit).filter(|other| **other != seq) {
                Some(other) => self.report.find(place, format!("its parts stand at event {other}: exchanged")),
                None => self.report.find(place, "its parts do not give its commit: a text or a salt was changed"),
            }
        }
    }

    fn compare_trees(&mut self, after: &[(u8, Hash)]) {
        self.settle_pending();
        let complete = |mut tree: Frontier| {
            let pushed = after.iter().all(|(level, hash)| tree.push_subtree(*level, *hash).is_ok());
            pushed && tree.size() == self.checkpoint.size && tree.root() == self.checkpoint.root
        };
        let range = self.manifest.range;
        let holds = complete(self.tree.clone());
        if holds && self.wrong_blocks.is_empty() {
            return;
        }
        let claims_hold = self.claimed.clone().is_some_and(complete);
        for block in &self.wrong_blocks {
            let (first, end) = (block * TILE_LEAVES, (block + 1) * TILE_LEAVES);
            let place = format!("events {first} to {}", end - 1);
            let problem = match (holds, claims_hold) {
                (true, _) => "the hash that is given for them was changed",
                (_, true) => {
                    "they are not what the checkpoint signs: changed together with their commits, inserted, removed or moved"
                }
                _ => "they do not give the hash that is given for them",
            };
            self.report.find(place, problem);
        }
        if !holds && (!claims_hold || self.wrong_blocks.is_empty()) {
            let place = format!("events {} to {}", range.first, range.end.saturating_sub(1));
            self.report.find(
                place,
                "together with the hashes around them they do not give the root that the checkpoint signs",
            );
        }
    }
}

fn range_name(first: u64, end: u64) -> String {
    if end - first == 1 { format!("event {first} is") } else { format!("events {first} to {} are", end - 1) }
}
