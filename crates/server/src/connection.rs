//! Accepting connections and serving HTTP/1.1 on them, with the bounds that only the connection itself can hold: time
//! for the head of a request, its size, for how long an answer may lie untaken, the number of connections. It must not know what is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::App;
use crate::context::Peer;
use crate::limits;
use crate::patience::Patient;

/// Most bytes that are buffered of a head; above what `observe` refuses by name, so that most get a problem.
const HEAD_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Pause after an error of accepting, such as too many open files.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(50);
/// Errors of accepting between two that are told, as they go on until descriptors are free again.
const ACCEPT_ERRORS_PER_WARNING: u64 = 1_200;

/// Serves connections of the listener until the order to stop, then lets running requests finish within
/// [`limits::SHUTDOWN_TIME_MAX`].
pub async fn serve(listener: TcpListener, router: Router, app: Arc<App>, stopping: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections_max()));
    let mut errors = 0;
    loop {
        let accepting = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepting => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                errors = 0;
                let connection = Connection { stream, address, router: router.clone(), app: app.clone() };
                connection.start(&graceful, place.ok());
            }
            Err(error) => {
                if errors % ACCEPT_ERRORS_PER_WARNING == 0 {
                    tracing::warn!(%error, "a connection could not be accepted; it is tried again");
                }
                errors += 1;
                tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
            }
        }
    }
    drop(listener);
    let finished = tokio::time::timeout(limits::SHUTDOWN_TIME_MAX, graceful.shutdown()).await;
    if finished.is_err() {
        tracing::warn!("requests were still running when their time was over");
    }
}

/// As many connections as file descriptors allow: the process takes what the system grants it, and the store has its
/// share, so that a crowd of clients cannot keep it from opening its files.
fn connections_max() -> usize {
    let granted = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: granted.maximum, maximum: granted.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { granted.maximum } else { granted.current };
    let descriptors = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if descriptors < 2 * limits::DESCRIPTORS_FOR_STORE {
        let wanted = 2 * limits::DESCRIPTORS_FOR_STORE;
        tracing::warn!(descriptors, wanted, "the limit of open files (ulimit -n) is low: expect refusals under load");
    }
    let left = descriptors.saturating_sub(limits::DESCRIPTORS_FOR_STORE).max(descriptors / 2);
    left.clamp(1, limits::CONNECTIONS_MAX)
}

struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    app: Arc<App>,
}

impl Connection {
    fn start(self, graceful: &GracefulShutdown, place: Option<tokio::sync::OwnedSemaphorePermit>) {
        let Self { stream, address, router, app } = self;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let peer = Peer(address.ip().to_canonical());
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADER_READ_TIME_MAX)
            .max_buf_size(HEAD_BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(Patient::new(stream, limits::STREAM_STALLED_TIME_MAX)), service);
        let watched = graceful.watch(connection);
        app.metrics.connections.fetch_add(1, Relaxed);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended with an error");
            }
            app.metrics.connections.fetch_sub(1, Relaxed);
            drop(place);
        });
    }
}
