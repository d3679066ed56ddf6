//! When sessions and tokens were used last. Each request notes it in memory; it is written to the directory only every
//! few minutes, so that reading does not become writing. What is lost with a crash makes a session seem idle for
//! those minutes, no longer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

use actarium_core::row::Micros;
use parking_lot::RwLock;

/// Last uses by the public id of the credential.
#[derive(Debug, Default)]
pub struct Uses {
    times: RwLock<HashMap<String, AtomicI64>>,
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

    /// When a credential was used last, if that is later than what is written down.
    pub fn last(&self, id: &str, written: Micros) -> Micros {
        self.times.read().get(id).map_or(written, |time| time.load(Ordering::Relaxed).max(written))
    }

    /// Forgets credentials that are no more, so that memory is bounded by those that are.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.times.write().retain(|id, _| exists(id));
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
        uses.retain(|id| id != "a");
        assert_eq!(uses.last("a", 5), 5);
    }
}
