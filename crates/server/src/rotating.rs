//! Changing the key that signs checkpoints. The service is stopped meanwhile. Both keys sign the hand-over, the operator's log
//! records it, and every log is published anew under the new key; what the old one signed stays verifiable.

use std::sync::Arc;

use actarium_store::{AppendError, Clock, Engine, EngineOptions, Entropy, OpenError, ReadError, take_prepared_key};

use crate::app::OPERATOR_SLUG;
use crate::problem::Problem;
use crate::recorder::{OwnRecord, service_target};
use crate::serve::service_actor;

/// A key that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The verifier key of the service that was.
    pub old: String,
    /// The one that is.
    pub new: String,
    /// The hand-over, signed by both.
    pub note: String,
    /// Logs whose checkpoints were signed anew.
    pub logs: usize,
}

/// Why it was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to sign for.
    #[error("the folder has no operator's log yet: start the service once")]
    New,
    /// The last checkpoints of the old key cannot be published.
    #[error("the last checkpoints by the old key cannot be published, and nothing has changed: {0}")]
    Publish(#[from] ReadError),
    /// The hand-over cannot be recorded.
    #[error("the hand-over cannot be recorded, and nothing has changed: {0}")]
    Record(#[from] AppendError),
    /// The event cannot be made.
    #[error("the event cannot be made, and nothing has changed: {}", .0.detail)]
    Event(Problem),
    /// The key was changed and the rest was not reached.
    #[error("the key is changed; what is left to do is done by the next start of the service: {0}")]
    Unfinished(String),
    /// The program failed.
    #[error("the work broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Changes the signing key of a folder that no service has open. Done again after it broke off, it goes on.
///
/// # Errors
/// See [`RotateError`].
pub async fn rotate_log_key(
    options: EngineOptions,
    (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    explanation: &str,
) -> Result<Rotated, RotateError> {
    let options = EngineOptions { checkpoints_every: None, ..options };
    let engine = open(&options, (&clock, &entropy)).await?;
    let handed_over = hand_over(&engine, &options, clock.as_ref(), explanation).await;
    tokio::task::spawn_blocking(move || engine.shutdown()).await?;
    let mut rotated = handed_over?;
    let unfinished = |error: String| RotateError::Unfinished(error);
    take_prepared_key(&options).map_err(|error| unfinished(error.to_string()))?;
    let engine = open(&options, (&clock, &entropy)).await.map_err(|error| unfinished(error.to_string()))?;
    let publishing = tokio::task::spawn_blocking(move || {
        let published = engine.publish_checkpoints();
        engine.shutdown();
        published
    });
    rotated.logs = publishing.await?.map_err(|error| unfinished(error.to_string()))?;
    Ok(rotated)
}

async fn open(
    options: &EngineOptions,
    (clock, entropy): (&Arc<dyn Clock>, &Arc<dyn Entropy>),
) -> Result<Arc<Engine>, RotateError> {
    let (options, clock, entropy) = (options.clone(), clock.clone(), entropy.clone());
    Ok(tokio::task::spawn_blocking(move || Engine::open(options, clock, entropy)).await??)
}

async fn hand_over(
    engine: &Arc<Engine>,
    options: &EngineOptions,
    clock: &dyn Clock,
    explanation: &str,
) -> Result<Rotated, RotateError> {
    let operator = engine.organization(OPERATOR_SLUG).ok_or(RotateError::New)?;
    let (preparing, options) = (engine.clone(), options.clone());
    let prepared = tokio::task::spawn_blocking(move || -> Result<_, RotateError> {
        preparing.publish_checkpoints()?;
        Ok(preparing.prepare_log_key(&options)?)
    });
    let prepared = prepared.await??;
    let (old, new) = (prepared.handover.old.to_string(), prepared.handover.new.to_string());
    let note = prepared.note().to_owned();
    let record = OwnRecord::new("audit_log.key.rotate", service_actor(), service_target())
        .with("explanation", explanation)
        .changing("/log_key", old.clone(), new.clone())
        .with_whole("handover", &note);
    let rows = record.encode(clock).map_err(RotateError::Event)?;
    engine.hand_over(prepared, operator.id, rows).await?;
    Ok(Rotated { old, new, note, logs: 0 })
}
