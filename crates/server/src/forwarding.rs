//! Where a request comes from when proxies stand in between: the client's address, and whether it came over TLS.
//!
//! Headers say anything a client wants, so they are believed only when the connection comes from a configured proxy, only
//! as far as proxies have added to them, and only the one header that these proxies are said to write: what they leave
//! alone came from the client. This file reads headers and addresses and knows nothing else of a request.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use crate::limits;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The header in which proxies say whom they speak for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`, what most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl FromStr for ProxyHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("must be x-forwarded-for or forwarded".into()),
        }
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Their networks; empty when clients connect without any.
    pub networks: Vec<IpNet>,
    /// The header that they write.
    pub header: ProxyHeader,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The address; none if the connection has none.
    pub ip: Option<IpAddr>,
    /// Whether it came over TLS, as far as a proxy says so.
    pub tls: bool,
}

impl TrustedProxies {
    /// Who sent a request that came over a connection from `peer`: the right-most address that is none of the proxies'.
    /// Where what should be an address is none, it is the peer.
    pub fn sender(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Sender {
        let Some(proxy) = peer.map(|peer| peer.to_canonical()).filter(|peer| self.trusts(*peer)) else {
            return Sender { ip: peer, tls: false };
        };
        let (hops, tls) = match self.header {
            ProxyHeader::XForwardedFor => {
                let hops = values(headers, &X_FORWARDED_FOR).map(|lines| {
                    let texts = lines.iter().flat_map(|line| line.split(','));
                    texts.map(|text| address(text.trim())).collect()
                });
                // The last proxy's word, if there are several.
                let proto = values(headers, &X_FORWARDED_PROTO).and_then(|lines| lines.last().copied());
                let proto = proto.and_then(|line| line.rsplit(',').next());
                (hops, proto.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https")))
            }
            ProxyHeader::Forwarded => {
                let elements: Option<Vec<_>> = values(headers, &header::FORWARDED)
                    .map(|lines| lines.iter().flat_map(|line| forwarded_elements(line)).collect());
                let tls = elements.as_ref().and_then(|elements| elements.last()).is_some_and(|last| last.tls);
                (elements.map(|elements| elements.iter().map(|element| element.address).collect()), tls)
            }
        };
        let ip = hops.map_or(proxy, |hops: Vec<Option<IpAddr>>| self.client(proxy, &hops));
        Sender { ip: Some(ip), tls }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn client(&self, proxy: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        if hops.len() > limits::PROXY_HOPS_MAX {
            return proxy;
        }
        let mut farthest = proxy;
        for hop in hops.iter().rev() {
            let Some(address) = *hop else { return proxy };
            farthest = address;
            if !self.trusts(address) {
                break;
            }
        }
        farthest
    }
}

/// All lines of a header, if there is one and all of it is text.
fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Vec<&'h str>> {
    let lines: Option<Vec<_>> = headers.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    lines.filter(|lines| !lines.is_empty())
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let plain = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    plain.or_else(bracketed).or_else(with_port).map(|address| address.to_canonical())
}

/// One element of a `Forwarded` header: what one proxy has added.
struct Element {
    address: Option<IpAddr>,
    tls: bool,
}

/// The elements of a line: `for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"`.
fn forwarded_elements(line: &str) -> Vec<Element> {
    split_outside_quotes(line, ',').into_iter().map(forwarded_element).collect()
}

fn forwarded_element(text: &str) -> Element {
    let mut element = Element { address: None, tls: false };
    for pair in split_outside_quotes(text, ';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => element.address = address(value),
            "proto" => element.tls = value.eq_ignore_ascii_case("https"),
            _ => {}
        }
    }
    element
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return character == separator && !quoted,
        }
        false
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";
    const CLIENT: &str = "198.51.100.7";

    fn trusted(header: ProxyHeader) -> TrustedProxies {
        TrustedProxies { networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()], header }
    }

    fn seen(header: ProxyHeader, peer: &str, lines: &[(&'static str, &str)]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let sender = trusted(header).sender(Some(peer.parse().unwrap()), &headers);
        (sender.ip.unwrap().to_string(), sender.tls)
    }

    #[test]
    fn nobody_else_is_believed() {
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            let lines = [
                ("x-forwarded-for", "192.0.2.1"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "for=192.0.2.1;proto=https"),
            ];
            assert_eq!(seen(header, CLIENT, &lines), (CLIENT.into(), false));
        }
        let none = TrustedProxies::default();
        let headers = [("x-forwarded-for", "192.0.2.1")];
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        assert_eq!(none.sender(Some(CLIENT.parse().unwrap()), &headers).ip, Some(CLIENT.parse().unwrap()));
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_is_the_client() {
        let cases: [(&[&str], &str); 7] = [
            (&[CLIENT], CLIENT),
            (&["192.0.2.1, 198.51.100.7"], CLIENT),
            (&["192.0.2.1, 198.51.100.7, 10.0.0.2"], CLIENT),
            (&["192.0.2.1", "198.51.100.7", "10.0.0.2, fd00::3"], CLIENT),
            (&["10.9.9.9, 198.51.100.7"], CLIENT),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&[], PROXY),
        ];
        for (lines, expected) in cases {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(seen(ProxyHeader::XForwardedFor, PROXY, &lines).0, expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_address_leaves_the_peer() {
        let many = ["198.51.100.7"; limits::PROXY_HOPS_MAX + 1].join(",");
        for bad in ["unknown", "", ",", "198.51.100.7,", "198.51.100.7, x, 10.0.0.2", "::1::", "1.2.3", &many] {
            assert_eq!(seen(ProxyHeader::XForwardedFor, PROXY, &[("x-forwarded-for", bad)]).0, PROXY, "{bad}");
        }
        for bad in ["for=unknown", "for=_secret", "for", "by=10.0.0.1", "for=\"198.51.100.7"] {
            assert_eq!(seen(ProxyHeader::Forwarded, PROXY, &[("forwarded", bad)]).0, PROXY, "{bad}");
        }
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let cases = [
            ("198.51.100.7:4711", CLIENT),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:80", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.7", CLIENT),
        ];
        for (text, expected) in cases {
            let lines = [("x-forwarded-for", text)];
            assert_eq!(seen(ProxyHeader::XForwardedFor, "::ffff:10.0.0.1", &lines).0, expected);
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_the_clients_and_not_believed() {
        let lines = [("x-forwarded-for", CLIENT), ("forwarded", "for=192.0.2.1;proto=https")];
        assert_eq!(seen(ProxyHeader::XForwardedFor, PROXY, &lines), (CLIENT.into(), false));
        let lines =
            [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=198.51.100.7")];
        assert_eq!(seen(ProxyHeader::Forwarded, PROXY, &lines), (CLIENT.into(), false));
    }

    #[test]
    fn forwarded_is_read_by_its_grammar() {
        let cases = [
            ("for=198.51.100.7;proto=https", (CLIENT, true)),
            ("For=192.0.2.1;proto=https, FOR=\"198.51.100.7:80\" ; Proto=http", (CLIENT, false)),
            ("for=\"[2001:db8::7]:4711\";host=\"a,b;c\";proto=https", ("2001:db8::7", true)),
            ("for=192.0.2.1, for=198.51.100.7, for=10.0.0.2;proto=https", (CLIENT, true)),
        ];
        for (line, (expected, tls)) in cases {
            assert_eq!(seen(ProxyHeader::Forwarded, PROXY, &[("forwarded", line)]), (expected.into(), tls), "{line}");
        }
    }

    #[test]
    fn the_last_proxys_word_says_whether_it_was_tls() {
        let cases = [("https", true), ("HTTPS", true), ("http", false), ("https, http", false), ("http,https", true)];
        for (proto, tls) in cases {
            let lines = [("x-forwarded-for", CLIENT), ("x-forwarded-proto", proto)];
            assert_eq!(seen(ProxyHeader::XForwardedFor, PROXY, &lines).1, tls, "{proto}");
        }
    }
}
