//! A witness over HTTP (c2sp.org/tlog-witness): `POST /add-checkpoint`, and what one may want to know of it. A service of its
//! own, for another machine than the one whose logs it watches; it shares nothing with the audit log's.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actarium_core::tlog::{ADD_CHECKPOINT_BYTES_MAX, TREE_SIZE_FORM, VerifierKey, WitnessRefusal};
use actarium_store::witness::{Witness, WitnessError, WitnessOpenError};
use actarium_store::{SystemClock, SystemEntropy};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::limits;

/// How a witness is started.
#[derive(Clone, Debug)]
pub struct WitnessServiceOptions {
    /// Its folder; made if it is not there.
    pub folder: PathBuf,
    /// Where to listen; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The name of its key; `None` for what the folder has, or the default for a new one.
    pub name: Option<String>,
    /// The keys of the logs that it signs for.
    pub logs: Vec<VerifierKey>,
}

/// Why a witness did not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// Its folder cannot be used.
    #[error(transparent)]
    Open(#[from] WitnessOpenError),
    /// Serving ended badly.
    #[error("serving ended with a fault: {0}")]
    Fault(String),
}

struct Shared {
    witness: Witness,
    places: Semaphore,
}

/// Serves until `shutdown` is done. Tells `listening` the address and the verifier key once requests are answered.
///
/// # Errors
/// See [`WitnessServeError`].
pub async fn serve(
    options: WitnessServiceOptions,
    listening: oneshot::Sender<(SocketAddr, VerifierKey)>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), WitnessServeError> {
    let unusable = |error| WitnessServeError::Listen(options.listen, error);
    let listener = TcpListener::bind(options.listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let opening = tokio::task::spawn_blocking(move || {
        let WitnessServiceOptions { folder, name, logs, .. } = options;
        Witness::open(&folder, name.as_deref(), logs, Arc::new(SystemClock::new()), &SystemEntropy)
    });
    let witness = opening.await.map_err(|error| WitnessServeError::Fault(error.to_string()))??;
    let key = witness.verifier_key().clone();
    tracing::info!(%address, %key, "listening");
    let places = Semaphore::new(limits::WITNESS_REQUESTS_AT_ONCE_MAX);
    let router = router(Arc::new(Shared { witness, places }));
    // Nobody may be waiting for it any more; that is no reason not to serve.
    let _ = listening.send((address, key));
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
    served.map_err(|error| WitnessServeError::Fault(error.to_string()))
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/key", get(key))
        .route("/healthz", get(async || text(StatusCode::OK, "ok\n".to_owned())))
        .route("/{origin}/checkpoint", get(last_checkpoint))
        .with_state(shared)
}

fn text(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn said(status: u16, detail: &str) -> Response {
    text(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), format!("{detail}\n"))
}

async fn add_checkpoint(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    let Ok(_place) = shared.places.try_acquire() else {
        return said(503, "too many requests at this moment");
    };
    let reading = axum::body::to_bytes(body, ADD_CHECKPOINT_BYTES_MAX);
    let body = match tokio::time::timeout(limits::WITNESS_REQUEST_TIME_MAX, reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return said(413, &format!("a request has at most {ADD_CHECKPOINT_BYTES_MAX} bytes")),
        Err(_) => return said(408, "the request took too long"),
    };
    let signing = shared.clone();
    let signed = tokio::task::spawn_blocking(move || signing.witness.add_checkpoint(&body)).await;
    match signed {
        Ok(Ok(line)) => text(StatusCode::OK, line),
        Ok(Err(error)) => refused(&error),
        Err(_) => said(500, "the witness failed on this request"),
    }
}

fn refused(error: &WitnessError) -> Response {
    let status = match error {
        WitnessError::Malformed(_) => 400,
        WitnessError::UnknownLog(_) => 404,
        WitnessError::Storage(_) => 500,
        WitnessError::Refused(WitnessRefusal::Size { known }) => {
            let mut response = said(409, &known.to_string());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TREE_SIZE_FORM));
            return response;
        }
        WitnessError::Refused(refusal) => {
            if matches!(refusal, WitnessRefusal::Proof(_)) {
                tracing::error!(%error, "a log has sent a checkpoint that contradicts its last one");
            }
            refusal.status()
        }
    };
    said(status, &error.to_string())
}

async fn key(State(shared): State<Arc<Shared>>) -> Response {
    text(StatusCode::OK, format!("{}\n", shared.witness.verifier_key()))
}

async fn last_checkpoint(State(shared): State<Arc<Shared>>, Path(origin): Path<String>) -> Response {
    let looking = shared.clone();
    match tokio::task::spawn_blocking(move || looking.witness.last_checkpoint(&origin)).await {
        Ok(Ok(Some(note))) => text(StatusCode::OK, note),
        Ok(Ok(None)) => said(404, "no checkpoint of such a log was signed here"),
        Ok(Err(_)) | Err(_) => said(500, "what this witness signed last cannot be read; its operator has to look"),
    }
}
