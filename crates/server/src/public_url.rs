//! The address under which people reach the service, when it is another than the one it listens on.
//!
//! Whoever sends a request chooses its `Host`; a link that took it over would lead people, and the secret in the link, to
//! wherever the sender likes. So it is not believed, but for a name of this very machine while only this machine is listened
//! to: what is forwarded to another port can be reached there alone.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::Authority;

/// What links begin with where no public URL was configured: the address that is listened on, or, if that is a loopback
/// address, a loopback name that the client sent as `Host`.
pub fn origin_without_public_url(listening_on: SocketAddr, host: Option<&str>, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    match host.filter(|host| listening_on.ip().is_loopback() && is_loopback_name(host)) {
        Some(host) => format!("{scheme}://{}", host.to_ascii_lowercase()),
        None => format!("{scheme}://{listening_on}"),
    }
}

/// Whether a `Host` names this very machine (RFC 6761, section 6.3), with or without a port.
fn is_loopback_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = name.to_ascii_lowercase();
            let is_below = name.strip_suffix(".localhost").is_some_and(|label| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            });
            name == "localhost" || is_below
        }
    }
}

/// Scheme, host and port: what links to the service begin with, and the `Origin` of its own pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
}

impl PublicUrl {
    /// `https://audit.example.com`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers come over TLS.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The whole address of a path of the service; the path begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "must be https:// or http:// with a host, an optional port and no path".to_owned();
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(refused)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(refused)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('#') || authority.host().is_empty()
        {
            return Err(refused());
        }
        let default_port = if scheme == "https" { 443 } else { 80 };
        // Browsers leave the scheme's own port out of an origin.
        let host = authority.host().to_ascii_lowercase();
        let origin = match authority.port_u16() {
            Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        };
        Ok(Self { origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_taken_from_the_client_and_only_on_loopback() {
        let loopback: SocketAddr = "127.0.0.1:8470".parse().unwrap();
        let origin = |host: &str| origin_without_public_url(loopback, Some(host), false);
        for host in [
            "localhost",
            "localhost:9000",
            "LOCALHOST:8470",
            "acme.localhost:80",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8470",
        ] {
            assert_eq!(origin(host), format!("http://{}", host.to_ascii_lowercase()));
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.example:8470",
            "localhost@evil.example",
            "localhost:80@evil.example",
            "localhost/evil.example",
            "127.0.0.1.evil.example",
            "[::2]",
            "10.0.0.1",
            "notlocalhost",
            ".localhost",
            "",
            " localhost",
            "evil.example#.localhost",
        ] {
            assert_eq!(origin(host), "http://127.0.0.1:8470", "{host}");
        }
        let everywhere: SocketAddr = "192.0.2.7:8470".parse().unwrap();
        assert_eq!(origin_without_public_url(everywhere, Some("localhost"), true), "https://192.0.2.7:8470");
        assert_eq!(origin_without_public_url(loopback, None, false), "http://127.0.0.1:8470");
    }

    #[test]
    fn an_origin_is_as_browsers_write_it() {
        let cases = [
            ("https://audit.example.com", "https://audit.example.com"),
            ("https://Audit.Example.com:443/", "https://audit.example.com"),
            ("http://localhost:8470", "http://localhost:8470"),
            ("http://[::1]:80/", "http://[::1]"),
        ];
        for (text, origin) in cases {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!(url.origin(), origin);
            assert_eq!(url.is_https(), origin.starts_with("https"));
        }
        let url: PublicUrl = "https://a.example/".parse().unwrap();
        assert_eq!(url.join("/v1/session"), "https://a.example/v1/session");
        let bad = ["", "a.example", "ftp://a.example", "https://", "https://a.example/log", "https://u@a.example"];
        for bad in bad.into_iter().chain(["https://a.example/?x", "/x", "https://a.example/#x"]) {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
