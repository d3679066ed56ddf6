//! What the verifier does to a log of entries: leaves, tree, tiles, root. The entries are made here and lie in memory, so that
//! nothing but this work is measured.

use std::collections::BTreeMap;
use std::time::Instant;

use actarium_core::tlog::{Checkpoint, KeyKind, TileAddress, TileKind, VerifierKey, encode_bundle, tiles};
use actarium_core::tree::{Hash, leaf_hash, root};
use actarium_verify::{LogSource, Trust, verify_log};
use anyhow::{Context, Result, ensure};
use clap::Args;

const ORIGIN: &str = "bench.example/0123456789abcdef0123456789abcdef";
const ENTRY_VERSION: u8 = 1;

#[derive(Args)]
pub struct Options {
    /// How many entries.
    #[arg(long, default_value_t = 2_000_000)]
    entries: u64,
}

struct InMemory {
    checkpoint: Vec<u8>,
    key: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl LogSource for InMemory {
    fn checkpoint(&mut self) -> Result<Vec<u8>, String> {
        Ok(self.checkpoint.clone())
    }

    fn key(&mut self) -> Result<String, String> {
        Ok(self.key.clone())
    }

    fn handovers(&mut self) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String> {
        self.files.get(&address.to_string()).cloned().ok_or_else(|| format!("there is no {address}"))
    }
}

fn entry(seq: u64) -> Vec<u8> {
    [&[ENTRY_VERSION][..], &(1_767_326_400_000_000 + seq).to_be_bytes(), &leaf_hash(&seq.to_be_bytes())].concat()
}

fn log(size: u64) -> Result<InMemory> {
    let entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
    let mut levels: Vec<Vec<Hash>> = vec![entries.iter().map(|entry| leaf_hash(entry)).collect()];
    while levels.last().is_some_and(|last| last.len() >= 256) {
        let above = levels.last().map(|last| last.chunks_exact(256).map(root).collect()).unwrap_or_default();
        levels.push(above);
    }
    let mut files = BTreeMap::new();
    for tile in tiles(size) {
        let TileKind::Hashes(level) = tile.kind else { continue };
        let range = tile.range().start as usize..tile.range().end as usize;
        files.insert(tile.to_string(), levels[level as usize][range.clone()].concat());
        if level == 0 {
            let bundle = TileAddress { kind: TileKind::Entries, ..tile };
            let bytes = encode_bundle(entries[range].iter().map(Vec::as_slice)).context("an entry is too long")?;
            files.insert(bundle.to_string(), bytes);
        }
    }
    // Unsigned: one signature is no part of what is measured, and that it is missing is found.
    let key = VerifierKey::new(ORIGIN, KeyKind::Log, [0; 32])?;
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: root(&levels[0]) };
    let note = checkpoint.sign(&key, &|_| [0; 64])?;
    Ok(InMemory { checkpoint: note.to_string().into_bytes(), key: key.to_string(), files })
}

/// Prints entries per second on one core, as JSON.
#[allow(clippy::disallowed_methods)] // only a duration is measured
pub fn run(options: &Options) -> Result<()> {
    let mut log = log(options.entries)?;
    let begun = Instant::now();
    let verified = verify_log(&mut log, &Trust::default()).map_err(anyhow::Error::msg)?;
    let seconds = begun.elapsed().as_secs_f64();
    let places: Vec<&str> = verified.report.findings.iter().map(|finding| finding.place.as_str()).collect();
    ensure!(places == ["checkpoint"], "found more wrong than the signature: {}", verified.report);
    let rate = options.entries as f64 / seconds;
    println!("{}", serde_json::json!({"entries": options.entries, "seconds": seconds, "entries_per_second": rate}));
    Ok(())
}
