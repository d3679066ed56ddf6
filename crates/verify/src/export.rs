//! An export as a whole: its files, its key and checkpoint, what the reader brought along, and then its events.

use std::collections::BTreeMap;

use actarium_core::filter::Filter;
use actarium_core::hex::{from_hex, to_hex};
use actarium_core::id::SEQ_END;
use actarium_core::tlog::{Checkpoint, SignedCheckpoint, VerifierKey, cover, hash_of_base64, verify_consistency};
use actarium_core::tree::Hash;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::asked::own_word;
use crate::bundle::{Bundle, BundleError};
use crate::events::{Events, Told};
use crate::manifest::{FORMAT, Kind, Manifest};
use crate::records::{InSight, Records, unseen_generation};
use crate::report::Report;
use crate::trust::{OwnKeys, Seen, Trust, generation_of};

/// Name of the table of contents.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Name of the changes of the log's key; there is none if it never changed.
const HANDOVERS: &str = "handovers.ndjson";

/// An earlier checkpoint that the log kept, with the proof that the export's tree begins with it.
#[derive(Deserialize)]
struct Kept {
    note: String,
    proof: Vec<String>,
}

/// A change of the log's key.
#[derive(Deserialize)]
struct HandedOver {
    note: String,
}

/// Checks an export.
///
/// # Errors
/// If it cannot be read; what is wrong with it is in the report.
pub fn verify_export(bundle: &Bundle, trust: &Trust) -> Result<Report, BundleError> {
    let mut report = Report::default();
    let Some(bytes) = bundle.read(MANIFEST)? else {
        report.find(MANIFEST, "there is none: not an export, or not all of it");
        return Ok(report);
    };
    let manifest: Manifest = match serde_json::from_slice(&bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            report.find(MANIFEST, format!("it cannot be read: {error}"));
            return Ok(report);
        }
    };
    if manifest.format != FORMAT {
        report.find(MANIFEST, format!("its format is {:?}; this program knows {FORMAT}", manifest.format));
        return Ok(report);
    }
    report.query = Some(manifest.query.clone());
    check_files(bundle, &manifest, &mut report)?;
    let own = own_keys(bundle, trust, &mut report)?;
    own.compare(true, trust, &mut report);
    let Some(signed) = check_checkpoint(bundle, &manifest, &mut report)? else { return Ok(report) };
    let checkpoint = &signed.checkpoint;
    // Roots of earlier sizes that the events themselves may give.
    let mut roots: BTreeMap<u64, Option<Hash>> =
        trust.anchors.iter().map(|anchor| (anchor.checkpoint.size, None)).collect();
    let told = check_events(bundle, &manifest, checkpoint, &mut roots, &mut report)?;
    let last_recorded_at = told.as_ref().map_or(0, |told| told.last_recorded_at);
    own.check_newest(&signed, Some(last_recorded_at), trust, &mut report);
    // Of what a filter found nothing is said about other events.
    let end =
        told.as_ref().map(|told| told.end).filter(|_| manifest.kind == Kind::Filtered).unwrap_or(manifest.range.end);
    report.shows(&checkpoint.origin, manifest.range.first, end);
    let known = Known { trust, own: &own, roots: &roots, records: told.as_ref().map(|told| &told.records) };
    check_anchors(bundle, checkpoint, &known, &mut report)?;
    state(&manifest, checkpoint, told.as_ref().map_or(0, |told| told.undecided), &mut report);
    match &told {
        Some(told) => judge(&manifest, checkpoint, told, &known, &mut report),
        None => unseen_generation(&checkpoint.origin, trust, &mut report),
    }
    Ok(report)
}

/// What anchors are compared with.
struct Known<'k> {
    trust: &'k Trust,
    own: &'k OwnKeys,
    /// By size, of the tree on the way to the checkpoint's.
    roots: &'k BTreeMap<u64, Option<Hash>>,
    records: Option<&'k Records>,
}

/// What the log tells of itself.
fn judge(manifest: &Manifest, checkpoint: &Checkpoint, told: &Told, known: &Known<'_>, report: &mut Report) {
    let log = InSight {
        origin: &checkpoint.origin,
        size: checkpoint.size,
        range: manifest.range.first..manifest.range.end,
        is_whole: manifest.kind != Kind::Filtered,
        keys: &known.own.all(&checkpoint.origin, known.trust),
    };
    let purged_is = match manifest.kind {
        Kind::FilteredComplete => "whether the filter would find it is not known",
        _ => "only time and commit are left, in their place in the tree",
    };
    told.records.judge(&log, known.trust, purged_is, report);
    told.records.judge_name(&manifest.organization, MANIFEST, report);
    report.notes.push(format!("that the export was made on {} is its own word", manifest.created_at));
    if manifest.kind != Kind::Range {
        report.notes.push(own_word(&manifest.query));
    }
}

/// Every file that the manifest names, with its digest, and no other one.
fn check_files(bundle: &Bundle, manifest: &Manifest, report: &mut Report) -> Result<(), BundleError> {
    for (name, entry) in &manifest.files {
        if !is_export_file(name) {
            report.find(MANIFEST, format!("it names {name:?}, which is no file of an export"));
            continue;
        }
        match bundle.read(name)? {
            None => report.find(name, "it is missing"),
            Some(bytes) if to_hex(&Sha256::digest(&bytes)) != entry.sha256 => {
                let (has, had) = (bytes.len() as u64, entry.bytes);
                let how = match has.cmp(&had) {
                    std::cmp::Ordering::Less => format!("cut or edited: {has} bytes of {had}"),
                    std::cmp::Ordering::Equal => "edited".to_owned(),
                    std::cmp::Ordering::Greater => format!("edited or added to: {has} bytes instead of {had}"),
                };
                report.find(name, format!("it is not the file that the manifest names: {how}"));
            }
            Some(_) => {}
        }
    }
    for name in bundle.names()? {
        if name != MANIFEST && !manifest.files.contains_key(&name) {
            report.find(name, "the manifest does not name it");
        }
    }
    Ok(())
}

/// Whether an export can have a file of this name beside its manifest. What no check reads is none: it would pass for verified.
fn is_export_file(name: &str) -> bool {
    let number = |beginning| name.strip_prefix(beginning).and_then(|rest| rest.strip_suffix(".ndjson"));
    let numbered = number("events-").or_else(|| number("evidence-"));
    matches!(name, "key" | "checkpoint" | "checkpoints.ndjson" | HANDOVERS)
        || numbered.is_some_and(|number| number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The key that the export names, and how the log came to it.
fn own_keys(bundle: &Bundle, trust: &Trust, report: &mut Report) -> Result<OwnKeys, BundleError> {
    let mut own = OwnKeys::default();
    let text = bundle.read("key")?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    match text.as_deref().map(VerifierKey::parse) {
        Some(Ok(key)) => own.key = Some(key),
        Some(Err(error)) => report.find("key", error.to_string()),
        None => report.find("key", "it is missing"),
    }
    let lines = bundle.read(HANDOVERS)?.unwrap_or_default();
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    match lines.map(serde_json::from_slice::<HandedOver>).collect::<Result<Vec<_>, _>>() {
        Ok(read) => {
            own.take_handovers(&read.into_iter().map(|line| line.note).collect::<Vec<_>>(), trust, report);
        }
        Err(error) => report.find(HANDOVERS, format!("it cannot be read: {error}")),
    }
    Ok(own)
}

/// The checkpoint; `None` if there is nothing to go on with.
fn check_checkpoint(
    bundle: &Bundle,
    manifest: &Manifest,
    report: &mut Report,
) -> Result<Option<SignedCheckpoint>, BundleError> {
    let bytes = bundle.read("checkpoint")?.unwrap_or_default();
    let signed = match SignedCheckpoint::parse(&bytes) {
        Ok(signed) => signed,
        Err(error) => {
            report.find("checkpoint", error.to_string());
            return Ok(None);
        }
    };
    let checkpoint = &signed.checkpoint;
    let of_organization = generation_of(&manifest.origin).0.ends_with(&format!("/{}", manifest.organization_id));
    if checkpoint.origin != manifest.origin || !of_organization {
        let (of, says) = (&checkpoint.origin, &manifest.origin);
        report.find(
            MANIFEST,
            format!(
                "the organization was replaced: the checkpoint is of {of}, the manifest of {says} and organization {}",
                manifest.organization_id
            ),
        );
    }
    if (checkpoint.size, to_hex(&checkpoint.root)) != (manifest.checkpoint.size, manifest.checkpoint.root.clone()) {
        report.find(MANIFEST, "size or root are not those of the checkpoint");
    }
    Ok(Some(signed))
}

fn check_events(
    bundle: &Bundle,
    manifest: &Manifest,
    checkpoint: &Checkpoint,
    roots: &mut BTreeMap<u64, Option<Hash>>,
    report: &mut Report,
) -> Result<Option<Told>, BundleError> {
    let range = manifest.range;
    if checkpoint.size > SEQ_END {
        report.find("checkpoint", format!("it is of {} events, and a log has at most 2^40", checkpoint.size));
        return Ok(None);
    }
    if range.first > range.end || range.end > checkpoint.size {
        report.find(
            MANIFEST,
            format!(
                "the range {} to {} is not within the {} events of the checkpoint",
                range.first, range.end, checkpoint.size
            ),
        );
        return Ok(None);
    }
    let Some(organization_id) = from_hex::<16>(&manifest.organization_id) else {
        report.find(MANIFEST, "organization_id is not 32 hexadecimal digits");
        return Ok(None);
    };
    let filter = match Filter::parse(&manifest.query.phrase) {
        Ok(filter) => filter,
        Err(error) => {
            report.find(MANIFEST, format!("its phrase cannot be read: {error}"));
            return Ok(None);
        }
    };
    let hashes = |texts: &[String]| -> Option<Vec<Hash>> { texts.iter().map(|text| from_hex::<32>(text)).collect() };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    if manifest.kind != Kind::Filtered {
        let nodes = cover(range.end..checkpoint.size);
        match (hashes(&manifest.before), hashes(&manifest.after)) {
            (Some(left), Some(right))
                if left.len() == range.first.count_ones() as usize && right.len() == nodes.len() =>
            {
                before = left;
                after = nodes.iter().map(|node| node.level).zip(right).collect();
            }
            _ => {
                report.find(MANIFEST, "the hashes before and after the range are not those that its place asks for");
                return Ok(None);
            }
        }
    }
    let events = Events::new(manifest, organization_id, checkpoint, &filter, before, report);
    events.check(bundle, &after, roots).map(Some)
}

fn check_anchors(
    bundle: &Bundle,
    checkpoint: &Checkpoint,
    known: &Known<'_>,
    report: &mut Report,
) -> Result<(), BundleError> {
    let (trust, own) = (known.trust, known.own);
    let lines = bundle.read("checkpoints.ndjson")?.unwrap_or_default();
    let mut seen = Seen::default();
    let mut kept: BTreeMap<u64, Hash> = BTreeMap::from([(checkpoint.size, checkpoint.root)]);
    let mut of_this_log = Vec::new();
    for (number, line) in lines.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let place = format!("checkpoints.ndjson line {}", number + 1);
        let read = serde_json::from_slice::<Kept>(line).ok().and_then(|kept| {
            let signed = SignedCheckpoint::parse(kept.note.as_bytes()).ok()?;
            let proof: Vec<Hash> = kept.proof.iter().map(|text| hash_of_base64(text)).collect::<Option<_>>()?;
            Some((signed, proof))
        });
        let Some((signed, proof)) = read else {
            report.find(place, "it is not a checkpoint with its proof");
            continue;
        };
        if let Err(error) = own.verify_earlier(&signed, trust) {
            report.find(place, error.to_string());
            continue;
        }
        let old = &signed.checkpoint;
        match verify_consistency((old.size, &old.root), (checkpoint.size, &checkpoint.root), &proof) {
            Ok(()) => {
                kept.insert(old.size, old.root);
                seen.note(&place, &signed, trust, report);
                of_this_log.push(signed);
            }
            Err(error) => {
                report.find(place, format!("the log does not begin with what it signed at {}: {error}", old.size))
            }
        }
    }
    own.anchor_by_replaced(&checkpoint.origin, &of_this_log, trust, report);
    for anchor in &trust.anchors {
        check_anchor(&anchor.checkpoint, checkpoint, &kept, known, report);
    }
    if let Ok(signed) = SignedCheckpoint::parse(&bundle.read("checkpoint")?.unwrap_or_default()) {
        seen.note("checkpoint", &signed, trust, report);
    }
    seen.tell(&checkpoint.origin, report);
    Ok(())
}

fn check_anchor(
    anchor: &Checkpoint,
    checkpoint: &Checkpoint,
    kept: &BTreeMap<u64, Hash>,
    known: &Known<'_>,
    report: &mut Report,
) {
    let place = format!("anchor at {} events", anchor.size);
    if generation_of(&anchor.origin).0 != generation_of(&checkpoint.origin).0 {
        return report.find(place, format!("it is of another log, {}", anchor.origin));
    }
    if anchor.size == 0 {
        report.undecided.push(format!("{place}: it says nothing, as every log begins with nothing"));
        return;
    }
    if let Some(lost) = known.records.and_then(|records| records.lost(anchor)) {
        return report.find(place, lost);
    }
    if anchor.size > checkpoint.size {
        if generation_of(&anchor.origin).1 < generation_of(&checkpoint.origin).1 {
            let at = checkpoint.size;
            return report
                .find(place, format!("the log has {at} events in a later generation: what it signed is lost"));
        }
        report.undecided.push(format!("{place}: it is newer than the export, which ends at {}", checkpoint.size));
        return;
    }
    let root = kept.get(&anchor.size).or_else(|| known.roots.get(&anchor.size).and_then(Option::as_ref));
    match root {
        Some(root) if *root == anchor.root => {
            let by = format!("the log begins with the {} events of the checkpoint that you kept", anchor.size);
            report.anchor(&checkpoint.origin, anchor.size, by);
        }
        Some(_) => report.find(place, "the log does not begin with the events that it signed then: rewritten"),
        None => report.undecided.push(format!(
            "{place}: the export has no proof from this size; make it again with --anchor, or export the whole log"
        )),
    }
}

/// What holds, in words; `undecided` is of how many positions it is not known whether the filter finds what stands there.
fn state(manifest: &Manifest, checkpoint: &Checkpoint, undecided: u64, report: &mut Report) {
    let range = manifest.range;
    let count = range.end - range.first;
    let of = format!("the log {} at {} events", checkpoint.origin, checkpoint.size);
    let what = match manifest.kind {
        Kind::Range => {
            let but = match manifest.undisclosed {
                0 => String::new(),
                1 => ", but for 1 of which only time and commit are shown".to_owned(),
                several => format!(", but for {several} of which only time and commit are shown"),
            };
            format!("these are all {count} events from {} on, and none other, of {of}{but}", range.first)
        }
        Kind::Filtered => format!(
            "each of these {} events is in {of}; {} others of the range {} to {} are not disclosed, and whether some of \
             them match is not shown",
            manifest.events, manifest.undisclosed, range.first, range.end
        ),
        Kind::FilteredComplete => {
            let but = match undecided {
                0 => String::new(),
                1 => ", but for 1 of which it cannot be decided".to_owned(),
                several => format!(", but for {several} of which it cannot be decided"),
            };
            let events = manifest.events;
            format!(
                "these {events} events are all that the filter finds among the {count} from {} on, of {of}{but}",
                range.first
            )
        }
    };
    report.statements.push(what);
}
