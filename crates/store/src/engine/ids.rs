//! Which external ids the unsealed rows of a log have: a table from a hash to the sequence number, a few bytes a row.
//! It may name rows that do not have the id (hashes meet); who asks looks at the row.

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash, Hasher};

/// Hashes a sender and its external id; random per process, so that nobody can make them meet.
#[derive(Clone, Default)]
pub(crate) struct IdHasher {
    state: RandomState,
}

impl IdHasher {
    pub fn hash(&self, sender: Option<&str>, external_id: &str) -> u32 {
        let mut hasher = self.state.build_hasher();
        sender.hash(&mut hasher);
        external_id.hash(&mut hasher);
        (hasher.finish() >> 32) as u32
    }
}

/// One row: 32 bits of its id's hash, and its distance from `base`.
type Entry = (u32, u32);

/// The external ids of the rows from `base` on.
pub(crate) struct UnsealedIds {
    base: u64,
    table: HashTable<Entry>,
}

/// Spreads the stored 32 bits over the bits that the table looks at.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl UnsealedIds {
    pub fn new(base: u64) -> Self {
        Self { base, table: HashTable::new() }
    }

    /// Sequence number from which rows are in it.
    pub fn base(&self) -> u64 {
        self.base
    }

    pub fn insert(&mut self, hash: u32, seq: u64) {
        let distance = u32::try_from(seq - self.base).expect("far fewer than 2^32 rows are unsealed");
        self.table.insert_unique(spread(hash), (hash, distance), |(hash, _)| spread(*hash));
    }

    /// Sequence numbers of rows that may have the id.
    pub fn find(&self, hash: u32) -> impl Iterator<Item = u64> + '_ {
        let same = self.table.iter_hash(spread(hash)).filter(move |(stored, _)| *stored == hash);
        same.map(|(_, distance)| self.base + u64::from(*distance))
    }

    /// Forgets the rows from `seq` on: they were not recorded.
    pub fn forget_from(&mut self, seq: u64) {
        let base = self.base;
        self.table.retain(|(_, distance)| base + u64::from(*distance) < seq);
    }

    /// Forgets the rows before `seq`: segments have them.
    pub fn forget_before(&mut self, seq: u64) {
        if seq <= self.base {
            return;
        }
        let old = std::mem::replace(self, Self::new(seq));
        let kept = old.table.iter().filter(|(_, distance)| old.base + u64::from(*distance) >= seq);
        self.table.reserve(kept.clone().count(), |(hash, _)| spread(*hash));
        for (hash, distance) in kept {
            self.insert(*hash, old.base + u64::from(*distance));
        }
    }

    pub fn bytes(&self) -> u64 {
        self.table.allocation_size() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_forgets_both_ends() {
        let hasher = IdHasher::default();
        let mut ids = UnsealedIds::new(1_000);
        let hash = |seq: u64| hasher.hash(Some("sender"), &format!("id-{seq}"));
        for seq in 1_000..6_000 {
            ids.insert(hash(seq), seq);
        }
        let has = |ids: &UnsealedIds, seq| ids.find(hash(seq)).any(|found| found == seq);
        assert!((1_000..6_000).all(|seq| has(&ids, seq)));
        ids.forget_from(5_000);
        ids.forget_before(2_000);
        assert_eq!(ids.base(), 2_000);
        for seq in 1_000..6_000 {
            assert_eq!(has(&ids, seq), (2_000..5_000).contains(&seq), "{seq}");
        }
    }

    #[test]
    fn the_same_id_of_another_sender_is_another_id() {
        let hasher = IdHasher::default();
        assert_ne!(hasher.hash(Some("a"), "b"), hasher.hash(None, "b"));
        assert_ne!(hasher.hash(Some("a"), "b"), hasher.hash(Some("c"), "b"));
    }
}
