//! Proofs of single events: `GET …/events/{id}?proof=true`, and the receipts of `POST …/events` with `Prefer: receipt`.

use actarium_core::canonical::Canonicalizer;
use actarium_core::disclosure::{Disclosure, ShownPart};
use actarium_core::tlog::{ProofText, SignedCheckpoint};
use actarium_store::{Appended, Disclosed, Engine, LogHead, Organization, Snapshot};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::failures::read_problem;
use crate::handlers::log::{checkpoint_with, proof_problem};
use crate::limits;
use crate::problem::{Kind, Problem};

fn fault(what: &str, error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, what, "a proof cannot be made");
    Problem::new(Kind::Internal, "the proof could not be made; the organization's operator has to look")
}

/// An event with its salts and canonical texts, all that is left of it.
pub fn disclosure(event: &Disclosed<'_>) -> Result<Disclosure, Problem> {
    let parts = Canonicalizer::new().parts(&event.row, event.recorded_at).map_err(|error| fault("parts", &error))?;
    let mut numbers = 0..;
    let parts = parts.texts.map(|text| {
        let part = numbers.next().expect("it has no end");
        match event.salts[part] {
            Some(salt) => ShownPart::Whole { salt, text },
            None => ShownPart::Erased(event.part_hashes[part]),
        }
    });
    Ok(Disclosure { seq: event.seq, recorded_at: event.recorded_at, commit: event.commit(), parts })
}

/// The proof of one event, as the text of c2sp.org/tlog-proof. Blocks.
///
/// # Errors
/// If the log cannot be read, or contradicts itself.
pub fn prove(engine: &Engine, snapshot: &Snapshot, seq: u64) -> Result<String, Problem> {
    let organization = &*snapshot.organization;
    let (size, note) = checkpoint_with(engine, organization, seq)?;
    let mut disclosed = None;
    engine
        .for_each_disclosed(snapshot, seq..seq + 1, &mut |event| disclosed = Some(disclosure(event)))
        .map_err(read_problem)?;
    let disclosed = disclosed.ok_or_else(|| fault("event", &seq))??;
    let hashes = engine.inclusion_proof(organization.id, seq, size).map_err(proof_problem)?;
    let checkpoint = SignedCheckpoint::parse(note.as_bytes()).map_err(|error| fault("checkpoint", &error))?;
    let mut extra = Vec::new();
    disclosed.push_json(&mut extra);
    let proof = ProofText { extra: Some(extra), index: seq, hashes, checkpoint };
    // What is handed out is seen to hold. What does not is no proof, and the log is not what was published of it: it stops.
    if let Err(error) = proof.verify(&disclosed.leaf()) {
        engine.stop_damaged(
            organization.id,
            &format!("event {seq} as it is kept does not belong to the checkpoint of {size} events ({error})"),
        );
        return Err(fault("inclusion", &error));
    }
    Ok(proof.to_string())
}

/// Whether a client prefers to get a receipt (RFC 7240).
pub fn wants_receipt(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split(',')).any(|preference| {
        let name = preference.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("receipt")
    })
}

/// The receipt of what was recorded: a checkpoint that has it, and its inclusion proofs, as JSON. Blocks.
///
/// # Errors
/// If the log cannot be read.
pub fn receipt(engine: &Engine, organization: &Organization, appended: &Appended) -> Result<String, Problem> {
    let head = LogHead { size: appended.size, root: appended.root };
    let note = engine.sign_checkpoint(organization.id, head).map_err(read_problem)?;
    let mut proofs = Vec::with_capacity(appended.events.len());
    for event in appended.events.iter().take(limits::RECEIPT_EVENTS_MAX) {
        let hashes = engine.inclusion_proof(organization.id, event.seq, head.size).map_err(proof_problem)?;
        let hashes: Vec<String> = hashes.iter().map(|hash| BASE64.encode(hash)).collect();
        proofs.push(serde_json::json!({"index": event.seq, "hashes": hashes}));
    }
    let key = engine.verifier_key(organization.id).to_string();
    Ok(serde_json::json!({"checkpoint": &*note, "key": key, "proofs": proofs}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_preferred_by_name() {
        let wanted = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", value.parse().unwrap());
            wants_receipt(&headers)
        };
        assert!(wanted("receipt") && wanted("respond-async, Receipt; x=1"));
        assert!(!wanted("receipts") && !wanted("return=minimal") && !wants_receipt(&HeaderMap::new()));
    }
}
