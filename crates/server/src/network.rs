//! Networks that an address may be in, as people write them: one address, or a prefix in CIDR notation (RFC 4632, section 3.1).
//! An IPv4 address that is written or comes as an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address.

use std::net::IpAddr;

use ipnet::IpNet;

/// Bits of the prefix under which IPv6 holds IPv4 addresses.
const MAPPED_PREFIX_BITS: u8 = 96;

/// Reads an address or a network.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn parse(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| "must be an address (192.0.2.7) or a network (192.0.2.0/24, 2001:db8::/32)".to_owned())?;
    if network.trunc() != network {
        return Err(format!("has an address with bits beyond its prefix; the network is {}", network.trunc()));
    }
    Ok(canonical(network))
}

/// Whether an address is in one of the networks.
pub fn any_contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// A network as it is shown: without `/32` or `/128` where it is one address.
pub fn shown(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
}

fn canonical(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED_PREFIX_BITS)) {
        (address @ IpAddr::V4(_), Some(bits)) if network.addr().is_ipv6() => {
            IpNet::new(address, bits).unwrap_or(network)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read_and_shown() {
        let cases = [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told() {
        for text in ["", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "example.com", "192.0.2.0/24 "] {
            assert!(parse(text).unwrap_err().contains("192.0.2.0/24"), "{text}");
        }
        assert!(parse("192.0.2.7/24").unwrap_err().ends_with("the network is 192.0.2.0/24"));
    }

    #[test]
    fn an_address_is_in_a_network_however_it_comes() {
        let networks = [parse("192.0.2.0/24").unwrap(), parse("2001:db8::/32").unwrap()];
        for (address, inside) in [
            ("192.0.2.255", true),
            ("::ffff:192.0.2.1", true),
            ("2001:db8:ffff::1", true),
            ("192.0.3.0", false),
            ("2001:db9::1", false),
        ] {
            assert_eq!(any_contains(&networks, address.parse().unwrap()), inside, "{address}");
        }
    }
}
