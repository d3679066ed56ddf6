//! What the reader brings along: the log's key, earlier checkpoints, witnesses' keys. An export is measured by it.

use std::collections::BTreeMap;

use actarium_core::time;
use actarium_core::tlog::{CheckpointError, KeyHistory, KeyKind, SignedCheckpoint, VerifierKey};

use serde::Deserialize;

use crate::report::Report;

/// What the reader knows from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The log's verifier key.
    pub key: Option<VerifierKey>,
    /// Checkpoints of the log that were kept.
    pub anchors: Vec<SignedCheckpoint>,
    /// Keys of witnesses.
    pub witnesses: Vec<VerifierKey>,
    /// Changes of the log's key, as signed notes, for what does not bring them along itself. They are verified where they are
    /// used.
    pub handovers: Vec<String>,
}

/// Something brought along that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TrustError(String);

impl Trust {
    /// Adds the log's key, as `name+id+base64`.
    ///
    /// # Errors
    /// If it is none.
    pub fn add_key(&mut self, text: &str) -> Result<(), TrustError> {
        let key = VerifierKey::parse(text.trim()).map_err(|error| TrustError(format!("--key: {error}")))?;
        if key.kind() != KeyKind::Log {
            return Err(TrustError("--key: it is a witness's key; give it as --witness".to_owned()));
        }
        self.key = Some(key);
        Ok(())
    }

    /// Adds a witness's key.
    ///
    /// # Errors
    /// If it is none.
    pub fn add_witness(&mut self, text: &str) -> Result<(), TrustError> {
        let key = VerifierKey::parse(text.trim()).map_err(|error| TrustError(format!("--witness: {error}")))?;
        if key.kind() != KeyKind::Witness {
            return Err(TrustError("--witness: it is a log's key; give it as --key".to_owned()));
        }
        self.witnesses.push(key);
        Ok(())
    }

    /// Adds a checkpoint that was kept.
    ///
    /// # Errors
    /// If it is none.
    pub fn add_anchor(&mut self, bytes: &[u8]) -> Result<(), TrustError> {
        let anchor = SignedCheckpoint::parse(bytes).map_err(|error| TrustError(format!("--anchor: {error}")))?;
        self.anchors.push(anchor);
        Ok(())
    }

    /// Adds the changes of the log's key: the `handovers.ndjson` of an export, or what a service answers.
    ///
    /// # Errors
    /// If it is neither.
    pub fn add_handovers(&mut self, bytes: &[u8]) -> Result<(), TrustError> {
        for read in serde_json::Deserializer::from_slice(bytes).into_iter::<Handovers>() {
            match read {
                Ok(Handovers::One { note }) => self.handovers.push(note),
                Ok(Handovers::All { handovers }) => self.handovers.extend(handovers),
                Err(_) => {
                    let detail = "--handovers: it is neither the handovers.ndjson of an export nor a service's answer";
                    return Err(TrustError(detail.to_owned()));
                }
            }
        }
        Ok(())
    }
}

/// A line of hand-overs: one of them, or all.
#[derive(Deserialize)]
#[serde(untagged)]
enum Handovers {
    One { note: String },
    All { handovers: Vec<String> },
}

/// An origin without the number of its generation, and that number: a log that was restored from an older backup goes on under
/// the origin with `/2` behind it, then `/3`.
pub(crate) fn generation_of(origin: &str) -> (&str, u64) {
    let is_id = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let split = origin.rsplit_once('/').and_then(|(base, number)| {
        let canonical = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|number| canonical && *number >= 2)?;
        let id = base.rsplit('/').next()?;
        is_id(id).then_some((base, number))
    });
    split.unwrap_or((origin, 1))
}

/// The origin of a generation of the log with this name.
pub(crate) fn origin_of_generation(base: &str, generation: u64) -> String {
    if generation <= 1 { base.to_owned() } else { format!("{base}/{generation}") }
}

impl Trust {
    /// The reader's key as that of the log with this origin: a key of another generation of the same log is its key too.
    pub(crate) fn key_for(&self, origin: &str) -> Option<VerifierKey> {
        let key = self.key.as_ref()?;
        let of_log = generation_of(key.name()).0 == generation_of(origin).0;
        let named = of_log.then(|| VerifierKey::new(origin, KeyKind::Log, *key.public()).ok()).flatten();
        named.or_else(|| Some(key.clone()))
    }
}

/// The key that an export or a log names as its own, with the hand-overs that led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnKeys {
    pub key: Option<VerifierKey>,
    pub history: KeyHistory,
}

impl OwnKeys {
    /// Takes hand-overs, as signed notes; what is wrong with them goes into the report.
    pub fn take_handovers(&mut self, notes: &[String], report: &mut Report) {
        match KeyHistory::verify(notes.iter().map(String::as_bytes)) {
            Ok(history) => self.history = history,
            Err((number, error)) => report.find(format!("hand-over {number} of the log's key"), error.to_string()),
        }
    }

    /// Compares the log's own key with the one that the reader gave, which may have been handed over since.
    pub fn compare(&self, trust: &Trust, report: &mut Report) {
        let Some(own) = &self.key else { return };
        let Some(wanted) = trust.key_for(own.name()) else { return };
        let followers = self.history.from(&wanted);
        if !followers.contains(own) {
            let what = match (wanted.name() == own.name(), self.history.around(&wanted).contains(own)) {
                (false, _) => "another log",
                (true, true) => "the one that you gave has taken its place since",
                (true, false) => "signed with another key",
            };
            report.find("key", format!("it is {own}, and not the one that you gave ({wanted}): {what}"));
        } else if wanted != *own {
            let last = self.history.handovers().last().map(|last| time::to_text(last.at)).unwrap_or_default();
            report.statements.push(format!(
                "the log's key was changed since the one that you gave: {} hand-overs, the last on {last}, each signed by \
                 both keys; it is {own} now",
                followers.len() - 1
            ));
        }
    }

    /// Whether the newest checkpoint is signed by the reader's key or one that it was handed over to; without one, by the
    /// log's own.
    pub fn check_newest(&self, signed: &SignedCheckpoint, trust: &Trust, report: &mut Report) {
        let given = trust.key_for(&signed.checkpoint.origin);
        let keys = match (&given, &self.key) {
            (Some(key), _) => self.history.from(key),
            (None, Some(own)) => vec![own.clone()],
            (None, None) => return,
        };
        let vouches = match (signed.verify_by_one_of(&keys), &given) {
            (Ok(by), Some(given)) if by == *given => {
                format!("the checkpoint is signed by the key that you gave, {}", by.name())
            }
            (Ok(by), Some(_)) => {
                format!(
                    "the checkpoint is signed by a key that the one that you gave was handed over to, {}",
                    by.name()
                )
            }
            (Ok(_), None) => return,
            (Err(error), _) => return report.find("checkpoint", error.to_string()),
        };
        report.anchor(&signed.checkpoint.origin, signed.checkpoint.size, vouches);
    }

    /// Every key that signs for a log or did, by the one that the reader gave; without one, by the log's own.
    pub fn all(&self, origin: &str, trust: &Trust) -> Vec<VerifierKey> {
        let known = trust.key_for(origin).or_else(|| self.key.clone());
        known.map(|key| self.history.around(&key)).unwrap_or_default()
    }

    /// Whether an earlier checkpoint is signed by any key that the log had; what it signs is compared with the tree besides.
    pub fn verify_earlier(&self, signed: &SignedCheckpoint, trust: &Trust) -> Result<(), CheckpointError> {
        match trust.key_for(&signed.checkpoint.origin).or_else(|| self.key.clone()) {
            Some(key) => signed.verify_by_one_of(&self.history.around(&key)).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// What witnesses that the reader trusts have seen of a log: of each the most.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<String, (u64, u64)>);

impl Seen {
    /// Notes who signed a checkpoint that was found to be of this log. A signature that is not good is wrong.
    pub fn note(&mut self, place: &str, signed: &SignedCheckpoint, trust: &Trust, report: &mut Report) {
        match signed.witnesses(&trust.witnesses) {
            Ok(witnesses) => {
                for witness in witnesses {
                    let saw = (signed.checkpoint.size, witness.time_seconds.unwrap_or_default());
                    let most = self.0.entry(witness.key.name().to_owned()).or_default();
                    *most = saw.max(*most);
                }
            }
            Err(error) => report.find(place, error.to_string()),
        }
    }

    /// Puts it into the report of the log with this origin.
    pub fn tell(self, origin: &str, report: &mut Report) {
        for (name, (size, seconds)) in self.0 {
            let at = i64::try_from(seconds).unwrap_or_default().saturating_mul(1_000_000);
            let saw = format!("witness {name} saw the log at {size} events, on {}", time::to_text(at));
            report.anchor(origin, size, saw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_numbers_behind_an_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let first = format!("log.example/{id}");
        assert_eq!(generation_of(&first), (first.as_str(), 1));
        assert_eq!(generation_of(&format!("{first}/2")), (first.as_str(), 2));
        for other in ["1", "02", "x", ""] {
            let origin = format!("{first}/{other}");
            assert_eq!(generation_of(&origin), (origin.as_str(), 1));
        }
        assert_eq!(generation_of("log.example/3"), ("log.example/3", 1));
    }
}
