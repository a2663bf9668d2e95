//! Which addresses of the network may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

/// The addresses beside the public ones that one authority may have: none, unless the configuration says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateAddresses(Arc<[IpNet]>);

impl FromIterator<IpNet> for PrivateAddresses {
    fn from_iter<I: IntoIterator<Item = IpNet>>(ranges: I) -> Self {
        Self(ranges.into_iter().collect())
    }
}

impl PrivateAddresses {
    /// Whether `address` may be connected to: it is public, or in one of the ranges. An IPv4 address mapped into IPv6 counts
    /// as IPv4.
    pub(super) fn permit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|range| range.contains(&address))
    }
}

/// Whether `address` is of the public internet: globally reachable unicast, by IANA's registries of special-purpose addresses
/// (RFC 6890, as of November 2026). What translates to IPv4 is judged by the IPv4 address within.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]          // "this network", private, loopback
        | [100, 64..=127, ..]       // shared by carriers (RFC 6598)
        | [169, 254, ..]            // link-local, and the metadata services of clouds
        | [172, 16..=31, ..]        // private
        | [192, 0, 0 | 2, _]        // IETF protocols, documentation
        | [192, 88, 99, _]          // relays from 6to4
        | [192, 168, ..]            // private
        | [198, 18 | 19, ..]        // benchmarks
        | [198, 51, 100, _]         // documentation
        | [203, 0, 113, _]          // documentation
        | [224..=255, ..] // multicast, reserved, broadcast
    )
}

/// Only 2000::/3 is given out as global unicast; what is left out of it here is documentation, tunnels and protocols.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // The well-known prefix of NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        [0x2001, 0..=0x1ff, ..] => false,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [0x2002, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(ranges: &[&str], address: &str) -> bool {
        ranges.iter().map(|range| range.parse().unwrap()).collect::<PrivateAddresses>().permit(address.parse().unwrap())
    }

    /// F34.
    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.9.9",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits(&[], address), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_permitted() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
        ] {
            assert!(permits(&[], address), "{address}");
        }
    }

    #[test]
    fn a_range_permits_what_is_in_it_and_nothing_beside_it() {
        let ranges = ["10.1.0.0/16", "127.0.0.1/32", "fd00::/8"];
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "fd12::1", "8.8.8.8"] {
            assert!(permits(&ranges, address), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2", "::1", "fe80::1", "169.254.169.254"] {
            assert!(!permits(&ranges, address), "{address}");
        }
    }
}
