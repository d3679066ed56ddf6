//! The formats against what others wrote: the crates `tlog_tiles` and `signed_note`, the vectors of RFC 6962's
//! implementations, and the examples of the specifications.

use super::*;
use crate::hash::Hash;
use crate::tree::{Frontier, leaf_hash, node_hash};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use std::convert::Infallible;

/// All hashes of a tree in memory.
struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while levels.last().unwrap().len() > 1 {
            let below = levels.last().unwrap();
            levels.push(below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect());
        }
        Self { levels }
    }

    fn of(size: u64) -> Self {
        Self::new((0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect())
    }

    fn leaf(&self, index: u64) -> Hash {
        self.levels[0][index as usize]
    }
}

impl Nodes for Tree {
    type Error = Infallible;

    fn nodes(&mut self, wanted: &[Node]) -> Result<Vec<Hash>, Infallible> {
        Ok(wanted.iter().map(|node| self.levels[node.level as usize][node.index as usize]).collect())
    }
}

/// The same tree as `tlog_tiles` asks for it.
impl tlog_tiles::HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, index) = tlog_tiles::split_stored_hash_index(*index);
            tlog_tiles::Hash(self.levels[level as usize][index as usize])
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hash(text: &str) -> Hash {
    unhex(text).try_into().unwrap()
}

/// The tree of eight entries that implementations of RFC 6962 share, with its proofs.
#[test]
fn vectors_of_rfc_6962() {
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let mut tree = Tree::new(inputs.iter().map(|input| leaf_hash(&unhex(input))).collect());
    let inclusion: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (index, size, expected) in inclusion {
        let proof = inclusion_proof(&mut tree, index, size).unwrap();
        assert_eq!(proof, expected.iter().map(|text| hash(text)).collect::<Vec<_>>(), "{index} of {size}");
        let root = root_at(&mut tree, size).unwrap();
        verify_inclusion(&tree.leaf(index), index, size, &proof, &root).unwrap();
    }
    let consistency: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (old, new, expected) in consistency {
        let proof = consistency_proof(&mut tree, old, new).unwrap();
        assert_eq!(proof, expected.iter().map(|text| hash(text)).collect::<Vec<_>>(), "{old} to {new}");
        let (old_root, new_root) = (root_at(&mut tree, old).unwrap(), root_at(&mut tree, new).unwrap());
        verify_consistency((old, &old_root), (new, &new_root), &proof).unwrap();
    }
}

#[test]
fn proofs_of_every_small_tree_are_those_of_tlog_tiles() {
    let mut tree = Tree::of(70);
    for size in 1..=70u64 {
        let root = root_at(&mut tree, size).unwrap();
        assert_eq!(tlog_tiles::tree_hash(size, &tree).unwrap().0, root);
        for index in 0..size {
            let proof = inclusion_proof(&mut tree, index, size).unwrap();
            let theirs = tlog_tiles::prove_record(size, index, &tree).unwrap();
            assert_eq!(theirs.iter().map(|hash| hash.0).collect::<Vec<_>>(), proof);
            verify_inclusion(&tree.leaf(index), index, size, &proof, &root).unwrap();
        }
        for old in 1..=size {
            let proof = consistency_proof(&mut tree, old, size).unwrap();
            let theirs = tlog_tiles::prove_tree(size, old, &tree).unwrap();
            assert_eq!(theirs.iter().map(|hash| hash.0).collect::<Vec<_>>(), proof, "{old} to {size}");
            let old_root = root_at(&mut tree, old).unwrap();
            verify_consistency((old, &old_root), (size, &root), &proof).unwrap();
        }
    }
}

#[test]
fn a_consistency_proof_from_nothing_is_refused() {
    let mut tree = Tree::of(5);
    let root = root_at(&mut tree, 5).unwrap();
    let nothing = crate::tree::empty_root();
    for proof in [vec![], vec![root], consistency_proof(&mut tree, 1, 5).unwrap()] {
        let refused = verify_consistency((0, &nothing), (5, &root), &proof);
        assert!(matches!(refused, Err(ProofRefused::Sizes(_))), "{refused:?}");
    }
    assert!(verify_consistency((0, &nothing), (0, &nothing), &[]).is_err());
    assert!(verify_consistency((6, &root), (5, &root), &[]).is_err());
    assert!(verify_inclusion(&root, 5, 5, &[], &root).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is not the proof is refused: other index, size, leaf, root, a hash more or less, a bit changed.
    #[test]
    fn a_changed_proof_is_refused(size in 2u64..400, at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), bit in 0usize..256) {
        let mut tree = Tree::of(400);
        let index = at.index(size as usize) as u64;
        let root = root_at(&mut tree, size).unwrap();
        let leaf = tree.leaf(index);
        let proof = inclusion_proof(&mut tree, index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        let wrong = other.index(size as usize) as u64;
        if wrong != index {
            prop_assert!(verify_inclusion(&leaf, wrong, size, &proof, &root).is_err());
            prop_assert!(verify_inclusion(&tree.leaf(wrong), index, size, &proof, &root).is_err());
        }
        let mut changed = proof.clone();
        changed[other.index(proof.len())][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(&leaf, index, size, &changed, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof[1..], &root).is_err());
        let longer = [&proof[..], &[root]].concat();
        prop_assert!(verify_inclusion(&leaf, index, size, &longer, &root).is_err());

        let old = 1 + other.index(size as usize - 1) as u64;
        let old_root = root_at(&mut tree, old).unwrap();
        let proof = consistency_proof(&mut tree, old, size).unwrap();
        prop_assert_eq!(verify_consistency((old, &old_root), (size, &root), &proof), Ok(()));
        prop_assert!(verify_consistency((old, &root), (size, &root), &proof).is_err());
        prop_assert!(verify_consistency((old, &old_root), (size, &old_root), &proof).is_err());
        let mut changed = proof.clone();
        changed[at.index(proof.len())][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency((old, &old_root), (size, &root), &changed).is_err());
        let longer = [&proof[..], &[root]].concat();
        prop_assert!(verify_consistency((old, &old_root), (size, &root), &longer).is_err());
    }

    /// The nodes that cover a range are complete, adjacent, and put the frontier of its beginning forward to its end.
    #[test]
    fn a_cover_is_the_range(start in 0u64..300, length in 0u64..300) {
        let mut tree = Tree::of(600);
        let end = start + length;
        let nodes = cover(start..end);
        let mut next = start;
        let peaks = tree.nodes(&cover(0..start)).unwrap();
        let mut frontier = Frontier::from_peaks(start, peaks).unwrap();
        for node in &nodes {
            prop_assert_eq!(node.range().start, next);
            next = node.range().end;
            let hash = tree.nodes(&[*node]).unwrap()[0];
            frontier.push_subtree(node.level, hash).unwrap();
        }
        prop_assert_eq!(next, end);
        prop_assert!(nodes.len() <= 2 * 64);
        prop_assert_eq!(frontier.root(), root_at(&mut tree, end).unwrap());
    }

    #[test]
    fn paths_are_those_of_tlog_tiles(level in 0u8..8, index in 0u64..5_000_000_000, width in 1u64..=256) {
        for kind in [TileKind::Hashes(level), TileKind::Entries] {
            let address = TileAddress { kind, index, width };
            let path = address.to_string();
            prop_assert_eq!(TileAddress::parse(&path), Ok(address));
            if let TileKind::Hashes(level) = kind {
                let theirs = tlog_tiles::Tile::new(8, level, index, width as u32, false).path();
                // They put the height of tiles, which the specification fixes at 8, into the path.
                prop_assert_eq!(theirs.replacen("tile/8/", "tile/", 1), path);
            }
        }
    }
}

#[test]
fn paths_of_tiles_have_one_spelling() {
    let parsed = TileAddress::parse("tile/0/x001/x234/067").unwrap();
    assert_eq!(parsed, TileAddress { kind: TileKind::Hashes(0), index: 1_234_067, width: 256 });
    assert_eq!(TileAddress::parse("tile/entries/000.p/9").unwrap().width, 9);
    for bad in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/64/000",
        "tile/00/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/1/2",
        "tile/0/.p/1",
        "tile/0/x001.p/001",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/００１",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(TileAddress::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
    let all: Vec<String> = tiles(70_000).map(|tile| tile.to_string()).collect();
    assert_eq!(all.len(), 273 + 1 + 1 + 1 + 1);
    for path in ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] {
        assert!(all.iter().any(|tile| tile == path), "{path}");
    }
    assert_eq!([0, 1, 2, 3].map(|level| partial_width(level, 70_000)), [112, 17, 1, 0]);
    assert!(TileAddress::parse("tile/2/000.p/1").unwrap().is_within(70_000));
    assert!(!TileAddress::parse("tile/2/000.p/2").unwrap().is_within(70_000));
    assert!(!TileAddress::parse("tile/0/273").unwrap().is_within(70_000));
    assert!(!TileAddress::parse("tile/63/000.p/1").unwrap().is_within(70_000));
    assert_eq!(tiles(0).count(), 0);
    assert_eq!(tiles(256).map(|tile| tile.to_string()).collect::<Vec<_>>(), ["tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn bundles_read_back_and_cut_ones_do_not() {
    let entries: [&[u8]; 3] = [&[1; 41], b"", &[7; 300]];
    let bundle = encode_bundle(entries).unwrap();
    assert_eq!(decode_bundle(&bundle).unwrap(), entries);
    for length in [1, 2, 30, bundle.len() - 1] {
        assert!(decode_bundle(&bundle[..length]).is_err(), "{length}");
    }
    assert!(decode_bundle(&[0; 2 * 257]).is_err());
    assert!(encode_bundle([&[0u8; 65_536][..]]).is_err());
}

fn log_key() -> (SigningKey, VerifierKey) {
    let secret = SigningKey::from_bytes(&[7; 32]);
    let public = secret.verifying_key().to_bytes();
    (secret, VerifierKey::new("audit.example/1032547698badcfe", KeyKind::Log, public).unwrap())
}

fn signed(size: u64) -> (Note, VerifierKey) {
    let (secret, key) = log_key();
    let root = root_at(&mut Tree::of(size), size).unwrap();
    let checkpoint = Checkpoint { origin: key.name().to_owned(), size, root };
    (checkpoint.sign(&key, &|message| secret.sign(message).to_bytes()).unwrap(), key)
}

#[test]
fn a_checkpoint_is_read_by_signed_note_and_tlog_tiles() {
    let (note, key) = signed(70);
    let text = note.to_string();
    let theirs = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let verifier = signed_note::StandardVerifier::new(&key.to_string()).unwrap();
    let (verified, _) = theirs.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(verified.len(), 1);
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
    let ours = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.hash().0), (70, ours.checkpoint.root));
    assert_eq!(checkpoint.origin(), key.name());
    ours.verify(&key).unwrap();
    assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
}

/// The example of c2sp.org/tlog-cosignature cannot be verified without its keys; one of its own making can.
#[test]
fn a_cosignature_is_over_time_and_text() {
    let (mut note, log) = signed(5);
    let secret = SigningKey::from_bytes(&[9; 32]);
    let witness = VerifierKey::new("witness.example/w1", KeyKind::Witness, secret.verifying_key().to_bytes()).unwrap();
    let sign = |message: &[u8]| {
        let expected = format!("cosignature/v1\ntime 1679315147\n{}", signed(5).0.text());
        assert_eq!(message, expected.as_bytes());
        secret.sign(message).to_bytes()
    };
    let line = SignatureLine::by_witness(&witness, note.text(), 1_679_315_147, &sign);
    assert_eq!(line.payload[..8], 1_679_315_147u64.to_be_bytes());
    note.add(line.clone());
    note.add(line);
    assert_eq!(note.signatures().len(), 2, "a key signs once");
    let read = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
    read.verify(&log).unwrap();
    let witnesses = read.witnesses(std::slice::from_ref(&witness)).unwrap();
    assert_eq!(witnesses[0].time_seconds, Some(1_679_315_147));
    // Another time under the same signature.
    let mut forged = note.signatures()[1].clone();
    forged.payload[7] ^= 1;
    let forged = Note::new(note.text().to_owned(), vec![note.signatures()[0].clone(), forged]).unwrap();
    assert_eq!(forged.verify(&[log.clone(), witness]), Err(NoteError::Forged { name: "witness.example/w1".into() }));
    assert_eq!(forged.verify(std::slice::from_ref(&log)).unwrap().len(), 1, "who does not know it passes over it");
}

#[test]
fn sixteen_signatures_are_read_and_unknown_ones_passed_over() {
    let (note, key) = signed(3);
    let mut lines = Vec::new();
    for number in 0..16u8 {
        let secret = SigningKey::from_bytes(&[100 + number; 32]);
        let public = secret.verifying_key().to_bytes();
        let other = VerifierKey::new(&format!("w{number}.example"), KeyKind::Witness, public).unwrap();
        lines.push(SignatureLine::by_witness(&other, note.text(), 1, &|message| secret.sign(message).to_bytes()));
    }
    assert!(matches!(
        Note::new(note.text().to_owned(), lines.clone()).unwrap().verify(std::slice::from_ref(&key)),
        Err(NoteError::Unknown { signers }) if signers.len() == 16
    ));
    lines.push(note.signatures()[0].clone());
    let many = Note::parse(Note::new(note.text().to_owned(), lines).unwrap().to_string().as_bytes()).unwrap();
    assert_eq!(many.verify(&[key]).unwrap().len(), 1);
}

#[test]
fn what_was_changed_does_not_verify() {
    let (note, key) = signed(70);
    let good = note.to_string();
    for at in 0..note.text().len() - 1 {
        let mut bad = good.clone().into_bytes();
        bad[at] ^= 1;
        let verified = SignedCheckpoint::parse(&bad).map(|read| read.verify(&key));
        assert!(!matches!(verified, Ok(Ok(()))), "byte {at}");
    }
    let other = VerifierKey::new("audit.example/other", KeyKind::Log, *key.public()).unwrap();
    let read = SignedCheckpoint::parse(good.as_bytes()).unwrap();
    assert!(matches!(read.verify(&other), Err(CheckpointError::Origin { .. })));
}

#[test]
fn what_is_no_note_is_refused() {
    let (note, _) = signed(3);
    let text = note.to_string();
    let line = note.signatures()[0].to_string();
    for bad in [
        String::new(),
        note.text().to_owned(),
        text.trim_end().to_owned(),
        format!("{}\n", note.text()),
        text.replace("— ", "-- "),
        format!("{text}\n"),
        format!("{}\n{line} x\n", note.text()),
        format!("a\tb\n\n{line}\n"),
        format!("a\n\n— bad+name {}\n", &line[line.rfind(' ').unwrap() + 1..]),
        format!("a\n\n{}", format!("{line}\n").repeat(65)),
        format!("{}\n\n{line}\n", "a".repeat(70_000)),
    ] {
        assert!(Note::parse(bad.as_bytes()).is_err(), "{bad:.80}");
    }
    assert!(Note::parse(b"a\xff\n\n").is_err());
    // The last empty line parts text and signatures, so a text may have empty lines.
    assert_eq!(Note::parse(format!("a\n\nb\n\n{line}\n").as_bytes()).unwrap().text(), "a\n\nb\n");
    for bad in ["a\n1\n", "a\n01\nAAAA\n", "\n1\nx\n", "a\n1\nAAAA\n", "a\n-1\nx\n", "a\n1\nx"] {
        assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
    }
    let zero = format!("a\n0\n{}\n", "A".repeat(43) + "=");
    assert!(Checkpoint::parse(&zero).is_err(), "the empty tree has one root");
    let (_, key) = log_key();
    let vkey = key.to_string();
    for bad in ["", "a+b", &vkey.replace('+', "-"), &vkey[..vkey.len() - 4], &vkey.replacen("audit", "audix", 1)] {
        assert!(VerifierKey::parse(bad).is_err(), "{bad}");
    }
    for bad in ["", "a b", "a+b", "a\u{a0}b", "a\nb"] {
        assert!(!is_key_name(bad), "{bad:?}");
    }
}

#[test]
fn the_text_of_a_proof_reads_back_and_proves() {
    let (note, key) = signed(70);
    let mut tree = Tree::of(70);
    let checkpoint = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
    for (index, extra) in [(0, None), (41, Some(b"{}".to_vec())), (69, Some(Vec::new()))] {
        let hashes = inclusion_proof(&mut tree, index, 70).unwrap();
        let proof = ProofText { extra, index, hashes, checkpoint: checkpoint.clone() };
        let text = proof.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\n"), "{text}");
        let read = ProofText::parse(&text).unwrap();
        assert_eq!(read, proof);
        read.checkpoint.verify(&key).unwrap();
        read.verify(&tree.leaf(index)).unwrap();
        assert!(read.verify(&tree.leaf((index + 1) % 70)).is_err());
        for bad in [
            text.replacen("@v1", "@v2", 1),
            text.replacen("index ", "index 0", 1),
            text.replacen("\n\n", "\n", 1),
            text.replacen("index", "indeks", 1),
            text.replacen("=\n", "\n", 1),
        ] {
            assert!(ProofText::parse(&bad).is_err(), "{bad}");
        }
    }
}
