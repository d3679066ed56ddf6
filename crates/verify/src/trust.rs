//! What the reader brings along: the log's key, earlier checkpoints, witnesses' keys. An export is measured by it.

use std::collections::BTreeMap;

use actarium_core::row::Micros;
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

/// Whether two origins are of one log, whatever the generation.
pub fn is_same_log(one: &str, other: &str) -> bool {
    generation_of(one).0 == generation_of(other).0
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

/// What has to be given where no hand-over leads from one key to the other.
const HANDOVERS_MISSING: &str = "no hand-over leads from one to the other. If the log's key was changed in between, the hand-overs \
     are missing: give them with --handovers (GET …/log/handovers of the service, or handovers.ndjson of a later export). If it was \
     not, this was written anew by somebody else";

/// The key that an export or a log names as its own, with the hand-overs that led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnKeys {
    pub key: Option<VerifierKey>,
    pub history: KeyHistory,
}

impl OwnKeys {
    /// Takes hand-overs, as signed notes, those that the reader brought along among them; what is wrong with them goes into
    /// the report.
    pub fn take_handovers(&mut self, notes: &[String], trust: &Trust, report: &mut Report) {
        let verify = |notes: &[String]| KeyHistory::verify(notes.iter().map(String::as_bytes));
        match verify(notes) {
            Ok(history) => self.history = history,
            Err((number, error)) => report.find(format!("hand-over {number} of the log's key"), error.to_string()),
        }
        // Whoever made it knew of no later key than its own.
        let last = self.history.handovers().last();
        if let (Some(last), Some(own)) = (last, &self.key)
            && last.new.public() != own.public()
        {
            report.find("key", format!("it is {own}, and the hand-overs beside it lead to {}", last.new));
        }
        match verify(&trust.handovers) {
            // What is shown may have been made before the last of them, or after them.
            Ok(given) if self.history.handovers().starts_with(given.handovers()) => {}
            Ok(given) if given.handovers().starts_with(self.history.handovers()) => self.history = given,
            Ok(given) => {
                report.find("hand-overs of the log's key", "they are others than those that you gave");
                self.history = given;
            }
            Err((number, error)) => {
                report.find(format!("hand-over {number} of those that you gave"), error.to_string())
            }
        }
    }

    /// Compares the log's own key with the one that the reader gave, which may have been handed over since; or before, if what
    /// is shown was made some time ago (`is_kept`).
    pub fn compare(&self, is_kept: bool, trust: &Trust, report: &mut Report) {
        let Some(own) = &self.key else { return };
        let Some(wanted) = trust.key_for(own.name()) else { return };
        let followers = self.history.from(&wanted);
        let place = "key";
        let differs = format!("it is {own}, and not the one that you gave ({wanted})");
        if wanted.name() != own.name() {
            report.find(place, format!("{differs}: another log"));
        } else if wanted == *own {
        } else if followers.contains(own) {
            let last = self.history.handovers().last().map(|last| time::to_text(last.at)).unwrap_or_default();
            report.statements.push(format!(
                "the log's key was changed since the one that you gave: {} hand-overs, the last on {last}, each signed by \
                 both keys; they lead to {own}",
                followers.len() - 1
            ));
        } else if self.history.around(&wanted).contains(own) {
            // What a replaced key has signed is told with the checkpoint.
            if !is_kept {
                report.find(place, format!("{differs}, which has taken its place since"));
            }
        } else if self.history.knows(&wanted) {
            report.find(place, format!("{differs}: signed with another key, which no hand-over of this log knows"));
        } else {
            report.miss(place, format!("{differs}: signed with another key, and {HANDOVERS_MISSING}"));
        }
    }

    /// Whether the newest checkpoint is signed by the reader's key, which then vouches for it, or by one that it was handed over
    /// to; without one, by the log's own. `shown` is when the last event was recorded of what may have been kept for some time.
    pub fn check_newest(&self, signed: &SignedCheckpoint, shown: Option<Micros>, trust: &Trust, report: &mut Report) {
        let origin = &signed.checkpoint.origin;
        let Some(given) = trust.key_for(origin) else {
            if let Some(own) = &self.key {
                let by = signed.verify_by_one_of(std::slice::from_ref(own));
                by.err().into_iter().for_each(|error| report.find("checkpoint", error.to_string()));
            }
            return;
        };
        match signed.verify_by_one_of(&self.history.from(&given)) {
            Ok(by) if by == given => {
                let by = format!("the checkpoint is signed by the key that you gave, {}", by.name());
                report.anchor(origin, signed.checkpoint.size, by);
            }
            Ok(by) => self.tell_followed(&given, &by, report),
            Err(error) => match signed.verify_by_one_of(&self.history.around(&given)) {
                Ok(replaced) if shown.is_some() => self.tell_replaced(&replaced, shown, report),
                Ok(_) => report.find("checkpoint", error.to_string()),
                Err(_) if given.name() != origin || self.history.knows(&given) => {
                    report.find("checkpoint", error.to_string());
                }
                // Of the key that is shown along it is said already that no hand-over leads to it.
                Err(_) => match self.key.as_ref().map(|own| signed.verify_by_one_of(std::slice::from_ref(own))) {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => report.find("checkpoint", error.to_string()),
                    None => report.miss("checkpoint", format!("{error}; {HANDOVERS_MISSING}")),
                },
            },
        }
    }

    /// A key has signed that hand-overs lead to from the reader's. Whoever has kept a replaced key can hand over from it to a key
    /// of their own, and nothing that the old key signs tells that from the true hand-over: so this is followed, and anchors nothing.
    fn tell_followed(&self, given: &VerifierKey, by: &VerifierKey, report: &mut Report) {
        let handover = self.history.handovers().iter().find(|one| one.old.public() == given.public());
        let on = handover.map(|one| format!(" on {}", time::to_text(one.at))).unwrap_or_default();
        report.undecided.push(format!(
            "whether {by} is the log's key: it has signed the checkpoint, and a hand-over alone leads to it, from the key that you gave, \
             which was replaced{on}. Who has kept that one can hand over to a key of their own: get the log's present key from a source \
             of your own, or give a checkpoint that you kept or a witness's key"
        ));
    }

    /// Of checkpoints from before that a log was proved to begin with, the reader's key vouches for those that it has signed itself,
    /// where it was replaced since.
    pub fn anchor_by_replaced<'s>(
        &self,
        origin: &str,
        kept: impl IntoIterator<Item = &'s SignedCheckpoint>,
        trust: &Trust,
        report: &mut Report,
    ) {
        let by_replaced = kept.into_iter().filter(|signed| self.is_by_replaced(signed, trust));
        if let Some(end) = by_replaced.map(|signed| signed.checkpoint.size).max() {
            let by =
                format!("the log begins with the {end} events of a checkpoint that the key you gave has signed itself");
            report.anchor(origin, end, by);
        }
    }

    /// Whether the reader's key has signed this, where hand-overs lead from it to the log's own: what it signed itself is all that
    /// it vouches for then.
    fn is_by_replaced(&self, signed: &SignedCheckpoint, trust: &Trust) -> bool {
        let (Some(given), Some(own)) = (trust.key_for(&signed.checkpoint.origin), &self.key) else { return false };
        let leads_to_own = self.history.from(&given).iter().skip(1).any(|key| key.public() == own.public());
        leads_to_own && signed.verify(&given).is_ok()
    }

    /// A key has signed that was replaced by the reader's. The hand-over says that it was the log's, and not when it signed:
    /// whoever has kept it can sign with it still, so it anchors nothing.
    fn tell_replaced(&self, replaced: &VerifierKey, shown: Option<Micros>, report: &mut Report) {
        let handover = self.history.handovers().iter().find(|one| one.old.public() == replaced.public());
        let Some(at) = handover.map(|one| one.at) else { return };
        let on = time::to_text(at);
        if shown.is_some_and(|shown| shown > at) {
            let problem =
                format!("it is signed by a key that was replaced on {on}, and shows what was recorded after that");
            return report.find("checkpoint", problem);
        }
        report.statements.push(format!(
            "the checkpoint is signed by a key of this log from before yours, {replaced}, which it was handed over from on {on}"
        ));
        report.undecided.push(format!(
            "whether the replaced key signed before {on}: who has kept it could have signed since. A checkpoint that you kept or a \
             witness's signature shows it"
        ));
    }

    /// Every key that signs for a log or did, by the one that the reader gave; without one, by the log's own.
    pub fn all(&self, origin: &str, trust: &Trust) -> Vec<VerifierKey> {
        let known = trust.key_for(origin).or_else(|| self.key.clone());
        known.map(|key| self.history.around(&key)).unwrap_or_default()
    }

    /// Whether an earlier checkpoint is signed by any key that the log had; what it signs is compared with the tree besides.
    pub fn verify_earlier(&self, signed: &SignedCheckpoint, trust: &Trust) -> Result<(), CheckpointError> {
        let given = trust.key_for(&signed.checkpoint.origin);
        // Where nothing leads from the reader's key to the log's own, that is said already.
        let is_led_to =
            |given: &VerifierKey| self.key.as_ref().is_none_or(|own| self.history.around(given).contains(own));
        match given.filter(is_led_to).or_else(|| self.key.clone()) {
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
