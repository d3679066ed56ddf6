//! How requests to a bucket are sent: by the HTTP client and TLS that the whole service uses. Blocks in threads of its own.
//! A request that is to lock what it puts is signed once more here, with the headers that say so.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::request::Parts;
use ureq::http::uri::Scheme;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::bucket::ObjectLock;

/// Time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Time from the end of a request to the beginning of its answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Time of a request with its answer: a segment has some ten megabytes.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(120);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

const LOCK_MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const LOCK_UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-sdk-checksum-algorithm");

/// Travels with a request that puts what is to be locked: until when, in RFC 3339, or as long as the bucket does by itself.
#[derive(Clone, Debug)]
pub(super) struct Locking(pub Option<String>);

/// What a request is signed with.
#[derive(Debug)]
pub(super) struct Signing {
    pub credentials: AwsCredentialProvider,
    pub region: String,
}

/// Makes clients.
#[derive(Debug)]
pub(super) struct Connector {
    pub roots: Option<RootCerts>,
    /// Known once the store is built, which needs the connector.
    pub signing: Arc<OnceLock<Signing>>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tls = TlsConfig::builder();
        if let Some(roots) = &self.roots {
            tls = tls.root_certs(roots.clone());
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_recv_response(Some(ANSWER_TIME_MAX))
            .timeout_global(Some(REQUEST_TIME_MAX))
            .user_agent(concat!("actarium/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        Ok(HttpClient::new(Client { agent: config.into(), allows_http, signing: self.signing.clone() }))
    }
}

#[derive(Debug)]
struct Client {
    agent: Agent,
    allows_http: bool,
    signing: Arc<OnceLock<Signing>>,
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.uri().scheme() == Some(&Scheme::HTTP) && !self.allows_http {
            let told = "its endpoint is http, without encryption; set AWS_ALLOW_HTTP=true if that is meant";
            return Err(HttpError::new(HttpErrorKind::Unknown, std::io::Error::other(told)));
        }
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        if let Some(Locking(until)) = parts.extensions.get::<Locking>().cloned() {
            parts = self
                .sign_locked(parts, &body, until.as_deref())
                .await
                .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        }
        let agent = self.agent.clone();
        let sent = tokio::task::spawn_blocking(move || send(&agent, parts, &body)).await;
        sent.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?
    }
}

impl Client {
    /// The request with the headers of the lock, which the signature has to cover.
    async fn sign_locked(&self, parts: Parts, body: &Bytes, until: Option<&str>) -> Result<Parts, object_store::Error> {
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic { store: "S3", source };
        let signing = self.signing.get().ok_or_else(|| failed("its credentials are not known yet".into()))?;
        let credential = signing.credentials.get_credential().await?;
        let mut request = Request::from_parts(parts, body.clone().into());
        if let Some(until) = until {
            let until = HeaderValue::from_str(until).map_err(|error| failed(Box::new(error)))?;
            request.headers_mut().insert(LOCK_MODE, HeaderValue::from_static("COMPLIANCE"));
            request.headers_mut().insert(LOCK_UNTIL, until);
        }
        // What is to be locked is taken with a checksum alone, and this says that there is one.
        if request.headers().contains_key(CHECKSUM) {
            request.headers_mut().insert(CHECKSUM_ALGORITHM, HeaderValue::from_static("SHA256"));
        }
        let signer = AwsAuthorizer::new(&credential, "s3", &signing.region);
        signer.try_authorize(&mut request, Some(&Sha256::digest(body)))?;
        Ok(request.into_parts().0)
    }
}

fn send(agent: &Agent, mut parts: Parts, body: &Bytes) -> Result<HttpResponse, HttpError> {
    let has_body = parts.method == Method::PUT || parts.method == Method::POST;
    // The client says it itself.
    parts.headers.remove(header::CONTENT_LENGTH);
    let answered = if has_body {
        agent.run(Request::from_parts(parts, &body[..]))
    } else {
        agent.run(Request::from_parts(parts, ()))
    };
    let (mut parts, mut body) = answered.map_err(failed)?.into_parts();
    let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?;
    if let Some(lock) = lock_of(&parts.headers) {
        parts.extensions.insert(lock);
    }
    let body = Full::new(Bytes::from(bytes)).map_err(|never| match never {});
    Ok(Response::from_parts(parts, HttpResponseBody::new(body)))
}

fn lock_of(headers: &HeaderMap) -> Option<ObjectLock> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
    Some(ObjectLock { mode: text(LOCK_MODE)?, until: text(LOCK_UNTIL)? })
}

fn failed(error: ureq::Error) -> HttpError {
    use std::io::ErrorKind;
    let kind = match &error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => HttpErrorKind::Connect,
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
        ureq::Error::Io(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

/// Reads the certificates of a PEM file, by which whoever is asked over TLS is believed.
///
/// # Errors
/// If it cannot be read or holds none.
pub fn read_roots(path: &Path) -> Result<RootCerts, std::io::Error> {
    let pem = std::fs::read(path)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(std::io::Error::other)? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(std::io::Error::other("the file holds no certificate"));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
