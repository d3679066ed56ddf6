//! What the tests sent and what they were told about it: the other side of the server's promise. Must not ask the server.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use serde_json::Value;

/// What a 201 said of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its position.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Its time.
    pub recorded_at: String,
}

/// One request to record events.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The organization's slug.
    pub organization: String,
    /// The `Idempotency-Key`, if it had one.
    pub key: Option<String>,
    /// The events, each with a `metadata.marker` of its own.
    pub events: Vec<Value>,
    /// What was answered; `None` while the request is, or was left, without an answer.
    pub answer: Option<Vec<Acknowledged>>,
}

/// Every request of a test, in the order they began.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: Mutex<Vec<Sent>>,
    /// Slugs of organizations that were made.
    organizations: Mutex<BTreeSet<String>>,
    /// Heads that were seen: size and root by organization.
    heads: Mutex<HashMap<(String, u64), String>>,
}

/// The marker of an event that a test sent; `None` for those that Actarium made itself.
#[must_use]
pub fn marker_of(event: &Value) -> Option<&str> {
    event["metadata"]["marker"].as_str()
}

impl Ledger {
    /// Notes that a request is about to be sent; returns its number.
    pub fn begin(&self, sent: Sent) -> usize {
        let mut all = self.sent.lock();
        all.push(sent);
        all.len() - 1
    }

    /// Notes that an organization was made.
    pub fn made(&self, organization: &str) {
        self.organizations.lock().insert(organization.to_owned());
    }

    /// The organizations that were made.
    #[must_use]
    pub fn organizations(&self) -> Vec<String> {
        self.organizations.lock().iter().cloned().collect()
    }

    /// Notes the answer of a request, 200 or 201.
    ///
    /// # Panics
    /// When it contradicts itself or an earlier one.
    pub fn answered(&self, number: usize, answer: &Value) {
        let events = answer["events"].as_array().expect("an answer lists the events");
        let acknowledged: Vec<Acknowledged> = events
            .iter()
            .map(|event| Acknowledged {
                seq: event["seq"].as_u64().expect("a seq"),
                id: event["id"].as_str().expect("an id").to_owned(),
                recorded_at: event["recorded_at"].as_str().expect("a recorded_at").to_owned(),
            })
            .collect();
        let organization = {
            let mut all = self.sent.lock();
            let sent = &mut all[number];
            assert_eq!(acknowledged.len(), sent.events.len(), "one answer per event");
            if let Some(before) = &sent.answer {
                assert_eq!(before, &acknowledged, "the same request again is answered the same");
            }
            sent.answer = Some(acknowledged);
            sent.organization.clone()
        };
        self.saw_head(&organization, &answer["as_of"]);
    }

    /// Notes a head, and that a size has one root for ever.
    ///
    /// # Panics
    /// When the same size had another root before.
    pub fn saw_head(&self, organization: &str, as_of: &Value) {
        let size = as_of["size"].as_u64().expect("as_of has a size");
        let root = as_of["root"].as_str().expect("as_of has a root").to_owned();
        let mut heads = self.heads.lock();
        let known = heads.entry((organization.to_owned(), size)).or_insert_with(|| root.clone());
        assert_eq!(*known, root, "the root of {organization} at {size} changed");
    }

    /// The largest acknowledged size of an organization.
    #[must_use]
    pub fn size_seen(&self, organization: &str) -> u64 {
        let heads = self.heads.lock();
        heads.keys().filter(|(of, _)| of == organization).map(|(_, size)| *size).max().unwrap_or(0)
    }

    /// A copy of all requests.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().clone()
    }

    /// One request.
    #[must_use]
    pub fn get(&self, number: usize) -> Sent {
        self.sent.lock()[number].clone()
    }

    /// The numbers of those without an answer.
    #[must_use]
    pub fn unanswered(&self) -> Vec<usize> {
        let all = self.sent.lock();
        all.iter().enumerate().filter(|(_, sent)| sent.answer.is_none()).map(|(number, _)| number).collect()
    }

    /// The account as it stands, for a later comparison.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            sent: Mutex::new(self.sent()),
            organizations: Mutex::new(self.organizations.lock().clone()),
            heads: Mutex::new(self.heads.lock().clone()),
        }
    }

    /// The account as it stood, with what was sent later and may or may not have been recorded by then.
    #[must_use]
    pub fn before(&self, later: &Self) -> Self {
        let copy = self.copy();
        let further = later.sent().into_iter().map(|sent| Sent { answer: None, ..sent });
        {
            let mut sent = copy.sent.lock();
            let known = sent.len();
            sent.extend(further.skip(known));
        }
        copy
    }

    /// How many events were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.sent.lock().iter().filter_map(|sent| sent.answer.as_ref()).map(Vec::len).sum()
    }
}
