//! Where the operator's mail server is and how it is spoken to, as a URL says it.

use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// How the connection is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after `STARTTLS` (RFC 3207); nothing is sent without it.
    StartTls,
    /// Not at all: it does not leave this machine.
    None,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who this service is there; nobody in particular, if none is named.
    pub user: Option<String>,
    /// How the connection is kept from others.
    pub security: Security,
}

impl FromStr for MailServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            "must be smtps://[user@]host[:port], with TLS from the start, or smtp://[user@]host[:port], with STARTTLS"
                .to_owned()
        };
        let url: Url = text.parse().map_err(|_| refused())?;
        let (security, port) = match url.scheme() {
            "smtps" => (Security::Tls, 465),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(refused()),
        };
        if url.password().is_some() {
            return Err(
                "the password comes from a file or the environment: everybody sees the list of processes".into()
            );
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refused());
        }
        let host = match url.host().ok_or_else(refused)? {
            Host::Domain(domain) => domain.to_ascii_lowercase(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let security = if local && security == Security::StartTls { Security::None } else { security };
        let user = Some(url.username()).filter(|user| !user.is_empty());
        let user = user.map(|user| percent_decode_str(user).decode_utf8().map(|user| user.into_owned()));
        let user = user.transpose().map_err(|_| refused())?;
        Ok(Self { host, port: url.port().unwrap_or(port), user, security })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_the_server_is_and_how_it_is_spoken_to() {
        let server = |text: &str| {
            let server: MailServer = text.parse().unwrap();
            (server.host, server.port, server.user, server.security)
        };
        let of = |host: &str, port, security| (host.to_owned(), port, None, security);
        assert_eq!(server("smtps://Mail.example.com"), of("mail.example.com", 465, Security::Tls));
        assert_eq!(server("smtp://mail.example.com"), of("mail.example.com", 587, Security::StartTls));
        assert_eq!(server("smtp://mail.example.com:25/"), of("mail.example.com", 25, Security::StartTls));
        assert_eq!(server("smtp://localhost:25"), of("localhost", 25, Security::None));
        assert_eq!(server("smtp://[::1]:25"), of("::1", 25, Security::None));
        assert_eq!(server("smtps://127.0.0.1"), of("127.0.0.1", 465, Security::Tls));
        let (.., user, _) = server("smtps://ada%40example.com@mail.example.com");
        assert_eq!(user.as_deref(), Some("ada@example.com"));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "mail.example.com",
            "mail.example.com:25",
            "https://mail.example.com",
            "smtp://",
            "smtps://mail.example.com/x",
            "smtp://mail.example.com?tls=none",
            "smtp://%ff@mail.example.com",
        ] {
            assert!(bad.parse::<MailServer>().is_err(), "{bad}");
        }
        let told = "smtps://ada:hunter2@mail.example.com".parse::<MailServer>().unwrap_err();
        assert!(told.contains("file") && !told.contains("hunter2"), "{told}");
    }
}
