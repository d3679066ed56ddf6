//! What the reader brings along: the log's key, earlier checkpoints, witnesses' keys. An export is measured by it.

use actarium_core::tlog::{KeyKind, SignedCheckpoint, VerifierKey};

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
