//! Rows of a commit as the journal stores them: compressed with zstd level 1, or as they are if that is no gain.

use std::cell::RefCell;

use actarium_core::row::EncodedRows;

use crate::backend::{JournalBatch, RowsEncoding};
use crate::committed::CommittedRows;

/// Rows smaller than this are stored as they are.
const COMPRESS_BYTES_MIN: usize = 256;
/// Most bytes that one batch of the journal may decompress to.
const RAW_BYTES_MAX: u64 = 1 << 31;

/// Compresses batches; one per thread, because its context is reused.
pub(crate) struct BatchCompressor {
    compressor: zstd::bulk::Compressor<'static>,
}

impl BatchCompressor {
    pub fn new() -> Self {
        let mut compressor = zstd::bulk::Compressor::new(1).expect("zstd has a level 1");
        compressor.include_checksum(true).expect("zstd has checksums");
        Self { compressor }
    }

    /// The rows as they are to be stored.
    pub fn compress(&mut self, rows: &EncodedRows) -> (RowsEncoding, Vec<u8>) {
        let raw = rows.as_bytes();
        if raw.len() >= COMPRESS_BYTES_MIN
            && let Ok(compressed) = self.compressor.compress(raw)
            && compressed.len() < raw.len()
        {
            return (RowsEncoding::Zstd, compressed);
        }
        (RowsEncoding::Raw, raw.to_vec())
    }
}

thread_local! {
    /// One per thread that reads the journal: to make one costs more than to decompress a small batch.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn decompress(bytes: &[u8], capacity: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            missing => missing.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress(bytes, capacity)
    })
}

/// The rows of a batch of the journal.
///
/// # Errors
/// In words, if the batch is damaged.
pub(crate) fn decode_batch(batch: &JournalBatch) -> Result<CommittedRows, String> {
    let damaged = |detail: String| format!("the journal's batch at {} is damaged: {detail}", batch.first_seq);
    let raw = match batch.encoding {
        RowsEncoding::Raw => batch.rows.clone(),
        RowsEncoding::Zstd => {
            if batch.raw_bytes > RAW_BYTES_MAX {
                return Err(damaged("impossible size".to_owned()));
            }
            decompress(&batch.rows, batch.raw_bytes as usize).map_err(|error| damaged(error.to_string()))?
        }
    };
    if raw.len() as u64 != batch.raw_bytes {
        return Err(damaged(format!("{} bytes instead of {}", raw.len(), batch.raw_bytes)));
    }
    let rows = EncodedRows::from_bytes(raw).map_err(|error| damaged(error.to_string()))?;
    if rows.len() != batch.count as usize {
        return Err(damaged(format!("{} rows instead of {}", rows.len(), batch.count)));
    }
    Ok(CommittedRows::one_commit(batch.first_seq, batch.recorded_at, rows))
}
