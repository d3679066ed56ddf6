//! When sessions and tokens were used last. Each request notes it in memory; it is written to the directory only every
//! few minutes, so that reading does not become writing. What is lost with a crash makes a session seem idle for
//! those minutes, no longer.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use parking_lot::RwLock;

/// Uses in one organization that are closer together are one.
const APART: Micros = 1_000_000;

/// Last uses by the public id of the credential, over all and by organization.
#[derive(Debug, Default)]
pub struct Uses {
    times: RwLock<HashMap<String, AtomicI64>>,
    times_in: RwLock<HashMap<String, BTreeMap<OrganizationId, Micros>>>,
}

impl Uses {
    /// Notes that a credential, which exists, was used.
    pub fn note(&self, id: &str, now: Micros) {
        if let Some(time) = self.times.read().get(id) {
            time.fetch_max(now, Ordering::Relaxed);
            return;
        }
        self.times.write().entry(id.to_owned()).or_default().fetch_max(now, Ordering::Relaxed);
    }

    /// Notes that a person's credential was used in an organization.
    pub fn note_in(&self, id: &str, organization: OrganizationId, now: Micros) {
        let noted = |times: &BTreeMap<_, Micros>| times.get(&organization).is_some_and(|time| now - time < APART);
        // Every request of the person comes by here: few of them write.
        if self.times_in.read().get(id).is_some_and(noted) {
            return;
        }
        let mut times_in = self.times_in.write();
        let time = times_in.entry(id.to_owned()).or_default().entry(organization).or_insert(now);
        *time = now.max(*time);
    }

    /// When a credential was used last in an organization, if that is later than what is written down.
    pub fn last_in(&self, id: &str, organization: OrganizationId, written: Option<Micros>) -> Option<Micros> {
        let noted = self.times_in.read().get(id).and_then(|times| times.get(&organization).copied());
        noted.max(written)
    }

    /// What is written down, by organizations' ids in hexadecimal digits, with what was noted since.
    pub fn joined_with(&self, id: &str, written: &BTreeMap<String, Micros>) -> BTreeMap<String, Micros> {
        let mut joined = written.clone();
        for (organization, time) in self.times_in.read().get(id).into_iter().flatten() {
            let joined = joined.entry(organization.to_hex()).or_insert(*time);
            *joined = (*joined).max(*time);
        }
        joined
    }

    /// When a credential was used last, if that is later than what is written down.
    pub fn last(&self, id: &str, written: Micros) -> Micros {
        self.times.read().get(id).map_or(written, |time| time.load(Ordering::Relaxed).max(written))
    }

    /// Forgets credentials that are no more, so that memory is bounded by those that are.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.times.write().retain(|id, _| exists(id));
        self.times_in.write().retain(|id, _| exists(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_use_counts_and_what_is_gone_is_forgotten() {
        let uses = Uses::default();
        assert_eq!(uses.last("a", 5), 5);
        uses.note("a", 7);
        uses.note("a", 6);
        assert_eq!((uses.last("a", 5), uses.last("a", 9)), (7, 9));
        let (one, other) = (OrganizationId([1; 16]), OrganizationId([2; 16]));
        uses.note_in("a", one, 7);
        uses.note_in("a", one, 7 + APART);
        assert_eq!((uses.last_in("a", one, None), uses.last_in("a", other, None)), (Some(7 + APART), None));
        assert_eq!(uses.last_in("a", one, Some(8 + APART)), Some(8 + APART));
        let written = BTreeMap::from([(one.to_hex(), 9), (other.to_hex(), 3)]);
        let joined = BTreeMap::from([(one.to_hex(), 7 + APART), (other.to_hex(), 3)]);
        assert_eq!(uses.joined_with("a", &written), joined);
        uses.retain(|id| id != "a");
        assert_eq!((uses.last("a", 5), uses.last_in("a", one, None)), (5, None));
    }
}
