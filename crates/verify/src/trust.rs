//! What the reader brings along: the log's key, earlier checkpoints, witnesses' keys. An export is measured by it.

use std::collections::BTreeMap;

use actarium_core::time;
use actarium_core::tlog::{KeyKind, SignedCheckpoint, VerifierKey};

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

    /// Puts it into the report.
    pub fn tell(self, report: &mut Report) {
        for (name, (size, seconds)) in self.0 {
            let at = i64::try_from(seconds).unwrap_or_default().saturating_mul(1_000_000);
            report.anchors.push(format!("witness {name} saw the log at {size} events, on {}", time::to_text(at)));
        }
    }
}
