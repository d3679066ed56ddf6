//! The unsealed rows of one log that are in memory: a suffix of the log in batches. What is before it and not sealed
//! is in the journal alone.

use std::collections::VecDeque;
use std::sync::Arc;

use actarium_core::row::{EncodedRows, Micros, RowView};

use super::snapshot::TailBatch;
use crate::committed::CommittedRows;

/// Rows up to which small commits are put together in one batch.
const BATCH_ROWS_MIN: usize = 1_024;
/// Bytes of a row that its encoding does not count.
const ROW_OVERHEAD_BYTES: u64 = 4;

/// The rows of `[start, end)` of a log, in memory.
pub(crate) struct Tail {
    start: u64,
    batches: VecDeque<Arc<TailBatch>>,
    bytes: u64,
}

/// Bytes that a batch of rows takes.
pub(crate) fn bytes_of(rows: &CommittedRows) -> u64 {
    rows.rows.byte_len() as u64 + rows.rows.len() as u64 * ROW_OVERHEAD_BYTES + 64
}

impl Tail {
    /// Nothing in memory of a log that ends at `end`.
    pub fn empty(end: u64) -> Self {
        Self { start: end, batches: VecDeque::new(), bytes: 0 }
    }

    /// Sequence number of the first row in memory; the end of the log if there is none.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Sequence number after the last row.
    pub fn end(&self) -> u64 {
        self.batches.back().map_or(self.start, |batch| batch.rows.end_seq())
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The batches, ascending.
    pub fn batches(&self) -> Vec<Arc<TailBatch>> {
        self.batches.iter().cloned().collect()
    }

    /// Adds the rows of a commit. Small commits are put together, so that thousands of them stay cheap: in place while
    /// no query looks at the last batch, else with it into a new one whenever that is no larger than what it adds.
    pub fn push(&mut self, rows: CommittedRows) {
        debug_assert_eq!(rows.first_seq, self.end(), "rows of a log follow each other");
        self.bytes += bytes_of(&rows);
        let mut rows = rows;
        while let Some(last) = self.batches.back_mut() {
            let last_rows = last.rows.rows.len();
            if last_rows >= BATCH_ROWS_MIN || rows.rows.len() >= BATCH_ROWS_MIN {
                break;
            }
            if let Some(open) = Arc::get_mut(last) {
                open.append(&rows);
                return;
            }
            if last_rows > rows.rows.len() {
                break;
            }
            let mut joined = last.rows.clone();
            joined.append(&rows);
            rows = joined;
            self.batches.pop_back();
        }
        self.batches.push_back(Arc::new(TailBatch::new(rows)));
    }

    /// Puts rows that were read from the journal before those in memory: those of `[from, start)`.
    pub fn prepend(&mut self, from: u64, loaded: Vec<CommittedRows>) {
        let mut front = Self::empty(from);
        loaded.into_iter().for_each(|rows| front.push(rows));
        debug_assert_eq!(front.end(), self.start, "what is loaded ends where memory begins");
        self.start = from;
        self.bytes += front.bytes;
        while let Some(batch) = front.batches.pop_back() {
            self.batches.push_front(batch);
        }
    }

    /// Drops the rows before `seq` from memory.
    pub fn drop_before(&mut self, seq: u64) {
        while let Some(first) = self.batches.front() {
            if first.rows.end_seq() > seq {
                break;
            }
            self.bytes -= bytes_of(&first.rows).min(self.bytes);
            self.start = first.rows.end_seq();
            self.batches.pop_front();
        }
        if let Some(first) = self.batches.front_mut()
            && first.rows.first_seq < seq
        {
            let rest = slice(&first.rows, seq, first.rows.end_seq());
            *first = Arc::new(TailBatch::new(rest));
        }
        self.start = self.start.max(seq);
        self.bytes = self.batches.iter().map(|batch| bytes_of(&batch.rows)).sum();
    }

    /// Drops everything from memory.
    pub fn clear(&mut self, end: u64) {
        *self = Self::empty(end);
    }

    /// Looks at one row; `None` if it is not in memory.
    pub fn with_row<T>(&self, seq: u64, look: impl FnOnce(RowView<'_>, Micros) -> T) -> Option<T> {
        if seq < self.start {
            return None;
        }
        let index = self.batches.partition_point(|batch| batch.rows.end_seq() <= seq);
        self.batches.get(index).map(|batch| with_row(&batch.rows, seq, look))
    }
}

/// Looks at one row of a batch.
///
/// # Panics
/// If the batch does not have it.
pub(crate) fn with_row<T>(rows: &CommittedRows, seq: u64, look: impl FnOnce(RowView<'_>, Micros) -> T) -> T {
    let index = (seq - rows.first_seq) as usize;
    let commit = rows.commits.partition_point(|(first, _)| *first as usize <= index) - 1;
    look(rows.rows.row(index), rows.commits[commit].1)
}

/// The rows `[from, to)` of a batch.
pub(crate) fn slice(rows: &CommittedRows, from: u64, to: u64) -> CommittedRows {
    let (start, end) = ((from - rows.first_seq) as usize, (to - rows.first_seq) as usize);
    let mut part = EncodedRows::new();
    part.append_range(&rows.rows, start..end);
    let first_commit = rows.commits.partition_point(|(first, _)| *first as usize <= start).saturating_sub(1);
    let within = rows.commits[first_commit..].iter().take_while(|(first, _)| (*first as usize) < end);
    let commits = within.map(|(first, at)| ((*first as usize).saturating_sub(start) as u32, *at)).collect();
    CommittedRows { first_seq: from, rows: part, commits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actarium_core::row::Column;

    fn rows(first_seq: u64, count: u64, at: Micros) -> CommittedRows {
        let mut rows = EncodedRows::new();
        for seq in first_seq..first_seq + count {
            let text = format!("row-{seq}");
            let mut row = RowView::EMPTY;
            row.texts[Column::Action as usize] = Some(&text);
            rows.push(&row);
        }
        CommittedRows::one_commit(first_seq, at, rows)
    }

    fn check(tail: &Tail, from: u64, to: u64) {
        let seen: Vec<(u64, Micros, String)> = tail
            .batches()
            .iter()
            .flat_map(|batch| {
                let rows = batch.rows.iter();
                rows.map(|(seq, at, row)| (seq, at, row.get(Column::Action).unwrap().to_owned())).collect::<Vec<_>>()
            })
            .collect();
        let expected: Vec<_> = (from..to).map(|seq| (seq, (seq / 3) as Micros, format!("row-{seq}"))).collect();
        assert_eq!(seen, expected);
        assert_eq!((tail.start(), tail.end()), (from, to));
        let bytes: u64 = tail.batches().iter().map(|batch| bytes_of(&batch.rows)).sum();
        assert!(tail.bytes() >= bytes, "{} is at least {bytes}", tail.bytes());
    }

    #[test]
    fn small_commits_are_put_together_whether_or_not_somebody_looks() {
        for watched in [false, true] {
            let mut tail = Tail::empty(0);
            let mut held = Vec::new();
            for commit in 0..2_000u64 {
                tail.push(rows(commit * 3, 3, commit as Micros));
                if watched {
                    held.push(tail.batches());
                }
            }
            check(&tail, 0, 6_000);
            assert!(tail.batches().len() < 24, "{} batches", tail.batches().len());
            tail.drop_before(2_500);
            check(&tail, 2_500, 6_000);
            assert_eq!(tail.with_row(2_499, |_, _| ()), None);
            assert_eq!(
                tail.with_row(5_999, |row, at| (row.get(Column::Action).unwrap().to_owned(), at)),
                Some(("row-5999".to_owned(), 1_999))
            );
        }
    }

    #[test]
    fn rows_come_back_from_the_journal_in_front() {
        let mut tail = Tail::empty(30);
        tail.push(rows(30, 3, 10));
        tail.prepend(24, vec![rows(24, 3, 8), rows(27, 3, 9)]);
        check(&tail, 24, 33);
        tail.clear(33);
        check(&tail, 33, 33);
    }
}
