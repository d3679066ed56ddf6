//! The outermost layer: request ids, bounds on heads, panics, problems made into bytes, measurements, the access log.
//!
//! The log has method, route, status, duration, sizes and ids; never a body, a credential, a path or a query with values.

use std::any::Any;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::body::declared_bytes;
use crate::context::{Context, Peer, REQUEST_ID};
use crate::dispatch::Met;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::scim::error as scim;

/// Bytes that a header takes besides its name and value.
const HEADER_OVERHEAD_BYTES: usize = 4;

struct InFlight<'a>(&'a App);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Answers a request through the layers below, whatever happens there.
#[allow(clippy::disallowed_methods, reason = "only the duration of a request is measured")]
pub async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    app.metrics.in_flight.fetch_add(1, Relaxed);
    let in_flight = InFlight(&app);
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let sender = app.proxies.sender(peer, request.headers());
    if let Some(header) = app.proxies.ignored(peer, request.headers()) {
        tell_of_unnamed_proxy(&app, header, peer);
    }
    let context = Context::new(request.headers(), sender, app.entropy.as_ref());
    request.extensions_mut().insert(context.clone());
    let method = request.method().clone();
    let of_scim = scim::is_scim_path(request.uri().path());
    let body_bytes = declared_bytes(request.headers());
    let mut response = match head_within_bounds(request.uri(), request.headers()) {
        Ok(()) => uninterrupted(next.run(request)).await,
        Err(problem) => problem.into_response(),
    };
    drop(in_flight);
    let problem = response.extensions().get::<Arc<Problem>>().cloned();
    if let Some(problem) = &problem {
        if of_scim {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(scim::SCIM_JSON));
            *response.body_mut() = Body::from(scim::render(problem));
        } else {
            *response.body_mut() = Body::from(problem.render(&context.request_id));
        }
    }
    let tls = context.tls || app.public_url.as_ref().is_some_and(|url| url.is_https());
    finish_headers(response.headers_mut(), &context, tls);
    let met = response.extensions().get::<Met>().map(|met| met.0);
    let duration = begun.elapsed();
    let status = response.status();
    let position = met.map_or(usize::MAX, |route| route.position());
    app.metrics.answered(position, status.as_u16(), problem.as_ref().map(|problem| problem.kind), duration);
    let micros = duration.as_micros() as u64;
    let route = met.map_or("none", |route| route.path);
    let kind = problem.as_ref().map(|problem| problem.kind.name());
    let request_id = &*context.request_id;
    let status = status.as_u16();
    if status >= 500 {
        tracing::warn!(%method, route, status, micros, body_bytes, problem = kind, request_id, "request failed");
    } else if status >= 400 {
        tracing::info!(%method, route, status, micros, body_bytes, problem = kind, request_id, "request refused");
    } else {
        tracing::debug!(%method, route, status, micros, body_bytes, problem = kind, request_id, "request answered");
    }
    response
}

/// Says once that a proxy may not have been named: all who come through it have its address then, and wait for each other's guesses.
/// Clients write such headers too, so every other time it is only counted.
fn tell_of_unnamed_proxy(app: &App, header: &'static str, peer: Option<IpAddr>) {
    if app.metrics.forwarding_ignored.fetch_add(1, Relaxed) > 0 {
        return;
    }
    let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
    tracing::warn!(
        peer,
        header,
        "a request says whom it was forwarded for and is not believed, as it came from no trusted proxy: if a proxy of yours \
         has this address, name it with `--trusted-proxy`, and with `--proxy-header` the header that it writes; \
         `actarium_forwarding_ignored_total` counts such requests"
    );
}

/// Runs a handler to its end; a panic in it becomes a problem.
async fn uninterrupted(running: impl Future<Output = Response>) -> Response {
    let mut running = pin!(running);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(panic) => {
            tracing::error!(panic = panic_text(panic.as_ref()), "a request handler panicked");
            Poll::Ready(Problem::new(Kind::Internal, "the server failed on this request").into_response())
        }
    })
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("of no text")
}

fn head_within_bounds(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let uri_bytes = uri.path_and_query().map_or(0, |whole| whole.as_str().len());
    if uri_bytes > limits::URI_BYTES_MAX {
        return Err(Problem::new(Kind::UriTooLong, format!("longer than {} bytes", limits::URI_BYTES_MAX)));
    }
    let header_bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD_BYTES).sum();
    if headers.len() > limits::HEADERS_MAX || header_bytes > limits::HEADER_BYTES_MAX {
        let (count, bytes) = (limits::HEADERS_MAX, limits::HEADER_BYTES_MAX);
        return Err(Problem::new(Kind::HeadersTooLarge, format!("more than {count} headers or {bytes} bytes of them")));
    }
    Ok(())
}

/// What every answer carries.
fn finish_headers(headers: &mut HeaderMap, context: &Context, tls: bool) {
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(&REQUEST_ID, id);
    }
    // Answers hold audit events and secrets: they are for the one who asked, once, as what they say they are.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // An answer is no page: nothing in it is to be run, loaded or framed. A page of ours brings a policy of its own.
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[tokio::test]
    async fn a_panic_becomes_a_problem() {
        for text in [true, false] {
            let panicking = async move {
                tokio::task::yield_now().await;
                if text { panic!("of {}", "text") } else { std::panic::panic_any(7) }
            };
            let response = uninterrupted(panicking).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        let quiet = uninterrupted(async { StatusCode::OK.into_response() }).await;
        assert_eq!(quiet.status(), StatusCode::OK);
    }

    #[test]
    fn heads_are_bounded_by_bytes_and_number() {
        let uri: Uri = "/v1/orgs".parse().unwrap();
        let mut headers = HeaderMap::new();
        for number in 0..limits::HEADERS_MAX {
            let name: header::HeaderName = format!("x-{number}").parse().unwrap();
            headers.insert(name, HeaderValue::from_static("1"));
        }
        assert!(head_within_bounds(&uri, &headers).is_ok());
        headers.insert("x-more", HeaderValue::from_static("1"));
        assert_eq!(head_within_bounds(&uri, &headers).unwrap_err().kind, Kind::HeadersTooLarge);
        let long: Uri = format!("/{}", "x".repeat(limits::URI_BYTES_MAX)).parse().unwrap();
        assert_eq!(head_within_bounds(&long, &HeaderMap::new()).unwrap_err().kind, Kind::UriTooLong);
    }
}
