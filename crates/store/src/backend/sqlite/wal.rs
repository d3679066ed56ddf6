//! Looks at a write-ahead log before SQLite does. SQLite takes the first frame that does not fit for the end of the log,
//! as a power cut leaves it, and begins to write there: what was acknowledged behind a damaged frame would be gone
//! without a word. Each transaction is synced before the next one is written, so that a power cut tears the last one
//! alone: a frame that does not fit with a later transaction behind it is damage. What is in the last two cannot always be
//! told from a power cut, as a frame shows itself by the checksum in the header of the one before it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// What a log begins with; the last bit says how its checksums read their words.
const MAGIC: u32 = 0x377f_0682;
const PAGE_BYTES_MAX: usize = 65_536;
const READ_BYTES: usize = 1 << 20;

/// Why a log cannot be used.
pub(super) enum WalFailure {
    /// What was durable is damaged.
    Damaged {
        /// In words.
        detail: String,
        /// Bytes before the damage that end with a transaction.
        whole_bytes: u64,
    },
    /// It cannot be read.
    Io(std::io::Error),
}

impl From<std::io::Error> for WalFailure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running checksum of SQLite's file format, section 4.1.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Checksum(u32, u32);

#[derive(Clone, Copy)]
struct Words {
    is_big_endian: bool,
}

impl Words {
    fn add(self, sum: Checksum, bytes: &[u8]) -> Checksum {
        let word =
            |bytes: [u8; 4]| if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        bytes.as_chunks::<8>().0.iter().fold(sum, |Checksum(first, second), &[a, b, c, d, e, f, g, h]| {
            let first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
            Checksum(first, second.wrapping_add(word([e, f, g, h])).wrapping_add(first))
        })
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn stored(bytes: &[u8], at: usize) -> Checksum {
    Checksum(number(bytes, at), number(bytes, at + 4))
}

/// What is known of the frames behind the last one that fits.
struct Behind {
    /// Number of the first frame that does not fit, from 1.
    first: u64,
    /// Whether a commit was seen at it or behind it, right before the frame that is looked at now.
    after_commit: bool,
}

/// Refuses a log that is damaged before its end. One that is not there, or empty, is none.
pub(super) fn check(path: &Path) -> Result<(), WalFailure> {
    let file = match File::open(path) {
        Ok(file) => BufReader::with_capacity(READ_BYTES, file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    check_frames(file)
}

fn check_frames(mut file: impl Read) -> Result<(), WalFailure> {
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut file, &mut header)? {
        return Ok(());
    }
    // One that was just made, and of which nothing came to the disk but its size.
    if header == [0; HEADER_BYTES] && is_zero(&mut file)? {
        return Ok(());
    }
    let magic = number(&header, 0);
    let words = Words { is_big_endian: magic & 1 == 1 };
    let mut sum = words.add(Checksum(0, 0), &header[..24]);
    let page_bytes = number(&header, 8) as usize;
    let is_page = page_bytes.is_power_of_two() && (512..=PAGE_BYTES_MAX).contains(&page_bytes);
    if magic & !1 != MAGIC || !is_page || sum != stored(&header, 24) {
        return Err(WalFailure::Damaged { detail: "its header does not fit".to_owned(), whole_bytes: 0 });
    }
    let salts = stored(&header, 16);
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let mut behind: Option<Behind> = None;
    let mut whole = 0;
    for count in 1.. {
        if !fill(&mut file, &mut frame)? {
            return Ok(());
        }
        sum = words.add(words.add(sum, &frame[..8]), &frame[FRAME_HEADER_BYTES..]);
        let is_of_this_log = stored(&frame, 8) == salts;
        let fits = is_of_this_log && sum == stored(&frame, 16);
        let commits = is_of_this_log && number(&frame, 4) != 0;
        // The next one goes on from what this one says, whether that is right or not.
        sum = stored(&frame, 16);
        match &mut behind {
            None if fits && commits => whole = HEADER_BYTES as u64 + count * frame.len() as u64,
            None if fits => {}
            None => behind = Some(Behind { first: count, after_commit: commits }),
            Some(behind) if fits && behind.after_commit => {
                let detail = format!("frame {} does not fit, and what was written after it is there", behind.first);
                return Err(WalFailure::Damaged { detail, whole_bytes: whole });
            }
            Some(behind) => behind.after_commit = fits && commits,
        }
    }
    Ok(())
}

/// Whether there is nothing but zeros.
fn is_zero(file: &mut impl Read) -> std::io::Result<bool> {
    let mut piece = vec![0; READ_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(true),
            read if piece[..read].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Fills the buffer; false if there is less than that.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log of a database to which some transactions were written, and where the log ended after each.
    fn log_of(transactions: usize) -> (Vec<u8>, Vec<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        connection.execute_batch("CREATE TABLE t (x BLOB)").unwrap();
        let log = || std::fs::read(folder.path().join("d.db-wal")).unwrap();
        let mut ends = vec![log().len()];
        for size in (0..transactions).map(|n| 3_000 * (n % 4 + 1)) {
            connection.execute("INSERT INTO t VALUES (randomblob(?1))", [size as i64]).unwrap();
            ends.push(log().len());
        }
        (log(), ends)
    }

    fn is_damaged(bytes: &[u8]) -> bool {
        match check_frames(bytes) {
            Ok(()) => false,
            Err(WalFailure::Damaged { .. }) => true,
            Err(WalFailure::Io(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn damage_before_the_last_two_transactions_is_seen_wherever_it_is() {
        let (log, ends) = log_of(8);
        assert!(!is_damaged(&log));
        let last_two = ends[ends.len() - 3];
        for at in (0..last_two).step_by(61).chain(last_two - 60..last_two) {
            let mut damaged = log.clone();
            damaged[at] ^= 0x10;
            assert!(is_damaged(&damaged), "byte {at} of {}", log.len());
        }
        for block in 0..last_two / 4_096 {
            let mut damaged = log.clone();
            damaged[block * 4_096..(block + 1) * 4_096].fill(0);
            assert!(is_damaged(&damaged), "block {block} of {}", log.len());
        }
    }

    #[test]
    fn damage_of_a_page_in_the_last_transaction_but_one_is_seen() {
        let (log, ends) = log_of(8);
        let commit = ends[ends.len() - 2] - 4_096;
        for at in (commit..ends[ends.len() - 2]).step_by(61) {
            let mut damaged = log.clone();
            damaged[at] ^= 0x10;
            assert!(is_damaged(&damaged), "byte {at} of {}", log.len());
        }
    }

    #[test]
    fn what_a_power_cut_leaves_is_no_damage() {
        let (log, ends) = log_of(12);
        let last = ends[ends.len() - 2];
        for cut in (0..log.len()).step_by(1_013) {
            assert!(!is_damaged(&log[..cut]), "cut at {cut}");
        }
        // Of the last transaction any part may be missing.
        for hole in (last..log.len()).step_by(512) {
            let mut torn = log.clone();
            let end = (hole + 700).min(torn.len());
            torn[hole..end].fill(0);
            assert!(!is_damaged(&torn), "hole at {hole}");
        }
        assert!(!is_damaged(&[]));
        assert!(!is_damaged(&[0; 9_000]));
    }

    #[test]
    fn what_an_earlier_round_left_behind_the_end_is_no_damage() {
        let (old, _) = log_of(20);
        let (new, _) = log_of(5);
        let mut both = new.clone();
        both.extend_from_slice(&old[new.len()..]);
        assert!(!is_damaged(&both));
    }
}
