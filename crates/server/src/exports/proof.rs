//! Exports with what proves their events, as a `.tar.zst` that is verified without the service.
//!
//! The archive is written as it is made: files of a few megabytes each, the manifest last. It looks at every event of its
//! range; no index is asked, so that what is left out is left out by the filter alone.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use actarium_core::disclosure::{Disclosure, PurgedEvent, ShownPart};
use actarium_core::erasure::is_evidence;
use actarium_core::filter::{Filter, Place};
use actarium_core::hex::to_hex;
use actarium_core::render::{Placed, push_event};
use actarium_core::row::Micros;
use actarium_core::tar::{TAR_BLOCK, tar_header, tar_padding};
use actarium_core::time;
use actarium_core::tlog::{SignedCheckpoint, TileAddress, TileKind, cover, decode_bundle, hash_to_base64};
use actarium_core::tree::{Hash, TILE_LEAVES, leaf_hash, root};
use actarium_store::{Disclosed, LogHead, Organization, Snapshot};
use actarium_verify::{FORMAT, FileEntry, Kind as Proves, Manifest, ManifestQuery, SeqRange, TreeAt};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::pieces::Pieces;
use crate::app::App;
use crate::failures::read_problem;
use crate::handlers::log::{checkpoint_with, proof_problem};
use crate::handlers::proof::disclosure;
use crate::limits;
use crate::problem::{Kind, Problem};

/// Level of compression: proofs are mostly hashes.
const ZSTD_LEVEL: i32 = 3;

/// What an export with proofs is made of.
pub struct ProofExport {
    /// What all requests share.
    pub app: Arc<App>,
    /// Whose log it is.
    pub organization: Arc<Organization>,
    /// The log as it stood.
    pub snapshot: Snapshot,
    /// The events that it speaks of.
    pub range: Range<u64>,
    /// Which of them it shows.
    pub filter: Filter,
    /// What it was asked for.
    pub query: ManifestQuery,
    /// What it proves.
    pub proves: Proves,
    /// Sizes of the log whose checkpoints it has as well.
    pub anchors: Vec<u64>,
}

/// What an export proves that is asked for so.
pub fn proves(filter: &Filter, query: &ManifestQuery, complete: bool) -> Proves {
    let is_filtered = *filter != Filter::All || query.from.is_some() || query.to.is_some();
    match (is_filtered, complete) {
        (false, _) => Proves::Range,
        (true, false) => Proves::Filtered,
        (true, true) => Proves::FilteredComplete,
    }
}

/// The events that are asked for, which the log must have. What was purged at its beginning is left out unless it is asked
/// for: it has nothing to show but times and commits.
///
/// # Errors
/// 400 for what the log does not have.
pub fn range_of(snapshot: &Snapshot, (first, end): (Option<u64>, Option<u64>)) -> Result<Range<u64>, Problem> {
    let first = first.unwrap_or_else(|| living(snapshot).next().map_or(snapshot.size, |range| range.start));
    let range = first..end.unwrap_or(snapshot.size);
    if range.end > snapshot.size || range.start > range.end {
        let detail = format!("the log has {} events: no range {} to {}", snapshot.size, range.start, range.end);
        return Err(Problem::new(Kind::InvalidParameter, detail));
    }
    Ok(range)
}

/// The ranges of a log whose events can be read, in order; between them they were purged.
fn living(snapshot: &Snapshot) -> impl Iterator<Item = Range<u64>> {
    let sealed = snapshot.segments.iter().map(|segment| segment.summary().first_seq..segment.end_seq());
    sealed.chain(snapshot.tail.iter().map(|batch| batch.rows.first_seq..batch.rows.end_seq()))
}

impl ProofExport {
    /// Writes it, and counts the events that are shown whole in `pieces`. Blocks.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn write(&self, pieces: &mut Pieces<'_>) -> Result<(), Problem> {
        let (engine, range) = (&self.app.engine, &self.range);
        let note = self.checkpoint()?;
        let checkpoint = SignedCheckpoint::parse(note.as_bytes()).map_err(|error| {
            tracing::error!(%error, "a checkpoint of our own cannot be read");
            Problem::new(Kind::Internal, "the export could not be made")
        })?;
        let checkpoint = checkpoint.checkpoint;
        let mut archive = Archive::new(pieces)?;
        let mut events = Events::new(self, checkpoint.size);
        events.write(&mut archive)?;
        let shown = events.shown;
        archive.pieces.events = shown;
        archive.file("key", format!("{}\n", engine.verifier_key(self.organization.id)).as_bytes())?;
        if !engine.handovers().is_empty() {
            let lines = engine.handovers().iter().map(|note| format!("{}\n", json!({"note": note})));
            archive.file("handovers.ndjson", lines.collect::<String>().as_bytes())?;
        }
        archive.file("checkpoint", note.as_bytes())?;
        archive.file("checkpoints.ndjson", &self.kept(checkpoint.size)?)?;
        let nodes = |range: Range<u64>| -> Result<Vec<String>, Problem> {
            if self.proves == Proves::Filtered {
                return Ok(Vec::new());
            }
            let hashes = engine.tree_nodes(self.organization.id, &cover(range)).map_err(proof_problem)?;
            Ok(hashes.iter().map(|hash| to_hex(hash)).collect())
        };
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            organization: self.organization.slug.clone(),
            organization_id: self.organization.id.to_hex(),
            origin: checkpoint.origin,
            created_at: time::to_text(self.app.clock.now()),
            kind: self.proves,
            range: SeqRange { first: range.start, end: range.end },
            query: self.query.clone(),
            events: shown,
            undisclosed: range.end - range.start - shown,
            checkpoint: TreeAt { size: checkpoint.size, root: to_hex(&checkpoint.root) },
            before: nodes(0..range.start)?,
            after: nodes(range.end..checkpoint.size)?,
            files: std::mem::take(&mut archive.files),
        };
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| broken(&error))?;
        archive.file("manifest.json", &manifest)?;
        archive.finish()
    }

    /// What everything is proved against. Of a log that grows, an export to its end is proved against that very end: behind a later
    /// one a record of a purge or an erasure could lie, and would leave open what is missing. What a witness has signed goes before.
    fn checkpoint(&self) -> Result<String, Problem> {
        let (engine, id, end) = (&self.app.engine, self.organization.id, self.range.end);
        // An anchor beyond the range is vouched for by a checkpoint behind it alone.
        let reaches = self.anchors.iter().copied().fold(end, u64::max);
        let (size, note) = checkpoint_with(engine, &self.organization, reaches.max(1) - 1)?;
        let is_witnessed = engine.witnessed(id).is_some_and(|(witnessed, _)| witnessed == size);
        if size <= end || end != self.snapshot.size || is_witnessed {
            return Ok(note);
        }
        let head = LogHead { size: end, root: self.snapshot.root };
        engine.sign_checkpoint(id, head).map(|note| note.to_string()).map_err(read_problem)
    }

    /// Checkpoints from before, with the proofs that the tree begins with what they sign.
    fn kept(&self, size: u64) -> Result<Vec<u8>, Problem> {
        let (engine, organization) = (&self.app.engine, self.organization.id);
        let kept = engine.kept_checkpoints(organization, 1, limits::CHECKPOINTS_EXPORTED_MAX).map_err(read_problem)?;
        let mut notes: BTreeMap<u64, String> =
            kept.into_iter().filter(|kept| kept.size < size).map(|kept| (kept.size, kept.note)).collect();
        // What witnesses have signed goes before what only the log has.
        let cosigned = engine.kept_cosigned(organization, 1, limits::CHECKPOINTS_EXPORTED_MAX).map_err(read_problem)?;
        notes.extend(cosigned.into_iter().filter(|(kept, _)| *kept < size));
        let origin = engine.verifier_key(organization).name().to_owned();
        notes.retain(|_, note| note.split('\n').next() == Some(&origin));
        for anchor in self.anchors.iter().copied().filter(|anchor| (1..size).contains(anchor)) {
            let root = engine.root_at(organization, anchor).map_err(proof_problem)?;
            let note = engine.sign_checkpoint(organization, LogHead { size: anchor, root }).map_err(read_problem)?;
            notes.entry(anchor).or_insert_with(|| note.to_string());
        }
        let mut lines = Vec::new();
        for (old, note) in notes {
            let proof = engine.consistency_proof(organization, old, size).map_err(proof_problem)?;
            let proof: Vec<String> = proof.iter().map(hash_to_base64).collect();
            lines.extend_from_slice(json!({"note": note, "proof": proof}).to_string().as_bytes());
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

/// The events on their way into files.
struct Events<'e> {
    export: &'e ProofExport,
    size: u64,
    read: [bool; 4],
    shown: u64,
    events: Vec<u8>,
    evidence: Vec<u8>,
    /// Leaves of the 256 events that are not complete yet.
    block: Vec<Hash>,
    number: usize,
    /// Events of this step that the archive has something of.
    had: Vec<(u64, Micros)>,
}

impl<'e> Events<'e> {
    fn new(export: &'e ProofExport, size: u64) -> Self {
        let read = export.filter.parts();
        let (events, evidence, block, had) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { export, size, read, shown: 0, events, evidence, block, number: 0, had }
    }

    fn write(&mut self, archive: &mut Archive<'_, '_>) -> Result<(), Problem> {
        let export = self.export;
        let range = &export.range;
        let mut next = range.start;
        while next < range.end && !archive.pieces.gone {
            let readable = living(&export.snapshot).find(|living| living.end > next);
            let readable = readable.unwrap_or(range.end..range.end);
            if next < readable.start {
                let end = self.purged(next..readable.start.min(range.end))?;
                archive.pieces.looked_at(end - next);
                next = end;
                continue;
            }
            let end = (next + limits::PROOF_EXPORT_STEP_EVENTS).min(readable.end).min(range.end);
            let mut result = Ok(());
            let engine = &export.app.engine;
            engine
                .for_each_disclosed(&export.snapshot, next..end, &mut |event| {
                    if result.is_ok() {
                        result = self.add(event);
                    }
                })
                .map_err(read_problem)?;
            result?;
            self.had.drain(..).for_each(|(seq, recorded_at)| archive.pieces.has_of(seq, recorded_at));
            archive.pieces.looked_at(end - next);
            if self.events.len() + self.evidence.len() >= limits::PROOF_EXPORT_FILE_BYTES {
                self.put(archive)?;
            }
            next = end;
        }
        self.put(archive)
    }

    /// What is left of purged events of at most one bundle: times and commits, which give their leaves. Where the next begin.
    fn purged(&mut self, seqs: Range<u64>) -> Result<u64, Problem> {
        let index = seqs.start / TILE_LEAVES;
        let first = index * TILE_LEAVES;
        let end = seqs.end.min(first + TILE_LEAVES);
        if self.export.proves == Proves::Filtered {
            return Ok(end);
        }
        let width = (self.size - first).min(TILE_LEAVES);
        let address = TileAddress { kind: TileKind::Entries, index, width };
        let bundle = self.export.app.engine.tile(self.export.organization.id, &address).map_err(read_problem)?;
        let entries = bundle.as_deref().and_then(|bundle| decode_bundle(bundle).ok());
        let entries = entries.ok_or_else(|| broken(&format!("{address} cannot be read")))?;
        for seq in seqs.start..end {
            let entry = &entries[(seq - first) as usize];
            let purged = PurgedEvent::of_entry(seq, entry).ok_or_else(|| broken(&format!("entry {seq} is damaged")))?;
            purged.push_json(&mut self.evidence);
            self.evidence.push(b'\n');
            self.close_block(seq, leaf_hash(entry));
        }
        Ok(end)
    }

    fn put(&mut self, archive: &mut Archive<'_, '_>) -> Result<(), Problem> {
        archive.file(&format!("events-{:06}.ndjson", self.number), &std::mem::take(&mut self.events))?;
        archive.file(&format!("evidence-{:06}.ndjson", self.number), &std::mem::take(&mut self.evidence))?;
        self.number += 1;
        Ok(())
    }

    fn add(&mut self, event: &Disclosed<'_>) -> Result<(), Problem> {
        let organization = &self.export.organization;
        let place = Place { organization: &organization.id.0, seq: event.seq, recorded_at: event.recorded_at };
        let occurred_at = event.row.occurred_at.unwrap_or(event.recorded_at);
        let query = &self.export.query;
        let matches = query.from.is_none_or(|from| occurred_at >= from)
            && query.to.is_none_or(|to| occurred_at < to)
            && self.export.filter.matches(&event.row, &place);
        if self.export.proves == Proves::Filtered && !matches {
            return Ok(());
        }
        self.had.push((event.seq, event.recorded_at));
        let mut disclosed = disclosure(event)?;
        if matches {
            self.shown += 1;
            let (slug, opaque_id) = (&*organization.slug, &organization.id.0);
            push_event(
                &mut self.events,
                &Placed { slug, opaque_id, seq: event.seq, recorded_at: event.recorded_at },
                &event.row,
            );
            self.events.push(b'\n');
        } else if !is_evidence(&event.row) {
            // What the log tells of itself is shown: by it a reader decides what is missing.
            self.withhold(&mut disclosed);
        }
        disclosed.push_json(&mut self.evidence);
        self.evidence.push(b'\n');
        if self.export.proves == Proves::Filtered {
            self.prove(event.seq)
        } else {
            self.close_block(event.seq, leaf_hash(&event.entry()));
            Ok(())
        }
    }

    /// Leaves of an event that the filter does not find what the filter reads, and what it has lost marked as lost. Unless
    /// all else was erased there is something left to withhold, so that it is not taken for one that is shown.
    fn withhold(&self, disclosed: &mut Disclosure) {
        for (part, read) in disclosed.parts.iter_mut().zip(self.read) {
            if !read && !matches!(part, ShownPart::Erased(_)) {
                *part = ShownPart::Withheld(part.hash());
            }
        }
    }

    fn prove(&mut self, seq: u64) -> Result<(), Problem> {
        let engine = &self.export.app.engine;
        let proof = engine.inclusion_proof(self.export.organization.id, seq, self.size).map_err(proof_problem)?;
        let proof: Vec<String> = proof.iter().map(hash_to_base64).collect();
        self.evidence.extend_from_slice(json!({ "proof": proof }).to_string().as_bytes());
        self.evidence.push(b'\n');
        Ok(())
    }

    /// After 256 events their common hash, so that a verifier can say where something was changed.
    fn close_block(&mut self, seq: u64, leaf: Hash) {
        self.block.push(leaf);
        if (seq + 1).is_multiple_of(TILE_LEAVES) {
            let block = seq / TILE_LEAVES;
            if block * TILE_LEAVES >= self.export.range.start {
                let hash = to_hex(&root(&self.block));
                self.evidence.extend_from_slice(json!({"block": block, "hash": hash}).to_string().as_bytes());
                self.evidence.push(b'\n');
            }
            self.block.clear();
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "an export cannot be written");
    Problem::new(Kind::Internal, "the export could not be written")
}

/// A compressed archive that is sent as it grows.
struct Archive<'p, 's> {
    pieces: &'p mut Pieces<'s>,
    encoder: zstd::stream::write::Encoder<'static, Vec<u8>>,
    files: BTreeMap<String, FileEntry>,
}

impl<'p, 's> Archive<'p, 's> {
    fn new(pieces: &'p mut Pieces<'s>) -> Result<Self, Problem> {
        let encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(|error| broken(&error))?;
        Ok(Self { pieces, encoder, files: BTreeMap::new() })
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        let size = bytes.len() as u64;
        let header = tar_header(name, size).map_err(|error| broken(&error))?;
        let written = self.encoder.write_all(&header).and_then(|()| self.encoder.write_all(bytes));
        let padding = [0; TAR_BLOCK];
        written.and_then(|()| self.encoder.write_all(&padding[..tar_padding(size)])).map_err(|error| broken(&error))?;
        self.files.insert(name.to_owned(), FileEntry { bytes: size, sha256: to_hex(&Sha256::digest(bytes)) });
        let ready = std::mem::take(self.encoder.get_mut());
        self.pieces.piece.extend_from_slice(&ready);
        self.pieces.send();
        Ok(())
    }

    fn finish(mut self) -> Result<(), Problem> {
        self.encoder.write_all(&[0; 2 * TAR_BLOCK]).map_err(|error| broken(&error))?;
        let rest = self.encoder.finish().map_err(|error| broken(&error))?;
        self.pieces.piece.extend_from_slice(&rest);
        self.pieces.send();
        Ok(())
    }
}
