//! Proving what is not in segments: the rows of the journal against the head that was committed with them, and the stored tiles
//! against the tree. At every start, before anything is written or signed, and by the scrub.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use actarium_core::tree::{Hash, TILE_LEAVES, root};

use super::codec::decode_batch;
use super::leaves::TreeBuilder;
use super::log::Log;
use super::seal::{SealError, Sealing};
use super::shared::Shared;
use super::tail::bytes_of;
use super::tiles::LEVELS_MAX;
use super::told::Told;
use crate::backend::BackendError;
use crate::committed::CommittedRows;

/// Bytes of stored batches that are read from the journal at once.
const READ_BYTES: u64 = 4 << 20;

/// The rows of one log that were read, for as long as there is room for all of them, in which other logs share.
struct Kept<'r> {
    rows: Vec<CommittedRows>,
    bytes: u64,
    room: &'r AtomicU64,
    is_whole: bool,
}

impl<'r> Kept<'r> {
    fn new(room: &'r AtomicU64) -> Self {
        Self { rows: Vec::new(), bytes: 0, room, is_whole: true }
    }

    fn take(&mut self, rows: CommittedRows) {
        let bytes = bytes_of(&rows);
        let left = |room: u64| room.checked_sub(bytes);
        if self.is_whole && self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
            self.bytes += bytes;
            self.rows.push(rows);
        } else {
            self.give_up();
        }
    }

    /// Lets go of the rows and of their room.
    fn give_up(&mut self) {
        self.is_whole = false;
        self.rows = Vec::new();
        self.room.fetch_add(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

/// Proves the journal of every log that has something in it, on as many threads as there are processors. A log whose rows are
/// not those that its head was made of takes no writes. What was read for it stays in memory within `room` bytes, so that the first
/// query does not read it again.
pub(crate) fn prove_journals(shared: &Arc<Shared>, room: u64) {
    let room = AtomicU64::new(room);
    let mut logs = shared.all_logs();
    logs.retain(|log| {
        let state = log.state.lock();
        state.damaged.is_none() && state.unsealed_rows() > 0
    });
    let next = AtomicUsize::new(0);
    let prove = || {
        while let Some(log) = logs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut kept = Kept::new(&room);
            match prove_journal(shared, log, |rows| kept.take(rows)) {
                Ok(_) => keep(shared, log, kept.rows),
                Err(error) => {
                    kept.give_up();
                    log.set_damaged(&error.to_string());
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(logs.len());
    std::thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(prove)));
        prove();
    });
}

/// Hashes the rows of a log that the journal alone has, as they lie there, and compares with the roots that were committed
/// with them and with the head. How many bytes they have. `read` is given them as they come, before all are proved.
pub(crate) fn prove_journal(
    shared: &Arc<Shared>,
    log: &Log,
    mut read: impl FnMut(CommittedRows),
) -> Result<u64, SealError> {
    // Nothing leaves the journal meanwhile.
    let _no_seal_meanwhile = log.sealing.lock();
    let (from, head) = {
        let state = log.state.lock();
        (state.sealed_end, state.head)
    };
    let organization = log.organization.id;
    let mut sealing = Sealing::new(shared.clone());
    let mut tree = TreeBuilder::new(sealing.start_of(log, from)?);
    let mut key = |epoch| shared.keys.epoch_key(organization, epoch);
    let (mut next, mut bytes, mut told) = (from, 0, Told::default());
    while next < head.size {
        sealing.interrupted()?;
        let batches = shared.backend.read(organization, next, READ_BYTES)?;
        if batches.is_empty() {
            return Err(differs(format!("it ends at {next}, the log at {}", head.size)));
        }
        for batch in batches.iter().take_while(|batch| batch.first_seq < head.size) {
            if batch.first_seq != next {
                return Err(differs(format!("it has no batch that begins at {next}")));
            }
            let rows = decode_batch(batch).map_err(differs)?;
            for (seq, recorded_at, row) in rows.iter() {
                tree.push(&mut sealing.canonicalizer, &row, recorded_at, &mut key)?;
                told.take(log, seq, &row)?;
            }
            (next, bytes) = (rows.end_seq(), bytes + batch.rows.len() as u64);
            if tree.frontier().root() != batch.root {
                return Err(differs(format!(
                    "its rows before {next} do not give the root that was committed with them"
                )));
            }
            read(rows);
        }
    }
    if next != head.size || tree.frontier().root() != head.root {
        return Err(differs(format!("its rows do not give the root of the head at {}", head.size)));
    }
    told.keep(log);
    Ok(bytes)
}

/// Keeps rows that end at the head of a log that nobody writes to yet.
fn keep(shared: &Shared, log: &Log, rows: Vec<CommittedRows>) {
    let Some(first_seq) = rows.first().map(|rows| rows.first_seq) else { return };
    let mut state = log.state.lock();
    if first_seq == state.sealed_end && state.tail.start() == state.head.size {
        state.tail.prepend(first_seq, rows);
        shared.tail_changed(0, state.tail.bytes());
    }
}

fn differs(detail: String) -> SealError {
    SealError::NotProved(format!("the journal: {detail}"))
}

/// The hashes of a tile as they are stored.
fn stored(shared: &Shared, log: &Log, level: u8, index: u64) -> Result<Vec<Hash>, SealError> {
    let bytes = shared.backend.tile(log.organization.id, level, index)?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() && hashes.len() as u64 <= TILE_LEAVES {
        return Ok(hashes.to_vec());
    }
    Err(SealError::Segment(format!("tile {level}/{index} is stored with {} bytes", bytes.len())))
}

/// Compares the stored hashes over 256 events each with those that were made of the events just now: `completed`, the last
/// of which ends at or before `end_seq`. What is not stored is made when it is asked for.
pub(crate) fn compare_tiles(shared: &Shared, log: &Log, end_seq: u64, completed: &[Hash]) -> Result<(), SealError> {
    let first = end_seq / TILE_LEAVES - completed.len() as u64;
    let mut tile = (u64::MAX, Vec::new());
    for (block, made) in (first..).zip(completed) {
        let index = block / TILE_LEAVES;
        if tile.0 != index {
            tile = (index, stored(shared, log, 1, index)?);
        }
        if tile.1.get((block % TILE_LEAVES) as usize).is_some_and(|stored| stored != made) {
            let (from, to) = (block * TILE_LEAVES, (block + 1) * TILE_LEAVES - 1);
            return Err(SealError::Segment(format!(
                "tile 1/{index} is stored with another hash of the events {from} to {to}"
            )));
        }
    }
    Ok(())
}

/// Compares the stored tiles of the upper levels with the tiles below them, and that none reaches beyond the log.
pub(crate) fn compare_upper_tiles(shared: &Shared, log: &Log) -> Result<(), SealError> {
    for level in 1..=LEVELS_MAX {
        let count = shared.backend.tile_hashes_stored(log.organization.id, level)?;
        let complete = log.state.lock().sealed_end >> (8 * u32::from(level));
        if count > complete {
            let detail =
                format!("tiles of level {level} are stored with {count} hashes, and the log has {complete} of them");
            return Err(SealError::Segment(detail));
        }
        if level == 1 {
            continue;
        }
        for index in 0..count.div_ceil(TILE_LEAVES) {
            for (below, hash) in (index * TILE_LEAVES..).zip(stored(shared, log, level, index)?) {
                if root(&stored(shared, log, level - 1, below)?) != hash {
                    let detail =
                        format!("tile {level}/{index} is stored with another hash of tile {}/{below}", level - 1);
                    return Err(SealError::Segment(detail));
                }
            }
        }
    }
    Ok(())
}

/// Whether an error says that what is kept is wrong, and not only that it could not be read now.
pub(crate) fn is_damage(error: &SealError) -> bool {
    !matches!(error, SealError::Backend(error) if !matches!(error, BackendError::Damaged { .. }))
        && !matches!(error, SealError::Stopping | SealError::NotReached(_))
}
