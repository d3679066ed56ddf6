//! What the machine itself gives: syncs, reads and writes of the disk, and how fast one core parses and compresses the
//! same events. Every rate of a log stands between these.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise, fdatasync};
use serde_json::json;

use crate::load::{batch_files, percentile_ms};
use crate::rng::Rng;

const SYNCS: usize = 200;
const SYNC_BYTES: usize = 4096;
const FILE_BYTES: usize = 512 << 20;
const BLOCK_BYTES: usize = 1 << 20;
const RANDOM_READS: usize = 2_000;
const SAMPLE_BYTES_MAX: u64 = 64 << 20;

/// Where to measure.
#[derive(clap::Args)]
pub struct Options {
    /// A folder on the file system that the servers use.
    #[arg(long)]
    dir: PathBuf,
    /// The folder that `generate` wrote.
    #[arg(long)]
    events: PathBuf,
}

/// Measures and prints JSON.
///
/// # Errors
/// If the folder cannot be written or the events cannot be read.
pub fn run(options: &Options) -> Result<()> {
    let path = options.dir.join("floor.tmp");
    let disk = disk(&path);
    std::fs::remove_file(&path).ok();
    let mut sample = Vec::new();
    File::open(&batch_files(&options.events)?[0])?.take(SAMPLE_BYTES_MAX).read_to_end(&mut sample)?;
    let mut report = disk?;
    report["parse_mb_s"] = json!(parse(&sample));
    let (compress, decompress, ratio) = compress(&sample)?;
    report["zstd3_mb_s"] = json!(compress);
    report["unzstd_mb_s"] = json!(decompress);
    report["zstd3_ratio"] = json!(ratio);
    println!("{report}");
    Ok(())
}

// Durations are what is measured here.
#[allow(clippy::disallowed_methods)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let result = work();
    (result, begun.elapsed())
}

fn megabytes_per_second(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

fn disk(path: &Path) -> Result<serde_json::Value> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
    let mut file = open().with_context(|| format!("creating {}", path.display()))?;
    let mut syncs = Vec::with_capacity(SYNCS);
    for number in 0..SYNCS {
        // Appended, as journals are: each sync also writes the new length.
        file.write_all(&[number as u8; SYNC_BYTES])?;
        let (result, took) = timed(|| fdatasync(&file));
        result?;
        syncs.push(took);
    }
    syncs.sort_unstable();

    let mut rng = Rng::new(11);
    let block: Vec<u8> = (0..BLOCK_BYTES / 8).flat_map(|_| rng.bits().to_le_bytes()).collect();
    let mut file = open()?;
    let (written, writing) = timed(|| -> Result<()> {
        for _ in 0..FILE_BYTES / BLOCK_BYTES {
            file.write_all(&block)?;
        }
        Ok(fdatasync(&file)?)
    });
    written?;
    forget(&file)?;
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; BLOCK_BYTES];
    let (read, reading) = timed(|| -> Result<()> {
        for _ in 0..FILE_BYTES / BLOCK_BYTES {
            file.read_exact(&mut buffer)?;
        }
        Ok(())
    });
    read?;
    forget(&file)?;
    fadvise(&file, 0, None, Advice::Random)?;
    let mut reads = Vec::with_capacity(RANDOM_READS);
    let mut page = [0; 4096];
    for _ in 0..RANDOM_READS {
        let at = rng.below(FILE_BYTES / page.len()) * page.len();
        let (result, took) = timed(|| file.read_exact_at(&mut page, at as u64));
        result?;
        reads.push(took);
    }
    reads.sort_unstable();
    Ok(json!({
        "fdatasync_ms": {"p50": percentile_ms(&syncs, 0.5), "p99": percentile_ms(&syncs, 0.99)},
        "write_mb_s": megabytes_per_second(FILE_BYTES, writing),
        "read_mb_s": megabytes_per_second(FILE_BYTES, reading),
        "random_read_4k_ms": {"p50": percentile_ms(&reads, 0.5), "p99": percentile_ms(&reads, 0.99)},
    }))
}

/// Takes the file out of the page cache.
fn forget(file: &File) -> Result<()> {
    fdatasync(file)?;
    Ok(fadvise(file, 0, None, Advice::DontNeed)?)
}

/// Megabytes of JSON that one core parses in a second into a tree.
fn parse(sample: &[u8]) -> f64 {
    let lines: Vec<&[u8]> = sample.split(|byte| *byte == b'\n').collect();
    let (bytes, took) = timed(|| {
        let parsed = lines.iter().filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok());
        parsed.map(|line| line.len()).sum::<usize>()
    });
    megabytes_per_second(bytes, took)
}

fn compress(sample: &[u8]) -> Result<(f64, f64, f64)> {
    let (packed, packing) = timed(|| -> Result<Vec<Vec<u8>>> {
        sample.chunks(BLOCK_BYTES).map(|block| Ok(zstd::bulk::compress(block, 3)?)).collect()
    });
    let packed = packed?;
    let (unpacked, unpacking) = timed(|| -> Result<()> {
        for block in &packed {
            zstd::bulk::decompress(block, BLOCK_BYTES)?;
        }
        Ok(())
    });
    unpacked?;
    let size: usize = packed.iter().map(Vec::len).sum();
    Ok((
        megabytes_per_second(sample.len(), packing),
        megabytes_per_second(sample.len(), unpacking),
        sample.len() as f64 / size as f64,
    ))
}
