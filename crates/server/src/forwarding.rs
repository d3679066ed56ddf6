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
    /// Nobody's, if that is no address. What stands further left came from the client and is not even looked at: nothing that it
    /// writes there changes how the proxies' own words are read.
    pub fn sender(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Sender {
        let Some(proxy) = peer.map(|peer| peer.to_canonical()).filter(|peer| self.trusts(*peer)) else {
            return Sender { ip: peer, tls: false };
        };
        match self.header {
            ProxyHeader::XForwardedFor => {
                let hops = from_the_right(headers, &X_FORWARDED_FOR).map(|text| text.and_then(address));
                // The last proxy's word, if there are several.
                let proto = from_the_right(headers, &X_FORWARDED_PROTO).next().flatten();
                let tls = proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
                Sender { ip: self.client(proxy, hops), tls }
            }
            ProxyHeader::Forwarded => {
                let elements = || from_the_right(headers, &header::FORWARDED).map(|text| text.map(forwarded_element));
                let tls = elements().next().flatten().is_some_and(|last| last.tls);
                let hops = elements().map(|element| element.and_then(|element| element.address));
                Sender { ip: self.client(proxy, hops), tls }
            }
        }
    }

    /// The header by which a request that came over a connection from `peer` says whom it was forwarded for, if nobody believes it.
    pub fn ignored(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<&'static str> {
        if peer.is_some_and(|peer| self.trusts(peer.to_canonical())) {
            return None;
        }
        let sent = [(&X_FORWARDED_FOR, "X-Forwarded-For"), (&header::FORWARDED, "Forwarded")];
        sent.into_iter().find(|(name, _)| headers.contains_key(*name)).map(|(_, name)| name)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The first of the hops that is no proxy; the farthest proxy, if there is none or there are too many.
    fn client(&self, proxy: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut farthest = proxy;
        for hop in hops.take(limits::PROXY_HOPS_MAX) {
            farthest = hop?;
            if !self.trusts(farthest) {
                break;
            }
        }
        Some(farthest)
    }
}

/// The elements of a header, the last one first, each `None` if it is no text. A comma parts them where an even number of quotes
/// follows it: an element that a proxy has added is whole, and a quote that was left open before it does not reach into it.
fn from_the_right<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'h str>> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes()).collect();
    lines
        .into_iter()
        .rev()
        .flat_map(ElementsFromTheRight::of)
        .map(|bytes| std::str::from_utf8(bytes).ok().map(str::trim))
}

/// The elements of a line, the last one first.
struct ElementsFromTheRight<'l> {
    rest: Option<&'l [u8]>,
}

impl<'l> ElementsFromTheRight<'l> {
    fn of(line: &'l [u8]) -> Self {
        Self { rest: Some(line) }
    }
}

impl<'l> Iterator for ElementsFromTheRight<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<&'l [u8]> {
        let line = self.rest.take()?;
        let mut quoted = false;
        for (at, byte) in line.iter().enumerate().rev() {
            match byte {
                b'"' => {
                    let escapes = line[..at].iter().rev().take_while(|before| **before == b'\\').count();
                    quoted ^= escapes.is_multiple_of(2);
                }
                b',' if !quoted => {
                    self.rest = Some(&line[..at]);
                    return Some(&line[at + 1..]);
                }
                _ => {}
            }
        }
        Some(line)
    }
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

/// An element: `for=192.0.2.60;proto=https`, `for="[2001:db8::1]:4711"`.
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
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        seen_of_bytes(header, peer, &lines)
    }

    fn seen_of_bytes(header: ProxyHeader, peer: &str, lines: &[(&'static str, &[u8])]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, axum::http::HeaderValue::from_bytes(value).unwrap());
        }
        let sender = trusted(header).sender(Some(peer.parse().unwrap()), &headers);
        (sender.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string()), sender.tls)
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
    fn what_nobody_believes_is_told_by_name() {
        let trusted = trusted(ProxyHeader::XForwardedFor);
        let ignored = |trusted: &TrustedProxies, peer: &str, lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            trusted.ignored(Some(peer.parse().unwrap()), &headers)
        };
        let sent = [("x-forwarded-for", "192.0.2.1")];
        assert_eq!(ignored(&trusted, PROXY, &sent), None);
        assert_eq!(ignored(&trusted, "::ffff:10.0.0.1", &sent), None);
        assert_eq!(ignored(&trusted, CLIENT, &sent), Some("X-Forwarded-For"));
        assert_eq!(ignored(&TrustedProxies::default(), PROXY, &[("forwarded", "for=192.0.2.1")]), Some("Forwarded"));
        assert_eq!(ignored(&trusted, CLIENT, &[]), None);
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
    fn what_is_no_address_is_nobodys() {
        for bad in ["unknown", "", ",", "198.51.100.7,", "198.51.100.7, x, 10.0.0.2", "::1::", "1.2.3"] {
            assert_eq!(seen(ProxyHeader::XForwardedFor, PROXY, &[("x-forwarded-for", bad)]).0, "unknown", "{bad}");
        }
        for bad in ["for=unknown", "for=_secret", "for", "by=10.0.0.1", "for=\"198.51.100.7"] {
            assert_eq!(seen(ProxyHeader::Forwarded, PROXY, &[("forwarded", bad)]).0, "unknown", "{bad}");
        }
        let proxies = ["10.0.0.7"; limits::PROXY_HOPS_MAX + 1].join(",");
        assert_eq!(seen(ProxyHeader::XForwardedFor, PROXY, &[("x-forwarded-for", &proxies)]).0, "10.0.0.7");
    }

    /// Whatever the client put in front: the proxy's own element comes last and is read alone.
    #[test]
    fn nothing_that_a_client_writes_hides_it() {
        let many = format!("{}, ", ["192.0.2.66"; limits::PROXY_HOPS_MAX + 1].join(","));
        for front in ["\u{ff}, ", "x, ", "\", ", "10.0.0.9, \"x, ", "\\, ", &many] {
            // As bytes: a header may hold what is no UTF-8.
            let line: Vec<u8> = front.chars().map(|c| c as u8).chain(CLIENT.bytes()).collect();
            let seen = seen_of_bytes(ProxyHeader::XForwardedFor, PROXY, &[("x-forwarded-for", &line)]);
            assert_eq!(seen.0, CLIENT, "{front:?}");
            let lines: [(&str, &[u8]); 2] =
                [("x-forwarded-for", &line[..line.len() - CLIENT.len()]), ("x-forwarded-for", CLIENT.as_bytes())];
            assert_eq!(
                seen_of_bytes(ProxyHeader::XForwardedFor, PROXY, &lines).0,
                CLIENT,
                "{front:?} on a line of its own"
            );
        }
        for front in ["for=192.0.2.66;x=\"", "for=\"x", "for=192.0.2.66;x=\"\\", "\u{ff}", "for=192.0.2.66", "x=\"a,b"]
        {
            for added in [
                "for=198.51.100.7;proto=https",
                "for=\"198.51.100.7:80\";proto=https",
                "for=198.51.100.7;host=\"a\\\"b,c\";proto=https",
            ] {
                let line: Vec<u8> = format!("{front}, {added}").chars().map(|c| c as u8).collect();
                let seen = seen_of_bytes(ProxyHeader::Forwarded, PROXY, &[("forwarded", &line)]);
                assert_eq!(seen, (CLIENT.to_owned(), true), "{front:?}, {added:?}");
            }
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
