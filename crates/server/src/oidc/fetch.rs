//! Asking an identity provider over HTTP, within bounds: no redirect is followed, no proxy used, the time, the bytes and the
//! addresses are limited. Blocks; callers are on a thread that may.
//!
//! The addresses are checked where the name is resolved for the very connection that is made, so a name that resolves
//! to something else a moment later (DNS rebinding) gains nothing.

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::addresses::is_public;
use super::endpoint::Reach;
use crate::limits;

/// Why a provider gave no answer that can be used. The details are for the operator's log alone: told to whoever chose
/// the URL, they would make this service a port scanner.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, no answer in time, too large an answer, or a forbidden address.
    #[error("{url}: {detail}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What went wrong.
        detail: String,
    },
    /// An answer of another status than 200.
    #[error("{url}: answered with status {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
}

/// Asks providers.
#[derive(Clone, Debug)]
pub struct Fetcher {
    agent: Agent,
}

impl Fetcher {
    /// One that asks what the operator allows. `roots`: the certificates that providers' own are checked against, instead of
    /// the public ones.
    pub fn new(reach: Reach, roots: Option<RootCerts>) -> Self {
        let mut tls = TlsConfig::builder();
        if let Some(roots) = roots {
            tls = tls.root_certs(roots);
        }
        let config = Agent::config_builder()
            .https_only(!reach.http_on_loopback)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .timeout_global(Some(limits::PROVIDER_ANSWER_TIME_MAX))
            .user_agent(concat!("actarium/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .tls_config(tls.build())
            .build();
        let resolver = CheckedResolver { reach, inner: DefaultResolver::default() };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver) }
    }

    /// Gets a document; `authorization` is sent as the header of that name.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn get(&self, url: &str, authorization: Option<&str>) -> Result<Vec<u8>, FetchError> {
        let mut request = self.agent.get(url);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        read(url, request.call())
    }

    /// Posts a form.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn post(&self, url: &str, form: &str, authorization: Option<&str>) -> Result<Vec<u8>, FetchError> {
        let mut request = self.agent.post(url).header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        read(url, request.send(form))
    }
}

fn read(url: &str, answered: Result<ureq::http::Response<ureq::Body>, Error>) -> Result<Vec<u8>, FetchError> {
    let unreachable = |error: Error| FetchError::Unreachable { url: url.to_owned(), detail: error.to_string() };
    let mut response = answered.map_err(unreachable)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(FetchError::Status { url: url.to_owned(), status });
    }
    response.body_mut().with_config().limit(limits::PROVIDER_ANSWER_BYTES_MAX).read_to_vec().map_err(unreachable)
}

/// Resolves names and lets no address through that must not be asked.
#[derive(Debug)]
struct CheckedResolver {
    reach: Reach,
    inner: DefaultResolver,
}

impl Resolver for CheckedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let addresses = self.inner.resolve(uri, config, timeout)?;
        let plain = uri.scheme() != Some(&Scheme::HTTPS);
        // All of them, not one that will do: a name that also stands for a private address is not a provider's.
        let allowed = addresses.iter().all(|address| may_ask(self.reach, plain, address.ip().to_canonical()));
        if allowed { Ok(addresses) } else { Err(Error::Other("the host has an address that must not be asked".into())) }
    }
}

fn may_ask(reach: Reach, plain: bool, address: std::net::IpAddr) -> bool {
    if plain {
        return reach.http_on_loopback && address.is_loopback();
    }
    reach.private_networks || is_public(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_as_the_operator_allows() {
        let ask = |private_networks, http_on_loopback, plain, address: &str| {
            may_ask(Reach { private_networks, http_on_loopback }, plain, address.parse().unwrap())
        };
        assert!(ask(false, false, false, "8.8.8.8"));
        assert!(!ask(false, false, false, "10.0.0.1"));
        assert!(!ask(false, false, false, "127.0.0.1"));
        assert!(!ask(false, true, false, "127.0.0.1"), "HTTPS on this machine is a private network");
        assert!(ask(false, true, true, "127.0.0.1"));
        assert!(ask(true, false, false, "10.0.0.1"));
        assert!(!ask(true, true, true, "10.0.0.1"), "plain HTTP leaves this machine for nothing");
        assert!(!ask(true, true, true, "8.8.8.8"));
    }

    #[test]
    fn a_name_of_this_machine_is_not_asked() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0"] {
            let fetched = Fetcher::new(Reach::default(), None).get(&format!("https://{host}:{port}/"), None);
            assert!(matches!(fetched, Err(FetchError::Unreachable { .. })), "{host}: {fetched:?}");
        }
        listener.set_nonblocking(true).unwrap();
        let accepted = listener.accept();
        assert!(accepted.is_err(), "a connection was made: {accepted:?}");
    }
}
