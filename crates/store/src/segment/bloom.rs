//! Filters over ids that hardly repeat: is this id in the segment, and in which blocks of rows?
//!
//! Two levels: one filter over the whole segment, which says "no" with one look, and one per block of
//! [`BLOOM_BLOCK_ROWS`] rows, so that a "perhaps" is settled by reading little. A filter is an array of 512-bit lines;
//! an id sets [`PROBES`] bits of one line.

/// Rows in a block.
pub const BLOOM_BLOCK_ROWS: usize = 4_096;

/// Bits per id in the filter over the whole segment.
const SEGMENT_BITS_PER_ID: usize = 10;

/// Bits per id in the filter of a block.
const BLOCK_BITS_PER_ID: usize = 8;

/// Bits that an id sets.
const PROBES: u32 = 6;

const LINE_BYTES: usize = 64;

fn lines_for(ids: usize, bits_per_id: usize) -> usize {
    (ids * bits_per_id).div_ceil(LINE_BYTES * 8).max(1)
}

fn probes(hash: u64, lines: usize) -> (usize, impl Iterator<Item = usize>) {
    // The upper half chooses the line, the lower half the bits within it.
    let line = ((hash >> 32) * lines as u64) >> 32;
    let (start, step) = ((hash as u32) & 0x1ff, ((hash as u32) >> 9) & 0x1ff | 1);
    (line as usize * LINE_BYTES, (0..PROBES).map(move |probe| ((start + probe * step) & 0x1ff) as usize))
}

fn set(filter: &mut [u8], hash: u64) {
    let (line, bits) = probes(hash, filter.len() / LINE_BYTES);
    for bit in bits {
        filter[line + bit / 8] |= 1 << (bit % 8);
    }
}

fn has(filter: &[u8], hash: u64) -> bool {
    let (line, mut bits) = probes(hash, filter.len() / LINE_BYTES);
    bits.all(|bit| filter[line + bit / 8] & (1 << (bit % 8)) != 0)
}

/// The filters of one id column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdFilter {
    bytes: Vec<u8>,
    segment_bytes: usize,
    /// End of each block's filter within `bytes`.
    block_ends: Vec<u32>,
}

impl IdFilter {
    /// The filters over the hashes of a column's ids; `hashes` has one entry per row, `None` for a row without an id.
    pub fn build(hashes: &[Option<u64>]) -> Self {
        let ids = hashes.iter().flatten().count();
        let segment_bytes = lines_for(ids, SEGMENT_BITS_PER_ID) * LINE_BYTES;
        let mut bytes = vec![0u8; segment_bytes];
        for &hash in hashes.iter().flatten() {
            set(&mut bytes, hash);
        }
        let mut block_ends = Vec::new();
        for block in hashes.chunks(BLOOM_BLOCK_ROWS) {
            let mut filter = vec![0u8; lines_for(block.iter().flatten().count(), BLOCK_BITS_PER_ID) * LINE_BYTES];
            for &hash in block.iter().flatten() {
                set(&mut filter, hash);
            }
            bytes.extend_from_slice(&filter);
            block_ends.push(bytes.len() as u32);
        }
        Self { bytes, segment_bytes, block_ends }
    }

    /// Whether the segment may hold an id with this hash.
    pub fn may_have(&self, hash: u64) -> bool {
        has(&self.bytes[..self.segment_bytes], hash)
    }

    /// The blocks that may hold an id with this hash, ascending.
    pub fn blocks(&self, hash: u64) -> Vec<usize> {
        if !self.may_have(hash) {
            return Vec::new();
        }
        let start_of = |block: usize| if block == 0 { self.segment_bytes } else { self.block_ends[block - 1] as usize };
        (0..self.block_ends.len())
            .filter(|&block| has(&self.bytes[start_of(block)..self.block_ends[block] as usize], hash))
            .collect()
    }

    /// Memory and disk in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() + self.block_ends.len() * 4
    }

    /// The filters as they are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(8 + self.byte_len());
        stored.extend_from_slice(&(self.segment_bytes as u32).to_le_bytes());
        stored.extend_from_slice(&(self.block_ends.len() as u32).to_le_bytes());
        for end in &self.block_ends {
            stored.extend_from_slice(&end.to_le_bytes());
        }
        stored.extend_from_slice(&self.bytes);
        stored
    }

    /// Filters as they were stored; `None` if they are cut or do not fit together.
    pub fn from_bytes(stored: &[u8]) -> Option<Self> {
        let (segment_bytes, rest) = stored.split_first_chunk::<4>()?;
        let (blocks, rest) = rest.split_first_chunk::<4>()?;
        let segment_bytes = u32::from_le_bytes(*segment_bytes) as usize;
        let (ends, bytes) = rest.split_at_checked((u32::from_le_bytes(*blocks) as usize).checked_mul(4)?)?;
        let block_ends: Vec<u32> =
            ends.chunks_exact(4).map(|end| u32::from_le_bytes([end[0], end[1], end[2], end[3]])).collect();
        let mut before = segment_bytes;
        for &end in &block_ends {
            let end = end as usize;
            if end <= before || !(end - before).is_multiple_of(LINE_BYTES) {
                return None;
            }
            before = end;
        }
        let fits = segment_bytes >= LINE_BYTES && segment_bytes.is_multiple_of(LINE_BYTES) && before == bytes.len();
        fits.then(|| Self { bytes: bytes.to_vec(), segment_bytes, block_ends })
    }
}
