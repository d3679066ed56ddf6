//! Hand-overs: a log that changes its key says so in a note that both keys sign. The old one vouches for the new one, so
//! whoever trusts the old one can go on; the new one vouches for the old one, so what that signed before stays the log's.
//!
//! One note for a service, as its key stands for the logs of all its organizations.

use std::fmt;

use super::note::{KeyKind, Note, NoteError, SignatureLine, VerifierKey};
use crate::row::Micros;
use crate::time;

/// First line of the text that is signed.
const TITLE: &str = "actarium/key-handover/v1";

/// A change of a log's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The key that signed until then; its name is the log's.
    pub old: VerifierKey,
    /// The key that signs from then on, under the same name.
    pub new: VerifierKey,
    /// When, in microseconds since 1970.
    pub at: Micros,
}

/// Why a hand-over is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// The note is none.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no hand-over.
    #[error("not a hand-over of a log's key: {0}")]
    Malformed(&'static str),
    /// One of the keys has not signed it.
    #[error("the {0} key has not signed it: both have to")]
    Unsigned(&'static str),
    /// It does not go on from the one before it.
    #[error("the key that it hands over is not the one that the hand-over before it led to")]
    Gap,
}

/// What signs with one key.
pub type Sign<'s> = &'s dyn Fn(&[u8]) -> [u8; 64];

impl Handover {
    /// Signs it with the old key and with the new one.
    ///
    /// # Errors
    /// If the keys are not two of one log.
    pub fn sign(&self, by_old: Sign<'_>, by_new: Sign<'_>) -> Result<Note, HandoverError> {
        self.check()?;
        let text = self.to_string();
        let signatures =
            vec![SignatureLine::by_log(&self.old, &text, by_old), SignatureLine::by_log(&self.new, &text, by_new)];
        Ok(Note::new(text, signatures)?)
    }

    fn check(&self) -> Result<(), HandoverError> {
        let malformed = HandoverError::Malformed;
        if self.old.kind() != KeyKind::Log || self.new.kind() != KeyKind::Log {
            return Err(malformed("a key is a witness's"));
        }
        if self.old.name() != self.new.name() {
            return Err(malformed("its keys have different names"));
        }
        if self.old == self.new {
            return Err(malformed("its keys are the same"));
        }
        Ok(())
    }

    /// Reads a note and verifies that both keys signed it.
    ///
    /// # Errors
    /// See [`HandoverError`].
    pub fn verify(bytes: &[u8]) -> Result<Self, HandoverError> {
        let note = Note::parse(bytes)?;
        let handover = Self::parse(note.text())?;
        for (key, which) in [(&handover.old, "old"), (&handover.new, "new")] {
            match note.verify(std::slice::from_ref(key)) {
                Ok(_) => {}
                Err(NoteError::Unknown { .. }) => return Err(HandoverError::Unsigned(which)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(handover)
    }

    fn parse(text: &str) -> Result<Self, HandoverError> {
        let malformed = HandoverError::Malformed;
        let lines: Vec<&str> = text.lines().collect();
        let [title, old, new, at] = lines[..] else { return Err(malformed("it has not 4 lines")) };
        if title != TITLE {
            return Err(malformed("its first line is not `actarium/key-handover/v1`"));
        }
        let key = |text: &str| VerifierKey::parse(text).map_err(|_| malformed("a line is not a verifier key"));
        let at = time::parse(at).map_err(|_| malformed("its last line is not a time"))?;
        let handover = Self { old: key(old)?, new: key(new)?, at };
        handover.check()?;
        // One spelling, so that what is shown is what was signed.
        if handover.to_string() != text {
            return Err(malformed("a key or the time is not spelled as it is written"));
        }
        Ok(handover)
    }
}

impl fmt::Display for Handover {
    /// The text that is signed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{TITLE}\n{}\n{}\n{}", self.old, self.new, time::to_text(self.at))
    }
}

/// The keys of a log, one after the other, as its hand-overs lead from each to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHistory {
    handovers: Vec<Handover>,
}

impl KeyHistory {
    /// Verifies hand-overs, the first one first.
    ///
    /// # Errors
    /// The number of the first that cannot be taken, from 1 on, and why.
    pub fn verify<'n>(notes: impl IntoIterator<Item = &'n [u8]>) -> Result<Self, (usize, HandoverError)> {
        let mut handovers: Vec<Handover> = Vec::new();
        for (index, note) in notes.into_iter().enumerate() {
            let handover = Handover::verify(note).map_err(|error| (index + 1, error))?;
            if handovers.last().is_some_and(|before| before.new != handover.old) {
                return Err((index + 1, HandoverError::Gap));
            }
            handovers.push(handover);
        }
        Ok(Self { handovers })
    }

    /// The hand-overs, the first one first.
    pub fn handovers(&self) -> &[Handover] {
        &self.handovers
    }

    /// Every key that the log had or has, the first one first; empty if it never changed.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.handovers.iter().take(1).map(|first| &first.old).chain(self.handovers.iter().map(|one| &one.new))
    }

    /// Whether a key is one of them, under the name of an origin of this log's.
    pub fn knows(&self, key: &VerifierKey) -> bool {
        self.is_of(key.name()) && self.keys().any(|known| known.public() == key.public())
    }

    /// Whether an origin is one of this log's: the log's name, a slash, and more.
    pub fn is_of(&self, origin: &str) -> bool {
        let Some(name) = self.handovers.first().map(|first| first.old.name()) else { return false };
        origin.strip_prefix(name).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    }

    /// The key and those that followed it, under the name of an origin. Only itself, if no hand-over knows it.
    pub fn from(&self, key: &VerifierKey) -> Vec<VerifierKey> {
        let publics: Vec<&[u8; 32]> = self.keys().map(VerifierKey::public).collect();
        let at = publics.iter().position(|public| *public == key.public()).filter(|_| self.is_of(key.name()));
        let Some(at) = at else { return vec![key.clone()] };
        let named = |public: &&[u8; 32]| VerifierKey::new(key.name(), KeyKind::Log, **public).ok();
        publics[at..].iter().filter_map(named).collect()
    }

    /// The key and those before and after it, under the name of an origin. Only itself, if no hand-over knows it.
    pub fn around(&self, key: &VerifierKey) -> Vec<VerifierKey> {
        match self.knows(key) {
            true => self
                .keys()
                .filter_map(|known| VerifierKey::new(key.name(), KeyKind::Log, *known.public()).ok())
                .collect(),
            false => vec![key.clone()],
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    fn key(seed: u8, name: &str) -> (SigningKey, VerifierKey) {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let verifier = VerifierKey::new(name, KeyKind::Log, secret.verifying_key().to_bytes()).unwrap();
        (secret, verifier)
    }

    fn note(old: u8, new: u8) -> String {
        let ((old_secret, old), (new_secret, new)) = (key(old, "log.example"), key(new, "log.example"));
        let handover = Handover { old, new, at: 1_767_326_400_000_000 };
        let note = handover
            .sign(&|message| old_secret.sign(message).to_bytes(), &|message| new_secret.sign(message).to_bytes())
            .unwrap();
        assert_eq!(Handover::verify(note.to_string().as_bytes()).unwrap(), handover);
        note.to_string()
    }

    #[test]
    fn both_keys_have_to_sign() {
        let whole = note(1, 2);
        let lines: Vec<&str> = whole.lines().collect();
        let without = |number: usize| {
            let kept = lines.iter().enumerate().filter(|(at, _)| *at != number).map(|(_, line)| *line);
            kept.collect::<Vec<_>>().join("\n") + "\n"
        };
        assert_eq!(Handover::verify(without(5).as_bytes()), Err(HandoverError::Unsigned("old")));
        assert_eq!(Handover::verify(without(6).as_bytes()), Err(HandoverError::Unsigned("new")));
        let changed = whole.replace("2026-01-02", "2026-01-03");
        assert_ne!(changed, whole);
        assert!(matches!(Handover::verify(changed.as_bytes()), Err(HandoverError::Note(NoteError::Forged { .. }))));
    }

    #[test]
    fn a_hand_over_is_between_two_keys_of_one_log() {
        let ((secret, old), (_, other)) = (key(1, "log.example"), key(2, "log.other"));
        let sign = |message: &[u8]| secret.sign(message).to_bytes();
        for new in [old.clone(), other] {
            let handover = Handover { old: old.clone(), new, at: 0 };
            assert!(matches!(handover.sign(&sign, &sign), Err(HandoverError::Malformed(_))));
        }
    }

    #[test]
    fn keys_follow_one_another() {
        let notes = [note(1, 2), note(2, 3)];
        let history = KeyHistory::verify(notes.iter().map(String::as_bytes)).unwrap();
        let origin = "log.example/0123456789abcdef0123456789abcdef";
        let of = |seeds: &[u8]| seeds.iter().map(|seed| key(*seed, origin).1).collect::<Vec<_>>();
        assert_eq!(history.from(&key(1, origin).1), of(&[1, 2, 3]));
        assert_eq!(history.from(&key(2, origin).1), of(&[2, 3]), "what the old key signs later is not taken");
        assert_eq!(history.from(&key(9, origin).1), of(&[9]), "a key that nobody handed over to");
        assert_eq!(history.around(&key(3, origin).1), of(&[1, 2, 3]));
        assert_eq!(history.around(&key(9, origin).1), of(&[9]));
        let elsewhere = key(1, "log.examples/0123456789abcdef0123456789abcdef").1;
        assert_eq!(history.from(&elsewhere), vec![elsewhere.clone()], "another log's");
    }

    #[test]
    fn a_gap_is_refused() {
        let notes = [note(1, 2), note(3, 4)];
        assert_eq!(KeyHistory::verify(notes.iter().map(String::as_bytes)), Err((2, HandoverError::Gap)));
        let reversed = [note(2, 3), note(1, 2)];
        assert_eq!(KeyHistory::verify(reversed.iter().map(String::as_bytes)), Err((2, HandoverError::Gap)));
    }
}
