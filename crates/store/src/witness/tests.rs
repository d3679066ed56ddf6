//! A witness against requests of every kind, and against its own files after a kill or a hand that changed them.

use super::*;
use crate::clock::{SystemClock, SystemEntropy};
use actarium_core::tlog::{Checkpoint, Node, Nodes, consistency_proof};
use actarium_core::tree::{Hash, leaf_hash, node_hash, root};
use std::convert::Infallible;

/// A log in memory.
struct Log {
    key: LogKey,
    name: String,
    leaves: Vec<Hash>,
}

impl Nodes for Log {
    type Error = Infallible;

    fn nodes(&mut self, wanted: &[Node]) -> Result<Vec<Hash>, Infallible> {
        let over = |node: &Node| {
            let range = node.range();
            root(&self.leaves[range.start as usize..range.end as usize])
        };
        Ok(wanted.iter().map(over).collect())
    }
}

impl Log {
    fn new(name: &str, size: u64) -> Self {
        let leaves = (0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        Self { key: LogKey::in_memory(&SystemEntropy), name: name.to_owned(), leaves }
    }

    fn verifier(&self) -> VerifierKey {
        VerifierKey::new(&self.name, KeyKind::Log, self.key.public()).unwrap()
    }

    fn request(&mut self, old: u64, size: u64) -> AddCheckpoint {
        let root = root(&self.leaves[..size as usize]);
        let checkpoint = Checkpoint { origin: self.name.clone(), size, root };
        let note = checkpoint.sign(&self.verifier(), &|message| self.key.sign(message)).unwrap();
        let proof = if (1..size).contains(&old) { consistency_proof(self, old, size).unwrap() } else { Vec::new() };
        AddCheckpoint { old, proof, checkpoint: SignedCheckpoint { checkpoint, note } }
    }
}

fn open(folder: &Path, logs: &[&Log]) -> Result<Witness, WitnessOpenError> {
    let keys = logs.iter().map(|log| log.verifier()).collect();
    Witness::open(folder, Some("w.example/1"), keys, Arc::new(SystemClock::new()), &SystemEntropy)
}

fn status(answer: Result<String, WitnessError>) -> u16 {
    match answer {
        Ok(_) => 200,
        Err(WitnessError::Malformed(_)) => 400,
        Err(WitnessError::UnknownLog(_)) => 404,
        Err(WitnessError::Refused(refusal)) => refusal.status(),
        Err(WitnessError::Storage(_)) => 500,
    }
}

#[test]
fn it_signs_what_only_grows_and_says_why_not_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new("log.example/a", 40);
    let witness = open(folder.path(), &[&log]).unwrap();
    let ask = |request: &AddCheckpoint| witness.add_checkpoint(request.to_string().as_bytes());
    let first = log.request(0, 10);
    let line = ask(&first).unwrap();
    let mut note = first.checkpoint.note.clone();
    note.add(SignatureLine::parse(line.trim_end_matches('\n')).unwrap());
    let signed = note.verify(&[witness.verifier_key().clone()]).unwrap();
    assert!(signed[0].time_seconds.unwrap() > 1_700_000_000);
    assert_eq!(ask(&log.request(10, 10)).map(drop).ok(), Some(()), "the same again is signed anew");
    ask(&log.request(10, 33)).unwrap();
    // What is older, what leaves something out, what is not of this log.
    assert_eq!(status(ask(&log.request(10, 33))), 409);
    assert_eq!(status(ask(&log.request(0, 40))), 409);
    assert!(matches!(ask(&log.request(10, 20)), Err(WitnessError::Refused(WitnessRefusal::Size { known: 33 }))));
    assert_eq!(status(ask(&log.request(33, 20))), 400);
    let mut rewritten =
        Log { leaves: log.leaves.clone(), name: log.name.clone(), key: LogKey::in_memory(&SystemEntropy) };
    assert_eq!(status(ask(&rewritten.request(33, 40))), 403, "another key under the same name");
    std::mem::swap(&mut rewritten.key, &mut log.key);
    rewritten.leaves[5] = [0; 32];
    assert_eq!(status(ask(&rewritten.request(33, 40))), 422, "another history");
    assert_eq!(status(ask(&rewritten.request(33, 33))), 422, "the same size with another root");
    std::mem::swap(&mut rewritten.key, &mut log.key);
    let mut without = log.request(33, 40);
    without.proof.pop();
    assert_eq!(status(ask(&without)), 422);
    let mut stranger = Log::new("log.example/b", 4);
    assert_eq!(status(ask(&stranger.request(0, 4))), 404);
    assert_eq!(status(witness.add_checkpoint(b"old 01\n\n")), 400);
    assert_eq!(status(witness.add_checkpoint(b"hello")), 400);
    let mut with_proof = Log::new("log.example/a", 4).request(0, 4);
    with_proof.proof.push(node_hash(&[1; 32], &[2; 32]));
    assert_eq!(status(ask(&with_proof)), 403);
    assert_eq!(status(ask(&log.request(33, 40))), 200, "refusals have changed nothing");
}

#[test]
fn a_proof_from_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new("log.example/a", 4);
    let witness = open(folder.path(), &[&log]).unwrap();
    let mut request = log.request(0, 4);
    request.proof.push(node_hash(&[1; 32], &[2; 32]));
    assert_eq!(status(witness.add_checkpoint(request.to_string().as_bytes())), 422);
}

#[test]
fn a_log_name_stands_for_all_its_origins() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new("log.example", 4);
    let witness = open(folder.path(), &[&log]).unwrap();
    for (origin, expected) in [("log.example/a/2", 200), ("log.example/b", 200), ("log.example2/a", 404)] {
        log.name = origin.to_owned();
        assert_eq!(status(witness.add_checkpoint(log.request(0, 4).to_string().as_bytes())), expected, "{origin}");
    }
}

#[test]
fn what_was_signed_is_remembered_and_not_believed_when_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new("log.example/a", 40);
    let witness = open(folder.path(), &[&log]).unwrap();
    let key = witness.verifier_key().clone();
    witness.add_checkpoint(log.request(0, 20).to_string().as_bytes()).unwrap();
    assert!(open(folder.path(), &[&log]).is_err(), "one process at a time");
    drop(witness);
    // A kill in the middle of writing leaves this behind.
    let path = folder.path().join(LOGS_FOLDER).join(origin_digest(&log.name));
    std::fs::write(path.with_extension("partial"), b"half").unwrap();
    let witness = open(folder.path(), &[&log]).unwrap();
    assert_eq!(*witness.verifier_key(), key);
    assert_eq!(status(witness.add_checkpoint(log.request(0, 30).to_string().as_bytes())), 409);
    assert_eq!(status(witness.add_checkpoint(log.request(20, 30).to_string().as_bytes())), 200);
    let last = witness.last_checkpoint(&origin_digest(&log.name)).unwrap().unwrap();
    assert_eq!(SignedCheckpoint::parse(last.as_bytes()).unwrap().checkpoint.size, 30);
    let changed = last.replacen("\n30\n", "\n3\n", 1);
    std::fs::write(&path, changed).unwrap();
    assert_eq!(status(witness.add_checkpoint(log.request(3, 40).to_string().as_bytes())), 500);
    drop(witness);
    assert!(open(folder.path(), &[&log]).is_err(), "a state that is not its own stops the start");
    std::fs::remove_file(folder.path().join("witness.key")).unwrap();
    assert!(open(folder.path(), &[&log]).is_err(), "no new key over old signatures");
}
