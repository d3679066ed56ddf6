//! Logs in memory, whole and with every kind of change: each is found, with its place.

use std::collections::BTreeMap;

use actarium_core::tlog::{
    Checkpoint, Handover, KeyKind, Note, SignatureLine, SignedCheckpoint, TileAddress, TileKind, VerifierKey,
    encode_bundle, tiles,
};
use actarium_core::tree::{Hash, leaf_hash, root};
use actarium_verify::{LogSource, Report, Trust, verify_log};
use ed25519_dalek::{Signer, SigningKey};

const ORIGIN: &str = "log.example/0123456789abcdef0123456789abcdef";

/// A log's files, as they are served.
#[derive(Clone)]
struct Log {
    key: SigningKey,
    checkpoint: Vec<u8>,
    handovers: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    /// Earlier checkpoints, with witnesses' signatures.
    cosigned: Vec<String>,
}

fn entry(seq: u64) -> Vec<u8> {
    let commit = leaf_hash(&seq.to_be_bytes());
    [&[1u8][..], &(1_000 + seq).to_be_bytes(), &commit].concat()
}

impl Log {
    fn new(entries: &[Vec<u8>]) -> Self {
        let size = entries.len() as u64;
        let mut levels: Vec<Vec<Hash>> = vec![entries.iter().map(|entry| leaf_hash(entry)).collect()];
        while levels.last().unwrap().len() >= 256 {
            let above = levels.last().unwrap().chunks_exact(256).map(root).collect();
            levels.push(above);
        }
        let mut files = BTreeMap::new();
        for tile in tiles(size) {
            let TileKind::Hashes(level) = tile.kind else { unreachable!("only tiles of hashes are listed") };
            let range = tile.range();
            let hashes = &levels[level as usize][range.start as usize..range.end as usize];
            files.insert(tile.to_string(), hashes.concat());
            if level == 0 {
                let bundle = TileAddress { kind: TileKind::Entries, ..tile };
                let entries = &entries[range.start as usize..range.end as usize];
                files.insert(bundle.to_string(), encode_bundle(entries.iter().map(Vec::as_slice)).unwrap());
            }
        }
        let key = SigningKey::from_bytes(&[7; 32]);
        let mut log = Self { key, checkpoint: Vec::new(), handovers: Vec::new(), files, cosigned: Vec::new() };
        log.sign(size, root(&levels[0]));
        log
    }

    fn of(size: u64) -> Self {
        Self::new(&(0..size).map(entry).collect::<Vec<_>>())
    }

    fn verifier(&self) -> VerifierKey {
        VerifierKey::new(ORIGIN, KeyKind::Log, self.key.verifying_key().to_bytes()).unwrap()
    }

    fn sign(&mut self, size: u64, root: Hash) {
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
        let note = checkpoint.sign(&self.verifier(), &|message| self.key.sign(message).to_bytes()).unwrap();
        self.checkpoint = note.to_string().into_bytes();
    }

    /// Changes the key to that of a seed, and signs what is there anew.
    fn hand_over(&mut self, seed: u8) {
        let next = SigningKey::from_bytes(&[seed; 32]);
        let named = |key: &SigningKey| VerifierKey::new("log.example", KeyKind::Log, key.verifying_key().to_bytes());
        let handover =
            Handover { old: named(&self.key).unwrap(), new: named(&next).unwrap(), at: 1_767_326_400_000_000 };
        let note =
            handover.sign(&|message| self.key.sign(message).to_bytes(), &|message| next.sign(message).to_bytes());
        self.handovers.push(note.unwrap().to_string());
        self.key = next;
        let checkpoint = self.signed().checkpoint;
        self.sign(checkpoint.size, checkpoint.root);
    }

    fn signed(&self) -> SignedCheckpoint {
        SignedCheckpoint::parse(&self.checkpoint).unwrap()
    }

    fn verify(&self, trust: &Trust) -> Report {
        verify_log(&mut self.clone(), trust).unwrap().report
    }

    fn places(&self) -> Vec<String> {
        self.verify(&Trust::default()).findings.into_iter().map(|finding| finding.place).collect()
    }
}

impl LogSource for Log {
    fn checkpoint(&mut self) -> Result<Vec<u8>, String> {
        Ok(self.checkpoint.clone())
    }

    fn key(&mut self) -> Result<String, String> {
        Ok(self.verifier().to_string())
    }

    fn handovers(&mut self) -> Result<Vec<String>, String> {
        Ok(self.handovers.clone())
    }

    fn cosigned(&mut self) -> Result<Vec<String>, String> {
        Ok(self.cosigned.clone())
    }

    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String> {
        self.files.get(&address.to_string()).cloned().ok_or_else(|| "404".to_owned())
    }
}

#[test]
fn whole_logs_are_sound_at_every_kind_of_size() {
    for size in [0, 1, 2, 255, 256, 257, 65_536, 66_000] {
        let log = Log::of(size);
        let report = log.verify(&Trust::default());
        assert_eq!((report.findings, report.anchors), (Vec::new(), Vec::new()), "{size}");
        assert!(report.statements[0].starts_with(&format!("the {size} entries")), "{:?}", report.statements);
    }
}

#[test]
fn every_changed_file_is_named() {
    let log = Log::of(66_000);
    // All that lie above the leaves, and some of the many at their level.
    let above = log.files.iter().filter(|(name, _)| !name.starts_with("tile/0/") && !name.starts_with("tile/entries/"));
    let some = log.files.iter().filter(|(name, _)| name.ends_with("00") || name.contains(".p/"));
    for (name, bytes) in above.chain(some) {
        let mut changed = log.clone();
        let mut other = bytes.clone();
        // Behind the length of an entry, and anywhere within a hash.
        other[20] ^= 1;
        changed.files.insert(name.clone(), other);
        let places = changed.places();
        if let Some(number) = name.strip_prefix("tile/entries/") {
            // The entry's tile, all above it, and the root.
            assert!(places.iter().any(|place| place.starts_with("tile/0/")), "{number}: {places:?}");
            assert!(places.contains(&"checkpoint".to_owned()), "{number}: {places:?}");
        } else {
            assert_eq!(places.iter().collect::<Vec<_>>(), [name]);
        }
        changed.files.remove(name);
        assert_eq!(changed.places().len(), 1, "{name} is missing");
    }
}

#[test]
fn entries_out_of_order_and_of_no_version_are_named() {
    let mut entries: Vec<_> = (0..300).map(entry).collect();
    entries.swap(100, 101);
    entries[200][0] = 2;
    assert_eq!(Log::new(&entries).places(), ["event 101", "event 200"]);
}

#[test]
fn what_the_reader_kept_is_compared() {
    let (old, log) = (Log::of(300), Log::of(66_000));
    let mut trust = Trust::default();
    trust.add_key(&log.verifier().to_string()).unwrap();
    trust.anchors = vec![old.signed(), log.signed(), Log::of(0).signed()];
    let report = log.verify(&trust);
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.anchors.len(), report.undecided.len()), (3, 1), "from nothing nothing follows: {report}");
    // Cut, and rewritten from some event on: both under the log's own key.
    let cut = Log::of(299).verify(&trust);
    assert!(cut.findings.iter().any(|finding| finding.place == "anchor at 300 events"), "{cut}");
    let mut entries: Vec<_> = (0..66_000).map(entry).collect();
    entries[299][10] ^= 1;
    let rewritten = Log::new(&entries).verify(&trust);
    assert!(rewritten.findings.iter().any(|finding| finding.place == "anchor at 300 events"), "{rewritten}");
    // Another key.
    let mut other = log.clone();
    other.key = SigningKey::from_bytes(&[8; 32]);
    other.sign(66_000, log.signed().checkpoint.root);
    let unknown = other.verify(&trust);
    let said = unknown.to_string();
    assert!(said.starts_with("MISSING  key: it is ") && said.contains("hand-overs are missing"), "{said}");
    assert!(unknown.exit_code(false) == 1 && said.contains("Not verified"), "{said}");
}

#[test]
fn a_key_that_was_handed_over_is_followed() {
    let first = Log::of(300);
    let mut log = first.clone();
    log.hand_over(8);
    log.hand_over(9);
    let with_key = |key: &VerifierKey, log: &Log| {
        let mut trust = Trust::default();
        trust.add_key(&key.to_string()).unwrap();
        trust.anchors = vec![first.signed()];
        log.verify(&trust)
    };
    for key in [first.verifier(), log.verifier()] {
        let report = with_key(&key, &log);
        let is_first = key == first.verifier();
        assert!(report.is_sound() && report.anchors.len() == if is_first { 1 } else { 2 }, "{report}");
        let says_so = report.statements.iter().any(|statement| statement.contains("2 hand-overs"));
        assert_eq!(says_so, is_first, "{report}");
        assert_eq!(report.exit_code(true), 0, "{report}");
    }
    // A log that is served or lies there signs with its newest key, whoever knows of a newer one.
    let mut trust = Trust::default();
    trust.add_key(&log.verifier().to_string()).unwrap();
    trust.handovers = log.handovers.clone();
    let behind = first.verify(&trust);
    assert!(behind.to_string().contains("has taken its place since"), "{behind}");
    // Without the hand-overs it is another key; a hand-over that only one key has signed is none.
    let mut silent = log.clone();
    silent.handovers.clear();
    assert!(!with_key(&first.verifier(), &silent).is_sound());
    let mut forged = log.clone();
    let last = forged.handovers.pop().unwrap();
    let lines: Vec<&str> = last.lines().collect();
    forged.handovers.push(lines[..lines.len() - 2].join("\n") + "\n" + lines[lines.len() - 1] + "\n");
    let report = with_key(&first.verifier(), &forged);
    assert!(report.findings.iter().any(|finding| finding.place == "hand-over 2 of the log's key"), "{report}");
    // Who stole the old key signs a log with it, and shows the true hand-overs: the new key does not vouch for that.
    let mut stolen = Log::of(400);
    stolen.handovers = log.handovers.clone();
    let report = with_key(&log.verifier(), &stolen);
    let places: Vec<_> = report.findings.iter().map(|finding| finding.place.as_str()).collect();
    assert_eq!(places, ["key", "key", "checkpoint"], "{report}");
}

#[test]
fn what_a_hand_over_alone_leads_to_is_not_anchored() {
    let first = Log::of(300);
    let mut log = first.clone();
    log.hand_over(8);
    let mut entries: Vec<_> = (0..400).map(entry).collect();
    entries[299][10] ^= 1;
    let mut theft = Log::new(&entries);
    // Who stole the key that was replaced hands over to one of their own: by that key alone nobody can tell one from the other.
    theft.hand_over(9);
    let mut trust = Trust::default();
    trust.add_key(&first.verifier().to_string()).unwrap();
    for log in [&log, &theft] {
        let report = log.verify(&trust);
        assert_eq!((report.exit_code(false), report.exit_code(true)), (0, 3), "{report}");
        let said = report.to_string();
        assert!(said.contains("a hand-over alone leads to it") && !said.contains("anchored  "), "{said}");
    }
    // Who has a checkpoint of the log, or the true hand-over, can.
    trust.anchors = vec![first.signed()];
    assert_eq!(log.verify(&trust).exit_code(true), 0);
    assert_eq!(theft.verify(&trust).exit_code(true), 1);
    trust.anchors.clear();
    trust.handovers = log.handovers.clone();
    assert!(theft.verify(&trust).to_string().contains("they are others than those that you gave"));
    // What the reader's key has signed itself it vouches for.
    let mut verified = verify_log(&mut log.clone(), &Trust { handovers: Vec::new(), ..trust.clone() }).unwrap();
    verified.take_kept(&[Log::of(200).signed(), Log::of(100).signed(), log.signed()], &trust);
    let said = verified.report.to_string();
    assert!(said.contains("anchored  events 0 to 199 ") && said.contains("not anchored  events 200 to 299 "), "{said}");
}

/// A checkpoint with the signature of a witness.
fn cosigned(log: &Log, witness: &SigningKey) -> (VerifierKey, String) {
    let key = VerifierKey::new("witness.example", KeyKind::Witness, witness.verifying_key().to_bytes()).unwrap();
    let mut note = Note::parse(&log.checkpoint).unwrap();
    note.add(SignatureLine::by_witness(&key, note.text(), 1_767_326_400, &|message| witness.sign(message).to_bytes()));
    (key, note.to_string())
}

#[test]
fn earlier_checkpoints_that_a_witness_signed_anchor_what_they_cover() {
    let (old, mut log) = (Log::of(300), Log::of(600));
    let witness = SigningKey::from_bytes(&[21; 32]);
    let (key, note) = cosigned(&old, &witness);
    log.cosigned = vec![note];
    let mut trust = Trust::default();
    trust.add_witness(&key.to_string()).unwrap();
    let report = log.verify(&trust);
    let said = report.to_string();
    assert!(report.is_sound() && !report.is_anchored() && report.exit_code(true) == 3, "{said}");
    assert!(said.contains(&format!("\nanchored  events 0 to 299 of the log {ORIGIN}\n")), "{said}");
    assert!(said.contains(&format!("\nnot anchored  events 300 to 599 of the log {ORIGIN}\n")), "{said}");
    // One of another history, of more events than there are, and one that the log's key has not signed.
    let mut entries: Vec<_> = (0..300).map(entry).collect();
    entries[7][10] ^= 1;
    let mut foreign = Log::of(300);
    foreign.key = SigningKey::from_bytes(&[8; 32]);
    foreign.sign(300, old.signed().checkpoint.root);
    for (other, wanted) in
        [(Log::new(&entries), "rewritten"), (Log::of(700), "the log ends at 600"), (foreign, "it is signed by")]
    {
        log.cosigned = vec![cosigned(&other, &witness).1];
        let report = log.verify(&trust);
        assert!(!report.is_sound() && report.to_string().contains(wanted), "{wanted}: {report}");
    }
}
