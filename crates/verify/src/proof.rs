//! The proof of one event (c2sp.org/tlog-proof) with the event as disclosure.

use actarium_core::disclosure::Disclosure;
use actarium_core::tlog::ProofText;

use crate::report::Report;
use crate::trust::{Seen, Trust};

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
    if let Some(key) = &trust.key {
        match proof.checkpoint.verify(key) {
            Ok(()) => report.anchors.push(format!("the checkpoint is signed by the key that you gave, {}", key.name())),
            Err(error) => report.find("checkpoint", error.to_string()),
        }
    }
    for anchor in &trust.anchors {
        if anchor.checkpoint == *checkpoint {
            report.anchors.push(format!("the checkpoint is the one of {} events that you kept", checkpoint.size));
        }
    }
    let mut seen = Seen::default();
    seen.note("checkpoint", &proof.checkpoint, trust, &mut report);
    seen.tell(&mut report);
    let (origin, size) = (&checkpoint.origin, checkpoint.size);
    report.statements.push(format!("event {} is in the log {origin} at {size} events", proof.index));
    report
}
