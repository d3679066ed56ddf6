//! A log as a whole, from its entries: whoever serves it, each entry and tile is compared with the tree that the checkpoint
//! signs. Entries hold no texts, so this needs no right to see events, and also covers what was purged.
//!
//! Where entries come from (a service, a data folder) is passed in.

use std::collections::BTreeMap;

use actarium_core::hash::Hash;
use actarium_core::tlog::{
    Checkpoint, SignedCheckpoint, TILE_WIDTH, TileAddress, TileKind, VerifierKey, decode_bundle, hash_to_base64,
};
use actarium_core::tree::{Frontier, leaf_hash, root};

use crate::records::{InSight, Records, unseen_generation};
use crate::report::Report;
use crate::trust::{OwnKeys, Seen, Trust, generation_of};

/// Bytes of an entry: version, time, commit.
const ENTRY_BYTES: usize = 41;
/// Version of entries.
const ENTRY_VERSION: u8 = 1;

/// What gives a log's files, by c2sp.org/tlog-tiles.
pub trait LogSource {
    /// The newest checkpoint.
    ///
    /// # Errors
    /// In words, why there is none.
    fn checkpoint(&mut self) -> Result<Vec<u8>, String>;

    /// The log's verifier key, as the log itself tells it.
    ///
    /// # Errors
    /// In words, why there is none.
    fn key(&mut self) -> Result<String, String>;

    /// The changes of the key that signs, as signed notes, the first one first; empty if it never changed.
    ///
    /// # Errors
    /// In words, why they cannot be had.
    fn handovers(&mut self) -> Result<Vec<String>, String>;

    /// Checkpoints from before that witnesses have signed, as notes with their signatures. A log that shows them elsewhere
    /// gives none here.
    ///
    /// # Errors
    /// In words, why they cannot be had.
    fn cosigned(&mut self) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    /// Where `checkpoint` is not one that the log published, but made for this check of what came after it: the newest that it did,
    /// if it ever published one. `None` where `checkpoint` is the log's own.
    ///
    /// # Errors
    /// In words, why it cannot be had.
    fn last_published(&mut self) -> Result<Option<Option<String>>, String> {
        Ok(None)
    }

    /// A tile of hashes or a bundle of entries.
    ///
    /// # Errors
    /// In words, why there is none.
    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String>;
}

/// A log that was verified, as far as it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLog {
    /// What it is, by its checkpoint.
    pub checkpoint: Checkpoint,
    /// What was found.
    pub report: Report,
    /// Keys that sign for it, or did.
    keys: Vec<VerifierKey>,
    /// The log's own key, and how it came to it.
    own: OwnKeys,
}

impl VerifiedLog {
    /// Judges the log by what all its events that are left tell of it. `slug` is what the organization is called at `place`.
    pub fn judge(&mut self, records: &Records, (slug, place): (&str, &str), trust: &Trust) {
        let Checkpoint { origin, size, .. } = &self.checkpoint;
        let log = InSight { origin, size: *size, range: 0..*size, is_whole: true, keys: &self.keys };
        let purged_is = "only times and commits are left, in their place in the tree";
        records.judge(&log, trust, purged_is, &mut self.report);
        records.judge_name(slug, place, &mut self.report);
    }

    /// Whether a checkpoint that was kept of the log is signed by a key of it; those of another generation are left to the log's own
    /// records.
    ///
    /// # Errors
    /// In words, if it is not.
    pub fn check_kept(&self, signed: &SignedCheckpoint) -> Result<(), String> {
        if signed.checkpoint.origin != self.checkpoint.origin {
            return Ok(());
        }
        signed.verify_by_one_of(&self.keys).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Takes checkpoints that were kept of the log and found to be of it: what the reader's key has signed itself it vouches for,
    /// where it was replaced since.
    pub fn take_kept<'s>(&mut self, kept: impl IntoIterator<Item = &'s SignedCheckpoint>, trust: &Trust) {
        let origin = &self.checkpoint.origin;
        let of_this_generation = kept.into_iter().filter(|signed| signed.checkpoint.origin == *origin);
        self.own.anchor_by_replaced(origin, of_this_generation, trust, &mut self.report);
    }

    /// Says what cannot be judged, as the events themselves are not in sight.
    pub fn without_events(&mut self, trust: &Trust) {
        unseen_generation(&self.checkpoint.origin, trust, &mut self.report);
    }
}

/// Reads all entries and tiles of a log and compares them with its checkpoint and with what the reader brought along. What the
/// events tell of the log is for [`VerifiedLog::judge`].
///
/// # Errors
/// In words, if there is no checkpoint to begin with.
pub fn verify_log(source: &mut dyn LogSource, trust: &Trust) -> Result<VerifiedLog, String> {
    let mut report = Report::default();
    let bytes = source.checkpoint()?;
    let signed = SignedCheckpoint::parse(&bytes).map_err(|error| format!("checkpoint: {error}"))?;
    let checkpoint = signed.checkpoint.clone();
    report.shows(&checkpoint.origin, 0, checkpoint.size);
    let own = own_keys(source, trust, &mut report);
    let published = last_published(source, &checkpoint, &mut report);
    let vouched = match &published {
        Published::Newest => {
            own.check_newest(&signed, None, trust, &mut report);
            None
        }
        Published::Before(before) => Some(before),
        Published::Nothing => None,
    };
    let earlier = earlier(source, &checkpoint, trust, &mut report);
    let sizes = trust.anchors.iter().chain(&earlier).chain(vouched).map(|signed| signed.checkpoint.size);
    let mut roots: BTreeMap<u64, Option<Hash>> = sizes.map(|size| (size, None)).collect();
    let mut walk = Walk { source, report: &mut report, size: checkpoint.size, last_recorded_at: 0 };
    let tree = walk.tree(&mut roots);
    match tree {
        Some(tree) if tree.root() == checkpoint.root => report.statements.push(format!(
            "the {} entries of the log {} give the root of its checkpoint",
            checkpoint.size, checkpoint.origin
        )),
        Some(tree) => report.find(
            "checkpoint",
            format!(
                "it signs the root {} at {} events, and the entries give {}",
                hash_to_base64(&checkpoint.root),
                checkpoint.size,
                hash_to_base64(&tree.root())
            ),
        ),
        None => {}
    }
    check_anchors(&checkpoint, trust, &roots, &mut report);
    if let Some(before) = vouched {
        check_published(before, (checkpoint.size, &own), &roots, trust, &mut report);
    }
    let mut seen = Seen::default();
    seen.note("checkpoint", &signed, trust, &mut report);
    for signed in earlier {
        note_earlier(&signed, (checkpoint.size, &own), &roots, trust, &mut seen, &mut report);
    }
    seen.tell(&checkpoint.origin, &mut report);
    let keys = own.all(&checkpoint.origin, trust);
    Ok(VerifiedLog { checkpoint, report, keys, own })
}

/// What the log itself has signed of what it holds.
enum Published {
    /// All of it.
    Newest,
    /// What it held then.
    Before(SignedCheckpoint),
    /// Nothing that can be read.
    Nothing,
}

fn last_published(source: &mut dyn LogSource, newest: &Checkpoint, report: &mut Report) -> Published {
    const PLACE: &str = "newest checkpoint that was published";
    let note = match source.last_published() {
        Ok(None) => return Published::Newest,
        Ok(Some(note)) => note,
        Err(error) => {
            report.find(PLACE, error);
            return Published::Nothing;
        }
    };
    let Some(note) = note else {
        let events = newest.size;
        report.undecided.push(format!("whether the {events} events are all: no checkpoint of them was published"));
        return Published::Nothing;
    };
    match SignedCheckpoint::parse(note.as_bytes()) {
        Ok(signed) => Published::Before(signed),
        Err(error) => {
            report.find(PLACE, error.to_string());
            Published::Nothing
        }
    }
}

/// Whether the log, which ends at `shown`, begins with what a checkpoint signed; `None` where its entries cannot be read, which is
/// in the report already.
fn begins_with(signed: &Checkpoint, shown: u64, roots: &BTreeMap<u64, Option<Hash>>) -> Option<Result<(), String>> {
    if signed.size > shown {
        let wrong = format!("the log ends at {shown}: it is older than what it signed, or its tail was cut");
        return Some(Err(wrong));
    }
    let root = roots.get(&signed.size).copied().flatten()?;
    let wrong = "the log does not begin with the events that it signed then: rewritten";
    Some(if root == signed.root { Ok(()) } else { Err(wrong.to_owned()) })
}

/// What the log published last vouches for what it held then, and for nothing that came after.
fn check_published(
    before: &SignedCheckpoint,
    (shown, own): (u64, &OwnKeys),
    roots: &BTreeMap<u64, Option<Hash>>,
    trust: &Trust,
    report: &mut Report,
) {
    let size = before.checkpoint.size;
    let place = format!("checkpoint published last, at {size} events");
    match begins_with(&before.checkpoint, shown, roots) {
        Some(Ok(())) => own.check_newest(before, None, trust, report),
        Some(Err(wrong)) => report.find(place, wrong),
        None => {}
    }
    report.undecided.push(format!(
        "the events from {size} to {shown}: no checkpoint of them was published, as after a service that was killed"
    ));
}

/// Checkpoints from before that witnesses have signed, where the reader knows witnesses. Those of another generation signed
/// another history, whose end is lost, and are left to the log's own records.
fn earlier(
    source: &mut dyn LogSource,
    newest: &Checkpoint,
    trust: &Trust,
    report: &mut Report,
) -> Vec<SignedCheckpoint> {
    if trust.witnesses.is_empty() {
        return Vec::new();
    }
    let notes = source.cosigned().unwrap_or_else(|error| {
        report.find("checkpoints that witnesses have signed", error);
        Vec::new()
    });
    let mut earlier = Vec::new();
    for note in notes {
        match SignedCheckpoint::parse(note.as_bytes()) {
            Ok(signed) if signed.checkpoint.origin != newest.origin => {}
            Ok(signed) => earlier.push(signed),
            Err(error) => report.find("checkpoints that witnesses have signed", error.to_string()),
        }
    }
    earlier
}

/// Who signed a checkpoint from before has seen the log so far, if it is one of this log.
fn note_earlier(
    signed: &SignedCheckpoint,
    (shown, own): (u64, &OwnKeys),
    roots: &BTreeMap<u64, Option<Hash>>,
    trust: &Trust,
    seen: &mut Seen,
    report: &mut Report,
) {
    let size = signed.checkpoint.size;
    let place = format!("checkpoint at {size} events that witnesses have signed");
    if let Err(error) = own.verify_earlier(signed, trust) {
        return report.find(place, error.to_string());
    }
    match begins_with(&signed.checkpoint, shown, roots) {
        Some(Ok(())) => seen.note(&place, signed, trust, report),
        Some(Err(wrong)) => report.find(place, wrong),
        None => {}
    }
}

fn own_keys(source: &mut dyn LogSource, trust: &Trust, report: &mut Report) -> OwnKeys {
    let mut own = OwnKeys::default();
    match source.key().and_then(|text| VerifierKey::parse(text.trim()).map_err(|error| error.to_string())) {
        Ok(key) => own.key = Some(key),
        Err(error) => report.find("key", error),
    }
    match source.handovers() {
        Ok(notes) => own.take_handovers(&notes, trust, report),
        Err(error) => report.find("hand-overs of the log's key", error),
    }
    own.compare(false, trust, report);
    own
}

fn check_anchors(checkpoint: &Checkpoint, trust: &Trust, roots: &BTreeMap<u64, Option<Hash>>, report: &mut Report) {
    for anchor in trust.anchors.iter().map(|anchor| &anchor.checkpoint) {
        let place = format!("anchor at {} events", anchor.size);
        if generation_of(&anchor.origin).0 != generation_of(&checkpoint.origin).0 {
            report.find(place, format!("it is of another log, {}", anchor.origin));
        } else if generation_of(&anchor.origin).1 > generation_of(&checkpoint.origin).1 {
            let (kept, now) = (&anchor.origin, &checkpoint.origin);
            report.find(place, format!("it is of {kept}, and the log goes by {now}: it was rolled back"));
        } else if anchor.size == 0 {
            report.undecided.push(format!("{place}: it says nothing, as every log begins with nothing"));
        } else {
            match begins_with(anchor, checkpoint.size, roots) {
                Some(Ok(())) => {
                    let by = format!("the log begins with the {} events of the checkpoint that you kept", anchor.size);
                    report.anchor(&checkpoint.origin, anchor.size, by);
                }
                Some(Err(wrong)) => report.find(place, wrong),
                None => report.undecided.push(format!("{place}: its entries could not be read")),
            }
        }
    }
}

/// The walk over all entries.
struct Walk<'w> {
    source: &'w mut dyn LogSource,
    report: &'w mut Report,
    size: u64,
    last_recorded_at: u64,
}

impl Walk<'_> {
    /// The tree of all entries; `None` if some cannot be read, which is in the report. Fills in the roots that are wanted.
    fn tree(&mut self, roots: &mut BTreeMap<u64, Option<Hash>>) -> Option<Frontier> {
        let mut tree = Frontier::new();
        let mut level: Vec<Vec<Hash>> = Vec::new();
        note(&tree, roots);
        for index in 0..self.size.div_ceil(TILE_WIDTH) {
            let leaves = self.leaves(index)?;
            self.compare(0, index, &leaves);
            for leaf in &leaves {
                tree.push(*leaf);
                note(&tree, roots);
            }
            if leaves.len() as u64 == TILE_WIDTH {
                self.complete(&mut level, 0, root(&leaves), index);
            }
        }
        // What no full tile has completed is a partial tile at each level.
        for (above, hashes) in level.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()) {
            let done = self.size >> (8 * (above as u32 + 1));
            self.compare(above as u8 + 1, done / TILE_WIDTH, hashes);
        }
        Some(tree)
    }

    /// Adds the hash over a full tile to the level above, and goes on with the next if that completes one.
    fn complete(&mut self, level: &mut Vec<Vec<Hash>>, below: usize, hash: Hash, number: u64) {
        if level.len() == below {
            level.push(Vec::new());
        }
        level[below].push(hash);
        if level[below].len() as u64 == TILE_WIDTH {
            let hashes = std::mem::take(&mut level[below]);
            let index = number / TILE_WIDTH;
            self.compare(below as u8 + 1, index, &hashes);
            self.complete(level, below + 1, root(&hashes), index);
        }
    }

    /// The leaf hashes of a bundle of entries.
    fn leaves(&mut self, index: u64) -> Option<Vec<Hash>> {
        let width = (self.size - index * TILE_WIDTH).min(TILE_WIDTH);
        let address = TileAddress { kind: TileKind::Entries, index, width };
        let first = index * TILE_WIDTH;
        let place = format!("events {first} to {}", first + width - 1);
        let read = self.source.tile(&address);
        let entries = match read.as_ref().map(|bytes| decode_bundle(bytes)) {
            Ok(Ok(entries)) if entries.len() as u64 == width => entries,
            Ok(Ok(entries)) => {
                self.report.find(place, format!("their bundle has {} entries instead of {width}", entries.len()));
                return None;
            }
            Ok(Err(error)) => {
                self.report.find(place, error.to_string());
                return None;
            }
            Err(error) => {
                self.report.find(place, format!("their entries cannot be had: {error}"));
                return None;
            }
        };
        for (seq, entry) in (first..).zip(&entries) {
            let recorded_at = entry.get(1..9).and_then(|time| time.try_into().ok()).map(u64::from_be_bytes);
            match recorded_at {
                Some(at) if entry.len() == ENTRY_BYTES && entry[0] == ENTRY_VERSION => {
                    if at < self.last_recorded_at {
                        self.report.find(format!("event {seq}"), "it was recorded before the one before it: reordered");
                    }
                    self.last_recorded_at = at;
                }
                _ => self.report.find(format!("event {seq}"), "its entry is not one of version 1"),
            }
        }
        Some(entries.into_iter().map(leaf_hash).collect())
    }

    /// Compares a tile that the log gives with the hashes that its entries give.
    fn compare(&mut self, level: u8, index: u64, hashes: &[Hash]) {
        let address = TileAddress { kind: TileKind::Hashes(level), index, width: hashes.len() as u64 };
        match self.source.tile(&address) {
            Ok(bytes) if bytes == hashes.concat() => {}
            Ok(_) => self.report.find(address.to_string(), "its hashes are not those of the entries below it"),
            Err(error) => self.report.find(address.to_string(), format!("it cannot be had: {error}")),
        }
    }
}

fn note(tree: &Frontier, roots: &mut BTreeMap<u64, Option<Hash>>) {
    if let Some(root) = roots.get_mut(&tree.size()) {
        *root = Some(tree.root());
    }
}
