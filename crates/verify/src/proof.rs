//! The proof of one event (c2sp.org/tlog-proof) with the event as disclosure.

use actarium_core::disclosure::Disclosure;
use actarium_core::row::Micros;
use actarium_core::tlog::{Checkpoint, ProofText, SignedCheckpoint};

use crate::records::unseen_generation;
use crate::report::Report;
use crate::trust::{OwnKeys, Seen, Trust, generation_of};

/// What the text of a proof begins with.
const TITLE: &[u8] = b"c2sp.org/tlog-proof@";

/// Whether a file's bytes are meant to be the proof of an event.
pub(crate) fn is_proof(bytes: &[u8]) -> bool {
    bytes.starts_with(TITLE)
}

/// Checks the proof of one event.
pub fn verify_proof(text: &str, trust: &Trust) -> Report {
    let mut report = Report::default();
    let proof = match ProofText::parse(text) {
        Ok(proof) => proof,
        Err(error) => {
            report.find("proof", error.to_string());
            return report;
        }
    };
    let Some(event) = proof.extra.as_deref().map(Disclosure::parse) else {
        report.find("proof", "it does not say which event it is of");
        return report;
    };
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            report.find("proof", error.to_string());
            return report;
        }
    };
    if event.seq != proof.index || event.commit_of_parts() != event.commit || event.row().is_err() {
        report.find(format!("event {}", proof.index), "its parts do not give its commit: edited");
    }
    if let Err(error) = proof.verify(&event.leaf()) {
        report.find(format!("event {}", proof.index), error.to_string());
    }
    let checkpoint = &proof.checkpoint.checkpoint;
    let (origin, size) = (&checkpoint.origin, checkpoint.size);
    report.shows(origin, proof.index, proof.index.saturating_add(1));
    report.statements.push(format!("event {} is in the log {origin} at {size} events", proof.index));
    check_key(&proof.checkpoint, event.recorded_at, trust, &mut report);
    trust.anchors.iter().for_each(|anchor| check_anchor(&anchor.checkpoint, checkpoint, &mut report));
    let mut seen = Seen::default();
    seen.note("checkpoint", &proof.checkpoint, trust, &mut report);
    seen.tell(origin, &mut report);
    unseen_generation(origin, trust, &mut report);
    report
}

/// Whether the reader's key has signed the checkpoint, or one that a hand-over leads to. A proof names no key and no hand-over.
fn check_key(signed: &SignedCheckpoint, recorded_at: Micros, trust: &Trust, report: &mut Report) {
    let mut own = OwnKeys::default();
    own.take_handovers(&[], trust, report);
    own.check_newest(signed, Some(recorded_at), trust, report);
}

/// A checkpoint that was kept vouches for the proof if it is the proof's own; one of another size cannot be compared with it.
fn check_anchor(anchor: &Checkpoint, checkpoint: &Checkpoint, report: &mut Report) {
    let place = format!("anchor at {} events", anchor.size);
    if generation_of(&anchor.origin).0 != generation_of(&checkpoint.origin).0 {
        report.find(place, format!("it is of another log, {}", anchor.origin));
    } else if anchor.size != checkpoint.size {
        let size = checkpoint.size;
        report.undecided.push(format!("{place}: a proof at {size} events cannot be compared with it; an export can"));
    } else if anchor.root == checkpoint.root {
        let by = format!("the checkpoint is the one of {} events that you kept", checkpoint.size);
        report.anchor(&checkpoint.origin, checkpoint.size, by);
    } else {
        report.find(place, "the proof is against another tree of this size: rewritten");
    }
}
