//! Rows that have their place in an organization's log: what the journal gives back, what the tail holds and
//! what a segment is made from.

use actarium_core::row::{EncodedRows, Micros, RowView};

/// Consecutive rows of one organization's log with the times at which they were recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRows {
    /// Sequence number of the first row.
    pub first_seq: u64,
    /// The rows in sequence order.
    pub rows: EncodedRows,
    /// `(index of the first row, recorded_at)` of each commit, ascending in both; never empty when there are rows.
    pub commits: Vec<(u32, Micros)>,
}

impl CommittedRows {
    /// The rows of one commit.
    pub fn one_commit(first_seq: u64, recorded_at: Micros, rows: EncodedRows) -> Self {
        Self { first_seq, rows, commits: vec![(0, recorded_at)] }
    }

    /// Sequence number after the last row.
    pub fn end_seq(&self) -> u64 {
        self.first_seq + self.rows.len() as u64
    }

    /// Adds the rows that follow directly.
    ///
    /// # Panics
    /// If they do not follow directly.
    pub fn append(&mut self, next: &CommittedRows) {
        assert_eq!(self.end_seq(), next.first_seq, "rows of a log follow each other without a gap");
        let base = self.rows.len() as u32;
        self.rows.append(&next.rows);
        self.commits.extend(next.commits.iter().map(|(index, at)| (base + index, *at)));
    }

    /// Every row with its sequence number and time of recording, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Micros, RowView<'_>)> {
        let mut commit = 0;
        self.rows.iter().enumerate().map(move |(index, row)| {
            while self.commits.get(commit + 1).is_some_and(|(first, _)| *first as usize <= index) {
                commit += 1;
            }
            (self.first_seq + index as u64, self.commits[commit].1, row)
        })
    }
}
