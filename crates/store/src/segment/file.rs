//! Reading a segment's file: every block that is read is checked against the checksum that the manifest keeps of it,
//! so that damage is an error and never an answer.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use super::{SegmentError, SegmentSummary};
use crate::storage::{OpenFile, StoredFile};

/// Bytes under one checksum.
pub const CHECKED_BYTES: usize = 16 * 1024;

/// The checksums of a file's blocks.
pub fn checksums(file: &[u8]) -> Vec<u32> {
    file.chunks(CHECKED_BYTES).map(crc32fast::hash).collect()
}

/// A file whose blocks are checked as they are read.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: OpenFile,
    bytes: u64,
    checks: Vec<u32>,
}

impl CheckedFile {
    /// Opens a segment's file.
    ///
    /// # Errors
    /// If it is missing, cannot be read, or has not the size that the manifest says.
    pub fn open(file: &StoredFile, summary: &SegmentSummary) -> Result<Self, SegmentError> {
        let unreadable = |source| SegmentError::Unreadable { path: file.shown(), source };
        let opened = file.open(summary.bytes).map_err(unreadable)?;
        let bytes = opened.len();
        if bytes != summary.bytes || summary.checks.len() as u64 != bytes.div_ceil(CHECKED_BYTES as u64) {
            return Err(SegmentError::damaged(
                &file.shown(),
                format!("it has {bytes} bytes, the manifest says {}", summary.bytes),
            ));
        }
        let file = opened;
        Ok(Self { inner: Arc::new(Inner { file, bytes, checks: summary.checks.clone() }) })
    }

    /// Reads `length` bytes from `start`.
    ///
    /// # Errors
    /// If they lie outside the file, cannot be read, or a block of them does not have its checksum.
    pub fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let inner = &*self.inner;
        let end = start.checked_add(length as u64).filter(|end| *end <= inner.bytes);
        let Some(end) = end else {
            return Err(io::Error::other(format!(
                "{length} bytes at {start} lie outside the {} of the file",
                inner.bytes
            )));
        };
        let first = start / CHECKED_BYTES as u64;
        let from = first * CHECKED_BYTES as u64;
        let to = end.next_multiple_of(CHECKED_BYTES as u64).min(inner.bytes);
        let blocks = inner.file.read(from, (to - from) as usize)?;
        for (index, block) in blocks.chunks(CHECKED_BYTES).enumerate() {
            let index = first as usize + index;
            if crc32fast::hash(block) != inner.checks[index] {
                let at = index * CHECKED_BYTES;
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("bytes {at} to {} do not have the checksum that the manifest keeps", at + block.len()),
                ));
            }
        }
        let offset = (start - from) as usize;
        Ok(blocks.slice(offset..offset + length))
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.inner.bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> ParquetResult<CheckedRead> {
        Ok(CheckedRead { file: self.clone(), at: start, block: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.read(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads on from a place, a block at a time.
pub struct CheckedRead {
    file: CheckedFile,
    at: u64,
    block: Bytes,
}

impl Read for CheckedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            let left = self.file.inner.bytes.saturating_sub(self.at);
            let length = left.min(CHECKED_BYTES as u64 - self.at % CHECKED_BYTES as u64);
            self.block = self.file.read(self.at, length as usize)?;
            self.at += length;
        }
        let length = buffer.len().min(self.block.len());
        buffer[..length].copy_from_slice(&self.block.split_to(length));
        Ok(length)
    }
}
