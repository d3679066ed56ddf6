//! Having checkpoints signed: for every witness, every log that has grown since its last signature. A witness that does
//! not answer is asked again, ever more seldom; nobody waits for it, but for a moment at the start.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use actarium_core::tlog::{AddCheckpoint, SignedCheckpoint};
use actarium_store::{Organization, ProofError, Published, StoredCosignature};

use super::client::Answer;
use super::{Known, Standing};
use crate::app::App;
use crate::limits;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What became of one request.
enum Asked {
    Signed(StoredCosignature),
    Refused(String),
    Contradicts(String),
}

/// Why there is nothing to tell about a log.
enum Failed {
    /// The witness does not answer: no other log need be tried.
    Unreachable(String),
    /// This log cannot be read.
    Log(String),
}

/// Asks all witnesses about all logs once, before anything is written, for at most [`limits::WITNESSES_AT_START_TIME_MAX`]: a
/// log that was rolled back is to be known before it goes on.
pub async fn ask_at_start(app: &Arc<App>) {
    if app.witnesses.known.is_empty() {
        return;
    }
    let publishing = app.engine.clone();
    let published = tokio::task::spawn_blocking(move || publishing.publish_checkpoints()).await;
    if !matches!(published, Ok(Ok(_))) {
        tracing::warn!("checkpoints cannot be published; witnesses are asked later");
        return;
    }
    let asking: Vec<_> = (0..app.witnesses.known.len())
        .map(|index| {
            let app = app.clone();
            tokio::task::spawn_blocking(move || round(&app, index, true))
        })
        .collect();
    let all = async {
        for asked in asking {
            let _ = asked.await;
        }
    };
    if tokio::time::timeout(limits::WITNESSES_AT_START_TIME_MAX, all).await.is_err() {
        tracing::warn!("not all witnesses have answered at the start; they are asked on");
    }
}

/// Asks one witness again and again, until it is aborted.
pub async fn keep_up(app: Arc<App>, index: usize) {
    let mut pause = app.witnesses.every;
    loop {
        tokio::time::sleep(pause).await;
        let asking = app.clone();
        let reached = tokio::task::spawn_blocking(move || round(&asking, index, false)).await.unwrap_or(false);
        pause = if reached { app.witnesses.every } else { (pause * 2).min(limits::WITNESS_RETRY_PAUSE_MAX) };
    }
}

/// Asks a witness about every log that has grown since its last signature, or about all. Whether it answers.
fn round(app: &App, index: usize, all: bool) -> bool {
    let Some(known) = app.witnesses.known.get(index) else { return true };
    let _turn = known.turn.lock();
    let (mut made, mut reached) = (Vec::new(), true);
    for organization in app.engine.organizations() {
        if app.stopping.is_cancelled() {
            break;
        }
        let Some(published) = app.engine.published(organization.id) else { continue };
        let signed = app.engine.newest_cosignatures(organization.id);
        let last = signed.iter().find(|kept| kept.witness == known.id).map_or(0, |kept| kept.size);
        let contradicts = matches!(known.standings.lock().get(&organization.id), Some(Standing::Contradicts(_)));
        if contradicts || (last >= published.size && !all) {
            continue;
        }
        let standing = match ask(app, known, &organization, &published, last) {
            Ok(Asked::Signed(cosignature)) => {
                known.signed.fetch_add(1, Relaxed);
                *known.last_signed_at.lock() = Some(cosignature.signed_at);
                made.push(cosignature);
                Standing::Signed
            }
            Ok(Asked::Refused(detail)) => refused(known, &organization, detail),
            Ok(Asked::Contradicts(detail)) => {
                known.failed.fetch_add(1, Relaxed);
                app.engine.stop_writes(organization.id, &detail);
                Standing::Contradicts(detail)
            }
            Err(Failed::Log(detail)) => {
                tracing::warn!(organization = %organization.slug, detail, "a checkpoint cannot be proved to a witness");
                continue;
            }
            Err(Failed::Unreachable(detail)) => {
                unreachable(app, known, detail);
                reached = false;
                break;
            }
        };
        known.standings.lock().insert(organization.id, standing);
        if made.len() >= limits::COSIGNATURES_KEPT_AT_ONCE {
            keep(app, known, &mut made);
        }
    }
    keep(app, known, &mut made);
    reached
}

fn refused(known: &Known, organization: &Organization, detail: String) -> Standing {
    known.failed.fetch_add(1, Relaxed);
    let standing = Standing::Refused(detail);
    // Once for each log, not with every look.
    if known.standings.lock().get(&organization.id) != Some(&standing) {
        let Standing::Refused(detail) = &standing else { return standing };
        let witness = known.address.key.name();
        tracing::warn!(organization = %organization.slug, witness, detail, "a witness does not sign for this log");
    }
    standing
}

/// Nothing is known of any log then.
fn unreachable(app: &App, known: &Known, detail: String) {
    known.failed.fetch_add(1, Relaxed);
    let witness = known.address.key.name();
    tracing::warn!(witness, detail, "a witness cannot be asked; it is tried again");
    let mut standings = known.standings.lock();
    for organization in app.engine.organizations() {
        let standing = standings.entry(organization.id).or_insert(Standing::Signed);
        if !matches!(standing, Standing::Contradicts(_)) {
            *standing = Standing::Unreachable(detail.clone());
        }
    }
}

fn keep(app: &App, known: &Known, made: &mut Vec<StoredCosignature>) {
    if made.is_empty() {
        return;
    }
    if let Err(error) = app.engine.keep_cosignatures(std::mem::take(made)) {
        let witness = known.address.key.name();
        tracing::warn!(witness, %error, "signatures of a witness cannot be kept; it is asked again");
    }
}

/// Sends a log's newest checkpoint, and once more if the witness knows another size than it did.
fn ask(
    app: &App,
    known: &Known,
    organization: &Organization,
    published: &Published,
    last: u64,
) -> Result<Asked, Failed> {
    let (url, name) = (&known.address.url, known.address.key.name());
    let broken = |error: &dyn std::fmt::Display| Failed::Log(error.to_string());
    let checkpoint = SignedCheckpoint::parse(published.note.as_bytes()).map_err(|error| broken(&error))?;
    let mut old = last.min(published.size);
    for _ in 0..2 {
        let proof = if old == 0 || old == published.size {
            Vec::new()
        } else {
            let proof = app.engine.consistency_proof(organization.id, old, published.size);
            proof.map_err(|error: ProofError| broken(&error))?
        };
        let request = AddCheckpoint { old, proof, checkpoint: checkpoint.clone() };
        match app.witnesses.client.add_checkpoint(url, &request.to_string()).map_err(Failed::Unreachable)? {
            Answer::Signed(lines) => {
                let mut note = checkpoint.note.clone();
                lines.into_iter().for_each(|line| note.add(line));
                let signed = note.verify(std::slice::from_ref(&known.address.key));
                let signed =
                    signed.map_err(|error| Failed::Unreachable(format!("its signature is not good: {error}")))?;
                let seconds = signed.first().and_then(|signed| signed.time_seconds).unwrap_or_default();
                return Ok(Asked::Signed(StoredCosignature {
                    organization: organization.id,
                    witness: known.id.clone(),
                    size: published.size,
                    signed_at: i64::try_from(seconds).unwrap_or(0).saturating_mul(MICROS_PER_SECOND),
                    note: note.to_string(),
                }));
            }
            Answer::Size(size) if size > published.size => {
                return Ok(Asked::Contradicts(rolled_back(app, known, organization, published, size)));
            }
            Answer::Size(size) => old = size,
            Answer::Refused(422 | 409, _) => {
                return Ok(Asked::Contradicts(format!(
                    "the witness {name} has signed a checkpoint that this log does not go on from: it has another history \
                     than the one that was published"
                )));
            }
            Answer::Refused(status, detail) => {
                return Ok(Asked::Refused(format!("it does not sign (status {status}): {detail}")));
            }
        }
    }
    Err(Failed::Unreachable("it tells another size each time".to_owned()))
}

/// What is said of a log that is older than what a witness has signed of it.
fn rolled_back(app: &App, known: &Known, organization: &Organization, published: &Published, size: u64) -> String {
    let key = app.engine.verifier_key(organization.id);
    let keys = app.engine.verifier_keys(organization.id);
    let shown = app.witnesses.client.last_checkpoint(&known.address.url, key.name());
    let is_ours = shown
        .and_then(|note| SignedCheckpoint::parse(note.as_bytes()).ok())
        .is_some_and(|signed| signed.verify_by_one_of(&keys).is_ok() && signed.checkpoint.size == size);
    let proof = if is_ours { ", and shows this log's own signature under it" } else { "" };
    format!(
        "the witness {} has signed a checkpoint of {size} events{proof}; the newest here is of {}: the log is older than what \
         it published",
        known.address.key.name(),
        published.size
    )
}
