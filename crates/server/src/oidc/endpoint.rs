//! Which URLs of an identity provider may be asked or sent to a browser, and how their queries are written. Pure.
//!
//! What is allowed of the *addresses* behind a host is decided where they are resolved (`fetch`), not here.

use axum::http::Uri;
use axum::http::uri::Scheme;

use crate::limits;

/// What the operator allows of the URLs and addresses of identity providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether addresses of private and local networks may be asked.
    pub private_networks: bool,
    /// Whether a provider on this machine (`localhost`, `127.0.0.0/8`, `::1`) may speak plain HTTP. For development.
    pub http_on_loopback: bool,
}

/// Checks an issuer (OpenID Connect Discovery 1.0, section 3): an absolute URL without query and fragment.
///
/// # Errors
/// What is wrong, as a sentence's end.
pub fn check_issuer(text: &str, reach: Reach) -> Result<(), &'static str> {
    if text.contains('?') {
        return Err("must have no query");
    }
    check(text, reach)
}

/// Checks the URL of an endpoint.
///
/// # Errors
/// What is wrong, as a sentence's end.
pub fn check(text: &str, reach: Reach) -> Result<(), &'static str> {
    if text.len() > limits::PROVIDER_URL_BYTES_MAX {
        return Err("is too long");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) {
        return Err("must be of visible ASCII; other characters are percent-encoded");
    }
    if text.contains('#') {
        return Err("must have no fragment");
    }
    let uri: Uri = text.parse().map_err(|_| "is no URL")?;
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err("must be an absolute URL");
    };
    if authority.as_str().contains('@') {
        return Err("must hold no user name or password");
    }
    if authority.host().is_empty() {
        return Err("names no host");
    }
    if *scheme == Scheme::HTTPS || (*scheme == Scheme::HTTP && reach.http_on_loopback && is_loopback(authority.host()))
    {
        return Ok(());
    }
    Err("must begin with https://")
}

/// Whether a host names this machine by itself, without asking a name service.
fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || literal.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Where the metadata of an issuer lie (OpenID Connect Discovery 1.0, section 4.1).
pub fn discovery(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// A URL with parameters added to its query.
pub fn with_query(url: &str, parameters: &[(&str, &str)]) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", form(parameters))
}

/// Names and values as `application/x-www-form-urlencoded`.
pub fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

/// Percent-encodes everything but unreserved characters (RFC 3986, section 2.3).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Whether a text is a path of this service that a browser may be sent to: it cannot lead to another host.
pub fn is_local_path(text: &str) -> bool {
    text.len() <= limits::RETURN_PATH_BYTES_MAX
        && text.starts_with('/')
        && !text[1..].starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Reach = Reach { private_networks: false, http_on_loopback: false };
    const DEVELOPMENT: Reach = Reach { private_networks: false, http_on_loopback: true };

    #[test]
    fn issuers_are_https_urls() {
        for good in ["https://id.example.com", "https://id.example.com/", "https://id.example.com:8443/realms/a"] {
            assert_eq!(check_issuer(good, STRICT), Ok(()), "{good}");
        }
        for bad in [
            "",
            "id.example.com",
            "/realms/a",
            "http://id.example.com",
            "ftp://id.example.com",
            "https://",
            "https:///a",
            "https://user@id.example.com",
            "https://user:pw@id.example.com",
            "https://id.example.com/?a=b",
            "https://id.example.com/#a",
            "https://id.example.com/a b",
            "https://id.exämple.com",
            "javascript:alert(1)",
            "https://id.example.com\\@evil.example",
            "https://id.example.com/\n",
            "http://127.0.0.1:80",
        ] {
            assert!(check_issuer(bad, STRICT).is_err(), "{bad}");
        }
        assert!(check_issuer(&format!("https://{}", "a".repeat(2000)), STRICT).is_err());
    }

    #[test]
    fn plain_http_is_for_this_machine_and_only_where_allowed() {
        for good in ["http://127.0.0.1:4000", "http://localhost:4000/a", "http://[::1]:4000", "http://127.9.9.9"] {
            assert_eq!(check_issuer(good, DEVELOPMENT), Ok(()), "{good}");
            assert!(check_issuer(good, STRICT).is_err(), "{good}");
        }
        for bad in ["http://localhost.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://[::2]"] {
            assert!(check_issuer(bad, DEVELOPMENT).is_err(), "{bad}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        let url = with_query("https://a/b", &[("redirect_uri", "https://x/y?z=1&w"), ("scope", "openid e-mail")]);
        assert_eq!(url, "https://a/b?redirect_uri=https%3A%2F%2Fx%2Fy%3Fz%3D1%26w&scope=openid%20e-mail");
        assert_eq!(with_query("https://a/b?c=d", &[("e", "ü")]), "https://a/b?c=d&e=%C3%BC");
        assert_eq!(discovery("https://a/"), "https://a/.well-known/openid-configuration");
        assert_eq!(discovery("https://a/b"), "https://a/b/.well-known/openid-configuration");
    }

    #[test]
    fn browsers_are_sent_back_to_this_service_only() {
        for good in ["/", "/events?q=a%20b", "/a//b"] {
            assert!(is_local_path(good), "{good}");
        }
        for bad in ["", "a", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "/ä", "/a b"] {
            assert!(!is_local_path(bad), "{bad}");
        }
        assert!(!is_local_path(&format!("/{}", "a".repeat(3000))));
    }
}
