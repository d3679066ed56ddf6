//! The event by which a log goes on as its next generation, after a restore from a backup that is older than what was
//! published. A generation without it is none: whoever signs or verifies under the origin of one asks for this event, and for
//! the checkpoint in it that the log's own key has signed.

use crate::event::OWN_SOURCE;
use crate::row::{Column, RowView};
use crate::stored;
use crate::tlog::{Checkpoint, SignedCheckpoint, VerifierKey};

/// The action of the event.
pub const CONTINUE_ACTION: &str = "audit_log.continue";

/// What the first event of a generation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The generation that it is the first event of, from 2 on.
    pub generation: u64,
    /// The origin of the generation before.
    pub previous_origin: String,
    /// Events that the last known checkpoint of that generation signs.
    pub previous_size: u64,
    /// Events that the restore brought back, which is its own sequence number.
    pub restored_size: u64,
    /// The last checkpoint that was known of the generation before, a signed note.
    pub checkpoint: String,
}

/// Whether an event is one by which a log goes on. A try that failed is none.
pub fn is_continuation(row: &RowView<'_>) -> bool {
    row.get(Column::Action) == Some(CONTINUE_ACTION)
        && row.get(Column::Source) == Some(OWN_SOURCE)
        && row.get(Column::Outcome) == Some("success")
}

impl Continuation {
    /// What an event says that [`is_continuation`]; nothing, if its detail is gone or not shown.
    ///
    /// # Errors
    /// What cannot be read of it.
    pub fn of(row: &RowView<'_>) -> Result<Option<Self>, String> {
        let Some(metadata) = row.get(Column::Metadata) else { return Ok(None) };
        let mut texts = stored::whole_texts(metadata);
        let mut text = |key: &str| texts.remove(key).ok_or_else(|| format!("it does not say {key}"));
        let number =
            |key: &str, text: String| text.parse::<u64>().map_err(|_| format!("it does not say {key} as a number"));
        let generation = number("generation", text("generation")?)?;
        if generation < 2 {
            return Err(format!("it opens generation {generation}, and a log begins with the first"));
        }
        let previous_size = number("previous_size", text("previous_size")?)?;
        let restored_size = number("restored_size", text("restored_size")?)?;
        let (previous_origin, checkpoint) = (text("previous_origin")?, text("checkpoint")?);
        Ok(Some(Self { generation, previous_origin, previous_size, restored_size, checkpoint }))
    }

    /// Whether it opens the generation `number`, as the event `seq`, of a log whose generation before had these keys, under
    /// the origin that they name.
    ///
    /// # Errors
    /// What it says that does not fit.
    pub fn check(&self, number: u64, seq: u64, previous_keys: &[VerifierKey]) -> Result<(), String> {
        if self.generation != number {
            return Err(format!("it opens generation {}, not {number}", self.generation));
        }
        if self.restored_size != seq {
            return Err(format!(
                "it says that the log was restored to {} events, and is event {seq}",
                self.restored_size
            ));
        }
        if let Some(key) = previous_keys.iter().find(|key| key.name() != self.previous_origin) {
            return Err(format!("it goes on from {}, not from {}", self.previous_origin, key.name()));
        }
        let signed = SignedCheckpoint::parse(self.checkpoint.as_bytes());
        let signed = signed.map_err(|error| format!("the checkpoint in it: {error}"))?;
        signed.verify_by_one_of(previous_keys).map_err(|error| format!("the checkpoint in it: {error}"))?;
        let Checkpoint { origin, size, .. } = &signed.checkpoint;
        if (origin, *size) != (&self.previous_origin, self.previous_size) {
            return Err(format!("the checkpoint in it is of {size} events of {origin}, which it does not say"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::tlog::KeyKind;

    const ORIGIN: &str = "log.example/0123456789abcdef0123456789abcdef";

    fn key(seed: u8) -> (SigningKey, VerifierKey) {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = VerifierKey::new(ORIGIN, KeyKind::Log, secret.verifying_key().to_bytes()).unwrap();
        (secret, public)
    }

    fn checkpoint(seed: u8) -> String {
        let (secret, public) = key(seed);
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 12, root: [7; 32] };
        checkpoint.sign(&public, &|message| secret.sign(message).to_bytes()).unwrap().to_string()
    }

    fn read(metadata: &serde_json::Value) -> Result<Option<Continuation>, String> {
        let metadata = metadata.to_string();
        let mut row = RowView::EMPTY;
        row.texts[Column::Metadata as usize] = Some(&metadata);
        Continuation::of(&row)
    }

    fn metadata(seed: u8) -> serde_json::Value {
        let note = checkpoint(seed);
        let (one, other) = note.split_at(20);
        serde_json::json!({"generation": 2, "previous_origin": ORIGIN, "previous_size": 12, "restored_size": 10, "checkpoint": one, "checkpoint.2": other})
    }

    #[test]
    fn the_event_opens_its_own_generation_and_no_other() {
        let opened = read(&metadata(1)).unwrap().unwrap();
        let keys = [key(1).1];
        assert_eq!(opened.check(2, 10, &keys), Ok(()));
        assert!(opened.check(3, 10, &keys).unwrap_err().contains("generation 2, not 3"));
        assert!(opened.check(2, 11, &keys).unwrap_err().contains("restored to 10 events"));
        assert!(opened.check(2, 10, &[key(2).1]).unwrap_err().contains("checkpoint"), "another key has signed it");
        let other = VerifierKey::new("log.example/other", KeyKind::Log, *keys[0].public()).unwrap();
        assert!(opened.check(2, 10, &[other]).unwrap_err().contains("goes on from"));
        let mut longer = metadata(1);
        longer["previous_size"] = 13.into();
        let longer = read(&longer).unwrap().unwrap();
        assert!(longer.check(2, 10, &keys).unwrap_err().contains("of 12 events"));
        let mut first = metadata(1);
        first["generation"] = 1.into();
        assert!(read(&first).unwrap_err().contains("begins with the first"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for missing in ["generation", "previous_origin", "previous_size", "restored_size", "checkpoint"] {
            let mut metadata = metadata(1);
            metadata.as_object_mut().unwrap().remove(missing);
            assert!(read(&metadata).unwrap_err().contains(missing), "{missing}");
        }
        assert_eq!(Continuation::of(&RowView::EMPTY), Ok(None), "its detail is not shown");
    }

    #[test]
    fn a_try_that_failed_and_an_event_of_others_are_none() {
        let mut row = RowView::EMPTY;
        for (column, text) in
            [(Column::Action, CONTINUE_ACTION), (Column::Source, OWN_SOURCE), (Column::Outcome, "success")]
        {
            row.texts[column as usize] = Some(text);
        }
        assert!(is_continuation(&row));
        for (column, other) in
            [(Column::Action, "audit_log.verify"), (Column::Source, "api"), (Column::Outcome, "failure")]
        {
            let mut row = row;
            row.texts[column as usize] = Some(other);
            assert!(!is_continuation(&row));
        }
    }
}
