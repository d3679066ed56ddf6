//! The address under which people reach the service, when it is another than the one it listens on.

use std::str::FromStr;

use axum::http::Uri;

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
