//! Erasure of a person and later redaction: what is found (`find`), what is left of a redacted event (`remainder`), how it
//! is put on record before anything goes (`recorded`), and the job that carries it out (`work`). Who may ask for it and
//! approve it is decided in `handlers::removals`; how parts of events are removed is the store's.

mod find;
mod naming;
mod recorded;
mod remainder;
mod second_person;
mod work;

use actarium_core::hex::to_hex;
use actarium_core::limits::{ID_CHARS_MAX, TARGET_TYPE_CHARS_MAX};
use actarium_store::{Engine, OrganizationId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub use find::{Found, names_one_of, of_events, of_person};
pub use naming::{Naming, Tells};
pub use recorded::put_on_record;
pub use remainder::remainders;
pub use second_person::{Tied, could_approve, listed, settle, tied_to};
pub use work::{Progress, Work, keep_up, nameless, saved_searches_naming, type_and_id};

/// What the key of pseudonyms is derived for.
const PSEUDONYM_PURPOSE: &str = "pseudonyms of erased persons";

/// The types whose ids stand for a person. What else acts or is acted on, keys, groups, the log itself, is nobody's personal
/// affair: taking it out of the records would take away who did what.
const PERSON_TYPES: [&str; 2] = ["user", "invitation"];

/// Who is erased: an actor or target by type and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The type.
    pub kind: String,
    /// The id.
    pub id: String,
}

impl Subject {
    /// Reads `type:id` of a person; what follows the first colon is the id.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let named = |text: &str, chars_max: usize| (1..=chars_max).contains(&text.chars().count());
        match text.split_once(':') {
            Some((kind, id)) if named(id, ID_CHARS_MAX) && PERSON_TYPES.contains(&kind) => {
                Ok(Self { kind: kind.to_owned(), id: id.to_owned() })
            }
            Some((kind, id)) if named(kind, TARGET_TYPE_CHARS_MAX) && named(id, ID_CHARS_MAX) => {
                let allowed = PERSON_TYPES.join(" or ");
                Err(format!("must be a person: the type is {allowed}, such as user:u_123, and not {kind}"))
            }
            _ => Err("must be a type and an id with a colon between them, such as user:u_123".to_owned()),
        }
    }

    /// Whether this is who is meant.
    fn is(&self, kind: &str, id: &str) -> bool {
        self.kind == kind && self.id == id
    }

    /// What stands for them in records: the same for the same person, and nobody without the key tells whose it is.
    ///
    /// # Panics
    /// Never: a key of HMAC may have any length.
    pub fn pseudonym(&self, engine: &Engine, organization: OrganizationId) -> String {
        let key = engine.organization_secret(organization, PSEUDONYM_PURPOSE);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
        mac.update(format!("{}:{}", self.kind, self.id).as_bytes());
        to_hex(&mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_type_and_an_id() {
        let subject = Subject::parse("user:urn:x:1").unwrap();
        assert!(subject.is("user", "urn:x:1") && !subject.is("agent", "urn:x:1"));
        for bad in ["", "user", "user:", ":u_1", "audit_log:acme", "api_key:operator", "group:admin", "session:s_1"] {
            assert!(Subject::parse(bad).is_err(), "{bad}");
        }
    }
}
